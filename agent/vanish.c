/*
 * vanish: files that are about to vanish while the brokers take nothing.
 *
 * Idea: a live file is the best buffer there is, so while the brokers are away it is not read. One that gave way to a successor will be
 * deleted by whoever rotates: what is not durable of it then has no other place but us. So the brokers are away when they took nothing
 * for a while though frames wait; and when something of a file that gave way is not durable, frames go to the spool until it is sent.
 *
 * Invariants:
 *   (1) While the spool is on nothing but files that gave way is read, so it empties once the brokers are back.
 *   (2) Over spool.limit nothing is read. A file is let go only then, while the brokers are away, and once it is deleted: as long as it
 *       has a name it is its own buffer.
 *   (3) What is let go was read by nobody, and is declared with its extent before its stream moves on.
 */
#include "agent_int.h"

#include "dogwatch/base/counter.h"
#include "dogwatch/base/error.h"

#define AWAY_NS (2 * DW_NS_PER_S)
#define LOOK_NS (DW_NS_PER_S / 10)

/* Whether something of it would be lost with us. */
static bool is_at_risk(struct tail *t, uint64_t acked)
{
    if (t->state == TAIL_LIVE)
        return false;
    return t->last_parcel > acked || (t->state == TAIL_ROTATED && (!t->at_end || tail_changed(t)));
}

static bool any_at_risk(const struct agent *a)
{
    uint64_t acked = writer_acked(a->writer);
    for (struct tail *t = a->tail; t; t = t->next)
        if (is_at_risk(t, acked))
            return true;
    return false;
}

static bool is_away(const struct agent *a)
{
    return dw_clock_mono(a->clock) - a->taken_ns >= AWAY_NS;
}

static bool is_full(const struct agent *a)
{
    return a->spool.on && a->spool.bytes + writer_pending_bytes(a->writer) >= (uint64_t)a->opt->spool_limit;
}

void vanish_look(struct agent *a)
{
    struct dw_spool_state was = a->spool;
    int64_t now = dw_clock_mono(a->clock);
    if (a->opt->transport != DW_TRANSPORT_KAFKA)
        return;
    writer_look(a->writer, &a->spool);
    bool waits = a->spool.on || writer_pending_bytes(a->writer) > 0;
    if (!waits || a->spool.taken != was.taken || a->taken_ns == 0)
        a->taken_ns = now;
    bool full = is_full(a);
    DW_COUNT_IF(full && !a->spool_full, spool_full);
    a->spool_full = full;
    if (a->spool.on || !is_away(a) || now - a->vanish_ns < LOOK_NS)
        return;
    a->vanish_ns = now;
    if (any_at_risk(a))
        writer_spool(a->writer);
}

int vanish_reads(struct agent *a, struct tail *t, bool *ret)
{
    struct dw_stat st;
    *ret = !a->spool.on || (t->state == TAIL_ROTATED && !is_full(a));
    if (*ret || dw_fs_fstat(t->fd, &st) < 0)
        return DW_OK;
    *ret = st.size_bytes == tail_offset(t); /* a look that finds nothing keeps nobody waiting */
    if (*ret || t->state != TAIL_ROTATED || !is_away(a))
        return DW_OK;
    t->deleted = st.links == 0;
    return t->deleted ? tail_let_go(a, t, st.size_bytes) : DW_OK;
}
