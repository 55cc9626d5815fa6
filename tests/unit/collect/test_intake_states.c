/* Tests of states: a collector that goes on from one does what one that never stopped does, also when what came before it was let go. */
#include "intake_bed.h"

#include "dogwatch/base/counter.h"
#include "dogwatch/base/rng.h"

enum { STEPS = 60, SEEDS = 8 };

static void count_state(void *arg, const struct dw_segment_info *s)
{
    uint32_t *count = arg;
    count[0] += s->has_state;
    count[1] += s->expired;
    count[2] += s->sealed;
}

/* { with a state, let go, sealed } */
static void count_segments(const struct bed *b, uint32_t count[3])
{
    char archive[600];
    count[0] = count[1] = count[2] = 0;
    archive_of(b, archive);
    assert_int_equal(dw_archive_list(&dw_fs_system, archive, count_state, count), DW_OK);
}

static void say(void *arg, const char *text)
{
    dw_buf_printf(arg, "%s\n", text);
}

static void assert_verifies(const struct bed *b)
{
    char archive[600];
    struct dw_buf problems = {0};
    struct dw_verify_result result;
    archive_of(b, archive);
    assert_int_equal(dw_archive_verify(&(struct dw_verify){.fs = &dw_fs_system, .dir = archive, .problem = say, .arg = &problems}, &result), DW_OK);
    if (problems.len)
        fail_msg("%.*s", DW_ARG(dw_buf_view(&problems)));
    dw_buf_fini(&problems);
}

static void begin(struct bed *b)
{
    set_up(b);
    open_epoch(b, 0, 1 * SECOND);
    open_epoch(b, 1, 1 * SECOND);
    open_engine(b);
}

static void restart(struct bed *b)
{
    close_engine(b);
    open_engine(b);
}

static void a_start_from_a_state_goes_on_as_if_it_had_never_stopped(void **state)
{
    (void)state;
    uint32_t count[3], states = 0, gone = 0, undecided = 0;
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        struct dw_rng rng = {seed};
        struct bed whole, stopped;
        begin(&whole);
        begin(&stopped);
        for (int i = 0; i < STEPS; i++) {
            uint64_t what = dw_rng_below(&rng, 12);
            int agent = (int)dw_rng_below(&rng, 2);
            uint32_t n = (uint32_t)dw_rng_below(&rng, 12);
            bool stops = dw_rng_below(&rng, 4) == 0, lets_go = dw_rng_below(&rng, 8) == 0;
            step(&whole, what, agent, n, (100 + 3 * i) * SECOND);
            step(&stopped, what, agent, n, (100 + 3 * i) * SECOND);
            if (lets_go) {
                close_engine(&stopped);
                (void)let_go(&stopped, INT64_MAX);
                open_engine(&stopped);
            } else if (stops) {
                restart(&stopped);
            }
        }
        assert_same_log(&whole, &stopped);
        assert_verifies(&whole);
        assert_verifies(&stopped);
        count_segments(&stopped, count);
        undecided += count_in_log(&whole, "\"rule\":\"dogwatch.rule.undecided\"");
        states += count[0];
        gone += count[1];
        tear_down(&whole);
        tear_down(&stopped);
    }
    assert_true(states > SEEDS && gone > SEEDS && undecided > SEEDS); /* it was about something */
}

/* Some segments, each with a state, and the newest frames behind them. */
static void fill(struct bed *b)
{
    begin(b);
    for (int i = 0; i < 63; i++)
        step(b, i % 5 == 4 ? 9 : 0, i % 2, (uint32_t)i, (100 + 3 * i) * SECOND);
}

/* What was let go raised alerts that stay in alerts.log; who deletes that has those of what is left, in their order. */
static void what_is_left_makes_the_alerts_that_it_made(void **state)
{
    (void)state;
    struct bed b;
    struct dw_buf before = {0}, after = {0};
    struct replayed replayed;
    fill(&b);
    read_log(&b, &before);
    close_engine(&b);
    assert_true(let_go(&b, INT64_MAX).segments >= 2);
    replay(&b, false, &replayed);
    assert_true(replayed.lines.len > 0 && replayed.lines.len < before.len);
    assert_true(dw_str_ends(dw_buf_view(&before), dw_buf_view(&replayed.lines)));
    delete_alerts(&b);
    open_engine(&b);
    read_log(&b, &after);
    assert_true(dw_str_eq(dw_buf_view(&after), dw_buf_view(&replayed.lines)));
    dw_buf_fini(&replayed.lines);
    replay(&b, true, &replayed);
    assert_int_equal(replayed.gone, 0);
    dw_buf_fini(&replayed.lines);
    dw_buf_fini(&before);
    dw_buf_fini(&after);
    tear_down(&b);
}

/* An alert that is missing shows that reading began behind it. */
static uint64_t lines_made_again(struct bed *b)
{
    close_engine(b);
    delete_alerts(b);
    open_engine(b);
    return count_in_log(b, "\"type\":\"raised\"");
}

static void other_rules_or_settings_are_applied_to_all_that_is_there(void **state)
{
    (void)state;
    struct bed b;
    fill(&b);
    uint64_t all = count_in_log(&b, "\"type\":\"raised\""), dropped;
    assert_int_equal(lines_made_again(&b), all);
    dw_ruleset_free(b.rules);
    b.rules = dw_ruleset_new(b.keys, NULL);
    struct dw_str text = DW_STR("title: one\nid: one\nlogsource: {product: app}\ndetection: {s: {message|contains: FAIL}, condition: s}\n"
                                "---\ntitle: three\nid: three\nlevel: high\ncorrelation: {type: event_count, rules: [one], group-by: [user.name],"
                                " timespan: 10s, condition: {gte: 2}}\n");
    assert_int_equal(dw_ruleset_add(b.rules, "t.yml", text, (struct dw_diag_sink){0}), DW_OK);
    assert_int_equal(dw_ruleset_finish(b.rules, (struct dw_diag_sink){0}), DW_OK);
    restart(&b); /* with alerts.log as it is: more is raised by what came long before the newest state */
    assert_true(count_in_log(&b, "\"type\":\"raised\"") > all);
    close_engine(&b);
    assert_true(let_go(&b, INT64_MAX).segments >= 2);
    dropped = dw_counter_get(DW_C_correlate_state_dropped);
    delete_alerts(&b);
    open_engine(&b);
    assert_true(dw_counter_get(DW_C_correlate_state_dropped) > dropped); /* this one begins empty, and it is counted */
    tear_down(&b);
}

static void a_state_that_does_not_hold_is_an_alert_and_the_rest_is_read(void **state)
{
    (void)state;
    struct bed b;
    char path[700];
    fill(&b);
    close_engine(&b);
    assert_true(let_go(&b, INT64_MAX).segments >= 2);
    uint32_t count[3];
    count_segments(&b, count);
    (void)snprintf(path, sizeof path, "%s/archive/state-%08u.zst", b.dir, count[1]);
    assert_int_equal(truncate(path, 30), 0);
    delete_alerts(&b);
    open_engine(&b);
    assert_int_equal(count_in_log(&b, "\"rule\":\"dogwatch.archive.damaged\""), 1);
    assert_true(count_in_log(&b, "\"rule\":\"three\"") > 0);
    tear_down(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_start_from_a_state_goes_on_as_if_it_had_never_stopped),
        cmocka_unit_test(what_is_left_makes_the_alerts_that_it_made),
        cmocka_unit_test(other_rules_or_settings_are_applied_to_all_that_is_there),
        cmocka_unit_test(a_state_that_does_not_hold_is_an_alert_and_the_rest_is_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
