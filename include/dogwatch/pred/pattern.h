/*
 * Patterns with wildcards, as Sigma and queries write them.
 *
 * A pattern is compiled from *code*: bytes in which 0xff leads a token, so that pieces can be joined and
 * transformed before compiling. Thread: any, once compiled.
 */
#ifndef DOGWATCH_PRED_PATTERN_H
#define DOGWATCH_PRED_PATTERN_H

#include "dogwatch/base/arena.h"
#include "dogwatch/base/buf.h"

/* Tokens after the lead byte 0xff in code. */
enum {
    DW_PAT_LEAD = 0xff,
    DW_PAT_STAR = 1,    /* any run of bytes */
    DW_PAT_ONE = 2,     /* one character */
    DW_PAT_DASH = 3,    /* - / U+2013 U+2014 U+2015: what windash stands for */
    DW_PAT_SELF = 0xff, /* the byte 0xff itself */
};

enum dw_pattern_shape { DW_PAT_EQ, DW_PAT_PREFIX, DW_PAT_SUFFIX, DW_PAT_CONTAINS, DW_PAT_ANY, DW_PAT_GLOB };

struct dw_pattern {
    enum dw_pattern_shape shape;
    struct dw_str text;    /* EQ, PREFIX, SUFFIX, CONTAINS: the plain bytes, folded unless cased */
    struct dw_str code;    /* what it was compiled from, folded unless cased */
    struct dw_str literal; /* longest plain piece: it occurs in every text that matches; folded always */
    bool cased;
};

/* Appends to `code`: plain bytes as they are; one token. */
void dw_pat_add_plain(struct dw_buf *code, struct dw_str bytes);
void dw_pat_add_token(struct dw_buf *code, uint8_t token);
/* Appends Sigma text: `*` and `?` are wildcards; `\*`, `\?`, `\\` stand for themselves; any other backslash too. */
void dw_pat_add_sigma(struct dw_buf *code, struct dw_str text);
/* Whether code holds a wildcard token; the plain bytes of code without one are appended to `out` (may be NULL). */
bool dw_pat_is_plain(struct dw_str code, struct dw_buf *out);

/* Compiles; all memory from the arena. DW_ENOMEM. */
DW_MUST_USE int dw_pattern_compile(struct dw_arena *a, struct dw_str code, bool cased, struct dw_pattern *ret);
/* Matches the whole text; `text` is folded unless p->cased. */
bool dw_pattern_match(const struct dw_pattern *p, struct dw_str text);

#endif
