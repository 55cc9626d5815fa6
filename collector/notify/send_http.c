/*
 * send_http: a POST to a webhook or to Alertmanager, by libcurl.
 *
 * Invariants:
 *   (1) http and https alone, no redirect, no proxy of the environment, certificates checked: the request goes where the configuration says.
 *   (2) Of an answer at most OUTPUT_BODY_ANSWER bytes are read; what it says goes into the status and the log as printable text alone.
 *   (3) Only a status from 200 to 299 means that the message was taken.
 */
#include "notify_int.h"

#include "dogwatch/base/error.h"
#include "dogwatch/base/mem.h"

#include <curl/curl.h>
#include <inttypes.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdio.h>

enum { SAID_BYTES = 120 };

struct http {
    CURL *easy;
    char url[2100], error[CURL_ERROR_SIZE];
    char said[SAID_BYTES + 1]; /* the answer's beginning */
    size_t said_len, taken;
};

void output_sign(struct dw_str secret, const char *timestamp, struct dw_str body, char ret[65])
{
    uint8_t mac[EVP_MAX_MD_SIZE];
    unsigned len = 0;
    struct dw_buf text = {0};
    dw_buf_str(&text, dw_str_of(timestamp));
    dw_buf_byte(&text, '.');
    dw_buf_str(&text, body);
    bool ok = !text.err && HMAC(EVP_sha256(), secret.ptr, (int)secret.len, (const uint8_t *)text.ptr, text.len, mac, &len) && len == 32;
    DW_ASSERT(ok || text.err);
    dw_buf_fini(&text);
    ret[0] = '\0';
    if (ok)
        dw_hex(mac, len, ret);
}

static size_t on_body(char *bytes, size_t size, size_t count, void *arg)
{
    struct http *h = arg;
    size_t n = size * count;
    for (size_t i = 0; i < n && h->said_len < SAID_BYTES; i++)
        h->said[h->said_len++] = bytes[i] > 0x20 && bytes[i] < 0x7f ? bytes[i] : ' ';
    h->said[h->said_len] = '\0';
    h->taken += n;
    return h->taken > OUTPUT_BODY_ANSWER ? 0 : n; /* 0: that is enough */
}

static int on_progress(void *arg, curl_off_t a, curl_off_t b, curl_off_t c, curl_off_t d)
{
    (void)a, (void)b, (void)c, (void)d;
    return output_in_vain(arg);
}

static int http_open(struct output *o)
{
    struct http *h = dw_calloc(1, sizeof *h);
    if (!h)
        return DW_ENOMEM;
    o->link = h;
    struct dw_str url = o->opt->url;
    bool slash = url.len && url.ptr[url.len - 1] == '/';
    const char *more = o->opt->type == DW_OUTPUT_alertmanager ? "/api/v2/alerts" : "";
    int n = snprintf(h->url, sizeof h->url, "%.*s%s", (int)(*more && slash ? url.len - 1 : url.len), url.ptr, more);
    if (n < 0 || n >= (int)sizeof h->url)
        return DW_ELIMIT;
    h->easy = curl_easy_init();
    return h->easy ? DW_OK : DW_ENOMEM;
}

static void http_close(struct output *o)
{
    struct http *h = o->link;
    if (!h)
        return;
    curl_easy_cleanup(h->easy);
    dw_free(h);
    o->link = NULL;
}

/* False: no memory. */
static bool add(struct curl_slist **list, const char *name, const char *value)
{
    struct dw_buf line = {0};
    dw_buf_printf(&line, "%s: %s%c", name, value, 0);
    struct curl_slist *more = line.err ? NULL : curl_slist_append(*list, line.ptr);
    dw_buf_fini(&line);
    *list = more ? more : *list;
    return more != NULL;
}

static bool put_headers(const struct output *o, const struct output_message *m, struct curl_slist **list)
{
    char stamp[32], mac[65], text[80];
    (void)snprintf(stamp, sizeof stamp, "%" PRId64, m->now_ns / DW_NS_PER_S);
    bool cef = o->opt->format == DW_FORMAT_CEF && o->opt->type == DW_OUTPUT_webhook;
    bool ok = add(list, "Content-Type", cef ? "text/plain; charset=utf-8" : "application/json") && add(list, "Expect", "")
        && add(list, "User-Agent", "dogwatch/" DW_VERSION) && add(list, "Idempotency-Key", m->key) && add(list, "X-Dogwatch-Timestamp", stamp);
    if (ok && o->opt->secret.bytes.len) {
        output_sign(o->opt->secret.bytes, stamp, dw_buf_view(&m->body), mac);
        (void)snprintf(text, sizeof text, "sha256=%s", mac);
        ok = mac[0] && add(list, "X-Dogwatch-Signature", text);
    }
    if (ok && o->opt->token.bytes.len) {
        struct dw_buf token = {0};
        dw_buf_printf(&token, "Bearer %.*s%c", DW_ARG(o->opt->token.bytes), 0);
        ok = !token.err && add(list, "Authorization", token.ptr);
        dw_buf_fini(&token);
    }
    return ok;
}

static bool set_up(struct output *o, const struct output_message *m, struct curl_slist *headers)
{
    struct http *h = o->link;
    CURL *c = h->easy;
    long ms = (long)(o->opt->timeout / DW_NS_PER_MS);
    curl_easy_reset(c); /* connections stay */
    bool ok = curl_easy_setopt(c, CURLOPT_URL, h->url) == CURLE_OK && curl_easy_setopt(c, CURLOPT_PROTOCOLS_STR, "http,https") == CURLE_OK
        && curl_easy_setopt(c, CURLOPT_FOLLOWLOCATION, 0L) == CURLE_OK && curl_easy_setopt(c, CURLOPT_PROXY, "") == CURLE_OK
        && curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L) == CURLE_OK && curl_easy_setopt(c, CURLOPT_TIMEOUT_MS, ms) == CURLE_OK
        && curl_easy_setopt(c, CURLOPT_CONNECTTIMEOUT_MS, ms) == CURLE_OK && curl_easy_setopt(c, CURLOPT_HTTPHEADER, headers) == CURLE_OK
        && curl_easy_setopt(c, CURLOPT_POST, 1L) == CURLE_OK && curl_easy_setopt(c, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)m->body.len) == CURLE_OK
        && curl_easy_setopt(c, CURLOPT_POSTFIELDS, m->body.ptr) == CURLE_OK && curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, on_body) == CURLE_OK
        && curl_easy_setopt(c, CURLOPT_WRITEDATA, h) == CURLE_OK && curl_easy_setopt(c, CURLOPT_NOPROGRESS, 0L) == CURLE_OK
        && curl_easy_setopt(c, CURLOPT_XFERINFOFUNCTION, on_progress) == CURLE_OK && curl_easy_setopt(c, CURLOPT_XFERINFODATA, o) == CURLE_OK
        && curl_easy_setopt(c, CURLOPT_ERRORBUFFER, h->error) == CURLE_OK;
    if (ok && o->opt->ca.len)
        ok = curl_easy_setopt(c, CURLOPT_CAINFO, o->opt->ca.ptr) == CURLE_OK;
    return ok;
}

static void judge(struct http *h, CURLcode rc, struct output_result *ret)
{
    long status = 0;
    curl_off_t after = 0;
    (void)curl_easy_getinfo(h->easy, CURLINFO_RESPONSE_CODE, &status);
    (void)curl_easy_getinfo(h->easy, CURLINFO_RETRY_AFTER, &after);
    bool answered = rc == CURLE_OK || (rc == CURLE_WRITE_ERROR && h->taken > OUTPUT_BODY_ANSWER);
    if (!answered) {
        output_say(ret, OUTPUT_LATER, "%s", h->error[0] ? h->error : curl_easy_strerror(rc));
    } else if (status >= 200 && status < 300) {
        ret->answer = OUTPUT_TAKEN;
    } else {
        while (h->said_len && h->said[h->said_len - 1] == ' ')
            h->said[--h->said_len] = '\0';
        bool later = status == 408 || status == 425 || status == 429 || status >= 500 || status < 200;
        output_say(ret, later ? OUTPUT_LATER : OUTPUT_REFUSED, "it answers %ld%s%s", status, h->said_len ? ": " : "", h->said);
        ret->wait_ns = later ? output_retry_after_ns((int64_t)after) : 0;
    }
}

static void http_send(struct output *o, const struct output_message *m, struct output_result *ret)
{
    struct http *h = o->link;
    struct curl_slist *headers = NULL;
    h->error[0] = h->said[0] = '\0';
    h->said_len = h->taken = 0;
    if (!put_headers(o, m, &headers) || !set_up(o, m, headers))
        output_say(ret, OUTPUT_LATER, "no memory for the request");
    else
        judge(h, curl_easy_perform(h->easy), ret);
    curl_slist_free_all(headers);
}

const struct output_way output_http = {.open = http_open, .send = http_send, .close = http_close};
