/* Tests of cli/tune_pick.c and tune_filter.c: which fields tell wrong matches from right ones, and the filter that says so. */
#include "support.h"

#include "../../../cli/tune_filter.h"

static struct dw_keys *keys;
static struct dw_arena arena;
static struct tune_events wrong, right;
static struct tune_pick *pick;

/* `name=value|name=value`. */
static void add(struct tune_events *to, const char *words)
{
    static const struct dw_stream stream;
    struct dw_field field[16];
    struct dw_str rest = dw_str_of(words);
    uint32_t n = 0;
    while (rest.ptr && rest.len) {
        struct dw_str value = dw_str_cut(&rest, '|'), name = dw_str_cut(&value, '=');
        uint32_t key;
        assert_int_equal(dw_keys_intern(keys, name, &key), DW_OK);
        field[n++] = (struct dw_field){.v.ptr = value.ptr, .len = (uint32_t)value.len, .key = key, .kind = DW_K_LITERAL};
    }
    const struct dw_event ev = {.line = DW_STR("line"), .field = field, .field_count = n, .stream = &stream};
    assert_int_equal(tune_events_add(to, &ev), DW_OK);
}

static void put_part(const struct tune_selection *s, uint32_t i, struct dw_buf *out)
{
    dw_buf_printf(out, "%s%.*s=", i ? " " : "", DW_ARG(dw_keys_name(keys, s->part[i].key)));
    for (uint32_t v = 0; v < s->part[i].value_count; v++)
        dw_buf_printf(out, "%s%.*s", v ? "," : "", DW_ARG(s->part[i].value[v]));
}

/* Expects selections, each `name=value,value name=value`, with `; ` between. */
static void picks(const char *want, uint32_t covered)
{
    struct dw_buf out = {0};
    pick->keys = keys;
    pick->wrong = &wrong;
    pick->right = &right;
    assert_int_equal(tune_pick_run(pick), DW_OK);
    for (uint32_t s = 0; s < pick->count; s++) {
        dw_buf_str(&out, s ? DW_STR("; ") : DW_STR(""));
        for (uint32_t i = 0; i < pick->selection[s].depth; i++)
            put_part(&pick->selection[s], i, &out);
    }
    dw_buf_byte(&out, 0);
    assert_string_equal(out.ptr, want);
    assert_int_equal(pick->covered, covered);
    dw_buf_fini(&out);
}

static void one_field_that_all_have_is_enough(void **state)
{
    (void)state;
    add(&wrong, "user.name=backup|host.name=a|process.name=sh");
    add(&wrong, "user.name=Backup|host.name=b|process.name=bash");
    picks("user.name=backup", 2);
    add(&right, "user.name=root|host.name=a");
    picks("user.name=backup", 2);
}

static void a_field_that_a_right_event_has_too_gets_a_second_one(void **state)
{
    (void)state;
    add(&wrong, "user.name=root|process.name=sh");
    add(&wrong, "user.name=root|process.name=sh");
    add(&right, "user.name=root|process.name=nc");
    add(&right, "user.name=bob|process.name=sh");
    picks("user.name=root process.name=sh", 2);
}

static void what_differs_in_one_field_becomes_a_list(void **state)
{
    (void)state;
    add(&wrong, "source.ip=10.0.0.1|x=1");
    add(&wrong, "source.ip=10.0.0.2|x=1");
    add(&right, "source.ip=10.0.0.3|x=1");
    picks("source.ip=10.0.0.1,10.0.0.2", 2);
}

static void what_is_made_up_for_one_event_is_no_reason(void **state)
{
    (void)state;
    add(&wrong, "@timestamp=2026-11-25|process.pid=12|source.port=443|container.id=c|session.id=4|x=0123456789abcdef01|y=2026-11-25T10:00|n=1234567|event.dataset=d|log.file.path=/a|Hashes=x|tags=t|e=");
    picks("", 0);
    add(&wrong, "odd=v");
    picks("odd=v", 1);
}

static void what_cannot_be_told_apart_is_not_covered(void **state)
{
    (void)state;
    add(&wrong, "user.name=a|process.name=sh");
    add(&wrong, "user.name=b|process.name=sh");
    add(&right, "user.name=A|process.name=sh");
    picks("user.name=b", 1);
}

static void a_lead_in_vain_hides_none_that_has_more(void **state)
{
    (void)state;
    add(&right, "user.name=root|host.name=a");
    add(&wrong, "user.name=root|host.name=a");
    add(&wrong, "user.name=ROOT");
    add(&wrong, "process.pid=7");
    add(&wrong, "user.name=root|host.name=b");
    add(&wrong, "user.name=root|process.name=sh");
    picks("host.name=b; process.name=sh", 2);
}

static void lists_and_what_the_rule_asks_for_are_left_out(void **state)
{
    (void)state;
    uint32_t asked;
    assert_int_equal(dw_keys_intern(keys, DW_STR("user.name"), &asked), DW_OK);
    pick->asked = &asked;
    pick->asked_count = 1;
    add(&wrong, "user.name=root|url.path=/a|url.path=/b|z=v");
    picks("z=v", 1);
}

static void the_filter_has_each_value_as_it_is(void **state)
{
    (void)state;
    const struct dw_rule rule = {.id = DW_STR("it's"), .title = DW_STR("It's"), .product = DW_STR("linux")};
    struct dw_buf out = {0}, again = {0};
    add(&wrong, "process.name=C:\\a*b?|@odd key=o'b");
    add(&right, "process.name=C:\\a*b?");
    add(&right, "@odd key=o'b");
    picks("process.name=C:\\a*b? @odd key=o'b", 1);
    tune_filter_write(pick, &rule, 0, &out);
    tune_filter_write(pick, &rule, 0, &again);
    assert_true(dw_str_eq(dw_buf_view(&out), dw_buf_view(&again)));
    dw_buf_byte(&out, 0);
    assert_non_null(strstr(out.ptr, "logsource:\n    product: 'linux'\nfilter:\n    rules:\n        - 'it''s'\n    excluded: # 1 false positives\n        process.name: 'C:\\\\a\\*b\\?'\n"
                                    "        '@odd key': 'o''b'\n    condition: not excluded\n"));
    dw_buf_fini(&out);
    dw_buf_fini(&again);
}

static void without_memory_nothing_is_picked(void **state)
{
    (void)state;
    add(&wrong, "user.name=a");
    pick->keys = keys;
    pick->wrong = &wrong;
    pick->right = &right;
    for (unsigned nth = 1;; nth++) {
        assert_true(nth < 50);
        mem_fail_at(nth);
        int rc = tune_pick_run(pick);
        unsigned hits = mem_fail_hits();
        mem_fail_at(0);
        assert_int_equal(rc, hits ? DW_ENOMEM : DW_OK);
        if (!hits)
            break;
    }
}

static int begin(void **state)
{
    (void)state;
    keys = dw_keys_new();
    dw_arena_init(&arena, 0);
    wrong = right = (struct tune_events){.arena = &arena};
    pick = dw_calloc(1, sizeof *pick);
    return keys && pick ? 0 : -1;
}

static int end(void **state)
{
    (void)state;
    tune_events_fini(&wrong);
    tune_events_fini(&right);
    dw_arena_fini(&arena);
    dw_keys_free(keys);
    dw_free(pick);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(one_field_that_all_have_is_enough, begin, end),
        cmocka_unit_test_setup_teardown(a_field_that_a_right_event_has_too_gets_a_second_one, begin, end),
        cmocka_unit_test_setup_teardown(what_differs_in_one_field_becomes_a_list, begin, end),
        cmocka_unit_test_setup_teardown(what_is_made_up_for_one_event_is_no_reason, begin, end),
        cmocka_unit_test_setup_teardown(what_cannot_be_told_apart_is_not_covered, begin, end),
        cmocka_unit_test_setup_teardown(a_lead_in_vain_hides_none_that_has_more, begin, end),
        cmocka_unit_test_setup_teardown(lists_and_what_the_rule_asks_for_are_left_out, begin, end),
        cmocka_unit_test_setup_teardown(the_filter_has_each_value_as_it_is, begin, end),
        cmocka_unit_test_setup_teardown(without_memory_nothing_is_picked, begin, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
