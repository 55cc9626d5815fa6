/*
 * loki_query: lines by stream (loki_lines.c), and counts at steps of time.
 *
 * Idea: a function counts each line at every step t with t - range < time <= t.
 *
 * Bounds: LOKI_LINES_MAX lines, STEPS_MAX steps, LOKI_SERIES_MAX series.
 */
#include "loki_int.h"

#include "dogwatch/base/error.h"
#include "dogwatch/event/json_write.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

enum { STEPS_MAX = 11000, STEPS_USUAL = 250 };

/* ---- lines ---- */

struct wanted {
    struct loki_lines lines;
    const struct logql *q;
    struct dw_regex_scratch *regex;
    int rc;
};

static void take_line(struct api_scan *s, const struct dw_event *ev, uint8_t mark)
{
    struct wanted *w = s->arg;
    (void)mark;
    if (!loki_lines_want(&w->lines, ev->time_ns) || !loki_takes(s->rq, w->q, w->regex, ev))
        return;
    int rc = loki_lines_add(&w->lines, s->keys, ev);
    if (rc == DW_ELIMIT)
        api_partial(s->rq, "the lines are over api.query.memory: the %s of them are left out", w->lines.newest ? "oldest" : "newest");
    else if (rc < 0)
        w->rc = rc;
    s->stop |= w->rc < 0;
}

static void put_lines(struct api_scan *s)
{
    struct wanted *w = s->arg;
    loki_begin(s->rq);
    dw_buf_str(&s->rq->out, DW_STR(",\"data\":{\"resultType\":\"streams\",\"result\":"));
    loki_lines_put(&w->lines, 0, w->lines.count, w->lines.newest, &s->rq->out);
    dw_buf_str(&s->rq->out, DW_STR(",\"stats\":{}}}\n"));
    s->rq->rows = w->lines.count;
}

static void run_lines(struct request *rq, const struct logql *q, int64_t start, int64_t end)
{
    struct dw_str direction = api_param_text(rq, "direction");
    bool newest = !direction.ptr || !dw_str_ieq(direction, DW_STR("forward"));
    struct wanted w = {.q = q, .regex = dw_regex_scratch_new()};
    struct api_scan s = {.rq = rq, .since_ns = start, .until_ns = end, .row = take_line, .end = put_lines, .arg = &w};
    w.rc = loki_lines_init(&w.lines, loki_limit(rq), newest, (size_t)rq->api->opt->api_query_memory / 2);
    if (w.rc == DW_OK && w.regex)
        api_scan(&s, dw_buf_view(&q->filter));
    if (w.rc < 0 || !w.regex)
        api_fail_code(rq, "the answer", DW_ENOMEM);
    loki_lines_fini(&w.lines);
    dw_regex_scratch_free(w.regex);
}

/* ---- counts ---- */

struct series {
    struct dw_keyed_item item; /* its key: labels */
    uint64_t at[];             /* lines or bytes at each step */
};

struct counts {
    const struct logql *q;
    struct dw_keyed series;
    int64_t start_ns, step_ns;
    uint32_t steps, series_max;
    bool instant;
    struct dw_regex_scratch *regex;
    struct dw_buf labels;
    int rc;
};

static void take_count(struct api_scan *s, const struct dw_event *ev, uint8_t mark)
{
    struct counts *c = s->arg;
    (void)mark;
    if (!loki_takes(s->rq, c->q, c->regex, ev))
        return;
    dw_buf_reset(&c->labels);
    loki_labels(ev, s->keys, c->q->is_sum ? c->q : NULL, &c->labels);
    struct series *one = c->labels.err ? NULL : dw_keyed_find(&c->series, dw_buf_view(&c->labels));
    if (!one && c->series.count == c->series_max) {
        api_partial(s->rq, "there are more than %u series: sum by fewer labels, or take a greater step", c->series_max);
        return;
    }
    one = one || c->labels.err ? one : dw_keyed_add(&c->series, dw_buf_view(&c->labels), sizeof *one + c->steps * sizeof one->at[0]);
    if (!one) {
        c->rc = DW_ENOMEM;
        s->stop = true;
        return;
    }
    bool bytes = c->q->function == LOGQL_BYTES || c->q->function == LOGQL_BYTES_RATE;
    int64_t before = ev->time_ns - c->start_ns, first = before <= 0 ? 0 : (before - 1) / c->step_ns + 1;
    for (int64_t i = first; i < c->steps && i * c->step_ns - before < c->q->range_ns; i++)
        one->at[i] += bytes ? ev->line.len : 1;
}

static void put_value(struct dw_buf *out, const struct counts *c, uint32_t step, uint64_t value)
{
    int64_t at = c->start_ns + step * c->step_ns;
    bool rate = c->q->function == LOGQL_RATE || c->q->function == LOGQL_BYTES_RATE;
    dw_buf_printf(out, "[%" PRId64 ".%03d,\"", at / DW_NS_PER_S, (int)(at % DW_NS_PER_S / 1000000));
    if (rate)
        dw_json_float(out, (double)value / ((double)c->q->range_ns / DW_NS_PER_S));
    else
        dw_buf_printf(out, "%" PRIu64, value);
    dw_buf_str(out, DW_STR("\"]"));
}

static void put_counts(struct api_scan *s)
{
    struct counts *c = s->arg;
    struct dw_buf *out = &s->rq->out;
    bool first = true;
    loki_begin(s->rq);
    dw_buf_printf(out, ",\"data\":{\"resultType\":\"%s\",\"result\":[", c->instant ? "vector" : "matrix");
    for (struct dw_keyed_item *i = c->series.first; i; i = i->next) {
        const struct series *one = (const struct series *)i;
        bool any = false;
        size_t before = out->len;
        dw_buf_printf(out, "%s{\"metric\":%.*s,\"%s\":%s", first ? "" : ",", DW_ARG(one->item.key), c->instant ? "value" : "values", c->instant ? "" : "[");
        for (uint32_t k = 0; k < c->steps; k++) {
            if (one->at[k] == 0)
                continue; /* Loki has no sample where there is no line */
            dw_buf_str(out, any ? DW_STR(",") : DW_STR(""));
            put_value(out, c, k, one->at[k]);
            any = true;
        }
        dw_buf_str(out, c->instant ? DW_STR("}") : DW_STR("]}"));
        if (!any)
            out->len = before; /* its lines lie between steps */
        first &= !any;
    }
    dw_buf_str(out, DW_STR("],\"stats\":{}}}\n"));
    s->rq->rows = c->series.count;
}

/* 15, 0.5, 15s, 1m30s */
static bool take_step(struct dw_str text, int64_t *ret_ns)
{
    char digits[32], *end;
    (void)snprintf(digits, sizeof digits, "%.*s", DW_ARG(text));
    double value = strtod(digits, &end);
    double unit = strcmp(end, "") == 0 || strcmp(end, "s") == 0 ? 1e9 : strcmp(end, "ms") == 0 ? 1e6 : strcmp(end, "m") == 0 ? 6e10 : strcmp(end, "h") == 0 ? 3.6e12
        : strcmp(end, "d") == 0 ? 8.64e13 : 0;
    if (text.len == 0 || text.len >= sizeof digits || !(value * unit >= 1e6) || value * unit > (double)LOKI_SPAN_MAX_NS)
        return false;
    *ret_ns = (int64_t)(value * unit);
    return true;
}

/* Steps of a range; at most STEPS_MAX. False: the request has failed. */
static bool set_steps(struct request *rq, struct counts *c, int64_t start, int64_t end)
{
    struct dw_str text = api_param_text(rq, "step");
    c->step_ns = (end - start) / STEPS_USUAL > DW_NS_PER_S ? (end - start) / STEPS_USUAL : DW_NS_PER_S;
    c->start_ns = start;
    if (text.ptr && !take_step(text, &c->step_ns)) {
        api_fail(rq, API_E_malformed, "15, 15s, 1m", "step: a span of time is needed");
        return false;
    }
    int64_t steps = (end - start) / c->step_ns + 1;
    if (steps > STEPS_MAX) {
        api_fail(rq, API_E_malformed, "a greater step", "step: more than %d steps in this range", STEPS_MAX);
        return false;
    }
    c->steps = (uint32_t)steps;
    return true;
}

static void run_counts(struct request *rq, struct counts *c, int64_t end)
{
    int64_t since;
    if (__builtin_sub_overflow(c->start_ns, c->q->range_ns - 1, &since))
        since = INT64_MIN;
    struct api_scan s = {.rq = rq, .since_ns = since, .until_ns = end, .row = take_count, .end = put_counts, .arg = c};
    size_t room = (size_t)rq->api->opt->api_query_memory / 2 / (sizeof(struct series) + c->steps * sizeof(uint64_t)) + 1;
    c->series_max = room < LOKI_SERIES_MAX ? (uint32_t)room : LOKI_SERIES_MAX;
    c->regex = dw_regex_scratch_new();
    if (c->regex)
        api_scan(&s, dw_buf_view(&c->q->filter));
    if (!c->regex || c->rc < 0)
        api_fail_code(rq, "the answer", DW_ENOMEM);
    dw_keyed_fini(&c->series);
    dw_regex_scratch_free(c->regex);
    dw_buf_fini(&c->labels);
}

static void put_constant(struct request *rq, const struct logql *q, int64_t at, bool instant)
{
    loki_begin(rq);
    dw_buf_printf(&rq->out, ",\"data\":{\"resultType\":\"%s\",\"result\":[{\"metric\":{},\"%s\":%s[%" PRId64 ",\"", instant ? "vector" : "matrix",
        instant ? "value" : "values", instant ? "" : "[", at / DW_NS_PER_S);
    dw_json_float(&rq->out, q->value);
    dw_buf_printf(&rq->out, "\"]%s}],\"stats\":{}}}\n", instant ? "" : "]");
}

void api_do_loki_query_range(struct request *rq)
{
    struct logql q;
    int64_t start, end;
    bool ok = loki_query(rq, "query", "", &q) && loki_range(rq, &start, &end);
    struct counts c = {.q = &q};
    if (ok && q.function == LOGQL_CONSTANT)
        put_constant(rq, &q, end, false);
    else if (ok && q.function == LOGQL_LINES)
        run_lines(rq, &q, start, end);
    else if (ok && set_steps(rq, &c, start, end))
        run_counts(rq, &c, end);
    logql_fini(&q);
}

/* At one time: a function there; lines of the hour before it. */
void api_do_loki_query(struct request *rq)
{
    struct logql q;
    int64_t start, end;
    bool ok = loki_query(rq, "query", "", &q) && loki_range(rq, &start, &end);
    if (ok && q.function == LOGQL_CONSTANT) {
        put_constant(rq, &q, end, true);
    } else if (ok && q.function == LOGQL_LINES) {
        run_lines(rq, &q, start, end);
    } else if (ok) {
        struct counts c = {.q = &q, .start_ns = end, .step_ns = 1, .steps = 1, .instant = true};
        run_counts(rq, &c, end);
    }
    logql_fini(&q);
}
