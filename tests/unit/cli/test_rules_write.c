/* Tests of cli/rules_write.c: whatever call fails, a rule file is the old one or the new one; which files are not written; and a new one is whole. */
#include "support.h"

#include "../../../cli/rules.h"

#include <sys/stat.h>
#include <unistd.h>

static char dir[512], path[600];

static struct dw_buf text;

static const char *content(const char *of)
{
    dw_buf_reset(&text);
    assert_int_equal(dw_fs_read_file(&dw_fs_system, of, 1000, &text), DW_OK);
    dw_buf_byte(&text, 0);
    return text.ptr;
}

static void a_file_is_the_old_one_or_the_new_one_when_the_nth_call_fails(void **state)
{
    (void)state;
    for (int nth = 1;; nth++) {
        struct faulty_fs f;
        assert_true(nth < 100);
        assert_int_equal(dw_fs_write_file(&dw_fs_system, path, 0640, DW_STR("old")), DW_OK);
        faulty_fs_init(&f, nth, FAULT_TORN);
        int rc = rules_write_over(&f.fs, path, DW_STR("old"), DW_STR("the new one"));
        const char *now = content(path);
        assert_true(strcmp(now, "the new one") == 0 || (rc < 0 && strcmp(now, "old") == 0));
        if (f.hits == 0)
            break;
    }
    struct dw_stat st;
    assert_int_equal(dw_fs_stat(path, &st), DW_OK);
    assert_int_equal(st.mode & 07777, 0640);
}

/* Only root may give a file to any group; for others the test is of the permissions alone, which no umask takes. */
static void group_and_permissions_stay(void **state)
{
    (void)state;
    struct dw_stat st;
    gid_t group = geteuid() == 0 ? 4711 : getegid();
    assert_int_equal(dw_fs_write_file(&dw_fs_system, path, 0640, DW_STR("old")), DW_OK);
    assert_int_equal(chown(path, (uid_t)-1, group), 0);
    assert_int_equal(chmod(path, 0664), 0);
    mode_t before = umask(0077);
    assert_int_equal(rules_write_over(&dw_fs_system, path, DW_STR("old"), DW_STR("new")), DW_OK);
    (void)umask(before);
    assert_int_equal(dw_fs_stat(path, &st), DW_OK);
    assert_int_equal(st.mode & 07777, 0664);
    assert_int_equal(st.gid, group);
}

static void what_changed_meanwhile_and_links_are_not_written(void **state)
{
    (void)state;
    char link[700];
    (void)snprintf(link, sizeof link, "%s/link.yml", dir);
    assert_int_equal(dw_fs_write_file(&dw_fs_system, path, 0640, DW_STR("other")), DW_OK);
    assert_int_equal(rules_write_over(&dw_fs_system, path, DW_STR("old"), DW_STR("new")), DW_EAGAIN);
    assert_int_equal(symlink(path, link), 0);
    assert_int_equal(rules_write_over(&dw_fs_system, link, DW_STR("other"), DW_STR("new")), DW_ENOTREG);
    assert_string_equal(content(path), "other");
    assert_int_equal(rules_write_over(&dw_fs_system, dir, DW_STR("other"), DW_STR("new")), DW_ENOTREG);
}

static void a_new_file_is_whole_or_not_there_and_none_is_written_over(void **state)
{
    (void)state;
    char fresh[700];
    (void)snprintf(fresh, sizeof fresh, "%s/fresh.yml", dir);
    for (int nth = 1;; nth++) {
        struct faulty_fs f;
        struct dw_stat st;
        assert_true(nth < 100);
        faulty_fs_init(&f, nth, FAULT_TORN);
        int rc = rules_write_new(&f.fs, fresh, DW_STR("a filter"));
        if (dw_fs_lstat(fresh, &st) == DW_OK) {
            assert_string_equal(content(fresh), "a filter");
            assert_int_equal(rules_write_new(&dw_fs_system, fresh, DW_STR("another")), DW_EEXIST);
            assert_int_equal(dw_fs_unlink(&dw_fs_system, fresh), DW_OK);
        } else {
            assert_true(rc < 0);
        }
        if (f.hits == 0)
            break;
    }
}

static int begin(void **state)
{
    (void)state;
    (void)snprintf(dir, sizeof dir, "%s", temp_dir());
    (void)snprintf(path, sizeof path, "%s/rule.yml", dir);
    return 0;
}

static int end(void **state)
{
    (void)state;
    dw_buf_fini(&text);
    temp_dir_remove(dir);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_file_is_the_old_one_or_the_new_one_when_the_nth_call_fails),
        cmocka_unit_test(a_new_file_is_whole_or_not_there_and_none_is_written_over),
        cmocka_unit_test(group_and_permissions_stay),
        cmocka_unit_test(what_changed_meanwhile_and_links_are_not_written),
    };
    return cmocka_run_group_tests(tests, begin, end);
}
