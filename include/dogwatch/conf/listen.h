/*
 * Where a program listens, as an option says it: udp://0.0.0.0:514, tcp://[::1]:601, tls://:6514 (no address: all of them).
 *
 * Thread: any (pure functions).
 */
#ifndef DOGWATCH_CONF_LISTEN_H
#define DOGWATCH_CONF_LISTEN_H

#include "dogwatch/conf/conf.h"

#include <sys/socket.h>

enum dw_listen_kind { DW_LISTEN_UDP, DW_LISTEN_TCP, DW_LISTEN_TLS };
enum { DW_LISTEN_NAME = 64 };

struct dw_listen {
    enum dw_listen_kind kind;
    bool all; /* of IPv6 and IPv4; `address` is the one of IPv6 */
    uint16_t port;
    struct sockaddr_storage address;
    socklen_t address_bytes;
    char name[DW_LISTEN_NAME]; /* "tls-6514", "udp-514-127.0.0.1": one a place, good for a file */
};

const char *dw_listen_kind_name(enum dw_listen_kind kind);
/* DW_ECONFIG: it is none, and `why` (may be NULL) has a sentence. Names of hosts are none: nothing is asked of a name server. */
DW_MUST_USE int dw_listen_parse(struct dw_str text, struct dw_listen *ret, struct dw_buf *why);
/* The same of ADDRESS:PORT, which is of TCP. */
DW_MUST_USE int dw_listen_tcp(struct dw_str text, struct dw_listen *ret, struct dw_buf *why);
/* Where something is asked, not listened: https://ADDRESS:PORT or http://ADDRESS:PORT (*ret_tls says which), and nothing behind it. */
DW_MUST_USE int dw_asked_parse(struct dw_str text, struct dw_listen *ret, bool *ret_tls, struct dw_buf *why);
/* The check of an option of `inputs.`, of metrics.listen and of kubelet.url (dw_conf_check). */
DW_MUST_USE int dw_listen_option_check(const char *option, struct dw_str value, struct dw_buf *why);
/* What shows only across options of the agent: told to `sink`, and DW_ECONFIG. */
DW_MUST_USE int dw_listen_options_check(const struct dw_conf *c, const struct dw_fs *fs, struct dw_diag_sink sink);

#endif
