/*
 * tune_alerts: what `dogwatch rules tune --from-alerts` reads: alerts of one rule that somebody has judged, and their events from the archive.
 *
 * Bound: the ALERTS_MAX newest that were judged; older ones are counted and said.
 */
#include "tune_alerts.h"

#include "alert_evidence.h"

enum { ALERTS_MAX = 200 };

struct judged {
    char id[DW_ALERT_ID_TEXT];
    bool wrong;
    struct dw_evidence evidence;
};

struct reading {
    struct dw_str rule;
    struct judged *item; /* a ring */
    uint64_t count;
    void (*each)(void *arg, const struct dw_event *ev, bool wrong);
    void *arg;
    bool wrong; /* the alert in hand */
};

static void keep(void *arg, const struct dw_alert *a)
{
    struct reading *d = arg;
    const char *said = a->said[DW_ALERT_disposition];
    bool wrong = strcmp(said, "false_positive") == 0;
    if (!dw_str_eq(dw_str_of(a->rule), d->rule) || (!wrong && strcmp(said, "true_positive") != 0))
        return;
    struct judged *j = &d->item[d->count++ % ALERTS_MAX];
    (void)snprintf(j->id, sizeof j->id, "%s", a->id);
    j->wrong = wrong;
    dw_evidence_of(a->doc, &j->evidence);
}

static void take_event(void *arg, const struct dw_archived *a, const struct dw_event *ev)
{
    struct reading *d = arg;
    (void)a;
    d->each(d->arg, ev, d->wrong);
}

static int read_alerts(struct reading *d, struct cli_options *o, struct dw_keys *keys)
{
    struct dw_alerts *view = NULL;
    int64_t last = 0;
    int code = cli_open_alerts(o, &view);
    if (code != CLI_YES)
        return code;
    int rc = dw_alerts_list(view, 0, 0, keep, d, &last);
    dw_alerts_close(view);
    if (rc < 0)
        return cli_failed(rc);
    if (d->count > ALERTS_MAX)
        (void)fprintf(stderr, "dogwatch: only the newest %d of %llu alerts that were judged are looked at\n", ALERTS_MAX, (unsigned long long)d->count);
    for (uint64_t i = d->count > ALERTS_MAX ? d->count - ALERTS_MAX : 0; i < d->count && code != CLI_CANNOT; i++) {
        struct judged *j = &d->item[i % ALERTS_MAX];
        d->wrong = j->wrong;
        code = cli_evidence(o, j->id, keys, &j->evidence, take_event, d);
        if (j->evidence.missing)
            (void)fprintf(stderr, "dogwatch: alert %.12s: %u of %u named events %s\n", j->id, j->evidence.missing, j->evidence.count, cli_missing_text(o, code));
    }
    return code == CLI_CANNOT ? code : d->count ? CLI_YES : CLI_NO;
}

int tune_alerts(const struct rules *r, struct dw_str rule, void (*each)(void *arg, const struct dw_event *ev, bool wrong), void *arg)
{
    char *argv[RULES_WORDS_MAX + 2] = {(char *)(uintptr_t) "alerts"};
    struct cli_options *o = dw_calloc(1, sizeof *o);
    struct reading d = {.rule = rule, .each = each, .arg = arg, .item = dw_calloc(ALERTS_MAX, sizeof *d.item)};
    int argc = 1, code = o && d.item ? CLI_YES : cli_failed(DW_ENOMEM);
    for (uint32_t i = 0; i + 1 < r->o->reading_count; i += 2) {
        if (strcmp(r->o->reading[i], "--output") == 0)
            continue; /* where the filter goes */
        argv[argc++] = r->o->reading[i];
        argv[argc++] = r->o->reading[i + 1];
    }
    if (code == CLI_YES)
        code = cli_options(argc, argv, o);
    if (code == CLI_YES)
        code = cli_read_data(o, "rules tune");
    if (code == CLI_YES)
        code = read_alerts(&d, o, r->keys);
    if (code == CLI_NO)
        (void)fprintf(stderr, "dogwatch: no alert of this rule was judged: `dogwatch alert disposition ID false_positive` says so of one\n");
    dw_free(d.item);
    dw_free(o);
    return code;
}
