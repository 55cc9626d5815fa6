/*
 * remote_alerts: rows of /api/v1/alerts back to what they were made of.
 *
 * Bounds: the server gives at most REMOTE_ALERTS_MAX at a time, and says when there are more.
 */
#include "remote_alerts.h"

#include "remote_rows.h"

#include "dogwatch/event/json_write.h"

#include <inttypes.h>
#include <stdio.h>

enum { REMOTE_ALERTS_MAX = 100000 };

struct taking {
    struct dw_keys *keys;
    struct dw_arena texts; /* of the row in hand */
    struct cli_alerts *c;
    void (*listed)(void *arg, const struct dw_alert *a, const char *silence);
    void (*found)(void *arg, const struct dw_alert *a);
    void (*changed)(void *arg, const struct dw_alert_change *c);
    void *arg;
};

/* A member as a text with an end; "": it has none. */
static const char *text(struct taking *t, const struct dw_event *row, const char *name)
{
    struct dw_str copy = dw_arena_copy(&t->texts, remote_text(t->keys, row, name));
    return copy.ptr ? copy.ptr : "";
}

/* Of a collector that does not tell its finding nothing is shown: half an alert would look like a whole one. */
static bool take_alert(void *arg, struct dw_str raw, const struct dw_event *row)
{
    struct taking *t = arg;
    struct dw_buf doc = {0};
    struct dw_str finding = dw_answer_finding(raw);
    char name[64];
    if (!finding.ptr)
        return false;
    struct dw_alert a = {.time_ns = remote_time(t->keys, row, "raised", row->time_ns), .key = remote_text(t->keys, row, "about"), .total = (int64_t)remote_number(t->keys, row, "total")};
    dw_arena_reset(&t->texts);
    a.id = text(t, row, "event.id");
    a.rule = text(t, row, "rule.id");
    a.title = text(t, row, "rule.name");
    a.level = text(t, row, "rule.level");
    a.total = a.total ? a.total : 1; /* what the collector raises itself counts nothing */
    for (int i = 0; i < DW_ALERT_FIELDS; i++) {
        (void)snprintf(name, sizeof name, "workflow.%s", dw_alert_field_name((enum dw_alert_field)i));
        a.said[i] = text(t, row, name);
    }
    dw_buf_str(&doc, finding);
    dw_buf_byte(&doc, '}');
    a.doc = dw_buf_view(&doc);
    const char *silence = text(t, row, "workflow.silence");
    if (t->listed)
        t->listed(t->arg, &a, *silence ? silence : NULL);
    else
        t->found(t->arg, &a);
    dw_buf_fini(&doc);
    return true;
}

static void take_end(void *arg, const struct dw_event *answer)
{
    struct taking *t = arg;
    t->c->list.left_out = remote_number(t->keys, answer, "answer.silenced");
}

/* Runs one request, a GET unless `r` has another method; `r` has all but what is of `t`. */
static int run(struct taking *t, struct remote_rows *r, struct dw_buf *target)
{
    t->keys = dw_keys_new();
    dw_arena_init(&t->texts, 0);
    r->keys = t->keys;
    r->method = r->method ? r->method : "GET";
    r->arg = t;
    dw_buf_byte(target, 0);
    r->target = target->ptr;
    int rc = t->keys && !target->err ? remote_rows(r) : cli_failed(DW_ENOMEM);
    dw_keys_free(t->keys);
    dw_arena_fini(&t->texts);
    dw_buf_fini(target);
    return rc;
}

/* `folder`, an id and `tail`. */
static void put_target(struct dw_buf *target, const char *folder, const char *id, const char *tail)
{
    dw_buf_str(target, dw_str_of(folder));
    remote_put_escaped(target, dw_str_of(id));
    dw_buf_str(target, dw_str_of(tail));
}

int remote_alerts(struct cli_alerts *c, void (*each)(void *arg, const struct dw_alert *a, const char *silence), void *arg)
{
    struct taking t = {.c = c, .listed = each, .arg = arg};
    uint64_t most = c->list.newest && c->list.newest < REMOTE_ALERTS_MAX ? c->list.newest : REMOTE_ALERTS_MAX;
    struct remote_rows r = {.o = c->o, .row = take_alert, .end = take_end, .rows_max = most, .asked = c->list.newest == most};
    struct dw_buf target = {0};
    char limit[24];
    (void)snprintf(limit, sizeof limit, "%" PRIu64, most);
    dw_buf_str(&target, DW_STR("/api/v1/alerts"));
    remote_put_param(&target, "limit", dw_str_of(limit));
    if (c->filter)
        remote_put_param(&target, "filter", dw_str_of(c->filter));
    if (c->o->silenced)
        remote_put_param(&target, "silenced", DW_STR("only"));
    if (c->o->provisional)
        remote_put_param(&target, "provisional", DW_STR("only"));
    remote_put_range(&target, c->o);
    int rc = run(&t, &r, &target);
    c->partial = rc == CLI_NO;
    return rc == CLI_NO ? CLI_YES : rc;
}

int remote_alert(const struct cli_options *o, const char *id, void (*each)(void *arg, const struct dw_alert *a), void *arg)
{
    struct taking t = {.found = each, .arg = arg};
    struct remote_rows r = {.o = o, .row = take_alert, .one = true, .of_one = true};
    struct dw_buf target = {0};
    put_target(&target, "/api/v1/alerts/", id, "");
    return run(&t, &r, &target);
}

static bool take_change(void *arg, struct dw_str raw, const struct dw_event *row)
{
    struct taking *t = arg;
    struct dw_alert_change c = {.change = "", .alert = "", .time_ns = remote_time(t->keys, row, "time", 0), .value = remote_text(t->keys, row, "value")};
    (void)raw;
    dw_arena_reset(&t->texts);
    c.author = text(t, row, "author");
    bool known = cli_alert_verb(text(t, row, "field"), &c.field);
    if (known)
        t->changed(t->arg, &c);
    return known;
}

int remote_history(const struct cli_options *o, const char *id, void (*each)(void *arg, const struct dw_alert_change *c), void *arg)
{
    struct taking t = {.changed = each, .arg = arg};
    struct remote_rows r = {.o = o, .row = take_change, .of_one = true};
    struct dw_buf target = {0};
    put_target(&target, "/api/v1/alerts/", id, "/history");
    return run(&t, &r, &target);
}

static void pass_over(void *arg, const struct dw_alert *a)
{
    (void)arg;
    (void)a;
}

int remote_change(const struct cli_options *o, const char *id, enum dw_alert_field field, struct dw_str value)
{
    struct taking t = {.found = pass_over};
    struct dw_buf target = {0}, body = {0};
    put_target(&target, "/api/v1/alerts/", id, "");
    dw_buf_printf(&body, "{\"%s\":", dw_alert_field_name(field));
    (void)dw_json_string(&body, value);
    dw_buf_byte(&body, '}');
    struct remote_rows r = {.o = o, .method = "PATCH", .body = dw_buf_view(&body), .row = take_alert, .one = true, .of_one = true};
    int rc = body.err ? cli_failed(body.err) : run(&t, &r, &target);
    dw_buf_fini(&body);
    return rc;
}

static bool say_silence(void *arg, struct dw_str raw, const struct dw_event *row)
{
    const struct taking *t = arg;
    (void)raw;
    (void)printf("silence ");
    cli_put_safe(remote_text(t->keys, row, "silence"));
    (void)printf(": %s\n", dw_str_eq(remote_text(t->keys, row, "state"), DW_STR("ended")) ? "ended" : "begins; `dogwatch alerts` counts what falls under it");
    return true;
}

int remote_silence(const struct cli_options *o, const struct dw_silence *s)
{
    struct taking t = {0};
    struct dw_buf target = {0}, body = {0};
    dw_buf_str(&target, DW_STR("/api/v1/silences"));
    dw_buf_str(&body, DW_STR("{\"filter\":"));
    (void)dw_json_string(&body, s->filter);
    dw_buf_str(&body, DW_STR(",\"until\":\""));
    dw_time_text(&body, s->until_ns);
    dw_buf_byte(&body, '"');
    if (s->reason.len) {
        dw_buf_str(&body, DW_STR(",\"reason\":"));
        (void)dw_json_string(&body, s->reason);
    }
    dw_buf_byte(&body, '}');
    struct remote_rows r = {.o = o, .method = "POST", .body = dw_buf_view(&body), .row = say_silence, .one = true};
    int rc = body.err ? cli_failed(body.err) : run(&t, &r, &target);
    dw_buf_fini(&body);
    return rc;
}

int remote_silence_end(const struct cli_options *o, const char *id)
{
    struct taking t = {0};
    struct remote_rows r = {.o = o, .method = "PATCH", .body = DW_STR("{}"), .row = say_silence, .one = true, .of_one = true};
    struct dw_buf target = {0};
    put_target(&target, "/api/v1/silences/", id, "");
    return run(&t, &r, &target);
}
