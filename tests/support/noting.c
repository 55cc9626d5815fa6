/*
 * noting: the system's file calls, written down.
 */
#include "noting.h"

#include <fcntl.h>

static int n_open(const struct dw_fs *fs, const char *path, int flags, mode_t mode, int *ret_fd)
{
    struct noting_fs *n = (struct noting_fs *)(uintptr_t)fs;
    int rc = dw_fs_system.ops->open(fs, path, flags, mode, ret_fd);
    if (rc == DW_OK && flags & O_DIRECTORY)
        n->dir_fd = *ret_fd;
    if (rc == DW_OK && flags & O_CREAT)
        dw_buf_printf(&n->log, "%s ", strrchr(path, '/') + 1);
    return rc;
}

static int n_pread(const struct dw_fs *fs, int fd, void *out, size_t len, uint64_t offset, size_t *ret_len)
{
    return dw_fs_system.ops->pread(fs, fd, out, len, offset, ret_len);
}

static int n_write(const struct dw_fs *fs, int fd, const void *bytes, size_t len, size_t *ret_len)
{
    return dw_fs_system.ops->write(fs, fd, bytes, len, ret_len);
}

static int n_sync(const struct dw_fs *fs, int fd)
{
    struct noting_fs *n = (struct noting_fs *)(uintptr_t)fs;
    dw_buf_printf(&n->log, "%s ", fd == n->dir_fd ? "sync-dir" : "sync");
    n->dir_fd = -1;
    return dw_fs_system.ops->sync(fs, fd);
}

static int n_truncate(const struct dw_fs *fs, int fd, uint64_t size)
{
    return dw_fs_system.ops->truncate(fs, fd, size);
}

static int n_rename(const struct dw_fs *fs, const char *from, const char *to)
{
    struct noting_fs *n = (struct noting_fs *)(uintptr_t)fs;
    dw_buf_printf(&n->log, "rename ");
    return dw_fs_system.ops->rename(fs, from, to);
}

static int n_unlink(const struct dw_fs *fs, const char *path)
{
    struct noting_fs *n = (struct noting_fs *)(uintptr_t)fs;
    int rc = dw_fs_system.ops->unlink(fs, path);
    if (rc == DW_OK)
        dw_buf_printf(&n->log, "unlink ");
    return rc;
}

static int n_mkdir(const struct dw_fs *fs, const char *path, mode_t mode)
{
    return dw_fs_system.ops->mkdir(fs, path, mode);
}

static const struct dw_fs_ops noting_ops = {.open = n_open, .pread = n_pread, .write = n_write, .sync = n_sync,
    .truncate = n_truncate, .rename = n_rename, .unlink = n_unlink, .mkdir = n_mkdir};

void noting_fs_init(struct noting_fs *n)
{
    *n = (struct noting_fs){.fs = {.ops = &noting_ops}, .dir_fd = -1};
}
