/*
 * beacon: a key whose events come as a program's do that reports to its master: at even intervals, of even size, for hours.
 *
 * Idea: the score of RITA (Active Countermeasures), in whole numbers, over the events of the last `timespan`. The mean of:
 *
 *   gaps     whole seconds between events, those of 0 left out: how symmetric they are (1 - |Bowley's skewness|; 1 where the quartiles are less than 10
 *            apart) and how alike (1 - MAD / median), half each
 *   sizes    the same of `field`, where there is one
 *   lasting  BINS bins of the window, 6 of them with events at least: the greater of the part of the window between first and last event, and
 *            the longest run of bins with events over 12, counted round the end
 *   even     the greater of 1 - standard deviation / mean of the bins, and, from 11 bins with events on, the part of those (but one) that are among the two
 *            most frequent heights, in steps of a twentieth of the highest
 *
 * Invariants:
 *   (1) Looked at on the first event of each 24th part of `timespan`, so an event costs no sorting.
 *   (2) Under EVENTS_LEAST events, or with less than three gaps, nothing is said.
 *   (3) At EVENTS_MAX the oldest event is let go and counted: the window is shorter then, and its score less.
 */
#include "detect.h"

#include "dogwatch/base/counter.h"
#include "dogwatch/base/error.h"
#include "dogwatch/base/mem.h"

#include <math.h>
#include <stdlib.h>

enum { EVENTS_MAX = 4096, EVENTS_LEAST = 4, GAPS_LEAST = 3, BINS = 24, BINS_LEAST = 6, RUN_IDEAL = 12, BINS_BIMODAL = 11, STEPS = 20 };
enum { ONE = 1000, QUARTILES_APART = 10 };
#define SECOND_NS INT64_C(1000000000)
#define SIZE_MOST 1e12 /* bytes: what is more counts as that, so sums and thousandths of it stay whole */

static int by_size(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return x < y ? -1 : x > y;
}

/* Twice the median of sorted numbers. */
static int64_t twice_median(const int64_t *v, uint32_t n)
{
    return n % 2 ? 2 * v[n / 2] : v[n / 2 - 1] + v[n / 2];
}

/* How even numbers are. */
struct evenness {
    int64_t median2, mad4; /* twice the median, four times the median distance from it */
    uint32_t score;
};

/* Sorts, and turns the numbers into distances. `without`: how alike they are where the median is 0. */
static struct evenness evenness_of(int64_t *v, uint32_t n, uint32_t without)
{
    qsort(v, n, sizeof *v, by_size);
    int64_t q1 = twice_median(v, n / 2), q2 = twice_median(v, n), q3 = twice_median(v + (n + 1) / 2, n / 2), skew = q1 + q3 - 2 * q2, apart = q3 - q1;
    uint32_t symmetric = ONE, alike = without;
    if (apart >= 2 * QUARTILES_APART && q2 != q1 && q2 != q3)
        symmetric -= (uint32_t)((skew < 0 ? -skew : skew) * ONE / apart);
    for (uint32_t i = 0; i < n; i++)
        v[i] = 2 * v[i] < q2 ? q2 - 2 * v[i] : 2 * v[i] - q2;
    qsort(v, n, sizeof *v, by_size);
    struct evenness e = {.median2 = q2, .mad4 = twice_median(v, n)};
    if (q2 >= 2)
        alike = e.mad4 < 2 * q2 ? (uint32_t)((2 * q2 - e.mad4) * ONE / (2 * q2)) : 0;
    e.score = (symmetric + alike) / 2;
    return e;
}

/* Events of each bin of the window that ends at `end_ns`. */
static void fill_bins(const struct dw__state *s, int64_t end_ns, int64_t width, uint32_t bin[BINS])
{
    memset(bin, 0, BINS * sizeof *bin);
    for (uint32_t i = 0; i < s->count; i++) {
        int64_t ago = dw__since(end_ns, dw__entry_at(s, i)->time_ns) / width;
        bin[ago < 0 || ago >= BINS ? 0 : BINS - 1 - ago]++;
    }
}

static uint32_t busy_bins(const uint32_t bin[BINS])
{
    uint32_t busy = 0;
    for (uint32_t i = 0; i < BINS; i++)
        busy += bin[i] > 0;
    return busy;
}

static uint32_t lasting(const struct dw_correlation *c, const struct dw__state *s, const uint32_t bin[BINS])
{
    uint32_t run = 0, longest = 0;
    if (busy_bins(bin) < BINS_LEAST)
        return 0;
    for (uint32_t i = 0; i < 2 * BINS; i++) {
        run = bin[i % BINS] ? run + 1 : 0;
        longest = run > longest ? run : longest;
    }
    int64_t whole = c->timespan_ns / ONE, between = dw__since(dw__entry_at(s, s->count - 1)->time_ns, dw__entry_at(s, 0)->time_ns) / whole;
    uint32_t covered = between > ONE ? ONE : between < 0 ? 0 : (uint32_t)between, run_score = longest < RUN_IDEAL ? longest * ONE / RUN_IDEAL : ONE;
    return covered > run_score ? covered : run_score;
}

/* The part of the busy bins, but one, that have the two most frequent heights. */
static uint32_t bimodal(const uint32_t bin[BINS], uint32_t highest)
{
    uint32_t step = (highest + STEPS - 1) / STEPS, times[STEPS + 1] = {0}, first = 0, second = 0, busy = busy_bins(bin);
    if (busy < BINS_BIMODAL)
        return 0;
    for (uint32_t i = 0; i < BINS; i++)
        times[bin[i] / step] += bin[i] > 0;
    for (uint32_t i = 0; i <= STEPS; i++) {
        second = times[i] > first ? first : times[i] > second ? times[i] : second;
        first = times[i] > first ? times[i] : first;
    }
    uint32_t part = (first + second) * ONE / (busy - 1);
    return part < ONE ? part : ONE;
}

static uint32_t even(const uint32_t bin[BINS])
{
    uint64_t sum = 0, squares = 0;
    uint32_t highest = 0;
    for (uint32_t i = 0; i < BINS; i++) {
        sum += bin[i];
        squares += (uint64_t)bin[i] * bin[i];
        highest = bin[i] > highest ? bin[i] : highest;
    }
    double off = sqrt((double)((BINS * squares - sum * sum) * ONE * ONE)); /* of a whole number below 2^53 */
    uint64_t varies = (uint64_t)off / sum;
    uint32_t flat = varies < ONE ? ONE - (uint32_t)varies : 0, modes = bimodal(bin, highest);
    return flat > modes ? flat : modes;
}

/* Judges the window that ends at `end_ns`. `room`: for as many numbers as there are entries. */
static void judge(const struct dw_correlation *c, const struct dw__state *s, int64_t end_ns, int64_t *room, bool *ret_is, struct dw_anomaly *ret)
{
    uint32_t gaps = 0, bin[BINS], parts = 3, score;
    for (uint32_t i = 1; i < s->count; i++) {
        int64_t a = dw__span_of(dw__entry_at(s, i - 1)->time_ns, SECOND_NS) / SECOND_NS, b = dw__span_of(dw__entry_at(s, i)->time_ns, SECOND_NS) / SECOND_NS;
        if (b > a)
            room[gaps++] = b - a;
    }
    if (gaps < GAPS_LEAST)
        return;
    struct evenness gap = evenness_of(room, gaps, ONE);
    score = gap.score;
    if (c->field_count) {
        for (uint32_t i = 0; i < s->count; i++)
            room[i] = (int64_t)fmin(SIZE_MOST, fmax(0, dw__worth_at(s, i)->number));
        score += evenness_of(room, s->count, 0).score;
        parts++;
    }
    fill_bins(s, end_ns, c->timespan_ns / BINS, bin);
    score = (score + lasting(c, s, bin) + even(bin)) / parts;
    *ret_is = score * 100 >= c->score * ONE;
    ret->value = (double)gap.median2 / 2;
    ret->spread = (double)gap.mad4 / 4;
    ret->score = score / (ONE / 100.0);
    ret->spans = gaps;
}

static int observe(struct dw_window *w, const struct dw_correlation *c, struct dw__state *s, const struct dw__record *r, bool *ret_is, struct dw_anomaly *ret)
{
    int64_t width = c->timespan_ns / BINS;
    *ret_is = false;
    *ret = (struct dw_anomaly){.feature = DW_STR("interval"), .baseline = c->score};
    bool looks = s->count && dw__span_of(dw__entry_at(s, s->count - 1)->time_ns, width) != dw__span_of(r->time_ns, width);
    dw__entries_expire(s, dw__earlier(r->time_ns, c->timespan_ns));
    DW_COUNT_IF(s->count == EVENTS_MAX, correlate_window_capped);
    int rc = dw__entries_append(w, s, r, EVENTS_MAX);
    if (rc < 0 || !looks || s->count < EVENTS_LEAST || !dw__condition_holds(c, s->count) || !dw__has_learned(c, s, r->time_ns))
        return rc;
    int64_t *room = dw_alloc(s->count * sizeof *room);
    if (!room)
        return DW_ENOMEM;
    judge(c, s, r->time_ns, room, ret_is, ret);
    dw_free(room);
    return DW_OK;
}

static bool fits(const struct dw_correlation *c, const struct dw__state *s)
{
    (void)c;
    return s->past->memo_len == 0 && s->count <= EVENTS_MAX;
}

const struct dw__detector dw__detector_beacon = {.word = "beacon", .observe = observe, .fits = fits, .keeps = 1, .opens = true, .rests = true};
