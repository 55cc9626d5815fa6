/* Tests of core/pred/value.c: numbers, times, references, networks. */
#include "pred_bed.h"

static struct bed b;

static int setup(void **state)
{
    (void)state;
    bed_init(&b);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    bed_fini(&b);
    return 0;
}

static enum dw_verdict number(const char *name, enum dw_leaf_op op, double n)
{
    return bed_ask(&b, name, (struct dw_leaf_spec){.op = op, .number = n});
}

static void a_number_equals_its_decimal_text(void **state)
{
    (void)state;
    bed_add(&b, "i", (struct dw_field){.kind = DW_K_INT, .v.i = 4688});
    bed_add(&b, "f", (struct dw_field){.kind = DW_K_FLOAT, .v.f = 5.0});
    bed_add(&b, "n", (struct dw_field){.kind = DW_K_NUMBER, .v.ptr = "1e3", .len = 3});
    bed_add(&b, "t", (struct dw_field){.kind = DW_K_BOOL, .v.i = 1});
    bed_text(&b, "s", "4688");
    assert_true(bed_is(&b, "i", "4688"));
    assert_true(bed_is(&b, "s", "4688"));
    assert_true(bed_is(&b, "f", "5"));
    assert_true(bed_is(&b, "n", "1000"));
    assert_true(bed_is(&b, "t", "true"));
    assert_false(bed_is(&b, "i", "468"));
    assert_false(bed_is(&b, "missing", "*"));
}

static void orders_parse_the_text(void **state)
{
    (void)state;
    bed_text(&b, "s", "404");
    bed_text(&b, "w", "many");
    assert_int_equal(number("s", DW_LEAF_GTE, 404), DW_TRUE);
    assert_int_equal(number("s", DW_LEAF_GT, 404), DW_FALSE);
    assert_int_equal(number("s", DW_LEAF_LT, 404.5), DW_TRUE);
    assert_int_equal(number("s", DW_LEAF_LTE, 403), DW_FALSE);
    assert_int_equal(number("w", DW_LEAF_GT, 0), DW_FALSE);
    assert_int_equal(number("missing", DW_LEAF_LT, 5), DW_FALSE);
}

static bool part(const char *name, enum dw_time_part p, double n)
{
    return bed_ask(&b, name, (struct dw_leaf_spec){.op = DW_LEAF_TIME, .flags = p, .number = n}) == DW_TRUE;
}

static void time_parts_are_utc(void **state)
{
    (void)state;
    bed_text(&b, "d", "2026-11-24T01:30:05.123+02:00"); /* 23:30 the day before, UTC */
    assert_true(part("d", DW_TIME_HOUR, 23));
    assert_true(part("d", DW_TIME_DAY, 23));
    assert_true(part("d", DW_TIME_MINUTE, 30));
    assert_true(part("d", DW_TIME_MONTH, 11));
    assert_true(part("d", DW_TIME_YEAR, 2026));
    assert_true(part("d", DW_TIME_WEEK, 48));
    assert_false(part("d", DW_TIME_HOUR, 1));
    bed_text(&b, "e", "0");
    assert_true(part("e", DW_TIME_YEAR, 1970));
    assert_true(part("e", DW_TIME_WEEK, 1));
    b.ev.time_ns = INT64_C(951782400) * 1000000000; /* 2000-02-29 */
    assert_true(part("@timestamp", DW_TIME_DAY, 29));
    assert_true(bed_is(&b, "@timestamp", "2000-02-29T00:00:00Z"));
}

static void fieldref_compares_two_fields(void **state)
{
    (void)state;
    struct dw_pred *p = dw_pred_new();
    uint32_t a = bed_key(&b, "a"), c = bed_key(&b, "c"), leaf[3];
    uint32_t fa, fc;
    assert_int_equal(dw_pred_field(p, &a, 1, false, &fa), DW_OK);
    assert_int_equal(dw_pred_field(p, &c, 1, false, &fc), DW_OK);
    leaf[0] = bed_leaf(
        &b, p, NULL, (struct dw_leaf_spec){.op = DW_LEAF_FIELDREF, .field = fa, .other = fc, .flags = DW_REF_EQ});
    leaf[1] = bed_leaf(
        &b, p, NULL, (struct dw_leaf_spec){.op = DW_LEAF_FIELDREF, .field = fa, .other = fc, .flags = DW_REF_STARTS});
    leaf[2] = bed_leaf(&b, p, NULL,
        (struct dw_leaf_spec){.op = DW_LEAF_FIELDREF, .field = fa, .other = fc, .flags = DW_REF_STARTS, .cased = true});
    assert_int_equal(dw_pred_build(p), DW_OK);
    struct dw_pred_scratch *s = dw_pred_scratch_new(p);
    bed_text(&b, "a", "Administrator");
    bed_text(&b, "c", "admin");
    assert_int_equal(dw_pred_begin(s, &b.ev, bed_ignore, NULL), DW_OK);
    assert_int_equal(dw_pred_test(s, leaf[0]), DW_FALSE);
    assert_int_equal(dw_pred_test(s, leaf[1]), DW_TRUE);
    assert_int_equal(dw_pred_test(s, leaf[2]), DW_FALSE);
    dw_pred_scratch_free(s);
    dw_pred_free(p);
}

static void cidr_and_exists(void **state)
{
    (void)state;
    bed_text(&b, "ip", "10.2.3.4");
    bed_text(&b, "none", "");
    assert_int_equal(
        bed_ask(&b, "ip", (struct dw_leaf_spec){.op = DW_LEAF_CIDR, .text = DW_STR("10.0.0.0/8")}), DW_TRUE);
    assert_int_equal(bed_ask(&b, "none", (struct dw_leaf_spec){.op = DW_LEAF_EXISTS}), DW_TRUE);
    assert_int_equal(bed_ask(&b, "missing", (struct dw_leaf_spec){.op = DW_LEAF_EXISTS}), DW_FALSE);
    assert_true(bed_is(&b, "none", ""));
}

static void a_decoded_field_has_its_decoded_forms_too(void **state)
{
    (void)state;
    struct dw_pred *p = dw_pred_new();
    struct dw_leaf_spec spec = {.op = DW_LEAF_PATTERN};
    struct dw_buf code = {0};
    uint32_t key = bed_key(&b, "u");
    dw_pat_add_sigma(&code, DW_STR("*union select*"));
    spec.text = dw_buf_view(&code);
    assert_int_equal(dw_pred_field(p, &key, 1, true, &spec.field), DW_OK);
    uint32_t leaf = bed_leaf(&b, p, NULL, spec);
    assert_int_equal(dw_pred_build(p), DW_OK);
    struct dw_pred_scratch *s = dw_pred_scratch_new(p);
    const char *good[] = {"/?q=union select", "/?q=UNION%20select", "/?q=union+select", "/?q=union%2520select"};
    for (size_t i = 0; i < DW_COUNT_OF(good); i++) {
        bed_begin(&b, "line");
        bed_text(&b, "u", good[i]);
        assert_int_equal(dw_pred_begin(s, &b.ev, bed_ignore, NULL), DW_OK);
        assert_int_equal(dw_pred_test(s, leaf), DW_TRUE);
    }
    dw_buf_fini(&code);
    dw_pred_scratch_free(s);
    dw_pred_free(p);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(a_number_equals_its_decimal_text),
        T(orders_parse_the_text),
        T(time_parts_are_utc),
        T(fieldref_compares_two_fields),
        T(cidr_and_exists),
        T(a_decoded_field_has_its_decoded_forms_too),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
