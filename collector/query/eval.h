/*
 * Expressions of `eval`: numbers, texts, fields, and a few functions of them. Thread: the query's.
 */
#ifndef DOGWATCH_COLLECTOR_EVAL_H
#define DOGWATCH_COLLECTOR_EVAL_H

#include "query_int.h"

enum eval_op {
    EVAL_CONST,
    EVAL_FIELD,
    EVAL_ADD,
    EVAL_SUB,
    EVAL_MUL,
    EVAL_DIV,
    EVAL_MOD,
    EVAL_LOWER,
    EVAL_UPPER,
    EVAL_LEN,
    EVAL_SUBSTR,
    EVAL_IF, /* kids: the comparison, then, else */
    EVAL_EQ,
    EVAL_NE,
    EVAL_LT,
    EVAL_LE,
    EVAL_GT,
    EVAL_GE,
};

struct eval_node {
    enum eval_op op;
    uint32_t kid[3];
    uint32_t key;       /* FIELD */
    struct value value; /* CONST; its text is in the expression's arena */
};

enum { EVAL_NODES_MAX = 128, EVAL_DEPTH_MAX = 32 };

struct eval_expr {
    struct eval_node node[EVAL_NODES_MAX];
    uint32_t count, root;
    struct dw_arena texts;
};

/* Reads an expression. `x` is zeroed; eval_fini also after a failure. */
DW_MUST_USE int eval_parse(struct query_parser *p, struct eval_expr *x);
void eval_fini(struct eval_expr *x);
/* Its value for a row: VALUE_NONE where a field is missing, a text is no number, or a divisor is 0. Made texts are in `a`. DW_ENOMEM. */
DW_MUST_USE int eval_run(const struct eval_expr *x, const struct row *row, struct dw_arena *a, struct value *ret);

#endif
