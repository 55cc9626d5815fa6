/*
 * cmd_alerts: `dogwatch alerts`: those that a filter takes, of findings and of what people said of them. Silenced ones are counted, and
 * shown when asked for.
 */
#include "cmd_alert.h"

#include "dogwatch/event/json_write.h"

#include <poll.h>
#include <stdio.h>

enum { FOLLOW_MS = 300 };

struct listing {
    struct cli_table table;
    struct dw_buf out;
    uint64_t count, skip; /* taken; of these the first are not shown */
    uint64_t silenced;    /* left out because of a silence */
    struct dw_alert_filter *filter; /* NULL: all */
    struct dw_silences *silences;
    const struct cli_options *o;
};

int cli_alert_filter(const char *text, struct dw_alert_filter **ret)
{
    struct dw_diags diags;
    struct dw_buf said = {0};
    dw_diags_init(&diags, DW_STR("filter"), dw_str_of(text));
    int rc = dw_alert_filter_new(dw_str_of(text), &diags, ret);
    dw_diags_print(&diags, &said);
    if (said.len)
        (void)fwrite(said.ptr, 1, said.len, stderr);
    dw_buf_fini(&said);
    return rc == DW_OK ? CLI_YES : rc == DW_ESYNTAX ? CLI_USAGE : CLI_CANNOT;
}

/* Whether an alert is among those asked for; *ret_silence: the silence it falls under, or NULL. */
static bool takes(struct listing *l, const struct dw_alert *a, const char **ret_silence)
{
    if (a->time_ns < l->o->since_ns || a->time_ns > l->o->until_ns || (l->filter && !dw_alert_filter_takes(l->filter, a)))
        return false;
    *ret_silence = dw_silences_find(l->silences, a);
    if ((*ret_silence != NULL) != l->o->silenced) {
        l->silenced += *ret_silence != NULL;
        return false;
    }
    return l->count++ >= l->skip;
}

static void count_one(void *arg, const struct dw_alert *a)
{
    const char *silence;
    (void)takes(arg, a, &silence);
}

static void list_row(void *arg, const struct dw_alert *a)
{
    struct listing *l = arg;
    struct dw_buf time = {0};
    const char *silence;
    if (!takes(l, a, &silence))
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
    const char *silence;
    if (takes(l, a, &silence))
        cli_alert_json(a, silence, &l->out);
}

/* Those after `after`, which moves on; with a limit the newest of them. */
static int list_once(struct dw_alerts *view, const struct cli_options *o, struct dw_alert_filter *f, int64_t *after)
{
    struct listing l = {.filter = f, .o = o, .table = {.output = o->output, .columns = 7,
        .name = {"alert", "time", "level", "status", "rule", "events", "for"}, .number = {false, false, false, false, false, true, false}}};
    bool json = o->output == OUTPUT_NDJSON, limit = o->has_limit && !o->follow;
    int64_t end = *after;
    int rc = dw_silences_load(view, &l.silences);
    if (rc == DW_OK && limit)
        rc = dw_alerts_list(view, *after, 0, count_one, &l, &end);
    l.skip = limit && l.count > o->limit ? l.count - o->limit : 0;
    l.count = l.silenced = 0;
    if (rc == DW_OK)
        rc = dw_alerts_list(view, *after, 0, json ? list_json : list_row, &l, after);
    if (rc == DW_OK && json && l.out.len)
        (void)fwrite(l.out.ptr, 1, l.out.len, stdout);
    else if (rc == DW_OK && !json && (l.count || !o->follow))
        cli_table_end(&l.table);
    (void)fflush(stdout);
    if (rc == DW_OK && l.silenced)
        (void)fprintf(stderr, "%llu silenced; --silenced shows them\n", (unsigned long long)l.silenced);
    dw_silences_free(l.silences);
    dw_buf_fini(&l.out);
    dw_buf_fini(&l.table.cells);
    return rc;
}

int cmd_alerts(int argc, char **argv)
{
    struct cli_options o;
    struct dw_alert_filter *f = NULL;
    struct dw_alerts *view;
    int64_t after = 0;
    int rc = cli_options(argc, argv, &o);
    if (rc == CLI_YES && o.rest_count > 1) {
        (void)fprintf(stderr, "usage: dogwatch alerts %s\n", cli_arguments("alerts"));
        rc = CLI_USAGE;
    }
    if (rc == CLI_YES && o.rest_count)
        rc = cli_alert_filter(o.rest[0], &f);
    if (rc == CLI_YES)
        rc = cli_open_alerts(&o, &view);
    if (rc != CLI_YES) {
        dw_alert_filter_free(f);
        return rc;
    }
    int err;
    do {
        err = list_once(view, &o, f, &after);
        if (o.follow)
            (void)poll(NULL, 0, FOLLOW_MS);
    } while (err == DW_OK && o.follow);
    dw_alerts_close(view);
    dw_alert_filter_free(f);
    if (err < 0)
        (void)fprintf(stderr, "dogwatch: %s\n", dw_err_text(err));
    return err < 0 ? CLI_CANNOT : CLI_YES;
}
