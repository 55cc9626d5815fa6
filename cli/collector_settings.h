/*
 * What decides beside frames and rules: the settings of the collector that wrote an archive.
 */
#ifndef DOGWATCH_CLI_COLLECTOR_SETTINGS_H
#define DOGWATCH_CLI_COLLECTOR_SETTINGS_H

#include "cli_int.h"

#include "dogwatch/conf/options.h"

struct collector_settings {
    struct dw_collector_options opt;
    uint8_t *listed; /* agents that alone are agreed to; NULL: the first of a host is */
    uint32_t listed_count;
    /* inside */
    struct dw_conf conf;
    bool has_conf;
};

/* Reads them from --config, else from what `up` wrote beside the archive, else they are the defaults, which is said. Exit codes; mistakes are told.
 * collector_settings_fini frees, whatever the answer was. Zeroed before. */
int collector_settings_load(const struct cli_options *o, struct collector_settings *ret);
void collector_settings_fini(struct collector_settings *s);

#endif
