/*
 * match_pool: see match_pool.h.
 *
 * Idea: matching asks nothing but the rules and the event. The events of a slice are dealt out in small parts to whoever is free; hits are noted by who found them, and told
 * event by event by the thread that asked, when the slice is over.
 *
 * Invariants:
 *   (1) What is told, and in which order, does not depend on the number of threads.
 *   (2) Between two runs no thread looks at events or rules: one that wakes when a slice is over goes back to sleep.
 *   (3) Hits of SLICE events are held at a time.
 */
#include "dogwatch/correlate/match_pool.h"

#include "dogwatch/base/error.h"
#include "dogwatch/base/log.h"
#include "dogwatch/base/mem.h"

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>

enum { SLICE = 1024, PART = 8, BY_ITSELF_MOST = 8 };

/* The hits of one event stand together. */
struct note {
    uint32_t event, first, count;
};

struct matcher {
    struct dw_match_pool *pool;
    pthread_t thread;
    struct dw_match_scratch *scratch;
    struct dw_match_hit *hit;
    uint32_t hit_count, hit_cap;
    struct note *note;
    uint32_t note_count, note_cap, told;
    int rc;
};

struct dw_match_pool {
    pthread_mutex_t lock;
    pthread_cond_t begins, ends;
    /* guarded by lock */
    uint64_t slice;   /* its number */
    bool open, stop;  /* open: who wakes may take part */
    uint32_t inside;  /* threads that do, but the caller */
    /* changed by the caller, and only while no thread is inside */
    const struct dw_match_run *run;
    uint32_t from, to; /* events of the slice */
    _Atomic uint32_t next;
    uint32_t count, threads; /* that have a scratch, and that run: the first is the caller */
    struct matcher matcher[];
};

static void on_hit(void *arg, uint32_t rule, bool undecided)
{
    struct matcher *m = arg;
    struct dw_match_hit *grown = m->rc == DW_OK ? dw_grow(m->hit, m->hit_count, &m->hit_cap, 64, sizeof *grown) : NULL;
    if (!grown) {
        m->rc = DW_ENOMEM;
        return;
    }
    m->hit = grown;
    m->hit[m->hit_count++] = (struct dw_match_hit){rule, undecided};
}

static void match_one(struct matcher *m, uint32_t event)
{
    const struct dw_match_run *r = m->pool->run;
    const uint32_t before = m->hit_count;
    if (r->mark && r->mark[event] == r->left_out)
        return;
    int rc = dw_match_event(m->scratch, &r->event[event], r->opts, on_hit, m);
    m->rc = m->rc == DW_OK ? rc : m->rc;
    if (m->rc < 0 || m->hit_count == before)
        return;
    struct note *grown = dw_grow(m->note, m->note_count, &m->note_cap, 64, sizeof *grown);
    if (!grown) {
        m->rc = DW_ENOMEM;
        return;
    }
    m->note = grown;
    m->note[m->note_count++] = (struct note){event, before, m->hit_count - before};
}

/* Takes parts of the slice until there are none. */
static void work(struct matcher *m)
{
    struct dw_match_pool *p = m->pool;
    for (;;) {
        const uint32_t at = atomic_fetch_add_explicit(&p->next, PART, memory_order_relaxed);
        if (at >= p->to - p->from)
            return;
        for (uint32_t i = p->from + at; i < p->to && i < p->from + at + PART && m->rc == DW_OK; i++)
            match_one(m, i);
    }
}

static void *run_thread(void *arg)
{
    struct matcher *m = arg;
    struct dw_match_pool *p = m->pool;
    uint64_t seen = 0;
    (void)pthread_mutex_lock(&p->lock);
    while (!p->stop) {
        if (!p->open || p->slice == seen) {
            (void)pthread_cond_wait(&p->begins, &p->lock);
            continue;
        }
        seen = p->slice;
        p->inside++;
        (void)pthread_mutex_unlock(&p->lock);
        work(m);
        (void)pthread_mutex_lock(&p->lock);
        if (--p->inside == 0)
            (void)pthread_cond_signal(&p->ends);
    }
    (void)pthread_mutex_unlock(&p->lock);
    return NULL;
}

/* One slice, by as many as there are parts for. */
static void match_slice(struct dw_match_pool *p)
{
    const bool alone = p->threads == 1 || p->to - p->from <= PART;
    atomic_store_explicit(&p->next, 0, memory_order_relaxed);
    for (uint32_t i = 0; i < p->count; i++)
        p->matcher[i].hit_count = p->matcher[i].note_count = p->matcher[i].told = 0;
    if (!alone) {
        (void)pthread_mutex_lock(&p->lock);
        p->slice++;
        p->open = true;
        (void)pthread_cond_broadcast(&p->begins);
        (void)pthread_mutex_unlock(&p->lock);
    }
    work(&p->matcher[0]);
    if (alone)
        return;
    (void)pthread_mutex_lock(&p->lock);
    p->open = false;
    while (p->inside)
        (void)pthread_cond_wait(&p->ends, &p->lock);
    (void)pthread_mutex_unlock(&p->lock);
}

/* Who has the first event that was not told; NULL: none has one. */
static struct matcher *who_is_next(struct dw_match_pool *p)
{
    struct matcher *first = NULL;
    for (uint32_t i = 0; i < p->count; i++) {
        struct matcher *m = &p->matcher[i];
        if (m->told < m->note_count && (!first || m->note[m->told].event < first->note[first->told].event))
            first = m;
    }
    return first;
}

static int tell_slice(struct dw_match_pool *p)
{
    struct matcher *m;
    int rc = DW_OK;
    for (uint32_t i = 0; i < p->count; i++) {
        rc = rc == DW_OK ? p->matcher[i].rc : rc;
        p->matcher[i].rc = DW_OK;
    }
    while (rc == DW_OK && (m = who_is_next(p)) != NULL) {
        const struct note *n = &m->note[m->told++];
        rc = p->run->take(p->run->arg, n->event, &m->hit[n->first], n->count);
    }
    return rc;
}

int dw_match_pool_run(struct dw_match_pool *p, const struct dw_match_run *run)
{
    int rc = DW_OK;
    p->run = run;
    for (p->from = 0; p->from < run->count && rc == DW_OK; p->from = p->to) {
        p->to = run->count - p->from < SLICE ? run->count : p->from + SLICE;
        match_slice(p);
        rc = tell_slice(p);
    }
    return rc;
}

uint32_t dw_match_threads(int64_t asked)
{
    cpu_set_t mine;
    CPU_ZERO(&mine);
    if (asked > 0)
        return asked < DW_MATCH_THREADS_MAX ? (uint32_t)asked : DW_MATCH_THREADS_MAX;
    const int all = sched_getaffinity(0, sizeof mine, &mine) == 0 ? CPU_COUNT(&mine) : 1; /* of more than 1,024 it cannot tell */
    return all < 1 ? 1 : all > BY_ITSELF_MOST ? BY_ITSELF_MOST : (uint32_t)all;
}

struct dw_match_scratch *dw_match_pool_scratch(struct dw_match_pool *p)
{
    return p->matcher[0].scratch;
}

/* Signals are for the threads that were there before. */
static void begin_threads(struct dw_match_pool *p)
{
    sigset_t all, before;
    int error = 0;
    (void)sigfillset(&all);
    (void)pthread_sigmask(SIG_SETMASK, &all, &before);
    for (p->threads = 1; p->threads < p->count && !error; p->threads += !error)
        error = pthread_create(&p->matcher[p->threads].thread, NULL, run_thread, &p->matcher[p->threads]);
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (error)
        dw_warn("no more than %u of %u threads that match: %s", p->threads, p->count, dw_err_text(dw_err_from_errno(error)));
}

struct dw_match_pool *dw_match_pool_new(const struct dw_ruleset *rs, uint32_t threads)
{
    DW_ASSERT(threads >= 1 && threads <= DW_MATCH_THREADS_MAX);
    struct dw_match_pool *p = dw_calloc(1, sizeof *p + threads * sizeof *p->matcher);
    if (!p)
        return NULL;
    (void)pthread_mutex_init(&p->lock, NULL);
    (void)pthread_cond_init(&p->begins, NULL);
    (void)pthread_cond_init(&p->ends, NULL);
    p->threads = 1;
    for (; p->count < threads; p->count++) {
        p->matcher[p->count].pool = p;
        p->matcher[p->count].scratch = dw_match_scratch_new(rs);
        if (!p->matcher[p->count].scratch) {
            dw_match_pool_free(p);
            return NULL;
        }
    }
    begin_threads(p);
    return p;
}

void dw_match_pool_free(struct dw_match_pool *p)
{
    if (!p)
        return;
    (void)pthread_mutex_lock(&p->lock);
    p->stop = true;
    (void)pthread_cond_broadcast(&p->begins);
    (void)pthread_mutex_unlock(&p->lock);
    for (uint32_t i = 1; i < p->threads; i++)
        (void)pthread_join(p->matcher[i].thread, NULL);
    for (uint32_t i = 0; i < p->count; i++) {
        dw_match_scratch_free(p->matcher[i].scratch);
        dw_free(p->matcher[i].hit);
        dw_free(p->matcher[i].note);
    }
    (void)pthread_cond_destroy(&p->begins);
    (void)pthread_cond_destroy(&p->ends);
    (void)pthread_mutex_destroy(&p->lock);
    dw_free(p);
}
