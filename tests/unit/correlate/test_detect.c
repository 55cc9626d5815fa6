/* Tests of correlate/detect: each detector with what it must tell, what it must not, events that come late, and in any order. */
#include "detect_bed.h"

#include "dogwatch/base/counter.h"
#include "dogwatch/template/template.h"

/* ---- new_value ---- */

static void a_new_value_is_told_once_it_is_known_what_is_usual(void **state)
{
    (void)state;
    struct heard h;
    rules("  type: new_value\n  field: v\n  timespan: 100s\n  learn: 20s\n");
    const struct one e[] = {{0, "ann", "home"}, {5, "ann", "work"}, {30, "ann", "home"}, {31, "ann", "cafe"}, {32, "ann", "cafe"},
        {33, "bob", "cafe"}, {110, "ann", "work"}, {120, "ann", "home"}, {121, "ann", ""}};
    run(e, DW_COUNT_OF(e), NULL, 200, &h);
    assert_int_equal(h.alerts, 2); /* cafe at 31: home and work are known. work at 110: last seen at 5, which is forgotten. Of bob nothing is known */
    assert_int_equal(h.at[0], 31);
    assert_int_equal(h.at[1], 110);
    has(&h, "\"detector\":{\"type\":\"new_value\",\"feature\":\"v\",\"value\":[\"cafe\"],\"baseline\":2}");
    has(&h, "\"key\":{\"user\":\"ann\"}");
    dw_buf_fini(&h.text);
    same_in_any_order(e, DW_COUNT_OF(e), 200);
}

static void nothing_is_new_while_it_learns_nor_by_late_events(void **state)
{
    (void)state;
    static struct heard h;
    uint64_t before = dw_counter_get(DW_C_correlate_events_late);
    rules("  type: new_value\n  field: v\n  timespan: 100s\n  learn: 50s\n");
    const struct one learning[] = {{0, "u", "a"}, {10, "u", "b"}, {49, "u", "c"}}, known = {60, "u", "a"}, late = {61, "u", "z"};
    struct dw_window *w = dw_window_new(b.rs, NULL);
    for (uint32_t i = 0; i < DW_COUNT_OF(learning); i++)
        feed(w, &learning[i], i, false);
    feed(w, &known, 3, false);
    feed(w, &late, 4, true);
    assert_int_equal(dw_window_advance(w, 70000000000, hear, &h), DW_OK);
    assert_int_equal(h.alerts, 0);
    assert_int_equal(dw_counter_get(DW_C_correlate_events_late), before + 1);
    dw_buf_fini(&h.text);
    dw_window_free(w);
}

/* ---- new_template ---- */

static void a_new_kind_of_message_is_told_and_new_numbers_are_not(void **state)
{
    (void)state;
    struct heard h;
    rules("  type: new_template\n  field: v\n  timespan: 100s\n  learn: 20s\n");
    const struct one e[] = {{0, "db", "took 3 ms"}, {5, "db", "vacuum of 192.0.2.1 done"}, {30, "db", "took 41 ms"}, {31, "db", "cannot open /var/lib/x: broken page 7"},
        {32, "db", "cannot open /var/lib/y: broken page 8"}, {33, "web", "took 3 ms"}, {120, "db", "vacuum of 192.0.2.9 done"}, {125, "db", "took 1 ms"}};
    run(e, DW_COUNT_OF(e), NULL, 200, &h);
    assert_int_equal(h.alerts, 2); /* vacuum at 120: last seen at 5, which is forgotten. Of web nothing is known */
    assert_int_equal(h.at[0], 31);
    assert_int_equal(h.at[1], 120);
    has(&h, "\"detector\":{\"type\":\"new_template\",\"feature\":\"v\",\"value\":[\"cannot open <*>: broken page <*>\"],\"baseline\":2}");
    dw_buf_fini(&h.text);
    same_in_any_order(e, DW_COUNT_OF(e), 200);
}

/* Goal:   who has seen that a word is a name is told no further name, and still other words.
 * Method: three names are enough here; the fourth is known, other words in its place's neighbours are not. */
static void names_are_values_once_enough_were_seen(void **state)
{
    (void)state;
    struct heard h;
    rules("  type: new_template\n  field: v\n  timespan: 1000s\n  learn: 10s\n  fanout: 3\n");
    const struct one e[] = {{0, "u", "session of ann opened"}, {1, "u", "session of bob opened"}, {20, "u", "session of carl opened"}, {21, "u", "session of dora opened"},
        {22, "u", "session of emil opened"}, {23, "u", "session of emil closed"}, {24, "u", "session of fred opened"}};
    run(e, DW_COUNT_OF(e), NULL, 200, &h);
    assert_int_equal(h.alerts, 2); /* carl: only two names were known; and that one was closed */
    assert_int_equal(h.at[0], 20);
    assert_int_equal(h.at[1], 23);
    dw_buf_fini(&h.text);
    same_in_any_order(e, DW_COUNT_OF(e), 200);
}

static void it_waits_for_warmup_and_for_as_many_as_the_condition_says(void **state)
{
    (void)state;
    struct heard h;
    rules("  type: new_template\n  field: v\n  timespan: 1000s\n  learn: 1s\n  warmup: 3\n  condition: {gte: 2}\n");
    const struct one e[] = {{0, "u", "alpha runs"}, {10, "u", "beta broke down"}, {11, "u", "alpha runs"}, {12, "u", "gamma is not here"}, {13, "u", "alpha runs"},
        {14, "u", "gamma is not here"}, {15, "u", "gamma is not here"}, {16, "u", "delta"}};
    run(e, DW_COUNT_OF(e), NULL, 200, &h);
    assert_int_equal(h.alerts, 1); /* beta came within the warm-up, delta once */
    assert_int_equal(h.at[0], 14);
    dw_buf_fini(&h.text);
    same_in_any_order(e, DW_COUNT_OF(e), 200);
}

static void what_is_muted_is_not_told_until_the_mute_is_over(void **state)
{
    (void)state;
    struct heard h;
    char id[DW_TEMPLATE_ID_TEXT];
    struct dw_buf detector = {0};
    dw_template_id(DW_STR("gamma <*>"), id);
    dw_buf_printf(&detector, "  type: new_template\n  field: v\n  timespan: 30s\n  learn: 5s\n  mute:\n"
                             "    - {template: 'beta <*>', until: '1970-01-01T00:00:50Z'}\n    - {template: '%s', until: 1970-01-02}\n%c", id, 0);
    rules(detector.ptr);
    dw_buf_fini(&detector);
    const struct one e[] = {{0, "u", "alpha"}, {10, "u", "beta 1"}, {11, "u", "gamma 2"}, {12, "u", "delta 3"}, {49, "u", "gamma 4"}, {51, "u", "beta 5"}};
    run(e, DW_COUNT_OF(e), NULL, 200, &h);
    assert_int_equal(h.alerts, 2); /* beta at 51: forgotten, and no longer muted */
    assert_int_equal(h.at[0], 12);
    assert_int_equal(h.at[1], 51);
    dw_buf_fini(&h.text);
    same_in_any_order(e, DW_COUNT_OF(e), 200);
}

static void templates_beyond_the_bound_are_forgotten_and_counted(void **state)
{
    (void)state;
    static struct heard h;
    char value[128];
    uint64_t before = dw_counter_get(DW_C_correlate_window_capped);
    struct dw_window *w;
    rules("  type: new_template\n  field: v\n  timespan: 1d\n  learn: 1d\n  fanout: 1000\n");
    w = dw_window_new(b.rs, NULL);
    for (uint32_t i = 0; i < 3000; i++) {
        (void)snprintf(value, sizeof value, "%c%c%c says %c%c", 'g' + (int)(i % 17), 'g' + (int)(i / 17 % 17), 'g' + (int)(i / 289), 'g' + (int)(i % 13), 'g' + (int)(i % 11));
        const struct one e = {(int64_t)i, "u", value};
        feed(w, &e, i, false);
    }
    assert_int_equal(dw_window_advance(w, INT64_C(3000000000000), hear, &h), DW_OK);
    assert_int_equal(h.alerts, 0);
    assert_true(dw_counter_get(DW_C_correlate_window_capped) > before);
    dw_window_free(w);
    dw_buf_fini(&h.text);
}

/* ---- rate_spike ---- */

/* `n` events of a key spread over the ten seconds from `from` on. */
static uint32_t span(struct one *e, uint32_t count, int64_t from, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++)
        e[count++] = (struct one){from + 10 * i / n, "u", "2"};
    return count;
}

static uint32_t steady(struct one *e)
{
    static const uint8_t usual[] = {5, 6, 4, 5, 7, 5, 4, 6, 5, 5, 6, 4};
    uint32_t count = 0;
    for (uint32_t i = 0; i < DW_COUNT_OF(usual); i++)
        count = span(e, count, 10 * i, usual[i]);
    return count;
}

static void many_more_than_usual_is_told_by_the_event_that_makes_it_so(void **state)
{
    (void)state;
    static struct one e[EVENTS_MAX];
    struct heard h;
    rules("  type: rate_spike\n  timespan: 10s\n  history: 12\n");
    uint32_t count = steady(e), spike = count;
    count = span(e, count, 120, 40);
    count = span(e, count, 130, 5);
    run(e, count, NULL, 200, &h);
    assert_int_equal(h.alerts, 1);
    /* median 5, MAD 0.5, square root of 5: the spread is 2.236, so the thirteenth is more than 3.5 times that away */
    assert_int_equal(h.at[0], e[spike + 12].at);
    has(&h, "\"detector\":{\"type\":\"rate_spike\",\"feature\":\"events\",\"value\":13,\"baseline\":5,\"spread\":2.23606797749979,\"score\":3.577");
    has(&h, "\"spans\":12}");
    has(&h, "\"total\":13");
    assert_true(h.updates >= 1); /* twice as many */
    dw_buf_fini(&h.text);
    same_in_any_order(e, count, 200);
}

static void what_is_usual_or_under_the_floor_is_no_spike(void **state)
{
    (void)state;
    static struct one e[EVENTS_MAX];
    struct heard h;
    rules("  type: rate_spike\n  timespan: 10s\n  history: 12\n");
    uint32_t count = steady(e);
    run(e, span(e, count, 120, 8), NULL, 200, &h);
    assert_int_equal(h.alerts, 0);
    dw_buf_fini(&h.text);
    rules("  type: rate_spike\n  timespan: 10s\n  history: 12\n  condition: {gte: 50}\n");
    run(e, span(e, count, 120, 40), NULL, 200, &h);
    assert_int_equal(h.alerts, 0);
    dw_buf_fini(&h.text);
    rules("  type: rate_spike\n  timespan: 10s\n  history: 12\n"); /* too little is known of a key that has only begun */
    count = span(e, 0, 0, 3);
    run(e, span(e, count, 10, 500), NULL, 200, &h);
    assert_int_equal(h.alerts, 0);
    dw_buf_fini(&h.text);
}

static void much_less_is_told_when_its_span_is_over(void **state)
{
    (void)state;
    static struct one e[EVENTS_MAX];
    struct heard h;
    uint32_t count = 0;
    for (int64_t t = 0; t < 200; t += 10)
        count = span(e, count, t, 50);
    count = span(e, count, 200, 5); /* then one span with a tenth, one with nothing, one as usual */
    count = span(e, count, 220, 50);
    rules("  type: rate_spike\n  timespan: 10s\n  history: 20\n  direction: down\n");
    run(e, count, NULL, 300, &h);
    assert_int_equal(h.alerts, 1);
    assert_int_equal(h.at[0], 220);
    has(&h, "\"detector\":{\"type\":\"rate_spike\",\"feature\":\"events\",\"value\":5,");
    has(&h, "\"window\":{\"start\":\"1970-01-01T00:03:20.000000000Z\",\"end\":\"1970-01-01T00:03:30.000000000Z\"}");
    dw_buf_fini(&h.text);
    same_in_any_order(e, count, 300);
    rules("  type: rate_spike\n  timespan: 10s\n  history: 20\n");
    run(e, count, NULL, 300, &h);
    assert_int_equal(h.alerts, 0);
    dw_buf_fini(&h.text);
}

static void an_outage_of_any_length_is_told_once_it_is_over(void **state)
{
    (void)state;
    static const int64_t gaps[] = {1, 2, 5, 20, 40, 5000};
    static struct one e[EVENTS_MAX];
    for (size_t g = 0; g < DW_COUNT_OF(gaps); g++) {
        struct heard h;
        uint32_t count = 0;
        for (int64_t t = 0; t < 300; t += 10)
            count = span(e, count, t, 50);
        e[count++] = (struct one){300 + 10 * gaps[g], "u", "2"};
        rules("  type: rate_spike\n  timespan: 10s\n  history: 20\n  direction: both\n");
        run(e, count, NULL, 100000, &h);
        assert_int_equal(h.alerts, 20 * gaps[g] >= 20 * 21 ? 0 : 1); /* what is forgotten is learned anew */
        if (h.alerts)
            has(&h, "\"window\":{\"start\":\"1970-01-01T00:05:00.000000000Z\",\"end\":\"1970-01-01T00:05:10.000000000Z\"}");
        dw_buf_fini(&h.text);
    }
}

static void one_old_spike_hides_no_new_one(void **state)
{
    (void)state;
    static struct one e[EVENTS_MAX * 4];
    struct heard h;
    uint32_t count = 0;
    for (int64_t t = 0; t < 700; t += 10)
        count = span(e, count, t, 5); /* as even as can be: the MAD is 0 */
    count = span(e, count, 700, 3000);
    for (int64_t t = 710; t < 850; t += 10)
        count = span(e, count, t, 5);
    count = span(e, count, 850, 200);
    rules("  type: rate_spike\n  timespan: 10s\n  history: 60\n");
    run(e, count, NULL, 1000, &h);
    assert_int_equal(h.alerts, 2);
    assert_int_equal(h.at[1] / 10, 85);
    dw_buf_fini(&h.text);
}

static void a_short_history_tells_an_anomaly_once_too(void **state)
{
    (void)state;
    static struct one e[EVENTS_MAX];
    struct heard h;
    uint32_t count = steady(e);
    rules("  type: rate_spike\n  timespan: 10s\n  history: 4\n");
    run(e, span(e, count, 120, 200), NULL, 200, &h);
    assert_int_equal(h.alerts, 1);
    dw_buf_fini(&h.text);
}

/* Goal:   whether a key that is over was swept yet is chance, and changes nothing.
 * Method: a key that pauses for longer than it is kept, with the watermark in one step and in many. */
static void how_often_the_watermark_moves_changes_nothing(void **state)
{
    (void)state;
    static const char *const detectors[] = {"  type: new_value\n  field: v\n  timespan: 20s\n  learn: 5s\n", "  type: rate_spike\n  timespan: 5s\n  history: 4\n  direction: both\n",
        "  type: silence\n  timespan: 10s\n  learn: 2s\n", "  type: new_template\n  timespan: 20s\n  learn: 5s\n  field: v\n",
        "  type: rare_value\n  field: v\n  timespan: 20s\n  learn: 2s\n  warmup: 1\n  condition: {lte: 3}\n", "  type: cardinality_spike\n  field: v\n  timespan: 5s\n  history: 4\n  direction: both\n",
        "  type: heavy_hitter\n  field: v\n  timespan: 5s\n  warmup: 2\n",
        "  type: entropy_dga\n  field: v\n  timespan: 20s\n  score: 1\n", "  type: beacon\n  timespan: 24s\n  score: 1\n"};
    for (size_t d = 0; d < DW_COUNT_OF(detectors); d++) {
        struct heard h[2];
        rules(detectors[d]);
        for (int many = 0; many < 2; many++) {
            struct dw_window *w = dw_window_new(b.rs, NULL);
            memset(&h[many], 0, sizeof h[many]);
            for (uint32_t i = 0; i < 60; i++) {
                struct one e = {i < 30 ? i : i + 300, "u", i < 58 ? "a" : "b"};
                feed(w, &e, i, false);
                for (int k = 0; many && k < 100; k++)
                    assert_int_equal(dw_window_advance(w, e.at * 1000000000, hear, &h[many]), DW_OK);
            }
            assert_int_equal(dw_window_advance(w, 500000000000, hear, &h[many]), DW_OK);
            dw_buf_byte(&h[many].text, 0);
            dw_window_free(w);
        }
        assert_string_equal(h[0].text.ptr, h[1].text.ptr);
        dw_buf_fini(&h[0].text);
        dw_buf_fini(&h[1].text);
    }
}

static void an_account_that_was_away_is_known_though_its_addresses_are_not(void **state)
{
    (void)state;
    struct heard h;
    rules("  type: new_value\n  field: v\n  timespan: 100s\n  learn: 20s\n");
    const struct one e[] = {{0, "ann", "home"}, {30, "ann", "home"}, {180, "ann", "abroad"}, {400, "ann", "moon"}};
    run(e, DW_COUNT_OF(e), NULL, 500, &h);
    assert_int_equal(h.alerts, 1); /* at 180 after 150 s; at 400, after more than twice the timespan, it is learned anew */
    assert_int_equal(h.at[0], 180);
    dw_buf_fini(&h.text);
}

static void a_sum_is_judged_as_a_number(void **state)
{
    (void)state;
    static struct one e[EVENTS_MAX];
    struct heard h;
    uint32_t count = steady(e);
    rules("  type: rate_spike\n  field: v\n  timespan: 10s\n  history: 12\n");
    e[count++] = (struct one){125, "u", "900.5"};
    run(e, count, NULL, 200, &h);
    assert_int_equal(h.alerts, 1);
    has(&h, "\"feature\":\"v\",\"value\":900.5,\"baseline\":10,");
    dw_buf_fini(&h.text);
    e[count - 1] = (struct one){125, "u", "1e308"};
    e[count++] = (struct one){126, "u", "1e308"};
    run(e, count, NULL, 200, &h);
    assert_int_equal(h.alerts, 1);
    assert_null(strstr(h.text.ptr, "null")); /* a sum stays a number */
    dw_buf_fini(&h.text);
}

/* ---- silence ---- */

static bool never_heard(void *arg, const uint8_t id[DW_ID_BYTES], int64_t time_ns)
{
    assert_int_equal(id[0], 7);
    return time_ns <= *(int64_t *)arg;
}

static void a_source_that_stops_is_told_at_its_deadline(void **state)
{
    (void)state;
    struct heard h;
    rules("  type: silence\n  timespan: 30s\n  learn: 20s\n");
    const struct one e[] = {{0, "web", ""}, {10, "web", ""}, {20, "web", ""}, {25, "web", ""}, {40, "once", ""}, {90, "web", ""}, {100, "web", ""}, {115, "web", ""}};
    run(e, DW_COUNT_OF(e), NULL, 140, &h);
    assert_int_equal(h.alerts, 1); /* at 55, 30 s after 25. `once` was not heard for 20 s, and 115 is not long ago enough */
    assert_int_equal(h.at[0], 55);
    has(&h, "\"detector\":{\"type\":\"silence\",\"feature\":\"events\",\"value\":0,\"baseline\":8.333333333333333");
    has(&h, "\"window\":{\"start\":\"1970-01-01T00:00:25.000000000Z\",\"end\":\"1970-01-01T00:00:55.000000000Z\"}");
    has(&h, "\"total\":4");
    dw_buf_fini(&h.text);
    run(e, DW_COUNT_OF(e), NULL, 145, &h);
    assert_int_equal(h.alerts, 2); /* heard again at 90, and silent again at 145 */
    assert_int_equal(h.at[1], 145);
    dw_buf_fini(&h.text);
    same_in_any_order(e, DW_COUNT_OF(e), 200);
}

static void a_source_that_goes_on_is_not_silent(void **state)
{
    (void)state;
    static struct one e[EVENTS_MAX];
    struct heard h;
    for (uint32_t i = 0; i < 20; i++)
        e[i] = (struct one){30 * i, "web", ""};
    rules("  type: silence\n  timespan: 30s\n");
    run(e, 20, NULL, 599, &h);
    assert_int_equal(h.alerts, 0);
    dw_buf_fini(&h.text);
}

/* Goal:   that a host or broker is away makes no source silent: only what the sender said up to the deadline counts.
 * Method: the sender has come up to `said`; then its events come late, and then it is really silent. */
static void no_silence_is_told_of_a_sender_that_is_away(void **state)
{
    (void)state;
    static struct heard h;
    int64_t said = 10000000000;
    uint64_t before = dw_counter_get(DW_C_detect_silence_undecided);
    rules("  type: silence\n  timespan: 30s\n  learn: 5s\n");
    struct dw_window *w = dw_window_new(b.rs, &(struct dw_window_opts){.is_heard = never_heard, .arg = &said});
    const struct one e[] = {{0, "web", ""}, {10, "web", ""}, {95, "web", ""}};
    feed(w, &e[0], 0, false);
    feed(w, &e[1], 1, false);
    assert_int_equal(dw_window_advance(w, 90000000000, hear, &h), DW_OK);
    assert_int_equal(h.alerts, 0);
    assert_int_equal(dw_counter_get(DW_C_detect_silence_undecided), before + 1);
    feed(w, &e[2], 2, false);
    said = 200000000000;
    assert_int_equal(dw_window_advance(w, 120000000000, hear, &h), DW_OK);
    assert_int_equal(h.alerts, 0); /* it is back: between 40 and 95 nobody can say */
    assert_int_equal(dw_window_advance(w, 130000000000, hear, &h), DW_OK);
    assert_int_equal(h.alerts, 1);
    assert_int_equal(h.at[0], 125);
    dw_buf_fini(&h.text);
    dw_window_free(w);
}

static void no_silence_is_told_where_matches_were_refused(void **state)
{
    (void)state;
    static struct heard h;
    rules("  type: silence\n  timespan: 30s\n  learn: 5s\n");
    const struct one e[] = {{0, "web", ""}, {10, "web", ""}, {15, "other", ""}};
    struct dw_window *w = dw_window_new(b.rs, &(struct dw_window_opts){.waiting_bytes_max = 300});
    for (uint32_t i = 0; i < DW_COUNT_OF(e); i++)
        feed(w, &e[i], i, false); /* there is room for two: what comes third may have been of `web` */
    assert_int_equal(dw_window_advance(w, 500000000000, hear, &h), DW_OK);
    assert_int_equal(h.alerts, 0);
    dw_window_free(w);
    w = dw_window_new(b.rs, NULL);
    for (uint32_t i = 0; i < DW_COUNT_OF(e); i++)
        feed(w, &e[i], i, false);
    assert_int_equal(dw_window_advance(w, 500000000000, hear, &h), DW_OK);
    assert_int_equal(h.alerts, 1);
    dw_buf_fini(&h.text);
    dw_window_free(w);
}

/* Goal:   no time that a log may say breaks arithmetic.
 * Method: the first and the last times there are, and one between, under the sanitizer. */
static void the_ends_of_time_do_no_harm(void **state)
{
    (void)state;
    static const char *const detectors[] = {"  type: new_value\n  field: v\n  timespan: 100y\n", "  type: rate_spike\n  timespan: 30d\n  direction: both\n", "  type: silence\n  timespan: 100y\n", "  type: new_template\n  field: v\n  timespan: 100y\n",
        "  type: rare_value\n  field: v\n  timespan: 100y\n", "  type: cardinality_spike\n  field: v\n  timespan: 30d\n  direction: both\n", "  type: heavy_hitter\n  field: v\n  timespan: 100y\n",
        "  type: entropy_dga\n  field: v\n  timespan: 100y\n", "  type: beacon\n  timespan: 100y\n"};
    static const int64_t times[] = {INT64_MIN, INT64_MIN + 1, -1, 0, INT64_MAX - 1, INT64_MAX};
    for (size_t d = 0; d < DW_COUNT_OF(detectors); d++) {
        static struct heard h;
        rules(detectors[d]);
        struct dw_window *w = dw_window_new(b.rs, NULL);
        for (size_t i = 0; i < DW_COUNT_OF(times); i++) {
            (void)sbed_event(&b, "user=u|v=x", "-");
            b.ev.time_ns = times[i];
            b.ev.start = i;
            b.ev.stream = &stream;
            assert_int_equal(dw_window_match(w, 0, &b.ev, false), DW_OK);
        }
        assert_int_equal(dw_window_advance(w, INT64_MAX, hear, &h), DW_OK);
        dw_window_free(w);
        dw_buf_fini(&h.text);
    }
}

/* ---- what is written ---- */

static void mistakes_are_named(void **state)
{
    (void)state;
    static const struct {
        const char *text, *says;
    } bad[] = {
        {"  type: new_template\n  timespan: 1d\n  fanout: 0\n", "a whole number from 1 to 1000"},
        {"  type: new_template\n  timespan: 1d\n  warmup: some\n", "a number: 1000"},
        {"  type: new_template\n  timespan: 1d\n  field: [a, b]\n", "a message is one field"},
        {"  type: new_template\n  timespan: 1d\n  mute: [{template: x}]\n", "each with an end"},
        {"  type: new_template\n  timespan: 1d\n  mute: [{template: x, until: soon}]\n", "until is a day, or an RFC 3339 time"},
        {"  type: new_template\n  timespan: 1d\n  history: 9\n", "only rate_spike and cardinality_spike have it"},
        {"  type: new_value\n  timespan: 1d\n  field: v\n  mute: []\n", "only new_template has it"},
        {"  type: new_values\n  field: v\n  timespan: 1d\n", "did you mean 'new_value'?"},
        {"  type: event_count\n  timespan: 1d\n", "detector: unknown type 'event_count'"},
        {"  type: rare_value\n  timespan: 1d\n  field: v\n  share: 3\n", "a share is a percentage"},
        {"  type: rare_value\n  timespan: 1d\n  field: v\n  condition: {gte: 3}\n", "at most so often is lte or lt"},
        {"  type: heavy_hitter\n  timespan: 1d\n  field: v\n  share: 0.5%\n", "what takes less than 1% is not heavy"},
        {"  type: beacon\n  timespan: 1d\n  score: 0\n", "score is from where on it is told"},
        {"  type: beacon\n  timespan: 1d\n  field: [a, b]\n", "a size is one field"},
        {"  type: entropy_dga\n  timespan: 1d\n  field: [a, b]\n", "a name is one field"},
        {"  type: silence\n  timespan: 1d\n  score: 70\n", "only entropy_dga and beacon have it"},
        {"  type: heavy_hitter\n  timespan: 1d\n", "detector: this type needs a field"},
        {"  type: cardinality_spike\n  timespan: 1d\n  field: v\n  group-by: [v]\n", "so none is ever new, rare, heavy, many or elsewhere"},
        {"  type: impossible_travel\n  timespan: 1d\n", "detector: this type needs a field"},
        {"  type: impossible_travel\n  timespan: 1d\n  field: [v, w]\n", "an address is one field"},
        {"  type: impossible_travel\n  timespan: 1d\n  field: v\n  max_speed: 0\n", "max_speed is in km/h"},
        {"  type: impossible_travel\n  timespan: 1d\n  field: v\n  max_speed: fast\n", "a whole number from 1 to 1000000"},
        {"  type: impossible_travel\n  timespan: 1d\n  field: v\n  min_distance: 20001\n", "min_distance is in km"},
        {"  type: beacon\n  timespan: 1d\n  max_speed: 3\n", "only impossible_travel has it"},
        {"  type: rare_value\n  timespan: 1d\n  field: v\n  warmup: -1\n", "a number: 1000"},
        {"  type: silence\n  timespan: 1d\n  share: 3%\n", "only rare_value and heavy_hitter have it"},
        {"  type: new_value\n  timespan: 1d\n", "detector: this type needs a field"},
        {"  type: silence\n  timespan: 1d\n  learns: 1h\n", "did you mean 'learn'?"},
        {"  type: silence\n  timespan: 1d\n  history: 9\n", "only rate_spike and cardinality_spike have it"},
        {"  type: silence\n  timespan: 1d\n  condition: {gte: 3}\n", "only new_template, rare_value, rate_spike, cardinality_spike, heavy_hitter, entropy_dga and beacon have it"},
        {"  type: silence\n  timespan: 1d\n  field: v\n", "silence is of events"},
        {"  type: rate_spike\n  timespan: 1m\n  history: 3\n", "history is how many spans"},
        {"  type: rate_spike\n  timespan: 1y\n", "history times timespan is over ten years"},
        {"  type: rate_spike\n  timespan: 1m\n  deviations: 0\n", "deviations is how many times"},
        {"  type: rate_spike\n  timespan: 1m\n  direction: left\n", "up, down or both"},
        {"  type: rate_spike\n  timespan: 1m\n  direction: down\n  condition: {gte: 3}\n", "a floor is for what goes up"},
        {"  type: rate_spike\n  timespan: 1m\n  condition: {lt: 3}\n", "a floor is gte or gt"},
        {"  type: new_value\n  timespan: 1d\n  field:\n", "the field is empty"},
        {"  type: new_value\n  timespan: 1d\n  fields: v\n", "did you mean 'field'?"},
        {"  type: new_value\n  timespan: 1d\n  field: v\n  group-by: [v]\n", "none is ever new"},
        {"  type: new_value\n  timespan: 1d\n  field: v\ncorrelation:\n  type: event_count\n  rules: [r]\n  timespan: 1m\n  condition: {gte: 2}\n", "a detector stands alone"},
        {"  type: new_value\n  timespan: 1d\n  field: v\ndetection: {s: {f: 1}, condition: s}\n", "a detector stands alone"},
        {"  type: rate_spike\n", "detector: the timespan is missing"},
        {"  type: silence\n  timespan: 1d\n  learn: soon\n", "detector: not a timespan: 'soon'"},
    };
    for (size_t i = 0; i < DW_COUNT_OF(bad); i++) {
        struct dw_buf yaml = {0};
        dw_buf_printf(&yaml, "title: t\nid: r\nlogsource: {product: x}\ndetection: {s: {f: 1}, condition: s}\n---\ntitle: d\nid: d\ndetector:\n  rules: [r]\n%s%c", bad[i].text, 0);
        assert_int_equal(sbed_rules(&b, yaml.ptr), 1);
        if (!strstr(b.said.ptr, bad[i].says))
            fail_msg("%s\nnot in\n%s", bad[i].says, b.said.ptr);
        dw_buf_fini(&yaml);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_new_value_is_told_once_it_is_known_what_is_usual),
        cmocka_unit_test(nothing_is_new_while_it_learns_nor_by_late_events),
        cmocka_unit_test(a_new_kind_of_message_is_told_and_new_numbers_are_not),
        cmocka_unit_test(names_are_values_once_enough_were_seen),
        cmocka_unit_test(it_waits_for_warmup_and_for_as_many_as_the_condition_says),
        cmocka_unit_test(what_is_muted_is_not_told_until_the_mute_is_over),
        cmocka_unit_test(templates_beyond_the_bound_are_forgotten_and_counted),
        cmocka_unit_test(many_more_than_usual_is_told_by_the_event_that_makes_it_so),
        cmocka_unit_test(what_is_usual_or_under_the_floor_is_no_spike),
        cmocka_unit_test(much_less_is_told_when_its_span_is_over),
        cmocka_unit_test(an_outage_of_any_length_is_told_once_it_is_over),
        cmocka_unit_test(one_old_spike_hides_no_new_one),
        cmocka_unit_test(a_short_history_tells_an_anomaly_once_too),
        cmocka_unit_test(how_often_the_watermark_moves_changes_nothing),
        cmocka_unit_test(an_account_that_was_away_is_known_though_its_addresses_are_not),
        cmocka_unit_test(a_sum_is_judged_as_a_number),
        cmocka_unit_test(a_source_that_stops_is_told_at_its_deadline),
        cmocka_unit_test(a_source_that_goes_on_is_not_silent),
        cmocka_unit_test(no_silence_is_told_of_a_sender_that_is_away),
        cmocka_unit_test(no_silence_is_told_where_matches_were_refused),
        cmocka_unit_test(the_ends_of_time_do_no_harm),
        cmocka_unit_test(mistakes_are_named),
    };
    sbed_init(&b);
    int rc = cmocka_run_group_tests(tests, NULL, NULL);
    sbed_fini(&b);
    return rc;
}
