/*
 * api_session: the console's sign-in: a code becomes a cookie, and a cookie says who asks.
 *
 * Invariants:
 *   (1) The cookie is HttpOnly and SameSite=Strict: no script reads it, and no other site's page sends it.
 *   (2) Its name holds the port that the browser asked, since browsers share the cookies of all ports of a host.
 *   (3) A session makes no codes: none lasts longer than DW_SESSION_NS.
 */
#include "api_int.h"

#include "dogwatch/base/counter.h"
#include "dogwatch/base/error.h"
#include "dogwatch/base/log.h"

#include <inttypes.h>
#include <stdio.h>

enum { COOKIE_NAME_CAP = 32 };

static void cookie_name(const struct request *rq, char ret[COOKIE_NAME_CAP])
{
    const char *value = MHD_lookup_connection_value(rq->conn, MHD_HEADER_KIND, MHD_HTTP_HEADER_HOST);
    struct dw_str host = value ? dw_str_of(value) : DW_STR(""); /* it was checked */
    size_t at = host.len;
    while (at && host.ptr[at - 1] >= '0' && host.ptr[at - 1] <= '9')
        at--;
    bool named = at && host.ptr[at - 1] == ':';
    (void)snprintf(ret, COOKIE_NAME_CAP, "dogwatch-%.*s", DW_ARG(named ? dw_str_slice(host, at, at + 5) : DW_STR("0")));
}

static struct dw_str cookie_of(const struct request *rq)
{
    char name[COOKIE_NAME_CAP];
    cookie_name(rq, name);
    const char *value = MHD_lookup_connection_value(rq->conn, MHD_COOKIE_KIND, name);
    return value ? dw_str_of(value) : DW_STR_NONE;
}

bool api_session_take(struct request *rq)
{
    struct dw_token t;
    struct dw_str text = cookie_of(rq);
    if (!text.len || !rq->api->sessions || !dw_session_find(rq->api->sessions, text, &t))
        return false;
    memcpy(rq->who, t.name, sizeof rq->who);
    memcpy(rq->token, t.hash, sizeof rq->token);
    rq->role_is = t.role;
    rq->has_session = true;
    rq->expires_ns = t.expires_ns;
    return true;
}

static bool has_sessions(struct request *rq)
{
    if (!rq->api->sessions)
        api_fail(rq, API_E_unavailable, "DATA/api: see the collector's log", "sessions cannot be kept");
    return rq->api->sessions != NULL;
}

static void put_session(struct request *rq, const char *who, enum dw_role role, int64_t expires_ns)
{
    api_put_text(&rq->out, '{', "who", dw_str_of(who));
    api_put_text(&rq->out, ',', "role", dw_str_of(dw_role_name(role)));
    if (expires_ns)
        api_put_time(&rq->out, ',', "expires", expires_ns);
    else
        dw_buf_str(&rq->out, DW_STR(",\"expires\":null"));
    dw_buf_str(&rq->out, DW_STR("}\n"));
}

/* A session is called as its user is, made a name that a token might have. */
static void name_of(const struct request *rq, char ret[DW_TOKEN_NAME_CAP])
{
    (void)snprintf(ret, DW_TOKEN_NAME_CAP, "%s", rq->author);
    for (char *p = ret; *p; p++)
        if (!dw_token_name_ok(dw_str_make(p, 1)))
            *p = '-';
}

void api_do_code_add(struct request *rq)
{
    char who[DW_TOKEN_NAME_CAP], code[DW_TOKEN_TEXT];
    int64_t expires_ns;
    if (rq->has_session) {
        api_fail(rq, API_E_role, "dogwatch console", "a session makes no codes");
        return;
    }
    if (!has_sessions(rq))
        return;
    name_of(rq, who);
    int rc = dw_session_code(rq->api->sessions, who, rq->role_is, code, &expires_ns);
    if (rc < 0) {
        api_fail_code(rq, "a code", rc);
        return;
    }
    api_put_text(&rq->out, '{', "code", dw_str_of(code));
    api_put_text(&rq->out, ',', "url", dw_str_of(rq->api->url));
    api_put_time(&rq->out, ',', "expires", expires_ns);
    dw_buf_str(&rq->out, DW_STR("}\n"));
}

void api_do_session(struct request *rq)
{
    put_session(rq, rq->who, rq->role_is, rq->expires_ns);
}

void api_do_session_begin(struct request *rq)
{
    struct dw_str code = api_param_text(rq, "code");
    char text[DW_TOKEN_TEXT], name[COOKIE_NAME_CAP];
    struct dw_token t;
    if (!has_sessions(rq))
        return;
    int rc = dw_session_begin(rq->api->sessions, code.ptr ? code : DW_STR(""), &t, text);
    DW_COUNT_IF(rc < 0, api_refused);
    if (rc == DW_ENOENT)
        api_fail(rq, API_E_unauthorized, "dogwatch console prints another", "this code was used, is over, or was none");
    else if (rc < 0)
        api_fail_code(rq, "DATA/api/sessions", rc);
    if (rc < 0)
        return;
    cookie_name(rq, name);
    (void)snprintf(rq->cookie, sizeof rq->cookie, "%s=%s; Path=/; Max-Age=%" PRId64 "; HttpOnly; SameSite=Strict%s", name, text, DW_SESSION_NS / DW_NS_PER_S,
        rq->api->cert && !rq->local ? "; Secure" : "");
    dw_info("console: %s (%s) signed in from %s", t.name, dw_role_name(t.role), rq->from);
    put_session(rq, t.name, t.role, t.expires_ns);
}

void api_do_session_end(struct request *rq)
{
    char name[COOKIE_NAME_CAP];
    if (!rq->has_session) {
        api_fail(rq, API_E_malformed, NULL, "who asks has no session, but a token or a socket");
        return;
    }
    int rc = dw_session_end(rq->api->sessions, cookie_of(rq));
    if (rc < 0)
        dw_warn("DATA/api/sessions: %s: a session that ended is kept there until it is over", dw_err_text(rc));
    cookie_name(rq, name);
    (void)snprintf(rq->cookie, sizeof rq->cookie, "%s=; Path=/; Max-Age=0; HttpOnly; SameSite=Strict", name);
    put_session(rq, rq->who, rq->role_is, dw_clock_real(&dw_clock_system));
}
