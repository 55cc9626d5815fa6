/*
 * cmd_ledger: `dogwatch ledger`: for each stream, in bytes: what the agent read and where it is.
 *
 * read = archived + declared + pending + unaccounted. The account is made out of the archive alone, by the code that the
 * collector uses. Exit code 1 when something is unaccounted for.
 */
#include "cli_int.h"

#include "dogwatch/collect/account.h"

#include <stdio.h>

int cli_account(struct dw_archive_reader *r, struct dw_account *account, struct dw_keys *keys)
{
    struct dw_archived a;
    struct dw_decoder *d = dw_decoder_new(keys);
    uint8_t *mark = dw_calloc(DW_FRAME_EVENTS_MAX, 1), *none = dw_calloc(DW_FRAME_EVENTS_MAX, 1);
    int rc = d && mark && none ? DW_OK : DW_ENOMEM;
    while (rc == DW_OK && (rc = dw_archive_reader_next(r, &a)) != DW_EAGAIN) {
        bool marked;
        if (rc == DW_ENOMEM)
            break;
        if (rc < 0) {
            (void)fprintf(stderr, "dogwatch: %s: %s\n", dw_archive_reader_where(r), dw_err_text(rc));
            rc = DW_OK; /* the rest is still counted; what is missing shows as unaccounted */
            continue;
        }
        dw_account_fill_chain(account, &a.frame, a.has_previous, d);
        rc = dw_account_take(account, &a.frame, a.mark ? a.mark : none, mark, &marked);
    }
    dw_decoder_free(d);
    dw_free(mark);
    dw_free(none);
    return rc == DW_EAGAIN ? DW_OK : rc;
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
        uint64_t have = s->archived + s->declared, read = s->read > have ? s->read : have;
        uint64_t pending = s->read > s->pending && s->read > have ? (s->pending < read - have ? s->pending : read - have) : 0;
        uint64_t row[6] = {read, s->archived, s->declared, pending, read - have - pending, s->duplicate};
        cli_table_cell(&t, dw_str_of(s->host ? s->host : ""));
        cli_table_cell(&t, dw_str_of(s->path ? s->path : "?"));
        cli_table_cell(&t, s->lost ? DW_STR("lost") : s->ended ? DW_STR("ended") : DW_STR("live"));
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
