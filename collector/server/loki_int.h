/*
 * What the Loki endpoints share.
 */
#ifndef DOGWATCH_SERVER_LOKI_INT_H
#define DOGWATCH_SERVER_LOKI_INT_H

#include "api_int.h"
#include "logql.h"

#include "dogwatch/base/keyed.h"

enum { LOKI_SERIES_MAX = 1000, LOKI_LINES_MAX = 5000 };
/* Times lie within so much of 1970, and spans are no longer: sums of two of them never overflow. */
#define LOKI_SPAN_MAX_NS (INT64_C(100) * 366 * 86400 * 1000000000)

/* Range of a request: `start` and `end` in ns since 1970, seconds or RFC 3339; without them the last hour. False: the request has failed. */
bool loki_range(struct request *rq, int64_t *ret_start, int64_t *ret_end);
/* `start` alone: it may also be a time to come. Without it an hour before now. */
bool loki_start(struct request *rq, int64_t *ret_start);
/* `limit`: of lines; of more than LOKI_LINES_MAX the answer says that they are not given. */
uint32_t loki_limit(struct request *rq);
/* The query of parameter `name`, compiled; where it is not given `otherwise`. False: the request has failed. The caller calls logql_fini in
 * any case. */
bool loki_query(struct request *rq, const char *name, const char *otherwise, struct logql *ret);
/* An event's stream labels as one JSON object, appended: of the table, or with `by` those only. */
void loki_labels(const struct dw_event *ev, const struct dw_keys *keys, const struct logql *by, struct dw_buf *out);
/* Whether the query's filters over lines take an event; one on which a regex gave up is left out, and the answer says so. */
bool loki_takes(struct request *rq, const struct logql *q, struct dw_regex_scratch *scratch, const struct dw_event *ev);
/* {"status":"success" with warnings, before the data. */
void loki_begin(struct request *rq);

/* ---- loki_lines.c ---- */

struct loki_line {
    int64_t time_ns;
    uint64_t number; /* in the order of the archive: equal times keep it */
    char *text;      /* labels, then the line */
    const char *at[2];
    size_t len; /* of the line */
};
/* The newest or the oldest of the lines that are added. */
struct loki_lines {
    struct loki_line *heap; /* the one to be given up first stands at 0, until they are sorted */
    uint32_t count, limit;
    bool newest;
    uint64_t number;
    size_t bytes, bytes_max; /* of lines that are kept */
    struct dw_buf labels;
};
/* DW_ENOMEM. The caller calls loki_lines_fini in any case. */
DW_MUST_USE int loki_lines_init(struct loki_lines *l, uint32_t limit, bool newest, size_t bytes_max);
void loki_lines_fini(struct loki_lines *l);
/* Whether a line of this time would be kept, were it the next. */
bool loki_lines_want(const struct loki_lines *l, int64_t time_ns);
/* One that loki_lines_want takes. DW_ELIMIT: over bytes_max, and so many are given up, the oldest (or newest) first; DW_ENOMEM. */
DW_MUST_USE int loki_lines_add(struct loki_lines *l, const struct dw_keys *keys, const struct dw_event *ev);
/* The oldest first. Nothing is added from then on until loki_lines_clear. */
void loki_lines_by_time(struct loki_lines *l);
/* Lines [from, to) as Loki's list of streams; changes their order. */
void loki_lines_put(struct loki_lines *l, uint32_t from, uint32_t to, bool backward, struct dw_buf *out);
void loki_lines_clear(struct loki_lines *l);

#endif
