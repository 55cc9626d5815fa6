/*
 * cmd_alert: `dogwatch alert show ID`, and what people say of an alert (cmd_alert_change.c).
 *
 * Invariant: the log lines shown are read from the archive, never from the alert: what proves an alert is what the agent sent.
 */
#include "cmd_alert.h"

#include "dogwatch/event/json_read.h"
#include "dogwatch/event/json_write.h"

#include <stdio.h>
#include <stdlib.h>

enum { REFS_MAX = 256 };

struct ref {
    char id[DW_EVENT_ID_TEXT];
    bool shown;
};

struct show {
    struct dw_str doc;  /* copied */
    struct dw_buf json; /* as `dogwatch alerts` prints it */
    struct dw_buf history;
    char id[DW_ALERT_ID_TEXT], title[512], level[32], rule[256];
    char *doc_text, *key;
    char said[DW_ALERT_FIELDS][128];
    int64_t time_ns, total;
    struct ref ref[REFS_MAX];
    uint32_t ref_count;
};

static void keep_change(void *arg, const struct dw_alert_change *c)
{
    struct show *s = arg;
    struct dw_buf value = {0};
    dw_buf_printf(&s->history, "  ");
    dw_time_text(&s->history, c->time_ns);
    (void)dw_json_string(&value, c->value);
    dw_buf_printf(&s->history, "  %s: %s %.*s\n", c->author, dw_alert_field_name(c->field), DW_ARG(dw_buf_view(&value)));
    dw_buf_fini(&value);
}

static void keep_alert(void *arg, const struct dw_alert *a)
{
    struct show *s = arg;
    (void)snprintf(s->id, sizeof s->id, "%s", a->id);
    (void)snprintf(s->title, sizeof s->title, "%s", a->title);
    (void)snprintf(s->level, sizeof s->level, "%s", a->level);
    (void)snprintf(s->rule, sizeof s->rule, "%s", a->rule);
    s->time_ns = a->time_ns;
    s->total = a->total;
    for (int i = 0; i < DW_ALERT_FIELDS; i++)
        (void)snprintf(s->said[i], sizeof s->said[i], "%s", a->said[i]);
    cli_alert_json(a, &s->json);
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
        (void)fwrite(s->json.ptr, 1, s->json.len, stdout);
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
    (void)printf("events %lld\nstatus %s, %s", (long long)s->total, s->said[DW_ALERT_status], s->said[DW_ALERT_disposition]);
    if (s->said[DW_ALERT_assignee][0])
        (void)printf(", with "), put_safe(dw_str_of(s->said[DW_ALERT_assignee]));
    (void)printf("\n%.*s", DW_ARG(dw_buf_view(&s->history)));
    dw_buf_fini(&time);
    return s->ref_count ? print_evidence(s, o) : CLI_YES;
}

static int cmd_show(struct cli_options *o)
{
    struct dw_alerts *view;
    int rc = cli_open_alerts(o, &view);
    if (rc != CLI_YES)
        return rc;
    struct show *s = dw_calloc(1, sizeof *s);
    int err = s ? dw_alerts_find(view, dw_str_of(o->rest[1]), keep_alert, s) : DW_ENOMEM;
    if (err == DW_OK)
        err = s->doc_text ? dw_alerts_history(view, s->id, keep_change, s) : DW_ENOMEM;
    dw_alerts_close(view);
    if (err == DW_OK) {
        collect_refs(s);
        rc = show(s, o);
    } else {
        rc = cli_say_no_alert(o->rest[1], err);
    }
    if (s) {
        dw_free(s->doc_text);
        dw_free(s->key);
        dw_buf_fini(&s->json);
        dw_buf_fini(&s->history);
    }
    dw_free(s);
    return rc;
}

int cmd_alert(int argc, char **argv)
{
    struct cli_options o;
    enum dw_alert_field field;
    int rc = cli_options(argc, argv, &o);
    if (rc != CLI_YES)
        return rc;
    if (o.rest_count == 2 && strcmp(o.rest[0], "show") == 0)
        return cmd_show(&o);
    if (o.rest_count == 3 && cli_alert_verb(o.rest[0], &field))
        return cli_alert_change(&o, field);
    (void)fprintf(stderr, "usage: dogwatch alert %s\n", cli_arguments("alert"));
    if (o.rest_count == 2 && cli_alert_verb(o.rest[0], &field)) {
        const char *values = dw_alert_field_values(field);
        (void)fprintf(stderr, "  dogwatch alert %s %s %s\n", o.rest[0], o.rest[1], *values ? values : "'TEXT'");
    } else if (o.rest_count == 1 && strcmp(o.rest[0], "show") != 0) {
        (void)fprintf(stderr, "  did you mean: dogwatch alert show %s\n", o.rest[0]);
    }
    return CLI_USAGE;
}
