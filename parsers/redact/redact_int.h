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

/* Notes a piece, unless it is masked already. */
void dw__found(struct dw__finder *f, enum dw_redact_rule rule, size_t start, size_t len);
/* At a trigger (triggers.c): tries what may stand there, and answers where to go on. What follows a name (secrets.c): at '=', ':', '%'; in an
 * address: '@'; "Bearer"; "-----BEGIN". */
size_t dw__at_mark(struct dw__finder *f, uint32_t set, size_t at);
size_t dw__at_percent(struct dw__finder *f, uint32_t set, size_t at);
size_t dw__at_address(struct dw__finder *f, uint32_t set, size_t at);
size_t dw__at_bearer(struct dw__finder *f, size_t at);
size_t dw__at_dashes(struct dw__finder *f, size_t at);
/* A line that is nothing but base64 of a key. */
void dw__key_line(struct dw__finder *f);
/* What has a beginning of its own (tokens.c). */
size_t dw__at_token(struct dw__finder *f, uint32_t set, size_t at);
/* All rules in `set` but cards (triggers.c). */
void dw__triggers_scan(struct dw__finder *f, uint32_t set);

#endif
