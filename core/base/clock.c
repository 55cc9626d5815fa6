/*
 * clock: clock_gettime behind two function pointers.
 */
#include "dogwatch/base/clock.h"

#include "dogwatch/base/assert.h"

#include <time.h>

static int64_t read_clock(clockid_t id)
{
    struct timespec ts;
    int rc = clock_gettime(id, &ts);
    DW_ASSERT(rc == 0);
    return (int64_t)ts.tv_sec * DW_NS_PER_S + ts.tv_nsec;
}

static int64_t system_real(const struct dw_clock *c)
{
    (void)c;
    return read_clock(CLOCK_REALTIME);
}

static int64_t system_mono(const struct dw_clock *c)
{
    (void)c;
    return read_clock(CLOCK_MONOTONIC);
}

int64_t dw_clock_cpu_ns(void)
{
    return read_clock(CLOCK_PROCESS_CPUTIME_ID);
}

const struct dw_clock dw_clock_system = {.real_ns = system_real, .mono_ns = system_mono};
