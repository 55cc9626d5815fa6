/*
 * iis: W3C access logs of IIS in its usual field sets, and the HTTPERR log of http.sys.
 *
 * The sets differ in how many words a line has and in which of them are addresses; a "#Fields:" line is a comment that
 * the parser of single lines does not see, so it goes by the words.
 *
 * Invariants:
 *   (1) Both logs are written in UTC, whatever zone the host has.
 *   (2) A line is taken only when method, port and status stand where its set has them.
 */
#include "formats.h"

#include "fmt.h"

enum { WORDS_MAX = 32 };

static size_t split(struct dw_str r, struct dw_str *word)
{
    size_t n = 0;
    while (n < WORDS_MAX) {
        struct dw_str w = fmt_word(&r);
        if (!w.len)
            break;
        word[n++] = w;
    }
    return n;
}

static bool is_method(struct dw_str s)
{
    if (fmt_eq(s, "-"))
        return true;
    for (size_t i = 0; i < s.len; i++)
        if (!((s.ptr[i] | 32) >= 'a' && (s.ptr[i] | 32) <= 'z') && s.ptr[i] != '_')
            return false;
    return s.len > 1;
}

/* [1.2.3.4](http://1.2.3.4), as some tools write addresses */
static struct dw_str plain(struct dw_str s)
{
    struct dw_str r = s, inner;
    return fmt_bracketed(&r, '[', ']', &inner) && fmt_starts(r, "(") ? inner : s;
}

static void put_agent(struct dw_draft *d, struct dw_str s)
{
    char text[1024];
    if (s.len > sizeof text || dw_str_index(s, '+') == s.len) {
        (void)fmt_set(d, DW_F_user_agent_original, s);
        return;
    }
    for (size_t i = 0; i < s.len; i++)
        text[i] = s.ptr[i] == '+' ? ' ' : s.ptr[i];
    (void)fmt_set(d, DW_F_user_agent_original, dw_str_make(text, s.len));
}

static void put_peers(struct dw_draft *d, struct dw_str source, struct dw_str destination)
{
    fmt_source(d, plain(source));
    fmt_destination(d, plain(destination));
    dw_draft_const(d, DW_F_event_category, "web");
    if (fmt_get(d, DW_F_source_ip).len && fmt_get(d, DW_F_destination_ip).len) {
        dw_draft_const(d, DW_F_event_category, "network");
        dw_draft_const(d, DW_F_event_type, "connection");
    }
}

/* Where the words of a set stand; -1: not in it. The first is the method; words before it were taken. */
struct iis_set {
    size_t words, method;
    int server_ip, client, version, agent, referrer, host, status, sent, received, taken;
};

static const struct iis_set sets[] = {
    /* s-ip method path query port user client agent referrer status sub win taken */
    {13, 1, 0, 6, -1, 7, 8, -1, 9, -1, -1, 12},
    /* the same without referrer */
    {12, 1, 0, 6, -1, 7, -1, -1, 8, -1, -1, 11},
    /* site method path query port user client agent cookie referrer host status sub win sent received taken */
    {17, 1, -1, 6, -1, 7, 9, 10, 11, 14, 15, 16},
    /* site server s-ip method path query port user client version agent cookie referrer host status sub win sent
       received taken */
    {20, 3, 2, 8, 9, 10, 12, 13, 14, 17, 18, 19},
    /* s-ip method path query port user client version agent cookie referrer host status sub win sent received taken */
    {18, 1, 0, 6, 7, 8, 10, 11, 12, 15, 16, 17},
};

static struct dw_str at(const struct dw_str *word, int index)
{
    return index < 0 ? DW_STR_NONE : word[index];
}

static bool fits(const struct iis_set *s, const struct dw_str *w, size_t n)
{
    struct dw_str status = w[s->status], port = w[s->method + 3], taken = w[s->taken];
    return n == s->words && is_method(w[s->method]) && (fmt_digits(port) || fmt_eq(port, "-")) &&
           ((fmt_digits(status) && status.len == 3) || fmt_eq(status, "-")) &&
           (fmt_digits(taken) || fmt_eq(taken, "-"));
}

int dw_parse_iis_access(const struct dw_parse_ctx *ctx, struct dw_draft *d)
{
    const struct dw_parse_ctx utc = {.time = {NULL, ctx->time.now_ns}};
    struct dw_str r = d->line, w[WORDS_MAX];
    if (!fmt_time(&utc, d, &r))
        return DW_ESYNTAX;
    size_t n = split(r, w);
    const struct iis_set *s = NULL;
    for (size_t i = 0; i < DW_COUNT_OF(sets) && !s; i++)
        if (n == sets[i].words && fits(&sets[i], w, n))
            s = &sets[i];
    if (!s)
        return DW_ESYNTAX;
    fmt_set_lower(d, DW_F_http_request_method, w[s->method]);
    (void)fmt_set(d, DW_F_url_path, w[s->method + 1]);
    (void)fmt_set(d, DW_F_url_query, w[s->method + 2]);
    (void)fmt_set_digits(d, DW_F_destination_port, w[s->method + 3]);
    fmt_user(d, w[s->method + 4]);
    put_peers(d, at(w, s->client), at(w, s->server_ip));
    put_agent(d, at(w, s->agent));
    (void)fmt_set(d, DW_F_http_request_referrer, at(w, s->referrer));
    (void)fmt_set(d, DW_F_destination_domain, at(w, s->host));
    struct dw_str version = at(w, s->version);
    if (fmt_lit(&version, "HTTP/"))
        (void)fmt_set(d, DW_F_http_version, version);
    (void)fmt_status(d, w[s->status]);
    (void)fmt_set_digits(d, DW_F_http_response_body_bytes, at(w, s->sent));
    (void)fmt_set_digits(d, DW_F_http_request_body_bytes, at(w, s->received));
    (void)fmt_duration(d, w[s->taken], DW_NS_PER_MS);
    return DW_OK;
}

/* time source port destination port version method url [stream] status site reason queue */
int dw_parse_iis_error(const struct dw_parse_ctx *ctx, struct dw_draft *d)
{
    const struct dw_parse_ctx utc = {.time = {NULL, ctx->time.now_ns}};
    struct dw_str r = d->line, w[WORDS_MAX];
    if (!fmt_time(&utc, d, &r))
        return DW_ESYNTAX;
    size_t n = split(r, w);
    if (n < 11 || n > 13 || !fmt_digits(w[1]) || !fmt_digits(w[3]) || !(fmt_starts(w[4], "HTTP/") || fmt_eq(w[4], "-")))
        return DW_ESYNTAX;
    put_peers(d, w[0], w[2]);
    (void)fmt_set_digits(d, DW_F_source_port, w[1]);
    (void)fmt_set_digits(d, DW_F_destination_port, w[3]);
    struct dw_str version = w[4];
    if (fmt_lit(&version, "HTTP/"))
        (void)fmt_set(d, DW_F_http_version, version);
    fmt_set_lower(d, DW_F_http_request_method, w[5]);
    fmt_url(d, w[6]);
    size_t status = n == 11 ? 7 : 8;
    (void)fmt_status(d, w[status]);
    (void)fmt_set(d, DW_F_event_reason, w[status + 2]);
    return DW_OK;
}

int dw_probe_iis_access(struct dw_str line)
{
    struct dw_str w[WORDS_MAX];
    size_t n =
        line.len > 20 && line.ptr[4] == '-' && line.ptr[10] == ' ' ? split(dw_str_slice(line, 19, line.len), w) : 0;
    for (size_t i = 0; i < DW_COUNT_OF(sets); i++)
        if (n == sets[i].words && fits(&sets[i], w, n))
            return 80;
    return 0;
}

int dw_probe_iis_error(struct dw_str line)
{
    struct dw_str w[WORDS_MAX];
    size_t n =
        line.len > 20 && line.ptr[4] == '-' && line.ptr[10] == ' ' ? split(dw_str_slice(line, 19, line.len), w) : 0;
    return n >= 11 && n <= 13 && fmt_digits(w[1]) && fmt_digits(w[3]) && fmt_is_ip(w[0]) && fmt_is_ip(w[2]) ? 75 : 0;
}
