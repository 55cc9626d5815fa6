/*
 * Places of addresses, out of a MaxMind DB file (MaxMind's GeoIP2 and GeoLite2 City, DB-IP's City, or one of one's own).
 *
 * Whoever looks places up gets them through a struct dw_places, and knows no file: rules decide by what `find` answers, and by `hash` it is known which
 * database that was.
 */
#ifndef DOGWATCH_GEO_GEO_H
#define DOGWATCH_GEO_GEO_H

#include "dogwatch/base/fs.h"
#include "dogwatch/frame/digest.h"
#include "dogwatch/pred/ip.h"

enum { DW_PLACE_NAME_MAX = 95, DW_PLACE_RADIUS_MAX = 20000 };

/* Where an address is said to be: whole numbers, so that everybody decides alike. */
struct dw_place {
    int32_t north, east;  /* millionths of a degree: -90 to 90 millions, -180 to 180 millions */
    uint32_t radius_km;   /* the true place is likely within; 0: the database does not say */
    char name[DW_PLACE_NAME_MAX + 1]; /* "Paris, FR"; "": it has none */
};

/* What finds places. `find` is pure: of one database an address always has the same place. False: it has none. Thread: any. */
struct dw_places {
    bool (*find)(const struct dw_places *p, const struct dw_ip *ip, struct dw_place *ret);
    void (*release)(struct dw_places *p); /* NULL: nothing to free */
    uint8_t hash[DW_SHA256_BYTES];        /* of the database */
};
/* Frees it; NULL: nothing. */
void dw_places_free(struct dw_places *p);

/* Gives what a database file says; it is read whole, so that what happens to the file later changes nothing. Codes of dw_fs_read_named; DW_ECORRUPT: it is no MaxMind DB;
 * DW_ENOMEM. */
DW_MUST_USE int dw_geo_open(const struct dw_fs *fs, const char *path, struct dw_places **ret);
/* Whole kilometres between two places on a sphere as large as the Earth, rounded down; the same with every compiler. Thread: any (pure). */
uint32_t dw_geo_km(const struct dw_place *a, const struct dw_place *b);

#endif
