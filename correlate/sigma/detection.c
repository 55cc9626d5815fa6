/*
 * detection: the selections of a rule and the condition over them.
 *
 *     selection: {field: value, ...}     all items; on one element of an array (DW_EX_MAP)
 *     selection: [{...}, {...}]          any of the maps
 *     selection: [word, word]            keywords: any of the words
 *
 * Invariants: (1) every selection is compiled even when the condition is wrong, so all mistakes are told at once.
 *             (2) a map's children each stand on one field, which DW_EX_MAP relies on.
 */
#include "sigma_int.h"

#include "dogwatch/base/error.h"
#include "dogwatch/base/mem.h"

int dw__kids_add(struct dw__kids *k, uint32_t id)
{
    if (k->count == DW__KIDS_MAX)
        return DW_ELIMIT;
    int rc = dw_ruleset_grow((void **)&k->id, k->count, &k->cap, sizeof *k->id);
    if (rc == DW_OK)
        k->id[k->count++] = id;
    return rc;
}

void dw__kids_fini(struct dw__kids *k)
{
    dw_free(k->id);
    *k = (struct dw__kids){0};
}

/* Goes on after a mistake; the first code is answered. */
static int map_selection(struct dw__sigma *g, const struct dw_yaml *map, uint32_t *ret)
{
    struct dw__kids kids = {0};
    int first = DW_OK;
    if (map->count == 0) {
        dw__say(g, DW__LINT_EMPTY_SELECTION, map->at, NULL, "an empty selection");
        return DW_ESYNTAX;
    }
    for (const struct dw_yaml *v = map->first; v; v = v->next) {
        uint32_t node = 0;
        int rc = dw__item(g, v, &node);
        if (rc == DW_OK)
            rc = dw__kids_add(&kids, node);
        first = first ? first : rc;
        if (rc == DW_ENOMEM)
            break;
    }
    if (first == DW_OK)
        first = dw_expr_map(&g->rs->expr, kids.id, kids.count, ret);
    dw__kids_fini(&kids);
    return first;
}

static int list_selection(struct dw__sigma *g, const struct dw_yaml *list, uint32_t *ret)
{
    struct dw__kids kids = {0};
    int first = DW_OK;
    if (list->count == 0) {
        dw__say(g, DW__LINT_EMPTY_SELECTION, list->at, NULL, "an empty selection");
        return DW_ESYNTAX;
    }
    for (const struct dw_yaml *v = list->first; v; v = v->next) {
        uint32_t node = 0;
        int rc = v->kind == DW_YAML_MAP   ? map_selection(g, v, &node)
                 : v->kind == DW_YAML_SEQ ? list_selection(g, v, &node)
                                          : dw__keyword(g, v, &node);
        if (rc == DW_OK)
            rc = dw__kids_add(&kids, node);
        first = first ? first : rc;
        if (rc == DW_ENOMEM)
            break;
    }
    if (first == DW_OK)
        first = dw_expr_at_least(&g->rs->expr, 1, kids.id, kids.count, ret);
    dw__kids_fini(&kids);
    return first;
}

static int selection(struct dw__sigma *g, const struct dw_yaml *n, uint32_t *ret)
{
    switch (n->kind) {
    case DW_YAML_MAP: return map_selection(g, n, ret);
    case DW_YAML_SEQ: return list_selection(g, n, ret);
    case DW_YAML_SCALAR: break;
    }
    if (dw_yaml_is_null(n)) {
        dw__say(g, DW__LINT_EMPTY_SELECTION, n->at, NULL, "an empty selection");
        return DW_ESYNTAX;
    }
    return dw__keyword(g, n, ret);
}

static bool is_selection(const struct dw_yaml *n, const char *skip)
{
    return !dw_str_eq(n->key, DW_STR("condition")) && !dw_str_eq(n->key, DW_STR("timeframe")) &&
           !(skip && dw_str_eq(n->key, dw_str_of(skip)));
}

static int compile_selections(
    struct dw__sigma *g, const struct dw_yaml *map, const char *skip, struct dw__selection *sel, uint32_t *ret_count)
{
    int first = DW_OK;
    uint32_t count = 0;
    for (const struct dw_yaml *n = map->first; n; n = n->next) {
        if (!is_selection(n, skip))
            continue;
        if (count == DW__SELECTIONS_MAX) {
            dw__say(g, DW__LINT_TOO_MANY, n->key_at, NULL, "too many selections");
            return DW_ESYNTAX;
        }
        sel[count].name = n->key;
        sel[count].used = false;
        int rc = selection(g, n, &sel[count].expr);
        count++;
        if (rc == DW_ELIMIT) {
            dw__say(g, DW__LINT_TOO_MANY, n->key_at, NULL, "too many values");
            rc = DW_ESYNTAX;
        }
        first = first ? first : rc;
        if (rc == DW_ENOMEM)
            break;
    }
    *ret_count = count;
    return first;
}

int dw__detection(struct dw__sigma *g, const struct dw_yaml *map, const char *skip, uint32_t *ret_expr)
{
    if (map->kind != DW_YAML_MAP) {
        dw__say(g, DW__LINT_KIND, map->at, NULL, "a mapping of selections and a condition is expected");
        return DW_ESYNTAX;
    }
    const struct dw_yaml *condition = dw_yaml_get(map, "condition");
    struct dw__selection *sel = dw_calloc(DW__SELECTIONS_MAX, sizeof *sel);
    uint32_t count = 0;
    if (!sel)
        return DW_ENOMEM;
    int rc = compile_selections(g, map, skip, sel, &count);
    if (rc != DW_ENOMEM && !condition) {
        dw__say(g, DW__LINT_CONDITION_MISSING, map->key_at, "add a line such as `condition: selection`", "the condition is missing");
        rc = DW_ESYNTAX;
    } else if (rc != DW_ENOMEM) {
        int parsed = dw__condition(g, condition, sel, count, ret_expr);
        rc = rc < 0 ? rc : parsed;
    }
    for (const struct dw_yaml *n = map->first; rc == DW_OK && n; n = n->next)
        for (uint32_t i = 0; i < count && is_selection(n, skip); i++)
            if (!sel[i].used && sel[i].name.ptr == n->key.ptr && n->key.ptr[0] != '_')
                dw__say(
                    g, DW__LINT_UNUSED, n->key_at, NULL, "selection '%.*s' is not used by the condition", DW_ARG(n->key));
    dw_free(sel);
    return rc;
}
