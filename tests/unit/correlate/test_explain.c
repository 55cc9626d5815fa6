/* Tests of core/pred/explain.c and dw_match_explain: which conditions decided, and on which values. */
#include "sigma_bed.h"

static void hear(void *ud, const struct dw_condition *c)
{
    struct dw_buf *text = ud;
    dw_buf_printf(text, "%*s%c %.*s", (int)(2 * c->depth), "", "-+?"[c->verdict], DW_ARG(c->text));
    if (!c->is_group)
        dw_buf_printf(text, " <- %.*s=%.*s", DW_ARG(c->field), DW_ARG(c->value));
    dw_buf_byte(text, '\n');
}

/* What is said of a detection and an event of words; the verdict must be that of matching. */
static void expect(const char *detection, const char *words, bool whole, const char *text)
{
    struct sbed b;
    struct dw_buf said = {0};
    enum dw_verdict v;
    sbed_init(&b);
    sbed_detection(&b, detection);
    bool is = sbed_is(&b, words);
    assert_int_equal(dw_match_explain(b.scratch, 0, &b.ev, whole, hear, &said, &v), DW_OK);
    dw_buf_byte(&said, 0);
    assert_string_equal(said.ptr, text);
    assert_int_equal(v, is ? DW_TRUE : DW_FALSE);
    dw_buf_fini(&said);
    sbed_fini(&b);
}

static void a_match_shows_what_met_it(void **state)
{
    (void)state;
    const char *words = "url.original=/a?q=UNION%20SELECT|source.ip=10.1.2.3|http.response.status_code=503|user.name=Root";
    expect("  s: {url.original|contains: [xp_cmdshell, union, sleep(]}\n  condition: s\n", words, false,
        "+ any of 3\n  + url.original|contains: 'union' <- url.original=/a?q=UNION%20SELECT\n");
    expect("  s: {source.ip|cidr: 10.0.0.0/8, http.response.status_code|gte: 500}\n  condition: s\n", words, false,
        "+ all of 2\n  + source.ip|cidr: '10.0.0.0/8' <- source.ip=10.1.2.3\n"
        "  + http.response.status_code|gte: 500 <- http.response.status_code=503\n");
    expect("  s: {url.original|urldecode|contains: union select}\n  condition: s\n", words, false,
        "+ url.original|urldecode|contains: 'union select' <- url.original=/a?q=UNION SELECT\n");
    expect("  s: {user.name|cased|startswith: Ro}\n  t: {user.name|re: '^R.+t$'}\n  u: {user.name: 'r*o?'}\n  condition: all of them\n", words,
        false, "+ all of 3\n  + user.name|startswith|cased: 'Ro' <- user.name=Root\n  + user.name|re: '^R.+t$' <- user.name=Root\n"
               "  + user.name: 'r*o?' <- user.name=Root\n");
    expect("  s: {user.name|exists: true}\n  condition: s\n", words, false, "+ user.name|exists: true <- user.name=Root\n");
    expect("  s: {event.original|startswith: '-'}\n  condition: s\n", words, false, "+ event.original|startswith: '-' <- event.original=-\n");
    expect("  s: {user.name|fieldref: user.target}\n  condition: s\n", "user.name=a|user.target=A", false,
        "+ user.name|fieldref: user.target <- user.name=a\n");
}

static void a_negation_shows_what_was_there_instead(void **state)
{
    (void)state;
    expect("  s: {user.name: root}\n  f: {source.ip: [10.0.0.1, 10.0.0.2]}\n  condition: s and not f\n", "user.name=root|source.ip=10.1.2.3",
        false,
        "+ all of 2\n  + user.name: 'root' <- user.name=root\n  + not\n    - any of 2\n      - source.ip: '10.0.0.1' <- source.ip=10.1.2.3\n"
        "      - source.ip: '10.0.0.2' <- source.ip=10.1.2.3\n");
    expect("  s: {user.name: root}\n  f: {host.name: a}\n  condition: s and not f\n", "user.name=root", false,
        "+ all of 2\n  + user.name: 'root' <- user.name=root\n  + not\n    - host.name: 'a' <- =\n");
}

static void what_did_not_decide_is_told_when_asked(void **state)
{
    (void)state;
    const char *detection = "  s: {user.name: [root, admin]}\n  t: {host.name: a}\n  condition: s or t\n";
    expect(detection, "user.name=admin", true,
        "+ any of 2\n  + any of 2\n    - user.name: 'root' <- user.name=admin\n    + user.name: 'admin' <- user.name=admin\n"
        "  - host.name: 'a' <- =\n");
    expect(detection, "user.name=admin", false, "+ any of 2\n  + any of 2\n    + user.name: 'admin' <- user.name=admin\n");
}

static void misses_beyond_the_bound_are_counted(void **state)
{
    (void)state;
    struct dw_buf detection = {0}, said = {0};
    struct sbed b;
    enum dw_verdict v;
    dw_buf_printf(&detection, "  s: {user.name: [u0");
    for (int i = 1; i < DW_EXPLAIN_MISSES + 7; i++)
        dw_buf_printf(&detection, ", u%d", i);
    dw_buf_printf(&detection, "]}\n  condition: s\n%c", 0);
    sbed_init(&b);
    sbed_detection(&b, detection.ptr);
    assert_false(sbed_is(&b, "user.name=root"));
    assert_int_equal(dw_match_explain(b.scratch, 0, &b.ev, false, hear, &said, &v), DW_OK);
    assert_int_equal(v, DW_FALSE);
    dw_buf_byte(&said, 0);
    assert_non_null(strstr(said.ptr, "\n  - and 7 more\n"));
    dw_buf_fini(&said);
    dw_buf_fini(&detection);
    sbed_fini(&b);
}

static void a_correlation_is_said_in_a_line(void **state)
{
    (void)state;
    struct sbed b;
    struct dw_buf said = {0};
    sbed_init(&b);
    assert_int_equal(sbed_rules(&b, "title: failed\nname: f\nlogsource: {product: x}\ndetection: {s: {a: b}, condition: s}\n---\ntitle: many\n"
                                    "correlation:\n  type: value_count\n  rules: [f]\n  group-by: [source.ip, host.name]\n  timespan: 5m\n"
                                    "  condition: {field: user.name, gte: 3, lt: 9}\n"), 2);
    dw_correlation_text(b.rs, dw_ruleset_rule(b.rs, 1)->corr, &said);
    dw_buf_byte(&said, 0);
    assert_string_equal(said.ptr, "value_count of user.name over 'failed' by source.ip, host.name within 300 s: gte 3 and lt 9");
    dw_buf_fini(&said);
    sbed_fini(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(a_match_shows_what_met_it), cmocka_unit_test(a_negation_shows_what_was_there_instead),
        cmocka_unit_test(what_did_not_decide_is_told_when_asked), cmocka_unit_test(misses_beyond_the_bound_are_counted),
        cmocka_unit_test(a_correlation_is_said_in_a_line)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
