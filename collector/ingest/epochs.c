/*
 * epochs: the starts of agents: which one is open, and what each says of the one before.
 *
 * Idea: an epoch is a chain of frames. The opening record of the next names its last durable frame, so that not even a whole epoch
 * can be taken away unseen. A few are open at a time; only these hold back the watermark.
 *
 * Invariants:
 *   (1) Only a record that the agent's key signed opens an epoch or ends those before it: anybody can write frames into a queue.
 *   (2) What a parent names must be here when the opening record comes, or, where that says that frames come from a spool after it,
 *       when the epoch goes on. An epoch that itself comes from the spool is over: the agent has started again since.
 *   (3) At the bound the epoch is forgotten that is longest without a frame.
 */
#include "account_int.h"

#include "dogwatch/base/counter.h"
#include "dogwatch/base/error.h"
#include "dogwatch/base/mem.h"

#include <inttypes.h>

void dw__epoch_forget(struct dw_account *a, struct dw__epoch *e)
{
    dw_table_remove(&a->by_epoch, &e->node);
    dw__ring_leave(&e->use);
    dw__ring_leave(&e->open);
    dw_free(e);
}

void dw__epochs_free(struct dw_account *a)
{
    while (a->use.next && a->use.next != &a->use)
        dw__epoch_forget(a, DW_ITEM(a->use.next, struct dw__epoch, use));
    dw_table_fini(&a->by_epoch);
}

struct dw__epoch *dw__epoch_find(const struct dw_account *a, const struct dw_head *h)
{
    struct dw_node *n = dw_table_find(&a->by_epoch, dw_epoch_hash(h->agent, h->epoch.counter));
    while (n && !dw_chain_is(&DW_ITEM(n, struct dw__epoch, node)->chain, h))
        n = dw_table_next(n);
    return n ? DW_ITEM(n, struct dw__epoch, node) : NULL;
}

void dw__epoch_room(struct dw_account *a)
{
    if (a->by_epoch.count < a->bounds.epochs)
        return;
    dw__epoch_forget(a, DW_ITEM(a->use.next, struct dw__epoch, use));
    DW_COUNT(account_epochs_forgotten);
}

struct dw__epoch *dw__epoch_begin(struct dw_account *a, const struct dw_head *h, enum dw_link *ret)
{
    dw__epoch_room(a);
    struct dw__epoch *e = dw_calloc(1, sizeof *e);
    if (!e)
        return NULL;
    *ret = dw_chain_begin(&e->chain, h);
    e->low_water_ns = INT64_MIN;
    e->source = a->source;
    dw_table_add(&a->by_epoch, &e->node, dw_epoch_hash(h->agent, h->epoch.counter));
    dw__ring_last(&a->use, &e->use);
    return e;
}

void dw__epoch_close(struct dw_account *a, struct dw__epoch *e)
{
    a->any_ended |= e->opened;
    e->closed = true;
    dw__ring_leave(&e->open);
}

/* The epochs of this agent that are still open and older are over. */
static void close_older(struct dw_account *a, const struct dw_head *h)
{
    struct dw__ring *next;
    for (struct dw__ring *r = a->open.next; r != &a->open; r = next) {
        struct dw__epoch *e = DW_ITEM(r, struct dw__epoch, open);
        next = r->next;
        if (e->chain.epoch.counter < h->epoch.counter && memcmp(e->chain.agent, h->agent, sizeof e->chain.agent) == 0)
            dw__epoch_close(a, e);
    }
}

/* One agent cannot start twice with one number: its state was copied, or an older one put back. */
static void check_clones(struct dw_account *a, const struct dw_head *h, const struct dw__epoch *e)
{
    char cause[DW__CAUSE_CAP];
    struct dw_node *n = dw_table_find(&a->by_epoch, e->node.hash);
    for (; n; n = dw_table_next(n)) {
        const struct dw__epoch *o = DW_ITEM(n, struct dw__epoch, node);
        if (o == e || o->chain.epoch.counter != h->epoch.counter || memcmp(o->chain.agent, h->agent, sizeof h->agent) != 0)
            continue;
        dw__tell(a, DW_PROBLEM_ROLLED_BACK, h, dw__frame_cause(cause, h), "two epochs of this agent have the number %" PRIu64,
            h->epoch.counter);
        return;
    }
}

/* Of two chains that are as good, always the same, whatever the order in the table. */
static bool comes_first(const struct dw_chain_head *k, const struct dw_chain_head *other)
{
    return k->number != other->number ? k->number > other->number : memcmp(k->hash, other->hash, sizeof k->hash) < 0;
}

/* How the parent stands, by the best of the epochs that have its number; *ret is that epoch's chain. */
static enum dw_parent_link find_parent(const struct dw_account *a, const uint8_t *agent, const struct dw_parent *p,
    const struct dw_chain_head **ret)
{
    enum dw_parent_link best = DW_PARENT_GONE;
    struct dw_node *n = dw_table_find(&a->by_epoch, dw_epoch_hash(agent, p->epoch));
    *ret = NULL;
    for (; n; n = dw_table_next(n)) {
        const struct dw_chain_head *k = &DW_ITEM(n, struct dw__epoch, node)->chain;
        if (k->epoch.counter != p->epoch || memcmp(k->agent, agent, sizeof k->agent) != 0)
            continue;
        enum dw_parent_link link = dw_parent_judge(k, p);
        if (link < best || (*ret && link == best && comes_first(k, *ret))) {
            best = link;
            *ret = k;
        }
    }
    return best;
}

static void check_parent(struct dw_account *a, const struct dw_head *h, const struct dw_parent *p)
{
    char text[DW__CAUSE_CAP];
    const struct dw_chain_head *k;
    const char *cause = dw__frame_cause(text, h);
    if (!p->named)
        return;
    enum dw_parent_link link = find_parent(a, h->agent, p, &k);
    if (link == DW_PARENT_GONE)
        dw__tell(a, DW_PROBLEM_TAIL_MISSING, h, cause,
            "epoch %" PRIu64 ": frames 0 to %" PRIu64 " were durable and are not here: nothing of this epoch came", p->epoch,
            p->number);
    else if (link == DW_PARENT_SHORT)
        dw__tell(a, DW_PROBLEM_TAIL_MISSING, h, cause, "epoch %" PRIu64 ": frames %" PRIu64 " to %" PRIu64 " were durable and are not here",
            p->epoch, k->number + 1, p->number);
    else if (link == DW_PARENT_OTHER)
        dw__tell(a, DW_PROBLEM_FORK, h, cause, "frame %" PRIu64 " of epoch %" PRIu64 " is not the one that the next epoch names",
            p->number, p->epoch);
}

void dw__epoch_goes_on(struct dw_account *a, const struct dw_head *h, struct dw__epoch *e)
{
    if (!e->owes || h->number == 0)
        return;
    e->owes = false;
    check_parent(a, h, &e->parent);
}

void dw__epoch_opened(struct dw_account *a, const struct dw_head *h, struct dw__epoch *e, struct dw_str record)
{
    char cause[DW__CAUSE_CAP];
    struct dw_parent p;
    e->opened = true;
    if (!e->closed) {
        dw__ring_last(&a->open, &e->open);
        e->opening = ++a->openings;
    }
    if (a->announced)
        dw__epoch_close(a, e);
    close_older(a, h);
    check_clones(a, h, e);
    if (dw_parent_read(record, &p) < 0) {
        dw__tell(a, DW_PROBLEM_RECORD, h, dw__frame_cause(cause, h),
            "the opening record of epoch %" PRIu64 " names no parent that can be read", h->epoch.counter);
        return;
    }
    uint64_t before = p.named ? p.epoch : 0;
    if (before < h->epoch.counter) /* starts between the two left nothing durable, by the agent's own signed word */
        DW_COUNT_N(ingest_epochs_empty, h->epoch.counter - before - 1);
    if (p.spooled) {
        e->owes = true;
        e->parent = p;
        dw__agent_spools(a, h, &p);
    } else {
        check_parent(a, h, &p);
    }
}

bool dw_account_all_closed(const struct dw_account *a)
{
    for (const struct dw__ring *r = a->open.next; r != &a->open; r = r->next)
        if (!DW_ITEM(r, const struct dw__epoch, open)->idle)
            return false;
    return a->any_ended;
}

int64_t dw_account_low_water(const struct dw_account *a)
{
    int64_t low = INT64_MAX;
    for (const struct dw__ring *r = a->open.next; r != &a->open; r = r->next) {
        const struct dw__epoch *e = DW_ITEM(r, const struct dw__epoch, open);
        if (!e->idle && e->low_water_ns < low)
            low = e->low_water_ns;
    }
    return low;
}

int64_t dw__agent_low_water(const struct dw_account *a, const uint8_t agent[DW_AGENT_ID_BYTES])
{
    if (dw_is_collector(agent))
        return a->own.low_water_ns;
    int64_t low = INT64_MIN;
    for (const struct dw__ring *r = a->open.next; r != &a->open; r = r->next) {
        const struct dw__epoch *e = DW_ITEM(r, const struct dw__epoch, open);
        if (memcmp(e->chain.agent, agent, DW_AGENT_ID_BYTES) == 0 && !e->idle && e->low_water_ns > low)
            low = e->low_water_ns;
    }
    return low;
}

int64_t dw_account_stated_low_water(const struct dw_account *a, const struct dw_head *head)
{
    const struct dw__epoch *e = dw_is_collector(head->agent) ? &a->own : dw__epoch_find(a, head);
    return e && e->low_water_ns ? e->low_water_ns : INT64_MIN; /* 0: none was stated */
}

bool dw_account_unheard(const struct dw_account *a, int64_t heard_before_ns, struct dw_decision *ret)
{
    for (const struct dw__ring *r = a->open.next; r != &a->open; r = r->next) {
        const struct dw__epoch *e = DW_ITEM(r, const struct dw__epoch, open);
        if (e->idle || e->heard_ns >= heard_before_ns || (a->ours && !a->ours(a->ours_arg, e->source)))
            continue;
        *ret = (struct dw_decision){.kind = DW_DECISION_IDLE, .epoch = e->chain.epoch, .since_ns = e->arrival_ns};
        memcpy(ret->agent, e->chain.agent, sizeof ret->agent);
        return true;
    }
    return false;
}

void dw_account_ours(struct dw_account *a, bool (*ours)(void *arg, uint64_t source), void *arg)
{
    a->ours = ours;
    a->ours_arg = arg;
}

void dw_account_part_heard(struct dw_account *a, uint64_t source, int64_t heard_ns)
{
    for (struct dw__ring *r = a->open.next; r != &a->open; r = r->next) {
        struct dw__epoch *e = DW_ITEM(r, struct dw__epoch, open);
        if (e->source == source)
            e->heard_ns = heard_ns;
    }
}
