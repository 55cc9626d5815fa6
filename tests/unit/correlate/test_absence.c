/* Tests of absence: an event that was expected after another, and did not come. */
#include "sets.h"
#include "sigma_bed.h"

#include "dogwatch/base/counter.h"
#include "dogwatch/base/rng.h"

static struct sbed b;
static const struct dw_stream stream = {.id = {7}, .series = {3}};
enum { EVENTS_MAX = 2000 };

struct heard {
    struct dw_buf text; /* a line a finding: "ann 40" opened at 40 s; "ann 40 x2" an update of two events */
    struct dw_buf json;
};

static void hear(void *ud, const struct dw_finding *f)
{
    struct heard *h = ud;
    dw_buf_printf(&h->text, "%.*s %lld", DW_ARG(f->key_value[0]), (long long)(f->time_ns / 1000000000));
    if (f->update)
        dw_buf_printf(&h->text, " x%llu", (unsigned long long)f->total);
    dw_buf_byte(&h->text, '\n');
    dw_finding_json(b.rs, f, &h->json);
}

struct one {
    int64_t at;
    const char *user;
    uint32_t rule; /* 0, 1: set a deadline; 2: expected */
};

static const char *const pair = "  rules: [r0, r2]\n";

static void rules(const char *more)
{
    struct dw_buf yaml = {0};
    for (int i = 0; i < 3; i++)
        dw_buf_printf(&yaml, "---\ntitle: t%d\nid: r%d\nlogsource: {product: x}\ndetection: {s: {f: %d}, condition: s}\n", i, i, i);
    dw_buf_printf(&yaml, "---\ntitle: c\nid: c\ncorrelation:\n  type: absence\n  group-by: [user]\n  timespan: 10s\n%s%c", more, 0);
    if (sbed_rules(&b, yaml.ptr) != 4)
        fail_msg("%s", b.said.ptr);
    dw_buf_fini(&yaml);
}

static void feed_from(struct dw_window *w, const struct one *e, uint64_t start, const struct dw_stream *from)
{
    char words[64];
    (void)snprintf(words, sizeof words, "user=%s", e->user);
    (void)sbed_event(&b, words, "-");
    b.ev.time_ns = e->at * 1000000000;
    b.ev.start = start;
    b.ev.stream = from;
    assert_int_equal(dw_window_match(w, e->rule, &b.ev, false), DW_OK);
}

static void feed(struct dw_window *w, const struct one *e, uint64_t start)
{
    feed_from(w, e, start, &stream);
}

/* Events in the order given, the watermark goes `step` seconds at a time up to `end`; `saved`: through a snapshot each time. */
static void run(const struct one *e, uint32_t count, const uint32_t *order, int64_t step, int64_t end, bool saved, struct heard *ret)
{
    struct dw_window *w = dw_window_new(b.rs, NULL);
    memset(ret, 0, sizeof *ret);
    for (uint32_t i = 0; i < count; i++)
        feed(w, &e[order ? order[i] : i], order ? order[i] : i);
    for (int64_t t = 0; t <= end; t += step) {
        struct dw_buf state = {0};
        assert_int_equal(dw_window_advance(w, (t + step > end ? end : t) * 1000000000, hear, ret), DW_OK);
        if (!saved)
            continue;
        dw_window_save(w, &state);
        dw_window_free(w);
        w = dw_window_new(b.rs, NULL);
        assert_int_equal(dw_window_load(w, dw_buf_view(&state)), DW_OK);
        dw_buf_fini(&state);
    }
    dw_buf_byte(&ret->text, 0);
    dw_buf_byte(&ret->json, 0);
    dw_window_free(w);
}

static void heard_fini(struct heard *h)
{
    dw_buf_fini(&h->text);
    dw_buf_fini(&h->json);
}

/* Says `want`: at once, in steps, through snapshots, and shuffled. */
static void says(const struct one *e, uint32_t count, int64_t end, const char *want)
{
    struct heard h, other;
    uint32_t order[EVENTS_MAX];
    struct dw_rng rng = {.state = 5};
    DW_ASSERT(count <= EVENTS_MAX);
    run(e, count, NULL, end + 1, end, false, &h);
    assert_string_equal(h.text.ptr, want);
    sets_shuffle(&rng, order, count);
    for (int saved = 0; saved < 2; saved++) {
        run(e, count, order, 1 + 2 * saved, end, saved, &other);
        assert_string_equal(other.text.ptr, want);
        assert_string_equal(other.json.ptr, h.json.ptr);
        heard_fini(&other);
    }
    heard_fini(&h);
}

static void what_does_not_come_is_told_at_its_deadline(void **state)
{
    (void)state;
    rules(pair);
    const struct one e[] = {{0, "ann", 0}, {5, "ann", 2}, {20, "ann", 0}, {20, "bob", 0}, {30, "bob", 2}, {31, "ann", 2}};
    says(e, DW_COUNT_OF(e), 29, ""); /* it may still come */
    says(e, DW_COUNT_OF(e), 30, "ann 30\n"); /* at 30 it came for bob, at 31 too late for ann */
    says(e, DW_COUNT_OF(e), 100, "ann 30\n");
    struct heard h;
    run(e, DW_COUNT_OF(e), NULL, 200, 100, false, &h);
    assert_non_null(strstr(h.json.ptr, "\"window\":{\"start\":\"1970-01-01T00:00:20.000000000Z\",\"end\":\"1970-01-01T00:00:30.000000000Z\"},\"cause\":\"07000000000000000000000000000000-2\",\"value\":0,\"total\":1"));
    heard_fini(&h);
}

static void what_came_at_the_same_time_counts_and_what_came_before_only_if_asked(void **state)
{
    (void)state;
    const struct one e[] = {{0, "ann", 2}, {0, "ann", 0}, {20, "ann", 2}, {23, "ann", 0}, {50, "ann", 2}, {54, "ann", 0}};
    rules(pair);
    says(e, DW_COUNT_OF(e), 100, "ann 33\nann 64\n");
    rules("  rules: [r0, r2]\n  before: 4s\n");
    says(e, DW_COUNT_OF(e), 100, "ann 64\n"); /* (50, 54]: at 50 is not in it */
    rules("  rules: [r0, r2]\n  before: 1m\n");
    says(e, DW_COUNT_OF(e), 100, "");
}

static void any_of_the_others_sets_a_deadline_and_one_event_may_be_both(void **state)
{
    (void)state;
    rules("  rules: [r0, r1, r2]\n");
    const struct one e[] = {{0, "ann", 0}, {3, "ann", 2}, {4, "ann", 1}};
    says(e, DW_COUNT_OF(e), 100, "ann 14\n");
    struct dw_window *w = dw_window_new(b.rs, NULL);
    struct heard h = {{0}, {0}};
    const struct one both[] = {{1, "eve", 2}, {1, "eve", 0}};
    feed(w, &both[0], 1);
    feed(w, &both[1], 1); /* the same event */
    assert_int_equal(dw_window_advance(w, 100000000000, hear, &h), DW_OK);
    assert_int_equal(h.text.len, 0);
    dw_window_free(w);
}

/* One alert a key while deadlines pass that were set before the last one passed; what came ends it. */
static void more_of_the_same_are_updates_until_it_comes(void **state)
{
    (void)state;
    rules(pair);
    const struct one e[] = {{0, "ann", 0}, {1, "ann", 0}, {2, "ann", 0}, {3, "ann", 0}, {12, "ann", 0}, {24, "ann", 0}, {60, "ann", 0}, {61, "ann", 2}, {62, "ann", 0}};
    says(e, DW_COUNT_OF(e), 200, "ann 10\nann 11 x2\nann 13 x4\nann 34\nann 72\n"); /* 12 is before 13; 24 is not before 22 */
}

static void findings_of_it_are_matches_of_others(void **state)
{
    (void)state;
    struct dw_buf yaml = {0};
    struct heard h = {{0}, {0}};
    for (int i = 0; i < 3; i++)
        dw_buf_printf(&yaml, "---\ntitle: t%d\nid: r%d\nlogsource: {product: x}\ndetection: {s: {f: %d}, condition: s}\n", i, i, i);
    dw_buf_printf(&yaml, "---\ntitle: c\nid: c\nname: c\ncorrelation: {type: absence, rules: [r0, r2], group-by: [user], timespan: 10s}\n"
                         "---\ntitle: d\nid: d\ncorrelation: {type: absence, rules: [c, r1], group-by: [user], timespan: 20s}\n%c", 0);
    if (sbed_rules(&b, yaml.ptr) != 5)
        fail_msg("%s", b.said.ptr);
    const struct one e[] = {{0, "ann", 0}, {0, "bob", 0}, {25, "bob", 1}, {50, "eve", 1}};
    struct dw_window *w = dw_window_new(b.rs, NULL);
    for (uint32_t i = 0; i < DW_COUNT_OF(e); i++)
        feed(w, &e[i], i);
    assert_int_equal(dw_window_advance(w, 50000000000, hear, &h), DW_OK);
    dw_buf_byte(&h.text, 0);
    assert_non_null(strstr(h.text.ptr, "ann 10\n"));
    assert_non_null(strstr(h.text.ptr, "bob 10\n"));
    assert_non_null(strstr(h.text.ptr, "ann 30\n")); /* in one step of the watermark too */
    assert_null(strstr(h.text.ptr, "bob 30\n"));
    dw_window_free(w);
    dw_buf_fini(&yaml);
    heard_fini(&h);
}

struct away {
    uint8_t stream;
    int64_t until_ns;
};

static bool is_heard(void *arg, const uint8_t id[DW_ID_BYTES], int64_t time_ns)
{
    const struct away *a = arg;
    return id[0] != a->stream || time_ns <= a->until_ns;
}

/* Goal:   that a host or broker is away makes nothing absent: neither the one that set the deadline nor the one that answered last.
 * Method: the sender in question has come up to 5 s; then what it sent comes, or it is heard and nothing came. */
static void nothing_is_absent_of_a_sender_that_is_away(void **state)
{
    (void)state;
    static const struct dw_stream other = {.id = {9}, .series = {4}};
    rules(pair);
    for (int run_ = 0; run_ < 4; run_++) {
        struct away away = {run_ & 1 ? 9 : 7, 5000000000};
        struct heard h = {{0}, {0}};
        uint64_t before = dw_counter_get(DW_C_correlate_absence_undecided);
        struct dw_window *w = dw_window_new(b.rs, &(struct dw_window_opts){.is_heard = is_heard, .arg = &away});
        feed(w, &(struct one){1, "ann", 2}, 0);
        feed_from(w, &(struct one){1, "ann", 2}, 0, &other); /* the newest that was expected is the other's */
        feed(w, &(struct one){2, "ann", 0}, 1);
        assert_int_equal(dw_window_advance(w, 15000000000, hear, &h), DW_OK);
        assert_int_equal(h.text.len, 0);
        assert_int_equal(dw_counter_get(DW_C_correlate_absence_undecided), before + 1);
        if (run_ & 2)
            feed(w, &(struct one){22, "ann", 2}, 2); /* too late, whoever was away */
        away.until_ns = 100000000000;
        assert_int_equal(dw_window_advance(w, 60000000000, hear, &h), DW_OK);
        dw_buf_byte(&h.text, 0);
        assert_string_equal(h.text.ptr, "ann 12\n");
        heard_fini(&h);
        dw_window_free(w);
    }
}

static void what_is_too_much_is_counted(void **state)
{
    (void)state;
    static struct one e[EVENTS_MAX];
    struct heard h;
    uint64_t before = dw_counter_get(DW_C_correlate_absence_capped);
    for (uint32_t i = 0; i < 1030; i++)
        e[i] = (struct one){i / 256, "ann", 0};
    rules(pair);
    run(e, 1030, NULL, 100, 50, false, &h);
    assert_int_equal(dw_counter_get(DW_C_correlate_absence_capped), before + 6);
    assert_non_null(strstr(h.text.ptr, " x1024\n")); /* none of the first is lost */
    heard_fini(&h);
}

static void the_ends_of_time_do_no_harm(void **state)
{
    (void)state;
    static const int64_t times[] = {INT64_MIN, INT64_MIN + 1, -1, 0, INT64_MAX - 1, INT64_MAX};
    rules("  rules: [r0, r2]\n  before: 100y\n");
    for (uint32_t first = 0; first < 3; first += 2) {
        struct heard h = {{0}, {0}};
        struct dw_window *w = dw_window_new(b.rs, NULL);
        for (size_t i = 0; i < DW_COUNT_OF(times); i++) {
            (void)sbed_event(&b, "user=ann", "-");
            b.ev.time_ns = times[i];
            b.ev.start = i;
            b.ev.stream = &stream;
            assert_int_equal(dw_window_match(w, i % 2 ? first : 2 - first, &b.ev, false), DW_OK);
        }
        assert_int_equal(dw_window_advance(w, INT64_MAX, hear, &h), DW_OK);
        dw_window_free(w);
        heard_fini(&h);
    }
}

static void mistakes_are_named_and_what_decides_is_in_the_hash(void **state)
{
    (void)state;
    static const struct {
        const char *text, *says;
    } bad[] = {
        {"  type: absence\n  rules: [r0]\n  timespan: 1m\n", "an absence has two rules or more"},
        {"  type: absence\n  rules: [r0, r1, r0]\n  timespan: 1m\n", "a rule cannot wait for itself"},
        {"  type: absence\n  rules: [r0, r1]\n  timespan: 1m\n  condition: {gte: 2}\n", "nothing to compare"},
        {"  type: absence\n  rules: [r0, r1]\n  timespan: 1m\n  before: soon\n", "not a timespan: 'soon'"},
        {"  type: temporal\n  rules: [r0, r1]\n  timespan: 1m\n  before: 1m\n", "only absence has 'before'"},
        {"  type: absences\n  rules: [r0, r1]\n  timespan: 1m\n", "did you mean 'absence'?"},
    };
    for (size_t i = 0; i < DW_COUNT_OF(bad); i++) {
        struct dw_buf yaml = {0};
        for (int r = 0; r < 2; r++)
            dw_buf_printf(&yaml, "---\ntitle: t\nid: r%d\nlogsource: {product: x}\ndetection: {s: {f: %d}, condition: s}\n", r, r);
        dw_buf_printf(&yaml, "---\ntitle: c\nid: c\ncorrelation:\n%s%c", bad[i].text, 0);
        assert_int_equal(sbed_rules(&b, yaml.ptr), 2);
        if (!strstr(b.said.ptr, bad[i].says))
            fail_msg("%s\nnot in\n%s", bad[i].says, b.said.ptr);
        dw_buf_fini(&yaml);
    }
    uint8_t hash[2][DW_SHA256_BYTES];
    for (int i = 0; i < 2; i++) {
        rules(i ? "  rules: [r0, r2]\n  before: 1s\n" : pair);
        memcpy(hash[i], dw_ruleset_rule(b.rs, 3)->logic_hash, sizeof hash[i]);
    }
    assert_memory_not_equal(hash[0], hash[1], sizeof hash[0]);
    struct dw_buf text = {0};
    dw_correlation_text(b.rs, dw_ruleset_rule(b.rs, 3)->corr, &text);
    assert_str(dw_buf_view(&text), "absence after 't0' and none of 't2' by user within 10 s, nor in the 1 s before");
    dw_buf_fini(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_does_not_come_is_told_at_its_deadline),
        cmocka_unit_test(what_came_at_the_same_time_counts_and_what_came_before_only_if_asked),
        cmocka_unit_test(any_of_the_others_sets_a_deadline_and_one_event_may_be_both),
        cmocka_unit_test(more_of_the_same_are_updates_until_it_comes),
        cmocka_unit_test(findings_of_it_are_matches_of_others),
        cmocka_unit_test(nothing_is_absent_of_a_sender_that_is_away),
        cmocka_unit_test(what_is_too_much_is_counted),
        cmocka_unit_test(the_ends_of_time_do_no_harm),
        cmocka_unit_test(mistakes_are_named_and_what_decides_is_in_the_hash),
    };
    sbed_init(&b);
    int rc = cmocka_run_group_tests_name("absence", tests, NULL, NULL);
    sbed_fini(&b);
    return rc;
}
