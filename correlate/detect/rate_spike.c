/*
 * rate_spike: a span of time with much more, or much less, than the spans before it.
 *
 * Idea: spans.c judges; a span's number is how many records it has, or the sum of their field.
 */
#include "detect.h"

#include "dogwatch/base/error.h"

#include <math.h>

#define NUMBER_MOST 1e300 /* sums stop here: they stay numbers */

static int observe(struct dw_window *w, const struct dw_correlation *c, struct dw__state *s, const struct dw__record *r, bool *ret_is, struct dw_anomaly *ret)
{
    bool opened, fell;
    struct dw_anomaly less = {.value = 0};
    int rc = dw__span_open(w, c, s, r, &opened, &fell, &less);
    if (rc < 0)
        return rc;
    struct dw__worth *open = dw__worth_at(s, s->count - 1);
    open->number = fmax(-NUMBER_MOST, fmin(NUMBER_MOST, open->number + (c->field_count ? r->number : 1)));
    rc = dw__span_judge(c, s, false, ret_is, ret);
    if (rc == DW_OK && !*ret_is && fell) {
        *ret_is = true;
        *ret = less;
    }
    return rc;
}

const struct dw__detector dw__detector_rate_spike = {.word = "rate_spike", .observe = observe, .fits = dw__spans_fit, .opens = true, .spans = true, .starts = true};
