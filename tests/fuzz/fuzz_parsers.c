/* fuzz_parsers: any bytes through one parser (the first byte chooses it) and through the probes. */
#include "dogwatch/base/error.h"
#include "dogwatch/base/mem.h"
#include "dogwatch/parsers/parser.h"

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
    }
    dw_arena_fini(&pool);
    dw_keys_free(keys);
    dw_free(line);
    return 0;
}
