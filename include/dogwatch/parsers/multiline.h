/*
 * Which line goes on with the line before it.
 *
 * A small state machine over whole lines: it sees text only, never a clock. Thread: any; the state is the caller's.
 */
#ifndef DOGWATCH_PARSERS_MULTILINE_H
#define DOGWATCH_PARSERS_MULTILINE_H

#include "dogwatch/base/assert.h"
#include "dogwatch/base/str.h"

enum dw_multiline {
#define MULTILINE(id, name, doc) DW_MULTILINE_##id,
#include "dogwatch/tbl/multiline_kinds.h"
#undef MULTILINE
    DW_MULTILINE_KINDS
};

struct dw_line_start; /* a compiled start pattern */

/* Where an open group stands. Zeroed: nothing is open. */
struct dw_multiline_state {
    uint8_t at;
    uint8_t count; /* lines in a mode that must not last */
};

/* Opens a group with its first line. */
void dw_multiline_open(enum dw_multiline kind, struct dw_multiline_state *st, struct dw_str line);
/* Whether `line` belongs to the group that is open; if so the state moves on. `start` is for kind START (else NULL). */
bool dw_multiline_continues(
    enum dw_multiline kind, const struct dw_line_start *start, struct dw_multiline_state *st, struct dw_str line);

/* Compiles a PCRE2 pattern over bytes that matches the first line of an event. Matching is bounded in steps; a line over
 * the bound counts as no start. DW_ESYNTAX, DW_ENOMEM; on DW_ESYNTAX *ret_offset (may be NULL) says where. */
DW_MUST_USE int dw_line_start_new(struct dw_str pattern, struct dw_line_start **ret, size_t *ret_offset);
void dw_line_start_free(struct dw_line_start *s);

/* Name to kind ("java"); false when there is none. */
bool dw_multiline_find(struct dw_str name, enum dw_multiline *ret);
/* Static name and doc of a kind. */
const char *dw_multiline_name(enum dw_multiline kind);
const char *dw_multiline_doc(enum dw_multiline kind);

#endif
