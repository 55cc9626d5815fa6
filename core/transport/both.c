/*
 * both: two receivers as one.
 *
 * Invariants:
 *   (1) Neither waits for the other: they take turns, and one that has nothing gives its turn away.
 *   (2) A receiver is told only of places that it handed out itself.
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
};

static int both_next(struct dw_receiver *base, struct dw_received *ret)
{
    struct both *b = (struct both *)base;
    int rc = DW_EAGAIN;
    for (int i = 0; i < 2 && rc == DW_EAGAIN; i++) {
        struct side *s = &b->side[b->turn];
        b->turn = 1 - b->turn;
        rc = dw_receiver_next(s->r, ret);
        if (rc != DW_OK || ret->replaced || ret->expired)
            continue;
        s->last = ret->at;
        s->any = true;
    }
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

static void both_close(struct dw_receiver *base)
{
    struct both *b = (struct both *)base;
    for (int i = 0; i < 2; i++)
        dw_receiver_close(b->side[i].r);
    dw_free(b);
}

static const struct dw_receiver_ops both_ops = {
    .name = "both", .next = both_next, .commit = both_commit, .drained = both_drained, .elsewhere = both_elsewhere, .close = both_close};

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
