/*
 * api_request: a connection's side of a request: taken apart, checked, handed to a worker, answered.
 *
 *     target -> Host, Origin -> route -> token, role -> parameters -> handshake of a web socket -> body -> worker -> answer
 *
 * Every step may refuse; what is refused before the body has come is answered at once, and the connection closed.
 *
 * Invariants:
 *   (1) A handler runs only after all of these steps.
 *   (2) The body is never longer in memory than api.body.max.
 */
#include "api_int.h"

#include "dogwatch/base/counter.h"
#include "dogwatch/base/error.h"
#include "dogwatch/base/log.h"
#include "dogwatch/base/mem.h"

#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

enum { MHD_THREADS = 2, MEMORY_PER_CONNECTION = 48 << 10 };

static struct dw_str header(const struct request *rq, const char *name)
{
    const char *value = MHD_lookup_connection_value(rq->conn, MHD_HEADER_KIND, name);
    return value ? dw_str_of(value) : DW_STR_NONE;
}

/* ---- checks ---- */

static bool is_our_name(const struct api *a, struct dw_str name)
{
    bool ours = dw_str_ieq(name, DW_STR("localhost")) || dw_str_eq(name, DW_STR("127.0.0.1")) || dw_str_eq(name, DW_STR("::1"))
        || dw_str_eq(name, dw_str_of(a->address));
    for (uint32_t i = 0; i < a->opt->api_hosts.count; i++)
        ours |= dw_str_ieq(name, a->opt->api_hosts.item[i]);
    return ours;
}

/* A stranger's page in a browser on this host cannot set Host, and has an Origin of its own. */
static bool check_host(struct request *rq)
{
    struct dw_str host = header(rq, MHD_HTTP_HEADER_HOST), origin = header(rq, MHD_HTTP_HEADER_ORIGIN), name;
    if (!rq->local && !(api_host_name(host, &name) && is_our_name(rq->api, name)))
        api_fail(rq, API_E_foreign, "api.hosts names further ones", "this is not the host '%.*s'", DW_ARG(dw_str_slice(host, 0, 100)));
    else if (origin.ptr && (rq->local || !api_origin_is(origin, host)))
        api_fail(rq, API_E_foreign, NULL, "requests of the page '%.*s' are not taken", DW_ARG(dw_str_slice(origin, 0, 100)));
    DW_COUNT_IF(rq->failed, api_refused);
    return !rq->failed;
}

static bool check_route(struct request *rq, struct dw_str path, const char *method)
{
    for (size_t i = 0; !rq->route && api_route(i); i++) {
        const struct api_route *r = api_route(i);
        const char *name = api_method_name(r->method);
        struct dw_str id;
        size_t used = strlen(rq->allow);
        if (!api_path_is(dw_str_of(r->path), path, &id))
            continue;
        (void)snprintf(rq->allow + used, sizeof rq->allow - used, "%s%s", used ? ", " : "", name);
        if (strcmp(method, name) != 0)
            continue;
        rq->route = r;
        rq->id = id;
    }
    if (!rq->route && rq->allow[0])
        api_fail(rq, API_E_method, NULL, "this route takes %s", rq->allow);
    else if (!rq->route)
        api_fail(rq, API_E_not_found, "docs/reference/api.md lists the routes", "no such route");
    return rq->route != NULL;
}

/* Reads the tokens again when their file is another one. */
static void refresh_tokens(struct api *a)
{
    char path[DW_TOKENS_PATH_CAP];
    struct dw_stat st = {0};
    struct dw_tokens fresh;
    int rc = dw_tokens_path(a->opt->data.ptr, path);
    if (rc == DW_OK && dw_fs_stat(path, &st) < 0)
        st = (struct dw_stat){0};
    const struct dw_stat *old = &a->tokens_stat;
    if (a->tokens_known && st.inode == old->inode && st.mtime_ns == old->mtime_ns && st.ctime_ns == old->ctime_ns && st.size_bytes == old->size_bytes)
        return;
    rc = dw_tokens_load(&dw_fs_system, a->opt->data.ptr, &fresh);
    if (rc < 0 && rc != a->tokens_rc)
        dw_error("%s: %s: no token is taken", path, dw_err_text(rc));
    a->tokens_rc = rc;
    if (fresh.bad_lines)
        dw_warn("%s: %" PRIu32 " lines are no tokens", path, fresh.bad_lines);
    dw_tokens_free(&a->tokens);
    a->tokens = fresh;
    a->tokens_stat = st;
    a->tokens_known = rc == DW_OK;
}

static bool is_token(struct request *rq, struct dw_str text)
{
    struct api *a = rq->api;
    (void)pthread_mutex_lock(&a->tokens_lock);
    refresh_tokens(a);
    const struct dw_token *t = dw_token_check(&a->tokens, text, dw_clock_real(&dw_clock_system));
    if (t) {
        memcpy(rq->who, t->name, sizeof rq->who);
        memcpy(rq->token, t->hash, sizeof rq->token);
        rq->role_is = t->role;
        rq->has_token = true;
    }
    (void)pthread_mutex_unlock(&a->tokens_lock);
    return t != NULL;
}

bool api_still_may(struct request *rq)
{
    struct api *a = rq->api;
    bool may = !rq->has_token;
    if (rq->has_session)
        return dw_session_holds(a->sessions, rq->token);
    int64_t now_ns = dw_clock_real(&dw_clock_system);
    (void)pthread_mutex_lock(&a->tokens_lock);
    refresh_tokens(a);
    for (uint32_t i = 0; i < a->tokens.count; i++) {
        const struct dw_token *t = &a->tokens.item[i];
        may |= memcmp(t->hash, rq->token, sizeof rq->token) == 0 && now_ns < t->expires_ns && dw_access_allows(rq->route->access, t->role);
    }
    (void)pthread_mutex_unlock(&a->tokens_lock);
    return may;
}

/* On the unix socket nobody needs a token: root and who runs the collector can do everything to DATA anyway; others can connect only as
 * members of its group, and if that is the group `dogwatch` they were put there to do so. */
static bool is_trusted_user(struct request *rq)
{
    const union MHD_ConnectionInfo *info = MHD_get_connection_info(rq->conn, MHD_CONNECTION_INFO_CONNECTION_FD);
    uint32_t uid;
    if (!rq->local || !info || !api_peer_uid(info->connect_fd, &uid))
        return false;
    bool owner = uid == 0 || uid == geteuid();
    (void)snprintf(rq->who, sizeof rq->who, "uid %" PRIu32, uid);
    api_user_name(uid, rq->author);
    rq->role_is = owner ? DW_ROLE_admin : DW_ROLE_hunt;
    return owner || rq->api->local_group;
}

/* Who tries what he may not: a line at most every minute, with how often it was since the one before. */
static void say_refused(struct request *rq, bool had_token)
{
    struct api *a = rq->api;
    int64_t now = dw_clock_mono(&dw_clock_system);
    (void)pthread_mutex_lock(&a->tokens_lock);
    a->refused++;
    bool due = !a->refused_said_ns || now - a->refused_said_ns > 60 * DW_NS_PER_S;
    if (due)
        dw_warn("HTTP API: refused %" PRIu64 " times since the last such line, now to %s from %s: %s %s", a->refused,
            rq->role[0] ? rq->who : had_token ? "an unknown token" : "no token", rq->from, api_method_name(rq->route->method), rq->route->path);
    a->refused = due ? 0 : a->refused;
    a->refused_said_ns = due ? now : a->refused_said_ns;
    (void)pthread_mutex_unlock(&a->tokens_lock);
}

static bool check_token(struct request *rq)
{
    struct dw_str given = header(rq, MHD_HTTP_HEADER_AUTHORIZATION), text;
    if (rq->route->access == DW_ACCESS_OPEN)
        return true;
    bool known = given.ptr ? dw_token_bearer(given, &text) && is_token(rq, text) : api_session_take(rq) || is_trusted_user(rq);
    if (known)
        rq->role = dw_role_name(rq->role_is);
    if (!rq->author[0])
        memcpy(rq->author, rq->who, sizeof rq->author);
    if (!known)
        api_fail(rq, API_E_unauthorized, "dogwatch token add NAME --role ROLE makes one; send it as Authorization: Bearer TOKEN",
            given.ptr ? "this token is unknown, revoked or over" : "a token is needed");
    else if (!dw_access_allows(rq->route->access, rq->role_is))
        api_fail(rq, API_E_role, NULL, "%s is not for the role %s", rq->route->path, rq->role);
    DW_COUNT_IF(rq->failed, api_refused);
    if (rq->failed)
        say_refused(rq, given.ptr != NULL);
    return !rq->failed;
}

/* Whether the body that will come may. */
static bool check_body(struct request *rq)
{
    struct dw_str length = header(rq, MHD_HTTP_HEADER_CONTENT_LENGTH), type = header(rq, MHD_HTTP_HEADER_CONTENT_TYPE);
    uint64_t bytes = 0;
    rq->has_body = rq->route->method != API_GET;
    if (length.ptr && (!dw_str_u64(length, &bytes) || bytes > (uint64_t)rq->api->opt->api_body_max))
        api_fail(rq, API_E_too_large, "api.body.max", "the body is over %" PRId64 " bytes", rq->api->opt->api_body_max);
    else if (rq->has_body && !dw_str_ieq(dw_str_trim(dw_str_slice(type, 0, dw_str_index(type, ';'))), DW_STR("application/json")))
        api_fail(rq, API_E_media, NULL, "a body must be application/json");
    return !rq->failed;
}

/* What a client must say so that its connection may become a web socket (RFC 6455, 4.2.1). */
static bool check_handshake(struct request *rq, const char *http)
{
    static const char hint[] = "a client of web sockets (RFC 6455), such as Explore's live mode";
    if (strcmp(http, MHD_HTTP_VERSION_1_1) != 0 || !websocket_has_word(header(rq, MHD_HTTP_HEADER_UPGRADE), DW_STR("websocket"))
        || !websocket_has_word(header(rq, MHD_HTTP_HEADER_CONNECTION), DW_STR("upgrade")))
        api_fail(rq, API_E_malformed, hint, "this route is a web socket: HTTP/1.1 with Upgrade: websocket and Connection: Upgrade is needed");
    else if (!dw_str_eq(dw_str_trim(header(rq, "Sec-WebSocket-Version")), DW_STR("13")))
        api_fail(rq, API_E_malformed, hint, "Sec-WebSocket-Version must be 13");
    else if (!websocket_accept(dw_str_trim(header(rq, "Sec-WebSocket-Key")), rq->accept))
        api_fail(rq, API_E_malformed, hint, "Sec-WebSocket-Key must be 16 bytes in base64");
    return !rq->failed;
}

static void open_request(struct request *rq, const char *method, const char *http)
{
    struct api_params given;
    struct dw_str path;
    DW_COUNT(api_requests);
    if (rq->local)
        (void)snprintf(rq->from, sizeof rq->from, "unix");
    else
        api_peer_text(MHD_get_connection_info(rq->conn, MHD_CONNECTION_INFO_CLIENT_ADDRESS)->client_addr, rq->from);
    int rc = api_parse_target(rq->target, &rq->arena, &path, &given);
    if (!check_host(rq) || !check_route(rq, path, method) || !check_token(rq))
        return;
    if (rc < 0)
        api_fail(rq, API_E_malformed, "name=value&name=value, each name once, escapes as %XX", "the parameters cannot be read: %s", dw_err_text(rc));
    else if (check_body(rq) && api_take_params(rq, &given, API_IN_QUERY) && rq->route->kind == API_SOCKET)
        (void)check_handshake(rq, http);
}

static void take_body(struct request *rq)
{
    struct api_params given = {.count = 0};
    int rc = rq->body.err ? rq->body.err : api_parse_body(dw_buf_view(&rq->body), &rq->arena, &given);
    if (rc < 0)
        api_fail(rq, API_E_malformed, "{\"name\":\"value\"}, each name once", "the body cannot be read: %s", dw_err_text(rc));
    else
        (void)api_take_params(rq, &given, API_IN_BODY);
}

/* ---- answering ---- */

static ssize_t read_ready(void *cls, uint64_t pos, char *buf, size_t max)
{
    struct request *rq = cls;
    (void)pos;
    (void)pthread_mutex_lock(&rq->lock);
    size_t left = rq->ready.len - rq->taken, n = left < max ? left : max;
    ssize_t got = (ssize_t)n;
    if (n) {
        memcpy(buf, rq->ready.ptr + rq->taken, n);
        rq->taken += n;
        if (rq->taken == rq->ready.len) {
            dw_buf_reset(&rq->ready);
            rq->taken = 0;
        }
        (void)pthread_cond_signal(&rq->changed);
    } else if (rq->ended) {
        got = MHD_CONTENT_READER_END_OF_STREAM;
    } else {
        rq->suspended = true;
        MHD_suspend_connection(rq->conn);
    }
    (void)pthread_mutex_unlock(&rq->lock);
    return got;
}

static const char *type_of(const struct request *rq)
{
    static const char *const types[] = {[API_JSON] = "application/json", [API_ROWS] = "application/x-ndjson", [API_TEXT] = "text/plain; version=0.0.4; charset=utf-8",
        [API_SOCKET] = "application/json", [API_PAGE] = "text/html"};
    return rq->failed || !rq->route ? types[API_JSON] : types[rq->route->kind];
}

void api_add_header(struct MHD_Response *r, const char *name, const char *value)
{
    (void)MHD_add_response_header(r, name, value); /* fails without memory only; the answer is understood without it */
}

/* From then on the connection is the worker's. */
static enum MHD_Result send_upgrade(struct request *rq)
{
    struct MHD_Response *r = MHD_create_response_for_upgrade(api_on_upgrade, rq);
    if (!r)
        return MHD_NO;
    api_add_header(r, MHD_HTTP_HEADER_UPGRADE, "websocket");
    api_add_header(r, "Sec-WebSocket-Accept", rq->accept);
    enum MHD_Result queued = MHD_queue_response(rq->conn, MHD_HTTP_SWITCHING_PROTOCOLS, r);
    MHD_destroy_response(r);
    return queued;
}

/* Sends the answer that has begun: whole, if it has ended. */
static enum MHD_Result send_answer(struct request *rq)
{
    struct MHD_Response *r;
    (void)pthread_mutex_lock(&rq->lock);
    if (rq->ended && rq->taken == 0) {
        static char nothing[1];
        char *bytes = rq->ready.ptr;
        r = MHD_create_response_from_buffer_with_free_callback(rq->ready.len, bytes ? bytes : nothing, bytes ? dw_free : NULL);
        if (r)
            dw_buf_init(&rq->ready); /* the response has the bytes now */
    } else {
        r = MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, API_FLUSH_BYTES, read_ready, rq, NULL);
    }
    (void)pthread_mutex_unlock(&rq->lock);
    if (!r)
        return MHD_NO;
    api_add_header(r, MHD_HTTP_HEADER_CONTENT_TYPE, type_of(rq));
    api_add_header(r, MHD_HTTP_HEADER_CACHE_CONTROL, "no-store");
    api_add_header(r, "X-Content-Type-Options", "nosniff");
    if (rq->cookie[0])
        api_add_header(r, MHD_HTTP_HEADER_SET_COOKIE, rq->cookie);
    if (rq->status == MHD_HTTP_UNAUTHORIZED)
        api_add_header(r, MHD_HTTP_HEADER_WWW_AUTHENTICATE, "Bearer");
    if (rq->status == MHD_HTTP_SERVICE_UNAVAILABLE)
        api_add_header(r, MHD_HTTP_HEADER_RETRY_AFTER, "1");
    if (rq->status == MHD_HTTP_METHOD_NOT_ALLOWED)
        api_add_header(r, MHD_HTTP_HEADER_ALLOW, rq->allow);
    if (rq->status == MHD_HTTP_BAD_REQUEST && rq->route && rq->route->kind == API_SOCKET)
        api_add_header(r, "Sec-WebSocket-Version", "13");
    enum MHD_Result queued = MHD_queue_response(rq->conn, rq->status, r);
    MHD_destroy_response(r);
    return queued;
}

static enum MHD_Result send_page(struct request *rq)
{
    struct MHD_Response *r = api_page_response(rq);
    enum MHD_Result queued = r ? MHD_queue_response(rq->conn, rq->status, r) : MHD_NO;
    if (r)
        MHD_destroy_response(r);
    return queued;
}

static enum MHD_Result answer_now(struct request *rq)
{
    if (rq->page)
        return send_page(rq);
    api_end(rq);
    return send_answer(rq);
}

/* Gives the request to a worker, and the connection sleeps until there is something to send. */
static enum MHD_Result hand_to_worker(struct request *rq)
{
    struct api *a = rq->api;
    (void)pthread_mutex_lock(&rq->lock);
    rq->suspended = true;
    rq->owners = 2;
    MHD_suspend_connection(rq->conn);
    (void)pthread_mutex_unlock(&rq->lock);
    bool tails = rq->route->where == API_TAIL;
    if (!api_pool_submit(tails ? &a->tail : rq->route->where == API_QUERY ? &a->query : &a->quick, rq)) {
        DW_COUNT(api_busy);
        api_request_release(rq);
        api_fail(rq, API_E_busy, tails ? "api.tail.workers" : "api.query.workers", "all workers are busy");
        api_end(rq); /* resumes it */
    }
    return MHD_YES;
}

/* ---- MHD's callbacks ---- */

static enum MHD_Result on_request(void *cls, struct MHD_Connection *conn, const char *url, const char *method, const char *version,
    const char *upload, size_t *upload_size, void **con_cls)
{
    struct request *rq = *con_cls;
    (void)cls;
    (void)conn;
    (void)url;
    if (!rq || !rq->target.ptr)
        return MHD_NO; /* no memory */
    if (!rq->opened) {
        rq->opened = true;
        open_request(rq, method, version);
        return rq->failed ? answer_now(rq) : MHD_YES;
    }
    if (*upload_size) {
        if (rq->body.len + *upload_size > (size_t)rq->api->opt->api_body_max)
            return MHD_NO; /* it said another length, or none */
        dw_buf_add(&rq->body, upload, *upload_size);
        *upload_size = 0;
        return MHD_YES;
    }
    (void)pthread_mutex_lock(&rq->lock);
    bool begun = rq->begun, upgrade = rq->upgrade;
    (void)pthread_mutex_unlock(&rq->lock);
    if (begun)
        return upgrade ? send_upgrade(rq) : send_answer(rq);
    if (rq->has_body)
        take_body(rq);
    if (rq->failed)
        return answer_now(rq);
    if (rq->route->where != API_INLINE)
        return hand_to_worker(rq);
    rq->route->handle(rq);
    return answer_now(rq);
}

static void *on_target_tcp(void *cls, const char *target, struct MHD_Connection *conn)
{
    return api_request_new(cls, conn, false, dw_str_of(target));
}

static void *on_target_local(void *cls, const char *target, struct MHD_Connection *conn)
{
    return api_request_new(cls, conn, true, dw_str_of(target));
}

static void on_completed(void *cls, struct MHD_Connection *conn, void **con_cls, enum MHD_RequestTerminationCode code)
{
    struct request *rq = *con_cls;
    (void)cls;
    (void)conn;
    (void)code;
    if (!rq)
        return;
    *con_cls = NULL;
    (void)pthread_mutex_lock(&rq->lock);
    rq->gone = true;
    (void)pthread_cond_broadcast(&rq->changed);
    (void)pthread_mutex_unlock(&rq->lock);
    api_request_release(rq);
}

/* Takes the listener, also when it fails: MHD closes it then, or in the rarest cases leaves it open, and a second close might hit a file
 * that another thread has just got.
 * poll and not epoll, which MHD uses edge-triggered: a client that had sent and closed before it was accepted would hold its connection
 * for api.timeout, and there are few connections. */
struct MHD_Daemon *api_daemon(struct api *a, int listener, bool local)
{
    const struct dw_collector_options *o = a->opt;
    unsigned flags = MHD_USE_POLL_INTERNAL_THREAD | MHD_ALLOW_SUSPEND_RESUME | MHD_ALLOW_UPGRADE;
    struct MHD_OptionItem tls[] = {{MHD_OPTION_HTTPS_MEM_CERT, 0, a->cert}, {MHD_OPTION_HTTPS_MEM_KEY, 0, a->key}, {MHD_OPTION_END, 0, NULL}};
    struct MHD_OptionItem none[] = {{MHD_OPTION_END, 0, NULL}};
    bool secure = a->cert && !local;
    return MHD_start_daemon(flags | (secure ? MHD_USE_TLS : 0u), 0, NULL, NULL, on_request, a, MHD_OPTION_LISTEN_SOCKET, listener,
        MHD_OPTION_URI_LOG_CALLBACK, local ? on_target_local : on_target_tcp, a, MHD_OPTION_NOTIFY_COMPLETED, on_completed, a,
        MHD_OPTION_CONNECTION_LIMIT, (unsigned)o->api_connections, MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)(o->api_timeout / DW_NS_PER_S),
        MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)MEMORY_PER_CONNECTION, MHD_OPTION_THREAD_POOL_SIZE, (unsigned)MHD_THREADS,
        MHD_OPTION_ARRAY, secure ? tls : none, MHD_OPTION_END);
}
