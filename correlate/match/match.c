/*
 * match: one event against all rules.
 *
 * Idea: the predicates say which leaves fired; each calls for the rules that rest on it; only those, and the few that
 * may hold without any leaf, are evaluated, if their logsource takes the event.
 *
 * Invariants:
 *   (1) Each rule is evaluated at most once an event, in order of rule number, so hits have one order whatever fired
 *       first.
 *   (2) With and without prefilter the hits are the same (property test, fuzz).
 */
#include "dogwatch/correlate/ruleset_parts.h"

#include "dogwatch/base/counter.h"
#include "dogwatch/base/error.h"
#include "dogwatch/base/mem.h"

#include <stdlib.h>

enum { DATASETS_MAX = 64, DATASET_BYTES = 64 };

/* Which logsources take a dataset: asked once, kept. */
struct route {
    char dataset[DATASET_BYTES];
    size_t len;
    uint8_t *takes; /* by logsource */
};

struct dw_match_scratch {
    const struct dw_ruleset *rs;
    struct dw_pred_scratch *pred;
    uint32_t *seen; /* by rule: event number it was called for */
    uint32_t event_number;
    uint32_t *called;
    uint32_t called_count;
    struct route route[DATASETS_MAX];
    uint32_t route_count;
};

struct dw_match_scratch *dw_match_scratch_new(const struct dw_ruleset *rs)
{
    DW_ASSERT(rs->finished);
    struct dw_match_scratch *s = dw_calloc(1, sizeof *s);
    if (!s)
        return NULL;
    s->rs = rs;
    s->pred = dw_pred_scratch_new(rs->pred);
    s->seen = dw_calloc(rs->rule_count + 1, sizeof *s->seen);
    s->called = dw_calloc(rs->rule_count + 1, sizeof *s->called);
    if (!s->pred || !s->seen || !s->called) {
        dw_match_scratch_free(s);
        return NULL;
    }
    return s;
}

void dw_match_scratch_free(struct dw_match_scratch *s)
{
    if (!s)
        return;
    dw_pred_scratch_free(s->pred);
    for (uint32_t i = 0; i < s->route_count; i++)
        dw_free(s->route[i].takes);
    dw_free(s->seen);
    dw_free(s->called);
    dw_free(s);
}

struct dw_tally *dw_tally_new(const struct dw_ruleset *rs)
{
    return dw_calloc(1, sizeof(struct dw_tally) + rs->rule_count * sizeof(struct dw_rule_tally));
}

void dw_tally_add(_Atomic uint64_t *n)
{
    (void)atomic_fetch_add_explicit(n, 1, memory_order_relaxed);
}

static void note_verdict(struct dw_tally *t, uint32_t rule, enum dw_verdict v)
{
    dw_tally_add(&t->rule[rule].evaluated);
    if (v != DW_FALSE)
        dw_tally_add(v == DW_UNDECIDED ? &t->rule[rule].undecided : &t->rule[rule].matched);
}

static void call(struct dw_match_scratch *s, uint32_t rule)
{
    if (s->seen[rule] == s->event_number)
        return;
    s->seen[rule] = s->event_number;
    s->called[s->called_count++] = rule;
}

static void on_fired(void *ud, uint32_t leaf)
{
    struct dw_match_scratch *s = ud;
    for (uint32_t i = s->rs->trigger_first[leaf]; i < s->rs->trigger_first[leaf + 1]; i++)
        call(s, s->rs->trigger[i]);
}

/* The kept answer for a dataset; NULL: not kept (too many, too long, no memory), ask each time. */
static const uint8_t *route_of(struct dw_match_scratch *s, struct dw_str dataset)
{
    for (uint32_t i = 0; i < s->route_count; i++)
        if (dw_str_eq(dw_str_make(s->route[i].dataset, s->route[i].len), dataset))
            return s->route[i].takes;
    if (s->route_count == DATASETS_MAX || dataset.len > DATASET_BYTES)
        return NULL;
    struct route *r = &s->route[s->route_count];
    r->takes = dw_calloc(s->rs->logsource_count + 1, 1);
    if (!r->takes)
        return NULL;
    if (dataset.len)
        memcpy(r->dataset, dataset.ptr, dataset.len);
    r->len = dataset.len;
    for (uint32_t i = 0; i < s->rs->logsource_count; i++)
        r->takes[i] = dw_logsource_takes(&s->rs->logsource[i], dataset);
    s->route_count++;
    return r->takes;
}

static int by_number(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return x < y ? -1 : x > y;
}

int dw_match_event(struct dw_match_scratch *s, const struct dw_event *ev, struct dw_match_opts opts,
    void (*hit)(void *ud, uint32_t rule, bool undecided), void *ud)
{
    const struct dw_ruleset *rs = s->rs;
    if (++s->event_number == 0) {
        memset(s->seen, 0, rs->rule_count * sizeof *s->seen);
        s->event_number = 1;
    }
    s->called_count = 0;
    if (opts.tally)
        dw_tally_add(&opts.tally->events);
    dw_pred_scratch_prefilter(s->pred, !opts.no_prefilter);
    int rc = dw_pred_begin(s->pred, ev, on_fired, s);
    if (rc < 0)
        return rc;
    for (uint32_t i = 0; i < rs->always_count; i++)
        call(s, rs->always[i]);
    for (uint32_t i = 0; opts.no_prefilter && i < rs->rule_count; i++)
        if (rs->rule[i].expr != DW_EXPR_NONE)
            call(s, i);
    const struct dw_field *dataset = dw_event_find(ev, DW_F_event_dataset);
    struct dw_str name = dataset && dw_field_is_text(dataset) ? dw_field_str(dataset) : DW_STR("");
    const uint8_t *takes = opts.any_logsource ? NULL : route_of(s, name);
    uint32_t kept = 0;
    for (uint32_t i = 0; i < s->called_count; i++) {
        uint32_t l = rs->rule[s->called[i]].logsource;
        if (opts.any_logsource || (takes ? takes[l] : dw_logsource_takes(&rs->logsource[l], name)))
            s->called[kept++] = s->called[i];
    }
    qsort(s->called, kept, sizeof *s->called, by_number);
    for (uint32_t i = 0; i < kept; i++) {
        enum dw_verdict v = dw_expr_test(&rs->expr, rs->rule[s->called[i]].expr, s->pred, ev, rs->keys);
        DW_COUNT_IF(v == DW_UNDECIDED, match_undecided);
        if (opts.tally)
            note_verdict(opts.tally, s->called[i], v);
        if (v != DW_FALSE)
            hit(ud, s->called[i], v == DW_UNDECIDED);
    }
    return DW_OK;
}

static void ignore(void *ud, uint32_t leaf)
{
    (void)ud;
    (void)leaf;
}

int dw_match_explain(struct dw_match_scratch *s, uint32_t rule, const struct dw_event *ev, bool whole, dw_each_condition *each,
    void *ud, enum dw_verdict *ret)
{
    const struct dw_ruleset *rs = s->rs;
    DW_ASSERT(rule < rs->rule_count && rs->rule[rule].expr != DW_EXPR_NONE);
    dw_pred_scratch_prefilter(s->pred, false); /* a leaf that did not fire is asked for its values too */
    int rc = dw_pred_begin(s->pred, ev, ignore, NULL);
    return rc < 0 ? rc : dw_expr_explain(&rs->expr, rs->rule[rule].expr, s->pred, ev, rs->keys, whole, each, ud, ret);
}
