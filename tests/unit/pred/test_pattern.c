/* Tests of core/pred/pattern.c: Sigma's wildcards and escapes. */
#include "support.h"

#include "dogwatch/base/rng.h"
#include "dogwatch/pred/fold.h"
#include "dogwatch/pred/pattern.h"

static struct dw_arena arena;

static bool match(const char *pattern, bool cased, const char *text)
{
    struct dw_buf code = {0};
    struct dw_pattern p;
    dw_pat_add_sigma(&code, dw_str_of(pattern));
    assert_int_equal(dw_pattern_compile(&arena, dw_buf_view(&code), cased, &p), DW_OK);
    dw_buf_fini(&code);
    struct dw_str t = dw_str_of(text), folded = dw_fold(&arena, t);
    bool yes = dw_pattern_match(&p, cased ? t : folded);
    if (yes && p.literal.len)
        assert_true(dw_str_find(folded, p.literal) < folded.len);
    return yes;
}

static void pattern_takes_sigma_wildcards(void **state)
{
    (void)state;
    assert_true(match("abc", false, "ABC"));
    assert_false(match("abc", true, "ABC"));
    assert_false(match("abc", false, "abcd"));
    assert_true(match("a*c", false, "aXXc"));
    assert_true(match("a?c", false, "aäc"));
    assert_false(match("a?c", false, "ac"));
    assert_false(match("*??c", false, "€c")); /* a star leaves no half of a character to `?` */
    assert_true(match("*??c", false, "€€c"));
    assert_true(match("*b*", false, "abc"));
    assert_true(match("*\\cmd.exe", false, "C:\\x\\CMD.EXE"));
    assert_true(match("*", false, ""));
    assert_false(match("", false, "x"));
    assert_true(match("", false, ""));
    assert_true(match("a*b*c", false, "a-b-b-c"));
    assert_false(match("a*b*c", false, "a-c-b"));
    assert_true(match("**a**", false, "xax"));
}

static void pattern_escapes_as_the_rules_say(void **state)
{
    (void)state;
    assert_true(match("a\\*b", false, "a*b"));
    assert_false(match("a\\*b", false, "axb"));
    assert_true(match("a\\?b", false, "a?b"));
    assert_true(match("a\\\\*b", false, "a\\xb"));   /* a backslash, then a wildcard */
    assert_true(match("a\\\\\\*b", false, "a\\*b")); /* a backslash, then a star */
    assert_false(match("a\\\\\\*b", false, "a\\xb"));
    assert_true(match("\\\\\\\\host", false, "\\\\host"));
    assert_true(match("C:\\Windows", false, "c:\\windows"));
    assert_true(match("ends\\", false, "ends\\"));
}

static void pattern_keeps_bytes_that_look_like_tokens(void **state)
{
    (void)state;
    struct dw_buf code = {0};
    struct dw_pattern p;
    dw_pat_add_plain(&code, DW_STR("\xff\x01"));
    assert_int_equal(dw_pattern_compile(&arena, dw_buf_view(&code), false, &p), DW_OK);
    assert_int_equal(p.shape, DW_PAT_EQ);
    assert_true(dw_pattern_match(&p, DW_STR("\xff\x01")));
    assert_false(dw_pattern_match(&p, DW_STR("\xff")));
    dw_buf_fini(&code);
}

static void pattern_dash_stands_for_five(void **state)
{
    (void)state;
    struct dw_buf code = {0};
    struct dw_pattern p;
    dw_pat_add_token(&code, DW_PAT_DASH);
    dw_pat_add_plain(&code, DW_STR("enc"));
    assert_int_equal(dw_pattern_compile(&arena, dw_buf_view(&code), false, &p), DW_OK);
    const char *good[] = {"-enc", "/enc", "–enc", "—enc", "―enc"};
    for (size_t i = 0; i < DW_COUNT_OF(good); i++)
        assert_true(dw_pattern_match(&p, dw_str_of(good[i])));
    assert_false(dw_pattern_match(&p, DW_STR("+enc")));
    dw_buf_fini(&code);
}

/* The slow and obvious matcher. */
static bool slow(const char *p, const char *t)
{
    if (!*p)
        return !*t;
    if (*p == '*')
        return slow(p + 1, t) || (*t && slow(p, t + 1));
    return *t && (*p == '?' || *p == *t) && slow(p + 1, t + 1);
}

static void pattern_agrees_with_the_obvious_matcher(void **state)
{
    (void)state;
    struct dw_rng rng = {.state = 1};
    for (int i = 0; i < 20000; i++) {
        char p[8] = "", t[10] = "";
        uint64_t n = dw_rng_below(&rng, 7), m = dw_rng_below(&rng, 9);
        for (uint64_t j = 0; j < n; j++)
            p[j] = "ab*?"[dw_rng_below(&rng, 4)];
        for (uint64_t j = 0; j < m; j++)
            t[j] = "ab"[dw_rng_below(&rng, 2)];
        if (match(p, false, t) != slow(p, t))
            fail_msg("pattern '%s' text '%s'", p, t);
        if (i % 100 == 0)
            dw_arena_reset(&arena);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pattern_takes_sigma_wildcards),
        cmocka_unit_test(pattern_escapes_as_the_rules_say),
        cmocka_unit_test(pattern_keeps_bytes_that_look_like_tokens),
        cmocka_unit_test(pattern_dash_stands_for_five),
        cmocka_unit_test(pattern_agrees_with_the_obvious_matcher),
    };
    dw_arena_init(&arena, 0);
    int rc = cmocka_run_group_tests(tests, NULL, NULL);
    dw_arena_fini(&arena);
    return rc;
}
