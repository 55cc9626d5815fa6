/*
 * alert_silences: which silence an alert falls under, with every silence's filter compiled once.
 */
#include "dogwatch/collect/alerts.h"

#include "dogwatch/base/error.h"
#include "dogwatch/base/log.h"
#include "dogwatch/base/mem.h"

#include <stdio.h>

struct one {
    char id[DW_CHANGE_ID_TEXT];
    int64_t from_ns, until_ns;
    struct dw_alert_filter *filter;
};

struct dw_silences {
    struct one *one; /* oldest first */
    uint32_t count;
    int rc; /* first failure while they were loaded */
};

static void load_one(void *arg, const struct dw_silence *s)
{
    struct dw_silences *all = arg;
    struct dw_diags diags;
    struct one *more = all->rc == DW_OK ? dw_resize(all->one, (all->count + 1) * sizeof *more) : NULL;
    if (!more) {
        all->rc = DW_ENOMEM;
        return;
    }
    all->one = more;
    struct one *o = &more[all->count];
    *o = (struct one){.from_ns = s->from_ns, .until_ns = s->until_ns};
    (void)snprintf(o->id, sizeof o->id, "%s", s->id);
    dw_diags_init(&diags, DW_STR("filter"), s->filter);
    int rc = dw_alert_filter_new(s->filter, &diags, &o->filter);
    if (rc == DW_ESYNTAX)
        dw_warn("silence %s: this version does not understand its filter: nothing is silenced by it", s->id);
    else
        all->rc = rc;
    all->count += o->filter != NULL;
}

int dw_silences_load(struct dw_alerts *a, struct dw_silences **ret)
{
    struct dw_silences *all = dw_calloc(1, sizeof *all);
    if (!all)
        return DW_ENOMEM;
    int rc = dw_alerts_silences(a, load_one, all);
    rc = rc == DW_OK ? all->rc : rc;
    if (rc < 0) {
        dw_silences_free(all);
        return rc;
    }
    *ret = all;
    return DW_OK;
}

void dw_silences_free(struct dw_silences *all)
{
    for (uint32_t i = 0; all && i < all->count; i++)
        dw_alert_filter_free(all->one[i].filter);
    if (all)
        dw_free(all->one);
    dw_free(all);
}

const char *dw_silences_find(struct dw_silences *all, const struct dw_alert *a)
{
    for (uint32_t i = 0; i < all->count; i++) {
        const struct one *o = &all->one[i];
        if (a->time_ns >= o->from_ns && a->time_ns < o->until_ns && dw_alert_filter_takes(o->filter, a))
            return o->id;
    }
    return NULL;
}
