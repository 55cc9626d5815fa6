/*
 * json_text: JSON strings and numbers, with repair.
 *
 * Idea: runs of bytes that need no care are found 16 at a time and copied whole; the rest goes byte by byte.
 *
 * Invariants:
 *   (1) What is written is valid UTF-8 and a valid JSON string, whatever comes in.
 *   (2) One U+FFFD stands for a maximal part that begins like a character and does not go on as one (Unicode 15, 3.9).
 *   (3) No byte below 0x20, no DEL and no C1 control is written raw.
 */
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
    const char *at = s.ptr, *end = at + s.len;
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

void dw_json_int(struct dw_buf *out, int64_t v)
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
