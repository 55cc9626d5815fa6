/*
 * ip: addresses as 16 bytes, so that one comparison serves both families.
 *
 * Invariants: (1) an IPv4 address and its IPv4-mapped IPv6 form are equal bytes; (2) bits past cidr.bits are zero.
 */
#include "dogwatch/pred/ip.h"

#include <arpa/inet.h>

bool dw_ip_parse(struct dw_str s, struct dw_ip *ret)
{
    char text[INET6_ADDRSTRLEN];
    if (s.len >= 2 && s.ptr[0] == '[' && s.ptr[s.len - 1] == ']')
        s = dw_str_slice(s, 1, s.len - 1);
    s = dw_str_slice(s, 0, dw_str_index(s, '%'));
    if (s.len < 2 || s.len >= sizeof text)
        return false;
    memcpy(text, s.ptr, s.len);
    text[s.len] = '\0';
    if (strlen(text) != s.len)
        return false;
    if (memchr(text, ':', s.len))
        return inet_pton(AF_INET6, text, ret->byte) == 1;
    uint8_t v4[4];
    if (inet_pton(AF_INET, text, v4) != 1)
        return false;
    memset(ret->byte, 0, 10);
    ret->byte[10] = ret->byte[11] = 0xff;
    memcpy(ret->byte + 12, v4, 4);
    return true;
}

/* Clears bits from `bits` on; answers whether any was set. */
static bool clear_host(struct dw_ip *ip, uint32_t bits)
{
    bool any = false;
    for (uint32_t i = bits; i < 128; i++) {
        uint8_t mask = (uint8_t)(0x80u >> i % 8);
        any = any || (ip->byte[i / 8] & mask);
        ip->byte[i / 8] &= (uint8_t)~mask;
    }
    return any;
}

bool dw_cidr_parse(struct dw_str s, struct dw_cidr *ret, bool *ret_host_bits)
{
    struct dw_str rest = s;
    struct dw_str address = dw_str_cut(&rest, '/');
    uint64_t bits = 0;
    struct dw_cidr net;
    *ret_host_bits = false;
    if (!dw_ip_parse(address, &net.net))
        return false;
    bool v4 = dw_str_index(address, ':') == address.len;
    uint64_t most = v4 ? 32 : 128;
    if (!rest.ptr)
        bits = most;
    else if (!dw_str_u64(rest, &bits) || bits > most)
        return false;
    net.bits = (uint8_t)(bits + (v4 ? 96 : 0));
    if (clear_host(&net.net, net.bits)) {
        *ret_host_bits = true;
        return false;
    }
    *ret = net;
    return true;
}

bool dw_cidr_has(const struct dw_cidr *net, const struct dw_ip *ip)
{
    uint32_t whole = net->bits / 8u, rest = net->bits % 8u;
    if (memcmp(net->net.byte, ip->byte, whole) != 0)
        return false;
    return rest == 0 || ((net->net.byte[whole] ^ ip->byte[whole]) >> (8 - rest)) == 0;
}
