/*
 * librdkafka's own mock cluster: brokers within this process that answer with any error when told to.
 *
 * For faults only; what real brokers do is tested end to end. Thread: the test's.
 */
#ifndef DOGWATCH_TESTS_MOCK_H
#define DOGWATCH_TESTS_MOCK_H

#include "frames.h"
#include "support.h"

#include "dogwatch/transport/kafka.h"

#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>

/* Protocol requests, by Kafka's numbers. */
enum mock_request {
    MOCK_PRODUCE = 0,
    MOCK_FETCH = 1,
    MOCK_LIST_OFFSETS = 2,
    MOCK_METADATA = 3,
    MOCK_OFFSET_COMMIT = 8,
    MOCK_OFFSET_FETCH = 9,
    MOCK_FIND_COORDINATOR = 10,
    MOCK_JOIN_GROUP = 11,
    MOCK_HEARTBEAT = 12,
    MOCK_SYNC_GROUP = 14,
    MOCK_API_VERSION = 18,
    MOCK_INIT_PRODUCER = 22
};

enum { MOCK_FRAMES = 70 }; /* more than the first ring of a sender holds */

struct mock {
    rd_kafka_t *host, *reader;
    rd_kafka_mock_cluster_t *cluster;
    unsigned topics, groups;
    char topic[32], group[32];           /* the newest ones; a topic has one partition */
    struct dw_frame *frame[MOCK_FRAMES]; /* numbered from 0 */
};

void mock_init(struct mock *m);
void mock_fini(struct mock *m);
/* Makes a new, empty topic. */
void mock_topic(struct mock *m);
/* Names a new group: the mock of librdkafka 2.0.2 lets nobody join a group that somebody left. */
void mock_group(struct mock *m);
/* Where the cluster is, with the newest topic and group. */
struct dw_kafka_conf mock_conf(const struct mock *m);
/* Gives a copy of a frame. */
struct dw_frame *mock_copy(const struct mock *m, uint32_t number);
/* The numbers of the frames of the topic in their order, read without our code; how many. */
uint32_t mock_read(struct mock *m, uint64_t *ret, uint32_t max);
/* Waits a moment for other threads; false when it was asked for too long: a test then fails. */
bool mock_moment(int64_t until_ns);

#endif
