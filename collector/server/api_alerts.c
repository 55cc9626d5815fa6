/*
 * api_alerts: alerts, what people say of them, and the entities they are about.
 *
 * Reads the view as `dogwatch alerts` does; a change goes to the inbox, of which the loop makes a line of alerts.log.
 *
 * Invariant: what is left out of a list (silenced, older ones) is counted in its answer.
 */
#include "api_int.h"

#include "dogwatch/base/error.h"
#include "dogwatch/collect/answer.h"
#include "dogwatch/collect/triage.h"
#include "dogwatch/event/json_write.h"

#include <inttypes.h>
#include <poll.h>
#include <stdio.h>

enum { WAIT_MS = 5000, STEP_MS = 20, LIMIT_MAX = 100000 };

/* ---- lists ---- */

/* Opens the view; false: the request has failed. */
bool api_open_view(struct request *rq, struct dw_alerts **ret)
{
    int rc = dw_alerts_open_read(rq->api->alerts, ret);
    if (rc < 0)
        api_fail_code(rq, "alerts", rc);
    return rc == DW_OK;
}

void api_close_listing(struct dw_answer_alerts *l)
{
    dw_alerts_close(l->view);
    dw_alert_filter_free(l->filter);
}

bool api_open_listing(struct request *rq, struct dw_answer_alerts *l)
{
    struct dw_diags diags;
    struct dw_str filter = api_param_text(rq, "filter");
    *l = (struct dw_answer_alerts){.since_ns = api_param_number(rq, "since", INT64_MIN), .until_ns = api_param_number(rq, "until", INT64_MAX)};
    dw_diags_init(&diags, DW_STR("filter"), filter);
    int rc = filter.len ? dw_alert_filter_new(filter, &diags, &l->filter) : DW_OK;
    if (rc == DW_ESYNTAX)
        api_fail_query(rq, &diags);
    else if (rc < 0)
        api_fail_code(rq, "the filter", rc);
    if (rc == DW_OK && api_open_view(rq, &l->view))
        return true;
    api_close_listing(l);
    return false;
}

static void put_note(void *arg, const char *text)
{
    struct dw_buf *out = arg;
    dw_buf_str(out, out->ptr[out->len - 1] == '[' ? DW_STR("") : DW_STR(","));
    (void)dw_json_string(out, dw_str_of(text));
}

void api_answer_listing(struct request *rq, const struct dw_answer_alerts *l, int rc)
{
    struct dw_buf more = {0};
    if (rc < 0) {
        api_fail_code(rq, "alerts", rc);
        return;
    }
    api_put_number(&more, ',', "silenced", l->left_out);
    dw_buf_str(&more, DW_STR(",\"notes\":["));
    if (l->filter)
        dw_alert_filter_doubts(l->filter, put_note, &more);
    dw_buf_byte(&more, ']');
    api_answer_line(rq, dw_buf_view(&more));
    dw_buf_fini(&more);
}

struct listing {
    struct request *rq;
    bool stop;
};

static void put_one(void *arg, const struct dw_alert *a, const char *silence)
{
    struct listing *l = arg;
    if (l->stop)
        return;
    dw_answer_alert(a, silence, &l->rq->out);
    l->stop = !api_row(l->rq);
}

/* A parameter that is `no` or `only`; false: it is neither, which is answered. */
static bool no_or_only(struct request *rq, const char *name, bool *ret_only)
{
    const struct dw_str value = api_param_text(rq, name);
    *ret_only = dw_str_eq(value, DW_STR("only"));
    if (*ret_only || dw_str_eq(value, DW_STR("no")))
        return true;
    api_fail(rq, API_E_malformed, "no|only", "%s: '%.*s' is none of its values", name, DW_ARG(dw_str_slice(value, 0, 100)));
    return false;
}

void api_do_alerts(struct request *rq)
{
    struct listing l = {.rq = rq};
    struct dw_answer_alerts all;
    uint64_t limit = (uint64_t)api_param_number(rq, "limit", 0);
    limit = limit < LIMIT_MAX ? limit : LIMIT_MAX;
    bool only, provisional;
    char folder[4096];
    if (!no_or_only(rq, "silenced", &only) || !no_or_only(rq, "provisional", &provisional) || !api_open_listing(rq, &all))
        return;
    all.silenced = only;
    all.provisional = provisional ? folder : NULL;
    all.newest = limit ? limit : 1;
    l.stop = limit == 0;
    all.arg = &l;
    all.each = put_one;
    int rc = dw_path_join(folder, sizeof folder, rq->api->opt->data.ptr, "alerts");
    if (rc == DW_OK)
        rc = dw_answer_alerts(&all);
    uint64_t older = limit ? all.older : all.seen;
    if (older)
        api_limited(rq, "%" PRIu64 " older ones are not shown: raise limit, or ask for a range", older);
    api_answer_listing(rq, &all, rc);
    api_close_listing(&all);
}

/* ---- one ---- */

struct one {
    struct request *rq;
    char id[DW_ALERT_ID_TEXT];
    bool show;
    struct dw_silences *silence; /* to judge it by, where it is shown */
};

static void take_one(void *arg, const struct dw_alert *a)
{
    struct one *o = arg;
    (void)snprintf(o->id, sizeof o->id, "%s", a->id);
    if (o->show)
        dw_answer_alert(a, o->silence ? dw_silences_find(o->silence, a) : NULL, &o->rq->out);
}

/* What dw_alerts_find answered; false: the request has failed. */
bool api_is_found(struct request *rq, int rc)
{
    if (rc == DW_EEXIST)
        api_fail(rq, API_E_not_found, "give more digits", "several alerts begin with %.*s", DW_ARG(rq->id));
    else if (rc == DW_ENOENT)
        api_fail(rq, API_E_not_found, "/api/v1/alerts lists them", "no alert has the id %.*s", DW_ARG(rq->id));
    else if (rc < 0)
        api_fail_code(rq, "alerts", rc);
    return rc == DW_OK;
}

/* Finds the alert that the path names; false: the request has failed. */
static bool find(struct request *rq, struct dw_alerts *view, struct one *o)
{
    int rc = o->show ? dw_silences_load(view, &o->silence) : DW_OK;
    if (rc == DW_OK)
        rc = dw_alerts_find(view, rq->id, take_one, o);
    dw_silences_free(o->silence);
    o->silence = NULL;
    return api_is_found(rq, rc);
}

void api_do_alert(struct request *rq)
{
    struct one o = {.rq = rq, .show = true};
    struct dw_alerts *view;
    if (!api_open_view(rq, &view))
        return;
    (void)find(rq, view, &o);
    dw_alerts_close(view);
}

static void put_change(void *arg, const struct dw_alert_change *c)
{
    struct request *rq = arg;
    api_put_time(&rq->out, '{', "time", c->time_ns);
    api_put_text(&rq->out, ',', "author", dw_str_of(c->author));
    api_put_text(&rq->out, ',', "field", dw_str_of(dw_alert_field_name(c->field)));
    api_put_text(&rq->out, ',', "value", c->value);
    dw_buf_str(&rq->out, DW_STR("}\n"));
    (void)api_row(rq);
}

void api_do_history(struct request *rq)
{
    struct one o = {.rq = rq};
    struct dw_alerts *view;
    if (!api_open_view(rq, &view))
        return;
    if (find(rq, view, &o)) {
        int rc = dw_alerts_history(view, o.id, put_change, rq);
        if (rc < 0)
            api_fail_code(rq, "alerts", rc);
        else
            api_answer_line(rq, DW_STR(""));
    }
    dw_alerts_close(view);
}

/* ---- changes ---- */

struct changes {
    char name[DW_ALERT_FIELDS][DW_CHANGE_ID_TEXT];
    uint32_t asked, made;
};

static void look_for(void *arg, const struct dw_alert_change *c)
{
    struct changes *ch = arg;
    for (uint32_t i = 0; i < ch->asked; i++)
        ch->made += strcmp(ch->name[i], c->change) == 0;
}

/* Checks every value before any is asked for: a change is made whole or not at all, as far as that can be known here. */
static bool check_values(struct request *rq)
{
    uint32_t given = 0;
    for (int i = 0; i < DW_ALERT_FIELDS; i++) {
        const char *name = dw_alert_field_name((enum dw_alert_field)i), *values = dw_alert_field_values((enum dw_alert_field)i);
        struct dw_str value = api_param_text(rq, name);
        int rc = value.ptr ? dw_alert_value_check((enum dw_alert_field)i, value) : DW_OK;
        given += value.ptr != NULL;
        if (rc == DW_EUNKNOWN)
            api_fail(rq, API_E_malformed, values, "%s: '%.*s' is none of its values", name, DW_ARG(dw_str_slice(value, 0, 100)));
        else if (rc < 0)
            api_fail(rq, API_E_malformed, NULL, "%s: a text of 1 to %d bytes is needed", name, DW_ALERT_VALUE_MAX);
        if (rc < 0)
            return false;
    }
    if (!given)
        api_fail(rq, API_E_malformed, "{\"status\":\"in_progress\"}", "the body says nothing of the alert");
    return given > 0;
}

static int ask(struct request *rq, const char *id, struct changes *ch)
{
    int rc = DW_OK;
    for (int i = 0; i < DW_ALERT_FIELDS && rc == DW_OK; i++) {
        struct dw_str value = api_param_text(rq, dw_alert_field_name((enum dw_alert_field)i));
        struct dw_alert_change c = {.alert = id, .author = rq->author, .field = (enum dw_alert_field)i,
            .time_ns = dw_clock_real(&dw_clock_system), .value = value};
        if (value.ptr)
            rc = dw_alert_ask(&dw_fs_system, rq->api->alerts, &c, ch->name[ch->asked++]);
    }
    return rc;
}

/* Waits until the loop has taken all of them. */
bool api_are_taken(struct request *rq, const char *inbox, char name[][DW_INBOX_NAME], uint32_t count)
{
    for (uint32_t i = 0, ms = 0; i < count; ms += STEP_MS) {
        if (dw_inbox_answered(inbox, name[i])) {
            i++;
            continue;
        }
        if (ms >= WAIT_MS || atomic_load(&rq->api->stopping)) {
            api_fail(rq, API_E_unavailable, "it lies in DATA and is taken up later", "the collector has not taken it within %d s", WAIT_MS / 1000);
            return false;
        }
        (void)poll(NULL, 0, STEP_MS);
    }
    return true;
}

/* How the alert is now, and that the changes are in its history. */
static void answer_changed(struct request *rq, struct changes *ch)
{
    struct one o = {.rq = rq, .show = true};
    struct dw_alerts *view;
    if (!api_open_view(rq, &view))
        return;
    if (find(rq, view, &o)) {
        int rc = dw_alerts_history(view, o.id, look_for, ch);
        rq->rows = ch->made;
        if (rc < 0)
            api_fail_code(rq, "alerts", rc);
        else if (ch->made < ch->asked)
            api_fail(rq, API_E_unavailable, NULL, "the collector refused it: its log says why");
    }
    dw_alerts_close(view);
}

void api_do_change(struct request *rq)
{
    struct one o = {.rq = rq};
    struct changes ch = {.asked = 0};
    struct dw_alerts *view;
    if (!check_values(rq) || !api_open_view(rq, &view))
        return;
    bool found = find(rq, view, &o);
    dw_alerts_close(view);
    if (!found)
        return;
    int rc = ask(rq, o.id, &ch);
    if (rc < 0)
        api_fail_code(rq, "alerts/inbox", rc);
    else if (api_are_taken(rq, rq->api->alerts_inbox, ch.name, ch.asked))
        answer_changed(rq, &ch);
}

/* ---- entities ---- */

struct entities {
    struct request *rq;
    struct dw_risks *risks;
    uint64_t limit;
    int rc;
};

static void add_risk(void *arg, const struct dw_alert *a, const char *silence)
{
    struct entities *e = arg;
    (void)silence;
    if (e->rc == DW_OK && !dw_alert_is_nothing(a))
        e->rc = dw_risks_add(e->risks, a);
}

static void put_risk(void *arg, const struct dw_risk *r)
{
    struct entities *e = arg;
    struct dw_buf *out = &e->rq->out;
    if (e->rq->rows == e->limit) {
        api_limited(e->rq, "there are more: raise limit");
        return;
    }
    api_put_text(out, '{', "entity", dw_str_of(dw_entity_name(r->kind)));
    api_put_text(out, ',', "value", dw_str_of(r->value));
    dw_buf_printf(out, ",\"risk\":%.1f", r->points);
    api_put_number(out, ',', "alerts", r->alerts);
    api_put_text(out, ',', "level", dw_str_of(r->level));
    api_put_time(out, ',', "last", r->last_ns);
    dw_buf_str(out, DW_STR("}\n"));
    (void)api_row(e->rq);
}

void api_do_entities(struct request *rq)
{
    struct dw_answer_alerts all;
    if (!api_open_listing(rq, &all))
        return;
    struct entities e = {.rq = rq, .limit = (uint64_t)api_param_number(rq, "limit", 0),
        .risks = dw_risks_new(all.until_ns < INT64_MAX ? all.until_ns : dw_clock_real(&dw_clock_system))};
    all.each = add_risk;
    all.arg = &e;
    int rc = e.risks ? dw_answer_alerts(&all) : DW_ENOMEM;
    rc = rc == DW_OK ? e.rc : rc;
    if (rc == DW_OK)
        rc = dw_risks_each(e.risks, put_risk, &e);
    api_answer_listing(rq, &all, rc);
    dw_risks_free(e.risks);
    api_close_listing(&all);
}
