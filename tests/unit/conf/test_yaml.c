/* Tests of core/conf/yaml.c: places, several documents, aliases, bounds. */
#include "support.h"

#include "dogwatch/conf/yaml.h"

static struct dw_arena arena;
static struct dw_diags diags;

static int setup(void **state)
{
    (void)state;
    dw_arena_init(&arena, 0);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    dw_arena_fini(&arena);
    return 0;
}

static int parse(struct dw_str text, const struct dw_yaml **ret)
{
    dw_diags_init(&diags, DW_STR("t.yml"), text);
    return dw_yaml_parse(&arena, text, &diags, ret);
}

static void yaml_gives_places_in_bytes(void **state)
{
    (void)state;
    const struct dw_yaml *doc = NULL;
    assert_int_equal(parse(DW_STR("a: 1\n\"\xc3\xa4\xc3\xb6\": 'x y'\nlist: [p, \"q\"]\n"), &doc), DW_OK);
    const struct dw_yaml *v = dw_yaml_get(doc, "\xc3\xa4\xc3\xb6");
    assert_str(v->text, "x y");
    assert_int_equal(v->at.line, 2);
    assert_int_equal(v->at.col, 9); /* two letters of two bytes each, quotes, colon, space */
    assert_int_equal(v->at.len, 5);
    assert_false(v->plain);
    struct dw_span in = dw_yaml_span_in(v, 2, 1);
    assert_int_equal(in.col, 12);
    const struct dw_yaml *list = dw_yaml_get(doc, "list");
    assert_int_equal(list->count, 2);
    assert_true(list->first->plain);
    assert_str(list->first->next->text, "q");
}

static void yaml_reads_several_documents(void **state)
{
    (void)state;
    const struct dw_yaml *doc = NULL;
    assert_int_equal(parse(DW_STR("a: 1\n---\nb: 2\n---\n"), &doc), DW_OK);
    assert_non_null(dw_yaml_get(doc, "a"));
    assert_non_null(dw_yaml_get(doc->next, "b"));
    assert_true(dw_yaml_is_null(doc->next->next));
    assert_null(doc->next->next->next);
    assert_int_equal(parse(DW_STR(""), &doc), DW_OK);
}

static void yaml_refuses_a_key_twice_with_its_place(void **state)
{
    (void)state;
    const struct dw_yaml *doc = NULL;
    assert_int_equal(parse(DW_STR("a: 1\nb: 2\na: 3\n"), &doc), DW_ESYNTAX);
    assert_int_equal(diags.item[0].at.line, 3);
    assert_non_null(strstr(diags.item[0].msg, "second time"));
}

static void yaml_aliases_share_and_are_bounded(void **state)
{
    (void)state;
    const struct dw_yaml *doc = NULL;
    assert_int_equal(parse(DW_STR("a: &x [1, 2]\nb: *x\n"), &doc), DW_OK);
    assert_int_equal(dw_yaml_get(doc, "b")->count, 2);
    struct dw_buf bomb = {0};
    dw_buf_str(&bomb, DW_STR("a0: &a0 [x,x,x,x,x,x,x,x,x,x]\n"));
    for (int i = 1; i < 10; i++) {
        dw_buf_printf(&bomb, "a%d: &a%d [", i, i);
        for (int j = 0; j < 10; j++)
            dw_buf_printf(&bomb, "%s*a%d", j ? "," : "", i - 1);
        dw_buf_str(&bomb, DW_STR("]\n"));
    }
    assert_int_equal(parse(dw_buf_view(&bomb), &doc), DW_ESYNTAX);
    assert_non_null(strstr(diags.item[0].msg, "too many values"));
    dw_buf_fini(&bomb);
    assert_int_equal(parse(DW_STR("a: &x [*x]\n"), &doc), DW_ESYNTAX);
}

static void yaml_refuses_deep_nesting_and_bad_text(void **state)
{
    (void)state;
    const struct dw_yaml *doc = NULL;
    char deep[200];
    memset(deep, '[', sizeof deep);
    assert_int_equal(parse(dw_str_make(deep, sizeof deep), &doc), DW_ESYNTAX);
    assert_int_equal(parse(DW_STR("a: [1\n"), &doc), DW_ESYNTAX);
    assert_true(diags.item[0].at.line > 0);
    assert_int_equal(parse(DW_STR("<<: {a: 1}\n"), &doc), DW_ESYNTAX);
}

static void yaml_resolves_only_plain_scalars(void **state)
{
    (void)state;
    const struct dw_yaml *doc = NULL;
    bool b = false;
    int64_t i = 0;
    assert_int_equal(parse(DW_STR("a: true\nb: 'true'\nc: -5\nd: '5'\ne:\nf: ''\ng: |\n  5\n"), &doc), DW_OK);
    assert_true(dw_yaml_bool(dw_yaml_get(doc, "a"), &b) && b);
    assert_false(dw_yaml_bool(dw_yaml_get(doc, "b"), &b));
    assert_true(dw_yaml_int(dw_yaml_get(doc, "c"), &i) && i == -5);
    assert_false(dw_yaml_int(dw_yaml_get(doc, "d"), &i));
    assert_true(dw_yaml_is_null(dw_yaml_get(doc, "e")));
    assert_false(dw_yaml_is_null(dw_yaml_get(doc, "f")));
    assert_false(dw_yaml_get(doc, "g")->plain);
}

static void yaml_survives_the_nth_failed_allocation(void **state)
{
    (void)state;
    for (unsigned nth = 1;; nth++) {
        assert_true(nth < 1000);
        struct dw_arena a;
        dw_arena_init(&a, 0);
        struct dw_str text = DW_STR("a: &x [1, {b: c}]\nd: *x\n");
        dw_diags_init(&diags, DW_STR("t.yml"), text);
        const struct dw_yaml *doc = NULL;
        mem_fail_at(nth);
        int rc = dw_yaml_parse(&a, text, &diags, &doc);
        unsigned hits = mem_fail_hits();
        mem_fail_at(0);
        dw_arena_fini(&a);
        if (!hits) {
            assert_int_equal(rc, DW_OK);
            break;
        }
        assert_int_equal(rc, DW_ENOMEM);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(yaml_gives_places_in_bytes, setup, teardown),
        cmocka_unit_test_setup_teardown(yaml_reads_several_documents, setup, teardown),
        cmocka_unit_test_setup_teardown(yaml_refuses_a_key_twice_with_its_place, setup, teardown),
        cmocka_unit_test_setup_teardown(yaml_aliases_share_and_are_bounded, setup, teardown),
        cmocka_unit_test_setup_teardown(yaml_refuses_deep_nesting_and_bad_text, setup, teardown),
        cmocka_unit_test_setup_teardown(yaml_resolves_only_plain_scalars, setup, teardown),
        cmocka_unit_test(yaml_survives_the_nth_failed_allocation),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
