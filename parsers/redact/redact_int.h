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

void dw__found(struct dw__finder *f, enum dw_redact_rule rule, size_t start, size_t len);
/* All rules in `set` but cards. */
void dw__secrets_scan(struct dw__finder *f, uint32_t set);

#endif
