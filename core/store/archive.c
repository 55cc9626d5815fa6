/*
 * archive: the writing side: append, sync, seal, recover.
 *
 * Invariants:
 *   (1) Intake numbers have no holes: the next is one more than that of the last whole frame.
 *   (2) What dw_archive_sync has answered for is found again after any crash.
 *   (3) After a failed append the open file is cut back to the last whole frame before anything else is written;
 *       if that fails too the archive is broken and says so until it is opened anew.
 */
#include "segment_int.h"

#include "dogwatch/base/counter.h"
#include "dogwatch/base/error.h"
#include "dogwatch/base/mem.h"

#include <fcntl.h>
#include <stdio.h>

struct dw_archive {
    /* set once */
    struct dw_archive_conf conf;
    char *dir;
    struct dw_decoder *decoder;
    /* the open segment */
    struct dw__manifest manifest;
    int fd;
    uint64_t bytes, frames;
    bool broken;
    /* numbering */
    uint64_t next_intake;
    struct dw_intake last;
    bool has_last;
    struct dw_buf scratch, marks;
};

static int open_segment(struct dw_archive *a, uint64_t number, int flags)
{
    char path[DW__PATH_MAX];
    int rc = dw__segment_path(path, a->dir, number, ".open");
    return rc < 0 ? rc : dw_fs_open(a->conf.fs, path, O_RDWR | O_APPEND | flags, 0640, &a->fd);
}

static void unlink_segment(struct dw_archive *a, uint64_t number, const char *suffix)
{
    char path[DW__PATH_MAX];
    if (dw__segment_path(path, a->dir, number, suffix) < 0)
        return;
    int rc = dw_fs_unlink(a->conf.fs, path);
    (void)rc; /* usually it is not there; if it stays, the manifest does not name it and the next start tries again */
}

static int begin_manifest(struct dw_archive *a)
{
    struct dw__entry_info first = {.type = DW__ENTRY_OPEN, .segment.number = 1};
    int rc = open_segment(a, 1, O_CREAT | O_TRUNC);
    if (rc == DW_OK)
        rc = dw__manifest_append(a->conf.fs, a->dir, &a->manifest, &first, dw_clock_real(a->conf.clock));
    return rc;
}

static void take_last(struct dw_archive *a, const struct dw_intake *in)
{
    if (a->has_last && in->number < a->last.number)
        return;
    a->last = *in;
    a->has_last = true;
    a->next_intake = in->number + 1;
}

/* The open file is empty: numbering goes on after the newest sealed segment, whose last row names the position. */
static int take_last_sealed(struct dw_archive *a)
{
    struct dw_archive_reader *r;
    struct dw_archived got;
    if (a->manifest.sealed_count == 0)
        return DW_OK;
    uint64_t last = a->manifest.sealed[a->manifest.sealed_count - 1].last_intake;
    int rc = dw_archive_reader_open(a->conf.fs, a->dir, a->conf.keys, &r);
    if (rc < 0)
        return rc;
    dw_archive_reader_seek(r, last);
    rc = dw_archive_reader_next(r, &got);
    if (rc == DW_OK)
        take_last(a, &got.intake);
    dw_archive_reader_close(r);
    return rc;
}

static int recover(struct dw_archive *a)
{
    struct dw__rows rows;
    struct dw_stat st;
    uint64_t end = 0;
    int rc = open_segment(a, a->manifest.open, 0);
    unlink_segment(a, a->manifest.open, ".zst");
    unlink_segment(a, a->manifest.open, ".zst.tmp");
    if (a->manifest.open > 1)
        unlink_segment(a, a->manifest.open - 1, ".open");
    if (rc < 0)
        return rc;
    dw__rows_init(&rows);
    rc = dw__open_scan(a->conf.fs, a->fd, 0, a->decoder, &rows, &end);
    if (rc == DW_OK)
        rc = dw_fs_fstat(a->fd, &st);
    if (rc == DW_OK && st.size_bytes > end) {
        DW_COUNT_N(archive_bytes_cut, st.size_bytes - end);
        rc = dw_fs_truncate(a->conf.fs, a->fd, end);
        if (rc == DW_OK)
            rc = dw_fs_sync(a->conf.fs, a->fd);
    }
    a->bytes = end;
    a->frames = rows.count;
    if (rc == DW_OK && rows.count)
        take_last(a, &rows.row[rows.count - 1].intake);
    else if (rc == DW_OK)
        rc = take_last_sealed(a);
    dw__rows_fini(&rows);
    return rc;
}

int dw_archive_open(const struct dw_archive_conf *conf, struct dw_archive **ret_a)
{
    struct dw_archive *a = dw_calloc(1, sizeof *a);
    if (!a)
        return DW_ENOMEM;
    a->conf = *conf;
    a->fd = -1;
    a->dir = dw_strndup(conf->dir, strlen(conf->dir));
    a->decoder = dw_decoder_new(conf->keys);
    int rc = a->dir && a->decoder ? dw_fs_mkdirs(conf->fs, conf->dir, 0750) : DW_ENOMEM;
    if (rc == DW_OK)
        rc = dw__manifest_read(conf->fs, a->dir, &a->manifest);
    if (rc == DW_ENOENT || (rc == DW_OK && !a->manifest.has_open))
        rc = begin_manifest(a);
    else if (rc == DW_OK)
        rc = recover(a);
    if (rc < 0) {
        dw_archive_close(a);
        return rc;
    }
    *ret_a = a;
    return DW_OK;
}

void dw_archive_close(struct dw_archive *a)
{
    if (!a)
        return;
    dw_fs_close(a->fd);
    dw__manifest_fini(&a->manifest);
    dw_decoder_free(a->decoder);
    dw_buf_fini(&a->scratch);
    dw_buf_fini(&a->marks);
    dw_free(a->dir);
    dw_free(a);
}

int dw_archive_append(struct dw_archive *a, struct dw_str frame, const struct dw_head *head, const uint8_t *mark,
    struct dw_intake *in)
{
    if (a->broken)
        return DW_EIO;
    in->number = a->next_intake;
    dw_buf_reset(&a->scratch);
    dw_buf_reset(&a->marks);
    dw__marks_write(mark, head->event_count, &a->marks);
    dw__open_write(in, dw_buf_view(&a->marks), frame, &a->scratch);
    if (a->scratch.err || a->marks.err)
        return DW_ENOMEM;
    int rc = dw_fs_write(a->conf.fs, a->fd, a->scratch.ptr, a->scratch.len);
    if (rc < 0) {
        a->broken = dw_fs_truncate(a->conf.fs, a->fd, a->bytes) < 0;
        return rc;
    }
    a->bytes += a->scratch.len;
    a->frames++;
    take_last(a, in);
    return DW_OK;
}

int dw_archive_sync(struct dw_archive *a)
{
    if (a->broken)
        return DW_EIO;
    int rc = dw_fs_sync(a->conf.fs, a->fd);
    a->broken = rc < 0; /* after a failed fsync the kernel may have dropped the pages: only reading again tells */
    return rc;
}

bool dw_archive_seal_due(const struct dw_archive *a)
{
    return a->bytes >= a->conf.segment_max_bytes;
}

int dw_archive_seal(struct dw_archive *a)
{
    char path[DW__PATH_MAX];
    struct dw__rows rows;
    uint64_t end, old = a->manifest.open;
    if (a->frames == 0)
        return DW_OK;
    int rc = dw_archive_sync(a);
    if (rc == DW_OK)
        rc = dw__segment_path(path, a->dir, old, ".zst");
    if (rc < 0)
        return rc;
    struct dw__entry_info entry = {.type = DW__ENTRY_SEAL, .open = old + 1};
    struct dw__seal seal = {
        .fs = a->conf.fs, .open_fd = a->fd, .path = path, .number = old, .decoder = a->decoder};
    dw__rows_init(&rows);
    rc = dw__open_scan(a->conf.fs, a->fd, 0, NULL, &rows, &end);
    if (rc == DW_OK && (end != a->bytes || rows.count != a->frames))
        rc = DW_ECORRUPT; /* someone wrote into our file */
    if (rc == DW_OK)
        rc = dw__seal_run(&seal, &rows, &entry.segment);
    dw__rows_fini(&rows);
    int old_fd = a->fd;
    if (rc == DW_OK)
        rc = open_segment(a, old + 1, O_CREAT | O_TRUNC);
    if (rc < 0)
        return rc;
    rc = dw__manifest_append(a->conf.fs, a->dir, &a->manifest, &entry, dw_clock_real(a->conf.clock));
    if (rc < 0) {
        a->broken = true; /* whether the entry is on disk is unknown: only reading it again tells */
        dw_fs_close(old_fd);
        return rc;
    }
    dw_fs_close(old_fd);
    unlink_segment(a, old, ".open");
    a->bytes = a->frames = 0;
    return DW_OK;
}

uint64_t dw_archive_next_intake(const struct dw_archive *a)
{
    return a->next_intake;
}

bool dw_archive_last(const struct dw_archive *a, struct dw_intake *ret)
{
    if (a->has_last)
        *ret = a->last;
    return a->has_last;
}
