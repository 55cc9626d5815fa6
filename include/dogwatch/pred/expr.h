/*
 * Expressions over leaves: and, or, not, n of them, in Kleene's three-valued logic.
 *
 * Nodes live in a pool and are named by number. A pool is built by one thread and read by any.
 */
#ifndef DOGWATCH_PRED_EXPR_H
#define DOGWATCH_PRED_EXPR_H

#include "dogwatch/pred/pred.h"

enum dw_expr_op {
    DW_EX_LEAF,    /* arg: the leaf */
    DW_EX_NOT,     /* one child */
    DW_EX_ATLEAST, /* arg: how many children must hold; 1 is or, all is and */
    DW_EX_MAP,     /* and; of children on fields of one array, one element must satisfy all */
    DW_EX_EVERY,   /* one child, whose leaves are on one field: it must hold for each value of that alone; false without any. arg: 1 */
};

struct dw_expr_node {
    enum dw_expr_op op;
    uint32_t arg, first, count; /* children: kid[first .. first + count) */
};
struct dw_expr_pool {
    struct dw_expr_node *node;
    uint32_t *kid;
    uint32_t node_count, node_cap, kid_count, kid_cap;
};

enum { DW_EXPR_DEPTH_MAX = 128 };
#define DW_EXPR_NONE UINT32_MAX

void dw_expr_pool_fini(struct dw_expr_pool *x);
/* Each adds a node and gives its number. DW_ENOMEM. `kids` is borrowed; a single child of and/or is given back as it
 * is. */
DW_MUST_USE int dw_expr_leaf(struct dw_expr_pool *x, uint32_t leaf, uint32_t *ret);
DW_MUST_USE int dw_expr_not(struct dw_expr_pool *x, uint32_t kid, uint32_t *ret);
DW_MUST_USE int dw_expr_at_least(
    struct dw_expr_pool *x, uint32_t n, const uint32_t *kids, uint32_t count, uint32_t *ret);
DW_MUST_USE int dw_expr_map(struct dw_expr_pool *x, const uint32_t *kids, uint32_t count, uint32_t *ret);

DW_MUST_USE int dw_expr_every(struct dw_expr_pool *x, uint32_t kid, uint32_t *ret);

/* The verdict for the event bound to `s`. `keys` names its fields. Thread: the scratch's. */
enum dw_verdict dw_expr_test(const struct dw_expr_pool *x, uint32_t node, struct dw_pred_scratch *s,
    const struct dw_event *ev, const struct dw_keys *keys);

/* Cheap sets (groups) of leaves such that the expression can be true or undecided only when of each of them at least one leaf fired:
 * calls `add` for each leaf of each. Answers how many groups there are; 0: none (a pure negation), so it must be evaluated for every event. */
enum { DW_WITNESS_GROUPS = 8 };
uint32_t dw_expr_witness(const struct dw_expr_pool *x, uint32_t node, const struct dw_pred *p,
    void (*add)(void *ud, uint32_t leaf, uint32_t group), void *ud);

/* Appends a canonical form: equal for expressions that are written the same. */
void dw_expr_canon(const struct dw_expr_pool *x, uint32_t node, const struct dw_pred *p, const struct dw_keys *keys,
    struct dw_buf *out);

#endif
