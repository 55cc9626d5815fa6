/*
 * What the words of `dogwatch rules` share: arguments, and rules with what they stand on.
 */
#ifndef DOGWATCH_CLI_RULES_H
#define DOGWATCH_CLI_RULES_H

#include "cmd.h"

#include "dogwatch/correlate/ruleset.h"

#include <stdio.h>

enum { RULES_PATHS_MAX = 1024, RULES_PLACEHOLDERS_MAX = 256, RULES_WORDS_MAX = 16, RULES_FILE_BYTES_MAX = 8 << 20 };

struct rules_opts {
    const char *path[RULES_PATHS_MAX];
    uint32_t path_count;
    bool ecs, quiet, strict, junit, navigator, lint, notes, ndjson, fix, dry_run, from_alerts; /* lint, ndjson: set by the word itself */
    struct dw_match_opts match;
    const char *placeholders, *event, *rule, *to, *level, *geoip, *wrong, *right; /* NULL unless given */
    const char *product[RULES_WORDS_MAX], *status[RULES_WORDS_MAX];
    uint32_t product_count, status_count;
    char *reading[RULES_WORDS_MAX]; /* options of commands that read an archive, each with its value: for cli_options */
    uint32_t reading_count;
};

struct rules {
    struct dw_keys *keys;
    struct dw_ruleset *set;
    struct dw_arena arena; /* placeholders */
    struct dw_placeholder placeholder[RULES_PLACEHOLDERS_MAX];
    uint32_t placeholder_count;
    uint32_t warnings; /* that were told while loading */
    const struct rules_opts *o;
};

#define RULES_COMMAND(word, function, arguments, summary) int function(const struct rules_opts *o);
#include "dogwatch/tbl/rules_commands.h"
#undef RULES_COMMAND

/* Loads o->path; what is wrong is told on stderr. Exit codes. rules_fini frees, whatever the answer was. */
int rules_load(struct rules *r, const struct rules_opts *o);
/* The first part of it: placeholders and keys, no set yet. rules_fini frees, whatever the answer was. */
int rules_begin(struct rules *r, const struct rules_opts *o);
/* In place of rules_load: mends the files first, or shows how (--dry-run), and tells what is wrong then. */
int rules_mend(struct rules *r, const struct rules_opts *o);
/* Writes a file anew unless it has changed since it was read (DW_EAGAIN), is a link, no regular file, or another user's (DW_EACCES). Codes of dw_fs. */
DW_MUST_USE int rules_write_over(const struct dw_fs *fs, const char *path, struct dw_str before, struct dw_str now);
void rules_fini(struct rules *r);
/* The exit code of a command that did its work with these rules: CLI_USAGE where one of them did not load. */
int rules_verdict(const struct rules *r);
/* Tells diagnostics on stderr; a sink of struct dw_diag_sink whose `ud` is the struct rules. */
void rules_say(void *ud, const struct dw_diags *d);

/* Writes a file where nothing is: DW_EEXIST. It is whole or not there. Codes of dw_fs. */
DW_MUST_USE int rules_write_new(const struct dw_fs *fs, const char *path, struct dw_str text);

struct event_json;
/* Calls `each` for every event of o->event (`-` or NULL: standard input) with its line number from 0, until it answers under 0. A line that is no
 * event is told on stderr, and given with is_event false. DW_ENOMEM, DW_ELIMIT, codes of reading. */
typedef int rules_each_event(void *ud, struct event_json *e);
DW_MUST_USE int rules_events(const struct rules *r, rules_each_event *each, void *ud);

#endif
