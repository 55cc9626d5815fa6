/*
 * coverage: which bytes of each stream have come.
 *
 * Idea: a stream's coverage is a list of ranges that is nearly always one; an event all of whose extents fall into it has come before, or
 * was declared as let go. Whether its bytes are the same is told by a table of the newest events' hashes.
 *
 * Invariants:
 *   (1) An event is marked, never dropped.
 *   (2) A bound never hides a loss: bytes that find no room in a list of ranges count as not come.
 *   (3) At the bound the stream that ended longest ago is forgotten, and only when none has ended one that is longest untouched.
 */
#include "account_int.h"

#include "dogwatch/base/counter.h"
#include "dogwatch/base/error.h"
#include "dogwatch/base/mem.h"

#include <inttypes.h>
#include <stdio.h>

/* ---- streams ---- */

static struct dw__stream *of_use(struct dw__ring *r)
{
    return DW_ITEM(r, struct dw__stream, use);
}

void dw__stream_forget(struct dw_account *a, struct dw__stream *s)
{
    dw_table_remove(&a->by_id, &s->node);
    dw__ring_leave(&s->sight);
    dw__ring_leave(&s->use);
    a->ranges -= s->range_cap;
    dw_free(s->said.host);
    dw_free(s->said.path);
    dw_free(s->range);
    dw_free(s);
}

void dw__streams_free(struct dw_account *a)
{
    while (a->live.next && a->live.next != &a->live)
        dw__stream_forget(a, of_use(a->live.next));
    while (a->ended.next && a->ended.next != &a->ended)
        dw__stream_forget(a, of_use(a->ended.next));
    dw_table_fini(&a->by_id);
}

static struct dw__stream *find_stream(const struct dw_account *a, const uint8_t *id, uint64_t hash)
{
    struct dw_node *n = dw_table_find(&a->by_id, hash);
    while (n && memcmp(DW_ITEM(n, struct dw__stream, node)->said.id, id, DW_ID_BYTES) != 0)
        n = dw_table_next(n);
    return n ? DW_ITEM(n, struct dw__stream, node) : NULL;
}

static uint64_t hash_of(const struct dw_account *a, const uint8_t *id)
{
    return dw_hash(a->hash_key, dw_str_make((const char *)id, DW_ID_BYTES));
}

struct dw__stream *dw__stream_find(const struct dw_account *a, const uint8_t *id)
{
    return find_stream(a, id, hash_of(a, id));
}

void dw__stream_room(struct dw_account *a)
{
    if (a->by_id.count < a->bounds.streams)
        return;
    dw__stream_forget(a, of_use(a->ended.next != &a->ended ? a->ended.next : a->live.next));
    DW_COUNT(account_streams_forgotten);
}

int dw__stream_of(struct dw_account *a, const uint8_t *id, struct dw__stream **ret)
{
    uint64_t hash = hash_of(a, id);
    struct dw__stream *s = find_stream(a, id, hash);
    if (!s) {
        dw__stream_room(a);
        s = dw_calloc(1, sizeof *s);
        if (!s)
            return DW_ENOMEM;
        memcpy(s->said.id, id, DW_ID_BYTES);
        s->serial = a->serials++;
        s->source = a->source;
        dw_table_add(&a->by_id, &s->node, hash);
        dw__ring_last(&a->sight, &s->sight);
    }
    if (!a->is_copy)
        s->source = a->source;
    dw__ring_last(s->said.ended ? &a->ended : &a->live, &s->use);
    *ret = s;
    return DW_OK;
}

void dw__stream_end(struct dw_account *a, struct dw__stream *s, bool ended)
{
    s->said.ended = ended;
    dw__ring_last(ended ? &a->ended : &a->live, &s->use);
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
    to->host = dw_strndup(host.ptr, host.len);
    to->path = dw_strndup(path.ptr, path.len);
    return to->host && to->path ? DW_OK : DW_ENOMEM;
}

/* ---- ranges ---- */

uint64_t dw__covered(const struct dw__stream *s, uint64_t start, uint64_t end)
{
    uint64_t sum = 0;
    for (uint32_t i = s->range_count; i-- > 0 && s->range[i].end > start;) {
        uint64_t from = s->range[i].start > start ? s->range[i].start : start;
        uint64_t to = s->range[i].end < end ? s->range[i].end : end;
        sum += to > from ? to - from : 0;
    }
    return sum;
}

/* Room for one more range; *ret_refused: the bound is reached. */
static int make_room(struct dw_account *a, struct dw__stream *s, bool *ret_refused)
{
    uint32_t cap = s->range_cap ? s->range_cap * 2 : 4;
    *ret_refused = false;
    if (s->range_count < s->range_cap)
        return DW_OK;
    if (a->ranges + (cap - s->range_cap) > a->bounds.ranges) {
        DW_COUNT(account_ranges_refused);
        *ret_refused = true;
        return DW_OK;
    }
    struct dw__range *grown = dw_resize(s->range, cap * sizeof *grown);
    if (!grown)
        return DW_ENOMEM;
    a->ranges += cap - s->range_cap;
    s->range = grown;
    s->range_cap = cap;
    return DW_OK;
}

int dw__cover(struct dw_account *a, struct dw__stream *s, uint64_t start, uint64_t end)
{
    uint32_t i = s->range_count;
    if (start >= end)
        return DW_OK;
    while (i > 0 && s->range[i - 1].start > start)
        i--;
    if (i > 0 && s->range[i - 1].end >= start) { /* the usual case: goes on where the last one ended */
        i--;
        if (s->range[i].end < end)
            s->range[i].end = end;
    } else {
        bool refused;
        int rc = make_room(a, s, &refused);
        if (rc < 0 || refused)
            return rc;
        memmove(&s->range[i + 1], &s->range[i], (s->range_count - i) * sizeof *s->range);
        s->range[i] = (struct dw__range){start, end};
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

/* ---- events ---- */

static struct dw__seen *seen_slot(struct dw_account *a, const struct dw__stream *s, uint64_t start)
{
    uint64_t mixed = start * UINT64_C(0x9e3779b97f4a7c15) + s->serial * UINT64_C(0xbf58476d1ce4e5b9);
    return &a->seen[mixed >> (64 - DW__SEEN_BITS)];
}

/* Whether all bytes of an event behind its first extent have come. */
static bool rest_covered(const struct dw_account *a, const struct dw_event *ev)
{
    bool covered = true;
    for (uint32_t i = 0; i < ev->more_count && covered; i++) {
        const struct dw_extent *e = &ev->more[i];
        const struct dw__stream *s = dw__stream_find(a, e->stream->id);
        covered = s && dw__covered(s, e->start, e->end) == e->end - e->start;
    }
    return covered;
}

static uint8_t judge(struct dw_account *a, const struct dw__stream *s, const struct dw_event *ev, uint64_t already, uint64_t hash)
{
    const struct dw__seen *seen = seen_slot(a, s, ev->start);
    if (already == 0)
        return DW_MARK_NONE;
    if (seen->stream == s->serial + 1 && seen->start == ev->start)
        return seen->end == ev->end && seen->hash == hash ? DW_MARK_DUPLICATE : DW_MARK_CONFLICT;
    if (already < ev->end - ev->start)
        return DW_MARK_CONFLICT;
    if (!rest_covered(a, ev)) /* what was let go, and was there after a kill, goes on in what nobody had */
        return DW_MARK_NONE;
    DW_COUNT(ingest_duplicates_unverified);
    return DW_MARK_DUPLICATE;
}

static void tell_conflict(struct dw_account *a, const struct dw_head *h, const struct dw_event *ev)
{
    char id[DW_EVENT_ID_TEXT];
    dw_event_id_text(ev, id);
    dw__tell(a, DW_PROBLEM_CONFLICT, h, id, "event %s (bytes %" PRIu64 "-%" PRIu64 ") came before with other content", id,
        ev->start, ev->end);
}

bool dw_account_is_heard(const struct dw_account *a, const uint8_t stream[DW_ID_BYTES], int64_t time_ns)
{
    const struct dw__stream *s = dw__stream_find(a, stream);
    return s && dw__agent_low_water(a, s->agent) >= time_ns;
}

static int take_more(struct dw_account *a, const struct dw_extent *e)
{
    struct dw__stream *s;
    int rc = dw__stream_of(a, e->stream->id, &s);
    if (rc < 0)
        return rc;
    uint64_t already = dw__covered(s, e->start, e->end);
    s->said.duplicate += already;
    s->said.archived += e->end - e->start - already;
    return dw__cover(a, s, e->start, e->end);
}

int dw__take_event(struct dw_account *a, const struct dw_head *h, const struct dw_event *ev, const uint8_t *known, uint8_t *ret_mark)
{
    struct dw__stream *s;
    int rc = dw__stream_of(a, ev->stream->id, &s);
    if (rc == DW_OK)
        rc = describe(&s->said, ev->stream);
    if (rc < 0)
        return rc;
    memcpy(s->agent, h->agent, sizeof s->agent);
    uint64_t hash = dw_hash(a->hash_key, ev->line), already = dw__covered(s, ev->start, ev->end);
    *ret_mark = known ? *known : judge(a, s, ev, already, hash);
    if (*ret_mark == DW_MARK_CONFLICT)
        tell_conflict(a, h, ev);
    else
        *seen_slot(a, s, ev->start) =
            (struct dw__seen){.stream = s->serial + 1, .start = ev->start, .end = ev->end, .hash = hash};
    DW_COUNT_IF(*ret_mark == DW_MARK_DUPLICATE, ingest_duplicates);
    s->said.duplicate += already;
    s->said.archived += ev->end - ev->start - already;
    s->said.events += *ret_mark != DW_MARK_DUPLICATE;
    rc = dw__cover(a, s, ev->start, ev->end);
    for (uint32_t i = 0; i < ev->more_count && rc == DW_OK; i++)
        rc = take_more(a, &ev->more[i]);
    return rc;
}

/* ---- gaps ---- */

uint64_t dw__handed_over(const struct dw_account_stream *s)
{
    return s->pending < s->read ? s->read - s->pending : 0;
}

void dw__check_gaps(struct dw_account *a, const struct dw_head *h, struct dw__stream *s)
{
    uint64_t low = dw__handed_over(&s->said), at = 0, gap = 0;
    char hex[2 * DW_ID_BYTES + 1];
    dw_hex(s->said.id, DW_ID_BYTES, hex);
    for (uint32_t i = 0; i <= s->range_count && at < low; i++) {
        uint64_t start = i < s->range_count && s->range[i].start < low ? s->range[i].start : low;
        if (start > at) {
            char cause[DW__CAUSE_CAP];
            const char *name = s->said.path && *s->said.path ? s->said.path : hex;
            gap += start - at;
            (void)snprintf(cause, sizeof cause, "%s:%" PRIu64, hex, at);
            if (at >= s->gap_told)
                dw__tell(a, DW_PROBLEM_GAP, h, cause,
                    "%s: bytes %" PRIu64 "-%" PRIu64 " were read by the agent and are not here", name, at, start);
            if (start > s->gap_told)
                s->gap_told = start;
        }
        at = i < s->range_count ? s->range[i].end : low;
    }
    s->said.gap = gap;
}
