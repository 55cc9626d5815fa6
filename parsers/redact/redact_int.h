/*
 * What the rules of redact share.
 */
#ifndef DOGWATCH_PARSERS_REDACT_INT_H
#define DOGWATCH_PARSERS_REDACT_INT_H

#include "dogwatch/parsers/redact.h"

/* What was found in a line: `count` may exceed `max`, then only the first are listed. */
struct dw__finder {
    struct dw_str line;
    struct dw_mask *masks;
    uint32_t max, count;
};

/* Where the next byte is that is one of `any` (at most DW__ANY_MAX); line.len when there is none. */
enum { DW__ANY_MAX = 5 };
size_t dw__next_of(struct dw_str line, size_t from, struct dw_str any);
/* Notes a piece, unless it is masked already. */
void dw__found(struct dw__finder *f, enum dw_redact_rule rule, size_t start, size_t len);
/* What stands after a name, or between marks (secrets.c); what has a beginning of its own (tokens.c). */
void dw__secrets_scan(struct dw__finder *f, uint32_t set);
void dw__tokens_scan(struct dw__finder *f, uint32_t set);

#endif
