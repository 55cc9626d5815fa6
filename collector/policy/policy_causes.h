/*
 * Alerts that name an address (policy_causes.c).
 */
#ifndef DOGWATCH_COLLECTOR_POLICY_CAUSES_H
#define DOGWATCH_COLLECTOR_POLICY_CAUSES_H

#include "policy_int.h"

struct policy_cause {
    const char *id, *rule, *title, *level;
    int64_t time_ns, total;
    struct dw_cidr source; /* as the alert has it */
    struct dw_cidr net;    /* whom its events prove; else the source */
    enum dw_provenance from;
    const char *why;       /* of CLAIM and UNKNOWN; else NULL */
    uint32_t refs, ref_count;
};
struct policy_causes {
    struct policy_cause *cause; /* oldest first */
    uint32_t count;
    const char *partial; /* why it may be not all; NULL: it is */
    struct dw_arena arena;
};
/* Reads them; policy_causes_fini in any case. Codes of dw_policy_list. */
DW_MUST_USE int policy_causes_read(const struct dw_policy_ask *how, struct policy_causes *ret);
void policy_causes_fini(struct policy_causes *c);

#endif
