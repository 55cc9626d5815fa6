/*
 * checkpoint: what the agent remembers over a restart, in SQLite.
 *
 * Invariants:
 *   (1) A row's `low` is written only for bytes in durable frames.
 *   (2) A stream's row is durable before the first frame that names it, so its id is never made up twice.
 *   (3) A generation is never used again: the salt, where generations begin, rises above that of every row that is deleted.
 *   (4) A print that tells a file is never lost again to a row that was made before there was one.
 *   (5) The epoch counter is durable before its first frame, and so is the place where a clock ended a line.
 */
#include "agent_int.h"

#include "dogwatch/base/error.h"
#include "dogwatch/base/mem.h"
#include "dogwatch/base/rng.h"

#include <sqlite3.h>

enum { BUSY_MS = 5000 };

static const char schema[] =
    "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA cache_size=-256;" /* KiB: rows are written far more often than read */
    "CREATE TABLE IF NOT EXISTS stream(id BLOB PRIMARY KEY, series BLOB NOT NULL, ordinal INTEGER, device INTEGER,"
    " inode INTEGER, birth INTEGER, generation INTEGER, predecessor BLOB, predecessor_size INTEGER, path BLOB, low INTEGER,"
    " print_len INTEGER, print BLOB, finished INTEGER, cut INTEGER, print_at INTEGER);"
    "CREATE INDEX IF NOT EXISTS stream_series ON stream(series, ordinal);"
    "CREATE TABLE IF NOT EXISTS meta(one INTEGER PRIMARY KEY CHECK(one = 1), epoch INTEGER, salt INTEGER,"
    " parent_epoch INTEGER, parent_nonce BLOB, parent_number INTEGER, parent_hash BLOB, left_ns INTEGER DEFAULT 0);";

static const char put_sql[] =
    "INSERT INTO stream VALUES(?1,?2,?3,?4,?5,?6,?7,?8,?9,?10,?11,?12,?13,?14,?15,?16)"
    " ON CONFLICT(id) DO UPDATE SET path=?10, low=?11, finished=?14, cut=?15, print=CASE ?12 WHEN 0 THEN print ELSE ?13 END,"
    " print_at=CASE ?12 WHEN 0 THEN print_at ELSE ?16 END, print_len=CASE ?12 WHEN 0 THEN print_len ELSE ?12 END";

struct checkpoint {
    sqlite3 *db;
    sqlite3_stmt *put, *parent, *cut, *forget, *salt;
};

static int add_column(sqlite3 *db, const char *probe, const char *add)
{
    sqlite3_stmt *s = NULL;
    int has = sqlite3_prepare_v2(db, probe, -1, &s, NULL);
    (void)sqlite3_finalize(s);
    return has == SQLITE_OK ? SQLITE_OK : sqlite3_exec(db, add, NULL, NULL, NULL);
}

/* A checkpoint of an earlier build does not say of which place a print is (of `low`), nor when it was left. */
static int add_columns(sqlite3 *db)
{
    int rc = add_column(db, "SELECT print_at FROM stream LIMIT 0", "ALTER TABLE stream ADD COLUMN print_at INTEGER; UPDATE stream SET print_at = low");
    return rc == SQLITE_OK ? add_column(db, "SELECT left_ns FROM meta LIMIT 0", "ALTER TABLE meta ADD COLUMN left_ns INTEGER DEFAULT 0") : rc;
}

int checkpoint_open(const char *path, struct checkpoint **ret)
{
    struct checkpoint *c = dw_calloc(1, sizeof *c);
    if (!c)
        return DW_ENOMEM;
    int rc = sqlite3_open_v2(path, &c->db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX, NULL);
    if (rc == SQLITE_OK)
        rc = sqlite3_busy_timeout(c->db, BUSY_MS); /* who looks into it must not end the agent */
    if (rc == SQLITE_OK)
        rc = sqlite3_exec(c->db, schema, NULL, NULL, NULL);
    if (rc == SQLITE_OK)
        rc = add_columns(c->db);
    if (rc == SQLITE_OK)
        rc = sqlite3_prepare_v2(c->db, put_sql, -1, &c->put, NULL);
    if (rc == SQLITE_OK)
        rc = sqlite3_prepare_v2(c->db,
            "UPDATE meta SET parent_epoch=?1, parent_nonce=?2, parent_number=?3, parent_hash=?4, left_ns=max(left_ns, ?5)", -1, &c->parent, NULL);
    if (rc == SQLITE_OK)
        rc = sqlite3_prepare_v2(c->db, "UPDATE stream SET cut=?2 WHERE id=?1", -1, &c->cut, NULL);
    if (rc == SQLITE_OK)
        rc = sqlite3_prepare_v2(c->db, "DELETE FROM stream WHERE id=?1", -1, &c->forget, NULL);
    if (rc == SQLITE_OK)
        rc = sqlite3_prepare_v2(c->db, "UPDATE meta SET salt = max(salt, ?1)", -1, &c->salt, NULL);
    if (rc != SQLITE_OK) {
        checkpoint_close(c);
        return dw_err_from_sqlite(rc);
    }
    *ret = c;
    return DW_OK;
}

void checkpoint_close(struct checkpoint *c)
{
    if (!c)
        return;
    (void)sqlite3_finalize(c->put);
    (void)sqlite3_finalize(c->parent);
    (void)sqlite3_finalize(c->cut);
    (void)sqlite3_finalize(c->forget);
    (void)sqlite3_finalize(c->salt);
    (void)sqlite3_close(c->db);
    dw_free(c);
}

static void column_blob(sqlite3_stmt *s, int column, uint8_t *out, size_t len)
{
    const void *blob = sqlite3_column_blob(s, column);
    if (blob && (size_t)sqlite3_column_bytes(s, column) == len)
        memcpy(out, blob, len);
}

/* An earlier build kept all of the hash. Without it there is nothing to compare. */
static void column_print(sqlite3_stmt *s, int column, struct fingerprint *p)
{
    const void *blob = sqlite3_column_blob(s, column);
    if (blob && (size_t)sqlite3_column_bytes(s, column) >= sizeof p->hash)
        memcpy(p->hash, blob, sizeof p->hash);
    else
        p->len = 0;
}

/* *ret_found: false in a new checkpoint, which has no row yet. */
static int read_meta(struct checkpoint *c, uint64_t *ret_epoch, struct checkpoint_meta *meta, bool *ret_found)
{
    sqlite3_stmt *s = NULL;
    int rc = sqlite3_prepare_v2(c->db,
        "SELECT epoch, salt, parent_epoch, parent_nonce, parent_number, parent_hash, left_ns FROM meta", -1, &s, NULL);
    if (rc == SQLITE_OK)
        rc = sqlite3_step(s);
    if (rc == SQLITE_ROW) {
        *ret_epoch = (uint64_t)sqlite3_column_int64(s, 0);
        meta->salt = (uint64_t)sqlite3_column_int64(s, 1);
        meta->parent.counter = (uint64_t)sqlite3_column_int64(s, 2);
        column_blob(s, 3, meta->parent.nonce, sizeof meta->parent.nonce);
        meta->parent_number = (uint64_t)sqlite3_column_int64(s, 4);
        column_blob(s, 5, meta->parent_hash, sizeof meta->parent_hash);
        meta->left_ns = sqlite3_column_int64(s, 6);
    }
    (void)sqlite3_finalize(s);
    *ret_found = rc == SQLITE_ROW;
    return dw_err_from_sqlite(rc);
}

int checkpoint_begin_epoch(struct checkpoint *c, struct dw_epoch *ret_epoch, struct checkpoint_meta *ret_meta)
{
    uint64_t epoch = 0, salt;
    bool found;
    sqlite3_stmt *s = NULL;
    *ret_meta = (struct checkpoint_meta){0};
    int rc = read_meta(c, &epoch, ret_meta, &found);
    if (rc == DW_OK && !found) {
        rc = dw_rng_bytes((uint8_t *)&salt, sizeof salt);
        ret_meta->salt = salt >> 16; /* room to count up in SQLite's signed integers */
        ret_meta->left_ns = dw_clock_real(&dw_clock_system); /* by the clock that files are stamped with: what is there by now is history */
    }
    if (rc == DW_OK)
        rc = dw_rng_bytes(ret_epoch->nonce, sizeof ret_epoch->nonce);
    if (rc < 0)
        return rc;
    ret_epoch->counter = epoch + 1;
    int sql = sqlite3_prepare_v2(c->db,
        "INSERT INTO meta(one, epoch, salt, parent_epoch, left_ns) VALUES(1, ?1, ?2, 0, ?3) ON CONFLICT(one) DO UPDATE SET epoch=?1", -1, &s,
        NULL);
    if (sql == SQLITE_OK) {
        (void)sqlite3_bind_int64(s, 1, (sqlite3_int64)ret_epoch->counter);
        (void)sqlite3_bind_int64(s, 2, (sqlite3_int64)ret_meta->salt);
        (void)sqlite3_bind_int64(s, 3, ret_meta->left_ns);
        sql = sqlite3_step(s);
    }
    (void)sqlite3_finalize(s);
    return dw_err_from_sqlite(sql);
}

static int give_row(sqlite3_stmt *s, int (*each)(void *arg, struct checkpoint_row *row), void *arg)
{
    struct checkpoint_row row = {0};
    column_blob(s, 0, row.stream.id, DW_ID_BYTES);
    column_blob(s, 1, row.stream.series, DW_ID_BYTES);
    row.stream.ordinal = (uint64_t)sqlite3_column_int64(s, 2);
    row.stream.device = (uint64_t)sqlite3_column_int64(s, 3);
    row.stream.inode = (uint64_t)sqlite3_column_int64(s, 4);
    row.stream.birth_ns = sqlite3_column_int64(s, 5);
    row.stream.generation = (uint64_t)sqlite3_column_int64(s, 6);
    column_blob(s, 7, row.stream.predecessor, DW_ID_BYTES);
    row.stream.predecessor_size = sqlite3_column_int64(s, 8);
    const char *path = sqlite3_column_blob(s, 9);
    row.path = dw_strndup(path ? path : "", (size_t)sqlite3_column_bytes(s, 9));
    row.low = (uint64_t)sqlite3_column_int64(s, 10);
    row.print.at = (uint64_t)sqlite3_column_int64(s, 15);
    row.print.len = (uint32_t)sqlite3_column_int(s, 11);
    column_print(s, 12, &row.print);
    row.end = (enum stream_end)sqlite3_column_int(s, 13);
    row.cut = (uint64_t)sqlite3_column_int64(s, 14);
    if (!row.path)
        return DW_ENOMEM;
    return each(arg, &row);
}

int checkpoint_rows(struct checkpoint *c, int (*each)(void *arg, struct checkpoint_row *row), void *arg)
{
    sqlite3_stmt *s = NULL;
    int sql = sqlite3_prepare_v2(c->db, "SELECT * FROM stream ORDER BY series, ordinal", -1, &s, NULL);
    int rc = dw_err_from_sqlite(sql);
    while (rc == DW_OK && (sql = sqlite3_step(s)) == SQLITE_ROW)
        rc = give_row(s, each, arg);
    (void)sqlite3_finalize(s);
    return rc == DW_OK ? dw_err_from_sqlite(sql) : rc;
}

int checkpoint_begin(struct checkpoint *c)
{
    return dw_err_from_sqlite(sqlite3_exec(c->db, "BEGIN IMMEDIATE", NULL, NULL, NULL));
}

int checkpoint_put(struct checkpoint *c, const struct checkpoint_row *row)
{
    sqlite3_stmt *s = c->put;
    const struct dw_stream *st = &row->stream;
    (void)sqlite3_reset(s);
    (void)sqlite3_bind_blob(s, 1, st->id, DW_ID_BYTES, SQLITE_STATIC);
    (void)sqlite3_bind_blob(s, 2, st->series, DW_ID_BYTES, SQLITE_STATIC);
    (void)sqlite3_bind_int64(s, 3, (sqlite3_int64)st->ordinal);
    (void)sqlite3_bind_int64(s, 4, (sqlite3_int64)st->device);
    (void)sqlite3_bind_int64(s, 5, (sqlite3_int64)st->inode);
    (void)sqlite3_bind_int64(s, 6, st->birth_ns);
    (void)sqlite3_bind_int64(s, 7, (sqlite3_int64)st->generation);
    (void)sqlite3_bind_blob(s, 8, st->predecessor, DW_ID_BYTES, SQLITE_STATIC);
    (void)sqlite3_bind_int64(s, 9, st->predecessor_size);
    (void)sqlite3_bind_blob(s, 10, row->path, (int)strlen(row->path), SQLITE_STATIC);
    (void)sqlite3_bind_int64(s, 11, (sqlite3_int64)row->low);
    (void)sqlite3_bind_int(s, 12, (int)row->print.len);
    (void)sqlite3_bind_blob(s, 13, row->print.hash, sizeof row->print.hash, SQLITE_STATIC);
    (void)sqlite3_bind_int(s, 14, (int)row->end);
    (void)sqlite3_bind_int64(s, 15, (sqlite3_int64)row->cut);
    (void)sqlite3_bind_int64(s, 16, (sqlite3_int64)row->print.at);
    int rc = sqlite3_step(s);
    (void)sqlite3_reset(s);
    return dw_err_from_sqlite(rc);
}

int checkpoint_put_cut(struct checkpoint *c, const struct checkpoint_row *row)
{
    (void)sqlite3_reset(c->cut);
    (void)sqlite3_bind_blob(c->cut, 1, row->stream.id, DW_ID_BYTES, SQLITE_STATIC);
    (void)sqlite3_bind_int64(c->cut, 2, (sqlite3_int64)row->cut);
    int rc = sqlite3_step(c->cut);
    (void)sqlite3_reset(c->cut);
    return dw_err_from_sqlite(rc);
}

int checkpoint_forget(struct checkpoint *c, const struct checkpoint_row *row)
{
    (void)sqlite3_reset(c->forget);
    (void)sqlite3_bind_blob(c->forget, 1, row->stream.id, DW_ID_BYTES, SQLITE_STATIC);
    int rc = sqlite3_step(c->forget);
    (void)sqlite3_reset(c->forget);
    if (rc != SQLITE_DONE)
        return dw_err_from_sqlite(rc);
    (void)sqlite3_bind_int64(c->salt, 1, (sqlite3_int64)row->stream.generation + 1);
    rc = sqlite3_step(c->salt);
    (void)sqlite3_reset(c->salt);
    return dw_err_from_sqlite(rc);
}

int checkpoint_put_parent(struct checkpoint *c, const struct dw_head *h, int64_t seen_ns)
{
    sqlite3_stmt *s = c->parent;
    (void)sqlite3_reset(s);
    (void)sqlite3_bind_int64(s, 1, (sqlite3_int64)h->epoch.counter);
    (void)sqlite3_bind_blob(s, 2, h->epoch.nonce, sizeof h->epoch.nonce, SQLITE_STATIC);
    (void)sqlite3_bind_int64(s, 3, (sqlite3_int64)h->number);
    (void)sqlite3_bind_blob(s, 4, h->hash, sizeof h->hash, SQLITE_STATIC);
    (void)sqlite3_bind_int64(s, 5, seen_ns);
    int rc = sqlite3_step(s);
    (void)sqlite3_reset(s);
    return dw_err_from_sqlite(rc);
}

int checkpoint_end(struct checkpoint *c)
{
    int rc = sqlite3_exec(c->db, "COMMIT", NULL, NULL, NULL);
    if (rc != SQLITE_OK)
        (void)sqlite3_exec(c->db, "ROLLBACK", NULL, NULL, NULL);
    return dw_err_from_sqlite(rc);
}
