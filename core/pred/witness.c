/*
 * witness: the leaves that must fire before an expression can be true.
 *
 * Idea: for "at least n of k" to hold, one of any k - n + 1 children must; for it to fail, one of any n must not. So a set of leaves of
 * which one must fire is found by one recursion with a polarity. Where all children must hold, each of them has such a set of its own:
 * the expression is worth looking at only when every set has a leaf that fired. A program's name fires for hundreds of rules, its name
 * and an argument for few.
 *
 * Invariants:
 *   (1) A set errs only to the large side.
 *   (2) At most DW_WITNESS_GROUPS sets; leaving one out makes an expression looked at more often, never less.
 */
#include "dogwatch/pred/expr.h"

enum { COST_NONE = 1 << 30, COST_OFTEN = 1000 }; /* OFTEN: a leaf without a literal, which fires wherever its field is */

/* How many children must have a witness, for the node to hold (`holds`) or to fail. */
static uint32_t wanted(const struct dw_expr_node *n, bool holds)
{
    return holds ? n->count - n->arg + 1 : n->arg;
}

static uint32_t cost(const struct dw_expr_pool *x, uint32_t index, bool holds, const struct dw_pred *p)
{
    const struct dw_expr_node *n = &x->node[index];
    if (n->op == DW_EX_LEAF)
        return holds ? dw_pred_leaf_cost(p, n->arg) : COST_NONE;
    if (n->op == DW_EX_NOT)
        return cost(x, x->kid[n->first], !holds, p);
    if ((n->op == DW_EX_MAP || n->op == DW_EX_EVERY) && !holds)
        return COST_NONE; /* it may fail by elements alone, by one value alone */
    uint32_t want = wanted(n, holds), have = 0, least = COST_NONE;
    uint64_t sum = 0;
    if (n->arg == 0 || n->arg > n->count)
        return COST_NONE;
    for (uint32_t i = 0; i < n->count; i++) {
        uint32_t c = cost(x, x->kid[n->first + i], holds, p);
        have += c < COST_NONE;
        sum += c < COST_NONE ? c : 0;
        least = c < least ? c : least;
    }
    if (want == 1)
        return least;
    return have < want ? COST_NONE : sum < COST_NONE ? (uint32_t)sum : COST_NONE - 1;
}

struct adder {
    void (*leaf)(void *ud, uint32_t leaf, uint32_t group);
    void *ud;
    uint32_t group;
};

static void emit(const struct dw_expr_pool *x, uint32_t index, bool holds, const struct dw_pred *p, const struct adder *add)
{
    const struct dw_expr_node *n = &x->node[index];
    if (n->op == DW_EX_LEAF) {
        add->leaf(add->ud, n->arg, add->group);
        return;
    }
    if (n->op == DW_EX_NOT) {
        emit(x, x->kid[n->first], !holds, p, add);
        return;
    }
    uint32_t best = 0, least = COST_NONE;
    for (uint32_t i = 0; i < n->count; i++) {
        uint32_t kid = x->kid[n->first + i], c = cost(x, kid, holds, p);
        if (c < COST_NONE && wanted(n, holds) > 1)
            emit(x, kid, holds, p, add);
        if (c < least) {
            least = c;
            best = kid;
        }
    }
    if (wanted(n, holds) == 1)
        emit(x, best, holds, p, add);
}

/* The sets of leaves, cheapest first as far as there is room. */
struct sets {
    uint32_t node[DW_WITNESS_GROUPS], cost[DW_WITNESS_GROUPS], count;
};

static void keep(struct sets *g, uint32_t node, uint32_t c)
{
    if (g->count == DW_WITNESS_GROUPS && g->cost[g->count - 1] <= c)
        return;
    uint32_t at = g->count < DW_WITNESS_GROUPS ? g->count++ : DW_WITNESS_GROUPS - 1;
    for (; at > 0 && g->cost[at - 1] > c; at--) {
        g->cost[at] = g->cost[at - 1];
        g->node[at] = g->node[at - 1];
    }
    g->cost[at] = c;
    g->node[at] = node;
}

/* Every node that must hold for `index` to hold, and has a set. */
static void gather(const struct dw_expr_pool *x, uint32_t index, const struct dw_pred *p, struct sets *g)
{
    const struct dw_expr_node *n = &x->node[index];
    if ((n->op == DW_EX_ATLEAST || n->op == DW_EX_MAP) && n->arg == n->count && n->count > 0) {
        for (uint32_t i = 0; i < n->count; i++)
            gather(x, x->kid[n->first + i], p, g);
        return;
    }
    uint32_t c = cost(x, index, true, p);
    if (c < COST_NONE)
        keep(g, index, c);
}

uint32_t dw_expr_witness(const struct dw_expr_pool *x, uint32_t node, const struct dw_pred *p,
    void (*add_leaf)(void *ud, uint32_t leaf, uint32_t group), void *ud)
{
    struct sets g = {.count = 0};
    uint32_t groups = 0;
    gather(x, node, p, &g);
    for (uint32_t i = 0; i < g.count; i++)
        if (i == 0 || g.cost[i] < COST_OFTEN)
            emit(x, g.node[i], true, p, &(struct adder){add_leaf, ud, groups++});
    return groups;
}
