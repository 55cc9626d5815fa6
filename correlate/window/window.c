/*
 * window: matches to records, records to findings.
 *
 * Idea: two stages with a queue between them. The first copies from the event what the second needs (key, value,
 * order); the second runs behind the watermark and sees records in total order only. A finding opens when the
 * condition is crossed, is told again each time its events double, and ends when the window empties, or when it is calm (calm.c).
 *
 * Invariants:
 *   (1) No clock, no I/O: the same records and watermarks give the same findings, byte for byte.
 *   (2) A record whose time the watermark has passed takes no part, and is counted.
 *   (3) One open finding a key. Its id, cause and first events never change.
 */
#include "../detect/detect.h"

#include "dogwatch/base/counter.h"
#include "dogwatch/base/error.h"
#include "dogwatch/base/mem.h"
#include "dogwatch/template/template.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum { STATE_BYTES_DEFAULT = 256 << 20, WAITING_BYTES_DEFAULT = 256 << 20, SWEEP_GROUPS = 16 };

/* Whether further events of its window only bring its condition about, so that it can be said before all have come. Sums are taken to be of what is not negative, such as bytes. */
static bool comes_early(const struct dw_correlation *c)
{
    const bool lone_floor = c->cond_count == 1 && c->op[0] <= DW_CORR_GT;
    bool negates = false;
    for (uint32_t i = 0; i < c->code_count; i++)
        negates = negates || c->code[i] == DW_CORR_NOT;
    switch (c->type) {
    case DW_CORR_EVENT_COUNT:
    case DW_CORR_VALUE_COUNT:
    case DW_CORR_VALUE_SUM: return lone_floor;
    case DW_CORR_TEMPORAL: return !negates && (c->cond_count == 0 || lone_floor);
    case DW_CORR_TEMPORAL_ORDERED: return c->cond_count == 0 || lone_floor;
    default: return false;
    }
}

/* The correlation of a rule, where it is one that events are given to. */
static const struct dw_correlation *fed(const struct dw_window *w, uint32_t rule)
{
    const struct dw_correlation *c = dw_ruleset_rule(w->rs, rule)->corr;
    return !c || (w->one && rule != w->only) || (w->early && !comes_early(c)) ? NULL : c;
}

bool dw__is_fed(const struct dw_window *w, uint32_t rule)
{
    return fed(w, rule) != NULL;
}

static int index_members(struct dw_window *w)
{
    uint32_t rules = dw_ruleset_count(w->rs), total = 0;
    w->member_first = dw_calloc(rules + 2, sizeof *w->member_first);
    if (!w->member_first)
        return DW_ENOMEM;
    for (uint32_t i = 0; i < rules; i++) {
        const struct dw_correlation *c = fed(w, i);
        for (uint32_t m = 0; c && m < c->member_count; m++, total++)
            w->member_first[c->member[m] + 2]++;
    }
    for (uint32_t i = 2; i < rules + 2; i++)
        w->member_first[i] += w->member_first[i - 1];
    w->member_of = dw_calloc(total + 1, sizeof *w->member_of);
    if (!w->member_of)
        return DW_ENOMEM;
    for (uint32_t i = 0; i < rules; i++) {
        const struct dw_correlation *c = fed(w, i);
        for (uint32_t m = 0; c && m < c->member_count; m++) {
            uint32_t at = w->member_first[c->member[m] + 1]++;
            w->member_of[at].corr = i;
            w->member_of[at].member = m;
        }
    }
    return DW_OK;
}

struct dw_window *dw_window_new(const struct dw_ruleset *rs, const struct dw_window_opts *opts)
{
    struct dw_window *w = dw_calloc(1, sizeof *w);
    if (!w)
        return NULL;
    w->rs = rs;
    w->bytes_max = opts && opts->state_bytes_max ? opts->state_bytes_max : STATE_BYTES_DEFAULT;
    w->is_heard = opts ? opts->is_heard : NULL;
    w->arg = opts ? opts->arg : NULL;
    w->step = opts ? opts->step : NULL;
    w->step_arg = opts ? opts->step_arg : NULL;
    w->places = opts && opts->places ? opts->places : dw_ruleset_places(rs);
    w->waiting_max = opts && opts->waiting_bytes_max ? opts->waiting_bytes_max : WAITING_BYTES_DEFAULT;
    w->one = opts && opts->only;
    w->early = opts && opts->early;
    w->aside = w->one || w->early;
    if (w->one)
        w->only = *opts->only;
    w->opens_there = opts && opts->opens_at;
    if (w->opens_there)
        w->opens_at = *opts->opens_at;
    w->watermark_ns = w->last_event_ns = w->deaf_ns = INT64_MIN;
    if (index_members(w) < 0) {
        dw_window_free(w);
        return NULL;
    }
    return w;
}

void dw_window_free(struct dw_window *w)
{
    if (!w)
        return;
    for (uint32_t i = 0; i < w->heap_count; i++)
        dw_free(w->heap[i]);
    for (uint32_t g = 0; g < DW_KEY_GROUPS; g++) {
        for (uint32_t i = 0; i < w->group[g].cap; i++)
            dw__state_free(w, w->group[g].slot[i]);
        dw_free(w->group[g].slot);
    }
    dw_free(w->heap);
    dw_free(w->due);
    dw_free(w->member_first);
    dw_free(w->member_of);
    dw_free(w);
}

void dw_window_hand_out(struct dw_window *w, struct dw_matches *out)
{
    w->out = out;
}

int64_t dw_window_watermark(const struct dw_window *w)
{
    return w->watermark_ns;
}

size_t dw_window_bytes(const struct dw_window *w)
{
    return w->bytes + w->waiting_bytes;
}

bool dw_window_takes(const struct dw_window *w, uint32_t rule)
{
    return w->member_first[rule] < w->member_first[rule + 1];
}

void dw_window_forget(struct dw_window *w, uint32_t rule, struct dw_str key)
{
    struct dw__state *s = dw__state_find(w, rule, key);
    if (s && !s->waits) /* what waits is ended by its time */
        dw__state_forget(s);
}

bool dw_window_is_open(const struct dw_window *w, uint32_t rule, struct dw_str key, int64_t time_ns, uint8_t ret_id[DW_SHA256_BYTES])
{
    const struct dw_correlation *c = dw_ruleset_rule(w->rs, rule)->corr;
    const struct dw__state *s = dw__state_find(w, rule, key);
    if (!s || !s->open || !(c->calms || s->newest_ns > dw__earlier(time_ns, c->timespan_ns)))
        return false;
    memcpy(ret_id, s->past->told->finding, DW_SHA256_BYTES);
    return true;
}

/* First value that the event has under one of the names, as text; `number` is room for one that is not text. */
static bool find_text(const struct dw_event *ev, const struct dw_name_list *names, char number[48], struct dw_str *ret)
{
    const struct dw_field *f = NULL;
    for (uint32_t i = 0; i < names->count && !f; i++)
        f = dw_event_find(ev, names->key[i]);
    if (!f)
        return false;
    if (dw_field_is_text(f)) {
        *ret = dw_str_slice(dw_field_str(f), 0, DW__TEXT_MAX);
        return true;
    }
    if (f->kind == DW_K_FLOAT)
        (void)snprintf(number, 48, "%.15g", f->v.f);
    else if (f->kind == DW_K_BOOL)
        (void)snprintf(number, 48, "%s", f->v.i ? "true" : "false");
    else
        (void)snprintf(number, 48, "%lld", (long long)f->v.i);
    *ret = dw_str_of(number);
    return true;
}

static bool collect(const struct dw_event *ev, const struct dw_name_list *names, uint32_t count, struct dw_buf *out)
{
    for (uint32_t i = 0; i < count; i++) {
        char number[48];
        struct dw_str text;
        if (!find_text(ev, &names[i], number, &text))
            return false;
        dw_buf_u32(out, (uint32_t)text.len);
        dw_buf_str(out, text);
    }
    return true;
}

static bool find_number(const struct dw_event *ev, const struct dw_name_list *names, double *ret)
{
    char number[48], copy[64], *end = NULL;
    struct dw_str text;
    if (!find_text(ev, names, number, &text) || text.len == 0 || text.len >= sizeof copy)
        return false;
    memcpy(copy, text.ptr, text.len);
    copy[text.len] = '\0';
    if (copy[0] != '-' && copy[0] != '+' && copy[0] != '.' && !(copy[0] >= '0' && copy[0] <= '9'))
        return false; /* nan, inf */
    *ret = strtod(copy, &end);
    return *end == '\0' && isfinite(*ret);
}

/* An event's record: to the second stage here, or of others. */
static int give_record(struct dw_window *w, struct dw__record *r)
{
    if (!w->out)
        return dw__heap_push(w, r);
    int rc = dw__hand_out(w, r);
    dw_free(r);
    return rc;
}

/* The template of the field that is named, else of the message, else of the line. */
static bool find_template(const struct dw_correlation *c, const struct dw_event *ev, struct dw_buf *out)
{
    static const uint32_t message = DW_F_message;
    const struct dw_name_list usual = {.key = &message, .count = 1};
    char number[48];
    struct dw_template t;
    struct dw_str text = ev->line;
    if (!find_text(ev, c->field_count ? &c->field[0] : &usual, number, &text) && c->field_count)
        return false;
    dw_template_mask(text, &t);
    dw_buf_u32(out, t.len);
    dw_buf_add(out, t.text, t.len);
    return true;
}

/* What one event gives to a key. */
struct given {
    struct dw_buf key, text; /* group values; those that count */
    uint8_t hash[DW__HASH_BYTES];
    double number;
};

/* The place of the address that counts. */
static enum dw_left_out find_place(const struct dw_window *w, const struct dw_correlation *c, const struct dw_event *ev, struct dw_buf *out)
{
    char number[48];
    struct dw_str text;
    return find_text(ev, &c->field[0], number, &text) ? dw__login_put(w->places, text, out) : DW_LEFT_NO_VALUE;
}

/* The values that count, as text and as hash, or the number; or why the event has none. */
static enum dw_left_out find_values(const struct dw_window *w, const struct dw_correlation *c, const struct dw_event *ev, struct given *g)
{
    bool there = true;
    if (c->type == DW_CORR_IMPOSSIBLE_TRAVEL) {
        return find_place(w, c, ev, &g->text);
    } else if (c->type == DW_CORR_NEW_TEMPLATE) {
        there = find_template(c, ev, &g->text);
        dw__hash16(DW_STR("template"), dw_buf_view(&g->text), g->hash);
    } else if (c->type == DW_CORR_VALUE_COUNT || c->type == DW_CORR_CARDINALITY_SPIKE || (dw_detector_says(c->type) & DW_SAYS_VALUES)) {
        there = collect(ev, c->field, c->field_count, &g->text);
        dw__hash16(DW_STR("value"), dw_buf_view(&g->text), g->hash);
    } else if (c->field_count && (c->type >= DW_CORR_VALUE_SUM)) {
        there = find_number(ev, &c->field[0], &g->number);
    }
    return there ? DW_TAKES_PART : DW_LEFT_NO_VALUE;
}

/* All that the event gives; or why it takes no part, which is counted. */
static enum dw_left_out find_given(const struct dw_window *w, const struct dw_correlation *c, uint32_t member, const struct dw_event *ev, struct given *g)
{
    const bool has_key = collect(ev, c->group[member], c->group_count, &g->key);
    const enum dw_left_out why = has_key ? find_values(w, c, ev, g) : DW_LEFT_NO_KEY;
    DW__COUNT_IF(w, why == DW_LEFT_NO_KEY, correlate_no_key);
    DW__COUNT_IF(w, why == DW_LEFT_NO_VALUE, correlate_no_value);
    DW__COUNT_IF(w, why == DW_LEFT_NO_PLACE, correlate_no_place);
    return why;
}

static struct dw_event_ref ref_of(const struct dw_event *ev)
{
    struct dw_event_ref ref = {.start = ev->start};
    if (ev->stream)
        memcpy(ref.stream, ev->stream->id, DW_ID_BYTES);
    return ref;
}

void dw__leave_out(const struct dw_window *w, uint32_t corr, uint32_t member, const struct dw_event_ref *ref, int64_t time_ns, enum dw_left_out why)
{
    if (w->step)
        w->step(w->step_arg, &(struct dw_step){.rule = corr, .member = member, .ref = *ref, .time_ns = time_ns, .left_out = why});
}

static int make_record(struct dw_window *w, uint32_t corr, uint32_t member, const struct dw_event *ev, struct given *g)
{
    const struct dw_correlation *c = dw_ruleset_rule(w->rs, corr)->corr;
    const struct dw_event_ref ref = ref_of(ev);
    const enum dw_left_out why = find_given(w, c, member, ev, g);
    if (why != DW_TAKES_PART) {
        dw__leave_out(w, corr, member, &ref, ev->time_ns, why);
        return DW_OK;
    }
    bool kept = dw_detector_says(c->type) & DW_SAYS_VALUES; /* only a detector tells them */
    struct dw__record head = {.time_ns = ev->time_ns, .corr = corr, .member = member, .number = g->number, .ref = ref};
    memcpy(head.value, g->hash, sizeof g->hash);
    if (ev->stream) {
        memcpy(head.series, ev->stream->series, DW_ID_BYTES);
        head.ordinal = ev->stream->ordinal;
    }
    struct dw__record *r = g->key.err || g->text.err ? NULL : dw__record_new(&head, dw_buf_view(&g->key), kept ? dw_buf_view(&g->text) : DW_STR(""));
    return r ? give_record(w, r) : DW_ENOMEM;
}

static int match_one(struct dw_window *w, uint32_t corr, uint32_t member, const struct dw_event *ev)
{
    struct given g = {.number = 0};
    int rc = make_record(w, corr, member, ev, &g);
    dw_buf_fini(&g.key);
    dw_buf_fini(&g.text);
    return rc;
}

int dw_window_match(struct dw_window *w, uint32_t rule, const struct dw_event *ev, bool late)
{
    uint32_t from = w->member_first[rule], to = w->member_first[rule + 1];
    int rc = DW_OK;
    if (from == to || (w->out && !dw__hands_out(w->out)))
        return DW_OK;
    if (late || (!w->out && ev->time_ns <= w->watermark_ns)) { /* others judge by their own watermark */
        const struct dw_event_ref ref = ref_of(ev);
        DW__COUNT_IF(w, true, correlate_events_late);
        for (uint32_t i = from; i < to; i++)
            dw__leave_out(w, w->member_of[i].corr, w->member_of[i].member, &ref, ev->time_ns, DW_LEFT_LATE);
        return DW_OK;
    }
    if (w->out)
        dw__saw(w->out, ev->time_ns);
    else if (ev->time_ns > w->last_event_ns)
        w->last_event_ns = ev->time_ns;
    for (uint32_t i = from; i < to && rc == DW_OK; i++)
        rc = match_one(w, w->member_of[i].corr, w->member_of[i].member, ev);
    return rc;
}

void dw__note_id(struct dw__state *s, const struct dw_event_ref *ref)
{
    s->past->told->total++;
    if (s->past->told->first_ids < DW_FINDING_IDS_MAX) {
        s->past->told->ids[s->past->told->first_ids++] = *ref;
        return;
    }
    s->past->told->ids[DW_FINDING_IDS_MAX + s->past->told->last_at] = *ref;
    s->past->told->last_at = (s->past->told->last_at + 1) % DW_FINDING_IDS_MAX;
    s->past->told->last_ids += s->past->told->last_ids < DW_FINDING_IDS_MAX;
}

/* Splits a state's key text into its values. */
static uint32_t key_values(const struct dw__state *s, struct dw_str out[DW_CORR_GROUP_MAX])
{
    struct dw_cursor c = dw_cursor_of(dw__state_text(s));
    uint32_t n = 0;
    while (dw_cursor_left(&c) && n < DW_CORR_GROUP_MAX) {
        uint32_t len = dw_take_u32(&c);
        out[n++] = dw_take_bytes(&c, len);
    }
    return n;
}

static void tell(struct dw_window *w, const struct dw__state *s, struct dw_finding f)
{
    struct dw_str values[DW_CORR_GROUP_MAX];
    struct dw_event_ref last[DW_FINDING_IDS_MAX];
    const struct dw_rule *rule = dw_ruleset_rule(w->rs, s->corr);
    for (uint32_t i = 0; i < s->past->told->last_ids; i++) {
        uint32_t oldest = s->past->told->last_ids < DW_FINDING_IDS_MAX ? 0 : s->past->told->last_at;
        last[i] = s->past->told->ids[DW_FINDING_IDS_MAX + (oldest + i) % DW_FINDING_IDS_MAX];
    }
    f.rule = s->corr;
    f.silent = rule->silent;
    f.key_name = rule->corr->group_name;
    f.key_value = values;
    f.key_count = key_values(s, values);
    f.cause = s->past->told->cause;
    f.window_start_ns = s->past->told->started_ns;
    f.total = s->past->told->total;
    f.first = s->past->told->ids;
    f.first_count = s->past->told->first_ids;
    f.last = last;
    f.last_count = s->past->told->last_ids;
    memcpy(f.id, s->past->told->finding, sizeof f.id);
    w->emit(w->ud, &f);
}

void dw__tell_finding(struct dw_window *w, const struct dw__state *s, int64_t now, double value, bool update, const struct dw_anomaly *anomaly)
{
    tell(w, s, (struct dw_finding){.update = update, .time_ns = now, .window_end_ns = anomaly && anomaly->end_ns ? anomaly->end_ns : now, .value = value, .anomaly = anomaly});
}

void dw__tell_calm(struct dw_window *w, const struct dw__state *s, int64_t now, uint32_t value)
{
    struct dw_str values[DW_CORR_GROUP_MAX];
    tell(w, s, (struct dw_finding){.update = true, .calm = true, .time_ns = now, .window_end_ns = now, .value = value});
    if (!w->step)
        return;
    const struct dw_step step = {.rule = s->corr, .time_ns = now, .key_value = values, .key_count = key_values(s, values), .value = value, .calms = true};
    w->step(w->step_arg, &step);
}

/* The key of `outer` by the values that `s`, of `inner`, has for its groups. *ret_found: how many groups have one. */
static struct dw_str outer_key(const struct dw_correlation *outer, const struct dw_correlation *inner, const struct dw__state *s,
    struct dw_buf *key, uint32_t *ret_found)
{
    struct dw_str values[DW_CORR_GROUP_MAX];
    uint32_t have = key_values(s, values);
    *ret_found = 0;
    for (uint32_t g = 0; g < outer->group_count; g++) {
        uint32_t k = 0;
        while (k < have && !dw_str_eq(outer->group_name[g], inner->group_name[k]))
            k++;
        if (k == have)
            continue;
        dw_buf_u32(key, (uint32_t)values[k].len);
        dw_buf_str(key, values[k]);
        (*ret_found)++;
    }
    return dw_buf_view(key);
}

/* The finding of a correlation is a match for correlations of which it is a member: same time and order, its key. */
int dw__feed_outer(struct dw_window *w, const struct dw__state *s, const struct dw__record *r)
{
    const struct dw_correlation *inner = dw_ruleset_rule(w->rs, s->corr)->corr;
    int rc = DW_OK;
    for (uint32_t i = w->member_first[s->corr]; i < w->member_first[s->corr + 1] && rc == DW_OK; i++) {
        const struct dw_correlation *c = dw_ruleset_rule(w->rs, w->member_of[i].corr)->corr;
        struct dw_buf key = {0};
        uint32_t found;
        struct dw_str text = outer_key(c, inner, s, &key, &found);
        bool counts = c->field_count == 0; /* a finding has no field to count */
        struct dw__record head = {.time_ns = r->time_ns, .ref = r->ref, .ordinal = r->ordinal, .corr = w->member_of[i].corr, .member = w->member_of[i].member};
        memcpy(head.series, r->series, sizeof head.series);
        struct dw__record *outer = key.err ? NULL : dw__record_new(&head, text, DW_STR(""));
        dw_buf_fini(&key);
        if (!outer)
            return DW_ENOMEM;
        DW__COUNT_IF(w, found < c->group_count, correlate_no_key);
        DW__COUNT_IF(w, !counts, correlate_no_value);
        if (found < c->group_count || !counts) {
            dw__leave_out(w, outer->corr, outer->member, &r->ref, r->time_ns, counts ? DW_LEFT_NO_KEY : DW_LEFT_NO_VALUE);
            dw_free(outer);
        } else {
            rc = dw__heap_push(w, outer);
        }
    }
    return rc;
}

bool dw__has_told(struct dw_window *w, struct dw__state *s)
{
    if (!s->past && (s->past = dw_calloc(1, sizeof *s->past)))
        w->bytes += sizeof *s->past;
    if (s->past && !s->past->told && (s->past->told = dw_calloc(1, sizeof *s->past->told)))
        w->bytes += sizeof *s->past->told;
    return s->past && s->past->told;
}

bool dw__has_ids(struct dw_window *w, struct dw__state *s)
{
    if (!dw__has_told(w, s))
        return false;
    if (!s->past->told->ids && (s->past->told->ids = dw_calloc(DW__IDS_KEPT, sizeof *s->past->told->ids)))
        w->bytes += DW__IDS_KEPT * sizeof *s->past->told->ids;
    return s->past->told->ids;
}

/* The id follows from rule, key and cause. */
void dw__begin_finding(const struct dw_window *w, struct dw__state *s)
{
    s->open = true;
    s->past->told->total = s->past->told->first_ids = s->past->told->last_ids = s->past->told->last_at = 0;
    dw__finding_id(dw_ruleset_rule(w->rs, s->corr)->id, dw__state_text(s), &s->past->told->cause, s->past->told->finding);
}

static int open_finding(struct dw_window *w, struct dw__state *s, const struct dw__record *r, double value)
{
    const struct dw_rule *rule = dw_ruleset_rule(w->rs, s->corr);
    if (!dw__has_ids(w, s))
        return DW_ENOMEM;
    s->past->told->cause = r->ref;
    s->past->told->started_ns = dw__earlier(r->time_ns, rule->corr->timespan_ns);
    dw__begin_finding(w, s);
    bool ordered = rule->corr->type == DW_CORR_TEMPORAL_ORDERED;
    uint32_t from = ordered ? r->member * rule->corr->member_count : 0;
    uint32_t count = ordered ? rule->corr->member_count : s->count;
    for (uint32_t i = 0; i < count; i++) {
        const struct dw__entry *e = dw__entry_at(s, from + i);
        if (dw__entry_counts(s, from + i) && e->time_ns > s->past->told->started_ns)
            dw__note_id(s, &e->ref);
    }
    dw__tell_finding(w, s, r->time_ns, value, false, NULL);
    int rc = rule->corr->calms ? dw__calm_wait(w, rule->corr, s, r->time_ns) : DW_OK;
    return rc < 0 ? rc : dw__feed_outer(w, s, r);
}

/* A finding of a detector on a record: all of its span, as far as it is named. */
static int open_anomaly(struct dw_window *w, struct dw__state *s, const struct dw__record *r, const struct dw__detector *d, const struct dw_anomaly *a)
{
    const struct dw_correlation *c = dw_ruleset_rule(w->rs, s->corr)->corr;
    if (!dw__has_ids(w, s))
        return DW_ENOMEM;
    s->past->told->cause = r->ref;
    s->past->told->started_ns = d->starts ? a->start_ns : dw__earlier(r->time_ns, c->timespan_ns);
    dw__begin_finding(w, s);
    for (uint32_t i = 0; d->rests && i < s->count; i++)
        dw__note_id(s, &dw__entry_at(s, i)->ref);
    if (!d->rests)
        dw__note_id(s, &r->ref);
    if (c->type == DW_CORR_RATE_SPIKE && c->field_count == 0 && a->score > 0)
        s->past->told->total = (uint64_t)a->value;
    dw__tell_finding(w, s, r->time_ns, a->value, false, a);
    return dw__feed_outer(w, s, r);
}

/* Tells of a record that was taken; `s` NULL: that there was no room for its key. */
static void tell_step(const struct dw_window *w, const struct dw__state *s, const struct dw__record *r, double value, bool holds, bool opens)
{
    struct dw_str values[DW_CORR_GROUP_MAX];
    if (!w->step)
        return;
    const struct dw_step step = {.rule = r->corr,
        .member = r->member,
        .ref = r->ref,
        .time_ns = r->time_ns,
        .left_out = s ? DW_TAKES_PART : DW_LEFT_REFUSED,
        .key_value = values,
        .key_count = s ? key_values(s, values) : 0,
        .value = value,
        .holds = holds,
        .opens = opens};
    w->step(w->step_arg, &step);
}

static int take_anomaly(struct dw_window *w, struct dw__state *s, const struct dw__record *r, const struct dw__detector *d)
{
    struct dw_anomaly a;
    bool is = false;
    int rc = d->observe(w, dw_ruleset_rule(w->rs, r->corr)->corr, s, r, &is, &a);
    s->newest_ns = r->time_ns;
    if (rc < 0)
        return rc;
    bool goes_on = s->open && dw__since(r->time_ns, s->past->hot_ns) <= dw__calm_ns(dw_ruleset_rule(w->rs, r->corr)->corr);
    tell_step(w, s, r, 0, is, is && !goes_on);
    if (!is)
        return DW_OK;
    s->past->hot_ns = r->time_ns;
    if (!goes_on) {
        rc = open_anomaly(w, s, r, d, &a);
        s->open = d->opens;
        return rc;
    }
    dw__note_id(s, &r->ref);
    if ((s->past->told->total & (s->past->told->total - 1)) == 0)
        dw__tell_finding(w, s, r->time_ns, a.value, true, &a);
    return DW_OK;
}

static bool may_open(const struct dw_window *w, const struct dw_event_ref *r)
{
    return !w->opens_there || (r->start == w->opens_at.start && memcmp(r->stream, w->opens_at.stream, sizeof r->stream) == 0);
}

static int take(struct dw_window *w, const struct dw__record *r)
{
    int rc;
    struct dw__state *s = dw__state_of(w, r, true, &rc);
    if (!s) {
        tell_step(w, NULL, r, 0, false, false);
        return rc;
    }
    const struct dw_correlation *c = dw_ruleset_rule(w->rs, r->corr)->corr;
    const struct dw__detector *d = dw__detector_of(c->type);
    if (d)
        return take_anomaly(w, s, r, d);
    if (c->type == DW_CORR_ABSENCE) {
        tell_step(w, s, r, 0, false, false);
        return dw__absence(w, c, s, r);
    }
    bool crossed = false;
    double value = 0;
    if (s->open && !c->calms && s->newest_ns <= dw__earlier(r->time_ns, c->timespan_ns))
        s->open = false; /* the window emptied since */
    rc = dw__observe(w, s, r, &crossed, &value);
    s->newest_ns = r->time_ns;
    if (rc < 0)
        return rc;
    const bool opens = !s->open && crossed && may_open(w, &r->ref);
    tell_step(w, s, r, value, crossed, opens);
    if (!s->open)
        return opens ? open_finding(w, s, r, value) : DW_OK;
    dw__note_id(s, &r->ref);
    if ((s->past->told->total & (s->past->told->total - 1)) == 0) /* 2, 4, 8, ... */
        dw__tell_finding(w, s, r->time_ns, value, true, NULL);
    return DW_OK;
}

/* How far event time has come where nothing is told yet: to just before the next record, or to the watermark. */
static int64_t come_to(const struct dw_window *w, int64_t watermark_ns)
{
    return w->heap_count && w->heap[0]->time_ns <= watermark_ns ? dw__earlier(w->heap[0]->time_ns, 1) : watermark_ns;
}

int dw_window_advance(struct dw_window *w, int64_t watermark_ns, dw_emit_finding *emit, void *ud)
{
    int rc = DW_OK;
    w->emit = emit;
    w->ud = ud;
    while (rc == DW_OK) { /* of a deadline and a record at one time the record is first; either may bring records of an outer correlation */
        struct dw__state *due = dw__due(w, come_to(w, watermark_ns));
        if (due) {
            rc = dw__look_at_due(w, due, come_to(w, watermark_ns));
            continue;
        }
        if (w->heap_count == 0 || w->heap[0]->time_ns > watermark_ns)
            break;
        struct dw__record *r = dw__heap_pop(w);
        rc = take(w, r);
        dw_free(r);
    }
    if (watermark_ns > w->watermark_ns)
        w->watermark_ns = watermark_ns;
    dw__state_sweep(w, SWEEP_GROUPS);
    return rc;
}

int dw_window_flush(struct dw_window *w, dw_emit_finding *emit, void *ud)
{
    return dw_window_advance(w, w->last_event_ns, emit, ud);
}
