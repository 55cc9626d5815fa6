/*
 * Asking a running collector over its HTTP API instead of reading DATA.
 */
#ifndef DOGWATCH_CLI_REMOTE_H
#define DOGWATCH_CLI_REMOTE_H

#include "cli_int.h"

#include "dogwatch/base/buf.h"

struct remote_ask {
    const struct cli_options *o; /* whose server is asked */
    const char *method;          /* GET, POST, PATCH */
    const char *target;          /* /api/v1/query, perhaps with parameters */
    struct dw_str body;          /* JSON; empty: none */
    bool of_one;                 /* the target names one thing, which may not be there */
    /* A line of the answer, without newline; valid during the call. False: no more is wanted, and the answer is none. */
    bool (*line)(void *arg, struct dw_str line);
    void *arg;
};
/* Asks and gives the answer line by line; the token is that of DOGWATCH_TOKEN_FILE, if that is set, the server was named, and nobody on the way
 * can read it. Answers the exit code: CLI_YES, whatever the lines say; CLI_NO: the one thing is not there; what went wrong is said. */
DW_MUST_USE int remote_send(const struct remote_ask *ask);
/* Appends a text as it may stand in a target, bytes with another meaning there as %XX. */
void remote_put_escaped(struct dw_buf *target, struct dw_str value);
/* Appends ?name=value, or &name=value after the first. */
void remote_put_param(struct dw_buf *target, const char *name, struct dw_str value);
/* The same of since and until, where the options have them. */
void remote_put_range(struct dw_buf *target, const struct cli_options *o);
/* Prints what a server said to stderr, as a terminal may have it. */
void remote_say(const char *before, struct dw_str text);

#endif
