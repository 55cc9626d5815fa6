/*
 * fmt: the words, addresses, requests and URLs that formats share.
 *
 * Invariants:
 *   (1) A take that fails leaves the rest as it was.
 *   (2) Nothing is written into the draft that the text does not say, except constants of the format.
 */
#include "fmt.h"

#include "dogwatch/event/json_read.h"

#include "dogwatch/base/counter.h"

#include <arpa/inet.h>

static bool is_alnum(char ch)
{
    return (ch >= '0' && ch <= '9') || ((ch | 32) >= 'a' && (ch | 32) <= 'z');
}

static void advance(struct dw_str *r, size_t n)
{
    *r = dw_str_slice(*r, n, r->len);
}

bool fmt_lit(struct dw_str *r, const char *text)
{
    struct dw_str t = dw_str_of(text);
    if (!dw_str_starts(*r, t))
        return false;
    advance(r, t.len);
    return true;
}

bool fmt_bracketed(struct dw_str *r, char open, char close, struct dw_str *ret)
{
    struct dw_str at = *r;
    fmt_blanks(&at);
    if (!at.len || at.ptr[0] != open)
        return false;
    size_t depth = 0;
    for (size_t i = 0; i < at.len; i++) {
        if (at.ptr[i] == open && open != close)
            depth++;
        else if (at.ptr[i] == close && (open == close ? i > 0 : --depth == 0)) {
            *ret = dw_str_slice(at, 1, i);
            *r = dw_str_slice(at, i + 1, at.len);
            return true;
        }
    }
    return false;
}

bool fmt_upto(struct dw_str *r, const char *text, struct dw_str *ret)
{
    struct dw_str t = dw_str_of(text);
    size_t at = dw_str_find(*r, t);
    if (at >= r->len)
        return false;
    *ret = dw_str_slice(*r, 0, at);
    advance(r, at + t.len);
    return true;
}

bool fmt_time(const struct dw_parse_ctx *ctx, struct dw_draft *d, struct dw_str *r)
{
    struct dw_time t;
    if (dw_time_scan(*r, &ctx->time, &t))
        return false;
    dw_draft_time(d, t.ns);
    advance(r, t.len);
    return true;
}

bool fmt_pair(struct dw_str *r, struct dw_str *ret_key, struct dw_str *ret_value)
{
    struct dw_str at = *r;
    while (at.len && (dw_is_blank(at.ptr[0]) || at.ptr[0] == ','))
        advance(&at, 1);
    size_t n = 0;
    while (n < at.len &&
           (is_alnum(at.ptr[n]) || (at.ptr[n] != '=' && at.ptr[n] != '"' && at.ptr[n] != '\'' && !dw_is_blank(at.ptr[n]))))
        n++;
    if (n == 0 || n >= at.len || at.ptr[n] != '=')
        return false;
    *ret_key = dw_str_slice(at, 0, n);
    advance(&at, n + 1);
    if (at.len && at.ptr[0] == '\'' && fmt_bracketed(&at, '\'', '\'', ret_value)) {
        *r = at;
        return true;
    }
    if (at.len && at.ptr[0] == '"' && fmt_quoted(&at, ret_value)) {
        *r = at;
        return true;
    }
    n = 0;
    while (n < at.len && !dw_is_blank(at.ptr[n]))
        n++;
    *ret_value = dw_str_slice(at, 0, n);
    advance(&at, n);
    *r = at;
    return true;
}

/* Four numbers up to 255 without leading zeros, as inet_pton(3) takes them; far more often asked than any other. */
static bool is_ipv4(struct dw_str s)
{
    size_t at = 0;
    for (int part = 0; part < 4; part++) {
        if (part && (at == s.len || s.ptr[at++] != '.'))
            return false;
        unsigned value = 0, d;
        size_t from = at;
        for (; at < s.len && at - from < 3 && (d = (unsigned)(unsigned char)s.ptr[at] - '0') <= 9; at++)
            value = value * 10 + d;
        if (at == from || value > 255 || (at - from > 1 && s.ptr[from] == '0'))
            return false;
    }
    return at == s.len;
}

bool fmt_is_ip(struct dw_str s)
{
    char text[INET6_ADDRSTRLEN];
    unsigned char out[16];
    if (is_ipv4(s))
        return true;
    if (s.len < 2 || s.len >= sizeof text || dw_str_index(s, ':') == s.len)
        return false;
    memcpy(text, s.ptr, s.len);
    text[s.len] = '\0';
    return inet_pton(AF_INET6, text, out) == 1;
}

bool fmt_has(struct dw_str s, const char *text)
{
    return dw_str_find(s, dw_str_of(text)) < s.len;
}

bool fmt_eq(struct dw_str s, const char *text)
{
    return dw_str_eq(s, dw_str_of(text));
}

bool fmt_starts(struct dw_str s, const char *text)
{
    return dw_str_starts(s, dw_str_of(text));
}

bool fmt_among(struct dw_str s, const char *list)
{
    struct dw_str rest = dw_str_of(list);
    while (rest.len) {
        struct dw_str w = fmt_word(&rest);
        if (w.len && dw_str_ieq(w, s))
            return true;
    }
    return false;
}

void fmt_host_port(struct dw_str s, struct dw_str *ret_host, struct dw_str *ret_port)
{
    *ret_port = DW_STR_NONE;
    struct dw_str host = s;
    if (s.len && s.ptr[0] == '[' && fmt_bracketed(&s, '[', ']', &host)) {
        *ret_port = fmt_lit(&s, ":") ? s : DW_STR_NONE;
    } else {
        size_t colon = host.len;
        while (colon > 0 && host.ptr[colon - 1] != ':')
            colon--;
        struct dw_str port = dw_str_slice(host, colon, host.len), name = dw_str_slice(host, 0, colon ? colon - 1 : 0);
        if (colon > 0 && fmt_digits(port) && (dw_str_index(name, ':') == name.len || !fmt_is_ip(host))) {
            *ret_port = port;
            host = name;
        }
    }
    *ret_host = host;
}

bool fmt_is_error(struct dw_str level)
{
    return fmt_among(level, " e f err error fatal panic crit critical alert emerg emergency severe ");
}

bool fmt_set_digits(struct dw_draft *d, uint32_t key, struct dw_str s)
{
    return fmt_digits(s) && s.len <= 18 && fmt_set(d, key, s);
}

struct dw_field fmt_field(const struct dw_draft *d, struct dw_str s)
{
    return (struct dw_field){.v.ptr = s.ptr, .len = (uint32_t)s.len, .kind = dw_draft_holds(d, s) ? DW_K_VIEW : DW_K_LITERAL};
}

void fmt_set_lower(struct dw_draft *d, uint32_t key, struct dw_str s)
{
    char low[64];
    bool same = true;
    if (s.len > sizeof low) {
        (void)fmt_set(d, key, s);
        return;
    }
    for (size_t i = 0; i < s.len; i++) {
        bool upper = s.ptr[i] >= 'A' && s.ptr[i] <= 'Z';
        low[i] = upper ? (char)(s.ptr[i] | 32) : s.ptr[i];
        same = same && !upper;
    }
    (void)fmt_set(d, key, same ? s : dw_str_make(low, s.len));
}

void fmt_set_named(struct dw_draft *d, const char *prefix, struct dw_str key, struct dw_str s)
{
    char name[128];
    struct dw_str p = dw_str_of(prefix);
    uint32_t id;
    if (s.len == 0)
        return;
    if (p.len + key.len > sizeof name) {
        d->dropped++;
        DW_COUNT(parse_fields_dropped);
        return;
    }
    memcpy(name, p.ptr, p.len);
    if (key.len)
        memcpy(name + p.len, key.ptr, key.len);
    if (dw_keys_intern_passing(d->keys, dw_str_make(name, p.len + key.len), &id) < 0) {
        DW_COUNT(parse_keys_dropped);
        return;
    }
    d->name_bytes += id >= DW_FIELDS ? p.len + key.len : 0;
    fmt_put(d, id, s);
}

struct dw_str fmt_get(const struct dw_draft *d, uint32_t key)
{
    for (uint32_t i = 0; i < d->field_count; i++)
        if (d->field[i].key == key && dw_field_is_text(&d->field[i]))
            return dw_field_str(&d->field[i]);
    return DW_STR_NONE;
}

void fmt_words(struct dw_draft *d, uint32_t key, const char *words)
{
    struct dw_str rest = dw_str_of(words), w = fmt_word(&rest);
    for (; w.len; w = fmt_word(&rest))
        dw_draft_text(d, key, w, DW_K_CONST);
}

/* The address of [v4 | v6[%zone]]; empty when it is none. */
static struct dw_str address_of(struct dw_str s)
{
    if (is_ipv4(s))
        return s;
    struct dw_str bare = dw_str_slice(s, 0, dw_str_index(s, '%'));
    return fmt_is_ip(bare) ? bare : DW_STR_NONE;
}

void fmt_source(struct dw_draft *d, struct dw_str s)
{
    if (!fmt_set(d, DW_F_source_address, s))
        return;
    struct dw_str ip = address_of(s);
    if (ip.len) {
        fmt_put(d, DW_F_source_ip, ip);
        fmt_put(d, DW_F_related_ip, ip);
    } else if (dw_str_index(s, ':') == s.len && dw_str_index(s, '/') == s.len) {
        fmt_put(d, DW_F_source_domain, s);
    }
}

void fmt_destination(struct dw_draft *d, struct dw_str s)
{
    if (!fmt_set(d, DW_F_destination_address, s))
        return;
    struct dw_str ip = address_of(s);
    if (ip.len) {
        fmt_put(d, DW_F_destination_ip, ip);
        fmt_put(d, DW_F_related_ip, ip);
    } else {
        fmt_put(d, DW_F_destination_domain, s);
    }
}

bool fmt_duration(struct dw_draft *d, struct dw_str s, int64_t unit)
{
    size_t dot = dw_str_index(s, '.');
    struct dw_str whole = dw_str_slice(s, 0, dot), frac = dw_str_slice(s, dot + 1, s.len);
    int64_t ns, part = 0, div = 1;
    if (!dw_str_i64(whole, &ns) || ns < 0 || __builtin_mul_overflow(ns, unit, &ns))
        return false;
    for (size_t i = 0; i < frac.len && i < 9; i++) {
        if (frac.ptr[i] < '0' || frac.ptr[i] > '9')
            return false;
        part = part * 10 + (frac.ptr[i] - '0');
        div *= 10;
    }
    /* unit and div are powers of ten (or 60 times one), part < 1e9: the product fits */
    dw_draft_int(d, DW_F_event_duration, ns + (unit >= div ? part * (unit / div) : part / (div / unit)));
    return true;
}

bool fmt_status(struct dw_draft *d, struct dw_str s)
{
    if (s.len != 3 || !fmt_digits(s))
        return false;
    fmt_put(d, DW_F_http_response_status_code, s);
    dw_draft_const(d, DW_F_event_outcome, s.ptr[0] < '4' ? "success" : "failure");
    return true;
}

void fmt_user(struct dw_draft *d, struct dw_str s)
{
    if (fmt_set(d, DW_F_user_name, s))
        (void)fmt_set(d, DW_F_related_user, s);
}
