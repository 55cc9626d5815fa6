/* Tests of collector/ingest/intake: what it raises is a function of the archive, whatever was deleted, late, silent or broken. */
#include "intake_bed.h"

#include "dogwatch/base/counter.h"

static void an_agent_that_died_does_not_stop_correlation(void **state)
{
    (void)state;
    struct bed b;
    set_up(&b);
    open_epoch(&b, 0, 1 * SECOND); /* and nothing more: killed, its key lost */
    open_epoch(&b, 1, 1 * SECOND);
    send(&b, failures(&b, 1, "eve", 4, 100 * SECOND, 100 * SECOND));
    heartbeat(&b, 1, 200 * SECOND);
    open_engine(&b);
    work(&b);
    assert_int_equal(count_in_log(&b, "\"rule\":\"three\""), 0);
    b.clock.mono_ns += 59 * SECOND;
    heartbeat(&b, 1, 259 * SECOND);
    work(&b);
    assert_int_equal(count_in_log(&b, "dogwatch.agent.unheard"), 0);
    assert_int_equal(count_in_log(&b, "\"rule\":\"three\""), 0);
    b.clock.mono_ns += 2 * SECOND;
    b.clock.real_ns += 61 * SECOND;
    heartbeat(&b, 1, 261 * SECOND);
    work(&b);
    assert_int_equal(count_in_log(&b, "\"rule\":\"dogwatch.agent.unheard\""), 1);
    assert_int_equal(count_in_log(&b, " on h0: nothing since 1970-01-01T00:16:40.000000000Z"), 2); /* as key, and in the finding */
    assert_int_equal(count_in_log(&b, "\"rule\":\"three\""), 2); /* at the third, and told again at the fourth */
    assert_same_when_made_again(&b);
    /* on return: what is behind the watermark takes no part, what is not does */
    send(&b, failures(&b, 0, "old", 4, 100 * SECOND, 100 * SECOND));
    send(&b, failures(&b, 0, "new", 4, 300 * SECOND, 400 * SECOND));
    heartbeat(&b, 1, 400 * SECOND);
    work(&b);
    assert_int_equal(count_in_log(&b, "user.name=old"), 0);
    assert_int_equal(count_in_log(&b, "user.name=new"), 2);
    assert_same_when_made_again(&b);
    struct replayed corrected; /* what was behind takes its place */
    replay(&b, true, &corrected);
    assert_true(dw_str_find(dw_buf_view(&corrected.lines), DW_STR("user.name=old")) < corrected.lines.len);
    assert_int_equal(corrected.fresh, 2);
    assert_int_equal(corrected.gone, 0);
    dw_buf_fini(&corrected.lines);
    tear_down(&b);
}

/* Whoever breaks in and kills the only agent must not keep what was seen last from correlations. */
static void what_the_only_agent_saw_last_comes_out_when_it_is_idle(void **state)
{
    (void)state;
    struct bed b;
    set_up(&b);
    open_epoch(&b, 0, 1 * SECOND);
    send(&b, failures(&b, 0, "eve", 3, 100 * SECOND, 102 * SECOND)); /* and killed within the lateness */
    open_engine(&b);
    work(&b);
    assert_int_equal(count_in_log(&b, "user.name=eve"), 0);
    b.clock.mono_ns += 61 * SECOND;
    work(&b);
    assert_int_equal(count_in_log(&b, "user.name=eve"), 1);
    assert_same_when_made_again(&b);
    tear_down(&b);
}

static void a_collector_that_was_down_does_not_take_agents_for_silent(void **state)
{
    (void)state;
    struct bed b;
    set_up(&b);
    open_epoch(&b, 0, 1 * SECOND);
    open_engine(&b);
    work(&b);
    close_engine(&b);
    b.clock.real_ns += 7200 * SECOND;
    b.clock.mono_ns += 7200 * SECOND;
    open_engine(&b);
    work(&b);
    assert_int_equal(count_in_log(&b, "unheard"), 0);
    assert_false(dw_intake_all_closed(b.engine));
    b.clock.mono_ns += 61 * SECOND;
    work(&b);
    assert_int_equal(count_in_log(&b, "\"rule\":\"dogwatch.agent.unheard\""), 1);
    assert_true(dw_intake_all_closed(b.engine)); /* so that until_idle ends */
    tear_down(&b);
}

/* Junk, a frame with a flipped byte, and a frame that speaks in the collector's name. */
static void queue_of_bad_bytes(struct bed *b)
{
    struct dw_frame *forged = NULL, *flipped;
    struct dw_chain own = {.epoch.counter = 1};
    struct dw_encode with = {.chain = &own};
    open_epoch(b, 0, 1 * SECOND);
    flipped = failures(b, 0, "flip", 1, 100 * SECOND, 1 * SECOND);
    flipped->bytes.ptr[8 + DW_HEAD_BYTES + DW_SIGNATURE_BYTES + 12] ^= 1; /* in TEXT */
    assert_int_equal(dw_encode_record(b->agent[0].encoder, DW_STR("{\"type\":\"input.end\"}"), 5, &with, &forged), DW_OK);
    write_to_queue(b, DW_STR("this is no frame at all"));
    write_to_queue(b, dw_buf_view(&flipped->bytes));
    write_to_queue(b, dw_buf_view(&forged->bytes));
    dw_frame_free(flipped);
    dw_frame_free(forged);
}

static void rejected_bytes_are_told_again_from_the_archive(void **state)
{
    (void)state;
    struct bed b;
    uint32_t taken;
    set_up(&b);
    queue_of_bad_bytes(&b);
    open_engine(&b);
    work(&b);
    assert_int_equal(count_in_log(&b, "\"rule\":\"dogwatch.queue.junk\""), 1);
    assert_int_equal(count_in_log(&b, "\"rule\":\"dogwatch.frame.invalid\""), 1);
    assert_int_equal(count_in_log(&b, "\"rule\":\"dogwatch.frame.impostor\""), 1);
    assert_int_equal(count_in_log(&b, "\"rule\":"), 6);
    assert_same_when_made_again(&b);
    assert_int_equal(dw_intake_turn(b.engine, &taken), DW_OK);
    assert_int_equal(taken, 0); /* the place in the queue is behind them */
    tear_down(&b);
}

/* An agent killed in the middle of write(), and its next start: a new queue file, and the frame again. */
static void what_a_killed_agent_left_unfinished_is_kept_and_no_alarm(void **state)
{
    (void)state;
    struct bed b;
    char kept[620];
    struct dw_stat st, queue;
    uint64_t torn = dw_counter_get(DW_C_ingest_torn);
    set_up(&b);
    open_epoch(&b, 0, 1 * SECOND);
    (void)snprintf(kept, sizeof kept, "%s/00000001.frames", b.queue);
    assert_int_equal(dw_fs_stat(kept, &queue), DW_OK);
    struct dw_frame *f = failures(&b, 0, "eve", 3, 100 * SECOND, 100 * SECOND);
    struct dw_str torn_bytes = dw_str_slice(dw_buf_view(&f->bytes), 0, f->bytes.len - 7);
    uint8_t hash[DW_SHA256_BYTES];
    char hex[2 * DW_SHA256_BYTES + 1];
    dw_sha256_of(torn_bytes, hash);
    dw_hex(hash, sizeof hash, hex);
    write_to_queue(&b, torn_bytes);
    dw_sender_close(b.sender);
    assert_int_equal(dw_dir_sender_open(&dw_fs_system, b.queue, 0, &b.sender), DW_OK);
    send(&b, f);
    open_engine(&b);
    work(&b);
    assert_int_equal(dw_intake_finish(b.engine), DW_OK);
    assert_int_equal(count_in_log(&b, "\"rule\":\"dogwatch."), 0);
    assert_int_equal(count_in_log(&b, "user.name=eve"), 1);
    assert_int_equal(dw_counter_get(DW_C_ingest_torn), torn + 1);
    (void)snprintf(kept, sizeof kept, "%s/archive/rejected/00000001-%llu-%.16s", b.dir, (unsigned long long)queue.size_bytes, hex);
    assert_int_equal(dw_fs_stat(kept, &st), DW_OK);
    assert_same_when_made_again(&b);
    tear_down(&b);
}

static void the_end_of_input_is_where_it_was_when_read_again(void **state)
{
    (void)state;
    struct bed b;
    set_up(&b);
    open_epoch(&b, 0, 1 * SECOND);
    send(&b, failures(&b, 0, "eve", 3, 100 * SECOND, 100 * SECOND));
    send(&b, record(&b.agent[0], "{\"type\":\"epoch.close\",\"streams\":[]}", 100 * SECOND));
    open_engine(&b);
    work(&b);
    assert_int_equal(count_in_log(&b, "user.name=eve"), 0);
    assert_true(dw_intake_all_closed(b.engine));
    assert_int_equal(dw_intake_finish(b.engine), DW_OK);
    assert_int_equal(count_in_log(&b, "user.name=eve"), 1);
    assert_same_when_made_again(&b);
    tear_down(&b);
}

/* A sealed segment leaves out what follows from the frame before: of frames that came in another order it must not. */
static void frames_that_came_out_of_order_are_the_same_when_sealed(void **state)
{
    (void)state;
    static const int orders[][5] = {{0, 1, 2, 3, 4}, {1, 0, 2, 3, 4}, {0, 2, 1, 4, 3}, {4, 3, 2, 1, 0}, {0, 0, 1, 3, 2}};
    for (size_t o = 0; o < DW_COUNT_OF(orders); o++) {
        struct bed b;
        struct dw_frame *frame[5];
        set_up(&b);
        open_epoch(&b, 0, 1 * SECOND);
        for (int i = 0; i < 5; i++)
            frame[i] = failures(&b, 0, "eve", 2, (100 + 5 * i) * SECOND, 1 * SECOND);
        bool sent[5] = {false};
        for (int i = 0; i < 5; i++) {
            int k = orders[o][i];
            write_to_queue(&b, dw_buf_view(&frame[k]->bytes));
            sent[k] = true;
        }
        for (int i = 0; i < 5; i++) {
            if (!sent[i])
                write_to_queue(&b, dw_buf_view(&frame[i]->bytes));
            dw_frame_free(frame[i]);
        }
        open_engine(&b);
        work(&b);
        assert_int_equal(dw_intake_finish(b.engine), DW_OK);
        assert_int_equal(count_in_log(&b, "dogwatch.frame.signature"), 0);
        assert_same_when_made_again(&b);
        tear_down(&b);
    }
}

/* A decision stands in the archive and not in the queue: by it the place could not be known again. */
static void the_place_in_the_queue_is_known_behind_decisions(void **state)
{
    (void)state;
    for (int junk = 0; junk < 2; junk++) {
        struct bed b;
        uint32_t taken;
        set_up(&b);
        open_epoch(&b, 0, 1 * SECOND);
        send(&b, failures(&b, 0, "eve", 3, 100 * SECOND, 100 * SECOND));
        if (junk)
            write_to_queue(&b, DW_STR("bytes that are no frame"));
        open_engine(&b);
        work(&b);
        assert_int_equal(dw_intake_finish(b.engine), DW_OK);
        close_engine(&b);
        open_engine(&b);
        assert_int_equal(dw_intake_turn(b.engine, &taken), DW_OK);
        assert_int_equal(taken, 0);
        assert_int_equal(count_in_log(&b, "\"rule\":\"dogwatch.queue.replaced\""), 0);
        close_engine(&b);
        dw_sender_close(b.sender);
        temp_dir_remove(b.queue);
        assert_int_equal(dw_dir_sender_open(&dw_fs_system, b.queue, 0, &b.sender), DW_OK);
        send(&b, failures(&b, 0, "ann", 3, 200 * SECOND, 200 * SECOND));
        for (int i = 0; i < 20; i++) /* longer than what was there before */
            heartbeat(&b, 0, 300 * SECOND);
        open_engine(&b);
        work(&b);
        assert_int_equal(count_in_log(&b, "\"rule\":\"dogwatch.queue.replaced\""), 1);
        assert_int_equal(count_in_log(&b, "user.name=ann"), 1);
        assert_same_when_made_again(&b);
        tear_down(&b);
    }
}

/* A frame may state any mark: one near the least number wrapped, and made everything late. */
static void a_mark_near_the_least_number_makes_nothing_late(void **state)
{
    (void)state;
    struct bed b;
    set_up(&b);
    open_epoch(&b, 0, INT64_MIN + 5);
    send(&b, failures(&b, 0, "eve", 3, 100 * SECOND, 100 * SECOND));
    heartbeat(&b, 0, 200 * SECOND);
    open_engine(&b);
    work(&b);
    assert_int_equal(count_in_log(&b, "user.name=eve"), 1);
    tear_down(&b);
}

/* Goal:   an alert that is in the log rests on frames that are in the archive.
 * Method: the nth file call and all after it fail, for every n; then everything is made again from the archive alone. */
static void alerts_rest_on_what_is_archived_whatever_fails(void **state)
{
    (void)state;
    for (int nth = 1;; nth++) {
        struct bed b;
        struct faulty_fs fault;
        struct dw_buf left = {0}, made = {0};
        uint32_t taken = 1;
        assert_true(nth < 1000);
        set_up(&b);
        queue_of_bad_bytes(&b);
        send(&b, failures(&b, 0, "eve", 4, 100 * SECOND, 100 * SECOND));
        heartbeat(&b, 0, 200 * SECOND);
        faulty_fs_init(&fault, nth, nth % 2 ? FAULT_TORN : FAULT_EIO);
        fault.sticky = true;
        int rc = try_open(&b, &fault.fs);
        for (int i = 0; rc == DW_OK && taken && i < 100; i++)
            rc = dw_intake_turn(b.engine, &taken);
        close_engine(&b);
        int found = dw_fs_read_file(&dw_fs_system, b.log, 1 << 20, &left);
        delete_alerts(&b);
        char queue[620];
        (void)snprintf(queue, sizeof queue, "%s/00000001.frames", b.queue);
        (void)unlink(queue); /* only what the archive has */
        rc = try_open(&b, &dw_fs_system);
        if (rc == DW_OK)
            read_log(&b, &made);
        struct dw_str rest = found == DW_OK ? dw_buf_view(&left) : DW_STR_NONE;
        while (dw_str_index(rest, '\n') < rest.len) {
            struct dw_str line = dw_str_cut(&rest, '\n');
            bool of_the_fault = dw_str_find(line, DW_STR("dogwatch.archive.damaged")) < line.len; /* which is over */
            if (!of_the_fault && dw_str_find(dw_buf_view(&made), line) == made.len)
                fail_msg("nth=%d: an alert without its frames: %.*s", nth, DW_ARG(line));
        }
        dw_buf_fini(&left);
        dw_buf_fini(&made);
        int hits = fault.hits;
        tear_down(&b);
        if (hits == 0)
            break;
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_agent_that_died_does_not_stop_correlation),
        cmocka_unit_test(what_the_only_agent_saw_last_comes_out_when_it_is_idle),
        cmocka_unit_test(a_collector_that_was_down_does_not_take_agents_for_silent),
        cmocka_unit_test(rejected_bytes_are_told_again_from_the_archive),
        cmocka_unit_test(what_a_killed_agent_left_unfinished_is_kept_and_no_alarm),
        cmocka_unit_test(the_end_of_input_is_where_it_was_when_read_again),
        cmocka_unit_test(frames_that_came_out_of_order_are_the_same_when_sealed),
        cmocka_unit_test(the_place_in_the_queue_is_known_behind_decisions),
        cmocka_unit_test(a_mark_near_the_least_number_makes_nothing_late),
        cmocka_unit_test(alerts_rest_on_what_is_archived_whatever_fails),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
