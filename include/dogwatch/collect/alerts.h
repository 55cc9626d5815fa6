/*
 * Alerts, and what people said of them: a log that is kept for ever, and a view of it that can be made again at any time.
 *
 *     alerts/alerts.log   one JSON object a line, appended and synced; the truth (docs/formats/alerts.md)
 *     alerts/alerts.db    SQLite: the newest state of each alert and its history, for asking
 *     alerts/inbox/       changes that other processes ask for, a file each: the collector makes lines of them
 *
 * Thread: the collector's loop writes; any process may open the view for reading, and ask for changes.
 */
#ifndef DOGWATCH_COLLECT_ALERTS_H
#define DOGWATCH_COLLECT_ALERTS_H

#include "dogwatch/base/fs.h"

enum { DW_ALERT_ID_TEXT = 65, DW_ALERTS_PENDING = 4096, DW_CHANGE_ID_TEXT = 40, DW_ALERT_VALUE_MAX = 4096 };

enum dw_alert_field {
#define ALERT_FIELD(name, values, doc) DW_ALERT_##name,
#include "dogwatch/tbl/alert_fields.h"
#undef ALERT_FIELD
    DW_ALERT_FIELDS
};

/* One alert as the view has it. Texts are borrowed during the callback. */
struct dw_alert {
    const char *id, *rule, *title, *level;
    const char *said[DW_ALERT_FIELDS]; /* newest value of each field; NULL where alerts are raised */
    int64_t time_ns;
    struct dw_str key;  /* "source.ip=203.0.113.9", or empty */
    int64_t total;      /* contributing events */
    struct dw_str doc;  /* the finding as JSON */
};

/* That somebody said something of an alert. Texts are borrowed. */
struct dw_alert_change {
    const char *change; /* names it, in the log once: digits and letters a to f with `-` between, below DW_CHANGE_ID_TEXT bytes */
    const char *alert;  /* whole id */
    const char *author;
    enum dw_alert_field field;
    int64_t time_ns;
    struct dw_str value;
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
/* Takes a change; one that was made before changes nothing. DW_ENOENT: no such alert; DW_EUNKNOWN, DW_ELIMIT as
 * dw_alert_value_check. Not durable before dw_alerts_sync. */
DW_MUST_USE int dw_alerts_change(struct dw_alerts *a, const struct dw_alert_change *c);
/* Whether so many wait that they should be made durable before more frames are worked on. What waits is bounded by this and by what
 * one frame can raise. */
bool dw_alerts_due(const struct dw_alerts *a);
/* Writes the log, syncs it, then the view. */
DW_MUST_USE int dw_alerts_sync(struct dw_alerts *a);
/* Whether others asked for something. */
bool dw_alerts_asked(const char *dir);
/* Takes what they asked for, makes it durable and removes it from the inbox; what cannot be done is said and counted. Raised alerts
 * become durable too: so must be what they rest on. */
DW_MUST_USE int dw_alerts_take_asked(struct dw_alerts *a, const char *dir, int64_t now_ns);

/* Calls `each` for alerts, newest last, of those whose `since` number is above `after`; *ret_last is the greatest number seen.
 * limit 0: all; else the newest `limit`. */
DW_MUST_USE int dw_alerts_list(struct dw_alerts *a, int64_t after, uint32_t limit,
    void (*each)(void *arg, const struct dw_alert *alert), void *arg, int64_t *ret_last);
/* The alert whose id begins with `prefix`. DW_ENOENT: none; DW_EEXIST: several. */
DW_MUST_USE int dw_alerts_find(struct dw_alerts *a, struct dw_str prefix,
    void (*each)(void *arg, const struct dw_alert *alert), void *arg);
/* Calls `each` for what was said of an alert, oldest first. */
DW_MUST_USE int dw_alerts_history(struct dw_alerts *a, const char *id,
    void (*each)(void *arg, const struct dw_alert_change *c), void *arg);

/* Leaves a change in the inbox of `dir` and names it in c->change's stead: *ret. The collector takes it within a second, or when it
 * starts. `author` counts only where the file's owner is root or who runs the collector: else the owner is the author. */
DW_MUST_USE int dw_alert_ask(const struct dw_fs *fs, const char *dir, const struct dw_alert_change *c, char ret[DW_CHANGE_ID_TEXT]);
/* Whether it was taken, done or refused. */
bool dw_alert_answered(const char *dir, const char *change);

/* The table's name, values and text of a field. */
const char *dw_alert_field_name(enum dw_alert_field field);
const char *dw_alert_field_values(enum dw_alert_field field);
const char *dw_alert_field_doc(enum dw_alert_field field);
/* DW_EUNKNOWN: none of the field's values; DW_ELIMIT: longer than DW_ALERT_VALUE_MAX, or empty where any text goes but for assignee. */
DW_MUST_USE int dw_alert_value_check(enum dw_alert_field field, struct dw_str value);

#endif
