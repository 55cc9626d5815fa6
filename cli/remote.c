/*
 * remote: a request to the HTTP API, and the lines of its answer.
 *
 * Idea: HTTP/1.0, so that the answer is what comes until the connection closes. That it is whole is seen by its own last line.
 *
 * Bounds: HEAD_MAX bytes of headers, LINE_BYTES_MAX of a line.
 */
#include "remote.h"

#include "cli_int.h"

#include "dogwatch/event/json_read.h"

#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum { HEAD_MAX = 64 << 10, LINE_BYTES_MAX = 64 << 20, TOKEN_FILE_MAX = 4096, READ_BYTES = 64 << 10 };

struct answer {
    const struct remote_ask *ask;
    unsigned status; /* 0: the headers have not come yet */
    struct dw_buf in;
};

static int connect_unix(const char *path)
{
    struct sockaddr_un un = {.sun_family = AF_UNIX};
    size_t len = strlen(path);
    if (len >= sizeof un.sun_path) {
        errno = ENAMETOOLONG;
        return -1;
    }
    memcpy(un.sun_path, path, len + 1);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd >= 0 && connect(fd, (const struct sockaddr *)&un, sizeof un) == 0)
        return fd;
    int err = errno;
    dw_fs_close(fd);
    errno = err;
    return -1;
}

/* `at` is HOST:PORT. */
static int connect_tcp(struct dw_str at)
{
    char host[256], port[8];
    struct addrinfo *list = NULL, how = {.ai_socktype = SOCK_STREAM};
    size_t colon = at.len;
    while (colon && at.ptr[colon - 1] != ':')
        colon--;
    bool bracket = colon > 2 && at.ptr[0] == '[' && at.ptr[colon - 2] == ']';
    struct dw_str name = colon ? dw_str_slice(at, bracket, colon - 1 - bracket) : at;
    int n = snprintf(host, sizeof host, "%.*s", DW_ARG(name)), k = snprintf(port, sizeof port, "%.*s", DW_ARG(dw_str_slice(at, colon, at.len)));
    errno = EINVAL;
    if (!colon || n >= (int)sizeof host || k >= (int)sizeof port || getaddrinfo(host, port, &how, &list) != 0)
        return -1;
    int fd = -1;
    for (const struct addrinfo *a = list; a && fd < 0; a = a->ai_next) {
        fd = socket(a->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
        if (fd >= 0 && connect(fd, a->ai_addr, a->ai_addrlen) == 0)
            break;
        int err = errno;
        dw_fs_close(fd);
        errno = err;
        fd = -1;
    }
    freeaddrinfo(list);
    return fd;
}

/* Connects, and tells the Host to name. */
static int reach(const char *server, struct dw_str *ret_host)
{
    struct dw_str s = dw_str_of(server), local = DW_STR("unix:"), http = DW_STR("http://");
    *ret_host = DW_STR("localhost");
    if (dw_str_starts(s, local))
        return connect_unix(server + local.len);
    if (dw_str_starts(s, http)) {
        s = dw_str_slice(s, http.len, s.len);
        *ret_host = dw_str_slice(s, 0, dw_str_index(s, '/'));
        return connect_tcp(*ret_host);
    }
    errno = EPROTONOSUPPORT;
    return -1;
}

static bool send_all(int fd, struct dw_str bytes)
{
    while (bytes.len) {
        ssize_t n = send(fd, bytes.ptr, bytes.len, MSG_NOSIGNAL);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return false;
        bytes = dw_str_slice(bytes, (size_t)n, bytes.len);
    }
    return true;
}

/* False: the file cannot be read; said. */
static bool put_token(struct dw_buf *out)
{
    const char *path = getenv("DOGWATCH_TOKEN_FILE"); /* NOLINT(concurrency-mt-unsafe): one thread */
    struct dw_buf text = {0};
    if (!path || !*path)
        return true;
    int rc = dw_fs_read_file(&dw_fs_system, path, TOKEN_FILE_MAX, &text);
    if (rc < 0)
        (void)fprintf(stderr, "dogwatch: DOGWATCH_TOKEN_FILE %s: %s\n", path, dw_err_text(rc));
    else
        dw_buf_printf(out, "Authorization: Bearer %.*s\r\n", DW_ARG(dw_str_trim(dw_buf_view(&text))));
    dw_buf_fini(&text);
    return rc == DW_OK;
}

/* Takes the status line and headers off what has come. False: that is no HTTP. */
static bool take_head(struct answer *a)
{
    struct dw_str in = dw_buf_view(&a->in), end = DW_STR("\r\n\r\n"), first = in;
    size_t at = dw_str_find(in, end);
    uint64_t status;
    if (at == in.len)
        return in.len < HEAD_MAX;
    struct dw_str version = dw_str_cut(&first, ' ');
    if (!dw_str_starts(version, DW_STR("HTTP/1.")) || !dw_str_u64(dw_str_slice(first, 0, 3), &status))
        return false;
    a->status = (unsigned)status;
    a->in.len -= at + end.len;
    memmove(a->in.ptr, a->in.ptr + at + end.len, a->in.len);
    return true;
}

/* Gives whole lines of a 200; an error waits until all of it is there. */
static bool take_lines(struct answer *a)
{
    struct dw_str rest = dw_buf_view(&a->in);
    if (a->status != 200)
        return rest.len < HEAD_MAX;
    while (dw_str_index(rest, '\n') < rest.len)
        a->ask->line(a->ask->arg, dw_str_cut(&rest, '\n'));
    if (rest.len)
        memmove(a->in.ptr, rest.ptr, rest.len);
    a->in.len = rest.len;
    return rest.len < LINE_BYTES_MAX;
}

static bool receive(struct answer *a, int fd)
{
    for (;;) {
        char *room = dw_buf_reserve(&a->in, READ_BYTES);
        ssize_t n = room ? recv(fd, room, READ_BYTES, 0) : -1;
        if (room && n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return false;
        if (n == 0)
            return a->status != 0;
        a->in.len += (size_t)n;
        if ((!a->status && !take_head(a)) || (a->status && !take_lines(a))) {
            errno = EPROTO;
            return false;
        }
    }
}

/* The texts of {"error":{"message":...,"hint":...,"text":...}}. */
static int say_error(const struct answer *a)
{
    struct dw_json j;
    struct dw_json_token t;
    struct dw_str key = DW_STR("");
    struct dw_buf text = {0};
    (void)fprintf(stderr, "dogwatch: %s answers %u\n", a->ask->server, a->status);
    dw_json_start(&j, dw_buf_view(&a->in));
    while (dw_json_next(&j, &t) == DW_OK && t.type != DW_JSON_END) {
        dw_buf_reset(&text);
        if (t.type == DW_JSON_STRING && !dw_str_eq(key, DW_STR("code")) && dw_json_unescape(t.text, &text))
            (void)fprintf(stderr, "  %.*s\n", DW_ARG(dw_buf_view(&text)));
        key = t.type == DW_JSON_KEY ? t.text : DW_STR("");
    }
    dw_buf_fini(&text);
    if (a->status == 401)
        (void)fprintf(stderr, "  the token is read from the file that DOGWATCH_TOKEN_FILE names\n");
    return a->status == 400 ? CLI_USAGE : CLI_CANNOT;
}

int remote_post(const struct remote_ask *ask)
{
    struct answer a = {.ask = ask};
    struct dw_buf request = {0};
    struct dw_str host;
    int fd = reach(ask->server, &host), rc = CLI_CANNOT;
    if (fd < 0) {
        (void)fprintf(stderr, "dogwatch: --server %s: %s\n  unix:DATA/api.sock or http://HOST:PORT is needed; to a collector elsewhere: ssh -L 7117:127.0.0.1:7117 HOST\n",
            ask->server, strerror(errno)); /* NOLINT(concurrency-mt-unsafe): one thread */
        return CLI_CANNOT;
    }
    dw_buf_printf(&request, "POST %s HTTP/1.0\r\nHost: %.*s\r\nContent-Type: application/json\r\nContent-Length: %zu\r\n", ask->path, DW_ARG(host), ask->body.len);
    if (put_token(&request)) {
        dw_buf_printf(&request, "\r\n%.*s", DW_ARG(ask->body));
        bool told = !request.err && send_all(fd, dw_buf_view(&request));
        if (!told || !receive(&a, fd))
            (void)fprintf(stderr, "dogwatch: %s: %s\n", ask->server, strerror(errno)); /* NOLINT(concurrency-mt-unsafe): one thread */
        else
            rc = a.status == 200 ? CLI_YES : say_error(&a);
    }
    dw_fs_close(fd);
    dw_buf_fini(&request);
    dw_buf_fini(&a.in);
    return rc;
}
