/*
 * The events that an alert names, found in the archive: what proves it is what the agent sent, never the alert itself.
 */
#ifndef DOGWATCH_CLI_ALERT_EVIDENCE_H
#define DOGWATCH_CLI_ALERT_EVIDENCE_H

#include "cmd_alert.h"

enum { CLI_REFS_MAX = 256 };

struct cli_refs {
    struct {
        char id[DW_EVENT_ID_TEXT];
        bool found;
    } ref[CLI_REFS_MAX];
    uint32_t count;
    int64_t from_ns, to_ns; /* the finding's window; INT64_MIN and INT64_MAX where it has none */
};

/* Every event id that the finding (JSON) names, each once, and its window. */
void cli_refs_of(struct dw_str doc, struct cli_refs *ret);
/* Calls `each` for every one that the archive has, in its order. The event is valid during the call. What could not be read is said.
 * CLI_YES: all were there; CLI_NO: *ret_missing were not; CLI_CANNOT. */
int cli_refs_read(const struct cli_options *o, struct dw_keys *keys, struct cli_refs *refs,
    void (*each)(void *arg, const struct dw_archived *a, const struct dw_event *ev), void *arg, uint32_t *ret_missing);
/* Where an event's bytes are, and its line, for people; control bytes as `?`. */
void cli_print_event(const struct dw_archived *a, const struct dw_event *ev);

#endif
