/*
 * One GET over a connection of its own, on the loop: to a unix socket, to an address, or to an address with TLS.
 *
 * Nothing here waits: the loop says when there is something to be done, and whoever began a call looks at its limits of time now and then.
 *
 * Life: http_call_begin -> head, body, body, ... -> end, once -> http_call_free, which may be called at any time, also by `body` and `end`. Thread: loop.
 */
#ifndef DOGWATCH_AGENT_HTTP_CALL_H
#define DOGWATCH_AGENT_HTTP_CALL_H

#include "dogwatch/base/buf.h"

#include <openssl/ssl.h>
#include <sys/socket.h>
#include <uv.h>

/* Where is asked. Set once. */
struct http_place {
    struct sockaddr_storage address;
    socklen_t address_bytes;
    char host[128]; /* for who is asked */
    SSL_CTX *tls;   /* NULL: plain. It says whose certificates are taken */
    char name[256]; /* that the certificate must bear: an address, or a name */
};
/* DW_ELIMIT: too long a path for a socket. */
DW_MUST_USE int http_place_unix(struct http_place *p, struct dw_str path);

struct http_call_conf {
    const struct http_place *place; /* kept until http_call_free */
    uv_loop_t *loop;
    const char *target;    /* borrowed */
    struct dw_str token;   /* borrowed; empty: none. It is sent behind a proved certificate alone, or over a unix socket */
    int64_t head_ns;       /* the head must be there by then ... */
    int64_t whole_ns;      /* ... and the whole by then; 0: there is no such limit */
    void *arg;
    void (*head)(void *arg, int status);
    int (*body)(void *arg, struct dw_str bytes);
    /* It is over: DW_OK, DW_EAGAIN: too late, DW_ECRYPTO: no TLS, what http_answer_feed answers, what connect(2) and read(2) say. `status`: 0 where none came; `why`:
     * a sentence, or NULL. */
    void (*end)(void *arg, int rc, int status, const char *why);
};

struct http_call;
/* Begins to connect; `end` is not called where this fails. */
DW_MUST_USE int http_call_begin(const struct http_call_conf *conf, struct http_call **ret);
/* Ends a call that takes too long. `now_ns`: of the monotonic clock. */
void http_call_look(struct http_call *c, int64_t now_ns);
/* Takes what is there, and closes; the memory goes with the loop's next turn. `*c` is NULL afterwards. */
void http_call_free(struct http_call **c);

#endif
