/*
 * What both halves of the kafka transport share: properties, and what is said of trouble.
 */
#ifndef DOGWATCH_TRANSPORT_KAFKA_INT_H
#define DOGWATCH_TRANSPORT_KAFKA_INT_H

#include "dogwatch/transport/kafka.h"

#include <librdkafka/rdkafka.h>

/* Trouble is said when it begins and when it changes, not each time, with what can be done about it. Used in the thread that polls, but
 * for `x509`. It is the opaque of librdkafka's callbacks. */
struct dw__kafka_trouble {
    const char *what;  /* "kafka sender" */
    char grant[768];   /* the commands that give this user its rights */
    uint32_t partitions; /* that a topic is made with */
    bool compact;        /* ... and whether brokers keep only the newest record of a key */
    bool scram;          /* sasl.mechanisms says so */
    _Atomic int x509;  /* why a broker's certificate was refused last (X509_V_ERR_), written by librdkafka's threads */
    rd_kafka_resp_err_t last;
    int64_t said_ns;
};

/* A property that the transport sets itself. */
struct dw__kafka_property {
    const char *name, *value;
};

/* Makes a configuration: ours, then the user's. NULL: DW_ECONFIG, said. The caller destroys it or hands it to rd_kafka_new. `t` outlives
 * the client. */
rd_kafka_conf_t *dw__kafka_conf(
    const struct dw_kafka_conf *conf, const struct dw__kafka_property *own, size_t own_count, struct dw__kafka_trouble *t);
/* kafka_trouble.c. The words of one half; with a `group` it receives, else it may do what `does` says ("Write"). */
void dw__kafka_trouble_init(struct dw__kafka_trouble *t, const char *what, const char *does, const struct dw_kafka_conf *conf);
/* What one can do about an error; "" when its own text says it. */
const char *dw__kafka_remedy(struct dw__kafka_trouble *t, rd_kafka_resp_err_t err);
/* librdkafka's ssl_cert_verify_cb: judges nothing, and keeps the reason that librdkafka's own text leaves out. */
int dw__kafka_keep_x509(rd_kafka_t *rk, const char *broker, int32_t id, int *x509_error, int depth, const char *der, size_t size, char *why,
    size_t why_size, void *trouble);
/* Says an error with what can be done about it, once until it changes or a minute passes. */
void dw__kafka_say(struct dw__kafka_trouble *t, rd_kafka_resp_err_t err, const char *reason);
/* Something went well: the next trouble is news. */
void dw__kafka_well(struct dw__kafka_trouble *t);
/* Whether the topic is there, and with how many partitions. Asks the brokers, up to a second; says what is missing and the command that makes
 * it. */
bool dw__kafka_has_topic(rd_kafka_t *rk, const char *topic, const char *brokers, struct dw__kafka_trouble *t, uint32_t *ret_partitions);
/* What a producer knows of its topic; zero: nothing. */
struct dw__kafka_look {
    int64_t at_ns;
    bool there;
};
/* The same for a producer, since what is produced to a topic that is not there fails for good: the brokers are asked once a second until it is
 * there, and never again. */
bool dw__kafka_look(struct dw__kafka_look *l, rd_kafka_t *rk, const char *topic, const char *brokers, struct dw__kafka_trouble *t);

/* kafka_make.c. A topic that is made where it is missing. Texts are kept by the caller. */
struct dw__kafka_make {
    const char *topic, *brokers;
    uint32_t partitions, copies; /* copies 0: what the brokers do by themselves */
    bool compact;                /* brokers keep only the newest record of a key */
    rd_kafka_resp_err_t refused; /* why it could not be made, as said last */
    int64_t at_ns;               /* when that was tried last; 0: never */
};
/* Makes the topic if we may; tries it every ten seconds, since somebody may give us the right. */
void dw__kafka_make(struct dw__kafka_make *m, rd_kafka_t *rk);
/* The command that makes the topic. */
void dw__kafka_make_command(char *out, size_t size, const char *brokers, const char *topic, uint32_t partitions, bool compact);

/* kafka_heard.c. How many partitions of ours have a leader of which something came lately, by librdkafka's statistics of a client of one topic;
 * *ret_all: how many there are. */
typedef bool dw__kafka_ours(const void *arg, uint64_t partition);
uint32_t dw__kafka_heard(struct dw_str statistics, dw__kafka_ours *ours, const void *arg, uint32_t *ret_all);

/* kafka_events.c: a frame's events as JSON, one after the other */
struct dw__kafka_events;
struct dw__kafka_events *dw__kafka_events_new(void);
void dw__kafka_events_free(struct dw__kafka_events *e);
/* Begins a frame, which is kept until the next. Codes of dw_decode. */
DW_MUST_USE int dw__kafka_events_take(struct dw__kafka_events *e, const struct dw_frame *frame);
/* The event in hand, valid until the next look. DW_ENOENT: there is none any more; DW_ENOMEM. */
DW_MUST_USE int dw__kafka_events_look(struct dw__kafka_events *e, struct dw_str *ret);
/* The next one is in hand. */
void dw__kafka_events_pass(struct dw__kafka_events *e);

#endif
