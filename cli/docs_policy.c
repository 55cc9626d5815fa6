/*
 * docs_policy: the page of gateway policies, from the tables of states, formats that prove an address, and languages.
 */
#include "docs_policy.h"

#include "dogwatch/collect/policy.h"

static void put_life(struct dw_buf *b)
{
    dw_buf_str(b, DW_STR("Alerts name addresses; `dogwatch policy` makes of these what a gateway refuses, and a gateway gets only what somebody approved.\n\n"
                         "```\ndogwatch policy ls                                            # what alerts propose, and how it stands\n"
                         "dogwatch policy nginx --dry-run --proposed                    # what it would have hit\n"
                         "dogwatch policy approve 3f9a --for 12h --reason 'scans us'\n"
                         "dogwatch policy nginx > /etc/nginx/dogwatch.conf && nginx -s reload\n"
                         "dogwatch policy diff nginx /etc/nginx/dogwatch.conf           # exit 1: it is not what would be printed now\n"
                         "dogwatch policy rollback 3f9a --reason 'a partner'\n```\n\n"
                         "An entry is one IPv4 address, or the /64 of an IPv6 one, which is what one host has; its id is made of it, so all that was ever said of an address is found under one id. Proposals are not stored: they "
                         "are made of alerts of `policy.level` (medium) and above, without those that people found to mean nothing, silenced ones and the collector's own. What people say is a line of alerts.log for ever "
                         "(docs/formats/alerts.md), with author, time, end and reason. An approval holds for `policy.expiry` (24 h) unless it says otherwise. `--since T` leaves out older alerts.\n\n"
                         "| state | is |\n|---|---|\n"));
    for (int i = 0; i < DW_POLICY_STATES; i++)
        dw_buf_printf(b, "| `%s` | %s |\n", dw_policy_state_text((enum dw_policy_state)i), dw_policy_state_doc((enum dw_policy_state)i));
}

static void put_provenance(struct dw_buf *b)
{
    const char *dataset, *doc;
    dw_buf_str(b, DW_STR("\n## Whose address it is\n\nA third party must not be blocked because somebody wrote its address into a header or a line of text. So an entry needs proof, in every event that its alert names: `peer`, the other "
                         "end of a connection as the program saw it that logged it, or `proxy`, a hop that one of `policy.trusted_proxies` vouches for: of X-Forwarded-For the rightmost that is no trusted proxy; "
                         "what stands further left is never used. All else is `claimed`, or `unknown` where the archive has not all of the events, and the entry is refused with the reason. Formats that prove an address:\n\n"
                         "| event.dataset | the address is |\n|---|---|\n"));
    for (size_t i = 0; dw_provenance_row(i, &dataset, &doc); i++)
        dw_buf_printf(b, "| `%s` | %s |\n", dataset, doc);
    dw_buf_str(b, DW_STR("\nWhat follows from that:\n\n"
                         "- JSON proves nothing, be it a program's or another shipper's (`kafka.json_topic`); nor does Traefik's log, which writes X-Forwarded-For where the client belongs.\n"
                         "- Lines of syslog that name another host than the agent's came over the network, where anybody can send them, over UDP under any name: they are claims. What the agent received itself (`input.type`) is a claim, whatever host it names. In a file of another daemon's a sender may use the agent's own "
                         "name: list files that syslog fills from the network in `policy.claimed`.\n"
                         "- An access log with a header alone in its first column looks like any other: list it in `policy.claimed`, too.\n"
                         "- X-Forwarded-For is read where the log's format names it: `formats: {\"/var/log/nginx/*.log\": 'nginx_access $remote_addr - ... \"$http_x_forwarded_for\"'}`.\n"
                         "- Behind a proxy an alert counts only if it names all of its events and they are of one client; and the gateway has to be told whose word on the client it takes, which each file's head says.\n"
                         "- An approval keeps how its address was proved; what the archive lets go later does not end it.\n"));
}

static void put_never(struct dw_buf *b)
{
    dw_buf_str(b, DW_STR("\n## What is never blocked\n\nPrivate, loopback, link-local and multicast ranges (unless `policy.private` is false), `policy.trusted_proxies`, and `policy.never_block`: health checks, offices, partners. An entry that has one address "
                         "in common with the list is refused, whichever way either is written: `::ffff:10.0.0.1` is 10.0.0.1, and a single IPv6 address on the list keeps its whole /64. That is looked at when an entry is "
                         "proposed, when somebody approves it (the collector does, whoever asks), and whenever it is printed or served. Where nothing is left to block, the file says so, and why, with every address that was refused; "
                         "so does stderr.\n\nWho reads DATA without a running collector is judged by the configuration that `up` wrote there, or by `--config FILE`.\n"));
}

static void put_targets(struct dw_buf *b)
{
    dw_buf_str(b, DW_STR("\n## Languages\n\nEach file begins with how it is used, and names for each entry its end, who approved it, the first alert and the reason. Titles of rules and reasons stand in comments alone, as printable ASCII of one line. "
                         "`--proposed` adds what waits, as comments: they have no effect.\n\n| target | prints |\n|---|---|\n"));
    for (size_t i = 0; dw_policy_target_name(i); i++)
        dw_buf_printf(b, "| `%s` | %s |\n", dw_policy_target_name(i), dw_policy_target_summary(i));
    dw_buf_str(b, DW_STR("\nOnly the kernel ends entries by itself (nftables). Any other file has to be printed again by the time that its head names; a timer that does it every minute is enough.\n"));
}

static void put_rest(struct dw_buf *b)
{
    dw_buf_printf(b, "\n## The dry run\n\n`--dry-run` reads the whole archive and counts, for each entry that would be printed, the lines of requests that are provably of its address, as a gateway's own match would have hit them: in all, "
                     "`within` the time from the first alert to the entry's end, `answered` with a status below 400, and with an account. `legitimacy` is `unknown` where no account is logged: then nobody knows whether a customer was among them. "
                     "A request that two gateways logged is two lines. Users and agents are counted exactly up to 1000 each. Lines that name the address without proof are `claimed`; the gateway would not have hit those. "
                     "Where a part of the archive cannot be read, it is said (`partial`), and the exit code is 1.\n\n"
                     "## Gateways that ask\n\n`GET /api/v1/policy/nginx` is the file. `GET /api/v1/policies/changes` is for those that ask often: what became active and ceased to be since `after`, the `cursor` of the answer before; nothing is read "
                     "for it but the alerts' view. Where `reset` is true (the first time, another never-block list, other data), what is added is all there is. A token of any role may read; approving and taking back "
                     "need hunt or admin, and are audited.\n\n"
                     "At most %d addresses are decided on, and a list of proposals looks at the newest 20000 alerts; what is left out is said.\n", DW_POLICY_ENTRIES_MAX);
}

void docs_policy_page(struct dw_buf *b)
{
    dw_buf_str(b, DW_STR("# Gateway policies\n\n<!-- made by `dogwatch docs`; change the table, not this page -->\n\n"));
    put_life(b);
    put_provenance(b);
    put_never(b);
    put_targets(b);
    put_rest(b);
}
