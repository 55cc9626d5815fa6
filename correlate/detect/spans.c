/*
 * spans: time in spans of equal length, a number for each, and whether the newest number is far from those before it.
 *
 * Idea: time is cut into spans of `timespan` at whole multiples of it. The baseline is the median of the last `history` closed spans, its spread
 * 1.4826 times the median distance from it (MAD). Where most spans are alike the MAD is 0; then the mean of the distances but the greatest. At
 * least: what all but the greatest are away over 2.33, and for counts the square root of the median, which is what chance alone does to a count.
 *
 *   more is told on the record by which the open span becomes too much; less on the first record after the span is over, for a span that
 *   is not over may still fill. A span without any record has 0.
 *
 * Invariants:
 *   (1) Nothing is told before `learn` has passed and history/2 spans are closed.
 *   (2) One span in fifty, and at least one, may be as great as it likes: it moves neither the baseline nor the spread.
 *   (3) A record costs one look at the past at most, or two when it opens a span.
 */
#include "detect.h"

#include "dogwatch/base/error.h"
#include "dogwatch/base/mem.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>

#define MAD_TO_SIGMA 1.4826
#define MEAN_AD_TO_SIGMA 1.2533
#define TAIL 0.98          /* spans beyond it may be spikes that were; those within are what the key does at times */
#define TAIL_TO_SIGMA 2.33
#define SCORE_MAX 1e6
#define COUNT_MOST 9007199254740992.0 /* 2^53: a count is exact */
#define LEAST_SHARE 0.01  /* of the median: what differs by less is no anomaly, however even the past is */
#define SKETCH_SHARE 0.03 /* the same where the number itself is an estimate (cardinality_spike.c) */

int64_t dw__span_of(int64_t t, int64_t width)
{
    int64_t rest = t % width, begin;
    rest = rest < 0 ? rest + width : rest;
    return __builtin_sub_overflow(t, rest, &begin) ? t + (width - rest) : begin;
}

/* Of sorted numbers. */
static double median(const double *v, uint32_t n)
{
    return n % 2 ? v[n / 2] : (v[n / 2 - 1] + v[n / 2]) / 2;
}

/* Whether a span's number is how many of something it has. */
static bool is_count(const struct dw_correlation *c)
{
    return c->field_count == 0 || c->type == DW_CORR_CARDINALITY_SPIKE;
}

/* Median and spread of the first n entries. */
static void baseline_of(const struct dw_correlation *c, struct dw__state *s, uint32_t n, double *room)
{
    uint32_t usual = (uint32_t)(TAIL * (n - 1)) + 1; /* those that count, of the distances by size */
    double mean = 0;
    for (uint32_t i = 0; i < n; i++)
        room[i] = dw__worth_at(s, i)->number;
    qsort(room, n, sizeof *room, dw__by_size);
    s->past->baseline = median(room, n);
    for (uint32_t i = 0; i < n; i++)
        room[i] = fabs(room[i] - s->past->baseline);
    qsort(room, n, sizeof *room, dw__by_size);
    for (uint32_t i = 0; i < usual; i++)
        mean += room[i] / usual;
    double mad = MAD_TO_SIGMA * median(room, n);
    s->past->spread = mad > 0 ? mad : MEAN_AD_TO_SIGMA * mean;
    s->past->spread = fmax(s->past->spread, room[usual - 1] / TAIL_TO_SIGMA);
    if (is_count(c))
        s->past->spread = fmax(s->past->spread, fmax(sqrt(s->past->baseline), 1));
    s->past->spread = fmax(s->past->spread, (c->type == DW_CORR_CARDINALITY_SPIKE ? SKETCH_SHARE : LEAST_SHARE) * fabs(s->past->baseline));
}

static bool is_far(const struct dw_correlation *c, double value, bool over, struct dw_anomaly *ret)
{
    double off = value - ret->baseline;
    ret->value = value;
    ret->score = fmax(-SCORE_MAX, fmin(SCORE_MAX, off / fmax(ret->spread, DBL_MIN)));
    bool up = c->way != DW_DOWN && ret->score > c->deviations && dw__condition_holds(c, value);
    bool down = over && c->way != DW_UP && ret->score < -c->deviations;
    return up || down;
}

int dw__span_judge(const struct dw_correlation *c, struct dw__state *s, bool over, bool *ret_is, struct dw_anomaly *ret)
{
    uint32_t n = s->count - 1;
    const struct dw__entry *span = dw__entry_at(s, n);
    *ret_is = false;
    *ret = (struct dw_anomaly){.feature = c->field_count ? c->field_name[0] : DW_STR("events"), .spans = n, .start_ns = span->time_ns};
    if (n < (c->history + 1) / 2 || dw__since(span->time_ns, s->past->began_ns) < c->learn_ns)
        return DW_OK;
    if (!s->past->judged || s->past->judged_ns != span->time_ns) {
        double *room = dw_alloc(n * sizeof *room);
        if (!room)
            return DW_ENOMEM;
        baseline_of(c, s, n, room);
        dw_free(room);
        s->past->judged = true;
        s->past->judged_ns = span->time_ns;
    }
    ret->baseline = s->past->baseline;
    ret->spread = s->past->spread;
    *ret_is = is_far(c, dw__worth_at(s, n)->number, over, ret);
    return DW_OK;
}

static int append_span(struct dw_window *w, const struct dw_correlation *c, struct dw__state *s, const struct dw__record *r, int64_t begin)
{
    struct dw__record empty = *r;
    empty.number = 0;
    empty.time_ns = begin;
    return dw__entries_append(w, s, &empty, c->history + 1);
}

/* Whether the newest span, which is over, has too little; it is told with its own time. */
static int look_down(const struct dw_correlation *c, struct dw__state *s, bool *ret_fell, struct dw_anomaly *ret)
{
    int rc = dw__span_judge(c, s, true, ret_fell, ret);
    *ret_fell = *ret_fell && ret->score < 0;
    ret->end_ns = dw__later(ret->start_ns, c->timespan_ns);
    return rc;
}

/* Opens the record's span, after those between that have no record. The first closed one that has too little is told: the one that was open, or
 * the first without any record. */
static int open_span(struct dw_window *w, const struct dw_correlation *c, struct dw__state *s, const struct dw__record *r, int64_t span, bool *ret_fell, struct dw_anomaly *ret)
{
    int rc = DW_OK;
    uint64_t steps = s->count ? ((uint64_t)span - (uint64_t)dw__entry_at(s, s->count - 1)->time_ns) / (uint64_t)c->timespan_ns : 1;
    int64_t first = s->count ? dw__later(dw__entry_at(s, s->count - 1)->time_ns, c->timespan_ns) : span;
    if (s->count && c->way != DW_UP) {
        rc = look_down(c, s, ret_fell, ret);
        if (rc == DW_OK && !*ret_fell && steps > 1) {
            rc = append_span(w, c, s, r, first);
            rc = rc < 0 ? rc : look_down(c, s, ret_fell, ret);
            steps--;
        }
    }
    steps = steps > c->history ? c->history : steps; /* older ones would be pushed out again */
    while (steps-- > 0 && rc == DW_OK)
        rc = append_span(w, c, s, r, span - (int64_t)steps * c->timespan_ns);
    return rc;
}

int dw__span_open(struct dw_window *w, const struct dw_correlation *c, struct dw__state *s, const struct dw__record *r, bool *ret_opened, bool *ret_fell, struct dw_anomaly *ret)
{
    int64_t span = dw__span_of(r->time_ns, c->timespan_ns);
    *ret_fell = false;
    *ret_opened = s->count == 0 || dw__entry_at(s, s->count - 1)->time_ns < span;
    return *ret_opened ? open_span(w, c, s, r, span, ret_fell, ret) : DW_OK;
}

bool dw__spans_fit(const struct dw_correlation *c, const struct dw__state *s)
{
    bool fit = s->count <= c->history + 1;
    for (uint32_t i = 0; i < s->count && fit; i++) {
        const double number = dw__worth_at(s, i)->number;
        fit = dw__entry_at(s, i)->time_ns % c->timespan_ns == 0 && (!is_count(c) || (number >= 0 && number < COUNT_MOST));
    }
    return fit;
}
