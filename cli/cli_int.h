/*
 * What commands share: where DATA is, options, tables.
 */
#ifndef DOGWATCH_CLI_INT_H
#define DOGWATCH_CLI_INT_H

#include "cmd.h"

#include "dogwatch/base/error.h"
#include "dogwatch/base/fs.h"
#include "dogwatch/base/mem.h"
#include "dogwatch/collect/account.h"
#include "dogwatch/store/archive.h"

struct dw_diags;
struct dw_places;
struct dw_ruleset;

enum { CLI_PATH_MAX = 4096, CLI_COLUMNS_MAX = 32, CLI_RULES_MAX = 8, CLI_TIME_SHOWN = 19 };
enum cli_output { OUTPUT_TABLE, OUTPUT_NDJSON, OUTPUT_CSV };

/* Options that reading commands share. */
struct cli_options {
    char data[CLI_PATH_MAX], archive[CLI_PATH_MAX], rules[CLI_PATH_MAX], config[CLI_PATH_MAX]; /* rules, config: "" unless given */
    char server[CLI_PATH_MAX]; /* "": DATA is read */
    char to[CLI_PATH_MAX], key[CLI_PATH_MAX]; /* of `evidence`; "" unless given */
    enum cli_output output;
    uint64_t limit;
    bool has_limit, follow, silenced, group, provisional, all, proposed, dry_run, faithful, corrected, ids;
    bool names_data, names_server; /* --data or --archive is given; --server is */
    uint64_t memory_bytes; /* of a query's pipes */
    uint64_t keep_bytes;   /* of `archive expire`; 0: not given */
    int64_t before_ns;     /* ... so too; INT64_MIN */
    int64_t since_ns, until_ns; /* INT64_MIN, INT64_MAX: none */
    int64_t for_ns;             /* 0: not given */
    const char *reason;         /* "" unless given */
    const char *rest[64];       /* what is no option */
    int rest_count;
};

/* Takes the arguments apart; says what is wrong and answers CLI_USAGE, else CLI_YES. data and archive are filled from --data,
 * --archive, DOGWATCH_DATA or the default; server, for commands that can ask a collector, by --server, DOGWATCH_SERVER or, where nothing says
 * where to look, the socket of a collector that runs over the default. */
int cli_options(int argc, char **argv, struct cli_options *ret);
/* For what a collector is not asked (`what`: a command): from here on DATA is read. CLI_USAGE, and said, where --server was given. */
int cli_read_data(struct cli_options *o, const char *what);
/* The arguments of a command as its help shows them. An option that does not stand there is refused by cli_options. */
const char *cli_arguments(const char *word);
/* The default DATA directory of this user. */
void cli_default_data(char out[CLI_PATH_MAX]);
/* Opens the archive; on failure says where it looked and what to type, and answers CLI_CANNOT. */
int cli_open_archive(const struct cli_options *o, struct dw_keys *keys, struct dw_archive_reader **ret);
/* Gives every frame of an archive to an account; what cannot be read is said. DW_ENOMEM. */
DW_MUST_USE int cli_account(struct dw_archive_reader *r, struct dw_account *account, struct dw_keys *keys);
/* Says that there is no archive, where it was looked for and what to type. Answers CLI_CANNOT. */
int cli_say_no_archive(const struct cli_options *o, int rc);
/* Says what a code of errors.h means, unless it is DW_OK; answers the exit code. */
int cli_failed(int err);
/* Copies a path from the command line; false, and said, when it is too long. */
bool cli_path(char out[CLI_PATH_MAX], const char *path);
/* The folder of this program. */
bool cli_own_folder(char out[CLI_PATH_MAX]);
/* The rules that came with this program; false, and "", when there are none. */
bool cli_shipped_rules(char out[CLI_PATH_MAX]);
/* What a command's rules are read from: --rules; else what the configuration of `up` in --data names; else the shipped rules and
 * /etc/dogwatch/rules.d. Answers how many paths. */
uint32_t cli_rules_of(const struct cli_options *o, char path[CLI_RULES_MAX][CLI_PATH_MAX]);
/* Prints how a word of `dogwatch rules` is used; any other text: how each is. */
void rules_help(const char *word);
/* Gives what says where addresses are: of a database file; NULL or "": *ret is NULL. What cannot be read is said. Codes of dw_geo_open. */
DW_MUST_USE int cli_places(const char *path, struct dw_places **ret);
/* So that of the configuration of `up` in `data`, where it names one; *ret is NULL where it cannot be read, which is said. DW_ENOMEM. */
DW_MUST_USE int cli_places_of(const char *data, struct dw_places **ret);

struct cli_rules {
    char (*place)[CLI_PATH_MAX];
    uint32_t count;
    struct dw_places *places; /* taken */
    void (*report)(void *ud, const struct dw_diags *d); /* mistakes in a rule; NULL: they are passed over */
};
/* Loads them; the caller frees *ret. Codes of dw_ruleset_load, DW_ENOENT for none, said. */
DW_MUST_USE int cli_rules_load(const struct cli_rules *from, struct dw_keys *keys, struct dw_ruleset **ret);
/* Waits until the collector of o->data has taken what was left in an inbox of it under that name: CLI_YES. CLI_NO: it is not running, and takes it
 * when it starts; CLI_CANNOT, and said: it did not in time. */
int cli_wait_inbox(const struct cli_options *o, const char *inbox, const char *name);
/* For struct dw_conf's check: as both programs check their options. */
int cli_option_check(const char *option, struct dw_str key, struct dw_str value, struct dw_buf *why);
/* A time as T of the commands' page: RFC 3339, YYYY-MM-DD, 15m 24h 7d ago, epoch seconds. */
bool cli_time(const char *text, int64_t *ret_ns);

/* Appends text as a terminal may have it: what it would obey instead of showing (controls, direction of writing) as \xNN or \uNNNN, bytes
 * that are no UTF-8 as \xNN. */
void cli_shown(struct dw_buf *out, struct dw_str text);
/* Prints it so. */
void cli_put_safe(struct dw_str text);
/* Prints texts of ours (the first, the third, ...) and, so, of others (the second, ...). */
void cli_put_between(const char *const text[], size_t count);

/* A table with columns as wide as their texts; CSV or NDJSON when asked. Texts are copied. */
struct cli_table {
    enum cli_output output;
    const char *name[CLI_COLUMNS_MAX];
    bool number[CLI_COLUMNS_MAX];
    bool time[CLI_COLUMNS_MAX]; /* of rows that come as texts: shown to people with CLI_TIME_SHOWN characters */
    uint32_t columns;
    struct dw_buf cells; /* NUL-terminated texts, row by row */
    uint32_t rows; /* cells: rows times columns */
    bool begun; /* rows were printed already, and the names of the columns */
};
void cli_table_cell(struct cli_table *t, struct dw_str text);
void cli_table_number(struct cli_table *t, uint64_t v);
/* A time as people read it (CLI_TIME_SHOWN characters) or, to other outputs, whole. */
void cli_table_time(struct cli_table *t, int64_t ns);
/* The same, or an empty cell where it is not known. */
void cli_table_time_if(struct cli_table *t, int64_t ns, bool known);
/* Forgets all but the newest `rows`, as soon as there are twice as many; and when `now`. */
void cli_table_keep(struct cli_table *t, uint32_t rows, bool now);
/* After a whole row: CSV and NDJSON are printed as soon as there is much of them, so that long answers need no memory. */
void cli_table_flush(struct cli_table *t);
/* Prints and frees. More rows may follow: the names of the columns are printed once. */
void cli_table_end(struct cli_table *t);

#endif
