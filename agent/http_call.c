/*
 * http_call: GET, on the loop.
 *
 * Idea: one request a connection, so that an answer's end is the connection's and nothing of one call is left over for the next.
 *
 * Invariants:
 *   (1) No call into the kernel or OpenSSL waits: the descriptor is non-blocking from the beginning, and addresses are never names.
 *   (2) Nothing is sent over TLS before the certificate is proved, for the place's own name.
 *   (3) A turn of the loop reads READS pieces at most of one call.
 */
#include "http_call.h"

#include "http_answer.h"

#include "dogwatch/base/clock.h"
#include "dogwatch/base/error.h"
#include "dogwatch/base/mem.h"

#include <arpa/inet.h>
#include <errno.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <sys/un.h>
#include <unistd.h>

enum { PIECE = 16 * 1024, READS = 16 };

struct http_call {
    struct http_call_conf conf;
    uv_poll_t poll;
    int fd;
    SSL *tls;
    enum { CONNECTING, SHAKING, SENDING, READING, DONE } state;
    bool closing, headed;
    int64_t since_ns;
    struct dw_buf request;
    size_t sent;
    struct http_answer answer;
    char bytes[PIECE];
};

int http_place_unix(struct http_place *p, struct dw_str path)
{
    struct sockaddr_un *at = (struct sockaddr_un *)(void *)&p->address;
    if (path.len == 0 || path.len >= sizeof at->sun_path)
        return DW_ELIMIT;
    *p = (struct http_place){.address_bytes = sizeof *at, .host = "localhost"};
    at->sun_family = AF_UNIX;
    memcpy(at->sun_path, path.ptr, path.len);
    return DW_OK;
}

static void on_closed(uv_handle_t *handle)
{
    struct http_call *c = handle->data;
    SSL_free(c->tls);
    dw_buf_fini(&c->request);
    http_answer_fini(&c->answer);
    dw_free(c);
}

void http_call_free(struct http_call **call)
{
    struct http_call *c = *call;
    *call = NULL;
    if (!c || c->closing)
        return;
    c->closing = true;
    c->state = DONE;
    uv_close((uv_handle_t *)&c->poll, on_closed);
    (void)close(c->fd);
}

/* Says that it is over, once. */
static void end(struct http_call *c, int rc, const char *why)
{
    if (c->state == DONE)
        return;
    c->state = DONE;
    (void)uv_poll_stop(&c->poll);
    c->conf.end(c->conf.arg, rc, c->headed ? c->answer.status : 0, why);
}

static void on_head(void *arg, int status)
{
    struct http_call *c = arg;
    c->headed = true;
    c->conf.head(c->conf.arg, status);
}

static int on_body(void *arg, struct dw_str bytes)
{
    struct http_call *c = arg;
    if (c->closing)
        return DW_EAGAIN;
    return c->conf.body(c->conf.arg, bytes);
}

static const char *tls_reason(struct http_call *c)
{
    long verdict = SSL_get_verify_result(c->tls);
    const char *text = ERR_reason_error_string(ERR_peek_last_error());
    ERR_clear_error();
    return verdict != X509_V_OK ? X509_verify_cert_error_string(verdict) : text ? text : "the connection broke off in the handshake";
}

static void on_ready(uv_poll_t *poll, int status, int events);

static void wait_for(struct http_call *c, int events)
{
    if (uv_poll_start(&c->poll, events, on_ready) != 0)
        end(c, DW_EIO, NULL);
}

/* What TLS waits for; false: it failed. */
static bool tls_waits(struct http_call *c, int rc)
{
    int error = SSL_get_error(c->tls, rc);
    if (error != SSL_ERROR_WANT_READ && error != SSL_ERROR_WANT_WRITE)
        return false;
    wait_for(c, error == SSL_ERROR_WANT_WRITE ? UV_WRITABLE : UV_READABLE);
    return true;
}

/* 1: there are bytes; 0: not now; below 0: the end, DW_EIO or another code. */
static int read_piece(struct http_call *c, size_t *ret)
{
    if (!c->tls) {
        ssize_t n = read(c->fd, c->bytes, PIECE);
        *ret = n > 0 ? (size_t)n : 0;
        return n > 0 ? 1 : n == 0 ? DW_EIO : errno == EAGAIN || errno == EINTR ? 0 : dw_err_from_errno(errno);
    }
    ERR_clear_error();
    int n = SSL_read(c->tls, c->bytes, PIECE);
    *ret = n > 0 ? (size_t)n : 0;
    if (n > 0)
        return 1;
    bool waits = tls_waits(c, n);
    ERR_clear_error();
    return waits ? 0 : DW_EIO;
}

static void read_on(struct http_call *c)
{
    struct http_answer_out out = {.arg = c, .head = on_head, .body = on_body};
    size_t n;
    for (int k = 0; k < READS && c->state == READING; k++) {
        int rc = read_piece(c, &n);
        if (rc == 0)
            return;
        int over = rc > 0 ? http_answer_feed(&c->answer, dw_str_make(c->bytes, n), &out) : http_answer_end(&c->answer);
        if (over < 0 || rc < 0 || c->answer.state == HTTP_OVER)
            end(c, over, over == DW_EIO ? "the answer breaks off" : over == DW_ESYNTAX ? "it does not answer in HTTP/1.1" : NULL);
    }
}

static void send_on(struct http_call *c)
{
    while (c->state == SENDING && c->sent < c->request.len) {
        const char *at = c->request.ptr + c->sent;
        size_t left = c->request.len - c->sent;
        ERR_clear_error();
        ssize_t n = c->tls ? SSL_write(c->tls, at, (int)left) : send(c->fd, at, left, MSG_NOSIGNAL);
        if (n <= 0 && c->tls) {
            if (!tls_waits(c, (int)n))
                end(c, DW_EIO, tls_reason(c));
            return;
        }
        if (n < 0) {
            if (errno != EAGAIN && errno != EINTR)
                end(c, dw_err_from_errno(errno), NULL);
            return;
        }
        c->sent += (size_t)n;
    }
    if (c->state != SENDING)
        return;
    OPENSSL_cleanse(c->request.ptr, c->request.len); /* it may hold a token */
    c->state = READING;
    wait_for(c, UV_READABLE);
}

static void shake(struct http_call *c)
{
    ERR_clear_error();
    int rc = SSL_do_handshake(c->tls);
    if (rc == 1) {
        c->state = SENDING;
        wait_for(c, UV_READABLE | UV_WRITABLE);
        send_on(c);
    } else if (!tls_waits(c, rc)) {
        end(c, DW_ECRYPTO, tls_reason(c));
    }
}

/* Certificates are of the place's own name. */
static bool begin_tls(struct http_call *c)
{
    const struct http_place *p = c->conf.place;
    unsigned char address[sizeof(struct in6_addr)];
    bool is_address = inet_pton(AF_INET, p->name, address) == 1 || inet_pton(AF_INET6, p->name, address) == 1;
    c->tls = SSL_new(p->tls);
    if (!c->tls || SSL_set_fd(c->tls, c->fd) != 1)
        return false;
    X509_VERIFY_PARAM *param = SSL_get0_param(c->tls);
    X509_VERIFY_PARAM_set_hostflags(param, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
    int named = is_address ? X509_VERIFY_PARAM_set1_ip_asc(param, p->name) : X509_VERIFY_PARAM_set1_host(param, p->name, 0);
    SSL_set_verify(c->tls, SSL_VERIFY_PEER, NULL);
    if (!is_address && SSL_set_tlsext_host_name(c->tls, p->name) != 1)
        return false;
    SSL_set_connect_state(c->tls);
    return named == 1;
}

static void connected(struct http_call *c)
{
    int error = 0;
    socklen_t bytes = sizeof error;
    if (getsockopt(c->fd, SOL_SOCKET, SO_ERROR, &error, &bytes) != 0)
        error = errno;
    if (error) {
        end(c, dw_err_from_errno(error), error == ECONNREFUSED ? "nobody listens there" : NULL);
        return;
    }
    if (!c->conf.place->tls) {
        c->state = SENDING;
        send_on(c);
    } else if (begin_tls(c)) {
        c->state = SHAKING;
        shake(c);
    } else {
        end(c, DW_ENOMEM, NULL);
    }
}

static void on_ready(uv_poll_t *poll, int status, int events)
{
    struct http_call *c = poll->data;
    (void)status; /* reading or writing tells it better */
    (void)events;
    switch (c->state) {
    case CONNECTING: connected(c); return;
    case SHAKING: shake(c); return;
    case SENDING: send_on(c); return;
    case READING: read_on(c); return;
    case DONE: return;
    }
}

static int connect_to(struct http_call *c)
{
    const struct http_place *p = c->conf.place;
    c->fd = socket(p->address.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (c->fd < 0)
        return dw_err_from_errno(errno);
    if (connect(c->fd, (const struct sockaddr *)&p->address, p->address_bytes) != 0 && errno != EINPROGRESS)
        return errno == ECONNREFUSED || errno == EAGAIN ? DW_EAGAIN : dw_err_from_errno(errno);
    int rc = uv_poll_init(c->conf.loop, &c->poll, c->fd);
    return rc == 0 ? DW_OK : dw_err_from_errno(-rc);
}

int http_call_begin(const struct http_call_conf *conf, struct http_call **ret)
{
    struct http_call *c = dw_calloc(1, sizeof *c);
    if (!c)
        return DW_ENOMEM;
    c->conf = *conf;
    c->fd = -1;
    c->since_ns = dw_clock_mono(&dw_clock_system);
    c->poll.data = c;
    dw_buf_printf(&c->request, "GET %s HTTP/1.1\r\nHost: %s\r\nUser-Agent: dogwatch-agent\r\nAccept: application/json\r\nConnection: close\r\n", conf->target, conf->place->host);
    if (conf->token.len)
        dw_buf_printf(&c->request, "Authorization: Bearer %.*s\r\n", DW_ARG(conf->token));
    dw_buf_str(&c->request, DW_STR("\r\n"));
    int rc = c->request.err ? DW_ENOMEM : connect_to(c);
    if (rc < 0) {
        if (c->fd >= 0)
            (void)close(c->fd);
        dw_buf_fini(&c->request);
        dw_free(c);
        return rc;
    }
    wait_for(c, UV_WRITABLE);
    *ret = c;
    return DW_OK;
}

void http_call_look(struct http_call *c, int64_t now_ns)
{
    int64_t took = now_ns - c->since_ns;
    bool late = (!c->headed && took > c->conf.head_ns) || (c->conf.whole_ns && took > c->conf.whole_ns);
    if (late)
        end(c, DW_EAGAIN, "it does not answer in time");
}
