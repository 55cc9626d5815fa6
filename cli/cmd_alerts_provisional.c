/*
 * cmd_alerts_provisional: `dogwatch alerts --provisional`: what correlations say before all events have come, and what became of it (collect/provisional.h).
 */
#include "cmd_alert.h"

#include "dogwatch/collect/provisional.h"

#include <stdio.h>

struct listing {
    const struct cli_alerts *c;
    struct cli_table table;
    bool json;
};

static int list_one(void *arg, const struct dw_alert *alert, struct dw_str line)
{
    struct listing *l = arg;
    struct dw_alert a = *alert;
    struct dw_buf out = {0};
    const struct dw_answer_alerts *asked = &l->c->list;
    const enum dw_provisional_state state = dw_provisional_state_of(a.doc);
    (void)line;
    for (int i = 0; i < DW_ALERT_FIELDS; i++) /* nobody says anything of them */
        a.said[i] = "";
    a.said[DW_ALERT_status] = dw_provisional_text(state);
    if (a.time_ns < asked->since_ns || a.time_ns >= asked->until_ns || (asked->filter && !dw_alert_filter_takes(asked->filter, &a)))
        return DW_OK;
    if (l->json) {
        dw_answer_alert(&a, NULL, &out);
        int rc = out.err;
        if (rc == DW_OK)
            (void)fwrite(out.ptr, 1, out.len, stdout);
        dw_buf_fini(&out);
        return rc;
    }
    cli_table_cell(&l->table, dw_str_slice(dw_str_of(a.id), 0, 12));
    cli_table_time(&l->table, a.time_ns);
    cli_table_cell(&l->table, dw_str_of(a.level));
    cli_table_cell(&l->table, dw_str_of(dw_provisional_text(state)));
    cli_table_cell(&l->table, dw_str_of(a.title));
    cli_table_number(&l->table, (uint64_t)a.total);
    cli_table_cell(&l->table, a.key);
    return DW_OK;
}

int cli_alerts_provisional(const struct cli_alerts *c)
{
    const struct cli_options *o = c->o;
    char dir[4096];
    struct listing l = {.c = c, .json = o->output == OUTPUT_NDJSON, .table = {.output = o->output, .columns = 7,
        .name = {"alert", "time", "level", "state", "rule", "events", "for"}, .number = {false, false, false, false, false, true, false}}};
    int rc = dw_path_join(dir, sizeof dir, o->data, "alerts");
    if (rc == DW_OK)
        rc = dw_provisional_each(&dw_fs_system, dir, list_one, &l);
    rc = rc == DW_ENOENT ? DW_OK : rc; /* there was none yet */
    if (rc == DW_OK && !l.json)
        cli_table_end(&l.table);
    dw_buf_fini(&l.table.cells);
    return cli_failed(rc);
}
