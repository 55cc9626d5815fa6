/*
 * backoff: how long an output waits after failures: doubled each time from half a second to five minutes, with chance in it, so that many
 * outputs of one receiver that comes back do not ask at once.
 */
#include "notify_int.h"

#define FIRST_NS (DW_NS_PER_S / 2)
#define MOST_NS (300 * DW_NS_PER_S)

int64_t output_backoff_ns(unsigned failures, struct dw_rng *rng)
{
    int64_t ns = FIRST_NS;
    for (unsigned i = 1; i < failures && ns < MOST_NS; i++)
        ns *= 2;
    ns = ns < MOST_NS ? ns : MOST_NS;
    return ns / 2 + (int64_t)dw_rng_below(rng, (uint64_t)ns / 2 + 1);
}

int64_t output_retry_after_ns(int64_t seconds)
{
    const int64_t most = 3600; /* a receiver that asks for more may be asked again after an hour */
    return seconds <= 0 ? 0 : (seconds < most ? seconds : most) * DW_NS_PER_S;
}
