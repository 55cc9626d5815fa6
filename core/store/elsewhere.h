/* elsewhere: which chains of frames another archive has a part of (archive.h, dw_elsewhere_add). */
#ifndef DOGWATCH_CORE_STORE_ELSEWHERE_H
#define DOGWATCH_CORE_STORE_ELSEWHERE_H

#include "dogwatch/store/archive.h"

struct dw_elsewhere *dw__elsewhere_new(void);
void dw__elsewhere_free(struct dw_elsewhere *e);
/* Of a frame whose intake number is `intake`: whether the one before it in its chain, by number and hash, was elsewhere, and that was known by then. Then
 * *ret_key is its agent's key, or NULL. `e` NULL: nothing is. */
bool dw__elsewhere_before(const struct dw_elsewhere *e, const struct dw_head *h, uint64_t intake, const uint8_t **ret_key);
/* Whether the parent that an epoch of `agent` names was (DW_PARENT_HERE), and that was known by then. */
bool dw__elsewhere_parent(const struct dw_elsewhere *e, const uint8_t agent[DW_AGENT_ID_BYTES], const struct dw_parent *p, uint64_t intake);

#endif
