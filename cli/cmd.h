/*
 * cmd: the commands of `dogwatch`, one prototype a line.
 *
 * Each takes the arguments after `dogwatch` (argv[0] is the command's own name) and answers the exit code of
 * DESIGN.md §8: 0 yes, 1 the answer is no, 2 usage or rule mistake, 3 it could not be done. Thread: main.
 */
#ifndef DOGWATCH_CLI_CMD_H
#define DOGWATCH_CLI_CMD_H

int cmd_parse(int argc, char **argv);
int cmd_rules(int argc, char **argv);

#endif
