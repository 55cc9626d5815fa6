/*
 * writer: the thread that waits for disks, so that the loop never does.
 *
 * Idea: it takes everything that is queued at once, so one sync answers for many frames when they come fast.
 *
 * Invariants:
 *   (1) Frames leave in the order they were put.
 *   (2) A parcel's rows are written only after its frame is durable, but for the first rows of new streams, which come before.
 *   (3) Nothing is shared with the loop but what `lock` guards.
 *   (4) While frames go to the spool, rows are written as soon as a frame is durable: its file may be gone at the next start.
 */
#include "agent_int.h"

#include "dogwatch/base/counter.h"
#include "dogwatch/base/error.h"
#include "dogwatch/base/log.h"
#include "dogwatch/base/mem.h"

#include <pthread.h>

enum { CHECKPOINT_EVERY_MS = 200, RETRY_MS = 500, SPOOL_MS = 5 };

struct writer {
    struct writer_conf conf;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    /* guarded by lock */
    struct parcel *head, **tail;
    uint64_t pending_bytes, acked, saved;
    struct dw_spool_state spool;
    bool stop, spool_due;
    int error;
    /* writer thread */
    struct parcel *unsent, **unsent_tail; /* the transport could not take them yet */
    struct parcel *sent, **sent_tail;     /* handed to the transport, not acknowledged */
    struct parcel *done, **done_tail; /* acknowledged, rows not written yet */
    uint64_t acked_before;
    int64_t last_checkpoint_ns;
};

void parcel_free(struct parcel *p)
{
    if (!p)
        return;
    for (uint32_t i = 0; i < p->row_count; i++)
        dw_free(p->row[i].path);
    dw_free(p->row);
    dw_frame_free(p->frame);
    dw_free(p);
}

static void push(struct parcel ***tail, struct parcel *p)
{
    p->next = NULL;
    **tail = p;
    *tail = &p->next;
}

static int write_row(struct checkpoint *c, const struct checkpoint_row *row)
{
    return row->forget ? checkpoint_forget(c, row) : checkpoint_put(c, row);
}

static int write_rows(struct writer *w)
{
    const struct parcel *last = NULL;
    int rc = checkpoint_begin(w->conf.checkpoint);
    for (struct parcel *p = w->done; p && rc == DW_OK; p = p->next) {
        for (uint32_t i = 0; i < p->row_count && rc == DW_OK; i++)
            rc = write_row(w->conf.checkpoint, &p->row[i]);
        last = p;
    }
    if (rc == DW_OK && last)
        rc = checkpoint_put_parent(w->conf.checkpoint, &last->head, last->seen_ns);
    int end = checkpoint_end(w->conf.checkpoint);
    if (rc == DW_OK)
        rc = end;
    if (rc < 0)
        return rc;
    uint64_t count = 0;
    for (; w->done; count++) {
        struct parcel *p = w->done;
        w->done = p->next;
        parcel_free(p);
    }
    w->done_tail = &w->done;
    (void)pthread_mutex_lock(&w->lock);
    w->saved += count;
    (void)pthread_mutex_unlock(&w->lock);
    return DW_OK;
}

/* What must be durable before the frame: rows of new streams (low 0, so that a crash re-reads all), and cuts. Before a cut comes what is known to be behind
 * the one that it takes the place of. */
static int announce(struct writer *w, const struct parcel *p)
{
    bool any = false, cut = false;
    for (uint32_t i = 0; i < p->row_count; i++) {
        any |= p->row[i].is_new || p->row[i].cut;
        cut |= p->row[i].cut != 0;
    }
    int rc = cut && w->done ? write_rows(w) : DW_OK;
    if (rc < 0)
        return rc;
    rc = any ? checkpoint_begin(w->conf.checkpoint) : DW_OK;
    if (!any || rc < 0)
        return rc;
    for (uint32_t i = 0; i < p->row_count && rc == DW_OK; i++) {
        struct checkpoint_row first = p->row[i];
        if (!first.is_new) {
            rc = first.cut ? checkpoint_put_cut(w->conf.checkpoint, &first) : DW_OK;
            continue;
        }
        first.low = 0; /* the print stays that of where it is read to: it tells the file as well */
        first.end = STREAM_GOES_ON;
        rc = checkpoint_put(w->conf.checkpoint, &first);
    }
    int end = checkpoint_end(w->conf.checkpoint);
    return rc < 0 ? rc : end;
}

static void checkpoint_if_due(struct writer *w, bool now)
{
    int64_t t = dw_clock_mono(w->conf.clock);
    if (!w->done || (!now && t - w->last_checkpoint_ns < CHECKPOINT_EVERY_MS * DW_NS_PER_MS))
        return;
    int rc = write_rows(w);
    if (rc < 0) {
        DW_COUNT(checkpoint_errors);
        dw_warn("checkpoint: %s; trying again", dw_err_text(rc));
    }
    w->last_checkpoint_ns = t;
}

/* Moves parcels that became durable from `sent` to `done`. */
static void take_acks(struct writer *w, uint64_t acked)
{
    uint64_t bytes = 0, count = acked - w->acked_before;
    w->acked_before = acked;
    for (uint64_t i = 0; i < count; i++) {
        struct parcel *p = w->sent;
        DW_ASSERT(p);
        w->sent = p->next;
        if (!w->sent)
            w->sent_tail = &w->sent;
        bytes += p->bytes;
        push(&w->done_tail, p);
    }
    DW_COUNT_N(ship_frames_acked, count);
    (void)pthread_mutex_lock(&w->lock);
    w->pending_bytes -= bytes;
    w->acked += count;
    (void)pthread_mutex_unlock(&w->lock);
    if (count)
        w->conf.wake(w->conf.arg);
}

static int send_all(struct writer *w, struct parcel *list)
{
    while (list) {
        struct parcel *next = list->next;
        push(&w->unsent_tail, list);
        list = next;
    }
    while (w->unsent) {
        struct parcel *p = w->unsent;
        int rc = announce(w, p);
        if (rc == DW_OK)
            rc = dw_sender_send(w->conf.sender, &p->frame);
        if (rc < 0)
            return rc;
        w->unsent = p->next;
        if (!w->unsent)
            w->unsent_tail = &w->unsent;
        push(&w->sent_tail, p);
    }
    return DW_OK;
}

static void fail(struct writer *w, int rc)
{
    (void)pthread_mutex_lock(&w->lock);
    w->error = rc;
    (void)pthread_mutex_unlock(&w->lock);
    w->conf.wake(w->conf.arg);
}

/* Waits for parcels, a stop, or the time a checkpoint, another try or the spool's next frame is due. Takes the queue. */
static struct parcel *wait_for_work(struct writer *w, bool retry, bool *ret_stop)
{
    struct timespec until;
    bool spool = w->spool.on; /* only we write it */
    int64_t at = dw_clock_mono(&dw_clock_system) + (retry ? RETRY_MS : spool ? SPOOL_MS : CHECKPOINT_EVERY_MS) * DW_NS_PER_MS;
    until.tv_sec = (time_t)(at / DW_NS_PER_S);
    until.tv_nsec = (long)(at % DW_NS_PER_S);
    (void)pthread_mutex_lock(&w->lock);
    int rc = 0;
    bool answers = w->sent && !retry && !spool; /* the sender waits for them itself */
    while (rc == 0 && (retry || !w->head) && !w->stop && !answers)
        rc = w->done || retry || spool ? pthread_cond_timedwait(&w->changed, &w->lock, &until)
                              : pthread_cond_wait(&w->changed, &w->lock);
    struct parcel *list = w->head;
    w->head = NULL;
    w->tail = &w->head;
    *ret_stop = w->stop;
    bool begin = w->spool_due;
    w->spool_due = false;
    (void)pthread_mutex_unlock(&w->lock);
    if (begin)
        dw_spool_begin(w->conf.sender);
    return list;
}

static void note_spool(struct writer *w)
{
    struct dw_spool_state st;
    if (!w->conf.spools)
        return;
    dw_spool_look(w->conf.sender, &st);
    (void)pthread_mutex_lock(&w->lock);
    bool turned = st.on != w->spool.on;
    w->spool = st;
    (void)pthread_mutex_unlock(&w->lock);
    if (turned)
        w->conf.wake(w->conf.arg);
}

static void *run(void *arg)
{
    struct writer *w = arg;
    bool stop = false, retry = false;
    while (!stop) { /* who stops has waited for the brokers as long as it would: the rest is read and sent again */
        bool told;
        struct parcel *list = wait_for_work(w, retry, &told);
        uint64_t acked = w->acked_before;
        int rc = send_all(w, list);
        if (rc == DW_OK || rc == DW_EAGAIN) {
            int pumped = dw_sender_pump(w->conf.sender, &acked);
            rc = pumped < 0 ? pumped : rc;
        }
        retry = rc == DW_ENOSPC || rc == DW_EAGAIN;
        if (rc < 0 && !retry) {
            fail(w, rc);
            return NULL;
        }
        DW_COUNT_IF(retry, ship_retries);
        note_spool(w);
        take_acks(w, acked);
        if (retry && told)
            break; /* asked to end with a full disk: what is not durable will be read again */
        checkpoint_if_due(w, told || w->spool.on);
        stop = told && !list;
    }
    checkpoint_if_due(w, true);
    return NULL;
}

int writer_start(const struct writer_conf *conf, struct writer **ret)
{
    struct writer *w = dw_calloc(1, sizeof *w);
    if (!w)
        return DW_ENOMEM;
    w->conf = *conf;
    if (conf->spools)
        dw_spool_look(conf->sender, &w->spool);
    w->tail = &w->head;
    w->unsent_tail = &w->unsent;
    w->sent_tail = &w->sent;
    w->done_tail = &w->done;
    (void)pthread_mutex_init(&w->lock, NULL);
    pthread_condattr_t monotonic; /* a clock that is set must not stop acknowledgements */
    (void)pthread_condattr_init(&monotonic);
    (void)pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    (void)pthread_cond_init(&w->changed, &monotonic);
    (void)pthread_condattr_destroy(&monotonic);
    if (pthread_create(&w->thread, NULL, run, w) != 0) {
        dw_free(w);
        return DW_ENOMEM;
    }
    *ret = w;
    return DW_OK;
}

void writer_put(struct writer *w, struct parcel *p)
{
    (void)pthread_mutex_lock(&w->lock);
    w->pending_bytes += p->bytes;
    push(&w->tail, p);
    (void)pthread_cond_signal(&w->changed);
    (void)pthread_mutex_unlock(&w->lock);
}

uint64_t writer_pending_bytes(struct writer *w)
{
    (void)pthread_mutex_lock(&w->lock);
    uint64_t n = w->pending_bytes;
    (void)pthread_mutex_unlock(&w->lock);
    return n;
}

void writer_look(struct writer *w, struct dw_spool_state *ret)
{
    (void)pthread_mutex_lock(&w->lock);
    *ret = w->spool;
    (void)pthread_mutex_unlock(&w->lock);
}

void writer_spool(struct writer *w)
{
    (void)pthread_mutex_lock(&w->lock);
    w->spool_due = true;
    (void)pthread_cond_signal(&w->changed);
    (void)pthread_mutex_unlock(&w->lock);
}

uint64_t writer_saved(struct writer *w)
{
    (void)pthread_mutex_lock(&w->lock);
    uint64_t n = w->saved;
    (void)pthread_mutex_unlock(&w->lock);
    return n;
}

uint64_t writer_acked(struct writer *w)
{
    (void)pthread_mutex_lock(&w->lock);
    uint64_t n = w->acked;
    (void)pthread_mutex_unlock(&w->lock);
    return n;
}

int writer_error(struct writer *w)
{
    (void)pthread_mutex_lock(&w->lock);
    int rc = w->error;
    (void)pthread_mutex_unlock(&w->lock);
    return rc;
}

static void free_list(struct parcel *p)
{
    while (p) {
        struct parcel *next = p->next;
        parcel_free(p);
        p = next;
    }
}

void writer_stop(struct writer *w)
{
    if (!w)
        return;
    (void)pthread_mutex_lock(&w->lock);
    w->stop = true;
    (void)pthread_cond_signal(&w->changed);
    (void)pthread_mutex_unlock(&w->lock);
    (void)pthread_join(w->thread, NULL);
    (void)pthread_mutex_destroy(&w->lock);
    (void)pthread_cond_destroy(&w->changed);
    free_list(w->head);
    free_list(w->unsent);
    free_list(w->sent);
    free_list(w->done);
    dw_sender_close(w->conf.sender);
    checkpoint_close(w->conf.checkpoint);
    dw_free(w);
}
