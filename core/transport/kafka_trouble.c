/*
 * kafka_trouble: librdkafka's errors in words that say what to do.
 *
 * Idea: an error is said with its remedy, once until it changes or a minute has passed; nothing gives up because of one, so what was
 * mended works again by itself, and that is said too.
 */
#include "kafka_int.h"

#include "dogwatch/base/clock.h"
#include "dogwatch/base/counter.h"
#include "dogwatch/base/error.h"
#include "dogwatch/base/log.h"

#include <openssl/x509_vfy.h>
#include <stdio.h>

enum { ASK_MS = 1000, TOPIC_PARTITIONS = 12 }; /* a sender has no number of its own: the collector's default */
/* Before 2.6.1 librdkafka's SCRAM sent its nonce twice, which brokers let pass up to 3.9 (confluentinc/librdkafka#4895). */
#define SCRAM_OF_KAFKA_4 0x020601ff
#define SAY_AGAIN_NS (60 * DW_NS_PER_S)
#define LOOK_NS DW_NS_PER_S /* how often a producer looks for its topic */

void dw__kafka_trouble_init(struct dw__kafka_trouble *t, const char *what, const char *does, const struct dw_kafka_conf *conf)
{
    struct dw_str user = DW_STR("NAME");
    char add[256];
    *t = (struct dw__kafka_trouble){.what = what, .partitions = conf->partitions ? conf->partitions : TOPIC_PARTITIONS};
    for (uint32_t i = 0; i < conf->option_count; i++) {
        if (dw_str_eq(conf->key[i], DW_STR("sasl.username")))
            user = conf->value[i];
        t->scram |= dw_str_starts(conf->key[i], DW_STR("sasl.mechanism")) && dw_str_starts(conf->value[i], DW_STR("SCRAM"));
    }
    (void)snprintf(add, sizeof add, "kafka-acls.sh --bootstrap-server %.*s --add --allow-principal User:%.*s", DW_ARG(conf->brokers), DW_ARG(user));
    if (conf->group.len)
        (void)snprintf(t->grant, sizeof t->grant,
            "; this user needs Read and Describe on topic and group: %s --operation Read --operation Describe --topic %.*s --group %.*s", add,
            DW_ARG(conf->topic), DW_ARG(conf->group));
    else
        (void)snprintf(t->grant, sizeof t->grant,
            "; this user needs %s and Describe on the topic: %s --operation %s --operation Describe --topic %.*s", does, add, does, DW_ARG(conf->topic));
}

int dw__kafka_keep_x509(rd_kafka_t *rk, const char *broker, int32_t id, int *x509_error, int depth, const char *der, size_t size, char *why,
    size_t why_size, void *trouble)
{
    struct dw__kafka_trouble *t = trouble;
    (void)rk;
    (void)broker;
    (void)id;
    (void)depth;
    (void)der;
    (void)size;
    if (*x509_error == X509_V_OK)
        return 1;
    t->x509 = *x509_error;
    (void)snprintf(why, why_size, "%s", X509_verify_cert_error_string(*x509_error));
    return 0;
}

static const char *certificate_remedy(int code)
{
    switch (code) {
    case X509_V_ERR_CERT_HAS_EXPIRED:
        return "; the broker's certificate has expired: it is to be renewed there (openssl s_client -connect HOST:PORT | openssl x509 -noout -dates)";
    case X509_V_ERR_CERT_NOT_YET_VALID: return "; the broker's certificate is not valid yet: are both clocks right?";
    case X509_V_ERR_HOSTNAME_MISMATCH:
    case X509_V_ERR_IP_ADDRESS_MISMATCH: return "; the certificate is of another host: kafka.brokers must use a name that is in it";
    case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
    case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
        return "; nobody vouches for the broker's certificate: ssl.ca.location in kafka.options must name the file of the CA that signed it";
    default: return "; look at ssl.ca.location and ssl.certificate.location in kafka.options, and at the dates of the certificates";
    }
}

const char *dw__kafka_remedy(struct dw__kafka_trouble *t, rd_kafka_resp_err_t err)
{
    switch (err) {
    case RD_KAFKA_RESP_ERR__AUTHENTICATION:
    case RD_KAFKA_RESP_ERR_SASL_AUTHENTICATION_FAILED:
        if (t->scram && rd_kafka_version() < SCRAM_OF_KAFKA_4)
            return "; is it the password of kafka.password? If so: this librdkafka is older than 2.6.1, and Kafka 4 refuses its SCRAM: sasl.mechanisms: "
                   "PLAIN (over TLS) or ssl.certificate.location in kafka.options, or a newer librdkafka. Nothing is lost: it is tried again";
        return "; look at sasl.username and sasl.mechanisms in kafka.options and at the file of kafka.password; nothing is lost: it is tried again";
    case RD_KAFKA_RESP_ERR__SSL: return certificate_remedy(t->x509);
    case RD_KAFKA_RESP_ERR__RESOLVE: return "; kafka.brokers names a host that is not known here";
    case RD_KAFKA_RESP_ERR__TRANSPORT:
    case RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN:
        return "; is it up, and does kafka.brokers name it? Nothing is lost: it is tried again until a broker answers";
    case RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED:
    case RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED:
    case RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED: return t->grant;
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
        dw_warn("%s: %s: %s%s", t->what, rd_kafka_err2name(err), reason && *reason ? reason : rd_kafka_err2str(err), dw__kafka_remedy(t, err));
    t->last = same ? t->last : err;
    t->said_ns = same ? t->said_ns : now;
}

void dw__kafka_well(struct dw__kafka_trouble *t)
{
    if (t->last != RD_KAFKA_RESP_ERR_NO_ERROR)
        dw_info("%s: it works again", t->what);
    t->last = RD_KAFKA_RESP_ERR_NO_ERROR;
}

bool dw__kafka_has_topic(rd_kafka_t *rk, const char *topic, const char *brokers, struct dw__kafka_trouble *t, uint32_t *ret_partitions)
{
    const struct rd_kafka_metadata *md;
    char text[1024], make[512];
    rd_kafka_topic_t *rkt = rd_kafka_topic_new(rk, topic, NULL);
    if (!rkt)
        return false;
    rd_kafka_resp_err_t err = rd_kafka_metadata(rk, 0, rkt, &md, ASK_MS);
    if (err == RD_KAFKA_RESP_ERR_NO_ERROR) {
        err = md->topic_cnt == 1 ? md->topics[0].err : RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART;
        if (err == RD_KAFKA_RESP_ERR_NO_ERROR)
            *ret_partitions = (uint32_t)md->topics[0].partition_cnt;
        rd_kafka_metadata_destroy(md);
    }
    rd_kafka_topic_destroy(rkt);
    if (err == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART) {
        dw__kafka_make_command(make, sizeof make, brokers, topic, t->partitions, t->compact);
        (void)snprintf(text, sizeof text, "topic %s is not there; waiting for it. A collector makes it if it may, else: %s", topic, make);
        dw__kafka_say(t, err, text);
    } else if (err != RD_KAFKA_RESP_ERR_NO_ERROR && err != RD_KAFKA_RESP_ERR__TIMED_OUT && err != RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE) {
        dw__kafka_say(t, err, NULL);
    }
    return err == RD_KAFKA_RESP_ERR_NO_ERROR;
}

bool dw__kafka_look(struct dw__kafka_look *l, rd_kafka_t *rk, const char *topic, const char *brokers, struct dw__kafka_trouble *t)
{
    uint32_t partitions;
    if (l->there || (l->at_ns && dw_clock_mono(&dw_clock_system) - l->at_ns < LOOK_NS))
        return l->there;
    l->there = dw__kafka_has_topic(rk, topic, brokers, t, &partitions);
    l->at_ns = dw_clock_mono(&dw_clock_system);
    if (l->there)
        dw__kafka_well(t);
    return l->there;
}
