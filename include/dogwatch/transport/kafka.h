/*
 * The `kafka` transport: frames as records of one topic, keyed by agent, through librdkafka.
 *
 * A frame is a record, its bytes as they are (Kafka's own compression off: frames are compressed). All frames of an agent go to one
 * partition, in order. A frame is acknowledged when all in-sync replicas have it.
 */
#ifndef DOGWATCH_TRANSPORT_KAFKA_H
#define DOGWATCH_TRANSPORT_KAFKA_H

#include "dogwatch/transport/transport.h"

/* Where to connect. All texts are borrowed until the open function returns. */
struct dw_kafka_conf {
    struct dw_str brokers; /* host:port,host:port */
    struct dw_str topic;
    struct dw_str group;  /* of a receiver; and when it makes the topic: */
    struct dw_str member; /* of a receiver: the same at each start, so that a restarted one has its partitions back at once */
    uint32_t partitions, copies; /* copies: the replication factor; 0: the broker's default */
    struct dw_str client; /* client.id, in the broker's logs */
    const struct dw_str *key, *value; /* further properties of librdkafka: security.protocol, sasl.*, ssl.*, ... */
    uint32_t option_count;
    bool json; /* of a receiver: records of other programs, from DW_SOURCE_KAFKA_JSON on. Of a sender: events as JSON, a record each */
    struct dw_str password; /* sasl.password; empty: none */
};

/* Opens for sending; records carry `key` (an agent's id). Brokers need not be there yet: send answers DW_EAGAIN until they are and
 * have the topic, and the log says what is missing. DW_ECONFIG: a property is wrong (said); DW_ENOMEM. */
DW_MUST_USE int dw_kafka_sender_open(const struct dw_kafka_conf *conf, struct dw_str key, struct dw_sender **ret);

/* Opens for receiving as a member of the group; `from` says where each partition goes on. The topic is made if it is missing and the
 * user may make it. A frame that was taken last and does not stand there any more is told by `replaced`; records that the broker let go
 * before they were taken by `expired`. DW_ECONFIG (said), DW_ENOMEM. */
DW_MUST_USE int dw_kafka_receiver_open(
    const struct dw_kafka_conf *conf, const struct dw_resume *from, uint32_t from_count, struct dw_receiver **ret);

/* Records of others than frames: one at a time, each waited for. Thread: whoever opened it. */
struct dw_publisher;
struct dw_publish {
    struct dw_str key, value;
    struct dw_str name; /* the header `idempotency-key`; the same again while it is under way is the same record */
    int64_t timeout_ns;
    bool (*stop)(void *arg); /* asked now and then: whether to give up */
    void *arg;
};
/* `conf`: brokers, topic, client, key and value, password. DW_ECONFIG: a property is wrong (said); DW_ENOMEM. */
DW_MUST_USE int dw_kafka_publisher_open(const struct dw_kafka_conf *conf, struct dw_publisher **ret);
/* DW_OK: all in-sync replicas have it. DW_EAGAIN: not yet; a record that was handed over stays under way, and the same name asks for its report
 * again. DW_ELIMIT: it is too large. DW_EIO: this publisher is over, and a new one is needed. */
DW_MUST_USE int dw_kafka_publish(struct dw_publisher *p, const struct dw_publish *what);
/* What is in the way, as a sentence; valid until the next call. */
const char *dw_kafka_publisher_trouble(const struct dw_publisher *p);
/* What is under way may still arrive. NULL is fine. */
void dw_kafka_publisher_close(struct dw_publisher *p);

/* Whether a property may stand in the configuration. DW_EUNKNOWN: librdkafka has no such property, or it is one of those that the
 * transport's promises rest on; DW_ECONFIG: not with this value. `why` then gets a sentence. */
DW_MUST_USE int dw_kafka_option_check(struct dw_str name, struct dw_str value, struct dw_buf *why);

#endif
