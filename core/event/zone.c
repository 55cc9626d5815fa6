/*
 * zone: offsets from UTC, fixed or from the IANA database (TZif, RFC 8536).
 *
 * Idea: a TZif file is a sorted list of moments, each with the offset that holds from then on, and a POSIX TZ string
 * ("CET-1CEST,M3.5.0,M10.5.0/3") for all later times. Wall clock readings are turned into moments by trying
 * the offsets in force a day around.
 *
 * Invariants:
 *   (1) moment[] ascends; offset_after[i] holds from moment[i] to moment[i + 1].
 *   (2) All numbers of the file are checked against its size before they are used; counts are bounded by MOMENTS_MAX.
 *   (3) A loaded zone is never written again.
 */
#include "dogwatch/event/timestamp.h"

#include "dogwatch/base/error.h"
#include "dogwatch/base/mem.h"
#include "dogwatch/event/rfc3339.h"

#include <stdio.h>

enum { MOMENTS_MAX = 4096, FILE_MAX = 256 * 1024, DAY_S = 86400 };

/* One end of daylight saving time: the `week`th `weekday` of `month` (kind M), a day of the year without leap days
 * (J, from 1) or with (N, from 0). */
struct rule {
    char kind; /* 'M', 'J', 'N' */
    int month, week, weekday, day;
    int32_t time_s;
};

struct footer {
    bool has_dst;
    int32_t standard_s, summer_s;
    struct rule start, end;
};

struct dw_tz {
    struct footer footer;
    bool has_footer;
    uint32_t count;
    int32_t offset_first;
    int32_t *offset_after;
    int64_t moment[];
};

static const struct {
    const char *name;
    int32_t offset_s;
} abbreviations[] = {
    {"UTC", 0}, {"GMT", 0}, {"UCT", 0}, {"WET", 0}, {"WEST", 3600}, {"BST", 3600}, {"IST", 19800}, {"CET", 3600},
    {"CEST", 7200}, {"MEZ", 3600}, {"MESZ", 7200}, {"EET", 7200}, {"EEST", 10800}, {"MSK", 10800}, {"EST", -18000},
    {"EDT", -14400}, {"CST", -21600}, {"CDT", -18000}, {"MST", -25200}, {"MDT", -21600}, {"PST", -28800},
    {"PDT", -25200}, {"AKST", -32400}, {"AKDT", -28800}, {"HST", -36000}, {"JST", 32400}, {"KST", 32400},
    {"SGT", 28800}, {"HKT", 28800}, {"AEST", 36000}, {"AEDT", 39600}, {"ACST", 34200}, {"AWST", 28800},
    {"NZST", 43200}, {"NZDT", 46800}, {"SAST", 7200}, {"BRT", -10800}, {"ART", -10800},
};

static bool digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool letter(char c)
{
    return (c | 0x20) >= 'a' && (c | 0x20) <= 'z';
}

static int two(const char *p)
{
    return (p[0] - '0') * 10 + (p[1] - '0');
}

static size_t read_numeric(struct dw_str s, int32_t *ret)
{
    if (s.len < 3 || (s.ptr[0] != '+' && s.ptr[0] != '-') || !digit(s.ptr[1]) || !digit(s.ptr[2]))
        return 0;
    int minutes = 0;
    size_t taken = 3;
    size_t colon = s.len > 3 && s.ptr[3] == ':' ? 1 : 0;
    if (s.len >= 5 + colon && digit(s.ptr[3 + colon]) && digit(s.ptr[4 + colon])) {
        minutes = two(s.ptr + 3 + colon);
        taken = 5 + colon;
    }
    int hours = two(s.ptr + 1);
    if (hours > 18 || minutes > 59)
        return 0;
    *ret = (s.ptr[0] == '-' ? -1 : 1) * (hours * 3600 + minutes * 60);
    return taken;
}

size_t dw_zone_read(struct dw_str s, int32_t *ret_offset_s)
{
    if (s.len == 0)
        return 0;
    size_t n = 0;
    while (n < s.len && letter(s.ptr[n]))
        n++;
    if (n == 0)
        return read_numeric(s, ret_offset_s);
    struct dw_str word = dw_str_make(s.ptr, n);
    if (n == 1 && (s.ptr[0] | 0x20) == 'z') {
        *ret_offset_s = 0;
        return 1;
    }
    for (size_t i = 0; i < DW_COUNT_OF(abbreviations); i++) {
        if (dw_str_eq(word, dw_str_of(abbreviations[i].name))) {
            *ret_offset_s = abbreviations[i].offset_s;
            return n;
        }
    }
    return 0;
}

/* ---- the POSIX TZ string ---- */

struct text {
    const char *at, *end;
};

static bool take(struct text *t, char c)
{
    if (t->at == t->end || *t->at != c)
        return false;
    t->at++;
    return true;
}

static bool number(struct text *t, int *ret)
{
    const char *first = t->at;
    int v = 0;
    for (; t->at < t->end && digit(*t->at) && t->at - first < 4; t->at++)
        v = v * 10 + (*t->at - '0');
    *ret = v;
    return t->at > first;
}

/* [+-]h[h[h]][:mm[:ss]] */
static bool clock_time(struct text *t, int32_t *ret)
{
    int sign = take(t, '-') ? -1 : 1;
    if (sign == 1)
        (void)take(t, '+');
    int h = 0, m = 0, s = 0;
    if (!number(t, &h))
        return false;
    if (take(t, ':') && (!number(t, &m) || (take(t, ':') && !number(t, &s))))
        return false;
    if (h > 167 || m > 59 || s > 59)
        return false;
    *ret = sign * (h * 3600 + m * 60 + s);
    return true;
}

static bool zone_name(struct text *t)
{
    const char *first = t->at;
    if (take(t, '<')) {
        while (t->at < t->end && *t->at != '>')
            t->at++;
        return take(t, '>');
    }
    while (t->at < t->end && letter(*t->at))
        t->at++;
    return t->at > first;
}

static bool rule(struct text *t, struct rule *r)
{
    *r = (struct rule){.kind = 'N', .time_s = 7200};
    if (!take(t, ','))
        return false;
    if (take(t, 'M')) {
        r->kind = 'M';
        if (!number(t, &r->month) || !take(t, '.') || !number(t, &r->week) || !take(t, '.') || !number(t, &r->weekday))
            return false;
        if (r->month < 1 || r->month > 12 || r->week < 1 || r->week > 5 || r->weekday > 6)
            return false;
    } else {
        if (take(t, 'J'))
            r->kind = 'J';
        if (!number(t, &r->day) || r->day > 365 || (r->kind == 'J' && r->day == 0))
            return false;
    }
    return !take(t, '/') || clock_time(t, &r->time_s);
}

static bool parse_footer(struct dw_str s, struct footer *f)
{
    struct text t = {s.ptr, s.ptr + s.len};
    *f = (struct footer){0};
    int32_t west = 0;
    if (!zone_name(&t) || !clock_time(&t, &west))
        return false;
    f->standard_s = -west;
    if (t.at == t.end)
        return true;
    f->has_dst = true;
    f->summer_s = f->standard_s + 3600;
    if (!zone_name(&t))
        return false;
    if (t.at < t.end && *t.at != ',') {
        if (!clock_time(&t, &west))
            return false;
        f->summer_s = -west;
    }
    return rule(&t, &f->start) && rule(&t, &f->end) && t.at == t.end;
}

static bool is_leap(int64_t year)
{
    return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
}

/* The wall clock reading, in seconds, at which a rule takes effect in a year. */
static int64_t rule_wall(const struct rule *r, int64_t year)
{
    int64_t days = dw_days_from_date(year, 1, 1);
    if (r->kind == 'J') {
        days += r->day - 1 + (is_leap(year) && r->day > 59 ? 1 : 0);
    } else if (r->kind == 'N') {
        days += r->day;
    } else {
        static const uint8_t length[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
        int64_t first = dw_days_from_date(year, (unsigned)r->month, 1);
        int64_t weekday = ((first + 4) % 7 + 7) % 7;
        int64_t day = (r->weekday - weekday + 7) % 7 + 7 * (r->week - 1);
        if (day >= length[r->month - 1] + (r->month == 2 && is_leap(year) ? 1 : 0))
            day -= 7;
        days = first + day;
    }
    return days * DAY_S + r->time_s;
}

static int64_t year_of(int64_t utc_s)
{
    int64_t days = (utc_s >= 0 ? utc_s : utc_s - DAY_S + 1) / DAY_S;
    int64_t year = 1970 + days / 366 - (days < 0 ? 1 : 0);
    while (dw_days_from_date(year + 1, 1, 1) <= days)
        year++;
    return year;
}

static int32_t footer_offset(const struct footer *f, int64_t utc_s)
{
    if (!f->has_dst)
        return f->standard_s;
    int64_t year = year_of(utc_s + f->standard_s);
    int64_t start = rule_wall(&f->start, year) - f->standard_s;
    int64_t end = rule_wall(&f->end, year) - f->summer_s;
    bool summer = start < end ? utc_s >= start && utc_s < end : utc_s >= start || utc_s < end;
    return summer ? f->summer_s : f->standard_s;
}

int32_t dw_zone_offset_at(const struct dw_zone *z, int64_t utc_s)
{
    const struct dw_tz *tz = z->tz;
    if (!tz)
        return z->offset_s;
    if (tz->count == 0 || utc_s < tz->moment[0])
        return tz->count ? tz->offset_first : tz->has_footer ? footer_offset(&tz->footer, utc_s) : tz->offset_first;
    if (utc_s >= tz->moment[tz->count - 1] && tz->has_footer)
        return footer_offset(&tz->footer, utc_s);
    uint32_t low = 0, high = tz->count; /* moment[low] <= utc_s < moment[high] */
    while (high - low > 1) {
        uint32_t middle = low + (high - low) / 2;
        if (tz->moment[middle] <= utc_s)
            low = middle;
        else
            high = middle;
    }
    return tz->offset_after[low];
}

int64_t dw_zone_to_utc(const struct dw_zone *z, int64_t wall_s)
{
    if (!z->tz)
        return wall_s - z->offset_s;
    int32_t before = dw_zone_offset_at(z, wall_s - DAY_S);
    if (dw_zone_offset_at(z, wall_s - before) == before)
        return wall_s - before; /* the usual case, and the first of two */
    int32_t after = dw_zone_offset_at(z, wall_s + DAY_S);
    if (dw_zone_offset_at(z, wall_s - after) == after)
        return wall_s - after;
    return wall_s - before; /* a reading that never was */
}

/* ---- TZif ---- */

struct header {
    uint8_t version;
    uint32_t isutc, isstd, leap, time, type, chars;
};

static uint32_t big32(struct dw_cursor *c)
{
    return __builtin_bswap32(dw_take_u32(c));
}

static bool take_header(struct dw_cursor *c, struct header *h)
{
    struct dw_str magic = dw_take_bytes(c, 4);
    h->version = dw_take_byte(c);
    (void)dw_take_bytes(c, 15);
    h->isutc = big32(c);
    h->isstd = big32(c);
    h->leap = big32(c);
    h->time = big32(c);
    h->type = big32(c);
    h->chars = big32(c);
    return !c->bad && dw_str_eq(magic, DW_STR("TZif")) && h->time <= MOMENTS_MAX && h->type >= 1 && h->type <= 256
        && h->leap <= MOMENTS_MAX && h->chars <= 4096 && h->isutc <= h->type && h->isstd <= h->type;
}

static int read_body(struct dw_cursor *c, const struct header *h, struct dw_tz **ret)
{
    struct dw_tz *tz = dw_calloc(1, sizeof *tz + h->time * (sizeof(int64_t) + sizeof(int32_t)));
    if (!tz)
        return DW_ENOMEM;
    tz->count = h->time;
    tz->offset_after = (int32_t *)(void *)(tz->moment + h->time);
    for (uint32_t i = 0; i < h->time; i++)
        tz->moment[i] = (int64_t)__builtin_bswap64(dw_take_u64(c));
    struct dw_str index = dw_take_bytes(c, h->time);
    struct dw_str types = dw_take_bytes(c, (size_t)h->type * 6);
    (void)dw_take_bytes(c, (size_t)h->chars + (size_t)h->leap * 12 + h->isstd + h->isutc);
    bool good = !c->bad;
    for (uint32_t i = 0; good && i < h->time; i++) {
        uint8_t type = (uint8_t)index.ptr[i];
        good = type < h->type && (i == 0 || tz->moment[i - 1] < tz->moment[i]);
        if (good) {
            struct dw_cursor at = dw_cursor_of(dw_str_slice(types, (size_t)type * 6, (size_t)type * 6 + 4));
            tz->offset_after[i] = (int32_t)big32(&at);
            good = tz->offset_after[i] > -2 * DAY_S && tz->offset_after[i] < 2 * DAY_S;
        }
    }
    if (!good) {
        dw_free(tz);
        return DW_ECORRUPT;
    }
    struct dw_cursor at = dw_cursor_of(types);
    tz->offset_first = (int32_t)big32(&at);
    if (tz->offset_first <= -2 * DAY_S || tz->offset_first >= 2 * DAY_S)
        tz->offset_first = 0;
    *ret = tz;
    return DW_OK;
}

int dw_zone_load_tzif(struct dw_str bytes, struct dw_zone *ret)
{
    struct dw_cursor c = dw_cursor_of(bytes);
    struct header h;
    if (!take_header(&c, &h) || h.version < '2')
        return DW_ECORRUPT;
    /* the first block has 32-bit times: step over it */
    (void)dw_take_bytes(
        &c, (size_t)h.time * 5 + (size_t)h.type * 6 + h.chars + (size_t)h.leap * 8 + h.isstd + h.isutc);
    if (!take_header(&c, &h))
        return DW_ECORRUPT;
    struct dw_tz *tz = NULL;
    int rc = read_body(&c, &h, &tz);
    if (rc < 0)
        return rc;
    struct dw_str rest = dw_str_make((const char *)c.at, dw_cursor_left(&c));
    if (rest.len && rest.ptr[0] == '\n') {
        rest = dw_str_slice(rest, 1, rest.len);
        tz->has_footer = parse_footer(dw_str_cut(&rest, '\n'), &tz->footer);
    }
    *ret = (struct dw_zone){.tz = tz};
    return DW_OK;
}

static bool safe_name(struct dw_str name)
{
    for (size_t i = 0; i < name.len; i++) {
        char c = name.ptr[i];
        if (!letter(c) && !digit(c) && c != '/' && c != '_' && c != '-' && c != '+')
            return false;
    }
    return name.len > 0 && name.len < 64 && name.ptr[0] != '/';
}

static int load_named(const struct dw_fs *fs, struct dw_str name, struct dw_zone *ret)
{
    if (!safe_name(name))
        return DW_EUNKNOWN;
    char path[128];
    (void)snprintf(path, sizeof path, "/usr/share/zoneinfo/%.*s", DW_ARG(name));
    struct dw_buf bytes = {0};
    int rc = dw_fs_read_file(fs, path, FILE_MAX, &bytes);
    if (rc == DW_OK)
        rc = dw_zone_load_tzif(dw_buf_view(&bytes), ret);
    dw_buf_fini(&bytes);
    return rc == DW_ENOENT || rc == DW_EIO ? DW_EUNKNOWN : rc;
}

int dw_zone_load(const struct dw_fs *fs, struct dw_str name, struct dw_zone *ret)
{
    int32_t offset = 0;
    bool fixed = dw_zone_read(name, &offset) == name.len && name.len > 0;
    bool word = fixed && letter(name.ptr[0]);
    bool plain = word && offset == 0;
    if (!fixed || (word && !plain)) { /* CET is also a name of the database, with its summer time */
        int rc = load_named(fs, name, ret);
        if (rc != DW_EUNKNOWN || !fixed)
            return rc;
    }
    *ret = (struct dw_zone){.offset_s = offset};
    return DW_OK;
}

void dw_zone_fini(struct dw_zone *z)
{
    dw_free(z->tz);
    *z = (struct dw_zone){0};
}
