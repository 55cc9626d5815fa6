/*
 * What an archive says of frames that another collector of its group has: with a partition that it took came a part (docs/formats/parts.md), which is in its decisions
 * (docs/formats/decisions.md, `partition.taken`). Thread: any.
 */
#ifndef DOGWATCH_COLLECT_TAKEN_H
#define DOGWATCH_COLLECT_TAKEN_H

#include "dogwatch/store/archive.h"

/* For struct dw_verify: adds the chains in each part that was taken, known from its last piece on. A part that is not whole or not valid had no effect when it was taken
 * and has none here, nor has what cannot be read. DW_ENOMEM, codes of dw_archive_reader_open. */
DW_MUST_USE int dw_taken_read(const struct dw_fs *fs, const char *dir, struct dw_elsewhere *e);

#endif
