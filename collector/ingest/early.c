/*
 * early: see early.h.
 *
 * Idea: a second window takes each match at the time at which it came. What crosses its condition there, and is no alert yet, is raised, once a key; the first window's
 * finding of that key confirms it. When the watermark has passed every event that had come by then and there is none, it is withdrawn.
 *
 * Invariants:
 *   (1) The window that works is looked at and never changed: with or without this its findings are the same.
 *   (2) What is raised is ended once, by an alert or by the watermark; OPEN_MAX stand at a time, what is over that is counted.
 *   (3) Times of the early window are those of arrival and never go back; when the clock does, by more than may be late, it begins anew.
 *   (4) A key of which something was withdrawn, or could not be raised, counts from its beginning again: else it would not cross its condition for as long as it is busy.
 */
#include "early.h"

#include "dogwatch/base/clock.h"
#include "dogwatch/base/counter.h"
#include "dogwatch/base/error.h"
#include "dogwatch/base/mem.h"

enum { OPEN_MAX = 4096, STATE_BYTES_MAX = 64 << 20, WAITING_BYTES_MAX = 16 << 20 };
#define NOW_LEAST_NS (10 * DW_NS_PER_S)

/* Raised, and not ended yet. */
struct standing {
    struct standing *next;
    uint32_t rule;
    int64_t due_ns;    /* event time: all that had come was not later */
    int64_t from_ns;   /* event time: a finding before it is about something else */
    struct dw_buf key; /* group values, each with its length before it */
    struct dw_buf line;
    bool again;        /* its key crossed the condition once more since */
};

struct dw__early {
    const struct dw_ruleset *rules;
    const struct dw_window *real;
    struct dw_window *window;
    int64_t now_ns, clock_ns, newest_ns; /* now: what is farther from its arrival is not of now; newest: event time of what has come */
    bool fed;
    struct standing *first, **last;
    uint32_t count;
    struct dw_raised raised;
    struct dw_buf key, doc, line;
    struct dw_arena arena;
    dw__early_tell *tell;
    void *arg;
    int rc; /* first failure inside a callback */
};

static void free_standing(struct standing *s)
{
    dw_buf_fini(&s->key);
    dw_buf_fini(&s->line);
    dw_free(s);
}

/* The alert with its state in the finding; `by`: the alert that confirms it. */
static int tell(struct dw__early *e, const struct dw_alert *a, enum dw_provisional_state state, const char *by)
{
    struct dw_alert told = *a;
    dw_buf_reset(&e->doc);
    dw_buf_reset(&e->line);
    dw_provisional_doc(a->doc, state, by, &e->doc);
    told.doc = dw_buf_view(&e->doc);
    dw_raised_line(&told, &e->line);
    int rc = e->doc.err ? e->doc.err : e->line.err;
    if (rc < 0)
        return rc;
    DW_COUNT_IF(state == DW_PROVISIONAL_RAISED, provisional_raised);
    DW_COUNT_IF(state == DW_PROVISIONAL_CONFIRMED, provisional_confirmed);
    DW_COUNT_IF(state == DW_PROVISIONAL_WITHDRAWN, provisional_withdrawn);
    e->tell(e->arg, dw_str_slice(dw_buf_view(&e->line), 0, e->line.len - 1));
    return DW_OK;
}

/* Ends what stands at *at. */
static int end_at(struct dw__early *e, struct standing **at, const uint8_t *by)
{
    struct standing *s = *at;
    struct dw_alert a;
    char id[2 * DW_SHA256_BYTES + 1] = "";
    if (by)
        dw_hex(by, DW_SHA256_BYTES, id);
    dw_arena_reset(&e->arena);
    if (!dw_raised_read(dw_buf_view(&s->line), &e->arena, &a)) /* as we wrote it: there is no memory */
        return DW_ENOMEM;
    int rc = tell(e, &a, by ? DW_PROVISIONAL_CONFIRMED : DW_PROVISIONAL_WITHDRAWN, by ? id : NULL);
    if (rc < 0)
        return rc;
    if (!by || s->again)
        dw_window_forget(e->window, s->rule, dw_buf_view(&s->key));
    *at = s->next;
    e->last = s->next ? e->last : at;
    e->count--;
    free_standing(s);
    return DW_OK;
}

static struct standing **find(struct dw__early *e, uint32_t rule, struct dw_str key)
{
    struct standing **at = &e->first;
    while (*at && ((*at)->rule != rule || !dw_str_eq(dw_buf_view(&(*at)->key), key)))
        at = &(*at)->next;
    return at;
}

static int key_of(const struct dw_finding *f, struct dw_buf *out)
{
    dw_buf_reset(out);
    dw_finding_key(f->key_value, f->key_count, out);
    return out->err;
}

/* Its id is its own, and another one when the same is raised again after a start: who hears of it tells them apart by it. */
static void name(const struct dw__early *e, struct dw_finding *f)
{
    struct dw_sha256 *h = dw_sha256_new();
    dw_sha256_start(h);
    dw_sha256_add_str(h, DW_STR("dw-provisional-1"));
    dw_sha256_add(h, f->id, sizeof f->id);
    dw_sha256_add(h, &e->clock_ns, sizeof e->clock_ns);
    dw_sha256_end(h, f->id);
    dw_sha256_free(h);
}

static int raise(struct dw__early *e, const struct dw_finding *f)
{
    struct dw_finding own = *f;
    struct standing *s = dw_calloc(1, sizeof *s);
    if (!s)
        return DW_ENOMEM;
    name(e, &own);
    int rc = dw_raised_of_finding(&e->raised, e->rules, &own);
    if (rc == DW_OK) {
        dw_raised_line(&e->raised.alert, &s->line);
        s->line.len -= !s->line.err && s->line.len ? 1 : 0; /* its newline */
        dw_buf_str(&s->key, dw_buf_view(&e->key));
        rc = s->line.err ? s->line.err : s->key.err;
    }
    if (rc == DW_OK)
        rc = tell(e, &e->raised.alert, DW_PROVISIONAL_RAISED, NULL);
    if (rc < 0) {
        free_standing(s);
        return rc;
    }
    s->rule = f->rule;
    s->due_ns = e->newest_ns;
    s->from_ns = e->clock_ns - dw_ruleset_rule(e->rules, f->rule)->corr->timespan_ns - e->now_ns;
    *e->last = s;
    e->last = &s->next;
    e->count++;
    return DW_OK;
}

static void on_finding(void *arg, const struct dw_finding *f)
{
    struct dw__early *e = arg;
    uint8_t id[DW_SHA256_BYTES];
    if (e->rc < 0 || f->update || f->silent)
        return;
    e->rc = key_of(f, &e->key);
    struct standing *stands = e->rc == DW_OK ? *find(e, f->rule, dw_buf_view(&e->key)) : NULL;
    if (stands)
        stands->again = true;
    if (e->rc < 0 || stands || dw_window_is_open(e->real, f->rule, dw_buf_view(&e->key), e->newest_ns, id))
        return;
    if (e->count < OPEN_MAX) {
        e->rc = raise(e, f);
        return;
    }
    DW_COUNT(provisional_refused);
    dw_window_forget(e->window, f->rule, dw_buf_view(&e->key));
}

static struct dw_window *empty(const struct dw_ruleset *rules)
{
    return dw_window_new(rules, &(struct dw_window_opts){.early = true, .state_bytes_max = STATE_BYTES_MAX, .waiting_bytes_max = WAITING_BYTES_MAX});
}

/* A window that has what the other has, and what waits there; empty where that is more than it may hold. */
static struct dw_window *beside(const struct dw_ruleset *rules, const struct dw_window *real)
{
    struct dw_buf state = {0};
    struct dw_window *w = empty(rules);
    const bool loads = w && dw_window_bytes(real) <= STATE_BYTES_MAX;
    if (loads)
        dw_window_save(real, &state);
    if (loads && (state.err || dw_window_load(w, dw_buf_view(&state)) < 0)) {
        dw_window_free(w);
        w = NULL;
    }
    dw_buf_fini(&state);
    return w;
}

struct dw__early *dw__early_new(const struct dw_ruleset *rules, const struct dw_window *window, int64_t lateness_ns, dw__early_tell *tell_it, void *arg)
{
    struct dw__early *e = dw_calloc(1, sizeof *e);
    struct dw_window *w = e ? beside(rules, window) : NULL;
    if (!w) {
        dw_free(e);
        return NULL;
    }
    *e = (struct dw__early){.rules = rules, .real = window, .window = w, .now_ns = lateness_ns > NOW_LEAST_NS ? lateness_ns : NOW_LEAST_NS, .clock_ns = INT64_MIN, .newest_ns = INT64_MIN, .tell = tell_it, .arg = arg};
    e->last = &e->first;
    dw_arena_init(&e->arena, 0);
    return e;
}

void dw__early_free(struct dw__early *e)
{
    if (!e)
        return;
    for (struct standing *s = e->first, *next; s; s = next) {
        next = s->next;
        free_standing(s);
    }
    dw_window_free(e->window);
    dw_raised_fini(&e->raised);
    dw_buf_fini(&e->key);
    dw_buf_fini(&e->doc);
    dw_buf_fini(&e->line);
    dw_arena_fini(&e->arena);
    dw_free(e);
}

/* The clock went back: what the window holds came later than what comes now. */
static int begin_anew(struct dw__early *e)
{
    struct dw_window *w = empty(e->rules);
    if (!w)
        return DW_ENOMEM;
    dw_window_free(e->window);
    e->window = w;
    e->clock_ns = INT64_MIN;
    return DW_OK;
}

int dw__early_match(struct dw__early *e, uint32_t rule, const struct dw_event *ev, int64_t arrival_ns)
{
    int64_t apart;
    if (!dw_window_takes(e->window, rule))
        return DW_OK;
    if (__builtin_sub_overflow(arrival_ns, ev->time_ns, &apart) || apart > e->now_ns || apart < -e->now_ns) {
        DW_COUNT(provisional_not_now);
        return DW_OK;
    }
    int rc = arrival_ns < INT64_MAX - e->now_ns && arrival_ns + e->now_ns < e->clock_ns ? begin_anew(e) : DW_OK;
    const int64_t passed = dw_window_watermark(e->window);
    if (rc < 0 || passed == INT64_MAX)
        return rc;
    e->clock_ns = arrival_ns > e->clock_ns ? arrival_ns : e->clock_ns;
    e->clock_ns = e->clock_ns > passed ? e->clock_ns : passed + 1;
    e->newest_ns = ev->time_ns > e->newest_ns ? ev->time_ns : e->newest_ns;
    e->fed = true;
    struct dw_event at = *ev;
    at.time_ns = e->clock_ns;
    return dw_window_match(e->window, rule, &at, false);
}

int dw__early_frame(struct dw__early *e)
{
    if (!e->fed)
        return DW_OK;
    e->fed = false;
    int rc = dw_window_advance(e->window, e->clock_ns, on_finding, e);
    return rc < 0 ? rc : e->rc;
}

int dw__early_confirm(struct dw__early *e, const struct dw_finding *f)
{
    int rc = e->first && !f->update ? key_of(f, &e->key) : DW_OK;
    if (rc < 0 || !e->first || f->update)
        return rc;
    struct standing **at = find(e, f->rule, dw_buf_view(&e->key));
    return *at && f->time_ns >= (*at)->from_ns ? end_at(e, at, f->id) : DW_OK;
}

int dw__early_judge(struct dw__early *e)
{
    const int64_t passed = dw_window_watermark(e->real);
    int rc = DW_OK;
    while (rc == DW_OK && e->first && e->first->due_ns <= passed) { /* in the order of their times: newest_ns never goes back */
        uint8_t id[DW_SHA256_BYTES];
        bool is = dw_window_is_open(e->real, e->first->rule, dw_buf_view(&e->first->key), e->first->due_ns, id);
        rc = end_at(e, &e->first, is ? id : NULL);
    }
    return rc;
}

/* The number of a rule in another set; UINT32_MAX: it is not there as it was. */
static uint32_t same_rule(const struct dw__early *e, const struct standing *s, const struct dw_ruleset *in)
{
    const struct dw_rule *r = dw_ruleset_rule(e->rules, s->rule);
    return dw_ruleset_correlation(in, r->id, r->logic_hash);
}

int dw__early_rules(struct dw__early *e, const struct dw_ruleset *rules, const struct dw_window *window)
{
    struct dw_window *w = beside(rules, window);
    int rc = w ? DW_OK : DW_ENOMEM;
    for (struct standing **at = &e->first; *at && rc == DW_OK;) {
        if (same_rule(e, *at, rules) == UINT32_MAX)
            rc = end_at(e, at, NULL);
        else
            at = &(*at)->next;
    }
    if (rc < 0) {
        dw_window_free(w);
        return rc;
    }
    for (struct standing *s = e->first; s; s = s->next)
        s->rule = same_rule(e, s, rules);
    dw_window_free(e->window);
    e->window = w;
    e->rules = rules;
    e->real = window;
    return DW_OK;
}

int dw__early_end(struct dw__early *e)
{
    int rc = DW_OK;
    while (rc == DW_OK && e->first)
        rc = end_at(e, &e->first, NULL);
    return rc;
}
