/*
 * secrets: passwords, credentials and keys, known by what stands before them.
 *
 * Idea: a secret is a value, and values follow '=' or ':' (password=x, "token": "x", Authorization: Bearer x,
 * https://user:x@host), or these percent-encoded: the word before is read backwards from there. Private keys are known by
 * their header, and by how their lines look.
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

static const struct dw_str secret_names[] = {{"password", 8}, {"passwd", 6}, {"pwd", 3}, {"passphrase", 10}, {"secret", 6}, {"token", 5}, {"api_key", 7},
    {"apikey", 6}, {"access_key", 10}, {"accesskey", 9}, {"account_key", 11}, {"accountkey", 10}, {"private_key", 11}, {"credentials", 11}};

/* Whether the word that ends at `end` says that a secret follows. */
static bool names_secret(struct dw_str line, size_t end)
{
#define LETTER(c) (1u << ((c) & 31))
    /* The last two letters of the names: nearly all other words are done here. */
    enum { LAST = LETTER('d') | LETTER('e') | LETTER('t') | LETTER('n') | LETTER('y') | LETTER('s') };
    enum { BEFORE = LETTER('r') | LETTER('w') | LETTER('s') | LETTER('e') | LETTER('l') };
    if (end < 2 || !(LAST & LETTER(line.ptr[end - 1])) || !(BEFORE & LETTER(line.ptr[end - 2])))
        return false;
#undef LETTER
    for (size_t i = 0; i < DW_COUNT_OF(secret_names); i++)
        if (ends_with(line, end, secret_names[i]))
            return true;
    return false;
}

static bool is_value_end(char c)
{
    return (unsigned char)c <= ' ' || c == '"' || c == '\'' || c == '&' || c == ',' || c == ';' || c == '}' || c == ')' || c == ']';
}

/* What may stand between a name, its '=' or ':', and its value. */
static bool is_around(char c)
{
    return c == '"' || c == '\'' || c == ' ' || c == '\\';
}

/* Past quotes, blanks, backslashes before quotes, and the second of ":=" or "=>" . */
static size_t value_start(struct dw_str line, size_t at)
{
    while (at < line.len && (is_around(line.ptr[at]) || line.ptr[at] == '=' || line.ptr[at] == '>'))
        at++;
    return at;
}

/* Where a value ends that stands in quotes: at the quote like the one before it, whatever is in between. `at` when it does not end. */
static size_t quoted_end(struct dw_str line, size_t at)
{
    char quote = at > 0 ? line.ptr[at - 1] : 0;
    bool escaped = at > 1 && line.ptr[at - 2] == '\\'; /* within a string of JSON */
    if (quote != '"' && quote != '\'')
        return at;
    for (size_t i = at; i < line.len; i++) {
        bool slash = i > at && line.ptr[i - 1] == '\\' && !(i > at + 1 && line.ptr[i - 2] == '\\');
        if (line.ptr[i] == quote && slash == escaped)
            return escaped ? i - 1 : i;
    }
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
    size_t quoted = quoted_end(f->line, at), end = quoted > at ? quoted : value_end(f->line, at);
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

/* scheme://user:password@host: from the '@' back to the colon. */
static void url_password(struct dw__finder *f, size_t at)
{
    struct dw_str line = f->line;
    size_t colon = at, from;
    while (colon > 0 && !is_value_end(line.ptr[colon - 1]) && line.ptr[colon - 1] != '/' && line.ptr[colon - 1] != '@' && line.ptr[colon - 1] != ':')
        colon--;
    if (colon == 0 || line.ptr[colon - 1] != ':' || colon == at)
        return;
    for (from = colon - 1; from > 0 && !is_value_end(line.ptr[from - 1]) && line.ptr[from - 1] != '/' && line.ptr[from - 1] != '@' && line.ptr[from - 1] != ':';)
        from--;
    if (from >= 3 && memcmp(line.ptr + from - 3, "://", 3) == 0)
        dw__found(f, DW_REDACT_URL_CREDENTIALS, colon, at - colon);
}

/* The end of the word before a '=' or ':', without the quote that may close it. */
static size_t word_end(struct dw_str line, size_t at)
{
    while (at > 0 && is_around(line.ptr[at - 1]))
        at--;
    return at;
}

/* pass=x: of a count of what passed a test nothing is secret. */
static size_t short_password(struct dw__finder *f, size_t word, size_t at)
{
    static const struct dw_str name = {"pass", 4};
    struct dw_str line = f->line;
    if (line.ptr[at] != '=' || !ends_with(line, word, name) || (word > name.len && is_key_byte(line.ptr[word - name.len - 1])))
        return 0;
    size_t start = value_start(line, at + 1), end = value_end(line, start), digits = start;
    while (digits < end && line.ptr[digits] >= '0' && line.ptr[digits] <= '9')
        digits++;
    return digits < end ? mask_value(f, DW_REDACT_PASSWORDS, start) : 0;
}

/* password%3Dx, as a form stands in a URL: the value ends at the next '%26', quote or the usual ends. */
size_t dw__at_percent(struct dw__finder *f, uint32_t set, size_t at)
{
    struct dw_str line = f->line;
    bool marks = at + 3 < line.len && line.ptr[at + 1] == '3' && (lower(line.ptr[at + 2]) == 'd' || lower(line.ptr[at + 2]) == 'a');
    if (!marks || !(set & 1u << DW_REDACT_PASSWORDS))
        return at + 1;
    size_t word = at, start = at + 3;
    while (word >= 3 && memcmp(line.ptr + word - 3, "%22", 3) == 0)
        word -= 3;
    if (!names_secret(line, word))
        return at + 1;
    while (start + 3 <= line.len && (memcmp(line.ptr + start, "%22", 3) == 0 || memcmp(line.ptr + start, "%20", 3) == 0))
        start += 3;
    size_t end = start, most = value_end(line, start);
    while (end < most && !(end + 3 <= most && (memcmp(line.ptr + end, "%26", 3) == 0 || memcmp(line.ptr + end, "%22", 3) == 0)))
        end++;
    if (end > start)
        dw__found(f, DW_REDACT_PASSWORDS, start, end - start);
    return end > at ? end : at + 1;
}

size_t dw__at_mark(struct dw__finder *f, uint32_t set, size_t at)
{
    static const struct dw_str header = {"authorization", 13};
    struct dw_str line = f->line;
    size_t word = word_end(line, at);
    if (set & 1u << DW_REDACT_BEARER && ends_with(line, word, header))
        return mask_credentials(f, value_start(line, at + 1));
    if (set & 1u << DW_REDACT_PASSWORDS && names_secret(line, word))
        return mask_value(f, DW_REDACT_PASSWORDS, value_start(line, at + 1));
    size_t masked = set & 1u << DW_REDACT_PASSWORDS ? short_password(f, word, at) : 0;
    if (masked)
        return masked;
    return at + 1;
}

/* A bearer token that stands alone, as programs print it; short words after "Bearer" are prose. */
size_t dw__at_bearer(struct dw__finder *f, size_t at)
{
    enum { TOKEN_MIN = 16 };
    static const struct dw_str word = {"Bearer ", 7};
    if (f->line.len - at < word.len || memcmp(f->line.ptr + at, word.ptr, word.len) != 0)
        return at + 1;
    size_t start = at + word.len, end = value_end(f->line, start);
    if (end - start >= TOKEN_MIN)
        dw__found(f, DW_REDACT_BEARER, start, end - start);
    return end;
}

/* From the header's end to the footer, or to the end of the line: a key of several lines is one line only when joined. `at`: in the dashes before. */
size_t dw__at_dashes(struct dw__finder *f, size_t at)
{
    static const struct dw_str begin = {"BEGIN ", 6}, key = {"PRIVATE KEY-----", 16}, footer = {"-----END", 8};
    struct dw_str line = f->line;
    while (at < line.len && line.ptr[at] == '-')
        at++;
    if (line.len - at < begin.len || memcmp(line.ptr + at, begin.ptr, begin.len) != 0)
        return at;
    size_t title = dw_str_index(dw_str_slice(line, at, line.len), '-'); /* "RSA PRIVATE KEY" ends where dashes begin */
    size_t start = at + title + key.len - (key.len - 5);
    if (start > line.len || title < key.len - 5 || memcmp(line.ptr + start - key.len, key.ptr, key.len) != 0)
        return at;
    size_t end = start + dw_str_find(dw_str_slice(line, start, line.len), footer);
    if (end > start)
        dw__found(f, DW_REDACT_PRIVATE_KEYS, start, end - start);
    return end < line.len ? end + footer.len : end; /* past the footer, which is no header */
}

static bool is_base64(char c)
{
    return is_key_byte(c) || c == '+' || c == '/';
}

/* A line of a key that is written over several: nothing but base64, as long as PEM has it. A hash in hex is none. */
void dw__key_line(struct dw__finder *f)
{
    enum { SHORTEST = 60, LONGEST = 80 };
    struct dw_str line = f->line.len < 2 * LONGEST ? dw_str_trim(f->line) : f->line;
    bool beyond_hex = false;
    if (line.len < SHORTEST || line.len > LONGEST)
        return;
    for (size_t i = 0; i < line.len; i++) {
        char c = line.ptr[i];
        if (!is_base64(c) && !(c == '=' && i + 2 >= line.len))
            return;
        beyond_hex |= lower(c) > 'f' || c == '+' || c == '/';
    }
    if (beyond_hex)
        dw__found(f, DW_REDACT_PRIVATE_KEYS, (size_t)(line.ptr - f->line.ptr), line.len);
}

bool dw_redact_key_line(bool inside, struct dw_str line, struct dw_mask *ret)
{
    struct dw_str text = dw_str_trim(line);
    size_t header = dw_str_find(line, DW_STR("PRIVATE KEY-----"));
    *ret = (struct dw_mask){.rule = DW_REDACT_PRIVATE_KEYS};
    if (header < line.len) /* its beginning, unless its end stands here too */
        return dw_str_find(line, DW_STR("-----BEGIN ")) < header && dw_str_find(line, DW_STR("-----END")) == line.len;
    for (size_t i = 0; inside && i < text.len; i++)
        inside = is_base64(text.ptr[i]) || text.ptr[i] == '=';
    if (!inside || text.len == 0)
        return false;
    ret->start = (uint32_t)(text.ptr - line.ptr);
    ret->len = (uint32_t)text.len;
    return true;
}

static bool is_local_part(char c)
{
    return is_key_byte(c) || (c && strchr(".!#$%&'*+/=?^_`{|}~-", c));
}

/* RFC 5322's dot-atom before an @ that a domain follows. */
static void email(struct dw__finder *f, size_t at)
{
    struct dw_str line = f->line;
    size_t from = at, to = at + 1;
    while (from > 0 && is_local_part(line.ptr[from - 1]))
        from--;
    while (to < line.len && (is_key_byte(line.ptr[to]) || line.ptr[to] == '-'))
        to++;
    if (from < at && to > at + 1 && to + 1 < line.len && line.ptr[to] == '.' && is_key_byte(line.ptr[to + 1]))
        dw__found(f, DW_REDACT_EMAILS, from, at - from);
}

size_t dw__at_address(struct dw__finder *f, uint32_t set, size_t at)
{
    if (set & 1u << DW_REDACT_URL_CREDENTIALS)
        url_password(f, at);
    if (set & 1u << DW_REDACT_EMAILS)
        email(f, at);
    return at + 1;
}
