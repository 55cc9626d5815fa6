/* Tests of collector/alert/alert_filter.c: what a filter takes, and what makes it doubtful. */
#include "support.h"

#include "dogwatch/base/error.h"
#include "dogwatch/collect/alerts.h"

static void put(void *arg, const char *text)
{
    dw_buf_printf(arg, "%s;", text);
}

/* A filter over one alert: whether it takes it, and its doubts. */
static void expect(const char *text, bool judge, bool takes, const char *doubts)
{
    struct dw_diags diags;
    struct dw_alert_filter *f;
    struct dw_buf said = {0};
    const struct dw_alert a = {.id = "00", .said = {"new", "undetermined", "", ""},
        .doc = DW_STR("{\"rule\":{\"id\":\"r\",\"level\":\"critical\"},\"source\":{\"ip\":\"1.2.3.4\"}}")};
    dw_diags_init(&diags, DW_STR("filter"), dw_str_of(text));
    assert_int_equal(dw_alert_filter_new(dw_str_of(text), &diags, &f), DW_OK);
    if (judge && dw_alert_filter_takes(f, &a) != takes)
        fail_msg("%s: takes the alert: %d", text, !takes);
    dw_alert_filter_doubts(f, put, &said);
    if (!dw_str_eq(dw_buf_view(&said), dw_str_of(doubts)))
        fail_msg("%s: \"%.*s\", want \"%s\"", text, DW_ARG(dw_buf_view(&said)), doubts);
    dw_buf_fini(&said);
    dw_alert_filter_free(f);
}

static void sound_filters_raise_no_doubt(void **state)
{
    (void)state;
    expect("rule.level:critical", true, true, "");
    expect("status:new", true, true, "");
    expect("status:NEW or status:res*", true, true, "");
    expect("status:(closed or resolved)", true, false, "");
    expect("assignee:bob", true, false, "");
    expect("source.ip:1.2.3.0/24 critical", true, true, "");
}

static void names_that_no_alert_has_are_named(void **state)
{
    (void)state;
    expect("level:critical", true, false, "no alert read here has a field 'level'; did you mean 'rule.level'?;");
    expect("not level:low", true, true, "no alert read here has a field 'level'; did you mean 'rule.level'?;");
    expect("colour:red", true, false, "no alert read here has a field 'colour';");
    expect("colour:red", false, false, ""); /* none was read */
}

static void values_that_nobody_can_say_are_listed(void **state)
{
    (void)state;
    expect("status:open", true, false, "no alert has status:open; its values are new|in_progress|resolved|false_positive|closed;");
    expect("status:(new or done)", true, true, "no alert has status:done; its values are new|in_progress|resolved|false_positive|closed;");
    expect("status=open", true, false, "'status=open' is looked for as a text; a field is asked for by status:open;");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sound_filters_raise_no_doubt),
        cmocka_unit_test(names_that_no_alert_has_are_named),
        cmocka_unit_test(values_that_nobody_can_say_are_listed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
