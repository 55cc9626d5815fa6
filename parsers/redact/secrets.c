/*
 * secrets: passwords, credentials and keys, known by what stands before them.
 *
 * Idea: a secret is a value, and values follow '=' or ':' (password=x, "token": "x", Authorization: Bearer x,
 * https://user:x@host). So one pass looks at these two bytes only and reads the word before them backwards; keys
 * that carry their own mark (AKIA..., -----BEGIN) are looked for by that mark.
 *
 * Invariants:
 *   (1) No mask is empty, and none reaches past the line.
 *   (2) Only values are masked, never the names before them: an investigator sees what was there.
 */
#include "redact_int.h"

#include "dogwatch/base/assert.h"

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c | 0x20) : c;
}

static bool is_key_byte(char c)
{
    return (c >= '0' && c <= '9') || (lower(c) >= 'a' && lower(c) <= 'z');
}

/* Whether the word that ends at `end` (exclusive) ends with `word`, whatever its case; '-' and '_' are alike. */
static bool ends_with(struct dw_str line, size_t end, struct dw_str word)
{
    if (end < word.len)
        return false;
    for (size_t i = 0; i < word.len; i++) {
        char c = lower(line.ptr[end - word.len + i]);
        if (c != word.ptr[i] && !(c == '-' && word.ptr[i] == '_'))
            return false;
    }
    return true;
}

static bool ends_with_any(struct dw_str line, size_t end, const struct dw_str *words, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (ends_with(line, end, words[i]))
            return true;
    return false;
}

static bool is_value_end(char c)
{
    return (unsigned char)c <= ' ' || c == '"' || c == '\'' || c == '&' || c == ',' || c == ';' || c == '}' || c == ')' || c == ']';
}

/* Past quotes, blanks, backslashes before quotes, and the second of ":=" or "=>" . */
static size_t value_start(struct dw_str line, size_t at)
{
    while (at < line.len && line.ptr[at] && strchr("\"' \\=>", line.ptr[at]))
        at++;
    return at;
}

static size_t value_end(struct dw_str line, size_t at)
{
    while (at < line.len && !is_value_end(line.ptr[at]))
        at++;
    if (at < line.len && at > 0 && line.ptr[at] == '"' && line.ptr[at - 1] == '\\') /* an escaped quote in JSON */
        at--;
    return at;
}

static size_t mask_value(struct dw__finder *f, enum dw_redact_rule rule, size_t at)
{
    size_t end = value_end(f->line, at);
    if (end > at)
        dw__found(f, rule, at, end - at);
    return end;
}

/* "Bearer TOKEN", "Basic BASE64", or a token without scheme. Digest's many values are left as they are, but its response. */
static size_t mask_credentials(struct dw__finder *f, size_t at)
{
    size_t end = value_end(f->line, at);
    bool scheme = end < f->line.len && f->line.ptr[end] == ' ' && end - at <= 12;
    for (size_t i = at; scheme && i < end; i++)
        scheme = is_key_byte(f->line.ptr[i]) || f->line.ptr[i] == '-';
    return mask_value(f, DW_REDACT_BEARER, scheme ? value_start(f->line, end) : at);
}

/* scheme://user:password@host: `colon` is the one before the password. */
static size_t url_password(struct dw_str line, size_t colon)
{
    size_t at = colon + 1, from = colon;
    while (from > 0 && !is_value_end(line.ptr[from - 1]) && line.ptr[from - 1] != '/' && line.ptr[from - 1] != '@')
        from--;
    if (from < 3 || memcmp(line.ptr + from - 3, "://", 3) != 0)
        return 0;
    while (at < line.len && !is_value_end(line.ptr[at]) && line.ptr[at] != '@' && line.ptr[at] != '/')
        at++;
    return at < line.len && line.ptr[at] == '@' ? at : 0;
}

/* The end of the word before a '=' or ':', without the quote that may close it. */
static size_t word_end(struct dw_str line, size_t at)
{
    while (at > 0 && line.ptr[at - 1] && strchr("\"' \\", line.ptr[at - 1]))
        at--;
    return at;
}

static size_t at_mark(struct dw__finder *f, uint32_t set, size_t at)
{
    static const struct dw_str secrets[] = {{"password", 8}, {"passwd", 6}, {"pwd", 3}, {"passphrase", 10}, {"secret", 6},
        {"token", 5}, {"api_key", 7}, {"apikey", 6}, {"access_key", 10}, {"private_key", 11}};
    static const struct dw_str headers[] = {{"authorization", 13}};
    struct dw_str line = f->line;
    size_t word = word_end(line, at);
    if (set & 1u << DW_REDACT_BEARER && ends_with_any(line, word, headers, DW_COUNT_OF(headers)))
        return mask_credentials(f, value_start(line, at + 1));
    if (set & 1u << DW_REDACT_PASSWORDS && ends_with_any(line, word, secrets, DW_COUNT_OF(secrets)))
        return mask_value(f, DW_REDACT_PASSWORDS, value_start(line, at + 1));
    size_t host = set & 1u << DW_REDACT_URL_CREDENTIALS && line.ptr[at] == ':' ? url_password(line, at) : 0;
    if (host > at + 1) {
        dw__found(f, DW_REDACT_URL_CREDENTIALS, at + 1, host - at - 1);
        return host;
    }
    return at + 1;
}

static void scan_marks(struct dw__finder *f, uint32_t set)
{
    for (size_t i = 0; i < f->line.len;) {
        if (f->line.ptr[i] == '=' || f->line.ptr[i] == ':')
            i = at_mark(f, set, i);
        else
            i++;
    }
}

/* A bearer token that stands alone, as programs print it; short words after "Bearer" are prose. */
static void scan_bearer(struct dw__finder *f)
{
    enum { TOKEN_MIN = 16 };
    static const struct dw_str word = {"Bearer ", 7};
    for (size_t at = 0; at < f->line.len;) {
        struct dw_str rest = dw_str_slice(f->line, at, f->line.len);
        size_t hit = dw_str_find(rest, word);
        if (hit == rest.len)
            return;
        size_t start = at + hit + word.len, end = value_end(f->line, start);
        bool listed = false;
        for (uint32_t i = 0; i < f->count && i < f->max; i++)
            listed |= f->masks[i].start == start;
        if (end - start >= TOKEN_MIN && !listed)
            dw__found(f, DW_REDACT_BEARER, start, end - start);
        at = end > start ? end : start;
    }
}

static void scan_aws(struct dw__finder *f)
{
    enum { KEY_LEN = 20 };
    struct dw_str line = f->line;
    for (size_t i = 0; i + KEY_LEN <= line.len; i++) {
        i += dw_str_index(dw_str_slice(line, i, line.len), 'A');
        if (i + KEY_LEN > line.len)
            return;
        const char *s = line.ptr + i;
        if ((memcmp(s, "AKIA", 4) != 0 && memcmp(s, "ASIA", 4) != 0) || (i && is_key_byte(s[-1])))
            continue;
        size_t n = 4;
        while (n < KEY_LEN && is_key_byte(s[n]) && !(s[n] >= 'a' && s[n] <= 'z'))
            n++;
        if (n == KEY_LEN && (i + n == line.len || !is_key_byte(s[n])))
            dw__found(f, DW_REDACT_AWS_KEYS, i, n);
    }
}

/* From the header's end to the footer, or to the end of the line: a key of several lines is one line only when joined. */
static void scan_private_keys(struct dw__finder *f)
{
    static const struct dw_str begin = {"PRIVATE KEY-----", 16}, footer = {"-----END", 8};
    for (size_t at = 0; at < f->line.len;) {
        struct dw_str rest = dw_str_slice(f->line, at, f->line.len);
        size_t hit = dw_str_find(rest, begin);
        if (hit == rest.len)
            return;
        size_t start = at + hit + begin.len;
        size_t end = start + dw_str_find(dw_str_slice(f->line, start, f->line.len), footer);
        bool opens = dw_str_find(dw_str_slice(f->line, at, at + hit), DW_STR("-----BEGIN ")) < hit;
        if (opens && end > start)
            dw__found(f, DW_REDACT_PRIVATE_KEYS, start, end - start);
        at = end > start ? end : start;
        if (at < f->line.len) /* past the footer, whose own "PRIVATE KEY-----" is no beginning */
            at += footer.len;
    }
}

void dw__secrets_scan(struct dw__finder *f, uint32_t set)
{
    if (set & (1u << DW_REDACT_PASSWORDS | 1u << DW_REDACT_BEARER | 1u << DW_REDACT_URL_CREDENTIALS))
        scan_marks(f, set);
    if (set & 1u << DW_REDACT_BEARER)
        scan_bearer(f);
    if (set & 1u << DW_REDACT_AWS_KEYS)
        scan_aws(f);
    if (set & 1u << DW_REDACT_PRIVATE_KEYS)
        scan_private_keys(f);
}
