/*
 * rules_explain: `dogwatch rules explain`: why rules match an event, or do not; and, when all events were read, what correlations and detectors made of
 * the matches, in event time.
 *
 * Exit codes: 0 a rule matched an event, or a correlation made an alert; 1 none did.
 */
#include "rules.h"
#include "rules_steps.h"

#include "cli_int.h"
#include "put_condition.h"
#include "event_json.h"

#include "dogwatch/base/mem.h"

struct explain {
    struct rules rules;
    struct dw_match_scratch *scratch;
    uint32_t rule; /* the one that was asked for; else the count of rules */
    bool matched;
    bool *hit; /* by rule, of the event in hand */
    struct dw_window *window;
    const struct dw_event *event; /* whose matches go into it */
    struct rules_steps steps;
    int failed;
};

static int explain_one(struct explain *x, const struct event_json *e, uint32_t index)
{
    static const char *const says[] = {[DW_FALSE] = "does not match", [DW_TRUE] = "matches", [DW_UNDECIDED] = "is undecided about"};
    const struct dw_rule *rule = dw_ruleset_rule(x->rules.set, index);
    enum dw_verdict verdict = DW_FALSE;
    if (rule->expr == DW_EXPR_NONE)
        return DW_OK;
    printf("event %lld, rule ", (long long)e->number);
    cli_put_safe(rule->title.len ? rule->title : rule->id);
    printf(" (%.*s:%u)\n", DW_ARG(rule->path), rule->at.line);
    int rc = dw_match_explain(x->scratch, index, &e->ev, false, cli_put_condition, NULL, &verdict);
    if (rc < 0)
        return rc;
    x->matched = x->matched || x->hit[index];
    printf("    = %s the event%s\n", says[verdict],
        verdict == DW_TRUE && !x->hit[index] ? ", but its logsource does not take it: see event.dataset" : "");
    return rc;
}

static void feed(void *ud, uint32_t rule, bool undecided)
{
    struct explain *x = ud;
    if (undecided)
        return;
    x->hit[rule] = true;
    int rc = dw_window_match(x->window, rule, x->event, false);
    x->failed = rc < 0 ? rc : x->failed;
}

static void no_finding(void *ud, const struct dw_finding *f)
{
    (void)ud; /* its step was told */
    (void)f;
}

static int one_event(void *ud, struct event_json *e)
{
    struct explain *x = ud;
    x->event = &e->ev;
    memset(x->hit, 0, dw_ruleset_count(x->rules.set));
    int rc = e->is_event ? dw_match_event(x->scratch, &e->ev, x->rules.o->match, feed, x) : DW_OK;
    rc = rc < 0 ? rc : x->failed;
    for (uint32_t i = 0; e->is_event && i < dw_ruleset_count(x->rules.set) && rc == DW_OK; i++)
        if (x->rule == dw_ruleset_count(x->rules.set) || x->rule == i)
            rc = explain_one(x, e, i);
    return rc;
}

static bool find(struct explain *x)
{
    uint32_t count = dw_ruleset_count(x->rules.set);
    x->rule = x->rules.o->rule ? dw_ruleset_find(x->rules.set, dw_str_of(x->rules.o->rule)) : count;
    if (!x->rules.o->rule || x->rule < count)
        return true;
    fprintf(stderr, "rules explain: no rule has the id, name or title '%s'\n", x->rules.o->rule);
    return false;
}

static int explain_all(struct explain *x)
{
    x->steps = (struct rules_steps){.set = x->rules.set, .rule = x->rule};
    x->scratch = dw_match_scratch_new(x->rules.set);
    x->window = dw_window_new(x->rules.set, &(struct dw_window_opts){.step = rules_step, .step_arg = &x->steps});
    x->hit = dw_calloc(dw_ruleset_count(x->rules.set) + 1, sizeof *x->hit);
    int rc = x->scratch && x->window && x->hit ? rules_events(&x->rules, one_event, x) : DW_ENOMEM;
    if (rc == DW_OK)
        rc = dw_window_flush(x->window, no_finding, NULL);
    if (rc == DW_OK)
        rc = rules_steps_end(&x->steps);
    x->matched = x->matched || x->steps.alerts;
    rules_steps_fini(&x->steps);
    dw_free(x->hit);
    dw_window_free(x->window);
    dw_match_scratch_free(x->scratch);
    return rc;
}

int rules_explain(const struct rules_opts *o)
{
    struct explain x = {.matched = false};
    int code = rules_load(&x.rules, o);
    if (code == CLI_YES && !find(&x))
        code = CLI_USAGE;
    if (code == CLI_YES) {
        int rc = explain_all(&x);
        if (rc < 0)
            fprintf(stderr, "rules explain: %s\n", dw_err_text(rc));
        code = rc < 0 ? CLI_CANNOT : rules_verdict(&x.rules);
        code = code == CLI_YES && !x.matched ? CLI_NO : code;
    }
    rules_fini(&x.rules);
    return code;
}
