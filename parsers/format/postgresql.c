/*
 * postgresql: stderr logs with usual prefixes, and csvlog.
 *
 *     2026-11-23 21:14:18.123 CET [7] user@db LOG:  00000: duration: 18.327 ms  statement: SELECT 1
 *
 * The prefix is read by what its words look like, not by log_line_prefix: a time, a process id in brackets,
 * user@database, then the severity.
 *
 * Invariants:
 *   (1) Without a time and a known severity (or csvlog's columns) the line is refused.
 *   (2) A line that reports a statement or duration is its own message, so what was run stays with how long it took.
 */
#include "formats.h"

#include "fmt.h"

static const char severities[] =
    " DEBUG DEBUG1 DEBUG2 DEBUG3 DEBUG4 DEBUG5 INFO NOTICE WARNING ERROR LOG FATAL PANIC DETAIL "
    "HINT QUERY CONTEXT LOCATION STATEMENT ";

static bool is_severity(struct dw_str s)
{
    return s.len > 2 && s.ptr[0] >= 'A' && s.ptr[0] <= 'Z' && fmt_among(s, severities);
}

/* Finds "SEVERITY:" among the next words; *prefix is what stands before. */
static bool severity(struct dw_str *r, struct dw_str *prefix, struct dw_str *level)
{
    for (size_t i = 0; i < r->len && i < 400; i++) {
        if (r->ptr[i] != ':')
            continue;
        size_t from = i;
        while (from > 0 && r->ptr[from - 1] >= '0' && r->ptr[from - 1] <= 'Z' && r->ptr[from - 1] != ':')
            from--;
        struct dw_str word = dw_str_slice(*r, from, i);
        bool blank = i + 1 < r->len && (r->ptr[i + 1] == ' ' || r->ptr[i + 1] == '\t');
        if (blank && is_severity(word)) {
            *prefix = dw_str_slice(*r, 0, from);
            *level = word;
            *r = dw_str_slice(*r, i + 1, r->len);
            fmt_blanks(r);
            return true;
        }
    }
    return false;
}

/* [unknown] without its brackets */
static struct dw_str bare(struct dw_str s)
{
    struct dw_str r = s, inner;
    return fmt_bracketed(&r, '[', ']', &inner) && !r.len ? inner : s;
}

static void put_prefix(struct dw_draft *d, struct dw_str p)
{
    for (struct dw_str w = fmt_word(&p); w.len; w = fmt_word(&p)) {
        struct dw_str part = w, inner;
        while (w.len && strchr(":,", w.ptr[w.len - 1]))
            w.len--;
        size_t at = dw_str_index(w, '@');
        if (at == w.len && fmt_bracketed(&part, '[', ']', &inner)) {
            (void)fmt_set_digits(d, DW_F_process_pid, dw_str_cut(&inner, '-'));
        } else if (at < w.len) {
            fmt_user(d, bare(dw_str_slice(w, 0, at)));
            fmt_set_named(d, "postgresql.log.", DW_STR("database"), bare(dw_str_slice(w, at + 1, w.len)));
        } else if (fmt_starts(w, "user=")) {
            struct dw_str list = w;
            for (struct dw_str item = dw_str_cut(&list, ','); item.len; item = dw_str_cut(&list, ',')) {
                struct dw_str key = dw_str_cut(&item, '=');
                if (fmt_eq(key, "user"))
                    fmt_user(d, item);
                else if (fmt_eq(key, "client"))
                    fmt_source(d, item);
            }
        } else if (dw_str_index(w, '(') < w.len) { /* client(port) */
            size_t open = dw_str_index(w, '(');
            fmt_source(d, dw_str_slice(w, 0, open));
            (void)fmt_set_digits(d, DW_F_source_port, dw_str_slice(w, open + 1, w.len - 1));
        }
    }
}

/* By SQLSTATE class: 00, 01 and 02 are success, warning and no data. Without a code the level alone says it. */
static void put_type(struct dw_draft *d, struct dw_str code)
{
    bool good = code.len < 2 || (code.ptr[0] == '0' && code.ptr[1] <= '2');
    dw_draft_const(d, DW_F_event_category, "database");
    dw_draft_const(d, DW_F_event_type, good ? "info" : "error");
}

/* duration: 18.327 ms  statement: ...; cuts to the statement. False when it is no such report. */
static bool report(struct dw_draft *d, struct dw_str *m)
{
    struct dw_str r = *m;
    bool timed = fmt_lit(&r, "duration: ");
    if (timed) {
        if (!fmt_duration(d, fmt_word(&r), DW_NS_PER_MS) || !fmt_eq(fmt_word(&r), "ms"))
            return false;
        fmt_blanks(&r);
    }
    struct dw_str step;
    size_t colon = dw_str_find(r, DW_STR(": "));
    step = dw_str_slice(r, 0, colon);
    if (fmt_eq(step, "statement") || fmt_starts(step, "execute ") || fmt_starts(step, "parse ") ||
        fmt_starts(step, "bind ")) {
        r = dw_str_slice(r, colon + 2, r.len);
        fmt_set_named(d, "postgresql.log.", DW_STR("query"), r);
        *m = r;
        return true;
    }
    return timed;
}

/* One csv column; quotes are taken off, doubled quotes resolved in the pool. */
static struct dw_str column(struct dw_draft *d, struct dw_str *r)
{
    if (!r->len || r->ptr[0] != '"')
        return dw_str_cut(r, ',');
    size_t i = 1;
    bool doubled = false;
    for (; i < r->len; i++) {
        if (r->ptr[i] != '"')
            continue;
        if (i + 1 >= r->len || r->ptr[i + 1] != '"')
            break;
        doubled = true;
        i++;
    }
    struct dw_str raw = dw_str_slice(*r, 1, i);
    *r = dw_str_slice(*r, i + 1, r->len);
    (void)fmt_lit(r, ",");
    char *copy = doubled ? dw_arena_alloc(d->pool, raw.len) : NULL;
    if (!copy)
        return raw;
    size_t n = 0;
    for (size_t k = 0; k < raw.len; k++) {
        copy[n++] = raw.ptr[k];
        if (raw.ptr[k] == '"')
            k++;
    }
    return dw_str_make(copy, n);
}

static int parse_csv(const struct dw_parse_ctx *ctx, struct dw_draft *d)
{
    enum {
        USER,
        DATABASE,
        PID,
        PEER,
        SESSION,
        SESSION_LINE,
        COMMAND,
        SESSION_START,
        VXID,
        XID,
        LEVEL,
        STATE,
        MESSAGE,
        COLUMNS
    };
    struct dw_str r = d->line, col[COLUMNS], host, port;
    if (!fmt_time(ctx, d, &r) || !fmt_lit(&r, ","))
        return DW_ESYNTAX;
    for (int i = 0; i < COLUMNS; i++)
        col[i] = column(d, &r);
    if (!is_severity(col[LEVEL]) || !fmt_digits(col[PID]))
        return DW_ESYNTAX;
    fmt_user(d, col[USER]);
    fmt_set_named(d, "postgresql.log.", DW_STR("database"), col[DATABASE]);
    fmt_put(d, DW_F_process_pid, col[PID]);
    fmt_put(d, DW_F_log_level, col[LEVEL]);
    fmt_host_port(col[PEER], &host, &port);
    if (host.len && !fmt_eq(host, "[local]")) {
        fmt_source(d, host);
        (void)fmt_set_digits(d, DW_F_source_port, port);
    }
    fmt_set_named(d, "postgresql.log.", DW_STR("sql_state_code"), col[STATE]);
    (void)report(d, &col[MESSAGE]);
    (void)fmt_set(d, DW_F_message, col[MESSAGE]);
    put_type(d, col[STATE]);
    return DW_OK;
}

int dw_parse_postgresql_log(const struct dw_parse_ctx *ctx, struct dw_draft *d)
{
    struct dw_str r = d->line, prefix, level;
    if (!fmt_time(ctx, d, &r))
        return DW_ESYNTAX;
    if (fmt_starts(r, ","))
        return parse_csv(ctx, d);
    if (!severity(&r, &prefix, &level))
        return DW_ESYNTAX;
    put_prefix(d, prefix);
    fmt_put(d, DW_F_log_level, level);
    struct dw_str code = DW_STR_NONE;
    if (r.len > 6 && r.ptr[5] == ':' && r.ptr[0] >= '0' && r.ptr[0] <= 'Z' && dw_str_index(r, ' ') > 5)
        code = dw_str_slice(r, 0, 5);
    if (code.len) {
        fmt_set_named(d, "postgresql.log.", DW_STR("sql_state_code"), code);
        r = dw_str_slice(r, 6, r.len);
        fmt_blanks(&r);
        (void)fmt_set(d, DW_F_message, r);
    } else {
        struct dw_str m = r;
        (void)fmt_set(d, DW_F_message, report(d, &m) ? d->line : r);
    }
    put_type(d, code);
    return DW_OK;
}

int dw_probe_postgresql_log(struct dw_str line)
{
    struct dw_time_ref ref = {NULL, 0};
    struct dw_time t;
    struct dw_str prefix, level;
    if (line.len < 30 || line.ptr[4] != '-' || dw_time_scan(line, &ref, &t))
        return 0;
    struct dw_str r = dw_str_slice(line, t.len, line.len);
    if (fmt_starts(r, ","))
        return fmt_has(r, ",LOG,") || fmt_has(r, ",ERROR,") || fmt_has(r, ",FATAL,") ? 85 : 0;
    return severity(&r, &prefix, &level) && prefix.len < 120 && fmt_starts(r, "") && t.zoned ? 75 : 0;
}
