/*
 * due: the keys of silence, absence and calm by the time at which each is looked at next.
 *
 * Idea: a binary heap. An event does not move its key: when the key's time comes, it is put off to where the newest event moved it, so a
 * busy key costs one look a timespan and not one an event.
 *
 * Invariant: the order is total, so what is told does not depend on how keys came in: time; of one time calms last, for what is told before may be an event that
 * keeps a count up; then key.
 */
#include "window_int.h"

#include "dogwatch/base/error.h"
#include "dogwatch/base/mem.h"

static bool before(const struct dw__state *a, const struct dw__state *b)
{
    if (a->past->due_ns != b->past->due_ns)
        return a->past->due_ns < b->past->due_ns;
    return a->calms != b->calms ? b->calms : memcmp(a->key, b->key, sizeof a->key) < 0;
}

int dw__wait(struct dw_window *w, struct dw__state *s, int64_t due_ns)
{
    DW_ASSERT(!s->waits);
    struct dw__state **bigger = dw_grow(w->due, w->due_count, &w->due_cap, 16, sizeof(struct dw__state *));
    if (!bigger)
        return DW_ENOMEM;
    w->due = bigger;
    s->past->due_ns = due_ns;
    s->waits = true;
    uint32_t at = w->due_count++;
    for (; at > 0 && before(s, w->due[(at - 1) / 2]); at = (at - 1) / 2)
        w->due[at] = w->due[(at - 1) / 2];
    w->due[at] = s;
    return DW_OK;
}

struct dw__state *dw__due(struct dw_window *w, int64_t until_ns)
{
    if (w->due_count == 0 || w->due[0]->past->due_ns > until_ns)
        return NULL;
    struct dw__state *top = w->due[0], *last = w->due[--w->due_count];
    uint32_t at = 0;
    for (uint32_t kid; (kid = 2 * at + 1) < w->due_count; at = kid) {
        if (kid + 1 < w->due_count && before(w->due[kid + 1], w->due[kid]))
            kid++;
        if (!before(w->due[kid], last))
            break;
        w->due[at] = w->due[kid];
    }
    if (w->due_count)
        w->due[at] = last;
    top->waits = false;
    return top;
}
