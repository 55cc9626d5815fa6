/*
 * incidents: alerts that share an entity, each within 24 h of the one before.
 *
 * Idea: an entity that alerts name again within 24 h is one *run* of it; a run joins all its alerts. Alerts joined by runs are one incident
 * (union-find; Tarjan 1975). An incident is called after its first alert, so its name stays as it grows; should that alert be found to mean
 * nothing, or an older incident join, every alert's id still leads to it.
 *
 * Invariant: the same alerts in the same order give the same incidents, whatever was asked before.
 */
#include "dogwatch/base/keyed.h"

#include "dogwatch/base/error.h"
#include "dogwatch/base/mem.h"
#include "dogwatch/collect/triage.h"

#include <stdio.h>
#include <stdlib.h>

struct member {
    char id[DW_ALERT_ID_TEXT];
    uint32_t parent;  /* itself: it is the first of its incident */
    struct run *runs; /* of the first of an incident: those that join it */
    uint32_t next;    /* the next of its incident; UINT32_MAX: it is the last */
    int64_t time_ns;
    uint8_t severity;
    bool open;
};

/* An entity's alerts without a gap. */
struct run {
    struct run *older; /* of the same entity */
    struct run *same;  /* the next of the same incident, once they were sorted out */
    enum dw_entity kind;
    uint32_t first, alerts;
    int64_t last_ns;
    char *shown;
};

struct entity {
    struct dw_keyed_item item; /* its key: kind, value */
    struct run *newest;
};

struct dw_incidents {
    struct dw_alert_events *events;
    struct dw_keyed entities;
    struct member *member;
    uint32_t count, room;
    bool sorted; /* runs and next are set */
};

struct dw_incidents *dw_incidents_new(void)
{
    struct dw_incidents *in = dw_calloc(1, sizeof *in);
    if (in && (in->events = dw_alert_events_new()))
        return in;
    dw_free(in);
    return NULL;
}

void dw_incidents_free(struct dw_incidents *in)
{
    if (!in)
        return;
    for (struct dw_keyed_item *i = in->entities.first; i; i = i->next)
        for (struct run *r = ((struct entity *)i)->newest, *older; r; r = older) {
            older = r->older;
            dw_free(r->shown);
            dw_free(r);
        }
    dw_keyed_fini(&in->entities);
    dw_alert_events_free(in->events);
    dw_free(in->member);
    dw_free(in);
}

static uint32_t first_of(struct dw_incidents *in, uint32_t at)
{
    while (in->member[at].parent != at) {
        in->member[at].parent = in->member[in->member[at].parent].parent;
        at = in->member[at].parent;
    }
    return at;
}

/* The older one's name stays. */
static void join(struct dw_incidents *in, uint32_t a, uint32_t b)
{
    a = first_of(in, a);
    b = first_of(in, b);
    in->member[a > b ? a : b].parent = a > b ? b : a;
}

static struct run *begin_run(struct entity *e, enum dw_entity kind, uint32_t first, struct dw_str shown)
{
    struct run *r = dw_calloc(1, sizeof *r);
    if (r)
        r->shown = dw_strndup(shown.ptr, shown.len);
    if (!r || !r->shown) {
        dw_free(r);
        return NULL;
    }
    r->kind = kind;
    r->first = first;
    r->older = e->newest;
    e->newest = r;
    return r;
}

/* Joins member `at` to the run of an entity that it names. */
static int link_to(struct dw_incidents *in, uint32_t at, enum dw_entity kind, struct dw_str value, struct dw_str shown)
{
    struct dw_buf key = {0};
    int64_t now = in->member[at].time_ns;
    dw_buf_byte(&key, (uint8_t)kind);
    dw_buf_str(&key, value);
    struct entity *e = key.err ? NULL : dw_keyed_get(&in->entities, dw_buf_view(&key), sizeof *e);
    dw_buf_fini(&key);
    if (!e)
        return DW_ENOMEM;
    struct run *r = e->newest;
    if (!r || now - r->last_ns > DW_INCIDENT_GAP_NS)
        r = begin_run(e, kind, at, shown);
    if (!r)
        return DW_ENOMEM;
    join(in, r->first, at);
    r->alerts++;
    r->last_ns = now;
    return DW_OK;
}

static struct dw_str text_of(const struct dw_event *ev, enum dw_entity kind)
{
    const struct dw_field *f = dw_event_find(ev, dw_entity_field(kind));
    return f && dw_field_is_text(f) ? dw_field_str(f) : DW_STR_NONE;
}

/* Accounts of different hosts may have one name, and containers are known to people by theirs. */
static int link_entity(struct dw_incidents *in, uint32_t at, const struct dw_event *ev, enum dw_entity kind)
{
    struct dw_str value = text_of(ev, kind), more = DW_STR_NONE;
    struct dw_buf whole = {0};
    if (!dw_entity_links(kind) || value.len == 0)
        return DW_OK;
    dw_buf_str(&whole, value);
    if (kind == DW_ENTITY_user_name)
        more = text_of(ev, DW_ENTITY_host_name);
    if (more.len) {
        dw_buf_byte(&whole, '@');
        dw_buf_str(&whole, more);
    }
    struct dw_str name = kind == DW_ENTITY_container_id ? text_of(ev, DW_ENTITY_container_name) : DW_STR_NONE;
    int rc = whole.err ? whole.err : link_to(in, at, kind, dw_buf_view(&whole), name.len ? name : dw_buf_view(&whole));
    dw_buf_fini(&whole);
    return rc;
}

int dw_incidents_add(struct dw_incidents *in, const struct dw_alert *a)
{
    struct dw_event ev;
    if (in->count == in->room) {
        uint32_t room = in->room ? in->room * 2 : 64;
        struct member *m = dw_resize(in->member, room * sizeof *m);
        if (!m)
            return DW_ENOMEM;
        in->member = m;
        in->room = room;
    }
    struct member *m = &in->member[in->count];
    *m = (struct member){.parent = in->count, .time_ns = a->time_ns, .severity = (uint8_t)dw_alert_severity(a->level), .open = dw_alert_is_open(a)};
    (void)snprintf(m->id, sizeof m->id, "%s", a->id);
    uint32_t at = in->count++;
    int rc = dw_alert_event(in->events, a, &ev);
    for (int kind = 0; kind < DW_ENTITIES && rc == DW_OK; kind++)
        rc = link_entity(in, at, &ev, (enum dw_entity)kind);
    return rc;
}

int dw_incidents_each(struct dw_incidents *in, void (*each)(void *arg, const struct dw_incident *i), void *arg)
{
    struct dw_incident *told = dw_calloc(in->count + 1, sizeof *told);
    uint8_t *severity = dw_calloc(in->count + 1, 1);
    for (uint32_t i = 0; told && severity && i < in->count; i++) {
        const struct member *m = &in->member[i];
        uint32_t first = first_of(in, i);
        struct dw_incident *t = &told[first];
        if (t->alerts++ == 0)
            t->first_ns = m->time_ns;
        t->last_ns = m->time_ns;
        t->open += m->open;
        severity[first] = m->severity > severity[first] ? m->severity : severity[first];
    }
    for (uint32_t i = 0; told && severity && i < in->count; i++) {
        told[i].id = in->member[i].id;
        told[i].number = i;
        told[i].level = dw_level_text((enum dw_level)severity[i]);
        if (told[i].alerts > 1)
            each(arg, &told[i]);
    }
    int rc = told && severity ? DW_OK : DW_ENOMEM;
    dw_free(told);
    dw_free(severity);
    return rc;
}

/* Gives each incident its runs and its alerts, so that asking for one does not look at all. */
static void sort_out(struct dw_incidents *in)
{
    uint32_t *last = in->sorted ? NULL : dw_alloc((in->count + 1) * sizeof *last);
    if (!last)
        return;
    for (uint32_t i = 0; i < in->count; i++) {
        uint32_t first = first_of(in, i);
        in->member[i].next = UINT32_MAX;
        if (first != i)
            in->member[last[first]].next = i;
        last[first] = i;
    }
    for (struct dw_keyed_item *i = in->entities.first; i; i = i->next) {
        for (struct run *r = ((struct entity *)i)->newest; r; r = r->older) {
            struct member *m = &in->member[first_of(in, r->first)];
            r->same = m->runs;
            m->runs = r;
        }
    }
    dw_free(last);
    in->sorted = true;
}

void dw_incidents_entities(struct dw_incidents *in, const struct dw_incident *i, void (*each)(void *arg, enum dw_entity kind, const char *value, uint32_t alerts), void *arg)
{
    sort_out(in);
    for (const struct run *r = in->sorted ? in->member[i->number].runs : NULL; r; r = r->same)
        each(arg, r->kind, r->shown, r->alerts);
}

int dw_incidents_find(struct dw_incidents *in, struct dw_str prefix, struct dw_incident *ret)
{
    uint32_t found = UINT32_MAX;
    sort_out(in);
    if (!in->sorted)
        return DW_ENOMEM;
    for (uint32_t i = 0; i < in->count; i++) {
        uint32_t first = first_of(in, i);
        if (!dw_str_starts(dw_str_of(in->member[i].id), prefix) || in->member[first].next == UINT32_MAX || found == first)
            continue;
        if (found != UINT32_MAX)
            return DW_EEXIST;
        found = first;
    }
    *ret = (struct dw_incident){.id = found == UINT32_MAX ? "" : in->member[found].id, .number = found};
    return found == UINT32_MAX ? DW_ENOENT : DW_OK;
}

void dw_incidents_alerts(struct dw_incidents *in, const struct dw_incident *i, void (*each)(void *arg, const char *alert), void *arg)
{
    sort_out(in);
    for (uint32_t at = in->sorted ? i->number : UINT32_MAX; at != UINT32_MAX; at = in->member[at].next)
        each(arg, in->member[at].id);
}
