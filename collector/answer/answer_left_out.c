/*
 * answer_left_out: which events of a correlation's window its alert does not count, and why.
 *
 * Idea: the events of the window are read from the archive again and put through the rule as it is now, all as if they had come in time. What takes no part even so says why
 * itself (struct dw_step). What takes part now, and is not among the events that the alert names, was left out then: it came when the watermark had passed its time, or there
 * was no room for it.
 *
 * Invariants:
 *   (1) Nobody is called late who may have been counted: an alert that does not name all its events says nothing of that; nor is it said of events before the crossing where
 *       the rule counts only the newest of each kind (distinct values, members); nor of those behind the newest that the alert names.
 *   (2) Duplicates are passed over, as they were.
 */
#include "dogwatch/collect/answer.h"

#include "dogwatch/base/error.h"
#include "dogwatch/event/json_read.h"

#define REPLAY_BYTES_MAX ((size_t)1 << 30)

struct asking {
    struct dw_answer_left_out *l;
    const struct dw_correlation *corr;
    struct dw_evidence named;
    struct dw_window *window;
    const struct dw_event *event; /* in hand */
    struct dw_buf key, one;       /* the alert's group-by values, each with its length before it; of the step in hand */
    char cause[DW_EVENT_ID_TEXT];
    bool opened;    /* the cause has come */
    uint64_t after; /* events that the alert does not name, behind the newest so far that it does */
    char waiting[DW_LEFT_OUT_SHOWN][DW_EVENT_ID_TEXT];
    int rc;
};

bool dw_has_left_out(const struct dw_explain *x)
{
    const struct dw_correlation *c = dw_ruleset_rule(x->rules, x->rule)->corr;
    bool has = c && !dw_is_detector(c->type);
    for (uint32_t i = 0; has && i < c->member_count; i++)
        has = !dw_ruleset_rule(x->rules, c->member[i])->corr;
    return has;
}

/* The values of the object whose beginning was read. */
static void take_key(struct asking *a, struct dw_json *j)
{
    struct dw_json_token t, v;
    while (dw_json_next(j, &t) == DW_OK && t.type == DW_JSON_KEY && dw_json_next(j, &v) == DW_OK) {
        dw_buf_reset(&a->one);
        (void)dw_json_unescape(v.text, &a->one);
        dw_buf_u32(&a->key, (uint32_t)a->one.len);
        dw_buf_str(&a->key, dw_buf_view(&a->one));
    }
}

/* Key, cause, and how many events it counts. */
static int64_t read_finding(struct asking *a)
{
    struct dw_json j;
    struct dw_json_token t, v;
    int64_t total = 0;
    dw_json_start(&j, a->l->finding);
    if (dw_json_next(&j, &t) < 0 || t.type != DW_JSON_OBJECT)
        return 0;
    while (dw_json_next(&j, &t) == DW_OK && t.type == DW_JSON_KEY && dw_json_next(&j, &v) == DW_OK) {
        if (v.type == DW_JSON_OBJECT && dw_str_eq(t.text, DW_STR("key")))
            take_key(a, &j);
        else if ((v.type == DW_JSON_OBJECT || v.type == DW_JSON_ARRAY) && dw_json_skip(&j) < 0)
            break;
        if (v.type == DW_JSON_STRING && dw_str_eq(t.text, DW_STR("cause")) && v.text.len < sizeof a->cause)
            memcpy(a->cause, v.text.ptr, v.text.len);
        if (v.type == DW_JSON_NUMBER && dw_str_eq(t.text, DW_STR("total")) && !dw_str_i64(v.text, &total))
            total = 0;
    }
    return total;
}

static void count(struct dw_answer_left_out *l, enum dw_left_out why, const char *id)
{
    if (l->left[why] < DW_LEFT_OUT_SHOWN)
        memcpy(l->first[why][l->left[why]], id, DW_EVENT_ID_TEXT);
    l->left[why]++;
}

static bool is_of_key(struct asking *a, const struct dw_step *step)
{
    dw_buf_reset(&a->one);
    for (uint32_t i = 0; i < step->key_count; i++) {
        dw_buf_u32(&a->one, (uint32_t)step->key_value[i].len);
        dw_buf_str(&a->one, step->key_value[i]);
    }
    a->rc = a->one.err < 0 ? a->one.err : a->rc;
    return dw_str_eq(dw_buf_view(&a->one), dw_buf_view(&a->key));
}

/* Whether every event of the key that takes part at this point is one that the alert counts. */
static bool counts_all(const struct asking *a)
{
    enum dw_corr_type t = a->corr->type;
    bool newest = t == DW_CORR_VALUE_COUNT || t == DW_CORR_TEMPORAL || t == DW_CORR_TEMPORAL_ORDERED;
    return a->l->whole && t != DW_CORR_ABSENCE && (a->opened || !newest);
}

/* Those that were passed since the newest named one were certainly left out. */
static void settle(struct asking *a)
{
    for (uint64_t i = 0; i < a->after; i++)
        count(a->l, DW_LEFT_LATE, a->waiting[i < DW_LEFT_OUT_SHOWN ? i : 0]);
    a->after = 0;
}

static void on_step(void *arg, const struct dw_step *step)
{
    struct asking *a = arg;
    char id[DW_EVENT_ID_TEXT];
    if (step->rule != a->l->how->rule || step->calms)
        return;
    dw_event_ref_text(&step->ref, id);
    if (step->left_out) {
        count(a->l, step->left_out, id);
        return;
    }
    if (!is_of_key(a, step))
        return;
    if (dw_evidence_take(&a->named, id)) {
        settle(a);
        a->l->counted++;
        a->opened = a->opened || strcmp(id, a->cause) == 0;
    } else if (counts_all(a)) {
        if (a->after < DW_LEFT_OUT_SHOWN)
            memcpy(a->waiting[a->after], id, sizeof id);
        a->after++;
    }
}

static void on_hit(void *arg, uint32_t rule, bool undecided)
{
    struct asking *a = arg;
    for (uint32_t i = 0; i < a->corr->member_count && !undecided; i++) {
        if (a->corr->member[i] != rule)
            continue;
        int rc = dw_window_match(a->window, rule, a->event, false);
        a->rc = rc < 0 ? rc : a->rc;
        break; /* each place that the rule has in it is fed */
    }
}

static int take_frame(struct asking *a, const struct dw_archived *got)
{
    int rc = DW_OK;
    for (uint32_t i = 0; i < got->frame.event_count && rc == DW_OK; i++) {
        const struct dw_event *ev = &got->frame.event[i];
        if ((got->mark && got->mark[i] == DW_MARK_DUPLICATE) || ev->time_ns <= a->named.from_ns || ev->time_ns > a->named.to_ns)
            continue;
        a->event = ev;
        rc = dw_match_event(a->l->how->scratch, ev, (struct dw_match_opts){.aside = true}, on_hit, a);
    }
    return rc < 0 ? rc : a->rc;
}

static int read_window(struct asking *a)
{
    const struct dw_answer_left_out *l = a->l;
    struct dw_archive_reader *r;
    struct dw_archived got;
    int rc = dw_archive_reader_open(&dw_fs_system, l->archive, l->keys, &r);
    if (rc < 0)
        return rc;
    dw_archive_reader_range(r, a->named.from_ns, a->named.to_ns);
    while (rc == DW_OK) {
        if (l->stop && l->stop(l->arg)) {
            rc = DW_EAGAIN;
            break;
        }
        int err = dw_archive_reader_next(r, &got);
        if (err == DW_OK)
            rc = take_frame(a, &got);
        else if (err != DW_EAGAIN && err != DW_ENOMEM)
            l->problem(l->arg, dw_archive_reader_where(r), err);
        rc = err == DW_ENOMEM ? err : rc;
        if (err == DW_EAGAIN)
            break;
    }
    dw_archive_reader_close(r);
    return rc;
}

static void no_finding(void *arg, const struct dw_finding *f)
{
    (void)arg; /* its steps are what is asked for */
    (void)f;
}

int dw_answer_left_out(struct dw_answer_left_out *l)
{
    struct asking a = {.l = l, .corr = dw_ruleset_rule(l->how->rules, l->how->rule)->corr};
    DW_ASSERT(dw_has_left_out(l->how));
    l->counted = 0;
    memset(l->left, 0, sizeof l->left);
    dw_evidence_of(l->finding, &a.named);
    l->whole = read_finding(&a) == a.named.count;
    a.window = dw_window_new(l->how->rules, &(struct dw_window_opts){.only = &l->how->rule, .step = on_step, .step_arg = &a, .state_bytes_max = REPLAY_BYTES_MAX, .waiting_bytes_max = REPLAY_BYTES_MAX});
    int rc = !a.window ? DW_ENOMEM : a.key.err;
    if (rc == DW_OK)
        rc = read_window(&a);
    if (rc == DW_OK)
        rc = dw_window_flush(a.window, no_finding, NULL);
    rc = rc == DW_OK ? a.rc : rc;
    dw_window_free(a.window);
    dw_buf_fini(&a.key);
    dw_buf_fini(&a.one);
    return rc;
}
