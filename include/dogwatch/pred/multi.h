/*
 * Many literals at once: which of them occur in a text, in one pass over it.
 *
 * Hides the matcher (Aho-Corasick). Immutable after building; any number of threads may scan. Thread: any.
 */
#ifndef DOGWATCH_PRED_MULTI_H
#define DOGWATCH_PRED_MULTI_H

#include "dogwatch/base/assert.h"
#include "dogwatch/base/str.h"

enum { DW_MULTI_LITERAL_MAX = 64 }; /* only the first bytes of a longer literal are searched: hits must be verified */

struct dw_multi;

/* Gives a matcher of `count` literals, each of at least one byte; literal i has id `id[i]`. Borrows both arrays.
 * DW_ENOMEM. */
DW_MUST_USE int dw_multi_new(const struct dw_str *literal, const uint32_t *id, uint32_t count, struct dw_multi **ret);
void dw_multi_free(struct dw_multi *m);

/* Calls `hit` for each occurrence, with the offset after its last byte. */
void dw_multi_scan(
    const struct dw_multi *m, struct dw_str text, void (*hit)(void *ud, uint32_t id, size_t end), void *ud);

/* Bytes it holds. */
size_t dw_multi_bytes(const struct dw_multi *m);

#endif
