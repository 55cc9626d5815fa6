/*
 * What both halves of the kafka transport share: properties, and what is said of trouble.
 */
#ifndef DOGWATCH_TRANSPORT_KAFKA_INT_H
#define DOGWATCH_TRANSPORT_KAFKA_INT_H

#include "dogwatch/transport/kafka.h"

#include <librdkafka/rdkafka.h>

/* Trouble is said when it begins and when it changes, not each time. Used from librdkafka's callbacks, in the thread that polls. */
struct dw__kafka_trouble {
    const char *what; /* "kafka sender" */
    rd_kafka_resp_err_t last;
    int64_t said_ns;
};

/* A property that the transport sets itself. */
struct dw__kafka_property {
    const char *name, *value;
};

/* Makes a configuration: ours, then the user's. NULL: DW_ECONFIG, said. The caller destroys it or hands it to rd_kafka_new. */
rd_kafka_conf_t *dw__kafka_conf(const struct dw_kafka_conf *conf, const struct dw__kafka_property *own, size_t own_count);
/* Says an error with what can be done about it, once until it changes or a minute passes. */
void dw__kafka_say(struct dw__kafka_trouble *t, rd_kafka_resp_err_t err, const char *reason);
/* Something went well: the next trouble is news. */
void dw__kafka_well(struct dw__kafka_trouble *t);
/* Whether the topic is there. Asks the brokers, up to a second; says what is missing and the command that makes it. */
bool dw__kafka_has_topic(rd_kafka_t *rk, const char *topic, const char *brokers, struct dw__kafka_trouble *t);

#endif
