/*
 * rules_test: `dogwatch rules test`: the cases beside rules and in them.
 *
 * Idea: a case that fails is shown with its place, and an event with the conditions that decided; what has no case is counted, not hidden.
 *
 * Exit codes: 0 all cases passed; 1 one did not; 2 a mistake in rules or cases.
 */
#include "rules.h"

#include "put_condition.h"
#include "rules_cases.h"

#include "dogwatch/base/error.h"
#include "dogwatch/base/mem.h"

struct test {
    struct rules rules;
    struct dw_match_scratch *scratch;
    struct rules_cases cases;
    bool *has_cases;             /* by rule */
    uint64_t passed, failed, errors; /* errors: explanations that failed */
    struct dw_buf junit;
};

static const char *const kind_text[] = {[DW_CASE_MATCH] = "match", [DW_CASE_NO_MATCH] = "no_match", [DW_CASE_SEQUENCE] = "sequence"};

static void put_xml(struct dw_buf *out, struct dw_str s)
{
    for (size_t i = 0; i < s.len; i++) {
        unsigned char c = (unsigned char)s.ptr[i];
        if (c == '&' || c == '<' || c == '>' || c == '"' || c < 0x20)
            dw_buf_printf(out, "&#%u;", c < 0x20 && c != '\t' && c != '\n' ? '?' : c);
        else
            dw_buf_byte(out, c);
    }
}

/* Why a case failed, in words. */
static void put_why(struct dw_buf *out, const struct dw_case *c)
{
    if (c->undecided)
        dw_buf_str(out, DW_STR("undecided"));
    else if (c->kind == DW_CASE_SEQUENCE)
        dw_buf_printf(out, "%lld alerts, not %lld (%s)", (long long)c->got, (long long)c->want, c->variant);
    else
        dw_buf_str(out, c->got ? DW_STR("matches") : DW_STR("does not match"));
}

static void put_junit(struct test *t, const struct dw_case *c)
{
    const struct dw_rule *rule = dw_ruleset_rule(t->rules.set, c->rule);
    dw_buf_str(&t->junit, DW_STR("  <testcase classname=\""));
    put_xml(&t->junit, rule->title.len ? rule->title : rule->id);
    dw_buf_printf(&t->junit, "\" name=\"%s %u\" file=\"", kind_text[c->kind], c->number);
    put_xml(&t->junit, t->cases.file->path);
    dw_buf_printf(&t->junit, "\" line=\"%u\"", c->at.line);
    if (c->passed) {
        dw_buf_str(&t->junit, DW_STR("/>\n"));
        return;
    }
    dw_buf_str(&t->junit, DW_STR("><failure message=\""));
    put_why(&t->junit, c);
    dw_buf_str(&t->junit, DW_STR("\"/></testcase>\n"));
}

static void show_failure(struct test *t, const struct dw_case *c)
{
    const struct dw_rule *rule = dw_ruleset_rule(t->rules.set, c->rule);
    struct dw_diags d;
    struct dw_buf why = {0};
    enum dw_verdict verdict;
    put_why(&why, c);
    dw_diags_init(&d, t->cases.file->path, t->cases.file->text);
    dw_diag_add(&d, c->at, NULL, "%s %u of '%.*s': %.*s", kind_text[c->kind], c->number, DW_ARG(rule->title.len ? rule->title : rule->id), DW_ARG(dw_buf_view(&why)));
    dw_buf_reset(&why);
    dw_diags_print(&d, &why);
    (void)fwrite(why.ptr, 1, why.len, stdout);
    dw_buf_fini(&why);
    if (!c->event || rule->corr)
        return;
    if (dw_match_explain(t->scratch, c->rule, c->event, false, cli_put_condition, NULL, &verdict) < 0)
        t->errors++;
    else if (verdict == DW_TRUE && !c->got)
        printf("      its conditions hold, but its logsource does not take the event: see event.dataset\n");
}

static void on_case(void *ud, const struct dw_case *c)
{
    struct test *t = ud;
    t->has_cases[c->rule] = true;
    t->passed += c->passed;
    t->failed += !c->passed;
    if (t->rules.o->junit)
        put_junit(t, c);
    else if (!c->passed)
        show_failure(t, c);
}

static void sum_up(struct test *t)
{
    uint32_t count = dw_ruleset_count(t->rules.set), without = 0;
    for (uint32_t i = 0; i < count; i++)
        without += !t->has_cases[i];
    if (t->rules.o->junit) {
        printf("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites><testsuite name=\"dogwatch rules test\" tests=\"%llu\" failures=\"%llu\">\n",
            (unsigned long long)(t->passed + t->failed), (unsigned long long)t->failed);
        (void)fwrite(t->junit.ptr, 1, t->junit.len, stdout);
        printf("</testsuite></testsuites>\n");
        return;
    }
    printf("%llu cases passed, %llu failed; %u of %u rules have none\n", (unsigned long long)t->passed, (unsigned long long)t->failed, without, count);
    if (without == count)
        printf("  write cases beside a rule, in NAME.test.yml:   rule: NAME\n"
               "                                                 match: [{field: value}]\n"
               "                                                 no_match: [{field: value}]\n");
}

int rules_test(const struct rules_opts *o)
{
    struct test t = {.passed = 0};
    int code = rules_load(&t.rules, o);
    if (code == CLI_YES) {
        t.scratch = dw_match_scratch_new(t.rules.set);
        t.has_cases = dw_calloc(dw_ruleset_count(t.rules.set) + 1, sizeof *t.has_cases);
        t.cases = (struct rules_cases){.rules = &t.rules, .each = on_case, .ud = &t};
        int rc = t.scratch && t.has_cases ? rules_cases_run(&t.cases) : DW_ENOMEM;
        if (rc == DW_OK)
            sum_up(&t);
        code = rc < 0 ? CLI_CANNOT : t.errors + t.cases.errors ? CLI_USAGE : rules_verdict(&t.rules);
        code = code == CLI_YES && t.failed ? CLI_NO : code;
    }
    dw_match_scratch_free(t.scratch);
    dw_free(t.has_cases);
    dw_buf_fini(&t.junit);
    rules_fini(&t.rules);
    return code;
}
