/* Tests of correlate/sigma/item.c and detection.c: values, lists, null, modifiers, and what is refused. */
#include "sigma_bed.h"

static struct sbed b;

static void item_values(void **state)
{
    (void)state;
    sbed_detection(&b, "  s:\n    a: [x, 'y*']\n    b: 5\n  condition: s\n");
    assert_true(sbed_is(&b, "a=X|b=5"));
    assert_true(sbed_is(&b, "a=yes|b=5"));
    assert_false(sbed_is(&b, "a=x"));
    assert_false(sbed_is(&b, "a=z|b=5"));
    sbed_detection(&b, "  s:\n    a: 0x10\n  condition: s\n");
    assert_true(sbed_is(&b, "a=16"));
    assert_true(sbed_is(&b, "a=0x10"));
    sbed_detection(&b, "  s:\n    a: ''\n  condition: s\n");
    assert_true(sbed_is(&b, "a="));
    assert_false(sbed_is(&b, "b=x"));
}

/* Each value by itself must be of the list; not all of them the same one; none without a value. */
static void item_every_value(void **state)
{
    (void)state;
    sbed_detection(&b, "  s:\n    image|every|startswith: [own/, 'mirror/']\n  condition: s\n");
    assert_true(sbed_is(&b, "image=own/a"));
    assert_true(sbed_is(&b, "image=own/a|image=Mirror/b"));
    assert_false(sbed_is(&b, "image=own/a|image=other/c|image=own/d"));
    assert_false(sbed_is(&b, "b=x"));
    sbed_detection(&b, "  s:\n    image|every|startswith|neq: own/\n  condition: s\n"); /* some image is not */
    assert_true(sbed_is(&b, "image=own/a|image=other/c"));
    assert_false(sbed_is(&b, "image=own/a|image=own/b"));
    sbed_detection(&b, "  s:\n    arg|every|contains|all: [a, b]\n  condition: s\n");
    assert_true(sbed_is(&b, "arg=ab|arg=ba"));
    assert_false(sbed_is(&b, "arg=ab|arg=a"));
    sbed_refused(&b, "  s:\n    '|every': x\n  condition: s\n", "t.yml:6:5", "every needs a field");
}

static void item_null_is_absent(void **state)
{
    (void)state;
    sbed_detection(&b, "  s:\n    a: null\n  condition: s\n");
    assert_true(sbed_is(&b, "b=x"));
    assert_false(sbed_is(&b, "a="));
    sbed_detection(&b, "  s:\n    b: x\n  f:\n    a:\n  condition: s and not f\n");
    assert_true(sbed_is(&b, "a=1|b=x"));
    assert_false(sbed_is(&b, "b=x"));
    sbed_detection(&b, "  s:\n    a: [null, x]\n  condition: s\n");
    assert_true(sbed_is(&b, "a=x"));
    assert_true(sbed_is(&b, "b=x"));
    assert_false(sbed_is(&b, "a=y"));
}

static void item_modifiers(void **state)
{
    (void)state;
    sbed_detection(&b, "  s:\n    a|contains|all: [x, y]\n  condition: s\n");
    assert_true(sbed_is(&b, "a=1y2X"));
    assert_false(sbed_is(&b, "a=x"));
    sbed_detection(&b, "  s:\n    a|startswith: '\\\\\\\\host'\n  condition: s\n"); /* two backslashes */
    assert_true(sbed_is(&b, "a=\\\\host\\share"));
    sbed_detection(&b, "  s:\n    a|endswith: '\\cmd.exe'\n  condition: s\n");
    assert_true(sbed_is(&b, "a=C:\\CMD.EXE"));
    sbed_detection(&b, "  s:\n    a|endswith: 'dir\\'\n  condition: s\n");
    assert_true(sbed_is(&b, "a=C:\\dir\\"));
    sbed_detection(&b, "  s:\n    a|cased|contains: Ab\n  condition: s\n");
    assert_true(sbed_is(&b, "a=xAbx"));
    assert_false(sbed_is(&b, "a=xabx"));
    sbed_detection(&b, "  s:\n    a|re: '^a.c$'\n  condition: s\n");
    assert_true(sbed_is(&b, "a=abc"));
    assert_false(sbed_is(&b, "a=ABC"));
    sbed_detection(&b, "  s:\n    a|re|i: '^a.c$'\n  condition: s\n");
    assert_true(sbed_is(&b, "a=ABC"));
    sbed_detection(&b, "  s:\n    a|cidr: [10.0.0.0/8, 'fe80::/10']\n  condition: s\n");
    assert_true(sbed_is(&b, "a=10.1.1.1"));
    assert_true(sbed_is(&b, "a=fe80::1"));
    assert_false(sbed_is(&b, "a=11.1.1.1"));
    sbed_detection(&b, "  s:\n    a|exists: true\n    b|exists: false\n  condition: s\n");
    assert_true(sbed_is(&b, "a="));
    assert_false(sbed_is(&b, "a=|b="));
    sbed_detection(&b, "  s:\n    a|gte: 5\n    a|lt: 7.5\n  condition: s\n");
    assert_true(sbed_is(&b, "a=7"));
    assert_false(sbed_is(&b, "a=8"));
    sbed_detection(&b, "  s:\n    a|contains: ''\n  condition: s\n");
    assert_true(sbed_is(&b, "a="));
}

static void item_neq_and_fieldref(void **state)
{
    (void)state;
    sbed_detection(&b, "  s:\n    b: 1\n    a|neq: [x, y]\n  condition: s\n");
    assert_true(sbed_is(&b, "b=1|a=z"));
    assert_true(sbed_is(&b, "b=1"));
    assert_false(sbed_is(&b, "b=1|a=Y"));
    sbed_detection(&b, "  s:\n    a|fieldref: b\n  condition: s\n");
    assert_true(sbed_is(&b, "a=x|b=X"));
    assert_false(sbed_is(&b, "a=x|b=y"));
    assert_false(sbed_is(&b, "a=x"));
    sbed_detection(&b, "  s:\n    a|fieldref|endswith: b\n  condition: s\n");
    assert_true(sbed_is(&b, "a=abc|b=bc"));
    sbed_detection(&b, "  s:\n    a|hour: 3\n  condition: s\n");
    assert_true(sbed_is(&b, "a=2024-01-15T03:10:00Z"));
    assert_false(sbed_is(&b, "a=2024-01-15T04:10:00Z"));
}

static void selections_of_maps_and_keywords(void **state)
{
    (void)state;
    sbed_detection(&b, "  s:\n    - a: 1\n      b: 2\n    - c: 3\n  condition: s\n");
    assert_true(sbed_is(&b, "a=1|b=2"));
    assert_true(sbed_is(&b, "c=3"));
    assert_false(sbed_is(&b, "a=1"));
    sbed_detection(&b, "  k:\n    - evil\n    - b?d\n  condition: k\n");
    (void)sbed_event(&b, "", "this is EVIL");
    assert_int_equal(sbed_match_with(&b, (struct dw_match_opts){.any_logsource = true}), 1);
    (void)sbed_event(&b, "", "this is fine");
    assert_int_equal(sbed_match_with(&b, (struct dw_match_opts){.any_logsource = true}), 0);
    sbed_detection(&b, "  k:\n    '|all':\n      - one\n      - two\n  condition: k\n");
    (void)sbed_event(&b, "", "two and one");
    assert_int_equal(sbed_match_with(&b, (struct dw_match_opts){.any_logsource = true}), 1);
    (void)sbed_event(&b, "", "one");
    assert_int_equal(sbed_match_with(&b, (struct dw_match_opts){.any_logsource = true}), 0);
}

static void mistakes_have_place_and_hint(void **state)
{
    (void)state;
    sbed_refused(&b, "  s:\n    src_ip|cidrr: 10.0.0.0/8\n  condition: s\n", "t.yml:6:12", "did you mean 'cidr'?");
    sbed_refused(&b, "  s:\n    a|cidr: 10.0.0.1/8\n  condition: s\n", "t.yml:6:13", "host part");
    sbed_refused(&b, "  s:\n    a|re: 'a('\n  condition: s\n", "t.yml:6:14", "regular expression");
    sbed_refused(&b, "  s:\n    a|gt: '5'\n  condition: s\n", "t.yml:6:11", "number");
    sbed_refused(&b, "  s:\n    a|i: x\n  condition: s\n", "t.yml:6:7", "regular expressions only");
    sbed_refused(&b, "  s:\n    a|re|contains: x\n  condition: s\n", "t.yml:6:10", "combined");
    sbed_refused(&b, "  s:\n    a|exists: maybe\n  condition: s\n", "t.yml:6:15", "true or false");
    sbed_refused(&b, "  s:\n    '|exists': true\n  condition: s\n", "t.yml:6", "needs a field");
    sbed_refused(&b, "  s:\n    a: []\n  condition: s\n", "t.yml:6:8", "empty list");
    sbed_refused(&b, "  s:\n    a: {b: c}\n  condition: s\n", "t.yml:6:8", "one value");
    sbed_refused(&b, "  s: {}\n  condition: s\n", "t.yml:5:6", "empty selection");
    sbed_refused(&b, "  s:\n    a: 1\n", "t.yml:4", "condition is missing");
    sbed_refused(&b, "  s:\n    a|contains: null\n  condition: s\n", "t.yml:6:17", "null");
    sbed_detection(&b, "  s:\n    CommandLin: x\n  condition: s\n");
    assert_non_null(strstr(b.said.ptr, "did you mean 'CommandLine'?"));
    sbed_detection(&b, "  s:\n    a: x\n  t:\n    a: y\n  condition: s\n");
    assert_non_null(strstr(b.said.ptr, "not used"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(item_values),
        cmocka_unit_test(item_every_value),
        cmocka_unit_test(item_null_is_absent),
        cmocka_unit_test(item_modifiers),
        cmocka_unit_test(item_neq_and_fieldref),
        cmocka_unit_test(selections_of_maps_and_keywords),
        cmocka_unit_test(mistakes_have_place_and_hint),
    };
    sbed_init(&b);
    int rc = cmocka_run_group_tests(tests, NULL, NULL);
    sbed_fini(&b);
    return rc;
}
