/*
 * alert_event: an alert as an event: the finding's JSON flattened, and what people said of it as further fields.
 */
#include "dogwatch/collect/alerts.h"

#include "dogwatch/base/error.h"
#include "dogwatch/base/mem.h"
#include "dogwatch/event/flatten.h"

struct dw_alert_events {
    struct dw_keys *keys;
    struct dw_arena pool;
    uint32_t said[DW_ALERT_FIELDS]; /* keys of what people say */
    struct dw_field field[DW_EVENT_FIELDS_MAX];
};

struct dw_alert_events *dw_alert_events_new(void)
{
    struct dw_alert_events *e = dw_calloc(1, sizeof *e);
    if (!e)
        return NULL;
    dw_arena_init(&e->pool, 0);
    e->keys = dw_keys_new();
    int rc = e->keys ? DW_OK : DW_ENOMEM;
    for (int i = 0; i < DW_ALERT_FIELDS && rc == DW_OK; i++)
        rc = dw_keys_intern(e->keys, dw_str_of(dw_alert_field_name((enum dw_alert_field)i)), &e->said[i]);
    if (rc == DW_OK)
        return e;
    dw_alert_events_free(e);
    return NULL;
}

void dw_alert_events_free(struct dw_alert_events *e)
{
    if (!e)
        return;
    dw_arena_fini(&e->pool);
    dw_keys_free(e->keys);
    dw_free(e);
}

struct dw_keys *dw_alert_events_keys(struct dw_alert_events *e)
{
    return e->keys;
}

int dw_alert_event(struct dw_alert_events *e, const struct dw_alert *a, struct dw_event *ret)
{
    struct dw_flatten how = {0};
    struct dw_draft d = {.keys = e->keys, .pool = &e->pool, .field = e->field};
    dw_arena_reset(&e->pool);
    dw_draft_reset(&d, a->doc);
    int rc = dw_flatten_json(&d, a->doc, &how);
    for (int i = 0; i < DW_ALERT_FIELDS && rc == DW_OK; i++)
        dw_draft_literal(&d, e->said[i], dw_str_of(a->said[i]));
    *ret = (struct dw_event){.time_ns = a->time_ns, .line = a->doc, .field = e->field, .field_count = d.field_count};
    return rc;
}
