/*
 * cmd_incidents: `dogwatch incidents`: alerts that share an address, an account or a container within 24 h, as one row; and one of them whole.
 *
 * Silenced alerts and those that people found to mean nothing join nothing.
 */
#include "cmd_alert.h"

#include "dogwatch/collect/triage.h"
#include "dogwatch/event/json_write.h"

#include <stdio.h>

enum { ENTITIES_SHOWN = 3 };

struct listing {
    struct dw_incidents *incidents;
    const struct cli_options *o;
    struct cli_table table;
    struct dw_buf text; /* entities of one */
    uint32_t entities;
    uint64_t skip; /* of the oldest */
    const char *prefix;
    uint64_t count;
    int rc;
};

static void add(void *arg, const struct dw_alert *a, const char *silence)
{
    struct listing *l = arg;
    (void)silence;
    if (l->rc == DW_OK && !dw_alert_is_nothing(a))
        l->rc = dw_incidents_add(l->incidents, a);
}

static void put_entity(void *arg, enum dw_entity kind, const char *value, uint32_t alerts)
{
    struct listing *l = arg;
    (void)alerts;
    if (l->entities++ < ENTITIES_SHOWN || l->o->output != OUTPUT_TABLE)
        dw_buf_printf(&l->text, "%s%s=%s", l->entities > 1 ? ", " : "", dw_entity_name(kind), value);
}

static void row(void *arg, const struct dw_incident *i)
{
    struct listing *l = arg;
    if (l->count++ < l->skip)
        return;
    l->entities = 0;
    dw_buf_reset(&l->text);
    dw_incidents_entities(l->incidents, i, put_entity, l);
    if (l->entities > ENTITIES_SHOWN && l->o->output == OUTPUT_TABLE)
        dw_buf_printf(&l->text, " and %u more", l->entities - ENTITIES_SHOWN);
    cli_table_cell(&l->table, l->o->output == OUTPUT_TABLE ? dw_str_slice(dw_str_of(i->id), 0, 12) : dw_str_of(i->id));
    cli_table_cell(&l->table, dw_str_of(i->level));
    cli_table_number(&l->table, i->alerts);
    cli_table_number(&l->table, i->open);
    cli_table_time(&l->table, i->first_ns);
    cli_table_time(&l->table, i->last_ns);
    cli_table_cell(&l->table, dw_buf_view(&l->text));
}

static void count_row(void *arg, const struct dw_incident *i)
{
    (void)i;
    ((struct listing *)arg)->count++;
}

static int list(struct listing *l)
{
    int rc = dw_incidents_each(l->incidents, count_row, l);
    l->skip = l->o->has_limit && l->count > l->o->limit ? l->count - l->o->limit : 0;
    l->count = 0;
    if (rc == DW_OK)
        rc = dw_incidents_each(l->incidents, row, l);
    if (rc == DW_OK)
        cli_table_end(&l->table);
    if (rc == DW_OK && l->skip)
        (void)fprintf(stderr, "%llu older ones; --limit N\n", (unsigned long long)l->skip);
    return rc;
}

static void show_entity(void *arg, enum dw_entity kind, const char *value, uint32_t alerts)
{
    struct cli_table *t = arg;
    cli_table_cell(t, dw_str_of(dw_entity_name(kind)));
    cli_table_cell(t, dw_str_of(value));
    cli_table_number(t, alerts);
}

struct members {
    const struct cli_options *o;
    struct cli_table table;
    int rc;
};

static void show_alert(void *arg, const struct dw_alert *a)
{
    struct members *m = arg;
    cli_table_cell(&m->table, m->table.output == OUTPUT_TABLE ? dw_str_slice(dw_str_of(a->id), 0, 12) : dw_str_of(a->id));
    cli_table_time(&m->table, a->time_ns);
    cli_table_cell(&m->table, dw_str_of(a->level));
    cli_table_cell(&m->table, dw_str_of(a->said[DW_ALERT_status]));
    cli_table_cell(&m->table, dw_str_of(a->title));
    cli_table_cell(&m->table, a->key);
}

static void show_member(void *arg, const char *alert)
{
    struct members *m = arg;
    if (m->rc == CLI_YES)
        m->rc = cli_alert_find(m->o, alert, show_alert, m);
}

/* Answers the exit code. */
static int show(struct listing *l)
{
    struct cli_table entities = {.output = l->o->output, .columns = 3, .name = {"entity", "value", "alerts"}, .number = {false, false, true}};
    struct members m = {.o = l->o, .rc = CLI_YES, .table = {.output = l->o->output, .columns = 6, .name = {"alert", "time", "level", "status", "rule", "for"}}};
    struct dw_incident i;
    int err = dw_incidents_find(l->incidents, dw_str_of(l->prefix), &i);
    if (err == DW_ENOENT || err == DW_EEXIST) {
        (void)fprintf(stderr, "dogwatch: incident %s: %s\n", l->prefix,
            err == DW_EEXIST ? "several begin so; give more digits" : "none has this id; `dogwatch incidents` lists them");
        return CLI_NO;
    }
    if (err < 0)
        return cli_failed(err);
    if (l->o->output == OUTPUT_TABLE) {
        dw_incidents_entities(l->incidents, &i, show_entity, &entities);
        cli_table_end(&entities);
        (void)printf("\n");
    }
    dw_incidents_alerts(l->incidents, &i, show_member, &m);
    if (m.rc == CLI_YES)
        cli_table_end(&m.table);
    dw_buf_fini(&m.table.cells);
    return m.rc;
}

int cmd_incidents(int argc, char **argv)
{
    struct cli_options o;
    struct cli_alerts c;
    int rc = cli_options(argc, argv, &o);
    bool one = rc == CLI_YES && o.rest_count == 2 && strcmp(o.rest[0], "show") == 0;
    if (rc == CLI_YES && !one && o.rest_count && (o.rest_count > 1 || strcmp(o.rest[0], "ls") != 0)) {
        (void)fprintf(stderr, "usage: dogwatch incidents %s\n", cli_arguments("incidents"));
        rc = CLI_USAGE;
    }
    if (rc == CLI_YES)
        rc = cli_alerts_open(&c, &o, NULL);
    if (rc != CLI_YES)
        return rc;
    struct listing l = {.incidents = dw_incidents_new(), .o = &o, .prefix = one ? o.rest[1] : "",
        .table = {.output = o.output, .columns = 7, .name = {"incident", "level", "alerts", "open", "first", "last", "about"},
            .number = {false, false, true, true, false, false, false}}};
    rc = l.incidents ? cli_alerts_scan(&c, add, &l) : cli_failed(DW_ENOMEM);
    if (rc == CLI_YES)
        rc = cli_failed(l.rc);
    if (rc == CLI_YES)
        rc = one ? show(&l) : cli_failed(list(&l));
    dw_incidents_free(l.incidents);
    dw_buf_fini(&l.text);
    cli_alerts_close(&c);
    return rc == CLI_YES && c.partial ? CLI_NO : rc;
}
