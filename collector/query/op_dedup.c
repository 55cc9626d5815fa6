/*
 * op_dedup: `dedup field, ...`: of rows that agree in these fields, the first.
 *
 * Invariant: no two rows that it passes agree. Once memory holds no further combination, rows with new ones are left out, and the
 * answer says so: a repeated row would be wrong, a missing one is partial.
 */
#include "query_int.h"

#include "dogwatch/base/hash.h"

struct seen {
    struct dw_node node;
    struct dw_str key;
};

struct dedup {
    struct op op;
    uint32_t key[QUERY_BY_MAX], count;
    struct dw_arena arena;
    struct dw_table seen;
    struct dw_buf of_row;
};

static int take(struct op *op, struct row *row)
{
    struct dedup *d = DW_ITEM(op, struct dedup, op);
    char room[QUERY_TEXT_MAX];
    dw_buf_reset(&d->of_row);
    for (uint32_t i = 0; i < d->count; i++)
        query_key_text(&d->of_row, query_text(row, d->key[i], room));
    if (d->of_row.err)
        return d->of_row.err;
    struct dw_str key = dw_buf_view(&d->of_row);
    uint64_t hash = dw_hash(dw_hash_process_key(), key);
    for (struct dw_node *n = dw_table_find(&d->seen, hash); n; n = dw_table_next(n))
        if (dw_str_eq(DW_ITEM(n, struct seen, node)->key, key))
            return DW_OK;
    bool room_left = d->arena.total + d->seen.slot_count * sizeof(void *) + sizeof(struct seen) + key.len < op->cx->share;
    struct seen *s = room_left ? dw_arena_alloc(&d->arena, sizeof *s) : NULL;
    if (s)
        s->key = dw_arena_copy(&d->arena, key);
    if (!s || !s->key.ptr) {
        query_partial(op->cx, "dedup: memory holds no further values");
        return DW_OK;
    }
    dw_table_add(&d->seen, &s->node, hash);
    return op_pass(op, row);
}

static void dedup_free(struct op *op)
{
    struct dedup *d = DW_ITEM(op, struct dedup, op);
    dw_table_fini(&d->seen);
    dw_arena_fini(&d->arena);
    dw_buf_fini(&d->of_row);
    dw_free(d);
}

static const struct op_ops dedup_ops = {.name = "dedup", .holds = true, .take = take, .free = dedup_free};

int query_pipe_dedup(struct query_parser *p, struct op **ret)
{
    struct dedup *d = query_op_new(&dedup_ops, sizeof *d);
    if (!d)
        return DW_ENOMEM;
    int rc = query_names(p, d->key, QUERY_BY_MAX, &d->count);
    if (rc < 0) {
        dedup_free(&d->op);
        return rc;
    }
    *ret = &d->op;
    return DW_OK;
}
