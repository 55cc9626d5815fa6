/* Tests of core/pred/ip.c. */
#include "support.h"

#include "dogwatch/pred/ip.h"

static bool has(const char *net, const char *ip)
{
    struct dw_cidr c;
    struct dw_ip i;
    bool host_bits;
    assert_true(dw_cidr_parse(dw_str_of(net), &c, &host_bits));
    return dw_ip_parse(dw_str_of(ip), &i) && dw_cidr_has(&c, &i);
}

static void cidr_serves_both_families(void **state)
{
    (void)state;
    assert_true(has("10.0.0.0/8", "10.255.0.1"));
    assert_false(has("10.0.0.0/8", "11.0.0.1"));
    assert_true(has("192.168.1.128/25", "192.168.1.200"));
    assert_false(has("192.168.1.128/25", "192.168.1.100"));
    assert_true(has("10.0.0.0/8", "::ffff:10.1.2.3"));
    assert_true(has("::ffff:10.0.0.0/104", "10.9.9.9"));
    assert_true(has("fe80::/10", "fe80::1%eth0"));
    assert_false(has("fe80::/10", "fec0::1"));
    assert_true(has("::1", "[::1]"));
    assert_true(has("0.0.0.0/0", "1.2.3.4"));
    assert_false(has("0.0.0.0/0", "2001:db8::1"));
    assert_true(has("::/0", "1.2.3.4"));
    assert_false(has("10.0.0.0/8", "not an address"));
    assert_false(has("10.0.0.0/8", "10.0.0.1.5"));
}

static void cidr_refuses_host_bits_and_junk(void **state)
{
    (void)state;
    struct dw_cidr c;
    bool host_bits;
    assert_false(dw_cidr_parse(DW_STR("10.0.0.1/8"), &c, &host_bits));
    assert_true(host_bits);
    assert_false(dw_cidr_parse(DW_STR("10.0.0.0/33"), &c, &host_bits));
    assert_false(dw_cidr_parse(DW_STR("10.0.0/8"), &c, &host_bits));
    assert_false(dw_cidr_parse(DW_STR("10.0.0.0/"), &c, &host_bits));
    assert_false(dw_cidr_parse(DW_STR(""), &c, &host_bits));
    assert_false(host_bits);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cidr_serves_both_families),
        cmocka_unit_test(cidr_refuses_host_bits_and_junk),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
