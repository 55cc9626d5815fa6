/*
 * What the commands on alerts share.
 */
#ifndef DOGWATCH_CLI_CMD_ALERT_H
#define DOGWATCH_CLI_CMD_ALERT_H

#include "cli_int.h"

#include "dogwatch/collect/alerts.h"

/* Opens the view; on failure says where it looked and what to type, and answers CLI_CANNOT. */
int cli_open_alerts(const struct cli_options *o, struct dw_alerts **ret);
/* Why dw_alerts_find has no alert for `id`; answers the exit code. */
int cli_say_no_alert(const char *id, int err);
/* The finding with what people said of it under `workflow`, and a newline. `silence`: the id of the one it falls under, or NULL. */
void cli_alert_json(const struct dw_alert *a, const char *silence, struct dw_buf *out);
/* The field that `dogwatch alert VERB ID VALUE` changes. */
bool cli_alert_verb(const char *verb, enum dw_alert_field *ret);
/* `alert VERB ID VALUE`: asks the collector, and waits for it if it runs. Answers the exit code. */
int cli_alert_change(const struct cli_options *o, enum dw_alert_field field);
/* Waits until the collector of o->data has taken what was left in its inbox: CLI_YES. CLI_NO: it is not running, and takes it when it
 * starts; CLI_CANNOT, and said: it did not in time. */
int cli_wait_taken(const struct cli_options *o, const char *dir, const char *change);
/* Compiles a filter over alerts; what is wrong with it is said. Answers the exit code. */
int cli_alert_filter(const char *text, struct dw_alert_filter **ret);
/* `alert explain ID`: each condition with the value that met it, event by event. Answers the exit code. */
int cli_alert_explain(const struct cli_options *o);

#endif
