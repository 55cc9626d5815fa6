/* geo_file: a small MaxMind DB, written by us from the format's own page (MaxMind DB File Format 2.0). */
#ifndef DOGWATCH_TESTS_GEO_FILE_H
#define DOGWATCH_TESTS_GEO_FILE_H

#include <stdint.h>

/* A network and its place; radius_km 0, city NULL, country NULL: it does not say. */
struct geo_row {
    const char *network;
    double north, east;
    uint32_t radius_km;
    const char *city, *country;
    int without_place; /* the row has a country alone */
};

void geo_file_write(const char *path, const struct geo_row *row, uint32_t count);

#endif
