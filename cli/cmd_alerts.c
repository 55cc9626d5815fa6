/*
 * cmd_alerts: `dogwatch alerts`: those that a filter takes, of findings and of what people said of them.
 *
 * Invariant: what is not shown is counted: silenced alerts, older ones than --limit, and those of a flood, which people see summarised and
 * programs one by one.
 */
#include "cmd_alert.h"

#include "dogwatch/collect/triage.h"

#include <poll.h>
#include <stdio.h>

enum { FOLLOW_MS = 300 };

struct listing {
    struct cli_table table;
    struct dw_buf out;
    uint64_t count;
    struct dw_fuse *fuse; /* NULL: every one is shown */
};

static void list_row(void *arg, const struct dw_alert *a, const char *silence)
{
    struct listing *l = arg;
    (void)silence;
    l->count++;
    if (l->fuse && !dw_fuse_takes(l->fuse, a))
        return;
    cli_table_cell(&l->table, dw_str_slice(dw_str_of(a->id), 0, 12));
    cli_table_time(&l->table, a->time_ns);
    cli_table_cell(&l->table, dw_str_of(a->level));
    cli_table_cell(&l->table, dw_str_of(a->said[DW_ALERT_status]));
    cli_table_cell(&l->table, dw_str_of(a->title));
    cli_table_number(&l->table, (uint64_t)a->total);
    cli_table_cell(&l->table, a->key);
}

static void list_json(void *arg, const struct dw_alert *a, const char *silence)
{
    struct listing *l = arg;
    l->count++;
    dw_answer_alert(a, silence, &l->out);
}

/* A row for what a fuse summarises. */
static void list_blown(void *arg, const struct dw_fuse_blown *b)
{
    struct listing *l = arg;
    struct dw_buf text = {0};
    dw_buf_printf(&text, "%s: %llu more in this hour", b->title, (unsigned long long)b->alerts);
    cli_table_cell(&l->table, DW_STR("..."));
    cli_table_time(&l->table, b->hour_ns);
    cli_table_cell(&l->table, dw_str_of(b->level));
    cli_table_cell(&l->table, DW_STR(""));
    cli_table_cell(&l->table, dw_buf_view(&text));
    cli_table_number(&l->table, b->events);
    dw_buf_reset(&text);
    for (uint32_t i = 0; i < b->top_count; i++)
        dw_buf_printf(&text, "%s%s (%llu)", i ? ", " : "", b->top[i].text, (unsigned long long)b->top[i].alerts);
    cli_table_cell(&l->table, b->top_count ? dw_buf_view(&text) : b->key);
    dw_buf_fini(&text);
}

/* Those that came since the last time. Answers the exit code. */
static int list_once(struct cli_alerts *c, struct dw_fuse *fuse)
{
    const struct cli_options *o = c->o;
    struct listing l = {.fuse = fuse, .table = {.output = o->output, .columns = 7,
        .name = {"alert", "time", "level", "status", "rule", "events", "for"}, .number = {false, false, false, false, false, true, false}}};
    bool json = o->output == OUTPUT_NDJSON;
    int rc = cli_alerts_scan(c, json ? list_json : list_row, &l);
    if (rc == CLI_YES && fuse)
        dw_fuse_each(fuse, list_blown, &l);
    if (rc == CLI_YES && json && l.out.len)
        (void)fwrite(l.out.ptr, 1, l.out.len, stdout);
    else if (rc == CLI_YES && !json && (l.count || !o->follow))
        cli_table_end(&l.table);
    (void)fflush(stdout);
    if (rc == CLI_YES)
        cli_alerts_say_silenced(c);
    dw_buf_fini(&l.out);
    dw_buf_fini(&l.table.cells);
    return rc;
}

int cmd_alerts(int argc, char **argv)
{
    struct cli_options o;
    struct cli_alerts c;
    int rc = cli_options(argc, argv, &o);
    if (rc == CLI_YES && (o.rest_count > 1 || (o.follow && (o.group || o.has_limit)) || (o.provisional && (o.follow || o.group || o.silenced || o.all)))) {
        (void)fprintf(stderr, "usage: dogwatch alerts %s\n", cli_arguments("alerts"));
        rc = CLI_USAGE;
    }
    if (rc == CLI_YES && o.follow)
        rc = cli_read_data(&o, "--follow");
    if (rc == CLI_YES)
        rc = cli_alerts_open(&c, &o, o.rest_count ? o.rest[0] : NULL);
    if (rc != CLI_YES)
        return rc;
    struct dw_fuse *fuse = o.output == OUTPUT_TABLE && !o.all ? dw_fuse_new() : NULL;
    c.list.newest = o.has_limit && !o.group ? o.limit : 0;
    do {
        rc = o.group ? cli_alerts_group(&c) : list_once(&c, fuse);
        if (o.follow)
            (void)poll(NULL, 0, FOLLOW_MS);
    } while (rc == CLI_YES && o.follow);
    dw_fuse_free(fuse);
    cli_alerts_close(&c);
    return rc == CLI_YES && c.partial ? CLI_NO : rc;
}
