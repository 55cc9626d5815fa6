/*
 * input_bind: sockets of places, and addresses of peers.
 *
 * Idea: the service manager keeps a copy of each socket (as it does of deleted logs: keep.c), so that the kernel goes on taking datagrams and connections while the
 * agent is started again. A socket that the manager opened itself (systemd's .socket units) is as good. What it hands over is known by its kind and address, not
 * by its name.
 *
 * Invariant: a socket is taken over only if it is what would have been made.
 */
#include "inputs_int.h"

#include "dogwatch/base/counter.h"
#include "dogwatch/base/error.h"
#include "dogwatch/base/hash.h"
#include "dogwatch/base/log.h"
#include "dogwatch/conf/service.h"

#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>

#define NAME_PREFIX "input-" /* of what the manager keeps for us */
enum { LOOKS = 200, LOOK_MS = 10, ADDRESS_TEXT = 64 };

static const struct in6_addr *as_v6(const struct sockaddr_storage *a)
{
    return &((const struct sockaddr_in6 *)(const void *)a)->sin6_addr;
}

void input_address(const struct sockaddr_storage *a, char *out, size_t cap)
{
    char text[INET6_ADDRSTRLEN] = "?";
    bool v6 = a->ss_family == AF_INET6, mapped = v6 && IN6_IS_ADDR_V4MAPPED(as_v6(a));
    const struct sockaddr_in *v4 = (const struct sockaddr_in *)(const void *)a;
    uint16_t port = ntohs(v6 ? ((const struct sockaddr_in6 *)(const void *)a)->sin6_port : v4->sin_port); /* NOLINT(clang-analyzer-core.CallAndMessage): getsockname(2) fills it */
    if (mapped)
        (void)inet_ntop(AF_INET, as_v6(a)->s6_addr + 12, text, sizeof text);
    else
        (void)inet_ntop(v6 ? AF_INET6 : AF_INET, v6 ? (const void *)as_v6(a) : (const void *)&v4->sin_addr, text, sizeof text);
    (void)snprintf(out, cap, v6 && !mapped ? "[%s]:%u" : "%s:%u", text, port);
}

uint64_t input_host(const struct sockaddr_storage *a)
{
    bool v6 = a->ss_family == AF_INET6;
    const struct sockaddr_in *v4 = (const struct sockaddr_in *)(const void *)a;
    struct dw_str bytes = v6 ? dw_str_make((const char *)as_v6(a), sizeof(struct in6_addr)) : dw_str_make((const char *)&v4->sin_addr, sizeof v4->sin_addr);
    return dw_hash(dw_hash_process_key(), bytes);
}

/* Whether two are of one family, address and port. */
static bool is_place(const struct sockaddr_storage *a, const struct sockaddr_storage *b)
{
    char x[ADDRESS_TEXT], y[ADDRESS_TEXT];
    input_address(a, x, sizeof x);
    input_address(b, y, sizeof y);
    return a->ss_family == b->ss_family && strcmp(x, y) == 0;
}

/* Whether a descriptor is the socket of a place. */
static bool is_socket_of(const struct dw_listen *at, int fd, int type)
{
    struct sockaddr_storage bound = {0};
    socklen_t bytes = sizeof bound, size = sizeof(int);
    int is = -1, listens = 0;
    if (getsockopt(fd, SOL_SOCKET, SO_TYPE, &is, &size) != 0 || is != type || getsockname(fd, (struct sockaddr *)&bound, &bytes) != 0)
        return false;
    size = sizeof listens;
    if (type == SOCK_STREAM && (getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listens, &size) != 0 || !listens))
        return false;
    struct sockaddr_in any = {.sin_family = AF_INET, .sin_port = htons(at->port)};
    struct sockaddr_storage any4;
    memset(&any4, 0, sizeof any4);
    memcpy(&any4, &any, sizeof any);
    return is_place(&bound, &at->address) || (at->all && is_place(&bound, &any4));
}

/* The socket that the service manager has of it. */
static bool take_kept(struct input *i, int type)
{
    struct dw_service *s = i->in->service;
    for (uint32_t k = 0; s && k < s->kept_count; k++) {
        struct dw_service_fd *kept = &s->kept[k];
        if (kept->fd < 0 || !is_socket_of(&i->at, kept->fd, type))
            continue;
        i->fd = kept->fd;
        i->kept = true;
        kept->fd = -1; /* it stays with the manager, under the name that it has */
        kept->name[0] = '\0';
        DW_COUNT(inputs_ports_kept);
        return true;
    }
    return false;
}

void input_keep(const struct input *i)
{
    if (i->kept)
        return;
    char name[DW_SERVICE_NAME];
    uint64_t hash = dw_hash((struct dw_hash_key){0}, dw_str_of(i->at.name));
    (void)snprintf(name, sizeof name, NAME_PREFIX "%016" PRIx64, hash);
    if (i->in->service && i->in->service->socket >= 0 && !dw_service_keep(i->in->service, i->fd, name))
        dw_warn("%s: the service manager does not keep its port: what comes while the agent is started again is refused", i->at.name);
}

/* A port that was let go of is free once the manager has heard of it. */
static int bind_patiently(const struct input *i)
{
    int rc = -1;
    for (int k = 0; k < LOOKS && rc != 0; k++) {
        rc = bind(i->fd, (const struct sockaddr *)&i->at.address, i->at.address_bytes);
        if (rc != 0 && (errno != EADDRINUSE || !i->in->let_go))
            break;
        if (rc != 0)
            (void)poll(NULL, 0, LOOK_MS);
    }
    return rc == 0 ? DW_OK : dw_err_from_errno(errno);
}

int input_bind(struct input *i, int type)
{
    int on = 1, off = 0;
    struct sockaddr_storage *a = &i->at.address;
    if (take_kept(i, type))
        return DW_OK;
    i->fd = socket(a->ss_family, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (i->fd < 0 && errno == EAFNOSUPPORT && i->at.all) {
        struct sockaddr_in any = {.sin_family = AF_INET, .sin_port = htons(i->at.port)};
        *a = (struct sockaddr_storage){0};
        memcpy(a, &any, sizeof any);
        i->at.address_bytes = sizeof any;
        i->fd = socket(AF_INET, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    }
    if (i->fd < 0)
        return dw_err_from_errno(errno);
    if (a->ss_family == AF_INET6)
        (void)setsockopt(i->fd, IPPROTO_IPV6, IPV6_V6ONLY, i->at.all ? &off : &on, sizeof on);
    if (type == SOCK_STREAM) /* connections of the run before are still being forgotten */
        (void)setsockopt(i->fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    return bind_patiently(i);
}

void input_let_go_ports(struct inputs *in)
{
    struct dw_service *s = in->service;
    for (uint32_t k = 0; s && k < s->kept_count; k++) {
        struct dw_service_fd *kept = &s->kept[k];
        bool wanted = !dw_str_starts(dw_str_of(kept->name), DW_STR(NAME_PREFIX));
        for (uint32_t n = 0; n < in->opt->inputs_syslog.count && !wanted; n++) {
            struct dw_listen l = {0};
            wanted = dw_listen_parse(in->opt->inputs_syslog.item[n], &l, NULL) == DW_OK
                && is_socket_of(&l, kept->fd, l.kind == DW_LISTEN_UDP ? SOCK_DGRAM : SOCK_STREAM);
        }
        if (wanted || kept->fd < 0)
            continue;
        dw_fs_close(kept->fd);
        kept->fd = -1;
        dw_service_let_go(s, kept->name);
        in->let_go = true;
    }
}

