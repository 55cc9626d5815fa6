/*
 * The inside of the alert store: its log (alert_store.c), the lines of it (alert_line.c), the view (alert_view.c), what people say of
 * policies (alert_policy.c) and changes that other processes ask for (alert_inbox.c).
 */
#ifndef DOGWATCH_COLLECTOR_ALERT_INT_H
#define DOGWATCH_COLLECTOR_ALERT_INT_H

#include "dogwatch/collect/alerts.h"

#include "dogwatch/base/arena.h"
#include "dogwatch/base/keyed.h"
#include "dogwatch/base/table.h"

#include <sqlite3.h>

enum alert_kind { ALERT_RAISED, ALERT_CHANGED, ALERT_SILENCED, ALERT_DECIDED };

/* A line on its way into the view. */
struct alert_pending {
    struct alert_pending *next;
    struct dw_node node; /* by id; of raised ones only */
    enum alert_kind kind;
    /* What the kind says is set; texts in one block behind the struct. */
    struct dw_alert raised;
    struct dw_alert_change change;
    struct dw_silence silence;
    struct dw_policy_decision decision;
};

struct dw_alerts {
    const struct dw_fs *fs;
    int fd;
    uint64_t log_bytes; /* written and synced */
    struct dw_inbox inbox;
    int64_t asked_ns; /* when what is being taken from it is done */
    bool torn;          /* behind them may stand a part of a write that failed */
    sqlite3 *db;
    sqlite3_stmt *put, *known;
    struct dw_buf log;
    struct alert_pending *head, **tail; /* not yet durable, in order */
    struct dw_table by_id;              /* raised ones: of each id the newest comes first */
    struct dw_keyed changes;            /* names of changes that wait */
    const struct dw_policy_settings *policy; /* NULL: no entry is approved */
};

/* alert_line.c */
void alert_write_raised(const struct dw_alert *alert, struct dw_buf *out);
void alert_write_change(const struct dw_alert_change *c, struct dw_buf *out);
void alert_write_silence(const struct dw_silence *s, struct dw_buf *out);
void alert_write_decision(const struct dw_policy_decision *d, struct dw_buf *out);
/* Takes a line apart, its texts into the arena; `next` and `node` are not set. False: it is no line of the log. */
bool alert_read_line(struct dw_str line, struct dw_arena *arena, struct alert_pending *ret);

/* alert_store.c */
struct alert_pending *alert_new_pending(enum alert_kind kind, const struct dw_str *text, size_t count, const char **at);
/* Whether a change was taken before, and takes it: adds it under its name. */
bool alert_is_made(struct dw_alerts *a, const char *change);
DW_MUST_USE int alert_add_change(struct dw_alerts *a, struct alert_pending *p, const char *name);
/* Whether there is an alert of this id, also one that waits. */
bool alert_is_known(struct dw_alerts *a, const char *id);

/* alert_inbox.c: makes its folder below `dir` */
DW_MUST_USE int alert_inbox_open(struct dw_alerts *a, const char *dir);

/* alert_view.c */
DW_MUST_USE int alert_view_open(struct dw_alerts *a, const char *dir, bool write);
void alert_view_close(struct dw_alerts *a);
DW_MUST_USE int alert_view_put(struct dw_alerts *a, const struct alert_pending *p);
/* How much of the log it holds. */
uint64_t alert_view_position(struct dw_alerts *a);
DW_MUST_USE int alert_view_set_position(struct dw_alerts *a, uint64_t bytes);
DW_MUST_USE int alert_view_empty(struct dw_alerts *a);
DW_MUST_USE int alert_view_sql(struct dw_alerts *a, const char *sql);
/* The newest telling of an alert (dw_alert_rank) that the view has; -1: it has none. */
int64_t alert_view_rank(struct dw_alerts *a, const char *id);
bool alert_view_has_change(struct dw_alerts *a, const char *change);
bool alert_view_has_silence(struct dw_alerts *a, const char *id);
struct dw_str alert_view_text(sqlite3_stmt *s, int column);

/* alert_policy.c */
DW_MUST_USE int alert_policy_put(struct dw_alerts *a, const struct dw_policy_decision *d);

#endif
