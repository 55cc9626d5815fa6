/*
 * The rules that a collector matches by. Thread: any.
 */
#ifndef DOGWATCH_SERVER_RULES_LOAD_H
#define DOGWATCH_SERVER_RULES_LOAD_H

#include "dogwatch/conf/options.h"
#include "dogwatch/correlate/ruleset.h"

#define RULES_USUAL "/usr/share/dogwatch/rules"

/* Gives what says where addresses are, by the options; *ret NULL: nothing does. What cannot be read is said. DW_ECONFIG, DW_ENOMEM. */
DW_MUST_USE int rules_places(const struct dw_collector_options *opt, struct dw_places **ret);
/* Loads what the options name, else the usual folders that exist. Takes `places`, keeps `keys`. What is wrong in a rule goes to the sink; what cannot be read is
 * said. `pack` becomes the files that were read (rulepack.h); may be NULL. DW_ECONFIG; codes of dw_ruleset_load. */
DW_MUST_USE int rules_load(const struct dw_collector_options *opt, struct dw_places *places, struct dw_keys *keys, struct dw_diag_sink sink, struct dw_buf *pack,
    struct dw_ruleset **ret);
/* Says which rules sleep for want of places. */
void rules_say_asleep(const struct dw_ruleset *set);

/* Rules in use, with what they counted. Others may come in their place while an answer is made of them, so each user holds them. */
struct rules_used {
    struct dw_ruleset *set;
    struct dw_tally *tally;
    _Atomic uint32_t holders;
};
/* Takes `set`; held once. NULL without memory: then the set is freed. */
struct rules_used *rules_use(struct dw_ruleset *set);
struct rules_used *rules_hold(struct rules_used *r);
/* Frees them with the last holder; NULL: nothing. */
void rules_let_go(struct rules_used *r);

#endif
