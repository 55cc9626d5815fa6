/*
 * plain: a frame's bytes out of its HEAD and its content, without compressing.
 *
 * Idea: zstd's format has blocks that are stored as they are. A frame of such is read by whatever reads frames, and every byte of it follows from
 * HEAD and content, so two writers of one frame write the same.
 *
 * Invariant: hash and signature stay as they are, for neither covers how the content is packed.
 */
#include "dogwatch/frame/frame.h"

#include "dogwatch/base/error.h"

#define ZSTD_MAGIC UINT32_C(0xFD2FB528)
enum { SINGLE_SEGMENT = 0x20, BLOCK_MAX = 128 * 1024, LAST = 1, BYTE_SIZES = 256, SHORT_SIZES = 65536 + 256 };

/* One zstd frame: header with the size of the content, blocks of type 0 (raw). */
static void put_raw(struct dw_str s, struct dw_buf *out)
{
    dw_buf_u32(out, ZSTD_MAGIC);
    if (s.len < BYTE_SIZES) {
        dw_buf_byte(out, SINGLE_SEGMENT);
        dw_buf_byte(out, (uint8_t)s.len);
    } else if (s.len < SHORT_SIZES) {
        dw_buf_byte(out, SINGLE_SEGMENT | 1 << 6);
        dw_buf_u16(out, (uint16_t)(s.len - BYTE_SIZES));
    } else {
        dw_buf_byte(out, SINGLE_SEGMENT | 2 << 6);
        dw_buf_u32(out, (uint32_t)s.len);
    }
    while (s.len) {
        struct dw_str block = dw_str_slice(s, 0, BLOCK_MAX);
        uint32_t head = (uint32_t)block.len << 3 | (block.len == s.len ? LAST : 0);
        dw_buf_byte(out, (uint8_t)head);
        dw_buf_u16(out, (uint16_t)(head >> 8));
        dw_buf_str(out, block);
        s = dw_str_slice(s, block.len, s.len);
    }
}

int dw_frame_write_plain(const struct dw_head *head, const struct dw_sections *s, struct dw_buf *out)
{
    struct dw_head h = *head;
    struct dw_buf text = {0}, views = {0};
    if (s->text.len)
        put_raw(s->text, &text);
    if (s->views.len)
        put_raw(s->views, &views);
    int rc = text.err ? text.err : views.err ? views.err : text.len > DW_FRAME_READ_MAX || views.len > DW_FRAME_READ_MAX ? DW_ELIMIT : DW_OK;
    if (rc == DW_OK) {
        h.text_packed = (uint32_t)text.len;
        h.views_packed = (uint32_t)views.len;
        dw_head_write(&h, out);
        dw_buf_str(out, dw_buf_view(&text));
        if (views.len) {
            dw_buf_u32(out, h.kind == DW_FRAME_RECORD ? DW_MAGIC_RECORD : DW_MAGIC_VIEWS);
            dw_buf_u32(out, h.views_packed);
            dw_buf_str(out, dw_buf_view(&views));
        }
        rc = out->err;
    }
    dw_buf_fini(&text);
    dw_buf_fini(&views);
    return rc;
}
