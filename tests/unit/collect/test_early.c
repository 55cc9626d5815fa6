/* Tests of collector/ingest/early.c: what is said before the watermark, and how it ends. */
#include "../correlate/sigma_bed.h"

#include "../../../collector/ingest/early.h"

#include "dogwatch/base/counter.h"
#include "dogwatch/base/error.h"

#define SECOND INT64_C(1000000000)
#define NOW (INT64_C(1796000000) * SECOND)

static struct sbed b;
static const struct dw_stream stream = {.id = {7}, .series = {3}};

/* The window that works, what stands beside it, and what was told: a letter and the key of each, `r`aised, `c`onfirmed, `w`ithdrawn. */
static struct dw_window *real;
static struct dw__early *early;
static struct dw_buf told;
static uint64_t events;
static char last_id[DW_ALERT_ID_TEXT];

static void on_told(void *arg, struct dw_str line)
{
    struct dw_arena arena;
    struct dw_alert a;
    (void)arg;
    dw_arena_init(&arena, 0);
    assert_true(dw_raised_read(line, &arena, &a));
    const enum dw_provisional_state state = dw_provisional_state_of(a.doc);
    assert_true(state < DW_PROVISIONAL_STATES);
    assert_string_equal(a.title, "c");
    assert_int_equal(dw_str_find(a.doc, DW_STR("\"provisional\":{\"state\":\"confirmed\",\"alert\":\"")) < a.doc.len, state == DW_PROVISIONAL_CONFIRMED);
    (void)snprintf(last_id, sizeof last_id, "%s", a.id);
    dw_buf_printf(&told, "%c:%.*s ", dw_provisional_text(state)[0], DW_ARG(a.key));
    dw_arena_fini(&arena);
}

static void on_finding(void *arg, const struct dw_finding *f)
{
    (void)arg;
    assert_int_equal(dw__early_confirm(early, f), DW_OK);
}

static void rules(const char *correlation)
{
    struct dw_buf yaml = {0};
    dw_buf_printf(&yaml, "title: t\nid: r0\nlogsource: {product: x}\ndetection: {s: {f: 0}, condition: s}\n---\ntitle: t\nid: r1\nlogsource: {product: x}\ndetection: {s: {f: 1}, condition: s}\n"
                         "---\ntitle: c\nid: c\ncorrelation: {group-by: [user], timespan: 10s, %s}%c", correlation, 0);
    if (sbed_rules(&b, yaml.ptr) != 3)
        fail_msg("%s", b.said.ptr);
    dw_buf_fini(&yaml);
}

static void begin(const char *correlation)
{
    rules(correlation);
    real = dw_window_new(b.rs, NULL);
    early = dw__early_new(b.rs, real, 30 * SECOND, on_told, NULL);
    assert_non_null(early);
    dw_buf_reset(&told);
}

static void end(void)
{
    dw__early_free(early);
    dw_window_free(real);
    dw_buf_fini(&told);
}

/* An event of `second` after NOW that came at `came`, both to the early and to the real window. */
static void feed(int64_t second, int64_t came, uint32_t rule, const char *user)
{
    char words[64];
    (void)snprintf(words, sizeof words, "user=%s", user);
    (void)sbed_event(&b, words, "-");
    b.ev.time_ns = NOW + second * SECOND;
    b.ev.start = events++;
    b.ev.stream = &stream;
    assert_int_equal(dw_window_match(real, rule, &b.ev, false), DW_OK);
    assert_int_equal(dw__early_match(early, rule, &b.ev, NOW + came * SECOND), DW_OK);
    assert_int_equal(dw__early_frame(early), DW_OK);
}

static void watermark(int64_t second)
{
    assert_int_equal(dw_window_advance(real, NOW + second * SECOND, on_finding, NULL), DW_OK);
    assert_int_equal(dw__early_judge(early), DW_OK);
}

static void assert_told(const char *want)
{
    assert_str(dw_str_make(told.ptr ? told.ptr : "", told.len), want);
}

static void a_count_is_told_at_once_and_confirmed_by_the_watermark(void **state)
{
    (void)state;
    begin("type: event_count, rules: [r0], condition: {gte: 3}");
    const uint64_t raised = dw_counter_get(DW_C_provisional_raised), confirmed = dw_counter_get(DW_C_provisional_confirmed);
    feed(1, 2, 0, "a");
    feed(2, 3, 0, "b");
    feed(2, 3, 0, "a");
    assert_told("");
    feed(3, 4, 0, "a");
    assert_told("r:user=a ");
    feed(4, 5, 0, "a"); /* it stands: nothing is new */
    watermark(2);
    assert_told("r:user=a ");
    watermark(3);
    assert_told("r:user=a c:user=a ");
    feed(5, 6, 0, "a"); /* an alert by now, and hot */
    watermark(30);
    assert_told("r:user=a c:user=a ");
    feed(40, 41, 0, "a");
    feed(40, 41, 0, "a");
    feed(40, 41, 0, "a"); /* its window was empty: a new one */
    assert_told("r:user=a c:user=a r:user=a ");
    watermark(41);
    assert_told("r:user=a c:user=a r:user=a c:user=a ");
    assert_int_equal(dw_counter_get(DW_C_provisional_raised) - raised, 2);
    assert_int_equal(dw_counter_get(DW_C_provisional_confirmed) - confirmed, 2);
    end();
}

static void what_does_not_hold_with_all_in_their_places_is_withdrawn(void **state)
{
    (void)state;
    begin("type: temporal_ordered, rules: [r0, r1]");
    feed(5, 6, 0, "a"); /* came in this order, */
    feed(4, 7, 1, "a"); /* and happened in the other */
    feed(5, 7, 0, "b");
    feed(6, 7, 1, "b");
    assert_told("r:user=a r:user=b ");
    watermark(4);
    assert_told("r:user=a r:user=b ");
    watermark(6);
    assert_told("r:user=a r:user=b c:user=b w:user=a ");
    end();
}

/* Goal: who sends what is withdrawn has not silenced the key: it is told again once that many come again. */
static void after_what_was_withdrawn_the_key_counts_anew(void **state)
{
    (void)state;
    begin("type: event_count, rules: [r0], condition: {gte: 3}");
    feed(-28, 0, 0, "a"); /* at once, and half a minute apart */
    feed(-14, 0, 0, "a");
    feed(0, 0, 0, "a");
    watermark(0);
    assert_told("r:user=a w:user=a ");
    for (int64_t i = 1; i < 6; i++) /* never three in ten seconds, and never quiet for ten */
        feed(i * 6, i * 6, 0, "a");
    assert_told("r:user=a w:user=a ");
    feed(31, 31, 0, "a");
    feed(32, 32, 0, "a");
    assert_told("r:user=a w:user=a r:user=a ");
    watermark(32);
    assert_told("r:user=a w:user=a r:user=a c:user=a ");
    end();
}

/* The same finding raised once more, as after a start, has another id: who hears of it tells them apart. */
static void what_is_raised_again_is_another(void **state)
{
    (void)state;
    char first[2][DW_ALERT_ID_TEXT];
    begin("type: event_count, rules: [r0], condition: {gte: 1}");
    for (int i = 0; i < 2; i++) {
        dw__early_free(early);
        early = dw__early_new(b.rs, real, 30 * SECOND, on_told, NULL);
        events = 77;
        feed(1, 2 + i, 0, "a");
        (void)snprintf(first[i], sizeof first[i], "%s", last_id);
    }
    assert_string_not_equal(first[0], first[1]);
    assert_int_equal(dw__early_end(early), DW_OK);
    assert_told("r:user=a r:user=a w:user=a ");
    end();
}

static void a_clock_that_goes_back_begins_anew(void **state)
{
    (void)state;
    begin("type: event_count, rules: [r0], condition: {gte: 3}");
    feed(1000, 1000, 0, "a");
    feed(1001, 1001, 0, "a");
    feed(1, 1, 0, "a"); /* the host's clock was set */
    assert_told("");
    feed(2, 2, 0, "a");
    feed(30, 30, 0, "a"); /* the window has passed */
    assert_told("");
    feed(31, 31, 0, "a");
    feed(32, 32, 0, "a");
    assert_told("r:user=a ");
    end();
}

static void there_is_a_most_that_stands(void **state)
{
    (void)state;
    begin("type: event_count, rules: [r0], condition: {gte: 1}");
    const uint64_t refused = dw_counter_get(DW_C_provisional_refused);
    for (int i = 0; i < 4100; i++) {
        char user[16];
        (void)snprintf(user, sizeof user, "u%d", i);
        feed(1, 2, 0, user);
    }
    assert_int_equal(dw_counter_get(DW_C_provisional_refused) - refused, 4);
    watermark(1);
    feed(3, 4, 0, "u4099"); /* an alert by now */
    feed(3, 4, 0, "new");
    assert_true(dw_str_ends(dw_buf_view(&told), DW_STR("r:user=new ")));
    end();
}

static void what_is_not_of_now_tells_nothing(void **state)
{
    (void)state;
    begin("type: event_count, rules: [r0], condition: {gte: 2}");
    const uint64_t left_out = dw_counter_get(DW_C_provisional_not_now);
    feed(0, 3600, 0, "a"); /* an hour's backlog */
    feed(1, 3600, 0, "a");
    feed(7200, 3601, 0, "a"); /* a clock ahead */
    feed(7200, 3601, 0, "a");
    assert_told("");
    feed(3600, 3601, 0, "b"); /* and what comes now is told all the same */
    feed(3601, 3601, 0, "b");
    assert_told("r:user=b ");
    assert_int_equal(dw_counter_get(DW_C_provisional_not_now) - left_out, 4);
    end();
}

/* Goal: an old finding of the same key, of somebody's backlog, confirms nothing of now. */
static void an_old_finding_of_the_key_confirms_nothing(void **state)
{
    (void)state;
    begin("type: event_count, rules: [r0], condition: {gte: 2}");
    feed(3600, 3601, 0, "a");
    feed(10, 3601, 0, "a"); /* behind by an hour, and of the same key */
    feed(11, 3601, 0, "a");
    feed(3601, 3602, 0, "a");
    assert_told("r:user=a ");
    watermark(20);
    assert_told("r:user=a ");
    watermark(3601);
    assert_told("r:user=a c:user=a ");
    end();
}

static void only_what_more_events_bring_about_is_told(void **state)
{
    (void)state;
    static const char *const not[] = {"type: event_count, rules: [r0], condition: {lte: 5}", "type: event_count, rules: [r0], condition: {gte: 1, lte: 5}",
        "type: absence, rules: [r0, r1]", "type: temporal, condition: r0 and not r1", "type: value_avg, rules: [r0], condition: {field: user, gte: 0}"};
    for (size_t i = 0; i < DW_COUNT_OF(not); i++) {
        begin(not[i]);
        feed(1, 1, 0, "a");
        feed(2, 2, 0, "a");
        feed(100, 100, 0, "a");
        assert_told("");
        end();
    }
}

/* Goal: it goes on from what the other window has, what waits there too, and other rules end what they do not know. */
static void it_goes_on_from_the_window_beside_it(void **state)
{
    (void)state;
    begin("type: event_count, rules: [r0], condition: {gte: 3}");
    feed(1, 2, 0, "a");
    watermark(1);
    feed(2, 3, 0, "a"); /* waits for the watermark */
    dw__early_free(early);
    early = dw__early_new(b.rs, real, 30 * SECOND, on_told, NULL);
    assert_non_null(early);
    feed(3, 4, 0, "a");
    assert_told("r:user=a ");
    end();

    begin("type: event_count, rules: [r0], condition: {gte: 2}");
    feed(1, 2, 0, "a");
    feed(2, 3, 0, "a");
    assert_told("r:user=a ");
    struct sbed other;
    struct dw_ruleset *before = b.rs;
    other = b;
    b.rs = NULL; /* kept until the other has taken its place */
    b.scratch = NULL;
    rules("type: event_count, rules: [r0], condition: {gte: 4}");
    struct dw_window *w = dw_window_new(b.rs, NULL);
    assert_int_equal(dw__early_rules(early, b.rs, w), DW_OK);
    assert_told("r:user=a w:user=a ");
    dw_window_free(real);
    real = w;
    dw_match_scratch_free(other.scratch);
    dw_ruleset_free(before);
    for (int i = 0; i < 4; i++)
        feed(5, 6, 0, "a");
    assert_told("r:user=a w:user=a r:user=a ");
    end();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_count_is_told_at_once_and_confirmed_by_the_watermark),
        cmocka_unit_test(what_does_not_hold_with_all_in_their_places_is_withdrawn),
        cmocka_unit_test(after_what_was_withdrawn_the_key_counts_anew),
        cmocka_unit_test(what_is_raised_again_is_another),
        cmocka_unit_test(a_clock_that_goes_back_begins_anew),
        cmocka_unit_test(there_is_a_most_that_stands),
        cmocka_unit_test(what_is_not_of_now_tells_nothing),
        cmocka_unit_test(an_old_finding_of_the_key_confirms_nothing),
        cmocka_unit_test(only_what_more_events_bring_about_is_told),
        cmocka_unit_test(it_goes_on_from_the_window_beside_it),
    };
    sbed_init(&b);
    int rc = cmocka_run_group_tests(tests, NULL, NULL);
    sbed_fini(&b);
    return rc;
}
