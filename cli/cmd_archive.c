/*
 * cmd_archive: `dogwatch archive ls|verify`; what else can be done with segments is in cmd_archive_keep.c.
 */
#include "cmd_archive.h"
#include "remote_rows.h"

#include "dogwatch/collect/kept_rules.h"
#include "dogwatch/collect/taken.h"
#include "dogwatch/event/json_write.h"

#include <stdio.h>

static void list_one(void *arg, const struct dw_segment_info *s)
{
    struct cli_table *t = arg;
    cli_table_number(t, s->number);
    cli_table_cell(t, dw_str_of(dw_segment_state(s)));
    cli_table_cell(t, dw_str_of(s->file));
    cli_table_number(t, s->bytes);
    cli_table_number(t, s->text_bytes);
    cli_table_number(t, s->frames);
    cli_table_number(t, s->events);
    bool known = s->sealed && s->time_min_ns != INT64_MIN; /* not of a segment closed with damage in it */
    cli_table_time_if(t, s->time_min_ns, known);
    cli_table_time_if(t, s->time_max_ns, known);
}

static int list(const struct cli_options *o)
{
    struct cli_table t = {.output = o->output, .columns = 9,
        .name = {"segment", "state", "file", "bytes", "text", "frames", "events", "from", "to"},
        .number = {true, false, false, true, true, true, true, false, false}, .time = {[7] = true, [8] = true}};
    if (o->server[0])
        return remote_table(o, "/api/v1/archive", &t);
    int rc = dw_archive_list(&dw_fs_system, o->archive, list_one, &t);
    if (rc < 0)
        return cli_say_no_archive(o, rc);
    cli_table_end(&t);
    return CLI_YES;
}

static void say_problem(void *arg, const char *text)
{
    (void)arg;
    (void)printf("PROBLEM  %s\n", text);
}

static void count_problem(void *arg, const char *text)
{
    uint64_t *problems = arg;
    (*problems)++;
    say_problem(NULL, text);
}

static int verify(const struct cli_options *o)
{
    struct dw_verify_result r;
    struct dw_verify v = {.fs = &dw_fs_system, .dir = o->archive, .problem = say_problem, .elsewhere = dw_taken_read};
    int rc = dw_archive_verify(&v, &r);
    uint64_t problems = r.problems, sets = 0;
    if (rc == DW_OK)
        rc = dw_kept_rules_check(&dw_fs_system, o->archive, count_problem, &problems, &sets);
    if (rc < 0)
        return cli_say_no_archive(o, rc);
    (void)printf("%s  %llu segments, %llu frames (%llu records), %llu events, %llu signatures hold\n",
        problems ? "NOT OK" : "ok", (unsigned long long)r.segments, (unsigned long long)r.frames,
        (unsigned long long)r.records, (unsigned long long)r.events, (unsigned long long)r.signatures);
    if (r.expired)
        (void)printf("  %llu segments were let go, as the manifest says; states stand for them (dogwatch archive log)\n", (unsigned long long)r.expired);
    if (r.left_out)
        (void)printf("  %llu segments are not in this copy, as its manifest says (dogwatch archive log)\n", (unsigned long long)r.left_out);
    if (r.unsigned_tail)
        (void)printf("  %llu newest frames stand after the last signature of their agent: the manifest alone vouches for them\n",
            (unsigned long long)r.unsigned_tail);
    if (r.decisions)
        (void)printf("  %llu frames are decisions of the collector: their own chain and the manifest vouch for them\n",
            (unsigned long long)r.decisions);
    if (r.elsewhere)
        (void)printf("  %llu places where another collector of the group had a partition in between: its own archive has those frames\n",
            (unsigned long long)r.elsewhere);
    if (sets)
        (void)printf("  %llu rule sets that were in force are kept, each what its name is the hash of\n", (unsigned long long)sets);
    (void)printf("  not excluded without a key and a checkpoint held elsewhere: that all of it was made anew\n");
    return problems ? CLI_NO : CLI_YES;
}

/* An option that a verb does not know would change nothing: it is refused. */
static bool takes(const struct cli_options *o)
{
    const char *verb = o->rest_count ? o->rest[0] : "";
    bool hold = strcmp(verb, "hold") == 0, release = strcmp(verb, "release") == 0, expire = strcmp(verb, "expire") == 0, export = strcmp(verb, "export") == 0;
    const struct {
        bool given, taken;
        const char *option;
    } options[] = {{o->since_ns != INT64_MIN, hold || export, "--since"}, {o->until_ns != INT64_MAX, hold || export, "--until"},
        {o->reason[0] != '\0', hold || release || expire || export, "--reason"}, {o->before_ns != INT64_MIN, expire, "--before"},
        {o->keep_bytes != 0, expire, "--keep"}, {o->dry_run, expire, "--dry-run"}};
    for (size_t i = 0; i < DW_COUNT_OF(options); i++)
        if (options[i].given && !options[i].taken) {
            (void)fprintf(stderr, "dogwatch archive %s: %s: no such option here\n", verb, options[i].option);
            return false;
        }
    return true;
}

int cmd_archive(int argc, char **argv)
{
    struct cli_options o;
    int rc = cli_options(argc, argv, &o);
    if (rc != CLI_YES)
        return rc;
    if (!takes(&o))
        return CLI_USAGE;
    if (o.rest_count == 1 && strcmp(o.rest[0], "ls") == 0)
        return list(&o);
    if (o.rest_count == 1 && strcmp(o.rest[0], "verify") == 0)
        return cli_read_data(&o, "verify") == CLI_YES ? verify(&o) : CLI_USAGE;
    return cmd_archive_keep(&o);
}
