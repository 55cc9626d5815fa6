/*
 * An alert store in a temporary folder.
 */
#ifndef DOGWATCH_TESTS_ALERTS_BED_H
#define DOGWATCH_TESTS_ALERTS_BED_H

#include "support.h"

#include "dogwatch/collect/alerts.h"

#include <stdio.h>
#include <unistd.h>

struct bed {
    char dir[512];
    struct dw_alerts *alerts;
};

static inline void open_bed(struct bed *b)
{
    b->alerts = NULL;
    assert_int_equal(dw_alerts_open(&dw_fs_system, b->dir, &b->alerts), DW_OK);
}

static inline void make_bed(struct bed *b)
{
    (void)snprintf(b->dir, sizeof b->dir, "%s", temp_dir());
    open_bed(b);
}

static inline void tear_down(struct bed *b)
{
    dw_alerts_close(b->alerts);
    temp_dir_remove(b->dir);
}

static inline void path_in(const struct bed *b, const char *name, char out[600])
{
    (void)snprintf(out, 600, "%s/%s", b->dir, name);
}

/* Opens it again with nothing but the log to make the view of. */
static inline void open_again_without_view(struct bed *b)
{
    static const char *const names[] = {"alerts.db", "alerts.db-wal", "alerts.db-shm"};
    char path[600];
    dw_alerts_close(b->alerts);
    for (size_t i = 0; i < DW_COUNT_OF(names); i++) {
        path_in(b, names[i], path);
        (void)unlink(path);
    }
    open_bed(b);
}

#endif
