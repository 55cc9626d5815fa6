/*
 * account: frame by frame: does it follow its predecessor, is it signed, what does it say, have its bytes come before?
 *
 * Idea: the account is a function of the frames and decisions in the archive, so a restart, and `dogwatch ledger`, make it again by
 * reading. Streams are in coverage.c, starts of agents in epochs.c, records in records.c.
 *
 * Invariants:
 *   (1) The same frames in the same order make the same account and the same problems.
 *   (2) What grows with what agents send is bounded (struct dw_account_bounds), and forgetting is counted.
 */
#include "account_int.h"

#include "dogwatch/base/counter.h"
#include "dogwatch/base/error.h"
#include "dogwatch/base/mem.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

enum { PROBLEM_TEXT = 400 };

static const struct dw_account_bounds bounds_default = {.streams = 262144, .epochs = 65536, .ranges = 4194304};

static const struct {
    const char *rule, *level, *title;
} rows[] = {
#define PROBLEM(id, rule, level, title) {rule, level, title},
#include "dogwatch/tbl/problems.h"
#undef PROBLEM
};

const char *dw_problem_rule(enum dw_problem_kind k)
{
    return rows[k].rule;
}

const char *dw_problem_level(enum dw_problem_kind k)
{
    return rows[k].level;
}

const char *dw_problem_title(enum dw_problem_kind k)
{
    return rows[k].title;
}

void dw__account_let_go(struct dw_account *a)
{
    dw__streams_free(a);
    dw__epochs_free(a);
    dw__agents_free(a);
    a->agents_end = NULL;
    dw_keyring_free(a->keys);
    a->keys = NULL;
    dw_buf_fini(&a->part);
}

void dw__account_init(struct dw_account *a, const struct dw_account_bounds *bounds)
{
    *a = (struct dw_account){.bounds = *bounds, .hash_key = dw_hash_process_key()};
    DW_ASSERT(a->bounds.streams && a->bounds.epochs);
    dw__ring_init(&a->sight);
    dw__ring_init(&a->live);
    dw__ring_init(&a->ended);
    dw__ring_init(&a->use);
    dw__ring_init(&a->open);
}

int dw_account_clear(struct dw_account *a)
{
    dw__account_let_go(a);
    a->own = (struct dw__epoch){.opened = false};
    a->own_begun = a->any_ended = a->announced = false;
    a->serials = a->ranges = a->openings = 0;
    memset(a->seen, 0, DW__SEEN_SLOTS * sizeof *a->seen);
    a->keys = dw_keyring_new(a->bounds.epochs);
    return a->keys ? DW_OK : DW_ENOMEM;
}

struct dw_account *dw_account_new(
    const struct dw_account_bounds *bounds, void (*problem)(void *arg, const struct dw_problem *p), void *arg)
{
    struct dw_account *a = dw_calloc(1, sizeof *a);
    if (!a)
        return NULL;
    dw__account_init(a, bounds ? bounds : &bounds_default);
    a->problem = problem;
    a->arg = arg;
    a->seen = dw_calloc(DW__SEEN_SLOTS, sizeof *a->seen);
    if (!a->seen || dw_account_clear(a) < 0) {
        dw_account_free(a);
        return NULL;
    }
    return a;
}

void dw_account_free(struct dw_account *a)
{
    if (!a)
        return;
    dw__account_let_go(a);
    dw_free(a->seen);
    dw_free(a);
}

void dw__tell(struct dw_account *a, enum dw_problem_kind kind, const struct dw_head *h, const char *cause, const char *fmt, ...)
{
    char text[PROBLEM_TEXT];
    va_list args;
    va_start(args, fmt);
    (void)vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    if (!a->problem)
        return;
    struct dw_problem p = {.kind = kind, .time_ns = h->time_max_ns, .agent = h->agent, .epoch = h->epoch.counter,
        .number = h->number, .cause = cause, .text = text};
    a->problem(a->arg, &p);
}

const char *dw__frame_cause(char out[DW__CAUSE_CAP], const struct dw_head *h)
{
    char hex[2 * DW_AGENT_ID_BYTES + 1];
    dw_hex(h->agent, DW_AGENT_ID_BYTES, hex);
    (void)snprintf(out, DW__CAUSE_CAP, "%s:%" PRIu64 ":%" PRIu64, hex, h->epoch.counter, h->number);
    return out;
}

/* ---- frames ---- */

static void tell_link(struct dw_account *a, const struct dw_head *h, enum dw_link link, uint64_t missing)
{
    char text[DW__CAUSE_CAP];
    const char *cause = dw__frame_cause(text, h);
    if (link == DW_LINK_HOLE)
        dw__tell(a, DW_PROBLEM_HOLE, h, cause, "%" PRIu64 " frames before frame %" PRIu64 " of epoch %" PRIu64 " did not come",
            missing, h->number, h->epoch.counter);
    else if (link == DW_LINK_MIDDLE)
        dw__tell(a, DW_PROBLEM_HOLE, h, cause, "epoch %" PRIu64 " begins here with frame %" PRIu64, h->epoch.counter, h->number);
    else if (link == DW_LINK_BROKEN)
        dw__tell(a, DW_PROBLEM_BROKEN, h, cause, "frame %" PRIu64 " of epoch %" PRIu64 " does not follow the one before it",
            h->number, h->epoch.counter);
    else if (link == DW_LINK_FORK)
        dw__tell(a, DW_PROBLEM_FORK, h, cause, "frame %" PRIu64 " of epoch %" PRIu64 " came twice with different content",
            h->number, h->epoch.counter);
}

/* The epoch of a frame, whose chain then stands at this frame. */
static int follow_chain(struct dw_account *a, const struct dw_head *h, struct dw__epoch **ret, enum dw_link *ret_link)
{
    uint64_t missing = 0;
    bool own = dw_is_collector(h->agent);
    struct dw__epoch *e = own ? &a->own : dw__epoch_find(a, h);
    if (own && !a->own_begun)
        *ret_link = dw_chain_begin(&e->chain, h);
    else if (e)
        *ret_link = dw_chain_follow(&e->chain, h, &missing);
    else if (!(e = dw__epoch_begin(a, h, ret_link)))
        return DW_ENOMEM;
    a->own_begun |= own;
    tell_link(a, h, *ret_link, missing);
    *ret = e;
    return DW_OK;
}

static void check_trust(struct dw_account *a, const struct dw_head *h, struct dw__epoch *e)
{
    char text[DW__CAUSE_CAP];
    const char *cause = dw__frame_cause(text, h);
    int rc = h->flags & DW_HEAD_SIGNED ? dw_keyring_check(a->keys, h) : DW_OK;
    if (rc == DW_ESIGNATURE || (rc == DW_ENOENT && e->opened)) /* ENOENT: its key was forgotten, so nothing vouches for it any more */
        dw__tell(a, DW_PROBLEM_SIGNATURE, h, cause, "the signature of frame %" PRIu64 " of epoch %" PRIu64 " does not hold",
            h->number, h->epoch.counter);
    if (!e->opened && !e->told_headless) {
        e->told_headless = true;
        dw__tell(a, DW_PROBLEM_HEADLESS, h, cause, "epoch %" PRIu64 " was not opened by a signed record", h->epoch.counter);
    }
}

/* A frame that has come before: it is only said, unless its agent said so before; its agent has not been heard by it. */
static void tell_copy(struct dw_account *a, const struct dw_head *h, const struct dw__epoch *e, bool fresh)
{
    char text[DW__CAUSE_CAP];
    const char *cause = dw__frame_cause(text, h);
    DW_COUNT_IF(a->announced, ingest_resent);
    if (a->announced)
        return;
    if (fresh || h->kind == DW_FRAME_RECORD)
        dw__tell(a, DW_PROBLEM_REORDERED, h, cause, "frame %" PRIu64 " came after frame %" PRIu64, h->number, e->chain.number);
    else
        dw__tell(a, DW_PROBLEM_REPLAYED, h, cause, "frame %" PRIu64 " came again", h->number);
}

static void hear(struct dw_account *a, struct dw__epoch *e, const struct dw_head *h)
{
    dw__ring_last(&a->use, &e->use);
    e->idle = false;
    e->source = a->source;
    e->arrival_ns = a->arrival_ns;
    e->heard_ns = a->heard_ns;
    if (h->low_water_ns > e->low_water_ns)
        e->low_water_ns = h->low_water_ns;
}

/* A frame of which nothing but its place in the chain is left. */
static void tell_tombstone(struct dw_account *a, const struct dw_head *h)
{
    char text[DW__CAUSE_CAP];
    dw__tell(a, DW_PROBLEM_LET_GO, h, dw__frame_cause(text, h),
        "frame %" PRIu64 " of epoch %" PRIu64 " came without its content, %" PRIu32 " events", h->number,
        h->epoch.counter, h->event_count);
}

static int take_events(struct dw_account *a, const struct dw_decoded *f, const uint8_t *known, uint8_t *mark, bool *ret_marked, bool *ret_fresh)
{
    int rc = DW_OK;
    for (uint32_t i = 0; i < f->event_count && rc == DW_OK; i++) {
        rc = dw__take_event(a, &f->head, &f->event[i], known ? &known[i] : NULL, &mark[i]);
        *ret_marked |= mark[i] != DW_MARK_NONE;
        *ret_fresh |= mark[i] == DW_MARK_NONE;
    }
    return rc;
}

/* A frame of the collector's own chain: a decision, or records of other shippers. */
static int take_own(struct dw_account *a, const struct dw_decoded *f, const uint8_t *known, bool is_new, uint8_t *mark, bool *ret_marked)
{
    bool fresh = false;
    int rc = f->head.kind == DW_FRAME_RECORD && is_new ? dw__take_decision(a, f) : DW_OK;
    if (rc < 0)
        return rc;
    if (f->head.kind == DW_FRAME_EVENTS && f->head.low_water_ns > a->own.low_water_ns)
        a->own.low_water_ns = f->head.low_water_ns;
    return take_events(a, f, known, mark, ret_marked, &fresh);
}

int dw_account_take(struct dw_account *a, const struct dw_decoded *f, const uint8_t *known, uint8_t *mark, bool *ret_marked)
{
    enum dw_link link;
    struct dw__epoch *e;
    bool fresh = false;
    *ret_marked = false;
    int rc = follow_chain(a, &f->head, &e, &link);
    if (rc < 0)
        return rc;
    a->is_copy = link == DW_LINK_COPY;
    if (e == &a->own)
        return take_own(a, f, known, !a->is_copy, mark, ret_marked);
    bool tombstone = f->head.flags & DW_HEAD_TOMBSTONE;
    a->announced = dw__agent_announced(a, &f->head);
    if (!a->is_copy)
        dw__epoch_goes_on(a, &f->head, e);
    if (tombstone && !a->is_copy)
        tell_tombstone(a, &f->head);
    else if (f->head.kind == DW_FRAME_RECORD && !a->is_copy)
        rc = dw__take_record(a, f, e);
    if (rc < 0)
        return rc;
    check_trust(a, &f->head, e);
    rc = take_events(a, f, known, mark, ret_marked, &fresh);
    if (a->is_copy)
        tell_copy(a, &f->head, e, fresh);
    else
        hear(a, e, &f->head);
    if (!a->is_copy)
        dw__agent_frame(a, f);
    return rc;
}

void dw_account_arrival(struct dw_account *a, uint64_t source, int64_t arrival_ns, int64_t heard_ns)
{
    a->source = source;
    a->arrival_ns = arrival_ns;
    a->heard_ns = heard_ns;
}

const struct dw_account_stream *dw_account_next(const struct dw_account *a, const struct dw_account_stream *s)
{
    const struct dw__ring *r = s ? DW_ITEM(s, const struct dw__stream, said)->sight.next : a->sight.next;
    return r == &a->sight ? NULL : &DW_ITEM(r, const struct dw__stream, sight)->said;
}

void dw_account_chain(const struct dw_account *a, struct dw_chain *ret)
{
    *ret = (struct dw_chain){.epoch.counter = 1};
    if (!a->own_begun)
        return;
    ret->next_number = a->own.chain.number + 1;
    memcpy(ret->previous, a->own.chain.hash, sizeof ret->previous);
}

void dw_account_fill_chain(const struct dw_account *a, struct dw_decoded *f, bool has_previous, struct dw_decoder *d)
{
    const struct dw__epoch *e = dw_is_collector(f->head.agent) ? (a->own_begun ? &a->own : NULL) : dw__epoch_find(a, &f->head);
    struct dw_head real;
    if (!has_previous && e)
        memcpy(f->head.previous, e->chain.hash, DW_SHA256_BYTES);
    dw_decoded_digest(d, f, &real);
    f->head = real;
}
