/*
 * rules_steps: what correlations and detectors make of the events, step by step, and who nearly came to an alert.
 *
 * Idea: a window tells of every match of a member (struct dw_step); each is a line. Of every key the highest value is kept, so that at the end those
 * that never came to their alert are named with how far they came, the nearest first.
 *
 * Bounds: NEAR_TOLD keys a correlation are named; the others are counted.
 */
#include "rules_steps.h"

#include "cli_int.h"

#include "dogwatch/base/error.h"
#include "dogwatch/base/mem.h"
#include "dogwatch/event/timestamp.h"

#include <stdio.h>
#include <stdlib.h>

enum { NEAR_TOLD = 10 };

/* A key of one correlation, and how far it came. */
struct came {
    struct dw_keyed_item item; /* the rule's number and the values, each as a part */
    uint32_t rule;
    double most;
    int64_t at_ns;
    uint32_t events;
    bool alerted;
};

static bool is_asked(const struct rules_steps *s, uint32_t rule)
{
    return s->rule == dw_ruleset_count(s->set) || s->rule == rule;
}

static void put_time(int64_t ns)
{
    char text[DW_TIME_TEXT];
    dw_time_format(ns, text);
    printf("%s", text);
}

static void put_title(const struct dw_rule *rule)
{
    cli_put_safe(rule->title.len ? rule->title : rule->id);
}

static void put_values(const struct dw_correlation *c, struct dw_cursor values)
{
    for (uint32_t i = 0; i < c->group_count && dw_cursor_left(&values); i++) {
        printf("%s%.*s=", i ? ", " : " for ", DW_ARG(c->group_name[i]));
        cli_put_safe(dw_take_bytes(&values, dw_take_u32(&values)));
    }
}

/* What a match did: a number that is compared, or only that it was taken. */
static void put_outcome(const struct dw_correlation *c, const struct dw_step *step)
{
    bool expected = c->type == DW_CORR_ABSENCE && step->member + 1 == c->member_count;
    if (c->type == DW_CORR_ABSENCE)
        printf(expected ? ": it came" : ": now one is expected");
    else if (dw_is_detector(c->type))
        printf(step->holds ? ": unusual" : ": as usual, or still learning");
    else
        printf(c->type == DW_CORR_TEMPORAL || c->type == DW_CORR_TEMPORAL_ORDERED ? ": %.15g of %u rules" : ": %.15g", step->value, c->member_count);
    printf(step->opens ? ", an alert\n" : step->holds ? ", the alert goes on\n" : "\n");
}

static void put_calm(const struct dw_rule *rule, const struct dw_step *step)
{
    put_time(step->time_ns);
    printf(" ");
    put_title(rule);
    for (uint32_t i = 0; i < step->key_count && i < rule->corr->group_count; i++) {
        printf("%s%.*s=", i ? ", " : " for ", DW_ARG(rule->corr->group_name[i]));
        cli_put_safe(step->key_value[i]);
    }
    printf(" is calm: %.15g, at most %u; the alert ends\n", step->value, rule->corr->calm_most);
}

static void note(struct rules_steps *s, const struct dw_step *step, struct dw_buf *key)
{
    struct came *k = dw_keyed_get(&s->came, dw_buf_view(key), sizeof *k);
    s->rc = k ? s->rc : DW_ENOMEM;
    if (!k)
        return;
    k->rule = step->rule;
    k->alerted |= step->opens;
    if (!k->events++ || step->value > k->most) {
        k->most = step->value;
        k->at_ns = step->time_ns;
    }
}

void rules_step(void *steps, const struct dw_step *step)
{
    struct rules_steps *s = steps;
    const struct dw_rule *rule = dw_ruleset_rule(s->set, step->rule);
    struct dw_buf key = {0};
    if (!is_asked(s, step->rule))
        return;
    if (step->calms) {
        put_calm(rule, step);
        return;
    }
    put_time(step->time_ns);
    printf(" event %llu, '", (unsigned long long)step->ref.start);
    put_title(dw_ruleset_rule(s->set, rule->corr->member[step->member]));
    printf("', to ");
    put_title(rule);
    if (step->left_out) {
        printf(": takes no part, %s\n", dw_left_out_text(step->left_out));
        s->left_out++;
        return;
    }
    dw_buf_u32(&key, step->rule);
    for (uint32_t i = 0; i < step->key_count; i++)
        dw_keyed_part(&key, step->key_value[i]);
    put_values(rule->corr, dw_cursor_of(dw_str_slice(dw_buf_view(&key), sizeof(uint32_t), key.len)));
    put_outcome(rule->corr, step);
    s->alerts += step->opens;
    note(s, step, &key);
    dw_buf_fini(&key);
}

/* Of one rule the nearest first; of equal ones the earliest. */
static int by_nearness(const void *a, const void *b)
{
    const struct came *x = *(struct came *const *)a, *y = *(struct came *const *)b;
    if (x->rule != y->rule)
        return x->rule < y->rule ? -1 : 1;
    if (x->most < y->most || x->most > y->most)
        return x->most > y->most ? -1 : 1;
    return (x->at_ns > y->at_ns) - (x->at_ns < y->at_ns);
}

/* Only of what counts upwards it can be said who was near. */
static bool counts_up(const struct dw_correlation *c)
{
    bool together = c->type == DW_CORR_TEMPORAL || c->type == DW_CORR_TEMPORAL_ORDERED;
    return c->type != DW_CORR_ABSENCE && !dw_is_detector(c->type) && (c->cond_count ? c->op[0] <= DW_CORR_GT : together && c->code_count == 0);
}

static void put_near(const struct rules_steps *s, struct came *const *sorted, uint32_t count)
{
    uint32_t told = 0, left = 0, rule = UINT32_MAX;
    for (uint32_t i = 0; i < count; i++) {
        const struct came *k = sorted[i];
        const struct dw_correlation *c = dw_ruleset_rule(s->set, k->rule)->corr;
        if (k->alerted || !counts_up(c))
            continue;
        told = k->rule == rule ? told : 0;
        rule = k->rule;
        left += told == NEAR_TOLD;
        if (told == NEAR_TOLD)
            continue;
        told++;
        printf("near: ");
        put_title(dw_ruleset_rule(s->set, k->rule));
        put_values(c, dw_cursor_of(dw_str_slice(k->item.key, sizeof(uint32_t), k->item.key.len)));
        printf(" came to %.15g of %.15g at ", k->most, c->cond_count ? c->want[0] + (c->op[0] == DW_CORR_GT) : c->member_count);
        put_time(k->at_ns);
        printf(", with %u matches\n", k->events);
    }
    if (left)
        printf("near: %u more keys\n", left);
}

int rules_steps_end(struct rules_steps *s)
{
    const size_t each = sizeof(struct came *); /* NOLINT(bugprone-sizeof-expression): pointers are what is sorted */
    struct came **sorted = dw_calloc(s->came.count + 1, each);
    uint32_t n = 0;
    if (!sorted)
        return DW_ENOMEM;
    for (struct dw_keyed_item *i = s->came.first; i; i = i->next)
        sorted[n++] = (struct came *)i;
    qsort(sorted, n, each, by_nearness);
    put_near(s, sorted, n);
    if (s->left_out)
        printf("matches that took no part: %u\n", s->left_out);
    dw_free(sorted);
    return s->rc;
}

void rules_steps_fini(struct rules_steps *s)
{
    dw_keyed_fini(&s->came);
}
