/*
 * recover: what a start may find beside the manifest, and what it may do about it.
 *
 * Idea: a crash leaves few things: one half of a seal, an empty open segment, a tail that was not synced. Whatever else
 * is there was put there, or taken away, by somebody; then nothing is touched and a person is told.
 *
 * Invariants:
 *   (1) Nothing here overwrites or removes a file.
 *   (2) What is cut from a segment stands in rejected/, synced, before it is cut.
 */
#include "segment_int.h"

#include "dogwatch/base/error.h"
#include "dogwatch/base/log.h"
#include "dogwatch/base/mem.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>

enum { NAMES_MAX = 10000000, STEP = 1024 * 1024, COPIES_MAX = 1000 };

struct segment_name {
    uint64_t number;
    bool is_open; /* else sealed, or on its way to be */
};

static bool read_name(const char *name, struct segment_name *ret)
{
    struct dw_str rest = dw_str_of(name), stem = dw_str_cut(&rest, '.');
    struct dw_str prefix = DW_STR("seg-");
    if (!rest.ptr || stem.len <= prefix.len || !dw_str_eq(dw_str_slice(stem, 0, prefix.len), prefix)
        || !dw_str_u64(dw_str_slice(stem, prefix.len, stem.len), &ret->number))
        return false;
    ret->is_open = dw_str_eq(rest, DW_STR("open"));
    return ret->is_open || dw_str_eq(rest, DW_STR("zst"));
}

static bool is_empty(const char *dir, const char *name)
{
    char path[DW__PATH_MAX];
    struct dw_stat st;
    return dw_path_join(path, sizeof path, dir, name) == DW_OK && dw_fs_stat(path, &st) == DW_OK && st.size_bytes == 0;
}

/* The manifest knows segments up to `newest`. A crash may leave the next one, empty. */
static int look_for_unknown(const char *dir, uint64_t newest, bool has_any, char why[DW__DOUBT_MAX])
{
    struct dw_buf names = {0};
    int rc = dw_fs_list(dir, NAMES_MAX, &names);
    for (const char *e = names.ptr; rc == DW_OK && e && e < names.ptr + names.len; e += strlen(e) + 1) {
        struct segment_name s;
        if (!read_name(e, &s) || s.number <= newest || (s.is_open && s.number == newest + 1 && is_empty(dir, e)))
            continue;
        rc = DW_ECORRUPT;
        if (has_any)
            (void)snprintf(why, DW__DOUBT_MAX, "MANIFEST knows no segment after %" PRIu64 ", but %s is here: it is older than the "
                "archive. Put the newest MANIFEST back", newest, e);
        else
            (void)snprintf(why, DW__DOUBT_MAX, "MANIFEST is missing or names nothing, but %s is here. Put MANIFEST back from a "
                "copy, or move this folder away to begin a new archive", e);
    }
    dw_buf_fini(&names);
    return rc;
}

int dw__manifest_doubt(const char *dir, const struct dw__manifest *m, char why[DW__DOUBT_MAX])
{
    char open[DW__PATH_MAX], sealed[DW__PATH_MAX];
    struct dw_stat st;
    int rc = look_for_unknown(dir, m->has_open ? m->open : 0, m->has_open, why);
    if (rc < 0 || !m->has_open)
        return rc;
    rc = dw__segment_path(open, dir, m->open, ".open");
    if (rc == DW_OK)
        rc = dw__segment_path(sealed, dir, m->open, ".zst");
    if (rc < 0 || dw_fs_stat(open, &st) != DW_ENOENT)
        return rc;
    const char *name = strrchr(open, '/') + 1;
    if (dw_fs_stat(sealed, &st) == DW_OK)
        (void)snprintf(why, DW__DOUBT_MAX, "MANIFEST says that %s is the open segment, but it was sealed: it is older than the archive. "
            "Put the newest MANIFEST back", name);
    else
        (void)snprintf(why, DW__DOUBT_MAX, "%s: deleted: the manifest says it is the open segment. Put it back from a copy, or move "
            "this folder away to begin a new archive", name);
    return DW_ECORRUPT;
}

/* A name that nothing has yet. */
static int make_aside(const struct dw_fs *fs, const char *dir, uint64_t number, uint64_t from, char path[DW__PATH_MAX], int *ret_fd)
{
    int rc = DW_EEXIST;
    for (int i = 0; i < COPIES_MAX && rc == DW_EEXIST; i++) {
        int n = snprintf(path, DW__PATH_MAX, "%s/seg-%08" PRIu64 "-%" PRIu64 "-%d", dir, number, from, i);
        rc = n < 0 || n >= DW__PATH_MAX ? DW_ELIMIT : dw_fs_open(fs, path, O_WRONLY | O_CREAT | O_EXCL, 0640, ret_fd);
    }
    return rc;
}

static int copy(const struct dw_fs *fs, int from_fd, uint64_t from, uint64_t to, int to_fd)
{
    char *bytes = dw_alloc(STEP);
    int rc = bytes ? DW_OK : DW_ENOMEM;
    while (rc == DW_OK && from < to) {
        size_t n = 0, want = to - from < STEP ? (size_t)(to - from) : STEP;
        rc = dw_fs_pread(fs, from_fd, bytes, want, from, &n);
        if (rc == DW_OK)
            rc = n == want ? dw_fs_write(fs, to_fd, bytes, n) : DW_EIO;
        from += n;
    }
    dw_free(bytes);
    return rc == DW_OK ? dw_fs_sync(fs, to_fd) : rc;
}

int dw__set_aside(const struct dw_fs *fs, const char *dir, int fd, uint64_t number, uint64_t from, uint64_t to)
{
    char rejected[DW__PATH_MAX], path[DW__PATH_MAX];
    int to_fd = -1;
    int rc = dw_path_join(rejected, sizeof rejected, dir, "rejected");
    if (rc == DW_OK)
        rc = dw_fs_mkdirs(fs, rejected, 0750);
    if (rc == DW_OK)
        rc = make_aside(fs, rejected, number, from, path, &to_fd);
    if (rc < 0)
        return rc;
    rc = copy(fs, fd, from, to, to_fd);
    dw_fs_close(to_fd);
    if (rc == DW_OK)
        rc = dw_fs_sync_dir(fs, rejected);
    if (rc == DW_OK)
        rc = dw_fs_sync_dir(fs, dir);
    if (rc == DW_OK)
        dw_warn("%s: the last %" PRIu64 " bytes of segment %" PRIu64 " are no whole valid frame, as a crash leaves them: cut, and kept in %s",
            dir, to - from, number, path);
    return rc;
}

int dw__is_leftover(const struct dw_fs *fs, const char *path, struct dw_keys *keys, uint64_t last)
{
    struct dw_archive_reader *r;
    int rc = dw_archive_reader_open_file(fs, path, keys, &r);
    if (rc < 0)
        return rc;
    rc = dw__reader_newest(r) <= last ? DW_OK : DW_EEXIST;
    dw_archive_reader_close(r);
    return rc;
}

int dw__hash_file(const struct dw_fs *fs, int fd, uint8_t ret[DW_SHA256_BYTES], uint64_t *ret_len)
{
    char *bytes = dw_alloc(STEP);
    struct dw_sha256 *sha = dw_sha256_new();
    uint64_t at = 0;
    int rc = bytes ? DW_OK : DW_ENOMEM;
    for (size_t n = 1; rc == DW_OK && n; at += n) {
        n = 0;
        rc = dw_fs_pread(fs, fd, bytes, STEP, at, &n);
        if (rc == DW_OK)
            dw_sha256_add(sha, bytes, n);
    }
    dw_sha256_end(sha, ret);
    *ret_len = at;
    dw_sha256_free(sha);
    dw_free(bytes);
    return rc;
}
