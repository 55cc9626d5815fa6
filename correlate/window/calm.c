/*
 * calm: when a count that crossed its threshold has come down again.
 *
 * Idea: a count falls only by the passing of time, when its oldest event leaves the window. So with `calm: {lte: N}` it falls to N when the (N + 1)th newest event is `timespan`
 * old, if nothing comes until then; an event that does come only puts that off, which is looked at when the time is there (due.c).
 *
 * Invariants:
 *   (1) A finding of such a correlation is open from its crossing until it is calm, whatever the count does between; the key stands in w->due exactly while it is.
 *   (2) Of an event and a calm at one time the event is first: it may still keep the count up.
 *   (3) It is told at the very time at which the window (t - timespan, t] holds N, never sooner; an input that ends before that ends hot.
 */
#include "window_int.h"

#include "dogwatch/base/error.h"

/* Entries that count and stand in the window of `time_ns`. */
static uint32_t count_at(const struct dw_correlation *c, const struct dw__state *s, int64_t time_ns)
{
    const int64_t from = dw__earlier(time_ns, c->timespan_ns);
    uint32_t n = 0;
    for (uint32_t i = s->count; i-- > 0 && dw__entry_at(s, i)->time_ns > from;)
        n += dw__entry_counts(s, i);
    return n;
}

/* When the count is calm if nothing more comes; `otherwise`: it is already. */
static int64_t calm_at(const struct dw_correlation *c, const struct dw__state *s, int64_t otherwise)
{
    uint32_t newer = 0;
    for (uint32_t i = s->count; i-- > 0;)
        if (dw__entry_counts(s, i) && newer++ == c->calm_most)
            return dw__later(dw__entry_at(s, i)->time_ns, c->timespan_ns);
    return otherwise;
}

int dw__calm_wait(struct dw_window *w, const struct dw_correlation *c, struct dw__state *s, int64_t now_ns)
{
    return dw__wait(w, s, calm_at(c, s, now_ns));
}

int dw__look_at_calm(struct dw_window *w, const struct dw_correlation *c, struct dw__state *s)
{
    const int64_t at = calm_at(c, s, s->past->due_ns);
    if (at > s->past->due_ns)
        return dw__wait(w, s, at);
    s->open = false;
    dw__tell_calm(w, s, s->past->due_ns, count_at(c, s, s->past->due_ns));
    return DW_OK;
}
