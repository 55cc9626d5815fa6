/*
 * Queries: one filter language, the same matching as the rules, and a few pipes (docs/reference/query.md).
 *
 *     field:value and not (status:>=500 or "union select") | stats count by source.ip | head 10
 *
 * Thread: each object belongs to one thread.
 */
#ifndef DOGWATCH_COLLECT_QUERY_H
#define DOGWATCH_COLLECT_QUERY_H

#include "dogwatch/base/diag.h"
#include "dogwatch/event/event.h"

struct dw_query;

/* Compiles. DW_ESYNTAX with a diagnostic that points into `text`; DW_ENOMEM. Keeps `keys` and `text`. */
DW_MUST_USE int dw_query_compile(struct dw_str text, struct dw_keys *keys, struct dw_diags *diags, struct dw_query **ret);
void dw_query_free(struct dw_query *q);
/* Whether the filter holds for an event. One that cannot be judged (memory) does not match, and dw_query_failed says so. */
bool dw_query_match(struct dw_query *q, const struct dw_event *ev);
bool dw_query_failed(const struct dw_query *q);
/* Names that the query uses and that neither tbl/fields.h nor any event so far had: probably a mistake, since `not name:x` holds
 * for every event then. `near` is a field it may be meant for, or NULL. */
void dw_query_unseen(const struct dw_query *q, void (*each)(void *arg, struct dw_str name, const char *near), void *arg);
/* Whether the answer is rows of a `stats` rather than events. */
bool dw_query_is_stats(const struct dw_query *q);
/* Takes a matching event into `stats`. DW_ELIMIT: more groups than the bound, the answer is partial from here on. */
DW_MUST_USE int dw_query_count(struct dw_query *q, const struct dw_event *ev);
/* Bound of `head`, 0: none. */
uint64_t dw_query_head(const struct dw_query *q);

/* One row of `stats`: values of the `by` fields, then the count. Valid during the callback. */
struct dw_query_row {
    const struct dw_str *by;
    uint32_t by_count;
    uint64_t count;
};
/* Names of the `by` fields. */
const struct dw_str *dw_query_by(const struct dw_query *q, uint32_t *ret_count);
/* Rows, greatest count first, equal ones by their values. */
void dw_query_rows(struct dw_query *q, void (*each)(void *arg, const struct dw_query_row *row), void *arg);

#endif
