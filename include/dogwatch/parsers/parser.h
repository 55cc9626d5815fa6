/*
 * Parsers: from one whole line to the ECS fields in it.
 *
 * A parser takes what it knows out of the line into a draft, as views into the line; what it does not take it refuses
 * with DW_ESYNTAX, and the caller ships the line whole. Parsers keep no state and allocate only in the draft's pool.
 * Thread: any, with a draft of its own.
 */
#ifndef DOGWATCH_PARSERS_PARSER_H
#define DOGWATCH_PARSERS_PARSER_H

#include "dogwatch/event/event.h"
#include "dogwatch/event/timestamp.h"

struct dw_user_format; /* a compiled log_format; NULL where none is given */

/* What a parser may know besides the line; borrowed, read-only. Zeroed: UTC, and years near 1970. */
struct dw_parse_ctx {
    struct dw_time_ref time;           /* zone of times without one, now for times without year */
    const struct dw_user_format *user; /* takes the place of the parser's own format */
};

struct dw_parser {
    const char *name, *aliases, *doc; /* static, as the next two */
    struct dw_str module, dataset, kind; /* event.module, .dataset, .kind */
    /* How surely the line is of this format: 0 (no) to 100. */
    int (*probe)(struct dw_str line);
    /* Fills the draft, which was reset to the line. DW_ESYNTAX: not of this format; the draft may hold junk then. */
    int (*parse)(const struct dw_parse_ctx *ctx, struct dw_draft *d);
};

/* The parser of a name, alias or Filebeat's module/fileset; NULL when there is none. */
const struct dw_parser *dw_parser_find(struct dw_str name);
/* The one that probes best on a line; NULL when none reaches 30. */
const struct dw_parser *dw_parser_probe(struct dw_str line);
/* All, in the table's order. */
const struct dw_parser *dw_parser_table(size_t *ret_count);

/* Resets the draft to `line` and parses; adds event.kind, event.dataset and event.module. When the parser refuses, the
 * draft is empty again and the answer is DW_ESYNTAX (counted in parse_lines_refused). Other errors: DW_ENOMEM. */
DW_MUST_USE int dw_parser_run(
    const struct dw_parser *p, const struct dw_parse_ctx *ctx, struct dw_str line, struct dw_draft *d);

#endif
