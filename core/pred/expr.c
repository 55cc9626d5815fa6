/*
 * expr: boolean expressions over leaves.
 *
 * Idea: and, or and n-of are one operator, "at least n of k".
 *
 * Invariants:
 *   (1) Children have smaller numbers than their parent: no cycle, depth is bounded by the builders.
 *   (2) Kleene: at least n is true when n are true, undecided when true + undecided reach n.
 */
#include "dogwatch/pred/expr.h"

#include "dogwatch/base/error.h"
#include "dogwatch/base/mem.h"

void dw_expr_pool_fini(struct dw_expr_pool *x)
{
    dw_free(x->node);
    dw_free(x->kid);
    *x = (struct dw_expr_pool){0};
}

static int add(
    struct dw_expr_pool *x, enum dw_expr_op op, uint32_t arg, const uint32_t *kids, uint32_t count, uint32_t *ret)
{
    if (x->node_count == x->node_cap) {
        uint32_t cap = x->node_cap ? x->node_cap * 2 : 256;
        struct dw_expr_node *node = dw_resize(x->node, cap * sizeof *node);
        if (!node)
            return DW_ENOMEM;
        x->node = node;
        x->node_cap = cap;
    }
    if (x->kid_count + count > x->kid_cap) {
        uint32_t cap = (x->kid_count + count) * 2;
        uint32_t *kid = dw_resize(x->kid, cap * sizeof *kid);
        if (!kid)
            return DW_ENOMEM;
        x->kid = kid;
        x->kid_cap = cap;
    }
    x->node[x->node_count] = (struct dw_expr_node){op, arg, x->kid_count, count};
    if (count)
        memcpy(x->kid + x->kid_count, kids, count * sizeof *kids);
    x->kid_count += count;
    *ret = x->node_count++;
    return DW_OK;
}

int dw_expr_leaf(struct dw_expr_pool *x, uint32_t leaf, uint32_t *ret)
{
    return add(x, DW_EX_LEAF, leaf, NULL, 0, ret);
}

int dw_expr_not(struct dw_expr_pool *x, uint32_t kid, uint32_t *ret)
{
    return add(x, DW_EX_NOT, 0, &kid, 1, ret);
}

int dw_expr_at_least(struct dw_expr_pool *x, uint32_t n, const uint32_t *kids, uint32_t count, uint32_t *ret)
{
    if (count == 1 && n == 1) {
        *ret = kids[0];
        return DW_OK;
    }
    return add(x, DW_EX_ATLEAST, n, kids, count, ret);
}

int dw_expr_map(struct dw_expr_pool *x, const uint32_t *kids, uint32_t count, uint32_t *ret)
{
    if (count == 1) {
        *ret = kids[0];
        return DW_OK;
    }
    return add(x, DW_EX_MAP, count, kids, count, ret);
}

int dw_expr_every(struct dw_expr_pool *x, uint32_t kid, uint32_t *ret)
{
    return add(x, DW_EX_EVERY, 1, &kid, 1, ret);
}

#define ALL_VALUES UINT32_MAX

/* What one evaluation needs. elem 0: values of any element count. */
struct run {
    const struct dw_expr_pool *x;
    struct dw_pred_scratch *s;
    const struct dw_event *ev;
    const struct dw_keys *keys;
    uint32_t nth; /* of the field's values only this one counts; ALL_VALUES */
};

static enum dw_verdict eval(const struct run *r, uint32_t index, uint32_t elem);

static enum dw_verdict eval_at_least(const struct run *r, const struct dw_expr_node *n, uint32_t need, uint32_t elem)
{
    uint32_t yes = 0, maybe = 0;
    for (uint32_t i = 0; i < n->count; i++) {
        enum dw_verdict v = eval(r, r->x->kid[n->first + i], elem);
        yes += v == DW_TRUE;
        maybe += v == DW_UNDECIDED;
        if (yes >= need)
            return DW_TRUE;
        if (yes + maybe + (n->count - i - 1) < need)
            return DW_FALSE;
    }
    return yes + maybe >= need && n->count ? DW_UNDECIDED : need ? DW_FALSE : DW_TRUE;
}

/* Field of the leaves below a child of a map: all are on one. DW_PRED_LINE when there is no leaf. */
static uint32_t field_of(const struct dw_expr_pool *x, uint32_t index, const struct dw_pred *p)
{
    const struct dw_expr_node *n = &x->node[index];
    uint32_t field = n->op == DW_EX_LEAF ? dw_pred_leaf_field(p, n->arg) : DW_PRED_LINE;
    for (uint32_t i = 0; i < n->count && field == DW_PRED_LINE; i++)
        field = field_of(x, x->kid[n->first + i], p);
    return field;
}

static size_t common_prefix(struct dw_str a, struct dw_str b)
{
    size_t dot = 0;
    for (size_t i = 0; i < a.len && i < b.len && a.ptr[i] == b.ptr[i]; i++)
        if (a.ptr[i] == '.')
            dot = i + 1;
    return dot;
}

/* Whether two names are members of the elements of one array. An event does not say at which level of a name its
 * arrays stand, so it is read off the other fields: everything below the common prefix stands in an array, and
 * something stands directly below it. Lists that ECS itself defines (event.category) are never tied. */
static bool tied(const struct run *r, uint32_t key_a, uint32_t key_b)
{
    if (key_a == key_b || dw_field_is_list(key_a) || dw_field_is_list(key_b))
        return key_a == key_b;
    struct dw_str a = dw_keys_name(r->keys, key_a);
    struct dw_str prefix = dw_str_slice(a, 0, common_prefix(a, dw_keys_name(r->keys, key_b)));
    bool direct = false;
    if (prefix.len == 0)
        return false;
    for (uint32_t i = 0; i < r->ev->field_count; i++) {
        struct dw_str name = dw_keys_name(r->keys, r->ev->field[i].key);
        if (!dw_str_starts(name, prefix))
            continue;
        if (r->ev->field[i].elem == 0)
            return false;
        direct = direct || dw_str_index(dw_str_slice(name, prefix.len, name.len), '.') == name.len - prefix.len;
    }
    return direct;
}

/* Children of a map on fields of arrays: by child the name of its field, UINT32_MAX where it is in none. */
enum { KIDS_MAX = 64 };

/* Whether this element satisfies every child that is `in` its array. */
static enum dw_verdict element_holds(const struct run *r, const struct dw_expr_node *n, const bool *in, uint32_t elem)
{
    enum dw_verdict all = DW_TRUE;
    for (uint32_t i = 0; i < n->count && all != DW_FALSE; i++) {
        enum dw_verdict v = in[i] ? eval(r, r->x->kid[n->first + i], elem) : DW_TRUE;
        all = v == DW_TRUE ? all : v;
    }
    return all;
}

/* Whether one element satisfies every child whose field is in one array with that of child `lead`. Elements that any of these fields has are
 * tried: a negated child holds for one that lacks its field. */
static enum dw_verdict same_element(
    const struct run *r, const struct dw_expr_node *n, uint32_t lead, const uint32_t *key, const struct dw_pred *p)
{
    bool in[KIDS_MAX];
    enum dw_verdict best = DW_FALSE;
    for (uint32_t i = 0; i < n->count; i++)
        in[i] = key[i] != UINT32_MAX && tied(r, key[lead], key[i]);
    for (uint32_t i = 0; i < n->count && best != DW_TRUE; i++) {
        uint32_t field = in[i] ? field_of(r->x, r->x->kid[n->first + i], p) : DW_PRED_LINE, elem;
        for (uint32_t nth = 0; in[i] && best != DW_TRUE && dw_pred_elem(r->s, field, nth, &elem); nth++) {
            enum dw_verdict one = element_holds(r, n, in, elem);
            best = one == DW_FALSE ? best : one;
        }
    }
    return best;
}

static enum dw_verdict eval_map(const struct run *r, const struct dw_expr_node *n, uint32_t elem)
{
    enum dw_verdict v = eval_at_least(r, n, n->count, elem);
    uint32_t key[KIDS_MAX], arrays = 0;
    if (v == DW_FALSE || elem || n->count > KIDS_MAX)
        return v;
    const struct dw_pred *p = dw_pred_of(r->s);
    for (uint32_t i = 0; i < n->count; i++) {
        uint32_t field = field_of(r->x, r->x->kid[n->first + i], p);
        if (field == DW_PRED_LINE || !dw_pred_in_array(r->s, field) || !dw_pred_present_key(r->s, field, &key[i]))
            key[i] = UINT32_MAX;
        else
            arrays++;
    }
    for (uint32_t i = 0; arrays > 1 && i < n->count && v != DW_FALSE; i++) {
        bool lead = key[i] != UINT32_MAX;
        for (uint32_t j = 0; j < i && lead; j++)
            lead = key[j] == UINT32_MAX || !tied(r, key[j], key[i]);
        if (!lead)
            continue;
        enum dw_verdict one = same_element(r, n, i, key, p);
        v = one == DW_TRUE ? v : one;
    }
    return v;
}

/* The child for each value of its field, one after the other. */
static enum dw_verdict eval_every(const struct run *r, const struct dw_expr_node *n, uint32_t elem)
{
    uint32_t kid = r->x->kid[n->first], field = field_of(r->x, kid, dw_pred_of(r->s)), other;
    enum dw_verdict all = DW_TRUE;
    bool any = false;
    struct run one = *r;
    for (one.nth = 0; all != DW_FALSE && dw_pred_elem(r->s, field, one.nth, &other); one.nth++) {
        if (!dw_elem_agrees(other, elem))
            continue;
        enum dw_verdict v = eval(&one, kid, 0);
        all = v == DW_TRUE ? all : v;
        any = true;
    }
    return any ? all : dw_pred_doubt(r->s) & ~(uint32_t)DW_DOUBT_MASKS ? DW_UNDECIDED : DW_FALSE; /* a mask takes no field away */
}

static enum dw_verdict eval(const struct run *r, uint32_t index, uint32_t elem)
{
    const struct dw_expr_node *n = &r->x->node[index];
    enum dw_verdict v;
    switch (n->op) {
    case DW_EX_LEAF:
        if (r->nth != ALL_VALUES)
            return dw_pred_test_nth(r->s, n->arg, r->nth);
        return elem ? dw_pred_test_elem(r->s, n->arg, elem) : dw_pred_test(r->s, n->arg);
    case DW_EX_NOT:
        v = eval(r, r->x->kid[n->first], elem);
        if (v == DW_TRUE && (dw_pred_doubt(r->s) & DW_DOUBT_UNPARSED))
            return DW_UNDECIDED; /* it stands in the line, which is no proof that it stands in the field */
        return v == DW_TRUE ? DW_FALSE : v == DW_FALSE ? DW_TRUE : v;
    case DW_EX_ATLEAST: return eval_at_least(r, n, n->arg, elem);
    case DW_EX_MAP: return eval_map(r, n, elem);
    case DW_EX_EVERY: return eval_every(r, n, elem);
    }
    DW_NEVER("all operators are above");
}

enum dw_verdict dw_expr_test(const struct dw_expr_pool *x, uint32_t node, struct dw_pred_scratch *s,
    const struct dw_event *ev, const struct dw_keys *keys)
{
    struct run r = {x, s, ev, keys, ALL_VALUES};
    return eval(&r, node, 0);
}

void dw_expr_canon(const struct dw_expr_pool *x, uint32_t node, const struct dw_pred *p, const struct dw_keys *keys,
    struct dw_buf *out)
{
    const struct dw_expr_node *n = &x->node[node];
    dw_buf_byte(out, (uint8_t)n->op);
    if (n->op == DW_EX_LEAF) {
        dw_pred_leaf_canon(p, keys, n->arg, out);
        return;
    }
    dw_buf_u32(out, n->arg);
    dw_buf_u32(out, n->count);
    for (uint32_t i = 0; i < n->count; i++)
        dw_expr_canon(x, x->kid[n->first + i], p, keys, out);
}
