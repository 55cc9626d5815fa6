/*
 * SHA-256 for identity and proof (FIPS 180-4), and RFC 6962 tree heads over it; libcrypto does the work.
 *
 * libcrypto failing here means that the process cannot go on: it is asserted. Thread: any, one object a thread.
 */
#ifndef DOGWATCH_FRAME_DIGEST_H
#define DOGWATCH_FRAME_DIGEST_H

#include "dogwatch/base/str.h"

enum { DW_SHA256_BYTES = 32 };

struct dw_sha256; /* an incremental computation */

/* Gives a computation; asserts memory. */
struct dw_sha256 *dw_sha256_new(void);
void dw_sha256_free(struct dw_sha256 *h);
/* Starts anew. */
void dw_sha256_start(struct dw_sha256 *h);
void dw_sha256_add(struct dw_sha256 *h, const void *bytes, size_t len);
/* A string with its length before it (8 bytes, little endian), so that neighbours cannot be shifted. */
void dw_sha256_add_str(struct dw_sha256 *h, struct dw_str s);
void dw_sha256_end(struct dw_sha256 *h, uint8_t ret[DW_SHA256_BYTES]);
/* One view at once. */
void dw_sha256_of(struct dw_str bytes, uint8_t ret[DW_SHA256_BYTES]);

/* An RFC 6962 §2.1 Merkle tree head built leaf by leaf, in order, in constant memory. */
struct dw_tree {
    uint8_t node[64][DW_SHA256_BYTES]; /* one full subtree a set bit of count */
    uint64_t count;
};
void dw_tree_init(struct dw_tree *t);
/* Adds one leaf: SHA-256(0x00, bytes). */
void dw_tree_add(struct dw_tree *t, struct dw_sha256 *h, struct dw_str leaf);
/* The head; of no leaves, SHA-256 of nothing. */
void dw_tree_head(const struct dw_tree *t, struct dw_sha256 *h, uint8_t ret[DW_SHA256_BYTES]);

#endif
