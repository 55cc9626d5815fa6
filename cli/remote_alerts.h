/*
 * Alerts of a collector's HTTP API as the alerts that its view has.
 */
#ifndef DOGWATCH_CLI_REMOTE_ALERTS_H
#define DOGWATCH_CLI_REMOTE_ALERTS_H

#include "cmd_alert.h"

/* As cli_alerts_scan; what is silenced goes to c->silenced. */
DW_MUST_USE int remote_alerts(struct cli_alerts *c, void (*each)(void *arg, const struct dw_alert *a, const char *silence), void *arg);
/* As cli_alert_find and cli_alert_history. */
DW_MUST_USE int remote_alert(const struct cli_options *o, const char *id, void (*each)(void *arg, const struct dw_alert *a), void *arg);
DW_MUST_USE int remote_history(const struct cli_options *o, const char *id, void (*each)(void *arg, const struct dw_alert_change *c), void *arg);
/* Says something of the alert with this id; answers the exit code. */
DW_MUST_USE int remote_change(const struct cli_options *o, const char *id, enum dw_alert_field field, struct dw_str value);
/* Begins a silence, or ends the one whose id begins so, and prints that it does. Answers the exit code. */
DW_MUST_USE int remote_silence(const struct cli_options *o, const struct dw_silence *s);
DW_MUST_USE int remote_silence_end(const struct cli_options *o, const char *id);

#endif
