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
#include "dogwatch/base/mem.h"

#include <stdio.h>

static void forget_name(struct tail *t)
{
    dw_free(t->kept);
    t->kept = NULL;
}

void keep_put(struct agent *a, struct tail *t)
{
    if (!a->service || a->service->socket < 0)
        return;
    char name[DW_SERVICE_NAME];
    (void)snprintf(name, sizeof name, "%llx-%llx", (unsigned long long)(a->chain.epoch.counter & UINT32_MAX), (unsigned long long)++a->kept_number);
    if (a->kept_count < DW_SERVICE_KEPT_MAX)
        t->kept = dw_strndup(name, strlen(name));
    if (t->kept && dw_service_keep(a->service, t->fd, t->kept)) {
        a->kept_count++;
        return;
    }
    forget_name(t);
    DW_COUNT(keep_refused);
}

void keep_drop(struct agent *a, struct tail *t)
{
    if (!t->kept)
        return;
    dw_service_let_go(a->service, t->kept);
    forget_name(t);
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
static struct dw_service_fd *find(const struct agent *a, const struct checkpoint_row *row, bool copy, struct dw_stat *ret_st)
{
    for (uint32_t i = 0; a->service && i < a->service->kept_count && (row->print.len || !copy); i++) {
        struct dw_service_fd *kept = &a->service->kept[i];
        bool fits = kept->fd >= 0 && dw_fs_fstat(kept->fd, ret_st) == DW_OK && same_file(&row->stream, ret_st) != copy;
        if (fits && print_holds(a, kept->fd, row, ret_st, NULL))
            return kept;
    }
    return NULL;
}

bool keep_resume(struct agent *a, struct known *k, bool copy)
{
    struct dw_stat st;
    struct dw_service_fd *kept = find(a, &k->row, copy, &st);
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
    t->kept = dw_strndup(kept->name, strlen(kept->name)); /* without memory nobody lets it go before the agent's end */
    kept->name[0] = '\0';
    a->kept_count += t->kept != NULL;
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
