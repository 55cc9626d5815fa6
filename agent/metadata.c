/*
 * metadata: who is asked about which container, and when.
 *
 * Idea: a list of what was asked for and not told yet. Docker is asked about one container after the other; the kubelet about all its pods at once, when there is one that its last answer did
 * not have.
 *
 * Invariants:
 *   (1) One question at a time of each of the two, with a limit of time; the kubelet is asked every kubelet.interval at most, docker again about the same after as long.
 *   (2) A log waits once, and metadata.wait at most, whoever does not answer.
 *   (3) The token goes to nobody but who showed a certificate of kubelet.ca with the name; it is in no buffer afterwards.
 */
#include "metadata.h"

#include "docker_inspect.h"
#include "http_call.h"

#include "dogwatch/base/clock.h"
#include "dogwatch/base/counter.h"
#include "dogwatch/base/error.h"
#include "dogwatch/base/fs.h"
#include "dogwatch/base/log.h"
#include "dogwatch/base/mem.h"
#include "dogwatch/conf/listen.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <signal.h>
#include <stdio.h>

enum { WANTED_MAX = 1024, KEY_MAX = 2 * DOCKER_ID_MAX, DOCKER_MAX = 1024 * 1024, PODS_BYTES_MAX = 32 * 1024 * 1024, PEM_MAX = 1024 * 1024, TOKEN_MAX = 16 * 1024, TRIES = 6,
    OK_STATUS = 200 };
#define ANSWER_NS (10 * DW_NS_PER_S)
#define AGAIN_NS DW_NS_PER_S
#define FORGET_NS (600 * DW_NS_PER_S) /* what nobody came back for: its log is gone */

/* A container that somebody wants to know of. */
struct wanted {
    struct wanted *next;
    char key[KEY_MAX + 1]; /* docker's id; UID/CONTAINER of a pod */
    bool pod, waits, known, gone;
    uint32_t tries;
    int64_t since_ns, again_ns;
    struct dw_buf json; /* docker's answer */
};

/* One that is asked. */
struct asked {
    struct metadata *m;
    struct http_place place;
    bool on, said;
    struct http_call *call;
    struct dw_buf answer;
    size_t max;
};

struct metadata {
    const struct dw_agent_options *opt;
    uv_loop_t *loop; /* NULL: not started, or stopped */
    struct asked docker, kubelet;
    bool tls, news;
    int64_t pods_ns; /* when the kubelet was asked last; 0: never */
    int64_t docker_ns; /* docker is not asked before */
    struct dw_arena arena[2]; /* of the pods in use, and of the next */
    unsigned arena_at;
    const struct pod *pod;
    struct wanted *wanted;
    uint32_t count;
    char inspected[KEY_MAX + 1]; /* the container that docker is asked about */
    struct dw_buf told; /* what metadata_container gave last */
};

/* ---- opening ---- */

static int refuse(struct dw_str path, const char *why)
{
    dw_error("kubelet.ca: %.*s: %s", DW_ARG(path), why);
    return DW_ECONFIG;
}

static int use_authorities(SSL_CTX *ctx, struct dw_str path)
{
    struct dw_buf text = {0};
    unsigned count = 0;
    X509 *x;
    int rc = dw_fs_read_file(&dw_fs_system, path.ptr, PEM_MAX, &text);
    if (rc < 0)
        return refuse(path, dw_err_text(rc));
    BIO *bio = BIO_new_mem_buf(text.ptr ? text.ptr : "", (int)text.len);
    rc = bio ? DW_OK : DW_ENOMEM;
    while (rc == DW_OK && (x = PEM_read_bio_X509(bio, NULL, NULL, NULL))) {
        count++;
        rc = X509_STORE_add_cert(SSL_CTX_get_cert_store(ctx), x) == 1 ? DW_OK : refuse(path, "a certificate in it cannot be used");
        X509_free(x);
    }
    ERR_clear_error(); /* the end of the file is one */
    BIO_free(bio);
    dw_buf_fini(&text);
    return rc == DW_OK && count == 0 ? refuse(path, "it has no certificate") : rc;
}

/* The address as a name that a certificate may bear: without brackets and port. */
static void put_name(struct http_place *p, struct dw_str url, struct dw_str name)
{
    struct dw_str host = dw_str_slice(url, dw_str_find(url, DW_STR("://")) + 3, url.len);
    (void)snprintf(p->host, sizeof p->host, "%.*s", DW_ARG(host));
    size_t colon = host.len;
    while (colon > 0 && host.ptr[colon - 1] != ':')
        colon--;
    host = dw_str_slice(host, 0, colon - 1);
    if (host.len > 1 && host.ptr[0] == '[')
        host = dw_str_slice(host, 1, host.len - 1);
    (void)snprintf(p->name, sizeof p->name, "%.*s", DW_ARG(name.len ? name : host));
}

static int open_kubelet(struct metadata *m)
{
    const struct dw_agent_options *o = m->opt;
    struct http_place *p = &m->kubelet.place;
    struct dw_listen at;
    int rc = dw_asked_parse(o->kubelet_url, &at, &m->tls, NULL);
    if (rc < 0) {
        dw_error("kubelet.url: %s: it is no https://ADDRESS:PORT", o->kubelet_url.ptr);
        return rc;
    }
    p->address = at.address;
    p->address_bytes = at.address_bytes;
    put_name(p, o->kubelet_url, o->kubelet_name);
    if (!m->tls)
        return DW_OK;
    (void)signal(SIGPIPE, SIG_IGN); /* OpenSSL writes to who may have hung up */
    p->tls = SSL_CTX_new(TLS_client_method());
    if (!p->tls || SSL_CTX_set_min_proto_version(p->tls, TLS1_2_VERSION) != 1)
        return DW_ENOMEM;
    return use_authorities(p->tls, o->kubelet_ca);
}

int metadata_open(const struct dw_agent_options *opt, struct metadata **ret)
{
    *ret = NULL;
    if (!opt->docker_socket.len && !opt->kubelet_url.len)
        return DW_OK;
    struct metadata *m = dw_calloc(1, sizeof *m);
    if (!m)
        return DW_ENOMEM;
    m->opt = opt;
    m->docker = (struct asked){.m = m, .on = opt->docker_socket.len > 0, .max = DOCKER_MAX};
    m->kubelet = (struct asked){.m = m, .on = opt->kubelet_url.len > 0, .max = PODS_BYTES_MAX};
    dw_arena_init(&m->arena[0], PODS_ARENA);
    dw_arena_init(&m->arena[1], PODS_ARENA);
    int rc = m->docker.on ? http_place_unix(&m->docker.place, opt->docker_socket) : DW_OK;
    if (rc == DW_OK && m->kubelet.on)
        rc = open_kubelet(m);
    if (rc < 0) {
        metadata_free(m);
        return rc;
    }
    *ret = m;
    return DW_OK;
}

void metadata_start(struct metadata *m, uv_loop_t *loop)
{
    if (m)
        m->loop = loop;
}

/* ---- what is wanted ---- */

static struct wanted *find(struct metadata *m, const char *key)
{
    struct wanted *w = m->wanted;
    while (w && strcmp(w->key, key) != 0)
        w = w->next;
    return w;
}

static void forget(struct metadata *m, struct wanted *gone)
{
    struct wanted **at = &m->wanted;
    while (*at != gone)
        at = &(*at)->next;
    *at = gone->next;
    m->count--;
    dw_buf_fini(&gone->json);
    dw_free(gone);
}

static struct wanted *want(struct metadata *m, const char *key, bool pod)
{
    struct wanted *w = find(m, key);
    if (w || m->count == WANTED_MAX)
        return w;
    w = dw_calloc(1, sizeof *w);
    if (!w)
        return NULL;
    (void)snprintf(w->key, sizeof w->key, "%s", key);
    w->pod = pod;
    w->since_ns = dw_clock_mono(&dw_clock_system);
    w->waits = m->opt->metadata_wait > 0 && !(pod ? m->kubelet.said : m->docker.said); /* who does not answer is not waited for again */
    w->next = m->wanted;
    m->wanted = w;
    m->count++;
    return w;
}

static enum metadata_says not_yet(const struct wanted *w)
{
    return w->waits ? METADATA_WAIT : METADATA_LATER;
}

enum metadata_says metadata_container(struct metadata *m, struct dw_str id, struct dw_str *ret)
{
    char key[KEY_MAX + 1];
    if (!m || !m->loop || !m->docker.on || !docker_is_id(id))
        return METADATA_NOTHING;
    (void)snprintf(key, sizeof key, "%.*s", DW_ARG(id));
    struct wanted *w = want(m, key, false);
    if (!w)
        return METADATA_NOTHING;
    bool known = w->known, gone = w->gone;
    if (!known && !gone)
        return not_yet(w);
    dw_buf_fini(&m->told);
    m->told = w->json;
    w->json = (struct dw_buf){0};
    forget(m, w);
    *ret = dw_buf_view(&m->told);
    return known ? METADATA_KNOWN : METADATA_NOTHING;
}

enum metadata_says metadata_pod(struct metadata *m, struct dw_str uid, struct dw_str container, const struct pod **ret_pod, const struct pod_container **ret_container)
{
    char key[KEY_MAX + 1];
    if (!m || !m->loop || !m->kubelet.on || !docker_is_id(uid) || !docker_is_id(container))
        return METADATA_NOTHING;
    (void)snprintf(key, sizeof key, "%.*s/%.*s", DW_ARG(uid), DW_ARG(container));
    const struct pod *p = pods_find(m->pod, uid);
    *ret_pod = p;
    *ret_container = p ? pod_container_find(p, container) : NULL;
    struct wanted *w = *ret_container ? find(m, key) : want(m, key, true);
    bool gives_up = w && w->gone;
    if (w && (*ret_container || gives_up))
        forget(m, w);
    if (p)
        return *ret_container || !w || gives_up ? METADATA_KNOWN : METADATA_PARTLY;
    return !w || gives_up ? METADATA_NOTHING : not_yet(w);
}

/* ---- asking ---- */

static void on_head(void *arg, int status)
{
    (void)arg;
    (void)status;
}

static int on_body(void *arg, struct dw_str bytes)
{
    struct asked *k = arg;
    if (k->answer.len + bytes.len > k->max)
        return DW_ELIMIT;
    dw_buf_str(&k->answer, bytes);
    return k->answer.err ? DW_ENOMEM : DW_OK;
}

/* Says once that somebody does not answer, until he does. */
static void answered(struct asked *k, const char *who, int rc, int status, const char *why)
{
    bool good = rc == DW_OK && (status == OK_STATUS || status == 404);
    DW_COUNT(metadata_asked);
    DW_COUNT_IF(!good, metadata_failed);
    if (good && k->said)
        dw_info("%s answers again", who);
    else if (!good && !k->said && rc == DW_OK)
        dw_warn("%s says nothing of containers: status %d; it is asked again, and logs are read without", who, status);
    else if (!good && !k->said)
        dw_warn("%s says nothing of containers: %s; it is asked again, and logs are read without", who, why ? why : dw_err_text(rc));
    k->said = !good;
}

static void let_go_of_waits(struct metadata *m, bool pods)
{
    for (struct wanted *w = m->wanted; w; w = w->next) {
        DW_COUNT_IF(w->pod == pods && w->waits, metadata_waits_over);
        m->news |= w->pod == pods && w->waits;
        w->waits = w->waits && w->pod != pods;
    }
}

static void on_container(void *arg, int rc, int status, const char *why)
{
    struct asked *k = arg;
    struct metadata *m = k->m;
    struct wanted *w = find(m, m->inspected);
    http_call_free(&k->call);
    answered(k, m->opt->docker_socket.ptr, rc, status, why);
    if (k->said) {
        m->docker_ns = dw_clock_mono(&dw_clock_system) + AGAIN_NS;
        let_go_of_waits(m, false);
    }
    if (w) {
        w->known = rc == DW_OK && status == OK_STATUS;
        w->gone = !w->known && ((status && ++w->tries >= TRIES) || status == 404);
        w->again_ns = dw_clock_mono(&dw_clock_system) + m->opt->kubelet_interval;
        m->news |= w->known || w->gone;
    }
    if (w && w->known) {
        dw_buf_fini(&w->json);
        w->json = k->answer;
        k->answer = (struct dw_buf){0};
    }
    dw_buf_fini(&k->answer);
}

static void on_pods(void *arg, int rc, int status, const char *why)
{
    struct asked *k = arg;
    struct metadata *m = k->m;
    unsigned next = 1 - m->arena_at;
    struct pod *first = NULL;
    http_call_free(&k->call);
    if (rc == DW_OK && status == OK_STATUS) {
        rc = pods_read(dw_buf_view(&k->answer), &m->arena[next], &first);
        why = rc == DW_ESYNTAX ? "its answer is no list of pods" : NULL;
    }
    answered(k, "the kubelet", rc, status == 404 ? 0 : status, why);
    dw_buf_fini(&k->answer);
    if (rc < 0 || status != OK_STATUS) {
        dw_arena_fini(&m->arena[next]);
        let_go_of_waits(m, true);
    } else {
        dw_arena_fini(&m->arena[m->arena_at]);
        m->arena_at = next;
        m->pod = first;
        m->news = true;
        for (struct wanted *w = m->wanted; w; w = w->next)
            w->gone |= w->pod && ++w->tries >= TRIES;
    }
}

static int call(struct asked *k, const char *target, struct dw_str token, void (*end)(void *arg, int rc, int status, const char *why))
{
    struct http_call_conf conf = {.place = &k->place, .loop = k->m->loop, .target = target, .token = token, .head_ns = ANSWER_NS, .whole_ns = ANSWER_NS, .arg = k,
        .head = on_head, .body = on_body, .end = end};
    return http_call_begin(&conf, &k->call);
}

static void ask_docker(struct metadata *m, int64_t now)
{
    char target[KEY_MAX + 32];
    struct wanted *w = m->wanted;
    while (w && (w->pod || w->known || w->gone || now < w->again_ns))
        w = w->next;
    if (!w || now < m->docker_ns)
        return;
    (void)snprintf(m->inspected, sizeof m->inspected, "%s", w->key);
    (void)snprintf(target, sizeof target, "/containers/%s/json", w->key);
    int rc = call(&m->docker, target, DW_STR_NONE, on_container);
    if (rc < 0)
        on_container(&m->docker, rc, 0, rc == DW_EAGAIN ? "nobody listens there" : NULL);
}

/* The token without blanks around it; a file that has something else in it is none. */
static int read_token(const struct metadata *m, struct dw_buf *text, struct dw_str *ret)
{
    int rc = dw_fs_read_file(&dw_fs_system, m->opt->kubelet_token.ptr, TOKEN_MAX, text);
    struct dw_str token = dw_str_trim(dw_buf_view(text));
    for (size_t i = 0; rc == DW_OK && i < token.len; i++)
        rc = token.ptr[i] > ' ' && token.ptr[i] < 0x7f ? DW_OK : DW_ESYNTAX;
    *ret = token;
    return rc;
}

static void ask_kubelet(struct metadata *m, int64_t now)
{
    struct dw_buf text = {0};
    struct dw_str token = DW_STR_NONE;
    const struct wanted *w = m->wanted;
    while (w && (!w->pod || w->gone))
        w = w->next;
    if (!w || (m->pods_ns && now - m->pods_ns < m->opt->kubelet_interval))
        return;
    m->pods_ns = now;
    int rc = m->tls && m->opt->kubelet_token.len ? read_token(m, &text, &token) : DW_OK;
    if (rc < 0)
        on_pods(&m->kubelet, rc, 0, "its token cannot be read (kubelet.token)");
    else if ((rc = call(&m->kubelet, "/pods", token, on_pods)) < 0)
        on_pods(&m->kubelet, rc, 0, rc == DW_EAGAIN ? "nobody listens there" : NULL);
    if (text.ptr)
        OPENSSL_cleanse(text.ptr, text.cap);
    dw_buf_fini(&text);
}

bool metadata_turn(struct metadata *m)
{
    int64_t now = dw_clock_mono(&dw_clock_system);
    if (!m || !m->loop)
        return false;
    struct asked *const both[] = {&m->docker, &m->kubelet};
    for (int i = 0; i < 2; i++)
        if (both[i]->call)
            http_call_look(both[i]->call, now);
    if (m->docker.on && !m->docker.call)
        ask_docker(m, now);
    if (m->kubelet.on && !m->kubelet.call)
        ask_kubelet(m, now);
    for (struct wanted *w = m->wanted, *next; w; w = next) {
        next = w->next;
        if (now - w->since_ns > FORGET_NS && (w->known || w->gone)) {
            forget(m, w);
            continue;
        }
        bool over = w->waits && now - w->since_ns >= m->opt->metadata_wait;
        DW_COUNT_IF(over, metadata_waits_over);
        m->news |= over;
        w->waits &= !over;
    }
    bool news = m->news;
    m->news = false;
    return news;
}

void metadata_stop(struct metadata *m)
{
    if (!m)
        return;
    http_call_free(&m->docker.call);
    http_call_free(&m->kubelet.call);
    m->loop = NULL;
}

void metadata_free(struct metadata *m)
{
    if (!m)
        return;
    while (m->wanted)
        forget(m, m->wanted);
    dw_buf_fini(&m->docker.answer);
    dw_buf_fini(&m->kubelet.answer);
    dw_buf_fini(&m->told);
    dw_arena_fini(&m->arena[0]);
    dw_arena_fini(&m->arena[1]);
    SSL_CTX_free(m->kubelet.place.tls);
    dw_free(m);
}
