/*
 * alert_store: the log of alerts and its view.
 *
 * Idea: what is raised waits in memory until its frames are durable; then it goes to the log, and from there to the view. A finding is
 * known by its id, among those that wait by a hash table and before by the view's index.
 *
 * Invariants:
 *   (1) A line is in the log and synced before the view has it.
 *   (2) The view holds nothing that the log does not: deleting it loses nothing.
 *   (3) Raising the same finding again changes nothing.
 *   (4) A line of the log that cannot be read costs that line: it is named, counted and passed over.
 */
#include "dogwatch/collect/alerts.h"

#include "dogwatch/base/counter.h"
#include "dogwatch/base/error.h"
#include "dogwatch/base/hash.h"
#include "dogwatch/base/log.h"
#include "dogwatch/base/mem.h"
#include "dogwatch/base/table.h"
#include "dogwatch/event/json_read.h"
#include "dogwatch/event/json_write.h"

#include <fcntl.h>
#include <inttypes.h>
#include <sqlite3.h>
#include <stdio.h>

enum { PATH_CAP = 4096, LOG_STEP = 1024 * 1024, LINE_MAX_BYTES = 16 * 1024 * 1024 };

struct pending {
    struct pending *next;
    struct dw_node node; /* by id */
    char id[DW_ALERT_ID_TEXT], rule[256], title[512], level[32];
    int64_t time_ns, total;
    struct dw_str key, doc; /* in one block behind the struct */
};

struct dw_alerts {
    const struct dw_fs *fs;
    int fd;
    uint64_t log_bytes; /* written and synced */
    bool torn;          /* behind them may stand a part of a write that failed */
    sqlite3 *db;
    sqlite3_stmt *put, *known;
    struct dw_buf log;
    struct pending *head, **tail; /* raised and not yet durable, in order */
    struct dw_table by_id;        /* of these the newest of each id comes first */
};

static const char schema[] =
    "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;"
    "CREATE TABLE IF NOT EXISTS alert(n INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT UNIQUE, time INTEGER, rule TEXT,"
    " title TEXT, level TEXT, key TEXT, total INTEGER, doc TEXT);"
    "CREATE INDEX IF NOT EXISTS alert_time ON alert(time);"
    "CREATE TABLE IF NOT EXISTS position(one INTEGER PRIMARY KEY CHECK(one = 1), bytes INTEGER);";

static int open_view(struct dw_alerts *a, const char *dir, bool write)
{
    char path[PATH_CAP];
    int rc = dw_path_join(path, sizeof path, dir, "alerts.db");
    if (rc < 0)
        return rc;
    int flags = write ? SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE : SQLITE_OPEN_READONLY;
    int sql = sqlite3_open_v2(path, &a->db, flags, NULL);
    if (sql == SQLITE_OK)
        sql = sqlite3_busy_timeout(a->db, 5000);
    if (sql == SQLITE_OK && write)
        sql = sqlite3_exec(a->db, schema, NULL, NULL, NULL);
    if (sql == SQLITE_OK && write)
        sql = sqlite3_prepare_v2(a->db,
            "INSERT INTO alert(id, time, rule, title, level, key, total, doc) VALUES(?1,?2,?3,?4,?5,?6,?7,?8)"
            " ON CONFLICT(id) DO UPDATE SET total=?7, doc=?8 WHERE excluded.total > alert.total", -1, &a->put, NULL);
    if (sql == SQLITE_OK)
        sql = sqlite3_prepare_v2(a->db, "SELECT total FROM alert WHERE id=?1", -1, &a->known, NULL);
    return dw_err_from_sqlite(sql);
}

static int put_view(struct dw_alerts *a, const struct pending *p)
{
    sqlite3_stmt *s = a->put;
    (void)sqlite3_reset(s);
    (void)sqlite3_bind_text(s, 1, p->id, -1, SQLITE_STATIC);
    (void)sqlite3_bind_int64(s, 2, p->time_ns);
    (void)sqlite3_bind_text(s, 3, p->rule, -1, SQLITE_STATIC);
    (void)sqlite3_bind_text(s, 4, p->title, -1, SQLITE_STATIC);
    (void)sqlite3_bind_text(s, 5, p->level, -1, SQLITE_STATIC);
    (void)sqlite3_bind_text(s, 6, p->key.ptr, (int)p->key.len, SQLITE_STATIC);
    (void)sqlite3_bind_int64(s, 7, p->total);
    (void)sqlite3_bind_text(s, 8, p->doc.ptr, (int)p->doc.len, SQLITE_STATIC);
    int rc = sqlite3_step(s);
    (void)sqlite3_reset(s);
    return dw_err_from_sqlite(rc);
}

/* A line of the log: {"id","time","rule","title","level","key","total","finding":{...}}. */
static void write_line(const struct pending *p, struct dw_buf *out)
{
    dw_buf_printf(out, "{\"type\":\"raised\",\"id\":\"%s\",\"time\":%" PRId64 ",\"rule\":", p->id, p->time_ns);
    (void)dw_json_string(out, dw_str_of(p->rule));
    dw_buf_printf(out, ",\"title\":");
    (void)dw_json_string(out, dw_str_of(p->title));
    dw_buf_printf(out, ",\"level\":\"%s\",\"key\":", p->level);
    (void)dw_json_string(out, p->key);
    dw_buf_printf(out, ",\"total\":%" PRId64 ",\"finding\":", p->total);
    dw_buf_str(out, p->doc);
    dw_buf_str(out, DW_STR("}\n"));
}

static struct pending *new_pending(const struct dw_alert *alert)
{
    struct pending *p = dw_calloc(1, sizeof *p + alert->key.len + alert->doc.len);
    if (!p)
        return NULL;
    char *bytes = (char *)(p + 1);
    (void)snprintf(p->id, sizeof p->id, "%s", alert->id);
    (void)snprintf(p->rule, sizeof p->rule, "%s", alert->rule);
    (void)snprintf(p->title, sizeof p->title, "%s", alert->title);
    (void)snprintf(p->level, sizeof p->level, "%s", alert->level);
    p->time_ns = alert->time_ns;
    p->total = alert->total;
    if (alert->key.len)
        memcpy(bytes, alert->key.ptr, alert->key.len);
    memcpy(bytes + alert->key.len, alert->doc.ptr, alert->doc.len);
    p->key = dw_str_make(bytes, alert->key.len);
    p->doc = dw_str_make(bytes + alert->key.len, alert->doc.len);
    return p;
}

static bool text_member(const struct dw_json_token *t, struct dw_arena *arena, const char **ret)
{
    struct dw_buf b = {0};
    bool ok = dw_json_unescape(t->text, &b) && !b.err;
    struct dw_str copy = ok ? dw_arena_copy(arena, dw_buf_view(&b)) : DW_STR_NONE;
    dw_buf_fini(&b);
    *ret = copy.ptr ? copy.ptr : "";
    return copy.ptr != NULL;
}

/* Takes a line of the log apart; false when it is none. */
static bool read_line(struct dw_str line, struct dw_arena *arena, struct dw_alert *alert)
{
    struct dw_json j;
    struct dw_json_token key, v;
    const char *text = "";
    *alert = (struct dw_alert){.id = "", .rule = "", .title = "", .level = ""};
    dw_json_start(&j, line);
    if (dw_json_next(&j, &v) < 0 || v.type != DW_JSON_OBJECT)
        return false;
    while (dw_json_next(&j, &key) == DW_OK && key.type == DW_JSON_KEY) {
        if (dw_json_next(&j, &v) < 0)
            return false;
        const char *from = j.at - 1;
        if (v.type == DW_JSON_OBJECT && dw_json_skip(&j) < 0)
            return false;
        if (v.type == DW_JSON_STRING && !text_member(&v, arena, &text))
            return false;
        if (dw_str_eq(key.text, DW_STR("id")))
            alert->id = text;
        else if (dw_str_eq(key.text, DW_STR("rule")))
            alert->rule = text;
        else if (dw_str_eq(key.text, DW_STR("title")))
            alert->title = text;
        else if (dw_str_eq(key.text, DW_STR("level")))
            alert->level = text;
        else if (dw_str_eq(key.text, DW_STR("key")))
            alert->key = dw_str_of(text);
        else if ((dw_str_eq(key.text, DW_STR("time")) && !dw_str_i64(v.text, &alert->time_ns))
                 || (dw_str_eq(key.text, DW_STR("total")) && !dw_str_i64(v.text, &alert->total)))
            return false;
        else if (dw_str_eq(key.text, DW_STR("finding")) && v.type == DW_JSON_OBJECT)
            alert->doc = dw_str_make(from, (size_t)(j.at - from));
    }
    return alert->doc.len > 0 && alert->id[0];
}

static uint64_t view_position(struct dw_alerts *a)
{
    sqlite3_stmt *s = NULL;
    uint64_t bytes = 0;
    if (sqlite3_prepare_v2(a->db, "SELECT bytes FROM position", -1, &s, NULL) == SQLITE_OK && sqlite3_step(s) == SQLITE_ROW)
        bytes = (uint64_t)sqlite3_column_int64(s, 0);
    (void)sqlite3_finalize(s);
    return bytes;
}

static int set_position(struct dw_alerts *a, uint64_t bytes)
{
    char sql[128];
    (void)snprintf(sql, sizeof sql,
        "INSERT INTO position VALUES(1, %" PRIu64 ") ON CONFLICT(one) DO UPDATE SET bytes=%" PRIu64, bytes, bytes);
    return dw_err_from_sqlite(sqlite3_exec(a->db, sql, NULL, NULL, NULL));
}

/* One line of the log into the view; `whole`: its beginning was not let go because of its length. */
static int take_line(struct dw_alerts *a, struct dw_str line, bool whole, uint64_t at, struct dw_arena *arena)
{
    struct dw_alert alert;
    dw_arena_reset(arena);
    if (!whole || !read_line(line, arena, &alert)) {
        DW_COUNT(alerts_lines_bad);
        dw_warn("alerts.log: the line at byte %" PRIu64 " is no alert: passed over", at);
        return DW_OK;
    }
    struct pending *p = new_pending(&alert);
    int rc = p ? put_view(a, p) : DW_ENOMEM;
    dw_free(p);
    return rc;
}

/* The log from `at` on into the view, a step at a time; *ret_end: where its last whole line ends. */
static int take_log(struct dw_alerts *a, uint64_t at, uint64_t *ret_end)
{
    struct dw_buf rest = {0};
    struct dw_arena arena;
    uint64_t gone = 0; /* bytes let go of the line at `at` */
    size_t n = 1;
    int rc = DW_OK;
    dw_arena_init(&arena, 0);
    while (rc == DW_OK && n) {
        char *room = dw_buf_reserve(&rest, LOG_STEP);
        rc = room ? dw_fs_pread(a->fs, a->fd, room, LOG_STEP, at + gone + rest.len, &n) : DW_ENOMEM;
        if (rc < 0)
            break;
        rest.len += n;
        struct dw_str lines = dw_buf_view(&rest);
        while (rc == DW_OK && dw_str_index(lines, '\n') < lines.len) {
            struct dw_str line = dw_str_cut(&lines, '\n');
            rc = take_line(a, line, gone == 0, at, &arena);
            at += gone + line.len + 1;
            gone = 0;
        }
        if (lines.len > LINE_MAX_BYTES) {
            gone += lines.len;
            lines.len = 0;
        }
        if (lines.len)
            memmove(rest.ptr, lines.ptr, lines.len);
        rest.len = lines.len;
    }
    dw_arena_fini(&arena);
    dw_buf_fini(&rest);
    *ret_end = at;
    return rc;
}

/* Brings the view up to the log, and cuts a torn last line. */
static int catch_up(struct dw_alerts *a)
{
    struct dw_stat st = {0};
    uint64_t have = view_position(a), end = 0;
    int rc = dw_fs_fstat(a->fd, &st);
    if (have > st.size_bytes)
        have = 0; /* another log than the view was made of */
    if (rc == DW_OK)
        rc = dw_err_from_sqlite(sqlite3_exec(a->db, have ? "BEGIN" : "BEGIN; DELETE FROM alert", NULL, NULL, NULL));
    if (rc == DW_OK)
        rc = take_log(a, have, &end);
    if (rc == DW_OK)
        rc = set_position(a, end);
    if (rc == DW_OK)
        rc = dw_err_from_sqlite(sqlite3_exec(a->db, "COMMIT", NULL, NULL, NULL));
    if (rc == DW_OK && end < st.size_bytes)
        rc = dw_fs_truncate(a->fs, a->fd, end);
    a->log_bytes = end;
    return rc;
}

int dw_alerts_open(const struct dw_fs *fs, const char *dir, struct dw_alerts **ret)
{
    char path[PATH_CAP];
    struct dw_alerts *a = dw_calloc(1, sizeof *a);
    if (!a)
        return DW_ENOMEM;
    a->fs = fs;
    a->fd = -1;
    a->tail = &a->head;
    int rc = dw_fs_mkdirs(fs, dir, 0750);
    if (rc == DW_OK)
        rc = dw_path_join(path, sizeof path, dir, "alerts.log");
    if (rc == DW_OK)
        rc = dw_fs_open(fs, path, O_RDWR | O_CREAT | O_APPEND, 0640, &a->fd);
    if (rc == DW_OK)
        rc = dw_fs_sync_dir(fs, dir); /* before the first alert stands in it */
    if (rc == DW_OK)
        rc = open_view(a, dir, true);
    if (rc == DW_OK)
        rc = catch_up(a);
    if (rc < 0) {
        dw_alerts_close(a);
        return rc;
    }
    *ret = a;
    return DW_OK;
}

int dw_alerts_open_read(const char *dir, struct dw_alerts **ret)
{
    struct dw_alerts *a = dw_calloc(1, sizeof *a);
    if (!a)
        return DW_ENOMEM;
    a->fd = -1;
    a->tail = &a->head;
    int rc = open_view(a, dir, false);
    if (rc < 0) {
        dw_alerts_close(a);
        return rc;
    }
    *ret = a;
    return DW_OK;
}

static void free_pending(struct dw_alerts *a)
{
    while (a->head) {
        struct pending *p = a->head;
        a->head = p->next;
        dw_free(p);
    }
    a->tail = &a->head;
    dw_table_fini(&a->by_id);
}

void dw_alerts_close(struct dw_alerts *a)
{
    if (!a)
        return;
    free_pending(a);
    dw_buf_fini(&a->log);
    (void)sqlite3_finalize(a->put);
    (void)sqlite3_finalize(a->known);
    (void)sqlite3_close(a->db);
    dw_fs_close(a->fd);
    dw_free(a);
}

static uint64_t id_hash(const char *id)
{
    return dw_hash(dw_hash_process_key(), dw_str_of(id));
}

/* Whether that many events of an alert, or more, are known already. */
static bool is_known(struct dw_alerts *a, const struct dw_alert *alert, uint64_t hash)
{
    for (struct dw_node *n = dw_table_find(&a->by_id, hash); n; n = dw_table_next(n)) {
        const struct pending *p = DW_ITEM(n, struct pending, node);
        if (strcmp(p->id, alert->id) == 0)
            return p->total >= alert->total;
    }
    (void)sqlite3_reset(a->known);
    (void)sqlite3_bind_text(a->known, 1, alert->id, -1, SQLITE_TRANSIENT);
    int rc = sqlite3_step(a->known);
    bool known = rc == SQLITE_ROW && sqlite3_column_int64(a->known, 0) >= alert->total;
    (void)sqlite3_reset(a->known);
    return known;
}

int dw_alerts_raise(struct dw_alerts *a, const struct dw_alert *alert)
{
    uint64_t hash = id_hash(alert->id);
    if (is_known(a, alert, hash))
        return DW_OK;
    struct pending *p = new_pending(alert);
    if (!p)
        return DW_ENOMEM;
    write_line(p, &a->log);
    dw_table_add(&a->by_id, &p->node, hash);
    *a->tail = p;
    a->tail = &p->next;
    DW_COUNT(alerts_raised);
    return a->log.err;
}

bool dw_alerts_due(const struct dw_alerts *a)
{
    return a->by_id.count >= DW_ALERTS_PENDING;
}

/* A write or sync that failed may have left a part of its lines: that is cut off before they are written again. */
static int write_log(struct dw_alerts *a)
{
    int rc = a->log.err;
    if (rc < 0 || a->log.len == 0)
        return rc;
    if (a->torn)
        rc = dw_fs_truncate(a->fs, a->fd, a->log_bytes);
    a->torn = true;
    if (rc == DW_OK)
        rc = dw_fs_write(a->fs, a->fd, a->log.ptr, a->log.len);
    if (rc == DW_OK)
        rc = dw_fs_sync(a->fs, a->fd);
    if (rc < 0)
        return rc;
    a->torn = false;
    a->log_bytes += a->log.len;
    dw_buf_reset(&a->log);
    return DW_OK;
}

static int write_view(struct dw_alerts *a)
{
    int rc = dw_err_from_sqlite(sqlite3_exec(a->db, "BEGIN", NULL, NULL, NULL));
    for (struct pending *p = a->head; p && rc == DW_OK; p = p->next)
        rc = put_view(a, p);
    if (rc == DW_OK)
        rc = set_position(a, a->log_bytes);
    if (rc == DW_OK)
        rc = dw_err_from_sqlite(sqlite3_exec(a->db, "COMMIT", NULL, NULL, NULL));
    if (rc < 0)
        (void)sqlite3_exec(a->db, "ROLLBACK", NULL, NULL, NULL);
    return rc;
}

int dw_alerts_sync(struct dw_alerts *a)
{
    if (!a->head)
        return DW_OK;
    int rc = write_log(a);
    if (rc == DW_OK)
        rc = write_view(a);
    if (rc == DW_OK) /* else the view takes them at the next sync, or when it is opened */
        free_pending(a);
    return rc;
}

static struct dw_str column_text(sqlite3_stmt *s, int column)
{
    const char *text = (const char *)sqlite3_column_text(s, column);
    return dw_str_make(text ? text : "", (size_t)sqlite3_column_bytes(s, column));
}

static void give_row(sqlite3_stmt *s, void (*each)(void *arg, const struct dw_alert *alert), void *arg)
{
    struct dw_alert alert = {.id = column_text(s, 1).ptr, .time_ns = sqlite3_column_int64(s, 2),
        .rule = column_text(s, 3).ptr, .title = column_text(s, 4).ptr, .level = column_text(s, 5).ptr,
        .key = column_text(s, 6), .total = sqlite3_column_int64(s, 7), .doc = column_text(s, 8)};
    each(arg, &alert);
}

int dw_alerts_list(struct dw_alerts *a, int64_t after, uint32_t limit,
    void (*each)(void *arg, const struct dw_alert *alert), void *arg, int64_t *ret_last)
{
    sqlite3_stmt *s = NULL;
    *ret_last = after;
    int rc = sqlite3_prepare_v2(a->db,
        "SELECT * FROM (SELECT n, id, time, rule, title, level, key, total, doc FROM alert WHERE n > ?1"
        " ORDER BY time DESC, n DESC LIMIT ?2) ORDER BY time, n", -1, &s, NULL);
    if (rc == SQLITE_OK) {
        (void)sqlite3_bind_int64(s, 1, after);
        (void)sqlite3_bind_int64(s, 2, limit ? (sqlite3_int64)limit : -1);
        while ((rc = sqlite3_step(s)) == SQLITE_ROW) {
            int64_t n = sqlite3_column_int64(s, 0);
            *ret_last = n > *ret_last ? n : *ret_last;
            give_row(s, each, arg);
        }
    }
    (void)sqlite3_finalize(s);
    return dw_err_from_sqlite(rc);
}

int dw_alerts_find(struct dw_alerts *a, struct dw_str prefix, void (*each)(void *arg, const struct dw_alert *alert), void *arg)
{
    sqlite3_stmt *s = NULL;
    uint32_t count = 0;
    int rc = sqlite3_prepare_v2(a->db,
        "SELECT n, id, time, rule, title, level, key, total, doc FROM alert WHERE substr(id, 1, ?2) = ?1 LIMIT 2", -1, &s, NULL);
    if (rc == SQLITE_OK) {
        (void)sqlite3_bind_text(s, 1, prefix.ptr, (int)prefix.len, SQLITE_STATIC);
        (void)sqlite3_bind_int64(s, 2, (sqlite3_int64)prefix.len);
        while ((rc = sqlite3_step(s)) == SQLITE_ROW)
            count++;
        (void)sqlite3_reset(s);
        if (count == 1 && sqlite3_step(s) == SQLITE_ROW)
            give_row(s, each, arg);
    }
    (void)sqlite3_finalize(s);
    return rc != SQLITE_DONE ? dw_err_from_sqlite(rc) : count == 0 ? DW_ENOENT : count > 1 ? DW_EEXIST : DW_OK;
}
