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
#define CONF_ITEMS(nm, fld, table, doc) dw_conf_c_ITEMS fld;
struct dw_output_options {
#include "dogwatch/tbl/outputs.h"
};
struct dw_agent_options {
#include "dogwatch/tbl/agent_options.h"
};
struct dw_collector_options {
#include "dogwatch/tbl/collector_options.h"
};
#undef CONF
#undef CONF_OLD
#undef CONF_ITEMS

/* Where podman keeps its containers, as root. */
#define DW_PODMAN_ROOT "/var/lib/containers/storage/overlay-containers"

/* The item of inputs.journald that stands for the journals of this system, and where they are. */
#define DW_JOURNALD_SYSTEM "system"
#define DW_JOURNALD_PERSISTENT "/var/log/journal"
#define DW_JOURNALD_VOLATILE "/run/log/journal"

/* Order of the words of ENUM options in the tables. */
enum dw_start_option { DW_START_BEGINNING, DW_START_NOW };
enum dw_trust_option { DW_TRUST_PINNED, DW_TRUST_LISTED };
enum dw_transport_option { DW_TRANSPORT_DIR, DW_TRANSPORT_KAFKA };
enum dw_sandbox_option { DW_SANDBOX_AUTO, DW_SANDBOX_REQUIRE, DW_SANDBOX_OFF };
enum dw_wire_option { DW_WIRE_FRAMES, DW_WIRE_JSON };
enum dw_output_type {
#define OUTPUT_TYPE(name, needs, takes, doc) DW_OUTPUT_##name,
#include "dogwatch/tbl/outputs.h"
#undef OUTPUT_TYPE
    DW_OUTPUT_TYPES
};
enum dw_output_format { DW_FORMAT_USUAL, DW_FORMAT_ECS, DW_FORMAT_OCSF, DW_FORMAT_CEF };
/* log.level is enum dw_log_level. */

extern const struct dw_conf_table dw_conf_agent;     /* values: struct dw_agent_options */
extern const struct dw_conf_table dw_conf_output;    /* values: struct dw_output_options, the items of `outputs` */
extern const struct dw_conf_table dw_conf_collector; /* values: struct dw_collector_options */

/* The table's name, keys (with a space between) and text of a type. */
const char *dw_output_type_name(enum dw_output_type t);
const char *dw_output_type_needs(enum dw_output_type t);
const char *dw_output_type_takes(enum dw_output_type t);
const char *dw_output_type_doc(enum dw_output_type t);

#endif
