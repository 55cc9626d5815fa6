/*
 * What `rules explain` tells of correlations and detectors.
 */
#ifndef DOGWATCH_CLI_RULES_STEPS_H
#define DOGWATCH_CLI_RULES_STEPS_H

#include "dogwatch/base/keyed.h"
#include "dogwatch/correlate/window.h"

/* The owner sets `set` and `rule`; the rest is zeroed. Thread: main. */
struct rules_steps {
    const struct dw_ruleset *set;
    uint32_t rule; /* the one that is asked for; the count of rules: all */
    struct dw_keyed came;
    uint32_t alerts, left_out;
    int rc;
};

/* Prints one line of a step; the dw_each_step of a window, with the struct rules_steps. */
void rules_step(void *steps, const struct dw_step *step);
/* Prints the keys that came near an alert and had none. DW_ENOMEM. */
DW_MUST_USE int rules_steps_end(struct rules_steps *s);
void rules_steps_fini(struct rules_steps *s);

#endif
