/*
 * policy_networkpolicy: a NetworkPolicy of Kubernetes, which knows no denial: it lets everybody in but some.
 *
 * Invariant: it is right only where it is the one policy that selects its pods for ingress, for policies add up; its head says so.
 */
#include "policy_int.h"

static void line(const struct dw_policy_entry *e, int64_t now_ns, struct dw_buf *out)
{
    char ip[DW_NET_TEXT];
    (void)now_ns;
    policy_ip_text(&e->net, ip);
    dw_buf_printf(out, "- \"%s/%u\"", ip, policy_bits(&e->net));
}

static void put_family(const struct policy_print *p, const char *all, int family)
{
    dw_buf_printf(p->out, "    - ipBlock:\n        cidr: \"%s\"\n", all);
    if (policy_active(p->list, family))
        dw_buf_str(p->out, DW_STR("        except:\n"));
    policy_each(p, family, 8, line);
}

static void print(const struct policy_print *p)
{
    policy_head(p, "networkpolicy",
        "kubectl apply -n NAMESPACE -f FILE; podSelector says for which pods.\n"
        "Policies add up: where another one selects the same pods for ingress, this one lets in whom that one did not. Pods see the client's own address\n"
        "only where the way to them keeps it: a Service with externalTrafficPolicy: Local.\n");
    dw_buf_str(p->out, DW_STR("apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata:\n  name: dogwatch-blocked\nspec:\n  podSelector: {}\n"
                              "  policyTypes: [Ingress]\n  ingress:\n  - from:\n"));
    put_family(p, "0.0.0.0/0", POLICY_V4);
    put_family(p, "::/0", POLICY_V6);
}

const struct dw_policy_target policy_networkpolicy = {.name = "networkpolicy", .print = print};
