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

#endif
