/*
 * value: what a field of an event is as text, folded text and number; and one leaf on one value.
 *
 * Invariants:
 *   (1) A number equals the view that is its decimal text: 5, 5.0 and "5" have the text 5.
 *   (2) Made texts live in the scratch's arena until the next event.
 */
#include "pred_int.h"

#include "dogwatch/pred/fold.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

static struct dw_str make_text(struct dw_pred_scratch *s, const char *text)
{
    struct dw_str copy = dw_arena_copy(&s->arena, dw_str_of(text));
    s->nomem = s->nomem || !copy.ptr;
    return copy;
}

/* Whole text as a number; hexadecimal, infinities and NaN are not numbers here. */
static bool parse_double(struct dw_str text, double *ret)
{
    char copy[64];
    if (text.len == 0 || text.len >= sizeof copy)
        return false;
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];
        if (!((c >= '0' && c <= '9') || c == '-' || c == '+' || c == '.' || c == 'e' || c == 'E'))
            return false;
        copy[i] = c;
    }
    copy[text.len] = '\0';
    char *end = NULL;
    double v = strtod(copy, &end);
    if (end == copy || *end || !isfinite(v))
        return false;
    *ret = v;
    return true;
}

static void double_text(double v, char *out, size_t cap)
{
    if (v == floor(v) && fabs(v) < 9007199254740992.0)
        (void)snprintf(out, cap, "%.0f", v == 0 ? 0.0 : v);
    else
        (void)snprintf(out, cap, "%.15g", v);
}

static struct dw_str number_text(struct dw_pred_scratch *s, const struct dw_field *f)
{
    char text[48];
    double v = f->kind == DW_K_FLOAT ? f->v.f : 0;
    switch (f->kind) {
    case DW_K_INT: (void)snprintf(text, sizeof text, "%lld", (long long)f->v.i); break;
    case DW_K_BOOL: return f->v.i ? DW_STR("true") : DW_STR("false");
    case DW_K_NUMBER: {
        struct dw_str t = dw_field_str(f);
        bool whole = dw_str_index(t, '.') == t.len && dw_str_index(t, 'e') == t.len && dw_str_index(t, 'E') == t.len;
        if (whole || !parse_double(t, &v))
            return t;
        double_text(v, text, sizeof text);
        break;
    }
    default: double_text(v, text, sizeof text); break;
    }
    return make_text(s, text);
}

struct dw_str dw__value_text(struct dw_pred_scratch *s, uint32_t index)
{
    struct dw__value *v = &s->value[index];
    if (!v->has_text) {
        bool text = dw_field_is_text(v->f) && v->f->kind != DW_K_NUMBER;
        v->text = text ? dw_field_str(v->f) : number_text(s, v->f);
        v->has_text = true;
    }
    return v->text;
}

struct dw_str dw__value_folded(struct dw_pred_scratch *s, uint32_t index)
{
    struct dw_str text = dw__value_text(s, index);
    struct dw__value *v = &s->value[index];
    if (!v->has_folded) {
        v->folded = dw_fold(&s->arena, text);
        s->nomem = s->nomem || !v->folded.ptr;
        v->has_folded = true;
    }
    return v->folded;
}

static enum dw_verdict truth(bool b)
{
    return b ? DW_TRUE : DW_FALSE;
}

static bool compare(const struct dw__leaf *leaf, struct dw_str text)
{
    double v;
    if (!parse_double(text, &v))
        return false;
    switch (leaf->op) {
    case DW_LEAF_LT: return v < leaf->number;
    case DW_LEAF_LTE: return v <= leaf->number;
    case DW_LEAF_GT: return v > leaf->number;
    default: return v >= leaf->number;
    }
}

/* Days since 1970-01-01 of a date of the Gregorian calendar (H. Hinnant's algorithm). */
static int64_t days_of(int64_t y, int64_t m, int64_t d)
{
    y -= m <= 2;
    int64_t era = (y >= 0 ? y : y - 399) / 400, yoe = y - era * 400;
    int64_t doy = (153 * (m + (m > 2 ? -3 : 9)) + 2) / 5 + d - 1;
    return era * 146097 + yoe * 365 + yoe / 4 - yoe / 100 + doy - 719468;
}

static void date_of(int64_t days, int64_t *y, int64_t *m, int64_t *d)
{
    days += 719468;
    int64_t era = (days >= 0 ? days : days - 146096) / 146097, doe = days - era * 146097;
    int64_t yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
    int64_t doy = doe - (365 * yoe + yoe / 4 - yoe / 100), mp = (5 * doy + 2) / 153;
    *d = doy - (153 * mp + 2) / 5 + 1;
    *m = mp < 10 ? mp + 3 : mp - 9;
    *y = yoe + era * 400 + (*m <= 2);
}

struct dw_str dw__time_text(struct dw_pred_scratch *s, int64_t time_ns)
{
    char text[64];
    int64_t seconds = time_ns / 1000000000 - (time_ns % 1000000000 < 0), y, m, d;
    int64_t days = seconds >= 0 ? seconds / 86400 : (seconds - 86399) / 86400, rest = seconds - days * 86400;
    date_of(days, &y, &m, &d);
    (void)snprintf(text, sizeof text, "%04d-%02d-%02dT%02d:%02d:%02dZ", (int)y, (int)m, (int)d, (int)(rest / 3600),
        (int)(rest / 60 % 60), (int)(rest % 60));
    return make_text(s, text);
}

/* ISO 8601 week number of a day. */
static int64_t week_of(int64_t days)
{
    int64_t weekday = ((days + 3) % 7 + 7) % 7; /* Monday 0 */
    int64_t thursday = days - weekday + 3, y, m, d;
    date_of(thursday, &y, &m, &d);
    return (thursday - days_of(y, 1, 1)) / 7 + 1;
}

static bool digits(struct dw_str s, size_t at, size_t n, int64_t *ret)
{
    int64_t v = 0;
    if (at + n > s.len)
        return false;
    for (size_t i = at; i < at + n; i++) {
        if (s.ptr[i] < '0' || s.ptr[i] > '9')
            return false;
        v = v * 10 + (s.ptr[i] - '0');
    }
    *ret = v;
    return true;
}

/* YYYY-MM-DD, then T or blank hh:mm[:ss[.f]], then nothing, Z or ±hh[:]mm: seconds since 1970 UTC. */
static bool parse_time(struct dw_str s, int64_t *ret)
{
    int64_t y, mo, d, h = 0, mi = 0, sec = 0, zh = 0, zm = 0;
    if (!digits(s, 0, 4, &y) || !digits(s, 5, 2, &mo) || !digits(s, 8, 2, &d) || mo < 1 || mo > 12 || d < 1 || d > 31)
        return false;
    if ((s.ptr[4] != '-' && s.ptr[4] != '/') || s.ptr[7] != s.ptr[4])
        return false;
    size_t at = 10;
    if (digits(s, 11, 2, &h) && digits(s, 14, 2, &mi) && s.ptr[13] == ':') {
        at = 16;
        if (at < s.len && s.ptr[at] == ':' && digits(s, 17, 2, &sec))
            at = 19;
        if (at < s.len && (s.ptr[at] == '.' || s.ptr[at] == ','))
            for (at++; at < s.len && s.ptr[at] >= '0' && s.ptr[at] <= '9'; at++)
                ;
    }
    *ret = days_of(y, mo, d) * 86400 + h * 3600 + mi * 60 + sec;
    if (at < s.len && (s.ptr[at] == '+' || s.ptr[at] == '-') && digits(s, at + 1, 2, &zh)) {
        if (!digits(s, at + 3, 2, &zm))
            (void)digits(s, at + 4, 2, &zm);
        *ret -= (s.ptr[at] == '-' ? -1 : 1) * (zh * 3600 + zm * 60);
    }
    return true;
}

static bool time_part_is(const struct dw__leaf *leaf, int64_t seconds)
{
    int64_t days = seconds >= 0 ? seconds / 86400 : (seconds - 86399) / 86400, rest = seconds - days * 86400;
    int64_t y, m, d, v = 0;
    date_of(days, &y, &m, &d);
    switch ((enum dw_time_part)leaf->flags) {
    case DW_TIME_MINUTE: v = rest / 60 % 60; break;
    case DW_TIME_HOUR: v = rest / 3600; break;
    case DW_TIME_DAY: v = d; break;
    case DW_TIME_WEEK: v = week_of(days); break;
    case DW_TIME_MONTH: v = m; break;
    case DW_TIME_YEAR: v = y; break;
    }
    return (double)v == leaf->number;
}

/* A date in text; a number is seconds, or milliseconds where seconds would lie after the year 5138. */
static bool test_time(const struct dw__leaf *leaf, struct dw_str text)
{
    int64_t seconds;
    double number;
    if (parse_time(text, &seconds))
        return time_part_is(leaf, seconds);
    if (!parse_double(text, &number) || fabs(number) > 1e14)
        return false;
    return time_part_is(leaf, (int64_t)(fabs(number) >= 1e11 ? number / 1000 : number));
}

static bool refers(enum dw_ref how, struct dw_str a, struct dw_str b)
{
    switch (how) {
    case DW_REF_EQ: return dw_str_eq(a, b);
    case DW_REF_CONTAINS: return b.len == 0 || dw_str_find(a, b) < a.len;
    case DW_REF_STARTS: return dw_str_starts(a, b);
    case DW_REF_ENDS: return dw_str_ends(a, b);
    }
    DW_NEVER("all references are above");
}

static bool test_ref(struct dw_pred_scratch *s, const struct dw__leaf *leaf, uint32_t value)
{
    bool cased = leaf->canon.ptr[5] != 0;
    struct dw_str mine = cased ? dw__value_text(s, value) : dw__value_folded(s, value);
    for (uint32_t v = dw__values_of(s, leaf->other); v != DW__NONE; v = s->value[v].next)
        if (refers((enum dw_ref)leaf->flags, mine, cased ? dw__value_text(s, v) : dw__value_folded(s, v)))
            return true;
    return false;
}

static enum dw_verdict regex(struct dw_pred_scratch *s, const struct dw__leaf *leaf, uint32_t value)
{
    enum dw_verdict v = dw_regex_match(leaf->regex, s->regex, dw__value_text(s, value));
    s->regex_limits += v == DW_UNDECIDED;
    return v;
}

enum dw_verdict dw__leaf_on_value(struct dw_pred_scratch *s, const struct dw__leaf *leaf, uint32_t value)
{
    struct dw_ip ip;
    switch (leaf->op) {
    case DW_LEAF_PATTERN:
        return truth(dw_pattern_match(
            &leaf->pattern, leaf->pattern.cased ? dw__value_text(s, value) : dw__value_folded(s, value)));
    case DW_LEAF_REGEX: return regex(s, leaf, value);
    case DW_LEAF_CIDR: return truth(dw_ip_parse(dw__value_text(s, value), &ip) && dw_cidr_has(&leaf->cidr, &ip));
    case DW_LEAF_EXISTS: return DW_TRUE;
    case DW_LEAF_LT:
    case DW_LEAF_LTE:
    case DW_LEAF_GT:
    case DW_LEAF_GTE: return truth(compare(leaf, dw__value_text(s, value)));
    case DW_LEAF_TIME: return truth(test_time(leaf, dw__value_text(s, value)));
    case DW_LEAF_FIELDREF: return truth(test_ref(s, leaf, value));
    }
    DW_NEVER("all operators are above");
}

static int hex_digit(char c)
{
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                  : -1;
}

bool dw__percent_decode(struct dw_arena *a, struct dw_str s, struct dw_str *ret)
{
    if (dw_str_index(s, '%') == s.len && dw_str_index(s, '+') == s.len)
        return false;
    char *out = dw_arena_alloc(a, s.len + 1);
    if (!out)
        return false;
    size_t n = 0;
    for (size_t i = 0; i < s.len; i++) {
        int high = s.ptr[i] == '%' && i + 2 < s.len ? hex_digit(s.ptr[i + 1]) : -1;
        int low = high >= 0 ? hex_digit(s.ptr[i + 2]) : -1;
        if (low >= 0) {
            out[n++] = (char)(high * 16 + low);
            i += 2;
        } else {
            out[n++] = s.ptr[i] == '+' ? ' ' : s.ptr[i];
        }
    }
    *ret = dw_str_make(out, n);
    return !dw_str_eq(*ret, s);
}
