/*
 * Alerts: a log that is kept for ever, and a view of it that can be made again at any time.
 *
 *     alerts/alerts.log   one JSON object a line, appended and synced; the truth
 *     alerts/alerts.db    SQLite: the newest state of each alert, for asking
 *
 * Thread: the collector's loop writes; any process may open the view for reading.
 */
#ifndef DOGWATCH_COLLECT_ALERTS_H
#define DOGWATCH_COLLECT_ALERTS_H

#include "dogwatch/base/fs.h"

enum { DW_ALERT_ID_TEXT = 65, DW_ALERTS_PENDING = 4096 };

/* One alert as the view has it. Texts are borrowed during the callback. */
struct dw_alert {
    const char *id, *rule, *title, *level;
    int64_t time_ns;
    struct dw_str key;  /* "source.ip=203.0.113.9", or empty */
    int64_t total;      /* contributing events */
    struct dw_str doc;  /* the finding as JSON */
};

struct dw_alerts;
/* Opens for writing; makes what is missing and brings the view up to the log. A torn last line of the log is cut; a line that is no
 * alert is passed over and counted in alerts_lines_bad. */
DW_MUST_USE int dw_alerts_open(const struct dw_fs *fs, const char *dir, struct dw_alerts **ret);
/* Opens the view for reading. DW_ENOENT when there is none. */
DW_MUST_USE int dw_alerts_open_read(const char *dir, struct dw_alerts **ret);
void dw_alerts_close(struct dw_alerts *a);
/* Takes a finding: new, or with more events than what is known of its id. Others (a replay) change nothing. Not durable before
 * dw_alerts_sync. */
DW_MUST_USE int dw_alerts_raise(struct dw_alerts *a, const struct dw_alert *alert);
/* Whether so many wait that they should be made durable before more frames are worked on. What waits is bounded by this and by what
 * one frame can raise. */
bool dw_alerts_due(const struct dw_alerts *a);
/* Writes the log, syncs it, then the view. */
DW_MUST_USE int dw_alerts_sync(struct dw_alerts *a);

/* Calls `each` for alerts, newest last, of those whose `since` number is above `after`; *ret_last is the greatest number seen.
 * limit 0: all; else the newest `limit`. */
DW_MUST_USE int dw_alerts_list(struct dw_alerts *a, int64_t after, uint32_t limit,
    void (*each)(void *arg, const struct dw_alert *alert), void *arg, int64_t *ret_last);
/* The alert whose id begins with `prefix`. DW_ENOENT: none; DW_EEXIST: several. */
DW_MUST_USE int dw_alerts_find(struct dw_alerts *a, struct dw_str prefix,
    void (*each)(void *arg, const struct dw_alert *alert), void *arg);

#endif
