/*
 * remote_policy: `dogwatch policy` over a collector's HTTP API.
 *
 * Invariant: nothing that a server says reaches a terminal with a control character in it; a policy it prints is text of one line each.
 */
#include "cmd_policy.h"
#include "remote_rows.h"

#include "dogwatch/base/clock.h"
#include "dogwatch/event/json_write.h"

#include <inttypes.h>
#include <stdio.h>

/* ---- TARGET ---- */

static bool print_line(void *arg, struct dw_str line)
{
    (void)arg;
    cli_put_safe(line);
    (void)putchar('\n');
    if (dw_str_starts(line, DW_STR("# Nothing is blocked")) || dw_str_starts(line, DW_STR("#   refused: ")))
        remote_say("", dw_str_slice(line, 2, line.len));
    return true;
}

int remote_policy_print(const struct cli_options *o, const char *target)
{
    struct dw_buf path = {0};
    dw_buf_printf(&path, "/api/v1/policy/%s", target);
    if (o->proposed)
        remote_put_param(&path, "proposed", DW_STR("yes"));
    dw_buf_byte(&path, 0);
    struct remote_ask ask = {.o = o, .method = "GET", .target = path.ptr, .line = print_line};
    int rc = path.err ? cli_failed(path.err) : remote_send(&ask);
    dw_buf_fini(&path);
    return rc;
}

/* ---- rows ---- */

struct taking {
    const struct cli_options *o;
    struct dw_keys *keys;
    struct cli_table *table;
    struct dw_buf ids; /* NUL-terminated */
    struct dw_policy_list *list;
    uint32_t room;
    bool whole;
};

static int run(struct taking *t, struct remote_rows *r, const char *target)
{
    t->keys = dw_keys_new();
    r->o = t->o;
    r->keys = t->keys;
    r->method = r->method ? r->method : "GET";
    r->target = target;
    r->arg = t;
    int rc = t->keys ? remote_rows(r) : cli_failed(DW_ENOMEM);
    dw_keys_free(t->keys);
    return rc;
}

/* ---- approve, rollback ---- */

static bool say_decided(void *arg, struct dw_str raw, const struct dw_event *row)
{
    const struct taking *t = arg;
    (void)raw;
    struct dw_str state = remote_text(t->keys, row, "state");
    (void)printf("policy ");
    cli_put_safe(dw_str_slice(remote_text(t->keys, row, "id"), 0, 12));
    (void)printf(": ");
    cli_put_safe(remote_text(t->keys, row, "address"));
    if (dw_str_eq(state, DW_STR("active"))) {
        (void)printf(" is approved until ");
        cli_put_safe(remote_text(t->keys, row, "until"));
    } else {
        (void)printf(" is rolled back");
    }
    (void)printf("\n");
    return true;
}

int remote_policy_decide(const struct cli_options *o, bool rolls_back)
{
    struct taking t = {.o = o};
    struct dw_buf target = {0}, body = {0};
    int64_t now = dw_clock_real(&dw_clock_system), until = o->until_ns;
    if (o->for_ns && __builtin_add_overflow(now, o->for_ns, &until))
        until = INT64_MAX - 1;
    if (until <= now) {
        (void)fprintf(stderr, "dogwatch policy approve: --until needs a time that is to come\n");
        return CLI_USAGE;
    }
    if (strspn(o->rest[1], "0123456789abcdef") != strlen(o->rest[1])) {
        (void)fprintf(stderr, "dogwatch: policy %s: no entry has this id; `dogwatch policy ls` lists them\n", o->rest[1]);
        return CLI_NO;
    }
    dw_buf_printf(&target, "/api/v1/policies/%s", o->rest[1]);
    dw_buf_byte(&target, 0);
    dw_buf_printf(&body, "{\"state\":\"%s\"", rolls_back ? "rolled_back" : "approved");
    if (until != INT64_MAX) {
        dw_buf_str(&body, DW_STR(",\"until\":\""));
        dw_time_text(&body, until);
        dw_buf_byte(&body, '"');
    }
    if (o->reason[0]) {
        dw_buf_str(&body, DW_STR(",\"reason\":"));
        (void)dw_json_string(&body, dw_str_of(o->reason));
    }
    dw_buf_byte(&body, '}');
    struct remote_rows r = {.method = "PATCH", .body = dw_buf_view(&body), .row = say_decided, .one = true, .of_one = true};
    int rc = body.err || target.err ? cli_failed(DW_ENOMEM) : run(&t, &r, target.ptr);
    dw_buf_fini(&body);
    dw_buf_fini(&target);
    return rc;
}

/* ---- dry run ---- */

static bool take_id(void *arg, struct dw_str raw, const struct dw_event *row)
{
    struct taking *t = arg;
    struct dw_str state = remote_text(t->keys, row, "state"), id = remote_text(t->keys, row, "id");
    (void)raw;
    if (!dw_str_eq(state, DW_STR("active")) && !(t->o->proposed && dw_str_eq(state, DW_STR("proposed"))))
        return true;
    for (size_t i = 0; i < id.len; i++)
        if (!strchr("0123456789abcdef", id.ptr[i]))
            return false;
    dw_buf_str(&t->ids, id);
    dw_buf_byte(&t->ids, 0);
    return id.len > 0;
}

static bool take_impact(void *arg, struct dw_str raw, const struct dw_event *row)
{
    struct taking *t = arg;
    (void)raw;
    for (uint32_t i = 0; i < t->table->columns; i++) {
        struct dw_str text = remote_text(t->keys, row, t->table->name[i]);
        cli_table_cell(t->table, t->table->time[i] && t->table->output == OUTPUT_TABLE ? dw_str_slice(text, 0, CLI_TIME_SHOWN) : text);
    }
    t->whole &= remote_is_true(t->keys, row, "complete");
    return true;
}

int remote_policy_impact(const struct cli_options *o)
{
    struct cli_table table = cli_policy_impact_table(o);
    struct taking t = {.o = o, .table = &table, .whole = true};
    struct remote_rows rows = {.row = take_id};
    int rc = run(&t, &rows, "/api/v1/policies");
    bool whole = rc == CLI_YES;
    rc = rc == CLI_NO ? CLI_YES : rc;
    for (const char *id = t.ids.ptr; rc == CLI_YES && id && id < t.ids.ptr + t.ids.len; id += strlen(id) + 1) {
        char target[128];
        struct remote_rows one = {.row = take_impact, .one = true, .of_one = true};
        (void)snprintf(target, sizeof target, "/api/v1/policies/%.64s/impact", id);
        rc = run(&t, &one, target);
    }
    if (rc == CLI_YES && t.ids.len == 0)
        (void)fprintf(stderr, "note: there is nothing to try%s\n", o->proposed ? "" : ": --proposed tries what waits for approval");
    dw_buf_fini(&t.ids);
    if (rc == CLI_YES)
        cli_table_end(&table);
    else
        dw_buf_fini(&table.cells);
    return rc == CLI_YES && !(whole && t.whole) ? CLI_NO : rc;
}

/* ---- what is active ---- */

static bool take_active(void *arg, struct dw_str raw, const struct dw_event *row)
{
    struct taking *t = arg;
    struct dw_policy_list *l = t->list;
    (void)raw;
    if (l->count == t->room) {
        struct dw_policy_entry **more = dw_resize(l->entry, (t->room + 256) * sizeof(struct dw_policy_entry *));
        if (!more)
            return false;
        l->entry = more;
        t->room += 256;
    }
    struct dw_policy_entry *e = dw_arena_alloc(&l->arena, sizeof *e);
    if (!e || !dw_policy_address(remote_text(t->keys, row, "address"), &e->net))
        return false;
    *e = (struct dw_policy_entry){.net = e->net, .state = DW_POLICY_active, .provenance = "", .why = "", .author = "", .reason = "",
        .until_ns = remote_time(t->keys, row, "until", INT64_MIN)};
    dw_policy_id(&e->net, e->id);
    dw_net_text(&e->net, e->address);
    l->entry[l->count++] = e;
    return true;
}

int remote_policy_active(const struct cli_options *o, struct dw_policy_list **ret)
{
    struct taking t = {.o = o, .list = dw_calloc(1, sizeof *t.list)};
    struct remote_rows rows = {.row = take_active, .rows_max = DW_POLICY_ENTRIES_MAX};
    if (!t.list)
        return cli_failed(DW_ENOMEM);
    dw_arena_init(&t.list->arena, 0);
    t.list->now_ns = dw_clock_real(&dw_clock_system);
    int rc = run(&t, &rows, "/api/v1/policies/changes");
    *ret = t.list;
    return rc;
}
