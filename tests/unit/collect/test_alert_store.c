/* Tests of collector/alert: the log is the truth, the view can be made again, what sync answered for stays. */
#include "noting.h"
#include "support.h"

#include "dogwatch/base/clock.h"
#include "dogwatch/base/counter.h"
#include "dogwatch/collect/alerts.h"

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

struct bed {
    char dir[512], log[600], db[600];
    struct dw_alerts *alerts;
};

static void set_up(struct bed *b)
{
    memset(b, 0, sizeof *b);
    (void)snprintf(b->dir, sizeof b->dir, "%s", temp_dir());
    (void)snprintf(b->log, sizeof b->log, "%s/alerts.log", b->dir);
    (void)snprintf(b->db, sizeof b->db, "%s/alerts.db", b->dir);
    assert_int_equal(dw_alerts_open(&dw_fs_system, b->dir, &b->alerts), DW_OK);
}

static void tear_down(struct bed *b)
{
    dw_alerts_close(b->alerts);
    temp_dir_remove(b->dir);
}

static void reopen(struct bed *b)
{
    dw_alerts_close(b->alerts);
    b->alerts = NULL;
    assert_int_equal(dw_alerts_open(&dw_fs_system, b->dir, &b->alerts), DW_OK);
}

static struct dw_alert alert_of(const char *id, int64_t total)
{
    return (struct dw_alert){.id = id, .rule = "ssh.brute", .title = "A \"title\"\nwith \xc3\xa9", .level = "high",
        .time_ns = 1000 + id[0], .key = DW_STR("source.ip=203.0.113.9"), .total = total,
        .doc = DW_STR("{\"events\":[1,{\"a\":\"}\\n\"}]}")};
}

static void raise_one(struct bed *b, const char *id, int64_t total)
{
    struct dw_alert a = alert_of(id, total);
    assert_int_equal(dw_alerts_raise(b->alerts, &a), DW_OK);
}

static void put_alert(void *arg, const struct dw_alert *a)
{
    dw_buf_printf(arg, "%s|%s|%s|%s|%lld|%.*s|%lld|%.*s\n", a->id, a->rule, a->title, a->level, (long long)a->time_ns,
        DW_ARG(a->key), (long long)a->total, DW_ARG(a->doc));
}

static void put_short(void *arg, const struct dw_alert *a)
{
    dw_buf_printf(arg, "%s=%lld ", a->id, (long long)a->total);
}

static void list(struct bed *b, void (*each)(void *arg, const struct dw_alert *a), struct dw_buf *out)
{
    int64_t last;
    assert_int_equal(dw_alerts_list(b->alerts, 0, 0, each, out, &last), DW_OK);
}

static void assert_list(struct bed *b, const char *want)
{
    struct dw_buf out = {0};
    list(b, put_short, &out);
    assert_str(dw_buf_view(&out), want);
    dw_buf_fini(&out);
}

static size_t log_lines(struct bed *b)
{
    struct dw_buf log = {0};
    size_t n = 0;
    assert_int_equal(dw_fs_read_file(&dw_fs_system, b->log, 64 << 20, &log), DW_OK);
    for (size_t i = 0; i < log.len; i++)
        n += log.ptr[i] == '\n';
    dw_buf_fini(&log);
    return n;
}

static void delete_view(struct bed *b)
{
    char side[620];
    assert_int_equal(unlink(b->db), 0);
    (void)snprintf(side, sizeof side, "%s-wal", b->db);
    (void)unlink(side);
    (void)snprintf(side, sizeof side, "%s-shm", b->db);
    (void)unlink(side);
}

static void an_alert_raised_twice_is_one(void **state)
{
    (void)state;
    struct bed b;
    set_up(&b);
    raise_one(&b, "a", 3);
    raise_one(&b, "a", 3); /* before the sync */
    assert_list(&b, "");
    assert_int_equal(dw_alerts_sync(b.alerts), DW_OK);
    raise_one(&b, "a", 3); /* and after it */
    raise_one(&b, "a", 2);
    assert_int_equal(dw_alerts_sync(b.alerts), DW_OK);
    assert_list(&b, "a=3 ");
    assert_int_equal(log_lines(&b), 1);
    reopen(&b);
    raise_one(&b, "a", 3); /* a replay after a restart */
    assert_int_equal(dw_alerts_sync(b.alerts), DW_OK);
    assert_list(&b, "a=3 ");
    assert_int_equal(log_lines(&b), 1);
    tear_down(&b);
}

static void a_greater_total_is_an_update(void **state)
{
    (void)state;
    struct bed b;
    set_up(&b);
    raise_one(&b, "a", 3);
    raise_one(&b, "b", 1);
    raise_one(&b, "a", 5);
    raise_one(&b, "a", 4);
    assert_int_equal(dw_alerts_sync(b.alerts), DW_OK);
    assert_list(&b, "a=5 b=1 ");
    raise_one(&b, "a", 9);
    assert_int_equal(dw_alerts_sync(b.alerts), DW_OK);
    assert_list(&b, "a=9 b=1 ");
    assert_int_equal(log_lines(&b), 4);
    tear_down(&b);
}

static void what_was_not_synced_is_not_there(void **state)
{
    (void)state;
    struct bed b;
    set_up(&b);
    raise_one(&b, "a", 3);
    reopen(&b);
    assert_list(&b, "");
    assert_int_equal(log_lines(&b), 0);
    tear_down(&b);
}

static void a_deleted_view_is_made_again_from_the_log(void **state)
{
    (void)state;
    struct bed b;
    struct dw_buf before = {0}, after = {0};
    set_up(&b);
    for (int i = 0; i < 20; i++) {
        char id[3] = {(char)('a' + i % 7), 'x', 0};
        raise_one(&b, id, i + 1);
        if (i % 3 == 0)
            assert_int_equal(dw_alerts_sync(b.alerts), DW_OK);
    }
    assert_int_equal(dw_alerts_sync(b.alerts), DW_OK);
    list(&b, put_alert, &before);
    dw_alerts_close(b.alerts);
    b.alerts = NULL;
    delete_view(&b);
    assert_int_equal(dw_alerts_open(&dw_fs_system, b.dir, &b.alerts), DW_OK);
    list(&b, put_alert, &after);
    assert_true(before.len > 100);
    assert_true(dw_str_eq(dw_buf_view(&before), dw_buf_view(&after)));
    dw_buf_fini(&before);
    dw_buf_fini(&after);
    tear_down(&b);
}

static void a_torn_last_line_is_cut_and_the_log_goes_on(void **state)
{
    (void)state;
    struct bed b;
    set_up(&b);
    raise_one(&b, "a", 3);
    assert_int_equal(dw_alerts_sync(b.alerts), DW_OK);
    int fd = open(b.log, O_WRONLY | O_APPEND);
    assert_int_equal(write(fd, "{\"type\":\"raised\",\"id\":\"z\"", 25), 25);
    close(fd);
    reopen(&b);
    assert_list(&b, "a=3 ");
    raise_one(&b, "b", 1);
    assert_int_equal(dw_alerts_sync(b.alerts), DW_OK);
    reopen(&b);
    assert_list(&b, "a=3 b=1 ");
    assert_int_equal(log_lines(&b), 2);
    tear_down(&b);
}

static void a_shorter_log_than_the_view_was_made_of_is_believed(void **state)
{
    (void)state;
    struct bed b;
    set_up(&b);
    raise_one(&b, "a", 3);
    raise_one(&b, "b", 1);
    assert_int_equal(dw_alerts_sync(b.alerts), DW_OK);
    assert_int_equal(truncate(b.log, 0), 0);
    reopen(&b);
    assert_list(&b, "");
    tear_down(&b);
}

/* A bad line is somebody's edit or a bad disk: the alerts around it are worth more than the line. */
static void a_line_that_is_no_alert_is_counted_and_passed_over(void **state)
{
    (void)state;
    static const char bad[] = "{\"type\":\"raised\",\"id\":\"z\"\nnonsense\n";
    struct bed b;
    set_up(&b);
    raise_one(&b, "a", 3);
    assert_int_equal(dw_alerts_sync(b.alerts), DW_OK);
    int fd = open(b.log, O_WRONLY | O_APPEND);
    assert_int_equal(write(fd, bad, sizeof bad - 1), sizeof bad - 1);
    close(fd);
    uint64_t before = dw_counter_get(DW_C_alerts_lines_bad);
    reopen(&b);
    assert_int_equal(dw_counter_get(DW_C_alerts_lines_bad), before + 2);
    raise_one(&b, "b", 1);
    assert_int_equal(dw_alerts_sync(b.alerts), DW_OK);
    assert_list(&b, "a=3 b=1 ");
    dw_alerts_close(b.alerts);
    b.alerts = NULL;
    delete_view(&b);
    assert_int_equal(dw_alerts_open(&dw_fs_system, b.dir, &b.alerts), DW_OK);
    assert_list(&b, "a=3 b=1 ");
    tear_down(&b);
}

/* Longer than a step of reading, and longer than any alert may be. */
static void a_line_without_end_does_not_fill_memory(void **state)
{
    (void)state;
    enum { LONG_LINE = 40 * 1024 * 1024, STEP = 1 << 20 };
    struct bed b;
    char *x = dw_alloc(STEP);
    memset(x, 'x', STEP);
    set_up(&b);
    raise_one(&b, "a", 3);
    assert_int_equal(dw_alerts_sync(b.alerts), DW_OK);
    int fd = open(b.log, O_WRONLY | O_APPEND);
    for (int i = 0; i < LONG_LINE / STEP; i++)
        assert_int_equal(write(fd, x, STEP), STEP);
    assert_int_equal(write(fd, "\n", 1), 1);
    close(fd);
    reopen(&b);
    raise_one(&b, "b", 1);
    assert_int_equal(dw_alerts_sync(b.alerts), DW_OK);
    reopen(&b);
    assert_list(&b, "a=3 b=1 ");
    dw_free(x);
    tear_down(&b);
}

/* 40,000 alerts that wait together: by comparing each with each this takes minutes here, by a table a second or two. */
static void many_alerts_that_wait_are_found_by_a_table(void **state)
{
    (void)state;
    enum { MANY = 40000 };
    struct bed b;
    set_up(&b);
    int64_t began = dw_clock_cpu_ns();
    for (int i = 0; i < 2 * MANY; i++) {
        char id[32];
        (void)snprintf(id, sizeof id, "%08x", (unsigned)(i % MANY) * 2654435761u);
        raise_one(&b, id, 1);
        if (i == DW_ALERTS_PENDING - 2)
            assert_false(dw_alerts_due(b.alerts));
    }
    assert_true(dw_alerts_due(b.alerts));
    assert_true(dw_clock_cpu_ns() - began < INT64_C(15000000000));
    assert_int_equal(dw_alerts_sync(b.alerts), DW_OK);
    assert_false(dw_alerts_due(b.alerts));
    assert_int_equal(log_lines(&b), MANY);
    tear_down(&b);
}

static void an_alert_is_found_by_the_beginning_of_its_id(void **state)
{
    (void)state;
    struct bed b;
    struct dw_buf out = {0};
    set_up(&b);
    raise_one(&b, "abc1", 1);
    raise_one(&b, "abd2", 2);
    assert_int_equal(dw_alerts_sync(b.alerts), DW_OK);
    assert_int_equal(dw_alerts_find(b.alerts, DW_STR("abd"), put_short, &out), DW_OK);
    assert_str(dw_buf_view(&out), "abd2=2 ");
    assert_int_equal(dw_alerts_find(b.alerts, DW_STR("ab"), put_short, &out), DW_EEXIST);
    assert_int_equal(dw_alerts_find(b.alerts, DW_STR("x%"), put_short, &out), DW_ENOENT);
    dw_buf_fini(&out);
    tear_down(&b);
}

static void the_view_is_read_while_it_is_written(void **state)
{
    (void)state;
    struct bed b;
    struct dw_alerts *reader;
    struct dw_buf out = {0};
    int64_t last, again;
    set_up(&b);
    raise_one(&b, "a", 1);
    assert_int_equal(dw_alerts_sync(b.alerts), DW_OK);
    assert_int_equal(dw_alerts_open_read(b.dir, &reader), DW_OK);
    assert_int_equal(dw_alerts_list(reader, 0, 0, put_short, &out, &last), DW_OK);
    raise_one(&b, "b", 1);
    assert_int_equal(dw_alerts_sync(b.alerts), DW_OK);
    assert_int_equal(dw_alerts_list(reader, last, 0, put_short, &out, &again), DW_OK);
    assert_str(dw_buf_view(&out), "a=1 b=1 ");
    assert_true(again > last);
    dw_alerts_close(reader);
    dw_buf_fini(&out);
    tear_down(&b);
}

/* Goal:   whatever fails, what dw_alerts_sync answered for is there after opening again; and after a failure that passes, the same
 *         store can be synced again and nothing is there twice or broken.
 * Method: fail the 1st file call, then the 2nd, ...; once as a crash (all calls after it fail too), once as a passing fault. */
static void synced_alerts_stay_when_nth_call_fails(bool crash)
{
    for (int nth = 1;; nth++) {
        assert_true(nth < 1000);
        struct bed b;
        struct faulty_fs fault;
        char ids[8][4];
        struct dw_buf want = {0};
        bool owed = false;
        set_up(&b);
        dw_alerts_close(b.alerts);
        b.alerts = NULL;
        faulty_fs_init(&fault, nth, nth / 2 % 2 ? FAULT_TORN : FAULT_ENOSPC); /* calls go in pairs: write, sync */
        fault.sticky = crash;
        int rc = dw_alerts_open(&fault.fs, b.dir, &b.alerts);
        bool opened = rc == DW_OK;
        for (int i = 0; i < 8 && opened; i++) {
            (void)snprintf(ids[i], sizeof ids[i], "%c", 'a' + i);
            raise_one(&b, ids[i], i + 1);
            dw_buf_printf(&want, "%s=%d ", ids[i], i + 1);
            rc = dw_alerts_sync(b.alerts);
            owed = rc == DW_OK;
            if (rc < 0 && crash)
                break;
        }
        int hits = fault.hits;
        fault.fail_at = 0;
        if (opened && !crash && !owed)
            assert_int_equal(dw_alerts_sync(b.alerts), DW_OK);
        dw_alerts_close(b.alerts);
        b.alerts = NULL;
        if (opened && nth % 3)
            delete_view(&b);
        rc = dw_alerts_open(&dw_fs_system, b.dir, &b.alerts);
        if (rc != DW_OK)
            fail_msg("nth=%d: cannot be opened again: %d", nth, rc);
        struct dw_buf got = {0};
        list(&b, put_short, &got);
        /* all that was synced; in a crash what was in hand may be there or not */
        struct dw_str least = dw_buf_view(&want);
        if (crash && !owed && least.len)
            least.len -= strlen("a=1 ");
        if (!dw_str_starts(dw_buf_view(&want), dw_buf_view(&got)) || got.len < least.len)
            fail_msg("nth=%d: got \"%.*s\", want \"%.*s\"", nth, DW_ARG(dw_buf_view(&got)), DW_ARG(dw_buf_view(&want)));
        dw_buf_fini(&got);
        dw_buf_fini(&want);
        tear_down(&b);
        if (hits == 0)
            break;
    }
}

static void synced_alerts_survive_a_crash_at_any_call(void **state)
{
    (void)state;
    synced_alerts_stay_when_nth_call_fails(true);
}

static void a_passing_fault_loses_and_doubles_nothing(void **state)
{
    (void)state;
    synced_alerts_stay_when_nth_call_fails(false);
}

static void the_log_has_a_durable_name_before_the_first_alert(void **state)
{
    (void)state;
    struct bed b;
    struct noting_fs n;
    noting_fs_init(&n);
    (void)snprintf(b.dir, sizeof b.dir, "%s", temp_dir());
    assert_int_equal(dw_alerts_open(&n.fs, b.dir, &b.alerts), DW_OK);
    assert_str(dw_buf_view(&n.log), "alerts.log sync-dir ");
    dw_buf_fini(&n.log);
    tear_down(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_log_has_a_durable_name_before_the_first_alert),
        cmocka_unit_test(an_alert_raised_twice_is_one),
        cmocka_unit_test(a_greater_total_is_an_update),
        cmocka_unit_test(what_was_not_synced_is_not_there),
        cmocka_unit_test(a_deleted_view_is_made_again_from_the_log),
        cmocka_unit_test(a_torn_last_line_is_cut_and_the_log_goes_on),
        cmocka_unit_test(a_shorter_log_than_the_view_was_made_of_is_believed),
        cmocka_unit_test(a_line_that_is_no_alert_is_counted_and_passed_over),
        cmocka_unit_test(a_line_without_end_does_not_fill_memory),
        cmocka_unit_test(many_alerts_that_wait_are_found_by_a_table),
        cmocka_unit_test(an_alert_is_found_by_the_beginning_of_its_id),
        cmocka_unit_test(the_view_is_read_while_it_is_written),
        cmocka_unit_test(synced_alerts_survive_a_crash_at_any_call),
        cmocka_unit_test(a_passing_fault_loses_and_doubles_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
