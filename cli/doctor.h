/*
 * What the checks of `dogwatch doctor` share.
 */
#ifndef DOGWATCH_CLI_DOCTOR_H
#define DOGWATCH_CLI_DOCTOR_H

#include "cli_int.h"

#include "dogwatch/conf/options.h"

enum doctor_state { DOCTOR_OK, DOCTOR_WARN, DOCTOR_BAD };

/* A round: what it looks at, and what it found so far. */
struct doctor {
    const struct dw_agent_options *opt;
    struct cli_table table;
    const char *check; /* in hand */
    uint64_t logs, folders; /* seen by the checks of logs */
    uint32_t warnings, bad;
};

/* One row: what was found, and what mends it ("" when nothing is to be done). */
void doctor_say(struct doctor *d, enum doctor_state state, const char *mend, const char *format, ...) __attribute__((format(printf, 4, 5)));

/* What errno says. */
const char *doctor_reason(int why);
/* Calls `each` for docker's containers below `root` whose log driver leaves no json-file, with the file that says so. */
void doctor_drivers(const char *root, void (*each)(void *arg, const char *path, struct dw_str driver), void *arg);

#define CHECK(name, function, doc) void function(struct doctor *d);
#include "dogwatch/tbl/doctor_checks.h"
#undef CHECK

#endif
