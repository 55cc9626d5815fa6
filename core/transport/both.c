/*
 * both: two receivers as one.
 *
 * Invariants:
 *   (1) Neither waits for the other: they take turns, and one that has nothing gives its turn away.
 *   (2) A receiver is told only of places that it handed out itself.
 *   (3) What is to be given up is that of one receiver at a time, the same from when it is told until it is let go.
 */
#include "dogwatch/transport/transport.h"

#include "dogwatch/base/error.h"
#include "dogwatch/base/mem.h"

struct both {
    struct dw_receiver base; /* first: ops find us by it */
    struct side {
        struct dw_receiver *r;
        struct dw_position last; /* handed out last */
        bool any;                /* ... since it was told */
    } side[2];
    unsigned turn;
    struct side *leaver; /* whose sources are to be given up; NULL: nobody's */
};

static void find_leaver(struct both *b)
{
    const uint64_t *sources;
    for (int i = 0; i < 2 && !b->leaver; i++)
        b->leaver = dw_receiver_leaving(b->side[i].r, &sources) ? &b->side[i] : NULL;
}

static int both_next(struct dw_receiver *base, struct dw_received *ret)
{
    struct both *b = (struct both *)base;
    int rc = DW_EAGAIN;
    for (int i = 0; i < 2 && rc == DW_EAGAIN; i++) {
        struct side *s = &b->side[b->turn];
        b->turn = 1 - b->turn;
        rc = dw_receiver_next(s->r, ret);
        if (rc != DW_OK || ret->replaced || ret->expired || ret->taken || ret->given)
            continue;
        s->last = ret->at;
        s->any = true;
    }
    find_leaver(b);
    return rc;
}

static int both_commit(struct dw_receiver *base, struct dw_position done)
{
    struct both *b = (struct both *)base;
    (void)done; /* the newest of all that was handed out: so is the newest of each side */
    for (int i = 0; i < 2; i++) {
        struct side *s = &b->side[i];
        int rc = s->any ? dw_receiver_commit(s->r, s->last) : DW_OK;
        if (rc < 0)
            return rc;
        s->any = false;
    }
    return DW_OK;
}

static bool both_drained(const struct dw_receiver *base)
{
    const struct both *b = (const struct both *)base;
    return dw_receiver_drained(b->side[0].r) && dw_receiver_drained(b->side[1].r);
}

static uint32_t both_elsewhere(const struct dw_receiver *base)
{
    const struct both *b = (const struct both *)base;
    return dw_receiver_elsewhere(b->side[0].r) + dw_receiver_elsewhere(b->side[1].r);
}

static uint32_t both_parts(const struct dw_receiver *base)
{
    return dw_receiver_parts(((const struct both *)base)->side[0].r);
}

static uint32_t both_leaving(const struct dw_receiver *base, const uint64_t **ret_sources)
{
    const struct both *b = (const struct both *)base;
    return b->leaver ? dw_receiver_leaving(b->leaver->r, ret_sources) : 0;
}

static void both_let_go(struct dw_receiver *base)
{
    struct both *b = (struct both *)base;
    if (b->leaver)
        dw_receiver_let_go(b->leaver->r);
    b->leaver = NULL;
    find_leaver(b);
}

static void both_close(struct dw_receiver *base)
{
    struct both *b = (struct both *)base;
    for (int i = 0; i < 2; i++)
        dw_receiver_close(b->side[i].r);
    dw_free(b);
}

static const struct dw_receiver_ops both_ops = {.name = "both", .next = both_next, .commit = both_commit, .drained = both_drained,
    .elsewhere = both_elsewhere, .parts = both_parts, .leaving = both_leaving, .let_go = both_let_go, .close = both_close};

int dw_receiver_both(struct dw_receiver *a, struct dw_receiver *b, struct dw_receiver **ret)
{
    struct both *both = dw_calloc(1, sizeof *both);
    if (!both) {
        dw_receiver_close(a);
        dw_receiver_close(b);
        return DW_ENOMEM;
    }
    both->base.ops = &both_ops;
    both->side[0].r = a;
    both->side[1].r = b;
    *ret = &both->base;
    return DW_OK;
}
