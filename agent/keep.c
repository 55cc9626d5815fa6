/*
 * keep: log files that stay open while the agent is not there.
 *
 * Idea: a log that was deleted (docker's max-file=1, conmon, a container that is gone) has its bytes for as long as somebody has it open. The service manager keeps a
 * copy of each descriptor (`dogwatch up`, systemd's FileDescriptorStoreMax=) and hands them to the next start, which reads on where the checkpoint stands.
 *
 * Invariants:
 *   (1) What was handed over is used only for a stream whose file is found nowhere else, and whose content before its place is the same.
 *   (2) Whatever is not needed any more is let go, so that no deleted file holds disk space for longer than it is read.
 */
#include "agent_int.h"

#include "dogwatch/base/counter.h"
#include "dogwatch/base/error.h"

#include <inttypes.h>
#include <stdio.h>

static void put_name(const struct tail *t, char out[DW_SERVICE_NAME])
{
    (void)snprintf(out, DW_SERVICE_NAME, "%" PRIu32 "-%" PRIu32, t->kept.epoch, t->kept.number);
}

/* Another build's names may say nothing to us. */
static struct kept kept_of(const char *name)
{
    struct dw_str number = dw_str_of(name), epoch = dw_str_cut(&number, '-');
    uint64_t e, n;
    bool ours = dw_str_u64(epoch, &e) && dw_str_u64(number, &n) && e <= UINT32_MAX && n <= UINT32_MAX;
    return ours ? (struct kept){.epoch = (uint32_t)e, .number = (uint32_t)n} : (struct kept){.number = 0};
}

void keep_put(struct agent *a, struct tail *t)
{
    if (!a->service || a->service->socket < 0)
        return;
    char name[DW_SERVICE_NAME];
    t->kept = (struct kept){.epoch = (uint32_t)a->chain.epoch.counter, .number = ++a->kept_number};
    put_name(t, name);
    if (a->kept_count < DW_SERVICE_KEPT_MAX && dw_service_keep(a->service, t->fd, name)) {
        a->kept_count++;
        return;
    }
    t->kept.number = 0;
    DW_COUNT(keep_refused);
}

void keep_drop(struct agent *a, struct tail *t)
{
    char name[DW_SERVICE_NAME];
    if (!t->kept.number)
        return;
    put_name(t, name);
    dw_service_let_go(a->service, name);
    t->kept.number = 0;
    a->kept_count--;
}

void keep_drop_all(struct agent *a)
{
    for (struct tail *t = a->tail; t; t = t->next)
        keep_drop(a, t);
    for (struct tail *t = a->resting; t; t = t->next)
        keep_drop(a, t);
}

/* What was handed over and holds what was read of a row's stream: its own file, or a copy of it. NULL: nothing. Where nothing was read, any file would pass for a copy. */
static struct dw_service_fd *find(const struct agent *a, const struct checkpoint_row *row, bool copy, struct dw_stat *ret_st, bool *ret_doubt)
{
    for (uint32_t i = 0; a->service && i < a->service->kept_count && (row->print.len || !copy); i++) {
        struct dw_service_fd *kept = &a->service->kept[i];
        bool fits = kept->fd >= 0 && dw_fs_fstat(kept->fd, ret_st) == DW_OK && same_file(&row->stream, ret_st) != copy;
        if (fits && print_holds(a, kept->fd, row, ret_st, ret_doubt))
            return kept;
    }
    return NULL;
}

bool keep_resume(struct agent *a, struct known *k, bool copy, bool *ret_doubt)
{
    struct dw_stat st;
    struct dw_service_fd *kept = find(a, &k->row, copy, &st, ret_doubt);
    struct found *f = kept ? rows_log(a, k) : NULL;
    if (!f)
        return false;
    int fd = kept->fd;
    kept->fd = -1;
    struct tail *t = tails_add_rotated(a, f, k->row.path, fd, &st, k, false);
    if (!t)
        return false;
    t->copied = copy;
    keep_drop(a, t); /* systemd keeps one file once: it stays under the name that it has */
    t->kept = kept_of(kept->name);
    if (t->kept.number) {
        a->kept_count++;
    } else {
        dw_service_let_go(a->service, kept->name);
        keep_put(a, t);
    }
    kept->name[0] = '\0';
    DW_COUNT(keep_taken);
    return true;
}

void keep_let_go(struct agent *a)
{
    for (uint32_t i = 0; a->service && i < a->service->kept_count; i++) {
        struct dw_service_fd *kept = &a->service->kept[i];
        dw_fs_close(kept->fd);
        kept->fd = -1;
        if (kept->name[0])
            dw_service_let_go(a->service, kept->name);
    }
    if (a->service)
        a->service->kept_count = 0;
}
