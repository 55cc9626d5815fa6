/*
 * rules_diff: `dogwatch rules diff OLD NEW`: what a change of rules would have done to one's own history.
 *
 * Idea: the archive is replayed twice, faithfully; an alert is the same when its id is: rule, key and cause.
 *
 * Exit codes: 0 the same alerts; 1 others.
 */
#include "rules.h"

#include "collector_settings.h"

#include "dogwatch/base/keyed.h"
#include "dogwatch/collect/replay.h"
#include "dogwatch/correlate/match_pool.h"

struct raised {
    struct dw_keyed_item item;
    bool again; /* by the new rules too */
    int64_t time_ns;
    struct dw_buf text[3]; /* level, title, key */
};

struct diff {
    struct cli_options o;
    struct collector_settings set;
    struct dw_keyed old;
    struct cli_table table;
    bool is_new; /* which run */
    uint64_t same, gained, lost;
};

static bool in_range(const struct diff *d, int64_t time_ns)
{
    return time_ns >= d->o.since_ns && time_ns <= d->o.until_ns;
}

static void put_row(struct diff *d, const char *sign, const struct dw_str text[3], int64_t time_ns)
{
    cli_table_cell(&d->table, dw_str_of(sign));
    cli_table_time(&d->table, time_ns);
    for (int i = 0; i < 3; i++)
        cli_table_cell(&d->table, text[i]);
    cli_table_flush(&d->table);
}

static int keep(struct diff *d, const struct dw_alert *a, const struct dw_str text[3])
{
    struct raised *r = dw_keyed_find(&d->old, dw_str_of(a->id)) ? NULL : dw_keyed_add(&d->old, dw_str_of(a->id), sizeof *r);
    if (!r)
        return dw_keyed_find(&d->old, dw_str_of(a->id)) ? DW_OK : DW_ENOMEM;
    r->time_ns = a->time_ns;
    int rc = DW_OK;
    for (int i = 0; i < 3; i++) {
        dw_buf_str(&r->text[i], text[i]);
        rc = r->text[i].err < 0 ? r->text[i].err : rc;
    }
    return rc;
}

static int take_alert(void *arg, const struct dw_alert *a, enum dw_replay_kind kind)
{
    struct diff *d = arg;
    const struct dw_str text[3] = {dw_str_of(a->level), dw_str_of(a->title), a->key};
    (void)kind;
    if (!in_range(d, a->time_ns) || strncmp(a->rule, "dogwatch.", 9) == 0) /* what the collector says of frames depends on no rule */
        return DW_OK;
    if (!d->is_new)
        return keep(d, a, text);
    struct raised *r = dw_keyed_find(&d->old, dw_str_of(a->id));
    if (r) {
        d->same += !r->again;
        r->again = true;
        return DW_OK;
    }
    d->gained++;
    put_row(d, "+", text, a->time_ns);
    return DW_OK;
}

static void put_lost(struct diff *d)
{
    for (struct dw_keyed_item *i = d->old.first; i; i = i->next) {
        struct raised *r = (struct raised *)i;
        const struct dw_str text[3] = {dw_buf_view(&r->text[0]), dw_buf_view(&r->text[1]), dw_buf_view(&r->text[2])};
        if (!r->again) {
            d->lost++;
            put_row(d, "-", text, r->time_ns);
        }
    }
}

/* One run of the archive by the rules of one path. Exit codes. */
static int run(struct diff *d, const struct rules_opts *o, const char *path)
{
    struct rules_opts one = {.path = {path}, .path_count = 1, .placeholders = o->placeholders, .geoip = d->set.opt.geoip_database.ptr};
    struct rules r;
    int code = rules_load(&r, &one);
    if (code == CLI_YES) {
        struct dw_replay replay = {.fs = &dw_fs_system, .archive = d->o.archive, .keys = r.keys, .rules = r.set, .match_threads = dw_match_threads(d->set.opt.match_workers), .lateness_ns = d->set.opt.lateness,
            .listed = d->set.listed, .listed_count = d->set.listed_count, .each = take_alert, .arg = d};
        int rc = dw_replay_run(&replay);
        if (rc == DW_ENOENT)
            code = cli_say_no_archive(&d->o, rc);
        else
            code = rc < 0 ? cli_failed(rc) : rules_verdict(&r);
        if (rc == DW_OK && (replay.unread || replay.expired))
            fprintf(stderr, "PARTIAL: parts of the archive are not here or cannot be read; `dogwatch archive verify` tells more\n");
    }
    rules_fini(&r);
    return code;
}

static int diff(struct diff *d, const struct rules_opts *o)
{
    d->table = (struct cli_table){.output = d->o.output, .columns = 5, .name = {"", "time", "level", "rule", "for"}};
    if (d->o.output != OUTPUT_TABLE)
        d->table.name[0] = "change";
    int code = run(d, o, o->path[0]);
    d->is_new = true;
    if (code == CLI_YES)
        code = run(d, o, o->path[1]);
    if (code == CLI_YES)
        put_lost(d);
    cli_table_end(&d->table);
    if (code == CLI_YES)
        fprintf(stderr, "%llu alerts are the same, %llu are new (+), %llu are gone (-)\n", (unsigned long long)d->same, (unsigned long long)d->gained, (unsigned long long)d->lost);
    return code == CLI_YES && (d->gained || d->lost) ? CLI_NO : code;
}

int rules_diff(const struct rules_opts *o)
{
    char *argv[RULES_WORDS_MAX + 2] = {(char *)(uintptr_t) "replay"};
    struct diff d = {.same = 0};
    for (uint32_t i = 0; i < o->reading_count; i++)
        argv[i + 1] = o->reading[i];
    int code = cli_options((int)o->reading_count + 1, argv, &d.o);
    if (code == CLI_YES && o->path_count != 2) {
        fprintf(stderr, "rules diff: two rule files or folders: OLD and NEW\n");
        code = CLI_USAGE;
    }
    if (code == CLI_YES)
        code = collector_settings_load(&d.o, &d.set);
    if (code == CLI_YES)
        code = diff(&d, o);
    for (struct dw_keyed_item *i = d.old.first; i; i = i->next)
        for (int k = 0; k < 3; k++)
            dw_buf_fini(&((struct raised *)i)->text[k]);
    dw_keyed_fini(&d.old);
    collector_settings_fini(&d.set);
    return code;
}
