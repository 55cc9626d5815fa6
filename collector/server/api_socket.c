/*
 * api_socket: a request whose connection became a web socket.
 *
 *     worker: 101 -> (the connection's thread sends it and gives the socket) -> turns, messages -> close frame -> api_end
 *
 * Idea: the worker alone reads and writes; between what it has to say it takes turns, in which the client is heard. MHD closes the socket
 * when it is told to, since it is MHD's (with TLS a pair of sockets, behind which it goes on).
 *
 * Invariants:
 *   (1) The socket is taken by the worker or given back at once: `left` and `socket` are decided under the request's lock.
 *   (2) A client that takes nothing for api.query.wait ends it, and so does one that does not answer a ping for so long.
 *   (3) A frame is begun only when the one before is whole, so control frames never stand in the middle of a message.
 *   (4) It ends within seconds after its token is revoked or over.
 *   (5) What waits for a client is one message, a ping, a pong and a close frame.
 */
#include "api_int.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>

enum { ROUND_MS = 200, READ_BYTES = 4096 };
#define PING_AFTER_NS (5 * DW_NS_PER_S) /* of silence */
#define ASK_AFTER_NS (1 * DW_NS_PER_S)  /* whether the token still holds */
#define CLOSE_NS (1 * DW_NS_PER_S)      /* for the client to answer a close frame */

/* ---- the handing over ---- */

void api_on_upgrade(void *cls, struct MHD_Connection *conn, void *con_cls, const char *extra, size_t extra_len, MHD_socket fd, struct MHD_UpgradeResponseHandle *upgraded)
{
    struct request *rq = cls;
    (void)conn;
    (void)con_cls;
    (void)pthread_mutex_lock(&rq->lock);
    bool left = rq->left;
    if (!left) {
        dw_buf_add(&rq->body, extra, extra_len);
        rq->socket = fd;
        rq->upgraded = upgraded;
        (void)pthread_cond_signal(&rq->changed);
    }
    (void)pthread_mutex_unlock(&rq->lock);
    if (left)
        (void)MHD_upgrade_action(upgraded, MHD_UPGRADE_ACTION_CLOSE);
}

bool api_socket_goes_on(const struct api_socket *s)
{
    return !s->gone && !s->code;
}

void api_socket_end(struct api_socket *s, enum websocket_code code, const char *reason)
{
    if (!api_socket_goes_on(s))
        return;
    s->code = (uint16_t)code;
    (void)snprintf(s->reason, sizeof s->reason, "%s", reason);
    if (code != WEBSOCKET_NORMAL)
        api_partial(s->rq, "%s", reason);
}

/* ---- what the client says ---- */

static void hear(struct api_socket *s, struct dw_str bytes)
{
    s->heard_ns = dw_clock_mono(&dw_clock_system);
    s->pinged = false;
    while (bytes.len && !s->in.over) {
        enum websocket_event e = websocket_take(&s->in, &bytes);
        if (e == WEBSOCKET_PINGED) { /* of several pings the last is answered, which is enough */
            struct dw_str said = websocket_payload(&s->in);
            memcpy(s->pong, said.ptr, said.len);
            s->pong_len = (uint8_t)said.len;
            s->owes_pong = true;
        } else if (e == WEBSOCKET_BROKEN) {
            api_socket_end(s, s->in.code, s->in.code == WEBSOCKET_TOO_LARGE ? "the client's message is too large" : "the client sent what is no frame of a web socket");
        } else if (e == WEBSOCKET_CLOSED) {
            s->closed = true;
            s->code = s->code ? s->code : s->in.code;
        }
    }
}

static void lose(struct api_socket *s)
{
    if (api_socket_goes_on(s))
        api_partial(s->rq, "the client went away");
    s->gone = true;
}

static void take(struct api_socket *s)
{
    char room[READ_BYTES];
    ssize_t n = recv(s->rq->socket, room, sizeof room, MSG_DONTWAIT);
    if (n > 0)
        hear(s, dw_str_make(room, (size_t)n));
    else if (n == 0 || (errno != EAGAIN && errno != EINTR))
        lose(s);
}

/* ---- what it is told ---- */

static bool waits(const struct api_socket *s)
{
    return s->sent < s->out.len;
}

/* Whoever puts a frame where none waits begins to wait. */
static void begin_waiting(struct api_socket *s)
{
    if (waits(s))
        return;
    dw_buf_reset(&s->out);
    s->sent = 0;
    s->moved_ns = dw_clock_mono(&dw_clock_system);
}

static void push(struct api_socket *s)
{
    while (waits(s) && !s->gone && !s->out.err) {
        ssize_t n = send(s->rq->socket, s->out.ptr + s->sent, s->out.len - s->sent, MSG_DONTWAIT | MSG_NOSIGNAL);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 && errno != EAGAIN)
            lose(s);
        if (n < 0)
            break;
        s->sent += (size_t)n;
        s->moved_ns = dw_clock_mono(&dw_clock_system);
        s->heard_ns = s->blocked ? s->moved_ns : s->heard_ns; /* it makes room: it lives */
        s->blocked = false;
    }
    s->blocked |= waits(s);
}

static bool still_may(struct api_socket *s, int64_t now_ns)
{
    if (now_ns - s->asked_ns <= ASK_AFTER_NS)
        return true;
    s->asked_ns = now_ns;
    return api_still_may(s->rq);
}

/* Why it should end, or a ping that is due. */
static void judge(struct api_socket *s)
{
    int64_t now_ns = dw_clock_mono(&dw_clock_system), silent_ns = now_ns - s->heard_ns, wait_ns = s->rq->api->opt->api_query_wait;
    if (s->out.err)
        api_socket_end(s, WEBSOCKET_INTERNAL, "out of memory");
    else if (atomic_load(&s->rq->api->stopping))
        api_socket_end(s, WEBSOCKET_GOING, "the collector ends");
    else if (!still_may(s, now_ns))
        api_socket_end(s, WEBSOCKET_POLICY, "the token is revoked or over");
    else if (waits(s) && now_ns - s->moved_ns > wait_ns)
        api_socket_end(s, WEBSOCKET_POLICY, "the client did not read for api.query.wait");
    else if (s->pinged && silent_ns > PING_AFTER_NS + wait_ns)
        api_socket_end(s, WEBSOCKET_POLICY, "the client did not answer a ping for api.query.wait");
    if (!api_socket_goes_on(s) || s->pinged || silent_ns <= PING_AFTER_NS || waits(s))
        return;
    begin_waiting(s);
    websocket_put(&s->out, WEBSOCKET_PING, DW_STR(""));
    s->pinged = true;
}

/* One look at the socket, for at most so long. */
static void look(struct api_socket *s, int wait_ms)
{
    struct pollfd p = {.fd = s->rq->socket, .events = (short)(POLLIN | (waits(s) ? POLLOUT : 0))};
    if (poll(&p, 1, wait_ms) > 0 && (p.revents & (POLLIN | POLLHUP | POLLERR)))
        take(s);
    if (s->owes_pong && !waits(s) && !s->code) {
        begin_waiting(s);
        websocket_put(&s->out, WEBSOCKET_PONG, dw_str_make((const char *)s->pong, s->pong_len));
        s->owes_pong = false;
    }
    push(s);
}

bool api_socket_turn(struct api_socket *s, int wait_ms)
{
    if (api_socket_goes_on(s))
        judge(s);
    if (api_socket_goes_on(s))
        look(s, wait_ms);
    return api_socket_goes_on(s);
}

bool api_socket_send(struct api_socket *s, struct dw_str text)
{
    begin_waiting(s);
    websocket_put(&s->out, WEBSOCKET_TEXT, text);
    push(s);
    while (waits(s) && api_socket_turn(s, ROUND_MS))
        continue;
    return api_socket_goes_on(s);
}

/* ---- begin and end ---- */

bool api_socket_open(struct api_socket *s, struct request *rq)
{
    *s = (struct api_socket){.rq = rq};
    (void)pthread_mutex_lock(&rq->lock);
    rq->upgrade = true;
    rq->begun = true;
    if (rq->suspended) {
        rq->suspended = false;
        MHD_resume_connection(rq->conn);
    }
    while (rq->socket < 0 && !rq->gone && !atomic_load(&rq->api->stopping))
        (void)pthread_cond_wait(&rq->changed, &rq->lock);
    bool got = rq->socket >= 0;
    rq->left = !got;
    (void)pthread_mutex_unlock(&rq->lock);
    if (got && rq->body.err)
        api_socket_end(s, WEBSOCKET_INTERNAL, "out of memory");
    else if (got)
        hear(s, dw_buf_view(&rq->body));
    else
        (void)api_in_vain(rq); /* says why */
    return got;
}

void api_socket_close(struct api_socket *s)
{
    int64_t until_ns = dw_clock_mono(&dw_clock_system) + CLOSE_NS;
    s->code = s->code ? s->code : WEBSOCKET_NORMAL;
    begin_waiting(s);
    websocket_put_close(&s->out, s->code, dw_str_of(s->reason));
    push(s);
    while (!s->gone && !s->out.err && (waits(s) || !s->closed) && dw_clock_mono(&dw_clock_system) < until_ns)
        look(s, ROUND_MS);
    dw_buf_fini(&s->out);
}
