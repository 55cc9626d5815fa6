/*
 * The inside of a rule set, for the folders of correlate only.
 */
#ifndef DOGWATCH_CORRELATE_RULESET_PARTS_H
#define DOGWATCH_CORRELATE_RULESET_PARTS_H

#include "dogwatch/correlate/ruleset.h"

struct dw_logsource {
    struct dw_str category, product, service;
};
/* A file that holds correlations or filters: read again when all rules are known. */
struct dw_deferred {
    struct dw_str path, text;
};

struct dw_ruleset {
    struct dw_keys *keys;
    struct dw_ruleset_opts opts;
    struct dw_arena arena;
    struct dw_pred *pred;
    struct dw_expr_pool expr;
    struct dw_rule *rule;
    uint32_t rule_count, rule_cap, errors;
    struct dw_logsource *logsource;
    uint32_t logsource_count, logsource_cap;
    struct dw_deferred *deferred;
    uint32_t deferred_count, deferred_cap;
    bool finished;
    /* made by finish */
    uint32_t *trigger_first; /* by leaf, leaf count + 1: rules that a fired leaf speaks for */
    uint32_t *trigger;       /* rule * DW_WITNESS_GROUPS + group of its witness that the leaf is in */
    uint8_t *groups;         /* by rule: bits of its groups; it is called for when each has fired */
    uint32_t *always; /* rules without a witness */
    uint32_t always_count;
};

/* Whether an event of `dataset` belongs to the logsource. Thread: any (pure). */
bool dw_logsource_takes(const struct dw_logsource *l, struct dw_str dataset);
/* Room for one more item in an array that doubles; DW_ENOMEM. */
DW_MUST_USE int dw_ruleset_grow(void **array, uint32_t count, uint32_t *cap, size_t item);

#endif
