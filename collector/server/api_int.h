/*
 * What the files of the HTTP API share.
 *
 *     MHD's threads                                   workers
 *     api_request.c: takes a request apart,  ------>  api_work.c: audit, handler, end
 *     checks who asks, suspends it                    api_state.c api_alerts.c api_query.c: handlers
 *     sends what is there, waits for more    <------  api_answer.c: bytes of the answer, with a bound
 *     hands the socket over after a 101      ------>  api_socket.c: a web socket, from then on the worker's
 *
 * A request has two owners: its connection and, while one works on it, a worker. The last one frees it.
 */
#ifndef DOGWATCH_SERVER_API_INT_H
#define DOGWATCH_SERVER_API_INT_H

#include "api.h"
#include "api_parse.h"
#include "rules_load.h"
#include "websocket.h"

#include "dogwatch/base/clock.h"
#include "dogwatch/base/diag.h"
#include "dogwatch/collect/access.h"
#include "dogwatch/collect/answer.h"
#include "dogwatch/collect/audit.h"
#include "dogwatch/collect/query.h"
#include "dogwatch/collect/session.h"
#include "dogwatch/store/archive.h"

#include <microhttpd.h>
#include <pthread.h>
#include <stdatomic.h>

enum { API_PATH_CAP = 4096, API_FROM_CAP = 64, API_OUTCOME_CAP = 200, API_COOKIE_CAP = 256, API_URL_CAP = 300, API_ETAG_BYTES = 8 };
enum {
    API_STREAM_BYTES = 1 << 20, /* of one answer that wait for its client */
    API_FLUSH_BYTES = 64 << 10, /* the worker hands over so much at a time */
    API_WHOLE_BYTES = 64 << 20, /* of one answer that is made whole */
    API_QUICK_WORKERS = 4,
    API_QUICK_WAITING = 64,
    API_WORKERS_MAX = 64,
};

enum api_method { API_GET, API_POST, API_PATCH, API_METHODS };
enum api_where { API_INLINE, API_QUICK, API_QUERY, API_TAIL };
enum api_kind { API_JSON, API_ROWS, API_TEXT, API_SOCKET, API_PAGE };
enum api_place { API_IN_PATH, API_IN_QUERY, API_IN_BODY };
enum api_type { API_T_TEXT, API_T_TIME, API_T_COUNT, API_T_ID };
enum api_error {
#define API_ERROR(code, status, doc) API_E_##code,
#include "dogwatch/tbl/api_errors.h"
#undef API_ERROR
    API_ERRORS
};

struct request;
/* One of the console's files, packed. */
struct api_page {
    const char *type, *from, *end;
    char etag[2 * API_ETAG_BYTES + 3]; /* in quotes; set once */
};
struct api_param {
    int route;
    const char *name;
    enum api_place place;
    enum api_type type;
    const char *otherwise; /* "": none */
};
struct api_route {
    const char *name, *path;
    enum api_method method;
    enum dw_access access;
    enum api_where where;
    enum api_kind kind;
    void (*handle)(struct request *rq);
};
/* The table. NULL past the last. */
const struct api_route *api_route(size_t i);
const char *api_method_name(enum api_method m);
/* Gives the route its parameters' values, which must be its own. False: the request has failed. */
bool api_take_params(struct request *rq, const struct api_params *params, enum api_place place);

/* Threads that work on requests. */
struct api_pool {
    struct api *api;
    unsigned threads, waiting_max; /* set once */
    pthread_t thread[API_WORKERS_MAX];
    pthread_mutex_t lock;
    pthread_cond_t changed;
    /* guarded by lock */
    struct request *head, **tail;
    struct request *working[API_WORKERS_MAX];
    unsigned waiting, busy, running;
    bool stop;
};

struct api {
    /* set once */
    const struct dw_collector_options *opt;
    const struct dw_policy_settings *policy;
    struct MHD_Daemon *tcp, *local;
    struct dw_audit *audit; /* NULL: it could not be opened; queries and changes are refused */
    struct dw_sessions *sessions; /* NULL: they cannot be kept; nobody can sign in */
    char *cert, *key;
    char url[API_URL_CAP]; /* where a browser finds it; "": nowhere */
    bool local_group; /* the unix socket belongs to the group `dogwatch` */
    char address[API_FROM_CAP]; /* that it listens on, without port */
    char alerts[API_PATH_CAP], archive[API_PATH_CAP], socket[API_PATH_CAP];
    char alerts_inbox[API_PATH_CAP], archive_inbox[API_PATH_CAP];
    struct api_pool quick, query, tail;
    _Atomic int64_t turned_ns; /* 0: the loop has not turned yet */
    _Atomic bool stopping;
    pthread_mutex_t rules_lock;
    struct rules_used *rules; /* guarded by rules_lock; held */
    pthread_mutex_t tokens_lock;
    /* guarded by tokens_lock */
    struct dw_tokens tokens;
    struct dw_stat tokens_stat;
    bool tokens_known;
    int tokens_rc; /* of the last reading */
    uint64_t refused; /* since it was said */
    int64_t refused_said_ns;
};

struct request {
    struct api *api;
    struct MHD_Connection *conn;
    struct request *next; /* in the pool's queue */
    bool local;           /* came over the unix socket */
    /* the connection's thread, until a worker has it */
    struct dw_arena arena;
    struct dw_str target; /* in the arena; as it came */
    const struct api_route *route;
    const struct api_param *param[API_PARAMS_MAX]; /* of the route */
    struct dw_str value[API_PARAMS_MAX];           /* NULL pointer: not given */
    int64_t number[API_PARAMS_MAX];                /* of TIME and COUNT */
    uint32_t param_count;
    struct dw_str id;
    char who[DW_TOKEN_NAME_CAP], from[API_FROM_CAP]; /* who: `uid N` of a unix socket */
    char author[DW_TOKEN_NAME_CAP];                  /* of what is said: who, or the uid's name on this host */
    const char *role;
    enum dw_role role_is;
    bool has_token, has_session;
    uint8_t token[DW_SHA256_BYTES]; /* the token's or session's hash, by which it is known again */
    int64_t expires_ns;             /* of the session; 0: there is none */
    char cookie[API_COOKIE_CAP];    /* to be set; "": none */
    const struct api_page *page;    /* the answer; NULL: it is in `out` */
    struct dw_buf body; /* of a web socket: what the client sent before the 101 */
    char accept[WEBSOCKET_ACCEPT_CAP]; /* of a web socket: Sec-WebSocket-Accept */
    bool opened, has_body, failed;
    /* who answers: the worker, or the connection's thread */
    unsigned status;
    enum api_error error;
    struct dw_buf out;
    uint64_t rows;
    char outcome[API_OUTCOME_CAP]; /* "": complete */
    bool limited; /* it is partial because the limit was asked for, and for nothing else */
    char allow[32];                /* of a 405 */
    int64_t deadline_ns;           /* work ends here, on the clock that never goes back */
    /* guarded by lock */
    pthread_mutex_t lock;
    pthread_cond_t changed;
    struct dw_buf ready; /* handed over, from `taken` on not sent yet */
    size_t taken;
    unsigned owners;
    bool begun;     /* the status is known, the answer may be sent */
    bool ended;     /* `ready` is all that will come */
    bool suspended; /* the connection waits for the worker */
    bool gone;      /* the client */
    bool upgrade;   /* the answer is 101 */
    bool left;      /* nobody waits for the socket any more */
    int socket;     /* of a web socket, the worker's until it is closed; -1: not there yet */
    struct MHD_UpgradeResponseHandle *upgraded; /* closes it */
};

/* ---- api_answer.c ---- */

struct request *api_request_new(struct api *a, struct MHD_Connection *conn, bool local, struct dw_str target);
/* One owner less. */
void api_request_release(struct request *rq);
/* Makes the answer an error. `hint` may be NULL. */
void api_fail(struct request *rq, enum api_error e, const char *hint, const char *fmt, ...) DW_PRINTF(4, 5);
/* A query's mistakes, with the text that shows where. */
void api_fail_query(struct request *rq, const struct dw_diags *diags);
/* For a code of errors.h. */
void api_fail_code(struct request *rq, const char *what, int rc);
/* Why the answer is not the whole one; the first counts. */
void api_partial(struct request *rq, const char *fmt, ...) DW_PRINTF(2, 3);
/* The same where nothing is wrong but that the limit which was asked for is met; real trouble goes before it. */
void api_limited(struct request *rq, const char *fmt, ...) DW_PRINTF(2, 3);
/* The same: a part of the archive could not be read. Of the path `where` only the name is told. */
void api_unread(struct request *rq, const char *where, int rc);
/* A row ended: hands over what is there when it is much, and waits while the client has enough. False: stop, nobody takes more. */
bool api_row(struct request *rq);
/* Whether the work is in vain: the client is gone, or the program ends. */
bool api_in_vain(struct request *rq);
/* The same, or the time is over. */
bool api_is_over(struct request *rq);
/* The last line of an answer of rows: {"answer":{"complete":...,"why":...,"rows":...}} with `more` members before the end, as ,"a":1. */
void api_answer_line(struct request *rq, struct dw_str more);
/* Lets the worker look again whether it still has to wait. */
void api_wake_worker(struct request *rq);
/* Everything that was made is handed over, and that was all. A web socket is closed. */
void api_end(struct request *rq);
/* Writes ,"name": and a JSON string (a number) to the answer; the first of an object with { instead of the comma. */
void api_put_text(struct dw_buf *out, char before, const char *name, struct dw_str value);
void api_put_number(struct dw_buf *out, char before, const char *name, uint64_t value);
void api_put_time(struct dw_buf *out, char before, const char *name, int64_t ns);

/* ---- api_work.c ---- */

DW_MUST_USE int api_pool_start(struct api_pool *p, struct api *a, unsigned threads, unsigned waiting_max);
void api_pool_stop(struct api_pool *p);
/* After it, when nobody can submit any more. */
void api_pool_fini(struct api_pool *p);
/* False: all are busy, or it stops. */
bool api_pool_submit(struct api_pool *p, struct request *rq);
/* Runs a handler with its audit, and ends the answer. */
void api_work(struct request *rq);

/* ---- api_request.c: MHD's callbacks ---- */

/* Whether who asks may still do so: the token is neither revoked nor over. For answers that go on for long. */
bool api_still_may(struct request *rq);
/* Serves what comes to `listener`, which it takes in any case. NULL: it cannot. */
struct MHD_Daemon *api_daemon(struct api *a, int listener, bool local);

/* ---- api_socket.c: a web socket. Thread: worker ---- */

struct api_socket {
    struct request *rq;
    struct websocket in;
    struct dw_buf out; /* frames for the client; from `sent` on not sent yet */
    size_t sent;
    int64_t moved_ns, heard_ns; /* when the client took something, and said something */
    int64_t asked_ns;           /* when it was looked whether it still may */
    uint8_t pong[WEBSOCKET_CONTROL_MAX], pong_len;
    bool owes_pong, pinged, blocked;
    bool closed;   /* the client sent its close frame */
    bool gone;     /* the connection is no more */
    uint16_t code; /* 0: goes on */
    char reason[WEBSOCKET_CONTROL_MAX];
};
/* MHD's upgrade handler. */
void api_on_upgrade(void *rq, struct MHD_Connection *conn, void *con_cls, const char *extra, size_t extra_len, MHD_socket fd, struct MHD_UpgradeResponseHandle *upgraded);
/* Answers 101 and waits for the socket. From then on the request cannot fail any more. False: the client is gone, or the program ends. The
 * caller calls api_socket_close if it is true. */
DW_MUST_USE bool api_socket_open(struct api_socket *s, struct request *rq);
/* Takes and answers what the client says, waiting for it so long. False: it ends. */
bool api_socket_turn(struct api_socket *s, int wait_ms);
/* Sends a message; waits while the client has enough. False: it ends. */
bool api_socket_send(struct api_socket *s, struct dw_str text);
bool api_socket_goes_on(const struct api_socket *s);
/* It ends with this, if nothing ended it before. */
void api_socket_end(struct api_socket *s, enum websocket_code code, const char *reason);
/* Says so to the client, and gives it a moment to say so, too. The connection is closed by api_end. */
void api_socket_close(struct api_socket *s);

/* For who makes a response. */
void api_add_header(struct MHD_Response *r, const char *name, const char *value);

/* ---- console_pages.c ---- */

/* Once, before any request. */
void api_pages_start(void);
/* The response of a request whose answer is a page; NULL without memory. */
struct MHD_Response *api_page_response(const struct request *rq);

/* ---- api_session.c ---- */

/* Whether the request has the cookie of a session: then who asks is known. */
bool api_session_take(struct request *rq);

/* ---- api_listen.c ---- */

struct api_address {
    char text[API_FROM_CAP]; /* without port and brackets */
    uint16_t port;
    bool v6, loopback;
};
/* "127.0.0.1:7117", "localhost:0", "[::1]:7117". */
bool api_address_parse(struct dw_str listen, struct api_address *ret);
/* A listening socket, or a code; said by the caller. at->port becomes the one that it has, where it was 0. */
DW_MUST_USE int api_listen_tcp(struct api_address *at, int *ret_fd);
DW_MUST_USE int api_listen_local(const char *path, int *ret_fd);
/* Whether a file belongs to the group that is called so. */
bool api_is_of_group(const char *path, const char *group);
/* What a user is called on this host, or `uid N`. */
void api_user_name(uint32_t uid, char ret[DW_TOKEN_NAME_CAP]);
/* Who is at the other end: *ret_uid of a unix socket, the address of another. */
bool api_peer_uid(int fd, uint32_t *ret_uid);
void api_peer_text(const struct sockaddr *addr, char ret[API_FROM_CAP]);

/* ---- api_alerts.c ---- */

/* What dw_alerts_find answered; false: the request has failed. */
bool api_is_found(struct request *rq, int rc);
/* Opens the view; false: the request has failed. */
bool api_open_view(struct request *rq, struct dw_alerts **ret);
/* The same with the filter and the range that the request names. */
bool api_open_listing(struct request *rq, struct dw_answer_alerts *l);
void api_close_listing(struct dw_answer_alerts *l);
/* The last line of a list of alerts, or of what was made of them; `rc` < 0: it failed. */
void api_answer_listing(struct request *rq, const struct dw_answer_alerts *l, int rc);
/* Waits until the loop has taken what was asked for under these names; false: it has not in time, and the request has failed. */
bool api_are_taken(struct request *rq, const char *inbox, char name[][DW_INBOX_NAME], uint32_t count);

/* ---- api_scan.c ---- */

/* A query over the archive. `row` is called for each row and may set `stop`; then `end`, unless the request has failed. */
struct api_scan {
    struct request *rq;
    int64_t since_ns, until_ns;
    void (*row)(struct api_scan *s, const struct dw_event *row, uint8_t mark);
    void (*end)(struct api_scan *s);
    bool (*over)(struct api_scan *s);            /* whether to end before the next frame; NULL: api_is_over */
    void (*unread)(struct api_scan *s, int err); /* told of each part that cannot be read; may be NULL */
    void *arg;
    /* set by api_scan, and gone after it */
    struct dw_keys *keys;
    struct dw_query *q;
    struct dw_archive_reader *reader;
    struct dw_answer_query pass;
    uint64_t frames;
    bool stop; /* no row is wanted any more */
};
/* `text` is FILTER or FILTER | PIPES, and outlives the call. */
void api_scan(struct api_scan *s, struct dw_str text);
/* The same in steps, for who reads on and does not need `end`. False: the request has failed. Keeps `text` until api_scan_close, which the
 * caller calls in any case. */
DW_MUST_USE bool api_scan_open(struct api_scan *s, struct dw_str text);
/* Reads to the end of what is there. Called again it goes on with what came since. False: `over` ended it. */
bool api_scan_read(struct api_scan *s);
void api_scan_close(struct api_scan *s);

/* Value of a parameter of the request's route; a NULL pointer, or `otherwise`, where it is not given. */
struct dw_str api_param_text(const struct request *rq, const char *name);
int64_t api_param_number(const struct request *rq, const char *name, int64_t otherwise);

#define ROUTE(id, method, path, access, where, kind, row, doc) void api_do_##id(struct request *rq);
#include "dogwatch/tbl/routes.h"

/* The rules at work, held: rules_let_go. Thread: any. */
struct rules_used *api_hold_rules(struct api *a);

#endif
