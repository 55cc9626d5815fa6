/*
 * fuzz_formats: any line through any parser.
 *
 * The first byte chooses the parser (255: the one that probes best). Oracle: no read past the line (it stands alone in an exact
 * allocation), every view lies in the line, a refusal leaves the draft empty, parsing again gives the same JSON, and that
 * JSON is read by json-c.
 */
#include "dogwatch/base/mem.h"
#include "dogwatch/event/json_write.h"
#include "dogwatch/parsers/parser.h"

#include <json-c/json.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct dw_field fields[DW_EVENT_FIELDS_MAX];

/* Parses and writes the event; says whether the parser took the line. */
static bool run(const struct dw_parser *p, struct dw_str line, struct dw_keys *keys, struct dw_buf *out)
{
    struct dw_parse_ctx ctx = {.time = {.now_ns = INT64_C(1763932458000000000)}};
    struct dw_arena pool;
    dw_arena_init(&pool, 0);
    struct dw_draft d = {.keys = keys, .pool = &pool, .field = fields};
    int rc = dw_parser_run(p, &ctx, line, &d);
    DW_ASSERT(rc == 0 || d.field_count == 0);
    for (uint32_t i = 0; i < d.field_count; i++) {
        const struct dw_field *f = &d.field[i];
        DW_ASSERT(f->key < dw_keys_count(keys));
        if (f->kind == DW_K_VIEW || f->kind == DW_K_NUMBER)
            DW_ASSERT(f->v.ptr >= line.ptr && f->v.ptr + f->len <= line.ptr + line.len);
    }
    struct dw_event ev = {.time_ns = d.time_ns, .line = line, .field = d.field, .field_count = d.field_count};
    dw_event_json(keys, &ev, NULL, out);
    DW_ASSERT(out->err == 0);
    dw_arena_fini(&pool);
    return rc == 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2 || size > 1 << 16)
        return 0;
    char *line = dw_alloc(size - 1);
    struct dw_keys *keys = dw_keys_new();
    DW_ASSERT(line && keys);
    memcpy(line, data + 1, size - 1);
    struct dw_str s = dw_str_make(line, size - 1);
    size_t count = 0;
    const struct dw_parser *table = dw_parser_table(&count);
    const struct dw_parser *best = dw_parser_probe(s);
    const struct dw_parser *p = data[0] == 255 ? best : &table[data[0] % count];
    struct dw_buf first = {0}, again = {0};
    if (p && run(p, s, keys, &first)) {
        DW_ASSERT(run(p, s, keys, &again));
        DW_ASSERT(dw_str_eq(dw_buf_view(&first), dw_buf_view(&again)));
        struct json_tokener *tok = json_tokener_new_ex(600);
        struct json_object *o = json_tokener_parse_ex(tok, first.ptr, (int)first.len);
        DW_ASSERT(json_tokener_get_error(tok) == json_tokener_success);
        json_object_put(o);
        json_tokener_free(tok);
    }
    dw_buf_fini(&first);
    dw_buf_fini(&again);
    dw_keys_free(keys);
    dw_free(line);
    return 0;
}
