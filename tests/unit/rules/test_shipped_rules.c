/* Runs the cases beside every shipped rule (rules/.../NAME.test.yml), as `dogwatch rules test` does. */
#include "support.h"

#include "dogwatch/correlate/cases.h"

#include <stdio.h>

static struct dw_keys *keys;
static struct dw_ruleset *rs;
static uint32_t cases;

static void hear(void *ud, const struct dw_diags *d)
{
    struct dw_buf out = {0};
    (void)ud;
    dw_diags_print(d, &out);
    print_message("%.*s", (int)out.len, out.ptr);
    dw_buf_fini(&out);
}

static void on_case(void *ud, const struct dw_case *c)
{
    cases++;
    if (!c->passed)
        fail_msg("%s:%u: %lld, not %lld", (const char *)ud, c->at.line, (long long)c->got, (long long)c->want);
}

static void run_file(const char *path)
{
    struct dw_buf text = {0};
    struct dw_diags diags;
    struct dw_arena arena;
    const struct dw_yaml *doc = NULL;
    char name[600];
    (void)snprintf(name, sizeof name, "%s", path);
    dw_arena_init(&arena, 0);
    assert_int_equal(dw_fs_read_file(&dw_fs_system, path, 1 << 20, &text), DW_OK);
    dw_diags_init(&diags, dw_str_of(path), dw_buf_view(&text));
    assert_int_equal(dw_yaml_parse(&arena, dw_buf_view(&text), &diags, &doc), DW_OK);
    cases = 0;
    assert_int_equal(dw_cases_run(rs, keys, doc, &diags, on_case, name), DW_OK);
    hear(NULL, &diags);
    assert_int_equal(diags.count, 0);
    assert_true(cases >= 2);
    dw_buf_fini(&text);
    dw_arena_fini(&arena);
}

static void every_shipped_rule_passes_its_cases(void **state)
{
    (void)state;
    const char *paths[] = {"rules"};
    struct dw_buf names = {0};
    uint32_t bad, files = 0;
    keys = dw_keys_new();
    assert_int_equal(dw_ruleset_load(&dw_fs_system, paths, 1, keys, NULL, (struct dw_diag_sink){hear, NULL}, &rs, &bad), DW_OK);
    assert_int_equal(dw_ruleset_errors(rs), 0);
    assert_int_equal(dw_rule_files(&dw_fs_system, "rules", &names), DW_OK);
    for (const char *n = names.ptr; n < names.ptr + names.len; n += strlen(n) + 1, files++) {
        char path[600];
        (void)snprintf(path, sizeof path, "%.*s.test.yml", (int)(strlen(n) - 4), n);
        run_file(path); /* a rule without cases fails here */
    }
    assert_int_equal(files, dw_ruleset_count(rs));
    assert_true(files >= 20);
    dw_buf_fini(&names);
    dw_ruleset_free(rs);
    dw_keys_free(keys);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(every_shipped_rule_passes_its_cases)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
