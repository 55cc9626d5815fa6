/* Tests of core/event/json_read.c: tokens, strictness, unescaping, and json-c as an oracle. */
#include "support.h"

#include "dogwatch/base/rng.h"
#include "dogwatch/event/json_read.h"

#include <json-c/json.h>
#include <stdio.h>

static int count_tokens(struct dw_str text, int *ret_count)
{
    struct dw_json j;
    struct dw_json_token t;
    dw_json_init(&j, text);
    *ret_count = 0;
    for (;;) {
        int rc = dw_json_next(&j, &t);
        if (rc < 0 || t.type == DW_JSON_END)
            return rc;
        ++*ret_count;
        assert_true(*ret_count < 1000000);
    }
}

static void json_read_yields_tokens_in_order(void **state)
{
    (void)state;
    static const enum dw_json_type want[] = {DW_JSON_OBJECT, DW_JSON_KEY, DW_JSON_ARRAY, DW_JSON_NUMBER, DW_JSON_TRUE,
        DW_JSON_FALSE, DW_JSON_NULL, DW_JSON_OBJECT, DW_JSON_OBJECT_END, DW_JSON_ARRAY_END, DW_JSON_KEY,
        DW_JSON_STRING, DW_JSON_OBJECT_END, DW_JSON_END, DW_JSON_END};
    struct dw_json j;
    struct dw_json_token t;
    dw_json_init(&j, DW_STR(" {\"a\" : [ -1.5e3 ,true,false,null,{ } ],\n\"b\\n\":\"x\"}\t"));
    for (size_t i = 0; i < DW_COUNT_OF(want); i++) {
        assert_int_equal(dw_json_next(&j, &t), DW_OK);
        assert_int_equal(t.type, want[i]);
        if (i == 3)
            assert_str(t.text, "-1.5e3");
        if (i == 10) {
            assert_true(t.escaped);
            assert_str(t.text, "b\\n");
        }
    }
}

static void json_read_refuses_what_rfc8259_refuses(void **state)
{
    (void)state;
    static const char *const bad[] = {"", " ", "{", "}", "[1,]", "{\"a\":1,}", "{\"a\"}", "{a:1}", "01", "1.", ".5", "-",
        "1e", "+1", "nul", "tru", "\"\\x\"", "\"\\u12g4\"", "\"a\nb\"", "\"a", "\"a\\", "1 2", "[1 2]", "{\"a\":1 \"b\":2}", "]",
        "[}", "{\"a\":]", "'a'", "NaN", "\"\\u12", "// x\n1"};
    int n = 0;
    for (size_t i = 0; i < DW_COUNT_OF(bad); i++)
        if (count_tokens(dw_str_of(bad[i]), &n) != DW_ESYNTAX)
            fail_msg("accepted: %s", bad[i]);
    static const char *const good[] = {"0", "-0", "1.5", "1E+5", "\"\"", "[]", "{}", "[[]]", "\"\xff\"", "{\"\":{}}"};
    for (size_t i = 0; i < DW_COUNT_OF(good); i++)
        if (count_tokens(dw_str_of(good[i]), &n) != DW_OK)
            fail_msg("refused: %s", good[i]);
}

static void json_read_bounds_depth(void **state)
{
    (void)state;
    char text[200];
    int n = 0;
    memset(text, '[', 33);
    memset(text + 33, ']', 33);
    assert_int_equal(count_tokens(dw_str_make(text, 66), &n), DW_ELIMIT);
    assert_int_equal(count_tokens(dw_str_make(text + 1, 64), &n), DW_OK);
}

static void json_read_stays_spent_after_an_error(void **state)
{
    (void)state;
    struct dw_json j;
    struct dw_json_token t;
    dw_json_init(&j, DW_STR("x 1"));
    assert_int_equal(dw_json_next(&j, &t), DW_ESYNTAX);
    assert_int_equal(dw_json_next(&j, &t), DW_ESYNTAX);
}

static void json_read_unescapes(void **state)
{
    (void)state;
    char out[128];
    struct dw_str in = DW_STR("a\\\"\\\\\\/\\b\\f\\n\\r\\tz\\u00e9\\ud83d\\ude00\\ud800x\\udc00\\u20ac");
    size_t n = dw_json_unescape(in, out);
    assert_str(dw_str_make(out, n), "a\"\\/\b\f\n\r\tz\xc3\xa9\xf0\x9f\x98\x80\xef\xbf\xbdx\xef\xbf\xbd\xe2\x82\xac");
    n = dw_json_unescape(DW_STR("a\\u0000b"), out);
    assert_int_equal(n, 3);
    assert_memory_equal(out, "a\0b", 3);
}

static void json_read_unescape_never_writes_more_than_it_reads(void **state)
{
    (void)state;
    /* an exact allocation, so the sanitizer sees one byte too many */
    struct dw_str in = DW_STR("\\uffff\\ud800\\n\\ud83d\\ude00");
    char *out = test_malloc(in.len);
    assert_true(dw_json_unescape(in, out) <= in.len);
    test_free(out);
}

static void json_read_skips_a_value(void **state)
{
    (void)state;
    struct dw_json j;
    struct dw_json_token t;
    dw_json_init(&j, DW_STR("{\"a\":{\"x\":[1,{}]},\"b\":2}"));
    assert_int_equal(dw_json_next(&j, &t), DW_OK);
    assert_int_equal(dw_json_next(&j, &t), DW_OK);
    assert_int_equal(dw_json_skip(&j, &t), DW_OK);
    assert_int_equal(dw_json_next(&j, &t), DW_OK);
    assert_int_equal(t.type, DW_JSON_KEY);
    assert_str(t.text, "b");
}

/* A random JSON text, then a few random edits. */
static size_t random_json(struct dw_rng *r, char *out, size_t cap, int depth)
{
    static const char *const leaf[] = {"1", "-0.5e2", "\"a\\\"b\"", "\"\"", "true", "false", "null", "\"\\u00e9\\n\"", "12345678901"};
    size_t n = 0;
    uint64_t kind = dw_rng_below(r, depth > 3 ? 1 : 3);
    if (kind == 0)
        return (size_t)snprintf(out, cap, "%s", leaf[dw_rng_below(r, DW_COUNT_OF(leaf))]);
    n += (size_t)snprintf(out, cap, "%c", kind == 1 ? '{' : '[');
    uint64_t count = dw_rng_below(r, 4);
    for (uint64_t i = 0; i < count && n + 200 < cap; i++) {
        n += (size_t)snprintf(out + n, cap - n, "%s", i ? "," : "");
        if (kind == 1)
            n += (size_t)snprintf(out + n, cap - n, "\"k%d\":", (int)dw_rng_below(r, 9));
        n += random_json(r, out + n, cap - n - 100, depth + 1);
    }
    n += (size_t)snprintf(out + n, cap - n, "%c", kind == 1 ? '}' : ']');
    return n;
}

static bool oracle_accepts(const char *text, size_t len)
{
    struct json_tokener *tok = json_tokener_new_ex(33);
    json_tokener_set_flags(tok, JSON_TOKENER_STRICT);
    struct json_object *o = json_tokener_parse_ex(tok, text, (int)len);
    enum json_tokener_error e = json_tokener_get_error(tok);
    size_t used = json_tokener_get_parse_end(tok);
    if (e == json_tokener_continue) { /* a number at the very end: say that the text ends */
        o = json_tokener_parse_ex(tok, " ", 1);
        e = json_tokener_get_error(tok);
        used = len;
    }
    bool ok = e == json_tokener_success;
    while (ok && used < len)
        ok = strchr(" \t\r\n", text[used++]) != NULL;
    json_object_put(o);
    json_tokener_free(tok);
    return ok;
}

static void json_read_accepts_only_what_json_c_accepts(void **state)
{
    (void)state;
    struct dw_rng r = {.state = 20261124};
    static const char edits[] = "{}[]\",:\\ntu01.e- ";
    int accepted = 0;
    for (int i = 0; i < 60000; i++) {
        char text[4096];
        size_t len = random_json(&r, text, sizeof text, 0);
        bool edited = i % 3 != 0;
        for (uint64_t e = edited ? 1 + dw_rng_below(&r, 2) : 0; e > 0; e--)
            text[dw_rng_below(&r, len)] = edits[dw_rng_below(&r, sizeof edits - 1)];
        int n = 0;
        bool ours = count_tokens(dw_str_make(text, len), &n) == DW_OK;
        if (!edited && !ours)
            fail_msg("refused: %.*s", (int)len, text);
        if (ours && !oracle_accepts(text, len))
            fail_msg("accepted, json-c does not: %.*s", (int)len, text);
        accepted += ours;
    }
    assert_true(accepted > 20000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(json_read_yields_tokens_in_order),
        cmocka_unit_test(json_read_refuses_what_rfc8259_refuses),
        cmocka_unit_test(json_read_bounds_depth),
        cmocka_unit_test(json_read_stays_spent_after_an_error),
        cmocka_unit_test(json_read_unescapes),
        cmocka_unit_test(json_read_unescape_never_writes_more_than_it_reads),
        cmocka_unit_test(json_read_skips_a_value),
        cmocka_unit_test(json_read_accepts_only_what_json_c_accepts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
