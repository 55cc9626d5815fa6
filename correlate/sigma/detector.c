/*
 * detector: what `detector:` has beside what it shares with `correlation:` (type, rules, group-by, timespan, field, condition).
 *
 *     detector:
 *         type: rate_spike        # tbl/detectors.h
 *         rules: [request_failed] # whose matches are looked at
 *         group-by: [host.name]
 *         timespan: 5m
 *         learn: 1h               # a key that was first seen less long ago raises nothing
 *         history: 60             # rate_spike: spans in the baseline
 *         deviations: 3.5         # rate_spike: how far away is too far
 *         direction: up           # rate_spike: up, down, both
 *         condition: {gte: 20}    # rate_spike: at least so many (upwards)
 *
 * Invariant: a key that is none of these is a mistake, for what somebody wrote and nobody reads is silence.
 */
#include "sigma_int.h"

#include "dogwatch/base/error.h"

#include <stdio.h>

#define DAY_NS (86400 * INT64_C(1000000000))
#define PAST_MOST_NS (3653 * DAY_NS)
enum { HISTORY_USUAL = 60, HISTORY_LEAST = 4, HISTORY_MOST = 2000 };
#define DEVIATIONS_USUAL 3.5 /* Iglewicz and Hoaglin, How to Detect and Handle Outliers, 1993 */

static const char *const shared[] = {"type", "rules", "group-by", "aliases", "timespan", "timeframe", "field", "condition", "generate", "learn"};
static const char *const of_rate_spike[] = {"history", "deviations", "direction"};

static int refuse(struct dw__sigma *g, const struct dw_yaml *n, const char *help, const char *what)
{
    dw_diag_add(g->diags, n->at, help, "detector: %s", what);
    return DW_ESYNTAX;
}

static bool is_known(struct dw_str key, bool spike)
{
    for (size_t i = 0; i < DW_COUNT_OF(shared); i++)
        if (dw_str_eq(key, dw_str_of(shared[i])))
            return true;
    for (size_t i = 0; spike && i < DW_COUNT_OF(of_rate_spike); i++)
        if (dw_str_eq(key, dw_str_of(of_rate_spike[i])))
            return true;
    return false;
}

static int check_keys(struct dw__sigma *g, const struct dw_yaml *map, bool spike)
{
    for (const struct dw_yaml *n = map->first; n; n = n->next) {
        const char *words[DW_COUNT_OF(shared) + DW_COUNT_OF(of_rate_spike)];
        char help[160];
        size_t count = DW_COUNT_OF(shared);
        if (is_known(n->key, spike))
            continue;
        memcpy(words, shared, sizeof shared);
        for (size_t i = 0; spike && i < DW_COUNT_OF(of_rate_spike); i++)
            words[count++] = of_rate_spike[i];
        const char *near = dw_nearest(n->key, words, count);
        if (near)
            (void)snprintf(help, sizeof help, "did you mean '%s'?", near);
        dw_diag_add(g->diags, n->key_at, near ? help : is_known(n->key, true) ? "only rate_spike has it" : NULL, "detector: unknown key '%.*s'", DW_ARG(n->key));
        return DW_ESYNTAX;
    }
    return DW_OK;
}

static int read_history(struct dw__sigma *g, const struct dw_yaml *map, struct dw_correlation *c)
{
    const struct dw_yaml *n = dw_yaml_get(map, "history");
    uint64_t count = HISTORY_USUAL;
    if (n && (n->kind != DW_YAML_SCALAR || !dw_str_u64(n->text, &count) || count < HISTORY_LEAST || count > HISTORY_MOST))
        return refuse(g, n, "a whole number from 4 to 2000", "history is how many spans make the baseline");
    if ((int64_t)count > PAST_MOST_NS / c->timespan_ns)
        return refuse(g, n ? n : dw_yaml_get(map, "timespan"), "shorter spans, or fewer of them", "history times timespan is over ten years");
    c->history = (uint32_t)count;
    n = dw_yaml_get(map, "deviations");
    c->deviations = DEVIATIONS_USUAL;
    if (n && (!dw__number(n, &c->deviations) || c->deviations <= 0))
        return refuse(g, n, "a number over 0: 3.5", "deviations is how many times the usual spread is too far");
    return DW_OK;
}

static int read_direction(struct dw__sigma *g, const struct dw_yaml *map, struct dw_correlation *c)
{
    static const char *const words[] = {[DW_UP] = "up", [DW_DOWN] = "down", [DW_BOTH] = "both"};
    const struct dw_yaml *n = dw_yaml_get(map, "direction");
    for (size_t i = 0; n && n->kind == DW_YAML_SCALAR && i < DW_COUNT_OF(words); i++) {
        if (!dw_str_eq(n->text, dw_str_of(words[i])))
            continue;
        c->way = (enum dw_direction)i;
        return DW_OK;
    }
    return n ? refuse(g, n, "up, down or both", "not a direction") : DW_OK;
}

/* The members whose values are looked at are about events: the finding of a correlation has none. */
static int check_members(struct dw__sigma *g, const struct dw_yaml *map, const struct dw_correlation *c)
{
    const struct dw_yaml *rules = dw_yaml_get(map, "rules");
    for (uint32_t i = 0; c->field_count && i < c->member_count; i++)
        if (g->rs->rule[c->member[i]].expr == DW_EXPR_NONE)
            return refuse(g, rules, "name rules about single events", "a correlation has no field to look at");
    for (uint32_t i = 0; c->type == DW_CORR_NEW_VALUE && i < c->group_count; i++)
        if (c->field_count == 1 && dw_str_eq(c->group_name[i], c->field_name[0]))
            return refuse(g, dw_yaml_get(map, "group-by"), "leave it out of group-by", "a key has one value of what it is made of, so none is ever new");
    return DW_OK;
}

/* The only comparison is a floor. */
static int check_condition(struct dw__sigma *g, const struct dw_yaml *map, const struct dw_correlation *c)
{
    const struct dw_yaml *n = dw_yaml_get(map, "condition");
    if (c->cond_count && c->type != DW_CORR_RATE_SPIKE)
        return refuse(g, n, "what it learned decides", "only rate_spike has a comparison");
    if (c->cond_count && c->way == DW_DOWN)
        return refuse(g, n, "leave it out", "a floor is for what goes up");
    for (uint32_t i = 0; i < c->cond_count; i++)
        if (c->op[i] != DW_CORR_GTE && c->op[i] != DW_CORR_GT)
            return refuse(g, n, "gte: 20", "a floor is gte or gt");
    return DW_OK;
}

int dw__detector_keys(struct dw__sigma *g, const struct dw_yaml *doc, const struct dw_yaml *map, bool spike)
{
    static const char *const others[] = {"correlation", "detection"};
    for (size_t i = 0; i < DW_COUNT_OF(others); i++)
        if (dw_yaml_get(doc, others[i]))
            return refuse(g, map, "give each a document of its own, divided by ---", "a detector stands alone, beside no detection and no correlation");
    const struct dw_yaml *field = dw_yaml_get(map, "field");
    if (field && dw_yaml_is_null(field))
        return refuse(g, field, "field: source.ip", "the field is empty");
    return check_keys(g, map, spike);
}

int dw__detector(struct dw__sigma *g, const struct dw_yaml *map, struct dw_correlation *c)
{
    const struct dw_yaml *learn = dw_yaml_get(map, "learn"), *field = dw_yaml_get(map, "field");
    bool spike = c->type == DW_CORR_RATE_SPIKE;
    int rc = check_members(g, map, c);
    c->learn_ns = c->type == DW_CORR_NEW_VALUE ? DAY_NS : spike ? 0 : c->timespan_ns;
    if (rc == DW_OK && learn)
        rc = dw__timespan(g, learn, &c->learn_ns);
    if (rc == DW_OK && spike)
        rc = read_history(g, map, c);
    if (rc == DW_OK && spike)
        rc = read_direction(g, map, c);
    if (rc == DW_OK)
        rc = check_condition(g, map, c);
    if (rc == DW_OK && c->field_count && c->type == DW_CORR_SILENCE)
        rc = refuse(g, field ? field : map, "leave the field out", "silence is of events");
    return rc;
}
