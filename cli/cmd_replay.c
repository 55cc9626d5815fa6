/*
 * cmd_replay: `dogwatch replay`: the alerts that an archive makes, today.
 *
 * Idea: faithful, it prints the very lines that the collector wrote to alerts.log when it took these frames, by the rules that were in force, which the archive
 * has; so `diff` tells whether a log was changed. With --rules it is a what-if. Everything before --since is read all the same: windows are then as they were, and what is left to be cold is only what the
 * archive itself does not reach back to.
 *
 * Invariant: results are alerts and nothing else; what is not known (which rules were in force, with which lateness) is said on stderr.
 */
#include "cmd_alert.h"
#include "collector_settings.h"

#include "dogwatch/base/keyed.h"
#include "dogwatch/collect/raised.h"
#include "dogwatch/collect/replay.h"
#include "dogwatch/correlate/match_pool.h"
#include "dogwatch/correlate/rulepack.h"

#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

enum { SHOWN_MAX = 5, ID_SHOWN = 12 };

/* A rule of some lines of alerts.log, by its id and logic. */
struct raised_by {
    struct dw_keyed_item item;
    bool there, same;
};

struct replay {
    const struct cli_options *o;
    struct dw_past_rules past;
    struct dw_rules_since first; /* the oldest rule set that the archive names */
    uint64_t sets;               /* how often one is named */
    struct collector_settings set;
    char place[CLI_RULES_MAX][CLI_PATH_MAX];
    struct dw_keys *keys;
    struct dw_ruleset *rules;
    struct dw_replay run;
    struct cli_table table;
    struct dw_buf line;
    struct dw_keyed raised_by;
    uint64_t last_intake; /* 0: not known */
    uint64_t given, fresh, gone, left_out;
};

/* ---- what the collector had ---- */

static void say_diags(void *ud, const struct dw_diags *d)
{
    struct dw_buf out = {0};
    (void)ud;
    dw_diags_print(d, &out);
    (void)fwrite(out.ptr, 1, out.len, stderr);
    dw_buf_fini(&out);
}

/* --rules; else those of the configuration; else the usual ones. */
static uint32_t rule_places(struct replay *p)
{
    uint32_t count = 0;
    for (uint32_t i = 0; !p->o->rules[0] && i < p->set.opt.rules.count && count < CLI_RULES_MAX; i++)
        count += cli_path(p->place[count], p->set.opt.rules.item[i].ptr);
    return count ? count : cli_rules_of(p->o, p->place);
}

static void note_set(void *arg, const struct dw_rules_since *r)
{
    struct replay *p = arg;
    if (p->sets++ == 0)
        p->first = *r;
}

/* The rules that were in force, as the archive has them. CLI_NO: it has none. */
static int load_recorded(struct replay *p)
{
    struct dw_buf pack = {0};
    if (p->o->rules[0])
        return CLI_NO;
    int rc = dw_kept_rules_each(&dw_fs_system, p->o->archive, p->keys, note_set, p);
    if (rc < 0 || p->sets == 0)
        return rc < 0 ? cli_failed(rc) : CLI_NO;
    struct dw_places *places;
    if (cli_places(p->set.opt.geoip_database.ptr, &places) < 0)
        return CLI_CANNOT;
    rc = dw_kept_rules_read(&dw_fs_system, p->o->archive, p->first.sha256, &pack);
    bool same = rc == DW_OK && dw_rulepack_same_places(dw_buf_view(&pack), places);
    if (rc == DW_OK)
        rc = dw_rulepack_load(dw_buf_view(&pack), places, p->keys, (struct dw_diag_sink){NULL, NULL}, &p->rules);
    else
        dw_places_free(places);
    dw_buf_fini(&pack);
    if (rc < 0) {
        (void)fprintf(stderr, "note: the rules that were in force are named by the archive, and cannot be read there (%s); `dogwatch archive verify` tells more\n", dw_err_text(rc));
        return CLI_NO;
    }
    p->past = (struct dw_past_rules){.fs = &dw_fs_system, .dir = p->o->archive, .keys = p->keys, .geoip = p->set.opt.geoip_database.ptr,
        .today = p->rules, .elsewhere = !same};
    memcpy(p->past.today_sha256, p->first.sha256, sizeof p->past.today_sha256);
    p->run.past = &p->past;
    return CLI_YES;
}

static int load_rules(struct replay *p)
{
    int recorded = load_recorded(p);
    if (recorded != CLI_NO)
        return recorded;
    struct cli_rules from = {.place = p->place, .count = rule_places(p), .report = p->o->rules[0] ? say_diags : NULL};
    int rc = cli_places(p->set.opt.geoip_database.ptr, &from.places);
    if (rc < 0)
        return CLI_CANNOT;
    rc = cli_rules_load(&from, p->keys, &p->rules);
    if (rc < 0)
        return rc == DW_ENOENT && p->o->rules[0] ? CLI_USAGE : CLI_CANNOT;
    if (p->o->rules[0])
        (void)fprintf(stderr, "note: what these rules would have raised (--rules), not what was raised\n");
    else
        (void)fprintf(stderr, "note: by the rules as they are today in %s: which were in force when the archive was written is not recorded\n", p->place[0]);
    return CLI_YES;
}

/* ---- whether they decide as the live ones did ---- */

static int compare_logic(void *arg, const struct dw_alert *alert, struct dw_str line)
{
    struct replay *p = arg;
    struct dw_buf key = {0};
    struct dw_explain x = {.rules = p->rules};
    (void)line;
    if (strncmp(alert->rule, "dogwatch.", 9) == 0)
        return DW_OK;
    dw_explain_logic_of(alert->doc, x.logic);
    dw_buf_printf(&key, "%s %s", alert->rule, x.logic);
    struct raised_by *r = key.err ? NULL : dw_keyed_find(&p->raised_by, dw_buf_view(&key));
    if (!r && !key.err) {
        r = dw_keyed_add(&p->raised_by, dw_buf_view(&key), sizeof *r);
        x.rule = dw_explain_rule_of(p->rules, dw_str_of(alert->rule));
        if (r) {
            r->there = x.rule < dw_ruleset_count(p->rules);
            r->same = r->there && dw_explain_same_logic(&x);
        }
    }
    dw_buf_fini(&key);
    return r ? DW_OK : DW_ENOMEM;
}

static int say_logic(struct replay *p)
{
    char dir[CLI_PATH_MAX];
    int rc = dw_path_join(dir, sizeof dir, p->o->archive, "../alerts");
    if (rc == DW_OK)
        rc = dw_raised_each(&dw_fs_system, dir, compare_logic, p);
    if (rc == DW_ENOENT) {
        (void)fprintf(stderr, "note: no alerts.log stands beside the archive, so whether these rules decide as those of then is not known\n");
        return CLI_YES;
    }
    for (const struct dw_keyed_item *i = p->raised_by.first; i && rc == DW_OK; i = i->next) {
        const struct raised_by *r = (const struct raised_by *)i;
        if (!r->same)
            (void)fprintf(stderr, "note: rule %.*s %s\n", (int)dw_str_index(i->key, ' '), i->key.ptr,
                r->there ? "decides otherwise than when it raised alerts: their logic hashes differ" : "raised alerts, and is not among these");
    }
    return cli_failed(rc);
}

/* ---- alerts ---- */

static void put_row(struct replay *p, const struct dw_alert *a, bool fresh)
{
    struct cli_table *t = &p->table;
    cli_table_cell(t, dw_str_slice(dw_str_of(a->id), 0, p->o->output == OUTPUT_TABLE ? ID_SHOWN : DW_ALERT_ID_TEXT));
    cli_table_time(t, a->time_ns);
    cli_table_cell(t, dw_str_of(a->level));
    cli_table_cell(t, dw_str_of(a->title));
    cli_table_number(t, (uint64_t)a->total);
    cli_table_cell(t, a->key);
    if (p->run.corrected)
        cli_table_cell(t, fresh ? DW_STR("new") : DW_STR(""));
    cli_table_flush(t);
}

static int put_line(struct replay *p, const struct dw_alert *a, bool fresh)
{
    dw_buf_reset(&p->line);
    dw_raised_line(a, &p->line);
    if (p->run.corrected && !p->line.err) {
        p->line.len -= 2; /* "}\n" */
        dw_buf_printf(&p->line, ",\"replay\":{\"mode\":\"corrected\",\"new\":%s}}\n", fresh ? "true" : "false");
    }
    if (!p->line.err && fwrite(p->line.ptr, 1, p->line.len, stdout) != p->line.len)
        return DW_EIO;
    return p->line.err;
}

static int take_alert(void *arg, const struct dw_alert *a, enum dw_replay_kind kind)
{
    struct replay *p = arg;
    bool fresh = kind == DW_REPLAY_NEW;
    if (a->time_ns < p->o->since_ns || a->time_ns > p->o->until_ns) {
        p->left_out++;
        return DW_OK;
    }
    p->given++;
    p->fresh += fresh;
    if (p->o->output == OUTPUT_NDJSON)
        return put_line(p, a, fresh);
    put_row(p, a, fresh);
    return DW_OK;
}

static void take_gone(void *arg, const char *id, const char *rule)
{
    struct replay *p = arg;
    if (p->gone++ < SHOWN_MAX)
        (void)fprintf(stderr, "note: the live run raised %.*s (%s); with late events in their place it is not raised\n", ID_SHOWN, id, rule);
}

static void show_progress(void *arg, uint64_t intake)
{
    const struct replay *p = arg;
    uint64_t percent = p->last_intake ? 100 * intake / (p->last_intake + 1) : 0;
    (void)fprintf(stderr, "\r  frame %" PRIu64 ", %" PRIu64 " %% ", intake, percent > 100 ? 100 : percent);
}

static void note_last(void *arg, const struct dw_segment_info *s)
{
    struct replay *p = arg;
    p->last_intake = s->sealed ? s->last_intake : p->last_intake;
}

/* Before anything is said of rules: is there an archive at all? */
static int look_for_archive(struct replay *p)
{
    int rc = dw_archive_list(&dw_fs_system, p->o->archive, note_last, p);
    if (rc == DW_OK)
        return CLI_YES;
    return cli_say_no_archive(p->o, rc);
}

/* Correlations whose window at --since reaches back to before the archive begins. */
static void say_cold(const struct replay *p)
{
    for (uint32_t i = 0; p->o->since_ns != INT64_MIN && !p->run.expired && i < dw_ruleset_count(p->rules); i++) {
        const struct dw_rule *r = dw_ruleset_rule(p->rules, i);
        if (r->corr && p->run.first_ns != INT64_MAX && p->o->since_ns - r->corr->timespan_ns < p->run.first_ns)
            (void)fprintf(stderr, "note: cold at --since: '%.*s' looks back %lld s, to before the archive begins\n", DW_ARG(r->title),
                (long long)(r->corr->timespan_ns / DW_NS_PER_S));
    }
}

/* Whose rules these alerts are by. */
static void say_rules(const struct replay *p)
{
    if (!p->run.past)
        return; /* said before */
    (void)fprintf(stderr, "note: by the rules that were in force, as the archive has them; they changed %" PRIu64 " times\n", p->run.changes);
    if (p->first.intake && !p->run.expired)
        (void)fprintf(stderr, "note: which were in force before frame %" PRIu64 " is not recorded: those of that frame stand for them\n", p->first.intake);
    if (p->past.elsewhere)
        (void)fprintf(stderr, "note: %" PRIu64 " of these rule sets asked another database of places than geoip.database names today: rules that ask where addresses are decide otherwise\n", p->past.elsewhere);
    if (p->past.missing)
        (void)fprintf(stderr, "PARTIAL: %" PRIu64 " of these rule sets cannot be read; `dogwatch archive verify` tells more\n", p->past.missing);
}

static int run(struct replay *p)
{
    const struct cli_options *o = p->o;
    p->table = (struct cli_table){.output = o->output, .columns = o->corrected ? 7 : 6, .name = {"id", "time", "level", "rule", "events", "for", "late"}, .number = {[4] = true}};
    struct dw_past_rules *past = p->run.past;
    p->run = (struct dw_replay){.past = past, .fs = &dw_fs_system, .archive = o->archive, .keys = p->keys, .rules = p->rules, .match_threads = dw_match_threads(p->set.opt.match_workers), .lateness_ns = p->set.opt.lateness, .listed = p->set.listed,
        .listed_count = p->set.listed_count, .corrected = o->corrected, .each = take_alert, .gone = take_gone,
        .progress = isatty(STDERR_FILENO) ? show_progress : NULL, .arg = p};
    int rc = dw_replay_run(&p->run);
    if (p->run.progress)
        (void)fprintf(stderr, "\r                                        \r");
    if (rc < 0) {
        dw_buf_fini(&p->table.cells);
        return cli_failed(rc);
    }
    if (o->output != OUTPUT_NDJSON)
        cli_table_end(&p->table);
    say_cold(p);
    (void)fprintf(stderr, "%" PRIu64 " alerts of %" PRIu64 " events in %" PRIu64 " frames", p->given, p->run.events, p->run.frames);
    if (o->corrected)
        (void)fprintf(stderr, "; %" PRIu64 " new by late events, %" PRIu64 " of the live run not raised", p->fresh, p->gone);
    (void)fprintf(stderr, "\n");
    say_rules(p);
    if (p->run.expired)
        (void)fprintf(stderr, "note: segments are not here (dogwatch archive ls); their alerts are not made again\n");
    if (p->run.unread)
        (void)fprintf(stderr, "PARTIAL: %" PRIu64 " parts of the archive cannot be read; `dogwatch archive verify` tells more\n", p->run.unread);
    if (o->corrected && p->run.refused)
        (void)fprintf(stderr, "PARTIAL: %" PRIu64 " matches found no room in memory\n", p->run.refused);
    return p->run.unread || p->past.missing || (o->corrected && p->run.refused) ? CLI_NO : CLI_YES;
}

int cmd_replay(int argc, char **argv)
{
    struct cli_options o;
    int rc = cli_options(argc, argv, &o);
    if (rc == CLI_YES && (o.rest_count || (o.faithful && o.corrected))) {
        (void)fprintf(stderr, "usage: dogwatch replay %s\n", cli_arguments("replay"));
        rc = CLI_USAGE;
    }
    if (rc != CLI_YES)
        return rc;
    struct replay *p = dw_calloc(1, sizeof *p);
    if (!p)
        return cli_failed(DW_ENOMEM);
    p->o = &o;
    p->keys = dw_keys_new();
    rc = p->keys ? look_for_archive(p) : cli_failed(DW_ENOMEM);
    if (rc == CLI_YES)
        rc = collector_settings_load(&o, &p->set);
    if (rc == CLI_YES)
        rc = load_rules(p);
    if (rc == CLI_YES && !p->run.past)
        rc = say_logic(p);
    if (rc == CLI_YES)
        rc = run(p);
    dw_past_rules_fini(&p->past);
    collector_settings_fini(&p->set);
    dw_buf_fini(&p->line);
    dw_keyed_fini(&p->raised_by);
    dw_ruleset_free(p->rules);
    dw_keys_free(p->keys);
    dw_free(p);
    return rc;
}
