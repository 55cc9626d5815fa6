/*
 * The program's own log: one logfmt line a call on stderr. Thread: any.
 *
 * Only a layer that handles an error logs it; parsers and libraries return codes.
 */
#ifndef DOGWATCH_BASE_LOG_H
#define DOGWATCH_BASE_LOG_H

#include "dogwatch/base/assert.h"

enum dw_log_level { DW_LOG_ERROR, DW_LOG_WARN, DW_LOG_INFO, DW_LOG_DEBUG };

/* Lines above `level` are not written. `program` (static string) stands first on each line. */
void dw_log_setup(const char *program, enum dw_log_level level);
void dw_log(enum dw_log_level level, const char *fmt, ...) DW_PRINTF(2, 3);

#define dw_error(...) dw_log(DW_LOG_ERROR, __VA_ARGS__)
#define dw_warn(...) dw_log(DW_LOG_WARN, __VA_ARGS__)
#define dw_info(...) dw_log(DW_LOG_INFO, __VA_ARGS__)
#define dw_debug(...) dw_log(DW_LOG_DEBUG, __VA_ARGS__)

#endif
