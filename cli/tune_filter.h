/*
 * The filter that `dogwatch rules tune` proposes, as text.
 */
#ifndef DOGWATCH_CLI_TUNE_FILTER_H
#define DOGWATCH_CLI_TUNE_FILTER_H

#include "tune.h"

#include "dogwatch/correlate/ruleset.h"

/* Appends the commented YAML. `cases`: true positives that are cases of the rule. */
void tune_filter_write(const struct tune_pick *p, const struct dw_rule *rule, uint32_t cases, struct dw_buf *out);

#endif
