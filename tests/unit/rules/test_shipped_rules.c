/* Runs the cases beside every shipped rule: rules/.../NAME.test.yml (see rules/README.md). */
#include "support.h"

#include "dogwatch/correlate/window.h"

#include <stdio.h>

static struct dw_keys *keys;
static struct dw_ruleset *rs;
static struct dw_match_scratch *scratch;
static struct dw_arena arena;
static struct dw_stream stream = {.id = {1}};

static void hear(void *ud, const struct dw_diags *d)
{
    struct dw_buf out = {0};
    (void)ud;
    dw_diags_print(d, &out);
    print_message("%.*s", (int)out.len, out.ptr);
    dw_buf_fini(&out);
}

/* A text with {n} replaced by a number. */
static struct dw_str numbered(struct dw_str s, int n)
{
    struct dw_buf out = {0};
    size_t at = dw_str_find(s, DW_STR("{n}"));
    if (at == s.len)
        return s;
    dw_buf_str(&out, dw_str_slice(s, 0, at));
    dw_buf_printf(&out, "%d", n);
    dw_buf_str(&out, dw_str_slice(s, at + 3, s.len));
    struct dw_str copy = dw_arena_copy(&arena, dw_buf_view(&out));
    dw_buf_fini(&out);
    return copy;
}

static void make_event(const struct dw_yaml *n, int number, struct dw_field *field, struct dw_event *ev)
{
    *ev = (struct dw_event){.field = field, .line = DW_STR("-"), .stream = &stream, .start = (uint64_t)number};
    for (const struct dw_yaml *v = n->first; v; v = v->next) {
        struct dw_str text = numbered(v->text, number);
        uint32_t key;
        if (dw_str_eq(v->key, DW_STR("_line")))
            ev->line = text;
        if (v->key.ptr[0] == '_')
            continue;
        assert_int_equal(dw_keys_intern(keys, v->key, &key), DW_OK);
        field[ev->field_count++] =
            (struct dw_field){.v.ptr = text.ptr, .len = (uint32_t)text.len, .key = key, .kind = DW_K_CONST};
    }
}

struct hits {
    struct dw_window *w;
    const struct dw_event *ev;
    uint32_t rule, count;
};

static void on_hit(void *ud, uint32_t rule, bool undecided)
{
    struct hits *h = ud;
    assert_false(undecided);
    h->count += rule == h->rule;
    if (h->w)
        assert_int_equal(dw_window_match(h->w, rule, h->ev, false), DW_OK);
}

static void on_finding(void *ud, const struct dw_finding *f)
{
    struct hits *h = ud;
    h->count += f->rule == h->rule && !f->update;
}

static uint32_t find_rule(struct dw_str name)
{
    for (uint32_t i = 0; i < dw_ruleset_count(rs); i++)
        if (dw_str_eq(dw_ruleset_rule(rs, i)->name, name))
            return i;
    fail_msg("no rule %.*s", DW_ARG(name));
    return 0;
}

static uint32_t cases(const char *path, const struct dw_yaml *list, uint32_t rule, bool want)
{
    uint32_t n = 0;
    for (const struct dw_yaml *c = list ? list->first : NULL; c; c = c->next, n++) {
        struct dw_field field[32];
        struct dw_event ev;
        struct hits h = {.rule = rule};
        make_event(c, 0, field, &ev);
        assert_int_equal(dw_match_event(scratch, &ev, (struct dw_match_opts){0}, on_hit, &h), DW_OK);
        if ((h.count > 0) != want)
            fail_msg("%s:%u: %s", path, c->at.line, want ? "does not match" : "matches");
    }
    return n;
}

static int64_t number_of(const struct dw_yaml *map, const char *name, int64_t otherwise)
{
    const struct dw_yaml *n = dw_yaml_get(map, name);
    int64_t v = otherwise;
    assert_true(!n || dw_yaml_int(n, &v));
    return v;
}

static uint32_t sequences(const char *path, const struct dw_yaml *list, uint32_t rule)
{
    uint32_t n = 0;
    for (const struct dw_yaml *c = list ? list->first : NULL; c; c = c->next, n++) {
        struct dw_field field[32];
        struct dw_event ev;
        struct hits h = {.rule = rule, .w = dw_window_new(rs, NULL), .ev = &ev};
        int number = 0;
        for (const struct dw_yaml *e = dw_yaml_get(c, "events")->first; e; e = e->next) {
            int64_t at = number_of(e, "_at", 0), every = number_of(e, "_every", 1);
            for (int64_t i = 0; i < number_of(e, "_times", 1); i++) {
                make_event(e, number++, field, &ev);
                ev.time_ns = (at + i * every + 1) * 1000000000;
                assert_int_equal(dw_match_event(scratch, &ev, (struct dw_match_opts){0}, on_hit, &h), DW_OK);
            }
        }
        h.count = 0;
        assert_int_equal(dw_window_flush(h.w, on_finding, &h), DW_OK);
        dw_window_free(h.w);
        if (h.count != number_of(c, "alerts", 0))
            fail_msg("%s:%u: %u alerts", path, c->at.line, h.count);
    }
    return n;
}

static void run_file(const char *path)
{
    struct dw_buf text = {0};
    struct dw_diags diags;
    const struct dw_yaml *doc = NULL;
    assert_int_equal(dw_fs_read_file(&dw_fs_system, path, 1 << 20, &text), DW_OK);
    dw_diags_init(&diags, dw_str_of(path), dw_buf_view(&text));
    if (dw_yaml_parse(&arena, dw_buf_view(&text), &diags, &doc) < 0)
        hear(NULL, &diags);
    assert_non_null(doc);
    uint32_t rule = find_rule(dw_yaml_get(doc, "rule")->text);
    uint32_t n = cases(path, dw_yaml_get(doc, "match"), rule, true);
    n += cases(path, dw_yaml_get(doc, "no_match"), rule, false);
    n += sequences(path, dw_yaml_get(doc, "sequences"), rule);
    assert_true(n >= 2);
    dw_buf_fini(&text);
}

static void every_shipped_rule_passes_its_cases(void **state)
{
    (void)state;
    const char *paths[] = {"rules"};
    struct dw_buf names = {0};
    uint32_t bad, files = 0;
    keys = dw_keys_new();
    dw_arena_init(&arena, 0);
    assert_int_equal(
        dw_ruleset_load(&dw_fs_system, paths, 1, keys, NULL, (struct dw_diag_sink){hear, NULL}, &rs, &bad), DW_OK);
    assert_int_equal(dw_ruleset_errors(rs), 0);
    scratch = dw_match_scratch_new(rs);
    assert_int_equal(dw_rule_files(&dw_fs_system, "rules", &names), DW_OK);
    for (const char *n = names.ptr; n < names.ptr + names.len; n += strlen(n) + 1, files++) {
        char path[600];
        (void)snprintf(path, sizeof path, "%.*s.test.yml", (int)(strlen(n) - 4), n);
        run_file(path); /* a rule without cases fails here */
    }
    assert_int_equal(files, dw_ruleset_count(rs));
    assert_true(files >= 20);
    dw_buf_fini(&names);
    dw_match_scratch_free(scratch);
    dw_ruleset_free(rs);
    dw_keys_free(keys);
    dw_arena_fini(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(every_shipped_rule_passes_its_cases)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
