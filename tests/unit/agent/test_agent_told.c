/* Logs of which the kernel tells: nothing that happens to them waits for the clock, and little makes a look at everything. */
#include "agent_bed.h"

#include <poll.h>
#include <sys/resource.h>

enum { HEARD_MS = 10000 };

struct told {
    struct bed bed;
    struct watches *watches;
};

static void on_change(void *arg, const char *dir, const char *name, enum watch_what what)
{
    scan_note(arg, dir, name, what);
}

static void on_missed(void *arg)
{
    scan_missed(arg);
}

static void begin(struct told *t)
{
    set_up(&t->bed);
    assert_int_equal(watches_new(&t->watches), DW_OK);
}

static void open_told(struct told *t)
{
    start(&t->bed);
    t->bed.agent->watches = t->watches;
}

static void end(struct told *t)
{
    tear_down(&t->bed);
    watches_free(t->watches);
}

static void end_with_lines(struct told *t, const char *lines, uint32_t streams)
{
    end_with(&t->bed, lines, streams);
    watches_free(t->watches);
}

/* Everything that the kernel has told so far is taken, and turned. Less time passes than what goes by the clock waits for. */
static void hear(struct told *t)
{
    struct pollfd p = {.fd = watches_fd(t->watches), .events = POLLIN};
    assert_int_equal(poll(&p, 1, HEARD_MS), 1);
    t->bed.clock.ahead_ns += DW_NS_PER_S / 2; /* looks at everything do not follow each other at once */
    watches_hear(t->watches, &(struct watch_ear){.arg = t->bed.agent, .change = on_change, .missed = on_missed});
    turn_until_idle(&t->bed);
}

/* Long enough for streams to rest, and no look at everything is due. */
static void let_rest(struct told *t)
{
    struct agent *a = t->bed.agent;
    for (int i = 0; i < 30; i++) {
        t->bed.clock.ahead_ns += DW_NS_PER_S;
        turn_until_idle(&t->bed);
    }
    assert_null(a->tail);
    assert_non_null(a->resting);
    assert_false(a->untold);
}

static void a_stream_rests_and_goes_on_when_its_file_is_written_to(void **state)
{
    (void)state;
    struct told t;
    begin(&t);
    put(&t.bed, "a.log", "one\n");
    put(&t.bed, "b.log", "two\n");
    open_told(&t);
    let_rest(&t);
    int64_t looked_ns = t.bed.agent->last_all_ns;
    assert_null(t.bed.agent->resting->stream.field); /* what frames want to know is let go */
    put(&t.bed, "a.log", "three\n");
    hear(&t);
    assert_int_equal(t.bed.agent->last_all_ns, looked_ns);
    assert_non_null(t.bed.agent->tail);
    assert_null(t.bed.agent->tail->next); /* the other one still rests */
    end_with_lines(&t, "one\nthree\ntwo\n", 2);
}

static void a_new_log_is_found_at_once(void **state)
{
    (void)state;
    struct told t;
    begin(&t);
    put(&t.bed, "a.log", "one\n");
    open_told(&t);
    let_rest(&t);
    put(&t.bed, "b.log", "two\n");
    hear(&t);
    assert_int_equal(t.bed.agent->tail_count, 2);
    end_with_lines(&t, "one\ntwo\n", 2);
}

static void a_rotated_log_is_looked_at_alone(void **state)
{
    (void)state;
    struct told t;
    begin(&t);
    put(&t.bed, "a.log", "one\n");
    put(&t.bed, "b.log", "two\n");
    open_told(&t);
    let_rest(&t);
    int64_t looked_ns = t.bed.agent->last_all_ns;
    put(&t.bed, "a.log", "three\n");
    rotate(&t.bed, "a.log", "a.log.1", "four\n");
    hear(&t);
    assert_int_equal(t.bed.agent->last_all_ns, looked_ns);
    assert_int_equal(t.bed.agent->tail_count, 3);
    put(&t.bed, "a.log.1", "late\n");
    hear(&t);
    end_with_lines(&t, "four\nlate\none\nthree\ntwo\n", 3);
}

static void names_that_are_no_logs_make_no_look_at_everything(void **state)
{
    (void)state;
    struct told t;
    begin(&t);
    put(&t.bed, "a.log", "one\n");
    open_told(&t);
    let_rest(&t);
    int64_t looked_ns = t.bed.agent->last_all_ns;
    put(&t.bed, "lock", "x");
    put(&t.bed, "a.txt", "x");
    hear(&t);
    assert_int_equal(t.bed.agent->last_all_ns, looked_ns);
    assert_non_null(t.bed.agent->resting);
    stop(&t.bed);
    end(&t);
}

/* The folder of the logs is not there in the beginning, nor the one above it. */
static void folders_that_come_later_are_found_at_once(void **state)
{
    (void)state;
    struct told t;
    char pattern[700];
    begin(&t);
    (void)snprintf(pattern, sizeof pattern, "%s/x*/y/*.log", t.bed.logs);
    t.bed.list = dw_str_of(pattern);
    open_told(&t);
    settle(&t.bed);
    assert_false(t.bed.agent->untold);
    assert_int_equal(mkdir(path_of(&t.bed, "x1"), 0700), 0);
    hear(&t);
    assert_int_equal(mkdir(path_of(&t.bed, "x1/y"), 0700), 0);
    hear(&t);
    put(&t.bed, "x1/y/a.log", "one\n");
    hear(&t);
    assert_int_equal(t.bed.agent->tail_count, 1);
    end_with_lines(&t, "one\n", 1);
}

/* a.log -> far/link -> far/real: each of the three may be written to or set anew. */
static void a_log_behind_links_is_told_of(void **state)
{
    (void)state;
    struct told t;
    begin(&t);
    assert_int_equal(mkdir(path_of(&t.bed, "far"), 0700), 0);
    put(&t.bed, "far/real", "one\n");
    put(&t.bed, "far/other", "three\n");
    assert_int_equal(symlink("real", path_of(&t.bed, "far/link")), 0);
    assert_int_equal(symlink("far/link", path_of(&t.bed, "a.log")), 0);
    open_told(&t);
    let_rest(&t);
    put(&t.bed, "far/real", "two\n");
    hear(&t);
    assert_non_null(t.bed.agent->tail);
    assert_int_equal(symlink("other", path_of(&t.bed, "far/new")), 0);
    rename_log(&t.bed, "far/new", "far/link");
    hear(&t);
    assert_int_equal(t.bed.agent->tail_count, 2);
    end_with_lines(&t, "one\nthree\ntwo\n", 2);
}

/* The folder where all begins is a link that is set anew. */
static void a_root_that_is_another_one_is_seen_by_the_clock(void **state)
{
    (void)state;
    struct told t;
    char pattern[700];
    begin(&t);
    assert_int_equal(mkdir(path_of(&t.bed, "v1"), 0700), 0);
    assert_int_equal(mkdir(path_of(&t.bed, "v2"), 0700), 0);
    put(&t.bed, "v1/a.log", "one\n");
    put(&t.bed, "v2/a.log", "two\n");
    assert_int_equal(symlink("v1", path_of(&t.bed, "now")), 0);
    (void)snprintf(pattern, sizeof pattern, "%s/now/*.log", t.bed.logs);
    t.bed.list = dw_str_of(pattern);
    open_told(&t);
    let_rest(&t);
    assert_int_equal(symlink("v2", path_of(&t.bed, "next")), 0);
    rename_log(&t.bed, "next", "now");
    settle(&t.bed);
    end_with_lines(&t, "one\ntwo\n", 2);
}

/* A link among the folders on the way may be set anew unseen: below it all goes by the clock. */
static void what_cannot_be_told_goes_by_the_clock(void **state)
{
    (void)state;
    struct told t;
    char pattern[700];
    begin(&t);
    assert_int_equal(mkdir(path_of(&t.bed, "v1"), 0700), 0);
    put(&t.bed, "v1/a.log", "one\n");
    assert_int_equal(symlink("v1", path_of(&t.bed, "now")), 0);
    (void)snprintf(pattern, sizeof pattern, "%s/*/*.log", t.bed.logs);
    t.bed.list = dw_str_of(pattern);
    open_told(&t);
    settle(&t.bed);
    assert_true(t.bed.agent->untold);
    stop(&t.bed);
    end(&t);
}

/* By another name a file may be written to unseen. */
static void a_file_with_two_names_goes_by_the_clock(void **state)
{
    (void)state;
    struct told t;
    char far[700];
    begin(&t);
    put(&t.bed, "a.log", "one\n");
    (void)snprintf(far, sizeof far, "%s/far", t.bed.dir);
    assert_int_equal(link(path_of(&t.bed, "a.log"), far), 0);
    open_told(&t);
    for (int i = 0; i < 6; i++)
        settle(&t.bed);
    int fd = open(far, O_WRONLY | O_APPEND);
    assert_int_equal(write(fd, "two\n", 4), 4);
    close(fd);
    settle(&t.bed);
    end_with_lines(&t, "one\ntwo\n", 1);
}

/* What was lost between kernel and us is made good by a look at everything. */
static void after_something_was_missed_all_is_looked_at(void **state)
{
    (void)state;
    struct told t;
    begin(&t);
    put(&t.bed, "a.log", "one\n");
    open_told(&t);
    let_rest(&t);
    put(&t.bed, "a.log", "two\n");
    put(&t.bed, "b.log", "three\n");
    t.bed.clock.ahead_ns += DW_NS_PER_S / 2;
    scan_missed(t.bed.agent);
    turn_until_idle(&t.bed);
    assert_int_equal(t.bed.agent->tail_count, 2);
    end_with_lines(&t, "one\nthree\ntwo\n", 2);
}

/* A log that is deleted and made anew, in a folder that is made anew. */
static void folders_made_anew_are_told_of_again(void **state)
{
    (void)state;
    struct told t;
    char pattern[700];
    begin(&t);
    (void)snprintf(pattern, sizeof pattern, "%s/d/*.log", t.bed.logs);
    t.bed.list = dw_str_of(pattern);
    assert_int_equal(mkdir(path_of(&t.bed, "d"), 0700), 0);
    put(&t.bed, "d/a.log", "one\n");
    open_told(&t);
    let_rest(&t);
    for (int i = 0; i < 3; i++) {
        remove_log(&t.bed, "d/a.log");
        assert_int_equal(rmdir(path_of(&t.bed, "d")), 0);
        assert_int_equal(mkdir(path_of(&t.bed, "d"), 0700), 0);
        settle(&t.bed);
        put(&t.bed, "d/a.log", i == 0 ? "two\n" : i == 1 ? "three\n" : "four\n");
        hear(&t);
    }
    end_with_lines(&t, "four\none\nthree\ntwo\n", 4);
}

static void a_log_that_was_gone_at_the_start_is_found_when_it_comes(void **state)
{
    (void)state;
    struct told t;
    begin(&t);
    put(&t.bed, "a.log", "one\n");
    start(&t.bed);
    settle(&t.bed);
    kill_agent(&t.bed);
    rename_log(&t.bed, "a.log", "a.log.1");
    open_told(&t);
    rest(&t.bed);
    assert_non_null(t.bed.agent->found);
    put(&t.bed, "a.log", "two\n");
    hear(&t);
    stop(&t.bed);
    assert_got(&t.bed, "one\ntwo\n", 2);
    end(&t);
}

/* Goal:   what rotation left of a log that has no name is looked for as soon as it comes.
 * Method: it comes from where no log is, so that its own name is never told of. */
static void what_rotation_left_of_a_log_is_found_at_once(void **state)
{
    (void)state;
    struct told t;
    begin(&t);
    put(&t.bed, "a.log", "one\n");
    open_told(&t);
    settle(&t.bed);
    put(&t.bed, "made", "two\n");
    hear(&t);
    int64_t looked_ns = t.bed.agent->last_all_ns;
    rename_log(&t.bed, "made", "b.log.1");
    hear(&t);
    assert_int_not_equal(t.bed.agent->last_all_ns, looked_ns);
    end_with_lines(&t, "one\ntwo\n", 2);
}

/* Goal:   where a folder could not be listed it is not as if there were no logs in it until the next look at everything.
 * Method: no descriptors are left during one look. */
static void a_folder_that_cannot_be_listed_is_looked_at_again_soon(void **state)
{
    (void)state;
    struct told t;
    struct rlimit was, none;
    begin(&t);
    put(&t.bed, "a.log", "one\n");
    open_told(&t);
    let_rest(&t);
    wait_for_writer(&t.bed);
    int free_fd = dup(STDERR_FILENO);
    assert_true(free_fd >= 0);
    assert_int_equal(close(free_fd), 0);
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &was), 0);
    none = (struct rlimit){.rlim_cur = (rlim_t)free_fd, .rlim_max = was.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
    t.bed.clock.ahead_ns += DW_NS_PER_S / 2;
    scan_missed(t.bed.agent);
    turn_until_idle(&t.bed);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &was), 0);
    assert_true(t.bed.agent->partial);
    settle(&t.bed);
    assert_false(t.bed.agent->partial);
    put(&t.bed, "a.log", "two\n");
    hear(&t);
    end_with_lines(&t, "one\ntwo\n", 1);
}

/* Goal:   what was read of a file that gzip took is not read again hours later, when the log is rotated next and its stream is long forgotten.
 * Method: nothing happens in between, so no look comes after the compressed file but the one that it caused. */
static void a_packed_file_is_not_read_again_once_its_stream_is_forgotten(void **state)
{
    (void)state;
    struct told t;
    begin(&t);
    t.bed.opt.forget_after = 60 * DW_NS_PER_S;
    put(&t.bed, "a.log", "one\n");
    open_told(&t);
    let_rest(&t);
    rotate(&t.bed, "a.log", "a.log.1", "two\n");
    hear(&t);
    for (int i = 0; i < 10; i++)
        pass(&t.bed, 3); /* the file that gave way is over */
    compress_log(&t.bed, "a.log.1");
    hear(&t);
    for (int i = 0; i < 40; i++)
        pass(&t.bed, 20);
    rename_log(&t.bed, "a.log.1.gz", "a.log.2.gz");
    rotate(&t.bed, "a.log", "a.log.1", "three\n");
    hear(&t);
    end_with_lines(&t, "one\nthree\ntwo\n", 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_stream_rests_and_goes_on_when_its_file_is_written_to),
        cmocka_unit_test(a_new_log_is_found_at_once),
        cmocka_unit_test(a_rotated_log_is_looked_at_alone),
        cmocka_unit_test(names_that_are_no_logs_make_no_look_at_everything),
        cmocka_unit_test(folders_that_come_later_are_found_at_once),
        cmocka_unit_test(a_log_behind_links_is_told_of),
        cmocka_unit_test(a_root_that_is_another_one_is_seen_by_the_clock),
        cmocka_unit_test(what_cannot_be_told_goes_by_the_clock),
        cmocka_unit_test(a_file_with_two_names_goes_by_the_clock),
        cmocka_unit_test(after_something_was_missed_all_is_looked_at),
        cmocka_unit_test(folders_made_anew_are_told_of_again),
        cmocka_unit_test(a_log_that_was_gone_at_the_start_is_found_when_it_comes),
        cmocka_unit_test(what_rotation_left_of_a_log_is_found_at_once),
        cmocka_unit_test(a_folder_that_cannot_be_listed_is_looked_at_again_soon),
        cmocka_unit_test(a_packed_file_is_not_read_again_once_its_stream_is_forgotten),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
