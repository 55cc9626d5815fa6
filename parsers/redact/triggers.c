/*
 * triggers: where in a line a secret may be.
 *
 * Idea: each rule has a byte, with one beside it, that is rare in lines: a '=' or ':' that no digit stands before (times have these), a '-' behind a letter
 * or another '-', a '.' behind what ends a prefix. Which bytes are such is told for 16 at a time, and only there anything else is done.
 *
 * Invariant: what begins before a place that was masked to its end is not looked at again, so masks of these rules do not overlap but by
 * what stands around them.
 */
#include "redact_int.h"

#ifdef __SSE2__
#include <emmintrin.h>
#endif

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
    case 'B':
        return set & 1u << DW_REDACT_BEARER ? dw__at_bearer(f, at) : at + 1;
    default:
        break;
    }
    if (set & 1u << DW_REDACT_PRIVATE_KEYS && f->line.ptr[at] == '-' && f->line.ptr[at - 1] == '-')
        return dw__at_dashes(f, at);
    return tokens ? dw__at_token(f, tokens, at) : at + 1;
}

/* One bit a byte of the 16 at p: it is c. */
static unsigned eq(const char *p, char c)
{
#ifdef __SSE2__
    return (unsigned)_mm_movemask_epi8(_mm_cmpeq_epi8(_mm_loadu_si128((const __m128i *)(const void *)p), _mm_set1_epi8(c)));
#else
    unsigned hit = 0;
    for (unsigned i = 0; i < 16; i++)
        hit |= (unsigned)(p[i] == c) << i;
    return hit;
#endif
}

/* ... its value less `from` is at most `span`. */
static unsigned between(const char *p, char from, char span)
{
#ifdef __SSE2__
    __m128i d = _mm_sub_epi8(_mm_loadu_si128((const __m128i *)(const void *)p), _mm_set1_epi8(from));
    return (unsigned)_mm_movemask_epi8(_mm_cmpeq_epi8(_mm_min_epu8(d, _mm_set1_epi8(span)), d));
#else
    unsigned hit = 0;
    for (unsigned i = 0; i < 16; i++)
        hit |= (unsigned)((uint8_t)(p[i] - from) <= (uint8_t)span) << i;
    return hit;
#endif
}

/* ... it is a trigger. There is a byte before and one behind them. */
static unsigned triggers16(const char *p)
{
    const char *before = p - 1, *after = p + 1;
    unsigned hit = (eq(p, '=') | eq(p, ':')) & ~between(before, '0', 9);
    hit |= eq(p, '_') | eq(p, '@') | (eq(p, '%') & eq(after, '3'));
    unsigned dash = eq(p, '-'), dot = eq(p, '.'), a = eq(p, 'A'), b = eq(p, 'B'), j = eq(p, 'J');
    if (dash)
        hit |= dash & (between(before, 'a', 25) | eq(before, '-'));
    if (dot)
        hit |= dot & (eq(before, 'G') | eq(before, 's') | eq(before, '9'));
    if (a | b | j)
        hit |= (a & (eq(after, 'K') | eq(after, 'S') | eq(after, 'I'))) | (b & eq(after, 'e')) | (j & eq(before, 'y'));
    return hit;
}

/* One bit a byte of the (at most 16) from `at` on: it is a trigger. */
static unsigned triggers_at(struct dw_str line, size_t at)
{
    if (at > 0 && at + 17 <= line.len)
        return triggers16(line.ptr + at);
    char edge[18] = {at ? line.ptr[at - 1] : 0}; /* where the line begins or ends zeros stand around it */
    memcpy(edge + 1, line.ptr + at, line.len - at < 17 ? line.len - at : 17);
    return triggers16(edge + 1);
}

void dw__triggers_scan(struct dw__finder *f, uint32_t set)
{
    size_t done = 0;
    for (size_t block = 0; block < f->line.len; block += 16) {
        for (unsigned hit = triggers_at(f->line, block); hit; hit &= hit - 1) {
            size_t at = block + (unsigned)__builtin_ctz(hit);
            if (at >= done)
                done = at_trigger(f, set, at);
        }
    }
    if (set & 1u << DW_REDACT_PRIVATE_KEYS)
        dw__key_line(f);
}
