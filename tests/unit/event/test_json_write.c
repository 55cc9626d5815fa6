/* Tests of core/event/json_write.c and json_text.c: order, nesting, conflicts, repair. */
#include "support.h"

#include "dogwatch/event/json_write.h"

#include <json-c/json.h>
#include <math.h>

static struct dw_field fields[DW_EVENT_FIELDS_MAX];
static struct dw_arena pool;

static struct dw_draft draft_of(struct dw_keys *keys, struct dw_str line)
{
    struct dw_draft d = {.keys = keys, .pool = &pool, .field = fields};
    dw_draft_reset(&d, line);
    return d;
}

static void add(struct dw_draft *d, const char *name, const char *text)
{
    uint32_t key = 0;
    assert_int_equal(dw_keys_intern(d->keys, dw_str_of(name), &key), DW_OK);
    dw_draft_const(d, key, text);
}

static void write_event(const struct dw_draft *d, const struct dw_event *proto, struct dw_buf *out)
{
    struct dw_event ev = *proto;
    ev.line = d->line;
    ev.field = d->field;
    ev.field_count = d->field_count;
    dw_buf_reset(out);
    dw_event_write_json(d->keys, &ev, out);
    assert_int_equal(out->err, 0);
    struct json_tokener *tok = json_tokener_new();
    struct json_object *o = json_tokener_parse_ex(tok, out->ptr, (int)out->len);
    assert_non_null(o);
    json_object_put(o);
    json_tokener_free(tok);
}

#define ZERO "00000000000000000000000000000000"
#define TAIL ",\"dogwatch\":{\"stream\":\"" ZERO "\",\"start\":7,\"end\":9,\"read_at\":\"1970-01-01T00:00:00.000000000Z\"}}\n"

static const struct dw_event proto = {.time_ns = 1, .start = 7, .end = 9};

static void json_write_orders_table_names_then_others(void **state)
{
    (void)state;
    struct dw_keys *keys = dw_keys_new();
    struct dw_buf out = {0};
    struct dw_draft d = draft_of(keys, DW_STR("line 401"));
    add(&d, "zeta", "1");
    add(&d, "alpha.b", "2");
    add(&d, "alpha.a", "3");
    dw_draft_view(&d, DW_F_http_response_status_code, dw_str_slice(d.line, 5, 8));
    dw_draft_const(&d, DW_F_event_category, "web");
    dw_draft_const(&d, DW_F_event_dataset, "x");
    dw_draft_view(&d, DW_F_message, d.line);
    add(&d, "event.zz", "q");
    write_event(&d, &proto, &out);
    assert_str(dw_buf_view(&out), "{\"@timestamp\":\"1970-01-01T00:00:00.000000001Z\",\"event\":{\"id\":\"" ZERO "-7\","
        "\"kind\":\"event\",\"category\":[\"web\"],\"dataset\":\"x\",\"zz\":\"q\",\"original\":\"line 401\"},"
        "\"http\":{\"response\":{\"status_code\":401}},\"alpha\":{\"a\":\"3\",\"b\":\"2\"},\"zeta\":\"1\"" TAIL);
    dw_buf_fini(&out);
    dw_keys_free(keys);
}

static void json_write_does_not_depend_on_interning_order(void **state)
{
    (void)state;
    struct dw_buf a = {0}, b = {0};
    struct dw_keys *k1 = dw_keys_new(), *k2 = dw_keys_new();
    struct dw_draft d = draft_of(k1, DW_STR("x"));
    add(&d, "b", "1");
    add(&d, "a", "2");
    write_event(&d, &proto, &a);
    d = draft_of(k2, DW_STR("x"));
    add(&d, "a", "2");
    add(&d, "b", "1");
    write_event(&d, &proto, &b);
    assert_true(dw_str_eq(dw_buf_view(&a), dw_buf_view(&b)));
    dw_buf_fini(&a);
    dw_buf_fini(&b);
    dw_keys_free(k1);
    dw_keys_free(k2);
}

static void json_write_keeps_a_value_that_is_also_a_prefix(void **state)
{
    (void)state;
    struct dw_keys *keys = dw_keys_new();
    struct dw_buf out = {0};
    struct dw_draft d = draft_of(keys, DW_STR("x"));
    add(&d, "a", "1");
    add(&d, "a.b.c", "2");
    add(&d, "a.b.d", "3");
    add(&d, "a", "4");
    add(&d, "event", "scalar");
    write_event(&d, &proto, &out);
    struct dw_str got = dw_buf_view(&out);
    assert_true(dw_str_find(got, DW_STR("\"a\":[\"1\",\"4\"],\"a.b\":{\"c\":\"2\",\"d\":\"3\"}")) < got.len);
    assert_true(dw_str_find(got, DW_STR("\"json.event\":\"scalar\"")) < got.len);
    dw_buf_fini(&out);
    dw_keys_free(keys);
}

static void json_write_repairs_and_tags_invalid_utf8(void **state)
{
    (void)state;
    struct dw_keys *keys = dw_keys_new();
    struct dw_buf out = {0};
    struct dw_draft d = draft_of(keys, DW_STR("bad \xff\xe2\x82 end"));
    write_event(&d, &proto, &out);
    struct dw_str got = dw_buf_view(&out);
    assert_true(dw_str_find(got, DW_STR("\"original\":\"bad \xef\xbf\xbd\xef\xbf\xbd end\"")) < got.len);
    assert_true(dw_str_find(got, DW_STR("\"tags\":[\"utf8.repaired\"]")) < got.len);
    dw_draft_const(&d, DW_F_tags, "cut");
    write_event(&d, &proto, &out);
    got = dw_buf_view(&out);
    assert_true(dw_str_find(got, DW_STR("\"tags\":[\"cut\",\"utf8.repaired\"]")) < got.len);
    dw_buf_fini(&out);
    dw_keys_free(keys);
}

static void json_write_merges_the_stream_and_lists_extents(void **state)
{
    (void)state;
    struct dw_keys *keys = dw_keys_new();
    struct dw_buf out = {0};
    const struct dw_field own[] = {{.v.ptr = "web", .len = 3, .key = DW_F_container_name, .kind = DW_K_CONST},
        {.v.ptr = "node-7", .len = 6, .key = DW_F_host_name, .kind = DW_K_CONST}};
    struct dw_stream s = {.id = {0x9f}, .field = own, .field_count = 2};
    struct dw_extent more = {&s, 20, 30};
    struct dw_event ev = {.stream = &s, .start = 1, .end = 2, .more = &more, .more_count = 1, .out = DW_OUT_STDERR};
    struct dw_draft d = draft_of(keys, DW_STR("x"));
    dw_draft_const(&d, DW_F_dogwatch_masked, "cards:1:16");
    write_event(&d, &ev, &out);
    struct dw_str got = dw_buf_view(&out);
    assert_true(dw_str_find(got, DW_STR("\"container\":{\"name\":\"web\"},\"host\":{\"name\":\"node-7\"}")) < got.len);
    assert_true(dw_str_find(got, DW_STR("\"extents\":[[\"9f000000000000000000000000000000\",1,2],["
                                        "\"9f000000000000000000000000000000\",20,30]],\"out\":\"stderr\",")) < got.len);
    assert_true(dw_str_find(got, DW_STR("\"masked\":[\"cards:1:16\"]}}\n")) < got.len);
    dw_buf_fini(&out);
    dw_keys_free(keys);
}

static void json_string_escapes_what_a_terminal_would_obey(void **state)
{
    (void)state;
    struct dw_buf out = {0};
    assert_false(dw_json_string(&out, DW_STR("\x1b[31m\"\\\n\x7f\xc2\x9b\xc3\xa9")));
    assert_str(dw_buf_view(&out), "\"\\u001b[31m\\\"\\\\\\n\\u007f\\u009b\xc3\xa9\"");
    dw_buf_reset(&out);
    /* overlong, surrogate, over U+10FFFF, stray continuation, truncated at the end */
    assert_true(dw_json_string(&out, DW_STR("\xc0\xaf|\xed\xa0\x80|\xf4\x90\x80\x80|\x80|\xf0\x9f\x98")));
#define R "\xef\xbf\xbd"
    assert_str(dw_buf_view(&out), "\"" R R "|" R R R "|" R R R R "|" R "|" R "\"");
    dw_buf_fini(&out);
}

static void json_numbers_are_exact(void **state)
{
    (void)state;
    struct dw_buf out = {0};
    dw_json_int(&out, INT64_MIN);
    dw_buf_byte(&out, ' ');
    dw_json_int(&out, 0);
    dw_buf_byte(&out, ' ');
    dw_json_float(&out, 0.1);
    dw_buf_byte(&out, ' ');
    dw_json_float(&out, 1.0 / 3.0);
    dw_buf_byte(&out, ' ');
    dw_json_float(&out, (double)INFINITY);
    assert_str(dw_buf_view(&out), "-9223372036854775808 0 0.1 0.33333333333333331 null");
    dw_buf_fini(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(json_write_orders_table_names_then_others),
        cmocka_unit_test(json_write_does_not_depend_on_interning_order),
        cmocka_unit_test(json_write_keeps_a_value_that_is_also_a_prefix),
        cmocka_unit_test(json_write_repairs_and_tags_invalid_utf8),
        cmocka_unit_test(json_write_merges_the_stream_and_lists_extents),
        cmocka_unit_test(json_string_escapes_what_a_terminal_would_obey),
        cmocka_unit_test(json_numbers_are_exact),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
