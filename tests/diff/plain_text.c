/*
 * plain_text: values of rules as lists of tokens, what modifiers make of them, and whether a text is of such a list.
 *
 * Idea: matching goes token by token over the set of all places that may have been reached, so there is nothing to backtrack.
 */
#include "plain.h"

#include "dogwatch/pred/fold.h"

static struct plain_pattern *pattern_new(struct plain *p, size_t room)
{
    struct plain_pattern *one = dw_arena_alloc(&p->mem, sizeof *one);
    DW_ASSERT(one);
    one->token = dw_arena_alloc(&p->mem, (room + 1) * sizeof *one->token);
    DW_ASSERT(one->token);
    return one;
}

static void put(struct plain_pattern *one, enum plain_kind kind, uint8_t byte)
{
    one->token[one->count++] = (struct plain_token){(uint8_t)kind, byte};
}

static void put_tokens(struct plain_pattern *to, const struct plain_pattern *from, size_t begin, size_t end)
{
    for (size_t i = begin; i < end; i++)
        put(to, (enum plain_kind)from->token[i].kind, from->token[i].byte);
}

struct plain_pattern *plain_read(struct plain *p, struct dw_str text)
{
    struct plain_pattern *one = pattern_new(p, text.len);
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i], next = i + 1 < text.len ? text.ptr[i + 1] : 'x';
        if (c == '\\' && (next == '\\' || next == '*' || next == '?'))
            put(one, PLAIN_BYTE, (uint8_t)text.ptr[++i]);
        else
            put(one, c == '*' ? PLAIN_STAR : c == '?' ? PLAIN_ONE : PLAIN_BYTE, (uint8_t)c);
    }
    return one;
}

struct plain_pattern *plain_around(struct plain *p, const struct plain_pattern *one, bool before, bool behind)
{
    struct plain_pattern *new = pattern_new(p, one->count + 2);
    if (before)
        put(new, PLAIN_STAR, '*');
    put_tokens(new, one, 0, one->count);
    if (behind)
        put(new, PLAIN_STAR, '*');
    return new;
}

static bool is_byte(const struct plain_pattern *one, size_t at, char c)
{
    return at < one->count && one->token[at].kind == PLAIN_BYTE && one->token[at].byte == (uint8_t)c;
}

/* A letter, digit or underscore; letters of other scripts too. */
static bool is_word(const struct plain_pattern *one, size_t at)
{
    if (at >= one->count || one->token[at].kind != PLAIN_BYTE)
        return false;
    uint8_t c = one->token[at].byte;
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c >= 0x80;
}

static struct plain_pattern *windash(struct plain *p, const struct plain_pattern *one)
{
    struct plain_pattern *new = pattern_new(p, one->count);
    for (size_t i = 0; i < one->count; i++) {
        bool begins = i == 0 || !is_word(one, i - 1);
        bool dash = is_byte(one, i, '-') || is_byte(one, i, '/');
        if (dash && begins && is_word(one, i + 1))
            put(new, PLAIN_DASH, 0);
        else
            put_tokens(new, one, i, i + 1);
    }
    return new;
}

static void put_unit(struct plain_pattern *one, uint32_t unit, bool big)
{
    uint8_t high = (uint8_t)(unit >> 8), low = (uint8_t)unit;
    put(one, PLAIN_BYTE, big ? high : low);
    put(one, PLAIN_BYTE, big ? low : high);
}

/* The character at `at`, how many bytes it takes; a byte that is none of UTF-8 counts as itself. */
static uint32_t character(const struct plain_pattern *one, size_t at, size_t *ret_len)
{
    uint8_t b[4] = {0};
    uint32_t cp = one->token[at].byte;
    size_t have = 0;
    while (have < 4 && at + have < one->count && one->token[at + have].kind == PLAIN_BYTE) {
        b[have] = one->token[at + have].byte;
        have++;
    }
    *ret_len = 1;
    for (size_t len = 2; len <= have; len++) {
        static const uint32_t mark[] = {0, 0, 0xc0, 0xe0, 0xf0}, mask[] = {0, 0, 0x1f, 0x0f, 0x07}, least[] = {0, 0, 0x80, 0x800, 0x10000};
        uint32_t c = b[0] & mask[len];
        bool good = (b[0] & ~mask[len] & 0xff) == mark[len];
        for (size_t i = 1; i < len; i++) {
            good = good && (b[i] & 0xc0) == 0x80;
            c = c << 6 | (b[i] & 0x3f);
        }
        if (good && c >= least[len] && c <= 0x10ffff && !(c >= 0xd800 && c <= 0xdfff)) {
            cp = c;
            *ret_len = len;
        }
    }
    return cp;
}

static struct plain_pattern *utf16(struct plain *p, const struct plain_pattern *one, bool big, bool mark)
{
    struct plain_pattern *new = pattern_new(p, one->count * 4 + 2);
    size_t len;
    if (mark)
        put_unit(new, 0xfeff, big);
    for (size_t i = 0; i < one->count; i += len) {
        len = 1;
        if (one->token[i].kind != PLAIN_BYTE) {
            put_tokens(new, one, i, i + 1);
            continue;
        }
        uint32_t cp = character(one, i, &len);
        if (cp < 0x10000) {
            put_unit(new, cp, big);
        } else {
            put_unit(new, 0xd800 | (cp - 0x10000) >> 10, big);
            put_unit(new, 0xdc00 | ((cp - 0x10000) & 0x3ff), big);
        }
    }
    return new;
}

/* Bit `at` of the bytes, first the highest of the first byte; past the end 0. */
static uint32_t bit(const struct plain_pattern *one, size_t at)
{
    return at / 8 < one->count ? (unsigned)one->token[at / 8].byte >> (7 - at % 8) & 1u : 0;
}

static char digit(const struct plain_pattern *one, size_t first_bit)
{
    uint32_t v = 0;
    for (size_t i = 0; i < 6; i++)
        v = v << 1 | bit(one, first_bit + i);
    return "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"[v];
}

static struct plain_pattern *base64(struct plain *p, const struct plain_pattern *one)
{
    struct plain_pattern *new = pattern_new(p, one->count * 2 + 8);
    for (size_t at = 0; at < one->count * 8; at += 6)
        put(new, PLAIN_BYTE, (uint8_t)digit(one, at));
    while (new->count % 4)
        put(new, PLAIN_BYTE, '=');
    return new;
}

/* The digits whose six bits are all bits of the value, when `offset` bytes stand before it. Where whatever stands before takes bits of the
 * first digit, the first whole one begins later. */
static struct plain_pattern *base64_at(struct plain *p, const struct plain_pattern *one, size_t offset)
{
    struct plain_pattern *new = pattern_new(p, one->count * 2 + 8);
    size_t end = (offset + one->count) * 8;
    for (size_t at = 0; at + 6 <= end; at += 6)
        if (at >= offset * 8)
            put(new, PLAIN_BYTE, (uint8_t)digit(one, at - offset * 8));
    return new;
}

static struct plain_pattern *joined(struct plain_pattern *first, struct plain_pattern *second)
{
    struct plain_pattern *last = first;
    while (last && last->next)
        last = last->next;
    if (!last)
        return second;
    last->next = second;
    return first;
}

static const struct plain_placeholder *placeholder(const struct plain *p, const struct plain_pattern *one, size_t from, size_t to)
{
    for (uint32_t i = 0; i < p->placeholder_count; i++) {
        struct dw_str name = p->placeholder[i].name;
        bool same = name.len == to - from;
        for (size_t k = 0; same && k < name.len; k++)
            same = is_byte(one, from + k, name.ptr[k]);
        if (same)
            return &p->placeholder[i];
    }
    return NULL;
}

/* All that one pattern becomes when its placeholders are filled, from the first on. `\%` is a sign itself. */
static struct plain_pattern *expand(struct plain *p, const struct plain_pattern *one)
{
    struct plain_pattern *all = NULL;
    for (size_t i = 0; i < one->count; i++) {
        size_t end = i + 1;
        if (!is_byte(one, i, '%') || (i > 0 && is_byte(one, i - 1, '\\')))
            continue;
        while (is_word(one, end) || is_byte(one, end, '-') || is_byte(one, end, '.'))
            end++;
        if (end == i + 1 || !is_byte(one, end, '%'))
            continue;
        const struct plain_placeholder *with = placeholder(p, one, i + 1, end);
        for (uint32_t k = 0; with && k < with->count; k++) {
            struct plain_pattern *value = plain_read(p, with->value[k]), *new = pattern_new(p, one->count + value->count);
            put_tokens(new, one, 0, i);
            put_tokens(new, value, 0, value->count);
            put_tokens(new, one, end + 1, one->count);
            all = joined(all, expand(p, new));
        }
        return all; /* NULL: nobody gave values, nothing matches */
    }
    struct plain_pattern *new = pattern_new(p, one->count);
    for (size_t i = 0; i < one->count; i++)
        if (!(is_byte(one, i, '\\') && is_byte(one, i + 1, '%')))
            put_tokens(new, one, i, i + 1);
    return new;
}

static struct plain_pattern *transform_one(struct plain *p, const struct plain_pattern *one, struct dw_str name)
{
    if (dw_str_eq(name, DW_STR("windash")))
        return windash(p, one);
    if (dw_str_eq(name, DW_STR("wide")) || dw_str_eq(name, DW_STR("utf16le")))
        return utf16(p, one, false, false);
    if (dw_str_eq(name, DW_STR("utf16be")))
        return utf16(p, one, true, false);
    if (dw_str_eq(name, DW_STR("utf16")))
        return utf16(p, one, false, true);
    if (dw_str_eq(name, DW_STR("base64")))
        return base64(p, one);
    if (dw_str_eq(name, DW_STR("expand")))
        return expand(p, one);
    struct plain_pattern *all = NULL; /* base64offset */
    for (size_t offset = 0; offset < 3; offset++) {
        struct plain_pattern *shifted = base64_at(p, one, offset);
        all = shifted->count ? joined(all, shifted) : all; /* too short for a whole digit: no form, for it would be in every text */
    }
    return all;
}

struct plain_pattern *plain_transform(struct plain *p, struct plain_pattern *all, struct dw_str name, bool *ret_known)
{
    static const char *const names[] = {"windash", "wide", "utf16le", "utf16be", "utf16", "base64", "base64offset", "expand"};
    struct plain_pattern *made = NULL;
    *ret_known = false;
    for (size_t i = 0; i < DW_COUNT_OF(names); i++)
        *ret_known = *ret_known || dw_str_eq(name, dw_str_of(names[i]));
    for (; *ret_known && all; all = all->next)
        made = joined(made, transform_one(p, all, name));
    return *ret_known ? made : all;
}

struct dw_str plain_folded(struct plain *p, struct dw_str text)
{
    struct dw_buf out = {0};
    dw_fold_add(&out, text);
    struct dw_str copy = dw_arena_copy(&p->mem, dw_buf_view(&out));
    DW_ASSERT(!out.err && copy.ptr);
    dw_buf_fini(&out);
    return copy;
}

static struct plain_pattern *folded_pattern(struct plain *p, const struct plain_pattern *one)
{
    struct plain_pattern *new = pattern_new(p, one->count * 2 + 4);
    char *run = dw_arena_alloc(&p->mem, one->count + 1);
    size_t len = 0;
    for (size_t i = 0; i <= one->count; i++) {
        if (i < one->count && one->token[i].kind == PLAIN_BYTE) {
            run[len++] = (char)one->token[i].byte;
            continue;
        }
        struct dw_str f = plain_folded(p, dw_str_make(run, len));
        for (size_t k = 0; k < f.len; k++)
            put(new, PLAIN_BYTE, (uint8_t)f.ptr[k]);
        len = 0;
        if (i < one->count)
            put_tokens(new, one, i, i + 1);
    }
    return new;
}

/* Length of the character that begins at `at`; 0: the middle of one. */
static size_t character_at(struct dw_str text, size_t at)
{
    uint32_t cp;
    size_t from = at > 3 ? at - 3 : 0;
    for (size_t begin = from; begin < at; begin++)
        if (begin + dw_utf8_take(dw_str_slice(text, begin, text.len), &cp) > at && cp != UINT32_MAX)
            return 0;
    return dw_utf8_take(dw_str_slice(text, at, text.len), &cp);
}

static size_t dash_at(struct dw_str text, size_t at)
{
    static const char *const dashes[] = {"-", "/", "\xe2\x80\x93", "\xe2\x80\x94", "\xe2\x80\x95"};
    struct dw_str rest = dw_str_slice(text, at, text.len);
    for (size_t i = 0; i < DW_COUNT_OF(dashes); i++)
        if (dw_str_starts(rest, dw_str_of(dashes[i])))
            return strlen(dashes[i]);
    return 0;
}

bool plain_fits(struct plain *p, const struct plain_pattern *one, struct dw_str text, bool cased)
{
    if (!cased) {
        one = folded_pattern(p, one);
        text = plain_folded(p, text);
    }
    bool *here = dw_arena_alloc(&p->mem, text.len + 1), *next = dw_arena_alloc(&p->mem, text.len + 1);
    size_t low = 0; /* nothing before it is reached */
    here[0] = true;
    for (size_t i = 0; i < one->count && low <= text.len; i++) {
        struct plain_token t = one->token[i];
        size_t first = text.len + 1;
        bool star = false;
        for (size_t at = low; at <= text.len; at++) {
            size_t step = 0;
            star = t.kind == PLAIN_STAR && (star || here[at]);
            if (here[at] && at < text.len && t.kind != PLAIN_STAR)
                step = t.kind == PLAIN_ONE ? character_at(text, at) : t.kind == PLAIN_DASH ? dash_at(text, at) : (uint8_t)text.ptr[at] == t.byte;
            here[at] = false;
            if (star)
                next[at] = true;
            else if (step)
                next[at + step] = true;
            if ((star || step) && at + step < first)
                first = at + step;
        }
        low = first;
        bool *swap = here;
        here = next;
        next = swap;
    }
    return low <= text.len && here[text.len];
}
