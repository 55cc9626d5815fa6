/* fuzz_parsers: any bytes through one parser (the first byte chooses it) and through the probes. */
#include "dogwatch/base/error.h"
#include "dogwatch/base/mem.h"
#include "dogwatch/parsers/parser.h"
#include "dogwatch/parsers/userformat.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Every view must lie in the line; the draft asserts it, this looks at every byte of every text. */
static unsigned touch(const struct dw_draft *d)
{
    unsigned sum = 0;
    for (uint32_t i = 0; i < d->field_count; i++)
        for (uint32_t k = 0; dw_field_is_text(&d->field[i]) && k < d->field[i].len; k++)
            sum += (unsigned char)d->field[i].v.ptr[k];
    return sum;
}

/* The first line as a format of the user's, the rest as a line of it. */
static void try_format(struct dw_str text, const struct dw_parse_ctx *ctx, struct dw_draft *d)
{
    static const char *const names[] = {"nginx_access", "apache_access", "haproxy_log"};
    static struct dw_diags diags;
    struct dw_str rest = text, format = dw_str_cut(&rest, '\n');
    for (size_t i = 0; i < DW_COUNT_OF(names); i++) {
        struct dw_user_format *f;
        dw_diags_init(&diags, DW_STR("fuzz"), format);
        if (dw_user_format_compile(dw_parser_find(dw_str_of(names[i])), format, &diags, &f) != DW_OK)
            continue;
        dw_draft_reset(d, rest);
        if (dw_user_format_parse(f, ctx, d) == DW_OK)
            (void)touch(d);
        dw_user_format_free(f);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct dw_field field[DW_EVENT_FIELDS_MAX];
    size_t count;
    const struct dw_parser *table = dw_parser_table(&count);
    if (size < 1 || size > 65536)
        return 0;
    /* a copy of its exact size, so that a step past the end is seen */
    char *line = dw_alloc(size);
    struct dw_keys *keys = dw_keys_new();
    struct dw_arena pool;
    dw_arena_init(&pool, 1 << 22);
    if (line && keys) {
        memcpy(line, data + 1, size - 1);
        struct dw_str text = dw_str_make(line, size - 1);
        struct dw_draft d = {.keys = keys, .pool = &pool, .field = field};
        struct dw_parse_ctx ctx = {.time = {NULL, INT64_C(1795468458000000000)}};
        volatile unsigned sum = 0;
        if (dw_parser_run(&table[data[0] % count], &ctx, text, &d) == DW_OK)
            sum += touch(&d);
        const struct dw_parser *p = dw_parser_probe(text);
        if (p && dw_parser_run(p, &ctx, text, &d) == DW_OK)
            sum += touch(&d);
        (void)sum;
        try_format(text, &ctx, &d);
    }
    dw_arena_fini(&pool);
    dw_keys_free(keys);
    dw_free(line);
    return 0;
}
