/*
 * Things kept by a key of bytes, in the order in which they came.
 */
#ifndef DOGWATCH_COLLECTOR_TRIAGE_KEYED_H
#define DOGWATCH_COLLECTOR_TRIAGE_KEYED_H

#include "dogwatch/base/buf.h"
#include "dogwatch/base/table.h"

/* First member of a thing. */
struct keyed_item {
    struct dw_node node;
    struct keyed_item *next; /* came after it */
    struct dw_str key;       /* in one block with the thing */
};

/* Zeroed memory is an empty one. */
struct keyed {
    struct dw_table table;
    struct keyed_item *first, *last;
    uint32_t count;
};

/* The thing of a key; NULL: there is none. */
void *keyed_find(const struct keyed *k, struct dw_str key);
/* A thing of `size` zeroed bytes for a key that has none; NULL: no memory. */
void *keyed_add(struct keyed *k, struct dw_str key, size_t size);
/* The thing of a key, made when there is none; NULL: no memory. */
void *keyed_get(struct keyed *k, struct dw_str key, size_t size);
/* Frees all; what things hold beyond their block is the caller's. */
void keyed_fini(struct keyed *k);

/* Copies texts into one block, each ended by a zero byte; ret[i] points into it. The caller frees the block. NULL: no memory. */
char *keyed_texts(const struct dw_str *text, uint32_t count, const char **ret);
/* Appends a part of a key: its length and its bytes, so that parts cannot run into each other. */
void keyed_part(struct dw_buf *key, struct dw_str part);

#endif
