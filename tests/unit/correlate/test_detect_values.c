/* Tests of the detectors that count values: what is rare, how many there are, which one takes most. */
#include "detect_bed.h"

#include "dogwatch/base/counter.h"

/* `n` events of a key at times `every` seconds apart, with that value. */
static uint32_t often(struct one *e, uint32_t count, int64_t from, uint32_t n, int64_t every, const char *value)
{
    for (uint32_t i = 0; i < n; i++)
        e[count++] = (struct one){from + every * i, "u", value};
    return count;
}

/* ---- rare_value ---- */

static void a_value_that_hardly_ever_came_is_told_and_a_common_one_is_not(void **state)
{
    (void)state;
    static struct one e[EVENTS_MAX];
    struct heard h;
    rules("  type: rare_value\n  field: v\n  timespan: 1600s\n  learn: 20s\n  share: 5%\n  warmup: 50\n");
    uint32_t count = often(e, 0, 0, 100, 1, "get");
    count = often(e, count, 10, 10, 9, "post");
    e[count++] = (struct one){5, "u", "patch"}; /* while it learns: it counts */
    e[count++] = (struct one){150, "u", "post"};
    e[count++] = (struct one){151, "u", "patch"};
    e[count++] = (struct one){152, "u", "patch"}; /* told already */
    e[count++] = (struct one){153, "other", "patch"};
    run(e, count, NULL, 200, &h);
    assert_int_equal(h.alerts, 1);
    assert_int_equal(h.at[0], 151);
    has(&h, "\"detector\":{\"type\":\"rare_value\",\"feature\":\"v\",\"value\":[\"patch\"],\"baseline\":113,\"count\":2}");
    dw_buf_fini(&h.text);
    same_in_any_order(e, count, 200);
}

static void rare_may_be_a_number_and_both_must_hold(void **state)
{
    (void)state;
    static struct one e[EVENTS_MAX];
    struct heard h;
    uint32_t count = often(e, 0, 0, 40, 1, "a");
    count = often(e, count, 1, 3, 1, "b");
    count = often(e, count, 50, 1, 1, "b"); /* the fourth */
    count = often(e, count, 51, 1, 1, "c");
    rules("  type: rare_value\n  field: v\n  timespan: 1600s\n  learn: 20s\n  warmup: 10\n  condition: {lte: 3}\n");
    run(e, count, NULL, 200, &h);
    assert_int_equal(h.alerts, 1);
    assert_int_equal(h.at[0], 51);
    dw_buf_fini(&h.text);
    rules("  type: rare_value\n  field: v\n  timespan: 1600s\n  learn: 20s\n  warmup: 10\n  condition: {lte: 3}\n  share: 1%\n");
    run(e, count, NULL, 200, &h);
    assert_int_equal(h.alerts, 0); /* one of 45 */
    dw_buf_fini(&h.text);
    rules("  type: rare_value\n  field: v\n  timespan: 1600s\n  learn: 20s\n");
    run(e, count, NULL, 200, &h);
    assert_int_equal(h.alerts, 0); /* less than a thousand events: nobody can say what is rare */
    dw_buf_fini(&h.text);
}

static void what_left_the_window_counts_no_more(void **state)
{
    (void)state;
    static struct one e[EVENTS_MAX];
    struct heard h;
    rules("  type: rare_value\n  field: v\n  timespan: 160s\n  learn: 20s\n  warmup: 10\n  condition: {lte: 2}\n");
    uint32_t count = often(e, 0, 0, 100, 5, "a");
    count = often(e, count, 1, 10, 1, "b"); /* ten times, and then not for longer than the window */
    e[count++] = (struct one){200, "u", "b"};
    e[count++] = (struct one){210, "u", "b"};
    e[count++] = (struct one){390, "u", "b"}; /* the slices in which it was told have left, too */
    run(e, count, NULL, 500, &h);
    assert_int_equal(h.alerts, 2);
    assert_int_equal(h.at[0], 200);
    assert_int_equal(h.at[1], 390);
    dw_buf_fini(&h.text);
    same_in_any_order(e, count, 500);
}

static void values_beyond_the_bound_are_forgotten_and_counted(void **state)
{
    (void)state;
    static struct heard h;
    uint64_t before = dw_counter_get(DW_C_correlate_window_capped);
    rules("  type: rare_value\n  field: v\n  timespan: 1d\n  learn: 1d\n  condition: {lte: 2}\n");
    struct dw_window *w = dw_window_new(b.rs, NULL);
    for (uint32_t i = 0; i < 8200; i++) {
        char value[16];
        (void)snprintf(value, sizeof value, "%u", i);
        const struct one e = {(int64_t)i / 10, "u", value};
        feed(w, &e, i, false);
    }
    assert_int_equal(dw_window_advance(w, INT64_C(3000000000000), hear, &h), DW_OK);
    assert_int_equal(h.alerts, 0);
    assert_int_equal(dw_counter_get(DW_C_correlate_window_capped), before + 8);
    dw_window_free(w);
    dw_buf_fini(&h.text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_value_that_hardly_ever_came_is_told_and_a_common_one_is_not),
        cmocka_unit_test(rare_may_be_a_number_and_both_must_hold),
        cmocka_unit_test(what_left_the_window_counts_no_more),
        cmocka_unit_test(values_beyond_the_bound_are_forgotten_and_counted),
    };
    sbed_init(&b);
    int rc = cmocka_run_group_tests(tests, NULL, NULL);
    sbed_fini(&b);
    return rc;
}
