/*
 * The events that an alert names, found in the archive: what proves it is what the agent sent, never the alert itself.
 */
#ifndef DOGWATCH_CLI_ALERT_EVIDENCE_H
#define DOGWATCH_CLI_ALERT_EVIDENCE_H

#include "cmd_alert.h"

/* Calls `each` for every event of the alert that the archive, or the server's, has. The event is valid during the call. What could not be read
 * is said. CLI_YES: all were there; CLI_NO: e->missing are not in the archive; CLI_CANNOT: e->missing were not given, and may be there. */
int cli_evidence(const struct cli_options *o, const char *alert, struct dw_keys *keys, struct dw_evidence *e,
    void (*each)(void *arg, const struct dw_archived *a, const struct dw_event *ev), void *arg);
/* Why events of an alert are missing, as what follows "3 of 5 named events": `rc` is cli_evidence's. Static. */
const char *cli_missing_text(const struct cli_options *o, int rc);
/* Where an event's bytes are, and its line, for people; control bytes shown as \xNN. */
void cli_print_event(const struct dw_archived *a, const struct dw_event *ev);

#endif
