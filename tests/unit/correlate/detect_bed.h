/* detect_bed: a detector over events of a few words each, for the tests of correlate/detect. */
#ifndef DOGWATCH_TESTS_DETECT_BED_H
#define DOGWATCH_TESTS_DETECT_BED_H

#include "sets.h"
#include "sigma_bed.h"

#include "dogwatch/base/rng.h"

static struct sbed b;
static const struct dw_stream stream = {.id = {7}, .series = {3}};

enum { EVENTS_MAX = 2000, TOLD_MAX = 64 };

/* One event: second, key, value; "" is none. */
struct one {
    int64_t at;
    const char *user, *value;
};

struct heard {
    struct dw_buf text;
    uint32_t alerts, updates;
    int64_t at[TOLD_MAX];
};

static inline void hear(void *ud, const struct dw_finding *f)
{
    struct heard *h = ud;
    dw_finding_json(b.rs, f, &h->text);
    dw_buf_byte(&h->text, '\n');
    if (f->update)
        h->updates++;
    else if (h->alerts < TOLD_MAX)
        h->at[h->alerts++] = f->time_ns / 1000000000;
}

static inline void rules_with(const char *detector, const struct dw_ruleset_opts *opts)
{
    struct dw_buf yaml = {0};
    dw_buf_printf(&yaml, "title: t\nid: r\nlogsource: {product: x}\ndetection: {s: {f: 1}, condition: s}\n---\n"
                         "title: d\nid: d\nlevel: low\ndetector:\n  rules: [r]\n  group-by: [user]\n%s%c", detector, 0);
    if (sbed_rules_with(&b, yaml.ptr, opts) != 2)
        fail_msg("%s", b.said.ptr);
    dw_buf_fini(&yaml);
}

static inline void rules(const char *detector)
{
    rules_with(detector, NULL);
}

static inline void feed(struct dw_window *w, const struct one *e, uint64_t start, bool late)
{
    char words[200];
    (void)snprintf(words, sizeof words, "user=%s%s%s", e->user, e->value[0] ? "|v=" : "", e->value);
    (void)sbed_event(&b, words, "-");
    b.ev.time_ns = e->at * 1000000000;
    b.ev.start = start;
    b.ev.stream = &stream;
    assert_int_equal(dw_window_match(w, 0, &b.ev, late), DW_OK);
}

/* All events in the order given, the watermark at `end`. */
static inline void run(const struct one *e, uint32_t count, const uint32_t *order, int64_t end, struct heard *ret)
{
    struct dw_window *w = dw_window_new(b.rs, NULL);
    memset(ret, 0, sizeof *ret);
    for (uint32_t i = 0; i < count; i++)
        feed(w, &e[order ? order[i] : i], order ? order[i] : i, false);
    assert_int_equal(dw_window_advance(w, end * 1000000000, hear, ret), DW_OK);
    dw_buf_byte(&ret->text, 0);
    dw_window_free(w);
}

static inline void has(const struct heard *h, const char *text)
{
    if (!strstr(h->text.ptr, text))
        fail_msg("no %s in\n%s", text, h->text.ptr);
}

/* Goal:   what is found does not depend on arrival, on how far the watermark goes at a time, or on a restart between.
 * Method: shuffled; then the watermark in steps with a snapshot loaded at each. */
static inline void same_in_any_order(const struct one *e, uint32_t count, int64_t end)
{
    struct heard want, got;
    uint32_t order[EVENTS_MAX];
    struct dw_rng rng = {.state = 11};
    run(e, count, NULL, end, &want);
    sets_shuffle(&rng, order, count);
    run(e, count, order, end, &got);
    assert_string_equal(got.text.ptr, want.text.ptr);
    dw_buf_fini(&got.text);
    memset(&got, 0, sizeof got);
    struct dw_window *w = dw_window_new(b.rs, NULL);
    for (uint32_t i = 0; i < count; i++)
        feed(w, &e[i], i, false);
    for (int64_t t = 0; t <= end; t += 7) {
        struct dw_buf state = {0};
        assert_int_equal(dw_window_advance(w, (t + 7 > end ? end : t) * 1000000000, hear, &got), DW_OK);
        dw_window_save(w, &state);
        assert_int_equal(state.err, DW_OK);
        dw_window_free(w);
        w = dw_window_new(b.rs, NULL);
        assert_int_equal(dw_window_load(w, dw_buf_view(&state)), DW_OK);
        dw_buf_fini(&state);
    }
    dw_buf_byte(&got.text, 0);
    assert_string_equal(got.text.ptr, want.text.ptr);
    dw_window_free(w);
    dw_buf_fini(&got.text);
    dw_buf_fini(&want.text);
}

#endif
