/* Tests of collector/query/query_text.c: frames are passed over by their text alone, and never one with an event that matches. */
#include "queries.h"

#include "dogwatch/base/rng.h"

#include <stdio.h>

static const struct {
    bool wants;
    const char *query, *text;
} rows[] = {
    {true, "*", "anything\n"},
    {true, "login", "a\nb login c\n"},
    {true, "login", "LoGiN\n"},
    {false, "login", "logi\nn logan\n"},
    {true, "a:1", "nothing\n"}, /* other fields may be made */
    {false, "login a:1", "nothing\n"},
    {true, "login or a:1", "nothing\n"},
    {true, "not login", "nothing\n"},
    {false, "login and not logout", "nothing\n"},
    {false, "login or logout", "logic\n"},
    {true, "login or logout", "logout\n"},
    {true, "lo* or gout", "logic\n"}, /* `lo` is too short */
    {false, "lo*gout", "logic\n"},
    {true, "lo", "nothing\n"},
    {false, "\"union select\"", "union  select\n"},
    {false, "/time.?out [0-9]+/", "nothing\n"},
    {false, "_line:\"GET /login\"", "GET /logout\n"},
    {true, "event.id:*", "nothing\n"},
    {true, "_time:1970-01-01 or login", "nothing\n"},
    {false, "(a:1 or login) (logout or exit)", "login\n"},
    /* a value of JSON is there decoded */
    {true, "login", "{\"m\":\"l\\u006fgin\"}\n"},
    {true, "login", "x\n  [\"l\\u006fgin\"]\n"},
    {true, "login", "{\"m\":\n\"l\\u006fgin\"}\n"},
    {false, "login", "{\"m\":\"logout\"}\n"},
    {false, "login", "GET \\x16\\x03\n"},
    /* Kelvin's sign folds to k, long s to s */
    {true, "kilo", "5 \xe2\x84\xaailo\n"},
    {true, "base", "ba\xc5\xbf" "e\n"},
    {false, "login", "\xe2\x84\xaa\n"},
    {true, "gr\xc3\xb6\xc3\x9f" "e", "nothing\n"},
    /* every event is needed */
    {true, "login | context 2", "nothing\n"},
    {true, "login or nowhere:1", "nothing\n"},
};

static void texts_without_what_is_asked_for_are_passed_over(void **state)
{
    (void)state;
    for (size_t i = 0; i < DW_COUNT_OF(rows); i++) {
        struct query_bed b;
        query_bed_init(&b);
        assert_int_equal(query_bed_start(&b, rows[i].query), DW_OK);
        if (strstr(rows[i].query, "a:1"))
            query_bed_take(&b, "a=1", 0, 0); /* the name was seen */
        if (dw_query_wants(b.q, dw_str_of(rows[i].text)) != rows[i].wants)
            fail_msg("%s over %s: %s", rows[i].query, rows[i].text, rows[i].wants ? "passed over" : "wanted");
        query_bed_fini(&b);
    }
}

/* A text of pieces that make words, escapes and foreign letters likely. */
static size_t make_text(struct dw_rng *rng, char *out, size_t pieces)
{
    static const char *const some[] = {"a", "b", "ab", "BA", "bab", "k", "\xe2\x84\xaa", "s", "\xc5\xbf", "\\u0061", "\\", "\xe2", "\xc5", "\xf0\x9f", "\xff", "\"", "{\"m\":\"", "\"}", "[", " ", "aab"};
    size_t len = 0;
    for (size_t i = 0; i < pieces; i++) {
        const char *piece = some[dw_rng_below(rng, DW_COUNT_OF(some))];
        memcpy(out + len, piece, strlen(piece));
        len += strlen(piece);
    }
    return len;
}

/* Goal:   what is said of a text or a line without the filter is what the filter says.
 * Method: the same filter twice negated, of which no text follows. */
static void texts_are_judged_as_the_filter_judges_them(void **state)
{
    (void)state;
    static const char *const queries[] = {"aba", "bab or aab", "aab and not bak", "\"a b\"", "(aba or sab) (bab or kab)", "kab", "asb* or baab", "/ab[ab]a/", "bab or (aba or kab)", "bab aab"};
    struct dw_rng rng = {.state = 20261125};
    uint64_t matched = 0, passed = 0;
    for (size_t k = 0; k < DW_COUNT_OF(queries); k++) {
        struct query_bed b, twice;
        char text[200];
        query_bed_init(&b);
        query_bed_init(&twice);
        (void)snprintf(text, sizeof text, "not not (%s)", queries[k]);
        assert_int_equal(query_bed_start(&b, queries[k]), DW_OK);
        assert_int_equal(query_bed_start(&twice, text), DW_OK);
        for (int i = 0; i < 20000; i++) {
            char line[256];
            size_t len = make_text(&rng, line, 1 + (size_t)dw_rng_below(&rng, 12));
            struct dw_event ev = {.line = dw_str_make(line, len), .stream = &b.stream[0]};
            bool matches = dw_query_match(twice.q, &ev), wants = dw_query_wants(b.q, ev.line);
            if (dw_query_match(b.q, &ev) != matches)
                fail_msg("%s: %s by the filter: %.*s", queries[k], matches ? "a match" : "none", (int)len, line);
            matched += matches;
            passed += !wants;
            if (matches && !wants)
                fail_msg("%s matches, and passes over: %.*s", queries[k], (int)len, line);
        }
        query_bed_fini(&b);
        query_bed_fini(&twice);
    }
    assert_true(matched > 1000 && passed > 1000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(texts_without_what_is_asked_for_are_passed_over),
        cmocka_unit_test(texts_are_judged_as_the_filter_judges_them),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
