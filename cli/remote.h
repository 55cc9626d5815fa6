/*
 * Asking a running collector over its HTTP API instead of reading DATA.
 */
#ifndef DOGWATCH_CLI_REMOTE_H
#define DOGWATCH_CLI_REMOTE_H

#include "dogwatch/base/assert.h"
#include "dogwatch/base/buf.h"

struct remote_ask {
    const char *server;      /* unix:PATH or http://HOST:PORT */
    const char *path;        /* /api/v1/query */
    struct dw_str body;      /* JSON */
    void (*line)(void *arg, struct dw_str line); /* of the answer, without newline; valid during the call */
    void *arg;
};
/* Posts and gives the answer line by line; the token is that of DOGWATCH_TOKEN_FILE, if that is set. Answers the exit code: CLI_YES,
 * whatever the lines say; what went wrong is said. */
DW_MUST_USE int remote_post(const struct remote_ask *ask);

#endif
