/*
 * The options of the two programs, made from their tables.
 *
 * Texts, lists and maps live as long as the struct dw_conf they were loaded with. Thread: read-only after loading.
 */
#ifndef DOGWATCH_CONF_OPTIONS_H
#define DOGWATCH_CONF_OPTIONS_H

#include "dogwatch/conf/conf.h"

#define CONF(nm, ty, fld, def, lo, hi, unit, doc) dw_conf_c_##ty fld;
#define CONF_OLD(nm, successor, doc)
struct dw_agent_options {
#include "dogwatch/tbl/agent_options.h"
};
struct dw_collector_options {
#include "dogwatch/tbl/collector_options.h"
};
#undef CONF
#undef CONF_OLD

/* Order of the words of ENUM options in the tables. */
enum dw_start_option { DW_START_BEGINNING, DW_START_NOW };
enum dw_trust_option { DW_TRUST_PINNED, DW_TRUST_LISTED };
enum dw_transport_option { DW_TRANSPORT_DIR, DW_TRANSPORT_KAFKA };
enum dw_wire_option { DW_WIRE_FRAMES, DW_WIRE_JSON };
/* log.level is enum dw_log_level. */

extern const struct dw_conf_table dw_conf_agent;     /* values: struct dw_agent_options */
extern const struct dw_conf_table dw_conf_collector; /* values: struct dw_collector_options */

#endif
