/*
 * never_block: networks, and the lists that the options make of them: what must never be blocked, and whose word on a client counts.
 *
 * Idea: every address is 16 bytes and every range a prefix of them (core/pred/ip.c), so that an IPv4 address, its IPv4-mapped form and a range of
 * either meet by one comparison, whichever way somebody wrote them.
 *
 * Invariants:
 *   (1) Two ranges meet exactly when the shorter prefix is that of both.
 *   (2) The own proxies are never blocked, and need not be listed twice.
 */
#include "policy_int.h"

#include "dogwatch/base/error.h"
#include "dogwatch/base/mem.h"
#include "dogwatch/frame/digest.h"

#include <arpa/inet.h>
#include <stdio.h>

/* What policy.private takes in. */
static const struct {
    const char *range, *what;
} private_ranges[] = {
    {"0.0.0.0/8", "this network"}, {"10.0.0.0/8", "private"}, {"100.64.0.0/10", "a provider's own"}, {"127.0.0.0/8", "loopback"},
    {"169.254.0.0/16", "link-local"}, {"172.16.0.0/12", "private"}, {"192.168.0.0/16", "private"}, {"224.0.0.0/3", "multicast and reserved"},
    {"::/127", "unspecified and loopback"}, {"64:ff9b::/96", "all of IPv4 behind one translator"}, {"fc00::/7", "private"},
    {"fe80::/10", "link-local"}, {"ff00::/8", "multicast"},
};

bool dw_nets_meet(const struct dw_cidr *a, const struct dw_cidr *b)
{
    return a->bits <= b->bits ? dw_cidr_has(a, &b->net) : dw_cidr_has(b, &a->net);
}

static bool is_v4(const struct dw_ip *ip)
{
    static const uint8_t mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
    return memcmp(ip->byte, mapped, sizeof mapped) == 0;
}

struct dw_cidr dw_policy_net(const struct dw_ip *ip)
{
    struct dw_cidr net = {.net = *ip, .bits = 128};
    if (is_v4(ip))
        return net;
    memset(net.net.byte + 8, 0, 8);
    net.bits = 64;
    return net;
}

bool policy_is_v4(const struct dw_cidr *net)
{
    return net->bits >= 96 && is_v4(&net->net);
}

unsigned policy_bits(const struct dw_cidr *net)
{
    return policy_is_v4(net) ? net->bits - 96u : net->bits;
}

void policy_ip_text(const struct dw_cidr *net, char ret[DW_NET_TEXT])
{
    bool v4 = policy_is_v4(net);
    const char *text = inet_ntop(v4 ? AF_INET : AF_INET6, v4 ? net->net.byte + 12 : net->net.byte, ret, DW_NET_TEXT);
    DW_ASSERT(text);
}

void dw_net_text(const struct dw_cidr *net, char ret[DW_NET_TEXT])
{
    char ip[DW_NET_TEXT];
    policy_ip_text(net, ip);
    if (net->bits == 128)
        (void)snprintf(ret, DW_NET_TEXT, "%.40s", ip);
    else
        (void)snprintf(ret, DW_NET_TEXT, "%.40s/%u", ip, policy_bits(net));
}

void dw_policy_id(const struct dw_cidr *net, char ret[DW_POLICY_ID_TEXT])
{
    uint8_t hash[DW_SHA256_BYTES];
    char text[sizeof "dw-policy-1" - 1 + sizeof net->net.byte + 1] = "dw-policy-1";
    memcpy(text + sizeof "dw-policy-1" - 1, net->net.byte, sizeof net->net.byte);
    text[sizeof text - 1] = (char)net->bits;
    dw_sha256_of(dw_str_make(text, sizeof text), hash);
    dw_hex(hash, DW_POLICY_ID_TEXT / 2, ret);
}

bool dw_policy_address(struct dw_str address, struct dw_cidr *ret)
{
    char text[DW_NET_TEXT];
    bool host_bits;
    struct dw_cidr net;
    if (!dw_cidr_parse(address, &net, &host_bits))
        return false;
    struct dw_cidr whole = dw_policy_net(&net.net);
    dw_net_text(&net, text);
    if (whole.bits != net.bits || !dw_str_eq(address, dw_str_of(text)))
        return false;
    *ret = net;
    return true;
}

/* ---- settings ---- */

/* The network that an address with bits behind its length is in. */
static void put_meant(struct dw_str text, struct dw_buf *why)
{
    struct dw_str bits = text, address = dw_str_cut(&bits, '/');
    struct dw_cidr net;
    uint64_t length;
    char meant[DW_NET_TEXT];
    bool known = dw_ip_parse(address, &net.net) && dw_str_u64(bits, &length) && length <= 128;
    DW_ASSERT(known); /* else it would have no such bits */
    net.bits = (uint8_t)(length + (dw_str_index(address, ':') == address.len ? 96 : 0));
    for (uint32_t i = net.bits; i < 128; i++)
        net.net.byte[i / 8] &= (uint8_t)~(0x80u >> i % 8);
    dw_net_text(&net, meant);
    dw_buf_printf(why, "%s is the network that it is in", meant);
}

/* A range as users write it: host bits are a mistake that is named. */
static bool take_range(struct dw_str text, struct dw_cidr *ret, struct dw_buf *why)
{
    bool host_bits;
    if (dw_cidr_parse(text, ret, &host_bits))
        return true;
    if (host_bits) {
        dw_buf_printf(why, "'%.*s' has bits set behind its length: ", DW_ARG(text));
        put_meant(text, why);
    } else {
        dw_buf_printf(why, "'%.*s' is no network: 192.0.2.0/24, 2001:db8::/32, or an address", DW_ARG(text));
    }
    return false;
}

int dw_policy_option_check(const char *option, struct dw_str value, struct dw_buf *why)
{
    struct dw_cidr range;
    bool ranges = strcmp(option, "policy.never_block") == 0 || strcmp(option, "policy.trusted_proxies") == 0;
    return !ranges || take_range(value, &range, why) ? DW_OK : DW_ECONFIG;
}

static int add_range(struct dw_policy_settings *s, struct dw_str text, const char *what, bool proxy)
{
    struct dw_buf why = {0};
    struct policy_range *r = &s->range[s->count];
    bool ok = take_range(text, &r->net, &why);
    dw_buf_fini(&why);
    if (!ok)
        return DW_ECONFIG;
    (void)snprintf(r->told, sizeof r->told, "%.*s, %s", (int)(text.len < DW_NET_TEXT ? text.len : DW_NET_TEXT), text.ptr, what);
    r->proxy = proxy;
    s->count++;
    return DW_OK;
}

/* What the list is, in few letters: who was told of entries by another one is told all again. */
static void name_list(struct dw_policy_settings *s)
{
    uint8_t hash[DW_SHA256_BYTES];
    struct dw_sha256 *h = dw_sha256_new();
    dw_sha256_start(h);
    for (uint32_t i = 0; i < s->count; i++)
        dw_sha256_add_str(h, dw_str_of(s->range[i].told));
    dw_sha256_end(h, hash);
    dw_sha256_free(h);
    dw_hex(hash, POLICY_LIST_NAME / 2, s->name);
}

static int take_lists(struct dw_policy_settings *s, const struct dw_collector_options *o)
{
    int rc = DW_OK;
    for (size_t i = 0; i < DW_COUNT_OF(private_ranges) && o->policy_private && rc == DW_OK; i++)
        rc = add_range(s, dw_str_of(private_ranges[i].range), private_ranges[i].what, false);
    for (uint32_t i = 0; i < o->policy_trusted_proxies.count && rc == DW_OK; i++)
        rc = add_range(s, o->policy_trusted_proxies.item[i], "a trusted proxy", true);
    for (uint32_t i = 0; i < o->policy_never_block.count && rc == DW_OK; i++)
        rc = add_range(s, o->policy_never_block.item[i], "policy.never_block", false);
    for (uint32_t i = 0; i < o->policy_claimed.count && rc == DW_OK; i++) {
        struct dw_str text = o->policy_claimed.item[i];
        s->claimed[i] = dw_strndup(text.ptr, text.len);
        rc = s->claimed[i] ? DW_OK : DW_ENOMEM;
        s->claimed_count += rc == DW_OK;
    }
    return rc;
}

int dw_policy_settings_new(const struct dw_collector_options *o, struct dw_policy_settings **ret)
{
    size_t ranges = DW_COUNT_OF(private_ranges) + o->policy_trusted_proxies.count + o->policy_never_block.count;
    struct dw_policy_settings *s = dw_calloc(1, sizeof *s);
    int rc = s ? DW_OK : DW_ENOMEM;
    if (rc == DW_OK) {
        s->level = o->policy_level;
        s->expiry_ns = o->policy_expiry;
        s->range = dw_calloc(ranges, sizeof *s->range);
        s->claimed = dw_calloc(o->policy_claimed.count + 1, sizeof *s->claimed);
        rc = s->range && s->claimed ? take_lists(s, o) : DW_ENOMEM;
    }
    if (rc < 0) {
        dw_policy_settings_free(s);
        return rc;
    }
    name_list(s);
    *ret = s;
    return DW_OK;
}

void dw_policy_settings_free(struct dw_policy_settings *s)
{
    if (!s)
        return;
    for (uint32_t i = 0; s->claimed && i < s->claimed_count; i++)
        dw_free(s->claimed[i]);
    dw_free(s->claimed);
    dw_free(s->range);
    dw_free(s);
}

const char *dw_policy_never(const struct dw_policy_settings *s, const struct dw_cidr *net)
{
    for (uint32_t i = 0; i < s->count; i++)
        if (dw_nets_meet(&s->range[i].net, net))
            return s->range[i].told;
    return NULL;
}

bool dw_policy_is_proxy(const struct dw_policy_settings *s, const struct dw_ip *ip)
{
    for (uint32_t i = 0; i < s->count; i++)
        if (s->range[i].proxy && dw_cidr_has(&s->range[i].net, ip))
            return true;
    return false;
}
