/*
 * api_query: a query over the archive, streamed; and counts by span of time, which are one.
 *
 * Invariants:
 *   (1) Rows are those of `dogwatch query`: events marked as duplicates are passed over, and every answer says whether it is complete.
 *   (2) A query ends at the latest after api.query.time, at api.query.rows, or when its client has not read for api.query.wait; what it sent
 *       until then stands, and the last line says why it is partial.
 */
#include "api_int.h"

#include "dogwatch/base/error.h"
#include "dogwatch/base/mem.h"
#include "dogwatch/collect/answer.h"
#include "dogwatch/event/json_write.h"

#include <inttypes.h>

struct rows {
    uint64_t limit;
    bool asked; /* the limit is the client's, and not api.query.rows */
    struct dw_buf notes;
};

static void take_row(struct api_scan *s, const struct dw_event *row, uint8_t mark)
{
    const struct rows *r = s->arg;
    if (s->rq->rows == r->limit) {
        if (r->asked)
            api_limited(s->rq, "there is more than %" PRIu64 " rows", r->limit);
        else
            api_partial(s->rq, "there is more than %" PRIu64 " rows, which is api.query.rows", r->limit);
        s->stop = true;
        return;
    }
    dw_answer_row(s->keys, s->q, row, mark, &s->rq->out);
    s->stop = !api_row(s->rq);
}

static void note_unseen(void *arg, struct dw_str name, const char *near)
{
    struct rows *r = arg;
    struct dw_buf text = {0};
    dw_buf_printf(&text, "no event read here has a field '%.*s'%s%s%s", DW_ARG(name), near ? "; did you mean '" : "", near ? near : "", near ? "'?" : "");
    dw_buf_str(&r->notes, r->notes.len ? DW_STR(",") : DW_STR(""));
    (void)dw_json_string(&r->notes, dw_buf_view(&text));
    dw_buf_fini(&text);
}

static void note_text(void *arg, struct dw_str word, const char *meant)
{
    struct rows *r = arg;
    struct dw_buf text = {0};
    dw_buf_printf(&text, "'%.*s' was looked for as a text in the line; a field is asked for by %s", DW_ARG(word), meant);
    dw_buf_str(&r->notes, r->notes.len ? DW_STR(",") : DW_STR(""));
    (void)dw_json_string(&r->notes, dw_buf_view(&text));
    dw_buf_fini(&text);
}

static void put_bound(struct dw_buf *out, const char *name, int64_t ns, int64_t none)
{
    if (ns == none)
        dw_buf_printf(out, ",\"%s\":null", name);
    else
        api_put_time(out, ',', name, ns);
}

static void put_answer(struct api_scan *s)
{
    struct rows *r = s->arg;
    struct dw_buf more = {0};
    dw_query_unseen(s->q, note_unseen, r);
    if (s->pass.matched == 0)
        dw_query_texts(s->q, note_text, r);
    api_put_number(&more, ',', "matched", s->pass.matched);
    api_put_number(&more, ',', "events", s->pass.events);
    api_put_number(&more, ',', "frames", s->frames);
    api_put_number(&more, ',', "let_go", s->reader ? dw_archive_reader_gone(s->reader) : 0);
    put_bound(&more, "since", s->since_ns, INT64_MIN);
    put_bound(&more, "until", s->until_ns, INT64_MAX);
    dw_buf_printf(&more, ",\"notes\":[%.*s]", DW_ARG(dw_buf_view(&r->notes)));
    api_answer_line(s->rq, dw_buf_view(&more));
    dw_buf_fini(&more);
}

/* `text` outlives the call. */
static void run(struct request *rq, struct dw_str text)
{
    uint64_t most = (uint64_t)rq->api->opt->api_query_rows, limit = (uint64_t)api_param_number(rq, "limit", INT64_MAX);
    struct rows r = {.limit = limit < most ? limit : most, .asked = limit <= most};
    struct api_scan s = {.rq = rq, .since_ns = api_param_number(rq, "since", INT64_MIN), .until_ns = api_param_number(rq, "until", INT64_MAX),
        .row = take_row, .end = put_answer, .arg = &r};
    api_scan(&s, text);
    dw_buf_fini(&r.notes);
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
