/*
 * eval_run: the value of an expression for one row.
 *
 * Invariants:
 *   (1) Recursion is bounded by the number of nodes.
 *   (2) Whole numbers stay whole while they fit into 64 bits; else numbers are doubles. What has no value has none: never 0, never "".
 */
#include "eval.h"

#include "dogwatch/pred/fold.h"

#include <math.h>

struct run {
    const struct eval_expr *x;
    const struct row *row;
    struct dw_arena *a;
    bool nomem;
};

static const struct value none = {.kind = VALUE_NONE};

static double as_double(const struct value *v)
{
    return v->kind == VALUE_INT ? (double)v->i : v->f;
}

static bool whole_arithmetic(enum eval_op op, int64_t a, int64_t b, int64_t *ret)
{
    switch (op) {
    case EVAL_ADD: return !__builtin_add_overflow(a, b, ret);
    case EVAL_SUB: return !__builtin_sub_overflow(a, b, ret);
    case EVAL_MUL: return !__builtin_mul_overflow(a, b, ret);
    case EVAL_MOD:
        *ret = b == 0 || b == -1 ? 0 : a % b;
        return b != 0;
    default: return false;
    }
}

static struct value arithmetic(enum eval_op op, struct value a, struct value b)
{
    struct value x, y, v = {.kind = VALUE_INT};
    if (!query_number(a, &x) || !query_number(b, &y))
        return none;
    if (x.kind == VALUE_INT && y.kind == VALUE_INT && whole_arithmetic(op, x.i, y.i, &v.i))
        return v;
    double p = as_double(&x), q = as_double(&y), r = 0;
    if ((op == EVAL_DIV || op == EVAL_MOD) && q == 0)
        return none;
    switch (op) {
    case EVAL_ADD: r = p + q; break;
    case EVAL_SUB: r = p - q; break;
    case EVAL_MUL: r = p * q; break;
    case EVAL_DIV: r = p / q; break;
    default: r = fmod(p, q); break;
    }
    return isfinite(r) ? query_real(r) : none;
}

static bool compare(enum eval_op op, const struct value *a, const struct value *b)
{
    bool has_both = a->kind != VALUE_NONE && b->kind != VALUE_NONE;
    if (op == EVAL_EQ || op == EVAL_NE) {
        bool same = has_both ? query_value_cmp(a, b) == 0 : a->kind == b->kind;
        return same == (op == EVAL_EQ);
    }
    int c = has_both ? query_value_cmp(a, b) : 0;
    return has_both && (op == EVAL_LT ? c < 0 : op == EVAL_LE ? c <= 0 : op == EVAL_GT ? c > 0 : c >= 0);
}

/* A text with its letters A to Z in the other case; other alphabets stay, so that upper(lower(x)) loses nothing. */
static struct value change_case(struct run *r, struct dw_str text, bool upper)
{
    char *copy = dw_arena_alloc(r->a, text.len + 1);
    r->nomem |= !copy;
    if (!copy)
        return none;
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];
        bool letter = upper ? c >= 'a' && c <= 'z' : c >= 'A' && c <= 'Z';
        copy[i] = (char)(letter ? c ^ 0x20 : c);
    }
    return (struct value){.kind = VALUE_TEXT, .text = dw_str_make(copy, text.len)};
}

/* How many bytes the first `count` characters take. */
static size_t characters(struct dw_str text, int64_t count)
{
    size_t at = 0;
    uint32_t cp;
    for (; count > 0 && at < text.len; count--)
        at += dw_utf8_take(dw_str_slice(text, at, text.len), &cp);
    return at;
}

static int64_t length(struct dw_str text)
{
    int64_t n = 0;
    uint32_t cp;
    for (size_t at = 0; at < text.len; n++)
        at += dw_utf8_take(dw_str_slice(text, at, text.len), &cp);
    return n;
}

static struct value run_node(struct run *r, uint32_t node);

static struct value substring(struct run *r, struct dw_str text, const struct eval_node *n)
{
    struct value from, count;
    if (!query_number(run_node(r, n->kid[1]), &from) || !query_number(run_node(r, n->kid[2]), &count))
        return none;
    if (from.kind != VALUE_INT || count.kind != VALUE_INT || from.i < 0 || count.i < 0)
        return none;
    text = dw_str_slice(text, characters(text, from.i), text.len);
    return (struct value){.kind = VALUE_TEXT, .text = dw_str_slice(text, 0, characters(text, count.i))};
}

static struct value text_function(struct run *r, const struct eval_node *n)
{
    char *room = dw_arena_alloc(r->a, QUERY_TEXT_MAX);
    struct value v = run_node(r, n->kid[0]);
    r->nomem |= !room;
    if (!room || v.kind == VALUE_NONE)
        return none;
    struct dw_str text = query_value_text(v, room);
    if (n->op == EVAL_LEN)
        return (struct value){.kind = VALUE_INT, .i = length(text)};
    return n->op == EVAL_SUBSTR ? substring(r, text, n) : change_case(r, text, n->op == EVAL_UPPER);
}

static struct value run_node(struct run *r, uint32_t node)
{
    const struct eval_node *n = &r->x->node[node];
    switch (n->op) {
    case EVAL_CONST: return n->value;
    case EVAL_FIELD: {
        char *room = dw_arena_alloc(r->a, QUERY_TEXT_MAX);
        r->nomem |= !room;
        return room ? query_value(r->row, n->key, room) : none;
    }
    case EVAL_ADD:
    case EVAL_SUB:
    case EVAL_MUL:
    case EVAL_DIV:
    case EVAL_MOD: {
        struct value a = run_node(r, n->kid[0]);
        return arithmetic(n->op, a, run_node(r, n->kid[1]));
    }
    case EVAL_LOWER:
    case EVAL_UPPER:
    case EVAL_LEN:
    case EVAL_SUBSTR: return text_function(r, n);
    case EVAL_IF: {
        const struct eval_node *c = &r->x->node[n->kid[0]];
        struct value a = run_node(r, c->kid[0]), b = run_node(r, c->kid[1]);
        return run_node(r, n->kid[compare(c->op, &a, &b) ? 1 : 2]);
    }
    case EVAL_EQ:
    case EVAL_NE:
    case EVAL_LT:
    case EVAL_LE:
    case EVAL_GT:
    case EVAL_GE: break;
    }
    DW_NEVER("comparisons stand in if only");
}

int eval_run(const struct eval_expr *x, const struct row *row, struct dw_arena *a, struct value *ret)
{
    struct run r = {.x = x, .row = row, .a = a};
    *ret = run_node(&r, x->root);
    return r.nomem ? DW_ENOMEM : DW_OK;
}
