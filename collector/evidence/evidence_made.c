/*
 * evidence_made: what a pack's frames and rules say, in the pack's own words.
 *
 * Idea: the export writes what this makes, and whoever judges makes it again and compares: so the two files and the alert can say nothing that
 * frames and rules do not.
 *
 * Invariant: (1) events are taken in the order of the frames' names and, in a frame, of its events; of one id the first counts.
 */
#include "evidence_int.h"

#include "dogwatch/base/error.h"
#include "dogwatch/event/json_write.h"

#include <stdio.h>

struct making {
    const struct evidence_rules *rules;
    struct evidence_alert *alert;
    struct evidence_made *made;
    struct dw_explain explain;
    struct dw_window *window; /* NULL: the alert cannot be made of these events alone */
    const struct dw_event *event; /* in hand */
    bool single;                  /* a rule about one event */
    struct dw_buf row;
    int rc;
};

static void keep_failure(struct making *m, int rc)
{
    if (rc < 0 && m->rc == DW_OK)
        m->rc = rc;
}

/* Of all findings the one that is the alert. */
static void keep_finding(void *arg, const struct dw_finding *f)
{
    struct making *m = arg;
    struct dw_raised raised = {0};
    char id[2 * DW_SHA256_BYTES + 1];
    dw_hex(f->id, DW_SHA256_BYTES, id);
    if (strcmp(id, m->alert->alert.id) != 0 || f->total != m->alert->finding.total || f->calm != m->alert->finding.calm)
        return;
    dw_buf_reset(&m->made->line);
    keep_failure(m, dw_raised_of_finding(&raised, m->rules->set, f));
    if (m->rc == DW_OK)
        dw_raised_line(&raised.alert, &m->made->line);
    keep_failure(m, m->made->line.err);
    dw_raised_fini(&raised);
}

static void on_hit(void *arg, uint32_t rule, bool undecided)
{
    struct making *m = arg;
    if (!undecided)
        keep_failure(m, dw_window_match(m->window, rule, m->event, false));
}

/* Rows, each ended by a newline, behind those that are there. */
static void put_rows(struct dw_buf *out, struct dw_str rows)
{
    while (rows.len) {
        dw_buf_str(out, out->len ? DW_STR(",\n") : DW_STR(""));
        dw_buf_str(out, dw_str_cut(&rows, '\n'));
    }
}

/* One named event. */
static int take_event(struct making *m, const struct dw_keys *keys, const struct dw_event *ev)
{
    bool matches = false;
    m->event = ev;
    m->made->found++;
    dw_event_json(keys, ev, NULL, &m->made->events);
    dw_buf_byte(&m->made->events, '\n');
    if (m->rules->rule == dw_ruleset_count(m->rules->set))
        return m->made->events.err;
    dw_buf_reset(&m->row);
    int rc = dw_answer_explain_row(&m->explain, ev, &m->row, &matches);
    put_rows(&m->made->match, dw_buf_view(&m->row));
    m->made->unmatched += !matches;
    if (rc == DW_OK && m->single)
        dw_finding_single(m->rules->set, m->rules->rule, ev, keep_finding, m);
    else if (rc == DW_OK && m->window)
        rc = dw_match_event(m->rules->scratch, ev, (struct dw_match_opts){0}, on_hit, m);
    rc = rc < 0 ? rc : m->rc;
    return rc < 0 ? rc : m->made->events.err;
}

static int take_frame(struct making *m, struct dw_decoder *decoder, const struct dw_keys *keys, const struct dw_epack_file *f)
{
    struct dw_decoded got;
    uint32_t before = m->made->found;
    int rc = dw_decode(decoder, dw_buf_view(&f->bytes), &got);
    if (rc < 0)
        return rc == DW_ENOMEM ? rc : DW_OK;
    for (uint32_t i = 0; i < got.event_count && rc == DW_OK; i++) {
        char id[DW_EVENT_ID_TEXT];
        dw_event_id_text(&got.event[i], id);
        if (dw_evidence_take(&m->alert->named, id))
            rc = take_event(m, keys, &got.event[i]);
    }
    if (before == m->made->found)
        (void)snprintf(m->made->idle, sizeof m->made->idle, "%s", f->name);
    return rc;
}

static void begin_match(struct making *m)
{
    struct dw_buf *out = &m->made->match;
    const struct dw_evidence *named = &m->alert->named;
    bool any = false;
    dw_buf_printf(out, "{\"alert\":\"%s\",\"rule\":", m->alert->alert.id);
    (void)dw_json_string(out, dw_str_of(m->alert->alert.rule));
    dw_buf_printf(out, ",\"logic_hash\":");
    (void)dw_json_string(out, dw_str_of(m->alert->logic));
    dw_buf_printf(out, ",\"missing\":[");
    for (uint32_t i = 0; i < named->count; i++) {
        if (named->ref[i].found)
            continue;
        dw_buf_printf(out, "%s\"%s\"", any ? "," : "", named->ref[i].id);
        any = true;
    }
    dw_buf_printf(out, "],\"matches\":[\n");
}

/* Correlations of correlations count findings, which are not in a pack. */
static bool is_nested(const struct dw_ruleset *set, const struct dw_correlation *c)
{
    for (uint32_t i = 0; c && i < c->member_count; i++)
        if (dw_ruleset_rule(set, c->member[i])->corr)
            return true;
    return false;
}

static int begin(struct making *m)
{
    const struct evidence_rules *r = m->rules;
    if (r->rule == dw_ruleset_count(r->set))
        return DW_OK;
    const struct dw_correlation *corr = dw_ruleset_rule(r->set, r->rule)->corr;
    m->explain = (struct dw_explain){.rules = r->set, .scratch = r->scratch, .rule = r->rule, .alert = m->alert->alert.id};
    memcpy(m->explain.logic, m->alert->logic, sizeof m->explain.logic);
    m->single = m->made->alone = !corr;
    m->made->nested = is_nested(r->set, corr);
    m->made->learned = corr && dw_is_detector(corr->type);
    m->made->missed = corr && corr->type == DW_CORR_ABSENCE;
    if (!corr || m->made->nested || m->made->learned || m->made->missed || !evidence_alert_names_all(m->alert))
        return DW_OK;
    m->made->alone = true;
    m->window = dw_window_new(r->set, &(struct dw_window_opts){.opens_at = &m->alert->finding.cause});
    return m->window ? DW_OK : DW_ENOMEM;
}

/* The list of missing events stands before the rows, and is known after them. */
static int put_head_first(struct making *m)
{
    struct dw_buf rows = m->made->match;
    m->made->match = (struct dw_buf){0};
    begin_match(m);
    dw_buf_str(&m->made->match, dw_buf_view(&rows));
    dw_buf_str(&m->made->match, rows.len ? DW_STR("\n]}\n") : DW_STR("]}\n"));
    int rc = rows.err ? rows.err : m->made->match.err;
    dw_buf_fini(&rows);
    return rc;
}

int evidence_make(const struct dw_epack *p, struct dw_keys *keys, const struct evidence_rules *rules, struct evidence_alert *a, struct evidence_made *ret)
{
    struct making m = {.rules = rules, .alert = a, .made = ret};
    struct dw_decoder *decoder = dw_decoder_new(keys);
    *ret = (struct evidence_made){0};
    int rc = decoder ? begin(&m) : DW_ENOMEM;
    for (uint32_t i = 0; i < dw_epack_count(p) && rc == DW_OK; i++)
        if (evidence_is_frame(dw_epack_at(p, i)))
            rc = take_frame(&m, decoder, keys, dw_epack_at(p, i));
    if (rc == DW_OK && m.window)
        rc = dw_window_flush(m.window, keep_finding, &m);
    if (rc == DW_OK && m.window && a->finding.calm) /* what the passing of time told */
        rc = dw_window_advance(m.window, a->finding.window_end_ns, keep_finding, &m);
    rc = rc == DW_OK ? m.rc : rc;
    if (rc == DW_OK)
        rc = put_head_first(&m);
    dw_window_free(m.window);
    dw_buf_fini(&m.row);
    dw_decoder_free(decoder);
    return rc;
}

void evidence_made_fini(struct evidence_made *m)
{
    dw_buf_fini(&m->events);
    dw_buf_fini(&m->match);
    dw_buf_fini(&m->line);
}
