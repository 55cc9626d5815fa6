/*
 * Aggregates: what `stats` keeps of the rows of a group, and makes of it at the end.
 *
 * Thread: the query's.
 */
#ifndef DOGWATCH_COLLECTOR_AGGREGATE_H
#define DOGWATCH_COLLECTOR_AGGREGATE_H

#include "query_int.h"

enum aggregate_kind {
    AGGREGATE_COUNT,
    AGGREGATE_DISTINCT,
    AGGREGATE_SUM,
    AGGREGATE_BEST,
    AGGREGATE_MEAN,
    AGGREGATE_PERCENTILE,
    AGGREGATE_EDGE,
    AGGREGATE_VALUES,
};

/* One aggregate of a query. Set once. */
struct aggregate {
    enum aggregate_kind kind;
    int argument;
    uint32_t field; /* UINT32_MAX: none, every row counts */
    uint32_t key;   /* of its column */
};

/* What it has kept of one group. Zeroed is that of no rows. */
struct agg_state {
    uint64_t n;   /* rows, values or numbers */
    int64_t i;    /* SUM, MEAN: whole numbers; BEST, EDGE: an INT */
    double f;     /* SUM, MEAN: what is not in i; BEST, EDGE: a REAL */
    uint8_t kind; /* BEST, EDGE: enum value_kind of what is kept */
    bool number;  /* EDGE: as struct value */
    bool lost;    /* memory did not hold it: there is no result */
    char *text;   /* BEST, EDGE: in the store */
    uint32_t len, cap;
    struct agg_item *item;   /* DISTINCT, VALUES */
    struct agg_chunk *chunk; /* PERCENTILE */
};

/* Memory of the states of many groups. */
struct agg_store {
    struct dw_arena arena;
    struct dw_table items; /* of all states */
};
size_t agg_store_bytes(const struct agg_store *s);
/* Ends all states. */
void agg_store_reset(struct agg_store *s);

void agg_take(const struct aggregate *a, struct agg_state *state, struct agg_store *store, const struct row *row);
/* A state as bytes; and added to another, whose rows came earlier. Over `bytes_max` in the store, what a list lacks makes it lost. */
void agg_save(const struct aggregate *a, const struct agg_state *state, struct dw_buf *out);
void agg_merge(const struct aggregate *a, struct agg_state *state, struct agg_store *store, size_t bytes_max, struct dw_cursor *c);
/* Adds the result to a row: no field, one, or those of a list. Texts are of the store. DW_ENOMEM. */
DW_MUST_USE int agg_result(const struct aggregate *a, struct agg_state *state, struct row_fields *out);
/* Whether its results are always numbers. */
bool agg_is_number(const struct aggregate *a);
/* Whether without rows its result is 0. */
bool agg_has_zero(const struct aggregate *a);

enum { AGGREGATES_MAX = 16 };
enum stats_order { STATS_BY_KEYS, STATS_MOST_FIRST, STATS_LEAST_FIRST /* by the first aggregate, a count */ };

/* What a `stats` is to do. */
struct stats_plan {
    uint32_t by[QUERY_BY_MAX], by_count;
    struct aggregate agg[AGGREGATES_MAX];
    uint32_t agg_count;
    int64_t span_ns; /* 0: not by time; else rows come by the `by` fields, then by time */
    enum stats_order order;
};
/* Reads AGGREGATE [as NAME], ... [by FIELD, ...] and makes the rows a table of it. */
DW_MUST_USE int stats_parse(struct query_parser *p, struct stats_plan *plan);
/* Makes the rows a table: time, `by` fields, aggregates. */
DW_MUST_USE int stats_shape(struct query_parser *p, size_t at, const struct stats_plan *plan);
/* NULL without memory. */
struct op *stats_new(const struct stats_plan *plan);
/* Of a stats by time: the numbers of the first and the last span that has rows. False: there is none. */
bool stats_spans(const struct op *op, int64_t *ret_first, int64_t *ret_last);

#endif
