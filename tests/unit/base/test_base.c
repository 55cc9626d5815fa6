/* Tests of core/base: views, buffers, arenas, diagnostics, files, allocation. */
#include "support.h"

#include "dogwatch/base/arena.h"
#include "dogwatch/base/diag.h"

#include <errno.h>
#include <sqlite3.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

static void str_numbers_refuse_overflow_and_junk(void **state)
{
    (void)state;
    uint64_t u = 7;
    int64_t i = 7;
    assert_true(dw_str_u64(DW_STR("18446744073709551615"), &u) && u == UINT64_MAX);
    assert_false(dw_str_u64(DW_STR("18446744073709551616"), &u));
    assert_false(dw_str_u64(DW_STR(""), &u));
    assert_false(dw_str_u64(DW_STR("1x"), &u));
    assert_true(dw_str_i64(DW_STR("-9223372036854775808"), &i) && i == INT64_MIN);
    assert_false(dw_str_i64(DW_STR("9223372036854775808"), &i));
    assert_false(dw_str_i64(DW_STR("-"), &i));
}

static void str_find_and_cut(void **state)
{
    (void)state;
    assert_int_equal(dw_str_find(DW_STR("aabaabb"), DW_STR("abb")), 4);
    assert_int_equal(dw_str_find(DW_STR("aab"), DW_STR("x")), 3);
    assert_int_equal(dw_str_find(DW_STR(""), DW_STR("")), 0);
    struct dw_str rest = DW_STR("a,b,,c");
    assert_str(dw_str_cut(&rest, ','), "a");
    assert_str(dw_str_cut(&rest, ','), "b");
    assert_str(dw_str_cut(&rest, ','), "");
    assert_str(dw_str_cut(&rest, ','), "c");
    assert_null(rest.ptr);
}

static void str_distance_counts_a_swap_as_one_edit(void **state)
{
    (void)state;
    assert_int_equal(dw_str_distance(DW_STR("cidr"), DW_STR("cidrr"), 2), 1);
    assert_int_equal(dw_str_distance(DW_STR("contians"), DW_STR("contains"), 2), 1);
    assert_int_equal(dw_str_distance(DW_STR("abc"), DW_STR("xyz"), 2), 3);
    const char *names[] = {"contains", "startswith", "cidr"};
    assert_string_equal(dw_nearest(DW_STR("cidrr"), names, 3), "cidr");
    assert_null(dw_nearest(DW_STR("quux"), names, 3));
}

static void varints_round_trip_and_refuse_truncation(void **state)
{
    (void)state;
    const int64_t values[] = {0, 1, -1, 63, 64, 127, 128, INT64_MAX, INT64_MIN};
    struct dw_buf b = {0};
    for (size_t i = 0; i < DW_COUNT_OF(values); i++)
        dw_buf_zigzag(&b, values[i]);
    struct dw_cursor c = dw_cursor_of(dw_buf_view(&b));
    for (size_t i = 0; i < DW_COUNT_OF(values); i++)
        assert_int_equal(dw_take_zigzag(&c), values[i]);
    assert_false(c.bad);
    (void)dw_take_varint(&c);
    assert_true(c.bad);
    struct dw_cursor over = dw_cursor_of(DW_STR("\xff\xff\xff\xff\xff\xff\xff\xff\xff\x7f"));
    (void)dw_take_varint(&over);
    assert_true(over.bad);
    dw_buf_fini(&b);
}

static void counted_bytes_round_trip_and_refuse_what_is_too_long(void **state)
{
    (void)state;
    struct dw_buf b = {0};
    uint8_t id[4] = {9, 9, 9, 9};
    dw_buf_counted(&b, DW_STR("name"));
    dw_buf_counted(&b, DW_STR_NONE);
    dw_buf_double(&b, -0.5);
    dw_buf_varint(&b, 300);
    dw_buf_varint(&b, 3);
    dw_buf_add(&b, "abc", 3);
    struct dw_cursor c = dw_cursor_of(dw_buf_view(&b));
    assert_true(dw_str_eq(dw_take_counted(&c), DW_STR("name")));
    assert_int_equal(dw_take_counted(&c).len, 0);
    assert_true(dw_take_double(&c) == -0.5);
    struct dw_cursor at = c;
    assert_int_equal(dw_take_max(&c, 300), 300);
    assert_false(c.bad);
    struct dw_cursor cut = dw_cursor_of(dw_str_make((const char *)c.at, 3));
    assert_null(dw_take_counted(&cut).ptr);
    assert_true(cut.bad);
    assert_int_equal(dw_take_max(&at, 299), 0);
    assert_true(at.bad);
    (void)dw_take_byte(&c);
    dw_take_into(&c, id, sizeof id);
    assert_true(c.bad);
    assert_int_equal(id[0], 9);
    dw_buf_fini(&b);
}

static void differences_wrap_and_add_up_again(void **state)
{
    (void)state;
    const int64_t values[] = {0, 1, -1, 1000, INT64_MAX, INT64_MIN};
    for (size_t i = 0; i < DW_COUNT_OF(values); i++)
        for (size_t k = 0; k < DW_COUNT_OF(values); k++)
            assert_int_equal(dw_plus(values[k], dw_minus(values[i], values[k])), values[i]);
}

static void buf_error_is_sticky_when_memory_fails(void **state)
{
    (void)state;
    struct dw_buf b = {0};
    mem_fail_at(1);
    dw_buf_str(&b, DW_STR("x"));
    mem_fail_at(0);
    dw_buf_str(&b, DW_STR("y"));
    assert_int_equal(b.err, DW_ENOMEM);
    assert_int_equal(b.len, 0);
    dw_buf_reset(&b);
    dw_buf_str(&b, DW_STR("y"));
    assert_str(dw_buf_view(&b), "y");
    dw_buf_fini(&b);
}

static void arena_keeps_views_and_its_limit(void **state)
{
    (void)state;
    struct dw_arena a;
    dw_arena_init(&a, 64 * 1024);
    struct dw_str first = dw_arena_copy(&a, DW_STR("first"));
    while (dw_arena_alloc(&a, 1000))
        ;
    assert_str(first, "first");
    assert_true(a.total <= 64 * 1024);
    dw_arena_reset(&a);
    assert_non_null(dw_arena_alloc(&a, 1000));
    dw_arena_fini(&a);
}

static void diag_draws_the_line_with_a_caret(void **state)
{
    (void)state;
    struct dw_diags d;
    dw_diags_init(&d, DW_STR("r.yml"), DW_STR("a: 1\n  src|cidrr: x\n"));
    dw_diag_add(&d, (struct dw_span){2, 7, 5}, "did you mean 'cidr'?", "unknown modifier '%s'", "cidrr");
    struct dw_buf out = {0};
    dw_diags_print(&d, &out);
    assert_str(dw_buf_view(&out), "r.yml:2:7: error: unknown modifier 'cidrr'\n"
                                  "    2 |   src|cidrr: x\n"
                                  "      |       ^^^^^\n"
                                  "      = help: did you mean 'cidr'?\n");
    dw_buf_fini(&out);
}

static void diag_vadd_of(struct dw_diags *d, enum dw_severity severity, const char *code, struct dw_span at, const char *fmt, ...) DW_PRINTF(5, 6);

static void diag_vadd_of(struct dw_diags *d, enum dw_severity severity, const char *code, struct dw_span at, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    dw_diag_vadd(d, &(struct dw_diag){.severity = severity, .code = code, .at = at}, "h", fmt, args);
    va_end(args);
}

static void diag_has_codes_an_order_and_room_for_errors(void **state)
{
    (void)state;
    struct dw_buf out = {0};
    struct dw_diags d;
    dw_diags_init(&d, DW_STR("r.yml"), DW_STR("ab\ncd\n"));
    diag_vadd_of(&d, DW_SEVERITY_NOTE, "X2", (struct dw_span){2, 1, 2}, "%s", "second");
    diag_vadd_of(&d, DW_SEVERITY_WARNING, "X1", (struct dw_span){1, 2, 1}, "%s", "first");
    dw_diags_sort(&d);
    dw_diags_print(&d, &out);
    dw_buf_byte(&out, 0);
    assert_string_equal(out.ptr, "r.yml:1:2: warning: first [X1]\n    1 | ab\n      |  ^\n      = help: h\n"
                                 "r.yml:2:1: note: second [X2]\n    2 | cd\n      | ^^\n      = help: h\n");
    for (int i = 0; i < DW_DIAGS_MAX; i++)
        dw_diag_warn(&d, (struct dw_span){1, 1, 1}, NULL, "w");
    dw_diag_add(&d, (struct dw_span){1, 1, 1}, NULL, "e");
    assert_int_equal(d.count, DW_DIAGS_MAX);
    assert_int_equal(d.dropped, 3);
    assert_int_equal(d.item[DW_DIAGS_MAX - 1].severity, DW_SEVERITY_ERROR);
    assert_int_equal(d.errors + d.warnings + d.notes, DW_DIAGS_MAX + 3);
    dw_buf_reset(&out);
    dw_diags_json(&d, &out);
    assert_true(dw_str_starts(dw_buf_view(&out), DW_STR("{\"file\":\"r.yml\",\"line\":1,\"col\":2,\"len\":1,\"severity\":\"warning\",\"code\":\"X1\",\"message\":\"first\",\"help\":\"h\"}\n")));
    assert_true(dw_str_ends(dw_buf_view(&out), DW_STR("{\"file\":\"r.yml\",\"not_shown\":3}\n")));
    dw_buf_fini(&out);
}

static void diag_counts_what_does_not_fit(void **state)
{
    (void)state;
    struct dw_diags d;
    dw_diags_init(&d, DW_STR("r.yml"), DW_STR(""));
    for (int i = 0; i < DW_DIAGS_MAX + 3; i++)
        dw_diag_add(&d, (struct dw_span){0}, NULL, "x");
    assert_int_equal(d.count, DW_DIAGS_MAX);
    assert_int_equal(d.dropped, 3);
    assert_int_equal(d.errors, DW_DIAGS_MAX + 3);
}

/* Goal:   a file written in one step is the old or the new one, whatever call fails.
 * Method: fail the 1st call, then the 2nd, ... until a run meets no fault. */
static void write_file_is_old_or_new_when_nth_call_fails(void **state)
{
    (void)state;
    char path[600];
    const char *dir = temp_dir();
    assert_int_equal(dw_path_join(path, sizeof path, dir, "f"), DW_OK);
    for (int model = FAULT_EIO; model <= FAULT_ENOSPC; model++) {
        for (int nth = 1;; nth++) {
            assert_true(nth < 100);
            struct faulty_fs f;
            assert_int_equal(dw_fs_write_file(&dw_fs_system, path, 0600, DW_STR("old")), DW_OK);
            faulty_fs_init(&f, nth, (enum fault_model)model);
            f.sticky = true;
            int rc = dw_fs_write_file(&f.fs, path, 0600, DW_STR("new"));
            struct dw_buf b = {0};
            assert_int_equal(dw_fs_read_file(&dw_fs_system, path, 100, &b), DW_OK);
            if (!dw_str_eq(dw_buf_view(&b), DW_STR("new")))
                assert_str(dw_buf_view(&b), "old");
            assert_true(rc < 0 || f.hits == 0);
            dw_buf_fini(&b);
            if (f.hits == 0)
                break;
        }
    }
    temp_dir_remove(dir);
}

static void what_is_no_file_is_never_waited_for(void **state)
{
    (void)state;
    char fifo[600];
    const char *dir = temp_dir();
    struct dw_buf b = {0};
    assert_int_equal(dw_path_join(fifo, sizeof fifo, dir, "fifo.yml"), DW_OK);
    assert_int_equal(mkfifo(fifo, 0600), 0);
    assert_int_equal(dw_fs_read_file(&dw_fs_system, fifo, 100, &b), DW_ENOTREG);
    assert_int_equal(dw_fs_read_file(&dw_fs_system, dir, 100, &b), DW_ENOTREG);
    assert_int_equal(dw_fs_read_named(&dw_fs_system, dir, 100, &b), DW_ENOTREG);
    assert_int_equal(b.len, 0);
    temp_dir_remove(dir);
}

static void a_named_pipe_end_is_read_to_its_end(void **state)
{
    (void)state;
    int ends[2];
    char path[64];
    struct dw_buf b = {0};
    assert_int_equal(pipe(ends), 0);
    assert_int_equal(write(ends[1], "rules: x\n", 9), 9);
    close(ends[1]);
    (void)snprintf(path, sizeof path, "/dev/fd/%d", ends[0]);
    assert_int_equal(dw_fs_read_named(&dw_fs_system, path, 100, &b), DW_OK);
    assert_str(dw_buf_view(&b), "rules: x\n");
    close(ends[0]);
    dw_buf_fini(&b);
}

static void foreign_codes_keep_their_meaning(void **state)
{
    (void)state;
    const struct {
        int theirs, ours;
    } rows[] = {{SQLITE_OK, DW_OK}, {SQLITE_ROW, DW_OK}, {SQLITE_DONE, DW_OK}, {SQLITE_NOMEM, DW_ENOMEM}, {SQLITE_FULL, DW_ENOSPC},
        {SQLITE_BUSY_SNAPSHOT, DW_ELOCKED}, {SQLITE_NOTADB, DW_ECORRUPT}, {SQLITE_CANTOPEN_ISDIR, DW_ENOENT},
        {SQLITE_READONLY, DW_EACCES}, {SQLITE_IOERR_WRITE, DW_EIO}, {SQLITE_IOERR_NOMEM, DW_ENOMEM}};
    for (size_t i = 0; i < DW_COUNT_OF(rows); i++)
        assert_int_equal(dw_err_from_sqlite(rows[i].theirs), rows[i].ours);
    assert_int_equal(dw_err_from_errno(0), DW_OK);
    assert_int_equal(dw_err_from_errno(ENOTDIR), DW_ENOENT);
    assert_int_equal(dw_err_from_errno(EBADF), DW_EIO);
}

static void an_array_grows_when_it_is_full_and_stays_when_it_cannot(void **state)
{
    (void)state;
    uint32_t cap = 0, *items = NULL;
    for (uint32_t i = 0; i < 20; i++) {
        items = dw_grow(items, i, &cap, 3, sizeof *items);
        assert_non_null(items);
        assert_int_equal(cap, i < 3 ? 3 : i < 6 ? 6 : i < 12 ? 12 : 24);
        items[i] = i;
    }
    mem_fail_at(1);
    assert_ptr_equal(dw_grow(items, 20, &cap, 3, sizeof *items), items); /* there is room */
    assert_null(dw_grow(items, 24, &cap, 3, sizeof *items));
    mem_fail_at(0);
    assert_int_equal(cap, 24);
    cap = UINT32_C(1) << 31;
    assert_null(dw_grow(items, cap, &cap, 3, sizeof *items)); /* twice as many is no number */
    for (uint32_t i = 0; i < 20; i++)
        assert_int_equal(items[i], i);
    dw_free(items);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_array_grows_when_it_is_full_and_stays_when_it_cannot),
        cmocka_unit_test(str_numbers_refuse_overflow_and_junk),
        cmocka_unit_test(str_find_and_cut),
        cmocka_unit_test(str_distance_counts_a_swap_as_one_edit),
        cmocka_unit_test(foreign_codes_keep_their_meaning),
        cmocka_unit_test(varints_round_trip_and_refuse_truncation),
        cmocka_unit_test(counted_bytes_round_trip_and_refuse_what_is_too_long),
        cmocka_unit_test(differences_wrap_and_add_up_again),
        cmocka_unit_test(buf_error_is_sticky_when_memory_fails),
        cmocka_unit_test(arena_keeps_views_and_its_limit),
        cmocka_unit_test(diag_draws_the_line_with_a_caret),
        cmocka_unit_test(diag_has_codes_an_order_and_room_for_errors),
        cmocka_unit_test(diag_counts_what_does_not_fit),
        cmocka_unit_test(what_is_no_file_is_never_waited_for),
        cmocka_unit_test(a_named_pipe_end_is_read_to_its_end),
        cmocka_unit_test(write_file_is_old_or_new_when_nth_call_fails),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
