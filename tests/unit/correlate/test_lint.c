/* Tests of what `dogwatch rules check` says of rules (correlate/sigma/lint*.c, say.c): each code once for what it is about, and not for what is right. */
#include "sigma_bed.h"

static struct sbed b;

static const struct dw_ruleset_opts all = {.lint = true, .notes = true};

/* Around what a case is about everything is as it should be. */
#define HEAD "title: T\nid: 0d5bd0b1-8b3c-4a5e-9f0e-7c2b1a3d4e5f\nstatus: test\ndescription: d\nauthor: a\ndate: 2024-01-31\nlevel: low\n"
#define SOURCE "logsource: {product: linux}\n"
#define PLAIN "detection: {s: {f: abc}, condition: s}\n"

/* Expects these codes, with a blank before each, and no others, in the order of places. */
static void says_in(const char *file, const char *yaml, const char *codes)
{
    const struct dw_diag_sink sink = {sbed_hear, &b.said};
    struct dw_buf found = {0};
    struct dw_ruleset *rs = dw_ruleset_new(b.keys, &all);
    dw_buf_reset(&b.said);
    assert_int_equal(dw_ruleset_add(rs, file, dw_str_of(yaml), sink), DW_OK);
    assert_int_equal(dw_ruleset_finish(rs, sink), DW_OK);
    struct dw_str rest = dw_buf_view(&b.said);
    for (size_t at; (at = dw_str_find(rest, DW_STR("[DW-S"))) < rest.len; rest = dw_str_slice(rest, at + 5, rest.len))
        dw_buf_printf(&found, " %.3s", rest.ptr + at + 5);
    dw_buf_byte(&found, 0);
    dw_buf_byte(&b.said, 0);
    if (strcmp(found.ptr, codes) != 0)
        fail_msg("for\n%s it says%s, not%s\n%s", yaml, found.ptr, codes, b.said.ptr);
    dw_buf_fini(&found);
    dw_ruleset_free(rs);
}

static void says(const char *yaml, const char *codes)
{
    says_in("t.yml", yaml, codes);
}

/* Of one item of a selection. */
static void item_says(const char *item, const char *codes)
{
    struct dw_buf yaml = {0};
    dw_buf_printf(&yaml, HEAD SOURCE "detection:\n  s:\n    %s\n  condition: s\n%c", item, 0);
    says(yaml.ptr, codes);
    dw_buf_fini(&yaml);
}

static void lint_says_what_stands_around_a_rule(void **state)
{
    (void)state;
    says(HEAD SOURCE PLAIN, "");
    says("title: T\n" SOURCE PLAIN, " 031 033 034 036 037 038");
    says("title: T\nid: mine\nstatus: tset\nlevel: low\ndescription: d\nauthor: a\ndate: 2024/01/31\nmodified: 2024-02-30\n" SOURCE PLAIN, " 032 035 039");
    says("title: T\nid: 0d5bd0b1-8b3c-4a5e-9f0e-7c2b1a3d4e5f\nstatus: deprecated\nlevel: low\ndescription: d\nauthor: a\ndate: 2024-01-31\nmodified: 2023-12-01\n" SOURCE PLAIN,
        " 048 040");
    says(HEAD "tags: [attack.t1110, attack.t1110.001, attack.g0001, attack.stealth, cve.2021-44228, tlp.red, attack.ta0001]\n" SOURCE PLAIN, "");
    says(HEAD "tags: [attack.T1110, attack, attack.t111, attack.t1110.01, attack.initial_access, atack.t1110, attack.g0001, attack.g0001]\n" SOURCE PLAIN,
        " 043 043 045 045 045 044 046");
    says(HEAD "references: [x, y, x]\nfalsepositives: []\nrelated: [{id: 1, type: similar}, {id: 0d5bd0b1-8b3c-4a5e-9f0e-7c2b1a3d4e50, type: like}]\n" SOURCE PLAIN,
        " 046 042 047 047");
    says(HEAD "falsepositives: [Unknown, '']\nrelated: [{id: 0d5bd0b1-8b3c-4a5e-9f0e-7c2b1a3d4e50, type: derived}]\n" SOURCE PLAIN, " 042");
    says(HEAD "logsource: {category: process_creation, product: windows}\n" PLAIN, "");
    says(HEAD "logsource: {category: procces, product: Linux}\n" PLAIN, " 050 051");
    says_in("rules/My rule.yml", HEAD SOURCE PLAIN, " 049");
    says_in("My rules/mine.yml", HEAD SOURCE PLAIN, "");
}

static void lint_says_what_conditions_and_correlations_lack(void **state)
{
    (void)state;
    says(HEAD SOURCE "detection: {s: {f: abc}, condition: all of them}\n", " 060");
    says(HEAD SOURCE "detection: {s: {f: abc}, r: {f: abd}, condition: 1 of them}\n", "");
    says(HEAD SOURCE "detection: {s: {f: abc}, condition: not s}\n", " 061");
    says(HEAD SOURCE "detection: {s: {f: abc}, r: {g: x}, condition: not s and r}\n", "");
    says(HEAD "correlation: {type: event_count, rules: [m], timespan: 1m, condition: {gte: 2}}\n---\nname: m\n" HEAD SOURCE PLAIN, " 053 005");
    says(HEAD "correlation: {type: event_count, rules: [m], group-by: [g], timespan: 1m, condition: {gte: 2}}\n", " 017");
    says("name: m\n" HEAD SOURCE PLAIN "---\ntitle: F\nid: 0d5bd0b1-8b3c-4a5e-9f0e-7c2b1a3d4e50\nlevel: low\ndescription: d\nauthor: a\ndate: 2024-01-31\n" SOURCE
         "filter: {rules: [m], s: {f: '**x'}, condition: s}\n", " 052 084");
    says("mapping: m\nlogsource: {product: acme}\nfields: {a: b}\n", "");
}

static void lint_says_which_modifiers_do_nothing(void **state)
{
    (void)state;
    item_says("f|contains|all: abc", " 070");
    item_says("f|contains|all: [abc, xyz]", "");
    item_says("f|all: [abc, xyz]", " 071");
    item_says("f|all: ['abc*', '*xyz']", "");
    item_says("f|contains|contains: abc", " 072");
    item_says("f|base64|base64: abc", "");
    item_says("f|base64offset: abc", " 073");
    item_says("f|base64offset|contains: abc", "");
    item_says("f|cased: '12'", " 074");
    item_says("f|cased: [A, '1']", "");
    item_says("f|re|i: '^12$'", " 074");
}

static void lint_says_which_values_do_nothing_or_mislead(void **state)
{
    (void)state;
    item_says("f: [abc, xyz, ABC]", " 080");
    item_says("f|cased: [abc, ABC]", "");
    item_says("f: [null, '']", "");
    item_says("f|contains: [sh, bash]", " 081");
    item_says("f|contains|all: [sh, bash]", "");
    item_says("f|startswith: [sh, bash, shell]", " 081");
    item_says("f|endswith: [sh, bash, shell]", " 081");
    item_says("f: '*'", " 082");
    item_says("f: ['*abc*', '*x*']", " 083");
    item_says("f: ['abc*', '*x']", "");
    item_says("f: 'a**b'", " 084");
    item_says("f|contains: 'abc*'", " 084");
    item_says("f|startswith: '*abc'", "");
    item_says("f|endswith: '*abc'", " 084");
    item_says("f|contains: 'C:\\Users\\*'", " 085");
    item_says("f|contains: 'C:\\Users\\\\*'", " 084");
    item_says("f|contains: '\\*word\\*'", "");
    item_says("f|contains: 'id=\\d+'", " 086");
    item_says("f|re: 'id=\\d+'", "");
    item_says("f|contains: ''", " 087");
    item_says("f: ''", "");
    item_says("f|contains: \"C:\\temp\"", " 088");
    item_says("f|contains: 'a\xe2\x80\x8b" "b'", " 089");
    item_says("f|contains: \"a\\u200bb\"", ""); /* written so, it was meant */
    item_says("f|contains: '\xe2\x80\xae'", ""); /* alone, it is what the rule is about */
    item_says("f|contains: '\xf0\x9f\x91\x81\xe2\x80\x8d\xf0\x9f\x97\xa8'", "");
    item_says("f|contains: 'p\xd0\xb0ypal'", " 090"); /* a Cyrillic letter */
    item_says("f|contains: '\xd0\xbf\xd0\xb0\xd1\x80 x'", "");
    item_says("f|contains: 'a  b'", " 091");
    item_says("f: ' a'", " 091");
    item_says("f|contains: ' a '", "");
    item_says("f|re: '.*abc'", " 092");
    item_says("f|re: 'abc\\.*'", "");
    item_says("f|re: abc", " 093");
    says(HEAD SOURCE "detection: {s: [abc, '*x*', ABC], condition: s}\n", " 084 080");
}

static void a_file_allows_what_is_no_error_and_it_is_counted(void **state)
{
    (void)state;
    const struct dw_ruleset_opts warnings = {.lint = true};
    says("# dogwatch: allow DW-S074, DW-S080: they stand\n" HEAD SOURCE "detection: {s: {f|cased: ['1', '1', a-b]}, condition: s}\n", "");
    says(HEAD SOURCE "detection: {s: {f: [a, a]}, condition: s} # dogwatch: allow DW-S081 DW-S999 DW-S004\n", " 080 030");
    says("# dogwatch: allow DW-S004\nlevel: hihg\n" SOURCE PLAIN, " 031 034 036 037 038 004"); /* an error is none to be allowed */
    assert_int_equal(sbed_rules_with(&b, "# dogwatch: allow DW-S080\ntitle: T\n" SOURCE "detection: {s: {f: [a, a]}, condition: s}\n", &warnings), 1);
    assert_int_equal(dw_ruleset_allowed(b.rs), 1);
    assert_int_equal(dw_ruleset_notes(b.rs), 6);
    assert_string_equal(b.said.ptr, "");
}

static void codes_are_of_one_form_and_rise(void **state)
{
    (void)state;
    size_t count;
    const struct dw_lint_row *row = dw_lint_table(&count);
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(strlen(row[i].code), 7);
        assert_true(i == 0 || strcmp(row[i - 1].code, row[i].code) < 0);
        assert_true(row[i].severity != DW_SEVERITY_ERROR || row[i].when == DW_LINT_LOADING);
        assert_true(strlen(row[i].what) && strlen(row[i].fix) && strlen(row[i].fix) < sizeof(((struct dw_diag *)0)->help));
    }
}

static int begin(void **state)
{
    (void)state;
    sbed_init(&b);
    return 0;
}

static int end(void **state)
{
    (void)state;
    sbed_fini(&b);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lint_says_what_stands_around_a_rule),
        cmocka_unit_test(lint_says_what_conditions_and_correlations_lack),
        cmocka_unit_test(lint_says_which_modifiers_do_nothing),
        cmocka_unit_test(lint_says_which_values_do_nothing_or_mislead),
        cmocka_unit_test(a_file_allows_what_is_no_error_and_it_is_counted),
        cmocka_unit_test(codes_are_of_one_form_and_rise),
    };
    return cmocka_run_group_tests(tests, begin, end);
}
