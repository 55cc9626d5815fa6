/*
 * The `kafka` transport: frames as records of one topic, keyed by agent, through librdkafka.
 *
 * A frame is a record, its bytes as they are (Kafka's own compression off: frames are compressed). All frames of an agent go to one
 * partition, in order. A frame is acknowledged when all in-sync replicas have it.
 */
#ifndef DOGWATCH_TRANSPORT_KAFKA_H
#define DOGWATCH_TRANSPORT_KAFKA_H

#include "dogwatch/transport/transport.h"

struct dw_states;

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
    bool json;              /* of a sender: events as JSON, a record each */
    uint64_t first_source;  /* of a receiver: DW_SOURCE_KAFKA, DW_SOURCE_KAFKA_JSON or DW_SOURCE_KAFKA_MATCHES */
    struct dw_states *states; /* of a receiver, borrowed until it is closed: it hands out `taken` and `given`. NULL: it does not */
    struct dw_str password; /* sasl.password; empty: none */
};

/* Opens for sending; records carry `key` (an agent's id). Brokers need not be there yet: send answers DW_EAGAIN until they are and
 * have the topic, and the log says what is missing. DW_ECONFIG: a property is wrong (said); DW_ENOMEM. */
DW_MUST_USE int dw_kafka_sender_open(const struct dw_kafka_conf *conf, struct dw_str key, struct dw_sender **ret);

/* Opens for receiving as a member of the group; `from` says where each partition goes on. The topic is made if it is missing and the
 * user may make it. A frame that was taken last and does not stand there any more is told by `replaced`; records that the broker let go
 * before they were taken by `expired`. DW_ECONFIG (said), DW_ENOMEM.
 * Without `states` a partition that is new to us goes on where the group is, since another collector had it. With `states` the group's commits move
 * nobody: each partition that comes to us is told by `taken`, goes on at the part's place where that is ahead of our own, else at our own or at
 * its beginning, and is told by `given` when it went; and what is to be given up waits for dw_receiver_let_go. */
DW_MUST_USE int dw_kafka_receiver_open(
    const struct dw_kafka_conf *conf, const struct dw_resume *from, uint32_t from_count, struct dw_receiver **ret);

/* Records of others than frames: one at a time, each waited for. Thread: whoever opened it. */
struct dw_publisher;
struct dw_publish {
    struct dw_str key, value;
    struct dw_str name; /* the header `idempotency-key`; the same again while it is under way is the same record */
    int64_t timeout_ns;
    bool (*stop)(void *arg); /* asked now and then: whether to give up; NULL: never before its time */
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

/* The topic of states: what collectors of a group know of the senders in a partition (a *part*), for whoever has the partition next. A compacted
 * topic of one partition (docs/formats/states.md). A part is a pure function of its partition's frames below `next`, so whoever wrote it, the one
 * with the greatest `next` is the newest. Thread: whoever opened it. */
enum { DW_KAFKA_PART_MAX = 16 * 1024 * 1024 };
/* `conf`: brokers, topic, client, key and value, password, copies; it is copied. Brokers need not be there yet. The topic is
 * made if it is missing and the user may make it. DW_ECONFIG: a property is wrong (said); DW_ENOMEM. */
DW_MUST_USE int dw_kafka_states_open(const struct dw_kafka_conf *conf, struct dw_states **ret);
/* Writes a part. DW_OK: all in-sync replicas have all of it. DW_EAGAIN: not yet; called again with the same source and next it goes on where it was,
 * and with others what is there of it is as if it had never been. DW_ELIMIT: it is over DW_KAFKA_PART_MAX, or brokers do not take 600,000 bytes.
 * DW_ENOMEM; DW_ECONFIG: the client is over, and no other could be opened in its place. Until the part is whole the one before it stays, if that was
 * written or got here: so a part is got before the first is put. */
DW_MUST_USE int dw_kafka_states_put(struct dw_states *s, uint64_t source, uint64_t next, struct dw_str part, int64_t timeout_ns);
/* The newest whole part of a source, of all that the topic has by now. *ret_part, which the caller owns, is empty for an empty part. DW_ENOENT:
 * there is none. DW_EAGAIN: brokers do not answer, or all cannot be read in that time; called again with the same source it goes on where it
 * was. DW_ENOMEM. Records that are damaged, or that a newer dogwatch wrote, are passed over and counted. */
DW_MUST_USE int dw_kafka_states_get(
    struct dw_states *s, uint64_t source, int64_t timeout_ns, uint64_t *ret_next, struct dw_buf *ret_part);
/* What is under way may still arrive. NULL is fine. */
void dw_kafka_states_close(struct dw_states *s);

/* Whether a property may stand in the configuration. DW_EUNKNOWN: librdkafka has no such property, or it is one of those that the
 * transport's promises rest on; DW_ECONFIG: not with this value. `why` then gets a sentence. */
DW_MUST_USE int dw_kafka_option_check(struct dw_str name, struct dw_str value, struct dw_buf *why);

#endif
