/*
 * cmd_alerts: `dogwatch alerts`: those that a filter takes, of findings and of what people said of them.
 */
#include "cmd_alert.h"

#include "dogwatch/base/clock.h"
#include "dogwatch/collect/query.h"
#include "dogwatch/event/flatten.h"
#include "dogwatch/event/json_write.h"

#include <poll.h>
#include <stdio.h>

enum { FOLLOW_MS = 300 };

/* A filter over the findings themselves: their JSON taken as an event. */
struct filter {
    struct dw_keys *keys;
    struct dw_query *query; /* NULL: all */
    struct dw_arena pool;
    uint32_t said[DW_ALERT_FIELDS]; /* keys of what people say: status, assignee, ... */
    struct dw_field field[DW_EVENT_FIELDS_MAX];
};

struct listing {
    struct cli_table table;
    struct dw_buf out;
    uint64_t count, skip; /* taken; of these the first are not shown */
    struct filter *filter;
    const struct cli_options *o;
};

static int filter_open(struct filter *f, const char *text)
{
    struct dw_diags diags;
    struct dw_buf said = {0};
    *f = (struct filter){.keys = dw_keys_new()};
    dw_arena_init(&f->pool, 0);
    if (!text)
        return CLI_YES;
    dw_diags_init(&diags, DW_STR("filter"), dw_str_of(text));
    int rc = f->keys ? DW_OK : DW_ENOMEM;
    for (int i = 0; i < DW_ALERT_FIELDS && rc == DW_OK; i++)
        rc = dw_keys_intern(f->keys, dw_str_of(dw_alert_field_name((enum dw_alert_field)i)), &f->said[i]);
    if (rc == DW_OK)
        rc = dw_query_compile(dw_str_of(text), f->keys, &diags, &f->query);
    if (rc == DW_OK && !dw_query_is_filter(f->query)) {
        (void)fprintf(stderr, "dogwatch alerts: a filter without pipes is expected\n");
        rc = DW_ESYNTAX;
    }
    dw_diags_print(&diags, &said);
    if (said.len)
        (void)fwrite(said.ptr, 1, said.len, stderr);
    dw_buf_fini(&said);
    return rc == DW_OK ? CLI_YES : rc == DW_ESYNTAX ? CLI_USAGE : CLI_CANNOT;
}

static void filter_close(struct filter *f)
{
    dw_query_free(f->query);
    dw_arena_fini(&f->pool);
    dw_keys_free(f->keys);
}

static bool filter_takes(struct filter *f, const struct dw_alert *a)
{
    struct dw_flatten how = {0};
    if (!f->query)
        return true;
    dw_arena_reset(&f->pool);
    struct dw_draft d = {.keys = f->keys, .pool = &f->pool, .field = f->field};
    dw_draft_reset(&d, a->doc);
    if (dw_flatten_json(&d, a->doc, &how) < 0)
        return false;
    for (int i = 0; i < DW_ALERT_FIELDS; i++)
        dw_draft_literal(&d, f->said[i], dw_str_of(a->said[i]));
    struct dw_event ev = {.time_ns = a->time_ns, .line = a->doc, .field = f->field, .field_count = d.field_count};
    return dw_query_match(f->query, &ev);
}

static bool takes(struct listing *l, const struct dw_alert *a)
{
    if (a->time_ns < l->o->since_ns || a->time_ns > l->o->until_ns || !filter_takes(l->filter, a))
        return false;
    return l->count++ >= l->skip;
}

static void count_one(void *arg, const struct dw_alert *a)
{
    (void)takes(arg, a);
}

static void list_row(void *arg, const struct dw_alert *a)
{
    struct listing *l = arg;
    struct dw_buf time = {0};
    if (!takes(l, a))
        return;
    dw_time_text(&time, a->time_ns);
    cli_table_cell(&l->table, dw_str_slice(dw_str_of(a->id), 0, 12));
    cli_table_cell(&l->table, dw_str_slice(dw_buf_view(&time), 0, 19));
    cli_table_cell(&l->table, dw_str_of(a->level));
    cli_table_cell(&l->table, dw_str_of(a->said[DW_ALERT_status]));
    cli_table_cell(&l->table, dw_str_of(a->title));
    cli_table_number(&l->table, (uint64_t)a->total);
    cli_table_cell(&l->table, a->key);
    dw_buf_fini(&time);
}

static void list_json(void *arg, const struct dw_alert *a)
{
    struct listing *l = arg;
    if (!takes(l, a))
        return;
    cli_alert_json(a, &l->out);
}

/* Those after `after`, which moves on; with a limit the newest of them. */
static int list_once(struct dw_alerts *view, const struct cli_options *o, struct filter *f, int64_t *after)
{
    struct listing l = {.filter = f, .o = o, .table = {.output = o->output, .columns = 7,
        .name = {"alert", "time", "level", "status", "rule", "events", "for"}, .number = {false, false, false, false, false, true, false}}};
    bool json = o->output == OUTPUT_NDJSON;
    int64_t end = *after;
    int rc = o->has_limit && !o->follow ? dw_alerts_list(view, *after, 0, count_one, &l, &end) : DW_OK;
    l.skip = l.count > o->limit && o->has_limit && !o->follow ? l.count - o->limit : 0;
    l.count = 0;
    if (rc == DW_OK)
        rc = dw_alerts_list(view, *after, 0, json ? list_json : list_row, &l, after);
    if (rc == DW_OK && json && l.out.len)
        (void)fwrite(l.out.ptr, 1, l.out.len, stdout);
    else if (rc == DW_OK && !json && (l.count || !o->follow))
        cli_table_end(&l.table);
    (void)fflush(stdout);
    dw_buf_fini(&l.out);
    dw_buf_fini(&l.table.cells);
    return rc;
}

int cmd_alerts(int argc, char **argv)
{
    struct cli_options o;
    struct dw_alerts *view;
    int64_t after = 0;
    int rc = cli_options(argc, argv, &o);
    if (rc == CLI_YES && o.rest_count > 1) {
        (void)fprintf(stderr, "usage: dogwatch alerts %s\n", cli_arguments("alerts"));
        rc = CLI_USAGE;
    }
    if (rc != CLI_YES)
        return rc;
    struct filter *f = dw_calloc(1, sizeof *f);
    if (!f)
        return CLI_CANNOT;
    rc = filter_open(f, o.rest_count ? o.rest[0] : NULL);
    if (rc == CLI_YES)
        rc = cli_open_alerts(&o, &view);
    if (rc != CLI_YES) {
        filter_close(f);
        dw_free(f);
        return rc;
    }
    int err;
    do {
        err = list_once(view, &o, f, &after);
        if (o.follow)
            (void)poll(NULL, 0, FOLLOW_MS);
    } while (err == DW_OK && o.follow);
    dw_alerts_close(view);
    filter_close(f);
    dw_free(f);
    if (err < 0)
        (void)fprintf(stderr, "dogwatch: %s\n", dw_err_text(err));
    return err < 0 ? CLI_CANNOT : CLI_YES;
}
