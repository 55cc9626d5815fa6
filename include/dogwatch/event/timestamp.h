/*
 * Times as programs write them, and the zones they mean.
 *
 * In: the text of a line. Out: nanoseconds since 1970 UTC, and how much of the text was the time.
 * Parsing allocates nothing and keeps no state. Thread: any; a zone is read-only once found.
 */
#ifndef DOGWATCH_EVENT_TIMESTAMP_H
#define DOGWATCH_EVENT_TIMESTAMP_H

#include "dogwatch/base/fs.h"

struct dw_zone_rules;

/* A zone: a fixed offset, or rules read from the system's zone files. Zeroed memory is UTC. */
struct dw_zone {
    int32_t offset_s;            /* east of Greenwich; used when rules is NULL */
    struct dw_zone_rules *rules; /* owned; NULL for fixed offsets */
};

/* Finds a zone by its name: "UTC", "+02:00", "-0500", "CEST", "Europe/Berlin". Abbreviations win over files
 * of the same name only when they name one fixed offset. DW_EUNKNOWN when there is no such zone, DW_ECORRUPT for
 * a damaged file, DW_ENOMEM. On failure *ret is UTC. */
DW_MUST_USE int dw_zone_find(const struct dw_fs *fs, struct dw_str name, struct dw_zone *ret);
/* Frees what dw_zone_find made; the zone is UTC afterwards. */
void dw_zone_fini(struct dw_zone *z);
/* Seconds east of Greenwich at an instant. z may be NULL: UTC. */
int32_t dw_zone_offset(const struct dw_zone *z, int64_t utc_s);
/* The instant (seconds, UTC) of a local clock reading given as if it were UTC. A reading that occurs twice
 * is the first; one that does not occur is read with the offset before the gap. */
int64_t dw_zone_to_utc(const struct dw_zone *z, int64_t local_s);
/* Offset of a well-known abbreviation (CET, PDT, ...). False when it is none. */
bool dw_zone_abbreviation(struct dw_str name, int32_t *ret_offset_s);

/* How to read times that do not say everything. */
struct dw_time_ref {
    const struct dw_zone *zone; /* for times without zone; NULL: UTC */
    int64_t now_ns;             /* for times without year: the year that puts them nearest, at most 1 day ahead */
};

/* A time that was read. */
struct dw_time {
    int64_t ns;
    size_t len; /* bytes of the text, with its zone */
    bool zoned; /* the text named its zone */
    bool dated; /* the text named its year */
};

/* Reads the time `s` begins with: RFC 3339 (T or space, dot or comma), CLF, HAProxy, syslog, Apache and nginx
 * error logs, PostgreSQL, MySQL (YYMMDD), Redis (DD Mon), RFC 1123, asctime, epoch in s, ms, us or ns.
 * DW_ESYNTAX when there is none, DW_ERANGE when it does not fit into 64 bits of ns. */
DW_MUST_USE int dw_time_scan(struct dw_str s, const struct dw_time_ref *ref, struct dw_time *ret);
/* The same, but the whole of `s` must be the time. */
DW_MUST_USE int dw_time_parse(struct dw_str s, const struct dw_time_ref *ref, int64_t *ret_ns);

/* A span of time as people write it: 90s 15m 24h 7d 2w. False: it is none. */
bool dw_span_asked(struct dw_str s, int64_t *ret_ns);
/* A time as people ask for it: 15m 24h 7d ago (s, m, h, d, w), 2026-11-23, or any time that dw_time_parse reads. False: it is none. */
bool dw_time_asked(struct dw_str s, int64_t now_ns, int64_t *ret_ns);

/* Writes 2026-11-23T21:14:18.123456789Z and a NUL; years outside 0..9999 are clamped. */
enum { DW_TIME_TEXT = 31 };
void dw_time_format(int64_t ns, char out[DW_TIME_TEXT]);

/* Days since 1970-01-01 of a proleptic Gregorian date; month and day from 1, years within 400,000 of 0. */
int64_t dw_days_from_civil(int64_t year, unsigned month, unsigned day);
/* The reverse. */
void dw_civil_from_days(int64_t days, int64_t *ret_year, unsigned *ret_month, unsigned *ret_day);

#endif
