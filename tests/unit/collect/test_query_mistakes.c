/* Tests of collector/query/query_mistakes.c: comparisons written as elsewhere are refused, and texts that look like them are not. */
#include "queries.h"

struct mistake {
    const char *text;
    uint32_t col;
    const char *msg, *help;
};

static void assert_refused(const struct mistake *m)
{
    struct query_bed b;
    query_bed_init(&b);
    int rc = query_bed_start(&b, m->text);
    const struct dw_diag *d = &b.diags.item[0];
    if (rc != DW_ESYNTAX || b.diags.count != 1)
        fail_msg("%s: code %d, %u messages", m->text, rc, b.diags.count);
    if (d->at.col != m->col || !strstr(d->msg, m->msg) || !strstr(d->help, m->help))
        fail_msg("%s: column %u \"%s\" (%s), want %u \"%s\" (%s)", m->text, d->at.col, d->msg, d->help, m->col, m->msg, m->help);
    query_bed_fini(&b);
}

static void comparisons_of_other_languages_are_refused(void **state)
{
    (void)state;
    static const struct mistake rows[] = {
        {"http.response.status_code=404", 26, "with a colon", "did you mean http.response.status_code:404?"},
        {"http.response.status_code==404", 26, "with a colon", "did you mean http.response.status_code:404?"},
        {"http.response.status_code > 400", 27, "with a colon", "did you mean http.response.status_code:>400?"},
        {"http.response.status_code>=400", 26, "with a colon", "did you mean http.response.status_code:>=400?"},
        {"http.response.status_code <= 400", 27, "with a colon", "did you mean http.response.status_code:<=400?"},
        {"http.response.status_code != 404", 27, "with a colon", "did you mean http.response.status_code!=404?"},
        {"http.response.status_code <> 404", 27, "with a colon", "did you mean http.response.status_code!=404?"},
        {"http.response.status_code : 404", 27, "with a colon", "did you mean http.response.status_code:404?"},
        {"http.response.status_code >", 27, "with a colon", "did you mean http.response.status_code:>VALUE?"},
        {"login and (source.ip = 1.2.3.4 or x)", 22, "with a colon", "did you mean source.ip:1.2.3.4?"},
        {"user.name = \"Bob Smith\"", 11, "with a colon", "did you mean user.name:\"Bob Smith\"?"},
        {"url.full=http://x/", 9, "with a colon", "did you mean url.full:http://x/?"},
        {"_time > 2026-11-01", 7, "with a colon", "did you mean _time:>2026-11-01?"},
        {"log.level > error", 11, "with a text", "greater and less are for numbers"},
        {"status > 500", 8, "with a colon", "did you mean status:>500?"},
        {"status >500", 8, "with a colon", "did you mean status:>500?"},
        {"status = open", 8, "with a colon", "did you mean status:open?"},
        {"> 500", 1, "with a colon", "did you mean FIELD:>500?"},
        {"* | eval ms = event.duration / 1000 | where ms>5", 47, "with a colon", "did you mean ms:>5?"},
        {"a && b", 3, "no operator", "write and"},
        {"f:400..500", 3, "range", "did you mean f:[400 TO 500]?"},
        {"http.response.status_code:400..500", 27, "range", "did you mean http.response.status_code:[400 TO 500]?"},
        {"f:400..", 3, "range", "did you mean f:[400 TO *]?"},
        {"f:..5.5", 3, "range", "did you mean f:[* TO 5.5]?"},
        {"f: >400", 4, "belongs to the colon", "did you mean f:>400?"},
        {"f: > 400", 4, "belongs to the colon", "did you mean f:>400?"},
        {"f: >", 4, "belongs to the colon", "did you mean f:>VALUE?"},
        {"f:(>=400 or 7)", 4, "belongs to the colon", "did you mean f:>=400?"},
        {"f:(a, b)", 5, "not divided by commas", "(a or b)"},
        {"f:==4", 4, "belongs to the colon", "did you mean f:4?"},
    };
    for (size_t i = 0; i < DW_COUNT_OF(rows); i++)
        assert_refused(&rows[i]);
}

static void a_table_has_no_line_to_look_in(void **state)
{
    (void)state;
    static const struct mistake rows[] = {
        {"* | stats count by source.ip | where count > 10", 44, "with a colon", "did you mean count:>10?"},
        {"* | stats count by source.ip | where count>10", 43, "with a colon", "did you mean count:>10?"},
        {"* | stats count by source.ip | where login", 38, "no line", "the columns here: source.ip, count"},
        {"* | top 3 source.ip | where \"a b\"", 29, "no line", "source.ip, count"},
        {"* | fields url.path | where /x+/ or url.path:*", 29, "no line", "COLUMN:VALUE"},
        {"* | fields url.path | where not login", 33, "no line", "COLUMN:VALUE"},
        {"* | fields _line | where a=b", 26, "no line", "the columns here: event.original"},
    };
    for (size_t i = 0; i < DW_COUNT_OF(rows); i++)
        assert_refused(&rows[i]);
}

static void a_mistake_is_shown_under_its_text(void **state)
{
    (void)state;
    struct query_bed b;
    struct dw_buf said = {0};
    query_bed_init(&b);
    assert_int_equal(query_bed_start(&b, "http.response.status_code > 400"), DW_ESYNTAX);
    dw_diags_print(&b.diags, &said);
    assert_str(dw_buf_view(&said),
        "query:1:27: error: a field is compared with a colon\n    1 | http.response.status_code > 400\n"
        "      |                           ^\n"
        "      = help: did you mean http.response.status_code:>400? a text to look for stands in quotes\n");
    dw_buf_fini(&said);
    query_bed_fini(&b);
}

static void texts_that_look_like_comparisons_are_looked_for(void **state)
{
    (void)state;
    query_bed_expect("x=1", "x=1;x=2", "x=1;");
    query_bed_expect("x=http://y", "x=http://y;z", "x=http://y;");
    query_bed_expect("\"n > 5\"", "n > 5;n < 5", ";");
    query_bed_expect("\"source.ip=1\" a:*", "a=1 source.ip=1;a=2", "a=1 source.ip=1;");
    query_bed_expect("a <b> -<c>", "a <b>;a <b> <c>", ";");
    query_bed_expect("host :80", "host :80;host :81", ";");
    query_bed_expect("a:x..y", "a=x..y;a=xy", "a=x..y;");
    query_bed_expect("a:\"1..2\"", "a=1..2;a=1", "a=1..2;");
    query_bed_expect("a:(\"x,\" or q)", "a=x,;a=x;a=q", "a=x,;a=q;");
    query_bed_expect("a:(x,y q)", "a=x,y;a=x;a=q", "a=x,y;a=q;");
    query_bed_expect("a:\">4\"", "a=>4;a=5", "a=>4;");
    query_bed_expect("* | stats count by a | where *", "a=1", "a=1 count=1;");
}

static void note_text(void *arg, struct dw_str word, const char *meant)
{
    dw_buf_printf(arg, "%.*s %s;", DW_ARG(word), meant);
}

static void a_text_that_looks_like_a_comparison_is_noted(void **state)
{
    (void)state;
    struct query_bed b;
    struct dw_buf noted = {0};
    query_bed_init(&b);
    assert_int_equal(query_bed_start(&b, "a=b or x>=y or plain or \"c=d\" or =e or f="), DW_OK);
    dw_query_texts(b.q, note_text, &noted);
    assert_str(dw_buf_view(&noted), "a=b a:b;");
    dw_buf_fini(&noted);
    query_bed_fini(&b);
}

static void note_name(void *arg, struct dw_str name, const char *near)
{
    dw_buf_printf(arg, "%.*s %s;", DW_ARG(name), near ? near : "-");
}

static void a_name_that_no_event_has_is_noted_with_the_one_meant(void **state)
{
    (void)state;
    struct query_bed b;
    struct dw_buf noted = {0};
    query_bed_init(&b);
    assert_int_equal(query_bed_start(&b, "status:1 or status_code:2 or nowhere:3 or a:*"), DW_OK);
    query_bed_take(&b, "a=1 req.status=1", 0, 0);
    dw_query_unseen(b.q, note_name, &noted);
    assert_str(dw_buf_view(&noted), "status req.status;status_code http.response.status_code;nowhere -;");
    dw_buf_reset(&noted);
    assert_int_equal(query_bed_start(&b, "status:1 or user.nmae:x"), DW_OK);
    dw_query_unseen(b.q, note_name, &noted);
    assert_str(dw_buf_view(&noted), "status http.response.status_code;user.nmae user.name;");
    dw_buf_fini(&noted);
    query_bed_fini(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(comparisons_of_other_languages_are_refused),
        cmocka_unit_test(a_table_has_no_line_to_look_in),
        cmocka_unit_test(a_mistake_is_shown_under_its_text),
        cmocka_unit_test(texts_that_look_like_comparisons_are_looked_for),
        cmocka_unit_test(a_text_that_looks_like_a_comparison_is_noted),
        cmocka_unit_test(a_name_that_no_event_has_is_noted_with_the_one_meant),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
