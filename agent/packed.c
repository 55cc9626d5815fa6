/*
 * packed: what gzip made of rotated files before they were read to their end.
 *
 * Idea: while the agent is away a log is rotated, compressed and removed; its bytes are still there. A compressed file is unpacked into a file of our own that
 * has no name, and read as the rotated one would have been. The content before the place where a stream stands tells that it goes on there.
 *
 * Which compressed files nobody has read is told by when they came (since the last look, or since the agent was there last) and by their size; where a stream
 * of the log has that size, by its content.
 *
 * Invariants:
 *   (1) What was compressed before the agent's first start is history and left alone.
 *   (2) Nothing is unpacked beyond spool.limit; what is larger, or damaged, is not taken, and counted.
 *   (3) A stream that goes on in an unpacked file keeps its id and its places.
 *
 * Source: RFC 1952.
 */
#include "agent_int.h"

#include "dogwatch/base/counter.h"
#include "dogwatch/base/error.h"
#include "dogwatch/base/log.h"
#include "dogwatch/base/mem.h"

#include <fcntl.h>
#include <zlib.h>

enum { PART = 64 * 1024, WINDOW_GZIP = 15 + 16, TRAILER = 4, HEAD = 4096, MAGIC = 0x1f, TELLING = 64 /* fewer bytes may stand in two files */ };

/* Why a look at compressed files does not know all. */
struct doubt {
    bool moved;   /* names moved on meanwhile */
    bool blocked; /* one could not be read now */
};

struct unpack {
    struct agent *agent;
    int from, to;
    uint64_t at, bytes; /* read so far, written so far */
    unsigned char *in, *out;
    z_stream z;
};

static int refill(struct unpack *u)
{
    size_t n;
    int rc = dw_fs_pread(u->agent->fs, u->from, u->in, PART, u->at, &n);
    if (rc < 0)
        return rc;
    u->at += n;
    u->z.next_in = u->in;
    u->z.avail_in = (uInt)n;
    return DW_OK;
}

/* One step of zlib, and what came out of it to our file. *ret_end: a member is over. */
static int step(struct unpack *u, bool *ret_end)
{
    u->z.next_out = u->out;
    u->z.avail_out = PART;
    int z = inflate(&u->z, Z_NO_FLUSH);
    size_t n = PART - u->z.avail_out;
    if (z != Z_OK && z != Z_STREAM_END && z != Z_BUF_ERROR)
        return z == Z_MEM_ERROR ? DW_ENOMEM : DW_ECORRUPT;
    *ret_end = z == Z_STREAM_END;
    u->bytes += n;
    uint64_t limit = (uint64_t)u->agent->opt->spool_limit;
    if (u->bytes > limit)
        return DW_ELIMIT;
    if (u->bytes + u->agent->unpacked > limit)
        return DW_EAGAIN; /* there is room again once the others are read */
    return dw_fs_write(u->agent->fs, u->to, u->out, n);
}

/* Members one after the other; what follows the last and is none is padding. */
static int inflate_all(struct unpack *u)
{
    bool end = false;
    int rc = DW_OK;
    while (rc == DW_OK) {
        if (u->z.avail_in == 0)
            rc = refill(u);
        if (rc == DW_OK && u->z.avail_in == 0)
            return end ? DW_OK : DW_ECORRUPT; /* the file is over */
        if (rc == DW_OK && end && u->z.next_in[0] != MAGIC)
            return DW_OK;
        if (rc == DW_OK && end && inflateReset(&u->z) != Z_OK)
            return DW_ECORRUPT;
        if (rc == DW_OK)
            rc = step(u, &end);
    }
    return rc;
}

static int inflate_file(struct agent *a, int from, int to)
{
    struct unpack u = {.agent = a, .from = from, .to = to, .in = dw_alloc(PART), .out = dw_alloc(PART)};
    int rc = u.in && u.out && inflateInit2(&u.z, WINDOW_GZIP) == Z_OK ? DW_OK : DW_ENOMEM;
    if (rc == DW_OK) {
        rc = inflate_all(&u);
        (void)inflateEnd(&u.z);
    }
    dw_free(u.in);
    dw_free(u.out);
    return rc;
}

static int open_packed(const struct agent *a, const struct sibling *s, struct doubt *d, int *ret_fd)
{
    int rc = folder_open(a, s, ret_fd, &d->moved);
    if (rc == DW_EACCES) { /* that does not pass */
        DW_COUNT(packed_refused);
        dw_warn("%s: cannot be unpacked: %s", s->path, dw_err_text(rc));
    }
    d->blocked |= rc < 0 && rc != DW_ENOENT && rc != DW_EACCES;
    return rc;
}

/* The content of a compressed file, in one of ours without a name. */
static int unpack(struct agent *a, const struct sibling *s, struct doubt *d, int *ret_fd)
{
    char mine[AGENT_PATH_MAX];
    int from, to = -1;
    int rc = open_packed(a, s, d, &from);
    if (rc < 0)
        return rc;
    rc = dw_path_join(mine, sizeof mine, a->agent_dir, "unpacked");
    if (rc == DW_OK)
        rc = dw_fs_open(a->fs, mine, O_RDWR | O_CREAT | O_TRUNC | O_NOFOLLOW, 0600, &to);
    if (rc == DW_OK)
        rc = dw_fs_unlink(a->fs, mine);
    if (rc == DW_OK)
        rc = inflate_file(a, from, to);
    dw_fs_close(from);
    if (rc == DW_OK) {
        *ret_fd = to;
        return DW_OK;
    }
    dw_fs_close(to);
    if (rc != DW_ECORRUPT && rc != DW_ELIMIT) {
        d->blocked = true; /* no room, no memory: it passes, and then it is looked at again */
        return rc;
    }
    DW_COUNT(packed_refused);
    dw_warn("%s: cannot be unpacked: %s", s->path, dw_err_text(rc));
    return rc;
}

/* Its length unpacked, modulo 2^32, as its last bytes say. */
static bool size_of(const struct agent *a, const struct sibling *s, struct doubt *d, uint32_t *ret)
{
    unsigned char end[TRAILER];
    size_t n = 0;
    int fd;
    if (s->st.size_bytes < TRAILER || open_packed(a, s, d, &fd) < 0)
        return false;
    int rc = dw_fs_pread(a->fs, fd, end, TRAILER, s->st.size_bytes - TRAILER, &n);
    dw_fs_close(fd);
    d->blocked |= rc < 0;
    *ret = (uint32_t)end[0] | (uint32_t)end[1] << 8 | (uint32_t)end[2] << 16 | (uint32_t)end[3] << 24;
    return rc == DW_OK && n == TRAILER;
}

/* Of a stream that nothing was read of it cannot be told. */
static bool may_hold(const struct agent *a, const struct sibling *s, const struct checkpoint_row *row, struct doubt *d)
{
    uint32_t size;
    return row->print.len && size_of(a, s, d, &size) && (row->low > UINT32_MAX || size >= row->low);
}

/* When a file came: rotation renames it later, and gzip gives it the time of what it packed. */
static int64_t came_ns(const struct dw_stat *st)
{
    return st->birth_ns ? st->birth_ns : st->mtime_ns;
}

static bool find_once(struct agent *a, const char *path, const struct checkpoint_row *row, int *ret_fd, struct dw_stat *ret_st, bool *ret_sure)
{
    struct siblings s;
    struct doubt d = {.moved = false};
    bool found = false;
    folder_packed(a, path, &s);
    for (uint32_t i = 0; i < s.count && !found; i++) {
        int fd;
        struct dw_stat content;
        bool set_back = row->stream.birth_ns > dw_clock_real(a->clock); /* then times tell nothing */
        bool older = !set_back && came_ns(&s.item[i].st) < row->stream.birth_ns - AGENT_CLOCKS_APART_NS;
        if (older || tails_find(a, &s.item[i].st) || !may_hold(a, &s.item[i], row, &d) || unpack(a, &s.item[i], &d, &fd) < 0)
            continue;
        found = print_holds(a, fd, row, &content, &d.blocked);
        if (found) {
            *ret_fd = fd;
            *ret_st = s.item[i].st;
        } else {
            dw_fs_close(fd);
        }
    }
    *ret_sure = s.sure && !d.moved && !d.blocked;
    siblings_fini(&s);
    return found;
}

bool packed_find(struct agent *a, const char *path, const struct checkpoint_row *row, int *ret_fd, struct dw_stat *ret_st, bool *ret_sure)
{
    bool found = false;
    *ret_sure = false;
    for (int i = 0; i < AGENT_LOOKS && !found && !*ret_sure; i++)
        found = find_once(a, path, row, ret_fd, ret_st, ret_sure);
    return found;
}

bool packed_resume(struct agent *a, struct known *k, bool *ret_sure)
{
    int fd;
    struct dw_stat st;
    if (!packed_find(a, k->row.path, &k->row, &fd, &st, ret_sure))
        return false;
    struct found *f = rows_log(a, k);
    *ret_sure = false; /* it is there */
    if (!f) {
        dw_fs_close(fd);
        return false;
    }
    bool taken = tails_add_rotated(a, f, k->row.path, fd, &st, k, true) != NULL;
    DW_COUNT_IF(taken, packed_taken);
    return taken;
}

/* ---- files that nobody has read ---- */

/* The first bytes of what is compressed; how many there are. 0: there are none, or they are in doubt. */
static size_t head_of(struct agent *a, const struct sibling *s, struct doubt *d, unsigned char out[HEAD])
{
    unsigned char in[HEAD];
    size_t n = 0;
    z_stream z = {.next_in = in, .next_out = out, .avail_out = HEAD};
    int fd;
    if (open_packed(a, s, d, &fd) < 0)
        return 0;
    int rc = dw_fs_pread(a->fs, fd, in, sizeof in, 0, &n);
    if (rc == DW_OK)
        rc = inflateInit2(&z, WINDOW_GZIP) == Z_OK ? DW_OK : DW_ENOMEM;
    d->blocked |= rc < 0;
    if (rc == DW_OK) {
        z.avail_in = (uInt)n;
        (void)inflate(&z, Z_SYNC_FLUSH);
        (void)inflateEnd(&z);
    }
    dw_fs_close(fd);
    return HEAD - z.avail_out;
}

/* The beginning of a packed file, unpacked once. */
struct head {
    const struct sibling *of;
    unsigned char bytes[HEAD];
    size_t len;
};

static bool has_head(struct agent *a, int fd, struct head *h, struct doubt *d)
{
    unsigned char other[HEAD];
    size_t n = 0;
    if (h->len == 0)
        h->len = head_of(a, h->of, d, h->bytes);
    if (h->len && dw_fs_pread(a->fs, fd, other, h->len, 0, &n) < 0)
        d->blocked = true;
    if (d->moved || d->blocked)
        return true; /* who knows: later */
    return h->len && n == h->len && memcmp(h->bytes, other, n) == 0;
}

/* Whether an open file has what a packed one has: the same beginning, and it is as long at least, for its writer may have gone on after it was packed. */
static bool has_packed(struct agent *a, int fd, struct head *head, uint32_t size, struct doubt *d)
{
    struct dw_stat st;
    return dw_fs_fstat(fd, &st) == DW_OK && st.size_bytes >= size && has_head(a, fd, head, d);
}

static bool is_open(struct agent *a, const struct found *f, const struct sibling *s, uint32_t size, struct doubt *d)
{
    struct head head = {.of = s};
    struct dw_stat st;
    bool gone = a->newest_fd >= 0 && dw_fs_fstat(a->newest_fd, &st) == DW_OK && st.links == 0; /* packed since it was opened */
    if (gone && has_packed(a, a->newest_fd, &head, size, d))
        return true;
    for (const struct tail *t = f->tail; t; t = t->sibling)
        if (t->state != TAIL_ENDED && has_packed(a, t->fd, &head, size, d))
            return true;
    return false;
}

/* The stream of the log that no tail reads and that has this content, one that has all of it before others; NULL: none. Its file may have grown after it was over,
 * and before it was packed. */
static struct known *find_read(const struct agent *a, const struct found *f, int fd, struct doubt *d, bool *ret_all)
{
    struct dw_stat st;
    struct known *found = NULL;
    *ret_all = false;
    for (struct dw_node *n = dw_table_find(&a->known_by_series, hash_of_series(f->series)); n && !*ret_all; n = dw_table_next(n)) {
        struct known *k = DW_ITEM(n, struct known, by_series);
        const struct checkpoint_row *r = &k->row;
        if (memcmp(r->stream.series, f->series, DW_ID_BYTES) != 0 || !r->print.len || !print_holds(a, fd, r, &st, &d->blocked))
            continue;
        *ret_all = r->low == st.size_bytes;
        found = *ret_all || stream_goes_on(r->end) || r->print.len >= TELLING ? k : found;
    }
    return found;
}

static void take_unread(struct agent *a, struct found *f, const struct sibling *one, struct doubt *d)
{
    uint32_t size;
    int fd;
    if (rows_met(a, f->series, &one->st) || tails_anothers(a, f, one->path, &one->st) || tails_find(a, &one->st) || !size_of(a, one, d, &size) || is_open(a, f, one, size, d))
        return;
    if (copy_cut_unseen(a, f)) {
        d->moved = true;
        return;
    }
    if (unpack(a, one, d, &fd) < 0)
        return;
    bool all;
    struct known *k = find_read(a, f, fd, d, &all);
    d->blocked |= k && stream_goes_on(k->row.end) && !k->gone_ns; /* its own file is there: it goes on in that, or this is a copy (copy.c) */
    if (all || d->blocked) {
        dw_fs_close(fd);
        return;
    }
    bool copied = k && k->row.end == STREAM_CUT_OFF; /* the copy that could not be told when its file was truncated */
    struct tail *t = tails_add_rotated(a, f, one->path, fd, &one->st, k, true);
    DW_COUNT_IF(t, packed_taken);
    d->blocked |= !t;
    if (t)
        t->copied |= copied;
}

/* Whether a look at what came since then takes a compressed file for one that nobody may have seen. 0: none. */
static bool is_recent(const struct agent *a, const struct sibling *s, int64_t since_ns)
{
    return stamp_new(a, came_ns(&s->st), since_ns);
}

bool packed_recent(struct agent *a, const char *path, int64_t since_ns, bool *ret_sure)
{
    struct siblings s;
    bool recent = false;
    folder_packed(a, path, &s);
    for (uint32_t i = 0; i < s.count; i++)
        recent |= is_recent(a, &s.item[i], since_ns);
    *ret_sure = s.sure;
    siblings_fini(&s);
    return recent;
}

bool packed_take(struct agent *a, struct found *f, int64_t since_ns, bool *ret_blocked)
{
    struct siblings s;
    bool moved = false;
    if (since_ns <= 0)
        return true;
    folder_packed(a, f->path, &s);
    for (uint32_t i = 0; i < s.count; i++) {
        struct doubt d = {.moved = false};
        if (is_recent(a, &s.item[i], since_ns))
            take_unread(a, f, &s.item[i], &d);
        moved |= d.moved;
        *ret_blocked |= d.blocked;
    }
    bool sure = s.sure && !moved;
    siblings_fini(&s);
    return sure;
}
