/* Tests of the detectors that count values: what is rare, how many there are, which one takes most. */
#include "detect_bed.h"

#include "dogwatch/base/counter.h"

#include <stdlib.h>

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

/* ---- cardinality_spike ---- */

/* `n` distinct values in the ten seconds from `from` on, each `twice` times; texts live in `room`. */
static uint32_t many(struct one *e, uint32_t count, int64_t from, uint32_t n, uint32_t twice, char (*room)[12])
{
    for (uint32_t i = 0; i < n * twice; i++) {
        (void)snprintf(room[count], sizeof room[count], "v%u", i % n);
        e[count] = (struct one){from + 10 * i / (n * twice), "u", room[count]};
        count++;
    }
    return count;
}

static void many_more_values_are_told_and_many_more_events_are_not(void **state)
{
    (void)state;
    static const uint8_t usual[] = {5, 6, 4, 5, 7, 5, 4, 6, 5, 5, 6, 4};
    static struct one e[EVENTS_MAX];
    static char room[EVENTS_MAX][12];
    struct heard h;
    uint32_t count = 0;
    for (uint32_t i = 0; i < DW_COUNT_OF(usual); i++)
        count = many(e, count, 10 * i, usual[i], 2, room);
    count = many(e, count, 120, 5, 30, room);
    count = many(e, count, 130, 40, 1, room);
    rules("  type: cardinality_spike\n  field: v\n  timespan: 10s\n  history: 12\n");
    run(e, count, NULL, 200, &h);
    assert_int_equal(h.alerts, 1);
    assert_int_equal(h.at[0], 133); /* by the thirteenth value: more than 3.5 times the square root of 5 above 5 */
    has(&h, "\"detector\":{\"type\":\"cardinality_spike\",\"feature\":\"v\",\"value\":13,\"baseline\":5,\"spread\":2.23606797749979,\"score\":3.577");
    has(&h, "\"window\":{\"start\":\"1970-01-01T00:02:10.000000000Z\"");
    assert_true(h.updates >= 1);
    dw_buf_fini(&h.text);
    same_in_any_order(e, count, 200);
    rules("  type: cardinality_spike\n  field: v\n  timespan: 10s\n  history: 12\n  condition: {gte: 50}\n");
    run(e, count, NULL, 200, &h);
    assert_int_equal(h.alerts, 0);
    dw_buf_fini(&h.text);
}

/* Goal:   the count of distinct values is good for few and for many.
 * Method: four spans with as many values each, then one with a single value: it is told with the median of those before. */
static void the_count_of_values_is_within_its_error(void **state)
{
    (void)state;
    rules("  type: cardinality_spike\n  field: v\n  timespan: 100s\n  history: 4\n  direction: down\n");
    for (uint32_t n = 100; n <= 10000; n *= 10) {
        struct heard h = {.alerts = 0};
        struct dw_window *w = dw_window_new(b.rs, NULL);
        for (uint32_t i = 0; i < 4 * n + 2; i++) {
            char value[16];
            (void)snprintf(value, sizeof value, "%u", i);
            const struct one e = {i < 4 * n ? i / n * 100 : i == 4 * n ? 400 : 500, "u", value};
            feed(w, &e, i, false);
        }
        assert_int_equal(dw_window_advance(w, 600000000000, hear, &h), DW_OK);
        dw_buf_byte(&h.text, 0);
        assert_int_equal(h.alerts, 1);
        has(&h, "\"feature\":\"v\",\"value\":1,\"baseline\":");
        double counted = strtod(strstr(h.text.ptr, "\"baseline\":") + strlen("\"baseline\":"), NULL);
        assert_true(counted >= 0.95 * n && counted <= 1.05 * n);
        dw_window_free(w);
        dw_buf_fini(&h.text);
    }
}

/* ---- heavy_hitter ---- */

static void a_value_with_more_than_its_share_is_told_once_while_it_is_heavy(void **state)
{
    (void)state;
    static struct one e[EVENTS_MAX];
    static char room[EVENTS_MAX][12];
    struct heard h;
    uint32_t count = 0;
    rules("  type: heavy_hitter\n  field: v\n  timespan: 100s\n  share: 60%\n  warmup: 10\n");
    count = often(e, 0, 0, 5, 1, "few"); /* all of five: too few to say */
    count = often(e, count, 100, 20, 2, "mallory"); /* heavy in this span and the next: once */
    count = often(e, count, 101, 10, 4, "ann");
    count = often(e, count, 200, 20, 2, "mallory");
    for (uint32_t i = 0; i < 60; i++, count++) { /* a span of many */
        (void)snprintf(room[i], sizeof room[i], "v%u", i);
        e[count] = (struct one){300 + i, "u", room[i]};
    }
    count = often(e, count, 400, 20, 2, "mallory"); /* again, after a span in which it was not */
    run(e, count, NULL, 600, &h);
    assert_int_equal(h.alerts, 2);
    assert_in_range(h.at[0], 100, 140);
    assert_int_equal(h.at[1], 418); /* with the tenth event of the span */
    has(&h, "\"detector\":{\"type\":\"heavy_hitter\",\"feature\":\"v\",\"value\":[\"mallory\"],\"baseline\":10,\"count\":10}");
    has(&h, "\"window\":{\"start\":\"1970-01-01T00:06:40.000000000Z\",\"end\":\"1970-01-01T00:06:58.000000000Z\"}");
    dw_buf_fini(&h.text);
    same_in_any_order(e, count, 600);
}

/* Goal:   what is told is certain, and what is well over the share is told, with many more values than slots.
 * Method: a flood of values that come once, among them one with 5 % and one with 1 %; the share is 3 %. */
static void only_what_is_certain_counts_among_more_values_than_slots(void **state)
{
    (void)state;
    static struct heard h;
    uint64_t before = dw_counter_get(DW_C_detect_slots_taken);
    rules("  type: heavy_hitter\n  field: v\n  timespan: 1h\n  share: 3%\n  warmup: 1000\n");
    struct dw_window *w = dw_window_new(b.rs, NULL);
    for (uint32_t i = 0; i < 5000; i++) {
        char value[16];
        (void)snprintf(value, sizeof value, "%u", i);
        const struct one e = {(int64_t)i / 10, "u", i % 20 == 0 ? "heavy" : i % 100 == 7 ? "light" : value};
        feed(w, &e, i, false);
    }
    assert_int_equal(dw_window_advance(w, INT64_C(3000000000000), hear, &h), DW_OK);
    dw_buf_byte(&h.text, 0);
    assert_int_equal(h.alerts, 1);
    has(&h, "\"value\":[\"heavy\"]");
    assert_true(dw_counter_get(DW_C_detect_slots_taken) > before + 1000);
    dw_window_free(w);
    dw_buf_fini(&h.text);
    memset(&h, 0, sizeof h);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_value_that_hardly_ever_came_is_told_and_a_common_one_is_not),
        cmocka_unit_test(rare_may_be_a_number_and_both_must_hold),
        cmocka_unit_test(what_left_the_window_counts_no_more),
        cmocka_unit_test(values_beyond_the_bound_are_forgotten_and_counted),
        cmocka_unit_test(many_more_values_are_told_and_many_more_events_are_not),
        cmocka_unit_test(the_count_of_values_is_within_its_error),
        cmocka_unit_test(a_value_with_more_than_its_share_is_told_once_while_it_is_heavy),
        cmocka_unit_test(only_what_is_certain_counts_among_more_values_than_slots),
    };
    sbed_init(&b);
    int rc = cmocka_run_group_tests(tests, NULL, NULL);
    sbed_fini(&b);
    return rc;
}
