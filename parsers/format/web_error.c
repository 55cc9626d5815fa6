/*
 * web_error: the error logs of nginx and Apache.
 *
 *     2026/11/23 21:14:18 [error] 7#9: *12 "/x" is forbidden, client: 1.2.3.4, request: "GET / HTTP/1.1", host: "a"
 *     [Mon Nov 23 21:14:18.123456 2026] [core:error] [pid 7] [client 1.2.3.4:5] AH00128: File does not exist: /x
 *
 * Invariants:
 *   (1) `message` is what follows the header, with the details it names, as people search for it.
 */
#include "formats.h"

#include "fmt.h"

/* The value after ", name: ", up to the next comma outside quotes. */
static bool detail(struct dw_str message, const char *name, struct dw_str *ret)
{
    struct dw_str r = message, skipped;
    if (!fmt_upto(&r, name, &skipped))
        return false;
    if (fmt_quoted(&r, ret))
        return true;
    *ret = dw_str_slice(r, 0, dw_str_index(r, ','));
    return true;
}

int dw_parse_nginx_error(const struct dw_parse_ctx *ctx, struct dw_draft *d)
{
    struct dw_str r = d->line, level, v;
    if (!fmt_time(ctx, d, &r) || !fmt_bracketed(&r, '[', ']', &level))
        return DW_ESYNTAX;
    struct dw_str ids = fmt_word(&r), pid = dw_str_cut(&ids, '#');
    if (!fmt_digits(pid))
        return DW_ESYNTAX;
    fmt_put(d, DW_F_log_level, level);
    fmt_put(d, DW_F_process_pid, pid);
    (void)fmt_set_digits(d, DW_F_process_thread_id, dw_str_cut(&ids, ':'));
    fmt_blanks(&r);
    if (fmt_starts(r, "*")) {
        struct dw_str at = dw_str_slice(r, 1, r.len), id = fmt_word(&at);
        if (fmt_digits(id)) {
            fmt_set_named(d, "nginx.error.", DW_STR("connection_id"), id);
            fmt_blanks(&at);
            r = at;
        }
    }
    (void)fmt_set(d, DW_F_message, r);
    if (detail(r, ", client: ", &v))
        fmt_source(d, v);
    if (detail(r, ", request: ", &v))
        (void)fmt_request(d, v);
    if (detail(r, ", host: ", &v))
        (void)fmt_set(d, DW_F_url_domain, v);
    if (detail(r, ", referrer: ", &v))
        (void)fmt_set(d, DW_F_http_request_referrer, v);
    dw_draft_const(d, DW_F_event_category, "web");
    dw_draft_const(d, DW_F_event_type, fmt_is_error(level) || fmt_among(level, " warn ") ? "error" : "info");
    return DW_OK;
}

int dw_probe_nginx_error(struct dw_str line)
{
    if (line.len < 24 || line.ptr[4] != '/' || line.ptr[7] != '/')
        return 0;
    return fmt_starts(dw_str_slice(line, 19, line.len), " [") && fmt_has(line, "#") ? 85 : 0;
}

/* [pid 7:tid 9], [client 1.2.3.4:5], [core:error], [error] */
static void apache_part(struct dw_draft *d, struct dw_str part, struct dw_str *level)
{
    struct dw_str at = part, host, port;
    if (fmt_lit(&at, "pid ")) {
        (void)fmt_set_digits(d, DW_F_process_pid, dw_str_cut(&at, ':'));
        if (fmt_lit(&at, "tid "))
            (void)fmt_set_digits(d, DW_F_process_thread_id, at);
    } else if (fmt_lit(&at, "client ")) {
        fmt_host_port(at, &host, &port);
        fmt_source(d, host);
        (void)fmt_set_digits(d, DW_F_source_port, port);
    } else if (!level->len) {
        size_t colon = dw_str_index(part, ':');
        *level = colon < part.len ? dw_str_slice(part, colon + 1, part.len) : part;
        if (colon < part.len)
            fmt_set_named(d, "apache.error.", DW_STR("module"), dw_str_slice(part, 0, colon));
    }
}

int dw_parse_apache_error(const struct dw_parse_ctx *ctx, struct dw_draft *d)
{
    struct dw_str r = d->line, part, level = DW_STR_NONE, v;
    if (!fmt_lit(&r, "[") || !fmt_time(ctx, d, &r) || !fmt_lit(&r, "]"))
        return DW_ESYNTAX;
    for (int parts = 0; parts < 4; parts++) {
        struct dw_str at = r;
        if (!fmt_bracketed(&at, '[', ']', &part))
            break;
        bool known = parts == 0 || fmt_starts(part, "pid ") || fmt_starts(part, "client ");
        if (!known)
            break;
        apache_part(d, part, &level);
        r = at;
    }
    if (!level.len)
        return DW_ESYNTAX;
    fmt_blanks(&r);
    fmt_put(d, DW_F_log_level, level);
    (void)fmt_set(d, DW_F_message, r);
    if (detail(r, "File does not exist: ", &v) || detail(r, "script not found or unable to stat: ", &v))
        (void)fmt_set(d, DW_F_file_path, v);
    if (detail(r, ", referer: ", &v))
        (void)fmt_set(d, DW_F_http_request_referrer, v);
    if (r.len > 8 && fmt_starts(r, "AH") && fmt_digits(dw_str_slice(r, 2, 7)) && r.ptr[7] == ':')
        (void)fmt_set(d, DW_F_event_code, dw_str_slice(r, 0, 7));
    dw_draft_const(d, DW_F_event_category, "web");
    dw_draft_const(d, DW_F_event_type, fmt_is_error(level) || fmt_among(level, " warn ") ? "error" : "info");
    return DW_OK;
}

int dw_probe_apache_error(struct dw_str line)
{
    struct dw_str r = line, time, part;
    return fmt_bracketed(&r, '[', ']', &time) && time.len >= 24 && time.ptr[3] == ' ' && time.ptr[7] == ' ' &&
                   fmt_bracketed(&r, '[', ']', &part)
               ? 85
               : 0;
}
