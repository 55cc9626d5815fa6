/*
 * api_triage: what many alerts come to, incidents, and silences.
 */
#include "api_int.h"

#include "dogwatch/base/error.h"
#include "dogwatch/collect/triage.h"
#include "dogwatch/event/json_write.h"

#include <inttypes.h>
#include <stdio.h>

/* ---- incidents ---- */

struct incidents {
    struct request *rq;
    struct dw_incidents *all;
    uint64_t count, skip; /* of the oldest */
    uint32_t entities;
    struct dw_alerts *view;
    bool stop;
    int rc;
};

static void add(void *arg, const struct dw_alert *a, const char *silence)
{
    struct incidents *x = arg;
    (void)silence;
    if (x->rc == DW_OK && !dw_alert_is_nothing(a))
        x->rc = dw_incidents_add(x->all, a);
}

static void put_entity(void *arg, enum dw_entity kind, const char *value, uint32_t alerts)
{
    struct incidents *x = arg;
    struct dw_buf *out = &x->rq->out;
    dw_buf_str(out, x->entities++ ? DW_STR(",") : DW_STR(""));
    api_put_text(out, '{', "entity", dw_str_of(dw_entity_name(kind)));
    api_put_text(out, ',', "value", dw_str_of(value));
    api_put_number(out, ',', "alerts", alerts);
    dw_buf_byte(out, '}');
}

static void count_one(void *arg, const struct dw_incident *i)
{
    (void)i;
    ((struct incidents *)arg)->count++;
}

static void put_one(void *arg, const struct dw_incident *i)
{
    struct incidents *x = arg;
    struct dw_buf *out = &x->rq->out;
    if (x->stop || x->count++ < x->skip)
        return;
    api_put_text(out, '{', "incident", dw_str_of(i->id));
    api_put_text(out, ',', "level", dw_str_of(i->level));
    api_put_number(out, ',', "alerts", i->alerts);
    api_put_number(out, ',', "open", i->open);
    api_put_time(out, ',', "first", i->first_ns);
    api_put_time(out, ',', "last", i->last_ns);
    dw_buf_str(out, DW_STR(",\"entities\":["));
    x->entities = 0;
    dw_incidents_entities(x->all, i, put_entity, x);
    dw_buf_str(out, DW_STR("]}\n"));
    x->stop = !api_row(x->rq);
}

/* Makes them of the alerts that the request names; false: it has failed. The caller frees x->all in any case. */
static bool make(struct request *rq, struct dw_answer_alerts *l, struct incidents *x)
{
    *x = (struct incidents){.rq = rq};
    if (!api_open_listing(rq, l))
        return false;
    x->all = dw_incidents_new();
    l->each = add;
    l->arg = x;
    int rc = x->all ? dw_answer_alerts(l) : DW_ENOMEM;
    rc = rc == DW_OK ? x->rc : rc;
    if (rc < 0) {
        api_fail_code(rq, "incidents", rc);
        api_close_listing(l);
    }
    return rc == DW_OK;
}

void api_do_incidents(struct request *rq)
{
    struct dw_answer_alerts l;
    struct incidents x;
    uint64_t limit = (uint64_t)api_param_number(rq, "limit", 0);
    if (make(rq, &l, &x)) {
        int rc = dw_incidents_each(x.all, count_one, &x);
        x.skip = x.count > limit ? x.count - limit : 0;
        x.count = 0;
        if (x.skip)
            api_limited(rq, "%" PRIu64 " older ones are not shown: raise limit, or ask for a range", x.skip);
        if (rc == DW_OK)
            rc = dw_incidents_each(x.all, put_one, &x);
        api_answer_listing(rq, &l, rc);
        api_close_listing(&l);
    }
    dw_incidents_free(x.all);
}

static void put_alert(void *arg, const struct dw_alert *a)
{
    struct incidents *x = arg;
    dw_answer_alert(a, NULL, &x->rq->out);
    x->stop = !api_row(x->rq);
}

static void put_member(void *arg, const char *alert)
{
    struct incidents *x = arg;
    if (x->rc == DW_OK && !x->stop)
        x->rc = dw_alerts_find(x->view, dw_str_of(alert), put_alert, x);
}

void api_do_incident(struct request *rq)
{
    struct dw_answer_alerts l;
    struct incidents x;
    if (make(rq, &l, &x)) {
        x.view = l.view;
        struct dw_incident i;
        int rc = dw_incidents_find(x.all, rq->id, &i);
        if (rc == DW_ENOENT || rc == DW_EEXIST)
            api_fail(rq, API_E_not_found, rc == DW_EEXIST ? "give more digits" : "/api/v1/incidents lists them", rc == DW_EEXIST ? "several incidents begin with %.*s"
                : "no incident has the id %.*s", DW_ARG(rq->id));
        else if (rc == DW_OK)
            dw_incidents_alerts(x.all, &i, put_member, &x);
        if (!rq->failed)
            api_answer_listing(rq, &l, rc == DW_OK ? x.rc : rc);
        api_close_listing(&l);
    }
    dw_incidents_free(x.all);
}

/* ---- silences ---- */

struct silences {
    struct request *rq;
    struct dw_str prefix; /* only those whose id begins so */
    const char *change;   /* that was asked for */
    uint32_t found;
    bool made;
    char id[DW_CHANGE_ID_TEXT];
    struct dw_silence one; /* of its texts only the copies below count */
    struct dw_str filter, reason;
};

static void put_silence_row(void *arg, const struct dw_silence *s)
{
    struct silences *x = arg;
    struct dw_buf *out = &x->rq->out;
    if (!dw_str_starts(dw_str_of(s->id), x->prefix))
        return;
    api_put_text(out, '{', "silence", dw_str_of(s->id));
    api_put_time(out, ',', "from", s->from_ns);
    api_put_time(out, ',', "until", s->until_ns);
    api_put_text(out, ',', "state", s->until_ns > dw_clock_real(&dw_clock_system) ? DW_STR("holds") : DW_STR("ended"));
    api_put_text(out, ',', "author", dw_str_of(s->author));
    api_put_text(out, ',', "filter", s->filter);
    api_put_text(out, ',', "reason", s->reason);
    dw_buf_str(out, DW_STR("}\n"));
    x->made |= x->change && strcmp(x->change, s->change) == 0;
    (void)api_row(x->rq);
}

static void keep(void *arg, const struct dw_silence *s)
{
    struct silences *x = arg;
    if (!dw_str_starts(dw_str_of(s->id), x->prefix) || x->found++)
        return;
    (void)snprintf(x->id, sizeof x->id, "%s", s->id);
    x->one = *s;
    x->filter = dw_arena_copy(&x->rq->arena, s->filter);
    x->reason = dw_arena_copy(&x->rq->arena, s->reason);
}

void api_do_silences(struct request *rq)
{
    struct silences x = {.rq = rq, .prefix = DW_STR("")};
    struct dw_alerts *view;
    if (!api_open_view(rq, &view))
        return;
    int rc = dw_alerts_silences(view, put_silence_row, &x);
    dw_alerts_close(view);
    if (rc < 0)
        api_fail_code(rq, "silences", rc);
    else
        api_answer_line(rq, DW_STR(""));
}

/* Leaves a line in the inbox, waits for the loop and answers how the silence is then. */
static void ask(struct request *rq, struct dw_silence *s)
{
    char name[1][DW_CHANGE_ID_TEXT];
    struct dw_alerts *view;
    int rc = dw_silence_ask(&dw_fs_system, rq->api->alerts, s, name[0]);
    if (rc < 0) {
        api_fail_code(rq, "alerts/inbox", rc);
        return;
    }
    struct silences x = {.rq = rq, .prefix = dw_str_of(s->id[0] ? s->id : name[0]), .change = name[0]};
    if (!api_are_taken(rq, rq->api->alerts_inbox, name, 1) || !api_open_view(rq, &view))
        return;
    rc = dw_alerts_silences(view, put_silence_row, &x);
    dw_alerts_close(view);
    if (rc < 0)
        api_fail_code(rq, "silences", rc);
    else if (!x.made)
        api_fail(rq, API_E_unavailable, NULL, "the collector refused it: its log says why");
}

void api_do_silence_add(struct request *rq)
{
    struct dw_diags diags;
    struct dw_alert_filter *filter = NULL;
    struct dw_str text = api_param_text(rq, "filter"), reason = api_param_text(rq, "reason");
    int64_t now = dw_clock_real(&dw_clock_system), until = api_param_number(rq, "until", INT64_MIN);
    if (!text.len || text.len > DW_ALERT_VALUE_MAX || reason.len > DW_ALERT_VALUE_MAX || until <= now) {
        api_fail(rq, API_E_malformed, "{\"filter\":\"source.ip:10.0.0.0/8\",\"until\":\"2026-12-01T00:00:00Z\",\"reason\":\"a scan of ours\"}",
            "a filter, and an end that is to come, are needed; texts of at most %d bytes", DW_ALERT_VALUE_MAX);
        return;
    }
    dw_diags_init(&diags, DW_STR("filter"), text);
    int rc = dw_alert_filter_new(text, &diags, &filter);
    dw_alert_filter_free(filter);
    struct dw_silence s = {.id = "", .author = rq->author, .time_ns = now, .from_ns = now, .until_ns = until, .filter = text,
        .reason = reason.ptr ? reason : DW_STR("")};
    if (rc == DW_ESYNTAX)
        api_fail_query(rq, &diags);
    else if (rc < 0)
        api_fail_code(rq, "the filter", rc);
    else
        ask(rq, &s);
}

void api_do_silence_end(struct request *rq)
{
    struct silences x = {.rq = rq, .prefix = rq->id};
    struct dw_alerts *view;
    int64_t now = dw_clock_real(&dw_clock_system);
    if (!api_open_view(rq, &view))
        return;
    int rc = dw_alerts_silences(view, keep, &x);
    dw_alerts_close(view);
    if (rc < 0 || (x.found == 1 && (!x.filter.ptr || !x.reason.ptr))) {
        api_fail_code(rq, "silences", rc < 0 ? rc : DW_ENOMEM);
    } else if (x.found != 1) {
        api_fail(rq, API_E_not_found, x.found ? "give more digits" : "/api/v1/silences lists them", x.found ? "several silences begin with %.*s"
            : "no silence has the id %.*s", DW_ARG(rq->id));
    } else if (x.one.until_ns <= now) {
        api_fail(rq, API_E_malformed, NULL, "it has ended already");
    } else {
        int64_t until = api_param_number(rq, "until", now);
        struct dw_silence s = {.id = x.id, .author = rq->author, .time_ns = now, .from_ns = x.one.from_ns,
            .until_ns = until > x.one.from_ns ? until : x.one.from_ns, .filter = x.filter, .reason = x.reason};
        ask(rq, &s);
    }
}
