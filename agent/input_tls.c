/*
 * input_tls: TLS of connections (RFC 5425), by OpenSSL over the connection's own descriptor.
 *
 * Invariants:
 *   (1) With inputs.syslog_ca nobody is read from who did not show a certificate of it.
 *   (2) TLS 1.2 at least; no renegotiation, no tickets: a handshake is paid for once a connection.
 *   (3) The key is read while the agent may still read it, and is in no buffer of ours afterwards.
 */
#include "inputs_int.h"

#include "dogwatch/base/counter.h"
#include "dogwatch/base/error.h"
#include "dogwatch/base/log.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <signal.h>
#include <stdio.h>

enum { PEM_MAX = 1024 * 1024, SUBJECT_MAX = 512 };

/* What OpenSSL says of its last mistake. */
static const char *reason(void)
{
    const char *text = ERR_reason_error_string(ERR_peek_last_error());
    ERR_clear_error();
    return text ? text : "no reason is known";
}

static int refuse(const char *option, struct dw_str path, const char *why)
{
    dw_error("%s: %.*s: %s", option, DW_ARG(path), why);
    return DW_ECONFIG;
}

/* The file in memory; the caller wipes it. */
static int read_pem(const char *option, struct dw_str path, struct dw_buf *out, BIO **ret)
{
    int rc = dw_fs_read_file(&dw_fs_system, path.ptr, PEM_MAX, out);
    if (rc < 0) {
        dw_error("%s: %.*s: %s", option, DW_ARG(path), dw_err_text(rc));
        return rc;
    }
    *ret = BIO_new_mem_buf(out->ptr ? out->ptr : "", (int)out->len);
    return *ret ? DW_OK : DW_ENOMEM;
}

static void wipe(struct dw_buf *b, BIO *bio)
{
    BIO_free(bio);
    if (b->ptr)
        OPENSSL_cleanse(b->ptr, b->cap);
    dw_buf_fini(b);
}

/* The certificate, and those that lead from it to a root. */
static int use_chain(SSL_CTX *ctx, struct dw_str path)
{
    struct dw_buf text = {0};
    BIO *bio = NULL;
    int rc = read_pem("inputs.syslog_cert", path, &text, &bio);
    X509 *x = rc == DW_OK ? PEM_read_bio_X509(bio, NULL, NULL, NULL) : NULL;
    if (rc == DW_OK && (!x || SSL_CTX_use_certificate(ctx, x) != 1))
        rc = refuse("inputs.syslog_cert", path, reason());
    X509_free(x);
    while (rc == DW_OK && (x = PEM_read_bio_X509(bio, NULL, NULL, NULL)))
        if (SSL_CTX_add0_chain_cert(ctx, x) != 1) {
            X509_free(x);
            rc = refuse("inputs.syslog_cert", path, reason());
        }
    ERR_clear_error(); /* the end of the file is one */
    wipe(&text, bio);
    return rc;
}

/* A key behind a password is not asked for it. */
static int no_password(char *out, int cap, int writing, void *arg)
{
    (void)out;
    (void)cap;
    (void)writing;
    (void)arg;
    return -1;
}

static int use_key(SSL_CTX *ctx, struct dw_str path)
{
    struct dw_buf text = {0};
    BIO *bio = NULL;
    int rc = read_pem("inputs.syslog_key", path, &text, &bio);
    EVP_PKEY *key = rc == DW_OK ? PEM_read_bio_PrivateKey(bio, NULL, no_password, NULL) : NULL;
    if (rc == DW_OK && (!key || SSL_CTX_use_PrivateKey(ctx, key) != 1 || SSL_CTX_check_private_key(ctx) != 1))
        rc = refuse("inputs.syslog_key", path, reason());
    EVP_PKEY_free(key);
    wipe(&text, bio);
    return rc;
}

static int use_authorities(SSL_CTX *ctx, struct dw_str path)
{
    struct dw_buf text = {0};
    BIO *bio = NULL;
    unsigned count = 0;
    X509 *x;
    int rc = read_pem("inputs.syslog_ca", path, &text, &bio);
    while (rc == DW_OK && (x = PEM_read_bio_X509(bio, NULL, NULL, NULL))) {
        count++;
        if (X509_STORE_add_cert(SSL_CTX_get_cert_store(ctx), x) != 1 || SSL_CTX_add_client_CA(ctx, x) != 1)
            rc = refuse("inputs.syslog_ca", path, reason());
        X509_free(x);
    }
    ERR_clear_error();
    if (rc == DW_OK && count == 0)
        rc = refuse("inputs.syslog_ca", path, "it has no certificate");
    wipe(&text, bio);
    SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
    return rc;
}

int tls_open(struct inputs *in)
{
    const struct dw_agent_options *o = in->opt;
    if (in->tls)
        return DW_OK;
    (void)signal(SIGPIPE, SIG_IGN); /* who hangs up in a handshake ends that, and not us */
    in->tls = SSL_CTX_new(TLS_server_method());
    if (!in->tls || SSL_CTX_set_min_proto_version(in->tls, TLS1_2_VERSION) != 1)
        return DW_ENOMEM;
    (void)SSL_CTX_set_options(in->tls, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_TICKET | SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_NO_COMPRESSION);
    (void)SSL_CTX_set_num_tickets(in->tls, 0);
    (void)SSL_CTX_set_session_cache_mode(in->tls, SSL_SESS_CACHE_OFF);
    (void)SSL_CTX_set_mode(in->tls, SSL_MODE_RELEASE_BUFFERS); /* most connections are quiet most of the time */
    int rc = use_chain(in->tls, o->inputs_syslog_cert);
    if (rc == DW_OK)
        rc = use_key(in->tls, o->inputs_syslog_key);
    if (rc == DW_OK && o->inputs_syslog_ca.len)
        rc = use_authorities(in->tls, o->inputs_syslog_ca);
    return rc;
}

bool tls_begin(struct connection *c)
{
    c->tls = SSL_new(c->input->in->tls);
    if (!c->tls || SSL_set_fd(c->tls, c->fd) != 1)
        return false;
    SSL_set_accept_state(c->tls);
    return true;
}

/* Adds what the certificate proved to what was seen. */
static void name_peer(struct connection *c)
{
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned bytes = 0;
    char hex[2 * EVP_MAX_MD_SIZE + 1], subject[SUBJECT_MAX] = "";
    struct dw_buf word = {0};
    X509 *x = SSL_get1_peer_certificate(c->tls);
    BIO *bio = x ? BIO_new(BIO_s_mem()) : NULL;
    if (bio && SSL_get_verify_result(c->tls) == X509_V_OK && X509_digest(x, EVP_sha256(), digest, &bytes) == 1
        && X509_NAME_print_ex(bio, X509_get_subject_name(x), 0, XN_FLAG_RFC2253) >= 0) {
        int n = BIO_read(bio, subject, sizeof subject);
        dw_hex(digest, bytes, hex);
        dw_received_peer_put(&word, &(struct dw_received_peer){.address = dw_str_of(c->address), .fingerprint = dw_str_of(hex),
            .subject = dw_str_make(subject, n > 0 ? (size_t)n : 0)});
        if (!word.err)
            (void)snprintf(c->peer, sizeof c->peer, "%.*s", DW_ARG(dw_buf_view(&word)));
    }
    dw_buf_fini(&word);
    BIO_free(bio);
    X509_free(x);
}

int tls_shake(struct connection *c)
{
    ERR_clear_error();
    int rc = SSL_do_handshake(c->tls);
    if (rc == 1) {
        name_peer(c);
        return 1;
    }
    int error = SSL_get_error(c->tls, rc);
    c->events = error == SSL_ERROR_WANT_WRITE ? UV_WRITABLE : UV_READABLE;
    if (error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE)
        return 0;
    DW_COUNT(inputs_handshakes_failed);
    c->input->losses.handshakes++;
    long verdict = SSL_get_verify_result(c->tls);
    const char *why = reason();
    if (input_tells(c->input->in, c->host))
        dw_warn("%s: no TLS with it: %s", c->address, verdict != X509_V_OK ? X509_verify_cert_error_string(verdict) : why);
    return -1;
}

ssize_t tls_read(struct connection *c)
{
    ERR_clear_error();
    int n = SSL_read(c->tls, c->input->in->bytes, INPUT_READ_BYTES);
    if (n > 0)
        return n;
    int error = SSL_get_error(c->tls, n);
    ERR_clear_error();
    return error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE ? -1 : 0;
}
