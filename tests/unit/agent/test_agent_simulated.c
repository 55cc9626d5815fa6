/*
 * What the simulator (tests/sim) found in the agent, each without it.
 */
#include "agent_bed.h"

/* Goal:   two outputs, each in the middle of a line when the log is rotated: the file is kept until both have gone on.
 * Method: the second comes long after the first, and after everything that waits for a rotated file. */
static void a_line_of_each_output_waits_over_a_rotation(void **state)
{
    (void)state;
    struct bed b;
    set_up(&b);
    b.opt.join_idle = 3600 * DW_NS_PER_S;
    put(&b, "a.log", "2026-11-29T00:00:00.000000001Z stdout P one, \n2026-11-29T00:00:00.000000002Z stderr P two, \n");
    start(&b);
    settle(&b);
    rotate(&b, "a.log", "a.log.1", "2026-11-29T00:00:00.000000003Z stdout F and one\n");
    rest(&b);
    rest(&b);
    put(&b, "a.log", "2026-11-29T00:00:00.000000004Z stderr F and two\n");
    settle(&b);
    stop(&b);
    receive(&b);
    sort_lines(&b.lines);
    dw_buf_byte(&b.lines, 0);
    assert_string_equal(b.lines.ptr, "one, and one\ntwo, and two\n");
    tear_down(&b);
}

/* Goal:   a line goes on in the next file, and its beginning was written after the last look at the file before, of which nobody tells.
 * Method: the file is told to be read to its end when the next one is opened. */
static void what_a_file_got_before_the_next_was_made_is_read_before_it(void **state)
{
    (void)state;
    struct bed b;
    set_up(&b);
    put(&b, "a.log", "2026-11-29T00:00:00.000000001Z stdout F zero\n");
    start(&b);
    settle(&b);
    struct tail *old = b.agent->tail;
    put(&b, "a.log", "2026-11-29T00:00:00.000000002Z stdout P one, \n");
    rotate(&b, "a.log", "a.log.1", "2026-11-29T00:00:00.000000003Z stdout F and one\n");
    tails_look(b.agent, b.agent->found);
    old->dirty = false;
    assert_ptr_equal(b.agent->tail->before ? b.agent->tail->before : old->next->before, old);
    assert_int_equal(agent_turn(b.agent, &(bool){false}), DW_OK);
    settle(&b);
    stop(&b);
    assert_got(&b, "zero\none, and one\n", 2);
    tear_down(&b);
}

/* A file may be truncated and written anew between the reading and what is remembered of it. */
static void what_was_read_tells_a_file_and_not_what_stands_there_since(void **state)
{
    (void)state;
    struct bed b;
    bool same = true;
    set_up(&b);
    put(&b, "a.log", "a line\n");
    start(&b);
    settle(&b);
    struct tail *t = b.agent->tail;
    print_take(b.agent, t->fd, 7, DW_STR("a line\n"), &t->print);
    assert_int_equal(print_check(b.agent, t->fd, &t->print, &same), DW_OK);
    assert_true(same);
    print_take(b.agent, t->fd, 7, DW_STR("line\n"), &t->print); /* the rest is read */
    assert_int_equal(print_check(b.agent, t->fd, &t->print, &same), DW_OK);
    assert_true(same);
    print_take(b.agent, t->fd, 7, DW_STR("other\n"), &t->print);
    assert_int_equal(print_check(b.agent, t->fd, &t->print, &same), DW_OK);
    assert_false(same);
    stop(&b);
    tear_down(&b);
}

static void what_comes_as_a_file_ends_are_lines(void **state)
{
    (void)state;
    struct bed b;
    set_up(&b);
    put(&b, "a.log", "one\n");
    start(&b);
    settle(&b);
    put(&b, "a.log", "two\nthree\nfo");
    assert_non_null(b.agent->tail);
    assert_int_equal(tail_end(b.agent, b.agent->tail, "whole"), DW_OK);
    stop(&b);
    assert_got(&b, "one\ntwo\nthree\nfo\n", 1);
    assert_int_equal(b.count, 4);
    tear_down(&b);
}

static void a_copy_of_a_log_is_not_read_beside_it(void **state)
{
    (void)state;
    struct bed b;
    set_up(&b);
    put(&b, "a.log", "an older line\n");
    start(&b);
    settle(&b);
    rotate(&b, "a.log", "a.log.2", "one line\nanother line\n");
    rest(&b);
    put(&b, "a.log.1", "one line\n"); /* not whole yet */
    b.agent->found->look_due = true;
    settle(&b);
    put(&b, "a.log.1", "another line\n");
    b.agent->found->look_due = true;
    rest(&b);
    assert_got(&b, "an older line\none line\nanother line\n", 2);
    cut_to_nothing(&b, "a.log");
    settle(&b);
    put(&b, "a.log", "a third line\n");
    rest(&b);
    stop(&b);
    assert_got(&b, "an older line\none line\nanother line\na third line\n", 3);
    tear_down(&b);
}

/* Goal:   a copy is older than the truncation, and what was written between the two was read in the log: nothing comes twice. */
static void a_copy_of_less_than_was_read_is_not_read(void **state)
{
    (void)state;
    struct bed b;
    set_up(&b);
    put(&b, "a.log", "one line\n");
    start(&b);
    settle(&b);
    put(&b, "a.log.1", "one line\n");
    put(&b, "a.log", "a late line\n");
    settle(&b);
    cut_to_nothing(&b, "a.log");
    settle(&b);
    put(&b, "a.log", "a third line\n");
    rest(&b);
    stop(&b);
    assert_got(&b, "one line\na late line\na third line\n", 2);
    tear_down(&b);
}

static int take_row(void *arg, struct checkpoint_row *row)
{
    *(struct fingerprint *)arg = row->print;
    dw_free(row->path);
    return DW_OK;
}

static void what_tells_a_file_is_not_forgotten(void **state)
{
    (void)state;
    char path[640], name[] = "/var/log/a.log";
    struct bed b;
    struct checkpoint *c;
    struct fingerprint p = {0};
    set_up(&b);
    (void)snprintf(path, sizeof path, "%s/checkpoint.db", b.dir);
    assert_int_equal(checkpoint_open(path, &c), DW_OK);
    struct checkpoint_row first = {.path = name}, told = {.path = name, .print = {.at = 12, .len = 12, .hash = {7}}};
    assert_int_equal(checkpoint_put(c, &told), DW_OK);  /* announced */
    assert_int_equal(checkpoint_put(c, &first), DW_OK); /* made before, and written after it */
    assert_int_equal(checkpoint_rows(c, take_row, &p), DW_OK);
    assert_int_equal(p.len, 12);
    assert_int_equal(p.at, 12);
    assert_int_equal(p.hash[0], 7);
    checkpoint_close(c);
    tear_down(&b);
}

/* Goal:   a line over a rotation is joined although nobody saw the file that it begins in under the log's name.
 * Method: two rotations between two looks, the second look while nothing has the name. */
static void a_file_that_came_and_gave_way_unseen_is_followed_by_the_next(void **state)
{
    (void)state;
    struct bed b;
    set_up(&b);
    put(&b, "a.log", "2026-11-29T00:00:00.000000001Z stdout F first\n");
    start(&b);
    settle(&b);
    rename_log(&b, "a.log", "a.log.2");
    put(&b, "a.log", "2026-11-29T00:00:00.000000002Z stdout P one, \n");
    rename_log(&b, "a.log", "a.log.1");
    settle(&b);
    put(&b, "a.log", "2026-11-29T00:00:00.000000003Z stdout F two\n");
    rest(&b);
    stop(&b);
    assert_got(&b, "first\none, two\n", 3);
    tear_down(&b);
}

/* Goal:   what comes to a file after its end was declared is joined with no other file's: the next one did not wait for it, and does not at the next start.
 * Method: both end in the middle of a line when the agent is killed. */
static void what_comes_after_the_end_is_joined_with_nothing(void **state)
{
    (void)state;
    struct bed b;
    set_up(&b);
    b.opt.rotated_wait = DW_NS_PER_S;
    b.opt.join_idle = 600 * DW_NS_PER_S;
    put(&b, "a.log", "2026-11-29T00:00:00.000000001Z stderr F 1\n");
    start(&b);
    settle(&b);
    rotate(&b, "a.log", "a.log.1", "2026-11-29T00:00:00.000000002Z stdout P three, \n");
    settle(&b);
    b.opt.rotated_wait = 600 * DW_NS_PER_S;
    put(&b, "a.log.1", "2026-11-29T00:00:00.000000003Z stdout P two\n");
    settle(&b);
    put(&b, "a.log", "2026-11-29T00:00:00.000000004Z stderr F 4\n");
    settle(&b);
    wait_for_writer(&b);
    kill_agent(&b);
    start(&b);
    settle(&b);
    put(&b, "a.log", "2026-11-29T00:00:00.000000005Z stdout F five\n");
    settle(&b);
    b.opt.rotated_wait = DW_NS_PER_S;
    settle(&b);
    stop(&b);
    receive(&b); /* what was written behind the line in the middle is sent again */
    struct dw_str all = dw_buf_view(&b.lines);
    assert_true(dw_str_find(all, DW_STR("\nthree, five\n")) < all.len);
    assert_true(dw_str_find(all, DW_STR("\ntwo\n")) < all.len);
    tear_down(&b);
}

/* A file system in which a log is rotated by copytruncate, up to its copy, as soon as somebody reads. */
struct rotating_fs {
    struct dw_fs fs;
    struct dw_fs_ops ops;
    const struct bed *bed;
};

static int rotate_and_pread(const struct dw_fs *fs, int fd, void *out, size_t len, uint64_t offset, size_t *ret_len)
{
    const struct bed *b = ((const struct rotating_fs *)fs)->bed;
    if (access(path_of(b, "a.log.1"), F_OK) < 0) {
        cut_to_nothing(b, "a.log");
        put(b, "a.log", "of the second\n");
        put(b, "a.log.1", "of the second\n");
    }
    return dw_fs_system.ops->pread(&dw_fs_system, fd, out, len, offset, ret_len);
}

/* Goal:   what a log was before it was looked at beside its elders tells nothing of the stream that begins in it then: it is not truncated, and its copy is not read beside it.
 * Method: it is truncated, written and copied between its opening and the comparison with what is in the checkpoint; later it is truncated once more. */
static void a_log_that_was_rotated_while_it_was_opened_is_not_truncated(void **state)
{
    (void)state;
    struct bed b;
    set_up(&b);
    put(&b, "a.log", "the first line of all\n");
    run_once(&b);
    struct rotating_fs rotating = {.ops = *dw_fs_system.ops, .bed = &b};
    rotating.ops.pread = rotate_and_pread;
    rotating.fs.ops = &rotating.ops;
    start(&b);
    b.agent->fs = &rotating.fs;
    turn_until_idle(&b);
    b.agent->fs = &dw_fs_system;
    cut_to_nothing(&b, "a.log");
    put(&b, "a.log", "of the third\n");
    rest(&b);
    stop(&b);
    assert_got(&b, "the first line of all\nof the second\nof the third\n", 3);
    tear_down(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_line_of_each_output_waits_over_a_rotation),
        cmocka_unit_test(what_a_file_got_before_the_next_was_made_is_read_before_it),
        cmocka_unit_test(what_was_read_tells_a_file_and_not_what_stands_there_since),
        cmocka_unit_test(what_comes_as_a_file_ends_are_lines),
        cmocka_unit_test(a_copy_of_a_log_is_not_read_beside_it),
        cmocka_unit_test(a_copy_of_less_than_was_read_is_not_read),
        cmocka_unit_test(what_tells_a_file_is_not_forgotten),
        cmocka_unit_test(a_file_that_came_and_gave_way_unseen_is_followed_by_the_next),
        cmocka_unit_test(what_comes_after_the_end_is_joined_with_nothing),
        cmocka_unit_test(a_log_that_was_rotated_while_it_was_opened_is_not_truncated),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
