/*
 * Why an expression holds for an event: its conditions as a rule would write them, each with the value that met it.
 */
#ifndef DOGWATCH_PRED_EXPLAIN_H
#define DOGWATCH_PRED_EXPLAIN_H

#include "dogwatch/pred/expr.h"

/* One line of an explanation. Texts are borrowed during the callback. */
struct dw_condition {
    uint32_t depth; /* 0: the whole expression */
    enum dw_verdict verdict;
    bool is_group;       /* speaks of the lines below it that are one deeper */
    struct dw_str text;  /* `source.ip|cidr: '10.0.0.0/8'`; of a group `any of 12`, `all of 3`, `not` */
    struct dw_str field; /* the name that the event has the value under; empty: none of the field's names is in the event */
    struct dw_str value; /* the one that met the condition, else the field's first */
};
typedef void dw_each_condition(void *ud, const struct dw_condition *c);

/* Explains the node for the event bound to `s` (dw_pred_begin), from the outside in. Not `whole`: only conditions on which the verdict
 * rests are told (of `any of 40`, those that held), and of those that do not hold at most DW_EXPLAIN_MISSES a group, with a last line
 * that says how many more. Gives the verdict. DW_ENOMEM. Thread: the scratch's. */
enum { DW_EXPLAIN_MISSES = 12 };
DW_MUST_USE int dw_expr_explain(const struct dw_expr_pool *x, uint32_t node, struct dw_pred_scratch *s, const struct dw_event *ev,
    const struct dw_keys *keys, bool whole, dw_each_condition *each, void *ud, enum dw_verdict *ret);

/* Appends a leaf as a Sigma item: `field|modifiers: 'value'`. Text that is compared without case is shown folded. */
void dw_pred_leaf_text(const struct dw_pred *p, const struct dw_keys *keys, uint32_t leaf, struct dw_buf *out);

#endif
