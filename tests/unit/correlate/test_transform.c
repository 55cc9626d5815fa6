/* Tests of correlate/sigma/transform.c: encodings, against vectors of the specification and of pySigma (its faults
 * mended). */
#include "sigma_bed.h"

static struct sbed b;

static void base64_and_its_offsets(void **state)
{
    (void)state;
    sbed_detection(&b, "  s:\n    f|base64: foobar\n  condition: s\n");
    assert_true(sbed_is(&b, "f=Zm9vYmFy"));
    sbed_detection(&b, "  s:\n    f|base64: fooba\n  condition: s\n");
    assert_true(sbed_is(&b, "f=Zm9vYmE="));
    sbed_detection(&b, "  s:\n    f|base64offset|contains: foobar\n  condition: s\n");
    assert_true(sbed_is(&b, "f=xxZm9vYmFyxx"));
    assert_true(sbed_is(&b, "f=xxZvb2Jhcxx"));
    assert_true(sbed_is(&b, "f=xxmb29iYXxx"));
    assert_false(sbed_is(&b, "f=xxfoobarxx"));
}

/* One byte behind one of something else fills no digit: an empty form would be in every text. */
static void an_offset_that_leaves_nothing_has_no_form(void **state)
{
    (void)state;
    sbed_detection(&b, "  s:\n    f|base64offset|contains: c\n  condition: s\n");
    assert_true(sbed_is(&b, "f=xYx"));
    assert_true(sbed_is(&b, "f=xjx"));
    assert_false(sbed_is(&b, "f=other"));
    sbed_detection(&b, "  s:\n    f|base64offset|contains: ''\n  condition: s\n");
    assert_false(sbed_is(&b, "f=other"));
}

static void wide_comes_before_base64(void **state)
{
    (void)state;
    sbed_detection(&b, "  s:\n    f|wide|base64offset|contains: ping\n  condition: s\n");
    assert_true(sbed_is(&b, "f=cABpAG4AZw"));
    assert_true(sbed_is(&b, "f=AAaQBuAGcA"));
    assert_true(sbed_is(&b, "f=wAGkAbgBnA"));
    sbed_detection(&b, "  s:\n    f|utf16be|base64: ab\n  condition: s\n");
    assert_true(sbed_is(&b, "f=AGEAYg=="));
    sbed_detection(&b, "  s:\n    f|utf16|base64: a\n  condition: s\n");
    assert_true(sbed_is(&b, "f=//5hAA==")); /* byte-order mark ff fe, not UTF-8's */
}

static void base64_counts_bytes_and_takes_escaped_stars(void **state)
{
    (void)state;
    sbed_detection(&b, "  s:\n    f|base64: 'a\\*b'\n  condition: s\n");
    assert_true(sbed_is(&b, "f=YSpi"));
    sbed_detection(&b, "  s:\n    f|base64: 'ä'\n  condition: s\n");
    assert_true(sbed_is(&b, "f=w6Q="));
    sbed_refused(&b, "  s:\n    f|base64: 'a*b'\n  condition: s\n", "t.yml:6:15", "wildcard");
}

static void windash_is_five_dashes_at_options_only(void **state)
{
    (void)state;
    sbed_detection(&b, "  s:\n    f|windash|contains: ' -enc a-b'\n  condition: s\n");
    assert_true(sbed_is(&b, "f=x -enc a-b"));
    assert_true(sbed_is(&b, "f=x /enc a-b"));
    assert_true(sbed_is(&b, "f=x –enc a-b"));
    assert_true(sbed_is(&b, "f=x ―ENC a-b"));
    assert_false(sbed_is(&b, "f=x /enc a/b"));
    sbed_detection(&b, "  s:\n    f|contains|windash: '-a -b'\n  condition: s\n");
    assert_true(sbed_is(&b, "f=/a —b"));
}

static void expand_takes_values_from_outside(void **state)
{
    (void)state;
    const struct dw_str values[] = {DW_STR("alice"), DW_STR("b*")};
    const struct dw_placeholder p = {DW_STR("admins"), values, 2};
    const struct dw_ruleset_opts opts = {.placeholder = &p, .placeholder_count = 1};
    const char *yaml =
        "title: t\nid: r\nlogsource: {product: x}\ndetection:\n  s:\n    f|expand: 'u-%admins%'\n  condition: s\n";
    assert_int_equal(sbed_rules_with(&b, yaml, &opts), 1);
    assert_true(sbed_is(&b, "f=u-alice"));
    assert_true(sbed_is(&b, "f=u-bob"));
    assert_false(sbed_is(&b, "f=u-%admins%"));
    assert_int_equal(sbed_rules(&b, yaml), 1); /* not filled: a warning, and nothing matches */
    assert_non_null(strstr(b.said.ptr, "'%admins%' has no values"));
    assert_false(sbed_is(&b, "f=u-alice"));
    sbed_detection(&b, "  s:\n    f|expand: '100\\%'\n  condition: s\n");
    assert_true(sbed_is(&b, "f=100%"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(base64_and_its_offsets),
        cmocka_unit_test(an_offset_that_leaves_nothing_has_no_form),
        cmocka_unit_test(wide_comes_before_base64),
        cmocka_unit_test(base64_counts_bytes_and_takes_escaped_stars),
        cmocka_unit_test(windash_is_five_dashes_at_options_only),
        cmocka_unit_test(expand_takes_values_from_outside),
    };
    sbed_init(&b);
    int rc = cmocka_run_group_tests(tests, NULL, NULL);
    sbed_fini(&b);
    return rc;
}
