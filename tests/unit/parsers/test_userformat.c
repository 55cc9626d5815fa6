/* Tests of parsers/format/userformat: formats as servers' configurations have them. */
#include "parse.h"

#include "dogwatch/parsers/userformat.h"

struct user_case {
    const char *parser, *format, *line;
    const char *want[8]; /* "field=value"; none: the line is refused */
};

static void check_case(const struct user_case *c)
{
    static struct dw_diags diags;
    static struct dw_field field[DW_EVENT_FIELDS_MAX];
    struct dw_user_format *f;
    struct dw_arena pool;
    struct dw_keys *keys = dw_keys_new();
    const struct dw_parser *p = dw_parser_find(dw_str_of(c->parser));
    dw_diags_init(&diags, DW_STR("test"), dw_str_of(c->format));
    assert_int_equal(dw_user_format_compile(p, dw_str_of(c->format), &diags, &f), DW_OK);
    dw_arena_init(&pool, 0);
    struct dw_draft d = {.keys = keys, .pool = &pool, .field = field};
    const struct dw_parse_ctx ctx = {.user = f};
    int err = dw_parser_run(p, &ctx, dw_str_of(c->line), &d);
    assert_int_equal(err, c->want[0] ? DW_OK : DW_ESYNTAX);
    for (size_t i = 0; i < DW_COUNT_OF(c->want) && c->want[i]; i++) {
        struct dw_str value = dw_str_of(c->want[i]), name = dw_str_cut(&value, '=');
        uint32_t key;
        bool found = false;
        for (uint32_t k = 0; dw_keys_find(keys, name, &key) == DW_OK && k < d.field_count; k++)
            found |=
                d.field[k].key == key && dw_field_is_text(&d.field[k]) && dw_str_eq(dw_field_str(&d.field[k]), value);
        if (!found)
            fail_msg("%s: no %s", c->line, c->want[i]);
    }
    dw_arena_fini(&pool);
    dw_user_format_free(f);
    dw_keys_free(keys);
}

static void lines_are_split_as_the_format_says(void **state)
{
    (void)state;
    static const struct user_case rows[] = {
        {"nginx", "$host ${remote_addr}|$status|\"$request\" \"$http_user_agent\" rt=$upstream_response_time",
            "a.example 192.0.2.9|204|\"PUT /x?y HTTP/1.1\" \"a \\\"b\\\" c\" rt=0.5",
            {"url.domain=a.example", "source.ip=192.0.2.9", "http.response.status_code=204", "url.query=y",
                "user_agent.original=a \\\"b\\\" c", "nginx.access.upstream_response_time=0.5"}},
        {"apache", "%v %{c}a %u %t \\\"%r\\\" %>s %O \\\"%{referer}i\\\" %% %{ms}T",
            "w 192.0.2.9 kim [23/Nov/2026:21:14:18 +0000] \"GET / HTTP/1.1\" 200 12 \"http://r/\" % 7",
            {"url.domain=w", "source.ip=192.0.2.9", "user.name=kim", "url.path=/", "http.response.bytes=12",
                "http.request.referrer=http://r/"}},
        {"haproxy", "%ci:%cp [%tr] %ft %b/%s %{+Q}r %ST",
            "2001:db8::9:5001 [23/Nov/2026:21:14:18.250] f b/s \"GET /p HTTP/1.1\" 503",
            {"source.ip=2001:db8::9", "source.port=5001", "url.path=/p", "event.outcome=failure", "haproxy.b=b"}},
        {"nginx", "$remote_addr [$time_local]", "192.0.2.9 - [x]", {NULL}},
        {"nginx", "$remote_addr end", "192.0.2.9 end and more", {NULL}},
        {"nginx", "$remote_addr end", "", {NULL}},
    };
    for (size_t i = 0; i < DW_COUNT_OF(rows); i++)
        check_case(&rows[i]);
}

static void mistakes_have_a_place(void **state)
{
    (void)state;
    static const struct {
        const char *format;
        uint32_t col;
    } rows[] = {{"$a$b", 3}, {"x $ y", 3}, {"${open", 1}, {"", 1}};
    static struct dw_diags diags;
    struct dw_user_format *f;
    for (size_t i = 0; i < DW_COUNT_OF(rows); i++) {
        dw_diags_init(&diags, DW_STR("test"), dw_str_of(rows[i].format));
        assert_int_equal(
            dw_user_format_compile(dw_parser_find(DW_STR("nginx")), dw_str_of(rows[i].format), &diags, &f), DW_ECONFIG);
        assert_null(f);
        assert_int_equal(diags.item[0].at.col, rows[i].col);
    }
    assert_int_equal(dw_user_format_compile(dw_parser_find(DW_STR("redis")), DW_STR("x"), &diags, &f), DW_EUNKNOWN);
}

static void no_memory_is_an_answer(void **state)
{
    (void)state;
    static struct dw_diags diags;
    for (unsigned n = 1; n < 10; n++) {
        struct dw_user_format *f;
        mem_fail_at(n);
        int err = dw_user_format_compile(dw_parser_find(DW_STR("nginx")), DW_STR("$host"), &diags, &f);
        unsigned hits = mem_fail_hits();
        mem_fail_at(0);
        assert_int_equal(err, hits ? DW_ENOMEM : DW_OK);
        dw_user_format_free(f);
        if (!hits)
            return;
    }
    fail();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines_are_split_as_the_format_says),
        cmocka_unit_test(mistakes_have_a_place),
        cmocka_unit_test(no_memory_is_an_answer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
