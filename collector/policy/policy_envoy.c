/*
 * policy_envoy: an RBAC filter that denies.
 *
 * Idea: an address that was seen as the other end of a connection is matched as that, by direct_remote_ip: remote_ip would also be met by whoever writes it
 * into X-Forwarded-For, where Envoy trusts that header. Only what a trusted proxy vouched for is matched as remote_ip, since Envoy behind
 * that proxy sees the proxy alone.
 *
 * Invariant: without entries there is no policy, which denies nobody; an empty list of principals would be no configuration.
 */
#include "policy_int.h"

static void line(const struct dw_policy_entry *e, int64_t now_ns, struct dw_buf *out)
{
    char ip[DW_NET_TEXT];
    bool proxied = strcmp(e->provenance, dw_provenance_text(DW_FROM_PROXY)) == 0;
    (void)now_ns;
    policy_ip_text(&e->net, ip);
    dw_buf_printf(out, "- %s: {address_prefix: \"%s\", prefix_len: %u}", proxied ? "remote_ip" : "direct_remote_ip", ip, policy_bits(&e->net));
}

static void print(const struct policy_print *p)
{
    bool filled = policy_active(p->list, POLICY_V4 | POLICY_V6) > 0;
    policy_head(p, "envoy",
        "One of http_filters, before envoy.filters.http.router.\n"
        "direct_remote_ip is the other end of the connection; remote_ip what use_remote_address and xff_num_trusted_hops make of it.\n");
    dw_buf_str(p->out, DW_STR("name: envoy.filters.http.rbac\ntyped_config:\n  \"@type\": type.googleapis.com/envoy.extensions.filters.http.rbac.v3.RBAC\n"
                              "  rules:\n    action: DENY\n"));
    dw_buf_str(p->out, filled ? DW_STR("    policies:\n      dogwatch:\n        permissions:\n        - any: true\n        principals:\n") : DW_STR("    policies: {}\n"));
    policy_each(p, POLICY_V4 | POLICY_V6, 8, line);
}

const struct dw_policy_target policy_envoy = {.name = "envoy", .print = print};
