/*
 * api_query: a query over the archive, streamed; and counts by span of time, which are one.
 *
 * Invariants:
 *   (1) Rows are those of `dogwatch query`: events marked as duplicates are passed over, and every answer says whether it is complete.
 *   (2) A query ends at the latest after api.query.time, at api.query.rows, or when its client has not read for api.query.wait; what it sent
 *       until then stands, and the last line says why it is partial.
 */
#include "api_int.h"

#include "dogwatch/base/counter.h"
#include "dogwatch/base/error.h"
#include "dogwatch/base/mem.h"
#include "dogwatch/collect/answer.h"
#include "dogwatch/event/json_write.h"

#include <inttypes.h>

struct scan {
    struct request *rq;
    struct dw_keys *keys;
    struct dw_query *q;
    int64_t since_ns, until_ns;
    uint64_t limit, matched, events, frames;
    struct dw_buf notes;
    bool stop; /* no row is wanted any more */
};

static void take_row(void *arg, const struct dw_event *row, uint8_t mark)
{
    struct scan *s = arg;
    if (s->stop)
        return;
    if (s->rq->rows == s->limit) {
        api_partial(s->rq, "there is more than %" PRIu64 " rows", s->limit);
        s->stop = true;
        return;
    }
    dw_answer_row(s->keys, s->q, row, mark, &s->rq->out);
    s->stop = !api_row(s->rq);
}

static void take_event(struct scan *s, const struct dw_event *ev, uint8_t mark)
{
    if (ev->time_ns < s->since_ns || ev->time_ns > s->until_ns || mark == DW_MARK_DUPLICATE)
        return;
    s->events++;
    s->matched += dw_query_take(s->q, ev, mark);
}

static void read_archive(struct scan *s, struct dw_archive_reader *reader)
{
    struct dw_archived a;
    bool over = false;
    dw_archive_reader_range(reader, s->since_ns, s->until_ns);
    while (!s->stop && !dw_query_done(s->q) && !(over = api_is_over(s->rq))) {
        int err = dw_archive_reader_next(reader, &a);
        if (err == DW_EAGAIN)
            break;
        if (err < 0) {
            api_unread(s->rq, dw_archive_reader_where(reader), err);
            if (err == DW_ENOMEM)
                break;
            continue;
        }
        for (uint32_t i = 0; i < a.frame.event_count && !s->stop && !dw_query_done(s->q); i++)
            take_event(s, &a.frame.event[i], a.mark ? a.mark[i] : DW_MARK_NONE);
    }
    s->stop |= over && api_in_vain(s->rq);
    if (!s->stop)
        dw_query_end(s->q); /* while the reader lives: rows may point into its last frame */
    s->frames = dw_archive_reader_frames(reader);
}

static void note_unseen(void *arg, struct dw_str name, const char *near)
{
    struct scan *s = arg;
    struct dw_buf text = {0};
    dw_buf_printf(&text, "no event read here has a field '%.*s'%s%s%s", DW_ARG(name), near ? "; did you mean '" : "", near ? near : "", near ? "'?" : "");
    dw_buf_str(&s->notes, s->notes.len ? DW_STR(",") : DW_STR(""));
    (void)dw_json_string(&s->notes, dw_buf_view(&text));
    dw_buf_fini(&text);
}

static void put_bound(struct dw_buf *out, const char *name, int64_t ns, int64_t none)
{
    if (ns == none)
        dw_buf_printf(out, ",\"%s\":null", name);
    else
        api_put_time(out, ',', name, ns);
}

static void put_answer(struct scan *s)
{
    struct dw_buf more = {0};
    if (dw_query_partial(s->q))
        api_partial(s->rq, "%s", dw_query_partial(s->q));
    dw_query_unseen(s->q, note_unseen, s);
    api_put_number(&more, ',', "matched", s->matched);
    api_put_number(&more, ',', "events", s->events);
    api_put_number(&more, ',', "frames", s->frames);
    put_bound(&more, "since", s->since_ns, INT64_MIN);
    put_bound(&more, "until", s->until_ns, INT64_MAX);
    dw_buf_printf(&more, ",\"notes\":[%.*s]", DW_ARG(dw_buf_view(&s->notes)));
    DW_COUNT_IF(s->rq->outcome[0], api_queries_partial);
    api_answer_line(s->rq, dw_buf_view(&more));
    dw_buf_fini(&more);
    dw_buf_fini(&s->notes);
}

/* `text` outlives the call. */
static void run(struct request *rq, struct dw_str text)
{
    const struct dw_collector_options *o = rq->api->opt;
    struct dw_archive_reader *reader = NULL;
    struct dw_diags diags;
    struct scan s = {.rq = rq, .keys = dw_keys_new(), .since_ns = api_param_number(rq, "since", INT64_MIN), .until_ns = api_param_number(rq, "until", INT64_MAX)};
    uint64_t most = (uint64_t)o->api_query_rows, limit = (uint64_t)api_param_number(rq, "limit", INT64_MAX);
    s.limit = limit < most ? limit : most;
    DW_COUNT(api_queries);
    dw_diags_init(&diags, DW_STR("query"), text);
    int rc = s.keys ? dw_query_compile(text, s.keys, &diags, &s.q) : DW_ENOMEM;
    if (rc == DW_ESYNTAX || rc == DW_ELIMIT)
        api_fail_query(rq, &diags);
    else if (rc < 0)
        api_fail_code(rq, "the query", rc);
    if (rc == DW_OK && (rc = dw_archive_reader_open(&dw_fs_system, rq->api->archive, s.keys, &reader)) < 0)
        api_fail_code(rq, "the archive", rc);
    if (rc == DW_OK) {
        dw_query_start(s.q, &(struct dw_query_setup){.sink = {take_row, &s}, .memory_bytes = (size_t)o->api_query_memory, .fs = &dw_fs_system, .tmp_dir = "/var/tmp"});
        read_archive(&s, reader);
        put_answer(&s);
    }
    dw_archive_reader_close(reader);
    dw_query_free(s.q);
    dw_keys_free(s.keys);
}

void api_do_query(struct request *rq)
{
    struct dw_str text = api_param_text(rq, "query");
    if (text.ptr)
        run(rq, text);
    else
        api_fail(rq, API_E_malformed, "query=* asks for everything", "the parameter query is missing");
}

void api_do_query_post(struct request *rq)
{
    api_do_query(rq);
}

/* ---- histogram ---- */

static bool is_span(struct dw_str s)
{
    uint64_t n;
    return s.len > 1 && dw_str_index(DW_STR("smhdw"), s.ptr[s.len - 1]) < 5 && dw_str_u64(dw_str_slice(s, 0, s.len - 1), &n) && n > 0;
}

/* A name that stands in a query as it is. */
static bool is_field(struct dw_str s)
{
    for (size_t i = 0; i < s.len; i++) {
        char c = s.ptr[i];
        if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || dw_str_index(DW_STR("._-@"), c) < 4))
            return false;
    }
    return s.len > 0;
}

/* The filter alone must be one: nothing of it may become a pipe. */
static bool is_filter(struct request *rq, struct dw_str filter)
{
    struct dw_keys *keys = dw_keys_new();
    struct dw_query *q = NULL;
    struct dw_diags diags;
    dw_diags_init(&diags, DW_STR("filter"), filter);
    int rc = keys ? dw_query_compile(filter, keys, &diags, &q) : DW_ENOMEM;
    if (rc == DW_ENOMEM)
        api_fail_code(rq, "the filter", rc);
    else if (rc < 0)
        api_fail_query(rq, &diags);
    else if (!dw_query_is_filter(q))
        api_fail(rq, API_E_query, "/api/v1/query takes pipes", "a filter without pipes is expected");
    dw_query_free(q);
    dw_keys_free(keys);
    return !rq->failed;
}

void api_do_histogram(struct request *rq)
{
    struct dw_str filter = api_param_text(rq, "filter"), span = api_param_text(rq, "span"), by = api_param_text(rq, "by");
    struct dw_buf text = {0};
    if (!is_span(span)) {
        api_fail(rq, API_E_malformed, "30s, 5m, 1h, 1d", "span: a span of time is needed");
    } else if (by.ptr && !is_field(by)) {
        api_fail(rq, API_E_malformed, "such as host.name", "by: the name of a field is needed");
    } else if (is_filter(rq, filter)) {
        dw_buf_printf(&text, "%.*s | timechart %.*s count%s%.*s", DW_ARG(filter), DW_ARG(span), by.ptr ? " by " : "", DW_ARG(by));
        if (text.err)
            api_fail_code(rq, "the query", text.err);
        else
            run(rq, dw_buf_view(&text));
    }
    dw_buf_fini(&text);
}
