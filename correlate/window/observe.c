/*
 * observe: one record into one key's window, by type of correlation.
 *
 * Idea: records come in time order, so what decides is bounded by the threshold, not by the rate. "At least N
 * events" needs the last N times; "at least N values" the N newest distinct ones; temporal the newest time of each
 * member; ordered, for each step, the latest beginning of a chain that ends there. Only sums, averages, percentiles
 * and upper bounds keep the whole window, up to DW_CORR_WINDOW_MAX.
 *
 * Invariants:
 *   (1) The window of an event at t is (t - timespan, t].
 *   (2) The answer is exact for lower bounds (checked against brute force in the tests).
 *   (3) Entries of a ring are in time order; value_count keeps each value once, at its newest time.
 */
#include "window_int.h"

#include "dogwatch/base/counter.h"
#include "dogwatch/base/error.h"
#include "dogwatch/base/mem.h"
#include "dogwatch/correlate/ruleset_parts.h"

#include <math.h>
#include <stdlib.h>

struct dw__entry *dw__entry_at(const struct dw__state *s, uint32_t n)
{
    return &s->entry[(s->first + n) % s->cap];
}

struct dw__worth *dw__worth_at(const struct dw__state *s, uint32_t n)
{
    return &s->past->worth[(s->first + n) % s->cap];
}

bool dw__entry_counts(const struct dw__state *s, uint32_t n)
{
    return !s->past || !s->past->worth || dw__worth_at(s, n)->set;
}

void dw__entry_move(const struct dw__state *s, uint32_t from, uint32_t to)
{
    *dw__entry_at(s, to) = *dw__entry_at(s, from);
    if (s->past && s->past->worth)
        *dw__worth_at(s, to) = *dw__worth_at(s, from);
}

/* Moves all entries there, the oldest to the beginning, and frees where they stood. */
static void move_to(struct dw_window *w, struct dw__state *s, struct dw__entry *entry, struct dw__worth *worth)
{
    for (uint32_t i = 0; i < s->count; i++) {
        entry[i] = *dw__entry_at(s, i);
        if (worth)
            worth[i] = *dw__worth_at(s, i);
    }
    if (s->entry != s->own) {
        w->bytes -= s->cap * sizeof *s->entry;
        dw_free(s->entry);
    }
    s->entry = entry;
    if (worth) {
        w->bytes -= s->past->worth ? s->cap * sizeof *worth : 0;
        dw_free(s->past->worth);
        s->past->worth = worth;
    }
}

int dw__entries_reserve(struct dw_window *w, struct dw__state *s, uint32_t want)
{
    if (want <= s->cap)
        return DW_OK;
    const bool keeps_worth = s->past && s->past->keeps_worth;
    uint32_t cap = s->cap * 2;
    cap = cap < s->room ? s->room : cap;
    cap = cap < want ? want : cap;
    struct dw__entry *entry = cap > s->room ? dw_calloc(cap, sizeof *entry) : s->own;
    struct dw__worth *worth = keeps_worth ? dw_calloc(cap, sizeof *worth) : NULL;
    if (!entry || (keeps_worth && !worth)) {
        if (entry != s->own)
            dw_free(entry);
        dw_free(worth);
        return DW_ENOMEM;
    }
    move_to(w, s, entry, worth);
    w->bytes += (entry != s->own ? cap * sizeof *entry : 0) + (worth ? cap * sizeof *worth : 0);
    s->cap = cap;
    s->first = 0;
    return DW_OK;
}

void dw__entries_drop(struct dw__state *s)
{
    if (s->past) {
        s->past->dead -= s->past->dead && !dw__worth_at(s, 0)->set;
        s->past->gone++;
    }
    s->first = (s->first + 1) % s->cap;
    s->count--;
}

void dw__entries_expire(struct dw__state *s, int64_t time_ns)
{
    while (s->count && dw__entry_at(s, 0)->time_ns <= time_ns)
        dw__entries_drop(s);
}

bool dw__entries_forget(struct dw__state *s, const uint8_t value[DW__HASH_BYTES])
{
    uint32_t to = 0;
    for (uint32_t i = 0; i < s->count; i++)
        if (memcmp(dw__worth_at(s, i)->value, value, DW__HASH_BYTES) != 0)
            dw__entry_move(s, i, to++);
    bool found = to < s->count;
    s->count = to;
    return found;
}

bool dw__entries_full(const struct dw_window *w, const struct dw__state *s)
{
    return s->count == s->cap && w->bytes / 2 >= w->bytes_max;
}

int dw__entries_append(struct dw_window *w, struct dw__state *s, const struct dw__record *r, uint32_t most)
{
    const bool full = s->count && s->count < most && dw__entries_full(w, s);
    DW__COUNT_IF(w, full, correlate_window_capped);
    if (s->count == most || full)
        dw__entries_drop(s);
    int rc = dw__entries_reserve(w, s, s->count + 1);
    if (rc < 0)
        return rc;
    *dw__entry_at(s, s->count) = (struct dw__entry){.time_ns = r->time_ns, .ref = r->ref};
    if (s->past && s->past->worth) {
        struct dw__worth *worth = dw__worth_at(s, s->count);
        *worth = (struct dw__worth){.number = r->number, .set = true};
        memcpy(worth->value, r->value, sizeof worth->value);
    }
    s->count++;
    return DW_OK;
}

static bool holds(enum dw_corr_op op, double value, double want)
{
    switch (op) {
    case DW_CORR_GTE: return value >= want;
    case DW_CORR_GT: return value > want;
    case DW_CORR_LTE: return value <= want;
    case DW_CORR_LT: return value < want;
    case DW_CORR_EQ: return value == want;
    case DW_CORR_NEQ: return value != want;
    }
    DW_NEVER("all comparisons are above");
}

bool dw__condition_holds(const struct dw_correlation *c, double value)
{
    bool all = true;
    for (uint32_t i = 0; i < c->cond_count; i++)
        all = all && holds(c->op[i], value, c->want[i]);
    return all;
}

/* Whether so many entries as a lone lower bound asks for decide; else the whole window does. */
static bool few_decide(const struct dw_correlation *c)
{
    return c->cond_count == 1 && c->op[0] <= DW_CORR_GT;
}

static uint32_t entries_needed(const struct dw_correlation *c)
{
    if (!few_decide(c))
        return DW_CORR_WINDOW_MAX;
    double n = floor(c->want[0]) + (c->op[0] == DW_CORR_GT || c->want[0] > floor(c->want[0]));
    return n < 1 ? 1 : (uint32_t)n;
}

static int count_events(
    struct dw_window *w, const struct dw_correlation *c, struct dw__state *s, const struct dw__record *r, double *ret)
{
    uint32_t most = entries_needed(c);
    DW__COUNT_IF(w, !few_decide(c) && s->count == most, correlate_window_capped);
    int rc = dw__entries_append(w, s, r, most);
    *ret = s->count;
    return rc;
}

static int count_values(
    struct dw_window *w, const struct dw_correlation *c, struct dw__state *s, const struct dw__record *r, double *ret)
{
    uint32_t most = entries_needed(c);
    DW__COUNT_IF(w, !few_decide(c) && s->count - s->past->dead == most, correlate_window_capped);
    return dw__distinct(w, s, r, most, ret);
}

int dw__by_size(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return x < y ? -1 : x > y;
}

/* The value that sorting would put at `at`: Hoare's FIND (CACM 4, 1961), or sorting itself where somebody's values make that slow. */
static double value_at(double *v, uint32_t count, uint32_t at)
{
    enum { TURNS_MOST = 64 };
    int64_t low = 0, high = (int64_t)count - 1;
    for (int turn = 0; low < high; turn++) {
        int64_t i = low, k = high;
        const double pivot = v[at];
        if (turn == TURNS_MOST) {
            qsort(v + low, (size_t)(high - low + 1), sizeof *v, dw__by_size);
            break;
        }
        while (i <= k) {
            while (v[i] < pivot)
                i++;
            while (pivot < v[k])
                k--;
            if (i > k)
                break;
            double t = v[i];
            v[i++] = v[k];
            v[k--] = t;
        }
        low = k < at ? i : low;
        high = at < i ? k : high;
    }
    return v[at];
}

/* Nearest rank: the smallest value that at least p percent are not above. */
static int percentile(const struct dw__state *s, double p, double *ret)
{
    double *all = dw_calloc(s->count, sizeof *all);
    if (!all)
        return DW_ENOMEM;
    for (uint32_t i = 0; i < s->count; i++)
        all[i] = dw__worth_at(s, i)->number;
    double rank = ceil(p * s->count / 100); /* in this order: 28 / 100 * 25 is a little over 7 */
    uint32_t at = rank < 1 ? 0 : (uint32_t)rank - 1;
    *ret = value_at(all, s->count, at < s->count ? at : s->count - 1);
    dw_free(all);
    return DW_OK;
}

static int aggregate(
    struct dw_window *w, const struct dw_correlation *c, struct dw__state *s, const struct dw__record *r, double *ret)
{
    DW__COUNT_IF(w, s->count == DW_CORR_WINDOW_MAX, correlate_window_capped);
    int rc = dw__entries_append(w, s, r, DW_CORR_WINDOW_MAX);
    if (rc < 0)
        return rc;
    if (c->type == DW_CORR_VALUE_PERCENTILE)
        return percentile(s, c->percentile, ret);
    double sum = 0;
    for (uint32_t i = 0; i < s->count; i++) /* added anew in time order: no error builds up, and replays are equal */
        sum += dw__worth_at(s, i)->number;
    *ret = c->type == DW_CORR_VALUE_AVG ? sum / s->count : sum;
    return DW_OK;
}

/* A table of that many members, or of all steps of their chains: nothing was seen yet. DW_ENOMEM. */
static int begin_members(struct dw_window *w, struct dw__state *s, uint32_t count)
{
    if (s->count)
        return DW_OK;
    int rc = dw__entries_reserve(w, s, count);
    if (rc < 0)
        return rc;
    for (uint32_t i = 0; i < count; i++)
        s->entry[i] = (struct dw__entry){.time_ns = INT64_MIN};
    s->count = count;
    return DW_OK;
}

static int temporal(
    struct dw_window *w, const struct dw_correlation *c, struct dw__state *s, const struct dw__record *r, double *ret, bool *ret_holds)
{
    int rc = begin_members(w, s, c->member_count);
    uint32_t seen = 0;
    if (rc < 0)
        return rc;
    s->entry[r->member] = (struct dw__entry){.time_ns = r->time_ns, .ref = r->ref};
    for (uint32_t m = 0; m < c->member_count; m++)
        if (s->entry[m].time_ns > dw__earlier(r->time_ns, c->timespan_ns))
            seen |= 1u << m;
    *ret = __builtin_popcount(seen);
    *ret_holds = c->code_count ? dw_members_hold(c, seen) : *ret >= c->member_count;
    return DW_OK;
}

/* entry[step * members + link]: the chain that ends at `step` and begins latest. */
static int ordered(
    struct dw_window *w, const struct dw_correlation *c, struct dw__state *s, const struct dw__record *r, double *ret)
{
    uint32_t n = c->member_count, step = r->member, longest = 0;
    int rc = begin_members(w, s, n * n);
    if (rc < 0)
        return rc;
    struct dw__entry *chain = &s->entry[step * n];
    const struct dw__entry *before = step ? &s->entry[(step - 1) * n] : NULL;
    bool extends = !before || before[0].time_ns > dw__earlier(r->time_ns, c->timespan_ns);
    if (extends && (!before || before[0].time_ns >= chain[0].time_ns)) {
        if (before)
            memcpy(chain, before, step * sizeof *chain);
        chain[step] = (struct dw__entry){.time_ns = r->time_ns, .ref = r->ref};
    }
    for (uint32_t i = 0; i < n; i++)
        if (s->entry[i * n].time_ns > dw__earlier(r->time_ns, c->timespan_ns))
            longest = i + 1;
    *ret = longest;
    return DW_OK;
}

int dw__observe(
    struct dw_window *w, struct dw__state *s, const struct dw__record *r, bool *ret_crossed, double *ret_value)
{
    const struct dw_correlation *c = dw_ruleset_rule(w->rs, r->corr)->corr;
    int rc = DW_OK;
    bool together = false;
    bool by_members = c->type == DW_CORR_TEMPORAL || c->type == DW_CORR_TEMPORAL_ORDERED;
    if (!by_members)
        dw__entries_expire(s, dw__earlier(r->time_ns, c->timespan_ns));
    switch (c->type) {
    case DW_CORR_EVENT_COUNT: rc = count_events(w, c, s, r, ret_value); break;
    case DW_CORR_VALUE_COUNT: rc = count_values(w, c, s, r, ret_value); break;
    case DW_CORR_TEMPORAL: rc = temporal(w, c, s, r, ret_value, &together); break;
    case DW_CORR_TEMPORAL_ORDERED: rc = ordered(w, c, s, r, ret_value); break;
    case DW_CORR_VALUE_SUM:
    case DW_CORR_VALUE_AVG:
    case DW_CORR_VALUE_PERCENTILE: rc = aggregate(w, c, s, r, ret_value); break;
    case DW_CORR_NONE:
    case DW_CORR_ABSENCE: /* deadline.c */
#define DETECTOR(word, TYPE, needs_field, says, timespan_is, field_is, doc) case DW_CORR_##TYPE:
#include "dogwatch/tbl/detectors.h"
#undef DETECTOR
        DW_NEVER("only correlations come here");
    }
    if (rc < 0)
        return rc;
    if (by_members && c->cond_count == 0)
        *ret_crossed = c->type == DW_CORR_TEMPORAL ? together : *ret_value >= c->member_count && r->member + 1 == c->member_count;
    else
        *ret_crossed = dw__condition_holds(c, *ret_value);
    return DW_OK;
}
