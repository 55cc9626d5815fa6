/*
 * kafka_heard: whether the brokers of our partitions still speak, and how many partitions there are, from librdkafka's statistics.
 *
 * Idea: a leader answers a fetch within half a second even when it has nothing to give. A network that lets nothing
 * pass ends no connection, and librdkafka tells of it only after socket.timeout.ms; but for how long nothing came from
 * a broker is in its statistics:
 *
 *     {"brokers": {"host:port/1": {"rxidle": 312044, "toppars": {"topic-0": {"partition": 0}}}},
 *      "topics": {"topic": {"partitions": {"0": {}, "1": {}, "-1": {}}}}}
 *
 * Invariant: a partition counts as heard only where a broker that has it spoke. What is not understood was not heard,
 * so silence of the network is never taken for silence of agents.
 */
#include "kafka_int.h"

#include "dogwatch/base/error.h"
#include "dogwatch/event/json_read.h"

enum { HEARD_US = 2000000 }; /* four times what a fetch waits */

struct look {
    dw__kafka_ours *ours;
    const void *arg;
    uint32_t here, heard; /* partitions of ours: of this broker, of all that spoke */
    int64_t idle_us;      /* this broker; < 0: it never spoke */
    uint32_t all;         /* partitions of the topic */
};

typedef int each_fn(struct dw_json *j, struct dw_str key, struct look *l);

/* Calls fn behind each key of the object that comes next; fn takes the value. */
static int each(struct dw_json *j, each_fn *fn, struct look *l)
{
    struct dw_json_token t;
    int rc = dw_json_next(j, &t);
    if (rc == DW_OK && t.type != DW_JSON_OBJECT)
        return DW_ESYNTAX;
    while (rc == DW_OK) {
        rc = dw_json_next(j, &t);
        if (rc == DW_OK && t.type == DW_JSON_OBJECT_END)
            return DW_OK;
        if (rc == DW_OK)
            rc = t.type == DW_JSON_KEY ? fn(j, t.text, l) : DW_ESYNTAX;
    }
    return rc;
}

static int pass_over(struct dw_json *j)
{
    struct dw_json_token t;
    int rc = dw_json_next(j, &t);
    return rc == DW_OK && (t.type == DW_JSON_OBJECT || t.type == DW_JSON_ARRAY) ? dw_json_skip(j) : rc;
}

static int take_number(struct dw_json *j, int64_t *ret)
{
    struct dw_json_token t;
    int rc = dw_json_next(j, &t);
    return rc < 0 ? rc : t.type == DW_JSON_NUMBER && dw_str_i64(t.text, ret) ? DW_OK : DW_ESYNTAX;
}

static int of_partition(struct dw_json *j, struct dw_str key, struct look *l)
{
    int64_t number = -1;
    if (!dw_str_eq(key, DW_STR("partition")))
        return pass_over(j);
    int rc = take_number(j, &number);
    l->here += rc == DW_OK && number >= 0 && l->ours(l->arg, (uint64_t)number);
    return rc;
}

static int of_partitions(struct dw_json *j, struct dw_str key, struct look *l)
{
    (void)key;
    return each(j, of_partition, l);
}

static int of_broker(struct dw_json *j, struct dw_str key, struct look *l)
{
    if (dw_str_eq(key, DW_STR("rxidle")))
        return take_number(j, &l->idle_us);
    return dw_str_eq(key, DW_STR("toppars")) ? each(j, of_partitions, l) : pass_over(j);
}

static int of_brokers(struct dw_json *j, struct dw_str key, struct look *l)
{
    (void)key;
    l->here = 0;
    l->idle_us = -1;
    int rc = each(j, of_broker, l);
    if (l->idle_us >= 0 && l->idle_us <= HEARD_US)
        l->heard += l->here;
    return rc;
}

/* Partition -1 is where librdkafka keeps what belongs to none. */
static int of_number(struct dw_json *j, struct dw_str key, struct look *l)
{
    l->all += key.len && key.ptr[0] != '-';
    return pass_over(j);
}

static int of_topic(struct dw_json *j, struct dw_str key, struct look *l)
{
    return dw_str_eq(key, DW_STR("partitions")) ? each(j, of_number, l) : pass_over(j);
}

static int of_topics(struct dw_json *j, struct dw_str key, struct look *l)
{
    (void)key;
    return each(j, of_topic, l);
}

static int of_client(struct dw_json *j, struct dw_str key, struct look *l)
{
    if (dw_str_eq(key, DW_STR("topics")))
        return each(j, of_topics, l);
    return dw_str_eq(key, DW_STR("brokers")) ? each(j, of_brokers, l) : pass_over(j);
}

uint32_t dw__kafka_heard(struct dw_str statistics, dw__kafka_ours *ours, const void *arg, uint32_t *ret_all)
{
    struct look l = {.ours = ours, .arg = arg};
    struct dw_json j;
    dw_json_start(&j, statistics);
    bool read = each(&j, of_client, &l) == DW_OK;
    *ret_all = read ? l.all : 0;
    return read ? l.heard : 0;
}
