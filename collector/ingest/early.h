/*
 * early: correlations looked at as events come, beside the windows that wait for the watermark (collect/provisional.h).
 *
 * Thread: that of the machine whose windows they stand beside.
 */
#ifndef DOGWATCH_COLLECTOR_INGEST_EARLY_H
#define DOGWATCH_COLLECTOR_INGEST_EARLY_H

#include "dogwatch/collect/provisional.h"
#include "dogwatch/collect/raised.h"
#include "dogwatch/correlate/window.h"

struct dw__early;
/* Borrows the line, which has no newline. */
typedef void dw__early_tell(void *arg, struct dw_str line);

/* Beside `window`, from whose state it goes on; both it and the rules must outlive it. NULL without memory. */
struct dw__early *dw__early_new(const struct dw_ruleset *rules, const struct dw_window *window, int64_t lateness_ns, dw__early_tell *tell, void *arg);
/* What was told stays told, and is not ended. */
void dw__early_free(struct dw__early *e);
/* Rule `rule` matched an event that came at `arrival_ns`. Events that are older than lateness (at least 10 s), or as far ahead, tell nothing of now: left out, and counted. DW_ENOMEM. */
DW_MUST_USE int dw__early_match(struct dw__early *e, uint32_t rule, const struct dw_event *ev, int64_t arrival_ns);
/* After the matches of a frame: raises what they come to. DW_ENOMEM. */
DW_MUST_USE int dw__early_frame(struct dw__early *e);
/* A finding of the window. DW_ENOMEM. */
DW_MUST_USE int dw__early_confirm(struct dw__early *e, const struct dw_finding *f);
/* The watermark has moved: what it has passed without a finding is withdrawn. DW_ENOMEM. */
DW_MUST_USE int dw__early_judge(struct dw__early *e);
/* Other rules and another window in place of those before, which must still be there; what was raised by rules that are gone is withdrawn. DW_ENOMEM: it goes on with those before. */
DW_MUST_USE int dw__early_rules(struct dw__early *e, const struct dw_ruleset *rules, const struct dw_window *window);

/* At the end of work: withdraws all that stands. DW_ENOMEM. */
DW_MUST_USE int dw__early_end(struct dw__early *e);

#endif
