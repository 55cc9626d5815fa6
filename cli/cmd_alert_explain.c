/*
 * cmd_alert_explain: `dogwatch alert explain ID`: why an alert was raised.
 *
 * Idea: the events it names are read from the archive and matched again, one by one, with the rule as it is now; each condition is shown
 * with the value that met it. The rule's logic hash says whether it decides as it did when the alert was raised. Of a correlation it is also said which events of its window
 * were left out, and why.
 *
 * Invariant: what cannot be shown (a rule that is gone, one that decides otherwise by now, an event that is not in the archive) is said.
 */
#include "alert_evidence.h"
#include "put_condition.h"

#include "dogwatch/correlate/ruleset.h"

#include <stdio.h>

struct explain {
    const struct cli_options *o;
    struct dw_keys *keys;
    struct dw_ruleset *rules;
    struct dw_explain how;
    char *id, *rule_id, *title, *level, *key, *doc;
    int64_t total;
    struct dw_buf out;         /* one event's JSON, or what the correlation asks */
    const struct dw_event *ev; /* in hand */
    bool matches;              /* it, by a rule */
    struct dw_evidence evidence;
    bool whole;       /* all texts were kept */
    bool unexplained; /* an event that no rule matches any more */
};

static void keep(void *arg, const struct dw_alert *a)
{
    struct explain *x = arg;
    const struct dw_str text[] = {dw_str_of(a->id), dw_str_of(a->rule), dw_str_of(a->title), dw_str_of(a->level), a->key, a->doc};
    char **kept[] = {&x->id, &x->rule_id, &x->title, &x->level, &x->key, &x->doc};
    x->whole = true;
    for (size_t i = 0; i < DW_COUNT_OF(text); i++) {
        *kept[i] = dw_strndup(text[i].ptr, text[i].len);
        x->whole &= *kept[i] != NULL;
    }
    x->total = a->total;
}

/* DW_ENOENT: the rule is not among them, and where it was looked for is said. */
static int find_rule(struct explain *x)
{
    char place[CLI_RULES_MAX][CLI_PATH_MAX];
    uint32_t count = cli_rules_of(x->o, place);
    struct cli_rules from = {.place = place, .count = count};
    int rc = cli_places_of(x->o->data, &from.places);
    if (rc == DW_OK)
        rc = cli_rules_load(&from, x->keys, &x->rules);
    if (rc < 0)
        return rc == DW_ENOENT ? DW_EIO : rc;
    x->how.rules = x->rules;
    x->how.rule = dw_explain_rule_of(x->rules, dw_str_of(x->rule_id));
    if (x->how.rule < dw_ruleset_count(x->rules))
        return (x->how.scratch = dw_match_scratch_new(x->rules)) ? DW_OK : DW_ENOMEM;
    (void)fprintf(stderr, "dogwatch: the rule %s is not in %s", x->rule_id, place[0]);
    for (uint32_t i = 1; i < count; i++)
        (void)fprintf(stderr, ", %s", place[i]);
    (void)fprintf(stderr, "\n  dogwatch alert explain %.12s --rules DIR      with the rules it was raised by\n  dogwatch alert show %.12s\n", x->id, x->id);
    return DW_ENOENT;
}

/* A server's words, perhaps. */
static void say_head(const struct explain *x)
{
    const char *const words[] = {"alert  ", x->id, "\nrule   ", x->title, " (", x->rule_id, "), ", x->level};
    cli_put_between(words, DW_COUNT_OF(words));
    (void)printf("\n");
}

static void say_rule(struct explain *x)
{
    const struct dw_rule *r = dw_ruleset_rule(x->rules, x->how.rule);
    say_head(x);
    (void)printf("at     %.*s:%u\n", DW_ARG(r->path), r->at.line);
    (void)printf("logic  %s\n", dw_explain_same_logic(&x->how) ? "as when it was raised" : "CHANGED since it was raised: what follows is by the rule as it is now");
    if (*x->key) {
        (void)printf("for    ");
        cli_put_safe(dw_str_of(x->key));
        (void)printf("\n");
    }
    if (r->corr) {
        dw_correlation_text(x->rules, r->corr, &x->out);
        (void)printf("asks   %.*s\n", DW_ARG(dw_buf_view(&x->out)));
        dw_buf_reset(&x->out);
        cli_put_anomaly(dw_str_of(x->doc));
    }
    if (x->total > x->evidence.count && x->evidence.count)
        (void)printf("events %lld; the first and the newest %u are named\n", (long long)x->total, x->evidence.count);
}

static void pass_condition(void *ud, const struct dw_condition *c)
{
    (void)ud;
    (void)c;
}

/* One event by one rule about one event. */
static int explain_by(void *arg, uint32_t rule)
{
    struct explain *x = arg;
    const struct dw_rule *r = dw_ruleset_rule(x->rules, rule);
    enum dw_verdict v;
    int rc = dw_match_explain(x->how.scratch, rule, x->ev, false, pass_condition, NULL, &v);
    if (rc < 0 || v == DW_FALSE)
        return rc;
    x->matches = true;
    if (rule != x->how.rule)
        (void)printf("    by '%.*s' (%.*s)\n", DW_ARG(r->title), DW_ARG(r->path));
    return dw_match_explain(x->how.scratch, rule, x->ev, false, cli_put_condition, x, &v);
}

static void explain_event(void *arg, const struct dw_archived *a, const struct dw_event *ev)
{
    struct explain *x = arg;
    bool json = x->o->output == OUTPUT_NDJSON;
    x->ev = ev;
    x->matches = false;
    if (!json)
        cli_print_event(a, ev);
    int rc = json ? dw_answer_explain_row(&x->how, ev, &x->out, &x->matches) : dw_explain_each_rule(&x->how, explain_by, x);
    if (json && rc == DW_OK)
        (void)fwrite(x->out.ptr, 1, x->out.len, stdout);
    dw_buf_reset(&x->out);
    x->unexplained |= rc < 0 || !x->matches;
    (void)cli_failed(rc);
    if (!json && rc == DW_OK && !x->matches)
        (void)printf("      the rule as it is now does not match this event\n");
}

/* What the collector raises itself has no conditions: what it saw is the explanation. */
static void explain_own(struct explain *x)
{
    if (x->o->output == OUTPUT_NDJSON) {
        dw_answer_explain_own(x->id, x->rule_id, x->title, dw_str_of(x->key), &x->out);
        (void)fwrite(x->out.ptr, 1, x->out.len, stdout);
        return;
    }
    say_head(x);
    (void)printf("the collector raises it itself, from what it saw of frames and streams:\n  ");
    cli_put_safe(dw_str_of(x->key));
    (void)printf("\n");
}

static void say_unread(void *arg, const char *where, int rc)
{
    (void)arg;
    (void)fprintf(stderr, "dogwatch: %s: %s; what was left out may be more\n", where, dw_err_text(rc));
}

static void put_left_out(const struct dw_answer_left_out *l)
{
    bool any = false;
    for (int why = DW_TAKES_PART + 1; why < DW_LEFT_OUTS; why++) {
        if (!l->left[why])
            continue;
        (void)printf("%s %llu of its window: %s\n", any ? "         " : "\nleft out ", (unsigned long long)l->left[why],
            why == DW_LEFT_LATE ? "came too late, or found no room" : dw_left_out_text((enum dw_left_out)why));
        for (uint64_t i = 0; i < l->left[why] && i < DW_LEFT_OUT_SHOWN; i++)
            (void)printf("            %s\n", l->first[why][i]);
        any = true;
    }
    if (!any)
        (void)printf("\nleft out  nothing of its window%s\n", l->whole ? "" : ", as far as that can be seen");
    if (!l->whole)
        (void)printf("          who came too late is not known: the alert does not name all of its events\n");
}

/* What a correlation did not count, and why. Exit codes. */
static int explain_left_out(struct explain *x)
{
    const struct dw_correlation *c = dw_ruleset_rule(x->rules, x->how.rule)->corr;
    if (!dw_has_left_out(&x->how)) {
        if (c && !dw_is_detector(c->type) && x->o->output != OUTPUT_NDJSON)
            (void)printf("\nleft out  not looked at: the rule counts what other correlations found\n");
        return CLI_YES;
    }
    if (x->o->server[0]) {
        (void)fprintf(stderr, "note: what the rule left out is said on the collector's host, or by /api/v1/alerts/%.12s/explain\n", x->id);
        return CLI_YES;
    }
    struct dw_answer_left_out l = {.archive = x->o->archive, .keys = x->keys, .how = &x->how, .finding = dw_str_of(x->doc), .problem = say_unread};
    int rc = dw_answer_left_out(&l);
    if (rc < 0)
        return cli_failed(rc);
    if (x->o->output == OUTPUT_NDJSON) {
        dw_answer_left_out_row(&l, &x->out);
        (void)fwrite(x->out.ptr, 1, x->out.len, stdout);
    } else {
        put_left_out(&l);
    }
    return CLI_YES;
}

static int explain(struct explain *x)
{
    x->how.alert = x->id;
    dw_explain_logic_of(dw_str_of(x->doc), x->how.logic);
    dw_evidence_of(dw_str_of(x->doc), &x->evidence);
    if (strncmp(x->rule_id, "dogwatch.", 9) == 0) {
        explain_own(x);
        return CLI_YES;
    }
    int rc = find_rule(x);
    if (rc < 0)
        return rc == DW_ENOENT ? CLI_NO : CLI_CANNOT;
    if (x->o->output != OUTPUT_NDJSON)
        say_rule(x);
    int code = cli_evidence(x->o, x->id, x->keys, &x->evidence, explain_event, x);
    if (x->evidence.missing)
        (void)fprintf(stderr, "dogwatch: %u of %u named events %s\n", x->evidence.missing, x->evidence.count,
            cli_missing_text(x->o, code));
    if (code != CLI_CANNOT) {
        rc = explain_left_out(x);
        code = rc == CLI_YES ? code : rc;
    }
    return code == CLI_YES && x->unexplained ? CLI_NO : code;
}

int cli_alert_explain(const struct cli_options *o)
{
    struct explain *x = dw_calloc(1, sizeof *x);
    int code = x ? cli_alert_find(o, o->rest[1], keep, x) : cli_failed(DW_ENOMEM);
    if (code == CLI_YES) {
        x->o = o;
        x->keys = dw_keys_new();
        code = x->keys && x->whole ? explain(x) : cli_failed(DW_ENOMEM);
    }
    if (x) {
        dw_match_scratch_free(x->how.scratch);
        dw_ruleset_free(x->rules);
        dw_keys_free(x->keys);
        dw_buf_fini(&x->out);
        char *texts[] = {x->id, x->rule_id, x->title, x->level, x->key, x->doc};
        for (size_t i = 0; i < DW_COUNT_OF(texts); i++)
            dw_free(texts[i]);
    }
    dw_free(x);
    return code;
}
