/*
 * loki: what Grafana asks about streams: labels, their values, series, how much there is (docs/reference/loki.md).
 *
 * Invariant: every answer that is not whole says so under `warnings`, which Grafana shows.
 */
#include "loki_int.h"

#include "dogwatch/base/error.h"
#include "dogwatch/base/mem.h"
#include "dogwatch/event/json_write.h"
#include "dogwatch/event/timestamp.h"

#include <inttypes.h>
#include <stdlib.h>

#define HOUR_NS (3600 * DW_NS_PER_S)
enum { PAIRS_MAX = 100000, VALUE_KEPT = 200, LINES_USUAL = 100 };

/* 1700000000000000000, 1700000000, 1700000000.5, 2023-11-14T22:13:20Z */
static bool take_time(struct dw_str text, int64_t *ret_ns)
{
    uint64_t n;
    if (dw_str_u64(text, &n)) {
        bool seconds = n <= UINT64_C(100000000000);
        n = seconds && n <= UINT64_MAX / DW_NS_PER_S ? n * DW_NS_PER_S : n;
        *ret_ns = n <= INT64_MAX ? (int64_t)n : INT64_MAX;
    } else if (!dw_time_asked(text, dw_clock_real(&dw_clock_system), ret_ns)) {
        return false;
    }
    return *ret_ns >= 0 && *ret_ns <= LOKI_SPAN_MAX_NS;
}

static bool time_of(struct request *rq, const char *name, int64_t otherwise, int64_t *ret)
{
    struct dw_str text = api_param_text(rq, name);
    *ret = otherwise;
    if (!text.ptr || take_time(text, ret))
        return true;
    api_fail(rq, API_E_malformed, "nanoseconds or seconds since 1970, or RFC 3339; up to 2070", "%s: no time", name);
    return false;
}

bool loki_range(struct request *rq, int64_t *ret_start, int64_t *ret_end)
{
    int64_t now = dw_clock_real(&dw_clock_system);
    if (!time_of(rq, "time", now, &now) || !time_of(rq, "end", now, ret_end) || !time_of(rq, "start", *ret_end - HOUR_NS, ret_start))
        return false;
    if (*ret_start > *ret_end)
        api_fail(rq, API_E_malformed, NULL, "start is after end: nothing can be there");
    return *ret_start <= *ret_end;
}

bool loki_start(struct request *rq, int64_t *ret_start)
{
    return time_of(rq, "start", dw_clock_real(&dw_clock_system) - HOUR_NS, ret_start);
}

uint32_t loki_limit(struct request *rq)
{
    int64_t limit = api_param_number(rq, "limit", LINES_USUAL);
    if (limit <= LOKI_LINES_MAX)
        return (uint32_t)limit;
    api_partial(rq, "at most %d lines are given", LOKI_LINES_MAX);
    return LOKI_LINES_MAX;
}

bool loki_query(struct request *rq, const char *name, const char *otherwise, struct logql *ret)
{
    struct dw_diags diags;
    struct dw_str text = api_param_text(rq, name);
    *ret = (struct logql){0};
    if (!text.ptr || text.len == 0)
        text = dw_str_of(otherwise);
    if (text.len == 0) {
        api_fail(rq, API_E_malformed, "{host=\"web1\"} |= \"failed\"", "the parameter %s is missing", name);
        return false;
    }
    dw_diags_init(&diags, dw_str_of(name), text);
    int rc = logql_compile(text, &diags, ret);
    if (rc == DW_ESYNTAX)
        api_fail_query(rq, &diags);
    else if (rc < 0)
        api_fail_code(rq, "the query", rc);
    return rc == DW_OK;
}

static struct dw_str text_of(const struct dw_event *ev, uint32_t key)
{
    const struct dw_field *f = dw_event_find(ev, key);
    return f && dw_field_is_text(f) ? dw_field_str(f) : DW_STR_NONE;
}

static void put_label(struct dw_buf *out, const char *name, struct dw_str value)
{
    if (value.len)
        api_put_text(out, out->ptr[out->len - 1] == '{' ? ' ' : ',', name, value);
}

void loki_labels(const struct dw_event *ev, const struct dw_keys *keys, const struct logql *by, struct dw_buf *out)
{
    const char *name, *doc;
    uint32_t key;
    dw_buf_byte(out, '{');
    for (size_t i = 0; !by && (name = logql_label(i, &key, &doc)); i++)
        put_label(out, name, text_of(ev, key));
    for (uint32_t i = 0; by && i < by->by_count; i++) {
        char room[DW_QUERY_TEXT_MAX];
        const struct dw_field *f = dw_keys_find(keys, dw_buf_view(&by->by_field[i]), &key) == DW_OK ? dw_event_find(ev, key) : NULL;
        if (f)
            put_label(out, by->by[i], dw_query_field_text(f, room));
    }
    dw_buf_byte(out, '}');
}

bool loki_takes(struct request *rq, const struct logql *q, struct dw_regex_scratch *scratch, const struct dw_event *ev)
{
    enum dw_verdict v = logql_takes(q, scratch, ev->line);
    if (v == DW_UNDECIDED)
        api_partial(rq, "a regex gave up on some lines");
    return v == DW_TRUE;
}

/* Why the answer is not whole, as Grafana shows it. */
static void put_warnings(struct request *rq)
{
    if (!rq->outcome[0])
        return;
    dw_buf_str(&rq->out, DW_STR(",\"warnings\":["));
    (void)dw_json_string(&rq->out, dw_str_of(rq->outcome));
    dw_buf_byte(&rq->out, ']');
}

void loki_begin(struct request *rq)
{
    dw_buf_str(&rq->out, DW_STR("{\"status\":\"success\""));
    put_warnings(rq);
}

/* ---- texts, sets of labels and fields that occur, with the bytes of their lines ---- */

struct seen {
    struct dw_keyed_item item;
    uint64_t bytes;
    bool number;
};
struct tally {
    struct dw_keyed seen;
    const struct logql *q;
    struct dw_buf field; /* whose values are asked for */
    uint64_t lines, bytes, lines_max; /* lines_max: 0 for all */
    uint32_t max;
    int64_t end_ns; /* of the range */
    struct dw_buf scratch;
    struct dw_regex_scratch *regex;
    void (*row)(struct api_scan *s, const struct dw_event *ev); /* of a line that the query takes */
    int rc;
};

static void add(struct api_scan *s, struct dw_str key, const struct dw_event *ev, bool number)
{
    struct tally *t = s->arg;
    struct seen *one = dw_keyed_find(&t->seen, key);
    if (!one && t->seen.count == t->max) {
        api_partial(s->rq, "there are more than %u; the first are shown", t->max);
        return;
    }
    one = one ? one : dw_keyed_add(&t->seen, key, sizeof *one);
    if (!one) {
        t->rc = DW_ENOMEM;
        s->stop = true;
        return;
    }
    one->bytes += ev->line.len;
    one->number |= number;
}

static void count_line(struct api_scan *s, const struct dw_event *ev)
{
    struct tally *t = s->arg;
    t->lines++;
    t->bytes += ev->line.len;
    s->stop |= t->lines == t->lines_max;
}

static void take_row(struct api_scan *s, const struct dw_event *ev, uint8_t mark)
{
    struct tally *t = s->arg;
    (void)mark;
    if (loki_takes(s->rq, t->q, t->regex, ev))
        t->row(s, ev);
}

static void take_value(struct api_scan *s, const struct dw_event *ev)
{
    struct tally *t = s->arg;
    char room[DW_QUERY_TEXT_MAX];
    uint32_t key;
    const struct dw_field *f = dw_keys_find(s->keys, dw_buf_view(&t->field), &key) == DW_OK ? dw_event_find(ev, key) : NULL;
    if (f)
        add(s, dw_query_field_text(f, room), ev, false);
}

static void take_set(struct api_scan *s, const struct dw_event *ev)
{
    struct tally *t = s->arg;
    count_line(s, ev);
    dw_buf_reset(&t->scratch);
    loki_labels(ev, s->keys, NULL, &t->scratch);
    add(s, dw_buf_view(&t->scratch), ev, false);
}

/* name=value, so that the sorted list has a name's values together. */
static void put_pair(struct tally *t, struct dw_str name, struct dw_str value)
{
    dw_buf_reset(&t->scratch);
    dw_buf_str(&t->scratch, name);
    dw_buf_byte(&t->scratch, '=');
    dw_buf_str(&t->scratch, dw_str_slice(value, 0, VALUE_KEPT));
}

static void take_fields(struct api_scan *s, const struct dw_event *ev)
{
    struct tally *t = s->arg;
    char room[DW_QUERY_TEXT_MAX];
    count_line(s, ev);
    for (uint32_t i = 0; i < ev->field_count; i++) {
        const struct dw_field *f = &ev->field[i];
        put_pair(t, dw_keys_name(s->keys, f->key), dw_query_field_text(f, room));
        add(s, dw_buf_view(&t->scratch), ev, !dw_field_is_text(f) || f->kind == DW_K_NUMBER);
    }
}

static void take_labels(struct api_scan *s, const struct dw_event *ev)
{
    struct tally *t = s->arg;
    const char *name, *doc;
    uint32_t key;
    for (size_t i = 0; (name = logql_label(i, &key, &doc)); i++) {
        struct dw_str value = text_of(ev, key);
        if (value.len == 0)
            continue;
        put_pair(t, dw_str_of(name), value);
        add(s, dw_buf_view(&t->scratch), ev, false);
    }
}

static void put_nothing(struct api_scan *s)
{
    (void)s;
}

/* Scans by the query of a parameter; false: the request has failed. The caller calls tally_fini in any case. */
static bool tally(struct request *rq, struct tally *t, struct logql *q, const char *name, const char *otherwise,
    void (*row)(struct api_scan *s, const struct dw_event *ev))
{
    struct api_scan s = {.rq = rq, .row = take_row, .end = put_nothing, .arg = t};
    t->q = q;
    t->row = row;
    if (!loki_query(rq, name, otherwise, q) || !loki_range(rq, &s.since_ns, &s.until_ns))
        return false;
    t->end_ns = s.until_ns;
    t->regex = dw_regex_scratch_new();
    if (t->regex)
        api_scan(&s, dw_buf_view(&q->filter));
    if (t->rc < 0 || t->scratch.err || t->field.err || !t->regex)
        api_fail_code(rq, "the answer", DW_ENOMEM);
    rq->rows = t->seen.count;
    return !rq->failed;
}

static void tally_fini(struct tally *t, struct logql *q)
{
    dw_keyed_fini(&t->seen);
    dw_buf_fini(&t->scratch);
    dw_buf_fini(&t->field);
    dw_regex_scratch_free(t->regex);
    logql_fini(q);
}

/* ---- routes ---- */

void api_do_loki_labels(struct request *rq)
{
    const char *name, *doc;
    uint32_t key;
    loki_begin(rq);
    dw_buf_str(&rq->out, DW_STR(",\"data\":["));
    for (size_t i = 0; (name = logql_label(i, &key, &doc)); i++)
        dw_buf_printf(&rq->out, "%s\"%s\"", i ? "," : "", name);
    dw_buf_str(&rq->out, DW_STR("]}\n"));
}

static int by_key(const void *a, const void *b)
{
    const struct seen *x = *(const struct seen *const *)a, *y = *(const struct seen *const *)b;
    return dw_str_cmp(x->item.key, y->item.key);
}

/* All of them, sorted; NULL: no memory, and the request has failed. */
static struct seen **sorted(struct request *rq, const struct tally *t)
{
    uint32_t n = 0;
    struct seen **list = dw_alloc((t->seen.count + 1) * sizeof *list);
    if (!list) {
        api_fail_code(rq, "the answer", DW_ENOMEM);
        return NULL;
    }
    for (struct dw_keyed_item *i = t->seen.first; i; i = i->next)
        list[n++] = (struct seen *)i;
    qsort(list, n, sizeof *list, by_key);
    return list;
}

void api_do_loki_values(struct request *rq)
{
    struct logql q;
    struct tally t = {.max = LOKI_SERIES_MAX};
    logql_field(rq->id, &t.field);
    struct seen **list = tally(rq, &t, &q, "query", "{}", take_value) ? sorted(rq, &t) : NULL;
    if (list) {
        loki_begin(rq);
        dw_buf_str(&rq->out, DW_STR(",\"data\":["));
        for (uint32_t i = 0; i < t.seen.count; i++) {
            dw_buf_str(&rq->out, i ? DW_STR(",") : DW_STR(""));
            (void)dw_json_string(&rq->out, list[i]->item.key);
        }
        dw_buf_str(&rq->out, DW_STR("]}\n"));
    }
    dw_free(list);
    tally_fini(&t, &q);
}

void api_do_loki_series(struct request *rq)
{
    struct logql q;
    struct tally t = {.max = LOKI_SERIES_MAX};
    struct seen **list = tally(rq, &t, &q, "match[]", "{}", take_set) ? sorted(rq, &t) : NULL;
    if (list) {
        loki_begin(rq);
        dw_buf_str(&rq->out, DW_STR(",\"data\":["));
        for (uint32_t i = 0; i < t.seen.count; i++)
            dw_buf_printf(&rq->out, "%s%.*s", i ? "," : "", DW_ARG(list[i]->item.key));
        dw_buf_str(&rq->out, DW_STR("]}\n"));
    }
    dw_free(list);
    tally_fini(&t, &q);
}

void api_do_loki_stats(struct request *rq)
{
    struct logql q;
    struct tally t = {.max = LOKI_SERIES_MAX};
    if (tally(rq, &t, &q, "query", "{}", take_set)) {
        dw_buf_printf(&rq->out, "{\"streams\":%u,\"chunks\":0,\"bytes\":%" PRIu64 ",\"entries\":%" PRIu64, t.seen.count, t.bytes, t.lines);
        put_warnings(rq);
        dw_buf_str(&rq->out, DW_STR("}\n"));
    }
    tally_fini(&t, &q);
}

void api_do_loki_volume(struct request *rq)
{
    struct logql q;
    struct tally t = {.max = LOKI_SERIES_MAX};
    struct seen **list = tally(rq, &t, &q, "query", "{}", take_set) ? sorted(rq, &t) : NULL;
    if (list) {
        loki_begin(rq);
        dw_buf_str(&rq->out, DW_STR(",\"data\":{\"resultType\":\"vector\",\"result\":["));
        for (uint32_t i = 0; i < t.seen.count; i++)
            dw_buf_printf(&rq->out, "%s{\"metric\":%.*s,\"value\":[%" PRId64 ".%03d,\"%" PRIu64 "\"]}", i ? "," : "", DW_ARG(list[i]->item.key), t.end_ns / DW_NS_PER_S,
                (int)(t.end_ns % DW_NS_PER_S / 1000000), list[i]->bytes);
        dw_buf_str(&rq->out, DW_STR("]}}\n"));
    }
    dw_free(list);
    tally_fini(&t, &q);
}

/* A name of the list at `at`, as a label of Loki's, and how many values it has: so many entries on is the next name. */
static uint32_t put_name(struct dw_buf *out, struct seen **list, uint32_t at, uint32_t count)
{
    struct dw_str name = dw_str_slice(list[at]->item.key, 0, dw_str_index(list[at]->item.key, '=') + 1);
    uint32_t n = 1;
    while (at + n < count && dw_str_starts(list[at + n]->item.key, name))
        n++;
    dw_buf_str(out, at ? DW_STR(",{\"label\":\"") : DW_STR("{\"label\":\""));
    for (size_t i = 0; i + 1 < name.len; i++) {
        char c = name.ptr[i];
        bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
        dw_buf_byte(out, (uint8_t)(plain ? c : '_'));
    }
    dw_buf_printf(out, "\",\"cardinality\":%u", n);
    return n;
}

void api_do_loki_detected_labels(struct request *rq)
{
    struct logql q;
    struct tally t = {.max = PAIRS_MAX};
    struct seen **list = tally(rq, &t, &q, "query", "{}", take_labels) ? sorted(rq, &t) : NULL;
    if (list) {
        dw_buf_str(&rq->out, DW_STR("{\"detectedLabels\":["));
        for (uint32_t i = 0; i < t.seen.count;) {
            i += put_name(&rq->out, list, i, t.seen.count);
            dw_buf_byte(&rq->out, '}');
        }
        dw_buf_byte(&rq->out, ']');
        put_warnings(rq);
        dw_buf_str(&rq->out, DW_STR("}\n"));
    }
    dw_free(list);
    tally_fini(&t, &q);
}

void api_do_loki_detected_fields(struct request *rq)
{
    struct logql q;
    struct tally t = {.max = PAIRS_MAX, .lines_max = (uint64_t)api_param_number(rq, "line_limit", 1000)};
    struct seen **list = tally(rq, &t, &q, "query", "{}", take_fields) ? sorted(rq, &t) : NULL;
    if (list) {
        dw_buf_str(&rq->out, DW_STR("{\"fields\":["));
        for (uint32_t i = 0; i < t.seen.count;) {
            const struct seen *first = list[i];
            i += put_name(&rq->out, list, i, t.seen.count);
            dw_buf_printf(&rq->out, ",\"type\":\"%s\",\"parsers\":[\"json\"]}", first->number ? "float" : "string");
        }
        dw_buf_printf(&rq->out, "],\"limit\":%d", PAIRS_MAX);
        put_warnings(rq);
        dw_buf_str(&rq->out, DW_STR("}\n"));
    }
    dw_free(list);
    tally_fini(&t, &q);
}

void api_do_loki_buildinfo(struct request *rq)
{
    dw_buf_str(&rq->out, DW_STR("{\"status\":\"success\",\"data\":{\"version\":\"3.0.0\",\"revision\":\"dogwatch " DW_VERSION
                                "\",\"branch\":\"\",\"buildDate\":\"\",\"buildUser\":\"\",\"goVersion\":\"\"}}\n"));
}
