/* Tests of parsers/join/multiline.c: one trace of each runtime, and what must not be joined. */
#include "support.h"

#include "dogwatch/parsers/multiline.h"

/* Splits `text` into lines and writes "|" where a new event begins. */
static void expect(enum dw_multiline kind, const char *pattern, const char *text, const char *starts)
{
    struct dw_line_start *start = NULL;
    struct dw_multiline_state st = {0};
    struct dw_str rest = dw_str_of(text);
    struct dw_buf got = {0};
    if (pattern)
        assert_int_equal(dw_line_start_new(dw_str_of(pattern), &start, NULL), DW_OK);
    bool first = true;
    while (rest.ptr) {
        struct dw_str line = dw_str_cut(&rest, '\n');
        bool more = !first && dw_multiline_continues(kind, start, &st, line);
        if (!more)
            dw_multiline_open(kind, &st, line);
        dw_buf_byte(&got, more ? '.' : '|');
        first = false;
    }
    if (!dw_str_eq(dw_buf_view(&got), dw_str_of(starts)))
        fail_msg("%s: got %.*s, want %s", dw_multiline_name(kind), DW_ARG(dw_buf_view(&got)), starts);
    dw_buf_fini(&got);
    dw_line_start_free(start);
}

#define BOTH(kind, text, starts) \
    expect(kind, NULL, text, starts); \
    expect(DW_MULTILINE_TRACE, NULL, text, starts)

static void java_with_causes(void **state)
{
    (void)state;
    BOTH(DW_MULTILINE_JAVA,
        "2026-11-23 ERROR c.e.Web - failed\njava.lang.IllegalStateException: no\n\tat a.B.c(B.java:3)\n"
        "\tSuppressed: java.io.IOException: x\n\t\tat q\nCaused by: java.sql.SQLException\n\t... 22 more\n2026-11-23 INFO next",
        "||.....|");
}

static void python_with_a_chained_exception(void **state)
{
    (void)state;
    BOTH(DW_MULTILINE_PYTHON,
        "ERROR:root:boom\nTraceback (most recent call last):\n  File \"a.py\", line 1, in f\n    g()\nKeyError: 'x'\n\n"
        "During handling of the above exception, another exception occurred:\n\nTraceback (most recent call last):\n"
        "  File \"a.py\", line 3\napp.errors.Bad: gone\nINFO next\nINFO: next",
        "||.........||");
}

static void python_message_after_a_trace_is_its_own(void **state)
{
    (void)state;
    BOTH(DW_MULTILINE_PYTHON, "Traceback (most recent call last):\n  File \"a\"\nValueError: 1\nhello world, no", "|..|");
    BOTH(DW_MULTILINE_PYTHON, "Traceback (most recent call last):\n  File \"a\"\nValueError\nTraceback (most recent call last):\n  x\nE: 1", "|..|..");
}

static void go_panic_with_goroutines(void **state)
{
    (void)state;
    BOTH(DW_MULTILINE_GO,
        "panic: runtime error: index out of range [5] with length 3\n[signal SIGSEGV: segmentation violation]\n\n"
        "goroutine 1 [running]:\nmain.main()\n\t/app/main.go:9 +0x1d\nnet/http.(*conn).serve(0xc000, {0x1, 0x2})\n\t/usr/x.go:1\n"
        "created by main.start in goroutine 7\n\t/app/main.go:4\nexit status 2\none more line, no trace",
        "|..........|");
}

static void ruby_php_dotnet(void **state)
{
    (void)state;
    BOTH(DW_MULTILINE_RUBY, "/app/a.rb:6:in `/': divided by 0 (ZeroDivisionError)\n\tfrom /app/a.rb:6:in `b'\nhello", "|.|");
    BOTH(DW_MULTILINE_PHP,
        "PHP Fatal error:  Uncaught Exception: no in /a.php:3\nStack trace:\n#0 /a.php(7): f()\n#1 {main}\n  thrown in /a.php on line 3\nnext",
        "|....|");
    BOTH(DW_MULTILINE_DOTNET,
        "Unhandled exception. System.Exception: x\n ---> System.IO.IOException: y\n   at A.B() in /a.cs:line 3\n"
        "   --- End of inner exception stack trace ---\n   at A.Main()\nnext",
        "|....|");
}

static void node_uncaught_error(void **state)
{
    (void)state;
    BOTH(DW_MULTILINE_NODE,
        "/app/server.js:10\nthrow new Error('no')\n^\n\nError: no\n    at f (/app/server.js:10:7)\n    at node:internal/main {\n"
        "  code: 'E'\n}\n\nNode.js v20.9.0\nlistening on 8080",
        "|..........|");
    BOTH(DW_MULTILINE_NODE, "TypeError: x is not a function\n    at f (/app/a.js:1:2)\nnext", "|.|");
}

static void rust_panic(void **state)
{
    (void)state;
    BOTH(DW_MULTILINE_RUST,
        "thread 'main' panicked at src/main.rs:2:5:\nindex out of bounds\nstack backtrace:\n   0: rust_begin_unwind\n"
        "             at /rustc/x\nnote: Some details are omitted\nnext",
        "|.....|");
    BOTH(DW_MULTILINE_RUST, "thread 'main' panicked at 'old', src/main.rs:2:5\nnote: run with `RUST_BACKTRACE=1` environment variable\nnext", "|.|");
}

static void other_kinds(void **state)
{
    (void)state;
    expect(DW_MULTILINE_NONE, NULL, "a\n b\nc", "|||");
    expect(DW_MULTILINE_INDENT, NULL, "a\n b\n\tc\nd\n\ne", "|..|||");
    expect(DW_MULTILINE_BACKSLASH, NULL, "a \\\nb\\\nc\nd", "|..|");
    expect(DW_MULTILINE_START, "^\\[[A-Z]+\\]", "[DEBUG] 1\ncont\n[INFO] 2\nx\ny", "|.|..");
    expect(DW_MULTILINE_DATE, NULL,
        "[2018-05-17T08:19:36,089][INFO ] x\nselect 1\nfrom x\n2019/10/30 23:26:34 [error]\nPHP\nNov  3 21:14:18 h\n  y\n"
        "261123 21:14:18 z\n{\"a\":1}\n10.0.0.1 no date\nMon Nov 23\n1763932458.12 e\n23/Nov/2026:21:14:18 x",
        "|..|.|.||.|||");
    expect(DW_MULTILINE_MYSQL_SLOW, NULL,
        "# Time: 1\n# User@Host: a\n# Query_time: 1\nselect 1;\n# User@Host: b\nselect\n2;\n# Time: 2\n# User@Host: c\nselect 3;",
        "|...|..|..");
}

static void a_bad_start_pattern_says_where(void **state)
{
    (void)state;
    struct dw_line_start *s = NULL;
    size_t at = 0;
    assert_int_equal(dw_line_start_new(DW_STR("^a(b"), &s, &at), DW_ESYNTAX);
    assert_int_equal(at, 4);
    enum dw_multiline kind = DW_MULTILINE_NONE;
    assert_true(dw_multiline_find(DW_STR("go"), &kind));
    assert_int_equal(kind, DW_MULTILINE_GO);
    assert_false(dw_multiline_find(DW_STR("cobol"), &kind));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(java_with_causes),
        cmocka_unit_test(python_with_a_chained_exception),
        cmocka_unit_test(python_message_after_a_trace_is_its_own),
        cmocka_unit_test(go_panic_with_goroutines),
        cmocka_unit_test(ruby_php_dotnet),
        cmocka_unit_test(node_uncaught_error),
        cmocka_unit_test(rust_panic),
        cmocka_unit_test(other_kinds),
        cmocka_unit_test(a_bad_start_pattern_says_where),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
