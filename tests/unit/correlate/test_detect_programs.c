/* Tests of the detectors that look for programs: names that were made up, and events as regular as a clock. */
#include "detect_bed.h"

#include "dogwatch/base/counter.h"

/* ---- entropy_dga ---- */

/* Whether one event with that name is told; each is asked of a key of its own. */
static bool looks_made_up(const char *name)
{
    struct heard h;
    const struct one e[] = {{0, "u", name}};
    run(e, 1, NULL, 10, &h);
    dw_buf_fini(&h.text);
    return h.alerts == 1;
}

static void a_name_of_chance_is_told_and_names_of_people_and_networks_are_not(void **state)
{
    (void)state;
    static const char *const made[] = {"xqzvkwpjtrnb.example", "www.qhvzkxjwpfdm.example.", "TXKQVUZWPHJD.CO.UK", "vkq7zx1wpj9hfdm.ddns.net", "zkxqvwjhgptrnbdf"};
    static const char *const named[] = {"dogwatch.example", "mail.google.com", "d3k2jq9xw7zvbn.cloudfront.net", "e6858.dscx.akamaiedge.net", "r3---sn-4g5e6nzz.googlevideo.com",
        "xkqzvwpjhtrnb.azurewebsites.net", "international-business.co.uk", "xn--gmq37wp1b28jqz4b.org", "192.0.2.17", "2001:db8::17", "qxz.example", "aaaaaaaaaaaa.example", "", ".", "..", "ddns.net", "com"};
    rules("  type: entropy_dga\n  field: v\n  timespan: 100s\n");
    for (size_t i = 0; i < DW_COUNT_OF(made); i++)
        if (!looks_made_up(made[i]))
            fail_msg("%s is not told", made[i]);
    for (size_t i = 0; i < DW_COUNT_OF(named); i++)
        if (looks_made_up(named[i]))
            fail_msg("%s is told", named[i]);
}

static void many_made_up_names_are_one_finding(void **state)
{
    (void)state;
    struct heard h;
    rules("  type: entropy_dga\n  field: v\n  timespan: 100s\n  condition: {gte: 3}\n");
    const struct one e[] = {{0, "u", "xqzvkwpjtrnb.example"}, {1, "u", "a.xqzvkwpjtrnb.example"}, {2, "u", "qhvzkxjwpfdm.example"}, {3, "v", "txkqvuzwphjd.example"}, {4, "u", "dogwatch.example"},
        {5, "u", "txkqvuzwphjd.example"}, {6, "u", "zkxqvwjhgptrnbdf.example"}, {7, "u", "zkxqvwjhgptrnbdf.example"}, {300, "u", "jqxkzvwbtphd.example"}};
    run(e, DW_COUNT_OF(e), NULL, 400, &h);
    assert_int_equal(h.alerts, 1); /* by the third label of u; one more is an update */
    assert_int_equal(h.at[0], 5);
    assert_int_equal(h.updates, 1);
    has(&h, "\"detector\":{\"type\":\"entropy_dga\",\"feature\":\"v\",\"value\":[\"txkqvuzwphjd.example\"],\"baseline\":70,\"count\":3,\"score\":");
    has(&h, "\"total\":3");
    dw_buf_fini(&h.text);
    same_in_any_order(e, DW_COUNT_OF(e), 400);
}

static void names_beyond_the_bound_are_forgotten_and_counted(void **state)
{
    (void)state;
    static struct heard h;
    struct dw_rng rng = {.state = 5};
    uint64_t before = dw_counter_get(DW_C_correlate_window_capped);
    rules("  type: entropy_dga\n  field: v\n  timespan: 1d\n  score: 1\n");
    struct dw_window *w = dw_window_new(b.rs, NULL);
    for (uint32_t i = 0; i < 1200; i++) {
        char name[16] = {0};
        for (int k = 0; k < 14; k++)
            name[k] = (char)('a' + dw_rng_below(&rng, 26));
        const struct one e = {(int64_t)i, "u", name};
        feed(w, &e, i, false);
    }
    assert_int_equal(dw_window_advance(w, INT64_C(3000000000000), hear, &h), DW_OK);
    assert_int_equal(h.alerts, 1);
    assert_true(dw_counter_get(DW_C_correlate_window_capped) > before + 100);
    dw_window_free(w);
    dw_buf_fini(&h.text);
}

/* ---- beacon ---- */

/* Events from `from` on, each `every` seconds after the one before, give or take `jitter`, until `end`; a size in v. */
static uint32_t beats(struct one *e, uint32_t count, int64_t from, int64_t end, int64_t every, int64_t jitter)
{
    struct dw_rng rng = {.state = 7};
    for (int64_t t = from; t < end; t += every + (jitter ? (int64_t)dw_rng_below(&rng, 2 * (uint64_t)jitter + 1) - jitter : 0))
        e[count++] = (struct one){t, "u", "512"};
    return count;
}

static void what_comes_as_by_a_clock_is_a_beacon(void **state)
{
    (void)state;
    static struct one e[EVENTS_MAX];
    struct heard h;
    rules("  type: beacon\n  field: v\n  timespan: 240s\n  score: 95\n");
    uint32_t count = beats(e, 0, 0, 250, 2, 0);
    run(e, count, NULL, 400, &h);
    assert_int_equal(h.alerts, 1);
    has(&h, "\"detector\":{\"type\":\"beacon\",\"feature\":\"interval\",\"value\":2,\"baseline\":95,\"spread\":0,\"score\":");
    dw_buf_fini(&h.text);
    same_in_any_order(e, count, 400);
    rules("  type: beacon\n  field: v\n  timespan: 1440s\n");
    count = beats(e, 0, 0, 1500, 20, 5); /* with jitter, as the better ones do */
    run(e, count, NULL, 2000, &h);
    assert_int_equal(h.alerts, 1);
    dw_buf_fini(&h.text);
}

/* Goal:   what a person does is none: bursts with pauses between, sizes of all kinds.
 * Method: twelve bursts of a few requests at odd times; and a clock that has run for too short a while; and three events. */
static void what_a_person_does_is_none(void **state)
{
    (void)state;
    static struct one e[EVENTS_MAX];
    static char size[EVENTS_MAX][12];
    struct dw_rng rng = {.state = 9};
    struct heard h;
    uint32_t count = 0;
    for (int burst = 0; burst < 12; burst++) {
        int64_t at = (int64_t)dw_rng_below(&rng, 1400);
        for (uint64_t n = 3 + dw_rng_below(&rng, 12); n > 0; n--, count++) {
            (void)snprintf(size[count], sizeof size[count], "%u", (unsigned)dw_rng_below(&rng, 100000));
            e[count] = (struct one){at += (int64_t)dw_rng_below(&rng, 4), "u", size[count]};
        }
    }
    rules("  type: beacon\n  field: v\n  timespan: 1440s\n");
    run(e, count, NULL, 2000, &h);
    assert_int_equal(h.alerts, 0);
    dw_buf_fini(&h.text);
    run(e, beats(e, 0, 0, 200, 10, 0), NULL, 2000, &h);
    assert_int_equal(h.alerts, 0); /* for less than six of the 24 parts */
    dw_buf_fini(&h.text);
    rules("  type: beacon\n  timespan: 1440s\n  score: 1\n");
    run(e, beats(e, 0, 0, 1400, 500, 0), NULL, 2000, &h);
    assert_int_equal(h.alerts, 0);
    dw_buf_fini(&h.text);
}

static void a_beacon_that_goes_on_is_told_once_and_is_calm_before_it_is_a_new_one(void **state)
{
    (void)state;
    static struct one e[EVENTS_MAX];
    struct heard h;
    rules("  type: beacon\n  timespan: 240s\n  condition: {gte: 50}\n");
    uint32_t count = beats(e, 0, 0, 1000, 2, 0);
    count = beats(e, count, 2000, 2300, 2, 0);
    run(e, count, NULL, 3000, &h);
    assert_int_equal(h.alerts, 2);
    dw_buf_fini(&h.text);
    same_in_any_order(e, count, 3000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_name_of_chance_is_told_and_names_of_people_and_networks_are_not),
        cmocka_unit_test(many_made_up_names_are_one_finding),
        cmocka_unit_test(names_beyond_the_bound_are_forgotten_and_counted),
        cmocka_unit_test(what_comes_as_by_a_clock_is_a_beacon),
        cmocka_unit_test(what_a_person_does_is_none),
        cmocka_unit_test(a_beacon_that_goes_on_is_told_once_and_is_calm_before_it_is_a_new_one),
    };
    sbed_init(&b);
    int rc = cmocka_run_group_tests(tests, NULL, NULL);
    sbed_fini(&b);
    return rc;
}
