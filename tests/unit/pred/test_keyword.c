/* Tests of core/pred/keyword.c: where keywords are looked for. */
#include "pred_bed.h"

static struct bed b;

static bool occurs(const char *line, const char *word)
{
    bed_begin(&b, line);
    return bed_is(&b, NULL, word);
}

static void keywords_of_text_lines_search_the_line(void **state)
{
    (void)state;
    assert_true(occurs("Failed password for root", "*failed PASSWORD*"));
    assert_false(occurs("Failed password for root", "*accepted*"));
    assert_true(occurs("Failed password for root", "*for*root*"));
}

static void keywords_of_json_search_decoded_values_only(void **state)
{
    (void)state;
    assert_true(occurs("{\"msg\":\"evil thing\"}", "*evil*"));
    assert_true(occurs("{\"msg\":\"ev\\u0069l \\\"x\\\"\"}", "*evil \"x\"*"));
    assert_false(occurs("{\"evil\":\"thing\"}", "*evil*"));
    assert_true(occurs("{\"a\":{\"b\":[1,{\"c\":\"evil\"},[]]},\"d\":{}}", "*evil*"));
    assert_true(occurs("{\"a\":4625}", "*4625*"));
    assert_false(occurs("{\"a\":\"x\",\"b\":\"y\"}", "*x*y*")); /* not across values */
    assert_true(occurs("[\"evil\"]", "*evil*"));
    assert_true(occurs("{\"a\":\"\\ud83d\\ude00\"}", "*😀*"));
}

static void broken_json_is_taken_whole(void **state)
{
    (void)state;
    assert_true(occurs("{\"evil\":\"thing\"", "*evil*"));
    assert_true(occurs("{\"evil\" \"thing\"}", "*evil*"));
    assert_true(occurs("{evil}", "*evil*"));
    assert_true(occurs("{\"a\":\"b\"} evil", "*evil*"));
    assert_true(occurs("[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[evil", "*evil*"));
    assert_true(occurs("{\"a\":\"b\",}evil", "*evil*"));
    assert_false(occurs("", "*evil*"));
    assert_false(occurs("{}", "*evil*"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keywords_of_text_lines_search_the_line),
        cmocka_unit_test(keywords_of_json_search_decoded_values_only),
        cmocka_unit_test(broken_json_is_taken_whole),
    };
    bed_init(&b);
    int rc = cmocka_run_group_tests(tests, NULL, NULL);
    bed_fini(&b);
    return rc;
}
