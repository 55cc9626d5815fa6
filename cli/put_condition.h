/*
 * put_condition: a condition of a rule as a line for people.
 */
#ifndef DOGWATCH_CLI_PUT_CONDITION_H
#define DOGWATCH_CLI_PUT_CONDITION_H

#include "dogwatch/pred/explain.h"

/* Prints it: + holds, - does not, ? is undecided, and the value that decided. A dw_each_condition whose `ud` is not looked at. Thread: main. */
void cli_put_condition(void *ud, const struct dw_condition *c);

#endif
