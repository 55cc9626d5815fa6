/*
 * alert_groups: alerts of one rule for one key as one row.
 */
#include "dogwatch/base/keyed.h"

#include "dogwatch/base/error.h"
#include "dogwatch/base/mem.h"
#include "dogwatch/collect/triage.h"

#include <stdio.h>
#include <stdlib.h>

struct group {
    struct dw_keyed_item item; /* its key: rule, key */
    struct dw_alert_group told;
    char *text; /* rule, title, level and key of the newest alert */
};

struct dw_alert_groups {
    struct dw_keyed groups;
};

struct dw_alert_groups *dw_alert_groups_new(void)
{
    return dw_calloc(1, sizeof(struct dw_alert_groups));
}

void dw_alert_groups_free(struct dw_alert_groups *g)
{
    if (!g)
        return;
    for (struct dw_keyed_item *i = g->groups.first; i; i = i->next)
        dw_free(((struct group *)i)->text);
    dw_keyed_fini(&g->groups);
    dw_free(g);
}

/* Rule and key stay; title and level are those of the newest alert. */
static int name(struct group *one, const struct dw_alert *a)
{
    (void)snprintf(one->told.newest, sizeof one->told.newest, "%s", a->id);
    if (one->text && strcmp(one->told.title, a->title) == 0 && strcmp(one->told.level, a->level) == 0)
        return DW_OK;
    const struct dw_str text[] = {dw_str_of(a->rule), dw_str_of(a->title), dw_str_of(a->level), a->key};
    const char *at[DW_COUNT_OF(text)];
    char *block = dw_keyed_texts(text, DW_COUNT_OF(text), at);
    if (!block)
        return DW_ENOMEM;
    dw_free(one->text);
    one->text = block;
    one->told.rule = at[0];
    one->told.title = at[1];
    one->told.level = at[2];
    one->told.key = dw_str_make(at[3], a->key.len);
    return DW_OK;
}

int dw_alert_groups_add(struct dw_alert_groups *g, const struct dw_alert *a)
{
    struct dw_buf key = {0};
    dw_keyed_part(&key, dw_str_of(a->rule));
    dw_keyed_part(&key, a->key);
    struct group *one = key.err ? NULL : dw_keyed_get(&g->groups, dw_buf_view(&key), sizeof *one);
    dw_buf_fini(&key);
    if (!one)
        return DW_ENOMEM;
    if (one->told.alerts++ == 0)
        one->told.first_ns = a->time_ns;
    one->told.last_ns = a->time_ns;
    one->told.open += dw_alert_is_open(a);
    one->told.events += (uint64_t)a->total;
    return name(one, a);
}

static int worse_first(const void *a, const void *b)
{
    const struct dw_alert_group *x = *(const struct dw_alert_group *const *)a, *y = *(const struct dw_alert_group *const *)b;
    int by_level = dw_alert_severity(y->level) - dw_alert_severity(x->level);
    if (by_level || x->last_ns != y->last_ns)
        return by_level ? by_level : x->last_ns < y->last_ns ? 1 : -1;
    return strcmp(x->newest, y->newest);
}

int dw_alert_groups_each(struct dw_alert_groups *g, void (*each)(void *arg, const struct dw_alert_group *group), void *arg)
{
    uint32_t n = 0;
    const struct dw_alert_group **list = dw_alloc((g->groups.count + 1) * sizeof *list);
    if (!list)
        return DW_ENOMEM;
    for (struct dw_keyed_item *i = g->groups.first; i; i = i->next)
        list[n++] = &((struct group *)i)->told;
    qsort(list, n, sizeof *list, worse_first);
    for (uint32_t i = 0; i < n; i++)
        each(arg, list[i]);
    dw_free(list);
    return DW_OK;
}
