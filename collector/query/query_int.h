/*
 * The inside of a query, shared by query_parse.c (text to expression) and query.c (running it).
 */
#ifndef DOGWATCH_COLLECTOR_QUERY_INT_H
#define DOGWATCH_COLLECTOR_QUERY_INT_H

#include "dogwatch/collect/query.h"
#include "dogwatch/pred/expr.h"

enum { QUERY_OWN_MAX = 32, QUERY_BY_MAX = 8, QUERY_GROUPS_MAX = 1000000 };

struct query_group {
    uint64_t hash, count;
    struct dw_str by[QUERY_BY_MAX];
};

struct dw_query {
    struct dw_keys *keys;
    struct dw_pred *pred;
    struct dw_pred_scratch *scratch;
    struct dw_expr_pool expr;
    uint32_t root; /* DW_EXPR_NONE: everything */
    bool wants_id, stats;
    bool failed; /* an event could not be judged */
    /* Names that the query uses and that are none of tbl/fields.h: whether an event had them. */
    uint32_t own[QUERY_OWN_MAX], own_count, own_unseen;
    bool own_seen[QUERY_OWN_MAX];
    uint64_t head;
    uint32_t by[QUERY_BY_MAX], by_count;
    struct dw_str by_name[QUERY_BY_MAX];
    struct dw_arena arena;
    struct query_group *group;
    uint32_t group_count, group_cap, *slot, slot_count;
    struct dw_field *augmented; /* an event's fields and its id, when the query asks for event.id */
};

/* Parses into a query whose pred and expr are empty. */
DW_MUST_USE int query_parse(struct dw_query *q, struct dw_str text, struct dw_diags *diags);

/* Notes a name for dw_query_unseen. */
void query_own_name(struct dw_query *q, uint32_t key);

#endif
