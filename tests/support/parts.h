/* What tests do with parts (docs/formats/parts.md) and nobody else does. */
#ifndef DOGWATCH_TESTS_PARTS_H
#define DOGWATCH_TESTS_PARTS_H

#include "dogwatch/base/assert.h"
#include "dogwatch/base/error.h"
#include "dogwatch/collect/account.h"

/* The account knows nothing of the source any more: the part of an account that never knew anything is taken. */
static inline void part_forget(struct dw_account *a, uint64_t source)
{
    static const struct dw_account_bounds few = {.streams = 1, .epochs = 1, .ranges = 1};
    struct dw_account *fresh = dw_account_new(&few, NULL, NULL);
    struct dw_buf part = {0};
    DW_ASSERT(fresh);
    dw_account_part_save(fresh, source, &part);
    int rc = dw_account_part_take(a, source, dw_buf_view(&part), 0);
    DW_ASSERT(rc == DW_OK);
    dw_buf_fini(&part);
    dw_account_free(fresh);
}

#endif
