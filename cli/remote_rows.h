/*
 * Answers of rows: each row as an event whose fields are its members, and what the last line says.
 */
#ifndef DOGWATCH_CLI_REMOTE_ROWS_H
#define DOGWATCH_CLI_REMOTE_ROWS_H

#include "remote.h"

#include "dogwatch/event/event.h"

struct remote_rows {
    const struct cli_options *o; /* whose server is asked */
    struct dw_keys *keys;
    const char *method, *target;
    struct dw_str body;
    /* `raw`: the row as it came; `row` has its members, `a.b` where they are nested. Both are valid during the call. */
    void (*row)(void *arg, struct dw_str raw, const struct dw_event *row);
    /* The last line: answer.complete and further members. NULL: nobody asks. */
    void (*end)(void *arg, const struct dw_event *answer);
    void *arg;
    bool one;          /* the answer is one object, which is given as a row */
    bool older_wanted; /* a limit was asked for: that older ones are left out is not partial */
    /* set */
    uint64_t rows;
    bool ended;    /* its last line came, and all lines were objects */
    bool complete; /* as that line says */
};
/* Answers the exit code: CLI_YES: complete; CLI_NO: partial, and said why; others: nothing was answered, and said why. What the answer notes
 * is said too. */
DW_MUST_USE int remote_rows(struct remote_rows *r);

/* The text or number of a member as text; a NULL pointer: it has none. */
struct dw_str remote_text(const struct dw_keys *keys, const struct dw_event *row, const char *name);
/* The number of a member; 0: it has none. */
uint64_t remote_number(const struct dw_keys *keys, const struct dw_event *row, const char *name);
/* The time of a member; `none`: it has none. */
int64_t remote_time(const struct dw_keys *keys, const struct dw_event *row, const char *name, int64_t none);

/* Rows of `target` as those of the table, whose columns are called as the members; ends the table. Answers the exit code. */
DW_MUST_USE int remote_table(const struct cli_options *o, const char *target, struct cli_table *t);

#endif
