/*
 * record: match records in total order.
 *
 * Idea: a binary heap of records that wait for the watermark. The order is total: event time, then series, ordinal
 * and start of the event, then correlation and member, so equal sets of records come out equal whatever way they
 * went in.
 *
 * Invariants:
 *   (1) Records of temporal_ordered of one event come out last step first, so one event that matches two steps is not taken for a
 *       sequence.
 *   (2) What waits is bounded by bytes: while the watermark stands still a flood of matches is refused, not memory.
 */
#include "../detect/detect.h"

#include "dogwatch/base/counter.h"
#include "dogwatch/base/error.h"
#include "dogwatch/base/mem.h"

#include <math.h>

bool dw__record_before(const struct dw_window *w, const struct dw__record *a, const struct dw__record *b)
{
    if (a->time_ns != b->time_ns)
        return a->time_ns < b->time_ns;
    int order = memcmp(a->series, b->series, sizeof a->series);
    if (order)
        return order < 0;
    if (a->ordinal != b->ordinal)
        return a->ordinal < b->ordinal;
    if (a->ref.start != b->ref.start)
        return a->ref.start < b->ref.start;
    order = memcmp(a->ref.stream, b->ref.stream, sizeof a->ref.stream);
    if (order)
        return order < 0;
    if (a->corr != b->corr)
        return dw_str_cmp(dw_ruleset_rule(w->rs, a->corr)->id, dw_ruleset_rule(w->rs, b->corr)->id) < 0;
    bool ordered = dw_ruleset_rule(w->rs, a->corr)->corr->type == DW_CORR_TEMPORAL_ORDERED;
    return ordered ? a->member > b->member : a->member < b->member;
}

bool dw__record_fits(const struct dw_window *w, const struct dw__record *head, struct dw_str values)
{
    const struct dw_correlation *corr = dw_ruleset_rule(w->rs, head->corr)->corr;
    const struct dw__detector *d = dw__detector_of(corr->type);
    return head->member < corr->member_count && isfinite(head->number) && (!d || !d->reads || d->reads(values));
}

struct dw__record *dw__record_new(const struct dw__record *head, struct dw_str text, struct dw_str values)
{
    struct dw__record *r = dw_alloc(sizeof *r + text.len + values.len + 1);
    if (!r)
        return NULL;
    memcpy(r, head, sizeof *head);
    r->text_len = (uint32_t)text.len;
    r->value_len = (uint32_t)values.len;
    if (text.len)
        memcpy(r->text, text.ptr, text.len);
    if (values.len)
        memcpy(r->text + text.len, values.ptr, values.len);
    return r;
}

static size_t weight(const struct dw__record *r)
{
    return sizeof *r + r->text_len + r->value_len + 1 + sizeof(struct dw__record *);
}

int dw__heap_push(struct dw_window *w, struct dw__record *r)
{
    if (w->waiting_bytes + weight(r) > w->waiting_max) {
        DW__COUNT_IF(w, true, correlate_matches_refused);
        DW_COUNT_IF(w->early, provisional_blind);
        dw__leave_out(w, r->corr, r->member, &r->ref, r->time_ns, DW_LEFT_REFUSED);
        w->deaf_ns = r->time_ns > w->deaf_ns ? r->time_ns : w->deaf_ns;
        dw_free(r);
        return DW_OK;
    }
    struct dw__record **bigger = dw_grow(w->heap, w->heap_count, &w->heap_cap, 64, sizeof(struct dw__record *));
    if (!bigger) {
        dw_free(r);
        return DW_ENOMEM;
    }
    w->heap = bigger;
    uint32_t at = w->heap_count++;
    while (at > 0 && dw__record_before(w, r, w->heap[(at - 1) / 2])) {
        w->heap[at] = w->heap[(at - 1) / 2];
        at = (at - 1) / 2;
    }
    w->heap[at] = r;
    w->waiting_bytes += weight(r);
    return DW_OK;
}

struct dw__record *dw__heap_pop(struct dw_window *w)
{
    DW_ASSERT(w->heap_count > 0);
    struct dw__record *top = w->heap[0], *last = w->heap[--w->heap_count];
    w->waiting_bytes -= weight(top);
    uint32_t at = 0;
    for (;;) {
        uint32_t kid = 2 * at + 1;
        if (kid >= w->heap_count)
            break;
        if (kid + 1 < w->heap_count && dw__record_before(w, w->heap[kid + 1], w->heap[kid]))
            kid++;
        if (!dw__record_before(w, w->heap[kid], last))
            break;
        w->heap[at] = w->heap[kid];
        at = kid;
    }
    if (w->heap_count)
        w->heap[at] = last;
    return top;
}

static const struct {
    const char *word, *text;
} left_outs[DW_LEFT_OUTS] = {
    [DW_TAKES_PART] = {"", ""},
#define LEFT_OUT(NAME, word, text) [DW_LEFT_##NAME] = {#word, text},
#include "dogwatch/tbl/left_out.h"
#undef LEFT_OUT
};

const char *dw_left_out_word(enum dw_left_out why)
{
    return left_outs[why].word;
}

const char *dw_left_out_text(enum dw_left_out why)
{
    return left_outs[why].text;
}
