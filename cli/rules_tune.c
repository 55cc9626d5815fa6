/*
 * rules_tune: `dogwatch rules tune`: a filter for what a rule matches wrongly, with the proof that it may be used.
 *
 * Idea: events that the rule matched wrongly and rightly are gathered, fields that tell them apart are picked (tune_pick.c) and written as a Sigma filter
 * (tune_filter.c). Then nothing of that is believed: rules and filter are compiled together, every event is matched again and every case of the rules is run.
 *
 * Invariants:
 *   (1) No filter is written that loses a true positive, breaks a case that passed, or excludes nothing.
 *   (2) What could not be known is said on stderr and in the filter.
 *
 * Exit codes: 0 a filter was written; 1 there is none, and why is said.
 */
#include "cli_int.h"
#include "event_json.h"
#include "rules_cases.h"
#include "tune_alerts.h"
#include "tune_filter.h"

enum { ASKED_MAX = 64 };

struct tune {
    struct rules rules;
    struct rules_opts opts; /* the rules' own, with the file of events in hand */
    uint32_t rule;
    struct dw_match_scratch *scratch;
    struct dw_arena arena;
    struct tune_events wrong, right;
    struct tune_pick pick;
    uint32_t asked[ASKED_MAX], asked_count;
    uint32_t cases; /* true positives that are cases */
    uint64_t unmatched, undecided, passed;
    bool hit, doubt;
    bool is_wrong; /* the events in hand */
    int failed;
};

/* ---- gathering ---- */

static void on_hit(void *ud, uint32_t rule, bool undecided)
{
    struct tune *t = ud;
    t->hit = t->hit || (rule == t->rule && !undecided);
    t->doubt = t->doubt || (rule == t->rule && undecided);
}

static int does_match(struct tune *t, struct dw_match_scratch *s, const struct dw_event *ev)
{
    t->hit = t->doubt = false;
    return dw_match_event(s, ev, t->rules.o->match, on_hit, t);
}

static int take(struct tune *t, const struct dw_event *ev, bool wrong)
{
    int rc = does_match(t, t->scratch, ev);
    t->undecided += t->doubt;
    t->unmatched += !t->hit && !t->doubt;
    return rc < 0 || !t->hit ? rc : tune_events_add(wrong ? &t->wrong : &t->right, ev);
}

static int one_event(void *ud, struct event_json *e)
{
    struct tune *t = ud;
    return e->is_event ? take(t, &e->ev, t->is_wrong) : DW_OK;
}

static void alert_event(void *arg, const struct dw_event *ev, bool wrong)
{
    struct tune *t = arg;
    int rc = t->failed < 0 ? DW_OK : take(t, ev, wrong);
    t->failed = rc < 0 ? rc : t->failed;
}

/* Codes of rules_events; what is wrong is said. */
static int read_events(struct tune *t, const char *path, bool wrong)
{
    if (!path)
        return DW_OK;
    t->opts.event = path;
    t->is_wrong = wrong;
    int rc = rules_events(&t->rules, one_event, t);
    if (rc < 0 && rc != DW_ENOENT)
        (void)cli_failed(rc);
    return rc;
}

static void on_case(void *ud, const struct dw_case *c)
{
    struct tune *t = ud;
    t->passed += c->passed;
    if (c->rule != t->rule || c->kind != DW_CASE_MATCH || !c->passed || t->failed < 0)
        return;
    uint32_t before = t->right.count;
    uint64_t unmatched = t->unmatched;
    int rc = take(t, c->event, false);
    t->unmatched = unmatched; /* one whose logsource is another is judged as a case */
    t->cases += t->right.count - before;
    t->failed = rc < 0 ? rc : t->failed;
}

static int gather(struct tune *t)
{
    struct rules_cases cases = {.rules = &t->rules, .each = on_case, .ud = t};
    const struct dw_rule *rule = dw_ruleset_rule(t->rules.set, t->rule);
    if (read_events(t, t->rules.o->wrong, true) < 0 || read_events(t, t->rules.o->right, false) < 0)
        return CLI_CANNOT;
    int code = t->rules.o->from_alerts ? tune_alerts(&t->rules, rule->id, alert_event, t) : CLI_YES;
    if (code == CLI_YES)
        code = cli_failed(t->failed < 0 ? t->failed : rules_cases_run(&cases));
    return code == CLI_YES ? cli_failed(t->failed) : code;
}

/* ---- what the rule itself asks for ---- */

/* A condition such as `user.name: 'root'`, without wildcard and modifier, that the event met. */
static void on_condition(void *ud, const struct dw_condition *c)
{
    struct tune *t = ud;
    size_t colon = dw_str_index(c->text, ':');
    uint32_t key;
    bool equal = !c->is_group && c->verdict == DW_TRUE && c->field.len && colon < c->text.len && dw_str_index(dw_str_slice(c->text, 0, colon), '|') == colon &&
                 dw_str_index(c->text, '*') == c->text.len && dw_str_index(c->text, '?') == c->text.len;
    if (!equal || dw_keys_find(t->rules.keys, c->field, &key) < 0 || t->asked_count == ASKED_MAX)
        return;
    for (uint32_t i = 0; i < t->asked_count; i++)
        if (t->asked[i] == key)
            return;
    t->asked[t->asked_count++] = key;
}

static int find_asked(struct tune *t)
{
    int rc = DW_OK;
    for (uint32_t i = 0; i < t->wrong.count && rc == DW_OK; i++) {
        enum dw_verdict v;
        rc = dw_match_explain(t->scratch, t->rule, &t->wrong.item[i].ev, false, on_condition, t, &v);
    }
    return rc;
}

/* ---- the proof ---- */

static void say(void *ud, const struct dw_diags *d)
{
    if (d->errors || dw_str_eq(d->path, DW_STR("the filter")))
        rules_say(ud, d); /* of the others all was told */
}

static int load_file(struct dw_ruleset *rs, const char *path, struct dw_diag_sink sink)
{
    struct dw_buf text = {0};
    int rc = dw_fs_read_named(&dw_fs_system, path, RULES_FILE_BYTES_MAX, &text);
    rc = rc < 0 ? rc : dw_ruleset_add(rs, path, dw_buf_view(&text), sink);
    dw_buf_fini(&text);
    return rc;
}

/* The rules as they were loaded, and the filter. */
static int load_with(struct tune *t, struct dw_str filter, struct dw_ruleset **ret)
{
    const struct rules_opts *o = t->rules.o;
    const struct dw_ruleset_opts opts = {.placeholder = t->rules.placeholder, .placeholder_count = t->rules.placeholder_count};
    const struct dw_diag_sink sink = {say, &t->rules};
    struct dw_ruleset *rs = dw_ruleset_new(t->rules.keys, &opts);
    struct dw_buf names = {0};
    int rc = rs ? DW_OK : DW_ENOMEM;
    for (uint32_t i = 0; i < 2 * o->path_count && rc == DW_OK; i++)
        rc = i < o->path_count ? dw_mapping_files(o->path[i], &names) : dw_rule_files(&dw_fs_system, o->path[i - o->path_count], &names);
    for (const char *n = names.ptr; rc == DW_OK && n && n < names.ptr + names.len; n += strlen(n) + 1)
        rc = load_file(rs, n, sink);
    if (rc == DW_OK)
        rc = dw_ruleset_add(rs, "the filter", filter, sink);
    if (rc == DW_OK)
        rc = dw_ruleset_finish(rs, sink);
    dw_buf_fini(&names);
    if (rc < 0)
        dw_ruleset_free(rs);
    else
        *ret = rs;
    return rc;
}

static int count_hits(struct tune *t, struct dw_match_scratch *s, const struct tune_events *e, uint32_t *ret)
{
    int rc = DW_OK;
    *ret = 0;
    for (uint32_t i = 0; i < e->count && rc == DW_OK; i++) {
        rc = does_match(t, s, &e->item[i].ev);
        *ret += t->hit;
    }
    return rc;
}

static void count_case(void *ud, const struct dw_case *c)
{
    uint64_t *passed = ud;
    *passed += c->passed;
}

/* CLI_NO: the filter is not good enough, and why is said. */
static int judge(struct tune *t, struct dw_ruleset *with)
{
    struct dw_match_scratch *s = dw_match_scratch_new(with);
    struct rules again = t->rules;
    uint64_t passed = 0;
    uint32_t wrong = 0, right = 0, number = t->rule;
    struct rules_cases cases = {.rules = &again, .each = count_case, .ud = &passed, .quiet = true};
    again.set = with;
    t->rule = dw_ruleset_find(with, dw_ruleset_rule(t->rules.set, number)->id);
    int rc = s ? count_hits(t, s, &t->wrong, &wrong) : DW_ENOMEM;
    rc = rc < 0 ? rc : count_hits(t, s, &t->right, &right);
    rc = rc < 0 ? rc : rules_cases_run(&cases);
    t->rule = number;
    dw_match_scratch_free(s);
    if (rc < 0)
        return cli_failed(rc);
    (void)fprintf(stderr, "false positives: %u matched, %u are excluded; true positives: %u of %u match still (%u are cases); cases: %llu of %llu that passed pass still\n", t->wrong.count,
        t->wrong.count - wrong, right, t->right.count, t->cases, (unsigned long long)passed, (unsigned long long)t->passed);
    if (right == t->right.count && passed >= t->passed && wrong < t->wrong.count)
        return CLI_YES;
    (void)fprintf(stderr, "rules tune: the filter is not written: %s\n", right < t->right.count ? "it would lose a true positive" : passed < t->passed ? "a case would fail" : "it excludes nothing");
    return CLI_NO;
}

static int prove(struct tune *t, struct dw_str filter)
{
    struct dw_ruleset *with = NULL;
    int rc = load_with(t, filter, &with);
    int code = rc < 0 ? cli_failed(rc) : judge(t, with);
    dw_ruleset_free(with);
    return code;
}

/* ---- the answer ---- */

static void say_what_is_not_known(const struct tune *t)
{
    if (t->undecided)
        (void)fprintf(stderr, "%llu events are left out: the rule is undecided about them\n", (unsigned long long)t->undecided);
    if (t->unmatched)
        (void)fprintf(stderr, "%llu events are left out: the rule does not match them\n", (unsigned long long)t->unmatched);
    if (t->wrong.over || t->right.over)
        (void)fprintf(stderr, "%u events are left out: %d of a kind are looked at\n", t->wrong.over + t->right.over, TUNE_EVENTS_MAX);
    if (t->right.count == 0)
        (void)fprintf(stderr, "rules tune: NO TRUE POSITIVE WAS GIVEN, and the rule has no case that must match: what the filter hides besides cannot be known.\n"
                              "  --true-positives EVENTS, --from-alerts, or `match:` in NAME.test.yml say what must still be found\n");
}

static int put(const struct tune *t, struct dw_str filter)
{
    const char *to = NULL;
    for (uint32_t i = 0; i + 1 < t->opts.reading_count; i += 2)
        to = strcmp(t->opts.reading[i], "--output") == 0 ? t->opts.reading[i + 1] : to;
    if (!to) {
        (void)fwrite(filter.ptr, 1, filter.len, stdout);
        return CLI_YES;
    }
    int rc = rules_write_new(&dw_fs_system, to, filter);
    if (rc < 0)
        (void)fprintf(stderr, "rules tune: %s: %s\n", to, dw_err_text(rc));
    else
        (void)fprintf(stderr, "%s is written; in a folder of the collector's rules it holds from its next start, or SIGHUP, on\n", to);
    return rc < 0 ? CLI_CANNOT : CLI_YES;
}

static int propose(struct tune *t)
{
    struct dw_buf filter = {0};
    t->pick.keys = t->rules.keys;
    t->pick.wrong = &t->wrong;
    t->pick.right = &t->right;
    int rc = t->right.count ? DW_OK : find_asked(t); /* else they have these values too */
    t->pick.asked = t->asked;
    t->pick.asked_count = t->asked_count;
    rc = rc < 0 ? rc : tune_pick_run(&t->pick);
    if (rc == DW_OK && t->pick.count == 0) {
        (void)fprintf(stderr, "rules tune: no filter: %s\n", t->wrong.count == 0 ? "no false positive matches the rule" : "in no field that lasts do the false positives differ from what must be found");
        return CLI_NO;
    }
    if (rc == DW_OK) {
        tune_filter_write(&t->pick, dw_ruleset_rule(t->rules.set, t->rule), t->cases, &filter);
        rc = filter.err;
    }
    int code = rc < 0 ? cli_failed(rc) : prove(t, dw_buf_view(&filter));
    if (code == CLI_YES)
        code = put(t, dw_buf_view(&filter));
    dw_buf_fini(&filter);
    return code;
}

/* The rule that is meant: --rule, or the only one about one event. */
static bool find_rule(struct tune *t)
{
    const struct dw_ruleset *rs = t->rules.set;
    uint32_t count = dw_ruleset_count(rs), about_one = 0;
    t->rule = t->opts.rule ? dw_ruleset_find(rs, dw_str_of(t->opts.rule)) : count;
    for (uint32_t i = 0; i < count && !t->opts.rule; i++) {
        bool one = dw_ruleset_rule(rs, i)->corr == NULL;
        about_one += one;
        t->rule = one ? i : t->rule;
    }
    bool found = t->rule < count && (t->opts.rule || about_one == 1), fits = found && !dw_ruleset_rule(rs, t->rule)->corr;
    if (!fits)
        (void)fprintf(stderr, "rules tune: %s\n", found ? "this is no rule about one event: tune a rule that it counts" : t->opts.rule ? "there is no such rule" : "--rule ID says which of the rules");
    return fits;
}

int rules_tune(const struct rules_opts *o)
{
    struct tune *t = dw_calloc(1, sizeof *t);
    if (!t)
        return cli_failed(DW_ENOMEM);
    t->opts = *o;
    dw_arena_init(&t->arena, 0);
    t->wrong.arena = t->right.arena = &t->arena;
    bool asked = o->wrong || o->from_alerts;
    if (!asked)
        (void)fprintf(stderr, "rules tune: --false-positives EVENTS or --from-alerts says what is wrong\n");
    int code = asked ? rules_load(&t->rules, &t->opts) : CLI_USAGE;
    if (code == CLI_YES)
        code = find_rule(t) ? rules_verdict(&t->rules) : CLI_USAGE;
    if (code == CLI_YES) {
        t->scratch = dw_match_scratch_new(t->rules.set);
        code = t->scratch ? gather(t) : cli_failed(DW_ENOMEM);
    }
    if (code == CLI_YES) {
        say_what_is_not_known(t);
        code = propose(t);
    }
    dw_match_scratch_free(t->scratch);
    tune_events_fini(&t->wrong);
    tune_events_fini(&t->right);
    if (asked)
        rules_fini(&t->rules);
    dw_arena_fini(&t->arena);
    dw_free(t);
    return code;
}
