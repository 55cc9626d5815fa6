/*
 * registry: the formats by name and by probing.
 *
 * Invariants:
 *   (1) The table is tbl/parsers.h and nothing else: a format is there once or not at all.
 *   (2) After dw_parser_run the draft holds either what one parser took, or nothing.
 */
#include "dogwatch/parsers/parser.h"

#include "dogwatch/base/counter.h"
#include "dogwatch/base/error.h"
#include "dogwatch/parsers/userformat.h"
#include "format/formats.h"

enum { PROBE_MIN = 30, NAME_MAX_LEN = 40 };

static const struct dw_parser table[] = {
#define TEXT(lit) {lit, sizeof(lit) - 1}
#define PARSER(id, module, fileset, kind, aliases, doc) \
    {#id, aliases, doc, TEXT(module), TEXT(module "." fileset), TEXT(kind), dw_probe_##id, dw_parse_##id},
#include "dogwatch/tbl/parsers.h"
#undef PARSER
#undef TEXT
};

const struct dw_parser *dw_parser_table(size_t *ret_count)
{
    *ret_count = DW_COUNT_OF(table);
    return table;
}

const struct dw_parser *dw_parser_find(struct dw_str name)
{
    char key[NAME_MAX_LEN + 2];
    if (name.len == 0 || name.len > NAME_MAX_LEN)
        return NULL;
    key[0] = key[name.len + 1] = ',';
    for (size_t i = 0; i < name.len; i++) {
        char ch = name.ptr[i];
        key[i + 1] = ch == '/' || ch == '.' || ch == '-' ? '_' : ch;
        if (ch == ',')
            return NULL;
    }
    struct dw_str alias = dw_str_make(key, name.len + 2), plain = dw_str_make(key + 1, name.len);
    for (size_t i = 0; i < DW_COUNT_OF(table); i++) {
        struct dw_str aliases = dw_str_of(table[i].aliases);
        if (dw_str_eq(plain, dw_str_of(table[i].name)) || dw_str_find(aliases, alias) < aliases.len)
            return &table[i];
    }
    return NULL;
}

const struct dw_parser *dw_parser_probe(struct dw_str line)
{
    const struct dw_parser *best = NULL;
    int most = PROBE_MIN - 1;
    for (size_t i = 0; i < DW_COUNT_OF(table); i++) {
        int n = table[i].probe(line);
        if (n > most) {
            most = n;
            best = &table[i];
        }
    }
    return best;
}

int dw_parser_run(const struct dw_parser *p, const struct dw_parse_ctx *ctx, struct dw_str line, struct dw_draft *d)
{
    dw_draft_reset(d, line);
    dw_draft_text(d, DW_F_event_dataset, p->dataset, DW_K_CONST);
    dw_draft_text(d, DW_F_event_kind, p->kind, DW_K_CONST);
    dw_draft_text(d, DW_F_event_module, p->module, DW_K_CONST);
    int err = ctx->user ? dw_user_format_parse(ctx->user, ctx, d) : p->parse(ctx, d);
    if (err) {
        dw_draft_reset(d, line);
        DW_COUNT_IF(err == DW_ESYNTAX, parse_lines_refused);
        return err;
    }
    return DW_OK;
}
