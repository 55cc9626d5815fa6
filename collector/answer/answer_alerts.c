/*
 * answer_alerts: the alerts that are asked for.
 *
 * Invariant: what is left out, because of a silence or because there are newer ones, is counted.
 */
#include "dogwatch/collect/answer.h"

#include "dogwatch/base/error.h"
#include "dogwatch/collect/provisional.h"

/* The silence that an alert falls under; *ret_taken: whether it is asked for. */
static const char *judge(struct dw_answer_alerts *l, const struct dw_alert *a, bool *ret_taken)
{
    *ret_taken = false;
    if (a->time_ns < l->since_ns || a->time_ns > l->until_ns || (l->filter && !dw_alert_filter_takes(l->filter, a)))
        return NULL;
    const char *silence = l->silences ? dw_silences_find(l->silences, a) : NULL;
    *ret_taken = (silence != NULL) == l->silenced;
    l->left_out += silence != NULL && !*ret_taken;
    return silence;
}

static void count(void *arg, const struct dw_alert *a)
{
    struct dw_answer_alerts *l = arg;
    bool taken;
    (void)judge(l, a, &taken);
    l->older += taken;
}

static void take(void *arg, const struct dw_alert *a)
{
    struct dw_answer_alerts *l = arg;
    bool taken;
    const char *silence = judge(l, a, &taken);
    if (taken && l->seen++ >= l->older)
        l->each(l->arg, a, silence);
}

static int pass(struct dw_answer_alerts *l, int64_t after, void (*each)(void *arg, const struct dw_alert *a))
{
    if (!l->provisional)
        return dw_alerts_list(l->view, after, 0, each, l, &l->after);
    int rc = dw_provisional_each(&dw_fs_system, l->provisional, each, l);
    return rc == DW_ENOENT ? DW_OK : rc; /* there was none yet */
}

/* How many there are is known only when all are judged: then two passes. */
int dw_answer_alerts(struct dw_answer_alerts *l)
{
    int64_t after = l->after;
    l->older = l->seen = 0;
    int rc = l->provisional ? DW_OK : dw_silences_load(l->view, &l->silences);
    if (rc == DW_OK && l->newest) {
        rc = pass(l, after, count);
        l->older = l->older > l->newest ? l->older - l->newest : 0;
        l->after = after;
    }
    l->left_out = 0;
    if (rc == DW_OK)
        rc = pass(l, after, take);
    dw_silences_free(l->silences);
    l->silences = NULL;
    return rc;
}
