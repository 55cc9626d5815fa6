/*
 * The page of detectors.
 */
#ifndef DOGWATCH_CLI_DOCS_DETECTORS_H
#define DOGWATCH_CLI_DOCS_DETECTORS_H

#include "dogwatch/base/buf.h"

/* docs/reference/detectors.md */
void docs_detectors_page(struct dw_buf *b);

#endif
