/*
 * spool_files: frames appended to files, read from the oldest, unlinked file by file.
 *
 * Invariants:
 *   (1) Nothing is appended to a file that an earlier start left, or after a failed write that could not be undone.
 *   (2) `synced` counts frames that are durable, and whose file has a durable name. A sync that failed is never tried again: the kernel
 *       reports a lost page once, and the next sync succeeds without it (Rebello et al., "Can Applications Recover from fsync
 *       Failures?", 2020).
 *   (3) A file is unlinked only when all its frames were let go by the caller, and the oldest first: what is left is one run of
 *       frames.
 */
#include "spool_int.h"

#include "dogwatch/base/counter.h"
#include "dogwatch/base/error.h"
#include "dogwatch/base/mem.h"

#include <fcntl.h>

enum { HEAD_PIECE = 8 + DW_HEAD_BYTES + DW_SIGNATURE_BYTES };

int dw__spool_add(struct dw__spool_files *f, uint64_t number)
{
    if (f->count == f->cap) {
        uint32_t cap = f->cap ? f->cap * 2 : 16;
        struct dw__spool_file *grown = dw_resize(f->file, cap * sizeof *grown);
        if (!grown)
            return DW_ENOMEM;
        f->file = grown;
        f->cap = cap;
    }
    f->file[f->count++] = (struct dw__spool_file){.number = number, .first = f->next};
    f->last_number = number;
    return DW_OK;
}

static void leave_file(struct dw__spool_files *f)
{
    dw_fs_close(f->fd);
    f->fd = -1;
}

static int begin_file(struct dw__spool_files *f)
{
    char path[DW__DIR_PATH];
    int fd = -1, rc = dw__dir_path(path, f->dir, f->last_number + 1);
    if (rc == DW_OK)
        rc = dw_fs_open(f->fs, path, O_WRONLY | O_CREAT | O_EXCL | O_APPEND, 0640, &fd);
    if (rc == DW_EEXIST)
        f->last_number++; /* a file that could not be unlinked, or somebody else's */
    if (rc < 0)
        return rc == DW_EEXIST ? DW_EAGAIN : rc;
    rc = dw__spool_add(f, f->last_number + 1);
    if (rc < 0) {
        dw_fs_close(fd);
        f->last_number++;
        return rc;
    }
    f->fd = fd;
    f->synced_bytes = 0;
    f->named = false;
    return DW_OK;
}

int dw__spool_put(struct dw__spool_files *f, const struct dw_frame *frame)
{
    int rc = f->doubtful || f->broken ? DW_EIO : DW_OK;
    if (rc == DW_OK && f->fd >= 0 && f->file[f->count - 1].bytes >= DW_SPOOL_FILE_BYTES) {
        rc = dw__spool_sync(f);
        if (rc == DW_OK)
            leave_file(f);
    }
    if (rc == DW_OK && f->fd < 0)
        rc = begin_file(f);
    if (rc < 0)
        return rc;
    struct dw__spool_file *file = &f->file[f->count - 1];
    rc = dw_fs_write(f->fs, f->fd, frame->bytes.ptr, frame->bytes.len);
    if (rc < 0 && dw_fs_truncate(f->fs, f->fd, file->bytes) < 0) {
        if (dw__spool_sync(f) < 0)
            return DW_EIO;
        leave_file(f); /* its end is cut at the next start */
    }
    if (rc < 0)
        return rc;
    if (file->frames++ == 0)
        file->oldest_ns = frame->head.time_min_ns;
    file->bytes += frame->bytes.len;
    f->bytes += frame->bytes.len;
    f->next++;
    return DW_OK;
}

int dw__spool_sync(struct dw__spool_files *f)
{
    if (f->doubtful)
        return DW_EIO;
    if (f->synced == f->next || f->fd < 0)
        return DW_OK;
    int rc = dw_fs_sync(f->fs, f->fd);
    if (rc == DW_OK && !f->named)
        rc = dw_fs_sync_dir(f->fs, f->dir);
    f->doubtful = rc < 0;
    if (f->doubtful)
        return DW_EIO;
    f->named = true;
    f->synced = f->next;
    f->synced_bytes = f->file[f->count - 1].bytes;
    return DW_OK;
}

int dw__spool_fall_back(struct dw__spool_files *f, uint64_t taken)
{
    if (!f->doubtful)
        return DW_OK;
    struct dw__spool_file *file = &f->file[f->count - 1]; /* all that is above `synced` stands in it */
    f->broken = dw_fs_truncate(f->fs, f->fd, f->synced_bytes) < 0; /* else the same frames would stand twice in the run */
    leave_file(f);
    f->bytes -= file->bytes - f->synced_bytes;
    file->bytes = f->synced_bytes;
    file->frames -= f->next - f->synced;
    f->next = f->synced = f->synced > taken ? f->synced : taken;
    f->doubtful = false;
    return f->broken ? DW_EIO : DW_OK;
}

/* The file that holds an index; NULL: none. */
static const struct dw__spool_file *file_of(const struct dw__spool_files *f, uint64_t index)
{
    for (uint32_t i = 0; i < f->count; i++)
        if (index >= f->file[i].first && index - f->file[i].first < f->file[i].frames)
            return &f->file[i];
    return NULL;
}

static void leave_reading(struct dw__spool_files *f)
{
    dw_fs_close(f->read_fd);
    f->read_fd = -1;
    f->read_number = 0;
}

static int enter_file(struct dw__spool_files *f, const struct dw__spool_file *file)
{
    char path[DW__DIR_PATH];
    if (f->read_number == file->number)
        return DW_OK;
    leave_reading(f);
    int rc = dw__dir_path(path, f->dir, file->number);
    if (rc == DW_OK)
        rc = dw_fs_open(f->fs, path, O_RDONLY, 0, &f->read_fd);
    if (rc < 0)
        return rc;
    f->read_number = file->number;
    f->read_index = file->first;
    f->read_at = 0;
    return DW_OK;
}

/* HEAD of the frame at the place where reading is, and its length. */
static int read_head(struct dw__spool_files *f, const struct dw__spool_file *file, struct dw_head *ret, size_t *ret_len)
{
    char bytes[HEAD_PIECE];
    size_t n = 0;
    int rc = dw_fs_pread(f->fs, f->read_fd, bytes, sizeof bytes, f->read_at, &n);
    if (rc == DW_OK)
        rc = dw_head_read(dw_str_make(bytes, n), ret, ret_len);
    if (rc == DW_OK && (f->read_at + *ret_len > file->bytes || *ret_len > DW_FRAME_READ_MAX))
        rc = DW_ECORRUPT;
    return rc;
}

int dw__spool_read(struct dw__spool_files *f, uint64_t index, struct dw_frame **ret)
{
    const struct dw__spool_file *file = file_of(f, index);
    struct dw_head head;
    size_t len = 0, n = 0;
    DW_ASSERT(file);
    int rc = enter_file(f, file);
    DW_ASSERT(rc < 0 || f->read_index <= index);
    while (rc == DW_OK && (rc = read_head(f, file, &head, &len)) == DW_OK && f->read_index < index) {
        f->read_at += len;
        f->read_index++;
    }
    struct dw_frame *frame = rc == DW_OK ? dw_calloc(1, sizeof *frame) : NULL;
    if (rc < 0)
        return rc == DW_ENOMEM ? rc : DW_EIO;
    char *at = frame ? dw_buf_reserve(&frame->bytes, len) : NULL;
    rc = at ? dw_fs_pread(f->fs, f->read_fd, at, len, f->read_at, &n) : DW_ENOMEM;
    if (rc < 0 || n != len) {
        dw_frame_free(frame);
        return rc == DW_ENOMEM ? rc : DW_EIO;
    }
    frame->bytes.len = len;
    frame->head = head;
    *ret = frame; /* reading stays here: the caller may not get rid of it */
    return DW_OK;
}

void dw__spool_forget(struct dw__spool_files *f, uint64_t index)
{
    while (f->count && f->file[0].first + f->file[0].frames <= index) {
        char path[DW__DIR_PATH];
        struct dw__spool_file *file = &f->file[0];
        if (f->count == 1)
            leave_file(f); /* whether it can be unlinked or not: its indexes end here */
        int rc = dw__dir_path(path, f->dir, file->number);
        if (rc == DW_OK)
            rc = dw_fs_unlink(f->fs, path);
        if (rc < 0 && rc != DW_ENOENT) {
            DW_COUNT(spool_errors);
            return;
        }
        if (f->read_number == file->number)
            leave_reading(f);
        f->bytes -= file->bytes;
        memmove(f->file, f->file + 1, --f->count * sizeof *f->file);
    }
}

void dw__spool_fini(struct dw__spool_files *f)
{
    dw_fs_close(f->fd);
    dw_fs_close(f->read_fd);
    dw_free(f->file);
    dw_free(f->dir);
}
