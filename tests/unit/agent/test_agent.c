/* Tests of the agent as a whole: rotation, truncation, deletion and restarts; each byte once. */
#include "agent_bed.h"

static void a_file_renamed_while_it_is_read_is_read_to_its_end(void **state)
{
    (void)state;
    struct bed b;
    set_up(&b);
    put(&b, "a.log", "one\ntwo\n");
    start(&b);
    settle(&b);
    rename_log(&b, "a.log", "a.log.1");
    put(&b, "a.log.1", "three\n"); /* the writer has not noticed yet */
    put(&b, "a.log", "four\n");
    settle(&b);
    put(&b, "a.log", "five\n");
    rest(&b);
    stop(&b);
    assert_got(&b, "one\ntwo\nthree\nfour\nfive\n", 2);
    assert_int_equal(records_with(&b, "\"state\":\"whole\""), 1);
    tear_down(&b);
}

static void a_file_renamed_without_a_successor_is_read_to_its_end(void **state)
{
    (void)state;
    struct bed b;
    set_up(&b);
    put(&b, "a.log", "one\n");
    start(&b);
    settle(&b);
    rename_log(&b, "a.log", "a.log.1");
    put(&b, "a.log.1", "two\n");
    settle(&b);
    put(&b, "a.log", "three\n");
    settle(&b);
    stop(&b);
    assert_got(&b, "one\ntwo\nthree\n", 2);
    tear_down(&b);
}

static void two_rotations_between_two_looks_lose_nothing(void **state)
{
    (void)state;
    struct bed b;
    set_up(&b);
    put(&b, "a.log", "one\n");
    start(&b);
    settle(&b);
    put(&b, "a.log", "two\n");
    rename_log(&b, "a.log", "a.log.2");
    put(&b, "a.log.1", "three\n");
    put(&b, "a.log", "four\n");
    settle(&b);
    stop(&b);
    receive(&b);
    assert_int_equal(b.stream_count, 3);
    assert_int_equal(b.count, 4);
    assert_each_byte_once(&b);
    tear_down(&b);
}

static void a_file_renamed_while_the_agent_was_down_goes_on_as_the_same_stream(void **state)
{
    (void)state;
    struct bed b;
    set_up(&b);
    put(&b, "a.log", "one\n");
    run_once(&b);
    put(&b, "a.log", "two\n");
    rename_log(&b, "a.log", "a.log.1");
    put(&b, "a.log", "three\n");
    run_once(&b);
    assert_got(&b, "one\ntwo\nthree\n", 2); /* were `two` of another stream, it would begin at 0 */
    assert_int_equal(records_with(&b, "\"state\":\"lost\""), 0);
    run_once(&b);
    assert_got(&b, "one\ntwo\nthree\n", 2);
    tear_down(&b);
}

static void the_next_rotation_sends_nothing_of_the_one_before_again(void **state)
{
    (void)state;
    for (int restart = 0; restart < 2; restart++) {
        struct bed b;
        set_up(&b);
        put(&b, "a.log", "one\n");
        start(&b);
        settle(&b);
        rename_log(&b, "a.log", "a.log.1");
        put(&b, "a.log", "two\n");
        settle(&b);
        if (restart) {
            stop(&b);
            start(&b);
            settle(&b);
        }
        for (int i = 0; i < 3; i++) {
            char line[32];
            (void)snprintf(line, sizeof line, "three %d\n", i);
            if (i)
                rename_log(&b, "a.log.2", "a.log.3");
            rename_log(&b, "a.log.1", "a.log.2");
            rename_log(&b, "a.log", "a.log.1");
            put(&b, "a.log", line);
            settle(&b);
        }
        stop(&b);
        assert_got(&b, "one\ntwo\nthree 0\nthree 1\nthree 2\n", 5);
        tear_down(&b);
    }
}

static void a_quiet_file_renamed_waits_for_its_writer(void **state)
{
    (void)state;
    struct bed b;
    set_up(&b);
    put(&b, "a.log", "one\n");
    start(&b);
    settle(&b);
    rename_log(&b, "a.log", "a.log.1");
    put(&b, "a.log", "");
    b.clock.ahead_ns += DW_NS_PER_S;
    turn_until_idle(&b);
    put(&b, "a.log.1", "two\n"); /* a second later the writer is told to open its file again */
    put(&b, "a.log", "three\n");
    settle(&b);
    stop(&b);
    assert_got(&b, "one\ntwo\nthree\n", 2);
    tear_down(&b);
}

static void a_file_truncated_in_place_goes_on_as_its_newest_stream_after_a_restart(void **state)
{
    (void)state;
    struct bed b;
    set_up(&b);
    put(&b, "a.log", "one\ntwo\n");
    start(&b);
    settle(&b);
    for (int i = 0; i < 2; i++) {
        cut_to_nothing(&b, "a.log");
        put(&b, "a.log", i ? "4\n" : "3\n");
        if (i)
            cut_to_nothing(&b, "a.log");
        settle(&b);
    }
    put(&b, "a.log", "5\n");
    settle(&b);
    stop(&b);
    put(&b, "a.log", "6\n");
    run_once(&b);
    run_once(&b);
    assert_got(&b, "one\ntwo\n3\n5\n6\n", 3); /* 4 was gone before anyone looked */
    assert_int_equal(records_with(&b, "\"state\":\"lost\""), 0);
    tear_down(&b);
}

static void a_file_truncated_in_place_is_another_stream(void **state)
{
    (void)state;
    struct bed b;
    set_up(&b);
    put(&b, "a.log", "one\ntwo\n");
    start(&b);
    settle(&b);
    cut_to_nothing(&b, "a.log");
    put(&b, "a.log", "3\n");
    settle(&b);
    stop(&b);
    assert_got(&b, "one\ntwo\n3\n", 2);
    assert_int_equal(records_with(&b, "\"state\":\"truncated\""), 1);
    tear_down(&b);
}

static void a_copytruncate_that_regrew_past_the_old_place_is_noticed(void **state)
{
    (void)state;
    static const char *const fresh[] = {"three is longer\n", "one\ntwo but longer\n", "o2e\ntwo\nfour\n"};
    for (size_t i = 0; i < DW_COUNT_OF(fresh); i++) {
        struct bed b;
        char want[100];
        set_up(&b);
        put(&b, "a.log", "one\ntwo\n");
        start(&b);
        settle(&b);
        cut_to_nothing(&b, "a.log");
        put(&b, "a.log", fresh[i]);
        settle(&b);
        stop(&b);
        (void)snprintf(want, sizeof want, "one\ntwo\n%s", fresh[i]);
        assert_got(&b, want, 2);
        tear_down(&b);
    }
}

static void a_copytruncate_that_regrew_to_the_same_size_is_noticed_at_the_next_look(void **state)
{
    (void)state;
    for (int restart = 0; restart < 2; restart++) {
        struct bed b;
        set_up(&b);
        put(&b, "a.log", "one\ntwo\n");
        start(&b);
        settle(&b);
        if (restart) {
            stop(&b);
            start(&b);
            settle(&b);
        }
        cut_to_nothing(&b, "a.log");
        put(&b, "a.log", "eno\nowt\n");
        touch_later(&b, "a.log", 1);
        settle(&b);
        stop(&b);
        assert_got(&b, "one\ntwo\neno\nowt\n", 2);
        assert_int_equal(records_with(&b, "\"state\":\"truncated\""), 1);
        tear_down(&b);
    }
}

static void a_file_whose_times_alone_changed_is_the_same_stream(void **state)
{
    (void)state;
    struct bed b;
    set_up(&b);
    put(&b, "a.log", "one\ntwo\n");
    start(&b);
    settle(&b);
    touch_later(&b, "a.log", 1);
    settle(&b);
    assert_int_equal(chmod(path_of(&b, "a.log"), 0640), 0);
    settle(&b);
    put(&b, "a.log", "three\n");
    settle(&b);
    stop(&b);
    assert_got(&b, "one\ntwo\nthree\n", 1);
    tear_down(&b);
}

static void a_copytruncate_while_the_agent_was_down_is_noticed(void **state)
{
    (void)state;
    struct bed b;
    set_up(&b);
    put(&b, "a.log", "one\ntwo\n");
    run_once(&b);
    cut_to_nothing(&b, "a.log");
    put(&b, "a.log", "three is longer\n");
    run_once(&b);
    assert_got(&b, "one\ntwo\nthree is longer\n", 2);
    assert_int_equal(records_with(&b, "\"state\":\"truncated\""), 1);
    tear_down(&b);
}

static void a_file_deleted_while_it_is_open_is_read_to_its_end(void **state)
{
    (void)state;
    struct bed b;
    set_up(&b);
    put(&b, "a.log", "one\n");
    int fd = open(path_of(&b, "a.log"), O_WRONLY | O_APPEND);
    start(&b);
    settle(&b);
    remove_log(&b, "a.log");
    b.clock.ahead_ns += DW_NS_PER_S;
    turn_until_idle(&b);
    assert_int_equal(write(fd, "two\n", 4), 4);
    close(fd);
    rest(&b);
    stop(&b);
    assert_got(&b, "one\ntwo\n", 1);
    assert_int_equal(records_with(&b, "\"state\":\"whole\""), 1);
    run_once(&b);
    assert_got(&b, "one\ntwo\n", 1);
    assert_int_equal(records_with(&b, "\"state\":\"lost\""), 0);
    tear_down(&b);
}

static void a_file_unlinked_while_the_agent_was_down_is_lost_once(void **state)
{
    (void)state;
    struct bed b;
    set_up(&b);
    put(&b, "a.log", "one\n");
    run_once(&b);
    put(&b, "a.log", "two\n");
    remove_log(&b, "a.log");
    run_once(&b);
    assert_got(&b, "one\n", 1);
    assert_int_equal(records_with(&b, "\"state\":\"lost\""), 1);
    run_once(&b);
    receive(&b);
    assert_int_equal(records_with(&b, "\"state\":\"lost\""), 1);
    tear_down(&b);
}

/* The file system may give the new file the old inode: it is another stream all the same, and read from its beginning. */
static void a_new_file_in_place_of_the_old_is_another_stream(void **state)
{
    (void)state;
    for (int down = 0; down < 2; down++) {
        struct bed b;
        set_up(&b);
        put(&b, "a.log", "one\ntwo\n");
        start(&b);
        settle(&b);
        if (down)
            stop(&b);
        remove_log(&b, "a.log");
        put(&b, "a.log", "three is longer\n");
        if (down)
            start(&b);
        settle(&b);
        stop(&b);
        assert_got(&b, "one\ntwo\nthree is longer\n", 2);
        tear_down(&b);
    }
}

static void put_many(struct bed *b, const char *name, int from, int to, struct dw_buf *want)
{
    int fd = open(path_of(b, name), O_WRONLY | O_CREAT | O_APPEND, 0600);
    struct dw_buf text = {0};
    for (int i = from; i < to; i++)
        dw_buf_printf(&text, "line %06d %060d\n", i, i);
    assert_int_equal(write(fd, text.ptr, text.len), text.len);
    dw_buf_str(want, dw_buf_view(&text));
    dw_buf_fini(&text);
    close(fd);
}

static void a_restart_in_the_middle_sends_nothing_twice(void **state)
{
    (void)state;
    struct bed b;
    struct dw_buf want = {0};
    set_up(&b);
    put_many(&b, "a.log", 0, 20000, &want);
    for (int i = 0; i < 4; i++) {
        bool more;
        start(&b);
        assert_int_equal(agent_turn(b.agent, &more), DW_OK);
        assert_true(more || i == 3);
        if (i < 3)
            kill_agent(&b); /* the batch in hand was never sent */
        else
            stop(&b);
        if (i == 1)
            put_many(&b, "a.log", 20000, 40000, &want);
    }
    run_once(&b);
    receive(&b);
    assert_int_equal(b.stream_count, 1);
    assert_each_byte_once(&b);
    assert_true(dw_str_eq(dw_buf_view(&b.lines), dw_buf_view(&want)));
    dw_buf_fini(&want);
    tear_down(&b);
}

static void an_unterminated_last_line_waits_for_its_end(void **state)
{
    (void)state;
    struct bed b;
    set_up(&b);
    put(&b, "a.log", "one\ntw");
    run_once(&b);
    assert_got(&b, "one\n", 1);
    put(&b, "a.log", "o\n");
    run_once(&b);
    assert_got(&b, "one\ntwo\n", 1);
    tear_down(&b);
}

static void an_unterminated_last_line_of_a_renamed_file_is_sent_as_it_is(void **state)
{
    (void)state;
    struct bed b;
    set_up(&b);
    put(&b, "a.log", "one\ntw");
    start(&b);
    settle(&b);
    rename_log(&b, "a.log", "a.log.1");
    put(&b, "a.log", "three\n");
    rest(&b);
    stop(&b);
    receive(&b);
    assert_int_equal(b.stream_count, 2);
    assert_int_equal(b.count, 3);
    assert_each_byte_once(&b);
    assert_true(dw_str_find(dw_buf_view(&b.lines), DW_STR("tw\n")) < b.lines.len);
    assert_int_equal(records_with(&b, "\"state\":\"whole\""), 1);
    tear_down(&b);
}

static void what_cannot_be_read_does_not_stop_the_others(void **state)
{
    (void)state;
    struct bed b;
    set_up(&b);
    assert_int_equal(symlink("loop.log", path_of(&b, "loop.log")), 0);
    assert_int_equal(symlink("nowhere", path_of(&b, "dangling.log")), 0);
    assert_int_equal(mkdir(path_of(&b, "folder.log"), 0700), 0);
    assert_int_equal(mkfifo(path_of(&b, "pipe.log"), 0600), 0);
    put(&b, "secret.log", getuid() ? "unreadable\n" : "");
    assert_int_equal(chmod(path_of(&b, "secret.log"), 0), 0);
    put(&b, "zz.log", "one\n");
    run_once(&b);
    assert_got(&b, "one\n", 1);
    tear_down(&b);
}

static void one_file_under_two_names_is_read_once(void **state)
{
    (void)state;
    struct bed b;
    set_up(&b);
    put(&b, "a.log", "one\n");
    assert_int_equal(link(path_of(&b, "a.log"), path_of(&b, "b.log")), 0);
    assert_int_equal(symlink("a.log", path_of(&b, "c.log")), 0);
    run_once(&b);
    put(&b, "b.log", "two\n");
    run_once(&b);
    assert_got(&b, "one\ntwo\n", 1);
    tear_down(&b);
}

static void put_docker(struct bed *b, const char *text, const char *out)
{
    char json[256];
    (void)snprintf(json, sizeof json, "{\"log\":\"%s\",\"stream\":\"%s\",\"time\":\"2026-11-24T10:00:00.5Z\"}\n", text, out);
    put(b, "c0ffee/c0ffee-json.log", json);
}

static void a_docker_partial_pending_at_the_end_is_sent_once_after_a_restart(void **state)
{
    (void)state;
    struct bed b;
    set_up(&b);
    b.opt.logs.count = 0;
    b.opt.discover_docker = true;
    b.opt.discover_docker_root = dw_str_of(b.logs);
    assert_int_equal(mkdir(path_of(&b, "c0ffee"), 0700), 0);
    put_docker(&b, "one\\n", "stdout");
    put_docker(&b, "par", "stdout");
    run_once(&b);
    assert_got(&b, "one\n", 1);
    put_docker(&b, "tial\\n", "stdout");
    run_once(&b);
    assert_got(&b, "one\npartial\n", 1);
    run_once(&b);
    assert_got(&b, "one\npartial\n", 1);
    tear_down(&b);
}

/* Goal:   a line over a rotation is joined however long the backlog takes to be read.
 * Method: every turn takes longer than `join.idle`. */
static void a_partial_is_joined_with_the_next_file_of_a_backlog_that_is_read_slowly(void **state)
{
    (void)state;
    struct bed b;
    bool more;
    set_up(&b);
    b.opt.logs.count = 0;
    b.opt.discover_docker = true;
    b.opt.discover_docker_root = dw_str_of(b.logs);
    assert_int_equal(mkdir(path_of(&b, "c0ffee"), 0700), 0);
    for (int i = 0; i < 8000; i++)
        put_docker(&b, "a line of the backlog\\n", "stdout");
    put_docker(&b, "par", "stdout");
    rename_log(&b, "c0ffee/c0ffee-json.log", "c0ffee/c0ffee-json.log.1");
    put_docker(&b, "tial\\n", "stdout");
    start(&b);
    for (int turns = 0; turns < 20; turns++) {
        assert_int_equal(agent_turn(b.agent, &more), DW_OK);
        b.clock.ahead_ns += b.opt.join_idle + DW_NS_PER_S;
    }
    settle(&b);
    stop(&b);
    receive(&b);
    assert_int_equal(b.count, 8002); /* extents: the last line has two */
    assert_true(dw_str_ends(dw_buf_view(&b.lines), DW_STR("\npartial\n")));
    tear_down(&b);
}

/* A line of stderr is whole while a partial of stdout waits before it: the checkpoint stands before the partial, so a restart reads the
 * line of stderr again. It comes with the same extent, which is how the collector knows it. */
static void a_line_behind_a_pending_partial_comes_again_with_the_same_extent(void **state)
{
    (void)state;
    struct bed b;
    set_up(&b);
    b.opt.logs.count = 0;
    b.opt.discover_docker = true;
    b.opt.discover_docker_root = dw_str_of(b.logs);
    assert_int_equal(mkdir(path_of(&b, "c0ffee"), 0700), 0);
    put_docker(&b, "par", "stdout");
    put_docker(&b, "err\\n", "stderr");
    run_once(&b);
    put_docker(&b, "tial\\n", "stdout");
    run_once(&b);
    receive(&b);
    assert_str(dw_buf_view(&b.lines), "err\nerr\npartial\n");
    assert_int_equal(b.stream_count, 1);
    assert_int_equal(b.got[0].start, b.got[1].start);
    assert_int_equal(b.got[0].end, b.got[1].end);
    tear_down(&b);
}

static void until_idle_twice_sends_nothing_new(void **state)
{
    (void)state;
    struct bed b;
    set_up(&b);
    b.opt.until_idle = true;
    put(&b, "a.log", "one\ntwo\n");
    put(&b, "b.log.1", "of a log that is not there\n"); /* a rotated name alone is nobody's */
    for (int i = 0; i < 3; i++) {
        start(&b);
        wait_until_done(&b);
        assert_got(&b, "one\ntwo\n", 1);
        assert_int_equal(records_with(&b, "epoch.close"), (size_t)i + 1);
    }
    put(&b, "a.log", "three\n");
    start(&b);
    wait_until_done(&b);
    assert_got(&b, "one\ntwo\nthree\n", 1);
    tear_down(&b);
}

static void a_crash_before_the_checkpoint_sends_again_under_the_same_stream(void **state)
{
    (void)state;
    struct bed b;
    set_up(&b);
    put(&b, "a.log", "one\ntwo\n");
    start(&b);
    turn_until_idle(&b);
    kill_agent(&b); /* the batch was not due: nothing left */
    run_once(&b);
    assert_got(&b, "one\ntwo\n", 1);
    tear_down(&b);
}

static void where_nothing_is_taken_heartbeats_do_not_pile_up(void **state)
{
    (void)state;
    struct bed b;
    set_up(&b);
    b.opt.queue_max_bytes = 1;
    start(&b);
    for (int i = 0; i < 100; i++)
        settle(&b);
    assert_in_range(b.agent->parcels - writer_acked(b.agent->writer), 1, 3);
    kill_agent(&b);
    tear_down(&b);
}

static void assert_low_water_is_now(const struct bed *b)
{
    int64_t low = agent_low_water(b->agent);
    assert_in_range(dw_clock_real(&b->clock.clock) - low, 0, DW_NS_PER_S);
}

/* Lines that are still to come carry the time that the clock has now. */
static void a_clock_that_is_set_back_holds_the_low_water_mark_back(void **state)
{
    (void)state;
    struct bed b;
    set_up(&b);
    put(&b, "a.log", "one\n");
    start(&b);
    settle(&b);
    assert_low_water_is_now(&b);
    b.clock.back_ns = 60 * DW_NS_PER_S;
    settle(&b);
    assert_low_water_is_now(&b);
    stop(&b);
    tear_down(&b);
}

/* It comes later, and may not be late by that; but one that calls itself old holds nobody back. */
static void an_event_that_waits_for_its_records_holds_the_low_water_mark_back(void **state)
{
    (void)state;
    struct bed b;
    char line[128];
    set_up(&b);
    int64_t seconds = dw_clock_real(&b.clock.clock) / DW_NS_PER_S;
    (void)snprintf(line, sizeof line, "type=SYSCALL msg=audit(%lld.000:7): x=1\n", (long long)seconds);
    put(&b, "a.log", line);
    start(&b);
    turn_until_idle(&b);
    assert_int_equal(agent_low_water(b.agent), seconds * DW_NS_PER_S);
    settle(&b);
    settle(&b); /* join.idle is over */
    assert_low_water_is_now(&b);
    put(&b, "a.log", "type=SYSCALL msg=audit(1000.000:8): x=1\n");
    b.clock.ahead_ns += DW_NS_PER_S;
    turn_until_idle(&b);
    assert_low_water_is_now(&b);
    stop(&b);
    tear_down(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_file_renamed_while_it_is_read_is_read_to_its_end),
        cmocka_unit_test(a_file_renamed_without_a_successor_is_read_to_its_end),
        cmocka_unit_test(two_rotations_between_two_looks_lose_nothing),
        cmocka_unit_test(a_file_renamed_while_the_agent_was_down_goes_on_as_the_same_stream),
        cmocka_unit_test(the_next_rotation_sends_nothing_of_the_one_before_again),
        cmocka_unit_test(a_quiet_file_renamed_waits_for_its_writer),
        cmocka_unit_test(a_file_truncated_in_place_goes_on_as_its_newest_stream_after_a_restart),
        cmocka_unit_test(a_file_truncated_in_place_is_another_stream),
        cmocka_unit_test(a_copytruncate_that_regrew_past_the_old_place_is_noticed),
        cmocka_unit_test(a_copytruncate_that_regrew_to_the_same_size_is_noticed_at_the_next_look),
        cmocka_unit_test(a_file_whose_times_alone_changed_is_the_same_stream),
        cmocka_unit_test(a_copytruncate_while_the_agent_was_down_is_noticed),
        cmocka_unit_test(a_file_deleted_while_it_is_open_is_read_to_its_end),
        cmocka_unit_test(a_file_unlinked_while_the_agent_was_down_is_lost_once),
        cmocka_unit_test(a_new_file_in_place_of_the_old_is_another_stream),
        cmocka_unit_test(a_restart_in_the_middle_sends_nothing_twice),
        cmocka_unit_test(an_unterminated_last_line_waits_for_its_end),
        cmocka_unit_test(an_unterminated_last_line_of_a_renamed_file_is_sent_as_it_is),
        cmocka_unit_test(what_cannot_be_read_does_not_stop_the_others),
        cmocka_unit_test(one_file_under_two_names_is_read_once),
        cmocka_unit_test(a_docker_partial_pending_at_the_end_is_sent_once_after_a_restart),
        cmocka_unit_test(a_partial_is_joined_with_the_next_file_of_a_backlog_that_is_read_slowly),
        cmocka_unit_test(a_line_behind_a_pending_partial_comes_again_with_the_same_extent),
        cmocka_unit_test(until_idle_twice_sends_nothing_new),
        cmocka_unit_test(a_crash_before_the_checkpoint_sends_again_under_the_same_stream),
        cmocka_unit_test(where_nothing_is_taken_heartbeats_do_not_pile_up),
        cmocka_unit_test(a_clock_that_is_set_back_holds_the_low_water_mark_back),
        cmocka_unit_test(an_event_that_waits_for_its_records_holds_the_low_water_mark_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
