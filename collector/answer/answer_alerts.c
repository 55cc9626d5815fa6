/*
 * answer_alerts: the alerts that are asked for.
 *
 * Invariant: what is left out, because of a silence or because there are newer ones, is counted.
 */
#include "dogwatch/collect/answer.h"

#include "dogwatch/base/error.h"
#include "dogwatch/collect/provisional.h"

static bool is_asked_for(const struct dw_answer_alerts *l, const struct dw_alert *a)
{
    return a->time_ns >= l->since_ns && a->time_ns <= l->until_ns && (!l->filter || dw_alert_filter_takes(l->filter, a));
}

/* The silence that an alert falls under; *ret_taken: whether it is asked for. */
static const char *judge(struct dw_answer_alerts *l, const struct dw_alert *a, bool *ret_taken)
{
    *ret_taken = false;
    if (!is_asked_for(l, a))
        return NULL;
    const char *silence = dw_silences_find(l->silences, a);
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

static int count_provisional(void *arg, const struct dw_alert *a, struct dw_str line)
{
    struct dw_answer_alerts *l = arg;
    (void)line;
    l->older += is_asked_for(l, a);
    return DW_OK;
}

static int take_provisional(void *arg, const struct dw_alert *a, struct dw_str line)
{
    struct dw_answer_alerts *l = arg;
    (void)line;
    if (is_asked_for(l, a) && l->seen++ >= l->older)
        l->each(l->arg, a, NULL);
    return DW_OK;
}

static int answer_provisional(struct dw_answer_alerts *l)
{
    l->left_out = l->older = l->seen = 0;
    int rc = l->newest ? dw_provisional_each(&dw_fs_system, l->provisional, count_provisional, l) : DW_OK;
    l->older = l->older > l->newest && l->newest ? l->older - l->newest : 0;
    if (rc == DW_OK)
        rc = dw_provisional_each(&dw_fs_system, l->provisional, take_provisional, l);
    return rc == DW_ENOENT ? DW_OK : rc; /* there was none yet */
}

/* How many there are is known only when all are judged: then two passes. */
int dw_answer_alerts(struct dw_answer_alerts *l)
{
    int64_t after = l->after;
    if (l->provisional)
        return answer_provisional(l);
    l->older = l->seen = 0;
    int rc = dw_silences_load(l->view, &l->silences);
    if (rc == DW_OK && l->newest) {
        rc = dw_alerts_list(l->view, after, 0, count, l, &l->after);
        l->older = l->older > l->newest ? l->older - l->newest : 0;
        l->after = after;
    }
    l->left_out = 0;
    if (rc == DW_OK)
        rc = dw_alerts_list(l->view, after, 0, take, l, &l->after);
    dw_silences_free(l->silences);
    l->silences = NULL;
    return rc;
}
