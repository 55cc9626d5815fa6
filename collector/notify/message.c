/*
 * message: an item that waits, as bytes for the receiver.
 *
 * Idea: a message tells how the alert stands now, from the view, whatever moment made it wait; so the last message about an alert is never
 * older than one before it, in whatever order they are taken. What stays the same however often it is sent is its key: of a finding
 * ID.TOTAL, of what people said ID.CHANGE, of a provisional alert ID.STATE, of a summary its ID.
 *
 * Invariant: a key holds letters, digits, `.` and `-` alone: it goes into headers as it is.
 */
#include "notify_int.h"

#include "../alert/alert_int.h"

#include "dogwatch/base/error.h"
#include "dogwatch/collect/provisional.h"
#include "dogwatch/correlate/ruleset.h"

#include <inttypes.h>
#include <stdio.h>

struct making {
    struct output *o;
    const struct output_item *item;
    int rc;
};

struct dw_str output_field(const struct output_alert *a, uint32_t key, char room[32])
{
    const struct dw_field *f = dw_event_find(a->event, key);
    if (!f)
        return DW_STR("");
    if (dw_field_is_text(f))
        return dw_field_str(f);
    if (f->kind == DW_K_INT)
        (void)snprintf(room, 32, "%" PRId64, f->v.i);
    else if (f->kind == DW_K_FLOAT)
        (void)snprintf(room, 32, "%g", f->v.f);
    else
        (void)snprintf(room, 32, "%s", f->v.i ? "true" : "false");
    return dw_str_of(room);
}

int output_severity(const struct dw_alert *a)
{
    int level = dw_alert_severity(a->level);
    return level < DW_LEVEL_INFORMATIONAL ? 0 : level - DW_LEVEL_INFORMATIONAL;
}

/* Whether people are done with an alert: the statuses that end the work on it. */
static bool is_over(const struct dw_alert *a)
{
    const char *s = a->said[DW_ALERT_status];
    return strcmp(s, "resolved") == 0 || strcmp(s, "closed") == 0 || strcmp(s, "false_positive") == 0;
}

static bool is_update(const struct dw_event *ev, const struct dw_keys *keys)
{
    uint32_t key;
    const struct dw_field *f = dw_keys_find(keys, DW_STR("update"), &key) == DW_OK ? dw_event_find(ev, key) : NULL;
    return f && f->kind == DW_K_BOOL && f->v.i;
}

/* A provisional alert that was confirmed by an alert, or withdrawn. */
static bool is_ended(const struct output_item *i)
{
    return i->kind == OUTPUT_PROVISIONAL && strcmp(i->revision, dw_provisional_text(DW_PROVISIONAL_RAISED)) != 0;
}

static void render(const struct output_alert *a, struct dw_buf *out)
{
    enum dw_output_format f = (enum dw_output_format)a->opt->format;
    dw_buf_reset(out);
    if (a->opt->type == DW_OUTPUT_alertmanager)
        output_render_alertmanager(a, out);
    else if (f == DW_FORMAT_CEF || (f == DW_FORMAT_USUAL && a->opt->type == DW_OUTPUT_syslog))
        output_render_cef(a, out);
    else if (f == DW_FORMAT_OCSF)
        output_render_ocsf(a, out);
    else
        output_render_ecs(a, out);
}

static void make(void *arg, const struct dw_alert *alert)
{
    struct making *m = arg;
    struct output *o = m->o;
    struct output_message *msg = &o->message;
    struct dw_event ev;
    const char *what = m->item->revision;
    m->rc = dw_alert_event(o->events, alert, &ev);
    if (m->rc < 0)
        return;
    (void)snprintf(msg->alert, sizeof msg->alert, "%s", alert->id);
    (void)snprintf(msg->key, sizeof msg->key, "%s%s%s", m->item->id, *what ? "." : "", what);
    for (char *c = msg->key; *c; c++)
        if (!strchr("0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.-", *c))
            *c = '-';
    struct dw_keys *keys = dw_alert_events_keys(o->events);
    struct output_alert a = {.alert = alert, .event = &ev, .keys = keys, .is_over = is_over(alert) || is_ended(m->item), .is_summary = m->item->kind == OUTPUT_SUMMARY, .is_provisional = m->item->kind == OUTPUT_PROVISIONAL,
        .now_ns = dw_clock_real(o->clock), .key = msg->key, .opt = o->opt};
    a.activity = a.is_over ? OUTPUT_CLOSED : m->item->kind == OUTPUT_CHANGED || is_update(&ev, keys) ? OUTPUT_UPDATED : OUTPUT_CREATED;
    msg->severity = output_severity(alert);
    msg->now_ns = a.now_ns;
    render(&a, &msg->body);
    m->rc = msg->body.err;
}

/* What stands in no view: its line has all of it. */
static int make_of_line(struct making *m)
{
    struct alert_pending p = {0};
    struct dw_arena arena;
    dw_arena_init(&arena, 0);
    if (alert_read_line(m->item->line, &arena, &p) && p.kind == ALERT_RAISED) {
        char title[600];
        p.raised.said[DW_ALERT_status] = "new";
        p.raised.said[DW_ALERT_disposition] = "undetermined";
        p.raised.said[DW_ALERT_assignee] = p.raised.said[DW_ALERT_note] = "";
        if (m->item->kind == OUTPUT_PROVISIONAL) {
            (void)snprintf(title, sizeof title, "provisional: %s", p.raised.title);
            p.raised.title = title;
            dw_provisional_said(&p.raised);
        }
        make(m, &p.raised);
    } else {
        m->rc = DW_ENOENT;
    }
    dw_arena_fini(&arena);
    return m->rc;
}

int output_find(struct output *o, const char *id, void (*each)(void *arg, const struct dw_alert *a), void *arg)
{
    return dw_alerts_find(o->view, dw_str_of(id), each, arg);
}

int output_make(struct output *o, const struct output_item *item)
{
    struct making m = {.o = o, .item = item};
    if (item->kind == OUTPUT_SUMMARY || item->kind == OUTPUT_PROVISIONAL)
        return make_of_line(&m);
    int rc = output_find(o, item->id, make, &m);
    return rc < 0 ? rc : m.rc;
}
