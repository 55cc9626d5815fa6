/*
 * encode: a batch to the bytes of docs/formats/frame.md.
 *
 * Idea: everything that is equal for the events of a shape is written once; what differs goes into columns, one
 * kind of number after the other, because like numbers compress best side by side.
 *
 * Invariants:
 *   (1) The chain moves only when a frame is given, and then by exactly one.
 *   (2) A frame is at most DW_FRAME_BYTES_MAX bytes; a batch within its bounds cannot make more.
 */
#include "batch_int.h"
#include "slices.h"

#include "dogwatch/base/error.h"
#include "dogwatch/base/mem.h"
#include "dogwatch/frame/pack.h"

#include <zstd.h>

enum { FRAME_AROUND = DW_HEAD_BYTES + DW_SIGNATURE_BYTES + 16 }; /* bytes of a frame beside its sections */

/* libzstd's level 1 with smaller tables, which stay in the first cache beside what parsing needs, and with the longer matches that it takes for
 * more than 256 KiB: over log lines 7 to 60 % faster for between 1 % less and 5 % more bytes (docs/bench). TEXT: 16 KiB. Columns: 2 KiB. */
enum { TEXT_HASH_LOG = 12, COLUMNS_HASH_LOG = 9, MIN_MATCH = 7 };

/* What the columns of values need of one event. Side by side: events and their fields lie further apart than the caches like. */
struct member {
    const struct dw_field *field;
    const char *line;
    uint32_t view_end; /* end of its last view so far */
};

struct dw_encoder {
    ZSTD_CCtx *text, *columns;
    struct dw_sha256 *sha;
    struct dw_buf views, column[COLUMNS];
    struct dw_buf packed; /* the sections of the frame in hand: kept, because fresh pages cost more than packing small frames */
    struct member *member; /* the events of the shape in hand, in their order */
    uint64_t *number[COL_MORE]; /* scratch: the numbers of runs in the making, by event */
};

/* Level 1 with other tables than libzstd's own. */
static ZSTD_CCtx *make_zstd(int level, int hash_log)
{
    ZSTD_CCtx *zstd = ZSTD_createCCtx();
    bool ok = zstd && dw_pack_level(zstd, level);
    if (ok && level == 1)
        ok = !ZSTD_isError(ZSTD_CCtx_setParameter(zstd, ZSTD_c_hashLog, hash_log))
            && !ZSTD_isError(ZSTD_CCtx_setParameter(zstd, ZSTD_c_minMatch, MIN_MATCH));
    if (ok)
        return zstd;
    (void)ZSTD_freeCCtx(zstd);
    return NULL;
}

struct dw_encoder *dw_encoder_new(int zstd_level)
{
    struct dw_encoder *e = dw_calloc(1, sizeof *e);
    if (!e)
        return NULL;
    e->text = make_zstd(zstd_level, TEXT_HASH_LOG);
    e->columns = make_zstd(zstd_level, COLUMNS_HASH_LOG);
    e->sha = dw_sha256_new();
    e->member = dw_alloc(DW_FRAME_EVENTS_MAX * sizeof *e->member);
    bool ok = true;
    for (int i = 0; i < COL_MORE; i++) {
        e->number[i] = dw_alloc(DW_FRAME_EVENTS_MAX * sizeof *e->number[i]);
        ok = ok && e->number[i];
    }
    if (!ok || !e->text || !e->columns || !e->member) {
        dw_encoder_free(e);
        return NULL;
    }
    return e;
}

void dw_encoder_free(struct dw_encoder *e)
{
    if (!e)
        return;
    (void)ZSTD_freeCCtx(e->text);
    (void)ZSTD_freeCCtx(e->columns);
    dw_sha256_free(e->sha);
    dw_free(e->member);
    for (int i = 0; i < COL_MORE; i++)
        dw_free(e->number[i]);
    dw_buf_fini(&e->views);
    dw_buf_fini(&e->packed);
    for (int i = 0; i < COLUMNS; i++)
        dw_buf_fini(&e->column[i]);
    dw_free(e);
}

static void put_streams(const struct dw_batch *b, struct dw_buf *out)
{
    dw_buf_varint(out, b->stream_count);
    for (uint32_t i = 0; i < b->stream_count; i++) {
        const struct dw_stream *s = b->stream[i];
        dw_buf_add(out, s->id, sizeof s->id);
        dw_buf_add(out, s->series, sizeof s->series);
        dw_buf_varint(out, s->ordinal);
        dw_buf_varint(out, s->device);
        dw_buf_varint(out, s->inode);
        dw_buf_zigzag(out, s->birth_ns);
        dw_buf_varint(out, s->generation);
        dw_buf_add(out, s->predecessor, sizeof s->predecessor);
        dw_buf_zigzag(out, s->predecessor_size);
        dw_buf_varint(out, s->field_count);
        for (uint32_t k = 0; k < s->field_count; k++) {
            dw_buf_varint(out, b->key_local[s->field[k].key] - 1u);
            dw_buf_counted(out, dw_field_str(&s->field[k]));
        }
    }
}

/* Constants are few: numbered by first use over the shapes' entries, found again by pointer. */
struct consts {
    struct dw_str item[4096];
    uint32_t count;
};

static uint32_t const_index(struct consts *c, const struct dw__entry *e)
{
    for (uint32_t i = 0; i < c->count; i++)
        if (c->item[i].ptr == e->ptr && c->item[i].len == e->len)
            return i;
    if (c->count == DW_COUNT_OF(c->item))
        return UINT32_MAX;
    c->item[c->count] = dw_str_make(e->ptr, e->len);
    return c->count++;
}

static int put_shapes(const struct dw_batch *b, struct consts *consts, struct dw_buf *out)
{
    dw_buf_varint(out, b->shape_count);
    for (uint32_t i = 0; i < b->shape_count; i++) {
        const struct dw__shape *s = &b->shape[i];
        dw_buf_varint(out, s->entry_count);
        for (uint32_t k = 0; k < s->entry_count; k++) {
            const struct dw__entry *e = &b->entry[s->entry + k];
            dw_buf_varint(out, e->key);
            dw_buf_byte(out, e->kind);
            dw_buf_varint(out, e->elem);
            if (e->kind == DW_K_CONST) {
                uint32_t index = const_index(consts, e);
                if (index == UINT32_MAX)
                    return DW_ELIMIT;
                dw_buf_varint(out, index);
            } else if (e->kind >= DW__K_SAME) {
                dw_buf_byte(out, e->back);
            }
        }
    }
    return DW_OK;
}

static uint64_t end_in_stream(const struct dw_event *ev, const struct dw_stream *s)
{
    uint64_t end = ev->stream == s ? ev->end : 0;
    for (uint32_t i = 0; i < ev->more_count; i++)
        if (ev->more[i].stream == s && ev->more[i].end > end)
            end = ev->more[i].end;
    return end;
}

static void put_more(const struct dw_batch *b, uint32_t index, uint32_t *since, struct dw_buf *out)
{
    const struct dw_event *ev = &b->event[index];
    if (ev->more_count == 0)
        return;
    dw_buf_varint(out, index - *since);
    *since = index;
    dw_buf_varint(out, ev->more_count);
    for (uint32_t k = 0; k < ev->more_count; k++) {
        uint32_t s = 0;
        while (b->stream[s] != ev->more[k].stream)
            s++;
        dw_buf_varint(out, s);
        dw_buf_varint(out, ev->more[k].start);
        dw_buf_varint(out, ev->more[k].end - ev->more[k].start);
    }
}

static char *put_varint_at(char *at, uint64_t v)
{
    for (; v >= 0x80; v >>= 7)
        *at++ = (char)(v | 0x80);
    *at++ = (char)v;
    return at;
}

/* A run of `n` numbers, one only when all are equal: most columns of most frames are. The hottest loop of the encoder. */
static void put_run(struct dw_buf *out, const uint64_t *v, uint32_t n)
{
    char *to = dw_buf_reserve(out, 1 + (size_t)n * 10);
    if (!to)
        return;
    uint64_t differ = 0, bits = v[0];
    for (uint32_t i = 1; i < n; i++) {
        differ |= v[i] ^ v[0];
        bits |= v[i];
    }
    uint32_t end = differ ? n : 1;
    *to++ = differ ? 1 : 0;
    if (bits < 0x80) { /* nearly always: a byte each */
        for (uint32_t i = 0; i < end; i++)
            to[i] = (char)v[i];
        to += end;
    } else {
        for (uint32_t i = 0; i < end; i++)
            to = put_varint_at(to, v[i]);
    }
    out->len = (size_t)(to - out->ptr);
}

static void put_event_columns(struct dw_encoder *e, const struct dw_batch *b, int64_t time_min)
{
    uint64_t stream_end[BATCH_STREAMS] = {0};
    uint64_t **v = e->number;
    int64_t time = time_min, read_at = 0;
    uint32_t since = 0;
    for (uint32_t i = 0; i < b->event_count; i++) {
        const struct dw_event *ev = &b->event[i];
        uint32_t s = b->stream_of[i];
        v[COL_STREAM][i] = s;
        v[COL_SHAPE][i] = b->shape_of[i];
        v[COL_TIME][i] = dw_zigzag(dw_minus(ev->time_ns, time));
        time = ev->time_ns;
        v[COL_READ][i] = dw_zigzag(dw_minus(ev->read_at_ns, i ? read_at : time));
        read_at = ev->read_at_ns;
        v[COL_OUT][i] = ev->out;
        v[COL_START][i] = dw_zigzag(dw_minus((int64_t)ev->start, (int64_t)stream_end[s]));
        v[COL_OVER][i] = dw_zigzag(dw_minus((int64_t)(ev->end - ev->start), (int64_t)ev->line.len));
        v[COL_LENGTH][i] = ev->line.len;
        put_more(b, i, &since, &e->column[COL_MORE]);
        stream_end[s] = ev->more_count ? end_in_stream(ev, ev->stream) : ev->end;
    }
    for (int c = 0; c < COL_MORE; c++)
        put_run(&e->column[c], v[c], b->event_count);
}

/* One view field of `n` events: gap and length of each. */
static void put_views(struct dw_encoder *e, uint32_t n, uint32_t field)
{
    uint64_t *gap = e->number[0], *len = e->number[1];
    for (uint32_t i = 0; i < n; i++) {
        struct member *m = &e->member[i];
        const struct dw_field *f = &m->field[field];
        uint32_t start = (uint32_t)(f->v.ptr - m->line);
        gap[i] = dw_zigzag((int64_t)start - m->view_end);
        len[i] = f->len;
        m->view_end = start + f->len;
    }
    put_run(&e->column[COL_GAP], gap, n);
    put_run(&e->column[COL_VIEW], len, n);
}

static void put_same(struct dw_encoder *e, uint32_t n, uint32_t field)
{
    for (uint32_t i = 0; i < n; i++) {
        struct member *m = &e->member[i];
        const struct dw_field *f = &m->field[field];
        m->view_end = (uint32_t)(f->v.ptr - m->line) + f->len;
    }
}

static void put_ints(struct dw_encoder *e, uint32_t n, uint32_t field)
{
    int64_t before = 0;
    for (uint32_t i = 0; i < n; i++) {
        int64_t v = e->member[i].field[field].v.i;
        e->number[0][i] = dw_zigzag(dw_minus(v, before));
        before = v;
    }
    put_run(&e->column[COL_INT], e->number[0], n);
}

static void put_literals(struct dw_encoder *e, uint32_t n, uint32_t field, uint8_t kind)
{
    for (uint32_t i = 0; i < n; i++) {
        const struct dw_field *f = &e->member[i].field[field];
        if (kind == DW_K_LITERAL) {
            dw_buf_counted(&e->column[COL_LITERAL], dw_field_str(f));
        } else {
            dw_buf_double(&e->column[COL_LITERAL], f->v.f);
        }
    }
}

static void put_value_columns(struct dw_encoder *e, const struct dw_batch *b)
{
    for (uint32_t i = 0; i < b->shape_count; i++) {
        const struct dw__shape *s = &b->shape[i];
        for (uint32_t n = 0, at = s->head; n < s->count; n++, at = b->next[at])
            e->member[n] = (struct member){b->event[at].field, b->event[at].line.ptr, 0};
        for (uint32_t k = 0; k < s->entry_count; k++) {
            uint8_t kind = b->entry[s->entry + k].kind;
            if (kind <= DW_K_NUMBER)
                put_views(e, s->count, k);
            else if (kind >= DW__K_SAME)
                put_same(e, s->count, k);
            else if (kind == DW_K_INT || kind == DW_K_BOOL)
                put_ints(e, s->count, k);
            else if (kind != DW_K_CONST)
                put_literals(e, s->count, k, kind);
        }
    }
}

static int make_views(struct dw_encoder *e, const struct dw_batch *b, int64_t time_min)
{
    struct consts consts;
    struct dw_buf shapes = {0};
    struct dw_buf *out = &e->views;
    consts.count = 0;
    dw_buf_reset(out);
    for (int i = 0; i < COLUMNS; i++)
        dw_buf_reset(&e->column[i]);
    int rc = put_shapes(b, &consts, &shapes);
    dw_buf_byte(out, 1);
    dw_buf_varint(out, b->key_count);
    for (uint32_t i = 0; i < b->key_count; i++)
        dw_buf_counted(out, dw_keys_name(b->keys, b->key[i]));
    dw_buf_varint(out, consts.count);
    for (uint32_t i = 0; i < consts.count; i++)
        dw_buf_counted(out, consts.item[i]);
    put_streams(b, out);
    dw_buf_str(out, dw_buf_view(&shapes));
    put_event_columns(e, b, time_min);
    put_value_columns(e, b);
    for (int i = 0; i < COLUMNS && rc == DW_OK; i++) {
        dw_buf_counted(out, dw_buf_view(&e->column[i]));
        rc = e->column[i].err;
    }
    if (rc == DW_OK)
        rc = shapes.err ? shapes.err : out->err;
    dw_buf_fini(&shapes);
    return rc;
}

/* Fills chain place, hash and signature of a HEAD whose roots and sizes are set. */
static int seal_head(struct dw_encoder *e, const struct dw_encode *with, struct dw_head *h)
{
    memcpy(h->agent, with->chain->agent, sizeof h->agent);
    h->epoch = with->chain->epoch;
    h->number = with->chain->next_number;
    h->low_water_ns = with->low_water_ns;
    memcpy(h->previous, with->chain->previous, sizeof h->previous);
    dw_head_hash(h, e->sha, h->hash);
    if (!with->key)
        return DW_OK;
    h->flags |= DW_HEAD_SIGNED;
    return dw_key_sign(with->key, h->hash, h->signature);
}

/* Puts HEAD, TEXT and the second section together, moves the chain. */
static int assemble(struct dw_encoder *e, const struct dw_encode *with, struct dw_head *h, struct dw_str text,
    struct dw_str views, struct dw_frame **ret_frame)
{
    struct dw_buf *packed = &e->packed;
    struct dw_frame *f = dw_calloc(1, sizeof *f);
    int rc = f ? DW_OK : DW_ENOMEM;
    dw_buf_reset(packed);
    if (rc == DW_OK && text.len)
        rc = dw_pack_add(e->text, text, packed);
    size_t text_end = packed->len;
    if (rc == DW_OK)
        rc = dw_pack_add(e->columns, views, packed);
    h->text_packed = (uint32_t)text_end;
    h->views_packed = (uint32_t)(packed->len - text_end);
    if (rc == DW_OK)
        rc = seal_head(e, with, h);
    if (rc == DW_OK) {
        (void)dw_buf_reserve(&f->bytes, packed->len + FRAME_AROUND);
        dw_head_write(h, &f->bytes);
        dw_buf_add(&f->bytes, packed->ptr, text_end);
        dw_buf_u32(&f->bytes, text.len ? DW_MAGIC_VIEWS : DW_MAGIC_RECORD);
        dw_buf_u32(&f->bytes, h->views_packed);
        dw_buf_add(&f->bytes, packed->ptr + text_end, packed->len - text_end);
        rc = f->bytes.err;
    }
    if (rc == DW_OK && f->bytes.len > DW_FRAME_BYTES_MAX)
        rc = DW_ELIMIT;
    if (rc < 0) {
        dw_frame_free(f);
        return rc;
    }
    f->head = *h;
    with->chain->next_number++;
    memcpy(with->chain->previous, h->hash, sizeof h->hash);
    *ret_frame = f;
    return DW_OK;
}

int dw_encode_events(struct dw_encoder *e, const struct dw_batch *b, const struct dw_encode *with,
    struct dw_frame **ret_frame)
{
    DW_ASSERT(b->event_count > 0);
    struct dw_head h = {.kind = DW_FRAME_EVENTS, .event_count = b->event_count, .text_size = (uint32_t)b->text_len};
    h.time_min_ns = h.time_max_ns = b->event[0].time_ns;
    for (uint32_t i = 1; i < b->event_count; i++) {
        int64_t t = b->event[i].time_ns;
        h.time_min_ns = t < h.time_min_ns ? t : h.time_min_ns;
        h.time_max_ns = t > h.time_max_ns ? t : h.time_max_ns;
    }
    int rc = make_views(e, b, h.time_min_ns);
    if (rc < 0)
        return rc;
    struct dw_str text = dw_str_make(b->text, b->text_len), views = dw_buf_view(&e->views);
    h.views_size = (uint32_t)views.len;
    dw__root_text(e->sha, text, b->event, b->event_count, h.root_text);
    dw__root_views(e->sha, views, h.root_views);
    return assemble(e, with, &h, text, views, ret_frame);
}

int dw_encode_record(struct dw_encoder *e, struct dw_str json, int64_t time_ns, const struct dw_encode *with,
    struct dw_frame **ret_frame)
{
    DW_ASSERT(json.len > 0 && json.len <= DW_FRAME_TEXT_TARGET);
    struct dw_head h = {.kind = DW_FRAME_RECORD, .views_size = (uint32_t)json.len};
    h.time_min_ns = h.time_max_ns = time_ns;
    dw__root_text(e->sha, DW_STR_NONE, NULL, 0, h.root_text);
    dw__root_views(e->sha, json, h.root_views);
    return assemble(e, with, &h, DW_STR_NONE, json, ret_frame);
}
