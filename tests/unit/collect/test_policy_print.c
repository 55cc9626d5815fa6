/* Tests of the languages of policies: what is approved stands in each of them, what strangers wrote gets out of no comment, and the file is read back. */
#include "policies.h"

#include <stdio.h>

static const char *const addresses[] = {"203.0.113.9", "203.0.113.10", "2001:db8::/64", "198.51.100.1", "198.51.100.2"};
static const enum dw_policy_state states[] = {DW_POLICY_active, DW_POLICY_proposed, DW_POLICY_active, DW_POLICY_expired, DW_POLICY_refused};
#define UNTIL_NS INT64_C(3600000000001)

static void print_to(struct dw_buf *out, const char *target, const struct dw_policy_list *l, bool proposed)
{
    dw_buf_reset(out);
    dw_policy_print(dw_policy_target(dw_str_of(target)), l, proposed, out);
    assert_int_equal(out->err, DW_OK);
}

static bool has(const struct dw_buf *b, const char *text)
{
    return dw_str_find(dw_buf_view(b), dw_str_of(text)) < b->len;
}

static void each_says_it_in_its_own_words(void **state)
{
    (void)state;
    static const char *const want[][3] = {{"nginx", "\n    203.0.113.9 1;\n", "\n    2001:db8::/64 1;\n"}, {"haproxy", "\n203.0.113.9\n", "\n2001:db8::/64\n"},
        {"nftables", "203.0.113.9 timeout 3600s,\n", "2001:db8::/64 timeout 3600s,\n"}, {"crs", "SecRule REMOTE_ADDR \"@ipMatch 203.0.113.9,2001:db8::/64\" \"id:95000,", "deny"},
        {"envoy", "- direct_remote_ip: {address_prefix: \"203.0.113.9\", prefix_len: 32}\n", "{address_prefix: \"2001:db8::\", prefix_len: 64}\n"},
        {"networkpolicy", "        - \"203.0.113.9/32\"\n", "        - \"2001:db8::/64\"\n"}};
    struct dw_policy_list *l = policy_list_of(addresses, states, 5, UNTIL_NS, "x");
    struct dw_buf out = {0};
    assert_null(dw_policy_target_name(DW_COUNT_OF(want)));
    for (size_t i = 0; i < DW_COUNT_OF(want); i++) {
        assert_string_equal(dw_policy_target_name(i), want[i][0]);
        print_to(&out, want[i][0], l, false);
        assert_true(has(&out, want[i][1]) && has(&out, want[i][2]));
        assert_false(has(&out, "203.0.113.10") || has(&out, "198.51.100.")); /* neither what waits, nor what is over or refused */
        print_to(&out, want[i][0], l, true);
        assert_true(has(&out, "# proposed, not approved: ") && has(&out, "203.0.113.10"));
        assert_false(has(&out, "198.51.100."));
    }
    dw_buf_fini(&out);
    dw_policy_list_free(l);
}

static void what_a_proxy_vouched_for_is_matched_behind_it(void **state)
{
    (void)state;
    struct dw_policy_list *l = policy_list_of(addresses, states, 1, UNTIL_NS, "x");
    struct dw_buf out = {0};
    l->entry[0]->provenance = "proxy";
    print_to(&out, "envoy", l, false);
    assert_true(has(&out, "- remote_ip: {") && !has(&out, "- direct_remote_ip: {"));
    dw_buf_fini(&out);
    dw_policy_list_free(l);
}

static void text_of_strangers_stays_in_its_comment(void **state)
{
    (void)state;
    static const char *const texts[] = {"EVIL\nEVIL 1;\n}", "EVIL\r\nEVIL", "EVIL\\", "*/ EVIL /*", "\"; EVIL; \"", "' EVIL", "-->EVIL", "\x1b[31mEVIL\x07", "EVIL\xc2\x85\xe2\x80\xa8 EVIL",
        "# EVIL", "EVIL 198.51.100.99 until 2030-01-01T00:00:00Z"};
    struct dw_buf out = {0};
    for (size_t k = 0; k < DW_COUNT_OF(texts); k++) {
        struct dw_policy_list *l = policy_list_of(addresses, states, 5, UNTIL_NS, texts[k]);
        for (size_t i = 0; dw_policy_target_name(i); i++) {
            print_to(&out, dw_policy_target_name(i), l, true);
            assert_true(has(&out, "EVIL"));
            policy_is_contained(dw_buf_view(&out), "EVIL");
        }
        l->entry[0]->state = l->entry[2]->state = DW_POLICY_refused;
        print_to(&out, "nginx", l, false);
        policy_is_contained(dw_buf_view(&out), "EVIL");
        dw_policy_list_free(l);
    }
    dw_buf_fini(&out);
}

static void a_rule_of_crs_has_a_hundred_addresses(void **state)
{
    (void)state;
    enum { COUNT = 250 };
    static char text[COUNT][24];
    static const char *many[COUNT];
    static enum dw_policy_state active[COUNT];
    for (int i = 0; i < COUNT; i++) {
        (void)snprintf(text[i], sizeof text[i], "203.0.113.%d", i);
        many[i] = text[i];
        active[i] = DW_POLICY_active;
    }
    struct dw_policy_list *l = policy_list_of(many, active, COUNT, UNTIL_NS, "x");
    struct dw_buf out = {0};
    print_to(&out, "crs", l, false);
    assert_true(has(&out, "id:95002,") && !has(&out, "id:95003,") && has(&out, "203.0.113.199\" \"id:95001") && has(&out, "203.0.113.249\" \"id:95002"));
    dw_buf_fini(&out);
    dw_policy_list_free(l);
}

static void why_nothing_is_blocked(void **state)
{
    (void)state;
    static const struct {
        enum dw_policy_state state;
        uint32_t count;
        const char *want;
    } rows[] = {{DW_POLICY_active, 2, ""}, {DW_POLICY_active, 0, "Nothing is blocked: no alert of policy.level or above names an address.\n"},
        {DW_POLICY_proposed, 2, "Nothing is blocked: 2 wait for approval (dogwatch policy ls; dogwatch policy approve ID).\n"},
        {DW_POLICY_expired, 1, "Nothing is blocked: 1 have expired, 0 were rolled back, and no alert is newer.\n"},
        {DW_POLICY_refused, 1, "Nothing is blocked: none of the 1 addresses that alerts name may be blocked.\n  refused: 203.0.113.9 (never-block list: 203.0.113.0/24, policy.never_block)\n"}};
    for (size_t i = 0; i < DW_COUNT_OF(rows); i++) {
        const enum dw_policy_state s[2] = {rows[i].state, rows[i].state};
        struct dw_policy_list *l = policy_list_of(addresses, s, rows[i].count, UNTIL_NS, "never-block list: 203.0.113.0/24, policy.never_block");
        struct dw_buf out = {0};
        dw_policy_why_none(l, &out);
        assert_str(dw_buf_view(&out), rows[i].want);
        dw_buf_fini(&out);
        dw_policy_list_free(l);
    }
}

/* ---- diff ---- */

static void put(void *arg, const char *what, const char *address, int64_t there_ns, int64_t here_ns)
{
    dw_buf_printf(arg, "%s %s %d %d\n", what, address, there_ns != INT64_MIN, here_ns != INT64_MIN);
}

static void assert_diff(const struct dw_policy_list *l, struct dw_str file, const char *want)
{
    struct dw_buf out = {0};
    assert_int_equal(dw_policy_diff(l, file, put, &out), DW_OK);
    assert_str(dw_buf_view(&out), want);
    dw_buf_fini(&out);
}

static void a_file_is_read_back_in_every_language(void **state)
{
    (void)state;
    static const char *const later[] = {"203.0.113.9", "203.0.113.77"};
    static const enum dw_policy_state active[] = {DW_POLICY_active, DW_POLICY_active};
    struct dw_policy_list *l = policy_list_of(addresses, states, 5, UNTIL_NS, "198.51.100.99"), *other = policy_list_of(later, active, 2, UNTIL_NS + 1, "x");
    struct dw_buf out = {0};
    for (size_t i = 0; dw_policy_target_name(i); i++) {
        print_to(&out, dw_policy_target_name(i), l, true);
        assert_diff(l, dw_buf_view(&out), "");
        assert_diff(other, dw_buf_view(&out), "changed 203.0.113.9 1 1\nadded 203.0.113.77 0 1\ngone 2001:db8::/64 1 0\n");
    }
    assert_diff(l, DW_STR(""), "added 203.0.113.9 0 1\nadded 2001:db8::/64 0 1\n");
    dw_buf_fini(&out);
    dw_policy_list_free(l);
    dw_policy_list_free(other);
}

static void what_hands_changed_is_seen(void **state)
{
    (void)state;
    struct dw_policy_list *l = policy_list_of(addresses, states, 1, UNTIL_NS, "x");
    assert_diff(l, DW_STR("# 203.0.113.9 1;\n"), "added 203.0.113.9 0 1\n");
    assert_diff(l, DW_STR("# dogwatch 1 203.0.113.9 until 1970-01-01T01:00:00.000000001Z, approved by x\n# 203.0.113.9 1;\n"), "added 203.0.113.9 0 1\n"); /* taken out by hand */
    assert_diff(l, DW_STR("203.0.113.9 1;\n198.51.100.0/24 1;\n"), "changed 203.0.113.9 0 1\ngone 198.51.100.0/24 0 0\n");
    assert_diff(l, DW_STR("# dogwatch 1 203.0.113.9 until 1970-01-01T01:00:00.000000001Z, approved by x\n203.0.113.9/32 1; # 1.2.3.4\n"), "");
    dw_policy_list_free(l);
}

/* No file is printed that lacks an entry, and no difference is passed over. */
static void memory_may_end_anywhere(void **state)
{
    (void)state;
    struct dw_policy_list *l = policy_list_of(addresses, states, 5, UNTIL_NS, "x");
    struct dw_buf whole = {0}, found = {0};
    print_to(&whole, "crs", l, true);
    l->entry[2]->until_ns++;
    unsigned hits = 1;
    for (unsigned nth = 1; hits; nth++) {
        struct dw_buf out = {0};
        assert_true(nth < 1000);
        dw_buf_reset(&found);
        l->entry[2]->until_ns--;
        mem_fail_at(nth);
        dw_policy_print(dw_policy_target(DW_STR("crs")), l, true, &out);
        l->entry[2]->until_ns++;
        int rc = dw_policy_diff(l, dw_buf_view(&whole), put, &found);
        hits = mem_fail_hits();
        mem_fail_at(0);
        assert_true(out.err == DW_ENOMEM || dw_str_eq(dw_buf_view(&out), dw_buf_view(&whole)));
        assert_true(rc == DW_ENOMEM || found.err == DW_ENOMEM || (rc == DW_OK && dw_str_eq(dw_buf_view(&found), DW_STR("changed 2001:db8::/64 1 1\n"))));
        dw_buf_fini(&out);
    }
    dw_buf_fini(&whole);
    dw_buf_fini(&found);
    dw_policy_list_free(l);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_says_it_in_its_own_words),
        cmocka_unit_test(what_a_proxy_vouched_for_is_matched_behind_it),
        cmocka_unit_test(text_of_strangers_stays_in_its_comment),
        cmocka_unit_test(a_rule_of_crs_has_a_hundred_addresses),
        cmocka_unit_test(why_nothing_is_blocked),
        cmocka_unit_test(a_file_is_read_back_in_every_language),
        cmocka_unit_test(what_hands_changed_is_seen),
        cmocka_unit_test(memory_may_end_anywhere),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
