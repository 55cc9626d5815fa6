/*
 * rare_value: a value that this key has had, but hardly ever.
 *
 * Idea: the window is cut into SLICES of equal length at whole multiples of it. An entry is one value in one slice and how often it came there, so
 * what the window holds is a sum, and what leaves it leaves slice by slice. A value is rare when it came at most so often as `condition` says, and
 * when its part of all events is under `share`; of what is left out nothing is asked.
 *
 * Invariants:
 *   (1) Entries stand in order of their slices; a value stands once in a slice; `set`: it was told in that slice.
 *   (2) The window of an event reaches back `timespan`, and to the beginning of the slice in which that falls.
 *   (3) A value is told once as long as a slice in which it was told is in the window.
 *   (4) At ENTRIES_MAX the oldest entry is forgotten and counted: its value seems rarer than it is, and is rather told than passed over.
 */
#include "detect.h"

#include "dogwatch/base/counter.h"
#include "dogwatch/base/error.h"

enum { ENTRIES_MAX = 8192, SLICES = 16, MILLION = 1000000 };
#define COMES_MOST 4294967295.0 /* of one value in one slice: so sums of millionths stay whole */

/* What the window holds of a value, and of all. */
struct held {
    uint64_t value, all;
    bool told;
    struct dw__worth *now; /* the value in the record's slice; NULL: it did not come there */
};

static struct held look(const struct dw__state *s, const uint8_t value[DW__HASH_BYTES], int64_t slice)
{
    struct held h = {.value = 0};
    for (uint32_t i = 0; i < s->count; i++) {
        struct dw__worth *e = dw__worth_at(s, i);
        h.all += (uint64_t)e->number;
        if (memcmp(e->value, value, DW__HASH_BYTES) != 0)
            continue;
        h.value += (uint64_t)e->number;
        h.told = h.told || e->set;
        h.now = dw__entry_at(s, i)->time_ns == slice ? e : h.now;
    }
    return h;
}

static int observe(struct dw_window *w, const struct dw_correlation *c, struct dw__state *s, const struct dw__record *r, bool *ret_is, struct dw_anomaly *ret)
{
    int64_t width = c->timespan_ns / SLICES, slice = dw__span_of(r->time_ns, width);
    dw__entries_expire(s, dw__earlier(r->time_ns, dw__later(c->timespan_ns, width - 1)));
    struct held h = look(s, r->value, slice);
    if (!h.now) {
        struct dw__record as = {.time_ns = slice, .ref = r->ref};
        memcpy(as.value, r->value, sizeof as.value);
        DW_COUNT_IF(s->count == ENTRIES_MAX, correlate_window_capped);
        int rc = dw__entries_append(w, s, &as, ENTRIES_MAX);
        if (rc < 0)
            return rc;
        h.now = dw__worth_at(s, s->count - 1);
        h.now->set = false;
    }
    bool counts = h.now->number < COMES_MOST;
    h.now->number += counts;
    h.value += counts;
    h.all += counts;
    *ret = (struct dw_anomaly){
        .feature = c->field_name[0], .value_text = dw_str_make(r->text + r->text_len, r->value_len), .value = (double)h.value, .baseline = (double)h.all};
    bool rare = dw__condition_holds(c, ret->value) && (c->share_ppm == 0 || h.value * MILLION < h.all * c->share_ppm);
    *ret_is = rare && !h.told && dw__has_learned(c, s, r->time_ns) && ret->baseline > c->warmup;
    h.now->set = h.now->set || *ret_is;
    return DW_OK;
}

static bool fits(const struct dw_correlation *c, const struct dw__state *s)
{
    int64_t width = c->timespan_ns / SLICES;
    bool fit = s->past->memo_len == 0 && s->count <= ENTRIES_MAX;
    for (uint32_t i = 0; i < s->count && fit; i++) {
        const int64_t time_ns = dw__entry_at(s, i)->time_ns;
        const double comes = dw__worth_at(s, i)->number;
        fit = comes >= 1 && comes <= COMES_MOST && time_ns % width == 0 && (i == 0 || time_ns >= dw__entry_at(s, i - 1)->time_ns);
    }
    return fit;
}

/* A key outlives what it knows, as one of new_value does. */
const struct dw__detector dw__detector_rare_value = {.word = "rare_value", .observe = observe, .fits = fits, .keeps = 2};
