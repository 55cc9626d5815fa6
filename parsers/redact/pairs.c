/*
 * pairs: where in a line a secret may be.
 *
 * Idea: each rule has a pair of neighbours that is rare in lines: a '=' or ':' that no digit stands before (times have these), "AK", "Be", a '-' behind a
 * small letter. A pair is a set of bytes and a set of bytes before them, each told by the halves of a byte: four lookups in tables of 16 give all pairs that
 * a byte may end. A processor with AVX2 does that for 32 bytes at a time.
 *
 * Invariant: no place where a rule applies is missed; some more are told (halves tell of a few bytes more than are meant), and the rules look for
 * themselves.
 */
#include "redact_int.h"

#ifdef __x86_64__
#include <immintrin.h>
#endif

enum {
    SMALL_DASH = 1 << 0, /* xoxb- glpat- */
    DASHES = 1 << 1,     /* -----BEGIN; eyJ, ya29. */
    DOT = 1 << 2,        /* hvs. SG. */
    UNDERSCORE = 1 << 3, /* ghp_ */
    MARK = 1 << 4,       /* password= token: */
    AT = 1 << 5,         /* user:x@host */
    PERCENT = 1 << 6,    /* password%3Dx */
    CAPITAL = 1 << 7,    /* AKIA ASIA AIza Bearer */
    ANYWHERE = AT | PERCENT,
    EITHER = ANYWHERE | MARK,
    ALL = 255
};

/* By halves of the byte that ends a pair ... */
static const uint8_t high[16] = {[2] = SMALL_DASH | DASHES | DOT | PERCENT, [3] = MARK, [4] = DASHES | AT | CAPITAL, [5] = UNDERSCORE | CAPITAL,
    [6] = DASHES | CAPITAL};
static const uint8_t low[16] = {[0] = AT, [1] = DASHES, [3] = CAPITAL, [5] = PERCENT | CAPITAL, [9] = CAPITAL, [10] = MARK | DASHES, [11] = CAPITAL,
    [13] = MARK | SMALL_DASH | DASHES, [14] = DOT, [15] = UNDERSCORE};
/* ... and of the one before it. */
static const uint8_t before_high[16] = {EITHER, EITHER, EITHER | DASHES, ANYWHERE, EITHER | CAPITAL | DOT, EITHER, EITHER | SMALL_DASH | UNDERSCORE,
    ALL & ~CAPITAL, EITHER, EITHER, EITHER, EITHER, EITHER, EITHER, EITHER, EITHER};
static const uint8_t before_low[16] = {EITHER | SMALL_DASH | UNDERSCORE, ALL & ~(DASHES | DOT), ALL & ~(DASHES | DOT), ALL & ~(DASHES | CAPITAL),
    EITHER | SMALL_DASH | UNDERSCORE, EITHER | SMALL_DASH | UNDERSCORE, EITHER | SMALL_DASH | UNDERSCORE, ALL & ~(DASHES | CAPITAL),
    EITHER | SMALL_DASH | UNDERSCORE, ALL & ~(DOT | CAPITAL), EITHER | SMALL_DASH | UNDERSCORE, EITHER | SMALL_DASH | UNDERSCORE,
    EITHER | SMALL_DASH | UNDERSCORE, ALL & ~(DOT | CAPITAL), EITHER | SMALL_DASH | UNDERSCORE, EITHER | SMALL_DASH | UNDERSCORE};

void dw__pairs_portable(char before, const char *p, struct dw__block *ret)
{
    *ret = (struct dw__block){0};
    for (unsigned i = 0; i < 64; i++) {
        uint8_t c = (uint8_t)p[i], b = i ? (uint8_t)p[i - 1] : (uint8_t)before;
        bool pair = high[c >> 4] & low[c & 15] & before_high[b >> 4] & before_low[b & 15];
        bool run = (c >= '0' && c <= '9') || c == ' ' || c == '-';
        ret->trigger |= (uint64_t)pair << i;
        ret->run |= (uint64_t)run << i;
    }
}

/* Where the block `i` after `from` is read: the last one of a line are its last 64 bytes. */
static inline size_t block_at(struct dw_str line, size_t from, size_t i)
{
    size_t at = from + 64 * i;
    return at + 64 > line.len ? line.len - 64 : at;
}

#ifdef __x86_64__
#define AVX2 __attribute__((target("avx2"))) static inline

AVX2 __m256i by_halves(__m256i bytes, const uint8_t by_high[16], const uint8_t by_low[16])
{
    const __m256i half = _mm256_set1_epi8(15);
    __m256i h = _mm256_broadcastsi128_si256(_mm_loadu_si128((const __m128i *)(const void *)by_high));
    __m256i l = _mm256_broadcastsi128_si256(_mm_loadu_si128((const __m128i *)(const void *)by_low));
    return _mm256_and_si256(_mm256_shuffle_epi8(h, _mm256_and_si256(_mm256_srli_epi16(bytes, 4), half)),
        _mm256_shuffle_epi8(l, _mm256_and_si256(bytes, half)));
}

/* `prior`: its last byte stands before the first of `bytes`. */
AVX2 uint32_t triggers32(__m256i prior, __m256i bytes)
{
    __m256i before = _mm256_alignr_epi8(bytes, _mm256_permute2x128_si256(prior, bytes, 0x21), 15);
    __m256i pair = _mm256_and_si256(by_halves(bytes, high, low), by_halves(before, before_high, before_low));
    return ~(uint32_t)_mm256_movemask_epi8(_mm256_cmpeq_epi8(pair, _mm256_setzero_si256()));
}

AVX2 uint32_t run32(__m256i bytes)
{
    __m256i digit = _mm256_sub_epi8(bytes, _mm256_set1_epi8('0'));
    digit = _mm256_cmpeq_epi8(_mm256_min_epu8(digit, _mm256_set1_epi8(9)), digit);
    __m256i other = _mm256_or_si256(_mm256_cmpeq_epi8(bytes, _mm256_set1_epi8(' ')), _mm256_cmpeq_epi8(bytes, _mm256_set1_epi8('-')));
    return (uint32_t)_mm256_movemask_epi8(_mm256_or_si256(digit, other));
}

AVX2 void pairs_avx2(struct dw_str line, size_t from, size_t count, struct dw__block *ret)
{
    for (size_t i = 0; i < count; i++) {
        size_t at = block_at(line, from, i);
        const char *p = line.ptr + at;
        __m256i first = _mm256_loadu_si256((const __m256i *)(const void *)p), second = _mm256_loadu_si256((const __m256i *)(const void *)(p + 32));
        ret[i].trigger = triggers32(_mm256_set1_epi8(at ? p[-1] : 0), first) | (uint64_t)triggers32(first, second) << 32;
        ret[i].run = run32(first) | (uint64_t)run32(second) << 32;
    }
}
#endif

/* Blocks of a line of 64 bytes at least. */
static void pairs(struct dw_str line, size_t from, size_t count, struct dw__block *ret)
{
#ifdef __x86_64__
    if (__builtin_cpu_supports("avx2")) {
        pairs_avx2(line, from, count, ret);
        return;
    }
#endif
    for (size_t i = 0; i < count; i++) {
        size_t at = block_at(line, from, i);
        dw__pairs_portable(at ? line.ptr[at - 1] : 0, line.ptr + at, &ret[i]);
    }
}

size_t dw__pairs_read(struct dw_str line, size_t from, struct dw__block ret[DW__BLOCKS])
{
    size_t rest = line.len - from, count = rest > 64 * (DW__BLOCKS - 1) ? DW__BLOCKS : (rest + 63) / 64;
    if (line.len < 64) {
        char edge[64] = {0};
        memcpy(edge, line.ptr, rest);
        pairs(dw_str_make(edge, sizeof edge), 0, 1, ret);
        return 1;
    }
    pairs(line, from, count, ret);
    if (rest < 64 * count) { /* without what the block before had */
        ret[count - 1].trigger >>= 64 * count - rest;
        ret[count - 1].run >>= 64 * count - rest;
    }
    return count;
}
