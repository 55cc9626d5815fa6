/* The two functions of each format of tbl/parsers.h, for the registry. */
#ifndef DOGWATCH_PARSERS_FORMAT_FORMATS_H
#define DOGWATCH_PARSERS_FORMAT_FORMATS_H

#include "dogwatch/parsers/parser.h"

#define PARSER(id, module, fileset, kind, aliases, doc)                                                                   \
    int dw_probe_##id(struct dw_str line);                                                                             \
    int dw_parse_##id(const struct dw_parse_ctx *ctx, struct dw_draft *d);
#include "dogwatch/tbl/parsers.h"
#undef PARSER

#endif
