/* What comes over HTTP, taken apart: targets, bodies, paths, Host and Origin. */
#include "support.h"

#include "../../../collector/server/api_parse.h"

static struct dw_arena arena;
static struct api_params params;

static int target(const char *text, struct dw_str *ret_path)
{
    dw_arena_reset(&arena);
    return api_parse_target(dw_str_of(text), &arena, ret_path, &params);
}

static int body(const char *text)
{
    dw_arena_reset(&arena);
    params.count = 0;
    return api_parse_body(dw_str_of(text), &arena, &params);
}

static void a_target_is_a_path_and_parameters(void **state)
{
    struct dw_str path;
    (void)state;
    assert_int_equal(target("/api/v1/query?query=a%3Ab+%7c+head%201&limit=5", &path), DW_OK);
    assert_str(path, "/api/v1/query");
    assert_int_equal(params.count, 2);
    assert_str(params.item[0].name, "query");
    assert_str(params.item[0].value, "a:b | head 1");
    assert_str(params.item[1].value, "5");
    assert_int_equal(target("/x?a=", &path), DW_OK);
    assert_str(params.item[0].value, "");
    assert_int_equal(target("/x?", &path), DW_OK);
    assert_int_equal(params.count, 0);
    assert_int_equal(target("", &path), DW_OK);
}

static void a_target_that_can_be_read_in_two_ways_is_refused(void **state)
{
    static const char *const bad[] = {"/?a=%", "/?a=%4", "/?a=%zz", "/?a=%00", "/?%00=a", "/?a", "/?=b", "/?a=1&a=2", "/?a=1&&b=2", "/?a=1&%61=2"};
    struct dw_str path;
    (void)state;
    for (size_t i = 0; i < DW_COUNT_OF(bad); i++)
        if (target(bad[i], &path) != DW_ESYNTAX)
            fail_msg("%s is taken", bad[i]);
    assert_int_equal(target("/?a=1&b=1&c=1&d=1&e=1&f=1&g=1&h=1", &path), DW_OK);
    assert_int_equal(target("/?a=1&b=1&c=1&d=1&e=1&f=1&g=1&h=1&i=1", &path), DW_ELIMIT);
    assert_int_equal(target("/?abcdefghijabcdefghijabcdefghijabc=1", &path), DW_ELIMIT);
}

static void a_body_is_an_object_of_scalars(void **state)
{
    static const char *const bad[] = {"", "[]", "1", "{\"a\":{}}", "{\"a\":[1]}", "{\"a\":null}", "{\"a\":true}", "{\"a\":1,\"a\":2}", "{\"a\":1}x", "{\"a\":\"\\u0000\"}",
        "{\"\":1}", "{\"\\u0061\":1}", "{\"a\":1", "{\"a\":\"\\q\"}"};
    (void)state;
    assert_int_equal(body("{\"status\":\"new\",\"note\":\"h\\u00e9 \\\"x\\\"\",\"limit\":5}"), DW_OK);
    assert_int_equal(params.count, 3);
    assert_str(params.item[1].value, "h\xc3\xa9 \"x\"");
    assert_str(params.item[2].value, "5");
    assert_int_equal(body("{}"), DW_OK);
    for (size_t i = 0; i < DW_COUNT_OF(bad); i++)
        if (body(bad[i]) != DW_ESYNTAX)
            fail_msg("%s is taken", bad[i]);
}

static void a_path_is_compared_as_it_stands(void **state)
{
    struct dw_str one = DW_STR("/api/v1/alerts/{id}"), two = DW_STR("/api/v1/alerts/{id}/history"), id;
    (void)state;
    assert_true(api_path_is(one, DW_STR("/api/v1/alerts/12ab"), &id));
    assert_str(id, "12ab");
    assert_true(api_path_is(two, DW_STR("/api/v1/alerts/12ab/history"), &id));
    assert_str(id, "12ab");
    assert_false(api_path_is(one, DW_STR("/api/v1/alerts/12ab/history"), &id));
    assert_false(api_path_is(one, DW_STR("/api/v1/alerts/"), &id));
    assert_false(api_path_is(one, DW_STR("/api/v1/alerts/..%2f"), &id));
    assert_false(api_path_is(one, DW_STR("/api/v1/alerts/12AB"), &id));
    assert_false(api_path_is(one, dw_str_make("/api/v1/alerts/1\0", 17), &id));
    assert_false(api_path_is(two, DW_STR("/api/v1/alerts//history"), &id));
    assert_false(api_path_is(two, DW_STR("/api/v1/alerts/history"), &id));
    assert_true(api_path_is(DW_STR("/healthz"), DW_STR("/healthz"), &id));
    assert_false(api_path_is(DW_STR("/healthz"), DW_STR("/healthz/"), &id));
}

static void host_and_origin(void **state)
{
    static const char *const bad[] = {"", ":80", "[::1", "[]:80", "a:b", "a:99999", "[::1]x", "a:80:90", "[::1]:"};
    struct dw_str name;
    (void)state;
    assert_true(api_host_name(DW_STR("localhost:7117"), &name));
    assert_str(name, "localhost");
    assert_true(api_host_name(DW_STR("127.0.0.1"), &name));
    assert_str(name, "127.0.0.1");
    assert_true(api_host_name(DW_STR("[::1]:7117"), &name));
    assert_str(name, "::1");
    assert_true(api_host_name(DW_STR("[::1]"), &name));
    for (size_t i = 0; i < DW_COUNT_OF(bad); i++)
        if (api_host_name(dw_str_of(bad[i]), &name))
            fail_msg("%s is taken", bad[i]);
    assert_true(api_origin_is(DW_STR("http://localhost:7117"), DW_STR("localhost:7117")));
    assert_true(api_origin_is(DW_STR("https://LOCALHOST:7117"), DW_STR("localhost:7117")));
    assert_false(api_origin_is(DW_STR("http://localhost:7118"), DW_STR("localhost:7117")));
    assert_false(api_origin_is(DW_STR("http://evil/localhost:7117"), DW_STR("localhost:7117")));
    assert_false(api_origin_is(DW_STR("null"), DW_STR("localhost:7117")));
    assert_false(api_origin_is(DW_STR(""), DW_STR("")));
    assert_false(api_origin_is(DW_STR("http://"), DW_STR("")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_target_is_a_path_and_parameters),
        cmocka_unit_test(a_target_that_can_be_read_in_two_ways_is_refused),
        cmocka_unit_test(a_body_is_an_object_of_scalars),
        cmocka_unit_test(a_path_is_compared_as_it_stands),
        cmocka_unit_test(host_and_origin),
    };
    dw_arena_init(&arena, 0);
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    dw_arena_fini(&arena);
    return failed;
}
