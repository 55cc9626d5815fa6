/* Tests of collector/query: what matches, where a mistake is, stats and head. */
#include "support.h"

#include "dogwatch/collect/query.h"

#include <stdio.h>

static const char line_text[] = "10.0.0.1 GET /login?user=Bob 401 \"union select\"";

struct bed {
    struct dw_keys *keys;
    struct dw_diags diags;
    struct dw_query *q;
    struct dw_field field[5];
    struct dw_event ev;
    struct dw_stream stream;
    struct dw_buf out;
};

static void set_up(struct bed *b)
{
    memset(b, 0, sizeof *b);
    b->keys = dw_keys_new();
    b->stream.id[0] = 0xab;
    b->field[0] = (struct dw_field){.v.ptr = line_text, .len = 8, .key = DW_F_source_ip, .kind = DW_K_VIEW};
    b->field[1] = (struct dw_field){.v.ptr = line_text + 13, .len = 6, .key = DW_F_url_path, .kind = DW_K_VIEW};
    b->field[2] = (struct dw_field){
        .v.ptr = line_text + 29, .len = 3, .key = DW_F_http_response_status_code, .kind = DW_K_NUMBER};
    b->field[3] = (struct dw_field){.v.i = -7, .key = DW_F_event_duration, .kind = DW_K_INT};
    b->field[4] = (struct dw_field){.v.f = 2.5, .key = DW_F_event_severity, .kind = DW_K_FLOAT};
    b->ev = (struct dw_event){.time_ns = 1, .stream = &b->stream, .end = sizeof line_text, .line = dw_str_of(line_text),
        .field = b->field, .field_count = 5};
}

static void tear_down(struct bed *b)
{
    dw_query_free(b->q);
    dw_keys_free(b->keys);
    dw_buf_fini(&b->out);
}

static int compile(struct bed *b, struct dw_str text)
{
    dw_query_free(b->q);
    b->q = NULL;
    dw_diags_init(&b->diags, DW_STR("query"), text);
    return dw_query_compile(text, b->keys, &b->diags, &b->q);
}

static const struct {
    bool matches;
    const char *text;
} filters[] = {
    {true, ""},
    {true, "*"},
    {true, "* | head 3"},
    {true, "* and login"},
    {true, "login"},
    {true, "LOGIN"},
    {true, "log*bob"},
    {false, "bob*login"},
    {false, "logout"},
    {true, "\"union select\""},
    {false, "\"union  select\""},
    {false, "\"union*select\""}, /* a phrase is plain */
    {true, "\"401 \\\"union\""},
    {true, "/us[e]r=b.b/"},
    {false, "/^GET/"},
    {true, "source.ip:10.0.0.1"},
    {true, "source.ip:10.0.0.*"},
    {true, "source.ip:10.0.0.0/8"},
    {false, "source.ip:11.0.0.0/8"},
    {true, "source.ip:(1.2.3.4 or 10.0.0.0/30)"},
    {true, "source.ip:(1.2.3.4 10.0.0.1)"},
    {false, "source.ip:(1.2.3.4 or 5.6.7.8)"},
    {true, "source.ip:*"},
    {false, "user.name:*"},
    {true, "not user.name:*"},
    {true, "url.path:\"/login\""},
    {true, "url.path:\"/LOGIN\""},
    {false, "url.path:\"/log\""},
    {true, "url.path:/log/"}, /* a value between slashes is a regex */
    {true, "url.path:/login"}, /* else it is a path */
    {false, "url.path:/log"},
    {true, "url.path:/log*"},
    {true, "(url.path:/login)"},
    {true, "url.path:=*login"},
    {true, "url.path!=\"/other\""},
    {false, "url.path!=\"/login\""},
    {true, "http.response.status_code:401"},
    {true, "http.response.status_code:>=401"},
    {false, "http.response.status_code:>401"},
    {true, "http.response.status_code:<4e2 or http.response.status_code:<=401.0"},
    {true, "event.duration:<0"},
    {true, "event.severity:>2.25"},
    {false, "user.name:<5"},
    {true, "login 401"},
    {true, "login and 401"},
    {false, "login and 402"},
    {true, "login or 402"},
    {true, "402 or login 401"},  /* and binds closer */
    {false, "402 or login 402"},
    {true, "(402 or login) 401"},
    {false, "not login"},
    {false, "-login"},
    {false, "!login"},
    {true, "not not login"},
    {true, "login -logout"},
    {true, "login not logout"},
    {true, "nothing or login"},   /* a word that begins with not */
    {true, "order or login"},
    {true, "http.response.status_code:[401 TO 500]"},
    {false, "http.response.status_code:{401 TO 500]"},
    {true, "http.response.status_code:[400 TO 401]"},
    {false, "http.response.status_code:[400 TO 401}"},
    {false, "http.response.status_code:[400 TO 401)"},
    {true, "http.response.status_code:[* TO 401]"},
    {true, "event.severity:{2.25 TO *]"},
    {true, "event.duration:[-8 TO -6] login"},
    {false, "user.name:[0 TO 9]"},
    {false, "url.path:[main]"}, /* no TO: a text */
    {true, "url.path:=/login"},
    {false, "url.path:=/LOGIN"}, /* := minds case */
    {false, "url.path:=\"/Login\""},
    {true, "url.path:=(\"/Login\" or /login)"},
    {true, "event.original:=Bob"},
    {false, "event.original:=bob"},
    {true, "_time:1970-01-01"},
    {false, "_time:1970-01-02"},
    {false, "not _time:1970-01-01"},
    {false, "_time!=1970-01-01"},
    {true, "_time:[1970-01-01 TO 1970-01-02)"},
    {false, "_time:{1970-01-01 TO 1970-01-02]"},
    {true, "_time:[* TO 1970-01-01]"},
    {false, "_time:[1969-01-01 TO 1970-01-01)"},
    {false, "_time:15m"},
    {true, "not _time:15m"},
    {true, "_time:<1970-01-02"},
    {false, "_time:<1970-01-01"},
    {true, "_time:<=1970-01-01"},
    {true, "_time:>=1970-01-01"},
    {false, "_time:>1970-01-01"},
    {true, "_time:>1969-12-31 and _time:<=1970-01-01T00:00:00Z"},
    {true, "event.original:login"},
    {true, "_line:\"GET /login\""},
    {true, "event.id:*"},
    {false, "event.id:nonsense"},
    {true, "\"\\\\\" or login"}, /* a phrase of one backslash, closed */
    {false, "\"\\\\\""},
    {false, "\"GET \\\\login\""},
    {true, "dogwatch.stream:ab000000000000000000000000000000"},
    {false, "dogwatch.stream:cd*"},
    {true, "dogwatch.start:0 and dogwatch.end:>10"},
    {false, "dogwatch.start:>0 or dogwatch.end:<10"},
    {true, "dogwatch.read_at:1970-01-01T00:00:00.000000000Z"},
};

static void filters_mean_what_the_grammar_says(void **state)
{
    (void)state;
    for (size_t i = 0; i < DW_COUNT_OF(filters); i++) {
        struct bed b;
        set_up(&b);
        if (compile(&b, dw_str_of(filters[i].text)) != DW_OK)
            fail_msg("refused: %s: %s", filters[i].text, b.diags.count ? b.diags.item[0].msg : "no message");
        if (dw_query_match(b.q, &b.ev) != filters[i].matches)
            fail_msg("%s: want %s", filters[i].text, filters[i].matches ? "a match" : "none");
        tear_down(&b);
    }
}

static void an_event_is_found_by_its_own_id(void **state)
{
    (void)state;
    struct bed b;
    char id[DW_EVENT_ID_TEXT], text[DW_EVENT_ID_TEXT + 16];
    set_up(&b);
    dw_event_id_text(&b.ev, id);
    (void)snprintf(text, sizeof text, "event.id:\"%s\"", id);
    assert_int_equal(compile(&b, dw_str_of(text)), DW_OK);
    assert_true(dw_query_match(b.q, &b.ev));
    tear_down(&b);
}

static void mistakes_have_a_place_and_a_sentence(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        uint32_t col;
        const char *msg;
    } rows[] = {
        {"login \"open", 7, "never closed"},
        {"(a or b", 1, "parenthesis is never closed"},
        {"a and (b or (c)", 7, "parenthesis is never closed"},
        {"a)", 2, "does not belong"},
        {"a and", 6, "missing after 'and'"},
        {"a or", 5, "term is missing"},
        {"a or | head 3", 6, "term is missing"},
        {"()", 2, "term is missing"},
        {"not", 4, "term is missing"},
        {"f:", 3, "value is missing"},
        {"f: | head 1", 4, "value is missing"},
        {"f:(a", 3, "parenthesis is never closed"},
        {"f:(a or )", 9, "value is missing"},
        {"x status:>abc", 11, "needs a number"},
        {"x status:>", 11, "needs a number"},
        {"f:/a(/", 6, "parenthesis"},
        {"* | sorted x", 5, "no such pipe"},
        {"* | stat count", 5, "no such pipe"},
        {"* | stats sum", 11, "needs a field"},
        {"* | stats count by a | sort b", 29, "no such field"},
        {"f:[1 TO", 8, "end is missing"},
        {"f:[1 TO 5", 3, "range is never closed"},
        {"f:[a TO 5]", 4, "needs a number"},
        {"f:[* TO *]", 3, "needs a bound"},
        {"_time:yesterday", 7, "no time"},
        {"* | stats count by", 19, "field is missing"},
        {"* | stats count by a,", 22, "field is missing"},
        {"* | head", 9, "number from 1"},
        {"* | head 0", 10, "number from 1"},
        {"* | head 3 4", 12, "does not belong"},
    };
    for (size_t i = 0; i < DW_COUNT_OF(rows); i++) {
        struct bed b;
        set_up(&b);
        int rc = compile(&b, dw_str_of(rows[i].text));
        const struct dw_diag *d = &b.diags.item[0];
        if (rc != DW_ESYNTAX || b.diags.count != 1)
            fail_msg("%s: code %d, %u messages", rows[i].text, rc, b.diags.count);
        if (d->at.col != rows[i].col || !strstr(d->msg, rows[i].msg))
            fail_msg("%s: column %u \"%s\", want %u \"%s\"", rows[i].text, d->at.col, d->msg, rows[i].col, rows[i].msg);
        tear_down(&b);
    }
}

static void a_zero_byte_does_not_end_a_query(void **state)
{
    (void)state;
    struct bed b;
    set_up(&b);
    assert_int_equal(compile(&b, DW_STR("login\0 and logout")), DW_ESYNTAX);
    assert_int_equal(b.diags.item[0].at.col, 6);
    assert_int_equal(compile(&b, DW_STR("\0")), DW_ESYNTAX);
    assert_int_equal(compile(&b, DW_STR("* | head 3 \0x")), DW_ESYNTAX);
    tear_down(&b);
}

static void deep_nesting_is_refused(void **state)
{
    (void)state;
    struct bed b;
    char text[4096];
    set_up(&b);
    memset(text, '(', sizeof text);
    assert_int_equal(compile(&b, dw_str_make(text, sizeof text)), DW_ESYNTAX);
    memset(text, '!', sizeof text); /* signs are a loop: no depth */
    memcpy(text + sizeof text - 5, "login", 5);
    assert_int_equal(compile(&b, dw_str_make(text, sizeof text)), DW_OK);
    assert_int_equal(dw_query_match(b.q, &b.ev), (sizeof text - 5) % 2 == 0);
    tear_down(&b);
}

static void put_row(void *arg, const struct dw_event *row, uint8_t mark)
{
    struct dw_buf *out = arg;
    char room[DW_QUERY_TEXT_MAX];
    assert_int_equal(mark, 0);
    for (uint32_t i = 0; i < row->field_count; i++)
        dw_buf_printf(out, "%s%.*s", i ? "," : "", DW_ARG(dw_query_field_text(&row->field[i], room)));
    dw_buf_byte(out, ';');
}

/* Compiles and starts. */
static void start(struct bed *b, struct dw_str text)
{
    assert_int_equal(compile(b, text), DW_OK);
    dw_buf_reset(&b->out);
    dw_query_start(b->q, &(struct dw_query_setup){
                             .sink = {put_row, &b->out}, .memory_bytes = DW_QUERY_MEMORY_BYTES, .fs = &dw_fs_system, .tmp_dir = "/tmp"});
}

static void count_statuses(struct bed *b, const char *statuses)
{
    for (; *statuses; statuses++) {
        char text[4] = {*statuses, '0', '0', 0};
        b->field[2].v.ptr = text;
        b->ev.field_count = *statuses == '-' ? 2 : 5; /* '-': no status */
        assert_true(dw_query_take(b->q, &b->ev, 0));
    }
}

static void assert_rows(struct bed *b, const char *want)
{
    dw_query_end(b->q);
    assert_null(dw_query_partial(b->q));
    assert_str(dw_buf_view(&b->out), want);
}

static void stats_count_by_values_greatest_first(void **state)
{
    (void)state;
    struct bed b;
    uint32_t n;
    set_up(&b);
    start(&b, DW_STR("* | stats count by http.response.status_code, event.duration"));
    assert_int_equal(dw_query_columns(b.q, &n)[1].key, DW_F_event_duration);
    assert_int_equal(n, 3);
    count_statuses(&b, "2342-42");
    assert_rows(&b, "200,-7,3;400,-7,2;,,1;300,-7,1;");
    start(&b, DW_STR("* | stats count by http.response.status_code | head 2"));
    count_statuses(&b, "2342-42");
    assert_rows(&b, "200,3;400,2;");
    start(&b, DW_STR("* | head 5 | stats count by http.response.status_code")); /* pipes work in their order */
    for (const char *one = "23424242"; *one; one++)
        count_statuses(&b, (char[]){*one, 0});
    assert_rows(&b, "200,2;400,2;300,1;");
    tear_down(&b);
}

static void stats_without_by_count_all_and_nothing_is_zero(void **state)
{
    (void)state;
    struct bed b;
    uint32_t n;
    set_up(&b);
    start(&b, DW_STR("login | stats count"));
    assert_rows(&b, "0;");
    start(&b, DW_STR("login | stats count"));
    count_statuses(&b, "234");
    assert_rows(&b, "3;");
    start(&b, DW_STR("login | stats count by url.path"));
    assert_rows(&b, "");
    start(&b, DW_STR("login | head 7"));
    assert_null(dw_query_columns(b.q, &n));
    assert_true(dw_query_bounded(b.q));
    tear_down(&b);
}

static void put_kind(void *arg, const struct dw_event *row, uint8_t mark)
{
    (void)mark;
    dw_buf_str(arg, row->field[0].kind == DW_K_NUMBER ? DW_STR("number;") : DW_STR("text;"));
}

static void a_group_is_a_number_where_all_its_rows_have_one(void **state)
{
    (void)state;
    struct bed b;
    set_up(&b);
    assert_int_equal(compile(&b, DW_STR("* | stats count by http.response.status_code")), DW_OK);
    dw_query_start(b.q, &(struct dw_query_setup){
                             .sink = {put_kind, &b.out}, .memory_bytes = DW_QUERY_MEMORY_BYTES, .fs = &dw_fs_system, .tmp_dir = "/tmp"});
    count_statuses(&b, "22-");
    dw_query_end(b.q);
    assert_str(dw_buf_view(&b.out), "number;text;");
    tear_down(&b);
}

static void many_groups_are_each_counted(void **state)
{
    (void)state;
    struct bed b;
    set_up(&b);
    start(&b, DW_STR("* | stats count by event.duration | head 1"));
    for (int64_t i = 0; i < 5000; i++) {
        b.field[3].v.i = i % 2500 == 77 ? 76 : i % 2500;
        assert_true(dw_query_take(b.q, &b.ev, 0));
    }
    assert_rows(&b, "76,4;");
    tear_down(&b);
}

static void memory_may_end_anywhere_in_compiling(void **state)
{
    (void)state;
    for (unsigned nth = 1;; nth++) {
        struct bed b;
        set_up(&b);
        mem_fail_at(nth);
        int rc = compile(&b, DW_STR("source.ip:10.0.0.0/8 and not (a or \"b\\\"\" or /c/) | stats count by url.path"));
        unsigned hits = mem_fail_hits();
        mem_fail_at(0);
        assert_true(hits ? rc == DW_ENOMEM || rc == DW_OK : rc == DW_OK);
        tear_down(&b);
        if (hits == 0)
            break;
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(filters_mean_what_the_grammar_says),
        cmocka_unit_test(an_event_is_found_by_its_own_id),
        cmocka_unit_test(mistakes_have_a_place_and_a_sentence),
        cmocka_unit_test(a_zero_byte_does_not_end_a_query),
        cmocka_unit_test(deep_nesting_is_refused),
        cmocka_unit_test(stats_count_by_values_greatest_first),
        cmocka_unit_test(stats_without_by_count_all_and_nothing_is_zero),
        cmocka_unit_test(a_group_is_a_number_where_all_its_rows_have_one),
        cmocka_unit_test(many_groups_are_each_counted),
        cmocka_unit_test(memory_may_end_anywhere_in_compiling),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
