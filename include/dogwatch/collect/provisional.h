/*
 * Provisional alerts: what a correlation says of the events that have come, before the watermark says that all have.
 *
 * Idea: correlations wait `lateness` for events of other agents, so that their findings are the same at every replay. Who is on duty would rather hear at once. So they are
 * looked at as events come, too, and what they say then is told on a stream of its own: raised, and later confirmed by an alert or withdrawn. It is no evidence: it rests on
 * arrival, replays make none of it, policies do not look at it, and a collector that is started again withdraws what it had not confirmed.
 */
#ifndef DOGWATCH_COLLECT_PROVISIONAL_H
#define DOGWATCH_COLLECT_PROVISIONAL_H

#include "dogwatch/base/fs.h"
#include "dogwatch/collect/alerts.h"

enum dw_provisional_state { DW_PROVISIONAL_RAISED, DW_PROVISIONAL_CONFIRMED, DW_PROVISIONAL_WITHDRAWN, DW_PROVISIONAL_STATES };
/* "raised". Static. */
const char *dw_provisional_text(enum dw_provisional_state s);
/* Appends a finding (JSON) that says its state, in place of the one that it said; `by`: the id of the alert that confirms it, or NULL. */
void dw_provisional_doc(struct dw_str finding, enum dw_provisional_state state, const char *by, struct dw_buf *out);
/* What it is by its finding: `provisional.state`. DW_PROVISIONAL_STATES: it is no provisional alert. */
enum dw_provisional_state dw_provisional_state_of(struct dw_str doc);

/* The stream: DATA/alerts/provisional.log, lines as alerts.log has them (docs/formats/alerts.md), the newest of an alert its last. Never synced, and bounded: at
 * DW_PROVISIONAL_LOG_MAX bytes it becomes provisional.log.1, in the place of the one before. */
#define DW_PROVISIONAL_LOG_MAX (8 << 20)
struct dw_provisional_log;
/* Nothing is opened yet. NULL without memory. Thread: loop. */
struct dw_provisional_log *dw_provisional_new(const struct dw_fs *fs, const char *dir); /* both are borrowed */
/* What stands in the stream and no line ended is withdrawn: each line through `each`, and into the stream. Also where nothing is raised any more. Codes of fs.h, DW_ENOMEM. */
DW_MUST_USE int dw_provisional_withdraw(struct dw_provisional_log *l, void (*each)(void *arg, struct dw_str line), void *arg);
/* Appends a line, which has no newline. Codes of fs.h: it stands there in part at most, and is passed over; the next may go well. */
DW_MUST_USE int dw_provisional_add(struct dw_provisional_log *l, struct dw_str line);
void dw_provisional_free(struct dw_provisional_log *l);
/* As alerts stand in lists: nobody says anything of a provisional one, and its status is its state. */
void dw_provisional_said(struct dw_alert *a);
/* Calls `each` with every provisional alert that the stream still has, as it stands by its newest line, the oldest first; borrowed during the call. Codes of fs.h, DW_ENOMEM;
 * DW_ENOENT: there is no stream. Thread: any. */
DW_MUST_USE int dw_provisional_each(const struct dw_fs *fs, const char *dir, void (*each)(void *arg, const struct dw_alert *alert), void *arg);

#endif
