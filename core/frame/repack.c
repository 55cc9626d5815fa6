/*
 * repack: a frame's bytes out of its HEAD and its content.
 *
 * Invariant: hash and signature stay as they are, for neither covers how the content is compressed.
 */
#include "dogwatch/frame/frame.h"

#include "dogwatch/base/error.h"
#include "dogwatch/frame/pack.h"

int dw_frame_write(struct ZSTD_CCtx_s *zstd, const struct dw_head *head, const struct dw_sections *s, struct dw_buf *out)
{
    struct dw_head h = *head;
    struct dw_buf packed = {0};
    int rc = DW_OK;
    h.text_packed = h.views_packed = 0;
    if (s->text.len)
        rc = dw_pack_add(zstd, s->text, &packed);
    size_t text = packed.len;
    if (rc == DW_OK && s->views.len)
        rc = dw_pack_add(zstd, s->views, &packed);
    if (rc == DW_OK && packed.len > DW_FRAME_READ_MAX - DW_HEAD_BYTES - DW_SIGNATURE_BYTES - 16)
        rc = DW_ELIMIT;
    if (rc == DW_OK) {
        h.text_packed = (uint32_t)text;
        h.views_packed = (uint32_t)(packed.len - text);
        dw_head_write(&h, out);
        dw_buf_str(out, dw_str_slice(dw_buf_view(&packed), 0, text));
        if (s->views.len) {
            dw_buf_u32(out, h.kind == DW_FRAME_RECORD ? DW_MAGIC_RECORD : DW_MAGIC_VIEWS);
            dw_buf_u32(out, h.views_packed);
            dw_buf_str(out, dw_str_slice(dw_buf_view(&packed), text, packed.len));
        }
        rc = out->err;
    }
    dw_buf_fini(&packed);
    return rc;
}
