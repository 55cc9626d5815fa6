/* Codes and sessions of the console: once, for a while, through restarts, and what a failing disk leaves. */
#include "support.h"

#include "dogwatch/collect/session.h"

#include <stdio.h>

enum { PATH = 1024 };

static char dir[PATH];
static int64_t now_ns;

static int64_t real_ns(const struct dw_clock *c)
{
    (void)c;
    return now_ns;
}

static const struct dw_clock moved = {.real_ns = real_ns, .mono_ns = real_ns};

static int begin(void **state)
{
    (void)state;
    now_ns = INT64_C(1800000000) * DW_NS_PER_S;
    (void)snprintf(dir, sizeof dir, "%s", temp_dir());
    return 0;
}

static int end(void **state)
{
    (void)state;
    temp_dir_remove(dir);
    return 0;
}

static struct dw_sessions *open_again(struct dw_sessions *s)
{
    dw_sessions_close(s);
    assert_int_equal(dw_sessions_open(&dw_fs_system, &moved, dir, &s), DW_OK);
    return s;
}

static int sign_in(struct dw_sessions *s, const char *who, enum dw_role role, char text[DW_TOKEN_TEXT])
{
    char code[DW_TOKEN_TEXT];
    int64_t expires_ns;
    struct dw_token t;
    assert_int_equal(dw_session_code(s, who, role, code, &expires_ns), DW_OK);
    return dw_session_begin(s, dw_str_of(code), &t, text);
}

static void a_code_is_good_once_and_for_ten_minutes(void **state)
{
    struct dw_sessions *s = open_again(NULL);
    char one[DW_TOKEN_TEXT], two[DW_TOKEN_TEXT], text[DW_TOKEN_TEXT];
    int64_t expires_ns;
    struct dw_token t;
    (void)state;
    assert_int_equal(dw_session_code(s, "ann", DW_ROLE_triage, one, &expires_ns), DW_OK);
    assert_int_equal(expires_ns - now_ns, DW_CODE_NS);
    assert_int_equal(dw_session_code(s, "bob", DW_ROLE_hunt, two, &expires_ns), DW_OK);
    assert_false(dw_session_find(s, dw_str_of(one), &t)); /* a code is no session */
    assert_int_equal(dw_session_begin(s, dw_str_of(one), &t, text), DW_OK);
    assert_string_equal(t.name, "ann");
    assert_int_equal(t.role, DW_ROLE_triage);
    assert_int_equal(dw_session_begin(s, dw_str_of(one), &t, text), DW_ENOENT);
    now_ns += DW_CODE_NS;
    assert_int_equal(dw_session_begin(s, dw_str_of(two), &t, text), DW_ENOENT);
    assert_int_equal(dw_session_begin(s, DW_STR(""), &t, text), DW_ENOENT);
    dw_sessions_close(s);
}

static void a_session_lives_through_restarts_until_it_is_over(void **state)
{
    struct dw_sessions *s = open_again(NULL);
    char text[DW_TOKEN_TEXT], other[DW_TOKEN_TEXT];
    struct dw_token t, u;
    (void)state;
    assert_int_equal(sign_in(s, "ann", DW_ROLE_triage, text), DW_OK);
    assert_int_equal(sign_in(s, "ann", DW_ROLE_admin, other), DW_OK);
    s = open_again(s);
    assert_true(dw_session_find(s, dw_str_of(text), &t));
    assert_string_equal(t.name, "ann");
    assert_int_equal(t.role, DW_ROLE_triage);
    assert_true(dw_session_holds(s, t.hash));
    assert_true(dw_session_find(s, dw_str_of(other), &u));
    assert_int_equal(dw_session_end(s, dw_str_of(other)), DW_OK);
    assert_int_equal(dw_session_end(s, dw_str_of(other)), DW_OK);
    assert_false(dw_session_holds(s, u.hash));
    s = open_again(s);
    assert_false(dw_session_find(s, dw_str_of(other), &u));
    now_ns += DW_SESSION_NS - 1;
    assert_true(dw_session_find(s, dw_str_of(text), &t));
    now_ns++;
    assert_false(dw_session_find(s, dw_str_of(text), &t));
    assert_false(dw_session_holds(s, t.hash));
    dw_sessions_close(s);
}

static void a_restart_takes_no_codes_along(void **state)
{
    struct dw_sessions *s = open_again(NULL);
    char code[DW_TOKEN_TEXT], text[DW_TOKEN_TEXT];
    int64_t expires_ns;
    struct dw_token t;
    (void)state;
    assert_int_equal(dw_session_code(s, "ann", DW_ROLE_triage, code, &expires_ns), DW_OK);
    s = open_again(s);
    assert_int_equal(dw_session_begin(s, dw_str_of(code), &t, text), DW_ENOENT);
    dw_sessions_close(s);
}

static void the_oldest_make_room(void **state)
{
    struct dw_sessions *s = open_again(NULL);
    char first[DW_TOKEN_TEXT], text[DW_TOKEN_TEXT], code[DW_TOKEN_TEXT];
    int64_t expires_ns;
    struct dw_token t;
    (void)state;
    assert_int_equal(sign_in(s, "ann", DW_ROLE_triage, first), DW_OK);
    for (int i = 1; i < DW_SESSIONS_MAX; i++)
        assert_int_equal(sign_in(s, "bob", DW_ROLE_triage, text), DW_OK);
    assert_true(dw_session_find(s, dw_str_of(first), &t));
    assert_int_equal(sign_in(s, "bob", DW_ROLE_triage, text), DW_OK);
    assert_false(dw_session_find(s, dw_str_of(first), &t));
    s = open_again(s);
    assert_true(dw_session_find(s, dw_str_of(text), &t));
    assert_int_equal(dw_session_code(s, "ann", DW_ROLE_triage, first, &expires_ns), DW_OK);
    for (int i = 0; i < DW_CODES_MAX; i++)
        assert_int_equal(dw_session_code(s, "bob", DW_ROLE_triage, code, &expires_ns), DW_OK);
    assert_int_equal(dw_session_begin(s, dw_str_of(first), &t, text), DW_ENOENT);
    assert_int_equal(dw_session_begin(s, dw_str_of(code), &t, text), DW_OK);
    dw_sessions_close(s);
}

/* A line made by hand, or by a clock that was wrong, opens no session for ever. */
static void no_line_lasts_longer_than_a_session(void **state)
{
    struct dw_tokens all = {0};
    struct dw_token one[2] = {{.name = "ann", .role = DW_ROLE_admin, .expires_ns = INT64_MAX}, {.name = "bob", .role = DW_ROLE_admin}};
    char text[2][DW_TOKEN_TEXT], path[2 * PATH];
    struct dw_token t;
    (void)state;
    struct dw_sessions *s = open_again(NULL);
    one[1].expires_ns = now_ns + DW_SESSION_NS + 1;
    all.item = one;
    all.count = 2;
    (void)snprintf(path, sizeof path, "%s/api/sessions", dir);
    for (int i = 0; i < 2; i++)
        assert_int_equal(dw_token_make(&one[i], text[i]), DW_OK);
    assert_int_equal(dw_tokens_write(&dw_fs_system, path, &all), DW_OK);
    s = open_again(s);
    for (int i = 0; i < 2; i++)
        assert_false(dw_session_find(s, dw_str_of(text[i]), &t));
    dw_sessions_close(s);
}

/* Whatever call fails: who was signed in stays so, and a code that made no session can be used again. */
static void every_failing_call_leaves_who_was_there(void **state)
{
    bool failed = true;
    (void)state;
    for (int nth = 1; failed; nth++) {
        struct faulty_fs f;
        struct dw_sessions *s = NULL;
        char before[DW_TOKEN_TEXT], code[DW_TOKEN_TEXT], text[DW_TOKEN_TEXT];
        int64_t expires_ns;
        struct dw_token t;
        s = open_again(s);
        assert_int_equal(sign_in(s, "ann", DW_ROLE_hunt, before), DW_OK);
        dw_sessions_close(s);
        faulty_fs_init(&f, nth, FAULT_TORN);
        int rc = dw_sessions_open(&f.fs, &moved, dir, &s);
        if (rc == DW_OK) {
            assert_int_equal(dw_session_code(s, "bob", DW_ROLE_hunt, code, &expires_ns), DW_OK);
            rc = dw_session_begin(s, dw_str_of(code), &t, text);
            assert_true(dw_session_find(s, dw_str_of(before), &t));
            assert_int_equal(dw_session_find(s, dw_str_of(text), &t), rc == DW_OK);
            if (rc < 0)
                assert_int_equal(dw_session_begin(s, dw_str_of(code), &t, text), DW_OK);
            dw_sessions_close(s);
        }
        failed = f.hits > 0;
        s = open_again(NULL);
        assert_true(dw_session_find(s, dw_str_of(before), &t));
        dw_sessions_close(s);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_code_is_good_once_and_for_ten_minutes, begin, end),
        cmocka_unit_test_setup_teardown(a_session_lives_through_restarts_until_it_is_over, begin, end),
        cmocka_unit_test_setup_teardown(a_restart_takes_no_codes_along, begin, end),
        cmocka_unit_test_setup_teardown(the_oldest_make_room, begin, end),
        cmocka_unit_test_setup_teardown(no_line_lasts_longer_than_a_session, begin, end),
        cmocka_unit_test_setup_teardown(every_failing_call_leaves_who_was_there, begin, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
