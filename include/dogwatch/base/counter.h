/*
 * Counters: one table (tbl/counters.h) is the enum, the page and the names users see.
 *
 * Process-wide and atomic; together with the log level the only globals there are. Thread: any.
 */
#ifndef DOGWATCH_BASE_COUNTER_H
#define DOGWATCH_BASE_COUNTER_H

#include "dogwatch/base/fs.h"

#include <stdatomic.h>
#include <stdint.h>

enum dw_counter {
#define COUNTER(name, kind, doc) DW_C_##name,
#include "dogwatch/tbl/counters.h"
#undef COUNTER
    DW_COUNTERS
};

extern _Atomic uint64_t dw_counters[DW_COUNTERS];

#define DW_COUNT(name) DW_COUNT_N(name, 1)
#define DW_COUNT_N(name, n) \
    ((void)atomic_fetch_add_explicit(&dw_counters[DW_C_##name], (uint64_t)(n), memory_order_relaxed))
#define DW_COUNT_IF(cond, name) \
    do { \
        if (cond) \
            DW_COUNT(name); \
    } while (0)

uint64_t dw_counter_get(enum dw_counter c);
/* Static strings, e.g. "parse_fields_dropped". */
const char *dw_counter_name(enum dw_counter c);
const char *dw_counter_doc(enum dw_counter c);
/* "not_done", "mended" or "work": tbl/counters.h says which is which. Static. */
const char *dw_counter_kind(enum dw_counter c);

/* Appends a counter in Prometheus' text form: what it is, and then its value in a program. */
void dw_counter_head(struct dw_buf *out, enum dw_counter c);
void dw_counter_sample(struct dw_buf *out, enum dw_counter c, const char *program, uint64_t value);
/* Writes the counters that are not zero to `path`, replacing it: one line each, name, space, number. Not synced: it tells
 * how things stand, and is no evidence. Codes of dw_fs_write. */
DW_MUST_USE int dw_counters_save(const struct dw_fs *fs, const char *path);

#endif
