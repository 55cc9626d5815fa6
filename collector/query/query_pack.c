/*
 * query_pack: a row as bytes, for operators that keep rows longer than the frame they came in.
 *
 *     flags, mark, times, extents, the line, then for each field its key, elem, kind and value; a text that is a piece of
 *     the line is two numbers
 *
 * The bytes never leave the process: streams are pointers, and keys are numbers of names that are kept.
 *
 * Invariants:
 *   (1) Unpacking gives every field with the same name, kind and value, in the same order.
 *   (2) Names are kept ones: a passing name would be forgotten with its frame.
 */
#include "query_row.h"

#include "dogwatch/base/error.h"
#include "dogwatch/base/hash.h"

struct kept_stream {
    struct dw_node node;
    struct dw_stream stream;
};

enum { PIECE = 0x80 }; /* with a kind: the text is a piece of the line */

void query_streams_fini(struct query_streams *s)
{
    dw_table_fini(&s->by_id);
    dw_arena_fini(&s->arena);
}

/* The key under which a name is kept. DW_ELIMIT: there are too many names. */
static int keep_key(struct query_context *cx, uint32_t key, uint32_t *ret)
{
    *ret = key;
    return key < DW_KEYS_KEPT_MAX ? DW_OK : dw_keys_intern(cx->keys, dw_keys_name(cx->keys, key), ret);
}

static int copy_fields(struct query_context *cx, struct dw_arena *a, struct dw_stream *s)
{
    struct dw_field *copy = dw_arena_alloc(a, s->field_count * sizeof *copy);
    if (!copy)
        return DW_ENOMEM;
    for (uint32_t i = 0; i < s->field_count; i++) {
        copy[i] = s->field[i];
        if (keep_key(cx, copy[i].key, &copy[i].key) < 0)
            return DW_ENOMEM;
        if (!dw_field_is_text(&copy[i]))
            continue;
        copy[i].v.ptr = dw_arena_copy(a, dw_field_str(&s->field[i])).ptr;
        if (!copy[i].v.ptr)
            return DW_ENOMEM;
    }
    s->field = copy;
    return DW_OK;
}

static bool same_fields(const struct dw_stream *a, const struct dw_stream *b)
{
    bool same = a->field_count == b->field_count;
    for (uint32_t i = 0; same && i < a->field_count; i++)
        same = a->field[i].kind == b->field[i].kind && a->field[i].key == b->field[i].key
            && (!dw_field_is_text(&a->field[i]) || dw_str_eq(dw_field_str(&a->field[i]), dw_field_str(&b->field[i])));
    return same;
}

/* A stream that lives as long as `streams`. */
static int keep_stream(struct query_context *cx, struct query_streams *streams, const struct dw_stream *s, const struct dw_stream **ret)
{
    *ret = NULL;
    if (!s)
        return DW_OK;
    uint64_t hash = dw_hash(dw_hash_process_key(), dw_str_make((const char *)s->id, DW_ID_BYTES));
    for (struct dw_node *n = dw_table_find(&streams->by_id, hash); n; n = dw_table_next(n)) {
        struct kept_stream *k = DW_ITEM(n, struct kept_stream, node);
        if (memcmp(k->stream.id, s->id, DW_ID_BYTES) == 0 && same_fields(&k->stream, s)) {
            *ret = &k->stream;
            return DW_OK;
        }
    }
    struct kept_stream *k = dw_arena_alloc(&streams->arena, sizeof *k);
    if (!k)
        return DW_ENOMEM;
    k->stream = *s;
    int rc = copy_fields(cx, &streams->arena, &k->stream);
    if (rc < 0)
        return rc;
    dw_table_add(&streams->by_id, &k->node, hash);
    *ret = &k->stream;
    return DW_OK;
}

static void put_pointer(struct dw_buf *out, const void *p)
{
    dw_buf_u64(out, (uint64_t)(uintptr_t)p);
}

static const struct dw_stream *take_stream(struct dw_cursor *c)
{
    return (const struct dw_stream *)(uintptr_t)dw_take_u64(c); /* NOLINT(performance-no-int-to-ptr): as it was put */
}

static void put_field(struct dw_buf *out, struct dw_str line, const struct dw_field *f, uint32_t key)
{
    struct dw_str text = dw_field_is_text(f) ? dw_field_str(f) : DW_STR_NONE;
    uintptr_t at = (uintptr_t)text.ptr, from = (uintptr_t)line.ptr;
    bool piece = text.len && at >= from && at + text.len <= from + line.len;
    dw_buf_varint(out, key);
    dw_buf_varint(out, f->elem);
    dw_buf_byte(out, (uint8_t)(f->kind | (piece ? PIECE : 0)));
    if (piece) {
        dw_buf_varint(out, at - from);
        dw_buf_varint(out, text.len);
    } else if (dw_field_is_text(f)) {
        dw_buf_counted(out, text);
    } else if (f->kind == DW_K_FLOAT) {
        dw_buf_double(out, f->v.f);
    } else {
        dw_buf_zigzag(out, f->v.i);
    }
}

int query_row_pack(struct query_context *cx, struct query_streams *streams, const struct row *row, struct dw_buf *out)
{
    const struct dw_event *ev = &row->ev;
    const struct dw_stream *stream;
    int rc = keep_stream(cx, streams, ev->stream, &stream);
    put_pointer(out, stream);
    dw_buf_byte(out, row->mark);
    dw_buf_byte(out, row->matched);
    dw_buf_byte(out, ev->out);
    dw_buf_zigzag(out, ev->time_ns);
    dw_buf_zigzag(out, ev->read_at_ns);
    dw_buf_varint(out, ev->start);
    dw_buf_varint(out, ev->end);
    dw_buf_counted(out, ev->line);
    dw_buf_varint(out, ev->more_count);
    for (uint32_t i = 0; i < ev->more_count && rc == DW_OK; i++) {
        rc = keep_stream(cx, streams, ev->more[i].stream, &stream);
        put_pointer(out, stream);
        dw_buf_varint(out, ev->more[i].start);
        dw_buf_varint(out, ev->more[i].end);
    }
    for (uint32_t i = 0; i < ev->field_count && rc == DW_OK; i++) {
        uint32_t key;
        rc = keep_key(cx, ev->field[i].key, &key);
        if (rc == DW_OK)
            put_field(out, ev->line, &ev->field[i], key);
        if (rc != DW_ELIMIT)
            continue;
        query_partial(cx, "more field names than can be kept: some fields are left out");
        rc = DW_OK;
    }
    return rc < 0 ? rc : out->err;
}

static struct dw_field take_field(struct dw_cursor *c, struct dw_str line)
{
    struct dw_field f = {.key = dw_take_max(c, DW_KEYS_MAX)};
    f.elem = dw_take_max(c, UINT32_MAX);
    uint8_t kind = dw_take_byte(c);
    f.kind = kind & (PIECE - 1);
    struct dw_str text = DW_STR("");
    if (kind & PIECE) {
        uint64_t at = dw_take_varint(c);
        text = dw_str_make(line.ptr + at, dw_take_varint(c));
    } else if (dw_field_is_text(&f)) {
        text = dw_take_counted(c);
    } else if (f.kind == DW_K_FLOAT) {
        f.v.f = dw_take_double(c);
        return f;
    } else {
        f.v.i = dw_take_zigzag(c);
        return f;
    }
    f.v.ptr = text.ptr;
    f.len = (uint32_t)text.len;
    return f;
}

int query_row_unpack(struct dw_str bytes, struct dw_arena *a, struct row *ret)
{
    struct dw_cursor c = dw_cursor_of(bytes);
    struct dw_event *ev = &ret->ev;
    *ret = (struct row){.ev.stream = take_stream(&c)};
    ret->mark = dw_take_byte(&c);
    ret->matched = dw_take_byte(&c) != 0;
    ev->out = dw_take_byte(&c);
    ev->time_ns = dw_take_zigzag(&c);
    ev->read_at_ns = dw_take_zigzag(&c);
    ev->start = dw_take_varint(&c);
    ev->end = dw_take_varint(&c);
    ev->line = dw_take_counted(&c);
    ev->more_count = dw_take_max(&c, UINT32_MAX);
    struct dw_extent *more = dw_arena_alloc(a, ev->more_count * sizeof *more);
    size_t cap = dw_cursor_left(&c) / 4 + 1; /* a field takes at least four bytes */
    struct dw_field *field = dw_arena_alloc(a, cap * sizeof *field);
    if (!more || !field)
        return DW_ENOMEM;
    for (uint32_t i = 0; i < ev->more_count; i++) {
        more[i].stream = take_stream(&c);
        more[i].start = dw_take_varint(&c);
        more[i].end = dw_take_varint(&c);
    }
    while (dw_cursor_left(&c) && !c.bad)
        field[ev->field_count++] = take_field(&c, ev->line);
    DW_ASSERT(!c.bad && ev->field_count <= cap);
    ev->more = more;
    ev->field = field;
    return DW_OK;
}
