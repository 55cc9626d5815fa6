/*
 * table: chains of nodes in a power of two of slots.
 *
 * Invariants:
 *   (1) A node is in the chain of its hash, and in no other.
 *   (2) There are at most as many nodes as slots, but for a time without memory.
 */
#include "dogwatch/base/table.h"

#include "dogwatch/base/assert.h"
#include "dogwatch/base/mem.h"

enum { SLOTS_MIN = 64, SLOTS_MAX = 1 << 30 };

static struct dw_node **chain_of(struct dw_table *t, uint64_t hash)
{
    return t->slot ? &t->slot[hash & (t->slot_count - 1)] : &t->few;
}

static void hang(struct dw_table *t, struct dw_node *n)
{
    struct dw_node **chain = chain_of(t, n->hash);
    n->next = *chain;
    *chain = n;
}

/* Hangs a chain over, last node first, so that those of one hash keep their order. */
static void move(struct dw_table *to, struct dw_node *n)
{
    struct dw_node *back = NULL;
    while (n) {
        struct dw_node *next = n->next;
        n->next = back;
        back = n;
        n = next;
    }
    while (back) {
        struct dw_node *next = back->next;
        hang(to, back);
        back = next;
    }
}

static void grow(struct dw_table *t)
{
    struct dw_table to = {.slot_count = t->slot_count ? t->slot_count * 2 : SLOTS_MIN, .count = t->count};
    if (t->slot_count >= SLOTS_MAX)
        return;
    to.slot = dw_calloc(to.slot_count, sizeof(struct dw_node *));
    if (!to.slot)
        return; /* the next to enter tries again */
    move(&to, t->few);
    for (uint32_t i = 0; i < t->slot_count; i++)
        move(&to, t->slot[i]);
    dw_free(t->slot);
    *t = to;
}

void dw_table_fini(struct dw_table *t)
{
    dw_free(t->slot);
    *t = (struct dw_table){0};
}

void dw_table_add(struct dw_table *t, struct dw_node *n, uint64_t hash)
{
    if (t->count >= t->slot_count)
        grow(t);
    n->hash = hash;
    hang(t, n);
    t->count++;
}

void dw_table_remove(struct dw_table *t, struct dw_node *n)
{
    struct dw_node **at = chain_of(t, n->hash);
    while (*at && *at != n)
        at = &(*at)->next;
    DW_ASSERT(*at);
    *at = n->next;
    n->next = NULL;
    t->count--;
}

static struct dw_node *first_of(struct dw_node *n, uint64_t hash)
{
    while (n && n->hash != hash)
        n = n->next;
    return n;
}

struct dw_node *dw_table_find(const struct dw_table *t, uint64_t hash)
{
    return first_of(t->slot ? t->slot[hash & (t->slot_count - 1)] : t->few, hash);
}

struct dw_node *dw_table_next(const struct dw_node *n)
{
    return first_of(n->next, n->hash);
}

void dw_table_ask_slot(const struct dw_table *t, uint64_t hash)
{
    if (t->slot)
        __builtin_prefetch(&t->slot[hash & (t->slot_count - 1)]);
}

void dw_table_ask_node(const struct dw_table *t, uint64_t hash)
{
    if (t->slot)
        __builtin_prefetch(t->slot[hash & (t->slot_count - 1)]);
}
