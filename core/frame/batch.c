/*
 * batch: events collected until they make a frame.
 *
 * Idea: a draft writes its fields straight to the end of the batch's own array, and its line to the end of the
 * batch's text, so making it an event copies nothing. The event's shape (what is equal for all events of its kind)
 * is found by hash while the fields are still warm.
 *
 * Invariants:
 *   (1) text, field, event and entry never move, so views stay valid until reset.
 *   (2) What dw_batch_fits allows stays within the bounds of docs/formats/frame.md.
 *   (3) Keys, streams and shapes are numbered in order of first use: equal events make equal bytes.
 */
#include "batch_int.h"

#include "dogwatch/base/counter.h"
#include "dogwatch/base/hash.h"
#include "dogwatch/base/mem.h"

enum {
    TEXT_CAP = DW_FRAME_TEXT_TARGET + DW_FRAME_LINE_MAX + 2,
    FIELD_CAP = BATCH_FIELDS + DW_EVENT_FIELDS_MAX,
};

struct dw_batch *dw_batch_new(struct dw_keys *keys)
{
    struct dw_batch *b = dw_calloc(1, sizeof *b);
    if (!b)
        return NULL;
    b->keys = keys;
    b->seed = dw_hash_process_key().k0 | 1;
    dw_arena_init(&b->pool, 0);
    b->text = dw_alloc(TEXT_CAP);
    b->field = dw_alloc(FIELD_CAP * sizeof *b->field);
    b->event = dw_alloc(DW_FRAME_EVENTS_MAX * sizeof *b->event);
    b->stream_of = dw_alloc(DW_FRAME_EVENTS_MAX * sizeof *b->stream_of);
    b->key = dw_alloc(DW_FRAME_KEYS_MAX * sizeof *b->key);
    b->key_local = dw_calloc(DW_KEYS_MAX, sizeof *b->key_local);
    b->entry = dw_alloc(FIELD_CAP * sizeof *b->entry);
    b->shape = dw_alloc(DW_FRAME_SHAPES_MAX * sizeof *b->shape);
    b->shape_of = dw_alloc(DW_FRAME_EVENTS_MAX * sizeof *b->shape_of);
    b->shape_slot = dw_calloc(SHAPE_SLOTS, sizeof *b->shape_slot);
    b->next = dw_alloc(DW_FRAME_EVENTS_MAX * sizeof *b->next);
    if (b->text && b->field && b->event && b->stream_of && b->key && b->key_local && b->entry && b->shape
        && b->shape_of && b->shape_slot && b->next)
        return b;
    dw_batch_free(b);
    return NULL;
}

void dw_batch_free(struct dw_batch *b)
{
    if (!b)
        return;
    dw_arena_fini(&b->pool);
    dw_free(b->text);
    dw_free(b->field);
    dw_free(b->event);
    dw_free(b->stream_of);
    dw_free(b->key);
    dw_free(b->key_local);
    dw_free(b->entry);
    dw_free(b->shape);
    dw_free(b->shape_of);
    dw_free(b->shape_slot);
    dw_free(b->next);
    dw_free(b);
}

void dw_batch_reset(struct dw_batch *b)
{
    for (uint32_t i = 0; i < b->key_count; i++)
        b->key_local[b->key[i]] = 0;
    if (b->shape_count)
        memset(b->shape_slot, 0, SHAPE_SLOTS * sizeof *b->shape_slot);
    dw_arena_reset(&b->pool);
    dw_keys_make_room(b->keys, 2 * DW_FRAME_KEYS_MAX);
    b->text_len = b->literal_bytes = b->stream_bytes = b->draft_len = 0;
    b->field_count = b->event_count = b->stream_count = b->key_count = b->entry_count = b->shape_count = 0;
}

uint32_t dw_batch_count(const struct dw_batch *b)
{
    return b->event_count;
}

const struct dw_event *dw_batch_event(const struct dw_batch *b, uint32_t i)
{
    DW_ASSERT(i < b->event_count);
    return &b->event[i];
}

static size_t stream_cost(const struct dw_stream *s)
{
    size_t bytes = 100;
    for (uint32_t i = 0; i < s->field_count; i++)
        bytes += s->field[i].len + 8;
    return bytes;
}

static uint32_t find_stream(const struct dw_batch *b, const struct dw_stream *s)
{
    uint32_t i = b->stream_count;
    while (i > 0 && b->stream[i - 1] != s)
        i--;
    return i ? i - 1 : b->stream_count;
}

bool dw_batch_fits(const struct dw_batch *b, const struct dw_stream *stream, size_t line_len)
{
    if (line_len > DW_FRAME_LINE_MAX)
        return false;
    if (b->event_count == 0)
        return true;
    if (b->event_count == DW_FRAME_EVENTS_MAX || b->text_len + line_len + 1 > DW_FRAME_TEXT_TARGET)
        return false;
    if (b->field_count > BATCH_FIELDS - DW_EVENT_FIELDS_MAX || b->literal_bytes > BATCH_LITERAL_BYTES)
        return false;
    if (b->shape_count == DW_FRAME_SHAPES_MAX || b->key_count + 2 * DW_EVENT_FIELDS_MAX > DW_FRAME_KEYS_MAX)
        return false;
    if (b->stream_count && b->stream[b->stream_count - 1] == stream)
        return true;
    return find_stream(b, stream) < b->stream_count
        || (b->stream_count < BATCH_STREAMS_FULL && b->stream_bytes + stream_cost(stream) <= BATCH_STREAM_BYTES);
}

struct dw_draft *dw_batch_draft(struct dw_batch *b, struct dw_str line)
{
    DW_ASSERT(line.len <= DW_FRAME_LINE_MAX && b->text_len + line.len + 1 <= TEXT_CAP);
    char *at = b->text + b->text_len;
    if (line.len)
        memcpy(at, line.ptr, line.len);
    at[line.len] = '\n';
    b->draft_len = line.len + 1;
    b->draft = (struct dw_draft){
        .keys = b->keys,
        .pool = &b->pool,
        .field = b->field + b->field_count,
    };
    dw_draft_reset(&b->draft, dw_str_make(at, line.len));
    return &b->draft;
}

static uint32_t local_key(struct dw_batch *b, uint32_t key)
{
    if (b->key_local[key] == 0) {
        DW_ASSERT(b->key_count < DW_FRAME_KEYS_MAX);
        b->literal_bytes += dw_keys_name(b->keys, key).len;
        b->key[b->key_count++] = key;
        b->key_local[key] = (uint16_t)b->key_count;
    }
    return b->key_local[key] - 1u;
}

/* How many views back the same piece stands, 0: not among the last few. */
static uint8_t same_back(const struct dw_field *const *views, uint32_t count, const struct dw_field *f)
{
    for (uint8_t back = 1; back <= SAME_LOOKBACK && back <= count; back++) {
        const struct dw_field *v = views[(count - back) % SAME_LOOKBACK];
        if (v->v.ptr == f->v.ptr && v->len == f->len)
            return back;
    }
    return 0;
}

static uint64_t mix(uint64_t h, uint64_t v)
{
    h = (h ^ v) * UINT64_C(0x9fb21c651e98df25);
    return h ^ (h >> 32);
}

/* Whether an event has exactly the shape `s`. Views that a shape takes as different may be equal in this event: that costs
 * two numbers, not correctness. */
static bool has_shape(const struct dw_batch *b, const struct dw__shape *s, const struct dw_field *field, uint32_t count)
{
    if (s->entry_count != count)
        return false;
    const struct dw__entry *e = b->entry + s->entry;
    for (uint32_t i = 0; i < count; i++, e++) {
        const struct dw_field *f = &field[i];
        if (f->tag != e->tag || f->kind != e->field_kind)
            return false;
        if (e->kind == DW_K_CONST) {
            if (f->v.ptr != e->ptr || f->len != e->len)
                return false;
        } else if (e->kind >= DW__K_SAME) {
            const struct dw_field *t = &field[e->target];
            if (f->v.ptr != t->v.ptr || f->len != t->len)
                return false;
        }
    }
    return true;
}

/* Moves the shape at `place` of the recent ones (or a new one, place = last) to the front. */
static uint32_t make_recent(struct dw_batch *b, uint32_t place, uint32_t shape)
{
    for (; place > 0; place--)
        b->recent[place] = b->recent[place - 1];
    b->recent[0] = shape;
    return shape;
}

/* Writes the entries of an event behind the shapes' own and returns their hash. */
static uint64_t draw_entries(struct dw_batch *b, const struct dw_field *field, uint32_t count)
{
    const struct dw_field *views[SAME_LOOKBACK];
    uint32_t view_count = 0;
    uint64_t h = b->seed;
    struct dw__entry *e = b->entry + b->entry_count;
    for (uint32_t i = 0; i < count; i++, e++) {
        const struct dw_field *f = &field[i];
        *e = (struct dw__entry){.key = local_key(b, f->key), .elem = f->elem, .kind = f->kind, .field_kind = f->kind, .tag = f->tag};
        if (f->kind == DW_K_CONST) {
            e->ptr = f->v.ptr;
            e->len = f->len;
        } else if (f->kind <= DW_K_NUMBER) {
            e->back = same_back(views, view_count, f);
            if (e->back) {
                e->kind = f->kind == DW_K_VIEW ? DW__K_SAME : DW__K_SAME_NUMBER;
                e->target = (uint16_t)(views[(view_count - e->back) % SAME_LOOKBACK] - field);
            }
            views[view_count++ % SAME_LOOKBACK] = f;
        }
        h = mix(h, (uint64_t)e->key << 32 | (uint64_t)e->kind << 8 | e->back);
        h = mix(h, (uint64_t)(uintptr_t)e->ptr ^ (uint64_t)e->elem << 32);
    }
    return h;
}

static bool same_entries(const struct dw__entry *x, const struct dw__entry *y, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        if (x[i].key != y[i].key || x[i].kind != y[i].kind || x[i].back != y[i].back || x[i].elem != y[i].elem
            || x[i].ptr != y[i].ptr || x[i].len != y[i].len)
            return false;
    return true;
}

static uint32_t find_shape(struct dw_batch *b, const struct dw_field *field, uint32_t count)
{
    enum { RECENT = DW_COUNT_OF(b->recent) };
    for (uint32_t i = 0; i < RECENT && i < b->shape_count; i++)
        if (has_shape(b, &b->shape[b->recent[i]], field, count))
            return make_recent(b, i, b->recent[i]);
    uint64_t h = draw_entries(b, field, count);
    const struct dw__entry *drawn = b->entry + b->entry_count;
    uint32_t at = (uint32_t)h % SHAPE_SLOTS;
    for (; b->shape_slot[at]; at = (at + 1) % SHAPE_SLOTS) {
        const struct dw__shape *s = &b->shape[b->shape_slot[at] - 1];
        if (s->hash == h && s->entry_count == count && same_entries(b->entry + s->entry, drawn, count))
            return make_recent(b, RECENT - 1, b->shape_slot[at] - 1u);
    }
    DW_ASSERT(b->shape_count < DW_FRAME_SHAPES_MAX);
    b->shape[b->shape_count++] = (struct dw__shape){.hash = h, .entry = b->entry_count, .entry_count = count};
    b->shape_slot[at] = (uint16_t)b->shape_count;
    b->entry_count += count;
    return make_recent(b, RECENT - 1, b->shape_count - 1);
}

static void join_shape(struct dw_batch *b, uint32_t shape, uint32_t event)
{
    struct dw__shape *s = &b->shape[shape];
    b->shape_of[event] = (uint16_t)shape;
    if (s->count++)
        b->next[s->tail] = event;
    else
        s->head = event;
    s->tail = event;
}

static uint32_t join_stream(struct dw_batch *b, const struct dw_stream *stream)
{
    uint32_t i = find_stream(b, stream);
    if (i < b->stream_count)
        return i;
    DW_ASSERT(b->stream_count < BATCH_STREAMS);
    b->stream_bytes += stream_cost(stream);
    for (uint32_t k = 0; k < stream->field_count; k++)
        (void)local_key(b, stream->field[k].key);
    b->stream[b->stream_count++] = stream;
    return i;
}

/* Keeps the literals and own names of one event within their bound; what is over is dropped and counted. */
static void bound_literals(const struct dw_batch *b, struct dw_draft *d)
{
    size_t literals = 0, names = 0;
    uint32_t kept = 0;
    for (uint32_t i = 0; i < d->field_count; i++) {
        const struct dw_field *f = &d->field[i];
        size_t literal = f->kind == DW_K_LITERAL ? f->len : 0, name = f->key >= DW_FIELDS ? dw_keys_name(b->keys, f->key).len : 0;
        if (literals + names + literal + name > EVENT_LITERAL_BYTES) {
            DW_COUNT(parse_fields_dropped);
            continue;
        }
        literals += literal;
        names += name;
        d->field[kept++] = *f;
    }
    d->field_count = kept;
    d->literal_bytes = literals;
    d->name_bytes = names;
}

void dw_batch_commit(struct dw_batch *b, const struct dw_event *ev)
{
    struct dw_draft *d = &b->draft;
    DW_ASSERT(b->draft_len > 0 && b->event_count < DW_FRAME_EVENTS_MAX);
    if (d->literal_bytes + d->name_bytes > EVENT_LITERAL_BYTES)
        bound_literals(b, d);
    b->literal_bytes += d->literal_bytes;
    uint32_t index = b->event_count;
    struct dw_event *to = &b->event[index];
    to->time_ns = ev->time_ns; /* member by member: see dw_draft_text */
    to->read_at_ns = ev->read_at_ns;
    to->stream = ev->stream;
    to->start = ev->start;
    to->end = ev->end;
    to->more = NULL;
    to->more_count = ev->more_count;
    to->out = ev->out;
    to->line = d->line;
    to->field = d->field;
    to->field_count = d->field_count;
    if (ev->more_count) {
        struct dw_extent *more = dw_arena_alloc(&b->pool, ev->more_count * sizeof *more);
        DW_ASSERT(more); /* the pool has no limit of its own; a host without 16 bytes cannot go on */
        memcpy(more, ev->more, ev->more_count * sizeof *more);
        to->more = more;
        for (uint32_t i = 0; i < ev->more_count; i++)
            (void)join_stream(b, more[i].stream);
    }
    b->stream_of[index] = (uint16_t)join_stream(b, ev->stream);
    join_shape(b, find_shape(b, d->field, d->field_count), index);
    b->field_count += d->field_count;
    b->text_len += b->draft_len;
    b->draft_len = 0;
    b->event_count++;
}
