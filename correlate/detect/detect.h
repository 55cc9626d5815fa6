/*
 * Detectors: what one key's past says about what comes now.
 *
 * Idea: a detector is a correlation whose threshold is learned. correlate/window owns keys, order and time; a detector gets the
 * bounded state of one key and one record, and says whether that is an anomaly, of what, against which baseline.
 *
 * Invariants:
 *   (1) Pure: records in total order and the watermark decide, no clock and no chance. What decides is whole numbers, or IEEE arithmetic that is
 *       rounded exactly (+, -, *, / and square root), never what a library may round otherwise.
 *   (2) A key's state is a bounded number of entries (struct dw__entry) and a memo of bounded length (beside dw__state itself); what does not fit
 *       is let go, the oldest or the least first, and counted.
 */
#ifndef DOGWATCH_CORRELATE_DETECT_H
#define DOGWATCH_CORRELATE_DETECT_H

#include "../window/window_int.h"

struct dw__detector {
    const char *word;
    /* Takes a record into the state. *ret_is: it is an anomaly, described in *ret. DW_ENOMEM. */
    int (*observe)(struct dw_window *w, const struct dw_correlation *c, struct dw__state *s, const struct dw__record *r, bool *ret_is, struct dw_anomaly *ret);
    /* Whether entries and memo that were read back are what observe relies on. NULL: any entries are, and there is no memo. */
    bool (*fits)(const struct dw_correlation *c, const struct dw__state *s);
    /* Whether the values of a record that was read back are what observe relies on. NULL: any are. */
    bool (*reads)(struct dw_str values);
    uint32_t keeps; /* a key is kept for so many timespans after its newest event */
    bool opens;     /* an anomaly is told once, with updates, until dw__calm_ns have passed without one; false: each is told alone */
    bool spans;     /* its entries are the spans of spans.c */
    bool rests;     /* its anomaly rests on the events of its entries; false: on the event alone */
    bool starts;    /* its anomaly says where its window begins; false: `timespan` before the event */
};

/* NULL for correlations. */
const struct dw__detector *dw__detector_of(enum dw_corr_type type);

#define DETECTOR(word, TYPE, needs_field, says, timespan_is, field_is, doc) extern const struct dw__detector dw__detector_##word;
#include "dogwatch/tbl/detectors.h"
#undef DETECTOR

/* How long a key must be calm until an anomaly of it is a new one. */
int64_t dw__calm_ns(const struct dw_correlation *c);
/* How long a key is kept after its newest event. */
int64_t dw__keeps_ns(const struct dw_correlation *c);

/* What a silence is, at the key's deadline. False: the key was not heard for long enough to say so. */
bool dw__silence_is(const struct dw_correlation *c, const struct dw__state *s, struct dw_anomaly *ret);

/* Whether the key is known for long enough to be told of. */
bool dw__has_learned(const struct dw_correlation *c, const struct dw__state *s, int64_t time_ns);

/* Numbers in a memo: little endian. */
static inline uint32_t dw__get_u32(const uint8_t *at)
{
    return (uint32_t)at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 | (uint32_t)at[3] << 24;
}

static inline uint64_t dw__get_u64(const uint8_t *at)
{
    return (uint64_t)dw__get_u32(at + 4) << 32 | dw__get_u32(at);
}

static inline void dw__put_u32(uint8_t *at, uint32_t v)
{
    for (int i = 0; i < 4; i++)
        at[i] = (uint8_t)(v >> 8 * i);
}

static inline void dw__put_u64(uint8_t *at, uint64_t v)
{
    dw__put_u32(at, (uint32_t)v);
    dw__put_u32(at + 4, (uint32_t)(v >> 32));
}

/* ---- logins (impossible_travel.c) ---- */

/* Appends what a record of impossible_travel carries: the address, and where it is. Else why it has none; nothing is appended then. */
enum dw_left_out dw__login_put(const struct dw_places *places, struct dw_str address, struct dw_buf *out);

/* ---- spans (spans.c) ---- */

/* Where the span of a time begins; the first that there can be, for a time at the beginning of all. */
int64_t dw__span_of(int64_t t, int64_t width);
/* Sees to it that the newest entry is the span of the record; *ret_opened: it was not so before. *ret_fell: a span that is over now had too little,
 * which *ret describes. DW_ENOMEM. */
DW_MUST_USE int dw__span_open(struct dw_window *w, const struct dw_correlation *c, struct dw__state *s, const struct dw__record *r, bool *ret_opened, bool *ret_fell, struct dw_anomaly *ret);
/* Judges the newest span by those before it; `over`: it is closed. DW_ENOMEM. */
DW_MUST_USE int dw__span_judge(const struct dw_correlation *c, struct dw__state *s, bool over, bool *ret_is, struct dw_anomaly *ret);
/* `fits` of detectors with spans. */
bool dw__spans_fit(const struct dw_correlation *c, const struct dw__state *s);

#endif
