/*
 * cmd_outputs: `dogwatch outputs [ls]` and `dogwatch outputs retry NAME`.
 *
 * A retry is a file in DATA/outputs that the collector takes up; without a running collector it waits there.
 */
#include "remote_rows.h"

#include "dogwatch/collect/notify.h"
#include "dogwatch/event/json_write.h"

#include <inttypes.h>
#include <stdio.h>

static void put_output(void *arg, const struct dw_output_status *s)
{
    struct cli_table *t = arg;
    cli_table_cell(t, dw_str_of(s->name));
    cli_table_cell(t, dw_str_of(s->type));
    cli_table_cell(t, dw_str_of(s->state));
    cli_table_number(t, s->waiting);
    cli_table_number(t, s->delivered);
    cli_table_number(t, s->dead);
    cli_table_time_if(t, s->last_success_ns, s->last_success_ns != 0);
    cli_table_cell(t, dw_str_of(s->last_error));
    cli_table_time_if(t, s->last_error_ns, s->last_error_ns != 0);
}

static int list(const struct cli_options *o)
{
    struct cli_table t = {.output = o->output, .columns = 9,
        .name = {"name", "type", "state", "waiting", "delivered", "dead", "last_success", "last_error", "last_error_at"},
        .number = {[3] = true, [4] = true, [5] = true}, .time = {[6] = true, [8] = true}};
    if (o->server[0])
        return remote_table(o, "/api/v1/outputs", &t);
    int rc = dw_outputs_each(&dw_fs_system, o->data, put_output, &t);
    if (rc == DW_ENOENT)
        (void)fprintf(stderr, "dogwatch: no outputs in %s/outputs: no collector has run here with `outputs:` in its configuration (docs/reference/outputs.md)\n", o->data);
    else if (rc < 0)
        (void)fprintf(stderr, "dogwatch: %s/outputs: %s\n", o->data, dw_err_text(rc));
    cli_table_end(&t);
    return rc < 0 ? CLI_CANNOT : CLI_YES;
}

struct retried {
    struct dw_keys *keys;
    uint64_t dead;
};

static bool take(void *arg, struct dw_str raw, const struct dw_event *row)
{
    struct retried *r = arg;
    (void)raw;
    r->dead = remote_number(r->keys, row, "dead");
    return remote_text(r->keys, row, "name").ptr != NULL;
}

static int retry_remote(const struct cli_options *o, const char *name, uint64_t *ret_dead)
{
    struct dw_buf body = {0};
    struct retried got = {.keys = dw_keys_new()};
    dw_buf_str(&body, DW_STR("{\"name\":"));
    (void)dw_json_string(&body, dw_str_of(name));
    dw_buf_byte(&body, '}');
    struct remote_rows r = {.o = o, .keys = got.keys, .method = "POST", .target = "/api/v1/outputs/retry", .body = dw_buf_view(&body), .row = take, .arg = &got,
        .of_one = true, .one = true};
    int rc = body.err || !got.keys ? CLI_CANNOT : remote_rows(&r);
    *ret_dead = got.dead;
    dw_buf_fini(&body);
    dw_keys_free(got.keys);
    return rc;
}

static int retry_here(const struct cli_options *o, const char *name, uint64_t *ret_dead)
{
    int rc = dw_output_retry(&dw_fs_system, o->data, dw_str_of(name), ret_dead);
    if (rc == DW_ENOENT)
        (void)fprintf(stderr, "dogwatch: no output is called %s; `dogwatch outputs` lists them\n", name);
    else if (rc < 0)
        (void)fprintf(stderr, "dogwatch: %s/outputs: %s\n", o->data, dw_err_text(rc));
    return rc == DW_OK ? CLI_YES : rc == DW_ENOENT ? CLI_NO : CLI_CANNOT;
}

static int retry(const struct cli_options *o, const char *name)
{
    uint64_t dead = 0;
    int rc = o->server[0] ? retry_remote(o, name, &dead) : retry_here(o, name, &dead);
    if (rc == CLI_YES && dead == 0)
        (void)fprintf(stderr, "dogwatch: output %s has no dead letters\n", name);
    else if (rc == CLI_YES)
        (void)printf("output %s: %" PRIu64 " dead letters are sent again within a second, or when the collector is started\n", name, dead);
    return rc == CLI_YES && dead == 0 ? CLI_NO : rc;
}

int cmd_outputs(int argc, char **argv)
{
    struct cli_options o;
    int rc = cli_options(argc, argv, &o);
    if (rc != CLI_YES)
        return rc;
    if (o.rest_count == 0 || (o.rest_count == 1 && strcmp(o.rest[0], "ls") == 0))
        return list(&o);
    if (o.rest_count == 2 && strcmp(o.rest[0], "retry") == 0)
        return retry(&o, o.rest[1]);
    (void)fprintf(stderr, "usage: dogwatch outputs %s\n", cli_arguments("outputs"));
    return CLI_USAGE;
}
