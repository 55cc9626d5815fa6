/*
 * Operators: what stands between two bars of a query, as links of a chain.
 *
 *     events -> filter -> op -> op -> ... -> the caller's sink
 *
 * An operator takes rows one by one and passes on what it makes of them, now or at the end. A row is an event whose fields may
 * be replaced; it and all it points to are borrowed for the call. Thread: the query's.
 */
#ifndef DOGWATCH_COLLECTOR_OP_H
#define DOGWATCH_COLLECTOR_OP_H

#include "dogwatch/collect/query.h"

#include "dogwatch/base/buf.h"
#include "dogwatch/base/fs.h"

struct row {
    struct dw_event ev; /* stream NULL: a row of a table, which has the fields it has and nothing implied */
    uint8_t mark;       /* enum dw_mark of the event */
    bool matched;       /* the filter holds: false only on the way to `context` */
};

/* What the operators of one query share. */
struct query_context {
    struct dw_keys *keys;
    const struct dw_fs *fs;
    const char *tmp_dir;
    size_t share; /* bytes an operator that holds rows may hold: the query's memory in equal parts */
    const char *partial; /* the first reason why the answer is not the whole one; NULL: it is */
    char why[256];       /* that reason, when it has to be made */
};

struct op;
struct op_ops {
    const char *name;
    bool holds; /* keeps rows or groups, so it takes part in the sharing of memory */
    void (*start)(struct op *op); /* before the first row, cx being known; may be NULL */
    /* A code below 0 (memory, the temporary file): this row is not in the answer, which is partial then. */
    int (*take)(struct op *op, struct row *row);
    int (*end)(struct op *op); /* no further row comes; NULL: nothing to pass on, so rows need no end of the input */
    void (*free)(struct op *op);
};

/* First member of every operator. */
struct op {
    const struct op_ops *ops;
    struct op *next;
    struct query_context *cx; /* set once by dw_query_start */
    size_t at, len;           /* its pipe's word in the query; 0: it is a further operator of the pipe before */
    bool done;                /* takes no more: what is before it may stop */
};

/* Gives a row to the next operator. */
static inline int op_pass(struct op *op, struct row *row)
{
    return op->next->done ? 0 : op->next->ops->take(op->next, row);
}

/* Whether an operator after this one takes no more. */
static inline bool op_unwanted(const struct op *op)
{
    for (const struct op *n = op->next; n; n = n->next)
        if (n->done)
            return true;
    return false;
}

/* Notes why the answer is partial; the first reason stays. */
static inline void query_partial(struct query_context *cx, const char *why)
{
    if (!cx->partial)
        cx->partial = why;
}

#endif
