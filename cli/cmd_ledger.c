/*
 * cmd_ledger: `dogwatch ledger`: for each stream, in bytes: what the agent read and where it is.
 *
 * read = archived + declared + pending + unaccounted. The account is made out of the archive alone, by the code that the
 * collector uses. Exit code 1 when something is unaccounted for.
 */
#include "remote_rows.h"

#include "dogwatch/collect/answer.h"

#include <stdio.h>

static void say_unread(void *arg, const char *where, int rc)
{
    (void)arg;
    (void)fprintf(stderr, "dogwatch: %s: %s\n", where, dw_err_text(rc));
}

int cli_account(struct dw_archive_reader *r, struct dw_account *account, struct dw_keys *keys)
{
    return dw_answer_account(&(struct dw_answer_account){.reader = r, .account = account, .keys = keys, .problem = say_unread});
}

enum { NUMBERS = 6, UNACCOUNTED = 4 };

struct printing {
    struct cli_table table;
    struct dw_keys *keys; /* of rows that come from a server */
    uint64_t sum[NUMBERS];
};

static void begin(struct printing *p, const struct cli_options *o)
{
    *p = (struct printing){.table = {.output = o->output, .columns = 9,
        .name = {"host", "file", "state", "read", "archived", "declared", "pending", "unaccounted", "again"},
        .number = {false, false, false, true, true, true, true, true, true}}};
}

static void put_row(struct printing *p, struct dw_str host, struct dw_str file, struct dw_str state, const uint64_t number[NUMBERS])
{
    cli_table_cell(&p->table, host);
    cli_table_cell(&p->table, file);
    cli_table_cell(&p->table, state);
    for (int k = 0; k < NUMBERS; k++)
        cli_table_number(&p->table, number[k]);
}

static void add_stream(struct printing *p, struct dw_str host, struct dw_str file, struct dw_str state, const uint64_t number[NUMBERS])
{
    put_row(p, host, file, state, number);
    for (int k = 0; k < NUMBERS; k++)
        p->sum[k] += number[k];
}

/* Answers whether every byte is accounted for. */
static bool print_end(struct printing *p)
{
    bool people = p->table.output == OUTPUT_TABLE;
    if (people)
        put_row(p, DW_STR(""), DW_STR("all streams"), DW_STR(""), p->sum);
    cli_table_end(&p->table);
    if (people)
        (void)printf("\n%llu bytes read = %llu archived + %llu declared + %llu pending%s\n", (unsigned long long)p->sum[0],
            (unsigned long long)p->sum[1], (unsigned long long)p->sum[2], (unsigned long long)p->sum[3],
            p->sum[UNACCOUNTED] ? "; the rest is UNACCOUNTED FOR" : "");
    return p->sum[UNACCOUNTED] == 0;
}

static bool take_row(void *arg, struct dw_str raw, const struct dw_event *row)
{
    struct printing *p = arg;
    uint64_t number[NUMBERS];
    (void)raw;
    for (int k = 0; k < NUMBERS; k++)
        number[k] = remote_number(p->keys, row, p->table.name[3 + k]);
    add_stream(p, remote_text(p->keys, row, "host"), remote_text(p->keys, row, "file"), remote_text(p->keys, row, "state"), number);
    return true;
}

static int of_server(const struct cli_options *o)
{
    struct printing p;
    begin(&p, o);
    p.keys = dw_keys_new();
    struct remote_rows r = {.o = o, .keys = p.keys, .method = "GET", .target = "/api/v1/ledger", .row = take_row, .arg = &p};
    int rc = p.keys ? remote_rows(&r) : cli_failed(DW_ENOMEM);
    if (rc == CLI_YES || rc == CLI_NO)
        rc = print_end(&p) ? rc : CLI_NO;
    else
        dw_buf_fini(&p.table.cells);
    dw_keys_free(p.keys);
    return rc;
}

static int print(const struct cli_options *o, const struct dw_account *account)
{
    struct printing p;
    begin(&p, o);
    for (const struct dw_account_stream *s = NULL; (s = dw_account_next(account, s));) {
        struct dw_ledger_row r;
        dw_ledger_row_of(s, &r);
        const uint64_t number[NUMBERS] = {r.read, r.archived, r.declared, r.pending, r.unaccounted, r.again};
        add_stream(&p, dw_str_of(r.host), dw_str_of(r.path), dw_str_of(r.state), number);
    }
    return print_end(&p) ? CLI_YES : CLI_NO;
}

static int of_archive(const struct cli_options *o)
{
    static const struct dw_account_bounds all = {.streams = UINT32_MAX, .epochs = UINT32_MAX, .ranges = UINT64_MAX};
    struct dw_archive_reader *r;
    struct dw_keys *keys = dw_keys_new();
    int rc = cli_open_archive(o, keys, &r);
    if (rc == CLI_YES) {
        struct dw_account *account = dw_account_new(&all, NULL, NULL);
        rc = cli_failed(account ? cli_account(r, account, keys) : DW_ENOMEM);
        if (rc == CLI_YES)
            rc = print(o, account);
        dw_account_free(account);
        dw_archive_reader_close(r);
    }
    dw_keys_free(keys);
    return rc;
}

int cmd_ledger(int argc, char **argv)
{
    struct cli_options o;
    int rc = cli_options(argc, argv, &o);
    if (rc == CLI_YES && o.rest_count) {
        (void)fprintf(stderr, "usage: dogwatch ledger %s\n", cli_arguments("ledger"));
        rc = CLI_USAGE;
    }
    if (rc != CLI_YES)
        return rc;
    return o.server[0] ? of_server(&o) : of_archive(&o);
}
