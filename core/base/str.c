/*
 * str: what can be done with a view without owning its bytes.
 *
 * Invariants:
 *   (1) No function reads past ptr + len, and none needs a terminator.
 *   (2) A NULL pointer with length 0 is the empty view and valid everywhere.
 */
#include "dogwatch/base/str.h"

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c + ('a' - 'A')) : c;
}

bool dw_str_ieq(struct dw_str a, struct dw_str b)
{
    if (a.len != b.len)
        return false;
    for (size_t i = 0; i < a.len; i++)
        if (lower(a.ptr[i]) != lower(b.ptr[i]))
            return false;
    return true;
}

int dw_str_cmp(struct dw_str a, struct dw_str b)
{
    size_t n = a.len < b.len ? a.len : b.len;
    int c = n ? memcmp(a.ptr, b.ptr, n) : 0;
    if (c != 0)
        return c;
    return a.len < b.len ? -1 : a.len > b.len;
}

size_t dw_str_find(struct dw_str s, struct dw_str needle)
{
    if (needle.len == 0)
        return 0;
    size_t from = 0;
    while (from + needle.len <= s.len) {
        const char *hit = memchr(s.ptr + from, needle.ptr[0], s.len - needle.len - from + 1);
        if (!hit)
            break;
        from = (size_t)(hit - s.ptr);
        if (memcmp(hit, needle.ptr, needle.len) == 0)
            return from;
        from++;
    }
    return s.len;
}

struct dw_str dw_str_cut(struct dw_str *s, char sep)
{
    size_t at = dw_str_index(*s, sep);
    struct dw_str head = dw_str_slice(*s, 0, at);
    *s = at < s->len ? dw_str_slice(*s, at + 1, s->len) : DW_STR_NONE;
    return head;
}

bool dw_str_u64(struct dw_str s, uint64_t *ret)
{
    if (s.len == 0 || s.len > 20)
        return false;
    uint64_t v = 0;
    for (size_t i = 0; i < s.len; i++) {
        unsigned digit = (unsigned)(unsigned char)s.ptr[i] - '0';
        if (digit > 9 || v > (UINT64_MAX - digit) / 10)
            return false;
        v = v * 10 + digit;
    }
    *ret = v;
    return true;
}

bool dw_str_i64(struct dw_str s, int64_t *ret)
{
    bool minus = s.len && s.ptr[0] == '-';
    uint64_t v;
    if (!dw_str_u64(minus ? dw_str_slice(s, 1, s.len) : s, &v))
        return false;
    if (v > (uint64_t)INT64_MAX + (minus ? 1 : 0))
        return false;
    *ret = minus ? (int64_t)(0 - v) : (int64_t)v;
    return true;
}

static unsigned least(unsigned a, unsigned b)
{
    return a < b ? a : b;
}

unsigned dw_str_distance(struct dw_str a, struct dw_str b, unsigned limit)
{
    enum { MAX = 63 };
    unsigned before[MAX + 1], above[MAX + 1] = {0}, row[MAX + 1];
    if (a.len > MAX || b.len > MAX || a.len > b.len + limit || b.len > a.len + limit)
        return limit + 1;
    for (unsigned j = 0; j <= b.len; j++)
        row[j] = j;
    for (unsigned i = 1; i <= a.len; i++) {
        memcpy(before, above, sizeof before);
        memcpy(above, row, sizeof above);
        row[0] = i;
        for (unsigned j = 1; j <= b.len; j++) {
            char x = lower(a.ptr[i - 1]), y = lower(b.ptr[j - 1]);
            row[j] = least(least(above[j], row[j - 1]) + 1, above[j - 1] + (x == y ? 0 : 1));
            if (i > 1 && j > 1 && x == lower(b.ptr[j - 2]) && lower(a.ptr[i - 2]) == y)
                row[j] = least(row[j], before[j - 2] + 1);
        }
    }
    return least(row[b.len], limit + 1);
}

void dw_hex(const uint8_t *bytes, size_t len, char *out)
{
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < len; i++) {
        out[2 * i] = digits[bytes[i] >> 4];
        out[2 * i + 1] = digits[bytes[i] & 15];
    }
    out[2 * len] = '\0';
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c = lower(c);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

bool dw_unhex(struct dw_str s, uint8_t *ret, size_t len)
{
    if (s.len != 2 * len)
        return false;
    for (size_t i = 0; i < len; i++) {
        int hi = hex_digit(s.ptr[2 * i]), lo = hex_digit(s.ptr[2 * i + 1]);
        if (hi < 0 || lo < 0)
            return false;
        ret[i] = (uint8_t)(hi << 4 | lo);
    }
    return true;
}
