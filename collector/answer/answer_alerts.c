/*
 * answer_alerts: the alerts that are asked for.
 *
 * Invariant: what a silence leaves out is counted.
 */
#include "dogwatch/collect/answer.h"

#include "dogwatch/base/error.h"

static void take(void *arg, const struct dw_alert *a)
{
    struct dw_answer_alerts *l = arg;
    if (a->time_ns < l->since_ns || a->time_ns > l->until_ns || (l->filter && !dw_alert_filter_takes(l->filter, a)))
        return;
    const char *silence = dw_silences_find(l->silences, a);
    if ((silence != NULL) == l->silenced)
        l->each(l->arg, a, silence);
    else
        l->left_out += silence != NULL;
}

int dw_answer_alerts(struct dw_answer_alerts *l)
{
    l->left_out = 0;
    int rc = dw_silences_load(l->view, &l->silences);
    if (rc == DW_OK)
        rc = dw_alerts_list(l->view, l->after, 0, take, l, &l->after);
    dw_silences_free(l->silences);
    l->silences = NULL;
    return rc;
}
