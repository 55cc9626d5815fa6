/* Tests of correlate/sigma/mapping.c and of the routes of Windows events (logsource.c). */
#include "sigma_bed.h"

#include "dogwatch/base/error.h"

static struct sbed b;

#define PROXY "---\ntitle: p\nid: p\nlogsource: {category: proxy, product: acme}\ndetection: {s: {c-uri: /x, other: '1'}, condition: s}\n"
#define MAPPING \
    "mapping: acme\nlogsource: {category: proxy, product: acme}\ndatasets: [acme.proxy]\nfields: {c-uri: [acme.address, acme.uri]}\nprefix: acme.\n"

static bool takes(const char *fields)
{
    (void)sbed_event(&b, fields, "-");
    return sbed_match_with(&b, (struct dw_match_opts){0}) == 1;
}

static void a_mapping_file_brings_a_source(void **state)
{
    uint8_t without[DW_SHA256_BYTES], other[DW_SHA256_BYTES];
    (void)state;
    assert_int_equal(sbed_rules(&b, PROXY), 1);
    memcpy(without, dw_ruleset_rule(b.rs, 0)->logic_hash, sizeof without);
    assert_false(takes("event.dataset=acme.proxy|acme.uri=/x|acme.other=1"));
    assert_int_equal(sbed_rules(&b, MAPPING PROXY), 1);
    assert_true(takes("event.dataset=acme.proxy|acme.uri=/x|acme.other=1"));
    assert_true(takes("event.dataset=acme.proxy|c-uri=/x|acme.uri=/y|other=1"));                /* the rule's own name first */
    assert_false(takes("event.dataset=acme.proxy|acme.address=/y|acme.uri=/x|acme.other=1")); /* then in the file's order */
    assert_true(takes("event.dataset=acme.proxy|acme.uri=/y|acme.other=1|acme.address=/x"));
    assert_false(takes("event.dataset=acme.mail|acme.uri=/x|acme.other=1"));
    assert_memory_not_equal(dw_ruleset_rule(b.rs, 0)->logic_hash, without, sizeof without);
    memcpy(other, dw_ruleset_rule(b.rs, 0)->logic_hash, sizeof other);
    assert_int_equal(sbed_rules(&b, "mapping: m\nlogsource: {category: proxy, product: acme}\ndatasets: [acme.other]\n"
                                    "fields: {c-uri: [acme.address, acme.uri]}\nprefix: acme.\n" PROXY), 1);
    assert_memory_not_equal(dw_ruleset_rule(b.rs, 0)->logic_hash, other, sizeof other); /* datasets decide too */
    assert_int_equal(sbed_rules(&b, "mapping: m\nlogsource: {product: else}\nfields: {c-uri: acme.uri}\nprefix: acme.\n" PROXY), 1);
    assert_memory_equal(dw_ruleset_rule(b.rs, 0)->logic_hash, without, sizeof without); /* it is for other rules */
}

static void mistakes_in_mappings_are_told(void **state)
{
    static const struct {
        const char *text, *says;
    } bad[] = {
        {"mapping: m\nfeilds: {a: b}\n", "did you mean 'fields'?"},
        {"mapping: m\nfields: [a]\n", "fields are a mapping"},
        {"mapping: m\nfields: {a: {b: c}}\n", "a name, or a list of names"},
        {"mapping: m\nfields: {a: [[b]]}\n", "a name, or a list of names"},
        {"mapping: m\ndatasets: [a]\n", "datasets of no logsource"},
        {"mapping: m\nlogsource: x\n", "logsource is a mapping"},
    };
    (void)state;
    for (size_t i = 0; i < DW_COUNT_OF(bad); i++) {
        assert_int_equal(sbed_rules(&b, bad[i].text), 0);
        assert_int_equal(dw_ruleset_errors(b.rs), 1);
        if (!strstr(b.said.ptr, bad[i].says))
            fail_msg("for %s it says %s", bad[i].text, b.said.ptr);
    }
    assert_int_equal(sbed_rules(&b, PROXY "---\nmapping: m\nfields: {a: b}\n"), 1);
    assert_non_null(strstr(b.said.ptr, "a mapping after rules"));
}

static void mapping_files_are_read_first(void **state)
{
    (void)state;
    char path[700], folder[700];
    const char *dir = temp_dir(), *const paths[] = {dir};
    uint32_t bad;
    struct dw_buf names = {0};
    (void)snprintf(folder, sizeof folder, "%s/z", dir);
    assert_int_equal(dw_fs_mkdirs(&dw_fs_system, folder, 0700), DW_OK);
    (void)snprintf(path, sizeof path, "%s/a.yml", dir);
    assert_int_equal(dw_fs_write_file(&dw_fs_system, path, 0600, DW_STR(PROXY)), DW_OK);
    (void)snprintf(path, sizeof path, "%s/z/acme.mapping.yml", dir);
    assert_int_equal(dw_fs_write_file(&dw_fs_system, path, 0600, DW_STR(MAPPING)), DW_OK);
    dw_match_scratch_free(b.scratch);
    dw_ruleset_free(b.rs);
    assert_int_equal(dw_ruleset_load(&dw_fs_system, paths, 1, b.keys, NULL, (struct dw_diag_sink){0}, &b.rs, &bad), DW_OK);
    b.scratch = dw_match_scratch_new(b.rs);
    assert_int_equal(dw_ruleset_errors(b.rs), 0);
    assert_true(takes("event.dataset=acme.proxy|acme.uri=/x|acme.other=1"));
    assert_int_equal(dw_mapping_files(dir, &names), DW_OK);
    assert_string_equal(names.ptr, path);
    dw_buf_fini(&names);
    temp_dir_remove(dir);
}

static void windows_events_go_by_channel_and_id(void **state)
{
    (void)state;
    assert_int_equal(sbed_rules(&b, "title: a\nid: a\nlogsource: {product: windows, category: process_creation}\ndetection: {s: {f: '1'}, condition: s}\n"
                                    "---\ntitle: b\nid: b\nlogsource: {product: windows, service: security}\ndetection: {s: {f: '1'}, condition: s}\n"
                                    "---\ntitle: c\nid: c\nlogsource: {product: windows, category: registry_set}\ndetection: {s: {f: '1'}, condition: s}\n"
                                    "---\ntitle: d\nid: d\nlogsource: {product: linux}\ndetection: {s: {f: '1'}, condition: s}\n"), 4);
    static const struct {
        const char *event;
        bool a, b, c;
    } cases[] = {
        {"f=1|Channel=Microsoft-Windows-Sysmon/Operational|EventID=1", true, false, false},
        {"f=1|winlog.channel=microsoft-windows-sysmon/operational|winlog.event_id=13", false, false, true},
        {"f=1|winlog.channel=Security|event.code=4688|event.dataset=system.security", true, true, false},
        {"f=1|Channel=Security|EventID=4624", false, true, false},
        {"f=1|Channel=Nobody|EventID=1", false, false, false},
        {"f=1|Channel=Security", false, true, false},
        {"f=1|Channel=Security|event.dataset=nginx.access", false, true, false},
    };
    for (size_t i = 0; i < DW_COUNT_OF(cases); i++) {
        (void)sbed_event(&b, cases[i].event, "-");
        (void)sbed_match_with(&b, (struct dw_match_opts){0});
        assert_true(b.hit[0] == cases[i].a && b.hit[1] == cases[i].b && b.hit[2] == cases[i].c && !b.hit[3]);
    }
    (void)sbed_event(&b, "f=1|Channel=sales|EventID=7|event.dataset=auditd.log", "-"); /* a field of its own is no way around its rules */
    (void)sbed_match_with(&b, (struct dw_match_opts){0});
    assert_true(b.hit[3] && b.hits == 1);
}

static int setup(void **state)
{
    (void)state;
    sbed_init(&b);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    sbed_fini(&b);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_mapping_file_brings_a_source, setup, teardown),
        cmocka_unit_test_setup_teardown(mistakes_in_mappings_are_told, setup, teardown),
        cmocka_unit_test_setup_teardown(mapping_files_are_read_first, setup, teardown),
        cmocka_unit_test_setup_teardown(windows_events_go_by_channel_and_id, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
