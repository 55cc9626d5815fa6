/*
 * redact: finding what must not leave the host, and masking it in place.
 *
 * Idea: a card number has at least 13 bytes out of [0-9 -] in a row. Such runs are found 64 bytes a step, and only
 * there is anything else done; almost no line has one.
 *
 * Invariants:
 *   (1) A mask never changes the length of a line.
 *   (2) A card candidate begins and ends at digit groups and touches no letter, digit, '.', '_' or '-': Luhn alone would
 *       mask one in ten nanosecond timestamps.
 */
#include "dogwatch/parsers/redact.h"

#include "redact_int.h"

#include "dogwatch/base/assert.h"

#ifdef __SSE2__
#include <emmintrin.h>
#endif

enum { CARD_MIN = 13, CARD_MAX = 19, GROUPS_MAX = 32 };

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

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (unsigned char)c >= 0x80;
}

static bool touches(char c)
{
    return is_digit(c) || is_letter(c) || c == '.' || c == '_' || c == '-';
}

/* Issuers: number ranges by their first six digits, and the lengths they issue (ISO/IEC 7812 registry as published
 * by the card schemes). */
static const struct {
    uint32_t from, to; /* first six digits */
    uint8_t len_min, len_max, len_only; /* len_only: the one other length allowed, or 0 */
} issuers[] = {
    {400000, 499999, 16, 16, 13}, {400000, 499999, 19, 19, 0},  /* Visa */
    {510000, 559999, 16, 16, 0}, {222100, 272099, 16, 16, 0},   /* Mastercard */
    {340000, 349999, 15, 15, 0}, {370000, 379999, 15, 15, 0},   /* American Express */
    {601100, 601199, 16, 19, 0}, {644000, 659999, 16, 19, 0},   /* Discover */
    {620000, 629999, 16, 19, 0},                                /* UnionPay */
    {300000, 305999, 14, 19, 0}, {360000, 369999, 14, 19, 0}, {380000, 399999, 14, 19, 0}, /* Diners Club */
    {352800, 358999, 16, 19, 0},                                /* JCB */
    {220000, 220499, 16, 19, 0},                                /* Mir */
    {501800, 501899, 13, 19, 0}, {502000, 502099, 13, 19, 0}, {503800, 503899, 13, 19, 0},
    {589300, 589399, 13, 19, 0}, {630400, 630499, 13, 19, 0}, {675900, 675999, 13, 19, 0},
    {676100, 676399, 13, 19, 0},                                /* Maestro */
};

static bool is_issued(const uint8_t *digit, uint32_t count)
{
    uint32_t first = 0;
    for (int i = 0; i < 6; i++)
        first = first * 10 + digit[i];
    for (size_t i = 0; i < DW_COUNT_OF(issuers); i++)
        if (first >= issuers[i].from && first <= issuers[i].to
            && ((count >= issuers[i].len_min && count <= issuers[i].len_max) || count == issuers[i].len_only))
            return true;
    return false;
}

/* ISO/IEC 7812-1 annex B. */
static bool is_luhn(const uint8_t *digit, uint32_t count)
{
    uint32_t sum = 0;
    for (uint32_t i = 0; i < count; i++) {
        uint32_t d = digit[count - 1 - i];
        if (i % 2)
            d = d * 2 > 9 ? d * 2 - 9 : d * 2;
        sum += d;
    }
    return sum % 10 == 0;
}

struct group {
    size_t start, len;
};

/* Whether the digits of groups [a, b] are a card number that stands alone. */
static bool is_card(struct dw_str line, const struct group *g, uint32_t a, uint32_t b)
{
    uint8_t digit[CARD_MAX];
    uint32_t count = 0;
    size_t start = g[a].start, end = g[b].start + g[b].len;
    if ((start && touches(line.ptr[start - 1])) || (end < line.len && touches(line.ptr[end])))
        return false;
    for (size_t i = start; i < end; i++) {
        if (!is_digit(line.ptr[i]))
            continue;
        if (count == CARD_MAX)
            return false;
        digit[count++] = (uint8_t)(line.ptr[i] - '0');
    }
    return count >= CARD_MIN && is_issued(digit, count) && is_luhn(digit, count);
}

/* One run of digits with single separators: tries its groups, longest candidate first. */
static void scan_groups(struct dw__finder *f, const struct group *g, uint32_t count)
{
    for (uint32_t a = 0; a < count; a++) {
        uint32_t b = a, digits = 0;
        while (b < count && digits + g[b].len <= CARD_MAX)
            digits += (uint32_t)g[b++].len;
        for (; b > a; digits -= (uint32_t)g[--b].len) {
            if (digits < CARD_MIN)
                break;
            if (is_card(f->line, g, a, b - 1)) {
                dw__found(f, DW_REDACT_CARDS, g[a].start, g[b - 1].start + g[b - 1].len - g[a].start);
                a = b - 1;
                break;
            }
        }
    }
}

static bool is_run_byte(char c)
{
    return is_digit(c) || c == ' ' || c == '-';
}

/* Splits [from, to), all run bytes, into groups; a double separator ends a number. */
static void scan_run(struct dw__finder *f, size_t from, size_t to)
{
    struct group g[GROUPS_MAX];
    uint32_t count = 0;
    for (size_t i = from; i < to;) {
        size_t start = i;
        while (i < to && is_digit(f->line.ptr[i]))
            i++;
        if (i > start) {
            if (count == GROUPS_MAX) {
                scan_groups(f, g, count);
                count = 0;
            }
            g[count++] = (struct group){start, i - start};
        }
        size_t gap = i;
        while (i < to && !is_digit(f->line.ptr[i]))
            i++;
        if (i - gap > 1) {
            scan_groups(f, g, count);
            count = 0;
        }
    }
    scan_groups(f, g, count);
}

#ifdef __SSE2__
/* One bit a byte of the 64 at p: it is a run byte. */
static uint64_t run_mask(const char *p)
{
    const __m128i zero = _mm_set1_epi8('0'), nine = _mm_set1_epi8(9), space = _mm_set1_epi8(' '), dash = _mm_set1_epi8('-');
    uint64_t mask = 0;
    for (int i = 0; i < 4; i++) {
        __m128i v = _mm_loadu_si128((const __m128i *)(const void *)(p + 16 * i));
        __m128i d = _mm_sub_epi8(v, zero);
        __m128i hit = _mm_or_si128(_mm_cmpeq_epi8(_mm_min_epu8(d, nine), d),
            _mm_or_si128(_mm_cmpeq_epi8(v, space), _mm_cmpeq_epi8(v, dash)));
        mask |= (uint64_t)(unsigned)_mm_movemask_epi8(hit) << (16 * i);
    }
    return mask;
}

/* Bit i: bits i to i + 12 are all set. */
static uint64_t thirteen(uint64_t m)
{
    m &= m >> 1;
    m &= m >> 2;
    m &= m >> 4;
    return m & m >> 5;
}
#endif

/* A byte, at `from` or later, that lies in a run of at least CARD_MIN run bytes; line.len when there is none. */
static size_t find_run(struct dw_str line, size_t from)
{
    size_t i = from;
#ifdef __SSE2__
    for (; line.len >= 64 && i <= line.len - 64; i += 64 - (CARD_MIN - 1)) {
        uint64_t hit = thirteen(run_mask(line.ptr + i));
        if (hit)
            return i + (size_t)__builtin_ctzll(hit);
    }
    if (line.len >= 64 && from < line.len) { /* the last 64, which the block before may have covered in part */
        size_t last = line.len - 64;
        uint64_t mask = run_mask(line.ptr + last);
        uint64_t hit = thirteen(from > last ? mask & UINT64_MAX << (from - last) : mask);
        return hit ? last + (size_t)__builtin_ctzll(hit) : line.len;
    }
#endif
    for (size_t n = 0; i < line.len; i++) {
        n = is_run_byte(line.ptr[i]) ? n + 1 : 0;
        if (n == CARD_MIN)
            return i;
    }
    return line.len;
}

static void scan_cards(struct dw__finder *f)
{
    const char *s = f->line.ptr;
    size_t done = 0;
    for (size_t i = find_run(f->line, 0); i < f->line.len; i = find_run(f->line, done)) {
        size_t from = i, to = i + 1;
        while (from > done && is_run_byte(s[from - 1]))
            from--;
        while (to < f->line.len && is_run_byte(s[to]))
            to++;
        scan_run(f, from, to);
        done = to;
    }
}

uint32_t dw_redact_scan(uint32_t set, struct dw_str line, struct dw_mask *masks, uint32_t max)
{
    struct dw__finder f = {.line = line, .masks = masks, .max = max};
    if (set & 1u << DW_REDACT_CARDS)
        scan_cards(&f);
    if (set & ~(1u << DW_REDACT_CARDS))
        dw__triggers_scan(&f, set);
    return f.count;
}

void dw_redact_apply(char *line, struct dw_mask mask)
{
    uint32_t kept = 0;
    for (uint32_t i = mask.len; i-- > 0;) {
        char *c = &line[mask.start + i];
        if (mask.rule == DW_REDACT_CARDS && (!is_digit(*c) || kept++ < 4))
            continue;
        *c = '*';
    }
}
