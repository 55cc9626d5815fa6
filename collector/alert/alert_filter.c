/*
 * alert_filter: a filter of the query language over alerts.
 */
#include "dogwatch/collect/alerts.h"

#include "dogwatch/base/error.h"
#include "dogwatch/base/mem.h"
#include "dogwatch/collect/query.h"

#include <stdio.h>

struct dw_alert_filter {
    char *text; /* the query refers to it */
    struct dw_alert_events *events;
    struct dw_query *query;
    uint64_t judged;
};

int dw_alert_filter_new(struct dw_str text, struct dw_diags *diags, struct dw_alert_filter **ret)
{
    struct dw_alert_filter *f = dw_calloc(1, sizeof *f);
    if (!f)
        return DW_ENOMEM;
    f->text = dw_strndup(text.ptr, text.len);
    f->events = dw_alert_events_new();
    int rc = f->text && f->events ? DW_OK : DW_ENOMEM;
    if (rc == DW_OK)
        rc = dw_query_compile(dw_str_make(f->text, text.len), dw_alert_events_keys(f->events), diags, &f->query);
    if (rc == DW_OK && !dw_query_is_filter(f->query)) {
        dw_diag_add(diags, dw_span_at(text, 0, text.len), "pipes are for `dogwatch query`; of alerts --limit N shows the newest", "a filter without pipes is expected");
        rc = DW_ESYNTAX;
    }
    if (rc < 0) {
        dw_alert_filter_free(f);
        return rc;
    }
    *ret = f;
    return DW_OK;
}

void dw_alert_filter_free(struct dw_alert_filter *f)
{
    if (!f)
        return;
    dw_query_free(f->query);
    dw_alert_events_free(f->events);
    dw_free(f->text);
    dw_free(f);
}

bool dw_alert_filter_takes(struct dw_alert_filter *f, const struct dw_alert *a)
{
    struct dw_event ev;
    f->judged++;
    return dw_alert_event(f->events, a, &ev) == DW_OK && dw_query_match(f->query, &ev);
}

/* Where doubts go. */
struct doubts {
    void (*say)(void *arg, const char *text);
    void *arg;
};

static void doubt_name(void *arg, struct dw_str name, const char *near)
{
    struct doubts *d = arg;
    char text[256];
    (void)snprintf(text, sizeof text, "no alert read here has a field '%.*s'%s%s%s", DW_ARG(name), near ? "; did you mean '" : "",
        near ? near : "", near ? "'?" : "");
    d->say(d->arg, text);
}

static void doubt_text(void *arg, struct dw_str word, const char *meant)
{
    struct doubts *d = arg;
    char text[256];
    (void)snprintf(text, sizeof text, "'%.*s' is looked for as a text; a field is asked for by %s", DW_ARG(word), meant);
    d->say(d->arg, text);
}

/* A value that no alert can have, since people may not say it. */
static void doubt_value(void *arg, struct dw_str name, struct dw_str value)
{
    struct doubts *d = arg;
    for (int i = 0; i < DW_ALERT_FIELDS; i++) {
        const char *values = dw_alert_field_values((enum dw_alert_field)i);
        struct dw_str rest = dw_str_of(values);
        bool known = rest.len == 0;
        char text[256];
        if (!dw_str_eq(name, dw_str_of(dw_alert_field_name((enum dw_alert_field)i))))
            continue;
        while (rest.len && !known)
            known = dw_str_ieq(dw_str_cut(&rest, '|'), value);
        (void)snprintf(text, sizeof text, "no alert has %.*s:%.*s; its values are %s", DW_ARG(name), DW_ARG(value), values);
        if (!known)
            d->say(d->arg, text);
    }
}

void dw_alert_filter_doubts(const struct dw_alert_filter *f, void (*say)(void *arg, const char *text), void *arg)
{
    struct doubts d = {say, arg};
    dw_query_equals(f->query, doubt_value, &d);
    dw_query_texts(f->query, doubt_text, &d);
    if (f->judged)
        dw_query_unseen(f->query, doubt_name, &d);
}
