/*
 * Many literals at once: which of them occur in a text, in one pass over it.
 *
 * Immutable after building; any number of threads may scan. Thread: any.
 */
#ifndef DOGWATCH_PRED_MULTI_H
#define DOGWATCH_PRED_MULTI_H

#include "dogwatch/base/assert.h"
#include "dogwatch/base/str.h"

enum dw_multi_place { DW_MULTI_ANYWHERE, DW_MULTI_START, DW_MULTI_END, DW_MULTI_WHOLE };

struct dw_multi_literal {
    struct dw_str text; /* at least one byte */
    uint32_t id;        /* what a hit is called; need not be unique */
    enum dw_multi_place place;
};

struct dw_multi;

/* Gives a matcher. Borrows the array and copies the texts. DW_ENOMEM; DW_ELIMIT: over 2 GiB of texts. */
DW_MUST_USE int dw_multi_new(const struct dw_multi_literal *literal, uint32_t count, struct dw_multi **ret);
void dw_multi_free(struct dw_multi *m);

/* Calls `hit` for each occurrence at a literal's place, in no order that can be relied on, until it answers false. False: it did. */
bool dw_multi_scan(const struct dw_multi *m, struct dw_str text, bool (*hit)(void *ud, uint32_t id), void *ud);

/* Whether any literal has this place. */
bool dw_multi_has(const struct dw_multi *m, enum dw_multi_place place);

/* Bytes it holds. */
size_t dw_multi_bytes(const struct dw_multi *m);

#endif
