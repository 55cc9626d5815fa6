/*
 * chains: where each agent's chain of frames has got to, and whose keys are known.
 *
 * Idea: a chain is known by (agent, epoch, nonce); the table is by (agent, epoch) alone, so that an opening record, which names
 * its parent without nonce, finds it as fast.
 *
 * Invariants:
 *   (1) A chain's newest number only rises.
 *   (2) A key is taken only when its hash is the agent's id, so an agent's id vouches for its key.
 */
#include "dogwatch/store/archive.h"

#include "dogwatch/base/counter.h"
#include "dogwatch/base/error.h"
#include "dogwatch/base/hash.h"
#include "dogwatch/base/mem.h"
#include "dogwatch/base/table.h"
#include "dogwatch/event/json_read.h"

/* ---- one chain ---- */

bool dw_is_collector(const uint8_t agent[DW_AGENT_ID_BYTES])
{
    static const uint8_t zeros[DW_AGENT_ID_BYTES];
    return memcmp(agent, zeros, sizeof zeros) == 0;
}

uint64_t dw_epoch_hash(const uint8_t agent[DW_AGENT_ID_BYTES], uint64_t counter)
{
    char bytes[DW_AGENT_ID_BYTES + sizeof counter];
    memcpy(bytes, agent, DW_AGENT_ID_BYTES);
    memcpy(bytes + DW_AGENT_ID_BYTES, &counter, sizeof counter);
    return dw_hash(dw_hash_process_key(), dw_str_make(bytes, sizeof bytes));
}

bool dw_chain_is(const struct dw_chain_head *k, const struct dw_head *h)
{
    return k->epoch.counter == h->epoch.counter && memcmp(k->agent, h->agent, sizeof k->agent) == 0
        && memcmp(k->epoch.nonce, h->epoch.nonce, sizeof k->epoch.nonce) == 0;
}

static void move_to(struct dw_chain_head *k, const struct dw_head *h)
{
    k->number = h->number;
    memcpy(k->hash, h->hash, sizeof k->hash);
    k->unsigned_count = h->flags & DW_HEAD_SIGNED ? 0 : k->unsigned_count + 1;
}

enum dw_link dw_chain_begin(struct dw_chain_head *k, const struct dw_head *h)
{
    *k = (struct dw_chain_head){.epoch = h->epoch};
    memcpy(k->agent, h->agent, sizeof k->agent);
    move_to(k, h);
    return h->number == 0 ? DW_LINK_START : DW_LINK_MIDDLE;
}

enum dw_link dw_chain_follow(struct dw_chain_head *k, const struct dw_head *h, uint64_t *ret_missing)
{
    enum dw_link link;
    *ret_missing = 0;
    if (h->number == k->number)
        return memcmp(h->hash, k->hash, sizeof k->hash) == 0 ? DW_LINK_COPY : DW_LINK_FORK;
    if (h->number < k->number)
        return DW_LINK_COPY;
    if (h->number > k->number + 1) {
        link = DW_LINK_HOLE;
        *ret_missing = h->number - k->number - 1;
    } else {
        link = memcmp(h->previous, k->hash, sizeof k->hash) == 0 ? DW_LINK_NEXT : DW_LINK_BROKEN;
    }
    move_to(k, h);
    return link;
}

void dw_chain_head_put(const struct dw_chain_head *k, struct dw_buf *out)
{
    dw_buf_add(out, k->agent, sizeof k->agent);
    dw_buf_u64(out, k->epoch.counter);
    dw_buf_add(out, k->epoch.nonce, sizeof k->epoch.nonce);
    dw_buf_varint(out, k->number);
    dw_buf_add(out, k->hash, sizeof k->hash);
    dw_buf_varint(out, k->unsigned_count);
}

void dw_chain_head_take(struct dw_cursor *c, struct dw_chain_head *ret)
{
    *ret = (struct dw_chain_head){.number = 0};
    dw_take_into(c, ret->agent, sizeof ret->agent);
    ret->epoch.counter = dw_take_u64(c);
    dw_take_into(c, ret->epoch.nonce, sizeof ret->epoch.nonce);
    ret->number = dw_take_varint(c);
    dw_take_into(c, ret->hash, sizeof ret->hash);
    ret->unsigned_count = dw_take_varint(c);
}

/* ---- parents ---- */

/* The members of an object that names a frame and has begun. `ret_hash` NULL: it has none. DW_ESYNTAX: some are missing. */
static int read_place(struct dw_json *j, uint64_t *ret_epoch, uint64_t *ret_number, uint8_t *ret_hash)
{
    struct dw_json_token key, v;
    bool epoch = false, number = false, hash = !ret_hash;
    int rc;
    while ((rc = dw_json_next(j, &key)) == DW_OK && key.type == DW_JSON_KEY) {
        rc = dw_json_next(j, &v);
        if (rc == DW_OK && (v.type == DW_JSON_OBJECT || v.type == DW_JSON_ARRAY))
            rc = dw_json_skip(j);
        if (rc < 0)
            return rc;
        if (dw_str_eq(key.text, DW_STR("epoch")))
            epoch = dw_str_u64(v.text, ret_epoch);
        else if (dw_str_eq(key.text, DW_STR("number")))
            number = dw_str_u64(v.text, ret_number);
        else if (ret_hash && dw_str_eq(key.text, DW_STR("hash")))
            hash = dw_unhex(v.text, ret_hash, DW_SHA256_BYTES);
    }
    return rc < 0 ? rc : epoch && number && hash ? DW_OK : DW_ESYNTAX;
}

int dw_parent_read(struct dw_str record, struct dw_parent *ret)
{
    struct dw_json j;
    struct dw_json_token key, v;
    *ret = (struct dw_parent){0};
    dw_json_start(&j, record);
    int rc = dw_json_next(&j, &v);
    if (rc < 0 || v.type != DW_JSON_OBJECT)
        return rc < 0 ? rc : DW_ESYNTAX;
    while ((rc = dw_json_next(&j, &key)) == DW_OK && key.type == DW_JSON_KEY) {
        rc = dw_json_next(&j, &v);
        bool object = rc == DW_OK && v.type == DW_JSON_OBJECT;
        if (object && dw_str_eq(key.text, DW_STR("parent"))) {
            rc = read_place(&j, &ret->epoch, &ret->number, ret->hash);
            ret->named = rc == DW_OK;
        } else if (object && dw_str_eq(key.text, DW_STR("spool"))) {
            rc = read_place(&j, &ret->spool_epoch, &ret->spool_number, NULL);
            ret->spooled = rc == DW_OK;
        } else if (object || (rc == DW_OK && v.type == DW_JSON_ARRAY)) {
            rc = dw_json_skip(&j);
        }
        if (rc < 0)
            break;
    }
    if (rc < 0)
        ret->named = ret->spooled = false;
    return rc;
}

enum dw_parent_link dw_parent_judge(const struct dw_chain_head *k, const struct dw_parent *p)
{
    if (!k)
        return DW_PARENT_GONE;
    if (k->number != p->number)
        return k->number < p->number ? DW_PARENT_SHORT : DW_PARENT_HERE;
    return memcmp(k->hash, p->hash, sizeof k->hash) == 0 ? DW_PARENT_HERE : DW_PARENT_OTHER;
}

/* ---- all chains ---- */

struct chain {
    struct dw_node node;
    struct dw_chain_head head;
};

struct dw_chains {
    struct dw_table by_epoch;
    struct chain **item; /* in order of first sight */
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
    for (uint32_t i = 0; i < c->count; i++)
        dw_free(c->item[i]);
    dw_table_fini(&c->by_epoch);
    dw_free(c->item);
    dw_free(c);
}

static struct chain *find(const struct dw_chains *c, const struct dw_head *h)
{
    struct dw_node *n = dw_table_find(&c->by_epoch, dw_epoch_hash(h->agent, h->epoch.counter));
    while (n && !dw_chain_is(&DW_ITEM(n, struct chain, node)->head, h))
        n = dw_table_next(n);
    return n ? DW_ITEM(n, struct chain, node) : NULL;
}

static int add(struct dw_chains *c, struct chain **ret)
{
    if (c->count == c->cap) {
        uint32_t cap = c->cap ? c->cap * 2 : 16;
        struct chain **grown = dw_resize(c->item, cap * sizeof(struct chain *));
        if (!grown)
            return DW_ENOMEM;
        c->item = grown;
        c->cap = cap;
    }
    struct chain *k = dw_calloc(1, sizeof *k);
    if (!k)
        return DW_ENOMEM;
    c->item[c->count++] = *ret = k;
    return DW_OK;
}

int dw_chains_take(struct dw_chains *c, const struct dw_head *h, enum dw_link *ret, uint64_t *ret_missing)
{
    struct chain *k = find(c, h);
    *ret_missing = 0;
    if (k) {
        *ret = dw_chain_follow(&k->head, h, ret_missing);
        return DW_OK;
    }
    int rc = add(c, &k);
    if (rc < 0)
        return rc;
    *ret = dw_chain_begin(&k->head, h);
    dw_table_add(&c->by_epoch, &k->node, dw_epoch_hash(h->agent, h->epoch.counter));
    return DW_OK;
}

int dw_chains_load(struct dw_chains *c, struct dw_cursor *from)
{
    uint64_t count = dw_take_varint(from);
    for (uint64_t i = 0; i < count && !from->bad; i++) {
        struct chain *k;
        int rc = add(c, &k);
        if (rc < 0)
            return rc;
        dw_chain_head_take(from, &k->head);
        dw_table_add(&c->by_epoch, &k->node, dw_epoch_hash(k->head.agent, k->head.epoch.counter));
    }
    return from->bad ? DW_ECORRUPT : DW_OK;
}

const struct dw_chain_head *dw_chains_find(const struct dw_chains *c, const struct dw_head *h)
{
    const struct chain *k = find(c, h);
    return k ? &k->head : NULL;
}

enum dw_parent_link dw_chains_parent(const struct dw_chains *c, const uint8_t agent[DW_AGENT_ID_BYTES],
    const struct dw_parent *p, const struct dw_chain_head **ret_known)
{
    enum dw_parent_link best = DW_PARENT_GONE;
    struct dw_node *n = dw_table_find(&c->by_epoch, dw_epoch_hash(agent, p->epoch));
    *ret_known = NULL;
    for (; n; n = dw_table_next(n)) { /* a cloned agent may have two epochs of one number: one that fits is enough */
        const struct dw_chain_head *k = &DW_ITEM(n, struct chain, node)->head;
        if (k->epoch.counter != p->epoch || memcmp(k->agent, agent, sizeof k->agent) != 0)
            continue;
        enum dw_parent_link link = dw_parent_judge(k, p);
        if (link < best) {
            best = link;
            *ret_known = k;
        }
    }
    return best;
}

const struct dw_chain_head *dw_chains_at(const struct dw_chains *c, uint32_t i)
{
    DW_ASSERT(i < c->count);
    return &c->item[i]->head;
}

uint32_t dw_chains_count(const struct dw_chains *c)
{
    return c->count;
}

/* ---- keys ---- */

struct known_key {
    struct dw_node node;
    uint8_t agent[DW_AGENT_ID_BYTES], key[DW_PUBLIC_KEY_BYTES];
    struct known_key *next;
};

struct dw_keyring {
    struct dw_table by_agent;
    struct known_key *oldest, **newest; /* in the order they were learnt */
    uint32_t max;
};

struct dw_keyring *dw_keyring_new(uint32_t max)
{
    struct dw_keyring *k = dw_calloc(1, sizeof *k);
    DW_ASSERT(max > 0);
    if (!k)
        return NULL;
    k->newest = &k->oldest;
    k->max = max;
    return k;
}

static void forget_oldest(struct dw_keyring *k)
{
    struct known_key *key = k->oldest;
    dw_table_remove(&k->by_agent, &key->node);
    k->oldest = key->next;
    if (!k->oldest)
        k->newest = &k->oldest;
    dw_free(key);
}

void dw_keyring_free(struct dw_keyring *k)
{
    if (!k)
        return;
    while (k->oldest)
        forget_oldest(k);
    dw_table_fini(&k->by_agent);
    dw_free(k);
}

static const struct known_key *key_of(const struct dw_keyring *k, const uint8_t *agent)
{
    struct dw_node *n = dw_table_find(&k->by_agent, dw_epoch_hash(agent, 0));
    while (n && memcmp(DW_ITEM(n, struct known_key, node)->agent, agent, DW_AGENT_ID_BYTES) != 0)
        n = dw_table_next(n);
    return n ? DW_ITEM(n, struct known_key, node) : NULL;
}

/* Makes it the newest; at the bound the oldest is forgotten. */
static void append(struct dw_keyring *k, struct known_key *key)
{
    if (k->by_agent.count == k->max) {
        DW_COUNT(account_keys_forgotten);
        forget_oldest(k);
    }
    key->next = NULL;
    *k->newest = key;
    k->newest = &key->next;
    dw_table_add(&k->by_agent, &key->node, dw_epoch_hash(key->agent, 0));
}

int dw_keyring_add(struct dw_keyring *k, const uint8_t key[DW_PUBLIC_KEY_BYTES])
{
    struct known_key got = {0};
    memcpy(got.key, key, sizeof got.key);
    dw_key_agent_id(got.key, got.agent);
    if (key_of(k, got.agent))
        return DW_OK;
    struct known_key *new = dw_calloc(1, sizeof *new);
    if (!new)
        return DW_ENOMEM;
    *new = got;
    append(k, new);
    return DW_OK;
}

const uint8_t *dw_keyring_find(const struct dw_keyring *k, const uint8_t agent[DW_AGENT_ID_BYTES])
{
    const struct known_key *known = key_of(k, agent);
    return known ? known->key : NULL;
}

const uint8_t *dw_keyring_next(const struct dw_keyring *k, const uint8_t *agent)
{
    const struct known_key *next = agent ? DW_ITEM(agent, const struct known_key, agent)->next : k->oldest;
    return next ? next->agent : NULL;
}

void dw_keyring_move(struct dw_keyring *k, struct dw_keyring *from)
{
    struct known_key **at = &k->oldest, *key;
    k->newest = &k->oldest;
    while ((key = *at)) {
        if (!key_of(from, key->agent)) {
            k->newest = at = &key->next;
            continue;
        }
        *at = key->next;
        dw_table_remove(&k->by_agent, &key->node);
        dw_free(key);
    }
    while ((key = from->oldest)) {
        from->oldest = key->next;
        dw_table_remove(&from->by_agent, &key->node);
        append(k, key);
    }
    from->newest = &from->oldest;
}

void dw_keyring_save(const struct dw_keyring *k, struct dw_buf *out)
{
    dw_buf_varint(out, k->by_agent.count);
    for (const struct known_key *key = k->oldest; key; key = key->next)
        dw_buf_add(out, key->key, sizeof key->key);
}

int dw_keyring_load(struct dw_keyring *k, struct dw_cursor *from)
{
    uint64_t count = dw_take_varint(from);
    int rc = DW_OK;
    for (uint64_t i = 0; i < count && rc == DW_OK && !from->bad; i++) {
        uint8_t key[DW_PUBLIC_KEY_BYTES] = {0};
        dw_take_into(from, key, sizeof key);
        if (!from->bad)
            rc = dw_keyring_add(k, key);
    }
    return rc == DW_OK && from->bad ? DW_ECORRUPT : rc;
}

int dw_keyring_learn(struct dw_keyring *k, const uint8_t agent[DW_AGENT_ID_BYTES], struct dw_str record)
{
    static const char member[] = "\"public_key\":\"";
    uint8_t key[DW_PUBLIC_KEY_BYTES], id[DW_AGENT_ID_BYTES];
    size_t at = dw_str_find(record, DW_STR("\"public_key\":\"")) + sizeof member - 1;
    if (at >= record.len || !dw_unhex(dw_str_slice(record, at, at + 2 * sizeof key), key, sizeof key))
        return DW_ENOENT;
    dw_key_agent_id(key, id);
    return memcmp(id, agent, sizeof id) == 0 ? dw_keyring_add(k, key) : DW_ESIGNATURE;
}

int dw_keyring_check(const struct dw_keyring *k, const struct dw_head *h)
{
    const struct known_key *known = key_of(k, h->agent);
    return known ? dw_sign_verify(known->key, h->hash, h->signature) : DW_ENOENT;
}
