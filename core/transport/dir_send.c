/*
 * dir_send: frames appended to files, acknowledged when synced.
 *
 * Idea: send only queues; pump writes what is queued and syncs once for all of it, so the faster frames come the fewer syncs
 * each one costs.
 *
 * Invariants:
 *   (1) A frame is acknowledged only after a sync that began after it was written, and one of the folder that names its file.
 *   (2) After a failed write the file is cut back to what was acknowledged and the frames wait for the next pump (a full disk
 *       heals). If that fails, or a sync, the end of the file is unknown: the sender is broken and must be opened anew.
 *   (3) Nothing is appended to a file once a newer one exists: the receiver may have left it.
 *   (4) Frames are held back by older files, which the receiver can finish, and by ours only where it is over the bound by itself, because none could be begun:
 *       the receiver leaves it only for a newer one. A file of ours may always have its first frame, by which the receiver finds it.
 *   (5) What fails before a frame is written costs nothing: when no new file can be begun, frames go on into the old one;
 *       when the folder cannot be synced, they wait.
 */
#include "dir_int.h"

#include "dogwatch/base/counter.h"
#include "dogwatch/base/error.h"
#include "dogwatch/base/mem.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>

enum { NUMBERS_TRIED_MAX = 1000 };

struct dir_sender {
    struct dw_sender base; /* first: ops find us by it */
    const struct dw_fs *fs;
    char *dir;
    uint64_t number, file_bytes;
    uint64_t max_bytes;  /* of all files; 0: no bound */
    uint64_t full_bytes; /* a file of so many is followed by another */
    uint64_t older;      /* at most so many bytes stand in files before ours */
    int fd;
    struct dw_buf queued;
    uint64_t queued_count, acked;
    bool named;  /* the folder's entry of our file is durable */
    bool broken;
};

int dw__dir_path(char out[DW__DIR_PATH], const char *dir, uint64_t number)
{
    int n = snprintf(out, DW__DIR_PATH, "%s/%08" PRIu64 ".frames", dir, number);
    return n < 0 || n >= DW__DIR_PATH ? DW_ELIMIT : DW_OK;
}

int dw__dir_list(const char *dir, uint64_t **ret, size_t *ret_count)
{
    struct dw_buf names = {0};
    int rc = dw_fs_list(dir, DW__DIR_FILES_MAX, &names);
    if (rc < 0) {
        dw_buf_fini(&names);
        return rc;
    }
    size_t count = 0, cap = 1;
    for (size_t i = 0; i < names.len; i++)
        cap += names.ptr[i] == '\0';
    uint64_t *numbers = dw_alloc(cap * sizeof *numbers);
    for (const char *name = names.ptr; numbers && name && name < names.ptr + names.len; name += strlen(name) + 1) {
        struct dw_str s = dw_str_of(name), digits = dw_str_cut(&s, '.');
        if (dw_str_eq(s, DW_STR("frames")) && dw_str_u64(digits, &numbers[count]))
            count++;
    }
    dw_buf_fini(&names);
    if (!numbers)
        return DW_ENOMEM;
    for (size_t i = 1; i < count; i++) /* names of unequal width sort wrongly as text */
        for (size_t k = i; k > 0 && numbers[k - 1] > numbers[k]; k--) {
            uint64_t t = numbers[k];
            numbers[k] = numbers[k - 1];
            numbers[k - 1] = t;
        }
    *ret = numbers;
    *ret_count = count;
    return DW_OK;
}

/* Leaves the sender as it was unless a new file exists. */
static int begin_file(struct dir_sender *s)
{
    char path[DW__DIR_PATH];
    uint64_t number = s->number;
    int fd = -1, rc = DW_EEXIST;
    for (int i = 0; i < NUMBERS_TRIED_MAX && rc == DW_EEXIST; i++) {
        rc = dw__dir_path(path, s->dir, ++number);
        if (rc == DW_OK)
            rc = dw_fs_open(s->fs, path, O_WRONLY | O_CREAT | O_EXCL | O_APPEND, 0640, &fd);
    }
    if (rc < 0)
        return rc;
    dw_fs_close(s->fd);
    s->fd = fd;
    s->number = number;
    s->older += s->file_bytes;
    s->file_bytes = 0;
    s->named = false;
    return DW_OK;
}

static int name_file(struct dir_sender *s)
{
    int rc = s->named ? DW_OK : dw_fs_sync_dir(s->fs, s->dir);
    s->named = rc == DW_OK;
    return rc;
}

/* Bytes of the files before ours: what the receiver has not yet forgotten. */
static uint64_t older_bytes(const struct dir_sender *s)
{
    uint64_t *numbers, sum = 0;
    size_t count;
    if (dw__dir_list(s->dir, &numbers, &count) < 0)
        return 0;
    for (size_t i = 0; i < count && numbers[i] < s->number; i++) {
        char path[DW__DIR_PATH];
        struct dw_stat st;
        if (dw__dir_path(path, s->dir, numbers[i]) == DW_OK && dw_fs_stat(path, &st) == DW_OK)
            sum += st.size_bytes;
    }
    dw_free(numbers);
    return sum;
}

static bool is_full(struct dir_sender *s)
{
    uint64_t ours = s->queued.len + s->file_bytes;
    if (!s->max_bytes || ours == 0 || s->older + ours <= s->max_bytes)
        return false;
    s->older = older_bytes(s);
    return (s->older || s->file_bytes > s->max_bytes) && s->older + ours > s->max_bytes;
}

static int dir_send(struct dw_sender *base, struct dw_frame **frame)
{
    struct dir_sender *s = (struct dir_sender *)base;
    if (s->broken)
        return DW_EIO;
    if (is_full(s))
        return DW_EAGAIN;
    dw_buf_str(&s->queued, dw_buf_view(&(*frame)->bytes));
    if (s->queued.err)
        return DW_ENOMEM;
    s->queued_count++;
    dw_frame_free(*frame);
    *frame = NULL;
    return DW_OK;
}

/* Whether our file still has a name: somebody may have removed the folder, and what has no name ends with its last reader. */
static bool stands(const struct dir_sender *s)
{
    struct dw_stat st;
    return dw_fs_fstat(s->fd, &st) < 0 || st.links > 0;
}

/* Writes what is queued and syncs it. */
static int put_queued(struct dir_sender *s)
{
    int rc = dw_fs_write(s->fs, s->fd, s->queued.ptr, s->queued.len);
    if (rc < 0) {
        s->broken = dw_fs_truncate(s->fs, s->fd, s->file_bytes) < 0;
        return rc;
    }
    rc = dw_fs_sync(s->fs, s->fd);
    s->broken = rc < 0;
    return rc;
}

static int dir_pump(struct dw_sender *base, uint64_t *ret_acked)
{
    struct dir_sender *s = (struct dir_sender *)base;
    if (s->broken)
        return DW_EIO;
    if (s->queued_count && !stands(s)) {
        int rc = dw_fs_mkdirs(s->fs, s->dir, 0750);
        if (rc == DW_OK)
            rc = begin_file(s);
        if (rc < 0)
            return DW_EAGAIN;
    }
    if (s->file_bytes >= s->full_bytes && (s->queued_count || (is_full(s) && s->older == 0)))
        DW_COUNT_IF(begin_file(s) < 0, ship_files_not_begun);
    if (s->queued_count && name_file(s) < 0)
        return DW_EAGAIN;
    int rc = s->queued_count ? put_queued(s) : DW_OK;
    if (rc < 0)
        return rc;
    s->acked += s->queued_count;
    s->file_bytes += s->queued.len;
    s->queued_count = 0;
    dw_buf_reset(&s->queued);
    *ret_acked = s->acked;
    return DW_OK;
}

static void dir_close(struct dw_sender *base)
{
    struct dir_sender *s = (struct dir_sender *)base;
    dw_fs_close(s->fd);
    dw_buf_fini(&s->queued);
    dw_free(s->dir);
    dw_free(s);
}

static const struct dw_sender_ops dir_ops = {.name = "dir", .send = dir_send, .pump = dir_pump, .close = dir_close};

int dw_dir_sender_open(const struct dw_fs *fs, const char *dir, uint64_t max_bytes, struct dw_sender **ret)
{
    uint64_t *numbers = NULL;
    size_t count = 0;
    struct dir_sender *s = dw_calloc(1, sizeof *s);
    if (!s)
        return DW_ENOMEM;
    *s = (struct dir_sender){.base.ops = &dir_ops, .fs = fs, .fd = -1, .max_bytes = max_bytes, .full_bytes = DW_DIR_FILE_BYTES};
    if (max_bytes && max_bytes / 2 < s->full_bytes)
        s->full_bytes = max_bytes / 2 + max_bytes % 2;
    s->dir = dw_strndup(dir, strlen(dir));
    int rc = s->dir ? dw_fs_mkdirs(fs, dir, 0750) : DW_ENOMEM;
    if (rc == DW_OK)
        rc = dw__dir_list(dir, &numbers, &count);
    if (rc == DW_OK && count)
        s->number = numbers[count - 1];
    dw_free(numbers);
    if (rc == DW_OK)
        rc = begin_file(s);
    if (rc == DW_OK)
        rc = name_file(s);
    if (rc == DW_OK)
        s->older = older_bytes(s);
    if (rc < 0) {
        dir_close(&s->base);
        return rc;
    }
    *ret = &s->base;
    return DW_OK;
}
