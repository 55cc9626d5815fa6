/*
 * The pages made of tbl/routes.h: docs/reference/api.md and openapi.json.
 */
#ifndef DOGWATCH_CLI_DOCS_API_H
#define DOGWATCH_CLI_DOCS_API_H

#include "dogwatch/base/buf.h"

/* Markdown. */
void docs_api_page(struct dw_buf *b);
/* OpenAPI 3.1. */
void docs_api_openapi(struct dw_buf *b);

#endif
