/*
 * query_sorter: an external merge sort.
 *
 *     records in memory --full--> sorted, written as a run --RUNS_MAX runs--> merged into one in a new file
 *     file: run | run | run ...          run: records          record: key length u32, value length u32, key, value
 *
 * Invariants:
 *   (1) Runs stand in the order in which their records came, memory being the last, and a merge takes of equal keys the one of
 *       the earliest run: so the whole is stable.
 *   (2) The file's name is gone before a byte is written: nothing stays behind, whatever happens.
 *   (3) At most RUNS_MAX readers, so merging needs RUNS_MAX * READ_BYTES besides the longest records.
 */
#include "query_sorter.h"

#include "dogwatch/base/error.h"
#include "dogwatch/base/mem.h"
#include "dogwatch/base/rng.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>

enum { RUNS_MAX = 32, READ_BYTES = 16 * 1024, WRITE_BYTES = 64 * 1024, HEAD = 8, PATH_CAP = 4096 };

struct sorter_entry {
    struct dw_str key, value;
    uint32_t order;
};

/* A run, and its reader once merging has begun. */
struct sorter_run {
    uint64_t at, end; /* what is still to be read of the file */
    struct dw_buf buf;
    size_t used; /* bytes of buf that are given */
    bool has;    /* key and value are the run's next record */
    struct dw_str key, value;
};

void sorter_init(struct sorter *s, const struct query_context *cx, size_t bytes_max)
{
    *s = (struct sorter){.cx = cx, .bytes_max = bytes_max, .fd = -1};
    dw_arena_init(&s->arena, bytes_max);
}

static void drop_runs(struct sorter_run *run, uint32_t count)
{
    for (uint32_t i = 0; run && i < count; i++)
        dw_buf_fini(&run[i].buf);
    dw_free(run);
}

void sorter_fini(struct sorter *s)
{
    if (!s->cx)
        return; /* never begun */
    dw_arena_fini(&s->arena);
    dw_free(s->entry);
    drop_runs(s->run, s->run_count);
    dw_buf_fini(&s->given);
    dw_fs_close(s->fd);
    *s = (struct sorter){.fd = -1};
}

size_t sorter_bytes(const struct sorter *s)
{
    return s->arena.total + s->cap * sizeof *s->entry;
}

static int compare(const void *x, const void *y)
{
    const struct sorter_entry *a = x, *b = y;
    int c = dw_str_cmp(a->key, b->key);
    return c ? c : a->order < b->order ? -1 : a->order > b->order;
}

static int open_temporary(const struct sorter *s, int *ret_fd)
{
    char path[PATH_CAP], name[48];
    uint64_t chance;
    int rc = dw_rng_bytes((uint8_t *)&chance, sizeof chance);
    (void)snprintf(name, sizeof name, "dogwatch-query-%016llx", (unsigned long long)chance);
    if (rc == DW_OK)
        rc = dw_path_join(path, sizeof path, s->cx->tmp_dir, name);
    if (rc == DW_OK)
        rc = dw_fs_open(s->cx->fs, path, O_RDWR | O_CREAT | O_EXCL, 0600, ret_fd);
    if (rc == DW_OK && (rc = dw_fs_unlink(s->cx->fs, path)) < 0)
        dw_fs_close(*ret_fd);
    return rc;
}

/* Appends a record; writes when there is enough. `end`: writes what there is. */
static int put_record(const struct sorter *s, int fd, struct dw_buf *out, struct dw_str key, struct dw_str value)
{
    dw_buf_u32(out, (uint32_t)key.len);
    dw_buf_u32(out, (uint32_t)value.len);
    dw_buf_str(out, key);
    dw_buf_str(out, value);
    if (out->err || out->len < WRITE_BYTES)
        return out->err;
    int rc = dw_fs_write(s->cx->fs, fd, out->ptr, out->len);
    dw_buf_reset(out);
    return rc;
}

static int put_rest(const struct sorter *s, int fd, struct dw_buf *out)
{
    int rc = out->err ? out->err : out->len ? dw_fs_write(s->cx->fs, fd, out->ptr, out->len) : DW_OK;
    dw_buf_fini(out);
    return rc;
}

/* Makes sure that a run's buffer holds `need` bytes from `used` on, if the run has as many. */
static int fill(const struct sorter *s, struct sorter_run *r, size_t need)
{
    size_t have = r->buf.len - r->used, got = 0;
    if (have >= need || r->at == r->end)
        return DW_OK;
    if (have)
        memmove(r->buf.ptr, r->buf.ptr + r->used, have);
    r->buf.len = have;
    r->used = 0;
    size_t want = need - have > READ_BYTES ? need - have : READ_BYTES;
    if (want > r->end - r->at)
        want = r->end - r->at;
    char *to = dw_buf_reserve(&r->buf, want);
    if (!to)
        return DW_ENOMEM;
    int rc = dw_fs_pread(s->cx->fs, s->fd, to, want, r->at, &got);
    if (rc < 0 || got != want)
        return rc < 0 ? rc : DW_EIO;
    r->buf.len += want;
    r->at += want;
    return DW_OK;
}

/* Reads a run's next record. */
static int advance(const struct sorter *s, struct sorter_run *r)
{
    r->has = false;
    int rc = fill(s, r, HEAD);
    if (rc < 0 || r->buf.len == r->used)
        return rc;
    struct dw_cursor c = dw_cursor_of(dw_str_slice(dw_buf_view(&r->buf), r->used, r->buf.len));
    size_t key = dw_take_u32(&c), value = dw_take_u32(&c);
    rc = fill(s, r, HEAD + key + value);
    if (rc < 0)
        return rc;
    DW_ASSERT(r->buf.len - r->used >= HEAD + key + value);
    r->key = dw_str_make(r->buf.ptr + r->used + HEAD, key);
    r->value = dw_str_make(r->key.ptr + key, value);
    r->used += HEAD + key + value;
    r->has = true;
    return DW_OK;
}

static struct sorter_run *least(const struct sorter *s)
{
    struct sorter_run *best = NULL;
    for (uint32_t i = 0; i < s->run_count; i++)
        if (s->run[i].has && (!best || dw_str_cmp(s->run[i].key, best->key) < 0))
            best = &s->run[i];
    return best;
}

/* All runs of the file as one, in a new file. */
static int merge_runs(struct sorter *s)
{
    struct dw_buf out = {0};
    struct sorter_run *best = NULL;
    int fd = -1, rc = open_temporary(s, &fd);
    uint64_t size = 0;
    for (uint32_t i = 0; i < s->run_count && rc == DW_OK; i++)
        rc = advance(s, &s->run[i]);
    while (rc == DW_OK && (best = least(s))) {
        size += HEAD + best->key.len + best->value.len;
        rc = put_record(s, fd, &out, best->key, best->value);
        if (rc == DW_OK)
            rc = advance(s, best);
    }
    int last = put_rest(s, fd, &out);
    if (rc < 0 || last < 0) {
        dw_fs_close(fd);
        return rc < 0 ? rc : last;
    }
    dw_fs_close(s->fd);
    s->fd = fd;
    for (uint32_t i = 0; i < s->run_count; i++)
        dw_buf_fini(&s->run[i].buf);
    memset(s->run, 0, RUNS_MAX * sizeof *s->run);
    s->run_count = 1;
    s->run[0].end = s->file_end = size;
    return DW_OK;
}

/* Writes what is in memory as a run. */
static int spill(struct sorter *s)
{
    struct dw_buf out = {0};
    int rc = s->broken ? s->broken : s->fd < 0 ? open_temporary(s, &s->fd) : DW_OK;
    if (rc == DW_OK && !s->run && !(s->run = dw_calloc(RUNS_MAX, sizeof *s->run)))
        rc = DW_ENOMEM;
    if (rc == DW_OK && s->run_count == RUNS_MAX)
        rc = s->broken = merge_runs(s);
    if (rc < 0)
        return rc;
    uint64_t size = 0;
    qsort(s->entry, s->count, sizeof *s->entry, compare);
    for (uint32_t i = 0; i < s->count && rc == DW_OK; i++) {
        size += HEAD + s->entry[i].key.len + s->entry[i].value.len;
        rc = put_record(s, s->fd, &out, s->entry[i].key, s->entry[i].value);
    }
    int last = put_rest(s, s->fd, &out);
    if (rc < 0 || last < 0)
        return s->broken = rc < 0 ? rc : last;
    s->run[s->run_count++] = (struct sorter_run){.at = s->file_end, .end = s->file_end + size};
    s->runs_spilled++;
    s->file_end += size;
    dw_arena_fini(&s->arena); /* not reset: its newest piece may be all that is allowed */
    dw_free(s->entry);
    s->entry = NULL;
    s->count = s->cap = 0;
    return DW_OK;
}

static int append(struct sorter *s, struct dw_str key, struct dw_str value)
{
    if (s->count == s->cap) {
        uint32_t cap = s->cap ? s->cap * 2 : 64;
        if (s->cap >= UINT32_MAX / 2 || s->arena.total + cap * sizeof *s->entry > s->bytes_max)
            return DW_ENOMEM;
        struct sorter_entry *entry = dw_resize(s->entry, cap * sizeof *entry);
        if (!entry)
            return DW_ENOMEM;
        s->entry = entry;
        s->cap = cap;
    }
    char *bytes = sorter_bytes(s) < s->bytes_max ? dw_arena_alloc(&s->arena, key.len + value.len) : NULL;
    if (!bytes)
        return DW_ENOMEM;
    memcpy(bytes, key.ptr, key.len);
    if (value.len)
        memcpy(bytes + key.len, value.ptr, value.len);
    s->entry[s->count] = (struct sorter_entry){
        .key = dw_str_make(bytes, key.len), .value = dw_str_make(bytes + key.len, value.len), .order = s->count};
    s->count++;
    return DW_OK;
}

int sorter_add(struct sorter *s, struct dw_str key, struct dw_str value)
{
    DW_ASSERT(key.len > 0 && key.len < UINT32_MAX && value.len < UINT32_MAX);
    int rc = append(s, key, value);
    if (rc == DW_OK || s->count == 0)
        return rc;
    rc = spill(s);
    return rc < 0 ? rc : append(s, key, value);
}

int sorter_end(struct sorter *s)
{
    int rc = DW_OK;
    if (s->count)
        qsort(s->entry, s->count, sizeof *s->entry, compare);
    for (uint32_t i = 0; i < s->run_count && rc == DW_OK; i++)
        rc = advance(s, &s->run[i]);
    return rc;
}

int sorter_next(struct sorter *s, struct dw_str *ret_key, struct dw_str *ret_value)
{
    struct sorter_run *best = s->run_count ? least(s) : NULL;
    if (s->at < s->count && (!best || dw_str_cmp(s->entry[s->at].key, best->key) < 0)) {
        *ret_key = s->entry[s->at].key;
        *ret_value = s->entry[s->at++].value;
        return DW_OK;
    }
    if (!best)
        return DW_EAGAIN;
    dw_buf_reset(&s->given); /* a copy: reading on moves the run's buffer */
    dw_buf_str(&s->given, best->key);
    dw_buf_str(&s->given, best->value);
    size_t key = best->key.len, value = best->value.len;
    int rc = s->given.err ? s->given.err : advance(s, best);
    if (rc < 0)
        return rc;
    *ret_key = dw_str_make(s->given.ptr, key);
    *ret_value = dw_str_make(s->given.ptr + key, value);
    return DW_OK;
}
