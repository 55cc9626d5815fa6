/* Tests of what people say of alerts: a change is a line of the log, counts once, and comes from who owns its file. */
#include "alerts_bed.h"
#include "noting.h"

#include "dogwatch/base/counter.h"

#include <fcntl.h>
#include <pwd.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

static void set_up(struct bed *b)
{
    struct dw_alert a = {.id = "aa", .rule = "r", .title = "t", .level = "high", .time_ns = 1, .total = 1, .doc = DW_STR("{\"x\":1}")};
    make_bed(b);
    assert_int_equal(dw_alerts_raise(b->alerts, &a), DW_OK);
    assert_int_equal(dw_alerts_sync(b->alerts), DW_OK);
}

static size_t log_lines(const struct bed *b)
{
    char path[600];
    struct dw_buf log = {0};
    size_t n = 0;
    path_in(b, "alerts.log", path);
    assert_int_equal(dw_fs_read_file(&dw_fs_system, path, 1 << 20, &log), DW_OK);
    for (size_t i = 0; i < log.len; i++)
        n += log.ptr[i] == '\n';
    dw_buf_fini(&log);
    return n;
}

static int change(struct dw_alerts *alerts, const char *name, const char *id, enum dw_alert_field field, const char *value)
{
    struct dw_alert_change c = {.change = name, .alert = id, .author = "alice", .field = field, .time_ns = 7, .value = dw_str_of(value)};
    return dw_alerts_change(alerts, &c);
}

static void put_said(void *arg, const struct dw_alert *a)
{
    for (int i = 0; i < DW_ALERT_FIELDS; i++)
        dw_buf_printf(arg, "%s|", a->said[i]);
}

static void put_change(void *arg, const struct dw_alert_change *c)
{
    dw_buf_printf(arg, " %s:%s=%.*s@%lld", c->author, dw_alert_field_name(c->field), DW_ARG(c->value), (long long)c->time_ns);
}

static void assert_said(struct bed *b, const char *want)
{
    struct dw_buf out = {0};
    assert_int_equal(dw_alerts_find(b->alerts, DW_STR("aa"), put_said, &out), DW_OK);
    assert_int_equal(dw_alerts_history(b->alerts, "aa", put_change, &out), DW_OK);
    assert_str(dw_buf_view(&out), want);
    dw_buf_fini(&out);
}

static void an_alert_is_new_until_somebody_says_otherwise(void **state)
{
    (void)state;
    struct bed b;
    set_up(&b);
    assert_said(&b, "new|undetermined|||");
    tear_down(&b);
}

static void what_was_said_is_in_the_log_and_outlives_the_view(void **state)
{
    (void)state;
    static const char want[] = "resolved|benign|bob|a \"b\"\nc| alice:status=in_progress@7 alice:assignee=bob@7 alice:note=a \"b\"\nc@7"
                               " alice:status=resolved@7 alice:disposition=benign@7";
    struct bed b;
    set_up(&b);
    assert_int_equal(change(b.alerts, "1", "aa", DW_ALERT_status, "in_progress"), DW_OK);
    assert_int_equal(change(b.alerts, "2", "aa", DW_ALERT_assignee, "bob"), DW_OK);
    assert_int_equal(dw_alerts_sync(b.alerts), DW_OK);
    assert_int_equal(change(b.alerts, "3", "aa", DW_ALERT_note, "a \"b\"\nc"), DW_OK);
    assert_int_equal(change(b.alerts, "4", "aa", DW_ALERT_status, "resolved"), DW_OK);
    assert_int_equal(change(b.alerts, "5", "aa", DW_ALERT_disposition, "benign"), DW_OK);
    assert_int_equal(dw_alerts_sync(b.alerts), DW_OK);
    assert_said(&b, want);
    open_again_without_view(&b);
    assert_said(&b, want);
    tear_down(&b);
}

static void the_same_change_again_changes_nothing(void **state)
{
    (void)state;
    struct bed b;
    set_up(&b);
    assert_int_equal(change(b.alerts, "1", "aa", DW_ALERT_status, "closed"), DW_OK);
    assert_int_equal(change(b.alerts, "1", "aa", DW_ALERT_status, "closed"), DW_OK); /* before the sync */
    assert_int_equal(dw_alerts_sync(b.alerts), DW_OK);
    assert_int_equal(change(b.alerts, "1", "aa", DW_ALERT_status, "closed"), DW_OK); /* and after it */
    assert_int_equal(dw_alerts_sync(b.alerts), DW_OK);
    assert_said(&b, "closed|undetermined||| alice:status=closed@7");
    assert_int_equal(log_lines(&b), 2);
    tear_down(&b);
}

static void what_cannot_be_said_is_refused(void **state)
{
    (void)state;
    static char text[DW_ALERT_VALUE_MAX + 2];
    struct bed b;
    set_up(&b);
    assert_int_equal(change(b.alerts, "1", "zz", DW_ALERT_status, "closed"), DW_ENOENT);
    assert_int_equal(change(b.alerts, "1", "a", DW_ALERT_status, "closed"), DW_ENOENT);
    assert_int_equal(change(b.alerts, "1", "aa", DW_ALERT_status, "clos"), DW_EUNKNOWN);
    assert_int_equal(change(b.alerts, "1", "aa", DW_ALERT_note, ""), DW_ELIMIT);
    memset(text, 'x', sizeof text - 1);
    assert_int_equal(change(b.alerts, "1", "aa", DW_ALERT_note, text), DW_ELIMIT);
    assert_int_equal(change(b.alerts, "1", "aa", DW_ALERT_assignee, ""), DW_OK); /* nobody works on it any more */
    tear_down(&b);
}

static void put_id(void *arg, const struct dw_alert *a)
{
    dw_buf_printf(arg, "%s:%lld:%s ", a->id, (long long)a->total, a->said[DW_ALERT_status]);
}

/* Who follows sees what changed as well as what came. */
static void changed_alerts_are_listed_again(void **state)
{
    (void)state;
    struct bed b;
    struct dw_buf out = {0};
    int64_t at = 0;
    set_up(&b);
    struct dw_alert more = {.id = "bb", .rule = "r", .title = "t", .level = "high", .time_ns = 0, .total = 1, .doc = DW_STR("{}")};
    assert_int_equal(dw_alerts_raise(b.alerts, &more), DW_OK);
    assert_int_equal(dw_alerts_sync(b.alerts), DW_OK);
    assert_int_equal(dw_alerts_list(b.alerts, at, 0, put_id, &out, &at), DW_OK);
    assert_str(dw_buf_view(&out), "bb:1:new aa:1:new ");
    dw_buf_reset(&out);
    assert_int_equal(dw_alerts_list(b.alerts, at, 0, put_id, &out, &at), DW_OK);
    assert_int_equal(out.len, 0);
    more.total = 5;
    assert_int_equal(dw_alerts_raise(b.alerts, &more), DW_OK);
    assert_int_equal(dw_alerts_sync(b.alerts), DW_OK);
    assert_int_equal(dw_alerts_list(b.alerts, at, 0, put_id, &out, &at), DW_OK);
    assert_str(dw_buf_view(&out), "bb:5:new ");
    dw_buf_reset(&out);
    assert_int_equal(change(b.alerts, "1", "aa", DW_ALERT_status, "closed"), DW_OK);
    assert_int_equal(dw_alerts_sync(b.alerts), DW_OK);
    assert_int_equal(dw_alerts_list(b.alerts, at, 0, put_id, &out, &at), DW_OK);
    assert_str(dw_buf_view(&out), "aa:1:closed ");
    dw_buf_fini(&out);
    tear_down(&b);
}

/* A view that an older build made has no place for what people say. */
static void a_view_of_another_version_is_made_again(void **state)
{
    (void)state;
    struct bed b;
    char path[600];
    struct dw_alerts *reader = NULL;
    set_up(&b);
    assert_int_equal(change(b.alerts, "1", "aa", DW_ALERT_status, "closed"), DW_OK);
    assert_int_equal(dw_alerts_sync(b.alerts), DW_OK);
    dw_alerts_close(b.alerts);
    path_in(&b, "alerts.db", path);
    int fd = open(path, O_WRONLY);
    assert_int_equal(pwrite(fd, "\0\0\0\1", 4, 60), 4); /* SQLite keeps user_version there */
    close(fd);
    assert_int_equal(dw_alerts_open_read(b.dir, &reader), DW_EVERSION);
    open_bed(&b);
    assert_said(&b, "closed|undetermined||| alice:status=closed@7");
    tear_down(&b);
}

static void ask(struct bed *b, const char *id, const char *value, char name[DW_CHANGE_ID_TEXT])
{
    struct dw_alert_change c = {.alert = id, .author = "carol", .field = DW_ALERT_status, .time_ns = 1, .value = dw_str_of(value)};
    assert_int_equal(dw_alert_ask(&dw_fs_system, b->dir, &c, name), DW_OK);
}

static void what_others_ask_for_is_taken_in_order(void **state)
{
    (void)state;
    char name[3][DW_CHANGE_ID_TEXT];
    struct bed b;
    set_up(&b);
    assert_false(dw_alerts_asked(b.alerts));
    ask(&b, "aa", "in_progress", name[0]);
    ask(&b, "zz", "closed", name[1]);
    ask(&b, "aa", "closed", name[2]);
    assert_true(dw_alerts_asked(b.alerts));
    for (int i = 0; i < 3; i++)
        assert_false(dw_alert_answered(b.dir, name[i]));
    uint64_t refused = dw_counter_get(DW_C_alerts_changes_refused);
    assert_int_equal(dw_alerts_take_asked(b.alerts, 9), DW_OK);
    assert_int_equal(dw_counter_get(DW_C_alerts_changes_refused), refused + 1);
    for (int i = 0; i < 3; i++)
        assert_true(dw_alert_answered(b.dir, name[i]));
    assert_false(dw_alerts_asked(b.alerts));
    assert_said(&b, "closed|undetermined||| carol:status=in_progress@9 carol:status=closed@9");
    assert_int_equal(dw_alerts_take_asked(b.alerts, 9), DW_OK);
    tear_down(&b);
}

static void nobody_speaks_for_somebody_else(void **state)
{
    (void)state;
    char name[DW_CHANGE_ID_TEXT], path[700];
    struct bed b;
    if (geteuid() != 0)
        skip(); /* a file cannot be given to somebody else */
    struct passwd *nobody = getpwnam("nobody");
    assert_non_null(nobody);
    set_up(&b);
    ask(&b, "aa", "closed", name);
    (void)snprintf(path, sizeof path, "%s/inbox/%s", b.dir, name);
    assert_int_equal(chown(path, nobody->pw_uid, nobody->pw_gid), 0);
    assert_int_equal(dw_alerts_take_asked(b.alerts, 9), DW_OK);
    assert_said(&b, "closed|undetermined||| nobody:status=closed@9");
    tear_down(&b);
}

static void junk_in_the_inbox_is_refused_and_goes(void **state)
{
    (void)state;
    static const struct {
        const char *name, *text;
    } junk[] = {{"1", ""}, {"2", "{}"}, {"3", "{\"type\":\"raised\",\"id\":\"b\",\"finding\":{}}"},
        {"4", "{\"type\":\"changed\",\"id\":\"aa\",\"field\":\"level\",\"value\":\"low\",\"change\":\"4\"}"}};
    char path[600];
    struct bed b;
    set_up(&b);
    path_in(&b, "inbox", path);
    for (size_t i = 0; i < DW_COUNT_OF(junk); i++) {
        char file[700];
        (void)snprintf(file, sizeof file, "%s/%s", path, junk[i].name);
        assert_int_equal(dw_fs_write_file(&dw_fs_system, file, 0600, dw_str_of(junk[i].text)), DW_OK);
    }
    uint64_t refused = dw_counter_get(DW_C_alerts_changes_refused);
    assert_int_equal(dw_alerts_take_asked(b.alerts, 9), DW_OK);
    assert_int_equal(dw_counter_get(DW_C_alerts_changes_refused), refused + DW_COUNT_OF(junk));
    assert_false(dw_alerts_asked(b.alerts));
    assert_said(&b, "new|undetermined|||");
    assert_int_equal(log_lines(&b), 1);
    tear_down(&b);
}

/* Whatever stands in the inbox, the collector goes on and takes what can be taken. */
static void what_is_no_file_of_its_asker_is_refused_and_goes(void **state)
{
    (void)state;
    char path[600], name[DW_CHANGE_ID_TEXT], aim[600];
    struct bed b;
    set_up(&b);
    path_in(&b, "inbox/00-aa", path);
    assert_int_equal(mkdir(path, 0700), 0);
    path_in(&b, "theirs", aim);
    assert_int_equal(dw_fs_write_file(&dw_fs_system, aim, 0600,
                         DW_STR("{\"type\":\"changed\",\"id\":\"aa\",\"change\":\"1\",\"field\":\"status\",\"value\":\"closed\",\"author\":\"root\"}")), DW_OK);
    path_in(&b, "inbox/00-bb", path);
    assert_int_equal(symlink(aim, path), 0);
    path_in(&b, "inbox/00-cc", path);
    assert_int_equal(mkfifo(path, 0600), 0);
    ask(&b, "aa", "in_progress", name);
    uint64_t refused = dw_counter_get(DW_C_alerts_changes_refused);
    assert_int_equal(dw_alerts_take_asked(b.alerts, 9), DW_OK);
    assert_int_equal(dw_counter_get(DW_C_alerts_changes_refused), refused + 3);
    assert_false(dw_alerts_asked(b.alerts));
    assert_said(&b, "in_progress|undetermined||| carol:status=in_progress@9");
    tear_down(&b);
}

static int refuse_to_remove(const struct dw_fs *fs, const char *path)
{
    (void)fs;
    (void)path;
    return DW_EACCES;
}

static int refuse_to_rename(const struct dw_fs *fs, const char *from, const char *to)
{
    (void)to;
    return refuse_to_remove(fs, from);
}

static void an_inbox_that_cannot_be_emptied_is_closed(void **state)
{
    (void)state;
    char name[DW_CHANGE_ID_TEXT];
    struct bed b;
    struct dw_fs_ops ops = *dw_fs_system.ops;
    struct dw_fs stubborn = {&ops};
    set_up(&b);
    ask(&b, "aa", "closed", name);
    ops.unlink = refuse_to_remove;
    ops.rename = refuse_to_rename;
    dw_alerts_close(b.alerts);
    assert_int_equal(dw_alerts_open(&stubborn, b.dir, &b.alerts), DW_OK);
    assert_int_equal(dw_alerts_take_asked(b.alerts, 9), DW_OK);
    assert_false(dw_alerts_asked(b.alerts));
    assert_said(&b, "closed|undetermined||| carol:status=closed@9");
    tear_down(&b);
}

/* The loop that takes them takes frames too. */
static void a_thousand_are_taken_at_once(void **state)
{
    (void)state;
    char name[DW_CHANGE_ID_TEXT];
    struct bed b;
    set_up(&b);
    for (int i = 0; i < 1001; i++)
        ask(&b, "aa", i == 1000 ? "closed" : "in_progress", name);
    assert_int_equal(dw_alerts_take_asked(b.alerts, 9), DW_OK);
    assert_int_equal(log_lines(&b), 1001);
    assert_true(dw_alerts_asked(b.alerts));
    assert_int_equal(dw_alerts_take_asked(b.alerts, 9), DW_OK);
    assert_int_equal(log_lines(&b), 1002);
    assert_false(dw_alerts_asked(b.alerts));
    struct dw_buf out = {0};
    assert_int_equal(dw_alerts_find(b.alerts, DW_STR("aa"), put_said, &out), DW_OK);
    assert_str(dw_buf_view(&out), "closed|undetermined|||");
    dw_buf_fini(&out);
    tear_down(&b);
}

/* Whatever call fails, a change that was asked for is made once. */
static void a_change_is_made_once_when_the_nth_call_fails(void **state)
{
    (void)state;
    int hits = 1;
    for (int nth = 1; hits; nth++) {
        char name[DW_CHANGE_ID_TEXT];
        struct faulty_fs fault;
        struct bed b;
        assert_true(nth < 200);
        set_up(&b);
        dw_alerts_close(b.alerts);
        ask(&b, "aa", "closed", name);
        faulty_fs_init(&fault, nth, nth % 2 ? FAULT_TORN : FAULT_ENOSPC);
        b.alerts = NULL;
        int rc = dw_alerts_open(&fault.fs, b.dir, &b.alerts);
        for (int i = 0; i < 2 && rc == DW_OK; i++)
            if (dw_alerts_take_asked(b.alerts, 9) == DW_OK)
                break;
        hits = fault.hits;
        fault.fail_at = 0;
        dw_alerts_close(b.alerts);
        open_bed(&b);
        assert_int_equal(dw_alerts_take_asked(b.alerts, 9), DW_OK);
        assert_said(&b, "closed|undetermined||| carol:status=closed@9");
        assert_int_equal(log_lines(&b), 2);
        tear_down(&b);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_alert_is_new_until_somebody_says_otherwise),
        cmocka_unit_test(what_was_said_is_in_the_log_and_outlives_the_view),
        cmocka_unit_test(the_same_change_again_changes_nothing),
        cmocka_unit_test(what_cannot_be_said_is_refused),
        cmocka_unit_test(changed_alerts_are_listed_again),
        cmocka_unit_test(a_view_of_another_version_is_made_again),
        cmocka_unit_test(what_others_ask_for_is_taken_in_order),
        cmocka_unit_test(nobody_speaks_for_somebody_else),
        cmocka_unit_test(junk_in_the_inbox_is_refused_and_goes),
        cmocka_unit_test(what_is_no_file_of_its_asker_is_refused_and_goes),
        cmocka_unit_test(an_inbox_that_cannot_be_emptied_is_closed),
        cmocka_unit_test(a_thousand_are_taken_at_once),
        cmocka_unit_test(a_change_is_made_once_when_the_nth_call_fails),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
