/* Tests of core/event's JSON: reading against json-c, flattening, writing. */
#include "support.h"

#include "dogwatch/base/rng.h"
#include "dogwatch/event/flatten.h"
#include "dogwatch/event/json_read.h"
#include "dogwatch/event/json_write.h"

#include <json-c/json.h>

static bool we_accept(struct dw_str text)
{
    struct dw_json j;
    struct dw_json_token t = {.type = DW_JSON_NULL};
    int rc = DW_OK;
    struct dw_buf b = {0};
    dw_json_start(&j, text);
    while (rc == DW_OK && (rc = dw_json_next(&j, &t)) == DW_OK && t.type != DW_JSON_END)
        if ((t.type == DW_JSON_STRING || t.type == DW_JSON_KEY) && t.escaped && !dw_json_unescape(t.text, &b))
            rc = DW_ESYNTAX;
    dw_buf_fini(&b);
    return rc == DW_OK;
}

static void accepts_what_the_rfc_accepts(void **state)
{
    (void)state;
    static const char *const good[] = {"{}", "[]", "[1,-2.5e+3,0,true,false,null]", " {\"a\" : [ {\"b\":\"\\u00e9\"} ] } ",
        "\"\\ud83d\\ude00\"", "3", "{\"a\":1,\"a\":2}"};
    static const char *const bad[] = {"", "{", "[1,]", "{\"a\"}", "{\"a\":1,}", "{,}", "01", "1.", "-", "+1", "tru", "[1 2]",
        "{\"a\":1}x", "\"\\x\"", "\"\\u9\\u00\"", "\"\\u12\"", "\"abc", "{1:2}", "[}", "{]"};
    for (size_t i = 0; i < DW_COUNT_OF(good); i++)
        if (!we_accept(dw_str_of(good[i])))
            fail_msg("refused: %s", good[i]);
    for (size_t i = 0; i < DW_COUNT_OF(bad); i++)
        if (we_accept(dw_str_of(bad[i])))
            fail_msg("accepted: %s", bad[i]);
}

/* Goal:   we accept what json-c's strict parser accepts, over documents that are nearly right.
 * Method: random changes to a valid document; json-c is the oracle where it is strict (it takes some things the RFC does not). */
static void agrees_with_json_c_on_mutated_documents(void **state)
{
    (void)state;
    static const char seed[] = "{\"a\":[1,2.5,{\"b\":\"x\\ny\",\"c\":null}],\"d\":{\"e\":true},\"f\":\"\\u00e9\"}";
    static const char alphabet[] = "{}[]\",:\\ntu019.eE+- af";
    struct dw_rng rng = {.state = 11};
    uint32_t accepted = 0;
    for (int round = 0; round < 200000; round++) {
        char text[sizeof seed];
        memcpy(text, seed, sizeof seed);
        for (uint64_t n = 1 + dw_rng_below(&rng, 3); n; n--)
            text[dw_rng_below(&rng, sizeof seed - 1)] = alphabet[dw_rng_below(&rng, sizeof alphabet - 1)];
        struct json_tokener *tok = json_tokener_new();
        json_tokener_set_flags(tok, JSON_TOKENER_STRICT);
        json_object *o = json_tokener_parse_ex(tok, text, (int)sizeof seed);
        bool theirs = json_tokener_get_error(tok) == json_tokener_success;
        bool ours = we_accept(dw_str_make(text, sizeof seed - 1));
        if (ours && !theirs)
            fail_msg("we accept, json-c does not: %s", text);
        accepted += ours;
        json_object_put(o);
        json_tokener_free(tok);
    }
    assert_true(accepted > 1000);
}

struct bed {
    struct dw_keys *keys;
    struct dw_arena pool;
    struct dw_field field[DW_EVENT_FIELDS_MAX];
    struct dw_draft d;
};

static int flatten(struct bed *b, const char *text)
{
    struct dw_flatten how = {0};
    b->keys = dw_keys_new();
    dw_arena_init(&b->pool, 0);
    b->d = (struct dw_draft){.keys = b->keys, .pool = &b->pool, .field = b->field};
    dw_draft_reset(&b->d, dw_str_of(text));
    return dw_flatten_json(&b->d, b->d.line, &how);
}

static void finish(struct bed *b)
{
    dw_arena_fini(&b->pool);
    dw_keys_free(b->keys);
}

static void flatten_makes_dotted_names_and_numbers_elements(void **state)
{
    (void)state;
    struct bed b;
    assert_int_equal(flatten(&b, "{\"a\":{\"b\":[{\"c\":1},{\"c\":\"x\\ty\"}]},\"n\":null,\"t\":true,\"source.ip\":\"::1\"}"), DW_OK);
    assert_int_equal(b.d.field_count, 4);
    assert_str(dw_keys_name(b.keys, b.field[0].key), "a.b.c");
    assert_int_equal(b.field[0].elem, 1);
    assert_int_equal(b.field[0].kind, DW_K_NUMBER);
    assert_int_equal(b.field[1].elem, 2);
    assert_int_equal(b.field[1].kind, DW_K_LITERAL);
    assert_str(dw_field_str(&b.field[1]), "x\ty");
    assert_int_equal(b.field[2].kind, DW_K_BOOL);
    assert_int_equal(b.field[3].key, DW_F_source_ip);
    finish(&b);
    assert_int_equal(flatten(&b, "[1]"), DW_ESYNTAX);
    finish(&b);
}

static void flatten_drops_over_bounds_and_counts(void **state)
{
    (void)state;
    struct bed b;
    struct dw_buf text = {0};
    dw_buf_str(&text, DW_STR("{\"a\":["));
    for (int i = 0; i < 600; i++)
        dw_buf_printf(&text, "%s%d", i ? "," : "", i);
    dw_buf_add(&text, "]}", 3);
    assert_int_equal(flatten(&b, text.ptr), DW_OK);
    assert_int_equal(b.d.field_count, DW_EVENT_ELEMENTS_MAX);
    assert_int_equal(b.d.dropped, 600 - DW_EVENT_ELEMENTS_MAX);
    finish(&b);
    dw_buf_fini(&text);
}

static void write(struct bed *b, struct dw_buf *out)
{
    struct dw_stream stream = {0};
    struct dw_event ev = {.time_ns = 1764018858123456789, .line = b->d.line, .field = b->field,
        .field_count = b->d.field_count, .stream = &stream, .start = 10, .end = 20, .out = DW_OUT_STDERR};
    dw_event_json(b->keys, &ev, NULL, out);
}

static void writing_nests_and_keeps_the_order(void **state)
{
    (void)state;
    struct bed b;
    struct dw_buf out = {0};
    assert_int_equal(flatten(&b, "{\"z\":1,\"a\":{\"q\":[1,2]},\"source\":{\"ip\":\"1.2.3.4\"},\"a.q.r\":5}"), DW_OK);
    write(&b, &out);
    assert_str(dw_buf_view(&out), "{\"@timestamp\":\"2025-11-24T21:14:18.123456789Z\",\"event\":{\"id\":\"00000000000000000000000000000000-10\","
        "\"kind\":\"event\",\"original\":\"{\\\"z\\\":1,\\\"a\\\":{\\\"q\\\":[1,2]},\\\"source\\\":{\\\"ip\\\":\\\"1.2.3.4\\\"},\\\"a.q.r\\\":5}\"},"
        "\"source\":{\"ip\":\"1.2.3.4\"},\"a\":{\"q\":[1,2],\"q.r\":5},\"z\":1,"
        "\"dogwatch\":{\"stream\":\"00000000000000000000000000000000\",\"start\":10,\"end\":20,\"out\":\"stderr\",\"read_at\":\"1970-01-01T00:00:00.000000000Z\"}}");
    dw_buf_fini(&out);
    finish(&b);
}

static void writing_repairs_bytes_that_are_no_utf8_and_says_so(void **state)
{
    (void)state;
    struct bed b;
    struct dw_buf out = {0};
    assert_int_equal(flatten(&b, "{\"a\":\"\xff\xc3\xa9\"}"), DW_OK);
    write(&b, &out);
    struct json_object *o = json_tokener_parse((dw_buf_byte(&out, 0), out.ptr));
    assert_non_null(o);
    assert_string_equal(json_object_get_string(json_object_object_get(o, "a")), "\xEF\xBF\xBD\xc3\xa9");
    assert_string_equal(json_object_to_json_string_ext(json_object_object_get(o, "tags"), JSON_C_TO_STRING_PLAIN), "[\"utf8.repaired\"]");
    json_object_put(o);
    dw_buf_fini(&out);
    finish(&b);
}

static void expect_part(const char *text, const char *part)
{
    struct bed b;
    struct dw_buf out = {0};
    assert_int_equal(flatten(&b, text), DW_OK);
    write(&b, &out);
    if (dw_str_find(dw_buf_view(&out), dw_str_of(part)) == out.len)
        fail_msg("no %s in %.*s", part, DW_ARG(dw_buf_view(&out)));
    dw_buf_fini(&out);
    finish(&b);
}

static void writing_gives_no_object_a_name_twice(void **state)
{
    (void)state;
    /* names of the table and others of the same object do not follow each other in the order of output */
    expect_part("{\"http\":{\"request\":{\"method\":\"GET\",\"x\":1},\"version\":\"2\",\"y\":2}}",
        "\"http\":{\"request\":{\"method\":\"GET\",\"x\":1},\"version\":\"2\",\"y\":2}");
    expect_part("{\"event\":{\"action\":\"a\",\"zz\":1}}", "\"action\":\"a\",\"original\":");
    expect_part("{\"a\":1,\"a.b\":2,\"a.c\":{\"d\":3}}", "\"a\":1,\"a.b\":2,\"a.c\":{\"d\":3}");
    expect_part("{\"a-b\":1,\"a\":{\"c\":2},\"a\":{\"b\":3}}", "\"a-b\":1,\"a\":{\"b\":3,\"c\":2}");
}

static void names_of_dots_make_no_levels(void **state)
{
    (void)state;
    expect_part("{\"a..b\":1,\"a.c\":2,\"....\":3}", "\"....\":3,\"a\":{\".b\":1,\"c\":2}");
}

static void a_log_cannot_take_our_names(void **state)
{
    (void)state;
    expect_part("{\"event\":\"login\"}", "\"json\":{\"event\":\"login\"}");
    expect_part("{\"dogwatch\":{\"stream\":\"x\"}}", "\"json\":{\"dogwatch\":{\"stream\":\"x\"}}");
    expect_part("{\"event\":{\"id\":\"forged\"}}", "{\"id\":\"00000000000000000000000000000000-10\",");
    expect_part("{\"event.original\":\"forged\"}", "\"original\":\"{\\\"event.original");
}

static void strings_hold_nothing_a_terminal_would_obey(void **state)
{
    (void)state;
    struct dw_buf out = {0};
    assert_false(dw_json_string(&out, DW_STR("\x1b[31m\"\\\n\x7f\xc2\x9b\xc3\xa9")));
    assert_str(dw_buf_view(&out), "\"\\u001b[31m\\\"\\\\\\n\\u007f\\u009b\xc3\xa9\"");
    dw_buf_reset(&out);
#define R "\xef\xbf\xbd"
    /* overlong, surrogate, over U+10FFFF, stray, cut off: one U+FFFD for each maximal bad part */
    assert_true(dw_json_string(&out, DW_STR("\xc0\xaf|\xed\xa0\x80|\xf4\x90\x80\x80|\x80|\xf0\x9f\x98")));
    assert_str(dw_buf_view(&out), "\"" R R "|" R R R "|" R R R R "|" R "|" R "\"");
    dw_buf_fini(&out);
}

/* Goal:   a string taken off a text is what dw_json_unescape makes of it, wherever its escapes and its end stand.
 * Method: random strings of every length around the 64- and 128-byte steps, in a heap copy of exactly their size. */
static void taking_a_string_agrees_with_unescaping_it(void **state)
{
    (void)state;
    static const char *const piece[] = {"a", "bc", "0123456789abcdef0123456789abcdef", "\\n", "\\\"", "\\\\", "\\u00e9",
        "\\ud83d\\ude00", "\\x", "\\u12"};
    struct dw_rng rng = {.state = 5};
    struct dw_buf raw = {0}, whole = {0}, taken = {0};
    uint32_t good = 0;
    for (int round = 0; round < 20000; round++) {
        uint64_t kinds = dw_rng_below(&rng, 8) ? DW_COUNT_OF(piece) - 2 : DW_COUNT_OF(piece), pieces = dw_rng_below(&rng, 60);
        dw_buf_reset(&raw);
        for (uint64_t i = 0; i < pieces; i++)
            dw_buf_str(&raw, dw_str_of(piece[dw_rng_below(&rng, kinds)]));
        dw_buf_reset(&whole);
        dw_buf_reset(&taken);
        bool ok = dw_json_unescape(dw_buf_view(&raw), &whole);
        struct dw_str tail = dw_rng_below(&rng, 2) ? DW_STR("\"") : DW_STR("\",\"stream\":\"stdout\"}");
        dw_buf_str(&raw, tail);
        char *exact = malloc(raw.len);
        assert_non_null(exact);
        memcpy(exact, raw.ptr, raw.len);
        struct dw_str rest = dw_str_make(exact, raw.len);
        assert_int_equal(dw_json_take_string(&rest, &taken), ok);
        if (ok) {
            assert_true(dw_str_eq(dw_buf_view(&taken), dw_buf_view(&whole)));
            assert_int_equal(rest.len, tail.len - 1);
            good++;
        } else {
            assert_ptr_equal(rest.ptr, exact);
        }
        free(exact);
    }
    assert_true(good > 15000);
    struct dw_str open = DW_STR("no end \\\"");
    assert_false(dw_json_take_string(&open, &taken));
    dw_buf_fini(&raw);
    dw_buf_fini(&whole);
    dw_buf_fini(&taken);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(accepts_what_the_rfc_accepts),
        cmocka_unit_test(agrees_with_json_c_on_mutated_documents),
        cmocka_unit_test(taking_a_string_agrees_with_unescaping_it),
        cmocka_unit_test(flatten_makes_dotted_names_and_numbers_elements),
        cmocka_unit_test(flatten_drops_over_bounds_and_counts),
        cmocka_unit_test(writing_nests_and_keeps_the_order),
        cmocka_unit_test(writing_gives_no_object_a_name_twice),
        cmocka_unit_test(names_of_dots_make_no_levels),
        cmocka_unit_test(a_log_cannot_take_our_names),
        cmocka_unit_test(strings_hold_nothing_a_terminal_would_obey),
        cmocka_unit_test(writing_repairs_bytes_that_are_no_utf8_and_says_so),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
