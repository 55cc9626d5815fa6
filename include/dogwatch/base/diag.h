/*
 * Diagnostics: a user's mistake gets a place, a picture and a hint.
 *
 *     rules/ssh_bruteforce.yml:4:12: error: unknown modifier 'cidrr'
 *         4 |     src_ip|cidrr: 10.0.0.0/8
 *           |            ^^^^^
 *           = help: did you mean 'cidr'?
 *
 * Shared by configuration, rules, queries and log formats. Thread: whoever owns the list.
 */
#ifndef DOGWATCH_BASE_DIAG_H
#define DOGWATCH_BASE_DIAG_H

#include "dogwatch/base/assert.h"
#include "dogwatch/base/buf.h"

#include <stdarg.h>

enum { DW_DIAGS_MAX = 32 };

struct dw_span {
    uint32_t line, col, len; /* 1-based, columns in bytes; line 0: no place */
};

enum dw_severity { DW_SEVERITY_ERROR, DW_SEVERITY_WARNING, DW_SEVERITY_NOTE };
/* "error". Static. */
const char *dw_severity_text(enum dw_severity s);

struct dw_diag {
    struct dw_span at;
    enum dw_severity severity;
    const char *code; /* the lasting name of what was looked for; static; NULL: it has none */
    char msg[160];
    char help[160];
};

/* Bounded list of complaints about one source. Keeps the views `path` and `text` for its life.
 * `dropped` counts what did not fit, so nothing is lost silently; what weighs less makes room for an error. Nothing to free. */
struct dw_diags {
    struct dw_str path, text;
    struct dw_diag item[DW_DIAGS_MAX];
    uint32_t count, dropped;
    uint32_t errors, warnings, notes; /* those that did not fit too */
};

void dw_diags_init(struct dw_diags *d, struct dw_str path, struct dw_str text);
/* Adds an error. `help` may be NULL; both texts are copied and cut to their arrays. */
void dw_diag_add(struct dw_diags *d, struct dw_span at, const char *help, const char *fmt, ...) DW_PRINTF(4, 5);
/* The same as a warning: shown, but not counted in `errors`. */
void dw_diag_warn(struct dw_diags *d, struct dw_span at, const char *help, const char *fmt, ...) DW_PRINTF(4, 5);
/* The same with what only `say` names: severity, code, place and hint; `args` fill `fmt`. */
void dw_diag_vadd(struct dw_diags *d, const struct dw_diag *say, const char *help, const char *fmt, va_list args) DW_PRINTF(4, 0);
/* Puts them into the order of their places; those of one place stay as they were. */
void dw_diags_sort(struct dw_diags *d);

/* Line and column of a byte offset into `text`. */
struct dw_span dw_span_at(struct dw_str text, size_t offset, size_t len);

/* For people: place, source line, caret, hint. Control bytes of the source line are shown as '?'. */
void dw_diags_print(const struct dw_diags *d, struct dw_buf *out);
/* For programs: one JSON object a line {file, line, col, len, severity, code, message, help}; no code: it is left out; at the
 * end {file, not_shown} where some did not fit. */
void dw_diags_json(const struct dw_diags *d, struct dw_buf *out);

/* The name of `names` nearest to `word`, at most 2 edits (1 for words up to 4 bytes) away, else NULL. */
const char *dw_nearest(struct dw_str word, const char *const *names, size_t count);

#endif
