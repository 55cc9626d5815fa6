/*
 * syslog: lines of RFC 3164 and 5424, dispatched to what the programs behind them say.
 *
 *     <38>Nov 23 21:14:18 host sshd[7]: message
 *     <38>1 2026-11-23T21:14:18Z host sshd 7 ID [sd x="y"] message
 *     <189>29: *Nov 23 21:14:18.123: %SYS-5-CONFIG_I: message        network devices
 *     <13>message                                                   those that write nothing else
 *
 * Invariants:
 *   (1) The priority is optional where there is a time, the time where there is a priority.
 *   (2) `message` is what follows the header, also when its program is known.
 */
#include "formats.h"

#include "syslog_head.h"

enum { TAG_MAX = 48, SD_NAME_MAX = 32 /* RFC 5424, 6 */, SD_ID_MAX = 64 };

static bool is_priority(struct dw_str text, uint64_t *ret)
{
    return fmt_digits(text) && text.len <= 3 && dw_str_u64(text, ret) && *ret <= 191;
}

void syslog_put_facility(struct dw_draft *d, uint64_t code)
{
    static const char *const name[] = {"kernel", "user-level", "mail", "system", "security/authorization",
        "syslogd", "line printer", "network news", "UUCP", "clock", "security/authorization", "FTP", "NTP", "log audit",
        "log alert", "clock", "local0", "local1", "local2", "local3", "local4", "local5", "local6", "local7"};
    if (code >= DW_COUNT_OF(name))
        return;
    dw_draft_int(d, DW_F_log_syslog_facility_code, (int64_t)code);
    dw_draft_const(d, DW_F_log_syslog_facility_name, name[code]);
}

void syslog_put_severity(struct dw_draft *d, uint64_t code)
{
    static const char *const name[] = {
        "Emergency", "Alert", "Critical", "Error", "Warning", "Notice", "Informational", "Debug"};
    if (code >= DW_COUNT_OF(name))
        return;
    dw_draft_int(d, DW_F_log_syslog_severity_code, (int64_t)code);
    dw_draft_const(d, DW_F_log_syslog_severity_name, name[code]);
}

static void put_priority(struct dw_draft *d, struct dw_str text)
{
    uint64_t n;
    if (!is_priority(text, &n))
        return;
    fmt_put(d, DW_F_log_syslog_priority, text);
    syslog_put_facility(d, n / 8);
    syslog_put_severity(d, n % 8);
}

static void put_head(struct dw_draft *d, const struct syslog_head *h)
{
    if (fmt_set(d, DW_F_host_hostname, h->host))
        (void)fmt_set(d, DW_F_related_hosts, h->host);
    (void)fmt_set(d, DW_F_process_name, h->program);
    (void)fmt_set_digits(d, DW_F_process_pid, h->pid);
    (void)fmt_set(d, DW_F_message, h->message);
}

/* A value in quotes, whose end is the first quote without a backslash. */
static bool sd_value(struct dw_str *r, struct dw_str *ret, bool *ret_escaped)
{
    size_t n = 1;
    *ret_escaped = false;
    if (!r->len || r->ptr[0] != '"')
        return false;
    while (n < r->len && r->ptr[n] != '"') {
        bool escape = r->ptr[n] == '\\';
        *ret_escaped |= escape;
        n += escape ? 2 : 1;
    }
    if (n >= r->len)
        return false;
    *ret = dw_str_slice(*r, 1, n);
    *r = dw_str_slice(*r, n + 1, r->len);
    return true;
}

/* A backslash is taken away before a quote, a bracket and itself; elsewhere it is only itself. */
static struct dw_str unescaped(struct dw_draft *d, struct dw_str s)
{
    char *out = dw_arena_alloc(d->pool, s.len);
    size_t n = 0;
    for (size_t i = 0; out && i < s.len; i++) {
        bool escape = s.ptr[i] == '\\' && i + 1 < s.len && strchr("\"]\\", s.ptr[i + 1]);
        out[n++] = s.ptr[escape ? ++i : i];
    }
    return out ? dw_str_make(out, n) : s;
}

static void put_parameter(struct dw_draft *d, struct dw_str id, struct dw_str name, struct dw_str value)
{
    char key[SD_ID_MAX + 1 + SD_NAME_MAX];
    if (!name.len || name.len > SD_NAME_MAX || id.len > SD_ID_MAX)
        return;
    memcpy(key, id.ptr, id.len);
    key[id.len] = '.';
    memcpy(key + id.len + 1, name.ptr, name.len);
    fmt_set_named(d, "log.syslog.structured_data.", dw_str_make(key, id.len + 1 + name.len), value);
}

/* [id name="value" ...] of the structured data. False, and nothing taken, when it is none. */
static bool sd_element(struct dw_draft *d, struct dw_str *r)
{
    struct dw_str at = *r, id, value;
    bool escaped;
    if (!fmt_lit(&at, "["))
        return false;
    size_t n = 0;
    while (n < at.len && !strchr(" ]=\"", at.ptr[n]))
        n++;
    id = dw_str_slice(at, 0, n);
    at = dw_str_slice(at, n, at.len);
    for (fmt_blanks(&at); id.len && !fmt_lit(&at, "]"); fmt_blanks(&at)) {
        struct dw_str name = dw_str_slice(at, 0, dw_str_index(at, '='));
        at = dw_str_slice(at, name.len + 1, at.len);
        if (!sd_value(&at, &value, &escaped))
            return false;
        put_parameter(d, id, name, escaped ? unescaped(d, value) : value);
    }
    *r = at;
    return id.len > 0;
}

/* host app procid msgid sd message, after the time */
static bool head_5424(struct dw_draft *d, struct dw_str r, struct syslog_head *h)
{
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
        while (sd_element(d, &r))
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

/* What stands there where no time does: a program's name before a colon, or nothing. */
static bool head_alone(struct dw_str r, struct syslog_head *h)
{
    struct dw_str at = r;
    if (program(&at, h) && h->program.len <= TAG_MAX && dw_str_index(h->program, ' ') == h->program.len && !fmt_digits(h->program)) {
        h->message = at;
        return true;
    }
    *h = (struct syslog_head){.message = r};
    return r.len > 0;
}

/* Network devices: a number, a time that says whether it is exact, a code. */
static bool head_of_device(const struct dw_parse_ctx *ctx, struct dw_draft *d, struct dw_str r, struct syslog_head *h)
{
    struct dw_str at = r, number, code;
    if (!fmt_upto(&at, ": ", &number) || !fmt_digits(number))
        return false;
    if (!fmt_lit(&at, "*"))
        (void)fmt_lit(&at, ".");
    if (!fmt_time(ctx, d, &at) || !fmt_upto(&at, ": ", &code))
        return false;
    struct dw_str rest = at;
    if (fmt_lit(&rest, "%") && fmt_upto(&rest, ":", &code) && dw_str_index(code, ' ') == code.len)
        (void)fmt_set(d, DW_F_event_code, code);
    h->message = at;
    return true;
}

bool syslog_head(const struct dw_parse_ctx *ctx, struct dw_draft *d, struct syslog_head *ret)
{
    *ret = (struct syslog_head){0};
    struct dw_str r = d->line, pri;
    uint64_t number;
    bool has_pri = r.len && r.ptr[0] == '<' && fmt_bracketed(&r, '<', '>', &pri) && fmt_digits(pri);
    if (has_pri)
        put_priority(d, pri);
    bool ok;
    struct dw_str at = r;
    if (has_pri && fmt_lit(&at, "1 ")) {
        dw_draft_const(d, DW_F_log_syslog_version, "1");
        ok = (fmt_lit(&at, "-") || fmt_time(ctx, d, &at)) && head_5424(d, at, ret);
    } else {
        at = r;
        ok = fmt_time(ctx, d, &at) && head_3164(at, ret);
        if (!ok && has_pri)
            ok = head_of_device(ctx, d, r, ret) || (is_priority(pri, &number) && head_alone(r, ret));
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
    bool newer = fmt_lit(&r, "1 ");
    if (dw_time_scan(r, &ref, &t))
        return false;
    r = dw_str_slice(r, t.len, r.len);
    if (!fmt_starts(r, " "))
        return false;
    if (!newer)
        return (head_3164(r, h) && h->program.len && h->host.len) || fmt_starts(line, "<");
    h->host = fmt_word(&r);
    h->program = fmt_word(&r);
    return fmt_starts(line, "<") && h->program.len;
}

/* A priority, and then whatever its sender writes. */
static bool has_priority(struct dw_str line)
{
    struct dw_str r = line, pri;
    uint64_t number;
    return r.len && r.ptr[0] == '<' && fmt_bracketed(&r, '<', '>', &pri) && is_priority(pri, &number) && r.len > 0;
}

int dw_probe_system_syslog(struct dw_str line)
{
    struct syslog_head h;
    return !looks_like(line, &h) ? (has_priority(line) ? 31 : 0) : dw_str_index(h.program, ' ') == h.program.len ? 45 : 32;
}

int dw_probe_system_auth(struct dw_str line)
{
    struct syslog_head h;
    return looks_like(line, &h) && auth_writes(h.program) ? 90 : 0;
}
