/*
 * cmd_archive_keep: `dogwatch archive holds|hold|release|expire|export|log`.
 *
 * Idea: only the collector writes the manifest, so what is to stand there is left in its inbox; it does it within a second, or when it starts. A
 * copy is made here, beside a collector at work, and noted by it.
 */
#include "cmd_archive.h"
#include "remote_rows.h"

#include "dogwatch/base/clock.h"
#include "dogwatch/collect/archive_asked.h"
#include "dogwatch/event/json_write.h"

#include <inttypes.h>
#include <pwd.h>
#include <stdio.h>
#include <unistd.h>

static int mistake(const char *verb, const char *what)
{
    (void)fprintf(stderr, "dogwatch archive %s: %s\n", verb, what);
    return CLI_USAGE;
}

/* ---- asking ---- */

/* Leaves it, waits, and says what became of it: `done` when it stands in the manifest. */
static int ask(const struct cli_options *o, const struct dw_archive_ask *a, const char *done)
{
    char inbox[DW_INBOX_PATH], name[DW_INBOX_NAME];
    uint32_t entries = 0;
    int err = dw_archive_inbox(o->data, inbox);
    if (err == DW_OK)
        err = dw_archive_ask(&dw_fs_system, o->data, a, name);
    if (err < 0) {
        (void)fprintf(stderr, "dogwatch: %s: %s\n", inbox, dw_err_text(err));
        return CLI_CANNOT;
    }
    int rc = cli_wait_inbox(o, inbox, name);
    if (rc == CLI_NO)
        (void)printf("the collector of %s is not running; it takes this up when it starts\n", o->data);
    if (rc != CLI_YES)
        return rc == CLI_NO ? CLI_YES : rc;
    err = dw_archive_done(&dw_fs_system, o->archive, name, &entries);
    if (err < 0)
        return cli_failed(err);
    if (entries == 0) {
        (void)fprintf(stderr, "dogwatch: the collector refused it: its log says why\n");
        return CLI_CANNOT;
    }
    (void)printf("%s\n", done);
    return CLI_YES;
}

/* Fills who asks and why, and the name of a hold. False: a text is too long. */
static bool begin(const struct cli_options *o, struct dw_archive_ask *a, enum dw_archive_verb verb, const char *hold)
{
    *a = (struct dw_archive_ask){.verb = verb, .since_ns = o->since_ns, .until_ns = o->until_ns, .before_ns = o->before_ns, .keep_bytes = o->keep_bytes};
    int name = snprintf(a->name, sizeof a->name, "%s", hold), why = snprintf(a->asked.why, sizeof a->asked.why, "%s", o->reason);
    return name >= 0 && name < (int)sizeof a->name && why >= 0 && why < (int)sizeof a->asked.why;
}

/* ---- holds ---- */

static void put_hold(void *arg, const struct dw_hold *h)
{
    struct cli_table *t = arg;
    cli_table_cell(t, dw_str_of(h->name));
    cli_table_time_if(t, h->from_ns, h->from_ns != INT64_MIN);
    cli_table_time_if(t, h->to_ns, h->to_ns != INT64_MAX);
    cli_table_time(t, h->since_ns);
    cli_table_cell(t, dw_str_of(h->asked.by));
    cli_table_cell(t, dw_str_of(h->asked.why));
}

static int holds(const struct cli_options *o)
{
    struct cli_table t = {.output = o->output, .columns = 6, .name = {"hold", "from", "to", "since", "by", "reason"}, .time = {[1] = true, [2] = true, [3] = true}};
    if (o->server[0])
        return remote_table(o, "/api/v1/archive/holds", &t);
    int err = dw_archive_holds(&dw_fs_system, o->archive, put_hold, &t);
    if (err < 0)
        return cli_say_no_archive(o, err);
    cli_table_end(&t);
    return CLI_YES;
}

struct sought {
    const char *name;
    bool found;
};

static void look_for(void *arg, const struct dw_hold *h)
{
    struct sought *s = arg;
    s->found |= strcmp(s->name, h->name) == 0;
}

/* What would be refused is said before it is asked. CLI_NO: and was said. */
static int check_name(const struct cli_options *o, const char *name, bool releases)
{
    struct sought s = {.name = name};
    int err = dw_archive_holds(&dw_fs_system, o->archive, look_for, &s);
    if (err < 0)
        return cli_say_no_archive(o, err);
    if (s.found == releases)
        return CLI_YES;
    (void)fprintf(stderr, releases ? "dogwatch archive release: no hold of that name is in force; `dogwatch archive holds` lists them\n"
                                   : "dogwatch archive hold: a hold of that name is in force: release it, or take another name\n");
    return CLI_NO;
}

static bool pass(void *arg, struct dw_str line)
{
    (void)arg;
    (void)line;
    return true;
}

static void put_member(struct dw_buf *body, const char *name, struct dw_str text)
{
    dw_buf_printf(body, "%c\"%s\":", body->len ? ',' : '{', name);
    (void)dw_json_string(body, text);
}

static void put_time(struct dw_buf *body, const char *name, int64_t ns)
{
    struct dw_buf text = {0};
    dw_time_text(&text, ns);
    if (ns != INT64_MIN && ns != INT64_MAX)
        put_member(body, name, dw_buf_view(&text));
    dw_buf_fini(&text);
}

static int ask_server(const struct cli_options *o, bool releases, const char *done)
{
    struct dw_buf body = {0};
    put_member(&body, "name", dw_str_of(o->rest[1]));
    put_time(&body, "since", o->since_ns);
    put_time(&body, "until", o->until_ns);
    if (o->reason[0])
        put_member(&body, "reason", dw_str_of(o->reason));
    dw_buf_byte(&body, '}');
    struct remote_ask r = {.o = o, .method = "POST", .target = releases ? "/api/v1/archive/holds/release" : "/api/v1/archive/holds", .body = dw_buf_view(&body),
        .of_one = releases, .line = pass};
    int rc = body.err ? cli_failed(body.err) : remote_send(&r);
    dw_buf_fini(&body);
    if (rc == CLI_YES)
        (void)printf("%s\n", done);
    return rc;
}

static int hold(const struct cli_options *o, bool releases)
{
    struct dw_archive_ask a;
    char done[DW_HOLD_NAME_CAP + 64];
    const char *verb = o->rest[0];
    if (!begin(o, &a, releases ? DW_ARCHIVE_RELEASE : DW_ARCHIVE_HOLD, o->rest[1]) || !a.name[0])
        return mistake(verb, "a name of 1 to 63 bytes is needed, and a reason of at most 511");
    (void)snprintf(done, sizeof done, releases ? "hold %s: released" : "hold %s: in force; dogwatch archive holds", a.name);
    if (o->server[0])
        return ask_server(o, releases, done);
    int rc = check_name(o, o->rest[1], releases);
    return rc == CLI_YES ? ask(o, &a, done) : rc;
}

/* ---- expire ---- */

static void put_segment(void *arg, const struct dw_segment_info *s)
{
    struct cli_table *t = arg;
    cli_table_number(t, s->number);
    cli_table_number(t, s->bytes);
    cli_table_number(t, s->events);
    cli_table_time_if(t, s->time_min_ns, s->time_min_ns != INT64_MIN);
    cli_table_time_if(t, s->time_max_ns, s->time_min_ns != INT64_MIN);
}

static void say_before(int64_t ns)
{
    struct dw_buf text = {0};
    dw_time_text(&text, ns);
    (void)fprintf(stderr, ", all before %.*s", DW_ARG(dw_buf_view(&text)));
    dw_buf_fini(&text);
}

/* What would go is shown, and asked for unless it is a dry run. */
static int expire(const struct cli_options *o)
{
    struct dw_archive_ask a;
    struct dw_expired gone;
    char done[128];
    struct cli_table t = {.output = o->output, .columns = 5, .name = {"segment", "bytes", "events", "from", "to"}, .number = {true, true, true}};
    struct dw_expire how = {.before_ns = o->before_ns, .keep_bytes = o->keep_bytes, .each = put_segment, .arg = &t};
    if ((o->before_ns == INT64_MIN) == (o->keep_bytes == 0))
        return mistake("expire", "either --before T or --keep SIZE says what goes");
    if (!begin(o, &a, DW_ARCHIVE_EXPIRE, ""))
        return mistake("expire", "a reason of at most 511 bytes is needed");
    int err = dw_archive_expire_plan(&dw_fs_system, o->archive, &how, &gone);
    if (err < 0)
        return cli_say_no_archive(o, err);
    cli_table_end(&t);
    (void)fprintf(stderr, "%s %" PRIu64 " segments with %" PRIu64 " events, %" PRIu64 " bytes", o->dry_run ? "would go:" : "to go:", gone.segments, gone.events, gone.bytes);
    if (o->before_ns != INT64_MIN)
        say_before(o->before_ns);
    if (gone.held)
        (void)fprintf(stderr, "; %" PRIu64 " more are held", gone.held);
    if (gone.waiting)
        (void)fprintf(stderr, "; %" PRIu64 " more wait for a state to stand for them", gone.waiting);
    (void)fprintf(stderr, "\n");
    if (o->dry_run || gone.segments == 0)
        return CLI_YES;
    (void)snprintf(done, sizeof done, "%" PRIu64 " segments are let go", gone.segments);
    return ask(o, &a, done);
}

/* ---- export ---- */

static int say_why_not(const struct cli_options *o, const char *to, int err)
{
    struct dw_stat st;
    char manifest[CLI_PATH_MAX];
    bool there = dw_path_join(manifest, sizeof manifest, o->archive, "MANIFEST") == DW_OK && dw_fs_stat(manifest, &st) == DW_OK;
    if (!there)
        cli_say_no_archive(o, DW_ENOENT);
    else if (err == DW_ERANGE)
        (void)fprintf(stderr, "dogwatch archive export: nothing is there of that time; `dogwatch archive ls` shows what is\n");
    else if (err == DW_EEXIST)
        (void)fprintf(stderr, "dogwatch archive export: %s: something is there already, and nothing is written over\n", to);
    else if (err == DW_EAGAIN)
        (void)fprintf(stderr, "dogwatch archive export: segments were let go while they were copied: remove %s and ask again\n", to);
    else
        (void)fprintf(stderr, "dogwatch archive export: %s: %s; what is there now is no archive\n", to, dw_err_text(err));
    return there && err == DW_ERANGE ? CLI_NO : CLI_CANNOT;
}

static int export(const struct cli_options *o, bool of_data)
{
    struct dw_archive_ask a;
    struct dw_exported got;
    struct passwd *me = getpwuid(geteuid()); /* NOLINT(concurrency-mt-unsafe): one thread */
    struct dw_export how = {.fs = &dw_fs_system, .dir = o->archive, .to = o->rest[1], .since_ns = o->since_ns, .until_ns = o->until_ns,
        .now_ns = dw_clock_real(&dw_clock_system)};
    if (!begin(o, &a, DW_ARCHIVE_EXPORTED, ""))
        return mistake("export", "a reason of at most 511 bytes is needed");
    (void)snprintf(a.asked.by, sizeof a.asked.by, "%s", me ? me->pw_name : "");
    how.asked = a.asked;
    int err = dw_archive_export(&how, &got);
    if (err < 0)
        return say_why_not(o, how.to, err);
    (void)printf("%s: segments %" PRIu64 " to %" PRIu64 ", %" PRIu64 " events, %" PRIu64 " bytes\n", how.to, got.from, got.to, got.events, got.bytes);
    (void)printf("  dogwatch archive verify --archive %s\n  dogwatch query '*' --archive %s\n", how.to, how.to);
    if (!of_data)
        return CLI_YES;
    a.from = got.from;
    a.to = got.to;
    return ask(o, &a, "  the manifest of the original says that it was made");
}

/* ---- log ---- */

static void put_deed(void *arg, const struct dw_archive_deed *d)
{
    char segments[48] = "";
    struct cli_table *t = arg;
    if (d->from)
        (void)snprintf(segments, sizeof segments, d->from == d->to ? "%" PRIu64 : "%" PRIu64 "-%" PRIu64, d->from, d->to);
    cli_table_time(t, d->time_ns);
    cli_table_cell(t, dw_str_of(d->what));
    cli_table_cell(t, dw_str_of(segments));
    cli_table_cell(t, dw_str_of(d->name));
    cli_table_cell(t, dw_str_of(d->asked->by));
    cli_table_cell(t, dw_str_of(d->asked->why));
}

static int show_log(const struct cli_options *o)
{
    struct cli_table t = {.output = o->output, .columns = 6, .name = {"time", "what", "segments", "hold", "by", "reason"}, .time = {[0] = true}};
    int err = dw_archive_deeds(&dw_fs_system, o->archive, put_deed, &t);
    if (err < 0)
        return cli_say_no_archive(o, err);
    cli_table_end(&t);
    return CLI_YES;
}

/* ---- the command ---- */

int cmd_archive_keep(struct cli_options *o)
{
    const char *verb = o->rest_count ? o->rest[0] : "";
    bool holds_verb = strcmp(verb, "hold") == 0, releases = strcmp(verb, "release") == 0, expires = strcmp(verb, "expire") == 0;
    bool exports = strcmp(verb, "export") == 0, lists = strcmp(verb, "holds") == 0, logs = strcmp(verb, "log") == 0;
    char own[CLI_PATH_MAX];
    if (o->rest_count != (holds_verb || releases || exports ? 2 : expires || lists || logs ? 1 : 0) || !*verb) {
        (void)fprintf(stderr, "usage: dogwatch archive %s\n", cli_arguments("archive"));
        return CLI_USAGE;
    }
    bool asks_server = o->names_server && (lists || holds_verb || releases);
    if (!asks_server && cli_read_data(o, verb) != CLI_YES)
        return CLI_USAGE;
    bool of_data = asks_server || (dw_path_join(own, sizeof own, o->data, "archive") == DW_OK && strcmp(own, o->archive) == 0);
    if (!of_data && !exports && !lists && !logs && !(expires && o->dry_run))
        return mistake(verb, "of a copy (--archive) nothing is noted: --data names the archive of a collector");
    return logs ? show_log(o) : lists ? holds(o) : expires ? expire(o) : exports ? export(o, of_data) : hold(o, releases);
}
