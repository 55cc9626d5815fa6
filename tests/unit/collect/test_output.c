/* Tests of collector/notify/output.c, sight.c and summary.c: what is sent, when again, and what becomes of what is not taken. */
#include "outputs_bed.h"

#include "dogwatch/base/counter.h"

static void assert_sent(struct outputs_bed *b, const char *want)
{
    assert_str(dw_str_make(b->sent.ptr ? b->sent.ptr : "", b->sent.len), want);
}

static void each_alert_is_sent_once(void **state)
{
    (void)state;
    struct outputs_bed b;
    bed_init(&b);
    bed_raise(&b, "a1", "r", 1, b.now_ns);
    assert_int_equal(bed_start(&b), DW_OK);
    bed_raise(&b, "a2", "r", 2, b.now_ns);
    assert_int_equal(bed_turns(&b, 9), DW_OK);
    assert_sent(&b, "a1.1 a2.2 ");
    bed_end(&b); /* a restart */
    assert_int_equal(bed_start(&b), DW_OK);
    bed_raise(&b, "a1", "r", 5, b.now_ns);
    assert_int_equal(bed_turns(&b, 9), DW_OK);
    assert_sent(&b, "a1.1 a2.2 a1.5 ");
    assert_int_equal(b.output.status.delivered, 1);
    bed_fini(&b);
}

/* After so many failures; chance takes up to half of it away. */
static int64_t longest_pause(unsigned failures)
{
    int64_t ns = failures < 11 ? (DW_NS_PER_S / 2) << (failures - 1) : 300 * DW_NS_PER_S;
    return ns < 300 * DW_NS_PER_S ? ns : 300 * DW_NS_PER_S;
}

static void what_is_not_taken_waits_through_a_restart_and_is_asked_ever_more_rarely(void **state)
{
    (void)state;
    struct outputs_bed b;
    bed_init(&b);
    b.answer = OUTPUT_LATER;
    assert_int_equal(bed_start(&b), DW_OK);
    bed_raise(&b, "a1", "r", 1, b.now_ns);
    for (uint32_t i = 1; i <= 12; i++) {
        assert_int_equal(bed_turns(&b, 3), DW_OK);
        assert_int_equal(b.attempts, i); /* not before its time */
        int64_t pause = b.output.next_ns - b.now_ns, most = longest_pause(i);
        assert_true(pause >= most / 2 && pause <= most);
        b.now_ns = b.output.next_ns;
    }
    bed_end(&b);
    b.answer = OUTPUT_TAKEN;
    assert_int_equal(bed_start(&b), DW_OK);
    assert_int_equal(bed_turns(&b, 3), DW_OK);
    assert_sent(&b, "a1.1 ");
    bed_fini(&b);
}

static void a_newer_message_takes_the_place_of_one_that_waits(void **state)
{
    (void)state;
    struct outputs_bed b;
    bed_init(&b);
    b.answer = OUTPUT_LATER;
    assert_int_equal(bed_start(&b), DW_OK);
    bed_raise(&b, "a1", "r", 1, b.now_ns);
    assert_int_equal(bed_turns(&b, 1), DW_OK);
    bed_raise(&b, "a1", "r", 2, b.now_ns);
    bed_raise(&b, "a1", "r", 3, b.now_ns);
    assert_int_equal(bed_turns(&b, 1), DW_OK);
    assert_int_equal(b.output.journal.waiting, 1);
    b.answer = OUTPUT_TAKEN;
    b.now_ns = b.output.next_ns;
    assert_int_equal(bed_turns(&b, 9), DW_OK);
    assert_sent(&b, "a1.3 ");
    bed_fini(&b);
}

static void one_that_is_refused_is_a_dead_letter_and_holds_up_nothing(void **state)
{
    (void)state;
    struct outputs_bed b;
    char path[600];
    bed_init(&b);
    b.refuses = "\"a2\"";
    uint64_t before = dw_counter_get(DW_C_output_dead);
    assert_int_equal(bed_start(&b), DW_OK);
    bed_raise(&b, "a1", "r", 1, b.now_ns);
    bed_raise(&b, "a2", "r", 1, b.now_ns);
    bed_raise(&b, "a3", "r", 1, b.now_ns);
    assert_int_equal(bed_turns(&b, 9), DW_OK);
    assert_sent(&b, "a1.1 a3.1 ");
    assert_int_equal(b.output.dead.count, 1);
    assert_int_equal(dw_counter_get(DW_C_output_dead) - before, 1);
    assert_string_equal(b.output.trouble.name, "out");
    assert_non_null(strstr(b.output.trouble.text, "as told"));

    bed_end(&b); /* it is still there after a restart, and sent when somebody asks for it */
    assert_int_equal(bed_start(&b), DW_OK);
    assert_int_equal(b.output.dead.count, 1);
    b.refuses = NULL;
    assert_int_equal(bed_turns(&b, 9), DW_OK);
    assert_sent(&b, "a1.1 a3.1 ");
    bed_path(&b, ".retry", path);
    assert_int_equal(dw_fs_write_file(&dw_fs_system, path, 0640, DW_STR("")), DW_OK);
    assert_int_equal(bed_turns(&b, 9), DW_OK);
    assert_sent(&b, "a1.1 a3.1 a2.1 ");
    assert_int_equal(b.output.dead.count, 0);
    assert_int_equal(access(path, F_OK), -1);
    bed_fini(&b);
}

static void a_retry_leaves_what_is_newer_and_lines_that_are_no_dead_letters(void **state)
{
    (void)state;
    struct outputs_bed b;
    struct dw_buf text = {0};
    char path[600];
    bed_init(&b);
    b.refuses = "\"a1\"";
    assert_int_equal(bed_start(&b), DW_OK);
    bed_raise(&b, "a1", "r", 1, b.now_ns);
    assert_int_equal(bed_turns(&b, 9), DW_OK);
    assert_int_equal(b.output.dead.count, 1);
    bed_end(&b);
    bed_path(&b, ".dead", path);
    assert_int_equal(dw_fs_read_file(&dw_fs_system, path, 1 << 20, &text), DW_OK);
    dw_buf_str(&text, DW_STR("somebody's note\n"));
    assert_int_equal(dw_fs_write_file(&dw_fs_system, path, 0640, dw_buf_view(&text)), DW_OK);
    assert_int_equal(bed_start(&b), DW_OK);
    b.refuses = NULL;
    b.answer = OUTPUT_LATER; /* the newer one waits */
    bed_raise(&b, "a1", "r", 2, b.now_ns);
    assert_int_equal(bed_turns(&b, 1), DW_OK);
    b.answer = OUTPUT_TAKEN;
    uint64_t before = dw_counter_get(DW_C_output_superseded);
    bed_path(&b, ".retry", path);
    assert_int_equal(dw_fs_write_file(&dw_fs_system, path, 0640, DW_STR("")), DW_OK);
    assert_int_equal(bed_turns(&b, 9), DW_OK);
    assert_sent(&b, "a1.2 ");
    assert_int_equal(dw_counter_get(DW_C_output_superseded) - before, 1);
    assert_int_equal(b.output.dead.count, 1);
    bed_path(&b, ".dead", path);
    dw_buf_reset(&text);
    assert_int_equal(dw_fs_read_file(&dw_fs_system, path, 1 << 20, &text), DW_OK);
    assert_str(dw_buf_view(&text), "somebody's note\n");
    dw_buf_fini(&text);
    bed_fini(&b);
}

static void what_is_not_taken_for_too_long_is_dead(void **state)
{
    (void)state;
    struct outputs_bed b;
    bed_init(&b);
    b.answer = OUTPUT_LATER;
    assert_int_equal(bed_start(&b), DW_OK);
    bed_raise(&b, "a1", "r", 1, b.now_ns);
    assert_int_equal(bed_turns(&b, 1), DW_OK);
    b.now_ns += b.opt.retry_for / 2;
    bed_raise(&b, "a2", "r", 1, b.now_ns);
    assert_int_equal(bed_turns(&b, 1), DW_OK);
    assert_int_equal(b.output.dead.count, 0);
    b.now_ns += b.opt.retry_for / 2;
    assert_int_equal(bed_turns(&b, 1), DW_OK);
    assert_int_equal(b.output.dead.count, 1); /* the first alone */
    assert_int_equal(b.output.journal.waiting, 1);
    bed_fini(&b);
}

static void old_alerts_and_silenced_ones_are_not_sent_but_counted(void **state)
{
    (void)state;
    struct outputs_bed b;
    bed_init(&b);
    uint64_t old = dw_counter_get(DW_C_output_old), silenced = dw_counter_get(DW_C_output_silenced);
    struct dw_silence s = {.id = "1-a", .change = "1-a", .author = "ada", .time_ns = b.now_ns, .from_ns = b.now_ns, .until_ns = b.now_ns + DW_NS_PER_S,
        .filter = DW_STR("rule.id:quiet"), .reason = DW_STR("")};
    assert_int_equal(dw_alerts_silence(b.alerts, &s), DW_OK);
    assert_int_equal(bed_start(&b), DW_OK);
    bed_raise(&b, "a1", "r", 1, b.now_ns - 3601 * DW_NS_PER_S);
    bed_raise(&b, "a2", "quiet", 1, b.now_ns);
    bed_raise(&b, "a3", "r", 1, b.now_ns - 3599 * DW_NS_PER_S);
    assert_int_equal(bed_turns(&b, 9), DW_OK);
    assert_sent(&b, "a3.1 ");
    assert_int_equal(dw_counter_get(DW_C_output_old) - old, 1);
    assert_int_equal(dw_counter_get(DW_C_output_silenced) - silenced, 1);
    bed_fini(&b);
}

static void an_alert_that_was_young_when_it_was_seen_is_sent_however_long_it_waits(void **state)
{
    (void)state;
    struct outputs_bed b;
    bed_init(&b);
    b.opt.retry_for = 100 * 3600 * DW_NS_PER_S;
    b.answer = OUTPUT_LATER;
    assert_int_equal(bed_start(&b), DW_OK);
    bed_raise(&b, "a1", "r", 1, b.now_ns);
    bed_raise(&b, "a2", "r", 1, b.now_ns);
    assert_int_equal(bed_turns(&b, 1), DW_OK);
    b.now_ns += 10 * 3600 * DW_NS_PER_S;
    b.answer = OUTPUT_TAKEN;
    assert_int_equal(bed_turns(&b, 9), DW_OK);
    assert_sent(&b, "a2.1 a1.1 "); /* what was not taken goes behind */
    bed_fini(&b);
}

static void a_filter_decides_what_is_sent(void **state)
{
    (void)state;
    struct outputs_bed b;
    bed_init(&b);
    b.opt.filter = DW_STR("rule.id:b and rule.level:high");
    assert_int_equal(bed_start(&b), DW_OK);
    bed_raise(&b, "a1", "a", 1, b.now_ns);
    bed_raise(&b, "a2", "b", 1, b.now_ns);
    assert_int_equal(bed_turns(&b, 9), DW_OK);
    assert_sent(&b, "a2.1 ");
    bed_fini(&b);
}

static void what_people_say_is_sent_but_notes(void **state)
{
    (void)state;
    struct outputs_bed b;
    bed_init(&b);
    bed_raise(&b, "a1", "r", 1, b.now_ns);
    struct dw_alert_change c = {.change = "2-b", .alert = "a1", .author = "ada", .field = DW_ALERT_note, .time_ns = b.now_ns, .value = DW_STR("hm")};
    assert_int_equal(dw_alerts_change(b.alerts, &c), DW_OK);
    c.change = "3-c";
    c.field = DW_ALERT_status;
    c.value = DW_STR("closed");
    assert_int_equal(dw_alerts_change(b.alerts, &c), DW_OK);
    assert_int_equal(dw_alerts_sync(b.alerts), DW_OK);
    assert_int_equal(bed_start(&b), DW_OK);
    assert_int_equal(bed_turns(&b, 9), DW_OK);
    assert_sent(&b, "a1.1 a1.3-c ");
    assert_true(dw_str_find(dw_buf_view(&b.output.message.body), DW_STR("\"activity\":\"closed\"")) < b.output.message.body.len);
    bed_fini(&b);
}

static void of_a_flood_the_first_are_sent_and_the_rest_is_one_summary_also_after_a_kill(void **state)
{
    (void)state;
    struct outputs_bed b;
    bed_init(&b);
    assert_int_equal(bed_start(&b), DW_OK);
    for (int i = 0; i < 50; i++) {
        char id[16];
        (void)snprintf(id, sizeof id, "f%02d", i);
        bed_raise(&b, id, "flood", 2, b.now_ns);
    }
    bed_raise(&b, "f49", "flood", 5, b.now_ns); /* an update is no further alert */
    for (int i = 0; i < 60; i++)
        assert_int_equal(bed_turns(&b, 1), DW_OK);
    assert_int_equal(b.attempts, DW_FUSE_KEY);
    assert_int_equal(b.output.journal.held_count, 51 - DW_FUSE_KEY);
    bed_end(&b);
    assert_int_equal(bed_start(&b), DW_OK);
    assert_int_equal(b.output.journal.held_count, 51 - DW_FUSE_KEY);
    b.now_ns += b.all.notify_summary;
    assert_int_equal(bed_turns(&b, 9), DW_OK);
    assert_int_equal(b.attempts, DW_FUSE_KEY + 1);
    struct dw_str body = dw_buf_view(&b.output.message.body);
    assert_true(dw_str_find(body, DW_STR("\"summary\":{\"alerts\":30,\"events\":63,")) < body.len);
    assert_true(dw_str_find(body, DW_STR("\"keys\":[{\"key\":\"source.ip=203.0.113.9\",\"alerts\":30}]")) < body.len);
    bed_fini(&b);
}

static void another_log_is_begun_anew_and_old_alerts_stay_unsent(void **state)
{
    (void)state;
    struct outputs_bed b;
    char path[700];
    bed_init(&b);
    assert_int_equal(bed_start(&b), DW_OK);
    bed_raise(&b, "a1", "r", 1, b.now_ns);
    assert_int_equal(bed_turns(&b, 9), DW_OK);
    bed_end(&b);
    dw_alerts_close(b.alerts);
    (void)snprintf(path, sizeof path, "%s/alerts.log", b.alerts_dir);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(dw_alerts_open(&dw_fs_system, b.alerts_dir, &b.alerts), DW_OK);
    b.now_ns += 2 * 3600 * DW_NS_PER_S;
    bed_raise(&b, "b1", "r", 1, b.now_ns - 2 * 3600 * DW_NS_PER_S);
    bed_raise(&b, "b2", "r", 1, b.now_ns);
    assert_int_equal(bed_start(&b), DW_OK);
    assert_int_equal(b.output.journal.seen, 0);
    assert_int_equal(bed_turns(&b, 9), DW_OK);
    assert_sent(&b, "a1.1 b2.1 ");
    bed_fini(&b);
}

static void a_torn_end_of_the_log_is_not_looked_at(void **state)
{
    (void)state;
    struct outputs_bed b;
    char path[700];
    bed_init(&b);
    bed_raise(&b, "a1", "r", 1, b.now_ns);
    uint64_t durable = dw_alerts_durable(b.alerts);
    (void)snprintf(path, sizeof path, "%s/alerts.log", b.alerts_dir);
    FILE *f = fopen(path, "a");
    assert_non_null(f);
    (void)fputs("{\"type\":\"raised\",\"id\":\"a2\"", f);
    (void)fclose(f);
    assert_int_equal(bed_start(&b), DW_OK);
    assert_int_equal(output_turn(&b.output, durable, false), DW_OK);
    assert_sent(&b, "a1.1 ");
    assert_int_equal(b.output.journal.seen, durable);
    bed_fini(&b);
}

static bool word_is_in(const struct dw_buf *b, const char *word)
{
    return dw_str_find(dw_buf_view(b), dw_str_of(word)) < b->len;
}

/* Goal:   whatever file call fails, every alert is taken by the receiver at least once, and a message that was refused is a dead letter.
 * Method: fail the 1st call, then the 2nd, ... with the process killed after it, until a run meets no fault. */
static void no_message_is_lost_when_the_nth_file_call_fails(void **state)
{
    (void)state;
    static const enum fault_model models[] = {FAULT_EIO, FAULT_TORN, FAULT_ENOSPC};
    for (size_t m = 0; m < DW_COUNT_OF(models); m++) {
        for (int nth = 1;; nth++) {
            struct outputs_bed b;
            assert_true(nth < 1000);
            bed_init(&b);
            b.refuses = "\"a2\"";
            bed_raise(&b, "a1", "r", 1, b.now_ns);
            bed_raise(&b, "a2", "r", 1, b.now_ns);
            faulty_fs_init(&b.fs, nth, models[m]);
            int rc = bed_start(&b);
            if (rc == DW_OK)
                rc = bed_turns(&b, 9);
            if (rc == DW_OK) {
                bed_raise(&b, "a3", "r", 1, b.now_ns);
                rc = bed_turns(&b, 9);
            }
            int hits = b.fs.hits;
            bool goes_on = nth % 2 == 0 && b.output.log_fd >= 0 && b.output.journal.fd >= 0; /* or it is killed */
            faulty_fs_init(&b.fs, 0, models[m]);
            if (!goes_on) {
                bed_end(&b);
                assert_int_equal(bed_start(&b), DW_OK);
            }
            if (rc < 0)
                bed_raise(&b, "a3", "r", 1, b.now_ns);
            for (int i = 0; i < 5; i++)
                assert_int_equal(bed_turns(&b, 9), DW_OK);
            if (!word_is_in(&b.sent, "a1.1 ") || !word_is_in(&b.sent, "a3.1 ") || b.output.dead.count < 1 || b.output.journal.waiting)
                fail_msg("model %zu nth %d (%d): sent %.*s, dead %d, waiting %d", m, nth, rc, DW_ARG(dw_buf_view(&b.sent)), (int)b.output.dead.count, (int)b.output.journal.waiting);
            bed_end(&b);
            assert_int_equal(bed_start(&b), DW_OK); /* and its files can be read */
            assert_int_equal(b.output.journal.waiting, 0);
            bed_fini(&b);
            if (hits == 0)
                break;
        }
    }
}

static void the_pause_doubles_up_to_five_minutes(void **state)
{
    (void)state;
    struct dw_rng rng = {7};
    for (unsigned i = 1; i < 40; i++) {
        int64_t most = longest_pause(i), got = output_backoff_ns(i, &rng);
        assert_true(got >= most / 2 && got <= most);
    }
    assert_int_equal(output_retry_after_ns(-5), 0);
    assert_int_equal(output_retry_after_ns(7), 7 * DW_NS_PER_S);
    assert_int_equal(output_retry_after_ns(INT64_MAX), 3600 * DW_NS_PER_S);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_alert_is_sent_once),
        cmocka_unit_test(what_is_not_taken_waits_through_a_restart_and_is_asked_ever_more_rarely),
        cmocka_unit_test(a_newer_message_takes_the_place_of_one_that_waits),
        cmocka_unit_test(one_that_is_refused_is_a_dead_letter_and_holds_up_nothing),
        cmocka_unit_test(a_retry_leaves_what_is_newer_and_lines_that_are_no_dead_letters),
        cmocka_unit_test(what_is_not_taken_for_too_long_is_dead),
        cmocka_unit_test(old_alerts_and_silenced_ones_are_not_sent_but_counted),
        cmocka_unit_test(an_alert_that_was_young_when_it_was_seen_is_sent_however_long_it_waits),
        cmocka_unit_test(a_filter_decides_what_is_sent),
        cmocka_unit_test(what_people_say_is_sent_but_notes),
        cmocka_unit_test(of_a_flood_the_first_are_sent_and_the_rest_is_one_summary_also_after_a_kill),
        cmocka_unit_test(another_log_is_begun_anew_and_old_alerts_stay_unsent),
        cmocka_unit_test(a_torn_end_of_the_log_is_not_looked_at),
        cmocka_unit_test(no_message_is_lost_when_the_nth_file_call_fails),
        cmocka_unit_test(the_pause_doubles_up_to_five_minutes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
