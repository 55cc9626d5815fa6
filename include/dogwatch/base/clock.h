/*
 * Clocks: the one place that asks the operating system for the time.
 *
 * Whoever needs time takes a `const struct dw_clock *`, so a test can run a week in a second.
 * Thread: any.
 */
#ifndef DOGWATCH_BASE_CLOCK_H
#define DOGWATCH_BASE_CLOCK_H

#include <stdint.h>

#define DW_NS_PER_S INT64_C(1000000000)
#define DW_NS_PER_MS INT64_C(1000000)

struct dw_clock {
    int64_t (*real_ns)(const struct dw_clock *c); /* since 1970-01-01 UTC */
    int64_t (*mono_ns)(const struct dw_clock *c); /* never goes back; its zero means nothing */
};

extern const struct dw_clock dw_clock_system;

static inline int64_t dw_clock_real(const struct dw_clock *c)
{
    return c->real_ns(c);
}

static inline int64_t dw_clock_mono(const struct dw_clock *c)
{
    return c->mono_ns(c);
}

/* CPU time of this process in ns, for benchmarks and status. */
int64_t dw_clock_cpu_ns(void);

#endif
