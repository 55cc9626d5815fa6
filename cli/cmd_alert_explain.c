/*
 * cmd_alert_explain: `dogwatch alert explain ID`: why an alert was raised.
 *
 * Idea: the events it names are read from the archive and matched again, one by one, with the rule as it is now; each condition is shown
 * with the value that met it. The rule's logic hash says whether it decides as it did when the alert was raised.
 *
 * Invariant: what cannot be shown (a rule that is gone, one that decides otherwise by now, an event that is not in the archive) is said.
 */
#include "alert_evidence.h"

#include "dogwatch/correlate/ruleset.h"
#include "dogwatch/event/json_read.h"
#include "dogwatch/event/json_write.h"

#include <stdio.h>

enum { LOGIC_TEXT = 2 * DW_SHA256_BYTES + 1, VALUE_SHOWN = 200, NEST_MAX = 16 };

struct explain {
    const struct cli_options *o;
    struct dw_keys *keys;
    struct dw_ruleset *rules;
    struct dw_match_scratch *scratch;
    uint32_t rule;
    char *id, *rule_id, *title, *level, *key, *doc;
    char logic[LOGIC_TEXT]; /* of the rule as it was */
    int64_t total;
    struct dw_buf out; /* one event's JSON, or one condition */
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

/* What the finding itself says: its rule's logic hash and the events. */
static void read_doc(struct explain *x)
{
    struct dw_json j;
    struct dw_json_token t;
    bool is_hash = false;
    dw_json_start(&j, dw_str_of(x->doc));
    while (dw_json_next(&j, &t) == DW_OK && t.type != DW_JSON_END) {
        if (t.type == DW_JSON_STRING && is_hash && t.text.len < sizeof x->logic)
            memcpy(x->logic, t.text.ptr, t.text.len);
        is_hash = t.type == DW_JSON_KEY && dw_str_eq(t.text, DW_STR("logic_hash"));
    }
    dw_evidence_of(dw_str_of(x->doc), &x->evidence);
}

static void pass_over(void *ud, const struct dw_diags *diags)
{
    (void)ud;
    (void)diags; /* the collector said it; `dogwatch rules check` says it again */
}

/* DW_ENOENT: the rule is not among them, and where it was looked for is said. */
static int find_rule(struct explain *x)
{
    char place[CLI_RULES_MAX][CLI_PATH_MAX];
    const char *path[CLI_RULES_MAX];
    uint32_t count = cli_rules_of(x->o, place), bad = 0;
    for (uint32_t i = 0; i < count; i++)
        path[i] = place[i];
    int rc = count ? dw_ruleset_load(&dw_fs_system, path, count, x->keys, NULL, (struct dw_diag_sink){.report = pass_over}, &x->rules, &bad)
                   : DW_ENOENT;
    if (rc < 0) {
        (void)fprintf(stderr, "dogwatch: rules cannot be read from %s: %s\n", count ? path[bad] : "the shipped folder", dw_err_text(rc));
        return rc == DW_ENOENT ? DW_EIO : rc;
    }
    for (x->rule = 0; x->rule < dw_ruleset_count(x->rules); x->rule++)
        if (dw_str_eq(dw_ruleset_rule(x->rules, x->rule)->id, dw_str_of(x->rule_id)))
            break;
    if (x->rule < dw_ruleset_count(x->rules))
        return (x->scratch = dw_match_scratch_new(x->rules)) ? DW_OK : DW_ENOMEM;
    (void)fprintf(stderr, "dogwatch: the rule %s is not in %s", x->rule_id, path[0]);
    for (uint32_t i = 1; i < count; i++)
        (void)fprintf(stderr, ", %s", path[i]);
    (void)fprintf(stderr, "\n  dogwatch alert explain %.12s --rules DIR      with the rules it was raised by\n  dogwatch alert show %.12s\n", x->id, x->id);
    return DW_ENOENT;
}

static bool is_same_logic(const struct explain *x)
{
    char now[LOGIC_TEXT];
    dw_hex(dw_ruleset_rule(x->rules, x->rule)->logic_hash, DW_SHA256_BYTES, now);
    return strcmp(now, x->logic) == 0;
}

static void say_rule(struct explain *x)
{
    const struct dw_rule *r = dw_ruleset_rule(x->rules, x->rule);
    (void)printf("alert  %s\nrule   %s (%s), %s\nat     %.*s:%u\n", x->id, x->title, x->rule_id, x->level, DW_ARG(r->path), r->at.line);
    (void)printf("logic  %s\n", is_same_logic(x) ? "as when it was raised" : "CHANGED since it was raised: what follows is by the rule as it is now");
    if (*x->key) {
        (void)printf("for    ");
        cli_put_safe(dw_str_of(x->key));
        (void)printf("\n");
    }
    if (r->corr) {
        dw_correlation_text(x->rules, r->corr, &x->out);
        (void)printf("asks   %.*s\n", DW_ARG(dw_buf_view(&x->out)));
        dw_buf_reset(&x->out);
    }
    if (x->total > x->evidence.count && x->evidence.count)
        (void)printf("events %lld; the first and the newest %u are named\n", (long long)x->total, x->evidence.count);
}

static void put_condition(void *ud, const struct dw_condition *c)
{
    static const char mark[] = {[DW_FALSE] = '-', [DW_TRUE] = '+', [DW_UNDECIDED] = '?'};
    (void)ud;
    (void)printf("      %*s%c ", (int)(2 * c->depth), "", mark[c->verdict]);
    cli_put_safe(c->text);
    if (!c->is_group && c->field.len) {
        (void)printf("   <- ");
        cli_put_safe(c->field);
        (void)printf(" = ");
        cli_put_safe(dw_str_slice(c->value, 0, c->value.len < VALUE_SHOWN ? c->value.len : VALUE_SHOWN));
        (void)printf("%s", c->value.len > VALUE_SHOWN ? " ..." : "");
    } else if (!c->is_group) {
        (void)printf("   <- not in the event");
    }
    (void)printf("\n");
}

static void put_pair(struct dw_buf *out, const char *key, struct dw_str value)
{
    dw_buf_printf(out, "\"%s\":", key);
    (void)dw_json_string(out, value);
}

static void put_condition_json(void *ud, const struct dw_condition *c)
{
    struct explain *x = ud;
    dw_buf_printf(&x->out, "%s{\"depth\":%u,", x->out.ptr[x->out.len - 1] == '[' ? "" : ",", c->depth);
    put_pair(&x->out, "condition", c->text);
    dw_buf_printf(&x->out, ",\"holds\":%s", c->verdict == DW_TRUE ? "true" : c->verdict == DW_FALSE ? "false" : "null");
    if (!c->is_group && c->field.len) {
        dw_buf_byte(&x->out, ',');
        put_pair(&x->out, "field", c->field);
        dw_buf_byte(&x->out, ',');
        put_pair(&x->out, "value", c->value);
    }
    dw_buf_byte(&x->out, '}');
}

static void begin_json(struct explain *x, const struct dw_event *ev, const struct dw_rule *r)
{
    char id[DW_EVENT_ID_TEXT];
    const struct dw_field *path = dw_event_find(ev, DW_F_log_file_path);
    dw_event_id_text(ev, id);
    dw_buf_reset(&x->out);
    dw_buf_printf(&x->out, "{\"alert\":\"%s\",\"event\":{\"id\":\"%s\",", x->id, id);
    put_pair(&x->out, "original", ev->line);
    dw_buf_printf(&x->out, "},\"log\":{\"file\":{");
    put_pair(&x->out, "path", path && dw_field_is_text(path) ? dw_field_str(path) : DW_STR(""));
    dw_buf_printf(&x->out, "},\"start\":%llu,\"end\":%llu},\"rule\":{", (unsigned long long)ev->start, (unsigned long long)ev->end);
    put_pair(&x->out, "id", r->id);
    dw_buf_byte(&x->out, ',');
    put_pair(&x->out, "name", r->title);
    dw_buf_printf(&x->out, ",\"same_logic\":%s},\"conditions\":[", is_same_logic(x) ? "true" : "false");
}

/* One event by one rule about one event. */
static int explain_by(struct explain *x, uint32_t rule, const struct dw_event *ev, bool *ret_matches)
{
    const struct dw_rule *r = dw_ruleset_rule(x->rules, rule);
    enum dw_verdict v;
    bool json = x->o->output == OUTPUT_NDJSON;
    begin_json(x, ev, r);
    int rc = dw_match_explain(x->scratch, rule, ev, false, put_condition_json, x, &v);
    if (rc < 0 || v == DW_FALSE)
        return rc;
    *ret_matches = true;
    if (json) {
        dw_buf_printf(&x->out, "]}\n");
        (void)fwrite(x->out.ptr, 1, x->out.len, stdout);
        return x->out.err;
    }
    if (rule != x->rule)
        (void)printf("    by '%.*s' (%.*s)\n", DW_ARG(r->title), DW_ARG(r->path));
    return dw_match_explain(x->scratch, rule, ev, false, put_condition, x, &v);
}

/* The same by a rule of any kind: a correlation's members, and theirs. */
static int explain_deep(struct explain *x, uint32_t rule, const struct dw_event *ev, uint32_t nest, bool *ret_matches)
{
    const struct dw_correlation *c = dw_ruleset_rule(x->rules, rule)->corr;
    if (!c)
        return explain_by(x, rule, ev, ret_matches);
    int rc = DW_OK;
    for (uint32_t i = 0; i < c->member_count && rc == DW_OK && nest < NEST_MAX; i++)
        rc = explain_deep(x, c->member[i], ev, nest + 1, ret_matches);
    return rc;
}

static void explain_event(void *arg, const struct dw_archived *a, const struct dw_event *ev)
{
    struct explain *x = arg;
    bool matches = false;
    if (x->o->output != OUTPUT_NDJSON)
        cli_print_event(a, ev);
    int rc = explain_deep(x, x->rule, ev, 0, &matches);
    x->unexplained |= rc < 0 || !matches;
    if (rc < 0)
        (void)fprintf(stderr, "dogwatch: %s\n", dw_err_text(rc));
    else if (!matches && x->o->output != OUTPUT_NDJSON)
        (void)printf("      the rule as it is now does not match this event\n");
    else if (!matches) { /* a row all the same: each event has one */
        begin_json(x, ev, dw_ruleset_rule(x->rules, x->rule));
        dw_buf_printf(&x->out, "]}\n");
        (void)fwrite(x->out.ptr, 1, x->out.len, stdout);
    }
}

/* What the collector raises itself has no conditions: what it saw is the explanation. */
static void explain_own(struct explain *x)
{
    if (x->o->output == OUTPUT_NDJSON) {
        dw_buf_printf(&x->out, "{\"alert\":\"%s\",\"rule\":{", x->id);
        put_pair(&x->out, "id", dw_str_of(x->rule_id));
        dw_buf_byte(&x->out, ',');
        put_pair(&x->out, "name", dw_str_of(x->title));
        dw_buf_printf(&x->out, "},");
        put_pair(&x->out, "message", dw_str_of(x->key));
        dw_buf_printf(&x->out, ",\"conditions\":[]}\n");
        (void)fwrite(x->out.ptr, 1, x->out.len, stdout);
        return;
    }
    (void)printf("alert  %s\nrule   %s (%s), %s\nthe collector raises it itself, from what it saw of frames and streams:\n  ", x->id, x->title,
        x->rule_id, x->level);
    cli_put_safe(dw_str_of(x->key));
    (void)printf("\n");
}

static int explain(struct explain *x)
{
    read_doc(x);
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
            code == CLI_NO ? "are not in this archive" : "could not be read");
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
        dw_match_scratch_free(x->scratch);
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
