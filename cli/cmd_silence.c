/*
 * cmd_silence: `dogwatch silence add|ls|end`: filters over alerts that hold for a while.
 *
 * Idea: as with changes of alerts, a line is left in the collector's inbox (cmd_alert_change.c). Nothing is ever dropped: `dogwatch alerts`
 * counts what falls under a silence, and shows it with --silenced.
 */
#include "cmd_alert.h"
#include "remote_alerts.h"
#include "remote_rows.h"

#include "dogwatch/base/clock.h"

#include <stdio.h>

/* The silences whose id begins so; of the first a copy. */
struct found {
    const char *prefix;
    uint32_t count;
    char id[DW_CHANGE_ID_TEXT], change[DW_CHANGE_ID_TEXT];
    char *filter, *reason;
    int64_t from_ns, until_ns;
};

static void keep(void *arg, const struct dw_silence *s)
{
    struct found *f = arg;
    if (strncmp(s->id, f->prefix, strlen(f->prefix)) != 0 || f->count++)
        return;
    (void)snprintf(f->id, sizeof f->id, "%s", s->id);
    (void)snprintf(f->change, sizeof f->change, "%s", s->change);
    f->filter = dw_strndup(s->filter.ptr, s->filter.len);
    f->reason = dw_strndup(s->reason.ptr, s->reason.len);
    f->from_ns = s->from_ns;
    f->until_ns = s->until_ns;
}

/* Leaves the line, and says what became of it. `what` goes into the sentence. */
static int ask(const struct cli_options *o, struct dw_silence *s, const char *what)
{
    char dir[CLI_PATH_MAX], change[DW_CHANGE_ID_TEXT];
    struct found f = {.prefix = ""};
    struct dw_alerts *view;
    int err = dw_path_join(dir, sizeof dir, o->data, "alerts");
    if (err == DW_OK)
        err = dw_silence_ask(&dw_fs_system, dir, s, change);
    if (err < 0) {
        (void)fprintf(stderr, "dogwatch: %s/inbox: %s\n", dir, dw_err_text(err));
        return CLI_CANNOT;
    }
    int rc = cli_wait_taken(o, dir, change);
    f.prefix = s->id[0] ? s->id : change;
    if (rc == CLI_NO)
        (void)printf("silence %s: the collector of %s is not running; it takes this up when it starts\n", f.prefix, o->data);
    if (rc != CLI_YES)
        return rc == CLI_NO ? CLI_YES : rc;
    rc = cli_open_alerts(o, &view);
    if (rc != CLI_YES)
        return rc;
    err = dw_alerts_silences(view, keep, &f);
    bool taken = err == DW_OK && f.count && strcmp(f.change, change) == 0;
    dw_alerts_close(view);
    dw_free(f.filter);
    dw_free(f.reason);
    if (taken)
        (void)printf("silence %s: %s\n", f.id, what);
    else
        (void)fprintf(stderr, "dogwatch: the collector refused it: its log says why\n");
    return taken ? CLI_YES : CLI_CANNOT;
}

static void count_one(void *arg, const struct dw_alert *a, const char *silence)
{
    (void)a;
    (void)silence;
    ++*(uint64_t *)arg;
}

/* A mistyped filter silences nothing: what it takes of the alerts that are there, and what is doubtful about it, is said. */
static int say_what_it_takes(const struct cli_options *o)
{
    struct cli_options all = *o;
    struct cli_alerts c;
    uint64_t taken = 0;
    all.since_ns = INT64_MIN;
    all.until_ns = INT64_MAX;
    int rc = cli_alerts_open(&c, &all, o->rest[1]);
    if (rc != CLI_YES)
        return rc;
    rc = cli_alerts_scan(&c, count_one, &taken);
    cli_alerts_close(&c);
    if (rc == CLI_YES)
        (void)fprintf(stderr, "of the alerts that are there it takes %llu\n", (unsigned long long)(taken + c.list.left_out));
    return rc;
}

static int add(const struct cli_options *o)
{
    int64_t now = dw_clock_real(&dw_clock_system);
    struct dw_silence s = {.id = "", .author = "", .time_ns = now, .from_ns = now, .until_ns = o->until_ns, .filter = dw_str_of(o->rest[1]),
        .reason = dw_str_of(o->reason)};
    if (o->for_ns && __builtin_add_overflow(now, o->for_ns, &s.until_ns))
        s.until_ns = INT64_MAX;
    if (s.until_ns == INT64_MAX || s.until_ns <= now) {
        (void)fprintf(stderr, "dogwatch silence add: a silence ends: --for 2h, or --until with a time to come\n");
        return CLI_USAGE;
    }
    if (s.filter.len > DW_ALERT_VALUE_MAX || s.reason.len > DW_ALERT_VALUE_MAX) {
        (void)fprintf(stderr, "dogwatch silence add: filter and reason have at most %d bytes each\n", DW_ALERT_VALUE_MAX);
        return CLI_USAGE;
    }
    int rc = say_what_it_takes(o);
    if (rc == CLI_YES && o->server[0])
        return remote_silence(o, &s);
    return rc == CLI_YES ? ask(o, &s, "begins; `dogwatch alerts` counts what falls under it") : rc;
}

static int end(const struct cli_options *o)
{
    struct found f = {.prefix = o->rest[1]};
    struct dw_alerts *view;
    int64_t now = dw_clock_real(&dw_clock_system);
    bool plain = o->rest[1][0] && strspn(o->rest[1], "0123456789abcdef-") == strlen(o->rest[1]);
    if (o->server[0] && plain)
        return remote_silence_end(o, o->rest[1]);
    if (o->server[0]) {
        (void)fprintf(stderr, "dogwatch: silence %s: none has this id; `dogwatch silence ls` lists them\n", o->rest[1]);
        return CLI_NO;
    }
    int rc = cli_open_alerts(o, &view);
    if (rc != CLI_YES)
        return rc;
    int err = dw_alerts_silences(view, keep, &f);
    dw_alerts_close(view);
    if (err < 0 || f.count != 1) {
        (void)fprintf(stderr, "dogwatch: silence %s: %s\n", o->rest[1],
            err < 0 ? dw_err_text(err) : f.count ? "several begin so; give more digits" : "none has this id; `dogwatch silence ls` lists them");
        rc = err < 0 ? CLI_CANNOT : CLI_NO;
    } else if (f.until_ns <= now) {
        (void)printf("silence %s: it has ended already\n", f.id);
    } else if (!f.filter || !f.reason) {
        (void)fprintf(stderr, "dogwatch: %s\n", dw_err_text(DW_ENOMEM));
        rc = CLI_CANNOT;
    } else {
        struct dw_silence s = {.id = f.id, .author = "", .time_ns = now, .from_ns = f.from_ns, .until_ns = now > f.from_ns ? now : f.from_ns,
            .filter = dw_str_of(f.filter), .reason = dw_str_of(f.reason)};
        rc = ask(o, &s, "ended");
    }
    dw_free(f.filter);
    dw_free(f.reason);
    return rc;
}

static void list_row(void *arg, const struct dw_silence *s)
{
    struct cli_table *t = arg;
    cli_table_cell(t, dw_str_of(s->id));
    cli_table_time(t, s->from_ns);
    cli_table_time(t, s->until_ns);
    cli_table_cell(t, s->until_ns > dw_clock_real(&dw_clock_system) ? DW_STR("holds") : DW_STR("ended"));
    cli_table_cell(t, dw_str_of(s->author));
    cli_table_cell(t, s->filter);
    cli_table_cell(t, s->reason);
}

static int list(const struct cli_options *o)
{
    struct cli_table t = {.output = o->output, .columns = 7, .name = {"silence", "from", "until", "state", "author", "filter", "reason"},
        .time = {false, true, true}};
    struct dw_alerts *view;
    if (o->server[0])
        return remote_table(o, "/api/v1/silences", &t);
    int rc = cli_open_alerts(o, &view);
    if (rc != CLI_YES)
        return rc;
    int err = dw_alerts_silences(view, list_row, &t);
    dw_alerts_close(view);
    if (err < 0)
        (void)fprintf(stderr, "dogwatch: %s\n", dw_err_text(err));
    else
        cli_table_end(&t);
    return err < 0 ? CLI_CANNOT : CLI_YES;
}

int cmd_silence(int argc, char **argv)
{
    struct cli_options o;
    int rc = cli_options(argc, argv, &o);
    if (rc != CLI_YES)
        return rc;
    if (o.rest_count == 2 && strcmp(o.rest[0], "add") == 0)
        return add(&o);
    if (o.rest_count == 1 && strcmp(o.rest[0], "ls") == 0)
        return list(&o);
    if (o.rest_count == 2 && strcmp(o.rest[0], "end") == 0)
        return end(&o);
    (void)fprintf(stderr, "usage: dogwatch silence %s\n  dogwatch silence add 'rule.id:5f3a and source.ip:10.0.0.0/8' --for 2h --reason 'scan of ours'\n",
        cli_arguments("silence"));
    return CLI_USAGE;
}
