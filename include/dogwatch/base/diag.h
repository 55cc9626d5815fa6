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

enum { DW_DIAGS_MAX = 32 };

struct dw_span {
    uint32_t line, col, len; /* 1-based, columns in bytes; line 0: no place */
};

struct dw_diag {
    struct dw_span at;
    bool warning;
    char msg[160];
    char help[160];
};

/* Bounded list of complaints about one source. Keeps the views `path` and `text` for its life.
 * `dropped` counts what did not fit, so nothing is lost silently. Nothing to free. */
struct dw_diags {
    struct dw_str path, text;
    struct dw_diag item[DW_DIAGS_MAX];
    uint32_t count, dropped, errors;
};

void dw_diags_init(struct dw_diags *d, struct dw_str path, struct dw_str text);
/* Adds an error. `help` may be NULL; both texts are copied and cut to their arrays. */
void dw_diag_add(struct dw_diags *d, struct dw_span at, const char *help, const char *fmt, ...) DW_PRINTF(4, 5);
/* The same as a warning: shown, but not counted in `errors`. */
void dw_diag_warn(struct dw_diags *d, struct dw_span at, const char *help, const char *fmt, ...) DW_PRINTF(4, 5);

/* Line and column of a byte offset into `text`. */
struct dw_span dw_span_at(struct dw_str text, size_t offset, size_t len);

/* For people: place, source line, caret, hint. Control bytes of the source line are shown as '?'. */
void dw_diags_print(const struct dw_diags *d, struct dw_buf *out);
/* For programs: one JSON object a line {file, line, col, len, severity, message, help}. */
void dw_diags_json(const struct dw_diags *d, struct dw_buf *out);

/* The name of `names` nearest to `word`, at most 2 edits (1 for words up to 4 bytes) away, else NULL. */
const char *dw_nearest(struct dw_str word, const char *const *names, size_t count);

#endif
