/* sets: what programs and tests share that try random sets: their command line, and orders at random. */
#ifndef DOGWATCH_TESTS_SETS_H
#define DOGWATCH_TESTS_SETS_H

#include "dogwatch/base/rng.h"

#include <stdbool.h>

/* Which sets are asked for: from `seed` on until `most` was judged, or the one of that number. */
struct sets_asked {
    uint64_t seed, most;
    bool one;
};
/* Reads `[--seed N|random] [MOST N] | --set N`, where `most` is the word for MOST; what is not given stays. False: it is none of these. */
bool sets_ask(int argc, char **argv, const char *most, struct sets_asked *ret);

/* The numbers 0 to count - 1 in an order at random. */
void sets_shuffle(struct dw_rng *rng, uint32_t *order, uint32_t count);

#endif
