/*
 * rules_cases: the cases of rules, found: beside them in NAME.test.yml, and in them.
 *
 * Invariant: (1) what is wrong with a rule file as such was told when it was loaded, and is not told again.
 */
#include "rules_cases.h"

#include "dogwatch/base/error.h"

/* The cases of one file: all of a .test.yml, or what stands in a rule. */
static int run_file(struct rules_cases *c, const char *path, bool beside)
{
    struct dw_buf text = {0};
    struct dw_arena yaml;
    struct dw_diags diags;
    const struct dw_yaml *doc = NULL;
    dw_arena_init(&yaml, 0);
    int rc = dw_fs_read_named(&dw_fs_system, path, RULES_FILE_BYTES_MAX, &text);
    dw_diags_init(&diags, dw_str_of(path), dw_buf_view(&text));
    c->file = &diags;
    if (rc == DW_OK)
        rc = dw_yaml_parse(&yaml, dw_buf_view(&text), &diags, &doc);
    for (; doc && rc == DW_OK; doc = doc->next)
        if (beside || !dw_cases_beside(doc))
            rc = dw_cases_run(c->rules->set, c->rules->keys, doc, &diags, c->each, c->ud);
    if (diags.count && !c->quiet && (beside || rc == DW_OK))
        rules_say(c->rules, &diags);
    c->errors += diags.errors;
    dw_buf_fini(&text);
    dw_arena_fini(&yaml);
    return rc == DW_ESYNTAX ? DW_OK : rc;
}

static int run_files(struct rules_cases *c, const struct dw_buf *names, bool beside)
{
    int rc = DW_OK;
    for (const char *n = names->ptr; rc == DW_OK && n && n < names->ptr + names->len; n += strlen(n) + 1) {
        rc = run_file(c, n, beside);
        if (rc < 0)
            fprintf(stderr, "%s: %s\n", n, dw_err_text(rc));
    }
    return rc;
}

int rules_cases_run(struct rules_cases *c)
{
    const struct rules_opts *o = c->rules->o;
    int rc = DW_OK;
    for (uint32_t i = 0; i < o->path_count && rc == DW_OK; i++) {
        struct dw_buf rules = {0}, cases = {0};
        rc = dw_rule_files(&dw_fs_system, o->path[i], &rules);
        if (rc == DW_OK)
            rc = dw_case_files(o->path[i], &cases);
        if (rc == DW_OK)
            rc = run_files(c, &rules, false);
        if (rc == DW_OK)
            rc = run_files(c, &cases, true);
        dw_buf_fini(&rules);
        dw_buf_fini(&cases);
    }
    return rc;
}
