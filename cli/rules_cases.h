/*
 * The cases beside rules and in them, run by a set of rules.
 */
#ifndef DOGWATCH_CLI_RULES_CASES_H
#define DOGWATCH_CLI_RULES_CASES_H

#include "rules.h"

#include "dogwatch/correlate/cases.h"

struct rules_cases {
    struct rules *rules; /* whose paths and set */
    dw_each_case *each;
    void *ud;
    bool quiet; /* mistakes were told before */
    /* answers */
    const struct dw_diags *file; /* during `each`: whose cases are run */
    uint64_t errors;             /* mistakes in cases */
};
/* All of them, file by file. Mistakes are told; what cannot be read is said. DW_ENOMEM, codes of reading. */
DW_MUST_USE int rules_cases_run(struct rules_cases *c);

#endif
