/*
 * input_store: files of what was received.
 *
 *     DATA/agent/inputs/NAME.log             written
 *     DATA/agent/inputs/NAME.log.00000007    full, or of an earlier start: read to its end, acknowledged, deleted
 *
 * Idea: tails read them and rotation gives way as with any log, so spans, ledger, checkpoint and spool are those of every other byte. Nothing is synced: no
 * sender of syslog waits for that, and what was written outlives the agent in the kernel's memory.
 *
 * Invariants:
 *   (1) A file ends with a whole line, or nothing is appended to it any more.
 *   (2) A file is deleted only when its stream is over, and acknowledged, in the checkpoint.
 *   (3) Of an input that can be asked again the newest file with a line is not deleted: there it says itself how far it was (store_resume).
 *   (4) All files together are not longer than the limit, but for what came in one read.
 */
#include "input_store.h"

#include "agent_int.h"

#include "dogwatch/base/counter.h"
#include "dogwatch/base/error.h"
#include "dogwatch/base/log.h"
#include "dogwatch/base/mem.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>

enum { NAMES_MAX = 100000, FILE_MIN = 64 * 1024, FILE_MAX = 16 * 1024 * 1024, TAIL = 256 * 1024 /* two lines at least */, SHARE = 4 /* of the limit is for files that are written */ };
#define AGAIN_NS DW_NS_PER_S           /* after a write failed */
#define SWEEP_NS (100 * DW_NS_PER_MS)

/* A file that nobody writes any more. */
struct old_file {
    struct old_file *next;
    struct dw_stat st;
    uint64_t epoch, parcel; /* it was seen to be done with in this epoch, when so many frames had been handed over; 0: it was not */
    char *log;   /* the path that it had while it was written */
    char path[]; /* NUL */
};

struct store_log {
    struct store_log *next;
    struct store *store;
    int fd; /* -1: to be opened */
    bool torn; /* it may end in the middle of a line */
    uint64_t size, file_max;
    char path[AGENT_PATH_MAX];
};

struct store {
    const struct dw_fs *fs;
    char dir[AGENT_PATH_MAX];
    uint64_t limit, bytes; /* in all files */
    uint64_t number;       /* of the last file that gave way */
    int64_t failed_ns;     /* when a write failed last; 0: the last one did not */
    int64_t swept_ns;
    bool said;
    struct old_file *old;
    struct store_log *log;
};

/* Remembers a file that gave way. */
static int add_old(struct store *s, const char *path)
{
    struct dw_stat st;
    size_t bytes = strlen(path) + 1;
    int rc = dw_fs_stat(path, &st);
    if (rc < 0)
        return rc;
    struct old_file *o = dw_calloc(1, sizeof *o + bytes);
    if (!o)
        return DW_ENOMEM;
    memcpy(o->path, path, bytes);
    o->log = dw_strndup(path, bytes - 1);
    if (!o->log) {
        dw_free(o);
        return DW_ENOMEM;
    }
    (void)folder_rotated(o->log);
    o->st = st;
    o->next = s->old;
    s->old = o;
    return DW_OK;
}

/* Gives the file at `path` a name of its own. */
static int set_aside(struct store *s, const char *path)
{
    char aside[AGENT_PATH_MAX];
    int n = snprintf(aside, sizeof aside, "%s.%08" PRIu64, path, s->number + 1);
    if (n < 0 || n >= (int)sizeof aside)
        return DW_ELIMIT;
    int rc = dw_fs_rename(s->fs, path, aside);
    if (rc < 0)
        return rc;
    s->number++;
    return add_old(s, aside);
}

static int make(struct store *s, const char *path, int *ret_fd)
{
    *ret_fd = -1;
    return dw_fs_open(s->fs, path, O_WRONLY | O_CREAT | O_APPEND | O_NOFOLLOW, 0640, ret_fd);
}

/* What an earlier start wrote last is not written on, for it may have been killed in the middle of a line; the log's own name stays, so that its files are found. */
static int take_over(struct store *s, const char *path)
{
    struct dw_stat st;
    int fd;
    int rc = dw_fs_stat(path, &st);
    if (rc == DW_OK && st.size_bytes)
        rc = set_aside(s, path);
    else if (rc == DW_ENOENT)
        rc = DW_OK;
    if (rc == DW_OK)
        rc = make(s, path, &fd);
    if (rc == DW_OK)
        dw_fs_close(fd);
    return rc;
}

static uint64_t number_of(const char *path)
{
    uint64_t n = 0;
    const char *dot = strrchr(path, '.');
    return dot && dw_str_u64(dw_str_of(dot + 1), &n) ? n : 0;
}

/* Twice over the names: numbers of old files are known before a new one is given. */
static int look_around(struct store *s)
{
    struct dw_buf names = {0};
    char path[AGENT_PATH_MAX];
    int rc = dw_fs_list(s->dir, NAMES_MAX, &names);
    for (int written = 0; written < 2; written++) {
        for (const char *n = names.ptr; rc == DW_OK && n && n < names.ptr + names.len; n += strlen(n) + 1) {
            rc = dw_path_join(path, sizeof path, s->dir, n);
            if (rc < 0 || dw_str_ends(dw_str_of(n), DW_STR(".log")) != written)
                continue;
            rc = written ? take_over(s, path) : add_old(s, path);
            uint64_t number = number_of(path);
            s->number = !written && number > s->number ? number : s->number;
        }
    }
    dw_buf_fini(&names);
    for (struct old_file *o = s->old; o && rc == DW_OK; o = o->next) {
        s->bytes += o->st.size_bytes;
        rc = take_over(s, o->log); /* only the old one may be there */
    }
    return rc;
}

int store_open(const struct dw_fs *fs, const char *agent_dir, uint64_t limit_bytes, struct store **ret)
{
    struct store *s = dw_calloc(1, sizeof *s);
    if (!s)
        return DW_ENOMEM;
    s->fs = fs;
    s->limit = limit_bytes;
    int rc = dw_path_join(s->dir, sizeof s->dir, agent_dir, "inputs");
    if (rc == DW_OK)
        rc = dw_fs_mkdirs(fs, s->dir, 0750);
    if (rc == DW_OK)
        rc = look_around(s);
    if (rc < 0) {
        dw_error("%s: %s", s->dir, dw_err_text(rc));
        store_free(s);
        return rc;
    }
    *ret = s;
    return DW_OK;
}

static void free_old(struct old_file *o)
{
    dw_free(o->log);
    dw_free(o);
}

void store_free(struct store *s)
{
    if (!s)
        return;
    while (s->old) {
        struct old_file *o = s->old;
        s->old = o->next;
        free_old(o);
    }
    while (s->log) {
        struct store_log *l = s->log;
        s->log = l->next;
        dw_fs_close(l->fd);
        dw_free(l);
    }
    dw_free(s);
}

/* Reads the whole lines at the end of an old file, and takes away what is behind them. */
static int tail_of(struct store *s, struct old_file *o, struct dw_buf *lines)
{
    uint64_t from = o->st.size_bytes > TAIL ? o->st.size_bytes - TAIL : 0;
    size_t before = lines->len, n = 0;
    int fd;
    int rc = dw_fs_open(s->fs, o->path, O_RDWR | O_NOFOLLOW, 0, &fd);
    if (rc < 0)
        return rc;
    char *at = dw_buf_reserve(lines, TAIL);
    rc = at ? dw_fs_pread(s->fs, fd, at, TAIL, from, &n) : DW_ENOMEM;
    while (rc == DW_OK && n && at[n - 1] != '\n')
        n--;
    if (rc == DW_OK && from + n < o->st.size_bytes && (n || !from)) {
        rc = dw_fs_truncate(s->fs, fd, from + n);
        if (rc == DW_OK) {
            s->bytes -= o->st.size_bytes - from - n;
            o->st.size_bytes = from + n;
            DW_COUNT(inputs_torn);
        }
    }
    dw_fs_close(fd);
    lines->len = rc == DW_OK ? before + n : before;
    return rc;
}

int store_resume(struct store *s, const char *name, struct dw_buf *lines)
{
    char path[AGENT_PATH_MAX];
    int n = snprintf(path, sizeof path, "%s/%s.log", s->dir, name);
    int rc = n < 0 || n >= (int)sizeof path ? DW_ELIMIT : DW_OK;
    size_t before = lines->len;
    for (uint64_t below = UINT64_MAX; rc == DW_OK && lines->len == before;) {
        struct old_file *newest = NULL;
        for (struct old_file *o = s->old; o; o = o->next)
            if (strcmp(o->log, path) == 0 && number_of(o->path) < below && (!newest || number_of(o->path) > number_of(newest->path)))
                newest = o;
        if (!newest)
            break;
        below = number_of(newest->path);
        rc = newest->st.size_bytes ? tail_of(s, newest, lines) : DW_OK;
    }
    return rc;
}

int store_begin(struct store *s, const char *name, uint32_t open_max, struct store_log **ret)
{
    struct store_log *l = dw_calloc(1, sizeof *l);
    if (!l)
        return DW_ENOMEM;
    uint64_t share = s->limit / SHARE / (open_max ? open_max : 1);
    l->store = s;
    l->file_max = share < FILE_MIN ? FILE_MIN : share > FILE_MAX ? FILE_MAX : share;
    int n = snprintf(l->path, sizeof l->path, "%s/%s.log", s->dir, name);
    int rc = n < 0 || n >= (int)sizeof l->path ? DW_ELIMIT : make(s, l->path, &l->fd);
    if (rc < 0) {
        dw_error("%s: %s", l->path, dw_err_text(rc));
        dw_free(l);
        return rc;
    }
    l->next = s->log;
    s->log = l;
    *ret = l;
    return DW_OK;
}

const char *store_log_path(const struct store_log *l)
{
    return l->path;
}

bool store_has_room(const struct store *s)
{
    return s->bytes < s->limit && (!s->failed_ns || dw_clock_mono(&dw_clock_system) - s->failed_ns >= AGAIN_NS);
}

/* The file gives way to a new one; where that cannot be it is written on. */
static void turn_over(struct store_log *l)
{
    int rc = set_aside(l->store, l->path);
    DW_COUNT_IF(rc < 0, inputs_files_not_begun);
    if (rc < 0 && rc != DW_ENOMEM)
        return;
    dw_fs_close(l->fd);
    l->fd = -1;
    l->size = 0;
}

/* A failed write may have left a part of a line: it is taken back, or the file gives way. */
static int undo(struct store_log *l, int rc)
{
    struct store *s = l->store;
    s->failed_ns = dw_clock_mono(&dw_clock_system);
    DW_COUNT(inputs_write_errors);
    if (!s->said)
        dw_error("%s: cannot be written: %s; what can wait, waits", l->path, dw_err_text(rc));
    s->said = true;
    if (l->fd >= 0 && dw_fs_truncate(s->fs, l->fd, l->size) < 0) {
        dw_fs_close(l->fd);
        l->fd = -1;
        l->torn = set_aside(s, l->path) < 0;
    }
    return rc;
}

static int open_again(struct store_log *l)
{
    struct dw_stat st = {0};
    int rc = make(l->store, l->path, &l->fd);
    if (rc == DW_OK)
        rc = dw_fs_fstat(l->fd, &st);
    if (rc == DW_OK && l->torn && st.size_bytes)
        rc = dw_fs_write(l->store->fs, l->fd, "\n", 1); /* the torn line is one of its own */
    if (rc < 0) {
        dw_fs_close(l->fd);
        l->fd = -1;
        return rc;
    }
    l->size = st.size_bytes + (l->torn && st.size_bytes);
    l->torn = false;
    return DW_OK;
}

int store_put(struct store_log *l, struct dw_str lines)
{
    struct store *s = l->store;
    int rc = DW_OK;
    if (l->size && l->size + lines.len > l->file_max)
        turn_over(l);
    if (l->fd < 0)
        rc = open_again(l);
    if (rc < 0)
        return undo(l, rc);
    rc = dw_fs_write(s->fs, l->fd, lines.ptr, lines.len);
    if (rc < 0)
        return undo(l, rc);
    l->size += lines.len;
    s->bytes += lines.len;
    s->failed_ns = 0;
    s->said = false;
    return DW_OK;
}

/* Whether nothing of a file is needed any more: no tail has it, and it was read to its last byte and is over; and the checkpoint has what was handed over until
 * that was seen, so that a start would not look for it. */
static bool is_done(const struct agent *a, struct old_file *o)
{
    const struct found *f = agent_log(a, o->log);
    const struct known *k = f && !tails_find(a, &o->st) ? rows_find(a, f->series, &o->st) : NULL;
    bool over = k && k->row.end == STREAM_ENDED && k->row.low == o->st.size_bytes;
    if (over && o->epoch != a->chain.epoch.counter) {
        o->epoch = a->chain.epoch.counter;
        o->parcel = a->parcels;
    }
    return over && writer_saved(a->writer) >= o->parcel;
}

/* Whether a file has the last line of an input that goes on from there. */
static bool holds_place(const struct store *s, const struct old_file *o)
{
    const char *slash = strrchr(o->log, '/');
    if (!slash || !dw_str_starts(dw_str_of(slash + 1), DW_STR(STORE_PLACE)) || o->st.size_bytes == 0)
        return false;
    for (const struct store_log *l = s->log; l; l = l->next)
        if (l->size && strcmp(l->path, o->log) == 0)
            return false;
    for (const struct old_file *x = s->old; x; x = x->next)
        if (x->st.size_bytes && strcmp(x->log, o->log) == 0 && number_of(x->path) > number_of(o->path))
            return false;
    return true;
}

void store_sweep(struct store *s, struct agent *a)
{
    int64_t now = dw_clock_mono(&dw_clock_system);
    if (now - s->swept_ns < SWEEP_NS)
        return;
    s->swept_ns = now;
    for (struct old_file **at = &s->old; *at;) {
        struct old_file *o = *at;
        int rc = is_done(a, o) && !holds_place(s, o) ? dw_fs_unlink(s->fs, o->path) : DW_EIO;
        if (rc < 0 && rc != DW_ENOENT) {
            at = &o->next;
            continue;
        }
        DW_COUNT(inputs_files_deleted);
        s->bytes -= o->st.size_bytes < s->bytes ? o->st.size_bytes : s->bytes;
        *at = o->next;
        free_old(o);
    }
}
