/* What somebody who meddles with logs, clock or agent leaves behind as events. */
#include "agent_bed.h"

/* Signals are on; the signals that came, as text of their log, which stays until the next start has read it. */
static void begin(struct bed *b)
{
    set_up(b);
    b->opt.signals = true;
    put(b, "a.log", "one\ntwo\n");
    start(b);
    signals_begin(b->agent);
    settle(b);
}

static size_t told(const struct bed *b, const char *what)
{
    struct dw_buf text = {0};
    size_t count = 0;
    assert_int_equal(dw_fs_read_file(&dw_fs_system, b->agent->signals.path, 1 << 21, &text), DW_OK);
    struct dw_str rest = dw_buf_view(&text);
    while (rest.len) {
        struct dw_str line = dw_str_cut(&rest, '\n');
        count += dw_str_find(line, dw_str_of(what)) < line.len;
    }
    dw_buf_fini(&text);
    return count;
}

static void a_truncated_log_is_told(void **state)
{
    (void)state;
    struct bed b;
    begin(&b);
    cut_to_nothing(&b, "a.log");
    settle(&b);
    assert_int_equal(told(&b, "log-truncated"), 1);
    assert_int_equal(told(&b, "8 bytes were read, 0 are there"), 1);
    assert_int_equal(told(&b, path_of(&b, "a.log")), 1);
    stop(&b);
    tear_down(&b);
}

/* Rotation is nobody's meddling: a copy has what stood there. */
static void copytruncate_is_not_told(void **state)
{
    (void)state;
    struct bed b;
    begin(&b);
    put(&b, "a.log.1", "one\ntwo\n");
    cut_to_nothing(&b, "a.log");
    settle(&b);
    rotate(&b, "a.log", "a.log.2", "three\n");
    settle(&b);
    assert_int_equal(told(&b, "\"log-"), 0);
    stop(&b);
    tear_down(&b);
}

static void bytes_that_were_exchanged_are_told(void **state)
{
    (void)state;
    struct bed b;
    begin(&b);
    int fd = open(path_of(&b, "a.log"), O_WRONLY);
    assert_int_equal(pwrite(fd, "ONE\nTWO\n", 8, 0), 8);
    close(fd);
    settle(&b);
    assert_int_equal(told(&b, "log-rewritten"), 1);
    stop(&b);
    tear_down(&b);
}

static void a_time_that_was_set_back_is_told(void **state)
{
    (void)state;
    struct bed b;
    begin(&b);
    touch_later(&b, "a.log", -3600);
    settle(&b);
    assert_int_equal(told(&b, "log-time-set-back"), 1);
    settle(&b);
    assert_int_equal(told(&b, "log-time-set-back"), 1); /* once */
    stop(&b);
    tear_down(&b);
}

static void a_log_deleted_before_it_was_read_is_told(void **state)
{
    (void)state;
    struct bed b;
    begin(&b);
    b.agent->hold = true; /* nothing is read meanwhile */
    put(&b, "a.log", "three\n");
    remove_log(&b, "a.log");
    b.clock.ahead_ns += DW_NS_PER_S;
    assert_int_equal(scan(b.agent), DW_OK);
    b.agent->hold = false;
    assert_int_equal(told(&b, "log-deleted-unread"), 1);
    stop(&b);
    tear_down(&b);
}

static void clocks_that_are_set_are_told(void **state)
{
    (void)state;
    struct bed b;
    begin(&b);
    b.clock.back_ns = 3600 * DW_NS_PER_S;
    settle(&b);
    b.clock.back_ns = 0;
    settle(&b);
    assert_int_equal(told(&b, "clock-set"), 2);
    assert_int_equal(told(&b, "by -3600.0 s"), 1);
    assert_int_equal(told(&b, "by +3600.0 s"), 1);
    stop(&b);
    tear_down(&b);
}

static void an_end_without_a_word_is_told_by_the_next_start(void **state)
{
    (void)state;
    struct bed b;
    begin(&b);
    assert_int_equal(told(&b, "agent-started"), 1);
    assert_int_equal(told(&b, "agent-died"), 0);
    kill_agent(&b);
    start(&b);
    signals_begin(b.agent);
    assert_int_equal(told(&b, "agent-died"), 1);
    settle(&b);
    stop(&b); /* which says farewell */
    start(&b);
    signals_begin(b.agent);
    assert_int_equal(told(&b, "agent-died"), 1);
    assert_int_equal(told(&b, "agent-stopped"), 1);
    stop(&b);
    tear_down(&b);
}

/* A file that is named so is no farewell, and nor is what others used up of the room a reason to keep one back. */
static void only_a_farewell_is_one(void **state)
{
    (void)state;
    struct bed b;
    begin(&b);
    put(&b, "\"event.action\":\"agent-stopped\".log", "one\n");
    settle(&b);
    cut_to_nothing(&b, "\"event.action\":\"agent-stopped\".log");
    settle(&b);
    assert_int_equal(told(&b, "log-truncated"), 1);
    kill_agent(&b);
    start(&b);
    signals_begin(b.agent);
    assert_int_equal(told(&b, "\"event.action\":\"agent-died\""), 1);
    for (int i = 0; i < 100; i++)
        signal_put(b.agent, SIGNAL_CLOCK, NULL, "");
    settle(&b);
    stop(&b);
    start(&b);
    signals_begin(b.agent);
    assert_int_equal(told(&b, "\"event.action\":\"agent-died\""), 1);
    stop(&b);
    tear_down(&b);
}

static void nobody_else_has_the_format_of_signals(void **state)
{
    (void)state;
    const struct dw_parser *p;
    struct dw_user_format *user;
    struct dw_buf why = {0};
    assert_int_equal(dw_format_option(DW_STR("dogwatch_agent"), &p, &user, &why), DW_EUNKNOWN);
    assert_null(p);
    dw_buf_fini(&why);
}

/* Whoever makes many of them hides nothing and floods nobody. */
static void too_many_are_held_back_and_counted(void **state)
{
    (void)state;
    struct bed b;
    begin(&b);
    for (int i = 0; i < 100; i++)
        signal_put(b.agent, SIGNAL_CLOCK, NULL, "");
    assert_int_equal(told(&b, "clock-set"), 60);
    b.clock.ahead_ns += 61 * DW_NS_PER_S;
    signal_put(b.agent, SIGNAL_CLOCK, NULL, "");
    assert_int_equal(told(&b, "\"dogwatch.held_back\":40"), 1);
    stop(&b);
    tear_down(&b);
}

static void a_log_over_its_rate_is_held_back_and_nothing_of_it_is_lost(void **state)
{
    (void)state;
    struct bed b;
    char block[64 * 1024];
    struct dw_buf text = {0};
    memset(block, 'x', sizeof block);
    block[sizeof block - 1] = '\0';
    for (size_t at = 99; at < sizeof block - 1; at += 100) {
        block[at] = '\n';
        memcpy(block + at - 30, " password=hunter2horse ", 23);
    }
    set_up(&b);
    b.opt.signals = true;
    b.opt.throttle_rate = 100000;
    for (int i = 0; i < 30; i++)
        dw_buf_printf(&text, "%s\n", block);
    put(&b, "a.log", dw_buf_view(&text).ptr);
    put(&b, "b.log", "two\n");
    start(&b);
    signals_begin(b.agent);
    b.clock.ahead_ns += DW_NS_PER_S;
    turn_until_idle(&b);
    for (const struct tail *t = b.agent->tail; t; t = t->next)
        assert_true(t->size > text.len - 10 ? tail_offset(t) < text.len / 2 : tail_offset(t) == t->size);
    settle(&b);
    assert_int_equal(told(&b, "log-held-back"), 1);
    assert_int_equal(told(&b, "the first line that waits: xxxx"), 1);
    assert_int_equal(told(&b, "password=************ "), 1);
    assert_int_equal(told(&b, "hunter2horse"), 0);
    stop(&b);
    receive(&b);
    assert_each_byte_once(&b);
    struct dw_str lines = dw_buf_view(&b.lines);
    size_t count = 0;
    while (lines.len)
        count += dw_str_cut(&lines, '\n').ptr[0] == 'x';
    assert_int_equal(count, 30 * ((sizeof block - 1) / 100 + 1));
    dw_buf_fini(&text);
    tear_down(&b);
}

static void signals_are_events_with_spans_of_their_own(void **state)
{
    (void)state;
    struct bed b;
    begin(&b);
    cut_to_nothing(&b, "a.log");
    settle(&b);
    stop(&b);
    receive(&b);
    struct dw_str lines = dw_buf_view(&b.lines);
    assert_true(dw_str_find(lines, DW_STR("\"event.action\":\"log-truncated\"")) < lines.len);
    assert_true(dw_str_find(lines, DW_STR("\"event.action\":\"agent-stopped\"")) < lines.len);
    assert_each_byte_once(&b);
    tear_down(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_truncated_log_is_told),
        cmocka_unit_test(copytruncate_is_not_told),
        cmocka_unit_test(bytes_that_were_exchanged_are_told),
        cmocka_unit_test(a_time_that_was_set_back_is_told),
        cmocka_unit_test(a_log_deleted_before_it_was_read_is_told),
        cmocka_unit_test(clocks_that_are_set_are_told),
        cmocka_unit_test(an_end_without_a_word_is_told_by_the_next_start),
        cmocka_unit_test(only_a_farewell_is_one),
        cmocka_unit_test(nobody_else_has_the_format_of_signals),
        cmocka_unit_test(too_many_are_held_back_and_counted),
        cmocka_unit_test(a_log_over_its_rate_is_held_back_and_nothing_of_it_is_lost),
        cmocka_unit_test(signals_are_events_with_spans_of_their_own),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
