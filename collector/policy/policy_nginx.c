/*
 * policy_nginx: a variable that is 1 for blocked addresses: nginx's `geo` looks an address up in a tree, however many there are.
 *
 * Invariant: the block stands alone, without entries too, so that an `include` of it never fails.
 */
#include "policy_int.h"

static void line(const struct dw_policy_entry *e, int64_t now_ns, struct dw_buf *out)
{
    (void)now_ns;
    dw_buf_printf(out, "%s 1;", e->address);
}

static void print(const struct policy_print *p)
{
    policy_head(p, "nginx",
        "In http {}:    include /etc/nginx/dogwatch.conf;\n"
        "In server {}:  if ($dogwatch_blocked) { return 403; }\n"
        "It looks at $remote_addr, the other end of the connection. Where nginx stands behind a proxy of yours, set_real_ip_from makes the client of it.\n");
    dw_buf_str(p->out, DW_STR("geo $dogwatch_blocked {\n    default 0;\n"));
    policy_each(p, POLICY_V4 | POLICY_V6, 4, line);
    dw_buf_str(p->out, DW_STR("}\n"));
}

const struct dw_policy_target policy_nginx = {.name = "nginx", .print = print};
