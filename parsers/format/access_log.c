/*
 * access_log: nginx, ingress-nginx, Apache and Traefik access logs, all children of the common log format.
 *
 *     [host[:port] ]client[, client...] ident user [time] "request" status bytes "referrer" "agent" more
 *
 * Invariants:
 *   (1) Without a bracketed time and a status (or Apache's TLS form) the line is refused.
 *   (2) Of several addresses the client is the first public one, else the first.
 */
#include "formats.h"

#include "fmt.h"

struct access {
    struct dw_str hosts, user, request, status, bytes, referrer, agent, rest;
};

/* Cuts the line at its time; takes the time. */
static bool cut_time(const struct dw_parse_ctx *ctx, struct dw_draft *d, struct dw_str *before, struct dw_str *after)
{
    struct dw_str line = d->line;
    for (size_t at = dw_str_index(line, '['); at < line.len; at += 1 + dw_str_index(dw_str_slice(line, at + 1, line.len), '[')) {
        if (at > 0 && line.ptr[at - 1] != ' ')
            continue;
        struct dw_str r = dw_str_slice(line, at + 1, line.len);
        if (fmt_time(ctx, d, &r) && fmt_lit(&r, "]")) {
            *before = dw_str_trim(dw_str_slice(line, 0, at));
            *after = r;
            return true;
        }
        if (at > 512)
            break;
    }
    return false;
}

static bool split(const struct dw_parse_ctx *ctx, struct dw_draft *d, struct access *a)
{
    struct dw_str before, r;
    *a = (struct access){0};
    if (!cut_time(ctx, d, &before, &r) || before.len == 0)
        return false;
    size_t dash = dw_str_index(before, ' ');
    if (!dw_str_starts(dw_str_slice(before, dash, before.len), DW_STR(" - ")))
        dash = dw_str_find(before, DW_STR(" - "));
    if (dash < before.len) {
        a->hosts = dw_str_slice(before, 0, dash);
        a->user = dw_str_trim(dw_str_slice(before, dash + 3, before.len));
    } else {
        size_t at = before.len;
        for (int words = 0; words < 2; words++) {
            size_t end = at;
            while (at > 0 && before.ptr[at - 1] != ' ')
                at--;
            if (words == 0)
                a->user = dw_str_slice(before, at, end);
            at -= at > 0;
        }
        a->hosts = dw_str_trim(dw_str_slice(before, 0, at));
    }
    if (a->hosts.len == 0 || !fmt_quoted(&r, &a->request))
        return false;
    a->status = fmt_word(&r);
    a->bytes = fmt_word(&r);
    if (!fmt_digits(a->status) || a->status.len != 3 || !(fmt_digits(a->bytes) || fmt_eq(a->bytes, "-")))
        return false;
    if (fmt_quoted(&r, &a->referrer))
        (void)fmt_quoted(&r, &a->agent);
    fmt_blanks(&r);
    a->rest = r;
    return true;
}

static bool is_private(struct dw_str s)
{
    if (fmt_starts(s, "10.") || fmt_starts(s, "192.168.") || fmt_starts(s, "127.") || fmt_eq(s, "::1") ||
        fmt_starts(s, "fd") || fmt_starts(s, "fc") || fmt_starts(s, "fe80:"))
        return true;
    uint64_t second;
    struct dw_str net = dw_str_slice(s, 4, s.len);
    return fmt_starts(s, "172.") && dw_str_u64(dw_str_cut(&net, '.'), &second) && second >= 16 && second <= 31;
}

/* [host[:port] ]client[, client...] */
static void put_hosts(struct dw_draft *d, struct dw_str hosts)
{
    struct dw_str r = hosts, first = fmt_word(&r), host, port;
    fmt_blanks(&r);
    if (!r.len && first.len == hosts.len && first.ptr[0] != '"' && first.ptr[first.len - 1] != ',') { /* nearly always */
        fmt_source(d, first);
        return;
    }
    if (r.len && first.len && first.ptr[first.len - 1] != ',') {
        fmt_host_port(first, &host, &port);
        if (fmt_is_ip(host))
            (void)fmt_set(d, DW_F_destination_ip, host);
        else if (fmt_set(d, DW_F_url_domain, host))
            (void)fmt_set(d, DW_F_destination_domain, host);
        (void)fmt_set_digits(d, DW_F_destination_port, port);
    } else {
        r = hosts;
    }
    struct dw_str client = DW_STR_NONE;
    while (r.len) {
        struct dw_str w = fmt_word(&r);
        while (w.len && (w.ptr[w.len - 1] == ',' || w.ptr[w.len - 1] == '"'))
            w.len--;
        if (w.len && w.ptr[0] == '"')
            w = dw_str_slice(w, 1, w.len);
        if (w.len && (!client.len || (is_private(client) && fmt_is_ip(w) && !is_private(w))))
            client = w;
    }
    fmt_source(d, client);
}

static void put_access(struct dw_draft *d, const struct access *a)
{
    put_hosts(d, a->hosts);
    fmt_user(d, a->user);
    (void)fmt_request(d, a->request);
    (void)fmt_status(d, a->status);
    (void)fmt_set_digits(d, DW_F_http_response_body_bytes, a->bytes);
    (void)fmt_set(d, DW_F_http_request_referrer, a->referrer);
    (void)fmt_set(d, DW_F_user_agent_original, a->agent);
    dw_draft_const(d, DW_F_event_category, "web");
}

int dw_parse_nginx_access(const struct dw_parse_ctx *ctx, struct dw_draft *d)
{
    struct access a;
    if (!split(ctx, d, &a))
        return DW_ESYNTAX;
    put_access(d, &a);
    dw_draft_const(d, DW_F_event_type, "access");
    return DW_OK;
}

/* What ingress-nginx appends: length time [upstream] [alternative] address length time status id */
int dw_parse_nginx_ingress(const struct dw_parse_ctx *ctx, struct dw_draft *d)
{
    struct access a;
    if (!split(ctx, d, &a))
        return DW_ESYNTAX;
    put_access(d, &a);
    dw_draft_const(d, DW_F_event_type, "info");
    struct dw_str r = a.rest, length = fmt_word(&r), time = fmt_word(&r), last = DW_STR_NONE, name;
    (void)fmt_set_digits(d, DW_F_http_request_bytes, length);
    (void)fmt_duration(d, time, DW_NS_PER_S);
    if (fmt_bracketed(&r, '[', ']', &name))
        fmt_set_named(d, "nginx.ingress_controller.upstream.", DW_STR("name"), name);
    for (struct dw_str w = fmt_word(&r); w.len; w = fmt_word(&r))
        last = w;
    if (last.len >= 16)
        (void)fmt_set(d, DW_F_http_request_id, last);
    return DW_OK;
}

/* [time] client protocol cipher "request" bytes */
static int parse_apache_tls(const struct dw_parse_ctx *ctx, struct dw_draft *d)
{
    struct dw_str before, r, request;
    if (!cut_time(ctx, d, &before, &r) || before.len)
        return DW_ESYNTAX;
    struct dw_str client = fmt_word(&r), protocol = fmt_word(&r), cipher = fmt_word(&r);
    if (!fmt_quoted(&r, &request))
        return DW_ESYNTAX;
    fmt_source(d, client);
    size_t v = dw_str_index(protocol, 'v');
    if (v < protocol.len) {
        fmt_set_lower(d, DW_F_tls_version_protocol, dw_str_slice(protocol, 0, v));
        (void)fmt_set(d, DW_F_tls_version, dw_str_slice(protocol, v + 1, protocol.len));
    }
    (void)fmt_set(d, DW_F_tls_cipher, cipher);
    (void)fmt_request(d, request);
    (void)fmt_set_digits(d, DW_F_http_response_body_bytes, fmt_word(&r));
    dw_draft_const(d, DW_F_event_category, "web");
    return DW_OK;
}

int dw_parse_apache_access(const struct dw_parse_ctx *ctx, struct dw_draft *d)
{
    struct access a;
    if (d->line.len && d->line.ptr[0] == '[')
        return parse_apache_tls(ctx, d);
    if (!split(ctx, d, &a))
        return DW_ESYNTAX;
    put_access(d, &a);
    return DW_OK;
}

static const struct fmt_map traefik_map[] = {
    {"StartUTC", 0, FMT_TIME},
    {"time", 0, FMT_DROP},
    {"StartLocal", 0, FMT_DROP},
    {"ClientAddr", 0, FMT_DROP},
    {"ClientHost", 0, FMT_SOURCE},
    {"ClientPort", DW_F_source_port, FMT_COPY},
    {"ClientUsername", 0, FMT_USER},
    {"DownstreamStatus", 0, FMT_STATUS},
    {"DownstreamContentSize", DW_F_http_response_body_bytes, FMT_COPY},
    {"Duration", 0, FMT_NS},
    {"RequestMethod", DW_F_http_request_method, FMT_COPY},
    {"RequestPath", 0, FMT_URL},
    {"RequestHost", DW_F_url_domain, FMT_COPY},
    {"RequestContentSize", DW_F_http_request_body_bytes, FMT_COPY},
    {"request_User-Agent", DW_F_user_agent_original, FMT_COPY},
    {"request_Referer", DW_F_http_request_referrer, FMT_COPY},
    {"level", DW_F_log_level, FMT_COPY},
    {"msg", DW_F_message, FMT_COPY},
};

int dw_parse_traefik_access(const struct dw_parse_ctx *ctx, struct dw_draft *d)
{
    struct access a;
    if (fmt_starts(d->line, "{")) {
        dw_draft_const(d, DW_F_event_category, "web");
        dw_draft_const(d, DW_F_event_type, "access");
        return fmt_json(ctx, d, d->line, "traefik.access.", traefik_map, DW_COUNT_OF(traefik_map));
    }
    if (!split(ctx, d, &a))
        return DW_ESYNTAX;
    fmt_source(d, a.hosts);
    fmt_user(d, a.user);
    (void)fmt_status(d, a.status);
    (void)fmt_set_digits(d, DW_F_http_response_body_bytes, a.bytes);
    (void)fmt_set(d, DW_F_http_request_referrer, a.referrer);
    (void)fmt_set(d, DW_F_user_agent_original, a.agent);
    if (fmt_request(d, a.request)) {
        dw_draft_const(d, DW_F_event_category, "web");
        dw_draft_const(d, DW_F_event_type, "access");
    }
    struct dw_str r = a.rest, w = fmt_word(&r), frontend, backend;
    fmt_set_named(d, "traefik.access.", DW_STR("request_count"), fmt_digits(w) ? w : DW_STR_NONE);
    if (fmt_quoted(&r, &frontend) && fmt_quoted(&r, &backend)) {
        fmt_set_named(d, "traefik.access.", DW_STR("frontend_name"), frontend);
        fmt_set_named(d, "traefik.access.", DW_STR("backend_url"), backend);
        struct dw_str ms = fmt_word(&r);
        if (dw_str_ends(ms, DW_STR("ms")))
            (void)fmt_duration(d, dw_str_slice(ms, 0, ms.len - 2), DW_NS_PER_MS);
    }
    return DW_OK;
}

/* Whether the line has the shape; *ret_rest is what follows the agent. */
static bool looks_like(struct dw_str line, struct dw_str *ret_rest)
{
    struct dw_str r = line, s;
    if (!fmt_upto(&r, "] \"", &s) || dw_str_index(s, '[') == s.len)
        return false;
    r = dw_str_slice(line, s.len + 2, line.len);
    if (!fmt_quoted(&r, &s) || fmt_word(&r).len != 3)
        return false;
    (void)fmt_word(&r);
    if (fmt_quoted(&r, &s))
        (void)fmt_quoted(&r, &s);
    *ret_rest = dw_str_trim(r);
    return true;
}

int dw_probe_nginx_access(struct dw_str line)
{
    struct dw_str rest;
    return looks_like(line, &rest) ? 60 : 0;
}

int dw_probe_nginx_ingress(struct dw_str line)
{
    struct dw_str rest;
    return looks_like(line, &rest) && fmt_has(rest, "] [") ? 80 : 0;
}

int dw_probe_apache_access(struct dw_str line)
{
    struct dw_str rest;
    bool tls = fmt_starts(line, "[") && fmt_has(line, "] ") && fmt_has(line, " TLSv1") && fmt_has(line, " HTTP/");
    return tls ? 70 : looks_like(line, &rest) ? 55 : 0;
}

int dw_probe_traefik_access(struct dw_str line)
{
    struct dw_str rest;
    if (fmt_starts(line, "{"))
        return fmt_has(line, "\"DownstreamStatus\"") && fmt_has(line, "\"RequestPath\"") ? 95 : 0;
    return looks_like(line, &rest) && dw_str_ends(rest, DW_STR("ms")) && fmt_has(rest, "\"") ? 75 : 0;
}
