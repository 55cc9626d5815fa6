/*
 * pattern: wildcard patterns over text that is already folded.
 *
 * Idea: most patterns are one literal with stars around it and are compared with memmem; the rest is matched by the
 * classic two-pointer walk that remembers only the last star, so it needs no recursion.
 *
 * Invariants:
 *   (1) Code is well formed: a lead byte is followed by one of the four tokens.
 *   (2) `literal` occurs in the folded text of whatever matches (or is empty): prefilters rest on it.
 *   (3) Matching costs at most text.len * tokens steps.
 */
#include "dogwatch/pred/pattern.h"

#include "dogwatch/base/error.h"
#include "dogwatch/pred/fold.h"

void dw_pat_add_plain(struct dw_buf *code, struct dw_str bytes)
{
    for (size_t i = 0; i < bytes.len; i++) {
        uint8_t b = (uint8_t)bytes.ptr[i];
        dw_buf_byte(code, b);
        if (b == DW_PAT_LEAD)
            dw_buf_byte(code, DW_PAT_SELF);
    }
}

void dw_pat_add_token(struct dw_buf *code, uint8_t token)
{
    dw_buf_byte(code, DW_PAT_LEAD);
    dw_buf_byte(code, token);
}

void dw_pat_add_sigma(struct dw_buf *code, struct dw_str text)
{
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i], next = i + 1 < text.len ? text.ptr[i + 1] : '\0';
        if (c == '*')
            dw_pat_add_token(code, DW_PAT_STAR);
        else if (c == '?')
            dw_pat_add_token(code, DW_PAT_ONE);
        else if (c == '\\' && (next == '*' || next == '?' || next == '\\'))
            dw_buf_byte(code, (uint8_t)text.ptr[++i]);
        else
            dw_pat_add_plain(code, dw_str_make(&c, 1));
    }
}

/* Takes one element of code at *at: answers its token, or 0 and the byte. */
static uint8_t take(struct dw_str code, size_t *at, uint8_t *ret_byte)
{
    uint8_t b = (uint8_t)code.ptr[(*at)++];
    *ret_byte = b;
    if (b != DW_PAT_LEAD)
        return 0;
    DW_ASSERT(*at < code.len);
    uint8_t token = (uint8_t)code.ptr[(*at)++];
    return token == DW_PAT_SELF ? 0 : token;
}

bool dw_pat_is_plain(struct dw_str code, struct dw_buf *out)
{
    for (size_t at = 0; at < code.len;) {
        uint8_t byte;
        if (take(code, &at, &byte))
            return false;
        if (out)
            dw_buf_byte(out, byte);
    }
    return true;
}

/* Folds the plain runs of code, leaving tokens. */
static void fold_code(struct dw_str code, struct dw_buf *out)
{
    struct dw_buf run = {0}, folded = {0};
    int failed = DW_OK; /* a reset clears the buffers' own errors */
    for (size_t at = 0; at <= code.len;) {
        uint8_t byte = 0, token = 0;
        bool end = at == code.len;
        if (!end)
            token = take(code, &at, &byte);
        if (!end && !token) {
            dw_buf_byte(&run, byte);
            continue;
        }
        dw_buf_reset(&folded);
        dw_fold_add(&folded, dw_buf_view(&run));
        if (run.err || folded.err)
            failed = DW_ENOMEM;
        dw_pat_add_plain(out, dw_buf_view(&folded));
        dw_buf_reset(&run);
        if (token)
            dw_pat_add_token(out, token);
        if (end)
            break;
    }
    if (failed)
        out->err = failed;
    dw_buf_fini(&run);
    dw_buf_fini(&folded);
}

/* The longest plain run of code into `best`. */
static void longest_run(struct dw_str code, struct dw_buf *best)
{
    struct dw_buf run = {0};
    for (size_t at = 0; at <= code.len;) {
        uint8_t byte = 0, token = 0;
        bool end = at == code.len;
        if (!end)
            token = take(code, &at, &byte);
        if (!end && !token) {
            dw_buf_byte(&run, byte);
            continue;
        }
        if (run.len > best->len && !best->err) {
            dw_buf_reset(best);
            dw_buf_str(best, dw_buf_view(&run));
        }
        if (run.err)
            best->err = run.err;
        dw_buf_reset(&run);
        if (end)
            break;
    }
    dw_buf_fini(&run);
}

/* Shape, and for simple ones the plain text, of code. */
static void find_shape(struct dw_pattern *p, struct dw_buf *text)
{
    size_t from = 0, to = p->code.len;
    bool head = false, tail = false;
    while (to - from >= 2 && (uint8_t)p->code.ptr[from] == DW_PAT_LEAD && p->code.ptr[from + 1] == DW_PAT_STAR) {
        from += 2;
        head = true;
    }
    while (to - from >= 2 && p->code.ptr[to - 1] == DW_PAT_STAR && (uint8_t)p->code.ptr[to - 2] == DW_PAT_LEAD) {
        /* the two bytes may be the second half of an escaped 0xff and a plain 0x01 */
        size_t leads = 0;
        while (leads < to - 1 - from && (uint8_t)p->code.ptr[to - 2 - leads] == DW_PAT_LEAD)
            leads++;
        if (leads % 2 == 0)
            break;
        to -= 2;
        tail = true;
    }
    if (from == to && (head || tail))
        p->shape = DW_PAT_ANY;
    else if (!dw_pat_is_plain(dw_str_slice(p->code, from, to), text))
        p->shape = DW_PAT_GLOB;
    else
        p->shape = head ? (tail ? DW_PAT_CONTAINS : DW_PAT_SUFFIX) : tail ? DW_PAT_PREFIX : DW_PAT_EQ;
}

int dw_pattern_compile(struct dw_arena *a, struct dw_str code, bool cased, struct dw_pattern *ret)
{
    struct dw_buf folded = {0}, text = {0}, literal = {0}, folded_literal = {0};
    struct dw_pattern p = {.cased = cased};
    if (!cased)
        fold_code(code, &folded);
    p.code = dw_arena_copy(a, cased ? code : dw_buf_view(&folded));
    if (p.code.ptr) {
        find_shape(&p, &text);
        longest_run(p.code, &literal);
        dw_fold_add(&folded_literal, dw_buf_view(&literal));
        p.text = dw_arena_copy(a, dw_buf_view(&text));
        p.literal = dw_arena_copy(a, dw_buf_view(&folded_literal));
    }
    bool good =
        p.code.ptr && p.text.ptr && p.literal.ptr && !folded.err && !text.err && !literal.err && !folded_literal.err;
    dw_buf_fini(&folded);
    dw_buf_fini(&text);
    dw_buf_fini(&literal);
    dw_buf_fini(&folded_literal);
    if (!good)
        return DW_ENOMEM;
    *ret = p;
    return DW_OK;
}

/* Length of a dash of any form at `at`, or 0. */
static size_t dash_len(struct dw_str text, size_t at)
{
    const uint8_t *p = (const uint8_t *)text.ptr + at;
    if (p[0] == '-' || p[0] == '/')
        return 1;
    return text.len - at >= 3 && p[0] == 0xe2 && p[1] == 0x80 && p[2] >= 0x93 && p[2] <= 0x95 ? 3 : 0;
}

/* Whether a character that began before `at` goes on there: a star may end in the middle of one, and `?` does not stand for its rest. */
static bool goes_on(struct dw_str text, size_t at)
{
    uint32_t cp;
    bool on = false;
    for (size_t back = 1; back <= 3 && back <= at && ((uint8_t)text.ptr[at] & 0xc0) == 0x80; back++)
        on = on || dw_utf8_take(dw_str_slice(text, at - back, text.len), &cp) > back;
    return on;
}

/* How many bytes of text at `at` one element takes; 0: it does not match. */
static size_t step(uint8_t token, uint8_t byte, struct dw_str text, size_t at)
{
    uint32_t cp;
    if (token == DW_PAT_ONE)
        return goes_on(text, at) ? 0 : dw_utf8_take(dw_str_slice(text, at, text.len), &cp);
    if (token == DW_PAT_DASH)
        return dash_len(text, at);
    return (uint8_t)text.ptr[at] == byte;
}

static bool glob_match(struct dw_str code, struct dw_str text)
{
    size_t c = 0, t = 0, star = SIZE_MAX, back = 0;
    while (t < text.len || c < code.len) {
        if (c < code.len) {
            size_t next = c;
            uint8_t byte, token = take(code, &next, &byte);
            if (token == DW_PAT_STAR) {
                star = c = next;
                back = t;
                if (c == code.len)
                    return true;
                continue;
            }
            size_t len = t < text.len ? step(token, byte, text, t) : 0;
            if (len) {
                t += len;
                c = next;
                continue;
            }
        }
        if (star == SIZE_MAX || back >= text.len)
            return false;
        c = star;
        t = ++back;
    }
    return true;
}

bool dw_pattern_match(const struct dw_pattern *p, struct dw_str text)
{
    switch (p->shape) {
    case DW_PAT_EQ: return dw_str_eq(p->text, text);
    case DW_PAT_PREFIX: return dw_str_starts(text, p->text);
    case DW_PAT_SUFFIX: return dw_str_ends(text, p->text);
    case DW_PAT_CONTAINS: return p->text.len <= text.len && (dw_str_find(text, p->text) < text.len || p->text.len == 0);
    case DW_PAT_ANY: return true;
    case DW_PAT_GLOB: return glob_match(p->code, text);
    }
    DW_NEVER("all shapes are above");
}
