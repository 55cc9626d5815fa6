/*
 * loki_query: lines by stream, and counts at steps of time.
 *
 * Idea: lines go into a heap of the newest (or oldest) `limit`, and are grouped by their labels at the end. A function counts each line at
 * every step t with t - range < time <= t.
 *
 * Bounds: LINES_MAX lines, STEPS_MAX steps, LOKI_SERIES_MAX series.
 */
#include "loki_int.h"

#include "dogwatch/base/error.h"
#include "dogwatch/base/mem.h"
#include "dogwatch/event/json_write.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

enum { LINES_MAX = 5000, LINES_USUAL = 100, STEPS_MAX = 11000, STEPS_USUAL = 250 };

/* ---- lines ---- */

struct line {
    int64_t time_ns;
    uint64_t number; /* in the order of the archive: equal times keep it */
    char *text;      /* labels, then the line */
    const char *at[2];
    size_t len;
};

struct lines {
    struct line *heap; /* the one to be given up first stands at 0 */
    uint32_t count, limit;
    uint64_t number;
    bool newest;
    const struct logql *q;
    struct dw_regex_scratch *regex;
    size_t bytes, bytes_max; /* of texts that are kept */
    struct dw_buf labels;
    int rc;
};

/* Whether a is given up before b. */
static bool worse(const struct lines *l, const struct line *a, const struct line *b)
{
    bool older = a->time_ns != b->time_ns ? a->time_ns < b->time_ns : a->number < b->number;
    return l->newest ? older : !older;
}

static void swap(struct line *a, struct line *b)
{
    struct line c = *a;
    *a = *b;
    *b = c;
}

static void sift_up(struct lines *l, uint32_t i)
{
    for (; i && worse(l, &l->heap[i], &l->heap[(i - 1) / 2]); i = (i - 1) / 2)
        swap(&l->heap[i], &l->heap[(i - 1) / 2]);
}

static void sift_down(struct lines *l)
{
    for (uint32_t i = 0, least; ; i = least) {
        least = i;
        for (uint32_t k = 2 * i + 1; k <= 2 * i + 2 && k < l->count; k++)
            least = worse(l, &l->heap[k], &l->heap[least]) ? k : least;
        if (least == i)
            return;
        swap(&l->heap[i], &l->heap[least]);
    }
}

static void take_line(struct api_scan *s, const struct dw_event *ev, uint8_t mark)
{
    struct lines *l = s->arg;
    struct line one = {.time_ns = ev->time_ns, .number = l->number++, .len = ev->line.len};
    (void)mark;
    bool full = l->count == l->limit;
    if ((full && (l->limit == 0 || !worse(l, &l->heap[0], &one))) || !loki_takes(s->rq, l->q, l->regex, ev))
        return;
    if (l->bytes + one.len > l->bytes_max) {
        api_partial(s->rq, "the lines are over api.query.memory: ask for fewer");
        return;
    }
    dw_buf_reset(&l->labels);
    loki_labels(ev, s->keys, NULL, &l->labels);
    const struct dw_str text[] = {dw_buf_view(&l->labels), ev->line};
    one.text = l->labels.err ? NULL : dw_keyed_texts(text, 2, one.at);
    if (!one.text) {
        l->rc = DW_ENOMEM;
        s->stop = true;
    } else if (l->count < l->limit) {
        l->heap[l->count++] = one;
        sift_up(l, l->count - 1);
    } else {
        l->bytes -= l->heap[0].len;
        dw_free(l->heap[0].text);
        l->heap[0] = one;
        sift_down(l);
    }
    l->bytes += one.text ? one.len : 0;
}

static int by_stream(const void *a, const void *b)
{
    const struct line *x = a, *y = b;
    int order = strcmp(x->at[0], y->at[0]);
    if (order)
        return order;
    return x->time_ns != y->time_ns ? (x->time_ns < y->time_ns ? -1 : 1) : x->number < y->number ? -1 : 1;
}

static void put_lines(struct api_scan *s)
{
    struct lines *l = s->arg;
    struct dw_buf *out = &s->rq->out;
    qsort(l->heap, l->count, sizeof *l->heap, by_stream);
    loki_begin(s->rq);
    dw_buf_str(out, DW_STR(",\"data\":{\"resultType\":\"streams\",\"result\":["));
    for (uint32_t from = 0, to; from < l->count; from = to) {
        to = from;
        while (to < l->count && strcmp(l->heap[to].at[0], l->heap[from].at[0]) == 0)
            to++;
        dw_buf_printf(out, "%s{\"stream\":%s,\"values\":[", from ? "," : "", l->heap[from].at[0]);
        for (uint32_t i = from; i < to; i++) {
            const struct line *one = &l->heap[l->newest ? to - 1 - (i - from) : i];
            dw_buf_printf(out, "%s[\"%" PRId64 "\",", i > from ? "," : "", one->time_ns);
            (void)dw_json_string(out, dw_str_make(one->at[1], one->len));
            dw_buf_byte(out, ']');
        }
        dw_buf_str(out, DW_STR("]}"));
    }
    dw_buf_str(out, DW_STR("],\"stats\":{}}}\n"));
    s->rq->rows = l->count;
}

static void run_lines(struct request *rq, const struct logql *q, int64_t start, int64_t end)
{
    struct dw_str direction = api_param_text(rq, "direction");
    uint64_t limit = (uint64_t)api_param_number(rq, "limit", LINES_USUAL);
    struct lines l = {.limit = limit < LINES_MAX ? (uint32_t)limit : LINES_MAX, .newest = !direction.ptr || !dw_str_ieq(direction, DW_STR("forward")),
        .q = q, .regex = dw_regex_scratch_new(), .bytes_max = (size_t)rq->api->opt->api_query_memory / 2};
    struct api_scan s = {.rq = rq, .since_ns = start, .until_ns = end, .row = take_line, .end = put_lines, .arg = &l};
    l.heap = dw_calloc(l.limit + 1, sizeof *l.heap);
    if (limit > LINES_MAX)
        api_partial(rq, "at most %d lines are given", LINES_MAX);
    if (l.heap && l.regex)
        api_scan(&s, dw_buf_view(&q->filter));
    if (!l.heap || !l.regex || l.rc < 0)
        api_fail_code(rq, "the answer", DW_ENOMEM);
    for (uint32_t i = 0; i < l.count; i++)
        dw_free(l.heap[i].text);
    dw_free(l.heap);
    dw_regex_scratch_free(l.regex);
    dw_buf_fini(&l.labels);
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
