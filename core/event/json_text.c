/*
 * json_text: JSON strings, numbers and times as text, with repair.
 *
 * Idea: runs of bytes that need no care are found 16 at a time and copied whole; the rest goes byte by byte.
 *
 * Invariants:
 *   (1) What is written is valid UTF-8 and a valid JSON string, whatever comes in.
 *   (2) One U+FFFD stands for a maximal part that begins like a character and does not go on as one (Unicode 15, 3.9).
 *   (3) No byte below 0x20, no DEL and no C1 control is written raw: a terminal does not obey what is printed.
 */
#include "json_text.h"

#include "dogwatch/event/json_write.h"

#include <math.h>
#include <stdio.h>

#ifdef __SSE2__
#include <emmintrin.h>
#endif

/* The first byte that is a quote, backslash, control, DEL or over 0x7f. */
static const char *scan_plain(const char *at, const char *end)
{
#ifdef __SSE2__
    const __m128i quote = _mm_set1_epi8('"'), slash = _mm_set1_epi8('\\'), low = _mm_set1_epi8(0x1f);
    const __m128i del = _mm_set1_epi8(0x7f);
    for (; end - at >= 16; at += 16) {
        __m128i v = _mm_loadu_si128((const __m128i *)(const void *)at);
        __m128i hit = _mm_or_si128(_mm_cmpeq_epi8(v, quote), _mm_cmpeq_epi8(v, slash));
        /* signed: bytes over 0x7f are negative, so one comparison finds them and the controls */
        hit = _mm_or_si128(hit, _mm_or_si128(_mm_cmpeq_epi8(v, del), _mm_cmpgt_epi8(_mm_add_epi8(low, _mm_set1_epi8(1)), v)));
        int mask = _mm_movemask_epi8(hit);
        if (mask)
            return at + __builtin_ctz((unsigned)mask);
    }
#endif
    for (; at < end; at++) {
        unsigned char c = (unsigned char)*at;
        if (c == '"' || c == '\\' || c < 0x20 || c >= 0x7f)
            return at;
    }
    return end;
}

/* Length of the valid UTF-8 character at p, or minus the length of the maximal bad part. */
static int utf8_step(const unsigned char *p, size_t left)
{
    unsigned c = p[0];
    unsigned low = 0x80, high = 0xbf;
    int more = 0;
    if (c >= 0xc2 && c <= 0xdf) {
        more = 1;
    } else if (c >= 0xe0 && c <= 0xef) {
        more = 2;
        low = c == 0xe0 ? 0xa0 : 0x80;
        high = c == 0xed ? 0x9f : 0xbf;
    } else if (c >= 0xf0 && c <= 0xf4) {
        more = 3;
        low = c == 0xf0 ? 0x90 : 0x80;
        high = c == 0xf4 ? 0x8f : 0xbf;
    } else {
        return -1;
    }
    for (int i = 1; i <= more; i++) {
        if ((size_t)i >= left || p[i] < low || p[i] > high)
            return -i;
        low = 0x80;
        high = 0xbf;
    }
    return more + 1;
}

static char *put_escape(char *out, unsigned char c)
{
    static const char hex[] = "0123456789abcdef";
    char letter = '\0';
    switch (c) {
    case '"': letter = '"'; break;
    case '\\': letter = '\\'; break;
    case '\n': letter = 'n'; break;
    case '\t': letter = 't'; break;
    case '\r': letter = 'r'; break;
    case '\b': letter = 'b'; break;
    case '\f': letter = 'f'; break;
    default: break;
    }
    *out++ = '\\';
    if (letter) {
        *out++ = letter;
        return out;
    }
    memcpy(out, "u00", 3);
    out[3] = hex[c >> 4];
    out[4] = hex[c & 15];
    return out + 5;
}

bool dw_json_string(struct dw_buf *out, struct dw_str s)
{
    /* a byte becomes at most six */
    char *to = s.len < SIZE_MAX / 8 ? dw_buf_reserve(out, s.len * 6 + 2) : NULL;
    if (!to)
        return false;
    char *first = to;
    bool repaired = false;
    const char *at = s.len ? s.ptr : "", *end = at + s.len; /* an empty view may point nowhere */
    *to++ = '"';
    while (at < end) {
        const char *stop = scan_plain(at, end);
        size_t plain = (size_t)(stop - at);
        memcpy(to, at, plain);
        to += plain;
        at = stop;
        if (at == end)
            break;
        unsigned char c = (unsigned char)*at;
        if (c <= 0x7f) {
            to = put_escape(to, c);
            at++;
            continue;
        }
        int n = utf8_step((const unsigned char *)at, (size_t)(end - at));
        if (n < 0) {
            memcpy(to, "\xef\xbf\xbd", 3);
            to += 3;
            at -= n;
            repaired = true;
        } else if (c == 0xc2 && (unsigned char)at[1] < 0xa0) {
            to = put_escape(to, (unsigned char)at[1]);
            at += 2;
        } else {
            memcpy(to, at, (size_t)n);
            to += n;
            at += n;
        }
    }
    *to++ = '"';
    out->len += (size_t)(to - first);
    return repaired;
}

void dw__json_int(struct dw_buf *out, int64_t v)
{
    char *to = dw_buf_reserve(out, 20);
    if (!to)
        return;
    char digit[20];
    int n = 0;
    uint64_t u = v < 0 ? 0 - (uint64_t)v : (uint64_t)v;
    do {
        digit[n++] = (char)('0' + u % 10);
        u /= 10;
    } while (u);
    size_t len = 0;
    if (v < 0)
        to[len++] = '-';
    while (n > 0)
        to[len++] = digit[--n];
    out->len += len;
}

void dw_json_float(struct dw_buf *out, double v)
{
    if (!isfinite(v)) {
        dw_buf_add(out, "null", 4);
        return;
    }
    char text[40];
    int n = snprintf(text, sizeof text, "%.17g", v);
    char shorter[40];
    for (int digits = 6; digits < 17; digits += 3) {
        int m = snprintf(shorter, sizeof shorter, "%.*g", digits, v);
        double back = 0;
        if (sscanf(shorter, "%lf", &back) == 1 && memcmp(&back, &v, sizeof v) == 0) {
            dw_buf_add(out, shorter, (size_t)m);
            return;
        }
    }
    dw_buf_add(out, text, (size_t)n);
}

static size_t digits_at(struct dw_str s, size_t i)
{
    size_t n = 0;
    while (i + n < s.len && s.ptr[i + n] >= '0' && s.ptr[i + n] <= '9')
        n++;
    return n;
}

bool dw_is_json_number(struct dw_str s)
{
    size_t i = s.len && s.ptr[0] == '-', whole = digits_at(s, i);
    if (whole == 0 || (whole > 1 && s.ptr[i] == '0'))
        return false;
    i += whole;
    if (i < s.len && s.ptr[i] == '.') {
        size_t n = digits_at(s, i + 1);
        if (n == 0)
            return false;
        i += 1 + n;
    }
    if (i < s.len && (s.ptr[i] == 'e' || s.ptr[i] == 'E')) {
        i++;
        if (i < s.len && (s.ptr[i] == '+' || s.ptr[i] == '-'))
            i++;
        size_t n = digits_at(s, i);
        if (n == 0)
            return false;
        i += n;
    }
    return i == s.len;
}

static char *put_digits(char *out, unsigned v, int count)
{
    for (int i = count - 1; i >= 0; i--, v /= 10)
        out[i] = (char)('0' + v % 10);
    return out + count;
}

void dw_time_text(struct dw_buf *out, int64_t time_ns)
{
    char *to = dw_buf_reserve(out, 30);
    if (!to)
        return;
    int64_t s = time_ns / 1000000000, ns = time_ns % 1000000000;
    if (ns < 0) {
        ns += 1000000000;
        s--;
    }
    int64_t days = s / 86400, rest = s % 86400;
    if (rest < 0) {
        rest += 86400;
        days--;
    }
    /* Days to date: Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms". */
    days += 719468;
    int64_t era = (days >= 0 ? days : days - 146096) / 146097, doe = days - era * 146097;
    int64_t yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365, doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
    int64_t mp = (5 * doy + 2) / 153, day = doy - (153 * mp + 2) / 5 + 1, month = mp < 10 ? mp + 3 : mp - 9;
    to = put_digits(to, (unsigned)(yoe + era * 400 + (month <= 2)), 4); /* 64 bits of ns are the years 1677 to 2262 */
    *to++ = '-';
    to = put_digits(to, (unsigned)month, 2);
    *to++ = '-';
    to = put_digits(to, (unsigned)day, 2);
    *to++ = 'T';
    to = put_digits(to, (unsigned)(rest / 3600), 2);
    *to++ = ':';
    to = put_digits(to, (unsigned)(rest / 60 % 60), 2);
    *to++ = ':';
    to = put_digits(to, (unsigned)(rest % 60), 2);
    *to++ = '.';
    to = put_digits(to, (unsigned)ns, 9);
    *to = 'Z';
    out->len += 30;
}
