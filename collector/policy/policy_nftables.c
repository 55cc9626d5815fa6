/*
 * policy_nftables: a table of its own: two sets, whose elements the kernel lets go when their time is over, and a chain that drops what comes from
 * them, before anything else and for containers too.
 *
 * Invariant: the file replaces the whole table in one transaction: loading it twice, or over an older one, leaves what it says.
 */
#include "policy_int.h"

#include "dogwatch/event/timestamp.h"

#include <inttypes.h>

static void line(const struct dw_policy_entry *e, int64_t now_ns, struct dw_buf *out)
{
    int64_t left_s = e->state == DW_POLICY_active ? (e->until_ns - now_ns) / DW_NS_PER_S : 0;
    int64_t most_s = INT64_C(365) * 24 * 3600;
    dw_buf_str(out, dw_str_of(e->address));
    if (e->state == DW_POLICY_active)
        dw_buf_printf(out, " timeout %" PRId64 "s", left_s < 1 ? 1 : left_s > most_s ? most_s : left_s);
    dw_buf_byte(out, ',');
}

static void put_set(const struct policy_print *p, const char *name, const char *type, int family)
{
    bool filled = policy_active(p->list, family) > 0;
    dw_buf_printf(p->out, "    set %s {\n        type %s\n        flags interval, timeout\n", name, type);
    if (filled)
        dw_buf_str(p->out, DW_STR("        elements = {\n"));
    policy_each(p, family, 12, line);
    if (filled)
        dw_buf_str(p->out, DW_STR("        }\n"));
    dw_buf_str(p->out, DW_STR("    }\n"));
}

static void print(const struct policy_print *p)
{
    policy_head(p, "nftables",
        "nft -f /etc/nftables.d/dogwatch.nft      loads it, in place of what it held before\n"
        "nft delete table inet dogwatch           takes all of it away\n"
        "It looks at the sender of each packet, so it is for hosts that clients reach themselves, without a proxy before them.\n");
    dw_buf_str(p->out, DW_STR("add table inet dogwatch\ndelete table inet dogwatch\ntable inet dogwatch {\n"));
    put_set(p, "blocked4", "ipv4_addr", POLICY_V4);
    put_set(p, "blocked6", "ipv6_addr", POLICY_V6);
    dw_buf_str(p->out, DW_STR("    chain block {\n        type filter hook prerouting priority -300; policy accept;\n"
                              "        ip saddr @blocked4 counter drop\n        ip6 saddr @blocked6 counter drop\n    }\n}\n"));
}

const struct dw_policy_target policy_nftables = {.name = "nftables", .print = print};
