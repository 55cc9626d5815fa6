/*
 * error: from a code to its text and name, both out of tbl/errors.h.
 */
#include "dogwatch/base/error.h"

#include <errno.h>
#include <sqlite3.h> /* its codes only: this layer links no SQLite */
#include <stddef.h>

static const struct {
    const char *name, *text;
} rows[] = {
    {"OK", "no error"},
#define ERR(name, text) {"E" #name, text},
#include "dogwatch/tbl/errors.h"
#undef ERR
};

static size_t row_of(int code)
{
    return code <= 0 && code > -DW_ERR_INDEX_END ? (size_t)-code : DW_ERR_INDEX_IO;
}

const char *dw_err_text(int code)
{
    return rows[row_of(code)].text;
}

const char *dw_err_name(int code)
{
    return rows[row_of(code)].name;
}

int dw_err_from_errno(int sys_errno)
{
    switch (sys_errno) {
    case 0: return DW_OK;
    case ENOBUFS:
    case ENOMEM: return DW_ENOMEM;
    case ENOENT:
    case ENOTDIR: return DW_ENOENT;
    case EEXIST: return DW_EEXIST;
    case EADDRINUSE: return DW_EINUSE;
    case EACCES:
    case EPERM: return DW_EACCES;
    case ENOSPC:
    case EDQUOT: return DW_ENOSPC;
    case EAGAIN: return DW_EAGAIN;
    case EMFILE:
    case ENFILE: return DW_EFILES;
    case ELOOP:
    case ENAMETOOLONG: return DW_ELIMIT;
    default: return DW_EIO;
    }
}

int dw_err_from_sqlite(int code)
{
    if (code == SQLITE_IOERR_NOMEM)
        return DW_ENOMEM;
    switch (code & 0xff) { /* the rest says more of the same */
    case SQLITE_OK:
    case SQLITE_DONE:
    case SQLITE_ROW: return DW_OK;
    case SQLITE_NOMEM: return DW_ENOMEM;
    case SQLITE_FULL: return DW_ENOSPC;
    case SQLITE_BUSY:
    case SQLITE_LOCKED: return DW_ELOCKED;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB: return DW_ECORRUPT;
    case SQLITE_CANTOPEN: return DW_ENOENT;
    case SQLITE_PERM:
    case SQLITE_READONLY: return DW_EACCES;
    default: return DW_EIO;
    }
}
