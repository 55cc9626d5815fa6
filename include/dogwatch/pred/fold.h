/*
 * Case folding: simple Unicode folding, the same for rules, queries and their index.
 *
 * Bytes that are not UTF-8 stay as they are. Thread: any (pure).
 */
#ifndef DOGWATCH_PRED_FOLD_H
#define DOGWATCH_PRED_FOLD_H

#include "dogwatch/base/arena.h"
#include "dogwatch/base/buf.h"

/* The code point that `cp` folds to; itself where it has no case. */
uint32_t dw_fold_cp(uint32_t cp);
/* Appends the folded bytes of `s`. */
void dw_fold_add(struct dw_buf *out, struct dw_str s);
/* The folded text, in the arena. A NULL pointer: no memory. */
struct dw_str dw_fold(struct dw_arena *a, struct dw_str s);

/* Decodes one UTF-8 character at s[0]; *ret_cp is UINT32_MAX for a byte that starts none. Answers its length,
 * at least 1. s.len > 0. */
size_t dw_utf8_take(struct dw_str s, uint32_t *ret_cp);
/* Writes the UTF-8 of `cp` to out; answers the length (1..4). */
size_t dw_utf8_put(uint32_t cp, char out[4]);

#endif
