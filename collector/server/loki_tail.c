/*
 * loki_tail: lines as they are archived, over a web socket (Loki's tail).
 *
 * Idea: as `dogwatch query --follow`: the reader goes on where it was when it is asked again, over the seal of a segment, too. First what is
 * there is read, and its newest lines are sent; from then on every round sends what it found.
 *
 *     {"streams":[{"stream":{"host":"web1"},"values":[["1700000000000000000","a line"]]}],"dropped_entries":[]}
 *
 * Invariants:
 *   (1) From its start a tail loses no line and sends none twice: one reader, one pass, and nothing is read while the client has enough.
 *   (2) Lines of a message are in the order of their times, and at most MESSAGE_LINES; it has more than MESSAGE_BYTES of them only when one
 *       line has.
 *   (3) What could not be read is said under `warnings` of the next message.
 */
#include "loki_int.h"

#include "dogwatch/base/error.h"
#include "dogwatch/event/json_write.h"

enum { MESSAGE_LINES = 1000, MESSAGE_BYTES = 256 << 10, WARNINGS_MAX = 10, ROUND_MS = 200 };

struct tail {
    struct api_scan scan;
    struct api_socket socket;
    struct logql q;
    struct dw_regex_scratch *regex;
    struct loki_lines lines;
    struct dw_buf warnings; /* JSON strings with commas, of the next message */
    uint32_t warned;
    bool said;    /* the request's outcome, if it has one */
    bool follows; /* what was there is sent */
};

static void no_memory(struct tail *t)
{
    api_socket_end(&t->socket, WEBSOCKET_INTERNAL, "out of memory");
}

/* ---- messages ---- */

static void warn(struct tail *t, struct dw_str text)
{
    if (t->warned++ >= WARNINGS_MAX)
        return;
    dw_buf_str(&t->warnings, t->warnings.len ? DW_STR(",") : DW_STR(""));
    (void)dw_json_string(&t->warnings, text);
}

static void note_unread(struct api_scan *s, int err)
{
    struct tail *t = s->arg;
    const char *where = dw_archive_reader_where(s->reader), *name = strrchr(where, '/');
    struct dw_buf text = {0};
    dw_buf_printf(&text, "%s: %s", name ? name + 1 : where, dw_err_text(err));
    if (dw_str_ends(dw_str_of(s->rq->outcome), dw_buf_view(&text)))
        t->said = true; /* the outcome says this */
    warn(t, dw_buf_view(&text));
    dw_buf_fini(&text);
    if (err == DW_ENOMEM)
        no_memory(t);
}

static bool send_lines(struct tail *t, uint32_t from, uint32_t to)
{
    struct request *rq = t->scan.rq;
    struct dw_buf *out = &rq->out;
    dw_buf_reset(out);
    dw_buf_str(out, DW_STR("{\"streams\":"));
    loki_lines_put(&t->lines, from, to, false, out);
    dw_buf_str(out, DW_STR(",\"dropped_entries\":[]"));
    if (t->warnings.len)
        dw_buf_printf(out, ",\"warnings\":[%.*s]", DW_ARG(dw_buf_view(&t->warnings)));
    dw_buf_byte(out, '}');
    if (out->err || t->warnings.err)
        no_memory(t);
    else if (api_socket_send(&t->socket, dw_buf_view(out)))
        rq->rows += to - from;
    dw_buf_reset(out);
    dw_buf_reset(&t->warnings);
    t->warned = 0;
    return api_socket_goes_on(&t->socket);
}

/* Sends what was found, the oldest line first. False: it ends. */
static bool flush(struct tail *t)
{
    struct loki_lines *l = &t->lines;
    bool ok = api_socket_goes_on(&t->socket);
    if (t->scan.rq->outcome[0] && !t->said) {
        warn(t, dw_str_of(t->scan.rq->outcome));
        t->said = true;
    }
    loki_lines_by_time(l);
    for (uint32_t from = 0, to; ok && from < l->count; from = to) {
        size_t bytes = l->heap[from].len;
        for (to = from + 1; to < l->count && to - from < MESSAGE_LINES && bytes + l->heap[to].len <= MESSAGE_BYTES; to++)
            bytes += l->heap[to].len;
        ok = send_lines(t, from, to);
    }
    if (ok && t->warnings.len)
        ok = send_lines(t, 0, 0);
    loki_lines_clear(l);
    return ok;
}

/* ---- reading ---- */

static void take_line(struct api_scan *s, const struct dw_event *ev, uint8_t mark)
{
    struct tail *t = s->arg;
    (void)mark;
    if (!loki_lines_want(&t->lines, ev->time_ns) || !loki_takes(s->rq, &t->q, t->regex, ev))
        return;
    int rc = loki_lines_add(&t->lines, s->keys, ev);
    if (rc == DW_ELIMIT)
        api_partial(s->rq, "the lines that are there are over api.query.memory: the oldest of them are left out");
    else if (rc < 0)
        no_memory(t);
    bool full = t->lines.count == MESSAGE_LINES || t->lines.bytes >= MESSAGE_BYTES;
    s->stop |= t->follows && full ? !flush(t) : !api_socket_goes_on(&t->socket);
}

static bool is_over(struct api_scan *s)
{
    struct tail *t = s->arg;
    return !api_socket_turn(&t->socket, 0);
}

static void run(struct tail *t)
{
    (void)api_scan_read(&t->scan);
    bool goes_on = flush(t);
    t->follows = true; /* from here on none is given up */
    t->lines.limit = MESSAGE_LINES;
    t->lines.bytes_max = SIZE_MAX / 2;
    while (goes_on && api_socket_turn(&t->socket, ROUND_MS)) {
        (void)api_scan_read(&t->scan);
        goes_on = flush(t);
    }
    api_socket_close(&t->socket);
}

static bool is_lines(struct request *rq, const struct logql *q)
{
    if (q->function != LOGQL_LINES)
        api_fail(rq, API_E_malformed, "the selector and filters alone", "a tail has lines, no function over them");
    return q->function == LOGQL_LINES;
}

static bool make_room(struct tail *t)
{
    struct request *rq = t->scan.rq;
    uint32_t limit = loki_limit(rq);
    int rc = loki_lines_init(&t->lines, limit > MESSAGE_LINES ? limit : MESSAGE_LINES, true, (size_t)rq->api->opt->api_query_memory / 2);
    t->lines.limit = limit;
    t->regex = dw_regex_scratch_new();
    if (rc < 0 || !t->regex)
        api_fail_code(rq, "the tail", DW_ENOMEM);
    return !rq->failed;
}

void api_do_loki_tail(struct request *rq)
{
    struct tail t = {.scan = {.rq = rq, .until_ns = INT64_MAX, .row = take_line, .over = is_over, .unread = note_unread}};
    t.scan.arg = &t;
    bool ok = loki_query(rq, "query", "", &t.q) && is_lines(rq, &t.q) && loki_start(rq, &t.scan.since_ns) && make_room(&t);
    if (ok && api_scan_open(&t.scan, dw_buf_view(&t.q.filter)) && api_socket_open(&t.socket, rq))
        run(&t);
    api_scan_close(&t.scan);
    loki_lines_fini(&t.lines);
    dw_regex_scratch_free(t.regex);
    dw_buf_fini(&t.warnings);
    logql_fini(&t.q);
}
