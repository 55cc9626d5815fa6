/*
 * dir_receive: frames out of the files of a directory, in order, from a given place on.
 *
 * Invariants:
 *   (1) A file is left only when a newer one exists, because only then nothing more is appended to it.
 *   (2) Bytes that are no frame are handed out as such, never dropped. The beginning of a frame at the end of a file is `torn`: its
 *       sender was killed while it wrote, so it was not acknowledged. If somebody cut off what was, the agent's chain tells.
 *   (3) A file is unlinked only when all of it was committed.
 *   (4) A place is gone on from only if the frame that was taken there still stands there. A folder that was removed has its
 *       numbers used again; then reading begins at the oldest file, and that is said.
 */
#include "dir_int.h"

#include "dogwatch/base/error.h"
#include "dogwatch/base/mem.h"

#include <fcntl.h>

enum { WINDOW = DW_FRAME_READ_MAX + DW_FRAME_READ_MAX };

static const char head_magic[] = {0x54, 0x2A, 0x4D, 0x18};

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
    bool replaced;            /* to be said by the next call */
    struct dw_position taken; /* the place that is no more */
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
    int fd = -1;
    int rc = dw__dir_path(path, r->dir, number);
    if (rc == DW_OK)
        rc = dw_fs_open(r->fs, path, O_RDONLY, 0, &fd);
    if (rc < 0)
        return rc;
    dw_fs_close(r->fd);
    r->fd = fd;
    r->number = number;
    r->offset = r->window_at = offset;
    r->window_len = 0;
    return DW_OK;
}

static void leave_file(struct dir_receiver *r)
{
    dw_fs_close(r->fd);
    r->fd = -1;
    r->number = 0;
    r->offset = r->window_at = r->window_len = 0;
}

static void begin_anew(struct dir_receiver *r, struct dw_position taken)
{
    leave_file(r);
    r->replaced = true;
    r->taken = taken;
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

/* Where the next frame may begin after junk: the next HEAD that can be read, or what may be its first bytes, cut off by the window. `last`:
 * nothing follows these bytes. A magic alone is no HEAD: else whoever writes many of them makes a piece of each. */
static size_t junk_len(struct dw_str s, bool last)
{
    struct dw_head head;
    size_t at = 0, len;
    int rc = DW_ESYNTAX;
    while (at < s.len && rc < 0 && rc != DW_EAGAIN) {
        at += 1 + dw_str_find(dw_str_slice(s, at + 1, s.len), dw_str_make(head_magic, sizeof head_magic));
        rc = at < s.len ? dw_head_read(dw_str_slice(s, at, s.len), &head, &len) : DW_ESYNTAX;
    }
    if (at < s.len || last)
        return at;
    size_t begun = sizeof head_magic - 1;
    while (begun >= s.len || memcmp(s.ptr + s.len - begun, head_magic, begun) != 0)
        begun--;
    return s.len - begun;
}

static void hand_out(struct dir_receiver *r, size_t len, bool is_frame, struct dw_received *ret)
{
    *ret = (struct dw_received){.bytes = dw_str_slice(window_rest(r), 0, len), .is_frame = is_frame,
        .at = {.source = r->number, .offset = r->offset, .next = r->offset + len}};
    r->offset += len;
}

/* Hands out what begins at our offset. DW_EAGAIN: no whole frame, and no junk, is there yet. */
static int look(struct dir_receiver *r, struct dw_received *ret)
{
    struct dw_head head;
    size_t len;
    for (bool filled = false;; filled = true) {
        struct dw_str rest = window_rest(r);
        int rc = dw_head_read(rest, &head, &len);
        bool whole = rc == DW_OK && len <= rest.len, junk = rc < 0 && rc != DW_EAGAIN;
        if (whole || junk) {
            hand_out(r, whole ? len : junk_len(rest, false), whole, ret);
            return DW_OK;
        }
        if (filled)
            return DW_EAGAIN;
        rc = fill(r);
        if (rc < 0)
            return rc;
    }
}

/* There is no newer file. If ours was unlinked, it was not by us: look whether a sender has begun anew. */
static int look_for_replaced(struct dir_receiver *r)
{
    struct dw_stat st;
    uint64_t first;
    if (dw_fs_fstat(r->fd, &st) < 0 || st.links > 0)
        return DW_EAGAIN;
    int rc = next_number(r, 0, &first);
    if (rc == DW_OK)
        begin_anew(r, (struct dw_position){.source = r->number, .offset = r->offset, .next = r->offset});
    return rc;
}

/* Whether `s` is the beginning of a frame. */
static bool begins_frame(struct dw_str s)
{
    struct dw_head head;
    size_t len;
    int rc = dw_head_read(s, &head, &len);
    size_t n = s.len < sizeof head_magic ? s.len : sizeof head_magic;
    return (rc == DW_OK && len > s.len) || (rc == DW_EAGAIN && memcmp(s.ptr, head_magic, n) == 0);
}

/* At the end of what is there: goes on in a newer file, if there is one. *ret_handed: a torn tail was handed out. */
static int move_on(struct dir_receiver *r, struct dw_received *ret, bool *ret_handed)
{
    struct dw_head head;
    uint64_t next;
    size_t len;
    int rc = next_number(r, r->number, &next);
    if (rc == DW_EAGAIN)
        return look_for_replaced(r);
    if (rc == DW_OK)
        rc = fill(r); /* the sender may have appended before it began the newer file */
    if (rc < 0)
        return rc;
    struct dw_str rest = window_rest(r);
    if (rest.len == 0) {
        rc = open_file(r, next, 0);
        return rc == DW_ENOENT ? DW_EAGAIN : rc;
    }
    *ret_handed = !(dw_head_read(rest, &head, &len) == DW_OK && len <= rest.len);
    if (*ret_handed) {
        size_t junk = junk_len(rest, true);
        hand_out(r, junk, false, ret);
        ret->torn = junk == rest.len && begins_frame(rest);
    }
    return DW_OK;
}

static int begin_first(struct dir_receiver *r)
{
    uint64_t first;
    int rc = next_number(r, 0, &first);
    if (rc == DW_OK)
        rc = open_file(r, first, 0);
    return rc == DW_ENOENT ? DW_EAGAIN : rc;
}

/* Ends because each turn hands something out or moves to a file of a higher number. */
static int dir_next(struct dw_receiver *base, struct dw_received *ret)
{
    struct dir_receiver *r = (struct dir_receiver *)base;
    bool handed = false;
    int rc = DW_OK;
    while (rc == DW_OK && !handed) {
        if (r->replaced) {
            r->replaced = false;
            *ret = (struct dw_received){.replaced = true, .at = r->taken};
            return DW_OK;
        }
        if (r->number == 0)
            rc = begin_first(r);
        if (rc < 0)
            return rc;
        rc = look(r, ret);
        handed = rc == DW_OK;
        if (rc == DW_EAGAIN)
            rc = move_on(r, ret, &handed);
    }
    return rc;
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

static bool dir_drained(const struct dw_receiver *base)
{
    (void)base; /* what is in the folder is seen at once */
    return true;
}

static const struct dw_receiver_ops dir_ops = {.name = "dir", .next = dir_next, .commit = dir_commit, .drained = dir_drained, .close = dir_close};

/* Whether the frame at that place of our file is that one. Where no frame was (its kind is 0), only whether the file reaches so far. */
static bool stands_there(const struct dir_receiver *r, const struct dw_resume *from)
{
    enum { SKIPPABLE = 8 };
    char bytes[SKIPPABLE + DW_HEAD_BYTES + DW_SIGNATURE_BYTES];
    const struct dw_head *want = &from->frame;
    struct dw_head head;
    struct dw_stat st;
    size_t n = 0, len;
    if (want->kind == 0)
        return dw_fs_fstat(r->fd, &st) == DW_OK && st.size_bytes >= from->at.next;
    return dw_fs_pread(r->fs, r->fd, bytes, sizeof bytes, from->at.offset, &n) == DW_OK
        && dw_head_read(dw_str_make(bytes, n), &head, &len) == DW_OK && head.number == want->number
        && head.epoch.counter == want->epoch.counter
        && memcmp(head.epoch.nonce, want->epoch.nonce, sizeof want->epoch.nonce) == 0
        && memcmp(head.agent, want->agent, sizeof want->agent) == 0;
}

static int resume(struct dir_receiver *r, const struct dw_resume *from)
{
    uint64_t first, next;
    int rc = open_file(r, from->at.source, from->at.next);
    if (rc == DW_OK && !stands_there(r, from))
        begin_anew(r, from->at);
    if (rc != DW_ENOENT)
        return rc;
    rc = next_number(r, 0, &first);
    if (rc == DW_OK && first < from->at.source)
        begin_anew(r, from->at); /* files are unlinked in order of number, so this one was not unlinked by us */
    else if (rc == DW_OK) { /* consumed and gone: go on at the next that is there */
        rc = next_number(r, from->at.source, &next);
        if (rc == DW_OK)
            rc = open_file(r, next, 0);
    }
    return rc == DW_EAGAIN ? DW_OK : rc;
}

int dw_dir_receiver_open(const struct dw_fs *fs, const char *dir, const struct dw_resume *from, struct dw_receiver **ret)
{
    struct dir_receiver *r = dw_calloc(1, sizeof *r);
    if (!r)
        return DW_ENOMEM;
    *r = (struct dir_receiver){.base.ops = &dir_ops, .fs = fs, .fd = -1};
    r->dir = dw_strndup(dir, strlen(dir));
    r->window = dw_alloc(WINDOW);
    int rc = r->dir && r->window ? DW_OK : DW_ENOMEM;
    if (rc == DW_OK && from)
        rc = resume(r, from);
    if (rc < 0) {
        dir_close(&r->base);
        return rc;
    }
    *ret = &r->base;
    return DW_OK;
}
