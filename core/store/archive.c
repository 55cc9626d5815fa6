/*
 * archive: the writing side: append, sync, seal, recover.
 *
 * Invariants:
 *   (1) Intake numbers have no holes: the next is one more than that of the last whole frame.
 *   (2) What dw_archive_sync has answered for is found again after any crash.
 *   (3) After a failed append the open file is cut back to the last whole frame before anything else is written;
 *       if that fails too the archive is broken and says so until it is opened anew.
 *   (4) Nothing is overwritten: a segment is made where no file is, its open file goes only when each of its frames has been checked
 *       and sealed, and a segment in which something is damaged is closed as it stands.
 */
#include "archive_int.h"

#include "dogwatch/base/counter.h"
#include "dogwatch/base/error.h"
#include "dogwatch/base/log.h"
#include "dogwatch/base/mem.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>

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

/* A state whose entry did not come to be: nothing would ever read it. */
static void unlink_state(const struct dw_archive *a, uint64_t number)
{
    char path[DW__PATH_MAX], temp[DW__PATH_MAX + 4];
    if (dw__state_path(path, a->dir, number) < 0)
        return;
    (void)snprintf(temp, sizeof temp, "%s.tmp", path);
    int rc = dw_fs_unlink(a->conf.fs, path);
    int rc_temp = dw_fs_unlink(a->conf.fs, temp);
    (void)rc;
    (void)rc_temp; /* as above */
}

/* Makes the next open segment, durable under its name. */
static int make_segment(struct dw_archive *a, uint64_t number)
{
    int rc = open_segment(a, number, O_CREAT | O_EXCL);
    return rc < 0 ? rc : dw_fs_sync_dir(a->conf.fs, a->dir);
}

static int begin_manifest(struct dw_archive *a)
{
    struct dw__entry_info first = {.type = DW__ENTRY_OPEN, .segment.number = 1};
    unlink_segment(a, 1, ".open"); /* empty: of a start that did not come to the manifest */
    int rc = make_segment(a, 1);
    if (rc == DW_OK)
        rc = dw__manifest_append(a->conf.fs, a->dir, &a->manifest, &first, dw_clock_real(a->conf.clock));
    return rc;
}

static void take_last(struct dw_archive *a, const struct dw_intake *in, const struct dw_head *head)
{
    if (a->has_last && in->number < a->last.number)
        return;
    a->last = *in;
    a->last_head = *head;
    a->has_last = true;
    if (in->number >= a->next_intake)
        a->next_intake = in->number + 1;
}

/* The open file is empty: numbering goes on after the newest sealed segment, and its last frame names the position. Where that cannot be
 * read there is no position, and what is still in the queue is taken again: a duplicate is marked, a frame left out is lost. */
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
    a->next_intake = last + 1;
    dw_archive_reader_seek(r, last);
    rc = dw_archive_reader_next(r, &got);
    if (rc == DW_OK)
        take_last(a, &got.intake, &got.frame.head);
    else if (rc != DW_ENOMEM)
        dw_warn("%s: the newest frame cannot be read: %s; the queue is taken from its beginning", dw_archive_reader_where(r),
            dw_err_text(rc));
    dw_archive_reader_close(r);
    return rc == DW_ENOMEM ? rc : DW_OK;
}

/* ---- closing a segment ---- */

static int write_closed(struct dw_archive *a, struct dw__rows *rows, bool whole, struct dw_segment_info *ret_info)
{
    char path[DW__PATH_MAX];
    int rc = dw__segment_path(path, a->dir, a->manifest.open, whole ? ".zst" : ".open");
    struct dw__seal seal = {.fs = a->conf.fs, .open_fd = a->fd, .path = path, .number = a->manifest.open, .decoder = a->decoder};
    if (rc < 0 || whole)
        return rc < 0 ? rc : dw__seal_run(&seal, rows, ret_info);
    rc = dw__keep_run(&seal, rows, ret_info);
    ret_info->last_intake = a->next_intake - 1; /* of frames that cannot be read any more too */
    if (ret_info->first_intake > ret_info->last_intake)
        ret_info->first_intake = ret_info->last_intake;
    DW_COUNT_N(archive_bytes_damaged, rows->damaged_bytes);
    dw_warn("%s: %u places with %" PRIu64 " bytes are no whole valid frame: the segment is closed as it stands, and all the rest of it can "
        "be read; `dogwatch archive verify` names each", path, rows->damaged_count, rows->damaged_bytes);
    return rc;
}

/* Closes the open segment, sealed or (not `whole`) as it stands, and begins the next. */
static int close_segment(struct dw_archive *a, struct dw__rows *rows, bool whole)
{
    uint64_t old = a->manifest.open;
    int old_fd = a->fd;
    struct dw__entry_info entry = {.type = DW__ENTRY_SEAL, .open = old + 1};
    int rc = write_closed(a, rows, whole, &entry.segment);
    if (rc == DW_OK)
        rc = make_segment(a, old + 1); /* its sync of the folder is the sealed file's too: the entry names both */
    if (rc == DW_OK)
        rc = dw__manifest_append(a->conf.fs, a->dir, &a->manifest, &entry, dw_clock_real(a->conf.clock));
    if (a->fd != old_fd)
        dw_fs_close(old_fd);
    if (rc < 0) {
        a->broken = a->fd != old_fd; /* what is on disk is unknown: only reading it again tells */
        return rc;
    }
    if (whole)
        unlink_segment(a, old, ".open");
    a->bytes = a->frames = 0;
    return DW_OK;
}

static int scan_open(struct dw_archive *a, struct dw__rows *rows, uint64_t *ret_end, uint64_t *ret_size)
{
    struct dw_stat st = {0};
    struct dw__scan scan = {.fs = a->conf.fs, .fd = a->fd, .check = a->decoder, .rows = rows,
        .due = dw__manifest_due(&a->manifest, a->manifest.open)};
    int rc = dw__open_scan(&scan);
    if (rc == DW_OK)
        rc = dw_fs_fstat(a->fd, &st);
    if (rc < 0)
        return rc;
    *ret_end = scan.offset;
    *ret_size = st.size_bytes;
    return DW_OK;
}

/* ---- recovery ---- */

/* What follows the last frame that holds: a crash tore it, so nobody was told that it is archived. */
static int cut_tail(struct dw_archive *a, uint64_t end, uint64_t size)
{
    if (size == end)
        return DW_OK;
    int rc = dw__set_aside(a->conf.fs, a->dir, a->fd, a->manifest.open, end, size);
    if (rc == DW_OK)
        rc = dw_fs_truncate(a->conf.fs, a->fd, end);
    if (rc == DW_OK)
        rc = dw_fs_sync(a->conf.fs, a->fd);
    DW_COUNT_N(archive_bytes_cut, size - end);
    return rc;
}

/* A seal that did not come to its entry leaves the sealed file, one that did leaves the open one. A state that did not come to its own stays beside the newest. */
static int remove_leftovers(struct dw_archive *a, bool damaged)
{
    char path[DW__PATH_MAX];
    struct dw_stat st;
    const struct dw__manifest *m = &a->manifest;
    const struct dw_segment_info *before = m->sealed_count ? &m->sealed[m->sealed_count - 1] : NULL;
    unlink_segment(a, m->open, ".zst.tmp");
    unlink_segment(a, m->open + 1, ".open"); /* empty, or there would have been doubt */
    int rc = dw__segment_path(path, a->dir, m->open, ".zst");
    if (rc == DW_OK && !damaged && dw_fs_stat(path, &st) == DW_OK) { /* beside damage it may hold what is damaged */
        rc = a->has_last ? dw__is_leftover(a->conf.fs, path, a->conf.keys, a->last.number) : DW_EEXIST;
        if (rc == DW_OK)
            unlink_segment(a, m->open, ".zst");
        else
            dw_error("%s: %s beside an open segment that does not hold all of it: MANIFEST or the open segment is older than the archive. Put the "
                "newest back, or move this file away", path, rc == DW_EEXIST ? "stands" : "cannot be read, and stands");
        if (rc < 0)
            return rc == DW_ENOMEM ? rc : DW_ECORRUPT;
    }
    if (before && !dw_str_ends(dw_str_of(before->file), DW_STR(".open"))
        && dw_path_join(path, sizeof path, a->dir, before->file) == DW_OK && dw_fs_stat(path, &st) == DW_OK
        && st.size_bytes == before->bytes)
        unlink_segment(a, before->number, ".open");
    if (before && !before->has_state)
        unlink_state(a, before->number);
    return DW_OK;
}

static int recover(struct dw_archive *a)
{
    struct dw__rows rows;
    uint64_t end = 0, size = 0;
    int rc = open_segment(a, a->manifest.open, 0);
    if (rc < 0)
        return rc;
    dw__rows_init(&rows);
    rc = scan_open(a, &rows, &end, &size);
    for (uint32_t i = 0; i < rows.count && rc == DW_OK; i++)
        if (!rows.row[i].damaged)
            take_last(a, &rows.row[i].intake, &rows.row[i].head);
    if (rc == DW_OK && !a->has_last)
        rc = take_last_sealed(a);
    if (rc == DW_OK)
        rc = remove_leftovers(a, rows.damaged_count > 0);
    if (rc == DW_OK)
        rc = cut_tail(a, end, size);
    a->bytes = end;
    a->frames = rows.count;
    if (rc == DW_OK && rows.damaged_count)
        rc = close_segment(a, &rows, false);
    dw__rows_fini(&rows);
    return rc;
}

static int open_files(struct dw_archive *a)
{
    char why[DW__DOUBT_MAX];
    int rc = dw__manifest_read(a->conf.fs, a->dir, &a->manifest);
    if (rc < 0 && rc != DW_ENOENT)
        return rc;
    rc = dw__manifest_doubt(a->dir, &a->manifest, why);
    if (rc == DW_ECORRUPT)
        dw_error("%s: %s", a->dir, why);
    if (rc < 0)
        return rc;
    if (!a->manifest.has_open)
        return begin_manifest(a);
    dw__remove_expired(a);
    return recover(a);
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
        rc = open_files(a);
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
    take_last(a, in, head);
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
    struct dw__rows rows;
    uint64_t end, size;
    if (a->frames == 0)
        return DW_OK;
    int rc = dw_archive_sync(a);
    if (rc < 0)
        return rc;
    dw__rows_init(&rows);
    rc = scan_open(a, &rows, &end, &size);
    /* Sealing leaves out what can be computed from the content, so it would make damage look like what was meant. */
    if (rc == DW_OK)
        rc = close_segment(a, &rows, end == size && end == a->bytes && rows.count == a->frames && rows.damaged_count == 0);
    dw__rows_fini(&rows);
    return rc;
}

uint64_t dw_archive_next_intake(const struct dw_archive *a)
{
    return a->next_intake;
}

bool dw_archive_last(const struct dw_archive *a, struct dw_intake *ret, struct dw_head *ret_head)
{
    if (a->has_last) {
        *ret = a->last;
        *ret_head = a->last_head;
    }
    return a->has_last;
}
