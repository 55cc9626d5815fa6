/*
 * op_fields: `fields a, b`: rows become a table of these columns.
 *
 * Invariant: a column has all values of its field, so a list stays one; of what an event lacks the column is empty.
 */
#include "query_int.h"

struct fields {
    struct op op;
    uint32_t key[QUERY_COLUMNS_MAX], count;
    struct row_fields made;
};

/* As in events' JSON, what stands in a field of numbers is one. */
static struct dw_field as_column(const struct row *row, const struct dw_field *f)
{
    struct dw_field copy = *f;
    enum dw_field_type type = dw_field_type(f->key);
    if (row->ev.stream && dw_field_is_text(f) && (type == DW_T_LONG || type == DW_T_FLOAT))
        copy.kind = DW_K_NUMBER;
    return copy;
}

static int add_values(struct fields *s, const struct row *row, uint32_t key)
{
    const struct dw_stream *stream = row->ev.stream;
    uint32_t before = s->made.count;
    int rc = DW_OK;
    for (uint32_t i = 0; i < row->ev.field_count && rc == DW_OK; i++)
        if (row->ev.field[i].key == key)
            rc = row_fields_add(&s->made, as_column(row, &row->ev.field[i]));
    for (uint32_t i = 0; stream && s->made.count == before && i < stream->field_count && rc == DW_OK; i++)
        if (stream->field[i].key == key)
            rc = row_fields_add(&s->made, as_column(row, &stream->field[i]));
    return rc;
}

static int take(struct op *op, struct row *row)
{
    struct fields *s = DW_ITEM(op, struct fields, op);
    char room[QUERY_OURS][QUERY_TEXT_MAX];
    int rc = DW_OK;
    s->made.count = 0;
    for (uint32_t i = 0; i < s->count && rc == DW_OK; i++) {
        uint32_t key = s->key[i];
        int ours = row->ev.stream ? query_ours(key) : -1;
        if (ours >= 0)
            rc = row_fields_add(&s->made, query_field(key, query_value(row, key, room[ours])));
        else
            rc = add_values(s, row, key);
    }
    struct row made = {.ev = {.field = s->made.field, .field_count = s->made.count, .line = DW_STR("")}, .mark = row->mark};
    return rc < 0 ? rc : op_pass(op, &made);
}

static void fields_free(struct op *op)
{
    struct fields *s = DW_ITEM(op, struct fields, op);
    dw_free(s->made.field);
    dw_free(s);
}

static const struct op_ops fields_ops = {.name = "fields", .take = take, .free = fields_free};

int query_pipe_fields(struct query_parser *p, struct op **ret)
{
    struct query_shape before = p->shape;
    struct fields *s = query_op_new(&fields_ops, sizeof *s);
    size_t at = p->at;
    if (!s)
        return DW_ENOMEM;
    int rc = query_names(p, s->key, QUERY_COLUMNS_MAX, &s->count);
    query_shape_table(p);
    for (uint32_t i = 0; i < s->count && rc == DW_OK; i++) {
        bool number = false;
        for (uint32_t k = 0; before.table && k < before.column_count; k++)
            number |= before.column[k].key == s->key[i] && before.column[k].number;
        rc = query_shape_add(p, at, s->key[i], number);
    }
    if (rc < 0) {
        fields_free(&s->op);
        return rc;
    }
    *ret = &s->op;
    return DW_OK;
}
