/*
 * zone: offsets of zones, from a short table of abbreviations or from the system's TZif files (RFC 8536).
 *
 * A TZif file lists the instants at which the offset changes; after the last one its footer, a POSIX TZ
 * string such as CET-1CEST,M3.5.0,M10.5.0/3, goes on for ever.
 *
 * Invariants:
 *   (1) Nothing of a file is used before its sizes were checked against its length.
 *   (2) `at` is ascending; type[i] holds from at[i] on, `first` before at[0].
 *   (3) Names with "..", a leading '/' or other bytes than letters, digits, '_', '+', '-', '/' are refused.
 */
#include "dogwatch/event/timestamp.h"

#include "dogwatch/base/error.h"
#include "dogwatch/base/mem.h"

#include <stdio.h>

enum { DAY_S = 86400, HOUR_S = 3600, TZIF_MAX = 256 * 1024, CHANGES_MAX = 4096 };

struct tz_rule {
    unsigned month, week, weekday; /* Mm.w.d */
    int32_t time_s;
};

struct dw_zone_rules {
    uint32_t count;
    int32_t first;
    bool has_rule; /* the footer changes to summer time and back */
    bool has_footer;
    int32_t std_s, dst_s;
    struct tz_rule start, end;
    int64_t at[CHANGES_MAX];
    int32_t offset[CHANGES_MAX];
};

bool dw_zone_abbreviation(struct dw_str name, int32_t *ret_offset_s)
{
    static const struct {
        const char *name;
        int minutes;
    } known[] = {
        {"UTC", 0},
        {"GMT", 0},
        {"UCT", 0},
        {"WET", 0},
        {"WEST", 60},
        {"BST", 60},
        {"CET", 60},
        {"CEST", 120},
        {"MET", 60},
        {"MEST", 120},
        {"EET", 120},
        {"EEST", 180},
        {"MSK", 180},
        {"IST", 330},
        {"SGT", 480},
        {"HKT", 480},
        {"JST", 540},
        {"KST", 540},
        {"AEST", 600},
        {"AEDT", 660},
        {"ACST", 570},
        {"ACDT", 630},
        {"AWST", 480},
        {"NZST", 720},
        {"NZDT", 780},
        {"EST", -300},
        {"EDT", -240},
        {"CST", -360},
        {"CDT", -300},
        {"MST", -420},
        {"MDT", -360},
        {"PST", -480},
        {"PDT", -420},
        {"AKST", -540},
        {"AKDT", -480},
        {"HST", -600},
        {"BRT", -180},
        {"ART", -180},
        {"SAST", 120},
        {"PKT", 300},
    };
    for (size_t i = 0; i < DW_COUNT_OF(known); i++) {
        if (dw_str_eq(name, dw_str_of(known[i].name))) {
            *ret_offset_s = known[i].minutes * 60;
            return true;
        }
    }
    return false;
}

/* +02:00, -0500, +01, UTC+2 */
static bool offset_name(struct dw_str s, int32_t *ret)
{
    if (dw_str_starts(s, DW_STR("UTC")) || dw_str_starts(s, DW_STR("GMT")))
        s = dw_str_slice(s, 3, s.len);
    if (s.len < 2 || (s.ptr[0] != '+' && s.ptr[0] != '-'))
        return false;
    bool west = s.ptr[0] == '-';
    struct dw_str hours = dw_str_slice(s, 1, s.len), minutes = DW_STR("0");
    size_t colon = dw_str_index(hours, ':');
    if (colon < hours.len || hours.len == 4) {
        minutes = dw_str_slice(hours, colon < hours.len ? colon + 1 : 2, hours.len);
        hours = dw_str_slice(hours, 0, colon < hours.len ? colon : 2);
    }
    uint64_t h, m;
    if (!dw_str_u64(hours, &h) || !dw_str_u64(minutes, &m) || h > 18 || m > 59)
        return false;
    int32_t off = (int32_t)(h * HOUR_S + m * 60);
    *ret = west ? -off : off;
    return true;
}

static uint64_t be(const uint8_t *p, unsigned bytes)
{
    uint64_t v = 0;
    for (unsigned i = 0; i < bytes; i++)
        v = v << 8 | p[i];
    return v;
}

/* Takes the name part of a POSIX TZ string: letters, or anything in <>. */
static bool posix_name(struct dw_str *s)
{
    size_t n = 0;
    if (s->len && s->ptr[0] == '<') {
        n = dw_str_index(*s, '>');
        if (n == s->len)
            return false;
        n++;
    } else {
        while (n < s->len && ((s->ptr[n] | 32) >= 'a' && (s->ptr[n] | 32) <= 'z'))
            n++;
    }
    *s = dw_str_slice(*s, n, s->len);
    return n >= 3;
}

static bool posix_number(struct dw_str *s, unsigned *ret)
{
    size_t n = 0;
    unsigned v = 0;
    for (; n < s->len && n < 3 && s->ptr[n] >= '0' && s->ptr[n] <= '9'; n++)
        v = v * 10 + (unsigned)(s->ptr[n] - '0');
    *s = dw_str_slice(*s, n, s->len);
    *ret = v;
    return n > 0;
}

static bool posix_take(struct dw_str *s, char ch)
{
    if (!s->len || s->ptr[0] != ch)
        return false;
    *s = dw_str_slice(*s, 1, s->len);
    return true;
}

/* [+-]h[:m[:s]] in seconds, as written */
static bool posix_time(struct dw_str *s, int32_t *ret)
{
    bool neg = posix_take(s, '-');
    if (!neg)
        (void)posix_take(s, '+');
    unsigned h, m = 0, sec = 0;
    if (!posix_number(s, &h) || (posix_take(s, ':') && !posix_number(s, &m)) ||
        (posix_take(s, ':') && !posix_number(s, &sec)) || h > 167)
        return false;
    int32_t v = (int32_t)(h * HOUR_S + m * 60 + sec);
    *ret = neg ? -v : v;
    return true;
}

static bool posix_rule(struct dw_str *s, struct tz_rule *r)
{
    r->time_s = 2 * HOUR_S;
    return posix_take(s, ',') && posix_take(s, 'M') && posix_number(s, &r->month) && posix_take(s, '.') &&
           posix_number(s, &r->week) && posix_take(s, '.') && posix_number(s, &r->weekday) &&
           (!posix_take(s, '/') || posix_time(s, &r->time_s)) && r->month >= 1 && r->month <= 12 && r->week >= 1 &&
           r->week <= 5 && r->weekday <= 6;
}

static void posix_footer(struct dw_zone_rules *z, struct dw_str s)
{
    int32_t west;
    if (!posix_name(&s) || !posix_time(&s, &west))
        return;
    z->has_footer = true;
    z->std_s = -west;
    if (!s.len || !posix_name(&s))
        return;
    z->dst_s = z->std_s + HOUR_S;
    if (s.len && s.ptr[0] != ',') {
        if (!posix_time(&s, &west))
            return;
        z->dst_s = -west;
    }
    z->has_rule = posix_rule(&s, &z->start) && posix_rule(&s, &z->end);
}

/* Bytes of a data block whose times have `width` bytes; the header's six counts stand at p + 20. */
static size_t block_size(const uint8_t *p, unsigned width)
{
    size_t isut = be(p + 20, 4), isstd = be(p + 24, 4), leap = be(p + 28, 4), times = be(p + 32, 4),
           types = be(p + 36, 4), chars = be(p + 40, 4);
    return times * (width + 1u) + types * 6 + chars + leap * (width + 4u) + isstd + isut;
}

static int read_tzif(struct dw_zone_rules *z, struct dw_str file)
{
    const uint8_t *p = (const uint8_t *)file.ptr;
    const size_t head = 44;
    if (file.len < head || memcmp(p, "TZif", 4) != 0 || p[4] < '2')
        return DW_ECORRUPT;
    size_t first = block_size(p, 4);
    if (first > file.len - head || file.len - head - first < head)
        return DW_ECORRUPT;
    size_t base = head + first;
    const uint8_t *h = p + base;
    size_t size = block_size(h, 8), times = be(h + 32, 4), types = be(h + 36, 4);
    if (memcmp(h, "TZif", 4) != 0 || size > file.len - base - head || times > CHANGES_MAX || types == 0)
        return DW_ECORRUPT;
    const uint8_t *at = h + head, *index = at + times * 8, *type = index + times;
    z->first = (int32_t)(uint32_t)be(type, 4);
    for (size_t i = 0; i < times; i++) {
        if (index[i] >= types)
            return DW_ECORRUPT;
        z->at[i] = (int64_t)be(at + 8 * i, 8);
        z->offset[i] = (int32_t)(uint32_t)be(type + 6u * index[i], 4);
    }
    z->count = (uint32_t)times;
    struct dw_str footer = dw_str_slice(file, base + head + size, file.len);
    if (posix_take(&footer, '\n'))
        posix_footer(z, dw_str_slice(footer, 0, dw_str_index(footer, '\n')));
    return DW_OK;
}

static bool safe_name(struct dw_str s)
{
    if (!s.len || s.len > 64 || s.ptr[0] == '/' || dw_str_find(s, DW_STR("..")) < s.len)
        return false;
    for (size_t i = 0; i < s.len; i++) {
        char ch = s.ptr[i];
        bool ok = (ch >= 'a' && ch <= 'z') || (ch >= 'A' && ch <= 'Z') || (ch >= '0' && ch <= '9') || ch == '_' ||
                  ch == '+' || ch == '-' || ch == '/';
        if (!ok)
            return false;
    }
    return true;
}

static int load(const struct dw_fs *fs, struct dw_str name, struct dw_zone *ret)
{
    char path[128];
    (void)snprintf(path, sizeof path, "/usr/share/zoneinfo/%.*s", DW_ARG(name));
    struct dw_buf file = {0};
    int err = dw_fs_read_file(fs, path, TZIF_MAX, &file);
    struct dw_zone_rules *z = err ? NULL : dw_calloc(1, sizeof *z);
    if (!err && !z)
        err = DW_ENOMEM;
    if (!err)
        err = read_tzif(z, dw_buf_view(&file));
    dw_buf_fini(&file);
    if (err) {
        dw_free(z);
        return err == DW_ENOMEM || err == DW_ECORRUPT ? err : DW_EUNKNOWN;
    }
    ret->rules = z;
    return DW_OK;
}

int dw_zone_find(const struct dw_fs *fs, struct dw_str name, struct dw_zone *ret)
{
    *ret = (struct dw_zone){0};
    if (name.len == 0 || dw_str_eq(name, DW_STR("Z")))
        return DW_OK;
    if (dw_zone_abbreviation(name, &ret->offset_s) || offset_name(name, &ret->offset_s))
        return DW_OK;
    ret->offset_s = 0;
    return safe_name(name) ? load(fs, name, ret) : DW_EUNKNOWN;
}

void dw_zone_fini(struct dw_zone *z)
{
    dw_free(z->rules);
    *z = (struct dw_zone){0};
}

/* Seconds (local clock, as if UTC) at which a rule takes effect in a year. */
static int64_t rule_local(const struct tz_rule *r, int64_t year)
{
    int64_t first = dw_days_from_civil(year, r->month, 1);
    int64_t weekday = ((first + 4) % 7 + 7) % 7; /* 1970-01-01 was a Thursday */
    int64_t day = first + (r->weekday + 7 - weekday) % 7 + 7 * (int64_t)(r->week - 1);
    int64_t next = r->month == 12 ? dw_days_from_civil(year + 1, 1, 1) : dw_days_from_civil(year, r->month + 1, 1);
    while (day >= next)
        day -= 7;
    return day * DAY_S + r->time_s;
}

static int32_t footer_offset(const struct dw_zone_rules *z, int64_t utc_s)
{
    if (!z->has_rule)
        return z->std_s;
    int64_t local = utc_s + z->std_s, year;
    unsigned m, d;
    dw_civil_from_days((local >= 0 ? local : local - DAY_S + 1) / DAY_S, &year, &m, &d);
    int64_t start = rule_local(&z->start, year) - z->std_s, end = rule_local(&z->end, year) - z->dst_s;
    bool summer = start < end ? utc_s >= start && utc_s < end : !(utc_s >= end && utc_s < start);
    return summer ? z->dst_s : z->std_s;
}

int32_t dw_zone_offset(const struct dw_zone *z, int64_t utc_s)
{
    if (!z)
        return 0;
    const struct dw_zone_rules *r = z->rules;
    if (!r)
        return z->offset_s;
    if (r->count == 0 || utc_s < r->at[0])
        return r->count == 0 && r->has_footer ? footer_offset(r, utc_s) : r->first;
    uint32_t lo = 0, hi = r->count;
    while (hi - lo > 1) {
        uint32_t mid = lo + (hi - lo) / 2;
        if (r->at[mid] <= utc_s)
            lo = mid;
        else
            hi = mid;
    }
    return lo + 1 == r->count && r->has_footer ? footer_offset(r, utc_s) : r->offset[lo];
}

int64_t dw_zone_to_utc(const struct dw_zone *z, int64_t local_s)
{
    if (!z)
        return local_s;
    int32_t before = dw_zone_offset(z, local_s - DAY_S), after = dw_zone_offset(z, local_s + DAY_S);
    if (dw_zone_offset(z, local_s - before) == before)
        return local_s - before;
    return dw_zone_offset(z, local_s - after) == after ? local_s - after : local_s - before;
}
