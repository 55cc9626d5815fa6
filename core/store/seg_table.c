/*
 * seg_table: HEADs and intake of a sealed segment as one table of differences.
 *
 * Idea: what can be computed from the content (roots, hash) or from the neighbour (previous, number) is left out, so that
 * a host that writes a frame for every line costs a few bytes a frame.
 *
 * Invariant: dw__table_read(dw__table_write(t)) gives the same rows, but that previous and hash are only
 * there where a flag says so.
 */
#include "segment_int.h"

#include "dogwatch/base/error.h"
#include "dogwatch/base/mem.h"

enum { F_SIGNED = 4, F_PREVIOUS = 8, F_HASH = 16, F_MARKS = 32, F_TOMBSTONE = 64 };
enum { VERSION = 1, FRAMES_MAX = 8 * 1024 * 1024, BLOCKS_MAX = 1024 * 1024, CHAINS_MAX = 1024 * 1024, CHAIN_BYTES = 40 };

/* The running values that a frame's numbers are differences to. */
struct base {
    uint64_t number, intake, source, offset;
    int64_t low_water, arrival;
};

static struct base base_of(const struct dw__row *r)
{
    return (struct base){
        .number = r->head.number + 1,
        .intake = r->intake.number + 1,
        .source = r->intake.source,
        .offset = r->intake.next,
        .low_water = r->head.low_water_ns,
        .arrival = r->intake.arrival_ns,
    };
}

static bool same_chain(const struct dw_head *a, const struct dw_head *b)
{
    return memcmp(a->agent, b->agent, sizeof a->agent) == 0 && a->epoch.counter == b->epoch.counter
        && memcmp(a->epoch.nonce, b->epoch.nonce, sizeof a->epoch.nonce) == 0;
}

static uint8_t flags_of(const struct dw__row *r)
{
    unsigned flags = r->head.kind;
    flags |= r->head.flags & DW_HEAD_SIGNED ? F_SIGNED : 0;
    flags |= r->head.flags & DW_HEAD_TOMBSTONE ? F_TOMBSTONE : 0;
    flags |= r->has_previous ? F_PREVIOUS : 0;
    flags |= r->has_hash ? F_HASH : 0;
    flags |= r->marks.len ? F_MARKS : 0;
    return (uint8_t)flags;
}

static void write_row(const struct dw__row *r, const struct base *b, struct dw_buf *out)
{
    const struct dw_head *h = &r->head;
    uint8_t flags = flags_of(r);
    dw_buf_varint(out, r->chain);
    dw_buf_zigzag(out, (int64_t)(h->number - b->number));
    dw_buf_byte(out, flags);
    dw_buf_zigzag(out, dw_minus(h->low_water_ns, b->low_water));
    dw_buf_zigzag(out, dw_minus(h->time_min_ns, h->low_water_ns));
    dw_buf_varint(out, (uint64_t)h->time_max_ns - (uint64_t)h->time_min_ns);
    dw_buf_varint(out, h->event_count);
    dw_buf_varint(out, h->text_size);
    dw_buf_varint(out, h->views_size);
    dw_buf_zigzag(out, (int64_t)(r->intake.number - b->intake));
    dw_buf_zigzag(out, dw_minus(r->intake.arrival_ns, b->arrival));
    dw_buf_zigzag(out, (int64_t)(r->intake.source - b->source));
    dw_buf_zigzag(out, (int64_t)(r->intake.offset - b->offset));
    dw_buf_varint(out, r->intake.next - r->intake.offset);
    if (flags & F_PREVIOUS)
        dw_buf_add(out, h->previous, DW_SHA256_BYTES);
    if (flags & F_HASH)
        dw_buf_add(out, h->hash, DW_SHA256_BYTES);
    if (flags & F_TOMBSTONE) {
        dw_buf_add(out, h->root_text, DW_SHA256_BYTES);
        dw_buf_add(out, h->root_views, DW_SHA256_BYTES);
    }
    if (flags & F_SIGNED)
        dw_buf_add(out, h->signature, DW_SIGNATURE_BYTES);
    if (flags & F_MARKS)
        dw_buf_counted(out, r->marks);
}

/* Chains in order of first use; rows are sorted by chain, so a new one begins where the neighbour differs. */
static uint32_t number_chains(const struct dw__rows *t, struct dw_buf *out)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < t->count; i++) {
        const struct dw_head *h = &t->row[i].head;
        if (i == 0 || !same_chain(h, &t->row[i - 1].head)) {
            count++;
            dw_buf_add(out, h->agent, sizeof h->agent);
            dw_buf_u64(out, h->epoch.counter);
            dw_buf_add(out, h->epoch.nonce, sizeof h->epoch.nonce);
        }
        t->row[i].chain = count - 1;
    }
    return count;
}

int dw__table_write(const struct dw__rows *t, struct dw_buf *out)
{
    struct dw_buf chains = {0};
    struct base b = {0};
    uint32_t chain_count = number_chains(t, &chains);
    dw_buf_byte(out, VERSION);
    dw_buf_varint(out, t->block_count);
    for (uint32_t i = 0; i < t->block_count; i++) {
        const struct dw__block *k = &t->block[i];
        dw_buf_varint(out, k->offset);
        dw_buf_varint(out, k->text_packed);
        dw_buf_varint(out, k->text_size);
        dw_buf_varint(out, k->views_packed);
        dw_buf_varint(out, k->views_size);
        dw_buf_varint(out, k->frames);
    }
    dw_buf_varint(out, chain_count);
    dw_buf_str(out, dw_buf_view(&chains));
    dw_buf_varint(out, t->count);
    for (uint32_t i = 0; i < t->count; i++) {
        write_row(&t->row[i], &b, out);
        b = base_of(&t->row[i]);
    }
    int rc = chains.err ? chains.err : out->err;
    dw_buf_fini(&chains);
    return rc;
}

static int read_blocks(struct dw_cursor *c, struct dw__rows *t)
{
    uint32_t n = dw_take_max(c, BLOCKS_MAX);
    int rc = DW_OK;
    for (uint32_t i = 0; i < n && rc == DW_OK && !c->bad; i++) {
        struct dw__block b = {.offset = dw_take_varint(c)};
        b.text_packed = dw_take_max(c, UINT32_MAX);
        b.text_size = dw_take_max(c, DW__BLOCK_TEXT + DW_FRAME_TEXT_MAX);
        b.views_packed = dw_take_max(c, UINT32_MAX);
        b.views_size = dw_take_max(c, DW__BLOCK_VIEWS + DW_FRAME_VIEWS_MAX);
        b.frames = dw_take_max(c, FRAMES_MAX);
        rc = dw__rows_add_block(t, &b);
    }
    return rc == DW_OK && c->bad ? DW_ECORRUPT : rc;
}

static void read_numbers(struct dw_cursor *c, const struct base *b, struct dw__row *r)
{
    struct dw_head *h = &r->head;
    h->low_water_ns = dw_plus(b->low_water, dw_take_zigzag(c));
    h->time_min_ns = dw_plus(h->low_water_ns, dw_take_zigzag(c));
    h->time_max_ns = dw_plus(h->time_min_ns, (int64_t)dw_take_varint(c));
    h->event_count = dw_take_max(c, DW_FRAME_EVENTS_MAX);
    h->text_size = dw_take_max(c, DW_FRAME_TEXT_MAX);
    h->views_size = dw_take_max(c, DW_FRAME_VIEWS_MAX);
    r->intake.number = b->intake + (uint64_t)dw_take_zigzag(c);
    r->intake.arrival_ns = dw_plus(b->arrival, dw_take_zigzag(c));
    r->intake.source = b->source + (uint64_t)dw_take_zigzag(c);
    r->intake.offset = b->offset + (uint64_t)dw_take_zigzag(c);
    r->intake.next = r->intake.offset + dw_take_varint(c);
}

static int read_row(struct dw_cursor *c, struct dw_str chains, const struct base *b, struct dw__row *r)
{
    *r = (struct dw__row){0};
    struct dw_head *h = &r->head;
    r->chain = dw_take_max(c, CHAINS_MAX);
    struct dw_cursor chain = dw_cursor_of(dw_str_slice(chains, (size_t)r->chain * CHAIN_BYTES, chains.len));
    dw_take_into(&chain, h->agent, sizeof h->agent);
    h->epoch.counter = dw_take_u64(&chain);
    dw_take_into(&chain, h->epoch.nonce, sizeof h->epoch.nonce);
    h->number = b->number + (uint64_t)dw_take_zigzag(c);
    uint8_t flags = dw_take_byte(c);
    h->kind = flags & 3;
    h->flags = (uint16_t)((flags & F_SIGNED ? DW_HEAD_SIGNED : 0) | (flags & F_TOMBSTONE ? DW_HEAD_TOMBSTONE : 0));
    r->has_previous = flags & F_PREVIOUS;
    r->has_hash = flags & F_HASH;
    read_numbers(c, b, r);
    if (flags & F_PREVIOUS)
        dw_take_into(c, h->previous, DW_SHA256_BYTES);
    if (flags & F_HASH)
        dw_take_into(c, h->hash, DW_SHA256_BYTES);
    if (flags & F_TOMBSTONE) {
        dw_take_into(c, h->root_text, DW_SHA256_BYTES);
        dw_take_into(c, h->root_views, DW_SHA256_BYTES);
    }
    if (flags & F_SIGNED)
        dw_take_into(c, h->signature, DW_SIGNATURE_BYTES);
    if (flags & F_MARKS)
        r->marks = dw_take_bytes(c, dw_take_max(c, DW__MARKS_MAX));
    bool kind_ok = h->kind == DW_FRAME_EVENTS || (h->kind == DW_FRAME_RECORD && !h->event_count && !h->text_size);
    return c->bad || chain.bad || !kind_ok || flags >= 2 * F_TOMBSTONE ? DW_ECORRUPT : DW_OK;
}

/* Gives each row its block and its place there, and checks that blocks hold exactly their frames. */
static int place_rows(struct dw__rows *t)
{
    uint32_t i = 0;
    for (uint32_t k = 0; k < t->block_count; k++) {
        uint64_t text = 0, views = 0;
        for (uint32_t n = 0; n < t->block[k].frames; n++, i++) {
            if (i == t->count)
                return DW_ECORRUPT;
            struct dw__row *r = &t->row[i];
            bool gone = r->head.flags & DW_HEAD_TOMBSTONE;
            r->block = k;
            r->text_at = (uint32_t)text;
            r->views_at = (uint32_t)views;
            text += gone ? 0 : r->head.text_size;
            views += gone ? 0 : r->head.views_size;
            if (text > t->block[k].text_size || views > t->block[k].views_size)
                return DW_ECORRUPT;
        }
        if (text != t->block[k].text_size || views != t->block[k].views_size)
            return DW_ECORRUPT;
    }
    return i == t->count ? DW_OK : DW_ECORRUPT;
}

int dw__table_read(struct dw_str bytes, struct dw__rows *t)
{
    struct dw_cursor c = dw_cursor_of(bytes);
    if (dw_take_byte(&c) != VERSION)
        return DW_EVERSION;
    int rc = read_blocks(&c, t);
    uint32_t chain_count = dw_take_max(&c, CHAINS_MAX);
    struct dw_str chains = dw_take_bytes(&c, (size_t)chain_count * CHAIN_BYTES);
    uint32_t frames = dw_take_max(&c, FRAMES_MAX);
    struct base b = {0};
    for (uint32_t i = 0; i < frames && rc == DW_OK; i++) {
        struct dw__row r;
        rc = read_row(&c, chains, &b, &r);
        if (rc == DW_OK)
            rc = dw__rows_add(t, &r);
        b = base_of(&r);
    }
    if (rc == DW_OK && (c.bad || dw_cursor_left(&c)))
        rc = DW_ECORRUPT;
    return rc == DW_OK ? place_rows(t) : rc;
}
