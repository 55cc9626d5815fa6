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
/* The finding with what people said of it under `workflow`, and a newline. */
void cli_alert_json(const struct dw_alert *a, struct dw_buf *out);
/* The field that `dogwatch alert VERB ID VALUE` changes. */
bool cli_alert_verb(const char *verb, enum dw_alert_field *ret);
/* `alert VERB ID VALUE`: asks the collector, and waits for it if it runs. Answers the exit code. */
int cli_alert_change(const struct cli_options *o, enum dw_alert_field field);
/* `alert explain ID`: each condition with the value that met it, event by event. Answers the exit code. */
int cli_alert_explain(const struct cli_options *o);

#endif
