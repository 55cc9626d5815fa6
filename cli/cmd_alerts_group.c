/*
 * cmd_alerts_group: `dogwatch alerts --group`: a row for each rule and key, the worst first: what to look at next.
 */
#include "cmd_alert.h"

#include "dogwatch/collect/triage.h"
#include "dogwatch/event/json_write.h"

#include <stdio.h>

struct grouping {
    struct dw_alert_groups *groups;
    struct cli_table table;
    struct dw_buf out;
    uint64_t shown, limit;
    int rc;
};

static void add(void *arg, const struct dw_alert *a, const char *silence)
{
    struct grouping *g = arg;
    (void)silence;
    if (g->rc == DW_OK)
        g->rc = dw_alert_groups_add(g->groups, a);
}

static void put_text(struct dw_buf *out, const char *name, struct dw_str value)
{
    dw_buf_printf(out, "%s:", name);
    (void)dw_json_string(out, value);
}

static void put_time(struct dw_buf *out, const char *name, int64_t ns)
{
    dw_buf_printf(out, "%s:\"", name);
    dw_time_text(out, ns);
    dw_buf_byte(out, '"');
}

static void put_json(struct dw_buf *out, const struct dw_alert_group *one)
{
    put_text(out, "{\"rule\":{\"id\"", dw_str_of(one->rule));
    put_text(out, ",\"name\"", dw_str_of(one->title));
    put_text(out, ",\"level\"", dw_str_of(one->level));
    put_text(out, "},\"key\"", one->key);
    dw_buf_printf(out, ",\"alerts\":%llu,\"open\":%llu,\"events\":%llu", (unsigned long long)one->alerts, (unsigned long long)one->open,
        (unsigned long long)one->events);
    put_time(out, ",\"first\"", one->first_ns);
    put_time(out, ",\"last\"", one->last_ns);
    put_text(out, ",\"newest\"", dw_str_of(one->newest));
    dw_buf_str(out, DW_STR("}\n"));
}

static void row(void *arg, const struct dw_alert_group *one)
{
    struct grouping *g = arg;
    if (g->shown++ >= g->limit)
        return;
    if (g->table.output == OUTPUT_NDJSON) {
        put_json(&g->out, one);
        return;
    }
    cli_table_cell(&g->table, dw_str_slice(dw_str_of(one->newest), 0, 12));
    cli_table_cell(&g->table, dw_str_of(one->level));
    cli_table_number(&g->table, one->alerts);
    cli_table_number(&g->table, one->open);
    cli_table_number(&g->table, one->events);
    cli_table_time(&g->table, one->first_ns);
    cli_table_time(&g->table, one->last_ns);
    cli_table_cell(&g->table, dw_str_of(one->title));
    cli_table_cell(&g->table, one->key);
}

int cli_alerts_group(struct cli_alerts *c)
{
    struct grouping g = {.groups = dw_alert_groups_new(), .limit = c->o->has_limit ? c->o->limit : UINT64_MAX,
        .table = {.output = c->o->output, .columns = 9, .name = {"newest", "level", "alerts", "open", "events", "first", "last", "rule", "for"},
            .number = {false, false, true, true, true, false, false, false, false}}};
    int rc = g.groups ? cli_alerts_scan(c, add, &g) : cli_failed(DW_ENOMEM);
    if (rc == CLI_YES)
        rc = cli_failed(g.rc == DW_OK ? dw_alert_groups_each(g.groups, row, &g) : g.rc);
    if (rc == CLI_YES && c->o->output == OUTPUT_NDJSON)
        (void)fwrite(g.out.ptr ? g.out.ptr : "", 1, g.out.len, stdout);
    else if (rc == CLI_YES)
        cli_table_end(&g.table);
    if (rc == CLI_YES && g.shown > g.limit)
        (void)fprintf(stderr, "%llu more groups\n", (unsigned long long)(g.shown - g.limit));
    if (rc == CLI_YES)
        cli_alerts_say_silenced(c);
    if (rc == CLI_YES)
        rc = cli_failed(g.out.err);
    dw_alert_groups_free(g.groups);
    dw_buf_fini(&g.out);
    dw_buf_fini(&g.table.cells);
    return rc;
}
