/*
 * auditd_event: the records of one event of the audit daemon, one a line, as one event.
 *
 *     type=SYSCALL msg=audit(1493129355.852:624): arch=c000003e syscall=87 success=yes ... comm="vim" exe="/usr/bin/vim.basic"
 *     type=CWD msg=audit(1493129355.852:624): cwd="/home/andrew"
 *     type=PATH msg=audit(1493129355.852:624): item=1 name=".audit.rules.swp" ... nametype=DELETE
 *
 * Idea: SYSCALL says who did what, and is read first wherever it stands; the others say to what. A key of several records has several values under auditd.log.*, so
 * that whoever asks for one finds it.
 *
 * Invariants:
 *   (1) Every pair of every record is under auditd.log.*, as it would be of the record alone.
 *   (2) What the system call means is told by its number and processor, or by its name; one that the table does not have is only named `syscall`.
 */
#include "auditd_int.h"

#include <stdio.h>

enum { ARGS_MAX = 256, PATH_CAP = 4096, SOCKET_CAP = 256 };

struct meaning {
    const char *name, *action, *category, *types;
    int number[3];
};
static const struct meaning calls[] = {
#define AUDIT_CALL(name, x86_64, aarch64, i386, action, category, types) {name, action, category, types, {x86_64, aarch64, i386}},
#include "audit_syscalls.h"
#undef AUDIT_CALL
};

/* The value of a key in pairs; empty: there is none. */
static struct dw_str value_of(struct dw_str pairs, const char *key)
{
    struct dw_str r = pairs, k, v;
    while (r.len) {
        if (!fmt_pair(&r, &k, &v)) {
            if (!fmt_word(&r).len)
                break;
        } else if (fmt_eq(k, key)) {
            return v;
        }
    }
    return DW_STR_NONE;
}

static const struct meaning *meaning_of(struct dw_str pairs)
{
    static const char *const names[] = {" c000003e x86_64 ", " c00000b7 aarch64 ", " 40000003 i386 "};
    struct dw_str call = value_of(pairs, "syscall"), arch = value_of(pairs, "arch");
    uint64_t number = UINT64_MAX;
    size_t processor = 0;
    while (processor < DW_COUNT_OF(names) && !fmt_among(arch, names[processor]))
        processor++;
    (void)dw_str_u64(call, &number);
    for (size_t i = 0; i < DW_COUNT_OF(calls); i++) {
        bool numbered = processor < DW_COUNT_OF(names) && number <= INT32_MAX && calls[i].number[processor] == (int)number;
        if (numbered || fmt_eq(call, calls[i].name))
            return &calls[i];
    }
    return NULL;
}

/* The next record; false at the end. */
static bool next(struct dw_str *rest, struct auditd_record *ret)
{
    if (!rest->ptr)
        return false;
    struct dw_str line = dw_str_cut(rest, '\n');
    if (auditd_head(line, ret))
        return true;
    *ret = (struct auditd_record){0};
    return true;
}

static void put_call(struct dw_draft *d, const struct auditd_record *syscall, bool refused)
{
    const struct meaning *m = meaning_of(syscall->rest);
    if (m && !fmt_eq(value_of(syscall->rest, "syscall"), m->name))
        fmt_set_named(d, "auditd.log.", DW_STR("syscall"), dw_str_of(m->name));
    if (!refused) /* else a policy was violated: that is what was done */
        dw_draft_const(d, DW_F_event_action, m ? m->action : "syscall");
    fmt_words(d, DW_F_event_category, m ? m->category : refused ? "file" : "process");
    fmt_words(d, DW_F_event_type, m ? m->types : "info");
}

/* a0="ls" a1="-l": the arguments, and all of them as one line. */
static void put_args(struct dw_draft *d, struct dw_str pairs)
{
    struct dw_buf line = {0};
    struct dw_str r = pairs, key, value;
    uint32_t n = 0;
    uint64_t number;
    while (r.len && n < ARGS_MAX) {
        if (!fmt_pair(&r, &key, &value)) {
            if (!fmt_word(&r).len)
                break;
            continue;
        }
        if (key.ptr[0] != 'a' || !dw_str_u64(dw_str_slice(key, 1, key.len), &number))
            continue;
        value = auditd_text(d, key, value);
        fmt_put(d, DW_F_process_args, value);
        if (n++)
            dw_buf_byte(&line, ' ');
        dw_buf_str(&line, value);
    }
    if (n && !line.err && line.len <= DW_EVENT_VALUE_MAX)
        dw_draft_literal(d, DW_F_process_command_line, dw_buf_view(&line));
    dw_buf_fini(&line);
}

/* The file that is meant: the first that is no folder of it. A relative name begins at the working directory. */
static void put_path(struct dw_draft *d, struct dw_str pairs)
{
    char whole[PATH_CAP];
    struct dw_str cwd = fmt_get(d, DW_F_process_working_directory), name = auditd_text(d, DW_STR("name"), value_of(pairs, "name"));
    if (fmt_get(d, DW_F_file_path).len || !name.len || fmt_eq(name, "(null)") || fmt_eq(value_of(pairs, "nametype"), "PARENT"))
        return;
    if (name.ptr[0] != '/' && cwd.len && cwd.len + 1 + name.len < sizeof whole) {
        int n = snprintf(whole, sizeof whole, "%.*s/%.*s", DW_ARG(cwd), DW_ARG(name));
        name = dw_str_make(whole, n > 0 ? (size_t)n : 0);
    }
    fmt_put(d, DW_F_file_path, name);
}

/* saddr=02000016C0000209...: family (of the processor's byte order: little), port, address. */
static void put_address(struct dw_draft *d, struct dw_str pairs, bool incoming)
{
    uint8_t b[SOCKET_CAP / 2];
    char text[64], port[8];
    struct dw_str hex = value_of(pairs, "saddr");
    size_t bytes = hex.len / 2;
    if (hex.len % 2 || bytes < 8 || bytes > sizeof b || !dw_unhex(hex, b, bytes) || b[1] != 0 || (b[0] != 2 && (b[0] != 10 || bytes < 24)))
        return;
    if (b[0] == 2) {
        (void)snprintf(text, sizeof text, "%u.%u.%u.%u", b[4], b[5], b[6], b[7]);
    } else {
        int n = 0;
        for (size_t i = 8; i < 24; i += 2)
            n += snprintf(text + n, sizeof text - (size_t)n, "%s%x", i == 8 ? "" : ":", (unsigned)b[i] << 8 | b[i + 1]);
    }
    (void)snprintf(port, sizeof port, "%u", (unsigned)b[2] << 8 | b[3]);
    if (incoming)
        fmt_source(d, dw_str_of(text));
    else
        fmt_destination(d, dw_str_of(text));
    (void)fmt_set_digits(d, incoming ? DW_F_source_port : DW_F_destination_port, dw_str_of(port));
}

static void put_record(const struct dw_parse_ctx *ctx, struct dw_draft *d, const struct auditd_record *r, bool incoming)
{
    fmt_set_named(d, "auditd.log.", DW_STR("record_type"), r->type);
    if (fmt_eq(r->type, "EXECVE"))
        put_args(d, r->rest);
    if (fmt_eq(r->type, "SOCKADDR"))
        put_address(d, r->rest, incoming);
    auditd_pairs(ctx, d, r);
}

/* The first record of a type. */
static bool find(struct dw_str text, const char *type, struct auditd_record *ret)
{
    struct dw_str rest = text;
    while (next(&rest, ret))
        if (fmt_eq(ret->type, type))
            return true;
    *ret = (struct auditd_record){0};
    return false;
}

/* All records but one, in their order; paths when the working directory is known. */
static int put_others(const struct dw_parse_ctx *ctx, struct dw_draft *d, const char *but, bool incoming)
{
    struct dw_str rest = d->line;
    struct auditd_record r;
    while (next(&rest, &r)) {
        if (!r.type.len)
            return DW_ESYNTAX;
        if (r.type.ptr != but)
            put_record(ctx, d, &r, incoming);
    }
    rest = d->line;
    while (next(&rest, &r))
        if (fmt_eq(r.type, "PATH"))
            put_path(d, r.rest);
    return DW_OK;
}

int auditd_event(const struct dw_parse_ctx *ctx, struct dw_draft *d)
{
    struct auditd_record first, syscall, avc;
    struct dw_str rest = d->line;
    if (!next(&rest, &first) || !first.type.len || !auditd_stamp(ctx, d, &first))
        return DW_ESYNTAX;
    bool refused = find(d->line, "AVC", &avc), called = find(d->line, "SYSCALL", &syscall);
    struct dw_str call = value_of(syscall.rest, "syscall");
    if (refused || !called)
        auditd_meaning(d, refused ? &avc : &first);
    if (called) {
        put_record(ctx, d, &syscall, false);
        put_call(d, &syscall, refused);
    }
    const struct meaning *m = called ? meaning_of(syscall.rest) : NULL;
    bool incoming = call.len && m && (fmt_starts(dw_str_of(m->name), "accept") || fmt_eq(dw_str_of(m->name), "recvfrom"));
    return put_others(ctx, d, syscall.type.ptr, incoming);
}
