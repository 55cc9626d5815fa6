/*
 * How dogwatch's long-running programs begin: their one option, their lock, and the file of their counters.
 *
 * Thread: the main one.
 */
#ifndef DOGWATCH_CONF_PROGRAM_H
#define DOGWATCH_CONF_PROGRAM_H

#include "dogwatch/base/clock.h"
#include "dogwatch/conf/conf.h"

/* Exit codes of the programs (docs/reference/commands.md has those of `dogwatch`). */
enum { DW_EXIT_OK = 0, DW_EXIT_NO = 1, DW_EXIT_CONFIG = 2, DW_EXIT_CANNOT = 3, DW_EXIT_AGAIN = 4 /* it ended well and is to be started again */ };
/* The code for a result of the work itself. */
int dw_program_exit(int rc);

/* What a program is. */
struct dw_program {
    const char *name; /* "dogwatch-agent" */
    const struct dw_conf_table *table;
    dw_conf_check *check; /* as in struct dw_conf */
};

/* Takes `--config FILE` apart (also --help and --version) and loads it into `conf` and `values`, with mistakes told on stderr.
 * True: go on, and dw_conf_fini later. False: *ret_exit is the exit code, nothing is to be freed. */
bool dw_program_begin(
    const struct dw_program *p, int argc, char **argv, struct dw_conf *conf, void *values, int *ret_exit);

/* Loads a file for it into `conf` and `values`; mistakes, and what else keeps it from being read, are told on stderr. On DW_OK dw_conf_fini later, else there
 * is nothing to be freed. DW_ECONFIG, codes of fs.h. */
DW_MUST_USE int dw_program_load(const struct dw_program *p, const char *path, struct dw_conf *conf, void *values);

/* For a dw_diag_sink: mistakes to stderr, with place, line, caret and hint. */
void dw_program_say(void *unused, const struct dw_diags *d);

/* Makes `dir` and takes the lock `name` in it for the life of the process; says who has it otherwise. DW_ELOCKED, codes of
 * fs.h. */
DW_MUST_USE int dw_program_lock(const char *dir, const char *name);

/* The counters file of a program, written every few seconds for `dogwatch counters`: DATA/state/NAME.counters. */
struct dw_counters_file {
    char path[4096];
    int64_t saved_ns;
    bool failed;
};
/* Makes DATA/state. DW_ELIMIT, codes of fs.h. */
DW_MUST_USE int dw_counters_file_init(struct dw_counters_file *f, const char *data, const char *name);
/* Writes it when it is due, or `now`. That it cannot be written is said once. */
void dw_counters_file_save(struct dw_counters_file *f, bool now);

#endif
