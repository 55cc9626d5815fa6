/* Tests of core/conf/conf.c and conf_value.c: what a user may write, and what comes back when it is wrong. */
#include "support.h"

#include "dogwatch/conf/conf.h"

#include <stdio.h>

struct opts {
    bool flag;
    int64_t count, limit, wait;
    int mode;
    struct dw_str name, dir;
    struct dw_conf_list list;
    struct dw_conf_map map;
    struct dw_conf_secret token;
};
#define ROW(nm, ty, fld, def, lo, hi, unit)                                                                            \
    {                                                                                                                  \
        nm, DW_CONF_##ty, offsetof(struct opts, fld), def, lo, hi, unit, "doc", NULL                                         \
    }
static const struct dw_conf_row rows[] = {
    ROW("flag", BOOL, flag, "false", 0, 0, ""),
    ROW("count", INT, count, "3", 1, 10, ""),
    ROW("spool.limit", SIZE, limit, "1MiB", 1024, 1 << 30, "bytes"),
    ROW("spool.wait", DURATION, wait, "5s", 0, INT64_MAX, ""),
    ROW("mode", ENUM, mode, "b", 0, 0, "a|b|c"),
    ROW("name", STRING, name, "", 0, 0, ""),
    ROW("dir", PATH, dir, "/d", 0, 0, ""),
    ROW("list", LIST, list, "x, y", 0, 0, ""),
    ROW("map", MAP, map, "", 0, 0, ""),
    ROW("token", SECRET, token, "", 0, 0, ""),
    {"spool.max", DW_CONF_OLD, 0, "spool.limit", 0, 0, "", "since 0.2", NULL},
};
static const struct dw_conf_table table = {.name = "test", .row = rows, .count = DW_COUNT_OF(rows), .size = sizeof(struct opts)};

static struct dw_conf conf;
static struct opts opts;
static struct dw_buf said;

static void hear(void *ud, const struct dw_diags *d)
{
    (void)ud;
    dw_diags_print(d, &said);
}
static const struct dw_diag_sink sink = {hear, NULL};

static const char *fake_env(const char *name)
{
    return strcmp(name, "HOME") == 0 ? "/home/u" : NULL;
}

static int setup(void **state)
{
    (void)state;
    int rc = dw_conf_init(&conf, &table, &opts);
    conf.env = fake_env;
    return rc;
}

static int teardown(void **state)
{
    (void)state;
    dw_conf_fini(&conf);
    dw_buf_fini(&said);
    return 0;
}

static int load(const char *text)
{
    dw_buf_reset(&said);
    int rc = dw_conf_load_text(&conf, &dw_fs_system, "t.yml", dw_str_of(text), sink);
    dw_buf_byte(&said, 0);
    return rc;
}

static void conf_defaults_are_whole(void **state)
{
    (void)state;
    assert_int_equal(opts.count, 3);
    assert_int_equal(opts.limit, 1 << 20);
    assert_int_equal(opts.wait, INT64_C(5000000000));
    assert_int_equal(opts.mode, 1);
    assert_str(opts.dir, "/d");
    assert_int_equal(opts.list.count, 2);
    assert_str(opts.list.item[1], "y");
}

static void conf_reads_every_type(void **state)
{
    (void)state;
    assert_int_equal(load("flag: true\ncount: 7\nspool:\n  limit: 64MiB\n  wait: 250ms\nmode: c\nname: 'a b'\n"
                          "dir: ${HOME}/x\nlist: [p, \"${NONE:-q r}\"]\nmap:\n  /var/*.log: nginx\n"),
        DW_OK);
    assert_true(opts.flag);
    assert_int_equal(opts.count, 7);
    assert_int_equal(opts.limit, 64 << 20);
    assert_int_equal(opts.wait, 250000000);
    assert_int_equal(opts.mode, 2);
    assert_str(opts.dir, "/home/u/x");
    assert_str(opts.list.item[1], "q r");
    assert_str(opts.map.key[0], "/var/*.log");
    assert_str(opts.map.value[0], "nginx");
}

static void expect(const char *text, const char *place, const char *word)
{
    assert_int_equal(load(text), DW_ECONFIG);
    if (!strstr(said.ptr, place) || !strstr(said.ptr, word))
        fail_msg("for <%s> it says: %s", text, said.ptr);
}

static void conf_names_the_place_and_the_nearest_name(void **state)
{
    (void)state;
    expect("flag: true\nspool:\n  limt: 1MiB\n", "t.yml:3:3", "did you mean 'spool.limit'?");
    expect("cuont: 3\n", "t.yml:1:1", "did you mean 'count'?");
    expect("nothing_like_it: 3\n", "t.yml:1:1", "unknown option");
}

static void conf_refuses_wrong_units_and_ranges(void **state)
{
    (void)state;
    expect("spool.wait: 5\n", "t.yml:1:13", "unit");
    expect("spool.wait: 5 apples\n", "t.yml:1:13", "unit");
    expect("spool.limit: 10XB\n", "t.yml:1:14", "size");
    expect("count: 11\n", "t.yml:1:8", "from 1 to 10");
    expect("count: 99999999999999999999\n", "t.yml:1:8", "whole number");
    expect("mode: d\n", "t.yml:1:7", "one of a|b|c");
    expect("flag: maybe\n", "t.yml:1:7", "true or false");
    expect("list: {a: b}\n", "t.yml:1:7", "list");
    expect("map: [a]\n", "t.yml:1:6", "mapping");
    expect("name: [a]\n", "t.yml:1:7", "one value");
    expect("spool: 5\n", "t.yml:1:8", "section");
    expect("name: ${NOPE}\n", "t.yml:1:7", "not set");
    expect("name: '${NOPE'\n", "t.yml:1:7", "closing brace");
    expect("token: hunter2\n", "t.yml:1:8", "secret");
    assert_int_equal(opts.count, 3); /* unchanged */
}

static void conf_refuses_one_option_written_both_ways(void **state)
{
    (void)state;
    expect("spool.limit: 1MiB\nspool:\n  limit: 2MiB\n", "t.yml:3:3", "set already at t.yml:1");
}

static void conf_takes_a_renamed_option_with_a_warning(void **state)
{
    (void)state;
    assert_int_equal(load("spool.max: 2MiB\n"), DW_OK);
    assert_int_equal(opts.limit, 2 << 20);
    assert_non_null(strstr(said.ptr, "warning"));
    assert_non_null(strstr(said.ptr, "spool.limit"));
}

static void conf_set_wins_over_files(void **state)
{
    (void)state;
    assert_int_equal(dw_conf_set(&conf, &dw_fs_system, DW_STR("name=a: b=c"), sink), DW_OK);
    assert_int_equal(dw_conf_set(&conf, &dw_fs_system, DW_STR("list=[m, n, o]"), sink), DW_OK);
    assert_int_equal(load("name: file\n"), DW_OK);
    assert_str(opts.name, "a: b=c");
    assert_int_equal(opts.list.count, 3);
    assert_int_equal(dw_conf_set(&conf, &dw_fs_system, DW_STR("cuont=3"), sink), DW_ECONFIG);
    assert_int_equal(dw_conf_set(&conf, &dw_fs_system, DW_STR("count"), sink), DW_ECONFIG);
}

static void conf_includes_files_and_keeps_secrets(void **state)
{
    (void)state;
    char path[700], text[900];
    const char *dir = temp_dir();
    (void)snprintf(path, sizeof path, "%s/conf.d", dir);
    assert_int_equal(dw_fs_mkdirs(&dw_fs_system, path, 0700), DW_OK);
    (void)snprintf(path, sizeof path, "%s/conf.d/b.yml", dir);
    assert_int_equal(dw_fs_write_file(&dw_fs_system, path, 0600, DW_STR("count: 9\n")), DW_OK);
    (void)snprintf(path, sizeof path, "%s/secret", dir);
    assert_int_equal(dw_fs_write_file(&dw_fs_system, path, 0600, DW_STR("hunter2\n")), DW_OK);
    (void)snprintf(text, sizeof text, "include: conf.d/*.yml\ntoken: {file: %s}\n", path);
    (void)snprintf(path, sizeof path, "%s/main.yml", dir);
    assert_int_equal(dw_fs_write_file(&dw_fs_system, path, 0600, dw_str_of(text)), DW_OK);
    assert_int_equal(dw_conf_load_file(&conf, &dw_fs_system, path, sink), DW_OK);
    assert_int_equal(opts.count, 9);
    assert_str(opts.token.bytes, "hunter2");
    struct dw_buf out = {0};
    dw_conf_show(&conf, &out);
    dw_buf_byte(&out, 0);
    assert_null(strstr(out.ptr, "hunter2"));
    assert_non_null(strstr(out.ptr, "conf.d/b.yml:1"));
    assert_non_null(strstr(out.ptr, "# default"));
    dw_buf_fini(&out);
    (void)snprintf(text, sizeof text, "include: main.yml\n");
    assert_int_equal(dw_fs_write_file(&dw_fs_system, path, 0600, dw_str_of(text)), DW_OK);
    assert_int_equal(dw_conf_load_file(&conf, &dw_fs_system, path, sink), DW_ECONFIG); /* itself */
    temp_dir_remove(dir);
}

static int refuse_some(const char *option, struct dw_str key, struct dw_str value, struct dw_buf *why)
{
    if (strcmp(option, "map") != 0)
        return DW_OK;
    dw_buf_printf(why, "says the vocabulary");
    return dw_str_eq(key, DW_STR("wrong")) ? DW_EUNKNOWN : dw_str_eq(value, DW_STR("bad")) ? DW_ECONFIG : DW_OK;
}

static void conf_points_at_the_key_or_value_that_is_refused(void **state)
{
    (void)state;
    conf.check = refuse_some;
    expect("map:\n  right: good\n  wrong: good\n  other: bad\n", "t.yml:3:3:", "'map: wrong': says the vocabulary");
    expect("map:\n  right: good\n  wrong: good\n  other: bad\n", "t.yml:4:10:", "'map: bad': says the vocabulary");
    expect("map: {right: good,\n  wrong: good}\n", "|   ^^^^^", "");
    assert_int_equal(load("map: {right: good}\n"), DW_OK);
}

static void conf_units_read_back_what_they_write(void **state)
{
    (void)state;
    const int64_t values[] = {
        0, 1, 999, 1000, 1024, 1536, 1 << 20, 1000000, INT64_C(3) << 40, INT64_MAX, 86400000000000};
    for (size_t i = 0; i < DW_COUNT_OF(values); i++) {
        struct dw_buf b = {0};
        int64_t got = -1;
        dw_conf_put_size(&b, values[i]);
        assert_true(dw_conf_size(dw_buf_view(&b), &got) && got == values[i]);
        dw_buf_reset(&b);
        dw_conf_put_duration(&b, values[i]);
        assert_true(dw_conf_duration(dw_buf_view(&b), &got) && got == values[i]);
        dw_buf_fini(&b);
    }
    int64_t v = 0;
    assert_false(dw_conf_size(DW_STR("99999999TiB"), &v));
    assert_false(dw_conf_size(DW_STR("MiB"), &v));
    assert_false(dw_conf_duration(DW_STR("-5s"), &v));
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(conf_defaults_are_whole),
        T(conf_reads_every_type),
        T(conf_names_the_place_and_the_nearest_name),
        T(conf_refuses_wrong_units_and_ranges),
        T(conf_refuses_one_option_written_both_ways),
        T(conf_takes_a_renamed_option_with_a_warning),
        T(conf_set_wins_over_files),
        T(conf_includes_files_and_keeps_secrets),
        T(conf_points_at_the_key_or_value_that_is_refused),
        T(conf_units_read_back_what_they_write),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
