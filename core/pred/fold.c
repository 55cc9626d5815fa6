/*
 * fold: simple case folding over UTF-8.
 *
 * Idea: nearly all log text is ASCII, so runs of it are folded byte by byte; other characters go through a sorted
 * table of ranges. Simple folding maps one character to one character, though its length in bytes may change.
 *
 * Invariants:
 *   (1) Folding twice is folding once.
 *   (2) The folded text is at most twice as long (2-byte U+0130.. have no longer fold; asserted by test over all).
 *   (3) A byte that is not part of well-formed UTF-8 is copied.
 */
#include "dogwatch/pred/fold.h"

static const struct range {
    uint32_t first, last;
    int32_t step, delta;
} ranges[] = {
#define FOLD(first, last, step, delta) {first, last, step, delta},
#include "fold_table.h"
#undef FOLD
};

uint32_t dw_fold_cp(uint32_t cp)
{
    if (cp < 0x80)
        return cp >= 'A' && cp <= 'Z' ? cp + 32 : cp;
    size_t low = 0, high = DW_COUNT_OF(ranges);
    while (low < high) {
        size_t mid = (low + high) / 2;
        if (ranges[mid].last < cp)
            low = mid + 1;
        else
            high = mid;
    }
    if (low == DW_COUNT_OF(ranges) || cp < ranges[low].first || (cp - ranges[low].first) % (uint32_t)ranges[low].step)
        return cp;
    return (uint32_t)((int32_t)cp + ranges[low].delta);
}

/* Eight bytes with capital letters made small; *high gathers whether any byte is none of ASCII. */
static uint64_t lower_eight(uint64_t x, uint64_t *high)
{
    const uint64_t each = UINT64_C(0x0101010101010101), top = each << 7;
    uint64_t low = x & ~top, from_a = low + (0x80 - 'A') * each, past_z = low + (0x80 - 'Z' - 1) * each;
    *high |= x & top;
    return x | ((from_a & ~past_z & ~x & top) >> 2);
}

/* The same for all bytes into `out` (as long as s). False: there is a byte that is none of ASCII. */
static bool lower_all(struct dw_str s, char *out)
{
    uint64_t high = 0, x;
    size_t i = 0;
    for (; i + sizeof x <= s.len; i += sizeof x) {
        memcpy(&x, s.ptr + i, sizeof x);
        x = lower_eight(x, &high);
        memcpy(out + i, &x, sizeof x);
    }
    for (; i < s.len; i++)
        out[i] = (char)lower_eight((uint8_t)s.ptr[i], &high);
    return !high;
}

size_t dw_utf8_take(struct dw_str s, uint32_t *ret_cp)
{
    const uint8_t *p = (const uint8_t *)s.ptr;
    *ret_cp = UINT32_MAX;
    if (p[0] < 0x80) {
        *ret_cp = p[0];
        return 1;
    }
    size_t len = p[0] >= 0xf0 ? 4 : p[0] >= 0xe0 ? 3 : 2;
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    if (p[0] < 0xc2 || p[0] > 0xf4 || len > s.len)
        return 1;
    uint32_t cp = p[0] & (0x7fu >> len);
    for (size_t i = 1; i < len; i++) {
        if ((p[i] & 0xc0) != 0x80)
            return 1;
        cp = cp << 6 | (p[i] & 0x3f);
    }
    if (cp < least[len] || cp > 0x10ffff || (cp >= 0xd800 && cp < 0xe000))
        return 1;
    *ret_cp = cp;
    return len;
}

size_t dw_utf8_put(uint32_t cp, char out[4])
{
    if (cp < 0x80) {
        out[0] = (char)cp;
        return 1;
    }
    if (cp < 0x800) {
        out[0] = (char)(0xc0 | cp >> 6);
        out[1] = (char)(0x80 | (cp & 0x3f));
        return 2;
    }
    if (cp < 0x10000) {
        out[0] = (char)(0xe0 | cp >> 12);
        out[1] = (char)(0x80 | (cp >> 6 & 0x3f));
        out[2] = (char)(0x80 | (cp & 0x3f));
        return 3;
    }
    out[0] = (char)(0xf0 | cp >> 18);
    out[1] = (char)(0x80 | (cp >> 12 & 0x3f));
    out[2] = (char)(0x80 | (cp >> 6 & 0x3f));
    out[3] = (char)(0x80 | (cp & 0x3f));
    return 4;
}

/* Folds into `out`, which has room for 2 * s.len + 4; answers the length. */
static size_t fold_bytes(struct dw_str s, char *out)
{
    size_t n = 0;
    for (size_t i = 0; i < s.len;) {
        uint8_t b = (uint8_t)s.ptr[i];
        if (b < 0x80) {
            out[n++] = (char)(b >= 'A' && b <= 'Z' ? b + 32 : b);
            i++;
            continue;
        }
        uint32_t cp;
        size_t len = dw_utf8_take(dw_str_slice(s, i, s.len), &cp);
        if (cp == UINT32_MAX)
            out[n++] = s.ptr[i];
        else
            n += dw_utf8_put(dw_fold_cp(cp), out + n);
        i += len;
    }
    return n;
}

void dw_fold_add(struct dw_buf *out, struct dw_str s)
{
    char *at = dw_buf_reserve(out, 2 * s.len + 4);
    if (at)
        out->len += fold_bytes(s, at);
}

struct dw_str dw_fold(struct dw_arena *a, struct dw_str s)
{
    char *out = dw_arena_alloc(a, s.len + 1);
    if (out && lower_all(s, out))
        return dw_str_make(out, s.len);
    out = out ? dw_arena_alloc(a, 2 * s.len + 4) : NULL;
    return out ? dw_str_make(out, fold_bytes(s, out)) : DW_STR_NONE;
}
