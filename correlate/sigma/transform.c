/*
 * transform: what Sigma's modifiers do to a value before it is compared.
 *
 * Idea: a value is pattern code (pred/pattern.h), so encodings apply to its plain bytes and leave wildcards alone
 * where that has a meaning (UTF-16), and refuse them where it has none (Base64).
 *
 * Invariants:
 *   (1) Base64 works on bytes, not characters, so no padding ends up inside a pattern.
 *   (2) base64offset drops every character whose bits are not wholly given by the value; an offset at which none is left has no form,
 *       for the empty text stands in every other.
 *   (3) windash needs no list of 5^n forms: a dash is one token that stands for all five.
 */
#include "sigma_int.h"

#include "dogwatch/base/error.h"
#include "dogwatch/base/mem.h"
#include "dogwatch/pred/fold.h"

void dw__codes_fini(struct dw__codes *c)
{
    for (uint32_t i = 0; i < c->count; i++)
        dw_buf_fini(&c->item[i]);
    dw_free(c->item);
    *c = (struct dw__codes){0};
}

int dw__codes_add(struct dw__codes *c, struct dw_str code)
{
    if (c->count == DW__CODES_MAX)
        return DW_ELIMIT;
    int rc = dw_ruleset_grow((void **)&c->item, c->count, &c->cap, sizeof *c->item);
    if (rc < 0)
        return rc;
    struct dw_buf b = {0};
    dw_buf_str(&b, code);
    if (b.err)
        return b.err;
    c->item[c->count++] = b;
    return DW_OK;
}

static void put_base64(struct dw_buf *out, struct dw_str s, bool pad)
{
    static const char digit[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for (size_t i = 0; i < s.len; i += 3) {
        uint32_t v = 0;
        size_t n = s.len - i < 3 ? s.len - i : 3;
        for (size_t j = 0; j < 3; j++)
            v = v << 8 | (j < n ? (uint8_t)s.ptr[i + j] : 0u);
        for (size_t j = 0; j < 4; j++) {
            if (j <= n)
                dw_buf_byte(out, (uint8_t)digit[v >> (18 - 6 * j) & 63]);
            else if (pad)
                dw_buf_byte(out, '=');
        }
    }
}

/* The Base64 digits of `s` when `offset` bytes of something else stand before it. */
static void put_base64_at(struct dw_buf *out, struct dw_str s, size_t offset)
{
    static const size_t first[] = {0, 2, 3}; /* digits that hold bits of what stands before */
    struct dw_buf shifted = {0}, digits = {0};
    for (size_t i = 0; i < offset; i++)
        dw_buf_byte(&shifted, ' ');
    dw_buf_str(&shifted, s);
    put_base64(&digits, dw_buf_view(&shifted), false);
    size_t last = digits.len - (shifted.len % 3 != 0); /* a digit that holds bits of what follows */
    dw_buf_str(out, dw_str_slice(dw_buf_view(&digits), first[offset], last));
    if (shifted.err || digits.err)
        out->err = DW_ENOMEM;
    dw_buf_fini(&shifted);
    dw_buf_fini(&digits);
}

static int base64(struct dw__sigma *g, const struct dw_yaml *value, bool offsets, struct dw__codes *c)
{
    struct dw__codes made = {0};
    int rc = DW_OK;
    for (uint32_t i = 0; i < c->count && rc == DW_OK; i++) {
        struct dw_buf plain = {0};
        if (!dw_pat_is_plain(dw_buf_view(&c->item[i]), &plain)) {
            dw__say(g, DW__LINT_VALUE, value->at, "write \\* for a star itself", "a wildcard cannot be encoded in Base64");
            rc = DW_ESYNTAX;
        }
        for (size_t off = 0; rc == DW_OK && off < (offsets ? 3u : 1u); off++) {
            struct dw_buf out = {0};
            if (offsets)
                put_base64_at(&out, dw_buf_view(&plain), off);
            else
                put_base64(&out, dw_buf_view(&plain), true);
            rc = out.err ? out.err : plain.err ? plain.err : offsets && out.len == 0 ? DW_OK : dw__codes_add(&made, dw_buf_view(&out));
            dw_buf_fini(&out);
        }
        dw_buf_fini(&plain);
    }
    if (rc < 0) {
        dw__codes_fini(&made);
        return rc;
    }
    dw__codes_fini(c);
    *c = made;
    return DW_OK;
}

static void put_unit(struct dw_buf *out, uint32_t unit, bool big)
{
    char two[2] = {(char)(unit & 0xff), (char)(unit >> 8)}, swapped[2] = {two[1], two[0]};
    dw_pat_add_plain(out, dw_str_make(big ? swapped : two, 2));
}

/* Length of the token at `at` of code, or 0 when a plain byte stands there. */
static size_t token_at(struct dw_str code, size_t at)
{
    return (uint8_t)code.ptr[at] == DW_PAT_LEAD && (uint8_t)code.ptr[at + 1] != DW_PAT_SELF ? 2 : 0;
}

static void utf16(struct dw_buf *code, bool big, bool mark)
{
    struct dw_buf out = {0};
    struct dw_str s = dw_buf_view(code);
    if (mark)
        put_unit(&out, 0xfeff, big);
    for (size_t at = 0; at < s.len;) {
        uint32_t cp;
        if (token_at(s, at)) {
            dw_pat_add_token(&out, (uint8_t)s.ptr[at + 1]);
            at += 2;
            continue;
        }
        size_t len = dw_utf8_take(dw_str_slice(s, at, s.len), &cp);
        if (cp == UINT32_MAX)
            cp = (uint8_t)s.ptr[at];
        at += (uint8_t)s.ptr[at] == DW_PAT_LEAD ? 2 : len;
        if (cp >= 0x10000) {
            put_unit(&out, 0xd800 + ((cp - 0x10000) >> 10), big);
            put_unit(&out, 0xdc00 + ((cp - 0x10000) & 0x3ff), big);
        } else {
            put_unit(&out, cp, big);
        }
    }
    dw_buf_fini(code);
    *code = out;
}

static bool is_word(struct dw_str s, size_t at)
{
    uint8_t c = at < s.len ? (uint8_t)s.ptr[at] : 0;
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' ||
           (c >= 0x80 && c != DW_PAT_LEAD);
}

/* A dash that begins an option: nothing of a word before it, a word after it. */
static void windash(struct dw_buf *code)
{
    struct dw_buf out = {0};
    struct dw_str s = dw_buf_view(code);
    bool word_before = false;
    for (size_t at = 0; at < s.len; at++) {
        size_t token = token_at(s, at);
        if (token) {
            dw_buf_str(&out, dw_str_slice(s, at, at + token));
            at += token - 1;
            word_before = false;
            continue;
        }
        bool dash = s.ptr[at] == '-' || s.ptr[at] == '/';
        if (dash && !word_before && is_word(s, at + 1))
            dw_pat_add_token(&out, DW_PAT_DASH);
        else
            dw_buf_byte(&out, (uint8_t)s.ptr[at]);
        word_before = is_word(s, at);
    }
    dw_buf_fini(code);
    *code = out;
}

static const struct dw_placeholder *find_placeholder(const struct dw__sigma *g, struct dw_str name)
{
    for (uint32_t i = 0; i < g->rs->opts.placeholder_count; i++)
        if (dw_str_eq(g->rs->opts.placeholder[i].name, name))
            return &g->rs->opts.placeholder[i];
    return NULL;
}

/* First %name% of code: *ret_from and *ret_to are its bytes with the signs. `\%` is a sign itself. */
static bool find_expand(struct dw_str code, size_t from, size_t *ret_from, size_t *ret_to)
{
    for (size_t at = from; at < code.len; at++) {
        if (code.ptr[at] != '%' || (at > 0 && code.ptr[at - 1] == '\\'))
            continue;
        size_t end = at + 1;
        while (end < code.len && (is_word(code, end) || code.ptr[end] == '-' || code.ptr[end] == '.'))
            end++;
        if (end == code.len || end == at + 1 || code.ptr[end] != '%')
            continue;
        *ret_from = at;
        *ret_to = end + 1;
        return true;
    }
    return false;
}

static void unescape_percent(struct dw_buf *code)
{
    size_t n = 0;
    for (size_t i = 0; i < code->len; i++) {
        if (code->ptr[i] == '\\' && i + 1 < code->len && code->ptr[i + 1] == '%')
            continue;
        code->ptr[n++] = code->ptr[i];
    }
    code->len = n;
}

/* Replaces the placeholder at [from, to) of `code` by each of its values, onto the list. */
static int expand_one(
    const struct dw_placeholder *p, struct dw_str code, size_t from, size_t to, struct dw__codes *list)
{
    int rc = DW_OK;
    for (uint32_t i = 0; i < p->count && rc == DW_OK; i++) {
        struct dw_buf out = {0};
        dw_buf_str(&out, dw_str_slice(code, 0, from));
        dw_pat_add_sigma(&out, p->value[i]);
        dw_buf_str(&out, dw_str_slice(code, to, code.len));
        rc = out.err ? out.err : dw__codes_add(list, dw_buf_view(&out));
        dw_buf_fini(&out);
    }
    return rc;
}

static int expand(struct dw__sigma *g, const struct dw_yaml *value, struct dw__codes *c)
{
    struct dw__codes done = {0};
    int rc = DW_OK;
    for (uint32_t i = 0; i < c->count && rc == DW_OK; i++) { /* what still has placeholders goes to the end of c */
        size_t from, to;
        struct dw_str code = dw_buf_view(&c->item[i]);
        if (!find_expand(code, 0, &from, &to)) {
            unescape_percent(&c->item[i]);
            rc = dw__codes_add(&done, dw_buf_view(&c->item[i]));
            continue;
        }
        struct dw_str name = dw_str_slice(code, from + 1, to - 1);
        const struct dw_placeholder *p = find_placeholder(g, name);
        if (p)
            rc = expand_one(p, code, from, to, c);
        else
            dw__say(g, DW__LINT_PLACEHOLDER, value->at, "give its values with --placeholders",
                "placeholder '%%%.*s%%' has no values: nothing matches it", DW_ARG(name));
    }
    dw__codes_fini(c);
    *c = done;
    return rc;
}

int dw__transform(struct dw__sigma *g, const struct dw_yaml *value, enum dw__code how, struct dw__codes *c)
{
    if (how == DW__CODE_EXPAND)
        return expand(g, value, c);
    if (how == DW__CODE_BASE64 || how == DW__CODE_BASE64OFFSET)
        return base64(g, value, how == DW__CODE_BASE64OFFSET, c);
    for (uint32_t i = 0; i < c->count; i++) {
        if (how == DW__CODE_WINDASH)
            windash(&c->item[i]);
        else
            utf16(&c->item[i], how == DW__CODE_UTF16BE, how == DW__CODE_UTF16);
        if (c->item[i].err)
            return c->item[i].err;
    }
    return DW_OK;
}
