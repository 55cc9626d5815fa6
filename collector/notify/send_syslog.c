/*
 * send_syslog: RFC 5424 messages, over UDP or TCP.
 *
 *     <PRI>1 TIME HOST dogwatch - alert - MESSAGE         UDP: a datagram; TCP: LENGTH, a blank, the message (RFC 6587, octet counting)
 *
 * Invariants:
 *   (1) Over TCP a message is taken when the other kernel has acknowledged all of it; a connection that the receiver closed gets none.
 *   (2) After a failure the connection is closed: half a message is never followed by another on it.
 */
#include "notify_int.h"

#include "dogwatch/base/error.h"
#include "dogwatch/base/mem.h"
#include "dogwatch/event/json_write.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/sockios.h>
#include <netdb.h>
#include <poll.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

enum { FACILITY_AUDIT = 13, WATCH_MS = 100, ACK_MS = 5, HOST_CAP = 256, DATAGRAM_MAX = 65000 };

struct syslog {
    struct output_address at;
    int fd;
    char host[HOST_CAP];
    struct dw_buf packet;
};

bool output_address_parse(struct dw_str text, struct output_address *ret)
{
    struct dw_str tcp = DW_STR("tcp://"), udp = DW_STR("udp://");
    uint64_t port;
    ret->tcp = dw_str_starts(text, tcp);
    if (!ret->tcp && !dw_str_starts(text, udp))
        return false;
    text = dw_str_slice(text, tcp.len, text.len);
    size_t colon = text.len;
    while (colon > 0 && text.ptr[colon - 1] != ':')
        colon--;
    if (colon == 0)
        return false;
    struct dw_str host = dw_str_slice(text, 0, colon - 1), number = dw_str_slice(text, colon, text.len);
    bool v6 = host.len > 2 && host.ptr[0] == '[' && host.ptr[host.len - 1] == ']';
    if (v6)
        host = dw_str_slice(host, 1, host.len - 1);
    else if (dw_str_index(host, ':') < host.len)
        return false;
    if (host.len == 0 || host.len >= sizeof ret->host || !dw_str_u64(number, &port) || port == 0 || port > 65535)
        return false;
    for (size_t i = 0; i < host.len; i++)
        if ((uint8_t)host.ptr[i] <= ' ' || strchr("/@[]", host.ptr[i]))
            return false;
    (void)snprintf(ret->host, sizeof ret->host, "%.*s", DW_ARG(host));
    (void)snprintf(ret->port, sizeof ret->port, "%u", (unsigned)port);
    return true;
}

static int syslog_open(struct output *o)
{
    struct syslog *s = dw_calloc(1, sizeof *s);
    if (!s)
        return DW_ENOMEM;
    s->fd = -1;
    o->link = s;
    if (gethostname(s->host, sizeof s->host - 1) != 0 || s->host[0] == '\0')
        (void)snprintf(s->host, sizeof s->host, "-");
    return output_address_parse(o->opt->address, &s->at) ? DW_OK : DW_ECONFIG;
}

static void disconnect(struct syslog *s)
{
    if (s->fd >= 0)
        (void)close(s->fd);
    s->fd = -1;
}

static void syslog_close(struct output *o)
{
    struct syslog *s = o->link;
    if (!s)
        return;
    disconnect(s);
    dw_buf_fini(&s->packet);
    dw_free(s);
    o->link = NULL;
}

/* Waits for the socket until `until_ns`. 0: nothing came; or the collector ends. */
static short wait_for(const struct output *o, int fd, short events, int64_t until_ns)
{
    struct pollfd p = {.fd = fd, .events = events};
    while (!output_in_vain(o)) {
        int64_t left_ms = (until_ns - dw_clock_mono(o->clock)) / DW_NS_PER_MS;
        if (left_ms <= 0)
            break;
        int n = poll(&p, 1, left_ms < WATCH_MS ? (int)left_ms : WATCH_MS);
        if (n > 0)
            return p.revents;
    }
    return 0;
}

/* An errno; 0: it is connected. */
static int connect_one(const struct output *o, const struct addrinfo *a, int64_t until_ns, int *ret_fd)
{
    int fd = socket(a->ai_family, a->ai_socktype | SOCK_CLOEXEC | SOCK_NONBLOCK, a->ai_protocol), err = 0;
    socklen_t len = sizeof err;
    if (fd < 0)
        return errno;
    if (connect(fd, a->ai_addr, a->ai_addrlen) != 0) {
        err = errno;
        if (err == EINPROGRESS)
            err = !(wait_for(o, fd, POLLOUT, until_ns) & POLLOUT) ? ETIMEDOUT : getsockopt(fd, SOL_SOCKET, SO_ERROR, &err, &len) != 0 ? EIO : err;
    }
    if (err) {
        (void)close(fd);
        return err;
    }
    *ret_fd = fd;
    return 0;
}

static bool connect_all(struct output *o, struct syslog *s, int64_t until_ns, struct output_result *ret)
{
    struct addrinfo hints = {.ai_socktype = s->at.tcp ? SOCK_STREAM : SOCK_DGRAM}, *found = NULL;
    char text[128];
    int rc = getaddrinfo(s->at.host, s->at.port, &hints, &found), err = ECONNREFUSED;
    if (rc != 0) {
        output_say(ret, OUTPUT_LATER, "%s: %s", s->at.host, gai_strerror(rc));
        return false;
    }
    for (const struct addrinfo *a = found; a && s->fd < 0; a = a->ai_next)
        err = connect_one(o, a, until_ns, &s->fd);
    freeaddrinfo(found);
    if (s->fd < 0)
        output_say(ret, OUTPUT_LATER, "%s:%s: %s", s->at.host, s->at.port, strerror_r(err, text, sizeof text));
    return s->fd >= 0;
}

/* Whether the receiver has closed it, or an answer to a datagram before says that nobody is there. */
static bool is_closed(const struct syslog *s)
{
    char byte;
    ssize_t n = recv(s->fd, &byte, 1, MSG_DONTWAIT);
    return s->at.tcp ? n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR) : n < 0 && errno == ECONNREFUSED;
}

static void put_packet(struct syslog *s, const struct output_message *m)
{
    static const int severities[] = {6, 5, 4, 3, 2};
    struct dw_buf head = {0};
    dw_buf_printf(&head, "<%d>1 ", FACILITY_AUDIT * 8 + severities[m->severity]);
    dw_time_text(&head, m->now_ns / 1000 * 1000); /* RFC 5424: at most microseconds */
    head.len -= sizeof "000Z" - 1;
    dw_buf_printf(&head, "Z %s dogwatch - alert - ", s->host);
    dw_buf_reset(&s->packet);
    if (s->at.tcp)
        dw_buf_printf(&s->packet, "%zu ", head.len + m->body.len);
    dw_buf_str(&s->packet, dw_buf_view(&head));
    dw_buf_str(&s->packet, dw_buf_view(&m->body));
    if (head.err)
        s->packet.err = head.err;
    dw_buf_fini(&head);
}

static bool write_all(struct output *o, struct syslog *s, int64_t until_ns)
{
    size_t at = 0;
    while (at < s->packet.len) {
        ssize_t n = send(s->fd, s->packet.ptr + at, s->packet.len - at, MSG_NOSIGNAL);
        if (n > 0)
            at += (size_t)n;
        else if (n < 0 && errno != EINTR && (errno != EAGAIN || !(wait_for(o, s->fd, POLLOUT, until_ns) & POLLOUT)))
            return false;
    }
    return true;
}

/* The kernel tells no event when the last byte is acknowledged: it is asked until then. */
static bool is_acknowledged(struct output *o, struct syslog *s, int64_t until_ns)
{
    int left = 1;
    while (ioctl(s->fd, SIOCOUTQ, &left) == 0 && left > 0 && dw_clock_mono(o->clock) < until_ns && !output_in_vain(o)) {
        struct pollfd p = {.fd = s->fd, .events = POLLRDHUP};
        (void)poll(&p, 1, ACK_MS);
        if (p.revents & (POLLERR | POLLHUP))
            break;
    }
    return left == 0;
}

static void syslog_send(struct output *o, const struct output_message *m, struct output_result *ret)
{
    struct syslog *s = o->link;
    int64_t until_ns = dw_clock_mono(o->clock) + o->opt->timeout;
    if (s->fd >= 0 && is_closed(s))
        disconnect(s);
    put_packet(s, m);
    if (s->packet.err) {
        output_say(ret, OUTPUT_LATER, "no memory for the message");
        return;
    }
    if (!s->at.tcp && s->packet.len > DATAGRAM_MAX) {
        output_say(ret, OUTPUT_REFUSED, "%zu bytes are more than a datagram holds", s->packet.len);
        return;
    }
    if (s->fd < 0 && !connect_all(o, s, until_ns, ret))
        return;
    if (!write_all(o, s, until_ns) || (s->at.tcp && !is_acknowledged(o, s, until_ns))) {
        output_say(ret, OUTPUT_LATER, "%s:%s: %s", s->at.host, s->at.port, s->at.tcp ? "it did not acknowledge the message" : "nobody takes datagrams there");
        disconnect(s);
        return;
    }
    ret->answer = OUTPUT_TAKEN;
}

const struct output_way output_syslog = {.open = syslog_open, .send = syslog_send, .close = syslog_close};
