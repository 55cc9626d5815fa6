/*
 * rng: random bytes from the kernel, and a seeded sequence that one number reproduces.
 */
#include "dogwatch/base/rng.h"

#include "dogwatch/base/error.h"

#include <errno.h>
#include <sys/random.h>

int dw_rng_bytes(uint8_t *out, size_t len)
{
    while (len) {
        ssize_t n = getrandom(out, len, 0);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return DW_EIO;
        out += n;
        len -= (size_t)n;
    }
    return DW_OK;
}

uint64_t dw_rng_next(struct dw_rng *r)
{
    uint64_t z = (r->state += UINT64_C(0x9e3779b97f4a7c15));
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

uint64_t dw_rng_below(struct dw_rng *r, uint64_t bound)
{
    DW_ASSERT(bound > 0);
    return dw_rng_next(r) % bound;
}
