/*
 * The page of outputs.
 */
#ifndef DOGWATCH_CLI_DOCS_OUTPUTS_H
#define DOGWATCH_CLI_DOCS_OUTPUTS_H

#include "dogwatch/base/buf.h"

/* docs/reference/outputs.md */
void docs_outputs_page(struct dw_buf *b);

#endif
