/* Tests of correlate/sigma/ruleset.c, rule.c, correlation.c, logsource.c, fieldname.c, logic_hash.c and load.c. */
#include "sigma_bed.h"

static struct sbed b;

#define RULE(id, body) "title: t\nid: " id "\nlogsource: {product: linux, service: sshd}\ndetection:\n" body
#define CORR(rest)     "---\ntitle: c\nid: c\ncorrelation:\n  timespan: 1m\n" rest

static void a_bad_rule_leaves_the_others(void **state)
{
    (void)state;
    assert_int_equal(sbed_rules(&b, RULE("a", "  s: {f|nope: 1}\n  condition: s\n") "---\n" RULE(
                                        "b", "  s: {f: 1}\n  condition: s\n")),
        1);
    assert_int_equal(dw_ruleset_errors(b.rs), 1);
    assert_true(sbed_is(&b, "f=1"));
    assert_int_equal(
        sbed_rules(&b, RULE("a", "  s: {f: 1}\n  condition: s\n") "---\n" RULE("a", "  s: {f: 2}\n  condition: s\n")),
        1);
    assert_non_null(strstr(b.said.ptr, "taken already"));
    assert_int_equal(sbed_rules(&b, "a: [\n"), 0);
    assert_int_equal(dw_ruleset_errors(b.rs), 1);
    assert_int_equal(sbed_rules(&b, "- a\n"), 0);
    assert_int_equal(sbed_rules(&b, "title: x\nlevel: hihg\ndetection: {s: {a: 1}, condition: s}\n"), 0);
    assert_non_null(strstr(b.said.ptr, "did you mean 'high'?"));
    assert_int_equal(sbed_rules(&b, "title: x\ndetecton: {s: {a: 1}, condition: s}\n"), 0);
    assert_non_null(strstr(b.said.ptr, "did you mean 'detection'?"));
}

static void logsource_routes_by_dataset(void **state)
{
    (void)state;
    assert_int_equal(
        sbed_rules(&b,
            RULE("a", "  s: {f: 1}\n  condition: s\n") "---\ntitle: w\nid: w\nlogsource: {category: "
                                                       "webserver}\ndetection:\n  s: {f: 1}\n  condition: s\n"
                                                       "---\ntitle: d\nid: d\nlogsource: {product: mine, service: "
                                                       "log}\ndetection:\n  s: {f: 1}\n  condition: s\n"),
        3);
    (void)sbed_event(&b, "f=1|event.dataset=system.auth", "-");
    assert_int_equal(sbed_match_with(&b, (struct dw_match_opts){0}), 1);
    assert_true(b.hit[0]);
    (void)sbed_event(&b, "f=1|event.dataset=nginx.access", "-");
    assert_int_equal(sbed_match_with(&b, (struct dw_match_opts){0}), 1);
    assert_true(b.hit[1]);
    (void)sbed_event(&b, "f=1|event.dataset=mine.log", "-");
    assert_int_equal(sbed_match_with(&b, (struct dw_match_opts){0}), 1);
    assert_true(b.hit[2]);
    (void)sbed_event(&b, "f=1", "-");
    assert_int_equal(sbed_match_with(&b, (struct dw_match_opts){0}), 0);
    assert_int_equal(sbed_match_with(&b, (struct dw_match_opts){.any_logsource = true}), 3);
}

static void sigma_names_find_ecs_fields(void **state)
{
    (void)state;
    sbed_detection(&b, "  s:\n    cs-method: GET\n    c-useragent|contains: curl\n  condition: s\n");
    assert_true(sbed_is(&b, "http.request.method=GET|user_agent.original=curl/8"));
    assert_true(sbed_is(&b, "cs-method=get|c-useragent=curl/8"));
    assert_false(sbed_is(&b, "cs-method=POST|http.request.method=GET|c-useragent=curl/8")); /* its own name first */
    assert_int_equal(sbed_rules(&b, "title: k\nid: k\nlogsource: {product: kubernetes, service: audit}\ndetection:\n  "
                                    "s: {verb: create}\n  condition: s\n"),
        1);
    assert_true(sbed_is(&b, "kubernetes.audit.verb=create"));
}

static void filters_narrow_rules(void **state)
{
    (void)state;
    const char *filter = "---\ntitle: f\nid: f\nlogsource: {product: linux}\nfilter:\n  rules: [a]\n  admins: {user: "
                         "root}\n  condition: not admins\n";
    char text[1000];
    (void)snprintf(text, sizeof text, "%s---\n%s%s", RULE("a", "  s: {f: 1}\n  condition: s\n"),
        RULE("b", "  s: {f: 1}\n  condition: s\n"), filter);
    assert_int_equal(sbed_rules(&b, text), 2);
    assert_true(sbed_is(&b, "f=1|user=root"));
    assert_true(!b.hit[0] && b.hit[1]);
    assert_true(sbed_is(&b, "f=1|user=bob"));
    assert_true(b.hit[0] && b.hit[1]);
}

static void correlations_resolve_or_say_why(void **state)
{
    (void)state;
    const char *base = RULE("a", "  s: {f: 1}\n  condition: s\n");
    const struct {
        const char *part, *word;
    } bad[] = {
        {CORR("  type: event_cuont\n  rules: [a]\n  condition: {gte: 2}\n"), "did you mean 'event_count'?"},
        {CORR("  type: event_count\n  rules: [nope]\n  condition: {gte: 2}\n"), "no such rule: 'nope'"},
        {CORR("  type: event_count\n  rules: [c]\n  condition: {gte: 2}\n"), "no such rule"},
        {CORR("  type: event_count\n  rules: [a]\n"), "comparison is missing"},
        {CORR("  type: value_count\n  rules: [a]\n  condition: {gte: 2}\n"), "needs a field"},
        {CORR("  type: event_count\n  rules: [a]\n  condition: {atleast: 2}\n"), "unknown comparison"},
        {CORR("  type: event_count\n  rules: []\n  condition: {gte: 2}\n"), "rules are missing"},
        {"---\ntitle: c\nid: c\ncorrelation:\n  timespan: 5x\n  type: temporal\n  rules: [a]\n", "not a timespan"},
    };
    for (size_t i = 0; i < DW_COUNT_OF(bad); i++) {
        char text[1000];
        (void)snprintf(text, sizeof text, "%s%s", base, bad[i].part);
        assert_int_equal(sbed_rules(&b, text), 1);
        if (!strstr(b.said.ptr, bad[i].word))
            fail_msg("case %zu says %s", i, b.said.ptr);
    }
    char text[1000];
    (void)snprintf(text, sizeof text, "%s%s", base,
        CORR("  type: event_count\n  rules: [a]\n  group-by: [user]\n  condition: {gt: 1, lte: 5}\n"));
    assert_int_equal(sbed_rules(&b, text), 2);
    const struct dw_rule *c = dw_ruleset_rule(b.rs, 1);
    assert_int_equal(c->corr->timespan_ns, INT64_C(60000000000));
    assert_int_equal(c->corr->cond_count, 2);
    assert_true(dw_ruleset_rule(b.rs, 0)->silent);
}

static void correlations_of_each_other_are_refused(void **state)
{
    (void)state;
    assert_int_equal(sbed_rules(&b, "title: x\nid: x\ncorrelation: {type: temporal, rules: [y], timespan: 1m}\n"
                                    "---\ntitle: y\nid: y\ncorrelation: {type: temporal, rules: [x], timespan: 1m}\n"),
        0);
    assert_non_null(strstr(b.said.ptr, "member of itself"));
}

static void logic_hash_is_of_what_decides(void **state)
{
    (void)state;
    uint8_t first[DW_SHA256_BYTES];
    assert_int_equal(sbed_rules(&b, RULE("a", "  s: {f: 1}\n  condition: s\n")), 1);
    memcpy(first, dw_ruleset_rule(b.rs, 0)->logic_hash, sizeof first);
    assert_int_equal(sbed_rules(&b, "title: z\nid: z\nlogsource: {product: q}\ndetection: {s: {other: 9}, condition: "
                                    "s}\n---\nlevel: high\n" RULE("a", "  sel: {f: 1}\n  condition: sel\n")),
        2);
    assert_memory_equal(dw_ruleset_rule(b.rs, 1)->logic_hash, first, sizeof first);
    assert_int_equal(sbed_rules(&b, RULE("a", "  s: {f: 2}\n  condition: s\n")), 1);
    assert_memory_not_equal(dw_ruleset_rule(b.rs, 0)->logic_hash, first, sizeof first);
    assert_int_equal(sbed_rules(&b, RULE("a", "  s: {g: 1}\n  condition: s\n")), 1);
    assert_memory_not_equal(dw_ruleset_rule(b.rs, 0)->logic_hash, first, sizeof first);
}

static void load_reads_folders_in_order_and_leaves_tests(void **state)
{
    (void)state;
    char path[700];
    const char *dir = temp_dir(), *paths[] = {dir};
    const char *names[] = {"z.yml", "a.yaml", "a.test.yml", "notes.txt", "sub/m.yml"};
    (void)snprintf(path, sizeof path, "%s/sub", dir);
    assert_int_equal(dw_fs_mkdirs(&dw_fs_system, path, 0700), DW_OK);
    for (size_t i = 0; i < DW_COUNT_OF(names); i++) {
        char text[300];
        (void)snprintf(path, sizeof path, "%s/%s", dir, names[i]);
        int len = snprintf(text, sizeof text,
            "title: '%s'\nlogsource: {product: x}\ndetection: {s: {a: 1}, condition: s}\n", names[i]);
        assert_int_equal(dw_fs_write_file(&dw_fs_system, path, 0600, dw_str_make(text, (size_t)len)), DW_OK);
    }
    struct dw_ruleset *rs = NULL;
    uint32_t bad;
    assert_int_equal(
        dw_ruleset_load(&dw_fs_system, paths, 1, b.keys, NULL, (struct dw_diag_sink){0}, &rs, &bad), DW_OK);
    assert_int_equal(dw_ruleset_count(rs), 3);
    assert_str(dw_ruleset_rule(rs, 0)->title, "a.yaml");
    assert_str(dw_ruleset_rule(rs, 2)->title, "z.yml");
    dw_ruleset_free(rs);
    temp_dir_remove(dir);
    assert_int_equal(
        dw_ruleset_load(&dw_fs_system, paths, 1, b.keys, NULL, (struct dw_diag_sink){0}, &rs, &bad), DW_ENOENT);
}

static void ruleset_survives_failed_allocations(void **state)
{
    (void)state;
    const char *text =
        RULE("a", "  s: {f|contains|windash: [' -abc', 'x*y'], g|re: abc+d}\n  k: [word]\n  condition: s or not k\n")
            CORR("  type: event_count\n  rules: [a]\n  group-by: [user]\n  condition: {gte: 2}\n");
    for (unsigned nth = 1;; nth++) {
        assert_true(nth < 5000);
        struct dw_keys *keys = dw_keys_new();
        mem_fail_at(nth);
        struct dw_ruleset *rs = dw_ruleset_new(keys, NULL);
        int rc = rs ? dw_ruleset_add(rs, "t.yml", dw_str_of(text), (struct dw_diag_sink){0}) : DW_ENOMEM;
        unsigned hits = mem_fail_hits();
        mem_fail_at(0); /* finish hashes, and digest.h asserts its memory */
        if (rc == DW_OK)
            rc = dw_ruleset_finish(rs, (struct dw_diag_sink){0});
        assert_true(hits || (rc == DW_OK && dw_ruleset_count(rs) == 2));
        if (hits && rc != DW_ENOMEM)
            fail_msg("nth=%u: code %d", nth, rc);
        dw_ruleset_free(rs);
        dw_keys_free(keys);
        if (!hits)
            break;
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_bad_rule_leaves_the_others),
        cmocka_unit_test(logsource_routes_by_dataset),
        cmocka_unit_test(sigma_names_find_ecs_fields),
        cmocka_unit_test(filters_narrow_rules),
        cmocka_unit_test(correlations_resolve_or_say_why),
        cmocka_unit_test(correlations_of_each_other_are_refused),
        cmocka_unit_test(logic_hash_is_of_what_decides),
        cmocka_unit_test(load_reads_folders_in_order_and_leaves_tests),
        cmocka_unit_test(ruleset_survives_failed_allocations),
    };
    sbed_init(&b);
    int rc = cmocka_run_group_tests(tests, NULL, NULL);
    sbed_fini(&b);
    return rc;
}
