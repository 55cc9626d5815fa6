/* Tests of cli/cmd_rules.c: exit codes. What is printed is scored by tools/score_sigma.py. */
#include "support.h"

#include "../../../cli/cmd.h"

#include <stdio.h>

static int rules(const char *verb, const char *path)
{
    char *argv[] = {(char *)(uintptr_t) "rules", (char *)(uintptr_t)verb, (char *)(uintptr_t)path, NULL};
    return cmd_rules(path ? 3 : 2, argv);
}

static void exit_codes_are_those_of_the_design(void **state)
{
    (void)state;
    char path[700];
    const char *dir = temp_dir();
    (void)snprintf(path, sizeof path, "%s/r.yml", dir);
    assert_int_equal(rules("check", NULL), 2);
    assert_int_equal(rules("chekc", dir), 2);
    assert_int_equal(rules("check", "/nonexistent/rules"), 2);
    assert_int_equal(rules("check", "rules"), 0);
    assert_int_equal(
        dw_fs_write_file(&dw_fs_system, path, 0600, DW_STR("title: x\ndetection: {s: {a|nope: 1}, condition: s}\n")),
        DW_OK);
    assert_int_equal(rules("check", path), 2);
    temp_dir_remove(dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(exit_codes_are_those_of_the_design)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
