/*
 * Numbers of a fixed width, for times whose every byte has its place. Used inside core/event.
 */
#ifndef DOGWATCH_EVENT_FIXED_H
#define DOGWATCH_EVENT_FIXED_H

#include <stdbool.h>

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

#endif
