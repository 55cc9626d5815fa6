/* Tests of matches that go from one first stage to others' second: whatever way they go, findings are those of one window that sees all. */
#include "sigma_bed.h"

#include "dogwatch/base/clock.h"
#include "dogwatch/base/counter.h"
#include "dogwatch/base/rng.h"
#include "dogwatch/correlate/matches.h"

#include <stdlib.h>


enum { FRAMES = 250, EVENTS_MAX = 4, SOURCES = 3 };

static struct sbed b;
static const char *const correlations =
    "---\ntitle: a\nid: a\nlogsource: {product: x}\ndetection: {s: {f: 0}, condition: s}\n"
    "---\ntitle: b\nid: b\nlogsource: {product: x}\ndetection: {s: {f: 1}, condition: s}\n"
    "---\ntitle: count\nid: count\ncorrelation: {type: event_count, rules: [a], group-by: [user], timespan: 20s, condition: {gte: 4}}\n"
    "---\ntitle: values\nid: values\ncorrelation: {type: value_count, rules: [a], group-by: [user], timespan: 30s, condition: {gte: 3, field: v}}\n"
    "---\ntitle: sum\nid: sum\ncorrelation: {type: value_sum, rules: [b], group-by: [user], timespan: 30s, condition: {gte: 9, field: v}}\n"
    "---\ntitle: order\nid: order\ncorrelation: {type: temporal_ordered, rules: [a, b], group-by: [user], timespan: 5s}\n"
    "---\ntitle: nest\nid: nest\ncorrelation: {type: temporal, rules: [count, b], group-by: [user], timespan: 60s}\n"
    "---\ntitle: novel\nid: novel\ndetector: {type: new_value, rules: [a], field: v, group-by: [user], timespan: 1h, learn: 20s}\n";

/* Frames in the order of their arrival. */
static struct frame {
    uint32_t source, events;
    uint64_t offset;
    int64_t low_s; /* no event of this frame or a later one is earlier */
    struct {
        int64_t time_s;
        uint32_t rule;
        char words[64];
    } event[EVENTS_MAX];
} frames[FRAMES];

static void hear(void *ud, const struct dw_finding *f)
{
    dw_finding_json(b.rs, f, ud);
    dw_buf_byte(ud, '\n');
}

static void make_frames(uint64_t seed)
{
    struct dw_rng r = (struct dw_rng){seed};
    uint64_t offset[SOURCES] = {5, 0, 70};
    for (uint32_t i = 0; i < FRAMES; i++) {
        struct frame *f = &frames[i];
        f->source = (uint32_t)dw_rng_below(&r, SOURCES);
        offset[f->source] += 1 + dw_rng_below(&r, 2); /* what is no frame has an offset too */
        f->offset = offset[f->source];
        f->low_s = 1000 + 2 * i;
        f->events = (uint32_t)dw_rng_below(&r, EVENTS_MAX + 1);
        for (uint32_t e = 0; e < f->events; e++) {
            f->event[e].time_s = f->low_s + (int64_t)dw_rng_below(&r, 9);
            f->event[e].rule = (uint32_t)dw_rng_below(&r, 2);
            (void)snprintf(f->event[e].words, sizeof f->event[e].words, "user=u%u|v=%u", (unsigned)dw_rng_below(&r, 6), (unsigned)dw_rng_below(&r, 5));
        }
    }
}

static int match_frame(struct dw_window *w, uint32_t i)
{
    static struct dw_stream stream[SOURCES];
    const struct frame *f = &frames[i];
    int rc = DW_OK;
    for (uint32_t e = 0; e < f->events && rc == DW_OK; e++) {
        (void)sbed_event(&b, f->event[e].words, "-");
        stream[f->source].id[0] = stream[f->source].series[0] = (uint8_t)(f->source + 1);
        b.ev.time_ns = f->event[e].time_s * DW_NS_PER_S;
        b.ev.start = i * EVENTS_MAX + e;
        b.ev.stream = &stream[f->source];
        rc = dw_window_match(w, f->event[e].rule, &b.ev, false);
    }
    return rc;
}

/* What one window makes of all. */
static void expect(struct dw_buf *out)
{
    struct dw_window *w = dw_window_new(b.rs, NULL);
    for (uint32_t i = 0; i < FRAMES; i++)
        assert_int_equal(match_frame(w, i), DW_OK);
    assert_int_equal(dw_window_flush(w, hear, out), DW_OK);
    assert_true(out->len > 1000);
    dw_window_free(w);
}

/* A collector that has some of the sources, from the frame `from` on; what it sends is kept, each batch with its length. */
static int send(uint32_t sources, uint32_t from, struct dw_rng *r, struct dw_buf *sent)
{
    struct dw_window *w = dw_window_new(b.rs, NULL);
    struct dw_matches *m = dw_matches_new(b.rs);
    int rc = w && m ? DW_OK : DW_ENOMEM;
    if (rc == DW_OK)
        dw_window_hand_out(w, m);
    for (uint32_t i = from; i < FRAMES && rc == DW_OK; i++) {
        if (!(sources & 1U << frames[i].source))
            continue;
        rc = dw_matches_frame(m, frames[i].source, frames[i].offset);
        if (rc == DW_OK)
            rc = match_frame(w, i);
        if (rc == DW_OK && dw_rng_below(r, 9) == 0)
            rc = dw_matches_cut(m, SOURCES); /* in the middle of a frame, as where there are too many for a batch */
        if (rc == DW_OK)
            dw_matches_done(m, frames[i].offset + 1, frames[i].low_s * DW_NS_PER_S, false);
        if (rc == DW_OK && dw_rng_below(r, 4) == 0)
            rc = dw_matches_cut(m, SOURCES);
    }
    if (rc == DW_OK)
        rc = dw_matches_cut(m, SOURCES);
    for (; rc == DW_OK && dw_matches_first(m).len; dw_matches_sent(m))
        dw_buf_counted(sent, dw_matches_first(m));
    dw_matches_free(m);
    dw_window_free(w);
    return rc;
}

struct receiver {
    struct dw_window *w;
    struct dw_match_marks marks;
    struct dw_buf found;
};

static int receive(struct receiver *r, struct dw_str batch)
{
    bool idle;
    int rc = dw_window_take_matches(r->w, batch, &r->marks);
    int64_t low = dw_match_marks_low(&r->marks, &idle);
    return rc == DW_OK && low != INT64_MIN && low != INT64_MAX ? dw_window_advance(r->w, low - 1, hear, &r->found) : rc;
}

/* Goes on as another process would, from what was saved. */
static void restart(struct receiver *r)
{
    struct dw_buf state = {0}, marks = {0};
    struct dw_window *w = dw_window_new(b.rs, NULL);
    dw_window_save(r->w, &state);
    dw_match_marks_save(&r->marks, &marks);
    assert_int_equal(dw_window_load(w, dw_buf_view(&state)), DW_OK);
    dw_window_free(r->w);
    r->w = w;
    dw_match_marks_fini(&r->marks);
    struct dw_cursor c = dw_cursor_of(dw_buf_view(&marks));
    assert_int_equal(dw_match_marks_load(&r->marks, &c), DW_OK);
    dw_buf_fini(&state);
    dw_buf_fini(&marks);
}

static struct receiver receiver(void)
{
    return (struct receiver){.w = dw_window_new(b.rs, NULL)};
}

static void receiver_fini(struct receiver *r)
{
    dw_window_free(r->w);
    dw_match_marks_fini(&r->marks);
    dw_buf_fini(&r->found);
}

static void what_collectors_send_each_other_makes_the_findings_of_one(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 30; seed++) {
        struct dw_rng r = (struct dw_rng){seed * 77};
        struct dw_buf all = {0}, sent[3] = {{0}};
        struct receiver to = receiver();
        make_frames(seed);
        expect(&all);
        assert_int_equal(send(3, 0, &r, &sent[0]), DW_OK);
        assert_int_equal(send(4, 0, &r, &sent[1]), DW_OK);
        assert_int_equal(send(2, (uint32_t)dw_rng_below(&r, FRAMES), &r, &sent[2]), DW_OK); /* goes on from a state where the first had been */
        struct dw_cursor c[3] = {dw_cursor_of(dw_buf_view(&sent[0])), dw_cursor_of(dw_buf_view(&sent[1])), dw_cursor_of(dw_buf_view(&sent[2]))};
        while (dw_cursor_left(&c[0]) || dw_cursor_left(&c[1]) || dw_cursor_left(&c[2])) {
            struct dw_cursor *one = &c[dw_rng_below(&r, 3)];
            if (one == &c[2] && dw_cursor_left(&c[0]))
                continue; /* it has what the first sent, and more */
            if (dw_cursor_left(one))
                assert_int_equal(receive(&to, dw_take_counted(one)), DW_OK);
            if (dw_rng_below(&r, 5) == 0)
                restart(&to);
        }
        assert_int_equal(dw_window_flush(to.w, hear, &to.found), DW_OK);
        if (all.len != to.found.len || memcmp(all.ptr, to.found.ptr, all.len) != 0)
            fail_msg("seed %d: %zu bytes of findings, expected %zu", (int)seed, to.found.len, all.len);
        for (int i = 0; i < 3; i++)
            dw_buf_fini(&sent[i]);
        dw_buf_fini(&all);
        receiver_fini(&to);
    }
}

static int64_t nobody(void *arg, uint64_t source)
{
    (void)arg;
    (void)source;
    return INT64_MAX;
}

static void nothing_is_told_before_every_partition_was_heard_of(void **state)
{
    (void)state;
    bool idle;
    struct receiver to = receiver();
    struct dw_matches *m = dw_matches_new(b.rs);
    assert_int_equal(dw_match_marks_low(&to.marks, &idle), INT64_MIN);
    for (uint32_t source = 0; source < 2; source++) {
        assert_int_equal(dw_matches_frame(m, source, 0), DW_OK);
        dw_matches_done(m, 1, source ? 50 : INT64_MAX, source == 0);
        assert_int_equal(dw_matches_cut(m, 2), DW_OK);
        assert_int_equal(receive(&to, dw_matches_first(m)), DW_OK);
        dw_matches_sent(m);
        assert_int_equal(dw_match_marks_low(&to.marks, &idle), source ? 50 : INT64_MIN);
        assert_false(idle);
    }
    assert_int_equal(dw_matches_cut(m, 2), DW_OK);
    assert_int_equal(dw_matches_first(m).len, 0); /* there is nothing new */
    assert_int_equal(dw_matches_frame(m, 1, 1), DW_OK);
    dw_matches_done(m, 1, INT64_MAX, true);
    assert_int_equal(dw_matches_cut(m, 2), DW_OK);
    assert_int_equal(receive(&to, dw_matches_first(m)), DW_OK);
    dw_matches_sent(m);
    assert_int_equal(dw_match_marks_low(&to.marks, &idle), INT64_MAX);
    assert_true(idle);
    assert_int_equal(dw_matches_frame(m, 1, 1), DW_OK); /* an agent comes back */
    dw_matches_done(m, 2, 70, false);
    assert_int_equal(dw_matches_cut(m, 2), DW_OK);
    assert_int_equal(receive(&to, dw_matches_first(m)), DW_OK);
    assert_int_equal(dw_match_marks_low(&to.marks, &idle), 70);
    assert_int_equal(receive(&to, dw_matches_first(m)), DW_OK);
    dw_matches_sent(m);
    dw_matches_again(m); /* for who came later */
    assert_int_equal(dw_matches_cut(m, 2), DW_OK);
    struct receiver late = receiver();
    assert_int_equal(receive(&late, dw_matches_first(m)), DW_OK);
    assert_int_equal(dw_match_marks_low(&late.marks, &idle), 70);
    assert_false(idle);
    receiver_fini(&late);
    dw_matches_free(m);
    receiver_fini(&to);
}

static void a_partition_that_is_not_read_to_its_end_is_waited_for(void **state)
{
    (void)state;
    bool idle;
    struct receiver to = receiver();
    struct dw_matches *m = dw_matches_new(b.rs);
    assert_int_equal(dw_matches_frame(m, 0, 5), DW_OK);
    dw_matches_hold(m, 0);
    dw_matches_done(m, 5, INT64_MAX, false);
    assert_int_equal(dw_matches_cut(m, 1), DW_OK);
    assert_int_equal(receive(&to, dw_matches_first(m)), DW_OK);
    dw_matches_sent(m);
    assert_int_equal(dw_match_marks_low(&to.marks, &idle), INT64_MIN);
    dw_matches_marks(m, nobody, NULL, false);
    assert_int_equal(dw_matches_cut(m, 1), DW_OK);
    assert_int_equal(receive(&to, dw_matches_first(m)), DW_OK);
    dw_matches_sent(m);
    assert_int_equal(dw_match_marks_low(&to.marks, &idle), INT64_MAX);
    assert_false(idle);
    dw_matches_free(m);
    receiver_fini(&to);
}

static void a_rule_that_is_not_here_is_counted(void **state)
{
    (void)state;
    struct dw_rng r = (struct dw_rng){5};
    struct dw_buf sent = {0};
    make_frames(5);
    assert_int_equal(send(7, 0, &r, &sent), DW_OK);
    assert_int_equal(sbed_rules(&b, "---\ntitle: a\nid: a\nlogsource: {product: x}\ndetection: {s: {f: 0}, condition: s}\n"), 1);
    struct receiver to = receiver();
    uint64_t before = dw_counter_get(DW_C_correlate_matches_unknown);
    for (struct dw_cursor c = dw_cursor_of(dw_buf_view(&sent)); dw_cursor_left(&c);)
        assert_int_equal(receive(&to, dw_take_counted(&c)), DW_OK);
    assert_true(dw_counter_get(DW_C_correlate_matches_unknown) > before);
    assert_int_equal(to.found.len, 0);
    receiver_fini(&to);
    dw_buf_fini(&sent);
    assert_int_equal(sbed_rules(&b, correlations), 8);
}

static char *copy_of(const char *bytes, size_t len)
{
    char *copy = malloc(len + (len == 0));
    assert_non_null(copy);
    memcpy(copy, bytes, len);
    return copy;
}

static void what_is_no_batch_is_refused_whole(void **state)
{
    (void)state;
    struct dw_rng r = (struct dw_rng){9};
    struct dw_buf sent = {0};
    make_frames(9);
    assert_int_equal(send(7, FRAMES - 20, &r, &sent), DW_OK);
    struct dw_cursor c = dw_cursor_of(dw_buf_view(&sent));
    struct dw_str batch = dw_take_counted(&c);
    for (size_t len = 0; len < batch.len; len++) {
        struct receiver to = receiver();
        char *copy = copy_of(batch.ptr, len); /* to the byte, for the sanitizer */
        assert_int_equal(dw_window_take_matches(to.w, dw_str_make(copy, len), &to.marks), DW_ECORRUPT);
        assert_int_equal(to.marks.count, 0);
        free(copy);
        receiver_fini(&to);
    }
    for (size_t at = 0; at < 4 * batch.len; at++) {
        struct receiver to = receiver();
        char *copy = copy_of(batch.ptr, batch.len);
        copy[at / 4] ^= (char)(1 << (dw_rng_below(&r, 8)));
        int rc = dw_window_take_matches(to.w, dw_str_make(copy, batch.len), &to.marks);
        assert_true(rc == DW_OK || (rc == DW_ECORRUPT && to.marks.count == 0));
        free(copy);
        receiver_fini(&to);
    }
    dw_buf_fini(&sent);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_collectors_send_each_other_makes_the_findings_of_one),
        cmocka_unit_test(nothing_is_told_before_every_partition_was_heard_of),
        cmocka_unit_test(a_partition_that_is_not_read_to_its_end_is_waited_for),
        cmocka_unit_test(a_rule_that_is_not_here_is_counted),
        cmocka_unit_test(what_is_no_batch_is_refused_whole),
    };
    sbed_init(&b);
    if (sbed_rules(&b, correlations) != 8) {
        print_error("%s", b.said.ptr);
        return 1;
    }
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    sbed_fini(&b);
    return failed;
}
