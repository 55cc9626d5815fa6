/* Tests of collector/notify/render_*.c and message.c: what each format says, and that no text of a stranger gets out of its place. */
#include "outputs_bed.h"

static const char finding[] =
    "{\"@timestamp\":\"2026-11-29T12:00:00.5Z\",\"event\":{\"kind\":\"alert\",\"id\":\"ab12\"},\"rule\":{\"id\":\"r|1\",\"name\":\"T\",\"level\":\"high\",\"tags\":[\"attack.initial_access\",\"attack.t1190\",\"attack.t1110.001\"]},"
    "\"source\":{\"ip\":\"203.0.113.9\"},\"user\":{\"name\":\"a=b\\nc\"},\"host\":{\"name\":\"web\"}}";

struct rendering {
    struct dw_alert alert;
    struct dw_output_options opt;
    struct output_alert a;
    struct dw_alert_events *events;
    struct dw_event ev;
    struct dw_buf out;
};

static void begin(struct rendering *r)
{
    memset(r, 0, sizeof *r);
    r->alert = (struct dw_alert){.id = "ab12", .rule = "r|1", .title = "SQL | injection\n=\\", .level = "high", .time_ns = BED_NOW_NS + 500000000, .key = DW_STR("user.name=a=b\nc"),
        .total = 3, .doc = DW_STR_NONE};
    r->alert.doc = dw_str_of(finding);
    r->alert.said[DW_ALERT_status] = "new";
    r->alert.said[DW_ALERT_disposition] = "undetermined";
    r->alert.said[DW_ALERT_assignee] = r->alert.said[DW_ALERT_note] = "";
    r->opt = (struct dw_output_options){.ocsf_version = DW_STR("1.3.0"), .console = DW_STR("https://c.example")};
    r->events = dw_alert_events_new();
    assert_non_null(r->events);
    assert_int_equal(dw_alert_event(r->events, &r->alert, &r->ev), DW_OK);
    r->a = (struct output_alert){.alert = &r->alert, .event = &r->ev, .keys = dw_alert_events_keys(r->events), .now_ns = BED_NOW_NS + DW_NS_PER_S, .key = "ab12.3", .opt = &r->opt};
}

static void end(struct rendering *r)
{
    dw_alert_events_free(r->events);
    dw_buf_fini(&r->out);
}

static void cef_is_one_line_whose_fields_no_text_can_leave(void **state)
{
    (void)state;
    struct rendering r;
    begin(&r);
    output_render_cef(&r.a, &r.out);
    assert_str(dw_buf_view(&r.out), "CEF:0|dogwatch|dogwatch|" DW_VERSION "|r\\|1|SQL \\| injection =\\\\|8|rt=1795900000500 externalId=ab12 act=created cnt=3 src=203.0.113.9 suser=a\\=b\\nc dvchost=web"
                                    " msg=user.name\\=a\\=b\\nc cs1Label=deliveryKey cs1=ab12.3 cs2Label=status cs2=new");
    end(&r);
}

static void cef_escapes(const char *text, size_t len, const char *header, const char *value)
{
    struct dw_buf out = {0};
    output_cef_header(&out, dw_str_make(text, len));
    assert_str(dw_buf_view(&out), header);
    dw_buf_reset(&out);
    output_cef_value(&out, dw_str_make(text, len));
    assert_str(dw_buf_view(&out), value);
    dw_buf_fini(&out);
}

static void cef_escapes_what_would_end_a_field(void **state)
{
    (void)state;
    cef_escapes("a|b=c\\d", 7, "a\\|b=c\\\\d", "a|b\\=c\\\\d");
    cef_escapes("a\r\nb\0c\x1b[2Jd\x7f", 12, "a  b c [2Jd ", "a\\r\\nb c [2Jd ");
    cef_escapes("\xc3\xa9 \xff \xe2\x82", 7, "\xc3\xa9 \xef\xbf\xbd \xef\xbf\xbd\xef\xbf\xbd", "\xc3\xa9 \xef\xbf\xbd \xef\xbf\xbd\xef\xbf\xbd");
    char many[3000], cut[1100];
    memset(many, 'x', sizeof many);
    memset(cut, 'x', sizeof cut);
    cut[1023] = '\0';
    cef_escapes(many, sizeof many, cut, cut);
}

static void ocsf_has_what_the_class_requires(void **state)
{
    (void)state;
    struct rendering r;
    begin(&r);
    r.a.activity = OUTPUT_CLOSED;
    r.alert.said[DW_ALERT_status] = "resolved";
    output_render_ocsf(&r.a, &r.out);
    struct dw_buf want = {0};
    dw_buf_printf(&want, "{\"activity_id\":3,\"activity_name\":\"Close\",\"category_uid\":2,\"category_name\":\"Findings\",\"class_uid\":2004,\"class_name\":\"Detection Finding\",\"type_uid\":200403,"
                         "\"severity_id\":4,\"severity\":\"High\",\"time\":1795900001000,\"count\":3,\"status_id\":4,\"status\":\"Resolved\",\"message\":\"SQL | injection\\n=\\\\\","
                         "\"metadata\":{\"version\":\"1.3.0\",\"product\":{\"name\":\"dogwatch\",\"vendor_name\":\"dogwatch\",\"version\":\"" DW_VERSION "\"},\"uid\":\"ab12.3\"},"
                         "\"finding_info\":{\"uid\":\"ab12\",\"title\":\"SQL | injection\\n=\\\\\",\"desc\":\"user.name=a=b\\nc\",\"analytic\":{\"type_id\":1,\"type\":\"Rule\",\"uid\":\"r|1\",\"name\":\"SQL | injection\\n=\\\\\"},"
                         "\"created_time\":1795900000500,\"attacks\":[{\"technique\":{\"uid\":\"T1190\"}},{\"technique\":{\"uid\":\"T1110.001\"}}]},"
                         "\"observables\":[{\"name\":\"source.ip\",\"type_id\":2,\"value\":\"203.0.113.9\"},{\"name\":\"user.name\",\"type_id\":4,\"value\":\"a=b\\nc\"},{\"name\":\"host.name\",\"type_id\":1,\"value\":\"web\"}],"
                         "\"evidences\":[{\"src_endpoint\":{\"ip\":\"203.0.113.9\"},\"data\":%s}]}%c", finding, 0);
    assert_str(dw_buf_view(&r.out), want.ptr);
    dw_buf_fini(&want);
    end(&r);
}

static void ocsf_counts_levels_and_activities_from_one(void **state)
{
    (void)state;
    static const char *const levels[] = {"informational", "low", "medium", "high", "critical"};
    for (int i = 0; i < 5; i++) {
        struct rendering r;
        char want[64];
        begin(&r);
        r.alert.level = levels[i];
        r.a.activity = (enum output_activity)(i % 3);
        output_render_ocsf(&r.a, &r.out);
        (void)snprintf(want, sizeof want, "\"severity_id\":%d,", i + 1);
        assert_true(dw_str_find(dw_buf_view(&r.out), dw_str_of(want)) < r.out.len);
        (void)snprintf(want, sizeof want, "{\"activity_id\":%d,", i % 3 + 1);
        assert_true(dw_str_starts(dw_buf_view(&r.out), dw_str_of(want)));
        end(&r);
    }
}

static void alertmanager_gets_labels_that_stay_and_an_end(void **state)
{
    (void)state;
    struct rendering r;
    begin(&r);
    output_render_alertmanager(&r.a, &r.out);
    assert_str(dw_buf_view(&r.out), "[{\"labels\":{\"alertname\":\"SQL | injection\\n=\\\\\",\"severity\":\"high\",\"rule_id\":\"r|1\",\"alert_id\":\"ab12\",\"source_ip\":\"203.0.113.9\",\"user_name\":\"a=b\\nc\",\"host_name\":\"web\"},"
                                    "\"annotations\":{\"summary\":\"SQL | injection\\n=\\\\\",\"about\":\"user.name=a=b\\nc\",\"status\":\"new\",\"delivery_key\":\"ab12.3\",\"events\":\"3\"},"
                                    "\"startsAt\":\"2026-11-28T21:06:40.500000000Z\",\"endsAt\":\"2026-11-29T21:06:41.000000000Z\",\"generatorURL\":\"https://c.example/#/alert/ab12\"}]");
    dw_buf_reset(&r.out);
    r.a.is_over = true;
    output_render_alertmanager(&r.a, &r.out);
    assert_true(dw_str_find(dw_buf_view(&r.out), DW_STR("\"endsAt\":\"2026-11-28T21:06:41.000000000Z\"")) < r.out.len);
    end(&r);
}

static void ecs_is_the_row_of_dogwatch_alerts_with_the_delivery(void **state)
{
    (void)state;
    struct rendering r;
    begin(&r);
    r.a.activity = OUTPUT_UPDATED;
    output_render_ecs(&r.a, &r.out);
    assert_true(dw_str_starts(dw_buf_view(&r.out), dw_str_make(finding, sizeof finding - 2)));
    assert_true(dw_str_ends(dw_buf_view(&r.out), DW_STR(",\"delivery\":{\"key\":\"ab12.3\",\"activity\":\"updated\"}}")));
    assert_int_equal(dw_str_index(dw_buf_view(&r.out), '\n'), r.out.len);
    end(&r);
}

static void a_signature_is_the_hmac_of_time_and_body(void **state)
{
    (void)state;
    char mac[65];
    output_sign(DW_STR("key"), "1", DW_STR("body"), mac); /* printf 1.body | openssl dgst -sha256 -hmac key */
    assert_string_equal(mac, "91b5374b153842ad05b2c4eab9349b8321b14703165bd3fb8b034dfb8be98ae5");
}

static void an_address_has_a_scheme_a_host_and_a_port(void **state)
{
    (void)state;
    static const char *const bad[] = {"", "host:514", "tls://h:1", "tcp://", "tcp://h", "tcp://:1", "tcp://h:0", "tcp://h:65536", "tcp://h:1x", "udp://a b:1", "tcp://::1:514", "tcp://[]:1", "tcp://u@h:1", "udp://h/x:1"};
    struct output_address at;
    assert_true(output_address_parse(DW_STR("tcp://siem.example:601"), &at) && at.tcp);
    assert_string_equal(at.host, "siem.example");
    assert_string_equal(at.port, "601");
    assert_true(output_address_parse(DW_STR("udp://[::1]:514"), &at) && !at.tcp);
    assert_string_equal(at.host, "::1");
    for (size_t i = 0; i < DW_COUNT_OF(bad); i++)
        if (output_address_parse(dw_str_of(bad[i]), &at))
            fail_msg("%s is taken", bad[i]);
}

static void a_key_is_checked_as_the_table_cannot(void **state)
{
    (void)state;
    static const struct {
        const char *option, *value;
        bool ok;
    } rows[] = {{"outputs.name", "soc-1_A", true}, {"outputs.name", "a/b", false}, {"outputs.name", "", false}, {"outputs.name", "..", false}, {"outputs.name", "abcdefghijklmnopqrstuvwxyz0123456", false},
        {"outputs.url", "https://h/x?y=1", true}, {"outputs.url", "http://[::1]:9093", true}, {"outputs.url", "file:///etc/passwd", false}, {"outputs.url", "http://", false}, {"outputs.url", "http://u:p@h/", false},
        {"outputs.url", "https://h/a b", false}, {"outputs.url", "https:///x", false}, {"outputs.url", "gopher://h/", false}, {"outputs.console", "javascript:x", false}, {"outputs.filter", "rule.level:high", true},
        {"outputs.filter", "rule.level:(", false}, {"outputs.filter", "* | head 1", false}, {"outputs.filter", "", true}, {"outputs.topic", "a.b-c_d", true}, {"outputs.topic", "a b", false},
        {"outputs.ocsf_version", "1.1.0", true}, {"outputs.ocsf_version", "x\"", false}, {"outputs.address", "udp://h:1", true}};
    for (size_t i = 0; i < DW_COUNT_OF(rows); i++) {
        struct dw_buf why = {0};
        int rc = dw_output_option_check(rows[i].option, dw_str_of(rows[i].value), &why);
        if (rc != (rows[i].ok ? DW_OK : DW_ECONFIG) || (why.len == 0) != rows[i].ok)
            fail_msg("%s: '%s' answers %d: %.*s", rows[i].option, rows[i].value, rc, DW_ARG(dw_buf_view(&why)));
        dw_buf_fini(&why);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cef_is_one_line_whose_fields_no_text_can_leave),
        cmocka_unit_test(cef_escapes_what_would_end_a_field),
        cmocka_unit_test(ocsf_has_what_the_class_requires),
        cmocka_unit_test(ocsf_counts_levels_and_activities_from_one),
        cmocka_unit_test(alertmanager_gets_labels_that_stay_and_an_end),
        cmocka_unit_test(ecs_is_the_row_of_dogwatch_alerts_with_the_delivery),
        cmocka_unit_test(a_signature_is_the_hmac_of_time_and_body),
        cmocka_unit_test(an_address_has_a_scheme_a_host_and_a_port),
        cmocka_unit_test(a_key_is_checked_as_the_table_cannot),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
