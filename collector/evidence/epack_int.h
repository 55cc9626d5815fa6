/*
 * The inside of evidence packs: the list and files in memory (epack.c), the tar (epack_tar.c), folders and reading (epack_disk.c); what a pack
 * holds (evidence_*.c).
 */
#ifndef DOGWATCH_COLLECTOR_EVIDENCE_EPACK_INT_H
#define DOGWATCH_COLLECTOR_EVIDENCE_EPACK_INT_H

#include "dogwatch/collect/evidence.h"

/* ---- epack_tar.c ---- */

/* Appends the pack, with the text of its PACK, as a tar. */
void epack_tar_write(const struct dw_epack *p, struct dw_str list, struct dw_buf *out);
/* Calls `each` for every member; a member's bytes are views into the tar's. Ends at a code < 0 of `each`, which it answers. DW_ECORRUPT and
 * *ret_at: at that byte stands something else than an export writes. */
DW_MUST_USE int epack_tar_each(
    struct dw_str tar, int (*each)(void *arg, struct dw_str name, struct dw_str bytes), void *arg, uint64_t *ret_at);

#endif
