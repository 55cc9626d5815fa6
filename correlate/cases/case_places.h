/* case_places: where addresses are, as the cases of a rule say it. */
#ifndef DOGWATCH_CORRELATE_CASE_PLACES_H
#define DOGWATCH_CORRELATE_CASE_PLACES_H

#include "dogwatch/conf/yaml.h"
#include "dogwatch/geo/geo.h"

enum { DW__CASE_PLACES_MAX = 256 };

struct dw__case_places {
    struct dw_places places; /* first */
    uint32_t count;
    struct {
        struct dw_cidr net;
        struct dw_place place;
    } row[DW__CASE_PLACES_MAX];
};

/* Reads `places:`, a mapping of address or network to [latitude, longitude]; the first network that has an address counts. Mistakes are told to `diags`, and what is left
 * is taken. */
void dw__case_places(const struct dw_yaml *map, struct dw_diags *diags, struct dw__case_places *ret);

#endif
