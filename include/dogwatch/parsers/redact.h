/*
 * Masks over what must not leave the host.
 *
 * A mask keeps the length, so no offset moves. Thread: any (pure functions).
 */
#ifndef DOGWATCH_PARSERS_REDACT_H
#define DOGWATCH_PARSERS_REDACT_H

#include "dogwatch/base/hash.h"
#include "dogwatch/base/str.h"

enum dw_redact_rule {
#define REDACT(id, name, doc) DW_REDACT_##id,
#include "dogwatch/tbl/redact_rules.h"
#undef REDACT
    DW_REDACT_RULES
};

/* A masked piece of a line. */
struct dw_mask {
    uint32_t start, len; /* bytes of the line */
    uint8_t rule;        /* enum dw_redact_rule; DW_REDACT_RULES and more: the user's own (redact_own.h) */
    bool hashed;         /* a keyed hash stands there */
    bool rest;           /* not what the rule means, but all from the place where its search hit a limit */
};

/* The name users write, static. */
const char *dw_redact_name(enum dw_redact_rule rule);
const char *dw_redact_doc(enum dw_redact_rule rule);
/* The rule of a name; false when there is none. */
bool dw_redact_find(struct dw_str name, enum dw_redact_rule *ret);

/* Finds what the rules in `set` (bits 1 << rule) mask in `line`; each rule.s ascending. Writes up to `max` masks and
 * returns how many there are, which may be more. */
uint32_t dw_redact_scan(uint32_t set, struct dw_str line, struct dw_mask *masks, uint32_t max);
/* A private key that is written over several lines: whether the line after this one may still be of it, `inside` being what was answered for the line
 * before. ret->len is not 0 where all of this one is. */
bool dw_redact_key_line(bool inside, struct dw_str line, struct dw_mask *ret);
/* What is masked when nothing else is said: all but what has to be asked for. */
#define DW_REDACT_USUAL (((1u << DW_REDACT_RULES) - 1u) & ~(1u << DW_REDACT_EMAILS))
/* Overwrites one masked piece of `line` (same length) with '*': cards keep their last four digits and separators. */
void dw_redact_apply(char *line, struct dw_mask mask);

#endif
