/*
 * spool_mend: what a start finds in the spool, made sound.
 *
 * Idea: a HEAD's hash covers the rest of HEAD, so a HEAD vouches for itself, and content is checked against it. Walking a file, every
 * byte is of a whole frame, or of one whose content is damaged, or of none.
 *
 * Invariants:
 *   (1) Nothing but whole frames of this agent, in the order of their epochs and numbers, is left. A frame whose content is damaged
 *       leaves its HEAD as a tombstone, so its chain stays whole and its loss is named where it arrives.
 *   (2) What is taken out is kept in `quarantine`. The exception is the beginning of a frame at the end of a file: what a crash
 *       leaves, which was never acknowledged.
 *   (3) A file is replaced in one step, or not at all. One that cannot be read or replaced is moved to quarantine as it is; without
 *       room on the disk nothing is, and the start fails.
 */
#include "spool_int.h"

#include "dogwatch/base/counter.h"
#include "dogwatch/base/error.h"
#include "dogwatch/base/log.h"
#include "dogwatch/base/mem.h"

#include <inttypes.h>
#include <stdio.h>

enum { TRIES = 3, FILE_MAX = DW_SPOOL_FILE_BYTES + DW_FRAME_READ_MAX, HEAD_BYTES = 8 + DW_HEAD_BYTES };

struct mend {
    struct dw__spool_files *files;
    const uint8_t *agent;
    struct dw_spool_found *found;
    struct dw_keys *keys;
    struct dw_decoder *decoder;
    struct dw_sha256 *sha;
    char quarantine[DW__DIR_PATH];
    /* the file in hand */
    uint64_t number;
    struct dw_buf bytes, good;
    uint64_t frames;
    int64_t oldest_ns;
    bool changed;
};

/* Reads a HEAD that vouches for itself. The frame may reach past `bytes`. */
static bool read_head(const struct mend *m, struct dw_str bytes, struct dw_head *ret, size_t *ret_len)
{
    uint8_t hash[DW_SHA256_BYTES];
    if (dw_head_read(bytes, ret, ret_len) != DW_OK || memcmp(ret->agent, m->agent, sizeof ret->agent) != 0)
        return false;
    dw_head_hash(ret, m->sha, hash);
    return memcmp(hash, ret->hash, sizeof hash) == 0;
}

static bool comes_after(const struct dw_head *h, const struct dw_head *last)
{
    return h->epoch.counter != last->epoch.counter ? h->epoch.counter > last->epoch.counter : h->number > last->number;
}

/* Where the next HEAD stands from `from` on; the end when there is none. */
static size_t find_head(const struct mend *m, size_t from)
{
    struct dw_str all = dw_buf_view(&m->bytes);
    struct dw_head h;
    size_t len;
    while (from < all.len) {
        from += dw_str_find(dw_str_slice(all, from, all.len), DW_STR("\x54\x2a\x4d\x18"));
        if (from < all.len && read_head(m, dw_str_slice(all, from, all.len), &h, &len))
            return from;
        from++;
    }
    return all.len;
}

/* Keeps [from, to) of the file in hand beside the spool. */
static int set_aside(struct mend *m, size_t from, size_t to)
{
    char name[64], path[DW__DIR_PATH];
    (void)snprintf(name, sizeof name, "%08" PRIu64 "-%zu", m->number, from);
    int rc = dw_fs_mkdirs(m->files->fs, m->quarantine, 0750);
    if (rc == DW_OK)
        rc = dw_path_join(path, sizeof path, m->quarantine, name);
    if (rc == DW_OK)
        rc = dw_fs_write_file(m->files->fs, path, 0640, dw_str_slice(dw_buf_view(&m->bytes), from, to));
    DW_COUNT(spool_corrupt);
    m->changed = true;
    if (rc == DW_OK)
        dw_error("spool: %zu bytes that are no whole frame are kept in %s", to - from, path);
    return rc;
}

static void keep(struct mend *m, const struct dw_head *h, struct dw_str bytes)
{
    if (m->found->frames == 0)
        m->found->first = *h;
    m->found->last = *h;
    m->found->frames++;
    if (m->frames++ == 0)
        m->oldest_ns = h->time_min_ns;
    dw_buf_str(&m->good, bytes);
}

static void keep_tombstone(struct mend *m, const struct dw_head *h)
{
    struct dw_head grave = *h;
    struct dw_buf bytes = {0};
    grave.flags |= DW_HEAD_TOMBSTONE;
    grave.text_packed = grave.views_packed = 0;
    dw_head_write(&grave, &bytes);
    DW_COUNT(spool_tombstones);
    dw_error("spool: the content of frame %" PRIu64 " of epoch %" PRIu64 " (%" PRIu32
             " events) is damaged: its place is kept, its bytes are lost",
        h->number, h->epoch.counter, h->event_count);
    keep(m, &grave, dw_buf_view(&bytes));
    if (bytes.err)
        m->good.err = bytes.err;
    dw_buf_fini(&bytes);
}

static void cut_torn(struct mend *m, size_t from)
{
    DW_COUNT(spool_torn);
    dw_info("spool: the beginning of a frame, %zu bytes, is cut off: it was never acknowledged", m->bytes.len - from);
    m->changed = true;
}

/* The frame, or what is none, at `at`. *ret_next: what comes after it. */
static int step(struct mend *m, size_t at, size_t *ret_next)
{
    struct dw_str rest = dw_str_slice(dw_buf_view(&m->bytes), at, m->bytes.len);
    struct dw_decoded got;
    struct dw_head h;
    size_t len = 0;
    bool head = read_head(m, rest, &h, &len), due = head && (m->found->frames == 0 || comes_after(&h, &m->found->last));
    if (due && len <= rest.len) {
        int rc = dw_decode(m->decoder, dw_str_slice(rest, 0, len), &got);
        if (rc == DW_OK)
            rc = dw_decoded_check(m->decoder, &got);
        if (rc == DW_OK)
            keep(m, &h, dw_str_slice(rest, 0, len));
        *ret_next = at + len;
        if (rc == DW_OK || rc == DW_ENOMEM)
            return rc;
    }
    *ret_next = find_head(m, at + 1);
    bool last = *ret_next == m->bytes.len,
         begun = rest.len < HEAD_BYTES + DW_SIGNATURE_BYTES && dw_head_read(rest, &h, &len) == DW_EAGAIN;
    if (last && ((due && len > rest.len) || begun)) {
        cut_torn(m, at);
        return DW_OK;
    }
    int rc = set_aside(m, at, *ret_next);
    if (rc == DW_OK && due)
        keep_tombstone(m, &h);
    return rc;
}

/* Replaces the file in hand by what is good of it. */
static int replace(struct mend *m, const char *path)
{
    if (m->good.err)
        return m->good.err;
    if (m->good.len == 0)
        return dw_fs_unlink(m->files->fs, path);
    return m->changed ? dw_fs_write_file(m->files->fs, path, 0640, dw_buf_view(&m->good)) : DW_OK;
}

static int move_away(struct mend *m, const char *path)
{
    char name[64], to[DW__DIR_PATH];
    (void)snprintf(name, sizeof name, "%08" PRIu64 ".frames", m->number);
    int rc = dw_fs_mkdirs(m->files->fs, m->quarantine, 0750);
    if (rc == DW_OK)
        rc = dw_path_join(to, sizeof to, m->quarantine, name);
    if (rc == DW_OK)
        rc = dw_fs_rename(m->files->fs, path, to);
    DW_COUNT(spool_corrupt);
    if (rc == DW_OK)
        dw_error("spool: a file that can be neither read nor mended is moved to %s", to);
    return rc;
}

static int mend_file(struct mend *m, const char *path)
{
    size_t at = 0;
    dw_buf_reset(&m->bytes);
    dw_buf_reset(&m->good);
    m->frames = 0;
    m->changed = false;
    int rc = dw_fs_read_file(m->files->fs, path, FILE_MAX, &m->bytes);
    while (rc == DW_OK && at < m->bytes.len)
        rc = step(m, at, &at);
    return rc == DW_OK ? replace(m, path) : rc;
}

static int take_file(struct mend *m)
{
    const struct dw_spool_found before = *m->found;
    char path[DW__DIR_PATH];
    int rc = dw__dir_path(path, m->files->dir, m->number), mended = DW_EIO;
    for (int i = 0; rc == DW_OK && mended == DW_EIO && i < TRIES; i++) {
        *m->found = before;
        mended = mend_file(m, path);
    }
    rc = rc == DW_OK ? mended : rc;
    if (rc == DW_ENOMEM || rc == DW_ENOSPC)
        return rc;
    if (rc < 0) {
        *m->found = before;
        return move_away(m, path);
    }
    if (m->frames == 0)
        return DW_OK;
    rc = dw__spool_add(m->files, m->number);
    if (rc < 0)
        return rc;
    struct dw__spool_file *file = &m->files->file[m->files->count - 1];
    file->bytes = m->good.len;
    file->frames = m->frames;
    file->oldest_ns = m->oldest_ns;
    m->files->bytes += file->bytes;
    m->files->next += m->frames;
    return DW_OK;
}

int dw__spool_mend(struct dw__spool_files *f, const uint8_t *agent, struct dw_spool_found *ret)
{
    uint64_t *numbers = NULL;
    size_t count = 0;
    struct mend m = {.files = f, .agent = agent, .found = ret, .keys = dw_keys_new(), .sha = dw_sha256_new()};
    *ret = (struct dw_spool_found){0};
    m.decoder = m.keys ? dw_decoder_new(m.keys) : NULL;
    int rc = m.decoder ? dw_path_join(m.quarantine, sizeof m.quarantine, f->dir, "quarantine") : DW_ENOMEM;
    if (rc == DW_OK)
        rc = dw_fs_mkdirs(f->fs, f->dir, 0750);
    if (rc == DW_OK)
        rc = dw__dir_list(f->dir, &numbers, &count);
    for (size_t i = 0; i < count && rc == DW_OK; i++) {
        m.number = f->last_number = numbers[i];
        rc = take_file(&m);
    }
    f->synced = f->next;
    ret->bytes = f->bytes;
    dw_free(numbers);
    dw_buf_fini(&m.bytes);
    dw_buf_fini(&m.good);
    dw_decoder_free(m.decoder);
    dw_keys_free(m.keys);
    dw_sha256_free(m.sha);
    return rc;
}
