/*
 * new_value: a value that this key has not had for a while.
 *
 * Idea: the values seen lately, each with the time it was seen last, in that order. One that is not among them is new. While a key is
 * learning nothing is told: everything is new to it.
 *
 * Invariant: each value stands once, at its newest time; at VALUES_MAX the one not seen for longest is forgotten and counted, so it can
 * be told again, and is never passed over.
 */
#include "detect.h"

#include "dogwatch/base/counter.h"
#include "dogwatch/base/error.h"

enum { VALUES_MAX = 4096 };

static int observe(struct dw_window *w, const struct dw_correlation *c, struct dw__state *s, const struct dw__record *r, bool *ret_is, struct dw_anomaly *ret)
{
    dw__entries_expire(s, dw__earlier(r->time_ns, c->timespan_ns));
    bool known = dw__entries_forget(s, r->value);
    *ret_is = !known && dw__has_learned(c, s, r->time_ns);
    *ret = (struct dw_anomaly){.feature = c->field_name[0], .value_text = dw_str_make(r->text + r->text_len, r->value_len), .baseline = s->count};
    DW_COUNT_IF(s->count == VALUES_MAX, correlate_window_capped);
    return dw__entries_append(w, s, r, VALUES_MAX);
}

/* A key outlives what it knows: what comes after a long silence is new to it. */
const struct dw__detector dw__detector_new_value = {.word = "new_value", .observe = observe, .keeps = 2};
