/*
 * Answers of rows: each row as an event whose fields are its members, and what the last line says.
 */
#ifndef DOGWATCH_CLI_REMOTE_ROWS_H
#define DOGWATCH_CLI_REMOTE_ROWS_H

#include "remote.h"

#include "dogwatch/event/event.h"

enum { REMOTE_FIELDS_MAX = DW_EVENT_FIELDS_MAX + 64 }; /* an event's own, and what the API says of it */

struct remote_rows {
    const struct cli_options *o; /* whose server is asked */
    struct dw_keys *keys;
    const char *method, *target;
    struct dw_str body;
    /* `raw`: the row as it came; `row` has its members, `a.b` where they are nested, at most REMOTE_FIELDS_MAX. Both are valid during the call.
     * False: the row is none that was asked for, and the answer is none. */
    bool (*row)(void *arg, struct dw_str raw, const struct dw_event *row);
    /* The last line: answer.complete and further members. NULL: nobody asks. */
    void (*end)(void *arg, const struct dw_event *answer);
    void *arg;
    bool of_one;       /* the target names one thing, which may not be there */
    bool one;          /* the answer is one object, which is given as a row */
    uint64_t rows_max; /* more are no answer; 0: any number */
    bool asked;        /* a limit was asked for: that it is met is not partial */
    /* set */
    uint64_t rows;
    bool ended, complete; /* the answer is whole; nothing that was asked for is missing in it */
};
/* Answers the exit code: CLI_YES: complete; CLI_NO: partial, or the one thing is not there; CLI_CANNOT: what came is not to be taken for the answer;
 * all said. What the answer notes is said too. */
DW_MUST_USE int remote_rows(struct remote_rows *r);

/* The text or number of a member as text; a NULL pointer: it has none. */
struct dw_str remote_text(const struct dw_keys *keys, const struct dw_event *row, const char *name);
/* The number of a member; 0: it has none. */
uint64_t remote_number(const struct dw_keys *keys, const struct dw_event *row, const char *name);
/* Whether a member is true. */
bool remote_is_true(const struct dw_keys *keys, const struct dw_event *row, const char *name);
/* The time of a member; `none`: it has none. */
int64_t remote_time(const struct dw_keys *keys, const struct dw_event *row, const char *name, int64_t none);

/* Rows of `target` as those of the table, whose columns are called as the members; ends the table. Answers the exit code. */
DW_MUST_USE int remote_table(const struct cli_options *o, const char *target, struct cli_table *t);

#endif
