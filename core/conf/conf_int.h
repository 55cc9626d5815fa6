/* conf_int: what the files of core/conf share. */
#ifndef DOGWATCH_CORE_CONF_CONF_INT_H
#define DOGWATCH_CORE_CONF_CONF_INT_H

#include "dogwatch/conf/conf.h"

/* Parses one scalar's text into the member of `row`. False with a reason (static) in *ret_why. For STRING and
 * PATH `text` must live in c->arena and end with a NUL. LIST, MAP, SECRET and OLD are not scalars. */
bool dw__conf_scalar(struct dw_conf *c, const struct dw_conf_row *row, struct dw_str text, const char **ret_why);

/* Expands ${NAME} and ${NAME:-default} of `text` into the arena; `$${` stands for `${`. DW_ENOENT: *ret_name is not
 * set (a view of `text`); DW_ESYNTAX: no closing brace or no name. DW_ENOMEM. */
DW_MUST_USE int dw__conf_expand(struct dw_conf *c, struct dw_str text, struct dw_str *ret, struct dw_str *ret_name);

static inline void *dw__conf_member(const struct dw_conf *c, const struct dw_conf_row *row)
{
    return (char *)c->values + row->offset;
}

#endif
