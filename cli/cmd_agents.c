/*
 * cmd_agents: `dogwatch agents [ls]` and `dogwatch agents approve ID`.
 *
 * An approval is a file in DATA/state/approve that the collector makes a decision of; without a running collector it waits there.
 */
#include "remote_rows.h"

#include "dogwatch/collect/answer.h"
#include "dogwatch/event/json_write.h"

#include <stdio.h>

static void put_agent(struct cli_table *t, const struct dw_account_agent *g)
{
    char hex[2 * DW_AGENT_ID_BYTES + 1];
    dw_hex(g->id, DW_AGENT_ID_BYTES, hex);
    cli_table_cell(t, dw_str_of(hex));
    cli_table_cell(t, dw_str_of(g->host));
    cli_table_cell(t, dw_str_of(dw_agent_state_text(g->state)));
    cli_table_number(t, g->epochs);
    cli_table_number(t, g->frames);
    cli_table_number(t, g->events);
    cli_table_number(t, g->spool_bytes);
    cli_table_time_if(t, g->first_ns, g->first_ns != 0);
    cli_table_time_if(t, g->last_ns, g->last_ns != 0);
}

static int of_archive(const struct cli_options *o, struct cli_table *t)
{
    struct dw_archive_reader *r;
    struct dw_keys *keys = dw_keys_new();
    int rc = cli_open_archive(o, keys, &r);
    if (rc == CLI_YES) {
        struct dw_account *account = dw_account_new(NULL, NULL, NULL);
        rc = cli_failed(account ? cli_account(r, account, keys) : DW_ENOMEM);
        for (const struct dw_account_agent *g = NULL; rc == CLI_YES && (g = dw_account_next_agent(account, g));)
            put_agent(t, g);
        if (rc == CLI_YES)
            cli_table_end(t);
        dw_account_free(account);
        dw_archive_reader_close(r);
    }
    dw_keys_free(keys);
    return rc;
}

static int list(const struct cli_options *o)
{
    struct cli_table t = {.output = o->output, .columns = 9,
        .name = {"agent", "host", "state", "starts", "frames", "events", "spool", "first", "last"},
        .number = {false, false, false, true, true, true, true, false, false}, .time = {[7] = true, [8] = true}};
    return o->server[0] ? remote_table(o, "/api/v1/agents", &t) : of_archive(o, &t);
}

static int approve(const struct cli_options *o, const char *id)
{
    char dir[CLI_PATH_MAX], path[CLI_PATH_MAX];
    uint8_t bytes[DW_AGENT_ID_BYTES];
    if (strlen(id) != 2 * (size_t)DW_AGENT_ID_BYTES || !dw_unhex(dw_str_of(id), bytes, sizeof bytes)) {
        (void)fprintf(stderr, "dogwatch agents: %s: an agent's id has 32 hex digits; `dogwatch agents` shows them\n", id);
        return CLI_USAGE;
    }
    int err = dw_path_join(dir, sizeof dir, o->data, "state/approve");
    if (err == DW_OK)
        err = dw_fs_mkdirs(&dw_fs_system, dir, 0750);
    if (err == DW_OK)
        err = dw_path_join(path, sizeof path, dir, id);
    if (err == DW_OK)
        err = dw_fs_write_file(&dw_fs_system, path, 0640, DW_STR(""));
    if (err < 0) {
        (void)fprintf(stderr, "dogwatch: %s: %s\n", dir, dw_err_text(err));
        return CLI_CANNOT;
    }
    (void)printf("agent %s: the collector of %s takes it up within a second, or when it is started\n", id, o->data);
    return CLI_YES;
}

int cmd_agents(int argc, char **argv)
{
    struct cli_options o;
    int rc = cli_options(argc, argv, &o);
    if (rc != CLI_YES)
        return rc;
    if (o.rest_count == 0 || (o.rest_count == 1 && strcmp(o.rest[0], "ls") == 0))
        return list(&o);
    if (o.rest_count == 2 && strcmp(o.rest[0], "approve") == 0)
        return cli_read_data(&o, "approve") == CLI_YES ? approve(&o, o.rest[1]) : CLI_USAGE;
    (void)fprintf(stderr, "usage: dogwatch agents %s\n", cli_arguments("agents"));
    return CLI_USAGE;
}
