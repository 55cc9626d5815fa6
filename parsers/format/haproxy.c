/*
 * haproxy: HTTP, TCP, error and connection lines, with or without a syslog header.
 *
 *     host haproxy[7]: 1.2.3.4:5 [23/Nov/2026:21:14:18.123] fe be/srv 0/0/1/17/18 200 291 - - ---- 1/1/0/0/0 0/0
 *     "GET / HTTP/1.1"
 *
 * Invariants:
 *   (1) The time in brackets wins over the syslog header's: it says when the request came.
 */
#include "formats.h"

#include "fmt.h"

/* Takes what stands before the client: a syslog header and the program. */
static struct dw_str header(const struct dw_parse_ctx *ctx, struct dw_draft *d, struct dw_str r)
{
    struct dw_str pri, at = r;
    if (fmt_bracketed(&at, '<', '>', &pri) && fmt_digits(pri))
        r = at;
    bool timed = fmt_time(ctx, d, &r);
    fmt_blanks(&r);
    for (int words = 0; words < 2; words++) {
        at = r;
        struct dw_str w = fmt_word(&at), pid;
        if (w.len > 1 && w.ptr[w.len - 1] == ':') {
            w.len--;
            struct dw_str name = w;
            size_t open = dw_str_index(w, '[');
            pid = dw_str_slice(w, open + 1, w.len ? w.len - 1 : 0);
            name.len = open;
            (void)fmt_set(d, DW_F_process_name, name);
            (void)fmt_set_digits(d, DW_F_process_pid, pid);
            fmt_blanks(&at);
            return at;
        }
        if (!timed || words)
            break;
        r = at;
        fmt_blanks(&r);
    }
    return r;
}

static unsigned slashes(struct dw_str s)
{
    unsigned n = 0;
    for (size_t i = 0; i < s.len; i++)
        n += s.ptr[i] == '/';
    return n;
}

static bool is_timers(struct dw_str s)
{
    for (size_t i = 0; i < s.len; i++)
        if (!strchr("0123456789-+/", s.ptr[i]))
            return false;
    return slashes(s) >= 2;
}

static struct dw_str last_part(struct dw_str s)
{
    size_t at = s.len;
    while (at > 0 && s.ptr[at - 1] != '/')
        at--;
    s = dw_str_slice(s, at, s.len);
    (void)fmt_lit(&s, "+");
    return s;
}

static void put_names(struct dw_draft *d, struct dw_str frontend, struct dw_str target)
{
    fmt_set_named(d, "haproxy.", DW_STR("frontend_name"), frontend);
    struct dw_str rest = target;
    fmt_set_named(d, "haproxy.", DW_STR("backend_name"), dw_str_cut(&rest, '/'));
    fmt_set_named(d, "haproxy.", DW_STR("server_name"), rest);
}

/* After the timers: status bytes cookie cookie state conns queues {..} {..} "request" [tls] [id] */
static bool http_part(struct dw_draft *d, struct dw_str r)
{
    struct dw_str status = fmt_word(&r), bytes = fmt_word(&r), v;
    if (!fmt_digits(bytes) || !(fmt_digits(status) || fmt_eq(status, "-1")))
        return false;
    (void)fmt_status(d, status);
    (void)fmt_set_digits(d, DW_F_http_response_bytes, bytes);
    (void)fmt_word(&r);
    (void)fmt_word(&r);
    fmt_set_named(d, "haproxy.", DW_STR("termination_state"), fmt_word(&r));
    (void)fmt_word(&r);
    (void)fmt_word(&r);
    while (fmt_bracketed(&r, '{', '}', &v))
        continue;
    if (fmt_quoted(&r, &v))
        (void)fmt_request(d, v);
    return true;
}

static void tcp_part(struct dw_draft *d, struct dw_str r)
{
    struct dw_str bytes = fmt_word(&r);
    uint32_t key;
    if (dw_keys_intern_passing(d->keys, DW_STR("haproxy.bytes_read"), &key) == DW_OK)
        (void)fmt_set_digits(d, key, bytes);
    fmt_set_named(d, "haproxy.", DW_STR("termination_state"), fmt_word(&r));
}

/* Connect from 1.2.3.4:5 to 1.2.3.4:80 (main/HTTP) */
static int connect_line(struct dw_draft *d, struct dw_str r)
{
    struct dw_str skip, host, port, mode = DW_STR_NONE;
    if (!fmt_upto(&r, "from ", &skip))
        return DW_ESYNTAX;
    fmt_host_port(fmt_word(&r), &host, &port);
    fmt_source(d, host);
    (void)fmt_set_digits(d, DW_F_source_port, port);
    if (!fmt_upto(&r, "to ", &skip))
        return DW_ESYNTAX;
    fmt_host_port(fmt_word(&r), &host, &port);
    fmt_destination(d, host);
    (void)fmt_set_digits(d, DW_F_destination_port, port);
    if (fmt_bracketed(&r, '(', ')', &mode) && dw_str_ends(mode, DW_STR("/HTTP")))
        dw_draft_const(d, DW_F_event_category, "web");
    return DW_OK;
}

static int request_line(const struct dw_parse_ctx *ctx, struct dw_draft *d, struct dw_str r)
{
    struct dw_str host, port, when;
    fmt_host_port(fmt_word(&r), &host, &port);
    if (!fmt_bracketed(&r, '[', ']', &when) || !fmt_time(ctx, d, &when))
        return DW_ESYNTAX;
    fmt_source(d, host);
    (void)fmt_set_digits(d, DW_F_source_port, port);
    struct dw_str frontend = fmt_word(&r), target = fmt_word(&r), timers = fmt_word(&r);
    if (!frontend.len || (slashes(frontend) && frontend.ptr[frontend.len - 1] == ':')) {
        fmt_blanks(&r); /* an error: frontend/bind: text */
        (void)fmt_set(d, DW_F_error_message, dw_str_make(target.ptr, (size_t)(d->line.ptr + d->line.len - target.ptr)));
        return frontend.len ? DW_OK : DW_ESYNTAX;
    }
    put_names(d, frontend, target);
    if (!is_timers(timers)) {
        fmt_destination(d, timers);
        timers = fmt_word(&r);
    }
    if (!is_timers(timers))
        return DW_ESYNTAX;
    (void)fmt_duration(d, last_part(timers), DW_NS_PER_MS);
    if (slashes(timers) >= 4) {
        dw_draft_const(d, DW_F_event_category, "web");
        return http_part(d, r) ? DW_OK : DW_ESYNTAX;
    }
    tcp_part(d, r);
    return DW_OK;
}

int dw_parse_haproxy_log(const struct dw_parse_ctx *ctx, struct dw_draft *d)
{
    struct dw_str r = header(ctx, d, d->line);
    int err =
        fmt_has(dw_str_slice(r, 0, dw_str_index(r, '[')), " from ") ? connect_line(d, r) : request_line(ctx, d, r);
    if (err)
        return err;
    if (fmt_get(d, DW_F_source_ip).len && fmt_get(d, DW_F_destination_ip).len) {
        dw_draft_const(d, DW_F_event_category, "network");
        dw_draft_const(d, DW_F_event_type, "connection");
    }
    return DW_OK;
}

int dw_probe_haproxy_log(struct dw_str line)
{
    struct dw_str r = line, s;
    if (fmt_has(line, " haproxy[") || fmt_starts(line, "haproxy["))
        return 95;
    if (!fmt_upto(&r, " [", &s) || !fmt_upto(&r, "] ", &s) || s.len != 24 || s.ptr[2] != '/')
        return 0;
    (void)fmt_word(&r);
    return slashes(fmt_word(&r)) == 1 && is_timers(fmt_word(&r)) ? 85 : 0;
}
