/*
 * api_work: threads that work on requests, each on one at a time.
 *
 * Invariants:
 *   (1) Nothing is read or changed for an audited route before its line in the audit log is durable.
 *   (2) The answer ends after its second line is.
 *   (3) What waits when the pool stops is refused, so that every connection that was suspended is resumed.
 */
#include "api_int.h"

#include "dogwatch/base/counter.h"
#include "dogwatch/base/error.h"
#include "dogwatch/base/log.h"

static bool is_audited(const struct api_route *r)
{
    return r->access == DW_ACCESS_EVENTS || r->access == DW_ACCESS_CHANGE || r->access == DW_ACCESS_DECIDE || r->access == DW_ACCESS_KEEP;
}

/* The parameters as one JSON object. */
static void put_params(const struct request *rq, struct dw_buf *out)
{
    char before = '{';
    if (rq->id.len) {
        api_put_text(out, before, "id", rq->id);
        before = ',';
    }
    for (uint32_t i = 0; i < rq->param_count; i++) {
        if (!rq->value[i].ptr || rq->param[i]->place == API_IN_PATH)
            continue;
        api_put_text(out, before, rq->param[i]->name, rq->value[i]);
        before = ',';
    }
    dw_buf_str(out, before == '{' ? DW_STR("{}") : DW_STR("}"));
}

static void cannot_audit(struct request *rq, int rc)
{
    DW_COUNT(audit_errors);
    dw_error("the audit log cannot be written (%s): %s is refused", dw_err_text(rc), rq->route->path);
    api_fail(rq, API_E_unavailable, "DATA/audit: see the collector's log", "the audit log cannot be written: %s", dw_err_text(rc));
}

static void work_audited(struct request *rq)
{
    struct api *a = rq->api;
    struct dw_buf text = {0};
    uint64_t n = 0;
    put_params(rq, &text);
    struct dw_audit_ask ask = {.who = rq->who, .role = rq->role, .from = rq->from, .method = api_method_name(rq->route->method),
        .route = rq->route->path, .text = dw_buf_view(&text)};
    int rc = text.err ? text.err : text.len > DW_AUDIT_TEXT_MAX ? DW_ELIMIT : a->audit ? dw_audit_asked(a->audit, &ask, &n) : DW_ECORRUPT;
    if (rc == DW_ELIMIT) {
        api_fail(rq, API_E_too_large, NULL, "the parameters are over %d bytes", DW_AUDIT_TEXT_MAX);
    } else if (rc < 0) {
        cannot_audit(rq, rc);
    } else {
        rq->route->handle(rq);
        rc = dw_audit_answered(a->audit, &ask, n, rq->rows, rq->outcome[0] ? rq->outcome : "complete");
        if (rc < 0)
            dw_error("the audit log cannot be written (%s): line %llu has no answer there", dw_err_text(rc), (unsigned long long)n);
        DW_COUNT_IF(rc < 0, audit_errors);
    }
    dw_buf_fini(&text);
}

void api_work(struct request *rq)
{
    rq->deadline_ns = dw_clock_mono(&dw_clock_system) + rq->api->opt->api_query_time;
    if (atomic_load(&rq->api->stopping))
        api_fail(rq, API_E_unavailable, NULL, "the collector ends");
    else if (is_audited(rq->route))
        work_audited(rq);
    else
        rq->route->handle(rq);
    api_end(rq);
}

static void *run(void *arg)
{
    struct api_pool *p = arg;
    (void)pthread_mutex_lock(&p->lock);
    struct request **mine = &p->working[p->running++];
    while (p->head || !p->stop) {
        struct request *rq = p->head;
        if (!rq) {
            (void)pthread_cond_wait(&p->changed, &p->lock);
            continue;
        }
        p->head = rq->next;
        p->tail = p->head ? p->tail : &p->head;
        p->waiting--;
        p->busy++;
        *mine = rq;
        (void)pthread_mutex_unlock(&p->lock);
        api_work(rq);
        (void)pthread_mutex_lock(&p->lock);
        *mine = NULL;
        p->busy--;
        (void)pthread_mutex_unlock(&p->lock);
        api_request_release(rq);
        (void)pthread_mutex_lock(&p->lock);
    }
    (void)pthread_mutex_unlock(&p->lock);
    return NULL;
}

int api_pool_start(struct api_pool *p, struct api *a, unsigned threads, unsigned waiting_max)
{
    *p = (struct api_pool){.api = a, .waiting_max = waiting_max};
    p->tail = &p->head;
    (void)pthread_mutex_init(&p->lock, NULL);
    (void)pthread_cond_init(&p->changed, NULL);
    while (p->threads < threads && pthread_create(&p->thread[p->threads], NULL, run, p) == 0)
        p->threads++;
    return p->threads ? DW_OK : DW_ENOMEM;
}

void api_pool_stop(struct api_pool *p)
{
    (void)pthread_mutex_lock(&p->lock);
    p->stop = true;
    (void)pthread_cond_broadcast(&p->changed);
    for (unsigned i = 0; i < p->running; i++)
        if (p->working[i])
            api_wake_worker(p->working[i]); /* it may wait for a slow client */
    (void)pthread_mutex_unlock(&p->lock);
    for (unsigned i = 0; i < p->threads; i++)
        (void)pthread_join(p->thread[i], NULL);
}

void api_pool_fini(struct api_pool *p)
{
    (void)pthread_cond_destroy(&p->changed);
    (void)pthread_mutex_destroy(&p->lock);
}

bool api_pool_submit(struct api_pool *p, struct request *rq)
{
    (void)pthread_mutex_lock(&p->lock);
    bool room = !p->stop && p->waiting + p->busy < p->threads + p->waiting_max;
    if (room) {
        rq->next = NULL;
        *p->tail = rq;
        p->tail = &rq->next;
        p->waiting++;
        (void)pthread_cond_signal(&p->changed);
    }
    (void)pthread_mutex_unlock(&p->lock);
    return room;
}
