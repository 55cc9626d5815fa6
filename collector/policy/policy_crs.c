/*
 * policy_crs: SecRules for ModSecurity and Coraza, beside the Core Rule Set or without it.
 *
 * Invariants:
 *   (1) Rule ids are those from 95000 on, of the range that is free for local rules (1 to 99,999), and below 95200.
 *   (2) A rule has at most PER_RULE addresses, so that no line is over what engines read.
 */
#include "policy_int.h"

enum { FIRST_ID = 95000, PER_RULE = 100 };

static void put_rule(struct dw_buf *out, struct dw_str addresses, int id)
{
    dw_buf_printf(out, "SecRule REMOTE_ADDR \"@ipMatch %.*s\" \"id:%d,phase:1,deny,status:403,log,msg:'dogwatch: the address is blocked',tag:'dogwatch'\"\n", DW_ARG(addresses), id);
}

static void print(const struct policy_print *p)
{
    struct dw_buf addresses = {0};
    int in_rule = 0, id = FIRST_ID;
    policy_head(p, "crs",
        "Include /etc/modsecurity/dogwatch.conf before the rules of the Core Rule Set (REQUEST-901).\n"
        "REMOTE_ADDR is the other end of the connection, or what mod_remoteip or realip makes of it.\n");
    policy_each(p, POLICY_V4 | POLICY_V6, 0, NULL); /* the rules stand behind all comments */
    for (uint32_t i = 0; i < p->list->count; i++) {
        if (p->list->entry[i]->state != DW_POLICY_active)
            continue;
        dw_buf_printf(&addresses, "%s%s", in_rule++ ? "," : "", p->list->entry[i]->address);
        if (in_rule < PER_RULE)
            continue;
        put_rule(p->out, dw_buf_view(&addresses), id++);
        dw_buf_reset(&addresses);
        in_rule = 0;
    }
    if (in_rule)
        put_rule(p->out, dw_buf_view(&addresses), id);
    if (addresses.err)
        p->out->err = addresses.err;
    dw_buf_fini(&addresses);
}

const struct dw_policy_target policy_crs = {.name = "crs", .print = print};
