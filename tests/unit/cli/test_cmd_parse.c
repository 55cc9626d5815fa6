/* Tests of cli/cmd_parse: lines in on stdin, one event a line out on stdout. */
#include "support.h"

#include "../../../cli/cmd.h"

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

/* Runs the command with `input` on stdin; its stdout goes to `out`. Answers the exit code. */
static int run(char **argv, int argc, const char *input, size_t len, struct dw_buf *out)
{
    char in_path[512], out_path[512];
    const char *dir = temp_dir();
    int in, to, keep_in = dup(0), keep_out = dup(1);
    assert_int_equal(dw_path_join(in_path, sizeof in_path, dir, "in"), DW_OK);
    assert_int_equal(dw_path_join(out_path, sizeof out_path, dir, "out"), DW_OK);
    assert_int_equal(dw_fs_write_file(&dw_fs_system, in_path, 0600, dw_str_make(input, len)), DW_OK);
    assert_int_equal(dw_fs_open(&dw_fs_system, in_path, O_RDONLY, 0, &in), DW_OK);
    assert_int_equal(dw_fs_open(&dw_fs_system, out_path, O_WRONLY | O_CREAT, 0600, &to), DW_OK);
    (void)fflush(stdout);
    (void)dup2(in, 0);
    (void)dup2(to, 1);
    int code = cmd_parse(argc, argv);
    (void)fflush(stdout);
    (void)dup2(keep_in, 0);
    (void)dup2(keep_out, 1);
    dw_fs_close(in);
    dw_fs_close(to);
    dw_fs_close(keep_in);
    dw_fs_close(keep_out);
    assert_int_equal(dw_fs_read_file(&dw_fs_system, out_path, 1 << 20, out), DW_OK);
    temp_dir_remove(dir);
    return code;
}

static unsigned lines_in(const struct dw_buf *b)
{
    unsigned n = 0;
    for (size_t i = 0; i < b->len; i++)
        n += b->ptr[i] == '\n';
    return n;
}

static bool holds(const struct dw_buf *b, const char *text)
{
    return dw_str_find(dw_buf_view(b), dw_str_of(text)) < b->len;
}

static void every_line_gives_one_event(void **state)
{
    (void)state;
    char *argv[] = {"parse", "--format", "system/auth", "--zone", "-02:00", "--now", "2026-11-23T00:00:00Z"};
    static const char in[] =
        "Nov 22 10:00:00 h sshd[1]: Accepted password for a from 192.0.2.9 port 1 ssh2\n\xff junk\nno end";
    struct dw_buf out = {0};
    assert_int_equal(run(argv, 7, in, sizeof in - 1, &out), 0);
    assert_int_equal(lines_in(&out), 3);
    assert_true(holds(&out, "{\"@timestamp\":\"2026-11-22T12:00:00.000000000Z\""));
    assert_true(holds(&out, "\"unparsed\""));
    dw_buf_fini(&out);
}

static void nul_ends_keep_newlines(void **state)
{
    (void)state;
    char *argv[] = {"parse", "--format", "auto", "--null"};
    static const char in[] = "{\"msg\":\"a\"}\0[2026-11-23 21:14:18,250] ERROR x (a.B)\njava.lang.E\0";
    struct dw_buf out = {0};
    assert_int_equal(run(argv, 4, in, sizeof in - 1, &out), 0);
    assert_int_equal(lines_in(&out), 2);
    assert_true(holds(&out, "\"generic.json\"") && holds(&out, "\"kafka.log\"") && holds(&out, "\\njava.lang.E"));
    dw_buf_fini(&out);
}

static void mistakes_are_usage(void **state)
{
    (void)state;
    char *unknown[] = {"parse", "--format", "nope"}, *zone[] = {"parse", "--format", "json", "--zone", "No/Where"};
    char *none[] = {"parse"}, *text[] = {"parse", "--format", "nginx", "--log-format", "$a$b"};
    struct dw_buf out = {0};
    assert_int_equal(run(unknown, 3, "", 0, &out), 2);
    assert_int_equal(run(zone, 5, "", 0, &out), 2);
    assert_int_equal(run(none, 1, "", 0, &out), 2);
    assert_int_equal(run(text, 5, "", 0, &out), 2);
    assert_int_equal(out.len, 0);
    dw_buf_fini(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_line_gives_one_event),
        cmocka_unit_test(nul_ends_keep_newlines),
        cmocka_unit_test(mistakes_are_usage),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
