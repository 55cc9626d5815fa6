/*
 * visibility: what was seen of the fields that rules look at, by route (dataset, or channel of Windows).
 *
 * Idea: of each dataset is kept which fields of the rules some event had. Whether a rule can hold is its expression with every test taken
 * for possible whose field was seen, and every negation: what is absent does not match.
 */
#include "dogwatch/correlate/visibility.h"

#include "dogwatch/base/error.h"
#include "dogwatch/base/mem.h"
#include "dogwatch/correlate/ruleset_parts.h"

struct route {
    struct dw_str name;
    uint8_t *seen; /* by field of the predicates */
};

struct dw_visibility {
    const struct dw_ruleset *rs;
    struct dw_pred_scratch *pred;
    struct dw_arena arena;
    struct route route[DW_VISIBLE_ROUTES_MAX];
    uint32_t route_count, field_count;
};

struct dw_visibility *dw_visibility_new(const struct dw_ruleset *rs)
{
    struct dw_visibility *v = dw_calloc(1, sizeof *v);
    if (!v)
        return NULL;
    v->rs = rs;
    v->field_count = dw_pred_field_count(rs->pred);
    v->pred = dw_pred_scratch_new(rs->pred);
    dw_arena_init(&v->arena, 0);
    if (!v->pred) {
        dw_visibility_free(v);
        return NULL;
    }
    dw_pred_scratch_prefilter(v->pred, false);
    return v;
}

void dw_visibility_free(struct dw_visibility *v)
{
    if (!v)
        return;
    dw_pred_scratch_free(v->pred);
    dw_arena_fini(&v->arena);
    dw_free(v);
}

static int route_of(struct dw_visibility *v, struct dw_str name, struct route **ret)
{
    for (uint32_t i = 0; i < v->route_count; i++) {
        *ret = &v->route[i];
        if (dw_str_eq(v->route[i].name, name))
            return DW_OK;
    }
    if (v->route_count == DW_VISIBLE_ROUTES_MAX)
        return DW_ELIMIT;
    struct route d = {dw_arena_copy(&v->arena, name), dw_arena_alloc(&v->arena, v->field_count)};
    if (!d.name.ptr || !d.seen)
        return DW_ENOMEM;
    memset(d.seen, 0, v->field_count);
    *ret = &v->route[v->route_count];
    v->route[v->route_count++] = d;
    return DW_OK;
}

static void pass_over(void *ud, uint32_t leaf)
{
    (void)ud;
    (void)leaf;
}

int dw_visibility_see(struct dw_visibility *v, const struct dw_event *ev)
{
    char room[DW_ROUTE_MAX];
    struct route *d = NULL;
    uint32_t elem;
    int rc = route_of(v, dw_route_of(v->rs, ev, room), &d);
    if (rc == DW_OK)
        rc = dw_pred_begin(v->pred, ev, pass_over, NULL);
    for (uint32_t i = 0; i < v->field_count && rc == DW_OK; i++)
        d->seen[i] = d->seen[i] || dw_pred_elem(v->pred, i, 0, &elem);
    return rc;
}

static bool possible(const struct dw_ruleset *rs, uint32_t node, const uint8_t *seen)
{
    const struct dw_expr_node *n = &rs->expr.node[node];
    uint32_t can = 0;
    if (n->op == DW_EX_LEAF)
        return seen[dw_pred_leaf_field(rs->pred, n->arg)];
    for (uint32_t i = 0; i < n->count; i++)
        can += possible(rs, rs->expr.kid[n->first + i], seen);
    return n->op == DW_EX_NOT || can >= n->arg;
}

/* The names of the fields below a node that were not seen, each once. */
static void put_missing(const struct dw_ruleset *rs, uint32_t node, uint8_t *seen, struct dw_buf *out)
{
    const struct dw_expr_node *n = &rs->expr.node[node];
    uint32_t field = n->op == DW_EX_LEAF ? dw_pred_leaf_field(rs->pred, n->arg) : DW_PRED_LINE;
    if (field != DW_PRED_LINE && !seen[field]) {
        dw_buf_str(out, out->len ? DW_STR(", ") : DW_STR(""));
        dw_buf_str(out, dw_keys_name(rs->keys, dw_pred_field_key(rs->pred, field)));
        seen[field] = 1;
    }
    for (uint32_t i = 0; n->op != DW_EX_NOT && i < n->count; i++)
        put_missing(rs, rs->expr.kid[n->first + i], seen, out);
}

enum dw_visible dw_visibility_of(const struct dw_visibility *v, uint32_t rule, struct dw_buf *missing)
{
    const struct dw_rule *r = &v->rs->rule[rule];
    bool source = false;
    DW_ASSERT(r->expr != DW_EXPR_NONE);
    uint8_t *all = dw_calloc(v->field_count, 1); /* seen in any route of its logsource */
    for (uint32_t i = 0; all && i < v->route_count; i++) {
        if (!dw_logsource_takes(v->rs, &v->rs->logsource[r->logsource], v->route[i].name))
            continue;
        if (possible(v->rs, r->expr, v->route[i].seen)) {
            dw_free(all);
            return DW_VISIBLE;
        }
        source = true;
        for (uint32_t f = 0; f < v->field_count; f++)
            all[f] |= v->route[i].seen[f];
    }
    if (all && source)
        put_missing(v->rs, r->expr, all, missing);
    missing->err = all ? missing->err : DW_ENOMEM;
    dw_free(all);
    return source ? DW_VISIBLE_NO_FIELDS : DW_VISIBLE_NO_SOURCE;
}
