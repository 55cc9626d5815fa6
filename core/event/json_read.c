/*
 * json_read: JSON, one token at a time, as views.
 *
 * Idea: a string is found by its closing quote, 16 or eight bytes a step; what is inside is only looked at if someone asks.
 *
 * Invariants:
 *   (1) `at` only grows and never passes `end`, so reading ends after at most len steps.
 *   (2) depth <= DW_JSON_DEPTH_MAX; bit depth-1 of `objects` says what we are in.
 */
#include "dogwatch/event/json_read.h"

#include "dogwatch/base/error.h"

#ifdef __SSE2__
#include <emmintrin.h>
#endif

enum { WANT_VALUE, WANT_VALUE_OR_END, WANT_KEY, WANT_KEY_OR_END, WANT_COMMA_OR_END, DONE };

void dw_json_start(struct dw_json *j, struct dw_str text)
{
    *j = (struct dw_json){.at = text.ptr, .end = text.ptr + text.len, .state = WANT_VALUE};
}

static void skip_blanks(struct dw_json *j)
{
    while (j->at < j->end && (*j->at == ' ' || *j->at == '\t' || *j->at == '\n' || *j->at == '\r'))
        j->at++;
}

/* Length of the escape at the backslash `at`; 0 when it is none. */
static size_t escape_len(const char *at, const char *end)
{
    if (end - at < 2)
        return 0;
    if (at[1] != 'u')
        return at[1] && strchr("\"\\/bfnrt", at[1]) ? 2 : 0;
    if (end - at < 6)
        return 0;
    for (int i = 2; i < 6; i++) {
        char c = (char)(at[i] | 0x20);
        if (!(at[i] >= '0' && at[i] <= '9') && !(c >= 'a' && c <= 'f'))
            return 0;
    }
    return 6;
}

static int take_string(struct dw_json *j, struct dw_json_token *ret)
{
    const char *from = ++j->at;
    ret->escaped = false;
    for (;;) {
        j->at = dw_json_string_end(j->at, j->end);
        if (j->at == j->end)
            return DW_ESYNTAX;
        if (*j->at == '"')
            break;
        size_t n = escape_len(j->at, j->end);
        if (n == 0)
            return DW_ESYNTAX;
        ret->escaped = true;
        j->at += n;
    }
    ret->text = dw_str_make(from, (size_t)(j->at - from));
    j->at++;
    return DW_OK;
}

static size_t take_digits(struct dw_json *j)
{
    const char *from = j->at;
    while (j->at < j->end && *j->at >= '0' && *j->at <= '9')
        j->at++;
    return (size_t)(j->at - from);
}

static int take_number(struct dw_json *j, struct dw_json_token *ret)
{
    const char *from = j->at;
    if (*j->at == '-')
        j->at++;
    bool zero = j->at < j->end && *j->at == '0';
    size_t whole = take_digits(j);
    if (whole == 0 || (zero && whole > 1))
        return DW_ESYNTAX;
    if (j->at < j->end && *j->at == '.') {
        j->at++;
        if (take_digits(j) == 0)
            return DW_ESYNTAX;
    }
    if (j->at < j->end && (*j->at == 'e' || *j->at == 'E')) {
        j->at++;
        if (j->at < j->end && (*j->at == '+' || *j->at == '-'))
            j->at++;
        if (take_digits(j) == 0)
            return DW_ESYNTAX;
    }
    *ret = (struct dw_json_token){.type = DW_JSON_NUMBER, .text = dw_str_make(from, (size_t)(j->at - from))};
    return DW_OK;
}

static int take_word(struct dw_json *j, struct dw_json_token *ret)
{
    static const struct {
        struct dw_str word;
        enum dw_json_type type;
    } words[] = {{{"true", 4}, DW_JSON_TRUE}, {{"false", 5}, DW_JSON_FALSE}, {{"null", 4}, DW_JSON_NULL}};
    struct dw_str rest = dw_str_make(j->at, (size_t)(j->end - j->at));
    for (size_t i = 0; i < DW_COUNT_OF(words); i++) {
        if (dw_str_starts(rest, words[i].word)) {
            *ret = (struct dw_json_token){.type = words[i].type, .text = words[i].word};
            j->at += words[i].word.len;
            return DW_OK;
        }
    }
    return DW_ESYNTAX;
}

static bool in_object(const struct dw_json *j)
{
    return j->depth && j->objects >> (j->depth - 1) & 1;
}

static int enter(struct dw_json *j, struct dw_json_token *ret, bool object)
{
    if (j->depth == DW_JSON_DEPTH_MAX)
        return DW_ELIMIT;
    j->objects = (j->objects & ~(UINT64_C(1) << j->depth)) | (uint64_t)object << j->depth;
    j->depth++;
    j->at++;
    j->state = object ? WANT_KEY_OR_END : WANT_VALUE_OR_END;
    *ret = (struct dw_json_token){.type = object ? DW_JSON_OBJECT : DW_JSON_ARRAY};
    return DW_OK;
}

static int leave(struct dw_json *j, struct dw_json_token *ret)
{
    bool object = in_object(j);
    if (*j->at != (object ? '}' : ']'))
        return DW_ESYNTAX;
    j->at++;
    j->depth--;
    j->state = j->depth ? WANT_COMMA_OR_END : DONE;
    *ret = (struct dw_json_token){.type = object ? DW_JSON_OBJECT_END : DW_JSON_ARRAY_END};
    return DW_OK;
}

static int take_value(struct dw_json *j, struct dw_json_token *ret)
{
    char c = *j->at;
    if (c == '{' || c == '[')
        return enter(j, ret, c == '{');
    j->state = j->depth ? WANT_COMMA_OR_END : DONE;
    if (c == '"') {
        ret->type = DW_JSON_STRING;
        return take_string(j, ret);
    }
    return c == '-' || (c >= '0' && c <= '9') ? take_number(j, ret) : take_word(j, ret);
}

static int take_key(struct dw_json *j, struct dw_json_token *ret)
{
    if (*j->at != '"')
        return DW_ESYNTAX;
    ret->type = DW_JSON_KEY;
    int rc = take_string(j, ret);
    if (rc < 0)
        return rc;
    skip_blanks(j);
    if (j->at == j->end || *j->at != ':')
        return DW_ESYNTAX;
    j->at++;
    j->state = WANT_VALUE;
    return DW_OK;
}

int dw_json_next(struct dw_json *j, struct dw_json_token *ret)
{
    skip_blanks(j);
    if (j->state == DONE) {
        *ret = (struct dw_json_token){.type = DW_JSON_END};
        return j->at == j->end ? DW_OK : DW_ESYNTAX;
    }
    if (j->at == j->end)
        return DW_ESYNTAX;
    if (j->state == WANT_COMMA_OR_END && *j->at == ',') {
        j->at++;
        j->state = in_object(j) ? WANT_KEY : WANT_VALUE;
        skip_blanks(j);
        if (j->at == j->end)
            return DW_ESYNTAX;
    }
    switch (j->state) {
    case WANT_COMMA_OR_END: return leave(j, ret);
    case WANT_KEY_OR_END: return *j->at == '}' ? leave(j, ret) : take_key(j, ret);
    case WANT_KEY: return take_key(j, ret);
    case WANT_VALUE_OR_END: return *j->at == ']' ? leave(j, ret) : take_value(j, ret);
    default: return take_value(j, ret);
    }
}

int dw_json_skip(struct dw_json *j)
{
    struct dw_json_token t;
    for (uint32_t depth = j->depth - 1; j->depth > depth;) {
        int rc = dw_json_next(j, &t);
        if (rc < 0)
            return rc;
    }
    return DW_OK;
}

static bool take_hex4(struct dw_str raw, size_t at, uint32_t *ret)
{
    uint8_t bytes[2];
    if (!dw_unhex(dw_str_slice(raw, at, at + 4), bytes, 2))
        return false;
    *ret = (uint32_t)bytes[0] << 8 | bytes[1];
    return true;
}

static char *put_utf8(char *to, uint32_t c)
{
    if (c < 0x80) {
        *to++ = (char)c;
        return to;
    }
    if (c < 0x800) {
        *to++ = (char)(0xC0 | c >> 6);
    } else {
        if (c < 0x10000) {
            *to++ = (char)(0xE0 | c >> 12);
        } else {
            *to++ = (char)(0xF0 | c >> 18);
            *to++ = (char)(0x80 | (c >> 12 & 63));
        }
        *to++ = (char)(0x80 | (c >> 6 & 63));
    }
    *to++ = (char)(0x80 | (c & 63));
    return to;
}

/* \uXXXX at raw[at] (the 'u'), with its low half if it is a pair. Returns bytes used after the backslash, 0: no escape. */
static size_t unescape_u(struct dw_str raw, size_t at, char **to)
{
    uint32_t c, low;
    if (!take_hex4(raw, at + 1, &c))
        return 0;
    if (c >= 0xD800 && c < 0xDC00 && at + 6 < raw.len && raw.ptr[at + 5] == '\\' && raw.ptr[at + 6] == 'u'
        && take_hex4(raw, at + 7, &low) && low >= 0xDC00 && low < 0xE000) {
        *to = put_utf8(*to, 0x10000 + ((c - 0xD800) << 10) + (low - 0xDC00));
        return 11;
    }
    *to = put_utf8(*to, c >= 0xD800 && c < 0xE000 ? 0xFFFD : c);
    return 5;
}

/* Copies up to the next backslash or quote or the end; both pointers move. May write up to 15 bytes more than it moves. */
static void copy_plain(const char **at, const char *end, char **to)
{
#ifdef __SSE2__
    const __m128i slash = _mm_set1_epi8('\\'), quote = _mm_set1_epi8('"');
    for (; end - *at >= 16; *at += 16, *to += 16) {
        __m128i v = _mm_loadu_si128((const __m128i *)(const void *)*at);
        _mm_storeu_si128((__m128i *)(void *)*to, v);
        int hit = _mm_movemask_epi8(_mm_or_si128(_mm_cmpeq_epi8(v, slash), _mm_cmpeq_epi8(v, quote)));
        if (hit) {
            int n = __builtin_ctz((unsigned)hit);
            *at += n;
            *to += n;
            return;
        }
    }
#endif
    while (*at < end && **at != '\\' && **at != '"')
        *(*to)++ = *(*at)++;
}

/* What a backslash and this byte stand for; 0: no escape of two bytes. */
static const char simple_escape[256] = {['"'] = '"', ['\\'] = '\\', ['/'] = '/', ['b'] = '\b', ['f'] = '\f', ['n'] = '\n',
    ['r'] = '\r', ['t'] = '\t'};

/* The escape at `at`, a backslash, and what it stands for. Returns its length, 0: it is none. */
static size_t unescape_one(const char *at, const char *end, char **to)
{
    if (end - at < 2)
        return 0;
    char c = simple_escape[(unsigned char)at[1]];
    if (c) {
        *(*to)++ = c;
        return 2;
    }
    size_t used = at[1] == 'u' ? unescape_u(dw_str_make(at, (size_t)(end - at)), 1, to) : 0;
    return used ? used + 1 : 0;
}

bool dw_json_unescape(struct dw_str raw, struct dw_buf *out)
{
    char *to = raw.len ? dw_buf_reserve(out, raw.len + 16) : NULL; /* text never grows by unescaping */
    if (!to)
        return true; /* nothing to do, or out->err says it */
    for (const char *at = raw.ptr, *end = at + raw.len; at < end;) {
        copy_plain(&at, end, &to);
        if (at == end)
            break;
        if (*at == '"') {
            *to++ = *at++;
            continue;
        }
        size_t used = unescape_one(at, end, &to);
        if (used == 0)
            return false;
        at += used;
    }
    out->len = (size_t)(to - out->ptr);
    return true;
}

#ifdef __SSE2__
/* One bit a byte of the 32 at p: it is a quote or a backslash. */
static uint32_t special_mask(const char *p)
{
    const __m128i slash = _mm_set1_epi8('\\'), quote = _mm_set1_epi8('"');
    __m128i v = _mm_loadu_si128((const __m128i *)(const void *)p), w = _mm_loadu_si128((const __m128i *)(const void *)(p + 16));
    unsigned low = (unsigned)_mm_movemask_epi8(_mm_or_si128(_mm_cmpeq_epi8(v, slash), _mm_cmpeq_epi8(v, quote)));
    unsigned high = (unsigned)_mm_movemask_epi8(_mm_or_si128(_mm_cmpeq_epi8(w, slash), _mm_cmpeq_epi8(w, quote)));
    return low | high << 16;
}

static void copy_32(char *to, const char *from)
{
    for (int i = 0; i < 32; i += 16)
        _mm_storeu_si128((__m128i *)(void *)(to + i), _mm_loadu_si128((const __m128i *)(const void *)(from + i)));
}

/* Unescapes 32 bytes a step as long as 64 are left, and stops at a closing quote or at what it does not take: a run of any
 * length costs one fixed copy, so that where the escapes stand does not mispredict. Writes up to 32 bytes more than it moves. */
static void unescape_blocks(const char **ret_at, const char *end, char **ret_to)
{
    const char *at = *ret_at;
    char *to = *ret_to;
    while (end - at >= 64) {
        uint32_t mask = special_mask(at);
        size_t pos = 0;
        while (mask) {
            size_t n = (size_t)__builtin_ctz(mask);
            copy_32(to, at + pos);
            to += n - pos;
            char c = at[n] == '"' ? '\0' : simple_escape[(unsigned char)at[n + 1]];
            if (!c) {
                *ret_at = at + n;
                *ret_to = to;
                return;
            }
            *to++ = c;
            pos = n + 2;
            mask = pos < 32 ? mask & UINT32_MAX << pos : 0;
        }
        if (pos < 32) {
            copy_32(to, at + pos);
            to += 32 - pos;
            pos = 32;
        }
        at += pos;
    }
    *ret_at = at;
    *ret_to = to;
}
#else
static void unescape_blocks(const char **ret_at, const char *end, char **ret_to)
{
    (void)ret_at;
    (void)end;
    (void)ret_to;
}
#endif

bool dw_json_take_string(struct dw_str *rest, struct dw_buf *out)
{
    char *to = rest->len ? dw_buf_reserve(out, rest->len + 32) : NULL;
    const char *at = rest->ptr, *end = at + rest->len;
    while (to && at < end) {
        unescape_blocks(&at, end, &to);
        copy_plain(&at, end, &to);
        if (at == end)
            break;
        if (*at == '"') {
            out->len = (size_t)(to - out->ptr);
            *rest = dw_str_make(at + 1, (size_t)(end - at) - 1);
            return true;
        }
        size_t used = unescape_one(at, end, &to);
        if (used == 0)
            break;
        at += used;
    }
    return false;
}
