/*
 * alert_store: the log of alerts, and of what people said of them; its view follows it.
 *
 * Idea: what is raised or changed waits in memory until its frames are durable; then it goes to the log, and from there to the view. A
 * finding is known by its id, among those that wait by a hash table and before by the view's index.
 *
 * Invariants:
 *   (1) A line is in the log and synced before the view has it.
 *   (2) The view holds nothing that the log does not: deleting it loses nothing.
 *   (3) Raising the same finding again, or making the same change again, changes nothing.
 *   (4) A line of the log that cannot be read costs that line: it is named, counted and passed over.
 */
#include "alert_int.h"

#include "dogwatch/base/counter.h"
#include "dogwatch/base/error.h"
#include "dogwatch/base/hash.h"
#include "dogwatch/base/log.h"
#include "dogwatch/base/mem.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>

enum { PATH_CAP = 4096, LOG_STEP = 1024 * 1024, LINE_MAX_BYTES = 16 * 1024 * 1024 };

/* One line of the log into the view; `whole`: its beginning was not let go because of its length. */
static int take_line(struct dw_alerts *a, struct dw_str line, bool whole, uint64_t at, struct dw_arena *arena)
{
    struct alert_pending p = {0};
    dw_arena_reset(arena);
    if (!whole || !alert_read_line(line, arena, &p)) {
        DW_COUNT(alerts_lines_bad);
        dw_warn("alerts.log: the line at byte %" PRIu64 " is no alert: passed over", at);
        return DW_OK;
    }
    return alert_view_put(a, &p);
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
    uint64_t have = alert_view_position(a), end = 0;
    int rc = dw_fs_fstat(a->fd, &st);
    if (have > st.size_bytes)
        have = 0; /* another log than the view was made of */
    if (rc == DW_OK)
        rc = alert_view_sql(a, "BEGIN");
    if (rc == DW_OK && have == 0)
        rc = alert_view_empty(a);
    if (rc == DW_OK)
        rc = take_log(a, have, &end);
    if (rc == DW_OK)
        rc = alert_view_set_position(a, end);
    if (rc == DW_OK)
        rc = alert_view_sql(a, "COMMIT");
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
        rc = alert_inbox_open(a, dir);
    if (rc == DW_OK)
        rc = dw_path_join(path, sizeof path, dir, "alerts.log");
    if (rc == DW_OK)
        rc = dw_fs_open(fs, path, O_RDWR | O_CREAT | O_APPEND, 0640, &a->fd);
    if (rc == DW_OK)
        rc = dw_fs_sync_dir(fs, dir); /* before the first alert stands in it */
    if (rc == DW_OK)
        rc = alert_view_open(a, dir, true);
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
    int rc = alert_view_open(a, dir, false);
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
        struct alert_pending *p = a->head;
        a->head = p->next;
        dw_free(p);
    }
    a->tail = &a->head;
    dw_table_fini(&a->by_id);
    dw_keyed_fini(&a->changes);
}

void dw_alerts_close(struct dw_alerts *a)
{
    if (!a)
        return;
    free_pending(a);
    dw_buf_fini(&a->log);
    alert_view_close(a);
    dw_fs_close(a->fd);
    dw_free(a);
}

static uint64_t id_hash(const char *id)
{
    return dw_hash(dw_hash_process_key(), dw_str_of(id));
}

/* The newest telling of an alert that is known already; -1: none is. */
static int64_t known_rank(struct dw_alerts *a, const char *id)
{
    for (struct dw_node *n = dw_table_find(&a->by_id, id_hash(id)); n; n = dw_table_next(n)) {
        const struct alert_pending *p = DW_ITEM(n, struct alert_pending, node);
        if (strcmp(p->raised.id, id) == 0)
            return dw_alert_rank(&p->raised);
    }
    return alert_view_rank(a, id);
}

bool alert_is_known(struct dw_alerts *a, const char *id)
{
    return known_rank(a, id) >= 0;
}

/* What waits, with its texts behind it: at[i] is the copy of text[i]. NULL: no memory. */
struct alert_pending *alert_new_pending(enum alert_kind kind, const struct dw_str *text, size_t count, const char **at)
{
    size_t bytes = count;
    for (size_t i = 0; i < count; i++)
        bytes += text[i].len;
    struct alert_pending *p = dw_calloc(1, sizeof *p + bytes);
    if (!p)
        return NULL;
    char *to = (char *)(p + 1);
    for (size_t i = 0; i < count; i++) {
        if (text[i].len)
            memcpy(to, text[i].ptr, text[i].len);
        at[i] = to;
        to += text[i].len + 1;
    }
    p->kind = kind;
    return p;
}

static void add(struct dw_alerts *a, struct alert_pending *p)
{
    *a->tail = p;
    a->tail = &p->next;
}

int dw_alerts_raise(struct dw_alerts *a, const struct dw_alert *alert)
{
    if (known_rank(a, alert->id) >= dw_alert_rank(alert))
        return DW_OK;
    const struct dw_str text[] = {dw_str_of(alert->id), dw_str_of(alert->rule), dw_str_of(alert->title), dw_str_of(alert->level), alert->key, alert->doc};
    const char *at[DW_COUNT_OF(text)];
    struct alert_pending *p = alert_new_pending(ALERT_RAISED, text, DW_COUNT_OF(text), at);
    if (!p)
        return DW_ENOMEM;
    p->raised = *alert;
    p->raised.id = at[0];
    p->raised.rule = at[1];
    p->raised.title = at[2];
    p->raised.level = at[3];
    p->raised.key = dw_str_make(at[4], text[4].len);
    p->raised.doc = dw_str_make(at[5], text[5].len);
    alert_write_raised(&p->raised, &a->log);
    dw_table_add(&a->by_id, &p->node, id_hash(p->raised.id));
    add(a, p);
    DW_COUNT(alerts_raised);
    return a->log.err;
}

/* A change that waits, by its name. */
struct noted {
    struct dw_keyed_item item;
    enum alert_kind kind;
};

bool alert_is_made(struct dw_alerts *a, const char *change)
{
    return dw_keyed_find(&a->changes, dw_str_of(change)) || alert_view_has_change(a, change);
}

static bool is_silence(struct dw_alerts *a, const char *id)
{
    const struct noted *n = dw_keyed_find(&a->changes, dw_str_of(id));
    return n ? n->kind == ALERT_SILENCED : alert_view_has_silence(a, id);
}

/* Adds a change under its name; takes it. */
int alert_add_change(struct dw_alerts *a, struct alert_pending *p, const char *name)
{
    struct noted *n = dw_keyed_add(&a->changes, dw_str_of(name), sizeof *n);
    if (!n) {
        dw_free(p);
        return DW_ENOMEM;
    }
    n->kind = p->kind;
    if (p->kind == ALERT_SILENCED)
        alert_write_silence(&p->silence, &a->log);
    else if (p->kind == ALERT_DECIDED)
        alert_write_decision(&p->decision, &a->log);
    else
        alert_write_change(&p->change, &a->log);
    add(a, p);
    DW_COUNT(alerts_changed);
    return a->log.err;
}

int dw_alerts_change(struct dw_alerts *a, const struct dw_alert_change *c)
{
    int rc = dw_alert_value_check(c->field, c->value);
    if (rc < 0)
        return rc;
    if (known_rank(a, c->alert) < 0)
        return DW_ENOENT;
    if (alert_is_made(a, c->change))
        return DW_OK;
    const struct dw_str text[] = {dw_str_of(c->change), dw_str_of(c->alert), dw_str_of(c->author), c->value};
    const char *at[DW_COUNT_OF(text)];
    struct alert_pending *p = alert_new_pending(ALERT_CHANGED, text, DW_COUNT_OF(text), at);
    if (!p)
        return DW_ENOMEM;
    p->change = *c;
    p->change.change = at[0];
    p->change.alert = at[1];
    p->change.author = at[2];
    p->change.value = dw_str_make(at[3], text[3].len);
    return alert_add_change(a, p, at[0]);
}

static int check_silence(const struct dw_silence *s, int64_t from_ns)
{
    struct dw_diags diags;
    struct dw_alert_filter *filter = NULL;
    if (s->filter.len > DW_ALERT_VALUE_MAX || s->reason.len > DW_ALERT_VALUE_MAX || s->filter.len == 0 || s->until_ns < from_ns)
        return DW_ELIMIT;
    dw_diags_init(&diags, DW_STR("filter"), s->filter);
    int rc = dw_alert_filter_new(s->filter, &diags, &filter);
    dw_alert_filter_free(filter);
    return rc;
}

int dw_alerts_silence(struct dw_alerts *a, const struct dw_silence *s)
{
    bool is_new = strcmp(s->id, s->change) == 0;
    int64_t from_ns = is_new ? s->time_ns : s->from_ns;
    int rc = check_silence(s, from_ns);
    if (rc < 0 || alert_is_made(a, s->change))
        return rc;
    if (!is_new && !is_silence(a, s->id))
        return DW_ENOENT;
    const struct dw_str text[] = {dw_str_of(s->id), dw_str_of(s->change), dw_str_of(s->author), s->filter, s->reason};
    const char *at[DW_COUNT_OF(text)];
    struct alert_pending *p = alert_new_pending(ALERT_SILENCED, text, DW_COUNT_OF(text), at);
    if (!p)
        return DW_ENOMEM;
    p->silence = *s;
    p->silence.from_ns = from_ns;
    p->silence.id = at[0];
    p->silence.change = at[1];
    p->silence.author = at[2];
    p->silence.filter = dw_str_make(at[3], text[3].len);
    p->silence.reason = dw_str_make(at[4], text[4].len);
    return alert_add_change(a, p, at[1]);
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
    int rc = alert_view_sql(a, "BEGIN");
    for (struct alert_pending *p = a->head; p && rc == DW_OK; p = p->next)
        rc = alert_view_put(a, p);
    if (rc == DW_OK)
        rc = alert_view_set_position(a, a->log_bytes);
    if (rc == DW_OK)
        rc = alert_view_sql(a, "COMMIT");
    if (rc < 0 && alert_view_sql(a, "ROLLBACK") < 0)
        dw_debug("alerts.db: nothing to roll back");
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

uint64_t dw_alerts_durable(const struct dw_alerts *a)
{
    return a->log_bytes;
}
