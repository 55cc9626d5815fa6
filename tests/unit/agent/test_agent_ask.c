/* What a running agent answers about itself. */
#include "agent_bed.h"

#include "../../../agent/control.h"

static bool says(const struct dw_buf *answer, const char *what)
{
    struct dw_str all = dw_buf_view(answer);
    return dw_str_find(all, dw_str_of(what)) < all.len;
}

static unsigned ask(struct bed *b, const char *target, struct dw_buf *out)
{
    dw_buf_reset(out);
    return ask_answer(b->agent, dw_str_of(target), out);
}

static unsigned explain(struct bed *b, const char *name, struct dw_buf *out)
{
    char target[800];
    (void)snprintf(target, sizeof target, "/explain?file=%s", path_of(b, name));
    return ask(b, target, out);
}

static void a_log_is_explained_stream_by_stream(void **state)
{
    (void)state;
    struct bed b;
    struct dw_buf out = {0};
    set_up(&b);
    put(&b, "a.log", "one\ntwo\nthr");
    start(&b);
    settle(&b);
    wait_for_writer(&b);
    assert_int_equal(explain(&b, "a.log", &out), 200);
    assert_true(says(&out, "\"size\":11,\"read\":8,\"lag_bytes\":3"));
    assert_true(says(&out, "\"acknowledged\":true"));
    assert_true(says(&out, "\"state\":\"live\""));
    rotate(&b, "a.log", "a.log.1", "four\n");
    settle(&b);
    assert_int_equal(explain(&b, "a.log", &out), 200);
    assert_true(says(&out, "\"streams\":2"));
    assert_true(says(&out, "\"state\":\"rotated\""));
    assert_int_equal(explain(&b, "a.log.1", &out), 200); /* a rotated name is its log's */
    assert_true(says(&out, "\"streams\":2"));
    remove_log(&b, "a.log");
    settle(&b);
    assert_int_equal(explain(&b, "a.log", &out), 200);
    assert_true(says(&out, "nothing is under its name"));
    stop(&b);
    dw_buf_fini(&out);
    tear_down(&b);
}

static void what_is_no_log_is_said_to_be_none_and_why(void **state)
{
    (void)state;
    struct bed b;
    struct dw_buf out = {0};
    set_up(&b);
    put(&b, "a.log", "one\n");
    put(&b, "b.txt", "two\n");
    start(&b);
    settle(&b);
    assert_int_equal(explain(&b, "b.txt", &out), 404);
    assert_true(says(&out, "no configuration names it"));
    assert_int_equal(explain(&b, "c.log", &out), 404);
    assert_true(says(&out, "nothing is there"));
    assert_int_equal(ask(&b, "/explain", &out), 400);
    assert_int_equal(ask(&b, "/explain?file=%2", &out), 400);
    assert_int_equal(ask(&b, "/explain?file=%00", &out), 400);
    assert_int_equal(ask(&b, "/nothing", &out), 404);
    assert_int_equal(ask(&b, "", &out), 404);
    stop(&b);
    dw_buf_fini(&out);
    tear_down(&b);
}

static void values_of_a_target_are_decoded(void **state)
{
    (void)state;
    struct dw_buf out = {0};
    const struct dw_str target = DW_STR("/explain?as=text&file=/a%20b%2Fc&x");
    assert_int_equal(ask_decode(ask_value(target, DW_STR("file")), &out), DW_OK);
    assert_true(dw_str_eq(dw_buf_view(&out), DW_STR("/a b/c")));
    assert_int_equal(ask_value(target, DW_STR("none")).len, 0);
    assert_int_equal(ask_decode(DW_STR("%g0"), &out), DW_ESYNTAX);
    dw_buf_fini(&out);
}

static void the_status_says_how_much_waits_and_why_nothing_is_read(void **state)
{
    (void)state;
    struct bed b;
    struct dw_buf out = {0};
    set_up(&b);
    put(&b, "a.log", "one\n");
    start(&b);
    settle(&b);
    wait_for_writer(&b);
    assert_int_equal(ask(&b, "/status", &out), 200);
    assert_true(says(&out, "\"reads\":\"yes\""));
    assert_true(says(&out, "\"logs\":1"));
    b.agent->hold = true;
    assert_int_equal(ask(&b, "/status", &out), 200);
    assert_true(says(&out, "memory.max"));
    assert_int_equal(explain(&b, "a.log", &out), 200);
    assert_true(says(&out, "memory.max"));
    b.agent->hold = false;
    assert_int_equal(ask(&b, "/status?as=text", &out), 200);
    assert_true(says(&out, "  reads          yes\n"));
    assert_int_equal(ask(&b, "/metrics", &out), 200);
    assert_true(says(&out, "\ndogwatch_agent_logs 1\n"));
    assert_true(says(&out, "# TYPE dogwatch_tail_lines_total counter\n"));
    stop(&b);
    assert_int_equal(ask_answer(NULL, DW_STR("/status"), &out), 503);
    dw_buf_fini(&out);
    tear_down(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_log_is_explained_stream_by_stream),
        cmocka_unit_test(what_is_no_log_is_said_to_be_none_and_why),
        cmocka_unit_test(values_of_a_target_are_decoded),
        cmocka_unit_test(the_status_says_how_much_waits_and_why_nothing_is_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
