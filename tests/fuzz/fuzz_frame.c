/* Fuzz: bytes as a frame, and bytes as the VIEWS of a good HEAD, which zstd and hashes keep a fuzzer from reaching. */
#include "frames.h"
#include "support.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { RENEW = 512 /* inputs: the key table only grows */, EVENTS = 10 };

static struct dw_head head;
static struct dw_buf text;
static volatile unsigned sink;

static void touch(struct dw_str s)
{
    for (size_t i = 0; i < s.len; i++)
        sink += (unsigned char)s.ptr[i];
}

/* Every view must lie within its line, and every byte must be there. */
static void walk(const struct dw_decoded *f)
{
    touch(f->record);
    for (uint32_t i = 0; i < f->event_count; i++) {
        const struct dw_event *ev = &f->event[i];
        touch(ev->line);
        DW_ASSERT(ev->end >= ev->start && ev->stream);
        for (uint32_t k = 0; k < ev->more_count; k++)
            DW_ASSERT(ev->more[k].stream && ev->more[k].end >= ev->more[k].start);
        for (uint32_t k = 0; k < ev->field_count; k++) {
            const struct dw_field *field = &ev->field[k];
            bool view = field->kind == DW_K_VIEW || field->kind == DW_K_NUMBER;
            if (dw_field_is_text(field))
                touch(dw_field_str(field));
            DW_ASSERT(!view || (field->v.ptr >= ev->line.ptr && field->v.ptr + field->len <= ev->line.ptr + ev->line.len));
        }
        for (uint32_t k = 0; k < ev->stream->field_count; k++)
            touch(dw_field_str(&ev->stream->field[k]));
    }
}

static void make_head(void)
{
    struct frames t;
    struct dw_decoded got;
    frames_init(&t);
    frames_fill(&t, EVENTS);
    struct dw_frame *f = frames_encode(&t, true);
    struct dw_decoder *d = dw_decoder_new(t.keys);
    int rc = dw_decode(d, dw_buf_view(&f->bytes), &got);
    DW_ASSERT(rc == DW_OK);
    head = got.head;
    dw_buf_str(&text, got.sections.text);
    dw_decoder_free(d);
    dw_frame_free(f);
    frames_fini(&t);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct dw_keys *keys;
    static struct dw_decoder *d;
    static unsigned uses;
    struct dw_str bytes = dw_str_make((const char *)data, size);
    struct dw_decoded got;
    if (text.len == 0)
        make_head();
    if (uses++ % RENEW == 0) {
        dw_decoder_free(d);
        dw_keys_free(keys);
        keys = dw_keys_new();
        d = dw_decoder_new(keys);
    }
    if (dw_decode(d, bytes, &got) == DW_OK) {
        walk(&got);
        int rc = dw_decoded_check(d, &got);
        sink += (unsigned)rc;
    }
    struct dw_sections sections = {.text = dw_buf_view(&text), .views = bytes};
    if (dw_decode_sections(d, &head, &sections, &got) == DW_OK) {
        walk(&got);
        int rc = dw_decoded_check(d, &got);
        DW_ASSERT(rc == DW_OK || rc == DW_ECORRUPT);
    }
    return 0;
}
