/*
 * cmd_policy_decide: `dogwatch policy approve|rollback ID`, and the dry run that comes before.
 *
 * Idea: as with silences, a line is left in the collector's inbox; it looks at the never-block list once more before it takes it.
 */
#include "cmd_policy.h"

#include "dogwatch/base/clock.h"
#include "dogwatch/event/json_write.h"

#include <stdio.h>

struct look {
    const char *change;
    bool made;
};

static void look_for(void *arg, const struct dw_policy_decision *d)
{
    struct look *l = arg;
    l->made |= strcmp(l->change, d->change) == 0;
}

static int was_made(const struct cli_options *o, struct look *l)
{
    struct dw_alerts *view;
    int rc = cli_open_alerts(o, &view);
    if (rc != CLI_YES)
        return rc;
    int err = dw_alerts_decisions(view, true, look_for, l);
    dw_alerts_close(view);
    return cli_failed(err);
}

static void say_done(const struct dw_policy_decision *d)
{
    struct dw_buf until = {0};
    dw_time_text(&until, d->until_ns);
    if (d->rolled_back)
        (void)printf("policy %.12s: %s is rolled back\n", d->entry, d->address);
    else
        (void)printf("policy %.12s: %s is approved until %.*s\n", d->entry, d->address, DW_ARG(dw_buf_view(&until)));
    dw_buf_fini(&until);
}

static int ask(const struct cli_options *o, const struct dw_policy_decision *d)
{
    char dir[CLI_PATH_MAX], change[DW_CHANGE_ID_TEXT];
    struct look l = {.change = change};
    int err = dw_path_join(dir, sizeof dir, o->data, "alerts");
    if (err == DW_OK)
        err = dw_policy_say(&dw_fs_system, dir, d, change);
    if (err < 0) {
        (void)fprintf(stderr, "dogwatch: %s/inbox: %s\n", dir, dw_err_text(err));
        return CLI_CANNOT;
    }
    int rc = cli_wait_taken(o, dir, change);
    if (rc == CLI_NO)
        (void)printf("policy %.12s: the collector of %s is not running; it takes this up when it starts\n", d->entry, o->data);
    if (rc != CLI_YES)
        return rc == CLI_NO ? CLI_YES : rc;
    rc = was_made(o, &l);
    if (rc == CLI_YES && l.made)
        say_done(d);
    else if (rc == CLI_YES)
        (void)fprintf(stderr, "dogwatch: the collector refused it: its log says why\n");
    return rc == CLI_YES && !l.made ? CLI_CANNOT : rc;
}

/* When an approval ends: 0: as the settings say. False, and said: it is over. */
static bool until_of(const struct cli_options *o, int64_t now_ns, int64_t *ret)
{
    *ret = o->until_ns == INT64_MAX ? 0 : o->until_ns;
    if (o->for_ns && __builtin_add_overflow(now_ns, o->for_ns, ret))
        *ret = INT64_MAX;
    if (*ret == 0 || *ret > now_ns)
        return true;
    (void)fprintf(stderr, "dogwatch policy approve: --until needs a time that is to come\n");
    return false;
}

static int decide(const struct cli_options *o, const struct cli_policy *p, struct dw_policy_entry *e, bool rolls_back)
{
    int64_t until_ns = p->list->now_ns;
    if (!rolls_back && e->state == DW_POLICY_refused) {
        (void)fprintf(stderr, "dogwatch: policy %.12s: %s must not be blocked: %s\n", e->id, e->address, e->why);
        return CLI_NO;
    }
    if (rolls_back && !e->author[0]) {
        (void)fprintf(stderr, "dogwatch: policy %.12s: nobody has approved it: there is nothing to take back\n", e->id);
        return CLI_NO;
    }
    if (!rolls_back && !until_of(o, p->list->now_ns, &until_ns))
        return CLI_USAGE;
    struct dw_policy_decision d = dw_policy_approval(p->list, e, p->settings, until_ns, &p->list->arena);
    d.rolled_back = rolls_back;
    d.reason = dw_str_of(o->reason);
    return ask(o, &d);
}

int cli_policy_decide(const struct cli_options *o, bool rolls_back)
{
    struct cli_policy p;
    struct dw_policy_entry *e;
    if (strlen(o->reason) > DW_ALERT_VALUE_MAX) {
        (void)fprintf(stderr, "dogwatch policy %s: a reason has at most %d bytes\n", o->rest[0], DW_ALERT_VALUE_MAX);
        return CLI_USAGE;
    }
    int rc = cli_policy_open(&p, o, !rolls_back);
    if (rc == CLI_YES)
        rc = cli_policy_find(&p, o->rest[1], &e);
    if (rc == CLI_YES)
        rc = decide(o, &p, e, rolls_back);
    cli_policy_close(&p);
    return rc;
}

/* ---- dry run ---- */

struct cli_table cli_policy_impact_table(const struct cli_options *o)
{
    return (struct cli_table){.output = o->output, .columns = 12,
        .name = {"address", "state", "requests", "within", "answered", "with_user", "users", "agents", "claimed", "legitimacy", "first", "last"},
        .number = {[2] = true, [3] = true, [4] = true, [5] = true, [6] = true, [7] = true, [8] = true}, .time = {[10] = true, [11] = true}};
}

static void put_impact(struct cli_table *t, const struct dw_policy_impact *i)
{
    cli_table_cell(t, dw_str_of(i->entry->address));
    cli_table_cell(t, dw_str_of(dw_policy_state_text(i->entry->state)));
    cli_table_number(t, i->requests);
    cli_table_number(t, i->within);
    cli_table_number(t, i->answered);
    cli_table_number(t, i->with_user);
    cli_table_number(t, i->users);
    cli_table_number(t, i->agents);
    cli_table_number(t, i->claimed);
    cli_table_cell(t, i->with_user ? DW_STR("known") : DW_STR("unknown"));
    cli_table_time_if(t, i->first_ns, i->first_ns != INT64_MAX);
    cli_table_time_if(t, i->last_ns, i->last_ns != INT64_MIN);
    if (i->more)
        (void)fprintf(stderr, "note: %s has more users or agents than are counted\n", i->entry->address);
}

/* The entries that would be printed. */
static uint32_t chosen(const struct dw_policy_list *l, bool proposed, const struct dw_policy_entry **ret)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < l->count; i++)
        if (l->entry[i]->state == DW_POLICY_active || (proposed && l->entry[i]->state == DW_POLICY_proposed))
            ret[n++] = l->entry[i];
    return n;
}

static int run_dry(const struct cli_policy *p, struct cli_table *t)
{
    const struct dw_policy_entry **entry = dw_calloc(p->list->count + 1, sizeof *entry);
    struct dw_policy_impact *impact = dw_calloc(p->list->count + 1, sizeof *impact);
    struct dw_policy_impact_ask how = {.archive = p->o->archive, .settings = p->settings, .entry = entry, .now_ns = p->list->now_ns, .problem = cli_policy_problem};
    bool whole = false;
    int err = entry && impact ? DW_OK : DW_ENOMEM;
    if (err == DW_OK) {
        how.count = chosen(p->list, p->o->proposed, entry);
        err = dw_policy_impact(&how, impact, &whole);
    }
    for (uint32_t i = 0; err == DW_OK && i < how.count; i++)
        put_impact(t, &impact[i]);
    if (err == DW_OK && how.count == 0)
        (void)fprintf(stderr, "note: there is nothing to try%s\n", p->o->proposed ? "" : ": --proposed tries what waits for approval");
    if (err == DW_OK && !whole)
        (void)fprintf(stderr, "partial: parts of the archive cannot be read\n");
    dw_free(entry);
    dw_free(impact);
    if (err == DW_ENOENT)
        cli_say_no_archive(p->o, err);
    return err == DW_ENOENT ? CLI_CANNOT : err < 0 ? cli_failed(err) : whole && !p->list->partial ? CLI_YES : CLI_NO;
}

int cli_policy_impact(const struct cli_options *o)
{
    struct cli_policy p;
    struct cli_table t = cli_policy_impact_table(o);
    int rc = cli_policy_open(&p, o, true);
    if (rc == CLI_YES)
        rc = run_dry(&p, &t);
    if (rc == CLI_YES || rc == CLI_NO)
        cli_table_end(&t);
    else
        dw_buf_fini(&t.cells);
    cli_policy_close(&p);
    return rc;
}
