/*
 * assert: the last words of a process that found a bug in itself.
 */
#include "dogwatch/base/assert.h"

#include <stdio.h>
#include <stdlib.h>

_Noreturn void dw_assert_failed(const char *what, const char *file, int line)
{
    fprintf(stderr, "%s:%d: assertion failed: %s\n", file, line, what);
    abort();
}
