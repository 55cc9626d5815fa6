/*
 * mysql: error and slow logs of MySQL and MariaDB.
 *
 *     2026-11-23T21:14:18.123456Z 0 [Warning] [MY-010055] [Server] text
 *     261123  9:46:45 [Note] text
 *     # User@Host: root[root] @ localhost [10.0.0.1]  Id: 7
 *     # Query_time: 2.000652  Lock_time: 0.000000 ...
 *     SET timestamp=1528898676;
 *     select sleep(2);
 *
 * Invariants:
 *   (1) A slow entry needs its Query_time. An error line needs nothing: crash reports are without time.
 */
#include "formats.h"

#include "fmt.h"

/* 'user'@'host' after `lead` */
static void put_account(struct dw_draft *d, struct dw_str m, const char *lead)
{
    struct dw_str r = m, skip, user, host;
    if (!fmt_upto(&r, lead, &skip) || !fmt_bracketed(&r, '\'', '\'', &user))
        return;
    fmt_user(d, user);
    if (fmt_lit(&r, "@") && fmt_bracketed(&r, '\'', '\'', &host)) {
        if (fmt_is_ip(host))
            fmt_source(d, host);
        else
            (void)fmt_set(d, DW_F_source_domain, host);
    }
}

static void put_address(struct dw_draft *d, struct dw_str m, const char *lead)
{
    struct dw_str r = m, skip, address;
    if (fmt_upto(&r, lead, &skip) && fmt_bracketed(&r, '\'', '\'', &address) && fmt_is_ip(address))
        (void)fmt_set(d, DW_F_source_ip, address);
}

static void put_meaning(struct dw_draft *d, struct dw_str m)
{
    dw_draft_const(d, DW_F_event_category, "database");
    if (fmt_has(m, "Access denied for user ")) {
        dw_draft_const(d, DW_F_event_category, "authentication");
        dw_draft_const(d, DW_F_event_action, "logon-failed");
        dw_draft_const(d, DW_F_event_outcome, "failure");
        put_account(d, m, "Access denied for user ");
    } else if (fmt_has(m, "IP address '") && fmt_has(m, " could not be resolved")) {
        dw_draft_const(d, DW_F_event_category, "network");
        put_address(d, m, "IP address ");
    } else if (fmt_has(m, "Aborted connection ")) {
        dw_draft_const(d, DW_F_event_category, "network");
        put_account(d, m, " user: ");
    } else {
        put_address(d, m, "created on IP: ");
    }
}

int dw_parse_mysql_error(const struct dw_parse_ctx *ctx, struct dw_draft *d)
{
    struct dw_str r = d->line, level = DW_STR_NONE, code;
    if (d->line.len == 0)
        return DW_ESYNTAX;
    (void)fmt_time(ctx, d, &r);
    fmt_blanks(&r);
    struct dw_str at = r, thread = fmt_word(&at);
    if (d->has_time && fmt_set_digits(d, DW_F_process_thread_id, thread)) {
        fmt_blanks(&at);
        r = at;
    }
    if (fmt_bracketed(&r, '[', ']', &level)) {
        (void)fmt_set(d, DW_F_log_level, level);
        fmt_blanks(&r);
    }
    at = r;
    if (fmt_bracketed(&at, '[', ']', &code) && fmt_starts(code, "MY-")) {
        (void)fmt_set(d, DW_F_event_code, code);
        if (fmt_bracketed(&at, '[', ']', &code))
            (void)fmt_set(d, DW_F_event_provider, code);
    }
    (void)fmt_set(d, DW_F_message, r);
    put_meaning(d, r);
    dw_draft_const(d, DW_F_event_type, "info");
    if (fmt_among(level, " error "))
        dw_draft_const(d, DW_F_event_type, "error");
    return DW_OK;
}

int dw_probe_mysql_error(struct dw_str line)
{
    struct dw_time_ref ref = {NULL, 0};
    struct dw_time t;
    if (line.len < 20 || line.ptr[0] < '0' || line.ptr[0] > '9' || dw_time_scan(line, &ref, &t))
        return 0;
    struct dw_str r = dw_str_slice(line, t.len, line.len), level, at = r;
    if (fmt_digits(fmt_word(&at)))
        r = at;
    if (fmt_bracketed(&r, '[', ']', &level))
        return fmt_among(level, " Note Warning ERROR System ") ? 80 : 0;
    return fmt_digits(dw_str_slice(line, 0, 6)) && line.ptr[6] == ' ' && t.dated ? 60 : 0; /* YYMMDD hh:mm:ss text */
}

/* # User@Host: root[root] @ localhost [10.0.0.1]  Id: 7 */
static void slow_user(struct dw_draft *d, struct dw_str r)
{
    struct dw_str user, host, address;
    if (!fmt_upto(&r, " @ ", &user))
        return;
    size_t open = dw_str_index(user, '[');
    struct dw_str name = dw_str_trim(dw_str_slice(user, 0, open));
    fmt_user(d, name.len ? name : dw_str_slice(user, open + 1, dw_str_index(user, ']')));
    if (!fmt_upto(&r, "[", &host))
        return;
    (void)fmt_set(d, DW_F_source_domain, dw_str_trim(host));
    address = dw_str_slice(r, 0, dw_str_index(r, ']'));
    if (fmt_is_ip(address)) {
        (void)fmt_set(d, DW_F_source_ip, address);
        (void)fmt_set(d, DW_F_related_ip, address);
    }
}

static bool after(struct dw_str line, const char *lead, struct dw_str *ret)
{
    struct dw_str skip;
    *ret = line;
    return fmt_upto(ret, lead, &skip);
}

/* "# Key: value  Key: value" of one comment line */
static void slow_details(struct dw_draft *d, struct dw_str line, bool *timed)
{
    struct dw_str v;
    if (after(line, "User@Host: ", &v))
        slow_user(d, v);
    if (after(line, "Query_time: ", &v))
        *timed = fmt_duration(d, fmt_word(&v), DW_NS_PER_S) || *timed;
    if (after(line, "Thread_id: ", &v))
        (void)fmt_set_digits(d, DW_F_process_thread_id, fmt_word(&v));
    if (after(line, "Schema: ", &v) && !fmt_starts(v, " "))
        fmt_set_named(d, "mysql.slowlog.", DW_STR("schema"), fmt_word(&v));
    if (after(line, "Rows_examined: ", &v))
        fmt_set_named(d, "mysql.slowlog.", DW_STR("rows_examined"), fmt_word(&v));
    if (after(line, "Rows_sent: ", &v))
        fmt_set_named(d, "mysql.slowlog.", DW_STR("rows_sent"), fmt_word(&v));
}

int dw_parse_mysql_slowlog(const struct dw_parse_ctx *ctx, struct dw_draft *d)
{
    struct dw_str rest = d->line, query = DW_STR_NONE;
    bool timed = false, stamped = false;
    while (rest.len) {
        struct dw_str whole = rest, line = dw_str_trim(dw_str_cut(&rest, '\n')), v = line;
        if (fmt_lit(&v, "# Time: ")) {
            if (!stamped)
                (void)fmt_time(ctx, d, &v);
        } else if (fmt_starts(line, "#")) {
            slow_details(d, line, &timed);
        } else if (fmt_lit(&v, "SET timestamp=")) {
            stamped = fmt_time(ctx, d, &v);
        } else if (line.len && !(fmt_starts(line, "use ") && fmt_has(line, ";"))) {
            query = dw_str_trim(whole);
            break;
        }
    }
    if (!timed)
        return DW_ESYNTAX;
    size_t trailer = dw_str_find(query, DW_STR("\n# Time: "));
    fmt_set_named(d, "mysql.slowlog.", DW_STR("query"), dw_str_slice(query, 0, trailer));
    dw_draft_const(d, DW_F_event_category, "database");
    dw_draft_const(d, DW_F_event_type, "info");
    return DW_OK;
}

int dw_probe_mysql_slowlog(struct dw_str line)
{
    return fmt_starts(line, "# User@Host: ") || (fmt_starts(line, "# Time: ") && fmt_has(line, "# Query_time: ")) ? 95
                                                                                                                  : 0;
}
