/*
 * cmd_policy: `dogwatch policy`: what gateways refuse: printed in their languages, listed, compared with what is installed.
 *
 * Idea: who reads DATA judges by the collector's configuration: --config, else the one that `up` wrote there, else the defaults, and says which.
 *
 * Invariant: what is printed on stdout is a whole file of its language, also when nothing is blocked; why that is stands in it and on stderr.
 */
#include "cmd_policy.h"
#include "remote_rows.h"

#include "dogwatch/base/clock.h"

#include <stdio.h>

enum { FILE_MAX = 16 << 20 };

/* ---- settings and list ---- */

static void say_mistakes(void *ud, const struct dw_diags *diags)
{
    struct dw_buf text = {0};
    (void)ud;
    dw_diags_print(diags, &text);
    (void)fwrite(text.ptr ? text.ptr : "", 1, text.len, stderr);
    dw_buf_fini(&text);
}

static int read_settings(const struct cli_options *o, struct dw_policy_settings **ret)
{
    struct dw_conf c;
    struct dw_collector_options values;
    struct dw_stat st;
    char path[CLI_PATH_MAX];
    bool named = o->config[0] != '\0';
    if (!named && dw_path_join(path, sizeof path, o->data, "up/collector.yml") < 0)
        return cli_failed(DW_ELIMIT);
    if (named)
        (void)snprintf(path, sizeof path, "%s", o->config);
    int rc = dw_conf_init(&c, &dw_conf_collector, &values);
    if (rc < 0)
        return cli_failed(rc);
    c.check = cli_option_check;
    if (named || dw_fs_stat(path, &st) == DW_OK)
        rc = dw_conf_load_file(&c, &dw_fs_system, path, (struct dw_diag_sink){.report = say_mistakes});
    else
        (void)fprintf(stderr, "note: the never-block list is the one without configuration; --config FILE names the collector's\n");
    if (rc < 0 && rc != DW_ECONFIG)
        (void)fprintf(stderr, "dogwatch: %s: %s\n", path, dw_err_text(rc));
    int exit_code = rc == DW_ECONFIG ? CLI_USAGE : rc < 0 ? CLI_CANNOT : cli_failed(dw_policy_settings_new(&values, ret));
    dw_conf_fini(&c);
    return exit_code;
}

void cli_policy_problem(void *arg, const char *where, int rc)
{
    (void)arg;
    (void)fprintf(stderr, "dogwatch: %s: %s\n", where, dw_err_text(rc));
}

int cli_policy_open(struct cli_policy *p, const struct cli_options *o, bool proposals)
{
    struct dw_alerts *view;
    *p = (struct cli_policy){.o = o};
    int rc = read_settings(o, &p->settings);
    if (rc == CLI_YES)
        rc = cli_open_alerts(o, &view);
    if (rc != CLI_YES)
        return rc;
    struct dw_policy_ask how = {.view = view, .settings = p->settings, .archive = proposals ? o->archive : NULL, .now_ns = dw_clock_real(&dw_clock_system),
        .since_ns = o->since_ns, .problem = cli_policy_problem};
    int err = dw_policy_list(&how, &p->list);
    dw_alerts_close(view);
    if (err == DW_ENOENT)
        cli_say_no_archive(o, err);
    else if (err == DW_OK && p->list->partial)
        (void)fprintf(stderr, "partial: %s\n", p->list->partial);
    return err == DW_ENOENT ? CLI_CANNOT : cli_failed(err);
}

void cli_policy_close(struct cli_policy *p)
{
    dw_policy_list_free(p->list);
    dw_policy_settings_free(p->settings);
}

int cli_policy_find(const struct cli_policy *p, const char *id, struct dw_policy_entry **ret)
{
    int rc = dw_policy_find(p->list, dw_str_of(id), ret);
    if (rc < 0)
        (void)fprintf(stderr, "dogwatch: policy %s: %s\n", id, rc == DW_EEXIST ? "several entries begin so; give more digits" : "no entry has this id; `dogwatch policy ls` lists them");
    return rc < 0 ? CLI_NO : CLI_YES;
}

/* ---- TARGET ---- */

static void say_why_none(const struct dw_policy_list *l)
{
    struct dw_buf why = {0};
    dw_policy_why_none(l, &why);
    (void)fwrite(why.ptr ? why.ptr : "", 1, why.len, stderr);
    dw_buf_fini(&why);
}

static bool has_active(const struct dw_policy_list *l)
{
    bool any = false;
    for (uint32_t i = 0; i < l->count; i++)
        any |= l->entry[i]->state == DW_POLICY_active;
    return any;
}

static int print_policy(const struct cli_options *o, const struct dw_policy_target *t)
{
    struct cli_policy p;
    struct dw_buf out = {0};
    int rc = cli_policy_open(&p, o, o->proposed);
    if (rc == CLI_YES && !o->proposed && !has_active(p.list)) {
        cli_policy_close(&p); /* why there is nothing, only the archive tells */
        rc = cli_policy_open(&p, o, true);
    }
    if (rc == CLI_YES) {
        dw_policy_print(t, p.list, o->proposed, &out);
        rc = cli_failed(out.err);
    }
    if (rc == CLI_YES) {
        (void)fwrite(out.ptr, 1, out.len, stdout);
        say_why_none(p.list);
    }
    dw_buf_fini(&out);
    cli_policy_close(&p);
    return rc;
}

/* ---- ls ---- */

static int list(const struct cli_options *o)
{
    struct cli_table t = {.output = o->output, .columns = 10, .name = {"id", "address", "state", "provenance", "alerts", "last", "until", "author", "reason", "why"},
        .number = {[4] = true}, .time = {[5] = true, [6] = true}};
    struct cli_policy p;
    struct dw_buf target = {0};
    if (o->server[0]) {
        dw_buf_str(&target, DW_STR("/api/v1/policies"));
        remote_put_range(&target, o);
        dw_buf_byte(&target, 0);
        int code = target.err ? cli_failed(target.err) : remote_table(o, target.ptr, &t);
        dw_buf_fini(&target);
        return code;
    }
    int rc = cli_policy_open(&p, o, true);
    for (uint32_t i = 0; rc == CLI_YES && i < p.list->count; i++) {
        const struct dw_policy_entry *e = p.list->entry[i];
        bool decided = e->author[0] != '\0';
        cli_table_cell(&t, dw_str_of(e->id));
        cli_table_cell(&t, dw_str_of(e->address));
        cli_table_cell(&t, dw_str_of(dw_policy_state_text(e->state)));
        cli_table_cell(&t, dw_str_of(e->provenance));
        cli_table_number(&t, e->alerts);
        cli_table_time_if(&t, e->last_ns, e->last_ns != INT64_MIN);
        cli_table_time_if(&t, e->until_ns, decided);
        cli_table_cell(&t, dw_str_of(e->author));
        cli_table_cell(&t, dw_str_of(e->reason));
        cli_table_cell(&t, dw_str_of(e->why));
    }
    bool partial = rc == CLI_YES && p.list->partial;
    if (rc == CLI_YES)
        cli_table_end(&t);
    cli_policy_close(&p);
    return partial ? CLI_NO : rc;
}

/* ---- diff ---- */

struct differing {
    struct cli_table t;
    uint64_t count;
};

static void put_difference(void *arg, const char *what, const char *address, int64_t there_ns, int64_t here_ns)
{
    struct differing *d = arg;
    d->count++;
    cli_table_cell(&d->t, dw_str_of(what));
    cli_table_cell(&d->t, dw_str_of(address));
    cli_table_time_if(&d->t, there_ns, there_ns != INT64_MIN);
    cli_table_time_if(&d->t, here_ns, here_ns != INT64_MIN);
}

static int compare(const struct cli_options *o, const struct dw_policy_list *l, const char *path)
{
    struct differing d = {.t = {.output = o->output, .columns = 4, .name = {"what", "address", "there", "here"}, .time = {[2] = true, [3] = true}}};
    struct dw_buf file = {0};
    int err = dw_fs_read_file(&dw_fs_system, path, FILE_MAX, &file);
    if (err < 0)
        (void)fprintf(stderr, "dogwatch: %s: %s\n", path, dw_err_text(err));
    else if ((err = dw_policy_diff(l, dw_buf_view(&file), put_difference, &d)) < 0)
        (void)fprintf(stderr, "dogwatch: %s: %s\n", path, dw_err_text(err));
    dw_buf_fini(&file);
    if (err < 0) {
        dw_buf_fini(&d.t.cells);
        return CLI_CANNOT;
    }
    cli_table_end(&d.t);
    return d.count ? CLI_NO : CLI_YES;
}

static int diff(const struct cli_options *o)
{
    struct cli_policy p = {.o = o};
    int rc = o->server[0] ? remote_policy_active(o, &p.list) : cli_policy_open(&p, o, false);
    if (rc == CLI_YES)
        rc = compare(o, p.list, o->rest[2]);
    cli_policy_close(&p);
    return rc;
}

/* ---- the command ---- */

static int unknown_target(const char *word)
{
    const char *names[16];
    size_t count = 0;
    for (; count < DW_COUNT_OF(names) && dw_policy_target_name(count); count++)
        names[count] = dw_policy_target_name(count);
    const char *near = dw_nearest(dw_str_of(word), names, count);
    (void)fprintf(stderr, "dogwatch policy: '%s' is no gateway's language%s%s%s\n ", word, near ? "; did you mean '" : "", near ? near : "", near ? "'?" : "");
    for (size_t i = 0; i < count; i++)
        (void)fprintf(stderr, " %s", names[i]);
    (void)fprintf(stderr, "\n");
    return CLI_USAGE;
}

static int usage(void)
{
    (void)fprintf(stderr, "usage: dogwatch policy %s\n  dogwatch policy ls\n  dogwatch policy approve 3f9a --for 12h --reason 'scans us'\n  dogwatch policy nginx > /etc/nginx/dogwatch.conf\n",
        cli_arguments("policy"));
    return CLI_USAGE;
}

/* Options that would change nothing are a mistake. */
static bool takes(const struct cli_options *o, bool prints, bool approves, bool rolls_back)
{
    const struct {
        bool given, fits;
        const char *option;
    } options[] = {{o->proposed, prints, "--proposed"}, {o->dry_run, prints, "--dry-run"}, {o->for_ns != 0, approves, "--for"},
        {o->until_ns != INT64_MAX, approves, "--until"}, {o->reason[0] != '\0', approves || rolls_back, "--reason"}};
    for (size_t i = 0; i < DW_COUNT_OF(options); i++)
        if (options[i].given && !options[i].fits) {
            (void)fprintf(stderr, "dogwatch policy %s: %s: no such option here\n  dogwatch policy %s\n", o->rest[0], options[i].option, cli_arguments("policy"));
            return false;
        }
    return true;
}

int cmd_policy(int argc, char **argv)
{
    struct cli_options o;
    int rc = cli_options(argc, argv, &o);
    if (rc != CLI_YES)
        return rc;
    if (o.rest_count == 0)
        return usage();
    const char *verb = o.rest[0];
    bool approves = strcmp(verb, "approve") == 0, rolls_back = strcmp(verb, "rollback") == 0, lists = strcmp(verb, "ls") == 0;
    bool compares = strcmp(verb, "diff") == 0, prints = !approves && !rolls_back && !lists && !compares;
    if (o.rest_count != (compares ? 3 : approves || rolls_back ? 2 : 1))
        return usage();
    const char *word = prints ? verb : compares ? o.rest[1] : NULL;
    const struct dw_policy_target *t = word ? dw_policy_target(dw_str_of(word)) : NULL;
    if (word && !t)
        return unknown_target(word);
    if (!takes(&o, prints, approves, rolls_back))
        return CLI_USAGE;
    if (approves || rolls_back)
        return o.server[0] ? remote_policy_decide(&o, rolls_back) : cli_policy_decide(&o, rolls_back);
    if (lists)
        return list(&o);
    if (compares)
        return diff(&o);
    if (o.dry_run)
        return o.server[0] ? remote_policy_impact(&o) : cli_policy_impact(&o);
    return o.server[0] ? remote_policy_print(&o, word) : print_policy(&o, t);
}
