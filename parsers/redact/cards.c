/*
 * cards: payment card numbers.
 *
 * Idea: a card number has at least 13 bytes out of [0-9 -] in a row. The scan tells which bytes of 64 are such; only where 13 stand in a row is
 * anything else done, and almost no line has them.
 *
 * Invariant: a candidate begins and ends at digit groups and touches no letter, digit, '.', '_' or '-': Luhn alone would mask one in ten nanosecond
 * timestamps.
 */
#include "redact_int.h"

#include "dogwatch/base/assert.h"

enum { CARD_MIN = 13, CARD_MAX = 19, GROUPS_MAX = 32 };

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

/* Bit i: bits i to i + 12 are all set. */
static uint64_t thirteen(uint64_t m)
{
    m &= m >> 1;
    m &= m >> 2;
    m &= m >> 4;
    return m & m >> 5;
}

/* The whole run around `at`, a byte of it. Returns where it ends. */
static size_t scan_around(struct dw__finder *f, size_t at)
{
    size_t from = at, to = at + 1;
    while (from > f->cards.done && is_run_byte(f->line.ptr[from - 1]))
        from--;
    while (to < f->line.len && is_run_byte(f->line.ptr[to]))
        to++;
    scan_run(f, from, to);
    return to;
}

void dw__cards_block(struct dw__finder *f, size_t block, uint64_t run)
{
    uint64_t hit = thirteen(run);
    uint32_t leading = run == UINT64_MAX ? 64 : (uint32_t)__builtin_ctzll(~run), trailing = run == UINT64_MAX ? 64 : (uint32_t)__builtin_clzll(~run);
    if (leading && f->cards.trailing + leading >= CARD_MIN) /* it began in the blocks before */
        hit |= 1;
    for (; hit; hit &= hit - 1) {
        size_t at = block + (size_t)__builtin_ctzll(hit);
        if (at >= f->cards.done)
            f->cards.done = scan_around(f, at);
    }
    f->cards.trailing = trailing == 64 ? f->cards.trailing + 64 : trailing;
}
