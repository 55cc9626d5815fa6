/*
 * What the commands on alerts share.
 */
#ifndef DOGWATCH_CLI_CMD_ALERT_H
#define DOGWATCH_CLI_CMD_ALERT_H

#include "cli_int.h"

#include "dogwatch/collect/answer.h"

/* Opens the view; on failure says where it looked and what to type, and answers CLI_CANNOT. */
int cli_open_alerts(const struct cli_options *o, struct dw_alerts **ret);
/* Gives the alert whose id begins so, or the history of the one with this id, of DATA or of the server. Answers the exit code: CLI_NO: there is
 * none, or several, and said. */
int cli_alert_find(const struct cli_options *o, const char *id, void (*each)(void *arg, const struct dw_alert *a), void *arg);
int cli_alert_history(const struct cli_options *o, const char *id, void (*each)(void *arg, const struct dw_alert_change *c), void *arg);
/* The field that `dogwatch alert VERB ID VALUE` changes. */
bool cli_alert_verb(const char *verb, enum dw_alert_field *ret);
/* `alert VERB ID VALUE`: asks the collector, and waits for it if it runs. Answers the exit code. */
int cli_alert_change(const struct cli_options *o, enum dw_alert_field field);
/* cli_wait_inbox of the inbox of alerts, which is in `dir`. */
int cli_wait_taken(const struct cli_options *o, const char *dir, const char *change);
/* Prints `found  ...` where a detector found something. */
void cli_put_anomaly(struct dw_str finding);
/* `alert explain ID`: each condition with the value that met it, event by event. Answers the exit code. */
int cli_alert_explain(const struct cli_options *o);

/* Alerts that a command's options ask for, of DATA or of the server. */
struct cli_alerts {
    const struct cli_options *o;
    const char *filter; /* NULL: none */
    struct dw_answer_alerts list; /* what is asked for and, of the last scan, what was left out; of a server without view and filter */
    char folder[4096]; /* of the stream of provisional ones, where these are asked for */
    bool doubted; /* what is doubtful about the filter was said */
    bool partial; /* of the last scan: not all were given, and said */
};
/* Opens the view and compiles `filter` (NULL: none); what is wrong is said. Answers the exit code. */
int cli_alerts_open(struct cli_alerts *c, const struct cli_options *o, const char *filter);
/* Gives those that options and filter take, oldest first: without those that are silenced or, with --silenced, only those, with the id of
 * the silence. Answers the exit code: not CLI_YES when it failed, and said. */
DW_MUST_USE int cli_alerts_scan(struct cli_alerts *c, void (*each)(void *arg, const struct dw_alert *a, const char *silence), void *arg);
/* Says on stderr how many were silenced in the last scan, when any were. */
void cli_alerts_say_silenced(const struct cli_alerts *c);
void cli_alerts_close(struct cli_alerts *c);
/* `alerts --group`: a row for each rule and key. Answers the exit code. */
DW_MUST_USE int cli_alerts_group(struct cli_alerts *c);

#endif
