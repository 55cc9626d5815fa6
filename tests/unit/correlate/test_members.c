/* Tests of correlate/sigma/members.c: conditions over the rules of a temporal correlation. */
#include "sigma_bed.h"

#include "dogwatch/base/error.h"
#include "dogwatch/base/rng.h"
#include "dogwatch/correlate/ruleset_parts.h"

static struct sbed b;

#define RULE(n) "---\ntitle: " #n "\nid: " #n "\ndetection: {s: {f: '" #n "'}, condition: s}\n"
#define RULES RULE(a) RULE(b) RULE(c) RULE(d)
#define CORR(more) "---\ntitle: x\nid: x\ncorrelation:\n  type: temporal\n  timespan: 10s\n" more

/* A random expression over a..d as text, and what it comes to. */
static bool random_expression(struct dw_rng *rng, uint32_t seen, uint32_t depth, struct dw_buf *out)
{
    uint64_t kind = depth == 0 ? 0 : dw_rng_below(rng, 5);
    if (kind < 2) {
        uint32_t m = (uint32_t)dw_rng_below(rng, 4);
        dw_buf_byte(out, (uint8_t)('a' + m));
        return seen >> m & 1;
    }
    if (kind == 2) {
        dw_buf_str(out, DW_STR("not ("));
        bool v = random_expression(rng, seen, depth - 1, out);
        dw_buf_str(out, DW_STR(" )"));
        return !v;
    }
    dw_buf_byte(out, '(');
    bool left = random_expression(rng, seen, depth - 1, out);
    dw_buf_str(out, kind == 3 ? DW_STR(" AND ") : DW_STR(" or "));
    bool right = random_expression(rng, seen, depth - 1, out);
    dw_buf_byte(out, ')');
    return kind == 3 ? left && right : left || right;
}

static const struct dw_correlation *correlation(void)
{
    for (uint32_t i = 0; i < dw_ruleset_count(b.rs); i++)
        if (dw_ruleset_rule(b.rs, i)->corr)
            return dw_ruleset_rule(b.rs, i)->corr;
    return NULL;
}

static void expressions_come_to_what_they_say(void **state)
{
    (void)state;
    struct dw_rng rng = {.state = 5};
    uint32_t loaded = 0;
    for (int round = 0; round < 1500; round++) {
        struct dw_buf yaml = {0};
        uint32_t seen = (uint32_t)dw_rng_below(&rng, 16);
        dw_buf_str(&yaml, DW_STR(RULES CORR("  rules: [a, b, c, d]\n  condition: ")));
        bool want = random_expression(&rng, seen, 5, &yaml);
        dw_buf_byte(&yaml, 0);
        if (sbed_rules(&b, yaml.ptr) == 5) {
            assert_true(dw_members_hold(correlation(), seen) == want);
            loaded++;
        } else {
            assert_non_null(strstr(b.said.ptr, "absence alone")); /* it holds of nothing */
        }
        dw_buf_fini(&yaml);
    }
    assert_true(loaded > 300);
}

static void words_bind_as_in_conditions(void **state)
{
    (void)state;
    assert_int_equal(sbed_rules(&b, RULES CORR("  condition: a and not b or c and d\n")), 5); /* members are those that it names */
    const struct dw_correlation *c = correlation();
    assert_int_equal(c->member_count, 4);
    for (uint32_t seen = 0; seen < 16; seen++)
        assert_true(dw_members_hold(c, seen) == (((seen & 1) && !(seen & 2)) || (seen & 12) == 12));
}

static void mistakes_are_told(void **state)
{
    static const struct {
        const char *yaml, *says;
    } bad[] = {
        {RULES CORR("  rules: [a, b]\n  condition: a and c\n"), "it names rules that stand in `rules:`"},
        {RULES CORR("  condition: a and nobody\n"), "no such rule: nobody"},
        {RULES CORR("  condition: a and\n"), "the name of a rule is expected"},
        {RULES CORR("  condition: (a or b\n"), "a closing parenthesis"},
        {RULES CORR("  condition: a b\n"), "nothing more is expected than b"},
        {RULES CORR("  condition: a & b\n"), "nothing more is expected than &"},
        {RULES CORR("  condition: not a\n"), "absence alone"},
        {RULES CORR("  condition: ''\n"), "the name of a rule is expected"},
        {RULES "---\ntitle: x\nid: x\ncorrelation:\n  type: temporal_ordered\n  timespan: 10s\n  rules: [a, b]\n  condition: a and b\n", "the condition is a comparison"},
    };
    (void)state;
    for (size_t i = 0; i < DW_COUNT_OF(bad); i++) {
        assert_int_equal(sbed_rules(&b, bad[i].yaml), 4);
        if (!strstr(b.said.ptr, bad[i].says))
            fail_msg("for %s it says %s", bad[i].yaml, b.said.ptr);
    }
    struct dw_buf deep = {0};
    dw_buf_str(&deep, DW_STR(RULES CORR("  condition: ")));
    for (int i = 0; i < 40; i++)
        dw_buf_str(&deep, DW_STR("(a or "));
    dw_buf_str(&deep, DW_STR("b\n\0"));
    dw_buf_byte(&deep, 0);
    assert_int_equal(sbed_rules(&b, deep.ptr), 4);
    assert_non_null(strstr(b.said.ptr, "nested too deep"));
    dw_buf_fini(&deep);
}

static int setup(void **state)
{
    (void)state;
    sbed_init(&b);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    sbed_fini(&b);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(expressions_come_to_what_they_say, setup, teardown),
        cmocka_unit_test_setup_teardown(words_bind_as_in_conditions, setup, teardown),
        cmocka_unit_test_setup_teardown(mistakes_are_told, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
