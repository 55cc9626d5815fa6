/*
 * A hash table of things that carry their own node.
 *
 *     slot[hash & mask] -> node -> node -> NULL        a thing has one node for each table that it is in
 *
 * The caller hashes and compares; the table keeps nodes until they are removed and owns none of them. Entering never fails:
 * without memory for more slots a table gets slower, not wrong. Zeroed memory is a valid empty table. Thread: whoever owns it.
 */
#ifndef DOGWATCH_BASE_TABLE_H
#define DOGWATCH_BASE_TABLE_H

#include <stddef.h>
#include <stdint.h>

struct dw_node {
    struct dw_node *next;
    uint64_t hash;
};

struct dw_table {
    struct dw_node **slot; /* NULL: all nodes hang on `few` */
    struct dw_node *few;
    uint32_t slot_count, count;
};

/* The thing that `node` (not NULL) is member `member` of. */
#define DW_ITEM(node, type, member) ((type *)(void *)((char *)(node) - offsetof(type, member)))

/* Forgets all nodes. */
void dw_table_fini(struct dw_table *t);
/* Enters a node that is in no table; it is the first of its hash from now on. */
void dw_table_add(struct dw_table *t, struct dw_node *n, uint64_t hash);
/* Takes out a node that is in this table. */
void dw_table_remove(struct dw_table *t, struct dw_node *n);
/* The first node of a hash, and the next of the same hash; NULL: none. Different things may have one hash. */
struct dw_node *dw_table_find(const struct dw_table *t, uint64_t hash);
struct dw_node *dw_table_next(const struct dw_node *n);
/* Asks the memory for what dw_table_find of this hash will read, first the slot and later, when that has come, the first node: for who knows
 * some things ahead what it will look for. */
void dw_table_ask_slot(const struct dw_table *t, uint64_t hash);
void dw_table_ask_node(const struct dw_table *t, uint64_t hash);

#endif
