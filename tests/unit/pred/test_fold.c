/* Tests of core/pred/fold.c. */
#include "support.h"

#include "dogwatch/pred/fold.h"

static void fold_knows_the_main_scripts(void **state)
{
    (void)state;
    struct dw_arena a;
    dw_arena_init(&a, 0);
    assert_str(dw_fold(&a, DW_STR("AbZ-09")), "abz-09");
    assert_str(dw_fold(&a, DW_STR("ÄÖÜẞ")), "äöüß");
    assert_str(dw_fold(&a, DW_STR("ЖЯ ΑΣς")), "жя ασσ");
    assert_str(dw_fold(&a, DW_STR("\xe2\x84\xaa\xc5\xbf")), "ks"); /* Kelvin sign, long s */
    assert_str(dw_fold(&a, DW_STR("İ")), "İ");                     /* has no simple folding */
    assert_str(dw_fold(&a, DW_STR("A\xff\xc3")), "a\xff\xc3");     /* not UTF-8 */
    dw_arena_fini(&a);
}

static void fold_is_idempotent_and_at_most_doubles(void **state)
{
    (void)state;
    for (uint32_t cp = 0; cp < 0x110000; cp++) {
        char from[4], to[4];
        uint32_t f = dw_fold_cp(cp), back;
        assert_int_equal(dw_fold_cp(f), f);
        if (cp >= 0xd800 && cp < 0xe000)
            continue;
        size_t n = dw_utf8_put(cp, from);
        assert_true(dw_utf8_put(f, to) <= 2 * n);
        assert_int_equal(dw_utf8_take(dw_str_make(from, n), &back), n);
        assert_int_equal(back, cp);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fold_knows_the_main_scripts),
        cmocka_unit_test(fold_is_idempotent_and_at_most_doubles),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
