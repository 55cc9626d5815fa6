/*
 * send_kafka: alerts as records of a topic.
 *
 * Invariant: what is under way is waited for, not produced again: librdkafka tries on by itself, so one message has one record.
 */
#include "notify_int.h"

#include "dogwatch/base/error.h"
#include "dogwatch/transport/kafka.h"

static int kafka_open(struct output *o)
{
    const struct dw_collector_options *c = o->all;
    struct dw_kafka_conf conf = {.brokers = c->kafka_brokers, .topic = o->opt->topic, .client = DW_STR("dogwatch-collector"), .key = c->kafka_options.key,
        .value = c->kafka_options.value, .option_count = c->kafka_options.count, .password = c->kafka_password.bytes};
    struct dw_publisher *p = NULL;
    int rc = dw_kafka_publisher_open(&conf, &p);
    o->link = p;
    return rc;
}

static void kafka_close(struct output *o)
{
    dw_kafka_publisher_close(o->link);
    o->link = NULL;
}

static bool in_vain(void *arg)
{
    return output_in_vain(arg);
}

static void kafka_send(struct output *o, const struct output_message *m, struct output_result *ret)
{
    if (!o->link && kafka_open(o) < 0) {
        output_say(ret, OUTPUT_LATER, "a producer cannot be made");
        return;
    }
    struct dw_publish p = {.key = dw_str_of(m->alert), .name = dw_str_of(m->key), .value = dw_buf_view(&m->body), .timeout_ns = o->opt->timeout, .stop = in_vain, .arg = o};
    int rc = dw_kafka_publish(o->link, &p);
    if (rc == DW_OK)
        ret->answer = OUTPUT_TAKEN;
    else if (rc == DW_ELIMIT)
        output_say(ret, OUTPUT_REFUSED, "the record is larger than the brokers take");
    else
        output_say(ret, OUTPUT_LATER, "%s", dw_kafka_publisher_trouble(o->link));
    if (rc == DW_EIO) { /* its producer is over */
        kafka_close(o);
        if (kafka_open(o) < 0)
            output_say(ret, OUTPUT_LATER, "a new producer cannot be made");
    }
}

const struct output_way output_kafka = {.open = kafka_open, .send = kafka_send, .close = kafka_close};
