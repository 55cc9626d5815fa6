/* Tests of core/conf/options.c and conf_page.c: the programs' own tables. */
#include "support.h"

#include "dogwatch/conf/options.h"

static void no_report(void *ud, const struct dw_diags *d)
{
    (void)ud;
    struct dw_buf out = {0};
    dw_diags_print(d, &out);
    print_message("%.*s", (int)out.len, out.ptr);
    dw_buf_fini(&out);
}

static void check(const struct dw_conf_table *t, void *values)
{
    struct dw_conf c;
    const struct dw_diag_sink sink = {no_report, NULL};
    assert_int_equal(dw_conf_init(&c, t, values), DW_OK); /* asserts each default */
    struct dw_buf file = {0}, page = {0}, shown = {0}, again = {0};
    dw_conf_skeleton(t, &file);
    assert_int_equal(dw_conf_load_text(&c, &dw_fs_system, "s.yml", dw_buf_view(&file), sink), DW_OK);
    for (uint32_t i = 0; i < t->count; i++)
        assert_int_equal(c.origin[i].source, DW_CONF_FROM_DEFAULT);
    dw_conf_show(&c, &shown); /* what is shown can be loaded, and shows the same values */
    assert_int_equal(dw_conf_load_text(&c, &dw_fs_system, "shown.yml", dw_buf_view(&shown), sink), DW_OK);
    for (uint32_t i = 0; i < t->count; i++)
        assert_int_equal(c.origin[i].source, DW_CONF_FROM_FILE);
    dw_conf_page(t, &page);
    dw_buf_byte(&page, 0);
    for (uint32_t i = 0; i < t->count; i++)
        assert_non_null(strstr(page.ptr, t->row[i].name));
    dw_buf_fini(&file);
    dw_buf_fini(&page);
    dw_buf_fini(&shown);
    dw_buf_fini(&again);
    dw_conf_fini(&c);
}

static void options_of_both_programs_are_sound(void **state)
{
    (void)state;
    struct dw_agent_options agent;
    struct dw_collector_options collector;
    check(&dw_conf_agent, &agent);
    check(&dw_conf_collector, &collector);
    assert_int_equal(agent.start, DW_START_BEGINNING);
    assert_int_equal(collector.lateness, INT64_C(30000000000));
}

static void a_dollar_brace_reads_back_as_it_is_shown(void **state)
{
    (void)state;
    struct dw_conf c, d;
    struct dw_agent_options first, second;
    struct dw_buf shown = {0};
    const struct dw_diag_sink sink = {no_report, NULL};
    const struct dw_str file = DW_STR("data: /d\nlogs: ['/x/$${a}/*.log', '/y/$$$${b']\nformats:\n  '$${k}': \"$host $${m}\"\n");
    assert_int_equal(dw_conf_init(&c, &dw_conf_agent, &first), DW_OK);
    assert_int_equal(dw_conf_init(&d, &dw_conf_agent, &second), DW_OK);
    assert_int_equal(dw_conf_load_text(&c, &dw_fs_system, "a.yml", file, sink), DW_OK);
    dw_conf_show(&c, &shown);
    assert_int_equal(dw_conf_load_text(&d, &dw_fs_system, "b.yml", dw_buf_view(&shown), sink), DW_OK);
    assert_str(second.logs.item[0], "/x/${a}/*.log");
    assert_str(second.logs.item[1], "/y/$$${b");
    assert_str(second.formats.key[0], "$${k}"); /* keys are not expanded */
    assert_str(second.formats.value[0], "$host ${m}");
    dw_buf_fini(&shown);
    dw_conf_fini(&c);
    dw_conf_fini(&d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(options_of_both_programs_are_sound),
        cmocka_unit_test(a_dollar_brace_reads_back_as_it_is_shown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
