/*
 * send_file: messages appended to a file, one a line, each synced.
 *
 * Invariants:
 *   (1) A message counts as taken when its line is synced in the file that stands at the path: one that was renamed away gets no more.
 *   (2) Nothing that stands in the file is removed, but for a piece of a line that a failed write of this process left.
 *   (3) A line that a crash left unfinished is ended before the next one.
 */
#include "notify_int.h"

#include "dogwatch/base/error.h"
#include "dogwatch/base/mem.h"

#include <fcntl.h>

struct out_file {
    int fd;
};

static int file_open(struct output *o)
{
    struct out_file *f = dw_calloc(1, sizeof *f);
    if (!f)
        return DW_ENOMEM;
    f->fd = -1;
    o->link = f;
    return DW_OK;
}

static void file_close(struct output *o)
{
    struct out_file *f = o->link;
    if (!f)
        return;
    dw_fs_close(f->fd);
    dw_free(f);
    o->link = NULL;
}

/* Whether what is open is what stands at the path. */
static bool is_current(const struct output *o, const struct out_file *f)
{
    struct dw_stat there, ours;
    return f->fd >= 0 && dw_fs_stat(o->opt->path.ptr, &there) == DW_OK && dw_fs_fstat(f->fd, &ours) == DW_OK && there.inode == ours.inode
        && there.device == ours.device;
}

/* Ends a line that was left unfinished. */
static int mend(const struct output *o, const struct out_file *f)
{
    struct dw_stat st;
    char last = '\n';
    size_t n = 1;
    int rc = dw_fs_fstat(f->fd, &st);
    if (rc == DW_OK && st.size_bytes)
        rc = dw_fs_pread(o->fs, f->fd, &last, 1, st.size_bytes - 1, &n);
    return rc < 0 || n == 0 || last == '\n' ? rc : dw_fs_write(o->fs, f->fd, "\n", 1);
}

static int reopen(struct output *o, struct out_file *f)
{
    dw_fs_close(f->fd);
    f->fd = -1;
    int rc = dw_fs_open(o->fs, o->opt->path.ptr, O_RDWR | O_CREAT | O_APPEND, 0640, &f->fd);
    if (rc == DW_OK)
        rc = dw_fs_sync_parent(o->fs, o->opt->path.ptr);
    return rc == DW_OK ? mend(o, f) : rc;
}

static int append(struct output *o, struct out_file *f, const struct output_message *m)
{
    struct dw_stat st = {0};
    int rc = is_current(o, f) ? DW_OK : reopen(o, f);
    if (rc == DW_OK)
        rc = dw_fs_fstat(f->fd, &st);
    if (rc < 0)
        return rc;
    struct dw_buf line = {0};
    dw_buf_str(&line, dw_buf_view(&m->body));
    dw_buf_byte(&line, '\n');
    rc = line.err ? line.err : dw_fs_write(o->fs, f->fd, line.ptr, line.len);
    if (rc == DW_OK)
        rc = dw_fs_sync(o->fs, f->fd);
    else if (dw_fs_truncate(o->fs, f->fd, st.size_bytes) < 0) /* then the next line begins a new one */
        dw_fs_close(f->fd), f->fd = -1;
    dw_buf_fini(&line);
    return rc;
}

static void file_send(struct output *o, const struct output_message *m, struct output_result *ret)
{
    int rc = append(o, o->link, m);
    if (rc == DW_OK)
        ret->answer = OUTPUT_TAKEN;
    else
        output_say(ret, OUTPUT_LATER, "%s: %s", o->opt->path.ptr, dw_err_text(rc));
}

const struct output_way output_file = {.open = file_open, .send = file_send, .close = file_close};
