/* Tests of agent/input_store.h: whatever call fails, what was taken is in the files, whole and once; and files go when they are acknowledged. */
#include "agent_bed.h"

#include "../../../agent/input_store.h"

#include "dogwatch/base/counter.h"

enum { LINES = 40, LINE_BYTES = 4096, LIMIT = 16 * 1024 * 1024 };

static const char *inputs_dir(const char *agent_dir)
{
    static char path[800];
    (void)snprintf(path, sizeof path, "%s/inputs", agent_dir);
    return path;
}

/* All bytes of the folder's files. */
static void gather(const char *dir, struct dw_buf *out)
{
    struct dw_buf names = {0};
    assert_int_equal(dw_fs_list(dir, 1000, &names), DW_OK);
    for (const char *n = names.ptr; n && n < names.ptr + names.len; n += strlen(n) + 1) {
        char path[900];
        assert_int_equal(dw_path_join(path, sizeof path, dir, n), DW_OK);
        assert_int_equal(dw_fs_read_file(&dw_fs_system, path, LIMIT, out), DW_OK);
        if (out->len && out->ptr[out->len - 1] != '\n')
            dw_buf_byte(out, '\n'); /* torn: a line of its own to who reads it */
    }
    dw_buf_fini(&names);
}

static void make_line(char line[LINE_BYTES + 1], int n)
{
    (void)snprintf(line, LINE_BYTES + 1, "2026-11-29T20:00:00Z stdout F line %03d ", n);
    size_t len = strlen(line);
    memset(line + len, 'x', LINE_BYTES - len);
    line[LINE_BYTES - 1] = '\n';
    line[LINE_BYTES] = '\0';
}

/* How often a line is in the folder as it was written. */
static int times(const struct dw_buf *all, const char *line)
{
    struct dw_str rest = dw_buf_view(all), want = dw_str_make(line, LINE_BYTES - 1);
    int n = 0;
    while (rest.len)
        n += dw_str_eq(dw_str_cut(&rest, '\n'), want);
    return n;
}

/* Writes the lines, opening the store anew in the middle as after a kill; says which were taken. */
static void write_lines(const struct dw_fs *fs, const char *dir, bool taken[LINES])
{
    struct store *s = NULL;
    struct store_log *l = NULL;
    char line[LINE_BYTES + 1];
    for (int n = 0; n < LINES; n++) {
        if (n % (LINES / 2) == 0) {
            store_free(s);
            s = NULL;
            l = NULL;
            if (store_open(fs, dir, LIMIT, &s) < 0 || store_begin(s, "udp-514", 64, &l) < 0)
                l = NULL;
        }
        make_line(line, n);
        taken[n] = l && store_put(l, dw_str_of(line)) == DW_OK;
    }
    store_free(s);
}

static void what_is_taken_is_whole_and_once_whichever_call_fails(void **state)
{
    (void)state;
    static const enum fault_model models[] = {FAULT_EIO, FAULT_TORN, FAULT_ENOSPC};
    for (size_t m = 0; m < DW_COUNT_OF(models) * 2; m++) {
        for (int nth = 1;; nth++) {
            char dir[512], line[LINE_BYTES + 1];
            bool taken[LINES];
            struct faulty_fs f;
            struct dw_buf all = {0};
            assert_true(nth < 1000);
            (void)snprintf(dir, sizeof dir, "%s", temp_dir());
            faulty_fs_init(&f, nth, models[m / 2]);
            f.sticky = m % 2;
            write_lines(&f.fs, dir, taken);
            struct dw_stat st;
            if (dw_fs_stat(inputs_dir(dir), &st) == DW_OK)
                gather(inputs_dir(dir), &all);
            for (int n = 0; n < LINES; n++) {
                make_line(line, n);
                if (taken[n] ? times(&all, line) != 1 : times(&all, line) > 1)
                    fail_msg("model %zu, call %d: line %d is there %d times", m, nth, n, times(&all, line));
            }
            dw_buf_fini(&all);
            temp_dir_remove(dir);
            if (f.hits == 0)
                break;
        }
    }
}

static void put_file(const char *dir, const char *name, const char *text)
{
    char path[900];
    int fd;
    assert_int_equal(dw_fs_mkdirs(&dw_fs_system, inputs_dir(dir), 0750), DW_OK);
    assert_int_equal(dw_path_join(path, sizeof path, inputs_dir(dir), name), DW_OK);
    assert_int_equal(dw_fs_open(&dw_fs_system, path, O_WRONLY | O_CREAT | O_TRUNC, 0640, &fd), DW_OK);
    assert_int_equal(dw_fs_write(&dw_fs_system, fd, text, strlen(text)), DW_OK);
    dw_fs_close(fd);
}

/* Its last whole line is found in the newest file that has one, and what is torn behind it is gone afterwards, or as it was; whichever call fails. */
static void what_was_written_last_is_found_and_what_is_torn_is_taken_back(void **state)
{
    (void)state;
    for (int nth = 1;; nth++) {
        char dir[512];
        struct faulty_fs f;
        struct store *s = NULL;
        struct dw_buf lines = {0}, all = {0};
        (void)snprintf(dir, sizeof dir, "%s", temp_dir());
        put_file(dir, "journald.log.00000002", "one\ntwo\nthr");
        put_file(dir, "journald.log.00000003", "torn");
        put_file(dir, "journald-x.log.00000009", "another's\n");
        put_file(dir, "journald.log", "");
        faulty_fs_init(&f, nth, FAULT_EIO);
        int rc = store_open(&f.fs, dir, LIMIT, &s);
        if (rc == DW_OK)
            rc = store_resume(s, "journald", &lines);
        if (rc == DW_OK)
            assert_str(dw_buf_view(&lines), "one\ntwo\n");
        else
            assert_int_equal(lines.len, 0);
        gather(inputs_dir(dir), &all);
        assert_true(dw_str_find(dw_buf_view(&all), DW_STR("one\ntwo\n")) < all.len);
        if (rc == DW_OK)
            assert_true(dw_str_find(dw_buf_view(&all), DW_STR("t\nthr")) == all.len && dw_str_find(dw_buf_view(&all), DW_STR("torn")) == all.len);
        store_free(s);
        dw_buf_fini(&lines);
        dw_buf_fini(&all);
        temp_dir_remove(dir);
        assert_true(nth < 100);
        if (f.hits == 0) {
            assert_int_equal(rc, DW_OK);
            break;
        }
    }
}

/* An input that goes on where its files end keeps the newest one with a line, acknowledged or not, until there is a newer one. */
static void the_place_of_an_input_outlives_its_acknowledgement(void **state)
{
    (void)state;
    struct bed b;
    char dir[700], line[LINE_BYTES + 1];
    struct store *s;
    struct store_log *l;
    struct dw_buf names = {0}, lines = {0};
    set_up(&b);
    (void)snprintf(dir, sizeof dir, "%s/agent", b.data);
    make_line(line, 0);
    put_file(dir, "journald.log.00000004", line);
    put_file(dir, "journald.log.00000005", line);
    assert_int_equal(store_open(&dw_fs_system, dir, LIMIT, &s), DW_OK);
    assert_int_equal(store_begin(s, "journald", 1, &l), DW_OK);
    start(&b);
    for (int i = 0; i < 10000 && names.len != sizeof "journald.log" + sizeof "journald.log.00000005"; i++) {
        settle(&b);
        wait_for_writer(&b);
        store_sweep(s, b.agent);
        dw_buf_reset(&names);
        assert_int_equal(dw_fs_list(inputs_dir(dir), 100, &names), DW_OK);
    }
    assert_string_equal(names.ptr + sizeof "journald.log", "journald.log.00000005");
    assert_int_equal(store_put(l, dw_str_of(line)), DW_OK);
    for (int i = 0; i < 10000 && names.len != sizeof "journald.log"; i++) {
        settle(&b);
        wait_for_writer(&b);
        store_sweep(s, b.agent);
        dw_buf_reset(&names);
        assert_int_equal(dw_fs_list(inputs_dir(dir), 100, &names), DW_OK);
    }
    assert_string_equal(names.ptr, "journald.log");
    assert_int_equal(names.len, sizeof "journald.log");
    stop(&b);
    store_free(s);
    assert_int_equal(store_open(&dw_fs_system, dir, LIMIT, &s), DW_OK);
    assert_int_equal(store_resume(s, "journald", &lines), DW_OK);
    assert_str(dw_buf_view(&lines), line);
    store_free(s);
    dw_buf_fini(&names);
    dw_buf_fini(&lines);
    tear_down(&b);
}

static void what_is_acknowledged_is_deleted_and_nothing_else(void **state)
{
    (void)state;
    struct bed b;
    char dir[700], line[LINE_BYTES + 1];
    struct store *s;
    struct store_log *l;
    struct dw_buf names = {0}, want = {0};
    set_up(&b);
    (void)snprintf(dir, sizeof dir, "%s/agent", b.data);
    assert_int_equal(store_open(&dw_fs_system, dir, LIMIT, &s), DW_OK);
    assert_int_equal(store_begin(s, "udp-514", 64, &l), DW_OK);
    for (int n = 0; n < LINES; n++) {
        make_line(line, n);
        assert_int_equal(store_put(l, dw_str_of(line)), DW_OK);
        struct dw_str text = dw_str_of(line);
        dw_buf_str(&want, dw_str_slice(text, dw_str_find(text, DW_STR("line")), text.len));
    }
    dw_buf_byte(&want, 0);
    start(&b);
    store_sweep(s, b.agent); /* before a look nothing is known, and nothing goes */
    assert_int_equal(dw_fs_list(inputs_dir(dir), 100, &names), DW_OK);
    assert_true(names.len > 2 * strlen("udp-514.log"));
    for (int i = 0; i < 10000 && store_has_room(s); i++) {
        settle(&b);
        wait_for_writer(&b);
        store_sweep(s, b.agent);
        dw_buf_reset(&names);
        assert_int_equal(dw_fs_list(inputs_dir(dir), 100, &names), DW_OK);
        if (names.len == sizeof "udp-514.log")
            break;
    }
    assert_string_equal(names.ptr, "udp-514.log");
    assert_int_equal(names.len, sizeof "udp-514.log");
    stop(&b);
    assert_got(&b, want.ptr, 3);
    assert_int_equal(records_with(&b, "lost"), 0);
    store_free(s);
    dw_buf_fini(&names);
    dw_buf_fini(&want);
    tear_down(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_taken_is_whole_and_once_whichever_call_fails),
        cmocka_unit_test(what_was_written_last_is_found_and_what_is_torn_is_taken_back),
        cmocka_unit_test(the_place_of_an_input_outlives_its_acknowledgement),
        cmocka_unit_test(what_is_acknowledged_is_deleted_and_nothing_else),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
