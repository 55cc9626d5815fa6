/*
 * control: who asks the agent, over its unix socket or metrics.listen.
 *
 * Idea: one request a connection, a line and headers of HTTP; the answer ends with the connection. A tap goes on until its reader leaves.
 *
 * Invariants:
 *   (1) Nobody who asks makes the agent wait: what a slow reader does not take waits in bounded memory; of a tap then whole events are left out, and it is told how many.
 *   (2) At most CLIENTS_MAX ask at once over each of the two; whoever has not asked yet gives way to one more, who else is told so.
 *   (3) Without a descriptor for one who asks the loop is not told of him for a second: else it would tell of him again at once, and again.
 *   (4) Over metrics.listen nothing but metrics is answered.
 */
#include "control.h"

#include "dogwatch/base/clock.h"
#include "dogwatch/base/counter.h"
#include "dogwatch/base/error.h"
#include "dogwatch/base/log.h"
#include "dogwatch/base/mem.h"
#include "dogwatch/conf/listen.h"
#include "dogwatch/event/json_write.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

enum { AGAIN_MS = 1000, CLIENTS_MAX = 16, REQUEST_MAX = 16 * 1024, WAITING_MAX = 4 * 1024 * 1024, BACKLOG = 16, WORD_MAX = 256 };
#define SAY_AGAIN_NS (60 * DW_NS_PER_S)

struct listener {
    uv_poll_t poll;
    uv_timer_t again;
    int fd;
    int64_t said_ns; /* when it was said that who asks has to wait; 0: never */
    bool metrics; /* for metrics alone */
    struct control *control;
};

struct client {
    struct client *next;
    uv_poll_t poll;
    int fd;
    bool metrics, answered, taps, closing;
    uint64_t left_out;  /* events of a tap since it was told last */
    char of[WORD_MAX];  /* what a tap wants; empty: all */
    struct dw_buf in, out;
    struct control *control;
};

struct control {
    struct listener own, metrics;
    char path[AGENT_PATH_MAX];
    uv_loop_t *loop;
    struct agent *const *agent;
    struct client *client;
    uint32_t tap_count;
    struct dw_keys *keys; /* of taps; NULL: there were none yet */
    struct dw_decoder *decoder;
};

/* ---- binding ---- */

static int listen_at(const struct sockaddr *at, socklen_t len)
{
    int one = 1, fd = socket(at->sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return -1;
    if (at->sa_family != AF_UNIX)
        (void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (bind(fd, at, len) == 0 && listen(fd, BACKLOG) == 0)
        return fd;
    int err = errno;
    dw_fs_close(fd);
    errno = err;
    return -1;
}

/* What an earlier start left there is in the way: whoever has the lock of DATA/agent may take it away. */
static void open_own(struct control *c, const char *data)
{
    struct sockaddr_un at = {.sun_family = AF_UNIX};
    int n = snprintf(c->path, sizeof c->path, "%s/agent/control.sock", data);
    if (n < 0 || n >= (int)sizeof at.sun_path) {
        dw_warn("%s/agent/control.sock: too long a path for a socket: `dogwatch agent` cannot ask this agent", data);
        c->path[0] = '\0';
        return;
    }
    memcpy(at.sun_path, c->path, (size_t)n + 1);
    int rc = dw_fs_unlink(&dw_fs_system, c->path);
    (void)rc; /* what cannot be taken away keeps the next call from binding, which is said */
    mode_t was = umask(0117);
    c->own.fd = listen_at((const struct sockaddr *)&at, sizeof at);
    (void)umask(was);
    if (c->own.fd < 0)
        dw_warn("%s: %s: `dogwatch agent` cannot ask this agent", c->path, dw_err_text(dw_err_from_errno(errno)));
}

static int open_metrics(struct control *c, struct dw_str where)
{
    struct dw_listen l;
    int rc = dw_listen_tcp(where, &l, NULL);
    if (rc == DW_OK)
        c->metrics.fd = listen_at((const struct sockaddr *)&l.address, l.address_bytes);
    if (c->metrics.fd >= 0)
        return DW_OK;
    dw_error("metrics.listen: %s: %s", where.ptr, rc < 0 ? "no place to listen at" : dw_err_text(dw_err_from_errno(errno)));
    return DW_ECONFIG;
}

int control_open(const struct dw_agent_options *opt, struct control **ret)
{
    struct control *c = dw_calloc(1, sizeof *c);
    if (!c)
        return DW_ENOMEM;
    c->own.fd = c->metrics.fd = -1;
    c->own.control = c->metrics.control = c;
    c->metrics.metrics = true;
    open_own(c, opt->data.ptr);
    int rc = opt->metrics_listen.len ? open_metrics(c, opt->metrics_listen) : DW_OK;
    if (rc < 0)
        control_free(c);
    else
        *ret = c;
    return rc;
}

/* ---- clients ---- */

static void on_closed(uv_handle_t *handle)
{
    struct client *k = handle->data;
    dw_fs_close(k->fd);
    dw_buf_fini(&k->in);
    dw_buf_fini(&k->out);
    dw_free(k);
}

static void leave(struct client *k)
{
    struct control *c = k->control;
    struct client **at = &c->client;
    if (k->closing)
        return;
    k->closing = true;
    while (*at != k)
        at = &(*at)->next;
    *at = k->next;
    c->tap_count -= k->taps;
    uv_close((uv_handle_t *)&k->poll, on_closed);
}

static void on_client(uv_poll_t *poll, int status, int events);

static void listen_for(struct client *k)
{
    int events = UV_READABLE | UV_DISCONNECT | (k->out.len ? UV_WRITABLE : 0);
    if (uv_poll_start(&k->poll, events, on_client) != 0)
        leave(k);
}

static void send_waiting(struct client *k)
{
    while (k->out.len) {
        ssize_t n = send(k->fd, k->out.ptr, k->out.len, MSG_NOSIGNAL);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) {
            listen_for(k);
            return;
        }
        if (n < 0) {
            leave(k);
            return;
        }
        memmove(k->out.ptr, k->out.ptr + n, k->out.len - (size_t)n);
        k->out.len -= (size_t)n;
    }
    if (k->answered && !k->taps)
        leave(k);
    else
        listen_for(k);
}

static void put_head(struct dw_buf *out, unsigned status, const char *type)
{
    const char *word = status == 200 ? "OK" : status == 400 ? "Bad Request" : status == 404 ? "Not Found" : "Service Unavailable";
    dw_buf_printf(out, "HTTP/1.1 %u %s\r\nContent-Type: %s\r\nConnection: close\r\n\r\n", status, word, type);
}

static void refuse(struct client *k, unsigned status, const char *why)
{
    put_head(&k->out, status, "text/plain");
    dw_buf_printf(&k->out, "%s\n", why);
}

static void begin_tap(struct client *k, struct dw_str target)
{
    struct control *c = k->control;
    struct dw_buf of = {0};
    int rc = ask_decode(ask_value(target, DW_STR("of")), &of);
    if (!c->keys)
        c->keys = dw_keys_new();
    if (c->keys && !c->decoder)
        c->decoder = dw_decoder_new(c->keys);
    if (rc < 0 || of.len >= WORD_MAX) {
        refuse(k, 400, "/tap?of=WORD, with %XX for what is no letter");
    } else if (!c->decoder) {
        refuse(k, 503, "no memory");
    } else {
        if (of.len)
            memcpy(k->of, of.ptr, of.len);
        put_head(&k->out, 200, "application/x-ndjson");
        k->taps = true;
        c->tap_count++;
    }
    dw_buf_fini(&of);
}

static void answer(struct client *k, struct dw_str line)
{
    struct dw_str rest = line, method = dw_str_cut(&rest, ' '), target = dw_str_cut(&rest, ' ');
    enum ask what = ask_of(target);
    struct dw_buf body = {0};
    k->answered = true;
    if (!dw_str_eq(method, DW_STR("GET"))) {
        refuse(k, 400, "only GET is answered");
    } else if (k->metrics && !ask_is_open(what)) {
        refuse(k, 404, "there is nothing but /metrics");
    } else if (what == ASK_TAP) {
        begin_tap(k, target);
    } else {
        unsigned status = ask_answer(*k->control->agent, target, &body);
        put_head(&k->out, status, what == ASK_METRICS && status == 200 ? "text/plain; version=0.0.4" : status == 200 ? "application/x-ndjson" : "text/plain");
        dw_buf_str(&k->out, dw_buf_view(&body));
    }
    dw_buf_fini(&body);
    send_waiting(k);
}

/* Takes a part of what came; false: the client is gone, or has nothing to say that is listened to. */
static bool take(struct client *k)
{
    char bytes[4096];
    ssize_t n = read(k->fd, bytes, sizeof bytes);
    if (n < 0)
        return errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR;
    if (n == 0 || k->answered)
        return false;
    dw_buf_add(&k->in, bytes, (size_t)n);
    return !k->in.err && k->in.len <= REQUEST_MAX;
}

static void on_client(uv_poll_t *poll, int status, int events)
{
    struct client *k = poll->data;
    if (status < 0 || (events & UV_DISCONNECT) || ((events & UV_READABLE) && !take(k))) {
        leave(k);
        return;
    }
    struct dw_str in = dw_buf_view(&k->in);
    size_t head = dw_str_find(in, DW_STR("\r\n\r\n"));
    if (!k->answered && head < in.len)
        answer(k, dw_str_slice(in, 0, dw_str_find(in, DW_STR("\r\n"))));
    else if (k->out.len)
        send_waiting(k);
}

/* Whether a listener has a place for one more. Where all are taken, the one who has been there longest without asking gives his up. */
static bool make_room(struct control *c, bool metrics)
{
    uint32_t count = 0;
    struct client *oldest = NULL;
    for (struct client *k = c->client; k; k = k->next) { /* the newest comes first */
        count += k->metrics == metrics;
        oldest = k->metrics == metrics && !k->answered ? k : oldest;
    }
    if (count >= CLIENTS_MAX && oldest)
        leave(oldest);
    return count < CLIENTS_MAX || oldest;
}

static void on_ask(uv_poll_t *poll, int status, int events);

static void on_again(uv_timer_t *timer)
{
    struct listener *l = timer->data;
    (void)uv_poll_start(&l->poll, UV_READABLE, on_ask); /* cannot fail on a handle that was made */
}

/* Nobody was taken: he has left, or waits until there is a descriptor for him. */
static void none_taken(struct listener *l, int err)
{
    if (err != DW_EFILES && err != DW_ENOMEM)
        return;
    DW_COUNT(control_rests);
    (void)uv_poll_stop(&l->poll);
    (void)uv_timer_start(&l->again, on_again, AGAIN_MS, 0);
    int64_t now = dw_clock_mono(&dw_clock_system);
    if (l->said_ns && now - l->said_ns < SAY_AGAIN_NS)
        return;
    l->said_ns = now;
    dw_warn("who asks this agent waits: %s", dw_err_text(err));
}

static void on_ask(uv_poll_t *poll, int status, int events)
{
    struct listener *l = poll->data;
    struct control *c = l->control;
    (void)status;
    (void)events;
    int fd = accept4(l->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (fd < 0) {
        none_taken(l, dw_err_from_errno(errno));
        return;
    }
    struct client *k = make_room(c, l->metrics) ? dw_calloc(1, sizeof *k) : NULL;
    if (!k || uv_poll_init(c->loop, &k->poll, fd) != 0) {
        const struct dw_str busy = DW_STR("HTTP/1.1 503 Service Unavailable\r\nConnection: close\r\n\r\ntoo many ask at once\n");
        (void)send(fd, busy.ptr, busy.len, MSG_NOSIGNAL | MSG_DONTWAIT);
        dw_fs_close(fd);
        dw_free(k);
        return;
    }
    k->poll.data = k;
    k->fd = fd;
    k->metrics = l->metrics;
    k->control = c;
    k->next = c->client;
    c->client = k;
    listen_for(k);
}

static void start_one(struct listener *l, uv_loop_t *loop)
{
    if (l->fd < 0 || uv_timer_init(loop, &l->again) != 0 || uv_poll_init(loop, &l->poll, l->fd) != 0)
        return;
    l->poll.data = l->again.data = l;
    (void)uv_poll_start(&l->poll, UV_READABLE, on_ask); /* cannot fail on a handle that was made */
}

void control_start(struct control *c, uv_loop_t *loop, struct agent *const *at)
{
    c->loop = loop;
    c->agent = at;
    start_one(&c->own, loop);
    start_one(&c->metrics, loop);
}

void control_stop(struct control *c)
{
    while (c && c->client)
        leave(c->client);
}

void control_free(struct control *c)
{
    if (!c)
        return;
    dw_fs_close(c->own.fd);
    dw_fs_close(c->metrics.fd);
    int rc = c->own.fd >= 0 ? dw_fs_unlink(&dw_fs_system, c->path) : DW_OK;
    (void)rc; /* the next start takes it away */
    dw_decoder_free(c->decoder);
    dw_keys_free(c->keys);
    dw_free(c);
}

/* ---- taps ---- */

/* Whether an event is of a log, a container or a pod with the word in it. */
static bool is_of(const struct client *k, const struct dw_event *ev)
{
    const struct dw_str word = dw_str_of(k->of);
    bool is = word.len == 0;
    for (uint32_t i = 0; !is && i < ev->stream->field_count; i++) {
        const struct dw_field *f = &ev->stream->field[i];
        struct dw_str v = dw_field_is_text(f) ? dw_field_str(f) : DW_STR_NONE;
        is = f->key != DW_F_host_name && dw_str_find(v, word) < v.len;
    }
    return is;
}

static void show_event(struct client *k, const struct dw_event *ev)
{
    struct dw_buf one = {0};
    dw_event_json(k->control->keys, ev, NULL, &one);
    if (one.err || k->out.len + one.len > WAITING_MAX) {
        k->left_out++;
        dw_buf_fini(&one);
        return;
    }
    if (k->left_out)
        dw_buf_printf(&k->out, "{\"left_out\":%" PRIu64 "}\n", k->left_out);
    k->left_out = 0;
    dw_buf_str(&k->out, dw_buf_view(&one));
    dw_buf_byte(&k->out, '\n');
    dw_buf_fini(&one);
}

void control_show(void *control, const struct dw_frame *f)
{
    struct control *c = control;
    struct dw_decoded d;
    if (c->tap_count == 0 || dw_decode(c->decoder, dw_buf_view(&f->bytes), &d) < 0)
        return;
    for (struct client *k = c->client, *next; k; k = next) {
        next = k->next;
        if (!k->taps)
            continue;
        for (uint32_t i = 0; i < d.event_count; i++)
            if (is_of(k, &d.event[i]))
                show_event(k, &d.event[i]);
        if (k->out.len)
            send_waiting(k);
    }
}
