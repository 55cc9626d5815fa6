/*
 * Faults of core/transport/kafka_states.c, against librdkafka's mock cluster: our own allocations fail one after the other, and brokers answer with
 * errors.
 *
 * Whatever fails: what was called written is what comes back, whole; and nothing that was not.
 *
 * Not asked for: making the topic, which the mock cannot do; end-to-end tests do.
 */
#include "mock.h"

#include "dogwatch/base/clock.h"
#include "dogwatch/base/counter.h"

#include <stdio.h>

enum { SOURCE = 3, PART = 1200000 }; /* three chunks */
#define PATIENCE_NS (60 * DW_NS_PER_S)

static struct mock mock;

/* What is written with that `next`. */
static void fill(struct dw_buf *part, uint64_t next)
{
    dw_buf_reset(part);
    for (uint64_t v = next; part->len < PART; v = v * 6364136223846793005u + 1442695040888963407u)
        dw_buf_u64(part, v); /* which nothing compresses much */
    assert_int_equal(part->err, DW_OK);
}

static struct dw_kafka_conf states_conf(void)
{
    struct dw_kafka_conf conf = mock_conf(&mock);
    conf.group = DW_STR_NONE;
    return conf;
}

static struct dw_states *open_states(void)
{
    struct dw_kafka_conf conf = states_conf();
    struct dw_states *s = NULL;
    assert_int_equal(dw_kafka_states_open(&conf, &s), DW_OK);
    return s;
}

static void put(struct dw_states *s, uint64_t next)
{
    int64_t until = dw_clock_mono(&dw_clock_system) + PATIENCE_NS;
    struct dw_buf part = {0};
    int rc;
    fill(&part, next);
    while ((rc = dw_kafka_states_put(s, SOURCE, next, dw_buf_view(&part), DW_NS_PER_S / 10)) == DW_EAGAIN)
        assert_true(mock_moment(until));
    assert_int_equal(rc, DW_OK);
    dw_buf_fini(&part);
}

/* `next` 0: there must be none. */
static void get(struct dw_states *s, uint64_t next)
{
    int64_t until = dw_clock_mono(&dw_clock_system) + PATIENCE_NS;
    struct dw_buf part = {0}, want = {0};
    uint64_t got = 0;
    int rc;
    while ((rc = dw_kafka_states_get(s, SOURCE, DW_NS_PER_S / 10, &got, &part)) == DW_EAGAIN)
        assert_true(mock_moment(until));
    assert_int_equal(rc, next ? DW_OK : DW_ENOENT);
    assert_int_equal(got, next);
    fill(&want, next);
    assert_true(!next || dw_str_eq(dw_buf_view(&part), dw_buf_view(&want)));
    dw_buf_fini(&part);
    dw_buf_fini(&want);
}

static void opening_fails_when_the_nth_allocation_does(void **state)
{
    unsigned hits = 1;
    (void)state;
    mock_topic(&mock);
    for (unsigned nth = 1; hits; nth++) {
        struct dw_kafka_conf conf = states_conf();
        struct dw_states *s = NULL;
        assert_true(nth < 40);
        mem_fail_at(nth);
        int rc = dw_kafka_states_open(&conf, &s);
        hits = mem_fail_hits();
        mem_fail_at(0);
        assert_int_equal(rc, hits ? DW_ENOMEM : DW_OK);
        dw_kafka_states_close(s);
    }
}

static void a_part_is_written_and_read_whatever_a_broker_answers(void **state)
{
    static const struct {
        int16_t request;
        rd_kafka_resp_err_t error;
    } answer[] = {
        {MOCK_PRODUCE, RD_KAFKA_RESP_ERR__TRANSPORT},
        {MOCK_PRODUCE, RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION},
        {MOCK_PRODUCE, RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS},
        {MOCK_PRODUCE, RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED},
        {MOCK_PRODUCE, RD_KAFKA_RESP_ERR_OUT_OF_ORDER_SEQUENCE_NUMBER},
        {MOCK_METADATA, RD_KAFKA_RESP_ERR__TRANSPORT},
        {MOCK_LIST_OFFSETS, RD_KAFKA_RESP_ERR__TRANSPORT},
        {MOCK_LIST_OFFSETS, RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION},
        {MOCK_FETCH, RD_KAFKA_RESP_ERR__TRANSPORT},
        {MOCK_FETCH, RD_KAFKA_RESP_ERR_OFFSET_OUT_OF_RANGE},
        {MOCK_FETCH, RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION},
        {MOCK_FETCH, RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART},
        {MOCK_FETCH, RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED},
        {MOCK_FETCH, RD_KAFKA_RESP_ERR_KAFKA_STORAGE_ERROR},
    };
    (void)state;
    mock_topic(&mock);
    struct dw_states *writer = open_states(), *reader = open_states();
    uint64_t before = dw_counter_get(DW_C_kafka_states_refused);
    get(reader, 0);
    for (size_t i = 0; i < DW_COUNT_OF(answer); i++) {
        rd_kafka_mock_push_request_errors(mock.cluster, answer[i].request, 2, (int)answer[i].error, (int)answer[i].error);
        put(writer, i + 1);
        get(reader, i + 1);
        rd_kafka_mock_clear_request_errors(mock.cluster, answer[i].request);
    }
    get(writer, DW_COUNT_OF(answer));
    assert_int_equal(dw_counter_get(DW_C_kafka_states_refused), before);
    dw_kafka_states_close(writer);
    dw_kafka_states_close(reader);
}

/* A write that is given up for another one: neither is mixed with the other. */
static void what_was_given_up_is_as_if_it_had_never_been(void **state)
{
    struct dw_buf part = {0};
    (void)state;
    mock_topic(&mock);
    struct dw_states *s = open_states();
    put(s, 5);
    fill(&part, 9);
    assert_int_equal(dw_kafka_states_put(s, SOURCE, 9, dw_buf_view(&part), 0), DW_EAGAIN);
    put(s, 7);
    get(s, 7);
    assert_int_equal(dw_kafka_states_put(s, SOURCE, 1, dw_str_make(part.ptr, DW_KAFKA_PART_MAX + (size_t)1), 0), DW_ELIMIT);
    put(s, 10);
    get(s, 10);
    dw_buf_fini(&part);
    dw_kafka_states_close(s);
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
        cmocka_unit_test(opening_fails_when_the_nth_allocation_does),
        cmocka_unit_test(a_part_is_written_and_read_whatever_a_broker_answers),
        cmocka_unit_test(what_was_given_up_is_as_if_it_had_never_been),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
