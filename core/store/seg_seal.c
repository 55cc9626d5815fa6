/*
 * seg_seal: an open segment rewritten as a sealed one.
 *
 * Idea: frames are put in chain order, agent by agent; their text and their views are laid side by side in blocks large
 * enough to compress well; what stands once in a table stands nowhere else.
 *
 * Invariants:
 *   (1) Nothing is renamed into place before it is whole and synced, and nothing is renamed over a file. The caller syncs the folder.
 *   (2) A frame's TEXT and VIEWS stay one slice each, so its roots and hash can be computed again.
 *   (3) Memory: one block, one frame, one row a frame.
 */
#include "segment_int.h"

#include "dogwatch/base/error.h"
#include "dogwatch/base/mem.h"
#include "dogwatch/frame/pack.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <zstd.h>

enum {
    LEVEL_FAST = 1,
    LEVEL_GOOD = 3,
    LEVEL_BEST = 15,     /* for what is small: the table, and views of many small frames */
    SMALL_FRAMES = 512,  /* so many frames in a block: quiet hosts, whose views repeat their tables in each frame */
};

struct sealer {
    const struct dw__seal *conf;
    struct dw__rows *rows;
    int fd;
    uint64_t at; /* bytes written */
    struct dw_sha256 *sha;
    ZSTD_CCtx *zstd;
    int level; /* 0: not chosen yet */
    struct dw_buf text, views, packed, seek, frame;
    uint32_t seek_count, frames_in_block;
    int rc;
};

static void put(struct sealer *z, struct dw_str bytes)
{
    if (z->rc < 0)
        return;
    z->rc = dw_fs_write(z->conf->fs, z->fd, bytes.ptr, bytes.len);
    dw_sha256_add(z->sha, bytes.ptr, bytes.len);
    z->at += bytes.len;
}

static void note_seek(struct sealer *z, size_t packed, size_t size)
{
    dw_buf_u32(&z->seek, (uint32_t)packed);
    dw_buf_u32(&z->seek, (uint32_t)size);
    z->seek_count++;
}

static void put_skippable(struct sealer *z, uint32_t magic, struct dw_str content)
{
    struct dw_buf head = {0};
    dw_buf_u32(&head, magic);
    dw_buf_u32(&head, (uint32_t)content.len);
    if (head.err && z->rc == DW_OK)
        z->rc = head.err;
    put(z, dw_buf_view(&head));
    put(z, content);
    dw_buf_fini(&head);
}

static void compress(struct sealer *z, struct dw_str in, int level)
{
    dw_buf_reset(&z->packed);
    z->rc = dw_pack_level(z->zstd, level) ? dw_pack_add(z->zstd, in, &z->packed) : DW_ENOMEM;
}

/* Compresses into z->packed at the segment's level; the first block tries both and keeps the better. What quiet hosts wrote is
 * little, so it may cost more. */
static void compress_text(struct sealer *z, struct dw_str in)
{
    if (z->frames_in_block >= SMALL_FRAMES) {
        compress(z, in, LEVEL_BEST);
        return;
    }
    if (z->level > 0) {
        compress(z, in, z->level);
        return;
    }
    compress(z, in, LEVEL_FAST);
    size_t fast = z->packed.len;
    compress(z, in, LEVEL_GOOD);
    z->level = z->packed.len <= fast ? LEVEL_GOOD : LEVEL_FAST;
    if (z->level == LEVEL_FAST)
        compress(z, in, LEVEL_FAST);
}

static void flush_block(struct sealer *z)
{
    struct dw__block b = {.offset = z->at, .frames = z->frames_in_block, .text_size = (uint32_t)z->text.len,
        .views_size = (uint32_t)z->views.len};
    if (z->frames_in_block == 0 || z->rc < 0)
        return;
    if (z->text.len) {
        compress_text(z, dw_buf_view(&z->text));
        b.text_packed = (uint32_t)z->packed.len;
        put(z, dw_buf_view(&z->packed));
        note_seek(z, z->packed.len, z->text.len);
    }
    compress(z, dw_buf_view(&z->views), z->frames_in_block >= SMALL_FRAMES ? LEVEL_BEST : LEVEL_GOOD);
    b.views_packed = (uint32_t)z->packed.len;
    put_skippable(z, DW__MAGIC_BLOCK_VIEWS, dw_buf_view(&z->packed));
    note_seek(z, z->packed.len + DW__SKIPPABLE, 0);
    if (z->rc == DW_OK)
        z->rc = dw__rows_add_block(z->rows, &b);
    dw_buf_reset(&z->text);
    dw_buf_reset(&z->views);
    z->frames_in_block = 0;
}

static void add_frame(struct sealer *z, const struct dw__row *r)
{
    struct dw_sections s;
    size_t n = 0;
    dw_buf_reset(&z->frame);
    char *at = dw_buf_reserve(&z->frame, r->len);
    z->rc = at ? dw_fs_pread(z->conf->fs, z->conf->open_fd, at, r->len, r->offset, &n) : DW_ENOMEM;
    if (z->rc == DW_OK)
        z->rc = n == r->len ? dw_unpack(z->conf->decoder, &r->head, dw_str_make(at, n), &s) : DW_ECORRUPT;
    if (z->rc != DW_OK)
        return;
    dw_buf_str(&z->text, s.text);
    dw_buf_str(&z->views, s.views);
    z->frames_in_block++;
    if (z->text.err || z->views.err)
        z->rc = DW_ENOMEM;
    if (z->text.len >= DW__BLOCK_TEXT || z->views.len >= DW__BLOCK_VIEWS)
        flush_block(z);
}

static int by_chain(const void *x, const void *y)
{
    const struct dw__row *a = x, *b = y;
    int c = memcmp(a->head.agent, b->head.agent, sizeof a->head.agent);
    if (c == 0)
        c = (a->head.epoch.counter > b->head.epoch.counter) - (a->head.epoch.counter < b->head.epoch.counter);
    if (c == 0)
        c = memcmp(a->head.epoch.nonce, b->head.epoch.nonce, sizeof a->head.epoch.nonce);
    if (c == 0)
        c = (a->head.number > b->head.number) - (a->head.number < b->head.number);
    return c ? c : (a->intake.number > b->intake.number) - (a->intake.number < b->intake.number);
}

static bool same_chain(const struct dw_head *a, const struct dw_head *b)
{
    return a->epoch.counter == b->epoch.counter && memcmp(a->agent, b->agent, sizeof a->agent) == 0
        && memcmp(a->epoch.nonce, b->epoch.nonce, sizeof a->epoch.nonce) == 0;
}

/* Decides which `previous` are stored: where a reader would not come from the frame before, in order of the chain or of intake. */
static void thin_previous(struct dw__rows *t)
{
    DW_ASSERT(t->row);
    uint64_t soonest = UINT64_MAX; /* least intake number of those behind in the chain */
    for (uint32_t i = t->count; i-- > 0;) {
        struct dw__row *r = &t->row[i];
        const struct dw__row *before = i ? &t->row[i - 1] : NULL;
        if (i + 1 < t->count && !same_chain(&r->head, &t->row[i + 1].head))
            soonest = UINT64_MAX;
        r->has_previous = !before || memcmp(before->head.hash, r->head.previous, DW_SHA256_BYTES) != 0
            || before->intake.number > r->intake.number || soonest < r->intake.number;
        if (r->intake.number < soonest)
            soonest = r->intake.number;
    }
}

/* Decides which hashes are stored: see docs/formats/archive.md. */
static void thin_hashes(struct dw__rows *t)
{
    uint64_t since = 0;
    for (uint32_t i = 0; i < t->count; i++) {
        struct dw__row *r = &t->row[i];
        since += r->head.text_size;
        bool gone = r->head.flags & DW_HEAD_TOMBSTONE, last = i + 1 == t->count;
        r->has_hash = gone || last || since >= DW_SLICE_BYTES; /* a signature tells by itself whether the hash is the agent's */
        since = r->has_hash ? 0 : since;
    }
}

static void put_ends(struct sealer *z)
{
    struct dw_buf table = {0};
    thin_previous(z->rows);
    thin_hashes(z->rows);
    if (z->rc == DW_OK)
        z->rc = dw__table_write(z->rows, &table);
    if (z->rc == DW_OK)
        compress(z, dw_buf_view(&table), LEVEL_BEST);
    put_skippable(z, DW__MAGIC_TABLE, dw_buf_view(&z->packed));
    note_seek(z, z->packed.len + DW__SKIPPABLE, 0);
    dw_buf_u32(&z->seek, z->seek_count);
    dw_buf_byte(&z->seek, 0);
    dw_buf_u32(&z->seek, DW__SEEK_NUMBER);
    if (z->seek.err && z->rc == DW_OK)
        z->rc = z->seek.err;
    put_skippable(z, DW__MAGIC_SEEK, dw_buf_view(&z->seek));
    dw_buf_fini(&table);
}

static void put_all(struct sealer *z)
{
    struct dw_buf head = {0};
    dw_buf_add(&head, "dwS1", 4);
    dw_buf_u32(&head, 1);
    dw_buf_u64(&head, z->conf->number);
    z->rc = head.err;
    put_skippable(z, DW__MAGIC_SEGMENT, dw_buf_view(&head));
    note_seek(z, head.len + DW__SKIPPABLE, 0);
    dw_buf_fini(&head);
    qsort(z->rows->row, z->rows->count, sizeof *z->rows->row, by_chain);
    for (uint32_t i = 0; i < z->rows->count && z->rc == DW_OK; i++)
        add_frame(z, &z->rows->row[i]);
    flush_block(z);
    put_ends(z);
}

static void fill_info(const struct dw__seal *s, const struct dw__rows *rows, struct dw_segment_info *info)
{
    *info = (struct dw_segment_info){.number = s->number, .sealed = true, .frames = rows->count - rows->damaged_count,
        .first_intake = UINT64_MAX, .time_min_ns = INT64_MAX, .time_max_ns = INT64_MIN};
    for (uint32_t i = 0; i < rows->count; i++) {
        const struct dw__row *r = &rows->row[i];
        info->events += r->head.event_count;
        info->text_bytes += r->head.text_size;
        info->first_intake = r->intake.number < info->first_intake ? r->intake.number : info->first_intake;
        info->last_intake = r->intake.number > info->last_intake ? r->intake.number : info->last_intake;
        info->time_min_ns = r->head.time_min_ns < info->time_min_ns ? r->head.time_min_ns : info->time_min_ns;
        info->time_max_ns = r->head.time_max_ns > info->time_max_ns ? r->head.time_max_ns : info->time_max_ns;
    }
    (void)snprintf(info->file, sizeof info->file, "%s", strrchr(s->path, '/') + 1);
}

int dw__keep_run(const struct dw__seal *s, const struct dw__rows *rows, struct dw_segment_info *ret_info)
{
    fill_info(s, rows, ret_info);
    ret_info->time_min_ns = INT64_MIN; /* what is damaged may be of any time: no range of times may pass it over */
    ret_info->time_max_ns = INT64_MAX;
    return dw__hash_file(s->fs, s->open_fd, ret_info->sha256, &ret_info->bytes);
}

int dw__seal_run(const struct dw__seal *s, struct dw__rows *rows, struct dw_segment_info *ret_info)
{
    char temp[DW__PATH_MAX];
    struct dw_stat st;
    struct sealer z = {.conf = s, .rows = rows, .fd = -1};
    DW_ASSERT(rows->count > 0 && strrchr(s->path, '/'));
    int n = snprintf(temp, sizeof temp, "%s.tmp", s->path);
    z.rc = n < 0 || n >= (int)sizeof temp ? DW_ELIMIT : dw_fs_stat(s->path, &st) == DW_OK ? DW_EEXIST : DW_OK;
    if (z.rc == DW_OK)
        z.rc = dw_fs_open(s->fs, temp, O_WRONLY | O_CREAT | O_TRUNC, 0640, &z.fd);
    if (z.rc < 0)
        return z.rc;
    z.sha = dw_sha256_new();
    z.zstd = ZSTD_createCCtx();
    if (!z.zstd)
        z.rc = DW_ENOMEM;
    else
        put_all(&z);
    if (z.rc == DW_OK)
        z.rc = dw_fs_sync(s->fs, z.fd);
    dw_fs_close(z.fd);
    if (z.rc == DW_OK)
        z.rc = dw_fs_rename(s->fs, temp, s->path);
    if (z.rc == DW_OK) {
        fill_info(s, rows, ret_info);
        ret_info->bytes = z.at;
        dw_sha256_end(z.sha, ret_info->sha256);
    }
    (void)ZSTD_freeCCtx(z.zstd);
    dw_sha256_free(z.sha);
    dw_buf_fini(&z.text);
    dw_buf_fini(&z.views);
    dw_buf_fini(&z.packed);
    dw_buf_fini(&z.seek);
    dw_buf_fini(&z.frame);
    return z.rc;
}
