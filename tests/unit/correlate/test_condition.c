/* Tests of correlate/sigma/condition.c: the grammar and its complaints. */
#include "sigma_bed.h"

static struct sbed b;
static const char *const selections =
    "  sel_a: {a: 1}\n  sel_b: {b: 1}\n  filter: {c: 1}\n  _hidden: {d: 1}\n  condition: ";

static bool is(const char *condition, const char *event)
{
    char text[400];
    (void)snprintf(text, sizeof text, "%s%s\n", selections, condition);
    sbed_detection(&b, text);
    return sbed_is(&b, event);
}

static void refused(const char *condition, const char *place, const char *word)
{
    char text[400];
    (void)snprintf(text, sizeof text, "%s%s\n", selections, condition);
    sbed_refused(&b, text, place, word);
}

static void condition_precedence(void **state)
{
    (void)state;
    assert_true(is("sel_a or sel_b and filter", "a=1"));
    assert_false(is("(sel_a or sel_b) and filter", "a=1"));
    assert_true(is("not sel_a and sel_b", "b=1"));
    assert_false(is("not (sel_a or sel_b)", "b=1"));
    assert_true(is("NOT sel_a AND sel_b", "b=1"));
    assert_true(is("not not sel_a", "a=1"));
    assert_true(is("not sel_a", "x=1")); /* no witness: still evaluated */
}

static void condition_of(void **state)
{
    (void)state;
    assert_true(is("1 of sel_*", "b=1"));
    assert_false(is("all of sel_*", "b=1"));
    assert_true(is("all of sel_*", "a=1|b=1"));
    assert_true(is("any of sel*", "a=1"));
    assert_true(is("2 of them", "a=1|c=1"));
    assert_false(is("2 of them", "a=1|d=1")); /* _hidden is not one of them */
    assert_false(is("all of them", "a=1|b=1"));
    assert_true(is("all of them", "a=1|b=1|c=1"));
    assert_true(is("1 of _h*", "d=1"));
    assert_true(is("1 of *_a and not 1 of filter*", "a=1"));
    assert_true(is("[sel_a and filter, sel_b]", "b=1")); /* a list: any of them */
}

static void condition_mistakes(void **state)
{
    (void)state;
    refused("sel_a adn sel_b", "t.yml:9:20", "'and', 'or'");
    refused("sel_c", "t.yml:9:14", "did you mean 'sel_a'?");
    refused("(sel_a", "t.yml:9:20", "closing parenthesis");
    refused("sel_a and", "t.yml:9:23", "name is expected");
    refused("1 of nothing*", "t.yml:9:19", "no selection");
    refused("9 of sel_*", "t.yml:9", "not so many");
    refused("sel_a | count() > 5", "t.yml:9:20", "correlation");
    refused("1 of", "t.yml:9:18", "pattern");
    refused("{a: b}", "t.yml:9:14", "text");
    char deep[400] = "";
    for (int i = 0; i < 100; i++)
        strcat(deep, "(");
    refused(deep, "t.yml:9", "too deep");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(condition_precedence),
        cmocka_unit_test(condition_of),
        cmocka_unit_test(condition_mistakes),
    };
    sbed_init(&b);
    int rc = cmocka_run_group_tests(tests, NULL, NULL);
    sbed_fini(&b);
    return rc;
}
