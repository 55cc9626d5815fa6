/*
 * sharing: see sharing.h.
 *
 * Idea: the topic of matches has one partition, so that all collectors take the same batches in the same order; each is a group of its own there. What is known of partitions is in a compacted
 * topic. Both are named after the topic of frames and the group, and made where they are missing.
 */
#include "sharing.h"

#include "dogwatch/base/clock.h"
#include "dogwatch/base/error.h"
#include "dogwatch/base/hash.h"
#include "dogwatch/base/log.h"

#include <inttypes.h>
#include <stdio.h>

#define PATIENCE_NS (2 * DW_NS_PER_S) /* the loop has other things to do */

/* A batch is named by what is in it: asked for again, it is not sent again. */
static int publish(void *arg, struct dw_str batch)
{
    struct sharing *s = arg;
    char name[64];
    int n = snprintf(name, sizeof name, "%016" PRIx64, dw_hash((struct dw_hash_key){0}, batch));
    struct dw_kafka_conf conf = s->conf;
    conf.topic = dw_str_of(s->matches_topic);
    int rc = s->matches ? DW_OK : dw_kafka_publisher_open(&conf, &s->matches);
    if (rc == DW_OK)
        rc = dw_kafka_publish(s->matches, &(struct dw_publish){.value = batch, .name = dw_str_make(name, (size_t)n), .timeout_ns = PATIENCE_NS});
    if (rc != DW_EIO)
        return rc;
    dw_warn("kafka: topic %s: %s; another client takes its place", s->matches_topic, dw_kafka_publisher_trouble(s->matches));
    dw_kafka_publisher_close(s->matches);
    s->matches = NULL;
    return DW_EAGAIN;
}

static int put_part(void *arg, uint64_t source, uint64_t next, struct dw_str part)
{
    struct sharing *s = arg;
    int rc = dw_kafka_states_put(s->states, source, next, part, PATIENCE_NS);
    if (rc == DW_ELIMIT && !s->said_too_large)
        dw_warn("kafka: what is known of partition %" PRIu64 " is too large for topic %s: who takes it over goes on from farther back; group_parts_too_large counts on", source - DW_SOURCE_KAFKA, s->states_topic);
    s->said_too_large |= rc == DW_ELIMIT;
    return rc;
}

int sharing_open(struct sharing *s, const struct dw_kafka_conf *conf)
{
    *s = (struct sharing){.group = {.arg = s, .publish = publish, .put_part = put_part}, .conf = *conf};
    (void)snprintf(s->matches_topic, sizeof s->matches_topic, "%.*s.%.*s.matches", DW_ARG(conf->topic), DW_ARG(conf->group));
    (void)snprintf(s->states_topic, sizeof s->states_topic, "%.*s.%.*s.states", DW_ARG(conf->topic), DW_ARG(conf->group));
    (void)snprintf(s->own_group, sizeof s->own_group, "%.*s.matches.%.*s", DW_ARG(conf->group), DW_ARG(conf->member));
    struct dw_kafka_conf states = s->conf;
    states.topic = dw_str_of(s->states_topic);
    return dw_kafka_states_open(&states, &s->states);
}

int sharing_receive(struct sharing *s, const struct dw_resume *from, uint32_t count, struct dw_receiver **ret)
{
    struct dw_kafka_conf conf = s->conf;
    conf.topic = dw_str_of(s->matches_topic);
    conf.group = dw_str_of(s->own_group);
    conf.partitions = 1;
    conf.first_source = DW_SOURCE_KAFKA_MATCHES;
    return dw_kafka_receiver_open(&conf, from, count, ret);
}

void sharing_close(struct sharing *s)
{
    dw_kafka_publisher_close(s->matches);
    dw_kafka_states_close(s->states);
    s->matches = NULL;
    s->states = NULL;
}
