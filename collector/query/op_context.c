/*
 * op_context: `context N`: with each event that matches, the N before and the N after it in the same log.
 *
 * Idea: this operator gets all events, marked whether they match. For each log (series of streams) it keeps the last N that were not
 * shown, packed, and how many are still to be shown after the last match.
 *
 * Invariants:
 *   (1) No event is shown twice: what is shown is not kept.
 *   (2) Over its memory it forgets what it kept, and the answer says so.
 */
#include "query_int.h"

#include "dogwatch/base/hash.h"

enum { CONTEXT_MAX = 1000 };

struct log {
    struct dw_node node;
    uint8_t series[DW_ID_BYTES];
    struct log *next;
    uint64_t after;        /* still to be shown */
    uint32_t first, count; /* of the ring */
    struct dw_str before[];  /* a ring of N; each is owned */
};

struct context {
    struct op op;
    uint32_t want;
    struct dw_table logs;
    struct log *all;
    size_t bytes;
    struct query_streams streams;
    struct dw_arena arena;
    struct dw_buf packed;
};

static void start(struct op *op)
{
    struct context *c = DW_ITEM(op, struct context, op);
    dw_arena_init(&c->streams.arena, op->cx->share / 4);
}

static struct log *log_of(struct context *c, const uint8_t series[DW_ID_BYTES])
{
    uint64_t hash = dw_hash(dw_hash_process_key(), dw_str_make((const char *)series, DW_ID_BYTES));
    for (struct dw_node *n = dw_table_find(&c->logs, hash); n; n = dw_table_next(n))
        if (memcmp(DW_ITEM(n, struct log, node)->series, series, DW_ID_BYTES) == 0)
            return DW_ITEM(n, struct log, node);
    size_t bytes = sizeof(struct log) + c->want * sizeof(struct dw_str);
    struct log *l = c->bytes + bytes < c->op.cx->share / 2 ? dw_calloc(1, bytes) : NULL;
    if (!l)
        return NULL;
    memcpy(l->series, series, DW_ID_BYTES);
    l->next = c->all;
    c->all = l;
    c->bytes += bytes;
    dw_table_add(&c->logs, &l->node, hash);
    return l;
}

static void drop_oldest(struct context *c, struct log *l)
{
    struct dw_str *oldest = &l->before[l->first];
    c->bytes -= oldest->len;
    dw_free((void *)(uintptr_t)oldest->ptr);
    l->first = (l->first + 1) % c->want;
    l->count--;
}

static int keep(struct context *c, struct log *l, const struct row *row)
{
    dw_buf_reset(&c->packed);
    int rc = query_row_pack(c->op.cx, &c->streams, row, &c->packed);
    char *copy = rc == DW_OK ? dw_strndup(c->packed.ptr, c->packed.len) : NULL;
    if (!copy)
        return rc < 0 ? rc : DW_ENOMEM;
    if (l->count == c->want)
        drop_oldest(c, l);
    if (c->bytes + c->packed.len > c->op.cx->share / 4 * 3) {
        query_partial(c->op.cx, "context: memory holds fewer events before a match");
        for (struct log *any = c->all; any; any = any->next)
            while (any->count)
                drop_oldest(c, any);
    }
    l->before[(l->first + l->count++) % c->want] = dw_str_make(copy, c->packed.len);
    c->bytes += c->packed.len;
    return DW_OK;
}

static int show_kept(struct context *c, struct log *l)
{
    struct row row;
    int rc = DW_OK;
    while (l->count && rc == DW_OK) {
        dw_arena_reset(&c->arena);
        rc = query_row_unpack(l->before[l->first], &c->arena, &row);
        if (rc == DW_OK)
            rc = op_pass(&c->op, &row);
        drop_oldest(c, l);
    }
    return rc;
}

static int take(struct op *op, struct row *row)
{
    static const uint8_t no_series[DW_ID_BYTES];
    struct context *c = DW_ITEM(op, struct context, op);
    struct log *l = log_of(c, row->ev.stream ? row->ev.stream->series : no_series);
    if (!l) {
        query_partial(op->cx, "context: more logs than memory holds");
        return row->matched ? op_pass(op, row) : DW_OK;
    }
    if (!row->matched && l->after == 0)
        return keep(c, l, row);
    int rc = row->matched ? show_kept(c, l) : DW_OK;
    l->after = row->matched ? c->want : l->after - 1;
    int passed = op_pass(op, row);
    return rc < 0 ? rc : passed;
}

static void context_free(struct op *op)
{
    struct context *c = DW_ITEM(op, struct context, op);
    for (struct log *l = c->all, *next = NULL; l; l = next) {
        next = l->next;
        while (l->count)
            drop_oldest(c, l);
        dw_free(l);
    }
    dw_table_fini(&c->logs);
    query_streams_fini(&c->streams);
    dw_arena_fini(&c->arena);
    dw_buf_fini(&c->packed);
    dw_free(c);
}

static const struct op_ops context_ops = {.name = "context", .holds = true, .start = start, .take = take, .free = context_free};

int query_pipe_context(struct query_parser *p, struct op **ret)
{
    uint64_t count;
    if (!p->first)
        return query_refuse(p, p->pipe_at, strlen(p->pipe.word), "panic | context 5 | ...", "context must be the first pipe: it needs also what does not match");
    int rc = query_count(p, 1, CONTEXT_MAX, "context needs a number from 1", &count);
    if (rc < 0)
        return rc;
    struct context *c = query_op_new(&context_ops, sizeof *c);
    if (!c)
        return DW_ENOMEM;
    c->want = (uint32_t)count;
    p->q->context = true;
    *ret = &c->op;
    return DW_OK;
}
