/* Tests of correlate/match/match_pool.c: any number of threads tells the same, in the same order. */
#include "sigma_bed.h"

#include "dogwatch/base/error.h"
#include "dogwatch/base/rng.h"
#include "dogwatch/correlate/match_pool.h"

enum { EVENTS = 5000, MARKED = 3 };

static struct sbed b;
static struct dw_event event[EVENTS];
static struct dw_field field[EVENTS];
static char text[EVENTS][16];
static uint8_t mark[EVENTS];

/* Events of which some match nothing, most one rule, and some many. */
static void make(void)
{
    struct dw_buf yaml = {0};
    struct dw_rng rng = {.state = 5};
    uint32_t key;
    for (int i = 0; i < 20; i++)
        dw_buf_printf(&yaml, "---\ntitle: t\nid: r%d\nlogsource: {product: x}\ndetection: {s: {f|contains: 'v%d'}, condition: s}\n", i, i);
    dw_buf_byte(&yaml, 0);
    assert_int_equal(sbed_rules(&b, yaml.ptr), 20);
    dw_buf_fini(&yaml);
    assert_int_equal(dw_keys_intern(b.keys, DW_STR("f"), &key), DW_OK);
    (void)sbed_event(&b, "f=1", "-");
    for (int i = 0; i < EVENTS; i++) {
        (void)snprintf(text[i], sizeof text[i], dw_rng_below(&rng, 9) ? "v%d" : "v1 v2 v%d", (int)dw_rng_below(&rng, 30));
        event[i] = b.ev;
        field[i] = (struct dw_field){.v.ptr = text[i], .len = (uint32_t)strlen(text[i]), .key = key, .kind = DW_K_LITERAL};
        event[i].field = &field[i];
        event[i].field_count = 1;
        mark[i] = (uint8_t)dw_rng_below(&rng, 8);
    }
}

struct heard {
    struct dw_buf text;
    uint32_t last, stop_at;
};

static int take(void *arg, uint32_t at, const struct dw_match_hit *hit, uint32_t count)
{
    struct heard *h = arg;
    assert_true(count > 0 && (h->text.len == 0 || at > h->last));
    assert_int_not_equal(mark[at], MARKED);
    h->last = at;
    dw_buf_printf(&h->text, "%u:", at);
    for (uint32_t i = 0; i < count; i++)
        dw_buf_printf(&h->text, " %u%s", hit[i].rule, hit[i].undecided ? "?" : "");
    dw_buf_byte(&h->text, '\n');
    return h->stop_at && at >= h->stop_at ? DW_ENOSPC : DW_OK;
}

static int run(struct dw_match_pool *p, uint32_t count, struct heard *h)
{
    dw_buf_reset(&h->text);
    return dw_match_pool_run(p, &(struct dw_match_run){.event = event, .count = count, .mark = mark, .left_out = MARKED, .opts.any_logsource = true, .take = take, .arg = h});
}

/* What one event after the other gives. */
struct one {
    struct dw_match_hit hit[64];
    uint32_t count;
};

static void on_hit(void *arg, uint32_t rule, bool undecided)
{
    struct one *o = arg;
    o->hit[o->count++] = (struct dw_match_hit){rule, undecided};
}

static void any_number_of_threads_tells_the_same(void **state)
{
    (void)state;
    static const uint32_t threads[] = {1, 2, 3, 8}, counts[] = {EVENTS, 1, 0, 8, 9, 1024, 1025, EVENTS};
    struct heard want = {.last = 0}, got = {.last = 0};
    for (size_t c = 0; c < DW_COUNT_OF(counts); c++) {
        dw_buf_reset(&want.text);
        for (uint32_t i = 0; i < counts[c]; i++) {
            struct one o = {.count = 0};
            if (mark[i] != MARKED)
                assert_int_equal(dw_match_event(b.scratch, &event[i], (struct dw_match_opts){.any_logsource = true}, on_hit, &o), DW_OK);
            if (o.count)
                assert_int_equal(take(&want, i, o.hit, o.count), DW_OK);
        }
        for (size_t t = 0; t < DW_COUNT_OF(threads); t++) {
            struct dw_match_pool *p = dw_match_pool_new(b.rs, threads[t]);
            assert_non_null(p);
            for (int turn = 0; turn < 3; turn++) { /* one run leaves nothing to the next */
                assert_int_equal(run(p, counts[c], &got), DW_OK);
                assert_true(dw_str_eq(dw_buf_view(&got.text), dw_buf_view(&want.text)));
            }
            dw_match_pool_free(p);
        }
    }
    dw_buf_fini(&want.text);
    dw_buf_fini(&got.text);
}

static void who_hears_may_end_it(void **state)
{
    (void)state;
    struct heard h = {.stop_at = 2000};
    struct dw_match_pool *p = dw_match_pool_new(b.rs, 3);
    assert_int_equal(run(p, EVENTS, &h), DW_ENOSPC);
    assert_in_range(h.last, 2000, 2100);
    h.stop_at = 0;
    assert_int_equal(run(p, EVENTS, &h), DW_OK); /* and it begins anew */
    assert_in_range(h.last, EVENTS - 100, EVENTS);
    dw_match_pool_free(p);
    dw_buf_fini(&h.text);
}

static void a_pool_survives_failed_allocations(void **state)
{
    (void)state;
    struct heard whole = {.last = 0};
    struct dw_match_pool *first = dw_match_pool_new(b.rs, 1);
    assert_int_equal(run(first, EVENTS, &whole), DW_OK);
    dw_match_pool_free(first);
    for (unsigned nth = 1;; nth++) {
        struct heard h = {.last = 0};
        assert_true(nth < 1000);
        mem_fail_at(nth);
        struct dw_match_pool *p = dw_match_pool_new(b.rs, 1);
        int rc = p ? run(p, EVENTS, &h) : DW_ENOMEM;
        unsigned hits = mem_fail_hits();
        mem_fail_at(0);
        assert_true(hits || (rc == DW_OK && dw_str_eq(dw_buf_view(&h.text), dw_buf_view(&whole.text))));
        if (p && rc < 0) { /* what failed once works again */
            assert_int_equal(run(p, EVENTS, &h), DW_OK);
            assert_true(dw_str_eq(dw_buf_view(&h.text), dw_buf_view(&whole.text)));
        }
        dw_match_pool_free(p);
        dw_buf_fini(&h.text);
        if (!hits)
            break;
    }
    dw_buf_fini(&whole.text);
}

static void as_many_threads_as_asked_for_or_as_processors(void **state)
{
    (void)state;
    assert_int_equal(dw_match_threads(5), 5);
    assert_int_equal(dw_match_threads(1000), DW_MATCH_THREADS_MAX);
    assert_in_range(dw_match_threads(0), 1, 8);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(any_number_of_threads_tells_the_same),
        cmocka_unit_test(who_hears_may_end_it),
        cmocka_unit_test(a_pool_survives_failed_allocations),
        cmocka_unit_test(as_many_threads_as_asked_for_or_as_processors),
    };
    sbed_init(&b);
    make();
    int rc = cmocka_run_group_tests(tests, NULL, NULL);
    sbed_fini(&b);
    return rc;
}
