/* Tests of silences: they hold from when they were asked for until they end, and are lines of the log like everything people say. */
#include "alerts_bed.h"

/* A line on silence `id`, taken at `now`. */
static int silence(struct bed *b, const char *id, const char *change, const char *filter, int64_t now, int64_t until)
{
    struct dw_silence s = {.id = id, .change = change, .author = "alice", .time_ns = now, .from_ns = 10, .until_ns = until,
        .filter = dw_str_of(filter), .reason = DW_STR("why \"so\"")};
    return dw_alerts_silence(b->alerts, &s);
}

static void put(void *arg, const struct dw_silence *s)
{
    dw_buf_printf(arg, "%s/%s %s %lld-%lld %.*s (%.*s)\n", s->id, s->change, s->author, (long long)s->from_ns, (long long)s->until_ns,
        DW_ARG(s->filter), DW_ARG(s->reason));
}

static void assert_listed(struct bed *b, const char *want)
{
    struct dw_buf out = {0};
    assert_int_equal(dw_alerts_silences(b->alerts, put, &out), DW_OK);
    assert_str(dw_buf_view(&out), want);
    dw_buf_fini(&out);
}

/* Which silence holds for an alert of address `ip` at a time; "" none. */
static void assert_silenced(struct bed *b, const char *ip, int64_t time_ns, const char *want)
{
    char doc[100];
    struct dw_silences *all = NULL;
    (void)snprintf(doc, sizeof doc, "{\"source\":{\"ip\":\"%s\"},\"rule\":{\"level\":\"high\"}}", ip);
    struct dw_alert a = {.id = "aa", .rule = "r", .title = "t", .level = "high", .time_ns = time_ns, .total = 1, .doc = dw_str_of(doc),
        .said = {"new", "undetermined", "", ""}};
    assert_int_equal(dw_silences_load(b->alerts, &all), DW_OK);
    const char *id = dw_silences_find(all, &a);
    assert_string_equal(id ? id : "", want);
    dw_silences_free(all);
}

static void it_holds_from_its_taking_until_its_end(void **state)
{
    (void)state;
    struct bed b;
    make_bed(&b);
    assert_int_equal(silence(&b, "1", "1", "source.ip:10.0.0.0/8 and status:new", 10, 20), DW_OK);
    assert_int_equal(dw_alerts_sync(b.alerts), DW_OK);
    for (int again = 0; again < 2; again++) {
        assert_silenced(&b, "10.1.1.1", 9, "");
        assert_silenced(&b, "10.1.1.1", 10, "1");
        assert_silenced(&b, "10.1.1.1", 19, "1");
        assert_silenced(&b, "10.1.1.1", 20, "");
        assert_silenced(&b, "11.1.1.1", 15, "");
        assert_listed(&b, "1/1 alice 10-20 source.ip:10.0.0.0/8 and status:new (why \"so\")\n");
        open_again_without_view(&b);
    }
    tear_down(&b);
}

static void the_newest_line_of_it_counts(void **state)
{
    (void)state;
    static const char want[] = "1/3 alice 10-14 rule.level:high (why \"so\")\n2/2 alice 11-30 rule.level:low (why \"so\")\n";
    struct bed b;
    make_bed(&b);
    assert_int_equal(silence(&b, "1", "1", "rule.level:high", 10, 20), DW_OK);
    assert_int_equal(silence(&b, "2", "2", "rule.level:low", 11, 30), DW_OK);
    assert_int_equal(silence(&b, "1", "3", "rule.level:high", 12, 14), DW_OK); /* before the first is durable */
    assert_int_equal(silence(&b, "1", "1", "rule.level:high", 13, 20), DW_OK); /* came again */
    assert_int_equal(dw_alerts_sync(b.alerts), DW_OK);
    assert_int_equal(silence(&b, "1", "3", "rule.level:high", 14, 99), DW_OK);
    assert_int_equal(dw_alerts_sync(b.alerts), DW_OK);
    assert_listed(&b, want);
    assert_silenced(&b, "10.1.1.1", 13, "1");
    assert_silenced(&b, "10.1.1.1", 15, "");
    open_again_without_view(&b);
    assert_listed(&b, want);
    tear_down(&b);
}

static void what_cannot_silence_is_refused(void **state)
{
    (void)state;
    struct bed b;
    make_bed(&b);
    static char text[DW_ALERT_VALUE_MAX + 2];
    memset(text, 'x', sizeof text - 1);
    assert_int_equal(silence(&b, "1", "1", "a:(", 10, 20), DW_ESYNTAX);
    assert_int_equal(silence(&b, "1", "1", "a:b | head 3", 10, 20), DW_ESYNTAX);
    assert_int_equal(silence(&b, "1", "1", "", 10, 20), DW_ELIMIT);
    assert_int_equal(silence(&b, "1", "1", text, 10, 20), DW_ELIMIT);
    assert_int_equal(silence(&b, "1", "1", "a:b", 10, 9), DW_ELIMIT);
    assert_int_equal(silence(&b, "1", "2", "a:b", 10, 20), DW_ENOENT);
    struct dw_alert alert = {.id = "aa", .rule = "r", .title = "t", .level = "high", .time_ns = 1, .total = 1, .doc = DW_STR("{}")};
    struct dw_alert_change said = {.change = "7", .alert = "aa", .author = "alice", .field = DW_ALERT_note, .value = DW_STR("x")};
    assert_int_equal(dw_alerts_raise(b.alerts, &alert), DW_OK);
    assert_int_equal(dw_alerts_change(b.alerts, &said), DW_OK);
    for (int synced = 0; synced < 2; synced++) {
        assert_int_equal(silence(&b, "7", "8", "a:b", 10, 20), DW_ENOENT); /* what was said of an alert is none */
        assert_int_equal(dw_alerts_sync(b.alerts), DW_OK);
    }
    assert_listed(&b, "");
    tear_down(&b);
}

static void what_others_ask_for_is_taken_in_order(void **state)
{
    (void)state;
    char id[DW_CHANGE_ID_TEXT], end[DW_CHANGE_ID_TEXT], want[300];
    struct bed b;
    make_bed(&b);
    struct dw_silence s = {.id = "", .author = "carol", .time_ns = 3, .from_ns = 3, .until_ns = 50, .filter = DW_STR("x:1"), .reason = DW_STR("")};
    assert_int_equal(dw_silence_ask(&dw_fs_system, b.dir, &s, id), DW_OK);
    s.id = id;
    s.until_ns = 40;
    assert_int_equal(dw_silence_ask(&dw_fs_system, b.dir, &s, end), DW_OK);
    assert_int_equal(dw_alerts_take_asked(b.alerts, 9), DW_OK);
    assert_true(dw_alert_answered(b.dir, id) && dw_alert_answered(b.dir, end));
    (void)snprintf(want, sizeof want, "%s/%s carol 3-40 x:1 ()\n", id, end);
    assert_listed(&b, want);
    tear_down(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_holds_from_its_taking_until_its_end),
        cmocka_unit_test(the_newest_line_of_it_counts),
        cmocka_unit_test(what_cannot_silence_is_refused),
        cmocka_unit_test(what_others_ask_for_is_taken_in_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
