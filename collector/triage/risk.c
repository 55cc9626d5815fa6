/*
 * risk: points of the alerts that name an entity, halved for every day that has passed.
 *
 * Invariant: a rule that repeats itself adds nothing within an hour of event time, so noise does not look like danger.
 */
#include "dogwatch/base/keyed.h"

#include "dogwatch/base/error.h"
#include "dogwatch/base/mem.h"
#include "dogwatch/collect/triage.h"

#include <math.h>
#include <stdlib.h>

#define HOUR_NS (3600 * INT64_C(1000000000))

struct entity {
    struct dw_keyed_item item; /* its key: kind, value */
    struct dw_risk told;
    char *text;
};

struct dw_risks {
    struct dw_alert_events *events;
    struct dw_keyed entities, counted; /* counted: kind, value, rule, hour */
    int64_t now_ns;
};

struct dw_risks *dw_risks_new(int64_t now_ns)
{
    struct dw_risks *r = dw_calloc(1, sizeof *r);
    if (r && (r->events = dw_alert_events_new())) {
        r->now_ns = now_ns;
        return r;
    }
    dw_free(r);
    return NULL;
}

void dw_risks_free(struct dw_risks *r)
{
    if (!r)
        return;
    for (struct dw_keyed_item *i = r->entities.first; i; i = i->next)
        dw_free(((struct entity *)i)->text);
    dw_keyed_fini(&r->entities);
    dw_keyed_fini(&r->counted);
    dw_alert_events_free(r->events);
    dw_free(r);
}

static double points_of(const struct dw_risks *r, const struct dw_alert *a)
{
    static const double points[] = {1, 1, 3, 10, 30, 100};
    double days = a->time_ns < r->now_ns ? (double)(r->now_ns - a->time_ns) / (double)DW_RISK_HALF_NS : 0;
    return points[dw_alert_severity(a->level)] * exp2(-days);
}

static struct entity *entity_of(struct dw_risks *r, enum dw_entity kind, struct dw_str value)
{
    struct dw_buf key = {0};
    dw_buf_byte(&key, (uint8_t)kind);
    dw_keyed_part(&key, value);
    struct entity *e = key.err ? NULL : dw_keyed_get(&r->entities, dw_buf_view(&key), sizeof *e);
    dw_buf_fini(&key);
    if (!e || e->text)
        return e;
    e->text = dw_keyed_texts(&value, 1, &e->told.value);
    e->told.kind = kind;
    e->told.level = "";
    return e->text ? e : NULL;
}

/* Whether it is the first of its rule for the entity in its hour. *ret_first. */
static int enter(struct dw_risks *r, const struct entity *e, const struct dw_alert *a, bool *ret_first)
{
    struct dw_buf key = {0};
    dw_keyed_part(&key, e->item.key);
    dw_keyed_part(&key, dw_str_of(a->rule));
    dw_buf_u64(&key, (uint64_t)(a->time_ns / HOUR_NS));
    *ret_first = key.err == DW_OK && !dw_keyed_find(&r->counted, dw_buf_view(&key));
    bool failed = key.err || (*ret_first && !dw_keyed_add(&r->counted, dw_buf_view(&key), sizeof(struct dw_keyed_item)));
    dw_buf_fini(&key);
    return failed ? DW_ENOMEM : DW_OK;
}

static int add_to(struct dw_risks *r, enum dw_entity kind, struct dw_str value, const struct dw_alert *a)
{
    struct entity *e = entity_of(r, kind, value);
    bool first;
    int rc = e ? enter(r, e, a, &first) : DW_ENOMEM;
    if (rc < 0)
        return rc;
    if (first)
        e->told.points += points_of(r, a);
    e->told.alerts++;
    e->told.last_ns = a->time_ns;
    if (dw_alert_severity(a->level) > dw_alert_severity(e->told.level))
        e->told.level = dw_level_text((enum dw_level)dw_alert_severity(a->level));
    return DW_OK;
}

int dw_risks_add(struct dw_risks *r, const struct dw_alert *a)
{
    struct dw_event ev;
    int rc = dw_alert_event(r->events, a, &ev);
    for (int kind = 0; kind < DW_ENTITIES && rc == DW_OK; kind++) {
        const struct dw_field *f = dw_event_find(&ev, dw_entity_field((enum dw_entity)kind));
        if (f && dw_field_is_text(f) && dw_field_str(f).len)
            rc = add_to(r, (enum dw_entity)kind, dw_field_str(f), a);
    }
    return rc;
}

static int greater_first(const void *a, const void *b)
{
    const struct dw_risk *x = *(const struct dw_risk *const *)a, *y = *(const struct dw_risk *const *)b;
    if (x->points < y->points || x->points > y->points)
        return x->points < y->points ? 1 : -1;
    return x->kind != y->kind ? (int)x->kind - (int)y->kind : strcmp(x->value, y->value);
}

int dw_risks_each(struct dw_risks *r, void (*each)(void *arg, const struct dw_risk *risk), void *arg)
{
    uint32_t n = 0;
    const struct dw_risk **list = dw_alloc((r->entities.count + 1) * sizeof *list);
    if (!list)
        return DW_ENOMEM;
    for (struct dw_keyed_item *i = r->entities.first; i; i = i->next)
        list[n++] = &((struct entity *)i)->told;
    qsort(list, n, sizeof *list, greater_first);
    for (uint32_t i = 0; i < n; i++)
        each(arg, list[i]);
    dw_free(list);
    return DW_OK;
}
