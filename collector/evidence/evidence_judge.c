/*
 * evidence_judge: does a pack prove what its alert says?
 *
 * Idea: from what is signed outwards. Signatures cover frames, frames say the events, events and rule say how each is met and which alert
 * follows; each is made again here and held against the file that claims it.
 */
#include "evidence_int.h"

#include "dogwatch/base/error.h"

#include <inttypes.h>
#include <stdio.h>

struct judging {
    const struct dw_evidence_judge *how;
    const struct dw_epack *pack;
    struct evidence_say say;
    struct dw_keys *keys;
    struct dw_judged *ret;
    struct evidence_alert alert;
    struct evidence_rules rules;
    struct evidence_made made;
};

/* A file that every pack has; an empty view, and said, where it is not. */
static struct dw_str file_of(const struct judging *j, const char *name)
{
    const struct dw_epack_file *f = dw_epack_find(j->pack, name);
    if (!f)
        evidence_problem(&j->say, name, "is not in the list: every pack has it");
    return f ? dw_buf_view(&f->bytes) : DW_STR_NONE;
}

/* Holds a file against what it must say. */
static void compare(const struct judging *j, const char *name, struct dw_str must, const char *what)
{
    char where[EVIDENCE_WHERE_CAP];
    struct dw_str have = file_of(j, name);
    size_t at = 0;
    unsigned line = 1, col = 1;
    if (!have.ptr || dw_str_eq(have, must))
        return;
    for (; at < have.len && at < must.len && have.ptr[at] == must.ptr[at]; at++) {
        line += have.ptr[at] == '\n';
        col = have.ptr[at] == '\n' ? 1 : col + 1;
    }
    (void)snprintf(where, sizeof where, "%s:%u:%u", name, line, col);
    evidence_problem(&j->say, where, "%s", what);
}

/* The line of alert.json, without its newline. */
static int read_alert(struct judging *j)
{
    struct dw_str text = file_of(j, "alert.json"), line = text;
    int rc = text.len && dw_str_index(text, '\n') == text.len - 1 ? DW_OK : DW_ESYNTAX;
    if (rc == DW_OK) {
        line.len--;
        rc = evidence_alert_read(line, &j->alert);
    }
    if (rc < 0 && text.ptr)
        evidence_problem(&j->say, "alert.json:1", "is no line of alerts.log that raises an alert of a rule");
    if (rc == DW_OK && strcmp(j->alert.alert.id, dw_epack_alert(j->pack)) != 0) {
        evidence_problem(&j->say, "alert.json:1", "is another alert than PACK names");
        rc = DW_ESYNTAX;
    }
    return rc;
}

/* Whether the rule decides as the one that raised the alert. */
static bool check_rule(const struct judging *j)
{
    struct dw_explain x = {.rules = j->rules.set, .rule = j->rules.rule};
    if (j->rules.rule == dw_ruleset_count(j->rules.set)) {
        evidence_absent(&j->say, "rule/", "the rule that alert.json names, %s, is not here", j->alert.alert.rule);
        return false;
    }
    memcpy(x.logic, j->alert.logic, sizeof x.logic);
    bool same = dw_explain_same_logic(&x);
    if (!same)
        evidence_absent(&j->say, "rule/", "the rule that raised the alert is not here: by its logic hash in alert.json the one that is decides otherwise");
    return same;
}

/* The alert's line with the numbers that stand in it, where its events alone do not make it. */
static int make_line(struct judging *j)
{
    int rc = evidence_alert_line(&j->alert, j->rules.set, j->rules.rule, NULL, &j->made.line);
    if (rc == DW_ESYNTAX) {
        evidence_problem(&j->say, "alert.json:1", "its key is not what the rule groups by");
        return DW_OK;
    }
    return rc;
}

static int check_alert(struct judging *j)
{
    const struct dw_finding *f = &j->alert.finding;
    bool there = j->alert.named.missing == 0;
    int rc = DW_OK;
    j->ret->counted = !j->made.alone || !there;
    j->ret->nested = j->made.nested;
    j->ret->learned = j->made.learned;
    j->ret->missed = j->made.missed;
    if (j->ret->counted) {
        dw_buf_reset(&j->made.line);
        if (!dw_ruleset_rule(j->rules.set, j->rules.rule)->corr)
            return DW_OK; /* its event is missing, which is said */
        rc = make_line(j);
        if (rc == DW_OK && f->update && !f->calm && (f->total & (f->total - 1)))
            evidence_problem(&j->say, "alert.json:1", "counts %" PRIu64 " events: an alert is told again at powers of two", f->total);
        if (rc == DW_OK && f->total < (uint64_t)f->first_count + f->last_count)
            evidence_problem(&j->say, "alert.json:1", "counts %" PRIu64 " events and names more", f->total);
        if (j->made.line.len == 0)
            return rc;
    }
    if (rc == DW_OK && j->made.line.len == 0)
        evidence_problem(&j->say, "alert.json:1", "the rule does not make this alert of these events");
    else if (rc == DW_OK)
        compare(j, "alert.json", dw_buf_view(&j->made.line), "the rule makes something else of these events");
    return rc;
}

static void check_events(const struct judging *j)
{
    const struct dw_evidence *named = &j->alert.named;
    if (j->made.idle[0])
        evidence_problem(&j->say, j->made.idle, "holds no event that alert.json names");
    for (uint32_t i = 0; i < named->count; i++)
        if (!named->ref[i].found)
            evidence_absent(&j->say, "frames/", "event %s, which alert.json names, is in no frame of the pack", named->ref[i].id);
    compare(j, "events.ndjson", dw_buf_view(&j->made.events), "is not what the frames decode to");
}

static int check_made(struct judging *j)
{
    int rc = evidence_make(j->pack, j->keys, &j->rules, &j->alert, &j->made);
    if (rc < 0)
        return rc;
    j->ret->named = j->alert.named.count;
    j->ret->found = j->made.found;
    j->ret->total = j->alert.finding.total;
    check_events(j);
    compare(j, "match.json", dw_buf_view(&j->made.match), "is not what the rule says of these events");
    if (!check_rule(j))
        return DW_OK;
    if (j->made.unmatched)
        evidence_problem(&j->say, "match.json", "%u events do not meet the rule", j->made.unmatched);
    return check_alert(j);
}

static void check_manifest(const struct judging *j)
{
    char where[EVIDENCE_WHERE_CAP];
    uint32_t line;
    struct dw_str text = file_of(j, "MANIFEST");
    int rc = dw_manifest_lines_check(text, &line);
    (void)snprintf(where, sizeof where, "MANIFEST:%" PRIu32, line);
    if (rc == DW_ESYNTAX)
        evidence_problem(&j->say, where, "is no entry of a manifest");
    else if (rc < 0)
        evidence_problem(&j->say, where, "does not follow the entry before it: edited, deleted or reordered");
}

int dw_evidence_judge(const struct dw_evidence_judge *how, const struct dw_epack *p, struct dw_judged *ret)
{
    struct judging j = {.how = how, .pack = p, .say = {how->problem, how->arg}, .ret = ret, .keys = dw_keys_new()};
    *ret = (struct dw_judged){0};
    int rc = j.keys ? evidence_chains(how, p, j.keys, ret) : DW_ENOMEM;
    int alert = rc == DW_OK ? read_alert(&j) : rc;
    (void)file_of(&j, "README.md");
    check_manifest(&j);
    if (alert == DW_OK)
        rc = evidence_rules_load(p, j.keys, &j.alert, &j.say, &j.rules);
    if (alert == DW_OK && rc == DW_OK)
        rc = check_made(&j);
    evidence_made_fini(&j.made);
    evidence_rules_fini(&j.rules);
    evidence_alert_fini(&j.alert);
    dw_keys_free(j.keys);
    return rc;
}
