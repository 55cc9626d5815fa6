/* Tests of conf/listen.h: places to listen at, and what is wrong with those that are none. */
#include "support.h"

#include "dogwatch/conf/listen.h"
#include "dogwatch/conf/options.h"

static void assert_place(const char *text, enum dw_listen_kind kind, uint16_t port, const char *name)
{
    struct dw_listen l;
    assert_int_equal(dw_listen_parse(dw_str_of(text), &l, NULL), DW_OK);
    assert_int_equal(l.kind, kind);
    assert_int_equal(l.port, port);
    assert_string_equal(l.name, name);
}

static void places_are_taken_apart(void **state)
{
    (void)state;
    struct dw_listen l;
    assert_place("udp://0.0.0.0:514", DW_LISTEN_UDP, 514, "udp-514-0.0.0.0");
    assert_place("tcp://:601", DW_LISTEN_TCP, 601, "tcp-601");
    assert_place("tls://[2001:db8::1]:6514", DW_LISTEN_TLS, 6514, "tls-6514-2001_db8__1");
    assert_int_equal(dw_listen_parse(DW_STR("tcp://:601"), &l, NULL), DW_OK);
    assert_true(l.all && l.address.ss_family == AF_INET6);
}

static void what_is_no_place_is_refused_with_a_sentence(void **state)
{
    (void)state;
    static const char *const wrong[] = {"", "514", "udp://", "udp://:0", "udp://:65536", "udp://:5x", "http://:80", "udp://localhost:514", "udp://::1:514", "udp://[127.0.0.1]:514",
        "udp://[::1:514", "udp://1.2.3:514", "UDP://:514", "udp://1.2.3.4:", "udp://[fe80::1%eth0]:514"};
    for (size_t i = 0; i < DW_COUNT_OF(wrong); i++) {
        struct dw_listen l;
        struct dw_buf why = {0};
        if (dw_listen_parse(dw_str_of(wrong[i]), &l, &why) != DW_ECONFIG || why.len == 0)
            fail_msg("'%s' is taken", wrong[i]);
        dw_buf_fini(&why);
    }
}

static void count_report(void *ud, const struct dw_diags *d)
{
    *(uint32_t *)ud += d->count;
}

static int judge(const char *text)
{
    struct dw_conf c;
    struct dw_agent_options o;
    uint32_t said = 0;
    struct dw_diag_sink sink = {.report = count_report, .ud = &said};
    assert_int_equal(dw_conf_init(&c, &dw_conf_agent, &o), DW_OK);
    assert_int_equal(dw_conf_load_text(&c, &dw_fs_system, "agent.yml", dw_str_of(text), sink), DW_OK);
    int rc = dw_listen_options_check(&c, &dw_fs_system, sink);
    assert_true((rc == DW_OK) == (said == 0));
    dw_conf_fini(&c);
    return rc;
}

static void what_shows_only_across_options_is_told(void **state)
{
    (void)state;
    assert_int_equal(judge("inputs.syslog: [udp://:514, tcp://:514]\n"), DW_OK);
    assert_int_equal(judge("inputs.syslog: [udp://:514, udp://:514]\n"), DW_ECONFIG);
    assert_int_equal(judge("inputs.syslog: [tls://:6514]\n"), DW_ECONFIG);
    assert_int_equal(judge("inputs.syslog: [tls://:6514]\ninputs.syslog_cert: /c\ninputs.syslog_key: /k\n"), DW_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(places_are_taken_apart),
        cmocka_unit_test(what_is_no_place_is_refused_with_a_sentence),
        cmocka_unit_test(what_shows_only_across_options_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
