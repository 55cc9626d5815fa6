/*
 * fuzz_json: reader, flattener and writer over any bytes. Oracle: what we accept json-c accepts, and what we write
 * json-c reads. Raw control bytes within strings are taken by us on purpose, so texts with them have no oracle.
 */
#include "dogwatch/base/mem.h"
#include "dogwatch/event/flatten.h"
#include "dogwatch/event/json_read.h"
#include "dogwatch/event/json_write.h"

#include <json-c/json.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool has_control(struct dw_str s)
{
    for (size_t i = 0; i < s.len; i++)
        if ((unsigned char)s.ptr[i] < ' ')
            return true;
    return false;
}

static void check(struct dw_str text, bool strict)
{
    struct json_tokener *tok = json_tokener_new_ex(200);
    if (strict)
        json_tokener_set_flags(tok, JSON_TOKENER_STRICT);
    struct json_object *o = json_tokener_parse_ex(tok, text.ptr, (int)text.len);
    DW_ASSERT(json_tokener_get_error(tok) == json_tokener_success);
    json_object_put(o);
    json_tokener_free(tok);
}

static uint32_t leaves(struct json_object *o)
{
    uint32_t n = 0;
    if (json_object_is_type(o, json_type_array)) {
        for (size_t i = 0; i < json_object_array_length(o); i++)
            n += leaves(json_object_array_get_idx(o, i));
        return n;
    }
    if (!json_object_is_type(o, json_type_object))
        return 1;
    json_object_object_foreach(o, key, child)
    {
        (void)key;
        n += leaves(child);
    }
    return n;
}

/* No object has a name twice: then json-c, which keeps the last, finds as many values as there are tokens. */
static void check_names(struct dw_str text)
{
    struct json_tokener *tok = json_tokener_new_ex(200);
    struct json_object *o = json_tokener_parse_ex(tok, text.ptr, (int)text.len);
    struct dw_json j;
    struct dw_json_token t = {.type = DW_JSON_NULL};
    uint32_t tokens = 0;
    dw_json_start(&j, text);
    int rc = 0;
    while ((rc = dw_json_next(&j, &t)) == 0 && t.type != DW_JSON_END)
        tokens += t.type >= DW_JSON_STRING;
    /* json-c's names end at a zero byte; two names broken in different ways may be repaired to the same */
    bool odd = dw_str_find(text, DW_STR("\\u0000")) < text.len || dw_str_find(text, DW_STR("utf8.repaired")) < text.len;
    DW_ASSERT(rc < 0 || odd || tokens == leaves(o));
    json_object_put(o);
    json_tokener_free(tok);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct dw_field fields[DW_EVENT_FIELDS_MAX];
    if (size == 0 || size > 1 << 20)
        return 0;
    char *copy = dw_alloc(size); /* exact, so a read past the end is seen */
    DW_ASSERT(copy);
    memcpy(copy, data, size);
    struct dw_arena pool;
    dw_arena_init(&pool, 0);
    struct dw_draft d = {.keys = dw_keys_new(), .pool = &pool, .field = fields};
    DW_ASSERT(d.keys);
    dw_draft_reset(&d, dw_str_make(copy, size));
    struct dw_buf out = {0};
    const struct dw_flatten how = {0};
    int rc = dw_flatten_json(&d, d.line, &how);
    if (rc < 0)
        d.field_count = 0;
    else if (!has_control(d.line))
        check(d.line, false);
    struct dw_event ev = {.line = d.line, .field = d.field, .field_count = d.field_count};
    dw_event_json(d.keys, &ev, NULL, &out);
    DW_ASSERT(out.err == 0);
    check(dw_buf_view(&out), false);
    check_names(dw_buf_view(&out));
    dw_buf_fini(&out);
    dw_keys_free(d.keys);
    dw_arena_fini(&pool);
    dw_free(copy);
    return 0;
}
