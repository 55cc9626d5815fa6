/*
 * op_tail: `tail N`: the last N rows, kept packed in a ring.
 *
 * Invariant: of more than memory holds the oldest go first, and the answer says so.
 */
#include "query_int.h"

enum { TAIL_MAX = 10000000 };

struct tail {
    struct op op;
    uint64_t want;
    struct dw_str *row; /* a ring of `cap`; each is owned */
    size_t first, count, cap, bytes;
    struct query_streams streams;
    struct dw_arena arena;
    struct dw_buf packed;
};

static void start(struct op *op)
{
    struct tail *t = DW_ITEM(op, struct tail, op);
    dw_arena_init(&t->streams.arena, op->cx->share / 4);
}

static void drop_oldest(struct tail *t)
{
    struct dw_str *oldest = &t->row[t->first];
    t->bytes -= oldest->len;
    dw_free((void *)(uintptr_t)oldest->ptr);
    t->first = (t->first + 1) % t->cap;
    t->count--;
}

static int grow(struct tail *t)
{
    size_t cap = t->cap ? t->cap * 2 : 64;
    struct dw_str *row = dw_alloc(cap * sizeof *row);
    if (!row)
        return DW_ENOMEM;
    for (size_t i = 0; i < t->count; i++)
        row[i] = t->row[(t->first + i) % t->cap];
    dw_free(t->row);
    t->row = row;
    t->first = 0;
    t->cap = cap;
    return DW_OK;
}

static int take(struct op *op, struct row *row)
{
    struct tail *t = DW_ITEM(op, struct tail, op);
    dw_buf_reset(&t->packed);
    int rc = query_row_pack(op->cx, &t->streams, row, &t->packed);
    if (rc == DW_OK && t->count == t->cap && t->count < t->want)
        rc = grow(t);
    char *copy = rc == DW_OK ? dw_strndup(t->packed.ptr, t->packed.len) : NULL;
    if (!copy)
        return rc < 0 ? rc : DW_ENOMEM;
    if (t->count == t->want)
        drop_oldest(t);
    while (t->count && t->bytes + t->packed.len + t->cap * sizeof *t->row > op->cx->share / 4 * 3) {
        query_partial(op->cx, "tail: memory holds fewer rows");
        drop_oldest(t);
    }
    t->row[(t->first + t->count++) % t->cap] = dw_str_make(copy, t->packed.len);
    t->bytes += t->packed.len;
    return DW_OK;
}

static int end(struct op *op)
{
    struct tail *t = DW_ITEM(op, struct tail, op);
    struct row row;
    int rc = DW_OK;
    for (size_t i = 0; i < t->count && rc == DW_OK && !op_unwanted(op); i++) {
        dw_arena_reset(&t->arena);
        rc = query_row_unpack(t->row[(t->first + i) % t->cap], &t->arena, &row);
        if (rc == DW_OK)
            rc = op_pass(op, &row);
    }
    return rc;
}

static void tail_free(struct op *op)
{
    struct tail *t = DW_ITEM(op, struct tail, op);
    while (t->count)
        drop_oldest(t);
    query_streams_fini(&t->streams);
    dw_arena_fini(&t->arena);
    dw_buf_fini(&t->packed);
    dw_free(t->row);
    dw_free(t);
}

static const struct op_ops tail_ops = {.name = "tail", .holds = true, .start = start, .take = take, .end = end, .free = tail_free};

int query_pipe_tail(struct query_parser *p, struct op **ret)
{
    uint64_t count;
    int rc = query_count(p, 1, TAIL_MAX, "tail needs a number from 1", &count);
    if (rc < 0)
        return rc;
    p->q->bounded = true;
    struct tail *t = query_op_new(&tail_ops, sizeof *t);
    if (!t)
        return DW_ENOMEM;
    t->want = count;
    *ret = &t->op;
    return DW_OK;
}
