/*
 * support: doubles and helpers that every test may use.
 */
#include "support.h"

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static unsigned mem_nth, mem_calls, mem_hits;

static bool mem_fails(void)
{
    if (mem_nth == 0 || ++mem_calls != mem_nth)
        return false;
    mem_hits++;
    return true;
}

static void *mem_alloc(size_t size)
{
    return mem_fails() ? NULL : malloc(size);
}

static void *mem_resize(void *ptr, size_t size)
{
    return mem_fails() ? NULL : realloc(ptr, size);
}

static const struct dw_mem_ops failing_ops = {.alloc = mem_alloc, .resize = mem_resize, .release = free};

void mem_fail_at(unsigned nth)
{
    mem_nth = nth;
    mem_calls = 0;
    if (nth)
        mem_hits = 0;
    dw_mem_set_ops(nth ? &failing_ops : NULL);
}

unsigned mem_fail_hits(void)
{
    return mem_hits;
}

static bool fs_fails(const struct dw_fs *fs)
{
    struct faulty_fs *f = (struct faulty_fs *)(uintptr_t)fs;
    f->calls++;
    if (f->fail_at == 0 || f->calls < f->fail_at || (!f->sticky && f->calls > f->fail_at))
        return false;
    f->hits++;
    return true;
}

static int fault_code(const struct dw_fs *fs)
{
    return ((const struct faulty_fs *)fs)->model == FAULT_ENOSPC ? DW_ENOSPC : DW_EIO;
}

static int f_open(const struct dw_fs *fs, const char *path, int flags, mode_t mode, int *ret_fd)
{
    return fs_fails(fs) ? fault_code(fs) : dw_fs_system.ops->open(fs, path, flags, mode, ret_fd);
}

static int f_pread(const struct dw_fs *fs, int fd, void *out, size_t len, uint64_t offset, size_t *ret_len)
{
    return fs_fails(fs) ? fault_code(fs) : dw_fs_system.ops->pread(fs, fd, out, len, offset, ret_len);
}

static int f_read(const struct dw_fs *fs, int fd, void *out, size_t len, size_t *ret_len)
{
    return fs_fails(fs) ? fault_code(fs) : dw_fs_system.ops->read(fs, fd, out, len, ret_len);
}

static int f_write(const struct dw_fs *fs, int fd, const void *bytes, size_t len, size_t *ret_len)
{
    if (!fs_fails(fs))
        return dw_fs_system.ops->write(fs, fd, bytes, len, ret_len);
    if (((const struct faulty_fs *)fs)->model == FAULT_TORN) {
        int rc = dw_fs_system.ops->write(fs, fd, bytes, len / 2, ret_len);
        (void)rc;
    }
    return fault_code(fs);
}

static int f_sync(const struct dw_fs *fs, int fd)
{
    return fs_fails(fs) ? fault_code(fs) : dw_fs_system.ops->sync(fs, fd);
}

static int f_truncate(const struct dw_fs *fs, int fd, uint64_t size)
{
    return fs_fails(fs) ? fault_code(fs) : dw_fs_system.ops->truncate(fs, fd, size);
}

static int f_rename(const struct dw_fs *fs, const char *from, const char *to)
{
    return fs_fails(fs) ? fault_code(fs) : dw_fs_system.ops->rename(fs, from, to);
}

static int f_unlink(const struct dw_fs *fs, const char *path)
{
    return fs_fails(fs) ? fault_code(fs) : dw_fs_system.ops->unlink(fs, path);
}

static int f_mkdir(const struct dw_fs *fs, const char *path, mode_t mode)
{
    return fs_fails(fs) ? fault_code(fs) : dw_fs_system.ops->mkdir(fs, path, mode);
}

static const struct dw_fs_ops faulty_ops = {
    .open = f_open,
    .pread = f_pread,
    .read = f_read,
    .write = f_write,
    .sync = f_sync,
    .truncate = f_truncate,
    .rename = f_rename,
    .unlink = f_unlink,
    .mkdir = f_mkdir,
};

void faulty_fs_init(struct faulty_fs *f, int fail_at, enum fault_model model)
{
    *f = (struct faulty_fs){.fs = {.ops = &faulty_ops}, .fail_at = fail_at, .model = model};
}

const char *temp_dir(void)
{
    static char path[512];
    const char *base = getenv("TMPDIR");
    (void)snprintf(path, sizeof path, "%s/dogwatch-test-XXXXXX", base ? base : "/tmp");
    if (!mkdtemp(path))
        fail_msg("cannot make %s", path);
    return path;
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    (void)st;
    (void)type;
    (void)ftw;
    return remove(path);
}

void temp_dir_remove(const char *path)
{
    (void)nftw(path, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

void assert_str(struct dw_str got, const char *want)
{
    if (!dw_str_eq(got, dw_str_of(want)))
        fail_msg("got \"%.*s\", want \"%s\"", DW_ARG(got), want);
}
