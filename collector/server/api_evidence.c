/*
 * api_evidence: the events that an alert names, and why they met its rule.
 *
 * Idea: rules are bound to the keys of who reads events, and those of the loop are its own: for an explanation they are read anew. So they are as
 * the files are now, and each row says whether they decide as when the alert was raised.
 */
#include "api_int.h"

#include "rules_load.h"

#include "dogwatch/base/error.h"
#include "dogwatch/base/mem.h"

struct evidence {
    struct request *rq;
    struct dw_keys *keys;
    struct dw_evidence named;
    bool stop; /* no row is wanted any more */
    /* of an explanation */
    char *id, *rule, *title, *key, *finding;
    struct dw_places places; /* of the rules at work, by their hash alone: an explanation looks up no place */
    struct dw_ruleset *rules;
    struct dw_explain how;
};

static void take_finding(void *arg, const struct dw_alert *a)
{
    struct evidence *e = arg;
    dw_evidence_of(a->doc, &e->named);
    dw_explain_logic_of(a->doc, e->how.logic);
    e->id = dw_strndup(a->id, strlen(a->id));
    e->rule = dw_strndup(a->rule, strlen(a->rule));
    e->title = dw_strndup(a->title, strlen(a->title));
    e->key = dw_strndup(a->key.ptr, a->key.len);
    e->finding = dw_strndup(a->doc.ptr, a->doc.len);
}

static void note_unread(void *arg, const char *where, int rc)
{
    api_unread(((struct evidence *)arg)->rq, where, rc);
}

static bool is_over(void *arg)
{
    struct evidence *e = arg;
    return e->stop || api_is_over(e->rq);
}

static void note_gone(void *arg, const struct dw_segment_info *s)
{
    *(uint64_t *)arg += s->expired;
}

/* Segments that are not here any more: events of an alert may have been in them. */
static uint64_t count_gone(const struct request *rq)
{
    uint64_t gone = 0;
    int rc = dw_archive_list(&dw_fs_system, rq->api->archive, note_gone, &gone);
    return rc < 0 ? 0 : gone;
}

/* What a correlation did not count, and why: the last row. */
static void put_left_out(struct evidence *e)
{
    if (e->rq->failed || e->stop || !dw_has_left_out(&e->how))
        return;
    struct dw_answer_left_out l = {.archive = e->rq->api->archive, .keys = e->keys, .how = &e->how, .finding = dw_str_of(e->finding), .problem = note_unread, .stop = is_over, .arg = e};
    int rc = dw_answer_left_out(&l);
    if (rc < 0 && rc != DW_EAGAIN)
        api_partial(e->rq, "%s", dw_err_text(rc));
    if (rc < 0)
        return;
    dw_answer_left_out_row(&l, &e->rq->out);
    e->stop |= !api_row(e->rq);
}

/* Reads what the alert names, and ends the answer. */
static void answer(struct evidence *e, void (*each)(void *arg, const struct dw_archived *a, const struct dw_event *ev))
{
    struct request *rq = e->rq;
    struct dw_buf more = {0};
    int rc = e->named.count == 0 ? DW_OK : dw_answer_evidence(&(struct dw_answer_evidence){.archive = rq->api->archive, .keys = e->keys, .evidence = &e->named,
        .each = each, .problem = note_unread, .stop = is_over, .arg = e});
    if (rc < 0 && rc != DW_EAGAIN)
        api_fail_code(rq, "the archive", rc);
    if (rq->failed)
        return;
    if (rc == DW_OK && e->how.scratch)
        put_left_out(e);
    api_put_number(&more, ',', "missing", e->named.missing);
    api_put_number(&more, ',', "let_go", e->named.missing ? count_gone(rq) : 0);
    api_answer_line(rq, dw_buf_view(&more));
    dw_buf_fini(&more);
}

static void put_proof(void *arg, const struct dw_archived *a, const struct dw_event *ev)
{
    struct evidence *e = arg;
    dw_answer_evidence_row(e->keys, a, ev, &e->rq->out);
    e->stop |= !api_row(e->rq);
}

static void put_reason(void *arg, const struct dw_archived *a, const struct dw_event *ev)
{
    struct evidence *e = arg;
    bool matches;
    (void)a;
    int rc = dw_answer_explain_row(&e->how, ev, &e->rq->out, &matches);
    if (rc < 0)
        api_partial(e->rq, "%s", dw_err_text(rc));
    e->stop |= rc < 0 || !api_row(e->rq);
}

static void pass_over(void *ud, const struct dw_diags *diags)
{
    (void)ud;
    (void)diags; /* the collector said it when it started */
}

/* False: the request has failed. */
static bool find_rule(struct evidence *e)
{
    struct request *rq = e->rq;
    struct rules_used *used = api_hold_rules(rq->api);
    const struct dw_places *places = dw_ruleset_places(used->set);
    if (places)
        memcpy(e->places.hash, places->hash, sizeof e->places.hash);
    int rc = rules_load(rq->api->opt, places ? &e->places : NULL, e->keys, (struct dw_diag_sink){.report = pass_over}, NULL, &e->rules);
    rules_let_go(used);
    if (rc < 0) {
        api_fail_code(rq, "the rules", rc);
        return false;
    }
    e->how.rules = e->rules;
    e->how.alert = e->id;
    e->how.rule = dw_explain_rule_of(e->rules, dw_str_of(e->rule));
    if (e->how.rule == dw_ruleset_count(e->rules))
        api_fail(rq, API_E_not_found, "/api/v1/alerts/{id}/evidence has the events", "the rule %s is not among the collector's any more", e->rule);
    else if (!(e->how.scratch = dw_match_scratch_new(e->rules)))
        api_fail_code(rq, "the rules", DW_ENOMEM);
    return !rq->failed;
}

static void explain(struct evidence *e)
{
    if (strncmp(e->rule, "dogwatch.", strlen("dogwatch.")) == 0) {
        dw_answer_explain_own(e->id, e->rule, e->title, dw_str_of(e->key), &e->rq->out);
        (void)api_row(e->rq);
        e->named.count = e->named.missing = 0;
        answer(e, NULL);
    } else if (find_rule(e)) {
        answer(e, put_reason);
    }
}

static void serve(struct request *rq, void (*how)(struct evidence *e))
{
    struct dw_alerts *view;
    struct evidence *e = dw_calloc(1, sizeof *e);
    if (!e || !(e->keys = dw_keys_new())) {
        api_fail_code(rq, "evidence", DW_ENOMEM);
    } else if (api_open_view(rq, &view)) {
        e->rq = rq;
        int rc = dw_alerts_find(view, rq->id, take_finding, e);
        dw_alerts_close(view);
        if (rc == DW_OK && !(e->id && e->rule && e->title && e->key && e->finding))
            rc = DW_ENOMEM;
        if (api_is_found(rq, rc))
            how(e);
    }
    if (e) {
        char *const texts[] = {e->id, e->rule, e->title, e->key, e->finding};
        dw_match_scratch_free(e->how.scratch);
        dw_ruleset_free(e->rules);
        dw_keys_free(e->keys);
        for (size_t i = 0; i < DW_COUNT_OF(texts); i++)
            dw_free(texts[i]);
    }
    dw_free(e);
}

static void show(struct evidence *e)
{
    answer(e, put_proof);
}

void api_do_evidence(struct request *rq)
{
    serve(rq, show);
}

void api_do_explain(struct request *rq)
{
    serve(rq, explain);
}
