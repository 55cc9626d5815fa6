/*
 * LogQL, as far as Grafana's Explore asks it, to a query of ours (docs/reference/loki.md). Pure. Thread: any.
 *
 *     sum by (host) (count_over_time({host=~"web.*"} |= "failed" | json | http_response_status_code >= 400 [5m]))
 *     -> filter:   host.name:=/^(?:web.*)$(?:)/ and (http.response.status_code:>=400)
 *        line:     "failed"
 *        function: count_over_time, 300 s, sum, by host
 */
#ifndef DOGWATCH_SERVER_LOGQL_H
#define DOGWATCH_SERVER_LOGQL_H

#include "dogwatch/base/buf.h"
#include "dogwatch/base/diag.h"
#include "dogwatch/pred/regex.h"

enum { LOGQL_BY_MAX = 8, LOGQL_NAME_MAX = 64, LOGQL_FILTERS_MAX = 16, LOGQL_OR_MAX = 8 };
enum logql_function {
    LOGQL_LINES,    /* no function: the lines themselves */
    LOGQL_COUNT,    /* lines in the range before each step */
    LOGQL_RATE,     /* the same for a second */
    LOGQL_BYTES,    /* bytes of them */
    LOGQL_BYTES_RATE,
    LOGQL_CONSTANT, /* `value` at every step: what Grafana asks to see whether we are there */
};
struct logql {
    enum logql_function function;
    int64_t range_ns; /* of a function; more than 0 */
    double value;
    bool is_sum;      /* series are added up, by `by`; else each stream is one */
    uint32_t by_count;
    char by[LOGQL_BY_MAX][LOGQL_NAME_MAX]; /* labels */
    struct dw_buf by_field[LOGQL_BY_MAX];  /* the field that each is */
    struct dw_buf filter; /* a filter of ours over labels and fields */
    /* Filters over the line as it was written, which ours would look for in its values. */
    struct logql_filter {
        bool not;
        uint32_t count; /* of texts or regexes, of which one is enough */
        struct {
            struct dw_buf text;  /* when `re` is NULL */
            struct dw_regex *re;
        } either[LOGQL_OR_MAX];
    } line[LOGQL_FILTERS_MAX];
    uint32_t line_count;
};

/* *ret is given also on failure. DW_ESYNTAX with a diagnostic that points into `text`, also for what this does not know; DW_ENOMEM. */
DW_MUST_USE int logql_compile(struct dw_str text, struct dw_diags *diags, struct logql *ret);
void logql_fini(struct logql *q);
/* Whether the filters over lines take a line; DW_UNDECIDED: a regex gave up. */
enum dw_verdict logql_takes(const struct logql *q, struct dw_regex_scratch *scratch, struct dw_str line);

/* The field that a label is: of the table, or of tbl/fields.h with `_` for `.`; else the name itself with dots. Appended to `out`. */
void logql_field(struct dw_str label, struct dw_buf *out);
/* The labels of the table. NULL past the last; *ret_field: key of the field. */
const char *logql_label(size_t i, uint32_t *ret_field, const char **ret_doc);

#endif
