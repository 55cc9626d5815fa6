/*
 * op_rename: `rename a as b, c as d`, one after the other.
 *
 * Invariant: what had the new name before is gone, so no name stands for two things, in rows as in a table's columns.
 */
#include "query_int.h"

struct rename_pair {
    uint32_t from, to;
};

struct rename {
    struct op op;
    struct rename_pair pair[QUERY_BY_MAX];
    uint32_t count;
    struct row_edit edit;
};

static int take(struct op *op, struct row *row)
{
    struct rename *s = DW_ITEM(op, struct rename, op);
    int rc = row_edit_begin(&s->edit, row);
    for (uint32_t i = 0; i < s->count && rc == DW_OK; i++)
        rc = row_edit_rename(op->cx, &s->edit, s->pair[i].from, s->pair[i].to);
    if (rc < 0)
        return rc;
    struct row made = row_edit_end(&s->edit, row);
    return op_pass(op, &made);
}

static void rename_free(struct op *op)
{
    struct rename *s = DW_ITEM(op, struct rename, op);
    row_edit_fini(&s->edit);
    dw_free(s);
}

static const struct op_ops rename_ops = {.name = "rename", .take = take, .free = rename_free};

/* Columns after a rename: the new name in the old one's place, and not elsewhere. */
static void rename_column(struct query_shape *s, const struct rename_pair *r)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < s->column_count; i++) {
        struct dw_query_column c = s->column[i];
        if (c.key == r->to && r->from != r->to)
            continue;
        if (c.key == r->from)
            c.key = r->to;
        s->column[n++] = c;
    }
    s->column_count = n;
}

static int parse_pair(struct query_parser *p, struct rename_pair *r)
{
    size_t at = (query_skip_blanks(p), p->at);
    int rc = query_name(p, ",", &r->from);
    bool ours = query_ours(r->from) >= 0;
    if (rc == DW_OK && !p->shape.table && ours)
        return query_refuse(p, at, p->at - at, "eval line = event.original", "this field stays with its event: copy it");
    if (rc == DW_OK && !query_keyword(p, "as"))
        return query_refuse(p, p->at, 1, "rename source.ip as client", "'as' is missing here");
    if (rc == DW_OK)
        rc = query_new_name(p, ",", &r->to);
    if (rc == DW_OK && p->shape.table)
        rename_column(&p->shape, r);
    return rc == DW_OK && !p->shape.table ? query_shape_add(p, at, r->to, false) : rc;
}

int query_pipe_rename(struct query_parser *p, struct op **ret)
{
    struct rename *s = query_op_new(&rename_ops, sizeof *s);
    int rc = s ? DW_OK : DW_ENOMEM;
    do {
        if (rc == DW_OK && s->count == QUERY_BY_MAX)
            rc = query_refuse(p, p->at, 1, NULL, "too many fields");
        if (rc == DW_OK)
            rc = parse_pair(p, &s->pair[s->count]);
        if (rc == DW_OK)
            s->count++;
    } while (rc == DW_OK && query_byte(p, ','));
    if (rc == DW_OK)
        rc = query_end_of_list(p);
    if (rc < 0) {
        if (s)
            rename_free(&s->op);
        return rc;
    }
    *ret = &s->op;
    return DW_OK;
}
