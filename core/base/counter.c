/*
 * counter: the array behind DW_COUNT, and its names out of tbl/counters.h.
 */
#include "dogwatch/base/counter.h"

#include "dogwatch/base/assert.h"
#include "dogwatch/base/error.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>

_Atomic uint64_t dw_counters[DW_COUNTERS];

#define KIND_NOT_DONE "not_done"
#define KIND_MENDED "mended"
#define KIND_WORK "work"

static const struct {
    const char *name, *kind, *doc;
} rows[] = {
#define COUNTER(name, kind, doc) {#name, KIND_##kind, doc},
#include "dogwatch/tbl/counters.h"
#undef COUNTER
};

uint64_t dw_counter_get(enum dw_counter c)
{
    DW_ASSERT(c < DW_COUNTERS);
    return atomic_load_explicit(&dw_counters[c], memory_order_relaxed);
}

const char *dw_counter_name(enum dw_counter c)
{
    DW_ASSERT(c < DW_COUNTERS);
    return rows[c].name;
}

const char *dw_counter_doc(enum dw_counter c)
{
    DW_ASSERT(c < DW_COUNTERS);
    return rows[c].doc;
}

const char *dw_counter_kind(enum dw_counter c)
{
    DW_ASSERT(c < DW_COUNTERS);
    return rows[c].kind;
}

static int put_file(const struct dw_fs *fs, const char *path, struct dw_str text)
{
    int fd;
    int rc = dw_fs_open(fs, path, O_WRONLY | O_CREAT | O_TRUNC, 0640, &fd);
    if (rc < 0)
        return rc;
    rc = dw_fs_write(fs, fd, text.ptr, text.len);
    dw_fs_close(fd);
    return rc;
}

void dw_counter_head(struct dw_buf *out, enum dw_counter c)
{
    const char *name = dw_counter_name(c);
    dw_buf_printf(out, "# HELP dogwatch_%s_total %s\n# TYPE dogwatch_%s_total counter\n", name, dw_counter_doc(c), name);
}

void dw_counter_sample(struct dw_buf *out, enum dw_counter c, const char *program, uint64_t value)
{
    dw_buf_printf(out, "dogwatch_%s_total{program=\"%s\"} %" PRIu64 "\n", dw_counter_name(c), program, value);
}

int dw_counters_save(const struct dw_fs *fs, const char *path)
{
    char temp[4096];
    struct dw_buf text = {0};
    int n = snprintf(temp, sizeof temp, "%s.tmp", path);
    for (unsigned i = 0; i < DW_COUNTERS; i++) {
        uint64_t v = dw_counter_get((enum dw_counter)i);
        if (v)
            dw_buf_printf(&text, "%s %" PRIu64 "\n", rows[i].name, v);
    }
    int rc = n < 0 || (size_t)n >= sizeof temp ? DW_ELIMIT : text.err;
    if (rc == DW_OK)
        rc = put_file(fs, temp, dw_buf_view(&text));
    if (rc == DW_OK)
        rc = dw_fs_rename(fs, temp, path);
    dw_buf_fini(&text);
    return rc;
}
