/*
 * mock: a cluster of three brokers, made once a test file, with a new topic for each case.
 */
#include "mock.h"

#include "dogwatch/base/clock.h"

#include <poll.h>
#include <stdio.h>

enum { BROKERS = 3, WAIT_MS = 10000 };

static void say_nothing(const rd_kafka_t *rk, int level, const char *facility, const char *text)
{
    (void)rk;
    (void)level;
    (void)facility;
    (void)text;
}

static rd_kafka_t *client(rd_kafka_type_t type, const char *name, const char *value)
{
    char why[256];
    rd_kafka_conf_t *c = rd_kafka_conf_new();
    rd_kafka_conf_set_log_cb(c, say_nothing);
    assert_int_equal(rd_kafka_conf_set(c, name, value, why, sizeof why), RD_KAFKA_CONF_OK);
    assert_int_equal(rd_kafka_conf_set(c, "enable.partition.eof", "true", why, sizeof why), RD_KAFKA_CONF_OK);
    assert_int_equal(rd_kafka_conf_set(c, "fetch.wait.max.ms", "10", why, sizeof why), RD_KAFKA_CONF_OK);
    rd_kafka_t *rk = rd_kafka_new(type, c, why, sizeof why);
    assert_non_null(rk);
    return rk;
}

void mock_init(struct mock *m)
{
    struct frames f;
    *m = (struct mock){.host = client(RD_KAFKA_PRODUCER, "client.id", "mock")};
    m->cluster = rd_kafka_mock_cluster_new(m->host, BROKERS);
    assert_non_null(m->cluster);
    m->reader = client(RD_KAFKA_CONSUMER, "bootstrap.servers", rd_kafka_mock_cluster_bootstraps(m->cluster));
    frames_init(&f);
    for (uint32_t i = 0; i < MOCK_FRAMES; i++) {
        f.chain.next_number = i;
        m->frame[i] = frames_record(&f, "{\"kind\":\"heartbeat\"}");
    }
    frames_fini(&f);
}

void mock_fini(struct mock *m)
{
    for (uint32_t i = 0; i < MOCK_FRAMES; i++)
        dw_frame_free(m->frame[i]);
    rd_kafka_destroy(m->reader);
    rd_kafka_mock_cluster_destroy(m->cluster);
    rd_kafka_destroy(m->host);
}

void mock_topic(struct mock *m)
{
    (void)snprintf(m->topic, sizeof m->topic, "topic-%u", m->topics++);
    assert_int_equal(rd_kafka_mock_topic_create(m->cluster, m->topic, 1, BROKERS), RD_KAFKA_RESP_ERR_NO_ERROR);
}

void mock_group(struct mock *m)
{
    (void)snprintf(m->group, sizeof m->group, "group-%u", m->groups++);
}

struct dw_kafka_conf mock_conf(const struct mock *m)
{
    static const struct dw_str key[] = {{"reconnect.backoff.max.ms", 24}, {"reconnect.backoff.ms", 20}};
    static const struct dw_str value[] = {{"50", 2}, {"10", 2}};
    return (struct dw_kafka_conf){.brokers = dw_str_of(rd_kafka_mock_cluster_bootstraps(m->cluster)),
        .topic = dw_str_of(m->topic),
        .group = dw_str_of(m->group),
        .partitions = 1,
        .first_source = DW_SOURCE_KAFKA,
        .client = DW_STR("test"),
        .key = key,
        .value = value,
        .option_count = 2};
}

struct dw_frame *mock_copy(const struct mock *m, uint32_t number)
{
    struct dw_frame *f = dw_calloc(1, sizeof *f);
    assert_non_null(f);
    f->head = m->frame[number]->head;
    dw_buf_str(&f->bytes, dw_buf_view(&m->frame[number]->bytes));
    assert_int_equal(f->bytes.err, DW_OK);
    return f;
}

uint32_t mock_read(struct mock *m, uint64_t *ret, uint32_t max)
{
    uint32_t n = 0;
    bool more = true;
    rd_kafka_topic_t *topic = rd_kafka_topic_new(m->reader, m->topic, NULL);
    assert_int_equal(rd_kafka_consume_start(topic, 0, RD_KAFKA_OFFSET_BEGINNING), 0);
    while (more) {
        struct dw_head head;
        size_t len;
        rd_kafka_message_t *r = rd_kafka_consume(topic, 0, WAIT_MS);
        assert_non_null(r);
        more = r->err != RD_KAFKA_RESP_ERR__PARTITION_EOF;
        if (r->err == RD_KAFKA_RESP_ERR_NO_ERROR) {
            assert_true(n < max);
            assert_int_equal(dw_head_read(dw_str_make(r->payload, r->len), &head, &len), DW_OK);
            ret[n++] = head.number;
        }
        rd_kafka_message_destroy(r);
    }
    (void)rd_kafka_consume_stop(topic, 0);
    rd_kafka_topic_destroy(topic);
    return n;
}

bool mock_moment(int64_t until_ns)
{
    (void)poll(NULL, 0, 2);
    return dw_clock_mono(&dw_clock_system) < until_ns;
}
