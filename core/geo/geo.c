/*
 * geo: a MaxMind DB, asked through libmaxminddb.
 *
 * Idea: the library takes a path alone, opens it and maps it. So it is given a copy in memory that has no other name: the file is read once, by us, what is hashed is
 * what is asked, and a file that is written anew beneath us neither changes an answer nor ends the process.
 *
 * Invariants:
 *   (1) The file is read once; what is asked is the copy alone.
 *   (2) Degrees become whole numbers here; no floating point leaves this file.
 */
#include "dogwatch/geo/geo.h"

#include "dogwatch/base/error.h"
#include "dogwatch/base/mem.h"

#include <maxminddb.h>
#include <netinet/in.h>
#include <stdio.h>

#define DATABASE_BYTES_MAX ((size_t)1 << 30)
#define MILLION 1e6
enum { LATITUDE_MOST = 90, LONGITUDE_MOST = 180 };

struct geo {
    struct dw_places places; /* first: it is what others hold */
    MMDB_s db;
};

/* A number of degrees as whole millionths. */
static bool read_degrees(MMDB_entry_s *entry, const char *name, int32_t most, int32_t *ret)
{
    MMDB_entry_data_s d;
    const char *const path[] = {"location", name, NULL};
    if (MMDB_aget_value(entry, &d, path) != MMDB_SUCCESS || !d.has_data || (d.type != MMDB_DATA_TYPE_DOUBLE && d.type != MMDB_DATA_TYPE_FLOAT))
        return false;
    const double degrees = d.type == MMDB_DATA_TYPE_DOUBLE ? d.double_value : (double)d.float_value;
    if (!(degrees >= -most && degrees <= most))
        return false;
    const double scaled = degrees * MILLION; /* for itself: a compiler may not join it with the sum below */
    *ret = (int32_t)(scaled < 0 ? scaled - 0.5 : scaled + 0.5);
    return true;
}

static uint32_t read_radius(MMDB_entry_s *entry)
{
    MMDB_entry_data_s d;
    uint32_t km = 0;
    if (MMDB_get_value(entry, &d, "location", "accuracy_radius", NULL) != MMDB_SUCCESS || !d.has_data)
        return 0;
    if (d.type == MMDB_DATA_TYPE_UINT16)
        km = d.uint16;
    else if (d.type == MMDB_DATA_TYPE_UINT32)
        km = d.uint32;
    return km < DW_PLACE_RADIUS_MAX ? km : DW_PLACE_RADIUS_MAX;
}

static struct dw_str read_text(MMDB_entry_s *entry, const char *const *path)
{
    MMDB_entry_data_s d;
    if (MMDB_aget_value(entry, &d, path) != MMDB_SUCCESS || !d.has_data || d.type != MMDB_DATA_TYPE_UTF8_STRING)
        return DW_STR("");
    return dw_str_make(d.utf8_string, d.data_size);
}

/* "Paris, FR", or as much of it as there is. Cut between characters. */
static void read_name(MMDB_entry_s *entry, char out[DW_PLACE_NAME_MAX + 1])
{
    static const char *const city[] = {"city", "names", "en", NULL}, *const code[] = {"country", "iso_code", NULL};
    struct dw_str of_city = read_text(entry, city), of_country = dw_str_slice(read_text(entry, code), 0, 2);
    size_t room = DW_PLACE_NAME_MAX - (sizeof ", " - 1) - of_country.len;
    if (of_city.len > room) {
        while (room > 0 && ((uint8_t)of_city.ptr[room] & 0xc0) == 0x80)
            room--;
        of_city.len = room;
    }
    (void)snprintf(out, DW_PLACE_NAME_MAX + 1, "%.*s%s%.*s", DW_ARG(of_city), of_city.len && of_country.len ? ", " : "", DW_ARG(of_country));
}

static MMDB_lookup_result_s look_up(const MMDB_s *db, const struct dw_ip *ip, int *ret_error)
{
    static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};
    struct sockaddr_in four = {.sin_family = AF_INET};
    struct sockaddr_in6 six = {.sin6_family = AF_INET6};
    memcpy(&six.sin6_addr, ip->byte, sizeof ip->byte);
    memcpy(&four.sin_addr, ip->byte + sizeof mapped, sizeof four.sin_addr);
    const bool is_four = memcmp(ip->byte, mapped, sizeof mapped) == 0;
    return MMDB_lookup_sockaddr(db, is_four ? (const struct sockaddr *)&four : (const struct sockaddr *)&six, ret_error);
}

static bool find(const struct dw_places *p, const struct dw_ip *ip, struct dw_place *ret)
{
    const struct geo *g = (const struct geo *)p;
    int error = MMDB_SUCCESS;
    MMDB_lookup_result_s at = look_up(&g->db, ip, &error);
    if (error != MMDB_SUCCESS || !at.found_entry)
        return false;
    *ret = (struct dw_place){.radius_km = read_radius(&at.entry)};
    read_name(&at.entry, ret->name);
    return read_degrees(&at.entry, "latitude", LATITUDE_MOST, &ret->north) && read_degrees(&at.entry, "longitude", LONGITUDE_MOST, &ret->east);
}

static void release(struct dw_places *p)
{
    struct geo *g = (struct geo *)p;
    MMDB_close(&g->db);
    dw_free(g);
}

void dw_places_free(struct dw_places *p)
{
    if (p && p->release)
        p->release(p);
}

/* The library's view of a file in memory, which it maps for itself. */
static int map(struct dw_str bytes, const struct dw_fs *fs, MMDB_s *ret)
{
    char path[64];
    int fd = -1, rc = dw_fs_in_memory(fs, "places", bytes, &fd);
    if (rc < 0)
        return rc;
    (void)snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    int error = MMDB_open(path, MMDB_MODE_MMAP, ret);
    dw_fs_close(fd);
    return error == MMDB_SUCCESS ? DW_OK : error == MMDB_OUT_OF_MEMORY_ERROR ? DW_ENOMEM : error == MMDB_FILE_OPEN_ERROR ? DW_EIO : DW_ECORRUPT;
}

int dw_geo_open(const struct dw_fs *fs, const char *path, struct dw_places **ret)
{
    struct dw_buf bytes = {0};
    struct geo *g = dw_calloc(1, sizeof *g);
    int rc = g ? dw_fs_read_file(fs, path, DATABASE_BYTES_MAX, &bytes) : DW_ENOMEM;
    if (rc == DW_OK)
        rc = map(dw_buf_view(&bytes), fs, &g->db);
    if (rc == DW_OK)
        dw_sha256_of(dw_buf_view(&bytes), g->places.hash);
    dw_buf_fini(&bytes);
    if (rc < 0) {
        dw_free(g);
        return rc;
    }
    g->places.find = find;
    g->places.release = release;
    *ret = &g->places;
    return DW_OK;
}
