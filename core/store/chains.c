/*
 * chains: where each agent's chain of frames has got to, and whose keys are known.
 *
 * Invariants:
 *   (1) A chain's newest number only rises.
 *   (2) A key is taken only when its hash is the agent's id, so an agent's id vouches for its key.
 */
#include "dogwatch/store/archive.h"

#include "dogwatch/base/error.h"
#include "dogwatch/base/mem.h"

struct dw_chains {
    struct dw_chain_head *head;
    uint32_t count, cap;
};

struct dw_chains *dw_chains_new(void)
{
    return dw_calloc(1, sizeof(struct dw_chains));
}

void dw_chains_free(struct dw_chains *c)
{
    if (!c)
        return;
    dw_free(c->head);
    dw_free(c);
}

/* Newest epochs are asked for most, so the search runs from the end. */
static struct dw_chain_head *find(const struct dw_chains *c, const struct dw_head *h)
{
    for (uint32_t i = c->count; i-- > 0;) {
        struct dw_chain_head *k = &c->head[i];
        if (k->epoch.counter == h->epoch.counter && memcmp(k->agent, h->agent, sizeof k->agent) == 0
            && memcmp(k->epoch.nonce, h->epoch.nonce, sizeof k->epoch.nonce) == 0)
            return k;
    }
    return NULL;
}

static int add(struct dw_chains *c, const struct dw_head *h, struct dw_chain_head **ret)
{
    if (c->count == c->cap) {
        uint32_t cap = c->cap ? c->cap * 2 : 16;
        struct dw_chain_head *grown = dw_resize(c->head, cap * sizeof *grown);
        if (!grown)
            return DW_ENOMEM;
        c->head = grown;
        c->cap = cap;
    }
    struct dw_chain_head *k = &c->head[c->count++];
    *k = (struct dw_chain_head){.epoch = h->epoch};
    memcpy(k->agent, h->agent, sizeof k->agent);
    *ret = k;
    return DW_OK;
}

static void move_to(struct dw_chain_head *k, const struct dw_head *h)
{
    k->number = h->number;
    memcpy(k->hash, h->hash, sizeof k->hash);
    k->unsigned_count = h->flags & DW_HEAD_SIGNED ? 0 : k->unsigned_count + 1;
}

int dw_chains_take(struct dw_chains *c, const struct dw_head *h, enum dw_link *ret, uint64_t *ret_missing)
{
    struct dw_chain_head *k = find(c, h);
    *ret_missing = 0;
    if (!k) {
        int rc = add(c, h, &k);
        if (rc < 0)
            return rc;
        *ret = h->number == 0 ? DW_LINK_START : DW_LINK_MIDDLE;
    } else if (h->number == k->number) {
        *ret = memcmp(h->hash, k->hash, sizeof k->hash) == 0 ? DW_LINK_COPY : DW_LINK_FORK;
        return DW_OK;
    } else if (h->number < k->number) {
        *ret = DW_LINK_COPY;
        return DW_OK;
    } else if (h->number > k->number + 1) {
        *ret = DW_LINK_HOLE;
        *ret_missing = h->number - k->number - 1;
    } else {
        *ret = memcmp(h->previous, k->hash, sizeof k->hash) == 0 ? DW_LINK_NEXT : DW_LINK_BROKEN;
    }
    move_to(k, h);
    return DW_OK;
}

const struct dw_chain_head *dw_chains_find(const struct dw_chains *c, const struct dw_head *h)
{
    return find(c, h);
}

const struct dw_chain_head *dw_chains_at(const struct dw_chains *c, uint32_t i)
{
    DW_ASSERT(i < c->count);
    return &c->head[i];
}

uint32_t dw_chains_count(const struct dw_chains *c)
{
    return c->count;
}

struct known_key {
    uint8_t agent[DW_AGENT_ID_BYTES], key[DW_PUBLIC_KEY_BYTES];
};

struct dw_keyring {
    struct known_key *item;
    uint32_t count, cap;
};

struct dw_keyring *dw_keyring_new(void)
{
    return dw_calloc(1, sizeof(struct dw_keyring));
}

void dw_keyring_free(struct dw_keyring *k)
{
    if (!k)
        return;
    dw_free(k->item);
    dw_free(k);
}

static const struct known_key *key_of(const struct dw_keyring *k, const uint8_t *agent)
{
    for (uint32_t i = 0; i < k->count; i++)
        if (memcmp(k->item[i].agent, agent, DW_AGENT_ID_BYTES) == 0)
            return &k->item[i];
    return NULL;
}

int dw_keyring_learn(struct dw_keyring *k, const uint8_t agent[DW_AGENT_ID_BYTES], struct dw_str record)
{
    static const char member[] = "\"public_key\":\"";
    struct known_key got;
    size_t at = dw_str_find(record, DW_STR("\"public_key\":\"")) + sizeof member - 1;
    if (at >= record.len || !dw_unhex(dw_str_slice(record, at, at + 2 * sizeof got.key), got.key, sizeof got.key))
        return DW_ENOENT;
    dw_key_agent_id(got.key, got.agent);
    if (memcmp(got.agent, agent, sizeof got.agent) != 0)
        return DW_ESIGNATURE;
    if (key_of(k, agent))
        return DW_OK;
    if (k->count == k->cap) {
        uint32_t cap = k->cap ? k->cap * 2 : 8;
        struct known_key *grown = dw_resize(k->item, cap * sizeof *grown);
        if (!grown)
            return DW_ENOMEM;
        k->item = grown;
        k->cap = cap;
    }
    k->item[k->count++] = got;
    return DW_OK;
}

int dw_keyring_check(const struct dw_keyring *k, const struct dw_head *h)
{
    const struct known_key *known = key_of(k, h->agent);
    return known ? dw_sign_verify(known->key, h->hash, h->signature) : DW_ENOENT;
}
