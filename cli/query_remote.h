/*
 * A query that a running collector answers: its rows as events, and what its last line says.
 */
#ifndef DOGWATCH_CLI_QUERY_REMOTE_H
#define DOGWATCH_CLI_QUERY_REMOTE_H

#include "cli_int.h"

struct query_remote {
    const struct cli_options *o;
    struct dw_keys *keys;
    const char *text;
    uint64_t limit; /* rows that the server is asked for; 0: all */
    /* `raw`: the row as it came; `row` has its fields, valid during the call. */
    void (*row)(void *arg, struct dw_str raw, const struct dw_event *row);
    void *arg;
};
/* Answers the exit code: CLI_YES: complete; CLI_NO: partial; what was read is said. */
DW_MUST_USE int query_remote(const struct query_remote *q);

#endif
