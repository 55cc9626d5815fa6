/*
 * op_where: `where FILTER`: a further filter, over what the pipes before it have made.
 */
#include "query_int.h"

struct where {
    struct op op;
    struct query_filter filter;
};

static int take(struct op *op, struct row *row)
{
    struct where *w = DW_ITEM(op, struct where, op);
    bool holds = query_filter_test(&w->filter, op->cx->keys, &row->ev);
    if (w->filter.failed)
        query_partial(op->cx, "memory is short");
    return holds ? op_pass(op, row) : DW_OK;
}

static void where_free(struct op *op)
{
    struct where *w = DW_ITEM(op, struct where, op);
    query_filter_fini(&w->filter);
    dw_free(w);
}

static const struct op_ops where_ops = {.name = "where", .take = take, .free = where_free};

int query_pipe_where(struct query_parser *p, struct op **ret)
{
    struct query_filter *outer = p->filter;
    struct where *w = query_op_new(&where_ops, sizeof *w);
    if (!w)
        return DW_ENOMEM;
    int rc = query_filter_init(&w->filter);
    char c = query_peek(p);
    if (rc == DW_OK && (c == '\0' || c == '|'))
        rc = query_refuse(p, p->at, 1, "where status:>=500", "a filter is missing here");
    p->filter = &w->filter;
    if (rc == DW_OK)
        rc = query_parse_filter(p);
    p->filter = outer;
    if (rc == DW_OK)
        rc = query_filter_build(&w->filter);
    if (rc < 0) {
        where_free(&w->op);
        return rc;
    }
    *ret = &w->op;
    return DW_OK;
}
