/*
 * Files: every open, read, write and sync goes through here, so that tests can make the nth call fail.
 *
 * Who does file I/O takes a `const struct dw_fs *`. Codes: DW_ENOENT, DW_EEXIST, DW_EACCES, DW_ENOSPC,
 * DW_ELIMIT (symlink loop, name too long) and DW_EIO for the rest. Interrupted calls are repeated.
 * Thread: any.
 */
#ifndef DOGWATCH_BASE_FS_H
#define DOGWATCH_BASE_FS_H

#include "dogwatch/base/assert.h"
#include "dogwatch/base/buf.h"

#include <sys/types.h>

/* What a file is, from statx(2). birth_ns is 0 where the file system has none. */
struct dw_stat {
    uint64_t device, inode, size_bytes, links;
    int64_t birth_ns, mtime_ns, ctime_ns;
    uint32_t mode; /* type and permissions as in st_mode */
    uint32_t uid, gid; /* who owns it */
};

/* The replaceable operations; each answers like its system call but with DW_E codes. */
struct dw_fs;
struct dw_fs_ops {
    int (*open)(const struct dw_fs *fs, const char *path, int flags, mode_t mode, int *ret_fd);
    int (*pread)(const struct dw_fs *fs, int fd, void *out, size_t len, uint64_t offset, size_t *ret_len);
    int (*read)(const struct dw_fs *fs, int fd, void *out, size_t len, size_t *ret_len);
    int (*write)(const struct dw_fs *fs, int fd, const void *bytes, size_t len, size_t *ret_len);
    int (*sync)(const struct dw_fs *fs, int fd);
    int (*truncate)(const struct dw_fs *fs, int fd, uint64_t size);
    int (*rename)(const struct dw_fs *fs, const char *from, const char *to);
    int (*unlink)(const struct dw_fs *fs, const char *path);
    int (*mkdir)(const struct dw_fs *fs, const char *path, mode_t mode);
};

/* A test double embeds this as its first member. */
struct dw_fs {
    const struct dw_fs_ops *ops;
};

extern const struct dw_fs dw_fs_system;

/* open(2); O_CLOEXEC is added. */
DW_MUST_USE int dw_fs_open(const struct dw_fs *fs, const char *path, int flags, mode_t mode, int *ret_fd);
/* Closes; negative fds are ignored. Errors of close(2) are not actionable: what matters was synced. */
void dw_fs_close(int fd);
/* Reads until `len` bytes or the end of the file; *ret_len says how many. */
DW_MUST_USE int dw_fs_pread(const struct dw_fs *fs, int fd, void *out, size_t len, uint64_t offset, size_t *ret_len);
/* Appends all bytes at the file's position, or fails; a failed call may have written a part. */
DW_MUST_USE int dw_fs_write(const struct dw_fs *fs, int fd, const void *bytes, size_t len);
/* fdatasync. */
DW_MUST_USE int dw_fs_sync(const struct dw_fs *fs, int fd);
/* Makes the entries of a directory durable. */
DW_MUST_USE int dw_fs_sync_dir(const struct dw_fs *fs, const char *path);
/* Makes the entry `path` of its directory durable. DW_ELIMIT: too long a path. */
DW_MUST_USE int dw_fs_sync_parent(const struct dw_fs *fs, const char *path);
DW_MUST_USE int dw_fs_truncate(const struct dw_fs *fs, int fd, uint64_t size);
DW_MUST_USE int dw_fs_rename(const struct dw_fs *fs, const char *from, const char *to);
DW_MUST_USE int dw_fs_unlink(const struct dw_fs *fs, const char *path);
/* Makes `path` and its parents; existing directories are fine. */
DW_MUST_USE int dw_fs_mkdirs(const struct dw_fs *fs, const char *path, mode_t mode);

/* Makes one folder where nothing is: DW_EEXIST. */
DW_MUST_USE int dw_fs_mkdir_new(const struct dw_fs *fs, const char *path, mode_t mode);

/* What stands at `path` (symlinks followed), at `path` itself, or behind `fd`. */
DW_MUST_USE int dw_fs_stat(const char *path, struct dw_stat *ret);
DW_MUST_USE int dw_fs_lstat(const char *path, struct dw_stat *ret);
DW_MUST_USE int dw_fs_fstat(int fd, struct dw_stat *ret);
/* Appends the whole file to `out`; DW_ELIMIT over max_bytes, DW_ENOTREG for what is no regular file. Never waits. */
DW_MUST_USE int dw_fs_read_file(const struct dw_fs *fs, const char *path, size_t max_bytes, struct dw_buf *out);
/* The same of a file that anybody may have put there: links are not followed, and *ret_uid owns what was read. */
DW_MUST_USE int dw_fs_read_owned(const struct dw_fs *fs, const char *path, size_t max_bytes, struct dw_buf *out, uint32_t *ret_uid);
/* The same for a path that a user has named: pipes and devices are read to their end, and waited for. */
DW_MUST_USE int dw_fs_read_named(const struct dw_fs *fs, const char *path, size_t max_bytes, struct dw_buf *out);
/* Writes `path` anew in one step: a temporary file beside it, sync, rename, sync of the directory. */
DW_MUST_USE int dw_fs_write_file(const struct dw_fs *fs, const char *path, mode_t mode, struct dw_str bytes);
/* The same with the group and the permissions that `like` tells. DW_EACCES: that group is none of ours. */
DW_MUST_USE int dw_fs_write_over(const struct dw_fs *fs, const char *path, const struct dw_stat *like, struct dw_str bytes);
/* Writes and syncs a file where nothing is: DW_EEXIST. Its entry in the directory is not synced. */
DW_MUST_USE int dw_fs_write_new(const struct dw_fs *fs, const char *path, mode_t mode, struct dw_str bytes);

/* A file of those bytes that is in memory alone and has no name; at its beginning. `label`: what debuggers show. DW_ENOMEM, DW_EIO. */
DW_MUST_USE int dw_fs_in_memory(const struct dw_fs *fs, const char *label, struct dw_str bytes, int *ret_fd);

/* Names in a directory but `.` and `..`, sorted bytewise, appended to `names` one after the other, each
 * ended by a NUL. Bounded by max_names: more answers DW_ELIMIT. After an error the names are not all of them. */
DW_MUST_USE int dw_fs_list(const char *path, size_t max_names, struct dw_buf *names);

/* Takes what stands at `path` out of the way: removed or, where that cannot be (a folder), with `.refused` behind its name. */
DW_MUST_USE int dw_fs_put_away(const struct dw_fs *fs, const char *path);

/* Whether another process holds the lock: DW_ELOCKED; DW_OK: none does. DW_ENOENT: nobody ever did; DW_EACCES. Takes nothing. */
DW_MUST_USE int dw_fs_is_locked(const char *path);
/* Takes an exclusive lock that lives as long as the process holds *ret_fd. DW_ELOCKED and *ret_pid (0 when
 * unknown) when another process holds it. */
DW_MUST_USE int dw_fs_lock(const char *path, int *ret_fd, pid_t *ret_pid);

/* Joins into `out` (cap bytes) as "dir/name". DW_ELIMIT when it does not fit. */
DW_MUST_USE int dw_path_join(char *out, size_t cap, const char *dir, const char *name);

#endif
