/* Tests of policy/never_block: whichever way a network is written, the list holds what it has in common with it. */
#include "policies.h"

static const char *const none[] = {NULL};

static struct dw_cidr net_of(const char *text)
{
    bool host_bits;
    struct dw_cidr net = {.bits = 0};
    assert_true(dw_cidr_parse(dw_str_of(text), &net, &host_bits));
    return net;
}

static void assert_never(const struct dw_policy_settings *s, const char *text, const char *want)
{
    struct dw_cidr net = net_of(text);
    const char *got = dw_policy_never(s, &net);
    assert_string_equal(got ? got : "", want);
}

static void private_ranges_are_on_it_by_default(void **state)
{
    (void)state;
    struct dw_policy_settings *s = policy_settings(none);
    assert_never(s, "10.0.0.1", "10.0.0.0/8, private");
    assert_never(s, "::ffff:10.0.0.1", "10.0.0.0/8, private");
    assert_never(s, "::ffff:10.1.0.0/112", "10.0.0.0/8, private");
    assert_never(s, "192.168.3.0/24", "192.168.0.0/16, private");
    assert_never(s, "172.31.255.255", "172.16.0.0/12, private");
    assert_never(s, "127.0.0.2", "127.0.0.0/8, loopback");
    assert_never(s, "169.254.1.1", "169.254.0.0/16, link-local");
    assert_never(s, "239.1.1.1", "224.0.0.0/3, multicast and reserved");
    assert_never(s, "::1", "::/127, unspecified and loopback");
    assert_never(s, "fe80::1", "fe80::/10, link-local");
    assert_never(s, "fd12::/64", "fc00::/7, private");
    assert_never(s, "64:ff9b::/64", "64:ff9b::/96, all of IPv4 behind one translator");
    assert_never(s, "0.0.0.0/0", "0.0.0.0/8, this network");
    assert_never(s, "::/0", "0.0.0.0/8, this network");
    assert_never(s, "172.32.0.0", "");
    assert_never(s, "203.0.113.9", "");
    assert_never(s, "2001:db8::/64", "");
    dw_policy_settings_free(s);
}

static void what_it_holds_is_held_in_every_form(void **state)
{
    (void)state;
    static const char *const set[] = {"policy.private=false",
        "policy.never_block=[203.0.113.0/24, \"2001:db8:1:2::5\", \"::ffff:198.51.100.0/120\"]", "policy.trusted_proxies=[192.0.2.8/31]", NULL};
    struct dw_policy_settings *s = policy_settings(set);
    assert_never(s, "203.0.113.7", "203.0.113.0/24, policy.never_block");
    assert_never(s, "::ffff:203.0.113.7", "203.0.113.0/24, policy.never_block");
    assert_never(s, "203.0.0.0/16", "203.0.113.0/24, policy.never_block");
    assert_never(s, "2001:db8:1:2::/64", "2001:db8:1:2::5, policy.never_block");
    assert_never(s, "2001:db8:1:3::/64", "");
    assert_never(s, "198.51.100.77", "::ffff:198.51.100.0/120, policy.never_block");
    assert_never(s, "192.0.2.9", "192.0.2.8/31, a trusted proxy");
    assert_never(s, "192.0.2.10", "");
    assert_never(s, "127.0.0.1", "");
    dw_policy_settings_free(s);
}

static void an_entry_is_an_address_or_a_64(void **state)
{
    (void)state;
    static const char *const rows[][2] = {{"203.0.113.9", "203.0.113.9"}, {"::ffff:203.0.113.9", "203.0.113.9"},
        {"2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"}, {"2001:DB8::1", "2001:db8::/64"}};
    for (size_t i = 0; i < DW_COUNT_OF(rows); i++) {
        struct dw_ip ip;
        struct dw_cidr back;
        char text[DW_NET_TEXT], id[DW_POLICY_ID_TEXT], again[DW_POLICY_ID_TEXT];
        assert_true(dw_ip_parse(dw_str_of(rows[i][0]), &ip));
        struct dw_cidr net = dw_policy_net(&ip);
        dw_net_text(&net, text);
        assert_string_equal(text, rows[i][1]);
        assert_true(dw_policy_address(dw_str_of(text), &back));
        dw_policy_id(&net, id);
        dw_policy_id(&back, again);
        assert_string_equal(id, again);
    }
    struct dw_cidr net;
    static const char *const bad[] = {"203.0.113.0/24", "2001:db8::1", "2001:db8::/48", "2001:DB8::/64", "::ffff:203.0.113.9", "0.0.0.0/0", "", "x"};
    for (size_t i = 0; i < DW_COUNT_OF(bad); i++)
        assert_false(dw_policy_address(dw_str_of(bad[i]), &net));
}

static void a_mistake_in_a_list_is_named(void **state)
{
    (void)state;
    static const struct {
        const char *value, *want;
    } rows[] = {{"10.0.0.5/8", "'10.0.0.5/8' has bits set behind its length: 10.0.0.0/8 is the network that it is in"},
        {"2001:db8::1:0:0:5/48", "'2001:db8::1:0:0:5/48' has bits set behind its length: 2001:db8::/48 is the network that it is in"},
        {"10.0.0.0/33", "'10.0.0.0/33' is no network: 192.0.2.0/24, 2001:db8::/32, or an address"}, {"office", "'office' is no network: 192.0.2.0/24, 2001:db8::/32, or an address"}};
    for (size_t i = 0; i < DW_COUNT_OF(rows); i++) {
        struct dw_buf why = {0};
        assert_int_equal(dw_policy_option_check("policy.never_block", dw_str_of(rows[i].value), &why), DW_ECONFIG);
        assert_str(dw_buf_view(&why), rows[i].want);
        dw_buf_fini(&why);
    }
    assert_int_equal(dw_policy_option_check("policy.claimed", DW_STR("office"), NULL), DW_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(private_ranges_are_on_it_by_default),
        cmocka_unit_test(what_it_holds_is_held_in_every_form),
        cmocka_unit_test(an_entry_is_an_address_or_a_64),
        cmocka_unit_test(a_mistake_in_a_list_is_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
