/*
 * kafka_make: topics are made where they are missing, if we may; else somebody is told how.
 *
 * Invariant: why a topic cannot be made is said once until it changes.
 */
#include "kafka_int.h"

#include "dogwatch/base/clock.h"
#include "dogwatch/base/log.h"
#include "dogwatch/base/table.h"

#include <stdio.h>

enum { ASK_MS = 5000 };
#define MAKE_NS (10 * DW_NS_PER_S)

/* Only of a topic that brokers compact. They do so with closed segments: with those of 1 GiB that they have by themselves a reader would go
 * through that much of what is not needed any more. */
static const struct dw__kafka_property compacted[] = {
    {"cleanup.policy", "compact"}, {"segment.bytes", "67108864"}, {"min.cleanable.dirty.ratio", "0.1"}};

void dw__kafka_make_command(char *out, size_t size, const char *brokers, const char *topic, uint32_t partitions, bool compact)
{
    int n = snprintf(out, size,
        "kafka-topics.sh --bootstrap-server %s --create --topic %s --partitions %u --config max.message.bytes=1048588", brokers, topic, partitions);
    for (size_t i = 0; compact && i < DW_COUNT_OF(compacted) && n > 0 && (size_t)n < size; i++)
        n += snprintf(out + n, size - (size_t)n, " --config %s=%s", compacted[i].name, compacted[i].value);
}

static void say_refused(const struct dw__kafka_make *m, rd_kafka_resp_err_t err)
{
    char make[512];
    if (err == m->refused)
        return;
    dw__kafka_make_command(make, sizeof make, m->brokers, m->topic, m->partitions, m->compact);
    dw_warn("kafka: topic %s cannot be made: %s; waiting for it. Somebody who may: %s", m->topic, rd_kafka_err2str(err), make);
}

static bool configure(const struct dw__kafka_make *m, rd_kafka_NewTopic_t *t)
{
    bool ok = rd_kafka_NewTopic_set_config(t, "max.message.bytes", "1048588") == RD_KAFKA_RESP_ERR_NO_ERROR;
    for (size_t i = 0; m->compact && ok && i < DW_COUNT_OF(compacted); i++)
        ok = rd_kafka_NewTopic_set_config(t, compacted[i].name, compacted[i].value) == RD_KAFKA_RESP_ERR_NO_ERROR;
    return ok;
}

void dw__kafka_make(struct dw__kafka_make *m, rd_kafka_t *rk)
{
    char why[512];
    if (m->at_ns && dw_clock_mono(&dw_clock_system) - m->at_ns < MAKE_NS)
        return;
    rd_kafka_NewTopic_t *t = rd_kafka_NewTopic_new(m->topic, (int)m->partitions, m->copies ? (int)m->copies : -1, why, sizeof why);
    rd_kafka_queue_t *q = rd_kafka_queue_new(rk);
    if (t && q && configure(m, t)) {
        rd_kafka_CreateTopics(rk, &t, 1, NULL, q);
        rd_kafka_event_t *ev = rd_kafka_queue_poll(q, ASK_MS);
        const rd_kafka_CreateTopics_result_t *result = ev ? rd_kafka_event_CreateTopics_result(ev) : NULL;
        size_t n = 0;
        const rd_kafka_topic_result_t **topics = result ? rd_kafka_CreateTopics_result_topics(result, &n) : NULL;
        rd_kafka_resp_err_t err = n ? rd_kafka_topic_result_error(topics[0]) : RD_KAFKA_RESP_ERR__TIMED_OUT;
        if (err == RD_KAFKA_RESP_ERR_NO_ERROR)
            dw_info("kafka: made topic %s with %u partitions", m->topic, m->partitions);
        else if (err != RD_KAFKA_RESP_ERR_TOPIC_ALREADY_EXISTS)
            say_refused(m, err);
        m->refused = err;
        if (ev)
            rd_kafka_event_destroy(ev);
    }
    if (t)
        rd_kafka_NewTopic_destroy(t);
    if (q)
        rd_kafka_queue_destroy(q);
    m->at_ns = dw_clock_mono(&dw_clock_system);
}
