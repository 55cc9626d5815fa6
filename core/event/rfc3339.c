/*
 * rfc3339: one time text, every byte at its known place.
 *
 * Invariant: no byte is read before the length was checked for it.
 */
#include "dogwatch/event/rfc3339.h"

#include "fixed.h"

#include "dogwatch/base/error.h"
#include "dogwatch/event/timestamp.h"

/* Z, +hh:mm, +hhmm as seconds east. */
static bool zone(struct dw_str s, int64_t *ret)
{
    *ret = 0;
    if (s.len == 1)
        return s.ptr[0] == 'Z' || s.ptr[0] == 'z';
    bool colon = s.len == 6 && s.ptr[3] == ':';
    if ((s.len != 5 && !colon) || (s.ptr[0] != '+' && s.ptr[0] != '-'))
        return false;
    int hours = dw__fixed_digits(s.ptr + 1, 2), minutes = dw__fixed_digits(s.ptr + (colon ? 4 : 3), 2);
    if (hours < 0 || hours > 23 || minutes < 0 || minutes > 59)
        return false;
    *ret = (hours * INT64_C(60) + minutes) * (s.ptr[0] == '-' ? -60 : 60);
    return true;
}

int dw_time_rfc3339(struct dw_str s, int64_t *ret_ns)
{
    static const int scale[] = {1000000000, 100000000, 10000000, 1000000, 100000, 10000, 1000, 100, 10, 1};
    uint64_t date;
    if (s.len < 20 || (s.ptr[10] != 'T' && s.ptr[10] != 't' && s.ptr[10] != ' ') || !dw__fixed_pairs(s.ptr, "0000-00-", &date))
        return DW_ESYNTAX;
    int year = (int)(date & 255) * 100 + (int)(date >> 16 & 255), month = (int)(date >> 40 & 255);
    int day = dw__fixed_digits(s.ptr + 8, 2), second = dw__fixed_clock(s.ptr + 11, 60);
    if (year < 1678 || year > 2261 || month < 1 || month > 12 || day < 1 || day > 31 || second < 0)
        return DW_ESYNTAX;
    size_t at = 19;
    int64_t fraction = 0, east;
    if (s.ptr[at] == '.' || s.ptr[at] == ',') {
        size_t n = ++at + 8 <= s.len && dw__eight_digits(s.ptr + at, &fraction) ? 8 : 0;
        for (at += n; at < s.len && (unsigned)(unsigned char)s.ptr[at] - '0' <= 9; at++, n++)
            if (n < 9)
                fraction = fraction * 10 + (s.ptr[at] - '0');
        if (n == 0)
            return DW_ESYNTAX;
        fraction *= scale[n < 9 ? n : 9];
    }
    if (!zone(dw_str_slice(s, at, s.len), &east))
        return DW_ESYNTAX;
    int64_t days = dw_days_from_civil(year, (unsigned)month, (unsigned)day);
    *ret_ns = (days * 86400 + second - east) * INT64_C(1000000000) + fraction;
    return DW_OK;
}
