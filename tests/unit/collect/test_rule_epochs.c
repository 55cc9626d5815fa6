/* Tests of rules as they were: a set is kept and named when it comes in force, what is read again is read by the rules of then, and sets go with the last segment that
 * was matched by them (collector/ingest/kept_rules.c, intake.c, intake_detect.c). */
#include "intake_bed.h"

#include "dogwatch/base/rng.h"
#include "dogwatch/correlate/rulepack.h"

enum { STEPS = 60, SEEDS = 6, SETS = 5 };

/* Rule sets that differ: which word is one, how many are many, what it is called. */
static void make_rules(struct bed *b, uint32_t version, struct dw_ruleset **ret, struct dw_buf *pack)
{
    struct dw_buf yaml = {0};
    const struct dw_ruleset_opts opts = {.pack = pack};
    dw_buf_printf(&yaml, "title: one in %u\nid: one\nlogsource: {product: app}\ndetection: {s: {message|contains: '%s'}, condition: s}\n---\ntitle: three in %u\nid: three\nlevel: high\n"
                         "correlation: {type: event_count, rules: [one], group-by: [user.name], timespan: 10s, condition: {gte: %u}}\n",
        version, version % 3 == 2 ? "eve" : "FAIL", version, 2 + version % 2);
    dw_buf_reset(pack);
    *ret = dw_ruleset_new(b->keys, &opts);
    assert_int_equal(dw_ruleset_add(*ret, "rules/own 1%\n.yml", dw_buf_view(&yaml), (struct dw_diag_sink){0}), DW_OK);
    assert_int_equal(dw_ruleset_finish(*ret, (struct dw_diag_sink){0}), DW_OK);
    assert_int_equal(pack->err, DW_OK);
    dw_buf_fini(&yaml);
}

static void use_rules(struct bed *b, uint32_t version)
{
    struct dw_ruleset *before = b->rules;
    bool taken;
    make_rules(b, version, &b->rules, &b->pack);
    if (b->engine) {
        assert_int_equal(dw_intake_rules(b->engine, b->rules, dw_buf_view(&b->pack), NULL, &taken), DW_OK);
        assert_true(taken);
    }
    dw_ruleset_free(before);
}

static void start_over(struct bed *b, uint32_t version)
{
    close_engine(b);
    use_rules(b, version);
    open_engine(b);
}

static void begin(struct bed *b)
{
    set_up(b);
    use_rules(b, 0);
    open_epoch(b, 0, 1 * SECOND);
    open_epoch(b, 1, 1 * SECOND);
    open_engine(b);
}

static uint32_t sets_kept(const struct bed *b)
{
    char dir[620];
    struct dw_buf names = {0};
    uint32_t n = 0;
    (void)snprintf(dir, sizeof dir, "%s/archive/rules", b->dir);
    assert_int_equal(dw_fs_list(dir, 1000, &names), DW_OK);
    for (const char *s = names.ptr; s < names.ptr + names.len; s += strlen(s) + 1)
        n++;
    dw_buf_fini(&names);
    return n;
}

static void say(void *arg, const char *text)
{
    dw_buf_printf(arg, "%s\n", text);
}

static void assert_sets_hold(const struct bed *b)
{
    char archive[600];
    struct dw_buf problems = {0};
    uint64_t kept;
    archive_of(b, archive);
    assert_int_equal(dw_kept_rules_check(&dw_fs_system, archive, say, &problems, &kept), DW_OK);
    if (problems.len)
        fail_msg("%.*s", DW_ARG(dw_buf_view(&problems)));
    assert_int_equal(kept, sets_kept(b));
}

static void a_start_with_other_rules_is_as_a_reload_and_is_made_again(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        struct dw_rng rng = {seed};
        struct bed whole, stopped;
        begin(&whole);
        begin(&stopped);
        for (int i = 0; i < STEPS; i++) {
            uint64_t what = dw_rng_below(&rng, 12);
            int agent = (int)dw_rng_below(&rng, 2);
            uint32_t n = (uint32_t)dw_rng_below(&rng, 12), version = (uint32_t)dw_rng_below(&rng, SETS);
            bool changes = dw_rng_below(&rng, 6) == 0, lets_go = dw_rng_below(&rng, 8) == 0, stops = dw_rng_below(&rng, 4) == 0;
            step(&whole, what, agent, n, (100 + 3 * i) * SECOND);
            step(&stopped, what, agent, n, (100 + 3 * i) * SECOND);
            if (changes) {
                use_rules(&whole, version);
                start_over(&stopped, version);
            }
            if (lets_go || stops)
                close_engine(&stopped);
            if (lets_go)
                (void)let_go(&stopped, INT64_MAX);
            if (lets_go || stops)
                open_engine(&stopped);
        }
        assert_same_log(&whole, &stopped);
        assert_sets_hold(&whole);
        assert_sets_hold(&stopped);
        assert_same_when_made_again(&whole);
        tear_down(&whole);
        tear_down(&stopped);
    }
}

static void late_events_in_their_place_are_judged_by_the_rules_of_then(void **state)
{
    (void)state;
    struct bed b;
    struct replayed replayed;
    begin(&b);
    for (int i = 0; i < 20; i++) {
        step(&b, i % 6 == 5 ? 6 : 0, i % 2, (uint32_t)i, (100 + 3 * i) * SECOND);
        if (i % 7 == 6)
            use_rules(&b, 1 + (uint32_t)i / 14);
    }
    replay(&b, true, &replayed);
    assert_true(replayed.lines.len > 0);
    assert_true(dw_str_find(dw_buf_view(&replayed.lines), DW_STR("three in 0")) < replayed.lines.len);
    assert_true(dw_str_find(dw_buf_view(&replayed.lines), DW_STR("three in 1")) < replayed.lines.len);
    dw_buf_fini(&replayed.lines);
    tear_down(&b);
}

static void sets_go_with_the_last_segment_that_was_matched_by_them(void **state)
{
    (void)state;
    struct bed b;
    begin(&b);
    for (int i = 0; i < 63; i++) {
        step(&b, i % 5 == 4 ? 9 : 0, i % 2, (uint32_t)i, (100 + 3 * i) * SECOND);
        if (i % 20 == 10)
            use_rules(&b, (uint32_t)i / 10);
    }
    assert_int_equal(sets_kept(&b), 4);
    close_engine(&b);
    assert_true(let_go(&b, INT64_MAX).segments >= 2);
    open_engine(&b);
    assert_int_equal(sets_kept(&b), 1);
    assert_sets_hold(&b);
    use_rules(&b, 0);
    assert_int_equal(sets_kept(&b), 2);
    tear_down(&b);
}

static void a_set_that_ended_with_the_last_segment_let_go_is_kept_for_its_state(void **state)
{
    (void)state;
    struct bed b;
    struct replayed replayed;
    begin(&b);
    step(&b, 0, 0, 3, 100 * SECOND);
    assert_int_equal(dw_intake_finish(b.engine), DW_OK);
    close_engine(&b);
    int64_t first_ends_ns = b.clock.real_ns;
    b.clock.real_ns += HOUR;
    use_rules(&b, 1);
    open_engine(&b); /* the decision is the first frame of the next segment */
    step(&b, 0, 0, 3, 120 * SECOND);
    step(&b, 9, 0, 0, 130 * SECOND);
    close_engine(&b);
    assert_int_equal(let_go(&b, first_ends_ns + HOUR / 2).segments, 1);
    open_engine(&b);
    assert_sets_hold(&b);
    assert_int_equal(sets_kept(&b), 2);
    replay(&b, false, &replayed);
    dw_buf_fini(&replayed.lines);
    tear_down(&b);
}

static void a_set_that_is_gone_or_changed_is_told_and_the_start_goes_on(void **state)
{
    (void)state;
    struct bed b;
    struct dw_buf names = {0}, problems = {0};
    char archive[600], path[900];
    uint64_t kept;
    begin(&b);
    step(&b, 0, 0, 3, 100 * SECOND);
    use_rules(&b, 1);
    step(&b, 0, 0, 3, 200 * SECOND);
    close_engine(&b);
    archive_of(&b, archive);
    (void)snprintf(path, sizeof path, "%s/rules", archive);
    assert_int_equal(dw_fs_list(path, 10, &names), DW_OK);
    for (const char *n = names.ptr; n < names.ptr + names.len; n += strlen(n) + 1) {
        (void)snprintf(path, sizeof path, "%s/rules/%s", archive, n);
        assert_int_equal(truncate(path, 20), 0);
    }
    assert_int_equal(dw_kept_rules_check(&dw_fs_system, archive, say, &problems, &kept), DW_OK);
    assert_int_equal(kept, 0);
    assert_true(problems.len > 0);
    open_engine(&b); /* what is used is written again */
    dw_buf_reset(&problems);
    assert_int_equal(dw_kept_rules_check(&dw_fs_system, archive, say, &problems, &kept), DW_OK);
    assert_int_equal(kept, 1);
    dw_buf_fini(&names);
    dw_buf_fini(&problems);
    tear_down(&b);
}

static void whatever_call_fails_no_set_is_in_force_that_is_not_kept(void **state)
{
    (void)state;
    int same = 0;
    for (int nth = 1;; nth++) {
        struct bed b;
        struct faulty_fs f;
        assert_true(nth < 400);
        begin(&b);
        step(&b, 0, 0, 3, 100 * SECOND);
        step(&b, 7, 1, 0, 150 * SECOND);
        step(&b, 7, 0, 0, 150 * SECOND);
        close_engine(&b);
        use_rules(&b, 1);
        faulty_fs_init(&f, nth, nth % 2 ? FAULT_TORN : FAULT_ENOSPC);
        int rc = try_open(&b, &f.fs);
        int hits = f.hits;
        f.fail_at = 0; /* what comes after the start has loops of its own */
        assert_true(rc == DW_OK || hits);
        if (rc < 0)
            open_engine(&b);
        assert_sets_hold(&b);
        step(&b, 0, 0, 3, 200 * SECOND);
        bool misread = count_in_log(&b, "dogwatch.archive.damaged") > 0; /* the call was a reading one: that is an alert which no other reading makes */
        assert_true(!misread || (rc == DW_OK && hits));
        if (!misread)
            assert_same_when_made_again(&b);
        same += !misread;
        tear_down(&b);
        if (hits == 0)
            break;
    }
    assert_true(same > 40);
}

/* ---- the pack ---- */

struct files {
    uint32_t count;
    struct dw_buf seen;
};

static int see(void *ud, struct dw_str path, struct dw_str text)
{
    struct files *f = ud;
    f->count++;
    assert_int_equal(path.ptr[path.len], 0);
    dw_buf_printf(&f->seen, "[%.*s|%.*s]", DW_ARG(path), DW_ARG(text));
    return DW_OK;
}

static void a_pack_gives_back_what_was_put_in(void **state)
{
    (void)state;
    struct dw_buf pack = {0};
    struct files f = {0};
    dw_rulepack_add(&pack, DW_STR("/a b/%\n\xc3\xa9.yml"), DW_STR("one\n"));
    dw_rulepack_add(&pack, DW_STR("x"), DW_STR(""));
    dw_rulepack_add(&pack, DW_STR("y"), DW_STR("file 1 z\nq\n"));
    assert_int_equal(dw_rulepack_each(dw_buf_view(&pack), see, &f), DW_OK);
    assert_str(dw_buf_view(&f.seen), "[/a b/%\n\xc3\xa9.yml|one\n][x|][y|file 1 z\nq\n]");
    for (size_t len = 0; len < pack.len; len++) { /* a shorter one is none, or one of fewer files */
        struct files g = {0};
        int rc = dw_rulepack_each(dw_str_make(pack.ptr, len), see, &g);
        assert_true(rc == DW_ECORRUPT || g.count < 3);
        dw_buf_fini(&g.seen);
    }
    static const char *const bad[] = {"", "dogwatch rules 2\n", "dogwatch rules 1\nx", "dogwatch rules 1\nfile 1 a\nb", "dogwatch rules 1\nfile 1 a%0\nb\n", "dogwatch rules 1\nfile 1 a%00\nb\n",
        "dogwatch rules 1\nfile 18446744073709551615 a\nb\n", "dogwatch rules 1\nfile -1 a\nb\n", "dogwatch rules 1\nfile 1\nb\n"};
    for (size_t i = 0; i < DW_COUNT_OF(bad); i++)
        assert_int_equal(dw_rulepack_each(dw_str_of(bad[i]), see, &f), DW_ECORRUPT);
    dw_buf_fini(&f.seen);
    dw_buf_fini(&pack);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_start_with_other_rules_is_as_a_reload_and_is_made_again),
        cmocka_unit_test(late_events_in_their_place_are_judged_by_the_rules_of_then),
        cmocka_unit_test(sets_go_with_the_last_segment_that_was_matched_by_them),
        cmocka_unit_test(a_set_that_ended_with_the_last_segment_let_go_is_kept_for_its_state),
        cmocka_unit_test(a_set_that_is_gone_or_changed_is_told_and_the_start_goes_on),
        cmocka_unit_test(whatever_call_fails_no_set_is_in_force_that_is_not_kept),
        cmocka_unit_test(a_pack_gives_back_what_was_put_in),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
