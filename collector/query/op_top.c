/*
 * op_top: `top N field, ...` and `rare N field, ...`: a stats that counts, in the order asked for, and a head.
 */
#include "aggregate.h"

static int parse(struct query_parser *p, enum stats_order order, const char *what, struct op **ret)
{
    struct stats_plan plan = {.order = order, .agg_count = 1, .agg = {{.kind = AGGREGATE_COUNT, .field = UINT32_MAX}}};
    uint64_t count;
    size_t at = (query_skip_blanks(p), p->at);
    int rc = query_count(p, 1, UINT32_MAX, what, &count);
    if (rc == DW_OK)
        rc = query_names(p, plan.by, QUERY_BY_MAX, &plan.by_count);
    if (rc == DW_OK)
        rc = dw_keys_intern(p->q->cx.keys, DW_STR("count"), &plan.agg[0].key);
    if (rc == DW_OK)
        rc = stats_shape(p, at, &plan);
    if (rc < 0)
        return rc;
    struct op *stats = stats_new(&plan), *head = query_head_new(count);
    if (!stats || !head) {
        if (stats)
            stats->ops->free(stats);
        if (head)
            head->ops->free(head);
        return DW_ENOMEM;
    }
    stats->next = head;
    *ret = stats;
    return DW_OK;
}

int query_pipe_top(struct query_parser *p, struct op **ret)
{
    return parse(p, STATS_MOST_FIRST, "top needs a number from 1: top 10 source.ip", ret);
}

int query_pipe_rare(struct query_parser *p, struct op **ret)
{
    return parse(p, STATS_LEAST_FIRST, "rare needs a number from 1: rare 10 process.name", ret);
}
