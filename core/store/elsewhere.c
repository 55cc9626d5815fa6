/*
 * elsewhere: which chains of frames another archive has a part of, as somebody knows who may say so.
 *
 * Idea: a chain that went on elsewhere came to some frame there, by number and hash. Whoever says so says it before the chain goes on here, so what stands at that place here has to name that frame.
 *
 * Invariants:
 *   (1) Nothing is accepted on the word of what came after it.
 *   (2) Only the very frame that is named vouches: a frame before it or behind it leaves the hole as it is.
 */
#include "elsewhere.h"

#include "dogwatch/base/error.h"
#include "dogwatch/base/mem.h"
#include "dogwatch/base/table.h"

struct place {
    struct dw_node node; /* by agent and epoch */
    struct place *next;
    struct dw_chain_head head;
    uint64_t intake; /* from here on it was known */
};

struct dw_elsewhere {
    struct dw_table by_epoch;
    struct place *places;
    struct dw_keyring *keys;
};

struct dw_elsewhere *dw__elsewhere_new(void)
{
    struct dw_elsewhere *e = dw_calloc(1, sizeof *e);
    struct dw_keyring *keys = dw_keyring_new(UINT32_MAX);
    if (!e || !keys) {
        dw_keyring_free(keys);
        dw_free(e);
        return NULL;
    }
    e->keys = keys;
    return e;
}

void dw__elsewhere_free(struct dw_elsewhere *e)
{
    if (!e)
        return;
    for (struct place *p = e->places, *next; p; p = next) {
        next = p->next;
        dw_free(p);
    }
    dw_table_fini(&e->by_epoch);
    dw_keyring_free(e->keys);
    dw_free(e);
}

static bool is_known(const struct dw_elsewhere *e, const struct dw_chain_head *k, uint64_t intake)
{
    struct dw_node *n = dw_table_find(&e->by_epoch, dw_epoch_hash(k->agent, k->epoch.counter));
    for (; n; n = dw_table_next(n)) {
        const struct place *p = DW_ITEM(n, const struct place, node);
        if (p->intake <= intake && p->head.epoch.counter == k->epoch.counter && p->head.number == k->number && memcmp(p->head.agent, k->agent, sizeof k->agent) == 0
            && memcmp(p->head.epoch.nonce, k->epoch.nonce, sizeof k->epoch.nonce) == 0 && memcmp(p->head.hash, k->hash, sizeof k->hash) == 0)
            return true;
    }
    return false;
}

int dw_elsewhere_add(struct dw_elsewhere *e, const struct dw_chain_head *k, const uint8_t *key, uint64_t intake)
{
    int rc = key ? dw_keyring_add(e->keys, key) : DW_OK;
    if (rc < 0 || is_known(e, k, intake)) /* an epoch that is over stands in each part */
        return rc;
    struct place *p = dw_calloc(1, sizeof *p);
    if (!p)
        return DW_ENOMEM;
    p->head = *k;
    p->intake = intake;
    p->next = e->places;
    e->places = p;
    dw_table_add(&e->by_epoch, &p->node, dw_epoch_hash(k->agent, k->epoch.counter));
    return DW_OK;
}

bool dw__elsewhere_before(const struct dw_elsewhere *e, const struct dw_head *h, uint64_t intake, const uint8_t **ret_key)
{
    struct dw_node *n = e ? dw_table_find(&e->by_epoch, dw_epoch_hash(h->agent, h->epoch.counter)) : NULL;
    for (; n; n = dw_table_next(n)) {
        const struct place *p = DW_ITEM(n, const struct place, node);
        if (p->intake >= intake || !dw_chain_is(&p->head, h) || p->head.number + 1 != h->number || memcmp(p->head.hash, h->previous, sizeof p->head.hash) != 0)
            continue;
        *ret_key = dw_keyring_find(e->keys, h->agent);
        return true;
    }
    return false;
}

bool dw__elsewhere_parent(const struct dw_elsewhere *e, const uint8_t agent[DW_AGENT_ID_BYTES], const struct dw_parent *p, uint64_t intake)
{
    struct dw_node *n = e ? dw_table_find(&e->by_epoch, dw_epoch_hash(agent, p->epoch)) : NULL;
    for (; n; n = dw_table_next(n)) {
        const struct place *at = DW_ITEM(n, const struct place, node);
        if (at->intake < intake && at->head.epoch.counter == p->epoch && memcmp(at->head.agent, agent, DW_AGENT_ID_BYTES) == 0
            && dw_parent_judge(&at->head, p) == DW_PARENT_HERE)
            return true;
    }
    return false;
}
