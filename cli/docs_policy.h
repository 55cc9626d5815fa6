/*
 * The page of gateway policies.
 */
#ifndef DOGWATCH_CLI_DOCS_POLICY_H
#define DOGWATCH_CLI_DOCS_POLICY_H

#include "dogwatch/base/buf.h"

/* docs/reference/policies.md */
void docs_policy_page(struct dw_buf *b);

#endif
