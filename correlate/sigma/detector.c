/*
 * detector: what `detector:` has beside what it shares with `correlation:` (type, rules, group-by, timespan, field, condition).
 *
 *     detector:
 *         type: rate_spike        # tbl/detectors.h
 *         rules: [request_failed] # whose matches are looked at
 *         group-by: [host.name]
 *         timespan: 5m
 *         learn: 1h               # a key that was first seen less long ago raises nothing
 *         ...                     # and those of its type: tbl/detector_keys.h
 *
 * Invariant: a key that its type does not have is a mistake, for what somebody wrote and nobody reads is silence.
 */
#include "sigma_int.h"

#include "dogwatch/base/error.h"
#include "dogwatch/event/rfc3339.h"
#include "dogwatch/template/template.h"

#include <stdio.h>

#define DAY_NS (86400 * INT64_C(1000000000))
#define PAST_MOST_NS (3653 * DAY_NS)
enum { HISTORY_USUAL = 60, HISTORY_LEAST = 4, HISTORY_MOST = 2000, DGA_USUAL = 70, BEACON_USUAL = 80, FANOUT_MOST = 1000 };
enum { SPEED_USUAL = 1000, SPEED_MOST = 1000000, DISTANCE_USUAL = 500, DISTANCE_MOST = 20000 }; /* km/h: an airliner makes 900; km */
#define PPM_OF_PERCENT 10000.0
#define RARE_SHARE_USUAL 0.1 /* percent */
#define RARE_WARMUP_USUAL 1000
#define HEAVY_SHARE_USUAL 50 /* percent */
#define HEAVY_WARMUP_USUAL 100
#define DEVIATIONS_USUAL 3.5 /* Iglewicz and Hoaglin, How to Detect and Handle Outliers, 1993 */

/* Keys of the mapping, and which types have them, as bits; 0: all. */
static const struct {
    const char *word;
    uint32_t of;
} keys[] = {
#define DW_OF(TYPE) (UINT32_C(1) << DW_CORR_##TYPE)
#define DETECTOR_KEY(word, of, usual, doc) {word, of},
#include "dogwatch/tbl/detector_keys.h"
#undef DETECTOR_KEY
};
static const enum dw_corr_type types[] = {
#define DETECTOR(word, TYPE, needs_field, says, timespan_is, field_is, doc) DW_CORR_##TYPE,
#include "dogwatch/tbl/detectors.h"
#undef DETECTOR
};

static int refuse(struct dw__sigma *g, const struct dw_yaml *n, const char *help, const char *what)
{
    dw_diag_add(g->diags, n->at, help, "detector: %s", what);
    return DW_ESYNTAX;
}

static bool is_of(size_t key, enum dw_corr_type type)
{
    return keys[key].of == 0 || (keys[key].of >> type & 1);
}

/* "only rate_spike and new_template have it" */
static void say_who(size_t key, char help[160])
{
    uint32_t count = (uint32_t)__builtin_popcount(keys[key].of), n = 0;
    int len = snprintf(help, 160, "only ");
    for (size_t i = 0; i < DW_COUNT_OF(types) && len < 160; i++)
        if (is_of(key, types[i]) && ++n)
            len += snprintf(help + len, 160 - (size_t)len, "%s%s", n == 1 ? "" : n == count ? " and " : ", ", dw_corr_type_text(types[i]));
    if (len < 160)
        (void)snprintf(help + len, 160 - (size_t)len, count == 1 ? " has it" : " have it");
}

/* The key's place in the table; DW_COUNT_OF(keys): it is none. */
static size_t key_at(struct dw_str word)
{
    size_t i = 0;
    while (i < DW_COUNT_OF(keys) && !dw_str_eq(word, dw_str_of(keys[i].word)))
        i++;
    return i;
}

static int check_keys(struct dw__sigma *g, const struct dw_yaml *map, enum dw_corr_type type)
{
    for (const struct dw_yaml *n = map->first; n; n = n->next) {
        const char *words[DW_COUNT_OF(keys)];
        char help[160];
        size_t count = 0, at = key_at(n->key);
        if (at < DW_COUNT_OF(keys) && is_of(at, type))
            continue;
        for (size_t i = 0; i < DW_COUNT_OF(keys); i++)
            if (is_of(i, type))
                words[count++] = keys[i].word;
        const char *near = dw_nearest(n->key, words, count);
        if (at < DW_COUNT_OF(keys))
            say_who(at, help);
        else if (near)
            (void)snprintf(help, sizeof help, "did you mean '%s'?", near);
        dw_diag_add(g->diags, n->key_at, near || at < DW_COUNT_OF(keys) ? help : NULL, "detector: unknown key '%.*s'", DW_ARG(n->key));
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

/* One of `mute`: {template: TEXT or id, until: TIME}. */
static int read_muted(struct dw__sigma *g, const struct dw_yaml *n, struct dw_mute *ret)
{
    const struct dw_yaml *until = dw_yaml_get(n, "until"), *text = dw_yaml_get(n, "template");
    char when[sizeof "2026-12-31T00:00:00Z"];
    if (n->kind != DW_YAML_MAP || !until || !text || until->kind != DW_YAML_SCALAR || n->count != 2)
        return refuse(g, n, "{template: 'took <*>', until: 2026-12-31}", "mute is a list of templates, or their ids, each with an end");
    bool day = until->text.len == sizeof "2026-12-31" - 1;
    if (day)
        (void)snprintf(when, sizeof when, "%.*sT00:00:00Z", DW_ARG(until->text));
    if (dw_time_rfc3339(day ? dw_str_of(when) : until->text, &ret->until_ns) < 0)
        return refuse(g, until, "2026-12-31, or 2026-12-31T08:00:00Z", "until is a day, or an RFC 3339 time");
    return dw__text(g, text, &ret->text);
}

static int read_warmup(struct dw__sigma *g, const struct dw_yaml *map, double usual, struct dw_correlation *c)
{
    const struct dw_yaml *n = dw_yaml_get(map, "warmup");
    c->warmup = usual;
    if (n && (!dw__number(n, &c->warmup) || c->warmup < 0))
        return refuse(g, n, "a number: 1000", "warmup is how many events a key has had before it raises anything");
    return DW_OK;
}

/* `share: 0.1%`, in millionths. */
static int read_share(struct dw__sigma *g, const struct dw_yaml *map, double usual, struct dw_correlation *c)
{
    const struct dw_yaml *n = dw_yaml_get(map, "share");
    double percent = usual;
    if (n) {
        struct dw_yaml number = *n;
        bool ends = n->kind == DW_YAML_SCALAR && n->text.len > 1 && n->text.ptr[n->text.len - 1] == '%';
        number.text.len -= ends;
        if (!ends || !dw__number(&number, &percent) || percent < 1 / PPM_OF_PERCENT || percent > 100)
            return refuse(g, n, "share: 0.1%", "a share is a percentage from 0.0001% to 100%");
    }
    c->share_ppm = (uint32_t)(percent * PPM_OF_PERCENT + 0.5);
    return DW_OK;
}

static int read_rare(struct dw__sigma *g, const struct dw_yaml *map, struct dw_correlation *c)
{
    int rc = read_share(g, map, c->cond_count ? 0 : RARE_SHARE_USUAL, c);
    return rc < 0 ? rc : read_warmup(g, map, RARE_WARMUP_USUAL, c);
}

static int read_heavy(struct dw__sigma *g, const struct dw_yaml *map, struct dw_correlation *c)
{
    int rc = read_share(g, map, HEAVY_SHARE_USUAL, c);
    if (rc == DW_OK && c->share_ppm < PPM_OF_PERCENT)
        rc = refuse(g, dw_yaml_get(map, "share"), "share: 1%", "what takes less than 1% is not heavy");
    return rc < 0 ? rc : read_warmup(g, map, HEAVY_WARMUP_USUAL, c);
}

static int read_score(struct dw__sigma *g, const struct dw_yaml *map, struct dw_correlation *c)
{
    const struct dw_yaml *n = dw_yaml_get(map, "score");
    int64_t score = c->type == DW_CORR_BEACON ? BEACON_USUAL : DGA_USUAL;
    if (n && (!dw_yaml_int(n, &score) || score < 1 || score > 100))
        return refuse(g, n, "a whole number from 1 to 100", "score is from where on it is told");
    c->score = (uint32_t)score;
    if (c->field_count > 1)
        return refuse(g, dw_yaml_get(map, "field"), "name one", c->type == DW_CORR_BEACON ? "a size is one field" : "a name is one field");
    return DW_OK;
}

static int read_travel(struct dw__sigma *g, const struct dw_yaml *map, struct dw_correlation *c)
{
    const struct dw_yaml *speed = dw_yaml_get(map, "max_speed"), *distance = dw_yaml_get(map, "min_distance");
    int64_t kmh = SPEED_USUAL, km = DISTANCE_USUAL;
    if (speed && (!dw_yaml_int(speed, &kmh) || kmh < 1 || kmh > SPEED_MOST))
        return refuse(g, speed, "a whole number from 1 to 1000000", "max_speed is in km/h");
    if (distance && (!dw_yaml_int(distance, &km) || km < 1 || km > DISTANCE_MOST))
        return refuse(g, distance, "a whole number from 1 to 20000", "min_distance is in km");
    c->max_speed_kmh = (uint32_t)kmh;
    c->min_distance_km = (uint32_t)km;
    if (c->field_count > 1)
        return refuse(g, dw_yaml_get(map, "field"), "name one", "an address is one field");
    return DW_OK;
}

static int read_template(struct dw__sigma *g, const struct dw_yaml *map, struct dw_correlation *c)
{
    const struct dw_yaml *fanout = dw_yaml_get(map, "fanout"), *mute = dw_yaml_get(map, "mute");
    int64_t count = DW_TEMPLATE_FANOUT;
    if (fanout && (!dw_yaml_int(fanout, &count) || count < 1 || count > FANOUT_MOST))
        return refuse(g, fanout, "a whole number from 1 to 1000", "fanout is how many words at one place make it a value");
    c->fanout = (uint32_t)count;
    if (mute && (mute->kind != DW_YAML_SEQ || mute->count > DW_CORR_MUTES_MAX))
        return refuse(g, mute, "- {template: 'took <*>', until: 2026-12-31}", "mute is a list of up to 32");
    struct dw_mute *list = dw_arena_alloc(&g->rs->arena, DW_CORR_MUTES_MAX * sizeof *list);
    int rc = list ? read_warmup(g, map, 0, c) : DW_ENOMEM;
    c->mute = list;
    for (const struct dw_yaml *n = mute ? mute->first : NULL; n && rc == DW_OK; n = n->next)
        rc = read_muted(g, n, &list[c->mute_count++]);
    if (rc == DW_OK && c->field_count > 1)
        rc = refuse(g, dw_yaml_get(map, "field"), "name one", "a message is one field");
    return rc;
}

/* The members whose values are looked at are about events: the finding of a correlation has none. */
static int check_members(struct dw__sigma *g, const struct dw_yaml *map, const struct dw_correlation *c)
{
    const struct dw_yaml *rules = dw_yaml_get(map, "rules");
    for (uint32_t i = 0; (c->field_count || c->type == DW_CORR_NEW_TEMPLATE) && i < c->member_count; i++)
        if (g->rs->rule[c->member[i]].expr == DW_EXPR_NONE)
            return refuse(g, rules, "name rules about single events", "a correlation has no field to look at");
    bool by_value = c->type == DW_CORR_CARDINALITY_SPIKE || (c->type != DW_CORR_NEW_TEMPLATE && (dw_detector_says(c->type) & DW_SAYS_VALUES));
    for (uint32_t i = 0; by_value && i < c->group_count; i++)
        if (c->field_count == 1 && dw_str_eq(c->group_name[i], c->field_name[0]))
            return refuse(g, dw_yaml_get(map, "group-by"), "leave it out of group-by", "a key has one value of what it is made of, so none is ever new, rare, heavy, many or elsewhere");
    return DW_OK;
}

/* Of a rare value the comparison is a ceiling, of all others a floor. */
static int check_condition(struct dw__sigma *g, const struct dw_yaml *map, const struct dw_correlation *c)
{
    const struct dw_yaml *n = dw_yaml_get(map, "condition");
    if (c->cond_count && c->way == DW_DOWN)
        return refuse(g, n, "leave it out", "a floor is for what goes up");
    bool rare = c->type == DW_CORR_RARE_VALUE;
    for (uint32_t i = 0; i < c->cond_count; i++)
        if (c->op[i] != (rare ? DW_CORR_LTE : DW_CORR_GTE) && c->op[i] != (rare ? DW_CORR_LT : DW_CORR_GT))
            return rare ? refuse(g, n, "lte: 3", "at most so often is lte or lt") : refuse(g, n, "gte: 20", "a floor is gte or gt");
    return DW_OK;
}

int dw__detector_keys(struct dw__sigma *g, const struct dw_yaml *doc, const struct dw_yaml *map, enum dw_corr_type type)
{
    static const char *const others[] = {"correlation", "detection"};
    for (size_t i = 0; i < DW_COUNT_OF(others); i++)
        if (dw_yaml_get(doc, others[i]))
            return refuse(g, map, "give each a document of its own, divided by ---", "a detector stands alone, beside no detection and no correlation");
    const struct dw_yaml *field = dw_yaml_get(map, "field");
    if (field && dw_yaml_is_null(field))
        return refuse(g, field, "field: source.ip", "the field is empty");
    return check_keys(g, map, type);
}

/* What learns which values there are takes a day, silence its timespan; what looks at spans, as many of those as it needs. */
static int64_t usual_learn_ns(const struct dw_correlation *c)
{
    bool values = c->type == DW_CORR_NEW_VALUE || c->type == DW_CORR_NEW_TEMPLATE || c->type == DW_CORR_RARE_VALUE;
    return values ? DAY_NS : c->type == DW_CORR_SILENCE ? c->timespan_ns : 0;
}

int dw__detector(struct dw__sigma *g, const struct dw_yaml *map, struct dw_correlation *c)
{
    const struct dw_yaml *learn = dw_yaml_get(map, "learn"), *field = dw_yaml_get(map, "field");
    bool spike = c->type == DW_CORR_RATE_SPIKE || c->type == DW_CORR_CARDINALITY_SPIKE;
    int rc = check_members(g, map, c);
    c->learn_ns = usual_learn_ns(c);
    if (rc == DW_OK && learn)
        rc = dw__timespan(g, learn, &c->learn_ns);
    if (rc == DW_OK && spike)
        rc = read_history(g, map, c);
    if (rc == DW_OK && spike)
        rc = read_direction(g, map, c);
    if (rc == DW_OK && c->type == DW_CORR_NEW_TEMPLATE)
        rc = read_template(g, map, c);
    if (rc == DW_OK && c->type == DW_CORR_RARE_VALUE)
        rc = read_rare(g, map, c);
    if (rc == DW_OK && c->type == DW_CORR_HEAVY_HITTER)
        rc = read_heavy(g, map, c);
    if (rc == DW_OK && c->type == DW_CORR_IMPOSSIBLE_TRAVEL)
        rc = read_travel(g, map, c);
    if (rc == DW_OK && (c->type == DW_CORR_ENTROPY_DGA || c->type == DW_CORR_BEACON))
        rc = read_score(g, map, c);
    if (rc == DW_OK)
        rc = check_condition(g, map, c);
    if (rc == DW_OK && c->field_count && c->type == DW_CORR_SILENCE)
        rc = refuse(g, field ? field : map, "leave the field out", "silence is of events");
    return rc;
}
