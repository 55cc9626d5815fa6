/*
 * Chance: the one place that asks the operating system for random bytes. Thread: any.
 */
#ifndef DOGWATCH_BASE_RNG_H
#define DOGWATCH_BASE_RNG_H

#include "dogwatch/base/assert.h"

#include <stddef.h>
#include <stdint.h>

/* Fills `len` bytes for keys and ids. DW_EIO when the system gives none. */
DW_MUST_USE int dw_rng_bytes(uint8_t *out, size_t len);

/* A seeded generator (SplitMix64, Steele et al. 2014) for tests, jitter and sampling: never for secrets. */
struct dw_rng {
    uint64_t state;
};

uint64_t dw_rng_next(struct dw_rng *r);
/* Uniform enough in [0, bound); bound > 0. */
uint64_t dw_rng_below(struct dw_rng *r, uint64_t bound);

#endif
