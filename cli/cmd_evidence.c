/*
 * cmd_evidence: `dogwatch evidence export|verify`: what proves an alert, for somebody who has no archive.
 *
 * Idea: an export is judged as it then lies on disk, by the code that `verify` runs, so what it says of a pack is what others will be told.
 *
 * Invariant: the answer is yes only if all is there and all holds.
 */
#include "alert_evidence.h"
#include "cmd_alert.h"

#include "dogwatch/collect/evidence.h"
#include "dogwatch/collect/raised.h"

#include <inttypes.h>
#include <stdio.h>

enum { KEY_FILE_MAX = 1 << 20, PINS_MAX = 4096, ID_SHOWN = 12, PROBLEMS_SHOWN = 100 };

/* What was found about a pack. */
struct verdict {
    const char *path;
    uint32_t problems, absent;
    uint8_t pinned[PINS_MAX * DW_AGENT_ID_BYTES];
    uint32_t pinned_count;
    bool has_pins;
};

static void say_problem(void *arg, const char *where, const char *text, bool absent)
{
    struct verdict *v = arg;
    v->problems += !absent;
    v->absent += absent;
    if (v->problems + v->absent > PROBLEMS_SHOWN)
        return;
    const char *const words[] = {absent ? "ABSENT   " : "PROBLEM  ", where, ": ", text, "\n"};
    cli_put_between(words, DW_COUNT_OF(words));
}

static const char *first_word(const struct verdict *v)
{
    return v->problems ? "NOT OK" : v->absent ? "INCOMPLETE" : "ok";
}

static void say_agents(const struct verdict *v, const struct dw_judged *j)
{
    char agent[2 * DW_AGENT_ID_BYTES + 1];
    for (uint32_t i = 0; i < j->agents && i < DW_JUDGED_AGENTS_MAX; i++) {
        dw_hex(j->agent[i], DW_AGENT_ID_BYTES, agent);
        const char *const words[] = {"  agent  ", agent, "  host ", j->host[i][0] ? j->host[i] : "not stated: the record that opened its epoch was let go", "\n"};
        cli_put_between(words, DW_COUNT_OF(words));
    }
    if (j->agents > DW_JUDGED_AGENTS_MAX)
        (void)printf("  and %u more\n", j->agents - DW_JUDGED_AGENTS_MAX);
    if (v->has_pins)
        (void)printf("  key    pinned by --key\n");
    else if (j->agents)
        (void)printf("  not excluded without --key: that somebody made a key of his own and all of this anew; `dogwatch agents` on the collector shows the ids\n");
}

static void say_proved(const struct dw_judged *j)
{
    if (!j->counted)
        (void)printf("  the agents' signatures cover the lines; the rule makes of them the alert, byte for byte\n");
    else if (j->learned)
        (void)printf("  the agents' signatures cover the lines, and each meets the rule; not proved by this pack: what the detector had learned before, by which it\n"
                     "  calls them unusual, and its count, value and times\n");
    else if (j->missed)
        (void)printf("  the agents' signatures cover the lines, and each meets the rule; not proved by this pack: that what was expected did not come,\n"
                     "  which no line can show: the ledger and `archive verify` say whether all of the time is here\n");
    else if (j->nested)
        (void)printf("  the agents' signatures cover the lines, and each meets the rule; not proved by this pack: count, value and times of the alert, which\n"
                     "  is a correlation of correlations: export the alerts that it follows from\n");
    else
        (void)printf("  the agents' signatures cover the lines, and each meets the rule; not proved by this pack: that the alert counts %" PRIu64
                     " events, of\n  which it names %u, its value and its times\n", j->total, j->named);
}

static void say_verdict(const struct verdict *v, const struct dw_epack *p, const struct dw_judged *j, const uint8_t digest[DW_SHA256_BYTES])
{
    char hex[2 * DW_SHA256_BYTES + 1];
    dw_hex(digest, DW_SHA256_BYTES, hex);
    if (v->problems + v->absent > PROBLEMS_SHOWN)
        (void)printf("and %u more\n", v->problems + v->absent - PROBLEMS_SHOWN);
    (void)printf("%s  alert %.*s: %u of %u named events in %u frames\n", first_word(v), ID_SHOWN, dw_epack_alert(p), j->found, j->named, j->frames);
    say_agents(v, j);
    if (!v->problems && !v->absent)
        say_proved(j);
    (void)printf("  digest %s\n", hex);
}

/* Reads and judges. Answers the exit code. */
static int judge(struct verdict *v)
{
    struct dw_epack *p = NULL;
    struct dw_judged j = {0};
    uint8_t digest[DW_SHA256_BYTES] = {0};
    const struct dw_evidence_judge how = {.problem = say_problem, .arg = v, .pinned = v->has_pins ? v->pinned : NULL, .pinned_count = v->pinned_count};
    int rc = dw_epack_read(&dw_fs_system, v->path, say_problem, v, &p, digest);
    if (rc == DW_ECORRUPT) {
        (void)printf("NOT OK  %s is no evidence pack that can be judged\n", v->path);
        return CLI_NO;
    }
    if (rc == DW_OK && v->problems) {
        (void)printf("NOT OK  alert %.*s: these are not the files that PACK lists, so nothing was made of them\n", ID_SHOWN, dw_epack_alert(p));
        dw_epack_free(p);
        return CLI_NO;
    }
    if (rc == DW_OK)
        rc = dw_evidence_judge(&how, p, &j);
    if (rc == DW_OK)
        say_verdict(v, p, &j, digest);
    else
        (void)fprintf(stderr, "dogwatch: %s: %s\n", v->path, dw_err_text(rc));
    dw_epack_free(p);
    return rc < 0 ? CLI_CANNOT : v->problems || v->absent ? CLI_NO : CLI_YES;
}

/* ---- verify ---- */

static bool take_pin(struct dw_str word, uint8_t id[DW_AGENT_ID_BYTES])
{
    uint8_t key[DW_PUBLIC_KEY_BYTES];
    if (!dw_unhex(word, key, sizeof key))
        return dw_unhex(word, id, DW_AGENT_ID_BYTES);
    dw_key_agent_id(key, id);
    return true;
}

static int say_no_pin(const char *path, struct dw_str text, struct dw_str word, const char *what)
{
    struct dw_diags diags;
    struct dw_buf out = {0};
    dw_diags_init(&diags, dw_str_of(path), text);
    dw_diag_add(&diags, dw_span_at(text, (size_t)(word.ptr - text.ptr), word.len ? word.len : 1), "an agent's id (32 hex digits) or public key (64) a line, as `dogwatch agents` shows it",
        "%s", what);
    dw_diags_print(&diags, &out);
    (void)fwrite(out.ptr, 1, out.len, stderr);
    dw_buf_fini(&out);
    return CLI_USAGE;
}

/* The ids that a file pins. Answers the exit code. */
static int read_pins(const char *path, struct verdict *v)
{
    struct dw_buf text = {0};
    int rc = dw_fs_read_named(&dw_fs_system, path, KEY_FILE_MAX, &text), code = CLI_YES;
    if (rc < 0) {
        (void)fprintf(stderr, "dogwatch: --key %s: %s\n", path, dw_err_text(rc));
        code = rc == DW_ENOENT ? CLI_USAGE : CLI_CANNOT;
    }
    for (struct dw_str rest = dw_buf_view(&text); code == CLI_YES && rest.len;) {
        struct dw_str line = dw_str_cut(&rest, '\n'), word = dw_str_trim(dw_str_slice(line, 0, dw_str_index(line, '#')));
        if (!word.len)
            continue;
        if (v->pinned_count == PINS_MAX)
            code = say_no_pin(path, dw_buf_view(&text), word, "too many keys");
        else if (!take_pin(word, v->pinned + (size_t)v->pinned_count++ * DW_AGENT_ID_BYTES))
            code = say_no_pin(path, dw_buf_view(&text), word, "no key");
    }
    if (code == CLI_YES && !v->pinned_count)
        code = say_no_pin(path, dw_buf_view(&text), dw_str_slice(dw_buf_view(&text), 0, 0), "names no key");
    v->has_pins = true;
    dw_buf_fini(&text);
    return code;
}

static int verify(const struct cli_options *o)
{
    struct verdict *v = dw_calloc(1, sizeof *v);
    int rc = v ? CLI_YES : cli_failed(DW_ENOMEM);
    if (rc == CLI_YES && o->key[0])
        rc = read_pins(o->key, v);
    if (rc == CLI_YES) {
        v->path = o->rest[1];
        rc = judge(v);
    }
    dw_free(v);
    return rc;
}

/* ---- export ---- */

struct export {
    const struct cli_options *o;
    struct dw_buf line;
    struct dw_arena arena;
    struct dw_alert alert;
    struct dw_evidence named;
    struct dw_keys *keys;
    struct dw_ruleset *rules;
    char place[CLI_RULES_MAX][CLI_PATH_MAX];
    const char *path[CLI_RULES_MAX];
    uint32_t paths, rule;
    char to[CLI_PATH_MAX];
};

/* The alert's line in the log. Answers the exit code. */
static int find_alert(struct export *x)
{
    char dir[CLI_PATH_MAX];
    const char *id = x->o->rest[1];
    int rc = dw_path_join(dir, sizeof dir, x->o->data, "alerts");
    if (rc == DW_OK)
        rc = dw_raised_find(&dw_fs_system, dir, dw_str_of(id), &x->line);
    if (rc == DW_ENOENT || rc == DW_EEXIST) {
        (void)fprintf(stderr, "dogwatch: %s in %s/alerts.log begins with '%s'\n  dogwatch alerts --data %s --output table      lists them\n",
            rc == DW_EEXIST ? "more than one alert" : "no alert", dir, id, x->o->data);
        return CLI_NO;
    }
    if (rc < 0)
        return cli_failed(rc);
    if (!dw_raised_read(dw_buf_view(&x->line), &x->arena, &x->alert))
        return cli_failed(DW_ENOMEM);
    if (strncmp(x->alert.rule, "dogwatch.", 9) == 0) {
        (void)fprintf(stderr, "dogwatch: %s: the collector raised it itself, from what it saw of frames and streams, and no rule can be shown to match\n"
                              "  dogwatch archive verify --data %s       says what holds and what does not\n", x->alert.rule, x->o->data);
        return CLI_NO;
    }
    dw_evidence_of(x->alert.doc, &x->named);
    return CLI_YES;
}

static int load_rules(struct export *x)
{
    x->paths = cli_rules_of(x->o, x->place);
    for (uint32_t i = 0; i < x->paths; i++)
        x->path[i] = x->place[i];
    struct cli_rules from = {.place = x->place, .count = x->paths};
    int rc = cli_places_of(x->o->data, &from.places);
    if (rc == DW_OK)
        rc = cli_rules_load(&from, x->keys, &x->rules);
    if (rc < 0)
        return rc == DW_ENOENT && x->o->rules[0] ? CLI_USAGE : CLI_CANNOT;
    struct dw_explain how = {.rules = x->rules, .rule = dw_explain_rule_of(x->rules, dw_str_of(x->alert.rule))};
    dw_explain_logic_of(x->alert.doc, how.logic);
    x->rule = how.rule;
    bool there = x->rule < dw_ruleset_count(x->rules);
    if (!there || !dw_explain_same_logic(&how))
        (void)fprintf(stderr, "dogwatch: the rule %s %s in %s\n  --rules DIR names the rules of then\n", x->alert.rule,
            there ? "decides otherwise than when it raised the alert, as it stands" : "is not", x->path[0]);
    return CLI_YES;
}

static void say_unread(void *arg, const char *where, int rc)
{
    (void)arg;
    (void)fprintf(stderr, "dogwatch: %s: %s\n", where, dw_err_text(rc));
}

static int say_not_written(const struct export *x, int rc)
{
    (void)fprintf(stderr, "dogwatch: %s: %s\n", x->to, dw_err_text(rc));
    if (rc == DW_EEXIST)
        (void)fprintf(stderr, "  nothing is written over; --to DIR or --to FILE.tar names another place\n");
    else
        (void)fprintf(stderr, "  what was written there before is no pack: PACK comes last\n");
    return rc == DW_EEXIST ? CLI_USAGE : CLI_CANNOT;
}

static int make_pack(struct export *x, struct dw_epack *p)
{
    uint8_t digest[DW_SHA256_BYTES];
    const struct dw_evidence_gather g = {.archive = x->o->archive, .keys = x->keys, .rules = x->rules, .rule = x->rule, .rule_path = x->path,
        .rule_paths = x->paths, .line = dw_buf_view(&x->line), .named = &x->named, .problem = say_unread};
    struct dw_stat st;
    if (dw_fs_lstat(x->to, &st) == DW_OK)
        return say_not_written(x, DW_EEXIST);
    int rc = dw_evidence_gather(&g, p);
    if (rc == DW_ENOENT && x->named.count && dw_path_join(x->place[0], CLI_PATH_MAX, x->o->archive, "MANIFEST") == DW_OK
        && dw_fs_stat(x->place[0], &st) == DW_OK) {
        (void)fprintf(stderr, "dogwatch: none of the %u events that the alert names: they %s\n", x->named.count, cli_missing_text(x->o, CLI_NO));
        return CLI_NO;
    }
    if (rc == DW_ELIMIT) {
        (void)fprintf(stderr, "dogwatch: it would be over a bound of packs (docs/formats/evidence.md)\n");
        return CLI_CANNOT;
    }
    if (rc < 0)
        return cli_say_no_archive(x->o, rc);
    rc = dw_epack_write(&dw_fs_system, p, x->to, digest);
    return rc < 0 ? say_not_written(x, rc) : CLI_YES;
}

static int export_alert(struct export *x)
{
    struct verdict *v = dw_calloc(1, sizeof *v);
    struct dw_epack *p = NULL;
    int rc = v && x->keys ? find_alert(x) : cli_failed(DW_ENOMEM);
    if (rc == CLI_YES)
        rc = load_rules(x);
    if (rc == CLI_YES) {
        if (x->o->to[0])
            (void)snprintf(x->to, sizeof x->to, "%s", x->o->to);
        else
            (void)snprintf(x->to, sizeof x->to, "evidence-%.*s", ID_SHOWN, x->alert.id);
        p = dw_epack_new(x->alert.id);
        rc = p ? make_pack(x, p) : cli_failed(DW_ENOMEM);
    }
    dw_epack_free(p);
    if (rc == CLI_YES) {
        const char *const words[] = {"written  ", x->to, "\n"};
        cli_put_between(words, DW_COUNT_OF(words));
        v->path = x->to;
        rc = judge(v);
        const char *const next[] = {"  dogwatch evidence verify ", x->to, "      says the same anywhere\n"};
        cli_put_between(next, DW_COUNT_OF(next));
    }
    dw_free(v);
    return rc;
}

static int export(const struct cli_options *o)
{
    struct export *x = dw_calloc(1, sizeof *x);
    if (!x)
        return cli_failed(DW_ENOMEM);
    x->o = o;
    x->keys = dw_keys_new();
    dw_arena_init(&x->arena, 0);
    int rc = export_alert(x);
    dw_arena_fini(&x->arena);
    dw_buf_fini(&x->line);
    dw_ruleset_free(x->rules);
    dw_keys_free(x->keys);
    dw_free(x);
    return rc;
}

/* A collector gives events over its API, and not the frames that are signed. */
static bool asks_a_server(int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        if (strncmp(argv[i], "--server", 8) != 0)
            continue;
        (void)fprintf(stderr, "dogwatch evidence: the archive itself is needed: a collector gives events, and not the frames that are signed\n"
                              "  dogwatch evidence export ALERT --data DIR      on the collector's host, or over a copy of its DATA\n");
        return true;
    }
    return false;
}

int cmd_evidence(int argc, char **argv)
{
    struct cli_options o;
    if (asks_a_server(argc, argv))
        return CLI_CANNOT;
    int rc = cli_options(argc, argv, &o);
    if (rc != CLI_YES)
        return rc;
    if (o.rest_count == 2 && strcmp(o.rest[0], "export") == 0 && !o.key[0])
        return export(&o);
    if (o.rest_count == 2 && strcmp(o.rest[0], "verify") == 0 && !o.to[0])
        return verify(&o);
    (void)fprintf(stderr, "usage: dogwatch evidence %s\n", cli_arguments("evidence"));
    return CLI_USAGE;
}
