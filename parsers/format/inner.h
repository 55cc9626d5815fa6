/* A line within a record of another format, as shippers and systemd's journal write them: parsed as if an agent had read it. */
#ifndef DOGWATCH_PARSERS_FORMAT_INNER_H
#define DOGWATCH_PARSERS_FORMAT_INNER_H

#include "fmt.h"

/* The draft's message without the newline that docker leaves at its end. */
struct dw_str inner_line(const struct dw_draft *d);
/* Adds what `p` finds in the line, a piece of the draft's line or of its pool. What the record says of a field is not overruled, but for its format and its time. False when `p` refuses it. */
bool inner_parse(const struct dw_parse_ctx *ctx, struct dw_draft *d, const struct dw_parser *p, struct dw_str line);
/* Puts a text in the place of what dw_parser_run or an earlier value put under the key. */
void inner_replace(struct dw_draft *d, uint32_t key, struct dw_str s, enum dw_kind kind);

#endif
