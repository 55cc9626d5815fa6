/*
 * stats_parse: AGGREGATE [as NAME], ... [by FIELD, ...], as `stats` and `timechart` read it.
 */
#include "aggregate.h"

#include <stdio.h>

static const struct {
    const char *word, *doc;
    enum aggregate_kind kind;
    int argument;
} aggregates[] = {
#define AGGREGATE(word, kind, argument, doc) {#word, doc, AGGREGATE_##kind, argument},
#include "dogwatch/tbl/query_aggregates.h"
#undef AGGREGATE
};

bool dw_query_aggregate(size_t i, struct dw_query_word *ret)
{
    if (i >= DW_COUNT_OF(aggregates))
        return false;
    *ret = (struct dw_query_word){.word = aggregates[i].word, .doc = aggregates[i].doc};
    return true;
}

static int no_such_aggregate(struct query_parser *p, size_t at, struct dw_str name)
{
    const char *names[DW_COUNT_OF(aggregates)];
    char help[160] = "";
    for (size_t i = 0, n = 0; i < DW_COUNT_OF(aggregates); i++, n = strlen(help)) {
        names[i] = aggregates[i].word;
        (void)snprintf(help + n, sizeof help - n, "%s%s", i ? ", " : "aggregates: ", names[i]);
    }
    const char *near = dw_nearest(name, names, DW_COUNT_OF(aggregates));
    if (near)
        (void)snprintf(help, sizeof help, "did you mean '%s'?", near);
    if (name.len == 0)
        return query_refuse(p, at, 1, help, "an aggregate is missing here");
    return query_refuse(p, at, name.len, help, "no such aggregate");
}

/* (field), or () for none. */
static int parse_argument(struct query_parser *p, struct aggregate *a)
{
    if (!query_byte(p, '('))
        return DW_OK;
    size_t open = p->at - 1;
    int rc = query_peek(p) == ')' ? DW_OK : query_name(p, ",", &a->field);
    if (rc == DW_OK && !query_byte(p, ')'))
        return query_refuse(p, open, 1, NULL, "this parenthesis is never closed");
    return rc;
}

/* The name of the column: `as NAME`, or the aggregate as it is written. */
static int parse_as(struct query_parser *p, const char *word, struct aggregate *a)
{
    char name[DW_KEY_NAME_MAX + 32];
    if (query_keyword(p, "as"))
        return query_new_name(p, ",", &a->key);
    int n = snprintf(name, sizeof name, "%s", word);
    if (a->field != UINT32_MAX)
        n = snprintf(name, sizeof name, "%s(%.*s)", word, DW_ARG(dw_keys_name(p->q->cx.keys, a->field)));
    int rc = dw_keys_intern(p->q->cx.keys, dw_str_make(name, (size_t)n), &a->key);
    return rc == DW_ELIMIT ? query_refuse(p, p->at, 1, "give it a name with as", "the column's name is too long") : rc;
}

static int parse_aggregate(struct query_parser *p, struct aggregate *a)
{
    size_t at = (query_skip_blanks(p), p->at);
    struct dw_str name = query_word(p, ",");
    for (size_t i = 0; i < DW_COUNT_OF(aggregates); i++) {
        if (!dw_str_eq(name, dw_str_of(aggregates[i].word)))
            continue;
        *a = (struct aggregate){.kind = aggregates[i].kind, .argument = aggregates[i].argument, .field = UINT32_MAX};
        int rc = parse_argument(p, a);
        if (rc == DW_OK && a->field == UINT32_MAX && a->kind != AGGREGATE_COUNT)
            return query_refuse(p, at, p->at - at, "write sum(http.response.bytes)", "this aggregate needs a field");
        return rc < 0 ? rc : parse_as(p, aggregates[i].word, a);
    }
    return no_such_aggregate(p, at, name);
}

int stats_parse(struct query_parser *p, struct stats_plan *plan)
{
    do {
        if (plan->agg_count == AGGREGATES_MAX)
            return query_refuse(p, p->at, 1, NULL, "too many aggregates");
        int rc = parse_aggregate(p, &plan->agg[plan->agg_count]);
        if (rc < 0)
            return rc;
        plan->agg_count++;
    } while (query_byte(p, ','));
    return query_keyword(p, "by") ? query_names(p, plan->by, QUERY_BY_MAX, &plan->by_count) : DW_OK;
}

static int add_column(struct query_parser *p, size_t at, uint32_t key, bool number)
{
    if (query_shape_has(&p->shape, key))
        return query_refuse(p, at, 1, "give one of them a name with as", "two columns have the same name");
    return query_shape_add(p, at, key, number);
}

int stats_shape(struct query_parser *p, size_t at, const struct stats_plan *plan)
{
    query_shape_table(p);
    int rc = plan->span_ns ? query_shape_add(p, at, DW_F_timestamp, false) : DW_OK;
    for (uint32_t i = 0; i < plan->by_count && rc == DW_OK; i++)
        rc = add_column(p, at, plan->by[i], false);
    for (uint32_t i = 0; i < plan->agg_count && rc == DW_OK; i++)
        rc = add_column(p, at, plan->agg[i].key, agg_is_number(&plan->agg[i]));
    return rc;
}
