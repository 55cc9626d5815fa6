/*
 * Regular expressions within limits: PCRE2 with JIT.
 *
 * A compiled expression is immutable and shared; matching needs a per-thread struct dw_regex_scratch.
 */
#ifndef DOGWATCH_PRED_REGEX_H
#define DOGWATCH_PRED_REGEX_H

#include "dogwatch/base/assert.h"
#include "dogwatch/base/str.h"

/* false, true, or not known because a limit was hit. Kleene's logic: not undecided is undecided. */
enum dw_verdict { DW_FALSE, DW_TRUE, DW_UNDECIDED };

enum { DW_RE_I = 1, DW_RE_M = 2, DW_RE_S = 4 }; /* flags: caseless, multi-line anchors, dot takes newline */

/* STEPS: of PCRE2, for one text; a bench (bench_redos) holds what they cost. */
enum { DW_REGEX_STEPS = 60000, DW_REGEX_HEAP_KIB = 4096, DW_REGEX_SOURCE_MAX = 16384 };

struct dw_regex;
struct dw_regex_scratch;

/* Gives a compiled expression. DW_ESYNTAX: reason in `why` (cap bytes) and the offset in *ret_offset. DW_ENOMEM.
 * Thread: any. */
DW_MUST_USE int dw_regex_new(
    struct dw_str source, uint32_t flags, char *why, size_t cap, size_t *ret_offset, struct dw_regex **ret);
void dw_regex_free(struct dw_regex *re);

/* A plain ASCII piece, folded, that occurs in the folded text of whatever matches; empty when none was found. Lives
 * as long as `re`. */
struct dw_str dw_regex_literal(const struct dw_regex *re);

/* Gives what one thread needs to match; NULL without memory. */
struct dw_regex_scratch *dw_regex_scratch_new(void);
void dw_regex_scratch_free(struct dw_regex_scratch *s);

/* Whether the expression is found anywhere in `text` (any bytes). Thread: the scratch's. */
enum dw_verdict dw_regex_match(const struct dw_regex *re, struct dw_regex_scratch *s, struct dw_str text);

#endif
