/* oracle_make: random correlations, as numbers and as YAML, and random small streams. */
#include "oracle.h"
#include "sets.h"

#include <stdio.h>
#include <string.h>

static const char *const types[] = {"event_count", "value_count", "value_sum", "value_avg", "value_percentile", "temporal", "temporal_ordered", "absence"};
static const char *const ops[] = {"gte", "gt", "lte", "lt", "eq", "neq"};
static const char *const fields[] = {"u", "w", "x"};

static int below(struct dw_rng *rng, int n)
{
    return (int)dw_rng_below(rng, (uint64_t)n);
}

static bool has_field(enum o_type t)
{
    return t >= O_VALUE_COUNT && t <= O_VALUE_PERCENTILE;
}

/* Different ones, by chance in another order. */
static void make_members(struct dw_rng *rng, struct o_corr *c)
{
    uint32_t all[O_RULES];
    sets_shuffle(rng, all, O_RULES);
    c->members = c->type == O_TEMPORAL || c->type == O_ORDERED || c->type == O_ABSENCE ? 2 + below(rng, 2) : 1 + below(rng, 2);
    c->shape = c->type == O_TEMPORAL && !c->conds ? (enum o_shape)below(rng, 3) : O_ALL;
    if (c->shape)
        c->members = c->shape == O_AND_NOT ? 2 : 3;
    for (int i = 0; i < c->members; i++)
        c->member[i] = (int)all[i];
}

static void make_conditions(struct dw_rng *rng, struct o_corr *c)
{
    bool asks = c->type <= O_VALUE_PERCENTILE || (c->type == O_TEMPORAL && below(rng, 4) == 0);
    c->conds = asks ? 1 + (below(rng, 4) == 0) : 0;
    for (int i = 0; i < c->conds; i++) {
        c->op[i] = (enum o_op)(below(rng, 2) ? below(rng, 2) : below(rng, O_OPS));
        c->want[i] = below(rng, c->type == O_VALUE_SUM ? 20 : 5) + (c->type == O_TEMPORAL);
    }
    if (c->conds == 2 && c->op[0] == c->op[1])
        c->conds = 1;
    const int most = c->want[0] - (c->op[0] == O_GTE);
    c->calm = c->type <= O_VALUE_COUNT && c->conds == 1 && c->op[0] <= O_GT && most >= 0 && below(rng, 2) ? below(rng, most + 1) : -1;
}

/* A member is an earlier correlation. In what order keys have their deadlines at one time is not in the specification: so what comes by the passing of
 * time goes to the same key, and to no other deadline. */
static void make_outer(struct dw_rng *rng, const struct o_corr *corr, struct o_corr *c, int inner)
{
    if (corr[inner].timed && c->timed)
        return;
    c->member[below(rng, c->members)] = O_RULES + inner;
    if (!corr[inner].timed)
        return;
    c->timed = true;
    c->groups = corr[inner].groups;
    memcpy(c->group, corr[inner].group, sizeof c->group);
}

static void make_corr(struct dw_rng *rng, struct o_corr *corr, int self)
{
    struct o_corr *c = &corr[self];
    *c = (struct o_corr){.type = (enum o_type)below(rng, O_TYPES), .span = 1 + below(rng, 12), .percentile = below(rng, 101)};
    make_conditions(rng, c);
    make_members(rng, c);
    c->groups = below(rng, 3);
    c->group[0] = below(rng, 2);
    c->group[1] = 1 - c->group[0];
    c->timed = c->type == O_ABSENCE;
    if (self > 0 && !has_field(c->type) && below(rng, 2))
        make_outer(rng, corr, c, below(rng, self));
    c->fields = has_field(c->type) ? 1 + (c->type == O_VALUE_COUNT && below(rng, 4) == 0) : 0;
    c->field[0] = 2;
    c->before = c->type == O_ABSENCE && below(rng, 2) ? 1 + below(rng, 8) : 0;
}

static void put_member(struct dw_buf *yaml, const struct o_corr *c, int i)
{
    dw_buf_printf(yaml, c->member[i] < O_RULES ? "r%d" : "c%d", c->member[i] < O_RULES ? c->member[i] : c->member[i] - O_RULES);
}

static void put_condition(struct dw_buf *yaml, const struct o_corr *c)
{
    static const char *const shapes[][4] = {[O_AND_NOT] = {"", " and not ", "", ""}, [O_OR_AND] = {"(", " or ", ") and ", ""}};
    if (c->shape) {
        dw_buf_printf(yaml, "  condition: %s", shapes[c->shape][0]);
        for (int i = 0; i < c->members; i++) {
            put_member(yaml, c, i);
            dw_buf_printf(yaml, "%s", shapes[c->shape][i + 1]);
        }
        dw_buf_printf(yaml, "\n");
    }
    if (!c->conds)
        return;
    dw_buf_printf(yaml, "  condition:\n");
    for (int i = 0; i < c->conds; i++)
        dw_buf_printf(yaml, "    %s: %d\n", ops[c->op[i]], c->want[i]);
    if (c->fields == 1)
        dw_buf_printf(yaml, "    field: %s\n", fields[c->field[0]]);
    else if (c->fields)
        dw_buf_printf(yaml, "    field: [%s, %s]\n", fields[c->field[0]], fields[c->field[1]]);
    if (c->type == O_VALUE_PERCENTILE)
        dw_buf_printf(yaml, "    percentile: %d\n", c->percentile);
}

/* A later one has an id behind those before it, so what an inner one finds at an event comes before what the event is to the outer. */
void o_make_corrs(struct dw_rng *rng, struct o_corr corr[O_CORRS], struct dw_buf *yaml)
{
    for (int i = 0; i < O_RULES; i++)
        dw_buf_printf(yaml, "---\ntitle: r%d\nid: r%d\nlogsource: {product: x}\ndetection: {s: {f: %d}, condition: s}\n", i, i, i);
    for (int i = 0; i < O_CORRS; i++) {
        struct o_corr *c = &corr[i];
        make_corr(rng, corr, i);
        dw_buf_printf(yaml, "---\ntitle: c%d\nid: c%d\ncorrelation:\n  type: %s\n  timespan: %ds\n  rules: [", i, i, types[c->type], (int)c->span);
        for (int m = 0; m < c->members; m++) {
            dw_buf_printf(yaml, "%s", m ? ", " : "");
            put_member(yaml, c, m);
        }
        dw_buf_printf(yaml, "]\n  group-by: [");
        for (int g = 0; g < c->groups; g++)
            dw_buf_printf(yaml, "%s%s", g ? ", " : "", fields[c->group[g]]);
        dw_buf_printf(yaml, "]\n");
        if (c->before)
            dw_buf_printf(yaml, "  before: %ds\n", (int)c->before);
        put_condition(yaml, c);
        if (c->calm >= 0)
            dw_buf_printf(yaml, "  calm: {%s: %d}\n", c->calm % 2 ? "lte" : "lt", c->calm + (c->calm % 2 == 0));
    }
}

void o_make_stream(struct dw_rng *rng, struct o_stream *s)
{
    static const char *const numbers[] = {"1", "2", "3", "4.5", "-1", "2", "0", "many"};
    int64_t length = 5 + below(rng, 60);
    s->count = 1 + below(rng, O_EVENTS);
    for (int i = 0; i < s->count; i++) {
        struct o_event *e = &s->event[i];
        *e = (struct o_event){.time = below(rng, (int)length), .series = below(rng, O_SERIES), .ordinal = below(rng, O_ORDINALS), .start = (uint32_t)i, .late = below(rng, 20) == 0};
        int often = below(rng, 3);
        for (int r = 0; r < O_RULES; r++)
            e->rule[r] = r == often || below(rng, 6) == 0;
        (void)snprintf(e->field[0], O_TEXT, "%s", below(rng, 12) ? below(rng, 3) ? "ann" : "bob" : "");
        (void)snprintf(e->field[1], O_TEXT, "%s", below(rng, 12) ? below(rng, 2) ? "web" : "db" : "");
        (void)snprintf(e->field[2], O_TEXT, "%s", below(rng, 12) ? numbers[below(rng, 8)] : "");
    }
}
