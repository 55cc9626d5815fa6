/*
 * redact: finds what must not leave the host and masks it in place, keeping every length.
 *
 * Rules are a table (tbl/redact.h). Cards: 13-19 digits, single spaces or dashes between, an issuer's prefix with
 * that issuer's length, Luhn-valid, not touching a letter, digit, '.', '_' or '-'; the last four stay. Thread: any.
 */
#ifndef DOGWATCH_PARSERS_REDACT_H
#define DOGWATCH_PARSERS_REDACT_H

#include "dogwatch/base/assert.h"
#include "dogwatch/base/str.h"

enum dw_redact_rule {
#define REDACT(id, name, on, doc) DW_REDACT_##id,
#include "dogwatch/tbl/redact.h"
#undef REDACT
    DW_REDACT_RULES
};

enum {
    DW_MASKS_MAX = 64,        /* ranges listed per line; further ones are masked too, but not listed */
    DW_REDACT_LOOKAHEAD = 4096 /* bytes past a cut that are looked at, so no secret is halved unseen */
};

/* Which rules are on: bit 1 << id. Set once, then read-only. */
struct dw_redact {
    uint32_t rules;
};

/* A masked range of the line. */
struct dw_mask {
    const char *rule; /* static name */
    uint32_t start, len;
};

/* The rules that are on by default: cards. */
extern const struct dw_redact dw_redact_default;

/* Cheap test: false when nothing in `text` can match, true when dw_redact_mask should look. */
bool dw_redact_suspects(const struct dw_redact *r, struct dw_str text);

/* Masks in `text` (len bytes, changed in place), lists up to DW_MASKS_MAX ranges in ascending order in `mask`, and
 * answers how many were listed; *ret_unlisted (may be NULL) says how many more were masked. */
uint32_t dw_redact_mask(
    const struct dw_redact *r, char *text, size_t len, struct dw_mask *mask, uint32_t *ret_unlisted);

/* Name to rule, e.g. "cards". DW_EUNKNOWN. */
DW_MUST_USE int dw_redact_find(struct dw_str name, enum dw_redact_rule *ret);
/* Static name of a rule. */
const char *dw_redact_name(enum dw_redact_rule rule);

#endif
