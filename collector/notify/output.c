/*
 * output: one output's thread: what is next, how long to wait after a failure, and what becomes of an answer.
 *
 *     look at alerts.log -> retry asked for? -> summary due? -> journal written -> one attempt -> taken | later | dead
 *
 * Invariants:
 *   (1) Nothing is sent before the journal says that it waits, and nothing after a failure of the journal until it is written again.
 *   (2) What was not taken goes to the end of the queue: one message that a receiver chokes on does not hold up the others.
 *   (3) After a failure there is a pause for the whole output: a receiver that is down is not asked faster because more waits.
 *   (4) A message leaves the queue when it was taken, or when it is a dead letter that is synced.
 */
#include "notify_int.h"

#include "dogwatch/base/counter.h"
#include "dogwatch/base/error.h"
#include "dogwatch/base/log.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <time.h>

#define LOOK_NS DW_NS_PER_S /* how often a wish to send dead letters again is looked for, and the status is written */

void output_say(struct output_result *r, enum output_answer answer, const char *fmt, ...)
{
    va_list args;
    r->answer = answer;
    va_start(args, fmt);
    (void)vsnprintf(r->error, sizeof r->error, fmt, args);
    va_end(args);
    for (char *c = r->error; *c; c++) /* part of it may be the receiver's words */
        *c = (uint8_t)*c < 0x20 || (uint8_t)*c >= 0x7f ? '?' : *c;
}

bool output_in_vain(const struct output *o)
{
    return dw_clock_mono(o->clock) > atomic_load(&o->give_up_ns);
}

/* ---- status ---- */

static void put_status(struct output *o, const char *state, bool now)
{
    int64_t mono = dw_clock_mono(o->clock);
    struct dw_output_status *s = &o->status;
    char temp[OUTPUT_PATH_CAP + 8];
    struct dw_buf text = {0};
    int fd = -1;
    o->status_due |= strcmp(s->state, state) != 0 || s->waiting != o->journal.waiting || s->dead != o->dead.count;
    if (!o->status_due || (!now && o->status_ns && mono - o->status_ns < LOOK_NS))
        return;
    (void)snprintf(s->state, sizeof s->state, "%s", state);
    s->waiting = o->journal.waiting;
    s->dead = o->dead.count;
    dw_output_status_write(s, &text);
    (void)snprintf(temp, sizeof temp, "%s.tmp", o->status_path);
    int rc = text.err ? text.err : dw_fs_open(o->fs, temp, O_WRONLY | O_CREAT | O_TRUNC, 0640, &fd);
    if (rc == DW_OK)
        rc = dw_fs_write(o->fs, fd, text.ptr, text.len);
    dw_fs_close(fd);
    if (rc == DW_OK)
        rc = dw_fs_rename(o->fs, temp, o->status_path); /* not synced: it tells how things stand, and is no evidence */
    dw_buf_fini(&text);
    o->status_due = rc < 0;
    o->status_ns = mono;
}

/* Of our own files: once until it goes well again. */
static int own(struct output *o, int rc)
{
    if (rc < 0 && rc != o->trouble_said)
        dw_error("output %s: its files in DATA/outputs: %s; nothing is sent until that is mended", o->opt->name.ptr, dw_err_text(rc));
    if (rc == DW_OK && o->trouble_said < 0)
        dw_info("output %s: its files can be written again", o->opt->name.ptr);
    o->trouble_said = rc;
    return rc;
}

/* ---- what becomes of a message ---- */

static void raise_trouble(struct output *o, const char *reason)
{
    (void)pthread_mutex_lock(&o->lock);
    (void)snprintf(o->trouble.name, sizeof o->trouble.name, "%s", o->opt->name.ptr);
    (void)snprintf(o->trouble.text, sizeof o->trouble.text, "output %s: %" PRIu64 " dead letters; the last because: %s (dogwatch outputs retry %s)",
        o->opt->name.ptr, o->dead.count, reason, o->opt->name.ptr);
    (void)pthread_mutex_unlock(&o->lock);
}

/* Makes it a dead letter. */
static int bury(struct output *o, struct output_item *item, const char *reason, struct dw_str body)
{
    int rc = output_dead_add(&o->dead, item, dw_clock_real(o->clock), reason, body);
    if (rc < 0)
        return rc;
    output_journal_done(&o->journal, item);
    DW_COUNT(output_dead);
    dw_warn("output %s: a message is a dead letter: %s", o->opt->name.ptr, reason);
    raise_trouble(o, reason);
    return output_journal_commit(&o->journal);
}

/* Those that have waited for too long. */
static int bury_expired(struct output *o, const char *reason)
{
    int64_t now = dw_clock_real(o->clock);
    int rc = DW_OK;
    for (struct output_item *i = o->journal.head, *next; i && rc == DW_OK; i = next) {
        next = i->next;
        if (now - i->since_ns < o->opt->retry_for)
            continue;
        int made = output_make(o, i);
        rc = bury(o, i, reason, made == DW_OK ? dw_buf_view(&o->message.body) : DW_STR(""));
    }
    return rc;
}

static void note_error(struct output *o, const struct output_result *r)
{
    if (strcmp(o->status.last_error, r->error) != 0 || o->failures <= 1)
        dw_warn("output %s: %s", o->opt->name.ptr, r->error);
    (void)snprintf(o->status.last_error, sizeof o->status.last_error, "%s", r->error);
    o->status.last_error_ns = dw_clock_real(o->clock);
    o->status_due = true;
}

static int taken(struct output *o, struct output_item *item)
{
    if (o->failures)
        dw_info("output %s: messages are taken again", o->opt->name.ptr);
    o->failures = 0;
    o->next_ns = 0;
    o->status.delivered++;
    o->status.last_success_ns = dw_clock_real(o->clock);
    o->status_due = true;
    DW_COUNT(output_delivered);
    output_journal_done(&o->journal, item);
    return output_journal_commit(&o->journal);
}

static int later(struct output *o, struct output_item *item, const struct output_result *r)
{
    if (output_in_vain(o)) /* given up by us: it says nothing of the receiver */
        return DW_OK;
    o->failures++;
    DW_COUNT(output_retries);
    note_error(o, r);
    int64_t pause = output_backoff_ns(o->failures, &o->rng);
    o->next_ns = dw_clock_mono(o->clock) + (r->wait_ns > pause ? r->wait_ns : pause);
    output_journal_to_tail(&o->journal, item);
    return bury_expired(o, r->error);
}

static int attempt(struct output *o)
{
    struct output_item *item = o->journal.head;
    struct output_result r = {.answer = OUTPUT_LATER};
    int rc = output_make(o, item);
    if (rc == DW_ENOENT)
        return bury(o, item, "the alert is no longer in the alert store", DW_STR(""));
    if (rc < 0)
        return rc;
    o->way->send(o, &o->message, &r);
    if (r.answer == OUTPUT_TAKEN)
        return taken(o, item);
    if (r.answer == OUTPUT_LATER)
        return later(o, item, &r);
    note_error(o, &r);
    o->failures = 0; /* it answers */
    o->next_ns = 0;
    return bury(o, item, r.error, dw_buf_view(&o->message.body));
}

/* ---- dead letters again ---- */

struct retrying {
    struct output *o;
    uint64_t first; /* number of the first of them */
};

/* What waited before was raised after the dead letter: it is the newer one. */
static int wait_again(void *arg, const struct output_item *item)
{
    const struct retrying *r = arg;
    const struct output_item *waits = output_journal_find(&r->o->journal, item);
    struct output_item copy = *item;
    bool replaced;
    DW_COUNT_IF(waits && strcmp(waits->revision, item->revision) != 0, output_superseded);
    if (waits && waits->number < r->first)
        return DW_OK;
    copy.since_ns = dw_clock_real(r->o->clock);
    return output_journal_add(&r->o->journal, &copy, &replaced);
}

/* Somebody asked for it: they wait anew, and are no dead letters. A crash in between makes them wait twice as one. */
static int take_retry(struct output *o)
{
    struct retrying r = {.o = o, .first = o->journal.next_number};
    struct dw_buf others = {0};
    struct dw_stat st;
    if (dw_fs_stat(o->retry_path, &st) < 0)
        return DW_OK;
    uint64_t count = o->dead.count;
    int rc = output_dead_each(&o->dead, wait_again, &r, &others);
    if (rc == DW_OK)
        rc = output_journal_commit(&o->journal);
    if (rc == DW_OK)
        rc = output_dead_leave(&o->dead, dw_buf_view(&others));
    if (rc == DW_OK)
        rc = dw_fs_unlink(o->fs, o->retry_path);
    if (rc == DW_OK) {
        dw_info("output %s: %" PRIu64 " dead letters are sent again", o->opt->name.ptr, count - o->dead.count);
        if (o->dead.count)
            dw_warn("output %s: %" PRIu64 " lines of %s are no dead letters: they stay there", o->opt->name.ptr, o->dead.count, o->dead.path);
        o->next_ns = 0;
        o->status_due = true;
    }
    dw_buf_fini(&others);
    return rc;
}

/* ---- the thread ---- */

static bool is_summary_due(const struct output *o, bool stop)
{
    return o->journal.held_count && (stop || dw_clock_mono(o->clock) - o->held_ns >= o->all->notify_summary);
}

/* What the loop gave since the last time, into the journal. */
static int take_given(struct output *o)
{
    (void)pthread_mutex_lock(&o->lock);
    struct dw_buf given = o->given;
    const uint32_t count = o->given_count;
    o->given = (struct dw_buf){0};
    o->given_count = 0;
    (void)pthread_mutex_unlock(&o->lock);
    int rc = DW_OK;
    DW_COUNT_N(provisional_unsent, given.err ? count : 0);
    if (count && !given.err)
        rc = output_look_provisional(o, dw_buf_view(&given));
    dw_buf_fini(&given);
    return rc;
}

int output_turn(struct output *o, uint64_t durable, bool stop)
{
    int rc = output_journal_commit(&o->journal); /* what could not be written before */
    if (rc == DW_OK)
        rc = output_look(o, durable);
    if (rc == DW_OK)
        rc = take_given(o);
    if (rc == DW_OK)
        rc = take_retry(o);
    if (rc == DW_OK && is_summary_due(o, stop))
        rc = output_summarise(o);
    if (own(o, rc) < 0)
        return rc;
    if (o->journal.head && dw_clock_mono(o->clock) >= o->next_ns) {
        put_status(o, o->failures ? "waiting" : "sending", false);
        rc = own(o, attempt(o));
    }
    return rc;
}

/* Waits until there is something to do. False: it ends. */
static bool wait_for_work(struct output *o, int rc, uint64_t *ret_durable, bool *ret_stop)
{
    int64_t now = dw_clock_mono(o->clock), until = now + LOOK_NS;
    if (rc == DW_OK && o->journal.head && o->next_ns < until)
        until = o->next_ns;
    (void)pthread_mutex_lock(&o->lock);
    if (until > now && !o->stop && (rc < 0 || (o->durable == *ret_durable && o->given_count == 0))) {
        struct timespec ts = {.tv_sec = (time_t)(until / DW_NS_PER_S), .tv_nsec = (long)(until % DW_NS_PER_S)};
        (void)pthread_cond_timedwait(&o->changed, &o->lock, &ts);
    }
    bool stop = o->stop;
    bool more = o->durable > *ret_durable || o->journal.head || o->journal.held_count || o->given_count;
    *ret_durable = o->durable;
    (void)pthread_mutex_unlock(&o->lock);
    *ret_stop = stop;
    return !stop || (atomic_load(&o->drain) && more && rc == DW_OK && o->failures == 0 && !output_in_vain(o));
}

void *output_run(void *arg)
{
    struct output *o = arg;
    uint64_t durable = 0;
    bool stop = false;
    int rc = DW_OK;
    while (wait_for_work(o, rc, &durable, &stop)) {
        rc = output_turn(o, durable, stop);
        put_status(o, rc < 0 ? "stopped" : o->journal.head == NULL ? "idle" : o->failures ? "waiting" : "sending", false);
    }
    if (take_given(o) < 0) /* the next start sends what the journal has */
        dw_warn("output %s: provisional alerts of the last moment may not be sent", o->opt->name.ptr);
    put_status(o, "stopped", true);
    return NULL;
}
