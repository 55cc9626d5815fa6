/* Tests of compressed rotated files: what nobody read before gzip took it is read, once; what was read, or is history, is not. */
#include "agent_bed.h"

#include "dogwatch/base/counter.h"

static void leave(struct bed *b, bool killed)
{
    wait_for_writer(b);
    if (killed)
        kill_agent(b);
    else
        stop(b);
}

static void run_again(struct bed *b)
{
    start(b);
    rest(b);
    stop(b);
}

static void the_rest_of_a_file_that_was_compressed_meanwhile_is_read(void **state)
{
    (void)state;
    for (int killed = 0; killed < 2; killed++) {
        struct bed b;
        set_up(&b);
        put(&b, "a.log", "one\ntwo\n");
        start(&b);
        settle(&b);
        leave(&b, killed);
        put(&b, "a.log", "three\n");
        rotate(&b, "a.log", "a.log.1", "four\n");
        compress_log(&b, "a.log.1");
        run_again(&b);
        assert_got(&b, "one\ntwo\nthree\nfour\n", 2);
        assert_int_equal(records_with(&b, "lost"), 0);
        assert_int_equal(records_with(&b, "\"size\":14,\"read\":14,\"state\":\"whole\""), 1);
        run_again(&b);
        assert_got(&b, "one\ntwo\nthree\nfour\n", 2); /* and not again */
        tear_down(&b);
    }
}

/* Goal:   a file that was empty when it was found, let go for want of room, is told again by what it has, although nothing of it is in an event.
 * Method: the agent is killed when no more than the declaration was sent. */
static void what_was_declared_of_a_file_that_was_empty_stays_its_own(void **state)
{
    (void)state;
    struct bed b;
    set_up(&b);
    put(&b, "a.log", "");
    start(&b);
    settle(&b);
    put(&b, "a.log", "one\ntwo\n");
    assert_non_null(b.agent->tail);
    assert_int_equal(tail_let_go(b.agent, b.agent->tail, 8), DW_OK);
    leave(&b, true);
    rotate(&b, "a.log", "a.log.1", "three\n");
    compress_log(&b, "a.log.1");
    run_again(&b);
    assert_got(&b, "one\ntwo\nthree\n", 2);
    assert_int_equal(records_with(&b, "spool_full"), 1);
    assert_int_equal(records_with(&b, "\"lost\""), 0);
    tear_down(&b);
}

static void files_that_came_and_were_compressed_meanwhile_are_read(void **state)
{
    (void)state;
    for (int killed = 0; killed < 2; killed++) {
        struct bed b;
        set_up(&b);
        put(&b, "a.log", "one\n");
        start(&b);
        settle(&b);
        leave(&b, killed);
        rotate(&b, "a.log", "a.log.2", "two\n"); /* as long as the one that was read */
        rotate(&b, "a.log", "a.log.1", "three\n");
        compress_log(&b, "a.log.2");
        compress_log(&b, "a.log.1");
        run_again(&b);
        assert_got(&b, "one\ntwo\nthree\n", 3);
        assert_int_equal(records_with(&b, "lost"), 0);
        rename_log(&b, "a.log.1.gz", "a.log.3.gz");
        run_again(&b);
        assert_got(&b, "one\ntwo\nthree\n", 3);
        tear_down(&b);
    }
}

static void what_was_read_before_it_was_compressed_is_not_read_again(void **state)
{
    (void)state;
    struct bed b;
    set_up(&b);
    put(&b, "a.log", "one\n");
    start(&b);
    settle(&b);
    rotate(&b, "a.log", "a.log.1", "four\n");
    rest(&b);
    stop(&b);
    compress_log(&b, "a.log.1");
    run_again(&b);
    assert_got(&b, "one\nfour\n", 2);
    start(&b);
    rotate(&b, "a.log", "a.log.2", "fifth\n");
    rest(&b);
    compress_log(&b, "a.log.2");
    put(&b, "a.log", "six\n");
    rest(&b);
    stop(&b);
    assert_got(&b, "one\nfour\nfifth\nsix\n", 3);
    tear_down(&b);
}

/* An agent that has read "one". */
static void begin(struct bed *b)
{
    put(b, "a.log", "one\n");
    start(b);
    settle(b);
}

static void pack_unseen(struct bed *b)
{
    begin(b);
    rename_log(b, "a.log", "a.log.2");
    put(b, "a.log", "two\n");
    rotate(b, "a.log", "a.log.1", "three\n");
    compress_log(b, "a.log.1");
}

/* Goal:   what cannot be read of a compressed file for a moment is read later, once.
 * Method: between two looks a file that nobody saw is rotated and compressed; each call of the second look fails in turn. */
static void what_cannot_be_unpacked_now_is_read_later(void **state)
{
    (void)state;
    assert_whole_whichever_call_fails(pack_unseen, NULL, "one\ntwo\nthree\n", 3);
}

static void pack_more(struct bed *b)
{
    put(b, "a.log", "more\n");
    rotate(b, "a.log", "a.log.1", "two\n");
    compress_log(b, "a.log.1");
}

static void pack_open(struct bed *b)
{
    begin(b);
    pack_more(b);
}

/* The agent is killed, and started when that was done. */
static void begin_and_leave(struct bed *b, void (*done)(struct bed *b))
{
    begin(b);
    leave(b, true);
    done(b);
    start(b);
}

/* Goal:   a file that is read while gzip takes it is not read again out of what that made, although a call fails.
 * Method: the file is open and has bytes that are not read yet; each call of the look fails in turn. */
static void what_is_open_is_not_unpacked_although_a_call_fails(void **state)
{
    (void)state;
    assert_whole_whichever_call_fails(pack_open, NULL, "one\nmore\ntwo\n", 2);
}

static void pack_meanwhile(struct bed *b)
{
    begin_and_leave(b, pack_more);
}

/* Goal:   a stream that was read in part before gzip took its file is found again in what that made, although a call fails.
 * Method: the agent is away meanwhile; each call of its first look fails in turn. */
static void a_stream_is_found_in_what_gzip_made_although_a_call_fails(void **state)
{
    (void)state;
    assert_whole_whichever_call_fails(pack_meanwhile, NULL, "one\nmore\ntwo\n", 2);
}

static void copy_and_pack(struct bed *b)
{
    struct dw_buf text = {0};
    put(b, "a.log", "more\n");
    assert_int_equal(dw_fs_read_file(&dw_fs_system, path_of(b, "a.log"), 1 << 20, &text), DW_OK);
    dw_buf_byte(&text, '\0');
    put(b, "a.log.1", text.ptr);
    dw_buf_fini(&text);
    cut_to_nothing(b, "a.log");
    put(b, "a.log", "a line of the next\n");
    compress_log(b, "a.log.1");
}

static void copy_and_pack_open(struct bed *b)
{
    begin(b);
    copy_and_pack(b);
}

static void copy_and_pack_meanwhile(struct bed *b)
{
    begin_and_leave(b, copy_and_pack);
}

/* Goal:   what copytruncate copied and gzip packed is read on there, although a call fails: it is neither truncated nor read from its beginning.
 * Method: once while the log is open, once while the agent is away; each call of the look fails in turn. */
static void a_packed_copy_is_found_although_a_call_fails(void **state)
{
    (void)state;
    assert_whole_whichever_call_fails(copy_and_pack_open, NULL, "one\nmore\na line of the next\n", 2);
    assert_whole_whichever_call_fails(copy_and_pack_meanwhile, NULL, "one\nmore\na line of the next\n", 2);
}

/* Goal:   a packed copy for which there is no room now is read on once there is, and the log itself meanwhile, or after that.
 * Method: once while the log is open, once while the agent is away; what others have unpacked fills the bound for a while. */
static void a_packed_copy_waits_for_room(void **state)
{
    (void)state;
    for (int away = 0; away < 2; away++) {
        struct bed b;
        set_up(&b);
        if (away)
            copy_and_pack_meanwhile(&b);
        else
            copy_and_pack_open(&b);
        b.agent->unpacked = (uint64_t)b.opt.spool_limit;
        settle(&b);
        b.agent->unpacked = 0;
        rest(&b);
        stop(&b);
        assert_got(&b, "one\nmore\na line of the next\n", 2);
        assert_int_equal(records_with(&b, "\"truncated\""), 0);
        tear_down(&b);
    }
}

/* Goal:   a stream that was called truncated, because its copy could not be told for long, goes on in the copy once it can: what was read comes once.
 * Method: what others have unpacked fills the bound for longer than rotated.wait. */
static void a_stream_that_was_cut_off_goes_on_in_a_packed_copy_that_is_told_late(void **state)
{
    (void)state;
    struct bed b;
    set_up(&b);
    put(&b, "a.log", "a line that is long enough to tell a file from every other one, of which it is the first\n");
    start(&b);
    settle(&b);
    copy_and_pack(&b);
    b.agent->unpacked = (uint64_t)b.opt.spool_limit;
    rest(&b);
    b.agent->unpacked = 0;
    rest(&b);
    stop(&b);
    assert_got(&b, "a line that is long enough to tell a file from every other one, of which it is the first\nmore\na line of the next\n", 2);
    assert_int_equal(records_with(&b, "\"truncated\""), 1);
    tear_down(&b);
}

static void history_is_left_alone(void **state)
{
    (void)state;
    struct bed b;
    set_up(&b);
    put(&b, "a.log.1", "old\n");
    compress_log(&b, "a.log.1");
    put(&b, "a.log", "one\n");
    run_once(&b);
    assert_got(&b, "one\n", 1);
    run_again(&b);
    assert_got(&b, "one\n", 1);
    tear_down(&b);
}

static void a_damaged_file_is_counted_and_the_stream_lost_once(void **state)
{
    (void)state;
    struct bed b;
    set_up(&b);
    put(&b, "a.log", "one\ntwo\n");
    run_once(&b);
    rotate(&b, "a.log", "a.log.1", "four\n");
    compress_log(&b, "a.log.1");
    int fd = open(path_of(&b, "a.log.1.gz"), O_WRONLY);
    assert_int_equal(pwrite(fd, "\xff\xff\xff\xff", 4, 12), 4);
    close(fd);
    uint64_t before = dw_counter_get(DW_C_packed_refused);
    run_again(&b);
    assert_got(&b, "one\ntwo\nfour\n", 2);
    assert_int_equal(records_with(&b, "\"state\":\"lost\""), 1);
    assert_true(dw_counter_get(DW_C_packed_refused) > before);
    run_again(&b);
    receive(&b);
    assert_int_equal(records_with(&b, "\"state\":\"lost\""), 1);
    tear_down(&b);
}

static void what_is_larger_than_the_bound_is_not_unpacked(void **state)
{
    (void)state;
    struct bed b;
    set_up(&b);
    put(&b, "a.log", "one\ntwo\n");
    run_once(&b);
    rotate(&b, "a.log", "a.log.1", "four\n");
    compress_log(&b, "a.log.1");
    b.opt.spool_limit = 4;
    run_again(&b);
    assert_got(&b, "one\ntwo\nfour\n", 2);
    assert_int_equal(records_with(&b, "\"state\":\"lost\""), 1);
    tear_down(&b);
}

/* A line over three files, two of which were packed since they were read: they are read on in the order in which they were written. */
static void a_line_goes_on_from_one_packed_file_to_the_next(void **state)
{
    (void)state;
    struct bed b;
    set_up(&b);
    put(&b, "a.log", "2026-11-29T00:00:00.000000001Z stderr F 1\n2026-11-29T00:00:00.000000001Z stdout P one, \n");
    start(&b);
    settle(&b);
    rotate(&b, "a.log", "a.log.1", "2026-11-29T00:00:00.000000002Z stderr F 2\n2026-11-29T00:00:00.000000002Z stdout P two, \n");
    settle(&b);
    leave(&b, true);
    compress_log(&b, "a.log.1");
    rename_log(&b, "a.log.1.gz", "a.log.2.gz");
    rotate(&b, "a.log", "a.log.1", "2026-11-29T00:00:00.000000003Z stdout F three\n");
    compress_log(&b, "a.log.1");
    run_again(&b);
    receive(&b); /* the second line of the second file may have come twice: it was sent when the agent was killed */
    struct dw_str all = dw_buf_view(&b.lines);
    assert_true(dw_str_find(all, DW_STR("one, two, three\n")) < all.len);
    assert_true(dw_str_find(all, DW_STR("one, \n")) == all.len);
    tear_down(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_rest_of_a_file_that_was_compressed_meanwhile_is_read),
        cmocka_unit_test(what_was_declared_of_a_file_that_was_empty_stays_its_own),
        cmocka_unit_test(files_that_came_and_were_compressed_meanwhile_are_read),
        cmocka_unit_test(what_was_read_before_it_was_compressed_is_not_read_again),
        cmocka_unit_test(what_cannot_be_unpacked_now_is_read_later),
        cmocka_unit_test(what_is_open_is_not_unpacked_although_a_call_fails),
        cmocka_unit_test(a_stream_is_found_in_what_gzip_made_although_a_call_fails),
        cmocka_unit_test(a_packed_copy_is_found_although_a_call_fails),
        cmocka_unit_test(a_packed_copy_waits_for_room),
        cmocka_unit_test(a_stream_that_was_cut_off_goes_on_in_a_packed_copy_that_is_told_late),
        cmocka_unit_test(history_is_left_alone),
        cmocka_unit_test(a_damaged_file_is_counted_and_the_stream_lost_once),
        cmocka_unit_test(what_is_larger_than_the_bound_is_not_unpacked),
        cmocka_unit_test(a_line_goes_on_from_one_packed_file_to_the_next),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
