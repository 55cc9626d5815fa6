/*
 * Log formats that users wrote for their servers: nginx log_format, Apache LogFormat, HAProxy log-format.
 *
 * A format is compiled once and then read-only; parsing with it keeps no state. Thread: any, once compiled.
 */
#ifndef DOGWATCH_PARSERS_USERFORMAT_H
#define DOGWATCH_PARSERS_USERFORMAT_H

#include "dogwatch/base/diag.h"
#include "dogwatch/parsers/parser.h"

/* Compiles `text`, the string as it stands in the server's configuration, for the parser it replaces: nginx_access,
 * nginx_ingress, apache_access or haproxy_log. Mistakes go to `diags` with their place. *ret is owned by the caller.
 * DW_EUNKNOWN: that parser takes no format; DW_ECONFIG: mistakes in it; DW_ENOMEM. */
DW_MUST_USE int dw_user_format_compile(
    const struct dw_parser *parser, struct dw_str text, struct dw_diags *diags, struct dw_user_format **ret);
void dw_user_format_free(struct dw_user_format *f);

/* Parses the draft's line. DW_ESYNTAX: the line is not of this format. */
DW_MUST_USE int dw_user_format_parse(
    const struct dw_user_format *f, const struct dw_parse_ctx *ctx, struct dw_draft *d);

#endif
