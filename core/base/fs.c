/*
 * fs: the system's file calls behind one struct of functions.
 *
 * Invariants:
 *   (1) No other file calls open, write, rename, unlink or fsync (the tidy test reads the tree).
 *   (2) dw_fs_write and dw_fs_pread loop until done, so callers never see a short count but at the end of a file.
 *   (3) dw_fs_write_file leaves either the old or the new content, whatever fails.
 */
#include "dogwatch/base/fs.h"

#include "dogwatch/base/error.h"
#include "dogwatch/base/mem.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

static int sys_open(const struct dw_fs *fs, const char *path, int flags, mode_t mode, int *ret_fd)
{
    (void)fs;
    int fd;
    do
        fd = open(path, flags | O_CLOEXEC, mode);
    while (fd < 0 && errno == EINTR);
    if (fd < 0)
        return dw_err_from_errno(errno);
    *ret_fd = fd;
    return DW_OK;
}

static int sys_pread(const struct dw_fs *fs, int fd, void *out, size_t len, uint64_t offset, size_t *ret_len)
{
    (void)fs;
    ssize_t n;
    do
        n = pread(fd, out, len, (off_t)offset);
    while (n < 0 && errno == EINTR);
    if (n < 0)
        return dw_err_from_errno(errno);
    *ret_len = (size_t)n;
    return DW_OK;
}

static int sys_read(const struct dw_fs *fs, int fd, void *out, size_t len, size_t *ret_len)
{
    (void)fs;
    ssize_t n;
    do
        n = read(fd, out, len);
    while (n < 0 && errno == EINTR);
    if (n < 0)
        return dw_err_from_errno(errno);
    *ret_len = (size_t)n;
    return DW_OK;
}

static int sys_write(const struct dw_fs *fs, int fd, const void *bytes, size_t len, size_t *ret_len)
{
    (void)fs;
    ssize_t n;
    do
        n = write(fd, bytes, len);
    while (n < 0 && errno == EINTR);
    if (n < 0)
        return dw_err_from_errno(errno);
    *ret_len = (size_t)n;
    return DW_OK;
}

static int sys_sync(const struct dw_fs *fs, int fd)
{
    (void)fs;
    int rc;
    do
        rc = fdatasync(fd);
    while (rc < 0 && errno == EINTR);
    return rc < 0 ? dw_err_from_errno(errno) : DW_OK;
}

static int sys_truncate(const struct dw_fs *fs, int fd, uint64_t size)
{
    (void)fs;
    return ftruncate(fd, (off_t)size) < 0 ? dw_err_from_errno(errno) : DW_OK;
}

static int sys_rename(const struct dw_fs *fs, const char *from, const char *to)
{
    (void)fs;
    return rename(from, to) < 0 ? dw_err_from_errno(errno) : DW_OK;
}

static int sys_unlink(const struct dw_fs *fs, const char *path)
{
    (void)fs;
    return unlink(path) < 0 ? dw_err_from_errno(errno) : DW_OK;
}

static int sys_mkdir(const struct dw_fs *fs, const char *path, mode_t mode)
{
    (void)fs;
    return mkdir(path, mode) < 0 ? dw_err_from_errno(errno) : DW_OK;
}

static const struct dw_fs_ops system_ops = {
    .open = sys_open,
    .pread = sys_pread,
    .read = sys_read,
    .write = sys_write,
    .sync = sys_sync,
    .truncate = sys_truncate,
    .rename = sys_rename,
    .unlink = sys_unlink,
    .mkdir = sys_mkdir,
};

const struct dw_fs dw_fs_system = {.ops = &system_ops};

int dw_fs_open(const struct dw_fs *fs, const char *path, int flags, mode_t mode, int *ret_fd)
{
    return fs->ops->open(fs, path, flags, mode, ret_fd);
}

void dw_fs_close(int fd)
{
    if (fd >= 0)
        (void)close(fd);
}

int dw_fs_pread(const struct dw_fs *fs, int fd, void *out, size_t len, uint64_t offset, size_t *ret_len)
{
    size_t done = 0;
    while (done < len) {
        size_t n = 0;
        int rc = fs->ops->pread(fs, fd, (char *)out + done, len - done, offset + done, &n);
        if (rc < 0)
            return rc;
        if (n == 0)
            break;
        done += n;
    }
    *ret_len = done;
    return DW_OK;
}

int dw_fs_write(const struct dw_fs *fs, int fd, const void *bytes, size_t len)
{
    size_t done = 0;
    while (done < len) {
        size_t n = 0;
        int rc = fs->ops->write(fs, fd, (const char *)bytes + done, len - done, &n);
        if (rc < 0)
            return rc;
        if (n == 0)
            return DW_EIO;
        done += n;
    }
    return DW_OK;
}

int dw_fs_sync(const struct dw_fs *fs, int fd)
{
    return fs->ops->sync(fs, fd);
}

int dw_fs_sync_dir(const struct dw_fs *fs, const char *path)
{
    int fd;
    int rc = dw_fs_open(fs, path, O_RDONLY | O_DIRECTORY, 0, &fd);
    if (rc < 0)
        return rc;
    rc = fs->ops->sync(fs, fd);
    dw_fs_close(fd);
    return rc;
}

int dw_fs_sync_parent(const struct dw_fs *fs, const char *path)
{
    char dir[4096];
    int n = snprintf(dir, sizeof dir, "%s", path);
    if (n < 0 || (size_t)n >= sizeof dir)
        return DW_ELIMIT;
    char *slash = strrchr(dir, '/');
    if (slash)
        slash[slash == dir ? 1 : 0] = '\0';
    return dw_fs_sync_dir(fs, slash ? dir : ".");
}

int dw_fs_truncate(const struct dw_fs *fs, int fd, uint64_t size)
{
    return fs->ops->truncate(fs, fd, size);
}

int dw_fs_rename(const struct dw_fs *fs, const char *from, const char *to)
{
    return fs->ops->rename(fs, from, to);
}

int dw_fs_unlink(const struct dw_fs *fs, const char *path)
{
    return fs->ops->unlink(fs, path);
}

int dw_fs_mkdirs(const struct dw_fs *fs, const char *path, mode_t mode)
{
    char part[4096];
    size_t len = strlen(path);
    if (len >= sizeof part)
        return DW_ELIMIT;
    for (size_t i = 1; i <= len; i++) {
        if (path[i] != '/' && path[i] != '\0')
            continue;
        memcpy(part, path, i);
        part[i] = '\0';
        int rc = fs->ops->mkdir(fs, part, mode);
        if (rc == DW_EEXIST)
            continue;
        struct dw_stat st = {0};
        /* A parent on a read-only file system answers EROFS though it exists. */
        if (rc < 0 && (dw_fs_stat(part, &st) < 0 || !S_ISDIR(st.mode)))
            return rc;
    }
    return DW_OK;
}

int dw_fs_mkdir_new(const struct dw_fs *fs, const char *path, mode_t mode)
{
    return fs->ops->mkdir(fs, path, mode);
}

static int64_t statx_ns(struct statx_timestamp t)
{
    return (int64_t)t.tv_sec * INT64_C(1000000000) + t.tv_nsec;
}

static int stat_any(int dir_fd, const char *path, int flags, struct dw_stat *ret)
{
    struct statx sx;
    if (statx(dir_fd, path, flags, STATX_BASIC_STATS | STATX_BTIME, &sx) < 0)
        return dw_err_from_errno(errno);
    *ret = (struct dw_stat){
        .device = makedev(sx.stx_dev_major, sx.stx_dev_minor),
        .inode = sx.stx_ino,
        .size_bytes = sx.stx_size,
        .links = sx.stx_nlink,
        .birth_ns = sx.stx_mask & STATX_BTIME ? statx_ns(sx.stx_btime) : 0,
        .mtime_ns = statx_ns(sx.stx_mtime),
        .ctime_ns = statx_ns(sx.stx_ctime),
        .mode = sx.stx_mode,
        .uid = sx.stx_uid,
        .gid = sx.stx_gid,
    };
    return DW_OK;
}

int dw_fs_stat(const char *path, struct dw_stat *ret)
{
    return stat_any(AT_FDCWD, path, 0, ret);
}

int dw_fs_lstat(const char *path, struct dw_stat *ret)
{
    return stat_any(AT_FDCWD, path, AT_SYMLINK_NOFOLLOW, ret);
}

int dw_fs_fstat(int fd, struct dw_stat *ret)
{
    return stat_any(fd, "", AT_EMPTY_PATH, ret);
}

/* Opens a regular file and nothing else: the open itself must not wait for the other end of a FIFO. */
static int open_regular(const struct dw_fs *fs, const char *path, int flags, int *ret_fd)
{
    struct dw_stat st = {0};
    int fd;
    int rc = dw_fs_open(fs, path, O_RDONLY | O_NONBLOCK | flags, 0, &fd);
    if (rc < 0)
        return rc;
    rc = dw_fs_fstat(fd, &st);
    if (rc == DW_OK && !S_ISREG(st.mode))
        rc = DW_ENOTREG;
    if (rc < 0) {
        dw_fs_close(fd);
        return rc;
    }
    *ret_fd = fd;
    return DW_OK;
}

/* `stream`: what cannot be sought, read as it comes. */
static int read_all(const struct dw_fs *fs, int fd, bool stream, size_t max_bytes, struct dw_buf *out)
{
    enum { STEP = 64 * 1024 };
    for (uint64_t offset = 0;;) {
        char *at = dw_buf_reserve(out, STEP);
        size_t n = 0;
        int rc = !at ? DW_ENOMEM
            : stream ? fs->ops->read(fs, fd, at, STEP, &n)
                     : dw_fs_pread(fs, fd, at, STEP, offset, &n);
        if (rc < 0 || n == 0)
            return rc;
        out->len += n;
        offset += n;
        if (offset > max_bytes)
            return DW_ELIMIT;
    }
}

int dw_fs_read_file(const struct dw_fs *fs, const char *path, size_t max_bytes, struct dw_buf *out)
{
    int fd;
    int rc = open_regular(fs, path, 0, &fd);
    if (rc < 0)
        return rc;
    rc = read_all(fs, fd, false, max_bytes, out);
    dw_fs_close(fd);
    return rc;
}

int dw_fs_read_owned(const struct dw_fs *fs, const char *path, size_t max_bytes, struct dw_buf *out, uint32_t *ret_uid)
{
    struct dw_stat st = {0};
    int fd;
    int rc = open_regular(fs, path, O_NOFOLLOW, &fd);
    if (rc < 0)
        return rc;
    rc = dw_fs_fstat(fd, &st);
    if (rc == DW_OK)
        rc = read_all(fs, fd, false, max_bytes, out);
    dw_fs_close(fd);
    *ret_uid = st.uid;
    return rc;
}

int dw_fs_read_named(const struct dw_fs *fs, const char *path, size_t max_bytes, struct dw_buf *out)
{
    struct dw_stat st = {0};
    int fd;
    int rc = dw_fs_open(fs, path, O_RDONLY, 0, &fd);
    if (rc < 0)
        return rc;
    rc = dw_fs_fstat(fd, &st);
    if (rc == DW_OK && S_ISDIR(st.mode))
        rc = DW_ENOTREG;
    if (rc == DW_OK)
        rc = read_all(fs, fd, !S_ISREG(st.mode), max_bytes, out);
    dw_fs_close(fd);
    return rc;
}

/* Group and permissions as that file has them, whatever the umask. */
static int be_like(int fd, const struct dw_stat *like)
{
    struct dw_stat st;
    int rc = dw_fs_fstat(fd, &st);
    if (rc == DW_OK && st.gid != like->gid && fchown(fd, (uid_t)-1, (gid_t)like->gid) < 0)
        rc = dw_err_from_errno(errno);
    return rc == DW_OK && fchmod(fd, like->mode & 07777) < 0 ? dw_err_from_errno(errno) : rc;
}

/* `like`: NULL, or whose group and permissions it gets. */
static int write_and_sync(const struct dw_fs *fs, const char *path, int flags, mode_t mode, const struct dw_stat *like, struct dw_str bytes)
{
    int fd;
    int rc = dw_fs_open(fs, path, O_WRONLY | O_CREAT | flags, mode, &fd);
    if (rc < 0)
        return rc;
    rc = dw_fs_write(fs, fd, bytes.ptr, bytes.len);
    if (rc == DW_OK && like)
        rc = be_like(fd, like);
    if (rc == DW_OK)
        rc = dw_fs_sync(fs, fd);
    dw_fs_close(fd);
    return rc;
}

static int replace(const struct dw_fs *fs, const char *path, mode_t mode, const struct dw_stat *like, struct dw_str bytes)
{
    char temp[4096];
    int n = snprintf(temp, sizeof temp, "%s.tmp", path);
    if (n < 0 || (size_t)n >= sizeof temp)
        return DW_ELIMIT;
    int rc = write_and_sync(fs, temp, O_TRUNC, mode, like, bytes);
    if (rc == DW_OK)
        rc = dw_fs_rename(fs, temp, path);
    if (rc < 0) {
        int ignored = dw_fs_unlink(fs, temp);
        (void)ignored; /* the first error is the one that matters */
        return rc;
    }
    return dw_fs_sync_parent(fs, path);
}

int dw_fs_write_file(const struct dw_fs *fs, const char *path, mode_t mode, struct dw_str bytes)
{
    return replace(fs, path, mode, NULL, bytes);
}

int dw_fs_write_over(const struct dw_fs *fs, const char *path, const struct dw_stat *like, struct dw_str bytes)
{
    return replace(fs, path, 0600, like, bytes);
}

int dw_fs_write_new(const struct dw_fs *fs, const char *path, mode_t mode, struct dw_str bytes)
{
    return write_and_sync(fs, path, O_EXCL, mode, NULL, bytes);
}

static int by_name(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static int sort_names(struct dw_buf *names, size_t from, size_t count)
{
    if (count < 2)
        return DW_OK;
    size_t len = names->len - from;
    const char **order = dw_alloc(count * sizeof *order);
    char *copy = dw_strndup(names->ptr + from, len);
    if (!order || !copy) {
        dw_free(order);
        dw_free(copy);
        return DW_ENOMEM;
    }
    const char *at = copy;
    for (size_t i = 0; i < count; i++) {
        order[i] = at;
        at += strlen(at) + 1;
    }
    qsort(order, count, sizeof *order, by_name);
    names->len = from;
    for (size_t i = 0; i < count; i++)
        dw_buf_add(names, order[i], strlen(order[i]) + 1);
    dw_free(order);
    dw_free(copy);
    return DW_OK;
}

int dw_fs_list(const char *path, size_t max_names, struct dw_buf *names)
{
    DIR *dir = opendir(path);
    if (!dir)
        return dw_err_from_errno(errno);
    size_t from = names->len, count = 0;
    int rc = DW_OK;
    for (;;) {
        errno = 0; /* readdir answers NULL at the end and on an error alike */
        const struct dirent *e = readdir(dir); /* NOLINT(concurrency-mt-unsafe): a DIR of our own */
        if (!e) {
            rc = dw_err_from_errno(errno);
            break;
        }
        if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
            continue;
        if (count == max_names) {
            rc = DW_ELIMIT;
            break;
        }
        dw_buf_add(names, e->d_name, strlen(e->d_name) + 1);
        count++;
    }
    (void)closedir(dir);
    if (names->err)
        return names->err;
    int sorted = sort_names(names, from, count);
    return rc < 0 ? rc : sorted;
}

int dw_fs_in_memory(const struct dw_fs *fs, const char *label, struct dw_str bytes, int *ret_fd)
{
    int fd = memfd_create(label, MFD_CLOEXEC);
    if (fd < 0)
        return dw_err_from_errno(errno);
    int rc = dw_fs_write(fs, fd, bytes.ptr, bytes.len);
    if (rc < 0)
        (void)close(fd);
    else
        *ret_fd = fd;
    return rc;
}

int dw_fs_put_away(const struct dw_fs *fs, const char *path)
{
    char other[4096];
    int rc = dw_fs_unlink(fs, path);
    if (rc == DW_OK || rc == DW_ENOENT)
        return DW_OK;
    int n = snprintf(other, sizeof other, "%s.refused", path);
    return n < 0 || n >= (int)sizeof other ? DW_ELIMIT : dw_fs_rename(fs, path, other);
}

int dw_fs_is_locked(const char *path)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return dw_err_from_errno(errno);
    struct flock want = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    int rc = fcntl(fd, F_GETLK, &want) < 0 ? dw_err_from_errno(errno) : want.l_type == F_UNLCK ? DW_OK : DW_ELOCKED;
    (void)close(fd);
    return rc;
}

int dw_fs_lock(const char *path, int *ret_fd, pid_t *ret_pid)
{
    *ret_pid = 0;
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0640);
    if (fd < 0)
        return dw_err_from_errno(errno);
    struct flock want = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    if (fcntl(fd, F_SETLK, &want) == 0) {
        *ret_fd = fd;
        return DW_OK;
    }
    int err = errno;
    if (fcntl(fd, F_GETLK, &want) == 0 && want.l_type != F_UNLCK)
        *ret_pid = want.l_pid;
    (void)close(fd);
    return err == EACCES || err == EAGAIN ? DW_ELOCKED : dw_err_from_errno(err);
}

int dw_path_join(char *out, size_t cap, const char *dir, const char *name)
{
    int n = snprintf(out, cap, "%s/%s", dir, name);
    return n < 0 || (size_t)n >= cap ? DW_ELIMIT : DW_OK;
}
