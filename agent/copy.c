/*
 * copy: what copytruncate left of a file that was truncated under us.
 *
 * Idea: logrotate copies a log and truncates it. What we had not read by then is in the copy, behind the same bytes that stand before our place: the stream
 * goes on there, in the same places. (What its program wrote between copy and truncation is gone for everybody.)
 *
 * Invariants:
 *   (1) A copy is looked for only where the file itself was truncated: two files with equal beginnings are never taken for one.
 *   (2) A copy that was taken is not read as a log of its own, now or after a start: it gets a row that says that it is over.
 */
#include "agent_int.h"

#include "dogwatch/base/counter.h"
#include "dogwatch/base/error.h"
#include "dogwatch/base/mem.h"


struct wanted {
    const char *path; /* of the log */
    const struct fingerprint *print;
    uint64_t low;
};

/* One look for the copy that holds what stood before a place, and at least `low` bytes. *ret_moved: names moved on meanwhile. */
static bool find_once(struct agent *a, const struct wanted *w, int *ret_fd, struct dw_stat *ret_st, bool *ret_moved)
{
    struct siblings s;
    bool same = false;
    folder_siblings(a, w->path, &s);
    *ret_moved = !s.sure;
    for (uint32_t i = 0; i < s.count && !same; i++) {
        int fd;
        if (folder_open(a, &s.item[i], &fd, ret_moved) < 0)
            continue;
        *ret_st = s.item[i].st;
        if (dw_fs_fstat(fd, ret_st) == DW_OK && ret_st->size_bytes >= w->low && print_check(a, fd, w->print, &same) == DW_OK && same)
            *ret_fd = fd;
        else
            dw_fs_close(fd);
    }
    siblings_fini(&s);
    return same;
}

static bool find(struct agent *a, const struct wanted *w, int *ret_fd, struct dw_stat *ret_st)
{
    enum { LOOKS = 8 };
    bool found = false, moved = w->print->len > 0; /* of one that nothing was read of it cannot be told */
    for (int i = 0; i < LOOKS && !found && moved; i++)
        found = find_once(a, w, ret_fd, ret_st, &moved);
    return found;
}

/* A row of a stream that nothing is sent of: the copy's own. */
static int note(struct agent *a, const struct found *f, const struct dw_stream *of, int fd, const struct dw_stat *st)
{
    struct checkpoint_row row = {.stream = *of, .low = st->size_bytes, .end = STREAM_ENDED}, kept;
    row.stream.field = NULL;
    row.stream.field_count = 0;
    row.stream.device = st->device;
    row.stream.inode = st->inode;
    row.stream.birth_ns = st->birth_ns;
    stream_make_id(a, &row.stream);
    print_take(a, fd, row.low, &row.print);
    kept = row;
    row.path = dw_strndup(f->path, strlen(f->path));
    kept.path = dw_strndup(f->path, strlen(f->path));
    int rc = row.path && kept.path ? rows_keep(a, &kept) : DW_ENOMEM;
    if (rc == DW_OK) {
        kept.path = NULL;
        rc = ship_row(a, &row);
    }
    if (rc < 0) {
        dw_free(row.path);
        dw_free(kept.path);
    }
    return rc;
}

bool copy_take(struct agent *a, struct tail *t)
{
    int fd;
    struct dw_stat st;
    struct wanted w = {.path = t->series->path, .print = &t->print, .low = dw_lines_offset(t->lines)};
    if (t->copied || !find(a, &w, &fd, &st))
        return false;
    keep_drop(a, t);
    dw_fs_close(t->fd);
    t->fd = fd;
    t->copied = true;
    t->state = TAIL_ROTATED;
    t->at_end = false;
    t->last_growth_ns = agent_now(a);
    tail_note(a, t, &st);
    keep_put(a, t);
    DW_COUNT(copy_taken);
    int rc = note(a, t->series, &t->stream, fd, &st);
    if (rc < 0)
        a->failed = rc;
    ship_touch(a, t);
    return true;
}

bool copy_resume(struct agent *a, struct known *k)
{
    int fd;
    struct dw_stat st;
    struct found *f = rows_log(a, k);
    struct wanted w = {.path = k->row.path, .print = &k->row.print, .low = k->row.low};
    if (!f || !find(a, &w, &fd, &st))
        return false;
    int rc = note(a, f, &k->row.stream, fd, &st);
    if (rc < 0)
        a->failed = rc;
    struct tail *t = tails_add_rotated(a, f, k->row.path, fd, &st, k);
    if (!t)
        return false;
    t->copied = true;
    DW_COUNT(copy_taken);
    return true;
}
