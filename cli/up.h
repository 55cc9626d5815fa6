/*
 * What `dogwatch up` was asked for, and the two configurations it writes of it.
 */
#ifndef DOGWATCH_CLI_UP_H
#define DOGWATCH_CLI_UP_H

#include "cli_int.h"

enum { UP_SETS_MAX = 64 };

struct up {
    char data[CLI_PATH_MAX], dir[CLI_PATH_MAX], rules[CLI_PATH_MAX]; /* dir: where the configurations go */
    const char *logs[UP_SETS_MAX], *set[UP_SETS_MAX];
    int logs_count, set_count;
    const char *write_config;
    bool api_moved; /* somebody else has the usual port */
    char api[32]; /* where the HTTP API listens; "": as the collector does by itself */
    bool until_idle;
    bool console_said; /* its link was printed */
    bool agent_ended; /* and with until_idle the collector ends too once it has taken everything */
};

/* Takes the arguments apart; says what is wrong and answers CLI_USAGE, else CLI_YES. */
int up_options(int argc, char **argv, struct up *ret);
/* Chooses where the HTTP API listens, unless a --set does. */
void up_choose_api(struct up *u);
/* On a terminal, as soon as the collector answers: a link that signs in at the console, once. */
void up_offer_console(struct up *u);
/* Says where that is. */
void up_say_api(const struct up *u);
/* Whether a --set is about this option of the collector. */
bool up_is_set(const struct up *u, const char *option);
/* Writes agent.yml and collector.yml into u->dir; gives their paths. CLI_USAGE: a --set is wrong (said); CLI_CANNOT. */
int up_write_configs(const struct up *u, char agent[CLI_PATH_MAX], char collector[CLI_PATH_MAX]);

#endif
