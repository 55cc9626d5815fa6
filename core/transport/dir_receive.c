/*
 * dir_receive: frames out of the files of a directory, in order, from a given place on.
 *
 * Invariants:
 *   (1) A file is left only when a newer one exists, because only then nothing more is appended to it.
 *   (2) Bytes that are no frame are handed out as such, never dropped: a torn tail, or what somebody wrote there.
 *   (3) A file is unlinked only when all of it was committed.
 */
#include "dir_int.h"

#include "dogwatch/base/error.h"
#include "dogwatch/base/mem.h"

#include <fcntl.h>

enum { WINDOW = DW_FRAME_READ_MAX + DW_FRAME_READ_MAX };

struct dir_receiver {
    struct dw_receiver base; /* first: ops find us by it */
    const struct dw_fs *fs;
    char *dir;
    uint64_t number; /* of the file we read; 0: none yet */
    uint64_t offset; /* of the next byte to hand out */
    int fd;
    char *window;
    uint64_t window_at; /* offset of window[0] */
    size_t window_len;
};

/* The least number above `after`, and whether there is one. */
static int next_number(const struct dir_receiver *r, uint64_t after, uint64_t *ret)
{
    uint64_t *numbers;
    size_t count, i = 0;
    int rc = dw__dir_list(r->dir, &numbers, &count);
    if (rc < 0)
        return rc == DW_ENOENT ? DW_EAGAIN : rc;
    while (i < count && numbers[i] <= after)
        i++;
    rc = i < count ? DW_OK : DW_EAGAIN;
    if (rc == DW_OK)
        *ret = numbers[i];
    dw_free(numbers);
    return rc;
}

static int open_file(struct dir_receiver *r, uint64_t number, uint64_t offset)
{
    char path[DW__DIR_PATH];
    dw_fs_close(r->fd);
    r->fd = -1;
    int rc = dw__dir_path(path, r->dir, number);
    if (rc == DW_OK)
        rc = dw_fs_open(r->fs, path, O_RDONLY, 0, &r->fd);
    if (rc < 0)
        return rc;
    r->number = number;
    r->offset = r->window_at = offset;
    r->window_len = 0;
    return DW_OK;
}

/* Makes the window begin at `offset` and reads what is there. */
static int fill(struct dir_receiver *r)
{
    size_t keep = r->window_len - (size_t)(r->offset - r->window_at), n = 0;
    memmove(r->window, r->window + (r->offset - r->window_at), keep);
    r->window_at = r->offset;
    int rc = dw_fs_pread(r->fs, r->fd, r->window + keep, WINDOW - keep, r->window_at + keep, &n);
    r->window_len = keep + n;
    return rc;
}

static struct dw_str window_rest(const struct dir_receiver *r)
{
    size_t at = (size_t)(r->offset - r->window_at);
    return dw_str_make(r->window + at, r->window_len - at);
}

/* Where the next frame may begin after junk: the next HEAD magic, or the end. */
static size_t junk_len(struct dw_str s)
{
    static const char magic[] = {0x54, 0x2A, 0x4D, 0x18};
    size_t at = dw_str_find(dw_str_slice(s, 1, s.len), dw_str_make(magic, sizeof magic));
    return at + 1;
}

static void hand_out(struct dir_receiver *r, size_t len, bool is_frame, struct dw_received *ret)
{
    *ret = (struct dw_received){.bytes = dw_str_slice(window_rest(r), 0, len), .is_frame = is_frame,
        .at = {.source = r->number, .offset = r->offset, .next = r->offset + len}};
    r->offset += len;
}

/* What to do at the end of what is there: go on in a newer file, if there is one. */
static int at_end(struct dir_receiver *r, struct dw_received *ret)
{
    uint64_t next;
    int rc = next_number(r, r->number, &next);
    if (rc < 0)
        return rc;
    rc = fill(r); /* the sender may have appended before it began the newer file */
    if (rc < 0)
        return rc;
    struct dw_str rest = window_rest(r);
    struct dw_head head;
    size_t len;
    if (rest.len && !(dw_head_read(rest, &head, &len) == DW_OK && len <= rest.len)) {
        hand_out(r, junk_len(rest), false, ret); /* a torn tail */
        return DW_OK;
    }
    if (rest.len == 0) {
        rc = open_file(r, next, 0);
        if (rc < 0)
            return rc;
    }
    return r->base.ops->next(&r->base, ret);
}

static int dir_next(struct dw_receiver *base, struct dw_received *ret)
{
    struct dir_receiver *r = (struct dir_receiver *)base;
    struct dw_head head;
    size_t len = 0;
    if (r->number == 0) {
        uint64_t first;
        int rc = next_number(r, 0, &first);
        if (rc == DW_OK)
            rc = open_file(r, first, 0);
        if (rc < 0)
            return rc == DW_ENOENT ? DW_EAGAIN : rc;
    }
    for (int look = 0;; look++) {
        struct dw_str rest = window_rest(r);
        int rc = dw_head_read(rest, &head, &len);
        if (rc == DW_OK && len <= rest.len) {
            hand_out(r, len, true, ret);
            return DW_OK;
        }
        if (rc < 0 && rc != DW_EAGAIN) {
            hand_out(r, junk_len(rest), false, ret);
            return DW_OK;
        }
        if (look == 1)
            return at_end(r, ret);
        rc = fill(r);
        if (rc < 0)
            return rc;
    }
}

static int dir_commit(struct dw_receiver *base, struct dw_position done)
{
    struct dir_receiver *r = (struct dir_receiver *)base;
    uint64_t *numbers;
    size_t count;
    int rc = dw__dir_list(r->dir, &numbers, &count);
    if (rc < 0)
        return rc == DW_ENOENT ? DW_OK : rc;
    for (size_t i = 0; i < count && rc == DW_OK; i++) {
        char path[DW__DIR_PATH];
        if (numbers[i] >= done.source)
            break;
        rc = dw__dir_path(path, r->dir, numbers[i]);
        if (rc == DW_OK)
            rc = dw_fs_unlink(r->fs, path);
        if (rc == DW_ENOENT)
            rc = DW_OK;
    }
    dw_free(numbers);
    return rc;
}

static void dir_close(struct dw_receiver *base)
{
    struct dir_receiver *r = (struct dir_receiver *)base;
    dw_fs_close(r->fd);
    dw_free(r->window);
    dw_free(r->dir);
    dw_free(r);
}

static const struct dw_receiver_ops dir_ops = {.name = "dir", .next = dir_next, .commit = dir_commit, .close = dir_close};

int dw_dir_receiver_open(const struct dw_fs *fs, const char *dir, const struct dw_position *from, struct dw_receiver **ret)
{
    struct dir_receiver *r = dw_calloc(1, sizeof *r);
    if (!r)
        return DW_ENOMEM;
    *r = (struct dir_receiver){.base.ops = &dir_ops, .fs = fs, .fd = -1};
    r->dir = dw_strndup(dir, strlen(dir));
    r->window = dw_alloc(WINDOW);
    int rc = r->dir && r->window ? DW_OK : DW_ENOMEM;
    if (rc == DW_OK && from) {
        rc = open_file(r, from->source, from->next);
        if (rc == DW_ENOENT) { /* consumed and gone: go on at the next that is there */
            r->number = from->source;
            uint64_t next;
            rc = next_number(r, from->source, &next);
            if (rc == DW_OK)
                rc = open_file(r, next, 0);
            else if (rc == DW_EAGAIN) {
                r->number = 0;
                rc = DW_OK;
            }
        }
    }
    if (rc < 0) {
        dir_close(&r->base);
        return rc;
    }
    *ret = &r->base;
    return DW_OK;
}
