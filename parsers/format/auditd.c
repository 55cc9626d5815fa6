/*
 * auditd: records of the Linux audit daemon.
 *
 *     node=host type=USER_AUTH msg=audit(1489636960.072:19623789): pid=7 uid=0 msg='acct="root" res=success'
 *
 * Invariants:
 *   (1) A record is one line; several lines are the records of one event (auditd_event.c), as join/lines.c puts them together.
 *   (2) Values that say nothing (?, (null), (none)) are left out.
 *   (3) A hex value of a name or path is decoded only when its text needed the coding.
 */
#include "formats.h"

#include "auditd_int.h"

enum { DECODE_MAX = 4096 };

static const struct fmt_map keys[] = {
    {"pid", DW_F_process_pid, FMT_COPY},
    {"ppid", DW_F_process_parent_pid, FMT_COPY},
    {"comm", DW_F_process_name, FMT_COPY},
    {"exe", DW_F_process_executable, FMT_COPY},
    {"proctitle", DW_F_process_title, FMT_COPY},
    {"cmd", DW_F_process_command_line, FMT_COPY},
    {"cwd", DW_F_process_working_directory, FMT_COPY},
    {"exit", DW_F_process_exit_code, FMT_COPY},
    {"tty", DW_F_process_tty_name, FMT_COPY},
    {"terminal", DW_F_process_tty_name, FMT_COPY},
    {"acct", DW_F_user_name, FMT_USER},
    {"uid", DW_F_user_id, FMT_COPY},
    {"euid", DW_F_user_effective_id, FMT_COPY},
    {"gid", DW_F_group_id, FMT_COPY},
    {"addr", DW_F_source_address, FMT_SOURCE},
    {"src", DW_F_source_address, FMT_SOURCE},
    {"dst", DW_F_destination_address, FMT_COPY},
};

static bool says_nothing(struct dw_str s)
{
    return s.len == 0 || fmt_eq(s, "?") || fmt_eq(s, "(null)") || fmt_eq(s, "(none)");
}

/* Decodes a hex value into the pool when its text could not stand bare; else gives it back. */
static struct dw_str unhexed(struct dw_draft *d, struct dw_str s)
{
    if (s.len < 2 || s.len % 2 || s.len > 2 * DECODE_MAX)
        return s;
    char *out = dw_arena_alloc(d->pool, s.len / 2);
    if (!out || !dw_unhex(s, (uint8_t *)out, s.len / 2))
        return s;
    bool coded = false;
    for (size_t i = 0; i < s.len / 2; i++) {
        unsigned char ch = (unsigned char)out[i];
        coded = coded || ch <= ' ' || ch == '"' || ch >= 127;
        if (ch < ' ')
            out[i] = ' ';
    }
    return coded ? dw_str_make(out, s.len / 2) : s;
}

static bool is_text_key(struct dw_str key)
{
    return fmt_among(key,
        " exe cmd data path comm file name watch cwd acct dir vm device cgroup operation info profile "
        "proctitle ocomm grp new_group ");
}

static bool is_argument(struct dw_str key)
{
    return key.len && key.ptr[0] == 'a' && fmt_digits(dw_str_slice(key, 1, key.len));
}

struct dw_str auditd_text(struct dw_draft *d, struct dw_str key, struct dw_str value)
{
    bool bare = value.len && value.ptr > d->line.ptr && value.ptr[-1] != '"' && value.ptr[-1] != '\'';
    return bare && (is_text_key(key) || is_argument(key)) ? unhexed(d, value) : value;
}

/* Keys of rules: one as it is, several in hex with a control byte between them. */
static void put_keys(struct dw_draft *d, struct dw_str value)
{
    struct dw_str rest = unhexed(d, value);
    while (rest.ptr)
        fmt_set_named(d, "auditd.log.", DW_STR("key"), dw_str_cut(&rest, ' '));
}

static void put_pair(struct dw_draft *d, const struct dw_parse_ctx *ctx, struct dw_str key, struct dw_str value, bool args)
{
    if (args || !is_argument(key)) /* of a system call they are numbers */
        value = auditd_text(d, key, value);
    if (says_nothing(value))
        return;
    if (fmt_eq(key, "res") || fmt_eq(key, "success")) {
        bool good = fmt_among(value, " success yes 1 "), bad = fmt_among(value, " failed fail failure no 0 ");
        if (good || bad)
            dw_draft_const(d, DW_F_event_outcome, good ? "success" : "failure");
        return;
    }
    if (fmt_eq(key, "key") && value.ptr > d->line.ptr && value.ptr[-1] != '"') {
        put_keys(d, value);
        return;
    }
    fmt_set_named(d, "auditd.log.", key, value);
    for (size_t i = 0; i < DW_COUNT_OF(keys); i++) {
        if (!fmt_eq(key, keys[i].name) || fmt_get(d, keys[i].key).len)
            continue;
        struct dw_field v = fmt_field(d, value);
        (void)fmt_apply(ctx, d, &keys[i], &v);
    }
}

static void put_pairs(struct dw_draft *d, const struct dw_parse_ctx *ctx, struct dw_str r, bool inner, bool args)
{
    struct dw_str key, value;
    while (r.len) {
        if (!fmt_pair(&r, &key, &value)) {
            if (!fmt_word(&r).len)
                break;
        } else if (fmt_eq(key, "msg") && !inner) {
            put_pairs(d, ctx, value, true, args);
        } else {
            put_pair(d, ctx, key, value, args);
        }
    }
}

void auditd_pairs(const struct dw_parse_ctx *ctx, struct dw_draft *d, const struct auditd_record *r)
{
    put_pairs(d, ctx, r->rest, false, fmt_eq(r->type, "EXECVE"));
}

void auditd_meaning(struct dw_draft *d, const struct auditd_record *record)
{
    struct dw_str type = record->type, r = record->rest;
    static const struct {
        const char *type, *action, *category, *types;
    } known[] = {
#define AUDIT(type, action, category, types) {type, action, category, types},
#include "audit_types.h"
#undef AUDIT
    };
    if (fmt_eq(type, "AVC")) {
        dw_draft_const(
            d, DW_F_event_action, fmt_has(r, "apparmor=") ? "violated-apparmor-policy" : "violated-selinux-policy");
        return;
    }
    if (fmt_eq(type, "SYSCALL")) {
        bool executed = fmt_has(r, "syscall=execve ") || fmt_has(r, "syscall=execveat ");
        dw_draft_const(d, DW_F_event_action, executed ? "executed" : "syscall");
        dw_draft_const(d, DW_F_event_category, "process");
        dw_draft_const(d, DW_F_event_type, "info");
        return;
    }
    static const char *const op[][2] = {
        {"op=start ", "start"}, {"op=stop ", "end"}, {"op=create ", "creation"}, {"op=delete ", "deletion"}};
    for (size_t i = 0; i < DW_COUNT_OF(op) && fmt_eq(type, "VIRT_CONTROL"); i++) {
        if (!fmt_has(r, op[i][0]))
            continue;
        dw_draft_const(d, DW_F_event_action, "issued-vm-control");
        dw_draft_const(d, DW_F_event_category, "host");
        dw_draft_const(d, DW_F_event_type, op[i][1]);
        return;
    }
    for (size_t i = 0; i < DW_COUNT_OF(known); i++) {
        if (!fmt_eq(type, known[i].type))
            continue;
        dw_draft_const(d, DW_F_event_action, known[i].action);
        fmt_words(d, DW_F_event_category, known[i].category);
        fmt_words(d, DW_F_event_type, known[i].types);
        return;
    }
    fmt_set_lower(d, DW_F_event_action, type);
}

bool auditd_head(struct dw_str line, struct auditd_record *ret)
{
    struct dw_str at = line;
    *ret = (struct auditd_record){0};
    if (fmt_lit(&at, "node="))
        ret->node = fmt_word(&at);
    fmt_blanks(&at);
    if (!fmt_lit(&at, "type="))
        return false;
    ret->type = fmt_word(&at);
    fmt_blanks(&at);
    if (!fmt_lit(&at, "msg=audit(") || !fmt_upto(&at, "):", &ret->stamp))
        return false;
    ret->rest = at;
    return true;
}

bool auditd_stamp(const struct dw_parse_ctx *ctx, struct dw_draft *d, const struct auditd_record *r)
{
    struct dw_str serial = r->stamp, time = dw_str_cut(&serial, ':');
    if (!fmt_time(ctx, d, &time))
        return false;
    fmt_set_named(d, "auditd.log.", DW_STR("sequence"), serial);
    fmt_set_named(d, "auditd.log.", DW_STR("node"), r->node);
    return true;
}

int dw_parse_auditd_log(const struct dw_parse_ctx *ctx, struct dw_draft *d)
{
    struct auditd_record r;
    if (dw_str_index(d->line, '\n') < d->line.len)
        return auditd_event(ctx, d);
    if (!auditd_head(d->line, &r) || !auditd_stamp(ctx, d, &r))
        return DW_ESYNTAX;
    fmt_set_named(d, "auditd.log.", DW_STR("record_type"), r.type);
    auditd_meaning(d, &r);
    auditd_pairs(ctx, d, &r);
    return DW_OK;
}

int dw_probe_auditd_log(struct dw_str line)
{
    struct auditd_record r;
    return auditd_head(line, &r) ? 98 : 0;
}
