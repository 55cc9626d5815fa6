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

/* What mapping files say (correlate/sigma/mapping.c). */
struct dw_map_field {
    struct dw_str category, product, service; /* of the rules it is for; "": any */
    struct dw_str name;                       /* Sigma's; "": `ecs` is a prefix for every name */
    const struct dw_str *ecs;
    uint32_t count;
};
struct dw_map_dataset {
    struct dw_str dataset, category, product, service;
};

struct dw_ruleset {
    struct dw_keys *keys;
    struct dw_ruleset_opts opts;
    struct dw_places *places;
    struct dw_arena arena;
    struct dw_pred *pred;
    struct dw_expr_pool expr;
    struct dw_rule *rule;
    uint32_t rule_count, rule_cap, errors, allowed, notes;
    struct dw_logsource *logsource;
    uint32_t logsource_count, logsource_cap;
    struct dw_map_field *map_field;
    uint32_t map_field_count, map_field_cap;
    struct dw_map_dataset *map_dataset;
    uint32_t map_dataset_count, map_dataset_cap;
    uint32_t channel_key[2], event_id_key[3]; /* under which Windows events have these */
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

/* What decides to which logsources an event belongs: its dataset and, of an event of Windows, its channel and id; a view of the event or of `room`. */
enum { DW_ROUTE_MAX = 256 };
struct dw_str dw_route_of(const struct dw_ruleset *rs, const struct dw_event *ev, char room[DW_ROUTE_MAX]);
/* Whether events of that belong to the logsource. Thread: any (pure). */
bool dw_logsource_takes(const struct dw_ruleset *rs, const struct dw_logsource *l, struct dw_str route);
/* Whether the expression over members holds when those in `seen` (a bit each) were seen. Thread: any (pure). */
bool dw_members_hold(const struct dw_correlation *c, uint32_t seen);
/* Room for one more item in an array that doubles; DW_ENOMEM. */
DW_MUST_USE int dw_ruleset_grow(void **array, uint32_t count, uint32_t *cap, size_t item);

#endif
