/*
 * scan: when it is looked for logs.
 *
 * Idea: what the kernel tells of a log that is known is a look at this one. All folders are looked at in the beginning, when something came that may be a log, when
 * something was missed, and from time to time: often where the kernel does not tell (told.c).
 *
 * Invariants:
 *   (1) Looks at everything take a tenth of the time at most, however many there are to look at.
 *   (2) What nobody tells of is looked at every scan.interval.
 *   (3) Where all is told, a log at which nothing happens costs nothing between two looks at everything.
 */
#include "agent_int.h"

#include "dogwatch/base/counter.h"
#include "dogwatch/base/error.h"

#define ALL_NS (300 * DW_NS_PER_S) /* between looks at everything where all is told */

static void stir_log(struct agent *a, struct found *f)
{
    f->stirred = true;
    a->restless = a->some_due = true;
}

static void note_log(struct agent *a, struct found *f)
{
    f->noted = a->noted = true;
    if (f->current)
        tail_stir(a, f->current);
}

void scan_stir_noted(struct agent *a)
{
    if (!a->noted)
        return;
    a->noted = false;
    for (struct tail *t = a->tail; t; t = t->next)
        t->dirty |= t->series->noted;
    for (struct tail *t = a->tail; t; t = t->next)
        t->series->noted = false;
}

void scan_note(struct agent *a, const char *dir, const char *name, enum watch_what what)
{
    char path[AGENT_PATH_MAX];
    if (dw_path_join(path, sizeof path, dir, name) < 0)
        return;
    struct found *f = agent_log(a, path);
    bool is_new = !f || f->adopted; /* what is adopted has to be found before it is read */
    bool structure = what != WATCH_WRITTEN, came = what == WATCH_CAME && is_new, cared = came && discover_cares(a, path);
    told_logs_at(a, path, note_log);
    if (structure)
        told_logs_at(a, path, stir_log);
    if (f)
        note_log(a, f);
    if (f && structure)
        stir_log(a, f);
    bool rotated = !f && folder_rotated(path);
    struct found *of = rotated ? agent_log(a, path) : NULL;
    if (rotated && came && !of)
        cared |= discover_cares(a, path); /* it may be all that there is of its log */
    if (of && !of->excluded) {
        note_log(a, of);
        of->look_due = a->restless = true;
        a->some_due |= structure;
    }
    a->all_due |= cared && !of;
}

void agent_received(struct agent *a, const char *path)
{
    struct found *f = agent_log(a, path);
    if (f)
        note_log(a, f);
}

static void on_change(void *arg, const char *dir, const char *name, enum watch_what what)
{
    scan_note(arg, dir, name, what);
}

static void on_missed(void *arg)
{
    scan_missed(arg);
}

bool scan_hear(struct agent *a)
{
    return a->watches && watches_hear(a->watches, &(struct watch_ear){.arg = a, .change = on_change, .missed = on_missed});
}

void scan_missed(struct agent *a)
{
    a->all_due = true;
    for (struct found *f = a->found; f; f = f->next)
        f->look_due = !f->excluded; /* a copy may have come while its own name stayed as it is */
}

/* Up to when a log, and what is beside it, was looked at: that of which the kernel told nothing is as it was. */
static int64_t seen_of(const struct found *f, int64_t began_ns, bool heard)
{
    bool untouched = heard && f->told && f->looked_ns && !f->look_due && !f->unsure && !f->blocked && !f->stirred && f->held_ns == INT64_MAX;
    return untouched || f->excluded ? began_ns : tails_looked(f);
}

static void say_seen(struct agent *a, int64_t seen_ns)
{
    if (seen_ns)
        a->seen_ns = seen_ns;
}

/* Not while logs are put off: what is kept of them would seem to be without a log. */
static int sweep(struct agent *a)
{
    if (a->put_off)
        return DW_OK;
    int rc = rows_sweep(a);
    if (!a->rows_open)
        keep_let_go(a);
    return rc;
}

/* Up to when it was looked for logs that are not known; 0: what was put off is looked at by the next start, too. */
static int64_t sought_of(const struct agent *a, int64_t began_ns, bool heard)
{
    if (a->unmet || a->put_off || a->partial)
        return 0;
    return heard && !a->all_due && !a->untold ? began_ns : a->sought_ns;
}

/* After a look, at all or at some, which began then, by the clock that files are stamped with; `heard`: all that the kernel told before was taken. */
static int end_look(struct agent *a, int64_t began_ns, bool heard)
{
    int rc = sweep(a);
    int64_t seen_ns = sought_of(a, began_ns, heard);
    a->unread = 0;
    a->restless = false;
    for (struct found *f = a->found; f; f = f->next) {
        if (f->adopted && f->elders_ns == 0 && !a->put_off)
            tails_take_elders(a, f, true);
        f->stirred = false;
        a->unread += f->unread && !f->gone_ns;
        a->restless |= tails_restless(f);
        int64_t seen = seen_of(f, began_ns, heard);
        seen_ns = seen < seen_ns ? seen : seen_ns; /* a log's own name says nothing of what was copied and packed beside it */
    }
    say_seen(a, seen_ns);
    folder_close(&a->folder);
    return rc;
}

/* Files of which nobody tells, or not under the name they have now. */
static void stir_untold(struct agent *a)
{
    for (struct tail *t = a->tail; t; t = t->next)
        t->dirty |= t->state != TAIL_LIVE || !t->series->told || t->linked;
}

static int look_at_all(struct agent *a, int64_t now, int64_t began_ns, bool heard)
{
    a->last_scan_ns = a->last_all_ns = now;
    a->sought_ns = began_ns;
    a->all_due = a->some_due = a->untold = a->partial = false;
    discover_scan(a);
    tails_after_scan(a);
    int rc = end_look(a, began_ns, heard);
    a->scanned = true;
    tails_wake_changed(a);
    for (struct tail *t = a->tail; t; t = t->next)
        t->dirty = true;
    a->next_all_ns = now + 10 * (dw_clock_mono(a->clock) - now);
    return rc;
}

static int look_at_some(struct agent *a, int64_t now, int64_t began_ns, bool heard)
{
    bool by_clock = now - a->last_scan_ns >= a->opt->scan_interval;
    int rc;
    if (by_clock)
        a->last_scan_ns = now;
    a->all_due |= by_clock && told_roots_changed(a);
    a->some_due = false;
    if (a->restless || a->unmet || !heard) {
        tails_look_at_restless(a);
        rc = end_look(a, began_ns, heard);
    } else {
        rc = sweep(a);
        say_seen(a, sought_of(a, began_ns, true));
    }
    if (by_clock)
        stir_untold(a);
    return rc;
}

int scan(struct agent *a)
{
    int64_t now = dw_clock_mono(a->clock), since = now - a->last_all_ns;
    int64_t interval = a->untold || a->partial || a->opt->scan_interval > ALL_NS ? a->opt->scan_interval : ALL_NS;
    bool all = !a->scanned || ((a->all_due || since >= interval) && now >= a->next_all_ns);
    if (!all && !a->some_due && now - a->last_scan_ns < a->opt->scan_interval)
        return DW_OK;
    int64_t began_ns = dw_clock_real(&dw_clock_system); /* it is held against times of files */
    bool heard = scan_hear(a);
    return all ? look_at_all(a, now, began_ns, heard) : look_at_some(a, now, began_ns, heard);
}
