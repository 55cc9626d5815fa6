/*
 * options: the tables of the two programs as rows.
 *
 * Invariant: (1) every row's offset is that of the member which the same row made in options.h.
 */
#include "dogwatch/conf/options.h"

#include "dogwatch/base/error.h"

#include <stdio.h>

#define CONF(nm, ty, fld, def, lo, hi, unit, doc)                                                                      \
    {#nm, DW_CONF_##ty, offsetof(struct OPTIONS, fld), def, lo, hi, unit, doc, NULL},
#define CONF_OLD(nm, successor, doc) {#nm, DW_CONF_OLD, 0, #successor, 0, 0, "", doc, NULL},
#define CONF_ITEMS(nm, fld, table, doc) {#nm, DW_CONF_ITEMS, offsetof(struct OPTIONS, fld), "", 0, 0, "", doc, &(table)},

#define OPTIONS dw_output_options
static const struct dw_conf_row output_rows[] = {
#include "dogwatch/tbl/outputs.h"
};
#undef OPTIONS

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

static const struct {
    const char *name, *needs, *takes, *doc;
} output_types[] = {
#define OUTPUT_TYPE(name, needs, takes, doc) {#name, needs, takes, doc},
#include "dogwatch/tbl/outputs.h"
#undef OUTPUT_TYPE
};

const char *dw_output_type_name(enum dw_output_type t)
{
    return output_types[t].name;
}

const char *dw_output_type_needs(enum dw_output_type t)
{
    return output_types[t].needs;
}

const char *dw_output_type_takes(enum dw_output_type t)
{
    return output_types[t].takes;
}

const char *dw_output_type_doc(enum dw_output_type t)
{
    return output_types[t].doc;
}

static bool has_word(const char *words, const char *word)
{
    struct dw_str rest = dw_str_of(words);
    while (rest.len)
        if (dw_str_eq(dw_str_cut(&rest, ' '), dw_str_of(word)))
            return true;
    return false;
}

/* Which keys go with a type, and which it needs. */
static int whole_output(const void *item, const struct dw_conf_origin *origin, uint32_t *ret_row, char why[DW_CONF_WHY])
{
    const struct dw_output_options *o = item;
    for (uint32_t i = 0; i < DW_COUNT_OF(output_rows); i++) {
        const char *key = output_rows[i].name;
        bool is_set = origin[i].source != DW_CONF_FROM_DEFAULT, always = has_word("name type", key);
        bool needed = always || has_word(output_types[o->type].needs, key);
        if (!is_set && needed) {
            (void)snprintf(why, DW_CONF_WHY, "'%s' is missing: an output %s%s needs it", key, always ? "of any type" : "of type ", always ? "" : output_types[o->type].name);
            return DW_ECONFIG;
        }
        if (is_set && !needed && !has_word(output_types[o->type].takes, key)) {
            *ret_row = i;
            (void)snprintf(why, DW_CONF_WHY, "'%s' is nothing to an output of type %s: it takes %s%s%s", key, output_types[o->type].name,
                output_types[o->type].needs, output_types[o->type].needs[0] ? " " : "", output_types[o->type].takes);
            return DW_ECONFIG;
        }
    }
    return DW_OK;
}

const struct dw_conf_table dw_conf_output = {
    .name = "output",
    .row = output_rows,
    .count = DW_COUNT_OF(output_rows),
    .size = sizeof(struct dw_output_options),
    .item_of = "outputs",
    .whole = whole_output,
};
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
