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

/* What one look at a URL tells: where its parts end, and whether it is valid. */
struct url {
    size_t mark, hash; /* of the first '?' before any '#', and of the first '#'; the length when there is none */
    size_t colon;      /* of the first ':' */
    bool encoded;      /* holds a '%' */
    bool valid;        /* every byte may stand in a URI and every '%' is followed by two hex digits */
};

static bool has_hex_pair(struct dw_str s, size_t at)
{
    return at + 2 <= s.len && hex_value(s.ptr[at]) >= 0 && hex_value(s.ptr[at + 1]) >= 0;
}

static struct url scan_url(struct dw_str s)
{
    /* What needs care: 1 refused (controls, blank, DEL, and the ten that RFC 3986 leaves out), 2 a mark of its parts. */
    static const uint8_t care[256] = {
#define UP_TO_BLANK 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1
        UP_TO_BLANK, ['"'] = 1, ['<'] = 1, ['>'] = 1, ['\\'] = 1, ['^'] = 1, ['`'] = 1, ['{'] = 1, ['|'] = 1, ['}'] = 1,
        [0x7f] = 1, ['?'] = 2, ['#'] = 2, [':'] = 2, ['%'] = 2};
#undef UP_TO_BLANK
    struct url u = {.mark = s.len, .hash = s.len, .colon = s.len, .valid = true};
    for (size_t i = 0;; i++) {
        while (i < s.len && care[(unsigned char)s.ptr[i]] == 0)
            i++;
        if (i == s.len)
            return u;
        char ch = s.ptr[i];
        if (care[(unsigned char)ch] == 1) {
            u.valid = false;
        } else if (ch == '%') {
            u.encoded = true;
            u.valid = u.valid && has_hex_pair(s, i + 1);
        } else if (ch == '?') {
            u.mark = u.mark == s.len && u.hash == s.len ? i : u.mark;
        } else if (ch == '#') {
            u.hash = u.hash == s.len ? i : u.hash;
        } else {
            u.colon = u.colon == s.len ? i : u.colon;
        }
    }
}

/* Apart, because its buffer would cost every URL the probing of two pages of stack. */
__attribute__((noinline)) static void put_percent_decoded(struct dw_draft *d, uint32_t key, struct dw_str s)
{
    char out[DECODE_MAX];
    size_t n = 0;
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

/* As written, unless it is to be decoded. */
static void put_decoded(struct dw_draft *d, uint32_t key, struct dw_str s, bool decode)
{
    if (!decode || s.len > DECODE_MAX || dw_str_index(s, '%') == s.len)
        fmt_put(d, key, s);
    else
        put_percent_decoded(d, key, s);
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
    struct url u = scan_url(s);
    size_t from = 0;
    if (u.colon > 0 && u.colon < 16 && dw_str_starts(dw_str_slice(s, u.colon, s.len), DW_STR("://"))
        && dw_str_index(s, '/') == u.colon + 1) {
        (void)fmt_set(d, DW_F_url_scheme, dw_str_slice(s, 0, u.colon));
        size_t authority = from = u.colon + 3;
        while (from < s.len && !strchr("/?#", s.ptr[from]))
            from++;
        put_authority(d, dw_str_slice(s, authority, from));
    }
    (void)fmt_set(d, DW_F_url_fragment, dw_str_slice(s, u.hash + 1, s.len));
    size_t end = u.mark < u.hash ? u.mark : u.hash;
    struct dw_str path = dw_str_slice(s, from, end), query = dw_str_slice(s, u.mark + 1, u.hash);
    if (path.len) {
        put_decoded(d, DW_F_url_path, path, u.encoded && u.valid);
        put_extension(d, path);
    }
    if (query.len)
        put_decoded(d, DW_F_url_query, query, u.encoded && u.valid);
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
        if (rest.ptr[i - 6] == ' ' && fmt_starts(dw_str_slice(rest, i - 6, rest.len), " HTTP/")) {
            (void)fmt_set(d, DW_F_http_version, dw_str_trim(dw_str_slice(rest, i, rest.len)));
            url = dw_str_trim(dw_str_slice(rest, 0, i - 6));
            break;
        }
    }
    (void)fmt_set(d, DW_F_http_request_method, method);
    fmt_url(d, url);
    return true;
}
