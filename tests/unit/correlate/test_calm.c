/* Tests of correlate/window/calm.c: a finding is hot until its count has come down, and says when that was. Beside an obvious evaluator: tests/oracle. */
#include "sigma_bed.h"

#include "dogwatch/base/counter.h"
#include "dogwatch/base/rng.h"

static struct sbed b;
static const struct dw_stream stream = {.id = {7}, .series = {3}};

static void hear(void *ud, const struct dw_finding *f)
{
    dw_buf_printf(ud, "%s %lld value %g total %llu%s\n", f->calm ? "calm" : f->update ? "again" : "opens", (long long)(f->time_ns / 1000000000), f->value, (unsigned long long)f->total,
        f->calm && f->window_end_ns != f->time_ns ? " of another end" : "");
}

static void rules(const char *correlation)
{
    struct dw_buf yaml = {0};
    dw_buf_printf(&yaml, "title: t\nid: r\nlogsource: {product: x}\ndetection: {s: {f: 1}, condition: s}\n---\n"
                         "title: c\nid: c\ncorrelation:\n  rules: [r]\n  group-by: [user]\n  timespan: 10s\n%s%c", correlation, 0);
    if (sbed_rules(&b, yaml.ptr) != 2)
        fail_msg("%s", b.said.ptr);
    dw_buf_fini(&yaml);
}

static void feed(struct dw_window *w, int64_t second, const char *user, const char *value)
{
    static uint64_t start;
    char words[100];
    (void)snprintf(words, sizeof words, "user=%s|v=%s", user, value);
    (void)sbed_event(&b, words, "-");
    b.ev.time_ns = second * 1000000000;
    b.ev.start = start++;
    b.ev.stream = &stream;
    assert_int_equal(dw_window_match(w, 0, &b.ev, false), DW_OK);
}

/* What is found of events at these seconds with the watermark at `end`; with a restart at each second, too. */
static void found(const int64_t *at, size_t count, int64_t end, const char *want)
{
    struct dw_buf got = {0};
    for (int restarts = 0; restarts < 2; restarts++) {
        struct dw_window *w = dw_window_new(b.rs, NULL);
        dw_buf_reset(&got);
        for (size_t i = 0; i < count; i++)
            feed(w, at[i], "u", i % 2 ? "a" : "b");
        for (int64_t t = 0; t < end && restarts; t++) {
            struct dw_buf saved = {0};
            assert_int_equal(dw_window_advance(w, t * 1000000000, hear, &got), DW_OK);
            dw_window_save(w, &saved);
            dw_window_free(w);
            w = dw_window_new(b.rs, NULL);
            assert_int_equal(dw_window_load(w, dw_buf_view(&saved)), DW_OK);
            dw_buf_fini(&saved);
        }
        assert_int_equal(dw_window_advance(w, end * 1000000000, hear, &got), DW_OK);
        assert_str(dw_buf_view(&got), want);
        dw_window_free(w);
    }
    dw_buf_fini(&got);
}

#define FOUND(end, want, ...) \
    found((const int64_t[]){__VA_ARGS__}, sizeof((const int64_t[]){__VA_ARGS__}) / sizeof(int64_t), end, want)

static void what_calms_stays_one_finding_until_the_count_has_come_down(void **state)
{
    (void)state;
    rules("  type: event_count\n  condition: {gte: 4}\n  calm: {lte: 1}\n");
    FOUND(12, "opens 4 value 4 total 4\n", 1, 2, 3, 4); /* at 12 the window holds those of 3 and 4 */
    FOUND(13, "opens 4 value 4 total 4\ncalm 13 value 1 total 4\n", 1, 2, 3, 4);
    FOUND(60, "opens 4 value 4 total 4\nagain 22 value 2 total 8\ncalm 30 value 1 total 8\n", 1, 2, 3, 4, 10, 12, 20, 22);
    FOUND(60, "opens 4 value 4 total 4\ncalm 13 value 1 total 4\nopens 22 value 4 total 4\ncalm 31 value 1 total 4\n", 1, 2, 3, 4, 20, 20, 21, 22);
    FOUND(60, "opens 4 value 4 total 4\ncalm 13 value 1 total 4\nopens 14 value 4 total 4\ncalm 24 value 0 total 4\n", 1, 2, 3, 4, 14, 14, 14, 14);
}

static void an_event_at_the_very_time_is_counted_first(void **state)
{
    (void)state;
    rules("  type: event_count\n  condition: {gt: 2}\n  calm: {lt: 1}\n");
    FOUND(60, "opens 3 value 3 total 3\nagain 13 value 1 total 4\ncalm 23 value 0 total 4\n", 1, 2, 3, 13); /* it empties at 13, and then it does not */
    FOUND(60, "opens 3 value 3 total 3\ncalm 13 value 0 total 3\n", 1, 2, 3, 14);
    rules("  type: event_count\n  condition: {gte: 3}\n");
    FOUND(60, "opens 3 value 3 total 3\n", 1, 2, 3, 13); /* of a rule without calm nothing is told by the passing of time */
}

static void distinct_values_calm_by_their_newest_sightings(void **state)
{
    (void)state;
    rules("  type: value_count\n  condition: {field: v, gte: 2}\n  calm: {lte: 1}\n");
    FOUND(60, "opens 2 value 2 total 2\nagain 5 value 2 total 4\nagain 9 value 2 total 8\ncalm 18 value 1 total 8\n", 1, 2, 3, 5, 6, 7, 8, 9);
}

static void keys_that_are_hot_are_kept_and_others_calm_in_their_own_time(void **state)
{
    (void)state;
    struct dw_buf got = {0};
    rules("  type: event_count\n  condition: {gte: 2}\n  calm: {lte: 0}\n");
    struct dw_window *w = dw_window_new(b.rs, NULL);
    for (int i = 0; i < 300; i++) {
        char user[16];
        (void)snprintf(user, sizeof user, "u%d", i);
        feed(w, i, user, "a");
        feed(w, i, user, "b");
    }
    for (int64_t t = 0; t < 400; t += 3) /* sweeps go over all groups */
        assert_int_equal(dw_window_advance(w, t * 1000000000, hear, &got), DW_OK);
    uint32_t lines = 0, calm = 0;
    for (struct dw_str rest = dw_buf_view(&got); rest.len; lines++)
        calm += dw_str_starts(dw_str_cut(&rest, '\n'), DW_STR("calm"));
    assert_int_equal(lines, 600);
    assert_int_equal(calm, 300);
    dw_window_free(w);
    dw_buf_fini(&got);
}

static void on_step(void *ud, const struct dw_step *s)
{
    if (s->calms)
        dw_buf_printf(ud, "%lld %.*s %g", (long long)(s->time_ns / 1000000000), DW_ARG(s->key_value[0]), s->value);
}

static void the_rule_says_it_and_so_does_its_logic_hash(void **state)
{
    (void)state;
    struct dw_buf text = {0}, steps = {0}, found_ = {0};
    uint8_t without[DW_SHA256_BYTES], with[DW_SHA256_BYTES];
    rules("  type: event_count\n  condition: {gte: 2}\n");
    memcpy(without, dw_ruleset_rule(b.rs, 1)->logic_hash, sizeof without);
    rules("  type: event_count\n  condition: {gte: 2}\n  calm: {lte: 1}\n");
    memcpy(with, dw_ruleset_rule(b.rs, 1)->logic_hash, sizeof with);
    assert_memory_not_equal(without, with, sizeof with);
    dw_correlation_text(b.rs, dw_ruleset_rule(b.rs, 1)->corr, &text);
    assert_str(dw_buf_view(&text), "event_count over 't' by user within 10 s: gte 2, calm at lte 1");
    struct dw_window *w = dw_window_new(b.rs, &(struct dw_window_opts){.step = on_step, .step_arg = &steps});
    feed(w, 1, "u", "a");
    feed(w, 2, "u", "a");
    assert_int_equal(dw_window_advance(w, 20000000000, hear, &found_), DW_OK);
    assert_str(dw_buf_view(&steps), "11 u 1");
    dw_window_free(w);
    rules("  type: event_count\n  condition: {gte: 2}\n  calm: {lt: 1}\n");
    assert_memory_not_equal(dw_ruleset_rule(b.rs, 1)->logic_hash, with, sizeof with);
    dw_buf_fini(&text);
    dw_buf_fini(&steps);
    dw_buf_fini(&found_);
}

static void mistakes_are_named(void **state)
{
    (void)state;
    static const struct {
        const char *text, *says;
    } bad[] = {
        {"type: event_count, condition: {gte: 3}, calm: {lte: 3}", "calm is a count from 0 on, below the condition, not '3'"},
        {"type: event_count, condition: {gte: 3}, calm: {lt: 0}", "below the condition, not '0'"},
        {"type: event_count, condition: {gt: 3}, calm: {lt: 5}", "below the condition, not '5'"},
        {"type: event_count, condition: {gte: 1048577}", "a key's window counts up to 1,048,576, not as far"},
        {"type: value_count, condition: {field: v, gt: 1048576}", "counts up to 1,048,576"},
        {"type: event_count, condition: {gte: 65537, lte: 70000}", "compared in this way a key's window counts up to 65,536"},
        {"type: event_count, condition: {eq: 65537}", "with gte or gt alone up to 1,048,576 are counted"},
        {"type: event_count, condition: {gte: 3}, calm: 2", "calm is one upper bound, lte or lt"},
        {"type: event_count, condition: {gte: 3}, calm: {gte: 2}", "calm is one upper bound, lte or lt"},
        {"type: event_count, condition: {gte: 3}, calm: {lte: 2, lt: 1}", "calm is one upper bound, lte or lt"},
        {"type: event_count, condition: {gte: 3}, calm: {lte: few}", "calm is one upper bound, lte or lt"},
        {"type: event_count, condition: {gte: 3, lte: 9}, calm: {lte: 2}", "only event_count and value_count with one lower bound, gte or gt, have 'calm'"},
        {"type: event_count, condition: {lte: 9}, calm: {lte: 2}", "with one lower bound"},
        {"type: value_sum, condition: {field: v, gte: 3}, calm: {lte: 2}", "only event_count and value_count"},
        {"type: temporal, calm: {lte: 2}", "only event_count and value_count"},
    };
    for (size_t i = 0; i < DW_COUNT_OF(bad); i++) {
        struct dw_buf yaml = {0};
        dw_buf_printf(&yaml, "title: t\nid: r\nlogsource: {product: x}\ndetection: {s: {f: 1}, condition: s}\n---\ntitle: c\nid: c\ncorrelation: {rules: [r], timespan: 10s, %s}%c",
            bad[i].text, 0);
        assert_int_equal(sbed_rules(&b, yaml.ptr), 1);
        if (!strstr(b.said.ptr, bad[i].says))
            fail_msg("for %s it says\n%s", bad[i].text, b.said.ptr);
        dw_buf_fini(&yaml);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_calms_stays_one_finding_until_the_count_has_come_down),
        cmocka_unit_test(an_event_at_the_very_time_is_counted_first),
        cmocka_unit_test(distinct_values_calm_by_their_newest_sightings),
        cmocka_unit_test(keys_that_are_hot_are_kept_and_others_calm_in_their_own_time),
        cmocka_unit_test(the_rule_says_it_and_so_does_its_logic_hash),
        cmocka_unit_test(mistakes_are_named),
    };
    sbed_init(&b);
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    sbed_fini(&b);
    return failed;
}
