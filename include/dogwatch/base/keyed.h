/*
 * Things kept by a key of bytes, in the order in which they came. Thread: whoever owns them.
 */
#ifndef DOGWATCH_BASE_KEYED_H
#define DOGWATCH_BASE_KEYED_H

#include "dogwatch/base/buf.h"
#include "dogwatch/base/table.h"

/* First member of a thing. */
struct dw_keyed_item {
    struct dw_node node;
    struct dw_keyed_item *next; /* came after it */
    struct dw_str key;       /* in one block with the thing */
};

/* Zeroed memory is an empty one. */
struct dw_keyed {
    struct dw_table table;
    struct dw_keyed_item *first, *last;
    uint32_t count;
};

/* The thing of a key; NULL: there is none. */
void *dw_keyed_find(const struct dw_keyed *k, struct dw_str key);
/* A thing of `size` zeroed bytes for a key that has none; NULL: no memory. */
void *dw_keyed_add(struct dw_keyed *k, struct dw_str key, size_t size);
/* The thing of a key, made when there is none; NULL: no memory. */
void *dw_keyed_get(struct dw_keyed *k, struct dw_str key, size_t size);
/* Frees the thing that came first; there is one. */
void dw_keyed_drop_first(struct dw_keyed *k);
/* Frees all; what things hold beyond their block is the caller's. */
void dw_keyed_fini(struct dw_keyed *k);

/* Copies texts into one block, each ended by a zero byte; ret[i] points into it. The caller frees the block. NULL: no memory. */
char *dw_keyed_texts(const struct dw_str *text, uint32_t count, const char **ret);
/* Appends a part of a key: its length and its bytes, so that parts cannot run into each other. */
void dw_keyed_part(struct dw_buf *key, struct dw_str part);

#endif
