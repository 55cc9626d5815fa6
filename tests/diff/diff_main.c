/*
 * diff_main: the engine and plain judge the same rules over the same events, and must agree.
 *
 *     diff [--seed N|random] [--pairs N]      sets out of the seed and those after it, until so many pairs of a rule and an event were judged
 *     diff --set N                            that set again
 *     diff --rules FOLDER EVENTS.jsonl ...    published rules over events of a corpus, with and without their logsources
 *
 * Of a difference in a random set are told: the set, the rules that are enough to show it (mostly the one), the fields that are, and both
 * verdicts. Exit codes: 0 they agree, 1 they do not, 2 usage.
 */
#include "diff.h"
#include "sets.h"

#include "../../cli/event_json.h"

#include "dogwatch/base/error.h"
#include "dogwatch/base/fs.h"
#include "dogwatch/base/mem.h"
#include "dogwatch/correlate/ruleset.h"

#include <stdio.h>
#include <stdlib.h>

enum { EVENTS_A_SET = 60, TOLD_MAX = 20 };

/* The engine with one text of rules. */
struct engine {
    struct dw_ruleset *rs;
    struct dw_match_scratch *scratch;
    uint8_t *verdict; /* by rule, of the last event */
};

static void hear(void *ud, const struct dw_diags *d)
{
    dw_diags_print(d, ud);
}

static void engine_close(struct engine *n)
{
    dw_match_scratch_free(n->scratch);
    dw_ruleset_free(n->rs);
    dw_free(n->verdict);
    *n = (struct engine){0};
}

static void engine_ready(struct engine *n)
{
    n->scratch = dw_match_scratch_new(n->rs);
    n->verdict = dw_calloc(dw_ruleset_count(n->rs) + 1, 1);
    DW_ASSERT(n->scratch && n->verdict);
}

/* False: a rule was refused, and `said` has why. */
static bool engine_open(struct engine *n, struct dw_keys *keys, struct dw_str yaml, struct dw_buf *said)
{
    const struct dw_placeholder with = {diff_placeholder.name, diff_placeholder.value, diff_placeholder.count};
    const struct dw_ruleset_opts opts = {.placeholder = &with, .placeholder_count = 1};
    const struct dw_diag_sink sink = {hear, said};
    n->rs = dw_ruleset_new(keys, &opts);
    int rc = n->rs ? dw_ruleset_add(n->rs, "set.yml", yaml, sink) : DW_ENOMEM;
    if (rc == DW_OK)
        rc = dw_ruleset_finish(n->rs, sink);
    DW_ASSERT(rc == DW_OK);
    engine_ready(n);
    return dw_ruleset_errors(n->rs) == 0;
}

static void on_hit(void *ud, uint32_t rule, bool undecided)
{
    ((struct engine *)ud)->verdict[rule] = undecided ? PLAIN_MAYBE : PLAIN_YES;
}

static void engine_ask(struct engine *n, const struct dw_event *ev, bool any_logsource)
{
    memset(n->verdict, PLAIN_NO, dw_ruleset_count(n->rs));
    int rc = dw_match_event(n->scratch, ev, (struct dw_match_opts){.any_logsource = any_logsource}, on_hit, n);
    DW_ASSERT(rc == DW_OK);
}

static enum plain_verdict plain_ask(struct plain *p, const struct dw_yaml *doc, const struct dw_yaml *documents, const struct dw_event *ev, bool any_logsource)
{
    struct plain_rule_names names = plain_names(doc);
    dw_arena_reset(&p->mem);
    return any_logsource || plain_takes(p, &names, ev) ? plain_rule(p, doc, documents, ev) : PLAIN_NO;
}

static const char *word_of(uint8_t v)
{
    static const char *const words[] = {"no match", "match", "undecided"};
    return words[v];
}

/* What was judged, for the last line. */
struct sum {
    uint64_t pairs, matches, undecided, differences;
};

static void count(struct sum *sum, enum plain_verdict v)
{
    sum->pairs++;
    sum->matches += v == PLAIN_YES;
    sum->undecided += v == PLAIN_MAYBE;
}

/* ---- random sets ---- */

struct lab {
    struct diff_gen gen;
    struct diff_event event;
    struct plain plain;
    struct dw_keys *keys;
    struct dw_arena yaml;
    struct dw_diags diags;
    uint64_t set;
    bool any_logsource;
};

/* The documents of the set that `keep` names, as text. */
static void keep_text(const struct lab *l, const bool *keep, struct dw_buf *out)
{
    for (uint32_t i = 0; i < l->gen.documents; i++)
        if (keep[i])
            dw_buf_add(out, l->gen.yaml.ptr + l->gen.begin[i], l->gen.begin[i + 1] - l->gen.begin[i]);
}

/* Both verdicts of one rule among those that are kept; whether they differ. */
static bool differs(struct lab *l, const bool *keep, uint32_t rule, const struct dw_event *ev, uint8_t verdict[2])
{
    struct engine n = {0};
    struct dw_buf text = {0}, said = {0};
    struct dw_arena yaml;
    const struct dw_yaml *first = NULL, *doc;
    uint32_t at = 0;
    dw_arena_init(&yaml, 0);
    keep_text(l, keep, &text);
    for (uint32_t i = 0; i < rule; i++)
        at += keep[i];
    struct dw_diags diags;
    dw_diags_init(&diags, DW_STR("set"), dw_buf_view(&text));
    int rc = dw_yaml_parse(&yaml, dw_buf_view(&text), &diags, &first);
    DW_ASSERT(rc == DW_OK && engine_open(&n, l->keys, dw_buf_view(&text), &said));
    doc = first;
    for (uint32_t i = 0; i < at; i++)
        doc = doc->next;
    engine_ask(&n, ev, l->any_logsource);
    verdict[0] = n.verdict[at];
    verdict[1] = (uint8_t)plain_ask(&l->plain, doc, first, ev, l->any_logsource);
    engine_close(&n);
    dw_arena_fini(&yaml);
    dw_buf_fini(&text);
    dw_buf_fini(&said);
    return verdict[0] != verdict[1];
}

static void print_event(const struct lab *l, const struct dw_event *ev)
{
    static const char *const kinds[] = {"view", "number", "literal", "const", "int", "float", "bool"};
    (void)printf("event, line: %.*s\n", DW_ARG(ev->line));
    for (uint32_t i = 0; i < ev->field_count; i++) {
        const struct dw_field *f = &ev->field[i];
        (void)printf("  %.*s (%s, element %x) = ", DW_ARG(dw_keys_name(l->keys, f->key)), kinds[f->kind], f->elem);
        if (dw_field_is_text(f))
            (void)printf("%.*s\n", DW_ARG(dw_field_str(f)));
        else
            (void)printf("%.17g\n", f->kind == DW_K_FLOAT ? f->v.f : (double)f->v.i);
    }
    for (uint32_t i = 0; ev->stream && i < ev->stream->field_count; i++)
        (void)printf("  of the stream: %.*s = %.*s\n", DW_ARG(dw_keys_name(l->keys, ev->stream->field[i].key)), DW_ARG(dw_field_str(&ev->stream->field[i])));
}

/* Leaves out documents, then fields, as long as the verdicts differ; tells what is left. */
static void tell(struct lab *l, uint32_t rule)
{
    bool keep[DIFF_DOCUMENTS_MAX];
    uint8_t verdict[2];
    struct dw_field field[DW_EVENT_FIELDS_MAX];
    struct dw_event ev = l->event.ev;
    memset(keep, 1, sizeof keep);
    for (uint32_t i = 0; i < l->gen.documents; i++) {
        keep[i] = i == rule;
        if (!differs(l, keep, rule, &ev, verdict))
            keep[i] = true;
    }
    memcpy(field, ev.field, ev.field_count * sizeof *field);
    ev.field = field;
    for (uint32_t i = ev.field_count; i-- > 0;) {
        struct dw_field out = field[i];
        memmove(field + i, field + i + 1, (--ev.field_count - i) * sizeof *field);
        if (differs(l, keep, rule, &ev, verdict))
            continue;
        memmove(field + i + 1, field + i, (ev.field_count++ - i) * sizeof *field);
        field[i] = out;
    }
    struct dw_buf text = {0};
    keep_text(l, keep, &text);
    bool still = differs(l, keep, rule, &ev, verdict);
    (void)printf("rule r%u of set %llu: the engine says %s, plainly it is %s (%s); again: diff --set %llu\n%.*s", rule, (unsigned long long)l->set,
        word_of(verdict[0]), word_of(verdict[1]), l->any_logsource ? "any logsource" : "by logsource", (unsigned long long)l->set, DW_ARG(dw_buf_view(&text)));
    print_event(l, &ev);
    if (!still)
        (void)printf("(the verdicts differ only after other events)\n");
    dw_buf_fini(&text);
}

static void lab_open(struct lab *l, uint64_t set)
{
    memset(l, 0, sizeof *l);
    l->set = set;
    l->gen.rng.state = set;
    l->keys = dw_keys_new();
    l->plain = (struct plain){.keys = l->keys, .placeholder = &diff_placeholder, .placeholder_count = 1};
    dw_arena_init(&l->plain.mem, 0);
    dw_arena_init(&l->event.pool, 0);
    dw_arena_init(&l->yaml, 0);
    DW_ASSERT(l->keys);
}

static void lab_close(struct lab *l)
{
    dw_arena_fini(&l->plain.mem);
    dw_arena_fini(&l->event.pool);
    dw_arena_fini(&l->yaml);
    dw_buf_fini(&l->gen.yaml);
    dw_buf_fini(&l->event.line);
    dw_keys_free(l->keys);
}

static bool one_event(struct lab *l, struct engine *n, const struct dw_yaml *documents, struct sum *sum)
{
    const struct dw_yaml *doc = documents;
    dw_arena_reset(&l->plain.mem);
    diff_make_event(&l->gen, &l->plain, l->keys, documents, &l->event);
    l->any_logsource = diff_chance(&l->gen, 2);
    engine_ask(n, &l->event.ev, l->any_logsource);
    for (uint32_t i = 0; i < l->gen.rules; i++, doc = doc->next) {
        enum plain_verdict v = plain_ask(&l->plain, doc, documents, &l->event.ev, l->any_logsource);
        count(sum, v);
        if (v == n->verdict[i])
            continue;
        sum->differences++;
        tell(l, i);
        return false;
    }
    return true;
}

/* False: they differ. */
static bool run_set(uint64_t set, struct sum *sum)
{
    static struct lab l;
    struct engine n = {0};
    struct dw_buf said = {0};
    const struct dw_yaml *documents = NULL;
    lab_open(&l, set);
    diff_make_rules(&l.gen, diff_chance(&l.gen, 3) ? DIFF_RULES_MAX : 1 + (uint32_t)dw_rng_below(&l.gen.rng, 40));
    struct dw_str text = dw_buf_view(&l.gen.yaml);
    dw_diags_init(&l.diags, DW_STR("set"), text);
    bool good = dw_yaml_parse(&l.yaml, text, &l.diags, &documents) == DW_OK && engine_open(&n, l.keys, text, &said);
    if (!good) {
        dw_diags_print(&l.diags, &said);
        (void)printf("set %llu: a rule is refused:\n%.*s\n", (unsigned long long)set, DW_ARG(dw_buf_view(&said)));
    }
    for (int i = 0; good && i < EVENTS_A_SET; i++)
        good = one_event(&l, &n, documents, sum);
    engine_close(&n);
    lab_close(&l);
    dw_buf_fini(&said);
    return good;
}

/* ---- a corpus ---- */

struct corpus {
    struct dw_arena mem;
    struct dw_keys *keys;
    struct engine engine;
    const struct dw_yaml **doc; /* by rule of the engine */
    struct plain plain;
    struct event_json event;
    struct sum sum;
    uint32_t told;
};

static uint32_t rule_of(const struct dw_ruleset *rs, const struct dw_yaml *doc)
{
    const struct dw_yaml *id = dw_yaml_get(doc, "id");
    for (uint32_t i = 0; id && i < dw_ruleset_count(rs); i++)
        if (dw_str_eq(dw_ruleset_rule(rs, i)->id, id->text) && dw_ruleset_rule(rs, i)->expr != DW_EXPR_NONE)
            return i;
    return dw_ruleset_count(rs);
}

static bool load_documents(struct corpus *c, const char *folder)
{
    struct dw_buf names = {0}, text = {0};
    if (dw_rule_files(&dw_fs_system, folder, &names) < 0)
        return false;
    for (const char *n = names.ptr; n && n < names.ptr + names.len; n += strlen(n) + 1) {
        struct dw_diags diags;
        const struct dw_yaml *doc = NULL;
        dw_buf_reset(&text);
        if (dw_fs_read_file(&dw_fs_system, n, 1 << 24, &text) < 0)
            return false;
        struct dw_str kept = dw_arena_copy(&c->mem, dw_buf_view(&text));
        dw_diags_init(&diags, dw_str_of(n), kept);
        if (dw_yaml_parse(&c->mem, kept, &diags, &doc) < 0)
            continue; /* the engine told of it too */
        for (; doc; doc = doc->next) {
            uint32_t rule = dw_yaml_get(doc, "detection") ? rule_of(c->engine.rs, doc) : dw_ruleset_count(c->engine.rs);
            if (rule < dw_ruleset_count(c->engine.rs))
                c->doc[rule] = doc;
        }
    }
    dw_buf_fini(&names);
    dw_buf_fini(&text);
    return true;
}

static void judge(struct corpus *c, struct dw_str line, bool any_logsource)
{
    engine_ask(&c->engine, &c->event.ev, any_logsource);
    for (uint32_t i = 0; i < dw_ruleset_count(c->engine.rs); i++) {
        if (!c->doc[i])
            continue;
        enum plain_verdict v = plain_ask(&c->plain, c->doc[i], NULL, &c->event.ev, any_logsource);
        count(&c->sum, v);
        if (v == c->engine.verdict[i])
            continue;
        c->sum.differences++;
        if (c->told++ < TOLD_MAX)
            (void)printf("%.*s: the engine says %s, plainly it is %s (%s): %.*s\n", DW_ARG(dw_ruleset_rule(c->engine.rs, i)->path),
                word_of(c->engine.verdict[i]), word_of((uint8_t)v), any_logsource ? "any logsource" : "by logsource", DW_ARG(line));
    }
}

static bool run_corpus(const char *folder, char **events, int count, struct sum *ret)
{
    static struct corpus c;
    uint32_t bad = 0;
    struct dw_buf text = {0};
    c.keys = dw_keys_new();
    dw_arena_init(&c.mem, 0);
    dw_arena_init(&c.event.pool, 0);
    dw_arena_init(&c.plain.mem, 0);
    c.plain.keys = c.event.keys = c.keys;
    c.event.sigma = true;
    bool good = dw_ruleset_load(&dw_fs_system, &folder, 1, c.keys, NULL, (struct dw_diag_sink){0}, &c.engine.rs, &bad) == DW_OK;
    if (good) {
        engine_ready(&c.engine);
        c.doc = dw_calloc(dw_ruleset_count(c.engine.rs) + 1, sizeof *c.doc);
        good = c.doc && load_documents(&c, folder);
    }
    for (int i = 0; good && i < count; i++) {
        dw_buf_reset(&text);
        good = dw_fs_read_file(&dw_fs_system, events[i], (size_t)1 << 30, &text) == DW_OK;
        struct dw_str rest = dw_buf_view(&text);
        for (int64_t n = 1; good && rest.len; n++) {
            struct dw_str line = dw_str_cut(&rest, '\n');
            if (event_json_read(&c.event, line, n) < 0)
                continue;
            judge(&c, line, true);
            judge(&c, line, false);
        }
    }
    if (!good)
        (void)printf("diff: the rules or events cannot be read\n");
    *ret = c.sum;
    (void)printf("%u rules; regular expressions hit their limit %llu times\n", good ? dw_ruleset_count(c.engine.rs) : 0, (unsigned long long)c.plain.limited);
    dw_buf_fini(&text);
    dw_free(c.doc);
    engine_close(&c.engine);
    dw_arena_fini(&c.mem);
    dw_arena_fini(&c.event.pool);
    dw_arena_fini(&c.plain.mem);
    dw_keys_free(c.keys);
    return good && c.sum.differences == 0;
}

/* ---- the command ---- */

int main(int argc, char **argv)
{
    struct sets_asked a = {.seed = 1, .most = 1000000};
    struct sum sum = {0};
    bool good = true;
    if (argc > 3 && strcmp(argv[1], "--rules") == 0) {
        good = run_corpus(argv[2], argv + 3, argc - 3, &sum);
    } else if (!sets_ask(argc, argv, "--pairs", &a)) {
        (void)fprintf(stderr, "usage: diff [--seed N|random] [--pairs N] | --set N | --rules FOLDER EVENTS.jsonl ...\n");
        return 2;
    } else {
        (void)printf("sets from %llu on\n", (unsigned long long)a.seed);
        (void)fflush(stdout);
        for (uint64_t set = a.seed; good && sum.pairs < a.most && !(a.one && set > a.seed); set++)
            good = run_set(set, &sum);
    }
    (void)printf("%llu pairs, %llu matches, %llu undecided, %llu differences\n", (unsigned long long)sum.pairs, (unsigned long long)sum.matches,
        (unsigned long long)sum.undecided, (unsigned long long)sum.differences);
    return good ? 0 : 1;
}
