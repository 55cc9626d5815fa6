/*
 * cmd: the commands of `dogwatch`, one row of tbl/commands.h each.
 *
 * Each takes the arguments after `dogwatch` (argv[0] is the command's own name) and answers the exit code of
 * DESIGN.md §8: 0 yes, 1 the answer is no, 2 usage or rule mistake, 3 it could not be done. Thread: main.
 */
#ifndef DOGWATCH_CLI_CMD_H
#define DOGWATCH_CLI_CMD_H

#define COMMAND(word, function, arguments, summary) int function(int argc, char **argv);
#include "dogwatch/tbl/commands.h"
#undef COMMAND

enum { CLI_YES = 0, CLI_NO = 1, CLI_USAGE = 2, CLI_CANNOT = 3 };

#endif
