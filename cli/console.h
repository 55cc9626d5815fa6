/*
 * The link that signs in at the console.
 */
#ifndef DOGWATCH_CLI_CONSOLE_H
#define DOGWATCH_CLI_CONSOLE_H

#include "cli_int.h"

/* Asks the collector at o->server for a code and prints the link to stdout, what to know of it to stderr. Answers the exit code; what went wrong
 * is said. */
int console_link(const struct cli_options *o);

#endif
