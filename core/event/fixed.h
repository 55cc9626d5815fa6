/*
 * Numbers of a fixed width, for times whose every byte has its place. Used inside core/event.
 */
#ifndef DOGWATCH_EVENT_FIXED_H
#define DOGWATCH_EVENT_FIXED_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

/* `n` decimal digits at p, or -1 when one is none. */
static inline int dw__fixed_digits(const char *p, int n)
{
    int v = 0;
    bool bad = false; /* one branch for all: a time has some twenty digits */
    for (int i = 0; i < n; i++) {
        unsigned d = (unsigned)(unsigned char)p[i] - '0';
        bad |= d > 9;
        v = v * 10 + (int)(d & 15);
    }
    return bad ? -1 : v;
}

/* Eight decimal digits at p as one number; false when one is none. All at once: neighbours are joined to numbers of two,
 * four and eight digits (little endian, as the whole program is). */
static inline bool dw__eight_digits(const char *p, int64_t *ret)
{
    uint64_t v;
    memcpy(&v, p, 8);
    uint64_t d = v - UINT64_C(0x3030303030303030);
    /* a byte below '0' borrows, one above '9' carries into its high bit by + 0x46 */
    if (((v + UINT64_C(0x4646464646464646)) | d) & UINT64_C(0x8080808080808080))
        return false;
    d = (d * 10 + (d >> 8)) & UINT64_C(0x00ff00ff00ff00ff);
    d = (d * 100 + (d >> 16)) & UINT64_C(0x0000ffff0000ffff);
    *ret = (int64_t)((d * 10000 + (d >> 32)) & UINT64_C(0xffffffff));
    return true;
}

/* Whether the eight bytes at p have the form `form`: a digit where it has '0', else the byte that it has. Byte i of *ret is then the number of
 * two digits that begins at p[i]. All at once, too. */
static inline bool dw__fixed_pairs(const char *p, const char form[9], uint64_t *ret)
{
    uint64_t v, f, most = 0;
    memcpy(&v, p, 8);
    memcpy(&f, form, 8);
    for (int i = 0; i < 8; i++) /* known to the compiler */
        most |= (form[i] == '0' ? UINT64_C(0x76) : UINT64_C(0x7f)) << 8 * i;
    v ^= f; /* digits are 0 to 9, other bytes 0: what is above carries into its high bit */
    if (((v + most) | v) & UINT64_C(0x8080808080808080))
        return false;
    *ret = v * 10 + (v >> 8);
    return true;
}

/* hh:mm:ss at p as seconds of the day, or -1; `second_max`: 60 where leap seconds are taken. */
static inline int dw__fixed_clock(const char *p, int second_max)
{
    uint64_t v;
    if (!dw__fixed_pairs(p, "00:00:00", &v))
        return -1;
    int hour = (int)(v & 255), minute = (int)(v >> 24 & 255), second = (int)(v >> 48 & 255);
    return hour <= 23 && minute <= 59 && second <= second_max ? hour * 3600 + minute * 60 + second : -1;
}

#endif
