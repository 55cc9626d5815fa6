/*
 * Assertions that stay on in release builds, and attributes.
 *
 * DW_ASSERT is for our own bugs only: what the world does wrong is an error code.
 */
#ifndef DOGWATCH_BASE_ASSERT_H
#define DOGWATCH_BASE_ASSERT_H

#define DW_MUST_USE __attribute__((warn_unused_result))
#define DW_PRINTF(fmt, first) __attribute__((format(printf, fmt, first)))

#define DW_ASSERT(cond) \
    do { \
        if (__builtin_expect(!(cond), 0)) \
            dw_assert_failed(#cond, __FILE__, __LINE__); \
    } while (0)

/* A branch that cannot be reached; says why. */
#define DW_NEVER(why) dw_assert_failed("never: " why, __FILE__, __LINE__)

#define DW_COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

/* Prints to stderr and aborts. Thread: any. */
_Noreturn void dw_assert_failed(const char *what, const char *file, int line);

#endif
