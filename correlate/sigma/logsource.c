/*
 * logsource: which rules are for which events.
 *
 * Idea: what an event belongs to is told by one word, its *route*: its dataset and, where it has a channel of Windows, behind it that and the event's
 * id. Any of them may make a rule take it: a log that calls a field of its own `Channel` does not leave the rules of its dataset by that.
 * A route belongs to one or more logsources (tbl/logsources.h, tbl/windows_logsources.h, mapping files; a dataset `a.b` is product a, service b
 * besides), and a rule takes it when one of them has every part that the rule names.
 *
 * Invariant: (1) a rule without logsource takes every event.
 */
#include "sigma_int.h"

#include "dogwatch/base/error.h"

#include <stdio.h>

static const struct {
    const char *dataset, *category, *product, *service;
} rows[] = {
#define LOGSOURCE(dataset, category, product, service) {dataset, category, product, service},
#include "dogwatch/tbl/logsources.h"
#undef LOGSOURCE
};

static const struct {
    const char *channel, *service;
} channels[] = {
#define WINDOWS_CHANNEL(channel, service) {channel, service},
#define WINDOWS_EVENT(service, id, category)
#include "dogwatch/tbl/windows_logsources.h"
#undef WINDOWS_CHANNEL
#undef WINDOWS_EVENT
};

static const struct {
    const char *service, *id, *category;
} windows_events[] = {
#define WINDOWS_CHANNEL(channel, service)
#define WINDOWS_EVENT(service, id, category) {service, id, category},
#include "dogwatch/tbl/windows_logsources.h"
#undef WINDOWS_CHANNEL
#undef WINDOWS_EVENT
};

static bool part(struct dw_str wanted, struct dw_str have)
{
    return wanted.len == 0 || dw_str_ieq(wanted, have);
}

static bool all_parts(const struct dw_logsource *l, struct dw_str category, struct dw_str product, struct dw_str service)
{
    return part(l->category, category) && part(l->product, product) && part(l->service, service);
}

static bool takes_windows(const struct dw_logsource *l, struct dw_str channel, struct dw_str id)
{
    struct dw_str service = DW_STR(""), product = DW_STR("windows");
    for (size_t i = 0; i < DW_COUNT_OF(channels) && !service.len; i++)
        service = dw_str_ieq(channel, dw_str_of(channels[i].channel)) ? dw_str_of(channels[i].service) : service;
    if (all_parts(l, DW_STR(""), product, service))
        return true;
    for (size_t i = 0; i < DW_COUNT_OF(windows_events); i++)
        if (dw_str_eq(service, dw_str_of(windows_events[i].service)) && dw_str_eq(id, dw_str_of(windows_events[i].id)) &&
            all_parts(l, dw_str_of(windows_events[i].category), product, service))
            return true;
    return false;
}

bool dw_logsource_takes(const struct dw_ruleset *rs, const struct dw_logsource *l, struct dw_str route)
{
    if (l->category.len == 0 && l->product.len == 0 && l->service.len == 0)
        return true;
    struct dw_str id = route, dataset = dw_str_cut(&id, '\n'), channel = dw_str_cut(&id, '\n');
    if (channel.len && takes_windows(l, channel, id))
        return true;
    for (size_t i = 0; i < DW_COUNT_OF(rows); i++)
        if (dw_str_eq(dw_str_of(rows[i].dataset), dataset) && all_parts(l, dw_str_of(rows[i].category), dw_str_of(rows[i].product), dw_str_of(rows[i].service)))
            return true;
    for (uint32_t i = 0; i < rs->map_dataset_count; i++) {
        const struct dw_map_dataset *m = &rs->map_dataset[i];
        if (dw_str_eq(m->dataset, dataset) && all_parts(l, m->category, m->product, m->service))
            return true;
    }
    struct dw_str service = dataset, product = dw_str_cut(&service, '.');
    return dataset.len && l->category.len == 0 && part(l->product, product) && part(l->service, service.ptr ? service : DW_STR(""));
}

static bool windows_known(const struct dw_logsource *l)
{
    struct dw_str product = DW_STR("windows");
    for (size_t i = 0; i < DW_COUNT_OF(channels); i++)
        if (all_parts(l, DW_STR(""), product, dw_str_of(channels[i].service)))
            return true;
    for (size_t i = 0; i < DW_COUNT_OF(windows_events); i++)
        if (all_parts(l, dw_str_of(windows_events[i].category), product, dw_str_of(windows_events[i].service)))
            return true;
    return false;
}

bool dw__logsource_known(const struct dw_ruleset *rs, const struct dw_logsource *l)
{
    if (l->category.len == 0 || windows_known(l))
        return true; /* a dataset `product.service` */
    for (size_t i = 0; i < DW_COUNT_OF(rows); i++)
        if (all_parts(l, dw_str_of(rows[i].category), dw_str_of(rows[i].product), dw_str_of(rows[i].service)))
            return true;
    for (uint32_t i = 0; i < rs->map_dataset_count; i++)
        if (all_parts(l, rs->map_dataset[i].category, rs->map_dataset[i].product, rs->map_dataset[i].service))
            return true;
    return false;
}

static const struct dw_field *first_of(const struct dw_event *ev, const uint32_t *key, uint32_t count)
{
    const struct dw_field *f = NULL;
    for (uint32_t i = 0; i < count && !f; i++)
        f = dw_event_find(ev, key[i]);
    return f;
}

struct dw_str dw_route_of(const struct dw_ruleset *rs, const struct dw_event *ev, char room[DW_ROUTE_MAX])
{
    const struct dw_field *f = dw_event_find(ev, DW_F_event_dataset), *id;
    const struct dw_field *channel = first_of(ev, rs->channel_key, DW_COUNT_OF(rs->channel_key));
    struct dw_str dataset = f && dw_field_is_text(f) ? dw_field_str(f) : DW_STR("");
    if (!channel || !dw_field_is_text(channel))
        return dataset;
    id = first_of(ev, rs->event_id_key, DW_COUNT_OF(rs->event_id_key));
    struct dw_str text = id && dw_field_is_text(id) ? dw_field_str(id) : DW_STR("");
    char number[24] = "";
    if (id && id->kind == DW_K_INT)
        text = dw_str_make(number, (size_t)snprintf(number, sizeof number, "%lld", (long long)id->v.i));
    int n = snprintf(room, DW_ROUTE_MAX, "%.*s\n%.*s\n%.*s", DW_ARG(dataset), DW_ARG(dw_field_str(channel)), DW_ARG(text));
    return n > 0 && n < DW_ROUTE_MAX ? dw_str_make(room, (size_t)n) : dataset; /* none of the channels that are known is so long */
}

int dw__logsource(struct dw_ruleset *rs, const struct dw_rule *rule, uint32_t *ret)
{
    for (uint32_t i = 0; i < rs->logsource_count; i++) {
        const struct dw_logsource *l = &rs->logsource[i];
        if (dw_str_eq(l->category, rule->category) && dw_str_eq(l->product, rule->product) &&
            dw_str_eq(l->service, rule->service)) {
            *ret = i;
            return DW_OK;
        }
    }
    int rc = dw_ruleset_grow((void **)&rs->logsource, rs->logsource_count, &rs->logsource_cap, sizeof *rs->logsource);
    if (rc < 0)
        return rc;
    *ret = rs->logsource_count;
    rs->logsource[rs->logsource_count++] = (struct dw_logsource){rule->category, rule->product, rule->service};
    return DW_OK;
}
