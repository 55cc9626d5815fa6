/*
 * agents: who sends, and whether that was agreed to.
 *
 * Idea: an agent's id is the hash of its key, so nobody can speak under an id without its key. What can be wrong is that another agent
 * speaks for a host: so the first agent of a host is pinned, and another one is named until somebody approves it. Or only agents of a
 * list are agreed to. Frames of all are archived and matched: who could silence an agent by a mistake in a list would be a danger.
 *
 * Invariants:
 *   (1) Only a record that the agent's key signed makes an agent known, or pins it.
 *   (2) An agent that was not agreed to is named once.
 *   (3) What comes again is excused only if a signed record said so before, and each frame once.
 *   (4) Over the bound (account's bounds.epochs) further agents are not entered, and counted.
 */
#include "account_int.h"

#include "dogwatch/base/counter.h"
#include "dogwatch/base/error.h"
#include "dogwatch/base/mem.h"

#include <stdio.h>

void dw__agents_free(struct dw_account *a)
{
    while (a->agents) {
        struct dw__agent *g = a->agents;
        a->agents = g->next;
        dw_free(g);
    }
    dw_table_fini(&a->by_agent);
}

static uint64_t hash_of(const uint8_t *id)
{
    uint64_t h;
    memcpy(&h, id, sizeof h); /* it is a hash already */
    return h;
}

struct dw__agent *dw__agent_find(const struct dw_account *a, const uint8_t *id)
{
    struct dw_node *n = dw_table_find(&a->by_agent, hash_of(id));
    while (n && memcmp(DW_ITEM(n, struct dw__agent, node)->said.id, id, DW_AGENT_ID_BYTES) != 0)
        n = dw_table_next(n);
    return n ? DW_ITEM(n, struct dw__agent, node) : NULL;
}

bool dw__agent_fits(const struct dw_account *a)
{
    bool fits = a->by_agent.count < a->bounds.epochs;
    DW_COUNT_IF(!fits, account_agents_refused);
    return fits;
}

void dw__agent_add(struct dw_account *a, struct dw__agent *g)
{
    dw_table_add(&a->by_agent, &g->node, hash_of(g->said.id));
    g->next = NULL;
    *(a->agents_end ? &a->agents_end->next : &a->agents) = g;
    a->agents_end = g;
}

struct dw__agent *dw__agent_enter(struct dw_account *a, const uint8_t *id)
{
    struct dw__agent *g = dw__agent_find(a, id);
    if (g)
        return g;
    if (!dw__agent_fits(a))
        return NULL;
    g = dw_calloc(1, sizeof *g);
    if (!g)
        return NULL;
    memcpy(g->said.id, id, DW_AGENT_ID_BYTES);
    g->source = a->source;
    dw__agent_add(a, g);
    return g;
}

/* The agent that was agreed to for a host; NULL: none yet. */
static const struct dw__agent *agreed_for(const struct dw_account *a, const char *host)
{
    for (const struct dw__agent *g = a->agents; g; g = g->next)
        if (g->said.state != DW_AGENT_NEW && g->said.epochs && strcmp(g->said.host, host) == 0)
            return g;
    return NULL;
}

static bool is_listed(const struct dw_account *a, const uint8_t *id)
{
    for (uint32_t i = 0; i < a->listed_count; i++)
        if (memcmp(a->listed + (size_t)i * DW_AGENT_ID_BYTES, id, DW_AGENT_ID_BYTES) == 0)
            return true;
    return false;
}

static void tell_unlisted(struct dw_account *a, const struct dw_head *h, const struct dw__agent *g)
{
    char hex[2 * DW_AGENT_ID_BYTES + 1];
    dw_hex(g->said.id, DW_AGENT_ID_BYTES, hex);
    dw__tell(a, DW_PROBLEM_UNLISTED, h, hex, "agent %s of host %s is in no list of trusted agents", hex, g->said.host);
}

/* The first opening of an agent: is it agreed to? */
static void judge(struct dw_account *a, const struct dw_head *h, struct dw__agent *g)
{
    char hex[2 * DW_AGENT_ID_BYTES + 1], other[2 * DW_AGENT_ID_BYTES + 1];
    const struct dw__agent *pinned = agreed_for(a, g->said.host);
    dw_hex(g->said.id, DW_AGENT_ID_BYTES, hex);
    if (g->said.state == DW_AGENT_APPROVED)
        return;
    if (a->listed) {
        g->said.state = is_listed(a, g->said.id) ? DW_AGENT_APPROVED : DW_AGENT_NEW;
        if (g->said.state == DW_AGENT_NEW)
            tell_unlisted(a, h, g);
        return;
    }
    g->said.state = pinned ? DW_AGENT_NEW : DW_AGENT_PINNED;
    if (!pinned)
        return;
    dw_hex(pinned->said.id, DW_AGENT_ID_BYTES, other);
    dw__tell(a, DW_PROBLEM_NEW_KEY, h, hex,
        "host %s is spoken for by agent %s; until now it was %s. If it was set up anew: dogwatch agents approve %s", g->said.host, hex, other, hex);
}

static void judge_by_list(struct dw_account *a, struct dw__agent *g, enum dw_agent_state was)
{
    struct dw_head h = {.time_max_ns = g->said.last_ns};
    g->said.state = is_listed(a, g->said.id) ? DW_AGENT_APPROVED : DW_AGENT_NEW;
    memcpy(h.agent, g->said.id, sizeof h.agent);
    if (g->said.state == DW_AGENT_NEW && was != DW_AGENT_NEW)
        tell_unlisted(a, &h, g);
}

void dw__agents_judge_again(struct dw_account *a, struct dw__agent *first)
{
    for (struct dw__agent *g = first; g && !a->listed; g = g->next)
        if (!g->decided)
            g->said.state = DW_AGENT_NEW; /* the first of each host is pinned below */
    for (struct dw__agent *g = first; g; g = g->next) {
        if (g->decided || !g->said.epochs)
            continue;
        if (a->listed)
            judge_by_list(a, g, g->said.state);
        else
            g->said.state = agreed_for(a, g->said.host) ? DW_AGENT_NEW : DW_AGENT_PINNED;
    }
}

void dw__agent_opened(struct dw_account *a, const struct dw_head *h, const char *host)
{
    struct dw__agent *g = dw__agent_enter(a, h->agent);
    if (!g)
        return;
    (void)snprintf(g->said.host, sizeof g->said.host, "%s", host);
    if (h->epoch.counter > g->newest)
        g->newest = h->epoch.counter;
    if (g->said.epochs++ == 0)
        judge(a, h, g);
}

void dw__agent_spools(struct dw_account *a, const struct dw_head *h, const struct dw_parent *p)
{
    struct dw__agent *g = dw__agent_find(a, h->agent);
    if (!g || h->epoch.counter != g->newest)
        return;
    g->from_spool = true;
    g->spool_epoch = p->spool_epoch;
    g->spool_number = p->spool_number;
}

bool dw__agent_announced(struct dw_account *a, const struct dw_head *h)
{
    struct dw__agent *g = dw__agent_find(a, h->agent);
    if (!g || !g->from_spool)
        return false;
    uint64_t epoch = h->epoch.counter;
    if (epoch >= g->newest) {
        g->from_spool = epoch != g->newest || h->number == 0;
        return false;
    }
    if (epoch < g->spool_epoch || (epoch == g->spool_epoch && h->number < g->spool_number))
        return false;
    g->spool_epoch = epoch;
    g->spool_number = h->number + 1;
    return true;
}

void dw__agent_waits(struct dw_account *a, const uint8_t *id, uint64_t spool_bytes)
{
    struct dw__agent *g = dw__agent_find(a, id);
    if (g)
        g->said.spool_bytes = spool_bytes;
}

void dw__agent_frame(struct dw_account *a, const struct dw_decoded *f)
{
    struct dw__agent *g = dw__agent_find(a, f->head.agent);
    if (!g)
        return;
    g->source = a->source;
    g->said.frames++;
    g->said.events += f->event_count;
    g->said.first_ns = g->said.first_ns ? g->said.first_ns : a->arrival_ns;
    g->said.last_ns = a->arrival_ns;
}

void dw__agent_approved(struct dw_account *a, const uint8_t *id)
{
    struct dw__agent *g = dw__agent_enter(a, id);
    if (!g)
        return;
    g->said.state = DW_AGENT_APPROVED;
    g->decided = true;
}

void dw_account_list_agents(struct dw_account *a, const uint8_t *ids, uint32_t count)
{
    a->listed = ids;
    a->listed_count = count;
}

const struct dw_account_agent *dw_account_next_agent(const struct dw_account *a, const struct dw_account_agent *g)
{
    const struct dw__agent *next = g ? DW_ITEM(g, struct dw__agent, said)->next : a->agents;
    return next ? &next->said : NULL;
}
