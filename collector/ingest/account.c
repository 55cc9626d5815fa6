/*
 * account: chains of frames and coverage of bytes.
 *
 * Idea: a stream's coverage is a list of ranges that is nearly always one; an event that falls into it has come before. Whether its
 * bytes are the same is told by a table of the newest events' hashes.
 *
 * Invariants:
 *   (1) The same frames in the same order make the same account and the same problems.
 *   (2) An event is marked, never dropped.
 *   (3) A gap is judged only by what an agent says about frames before its record, so no timer is needed.
 */
#include "dogwatch/collect/account.h"

#include "dogwatch/base/counter.h"
#include "dogwatch/base/error.h"
#include "dogwatch/base/hash.h"
#include "dogwatch/base/mem.h"
#include "dogwatch/event/json_read.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

enum { SEEN_SLOTS = 1 << 18, PROBLEM_TEXT = 400 };

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

/* An event that came lately, by (stream, start). */
struct seen {
    uint32_t stream; /* index + 1; 0: free */
    uint64_t start, end, hash;
};

struct epoch_state {
    uint8_t agent[DW_AGENT_ID_BYTES];
    struct dw_epoch epoch;
    bool opened, closed, told_headless;
    int64_t low_water_ns;
};

struct dw_account {
    void (*problem)(void *arg, const struct dw_problem *p);
    void *arg;
    struct dw_chains *chains;
    struct dw_keyring *keys;
    struct dw_account_stream *stream;
    uint32_t stream_count, stream_cap;
    uint32_t *slot; /* index + 1, by id */
    uint32_t slot_count;
    struct seen *seen;
    struct epoch_state *epoch;
    uint32_t epoch_count, epoch_cap;
    struct dw_hash_key hash_key; /* fixed: hashes never leave the process, but order must not depend on it either */
};

struct dw_account *dw_account_new(void (*problem)(void *arg, const struct dw_problem *p), void *arg)
{
    struct dw_account *a = dw_calloc(1, sizeof *a);
    if (!a)
        return NULL;
    a->problem = problem;
    a->arg = arg;
    a->chains = dw_chains_new();
    a->keys = dw_keyring_new();
    a->slot_count = 1024;
    a->slot = dw_calloc(a->slot_count, sizeof *a->slot);
    a->seen = dw_calloc(SEEN_SLOTS, sizeof *a->seen);
    a->hash_key = dw_hash_process_key();
    if (!a->chains || !a->keys || !a->slot || !a->seen) {
        dw_account_free(a);
        return NULL;
    }
    return a;
}

void dw_account_free(struct dw_account *a)
{
    if (!a)
        return;
    for (uint32_t i = 0; i < a->stream_count; i++) {
        dw_free(a->stream[i].host);
        dw_free(a->stream[i].path);
        dw_free(a->stream[i].range);
    }
    dw_chains_free(a->chains);
    dw_keyring_free(a->keys);
    dw_free(a->stream);
    dw_free(a->slot);
    dw_free(a->seen);
    dw_free(a->epoch);
    dw_free(a);
}

static void tell(struct dw_account *a, enum dw_problem_kind kind, const struct dw_head *h, const char *cause,
    const char *fmt, ...) DW_PRINTF(5, 6);

static void tell(struct dw_account *a, enum dw_problem_kind kind, const struct dw_head *h, const char *cause,
    const char *fmt, ...)
{
    char text[PROBLEM_TEXT];
    va_list args;
    va_start(args, fmt);
    (void)vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    if (!a->problem)
        return;
    struct dw_problem p = {.kind = kind, .time_ns = h ? h->time_max_ns : 0, .agent = h ? h->agent : NULL,
        .epoch = h ? h->epoch.counter : 0, .number = h ? h->number : 0, .cause = cause, .text = text};
    a->problem(a->arg, &p);
}

static const char *frame_cause(char out[128], const struct dw_head *h)
{
    char hex[2 * DW_AGENT_ID_BYTES + 1];
    dw_hex(h->agent, DW_AGENT_ID_BYTES, hex);
    (void)snprintf(out, 128, "%s:%" PRIu64 ":%" PRIu64, hex, h->epoch.counter, h->number);
    return out;
}

/* ---- streams ---- */

static uint64_t id_hash(const uint8_t *id)
{
    uint64_t h;
    memcpy(&h, id, sizeof h); /* an id is a hash already */
    return h;
}

static uint32_t *find_slot(struct dw_account *a, const uint8_t *id)
{
    uint32_t at = (uint32_t)id_hash(id) & (a->slot_count - 1);
    while (a->slot[at] && memcmp(a->stream[a->slot[at] - 1].id, id, DW_ID_BYTES) != 0)
        at = (at + 1) & (a->slot_count - 1);
    return &a->slot[at];
}

static int grow_streams(struct dw_account *a)
{
    if (a->stream_count == a->stream_cap) {
        uint32_t cap = a->stream_cap ? a->stream_cap * 2 : 64;
        struct dw_account_stream *grown = dw_resize(a->stream, cap * sizeof *grown);
        if (!grown)
            return DW_ENOMEM;
        a->stream = grown;
        a->stream_cap = cap;
    }
    if (a->stream_count * 2 < a->slot_count)
        return DW_OK;
    uint32_t *slot = dw_calloc((size_t)a->slot_count * 2, sizeof *slot);
    if (!slot)
        return DW_ENOMEM;
    dw_free(a->slot);
    a->slot = slot;
    a->slot_count *= 2;
    for (uint32_t i = 0; i < a->stream_count; i++)
        *find_slot(a, a->stream[i].id) = i + 1;
    return DW_OK;
}

static int stream_of(struct dw_account *a, const uint8_t *id, uint32_t *ret)
{
    uint32_t *slot = find_slot(a, id);
    if (!*slot) {
        int rc = grow_streams(a);
        if (rc < 0)
            return rc;
        struct dw_account_stream *s = &a->stream[a->stream_count];
        *s = (struct dw_account_stream){0};
        memcpy(s->id, id, DW_ID_BYTES);
        slot = find_slot(a, id);
        *slot = ++a->stream_count;
    }
    *ret = *slot - 1;
    return DW_OK;
}

static struct dw_str field_text(const struct dw_stream *s, uint32_t key)
{
    for (uint32_t i = 0; i < s->field_count; i++)
        if (s->field[i].key == key)
            return dw_field_str(&s->field[i]);
    return DW_STR_NONE;
}

static int describe(struct dw_account_stream *to, const struct dw_stream *s)
{
    if (to->path)
        return DW_OK;
    struct dw_str host = field_text(s, DW_F_host_name), path = field_text(s, DW_F_log_file_path);
    memcpy(to->series, s->series, DW_ID_BYTES);
    to->ordinal = s->ordinal;
    to->host = dw_strndup(host.ptr, host.len);
    to->path = dw_strndup(path.ptr, path.len);
    return to->host && to->path ? DW_OK : DW_ENOMEM;
}

/* ---- coverage ---- */

/* How many bytes of [start, end) are covered. */
static uint64_t covered(const struct dw_account_stream *s, uint64_t start, uint64_t end)
{
    uint64_t sum = 0;
    for (uint32_t i = s->range_count; i-- > 0 && s->range[i].end > start;) {
        uint64_t from = s->range[i].start > start ? s->range[i].start : start;
        uint64_t to = s->range[i].end < end ? s->range[i].end : end;
        sum += to > from ? to - from : 0;
    }
    return sum;
}

static int cover(struct dw_account_stream *s, uint64_t start, uint64_t end)
{
    uint32_t i = s->range_count;
    if (start == end)
        return DW_OK;
    while (i > 0 && s->range[i - 1].start > start)
        i--;
    if (i > 0 && s->range[i - 1].end >= start) { /* the usual case: goes on where the last one ended */
        i--;
        if (s->range[i].end < end)
            s->range[i].end = end;
    } else {
        if (s->range_count == s->range_cap) {
            uint32_t cap = s->range_cap ? s->range_cap * 2 : 4;
            struct dw_extent_range *grown = dw_resize(s->range, cap * sizeof *grown);
            if (!grown)
                return DW_ENOMEM;
            s->range = grown;
            s->range_cap = cap;
        }
        memmove(&s->range[i + 1], &s->range[i], (s->range_count - i) * sizeof *s->range);
        s->range[i] = (struct dw_extent_range){start, end};
        s->range_count++;
    }
    uint32_t next = i + 1;
    while (next < s->range_count && s->range[next].start <= s->range[i].end) {
        if (s->range[next].end > s->range[i].end)
            s->range[i].end = s->range[next].end;
        next++;
    }
    memmove(&s->range[i + 1], &s->range[next], (s->range_count - next) * sizeof *s->range);
    s->range_count -= next - i - 1;
    return DW_OK;
}

static uint8_t judge(struct dw_account *a, uint32_t stream, const struct dw_event *ev, uint64_t already, uint64_t hash)
{
    const struct seen *s = &a->seen[(ev->start * UINT64_C(0x9e3779b97f4a7c15) + stream * UINT64_C(0xbf58476d1ce4e5b9)) >> 46];
    uint64_t bytes = ev->end - ev->start;
    if (already == 0)
        return DW_MARK_NONE;
    if (s->stream == stream + 1 && s->start == ev->start)
        return s->end == ev->end && s->hash == hash ? DW_MARK_DUPLICATE : DW_MARK_CONFLICT;
    if (already < bytes)
        return DW_MARK_CONFLICT;
    DW_COUNT(ingest_duplicates_unverified);
    return DW_MARK_DUPLICATE;
}

static void remember(struct dw_account *a, uint32_t stream, const struct dw_event *ev, uint64_t hash)
{
    struct seen *s = &a->seen[(ev->start * UINT64_C(0x9e3779b97f4a7c15) + stream * UINT64_C(0xbf58476d1ce4e5b9)) >> 46];
    *s = (struct seen){.stream = stream + 1, .start = ev->start, .end = ev->end, .hash = hash};
}

static void tell_conflict(struct dw_account *a, const struct dw_head *h, const struct dw_event *ev)
{
    char id[DW_EVENT_ID_TEXT];
    dw_event_id_text(ev, id);
    tell(a, DW_PROBLEM_CONFLICT, h, id, "event %s (bytes %" PRIu64 "-%" PRIu64 ") came before with other content", id,
        ev->start, ev->end);
}

static int take_event(struct dw_account *a, const struct dw_head *h, const struct dw_event *ev, const uint8_t *known,
    uint8_t *ret_mark)
{
    uint32_t index;
    int rc = stream_of(a, ev->stream->id, &index);
    if (rc == DW_OK)
        rc = describe(&a->stream[index], ev->stream);
    if (rc < 0)
        return rc;
    struct dw_account_stream *s = &a->stream[index];
    uint64_t hash = dw_hash(a->hash_key, ev->line), already = covered(s, ev->start, ev->end);
    uint64_t bytes = ev->end - ev->start;
    *ret_mark = known ? *known : judge(a, index, ev, already, hash);
    if (*ret_mark == DW_MARK_CONFLICT)
        tell_conflict(a, h, ev);
    else
        remember(a, index, ev, hash);
    DW_COUNT_IF(*ret_mark == DW_MARK_DUPLICATE, ingest_duplicates);
    s->duplicate += already;
    s->archived += bytes - already;
    s->events += *ret_mark != DW_MARK_DUPLICATE;
    rc = cover(s, ev->start, ev->end);
    for (uint32_t i = 0; i < ev->more_count && rc == DW_OK; i++) {
        const struct dw_extent *e = &ev->more[i];
        uint32_t other;
        rc = stream_of(a, e->stream->id, &other);
        if (rc < 0)
            return rc;
        already = covered(&a->stream[other], e->start, e->end);
        a->stream[other].duplicate += already;
        a->stream[other].archived += e->end - e->start - already;
        rc = cover(&a->stream[other], e->start, e->end);
    }
    return rc;
}

/* ---- gaps ---- */

/* What the agent handed over, by its own word: never more than it read, whatever it says is pending. */
static uint64_t handed_over(const struct dw_account_stream *s)
{
    return s->pending < s->read ? s->read - s->pending : 0;
}

static void check_gaps(struct dw_account *a, const struct dw_head *h, struct dw_account_stream *s)
{
    uint64_t low = handed_over(s), at = 0, gap = 0;
    char hex[2 * DW_ID_BYTES + 1];
    dw_hex(s->id, DW_ID_BYTES, hex);
    for (uint32_t i = 0; i <= s->range_count && at < low; i++) {
        uint64_t start = i < s->range_count && s->range[i].start < low ? s->range[i].start : low;
        if (start > at) {
            char cause[128];
            gap += start - at;
            (void)snprintf(cause, sizeof cause, "%s:%" PRIu64, hex, at);
            if (at >= s->gap_told)
                tell(a, DW_PROBLEM_GAP, h, cause, "%s: bytes %" PRIu64 "-%" PRIu64 " were read by the agent and are not here",
                    s->path && *s->path ? s->path : hex, at, start);
            s->gap_told = start;
        }
        at = i < s->range_count ? s->range[i].end : low;
    }
    s->gap = gap;
}

/* ---- records ---- */

/* The members of a record that the account looks at, at any depth but in order. */
struct record {
    struct dw_str type, id, state, reason, host, parent_hash, path;
    uint64_t start, end, size, read, pending, parent_epoch, parent_number;
    bool has_parent;
};

static void take_member(struct record *r, struct dw_str name, const struct dw_json_token *v, bool in_parent)
{
    static const struct {
        struct dw_str name;
        size_t offset;
        bool text;
    } members[] = {
#define M(n, text) {{#n, sizeof #n - 1}, offsetof(struct record, n), text}
        M(type, true), M(id, true), M(state, true), M(reason, true), M(host, true), M(path, true), M(start, false),
        M(end, false), M(size, false), M(read, false), M(pending, false)
#undef M
    };
    uint64_t n = 0;
    if (in_parent) {
        r->has_parent = true;
        if (dw_str_eq(name, DW_STR("hash")))
            r->parent_hash = v->text;
        else if (dw_str_eq(name, DW_STR("epoch")) && dw_str_u64(v->text, &n))
            r->parent_epoch = n;
        else if (dw_str_eq(name, DW_STR("number")) && dw_str_u64(v->text, &n))
            r->parent_number = n;
        return;
    }
    for (size_t i = 0; i < DW_COUNT_OF(members); i++) {
        if (!dw_str_eq(name, members[i].name))
            continue;
        if (members[i].text && v->type == DW_JSON_STRING)
            *(struct dw_str *)(void *)((char *)r + members[i].offset) = v->text;
        else if (!members[i].text && v->type == DW_JSON_NUMBER && dw_str_u64(v->text, &n))
            *(uint64_t *)(void *)((char *)r + members[i].offset) = n;
    }
}

static int take_stream_line(struct dw_account *a, const struct dw_head *h, const struct record *r)
{
    uint8_t id[DW_ID_BYTES];
    uint32_t index;
    if (!dw_unhex(r->id, id, sizeof id))
        return DW_OK;
    int rc = stream_of(a, id, &index);
    if (rc < 0)
        return rc;
    struct dw_account_stream *s = &a->stream[index];
    if (dw_str_eq(r->type, DW_STR("declare"))) {
        uint64_t already = covered(s, r->start, r->end);
        if (r->end <= r->start)
            return DW_OK;
        s->declared += r->end - r->start - already;
        return cover(s, r->start, r->end);
    }
    if (dw_str_eq(r->type, DW_STR("epoch.close"))) {
        if (r->end > handed_over(s)) {
            s->read = r->end;
            s->pending = 0;
        }
    } else {
        s->read = r->read;
        s->pending = r->pending;
        s->ended = s->lost = false; /* it may go on after its end */
    }
    if (dw_str_eq(r->type, DW_STR("stream.end"))) {
        s->ended = true;
        s->lost = dw_str_eq(r->state, DW_STR("lost"));
        char hex[2 * DW_ID_BYTES + 1];
        dw_hex(s->id, DW_ID_BYTES, hex);
        if (s->lost)
            tell(a, DW_PROBLEM_LOST, h, hex, "%s: bytes from %" PRIu64 " on are lost, how many is unknown",
                s->path ? s->path : "a stream", s->read);
    }
    check_gaps(a, h, s);
    return DW_OK;
}

static int read_record(struct dw_account *a, const struct dw_head *h, struct dw_str json, struct record *r)
{
    struct dw_json j;
    struct dw_json_token t, key = {.type = DW_JSON_NULL};
    uint32_t parent_depth = 0;
    dw_json_start(&j, json);
    for (int rc = dw_json_next(&j, &t); rc == DW_OK && t.type != DW_JSON_END; rc = dw_json_next(&j, &t)) {
        bool named = key.type == DW_JSON_KEY;
        if (t.type == DW_JSON_OBJECT && named && dw_str_eq(key.text, DW_STR("parent")))
            parent_depth = j.depth;
        if (t.type == DW_JSON_OBJECT_END && j.depth < parent_depth)
            parent_depth = 0;
        if (named && t.type != DW_JSON_OBJECT && t.type != DW_JSON_ARRAY)
            take_member(r, key.text, &t, parent_depth && j.depth >= parent_depth);
        if (t.type == DW_JSON_OBJECT_END && j.depth == 2 && r->id.len) { /* one of `streams` */
            int taken = take_stream_line(a, h, r);
            if (taken < 0)
                return taken;
            r->id = r->path = DW_STR_NONE;
            r->read = r->pending = r->end = 0;
        }
        key = t;
    }
    return DW_OK;
}

/* The state of a frame's epoch; NULL when it was never seen. */
static struct epoch_state *find_epoch(const struct dw_account *a, const struct dw_head *h)
{
    for (uint32_t i = a->epoch_count; i-- > 0;) {
        struct epoch_state *e = &a->epoch[i];
        if (e->epoch.counter == h->epoch.counter && memcmp(e->agent, h->agent, sizeof e->agent) == 0
            && memcmp(e->epoch.nonce, h->epoch.nonce, sizeof e->epoch.nonce) == 0)
            return e;
    }
    return NULL;
}

static int state_of(struct dw_account *a, const struct dw_head *h, struct epoch_state **ret)
{
    *ret = find_epoch(a, h);
    if (*ret)
        return DW_OK;
    if (a->epoch_count == a->epoch_cap) {
        uint32_t cap = a->epoch_cap ? a->epoch_cap * 2 : 16;
        struct epoch_state *grown = dw_resize(a->epoch, cap * sizeof *grown);
        if (!grown)
            return DW_ENOMEM;
        a->epoch = grown;
        a->epoch_cap = cap;
    }
    struct epoch_state *e = &a->epoch[a->epoch_count++];
    *e = (struct epoch_state){.epoch = h->epoch, .low_water_ns = INT64_MIN};
    memcpy(e->agent, h->agent, sizeof e->agent);
    *ret = e;
    return DW_OK;
}

/* A new epoch names the last durable frame of the one before: it must be here, and the old epoch is over. */
static void check_parent(struct dw_account *a, const struct dw_head *h, const struct record *r)
{
    char cause[128];
    for (uint32_t i = 0; i < a->epoch_count; i++) {
        struct epoch_state *e = &a->epoch[i];
        if (memcmp(e->agent, h->agent, sizeof e->agent) == 0 && e->epoch.counter < h->epoch.counter)
            e->closed = true;
        if (memcmp(e->agent, h->agent, sizeof e->agent) == 0 && e->epoch.counter == h->epoch.counter
            && memcmp(e->epoch.nonce, h->epoch.nonce, sizeof e->epoch.nonce) != 0)
            tell(a, DW_PROBLEM_ROLLED_BACK, h, frame_cause(cause, h), "two epochs of this agent have the number %" PRIu64,
                h->epoch.counter);
    }
    if (!r->has_parent)
        return;
    for (uint32_t i = 0; i < dw_chains_count(a->chains); i++) {
        const struct dw_chain_head *k = dw_chains_at(a->chains, i);
        if (memcmp(k->agent, h->agent, sizeof k->agent) != 0 || k->epoch.counter != r->parent_epoch)
            continue;
        if (k->number < r->parent_number)
            tell(a, DW_PROBLEM_TAIL_MISSING, h, frame_cause(cause, h),
                "epoch %" PRIu64 ": frames %" PRIu64 " to %" PRIu64 " were durable and are not here", r->parent_epoch,
                k->number + 1, r->parent_number);
        return;
    }
}

static int take_record(struct dw_account *a, const struct dw_decoded *f, struct epoch_state *e)
{
    const struct dw_head *h = &f->head;
    struct record r = {0};
    char cause[128];
    bool opens = dw_str_find(f->record, DW_STR("\"type\":\"epoch.open\"")) < f->record.len;
    if (opens && dw_keyring_learn(a->keys, h->agent, f->record) == DW_ESIGNATURE)
        tell(a, DW_PROBLEM_FOREIGN_KEY, h, frame_cause(cause, h), "the opening record names a key that is not the agent's");
    int rc = read_record(a, h, f->record, &r);
    if (rc < 0)
        return rc;
    if (opens) {
        e->opened = h->number == 0 && h->flags & DW_HEAD_SIGNED && dw_keyring_check(a->keys, h) == DW_OK;
        check_parent(a, h, &r);
    } else if (dw_str_eq(r.type, DW_STR("epoch.close"))) {
        e->closed = true;
    } else if (r.id.len) {
        rc = take_stream_line(a, h, &r);
    }
    return rc;
}

/* ---- frames ---- */

static int check_chain(struct dw_account *a, const struct dw_head *h, enum dw_link *ret)
{
    char cause[128];
    uint64_t missing;
    int rc = dw_chains_take(a->chains, h, ret, &missing);
    if (rc < 0)
        return rc;
    frame_cause(cause, h);
    if (*ret == DW_LINK_HOLE)
        tell(a, DW_PROBLEM_HOLE, h, cause, "%" PRIu64 " frames before frame %" PRIu64 " of epoch %" PRIu64 " did not come",
            missing, h->number, h->epoch.counter);
    else if (*ret == DW_LINK_MIDDLE)
        tell(a, DW_PROBLEM_HOLE, h, cause, "epoch %" PRIu64 " begins here with frame %" PRIu64, h->epoch.counter, h->number);
    else if (*ret == DW_LINK_BROKEN)
        tell(a, DW_PROBLEM_BROKEN, h, cause, "frame %" PRIu64 " of epoch %" PRIu64 " does not follow the one before it",
            h->number, h->epoch.counter);
    else if (*ret == DW_LINK_FORK)
        tell(a, DW_PROBLEM_FORK, h, cause, "frame %" PRIu64 " of epoch %" PRIu64 " came twice with different content",
            h->number, h->epoch.counter);
    return DW_OK;
}

static void check_trust(struct dw_account *a, const struct dw_head *h, struct epoch_state *e)
{
    char cause[128];
    frame_cause(cause, h);
    if (h->flags & DW_HEAD_SIGNED && dw_keyring_check(a->keys, h) == DW_ESIGNATURE)
        tell(a, DW_PROBLEM_SIGNATURE, h, cause, "the signature of frame %" PRIu64 " of epoch %" PRIu64 " does not hold",
            h->number, h->epoch.counter);
    if (!e->opened && !e->told_headless) {
        e->told_headless = true;
        tell(a, DW_PROBLEM_HEADLESS, h, cause, "epoch %" PRIu64 " was not opened by a signed record", h->epoch.counter);
    }
}

int dw_account_take(struct dw_account *a, const struct dw_decoded *f, const uint8_t *known, uint8_t *mark, bool *ret_marked)
{
    enum dw_link link;
    struct epoch_state *e;
    char cause[128];
    uint32_t fresh = 0;
    *ret_marked = false;
    int rc = check_chain(a, &f->head, &link);
    if (rc == DW_OK)
        rc = state_of(a, &f->head, &e);
    if (rc == DW_OK && f->head.kind == DW_FRAME_RECORD && link != DW_LINK_COPY)
        rc = take_record(a, f, e);
    if (rc < 0)
        return rc;
    check_trust(a, &f->head, e);
    for (uint32_t i = 0; i < f->event_count && rc == DW_OK; i++) {
        rc = take_event(a, &f->head, &f->event[i], known ? &known[i] : NULL, &mark[i]);
        *ret_marked |= mark[i] != DW_MARK_NONE;
        fresh += mark[i] == DW_MARK_NONE;
    }
    if (link == DW_LINK_COPY && (fresh || f->head.kind == DW_FRAME_RECORD))
        tell(a, DW_PROBLEM_REORDERED, &f->head, frame_cause(cause, &f->head), "frame %" PRIu64 " came after frame %" PRIu64,
            f->head.number, dw_chains_find(a->chains, &f->head)->number);
    else if (link == DW_LINK_COPY)
        tell(a, DW_PROBLEM_REPLAYED, &f->head, frame_cause(cause, &f->head), "frame %" PRIu64 " came again", f->head.number);
    if (f->head.low_water_ns > e->low_water_ns)
        e->low_water_ns = f->head.low_water_ns;
    return rc;
}

void dw_account_reject(struct dw_account *a, enum dw_problem_kind kind, const struct dw_head *head, uint64_t source,
    uint64_t offset, size_t len, int64_t now_ns)
{
    char cause[128];
    struct dw_head h = head ? *head : (struct dw_head){0};
    h.time_max_ns = now_ns;
    (void)snprintf(cause, sizeof cause, "%" PRIu64 ":%" PRIu64, source, offset);
    tell(a, kind, &h, cause, "%zu bytes at %" PRIu64 " of queue file %" PRIu64 " were set aside", len, offset, source);
}

void dw_account_finish(struct dw_account *a)
{
    for (uint32_t i = 0; i < a->stream_count; i++)
        check_gaps(a, NULL, &a->stream[i]);
}

uint32_t dw_account_count(const struct dw_account *a)
{
    return a->stream_count;
}

const struct dw_account_stream *dw_account_at(const struct dw_account *a, uint32_t i)
{
    DW_ASSERT(i < a->stream_count);
    return &a->stream[i];
}

bool dw_account_all_closed(const struct dw_account *a)
{
    bool any = false;
    for (uint32_t i = 0; i < a->epoch_count; i++) {
        any |= a->epoch[i].closed;
        if (a->epoch[i].opened && !a->epoch[i].closed)
            return false; /* one that nobody opened is named, and not waited for: anybody can write its frames */
    }
    return any;
}

int64_t dw_account_low_water(const struct dw_account *a)
{
    int64_t low = INT64_MAX;
    for (uint32_t i = 0; i < a->epoch_count; i++)
        if (a->epoch[i].opened && !a->epoch[i].closed && a->epoch[i].low_water_ns < low)
            low = a->epoch[i].low_water_ns;
    return low;
}

int64_t dw_account_stated_low_water(const struct dw_account *a, const struct dw_head *head)
{
    const struct epoch_state *e = find_epoch(a, head);
    return e ? e->low_water_ns : INT64_MIN;
}

void dw_account_fill_chain(const struct dw_account *a, struct dw_decoded *f, bool has_previous, struct dw_decoder *d)
{
    const struct dw_chain_head *before = dw_chains_find(a->chains, &f->head);
    struct dw_head real;
    if (!has_previous && before)
        memcpy(f->head.previous, before->hash, DW_SHA256_BYTES);
    if (f->head.flags & DW_HEAD_TOMBSTONE)
        return;
    dw_decoded_digest(d, f, &real);
    f->head = real;
}
