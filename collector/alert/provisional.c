/*
 * provisional: the stream of provisional alerts (collect/provisional.h).
 *
 * Invariants:
 *   (1) A line is a whole one or is passed over; what stands in the stream is bounded by twice DW_PROVISIONAL_LOG_MAX and a line.
 *   (2) Nothing rests on it: it is not synced, and may be deleted at any time.
 */
#include "dogwatch/collect/provisional.h"

#include "alert_int.h"

#include "dogwatch/base/error.h"
#include "dogwatch/base/keyed.h"
#include "dogwatch/base/mem.h"
#include "dogwatch/collect/raised.h"
#include "dogwatch/event/json_read.h"

#include <fcntl.h>
#include <stdio.h>

enum { PATH_CAP = 4096, READ_MOST = 4 * DW_PROVISIONAL_LOG_MAX /* a line may be long */ };

struct dw_provisional_log {
    const struct dw_fs *fs;
    const char *dir;
    int fd;
    uint64_t bytes;
    bool torn; /* its last line has no end */
};

static const char *const states[DW_PROVISIONAL_STATES] = {"raised", "confirmed", "withdrawn"};

const char *dw_provisional_text(enum dw_provisional_state s)
{
    return states[s];
}

void dw_provisional_doc(struct dw_str finding, enum dw_provisional_state state, const char *by, struct dw_buf *out)
{
    size_t end = dw_str_find(finding, DW_STR(",\"provisional\":{\"state\":")); /* no text of a finding has quotes as these */
    end = end < finding.len ? end : finding.len - 1;                          /* its last brace */
    dw_buf_str(out, dw_str_slice(finding, 0, end));
    dw_buf_printf(out, ",\"provisional\":{\"state\":\"%s\"%s%s%s}}", states[state], by ? ",\"alert\":\"" : "", by ? by : "", by ? "\"" : "");
}

enum dw_provisional_state dw_provisional_state_of(struct dw_str doc)
{
    struct dw_json j;
    struct dw_json_token t, key = {.type = DW_JSON_NULL};
    bool inside = false;
    dw_json_start(&j, doc);
    while (dw_json_next(&j, &t) == DW_OK && t.type != DW_JSON_END) {
        if (t.type == DW_JSON_OBJECT && key.type == DW_JSON_KEY && j.depth == 2)
            inside = dw_str_eq(key.text, DW_STR("provisional"));
        if (inside && key.type == DW_JSON_KEY && t.type == DW_JSON_STRING && j.depth == 2 && dw_str_eq(key.text, DW_STR("state")))
            for (size_t i = 0; i < DW_COUNT_OF(states); i++)
                if (dw_str_eq(t.text, dw_str_of(states[i])))
                    return (enum dw_provisional_state)i;
        key = t;
    }
    return DW_PROVISIONAL_STATES;
}

void dw_provisional_said(struct dw_alert *a)
{
    const enum dw_provisional_state state = dw_provisional_state_of(a->doc);
    for (int i = 0; i < DW_ALERT_FIELDS; i++)
        a->said[i] = "";
    a->said[DW_ALERT_status] = state < DW_PROVISIONAL_STATES ? states[state] : "";
}

/* ---- reading ---- */

/* The newest line of each. */
struct newest {
    struct dw_keyed_item item; /* by id */
    struct dw_buf line;
};

static int take_line(struct dw_keyed *all, struct dw_str line, struct dw_arena *arena)
{
    struct dw_alert a;
    dw_arena_reset(arena);
    if (!dw_raised_read(line, arena, &a) || dw_provisional_state_of(a.doc) == DW_PROVISIONAL_STATES)
        return DW_OK;
    struct newest *n = dw_keyed_get(all, dw_str_of(a.id), sizeof *n);
    if (!n)
        return DW_ENOMEM;
    dw_buf_reset(&n->line);
    dw_buf_str(&n->line, line);
    return n->line.err;
}

/* Adds the lines of a file; one that is not there has none. */
static int read_file(const struct dw_fs *fs, const char *path, struct dw_keyed *all)
{
    struct dw_buf text = {0};
    struct dw_arena arena;
    dw_arena_init(&arena, 0);
    int rc = dw_fs_read_file(fs, path, READ_MOST, &text);
    struct dw_str rest = dw_buf_view(&text);
    while (rc == DW_OK && dw_str_index(rest, '\n') < rest.len) /* the last may be half a line */
        rc = take_line(all, dw_str_cut(&rest, '\n'), &arena);
    dw_buf_fini(&text);
    dw_arena_fini(&arena);
    return rc;
}

static void forget(struct dw_keyed *all)
{
    for (struct dw_keyed_item *i = all->first; i; i = i->next)
        dw_buf_fini(&((struct newest *)i)->line);
    dw_keyed_fini(all);
}

static int paths(const char *dir, char path[PATH_CAP], char before[PATH_CAP])
{
    int rc = dw_path_join(path, PATH_CAP, dir, "provisional.log");
    return rc == DW_OK ? dw_path_join(before, PATH_CAP, dir, "provisional.log.1") : rc;
}

static int read_all(const struct dw_fs *fs, const char *dir, struct dw_keyed *all)
{
    char path[PATH_CAP], before[PATH_CAP];
    int rc = paths(dir, path, before);
    if (rc < 0)
        return rc;
    const int older = read_file(fs, before, all);
    rc = older == DW_OK || older == DW_ENOENT ? read_file(fs, path, all) : older;
    return rc == DW_ENOENT ? older : rc; /* between two names there is one of them */
}

int dw_provisional_each(const struct dw_fs *fs, const char *dir, void (*each)(void *arg, const struct dw_alert *alert), void *arg)
{
    struct dw_keyed all = {0};
    struct dw_arena arena;
    struct dw_alert a;
    dw_arena_init(&arena, 0);
    int rc = read_all(fs, dir, &all);
    for (struct dw_keyed_item *i = all.first; i && rc == DW_OK; i = i->next) {
        dw_arena_reset(&arena);
        if (!dw_raised_read(dw_buf_view(&((struct newest *)i)->line), &arena, &a))
            continue;
        dw_provisional_said(&a);
        each(arg, &a);
    }
    forget(&all);
    dw_arena_fini(&arena);
    return rc;
}

/* ---- writing ---- */

static int open_file(struct dw_provisional_log *l)
{
    struct dw_stat st;
    char path[PATH_CAP], before[PATH_CAP];
    int rc = paths(l->dir, path, before);
    if (rc == DW_OK)
        rc = dw_fs_open(l->fs, path, O_WRONLY | O_CREAT | O_APPEND, 0640, &l->fd);
    if (rc == DW_OK)
        rc = dw_fs_fstat(l->fd, &st);
    l->bytes = rc == DW_OK ? st.size_bytes : 0;
    l->torn = l->bytes > 0; /* it may be: an empty line more is no harm */
    return rc;
}

/* What is full goes to the name of the one before. */
static int turn_over(struct dw_provisional_log *l)
{
    char path[PATH_CAP], before[PATH_CAP];
    dw_fs_close(l->fd);
    l->fd = -1;
    int rc = paths(l->dir, path, before);
    if (rc == DW_OK)
        rc = dw_fs_rename(l->fs, path, before);
    return rc < 0 ? rc : open_file(l);
}

int dw_provisional_add(struct dw_provisional_log *l, struct dw_str line)
{
    struct dw_buf text = {0};
    int rc = l->fd < 0 ? open_file(l) : DW_OK;
    if (rc == DW_OK && l->bytes >= DW_PROVISIONAL_LOG_MAX)
        rc = turn_over(l);
    if (rc < 0)
        return rc;
    if (l->torn)
        dw_buf_byte(&text, '\n');
    dw_buf_str(&text, line);
    dw_buf_byte(&text, '\n');
    rc = text.err ? text.err : dw_fs_write(l->fs, l->fd, text.ptr, text.len);
    l->torn = rc < 0;
    l->bytes += text.len;
    dw_buf_fini(&text);
    return rc;
}

/* A line of the log with its state changed, of an alert that was raised and not ended. */
static int withdraw(struct dw_provisional_log *l, const struct newest *n, void (*each)(void *arg, struct dw_str line), void *arg, struct dw_arena *arena)
{
    struct dw_alert a;
    struct dw_buf doc = {0}, line = {0};
    dw_arena_reset(arena);
    if (!dw_raised_read(dw_buf_view(&n->line), arena, &a) || dw_provisional_state_of(a.doc) != DW_PROVISIONAL_RAISED)
        return DW_OK;
    dw_provisional_doc(a.doc, DW_PROVISIONAL_WITHDRAWN, NULL, &doc);
    a.doc = dw_buf_view(&doc);
    dw_raised_line(&a, &line);
    int rc = doc.err ? doc.err : line.err;
    const struct dw_str whole = dw_str_slice(dw_buf_view(&line), 0, line.len ? line.len - 1 : 0);
    if (rc == DW_OK)
        each(arg, whole);
    if (rc == DW_OK)
        rc = dw_provisional_add(l, whole);
    dw_buf_fini(&doc);
    dw_buf_fini(&line);
    return rc;
}

struct dw_provisional_log *dw_provisional_new(const struct dw_fs *fs, const char *dir)
{
    struct dw_provisional_log *l = dw_calloc(1, sizeof *l);
    if (!l)
        return NULL;
    l->fs = fs;
    l->fd = -1;
    l->dir = dir;
    return l;
}

int dw_provisional_withdraw(struct dw_provisional_log *l, void (*each)(void *arg, struct dw_str line), void *arg)
{
    struct dw_keyed all = {0};
    struct dw_arena arena;
    dw_arena_init(&arena, 0);
    int rc = read_all(l->fs, l->dir, &all);
    rc = rc == DW_ENOENT ? DW_OK : rc;
    for (struct dw_keyed_item *i = all.first; i; i = i->next) { /* each is told, whatever became of the one before */
        int one = rc == DW_ENOMEM ? DW_OK : withdraw(l, (const struct newest *)i, each, arg, &arena);
        rc = rc == DW_OK ? one : rc;
    }
    forget(&all);
    dw_arena_fini(&arena);
    return rc;
}

void dw_provisional_free(struct dw_provisional_log *l)
{
    if (!l)
        return;
    dw_fs_close(l->fd);
    dw_free(l);
}
