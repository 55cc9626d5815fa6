/*
 * redact: finding what must not leave the host, and masking it in place.
 *
 * Idea: each rule has a byte, with one beside it, that is rare in lines (pairs.c tells them, 64 bytes a step); only there anything else is done.
 *
 * Invariants:
 *   (1) A mask never changes the length of a line.
 *   (2) What begins before a place that was masked to its end is not looked at again, so masks do not overlap but by what stands around them, and
 *       where a card number is (in) a secret.
 */
#include "dogwatch/parsers/redact.h"

#include "redact_int.h"

#include "dogwatch/base/assert.h"

static const struct {
    const char *name, *doc;
} rows[] = {
#define REDACT(id, name, doc) {name, doc},
#include "dogwatch/tbl/redact_rules.h"
#undef REDACT
};

const char *dw_redact_name(enum dw_redact_rule rule)
{
    DW_ASSERT(rule < DW_REDACT_RULES);
    return rows[rule].name;
}

const char *dw_redact_doc(enum dw_redact_rule rule)
{
    DW_ASSERT(rule < DW_REDACT_RULES);
    return rows[rule].doc;
}

bool dw_redact_find(struct dw_str name, enum dw_redact_rule *ret)
{
    for (unsigned i = 0; i < DW_REDACT_RULES; i++) {
        if (dw_str_eq(name, dw_str_of(rows[i].name))) {
            *ret = (enum dw_redact_rule)i;
            return true;
        }
    }
    return false;
}

void dw__found(struct dw__finder *f, enum dw_redact_rule rule, size_t start, size_t len)
{
    size_t stars = 0;
    while (stars < len && f->line.ptr[start + stars] == '*')
        stars++;
    if (stars == len)
        return;
    if (f->count < f->max)
        f->masks[f->count] = (struct dw_mask){.start = (uint32_t)start, .len = (uint32_t)len, .rule = (uint8_t)rule};
    f->count++;
}

static size_t at_trigger(struct dw__finder *f, uint32_t set, size_t at)
{
    const uint32_t tokens = set & (1u << DW_REDACT_TOKENS | 1u << DW_REDACT_AWS_KEYS);
    switch (f->line.ptr[at]) {
    case '=':
    case ':':
        return dw__at_mark(f, set, at);
    case '%':
        return dw__at_percent(f, set, at);
    case '@':
        return dw__at_address(f, set, at);
    default:
        break;
    }
    char before = at ? f->line.ptr[at - 1] : 0;
    if (before == 'w') /* "www.": no token has it, and many lines do */
        return at + 1;
    if (before == 'B')
        return set & 1u << DW_REDACT_BEARER ? dw__at_bearer(f, at - 1) : at + 1;
    if (set & 1u << DW_REDACT_PRIVATE_KEYS && f->line.ptr[at] == '-' && before == '-')
        return dw__at_dashes(f, at);
    return tokens ? dw__at_token(f, tokens, at) : at + 1;
}

/* What may be at the triggers of one block. */
static void at_triggers(struct dw__finder *f, uint32_t set, size_t block, uint64_t hit)
{
    for (; hit; hit &= hit - 1) {
        size_t at = block + (size_t)__builtin_ctzll(hit);
        if (at >= f->done)
            f->done = at_trigger(f, set, at);
    }
}

uint32_t dw_redact_scan(uint32_t set, struct dw_str line, struct dw_mask *masks, uint32_t max)
{
    const bool cards = set & 1u << DW_REDACT_CARDS, others = set & ~(1u << DW_REDACT_CARDS);
    struct dw__finder f = {.line = line, .masks = masks, .max = max};
    struct dw__block b[DW__BLOCKS];
    for (size_t block = 0; block < line.len;) {
        size_t count = dw__pairs_read(line, block, b);
        for (size_t i = 0; i < count; i++, block += 64) {
            if (cards)
                dw__cards_block(&f, block, b[i].run);
            if (others)
                at_triggers(&f, set, block, b[i].trigger);
        }
    }
    if (set & 1u << DW_REDACT_PRIVATE_KEYS)
        dw__key_line(&f);
    return f.count;
}

void dw_redact_apply(char *line, struct dw_mask mask)
{
    uint32_t kept = 0;
    for (uint32_t i = mask.len; i-- > 0;) {
        char *c = &line[mask.start + i];
        if (mask.rule == DW_REDACT_CARDS && !mask.rest && (!(*c >= '0' && *c <= '9') || kept++ < 4))
            continue;
        *c = '*';
    }
}
