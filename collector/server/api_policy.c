/*
 * api_policy: gateway policies: what alerts propose, what people decide, what gateways ask for.
 *
 * Invariants:
 *   (1) What a gateway is given is what somebody approved: of proposals it gets comments at most, and only when asked for.
 *   (2) A decision is a line in the inbox, as everything people say: the loop checks it once more by the never-block list.
 */
#include "api_int.h"

#include "dogwatch/base/error.h"
#include "dogwatch/collect/policy.h"

#include <inttypes.h>

static void note_unread(void *arg, const char *where, int rc)
{
    api_unread(arg, where, rc);
}

static bool is_over(void *arg)
{
    return api_is_over(arg);
}

/* The list; false: the request has failed. */
static bool make_list(struct request *rq, bool proposals, struct dw_policy_list **ret)
{
    struct dw_alerts *view;
    if (!api_open_view(rq, &view))
        return false;
    struct dw_policy_ask how = {.view = view, .settings = rq->api->policy, .archive = proposals ? rq->api->archive : NULL, .now_ns = dw_clock_real(&dw_clock_system),
        .since_ns = api_param_number(rq, "since", INT64_MIN), .problem = note_unread, .stop = is_over, .arg = rq};
    int rc = dw_policy_list(&how, ret);
    dw_alerts_close(view);
    if (rc < 0)
        api_fail_code(rq, "policies", rc);
    else if ((*ret)->partial)
        api_partial(rq, "%s", (*ret)->partial);
    return rc == DW_OK;
}

/* The entry that the path names; false: the request has failed. */
static bool find(struct request *rq, const struct dw_policy_list *l, struct dw_policy_entry **ret)
{
    int rc = dw_policy_find(l, rq->id, ret);
    if (rc < 0)
        api_fail(rq, API_E_not_found, rc == DW_EEXIST ? "give more digits" : "/api/v1/policies lists them",
            rc == DW_EEXIST ? "several entries begin with %.*s" : "no entry has the id %.*s", DW_ARG(rq->id));
    return rc == DW_OK;
}

void api_do_policies(struct request *rq)
{
    struct dw_policy_list *l;
    if (!make_list(rq, true, &l))
        return;
    bool goes_on = true;
    for (uint32_t i = 0; i < l->count && goes_on; i++) {
        dw_policy_row(l->entry[i], &rq->out);
        goes_on = api_row(rq);
    }
    dw_policy_list_free(l);
    if (goes_on)
        api_answer_line(rq, DW_STR(""));
}

/* Where nothing is approved, the archive is asked why: a gateway that asks often asks for changes. */
void api_do_policy_target(struct request *rq)
{
    const struct dw_policy_target *t = dw_policy_target(rq->id);
    struct dw_str proposed = api_param_text(rq, "proposed");
    struct dw_policy_list *l;
    struct dw_buf why = {0};
    bool asked = dw_str_eq(proposed, DW_STR("yes"));
    if (!t) {
        api_fail(rq, API_E_not_found, "nginx haproxy nftables crs envoy networkpolicy", "no gateway's language is called so");
        return;
    }
    if (!asked && !dw_str_eq(proposed, DW_STR("no"))) {
        api_fail(rq, API_E_malformed, "yes|no", "proposed: '%.*s' is none of its values", DW_ARG(dw_str_slice(proposed, 0, 100)));
        return;
    }
    if (!make_list(rq, asked, &l))
        return;
    dw_policy_why_none(l, &why);
    if (why.len && !asked) {
        dw_policy_list_free(l);
        l = NULL;
        (void)make_list(rq, true, &l);
    }
    dw_buf_fini(&why);
    if (l)
        dw_policy_print(t, l, asked, &rq->out);
    dw_policy_list_free(l);
}

/* ---- what came and went ---- */

static void put_change(void *arg, bool added, const struct dw_policy_entry *e, const char *why)
{
    struct request *rq = arg;
    api_put_text(&rq->out, '{', "op", added ? DW_STR("add") : DW_STR("remove"));
    api_put_text(&rq->out, ',', "id", dw_str_of(e->id));
    api_put_text(&rq->out, ',', "address", dw_str_of(e->address));
    api_put_time(&rq->out, ',', "until", e->until_ns);
    api_put_text(&rq->out, ',', "why", dw_str_of(why));
    dw_buf_str(&rq->out, DW_STR("}\n"));
    (void)api_row(rq);
}

void api_do_policy_changes(struct request *rq)
{
    struct dw_policy_delta delta;
    struct dw_alerts *view;
    struct dw_buf more = {0};
    struct dw_str after = api_param_text(rq, "after");
    if (!api_open_view(rq, &view))
        return;
    int rc = dw_policy_changes(view, rq->api->policy, dw_clock_real(&dw_clock_system), after.ptr ? after : DW_STR(""), put_change, rq, &delta);
    dw_alerts_close(view);
    if (rc == DW_ESYNTAX) {
        api_fail(rq, API_E_malformed, "the `cursor` of an answer before", "after: no cursor");
    } else if (rc < 0) {
        api_fail_code(rq, "policies", rc);
    } else {
        dw_buf_printf(&more, ",\"cursor\":\"%s\",\"reset\":%s", delta.cursor, delta.reset ? "true" : "false");
        api_answer_line(rq, dw_buf_view(&more));
    }
    dw_buf_fini(&more);
}

/* ---- decisions ---- */

struct asked {
    const char *change;
    bool made;
};

static void look_for(void *arg, const struct dw_policy_decision *d)
{
    struct asked *a = arg;
    a->made |= strcmp(a->change, d->change) == 0;
}

/* Leaves the line in the inbox, waits for the loop and answers how the entry is then. */
static void ask(struct request *rq, struct dw_policy_decision *d)
{
    char name[1][DW_CHANGE_ID_TEXT];
    struct asked a = {.change = name[0]};
    struct dw_alerts *view;
    struct dw_policy_list *l;
    struct dw_policy_entry *e;
    int rc = dw_policy_say(&dw_fs_system, rq->api->alerts, d, name[0]);
    if (rc < 0) {
        api_fail_code(rq, "alerts/inbox", rc);
        return;
    }
    if (!api_are_taken(rq, rq->api->alerts_inbox, name, 1) || !api_open_view(rq, &view))
        return;
    rc = dw_alerts_decisions(view, true, look_for, &a);
    dw_alerts_close(view);
    if (rc < 0) {
        api_fail_code(rq, "policies", rc);
    } else if (!a.made) {
        api_fail(rq, API_E_unavailable, NULL, "the collector refused it: its log says why");
    } else if (make_list(rq, false, &l)) {
        if (find(rq, l, &e))
            dw_policy_row(e, &rq->out);
        dw_policy_list_free(l);
        rq->rows = !rq->failed;
    }
}

static bool check_body(struct request *rq, bool *ret_rolls_back)
{
    struct dw_str state = api_param_text(rq, "state"), reason = api_param_text(rq, "reason");
    *ret_rolls_back = dw_str_eq(state, DW_STR("rolled_back"));
    if (!*ret_rolls_back && !dw_str_eq(state, DW_STR("approved")))
        api_fail(rq, API_E_malformed, "{\"state\":\"approved\",\"until\":\"2026-12-01T00:00:00Z\",\"reason\":\"scans us\"}", "state: approved or rolled_back is needed");
    else if (reason.len > DW_ALERT_VALUE_MAX)
        api_fail(rq, API_E_malformed, NULL, "reason: a text of at most %d bytes is needed", DW_ALERT_VALUE_MAX);
    return !rq->failed;
}

static void decide(struct request *rq, const struct dw_policy_list *l, bool rolls_back)
{
    struct dw_policy_entry *e;
    int64_t until_ns = api_param_number(rq, "until", 0);
    struct dw_str reason = api_param_text(rq, "reason");
    if (!find(rq, l, &e))
        return;
    if (rolls_back && !e->author[0]) {
        api_fail(rq, API_E_refused, NULL, "nobody has approved it: there is nothing to take back");
    } else if (!rolls_back && e->state == DW_POLICY_refused) {
        api_fail(rq, API_E_refused, NULL, "%s must not be blocked: %s", e->address, e->why);
    } else if (!rolls_back && until_ns && until_ns <= l->now_ns) {
        api_fail(rq, API_E_malformed, NULL, "until: a time that is to come is needed");
    } else {
        struct dw_policy_decision d = dw_policy_approval(l, e, rq->api->policy, rolls_back ? l->now_ns : until_ns, &rq->arena);
        d.author = rq->author;
        d.rolled_back = rolls_back;
        d.reason = reason.ptr ? reason : DW_STR("");
        ask(rq, &d);
    }
}

void api_do_policy_decide(struct request *rq)
{
    struct dw_policy_list *l;
    bool rolls_back;
    if (!check_body(rq, &rolls_back) || !make_list(rq, !rolls_back, &l))
        return;
    decide(rq, l, rolls_back);
    dw_policy_list_free(l);
}

/* ---- dry run ---- */

void api_do_policy_impact(struct request *rq)
{
    struct dw_policy_list *l;
    struct dw_policy_entry *e;
    struct dw_policy_impact impact;
    bool whole;
    if (!make_list(rq, true, &l))
        return;
    if (find(rq, l, &e)) {
        const struct dw_policy_entry *one = e;
        struct dw_policy_impact_ask how = {.archive = rq->api->archive, .settings = rq->api->policy, .entry = &one, .count = 1, .now_ns = l->now_ns,
            .problem = note_unread, .stop = is_over, .arg = rq};
        int rc = dw_policy_impact(&how, &impact, &whole);
        if (rc < 0)
            api_fail_code(rq, "the archive", rc);
        else
            dw_policy_impact_row(&impact, whole && !l->partial, &rq->out);
    }
    dw_policy_list_free(l);
}
