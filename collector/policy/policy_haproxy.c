/*
 * policy_haproxy: a pattern file, an address a line, for `src -f`. HAProxy keeps them in a tree.
 */
#include "policy_int.h"

static void line(const struct dw_policy_entry *e, int64_t now_ns, struct dw_buf *out)
{
    (void)now_ns;
    dw_buf_str(out, dw_str_of(e->address));
}

static void print(const struct policy_print *p)
{
    policy_head(p, "haproxy",
        "In a frontend, mode http:  http-request deny deny_status 403 if { src -f /etc/haproxy/dogwatch.acl }\n"
        "mode tcp:                  tcp-request connection reject if { src -f /etc/haproxy/dogwatch.acl }\n"
        "src is the other end of the connection, or what accept-proxy or http-request set-src makes of it.\n");
    policy_each(p, POLICY_V4 | POLICY_V6, 0, line);
}

const struct dw_policy_target policy_haproxy = {.name = "haproxy", .print = print};
