/* Tests of impossible_travel: who cannot have been in two places, who may have, and of whom nothing can be said. */
#include "detect_bed.h"

#include "dogwatch/base/counter.h"

enum { PARIS, LYON, SYDNEY, YORK, VAGUE, CITIES };
static const struct {
    const char *address;
    struct dw_place place;
} cities[CITIES] = {{"192.0.2.1", {48856600, 2352200, 0, "Paris, FR"}}, {"192.0.2.2", {45764000, 4835700, 0, "Lyon, FR"}}, {"203.0.113.1", {-33868800, 151209300, 0, "Sydney, AU"}},
    {"2001:db8::1", {40712800, -74006000, 0, "New York, US"}}, {"198.51.100.1", {40712800, -74006000, 5500, "US"}}};

static bool find_city(const struct dw_places *p, const struct dw_ip *ip, struct dw_place *ret)
{
    (void)p;
    for (size_t i = 0; i < CITIES; i++) {
        struct dw_ip known;
        if (!dw_ip_parse(dw_str_of(cities[i].address), &known) || memcmp(&known, ip, sizeof known) != 0)
            continue;
        *ret = cities[i].place;
        return true;
    }
    return false;
}

static struct dw_places atlas = {.find = find_city, .hash = {0xa1}};

static void travel(const char *more)
{
    char text[400];
    (void)snprintf(text, sizeof text, "  type: impossible_travel\n  field: v\n  timespan: 1d\n%s", more);
    rules_with(text, &(struct dw_ruleset_opts){.places = &atlas});
}

#define HOUR INT64_C(3600)

static void who_is_in_two_places_faster_than_an_airliner_is_told(void **state)
{
    (void)state;
    struct heard h;
    travel("");
    const struct one e[] = {{0, "ann", "192.0.2.1"}, {5 * HOUR, "ann", "2001:db8::1"}, {6 * HOUR, "bob", "2001:db8::1"}, {7 * HOUR, "ann", "2001:db8::1"}};
    run(e, DW_COUNT_OF(e), NULL, 90000, &h);
    assert_int_equal(h.alerts, 1);
    assert_int_equal(h.at[0], 5 * HOUR);
    has(&h, "\"detector\":{\"type\":\"impossible_travel\",\"feature\":\"v\",\"value\":[\"192.0.2.1\",\"2001:db8::1\",\"Paris, FR\",\"New York, US\"],\"baseline\":1000,"
            "\"speed\":1167,\"km\":5837,\"seconds\":18000,\"database\":\"a1000000");
    has(&h, "\"key\":{\"user\":\"ann\"}");
    has(&h, "\"total\":2,\"first\":[\"07000000000000000000000000000000-0\",\"07000000000000000000000000000000-1\"]");
    dw_buf_fini(&h.text);
    same_in_any_order(e, DW_COUNT_OF(e), 90000);
}

static void who_had_the_time_or_is_near_is_not(void **state)
{
    (void)state;
    struct heard h;
    travel("");
    const struct one slow[] = {{0, "ann", "192.0.2.1"}, {6 * HOUR, "ann", "2001:db8::1"}, {7 * HOUR, "ann", "2001:db8::1"}};
    run(slow, DW_COUNT_OF(slow), NULL, 90000, &h);
    assert_int_equal(h.alerts, 0);
    dw_buf_fini(&h.text);
    const struct one near[] = {{0, "ann", "192.0.2.1"}, {1, "ann", "192.0.2.2"}, {1, "ann", "192.0.2.1"}}; /* 392 km */
    run(near, DW_COUNT_OF(near), NULL, 90000, &h);
    assert_int_equal(h.alerts, 0);
    dw_buf_fini(&h.text);
    const struct one forgotten[] = {{0, "ann", "192.0.2.1"}, {86400, "ann", "203.0.113.1"}};
    run(forgotten, DW_COUNT_OF(forgotten), NULL, 200000, &h);
    assert_int_equal(h.alerts, 0);
    dw_buf_fini(&h.text);
    const struct one vague[] = {{0, "ann", "192.0.2.1"}, {60, "ann", "198.51.100.1"}}; /* 5837 km, but it may be 337 */
    run(vague, DW_COUNT_OF(vague), NULL, 90000, &h);
    assert_int_equal(h.alerts, 0);
    dw_buf_fini(&h.text);
    travel("  min_distance: 300\n  max_speed: 20000\n");
    run(near, DW_COUNT_OF(near), NULL, 90000, &h);
    assert_int_equal(h.alerts, 1);
    has(&h, "\"speed\":1.4076e+06,\"km\":391,\"seconds\":1");
    dw_buf_fini(&h.text);
    run(vague, DW_COUNT_OF(vague), NULL, 90000, &h);
    assert_int_equal(h.alerts, 1);
    dw_buf_fini(&h.text);
}

static void whoever_goes_to_and_fro_is_one_finding_until_a_day_is_calm(void **state)
{
    (void)state;
    struct heard h;
    travel("");
    struct one e[13];
    for (int i = 0; i < 12; i++)
        e[i] = (struct one){i * HOUR, "ann", cities[i % 2 ? SYDNEY : PARIS].address};
    e[12] = (struct one){11 * HOUR + 86401, "ann", "192.0.2.1"}; /* too late to be compared */
    run(e, DW_COUNT_OF(e), NULL, 300000, &h);
    assert_int_equal(h.alerts, 1);
    assert_int_equal(h.updates, 2); /* at 4 and 8 events */
    dw_buf_fini(&h.text);
    same_in_any_order(e, DW_COUNT_OF(e), 300000);
}

static void what_has_no_place_takes_no_part_and_is_counted(void **state)
{
    (void)state;
    struct heard h;
    uint64_t places = dw_counter_get(DW_C_correlate_no_place), values = dw_counter_get(DW_C_correlate_no_value);
    travel("");
    const struct one e[] = {{0, "ann", "192.0.2.1"}, {1, "ann", "10.0.0.1"}, {2, "ann", "203.0.113.200"}, {3, "ann", "somewhere"}, {4, "ann", ""}, {5, "ann", "::1"},
        {6, "ann", "192.0.2.2"}};
    run(e, DW_COUNT_OF(e), NULL, 90000, &h);
    assert_int_equal(h.alerts, 0);
    assert_int_equal(dw_counter_get(DW_C_correlate_no_place), places + 3);
    assert_int_equal(dw_counter_get(DW_C_correlate_no_value), values + 2);
    dw_buf_fini(&h.text);
}

/* Goal:   without a database a rule is there, raises nothing, and its member stays a member; with another one it decides otherwise.
 * Method: the same rule with none, with one, and with one of another hash. */
static void a_rule_without_places_sleeps_and_another_database_is_another_rule(void **state)
{
    (void)state;
    struct heard h = {.alerts = 0};
    uint8_t with[DW_SHA256_BYTES];
    uint32_t first = 99;
    uint64_t places = dw_counter_get(DW_C_correlate_no_place);
    const struct one e[] = {{0, "ann", "192.0.2.1"}, {5, "ann", "203.0.113.1"}};
    travel("");
    memcpy(with, dw_ruleset_rule(b.rs, 1)->logic_hash, sizeof with);
    assert_int_equal(dw_ruleset_asleep(b.rs, &first), 0);
    assert_ptr_equal(dw_ruleset_places(b.rs), &atlas);
    struct dw_window *w = dw_window_new(b.rs, NULL);
    struct dw_buf state_of = {0};
    feed(w, &e[0], 0, false);
    assert_int_equal(dw_window_advance(w, 1000000000, hear, &h), DW_OK);
    feed(w, &e[1], 1, false);
    dw_window_save(w, &state_of);
    dw_window_free(w);
    struct dw_places other = atlas;
    other.hash[0] = 0xb2;
    rules_with("  type: impossible_travel\n  field: v\n  timespan: 1d\n", &(struct dw_ruleset_opts){.places = &other});
    assert_memory_not_equal(with, dw_ruleset_rule(b.rs, 1)->logic_hash, sizeof with);
    uint64_t dropped = dw_counter_get(DW_C_correlate_state_dropped);
    w = dw_window_new(b.rs, NULL);
    assert_int_equal(dw_window_load(w, dw_buf_view(&state_of)), DW_OK);
    assert_int_equal(dw_counter_get(DW_C_correlate_state_dropped), dropped + 2); /* the key, and what waited */
    dw_window_free(w);
    dw_buf_fini(&state_of);
    rules("  type: impossible_travel\n  field: v\n  timespan: 1d\n");
    assert_int_equal(dw_ruleset_asleep(b.rs, &first), 1);
    assert_int_equal(first, 1);
    assert_true(dw_ruleset_rule(b.rs, 0)->silent);
    run(e, DW_COUNT_OF(e), NULL, 90000, &h);
    assert_int_equal(h.alerts, 0);
    assert_int_equal(dw_counter_get(DW_C_correlate_no_place), places + 2);
    dw_buf_fini(&h.text);
}

/* Goal:   a snapshot is believed only where observe can rely on it.
 * Method: each byte of one is changed; it loads, or is refused, and then it goes on. */
static void a_changed_snapshot_is_refused_or_goes_on(void **state)
{
    (void)state;
    struct heard h = {.alerts = 0};
    struct dw_buf saved = {0};
    travel("");
    struct dw_window *w = dw_window_new(b.rs, NULL);
    const struct one e[] = {{0, "ann", "192.0.2.1"}, {1, "ann", "203.0.113.1"}, {2, "ann", "192.0.2.1"}};
    feed(w, &e[0], 0, false);
    assert_int_equal(dw_window_advance(w, 1, hear, &h), DW_OK);
    feed(w, &e[1], 1, false);
    dw_window_save(w, &saved);
    dw_window_free(w);
    for (size_t i = 4; i < saved.len; i++) {
        saved.ptr[i] = (char)(saved.ptr[i] ^ 0x41);
        w = dw_window_new(b.rs, NULL);
        int rc = dw_window_load(w, dw_buf_view(&saved));
        assert_true(rc == DW_OK || rc == DW_ECORRUPT);
        if (rc == DW_OK) {
            feed(w, &e[2], 2, false);
            assert_int_equal(dw_window_flush(w, hear, &h), DW_OK);
        }
        dw_window_free(w);
        saved.ptr[i] = (char)(saved.ptr[i] ^ 0x41);
    }
    dw_buf_fini(&saved);
    dw_buf_fini(&h.text);
}

/* Goal:   no time that a log may say breaks arithmetic, and how often the watermark moves changes nothing.
 * Method: the first and the last times there are, from two places; then a key that pauses for longer than it is kept. */
static void times_and_watermarks_do_no_harm(void **state)
{
    (void)state;
    static const int64_t times[] = {INT64_MIN, INT64_MIN + 1, -1, 0, INT64_MAX - 1, INT64_MAX};
    struct heard h = {.alerts = 0};
    rules_with("  type: impossible_travel\n  field: v\n  timespan: 100y\n", &(struct dw_ruleset_opts){.places = &atlas});
    struct dw_window *w = dw_window_new(b.rs, NULL);
    for (size_t i = 0; i < DW_COUNT_OF(times); i++) {
        (void)sbed_event(&b, i % 2 ? "user=u|v=192.0.2.1" : "user=u|v=203.0.113.1", "-");
        b.ev.time_ns = times[i];
        b.ev.start = i;
        b.ev.stream = &stream;
        assert_int_equal(dw_window_match(w, 0, &b.ev, false), DW_OK);
    }
    assert_int_equal(dw_window_advance(w, INT64_MAX, hear, &h), DW_OK);
    dw_window_free(w);
    dw_buf_fini(&h.text);
    struct one e[60];
    for (int i = 0; i < 60; i++)
        e[i] = (struct one){i < 30 ? i : i + 300, "u", cities[i % 7 == 6 ? SYDNEY : PARIS].address};
    rules_with("  type: impossible_travel\n  field: v\n  timespan: 20s\n", &(struct dw_ruleset_opts){.places = &atlas});
    same_in_any_order(e, DW_COUNT_OF(e), 500);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(who_is_in_two_places_faster_than_an_airliner_is_told),
        cmocka_unit_test(who_had_the_time_or_is_near_is_not),
        cmocka_unit_test(whoever_goes_to_and_fro_is_one_finding_until_a_day_is_calm),
        cmocka_unit_test(what_has_no_place_takes_no_part_and_is_counted),
        cmocka_unit_test(a_rule_without_places_sleeps_and_another_database_is_another_rule),
        cmocka_unit_test(times_and_watermarks_do_no_harm),
        cmocka_unit_test(a_changed_snapshot_is_refused_or_goes_on),
    };
    sbed_init(&b);
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    sbed_fini(&b);
    return failed;
}
