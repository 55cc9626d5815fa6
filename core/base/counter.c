/*
 * counter: the array behind DW_COUNT, and its names out of tbl/counters.h.
 */
#include "dogwatch/base/counter.h"

#include "dogwatch/base/assert.h"

_Atomic uint64_t dw_counters[DW_COUNTERS];

static const struct {
    const char *name, *doc;
} rows[] = {
#define COUNTER(name, doc) {#name, doc},
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
