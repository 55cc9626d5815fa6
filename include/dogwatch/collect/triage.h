/*
 * What many alerts come to: a fuse against floods, groups of the same kind, incidents, and the risk of those they are about.
 *
 *     new -> add, add, ... (alerts in the order of their time) -> each -> free
 *
 * All of it is made of the view when somebody asks and nothing of it is kept, so it is never out of date and the log alone decides. Each
 * object holds as many entries as the alerts given to it have different keys or entities; texts are copied. Thread: whoever made it.
 */
#ifndef DOGWATCH_COLLECT_TRIAGE_H
#define DOGWATCH_COLLECT_TRIAGE_H

#include "dogwatch/collect/alerts.h"
#include "dogwatch/correlate/window.h"

/* Whether nobody is done with it: it is new or in progress, and was not found to be nothing. */
bool dw_alert_is_open(const struct dw_alert *a);
/* Whether people said that it means nothing: a false positive, benign, or another's duplicate. */
bool dw_alert_is_nothing(const struct dw_alert *a);
/* A level's place among the levels, 0 the least; a text that is none: 0. */
int dw_alert_severity(const char *level);

/* ---- fuse: of a flood the first are shown one by one, and the rest summarised ---- */

/* How many are shown within an hour of event time. */
enum { DW_FUSE_KEY = 20, DW_FUSE_RULE = 100, DW_FUSE_ALL = 1000, DW_FUSE_TOP = 3 };

/* What was not shown. Of one rule and key; or of a rule with many keys (key none), of which the most frequent are named; or of all rules
 * (rule ""), of which the most frequent are named by their titles. */
struct dw_fuse_blown {
    int64_t hour_ns; /* it began */
    const char *rule, *title, *level;
    struct dw_str key;
    uint64_t alerts, events;
    uint32_t top_count;
    struct {
        const char *text;
        uint64_t alerts; /* of more than 16 different texts: at most so many */
    } top[DW_FUSE_TOP];
};
struct dw_fuse;
struct dw_fuse *dw_fuse_new(void);
void dw_fuse_free(struct dw_fuse *f);
/* Whether an alert is to be shown; else it is counted. Without memory it is shown. */
bool dw_fuse_takes(struct dw_fuse *f, const struct dw_alert *a);
/* Gives what was counted since the last call, in the order in which the first alerts of each came. */
void dw_fuse_each(struct dw_fuse *f, void (*each)(void *arg, const struct dw_fuse_blown *b), void *arg);

/* ---- groups: alerts of one rule for one key ---- */

struct dw_alert_group {
    const char *rule, *title, *level;
    struct dw_str key;
    char newest[DW_ALERT_ID_TEXT];
    uint64_t alerts, open, events;
    int64_t first_ns, last_ns;
};
struct dw_alert_groups;
struct dw_alert_groups *dw_alert_groups_new(void);
void dw_alert_groups_free(struct dw_alert_groups *g);
DW_MUST_USE int dw_alert_groups_add(struct dw_alert_groups *g, const struct dw_alert *a);
/* The most severe first, among equals the newest. DW_ENOMEM. */
DW_MUST_USE int dw_alert_groups_each(struct dw_alert_groups *g, void (*each)(void *arg, const struct dw_alert_group *group), void *arg);

/* ---- incidents: alerts that share an entity, each within 24 h of the one before; a host alone joins nothing ---- */

#define DW_INCIDENT_GAP_NS (24 * 3600 * INT64_C(1000000000))
struct dw_incident {
    const char *id; /* of its first alert */
    const char *level;
    int64_t first_ns, last_ns;
    uint32_t alerts, open;
    uint32_t number; /* of its first alert, in the order in which they were added */
};
struct dw_incidents;
struct dw_incidents *dw_incidents_new(void);
void dw_incidents_free(struct dw_incidents *in);
DW_MUST_USE int dw_incidents_add(struct dw_incidents *in, const struct dw_alert *a);
/* Those of at least two alerts, the one with the oldest first alert first. DW_ENOMEM. */
DW_MUST_USE int dw_incidents_each(struct dw_incidents *in, void (*each)(void *arg, const struct dw_incident *i), void *arg);
/* Its entities and how many alerts each joins; `value` as text for people: user@host, container name. */
void dw_incidents_entities(struct dw_incidents *in, const struct dw_incident *i, void (*each)(void *arg, enum dw_entity kind, const char *value, uint32_t alerts), void *arg);
/* The one of at least two alerts that an alert whose id begins so is in; of *ret only id and number are set. After the last add. DW_ENOENT;
 * DW_EEXIST: several; DW_ENOMEM. */
DW_MUST_USE int dw_incidents_find(struct dw_incidents *in, struct dw_str prefix, struct dw_incident *ret);
/* The ids of its alerts, oldest first. */
void dw_incidents_alerts(struct dw_incidents *in, const struct dw_incident *i, void (*each)(void *arg, const char *alert), void *arg);

/* ---- risk: what alerts say of an entity, halved every day ---- */

#define DW_RISK_HALF_NS (24 * 3600 * INT64_C(1000000000))
struct dw_risk {
    enum dw_entity kind;
    const char *value, *level; /* the greatest level */
    double points;             /* of each rule and hour the first alert's level: 1 3 10 30 100, halved for every day before `now` */
    uint64_t alerts;
    int64_t last_ns;
};
struct dw_risks;
struct dw_risks *dw_risks_new(int64_t now_ns);
void dw_risks_free(struct dw_risks *r);
DW_MUST_USE int dw_risks_add(struct dw_risks *r, const struct dw_alert *a);
/* The greatest first. DW_ENOMEM. */
DW_MUST_USE int dw_risks_each(struct dw_risks *r, void (*each)(void *arg, const struct dw_risk *risk), void *arg);

#endif
