/* Tests of collector/query/op_*.c: what each pipe makes of a few rows, and mistakes in pipes. */
#include "queries.h"

#include <stdio.h>

struct golden {
    const char *query, *events, *answer;
};

static void check(const struct golden *rows, size_t count)
{
    for (size_t i = 0; i < count; i++)
        query_bed_expect(rows[i].query, rows[i].events, rows[i].answer);
}

static void where_fields_and_rename(void **state)
{
    (void)state;
    static const struct golden rows[] = {
        {"* | where a:>1", "a=1;a=2;b=3", "a=2;"},
        {"* | where a:>1 or b:3 | where not a:2", "a=1;a=2;b=3", "b=3;"},
        {"* | stats count by a | where count:>1", "a=x;a=y;a=y", "a=y count=2;"},
        {"* | stats count as n by a | where n:[1 TO 1]", "a=x;a=y;a=y", "a=x n=1;"},
        {"* | fields b, a", "a=1 b=2 c=3;c=4", "b=2 a=1;;"},
        {"* | fields _line", "a=1 b=2", "event.original=a=1 b=2;"},
        {"* | fields _time, a | tail 1", "a=1;a=2", "@timestamp=1970-01-01T00:00:01.000000000Z a=2;"},
        {"* | fields tags", "tags=x tags=y tags=z", "tags=x tags=y tags=z;"},
        {"* | fields a | where a:*", "a=1;b=2", "a=1;"},
        {"* | rename a as b", "a=1 b=2 c=3", "b=1 c=3;"},
        {"* | rename a as b, b as c", "a=1 c=3;x=1", "c=1;x=1;"},
        {"* | stats count by a | rename count as n, a as z | where n:2 z:q", "a=q;a=q", "z=q n=2;"},
        {"* | stats sum(a) | rename sum(a) as s", "a=1;a=5", "s=6;"},
    };
    check(rows, DW_COUNT_OF(rows));
}

static void sort_orders_numbers_then_texts_and_missing_last(void **state)
{
    (void)state;
    static const struct golden rows[] = {
        {"* | sort a", "a=10;a=9;a=x;b=1;a=-3;a=0.5;a=X", "a=-3;a=0.5;a=9;a=10;a=X;a=x;b=1;"},
        {"* | sort -a", "a=10;a=9;a=x;b=1;a=-3;a=0.5;a=X", "a=x;a=X;a=10;a=9;a=0.5;a=-3;b=1;"},
        {"* | sort a, -b", "a=2 b=1;a=1 b=1;a=2 b=9;a=1", "a=1 b=1;a=1;a=2 b=9;a=2 b=1;"},
        {"* | sort a", "a=5 b=1;a=05 b=2;a=5.0 b=3;a=4 b=4", "a=4 b=4;a=5 b=1;a=05 b=2;a=5.0 b=3;"}, /* stable */
        {"* | sort a", "a=9223372036854775807;a=9223372036854775806;a=9.3e18;a=9.2e18",
            "a=9.2e18;a=9223372036854775806;a=9223372036854775807;a=9.3e18;"},
        {"* | sort -_time | head 1", "a=1;a=2;a=3", "a=3;"},
        {"* | sort by", "by=2;by=1", "by=1;by=2;"},
        {"* | sort by , a", "by=2;by=1", "by=1;by=2;"},
        {"* | sort a | tail 2 | head 1", "a=3;a=1;a=2", "a=2;"},
    };
    check(rows, DW_COUNT_OF(rows));
}

static void head_tail_and_dedup(void **state)
{
    (void)state;
    static const struct golden rows[] = {
        {"* | head 2", "a=1;a=2;a=3", "a=1;a=2;"},
        {"* | head 2 | stats count", "a=1;a=2;a=3", "count=2;"},
        {"* | stats count | head 2", "a=1;a=2;a=3", "count=3;"},
        {"* | tail 2", "a=1;a=2;a=3", "a=2;a=3;"},
        {"* | tail 9", "a=1;a=2", "a=1;a=2;"},
        {"* | tail 100 | head 1", "a=1;a=2;a=3", "a=1;"},
        {"* | dedup a", "a=1 b=1;a=1 b=2;a=2;b=7;b=8", "a=1 b=1;a=2;b=7;"},
        {"* | dedup a, b", "a=1 b=1;a=1 b=2;a=1 b=1", "a=1 b=1;a=1 b=2;"},
        {"* | where a:2 | dedup a", "a=1;a=2;a=2", "a=2;"},
    };
    check(rows, DW_COUNT_OF(rows));
}

static void stats_works_out_each_aggregate(void **state)
{
    (void)state;
    static const struct golden rows[] = {
        {"* | stats count, count(a), dc(a), sum(a)", "a=1;a=1;b=1;a=x", "count=4 count(a)=3 dc(a)=2 sum(a)=2;"},
        {"* | stats min(a), max(a), avg(a)", "a=3;a=x;a=10;b=1", "min(a)=3 max(a)=10 avg(a)=6.5;"},
        {"* | stats min(a), max(a)", "a=x;a=abc", "min(a)=abc max(a)=x;"},
        {"* | stats max(a), min(a)", "a=40-1;a=5-1", "max(a)=5-1 min(a)=40-1;"}, /* that begins as a number is none */
        {"* | stats avg(a), min(a), p50(a), values(a), sum(a), dc(a)", "b=1", "sum(a)=0 dc(a)=0;"},
        {"* | stats p50(a), p95(a), p99(a)", "a=1;a=2;a=3;a=4", "p50(a)=2 p95(a)=4 p99(a)=4;"},
        {"* | stats first(a), last(a) by b", "a=1 b=x;b=x;a=3 b=x;a=9 b=y", "b=x first(a)=1 last(a)=3;b=y first(a)=9 last(a)=9;"},
        {"* | stats values(a) as v", "a=y;a=x;a=y;a=10", "v=10 v=x v=y;"},
        {"* | stats sum(a) as s", "a=9223372036854775807;a=-9223372036854775807;a=5", "s=5;"},
        {"* | stats sum(a) as s", "a=0.5;a=0.25;a=1", "s=1.75;"},
        {"* | stats count by a, b", "a=1;b=1;a=1", "a=1 b= count=2;a= b=1 count=1;"},
        {"* | stats dc(a) as d by b", "a=1 b=z;a=1 b=a;a=2 b=z", "b=a d=1;b=z d=2;"}, /* without count first: by keys */
        {"* | stats count by a | stats count as n, sum(count) as s", "a=1;a=2;a=1", "n=2 s=3;"},
        {"x | stats count, max(a)", "a=1", "count=0;"},
        {"* | top 2 a", "a=1;a=2;a=2;a=3;a=3", "a=2 count=2;a=3 count=2;"},
        {"* | rare 2 a", "a=1;a=2;a=2;a=3;a=3;a=3", "a=1 count=1;a=2 count=2;"},
    };
    check(rows, DW_COUNT_OF(rows));
}

static void timechart_shows_empty_spans(void **state)
{
    (void)state;
    static const struct golden rows[] = {
        {"a:* | timechart 2s count, max(a) as m", "a=1;a=2;b;b;b;b;a=7",
            "@timestamp=1970-01-01T00:00:00.000000000Z count=2 m=2;@timestamp=1970-01-01T00:00:02.000000000Z count=0;"
            "@timestamp=1970-01-01T00:00:04.000000000Z count=0;@timestamp=1970-01-01T00:00:06.000000000Z count=1 m=7;"},
        {"a:* | timechart 1s count by a", "a=y;a=x;a=y",
            "@timestamp=1970-01-01T00:00:00.000000000Z a=x count=0;@timestamp=1970-01-01T00:00:01.000000000Z a=x count=1;"
            "@timestamp=1970-01-01T00:00:02.000000000Z a=x count=0;@timestamp=1970-01-01T00:00:00.000000000Z a=y count=1;"
            "@timestamp=1970-01-01T00:00:01.000000000Z a=y count=0;@timestamp=1970-01-01T00:00:02.000000000Z a=y count=1;"},
        {"nothing | timechart 1s count", "a=1", ""},
    };
    check(rows, DW_COUNT_OF(rows));
}

static void timechart_of_far_times_is_bounded_and_says_so(void **state)
{
    (void)state;
    struct query_bed b;
    query_bed_init(&b);
    assert_int_equal(query_bed_start(&b, "* | timechart 1s count | stats count"), DW_OK);
    query_bed_take(&b, "a=1", INT64_MIN, 0);
    query_bed_take(&b, "a=1", INT64_MAX, 0);
    query_bed_end(&b);
    assert_str(dw_buf_view(&b.answer), "count=100002;");
    assert_non_null(strstr(dw_query_partial(b.q), "timechart"));
    query_bed_fini(&b);
}

static void eval_keeps_whole_numbers_whole_and_nothing_nothing(void **state)
{
    (void)state;
    static const struct golden rows[] = {
        {"* | eval c = a + b * 2 | fields c", "a=1 b=3", "c=7;"},
        {"* | eval c = (a + b) * 2 - -1 | fields c", "a=1 b=3", "c=9;"},
        {"* | eval c = a / 4 | fields c", "a=1;a=8;a=x", "c=0.25;c=2;;"},
        {"* | eval c = a / b | fields c", "a=1 b=0;a=0 b=1", ";c=0;"},
        {"* | eval c = a % 3 | fields c", "a=10;a=-10;a=5.5", "c=1;c=-1;c=2.5;"},
        {"* | eval c = a % 0 | fields c", "a=10", ";"},
        {"* | eval c = a * a | fields c", "a=4294967296", "c=1.84467440737096e+19;"},
        {"* | eval c = upper(a) | eval d = lower(c) | fields c, d", "a=aB", "c=AB d=ab;"},
        {"* | eval c = len(a) | fields c", "a=abc;a=\xc3\xa4\xc3\xb6;b=1", "c=3;c=2;;"},
        {"* | eval c = substr(a, 1, 2) | fields c", "a=abcd;a=a;a=a\xc3\xa4x", "c=bc;c=;c=\xc3\xa4x;"},
        {"* | eval c = if(a >= 10, \"big\", b) | fields c", "a=9 b=s;a=10;a=9", "c=s;c=big;;"},
        {"* | eval c = if(a = \"x\", 1, 2) | fields c", "a=x;a=y;b=1", "c=1;c=2;c=2;"},
        {"* | eval a = a + 1", "a=1 b=2", "b=2 a=2;"},
        {"* | stats count by a | eval half = count / 2 | fields half", "a=1;a=1;a=1", "half=1.5;"},
        {"* | eval c = _line | fields c", "a=1 x", "c=a=1 x;"},
    };
    check(rows, DW_COUNT_OF(rows));
}

static void parse_takes_all_or_nothing(void **state)
{
    (void)state;
    static const struct golden rows[] = {
        {"* | parse \"from <ip> port <port> end\" | fields ip, port", "got from 1.2.3.4 port 22 end;from x port", "ip=1.2.3.4 port=22;;"},
        {"* | parse \"user <name>\" | fields name", "user bob smith", "name=bob smith;"},
        {"* | parse \"<first> <_>\" | fields first", "alpha beta", "first=alpha;"},
        {"* | parse a \"<x>/<y>\" | fields x, y", "a=p/q", "x=p y=q;"},
        {"* | parse \"a > <x>,\" | fields x", "say a > b, c", "x=b;"},
        {"* | parse a \"<x>/\" | stats count by x", "a=p/q;a=p/r;a=z", "x=p count=2;x= count=1;"},
    };
    check(rows, DW_COUNT_OF(rows));
}

static void templates_are_counted_with_their_first_text(void **state)
{
    (void)state;
    static const struct golden rows[] = {
        {"* | templates | fields count, template, example", "idle;took 7 ms;took 9 ms", "count=2 template=took <*> example=took 7 ms;count=1 template=idle example=idle;"},
        {"* | templates a | fields count, template", "a=/x/y;b=2;a=/z", "count=2 template=<*>;"},
        {"* | templates | fields template, count", "message=one x=1;message=one x=2", "template=one count=2;"},
        {"* | stats count by a | templates a | fields count, template", "a=blk_7;a=blk_8;a=x", "count=2 template=blk_<*>;count=1 template=x;"},
        {"* | templates | head 1 | fields example", "a;b", "example=a;"},
    };
    check(rows, DW_COUNT_OF(rows));
}

static void context_shows_each_event_of_the_log_once(void **state)
{
    (void)state;
    static const struct golden rows[] = {
        {"panic | context 1 | fields _line", "n1;n2;panic;n3;n4", "event.original=n2;event.original=panic;event.original=n3;"},
        {"panic | context 2 | fields _line", "n1;panic;n2;panic;n3;n4;n5",
            "event.original=n1;event.original=panic;event.original=n2;event.original=panic;event.original=n3;event.original=n4;"},
    };
    check(rows, DW_COUNT_OF(rows));
    struct query_bed b;
    query_bed_init(&b);
    assert_int_equal(query_bed_start(&b, "panic | context 1 | fields _line"), DW_OK);
    query_bed_take(&b, "mine", 0, 0);
    query_bed_take(&b, "other", 0, 1);
    query_bed_take(&b, "panic", 0, 0);
    query_bed_take(&b, "other", 0, 1);
    query_bed_end(&b);
    assert_str(dw_buf_view(&b.answer), "event.original=mine;event.original=panic;");
    query_bed_fini(&b);
}

static void mistakes_in_pipes_are_shown(void **state)
{
    (void)state;
    static const struct {
        const char *text, *shown;
    } rows[] = {
        {"* | stat count", "query:1:5: error: no such pipe\n    1 | * | stat count\n      |     ^^^^\n      = help: did you mean 'stats'?\n"},
        {"* | stats cuont", "query:1:11: error: no such aggregate\n    1 | * | stats cuont\n      |           ^^^^^\n      = help: did you mean 'count'?\n"},
        {"* | stats count by user | sort cuont",
            "query:1:32: error: the rows here have no such field\n    1 | * | stats count by user | sort cuont\n"
            "      |                                ^^^^^\n      = help: did you mean 'count'?\n"},
        {"* | stats count | where a:1",
            "query:1:25: error: the rows here have no such field\n    1 | * | stats count | where a:1\n"
            "      |                         ^\n      = help: the columns here: count\n"},
        {"a | head 1 | context 3",
            "query:1:14: error: context must be the first pipe: it needs also what does not match\n    1 | a | head 1 | context 3\n"
            "      |              ^^^^^^^\n      = help: panic | context 5 | ...\n"},
        {"* | limit 5", "query:1:5: error: no such pipe\n    1 | * | limit 5\n      |     ^^^^^\n      = help: here that is written: head 10\n"},
        {"* | head", "query:1:9: error: head needs a number from 1\n    1 | * | head\n      |         ^\n      = help: head N, as in login | head 10\n"},
        {"* | stats count by a | templates",
            "query:1:24: error: a table has no line: name the field to read\n    1 | * | stats count by a | templates\n      |                        ^^^^^^^^^\n      = help: templates FIELD\n"},
        {"* | sort by x", "query:1:10: error: sort takes the fields alone, without by\n    1 | * | sort by x\n      |          ^^\n"
            "      = help: sort field, or sort -field for downwards\n"},
        {"* | fields a b", "query:1:14: error: a comma is missing before this\n    1 | * | fields a b\n      |              ^\n"
            "      = help: fields are divided by commas: a, b\n"},
        {"* | parse 'p <x>'", "query:1:11: error: a pattern stands in double quotes\n    1 | * | parse 'p <x>'\n      |           ^\n"
            "      = help: parse \"port <port> \"\n"},
    };
    for (size_t i = 0; i < DW_COUNT_OF(rows); i++) {
        struct query_bed b;
        struct dw_buf said = {0};
        query_bed_init(&b);
        assert_int_equal(query_bed_start(&b, rows[i].text), DW_ESYNTAX);
        dw_diags_print(&b.diags, &said);
        assert_str(dw_buf_view(&said), rows[i].shown);
        dw_buf_fini(&said);
        query_bed_fini(&b);
    }
}

static void mistakes_in_pipes_have_a_place(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        uint32_t col;
        const char *msg;
    } rows[] = {
        {"* | where", 10, "filter is missing"}, {"* | fields", 11, "field is missing"}, {"* | fields a, a", 15, "named twice"},
        {"* | rename a", 13, "'as' is missing"}, {"* | rename a as", 16, "name is missing"}, {"* | rename _line as x", 12, "stays with its event"},
        {"* | rename a as event.id", 17, "dogwatch's own"}, {"* | sort", 9, "field is missing"}, {"* | sort a,", 12, "field is missing"},
        {"* | tail x", 10, "number from 1"}, {"* | tail 99999999999", 10, "too large"}, {"* | dedup", 10, "field is missing"},
        {"* | stats", 10, "aggregate is missing"}, {"* | stats sum()", 11, "needs a field"}, {"* | stats sum(a", 14, "never closed"},
        {"* | stats count, count", 11, "same name"}, {"* | stats count as a by a", 11, "same name"}, {"* | top a", 9, "number from 1"},
        {"* | top 3", 10, "field is missing"}, {"* | timechart count", 15, "needs a span"}, {"* | timechart 0s count", 15, "needs a span"},
        {"* | stats count | timechart 1s count", 19, "needs events"}, {"* | eval", 9, "name is missing"}, {"* | eval a", 11, "'=' is missing"},
        {"* | eval a = ", 14, "missing here"}, {"* | eval a = 1 +", 17, "missing here"}, {"* | eval a = (1", 14, "never closed"},
        {"* | eval a = foo(1)", 14, "no such function"}, {"* | eval a = if(1, 2, 3)", 18, "needs a comparison"},
        {"* | eval a = len(1, 2)", 17, "fewer arguments"}, {"* | eval a = substr(b, 1)", 25, "argument is missing"},
        {"* | eval a = 1e", 14, "no number"}, {"* | eval a = \"x", 14, "never closed"}, {"* | eval event.id = 1", 10, "dogwatch's own"}, {"* | eval dogwatch.start = 1", 10, "dogwatch's own"},
        {"* | parse", 10, "field is missing"}, {"* | parse a", 12, "pattern in quotes"}, {"* | parse \"abc\"", 11, "no <name>"},
        {"* | parse \"<a><b>\"", 11, "border"}, {"* | stats count | parse \"<a>\"", 25, "no line"}, {"* | context 0", 13, "number from 1"},
        {"* | context 5000", 13, "too large"},
        {"* | sort a b", 12, "comma is missing"}, {"* | stats count by a b", 22, "comma is missing"}, {"* | dedup a b, c", 13, "comma is missing"},
        {"* | rename a as b c as d", 19, "comma is missing"}, {"* | parse url.path 'x<y>'", 20, "double quotes"}, {"* | top 3 a b", 13, "comma is missing"},
        {"* | sort a by b", 12, "comma is missing"}, {"* | SELECT a", 5, "no such pipe"},
    };
    for (size_t i = 0; i < DW_COUNT_OF(rows); i++) {
        struct query_bed b;
        query_bed_init(&b);
        int rc = query_bed_start(&b, rows[i].text);
        const struct dw_diag *d = &b.diags.item[0];
        if (rc != DW_ESYNTAX || b.diags.count != 1 || d->at.col != rows[i].col || !strstr(d->msg, rows[i].msg))
            fail_msg("%s: code %d, column %u \"%s\", want %u \"%s\"", rows[i].text, rc, d->at.col, d->msg, rows[i].col, rows[i].msg);
        query_bed_fini(&b);
    }
}

static void what_waits_for_the_end_cannot_follow(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        uint32_t col; /* 0: it can */
    } rows[] = {
        {"a", 0}, {"a | context 2 | where b:* | rename b as c | eval d = c | parse \"<x> \" | dedup d | fields d | head 3", 0},
        {"a | head 3 | stats count", 14}, {"a | sort b", 5}, {"a | tail 3", 5}, {"a | where b:* | timechart 1m count | head 2", 17}, {"a | rare 3 b", 5},
    };
    for (size_t i = 0; i < DW_COUNT_OF(rows); i++) {
        struct query_bed b;
        query_bed_init(&b);
        assert_int_equal(query_bed_start(&b, rows[i].text), DW_OK);
        assert_int_equal(dw_query_followable(b.q, &b.diags), rows[i].col ? DW_ESYNTAX : DW_OK);
        assert_int_equal(b.diags.count ? b.diags.item[0].at.col : 0, rows[i].col);
        query_bed_fini(&b);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(where_fields_and_rename),
        cmocka_unit_test(sort_orders_numbers_then_texts_and_missing_last),
        cmocka_unit_test(head_tail_and_dedup),
        cmocka_unit_test(stats_works_out_each_aggregate),
        cmocka_unit_test(timechart_shows_empty_spans),
        cmocka_unit_test(timechart_of_far_times_is_bounded_and_says_so),
        cmocka_unit_test(eval_keeps_whole_numbers_whole_and_nothing_nothing),
        cmocka_unit_test(parse_takes_all_or_nothing),
        cmocka_unit_test(templates_are_counted_with_their_first_text),
        cmocka_unit_test(context_shows_each_event_of_the_log_once),
        cmocka_unit_test(mistakes_in_pipes_are_shown),
        cmocka_unit_test(mistakes_in_pipes_have_a_place),
        cmocka_unit_test(what_waits_for_the_end_cannot_follow),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
