/*
 * Members of a JSON object and elements of an array, one after the other, without copies.
 *
 * Thread: any (pure functions).
 */
#ifndef DOGWATCH_AGENT_JSON_MEMBERS_H
#define DOGWATCH_AGENT_JSON_MEMBERS_H

#include "dogwatch/event/json_read.h"

/* `name`: between its quotes, as written. `value`: as it stands, a string's with its quotes. `token`: the first of it. A code below 0 ends it all. */
typedef int json_member(void *arg, struct dw_str name, struct dw_str value, const struct dw_json_token *token);
typedef int json_element(void *arg, struct dw_str value, const struct dw_json_token *token);

/* DW_ESYNTAX: the text is no object (no array); DW_ELIMIT: it is nested too deep; what `each` answers. What was called before stays called. */
DW_MUST_USE int json_members(struct dw_str text, json_member *each, void *arg);
DW_MUST_USE int json_elements(struct dw_str text, json_element *each, void *arg);

#endif
