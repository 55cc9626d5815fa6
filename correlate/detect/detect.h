/*
 * Detectors: what one key's past says about what comes now.
 *
 * Idea: a detector is a correlation whose threshold is learned. correlate/window owns keys, order and time; a detector gets the
 * bounded state of one key and one record, and says whether that is an anomaly, of what, against which baseline.
 *
 * Invariants:
 *   (1) Pure: records in total order and the watermark decide, no clock.
 *   (2) A key's state is at most `entries` entries of struct dw__entry (beside dw__state itself); what does not fit is let go,
 *       the oldest first, and counted.
 */
#ifndef DOGWATCH_CORRELATE_DETECT_H
#define DOGWATCH_CORRELATE_DETECT_H

#include "../window/window_int.h"

struct dw__detector {
    const char *word;
    /* Takes a record into the state. *ret_is: it is an anomaly, described in *ret. DW_ENOMEM. */
    int (*observe)(struct dw_window *w, const struct dw_correlation *c, struct dw__state *s, const struct dw__record *r, bool *ret_is, struct dw_anomaly *ret);
    bool opens; /* an anomaly is told once, with updates, until dw__calm_ns have passed without one; false: each is told alone */
};

/* NULL for correlations. */
const struct dw__detector *dw__detector_of(enum dw_corr_type type);

int dw__new_value(struct dw_window *w, const struct dw_correlation *c, struct dw__state *s, const struct dw__record *r, bool *ret_is, struct dw_anomaly *ret);
int dw__new_template(struct dw_window *w, const struct dw_correlation *c, struct dw__state *s, const struct dw__record *r, bool *ret_is, struct dw_anomaly *ret);
int dw__rate_spike(struct dw_window *w, const struct dw_correlation *c, struct dw__state *s, const struct dw__record *r, bool *ret_is, struct dw_anomaly *ret);
/* Only notes that the key is alive: silence is told by the passing of time (correlate/window/deadline.c). */
int dw__silence(struct dw_window *w, const struct dw_correlation *c, struct dw__state *s, const struct dw__record *r, bool *ret_is, struct dw_anomaly *ret);

/* How long a key must be calm until an anomaly of it is a new one. */
int64_t dw__calm_ns(const struct dw_correlation *c);

/* What a silence is, at the key's deadline. False: the key was not heard for long enough to say so. */
bool dw__silence_is(const struct dw_correlation *c, const struct dw__state *s, struct dw_anomaly *ret);

#endif
