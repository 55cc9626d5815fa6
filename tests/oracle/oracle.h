/*
 * oracle: correlations and small streams of events, made at random, and an obvious evaluator of both.
 *
 * A correlation is a struct here and YAML for the engine; oracle_make.c makes both from the same numbers. oracle_plain.c looks at every event of the
 * window anew for every event, O(n^2) and more, from docs/reference/correlation.md alone.
 */
#ifndef DOGWATCH_TESTS_ORACLE_H
#define DOGWATCH_TESTS_ORACLE_H

#include "dogwatch/base/buf.h"
#include "dogwatch/base/rng.h"

enum { O_RULES = 3, O_CORRS = 5, O_EVENTS = 32, O_SERIES = 3, O_ORDINALS = 2, O_FIELDS = 3, O_TEXT = 8 };
enum o_type { O_EVENT_COUNT, O_VALUE_COUNT, O_VALUE_SUM, O_VALUE_AVG, O_VALUE_PERCENTILE, O_TEMPORAL, O_ORDERED, O_ABSENCE, O_TYPES };
enum o_op { O_GTE, O_GT, O_LTE, O_LT, O_EQ, O_NEQ, O_OPS };
enum o_shape { O_ALL, O_AND_NOT, O_OR_AND }; /* temporal's condition: none; a and not b; (a or b) and c */

struct o_corr {
    enum o_type type;
    int member[O_RULES], members; /* a rule, or O_RULES + the number of an earlier correlation */
    int group[2], groups;         /* fields */
    int field[2], fields;
    int64_t span, before; /* seconds */
    enum o_op op[2];
    int want[2], conds;
    int percentile;
    int calm; /* -1: it has none */
    enum o_shape shape;
    bool timed; /* an absence, or over one */
};

struct o_event {
    int64_t time; /* seconds */
    int series, ordinal;
    uint32_t start; /* names the event */
    bool rule[O_RULES];
    char field[O_FIELDS][O_TEXT]; /* "": the event has none */
    bool late;
    bool counts; /* it came before the watermark passed its time: set by who feeds */
};

struct o_stream {
    struct o_event event[O_EVENTS];
    int count;
};

/* ---- oracle_make.c ---- */
void o_make_corrs(struct dw_rng *rng, struct o_corr corr[O_CORRS], struct dw_buf *yaml);
void o_make_stream(struct dw_rng *rng, struct o_stream *s);

/* ---- oracle_plain.c ---- */
/* Appends a line a finding of any of the correlations, up to `end` seconds: o_line's, in no order. */
void o_plain(const struct o_corr corr[O_CORRS], const struct o_stream *s, int64_t end, struct dw_buf *out);

/* What both say of a finding: which correlation and key, opened or told again, when, on which event, the value, how many, the first and last named. */
struct o_finding {
    int corr;
    const char *key; /* the group's values, each with a blank behind it */
    bool update, calm;
    int64_t time;
    uint32_t cause;
    double value;
    uint64_t total;
    uint32_t first, last;
};
void o_line(const struct o_finding *f, struct dw_buf *out);

#endif
