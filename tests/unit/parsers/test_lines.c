/* Tests of parsers/envelope, join and redact: whole lines, and every byte in exactly one place. */
#include "support.h"

#include "dogwatch/base/rng.h"
#include "dogwatch/parsers/lines.h"

#include <stdio.h>
#include <stdlib.h>

struct bed {
    struct dw_buf said; /* one line a callback */
    struct dw_piece piece[4096];
    uint32_t piece_count;
    bool quiet;
};

static int on_line(void *arg, const struct dw_line *l)
{
    struct bed *b = arg;
    for (uint32_t i = 0; i < l->piece_count && b->piece_count < 4096; i++)
        b->piece[b->piece_count++] = l->piece[i];
    if (b->quiet)
        return DW_OK;
    dw_buf_printf(&b->said, "%.*s|%d|%u|%llu-%llu*%u\n", DW_ARG(l->text), l->out, l->flags,
        (unsigned long long)l->piece[0].start, (unsigned long long)l->piece[l->piece_count - 1].end, l->piece_count);
    return DW_OK;
}

static int on_declare(void *arg, const struct dw_declared *d)
{
    struct bed *b = arg;
    if (b->piece_count < 4096)
        b->piece[b->piece_count++] = (struct dw_piece){.start = d->start, .end = d->end};
    dw_buf_printf(&b->said, "%s %llu-%llu\n", d->reason, (unsigned long long)d->start, (unsigned long long)d->end);
    return DW_OK;
}

static const struct dw_lines_conf usual = {
    .envelope = DW_ENV_AUTO, .line_max = 64, .join_span_max = 1000, .redact = 1u << DW_REDACT_CARDS};

/* Feeds `text` in steps of `step` new bytes and flushes; what was said is in b->said. */
static void run(struct bed *b, const struct dw_lines_conf *conf, const char *text, size_t len, size_t step)
{
    struct dw_lines *l = dw_lines_new(conf, 0);
    struct dw_lines_out out = {.arg = b, .line = on_line, .declare = on_declare};
    size_t have = 0, used = 0;
    *b = (struct bed){.quiet = b->quiet};
    while (have < len) {
        have = have + step < len ? have + step : len;
        size_t n = 0;
        assert_int_equal(dw_lines_feed(l, dw_str_make(text + used, have - used), &out, &n), DW_OK);
        used += n;
        assert_int_equal(dw_lines_offset(l), used);
    }
    assert_int_equal(dw_lines_flush(l, dw_str_make(text + used, have - used), &out), DW_OK);
    assert_false(dw_lines_pending(l));
    assert_int_equal(dw_lines_low(l), len);
    dw_lines_free(l);
}

static void expect(const struct dw_lines_conf *conf, const char *text, const char *want)
{
    struct bed b = {0};
    for (size_t step = 1; step <= strlen(text); step += step < 5 ? 1 : 37) {
        run(&b, conf, text, strlen(text), step);
        assert_str(dw_buf_view(&b.said), want);
        dw_buf_fini(&b.said);
    }
}

static void plain_lines_are_views_with_their_extent(void **state)
{
    (void)state;
    expect(&usual, "one\n\ntwo\r\nrest", "one|0|0|0-4*1\n|0|0|4-5*1\ntwo\r|0|0|5-10*1\nrest|0|2|10-14*1\n");
}

static void docker_partials_are_joined_per_stream(void **state)
{
    (void)state;
    struct dw_lines_conf conf = usual;
    conf.line_max = 1000;
    expect(&conf,
        "{\"log\":\"a \",\"stream\":\"stdout\",\"time\":\"2026-11-23T21:14:18.123456789Z\"}\n"
        "{\"log\":\"err\\n\",\"stream\":\"stderr\",\"time\":\"2026-11-23T21:14:18.1Z\"}\n"
        "{\"log\":\"b\\tc\\n\",\"stream\":\"stdout\",\"time\":\"2026-11-23T21:14:18.2Z\"}\n"
        "{\"stream\":\"stdout\",\"attrs\":{\"x\":[1]},\"log\":\"d\\n\",\"time\":\"2026-11-23T21:14:18.2Z\"}\n"
        "oops\n",
        "err|2|0|71-137*1\na b\tc|1|4|0-204*2\nd|1|0|204-286*1\noops|0|16|286-291*1\n");
}

static void cri_partials_are_joined_per_stream(void **state)
{
    (void)state;
    expect(&usual,
        "2026-11-23T21:14:18.12+01:00 stdout P a\n2026-11-23T21:14:18.12Z stderr F e\n2026-11-23T21:14:18Z stdout F:x b\n"
        "2026-11-23T21:14:18.12Z stdout F \n2026-11-23T21:14:18Z stdout P end",
        "e|2|0|40-75*1\nab|1|4|0-109*2\n|1|0|109-143*1\nend|1|2|143-176*1\n");
}

static void a_long_line_keeps_its_head_and_declares_the_rest(void **state)
{
    (void)state;
    struct dw_buf text = {0};
    struct bed b = {0};
    for (int i = 0; i < 20000; i++)
        dw_buf_byte(&text, (uint8_t)('a' + i % 26));
    dw_buf_str(&text, DW_STR("\nnext\n"));
    for (size_t step = 5000; step < 30000; step += 7001) {
        run(&b, &usual, text.ptr, text.len, step);
        assert_true(dw_str_starts(dw_buf_view(&b.said), DW_STR("abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyzabcdefghijkl|0|1|0-64*1\ncut 64-20001\nnext|0|0|20001-20006*1\n")));
        dw_buf_fini(&b.said);
    }
    dw_buf_fini(&text);
}

static void a_join_over_too_much_of_the_file_is_given_up(void **state)
{
    (void)state;
    struct dw_buf text = {0};
    struct bed b = {0};
    dw_buf_str(&text, DW_STR("2026-11-23T21:14:18Z stdout P begin\n"));
    for (int i = 0; i < 40; i++)
        dw_buf_str(&text, DW_STR("2026-11-23T21:14:18Z stderr F other\n"));
    run(&b, &usual, text.ptr, text.len, 100);
    assert_true(dw_str_find(dw_buf_view(&b.said), DW_STR("begin|1|8|0-36*1\n")) < b.said.len);
    dw_buf_fini(&b.said);
    dw_buf_fini(&text);
}

static void traces_are_joined_when_asked(void **state)
{
    (void)state;
    struct dw_lines_conf conf = usual;
    conf.multiline = DW_MULTILINE_TRACE;
    conf.line_max = 1000;
    expect(&conf, "E: x\n  at a\nCaused by: y\n  at b\nnext\n",
        "E: x\n  at a\nCaused by: y\n  at b|0|4|0-32*1\nnext|0|0|32-37*1\n");
}

#define DOCKER(log, out) "{\"log\":\"" log "\",\"stream\":\"" out "\",\"time\":\"2026-11-23T21:14:18.2Z\"}\n"

static void a_broken_envelope_ends_what_waited_and_keeps_order(void **state)
{
    (void)state;
    struct dw_lines_conf conf = usual;
    conf.line_max = 1000;
    expect(&conf, DOCKER("half", "stdout") "garbage\n" DOCKER("rest\\n", "stdout"),
        "half|1|2|0-65*1\ngarbage|0|16|65-73*1\nrest|1|0|73-140*1\n");
}

static void auto_survives_a_torn_first_line_and_a_changed_runtime(void **state)
{
    (void)state;
    struct dw_lines_conf conf = usual;
    conf.line_max = 1000;
    expect(&conf, "torn\\n\",\"stream\":\"stdout\",\"time\":\"2026-11-23T21:14:18.2Z\"}\n" DOCKER("a\\n", "stdout"),
        "torn\\n\",\"stream\":\"stdout\",\"time\":\"2026-11-23T21:14:18.2Z\"}|0|80|0-59*1\na|1|0|59-123*1\n");
    expect(&conf, DOCKER("wait ", "stdout") "2026-11-23T21:14:18Z stdout F cri\n" DOCKER("end\\n", "stdout"),
        "cri|1|0|66-100*1\nwait end|1|4|0-166*2\n");
    expect(&conf, "plain\n" DOCKER("a\\n", "stdout"), "plain|0|0|0-6*1\na|1|0|6-70*1\n");
}

static void cri_without_tags_is_whole_and_docker_without_time_is_none(void **state)
{
    (void)state;
    struct dw_lines_conf conf = usual;
    conf.line_max = 1000;
    expect(&conf, "2026-11-23T21:14:18Z stdout [INFO] table\n", "[INFO] table|1|0|0-41*1\n");
    conf.envelope = DW_ENV_DOCKER;
    expect(&conf, "{\"log\":\"a\\n\",\"stream\":\"stdout\"}\n", "{\"log\":\"a\\n\",\"stream\":\"stdout\"}|0|80|0-32*1\n");
}

static int fail_once(void *arg, const struct dw_line *l)
{
    struct bed *b = arg;
    if (b->quiet) {
        b->quiet = false;
        return DW_EAGAIN;
    }
    return on_line(arg, l);
}

/* Goal:   a callback that fails changes nothing: the same bytes given again give the same lines.
 * Method: fail the nth line for every n, feed on, compare with the run that never failed. */
static void a_refused_line_is_given_again(void **state)
{
    (void)state;
    struct dw_lines_conf conf = usual;
    conf.line_max = 1000;
    conf.multiline = DW_MULTILINE_TRACE;
    struct dw_str text = DW_STR(DOCKER("a", "stdout") DOCKER("b\\n", "stdout") DOCKER(" in\\n", "stdout") DOCKER("e", "stderr")
            "bad\n" DOCKER("c\\n", "stdout") DOCKER("d\\n", "stdout"));
    struct bed want = {0};
    run(&want, &conf, text.ptr, text.len, text.len);
    for (int nth = 0; nth < 5; nth++) {
        struct bed b = {0};
        struct dw_lines *l = dw_lines_new(&conf, 0);
        struct dw_lines_out out = {.arg = &b, .line = fail_once, .declare = on_declare};
        size_t at = 0;
        int fails = 0;
        while (at < text.len) { /* a raw line at a time */
            size_t n = 0, nl = dw_str_index(dw_str_slice(text, at, text.len), '\n');
            b.quiet = fails == 0 && (int)(at / 60) >= nth;
            int rc = dw_lines_feed(l, dw_str_slice(text, at, at + nl + 1), &out, &n);
            fails += rc == DW_EAGAIN;
            b.quiet = false;
            at += n;
            assert_int_equal(dw_lines_offset(l), at);
        }
        assert_int_equal(dw_lines_flush(l, DW_STR_NONE, &out), DW_OK);
        assert_true(dw_str_eq(dw_buf_view(&b.said), dw_buf_view(&want.said)));
        dw_lines_free(l);
        dw_buf_fini(&b.said);
    }
    dw_buf_fini(&want.said);
}

static int by_start(const void *x, const void *y)
{
    const struct dw_piece *a = x, *b = y;
    return (a->start > b->start) - (a->start < b->start);
}

/* Goal:   whatever the bytes, each belongs to exactly one line or declaration, and the lines do not depend on the steps.
 * Method: random mixtures of valid and broken envelopes, fed in random steps; the union of pieces is the file. */
static void every_byte_is_in_exactly_one_place(void **state)
{
    (void)state;
    static const char *const parts[] = {"2026-11-23T21:14:18Z stdout P ", "2026-11-23T21:14:18Z stderr F ", "x", "\n", "\n",
        "{\"log\":\"a\",\"stream\":\"stdout\",\"time\":\"2026-11-23T21:14:18.2Z\"}\n", "4111111111111111",
        "{\"log\":\"a\\n\",\"stream\":\"stderr\",\"time\":\"2026-11-23T21:14:18.2Z\"}\n", "long long long long long long long line"};
    struct dw_rng rng = {.state = 3};
    for (int round = 0; round < 300; round++) {
        struct dw_buf text = {0};
        struct bed a = {0}, b = {0};
        for (uint64_t n = dw_rng_below(&rng, 60); n; n--)
            dw_buf_str(&text, dw_str_of(parts[dw_rng_below(&rng, DW_COUNT_OF(parts))]));
        dw_buf_byte(&text, 'z');
        run(&a, &usual, text.ptr, text.len, 1 + (size_t)dw_rng_below(&rng, 50));
        run(&b, &usual, text.ptr, text.len, text.len);
        assert_true(dw_str_eq(dw_buf_view(&a.said), dw_buf_view(&b.said)));
        qsort(a.piece, a.piece_count, sizeof a.piece[0], by_start);
        uint64_t at = 0;
        for (uint32_t i = 0; i < a.piece_count; i++) {
            assert_int_equal(a.piece[i].start, at);
            at = a.piece[i].end;
        }
        assert_int_equal(at, text.len);
        dw_buf_fini(&a.said);
        dw_buf_fini(&b.said);
        dw_buf_fini(&text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(plain_lines_are_views_with_their_extent),
        cmocka_unit_test(docker_partials_are_joined_per_stream),
        cmocka_unit_test(cri_partials_are_joined_per_stream),
        cmocka_unit_test(a_long_line_keeps_its_head_and_declares_the_rest),
        cmocka_unit_test(a_join_over_too_much_of_the_file_is_given_up),
        cmocka_unit_test(traces_are_joined_when_asked),
        cmocka_unit_test(a_broken_envelope_ends_what_waited_and_keeps_order),
        cmocka_unit_test(auto_survives_a_torn_first_line_and_a_changed_runtime),
        cmocka_unit_test(cri_without_tags_is_whole_and_docker_without_time_is_none),
        cmocka_unit_test(a_refused_line_is_given_again),
        cmocka_unit_test(every_byte_is_in_exactly_one_place),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
