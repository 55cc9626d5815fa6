/*
 * detect: the table of detectors, and how long their keys are kept.
 */
#include "detect.h"

static const struct {
    enum dw_corr_type type;
    struct dw__detector detector;
} table[] = {
#define DETECTOR(word, TYPE, needs_field, timespan_is, doc) {DW_CORR_##TYPE, {#word, dw__##word, DW_CORR_##TYPE == DW_CORR_RATE_SPIKE}},
#include "dogwatch/tbl/detectors.h"
#undef DETECTOR
};

const struct dw__detector *dw__detector_of(enum dw_corr_type type)
{
    for (size_t i = 0; i < DW_COUNT_OF(table); i++)
        if (table[i].type == type)
            return &table[i].detector;
    return NULL;
}
