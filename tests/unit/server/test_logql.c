/* Tests of collector/server/logql.c: what becomes of a query, that the filter is one of ours and matches what LogQL says, and what is refused. */
#include "support.h"

#include "../../../collector/server/logql.h"

#include "dogwatch/base/error.h"
#include "dogwatch/collect/query.h"

static void compile(const char *text, struct logql *q)
{
    struct dw_diags diags;
    struct dw_buf said = {0};
    dw_diags_init(&diags, DW_STR("logql"), dw_str_of(text));
    int rc = logql_compile(dw_str_of(text), &diags, q);
    dw_diags_print(&diags, &said);
    if (rc < 0)
        fail_msg("%s: %.*s", text, DW_ARG(dw_buf_view(&said)));
    dw_buf_fini(&said);
}

static void a_selector_and_what_follows_is_a_filter(void **state)
{
    (void)state;
    static const char *const table[][2] = {
        {"{}", "*"},
        {"{host=\"web1\"}", "host.name:=/^(?:web1)$(?:)/"},
        {"{ host!=\"a.b/c\" , container=~\"x.*\" }", "not host.name:=/^(?:a\\.b\\/c)$(?:)/ and container.name:=/^(?:x.*)$(?:)/"},
        {"{pod=\"\", namespace!=\"\"}", "not orchestrator.resource.name:* and orchestrator.namespace:*"},
        {"{filename=~\".*\"}", "*"},
        {"{source_ip=\"10.0.0.1\", my_own=`a\\b`}", "source.ip:=/^(?:10\\.0\\.0\\.1)$(?:)/ and my.own:=/^(?:a\\\\b)$(?:)/"},
        {"{host=\"h\"} |= \"a\" or \"b\" !~ `/x/` | level=\"\"", "host.name:=/^(?:h)$(?:)/ and (not log.level:*)"},
        {"{host=\"h\"} | json | level=\"error\", http_response_status_code>=400 or (url_path!=\"/\" and source_port==80) | drop __error__, x",
            "host.name:=/^(?:h)$(?:)/ and (log.level:=/^(?:error)$(?:)/ and http.response.status_code:>=400 or (not url.path:=/^(?:\\/)$(?:)/ and source.port:80))"},
    };
    for (size_t i = 0; i < DW_COUNT_OF(table); i++) {
        struct logql q;
        struct dw_diags diags;
        struct dw_query *ours = NULL;
        struct dw_keys *keys = dw_keys_new();
        compile(table[i][0], &q);
        assert_int_equal(q.function, LOGQL_LINES);
        assert_str(dw_buf_view(&q.filter), table[i][1]);
        dw_diags_init(&diags, DW_STR("q"), dw_buf_view(&q.filter));
        assert_int_equal(dw_query_compile(dw_buf_view(&q.filter), keys, &diags, &ours), DW_OK);
        assert_true(dw_query_is_filter(ours));
        dw_query_free(ours);
        dw_keys_free(keys);
        logql_fini(&q);
    }
}

static void filters_over_lines_are_about_what_was_written(void **state)
{
    (void)state;
    static const struct {
        const char *query, *line;
        enum dw_verdict takes;
    } table[] = {{"{}", "", DW_TRUE}, {"{} |= \"a\"", "bab", DW_TRUE}, {"{} |= \"A\"", "bab", DW_FALSE}, {"{} |= \"a\" or \"x\"", "x", DW_TRUE}, {"{} != \"a\" or \"x\"", "x", DW_FALSE},
        {"{} |= `\"k\":` !~ \"[0-9]\"", "{\"k\":true}", DW_TRUE}, {"{} |= `\"k\":` !~ \"[0-9]\"", "{\"k\":1}", DW_FALSE}, {"{} |~ \"(?i)K\"", "k", DW_TRUE},
        {"{} |~ \"^a/b$\"", "a/b", DW_TRUE}, {"{} |= \"\"", "", DW_TRUE}};
    struct dw_regex_scratch *scratch = dw_regex_scratch_new();
    for (size_t i = 0; i < DW_COUNT_OF(table); i++) {
        struct logql q;
        compile(table[i].query, &q);
        if (logql_takes(&q, scratch, dw_str_of(table[i].line)) != table[i].takes)
            fail_msg("%s of %s", table[i].query, table[i].line);
        logql_fini(&q);
    }
    dw_regex_scratch_free(scratch);
}

static void functions_say_what_to_count(void **state)
{
    (void)state;
    struct logql q;
    compile("count_over_time({host=\"h\"}[1h30m])", &q);
    assert_true(q.function == LOGQL_COUNT && q.range_ns == INT64_C(5400000000000) && !q.is_sum);
    logql_fini(&q);
    compile("sum by (level, host) (rate({} |= \"x\" [500ms]))", &q);
    assert_true(q.function == LOGQL_RATE && q.range_ns == 500000000 && q.is_sum && q.by_count == 2);
    assert_string_equal(q.by[0], "level");
    assert_string_equal(q.by[1], "host");
    logql_fini(&q);
    compile("sum(bytes_rate({}[2s])) by (pod)", &q);
    assert_true(q.function == LOGQL_BYTES_RATE && q.is_sum && q.by_count == 1);
    logql_fini(&q);
    compile("vector(1)+vector(1)", &q);
    assert_true(q.function == LOGQL_CONSTANT && q.value > 1.99 && q.value < 2.01);
    logql_fini(&q);
}

static void what_is_not_known_is_shown_with_its_place(void **state)
{
    (void)state;
    static const struct {
        const char *text, *what;
        uint32_t col;
    } table[] = {{"", "no function", 1}, {"{host}", "=, !=, =~ or !~", 6}, {"{host=\"a}", "never closed", 7}, {"{host=a}", "quotes", 7}, {"{host=\"a\"", "'}'", 10},
        {"{} |= x", "quotes", 7}, {"{} | line_format \"x\"", "no stage", 6}, {"{} | a > \"b\"", "compares numbers", 6}, {"{} | a > 10s", "a value", 12},
        {"quantile_over_time(0.9, {}[1m])", "no function", 1}, {"rate({})", "'['", 8}, {"rate({}[5])", "span", 9}, {"rate({}[1m]) + 1", "belong", 14},
        {"sum by (a (rate({}[1m]))", "')'", 11}, {"vector(x)", "a number", 8}, {"{} |~ \"(\"", "parenthesis", 7}, {"rate({}[292y])", "span", 9}, {"rate({}[99999999999999999999h])", "span", 9}};
    for (size_t i = 0; i < DW_COUNT_OF(table); i++) {
        struct dw_diags diags;
        struct logql q;
        dw_diags_init(&diags, DW_STR("logql"), dw_str_of(table[i].text));
        assert_int_equal(logql_compile(dw_str_of(table[i].text), &diags, &q), DW_ESYNTAX);
        assert_int_equal(diags.count, 1);
        if (!strstr(diags.item[0].msg, table[i].what) || diags.item[0].at.col != table[i].col)
            fail_msg("%s: %s at %u", table[i].text, diags.item[0].msg, diags.item[0].at.col);
        logql_fini(&q);
    }
    struct dw_buf deep = {0};
    struct dw_diags diags;
    struct logql q;
    dw_buf_str(&deep, DW_STR("{} | "));
    for (int i = 0; i < 100; i++)
        dw_buf_byte(&deep, '(');
    dw_diags_init(&diags, DW_STR("logql"), dw_buf_view(&deep));
    assert_int_equal(logql_compile(dw_buf_view(&deep), &diags, &q), DW_ESYNTAX);
    logql_fini(&q);
    dw_buf_fini(&deep);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_selector_and_what_follows_is_a_filter),
        cmocka_unit_test(filters_over_lines_are_about_what_was_written),
        cmocka_unit_test(functions_say_what_to_count),
        cmocka_unit_test(what_is_not_known_is_shown_with_its_place),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
