/* Tests of names: which files are rotated ones of which log, whatever the rotation calls them; and files that cannot be read. */
#include "agent_bed.h"

/* Every file of the folder is named by configuration, rotated ones too. */
static void set_up_all(struct bed *b)
{
    set_up(b);
    (void)snprintf(b->glob, sizeof b->glob, "%s/*", b->logs);
    b->list = dw_str_of(b->glob);
}

static void a_rotated_file_that_a_glob_names_too_is_read_once(void **state)
{
    (void)state;
    struct bed b;
    set_up_all(&b);
    put(&b, "auth", "one\n");
    start(&b);
    settle(&b);
    rename_log(&b, "auth", "auth.1");
    put(&b, "auth", "two\n");
    rest(&b);
    rest(&b);
    rename_log(&b, "auth.1", "auth.2");
    rename_log(&b, "auth", "auth.1");
    put(&b, "auth", "three\n");
    rest(&b);
    stop(&b);
    start(&b);
    rest(&b);
    stop(&b);
    assert_got(&b, "one\ntwo\nthree\n", 3);
    tear_down(&b);
}

static void a_rotated_file_that_was_there_first_belongs_to_its_log(void **state)
{
    (void)state;
    struct bed b;
    set_up_all(&b);
    put(&b, "syslog.2", "of before the first start\n");
    compress_log(&b, "syslog.2");
    put(&b, "syslog.1", "old\n");
    put(&b, "syslog", "new\n");
    run_once(&b);
    assert_got(&b, "old\nnew\n", 2);
    tear_down(&b);
}

static void names_that_rotation_makes_while_the_agent_is_down_are_found(void **state)
{
    (void)state;
    static const char *const to[] = {"a.log-20261125", "a.log.20261125-101112", "a.log_2026-11-25T10:11:12Z", "a.log.old", "a.log.7"};
    for (size_t i = 0; i < DW_COUNT_OF(to); i++) {
        struct bed b;
        set_up(&b);
        put(&b, "a.log", "one\n");
        run_once(&b);
        put(&b, "a.log", "two\n");
        rename_log(&b, "a.log", to[i]);
        put(&b, "a.log", "three\n");
        run_once(&b);
        assert_got(&b, "one\ntwo\nthree\n", 2);
        assert_int_equal(records_with(&b, "\"state\":\"lost\""), 0);
        tear_down(&b);
    }
}

static void a_file_that_only_begins_like_a_log_is_its_own(void **state)
{
    (void)state;
    static const char *const names[] = {"app", "app-worker", "app.error", "app_2x", "app.log", "app.gz"};
    char base[AGENT_PATH_MAX];
    struct bed b;
    set_up_all(&b);
    for (size_t i = 0; i < DW_COUNT_OF(names); i++) {
        (void)snprintf(base, sizeof base, "/x/%s", names[i]);
        assert_false(folder_rotated(base));
        put(&b, names[i], "line\n");
    }
    run_once(&b);
    assert_got(&b, "line\nline\nline\nline\nline\nline\n", 6);
    tear_down(&b);
}

static void the_name_of_the_log_is_cut_out(void **state)
{
    (void)state;
    static const char *const names[][2] = {{"/x/a.log.1", "/x/a.log"}, {"/x/a.log-20261125.1", "/x/a.log"}, {"/x-1/a.old", "/x-1/a"},
        {"/x/0.log.20261123-211418", "/x/0.log"}, {"/x/a.log.2.gz", "/x/a.log"}};
    for (size_t i = 0; i < DW_COUNT_OF(names); i++) {
        char path[AGENT_PATH_MAX];
        (void)snprintf(path, sizeof path, "%s", names[i][0]);
        assert_true(folder_rotated(path));
        assert_string_equal(path, names[i][1]);
    }
}

/* Goal:   what stop may take is bounded: a log that is written as fast as it is read does not keep the agent.
 * Method: the clock runs ahead by more than the time to read between two turns. */
static void stopping_reads_no_longer_than_it_may(void **state)
{
    (void)state;
    struct bed b;
    bool more;
    set_up(&b);
    put(&b, "a.log", "one\n");
    start(&b);
    settle(&b);
    put(&b, "a.log", "two\n");
    agent_stop(b.agent, DW_NS_PER_S, "by a test");
    b.clock.ahead_ns += 2 * DW_NS_PER_S;
    assert_int_equal(agent_turn(b.agent, &more), DW_OK);
    assert_true(b.agent->stopping);
    wait_until_done(&b);
    tear_down(&b);
}

static int refuse_read(const struct dw_fs *fs, int fd, void *bytes, size_t len, uint64_t at, size_t *ret)
{
    (void)fs;
    (void)fd;
    (void)bytes;
    (void)len;
    (void)at;
    (void)ret;
    return DW_EIO;
}

static void a_file_that_cannot_be_read_is_not_whole(void **state)
{
    (void)state;
    struct bed b;
    struct dw_fs_ops ops = *dw_fs_system.ops;
    struct dw_fs broken = {.ops = &ops};
    ops.pread = refuse_read;
    set_up(&b);
    put(&b, "a.log", "one\n");
    start(&b);
    settle(&b);
    put(&b, "a.log", "two\n");
    b.agent->fs = &broken;
    rename_log(&b, "a.log", "a.log.1");
    rest(&b);
    rest(&b);
    b.agent->fs = &dw_fs_system;
    stop(&b);
    receive(&b);
    assert_int_equal(records_with(&b, "\"state\":\"whole\""), 0);
    assert_int_equal(records_with(&b, "\"size\":8,\"read\":4,\"state\":\"lost\""), 1);
    tear_down(&b);
}

static void a_file_that_can_be_read_again_is(void **state)
{
    (void)state;
    struct bed b;
    struct dw_fs_ops ops = *dw_fs_system.ops;
    struct dw_fs broken = {.ops = &ops};
    ops.pread = refuse_read;
    set_up(&b);
    put(&b, "a.log", "one\n");
    start(&b);
    settle(&b);
    put(&b, "a.log", "two\n");
    b.agent->fs = &broken;
    settle(&b);
    b.agent->fs = &dw_fs_system;
    settle(&b);
    stop(&b);
    assert_got(&b, "one\ntwo\n", 1);
    tear_down(&b);
}

static void rotate_twice(struct bed *b)
{
    put(b, "a.log", "one\n");
    start(b);
    settle(b);
    rename_log(b, "a.log", "a.log.2");
    put(b, "a.log", "two\n");
    rotate(b, "a.log", "a.log.1", "three\n");
}

/* As if the files had come long before: births cannot be set. */
static void age(struct bed *b)
{
    b->agent->found->looked_ns += 60 * DW_NS_PER_S;
}

/* Goal:   a file that cannot be read for a moment is read, rotated before anybody saw it or not.
 * Method: two rotations between two looks; each call of the second look fails in turn. */
static void what_cannot_be_read_now_is_read_later(void **state)
{
    (void)state;
    assert_whole_whichever_call_fails(rotate_twice, age, "one\ntwo\nthree\n", 3);
}

/* Goal:   the end of a file that gave way is not called whole while it cannot be read.
 * Method: its last line has no end, so it is given out with the file's; each call fails in turn. */
static void an_end_that_cannot_be_read_now_is_read_later(void **state)
{
    (void)state;
    bool hits = true;
    for (int nth = 1; hits; nth++) {
        struct bed b;
        set_up(&b);
        put(&b, "a.log", "one\ntw");
        start(&b);
        settle(&b);
        rotate(&b, "a.log", "a.log.1", "three\n");
        hits = passes_failing(&b, nth, rest);
        rest(&b);
        stop(&b);
        assert_got(&b, "one\ntw\nthree\n", 2);
        assert_int_equal(records_with(&b, "\"size\":4,\"read\":4,\"state\":\"whole\""), 0);
        assert_int_equal(records_with(&b, "\"size\":6,\"read\":6,\"state\":\"whole\""), 1);
        tear_down(&b);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_rotated_file_that_a_glob_names_too_is_read_once),
        cmocka_unit_test(a_rotated_file_that_was_there_first_belongs_to_its_log),
        cmocka_unit_test(names_that_rotation_makes_while_the_agent_is_down_are_found),
        cmocka_unit_test(a_file_that_only_begins_like_a_log_is_its_own),
        cmocka_unit_test(the_name_of_the_log_is_cut_out),
        cmocka_unit_test(stopping_reads_no_longer_than_it_may),
        cmocka_unit_test(a_file_that_cannot_be_read_is_not_whole),
        cmocka_unit_test(a_file_that_can_be_read_again_is),
        cmocka_unit_test(what_cannot_be_read_now_is_read_later),
        cmocka_unit_test(an_end_that_cannot_be_read_now_is_read_later),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
