/*
 * archive_export: some segments of an archive as an archive of their own.
 *
 * Idea: the copy has the same manifest, and further entries that say which segments are not in it. So everything that reads an archive reads a copy,
 * verification too, and the lines of the manifest are those of the original. The open segment is opened first and read as far as it was then: a
 * collector at work may seal it meanwhile.
 *
 * Invariants:
 *   (1) Nothing is written where something is; the original is only read.
 *   (2) The manifest is written after all that it names is synced: a copy that was not finished is no archive.
 *   (3) A copy begins where the archive does, or at a state, so that its chains and its account are whole.
 */
#include "segment_int.h"

#include "dogwatch/base/error.h"
#include "dogwatch/base/mem.h"

#include <fcntl.h>
#include <stdio.h>

enum { STEP = 1024 * 1024, LOOKS_MAX = 5, RULE_SETS_MAX = 1000000 };

struct exporter {
    const struct dw_export *how;
    struct dw__manifest m;
    uint64_t first, last; /* of m.sealed: [first, last) is copied */
    struct dw__rows rows; /* of the open segment */
    int open_fd;
    uint64_t open_bytes;
    bool open; /* it has events of the time */
    bool cut[2];          /* segments before and after are left out */
    struct dw_exported *ret;
};

static bool holds(const struct dw_segment_info *s, const struct dw_export *how)
{
    return !s->expired && s->time_max_ns >= how->since_ns && s->time_min_ns <= how->until_ns;
}

/* Takes sealed segments [from, to) out of what is copied; false: none of them was there. */
static bool leave_out(struct dw__manifest *m, uint64_t from, uint64_t to)
{
    bool any = false;
    for (uint64_t i = from; i < to; i++) {
        any |= !m->sealed[i].expired;
        m->sealed[i].expired = true;
    }
    return any;
}

static int scan_open(struct exporter *x)
{
    char path[DW__PATH_MAX];
    struct dw__scan scan = {.fs = x->how->fs, .rows = &x->rows, .due = dw__manifest_due(&x->m, x->m.open)};
    int rc = dw__segment_path(path, x->how->dir, x->m.open, ".open");
    if (rc == DW_OK)
        rc = dw_fs_open(x->how->fs, path, O_RDONLY, 0, &x->open_fd);
    scan.fd = x->open_fd;
    if (rc == DW_OK)
        rc = dw__open_scan(&scan);
    x->open_bytes = scan.offset;
    for (uint32_t i = 0; rc == DW_OK && i < x->rows.count; i++) {
        const struct dw_head *h = &x->rows.row[i].head;
        x->open |= h->event_count && h->time_max_ns >= x->how->since_ns && h->time_min_ns <= x->how->until_ns;
    }
    return rc;
}

/* Reads the manifest, and the open segment that it speaks of: where a collector sealed that one in between, again. */
static int look(struct exporter *x)
{
    int rc = DW_ENOENT;
    for (int looks = 0; looks < LOOKS_MAX && rc == DW_ENOENT; looks++) {
        dw__manifest_fini(&x->m);
        rc = dw__manifest_read(x->how->fs, x->how->dir, &x->m);
        if (rc < 0)
            return rc;
        rc = x->m.has_open ? scan_open(x) : DW_OK;
    }
    return rc;
}

/* Which segments: from the first to the last that hold events of the time, the one behind them, and before them as far as the next state. */
static int choose(struct exporter *x)
{
    struct dw__manifest *m = &x->m;
    x->first = m->sealed_count;
    for (uint64_t i = m->sealed_count; i-- > 0;) {
        if (!holds(&m->sealed[i], x->how))
            continue;
        x->first = i;
        x->last = x->last ? x->last : i + 1;
    }
    if (x->first < x->last && x->last < m->sealed_count && !m->sealed[x->last].expired)
        x->last++; /* its signatures cover the last frames of the one before */
    else
        x->open |= x->first < x->last && x->last == m->sealed_count;
    if (x->open)
        x->last = m->sealed_count;
    if (x->first >= x->last && !x->open)
        return DW_ERANGE;
    while (x->first > 0 && !dw__manifest_keeps_state(m, x->first - 1))
        x->first--;
    x->cut[0] = leave_out(m, 0, x->first);
    x->cut[1] = leave_out(m, x->last, m->sealed_count);
    return DW_OK;
}

static int copy_bytes(const struct exporter *x, int in, uint64_t bytes, const char *name)
{
    char to[DW__PATH_MAX];
    char *piece = dw_alloc(STEP);
    int out = -1;
    int rc = piece ? dw_path_join(to, sizeof to, x->how->to, name) : DW_ENOMEM;
    if (rc == DW_OK)
        rc = dw_fs_open(x->how->fs, to, O_WRONLY | O_CREAT | O_EXCL, 0640, &out);
    for (uint64_t at = 0, n = 1; rc == DW_OK && n && at < bytes; at += n) {
        size_t got = 0, want = bytes - at < STEP ? (size_t)(bytes - at) : STEP;
        rc = dw_fs_pread(x->how->fs, in, piece, want, at, &got);
        if (rc == DW_OK)
            rc = dw_fs_write(x->how->fs, out, piece, got);
        n = got;
        x->ret->bytes += got;
    }
    if (rc == DW_OK)
        rc = dw_fs_sync(x->how->fs, out);
    dw_fs_close(out);
    dw_free(piece);
    return rc;
}

/* DW_EAGAIN: it was let go since we read the manifest. */
static int copy_file(const struct exporter *x, const char *name)
{
    char from[DW__PATH_MAX];
    int in = -1;
    int rc = dw_path_join(from, sizeof from, x->how->dir, name);
    if (rc == DW_OK)
        rc = dw_fs_open(x->how->fs, from, O_RDONLY, 0, &in);
    if (rc == DW_ENOENT)
        return DW_EAGAIN;
    if (rc == DW_OK)
        rc = copy_bytes(x, in, UINT64_MAX, name);
    dw_fs_close(in);
    return rc;
}

static int copy_state(const struct exporter *x, uint64_t i)
{
    char path[DW__PATH_MAX];
    if (!dw__manifest_keeps_state(&x->m, i))
        return DW_OK;
    int rc = dw__state_path(path, "", x->m.sealed[i].number);
    return rc == DW_OK ? copy_file(x, path + 1) : rc;
}

/* The open segment up to its last whole frame; an empty one where it is not asked for, since an archive has one. */
static int copy_open(const struct exporter *x)
{
    char path[DW__PATH_MAX];
    int rc = dw__segment_path(path, "", x->m.open, ".open");
    for (uint32_t i = 0; rc == DW_OK && x->open && i < x->rows.count; i++)
        x->ret->events += x->rows.row[i].head.event_count;
    x->ret->segments += x->open;
    return rc == DW_OK ? copy_bytes(x, x->open_fd, x->open ? x->open_bytes : 0, path + 1) : rc;
}

static int copy_segments(const struct exporter *x)
{
    int rc = DW_OK;
    for (uint64_t i = 0; i < x->m.sealed_count && rc == DW_OK; i++) {
        const struct dw_segment_info *s = &x->m.sealed[i];
        if (!s->expired) {
            rc = copy_file(x, s->file);
            x->ret->segments++;
            x->ret->events += s->events;
        }
        if (rc == DW_OK)
            rc = copy_state(x, i);
    }
    return rc == DW_OK ? copy_open(x) : rc;
}

/* The rule sets that were in force (collect/kept_rules.h): of a later archive too, for which of them the copy needs only its decisions tell. */
static int copy_rules(const struct exporter *x)
{
    char dir[DW__PATH_MAX], name[DW__PATH_MAX];
    struct dw_buf names = {0};
    int rc = dw_path_join(dir, sizeof dir, x->how->dir, "rules");
    if (rc == DW_OK)
        rc = dw_fs_list(dir, RULE_SETS_MAX, &names);
    if (rc == DW_OK)
        rc = dw_path_join(dir, sizeof dir, x->how->to, "rules");
    if (rc == DW_OK)
        rc = dw_fs_mkdir_new(x->how->fs, dir, 0750);
    for (const char *n = names.ptr; rc == DW_OK && n && n < names.ptr + names.len; n += strlen(n) + 1) {
        rc = dw_path_join(name, sizeof name, "rules", n);
        if (rc == DW_OK && dw_str_ends(dw_str_of(n), DW_STR(".zst")))
            rc = copy_file(x, name);
    }
    dw_buf_fini(&names);
    if (rc == DW_OK)
        rc = dw_fs_sync_dir(x->how->fs, dir);
    return rc == DW_ENOENT ? DW_OK : rc; /* there are none */
}

/* Of the sealed segments [from, to): they are not here. */
static int say_left_out(struct exporter *x, uint64_t from, uint64_t to)
{
    struct dw__entry_info entry = {.type = DW__ENTRY_OMIT, .segment.number = x->m.sealed[from].number, .upto = x->m.sealed[to - 1].number,
        .asked = x->how->asked};
    return dw__manifest_append(x->how->fs, x->how->to, &x->m, &entry, x->how->now_ns);
}

static int write_manifest(struct exporter *x)
{
    char path[DW__PATH_MAX];
    struct dw_buf text = {0};
    struct dw__entry_info entry = {.type = DW__ENTRY_EXPORT, .segment.number = x->ret->from, .upto = x->ret->to, .asked = x->how->asked};
    int rc = dw_path_join(path, sizeof path, x->how->dir, "MANIFEST");
    if (rc == DW_OK)
        rc = dw_fs_read_file(x->how->fs, path, DW__MANIFEST_MAX_BYTES, &text);
    if (rc == DW_OK)
        rc = dw_path_join(path, sizeof path, x->how->to, "MANIFEST");
    if (rc == DW_OK)
        rc = dw_fs_write_new(x->how->fs, path, 0640, dw_str_slice(dw_buf_view(&text), 0, (size_t)x->m.bytes)); /* as it was when we began */
    dw_buf_fini(&text);
    if (rc == DW_OK && x->cut[0])
        rc = say_left_out(x, 0, x->first);
    if (rc == DW_OK && x->cut[1])
        rc = say_left_out(x, x->last, x->m.sealed_count);
    return rc == DW_OK ? dw__manifest_append(x->how->fs, x->how->to, &x->m, &entry, x->how->now_ns) : rc;
}

int dw_archive_export(const struct dw_export *how, struct dw_exported *ret)
{
    struct exporter x = {.how = how, .ret = ret, .open_fd = -1};
    *ret = (struct dw_exported){0};
    dw__rows_init(&x.rows);
    int rc = look(&x);
    if (rc == DW_OK)
        rc = choose(&x);
    if (rc == DW_OK) {
        ret->from = x.first < x.last ? x.m.sealed[x.first].number : x.m.open;
        ret->to = x.open ? x.m.open : x.m.sealed[x.last - 1].number;
        rc = dw_fs_mkdir_new(how->fs, how->to, 0750);
    }
    if (rc == DW_OK)
        rc = copy_segments(&x);
    if (rc == DW_OK)
        rc = copy_rules(&x);
    if (rc == DW_OK)
        rc = write_manifest(&x);
    if (rc == DW_OK)
        rc = dw_fs_sync_dir(how->fs, how->to);
    if (rc == DW_OK)
        rc = dw_fs_sync_parent(how->fs, how->to);
    dw_fs_close(x.open_fd);
    dw__rows_fini(&x.rows);
    dw__manifest_fini(&x.m);
    return rc;
}
