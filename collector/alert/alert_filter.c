/*
 * alert_filter: a filter of the query language over alerts.
 */
#include "dogwatch/collect/alerts.h"

#include "dogwatch/base/error.h"
#include "dogwatch/base/mem.h"
#include "dogwatch/collect/query.h"

struct dw_alert_filter {
    char *text; /* the query refers to it */
    struct dw_alert_events *events;
    struct dw_query *query;
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
        dw_diag_add(diags, dw_span_at(text, 0, text.len), NULL, "a filter without pipes is expected");
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
    return dw_alert_event(f->events, a, &ev) == DW_OK && dw_query_match(f->query, &ev);
}
