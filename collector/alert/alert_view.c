/*
 * alert_view: the newest state of each alert, and what was said of it, in SQLite.
 *
 * Invariants:
 *   (1) It is made of the log alone: a file of another version is emptied and filled again.
 *   (2) A change counts once, however often it is read.
 */
#include "alert_int.h"

#include "dogwatch/base/error.h"

#include <inttypes.h>
#include <stdio.h>

enum { PATH_CAP = 4096, VERSION = 6 };

/* What `touched` is after the next change: rows that came or changed after a look have a greater one. */
#define NEXT_TOUCH "(SELECT coalesce(max(touched), 0) + 1 FROM alert)"

/* The fields' first values stand in the table as what nobody has changed. */
#define ALERT_COLUMNS "status TEXT DEFAULT 'new', disposition TEXT DEFAULT 'undetermined', assignee TEXT DEFAULT '', note TEXT DEFAULT ''"
#define SELECTED "touched, id, time, rule, title, level, key, total, doc, status, disposition, assignee, note, rank"

static const char modes[] = "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;";
static const char schema[] =
    "CREATE TABLE IF NOT EXISTS alert(n INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT UNIQUE, time INTEGER, rule TEXT,"
    " title TEXT, level TEXT, key TEXT, total INTEGER, rank INTEGER, doc TEXT, touched INTEGER, " ALERT_COLUMNS ");"
    "CREATE INDEX IF NOT EXISTS alert_touched ON alert(touched);"
    "CREATE INDEX IF NOT EXISTS alert_time ON alert(time);"
    "CREATE TABLE IF NOT EXISTS history(n INTEGER PRIMARY KEY AUTOINCREMENT, change TEXT UNIQUE, alert TEXT, time INTEGER, author TEXT,"
    " field INTEGER, value TEXT);"
    "CREATE INDEX IF NOT EXISTS history_alert ON history(alert);"
    "CREATE TABLE IF NOT EXISTS silence(n INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT, change TEXT UNIQUE, author TEXT, time INTEGER,"
    " begins INTEGER, ends INTEGER, filter TEXT, reason TEXT);"
    "CREATE TABLE IF NOT EXISTS policy(n INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT, change TEXT UNIQUE, author TEXT, time INTEGER,"
    " back INTEGER, ends INTEGER, address TEXT, provenance TEXT, causes TEXT, reason TEXT);"
    "CREATE INDEX IF NOT EXISTS policy_id ON policy(id);"
    "CREATE TABLE IF NOT EXISTS position(one INTEGER PRIMARY KEY CHECK(one = 1), bytes INTEGER);";
static const char away[] =
    "DROP TABLE IF EXISTS alert; DROP TABLE IF EXISTS history; DROP TABLE IF EXISTS silence; DROP TABLE IF EXISTS policy; DROP TABLE IF EXISTS position;";

static int version(struct dw_alerts *a, int *ret)
{
    sqlite3_stmt *s = NULL;
    *ret = 0;
    int rc = sqlite3_prepare_v2(a->db, "PRAGMA user_version", -1, &s, NULL);
    if (rc == SQLITE_OK && (rc = sqlite3_step(s)) == SQLITE_ROW)
        *ret = sqlite3_column_int(s, 0);
    (void)sqlite3_finalize(s);
    return rc == SQLITE_ROW ? SQLITE_OK : rc;
}

/* At once, so that a reader sees all tables with their version, or version 0. */
static int make_tables(struct dw_alerts *a)
{
    char sql[64];
    int have = VERSION, rc = sqlite3_exec(a->db, modes, NULL, NULL, NULL);
    if (rc == SQLITE_OK)
        rc = sqlite3_exec(a->db, "BEGIN IMMEDIATE", NULL, NULL, NULL);
    if (rc == SQLITE_OK)
        rc = version(a, &have);
    if (rc == SQLITE_OK && have != VERSION)
        rc = sqlite3_exec(a->db, away, NULL, NULL, NULL);
    if (rc == SQLITE_OK)
        rc = sqlite3_exec(a->db, schema, NULL, NULL, NULL);
    (void)snprintf(sql, sizeof sql, "PRAGMA user_version=%d", VERSION);
    if (rc == SQLITE_OK)
        rc = sqlite3_exec(a->db, sql, NULL, NULL, NULL);
    return rc == SQLITE_OK ? sqlite3_exec(a->db, "COMMIT", NULL, NULL, NULL) : rc;
}

/* A view whose writer is not running, in a folder where we may not write: SQLite cannot make the files that it shares with a writer, and
 * has to be told that there is none. */
static int open_left(struct dw_alerts *a, const char *path)
{
    struct dw_buf uri = {0};
    dw_buf_str(&uri, DW_STR("file:"));
    for (const char *c = path; *c; c++) {
        if (strchr("%?#", *c))
            dw_buf_printf(&uri, "%%%02x", (unsigned)(unsigned char)*c);
        else
            dw_buf_byte(&uri, (uint8_t)*c);
    }
    dw_buf_str(&uri, DW_STR("?immutable=1"));
    dw_buf_byte(&uri, 0);
    (void)sqlite3_close(a->db);
    a->db = NULL;
    int rc = uri.err ? SQLITE_NOMEM : sqlite3_open_v2(uri.ptr, &a->db, SQLITE_OPEN_READONLY | SQLITE_OPEN_URI, NULL);
    dw_buf_fini(&uri);
    return rc;
}

static int open_read(struct dw_alerts *a, const char *path, int *ret_version)
{
    int rc = sqlite3_open_v2(path, &a->db, SQLITE_OPEN_READONLY, NULL);
    if (rc == SQLITE_OK)
        rc = sqlite3_busy_timeout(a->db, 5000);
    if (rc == SQLITE_OK)
        rc = version(a, ret_version);
    if ((rc & 0xff) != SQLITE_CANTOPEN && (rc & 0xff) != SQLITE_READONLY)
        return rc;
    rc = open_left(a, path);
    return rc == SQLITE_OK ? version(a, ret_version) : rc;
}

static int open_write(struct dw_alerts *a, const char *path)
{
    int rc = sqlite3_open_v2(path, &a->db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, NULL);
    if (rc == SQLITE_OK)
        rc = sqlite3_busy_timeout(a->db, 5000);
    if (rc == SQLITE_OK)
        rc = make_tables(a);
    if (rc == SQLITE_OK)
        rc = sqlite3_prepare_v2(a->db,
            "INSERT INTO alert(id, time, rule, title, level, key, total, doc, rank, touched) VALUES(?1,?2,?3,?4,?5,?6,?7,?8,?9," NEXT_TOUCH ")"
            " ON CONFLICT(id) DO UPDATE SET total=?7, doc=?8, rank=?9, touched=excluded.touched WHERE excluded.rank > alert.rank", -1, &a->put, NULL);
    return rc;
}

int alert_view_open(struct dw_alerts *a, const char *dir, bool write)
{
    char path[PATH_CAP];
    int have = VERSION, rc = dw_path_join(path, sizeof path, dir, "alerts.db");
    if (rc < 0)
        return rc;
    int sql = write ? open_write(a, path) : open_read(a, path, &have);
    if (sql == SQLITE_OK && have != VERSION)
        return have ? DW_EVERSION : DW_ENOENT; /* 0: it is just being made */
    if (sql == SQLITE_OK)
        sql = sqlite3_prepare_v2(a->db, "SELECT rank FROM alert WHERE id=?1", -1, &a->known, NULL);
    return dw_err_from_sqlite(sql);
}

void alert_view_close(struct dw_alerts *a)
{
    (void)sqlite3_finalize(a->put);
    (void)sqlite3_finalize(a->known);
    (void)sqlite3_close(a->db);
}

static int put_raised(struct dw_alerts *a, const struct dw_alert *p)
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
    (void)sqlite3_bind_int64(s, 9, dw_alert_rank(p));
    int rc = sqlite3_step(s);
    (void)sqlite3_reset(s);
    return dw_err_from_sqlite(rc);
}

static int step_once(struct dw_alerts *a, const char *sql, const struct dw_alert_change *c)
{
    sqlite3_stmt *s = NULL;
    int rc = sqlite3_prepare_v2(a->db, sql, -1, &s, NULL);
    if (rc == SQLITE_OK) {
        (void)sqlite3_bind_text(s, 1, c->alert, -1, SQLITE_STATIC);
        (void)sqlite3_bind_text(s, 2, c->value.ptr, (int)c->value.len, SQLITE_STATIC);
        (void)sqlite3_bind_text(s, 3, c->change, -1, SQLITE_STATIC);
        (void)sqlite3_bind_int64(s, 4, c->time_ns);
        (void)sqlite3_bind_text(s, 5, c->author, -1, SQLITE_STATIC);
        (void)sqlite3_bind_int(s, 6, (int)c->field);
        rc = sqlite3_step(s);
    }
    (void)sqlite3_finalize(s);
    return dw_err_from_sqlite(rc);
}

static int put_change(struct dw_alerts *a, const struct dw_alert_change *c)
{
    char sql[256];
    int rc = step_once(a, "INSERT OR IGNORE INTO history(alert, value, change, time, author, field) VALUES(?1,?2,?3,?4,?5,?6)", c);
    if (rc < 0 || sqlite3_changes(a->db) == 0)
        return rc;
    (void)snprintf(sql, sizeof sql, "UPDATE alert SET %s=?2, touched=" NEXT_TOUCH " WHERE id=?1", dw_alert_field_name(c->field));
    return step_once(a, sql, c);
}

/* Each line on a silence is a row; of an id the newest counts. */
static int put_silence(struct dw_alerts *a, const struct dw_silence *p)
{
    sqlite3_stmt *s = NULL;
    int rc = sqlite3_prepare_v2(a->db,
        "INSERT OR IGNORE INTO silence(id, change, author, time, begins, ends, filter, reason) VALUES(?1,?2,?3,?4,?5,?6,?7,?8)", -1, &s, NULL);
    if (rc == SQLITE_OK) {
        (void)sqlite3_bind_text(s, 1, p->id, -1, SQLITE_STATIC);
        (void)sqlite3_bind_text(s, 2, p->change, -1, SQLITE_STATIC);
        (void)sqlite3_bind_text(s, 3, p->author, -1, SQLITE_STATIC);
        (void)sqlite3_bind_int64(s, 4, p->time_ns);
        (void)sqlite3_bind_int64(s, 5, p->from_ns);
        (void)sqlite3_bind_int64(s, 6, p->until_ns);
        (void)sqlite3_bind_text(s, 7, p->filter.ptr, (int)p->filter.len, SQLITE_STATIC);
        (void)sqlite3_bind_text(s, 8, p->reason.ptr ? p->reason.ptr : "", (int)p->reason.len, SQLITE_STATIC);
        rc = sqlite3_step(s);
    }
    (void)sqlite3_finalize(s);
    return dw_err_from_sqlite(rc);
}

int alert_view_put(struct dw_alerts *a, const struct alert_pending *p)
{
    switch (p->kind) {
    case ALERT_RAISED: return put_raised(a, &p->raised);
    case ALERT_CHANGED: return put_change(a, &p->change);
    case ALERT_SILENCED: return put_silence(a, &p->silence);
    case ALERT_DECIDED: return alert_policy_put(a, &p->decision);
    }
    DW_NEVER("all kinds are above");
}

uint64_t alert_view_position(struct dw_alerts *a)
{
    sqlite3_stmt *s = NULL;
    uint64_t bytes = 0;
    if (sqlite3_prepare_v2(a->db, "SELECT bytes FROM position", -1, &s, NULL) == SQLITE_OK && sqlite3_step(s) == SQLITE_ROW)
        bytes = (uint64_t)sqlite3_column_int64(s, 0);
    (void)sqlite3_finalize(s);
    return bytes;
}

int alert_view_set_position(struct dw_alerts *a, uint64_t bytes)
{
    char sql[128];
    (void)snprintf(sql, sizeof sql,
        "INSERT INTO position VALUES(1, %" PRIu64 ") ON CONFLICT(one) DO UPDATE SET bytes=%" PRIu64, bytes, bytes);
    return dw_err_from_sqlite(sqlite3_exec(a->db, sql, NULL, NULL, NULL));
}

int alert_view_empty(struct dw_alerts *a)
{
    return alert_view_sql(a, "DELETE FROM alert; DELETE FROM history; DELETE FROM silence; DELETE FROM policy");
}

int alert_view_sql(struct dw_alerts *a, const char *sql)
{
    return dw_err_from_sqlite(sqlite3_exec(a->db, sql, NULL, NULL, NULL));
}

int64_t alert_view_rank(struct dw_alerts *a, const char *id)
{
    (void)sqlite3_reset(a->known);
    (void)sqlite3_bind_text(a->known, 1, id, -1, SQLITE_TRANSIENT);
    int64_t rank = sqlite3_step(a->known) == SQLITE_ROW ? sqlite3_column_int64(a->known, 0) : -1;
    (void)sqlite3_reset(a->known);
    return rank;
}

static bool has_row(struct dw_alerts *a, const char *sql, const char *name)
{
    sqlite3_stmt *s = NULL;
    bool has = sqlite3_prepare_v2(a->db, sql, -1, &s, NULL) == SQLITE_OK;
    if (has) {
        (void)sqlite3_bind_text(s, 1, name, -1, SQLITE_STATIC);
        has = sqlite3_step(s) == SQLITE_ROW;
    }
    (void)sqlite3_finalize(s);
    return has;
}

bool alert_view_has_change(struct dw_alerts *a, const char *change)
{
    return has_row(a, "SELECT 1 FROM history WHERE change=?1 UNION ALL SELECT 1 FROM silence WHERE change=?1"
        " UNION ALL SELECT 1 FROM policy WHERE change=?1", change);
}

bool alert_view_has_silence(struct dw_alerts *a, const char *id)
{
    return has_row(a, "SELECT 1 FROM silence WHERE change=?1", id); /* the line that began it has its id as name */
}

struct dw_str alert_view_text(sqlite3_stmt *s, int column)
{
    const char *text = (const char *)sqlite3_column_text(s, column);
    return dw_str_make(text ? text : "", (size_t)sqlite3_column_bytes(s, column));
}

static void give_row(sqlite3_stmt *s, void (*each)(void *arg, const struct dw_alert *alert), void *arg)
{
    struct dw_alert alert = {.id = alert_view_text(s, 1).ptr, .time_ns = sqlite3_column_int64(s, 2),
        .rule = alert_view_text(s, 3).ptr, .title = alert_view_text(s, 4).ptr, .level = alert_view_text(s, 5).ptr,
        .key = alert_view_text(s, 6), .total = sqlite3_column_int64(s, 7), .doc = alert_view_text(s, 8)};
    for (int i = 0; i < DW_ALERT_FIELDS; i++)
        alert.said[i] = alert_view_text(s, 9 + i).ptr;
    alert.calm = sqlite3_column_int64(s, 9 + DW_ALERT_FIELDS) & 1;
    each(arg, &alert);
}

int dw_alerts_list(struct dw_alerts *a, int64_t after, uint32_t limit,
    void (*each)(void *arg, const struct dw_alert *alert), void *arg, int64_t *ret_last)
{
    sqlite3_stmt *s = NULL;
    *ret_last = after;
    int rc = sqlite3_prepare_v2(a->db,
        "SELECT " SELECTED " FROM (SELECT n, " SELECTED " FROM alert WHERE touched > ?1"
        " ORDER BY time DESC, n DESC LIMIT ?2) ORDER BY time, n", -1, &s, NULL);
    if (rc == SQLITE_OK) {
        (void)sqlite3_bind_int64(s, 1, after);
        (void)sqlite3_bind_int64(s, 2, limit ? (sqlite3_int64)limit : -1);
        while ((rc = sqlite3_step(s)) == SQLITE_ROW) {
            int64_t touched = sqlite3_column_int64(s, 0);
            *ret_last = touched > *ret_last ? touched : *ret_last;
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
        "SELECT " SELECTED " FROM alert WHERE id >= ?1 AND id < ?1 || char(0x10ffff) LIMIT 2", -1, &s, NULL);
    if (rc == SQLITE_OK) {
        (void)sqlite3_bind_text(s, 1, prefix.ptr, (int)prefix.len, SQLITE_STATIC);
        while ((rc = sqlite3_step(s)) == SQLITE_ROW)
            count++;
        (void)sqlite3_reset(s);
        if (count == 1 && sqlite3_step(s) == SQLITE_ROW)
            give_row(s, each, arg);
    }
    (void)sqlite3_finalize(s);
    return rc != SQLITE_DONE ? dw_err_from_sqlite(rc) : count == 0 ? DW_ENOENT : count > 1 ? DW_EEXIST : DW_OK;
}

int dw_alerts_history(struct dw_alerts *a, const char *id, void (*each)(void *arg, const struct dw_alert_change *c), void *arg)
{
    sqlite3_stmt *s = NULL;
    int rc = sqlite3_prepare_v2(a->db, "SELECT change, author, field, time, value FROM history WHERE alert=?1 ORDER BY n", -1, &s, NULL);
    if (rc == SQLITE_OK) {
        (void)sqlite3_bind_text(s, 1, id, -1, SQLITE_STATIC);
        while ((rc = sqlite3_step(s)) == SQLITE_ROW) {
            int field = sqlite3_column_int(s, 2);
            struct dw_alert_change c = {.alert = id, .change = alert_view_text(s, 0).ptr, .author = alert_view_text(s, 1).ptr,
                .field = field >= 0 && field < DW_ALERT_FIELDS ? (enum dw_alert_field)field : DW_ALERT_note,
                .time_ns = sqlite3_column_int64(s, 3), .value = alert_view_text(s, 4)};
            each(arg, &c);
        }
    }
    (void)sqlite3_finalize(s);
    return dw_err_from_sqlite(rc);
}

int dw_alerts_silences(struct dw_alerts *a, void (*each)(void *arg, const struct dw_silence *s), void *arg)
{
    sqlite3_stmt *s = NULL;
    int rc = sqlite3_prepare_v2(a->db,
        "SELECT id, change, author, time, begins, ends, filter, reason FROM silence WHERE n IN (SELECT max(n) FROM silence GROUP BY id)"
        " ORDER BY id", -1, &s, NULL);
    if (rc == SQLITE_OK) {
        while ((rc = sqlite3_step(s)) == SQLITE_ROW) {
            struct dw_silence one = {.id = alert_view_text(s, 0).ptr, .change = alert_view_text(s, 1).ptr, .author = alert_view_text(s, 2).ptr,
                .time_ns = sqlite3_column_int64(s, 3), .from_ns = sqlite3_column_int64(s, 4), .until_ns = sqlite3_column_int64(s, 5),
                .filter = alert_view_text(s, 6), .reason = alert_view_text(s, 7)};
            each(arg, &one);
        }
    }
    (void)sqlite3_finalize(s);
    return dw_err_from_sqlite(rc);
}
