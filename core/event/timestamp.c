/*
 * timestamp: times as programs write them.
 *
 * Idea: every format is a short sequence of the same few steps (digits of a fixed count, a month's name, a clock),
 * so each reader is a few lines over a cursor that remembers whether all steps held.
 *
 * Invariants:
 *   (1) The cursor never passes `end`; after the first failed step `ok` stays false and nothing is returned.
 *   (2) A date that does not exist (31 June, 24:00:00) is no match. Second 60 is read as the next minute's first.
 *   (3) Nothing here asks a clock: yearless times are placed by the context's reference.
 */
#include "dogwatch/event/timestamp.h"

#include "dogwatch/base/clock.h"
#include "dogwatch/event/rfc3339.h"

struct scan {
    const char *at, *end;
    bool ok;
};

/* A wall clock reading as it is put together. */
struct wall {
    int64_t year; /* 0: not named */
    unsigned month, day, hour, minute, second, ns;
    bool has_zone;
    int32_t offset_s;
};

static struct scan scan_of(struct dw_str s)
{
    return (struct scan){s.ptr, s.ptr ? s.ptr + s.len : s.ptr, s.len > 0};
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static char peek(const struct scan *c)
{
    return c->at < c->end ? *c->at : '\0';
}

static bool accept(struct scan *c, char want)
{
    if (!c->ok || peek(c) != want || c->at == c->end)
        return false;
    c->at++;
    return true;
}

static void expect(struct scan *c, char want)
{
    c->ok = c->ok && accept(c, want);
}

/* Exactly `count` digits. */
static unsigned fixed(struct scan *c, int count)
{
    unsigned v = 0;
    if (!c->ok || c->end - c->at < count) {
        c->ok = false;
        return 0;
    }
    for (int i = 0; i < count; i++) {
        if (!is_digit(c->at[i])) {
            c->ok = false;
            return 0;
        }
        v = v * 10 + (unsigned)(c->at[i] - '0');
    }
    c->at += count;
    return v;
}

/* One or two digits, the first may be a space. */
static unsigned loose(struct scan *c)
{
    (void)accept(c, ' ');
    if (c->end - c->at >= 2 && is_digit(c->at[1]))
        return fixed(c, 2);
    return fixed(c, 1);
}

static unsigned month_name(struct scan *c)
{
    static const char names[] = "janfebmaraprmayjunjulaugsepoctnovdec";
    if (c->ok && c->end - c->at >= 3) {
        char low[3];
        for (int i = 0; i < 3; i++)
            low[i] = (char)(c->at[i] | 0x20);
        for (unsigned m = 0; m < 12; m++) {
            if (memcmp(names + m * 3, low, 3) == 0) {
                c->at += 3;
                return m + 1;
            }
        }
    }
    c->ok = false;
    return 0;
}

/* .123456789 or ,123: optional. */
static void fraction(struct scan *c, struct wall *w)
{
    if (!c->ok || (peek(c) != '.' && peek(c) != ',') || c->end - c->at < 2 || !is_digit(c->at[1]))
        return;
    c->at++;
    unsigned scale = 100000000;
    for (; c->at < c->end && is_digit(*c->at); c->at++) {
        w->ns += (unsigned)(*c->at - '0') * scale;
        scale /= 10;
    }
}

static void clock_of(struct scan *c, struct wall *w, bool loose_hour)
{
    w->hour = loose_hour ? loose(c) : fixed(c, 2);
    expect(c, ':');
    w->minute = fixed(c, 2);
    expect(c, ':');
    w->second = fixed(c, 2);
    fraction(c, w);
}

static void zone(struct scan *c, struct wall *w)
{
    if (!c->ok)
        return;
    size_t n = dw_zone_read(dw_str_make(c->at, (size_t)(c->end - c->at)), &w->offset_s);
    c->at += n;
    w->has_zone = n > 0;
}

/* A zone after one space, if there is one; else the space is left. */
static void spaced_zone(struct scan *c, struct wall *w)
{
    if (w->has_zone || !accept(c, ' '))
        return;
    zone(c, w);
    if (!w->has_zone)
        c->at--;
}

static bool valid(const struct wall *w)
{
    static const uint8_t length[] = {31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    if (w->month < 1 || w->month > 12 || w->day < 1 || w->day > length[w->month - 1])
        return false;
    bool leap = (w->year % 4 == 0 && w->year % 100 != 0) || w->year % 400 == 0;
    if (w->month == 2 && w->day == 29 && w->year != 0 && !leap)
        return false;
    return w->hour < 24 && w->minute < 60 && w->second <= 60 && (w->year == 0 || (w->year >= 1678 && w->year <= 2261));
}

static int64_t moment(const struct wall *w, int64_t year, const struct dw_time_ctx *ctx)
{
    int64_t s = dw_days_from_date(year, w->month, w->day) * 86400 + w->hour * 3600 + w->minute * 60 + w->second;
    if (w->has_zone)
        s -= w->offset_s;
    else if (ctx)
        s = dw_zone_to_utc(&ctx->zone, s);
    return s * DW_NS_PER_S + w->ns;
}

/* The year that puts a yearless time nearest to the reference, at most one day after it. */
static int64_t yearless(const struct wall *w, const struct dw_time_ctx *ctx)
{
    int64_t reference = ctx ? ctx->reference_ns : 0;
    int64_t guess = 1970 + reference / DW_NS_PER_S / 31556952;
    int64_t best = INT64_MIN;
    for (int64_t year = guess + 1; year >= guess - 4; year--) {
        bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
        if (w->month == 2 && w->day == 29 && !leap)
            continue;
        best = moment(w, year, ctx);
        if (best <= reference + 86400 * DW_NS_PER_S)
            return best;
    }
    return best;
}

static size_t finish(
    const struct scan *c, const struct wall *w, struct dw_str s, const struct dw_time_ctx *ctx, int64_t *ret_ns)
{
    if (!c->ok || !valid(w))
        return 0;
    *ret_ns = w->year ? moment(w, w->year, ctx) : yearless(w, ctx);
    return (size_t)(c->at - s.ptr);
}

size_t dw_time_iso(struct dw_str s, const struct dw_time_ctx *ctx, int64_t *ret_ns)
{
    struct scan c = scan_of(s);
    struct wall w = {0};
    w.year = fixed(&c, 4);
    expect(&c, '-');
    w.month = fixed(&c, 2);
    expect(&c, '-');
    w.day = fixed(&c, 2);
    if (!accept(&c, 'T') && !accept(&c, 't'))
        expect(&c, ' ');
    clock_of(&c, &w, false);
    zone(&c, &w);
    spaced_zone(&c, &w);
    return finish(&c, &w, s, ctx, ret_ns);
}

size_t dw_time_clf(struct dw_str s, const struct dw_time_ctx *ctx, int64_t *ret_ns)
{
    struct scan c = scan_of(s);
    struct wall w = {0};
    w.day = fixed(&c, 2);
    expect(&c, '/');
    w.month = month_name(&c);
    expect(&c, '/');
    w.year = fixed(&c, 4);
    expect(&c, ':');
    clock_of(&c, &w, false);
    spaced_zone(&c, &w);
    return finish(&c, &w, s, ctx, ret_ns);
}

/* " 2026" between date and clock, or after the clock: only when four digits and then no colon follow. */
static void optional_year(struct scan *c, struct wall *w)
{
    struct scan t = *c;
    if (w->year || !accept(&t, ' '))
        return;
    unsigned year = fixed(&t, 4);
    if (!t.ok || year < 1970 || year > 2261 || is_digit(peek(&t)) || peek(&t) == ':')
        return;
    w->year = year;
    *c = t;
}

size_t dw_time_syslog(struct dw_str s, const struct dw_time_ctx *ctx, int64_t *ret_ns)
{
    struct scan c = scan_of(s);
    struct wall w = {0};
    w.month = month_name(&c);
    expect(&c, ' ');
    w.day = loose(&c);
    optional_year(&c, &w);
    expect(&c, ' ');
    clock_of(&c, &w, true);
    optional_year(&c, &w);
    return finish(&c, &w, s, ctx, ret_ns);
}

size_t dw_time_day_month(struct dw_str s, const struct dw_time_ctx *ctx, int64_t *ret_ns)
{
    struct scan c = scan_of(s);
    struct wall w = {0};
    w.day = loose(&c);
    expect(&c, ' ');
    w.month = month_name(&c);
    optional_year(&c, &w);
    expect(&c, ' ');
    clock_of(&c, &w, false);
    return finish(&c, &w, s, ctx, ret_ns);
}

size_t dw_time_asctime(struct dw_str s, const struct dw_time_ctx *ctx, int64_t *ret_ns)
{
    struct scan c = scan_of(s);
    struct wall w = {0};
    for (int i = 0; i < 3; i++) /* the weekday is not checked */
        c.ok = c.ok && c.at < c.end && (*c.at | 0x20) >= 'a' && (*c.at++ | 0x20) <= 'z';
    expect(&c, ' ');
    w.month = month_name(&c);
    expect(&c, ' ');
    w.day = loose(&c);
    expect(&c, ' ');
    clock_of(&c, &w, false);
    spaced_zone(&c, &w);
    expect(&c, ' ');
    w.year = fixed(&c, 4);
    return finish(&c, &w, s, ctx, ret_ns);
}

size_t dw_time_slashes(struct dw_str s, const struct dw_time_ctx *ctx, int64_t *ret_ns)
{
    struct scan c = scan_of(s);
    struct wall w = {0};
    w.year = fixed(&c, 4);
    expect(&c, '/');
    w.month = fixed(&c, 2);
    expect(&c, '/');
    w.day = fixed(&c, 2);
    if (!accept(&c, 'T'))
        expect(&c, ' ');
    clock_of(&c, &w, false);
    return finish(&c, &w, s, ctx, ret_ns);
}

size_t dw_time_yymmdd(struct dw_str s, const struct dw_time_ctx *ctx, int64_t *ret_ns)
{
    struct scan c = scan_of(s);
    struct wall w = {0};
    unsigned yy = fixed(&c, 2);
    w.year = yy < 70 ? 2000 + yy : 1900 + yy;
    w.month = fixed(&c, 2);
    w.day = fixed(&c, 2);
    expect(&c, ' ');
    clock_of(&c, &w, true);
    return finish(&c, &w, s, ctx, ret_ns);
}

size_t dw_time_epoch(struct dw_str s, int64_t *ret_ns)
{
    size_t n = 0;
    int64_t v = 0;
    while (n < s.len && is_digit(s.ptr[n]) && n < 19)
        v = v * 10 + (s.ptr[n++] - '0');
    if (n < s.len && is_digit(s.ptr[n]))
        return 0;
    int64_t unit = n == 9 || n == 10 ? DW_NS_PER_S : n == 12 || n == 13 ? DW_NS_PER_MS : n == 15 || n == 16 ? 1000 : 1;
    if (n < 9 || n == 11 || n == 14 || n == 17 || v > INT64_MAX / unit)
        return 0;
    v *= unit;
    if (n + 1 < s.len && s.ptr[n] == '.' && is_digit(s.ptr[n + 1])) {
        int64_t scale = unit / 10;
        for (n++; n < s.len && is_digit(s.ptr[n]); n++) {
            int64_t more = (s.ptr[n] - '0') * scale;
            v = v > INT64_MAX - more ? v : v + more;
            scale /= 10;
        }
    }
    *ret_ns = v;
    return n;
}

size_t dw_time_any(struct dw_str s, const struct dw_time_ctx *ctx, bool prefix, int64_t *ret_ns)
{
    size_t (*const reader[])(struct dw_str, const struct dw_time_ctx *, int64_t *) = {dw_time_iso, dw_time_clf,
        dw_time_syslog, dw_time_slashes, dw_time_day_month, dw_time_asctime, dw_time_yymmdd};
    int64_t ns = 0;
    for (size_t i = 0; i < DW_COUNT_OF(reader); i++) {
        size_t n = reader[i](s, ctx, &ns);
        if (n == 0)
            continue;
        if (!prefix && n != s.len)
            return 0;
        *ret_ns = ns;
        return n;
    }
    size_t n = dw_time_epoch(s, &ns);
    if (n == 0 || (!prefix && n != s.len))
        return 0;
    *ret_ns = ns;
    return n;
}
