/*
 * head: the plain part of a frame, 232 bytes and perhaps a signature.
 *
 * Invariants:
 *   (1) dw_head_write and dw_head_read are inverse.
 *   (2) dw_head_read accepts no size over the bounds of docs/formats/frame.md, so a hostile HEAD cannot make its
 *       reader allocate or skip more than DW_FRAME_READ_MAX.
 */
#include "dogwatch/frame/frame.h"

#include "dogwatch/base/error.h"
#include "dogwatch/base/mem.h"

enum { SKIPPABLE = 8, CANONICAL_FROM = 4, CANONICAL_TO = 96, VERSION = 1 };

static void put_canonical(const struct dw_head *h, uint16_t flags, struct dw_buf *out)
{
    dw_buf_byte(out, VERSION);
    dw_buf_byte(out, h->kind);
    dw_buf_u16(out, flags);
    dw_buf_add(out, h->agent, sizeof h->agent);
    dw_buf_u64(out, h->epoch.counter);
    dw_buf_add(out, h->epoch.nonce, sizeof h->epoch.nonce);
    dw_buf_u64(out, h->number);
    dw_buf_u64(out, (uint64_t)h->low_water_ns);
    dw_buf_u64(out, (uint64_t)h->time_min_ns);
    dw_buf_u64(out, (uint64_t)h->time_max_ns);
    dw_buf_u32(out, h->event_count);
    dw_buf_u32(out, h->text_size);
    dw_buf_u32(out, h->views_size);
    dw_buf_u32(out, 0);
}

void dw_head_write(const struct dw_head *h, struct dw_buf *out)
{
    bool is_signed = h->flags & DW_HEAD_SIGNED;
    dw_buf_u32(out, DW_MAGIC_HEAD);
    dw_buf_u32(out, DW_HEAD_BYTES + (is_signed ? DW_SIGNATURE_BYTES : 0));
    dw_buf_add(out, "dwF1", 4);
    put_canonical(h, h->flags, out);
    dw_buf_add(out, h->previous, sizeof h->previous);
    dw_buf_add(out, h->root_text, sizeof h->root_text);
    dw_buf_add(out, h->root_views, sizeof h->root_views);
    dw_buf_add(out, h->hash, sizeof h->hash);
    dw_buf_u32(out, h->text_packed);
    dw_buf_u32(out, h->views_packed);
    if (is_signed)
        dw_buf_add(out, h->signature, sizeof h->signature);
}

void dw_head_hash(const struct dw_head *h, struct dw_sha256 *sha, uint8_t ret[DW_SHA256_BYTES])
{
    char bytes[CANONICAL_TO - CANONICAL_FROM];
    struct dw_buf canonical = {.ptr = bytes, .cap = sizeof bytes}; /* exactly filled: nothing is allocated or freed */
    put_canonical(h, (uint16_t)(h->flags & ~(DW_HEAD_SIGNED | DW_HEAD_TOMBSTONE)), &canonical);
    DW_ASSERT(canonical.err == DW_OK && canonical.len == CANONICAL_TO - CANONICAL_FROM);
    dw_sha256_start(sha);
    dw_sha256_add(sha, "dw1", 3);
    dw_sha256_add(sha, h->previous, sizeof h->previous);
    dw_sha256_add(sha, canonical.ptr, canonical.len);
    dw_sha256_add(sha, h->root_text, sizeof h->root_text);
    dw_sha256_add(sha, h->root_views, sizeof h->root_views);
    dw_sha256_end(sha, ret);
}

static int check_sizes(const struct dw_head *h)
{
    bool tombstone = h->flags & DW_HEAD_TOMBSTONE;
    if (h->flags & ~(DW_HEAD_SIGNED | DW_HEAD_TOMBSTONE))
        return DW_ECORRUPT;
    if (h->event_count > DW_FRAME_EVENTS_MAX || h->text_size > DW_FRAME_TEXT_MAX || h->views_size > DW_FRAME_VIEWS_MAX)
        return DW_ECORRUPT;
    if (h->text_packed > DW_FRAME_READ_MAX || h->views_packed > DW_FRAME_READ_MAX)
        return DW_ECORRUPT;
    if (tombstone ? h->text_packed || h->views_packed : !h->views_packed)
        return DW_ECORRUPT;
    if (h->kind == DW_FRAME_RECORD)
        return h->event_count || h->text_size || h->text_packed ? DW_ECORRUPT : DW_OK;
    if (h->kind != DW_FRAME_EVENTS)
        return DW_ECORRUPT;
    return h->event_count && h->text_size && (tombstone || h->text_packed) ? DW_OK : DW_ECORRUPT;
}

static void take_fields(struct dw_cursor *c, struct dw_head *h)
{
    dw_take_into(c, h->agent, sizeof h->agent);
    h->epoch.counter = dw_take_u64(c);
    dw_take_into(c, h->epoch.nonce, sizeof h->epoch.nonce);
    h->number = dw_take_u64(c);
    h->low_water_ns = (int64_t)dw_take_u64(c);
    h->time_min_ns = (int64_t)dw_take_u64(c);
    h->time_max_ns = (int64_t)dw_take_u64(c);
    h->event_count = dw_take_u32(c);
    h->text_size = dw_take_u32(c);
    h->views_size = dw_take_u32(c);
}

int dw_head_read(struct dw_str bytes, struct dw_head *ret_head, size_t *ret_len)
{
    struct dw_cursor c = dw_cursor_of(bytes);
    if (bytes.len < SKIPPABLE + DW_HEAD_BYTES)
        return DW_EAGAIN;
    uint32_t magic = dw_take_u32(&c), len = dw_take_u32(&c);
    struct dw_str name = dw_take_bytes(&c, 4);
    if (magic != DW_MAGIC_HEAD || !dw_str_eq(name, DW_STR("dwF1")))
        return DW_ESYNTAX;
    struct dw_head h = {0};
    uint8_t version = dw_take_byte(&c);
    if (version != VERSION)
        return version > VERSION ? DW_EVERSION : DW_ECORRUPT;
    h.kind = dw_take_byte(&c);
    h.flags = dw_take_u16(&c);
    uint32_t want = DW_HEAD_BYTES + (h.flags & DW_HEAD_SIGNED ? DW_SIGNATURE_BYTES : 0);
    if (len != want)
        return DW_ECORRUPT;
    if (bytes.len < SKIPPABLE + want)
        return DW_EAGAIN;
    take_fields(&c, &h);
    if (dw_take_u32(&c) != 0)
        return DW_ECORRUPT;
    dw_take_into(&c, h.previous, sizeof h.previous);
    dw_take_into(&c, h.root_text, sizeof h.root_text);
    dw_take_into(&c, h.root_views, sizeof h.root_views);
    dw_take_into(&c, h.hash, sizeof h.hash);
    h.text_packed = dw_take_u32(&c);
    h.views_packed = dw_take_u32(&c);
    if (h.flags & DW_HEAD_SIGNED)
        dw_take_into(&c, h.signature, sizeof h.signature);
    DW_ASSERT(!c.bad);
    int rc = check_sizes(&h);
    if (rc < 0)
        return rc;
    *ret_head = h;
    *ret_len = SKIPPABLE + want + h.text_packed + (h.views_packed ? SKIPPABLE + h.views_packed : 0);
    return DW_OK;
}

void dw_frame_free(struct dw_frame *f)
{
    if (!f)
        return;
    dw_buf_fini(&f->bytes);
    dw_free(f);
}
