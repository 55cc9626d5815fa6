/*
 * cmd_entities: `dogwatch entities`: who and what alerts are about, the one with the most risk first.
 */
#include "cmd_alert.h"

#include "dogwatch/base/clock.h"
#include "dogwatch/collect/triage.h"

#include <stdio.h>

struct listing {
    struct dw_risks *risks;
    struct cli_table table;
    uint64_t shown, limit;
    int rc;
};

static void add(void *arg, const struct dw_alert *a, const char *silence)
{
    struct listing *l = arg;
    (void)silence;
    if (l->rc == DW_OK && !dw_alert_is_nothing(a))
        l->rc = dw_risks_add(l->risks, a);
}

static void row(void *arg, const struct dw_risk *r)
{
    struct listing *l = arg;
    char points[40];
    if (l->shown++ >= l->limit)
        return;
    (void)snprintf(points, sizeof points, "%.1f", r->points);
    cli_table_cell(&l->table, dw_str_of(dw_entity_name(r->kind)));
    cli_table_cell(&l->table, dw_str_of(r->value));
    cli_table_cell(&l->table, dw_str_of(points));
    cli_table_number(&l->table, r->alerts);
    cli_table_cell(&l->table, dw_str_of(r->level));
    cli_table_time(&l->table, r->last_ns);
}

int cmd_entities(int argc, char **argv)
{
    struct cli_options o;
    struct cli_alerts c;
    int rc = cli_options(argc, argv, &o);
    if (rc == CLI_YES && o.rest_count > 1) {
        (void)fprintf(stderr, "usage: dogwatch entities %s\n", cli_arguments("entities"));
        rc = CLI_USAGE;
    }
    if (rc == CLI_YES)
        rc = cli_alerts_open(&c, &o, o.rest_count ? o.rest[0] : NULL);
    if (rc != CLI_YES)
        return rc;
    struct listing l = {.risks = dw_risks_new(o.until_ns < INT64_MAX ? o.until_ns : dw_clock_real(&dw_clock_system)),
        .limit = o.has_limit ? o.limit : UINT64_MAX,
        .table = {.output = o.output, .columns = 6, .name = {"entity", "value", "risk", "alerts", "level", "last"},
            .number = {false, false, true, true, false, false}}};
    rc = l.risks ? cli_alerts_scan(&c, add, &l) : cli_failed(DW_ENOMEM);
    if (rc == CLI_YES)
        rc = cli_failed(l.rc == DW_OK ? dw_risks_each(l.risks, row, &l) : l.rc);
    if (rc == CLI_YES) {
        cli_table_end(&l.table);
        cli_alerts_say_silenced(&c);
        if (l.shown > l.limit)
            (void)fprintf(stderr, "%llu more; --limit N\n", (unsigned long long)(l.shown - l.limit));
    }
    dw_risks_free(l.risks);
    cli_alerts_close(&c);
    return rc == CLI_YES && c.partial ? CLI_NO : rc;
}
