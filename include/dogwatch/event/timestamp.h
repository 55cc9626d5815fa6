/*
 * timestamp: times as programs write them, and zones.
 *
 * Each reader takes the time at the very beginning of `s` and answers how many bytes it took, 0 when there is none.
 * Times are nanoseconds since 1970 UTC, in the range of int64 (1678 to 2262); digits past the ninth are dropped.
 * Thread: any (zones are read-only once loaded).
 */
#ifndef DOGWATCH_EVENT_TIMESTAMP_H
#define DOGWATCH_EVENT_TIMESTAMP_H

#include "dogwatch/base/buf.h"
#include "dogwatch/base/fs.h"

struct dw_tz;

/* A fixed offset from UTC, or (tz set) a zone of the IANA database. Zeroed: UTC. */
struct dw_zone {
    int32_t offset_s; /* east of Greenwich; when tz is NULL */
    struct dw_tz *tz;
};

/* What a time without zone or year is read with. */
struct dw_time_ctx {
    struct dw_zone zone;
    int64_t reference_ns; /* yearless times are put nearest to it, at most one day after it; 0: the year 1970's rules */
};

/* "UTC", "Z", "+02:00", "-0530", a name of the IANA database ("Europe/Berlin"; read through `fs` from the system's
 * zoneinfo), or a common abbreviation ("CEST"). Ends with dw_zone_fini. DW_EUNKNOWN, DW_ECORRUPT, DW_ENOMEM. */
DW_MUST_USE int dw_zone_load(const struct dw_fs *fs, struct dw_str name, struct dw_zone *ret);
/* The same from the bytes of a TZif file. */
DW_MUST_USE int dw_zone_load_tzif(struct dw_str bytes, struct dw_zone *ret);
void dw_zone_fini(struct dw_zone *z);
/* A fixed zone from an offset ("Z", "+02:00", "+0200", "+02") or abbreviation at the start of s; bytes taken, or 0. */
size_t dw_zone_read(struct dw_str s, int32_t *ret_offset_s);
/* Offset from UTC, in seconds, in force at a moment. */
int32_t dw_zone_offset_at(const struct dw_zone *z, int64_t utc_s);
/* The moment of a wall clock reading (seconds since 1970 as if it were UTC). A reading that came twice (clocks set back)
 * means the first; one that never was (clocks set ahead) is read with the offset before the change. */
int64_t dw_zone_to_utc(const struct dw_zone *z, int64_t wall_s);

/* 2026-11-23T21:14:18.123Z; T, t or space; fraction after dot or comma; zone Z, +hh:mm, +hhmm, +hh, or none. After
 * a space also an abbreviation ("CET"), as PostgreSQL writes it. */
size_t dw_time_iso(struct dw_str s, const struct dw_time_ctx *ctx, int64_t *ret_ns);
/* 23/Nov/2026:21:14:18 +0000, also with .123 and without zone (HAProxy). */
size_t dw_time_clf(struct dw_str s, const struct dw_time_ctx *ctx, int64_t *ret_ns);
/* Nov  3 21:14:18, also with a fraction, and with a year after the day or the time. */
size_t dw_time_syslog(struct dw_str s, const struct dw_time_ctx *ctx, int64_t *ret_ns);
/* 3 Nov 21:14:18.123, 03 Nov 2026 21:14:18.123 (Redis), also with a comma before the fraction. */
size_t dw_time_day_month(struct dw_str s, const struct dw_time_ctx *ctx, int64_t *ret_ns);
/* Mon Nov 23 21:14:18.123456 2026 (Apache error, asctime); the zone may stand before the year. */
size_t dw_time_asctime(struct dw_str s, const struct dw_time_ctx *ctx, int64_t *ret_ns);
/* 2026/11/23 21:14:18, also with a fraction (nginx error, Go). */
size_t dw_time_slashes(struct dw_str s, const struct dw_time_ctx *ctx, int64_t *ret_ns);
/* 261123 21:14:18, hours with one digit too (MySQL before 5.7). */
size_t dw_time_yymmdd(struct dw_str s, const struct dw_time_ctx *ctx, int64_t *ret_ns);
/* Digits since 1970: 9-10 are seconds (with a fraction if one follows), 12-13 ms, 15-16 us, 18-19 ns. */
size_t dw_time_epoch(struct dw_str s, int64_t *ret_ns);
/* Whichever of the above fits the whole view, or its beginning when `prefix`; bytes taken. */
size_t dw_time_any(struct dw_str s, const struct dw_time_ctx *ctx, bool prefix, int64_t *ret_ns);

#endif
