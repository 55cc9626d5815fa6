/*
 * kafka: properties of librdkafka, and its errors in words that help.
 *
 * Invariant: what the promises of the transport rest on cannot be configured away.
 */
#include "kafka_int.h"

#include "dogwatch/base/clock.h"
#include "dogwatch/base/counter.h"
#include "dogwatch/base/error.h"
#include "dogwatch/base/log.h"

#include <stdio.h>

enum { ASK_MS = 1000 };
#define SAY_AGAIN_NS (60 * DW_NS_PER_S)

/* Not the user's: order, durability and the account of every byte rest on them. */
static const char *const reserved[] = {"bootstrap.servers", "metadata.broker.list", "group.id", "group.instance.id", "client.id", "sasl.password", "enable.idempotence",
    "acks", "request.required.acks", "message.timeout.ms", "delivery.timeout.ms", "enable.gapless.guarantee", "compression.type",
    "compression.codec", "enable.auto.commit", "enable.auto.offset.store", "auto.offset.reset", "partition.assignment.strategy", "partitioner",
    "transactional.id", "max.in.flight", "max.in.flight.requests.per.connection", "retries", "message.send.max.retries"};

static bool set(rd_kafka_conf_t *c, const char *name, const char *value, char *why, size_t why_size)
{
    return rd_kafka_conf_set(c, name, value, why, why_size) == RD_KAFKA_CONF_OK;
}

bool dw_kafka_option_check(struct dw_str name, struct dw_str value, struct dw_buf *why)
{
    char n[256], v[4096], text[512];
    for (size_t i = 0; i < DW_COUNT_OF(reserved); i++) {
        if (dw_str_eq(name, dw_str_of(reserved[i]))) {
            dw_buf_printf(why, "'%s' is set by dogwatch itself", reserved[i]);
            return false;
        }
    }
    if (name.len >= sizeof n || value.len >= sizeof v) {
        dw_buf_printf(why, "too long");
        return false;
    }
    (void)snprintf(n, sizeof n, "%.*s", DW_ARG(name));
    (void)snprintf(v, sizeof v, "%.*s", DW_ARG(value));
    rd_kafka_conf_t *c = rd_kafka_conf_new();
    bool ok = set(c, n, v, text, sizeof text);
    if (!ok)
        dw_buf_printf(why, "%s", text);
    rd_kafka_conf_destroy(c);
    return ok;
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
        bool ok = dw_kafka_option_check(conf->key[i], conf->value[i], &why);
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

rd_kafka_conf_t *dw__kafka_conf(const struct dw_kafka_conf *conf, const struct dw__kafka_property *own, size_t own_count)
{
    char why[512];
    rd_kafka_conf_t *c = rd_kafka_conf_new();
    rd_kafka_conf_set_log_cb(c, on_log);
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

/* What one can do about an error; "" when its own text says it. */
static const char *remedy(rd_kafka_resp_err_t err)
{
    switch (err) {
    case RD_KAFKA_RESP_ERR__AUTHENTICATION:
    case RD_KAFKA_RESP_ERR_SASL_AUTHENTICATION_FAILED: return "; look at kafka.options (sasl.username, sasl.mechanisms) and kafka.password";
    case RD_KAFKA_RESP_ERR__SSL: return "; look at ssl.ca.location and at the dates of the certificates";
    case RD_KAFKA_RESP_ERR__RESOLVE: return "; look at kafka.brokers";
    case RD_KAFKA_RESP_ERR__TRANSPORT:
    case RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN: return "; nothing is lost: it is tried again until a broker answers";
    case RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED:
    case RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED:
    case RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED:
        return "; this user needs WRITE and DESCRIBE on the topic (agent), READ on topic and group (collector): kafka-acls.sh --add";
    case RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE: return "; the topic must take 900000 bytes: kafka-configs.sh --alter --add-config max.message.bytes=1048588";
    default: return "";
    }
}

void dw__kafka_say(struct dw__kafka_trouble *t, rd_kafka_resp_err_t err, const char *reason)
{
    int64_t now = dw_clock_mono(&dw_clock_system);
    DW_COUNT(kafka_errors);
    if (err == t->last && now - t->said_ns < SAY_AGAIN_NS)
        return;
    /* "a broker is down" and "all are" take turns: one of them is enough */
    bool same = t->last == RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN && err == RD_KAFKA_RESP_ERR__TRANSPORT;
    if (!same)
        dw_warn("%s: %s: %s%s", t->what, rd_kafka_err2name(err), reason && *reason ? reason : rd_kafka_err2str(err), remedy(err));
    t->last = same ? t->last : err;
    t->said_ns = same ? t->said_ns : now;
}

void dw__kafka_well(struct dw__kafka_trouble *t)
{
    if (t->last != RD_KAFKA_RESP_ERR_NO_ERROR)
        dw_info("%s: it works again", t->what);
    t->last = RD_KAFKA_RESP_ERR_NO_ERROR;
}

bool dw__kafka_has_topic(rd_kafka_t *rk, const char *topic, const char *brokers, struct dw__kafka_trouble *t)
{
    const struct rd_kafka_metadata *md;
    char text[1024];
    rd_kafka_topic_t *rkt = rd_kafka_topic_new(rk, topic, NULL);
    if (!rkt)
        return false;
    rd_kafka_resp_err_t err = rd_kafka_metadata(rk, 0, rkt, &md, ASK_MS);
    if (err == RD_KAFKA_RESP_ERR_NO_ERROR) {
        err = md->topic_cnt == 1 ? md->topics[0].err : RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART;
        rd_kafka_metadata_destroy(md);
    }
    rd_kafka_topic_destroy(rkt);
    if (err == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART) {
        (void)snprintf(text, sizeof text,
            "topic %s is not there; waiting for it. A collector makes it if it may, else: kafka-topics.sh --bootstrap-server %s --create --topic "
            "%s --partitions 12 --config max.message.bytes=1048588",
            topic, brokers, topic);
        dw__kafka_say(t, err, text);
    } else if (err != RD_KAFKA_RESP_ERR_NO_ERROR && err != RD_KAFKA_RESP_ERR__TIMED_OUT && err != RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE) {
        dw__kafka_say(t, err, NULL);
    }
    return err == RD_KAFKA_RESP_ERR_NO_ERROR;
}
