/*
 * cmd_ledger: `dogwatch ledger`: for each stream, in bytes: what the agent read and where it is.
 *
 * read = archived + declared + pending + unaccounted. The account is made out of the archive alone, by the code that the
 * collector uses. Exit code 1 when something is unaccounted for.
 */
#include "cli_int.h"

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

/* The last row of a table for people. */
static void put_totals(struct cli_table *t, const uint64_t sum[6])
{
    cli_table_cell(t, DW_STR(""));
    cli_table_cell(t, DW_STR("all streams"));
    cli_table_cell(t, DW_STR(""));
    for (int k = 0; k < 6; k++)
        cli_table_number(t, sum[k]);
}

static void print(const struct cli_options *o, const struct dw_account *account, uint64_t *ret_unaccounted)
{
    struct cli_table t = {.output = o->output, .columns = 9,
        .name = {"host", "file", "state", "read", "archived", "declared", "pending", "unaccounted", "again"},
        .number = {false, false, false, true, true, true, true, true, true}};
    uint64_t sum[6] = {0};
    for (const struct dw_account_stream *s = NULL; (s = dw_account_next(account, s));) {
        struct dw_ledger_row r;
        dw_ledger_row_of(s, &r);
        uint64_t row[6] = {r.read, r.archived, r.declared, r.pending, r.unaccounted, r.again};
        cli_table_cell(&t, dw_str_of(r.host));
        cli_table_cell(&t, dw_str_of(r.path));
        cli_table_cell(&t, dw_str_of(r.state));
        for (int k = 0; k < 6; k++) {
            cli_table_number(&t, row[k]);
            sum[k] += row[k];
        }
    }
    if (o->output == OUTPUT_TABLE)
        put_totals(&t, sum);
    cli_table_end(&t);
    *ret_unaccounted = sum[4];
    if (o->output == OUTPUT_TABLE)
        (void)printf("\n%llu bytes read = %llu archived + %llu declared + %llu pending%s\n", (unsigned long long)sum[0],
            (unsigned long long)sum[1], (unsigned long long)sum[2], (unsigned long long)sum[3],
            sum[4] ? "; the rest is UNACCOUNTED FOR" : "");
}

int cmd_ledger(int argc, char **argv)
{
    struct cli_options o;
    struct dw_archive_reader *r;
    uint64_t unaccounted = 0;
    int rc = cli_options(argc, argv, &o);
    if (rc == CLI_YES && o.rest_count) {
        (void)fprintf(stderr, "usage: dogwatch ledger [--data DIR | --archive PATH] [--output table|ndjson|csv]\n");
        rc = CLI_USAGE;
    }
    if (rc != CLI_YES)
        return rc;
    struct dw_keys *keys = dw_keys_new();
    rc = cli_open_archive(&o, keys, &r);
    if (rc != CLI_YES) {
        dw_keys_free(keys);
        return rc;
    }
    static const struct dw_account_bounds all = {.streams = UINT32_MAX, .epochs = UINT32_MAX, .ranges = UINT64_MAX};
    struct dw_account *account = dw_account_new(&all, NULL, NULL);
    int err = account ? cli_account(r, account, keys) : DW_ENOMEM;
    if (err == DW_OK)
        print(&o, account, &unaccounted);
    else
        (void)fprintf(stderr, "dogwatch: %s\n", dw_err_text(err));
    dw_account_free(account);
    dw_archive_reader_close(r);
    dw_keys_free(keys);
    return err < 0 ? CLI_CANNOT : unaccounted ? CLI_NO : CLI_YES;
}
