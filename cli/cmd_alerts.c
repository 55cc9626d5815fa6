/*
 * cmd_alerts: `dogwatch alerts` and `dogwatch alert show ID`.
 *
 * Invariant: the log lines shown are read from the archive, never from the alert: what proves an alert is what the agent sent.
 */
#include "cli_int.h"

#include "dogwatch/base/clock.h"
#include "dogwatch/collect/alerts.h"
#include "dogwatch/collect/query.h"
#include "dogwatch/event/flatten.h"
#include "dogwatch/event/json_read.h"
#include "dogwatch/event/json_write.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>

enum { REFS_MAX = 256, FOLLOW_MS = 300 };

static int open_view(const struct cli_options *o, struct dw_alerts **ret)
{
    char dir[CLI_PATH_MAX];
    int rc = dw_path_join(dir, sizeof dir, o->data, "alerts");
    if (rc == DW_OK)
        rc = dw_alerts_open_read(dir, ret);
    if (rc < 0)
        (void)fprintf(stderr, "dogwatch: no alerts to read in %s: %s\n  dogwatch up --data DIR   makes some; --data or DOGWATCH_DATA tells where\n",
            dir, dw_err_text(rc));
    return rc == DW_OK ? CLI_YES : CLI_CANNOT;
}

/* A filter over the findings themselves: their JSON taken as an event. */
struct filter {
    struct dw_keys *keys;
    struct dw_query *query; /* NULL: all */
    struct dw_arena pool;
    struct dw_field field[DW_EVENT_FIELDS_MAX];
};

struct listing {
    struct cli_table table;
    struct dw_buf out;
    uint64_t count, skip; /* taken; of these the first are not shown */
    struct filter *filter;
    const struct cli_options *o;
};

static int filter_open(struct filter *f, const char *text)
{
    struct dw_diags diags;
    struct dw_buf said = {0};
    *f = (struct filter){.keys = dw_keys_new()};
    dw_arena_init(&f->pool, 0);
    if (!text)
        return CLI_YES;
    dw_diags_init(&diags, DW_STR("filter"), dw_str_of(text));
    int rc = f->keys ? dw_query_compile(dw_str_of(text), f->keys, &diags, &f->query) : DW_ENOMEM;
    dw_diags_print(&diags, &said);
    if (said.len)
        (void)fwrite(said.ptr, 1, said.len, stderr);
    dw_buf_fini(&said);
    return rc == DW_OK ? CLI_YES : rc == DW_ESYNTAX ? CLI_USAGE : CLI_CANNOT;
}

static void filter_close(struct filter *f)
{
    dw_query_free(f->query);
    dw_arena_fini(&f->pool);
    dw_keys_free(f->keys);
}

static bool filter_takes(struct filter *f, const struct dw_alert *a)
{
    struct dw_flatten how = {0};
    if (!f->query)
        return true;
    dw_arena_reset(&f->pool);
    struct dw_draft d = {.keys = f->keys, .pool = &f->pool, .field = f->field};
    dw_draft_reset(&d, a->doc);
    if (dw_flatten_json(&d, a->doc, &how) < 0)
        return false;
    struct dw_event ev = {.time_ns = a->time_ns, .line = a->doc, .field = f->field, .field_count = d.field_count};
    return dw_query_match(f->query, &ev);
}

static bool takes(struct listing *l, const struct dw_alert *a)
{
    if (a->time_ns < l->o->since_ns || a->time_ns > l->o->until_ns || !filter_takes(l->filter, a))
        return false;
    return l->count++ >= l->skip;
}

static void count_one(void *arg, const struct dw_alert *a)
{
    (void)takes(arg, a);
}

static void list_row(void *arg, const struct dw_alert *a)
{
    struct listing *l = arg;
    struct dw_buf time = {0};
    if (!takes(l, a))
        return;
    dw_time_text(&time, a->time_ns);
    cli_table_cell(&l->table, dw_str_slice(dw_str_of(a->id), 0, 12));
    cli_table_cell(&l->table, dw_str_slice(dw_buf_view(&time), 0, 19));
    cli_table_cell(&l->table, dw_str_of(a->level));
    cli_table_cell(&l->table, dw_str_of(a->title));
    cli_table_number(&l->table, (uint64_t)a->total);
    cli_table_cell(&l->table, a->key);
    dw_buf_fini(&time);
}

static void list_json(void *arg, const struct dw_alert *a)
{
    struct listing *l = arg;
    if (!takes(l, a))
        return;
    dw_buf_str(&l->out, a->doc);
    dw_buf_byte(&l->out, '\n');
}

/* Those after `after`, which moves on; with a limit the newest of them. */
static int list_once(struct dw_alerts *view, const struct cli_options *o, struct filter *f, int64_t *after)
{
    struct listing l = {.filter = f, .o = o, .table = {.output = o->output, .columns = 6,
        .name = {"alert", "time", "level", "rule", "events", "for"}, .number = {false, false, false, false, true, false}}};
    bool json = o->output == OUTPUT_NDJSON;
    int64_t end = *after;
    int rc = o->has_limit && !o->follow ? dw_alerts_list(view, *after, 0, count_one, &l, &end) : DW_OK;
    l.skip = l.count > o->limit && o->has_limit && !o->follow ? l.count - o->limit : 0;
    l.count = 0;
    if (rc == DW_OK)
        rc = dw_alerts_list(view, *after, 0, json ? list_json : list_row, &l, after);
    if (rc == DW_OK && json && l.out.len)
        (void)fwrite(l.out.ptr, 1, l.out.len, stdout);
    else if (rc == DW_OK && !json && (l.count || !o->follow))
        cli_table_end(&l.table);
    (void)fflush(stdout);
    dw_buf_fini(&l.out);
    dw_buf_fini(&l.table.cells);
    return rc;
}

int cmd_alerts(int argc, char **argv)
{
    struct cli_options o;
    struct dw_alerts *view;
    int64_t after = 0;
    int rc = cli_options(argc, argv, &o);
    if (rc == CLI_YES && o.rest_count > 1) {
        (void)fprintf(stderr, "usage: dogwatch alerts %s\n", cli_arguments("alerts"));
        rc = CLI_USAGE;
    }
    if (rc != CLI_YES)
        return rc;
    struct filter *f = dw_calloc(1, sizeof *f);
    if (!f)
        return CLI_CANNOT;
    rc = filter_open(f, o.rest_count ? o.rest[0] : NULL);
    if (rc == CLI_YES)
        rc = open_view(&o, &view);
    if (rc != CLI_YES) {
        filter_close(f);
        dw_free(f);
        return rc;
    }
    int err;
    do {
        err = list_once(view, &o, f, &after);
        if (o.follow)
            (void)poll(NULL, 0, FOLLOW_MS);
    } while (err == DW_OK && o.follow);
    dw_alerts_close(view);
    filter_close(f);
    dw_free(f);
    if (err < 0)
        (void)fprintf(stderr, "dogwatch: %s\n", dw_err_text(err));
    return err < 0 ? CLI_CANNOT : CLI_YES;
}

/* ---- alert show ---- */

struct ref {
    char id[DW_EVENT_ID_TEXT];
    bool shown;
};

struct show {
    struct dw_str doc; /* copied */
    char id[DW_ALERT_ID_TEXT], title[512], level[32], rule[256];
    char *doc_text, *key;
    int64_t time_ns, total;
    struct ref ref[REFS_MAX];
    uint32_t ref_count;
};

static void keep_alert(void *arg, const struct dw_alert *a)
{
    struct show *s = arg;
    (void)snprintf(s->id, sizeof s->id, "%s", a->id);
    (void)snprintf(s->title, sizeof s->title, "%s", a->title);
    (void)snprintf(s->level, sizeof s->level, "%s", a->level);
    (void)snprintf(s->rule, sizeof s->rule, "%s", a->rule);
    s->time_ns = a->time_ns;
    s->total = a->total;
    s->doc_text = dw_strndup(a->doc.ptr, a->doc.len);
    s->key = dw_strndup(a->key.ptr, a->key.len);
    s->doc = dw_str_of(s->doc_text);
}

static bool is_event_id(struct dw_str s)
{
    uint8_t id[DW_ID_BYTES];
    uint64_t start;
    return s.len > 33 && s.len < DW_EVENT_ID_TEXT && s.ptr[32] == '-' && dw_unhex(dw_str_slice(s, 0, 32), id, sizeof id)
        && dw_str_u64(dw_str_slice(s, 33, s.len), &start);
}

/* Every event id that the finding names, each once. */
static void collect_refs(struct show *s)
{
    struct dw_json j;
    struct dw_json_token t;
    dw_json_start(&j, s->doc);
    while (dw_json_next(&j, &t) == DW_OK && t.type != DW_JSON_END) {
        if (t.type != DW_JSON_STRING || !is_event_id(t.text) || s->ref_count == REFS_MAX)
            continue;
        bool known = false;
        for (uint32_t i = 0; i < s->ref_count; i++)
            known |= dw_str_eq(dw_str_of(s->ref[i].id), t.text);
        if (!known) {
            memcpy(s->ref[s->ref_count].id, t.text.ptr, t.text.len);
            s->ref[s->ref_count++].id[t.text.len] = '\0';
        }
    }
}

static void put_safe(struct dw_str s)
{
    for (size_t i = 0; i < s.len; i++) {
        unsigned char c = (unsigned char)s.ptr[i];
        (void)putchar(c < 0x20 || c == 0x7f ? '?' : c);
    }
}

static struct dw_str text_of(const struct dw_event *ev, uint32_t key)
{
    const struct dw_field *f = dw_event_find(ev, key);
    return f && dw_field_is_text(f) ? dw_field_str(f) : DW_STR("?");
}

static void print_event(const struct dw_archived *a, const struct dw_event *ev)
{
    char agent[2 * DW_AGENT_ID_BYTES + 1];
    dw_hex(a->frame.head.agent, DW_AGENT_ID_BYTES, agent);
    (void)printf("\n  ");
    put_safe(text_of(ev, DW_F_host_name));
    (void)printf("  ");
    put_safe(text_of(ev, DW_F_log_file_path));
    (void)printf("  bytes %llu-%llu\n  agent %.16s epoch %llu frame %llu, intake %llu\n    ", (unsigned long long)ev->start,
        (unsigned long long)ev->end, agent, (unsigned long long)a->frame.head.epoch.counter,
        (unsigned long long)a->frame.head.number, (unsigned long long)a->intake.number);
    put_safe(ev->line);
    (void)printf("\n");
}

static void print_matching(struct show *s, const struct dw_archived *a)
{
    for (uint32_t i = 0; i < a->frame.event_count; i++) {
        char id[DW_EVENT_ID_TEXT];
        dw_event_id_text(&a->frame.event[i], id);
        for (uint32_t k = 0; k < s->ref_count; k++) {
            if (s->ref[k].shown || strcmp(s->ref[k].id, id) != 0)
                continue;
            s->ref[k].shown = true;
            print_event(a, &a->frame.event[i]);
        }
    }
}

static int print_evidence(struct show *s, const struct cli_options *o)
{
    struct dw_keys *keys = dw_keys_new();
    struct dw_archive_reader *r;
    struct dw_archived a;
    uint32_t missing = 0;
    int rc = cli_open_archive(o, keys, &r);
    if (rc != CLI_YES) {
        dw_keys_free(keys);
        return rc;
    }
    (void)printf("\nThe log lines that prove it, as the agent sent them:\n");
    for (int err; (err = dw_archive_reader_next(r, &a)) != DW_EAGAIN;) {
        if (err == DW_OK)
            print_matching(s, &a);
        else
            (void)fprintf(stderr, "dogwatch: %s: %s\n", dw_archive_reader_where(r), dw_err_text(err));
        if (err == DW_ENOMEM)
            break;
    }
    for (uint32_t i = 0; i < s->ref_count; i++)
        missing += !s->ref[i].shown;
    if (missing)
        (void)printf("\n  %u of %u named events are not in this archive\n", missing, s->ref_count);
    dw_archive_reader_close(r);
    dw_keys_free(keys);
    return missing ? CLI_NO : CLI_YES;
}

static int show(struct show *s, const struct cli_options *o)
{
    struct dw_buf time = {0};
    if (o->output == OUTPUT_NDJSON && !o->follow) {
        (void)printf("%s\n", s->doc_text);
        return CLI_YES;
    }
    dw_time_text(&time, s->time_ns);
    (void)printf("alert  %s\nrule   %s (%s)\nlevel  %s\ntime   %.*s\n", s->id, s->title, s->rule, s->level,
        DW_ARG(dw_buf_view(&time)));
    if (s->key && *s->key) {
        (void)printf("for    ");
        put_safe(dw_str_of(s->key));
        (void)printf("\n");
    }
    (void)printf("events %lld\n", (long long)s->total);
    dw_buf_fini(&time);
    return s->ref_count ? print_evidence(s, o) : CLI_YES;
}

int cmd_alert(int argc, char **argv)
{
    struct cli_options o;
    struct dw_alerts *view;
    int rc = cli_options(argc, argv, &o);
    if (rc != CLI_YES)
        return rc;
    if (o.rest_count != 2 || strcmp(o.rest[0], "show") != 0) {
        (void)fprintf(stderr, "usage: dogwatch alert %s\n", cli_arguments("alert"));
        if (o.rest_count == 1 && strcmp(o.rest[0], "show") != 0)
            (void)fprintf(stderr, "  did you mean: dogwatch alert show %s\n", o.rest[0]);
        return CLI_USAGE;
    }
    rc = open_view(&o, &view);
    if (rc != CLI_YES)
        return rc;
    struct show *s = dw_calloc(1, sizeof *s);
    int err = s ? dw_alerts_find(view, dw_str_of(o.rest[1]), keep_alert, s) : DW_ENOMEM;
    dw_alerts_close(view);
    if (err == DW_OK && s->doc_text) {
        collect_refs(s);
        rc = show(s, &o);
    } else {
        (void)fprintf(stderr, "dogwatch: alert %s: %s\n", o.rest[1],
            err == DW_EEXIST ? "several alerts begin so; give more digits" : err == DW_ENOENT ? "no alert has this id; `dogwatch alerts` lists them" : dw_err_text(err));
        rc = err == DW_ENOENT || err == DW_EEXIST ? CLI_NO : CLI_CANNOT;
    }
    if (s) {
        dw_free(s->doc_text);
        dw_free(s->key);
    }
    dw_free(s);
    return rc;
}
