/* Tests of the ends of streams: when an end is declared, what comes after it, and when a stream is forgotten. */
#include "agent_bed.h"

static void a_file_that_grows_long_after_it_was_renamed_is_read(void **state)
{
    (void)state;
    struct bed b;
    set_up(&b);
    put(&b, "a.log", "one\n");
    start(&b);
    settle(&b);
    rotate(&b, "a.log", "a.log.1", "two\n");
    pass(&b, 30);
    put(&b, "a.log.1", "three\n"); /* its writer was not told for half a minute */
    settle(&b);
    receive(&b);
    assert_int_equal(records_with(&b, "stream.end"), 0); /* it may grow again */
    rest(&b);
    stop(&b);
    assert_got(&b, "one\ntwo\nthree\n", 2);
    assert_int_equal(records_with(&b, "\"size\":10,\"read\":10,\"state\":\"whole\""), 1);
    tear_down(&b);
}

static void a_file_that_grows_after_its_end_goes_on_where_it_ended(void **state)
{
    (void)state;
    for (int restart = 0; restart < 2; restart++) {
        struct bed b;
        set_up(&b);
        put(&b, "a.log", "one\n");
        start(&b);
        settle(&b);
        rotate(&b, "a.log", "a.log.1", "two\n");
        rest(&b);
        receive(&b);
        assert_int_equal(records_with(&b, "\"size\":4,\"read\":4,\"state\":\"whole\""), 1);
        if (restart)
            stop(&b);
        rename_log(&b, "a.log.1", "a.log.2");
        put(&b, "a.log.2", "three\n");
        if (restart)
            start(&b);
        rest(&b); /* is found again, */
        rest(&b); /* and rests */
        assert_got(&b, "one\ntwo\nthree\n", 2);
        assert_int_equal(records_with(&b, "\"size\":10,\"read\":10,\"state\":\"whole\""), 1);
        rest(&b);
        stop(&b);
        assert_got(&b, "one\ntwo\nthree\n", 2);
        assert_int_equal(records_with(&b, "stream.end"), 2);
        tear_down(&b);
    }
}

static void a_rotated_file_written_anew_after_its_end_is_another_stream(void **state)
{
    (void)state;
    struct bed b;
    set_up(&b);
    put(&b, "a.log", "one\n");
    start(&b);
    settle(&b);
    rotate(&b, "a.log", "a.log.1", "two\n");
    rest(&b);
    cut_to_nothing(&b, "a.log.1");
    put(&b, "a.log.1", "three is longer\n");
    rest(&b);
    stop(&b);
    assert_got(&b, "one\ntwo\nthree is longer\n", 3);
    assert_int_equal(records_with(&b, "\"state\":\"truncated\""), 1);
    tear_down(&b);
}

static void a_file_moved_out_of_sight_that_grows_after_its_end_goes_on(void **state)
{
    (void)state;
    struct bed b;
    char away[600];
    set_up(&b);
    (void)snprintf(away, sizeof away, "%s/away", b.dir);
    put(&b, "a.log", "one\n");
    int fd = open(path_of(&b, "a.log"), O_WRONLY | O_APPEND);
    start(&b);
    settle(&b);
    assert_int_equal(rename(path_of(&b, "a.log"), away), 0);
    rest(&b);
    receive(&b);
    assert_int_equal(records_with(&b, "\"size\":4,\"read\":4,\"state\":\"whole\""), 1);
    assert_int_equal(write(fd, "two\n", 4), 4);
    close(fd);
    rest(&b);
    stop(&b);
    assert_got(&b, "one\ntwo\n", 1);
    assert_int_equal(records_with(&b, "\"size\":8,\"read\":8,\"state\":\"whole\""), 1);
    tear_down(&b);
}

static void a_deleted_file_is_read_while_it_is_waited_for_and_then_let_go(void **state)
{
    (void)state;
    struct bed b;
    set_up(&b);
    put(&b, "a.log", "one\n");
    int fd = open(path_of(&b, "a.log"), O_WRONLY | O_APPEND);
    start(&b);
    settle(&b);
    remove_log(&b, "a.log");
    pass(&b, 30);
    assert_int_equal(write(fd, "two\n", 4), 4);
    close(fd);
    rest(&b);
    rest(&b);
    turn_until_idle(&b);
    assert_null(b.agent->tail); /* nothing holds its disk space */
    put(&b, "a.log", "three\n");
    settle(&b);
    stop(&b);
    assert_got(&b, "one\ntwo\nthree\n", 2);
    assert_int_equal(records_with(&b, "\"size\":8,\"read\":8,\"state\":\"whole\""), 1);
    tear_down(&b);
}

static void a_file_that_lost_its_name_while_the_agent_was_down_is_read_under_its_rotated_name(void **state)
{
    (void)state;
    for (int once = 0; once < 2; once++) {
        struct bed b;
        set_up(&b);
        put(&b, "a.log", "one\n");
        run_once(&b);
        put(&b, "a.log", "two\n");
        rename_log(&b, "a.log", "a.log.1"); /* and nobody makes a new one */
        b.opt.until_idle = once;
        start(&b);
        if (once) {
            wait_until_done(&b);
        } else {
            rest(&b);
            rest(&b);
            stop(&b);
        }
        assert_got(&b, "one\ntwo\n", 1);
        assert_int_equal(records_with(&b, "\"state\":\"whole\""), 1);
        assert_int_equal(records_with(&b, "\"state\":\"lost\""), 0);
        tear_down(&b);
    }
}

static void a_file_that_gets_its_name_back_goes_on(void **state)
{
    (void)state;
    for (int ended = 0; ended < 2; ended++) {
        struct bed b;
        set_up(&b);
        put(&b, "a.log", "one\n");
        start(&b);
        settle(&b);
        rename_log(&b, "a.log", "a.log.1");
        if (ended)
            rest(&b);
        else
            settle(&b);
        rename_log(&b, "a.log.1", "a.log");
        put(&b, "a.log", "two\n");
        rest(&b);
        put(&b, "a.log", "three\n");
        rest(&b);
        stop(&b);
        assert_got(&b, "one\ntwo\nthree\n", 1);
        assert_int_equal(records_with(&b, "stream.end"), (size_t)ended);
        tear_down(&b);
    }
}

/* Nobody can look at it again, so it is not waited for, and the next start does not miss it. */
static void a_deleted_file_ends_with_the_agent_and_is_not_lost_after_it(void **state)
{
    (void)state;
    struct bed b;
    set_up(&b);
    put(&b, "a.log", "one\n");
    start(&b);
    settle(&b);
    remove_log(&b, "a.log");
    stop(&b);
    run_once(&b);
    assert_got(&b, "one\n", 1);
    assert_int_equal(records_with(&b, "\"size\":4,\"read\":4,\"state\":\"unknown\""), 1);
    assert_int_equal(records_with(&b, "\"state\":\"lost\""), 0);
    tear_down(&b);
}

/* ---- forgetting ---- */

enum { HOURS = 3600 };

static uint32_t logs_known(const struct agent *a)
{
    uint32_t n = 0;
    for (const struct found *f = a->found; f; f = f->next)
        n++;
    return n;
}

static void a_log_that_vanished_is_forgotten_when_it_was_gone_long_enough(void **state)
{
    (void)state;
    for (int hours = 0; hours < 3; hours += 2) {
        struct bed b;
        set_up(&b);
        put(&b, "a.log", "one\n");
        put(&b, "b.log", "two\n");
        start(&b);
        settle(&b);
        remove_log(&b, "a.log");
        rest(&b);
        for (int i = 0; i < 3; i++)
            pass(&b, hours * HOURS);
        assert_int_equal(logs_known(b.agent), hours ? 1 : 2);
        stop(&b);
        assert_int_equal(rows_kept(&b), hours ? 1 : 2);
        assert_got(&b, "one\ntwo\n", 2);
        put(&b, "b.log", "three\n");
        run_once(&b);
        assert_got(&b, "one\ntwo\nthree\n", 2);
        assert_int_equal(records_with(&b, "\"state\":\"lost\""), 0);
        tear_down(&b);
    }
}

static void a_stream_is_kept_while_its_file_is_there_under_a_rotated_name(void **state)
{
    (void)state;
    for (int gone = 0; gone < 3; gone++) { /* 1: the rotated file, 2: the log, too, while the agent is down */
        struct bed b;
        set_up(&b);
        put(&b, "a.log", "one\n");
        start(&b);
        settle(&b);
        rotate(&b, "a.log", "a.log.1", "two\n");
        rest(&b);
        rename_log(&b, "a.log.1", "a.log.2");
        if (gone)
            remove_log(&b, "a.log.2");
        if (gone == 2) {
            stop(&b);
            remove_log(&b, "a.log");
            start(&b);
        }
        for (int i = 0; i < 3; i++)
            pass(&b, 2 * HOURS);
        stop(&b);
        assert_int_equal(rows_kept(&b), 2 - gone);
        run_once(&b);
        assert_got(&b, "one\ntwo\n", 2);
        assert_int_equal(records_with(&b, "\"state\":\"lost\""), gone == 2);
        tear_down(&b);
    }
}

static void streams_of_a_file_truncated_again_and_again_are_forgotten(void **state)
{
    (void)state;
    struct bed b;
    set_up(&b);
    put(&b, "a.log", "one\ntwo\n");
    start(&b);
    settle(&b);
    for (int i = 0; i < 5; i++) {
        cut_to_nothing(&b, "a.log");
        pass(&b, 0);
        put(&b, "a.log", "three\n");
        pass(&b, 0);
    }
    for (int i = 0; i < 2; i++)
        pass(&b, 2 * HOURS);
    stop(&b);
    assert_int_equal(rows_kept(&b), 1);
    receive(&b);
    assert_int_equal(b.stream_count, 6);
    assert_each_byte_once(&b);
    tear_down(&b);
}

static int greatest_generation(void *arg, struct checkpoint_row *row)
{
    uint64_t *max = arg;
    *max = row->stream.generation > *max ? row->stream.generation : *max;
    dw_free(row->path);
    return DW_OK;
}

static uint64_t generation_of(const struct bed *b)
{
    char path[640];
    struct checkpoint *c;
    uint64_t max = 0;
    (void)snprintf(path, sizeof path, "%s/agent/checkpoint.db", b->data);
    assert_int_equal(checkpoint_open(path, &c), DW_OK);
    assert_int_equal(checkpoint_rows(c, greatest_generation, &max), DW_OK);
    checkpoint_close(c);
    return max;
}

/* Where files have no birth time, generations alone tell a new file in an old place from the forgotten one. */
static void a_log_that_comes_back_after_it_was_forgotten_has_a_generation_never_used(void **state)
{
    (void)state;
    struct bed b;
    set_up(&b);
    for (int i = 0; i < 3; i++) {
        put(&b, "a.log", "one\n");
        start(&b);
        settle(&b);
        if (i)
            rotate(&b, "a.log", "a.log.1", "two\n");
        stop(&b);
        uint64_t before = generation_of(&b);
        remove_log(&b, "a.log");
        if (i)
            remove_log(&b, "a.log.1");
        start(&b);
        for (int k = 0; k < 3; k++)
            pass(&b, 2 * HOURS);
        stop(&b);
        assert_int_equal(rows_kept(&b), 0);
        put(&b, "a.log", "three\n");
        run_once(&b);
        assert_true(generation_of(&b) > before);
    }
    tear_down(&b);
}

/* One listing serves all logs of a folder. */
static void logs_of_one_folder_take_their_own_rotated_files(void **state)
{
    (void)state;
    static const char *const names[] = {"a.log", "a.log.0.log", "ab.log", "b.log", "b.logs.log"};
    struct bed b;
    struct dw_buf want = {0};
    set_up(&b);
    for (size_t i = 0; i < DW_COUNT_OF(names); i++) {
        for (int k = 3; k >= 0; k--) {
            char name[64], line[64];
            (void)snprintf(name, sizeof name, k ? "%s.%d" : "%s", names[i], k);
            (void)snprintf(line, sizeof line, "%s %d\n", names[i], k);
            put(&b, name, line);
            dw_buf_str(&want, dw_str_of(line));
        }
    }
    dw_buf_byte(&want, 0);
    run_once(&b);
    run_once(&b);
    assert_got(&b, want.ptr, 4 * DW_COUNT_OF(names));
    dw_buf_fini(&want);
    tear_down(&b);
}

/* Goal:   what copytruncate left is read on in the copy that the service manager kept, though rotation has deleted it since.
 * Method: a log is read, grows, is copied and truncated while the agent is down; the copy is deleted, and handed over as a descriptor. */
static void a_copy_that_was_deleted_goes_on_in_what_was_kept(void **state)
{
    (void)state;
    struct bed b;
    set_up(&b);
    put(&b, "a.log", "one\ntwo\n");
    run_once(&b);
    put(&b, "a.log.1", "one\ntwo\nthree\n");
    cut_to_nothing(&b, "a.log");
    put(&b, "a.log", "four\n");
    struct dw_service_fd kept = {.fd = open(path_of(&b, "a.log.1"), O_RDONLY), .name = "1-1"};
    struct dw_service service = {.socket = -1, .kept = &kept, .kept_count = 1};
    assert_true(kept.fd >= 0);
    remove_log(&b, "a.log.1");
    start(&b);
    b.agent->service = &service;
    rest(&b);
    stop(&b);
    assert_got(&b, "one\ntwo\nthree\nfour\n", 2);
    assert_int_equal(kept.fd, -1);
    assert_int_equal(records_with(&b, "\"state\":\"lost\""), 0);
    tear_down(&b);
}

/* Goal:   a kept file is not taken for what copytruncate made of a log of which nothing was read.
 * Method: an empty log is deleted while the agent is down, beside another one whose kept file is handed over. */
static void what_was_kept_of_another_log_is_no_copy_of_an_empty_one(void **state)
{
    (void)state;
    struct bed b;
    set_up(&b);
    put(&b, "a.log", "");
    put(&b, "b.log", "one\n");
    run_once(&b);
    put(&b, "b.log", "two\n");
    struct dw_service_fd kept = {.fd = open(path_of(&b, "b.log"), O_RDONLY), .name = "1-1"};
    struct dw_service service = {.socket = -1, .kept = &kept, .kept_count = 1};
    assert_true(kept.fd >= 0);
    remove_log(&b, "a.log");
    remove_log(&b, "b.log");
    start(&b);
    b.agent->service = &service;
    rest(&b);
    stop(&b);
    assert_got(&b, "one\ntwo\n", 1);
    assert_int_equal(records_with(&b, "\"state\":\"lost\""), 1); /* the empty one: what was written to it since nobody knows */
    tear_down(&b);
}

static struct dw_service_fd handed_fd;
static struct dw_service handed = {.socket = -1, .kept = &handed_fd};

static void hand_over(struct bed *b, const char *name)
{
    put(b, "a.log", "one\n");
    run_once(b);
    put(b, "a.log", "two\n");
    handed_fd.fd = open(path_of(b, "a.log"), O_RDONLY);
    (void)snprintf(handed_fd.name, sizeof handed_fd.name, "%s", name);
    handed.kept_count = 1;
    assert_true(handed_fd.fd >= 0);
    remove_log(b, "a.log");
    start(b);
    b->agent->service = &handed;
}

static void hand_ours(struct bed *b)
{
    hand_over(b, "1-1");
}

static void hand_of_another_build(struct bed *b)
{
    hand_over(b, "1f-2a");
}

/* Goal:   a deleted file that was kept is read on although a call fails, under whatever name it was kept.
 * Method: each call of the first look fails in turn. */
static void what_was_kept_is_read_on_although_a_call_fails(void **state)
{
    (void)state;
    assert_whole_whichever_call_fails(hand_ours, NULL, "one\ntwo\n", 1);
    assert_whole_whichever_call_fails(hand_of_another_build, NULL, "one\ntwo\n", 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_file_that_grows_long_after_it_was_renamed_is_read),
        cmocka_unit_test(a_file_that_grows_after_its_end_goes_on_where_it_ended),
        cmocka_unit_test(a_rotated_file_written_anew_after_its_end_is_another_stream),
        cmocka_unit_test(a_file_moved_out_of_sight_that_grows_after_its_end_goes_on),
        cmocka_unit_test(a_deleted_file_is_read_while_it_is_waited_for_and_then_let_go),
        cmocka_unit_test(a_file_that_lost_its_name_while_the_agent_was_down_is_read_under_its_rotated_name),
        cmocka_unit_test(a_file_that_gets_its_name_back_goes_on),
        cmocka_unit_test(a_deleted_file_ends_with_the_agent_and_is_not_lost_after_it),
        cmocka_unit_test(a_log_that_vanished_is_forgotten_when_it_was_gone_long_enough),
        cmocka_unit_test(a_stream_is_kept_while_its_file_is_there_under_a_rotated_name),
        cmocka_unit_test(streams_of_a_file_truncated_again_and_again_are_forgotten),
        cmocka_unit_test(a_copy_that_was_deleted_goes_on_in_what_was_kept),
        cmocka_unit_test(what_was_kept_of_another_log_is_no_copy_of_an_empty_one),
        cmocka_unit_test(what_was_kept_is_read_on_although_a_call_fails),
        cmocka_unit_test(a_log_that_comes_back_after_it_was_forgotten_has_a_generation_never_used),
        cmocka_unit_test(logs_of_one_folder_take_their_own_rotated_files),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
