/* Tests of correlate/window: each type against brute force, order of arrival, refire, keys, snapshots, bounds. */
#include "sigma_bed.h"

#include "dogwatch/base/counter.h"
#include "dogwatch/base/rng.h"

static struct sbed b;
static const struct dw_stream stream = {.id = {7}, .series = {3}};

struct heard {
    struct dw_buf text; /* all findings, one JSON line each */
    uint32_t alerts, updates;
    int64_t at[4096];
};

static void hear(void *ud, const struct dw_finding *f)
{
    struct heard *h = ud;
    dw_finding_json(b.rs, f, &h->text);
    dw_buf_byte(&h->text, '\n');
    if (f->update)
        h->updates++;
    else if (h->alerts < 4096)
        h->at[h->alerts++] = f->time_ns / 1000000000;
}

static void rules(const char *correlation)
{
    struct dw_buf yaml = {0};
    for (int i = 0; i < 3; i++)
        dw_buf_printf(
            &yaml, "---\ntitle: t\nid: r%d\nlogsource: {product: x}\ndetection: {s: {f: %d}, condition: s}\n", i, i);
    dw_buf_printf(&yaml,
        "---\ntitle: c\nid: c\nlevel: high\ntags: [attack.t1]\ncorrelation:\n  group-by: [user]\n  timespan: 10s\n%s%c",
        correlation, 0);
    if (sbed_rules(&b, yaml.ptr) != 4)
        fail_msg("%s", b.said.ptr);
    dw_buf_fini(&yaml);
}

static void feed(struct dw_window *w, int64_t second, uint64_t start, int rule, const char *user, const char *value)
{
    char words[200];
    (void)snprintf(words, sizeof words, "user=%s%s%s", user, value ? "|v=" : "", value ? value : "");
    (void)sbed_event(&b, words, "-");
    b.ev.time_ns = second * 1000000000;
    b.ev.start = start;
    b.ev.stream = &stream;
    assert_int_equal(dw_window_match(w, (uint32_t)rule, &b.ev, false), DW_OK);
}

static void event_count_alerts_on_crossing_and_again_after_the_window_empties(void **state)
{
    (void)state;
    static struct heard h;
    rules("  type: event_count\n  rules: [r0]\n  condition: {gte: 3}\n");
    struct dw_window *w = dw_window_new(b.rs, NULL);
    const int64_t times[] = {0, 10, 19, 20, 21, 25, 40, 41, 42};
    for (size_t i = 0; i < DW_COUNT_OF(times); i++)
        feed(w, times[i], i, 0, "u", NULL);
    feed(w, 41, 99, 0, "other", NULL);
    assert_int_equal(dw_window_flush(w, hear, &h), DW_OK);
    assert_int_equal(h.alerts, 2); /* at 20: 10 is outside of (10, 20]; so 21; then 42 */
    assert_int_equal(h.at[0], 21);
    assert_int_equal(h.at[1], 42);
    assert_int_equal(h.updates, 1); /* the fourth */
    dw_buf_byte(&h.text, 0);
    assert_non_null(strstr(h.text.ptr, "\"key\":{\"user\":\"u\"}"));
    assert_non_null(strstr(h.text.ptr, "\"total\":3"));
    assert_non_null(strstr(h.text.ptr, "\"level\":\"high\""));
    assert_non_null(strstr(h.text.ptr, "07000000000000000000000000000000-4"));
    dw_buf_fini(&h.text);
    dw_window_free(w);
}

struct sample {
    int64_t t;
    int rule;
    int value;
};

/* What a type says at sample `at`, looking at all samples of (t - 10, t] up to it. */
static bool brute(const char *type, const struct sample *s, int at)
{
    int count = 0, seen[8] = {0}, distinct = 0, members[3] = {0};
    double sum = 0;
    bool chain = false;
    for (int i = 0; i <= at; i++) {
        if (s[i].t <= s[at].t - 10)
            continue;
        members[s[i].rule] = 1;
        for (int j = i + 1; j < at && s[i].rule == 0 && s[at].rule == 2; j++)
            chain = chain || s[j].rule == 1;
        if (s[i].rule != 0)
            continue;
        count++;
        sum += s[i].value;
        distinct += !seen[s[i].value]++;
    }
    bool first = s[at].rule == 0;
    if (strcmp(type, "event_count") == 0)
        return first && count >= 4;
    if (strcmp(type, "value_count") == 0)
        return first && distinct >= 4;
    if (strcmp(type, "value_sum") == 0)
        return first && sum > 12;
    if (strcmp(type, "value_avg") == 0)
        return first && sum / count > 5;
    if (strcmp(type, "value_percentile") == 0) { /* 75th by nearest rank: fewer than three quarters are below 6 */
        int below = 0;
        for (int i = 0; i <= at; i++)
            below += s[i].t > s[at].t - 10 && s[i].rule == 0 && s[i].value < 6;
        return first && below * 4 < count * 3;
    }
    if (strcmp(type, "temporal") == 0)
        return members[0] && members[1] && members[2];
    return chain;
}

static bool takes_part(const char *type, const struct sample *s)
{
    return s->rule == 0 || type[0] == 't';
}

static const struct {
    const char *type, *text;
} types[] = {
    {"event_count", "  type: event_count\n  rules: [r0]\n  condition: {gt: 3}\n"},
    {"value_count", "  type: value_count\n  rules: [r0]\n  condition: {field: v, gte: 4}\n"},
    {"value_sum", "  type: value_sum\n  rules: [r0]\n  condition: {field: v, gt: 12}\n"},
    {"value_avg", "  type: value_avg\n  rules: [r0]\n  condition: {field: v, gt: 5}\n"},
    {"value_percentile",
        "  type: value_percentile\n  rules: [r0]\n  condition: {field: v, percentile: 75, gte: 6}\n"},
    {"temporal", "  type: temporal\n  rules: [r0, r1, r2]\n"},
    {"temporal_ordered", "  type: temporal_ordered\n  rules: [r0, r1, r2]\n"},
};

/* Goal:   bounded state says what looking at every event of the window says.
 * Method: random events of one key; the alerts are those of the obvious way, with the same rule of refiring. */
static void every_type_is_exact(void **state)
{
    (void)state;
    struct dw_rng rng = {.state = 5};
    static struct heard h;
    for (size_t k = 0; k < DW_COUNT_OF(types); k++) {
        rules(types[k].text);
        for (int round = 0; round < 60; round++) {
            struct sample s[100];
            int64_t t = 0, newest = -1000;
            uint32_t want = 0;
            bool open = false;
            struct dw_window *w = dw_window_new(b.rs, NULL);
            memset(&h, 0, sizeof h);
            for (int i = 0; i < 100; i++) {
                char value[8];
                t += (int64_t)dw_rng_below(&rng, dw_rng_below(&rng, 20) == 0 ? 20 : 4);
                s[i] = (struct sample){t, (int)dw_rng_below(&rng, 3), (int)dw_rng_below(&rng, 8)};
                (void)snprintf(value, sizeof value, "%d", s[i].value);
                if (!takes_part(types[k].type, &s[i]))
                    continue;
                feed(w, t, (uint64_t)i, s[i].rule, "u", value);
                open = open && newest > t - 10;
                newest = t;
                if (!open && brute(types[k].type, s, i)) {
                    open = true;
                    want++;
                }
            }
            assert_int_equal(dw_window_flush(w, hear, &h), DW_OK);
            if (h.alerts != want)
                fail_msg("%s, round %d: %u alerts, want %u", types[k].type, round, h.alerts, want);
            dw_buf_fini(&h.text);
            dw_window_free(w);
        }
    }
}

/* Shuffles within blocks, so that no event comes much later than its time. */
static void shuffle(struct dw_rng *rng, uint32_t *order, uint32_t count, uint32_t block)
{
    for (uint32_t i = 0; i < count; i++) {
        uint32_t end = (i / block + 1) * block < count ? (i / block + 1) * block : count;
        uint32_t j = i + (uint32_t)dw_rng_below(rng, end - i), keep = order[i];
        order[i] = order[j];
        order[j] = keep;
    }
}

static const char *const users[] = {"a", "b"};
static const char *const values[] = {"1", "9", "3", "8", "5"};

/* Feeds 300 events, time i / 4, in the given order; the watermark follows `behind` seconds later. */
static void feed_all(
    struct dw_window *w, const uint32_t *order, uint32_t from, uint32_t to, int64_t behind, struct heard *h)
{
    for (uint32_t i = from; i < to; i++) {
        uint32_t n = order[i];
        feed(w, n / 4, n, (int)(n * 7 % 3), users[n / 5 % 2], values[n * 11 / 3 % 5]);
        if (behind && i % 7 == 0)
            assert_int_equal(dw_window_advance(w, ((int64_t)i / 4 - behind) * 1000000000, hear, h), DW_OK);
    }
}

static void findings_do_not_depend_on_arrival(void **state)
{
    (void)state;
    static struct heard first, h;
    struct dw_rng rng = {.state = 11};
    for (size_t k = 0; k < DW_COUNT_OF(types); k++) {
        rules(types[k].text);
        for (int round = 0; round < 20; round++) {
            uint32_t order[300];
            for (uint32_t i = 0; i < 300; i++)
                order[i] = i;
            if (round)
                shuffle(&rng, order, 300, 20);
            struct dw_window *w = dw_window_new(b.rs, NULL);
            struct heard *into = round ? &h : &first;
            memset(into, 0, sizeof *into);
            uint64_t late = dw_counter_get(DW_C_correlate_events_late);
            feed_all(w, order, 0, 300, round % 2 ? 6 : 0, into);
            assert_int_equal(dw_window_flush(w, hear, into), DW_OK);
            assert_int_equal(dw_counter_get(DW_C_correlate_events_late), late);
            assert_true(into->alerts > 0);
            if (round && !dw_str_eq(dw_buf_view(&first.text), dw_buf_view(&h.text)))
                fail_msg("%s, round %d: other findings", types[k].type, round);
            if (round)
                dw_buf_fini(&h.text);
            dw_window_free(w);
        }
        dw_buf_fini(&first.text);
    }
}

static void a_restart_from_a_snapshot_goes_on_byte_identically(void **state)
{
    (void)state;
    static struct heard whole, parts;
    for (size_t k = 0; k < DW_COUNT_OF(types); k++) {
        uint32_t order[300];
        for (uint32_t i = 0; i < 300; i++)
            order[i] = i;
        rules(types[k].text);
        struct dw_window *w = dw_window_new(b.rs, NULL);
        memset(&whole, 0, sizeof whole);
        memset(&parts, 0, sizeof parts);
        feed_all(w, order, 0, 300, 5, &whole);
        assert_int_equal(dw_window_flush(w, hear, &whole), DW_OK);
        dw_window_free(w);
        w = dw_window_new(b.rs, NULL);
        for (uint32_t i = 0; i < 300; i += 30) {
            struct dw_buf saved = {0}, again = {0};
            feed_all(w, order, i, i + 30, 5, &parts);
            dw_window_save(w, &saved);
            assert_int_equal(saved.err, DW_OK);
            dw_window_free(w);
            w = dw_window_new(b.rs, NULL);
            assert_int_equal(dw_window_load(w, dw_buf_view(&saved)), DW_OK);
            dw_window_save(w, &again);
            assert_true(dw_str_eq(dw_buf_view(&saved), dw_buf_view(&again)));
            dw_buf_fini(&saved);
            dw_buf_fini(&again);
        }
        assert_int_equal(dw_window_flush(w, hear, &parts), DW_OK);
        assert_true(whole.alerts > 0);
        if (!dw_str_eq(dw_buf_view(&whole.text), dw_buf_view(&parts.text)))
            fail_msg("%s: other findings after restarts", types[k].type);
        dw_buf_fini(&whole.text);
        dw_buf_fini(&parts.text);
        dw_window_free(w);
    }
}

static void a_damaged_snapshot_is_refused_or_harmless(void **state)
{
    (void)state;
    static struct heard h;
    struct dw_buf saved = {0};
    struct dw_rng rng = {.state = 3};
    rules(types[DW_COUNT_OF(types) - 1].text);
    struct dw_window *w = dw_window_new(b.rs, NULL);
    for (uint32_t i = 0; i < 40; i++)
        feed(w, i, i, (int)(i % 3), "u", "1");
    assert_int_equal(dw_window_advance(w, INT64_C(30000000000), hear, &h), DW_OK);
    dw_window_save(w, &saved);
    dw_window_free(w);
    for (size_t len = 0; len < saved.len; len++) {
        w = dw_window_new(b.rs, NULL);
        assert_true(dw_window_load(w, dw_str_make(saved.ptr, len)) < 0);
        dw_window_free(w);
    }
    for (int i = 0; i < 2000; i++) {
        size_t at = dw_rng_below(&rng, saved.len);
        char keep = saved.ptr[at];
        saved.ptr[at] = (char)dw_rng_next(&rng);
        w = dw_window_new(b.rs, NULL);
        if (dw_window_load(w, dw_buf_view(&saved)) == DW_OK)
            assert_int_equal(dw_window_flush(w, hear, &h), DW_OK);
        dw_window_free(w);
        saved.ptr[at] = keep;
    }
    dw_buf_fini(&saved);
    dw_buf_fini(&h.text);
}

static void what_takes_no_part_is_counted(void **state)
{
    (void)state;
    static struct heard h;
    rules("  type: value_sum\n  rules: [r0]\n  condition: {field: v, gte: 3}\n");
    struct dw_window *w = dw_window_new(b.rs, &(struct dw_window_opts){.state_bytes_max = 1});
    uint64_t no_key = dw_counter_get(DW_C_correlate_no_key), no_value = dw_counter_get(DW_C_correlate_no_value);
    uint64_t late = dw_counter_get(DW_C_correlate_events_late), refused = dw_counter_get(DW_C_correlate_keys_refused);
    (void)sbed_event(&b, "v=1", "-");
    b.ev.time_ns = 1000000000;
    assert_int_equal(dw_window_match(w, 0, &b.ev, false), DW_OK);
    assert_int_equal(dw_counter_get(DW_C_correlate_no_key), no_key + 1);
    feed(w, 1, 1, 0, "u", NULL);
    feed(w, 1, 1, 0, "u", "many");
    assert_int_equal(dw_counter_get(DW_C_correlate_no_value), no_value + 2);
    feed(w, 2, 2, 0, "u", "1");
    feed(w, 2, 3, 0, "v", "3"); /* the second key is over the bound */
    assert_int_equal(dw_window_flush(w, hear, &h), DW_OK);
    assert_int_equal(dw_counter_get(DW_C_correlate_keys_refused), refused + 1);
    feed(w, 2, 4, 0, "u", "3");
    assert_int_equal(dw_counter_get(DW_C_correlate_events_late), late + 1);
    assert_int_equal(h.alerts, 0);
    dw_buf_fini(&h.text);
    dw_window_free(w);
}

struct steps {
    struct dw_buf text;
};

static void on_step(void *arg, const struct dw_step *s)
{
    struct steps *all = arg;
    dw_buf_printf(&all->text, "%llu:%d:%g%s%s ", (unsigned long long)s->ref.start, (int)s->left_out, s->value, s->holds ? "+" : "", s->opens ? "!" : "");
    assert_true(s->left_out || (s->key_count == 1 && dw_str_eq(s->key_value[0], DW_STR("u"))));
}

static void each_match_is_a_step_or_says_why_not(void **state)
{
    (void)state;
    static struct heard h;
    struct steps said = {{0}};
    memset(&h, 0, sizeof h);
    rules("  type: value_sum\n  rules: [r0]\n  condition: {field: v, gte: 3}\n");
    struct dw_window *w = dw_window_new(b.rs, &(struct dw_window_opts){.step = on_step, .step_arg = &said, .state_bytes_max = 3000});
    feed(w, 1, 1, 0, "u", "1");
    feed(w, 2, 2, 0, "u", "2");
    feed(w, 3, 3, 0, "u", "none");
    (void)sbed_event(&b, "v=1", "-");
    b.ev.time_ns = 1000000000;
    b.ev.start = 4;
    b.ev.stream = &stream;
    assert_int_equal(dw_window_match(w, 0, &b.ev, false), DW_OK);
    feed(w, 4, 5, 0, "v", "1"); /* no room for its key */
    feed(w, 5, 6, 0, "u", "1");
    assert_int_equal(dw_window_advance(w, 9000000000, hear, &h), DW_OK);
    feed(w, 6, 7, 0, "u", "1");
    assert_str(dw_buf_view(&said.text), "3:3:0 4:2:0 1:0:1 2:0:3+! 5:4:0 6:0:4+ 7:1:0 ");
    dw_window_free(w);
    dw_buf_reset(&said.text);
    w = dw_window_new(b.rs, &(struct dw_window_opts){.step = on_step, .step_arg = &said, .waiting_bytes_max = 300});
    for (uint64_t i = 1; i < 4; i++)
        feed(w, 1, i, 0, "u", "1"); /* there is room for two that wait */
    assert_str(dw_buf_view(&said.text), "3:4:0 ");
    dw_buf_fini(&said.text);
    dw_buf_fini(&h.text);
    dw_window_free(w);
}

static void on_value(void *arg, const struct dw_step *s)
{
    ((double *)arg)[s->ref.start] = s->value;
}

/* Goal:   many values are counted as if each were looked for, also when most are seen again, and through snapshots.
 * Method: thousands of events, a few hundred values, some often and some hardly ever; every count beside that of looking at all of the window. */
static void many_distinct_values_are_exact(void **state)
{
    (void)state;
    enum { EVENTS = 6000, VALUES = 700 };
    static struct heard h;
    static double said[EVENTS];
    static int value[EVENTS];
    static const struct {
        const char *text;
        int most;
    } kinds[] = {{"  type: value_count\n  rules: [r0]\n  condition: {field: v, gte: 150}\n", 150}, {"  type: value_count\n  rules: [r0]\n  condition: {field: v, neq: 3}\n", EVENTS}};
    for (size_t k = 0; k < DW_COUNT_OF(kinds); k++) {
        struct dw_rng rng = {.state = 9 + k};
        const struct dw_window_opts opts = {.step = on_value, .step_arg = said};
        rules(kinds[k].text);
        struct dw_window *w = dw_window_new(b.rs, &opts);
        for (int i = 0; i < EVENTS; i++) {
            char text[16];
            int most = dw_rng_below(&rng, 3) ? 20 : VALUES;
            value[i] = (int)dw_rng_below(&rng, (uint64_t)most);
            (void)snprintf(text, sizeof text, "%d", value[i]);
            feed(w, i / 40, (uint64_t)i, 0, "u", text); /* 400 a window */
            if (i % 1600 != 1599) /* a second is over */
                continue;
            struct dw_buf saved = {0};
            assert_int_equal(dw_window_advance(w, (int64_t)(i / 40) * 1000000000, hear, &h), DW_OK);
            dw_window_save(w, &saved);
            dw_window_free(w);
            w = dw_window_new(b.rs, &opts);
            assert_int_equal(dw_window_load(w, dw_buf_view(&saved)), DW_OK);
            dw_buf_fini(&saved);
        }
        assert_int_equal(dw_window_flush(w, hear, &h), DW_OK);
        dw_window_free(w);
        for (int i = 0; i < EVENTS; i++) {
            bool seen[VALUES] = {false};
            int distinct = 0;
            for (int j = i; j >= 0 && j / 40 > i / 40 - 10; j--) {
                distinct += !seen[value[j]];
                seen[value[j]] = true;
            }
            assert_int_equal((int)said[i], distinct < kinds[k].most ? distinct : kinds[k].most);
        }
    }
    dw_buf_fini(&h.text);
}

static void matches_that_wait_are_bounded(void **state)
{
    (void)state;
    static struct heard h;
    memset(&h, 0, sizeof h);
    rules("  type: event_count\n  rules: [r0]\n  condition: {gte: 3}\n");
    struct dw_window *w = dw_window_new(b.rs, &(struct dw_window_opts){.waiting_bytes_max = 2000});
    uint64_t refused = dw_counter_get(DW_C_correlate_matches_refused);
    for (uint64_t i = 0; i < 1000; i++)
        feed(w, 1, i, 0, "u", NULL); /* the watermark stands still */
    uint64_t over = dw_counter_get(DW_C_correlate_matches_refused) - refused;
    assert_in_range(over, 900, 999);
    assert_int_equal(dw_window_advance(w, 1000000000, hear, &h), DW_OK);
    assert_int_equal(h.alerts, 1);
    for (uint64_t i = 0; i < 3; i++)
        feed(w, 20, i, 0, "u", NULL); /* what was taken makes room again */
    assert_int_equal(dw_window_flush(w, hear, &h), DW_OK);
    assert_int_equal(h.alerts, 2);
    assert_int_equal(dw_counter_get(DW_C_correlate_matches_refused) - refused, over);
    dw_buf_fini(&h.text);
    dw_window_free(w);
}

/* Goal:   a threshold beyond what sums keep is counted to the event, through a snapshot. */
static void high_thresholds_are_exact(void **state)
{
    (void)state;
    enum { EVENTS = 70000 };
    static struct heard h;
    static const char *const kinds[] = {"  type: event_count\n  rules: [r0]\n  condition: {gte: 70000}\n", "  type: value_count\n  rules: [r0]\n  condition: {field: v, gt: 69999}\n"};
    for (size_t k = 0; k < DW_COUNT_OF(kinds); k++) {
        struct dw_buf saved = {0};
        memset(&h, 0, sizeof h);
        rules(kinds[k]);
        struct dw_window *w = dw_window_new(b.rs, NULL);
        for (int i = 0; i < EVENTS; i++) {
            char text[16];
            (void)snprintf(text, sizeof text, "%d", i);
            feed(w, i == EVENTS - 1 ? 9 : 1 + i / 10000, (uint64_t)i, 0, "u", text);
            if (i != EVENTS - 2)
                continue;
            assert_int_equal(dw_window_flush(w, hear, &h), DW_OK);
            dw_window_save(w, &saved);
            dw_window_free(w);
            w = dw_window_new(b.rs, NULL);
            assert_int_equal(dw_window_load(w, dw_buf_view(&saved)), DW_OK);
        }
        assert_int_equal(h.alerts, 0);
        assert_int_equal(dw_window_flush(w, hear, &h), DW_OK);
        assert_int_equal(h.alerts, 1);
        dw_window_free(w);
        dw_buf_fini(&saved);
        dw_buf_fini(&h.text);
    }
}

/* Goal:   what all keys hold is bounded: over the bound no new key, over twice the bound no longer window; both are counted, and what is kept decides. */
static void what_keys_hold_is_bounded(void **state)
{
    (void)state;
    static struct heard h;
    memset(&h, 0, sizeof h);
    rules("  type: event_count\n  rules: [r0]\n  condition: {gte: 500}\n");
    const uint64_t refused = dw_counter_get(DW_C_correlate_keys_refused), capped = dw_counter_get(DW_C_correlate_window_capped);
    struct dw_window *w = dw_window_new(b.rs, &(struct dw_window_opts){.state_bytes_max = 4096});
    for (uint64_t i = 0; i < 1000; i++)
        feed(w, 1, i, 0, "u", NULL); /* a window of 500 would need four times the bound */
    feed(w, 1, 1000, 0, "other", NULL);
    assert_int_equal(dw_window_flush(w, hear, &h), DW_OK);
    assert_int_equal(h.alerts, 0);
    assert_int_equal(dw_counter_get(DW_C_correlate_keys_refused) - refused, 1);
    assert_in_range(dw_counter_get(DW_C_correlate_window_capped) - capped, 500, 900);
    dw_buf_fini(&h.text);
    dw_window_free(w);
}

static void correlations_nest_by_their_groups(void **state)
{
    (void)state;
    static struct heard h;
    struct dw_buf yaml = {0};
    memset(&h, 0, sizeof h);
    dw_buf_printf(&yaml,
        "title: t\nid: r0\nlogsource: {product: x}\ndetection: {s: {f: 0}, condition: s}\n"
        "---\ntitle: t\nid: r1\nlogsource: {product: x}\ndetection: {s: {f: 1}, condition: s}\n"
        "---\ntitle: outer\nid: o\ncorrelation: {type: temporal_ordered, rules: [i, r1], group-by: [user], timespan: "
        "1m}\n"
        "---\ntitle: inner\nid: i\ncorrelation: {type: event_count, rules: [r0], group-by: [user], timespan: 10s, "
        "condition: {gte: 2}}\n%c",
        0);
    assert_int_equal(sbed_rules(&b, yaml.ptr), 4);
    dw_buf_fini(&yaml);
    struct dw_window *w = dw_window_new(b.rs, NULL);
    feed(w, 1, 1, 0, "u", NULL);
    feed(w, 2, 2, 0, "u", NULL);
    feed(w, 3, 3, 1, "other", NULL);
    feed(w, 5, 4, 1, "u", NULL);
    assert_int_equal(dw_window_flush(w, hear, &h), DW_OK);
    assert_int_equal(h.alerts, 2);
    assert_int_equal(h.at[0], 2);
    assert_int_equal(h.at[1], 5);
    dw_buf_fini(&h.text);
    dw_window_free(w);
}

static void one_event_is_no_sequence(void **state)
{
    (void)state;
    static struct heard h;
    memset(&h, 0, sizeof h);
    rules("  type: temporal_ordered\n  rules: [r0, r1]\n");
    struct dw_window *w = dw_window_new(b.rs, NULL);
    feed(w, 1, 1, 0, "u", NULL);
    feed(w, 1, 1, 1, "u", NULL); /* the same event matches both */
    assert_int_equal(dw_window_flush(w, hear, &h), DW_OK);
    assert_int_equal(h.alerts, 0);
    feed(w, 2, 2, 1, "u", NULL);
    assert_int_equal(dw_window_flush(w, hear, &h), DW_OK);
    assert_int_equal(h.alerts, 1);
    dw_buf_fini(&h.text);
    dw_window_free(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(event_count_alerts_on_crossing_and_again_after_the_window_empties),
        cmocka_unit_test(every_type_is_exact),
        cmocka_unit_test(findings_do_not_depend_on_arrival),
        cmocka_unit_test(a_restart_from_a_snapshot_goes_on_byte_identically),
        cmocka_unit_test(a_damaged_snapshot_is_refused_or_harmless),
        cmocka_unit_test(what_takes_no_part_is_counted),
        cmocka_unit_test(each_match_is_a_step_or_says_why_not),
        cmocka_unit_test(many_distinct_values_are_exact),
        cmocka_unit_test(matches_that_wait_are_bounded),
        cmocka_unit_test(high_thresholds_are_exact),
        cmocka_unit_test(what_keys_hold_is_bounded),
        cmocka_unit_test(correlations_nest_by_their_groups),
        cmocka_unit_test(one_event_is_no_sequence),
    };
    sbed_init(&b);
    int rc = cmocka_run_group_tests(tests, NULL, NULL);
    sbed_fini(&b);
    return rc;
}
