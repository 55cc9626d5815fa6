/*
 * deadline: what the passing of time tells: a source that fell silent, an event that was expected and did not come.
 *
 * Idea: an event sets a deadline (due.c), and what is told at it depends on what came until then. A record at the very time of a deadline comes
 * before it, so the window of an absence is (t, t + timespan], and (t - before, t] where something before counts too.
 *
 * Invariants:
 *   (1) Nothing is missed of a sender that is away: a deadline is looked at again until what its senders say has come up to it (is_heard), and until
 *       then it is undecided, which is counted once.
 *   (2) entry[0] of an absence is the last event that was expected, INT64_MIN: none was; behind it stand those that wait for one, oldest first, at most
 *       DW__ABSENT_MAX. The state waits in w->due while there are any, and until it is looked at when the last is gone.
 *   (3) One open finding a key: those whose deadlines pass while it is open, each of which came before the last deadline, are updates of it.
 */
#include "../detect/detect.h"

#include "dogwatch/base/counter.h"
#include "dogwatch/base/error.h"

/* Whether all that its sender said up to then is here. `since`: the event that nothing may have come after. */
static bool is_heard(const struct dw_window *w, const struct dw_event_ref *from, int64_t since_ns, int64_t deadline_ns)
{
    return w->deaf_ns <= since_ns && (!w->is_heard || w->is_heard(w->arg, from->stream, deadline_ns));
}

/* ---- silence ---- */

static int tell_silence(struct dw_window *w, struct dw__state *s, const struct dw_anomaly *a, int64_t deadline_ns)
{
    struct dw__record last = {.time_ns = deadline_ns, .ref = s->past->told->cause, .corr = s->corr};
    uint64_t total = s->past->told->total;
    if (!dw__has_ids(w, s))
        return DW_ENOMEM;
    s->past->told->started_ns = s->newest_ns;
    dw__begin_finding(w, s);
    s->open = false;
    dw__note_id(s, &s->past->told->cause);
    s->past->told->total = total;
    dw__tell_finding(w, s, deadline_ns, a->value, false, a);
    return dw__feed_outer(w, s, &last);
}

static int look_at_silence(struct dw_window *w, const struct dw_correlation *c, struct dw__state *s, int64_t now_ns)
{
    struct dw_anomaly a;
    int64_t deadline = dw__later(s->newest_ns, c->timespan_ns);
    if (s->past->due_ns < deadline) /* heard since */
        return dw__wait(w, s, deadline);
    if (!is_heard(w, &s->past->told->cause, s->newest_ns, deadline)) {
        DW__COUNT_IF(w, !s->doubted, detect_silence_undecided);
        s->doubted = true;
        s->over = now_ns == INT64_MAX;
        return s->over ? DW_OK : dw__wait(w, s, dw__later(now_ns, c->timespan_ns));
    }
    s->over = true;
    return dw__silence_is(c, s, &a) ? tell_silence(w, s, &a, deadline) : DW_OK;
}

/* ---- absence ---- */

static bool some_wait(const struct dw__state *s)
{
    return s->count > 1;
}

/* Those of the ones that wait from `from` to before `to` wait no more. */
static void forget(struct dw__state *s, uint32_t from, uint32_t to)
{
    memmove(&s->entry[from], &s->entry[to], (s->count - to) * sizeof *s->entry);
    s->count -= to - from;
}

static void came(const struct dw_correlation *c, struct dw__state *s, const struct dw__record *r)
{
    uint32_t past = 1; /* those whose deadline passed stay: only whether all was heard is not known yet */
    while (past < s->count && dw__later(s->entry[past].time_ns, c->timespan_ns) < r->time_ns)
        past++;
    forget(s, past, s->count);
    s->entry[0] = (struct dw__entry){.time_ns = r->time_ns, .ref = r->ref};
    s->open = false;
}

static int expects(struct dw_window *w, const struct dw_correlation *c, struct dw__state *s, const struct dw__record *r)
{
    int64_t last = s->entry[0].time_ns;
    if (last == r->time_ns || (c->before_ns && last > dw__earlier(r->time_ns, c->before_ns)))
        return DW_OK;
    if (s->count > DW__ABSENT_MAX || dw__entries_full(w, s)) {
        DW__COUNT_IF(w, true, correlate_absence_capped);
        return DW_OK;
    }
    int rc = dw__entries_append(w, s, r, 1 + DW__ABSENT_MAX);
    return rc < 0 || s->waits ? rc : dw__wait(w, s, dw__later(r->time_ns, c->timespan_ns));
}

int dw__absence(struct dw_window *w, const struct dw_correlation *c, struct dw__state *s, const struct dw__record *r)
{
    if (s->count == 0) { /* nothing has come that was expected */
        int rc = dw__entries_reserve(w, s, 1);
        if (rc < 0)
            return rc;
        s->first = 0; /* and stays so: what goes, goes from behind entry 0 */
        s->entry[0] = (struct dw__entry){.time_ns = INT64_MIN, .ref = r->ref};
        s->count = 1;
    }
    s->newest_ns = r->time_ns;
    if (r->member + 1 < c->member_count)
        return expects(w, c, s, r);
    came(c, s, r);
    return DW_OK;
}

static int tell_absence(struct dw_window *w, const struct dw_correlation *c, struct dw__state *s)
{
    struct dw__entry e = s->entry[1];
    int64_t deadline = dw__later(e.time_ns, c->timespan_ns);
    bool goes_on = s->open && e.time_ns < s->past->hot_ns;
    forget(s, 1, 2);
    s->past->hot_ns = deadline;
    if (goes_on) {
        dw__note_id(s, &e.ref);
        if ((s->past->told->total & (s->past->told->total - 1)) == 0)
            dw__tell_finding(w, s, deadline, 0, true, NULL);
        return DW_OK;
    }
    if (!dw__has_ids(w, s))
        return DW_ENOMEM;
    struct dw__record last = {.time_ns = deadline, .ref = e.ref, .corr = s->corr};
    s->past->told->cause = e.ref;
    s->past->told->started_ns = dw__earlier(e.time_ns, c->before_ns);
    dw__begin_finding(w, s);
    dw__note_id(s, &e.ref);
    dw__tell_finding(w, s, deadline, 0, false, NULL);
    return dw__feed_outer(w, s, &last);
}

static int look_at_absence(struct dw_window *w, const struct dw_correlation *c, struct dw__state *s, int64_t now_ns)
{
    if (!some_wait(s)) { /* what was expected came */
        s->doubted = false;
        return DW_OK;
    }
    int64_t deadline = dw__later(s->entry[1].time_ns, c->timespan_ns);
    if (s->past->due_ns < deadline)
        return dw__wait(w, s, deadline);
    bool heard = is_heard(w, &s->entry[1].ref, s->entry[1].time_ns, deadline) && is_heard(w, &s->entry[0].ref, s->entry[1].time_ns, deadline);
    if (!heard) {
        DW__COUNT_IF(w, !s->doubted, correlate_absence_undecided);
        s->doubted = now_ns < INT64_MAX;
        if (s->doubted)
            return dw__wait(w, s, dw__later(now_ns, c->timespan_ns));
        forget(s, 1, s->count); /* there is no later time */
        return DW_OK;
    }
    s->doubted = false;
    int rc = tell_absence(w, c, s);
    if (rc < 0 || !some_wait(s))
        return rc;
    return dw__wait(w, s, dw__later(s->entry[1].time_ns, c->timespan_ns));
}

int dw__look_at_due(struct dw_window *w, struct dw__state *s, int64_t now_ns)
{
    const struct dw_correlation *c = dw_ruleset_rule(w->rs, s->corr)->corr;
    if (c->calms)
        return dw__look_at_calm(w, c, s);
    return c->type == DW_CORR_SILENCE ? look_at_silence(w, c, s, now_ns) : look_at_absence(w, c, s, now_ns);
}
