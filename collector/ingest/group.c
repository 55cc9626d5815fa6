/*
 * group: see group.h.
 *
 * Idea: nothing here is more than a copy. Matches and what is known of a partition follow from its frames, so whoever goes on with a partition may begin anywhere that is not behind what
 * he knows, and what he tells twice is known by its place. So there is no agreement, and no lock.
 *
 * Invariants:
 *   (1) Matches of a frame are durable before what is known of the partition behind it: who begins there need not tell them.
 *   (2) Both are sent only of frames that the archive has synced.
 */
#include "group.h"

#include "dogwatch/base/counter.h"
#include "dogwatch/base/error.h"
#include "dogwatch/base/mem.h"

#define MARKS_NS (DW_NS_PER_S / 5)       /* each is a record that all of them archive */
#define ALL_MARKS_NS (60 * DW_NS_PER_S)  /* for collectors that came later than the topic keeps records */
#define PUT_NS (10 * DW_NS_PER_S) /* so much is taken again when a collector dies */

void dw__group_fini(struct dw__group *g)
{
    dw_free(g->item);
    g->item = NULL;
    g->count = g->cap = 0;
}

static struct dw__owned *find(const struct dw__group *g, uint64_t source)
{
    for (uint32_t i = 0; i < g->count; i++)
        if (g->item[i].source == source)
            return &g->item[i];
    return NULL;
}

int dw__group_taken(struct dw__group *g, uint64_t source, uint64_t next, bool put)
{
    struct dw__owned *o = find(g, source);
    struct dw__owned *grown = o ? g->item : dw_grow(g->item, g->count, &g->cap, 8, sizeof *grown);
    if (!grown)
        return DW_ENOMEM;
    g->item = grown;
    o = o ? o : &g->item[g->count++];
    *o = (struct dw__owned){.source = source, .next = next, .put = put ? next : 0, .put_ns = dw_clock_mono(g->clock)};
    return DW_OK;
}

bool dw__group_has(void *group, uint64_t source)
{
    return find(group, source) != NULL;
}

void dw__group_given(struct dw__group *g, uint64_t source)
{
    struct dw__owned *o = find(g, source);
    if (o)
        *o = g->item[--g->count];
}

void dw__group_moved(struct dw__group *g, struct dw_position at)
{
    struct dw__owned *o = find(g, at.source);
    if (o)
        o->next = at.next;
}

int dw__group_send(struct dw__group *g, struct dw__detect *d, uint32_t partitions, bool all)
{
    int64_t now = dw_clock_mono(g->clock);
    if (!all && !dw_matches_any(d->out) && now - g->cut_ns < MARKS_NS)
        return DW_OK;
    if (now - g->all_ns >= ALL_MARKS_NS) {
        dw_matches_again(d->out);
        g->all_ns = now;
    }
    g->cut_ns = now;
    int rc = dw_matches_cut(d->out, partitions);
    while (rc == DW_OK && dw_matches_first(d->out).len) {
        rc = g->to->publish(g->to->arg, dw_matches_first(d->out));
        DW_COUNT_IF(rc == DW_OK, group_batches);
        if (rc == DW_OK)
            dw_matches_sent(d->out);
    }
    return rc;
}

static int put_one(struct dw__group *g, const struct dw__detect *d, struct dw__owned *o)
{
    struct dw_buf part = {0};
    dw_account_part_save(d->account, o->source, &part);
    int rc = part.err ? part.err : g->to->put_part(g->to->arg, o->source, o->next, dw_buf_view(&part));
    DW_COUNT_IF(rc == DW_OK, group_parts);
    DW_COUNT_IF(rc == DW_ELIMIT, group_parts_too_large);
    rc = rc == DW_ELIMIT ? DW_OK : rc; /* who takes the partition over goes on from the last that was put */
    if (rc == DW_OK) {
        o->put = o->next;
        o->put_ns = dw_clock_mono(g->clock);
    }
    dw_buf_fini(&part);
    return rc;
}

int dw__group_put(struct dw__group *g, const struct dw__detect *d, bool all)
{
    int64_t now = dw_clock_mono(g->clock);
    int rc = DW_OK;
    for (uint32_t i = 0; i < g->count && rc == DW_OK; i++) {
        struct dw__owned *o = &g->item[i];
        if (o->next != o->put && (all || now - o->put_ns >= PUT_NS))
            rc = put_one(g, d, o);
    }
    return rc;
}
