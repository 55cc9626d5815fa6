/* Tests of repairs (correlate/sigma/mend.c, edits.c, and what lint*.c offers): each code that tbl/lint.h says is mended, and what is left to people. */
#include "sigma_bed.h"

#include "dogwatch/correlate/mend.h"

static struct sbed b;
static struct dw_mends mends;

static int no_chance(uint8_t *out, size_t len)
{
    memset(out, 0xab, len);
    return DW_OK;
}

#define NEW_ID "abababab-abab-4bab-abab-abababababab"
#define HEAD "title: T\nid: 0d5bd0b1-8b3c-4a5e-9f0e-7c2b1a3d4e5f\nstatus: test\ndescription: d\nauthor: a\ndate: 2024-01-31\nlevel: low\n"
#define SOURCE "logsource: {product: linux}\n"
#define PLAIN "detection: {s: {f: abc}, condition: s}\n"

/* Loads the text, takes all repairs; the mended text goes to `out`, NUL-terminated. */
static void mend(const char *yaml, struct dw_buf *out)
{
    const struct dw_ruleset_opts opts = {.lint = true, .notes = true, .mends = &mends};
    struct dw_buf edits = {0};
    dw_mends_fini(&mends);
    dw_mends_init(&mends, no_chance);
    (void)sbed_rules_with(&b, yaml, &opts);
    assert_int_equal(mends.err, DW_OK);
    dw_mends_sort(&mends);
    for (uint32_t i = 0; i < mends.count; i++)
        mends.item[i].used = !mends.item[i].beside;
    dw_mends_edits(&mends, 0, mends.count, &edits);
    dw_buf_reset(out);
    dw_edits_apply((const struct dw_edit *)(const void *)edits.ptr, edits.len / sizeof(struct dw_edit), dw_str_of(yaml), out);
    dw_buf_byte(out, 0);
    dw_buf_fini(&edits);
}

static void becomes(const char *yaml, const char *want)
{
    struct dw_buf out = {0};
    mend(yaml, &out);
    if (strcmp(out.ptr, want) != 0)
        fail_msg("for\n%s\nit writes\n%s\nnot\n%s", yaml, out.ptr, want);
    dw_buf_fini(&out);
}

static void stays(const char *yaml)
{
    becomes(yaml, yaml);
}

static void what_stands_around_a_rule_is_mended(void **state)
{
    (void)state;
    becomes("title: T # why\nstatus: tset # soon\nlevel: 'hgih'\ndate: 2024/1/31\nmodified: \"2024.02.03\"\n" SOURCE PLAIN,
        "title: T # why\nid: " NEW_ID "\nstatus: test # soon\nlevel: 'high'\ndate: 2024-01-31\nmodified: \"2024-02-03\"\n" SOURCE PLAIN);
    becomes("# first\nlevel: low\r\ntitle: >\r\n  T\r\n" SOURCE PLAIN, "# first\nid: " NEW_ID "\r\nlevel: low\r\ntitle: >\r\n  T\r\n" SOURCE PLAIN);
    becomes("  title: T\r\n  level: low\r\n  " SOURCE "  " PLAIN, "  title: T\r\n  id: " NEW_ID "\r\n  level: low\r\n  " SOURCE "  " PLAIN);
    becomes(HEAD "logsource: {product: Linux}\n" PLAIN, HEAD SOURCE PLAIN);
    stays("{title: T, " "detection: {s: {f: abc}, condition: s}}\n");
    stays("title: T\nid:\n" SOURCE PLAIN);
    stays(HEAD "modified: 31/01/2024\n" SOURCE PLAIN);
    stays(HEAD "modified: 2024/31/01\n" SOURCE PLAIN);
    stays("title: T\nid: mine\nstatus: es\nlevel: nope\n" SOURCE PLAIN);
}

static void tags_are_mended_where_one_is_meant(void **state)
{
    (void)state;
    becomes(HEAD "tags: [attack.T1110, 'attack.Initial Access', attack.credential_access, atack.t1110.001, attack.defence-evasion, CVE.2021-44228]\n" SOURCE PLAIN,
        HEAD "tags: [attack.t1110, 'attack.initial-access', attack.credential-access, attack.t1110.001, attack.defense-evasion, cve.2021-44228]\n" SOURCE PLAIN);
    stays(HEAD "tags: [attack.t111, attack, acme.thing, cves.2021, atack.thing, attack.T1110.1, 'a b']\n" SOURCE PLAIN);
    stays(HEAD "tags:\n    - >-\n      attack.T1110\n" SOURCE PLAIN);
}

static void what_stands_twice_goes_once_and_comments_stay(void **state)
{
    (void)state;
    becomes(HEAD "references: [x, 'y' ,  x, z, x]\ntags:\n  # these\n  - attack.t1110\n  - attack.t1110\n  - attack.g0001 # b\n" SOURCE PLAIN,
        HEAD "references: [x, 'y', z]\ntags:\n  # these\n  - attack.t1110\n  - attack.g0001 # b\n" SOURCE PLAIN);
    stays(HEAD "references:\n  - x\n  - x # this one\nfalsepositives: [a,\n  a]\n" SOURCE PLAIN);
    becomes(HEAD SOURCE "detection:\n  s:\n    f: [a, b, A]\n    g|re: ['\\S', '\\s', '\\S']\n  condition: s",
        HEAD SOURCE "detection:\n  s:\n    f: [a, b]\n    g|re: ['\\S', '\\s']\n  condition: s");
    becomes(HEAD SOURCE "detection:\n  s:\n    - a\n    - b\n    - a", HEAD SOURCE "detection:\n  s:\n    - a\n    - b\n");
    stays(HEAD SOURCE "detection:\n  s:\n    f: ['010', 010]\n    h: [&x a, *x]\n  condition: s\n"); /* without quotes it is 8 too */
    becomes(HEAD SOURCE PLAIN "---\ntitle: F\nid: 0d5bd0b1-8b3c-4a5e-9f0e-7c2b1a3d4e50\nlevel: low\ndescription: d\nauthor: a\ndate: 2024-01-31\nstatus: test # x\n" SOURCE
                              "filter: {rules: any, s: {f: x}, condition: s}\n",
        HEAD SOURCE PLAIN "---\ntitle: F\nid: 0d5bd0b1-8b3c-4a5e-9f0e-7c2b1a3d4e50\ndescription: d\nauthor: a\ndate: 2024-01-31\nstatus: test # x\n" SOURCE
                          "filter: {rules: any, s: {f: x}, condition: s}\n");
}

static void selections_are_written_as_they_mean(void **state)
{
    (void)state;
    becomes(HEAD SOURCE "detection: {s: {f: abc}, condition: all of them}\n", HEAD SOURCE "detection: {s: {f: abc}, condition: s}\n");
    stays(HEAD SOURCE "detection: {'s t': {f: abc}, condition: all of them}\n");
    becomes(HEAD SOURCE "detection:\n  s:\n    f|contains|all: abc\n    'g|contains|contains': x\n    h|cased: ['1', '2']\n  condition: s\n",
        HEAD SOURCE "detection:\n  s:\n    f|contains: abc\n    'g|contains': x\n    h: ['1', '2']\n  condition: s\n");
    becomes(HEAD SOURCE "detection:\n  s:\n    f: '*abc*' # c\n    g: ['*aa', \"*bb\"]\n    'h': abc*\n  condition: s\n",
        HEAD SOURCE "detection:\n  s:\n    f|contains: 'abc' # c\n    g|endswith: ['aa', \"bb\"]\n    'h|startswith': abc\n  condition: s\n");
    becomes(HEAD SOURCE "detection:\n  s:\n    f|contains: ['**a**b*', x*]\n    g|endswith: '*x'\n    h: a**b\n  condition: s\n",
        HEAD SOURCE "detection:\n  s:\n    f|contains: ['a*b', x]\n    g|endswith: 'x'\n    h: a*b\n  condition: s\n");
    stays(HEAD SOURCE "detection:\n  s:\n    - a:*\n    - b *\n  condition: s\n"); /* a key, and a blank that is lost */
    stays(HEAD SOURCE "detection:\n  s:\n    f: ['*a*', '*b']\n    g: \"*a\\\\x*\"\n    h|contains: '*\xef\xb8\x8f\xe2\x83\xa3'\n  condition: s\n");
}

static void what_a_file_allows_is_not_mended(void **state)
{
    (void)state;
    stays("# dogwatch: allow DW-S043 DW-S080: as they are\n" HEAD "tags: [attack.T1110]\n" SOURCE "detection: {s: {f: [a, a]}, condition: s}\n");
    becomes(HEAD "status2: x\ntags: [attack.T1110]\n" SOURCE PLAIN, HEAD "status2: x\ntags: [attack.t1110]\n" SOURCE PLAIN);
}

/* Loaded again nothing more is mended, and a rule that is to stay the same has its hash. */
static void a_second_run_finds_nothing_and_hashes_are_as_the_table_says(void **state)
{
    (void)state;
    static const struct {
        const char *item;
        bool same;
    } cases[] = {{"f: '*abc*'", true}, {"f|contains|all: abc", true}, {"f: ['aa*', 'bb*']", true}, {"f|contains|contains: abc", true}, {"f: [a, a]", false},
        {"f|contains: '*a'", false}, {"f|cased: '1'", false}};
    for (size_t i = 0; i < DW_COUNT_OF(cases); i++) {
        uint8_t hash[DW_SHA256_BYTES];
        struct dw_buf yaml = {0}, out = {0}, again = {0};
        dw_buf_printf(&yaml, HEAD SOURCE "detection:\n  s:\n    %s\n  condition: 1 of them\n%c", cases[i].item, 0);
        mend(yaml.ptr, &out);
        memcpy(hash, dw_ruleset_rule(b.rs, 0)->logic_hash, sizeof hash);
        for (uint32_t m = 0; m < mends.count && cases[i].same; m++)
            assert_int_equal(mends.item[m].row->repair, DW_REPAIR_SAME);
        assert_true(mends.count > 1);
        mend(out.ptr, &again);
        assert_int_equal(mends.count, 0);
        assert_int_equal(memcmp(hash, dw_ruleset_rule(b.rs, 0)->logic_hash, sizeof hash) == 0, cases[i].same);
        dw_buf_fini(&yaml);
        dw_buf_fini(&out);
        dw_buf_fini(&again);
    }
}

static void lines_move_with_what_comes_before_them(void **state)
{
    (void)state;
    struct dw_str text = DW_STR("a\nb\nc\nd\n");
    const struct dw_edit edits[] = {{1, 1, DW_STR("\nx\ny")}, {2, 4, DW_STR("")}, {6, 7, DW_STR("D")}};
    struct dw_buf out = {0};
    dw_edits_apply(edits, 3, text, &out);
    dw_buf_byte(&out, 0);
    assert_string_equal(out.ptr, "a\nx\ny\nc\nD\n");
    assert_int_equal(dw_edits_line(edits, 3, text, 1), 1);
    assert_int_equal(dw_edits_line(edits, 3, text, 3), 4);
    assert_int_equal(dw_edits_line(edits, 3, text, 4), 5);
    dw_buf_fini(&out);
}

static void a_diff_has_three_lines_around_what_changed(void **state)
{
    (void)state;
    struct dw_str text = DW_STR("1\n2\n3\n4\n5\n6\n7\n8\n9\n10\n11\n12\n13\n14");
    const struct dw_edit edits[] = {{1, 1, DW_STR("\nid")}, {4, 6, DW_STR("")}, {30, 32, DW_STR("xiv")}};
    struct dw_buf out = {0};
    dw_edits_diff(edits, 3, DW_STR("r.yml"), text, &out);
    dw_buf_byte(&out, 0);
    assert_string_equal(out.ptr, "--- r.yml\n+++ r.yml\n@@ -1,6 +1,6 @@\n 1\n+id\n 2\n-3\n 4\n 5\n 6\n@@ -11,4 +11,4 @@\n 11\n 12\n 13\n-14\n\\ No newline at end of file\n+xiv\n\\ No newline at end of file\n");
    dw_buf_fini(&out);
}

static void without_memory_repairs_are_not_complete_and_say_so(void **state)
{
    (void)state;
    const char *yaml = "title: T\nstatus: tset\n" SOURCE "detection: {s: {f: ['*a*', '*b*']}, condition: 1 of them}\n";
    for (unsigned nth = 1;; nth++) {
        const struct dw_ruleset_opts opts = {.lint = true, .notes = true, .mends = &mends};
        assert_true(nth < 5000);
        dw_mends_fini(&mends);
        dw_mends_init(&mends, no_chance);
        mem_fail_at(nth);
        struct dw_ruleset *rs = dw_ruleset_new(b.keys, &opts);
        int rc = rs ? dw_ruleset_add(rs, "t.yml", dw_str_of(yaml), (struct dw_diag_sink){NULL, NULL}) : DW_ENOMEM;
        unsigned hits = mem_fail_hits();
        mem_fail_at(0);
        dw_ruleset_free(rs);
        assert_true(rc < 0 || mends.err < 0 || mends.count == 4 || hits);
        if (hits == 0)
            break;
    }
}

static int begin(void **state)
{
    (void)state;
    sbed_init(&b);
    dw_mends_init(&mends, no_chance);
    return 0;
}

static int end(void **state)
{
    (void)state;
    dw_mends_fini(&mends);
    sbed_fini(&b);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_stands_around_a_rule_is_mended),
        cmocka_unit_test(tags_are_mended_where_one_is_meant),
        cmocka_unit_test(what_stands_twice_goes_once_and_comments_stay),
        cmocka_unit_test(selections_are_written_as_they_mean),
        cmocka_unit_test(what_a_file_allows_is_not_mended),
        cmocka_unit_test(a_second_run_finds_nothing_and_hashes_are_as_the_table_says),
        cmocka_unit_test(lines_move_with_what_comes_before_them),
        cmocka_unit_test(a_diff_has_three_lines_around_what_changed),
        cmocka_unit_test(without_memory_repairs_are_not_complete_and_say_so),
    };
    return cmocka_run_group_tests(tests, begin, end);
}
