/* Tests of parsers/words: the words of configuration, and what is said of wrong ones. */
#include "support.h"

#include "dogwatch/base/error.h"
#include "dogwatch/parsers/words.h"

static void takes(const char *option, const char *value)
{
    struct dw_buf why = {0};
    if (dw_parser_option_check(option, DW_STR("k"), dw_str_of(value), &why) < 0)
        fail_msg("%s: %s refused: %.*s", option, value, DW_ARG(dw_buf_view(&why)));
    dw_buf_fini(&why);
}

static void refuses(const char *option, const char *value, const char *said)
{
    struct dw_buf why = {0};
    assert_int_equal(dw_parser_option_check(option, DW_STR("k"), dw_str_of(value), &why), DW_ECONFIG);
    if (dw_str_find(dw_buf_view(&why), dw_str_of(said)) >= why.len)
        fail_msg("%s: %s: said '%.*s', not '%s'", option, value, DW_ARG(dw_buf_view(&why)), said);
    dw_buf_fini(&why);
}

static void words_are_checked_and_near_ones_named(void **state)
{
    (void)state;
    takes("format", "auto");
    takes("format", "nginx_access");
    takes("formats", "nginx/access");
    takes("zone", "UTC");
    takes("zone", "+02:00");
    takes("multiline", "java");
    takes("redact", "none");
    takes("host.name", "anything");
    refuses("format", "ngnix_access", "did you mean 'nginx_access'?");
    refuses("format", "ngnix", "did you mean 'nginx'?");
    refuses("formats", "nosuch", "no such format");
    refuses("zone", "Mars/Base", "no such time zone");
    refuses("multiline", "jav", "did you mean 'java'?");
    refuses("multiline", "start", "no such kind");
    takes("redact.rules", "EMP-(\\d+)");
    refuses("redact.rules", "EMP-(\\d+", "missing closing parenthesis at its end\n");
    refuses("redact.rules", "x*", "may match the empty text");
    refuses("redact", "cardz", "did you mean 'cards'?");
}

static void a_servers_own_format_is_compiled(void **state)
{
    (void)state;
    const struct dw_parser *p;
    struct dw_user_format *user;
    struct dw_buf why = {0};
    assert_int_equal(dw_format_option(DW_STR("nginx_access $remote_addr [$time_local] \"$request\" $status"), &p, &user, &why), DW_OK);
    assert_string_equal(p->name, "nginx_access");
    assert_non_null(user);
    dw_user_format_free(user);
    assert_int_equal(dw_format_option(DW_STR("auto"), &p, &user, &why), DW_OK);
    assert_null(p);
    assert_null(user);
    dw_buf_fini(&why);
    refuses("format", "nginx_access $remote_addr $nosuch$thing", "byte ");
    refuses("format", "json $remote_addr", "takes no format string");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(words_are_checked_and_near_ones_named),
        cmocka_unit_test(a_servers_own_format_is_compiled),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
