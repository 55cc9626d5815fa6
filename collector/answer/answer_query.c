/*
 * answer_query: a query's pass over an archive, which reads no more of it than the query needs.
 *
 * Invariant: what is passed over is counted as read, since nothing of it could have matched.
 */
#include "dogwatch/collect/answer.h"

/* Frames that lie in the time asked for with a part only are read, so that the others can be counted by their HEAD. */
static bool wants(void *arg, const struct dw_head *head, struct dw_str text)
{
    const struct dw_answer_query *a = arg;
    bool whole = head->time_min_ns >= a->since_ns && head->time_max_ns <= a->until_ns;
    return !whole || dw_query_wants(a->q, text);
}

void dw_answer_begin(struct dw_answer_query *a, struct dw_archive_reader *reader)
{
    dw_archive_reader_range(reader, a->since_ns, a->until_ns);
    dw_archive_reader_want(reader, wants, a);
}

static void count_passed(struct dw_answer_query *a, const struct dw_archived *got)
{
    a->events += got->frame.head.event_count;
    for (uint32_t i = 0; got->mark && i < got->frame.head.event_count; i++)
        a->events -= got->mark[i] == DW_MARK_DUPLICATE;
}

static void take(struct dw_answer_query *a, const struct dw_event *ev, uint8_t mark)
{
    if (ev->time_ns < a->since_ns || ev->time_ns > a->until_ns || mark == DW_MARK_DUPLICATE)
        return;
    a->events++;
    a->matched += dw_query_take(a->q, ev, mark);
}

void dw_answer_take(struct dw_answer_query *a, struct dw_archive_reader *reader, const struct dw_archived *got)
{
    uint32_t count;
    if (got->passed)
        count_passed(a, got);
    const uint32_t *need = dw_query_needs(a->q, &count);
    if (need)
        dw_archive_reader_only(reader, need, count);
    for (uint32_t i = 0; i < got->frame.event_count && !a->enough(a->arg); i++)
        take(a, &got->frame.event[i], got->mark ? got->mark[i] : DW_MARK_NONE);
}
