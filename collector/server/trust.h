/*
 * What people say of agents. Thread: the collector's loop.
 */
#ifndef DOGWATCH_SERVER_TRUST_H
#define DOGWATCH_SERVER_TRUST_H

#include "dogwatch/collect/intake.h"

/* Makes decisions of the approvals that lie in DATA/state/approve, and removes them. Where they cannot be listed or removed that is said,
 * *closed is set, and nothing is taken any more. Codes of dw_intake_approve. */
DW_MUST_USE int trust_take_approvals(const char *data, struct dw_intake_engine *e, bool *closed);

#endif
