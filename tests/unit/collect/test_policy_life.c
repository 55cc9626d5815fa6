/* Tests of what people say of policies: who may approve what, how it ends, and what a gateway is told of it. */
#include "alerts_bed.h"
#include "policies.h"

static const char *const none[] = {NULL};
static const char *const other_list[] = {"policy.never_block=[203.0.113.0/24]", NULL};

struct life {
    struct bed b;
    struct dw_policy_settings *s;
};

static void begin(struct life *l, const char *const *set)
{
    struct dw_alert alert = {.id = "aa", .rule = "r", .title = "SSH brute force", .level = "high", .time_ns = 5, .total = 3, .doc = DW_STR("{\"source\":{\"ip\":\"203.0.113.9\"}}")};
    make_bed(&l->b);
    l->s = policy_settings(set);
    dw_alerts_never_block(l->b.alerts, l->s);
    assert_int_equal(dw_alerts_raise(l->b.alerts, &alert), DW_OK);
}

static void end(struct life *l)
{
    tear_down(&l->b);
    dw_policy_settings_free(l->s);
}

static int say(struct life *l, const char *change, const char *address, bool rolled_back, int64_t now, int64_t until, const char *causes)
{
    char id[DW_POLICY_ID_TEXT] = "";
    struct dw_cidr net;
    if (dw_policy_address(dw_str_of(address), &net))
        dw_policy_id(&net, id);
    struct dw_policy_decision d = {.entry = id, .change = change, .author = "alice", .rolled_back = rolled_back, .time_ns = now, .until_ns = until, .address = address,
        .provenance = "peer", .causes = causes, .reason = DW_STR("it \"scans\"")};
    return dw_alerts_decide(l->b.alerts, &d);
}

/* The list by the decisions alone. */
static void assert_listed(struct life *l, int64_t now, const char *want)
{
    struct dw_policy_ask how = {.view = l->b.alerts, .settings = l->s, .now_ns = now, .since_ns = INT64_MIN};
    struct dw_policy_list *list = NULL;
    struct dw_buf out = {0};
    assert_int_equal(dw_policy_list(&how, &list), DW_OK);
    for (uint32_t i = 0; i < list->count; i++) {
        const struct dw_policy_entry *e = list->entry[i];
        dw_buf_printf(&out, "%s %s %s %lld%s%s%s%s\n", e->address, dw_policy_state_text(e->state), e->author, (long long)e->until_ns, e->why[0] ? " " : "", e->why,
            e->cause_count ? " by " : "", e->cause_count ? e->cause[0].title : "");
    }
    assert_str(dw_buf_view(&out), want);
    dw_buf_fini(&out);
    dw_policy_list_free(list);
}

static void an_approval_holds_until_its_end(void **state)
{
    (void)state;
    struct life l;
    begin(&l, none);
    assert_int_equal(say(&l, "1", "203.0.113.9", false, 10, 20, "zz,aa"), DW_OK);
    assert_int_equal(dw_alerts_sync(l.b.alerts), DW_OK);
    for (int again = 0; again < 2; again++) {
        assert_listed(&l, 19, "203.0.113.9 active alice 20 by SSH brute force\n");
        assert_listed(&l, 20, "203.0.113.9 expired alice 20 by SSH brute force\n");
        open_again_without_view(&l.b);
        dw_alerts_never_block(l.b.alerts, l.s);
    }
    assert_int_equal(say(&l, "2", "203.0.113.9", false, 15, 40, "aa"), DW_OK);
    assert_int_equal(say(&l, "2", "203.0.113.9", false, 15, 99, "aa"), DW_OK); /* came again */
    assert_int_equal(say(&l, "3", "2001:db8::/64", false, 16, 30, "aa"), DW_OK);
    assert_int_equal(dw_alerts_sync(l.b.alerts), DW_OK);
    assert_listed(&l, 35, "203.0.113.9 active alice 40 by SSH brute force\n2001:db8::/64 expired alice 30 by SSH brute force\n");
    assert_int_equal(say(&l, "4", "203.0.113.9", true, 36, 36, ""), DW_OK);
    assert_int_equal(dw_alerts_sync(l.b.alerts), DW_OK);
    assert_listed(&l, 37, "203.0.113.9 rolled_back alice 36\n2001:db8::/64 expired alice 30 by SSH brute force\n");
    end(&l);
}

static void what_may_not_be_said_is_refused(void **state)
{
    (void)state;
    struct life l;
    begin(&l, none);
    static char reason[DW_ALERT_VALUE_MAX + 2];
    memset(reason, 'x', sizeof reason - 1);
    assert_int_equal(say(&l, "1", "10.0.0.1", false, 10, 20, "aa"), DW_EACCES);
    assert_int_equal(say(&l, "1", "::ffff:10.0.0.1", false, 10, 20, "aa"), DW_ESYNTAX); /* no address of an entry */
    assert_int_equal(say(&l, "1", "fd00::/64", false, 10, 20, "aa"), DW_EACCES);
    assert_int_equal(say(&l, "1", "203.0.113.0/24", false, 10, 20, "aa"), DW_ESYNTAX);
    assert_int_equal(say(&l, "1", "203.0.113.9", false, 10, 10, "aa"), DW_ELIMIT);
    assert_int_equal(say(&l, "1", "203.0.113.9", false, 10, 20, "bb"), DW_ENOENT);
    assert_int_equal(say(&l, "1", "203.0.113.9", false, 10, 20, ""), DW_ENOENT);
    assert_int_equal(say(&l, "1", "203.0.113.9", true, 10, 10, ""), DW_ENOENT);
    struct dw_policy_decision d = {.entry = "00000000000000000000000000000000", .change = "1", .author = "x", .time_ns = 1, .until_ns = 2, .address = "203.0.113.9", .provenance = "peer",
        .causes = "aa", .reason = DW_STR("")};
    assert_int_equal(dw_alerts_decide(l.b.alerts, &d), DW_ESYNTAX); /* another entry's id */
    char id[DW_POLICY_ID_TEXT];
    struct dw_cidr net;
    assert_true(dw_policy_address(DW_STR("203.0.113.9"), &net));
    dw_policy_id(&net, id);
    d.entry = id;
    d.reason = dw_str_of(reason);
    assert_int_equal(dw_alerts_decide(l.b.alerts, &d), DW_ELIMIT);
    dw_alerts_never_block(l.b.alerts, NULL);
    assert_int_equal(say(&l, "1", "203.0.113.9", false, 10, 20, "aa"), DW_EACCES);
    assert_listed(&l, 15, "");
    end(&l);
}

static void the_list_holds_for_what_was_approved_before_it(void **state)
{
    (void)state;
    struct life l;
    begin(&l, none);
    assert_int_equal(say(&l, "1", "203.0.113.9", false, 10, 20, "aa"), DW_OK);
    assert_int_equal(dw_alerts_sync(l.b.alerts), DW_OK);
    dw_policy_settings_free(l.s);
    l.s = policy_settings(other_list);
    assert_listed(&l, 15, "203.0.113.9 refused alice 20 never-block list: 203.0.113.0/24, policy.never_block by SSH brute force\n");
    end(&l);
}

static void what_others_ask_for_is_taken_or_refused(void **state)
{
    (void)state;
    char change[2][DW_CHANGE_ID_TEXT], id[DW_POLICY_ID_TEXT];
    struct life l;
    begin(&l, none);
    struct dw_policy_decision d = {.entry = id, .change = "", .author = "carol", .time_ns = 3, .until_ns = 50, .provenance = "peer", .causes = "aa", .reason = DW_STR("")};
    static const char *const address[] = {"203.0.113.9", "127.0.0.2"};
    for (int i = 0; i < 2; i++) {
        struct dw_cidr net;
        assert_true(dw_policy_address(dw_str_of(address[i]), &net));
        dw_policy_id(&net, id);
        d.address = address[i];
        assert_int_equal(dw_policy_say(&dw_fs_system, l.b.dir, &d, change[i]), DW_OK);
    }
    assert_int_equal(dw_alerts_take_asked(l.b.alerts, 9), DW_OK);
    assert_true(dw_alert_answered(l.b.dir, change[0]) && dw_alert_answered(l.b.dir, change[1]));
    assert_listed(&l, 15, "203.0.113.9 active carol 50 by SSH brute force\n");
    end(&l);
}

/* Whatever call fails, what was said is in the log once, and what the log does not have no view has. */
static void a_decision_is_made_once_when_the_nth_call_fails(void **state)
{
    (void)state;
    int hits = 1;
    for (int nth = 1; hits; nth++) {
        char change[DW_CHANGE_ID_TEXT], id[DW_POLICY_ID_TEXT];
        struct faulty_fs fault;
        struct life l;
        struct dw_cidr net;
        assert_true(nth < 200 && dw_policy_address(DW_STR("203.0.113.9"), &net));
        begin(&l, none);
        assert_int_equal(dw_alerts_sync(l.b.alerts), DW_OK);
        dw_alerts_close(l.b.alerts);
        dw_policy_id(&net, id);
        struct dw_policy_decision d = {.entry = id, .change = "", .author = "carol", .time_ns = 3, .until_ns = 50, .address = "203.0.113.9", .provenance = "peer", .causes = "aa", .reason = DW_STR("")};
        assert_int_equal(dw_policy_say(&dw_fs_system, l.b.dir, &d, change), DW_OK);
        faulty_fs_init(&fault, nth, nth % 2 ? FAULT_TORN : FAULT_ENOSPC);
        l.b.alerts = NULL;
        int rc = dw_alerts_open(&fault.fs, l.b.dir, &l.b.alerts);
        if (rc == DW_OK)
            dw_alerts_never_block(l.b.alerts, l.s);
        for (int i = 0; i < 2 && rc == DW_OK; i++)
            if (dw_alerts_take_asked(l.b.alerts, 9) == DW_OK)
                break;
        hits = fault.hits;
        fault.fail_at = 0;
        open_again_without_view(&l.b);
        dw_alerts_never_block(l.b.alerts, l.s);
        assert_int_equal(dw_alerts_take_asked(l.b.alerts, 9), DW_OK);
        assert_listed(&l, 15, "203.0.113.9 active carol 50 by SSH brute force\n");
        end(&l);
    }
}

/* ---- what gateways are told ---- */

static void put(void *arg, bool added, const struct dw_policy_entry *e, const char *why)
{
    dw_buf_printf(arg, "%c%s %lld %s\n", added ? '+' : '-', e->address, (long long)e->until_ns, why);
}

static void assert_changes(struct life *l, char cursor[DW_POLICY_CURSOR_TEXT], int64_t now, bool reset, const char *want)
{
    struct dw_policy_delta delta;
    struct dw_buf out = {0};
    assert_int_equal(dw_policy_changes(l->b.alerts, l->s, now, dw_str_of(cursor), put, &out, &delta), DW_OK);
    assert_str(dw_buf_view(&out), want);
    assert_int_equal(delta.reset, reset);
    (void)snprintf(cursor, DW_POLICY_CURSOR_TEXT, "%s", delta.cursor);
    dw_buf_fini(&out);
}

static void say_durably(struct life *l, const char *change, const char *address, bool rolled_back, int64_t now, int64_t until)
{
    assert_int_equal(say(l, change, address, rolled_back, now, until, "aa"), DW_OK);
    assert_int_equal(dw_alerts_sync(l->b.alerts), DW_OK);
}

static void a_gateway_is_told_what_came_and_went(void **state)
{
    (void)state;
    char cursor[DW_POLICY_CURSOR_TEXT] = "", old[DW_POLICY_CURSOR_TEXT];
    struct life l;
    begin(&l, none);
    assert_changes(&l, cursor, 5, true, "");
    say_durably(&l, "1", "203.0.113.9", false, 10, 100);
    assert_changes(&l, cursor, 20, false, "+203.0.113.9 100 approved\n");
    assert_changes(&l, cursor, 21, false, "");
    (void)snprintf(old, sizeof old, "%s", cursor);
    say_durably(&l, "2", "198.51.100.1", false, 30, 60);
    say_durably(&l, "3", "198.51.100.2", false, 30, 200);
    assert_changes(&l, cursor, 40, false, "+198.51.100.1 60 approved\n+198.51.100.2 200 approved\n");
    assert_changes(&l, cursor, 60, false, "-198.51.100.1 60 expired\n");
    say_durably(&l, "4", "198.51.100.2", true, 70, 70);
    say_durably(&l, "5", "203.0.113.9", false, 71, 150);
    assert_changes(&l, cursor, 80, false, "+203.0.113.9 150 approved\n-198.51.100.2 70 rolled back\n");
    assert_changes(&l, old, 80, false, "+203.0.113.9 150 approved\n"); /* what came and went meanwhile is nothing */
    assert_changes(&l, old, 200, false, "-203.0.113.9 150 expired\n");
    end(&l);
}

static void where_differences_cannot_tell_all_is_told(void **state)
{
    (void)state;
    char cursor[DW_POLICY_CURSOR_TEXT] = "", later[DW_POLICY_CURSOR_TEXT] = "99-5-", future[DW_POLICY_CURSOR_TEXT];
    struct life l;
    begin(&l, none);
    say_durably(&l, "1", "203.0.113.9", false, 10, 100);
    say_durably(&l, "2", "198.51.100.1", false, 10, 100);
    assert_changes(&l, cursor, 20, true, "+203.0.113.9 100 approved\n+198.51.100.1 100 approved\n");
    (void)snprintf(future, sizeof future, "%s", cursor);
    assert_changes(&l, future, 19, true, "+203.0.113.9 100 approved\n+198.51.100.1 100 approved\n"); /* the clock was set back */
    (void)snprintf(later + strlen(later), 32, "%s", strrchr(cursor, '-') + 1);
    assert_changes(&l, later, 20, true, "+203.0.113.9 100 approved\n+198.51.100.1 100 approved\n"); /* of other data */
    dw_policy_settings_free(l.s);
    l.s = policy_settings(other_list);
    assert_changes(&l, cursor, 21, true, "+198.51.100.1 100 approved\n");
    static const char *const bad[] = {"x", "1", "1-2", "1-2-x", "-1-2-0123456789abcdef", "1--2-0123456789abcdef", "1-2-0123456789abcdef0"};
    for (size_t i = 0; i < DW_COUNT_OF(bad); i++) {
        struct dw_policy_delta delta;
        assert_int_equal(dw_policy_changes(l.b.alerts, l.s, 30, dw_str_of(bad[i]), put, NULL, &delta), DW_ESYNTAX);
    }
    end(&l);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_approval_holds_until_its_end),
        cmocka_unit_test(what_may_not_be_said_is_refused),
        cmocka_unit_test(the_list_holds_for_what_was_approved_before_it),
        cmocka_unit_test(what_others_ask_for_is_taken_or_refused),
        cmocka_unit_test(a_decision_is_made_once_when_the_nth_call_fails),
        cmocka_unit_test(a_gateway_is_told_what_came_and_went),
        cmocka_unit_test(where_differences_cannot_tell_all_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
