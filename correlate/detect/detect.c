/*
 * detect: the table of detectors, what their findings say, and how long their keys are kept.
 */
#include "detect.h"

enum { CALM_PART = 6 };

static const struct {
    const struct dw__detector *detector;
    uint32_t says;
} table[] = { /* by type; correlations have none */
#define DETECTOR(word, TYPE, needs_field, says, timespan_is, field_is, doc) [DW_CORR_##TYPE] = {&dw__detector_##word, says},
#include "dogwatch/tbl/detectors.h"
#undef DETECTOR
};

const struct dw__detector *dw__detector_of(enum dw_corr_type type)
{
    return type < DW_COUNT_OF(table) ? table[type].detector : NULL;
}

uint32_t dw_detector_says(enum dw_corr_type type)
{
    return type < DW_COUNT_OF(table) ? table[type].says : 0;
}

/* Of spans a sixth of the past that makes the baseline, at least a span: what comes and goes is one anomaly. */
int64_t dw__calm_ns(const struct dw_correlation *c)
{
    int64_t part = c->timespan_ns * c->history / CALM_PART; /* of ten years at most */
    return part > c->timespan_ns ? part : c->timespan_ns;
}

int64_t dw__keeps_ns(const struct dw_correlation *c)
{
    const struct dw__detector *d = dw__detector_of(c->type);
    int64_t ns = c->before_ns > c->timespan_ns ? c->before_ns : c->timespan_ns, spans = !d ? 1 : d->spans ? c->history + INT64_C(1) : d->keeps;
    return __builtin_mul_overflow(ns, spans, &ns) ? INT64_MAX : ns;
}

bool dw__has_learned(const struct dw_correlation *c, const struct dw__state *s, int64_t time_ns)
{
    return dw__since(time_ns, s->past->began_ns) >= c->learn_ns;
}
