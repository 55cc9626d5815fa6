/*
 * The writing side of an archive, as archive.c and retention.c share it.
 */
#ifndef DOGWATCH_STORE_ARCHIVE_INT_H
#define DOGWATCH_STORE_ARCHIVE_INT_H

#include "segment_int.h"

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
    struct dw_head last_head;
    bool has_last;
    struct dw_buf scratch, marks;
};

/* Removes files of segments and states that were let go: a crash may leave them behind the entry that says so (retention.c). */
void dw__remove_expired(const struct dw_archive *a);

#endif
