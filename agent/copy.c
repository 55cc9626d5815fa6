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

/* A copy, opened: as it was made, or out of what gzip made of it. */
struct copy {
    int fd;
    struct dw_stat st; /* of the file under its name */
    bool unpacked;
};

/* One look for the copy that holds what stood before a place, and at least `low` bytes; the newest first. *ret_moved: names moved on meanwhile. */
static bool find_once(struct agent *a, const char *path, const struct checkpoint_row *row, struct copy *ret, bool *ret_moved)
{
    struct siblings s;
    bool same = false;
    folder_siblings(a, path, &s);
    *ret_moved = !s.sure;
    for (uint32_t i = s.count; i-- > 0 && !same;) {
        int fd;
        if (tails_find(a, &s.item[i].st) || folder_open(a, &s.item[i], &fd, ret_moved) < 0) /* what is read as a stream of its own is no copy */
            continue;
        same = print_holds(a, fd, row, &ret->st);
        if (same)
            ret->fd = fd;
        else
            dw_fs_close(fd);
    }
    siblings_fini(&s);
    return same;
}

static bool find(struct agent *a, const char *path, const struct checkpoint_row *row, struct copy *ret)
{
    bool found = false, moved = row->print.len > 0, sure; /* of one that nothing was read of it cannot be told */
    if (!moved)
        return false;
    for (int i = 0; i < AGENT_LOOKS && !found && moved; i++)
        found = find_once(a, path, row, ret, &moved);
    ret->unpacked = !found;
    return found || packed_find(a, path, row, &ret->fd, &ret->st, &sure);
}

/* A row of a stream that nothing is sent of: the copy's own. */
static int note(struct agent *a, const struct found *f, const struct dw_stream *of, const struct copy *c)
{
    const struct dw_stat *st = &c->st;
    struct checkpoint_row row = {.stream = *of, .low = st->size_bytes, .end = STREAM_ENDED}, kept;
    row.stream.field = NULL;
    row.stream.field_count = 0;
    row.stream.device = st->device;
    row.stream.inode = st->inode;
    row.stream.birth_ns = st->birth_ns;
    stream_make_id(a, &row.stream);
    print_take(a, c->fd, row.low, &row.print);
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
    struct copy c;
    struct dw_stat content;
    struct checkpoint_row row = {.stream = t->stream, .print = t->print, .low = dw_lines_offset(t->lines)};
    if (t->copied || !find(a, t->series->path, &row, &c))
        return false;
    if (dw_fs_fstat(c.fd, &content) < 0) {
        dw_fs_close(c.fd);
        return false;
    }
    keep_drop(a, t);
    dw_fs_close(t->fd);
    t->fd = c.fd;
    t->copied = true;
    t->state = TAIL_ROTATED;
    t->at_end = false;
    t->last_growth_ns = agent_now(a);
    t->unpacked = c.unpacked ? content.size_bytes : 0;
    a->unpacked += t->unpacked;
    tail_note(a, t, &content);
    keep_put(a, t);
    DW_COUNT(copy_taken);
    int rc = note(a, t->series, &t->stream, &c);
    if (rc < 0)
        a->failed = rc;
    ship_touch(a, t);
    return true;
}

bool copy_resume(struct agent *a, struct known *k)
{
    struct copy c;
    struct found *f = rows_log(a, k);
    if (!f || !find(a, k->row.path, &k->row, &c))
        return false;
    int rc = note(a, f, &k->row.stream, &c);
    if (rc < 0)
        a->failed = rc;
    struct tail *t = tails_add_rotated(a, f, k->row.path, c.fd, &c.st, k, c.unpacked);
    if (!t)
        return false;
    t->copied = true;
    DW_COUNT(copy_taken);
    return true;
}
