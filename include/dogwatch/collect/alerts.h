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

#include "dogwatch/base/diag.h"
#include "dogwatch/base/fs.h"
#include "dogwatch/collect/inbox.h"
#include "dogwatch/event/event.h"

enum { DW_ALERT_ID_TEXT = 65, DW_ALERTS_PENDING = 4096, DW_CHANGE_ID_TEXT = DW_INBOX_NAME, DW_ALERT_VALUE_MAX = 4096, DW_POLICY_ID_TEXT = 33 };

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
    bool calm;          /* its count has come down, and nothing more comes of it */
    struct dw_str doc;  /* the finding as JSON */
};

/* Which telling of one alert is the newer one. A line may claim any total: a rank is never under 0. */
static inline int64_t dw_alert_rank(const struct dw_alert *a)
{
    const int64_t most = INT64_MAX / 2, total = a->total < 0 ? 0 : a->total < most ? a->total : most;
    return 2 * total + a->calm;
}

/* That somebody said something of an alert. Texts are borrowed. */
struct dw_alert_change {
    const char *change; /* names it, in the log once: digits and letters a to f with `-` between, below DW_CHANGE_ID_TEXT bytes */
    const char *alert;  /* whole id */
    const char *author;
    enum dw_alert_field field;
    int64_t time_ns;
    struct dw_str value;
};

/* Alerts that a filter takes are known and expected for a while: those with a time in [from, until) are listed apart, never dropped. Texts
 * are borrowed. */
struct dw_silence {
    const char *id;     /* the name of the line that began it */
    const char *change; /* names the newest line on it */
    const char *author; /* of the newest */
    int64_t time_ns;    /* of the newest */
    int64_t from_ns, until_ns;
    struct dw_str filter, reason;
};

/* That somebody approved an entry of a gateway policy, or took it back (collect/policy.h). Texts are borrowed. */
struct dw_policy_decision {
    const char *entry;      /* its id */
    const char *change;     /* names the line */
    const char *author;
    bool rolled_back;       /* else approved */
    int64_t time_ns, until_ns; /* until_ns: the approval's end; of one taken back its time */
    const char *address;    /* as dw_net_text writes it */
    const char *provenance; /* of the address, as it was proved when it was asked for */
    const char *causes;     /* ids of alerts with ',' between */
    struct dw_str reason;
    int64_t n;              /* in the view: greater ones came later */
};
struct dw_policy_settings;

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
/* Takes a line on a silence. One whose id is its own `change` is new and begins at `time_ns`; any other counts instead of the older ones
 * of its id. One that was taken before changes nothing. DW_ENOENT: no such silence; DW_ESYNTAX: the filter is none; DW_ELIMIT: filter or
 * reason over DW_ALERT_VALUE_MAX bytes, or it ends before it begins. Not durable before dw_alerts_sync. */
DW_MUST_USE int dw_alerts_silence(struct dw_alerts *a, const struct dw_silence *s);
/* Takes what somebody said of an entry; what was said before changes nothing. DW_ESYNTAX: id and address do not belong together, or the address
 * is none of an entry; DW_ENOENT: no alert is a cause, or there is nothing to take back; DW_ELIMIT: it ends before it begins, the reason is too long, or
 * there are too many entries; DW_EACCES: the never-block list holds the address. Not durable before dw_alerts_sync. */
DW_MUST_USE int dw_alerts_decide(struct dw_alerts *a, const struct dw_policy_decision *d);
/* By which never-block list entries are judged from now on; kept. Without one none is approved. */
void dw_alerts_never_block(struct dw_alerts *a, const struct dw_policy_settings *s);
/* Whether so many wait that they should be made durable before more frames are worked on. What waits is bounded by this and by what
 * one frame can raise. */
bool dw_alerts_due(const struct dw_alerts *a);
/* Writes the log, syncs it, then the view. */
DW_MUST_USE int dw_alerts_sync(struct dw_alerts *a);
/* How much of the log is durable, and in the view. */
uint64_t dw_alerts_durable(const struct dw_alerts *a);
/* Whether others asked for something. */
bool dw_alerts_asked(const struct dw_alerts *a);
/* Takes what they asked for, makes it durable and removes it from the inbox; what cannot be done is said and counted, and
 * never fails it. Raised alerts become durable too: so must be what they rest on. */
DW_MUST_USE int dw_alerts_take_asked(struct dw_alerts *a, int64_t now_ns);

/* Calls `each` for alerts, newest last, of those that came or changed since a call whose *ret_last was `after`; 0: all. With a limit (not
 * 0) the newest of them. */
DW_MUST_USE int dw_alerts_list(struct dw_alerts *a, int64_t after, uint32_t limit,
    void (*each)(void *arg, const struct dw_alert *alert), void *arg, int64_t *ret_last);
/* The alert whose id begins with `prefix`. DW_ENOENT: none; DW_EEXIST: several. */
DW_MUST_USE int dw_alerts_find(struct dw_alerts *a, struct dw_str prefix,
    void (*each)(void *arg, const struct dw_alert *alert), void *arg);
/* Calls `each` for what was said of an alert, oldest first. */
DW_MUST_USE int dw_alerts_history(struct dw_alerts *a, const char *id,
    void (*each)(void *arg, const struct dw_alert_change *c), void *arg);

/* Calls `each` for silences, oldest first. */
DW_MUST_USE int dw_alerts_silences(struct dw_alerts *a, void (*each)(void *arg, const struct dw_silence *s), void *arg);

/* Calls `each` for what was said of entries of policies, oldest first: of each entry the newest, or, with `all`, everything. */
DW_MUST_USE int dw_alerts_decisions(struct dw_alerts *a, bool all, void (*each)(void *arg, const struct dw_policy_decision *d), void *arg);

/* Leaves a change in the inbox of `dir` and names it in c->change's stead: *ret. The collector takes it within a second, or when it
 * starts. `author` counts only where the file's owner is root or who runs the collector: else the owner is the author. */
DW_MUST_USE int dw_alert_ask(const struct dw_fs *fs, const char *dir, const struct dw_alert_change *c, char ret[DW_CHANGE_ID_TEXT]);
/* The same of a silence. s->id empty: a new one, whose id will be *ret. */
DW_MUST_USE int dw_silence_ask(const struct dw_fs *fs, const char *dir, const struct dw_silence *s, char ret[DW_CHANGE_ID_TEXT]);
/* The same of what is said of an entry. */
DW_MUST_USE int dw_policy_say(const struct dw_fs *fs, const char *dir, const struct dw_policy_decision *d, char ret[DW_CHANGE_ID_TEXT]);
/* Whether it was taken, done or refused. */
bool dw_alert_answered(const char *dir, const char *change);

/* The table's name, values and text of a field. */
const char *dw_alert_field_name(enum dw_alert_field field);
const char *dw_alert_field_values(enum dw_alert_field field);
const char *dw_alert_field_doc(enum dw_alert_field field);
/* DW_EUNKNOWN: none of the field's values; DW_ELIMIT: longer than DW_ALERT_VALUE_MAX, or empty where any text goes but for assignee. */
DW_MUST_USE int dw_alert_value_check(enum dw_alert_field field, struct dw_str value);

/* Alerts as events: their finding's fields, and status, assignee, ... as people said. */
struct dw_alert_events;
struct dw_alert_events *dw_alert_events_new(void); /* NULL: no memory */
void dw_alert_events_free(struct dw_alert_events *e);
/* The keys that the events' fields are named by; e's. */
struct dw_keys *dw_alert_events_keys(struct dw_alert_events *e);
/* *ret is valid until the next call, and as long as the alert's own texts. DW_ESYNTAX: its finding is no JSON object. */
DW_MUST_USE int dw_alert_event(struct dw_alert_events *e, const struct dw_alert *a, struct dw_event *ret);

/* A filter of the query language over alerts. */
struct dw_alert_filter;
/* DW_ESYNTAX, also for one with pipes, with a diagnostic that points into `text`, which is copied; DW_ENOMEM. */
DW_MUST_USE int dw_alert_filter_new(struct dw_str text, struct dw_diags *diags, struct dw_alert_filter **ret);
void dw_alert_filter_free(struct dw_alert_filter *f);
bool dw_alert_filter_takes(struct dw_alert_filter *f, const struct dw_alert *a);
/* What makes it probable that the filter means something else, a sentence each: a field that no alert judged so far had, a value that a
 * field of tbl/alert_fields.h cannot have, a text that reads like a comparison. */
void dw_alert_filter_doubts(const struct dw_alert_filter *f, void (*say)(void *arg, const char *text), void *arg);

/* All silences as they are now, to judge alerts by. */
struct dw_silences;
DW_MUST_USE int dw_silences_load(struct dw_alerts *a, struct dw_silences **ret);
void dw_silences_free(struct dw_silences *s);
/* The id of the oldest one that holds for the alert, valid until free; NULL: none does. */
const char *dw_silences_find(struct dw_silences *s, const struct dw_alert *a);

#endif
