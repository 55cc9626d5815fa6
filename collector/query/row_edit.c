/*
 * row_edit: rows with other fields than they came with.
 *
 * Invariants:
 *   (1) The row that came is not touched: it may be shared.
 *   (2) A name that was set or given stands for nothing else, neither in the event nor in its stream.
 *   (3) An event has at most DW_EVENT_FIELDS_MAX fields of its own.
 */
#include "query_row.h"

#include "dogwatch/base/error.h"
#include "dogwatch/base/mem.h"

void row_fields_drop(struct row_fields *f, uint32_t key)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < f->count; i++)
        if (f->field[i].key != key)
            f->field[n++] = f->field[i];
    f->count = n;
}

bool row_fields_has(const struct row_fields *f, uint32_t key)
{
    for (uint32_t i = 0; i < f->count; i++)
        if (f->field[i].key == key)
            return true;
    return false;
}

int row_edit_begin(struct row_edit *e, const struct row *row)
{
    const struct dw_stream *stream = row->ev.stream;
    int rc = DW_OK;
    e->own.count = e->of_stream.count = 0;
    for (uint32_t i = 0; i < row->ev.field_count && rc == DW_OK; i++)
        rc = row_fields_add(&e->own, row->ev.field[i]);
    for (uint32_t i = 0; stream && i < stream->field_count && rc == DW_OK; i++)
        rc = row_fields_add(&e->of_stream, stream->field[i]);
    return rc;
}

static int add_own(struct query_context *cx, struct row_edit *e, struct dw_field f)
{
    if (e->own.count < DW_EVENT_FIELDS_MAX)
        return row_fields_add(&e->own, f);
    query_partial(cx, "an event has more fields than it may: one is left out");
    return DW_OK;
}

int row_edit_set(struct query_context *cx, struct row_edit *e, uint32_t key, struct value v)
{
    row_fields_drop(&e->own, key);
    row_fields_drop(&e->of_stream, key);
    return v.kind == VALUE_NONE ? DW_OK : add_own(cx, e, query_field(key, v));
}

int row_edit_rename(struct query_context *cx, struct row_edit *e, uint32_t from, uint32_t to)
{
    bool own = row_fields_has(&e->own, from), streams = row_fields_has(&e->of_stream, from);
    int rc = DW_OK;
    if (from == to)
        return DW_OK;
    row_fields_drop(&e->own, to);
    row_fields_drop(&e->of_stream, to);
    for (uint32_t i = 0; i < e->own.count; i++)
        if (e->own.field[i].key == from)
            e->own.field[i].key = to;
    for (uint32_t i = 0; streams && !own && i < e->of_stream.count && rc == DW_OK; i++) {
        struct dw_field f = e->of_stream.field[i];
        if (f.key != from)
            continue;
        f.key = to;
        rc = add_own(cx, e, f);
    }
    row_fields_drop(&e->of_stream, from);
    return rc;
}

struct row row_edit_end(struct row_edit *e, const struct row *row)
{
    struct row made = *row;
    made.ev.field = e->own.field;
    made.ev.field_count = e->own.count;
    if (!row->ev.stream)
        return made;
    e->stream = *row->ev.stream;
    e->stream.field = e->of_stream.field;
    e->stream.field_count = e->of_stream.count;
    made.ev.stream = &e->stream;
    return made;
}

void row_edit_fini(struct row_edit *e)
{
    dw_free(e->own.field);
    dw_free(e->of_stream.field);
    *e = (struct row_edit){0};
}
