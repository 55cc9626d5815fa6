/*
 * log: a bounded line, made printable, written with one write(2).
 *
 * Invariant: control bytes never reach the terminal, whatever a file name or a log line held.
 */
#include "dogwatch/base/log.h"

#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <unistd.h>

static _Atomic int log_level = DW_LOG_INFO;
static const char *_Atomic log_program = "dogwatch";

void dw_log_setup(const char *program, enum dw_log_level level)
{
    atomic_store(&log_program, program);
    atomic_store(&log_level, (int)level);
}

void dw_log(enum dw_log_level level, const char *fmt, ...)
{
    static const char *const words[] = {"error", "warn", "info", "debug"};
    char line[1024];
    if ((int)level > atomic_load(&log_level))
        return;
    int head = snprintf(line, sizeof line, "%s: %s: ", atomic_load(&log_program), words[level]);
    size_t used = (size_t)head;
    va_list args;
    va_start(args, fmt);
    int n = vsnprintf(line + used, sizeof line - used - 1, fmt, args);
    va_end(args);
    used += (size_t)(n < 0 ? 0 : n);
    if (used > sizeof line - 2)
        used = sizeof line - 2;
    for (size_t i = 0; i < used; i++)
        if ((unsigned char)line[i] < 0x20 || line[i] == 0x7f)
            line[i] = '?';
    line[used++] = '\n';
    /* A log line that cannot be written has nowhere to be reported. */
    ssize_t rc = write(STDERR_FILENO, line, used);
    (void)rc;
}
