/*
 * Which rules can match at all, by the events that were seen: a rule whose logsource no event has, or whose fields none has, watches nothing.
 */
#ifndef DOGWATCH_CORRELATE_VISIBILITY_H
#define DOGWATCH_CORRELATE_VISIBILITY_H

#include "dogwatch/correlate/ruleset.h"

enum dw_visible {
    DW_VISIBLE,           /* there are events that have all that some way of matching needs */
    DW_VISIBLE_NO_SOURCE, /* no event belongs to its logsource */
    DW_VISIBLE_NO_FIELDS, /* no event of its logsource has a field without which it cannot match */
};
enum { DW_VISIBLE_ROUTES_MAX = 1024 };

struct dw_visibility;
/* Of a finished set, which must outlive it; NULL without memory. Thread: one. */
struct dw_visibility *dw_visibility_new(const struct dw_ruleset *rs);
void dw_visibility_free(struct dw_visibility *v);

/* Takes an event in. DW_ENOMEM; DW_ELIMIT: its dataset, or its channel and id, is one too many. */
DW_MUST_USE int dw_visibility_see(struct dw_visibility *v, const struct dw_event *ev);
/* What was seen says of a rule about one event. NO_FIELDS: the names of those that none had, with commas, are appended. */
enum dw_visible dw_visibility_of(const struct dw_visibility *v, uint32_t rule, struct dw_buf *missing);

#endif
