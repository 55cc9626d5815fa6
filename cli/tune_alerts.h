/*
 * The events of a rule's alerts, by what people said of them.
 */
#ifndef DOGWATCH_CLI_TUNE_ALERTS_H
#define DOGWATCH_CLI_TUNE_ALERTS_H

#include "rules.h"

/* Calls `each` for every event of the rule's alerts in DATA whose disposition is false_positive (`wrong`) or true_positive; o->reading says where DATA is. What
 * cannot be read is said. Exit codes: CLI_NO where there is no such alert. */
int tune_alerts(const struct rules *r, struct dw_str rule, void (*each)(void *arg, const struct dw_event *ev, bool wrong), void *arg);

#endif
