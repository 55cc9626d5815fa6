/* Tests of core/pred/regex.c: limits, flags, and the literal that every match holds. */
#include "redos.h"
#include "support.h"

#include "dogwatch/base/counter.h"

#include "dogwatch/pred/regex.h"

static enum dw_verdict run(const char *source, uint32_t flags, struct dw_str text, const char *literal)
{
    char why[160];
    size_t offset;
    struct dw_regex *re = NULL;
    assert_int_equal(dw_regex_new(dw_str_of(source), flags, why, sizeof why, &offset, &re), DW_OK);
    struct dw_regex_scratch *s = dw_regex_scratch_new();
    enum dw_verdict v = dw_regex_match(re, s, text);
    if (literal)
        assert_str(dw_regex_literal(re), literal);
    dw_regex_scratch_free(s);
    dw_regex_free(re);
    return v;
}

static void regex_reads_off_only_what_must_occur(void **state)
{
    (void)state;
    struct dw_str t = DW_STR("x");
    (void)run("foobar", 0, t, "foobar");
    (void)run("Foo\\.Bar.*baz", 0, t, "foo.bar");
    (void)run("ab?cdef", 0, t, "cdef");
    (void)run("abcd+efgh", 0, t, "efgh");
    (void)run("abc|defgh", 0, t, "");
    (void)run("(abc|def)ghij", 0, t, "ghij");
    (void)run("(abcdef)?gh", 0, t, "");
    (void)run("[abc]{2,5}xyz\\d+", 0, t, "xyz");
    (void)run("[]abc]defg", 0, t, "defg");
    (void)run("abc{2}defg", 0, t, "defg");
    (void)run("\\babc\\b", 0, t, "abc");
    (void)run("(?x)a b c d", 0, t, "");
    (void)run("(?ix)a b c d", 0, t, "");
    (void)run("\\x41bcdef", 0, t, "");
    (void)run("(?i)AbCd", 0, t, "abcd");
    (void)run("a\\(b\\)c", 0, t, "a(b)c");
    (void)run("((a)|(b\\)))xyzw", 0, t, "xyzw");
}

static void regex_flags_and_unicode(void **state)
{
    (void)state;
    assert_int_equal(run("abc", 0, DW_STR("xABCx"), NULL), DW_FALSE);
    assert_int_equal(run("abc", DW_RE_I, DW_STR("xABCx"), NULL), DW_TRUE);
    assert_int_equal(run("ä", DW_RE_I, DW_STR("Ä"), NULL), DW_TRUE);
    assert_int_equal(run("^b$", 0, DW_STR("a\nb"), NULL), DW_FALSE);
    assert_int_equal(run("^b$", DW_RE_M, DW_STR("a\nb"), NULL), DW_TRUE);
    assert_int_equal(run("a.b", 0, DW_STR("a\nb"), NULL), DW_FALSE);
    assert_int_equal(run("a.b", DW_RE_S, DW_STR("a\nb"), NULL), DW_TRUE);
    assert_int_equal(run("end", 0, DW_STR("\xff\xfe end"), NULL), DW_TRUE); /* bad bytes do not hide it */
}

static void regex_over_its_limit_is_undecided(void **state)
{
    (void)state;
    char text[64];
    memset(text, 'a', sizeof text);
    text[sizeof text - 1] = '!';
    assert_int_equal(run("^(a|aa)+[xy]$", 0, dw_str_make(text, sizeof text), NULL), DW_UNDECIDED);
}

/* Goal:   an expression that comes to no end is given up, and that is counted; what it costs, bench_redos shows.
 * Method: known ones, each with a text made for it. */
static void known_redos_is_given_up_and_counted(void **state)
{
    (void)state;
    struct dw_buf text = {0};
    assert_true(DW_COUNT_OF(redos) >= 20);
    for (size_t i = 0; i < DW_COUNT_OF(redos); i++) {
        for (size_t len = 500; len <= 32000; len *= 8) {
            uint64_t before = dw_counter_get(DW_C_pred_regex_limit);
            redos_text(&redos[i], len, &text);
            enum dw_verdict v = run(redos[i].regex, 0, dw_buf_view(&text), NULL);
            if (v != DW_UNDECIDED || dw_counter_get(DW_C_pred_regex_limit) != before + 1)
                fail_msg("%s over %zu bytes: verdict %d", redos[i].name, text.len, v);
        }
    }
    dw_buf_fini(&text);
}

/* The steps are of all places together, so many places of few steps are as well decided as one of many. */
static void ordinary_expressions_are_decided_in_long_texts(void **state)
{
    (void)state;
    struct dw_buf text = {0};
    for (int i = 0; i < 400; i++)
        dw_buf_str(&text, DW_STR("cmd /c start powershell.exe -nop "));
    assert_int_equal(run("(?i)\\s-e(nc)?\\s+[a-z0-9+/=]{40,}", 0, dw_buf_view(&text), NULL), DW_FALSE);
    assert_int_equal(run("\\w+\\d", 0, dw_buf_view(&text), NULL), DW_FALSE);
    assert_int_equal(run("net1?\\s+user\\s.*/add", 0, dw_buf_view(&text), NULL), DW_FALSE);
    dw_buf_str(&text, DW_STR("net  user eve /add"));
    assert_int_equal(run("net1?\\s+user\\s.*/add", 0, dw_buf_view(&text), NULL), DW_TRUE);
    assert_int_equal(run("(cmd|start) .*(eve|bob)", 0, dw_buf_view(&text), NULL), DW_TRUE);
    dw_buf_fini(&text);
}

static void regex_says_what_is_wrong(void **state)
{
    (void)state;
    char why[160] = "";
    size_t offset = 0;
    struct dw_regex *re = NULL;
    assert_int_equal(dw_regex_new(DW_STR("ab(cd"), 0, why, sizeof why, &offset, &re), DW_ESYNTAX);
    assert_int_equal(offset, 5);
    assert_true(strlen(why) > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(regex_reads_off_only_what_must_occur),
        cmocka_unit_test(regex_flags_and_unicode),
        cmocka_unit_test(regex_over_its_limit_is_undecided),
        cmocka_unit_test(known_redos_is_given_up_and_counted),
        cmocka_unit_test(ordinary_expressions_are_decided_in_long_texts),
        cmocka_unit_test(regex_says_what_is_wrong),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
