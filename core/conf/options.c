/*
 * options: the tables of the two programs as rows.
 *
 * Invariant: (1) every row's offset is that of the member which the same row made in options.h.
 */
#include "dogwatch/conf/options.h"

#define CONF(nm, ty, fld, def, lo, hi, unit, doc)                                                                      \
    {#nm, DW_CONF_##ty, offsetof(struct OPTIONS, fld), def, lo, hi, unit, doc},
#define CONF_OLD(nm, successor, doc) {#nm, DW_CONF_OLD, 0, #successor, 0, 0, "", doc},

#define OPTIONS dw_agent_options
static const struct dw_conf_row agent_rows[] = {
#include "dogwatch/tbl/agent_options.h"
};
#undef OPTIONS
#define OPTIONS dw_collector_options
static const struct dw_conf_row collector_rows[] = {
#include "dogwatch/tbl/collector_options.h"
};
#undef OPTIONS

const struct dw_conf_table dw_conf_agent = {
    .name = "agent",
    .row = agent_rows,
    .count = DW_COUNT_OF(agent_rows),
    .size = sizeof(struct dw_agent_options),
};
const struct dw_conf_table dw_conf_collector = {
    .name = "collector",
    .row = collector_rows,
    .count = DW_COUNT_OF(collector_rows),
    .size = sizeof(struct dw_collector_options),
};
