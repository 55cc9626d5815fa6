/*
 * fmt_url: request lines and the parts of their URLs.
 *
 * url.original is as written; path and query are percent-decoded when the whole is a valid URI (as Filebeat does), raw
 * otherwise, so that what a rule sees never depends on half a decoding.
 *
 * Invariants:
 *   (1) Decoding writes at most as many bytes as it reads.
 *   (2) A control byte is never made by decoding: such a value stays as written.
 */
#include "fmt.h"

enum { DECODE_MAX = 8192 };

static int hex_value(char ch)
{
    if (ch >= '0' && ch <= '9')
        return ch - '0';
    char low = (char)(ch | 32);
    return low >= 'a' && low <= 'f' ? low - 'a' + 10 : -1;
}

/* Whether every byte may stand in a URI and every % is followed by two hex digits. */
static bool valid_uri(struct dw_str s)
{
    /* One bit a byte value: controls, blank, DEL and the ten that RFC 3986 leaves out. */
    static const uint64_t refused[4] = {UINT64_C(0x50000005ffffffff), UINT64_C(0xb800000150000000), 0, 0};
    for (size_t i = 0; i < s.len; i++) {
        unsigned char ch = (unsigned char)s.ptr[i];
        if (refused[ch >> 6] >> (ch & 63) & 1)
            return false;
        if (ch == '%' && (i + 2 >= s.len || hex_value(s.ptr[i + 1]) < 0 || hex_value(s.ptr[i + 2]) < 0))
            return false;
    }
    return true;
}

static void put_decoded(struct dw_draft *d, uint32_t key, struct dw_str s, bool valid)
{
    char out[DECODE_MAX];
    size_t n = 0;
    if (!valid || s.len > sizeof out || dw_str_index(s, '%') == s.len) {
        fmt_put(d, key, s);
        return;
    }
    for (size_t i = 0; i < s.len; i++) {
        char ch = s.ptr[i];
        if (ch == '%') {
            ch = (char)(hex_value(s.ptr[i + 1]) * 16 + hex_value(s.ptr[i + 2]));
            i += 2;
            if ((unsigned char)ch < ' ') {
                fmt_put(d, key, s);
                return;
            }
        }
        out[n++] = ch;
    }
    dw_draft_literal(d, key, dw_str_make(out, n));
}

static void put_extension(struct dw_draft *d, struct dw_str path)
{
    size_t at = path.len;
    while (at > 0 && path.ptr[at - 1] != '.' && path.ptr[at - 1] != '/')
        at--;
    if (at > 1 && path.ptr[at - 1] == '.' && path.ptr[at - 2] != '/' && path.len - at <= 16)
        (void)fmt_set(d, DW_F_url_extension, dw_str_slice(path, at, path.len));
}

static void put_authority(struct dw_draft *d, struct dw_str s)
{
    size_t at = dw_str_index(s, '@');
    if (at < s.len) {
        struct dw_str user = dw_str_slice(s, 0, at);
        (void)fmt_set(d, DW_F_url_username, dw_str_cut(&user, ':'));
        s = dw_str_slice(s, at + 1, s.len);
    }
    struct dw_str host, port;
    fmt_host_port(s, &host, &port);
    (void)fmt_set(d, DW_F_url_domain, host);
    (void)fmt_set_digits(d, DW_F_url_port, port);
}

void fmt_url_parts(struct dw_draft *d, struct dw_str s)
{
    bool valid = valid_uri(s);
    size_t scheme = dw_str_find(s, DW_STR("://"));
    if (scheme < s.len && scheme > 0 && scheme < 16 && dw_str_index(s, '/') == scheme + 1) {
        (void)fmt_set(d, DW_F_url_scheme, dw_str_slice(s, 0, scheme));
        s = dw_str_slice(s, scheme + 3, s.len);
        size_t end = 0;
        while (end < s.len && !strchr("/?#", s.ptr[end]))
            end++;
        put_authority(d, dw_str_slice(s, 0, end));
        s = dw_str_slice(s, end, s.len);
    }
    size_t hash = dw_str_index(s, '#');
    (void)fmt_set(d, DW_F_url_fragment, dw_str_slice(s, hash + 1, s.len));
    s = dw_str_slice(s, 0, hash);
    size_t mark = dw_str_index(s, '?');
    struct dw_str path = dw_str_slice(s, 0, mark);
    if (path.len) {
        put_decoded(d, DW_F_url_path, path, valid);
        put_extension(d, path);
    }
    if (mark < s.len && mark + 1 < s.len)
        put_decoded(d, DW_F_url_query, dw_str_slice(s, mark + 1, s.len), valid);
}

void fmt_url(struct dw_draft *d, struct dw_str s)
{
    if (!fmt_set(d, DW_F_url_original, s))
        return;
    fmt_url_parts(d, s);
}

bool fmt_request(struct dw_draft *d, struct dw_str s)
{
    struct dw_str rest = s, method = fmt_word(&rest);
    fmt_blanks(&rest);
    if (method.len == 0 || method.len > 24 || rest.len == 0)
        return false;
    for (size_t i = 0; i < method.len; i++) {
        char low = (char)(method.ptr[i] | 32);
        if (!(low >= 'a' && low <= 'z') && method.ptr[i] != '_' && method.ptr[i] != '-')
            return false;
    }
    struct dw_str url = rest;
    for (size_t i = rest.len; i >= 6; i--) {
        if (fmt_starts(dw_str_slice(rest, i - 6, rest.len), " HTTP/")) {
            (void)fmt_set(d, DW_F_http_version, dw_str_trim(dw_str_slice(rest, i, rest.len)));
            url = dw_str_trim(dw_str_slice(rest, 0, i - 6));
            break;
        }
    }
    (void)fmt_set(d, DW_F_http_request_method, method);
    fmt_url(d, url);
    return true;
}
