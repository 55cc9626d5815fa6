/* Tests of correlate/match/match.c and core/pred/expr.c: prefilter against none on random rules, elements of arrays. */
#include "sigma_bed.h"

#include "dogwatch/base/mem.h"

#include "dogwatch/base/rng.h"

static struct sbed b;

static void put_condition(struct dw_buf *out, struct dw_rng *rng, int depth)
{
    switch (depth > 3 ? 0 : dw_rng_below(rng, 6)) {
    case 0:
    case 1: dw_buf_printf(out, "s%d", (int)dw_rng_below(rng, 4)); break;
    case 2:
        dw_buf_str(out, DW_STR("not "));
        put_condition(out, rng, depth + 1);
        break;
    case 3: dw_buf_printf(out, "%d of s*", (int)dw_rng_below(rng, 4) + 1); break;
    default:
        dw_buf_byte(out, '(');
        put_condition(out, rng, depth + 1);
        dw_buf_str(out, dw_rng_below(rng, 2) ? DW_STR(" and ") : DW_STR(" or "));
        put_condition(out, rng, depth + 1);
        dw_buf_byte(out, ')');
        break;
    }
}

static void put_rule(struct dw_buf *out, struct dw_rng *rng, int id)
{
    static const char *const modifiers[] = {
        "", "|contains", "|startswith", "|endswith", "|contains|all", "|neq", "|re", "|exists", "|gt"};
    static const char *const values[] = {"abc", "ABCD", "'x*z'", "b", "''", "xyz", "5"};
    dw_buf_printf(out, "---\ntitle: t\nid: r%d\nlogsource: {product: x}\ndetection:\n", id);
    for (int s = 0; s < 4; s++) {
        uint64_t m = dw_rng_below(rng, DW_COUNT_OF(modifiers));
        dw_buf_printf(out, "  s%d:\n    f%d%s: ", s, (int)dw_rng_below(rng, 3), modifiers[m]);
        if (m >= 7)
            dw_buf_str(out, m == 7 ? DW_STR("true\n") : DW_STR("5\n"));
        else if (m == 6)
            dw_buf_printf(out, "%s\n", dw_rng_below(rng, 2) ? "abc" : "'x.z|b+'");
        else
            dw_buf_printf(out, "[%s, %s]\n", values[dw_rng_below(rng, 7)], values[dw_rng_below(rng, 7)]);
    }
    dw_buf_str(out, DW_STR("  condition: "));
    put_condition(out, rng, 0);
    dw_buf_byte(out, '\n');
}

/* Goal:   the prefilter and the witnesses change no verdict.
 * Method: random rules over random events; sbed_is asserts that both ways hit the same rules. */
static void prefilter_and_witness_change_no_verdict(void **state)
{
    (void)state;
    static const char *const values[] = {"abc", "xABCz", "b", "", "xyz", "7", "zzz", "xbbz"};
    struct dw_rng rng = {.state = 99};
    uint32_t hits = 0;
    for (int round = 0; round < 60; round++) {
        struct dw_buf yaml = {0};
        for (int id = 0; id < 20; id++)
            put_rule(&yaml, &rng, id);
        dw_buf_byte(&yaml, 0);
        if (sbed_rules(&b, yaml.ptr) != 20)
            fail_msg("%s", b.said.ptr);
        for (int e = 0; e < 50; e++) {
            char words[200] = "g=1";
            for (int f = 0; f < 3; f++)
                if (dw_rng_below(&rng, 3))
                    (void)snprintf(words + strlen(words), sizeof words - strlen(words), "|f%d=%s", f,
                        values[dw_rng_below(&rng, 8)]);
            (void)sbed_is(&b, words);
            hits += b.hits;
        }
        dw_buf_fini(&yaml);
    }
    assert_true(hits > 1000); /* it did match things */
}

static void add(struct sbed *bed, const char *name, const char *value, uint32_t elem)
{
    uint32_t key;
    assert_int_equal(dw_keys_intern(bed->keys, dw_str_of(name), &key), DW_OK);
    bed->field[bed->ev.field_count++] = (struct dw_field){
        .v.ptr = value, .len = (uint32_t)strlen(value), .key = key, .kind = DW_K_LITERAL, .elem = elem};
}

static void one_element_must_satisfy_a_map(void **state)
{
    (void)state;
    sbed_detection(&b, "  s:\n    c.image: nginx\n    c.privileged: 'true'\n  condition: s\n");
    (void)sbed_event(&b, "", "-");
    add(&b, "c.image", "nginx", 1);
    add(&b, "c.image", "agent", 2);
    add(&b, "c.privileged", "false", 1);
    add(&b, "c.privileged", "true", 2);
    assert_int_equal(sbed_match_with(&b, (struct dw_match_opts){.any_logsource = true}), 0);
    b.field[2].v.ptr = "true";
    b.field[2].len = 4;
    assert_int_equal(sbed_match_with(&b, (struct dw_match_opts){.any_logsource = true}), 1);
    (void)sbed_event(&b, "", "-"); /* two arrays below one object are not one array */
    sbed_detection(&b, "  s:\n    spec.containers.image: nginx\n    spec.volumes.host.path: /etc\n  condition: s\n");
    (void)sbed_event(&b, "", "-");
    add(&b, "spec.containers.image", "nginx", 1);
    add(&b, "spec.volumes.name", "data", 1);
    add(&b, "spec.volumes.host.path", "/etc", 2);
    assert_int_equal(sbed_match_with(&b, (struct dw_match_opts){.any_logsource = true}), 1);
    sbed_detection(&b, "  s:\n    event.category: web\n    event.type: access\n  condition: s\n"); /* lists of ECS */
    (void)sbed_event(&b, "", "-");
    add(&b, "event.category", "network", 1);
    add(&b, "event.category", "web", 2);
    add(&b, "event.type", "access", 1);
    assert_int_equal(sbed_match_with(&b, (struct dw_match_opts){.any_logsource = true}), 1);
}

/* Whichever item stands first, an element that lacks the field of a negated item is one to try. */
static void an_element_may_meet_a_negation_by_lacking_the_field(void **state)
{
    (void)state;
    static const char *const orders[] = {"  s:\n    c.image: nginx\n    c.user|neq: root\n  condition: s\n",
        "  s:\n    c.user|neq: root\n    c.image: nginx\n  condition: s\n"};
    for (size_t i = 0; i < DW_COUNT_OF(orders); i++) {
        sbed_detection(&b, orders[i]);
        (void)sbed_event(&b, "", "-");
        add(&b, "c.image", "nginx", 1);
        add(&b, "c.image", "agent", 2);
        add(&b, "c.user", "web", 2);
        assert_int_equal(sbed_match_with(&b, (struct dw_match_opts){.any_logsource = true}), 1);
    }
}

static uint32_t matches, undecided;

static void count_hit(void *ud, uint32_t rule, bool is_undecided)
{
    (void)ud;
    (void)rule;
    matches += !is_undecided;
    undecided += is_undecided;
}

/* Whether the rule matches (`m`), is undecided (`?`) or does not match (`-`); asserted to be the same with and without prefilter. */
static char verdict(void)
{
    char is[2];
    for (int i = 0; i < 2; i++) {
        matches = undecided = 0;
        assert_int_equal(dw_match_event(b.scratch, &b.ev, (struct dw_match_opts){.no_prefilter = i == 1}, count_hit, NULL), DW_OK);
        is[i] = matches ? 'm' : undecided ? '?' : '-';
    }
    assert_int_equal(is[0], is[1]);
    return is[0];
}

/* An event of the rules' logsource with a tag of ours. */
static void tagged(const char *words, const char *tag, const char *line)
{
    (void)sbed_event(&b, words, line);
    add(&b, "event.dataset", "x", 0);
    add(&b, "tags", tag, 0);
    b.field[b.ev.field_count - 1].kind = DW_K_CONST;
}

static void what_was_dropped_is_undecided(void **state)
{
    (void)state;
    sbed_detection(&b, "  s:\n    f: a\n    g: b\n  condition: s\n");
    tagged("f=a", "fields.dropped", "-");
    assert_int_equal(verdict(), '?'); /* g may have been there */
    tagged("f=z", "fields.dropped", "-");
    assert_int_equal(verdict(), '-');
    tagged("f=a|g=b", "fields.dropped", "-");
    assert_int_equal(verdict(), 'm');
    tagged("f=a", "other", "-");
    assert_int_equal(verdict(), '-');
    sbed_detection(&b, "  s:\n    f: a\n  n:\n    g|exists: true\n  condition: s and not n\n");
    tagged("f=a", "fields.dropped", "-");
    assert_int_equal(verdict(), '?');
    tagged("f=a", "fields.dropped", "-"); /* a log that says so itself only hides nothing: its words are no tags of ours */
    b.field[b.ev.field_count - 1].kind = DW_K_LITERAL;
    assert_int_equal(verdict(), 'm');
}

static void what_was_cut_is_undecided(void **state)
{
    (void)state;
    const char *line = "GET /index.html?x=";
    sbed_detection(&b, "  s:\n    url|contains: evil\n    m: GET\n  condition: s\n");
    tagged("m=GET", "cut", line);
    assert_int_equal(verdict(), '?');
    add(&b, "url", line + 4, 0); /* it goes on where the line was cut */
    assert_int_equal(verdict(), '?');
    b.field[b.ev.field_count - 1].len = 5;
    assert_int_equal(verdict(), '-');
    sbed_detection(&b, "  s: [evil]\n  condition: s\n");
    tagged("", "cut", line);
    assert_int_equal(verdict(), '?');
    tagged("", "cut", "GET /evil");
    assert_int_equal(verdict(), 'm');
}

/* A line of which `masked` says what was masked; `field` is a view of it from `from` on, `len` bytes. */
static void hidden(const char *line, const char *masked, const char *field, size_t from, uint32_t len)
{
    (void)sbed_event(&b, "m=GET", line);
    add(&b, "event.dataset", "x", 0);
    add(&b, field, line + from, 0);
    b.field[b.ev.field_count - 1].len = len;
    add(&b, "dogwatch.masked", masked, 0);
}

/* Goal:   a word that may have stood under a mask is undecided; one that cannot have is false. */
static void what_was_masked_is_undecided(void **state)
{
    (void)state;
    const char *line = "GET /?password=******&page=2";
    const struct {
        const char *test;
        char verdict;
    } rows[] = {
        {"query|contains: ' or 1='", '?'},      /* six bytes, as long as the mask */
        {"query|contains: ' or 1=1'", '-'},     /* longer, and what stands beside is another */
        {"query|contains: 'x&page='", '?'},     /* its end stands there */
        {"query|contains: 'x&PAGE='", '?'},
        {"query|contains|cased: 'x&PAGE='", '-'},
        {"query|contains: 'd=abcdef&'", '?'},
        {"query|contains: 'd=abcde&p'", '-'},
        {"query|startswith: 'password=a'", '?'},
        {"query|startswith: 'passwort'", '-'},
        {"query|endswith: 'page=2'", 'm'},
        {"query|endswith: 'page=3'", '-'},
        {"query: 'password=secret&page=2'", '?'},
        {"query: 'password=secrets&page=2'", '-'},
        {"query|contains: 'a*b'", '?'},
        {"query|re: 'sel.ct'", '?'},
        {"m: POST", '-'}, /* another field */
        {"m: GET", 'm'},
    };
    char rule[200];
    for (size_t i = 0; i < DW_COUNT_OF(rows); i++) {
        (void)snprintf(rule, sizeof rule, "  s:\n    %s\n  condition: s\n", rows[i].test);
        sbed_detection(&b, rule);
        hidden(line, "passwords:15:6", "query", 6, 22);
        if (verdict() != rows[i].verdict)
            fail_msg("%s: %c", rows[i].test, verdict());
    }
    sbed_detection(&b, "  s:\n    query|contains: attack\n  condition: not s\n");
    hidden(line, "passwords:15:6", "query", 6, 22);
    assert_int_equal(verdict(), '?');
    sbed_detection(&b, "  s: [attack]\n  condition: s\n"); /* a keyword: of the line */
    hidden(line, "passwords:15:6", "query", 6, 22);
    assert_int_equal(verdict(), '?');
    hidden("GET /?password=****&page=2", "passwords:15:4", "query", 6, 20);
    assert_int_equal(verdict(), '-');
    hidden("GET /?password=******&page=2", "cards:90:6", "query", 6, 22); /* nobody says that these were masked */
    assert_int_equal(verdict(), '-');
    b.field[b.ev.field_count] = (struct dw_field){.key = DW_F_tags, .v.ptr = "masks.dropped", .len = 13, .kind = DW_K_CONST};
    b.ev.field_count++; /* more were masked than are named */
    assert_int_equal(verdict(), '?');
    hidden("GET /?password=1f8a2c&page=2", "passwords:15:6:0badcafe", "query", 6, 22); /* a keyed hash */
    assert_int_equal(verdict(), '?');
}

/* Goal:   what is tried on masked text is bounded: no answer takes longer than it may, and what is not tried may hold. */
static void many_masks_are_undecided(void **state)
{
    (void)state;
    char line[4096];
    for (size_t i = 0; i < sizeof line - 1; i++)
        line[i] = i % 2 ? '*' : 'a';
    line[sizeof line - 1] = 0;
    sbed_detection(&b, "  s:\n    query|contains: 'zzzz'\n  condition: s\n");
    hidden(line, "own:0:4095", "query", 0, 100);
    assert_int_equal(verdict(), '-'); /* every other byte is an `a` */
    hidden(line, "own:0:4095", "query", 0, 4095);
    assert_int_equal(verdict(), '?');
}

static void keep_json(void *ud, const struct dw_finding *f)
{
    dw_buf_reset(ud);
    dw_finding_json(b.rs, f, ud);
    dw_buf_byte(ud, 0);
}

static void a_refused_line_is_tried_whole(void **state)
{
    struct dw_buf json = {0};
    (void)state;
    sbed_detection(&b, "  s:\n    url|contains: ['/etc/passwd', '..%2f']\n  condition: s\n");
    tagged("", "unparsed", "\x16GET /../../ETC/passwd");
    assert_int_equal(verdict(), 'm');
    dw_finding_single(b.rs, 0, &b.ev, keep_json, &json);
    assert_non_null(strstr(json.ptr, "\"tags\":[\"unparsed_match\"]"));
    dw_buf_fini(&json);
    tagged("", "unparsed", "GET /");
    assert_int_equal(verdict(), '-');
    sbed_detection(&b, "  s:\n    url|re: 'select.+from'\n    method: GET\n  condition: s\n");
    tagged("", "unparsed", "GET /?q=select a from b");
    assert_int_equal(verdict(), '?'); /* what is a method in it, nobody knows */
    tagged("", "unparsed", "GET /");
    assert_int_equal(verdict(), '-'); /* nothing was found: no word about it */
    sbed_detection(&b, "  s:\n    url|contains: passwd\n  f:\n    agent|contains: scanner\n  condition: s and not f\n");
    tagged("", "unparsed", "GET /passwd");
    assert_int_equal(verdict(), 'm');
    tagged("", "unparsed", "GET /passwd scanner");
    assert_int_equal(verdict(), '?'); /* it may stand where nobody filters for it */
    sbed_detection(&b, "  s:\n    url|endswith: passwd\n  condition: s\n");
    tagged("", "unparsed", "GET /passwd");
    assert_int_equal(verdict(), '-');
    tagged("", "unparsed", "GET /passwd"); /* of another logsource */
    b.field[0].v.ptr = "y";
    sbed_detection(&b, "  s:\n    url|contains: passwd\n  condition: s\n");
    assert_int_equal(verdict(), '-');
}

/* Goal:   the tally is what was worked out and what held: a rule whose witness is not in the event costs nothing.
 * Method: two rules over three events, counted by hand. */
static void the_tally_counts_what_was_worked_out(void **state)
{
    (void)state;
    assert_int_equal(sbed_rules(&b, "title: one\nid: a\nlogsource: {product: x}\ndetection:\n  s: {f: v, g: w}\n  condition: s\n---\n"
                                    "title: two\nid: b\nlogsource: {product: x}\ndetection:\n  s: {h|contains: wget}\n  condition: s\n"), 2);
    struct dw_tally *t = dw_tally_new(b.rs);
    static const char *const events[] = {"f=v|g=w", "f=v|g=other", "h=curl -O"};
    for (size_t i = 0; i < DW_COUNT_OF(events); i++) {
        (void)sbed_event(&b, events[i], "-");
        (void)sbed_match_with(&b, (struct dw_match_opts){.any_logsource = true, .tally = t});
    }
    assert_int_equal(t->events, 3);
    assert_int_equal(t->rule[0].matched, 1);
    assert_true(t->rule[0].evaluated >= 1 && t->rule[0].evaluated <= 2); /* by whichever of its leaves is the witness */
    assert_int_equal(t->rule[0].undecided, 0);
    assert_int_equal(t->rule[1].evaluated, 0);
    assert_int_equal(t->rule[1].matched, 0);
    dw_free(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(prefilter_and_witness_change_no_verdict),
        cmocka_unit_test(the_tally_counts_what_was_worked_out),
        cmocka_unit_test(one_element_must_satisfy_a_map),
        cmocka_unit_test(what_was_dropped_is_undecided),
        cmocka_unit_test(what_was_cut_is_undecided),
        cmocka_unit_test(what_was_masked_is_undecided),
        cmocka_unit_test(many_masks_are_undecided),
        cmocka_unit_test(a_refused_line_is_tried_whole),
        cmocka_unit_test(an_element_may_meet_a_negation_by_lacking_the_field),
    };
    sbed_init(&b);
    int rc = cmocka_run_group_tests(tests, NULL, NULL);
    sbed_fini(&b);
    return rc;
}
