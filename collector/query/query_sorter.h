/*
 * Sorting more than memory holds: records of a key and a value, in the order of the keys' bytes.
 *
 * Stable: records of equal keys come out as they went in. What does not fit goes to a temporary file that has no name. Thread: the
 * query's.
 */
#ifndef DOGWATCH_COLLECTOR_QUERY_SORTER_H
#define DOGWATCH_COLLECTOR_QUERY_SORTER_H

#include "op.h"

#include "dogwatch/base/arena.h"

struct sorter_run;

struct sorter {
    const struct query_context *cx;
    size_t bytes_max; /* of records in memory, at most */
    struct dw_arena arena;
    struct sorter_entry *entry;
    uint32_t count, cap, at; /* records in memory; the next one to give */
    int fd;                  /* -1: nothing was spilled */
    int broken;              /* why nothing can be spilled any more */
    uint64_t file_end;
    struct sorter_run *run;
    uint32_t run_count, runs_spilled;
    struct dw_buf given;
};

void sorter_init(struct sorter *s, const struct query_context *cx, size_t bytes_max);
void sorter_fini(struct sorter *s);
/* Adds a copy. DW_ENOMEM; the codes of files. On failure the record is not in, all earlier ones are unless the code is of a file. */
DW_MUST_USE int sorter_add(struct sorter *s, struct dw_str key, struct dw_str value);
/* No more comes: readies sorter_next. */
DW_MUST_USE int sorter_end(struct sorter *s);
/* The next record, valid until the next call. DW_EAGAIN: there is none. */
DW_MUST_USE int sorter_next(struct sorter *s, struct dw_str *ret_key, struct dw_str *ret_value);
/* What it holds in memory. */
size_t sorter_bytes(const struct sorter *s);

#endif
