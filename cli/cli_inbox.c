/*
 * cli_inbox: waiting for a collector that was asked for something by a file in an inbox.
 */
#include "cli_int.h"

#include "dogwatch/collect/inbox.h"

#include <poll.h>
#include <stdio.h>

enum { WAIT_MS = 5000, STEP_MS = 20 };

/* What cannot be known is said, and taken for running: then waiting tells. */
static bool is_collector_running(const struct cli_options *o)
{
    char path[CLI_PATH_MAX];
    int rc = dw_path_join(path, sizeof path, o->data, "collector.lock");
    if (rc == DW_OK)
        rc = dw_fs_is_locked(path);
    if (rc < 0 && rc != DW_ELOCKED && rc != DW_ENOENT)
        (void)fprintf(stderr, "dogwatch: %s: whether a collector runs cannot be seen: %s\n", path, dw_err_text(rc));
    return rc != DW_OK && rc != DW_ENOENT;
}

int cli_wait_inbox(const struct cli_options *o, const char *inbox, const char *name)
{
    if (!is_collector_running(o))
        return CLI_NO;
    for (int ms = 0; !dw_inbox_answered(inbox, name); ms += STEP_MS) {
        if (ms >= WAIT_MS) {
            (void)fprintf(stderr, "dogwatch: the collector of %s has not taken it within %d s; it lies in %s\n", o->data, WAIT_MS / 1000, inbox);
            return CLI_CANNOT;
        }
        (void)poll(NULL, 0, STEP_MS);
    }
    return CLI_YES;
}
