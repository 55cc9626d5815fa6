/* Tokens and the audit log: what is kept, what is refused, and what a failing disk leaves. */
#include "support.h"

#include "dogwatch/collect/access.h"
#include "dogwatch/collect/audit.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

enum { PATH = 1024 };

static char dir[PATH];

static int begin(void **state)
{
    (void)state;
    (void)snprintf(dir, sizeof dir, "%s", temp_dir());
    return 0;
}

static int end(void **state)
{
    (void)state;
    temp_dir_remove(dir);
    return 0;
}

static void add(const char *name, enum dw_role role, int64_t expires_ns, char text[DW_TOKEN_TEXT])
{
    struct dw_token t = {.role = role, .created_ns = 5, .expires_ns = expires_ns};
    (void)snprintf(t.name, sizeof t.name, "%s", name);
    assert_int_equal(dw_token_add(&dw_fs_system, dir, &t, text), DW_OK);
}

static const struct dw_token *check(struct dw_tokens *all, const char *text, int64_t now_ns)
{
    dw_tokens_free(all);
    assert_int_equal(dw_tokens_load(&dw_fs_system, dir, all), DW_OK);
    return dw_token_check(all, dw_str_of(text), now_ns);
}

static void a_token_is_taken_until_it_is_over_or_revoked(void **state)
{
    struct dw_tokens all = {0};
    char one[DW_TOKEN_TEXT], two[DW_TOKEN_TEXT];
    (void)state;
    add("ann", DW_ROLE_hunt, INT64_MAX, one);
    add("bob@x", DW_ROLE_triage, 1000, two);
    assert_string_not_equal(one, two);
    const struct dw_token *t = check(&all, one, 10);
    assert_non_null(t);
    assert_string_equal(t->name, "ann");
    assert_int_equal(t->role, DW_ROLE_hunt);
    assert_non_null(check(&all, two, 999));
    assert_null(check(&all, two, 1000));
    assert_int_equal(dw_token_revoke(&dw_fs_system, dir, DW_STR("ann")), DW_OK);
    assert_null(check(&all, one, 10));
    assert_non_null(check(&all, two, 10));
    assert_int_equal(dw_token_revoke(&dw_fs_system, dir, DW_STR("ann")), DW_ENOENT);
    dw_tokens_free(&all);
}

static void no_other_text_is_a_token(void **state)
{
    struct dw_tokens all = {0};
    char text[DW_TOKEN_TEXT];
    (void)state;
    add("ann", DW_ROLE_admin, INT64_MAX, text);
    for (size_t i = 0; i < DW_TOKEN_TEXT - 1; i++) {
        char other[DW_TOKEN_TEXT];
        memcpy(other, text, sizeof other);
        other[i] = other[i] == '0' ? '1' : '0';
        assert_null(check(&all, other, 10));
    }
    assert_null(check(&all, "", 10));
    text[DW_TOKEN_TEXT - 2] = '\0';
    assert_null(check(&all, text, 10));
    dw_tokens_free(&all);
}

static void the_file_is_the_owners_and_holds_no_token(void **state)
{
    char text[DW_TOKEN_TEXT], path[DW_TOKENS_PATH_CAP];
    struct dw_buf file = {0};
    struct dw_stat st;
    (void)state;
    add("ann", DW_ROLE_admin, INT64_MAX, text);
    assert_int_equal(dw_tokens_path(dir, path), DW_OK);
    assert_int_equal(dw_fs_stat(path, &st), DW_OK);
    assert_int_equal(st.mode & 07777, 0600);
    assert_int_equal(dw_fs_read_file(&dw_fs_system, path, 10000, &file), DW_OK);
    assert_true(dw_str_find(dw_buf_view(&file), dw_str_of(text + 4)) == file.len);
    dw_buf_fini(&file);
}

static void a_name_is_taken_once(void **state)
{
    struct dw_token t = {.role = DW_ROLE_hunt, .name = "ann", .expires_ns = INT64_MAX};
    char text[DW_TOKEN_TEXT];
    (void)state;
    add("ann", DW_ROLE_admin, INT64_MAX, text);
    assert_int_equal(dw_token_add(&dw_fs_system, dir, &t, text), DW_EEXIST);
}

static void a_line_that_is_none_lets_nobody_in_and_is_not_overwritten(void **state)
{
    struct dw_token t = {.role = DW_ROLE_hunt, .name = "bob", .expires_ns = INT64_MAX};
    struct dw_tokens all = {0};
    struct dw_buf file = {0};
    char text[DW_TOKEN_TEXT], path[DW_TOKENS_PATH_CAP];
    (void)state;
    add("ann", DW_ROLE_admin, INT64_MAX, text);
    assert_int_equal(dw_tokens_path(dir, path), DW_OK);
    assert_int_equal(dw_fs_read_file(&dw_fs_system, path, 10000, &file), DW_OK);
    dw_buf_str(&file, DW_STR("v2 from the future\n"));
    assert_int_equal(dw_fs_write_file(&dw_fs_system, path, 0600, dw_buf_view(&file)), DW_OK);
    assert_non_null(check(&all, text, 10));
    assert_int_equal(all.bad_lines, 1);
    assert_int_equal(dw_token_add(&dw_fs_system, dir, &t, text), DW_ECORRUPT);
    assert_int_equal(dw_token_revoke(&dw_fs_system, dir, DW_STR("ann")), DW_ECORRUPT);
    dw_tokens_free(&all);
    dw_buf_fini(&file);
}

static void lines_are_read_as_they_are_written(void **state)
{
    static const char *const none[] = {"", "v1", "v2 a hunt 00 00 1 -", "v1 a nobody 00112233445566778899aabbccddeeff 00 1 -",
        "v1 a/b hunt 00112233445566778899aabbccddeeff 0000000000000000000000000000000000000000000000000000000000000000 1 -",
        "v1 a hunt 00112233445566778899aabbccddeeff 0000000000000000000000000000000000000000000000000000000000000000 1 - ",
        "v1 a hunt 00112233445566778899aabbccddeeff 0000000000000000000000000000000000000000000000000000000000000000 1",
        "v1 a hunt 00112233445566778899aabbccddeef 0000000000000000000000000000000000000000000000000000000000000000 1 -"};
    struct dw_str line = DW_STR("v1 a.b_c-d@e hunt 00112233445566778899aabbccddeeff 0000000000000000000000000000000000000000000000000000000000000001 1 77");
    struct dw_token t;
    struct dw_buf out = {0};
    (void)state;
    for (size_t i = 0; i < DW_COUNT_OF(none); i++)
        assert_false(dw_token_read_line(dw_str_of(none[i]), &t));
    assert_true(dw_token_read_line(line, &t));
    assert_int_equal(t.expires_ns, 77);
    dw_token_write_line(&t, &out);
    assert_true(dw_str_eq(line, dw_str_slice(dw_buf_view(&out), 0, out.len - 1)));
    dw_buf_fini(&out);
}

static void a_bearer_is_read(void **state)
{
    struct dw_str text;
    (void)state;
    assert_true(dw_token_bearer(DW_STR("Bearer abc"), &text));
    assert_str(text, "abc");
    assert_true(dw_token_bearer(DW_STR("bEARER  abc "), &text));
    assert_str(text, "abc");
    assert_false(dw_token_bearer(DW_STR("Basic abc"), &text));
    assert_false(dw_token_bearer(DW_STR("Bearer"), &text));
    assert_false(dw_token_bearer(DW_STR("Bearer "), &text));
    assert_false(dw_token_bearer(DW_STR(""), &text));
}

/* Whatever fails, what was there before is whole, or the new is. */
static void tokens_survive_when_nth_io_fails(void **state)
{
    char first[DW_TOKEN_TEXT], text[DW_TOKEN_TEXT];
    struct dw_tokens all = {0};
    (void)state;
    add("ann", DW_ROLE_admin, INT64_MAX, first);
    for (int nth = 1;; nth++) {
        struct faulty_fs f;
        struct dw_token t = {.role = DW_ROLE_hunt, .expires_ns = INT64_MAX};
        assert_true(nth < 100);
        (void)snprintf(t.name, sizeof t.name, "t%d", nth);
        faulty_fs_init(&f, nth, FAULT_TORN);
        int rc = dw_token_add(&f.fs, dir, &t, text);
        assert_non_null(check(&all, first, 10));
        assert_int_equal(all.bad_lines, 0);
        if (rc == DW_OK)
            assert_non_null(check(&all, text, 10));
        if (f.hits == 0)
            break;
    }
    dw_tokens_free(&all);
}

/* ---- roles ---- */

static void only_who_may_may(void **state)
{
    (void)state;
    assert_true(dw_access_allows(DW_ACCESS_STATE, DW_ROLE_auditor));
    assert_false(dw_access_allows(DW_ACCESS_CHANGE, DW_ROLE_auditor));
    assert_false(dw_access_allows(DW_ACCESS_EVENTS, DW_ROLE_auditor));
    assert_false(dw_access_allows(DW_ACCESS_EVENTS, DW_ROLE_triage));
    assert_true(dw_access_allows(DW_ACCESS_EVENTS, DW_ROLE_hunt));
    for (unsigned a = 0; a < DW_ACCESSES; a++)
        assert_true(a == DW_ACCESS_OPEN || dw_access_allows((enum dw_access)a, DW_ROLE_admin));
}

/* ---- audit ---- */

static const struct dw_audit_ask ask = {.who = "ann", .role = "hunt", .from = "127.0.0.1", .method = "GET", .route = "/api/v1/query", .text = {"{\"query\":\"*\"}", 13}};

static void put_lines(unsigned count)
{
    struct dw_audit *a;
    uint64_t n;
    assert_int_equal(dw_audit_open(&dw_fs_system, &dw_clock_system, dir, &a), DW_OK);
    for (unsigned i = 0; i < count; i++) {
        assert_int_equal(dw_audit_asked(a, &ask, &n), DW_OK);
        assert_int_equal(dw_audit_answered(a, &ask, n, i, "complete"), DW_OK);
    }
    dw_audit_close(a);
}

static struct dw_audit_result read_log(void)
{
    struct dw_audit_result r;
    assert_int_equal(dw_audit_read(&(struct dw_audit_read){.fs = &dw_fs_system, .data = dir}, &r), DW_OK);
    return r;
}

static void log_path(char path[PATH * 2])
{
    (void)snprintf(path, (size_t)PATH * 2, "%s/audit/audit.log", dir);
}

static void the_chain_goes_on_after_a_restart(void **state)
{
    (void)state;
    put_lines(3);
    put_lines(2);
    struct dw_audit_result r = read_log();
    assert_int_equal(r.lines, 10);
    assert_int_equal(r.problems, 0);
}

static void a_changed_byte_is_found(void **state)
{
    char path[PATH * 2];
    struct dw_buf file = {0};
    (void)state;
    put_lines(2);
    log_path(path);
    assert_int_equal(dw_fs_read_file(&dw_fs_system, path, 100000, &file), DW_OK);
    for (size_t i = 0; i < file.len; i++) {
        file.ptr[i] ^= 1;
        assert_int_equal(dw_fs_write_file(&dw_fs_system, path, 0600, dw_buf_view(&file)), DW_OK);
        if (read_log().problems == 0)
            fail_msg("byte %zu was changed and nobody says so", i);
        file.ptr[i] ^= 1;
    }
    dw_buf_fini(&file);
}

static void a_line_taken_out_or_put_elsewhere_is_found(void **state)
{
    char path[PATH * 2];
    struct dw_buf file = {0}, other = {0};
    struct dw_str line[4];
    (void)state;
    put_lines(2);
    log_path(path);
    assert_int_equal(dw_fs_read_file(&dw_fs_system, path, 100000, &file), DW_OK);
    struct dw_str rest = dw_buf_view(&file);
    for (int i = 0; i < 4; i++)
        line[i] = dw_str_cut(&rest, '\n');
    static const int order[][3] = {{0, 2, 3}, {1, 2, 3}, {0, 2, 1}, {0, 0, 1}, {0, 1, 3}};
    for (size_t k = 0; k < DW_COUNT_OF(order); k++) {
        dw_buf_reset(&other);
        for (int i = 0; i < 3; i++) {
            dw_buf_str(&other, line[order[k][i]]);
            dw_buf_byte(&other, '\n');
        }
        assert_int_equal(dw_fs_write_file(&dw_fs_system, path, 0600, dw_buf_view(&other)), DW_OK);
        assert_true(read_log().problems > 0);
    }
    dw_buf_fini(&file);
    dw_buf_fini(&other);
}

static void a_torn_end_is_cut_and_a_strange_one_refused(void **state)
{
    char path[PATH * 2];
    struct dw_buf file = {0};
    struct dw_audit *a;
    (void)state;
    put_lines(1);
    log_path(path);
    assert_int_equal(dw_fs_read_file(&dw_fs_system, path, 100000, &file), DW_OK);
    dw_buf_str(&file, DW_STR("{\"v\":1,\"n\":2,\"ti"));
    assert_int_equal(dw_fs_write_file(&dw_fs_system, path, 0600, dw_buf_view(&file)), DW_OK);
    put_lines(1);
    assert_int_equal(read_log().problems, 0);
    assert_int_equal(read_log().lines, 4);
    dw_buf_str(&file, DW_STR("\n"));
    assert_int_equal(dw_fs_write_file(&dw_fs_system, path, 0600, dw_buf_view(&file)), DW_OK);
    assert_int_equal(dw_audit_open(&dw_fs_system, &dw_clock_system, dir, &a), DW_ECORRUPT);
    dw_buf_fini(&file);
}

static void a_long_text_fits_a_line(void **state)
{
    static char text[DW_AUDIT_TEXT_MAX];
    struct dw_audit_ask long_ask = ask;
    struct dw_audit *a;
    uint64_t n;
    (void)state;
    memset(text, 1, sizeof text); /* six bytes each as JSON */
    long_ask.text = dw_str_make(text, sizeof text);
    assert_int_equal(dw_audit_open(&dw_fs_system, &dw_clock_system, dir, &a), DW_OK);
    assert_int_equal(dw_audit_asked(a, &long_ask, &n), DW_OK);
    dw_audit_close(a);
    put_lines(1);
    assert_int_equal(read_log().problems, 0);
    assert_int_equal(read_log().lines, 3);
}

/* Whatever fails: what was said to be durable is there, and the next start goes on. */
static void audit_keeps_its_lines_when_nth_io_fails(void **state)
{
    (void)state;
    for (int nth = 1;; nth++) {
        struct faulty_fs f;
        struct dw_audit *a;
        uint64_t n, before = 0, said = 0;
        struct dw_audit_result r;
        assert_true(nth < 100);
        if (dw_audit_read(&(struct dw_audit_read){.fs = &dw_fs_system, .data = dir}, &r) == DW_OK)
            before = r.lines;
        faulty_fs_init(&f, nth, FAULT_TORN);
        if (dw_audit_open(&f.fs, &dw_clock_system, dir, &a) == DW_OK) {
            for (int i = 0; i < 3; i++)
                said += dw_audit_asked(a, &ask, &n) == DW_OK;
            dw_audit_close(a);
        }
        put_lines(1);
        r = read_log();
        assert_int_equal(r.problems, 0);
        assert_true(r.lines >= before + said + 2);
        if (f.hits == 0)
            break;
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_token_is_taken_until_it_is_over_or_revoked, begin, end),
        cmocka_unit_test_setup_teardown(no_other_text_is_a_token, begin, end),
        cmocka_unit_test_setup_teardown(the_file_is_the_owners_and_holds_no_token, begin, end),
        cmocka_unit_test_setup_teardown(a_name_is_taken_once, begin, end),
        cmocka_unit_test_setup_teardown(a_line_that_is_none_lets_nobody_in_and_is_not_overwritten, begin, end),
        cmocka_unit_test(lines_are_read_as_they_are_written),
        cmocka_unit_test(a_bearer_is_read),
        cmocka_unit_test_setup_teardown(tokens_survive_when_nth_io_fails, begin, end),
        cmocka_unit_test(only_who_may_may),
        cmocka_unit_test_setup_teardown(the_chain_goes_on_after_a_restart, begin, end),
        cmocka_unit_test_setup_teardown(a_changed_byte_is_found, begin, end),
        cmocka_unit_test_setup_teardown(a_line_taken_out_or_put_elsewhere_is_found, begin, end),
        cmocka_unit_test_setup_teardown(a_torn_end_is_cut_and_a_strange_one_refused, begin, end),
        cmocka_unit_test_setup_teardown(a_long_text_fits_a_line, begin, end),
        cmocka_unit_test_setup_teardown(audit_keeps_its_lines_when_nth_io_fails, begin, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
