/* Tests of core/event/flatten.c: names, elements, kinds, bounds. */
#include "support.h"

#include "dogwatch/event/flatten.h"

static struct dw_field fields[DW_EVENT_FIELDS_MAX];
static struct dw_draft draft;
static struct dw_arena pool;

static int setup(void **state)
{
    (void)state;
    dw_arena_init(&pool, 0);
    draft = (struct dw_draft){.keys = dw_keys_new(), .pool = &pool, .field = fields};
    return draft.keys ? 0 : -1;
}

static int teardown(void **state)
{
    (void)state;
    dw_keys_free(draft.keys);
    dw_arena_fini(&pool);
    return 0;
}

static const struct dw_field *find(const char *name, int nth)
{
    uint32_t key = 0;
    if (dw_keys_find(draft.keys, dw_str_of(name), &key) < 0)
        return NULL;
    for (uint32_t i = 0; i < draft.field_count; i++)
        if (draft.field[i].key == key && nth-- == 0)
            return &draft.field[i];
    return NULL;
}

static int flatten(struct dw_str line)
{
    dw_draft_reset(&draft, line);
    return dw_flatten_json(&draft, line, NULL);
}

static void flatten_dots_names_and_keeps_kinds(void **state)
{
    (void)state;
    struct dw_str line = DW_STR("{\"source\":{\"ip\":\"10.0.0.1\",\"port\":80},\"m\":\"a\\tb\",\"ok\":true,\"n\":null,\"e\":{},\"f\":-1.5}");
    assert_int_equal(flatten(line), DW_OK);
    assert_int_equal(draft.field_count, 5);
    assert_int_equal(find("source.ip", 0)->kind, DW_K_VIEW);
    assert_int_equal(find("source.ip", 0)->key, DW_F_source_ip);
    assert_int_equal(find("source.port", 0)->kind, DW_K_NUMBER);
    assert_int_equal(find("m", 0)->kind, DW_K_LITERAL);
    assert_str(dw_field_str(find("m", 0)), "a\tb");
    assert_int_equal(find("ok", 0)->kind, DW_K_BOOL);
    assert_null(find("n", 0));
}

static void flatten_numbers_elements_by_level(void **state)
{
    (void)state;
    struct dw_str line = DW_STR("{\"c\":[{\"i\":\"a\",\"p\":[1,2]},{\"i\":\"b\",\"p\":[3]}]}");
    assert_int_equal(flatten(line), DW_OK);
    assert_int_equal(find("c.i", 0)->elem, 1);
    assert_int_equal(find("c.i", 1)->elem, 2);
    assert_int_equal(find("c.p", 0)->elem, 0x0101);
    assert_int_equal(find("c.p", 1)->elem, 0x0201);
    assert_int_equal(find("c.p", 2)->elem, 0x0102);
}

static void flatten_error_leaves_the_draft_as_it_was(void **state)
{
    (void)state;
    assert_int_equal(flatten(DW_STR("{\"a\":1,\"b\":}")), DW_ESYNTAX);
    assert_int_equal(draft.field_count, 0);
    assert_int_equal(flatten(DW_STR("12")), DW_ESYNTAX);
    assert_int_equal(flatten(DW_STR("{} x")), DW_ESYNTAX);
}

static void flatten_drops_over_its_bounds_and_counts(void **state)
{
    (void)state;
    struct dw_buf b = {0};
    dw_buf_str(&b, DW_STR("{\"a\":["));
    for (int i = 0; i < 300; i++)
        dw_buf_printf(&b, "%s%d", i ? "," : "", i);
    dw_buf_str(&b, DW_STR("],\""));
    for (int i = 0; i < 600; i++)
        dw_buf_byte(&b, 'x');
    dw_buf_str(&b, DW_STR("\":{\"y\":1},\"z\":2}"));
    assert_int_equal(flatten(dw_buf_view(&b)), DW_OK);
    assert_int_equal(draft.field_count, DW_EVENT_ELEMENTS_MAX + 1);
    assert_int_equal(draft.dropped, 300 - DW_EVENT_ELEMENTS_MAX + 1);
    assert_non_null(find("z", 0));
    dw_buf_fini(&b);
}

static void flatten_guards_our_own_names(void **state)
{
    (void)state;
    assert_int_equal(flatten(DW_STR("{\"dogwatch\":{\"stream\":\"x\"},\"event\":\"started\"}")), DW_OK);
    assert_null(find("dogwatch.stream", 0));
    assert_str(dw_field_str(find("json.dogwatch.stream", 0)), "x");
    assert_str(dw_field_str(find("json.event", 0)), "started");
}

static int64_t to_level(void *arg, struct dw_draft *d, const struct dw_leaf *leaf)
{
    (void)d;
    if (dw_str_eq(leaf->name, DW_STR("p.level")))
        return DW_F_log_level;
    if (dw_str_eq(leaf->name, DW_STR("p.skip"))) {
        ++*(int *)arg;
        return DW_LEAF_TAKEN;
    }
    return DW_LEAF_AS_IS;
}

static void flatten_lets_a_map_rename_and_take(void **state)
{
    (void)state;
    int taken = 0;
    struct dw_str line = DW_STR("{\"level\":\"warn\",\"skip\":1,\"o\":2}");
    dw_draft_reset(&draft, line);
    struct dw_flatten how = {.map = to_level, .arg = &taken, .prefix = DW_STR("p.")};
    assert_int_equal(dw_flatten_json(&draft, line, &how), DW_OK);
    assert_int_equal(taken, 1);
    assert_int_equal(draft.field_count, 2);
    assert_non_null(find("log.level", 0));
    assert_non_null(find("p.o", 0));
}

static void flatten_copies_what_is_not_in_the_line(void **state)
{
    (void)state;
    dw_draft_reset(&draft, DW_STR("another line"));
    char text[] = "{\"a\":\"b\",\"n\":1}";
    assert_int_equal(dw_flatten_json(&draft, dw_str_of(text), NULL), DW_OK);
    memset(text, 'x', sizeof text - 1);
    assert_int_equal(find("a", 0)->kind, DW_K_LITERAL);
    assert_str(dw_field_str(find("a", 0)), "b");
    assert_str(dw_field_str(find("n", 0)), "1");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(flatten_dots_names_and_keeps_kinds),
        cmocka_unit_test(flatten_numbers_elements_by_level),
        cmocka_unit_test(flatten_error_leaves_the_draft_as_it_was),
        cmocka_unit_test(flatten_drops_over_its_bounds_and_counts),
        cmocka_unit_test(flatten_guards_our_own_names),
        cmocka_unit_test(flatten_lets_a_map_rename_and_take),
        cmocka_unit_test(flatten_copies_what_is_not_in_the_line),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
