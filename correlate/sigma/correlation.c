/*
 * correlation: the `correlation:` part of a document, and what `detector:` shares with it.
 *
 * Invariants:
 *   (1) Members, groups and fields are bounded by the arrays of struct dw_correlation.
 *   (2) A correlation names only rules that loaded; that it is no member of itself through others is checked when
 *       all are resolved (dw__corr_depths).
 */
#include "sigma_int.h"

#include "dogwatch/base/error.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

static const struct {
    const char *word;
    enum dw_corr_type type;
    bool numeric, field, number; /* needs a comparison, a field; the field is a number */
    const char *section;
} types[] = {
    {"event_count", DW_CORR_EVENT_COUNT, true, false, false, "correlation"},
    {"value_count", DW_CORR_VALUE_COUNT, true, true, false, "correlation"},
    {"temporal", DW_CORR_TEMPORAL, false, false, false, "correlation"},
    {"temporal_ordered", DW_CORR_TEMPORAL_ORDERED, false, false, false, "correlation"},
    {"value_sum", DW_CORR_VALUE_SUM, true, true, true, "correlation"},
    {"value_avg", DW_CORR_VALUE_AVG, true, true, true, "correlation"},
    {"value_percentile", DW_CORR_VALUE_PERCENTILE, true, true, true, "correlation"},
    {"absence", DW_CORR_ABSENCE, false, false, false, "correlation"},
#define DETECTOR(word, TYPE, needs_field, says, timespan_is, field_is, doc) {#word, DW_CORR_##TYPE, false, needs_field, DW_CORR_##TYPE == DW_CORR_RATE_SPIKE, "detector"},
#include "dogwatch/tbl/detectors.h"
#undef DETECTOR
};
static const struct {
    const char *word;
    enum dw_corr_op op;
} ops[] = {{"gte", DW_CORR_GTE}, {"gt", DW_CORR_GT}, {"lte", DW_CORR_LTE}, {"lt", DW_CORR_LT}, {"eq", DW_CORR_EQ},
    {"neq", DW_CORR_NEQ}};


static int refuse(struct dw__sigma *g, struct dw_span at, const char *help, const char *what, struct dw_str name)
{
    const char *part = g->part ? g->part : "correlation";
    if (name.ptr)
        dw__say(g, DW__LINT_CORRELATION, at, help, "%s: %s '%.*s'", part, what, DW_ARG(name));
    else
        dw__say(g, DW__LINT_CORRELATION, at, help, "%s: %s", part, what);
    return DW_ESYNTAX;
}

static int no_such_rule(struct dw__sigma *g, const struct dw_yaml *n)
{
    const char *part = g->part ? g->part : "correlation";
    if (n->kind == DW_YAML_SCALAR)
        dw__say(g, DW__LINT_RULE_UNKNOWN, n->at, NULL, "%s: no such rule: '%.*s'", part, DW_ARG(n->text));
    else
        dw__say(g, DW__LINT_RULE_UNKNOWN, n->at, NULL, "%s: no such rule:", part);
    return DW_ESYNTAX;
}

static int read_type(struct dw__sigma *g, const struct dw_yaml *map, size_t *ret)
{
    const struct dw_yaml *n = dw_yaml_get(map, "type");
    const char *words[DW_COUNT_OF(types)];
    size_t count = 0;
    char help[160];
    if (!n || n->kind != DW_YAML_SCALAR)
        return refuse(g, map->key_at, dw_str_eq(map->key, DW_STR("detector")) ? "add `type: new_value`" : "add `type: event_count`", "the type is missing", DW_STR_NONE);
    for (size_t i = 0; i < DW_COUNT_OF(types); i++) {
        if (!dw_str_eq(map->key, dw_str_of(types[i].section)))
            continue;
        words[count++] = types[i].word;
        if (dw_str_eq(n->text, dw_str_of(types[i].word))) {
            *ret = i;
            return DW_OK;
        }
    }
    const char *near = dw_nearest(n->text, words, count);
    if (near)
        (void)snprintf(help, sizeof help, "did you mean '%s'?", near);
    return refuse(g, n->at, near ? help : NULL, "unknown type", n->text);
}

int dw__timespan(struct dw__sigma *g, const struct dw_yaml *n, int64_t *ret)
{
    static const struct {
        char unit;
        int64_t seconds;
    } units[] = {{'s', 1}, {'m', 60}, {'h', 3600}, {'d', 86400}, {'w', 604800}, {'M', 2592000}, {'y', 31536000}};
    uint64_t count;
    for (size_t i = 0; n->kind == DW_YAML_SCALAR && i < DW_COUNT_OF(units) && n->text.len; i++) {
        bool unit = n->text.ptr[n->text.len - 1] == units[i].unit;
        if (!unit || !dw_str_u64(dw_str_slice(n->text, 0, n->text.len - 1), &count) || count == 0 ||
            count > 100 * 31536000ull / (uint64_t)units[i].seconds)
            continue;
        *ret = (int64_t)count * units[i].seconds * 1000000000;
        return DW_OK;
    }
    return refuse(g, n->at, "a number and s, m, h or d: 30s, 5m, 1h", "not a timespan:", n->kind == DW_YAML_SCALAR ? n->text : DW_STR_NONE);
}

static int read_timespan(struct dw__sigma *g, const struct dw_yaml *map, int64_t *ret)
{
    const struct dw_yaml *n = dw_yaml_get(map, "timespan");
    if (!n)
        n = dw_yaml_get(map, "timeframe");
    if (!n || n->kind != DW_YAML_SCALAR)
        return refuse(g, map->key_at, "add `timespan: 5m`", "the timespan is missing", DW_STR_NONE);
    return dw__timespan(g, n, ret);
}

bool dw__number(const struct dw_yaml *n, double *ret)
{
    char copy[64];
    if (n->kind != DW_YAML_SCALAR || !n->plain || n->text.len == 0 || n->text.len >= sizeof copy)
        return false;
    memcpy(copy, n->text.ptr, n->text.len);
    copy[n->text.len] = '\0';
    char *end = NULL;
    *ret = strtod(copy, &end);
    return *end == '\0' && isfinite(*ret);
}

static int read_fields(struct dw__sigma *g, const struct dw_yaml *n, struct dw_correlation *c)
{
    bool list = n->kind == DW_YAML_SEQ;
    if (n->kind == DW_YAML_MAP || (list && (n->count == 0 || n->count > DW_CORR_GROUP_MAX)))
        return refuse(g, n->at, NULL, "a field, or a list of up to 8, is expected", DW_STR_NONE);
    int rc = DW_OK;
    for (const struct dw_yaml *v = list ? n->first : n; v && rc == DW_OK; v = list ? v->next : NULL) {
        rc = dw__text(g, v, &c->field_name[c->field_count]);
        if (rc == DW_OK)
            rc = dw__names(g, v->text, &c->field[c->field_count++]);
    }
    return rc;
}

static int read_condition_key(struct dw__sigma *g, const struct dw_yaml *v, struct dw_correlation *c)
{
    if (dw_str_eq(v->key, DW_STR("field")))
        return read_fields(g, v, c);
    if (dw_str_eq(v->key, DW_STR("percentile"))) {
        if (!dw__number(v, &c->percentile) || c->percentile < 0 || c->percentile > 100)
            return refuse(g, v->at, NULL, "a percentile from 0 to 100 is expected, not", v->text);
        return DW_OK;
    }
    for (size_t i = 0; i < DW_COUNT_OF(ops); i++) {
        if (!dw_str_eq(v->key, dw_str_of(ops[i].word)))
            continue;
        if (c->cond_count == DW_COUNT_OF(c->want))
            return refuse(g, v->key_at, "a lower and an upper bound", "more than two comparisons", DW_STR_NONE);
        if (!dw__number(v, &c->want[c->cond_count]))
            return refuse(g, v->at, NULL, "a number is expected, not", v->text);
        c->op[c->cond_count++] = ops[i].op;
        return DW_OK;
    }
    return refuse(g, v->key_at, "one of gte, gt, lte, lt, eq, neq, field", "unknown comparison", v->key);
}

/* Whether the condition is an expression over the members. */
static bool has_expression(const struct dw_yaml *map, const struct dw_correlation *c)
{
    const struct dw_yaml *n = dw_yaml_get(map, "condition");
    return c->type == DW_CORR_TEMPORAL && n && n->kind == DW_YAML_SCALAR;
}

static int read_condition(struct dw__sigma *g, const struct dw_yaml *map, size_t type, struct dw_correlation *c)
{
    const struct dw_yaml *n = dw_yaml_get(map, "condition");
    int rc = DW_OK;
    c->percentile = 50;
    if (has_expression(map, c))
        return DW_OK; /* read with the members */
    if (n && n->kind != DW_YAML_MAP)
        return refuse(g, n->at, "write it as `gte: 10`", "the condition is a comparison", DW_STR_NONE);
    for (const struct dw_yaml *v = n ? n->first : NULL; v && rc == DW_OK; v = v->next)
        rc = read_condition_key(g, v, c);
    if (rc == DW_OK && types[type].numeric && c->cond_count == 0)
        rc = refuse(
            g, n ? n->at : map->key_at, "add `condition:` with `gte: 10`", "the comparison is missing", DW_STR_NONE);
    const struct dw_yaml *field = dw_yaml_get(map, "field"); /* seen outside of condition too */
    if (rc == DW_OK && field && c->field_count == 0)
        rc = read_fields(g, field, c);
    if (rc == DW_OK && types[type].field && c->field_count == 0)
        rc =
            refuse(g, n ? n->at : map->key_at, g->part ? "add `field: source.ip`" : "add `field:` to the condition", "this type needs a field", DW_STR_NONE);
    if (rc == DW_OK && types[type].number && c->field_count > 1)
        rc = refuse(g, n ? n->at : map->key_at, NULL, "numbers come from one field", DW_STR_NONE);
    return rc;
}

/* A count that no window holds would never come: said here, not found out by an alert that is missing. (An upper bound that is higher than a window counts holds all the same.) */
static int check_counts(struct dw__sigma *g, const struct dw_yaml *map, const struct dw_correlation *c)
{
    const bool lone_floor = c->cond_count == 1 && c->op[0] <= DW_CORR_GT;
    if (c->type != DW_CORR_EVENT_COUNT && c->type != DW_CORR_VALUE_COUNT)
        return DW_OK;
    for (uint32_t i = 0; i < c->cond_count; i++) {
        const double least = c->want[i] + (c->op[i] == DW_CORR_GT); /* that has to be counted up to */
        const bool from_below = c->op[i] == DW_CORR_GTE || c->op[i] == DW_CORR_GT || c->op[i] == DW_CORR_EQ;
        if (from_below && least > (lone_floor ? DW_CORR_COUNT_MAX : DW_CORR_WINDOW_MAX))
            return refuse(g, dw_yaml_get(map, "condition")->at, lone_floor ? NULL : "with gte or gt alone up to 1,048,576 are counted",
                lone_floor ? "a key's window counts up to 1,048,576, not as far" : "compared in this way a key's window counts up to 65,536, not as far", DW_STR_NONE);
    }
    return DW_OK;
}

/* `calm: {lte: 10}`: a count that is as low ends what began with the condition. Below the condition it must be, or it would be calm at its crossing. */
static int read_calm(struct dw__sigma *g, const struct dw_yaml *map, struct dw_correlation *c)
{
    const struct dw_yaml *n = dw_yaml_get(map, "calm"), *bound = n && n->kind == DW_YAML_MAP && n->count == 1 ? n->first : NULL;
    const bool counts = c->type == DW_CORR_EVENT_COUNT || c->type == DW_CORR_VALUE_COUNT;
    double most;
    if (!n || g->part) /* a detector's keys were looked at */
        return DW_OK;
    if (!counts || c->cond_count != 1 || c->op[0] > DW_CORR_GT)
        return refuse(g, n->key_at, "leave it out", "only event_count and value_count with one lower bound, gte or gt, have", n->key);
    const bool below = bound && dw_str_eq(bound->key, DW_STR("lt"));
    if (!bound || (!below && !dw_str_eq(bound->key, DW_STR("lte"))) || !dw__number(bound, &most))
        return refuse(g, n->at, "write it as `lte: 10`", "calm is one upper bound, lte or lt", DW_STR_NONE);
    most = below ? ceil(most) - 1 : floor(most);
    if (most < 0 || !(most + (c->op[0] == DW_CORR_GTE) <= c->want[0]))
        return refuse(g, bound->at, "the count falls from the condition to it: gte: 100, and calm: {lte: 10}", "calm is a count from 0 on, below the condition, not", bound->text);
    c->calms = true;
    c->calm_most = (uint32_t)most;
    return DW_OK;
}

static int read_members(struct dw__sigma *g, const struct dw_yaml *map, uint32_t self, struct dw_correlation *c)
{
    const struct dw_yaml *n = dw_yaml_get(map, "rules");
    if (!n && has_expression(map, c))
        return dw__members_condition(g, dw_yaml_get(map, "condition"), c);
    if (!n || n->kind == DW_YAML_MAP || (n->kind == DW_YAML_SEQ && n->count == 0))
        return refuse(
            g, n ? n->at : map->key_at, "add `rules:` with names or ids", "the rules are missing", DW_STR_NONE);
    bool list = n->kind == DW_YAML_SEQ;
    for (const struct dw_yaml *v = list ? n->first : n; v; v = list ? v->next : NULL) {
        uint32_t index = v->kind == DW_YAML_SCALAR ? dw__find_rule(g->rs, v->text) : g->rs->rule_count;
        if (c->member_count == DW_CORR_MEMBERS_MAX)
            return refuse(g, v->at, NULL, "more than 32 rules", DW_STR_NONE);
        if (index == g->rs->rule_count || index == self)
            return no_such_rule(g, v);
        c->member[c->member_count++] = index;
    }
    return has_expression(map, c) ? dw__members_condition(g, dw_yaml_get(map, "condition"), c) : DW_OK;
}

/* The name of a group in one member: its alias there, or the name itself. */
static struct dw_str alias_of(
    const struct dw__sigma *g, const struct dw_yaml *map, struct dw_str group, uint32_t member)
{
    const struct dw_yaml *aliases = dw_yaml_get(map, "aliases");
    for (const struct dw_yaml *a = aliases && aliases->kind == DW_YAML_MAP ? aliases->first : NULL; a; a = a->next) {
        if (!dw_str_eq(a->key, group) || a->kind != DW_YAML_MAP)
            continue;
        for (const struct dw_yaml *r = a->first; r; r = r->next)
            if (r->kind == DW_YAML_SCALAR && dw__find_rule(g->rs, r->key) == member)
                return r->text;
    }
    return group;
}

static int read_groups(struct dw__sigma *g, const struct dw_yaml *map, struct dw_correlation *c)
{
    const struct dw_yaml *n = dw_yaml_get(map, "group-by");
    if (!n || dw_yaml_is_null(n))
        return DW_OK;
    bool list = n->kind == DW_YAML_SEQ;
    if (n->kind == DW_YAML_MAP || (list && n->count > DW_CORR_GROUP_MAX))
        return refuse(g, n->at, NULL, "group-by is a list of up to 8 fields", DW_STR_NONE);
    int rc = DW_OK;
    for (const struct dw_yaml *v = list ? n->first : n; v && rc == DW_OK; v = list ? v->next : NULL) {
        uint32_t at = c->group_count++;
        rc = dw__text(g, v, &c->group_name[at]);
        for (uint32_t m = 0; m < c->member_count && rc == DW_OK; m++) {
            struct dw__sigma in = *g; /* names as the member's own logsource has them */
            in.category = g->rs->rule[c->member[m]].category;
            in.product = g->rs->rule[c->member[m]].product;
            in.service = g->rs->rule[c->member[m]].service;
            rc = dw__names(&in, alias_of(g, map, v->text, c->member[m]), &c->group[m][at]);
        }
    }
    return rc;
}

/* Something must have come before a thing can be missed; `before` is of no other type. */
static int read_absence(struct dw__sigma *g, const struct dw_yaml *map, struct dw_correlation *c)
{
    const struct dw_yaml *before = dw_yaml_get(map, "before"), *condition = dw_yaml_get(map, "condition");
    if (c->type != DW_CORR_ABSENCE)
        return before && !g->part ? refuse(g, before->key_at, "leave it out", "only absence has", before->key) : DW_OK;
    if (c->member_count < 2)
        return refuse(g, dw_yaml_get(map, "rules")->at, "[order_placed, order_paid]: the last of them is expected within `timespan` after any of the others",
            "an absence has two rules or more", DW_STR_NONE);
    for (uint32_t i = 0; i + 1 < c->member_count; i++)
        if (c->member[i] == c->member[c->member_count - 1])
            return refuse(g, dw_yaml_get(map, "rules")->at, "a rule's own events that stop coming are a detector: `type: silence`", "a rule cannot wait for itself", DW_STR_NONE);
    if (condition || c->field_count)
        return refuse(g, condition ? condition->key_at : map->key_at, "leave it out", "what is absent has nothing to compare", DW_STR_NONE);
    return before ? dw__timespan(g, before, &c->before_ns) : DW_OK;
}

const struct dw_yaml *dw__correlation_of(const struct dw_yaml *doc)
{
    const struct dw_yaml *map = dw_yaml_get(doc, "detector");
    return map ? map : dw_yaml_get(doc, "correlation");
}

const char *dw_corr_type_text(enum dw_corr_type type)
{
    for (size_t i = 0; i < DW_COUNT_OF(types); i++)
        if (types[i].type == type)
            return types[i].word;
    return "";
}

int dw__correlation(struct dw__sigma *g, const struct dw_yaml *doc, uint32_t index)
{
    const struct dw_yaml *map = dw__correlation_of(doc);
    size_t type = 0;
    struct dw_correlation *c = dw_arena_alloc(&g->rs->arena, sizeof *c);
    if (!c)
        return DW_ENOMEM;
    g->part = dw_str_eq(map->key, DW_STR("detector")) ? "detector" : NULL;
    if (map->kind != DW_YAML_MAP)
        return refuse(g, map->at, NULL, "a mapping is expected", DW_STR_NONE);
    int rc = read_type(g, map, &type);
    c->type = types[type].type;
    if (rc == DW_OK && g->part)
        rc = dw__detector_keys(g, doc, map, c->type);
    if (rc == DW_OK)
        rc = read_members(g, map, index, c);
    if (rc == DW_OK)
        rc = read_timespan(g, map, &c->timespan_ns);
    if (rc == DW_OK)
        rc = read_groups(g, map, c);
    if (rc == DW_OK)
        rc = read_condition(g, map, type, c);
    if (rc == DW_OK)
        rc = check_counts(g, map, c);
    if (rc == DW_OK)
        rc = read_calm(g, map, c);
    if (rc == DW_OK)
        rc = read_absence(g, map, c);
    if (rc == DW_OK && dw_is_detector(c->type))
        rc = dw__detector(g, map, c);
    const struct dw_yaml *generate = dw_yaml_get(map, "generate");
    if (!generate)
        generate = dw_yaml_get(doc, "generate");
    if (rc == DW_OK && generate && !dw_yaml_bool(generate, &c->generate))
        rc = refuse(g, generate->at, NULL, "generate is true or false, not", generate->text);
    if (rc == DW_OK)
        g->rs->rule[index].corr = c;
    return rc;
}

void dw_correlation_text(const struct dw_ruleset *rs, const struct dw_correlation *c, struct dw_buf *out)
{
    dw_buf_printf(out, "%s", dw_corr_type_text(c->type));
    for (uint32_t i = 0; i < c->field_count; i++)
        dw_buf_printf(out, "%s%.*s", i ? ", " : " of ", DW_ARG(c->field_name[i]));
    for (uint32_t i = 0; i < c->member_count; i++) {
        bool expected = c->type == DW_CORR_ABSENCE && i + 1 == c->member_count;
        const struct dw_rule *member = dw_ruleset_rule(rs, c->member[i]);
        dw_buf_printf(out, "%s'%.*s'", expected ? " and none of " : i ? ", " : c->type == DW_CORR_ABSENCE ? " after " : " over ", DW_ARG(member->title));
    }
    for (uint32_t i = 0; i < c->group_count; i++)
        dw_buf_printf(out, "%s%.*s", i ? ", " : " by ", DW_ARG(c->group_name[i]));
    dw_buf_printf(out, " within %.15g s", (double)c->timespan_ns / 1e9);
    if (c->before_ns)
        dw_buf_printf(out, ", nor in the %.15g s before", (double)c->before_ns / 1e9);
    if (c->condition.len)
        dw_buf_printf(out, ": %.*s", DW_ARG(c->condition));
    for (uint32_t i = 0; i < c->cond_count; i++)
        for (size_t k = 0; k < DW_COUNT_OF(ops); k++)
            if (ops[k].op == c->op[i])
                dw_buf_printf(out, "%s%s %.15g", i ? " and " : ": ", ops[k].word, c->want[i]);
    if (c->calms)
        dw_buf_printf(out, ", calm at lte %u", c->calm_most);
}
