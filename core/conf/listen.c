/*
 * listen: places to listen at, as text.
 *
 * Invariant: two places that are not the same have names that are not the same, whatever is left out of them for the sake of files.
 */
#include "dogwatch/conf/listen.h"

#include "dogwatch/base/error.h"
#include "dogwatch/conf/options.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>

static const char *const kinds[] = {"udp", "tcp", "tls"};

const char *dw_listen_kind_name(enum dw_listen_kind kind)
{
    return kinds[kind];
}

static int refuse(struct dw_buf *why, const char *sentence)
{
    if (why)
        dw_buf_printf(why, "%s\nudp://0.0.0.0:514, tcp://[::1]:601, tls://:6514", sentence);
    return DW_ECONFIG;
}

/* The address without brackets; empty: all. */
static bool put_address(struct dw_listen *l, struct dw_str host)
{
    char text[INET6_ADDRSTRLEN];
    struct sockaddr_in *v4 = (struct sockaddr_in *)(void *)&l->address;
    struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)(void *)&l->address;
    if (host.len >= sizeof text)
        return false;
    (void)snprintf(text, sizeof text, "%.*s", DW_ARG(host));
    l->all = host.len == 0;
    if (inet_pton(AF_INET, text, &v4->sin_addr) == 1) {
        v4->sin_family = AF_INET;
        v4->sin_port = htons(l->port);
        l->address_bytes = sizeof *v4;
        return true;
    }
    if (!l->all && inet_pton(AF_INET6, text, &v6->sin6_addr) != 1)
        return false;
    v6->sin6_family = AF_INET6;
    v6->sin6_port = htons(l->port);
    l->address_bytes = sizeof *v6;
    return true;
}

static void put_name(struct dw_listen *l)
{
    char text[INET6_ADDRSTRLEN] = "";
    const void *at = l->address.ss_family == AF_INET ? (const void *)&((struct sockaddr_in *)(void *)&l->address)->sin_addr
                                                     : (const void *)&((struct sockaddr_in6 *)(void *)&l->address)->sin6_addr;
    if (!l->all)
        (void)inet_ntop(l->address.ss_family, at, text, sizeof text);
    for (char *p = text; *p; p++)
        *p = *p == ':' ? '_' : *p;
    (void)snprintf(l->name, sizeof l->name, "%s-%u%s%s", kinds[l->kind], l->port, *text ? "-" : "", text);
}

int dw_listen_parse(struct dw_str text, struct dw_listen *ret, struct dw_buf *why)
{
    size_t scheme = dw_str_find(text, DW_STR("://"));
    struct dw_str rest = dw_str_slice(text, scheme + 3, text.len), host;
    struct dw_listen l = {0};
    uint64_t port;
    unsigned kind = 0;
    while (kind < DW_COUNT_OF(kinds) && !dw_str_eq(dw_str_slice(text, 0, scheme), dw_str_of(kinds[kind])))
        kind++;
    if (scheme == text.len || kind == DW_COUNT_OF(kinds))
        return refuse(why, "it begins with none of udp://, tcp:// and tls://");
    l.kind = (enum dw_listen_kind)kind;
    size_t colon = rest.len;
    while (colon > 0 && rest.ptr[colon - 1] != ':')
        colon--;
    if (colon == 0 || !dw_str_u64(dw_str_slice(rest, colon, rest.len), &port) || port == 0 || port > 65535)
        return refuse(why, "it ends with no port (1 to 65535)");
    l.port = (uint16_t)port;
    host = dw_str_slice(rest, 0, colon - 1);
    bool bracketed = host.len > 1 && host.ptr[0] == '[' && host.ptr[host.len - 1] == ']';
    if (bracketed)
        host = dw_str_slice(host, 1, host.len - 1);
    if ((dw_str_index(host, ':') < host.len) != bracketed || !put_address(&l, host))
        return refuse(why, "between :// and the port stands an address of this host, one of IPv6 in brackets, or nothing");
    put_name(&l);
    *ret = l;
    return DW_OK;
}

int dw_listen_tcp(struct dw_str text, struct dw_listen *ret, struct dw_buf *why)
{
    char place[DW_LISTEN_NAME + 16];
    (void)snprintf(place, sizeof place, "tcp://%.*s", DW_ARG(text));
    return dw_listen_parse(text.len < DW_LISTEN_NAME ? dw_str_of(place) : text, ret, why);
}

int dw_asked_parse(struct dw_str text, struct dw_listen *ret, bool *ret_tls, struct dw_buf *why)
{
    bool tls = dw_str_starts(text, DW_STR("https://"));
    if (!tls && !dw_str_starts(text, DW_STR("http://"))) {
        if (why)
            dw_buf_str(why, DW_STR("it begins with neither https:// nor http://\nhttps://127.0.0.1:10250"));
        return DW_ECONFIG;
    }
    int rc = dw_listen_tcp(dw_str_slice(text, tls ? 8 : 7, text.len), ret, NULL);
    if (rc == DW_OK && !ret->all) {
        *ret_tls = tls;
        return DW_OK;
    }
    if (why)
        dw_buf_str(why, DW_STR("behind :// stands an address (names are not looked up), one of IPv6 in brackets, and a port\nhttps://127.0.0.1:10250"));
    return DW_ECONFIG;
}

int dw_listen_option_check(const char *option, struct dw_str value, struct dw_buf *why)
{
    struct dw_listen l;
    bool tls;
    if (strcmp(option, "kubelet.url") == 0 && value.len)
        return dw_asked_parse(value, &l, &tls, why);
    if (strcmp(option, "metrics.listen") == 0 && value.len)
        return dw_listen_tcp(value, &l, why);
    if (strcmp(option, "inputs.journald") == 0 && !dw_str_eq(value, DW_STR(DW_JOURNALD_SYSTEM)) && !dw_str_starts(value, DW_STR("/"))) {
        if (why)
            dw_buf_str(why, DW_STR("`" DW_JOURNALD_SYSTEM "`, or the path of a folder with journals"));
        return DW_ECONFIG;
    }
    return strcmp(option, "inputs.syslog") == 0 ? dw_listen_parse(value, &l, why) : DW_OK;
}

int dw_listen_options_check(const struct dw_conf *c, const struct dw_fs *fs, struct dw_diag_sink sink)
{
    const struct dw_agent_options *o = c->values;
    DW_ASSERT(c->table == &dw_conf_agent);
    for (uint32_t i = 0; i < o->inputs_syslog.count; i++) {
        struct dw_listen l, other;
        if (dw_listen_parse(o->inputs_syslog.item[i], &l, NULL) < 0)
            return DW_ECONFIG;
        if (l.kind == DW_LISTEN_TLS && (!o->inputs_syslog_cert.len || !o->inputs_syslog_key.len)) {
            dw_conf_complain(c, fs, "inputs.syslog", DW_STR("tls:// needs inputs.syslog_cert and inputs.syslog_key"), sink);
            return DW_ECONFIG;
        }
        for (uint32_t k = 0; k < i; k++) {
            if (dw_listen_parse(o->inputs_syslog.item[k], &other, NULL) < 0 || strcmp(other.name, l.name) != 0)
                continue;
            dw_conf_complain(c, fs, "inputs.syslog", DW_STR("the same place stands there twice"), sink);
            return DW_ECONFIG;
        }
    }
    return DW_OK;
}
