/*
 * tokens: credentials that are known by how they begin, wherever they stand.
 *
 * Idea: services give their keys a beginning so that programs can find them in logs and code (GitHub's ghp_, Slack's xoxb-, AWS's AKIA ...). Each has
 * a pair of bytes that is rare in lines, by which pairs.c finds it.
 *
 * Invariants:
 *   (1) A token stands alone: no letter or digit touches its beginning.
 *   (2) All of it is masked, its beginning too, up to the first byte that cannot belong to it.
 */
#include "redact_int.h"

#include "dogwatch/base/assert.h"

enum { BASE62, BASE64URL, UPPER, JWT }; /* what may follow */

/* PREFIX: as the services document them; `min`: bytes that follow at least. */
static const struct {
    struct dw_str prefix;
    uint8_t min, kind, rule;
} prefixes[] = {
#define TOKEN(text, min, kind, rule) {{text, sizeof text - 1}, min, kind, DW_REDACT_##rule},
#include "dogwatch/tbl/redact_tokens.h"
#undef TOKEN
};

static bool is_alnum(char c)
{
    char low = (char)(c | 0x20);
    return (c >= '0' && c <= '9') || (low >= 'a' && low <= 'z');
}

static bool follows(char c, uint8_t kind)
{
    if (kind == UPPER)
        return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z');
    return is_alnum(c) || (kind != BASE62 && (c == '-' || c == '_')) || (kind == JWT && c == '.');
}

/* Whether a token begins at `at`: its length, or 0. */
static size_t token_at(struct dw_str line, size_t at, uint32_t set, enum dw_redact_rule *ret_rule)
{
    for (size_t i = 0; i < DW_COUNT_OF(prefixes); i++) {
        struct dw_str p = prefixes[i].prefix;
        if (p.ptr[0] != line.ptr[at] || !(set & 1u << prefixes[i].rule) || line.len - at < p.len || memcmp(line.ptr + at, p.ptr, p.len) != 0)
            continue;
        size_t end = at + p.len;
        while (end < line.len && follows(line.ptr[end], prefixes[i].kind))
            end++;
        bool jwt = prefixes[i].kind == JWT, dots = jwt && dw_str_index(dw_str_slice(line, at, end), '.') < end - at;
        if (end - at - p.len < prefixes[i].min || (jwt && !dots))
            continue;
        *ret_rule = (enum dw_redact_rule)prefixes[i].rule;
        return end - at;
    }
    return 0;
}

/* The beginning of the word that holds `at`. */
static size_t word_start(struct dw_str line, size_t at)
{
    enum { BACK = 12 }; /* no prefix is longer */
    size_t from = at;
    while (from > 0 && at - from < BACK && (is_alnum(line.ptr[from - 1]) || line.ptr[from - 1] == '_'))
        from--;
    return from;
}

size_t dw__at_token(struct dw__finder *f, uint32_t set, size_t at)
{
    enum dw_redact_rule rule;
    size_t from = word_start(f->line, at);
    bool may = strchr("AegxsrwnpdhSy", f->line.ptr[from]) && !(from && is_alnum(f->line.ptr[from - 1])); /* how prefixes begin */
    size_t len = may ? token_at(f->line, from, set, &rule) : 0;
    if (len)
        dw__found(f, rule, from, len);
    return len && from + len > at ? from + len : at + 1;
}
