/*
 * loop: turns follow each other while there is more; signals, ends and foreign handles are in order.
 */
#include "support.h"

#include "dogwatch/loop/loop.h"

#include <signal.h>

enum { AN_HOUR_MS = 3600 * 1000 };

/* What a program would be: does something in its nth turn. */
struct turns {
    struct dw_loop loop;
    uint32_t count, end_at, raise_at;
    uint32_t stops, reloads;
    int rc;
    bool more;
};

static bool turn(void *arg)
{
    struct turns *t = arg;
    t->count++;
    if (t->count == t->raise_at)
        (void)raise(SIGTERM);
    if (t->count == t->end_at)
        dw_loop_end(&t->loop, t->rc);
    return t->more;
}

static void stop(void *arg)
{
    struct turns *t = arg;
    t->stops++;
    t->end_at = t->count + 1;
}

static void reload(void *arg)
{
    struct turns *t = arg;
    t->reloads++;
    t->end_at = t->count + 1;
}

static const struct dw_loop_work rare = {.turn = turn, .stop = stop, .tick_ms = AN_HOUR_MS};
static const struct dw_loop_work often = {.turn = turn, .stop = stop, .tick_ms = 1};

static const struct dw_loop_work reloading = {.turn = turn, .stop = stop, .reload = reload, .tick_ms = 1};

static int run(struct turns *t, const struct dw_loop_work *work)
{
    assert_int_equal(dw_loop_init(&t->loop, work, t, NULL), DW_OK);
    int rc = dw_loop_run(&t->loop);
    dw_loop_fini(&t->loop);
    return rc;
}

static void it_turns_without_waiting_while_there_is_more(void **state)
{
    (void)state;
    struct turns t = {.end_at = 1000, .more = true};
    assert_int_equal(run(&t, &rare), DW_OK);
    assert_int_equal(t.count, 1000);
}

static void it_turns_again_at_each_tick_when_there_is_no_more(void **state)
{
    (void)state;
    struct turns t = {.end_at = 3};
    assert_int_equal(run(&t, &often), DW_OK);
    assert_int_equal(t.count, 3);
}

static void a_signal_stops_it_and_the_work_says_when_it_ends(void **state)
{
    (void)state;
    struct turns t = {.raise_at = 2, .rc = DW_ENOSPC};
    assert_int_equal(run(&t, &often), DW_ENOSPC);
    assert_int_equal(t.stops, 1);
}

static void a_reload_that_is_asked_for_before_it_runs_is_done_and_one_after_it_ends_nothing(void **state)
{
    (void)state;
    struct turns t = {.rc = DW_OK};
    dw_loop_hold_reload();
    (void)raise(SIGHUP);
    assert_int_equal(t.reloads, 0);
    assert_int_equal(run(&t, &reloading), DW_OK);
    assert_int_equal(t.reloads, 1);
    (void)raise(SIGHUP); /* the program is about to end */
    struct turns again = {.rc = DW_OK};
    assert_int_equal(run(&again, &reloading), DW_OK);
    assert_int_equal(again.reloads, 1);
}

static void the_first_end_counts_and_no_turn_follows(void **state)
{
    (void)state;
    struct turns t = {.end_at = 1, .rc = DW_EIO, .more = true};
    assert_int_equal(dw_loop_init(&t.loop, &rare, &t, NULL), DW_OK);
    assert_int_equal(dw_loop_run(&t.loop), DW_EIO);
    dw_loop_end(&t.loop, DW_OK);
    dw_loop_turn(&t.loop);
    assert_int_equal(t.loop.rc, DW_EIO);
    assert_int_equal(t.count, 1);
    dw_loop_fini(&t.loop);
}

static void closed(uv_handle_t *handle)
{
    (*(uint32_t *)handle->data)++;
}

static void foreign_handles_are_closed_with_it(void **state)
{
    (void)state;
    struct turns t = {.end_at = 1};
    uint32_t closings = 0;
    uv_async_t wake;
    uv_timer_t closing;
    assert_int_equal(dw_loop_init(&t.loop, &rare, &t, NULL), DW_OK);
    assert_int_equal(uv_async_init(&t.loop.uv, &wake, NULL), 0);
    assert_int_equal(uv_timer_init(&t.loop.uv, &closing), 0);
    closing.data = &closings;
    assert_int_equal(dw_loop_run(&t.loop), DW_OK);
    uv_close((uv_handle_t *)&closing, closed); /* the program was about to */
    dw_loop_fini(&t.loop);
    assert_int_equal(closings, 1);
    assert_true(uv_is_closing((uv_handle_t *)&wake));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_turns_without_waiting_while_there_is_more),
        cmocka_unit_test(it_turns_again_at_each_tick_when_there_is_no_more),
        cmocka_unit_test(a_signal_stops_it_and_the_work_says_when_it_ends),
        cmocka_unit_test(a_reload_that_is_asked_for_before_it_runs_is_done_and_one_after_it_ends_nothing),
        cmocka_unit_test(the_first_end_counts_and_no_turn_follows),
        cmocka_unit_test(foreign_handles_are_closed_with_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
