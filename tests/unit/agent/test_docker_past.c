/* Tests of agent/docker_past.h: what is remembered of docker's events, over starts, kills and disks that fail. */
#include "support.h"

#include "../../../agent/docker_past.h"

#include "dogwatch/base/error.h"

#include <stdio.h>

static const char *past_path(const char *dir)
{
    static char path[600];
    (void)snprintf(path, sizeof path, "%s/docker.past", dir);
    return path;
}

static uint64_t hash_of(int n)
{
    char text[32];
    (void)snprintf(text, sizeof text, "event %d", n);
    return past_hash(dw_str_of(text));
}

static void the_newest_are_remembered_over_a_start(void **state)
{
    struct past p;
    const char *dir = temp_dir();
    (void)state;
    assert_int_equal(past_open(&p, &dw_fs_system, past_path(dir)), DW_OK);
    assert_null(past_newest(&p));
    for (int n = 1; n <= 1000; n++) {
        past_add(&p, n, hash_of(n));
        if (n % 7 == 0)
            assert_int_equal(past_save(&p), DW_OK);
    }
    assert_int_equal(past_save(&p), DW_OK);
    past_close(&p);
    assert_int_equal(past_open(&p, &dw_fs_system, past_path(dir)), DW_OK);
    assert_true(past_has(&p, hash_of(1000)) && past_has(&p, hash_of(1001 - PAST_EVENTS)) && !past_has(&p, hash_of(1000 - PAST_EVENTS)));
    assert_int_equal(past_newest(&p)->time_ns, 1000);
    past_close(&p);
    temp_dir_remove(dir);
}

static void what_was_not_saved_is_not_remembered(void **state)
{
    struct past p;
    const char *dir = temp_dir();
    (void)state;
    assert_int_equal(past_open(&p, &dw_fs_system, past_path(dir)), DW_OK);
    past_add(&p, 1, hash_of(1));
    assert_int_equal(past_save(&p), DW_OK);
    past_add(&p, 2, hash_of(2));
    assert_true(past_has(&p, hash_of(2)));
    past_close(&p); /* killed: the event's own line is not written either */
    assert_int_equal(past_open(&p, &dw_fs_system, past_path(dir)), DW_OK);
    assert_true(past_has(&p, hash_of(1)) && !past_has(&p, hash_of(2)));
    past_close(&p);
    temp_dir_remove(dir);
}

static void lines_that_are_none_are_left_out(void **state)
{
    struct past p;
    const char *dir = temp_dir();
    (void)state;
    assert_int_equal(dw_fs_write_file(&dw_fs_system, past_path(dir), 0600, DW_STR("7 0000000000000007\nx 0000000000000008\n9 000\n\n5 000000000000000")), DW_OK);
    assert_int_equal(past_open(&p, &dw_fs_system, past_path(dir)), DW_OK);
    assert_true(past_has(&p, 7) && !past_has(&p, 8) && !past_has(&p, 0));
    assert_int_equal(p.count, 1);
    past_close(&p);
    temp_dir_remove(dir);
}

/* Goal: whatever fails, what past_save said is saved is remembered by the next start, and nothing else than events is. */
static void what_is_saved_is_remembered_when_the_nth_call_fails(void **state)
{
    (void)state;
    for (int model = FAULT_EIO; model <= FAULT_ENOSPC; model++) {
        for (int nth = 1;; nth++) {
            struct faulty_fs f;
            struct past p;
            bool saved[20] = {false};
            const char *dir = temp_dir();
            assert_true(nth < 1000);
            faulty_fs_init(&f, nth, (enum fault_model)model);
            int rc = past_open(&p, &f.fs, past_path(dir));
            for (int n = 0; n < 20; n++) {
                past_add(&p, n + 1, hash_of(n));
                rc = past_save(&p);
                for (int k = 0; k <= n && rc == DW_OK; k++)
                    saved[k] = true;
            }
            past_close(&p);
            assert_int_equal(past_open(&p, &dw_fs_system, past_path(dir)), DW_OK);
            for (int n = 0; n < 20; n++)
                if (saved[n] && !past_has(&p, hash_of(n)))
                    fail_msg("model=%d nth=%d: event %d is forgotten", model, nth, n);
            past_close(&p);
            temp_dir_remove(dir);
            if (f.hits == 0)
                break;
        }
    }
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_newest_are_remembered_over_a_start),
        cmocka_unit_test(what_was_not_saved_is_not_remembered),
        cmocka_unit_test(lines_that_are_none_are_left_out),
        cmocka_unit_test(what_is_saved_is_remembered_when_the_nth_call_fails),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
