/*
 * Error codes: one table (tbl/errors.h) is the enum, the text and the page.
 *
 * Convention: functions that can fail return int: DW_OK (0) or a negative code. A function
 * either handles an error or passes it up, never both; only the layer that handles logs.
 */
#ifndef DOGWATCH_BASE_ERROR_H
#define DOGWATCH_BASE_ERROR_H

enum dw_err_index {
    DW_ERR_INDEX_OK = 0,
#define ERR(name, text) DW_ERR_INDEX_##name,
#include "dogwatch/tbl/errors.h"
#undef ERR
    DW_ERR_INDEX_END
};

enum dw_err {
    DW_OK = 0,
#define ERR(name, text) DW_E##name = -DW_ERR_INDEX_##name,
#include "dogwatch/tbl/errors.h"
#undef ERR
};

/* The text of a code; never NULL. Static storage. Thread: any. */
const char *dw_err_text(int code);
/* The short name, e.g. "ECORRUPT"; never NULL. Thread: any. */
const char *dw_err_name(int code);
/* The code for the C library's errno value. Thread: any. */
int dw_err_from_errno(int sys_errno);
/* The code for a result of SQLite, plain or extended. Thread: any. */
int dw_err_from_sqlite(int code);

#endif
