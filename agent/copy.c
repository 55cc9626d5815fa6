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

#include <fcntl.h>

/* A copy, opened: as it was made, or out of what gzip made of it. */
struct copy {
    int fd;
    struct dw_stat st; /* of the file under its name */
    bool unpacked;
};

/* One look for the copy that holds what stood before a place, and at least `low` bytes; the newest first. *ret_moved: names moved on meanwhile, or one could not be read. */
static bool find_once(struct agent *a, const char *path, const struct checkpoint_row *row, struct copy *ret, bool *ret_moved)
{
    struct siblings s;
    bool same = false;
    folder_siblings(a, path, &s);
    *ret_moved = !s.sure;
    for (uint32_t i = s.count; i-- > 0 && !same;) {
        int fd;
        bool own = tails_find(a, &s.item[i].st) || same_file(&row->stream, &s.item[i].st); /* what is read as a stream of its own, or its own file, is no copy */
        if (own || folder_open(a, &s.item[i], &fd, ret_moved) < 0)
            continue;
        same = print_holds(a, fd, row, &ret->st, ret_moved);
        if (same)
            ret->fd = fd;
        else
            dw_fs_close(fd);
    }
    siblings_fini(&s);
    return same;
}

static bool find(struct agent *a, const char *path, const struct checkpoint_row *row, struct copy *ret, bool *ret_later)
{
    bool found = false, moved = row->print.len > 0, sure; /* of one that nothing was read of it cannot be told */
    *ret_later = false;
    if (!moved)
        return false;
    for (int i = 0; i < AGENT_LOOKS && !found && moved; i++)
        found = find_once(a, path, row, ret, &moved);
    ret->unpacked = !found;
    if (found || packed_find(a, path, row, &ret->fd, &ret->st, &sure))
        return true;
    *ret_later = moved || !sure;
    return false;
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
    print_take(a, c->fd, row.low, DW_STR_NONE, &row.print);
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

/* Whether `fd`, of `size` bytes, has the first bytes of another file: what is compared is their beginning and their end. */
static bool is_beginning(const struct agent *a, int fd, uint64_t size, int of)
{
    char one[AGENT_FINGERPRINT], other[AGENT_FINGERPRINT];
    size_t len = size < sizeof one ? (size_t)size : sizeof one;
    uint64_t at[] = {0, size - len};
    for (int i = 0; i < 2; i++) {
        size_t n = 0, m = 0;
        if (dw_fs_pread(a->fs, fd, one, len, at[i], &n) < 0 || dw_fs_pread(a->fs, of, other, len, at[i], &m) < 0)
            return true; /* who knows: it is looked at again */
        if (n != len || m != len || memcmp(one, other, len) != 0)
            return false;
    }
    return true;
}

static bool is_cut_unseen(const struct agent *a, const struct tail *t)
{
    struct dw_stat st;
    bool same = true;
    if (t->state == TAIL_ENDED || t->copied || tail_rare(t)->unpacked || dw_fs_fstat(t->fd, &st) < 0)
        return false;
    return st.size_bytes < tail_offset(t) || st.size_bytes < t->size || print_check(a, t->fd, &t->print, &same) < 0 || !same;
}

bool copy_cut_unseen(const struct agent *a, const struct found *f)
{
    const struct tail *t = f->tail;
    while (t && !is_cut_unseen(a, t))
        t = t->sibling;
    return t != NULL;
}

/* Files that gave way are older than what came after them, and copies younger than what they are of. */
static bool is_copy_of(const struct agent *a, int fd, const struct dw_stat *st, int of)
{
    struct dw_stat other;
    return dw_fs_fstat(of, &other) == DW_OK && (other.device != st->device || other.inode != st->inode) && other.size_bytes >= st->size_bytes
        && other.birth_ns <= st->birth_ns && is_beginning(a, fd, st->size_bytes, of);
}

/* Whether a file has what was read of a stream that no tail reads yet, and that is not over: it goes on there, or in its own file. */
static bool has_open(const struct agent *a, const struct found *f, int fd, const struct dw_stat *st)
{
    struct dw_stat now;
    bool doubt = false; /* then it waits */
    for (struct dw_node *n = dw_table_find(&a->known_by_series, hash_of_series(f->series)); n; n = dw_table_next(n)) {
        const struct checkpoint_row *r = &DW_ITEM(n, struct known, by_series)->row;
        if (stream_goes_on(r->end) && r->print.len && memcmp(r->stream.series, f->series, DW_ID_BYTES) == 0 && !same_file(&r->stream, st)
            && (print_holds(a, fd, r, &now, &doubt) || doubt))
            return true;
    }
    return false;
}

bool copy_waits(const struct agent *a, const struct found *f, int fd, const struct dw_stat *st)
{
    int live;
    bool same = false;
    if (st->size_bytes == 0)
        return dw_clock_real(a->clock) - st->ctime_ns < AGENT_ELDERS_NS; /* who copies begins with nothing */
    for (const struct tail *t = f->tail; t && !same; t = t->sibling)
        same = !tail_rare(t)->unpacked && is_copy_of(a, fd, st, t->fd);
    if (same || copy_cut_unseen(a, f) || has_open(a, f, fd, st))
        return true;
    if (dw_fs_open(a->fs, f->path, O_RDONLY | O_NONBLOCK | O_NOCTTY, 0, &live) < 0)
        return false;
    same = is_copy_of(a, fd, st, live);
    dw_fs_close(live);
    return same;
}

bool copy_take(struct agent *a, struct tail *t, bool *ret_later)
{
    struct copy c;
    struct dw_stat content;
    struct checkpoint_row row = {.stream = t->stream, .print = t->print, .low = dw_lines_offset(t->lines)};
    *ret_later = false;
    if (t->copied || !find(a, t->series->path, &row, &c, ret_later))
        return false;
    struct rare *rare = tail_make_rare(t);
    if (!rare || dw_fs_fstat(c.fd, &content) < 0) {
        a->failed = rare ? a->failed : DW_ENOMEM;
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
    rare->unpacked = c.unpacked ? content.size_bytes : 0;
    a->unpacked += rare->unpacked;
    tail_note(a, t, &content);
    keep_put(a, t);
    DW_COUNT(copy_taken);
    int rc = note(a, t->series, &t->stream, &c);
    if (rc < 0)
        a->failed = rc;
    ship_touch(a, t);
    return true;
}

static bool has_head(const struct agent *a, const struct tail *t, int fd, const struct dw_stat *st)
{
    uint32_t head[HEAD_STEPS], len = head_take(a, fd, st->size_bytes, head), step = 0;
    len = len < t->head_len ? len : t->head_len;
    while (len >> (step + 1))
        step++;
    return len && head[step] == t->head[step];
}

int copy_note_read(struct agent *a, const struct tail *t)
{
    struct siblings s;
    int rc = DW_OK;
    folder_siblings(a, t->series->path, &s);
    for (uint32_t i = 0; i < s.count && rc == DW_OK; i++) {
        struct copy c = {.st = s.item[i].st};
        bool moved = false, younger = c.st.birth_ns >= t->stream.birth_ns && c.st.size_bytes <= dw_lines_offset(t->lines);
        if (!younger || tails_find(a, &c.st) || folder_open(a, &s.item[i], &c.fd, &moved) < 0)
            continue;
        if (!rows_holds(a, t->series->series, c.fd, &c.st) && has_head(a, t, c.fd, &c.st))
            rc = note(a, t->series, &t->stream, &c);
        dw_fs_close(c.fd);
    }
    siblings_fini(&s);
    return rc;
}

bool copy_resume(struct agent *a, struct known *k, bool *ret_later)
{
    struct copy c;
    struct found *f = rows_log(a, k);
    *ret_later = false;
    if (!f)
        return false;
    if (!find(a, k->row.path, &k->row, &c, ret_later)) {
        bool kept = keep_resume(a, k, true, ret_later); /* rotation has deleted it since, while it was read */
        *ret_later &= !kept;
        return kept;
    }
    int rc = note(a, f, &k->row.stream, &c);
    if (rc < 0)
        a->failed = rc;
    struct tail *t = tails_add_rotated(a, f, k->row.path, c.fd, &c.st, k, c.unpacked);
    *ret_later = !t;
    if (!t)
        return false;
    t->copied = true;
    DW_COUNT(copy_taken);
    return true;
}
