/* Tests of core/pred/pred_build.c: interning, costs, mistakes, memory. */
#include "pred_bed.h"

static struct bed b;

static void equal_leaves_are_one(void **state)
{
    (void)state;
    struct dw_pred *p = dw_pred_new();
    uint32_t one = bed_leaf(&b, p, "a", (struct dw_leaf_spec){.op = DW_LEAF_PATTERN, .text = DW_STR("x")});
    assert_int_equal(bed_leaf(&b, p, "a", (struct dw_leaf_spec){.op = DW_LEAF_PATTERN, .text = DW_STR("x")}), one);
    assert_int_not_equal(bed_leaf(&b, p, "c", (struct dw_leaf_spec){.op = DW_LEAF_PATTERN, .text = DW_STR("x")}), one);
    assert_int_not_equal(
        bed_leaf(&b, p, "a", (struct dw_leaf_spec){.op = DW_LEAF_PATTERN, .cased = true, .text = DW_STR("x")}), one);
    struct dw_buf x = {0}, y = {0};
    dw_pred_leaf_canon(p, b.keys, one, &x);
    dw_pred_leaf_canon(p, b.keys, 1, &y);
    assert_false(dw_str_eq(dw_buf_view(&x), dw_buf_view(&y)));
    dw_buf_fini(&x);
    dw_buf_fini(&y);
    assert_true(dw_pred_leaf_cost(p, one) > 1);
    dw_pred_free(p);
}

static void mistakes_in_a_leaf_are_told(void **state)
{
    (void)state;
    struct dw_pred *p = dw_pred_new();
    char why[160];
    size_t offset;
    uint32_t leaf;
    struct dw_leaf_spec re = {.op = DW_LEAF_REGEX, .text = DW_STR("a(")};
    struct dw_leaf_spec net = {.op = DW_LEAF_CIDR, .text = DW_STR("10.0.0.1/8")};
    assert_int_equal(dw_pred_leaf(p, &re, why, sizeof why, &offset, &leaf), DW_ESYNTAX);
    assert_int_equal(dw_pred_leaf(p, &net, why, sizeof why, &offset, &leaf), DW_ESYNTAX);
    assert_non_null(strstr(why, "host"));
    assert_int_equal(dw_pred_leaf_count(p), 0);
    dw_pred_free(p);
}

static void building_survives_failed_allocations(void **state)
{
    (void)state;
    uint32_t key = bed_key(&b, "a");
    for (unsigned nth = 1;; nth++) {
        assert_true(nth < 1000);
        mem_fail_at(nth);
        struct dw_pred *p = dw_pred_new();
        struct dw_leaf_spec spec = {.op = DW_LEAF_PATTERN,
            .text = DW_STR("abcd\xff\x01"
                           "ef")};
        char why[160];
        size_t offset;
        uint32_t leaf;
        int rc = p ? dw_pred_field(p, &key, 1, false, &spec.field) : DW_ENOMEM;
        if (rc == DW_OK)
            rc = dw_pred_leaf(p, &spec, why, sizeof why, &offset, &leaf);
        if (rc == DW_OK)
            rc = dw_pred_build(p);
        struct dw_pred_scratch *s = rc == DW_OK ? dw_pred_scratch_new(p) : NULL;
        unsigned hits = mem_fail_hits();
        mem_fail_at(0);
        assert_true(hits || (rc == DW_OK && s));
        dw_pred_scratch_free(s);
        dw_pred_free(p);
        if (!hits)
            break;
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(equal_leaves_are_one),
        cmocka_unit_test(mistakes_in_a_leaf_are_told),
        cmocka_unit_test(building_survives_failed_allocations),
    };
    bed_init(&b);
    int rc = cmocka_run_group_tests(tests, NULL, NULL);
    bed_fini(&b);
    return rc;
}
