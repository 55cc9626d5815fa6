/*
 * plain_value: one value of an event and one value of a rule, where that is no text: numbers, times, networks, regular expressions.
 */
#include "plain.h"

#include "dogwatch/pred/regex.h"

#include <arpa/inet.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

bool plain_number(struct dw_str text, double *ret)
{
    char copy[64], *end;
    if (text.len == 0 || text.len >= sizeof copy)
        return false;
    memcpy(copy, text.ptr, text.len);
    copy[text.len] = '\0';
    if (strspn(copy, "0123456789+-.eE") != text.len)
        return false;
    *ret = strtod(copy, &end);
    return end == copy + text.len && isfinite(*ret);
}

static struct dw_str decimal(struct plain *p, double v)
{
    char text[64];
    if (v == floor(v) && fabs(v) < 9007199254740992.0)
        (void)snprintf(text, sizeof text, "%.0f", v == 0 ? 0.0 : v);
    else
        (void)snprintf(text, sizeof text, "%.15g", v);
    return dw_arena_copy(&p->mem, dw_str_of(text));
}

/* YAML 1.1: a leading 0 is octal, 0x hexadecimal. */
bool plain_yaml_number(const struct dw_yaml *n, double *ret)
{
    char copy[64], *end;
    if (n->kind != DW_YAML_SCALAR || !n->plain || n->text.len == 0 || n->text.len >= sizeof copy)
        return false;
    memcpy(copy, n->text.ptr, n->text.len);
    copy[n->text.len] = '\0';
    const char *digits = copy + (copy[0] == '-' || copy[0] == '+');
    if (digits[0] != '.' && !(digits[0] >= '0' && digits[0] <= '9'))
        return false;
    bool octal = digits[0] == '0' && digits[1] && strspn(digits, "01234567") == strlen(digits);
    *ret = octal ? (double)strtoll(copy, &end, 8) : strtod(copy, &end);
    return *end == '\0' && end != copy && isfinite(*ret);
}

bool plain_canonical(struct plain *p, const struct dw_yaml *n, struct dw_str *ret)
{
    bool truth;
    double v;
    if (dw_yaml_bool(n, &truth))
        *ret = truth ? DW_STR("true") : DW_STR("false");
    else if (plain_yaml_number(n, &v))
        *ret = decimal(p, v);
    else
        return false;
    return true;
}

/* ---- times ---- */

static bool is_leap(int64_t y)
{
    return (y % 4 == 0 && y % 100 != 0) || y % 400 == 0;
}

static int64_t days_of_month(int64_t y, int64_t m)
{
    static const int64_t days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    return days[m - 1] + (m == 2 && is_leap(y));
}

/* Days from 1970-01-01 to the first of January: counted, year by year. */
static int64_t days_to_year(int64_t year)
{
    int64_t days = 0;
    for (int64_t y = 1970; y < year; y++)
        days += 365 + is_leap(y);
    for (int64_t y = year; y < 1970; y++)
        days -= 365 + is_leap(y);
    return days;
}

struct moment {
    int64_t year, month, day, yearday, weekday /* Monday 1 */, hour, minute;
};

static int64_t floor_div(int64_t a, int64_t b)
{
    return a / b - (a % b < 0);
}

static struct moment moment_of(int64_t seconds)
{
    int64_t days = floor_div(seconds, 86400), rest = seconds - days * 86400;
    struct moment t = {.year = 1970 + floor_div(days, 366), .month = 1, .hour = rest / 3600, .minute = rest / 60 % 60};
    if (days < 0)
        t.year -= 1;
    while (days_to_year(t.year + 1) <= days)
        t.year++;
    t.yearday = days - days_to_year(t.year) + 1;
    t.day = t.yearday;
    while (t.day > days_of_month(t.year, t.month))
        t.day -= days_of_month(t.year, t.month++);
    t.weekday = ((days + 3) % 7 + 7) % 7 + 1; /* 1970-01-01 was a Thursday */
    return t;
}

struct dw_str plain_time_text(struct plain *p, int64_t time_ns)
{
    char text[64];
    int64_t seconds = floor_div(time_ns, 1000000000);
    struct moment t = moment_of(seconds);
    (void)snprintf(text, sizeof text, "%04d-%02d-%02dT%02d:%02d:%02dZ", (int)t.year, (int)t.month, (int)t.day, (int)t.hour, (int)t.minute,
        (int)(seconds - floor_div(seconds, 60) * 60));
    return dw_arena_copy(&p->mem, dw_str_of(text));
}

/* ISO 8601: week 1 is the one with the year's first Thursday. */
static int64_t week_of(const struct moment *t)
{
    int64_t week = (t->yearday - t->weekday + 10) / 7, year = t->year;
    for (int i = 0; i < 2; i++) { /* does that year have so many? */
        int64_t first = ((days_to_year(year) + 3) % 7 + 7) % 7 + 1;
        int64_t weeks = first == 4 || (first == 3 && is_leap(year)) ? 53 : 52;
        if (i == 0 && week >= 1)
            return week > weeks ? 1 : week;
        if (i == 1)
            return weeks;
        year--;
    }
    return week;
}

static int64_t two(struct dw_str s, size_t at)
{
    bool good = at + 2 <= s.len && s.ptr[at] >= '0' && s.ptr[at] <= '9' && s.ptr[at + 1] >= '0' && s.ptr[at + 1] <= '9';
    return good ? (s.ptr[at] - '0') * 10 + s.ptr[at + 1] - '0' : -1;
}

static bool is_at(struct dw_str s, size_t at, const char *one_of)
{
    return at < s.len && s.ptr[at] && strchr(one_of, s.ptr[at]);
}

/* YYYY-MM-DD, hh:mm, :ss, a fraction, an offset: each may end it. */
static bool read_time(struct dw_str s, int64_t *ret)
{
    int64_t century = two(s, 0), year = two(s, 2), month = two(s, 5), day = two(s, 8), second = 0;
    if (century < 0 || year < 0 || month < 1 || month > 12 || day < 1 || day > 31 || !is_at(s, 4, "-/") || s.ptr[7] != s.ptr[4])
        return false;
    year += century * 100;
    int64_t seconds = days_to_year(year);
    for (int64_t m = 1; m < month; m++)
        seconds += days_of_month(year, m);
    seconds = (seconds + day - 1) * 86400;
    size_t at = 10;
    if (two(s, 11) >= 0 && is_at(s, 13, ":") && two(s, 14) >= 0) {
        seconds += two(s, 11) * 3600 + two(s, 14) * 60;
        at = 16;
        if (is_at(s, 16, ":") && two(s, 17) >= 0) {
            second = two(s, 17);
            at = 19;
        }
        if (is_at(s, at, ".,"))
            for (at++; is_at(s, at, "0123456789"); at++)
                ;
    }
    seconds += second;
    if (is_at(s, at, "+-") && two(s, at + 1) >= 0) {
        int64_t minutes = two(s, at + 3) >= 0 ? two(s, at + 3) : two(s, at + 4) >= 0 ? two(s, at + 4) : 0;
        int64_t offset = two(s, at + 1) * 3600 + minutes * 60;
        seconds -= s.ptr[at] == '-' ? -offset : offset;
    }
    *ret = seconds;
    return true;
}

bool plain_time_is(struct dw_str part, struct dw_str text, double want)
{
    int64_t seconds;
    double number;
    if (!read_time(text, &seconds)) {
        if (!plain_number(text, &number) || fabs(number) > 1e14)
            return false;
        seconds = (int64_t)(fabs(number) >= 1e11 ? number / 1000 : number); /* so large a number is milliseconds */
    }
    struct moment t = moment_of(seconds);
    int64_t is = dw_str_eq(part, DW_STR("minute"))  ? t.minute
                 : dw_str_eq(part, DW_STR("hour"))  ? t.hour
                 : dw_str_eq(part, DW_STR("day"))   ? t.day
                 : dw_str_eq(part, DW_STR("week"))  ? week_of(&t)
                 : dw_str_eq(part, DW_STR("month")) ? t.month
                                                    : t.year;
    return (double)is == want;
}

/* ---- addresses ---- */

/* 16 bytes; an IPv4 address as its IPv4-mapped form. */
static bool read_address(struct dw_str s, uint8_t out[16], bool *ret_four)
{
    char text[64];
    if (s.len >= 2 && s.ptr[0] == '[' && s.ptr[s.len - 1] == ']')
        s = dw_str_slice(s, 1, s.len - 1);
    s = dw_str_slice(s, 0, dw_str_index(s, '%'));
    if (s.len == 0 || s.len >= sizeof text)
        return false;
    memcpy(text, s.ptr, s.len);
    text[s.len] = '\0';
    if (strlen(text) != s.len)
        return false;
    *ret_four = !strchr(text, ':');
    if (!*ret_four)
        return inet_pton(AF_INET6, text, out) == 1;
    memset(out, 0, 16);
    out[10] = out[11] = 0xff;
    return inet_pton(AF_INET, text, out + 12) == 1;
}

bool plain_in_network(struct dw_str network, struct dw_str address)
{
    uint8_t net[16], ip[16];
    bool four, ignored;
    uint64_t bits = 128;
    struct dw_str rest = network, base = dw_str_cut(&rest, '/');
    if (!read_address(base, net, &four) || !read_address(address, ip, &ignored))
        return false;
    if (rest.ptr && dw_str_u64(rest, &bits))
        bits += four ? 96 : 0;
    for (size_t i = 0; i < bits; i++)
        if ((net[i / 8] ^ ip[i / 8]) >> (7 - i % 8) & 1)
            return false;
    return true;
}

/* ---- regular expressions ---- */

/* Within far wider limits than the engine's. Which expressions it gives up is its own affair, and asked of it: then it is maybe; else its answer
 * has to be this one. */
enum plain_verdict plain_regex(struct plain *p, struct dw_str source, bool i, bool m, bool s, struct dw_str text)
{
    int error;
    PCRE2_SIZE where;
    char why[160];
    uint32_t options = PCRE2_UTF | PCRE2_MATCH_INVALID_UTF | PCRE2_NEVER_BACKSLASH_C;
    options |= (i ? PCRE2_CASELESS : 0) | (m ? PCRE2_MULTILINE : 0) | (s ? PCRE2_DOTALL : 0);
    pcre2_code *code = pcre2_compile((PCRE2_SPTR)source.ptr, source.len, options, &error, &where, NULL);
    pcre2_match_data *data = pcre2_match_data_create(1, NULL);
    struct dw_regex *re = NULL;
    struct dw_regex_scratch *scratch = dw_regex_scratch_new();
    int opened = dw_regex_new(source, (i ? DW_RE_I : 0u) | (m ? DW_RE_M : 0u) | (s ? DW_RE_S : 0u), why, sizeof why, &where, &re);
    DW_ASSERT(code && data && scratch && opened == 0);
    enum dw_verdict engine = dw_regex_match(re, scratch, text);
    int rc = engine == DW_UNDECIDED ? PCRE2_ERROR_MATCHLIMIT
                                    : pcre2_match(code, (PCRE2_SPTR)(text.ptr ? text.ptr : ""), text.len, 0, 0, data, NULL);
    dw_regex_scratch_free(scratch);
    dw_regex_free(re);
    pcre2_match_data_free(data);
    pcre2_code_free(code);
    p->limited += rc == PCRE2_ERROR_MATCHLIMIT;
    return rc >= 0 ? PLAIN_YES : rc == PCRE2_ERROR_NOMATCH ? PLAIN_NO : PLAIN_MAYBE;
}
