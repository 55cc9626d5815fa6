/*
 * kafka: properties of librdkafka: the transport's own, and those that a configuration may add.
 *
 * Invariant: what the promises of the transport rest on cannot be configured away.
 */
#include "kafka_int.h"

#include "dogwatch/base/diag.h"
#include "dogwatch/base/error.h"
#include "dogwatch/base/log.h"

#include <stdio.h>

enum { PROPERTIES_MAX = 512 };

/* Not the user's: order, durability and the account of every byte rest on them. `instead`: dogwatch's own option. */
static const struct {
    const char *name, *instead;
} reserved[] = {{"bootstrap.servers", "kafka.brokers"}, {"metadata.broker.list", "kafka.brokers"}, {"group.id", "kafka.group"},
    {"sasl.password", "kafka.password"}, {"group.instance.id", NULL}, {"client.id", NULL}, {"enable.idempotence", NULL}, {"acks", NULL},
    {"request.required.acks", NULL}, {"message.timeout.ms", NULL}, {"delivery.timeout.ms", NULL}, {"enable.gapless.guarantee", NULL},
    {"compression.type", NULL}, {"compression.codec", NULL}, {"enable.auto.commit", NULL}, {"enable.auto.offset.store", NULL},
    {"auto.offset.reset", NULL}, {"enable.partition.eof", NULL}, {"partition.assignment.strategy", NULL}, {"partitioner", NULL},
    {"transactional.id", NULL}, {"max.in.flight", NULL}, {"max.in.flight.requests.per.connection", NULL}, {"retries", NULL},
    {"message.send.max.retries", NULL}, {"message.max.bytes", NULL}, {"allow.auto.create.topics", NULL},
    {"statistics.interval.ms", NULL}, {"fetch.wait.max.ms", NULL}};

static bool set(rd_kafka_conf_t *c, const char *name, const char *value, char *why, size_t why_size)
{
    return rd_kafka_conf_set(c, name, value, why, why_size) == RD_KAFKA_CONF_OK;
}

static bool is_reserved(struct dw_str name, struct dw_buf *why)
{
    for (size_t i = 0; i < DW_COUNT_OF(reserved); i++) {
        if (!dw_str_eq(name, dw_str_of(reserved[i].name)))
            continue;
        if (reserved[i].instead)
            dw_buf_printf(why, "write %s", reserved[i].instead);
        else
            dw_buf_printf(why, "dogwatch sets it itself: order, or the account of every byte, rests on it");
        return true;
    }
    return false;
}

/* librdkafka's own names: which of them was meant? */
static void say_unknown(const rd_kafka_conf_t *c, struct dw_str name, struct dw_buf *why)
{
    static const char *const unset[] = {"sasl.username", "ssl.ca.location", "ssl.ca.pem", "ssl.certificate.location", "ssl.certificate.pem",
        "ssl.key.location", "ssl.key.password", "ssl.keystore.location", "client.rack", "debug"}; /* a dump shows what has a value only */
    const char *names[PROPERTIES_MAX], *near;
    size_t count = 0, n = 0;
    while (n < DW_COUNT_OF(unset)) {
        names[n] = unset[n];
        n++;
    }
    const char **dump = rd_kafka_conf_dump((rd_kafka_conf_t *)c, &count); /* name, value, name, value, ... */
    for (size_t i = 0; i + 1 < count && n < DW_COUNT_OF(names); i += 2)
        names[n++] = dump[i];
    near = dw_nearest(name, names, n);
    dw_buf_printf(why, "librdkafka has no such property");
    if (near)
        dw_buf_printf(why, "; did you mean '%s'?", near);
    rd_kafka_conf_dump_free(dump, count);
}

int dw_kafka_option_check(struct dw_str name, struct dw_str value, struct dw_buf *why)
{
    char n[256] = "", v[4096], text[512];
    if (is_reserved(name, why))
        return DW_EUNKNOWN;
    if (value.len >= sizeof v) {
        dw_buf_printf(why, "%zu bytes are more than %zu", value.len, sizeof v - 1);
        return DW_ECONFIG;
    }
    if (name.len < sizeof n)
        (void)snprintf(n, sizeof n, "%.*s", DW_ARG(name));
    (void)snprintf(v, sizeof v, "%.*s", DW_ARG(value));
    rd_kafka_conf_t *c = rd_kafka_conf_new();
    rd_kafka_conf_res_t res = rd_kafka_conf_set(c, n, v, text, sizeof text);
    if (res == RD_KAFKA_CONF_UNKNOWN)
        say_unknown(c, name, why);
    else if (res == RD_KAFKA_CONF_INVALID)
        dw_buf_printf(why, "%s", text);
    rd_kafka_conf_destroy(c);
    return res == RD_KAFKA_CONF_OK ? DW_OK : res == RD_KAFKA_CONF_UNKNOWN ? DW_EUNKNOWN : DW_ECONFIG;
}

static bool set_text(rd_kafka_conf_t *c, const char *name, struct dw_str value)
{
    char text[4096], why[512];
    if (value.len == 0)
        return true;
    int n = snprintf(text, sizeof text, "%.*s", DW_ARG(value));
    bool ok = n >= 0 && n < (int)sizeof text && set(c, name, text, why, sizeof why);
    if (!ok)
        dw_error("kafka: %s: %s", name, n < (int)sizeof text ? why : "too long");
    return ok;
}

static bool set_options(rd_kafka_conf_t *c, const struct dw_kafka_conf *conf)
{
    for (uint32_t i = 0; i < conf->option_count; i++) {
        struct dw_buf why = {0};
        char name[256];
        bool ok = dw_kafka_option_check(conf->key[i], conf->value[i], &why) == DW_OK;
        if (!ok)
            dw_error("kafka: %.*s: %.*s", DW_ARG(conf->key[i]), DW_ARG(dw_buf_view(&why)));
        dw_buf_fini(&why);
        (void)snprintf(name, sizeof name, "%.*s", DW_ARG(conf->key[i]));
        if (!ok || !set_text(c, name, conf->value[i]))
            return false;
    }
    return true;
}

static void on_log(const rd_kafka_t *rk, int level, const char *facility, const char *text)
{
    (void)rk;
    if (level <= 3) /* errors come through the error callback as well, with their code */
        dw_log(DW_LOG_DEBUG, "librdkafka: %s: %s", facility, text);
}

rd_kafka_conf_t *dw__kafka_conf(
    const struct dw_kafka_conf *conf, const struct dw__kafka_property *own, size_t own_count, struct dw__kafka_trouble *t)
{
    char why[512];
    if (conf->brokers.len == 0) {
        dw_error("kafka.brokers is not set: where is the first broker? host:port,host:port");
        return NULL;
    }
    rd_kafka_conf_t *c = rd_kafka_conf_new();
    rd_kafka_conf_set_log_cb(c, on_log);
    rd_kafka_conf_set_opaque(c, t);
    (void)rd_kafka_conf_set_ssl_cert_verify_cb(c, dw__kafka_keep_x509); /* fails where librdkafka has no TLS: then nothing is to be kept */
    bool ok = true;
    for (size_t i = 0; i < own_count && ok; i++) {
        ok = set(c, own[i].name, own[i].value, why, sizeof why);
        if (!ok)
            dw_error("kafka: %s=%s: %s", own[i].name, own[i].value, why);
    }
    ok = ok && set_options(c, conf) && set_text(c, "bootstrap.servers", conf->brokers) && set_text(c, "client.id", conf->client)
        && set_text(c, "group.id", conf->group)
        && set_text(c, "group.instance.id", conf->member) && set_text(c, "sasl.password", conf->password);
    if (ok)
        return c;
    rd_kafka_conf_destroy(c);
    return NULL;
}
