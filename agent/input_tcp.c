/*
 * input_tcp: connections, plain and with TLS, each a stream of messages.
 *
 * Idea: the loop says which connection has bytes; it gets one bounded read and waits for its next turn. Nothing is sent but what TLS needs. Where there is no
 * room for more, nobody is read from, and TCP tells the senders to wait.
 *
 * Invariants:
 *   (1) No more than inputs.connections are open, and inputs.peer_connections of one address: what comes above that is closed at once, and counted.
 *   (2) A connection keeps no more than one unfinished message of inputs.message_max bytes.
 *   (3) A connection whose handshake is not done within 10 s is closed. An idle one is not: a quiet host may have nothing to say; one that is gone is found by
 *       the kernel's own probes.
 */
#include "inputs_int.h"

#include "dogwatch/base/counter.h"
#include "dogwatch/base/error.h"
#include "dogwatch/base/log.h"
#include "dogwatch/base/mem.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <unistd.h>

enum { BACKLOG = 512, PROBE_AFTER_S = 60, PROBE_EVERY_S = 10, PROBES = 6, READS_AT_STOP = 256 };

int tcp_open(struct input *i)
{
    static const int options[][2] = {{TCP_KEEPIDLE, PROBE_AFTER_S}, {TCP_KEEPINTVL, PROBE_EVERY_S}, {TCP_KEEPCNT, PROBES}};
    int on = 1;
    int rc = input_bind(i, SOCK_STREAM);
    if (rc < 0)
        return rc;
    if (i->kept)
        return DW_OK;
    (void)setsockopt(i->fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on); /* connections inherit them */
    for (size_t k = 0; k < DW_COUNT_OF(options); k++)
        (void)setsockopt(i->fd, IPPROTO_TCP, options[k][0], &options[k][1], sizeof options[k][1]);
    return listen(i->fd, BACKLOG) == 0 ? DW_OK : dw_err_from_errno(errno);
}

static void on_message(void *arg, struct dw_str text, uint64_t cut, bool unterminated)
{
    struct connection *c = arg;
    input_message(c->input, dw_str_of(c->peer), text, cut, false, unterminated);
}

static void on_broken(void *arg)
{
    struct connection *c = arg;
    DW_COUNT(inputs_framing_errors);
    c->input->losses.broken++;
    if (input_tells(c->input->in, c->host))
        dw_warn("%s: a syslog message without the octet count that those before it had: taken up to the next newline", c->address);
}

static const struct unframe_out *out_of(struct connection *c, struct unframe_out *out)
{
    *out = (struct unframe_out){.arg = c, .message = on_message, .broken = on_broken};
    return out;
}

static void on_closed(uv_handle_t *handle)
{
    struct connection *c = handle->data;
    SSL_free(c->tls);
    unframe_fini(&c->frames);
    dw_free(c);
}

static void drop(struct connection *c)
{
    struct unframe_out out;
    if (c->closing)
        return;
    c->closing = true;
    unframe_end(&c->frames, out_of(c, &out));
    (void)input_write(c->input); /* else it is kept */
    *c->at = c->next;
    if (c->next)
        c->next->at = c->at;
    c->input->in->connections--;
    uv_close((uv_handle_t *)&c->poll, on_closed);
    (void)close(c->fd);
}

static bool hear(struct connection *c);

static void on_ready(uv_poll_t *poll, int status, int events)
{
    struct connection *c = poll->data;
    (void)events;
    if (c->closing)
        return;
    if (status < 0 || !hear(c))
        drop(c);
}

static void wait_for(struct connection *c, int events)
{
    c->events = events;
    if (!c->input->in->held && uv_poll_start(&c->poll, events, on_ready) != 0)
        c->failed = true;
}

/* One read. False: it is over. */
static bool read_once(struct connection *c, ssize_t *ret)
{
    struct inputs *in = c->input->in;
    struct unframe_out out;
    ssize_t n = c->tls ? tls_read(c) : read(c->fd, in->bytes, INPUT_READ_BYTES);
    *ret = n;
    if (n < 0)
        return c->tls || errno == EAGAIN || errno == EINTR;
    if (n == 0)
        return false;
    if (unframe_feed(&c->frames, in->message_max, dw_str_make(in->bytes, (size_t)n), out_of(c, &out)) < 0) {
        DW_COUNT(inputs_read_errors);
        return false;
    }
    (void)input_write(c->input); /* else it is kept, and nobody is read from until it is written */
    return true;
}

static bool hear(struct connection *c)
{
    ssize_t n;
    if (c->shaking) {
        int rc = tls_shake(c);
        if (rc < 0)
            return false;
        c->shaking = rc == 0;
        if (c->shaking) {
            wait_for(c, c->events);
            return !c->failed;
        }
        wait_for(c, UV_READABLE);
    }
    return read_once(c, &n) && !c->failed;
}

/* Whether one more of an address may be open. */
static bool is_welcome(const struct inputs *in, uint64_t host)
{
    int64_t same = 0;
    if (in->connections >= in->opt->inputs_connections)
        return false;
    for (uint32_t k = 0; k < in->count; k++)
        for (const struct connection *c = in->input[k].connection; c; c = c->next)
            same += c->host == host;
    return same < in->opt->inputs_peer_connections;
}

static struct connection *new_connection(struct input *i, int fd, const struct sockaddr_storage *from)
{
    struct connection *c = dw_calloc(1, sizeof *c);
    if (!c)
        return NULL;
    c->input = i;
    c->fd = fd;
    c->host = input_host(from);
    c->since_ns = dw_clock_mono(i->in->clock);
    c->poll.data = c;
    input_address(from, c->address, sizeof c->address);
    memcpy(c->peer, c->address, sizeof c->address);
    if (uv_poll_init(i->in->loop, &c->poll, fd) != 0) {
        dw_free(c);
        return NULL;
    }
    c->next = i->connection;
    c->at = &i->connection;
    if (c->next)
        c->next->at = &c->next;
    i->connection = c;
    i->in->connections++;
    DW_COUNT(inputs_connections);
    return c;
}

/* No connection was taken. Without a descriptor for it the loop would tell of it again at once, and again. */
static void none_taken(struct input *i, int err)
{
    int64_t now = dw_clock_mono(i->in->clock);
    if (err != DW_EFILES && err != DW_ENOMEM)
        return; /* there is none, or whoever came has left */
    DW_COUNT(inputs_rests);
    i->rests = true;
    (void)uv_poll_stop(&i->poll);
    if (i->said_rests_ns && now - i->said_rests_ns < INPUT_RESTS_NS)
        return;
    i->said_rests_ns = now;
    dw_warn("%s: who connects waits: %s", i->at.name, dw_err_text(err));
}

void tcp_accept(struct input *i)
{
    for (int k = 0; k < INPUT_ACCEPTS; k++) {
        struct sockaddr_storage from;
        socklen_t bytes = sizeof from;
        int fd = accept4(i->fd, (struct sockaddr *)&from, &bytes, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd < 0) {
            none_taken(i, dw_err_from_errno(errno));
            return;
        }
        struct connection *c = is_welcome(i->in, input_host(&from)) ? new_connection(i, fd, &from) : NULL;
        if (!c) {
            char peer[64];
            DW_COUNT(inputs_refused);
            i->losses.refused++;
            input_address(&from, peer, sizeof peer);
            if (input_tells(i->in, ~input_host(&from)))
                dw_warn("%s: its connection to %s is closed: inputs.connections or inputs.peer_connections are open", peer, i->at.name);
            (void)close(fd);
            continue;
        }
        c->shaking = i->at.kind == DW_LISTEN_TLS;
        if (c->shaking && !tls_begin(c))
            drop(c);
        else
            wait_for(c, UV_READABLE);
    }
}

void tcp_hold(struct input *i, bool held)
{
    for (struct connection *c = i->connection; c; c = c->next) {
        if (held)
            (void)uv_poll_stop(&c->poll);
        else
            wait_for(c, c->events);
    }
}

void tcp_look(struct input *i, int64_t now_ns)
{
    for (struct connection *c = i->connection, *next; c; c = next) {
        next = c->next;
        bool late = c->shaking && now_ns - c->since_ns > INPUT_HANDSHAKE_NS;
        if (late) {
            DW_COUNT(inputs_handshakes_failed);
            i->losses.handshakes++;
        }
        if (late || c->failed)
            drop(c);
    }
}

void tcp_stop(struct input *i)
{
    for (struct connection *c = i->connection, *next; c; c = next) {
        ssize_t n = 1;
        next = c->next;
        for (int k = 0; k < READS_AT_STOP && n > 0 && !c->shaking && !i->in->held; k++)
            if (!read_once(c, &n))
                break;
        drop(c);
    }
}

void tcp_close(struct input *i)
{
    while (i->connection)
        drop(i->connection);
}
