/*
 * policy_causes: alerts that name an address, and what their events prove about it.
 *
 * Idea: alerts come from the view, the ids of their events from their findings, and the events from one pass over the archive that decodes only
 * frames of their time.
 *
 * Invariants:
 *   (1) An alert proves an address only if all events that it names are in the archive and prove the same one.
 *   (2) Behind a proxy that holds only if the alert names all of its events: else it may have counted several clients together.
 */
#include "policy_int.h"
#include "policy_causes.h"

#include "dogwatch/base/error.h"
#include "dogwatch/base/keyed.h"
#include "dogwatch/base/mem.h"
#include "dogwatch/collect/triage.h"

#include <stdlib.h>

enum { ALERTS_MAX = 20000, REFS_MAX = 250000 }; /* in memory: some 40 MB */

struct ref {
    struct dw_keyed_item item; /* its key: the event's id */
    enum dw_provenance from;
    struct dw_ip ip;
    const char *why;
    bool found;
};

/* A span of time in which events are. */
struct window {
    int64_t from_ns, to_ns;
};

struct reading {
    const struct dw_policy_ask *how;
    struct policy_causes *causes;
    struct dw_alert_events *events;
    struct dw_evidence evidence;
    struct dw_keyed refs;
    struct ref **of;    /* of all causes, one behind the other */
    uint32_t of_count, of_cap;
    struct window *window; /* one a cause; merged before the pass */
    uint32_t window_count, missing;
    struct dw_keys *keys;
    int rc;
};

static const char *keep(struct reading *r, const char *text)
{
    struct dw_str copy = dw_arena_copy(&r->causes->arena, dw_str_of(text));
    if (!copy.ptr)
        r->rc = DW_ENOMEM;
    return copy.ptr ? copy.ptr : "";
}

static bool is_taken(const struct reading *r, const struct dw_alert *a)
{
    return dw_alert_severity(a->level) > r->how->settings->level && !dw_alert_is_nothing(a) && !dw_str_starts(dw_str_of(a->rule), DW_STR("dogwatch."));
}

static bool take_address(struct reading *r, const struct dw_alert *a, struct dw_ip *ret)
{
    struct dw_event ev;
    int rc = dw_alert_event(r->events, a, &ev);
    if (rc < 0) {
        r->rc = rc == DW_ESYNTAX ? DW_OK : rc; /* no object, no address */
        return false;
    }
    const struct dw_field *f = dw_event_find(&ev, DW_F_source_ip);
    return f && dw_field_is_text(f) && dw_ip_parse(dw_field_str(f), ret);
}

/* Room for one more of both lists. */
static bool make_room(struct reading *r, uint32_t refs)
{
    struct policy_causes *c = r->causes;
    if (c->count % 256 == 0) {
        struct policy_cause *more = dw_resize(c->cause, (c->count + 256) * sizeof *more);
        struct window *windows = more ? dw_resize(r->window, (c->count + 256) * sizeof *windows) : NULL;
        c->cause = more ? more : c->cause;
        r->window = windows ? windows : r->window;
        if (!windows)
            return false;
    }
    while (r->of_cap < r->of_count + refs) {
        uint32_t cap = r->of_cap ? 2 * r->of_cap : 1024;
        struct ref **more = dw_resize(r->of, cap * sizeof *more);
        if (!more)
            return false;
        r->of = more;
        r->of_cap = cap;
    }
    return true;
}

static int add_refs(struct reading *r, struct policy_cause *c)
{
    c->refs = r->of_count;
    for (uint32_t i = 0; i < r->evidence.count; i++) {
        struct dw_str id = dw_str_of(r->evidence.ref[i].id);
        uint32_t before = r->refs.count;
        struct ref *ref = dw_keyed_get(&r->refs, id, sizeof *ref);
        if (!ref)
            return DW_ENOMEM;
        r->missing += r->refs.count - before;
        r->of[r->of_count++] = ref;
    }
    c->ref_count = r->of_count - c->refs;
    return DW_OK;
}

static void collect(void *arg, const struct dw_alert *a, const char *silence)
{
    struct reading *r = arg;
    struct dw_ip ip;
    (void)silence;
    if (r->rc < 0 || !is_taken(r, a) || !take_address(r, a, &ip))
        return;
    dw_evidence_of(a->doc, &r->evidence);
    if (r->of_count + r->evidence.count > REFS_MAX) {
        r->causes->partial = "there are more alerts than are looked at: ask for a range with --since";
        return;
    }
    if (!make_room(r, r->evidence.count)) {
        r->rc = DW_ENOMEM;
        return;
    }
    struct policy_cause *c = &r->causes->cause[r->causes->count];
    *c = (struct policy_cause){.id = keep(r, a->id), .rule = keep(r, a->rule), .title = keep(r, a->title), .level = keep(r, a->level),
        .time_ns = a->time_ns, .total = a->total, .source = dw_policy_net(&ip)};
    r->rc = r->rc == DW_OK ? add_refs(r, c) : r->rc;
    r->window[r->causes->count++] = (struct window){r->evidence.from_ns, r->evidence.to_ns};
}

/* ---- the archive ---- */

static int earlier(const void *a, const void *b)
{
    const struct window *x = a, *y = b;
    return x->from_ns < y->from_ns ? -1 : x->from_ns > y->from_ns;
}

static void merge_windows(struct reading *r)
{
    uint32_t n = 0;
    if (r->causes->count)
        qsort(r->window, r->causes->count, sizeof *r->window, earlier);
    for (uint32_t i = 0; i < r->causes->count; i++) {
        struct window *last = n ? &r->window[n - 1] : NULL;
        if (last && r->window[i].from_ns <= last->to_ns)
            last->to_ns = r->window[i].to_ns > last->to_ns ? r->window[i].to_ns : last->to_ns;
        else
            r->window[n++] = r->window[i];
    }
    r->window_count = n;
}

static bool wants(void *arg, const struct dw_head *head, struct dw_str text)
{
    const struct reading *r = arg;
    uint32_t low = 0, high = r->window_count; /* the first that does not end before the frame begins */
    (void)text;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (r->window[middle].to_ns < head->time_min_ns)
            low = middle + 1;
        else
            high = middle;
    }
    return low < r->window_count && r->window[low].from_ns <= head->time_max_ns;
}

static void take_events(struct reading *r, const struct dw_archived *a)
{
    for (uint32_t i = 0; i < a->frame.event_count && r->missing; i++) {
        char id[DW_EVENT_ID_TEXT];
        const struct dw_event *ev = &a->frame.event[i];
        dw_event_id_text(ev, id);
        struct ref *ref = dw_keyed_find(&r->refs, dw_str_of(id));
        if (!ref || ref->found)
            continue;
        ref->found = true;
        r->missing--;
        ref->from = dw_provenance_of(r->how->settings, r->keys, ev, &ref->ip, &ref->why);
    }
}

static int read_archive(struct reading *r)
{
    const struct dw_policy_ask *how = r->how;
    struct dw_archive_reader *reader;
    struct dw_archived a;
    merge_windows(r);
    int rc = dw_archive_reader_open(&dw_fs_system, how->archive, r->keys, &reader);
    if (rc < 0)
        return rc;
    if (r->window_count)
        dw_archive_reader_range(reader, r->window[0].from_ns, r->window[r->window_count - 1].to_ns);
    dw_archive_reader_want(reader, wants, r);
    while (rc == DW_OK && r->missing) {
        if (how->stop && how->stop(how->arg)) {
            r->causes->partial = "it was ended before all of the archive was read";
            break;
        }
        int err = dw_archive_reader_next(reader, &a);
        if (err == DW_EAGAIN)
            break;
        if (err == DW_OK) {
            take_events(r, &a);
        } else if (err == DW_ENOMEM) {
            rc = err;
        } else {
            r->causes->partial = "parts of the archive cannot be read";
            how->problem(how->arg, dw_archive_reader_where(reader), err);
        }
    }
    dw_archive_reader_close(reader);
    return rc;
}

/* ---- the verdict ---- */

static bool is_same(const struct dw_cidr *a, const struct dw_cidr *b)
{
    return a->bits == b->bits && memcmp(a->net.byte, b->net.byte, sizeof a->net.byte) == 0;
}

/* What keeps an event from proving the cause's network, which the ones before it proved; NULL: nothing. *ret_net: what it proves. */
static const char *doubt(const struct policy_cause *c, const struct ref *ref, bool first, struct dw_cidr *ret_net)
{
    if (!ref->found)
        return "not all of its events are in the archive";
    if (ref->from == DW_FROM_CLAIM || ref->from == DW_FROM_UNKNOWN)
        return ref->why;
    *ret_net = dw_policy_net(&ref->ip);
    if (ref->from == DW_FROM_PROXY && c->total > c->ref_count)
        return "a proxy stands before it, and the alert does not name all of its events: they may be of several clients";
    if (!first && !is_same(ret_net, &c->net))
        return "its events are of several clients";
    return ref->from == DW_FROM_PEER && !is_same(ret_net, &c->source) ? "its events are of another address" : NULL;
}

static void judge(const struct reading *r, struct policy_cause *c)
{
    c->net = c->source;
    c->from = DW_FROM_UNKNOWN;
    c->why = c->ref_count ? NULL : "the alert names no event";
    for (uint32_t i = 0; i < c->ref_count && !c->why; i++) {
        const struct ref *ref = r->of[c->refs + i];
        struct dw_cidr net;
        c->why = doubt(c, ref, i == 0, &net);
        c->from = ref->found ? ref->from : DW_FROM_UNKNOWN;
        c->net = c->why ? c->source : net;
        if (c->why && (c->from == DW_FROM_PEER || c->from == DW_FROM_PROXY))
            c->from = DW_FROM_CLAIM;
    }
}

int policy_causes_read(const struct dw_policy_ask *how, struct policy_causes *ret)
{
    struct reading *r = dw_calloc(1, sizeof *r);
    *ret = (struct policy_causes){0};
    dw_arena_init(&ret->arena, 0);
    if (!r)
        return DW_ENOMEM;
    r->how = how;
    r->causes = ret;
    r->events = dw_alert_events_new();
    r->keys = dw_keys_new();
    struct dw_answer_alerts all = {.view = how->view, .since_ns = how->since_ns, .until_ns = INT64_MAX, .each = collect, .arg = r, .newest = ALERTS_MAX};
    int rc = r->events && r->keys ? dw_answer_alerts(&all) : DW_ENOMEM;
    rc = rc == DW_OK ? r->rc : rc;
    if (all.older)
        ret->partial = "there are more alerts than are looked at: ask for a range with --since";
    if (rc == DW_OK && ret->count)
        rc = read_archive(r);
    for (uint32_t i = 0; i < ret->count && rc == DW_OK; i++)
        judge(r, &ret->cause[i]);
    dw_keyed_fini(&r->refs);
    dw_alert_events_free(r->events);
    dw_keys_free(r->keys);
    dw_free(r->of);
    dw_free(r->window);
    dw_free(r);
    return rc;
}

void policy_causes_fini(struct policy_causes *c)
{
    dw_free(c->cause);
    dw_arena_fini(&c->arena);
}
