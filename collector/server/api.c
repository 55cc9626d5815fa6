/*
 * api: the HTTP API begins and ends.
 *
 * Invariants:
 *   (1) Beyond loopback there is TLS and a token, or the program does not start.
 *   (2) Nothing here ends the intake of frames: what cannot be started is said and left out.
 *   (3) Workers end before MHD does, so no connection is suspended when its daemon is stopped.
 */
#include "api_int.h"

#include "dogwatch/base/error.h"
#include "dogwatch/base/log.h"
#include "dogwatch/base/mem.h"
#include "dogwatch/collect/archive_asked.h"

#include <inttypes.h>
#include <stdio.h>

enum { PEM_MAX = 1 << 20 };

static int need_of_remote(const struct dw_collector_options *o)
{
    struct dw_tokens tokens;
    if (!o->api_tls_cert.len)
        return dw_error("api.listen %s is not loopback: api.tls.cert and api.tls.key are needed", o->api_listen.ptr), DW_ECONFIG;
    int rc = dw_tokens_load(&dw_fs_system, o->data.ptr, &tokens);
    if (rc < 0)
        dw_error("%s/api/tokens: %s", o->data.ptr, dw_err_text(rc));
    else if (tokens.count == 0)
        dw_error("api.listen %s is not loopback and there is no token: dogwatch token add NAME --role hunt --data %s", o->api_listen.ptr, o->data.ptr);
    if (rc == DW_OK && tokens.count == 0)
        rc = DW_ECONFIG;
    dw_tokens_free(&tokens);
    return rc < 0 ? DW_ECONFIG : DW_OK;
}

int api_check(const struct dw_collector_options *o)
{
    struct api_address at;
    if (!o->api_tls_cert.len != !o->api_tls_key.len)
        return dw_error("api.tls.cert and api.tls.key are needed together"), DW_ECONFIG;
    if (!o->api_listen.len)
        return DW_OK;
    if (!api_address_parse(o->api_listen, &at))
        return dw_error("api.listen %s: needs address:port, such as 127.0.0.1:7117 or [::1]:7117", o->api_listen.ptr), DW_ECONFIG;
    return at.loopback ? DW_OK : need_of_remote(o);
}

static int read_pem(struct dw_str path, char **ret)
{
    struct dw_buf text = {0};
    int rc = dw_fs_read_file(&dw_fs_system, path.ptr, PEM_MAX, &text);
    if (rc == DW_OK && !(*ret = dw_strndup(text.ptr ? text.ptr : "", text.len)))
        rc = DW_ENOMEM;
    dw_buf_fini(&text);
    if (rc < 0)
        dw_error("%s: %s", path.ptr, dw_err_text(rc));
    return rc;
}

/* What it listens on, unless that is every address: then the first of its names. */
static void set_url(struct api *a, const struct api_address *at)
{
    bool any = strcmp(at->text, "0.0.0.0") == 0 || strcmp(at->text, "::") == 0;
    struct dw_str host = !any ? dw_str_of(at->text) : a->opt->api_hosts.count ? a->opt->api_hosts.item[0] : DW_STR("localhost");
    bool v6 = at->v6 && !any;
    (void)snprintf(a->url, sizeof a->url, "http%s://%s%.*s%s:%u", a->cert ? "s" : "", v6 ? "[" : "", DW_ARG(host), v6 ? "]" : "", at->port);
}

static void start_tcp(struct api *a)
{
    const struct dw_collector_options *o = a->opt;
    struct api_address at;
    int fd = -1;
    if (!o->api_listen.len || !api_address_parse(o->api_listen, &at))
        return;
    if (o->api_tls_cert.len && (read_pem(o->api_tls_cert, &a->cert) < 0 || read_pem(o->api_tls_key, &a->key) < 0))
        return;
    memcpy(a->address, at.text, sizeof a->address);
    int rc = api_listen_tcp(&at, &fd);
    a->tcp = rc == DW_OK ? api_daemon(a, fd, false) : NULL;
    if (rc < 0) {
        dw_warn("api.listen %s: %s; the HTTP API is on %s alone", o->api_listen.ptr, rc == DW_EEXIST ? "somebody listens there already" : dw_err_text(rc), a->socket);
    } else if (!a->tcp) {
        dw_error("api.listen %s: cannot be served%s", o->api_listen.ptr, a->cert ? ": is api.tls.cert a certificate of api.tls.key?" : "");
    } else {
        set_url(a, &at);
        dw_info("HTTP API on http%s://%s%s%s:%u", a->cert ? "s" : "", at.v6 ? "[" : "", at.text, at.v6 ? "]" : "", at.port);
    }
}

static void start_local(struct api *a)
{
    int fd = -1;
    int rc = api_listen_local(a->socket, &fd);
    a->local_group = rc == DW_OK && api_is_of_group(a->socket, "dogwatch");
    if (a->local_group)
        dw_info("members of the group dogwatch may use %s", a->socket);
    if (rc == DW_OK && !(a->local = api_daemon(a, fd, true)))
        rc = DW_ENOMEM;
    if (rc < 0)
        dw_warn("%s: %s; the HTTP API is not on a unix socket", a->socket, rc == DW_ELIMIT ? "the path is too long for a socket" : dw_err_text(rc));
}

int api_start(const struct dw_collector_options *opt, struct rules_used *rules, const struct dw_policy_settings *policy, struct api **ret)
{
    struct api *a = dw_calloc(1, sizeof *a);
    if (!a)
        return DW_ENOMEM;
    a->opt = opt;
    a->rules = rules_hold(rules);
    a->policy = policy;
    *ret = a;
    api_pages_start();
    (void)pthread_mutex_init(&a->tokens_lock, NULL);
    (void)pthread_mutex_init(&a->rules_lock, NULL);
    int rc = api_pool_start(&a->quick, a, API_QUICK_WORKERS, API_QUICK_WAITING);
    if (rc == DW_OK)
        rc = api_pool_start(&a->query, a, (unsigned)opt->api_query_workers, 0);
    if (rc == DW_OK)
        rc = api_pool_start(&a->tail, a, (unsigned)opt->api_tail_workers, 0);
    if (rc == DW_OK)
        rc = dw_path_join(a->alerts, sizeof a->alerts, opt->data.ptr, "alerts");
    if (rc == DW_OK)
        rc = dw_path_join(a->archive, sizeof a->archive, opt->data.ptr, "archive");
    if (rc == DW_OK)
        rc = dw_path_join(a->alerts_inbox, sizeof a->alerts_inbox, a->alerts, "inbox");
    if (rc == DW_OK)
        rc = dw_archive_inbox(opt->data.ptr, a->archive_inbox);
    if (rc == DW_OK)
        rc = dw_path_join(a->socket, sizeof a->socket, opt->data.ptr, "api.sock");
    if (rc < 0)
        return rc;
    int audit = dw_audit_open(&dw_fs_system, &dw_clock_system, opt->data.ptr, &a->audit);
    if (audit < 0)
        dw_error("%s/audit/audit.log: %s; queries and changes over the HTTP API are refused", opt->data.ptr,
            audit == DW_ECORRUPT ? "its end is no line of an audit log: `dogwatch audit verify` says more; move it away to begin a new one" : dw_err_text(audit));
    int kept = dw_sessions_open(&dw_fs_system, &dw_clock_system, opt->data.ptr, &a->sessions);
    if (kept < 0)
        dw_error("%s/api/sessions: %s; nobody can sign in at the console", opt->data.ptr, dw_err_text(kept));
    start_tcp(a);
    start_local(a); /* last: who finds it may ask where the other is */
    return DW_OK;
}

void api_use_rules(struct api *a, struct rules_used *rules)
{
    (void)pthread_mutex_lock(&a->rules_lock);
    struct rules_used *before = a->rules;
    a->rules = rules_hold(rules);
    (void)pthread_mutex_unlock(&a->rules_lock);
    rules_let_go(before);
}

struct rules_used *api_hold_rules(struct api *a)
{
    (void)pthread_mutex_lock(&a->rules_lock);
    struct rules_used *rules = rules_hold(a->rules);
    (void)pthread_mutex_unlock(&a->rules_lock);
    return rules;
}

void api_turned(struct api *a)
{
    atomic_store(&a->turned_ns, dw_clock_mono(&dw_clock_system));
}

void api_stop(struct api *a)
{
    if (!a)
        return;
    atomic_store(&a->stopping, true);
    if (a->tail.threads)
        api_pool_stop(&a->tail);
    if (a->query.threads)
        api_pool_stop(&a->query);
    if (a->quick.threads)
        api_pool_stop(&a->quick);
    if (a->tcp)
        MHD_stop_daemon(a->tcp);
    if (a->local) {
        MHD_stop_daemon(a->local);
        int gone = dw_fs_unlink(&dw_fs_system, a->socket); /* so that DATA of a collector that has ended holds files alone */
        if (gone < 0)
            dw_warn("%s: %s", a->socket, dw_err_text(gone));
    }
    if (a->tail.threads)
        api_pool_fini(&a->tail);
    if (a->query.threads)
        api_pool_fini(&a->query);
    if (a->quick.threads)
        api_pool_fini(&a->quick);
    dw_audit_close(a->audit);
    dw_sessions_close(a->sessions);
    dw_tokens_free(&a->tokens);
    (void)pthread_mutex_destroy(&a->tokens_lock);
    (void)pthread_mutex_destroy(&a->rules_lock);
    rules_let_go(a->rules);
    dw_free(a->cert);
    dw_free(a->key);
    dw_free(a);
}
