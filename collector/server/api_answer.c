/*
 * api_answer: the bytes of an answer, from who makes them to who sends them.
 *
 *     worker: out -> (64 KiB, or the end) -> ready -> connection's thread -> client
 *
 * Invariants:
 *   (1) `out` belongs to who answers alone; `ready` and the flags beside it are touched under the lock.
 *   (2) A connection is suspended only by its own thread, under the lock, with nothing to send and the end not come; whoever changes
 *       that resumes it. So none stays suspended once its answer has ended.
 *   (3) At most API_STREAM_BYTES, one hand-over and the last line wait for a client.
 */
#include "api_int.h"

#include "dogwatch/base/error.h"
#include "dogwatch/base/mem.h"
#include "dogwatch/event/json_write.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <time.h>

static const struct {
    const char *code;
    unsigned status;
} errors[] = {
#define API_ERROR(code, status, doc) {#code, status},
#include "dogwatch/tbl/api_errors.h"
#undef API_ERROR
};

struct request *api_request_new(struct api *a, struct MHD_Connection *conn, bool local, struct dw_str target)
{
    pthread_condattr_t attr;
    struct request *rq = dw_calloc(1, sizeof *rq);
    if (!rq)
        return NULL;
    rq->api = a;
    rq->conn = conn;
    rq->local = local;
    rq->owners = 1;
    rq->socket = -1;
    rq->status = MHD_HTTP_OK;
    rq->role = "";
    dw_arena_init(&rq->arena, 0);
    (void)pthread_mutex_init(&rq->lock, NULL);
    (void)pthread_condattr_init(&attr);
    (void)pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    (void)pthread_cond_init(&rq->changed, &attr);
    (void)pthread_condattr_destroy(&attr);
    rq->target = dw_arena_copy(&rq->arena, target);
    return rq;
}

void api_request_release(struct request *rq)
{
    (void)pthread_mutex_lock(&rq->lock);
    bool last = --rq->owners == 0;
    (void)pthread_mutex_unlock(&rq->lock);
    if (!last)
        return;
    (void)pthread_cond_destroy(&rq->changed);
    (void)pthread_mutex_destroy(&rq->lock);
    dw_arena_fini(&rq->arena);
    dw_buf_fini(&rq->body);
    dw_buf_fini(&rq->out);
    dw_buf_fini(&rq->ready);
    dw_free(rq);
}

void api_put_text(struct dw_buf *out, char before, const char *name, struct dw_str value)
{
    dw_buf_printf(out, "%c\"%s\":", before, name);
    (void)dw_json_string(out, value);
}

void api_put_number(struct dw_buf *out, char before, const char *name, uint64_t value)
{
    dw_buf_printf(out, "%c\"%s\":%" PRIu64, before, name, value);
}

void api_put_time(struct dw_buf *out, char before, const char *name, int64_t ns)
{
    dw_buf_printf(out, "%c\"%s\":\"", before, name);
    dw_time_text(out, ns);
    dw_buf_byte(out, '"');
}

/* Begins the error's object; the caller ends it with two braces. */
static void begin_error(struct request *rq, enum api_error e, struct dw_str message, const char *hint)
{
    rq->failed = true;
    rq->error = e;
    rq->status = errors[e].status;
    (void)snprintf(rq->outcome, sizeof rq->outcome, "refused: %s", errors[e].code);
    dw_buf_reset(&rq->out);
    dw_buf_str(&rq->out, DW_STR("{\"error\":"));
    api_put_text(&rq->out, '{', "code", dw_str_of(errors[e].code));
    api_put_text(&rq->out, ',', "message", message);
    if (hint)
        api_put_text(&rq->out, ',', "hint", dw_str_of(hint));
}

void api_fail(struct request *rq, enum api_error e, const char *hint, const char *fmt, ...)
{
    char message[500];
    va_list args;
    va_start(args, fmt);
    (void)vsnprintf(message, sizeof message, fmt, args);
    va_end(args);
    begin_error(rq, e, dw_str_of(message), hint);
    dw_buf_str(&rq->out, DW_STR("}}\n"));
}

void api_fail_query(struct request *rq, const struct dw_diags *diags)
{
    struct dw_buf text = {0};
    const struct dw_diag *first = diags->count ? &diags->item[0] : NULL;
    dw_diags_print(diags, &text);
    begin_error(rq, API_E_query, dw_str_of(first ? first->msg : "the query has a mistake"), first && first->help[0] ? first->help : NULL);
    api_put_text(&rq->out, ',', "text", dw_buf_view(&text));
    dw_buf_str(&rq->out, DW_STR("}}\n"));
    dw_buf_fini(&text);
}

void api_fail_code(struct request *rq, const char *what, int rc)
{
    enum api_error e = rc == DW_ENOENT ? API_E_not_found : rc == DW_ENOMEM || rc == DW_EIO ? API_E_internal : API_E_unavailable;
    api_fail(rq, e, NULL, "%s: %s", what, dw_err_text(rc));
}

DW_PRINTF(2, 0) static void put_outcome(struct request *rq, const char *fmt, va_list args)
{
    int n = snprintf(rq->outcome, sizeof rq->outcome, "partial: ");
    if (n > 0)
        (void)vsnprintf(rq->outcome + n, sizeof rq->outcome - (size_t)n, fmt, args);
}

void api_partial(struct request *rq, const char *fmt, ...)
{
    va_list args;
    if (rq->outcome[0] && !rq->limited)
        return;
    rq->limited = false;
    va_start(args, fmt);
    put_outcome(rq, fmt, args);
    va_end(args);
}

void api_limited(struct request *rq, const char *fmt, ...)
{
    va_list args;
    if (rq->outcome[0])
        return;
    rq->limited = true;
    va_start(args, fmt);
    put_outcome(rq, fmt, args);
    va_end(args);
}

void api_unread(struct request *rq, const char *where, int rc)
{
    const char *name = strrchr(where, '/');
    api_partial(rq, "%s: %s", name ? name + 1 : where, dw_err_text(rc));
}

bool api_in_vain(struct request *rq)
{
    (void)pthread_mutex_lock(&rq->lock);
    bool gone = rq->gone;
    (void)pthread_mutex_unlock(&rq->lock);
    if (gone)
        api_partial(rq, "the client went away");
    else if (atomic_load(&rq->api->stopping))
        api_partial(rq, "the collector ends");
    return gone || atomic_load(&rq->api->stopping);
}

bool api_is_over(struct request *rq)
{
    if (api_in_vain(rq))
        return true;
    if (dw_clock_mono(&dw_clock_system) < rq->deadline_ns)
        return false;
    api_partial(rq, "over api.query.time: ask for less");
    return true;
}

/* Under the lock. */
static void wake(struct request *rq)
{
    if (!rq->suspended)
        return;
    rq->suspended = false;
    MHD_resume_connection(rq->conn);
}

/* Under the lock: waits until the client has taken enough; in all not longer than api.query.wait behind the time of the query. */
static bool wait_for_room(struct request *rq)
{
    int64_t now_ns = dw_clock_mono(&dw_clock_system);
    int64_t until_ns = (now_ns < rq->deadline_ns ? now_ns : rq->deadline_ns) + rq->api->opt->api_query_wait;
    struct timespec until = {.tv_sec = (time_t)(until_ns / DW_NS_PER_S), .tv_nsec = (long)(until_ns % DW_NS_PER_S)};
    int err = 0;
    while (rq->ready.len - rq->taken > API_STREAM_BYTES && !rq->gone && !atomic_load(&rq->api->stopping) && err == 0)
        err = pthread_cond_timedwait(&rq->changed, &rq->lock, &until);
    return err == 0;
}

void api_wake_worker(struct request *rq)
{
    (void)pthread_mutex_lock(&rq->lock);
    (void)pthread_cond_broadcast(&rq->changed);
    (void)pthread_mutex_unlock(&rq->lock);
}

static bool hand_over(struct request *rq, bool last)
{
    (void)pthread_mutex_lock(&rq->lock);
    bool room = last || wait_for_room(rq);
    dw_buf_str(&rq->ready, dw_buf_view(&rq->out));
    int err = rq->out.err ? rq->out.err : rq->ready.err;
    rq->begun = true;
    rq->ended = last;
    wake(rq);
    (void)pthread_mutex_unlock(&rq->lock);
    dw_buf_reset(&rq->out);
    if (!room)
        api_partial(rq, "the client did not read for api.query.wait");
    if (err)
        api_partial(rq, "%s", dw_err_text(err));
    return room && !err;
}

bool api_row(struct request *rq)
{
    rq->rows++;
    if (rq->route->where != API_QUERY) {
        if (rq->out.len > API_WHOLE_BYTES)
            api_partial(rq, "the answer is over %d MiB: ask for less", API_WHOLE_BYTES >> 20);
        return rq->out.len <= API_WHOLE_BYTES;
    }
    if (rq->out.len < API_FLUSH_BYTES)
        return true;
    return hand_over(rq, false) && !api_in_vain(rq);
}

void api_answer_line(struct request *rq, struct dw_str more)
{
    bool partial = rq->outcome[0] != '\0';
    dw_buf_printf(&rq->out, "{\"answer\":{\"complete\":%s,\"why\":", partial ? "false" : "true");
    if (partial)
        (void)dw_json_string(&rq->out, dw_str_of(rq->outcome + strlen("partial: ")));
    else
        dw_buf_str(&rq->out, DW_STR("null"));
    dw_buf_str(&rq->out, rq->limited ? DW_STR(",\"limited\":true") : DW_STR(",\"limited\":false"));
    api_put_number(&rq->out, ',', "rows", rq->rows);
    dw_buf_str(&rq->out, more);
    dw_buf_str(&rq->out, DW_STR("}}\n"));
}

void api_end(struct request *rq)
{
    if (rq->out.err && !rq->begun)
        api_fail(rq, API_E_internal, NULL, "%s", dw_err_text(rq->out.err));
    (void)hand_over(rq, true);
    if (rq->upgraded)
        (void)MHD_upgrade_action(rq->upgraded, MHD_UPGRADE_ACTION_CLOSE);
}
