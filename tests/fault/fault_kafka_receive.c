/*
 * Faults of core/transport/kafka_receive.c, against librdkafka's mock cluster: our own allocations fail one after the
 * other, and brokers answer with every error that matters.
 *
 * Whatever fails: every frame of the topic is handed out, in order, and none twice by one receiver; nothing is told to
 * be replaced or expired, because nothing is; and what the group has committed was said to be archived.
 *
 * Not asked for: answers by which a member joins its group again (ILLEGAL_GENERATION and the like). The mock cannot do
 * that; end-to-end tests do, where brokers die.
 */
#include "mock.h"

#include "dogwatch/base/clock.h"
#include "dogwatch/base/counter.h"
#include "dogwatch/base/table.h"

#include <stdio.h>

enum { BATCH = 4 };
#define PATIENCE_NS (30 * DW_NS_PER_S)

static struct mock mock;
static uint32_t written; /* frames in the topic */

static void write_frames(uint32_t count)
{
    struct dw_kafka_conf conf = mock_conf(&mock);
    struct dw_sender *s = NULL;
    int64_t until = dw_clock_mono(&dw_clock_system) + PATIENCE_NS;
    uint64_t acked = 0;
    assert_int_equal(dw_kafka_sender_open(&conf, DW_STR("agent"), &s), DW_OK);
    for (uint32_t i = 0; i < count; i++) {
        struct dw_frame *f = mock_copy(&mock, written + i);
        while (dw_sender_send(s, &f) == DW_EAGAIN)
            assert_true(mock_moment(until));
    }
    while (acked < count) {
        assert_int_equal(dw_sender_pump(s, &acked), DW_OK);
        assert_true(mock_moment(until));
    }
    dw_sender_close(s);
    written += count;
}

/* Takes frames from..written-1, each once and in order. Answers what ended it; *ret_last is the last one taken. */
static int take(struct dw_receiver *r, uint32_t *from, struct dw_resume *ret_last)
{
    int64_t until = dw_clock_mono(&dw_clock_system) + PATIENCE_NS;
    int rc = DW_OK;
    while (*from < written && (rc == DW_OK || rc == DW_EAGAIN)) {
        struct dw_received got;
        size_t len;
        rc = dw_receiver_next(r, &got);
        if (rc == DW_EAGAIN && !mock_moment(until))
            fail_msg("frame %u does not come", (unsigned)*from);
        if (rc != DW_OK)
            continue;
        assert_false(got.replaced || got.expired || !got.is_frame);
        assert_int_equal(got.at.offset, *from);
        assert_int_equal(dw_head_read(got.bytes, &ret_last->frame, &len), DW_OK);
        assert_int_equal(ret_last->frame.number, *from);
        ret_last->at = got.at;
        (*from)++;
        rc = dw_receiver_commit(r, got.at);
    }
    return rc;
}

/* What the group has committed. */
static int64_t committed(void)
{
    struct dw_kafka_conf conf = mock_conf(&mock);
    char group[32], brokers[256], why[256];
    (void)snprintf(group, sizeof group, "%s", mock.group);
    (void)snprintf(brokers, sizeof brokers, "%.*s", DW_ARG(conf.brokers));
    rd_kafka_conf_t *c = rd_kafka_conf_new();
    assert_int_equal(rd_kafka_conf_set(c, "group.id", group, why, sizeof why), RD_KAFKA_CONF_OK);
    assert_int_equal(rd_kafka_conf_set(c, "bootstrap.servers", brokers, why, sizeof why), RD_KAFKA_CONF_OK);
    rd_kafka_t *rk = rd_kafka_new(RD_KAFKA_CONSUMER, c, why, sizeof why);
    assert_non_null(rk);
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_list_add(list, mock.topic, 0);
    assert_int_equal(rd_kafka_committed(rk, list, 10000), RD_KAFKA_RESP_ERR_NO_ERROR);
    int64_t at = list->elems[0].offset;
    rd_kafka_topic_partition_list_destroy(list);
    rd_kafka_destroy(rk);
    return at;
}

static void start_topic(void)
{
    mock_topic(&mock);
    mock_group(&mock);
    written = 0;
    write_frames(BATCH);
}

/* One life of a receiver, whose nth allocation fails; it goes on behind `last`, where that is known, else at the
 * beginning. */
static int live(unsigned nth, struct dw_resume *last, bool known, uint32_t *from)
{
    struct dw_receiver *r = NULL;
    mock_group(&mock);
    struct dw_kafka_conf conf = mock_conf(&mock);
    mem_fail_at(nth);
    int rc = dw_kafka_receiver_open(&conf, last, known, &r);
    if (rc == DW_OK)
        rc = take(r, from, last);
    dw_receiver_close(r);
    mem_fail_at(0);
    return rc;
}

static void no_frame_is_lost_when_the_nth_allocation_fails(void **state)
{
    (void)state;
    for (int known = 0; known < 2; known++) {
        unsigned hits = 1;
        struct dw_resume last = {0};
        uint32_t from = 0;
        start_topic();
        assert_int_equal(live(0, &last, false, &from), DW_OK);
        for (unsigned nth = 1; hits; nth++) {
            assert_true(nth < 30);
            write_frames(1);
            from = known ? from : 0;
            int rc = live(nth, &last, known, &from);
            hits = mem_fail_hits();
            assert_int_equal(rc, hits ? DW_ENOMEM : DW_OK);
        }
        assert_int_equal(live(0, &last, true, &from), DW_OK);
        assert_int_equal(from, written);
    }
}

static void no_frame_is_lost_whatever_a_broker_answers(void **state)
{
    static const struct {
        int16_t request;
        rd_kafka_resp_err_t error;
    } answer[] = {
        {MOCK_FETCH, RD_KAFKA_RESP_ERR__TRANSPORT},
        {MOCK_FETCH, RD_KAFKA_RESP_ERR_OFFSET_OUT_OF_RANGE},
        {MOCK_FETCH, RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION},
        {MOCK_FETCH, RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE},
        {MOCK_FETCH, RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART},
        {MOCK_FETCH, RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED},
        {MOCK_FETCH, RD_KAFKA_RESP_ERR_KAFKA_STORAGE_ERROR},
        {MOCK_FETCH, RD_KAFKA_RESP_ERR_UNKNOWN},
        {MOCK_METADATA, RD_KAFKA_RESP_ERR__TRANSPORT},
        {MOCK_OFFSET_COMMIT, RD_KAFKA_RESP_ERR__TRANSPORT},
        {MOCK_OFFSET_COMMIT, RD_KAFKA_RESP_ERR_NOT_COORDINATOR_FOR_GROUP},
        {MOCK_HEARTBEAT, RD_KAFKA_RESP_ERR__TRANSPORT},
    };
    struct dw_resume last = {0};
    struct dw_receiver *r = NULL;
    uint32_t from = 0;
    (void)state;
    start_topic();
    struct dw_kafka_conf conf = mock_conf(&mock);
    assert_int_equal(dw_kafka_receiver_open(&conf, NULL, 0, &r), DW_OK);
    assert_int_equal(take(r, &from, &last), DW_OK);
    for (size_t i = 0; i < DW_COUNT_OF(answer); i++) {
        rd_kafka_mock_push_request_errors(mock.cluster, answer[i].request, 1, (int)answer[i].error);
        write_frames(2);
        assert_int_equal(take(r, &from, &last), DW_OK);
        rd_kafka_mock_clear_request_errors(mock.cluster, answer[i].request);
    }
    dw_receiver_close(r);
    assert_int_equal(committed(), written);
}

/* Joining the group, asking where it stood, and leaving it meet errors too. */
static void no_frame_is_lost_whatever_a_group_answers(void **state)
{
    static const struct {
        int16_t request;
        rd_kafka_resp_err_t error;
    } answer[] = {
        {MOCK_FIND_COORDINATOR, RD_KAFKA_RESP_ERR_GROUP_COORDINATOR_NOT_AVAILABLE},
        {MOCK_JOIN_GROUP, RD_KAFKA_RESP_ERR_GROUP_LOAD_IN_PROGRESS},
        {MOCK_OFFSET_FETCH, RD_KAFKA_RESP_ERR_GROUP_LOAD_IN_PROGRESS},
        {MOCK_OFFSET_FETCH, RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED},
        {MOCK_LIST_OFFSETS, RD_KAFKA_RESP_ERR__TRANSPORT},
    };
    (void)state;
    for (size_t i = 0; i < DW_COUNT_OF(answer); i++) {
        struct dw_resume last = {0};
        struct dw_receiver *r = NULL;
        uint32_t from = 0;
        start_topic();
        struct dw_kafka_conf conf = mock_conf(&mock);
        rd_kafka_mock_push_request_errors(mock.cluster, answer[i].request, 1, (int)answer[i].error);
        assert_int_equal(dw_kafka_receiver_open(&conf, NULL, 0, &r), DW_OK);
        assert_int_equal(take(r, &from, &last), DW_OK);
        dw_receiver_close(r);
        rd_kafka_mock_clear_request_errors(mock.cluster, answer[i].request);
        assert_int_equal(committed(), BATCH);
    }
}

/* Of a group that does not wait long for a member that is dead. */
static struct dw_kafka_conf impatient_conf(void)
{
    static struct dw_str key[2], value[2];
    key[0] = DW_STR("session.timeout.ms"), value[0] = DW_STR("6000");
    key[1] = DW_STR("heartbeat.interval.ms"), value[1] = DW_STR("500");
    struct dw_kafka_conf conf = mock_conf(&mock);
    conf.key = key;
    conf.value = value;
    conf.option_count = DW_COUNT_OF(key);
    return conf;
}

/* A collector of the group with another data folder goes on where the group is, also when it cannot be told at first. */
static void what_the_group_has_is_not_taken_again_when_it_cannot_say(void **state)
{
    struct dw_resume last = {0};
    struct dw_receiver *r = NULL;
    uint32_t from = 0;
    (void)state;
    start_topic();
    struct dw_kafka_conf conf = impatient_conf();
    assert_int_equal(dw_kafka_receiver_open(&conf, NULL, 0, &r), DW_OK);
    assert_int_equal(take(r, &from, &last), DW_OK);
    dw_receiver_close(r);
    assert_int_equal(committed(), BATCH);
    rd_kafka_mock_push_request_errors(mock.cluster, MOCK_OFFSET_FETCH, 1, (int)RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED);
    assert_int_equal(dw_kafka_receiver_open(&conf, NULL, 0, &r), DW_OK);
    write_frames(2);
    assert_int_equal(take(r, &from, &last), DW_OK); /* which counts from what was taken before */
    dw_receiver_close(r);
    rd_kafka_mock_clear_request_errors(mock.cluster, MOCK_OFFSET_FETCH);
    assert_int_equal(committed(), written);
}

static int set_up(void **state)
{
    (void)state;
    mock_init(&mock);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    mock_fini(&mock);
    return 0;
}

/* The broker takes our member for another one: that client never works again, and says so once. */
static void another_client_takes_the_place_of_one_that_is_shut_out(void **state)
{
    struct dw_resume last = {0};
    struct dw_receiver *r = NULL;
    struct dw_received got;
    uint32_t from = 0;
    (void)state;
    start_topic();
    struct dw_kafka_conf conf = impatient_conf();
    assert_int_equal(dw_kafka_receiver_open(&conf, NULL, 0, &r), DW_OK);
    assert_int_equal(take(r, &from, &last), DW_OK);
    uint64_t before = dw_counter_get(DW_C_kafka_fatal);
    for (int i = 0; i < 10; i++) /* clients of earlier tests that librdkafka cannot end beat too, and take some */
        rd_kafka_mock_push_request_errors(mock.cluster, MOCK_HEARTBEAT, 1, (int)RD_KAFKA_RESP_ERR_FENCED_INSTANCE_ID);
    int64_t until = dw_clock_mono(&dw_clock_system) + PATIENCE_NS;
    while (dw_counter_get(DW_C_kafka_fatal) == before) {
        assert_int_equal(dw_receiver_next(r, &got), DW_EAGAIN);
        assert_true(mock_moment(until));
    }
    rd_kafka_mock_clear_request_errors(mock.cluster, MOCK_HEARTBEAT);
    write_frames(2);
    assert_int_equal(take(r, &from, &last), DW_OK);
    assert_int_equal(dw_counter_get(DW_C_kafka_fatal), before + 1);
    dw_receiver_close(r);
    assert_int_equal(committed(), written);
}

/* A topic that was made anew and holds exactly as many records as stood before the one taken last: nothing is out of range there. */
static void a_topic_that_ends_before_what_was_taken_is_another_one(void **state)
{
    struct dw_resume last = {0};
    struct dw_receiver *r = NULL;
    struct dw_received got;
    uint32_t from = 0;
    int rc;
    (void)state;
    start_topic();
    assert_int_equal(live(0, &last, false, &from), DW_OK);
    mock_topic(&mock);
    mock_group(&mock);
    written = from = 0;
    write_frames(BATCH - 1);
    struct dw_kafka_conf conf = mock_conf(&mock);
    assert_int_equal(dw_kafka_receiver_open(&conf, &last, true, &r), DW_OK);
    int64_t until = dw_clock_mono(&dw_clock_system) + PATIENCE_NS;
    while ((rc = dw_receiver_next(r, &got)) == DW_EAGAIN) {
        assert_false(dw_receiver_drained(r));
        assert_true(mock_moment(until));
    }
    assert_int_equal(rc, DW_OK);
    assert_true(got.replaced);
    assert_int_equal(take(r, &from, &last), DW_OK);
    dw_receiver_close(r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_frame_is_lost_when_the_nth_allocation_fails),
        cmocka_unit_test(no_frame_is_lost_whatever_a_broker_answers),
        cmocka_unit_test(no_frame_is_lost_whatever_a_group_answers),
        cmocka_unit_test(what_the_group_has_is_not_taken_again_when_it_cannot_say),
        cmocka_unit_test(another_client_takes_the_place_of_one_that_is_shut_out),
        cmocka_unit_test(a_topic_that_ends_before_what_was_taken_is_another_one),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
