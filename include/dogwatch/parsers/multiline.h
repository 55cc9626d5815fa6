/*
 * multiline: which line goes on with the line before it.
 *
 * A kind is a small state machine over whole lines: it answers, for the next line, whether that joins the open
 * group. It sees text only, no time. Thread: any (state is the caller's).
 */
#ifndef DOGWATCH_PARSERS_MULTILINE_H
#define DOGWATCH_PARSERS_MULTILINE_H

#include "dogwatch/base/assert.h"
#include "dogwatch/base/str.h"

enum dw_multiline_kind {
#define MULTILINE(id, name, doc) DW_ML_##id,
#include "dogwatch/tbl/multiline.h"
#undef MULTILINE
    DW_ML_KINDS
};

struct dw_multiline_conf {
    enum dw_multiline_kind kind;
    /* START only: a PCRE2 pattern that matches the first line of each group; bytes, not UTF-8. Matches are bounded
     * (steps and depth); a line over the bound counts as no start. */
    struct dw_str start;
};

/* Where a group stands; zero it to start one. `at` means nothing outside. */
struct dw_multiline_state {
    uint8_t at;
};

struct dw_multiline;

/* Gives a matcher. DW_ESYNTAX for a bad start pattern, DW_ENOMEM. */
DW_MUST_USE int dw_multiline_new(const struct dw_multiline_conf *conf, struct dw_multiline **ret);
void dw_multiline_free(struct dw_multiline *m);

/* Opens a group with its first line. */
void dw_multiline_open(struct dw_multiline *m, struct dw_multiline_state *st, struct dw_str line);
/* Whether `line` belongs to the open group; if so the state moves on. */
bool dw_multiline_continues(struct dw_multiline *m, struct dw_multiline_state *st, struct dw_str line);

/* Name to kind, e.g. "java". DW_EUNKNOWN. */
DW_MUST_USE int dw_multiline_find(struct dw_str name, enum dw_multiline_kind *ret);
/* Static name of a kind. */
const char *dw_multiline_name(enum dw_multiline_kind kind);

#endif
