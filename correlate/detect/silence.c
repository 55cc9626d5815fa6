/*
 * silence: a key that was heard and then is not.
 *
 * Idea: every event moves the key's deadline to its own time plus `timespan`. Nothing here waits: correlate/window holds the deadlines (due.c) and
 * tells a silence when the watermark has passed one, and the sender has, too.
 *
 * Invariant: a key that was heard for less than `learn` raises nothing: a log with one line in it is no source that stopped.
 */
#include "detect.h"

#include "dogwatch/base/error.h"

static int observe(struct dw_window *w, const struct dw_correlation *c, struct dw__state *s, const struct dw__record *r, bool *ret_is, struct dw_anomaly *ret)
{
    *ret_is = false;
    *ret = (struct dw_anomaly){.value = 0};
    if (!dw__has_told(w, s))
        return DW_ENOMEM;
    s->past->told->cause = r->ref;
    s->past->told->total++;
    return s->waits ? DW_OK : dw__wait(w, s, dw__later(r->time_ns, c->timespan_ns));
}

bool dw__silence_is(const struct dw_correlation *c, const struct dw__state *s, struct dw_anomaly *ret)
{
    double heard = (double)dw__since(s->newest_ns, s->past->began_ns) / 1e9;
    *ret = (struct dw_anomaly){.feature = DW_STR("events"), .value = 0, .baseline = s->past->told->total > 1 ? heard / (double)(s->past->told->total - 1) : 0, .spans = 1};
    return dw__since(s->newest_ns, s->past->began_ns) >= c->learn_ns;
}

/* Only notes that the key is alive: silence is told by the passing of time (window.c), and by that its keys end. */
const struct dw__detector dw__detector_silence = {.word = "silence", .observe = observe, .keeps = 1};
