/* Fuzz: what strangers wrote, as a gateway's file, as a network of a list, as a cursor's text, and as the title of a rule in a policy. What is read of
 * a file is an address that can be written; what is printed gets out of no comment, and reads back as it was. */
#include "policies.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *const addresses[] = {"203.0.113.9", "2001:db8::/64"};
static const enum dw_policy_state states[] = {DW_POLICY_active, DW_POLICY_active};

static void take_difference(void *arg, const char *what, const char *address, int64_t there_ns, int64_t here_ns)
{
    bool host_bits;
    struct dw_cidr net;
    (void)there_ns;
    (void)here_ns;
    ++*(uint32_t *)arg;
    DW_ASSERT(what[0] && dw_cidr_parse(dw_str_of(address), &net, &host_bits));
}

static void read_as_file(struct dw_str text)
{
    uint32_t count = 0;
    struct dw_policy_list *l = policy_list_of(addresses, states, 2, 7, "x");
    int rc = dw_policy_diff(l, text, take_difference, &count);
    DW_ASSERT(rc == DW_OK || rc == DW_ELIMIT);
    dw_policy_list_free(l);
}

static void read_as_network(struct dw_str text)
{
    struct dw_buf why = {0};
    bool host_bits;
    struct dw_cidr net;
    int rc = dw_policy_option_check("policy.never_block", text, &why);
    DW_ASSERT((rc == DW_OK) == dw_cidr_parse(text, &net, &host_bits) && (rc == DW_OK) == (why.len == 0));
    if (rc == DW_OK) {
        char written[DW_NET_TEXT];
        struct dw_cidr again;
        dw_net_text(&net, written);
        DW_ASSERT(dw_cidr_parse(dw_str_of(written), &again, &host_bits) && again.bits == net.bits && dw_nets_meet(&net, &again));
    }
    dw_buf_fini(&why);
}

static void print_with_it(struct dw_str text)
{
    char *title = dw_strndup(text.ptr ? text.ptr : "", text.len);
    struct dw_policy_list *l = title ? policy_list_of(addresses, states, 2, 7, title) : NULL;
    for (size_t i = 0; l && dw_policy_target_name(i); i++) {
        struct dw_buf out = {0};
        uint32_t differences = 0;
        dw_policy_print(dw_policy_target(dw_str_of(dw_policy_target_name(i))), l, true, &out);
        policy_is_contained(dw_buf_view(&out), "EVIL");
        int rc = dw_policy_diff(l, dw_buf_view(&out), take_difference, &differences);
        DW_ASSERT(rc == DW_OK && differences == 0);
        dw_buf_fini(&out);
    }
    dw_policy_list_free(l);
    dw_free(title);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct dw_str text = dw_str_make((const char *)data, size);
    read_as_file(text);
    read_as_network(text);
    print_with_it(text);
    return 0;
}
