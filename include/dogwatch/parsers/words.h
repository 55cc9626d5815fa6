/*
 * What configuration says of formats, joins, masks and zones, as the parsers understand it.
 *
 * Thread: any.
 */
#ifndef DOGWATCH_PARSERS_WORDS_H
#define DOGWATCH_PARSERS_WORDS_H

#include "dogwatch/conf/conf.h"
#include "dogwatch/parsers/userformat.h"

/* A format as users write it: `auto` (then *ret is NULL), a parser's name, or a parser's name, a blank and the server's own
 * format string: nginx_access $remote_addr - $remote_user [$time_local] ... *ret_user is owned by the caller, NULL without a
 * format string. `why` gets a sentence on failure. DW_EUNKNOWN, DW_ECONFIG, DW_ENOMEM. */
DW_MUST_USE int dw_format_option(
    struct dw_str text, const struct dw_parser **ret, struct dw_user_format **ret_user, struct dw_buf *why);
/* For struct dw_conf's check: the options of tbl/agent_options.h whose words are formats, joins, masks or zones. */
int dw_parser_option_check(const char *option, struct dw_str key, struct dw_str value, struct dw_buf *why);
/* What is wrong with options of the agent together: told to `sink`, with the place of one of them. `c` is loaded. DW_ECONFIG, DW_ENOMEM. */
DW_MUST_USE int dw_parser_options_check(const struct dw_conf *c, const struct dw_fs *fs, struct dw_diag_sink sink);

#endif
