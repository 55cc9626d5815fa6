/*
 * timestamp: reading the times that programs write.
 *
 * A time is read by a cursor that takes digits, names and separators; each form is a short function that
 * either takes all of its form or nothing. The form is chosen by the first bytes, so a wrong guess costs little.
 *
 * Invariants:
 *   (1) No form reads past the view.
 *   (2) ns fits into 64 bits or the answer is DW_ERANGE.
 *   (3) A text that names its zone means the same whatever dw_time_ref says.
 */
#include "dogwatch/event/timestamp.h"

#include "fixed.h"

#include "dogwatch/base/clock.h"
#include "dogwatch/base/error.h"

#include <stdio.h>

enum { DAY_S = 86400, HOUR_S = 3600 };

struct scan {
    struct dw_str s;
    size_t at;
    int64_t year; /* 0: not named */
    unsigned month, day, hour, minute, second;
    uint32_t frac_ns;
    bool zoned;
    int32_t offset_s;
};

int64_t dw_days_from_civil(int64_t year, unsigned month, unsigned day)
{
    /* Years begin in March, so that the odd day is the last; and far enough back to be unsigned. */
    enum { BACK = 400000, BACK_DAYS = BACK / 400 * 146097 + 719468 };
    uint32_t y = (uint32_t)(year + BACK) - (month <= 2), m = month > 2 ? month - 3 : month + 9;
    return (int64_t)(365 * y + y / 4 - y / 100 + y / 400 + (153 * m + 2) / 5 + day - 1) - BACK_DAYS;
}

void dw_civil_from_days(int64_t days, int64_t *ret_year, unsigned *ret_month, unsigned *ret_day)
{
    int64_t z = days + 719468;
    int64_t era = (z >= 0 ? z : z - 146096) / 146097;
    int64_t doe = z - era * 146097;
    int64_t yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
    int64_t doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
    int64_t mp = (5 * doy + 2) / 153;
    *ret_day = (unsigned)(doy - (153 * mp + 2) / 5 + 1);
    *ret_month = (unsigned)(mp < 10 ? mp + 3 : mp - 9);
    *ret_year = yoe + era * 400 + (*ret_month <= 2);
}

static char peek(const struct scan *c)
{
    return c->at < c->s.len ? c->s.ptr[c->at] : '\0';
}

static bool is_digit(char ch)
{
    return ch >= '0' && ch <= '9';
}

static bool take(struct scan *c, char ch)
{
    if (c->at >= c->s.len || c->s.ptr[c->at] != ch)
        return false;
    c->at++;
    return true;
}

/* Takes exactly `n` digits. */
static bool digits(struct scan *c, unsigned n, unsigned *ret)
{
    if (c->s.len - c->at < n)
        return false;
    unsigned v = 0;
    for (unsigned i = 0; i < n; i++) {
        char ch = c->s.ptr[c->at + i];
        if (!is_digit(ch))
            return false;
        v = v * 10 + (unsigned)(ch - '0');
    }
    c->at += n;
    *ret = v;
    return true;
}

/* One or two digits, a space may stand for the first. */
static bool digits12(struct scan *c, unsigned *ret)
{
    (void)take(c, ' ');
    return digits(c, 2, ret) || digits(c, 1, ret);
}

static bool month_name(struct scan *c)
{
    static const char names[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
    for (unsigned i = 0; i < 12; i++) {
        if (dw_str_ieq(dw_str_slice(c->s, c->at, c->at + 3), dw_str_make(names + 3 * (size_t)i, 3))) {
            c->month = i + 1;
            c->at += 3;
            return true;
        }
    }
    return false;
}

static bool day_name(struct scan *c)
{
    static const char names[] = "MonTueWedThuFriSatSun";
    for (unsigned i = 0; i < 7; i++) {
        if (dw_str_ieq(dw_str_slice(c->s, c->at, c->at + 3), dw_str_make(names + 3 * (size_t)i, 3))) {
            c->at += 3;
            return true;
        }
    }
    return false;
}

static bool year4(struct scan *c)
{
    unsigned y;
    if (!digits(c, 4, &y))
        return false;
    c->year = y;
    return true;
}

/* .123 or ,123: any number of digits, the tenth and later are cut. */
static void fraction(struct scan *c)
{
    char sep = peek(c);
    if ((sep != '.' && sep != ',') || c->at + 1 >= c->s.len || !is_digit(c->s.ptr[c->at + 1]))
        return;
    c->at++;
    uint32_t unit = 100000000;
    for (; is_digit(peek(c)); c->at++) {
        c->frac_ns += unit * (uint32_t)(peek(c) - '0');
        unit /= 10;
    }
}

/* hh:mm:ss with fraction; with `loose` the hour may be one digit. */
static bool clock_time(struct scan *c, bool loose)
{
    if (!(loose ? digits12(c, &c->hour) : digits(c, 2, &c->hour)) || !take(c, ':') || !digits(c, 2, &c->minute) ||
        !take(c, ':') || !digits(c, 2, &c->second))
        return false;
    fraction(c);
    return true;
}

static bool numeric_zone(struct scan *c)
{
    size_t from = c->at;
    char sign = peek(c);
    unsigned h, m = 0;
    c->at++;
    if (digits(c, 2, &h)) {
        size_t mark = c->at;
        (void)take(c, ':');
        if (!digits(c, 2, &m)) {
            c->at = mark;
            m = 0;
        }
        if (h <= 18 && m < 60 && !is_digit(peek(c))) {
            int32_t off = (int32_t)(h * HOUR_S + m * 60);
            c->offset_s = sign == '-' ? -off : off;
            c->zoned = true;
            return true;
        }
    }
    c->at = from;
    return false;
}

/* A zone after the time: Z, an offset, or after one space an offset or a known abbreviation. */
static void zone_suffix(struct scan *c)
{
    size_t from = c->at;
    char next = c->at + 1 < c->s.len ? c->s.ptr[c->at + 1] : '\0';
    if (peek(c) == 'Z' && !((next | 32) >= 'a' && (next | 32) <= 'z')) {
        c->at++;
        c->zoned = true;
        return;
    }
    bool spaced = take(c, ' ');
    if (peek(c) == '+' || peek(c) == '-') {
        if (!numeric_zone(c))
            c->at = from;
        return;
    }
    size_t end = c->at;
    while (end < c->s.len && c->s.ptr[end] >= 'A' && c->s.ptr[end] <= 'Z')
        end++;
    char after = end < c->s.len ? c->s.ptr[end] : ' ';
    bool whole = !(after >= 'a' && after <= 'z') && !is_digit(after) && after != '_' && after != ':';
    if (spaced && whole && dw_zone_abbreviation(dw_str_slice(c->s, c->at, end), &c->offset_s)) {
        c->at = end;
        c->zoned = true;
        return;
    }
    c->at = from;
}

/* 2026-11-23T21:14:18, 2026/11/23 21:14:18, 2026-11-23-21:14:18 */
static bool form_iso(struct scan *c)
{
    if (!year4(c))
        return false;
    char sep = peek(c);
    if ((sep != '-' && sep != '/' && sep != '.') || !take(c, sep) || !digits(c, 2, &c->month) || !take(c, sep) ||
        !digits(c, 2, &c->day))
        return false;
    if (!take(c, 'T') && !take(c, 't') && !take(c, '-') && !take(c, ' '))
        return false;
    if (!clock_time(c, true))
        return false;
    zone_suffix(c);
    return true;
}

/* 23/Nov/2026:21:14:18 +0000 and 23/Nov/2026:21:14:18.123 */
static bool form_clf(struct scan *c)
{
    if (!digits12(c, &c->day) || !(take(c, '/') || take(c, '-')) || !month_name(c) || !(take(c, '/') || take(c, '-')) ||
        !year4(c) || !(take(c, ':') || take(c, ' ')) || !clock_time(c, true))
        return false;
    zone_suffix(c);
    return true;
}

/* 30 May 10:03:19.123, 30 May 2017 10:03:19.123, with a weekday and comma before: RFC 1123 */
static bool form_day_month(struct scan *c)
{
    if (!digits12(c, &c->day) || !take(c, ' ') || !month_name(c) || !take(c, ' '))
        return false;
    size_t mark = c->at;
    if (!year4(c) || !take(c, ' ')) {
        c->at = mark;
        c->year = 0;
    }
    if (!clock_time(c, true))
        return false;
    if (c->year)
        zone_suffix(c);
    return true;
}

/* Nov  3 21:14:18, Nov 3 2026 21:14:18, Nov 23 21:14:18.123456 2026, Nov 23 21:14:18 UTC 2026 */
static bool form_month_day(struct scan *c)
{
    if (!month_name(c) || !take(c, ' ') || !digits12(c, &c->day))
        return false;
    (void)take(c, ',');
    if (!take(c, ' '))
        return false;
    size_t mark = c->at;
    if (!year4(c) || !take(c, ' ')) {
        c->at = mark;
        c->year = 0;
    }
    if (!clock_time(c, true))
        return false;
    if (c->year)
        return true;
    size_t end = c->at;
    if (peek(c) == 'Z' || peek(c) == '+' || peek(c) == '-' || peek(c) == ' ')
        zone_suffix(c);
    mark = c->at;
    bool year = take(c, ' ') && year4(c) && !is_digit(peek(c)) && peek(c) != '-' && peek(c) != '/';
    if (!year) {
        c->year = 0;
        c->at = c->zoned ? mark : end;
    }
    return true;
}

/* 160101  9:01:02 (MySQL before 5.7), 20261123T211418, 20261123 21:14:18 */
static bool form_packed(struct scan *c)
{
    unsigned y, packed = 0;
    while (packed <= 8 && c->at + packed < c->s.len && is_digit(c->s.ptr[c->at + packed]))
        packed++;
    if (packed != 6 && packed != 8)
        return false;
    if (!digits(c, packed - 4, &y) || !digits(c, 2, &c->month) || !digits(c, 2, &c->day))
        return false;
    c->year = packed == 8 ? (int64_t)y : (int64_t)y + 2000;
    if (!take(c, 'T') && !take(c, ' ') && !take(c, '-'))
        return false;
    size_t mark = c->at;
    if (!clock_time(c, true)) {
        c->at = mark;
        if (!digits(c, 2, &c->hour) || !digits(c, 2, &c->minute) || !digits(c, 2, &c->second))
            return false;
        fraction(c);
    }
    zone_suffix(c);
    return true;
}

static bool in_range(const struct scan *c)
{
    static const unsigned char last[] = {31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    return c->month >= 1 && c->month <= 12 && c->day >= 1 && c->day <= last[c->month - 1] && c->hour < 24 &&
           c->minute < 60 && c->second <= 60;
}

static int64_t seconds_in_day(unsigned hour, unsigned minute, unsigned second)
{
    return (int64_t)hour * HOUR_S + (int64_t)minute * 60 + second;
}

static int64_t scan_seconds(const struct scan *c, int64_t year, const struct dw_time_ref *ref)
{
    int64_t local = dw_days_from_civil(year, c->month, c->day) * DAY_S + seconds_in_day(c->hour, c->minute, c->second);
    return c->zoned ? local - c->offset_s : dw_zone_to_utc(ref->zone, local);
}

/* The year for a time without one: nearest to now, at most a day ahead. */
static int64_t guess_year(const struct scan *c, const struct dw_time_ref *ref)
{
    int64_t now_s = ref->now_ns / DW_NS_PER_S, year;
    unsigned m, d;
    dw_civil_from_days(now_s / DAY_S, &year, &m, &d);
    for (int64_t y = year + 1; y > year - 1; y--)
        if (scan_seconds(c, y, ref) <= now_s + DAY_S)
            return y;
    return year - 1;
}

static int finish(struct scan *c, const struct dw_time_ref *ref, struct dw_time *ret)
{
    if (!in_range(c))
        return DW_ESYNTAX;
    bool dated = c->year != 0;
    int64_t s = scan_seconds(c, dated ? c->year : guess_year(c, ref), ref);
    int64_t ns;
    if (__builtin_mul_overflow(s, DW_NS_PER_S, &ns) || __builtin_add_overflow(ns, (int64_t)c->frac_ns, &ns))
        return DW_ERANGE;
    *ret = (struct dw_time){.ns = ns, .len = c->at, .zoned = c->zoned, .dated = dated};
    return DW_OK;
}

/* Digits alone: the unit follows from how many there are (10: s, 13: ms, 16: us, 19: ns), with fraction. */
static int epoch(struct dw_str s, struct dw_time *ret)
{
    size_t n = 0;
    while (n < s.len && is_digit(s.ptr[n]))
        n++;
    uint64_t v;
    if (n < 9 || n > 19 || !dw_str_u64(dw_str_slice(s, 0, n), &v))
        return DW_ESYNTAX;
    int64_t unit = n <= 11 ? DW_NS_PER_S : n <= 14 ? DW_NS_PER_MS : n <= 17 ? 1000 : 1;
    struct scan c = {.s = s, .at = n};
    if (unit > 1)
        fraction(&c);
    int64_t ns;
    if (v > INT64_MAX || __builtin_mul_overflow((int64_t)v, unit, &ns) ||
        __builtin_add_overflow(ns, (int64_t)c.frac_ns / (DW_NS_PER_S / unit), &ns))
        return DW_ERANGE;
    *ret = (struct dw_time){.ns = ns, .len = c.at, .zoned = true, .dated = true};
    return DW_OK;
}

/* The month of a three-letter name at p, 0: none. Its letters are compared at once. */
static unsigned month_at(const char *p)
{
#define NAME(a, b, c) ((uint32_t)(a) << 16 | (uint32_t)(b) << 8 | (uint32_t)(c))
    switch (NAME((unsigned char)p[0], (unsigned char)p[1], (unsigned char)p[2])) {
    case NAME('J', 'a', 'n'): return 1;
    case NAME('F', 'e', 'b'): return 2;
    case NAME('M', 'a', 'r'): return 3;
    case NAME('A', 'p', 'r'): return 4;
    case NAME('M', 'a', 'y'): return 5;
    case NAME('J', 'u', 'n'): return 6;
    case NAME('J', 'u', 'l'): return 7;
    case NAME('A', 'u', 'g'): return 8;
    case NAME('S', 'e', 'p'): return 9;
    case NAME('O', 'c', 't'): return 10;
    case NAME('N', 'o', 'v'): return 11;
    case NAME('D', 'e', 'c'): return 12;
    default: return 0;
    }
#undef NAME
}

/* 23/Nov/2026:21:14:18 +0000, every byte at its place: what access logs hold on every line. False: try the forms. */
static bool fixed_clf(struct dw_str s, struct dw_time *ret)
{
    enum { LEN = 26 };
    const char *p = s.ptr;
    uint64_t date;
    if (s.len < LEN || p[2] != '/' || p[6] != '/' || p[20] != ' ' || (p[21] != '+' && p[21] != '-') || !dw__fixed_pairs(p + 7, "0000:00:", &date))
        return false;
    unsigned month = month_at(p + 3);
    int day = dw__fixed_digits(p, 2), year = (int)(date & 255) * 100 + (int)(date >> 16 & 255), second = dw__fixed_clock(p + 12, 59);
    int zone_hour = dw__fixed_digits(p + 22, 2), zone_minute = dw__fixed_digits(p + 24, 2);
    if (month == 0 || day < 1 || day > 28 || year < 1970 || year > 2200 || second < 0 || zone_hour < 0 || zone_hour > 14 || zone_minute < 0 ||
        zone_minute > 59)
        return false; /* the ends of months and odd zones take the careful way */
    int64_t east = seconds_in_day((unsigned)zone_hour, (unsigned)zone_minute, 0) * (p[21] == '-' ? -1 : 1);
    int64_t utc = dw_days_from_civil(year, month, (unsigned)day) * DAY_S + second - east;
    *ret = (struct dw_time){.ns = utc * DW_NS_PER_S, .len = LEN, .zoned = true, .dated = true};
    return s.len == LEN || !is_digit(p[LEN]);
}

int dw_time_scan(struct dw_str s, const struct dw_time_ref *ref, struct dw_time *ret)
{
    static bool (*const by_digit[])(struct scan *) = {form_iso, form_clf, form_day_month, form_packed};
    struct scan c = {.s = s};
    if (s.len < 9)
        return DW_ESYNTAX;
    if (fixed_clf(s, ret))
        return DW_OK;
    if (is_digit(s.ptr[0]) || s.ptr[0] == ' ') {
        for (size_t i = 0; i < DW_COUNT_OF(by_digit); i++) {
            c = (struct scan){.s = s};
            if (by_digit[i](&c))
                return finish(&c, ref, ret);
        }
        return epoch(s, ret);
    }
    if (day_name(&c)) {
        (void)take(&c, ',');
        if (!take(&c, ' '))
            return DW_ESYNTAX;
    }
    struct scan after_day = c;
    if (form_month_day(&c))
        return finish(&c, ref, ret);
    c = after_day;
    if (c.at > 0 && (form_day_month(&c) || (c = after_day, form_clf(&c))))
        return finish(&c, ref, ret);
    return DW_ESYNTAX;
}

int dw_time_parse(struct dw_str s, const struct dw_time_ref *ref, int64_t *ret_ns)
{
    struct dw_time t;
    int err = dw_time_scan(s, ref, &t);
    if (err)
        return err;
    if (t.len != s.len)
        return DW_ESYNTAX;
    *ret_ns = t.ns;
    return DW_OK;
}

bool dw_span_asked(struct dw_str s, int64_t *ret_ns)
{
    static const char units[] = "smhdw";
    static const int64_t seconds[] = {1, 60, 3600, 86400, 604800};
    const char *unit = s.len > 1 ? memchr(units, s.ptr[s.len - 1], sizeof units - 1) : NULL;
    uint64_t n;
    return unit && dw_str_u64(dw_str_slice(s, 0, s.len - 1), &n) && n < 1000000
        && !__builtin_mul_overflow((int64_t)n, seconds[unit - units] * DW_NS_PER_S, ret_ns);
}

bool dw_time_asked(struct dw_str s, int64_t now_ns, int64_t *ret_ns)
{
    struct dw_time_ref ref = {.now_ns = now_ns};
    int64_t back;
    char day[] = "0000-00-00T00:00:00Z";
    if (dw_span_asked(s, &back))
        return !__builtin_sub_overflow(now_ns, back, ret_ns);
    if (s.len == 10 && s.ptr[4] == '-') {
        memcpy(day, s.ptr, s.len);
        s = dw_str_of(day);
    }
    return dw_time_parse(s, &ref, ret_ns) == DW_OK;
}

void dw_time_format(int64_t ns, char out[DW_TIME_TEXT])
{
    int64_t s = ns / DW_NS_PER_S, frac = ns % DW_NS_PER_S;
    if (frac < 0) {
        frac += DW_NS_PER_S;
        s--;
    }
    int64_t days = s / DAY_S, in_day = s % DAY_S;
    if (in_day < 0) {
        in_day += DAY_S;
        days--;
    }
    int64_t year;
    unsigned month, day;
    dw_civil_from_days(days, &year, &month, &day);
    unsigned y = year < 0 ? 0 : year > 9999 ? 9999 : (unsigned)year;
    (void)snprintf(out, DW_TIME_TEXT, "%04u-%02u-%02uT%02u:%02u:%02u.%09uZ", y % 10000u, month % 100u, day % 100u,
        (unsigned)(in_day / HOUR_S) % 100u, (unsigned)(in_day / 60 % 60), (unsigned)(in_day % 60),
        (unsigned)frac % 1000000000u);
}
