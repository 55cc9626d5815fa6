/*
 * bench_correlate: what correlations cost: events a second by type and number of keys, bytes a key, a million keys saved and loaded.
 *
 *     bench_correlate            all types at 1, 1,000 and 100,000 keys, value_count of 1,800 and 100,000 values; 1,000,000 keys saved and loaded
 *     bench_correlate keys N     memory of N keys
 *
 * An event is matched and taken at once (dw_window_match, the watermark each 1,000 events), by one thread; making the event is in it.
 */
#include "dogwatch/base/assert.h"
#include "dogwatch/base/error.h"
#include "dogwatch/base/mem.h"
#include "dogwatch/base/rng.h"
#include "dogwatch/correlate/window.h"

#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { EVENTS = 1000000, EACH = 1000, TYPES = 8 };

static const struct {
    const char *name, *text;
} types[TYPES] = {
    {"event_count >= 10", "type: event_count, rules: [a], condition: {gte: 10}"},
    {"value_count >= 10", "type: value_count, rules: [a], condition: {field: v, gte: 10}"},
    {"value_sum >= 1e9", "type: value_sum, rules: [a], condition: {field: v, gte: 1000000000}"},
    {"value_avg >= 1e9", "type: value_avg, rules: [a], condition: {field: v, gte: 1000000000}"},
    {"value_percentile", "type: value_percentile, rules: [a], condition: {field: v, percentile: 95, gte: 1000000000}"},
    {"temporal of 2", "type: temporal, rules: [a, b]"},
    {"temporal_ordered of 2", "type: temporal_ordered, rules: [b, a]"},
    {"absence", "type: absence, rules: [a, b]"},
};

struct bench {
    struct dw_keys *keys;
    struct dw_ruleset *rs;
    struct dw_window *w;
    struct dw_stream stream;
    uint32_t user, value;
    uint64_t findings;
    int64_t now_ns;
    uint64_t events;
};

static double seconds(void)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void hear(void *ud, const struct dw_finding *f)
{
    (void)f;
    ((struct bench *)ud)->findings++;
}

static void say(void *ud, const struct dw_diags *d)
{
    struct dw_buf text = {0};
    (void)ud;
    dw_diags_print(d, &text);
    (void)fwrite(text.ptr, 1, text.len, stderr);
    dw_buf_fini(&text);
}

static void start(struct bench *b, const char *correlation, const char *timespan)
{
    struct dw_buf yaml = {0};
    *b = (struct bench){.stream = {.id = {1}, .series = {1}}, .now_ns = INT64_C(1000000000)};
    dw_buf_printf(&yaml,
        "title: a\nid: a\nlogsource: {product: x}\ndetection: {s: {f: 1}, condition: s}\n---\ntitle: b\nid: b\nlogsource: {product: x}\ndetection: {s: {f: 2}, condition: s}\n"
        "---\ntitle: c\nid: c\ncorrelation: {%s, group-by: [u], timespan: %s}\n", correlation, timespan);
    b->keys = dw_keys_new();
    b->rs = dw_ruleset_new(b->keys, NULL);
    int rc = dw_ruleset_add(b->rs, "b.yml", dw_buf_view(&yaml), (struct dw_diag_sink){say, NULL});
    rc = rc < 0 ? rc : dw_ruleset_finish(b->rs, (struct dw_diag_sink){say, NULL});
    rc = rc < 0 ? rc : dw_keys_intern(b->keys, DW_STR("u"), &b->user);
    rc = rc < 0 ? rc : dw_keys_intern(b->keys, DW_STR("v"), &b->value);
    b->w = dw_window_new(b->rs, &(struct dw_window_opts){.state_bytes_max = (size_t)16 << 30, .waiting_bytes_max = (size_t)1 << 30});
    DW_ASSERT(rc == DW_OK && dw_ruleset_count(b->rs) == 3 && b->w);
    dw_buf_fini(&yaml);
}

static void end(struct bench *b)
{
    dw_window_free(b->w);
    dw_ruleset_free(b->rs);
    dw_keys_free(b->keys);
}

static void one(struct bench *b, uint64_t key, uint64_t value, uint32_t rule)
{
    char user[24], number[24];
    struct dw_field field[2] = {{.v.ptr = user, .key = b->user, .kind = DW_K_LITERAL}, {.v.ptr = number, .key = b->value, .kind = DW_K_LITERAL}};
    field[0].len = (uint32_t)snprintf(user, sizeof user, "user%llu", (unsigned long long)key);
    field[1].len = (uint32_t)snprintf(number, sizeof number, "%llu", (unsigned long long)value);
    struct dw_event ev = {.field = field, .field_count = 2, .line = DW_STR("-"), .stream = &b->stream, .time_ns = b->now_ns, .start = b->events};
    int rc = dw_window_match(b->w, rule, &ev, false);
    b->now_ns += 10000; /* 100,000 events a second of event time */
    if (++b->events % EACH == 0)
        rc = rc < 0 ? rc : dw_window_advance(b->w, b->now_ns - 1, hear, b);
    DW_ASSERT(rc == DW_OK);
}

static size_t heap(void)
{
    struct mallinfo2 m = mallinfo2();
    return m.uordblks + m.hblkhd;
}

static void by_keys(void)
{
    static const uint64_t keys[] = {1, 1000, 100000};
    (void)printf("%-24s %12s %12s %12s   events a second of CPU time at so many keys; window 1 s, at one key of 10 ms\n", "", "1", "1,000", "100,000");
    for (int t = 0; t < TYPES; t++) {
        (void)printf("%-24s", types[t].name);
        for (size_t k = 0; k < DW_COUNT_OF(keys); k++) {
            struct bench b;
            struct dw_rng rng = {.state = 7};
            start(&b, types[t].text, "1s");
            double began = seconds();
            for (uint64_t i = 0; i < EVENTS; i++) {
                one(&b, dw_rng_below(&rng, keys[k]), dw_rng_below(&rng, 1000), t >= 5 && i % 16 == 0);
                b.now_ns += keys[k] == 1 ? 990000 : 0; /* one key has 1,000 events a window */
            }
            (void)printf(" %12.0f", EVENTS / (seconds() - began));
            (void)fflush(stdout);
            end(&b);
        }
        (void)printf("\n");
    }
}

static void by_values(void)
{
    static const struct {
        const char *text;
        uint64_t values;
    } many[] = {{"type: value_count, rules: [a], condition: {field: v, gte: 1900}", 1800}, {"type: value_count, rules: [a], condition: {field: v, gte: 110000}", 100000}};
    for (size_t i = 0; i < DW_COUNT_OF(many); i++) {
        struct bench b;
        struct dw_rng rng = {.state = 7};
        start(&b, many[i].text, "1h");
        double began = seconds();
        for (int n = 0; n < EVENTS; n++)
            one(&b, 1, dw_rng_below(&rng, many[i].values), 0);
        (void)printf("value_count, one key of %llu values: %.0f events a second\n", (unsigned long long)many[i].values, EVENTS / (seconds() - began));
        end(&b);
    }
}

static void many_keys(uint64_t keys, bool saved)
{
    struct bench b;
    struct dw_buf out = {0};
    start(&b, types[0].text, "10y");
    size_t before = heap();
    for (uint64_t i = 0; i < keys; i++)
        one(&b, i, 1, 0);
    (void)printf("%llu keys with one event each: %.0f bytes a key, %.2f GB\n", (unsigned long long)keys, (double)(heap() - before) / (double)keys, (double)(heap() - before) / 1e9);
    (void)fflush(stdout);
    if (saved) {
        double began = seconds();
        dw_window_save(b.w, &out);
        double between = seconds();
        struct dw_window *again = dw_window_new(b.rs, &(struct dw_window_opts){.state_bytes_max = (size_t)16 << 30});
        int rc = dw_window_load(again, dw_buf_view(&out));
        DW_ASSERT(rc == DW_OK);
        (void)printf("%llu keys saved in %.2f s, %.0f bytes each, loaded in %.2f s\n", (unsigned long long)keys, between - began, (double)out.len / (double)keys, seconds() - between);
        dw_window_free(again);
        dw_buf_fini(&out);
    }
    end(&b);
}

int main(int argc, char **argv)
{
    if (argc == 3) {
        many_keys(strtoull(argv[2], NULL, 10), false);
        return 0;
    }
    by_keys();
    by_values();
    many_keys(1000000, true);
    return 0;
}
