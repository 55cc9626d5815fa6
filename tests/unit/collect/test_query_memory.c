/* Tests of the memory of collector/query: answers are the same when sort and stats spill, partial where nothing can be spilled, and
 * nothing breaks when memory or the temporary file fails. */
#include "queries.h"

#include <stdio.h>

enum { ROWS = 6000 };

/* The answer of a query over ROWS rows of a few hundred keys and long texts. */
static void ask(struct query_bed *b, const char *query, size_t memory_bytes)
{
    b->memory_bytes = memory_bytes;
    assert_int_equal(query_bed_start(b, query), DW_OK);
    for (uint32_t i = 0; i < ROWS; i++) {
        char text[200];
        uint32_t k = i * 2654435761u >> 8;
        (void)snprintf(text, sizeof text, "key=k%u n=%u text=%u-%060u", k % 701, k % 1000, k % 97, i);
        query_bed_take(b, text, (int64_t)i * 1000000, 0);
    }
    query_bed_end(b);
}

static void spilled_answers_are_the_same(void **state)
{
    (void)state;
    static const char *const queries[] = {
        "* | sort -n, key | fields n, key, text",
        "* | sort text",
        "* | stats count, sum(n), min(n), max(text), avg(n), first(text), last(text) by key",
        "* | stats dc(n), values(n), p95(n), p50(n) by key",
        "* | timechart 10s count by n",
        "* | stats count by key, text | sort -text | stats count by key | sort key",
        "* | rare 50 text",
    };
    for (size_t i = 0; i < DW_COUNT_OF(queries); i++) {
        struct query_bed a, b;
        query_bed_init(&a);
        query_bed_init(&b);
        ask(&a, queries[i], 0);
        ask(&b, queries[i], 96 << 10);
        assert_null(dw_query_partial(a.q));
        if (dw_query_partial(b.q) || !dw_str_eq(dw_buf_view(&a.answer), dw_buf_view(&b.answer)))
            fail_msg("%s: %s", queries[i], dw_query_partial(b.q) ? dw_query_partial(b.q) : "the answer differs");
        assert_true(a.answer.len > 500);
        query_bed_fini(&a);
        query_bed_fini(&b);
    }
}

static void what_cannot_be_spilled_is_left_out_and_said(void **state)
{
    (void)state;
    struct query_bed b;
    query_bed_init(&b);
    ask(&b, "* | stats count, dc(text), values(text), sum(n)", 96 << 10);
    assert_non_null(strstr(dw_query_partial(b.q), "left out"));
    assert_true(dw_str_starts(dw_buf_view(&b.answer), DW_STR("count=6000 sum(n)=")));
    ask(&b, "* | dedup text | stats count", 96 << 10);
    assert_non_null(strstr(dw_query_partial(b.q), "dedup"));
    ask(&b, "* | tail 5000 | stats count", 96 << 10);
    assert_non_null(strstr(dw_query_partial(b.q), "tail"));
    ask(&b, "nothing or 5999 | context 900 | stats count", 96 << 10);
    assert_non_null(strstr(dw_query_partial(b.q), "context"));
    query_bed_fini(&b);
}

/* Whether each row of an answer is one of another. */
static bool are_rows_of(struct dw_str part, struct dw_str whole)
{
    while (part.len) {
        struct dw_str row = dw_str_cut(&part, ';');
        size_t at = dw_str_find(whole, row);
        if (at == whole.len || whole.ptr[at + row.len] != ';')
            return false;
    }
    return true;
}

/* A row that lacks an event would be a wrong number: rows may be missing, and then a reason is there. */
static void a_failing_file_makes_the_answer_partial(void **state)
{
    (void)state;
    static const char *const queries[] = {"* | where n:<150 | sort text, n | fields text", "* | stats count, sum(n), last(text) by key"};
    for (size_t i = 0; i < DW_COUNT_OF(queries); i++) {
        struct query_bed whole;
        query_bed_init(&whole);
        ask(&whole, queries[i], 0);
        for (int nth = 1;; nth++) {
            struct query_bed b;
            struct faulty_fs fs;
            assert_true(nth < 1000);
            query_bed_init(&b);
            faulty_fs_init(&fs, nth, nth % 2 ? FAULT_ENOSPC : FAULT_TORN);
            b.fs = &fs.fs;
            ask(&b, queries[i], 128 << 10);
            if (!dw_query_partial(b.q) && !dw_str_eq(dw_buf_view(&b.answer), dw_buf_view(&whole.answer)))
                fail_msg("%s, nth=%d: another answer without a word", queries[i], nth);
            if (!are_rows_of(dw_buf_view(&b.answer), dw_buf_view(&whole.answer)))
                fail_msg("%s, nth=%d: a wrong row", queries[i], nth);
            int hits = fs.hits;
            if (dw_query_partial(b.q))
                assert_non_null(strstr(dw_query_partial(b.q), "the temporary file in /tmp could not be used: "));
            assert_true(hits || !dw_query_partial(b.q));
            query_bed_fini(&b);
            assert_true(hits || nth > 5); /* it did use the file */
            if (!hits)
                break;
        }
        query_bed_fini(&whole);
    }
}

static void memory_may_end_anywhere(void **state)
{
    (void)state;
    static const char *const query = "a | context 2 | eval c = upper(b) | parse \"b=<d> \" | rename d as e | where not c:zz | sort -b | dedup b | tail 9"
                                     " | timechart 1s count, values(e), p50(n), last(c) by b | fields b, count | top 3 b";
    for (unsigned nth = 1;; nth++) {
        struct query_bed b;
        assert_true(nth < 5000);
        query_bed_init(&b);
        mem_fail_at(nth);
        int rc = query_bed_start(&b, query);
        for (int i = 0; rc == DW_OK && i < 6; i++) {
            struct dw_field field[] = {{.v.ptr = i % 2 ? "x" : "y", .len = 1, .kind = DW_K_LITERAL, .key = DW_F_url_path}, {.v.i = i, .kind = DW_K_INT, .key = DW_F_event_duration}};
            struct dw_event ev = {.line = DW_STR("a b=q c"), .field = field, .field_count = 2, .stream = &b.stream[i % 2], .time_ns = i * INT64_C(700000000)};
            (void)dw_query_take(b.q, &ev, 0);
        }
        if (rc == DW_OK)
            dw_query_end(b.q);
        unsigned hits = mem_fail_hits();
        mem_fail_at(0);
        assert_true(rc == DW_OK || rc == DW_ENOMEM);
        query_bed_fini(&b);
        if (!hits)
            break;
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(spilled_answers_are_the_same),
        cmocka_unit_test(what_cannot_be_spilled_is_left_out_and_said),
        cmocka_unit_test(a_failing_file_makes_the_answer_partial),
        cmocka_unit_test(memory_may_end_anywhere),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
