/*
 * journald: an entry of systemd's journal as `journalctl -o json` prints it, and what the program behind it says.
 *
 *     {"__CURSOR":"s=...","__REALTIME_TIMESTAMP":"1534860261221373","_PID":"184","_COMM":"sshd","SYSLOG_IDENTIFIER":"sshd","MESSAGE":"Failed password ..."}
 *     {..., "MESSAGE":[27,91,51,49,109,104,105], "_SYSTEMD_UNIT":["a.service","b.service"]}        bytes that are no text; several values
 *
 * Idea: journald itself writes the fields whose names begin with an underscore, whoever sends the entry writes all others. So the process is told by the former, and
 * the identifier that a sender gives itself only says which program's words the message is read as.
 *
 * Invariants:
 *   (1) No field of a sender's becomes process.*, user.id or systemd.*; container.* only of a sender that is root.
 *   (2) A message whose sender journald saw to be another program than it says carries the tag program.claimed when it was read as that program's.
 *   (3) What has no place of its own is kept as journald.NAME.
 */
#include "formats.h"

#include "inner.h"
#include "syslog_head.h"

#include "dogwatch/base/counter.h"

#include <stdio.h>

#define PREFIX "journald."
enum { STAMP_CAP = 64 };

/* What is looked at again when all of an entry was seen. */
enum held { UID, GID, TRANSPORT, IDENTIFIER, PRIORITY, FACILITY, REALTIME, SOURCE_TIME, AUDIT_TYPE, AUDIT_ID, CONTAINER_ID, CONTAINER_ID_FULL, CONTAINER_NAME, IMAGE_NAME, HELD };
static const char *const held_names[HELD] = {"_UID", "_GID", "_TRANSPORT", "SYSLOG_IDENTIFIER", "PRIORITY", "SYSLOG_FACILITY", "__REALTIME_TIMESTAMP", "_SOURCE_REALTIME_TIMESTAMP",
    "_AUDIT_TYPE_NAME", "_AUDIT_ID", "CONTAINER_ID", "CONTAINER_ID_FULL", "CONTAINER_NAME", "IMAGE_NAME"};

static const struct fmt_map names[] = {
    {"MESSAGE", DW_F_message, FMT_COPY},
    {"_HOSTNAME", DW_F_host_hostname, FMT_COPY},
    {"_BOOT_ID", DW_F_host_boot_id, FMT_COPY},
    {"_PID", DW_F_process_pid, FMT_COPY},
    {"_COMM", DW_F_process_name, FMT_COPY},
    {"_EXE", DW_F_process_executable, FMT_COPY},
    {"_CMDLINE", DW_F_process_command_line, FMT_COPY},
    {"_SYSTEMD_UNIT", DW_F_systemd_unit, FMT_COPY},
    {"SYSLOG_PID", DW_F_log_syslog_procid, FMT_COPY},
    {"__CURSOR", 0, FMT_DROP},
    {"__MONOTONIC_TIMESTAMP", 0, FMT_DROP},
};

struct entry {
    struct dw_draft *d;
    struct dw_json json;
    struct dw_str held[HELD]; /* the first value of each */
    struct dw_buf scratch;
};

static void drop(struct entry *e)
{
    e->d->dropped++;
    DW_COUNT(parse_fields_dropped);
}

static void put_named(struct entry *e, struct dw_str name, struct dw_str value)
{
    fmt_set_named(e->d, PREFIX, name, value);
}

/* One value of a field, which lies in the line or in the pool. */
static void put(struct entry *e, struct dw_str name, struct dw_str value)
{
    for (size_t i = 0; i < HELD; i++)
        if (fmt_eq(name, held_names[i]) && !e->held[i].ptr) {
            e->held[i] = value;
            return;
        }
    for (size_t i = 0; i < DW_COUNT_OF(names); i++) {
        if (!fmt_eq(name, names[i].name))
            continue;
        if (names[i].how == FMT_COPY)
            fmt_put(e->d, names[i].key, value);
        return;
    }
    put_named(e, name, value);
}

static void put_string(struct entry *e, struct dw_str name, const struct dw_json_token *t)
{
    struct dw_str value = t->text;
    if (t->escaped) {
        dw_buf_reset(&e->scratch);
        bool ok = dw_json_unescape(t->text, &e->scratch) && !e->scratch.err && e->scratch.len <= DW_EVENT_VALUE_MAX;
        value = ok ? dw_arena_copy(e->d->pool, dw_buf_view(&e->scratch)) : DW_STR_NONE;
        if (!value.ptr) {
            drop(e);
            return;
        }
    }
    put(e, name, value);
}

/* Numbers of bytes up to the array's end, the first of which is `t`. */
static int put_bytes(struct entry *e, struct dw_str name, struct dw_json_token t)
{
    int rc = DW_OK;
    uint64_t byte;
    dw_buf_reset(&e->scratch);
    while (rc == DW_OK && t.type == DW_JSON_NUMBER) {
        if (!dw_str_u64(t.text, &byte) || byte > UINT8_MAX)
            return DW_ESYNTAX;
        if (e->scratch.len <= DW_EVENT_VALUE_MAX)
            dw_buf_byte(&e->scratch, (uint8_t)byte);
        rc = dw_json_next(&e->json, &t);
    }
    if (rc < 0 || t.type != DW_JSON_ARRAY_END)
        return DW_ESYNTAX;
    bool ok = !e->scratch.err && e->scratch.len <= DW_EVENT_VALUE_MAX;
    struct dw_str value = ok ? dw_arena_copy(e->d->pool, dw_buf_view(&e->scratch)) : DW_STR_NONE;
    if (value.ptr)
        put(e, name, value);
    else
        drop(e);
    return DW_OK;
}

/* An array is the bytes of one value, or several values, each text or bytes. */
static int put_array(struct entry *e, struct dw_str name)
{
    struct dw_json_token t;
    int rc = dw_json_next(&e->json, &t);
    if (rc == DW_OK && t.type == DW_JSON_NUMBER)
        return put_bytes(e, name, t);
    for (; rc == DW_OK && t.type != DW_JSON_ARRAY_END; rc = rc < 0 ? rc : dw_json_next(&e->json, &t)) {
        if (t.type == DW_JSON_STRING)
            put_string(e, name, &t);
        else if (t.type == DW_JSON_ARRAY)
            rc = (rc = dw_json_next(&e->json, &t)) < 0 ? rc : put_bytes(e, name, t);
        else if (t.type != DW_JSON_NULL)
            return DW_ESYNTAX;
    }
    return rc;
}

static int put_value(struct entry *e, struct dw_str name)
{
    struct dw_json_token t;
    int rc = dw_json_next(&e->json, &t);
    if (rc < 0)
        return rc;
    switch (t.type) {
    case DW_JSON_STRING: put_string(e, name, &t); return DW_OK;
    case DW_JSON_NUMBER: put(e, name, t.text); return DW_OK;
    case DW_JSON_ARRAY: return put_array(e, name);
    case DW_JSON_NULL: return DW_OK; /* too long for who wrote it */
    default: return DW_ESYNTAX;
    }
}

static int read_fields(struct entry *e)
{
    struct dw_json_token t;
    dw_json_start(&e->json, dw_str_trim(e->d->line));
    int rc = dw_json_next(&e->json, &t);
    if (rc < 0 || t.type != DW_JSON_OBJECT)
        return DW_ESYNTAX;
    while ((rc = dw_json_next(&e->json, &t)) == DW_OK && t.type == DW_JSON_KEY)
        if (t.escaped || put_value(e, t.text) < 0) /* names are of A-Z, 0-9 and _ */
            return DW_ESYNTAX;
    if (rc < 0 || t.type != DW_JSON_OBJECT_END)
        return DW_ESYNTAX;
    rc = dw_json_next(&e->json, &t);
    return rc == DW_OK && t.type == DW_JSON_END ? DW_OK : DW_ESYNTAX;
}

static bool take_time(struct dw_draft *d, struct dw_str micros)
{
    uint64_t us;
    if (!fmt_digits(micros) || !dw_str_u64(micros, &us) || us > INT64_MAX / 1000)
        return false;
    dw_draft_time(d, (int64_t)us * 1000);
    return true;
}

static void put_syslog(struct entry *e)
{
    static const char *const level[] = {"emergency", "alert", "critical", "error", "warning", "notice", "info", "debug"};
    uint64_t n;
    if (fmt_digits(e->held[PRIORITY]) && dw_str_u64(e->held[PRIORITY], &n) && n < DW_COUNT_OF(level)) {
        syslog_put_severity(e->d, n);
        dw_draft_const(e->d, DW_F_log_level, level[n]);
    }
    if (fmt_digits(e->held[FACILITY]) && dw_str_u64(e->held[FACILITY], &n))
        syslog_put_facility(e->d, n);
    (void)fmt_set(e->d, DW_F_log_syslog_appname, e->held[IDENTIFIER]);
}

/* docker and podman write them; so may anybody. */
static void put_container(struct entry *e)
{
    static const uint32_t key[] = {DW_F_container_id, DW_F_container_id, DW_F_container_name, DW_F_container_image_name};
    bool root = fmt_eq(e->held[UID], "0");
    for (int i = CONTAINER_ID; i <= IMAGE_NAME; i++) {
        bool shorter = i == CONTAINER_ID && e->held[CONTAINER_ID_FULL].len;
        if (e->held[i].len && root && !shorter)
            fmt_put(e->d, key[i - CONTAINER_ID], e->held[i]);
        else if (e->held[i].len)
            put_named(e, dw_str_of(held_names[i]), e->held[i]);
    }
}

/* Whether the program that journald saw is the one that the message says it is of: sshd may be sshd-session, and CRON cron. */
static bool is_claimed(const struct dw_draft *d, struct dw_str program)
{
    struct dw_str seen = fmt_get(d, DW_F_process_name);
    size_t n = seen.len < program.len ? seen.len : program.len;
    return seen.len && !dw_str_ieq(dw_str_slice(seen, 0, n), dw_str_slice(program, 0, n));
}

static void put_format(struct dw_draft *d, struct dw_str dataset, struct dw_str module)
{
    inner_replace(d, DW_F_event_dataset, dataset, DW_K_CONST);
    inner_replace(d, DW_F_event_module, module, DW_K_CONST);
}

/* journald takes the head off the kernel's audit records; with it they are as auditd writes them. */
static bool audit_message(const struct dw_parse_ctx *ctx, struct entry *e, struct dw_str message)
{
    char head[STAMP_CAP * 2];
    uint64_t us, id;
    struct dw_str type = e->held[AUDIT_TYPE], stamp = e->held[SOURCE_TIME].len ? e->held[SOURCE_TIME] : e->held[REALTIME];
    if (!fmt_eq(e->held[TRANSPORT], "audit") || !type.len || type.len > STAMP_CAP || !dw_str_u64(stamp, &us) || !dw_str_u64(e->held[AUDIT_ID], &id))
        return false;
    if (dw_str_starts(message, type)) {
        message = dw_str_slice(message, type.len, message.len);
        fmt_blanks(&message);
    }
    dw_buf_reset(&e->scratch);
    int n = snprintf(head, sizeof head, "type=%.*s msg=audit(%llu.%03llu:%llu): ", DW_ARG(type), (unsigned long long)us / 1000000,
        (unsigned long long)us / 1000 % 1000, (unsigned long long)id);
    dw_buf_add(&e->scratch, head, (size_t)n < sizeof head ? (size_t)n : 0);
    dw_buf_str(&e->scratch, message);
    struct dw_str record = e->scratch.err ? DW_STR_NONE : dw_arena_copy(e->d->pool, dw_buf_view(&e->scratch));
    return record.ptr && inner_parse(ctx, e->d, dw_parser_find(DW_STR("auditd")), record);
}

/* The words of sshd, sudo and their like, else whatever format the message has. */
static void read_message(const struct dw_parse_ctx *ctx, struct entry *e)
{
    struct dw_draft *d = e->d;
    struct dw_str line = inner_line(d), program = e->held[IDENTIFIER].len ? e->held[IDENTIFIER] : fmt_get(d, DW_F_process_name);
    if (!line.len || audit_message(ctx, e, line))
        return;
    bool auth = auth_message(d, program, line);
    if (auth_writes(program))
        put_format(d, DW_STR("system.auth"), DW_STR("system"));
    if ((auth || auth_writes(program)) && is_claimed(d, program))
        dw_draft_const(d, DW_F_tags, "program.claimed");
    const struct dw_parser *p = auth ? NULL : dw_parser_probe(line);
    if (!p || p->parse == dw_parse_journald || !inner_parse(ctx, d, p, line))
        return;
    if (dw_str_eq(p->module, DW_STR("generic"))) /* words that anything may be written in: it stays an entry */
        put_format(d, DW_STR("journald.entry"), DW_STR("journald"));
}

/* Whose process it was, where the message does not name a user itself. */
static void put_ids(struct entry *e)
{
    bool named = fmt_get(e->d, DW_F_user_name).len > 0;
    static const uint32_t key[] = {DW_F_user_id, DW_F_group_id};
    for (int i = UID; i <= GID; i++) {
        if (named && e->held[i].len)
            put_named(e, dw_str_of(held_names[i]), e->held[i]);
        else
            (void)fmt_set(e->d, key[i], e->held[i]);
    }
}

int dw_parse_journald(const struct dw_parse_ctx *ctx, struct dw_draft *d)
{
    static const enum held as_named[] = {TRANSPORT, AUDIT_TYPE, AUDIT_ID};
    struct entry e = {.d = d};
    int rc = read_fields(&e);
    if (rc == DW_OK && !e.held[REALTIME].len)
        rc = DW_ESYNTAX;
    if (rc == DW_OK) {
        if (!take_time(d, e.held[SOURCE_TIME]))
            (void)take_time(d, e.held[REALTIME]);
        put_syslog(&e);
        put_container(&e);
        for (size_t i = 0; i < DW_COUNT_OF(as_named); i++)
            if (e.held[as_named[i]].len)
                put_named(&e, dw_str_of(held_names[as_named[i]]), e.held[as_named[i]]);
        read_message(ctx, &e);
        put_ids(&e);
    }
    dw_buf_fini(&e.scratch);
    return rc < 0 ? DW_ESYNTAX : DW_OK;
}

int dw_probe_journald(struct dw_str line)
{
    struct dw_str s = dw_str_trim(line), cursor = DW_STR("\"__CURSOR\""), time = DW_STR("\"__REALTIME_TIMESTAMP\"");
    return s.len && s.ptr[0] == '{' && dw_str_find(s, cursor) < s.len && dw_str_find(s, time) < s.len ? 96 : 0;
}
