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
    size_t done; /* no trigger before it is looked at */
    struct {
        size_t done;     /* no run of digits before it is looked at */
        size_t trailing; /* bytes of a run that the blocks before end with */
    } cards;
};

/* What the bytes of 64 may be, a bit a byte. */
struct dw__block {
    uint64_t trigger; /* a rule, but cards, may apply here */
    uint64_t run;     /* a digit, a blank or a dash */
};

/* The (at most 64) bytes from `block` on (pairs.c); there is one at least. */
void dw__pairs_read(struct dw_str line, size_t block, struct dw__block *ret);
/* The same for the 64 at p behind the byte `before` (0: the line begins), without what only some processors have. */
void dw__pairs_portable(char before, const char *p, struct dw__block *ret);

/* Notes a piece, unless it is masked already. */
void dw__found(struct dw__finder *f, enum dw_redact_rule rule, size_t start, size_t len);
/* At a trigger: tries what may stand there, and answers where to go on. What follows a name (secrets.c): at '=', ':', '%'; in an
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
/* The cards of the block that begins at `block` (cards.c), `run` as in dw__block. Blocks are given in their order. */
void dw__cards_block(struct dw__finder *f, size_t block, uint64_t run);

#endif
