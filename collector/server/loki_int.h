/*
 * What the Loki endpoints share.
 */
#ifndef DOGWATCH_SERVER_LOKI_INT_H
#define DOGWATCH_SERVER_LOKI_INT_H

#include "api_int.h"
#include "logql.h"

#include "dogwatch/base/keyed.h"

enum { LOKI_SERIES_MAX = 1000 };
/* Times lie within so much of 1970, and spans are no longer: sums of two of them never overflow. */
#define LOKI_SPAN_MAX_NS (INT64_C(100) * 366 * 86400 * 1000000000)

/* Range of a request: `start` and `end` in ns since 1970, seconds or RFC 3339; without them the last hour. False: the request has failed. */
bool loki_range(struct request *rq, int64_t *ret_start, int64_t *ret_end);
/* The query of parameter `name`, compiled; where it is not given `otherwise`. False: the request has failed. The caller calls logql_fini in
 * any case. */
bool loki_query(struct request *rq, const char *name, const char *otherwise, struct logql *ret);
/* An event's stream labels as one JSON object, appended: of the table, or with `by` those only. */
void loki_labels(const struct dw_event *ev, const struct dw_keys *keys, const struct logql *by, struct dw_buf *out);
/* Whether the query's filters over lines take an event; one on which a regex gave up is left out, and the answer says so. */
bool loki_takes(struct request *rq, const struct logql *q, struct dw_regex_scratch *scratch, const struct dw_event *ev);
/* {"status":"success" with warnings, before the data. */
void loki_begin(struct request *rq);

#endif
