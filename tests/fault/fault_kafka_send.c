/*
 * Faults of core/transport/kafka_send.c, against librdkafka's mock cluster: our own allocations fail one after the
 * other, and brokers answer with every error that matters.
 *
 * Whatever fails: no frame is acknowledged that does not stand in the topic, and one who goes on behind the last
 * acknowledged frame with a sender opened anew, as an agent does, gets every frame there.
 *
 * Not asked for is what brokers keep by sequence numbers, which the mock does not look at: DUPLICATE_SEQUENCE_NUMBER,
 * by which a broker vouches that it has the records, and an error while several requests are on their way, where taking
 * the second vouches for the first. End-to-end tests see to that.
 */
#include "mock.h"

#include "dogwatch/base/clock.h"
#include "dogwatch/base/table.h"

enum { READ_MAX = 20 * MOCK_FRAMES };
#define PATIENCE_NS (30 * DW_NS_PER_S)

static struct mock mock;

/* What a sender that lives for frames from..count-1 meets. */
struct fate {
    unsigned allocation; /* the nth fails; 0: none */
    int16_t request;     /* of this kind the next is answered with: */
    rd_kafka_resp_err_t error;
    uint32_t at; /* before this frame */
};

/* Pumps until all that was sent is acknowledged, or the sender is over. */
static int pump_all(struct dw_sender *s, uint64_t sent, uint64_t *ret_acked, int64_t until)
{
    int rc = DW_OK;
    while ((rc == DW_OK || rc == DW_EAGAIN) && *ret_acked < sent) {
        rc = dw_sender_pump(s, ret_acked);
        if (!mock_moment(until))
            fail_msg("%u of %u frames acknowledged, and no more come", (unsigned)*ret_acked, (unsigned)sent);
    }
    return rc;
}

static int send_all(
    struct dw_sender *s, struct dw_frame **frame, uint32_t count, const struct fate *fate, uint64_t *ret_acked)
{
    int64_t until = dw_clock_mono(&dw_clock_system) + PATIENCE_NS;
    uint32_t n = 0;
    int rc = DW_OK;
    while (rc == DW_OK && n < count) {
        if (fate->error && n == fate->at)
            rd_kafka_mock_push_request_errors(mock.cluster, fate->request, 1, (int)fate->error);
        do
            rc = dw_sender_send(s, &frame[n]);
        while (rc == DW_EAGAIN && mock_moment(until));
        n += rc == DW_OK;
        if (rc == DW_OK && fate->error && (n == fate->at || n == fate->at + 1))
            rc = pump_all(s, n, ret_acked, until); /* the error meets this frame alone */
    }
    return rc == DW_OK ? pump_all(s, n, ret_acked, until) : rc;
}

/* One life of a sender; *ret_acked: how many of its frames it called durable. */
static int live(uint32_t from, uint32_t count, const struct fate *fate, uint64_t *ret_acked)
{
    struct dw_kafka_conf conf = mock_conf(&mock);
    struct dw_sender *s = NULL;
    struct dw_frame *frame[MOCK_FRAMES] = {0};
    *ret_acked = 0;
    for (uint32_t i = from; i < count; i++)
        frame[i] = mock_copy(&mock, i);
    mem_fail_at(fate->allocation);
    int rc = dw_kafka_sender_open(&conf, DW_STR("agent"), &s);
    if (rc == DW_OK)
        rc = send_all(s, frame + from, count - from, fate, ret_acked);
    dw_sender_close(s);
    mem_fail_at(0);
    for (uint32_t i = from; i < count; i++)
        dw_frame_free(frame[i]);
    return rc;
}

/* What is acknowledged stands there. */
static void look(uint64_t acked, const char *what)
{
    uint64_t number[READ_MAX];
    bool there[MOCK_FRAMES] = {0};
    uint32_t n = mock_read(&mock, number, READ_MAX);
    for (uint32_t i = 0; i < n; i++) {
        assert_true(number[i] < MOCK_FRAMES);
        there[number[i]] = true;
    }
    for (uint64_t i = 0; i < acked; i++)
        if (!there[i])
            fail_msg("%s: %u frames acknowledged, and frame %u is not there", what, (unsigned)acked, (unsigned)i);
}

/* Sends all frames through as many senders as it takes; answers how many. */
static unsigned send_through(uint32_t count, struct fate fate, const char *what)
{
    uint64_t acked = 0, total = 0;
    unsigned lives = 0;
    mock_topic(&mock);
    while (total < count) {
        assert_true(lives < 5);
        (void)live((uint32_t)total, count, &fate, &acked);
        total += acked;
        look(total, what);
        fate = (struct fate){0};
        lives++;
    }
    return lives;
}

static void no_frame_is_lost_when_the_nth_allocation_fails(void **state)
{
    (void)state;
    unsigned hits = 1;
    for (unsigned nth = 1; hits; nth++) {
        assert_true(nth < 100);
        unsigned lives = send_through(MOCK_FRAMES, (struct fate){.allocation = nth}, "allocation");
        hits = mem_fail_hits();
        assert_int_equal(lives, hits ? 2 : 1);
    }
}

static void no_frame_is_lost_whatever_a_broker_answers(void **state)
{
    static const struct {
        int16_t request;
        rd_kafka_resp_err_t error;
    } answer[] = {
        {MOCK_PRODUCE, RD_KAFKA_RESP_ERR__TRANSPORT},
        {MOCK_PRODUCE, RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART},
        {MOCK_PRODUCE, RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE},
        {MOCK_PRODUCE, RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION},
        {MOCK_PRODUCE, RD_KAFKA_RESP_ERR_REQUEST_TIMED_OUT},
        {MOCK_PRODUCE, RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE},
        {MOCK_PRODUCE, RD_KAFKA_RESP_ERR_INVALID_MSG},
        {MOCK_PRODUCE, RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS},
        {MOCK_PRODUCE, RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS_AFTER_APPEND},
        {MOCK_PRODUCE, RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED},
        {MOCK_PRODUCE, RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED},
        {MOCK_PRODUCE, RD_KAFKA_RESP_ERR_OUT_OF_ORDER_SEQUENCE_NUMBER},
        {MOCK_PRODUCE, RD_KAFKA_RESP_ERR_INVALID_PRODUCER_EPOCH},
        {MOCK_PRODUCE, RD_KAFKA_RESP_ERR_UNKNOWN_PRODUCER_ID},
        {MOCK_PRODUCE, RD_KAFKA_RESP_ERR_KAFKA_STORAGE_ERROR},
        {MOCK_PRODUCE, RD_KAFKA_RESP_ERR_POLICY_VIOLATION},
        {MOCK_PRODUCE, RD_KAFKA_RESP_ERR_UNKNOWN},
        {MOCK_INIT_PRODUCER, RD_KAFKA_RESP_ERR__TRANSPORT},
        {MOCK_INIT_PRODUCER, RD_KAFKA_RESP_ERR_COORDINATOR_LOAD_IN_PROGRESS},
        {MOCK_INIT_PRODUCER, RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED},
        {MOCK_METADATA, RD_KAFKA_RESP_ERR__TRANSPORT},
        {MOCK_API_VERSION, RD_KAFKA_RESP_ERR__TRANSPORT},
    };
    (void)state;
    for (size_t i = 0; i < DW_COUNT_OF(answer); i++)
        for (uint32_t at = 0; at < 8; at += 4)
            (void)send_through(12, (struct fate){.request = answer[i].request, .error = answer[i].error, .at = at},
                rd_kafka_err2name(answer[i].error));
}

/* The frames that wait are kept while no broker is there, and leave when there is one. */
static void frames_wait_for_brokers(void **state)
{
    struct dw_sender *s = NULL;
    struct dw_frame *frame[MOCK_FRAMES] = {0};
    uint64_t acked = 0;
    int64_t until = dw_clock_mono(&dw_clock_system) + PATIENCE_NS;
    (void)state;
    mock_topic(&mock);
    struct dw_kafka_conf conf = mock_conf(&mock);
    for (uint32_t i = 0; i < MOCK_FRAMES; i++)
        frame[i] = mock_copy(&mock, i);
    assert_int_equal(dw_kafka_sender_open(&conf, DW_STR("agent"), &s), DW_OK);
    assert_int_equal(send_all(s, frame, 1, &(struct fate){0}, &acked), DW_OK);
    assert_int_equal(rd_kafka_mock_broker_set_down(mock.cluster, -1), RD_KAFKA_RESP_ERR_NO_ERROR);
    for (uint32_t i = 1; i < MOCK_FRAMES; i++)
        assert_int_equal(dw_sender_send(s, &frame[i]), DW_OK);
    for (int i = 0; i < 50; i++) {
        assert_int_equal(dw_sender_pump(s, &acked), DW_OK);
        assert_true(acked < MOCK_FRAMES);
    }
    assert_int_equal(rd_kafka_mock_broker_set_up(mock.cluster, -1), RD_KAFKA_RESP_ERR_NO_ERROR);
    assert_int_equal(pump_all(s, MOCK_FRAMES, &acked, until), DW_OK);
    dw_sender_close(s);
    look(MOCK_FRAMES, "brokers that were away");
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_frame_is_lost_when_the_nth_allocation_fails),
        cmocka_unit_test(no_frame_is_lost_whatever_a_broker_answers),
        cmocka_unit_test(frames_wait_for_brokers),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
