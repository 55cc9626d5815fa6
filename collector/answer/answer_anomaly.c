/*
 * answer_anomaly: what a detector found, as a sentence for people, and when a count was calm again, out of the finding's own words.
 */
#include "dogwatch/collect/answer.h"

#include "dogwatch/base/error.h"
#include "dogwatch/event/json_read.h"

#include <stdlib.h>

struct said {
    char type[32];
    struct dw_buf feature, values; /* values: divided by commas */
    size_t value_at[4];            /* where the first of them begin */
    uint32_t value_count;
    double value, count, baseline, spread, score, spans;
};

static double number(struct dw_str text)
{
    char copy[64];
    size_t len = text.len < sizeof copy - 1 ? text.len : sizeof copy - 1;
    memcpy(copy, text.ptr, len);
    copy[len] = '\0';
    return strtod(copy, NULL);
}

static void take_member(struct said *s, struct dw_str name, const struct dw_json_token *v)
{
    double n = v->type == DW_JSON_NUMBER ? number(v->text) : 0;
    if (dw_str_eq(name, DW_STR("type")) && v->text.len < sizeof s->type)
        memcpy(s->type, v->text.ptr, v->text.len);
    else if (dw_str_eq(name, DW_STR("feature")))
        (void)dw_json_unescape(v->text, &s->feature);
    else if (dw_str_eq(name, DW_STR("value")))
        s->value = n;
    else if (dw_str_eq(name, DW_STR("count")))
        s->count = n;
    else if (dw_str_eq(name, DW_STR("km")))
        s->spread = n;
    else if (dw_str_eq(name, DW_STR("seconds")))
        s->score = n;
    else if (dw_str_eq(name, DW_STR("speed")))
        s->count = n;
    else if (dw_str_eq(name, DW_STR("baseline")))
        s->baseline = n;
    else if (dw_str_eq(name, DW_STR("spread")))
        s->spread = n;
    else if (dw_str_eq(name, DW_STR("score")))
        s->score = n;
    else if (dw_str_eq(name, DW_STR("spans")))
        s->spans = n;
}

/* Members of the object whose beginning was read. */
static void take_object(struct said *s, struct dw_json *j)
{
    struct dw_json_token t, v;
    while (dw_json_next(j, &t) == DW_OK && t.type == DW_JSON_KEY && dw_json_next(j, &v) == DW_OK) {
        if (v.type != DW_JSON_ARRAY) {
            take_member(s, t.text, &v);
            continue;
        }
        while (dw_json_next(j, &v) == DW_OK && v.type == DW_JSON_STRING) {
            dw_buf_str(&s->values, s->values.len ? DW_STR(", ") : DW_STR(""));
            if (s->value_count < DW_COUNT_OF(s->value_at))
                s->value_at[s->value_count++] = s->values.len;
            (void)dw_json_unescape(v.text, &s->values);
        }
    }
}

static bool find(struct said *s, struct dw_str finding)
{
    struct dw_json j;
    struct dw_json_token t, v;
    dw_json_start(&j, finding);
    if (dw_json_next(&j, &t) < 0 || t.type != DW_JSON_OBJECT)
        return false;
    while (dw_json_next(&j, &t) == DW_OK && t.type == DW_JSON_KEY && dw_json_next(&j, &v) == DW_OK) {
        if (v.type == DW_JSON_OBJECT && dw_str_eq(t.text, DW_STR("detector"))) {
            take_object(s, &j);
            return true;
        }
        if ((v.type == DW_JSON_OBJECT || v.type == DW_JSON_ARRAY) && dw_json_skip(&j) < 0)
            return false;
    }
    return false;
}

struct dw_str dw_answer_calm(struct dw_str finding)
{
    struct dw_json j;
    struct dw_json_token t, v;
    dw_json_start(&j, finding);
    if (dw_json_next(&j, &t) < 0 || t.type != DW_JSON_OBJECT)
        return DW_STR_NONE;
    while (dw_json_next(&j, &t) == DW_OK && t.type == DW_JSON_KEY && dw_json_next(&j, &v) == DW_OK) {
        if (v.type == DW_JSON_STRING && dw_str_eq(t.text, DW_STR("calm")))
            return v.text;
        if ((v.type == DW_JSON_OBJECT || v.type == DW_JSON_ARRAY) && dw_json_skip(&j) < 0)
            return DW_STR_NONE;
    }
    return DW_STR_NONE;
}

/* Of the four values of a travel one. */
static struct dw_str one_value(const struct said *s, uint32_t n)
{
    if (n >= s->value_count)
        return DW_STR("");
    size_t end = n + 1 < s->value_count ? s->value_at[n + 1] - (sizeof ", " - 1) : s->values.len;
    return dw_str_slice(dw_buf_view(&s->values), s->value_at[n], end);
}

static void put_travel(const struct said *s, struct dw_buf *out)
{
    struct dw_str from = one_value(s, 0), to = one_value(s, 1), place_from = one_value(s, 2), place_to = one_value(s, 3);
    dw_buf_printf(out, "%.*s = %.*s (%.*s), and %.0f s before %.*s (%.*s): %.0f km apart at least, which is %.0f km/h; believed are %.0f", DW_ARG(dw_buf_view(&s->feature)),
        DW_ARG(to), DW_ARG(place_to), s->score, DW_ARG(from), DW_ARG(place_from), s->spread, s->count, s->baseline);
}

void dw_answer_anomaly(struct dw_str finding, struct dw_buf *out)
{
    struct said s = {.value = 0};
    bool found = find(&s, finding);
    struct dw_str feature = dw_buf_view(&s.feature), values = dw_buf_view(&s.values);
    if (found && strcmp(s.type, "new_value") == 0)
        dw_buf_printf(out, "%.*s = %.*s is new; values known before: %.0f", DW_ARG(feature), DW_ARG(values), s.baseline);
    else if (found && strcmp(s.type, "new_template") == 0)
        dw_buf_printf(out, "%.*s is of a new kind: %.*s; kinds known before: %.0f", DW_ARG(feature), DW_ARG(values), s.baseline);
    else if (found && strcmp(s.type, "rare_value") == 0)
        dw_buf_printf(out, "%.*s = %.*s is rare: %.0f of %.0f events", DW_ARG(feature), DW_ARG(values), s.count, s.baseline);
    else if (found && strcmp(s.type, "entropy_dga") == 0)
        dw_buf_printf(out, "%.*s = %.*s looks made up by a program: %.3g of 100, told from %.0f on; such names in the window: %.0f", DW_ARG(feature), DW_ARG(values), s.score, s.baseline, s.count);
    else if (found && strcmp(s.type, "beacon") == 0)
        dw_buf_printf(out, "an event every %.6g s, give or take %.3g, over %.0f gaps: a beacon by %.3g of 100, told from %.0f on", s.value, s.spread, s.spans, s.score, s.baseline);
    else if (found && strcmp(s.type, "heavy_hitter") == 0)
        dw_buf_printf(out, "%.*s = %.*s takes %.0f of %.0f events", DW_ARG(feature), DW_ARG(values), s.count, s.baseline);
    else if (found && (strcmp(s.type, "rate_spike") == 0 || strcmp(s.type, "cardinality_spike") == 0))
        dw_buf_printf(out, "%.*s: %.6g %sin the span; usual is %.6g (the median of the %.0f before), give or take %.3g: %.3g times that away",
            DW_ARG(feature), s.value, strcmp(s.type, "rate_spike") == 0 ? "" : "distinct values ", s.baseline, s.spans, s.spread, s.score);
    else if (found && strcmp(s.type, "impossible_travel") == 0)
        put_travel(&s, out);
    else if (found && strcmp(s.type, "silence") == 0 && s.baseline > 0)
        dw_buf_printf(out, "no event since; usual was one every %.3g s", s.baseline);
    else if (found && strcmp(s.type, "silence") == 0)
        dw_buf_str(out, DW_STR("no event since"));
    dw_buf_fini(&s.feature);
    dw_buf_fini(&s.values);
}
