/*
 * cmd_alert: `dogwatch alert show ID`; why it was raised (cmd_alert_explain.c), and what people say of it (cmd_alert_change.c).
 *
 * Invariant: the log lines shown are read from the archive, never from the alert: what proves an alert is what the agent sent.
 */
#include "alert_evidence.h"

#include "dogwatch/event/json_write.h"

#include <stdio.h>
#include <stdlib.h>

struct show {
    struct dw_str doc;  /* copied */
    struct dw_buf json; /* as `dogwatch alerts` prints it */
    struct dw_buf history;
    char id[DW_ALERT_ID_TEXT], title[512], level[32], rule[256];
    char *doc_text, *key;
    char said[DW_ALERT_FIELDS][128];
    int64_t time_ns, total;
    struct dw_evidence evidence;
};

static void keep_change(void *arg, const struct dw_alert_change *c)
{
    struct show *s = arg;
    struct dw_buf value = {0};
    dw_buf_printf(&s->history, "  ");
    dw_time_text(&s->history, c->time_ns);
    (void)dw_json_string(&value, c->value);
    dw_buf_str(&s->history, DW_STR("  "));
    cli_shown(&s->history, dw_str_of(c->author));
    dw_buf_printf(&s->history, ": %s ", dw_alert_field_name(c->field));
    cli_shown(&s->history, dw_buf_view(&value));
    dw_buf_byte(&s->history, '\n');
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
    dw_answer_alert(a, NULL, &s->json);
    s->doc_text = dw_strndup(a->doc.ptr, a->doc.len);
    s->key = dw_strndup(a->key.ptr, a->key.len);
    s->doc = dw_str_of(s->doc_text);
}

static void print_one(void *arg, const struct dw_archived *a, const struct dw_event *ev)
{
    (void)arg;
    cli_print_event(a, ev);
}

static int print_evidence(struct show *s, const struct cli_options *o)
{
    struct dw_keys *keys = dw_keys_new();
    if (!keys)
        return CLI_CANNOT;
    (void)printf("\nThe log lines that prove it, as the agent sent them:\n");
    (void)fflush(stdout);
    int rc = cli_evidence(o, s->id, keys, &s->evidence, print_one, NULL);
    if (s->evidence.missing)
        (void)printf("\n  %u of %u named events %s\n", s->evidence.missing, s->evidence.count, cli_missing_text(o, rc));
    dw_keys_free(keys);
    return rc;
}

void cli_put_anomaly(struct dw_str finding)
{
    struct dw_buf text = {0};
    dw_answer_anomaly(finding, &text);
    if (text.len) {
        (void)printf("found  ");
        cli_put_safe(dw_buf_view(&text));
        (void)printf("\n");
    }
    struct dw_str calm = dw_answer_calm(finding);
    if (calm.ptr) {
        (void)printf("calm   ");
        cli_put_safe(calm);
        (void)printf(", when its count had come down\n");
    }
    dw_buf_fini(&text);
}

static int show(struct show *s, const struct cli_options *o)
{
    struct dw_buf time = {0};
    if (o->output == OUTPUT_NDJSON) {
        (void)fwrite(s->json.ptr, 1, s->json.len, stdout);
        return CLI_YES;
    }
    dw_time_text(&time, s->time_ns);
    const char *const words[] = {"alert  ", s->id, "\nrule   ", s->title, " (", s->rule, ")\nlevel  ", s->level};
    cli_put_between(words, DW_COUNT_OF(words)); /* a server's, perhaps */
    (void)printf("\ntime   %.*s\n", DW_ARG(dw_buf_view(&time)));
    if (s->key && *s->key) {
        (void)printf("for    ");
        cli_put_safe(dw_str_of(s->key));
        (void)printf("\n");
    }
    cli_put_anomaly(s->doc);
    (void)printf("events %lld\nstatus ", (long long)s->total);
    cli_put_safe(dw_str_of(s->said[DW_ALERT_status]));
    (void)printf(", ");
    cli_put_safe(dw_str_of(s->said[DW_ALERT_disposition]));
    if (s->said[DW_ALERT_assignee][0])
        (void)printf(", with "), cli_put_safe(dw_str_of(s->said[DW_ALERT_assignee]));
    (void)printf("\n%.*s", DW_ARG(dw_buf_view(&s->history)));
    dw_buf_fini(&time);
    return s->evidence.count ? print_evidence(s, o) : CLI_YES;
}

static int cmd_show(struct cli_options *o)
{
    struct show *s = dw_calloc(1, sizeof *s);
    int rc = s ? cli_alert_find(o, o->rest[1], keep_alert, s) : cli_failed(DW_ENOMEM);
    if (rc == CLI_YES)
        rc = s->doc_text ? cli_alert_history(o, s->id, keep_change, s) : cli_failed(DW_ENOMEM);
    if (rc == CLI_YES) {
        dw_evidence_of(s->doc, &s->evidence);
        rc = show(s, o);
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
    if (o.rest_count == 2 && strcmp(o.rest[0], "explain") == 0)
        return cli_alert_explain(&o);
    if (o.rest_count == 3 && cli_alert_verb(o.rest[0], &field))
        return cli_alert_change(&o, field);
    (void)fprintf(stderr, "usage: dogwatch alert %s\n", cli_arguments("alert"));
    if (o.rest_count == 2 && cli_alert_verb(o.rest[0], &field)) {
        const char *values = dw_alert_field_values(field);
        (void)fprintf(stderr, "  dogwatch alert %s %s %s\n", o.rest[0], o.rest[1], *values ? values : "'TEXT'");
    } else if (o.rest_count == 1 && strlen(o.rest[0]) >= 4 && strspn(o.rest[0], "0123456789abcdef") == strlen(o.rest[0])) {
        (void)fprintf(stderr, "  did you mean: dogwatch alert show %s\n", o.rest[0]);
    }
    return CLI_USAGE;
}
