/*
 * json_read: a pull reader of JSON that yields views.
 *
 * Idea: the state is one byte (what may come next) and one bit a level (object or array), so a reader is a few
 * words on the stack. Almost all time goes into strings, which are scanned 16 bytes at a time.
 *
 * Invariants:
 *   (1) at <= end, and at only grows: the number of tokens is bounded by the bytes.
 *   (2) depth <= DW_EVENT_DEPTH_MAX, so is_object holds every level.
 *   (3) A string token holds no raw control byte, and each backslash in it begins a valid escape: unescaping
 *       cannot fail and never grows the text (\uXXXX is 6 bytes for at most 3, a pair 12 for 4).
 *   (4) After an error `expect` is SPENT, and every further call answers DW_ESYNTAX.
 */
#include "dogwatch/event/json_read.h"

#include "dogwatch/base/error.h"
#include "dogwatch/event/event.h"

#ifdef __SSE2__
#include <emmintrin.h>
#endif

enum {
    EXPECT_VALUE,
    EXPECT_FIRST_KEY, /* after '{': a key or '}' */
    EXPECT_KEY,       /* after ',' in an object */
    EXPECT_FIRST_ITEM, /* after '[': a value or ']' */
    EXPECT_COMMA,     /* after a value in a container */
    EXPECT_END,
    EXPECT_SPENT,
};

const char *dw_json_scan_string(const char *at, const char *end)
{
#ifdef __SSE2__
    const __m128i quote = _mm_set1_epi8('"'), slash = _mm_set1_epi8('\\'), low = _mm_set1_epi8(0x1f);
    for (; end - at >= 16; at += 16) {
        __m128i v = _mm_loadu_si128((const __m128i *)(const void *)at);
        __m128i hit = _mm_or_si128(_mm_cmpeq_epi8(v, quote), _mm_cmpeq_epi8(v, slash));
        hit = _mm_or_si128(hit, _mm_cmpeq_epi8(_mm_max_epu8(v, low), low));
        int mask = _mm_movemask_epi8(hit);
        if (mask)
            return at + __builtin_ctz((unsigned)mask);
    }
#endif
    for (; at < end; at++) {
        unsigned char c = (unsigned char)*at;
        if (c == '"' || c == '\\' || c < 0x20)
            return at;
    }
    return end;
}

static int hex_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c = (char)(c | 0x20);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* The four hex digits at p; -1 when they are not. */
static int hex4(const char *p)
{
    int v = 0;
    for (int i = 0; i < 4; i++) {
        int h = hex_value(p[i]);
        if (h < 0)
            return -1;
        v = v << 4 | h;
    }
    return v;
}

const char *dw_json_string_end(const char *at, const char *end, bool *ret_escaped)
{
    *ret_escaped = false;
    for (;;) {
        at = dw_json_scan_string(at, end);
        if (at == end || (unsigned char)*at < 0x20)
            return NULL;
        if (*at == '"')
            return at;
        *ret_escaped = true;
        if (end - at < 2)
            return NULL;
        switch (at[1]) {
        case '"': case '\\': case '/': case 'b': case 'f': case 'n': case 'r': case 't':
            at += 2;
            break;
        case 'u':
            if (end - at < 6 || hex4(at + 2) < 0)
                return NULL;
            at += 6;
            break;
        default:
            return NULL;
        }
    }
}

static const char *digits(const char *p, const char *end)
{
    while (p < end && *p >= '0' && *p <= '9')
        p++;
    return p;
}

/* The end of the number at p, or NULL. */
static const char *number_end(const char *p, const char *end)
{
    if (p < end && *p == '-')
        p++;
    const char *q = digits(p, end);
    if (q == p || (*p == '0' && q - p > 1))
        return NULL;
    p = q;
    if (p < end && *p == '.') {
        q = digits(p + 1, end);
        if (q == p + 1)
            return NULL;
        p = q;
    }
    if (p < end && (*p == 'e' || *p == 'E')) {
        p++;
        if (p < end && (*p == '+' || *p == '-'))
            p++;
        q = digits(p, end);
        if (q == p)
            return NULL;
        p = q;
    }
    return p;
}

bool dw_json_is_number(struct dw_str s)
{
    return s.len > 0 && number_end(s.ptr, s.ptr + s.len) == s.ptr + s.len;
}

void dw_json_init(struct dw_json *j, struct dw_str text)
{
    static const char nothing[1];
    const char *at = text.ptr ? text.ptr : nothing;
    *j = (struct dw_json){.at = at, .end = at + text.len, .expect = EXPECT_VALUE};
}

static int fail(struct dw_json *j, int code)
{
    j->expect = EXPECT_SPENT;
    return code;
}

static void skip_space(struct dw_json *j)
{
    while (j->at < j->end && (*j->at == ' ' || *j->at == '\t' || *j->at == '\n' || *j->at == '\r'))
        j->at++;
}

static void after_value(struct dw_json *j)
{
    j->expect = j->depth ? EXPECT_COMMA : EXPECT_END;
}

static bool in_object(const struct dw_json *j)
{
    return (j->is_object >> (j->depth - 1)) & 1;
}

static int open_container(struct dw_json *j, bool object, struct dw_json_token *ret)
{
    if (j->depth == DW_EVENT_DEPTH_MAX)
        return fail(j, DW_ELIMIT);
    uint32_t bit = UINT32_C(1) << j->depth++;
    j->is_object = object ? j->is_object | bit : j->is_object & ~bit;
    j->at++;
    j->expect = object ? EXPECT_FIRST_KEY : EXPECT_FIRST_ITEM;
    ret->type = object ? DW_JSON_OBJECT : DW_JSON_ARRAY;
    return DW_OK;
}

static int close_container(struct dw_json *j, struct dw_json_token *ret)
{
    ret->type = in_object(j) ? DW_JSON_OBJECT_END : DW_JSON_ARRAY_END;
    j->depth--;
    j->at++;
    after_value(j);
    return DW_OK;
}

static int take_string(struct dw_json *j, struct dw_json_token *ret)
{
    const char *first = j->at + 1;
    const char *last = dw_json_string_end(first, j->end, &ret->escaped);
    if (!last)
        return fail(j, DW_ESYNTAX);
    ret->text = dw_str_make(first, (size_t)(last - first));
    j->at = last + 1;
    return DW_OK;
}

static int take_key(struct dw_json *j, struct dw_json_token *ret)
{
    if (j->at == j->end || *j->at != '"')
        return fail(j, DW_ESYNTAX);
    int rc = take_string(j, ret);
    if (rc < 0)
        return rc;
    skip_space(j);
    if (j->at == j->end || *j->at != ':')
        return fail(j, DW_ESYNTAX);
    j->at++;
    ret->type = DW_JSON_KEY;
    j->expect = EXPECT_VALUE;
    return DW_OK;
}

static int take_word(struct dw_json *j, struct dw_str word, enum dw_json_type type, struct dw_json_token *ret)
{
    if ((size_t)(j->end - j->at) < word.len || memcmp(j->at, word.ptr, word.len) != 0)
        return fail(j, DW_ESYNTAX);
    j->at += word.len;
    ret->type = type;
    after_value(j);
    return DW_OK;
}

static int take_value(struct dw_json *j, struct dw_json_token *ret)
{
    if (j->at == j->end)
        return fail(j, DW_ESYNTAX);
    switch (*j->at) {
    case '{':
        return open_container(j, true, ret);
    case '[':
        return open_container(j, false, ret);
    case '"': {
        int rc = take_string(j, ret);
        if (rc == DW_OK) {
            ret->type = DW_JSON_STRING;
            after_value(j);
        }
        return rc;
    }
    case 't':
        return take_word(j, DW_STR("true"), DW_JSON_TRUE, ret);
    case 'f':
        return take_word(j, DW_STR("false"), DW_JSON_FALSE, ret);
    case 'n':
        return take_word(j, DW_STR("null"), DW_JSON_NULL, ret);
    default: {
        const char *end = number_end(j->at, j->end);
        if (!end)
            return fail(j, DW_ESYNTAX);
        ret->text = dw_str_make(j->at, (size_t)(end - j->at));
        ret->type = DW_JSON_NUMBER;
        j->at = end;
        after_value(j);
        return DW_OK;
    }
    }
}

int dw_json_next(struct dw_json *j, struct dw_json_token *ret)
{
    ret->text = DW_STR_NONE;
    ret->escaped = false;
    skip_space(j);
    char c = j->at < j->end ? *j->at : '\0';
    if (j->expect == EXPECT_COMMA) {
        if (c == (in_object(j) ? '}' : ']'))
            return close_container(j, ret);
        if (c != ',')
            return fail(j, DW_ESYNTAX);
        j->at++;
        skip_space(j);
        j->expect = in_object(j) ? EXPECT_KEY : EXPECT_VALUE;
    }
    switch (j->expect) {
    case EXPECT_VALUE:
        return take_value(j, ret);
    case EXPECT_FIRST_ITEM:
        return c == ']' ? close_container(j, ret) : take_value(j, ret);
    case EXPECT_FIRST_KEY:
        return c == '}' ? close_container(j, ret) : take_key(j, ret);
    case EXPECT_KEY:
        return take_key(j, ret);
    case EXPECT_END:
        if (j->at < j->end)
            return fail(j, DW_ESYNTAX);
        ret->type = DW_JSON_END;
        return DW_OK;
    default:
        return DW_ESYNTAX;
    }
}

int dw_json_skip(struct dw_json *j, const struct dw_json_token *tok)
{
    struct dw_json_token t = *tok;
    int rc = DW_OK;
    if (t.type == DW_JSON_KEY)
        rc = dw_json_next(j, &t);
    if (rc < 0 || (t.type != DW_JSON_OBJECT && t.type != DW_JSON_ARRAY))
        return rc;
    uint32_t outside = j->depth - 1;
    while (rc == DW_OK && j->depth > outside)
        rc = dw_json_next(j, &t);
    return rc;
}

static char *put_utf8(char *out, uint32_t c)
{
    if (c < 0x80) {
        *out++ = (char)c;
    } else if (c < 0x800) {
        *out++ = (char)(0xc0 | c >> 6);
        *out++ = (char)(0x80 | (c & 0x3f));
    } else if (c < 0x10000) {
        *out++ = (char)(0xe0 | c >> 12);
        *out++ = (char)(0x80 | (c >> 6 & 0x3f));
        *out++ = (char)(0x80 | (c & 0x3f));
    } else {
        *out++ = (char)(0xf0 | c >> 18);
        *out++ = (char)(0x80 | (c >> 12 & 0x3f));
        *out++ = (char)(0x80 | (c >> 6 & 0x3f));
        *out++ = (char)(0x80 | (c & 0x3f));
    }
    return out;
}

/* The code point of the \u escape at p (and of the second half of a pair); moves *at past it. */
static uint32_t take_unicode(const char **at, const char *end)
{
    const char *p = *at;
    uint32_t c = (uint32_t)hex4(p + 2);
    *at = p + 6;
    if (c < 0xd800 || c > 0xdfff)
        return c;
    if (c < 0xdc00 && end - p >= 12 && p[6] == '\\' && p[7] == 'u') {
        int low = hex4(p + 8);
        if (low >= 0xdc00 && low <= 0xdfff) {
            *at = p + 12;
            return 0x10000 + ((c - 0xd800) << 10) + ((uint32_t)low - 0xdc00);
        }
    }
    return 0xfffd;
}

size_t dw_json_unescape(struct dw_str text, char *out)
{
    const char *at = text.ptr, *end = at + text.len;
    char *first = out;
    while (at < end) {
        const char *slash = dw_json_scan_string(at, end);
        while (slash < end && *slash != '\\')
            slash = dw_json_scan_string(slash + 1, end);
        size_t plain = (size_t)(slash - at);
        if (out != at)
            memmove(out, at, plain);
        out += plain;
        at = slash;
        if (end - at < 2)
            break;
        char c = at[1];
        if (c == 'u') {
            if (end - at < 6)
                break;
            out = put_utf8(out, take_unicode(&at, end));
            continue;
        }
        *out++ = c == 'n' ? '\n' : c == 't' ? '\t' : c == 'r' ? '\r' : c == 'b' ? '\b' : c == 'f' ? '\f' : c;
        at += 2;
    }
    return (size_t)(out - first);
}

struct dw_str dw_json_unescape_arena(struct dw_arena *a, struct dw_str text)
{
    char *out = dw_arena_alloc(a, text.len + 1);
    return out ? dw_str_make(out, dw_json_unescape(text, out)) : DW_STR_NONE;
}
