/*
 * Addresses and networks: IPv4 and IPv6, an IPv4-mapped IPv6 address being the IPv4 one. Thread: any (pure).
 */
#ifndef DOGWATCH_PRED_IP_H
#define DOGWATCH_PRED_IP_H

#include "dogwatch/base/str.h"

/* 16 bytes, IPv4 as ::ffff:a.b.c.d. */
struct dw_ip {
    uint8_t byte[16];
};
struct dw_cidr {
    struct dw_ip net;
    uint8_t bits; /* 0..128; of an IPv4 network 96 + its own */
};

/* Reads an address; brackets around and a %zone after an IPv6 address are left out. False: not one. */
bool dw_ip_parse(struct dw_str s, struct dw_ip *ret);
/* Reads ADDRESS/BITS, or an address alone as the network of just it. False: not one, or host bits are set
 * (*ret_host_bits says which). */
bool dw_cidr_parse(struct dw_str s, struct dw_cidr *ret, bool *ret_host_bits);
bool dw_cidr_has(const struct dw_cidr *net, const struct dw_ip *ip);

#endif
