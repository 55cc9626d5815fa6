/*
 * alert_filter: a filter of the query language over alerts: the finding's JSON taken as an event, and what people said as further fields.
 */
#include "dogwatch/collect/alerts.h"

#include "dogwatch/base/error.h"
#include "dogwatch/base/mem.h"
#include "dogwatch/collect/query.h"
#include "dogwatch/event/flatten.h"

struct dw_alert_filter {
    char *text; /* the query refers to it */
    struct dw_keys *keys;
    struct dw_query *query;
    struct dw_arena pool;
    uint32_t said[DW_ALERT_FIELDS]; /* keys of what people say: status, assignee, ... */
    struct dw_field field[DW_EVENT_FIELDS_MAX];
};

int dw_alert_filter_new(struct dw_str text, struct dw_diags *diags, struct dw_alert_filter **ret)
{
    struct dw_alert_filter *f = dw_calloc(1, sizeof *f);
    if (!f)
        return DW_ENOMEM;
    dw_arena_init(&f->pool, 0);
    f->text = dw_strndup(text.ptr, text.len);
    f->keys = dw_keys_new();
    int rc = f->text && f->keys ? DW_OK : DW_ENOMEM;
    for (int i = 0; i < DW_ALERT_FIELDS && rc == DW_OK; i++)
        rc = dw_keys_intern(f->keys, dw_str_of(dw_alert_field_name((enum dw_alert_field)i)), &f->said[i]);
    if (rc == DW_OK)
        rc = dw_query_compile(dw_str_make(f->text, text.len), f->keys, diags, &f->query);
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
    dw_arena_fini(&f->pool);
    dw_keys_free(f->keys);
    dw_free(f->text);
    dw_free(f);
}

bool dw_alert_filter_takes(struct dw_alert_filter *f, const struct dw_alert *a)
{
    struct dw_flatten how = {0};
    struct dw_draft d = {.keys = f->keys, .pool = &f->pool, .field = f->field};
    dw_arena_reset(&f->pool);
    dw_draft_reset(&d, a->doc);
    if (dw_flatten_json(&d, a->doc, &how) < 0)
        return false;
    for (int i = 0; i < DW_ALERT_FIELDS; i++)
        dw_draft_literal(&d, f->said[i], dw_str_of(a->said[i]));
    struct dw_event ev = {.time_ns = a->time_ns, .line = a->doc, .field = f->field, .field_count = d.field_count};
    return dw_query_match(f->query, &ev);
}
