/*
 * api_route: the table of routes, and parameters by it.
 *
 * Invariant: a handler sees only parameters that its route has, each once, and of TIME and COUNT only numbers.
 */
#include "api_int.h"

#include "dogwatch/base/error.h"
#include "dogwatch/event/timestamp.h"

#include <stdio.h>

enum {
#define ROUTE(id, method, path, access, where, kind, row, doc) ROUTE_##id,
#include "dogwatch/tbl/routes.h"
};

static const struct api_route routes[] = {
#define ROUTE(id, method, path, access, where, kind, row, doc) \
    {#id, path, API_##method, DW_ACCESS_##access, API_##where, API_##kind, api_do_##id},
#include "dogwatch/tbl/routes.h"
};

static const struct api_param params[] = {
#define PARAM(route, name, place, type, otherwise, doc) {ROUTE_##route, name, API_IN_##place, API_T_##type, otherwise},
#include "dogwatch/tbl/routes.h"
};

const struct api_route *api_route(size_t i)
{
    return i < DW_COUNT_OF(routes) ? &routes[i] : NULL;
}

const char *api_method_name(enum api_method m)
{
    static const char *const names[API_METHODS] = {"GET", "POST", "PATCH"};
    return names[m];
}

/* Takes a value as its parameter's type. */
static bool take_value(struct request *rq, uint32_t i, struct dw_str text)
{
    const struct api_param *p = rq->param[i];
    uint64_t count;
    rq->value[i] = text;
    if (p->type == API_T_COUNT) {
        if (!dw_str_u64(text, &count) || count > INT64_MAX) {
            api_fail(rq, API_E_malformed, NULL, "%s: a number is needed", p->name);
            return false;
        }
        rq->number[i] = (int64_t)count;
    } else if (p->type == API_T_TIME && !dw_time_asked(text, dw_clock_real(&dw_clock_system), &rq->number[i])) {
        api_fail(rq, API_E_malformed, "RFC 3339, 2026-11-23, epoch seconds, or 15m 24h 7d ago", "%s: no time", p->name);
        return false;
    }
    return true;
}

/* A body's values are of their JSON types: what the OpenAPI file refuses is refused here. */
static bool is_of_type(struct request *rq, const struct api_param *p, bool number)
{
    bool counts = p->type == API_T_COUNT;
    if (p->place == API_IN_BODY && number != counts)
        api_fail(rq, API_E_malformed, NULL, "%s: a %s is needed", p->name, counts ? "number" : "text in quotes");
    return !rq->failed;
}

static bool take_one(struct request *rq, struct dw_str name, struct dw_str value, bool number, enum api_place place)
{
    const char *names[API_PARAMS_MAX];
    char hint[80];
    uint32_t count = 0;
    for (uint32_t i = 0; i < rq->param_count; i++) {
        if (rq->param[i]->place != place)
            continue;
        names[count++] = rq->param[i]->name;
        if (dw_str_eq(name, dw_str_of(rq->param[i]->name)))
            return is_of_type(rq, rq->param[i], number) && take_value(rq, i, value);
    }
    const char *near = dw_nearest(name, names, count);
    (void)snprintf(hint, sizeof hint, "did you mean '%s'?", near ? near : "");
    api_fail(rq, API_E_malformed, near ? hint : NULL, "no parameter '%.*s' here", DW_ARG(dw_str_slice(name, 0, API_NAME_MAX)));
    return false;
}

bool api_take_params(struct request *rq, const struct api_params *given, enum api_place place)
{
    int route = (int)(rq->route - routes);
    for (size_t i = 0; i < DW_COUNT_OF(params) && rq->param_count < API_PARAMS_MAX && place == API_IN_QUERY; i++)
        if (params[i].route == route)
            rq->param[rq->param_count++] = &params[i];
    for (uint32_t i = 0; i < given->count; i++)
        if (!take_one(rq, given->item[i].name, given->item[i].value, given->item[i].number, place))
            return false;
    int64_t since = api_param_number(rq, "since", INT64_MIN), until = api_param_number(rq, "until", INT64_MAX);
    if (since > until)
        api_fail(rq, API_E_malformed, NULL, "since is after until: nothing can be there");
    return since <= until;
}

static uint32_t find(const struct request *rq, const char *name)
{
    uint32_t i = 0;
    while (i < rq->param_count && strcmp(rq->param[i]->name, name) != 0)
        i++;
    return i;
}

struct dw_str api_param_text(const struct request *rq, const char *name)
{
    uint32_t i = find(rq, name);
    if (i == rq->param_count)
        return DW_STR_NONE;
    return rq->value[i].ptr ? rq->value[i] : rq->param[i]->otherwise[0] ? dw_str_of(rq->param[i]->otherwise) : DW_STR_NONE;
}

int64_t api_param_number(const struct request *rq, const char *name, int64_t otherwise)
{
    uint32_t i = find(rq, name);
    uint64_t number;
    if (i < rq->param_count && rq->value[i].ptr)
        return rq->number[i];
    return i < rq->param_count && dw_str_u64(dw_str_of(rq->param[i]->otherwise), &number) ? (int64_t)number : otherwise;
}
