/*
 * case_places: see case_places.h.
 *
 * Invariant: degrees are read as decimal digits, never as floating point, so a case is the same everywhere.
 */
#include "case_places.h"

#include <stdio.h>

enum { DIGITS = 6, LATITUDE_MOST = 90, LONGITUDE_MOST = 180, MILLION = 1000000, NAME_PART = 20 };

/* "-33.8688" in millionths; what stands behind the sixth digit is left out. */
static bool read_degrees(const struct dw_yaml *n, int64_t most, int32_t *ret)
{
    if (n->kind != DW_YAML_SCALAR)
        return false;
    struct dw_str rest = n->text, whole;
    const bool below = rest.len && rest.ptr[0] == '-';
    uint64_t degrees, part = 0;
    rest = dw_str_slice(rest, below, rest.len);
    whole = dw_str_cut(&rest, '.');
    struct dw_str digits = dw_str_slice(rest, 0, DIGITS);
    if (!dw_str_u64(whole, &degrees) || degrees > (uint64_t)most || (digits.len && !dw_str_u64(digits, &part)))
        return false;
    for (size_t i = digits.len; i < DIGITS; i++)
        part *= 10;
    int64_t all = (int64_t)(degrees * MILLION + part);
    *ret = (int32_t)(below ? -all : all);
    return all <= most * MILLION;
}

static bool find(const struct dw_places *p, const struct dw_ip *ip, struct dw_place *ret)
{
    const struct dw__case_places *c = (const struct dw__case_places *)p;
    for (uint32_t i = 0; i < c->count; i++) {
        if (!dw_cidr_has(&c->row[i].net, ip))
            continue;
        *ret = c->row[i].place;
        return true;
    }
    return false;
}

static bool read_place(const struct dw_yaml *n, struct dw_place *ret)
{
    const struct dw_yaml *north = n->kind == DW_YAML_SEQ && n->count == 2 ? n->first : NULL;
    *ret = (struct dw_place){.radius_km = 0};
    if (!north || !read_degrees(north, LATITUDE_MOST, &ret->north) || !read_degrees(north->next, LONGITUDE_MOST, &ret->east))
        return false;
    (void)snprintf(ret->name, sizeof ret->name, "%.*s %.*s", DW_ARG(dw_str_slice(north->text, 0, NAME_PART)), DW_ARG(dw_str_slice(north->next->text, 0, NAME_PART)));
    return true;
}

void dw__case_places(const struct dw_yaml *map, struct dw_diags *diags, struct dw__case_places *ret)
{
    *ret = (struct dw__case_places){.places = {.find = find}};
    for (const struct dw_yaml *n = map->kind == DW_YAML_MAP ? map->first : NULL; n; n = n->next) {
        if (ret->count == DW__CASE_PLACES_MAX) {
            dw_diag_add(diags, n->key_at, NULL, "more than %d places", DW__CASE_PLACES_MAX);
            break;
        }
        bool host_bits;
        struct dw_cidr *net = &ret->row[ret->count].net;
        if (!dw_cidr_parse(n->key, net, &host_bits))
            dw_diag_add(diags, n->key_at, "192.0.2.1, or 192.0.2.0/24", "'%.*s' is no address and no network", DW_ARG(n->key));
        else if (!read_place(n, &ret->row[ret->count].place))
            dw_diag_add(diags, n->at, "[48.8566, 2.3522]", "a place is [latitude, longitude] in degrees");
        else
            ret->count++;
    }
    if (map->kind != DW_YAML_MAP)
        dw_diag_add(diags, map->at, "places: {192.0.2.1: [48.8566, 2.3522]}", "'places' is a mapping");
}
