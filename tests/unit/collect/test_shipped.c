/* Tests of collector/ingest/shipped.c: records to events of frames in the collector's chain. */
#include "support.h"

#include "../../../collector/ingest/shipped.h"

#include "dogwatch/base/clock.h"
#include "dogwatch/base/error.h"
#include "dogwatch/base/mem.h"

#include <stdio.h>

#define NOW_NS (INT64_C(1795608000) * DW_NS_PER_S)

struct bed {
    struct dw_keys *keys;
    struct dw_encoder *encoder;
    struct dw_decoder *decoder;
    struct dw_chain chain;
    struct dw__shipped *shipped;
    int64_t now_ns;
};

static void set_up(struct bed *b)
{
    *b = (struct bed){.now_ns = NOW_NS, .keys = dw_keys_new(), .encoder = dw_encoder_new(1), .chain.epoch.counter = 1};
    b->decoder = dw_decoder_new(b->keys);
    b->shipped = dw__shipped_new(b->keys, "logs");
    assert_true(b->encoder && b->decoder && b->shipped);
}

static void tear_down(struct bed *b)
{
    dw__shipped_free(b->shipped);
    dw_encoder_free(b->encoder);
    dw_decoder_free(b->decoder);
    dw_keys_free(b->keys);
}

static int add(struct bed *b, uint64_t partition, uint64_t offset, struct dw_str bytes)
{
    struct dw_received got = {.bytes = bytes, .at = {DW_SOURCE_KAFKA_JSON + partition, offset, offset + 1}};
    return dw__shipped_add(b->shipped, &got, b->now_ns);
}

static struct dw_frame *flush(struct bed *b, struct dw_position *ret_at, struct dw_decoded *ret)
{
    struct dw_frame *f = NULL;
    assert_int_equal(dw__shipped_flush(b->shipped, b->encoder, &b->chain, b->now_ns, &f, ret_at), DW_OK);
    if (f) {
        assert_int_equal(dw_decode(b->decoder, dw_buf_view(&f->bytes), ret), DW_OK);
        assert_int_equal(dw_decoded_check(b->decoder, ret), DW_OK);
    }
    return f;
}

static void records_are_lines_of_their_partition(void **state)
{
    (void)state;
    struct bed b;
    struct dw_position at;
    struct dw_decoded f;
    set_up(&b);
    assert_int_equal(add(&b, 3, 7, DW_STR("{\"message\":\"a\",\"timestamp\":\"2026-11-25T12:00:01Z\"}")), DW_OK);
    assert_int_equal(add(&b, 3, 9, DW_STR("{\n\"message\":\"b\"}\n")), DW_OK);
    assert_int_equal(add(&b, 4, 0, DW_STR("{}")), DW_EAGAIN); /* a frame is of one partition */
    struct dw_frame *frame = flush(&b, &at, &f);
    assert_non_null(frame);
    assert_int_equal(at.source, DW_SOURCE_KAFKA_JSON + 3);
    assert_int_equal(at.offset, 9);
    assert_int_equal(at.next, 10);
    assert_int_equal(f.event_count, 2);
    assert_int_equal(f.event[0].start, 7);
    assert_int_equal(f.event[0].end, 8);
    assert_int_equal(f.event[1].start, 9);
    assert_str(f.event[1].line, "{ \"message\":\"b\"} ");
    assert_int_equal(f.event[0].time_ns, NOW_NS + DW_NS_PER_S);
    assert_int_equal(f.event[1].time_ns, NOW_NS); /* it names none */
    assert_int_equal(f.head.low_water_ns, NOW_NS); /* our clock: one that is ahead blinds nobody */
    assert_str(dw_field_str(dw_event_find(&f.event[0], DW_F_log_file_path)), "kafka:logs/3");
    dw_frame_free(frame);
    assert_null(flush(&b, &at, &f));
    assert_int_equal(add(&b, 4, 0, DW_STR("{}")), DW_OK);
    tear_down(&b);
}

static void what_is_no_object_is_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {"", "x", "[]", "1", "{\"a\":1} {}", "{\"a\":", "{\"a\" 1}"};
    struct bed b;
    struct dw_position at;
    struct dw_decoded f;
    set_up(&b);
    for (size_t i = 0; i < DW_COUNT_OF(bad); i++)
        assert_int_equal(add(&b, 0, i, dw_str_of(bad[i])), DW_ESYNTAX);
    assert_null(flush(&b, &at, &f));
    struct dw_buf big = {0};
    dw_buf_str(&big, DW_STR("{\"a\":\""));
    while (big.len <= DW_FRAME_LINE_MAX)
        dw_buf_byte(&big, 'x');
    dw_buf_str(&big, DW_STR("\"}"));
    assert_int_equal(add(&b, 0, 99, dw_buf_view(&big)), DW_ELIMIT);
    dw_buf_fini(&big);
    tear_down(&b);
}

static void a_time_far_ahead_is_not_believed(void **state)
{
    (void)state;
    struct bed b;
    struct dw_position at;
    struct dw_decoded f;
    set_up(&b);
    assert_int_equal(add(&b, 0, 0, DW_STR("{\"timestamp\":\"2027-01-01T00:00:00Z\"}")), DW_OK);
    struct dw_frame *frame = flush(&b, &at, &f);
    assert_int_equal(f.event[0].time_ns, NOW_NS);
    assert_str(dw_field_str(dw_event_find(&f.event[0], DW_F_tags)), "time.untrusted");
    dw_frame_free(frame);
    tear_down(&b);
}

/* One record of a time, in seconds after NOW_NS; answers the low-water mark that its frame states, so too. */
static int64_t stated(struct bed *b, uint64_t partition, int second)
{
    static uint64_t offset;
    char text[100];
    struct dw_position at;
    struct dw_decoded f;
    (void)snprintf(text, sizeof text, "{\"timestamp\":\"2026-11-25T12:%02d:%02dZ\"}", second / 60, second % 60);
    assert_int_equal(add(b, partition, offset++, dw_str_of(text)), DW_OK);
    struct dw_frame *frame = flush(b, &at, &f);
    dw_frame_free(frame);
    return f.head.low_water_ns == 0 ? -1 : (f.head.low_water_ns - NOW_NS) / DW_NS_PER_S;
}

/* One partition is read whole before another: what the second holds is not late because of the first. */
static void the_partition_furthest_behind_is_waited_for(void **state)
{
    (void)state;
    struct bed b;
    set_up(&b);
    b.now_ns = NOW_NS + 3000 * DW_NS_PER_S;
    assert_int_equal(stated(&b, 0, 2000), -1); /* what else is in the topic is not known */
    assert_int_equal(stated(&b, 1, 5), -1);
    dw__shipped_caught_up(b.shipped);
    assert_int_equal(stated(&b, 1, 6), 6);
    assert_int_equal(stated(&b, 0, 2001), 6);
    b.now_ns += 20 * DW_NS_PER_S;
    assert_int_equal(stated(&b, 0, 2002), 2002); /* of the other nothing came lately */
    assert_int_equal(stated(&b, 1, 7), 2002);    /* it never falls */
    tear_down(&b);
}

static void under_steady_load_the_mark_follows(void **state)
{
    (void)state;
    struct bed b;
    set_up(&b);
    b.now_ns = NOW_NS + 100 * DW_NS_PER_S;
    assert_int_equal(stated(&b, 0, 90), 90);
    assert_int_equal(stated(&b, 1, 95), 90);
    tear_down(&b);
}

static void a_topic_that_was_made_anew_has_other_streams(void **state)
{
    (void)state;
    struct bed b;
    struct dw_position at;
    struct dw_decoded f;
    uint8_t first[DW_ID_BYTES];
    set_up(&b);
    for (int renewed = 0; renewed < 3; renewed++) {
        assert_int_equal(add(&b, 0, 0, DW_STR("{}")), DW_OK);
        struct dw_frame *frame = flush(&b, &at, &f);
        if (renewed == 0)
            memcpy(first, f.event[0].stream->id, sizeof first);
        assert_int_equal(memcmp(first, f.event[0].stream->id, sizeof first) != 0, renewed > 0);
        assert_str(dw_field_str(dw_event_find(&f.event[0], DW_F_log_file_path)), "kafka:logs/0");
        memcpy(first, f.event[0].stream->id, sizeof first);
        dw_frame_free(frame);
        assert_int_equal(dw__shipped_renewed(b.shipped, DW_SOURCE_KAFKA_JSON), DW_OK);
    }
    tear_down(&b);
}

static void a_full_batch_asks_for_a_flush(void **state)
{
    (void)state;
    struct bed b;
    struct dw_position at;
    struct dw_decoded f;
    uint64_t n = 0;
    int rc;
    set_up(&b);
    while ((rc = add(&b, 0, n, DW_STR("{\"message\":\"203.0.113.9 - - [25/Nov/2026:12:00:00 +0000] \\\"GET / HTTP/1.1\\\" 200 5\"}"))) == DW_OK)
        n++;
    assert_int_equal(rc, DW_EAGAIN);
    struct dw_frame *frame = flush(&b, &at, &f);
    assert_int_equal(f.event_count, n);
    assert_int_equal(at.next, n);
    dw_frame_free(frame);
    tear_down(&b);
}

/* Whatever allocation fails, nothing is counted as taken that is in no frame. */
static void nothing_is_lost_when_the_nth_allocation_fails(void **state)
{
    (void)state;
    struct bed b;
    set_up(&b);
    unsigned hits = 1;
    for (unsigned nth = 1; hits; nth++) {
        struct dw_position at = {0};
        struct dw_decoded f = {0};
        struct dw_frame *frame = NULL;
        assert_true(nth < 50);
        mem_fail_at(nth);
        int rc = add(&b, nth, 5, DW_STR("{\"log\":\"x\\n\",\"host\":\"h\"}"));
        int flushed = rc == DW_OK ? dw__shipped_flush(b.shipped, b.encoder, &b.chain, NOW_NS, &frame, &at) : rc;
        hits = mem_fail_hits();
        mem_fail_at(0);
        if (flushed == DW_OK) {
            assert_int_equal(dw_decode(b.decoder, dw_buf_view(&frame->bytes), &f), DW_OK);
            assert_int_equal(f.event_count, 1);
        } else {
            assert_int_equal(flushed, DW_ENOMEM);
        }
        dw_frame_free(frame);
        if (rc == DW_OK && flushed < 0) {
            dw__shipped_free(b.shipped);
            b.shipped = dw__shipped_new(b.keys, "logs");
        }
    }
    tear_down(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(records_are_lines_of_their_partition),
        cmocka_unit_test(what_is_no_object_is_refused),
        cmocka_unit_test(a_time_far_ahead_is_not_believed),
        cmocka_unit_test(the_partition_furthest_behind_is_waited_for),
        cmocka_unit_test(under_steady_load_the_mark_follows),
        cmocka_unit_test(a_topic_that_was_made_anew_has_other_streams),
        cmocka_unit_test(a_full_batch_asks_for_a_flush),
        cmocka_unit_test(nothing_is_lost_when_the_nth_allocation_fails),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
