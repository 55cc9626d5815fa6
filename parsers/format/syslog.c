/*
 * syslog: lines of RFC 3164 and 5424, dispatched to what the programs behind them say.
 *
 *     <38>Nov 23 21:14:18 host sshd[7]: message
 *     <38>1 2026-11-23T21:14:18Z host sshd 7 ID [sd x="y"] message
 *
 * Invariants:
 *   (1) The priority is optional, the time is not.
 *   (2) `message` is what follows the header, also when its program is known.
 */
#include "formats.h"

#include "syslog_head.h"

static void put_priority(struct dw_draft *d, struct dw_str text)
{
    static const char *const severity[] = {
        "Emergency", "Alert", "Critical", "Error", "Warning", "Notice", "Informational", "Debug"};
    static const char *const facility[] = {"kernel", "user-level", "mail", "system", "security/authorization",
        "syslogd", "line printer", "network news", "UUCP", "clock", "security/authorization", "FTP", "NTP", "log audit",
        "log alert", "clock", "local0", "local1", "local2", "local3", "local4", "local5", "local6", "local7"};
    uint64_t n;
    if (!dw_str_u64(text, &n) || n > 191)
        return;
    fmt_put(d, DW_F_log_syslog_priority, text);
    dw_draft_int(d, DW_F_log_syslog_facility_code, (int64_t)(n / 8));
    dw_draft_const(d, DW_F_log_syslog_facility_name, facility[n / 8]);
    dw_draft_int(d, DW_F_log_syslog_severity_code, (int64_t)(n % 8));
    dw_draft_const(d, DW_F_log_syslog_severity_name, severity[n % 8]);
}

static void put_head(struct dw_draft *d, const struct syslog_head *h)
{
    if (fmt_set(d, DW_F_host_hostname, h->host))
        (void)fmt_set(d, DW_F_related_hosts, h->host);
    (void)fmt_set(d, DW_F_process_name, h->program);
    (void)fmt_set_digits(d, DW_F_process_pid, h->pid);
    (void)fmt_set(d, DW_F_message, h->message);
}

/* host app procid msgid sd message, after the time */
static bool head_5424(struct dw_draft *d, struct dw_str r, struct syslog_head *h)
{
    struct dw_str sd;
    h->host = fmt_word(&r);
    h->program = fmt_word(&r);
    h->pid = fmt_word(&r);
    struct dw_str id = fmt_word(&r);
    (void)fmt_set(d, DW_F_log_syslog_hostname, h->host);
    (void)fmt_set(d, DW_F_log_syslog_appname, h->program);
    (void)fmt_set(d, DW_F_log_syslog_procid, h->pid);
    (void)fmt_set(d, DW_F_log_syslog_msgid, id);
    fmt_blanks(&r);
    if (!fmt_lit(&r, "-"))
        while (r.len && r.ptr[0] == '[' && fmt_bracketed(&r, '[', ']', &sd))
            continue;
    fmt_blanks(&r);
    (void)fmt_lit(&r, "\xef\xbb\xbf");
    h->message = r;
    h->rfc5424 = true;
    return id.len > 0;
}

/* Cuts "name[pid]: " off; the name may hold blanks and brackets. */
static bool program(struct dw_str *r, struct syslog_head *h)
{
    struct dw_str at = *r;
    size_t n = 0;
    while (n < at.len && n < 128 &&
           !(at.ptr[n] == ':' && (n + 1 == at.len || at.ptr[n + 1] == ' ' || at.ptr[n + 1] == '\t')))
        n++;
    if (n == at.len || n == 128 || n == 0)
        return false;
    struct dw_str name = dw_str_slice(at, 0, n);
    size_t open = n;
    while (open > 0 && name.ptr[open - 1] != '[')
        open--;
    struct dw_str pid = open ? dw_str_slice(name, open, n - 1) : DW_STR_NONE;
    if (open > 1 && name.ptr[n - 1] == ']' && fmt_digits(pid)) {
        h->pid = pid;
        name.len = open - 1;
    }
    h->program = name;
    *r = dw_str_slice(at, n + 1, at.len);
    fmt_blanks(r);
    return true;
}

static bool head_3164(struct dw_str r, struct syslog_head *h)
{
    fmt_blanks(&r);
    struct dw_str at = r, word = fmt_word(&at);
    if (word.len && word.ptr[word.len - 1] != ':') {
        h->host = word;
        fmt_blanks(&at);
        r = at;
    }
    if (!program(&r, h)) /* no program: "last message repeated 2 times" */
        h->program = DW_STR_NONE;
    h->message = r;
    return h->host.len > 0 || h->program.len > 0;
}

bool syslog_head(const struct dw_parse_ctx *ctx, struct dw_draft *d, struct syslog_head *ret)
{
    *ret = (struct syslog_head){0};
    struct dw_str r = d->line, pri;
    bool has_pri = r.len && r.ptr[0] == '<' && fmt_bracketed(&r, '<', '>', &pri) && fmt_digits(pri);
    if (has_pri)
        put_priority(d, pri);
    bool ok;
    struct dw_str at = r;
    if (has_pri && fmt_lit(&at, "1 ")) {
        dw_draft_const(d, DW_F_log_syslog_version, "1");
        ok = (fmt_lit(&at, "-") || fmt_time(ctx, d, &at)) && head_5424(d, at, ret);
    } else {
        ok = fmt_time(ctx, d, &r) && head_3164(r, ret);
    }
    if (ok)
        put_head(d, ret);
    return ok;
}

int dw_parse_system_syslog(const struct dw_parse_ctx *ctx, struct dw_draft *d)
{
    struct syslog_head h;
    if (!syslog_head(ctx, d, &h))
        return DW_ESYNTAX;
    (void)auth_message(d, h.program, h.message);
    return DW_OK;
}

int dw_parse_system_auth(const struct dw_parse_ctx *ctx, struct dw_draft *d)
{
    return dw_parse_system_syslog(ctx, d);
}

static bool looks_like(struct dw_str line, struct syslog_head *h)
{
    struct dw_str r = line, pri;
    struct dw_time_ref ref = {NULL, 0};
    struct dw_time t;
    *h = (struct syslog_head){0};
    if (r.len && r.ptr[0] == '<' && !fmt_bracketed(&r, '<', '>', &pri))
        return false;
    (void)fmt_lit(&r, "1 ");
    if (dw_time_scan(r, &ref, &t))
        return false;
    r = dw_str_slice(r, t.len, r.len);
    return fmt_starts(r, " ") && (fmt_starts(line, "<") || (head_3164(r, h) && h->program.len && h->host.len));
}

int dw_probe_system_syslog(struct dw_str line)
{
    struct syslog_head h;
    return !looks_like(line, &h) ? 0 : dw_str_index(h.program, ' ') == h.program.len ? 45 : 32;
}

int dw_probe_system_auth(struct dw_str line)
{
    struct syslog_head h;
    return looks_like(line, &h) && fmt_among(h.program, " sshd sudo su login useradd groupadd userdel usermod passwd ")
               ? 90
               : 0;
}
