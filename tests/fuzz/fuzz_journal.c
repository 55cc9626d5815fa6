/* fuzz_journal: any fields as an entry of the journal: always one bounded JSON object that the parser of entries takes. Fields stand between 0xfe bytes. */
#include "dogwatch/base/assert.h"
#include "dogwatch/base/error.h"
#include "dogwatch/base/mem.h"
#include "dogwatch/parsers/parser.h"

#include "../../agent/journal_int.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct dw_field field[DW_EVENT_FIELDS_MAX];
    static struct journal_writer w;
    struct dw_str rest = dw_str_make((const char *)data, size);
    const struct dw_parser *p = dw_parser_find(DW_STR("journald"));
    if (size < 2 || size > 65536)
        return 0;
    w = (struct journal_writer){.message_max = 64, .text_max = 512 + (size_t)data[0] * 16};
    struct dw_keys *keys = dw_keys_new();
    struct dw_arena pool;
    dw_arena_init(&pool, 1 << 22);
    for (rest = dw_str_slice(rest, 1, rest.len); rest.ptr;)
        journal_field_add(&w, dw_str_cut(&rest, '\xfe'));
    journal_fields_write(&w, DW_STR("s=e991dd5775894620914f2f7126aae6c1;i=1"), 1534860261221373, 1, DW_STR("0dc874d3fbd44bdbb6fbcfaa27481492"));
    if (keys && !w.bytes.err && !w.text.err) {
        struct dw_draft d = {.keys = keys, .pool = &pool, .field = field};
        struct dw_parse_ctx ctx = {.time = {NULL, INT64_C(1795468458000000000)}};
        struct dw_str text = dw_buf_view(&w.text);
        DW_ASSERT(text.len <= w.text_max && dw_str_index(text, '\n') == text.len && dw_str_index(text, '\0') == text.len);
        DW_ASSERT(p->probe(text) > 90);
        DW_ASSERT(dw_parser_run(p, &ctx, text, &d) == DW_OK && d.has_time);
    }
    journal_writer_fini(&w);
    dw_arena_fini(&pool);
    dw_keys_free(keys);
    return 0;
}
