/*
 * op_head: `head N`: the first N rows. After them it is done, and so is everything before it.
 */
#include "query_int.h"

struct head {
    struct op op;
    uint64_t left;
};

static int take(struct op *op, struct row *row)
{
    struct head *h = DW_ITEM(op, struct head, op);
    DW_ASSERT(h->left > 0 && !op->done);
    op->done = --h->left == 0;
    return op_pass(op, row);
}

static void head_free(struct op *op)
{
    dw_free(DW_ITEM(op, struct head, op));
}

static const struct op_ops head_ops = {.name = "head", .take = take, .free = head_free};

struct op *query_head_new(uint64_t count)
{
    struct head *h = query_op_new(&head_ops, sizeof *h);
    if (!h)
        return NULL;
    h->left = count;
    return &h->op;
}

int query_pipe_head(struct query_parser *p, struct op **ret)
{
    uint64_t count;
    int rc = query_count(p, 1, UINT64_MAX, "head needs a number from 1", &count);
    if (rc < 0)
        return rc;
    p->q->bounded = true;
    *ret = query_head_new(count);
    return *ret ? DW_OK : DW_ENOMEM;
}
