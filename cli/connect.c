/*
 * connect: the way to a collector.
 *
 * TLS is OpenSSL's with its own defaults: the CAs of the system, SSL_CERT_FILE and SSL_CERT_DIR. There is no way to pass over the check of
 * a certificate, because the token goes to whoever answers;
 * remote.c sends none over http:// to another host.
 *
 * Invariant: a connection is given only after the other end has shown a certificate for the name that was typed, where the scheme is https.
 */
#include "connect.h"

#include "dogwatch/base/fs.h"
#include "dogwatch/base/mem.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>

enum { PORT_CAP = 8, ERROR_CAP = 200, CONNECT_MS = 10000 };

struct connection {
    int fd;
    SSL *tls; /* NULL: none */
    SSL_CTX *ctx;
    char name[CONNECT_HOST_CAP]; /* without port and brackets */
    char host[CONNECT_HOST_CAP]; /* as it was typed */
    char port[PORT_CAP];
    char error[ERROR_CAP];
    bool ended; /* the other end has sent all */
};

/* ---- sockets ---- */

/* Connects within CONNECT_MS; false: errno says why. */
static bool connect_within(int fd, const struct sockaddr *at, socklen_t len)
{
    struct pollfd p = {.fd = fd, .events = POLLOUT};
    int flags = fcntl(fd, F_GETFL), err = 0;
    socklen_t size = sizeof err;
    if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0)
        return false;
    if (connect(fd, at, len) < 0) {
        if (errno != EINPROGRESS)
            return false; /* of a unix socket also EAGAIN: nobody takes connections */
        if (poll(&p, 1, CONNECT_MS) == 0)
            err = ETIMEDOUT;
        else if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &err, &size) < 0)
            err = errno;
    }
    if (err)
        errno = err;
    return !err && fcntl(fd, F_SETFL, flags) == 0;
}

/* -1: errno says why. */
static int connect_socket(int family, const struct sockaddr *at, socklen_t len)
{
    int fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || connect_within(fd, at, len))
        return fd;
    int err = errno;
    dw_fs_close(fd);
    errno = err;
    return -1;
}

static int connect_unix(const char *path)
{
    struct sockaddr_un un = {.sun_family = AF_UNIX};
    size_t len = strlen(path);
    if (len >= sizeof un.sun_path) {
        errno = ENAMETOOLONG;
        return -1;
    }
    memcpy(un.sun_path, path, len + 1);
    return connect_socket(AF_UNIX, (const struct sockaddr *)&un, sizeof un);
}

bool connection_is_there(const char *path)
{
    int fd = connect_unix(path);
    dw_fs_close(fd);
    return fd >= 0;
}

/* The first of a name's addresses that answers. On failure *ret_why. */
static int connect_tcp(const char *name, const char *port, const char **ret_why)
{
    struct addrinfo *list = NULL, how = {.ai_socktype = SOCK_STREAM};
    int fd = -1, rc = getaddrinfo(name, port, &how, &list);
    if (rc != 0) {
        *ret_why = gai_strerror(rc);
        return -1;
    }
    for (const struct addrinfo *a = list; a && fd < 0; a = a->ai_next) {
        fd = connect_socket(a->ai_family, a->ai_addr, a->ai_addrlen);
        if (fd < 0)
            *ret_why = strerror(errno); /* NOLINT(concurrency-mt-unsafe): one thread */
    }
    freeaddrinfo(list);
    return fd;
}

/* Takes HOST[:PORT][/] apart. False: it is none. */
static bool take_host(struct connection *c, struct dw_str at, const char *usual_port)
{
    struct dw_str port = dw_str_of(usual_port);
    if (at.len && at.ptr[at.len - 1] == '/')
        at.len--;
    bool bracket = at.len && at.ptr[0] == '[';
    size_t end = bracket ? dw_str_index(at, ']') : dw_str_index(at, ':');
    struct dw_str name = dw_str_slice(at, bracket, end), rest = dw_str_slice(at, end + bracket, at.len);
    uint64_t number;
    if (rest.len && rest.ptr[0] == ':')
        port = dw_str_slice(rest, 1, rest.len);
    else if (rest.len)
        return false;
    if ((bracket && end == at.len) || !name.len || name.len >= sizeof c->name || at.len >= sizeof c->host || dw_str_index(at, '/') < at.len || port.len >= sizeof c->port
        || !dw_str_u64(port, &number) || number == 0 || number > UINT16_MAX)
        return false;
    (void)snprintf(c->name, sizeof c->name, "%.*s", DW_ARG(name));
    (void)snprintf(c->host, sizeof c->host, "%.*s", DW_ARG(at));
    (void)snprintf(c->port, sizeof c->port, "%.*s", DW_ARG(port));
    return true;
}

/* ---- TLS ---- */

static void keep_tls_error(struct connection *c)
{
    unsigned long code = ERR_get_error();
    const char *text = code ? ERR_reason_error_string(code) : NULL;
    (void)snprintf(c->error, sizeof c->error, "%s", text ? text : errno ? strerror(errno) : "the connection was closed"); /* NOLINT(concurrency-mt-unsafe): one thread */
}

/* OpenSSL writes without MSG_NOSIGNAL, also while it reads: an end that is gone must be an error and not the end of this program. */
enum tls_call { TLS_CONNECT, TLS_SEND, TLS_RECEIVE };
static bool call_tls(struct connection *c, enum tls_call what, void *bytes, size_t len, size_t *ret)
{
    sigset_t pipe, before;
    (void)sigemptyset(&pipe);
    (void)sigaddset(&pipe, SIGPIPE);
    (void)pthread_sigmask(SIG_BLOCK, &pipe, &before);
    errno = 0;
    bool ok = what == TLS_CONNECT ? SSL_connect(c->tls) == 1 : what == TLS_SEND ? SSL_write_ex(c->tls, bytes, len, ret) == 1 : SSL_read_ex(c->tls, bytes, len, ret) == 1;
    if (!ok) {
        c->ended = what == TLS_RECEIVE && SSL_get_error(c->tls, 0) == SSL_ERROR_ZERO_RETURN;
        keep_tls_error(c);
        (void)sigtimedwait(&pipe, NULL, &(struct timespec){0});
    }
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    return ok;
}

/* A name is checked as a name, an address as an address. */
static bool expect_name(struct connection *c)
{
    unsigned char bytes[16];
    bool address = inet_pton(AF_INET, c->name, bytes) == 1 || inet_pton(AF_INET6, c->name, bytes) == 1;
    if (address)
        return X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(c->tls), c->name) == 1;
    return SSL_set1_host(c->tls, c->name) == 1 && SSL_set_tlsext_host_name(c->tls, c->name) == 1;
}

static void say_tls(const struct connection *c, struct dw_buf *why)
{
    long verdict = c->tls ? SSL_get_verify_result(c->tls) : X509_V_OK;
    if (verdict == X509_V_OK) {
        dw_buf_printf(why, "TLS: %s\n  http:// is for a collector without api.tls.cert", c->error);
        return;
    }
    bool name = verdict == X509_V_ERR_HOSTNAME_MISMATCH || verdict == X509_V_ERR_IP_ADDRESS_MISMATCH;
    dw_buf_printf(why, "its certificate is not taken: %s\n  %s", X509_verify_cert_error_string(verdict),
        name ? "ask for a name that the certificate is for" : "SSL_CERT_FILE=FILE names the CA's certificate, or the server's own where it signed itself");
}

static bool begin_tls(struct connection *c, struct dw_buf *why)
{
    const struct timeval bound = {.tv_sec = CONNECT_MS / 1000}; /* also for what has begun to come: a record that does not end */
    errno = 0;
    c->ctx = SSL_CTX_new(TLS_client_method());
    bool ok = c->ctx && SSL_CTX_set_min_proto_version(c->ctx, TLS1_2_VERSION) == 1 && SSL_CTX_set_default_verify_paths(c->ctx) == 1;
    if (ok)
        SSL_CTX_set_verify(c->ctx, SSL_VERIFY_PEER, NULL);
    ok = ok && (c->tls = SSL_new(c->ctx)) && expect_name(c) && SSL_set_fd(c->tls, c->fd) == 1
        && setsockopt(c->fd, SOL_SOCKET, SO_RCVTIMEO, &bound, sizeof bound) == 0;
    if (!ok)
        keep_tls_error(c);
    if (ok && call_tls(c, TLS_CONNECT, NULL, 0, NULL))
        return true;
    say_tls(c, why);
    return false;
}

/* ---- the connection ---- */

enum scheme { LOCAL, HTTP, HTTPS };

/* Takes an address apart, all but the path of a unix socket. False: it is none. */
static bool take_address(struct connection *c, const char *server, enum scheme *ret)
{
    struct dw_str s = dw_str_of(server), local = DW_STR("unix:"), http = DW_STR("http://"), https = DW_STR("https://");
    *ret = dw_str_starts(s, local) ? LOCAL : dw_str_starts(s, https) ? HTTPS : HTTP;
    if (*ret == LOCAL) {
        (void)snprintf(c->host, sizeof c->host, "localhost");
        return s.len > local.len;
    }
    if (*ret == HTTP && !dw_str_starts(s, http))
        return false;
    return take_host(c, dw_str_slice(s, *ret == HTTPS ? https.len : http.len, s.len), *ret == HTTPS ? "443" : "80");
}

bool connection_address_ok(const char *server)
{
    struct connection c = {.fd = -1};
    enum scheme scheme;
    return take_address(&c, server, &scheme);
}

bool connection_is_private(const struct connection *c)
{
    unsigned char at[16];
    bool v4 = inet_pton(AF_INET, c->name, at) == 1;
    bool v6 = !v4 && inet_pton(AF_INET6, c->name, at) == 1;
    return c->tls || !c->name[0] || strcmp(c->name, "localhost") == 0 || (v4 && at[0] == 127) || (v6 && IN6_IS_ADDR_LOOPBACK((const struct in6_addr *)(const void *)at));
}

static bool reach(struct connection *c, const char *server, struct dw_buf *why)
{
    enum scheme scheme;
    const char *text = "no address";
    if (take_address(c, server, &scheme) && scheme == LOCAL) {
        c->fd = connect_unix(server + strlen("unix:"));
        text = strerror(errno); /* NOLINT(concurrency-mt-unsafe): one thread */
    } else if (c->name[0]) {
        c->fd = connect_tcp(c->name, c->port, &text);
    }
    if (c->fd < 0)
        dw_buf_printf(why, "%s\n  is a collector running there? Its log says where the HTTP API is (api.listen)", text);
    return c->fd >= 0 && (scheme != HTTPS || begin_tls(c, why));
}

struct connection *connection_open(const char *server, struct dw_buf *why)
{
    struct connection *c = dw_calloc(1, sizeof *c);
    if (!c)
        return NULL;
    c->fd = -1;
    if (reach(c, server, why))
        return c;
    connection_close(c);
    return NULL;
}

const char *connection_host(const struct connection *c)
{
    return c->host;
}

const char *connection_error(const struct connection *c)
{
    return c->error;
}

static void keep_errno(struct connection *c)
{
    (void)snprintf(c->error, sizeof c->error, "%s", strerror(errno)); /* NOLINT(concurrency-mt-unsafe): one thread */
}

bool connection_send(struct connection *c, struct dw_str bytes)
{
    while (bytes.len) {
        size_t n = 0;
        if (c->tls) {
            if (!call_tls(c, TLS_SEND, (void *)(uintptr_t)bytes.ptr, bytes.len, &n))
                return false;
        } else {
            ssize_t sent = send(c->fd, bytes.ptr, bytes.len, MSG_NOSIGNAL);
            if (sent < 0 && errno == EINTR)
                continue;
            if (sent < 0) {
                keep_errno(c);
                return false;
            }
            n = (size_t)sent;
        }
        bytes = dw_str_slice(bytes, n, bytes.len);
    }
    return true;
}

bool connection_wait(struct connection *c, int ms)
{
    struct pollfd p = {.fd = c->fd, .events = POLLIN};
    return (c->tls && SSL_has_pending(c->tls)) || poll(&p, 1, ms) != 0;
}

int connection_receive(struct connection *c, char *to, size_t room)
{
    size_t n = 0;
    if (c->tls)
        return call_tls(c, TLS_RECEIVE, to, room, &n) ? (int)n : c->ended ? 0 : -1;
    ssize_t got;
    do {
        got = recv(c->fd, to, room, 0);
    } while (got < 0 && errno == EINTR);
    if (got < 0)
        keep_errno(c);
    return (int)got;
}

void connection_close(struct connection *c)
{
    if (!c)
        return;
    SSL_free(c->tls);
    SSL_CTX_free(c->ctx);
    dw_fs_close(c->fd);
    dw_free(c);
}
