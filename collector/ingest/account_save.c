/*
 * account_save: an account as bytes and back, and single things of it, which parts are made of too (account_part.c).
 *
 *     state's beginning  chain heads  keys                       as include/dogwatch/store/archive.h has them
 *     byte 1  byte flags  own low water
 *     epochs, in the order of the heads  agents  streams         each a varint count first
 *
 * Behind each epoch, agent and stream stands a varint, the source by which it came; in version 1 none did, and sources are 0. Epochs and streams are written in the order in which they would be forgotten; when they were opened, or first seen, stands beside.
 *
 * Invariants:
 *   (1) An account that was loaded says of all frames to come what the one that was saved would have said, but that an event which comes again is
 *       compared only with those that came since, and that agents are agreed to as they are now, by whatever list there is.
 *   (2) Equal accounts give equal bytes.
 *   (3) Every number read back is checked against what it may be; nothing is trusted because it is ours.
 */
#include "account_int.h"

#include "dogwatch/base/error.h"
#include "dogwatch/base/mem.h"

#include <stdio.h>
#include <stdlib.h>

enum { VERSION = 2, VERSION_WITHOUT_SOURCES = 1 };
enum { OWN_BEGUN = 1, ANY_ENDED = 2, LISTED = 4 };
enum { OPENED = 1, CLOSED = 2, IDLE = 4, TOLD_HEADLESS = 8, OWES = 16 };
enum { ENDED = 1, LOST = 2, DESCRIBED = 4 };
enum { NAMED = 1, SPOOLED = 2 };

/* ---- saving ---- */

static void put_time(struct dw_buf *out, int64_t ns)
{
    dw_buf_u64(out, (uint64_t)ns);
}

static struct dw__epoch *epoch_of(const struct dw__ring *r)
{
    return DW_ITEM(r, struct dw__epoch, use);
}

static void put_heads(const struct dw_account *a, struct dw_buf *out)
{
    dw_buf_varint(out, a->by_epoch.count + (a->own_begun ? 1 : 0));
    if (a->own_begun)
        dw_chain_head_put(&a->own.chain, out);
    for (const struct dw__ring *r = a->use.next; r != &a->use; r = r->next)
        dw_chain_head_put(&epoch_of(r)->chain, out);
}

void dw__epoch_put(const struct dw__epoch *e, struct dw_buf *out)
{
    dw_buf_byte(out, (uint8_t)((e->opened ? OPENED : 0) | (e->closed ? CLOSED : 0) | (e->idle ? IDLE : 0) | (e->told_headless ? TOLD_HEADLESS : 0)
        | (e->owes ? OWES : 0)));
    dw_buf_varint(out, e->open.next ? e->opening : 0);
    put_time(out, e->low_water_ns);
    put_time(out, e->arrival_ns);
    dw_buf_counted(out, dw_str_of(e->host));
    if (!e->owes)
        return;
    dw_buf_byte(out, (uint8_t)((e->parent.named ? NAMED : 0) | (e->parent.spooled ? SPOOLED : 0)));
    dw_buf_varint(out, e->parent.epoch);
    dw_buf_varint(out, e->parent.number);
    dw_buf_add(out, e->parent.hash, sizeof e->parent.hash);
    dw_buf_varint(out, e->parent.spool_epoch);
    dw_buf_varint(out, e->parent.spool_number);
}

void dw__agent_put(const struct dw__agent *g, struct dw_buf *out)
{
    dw_buf_add(out, g->said.id, sizeof g->said.id);
    dw_buf_counted(out, dw_str_of(g->said.host));
    dw_buf_byte(out, (uint8_t)g->said.state);
    dw_buf_byte(out, g->decided);
    dw_buf_varint(out, g->said.epochs);
    dw_buf_varint(out, g->said.frames);
    dw_buf_varint(out, g->said.events);
    dw_buf_varint(out, g->said.spool_bytes);
    put_time(out, g->said.first_ns);
    put_time(out, g->said.last_ns);
    dw_buf_varint(out, g->newest);
    dw_buf_byte(out, g->from_spool);
    dw_buf_varint(out, g->spool_epoch);
    dw_buf_varint(out, g->spool_number);
}

void dw__stream_put(const struct dw__stream *s, struct dw_buf *out)
{
    const struct dw_account_stream *said = &s->said;
    dw_buf_add(out, said->id, sizeof said->id);
    dw_buf_varint(out, s->serial);
    dw_buf_add(out, s->agent, sizeof s->agent);
    dw_buf_byte(out, (uint8_t)((said->ended ? ENDED : 0) | (said->lost ? LOST : 0) | (said->path ? DESCRIBED : 0)));
    if (said->path) {
        dw_buf_counted(out, dw_str_of(said->host));
        dw_buf_counted(out, dw_str_of(said->path));
    }
    const uint64_t numbers[] = {said->read, said->pending, said->archived, said->declared, said->duplicate, said->gap, said->events, s->gap_told};
    for (size_t i = 0; i < DW_COUNT_OF(numbers); i++)
        dw_buf_varint(out, numbers[i]);
}

void dw__ranges_put(const struct dw__stream *s, struct dw_buf *out)
{
    uint64_t at = 0;
    dw_buf_varint(out, s->range_count);
    for (uint32_t i = 0; i < s->range_count; i++) {
        dw_buf_varint(out, s->range[i].start - at);
        dw_buf_varint(out, s->range[i].end - s->range[i].start);
        at = s->range[i].end;
    }
}

static void put_streams(const struct dw__ring *use, struct dw_buf *out)
{
    for (const struct dw__ring *r = use->next; r != use; r = r->next) {
        const struct dw__stream *s = DW_ITEM(r, struct dw__stream, use);
        dw__stream_put(s, out);
        dw_buf_varint(out, s->range_cap);
        dw__ranges_put(s, out);
        dw_buf_varint(out, s->source);
    }
}

void dw_account_save(const struct dw_account *a, struct dw_buf *out)
{
    dw_state_begin(out);
    put_heads(a, out);
    dw_keyring_save(a->keys, out);
    dw_buf_byte(out, VERSION);
    dw_buf_byte(out, (uint8_t)((a->own_begun ? OWN_BEGUN : 0) | (a->any_ended ? ANY_ENDED : 0) | (a->listed ? LISTED : 0)));
    put_time(out, a->own.low_water_ns);
    dw_buf_varint(out, a->by_epoch.count);
    for (const struct dw__ring *r = a->use.next; r != &a->use; r = r->next) {
        dw__epoch_put(epoch_of(r), out);
        dw_buf_varint(out, epoch_of(r)->source);
    }
    dw_buf_varint(out, a->openings);
    dw_buf_varint(out, a->by_agent.count);
    for (const struct dw__agent *g = a->agents; g; g = g->next) {
        dw__agent_put(g, out);
        dw_buf_varint(out, g->source);
    }
    dw_buf_varint(out, a->serials);
    dw_buf_varint(out, a->by_id.count);
    put_streams(&a->live, out);
    put_streams(&a->ended, out);
}

/* ---- loading ---- */

static int64_t take_time(struct dw_cursor *c)
{
    return (int64_t)dw_take_u64(c);
}

/* A text into `out`, which it must fit. */
static void take_text(struct dw_cursor *c, char *out, size_t cap)
{
    struct dw_str s = dw_take_counted(c);
    c->bad |= s.len >= cap || dw_str_index(s, '\0') < s.len;
    if (c->bad)
        return;
    if (s.len)
        memcpy(out, s.ptr, s.len);
    out[s.len] = '\0';
}

static void take_parent(struct dw_cursor *c, struct dw_parent *p)
{
    uint8_t flags = dw_take_byte(c);
    p->named = flags & NAMED;
    p->spooled = flags & SPOOLED;
    p->epoch = dw_take_varint(c);
    p->number = dw_take_varint(c);
    dw_take_into(c, p->hash, sizeof p->hash);
    p->spool_epoch = dw_take_varint(c);
    p->spool_number = dw_take_varint(c);
}

static void take_epoch_itself(struct dw_account *a, struct dw_cursor *c, struct dw__epoch *e, int64_t heard_ns)
{
    uint8_t flags = dw_take_byte(c);
    e->opened = flags & OPENED;
    e->closed = flags & CLOSED;
    e->idle = flags & IDLE;
    e->told_headless = flags & TOLD_HEADLESS;
    e->owes = flags & OWES;
    e->opening = dw_take_varint(c);
    e->low_water_ns = take_time(c);
    e->arrival_ns = take_time(c);
    e->heard_ns = heard_ns;
    take_text(c, e->host, sizeof e->host);
    if (e->owes)
        take_parent(c, &e->parent);
    c->bad |= (e->opening != 0) != (e->opened && !e->closed);
    if (e->opening)
        dw__ring_last(&a->open, &e->open);
}

static uint64_t opening_of(const struct dw__ring *r)
{
    return DW_ITEM(r, struct dw__epoch, open)->opening;
}

static uint64_t serial_of(const struct dw__ring *r)
{
    return DW_ITEM(r, struct dw__stream, sight)->serial;
}

struct placed {
    uint64_t number;
    struct dw__ring *ring;
};

static int by_number(const void *x, const void *y)
{
    const struct placed *a = x, *b = y;
    return (a->number > b->number) - (a->number < b->number);
}

/* Puts a ring of at most `max` into the order of its items' numbers, which are below `end` and never twice. */
static int sort_ring(struct dw__ring *ring, uint32_t max, uint64_t (*number_of)(const struct dw__ring *r), uint64_t end, struct dw_cursor *c)
{
    uint32_t n = 0;
    struct placed *item = dw_calloc(max + 1, sizeof *item);
    if (!item)
        return DW_ENOMEM;
    for (struct dw__ring *r = ring->next; r != ring; r = r->next)
        item[n++] = (struct placed){number_of(r), r};
    qsort(item, n, sizeof *item, by_number);
    for (uint32_t i = 0; i < n; i++) {
        c->bad |= item[i].number >= end || (i && item[i].number == item[i - 1].number);
        dw__ring_last(ring, item[i].ring);
    }
    dw_free(item);
    return DW_OK;
}

int dw__sort_open(struct dw_account *a, struct dw_cursor *c)
{
    return sort_ring(&a->open, a->by_epoch.count, opening_of, a->openings + 1, c);
}

int dw__sort_sight(struct dw_account *a, struct dw_cursor *c)
{
    return sort_ring(&a->sight, a->by_id.count, serial_of, a->serials, c);
}

int dw__epoch_take(struct dw_account *a, const struct dw_chain_head *k, struct dw_cursor *c, int64_t heard_ns, struct dw__epoch **ret)
{
    struct dw_head h = {.epoch = k->epoch, .number = k->number};
    enum dw_link link;
    memcpy(h.agent, k->agent, sizeof h.agent);
    if (c->bad || dw__epoch_find(a, &h))
        return DW_ECORRUPT;
    struct dw__epoch *e = dw__epoch_begin(a, &h, &link);
    if (!e)
        return DW_ENOMEM;
    e->chain = *k;
    take_epoch_itself(a, c, e, heard_ns);
    *ret = e;
    return c->bad ? DW_ECORRUPT : DW_OK;
}

/* The source of a thing, where that version has it. */
static uint64_t take_source(struct dw_cursor *c, uint8_t version)
{
    return version == VERSION_WITHOUT_SOURCES ? 0 : dw_take_varint(c);
}

static int take_epochs(struct dw_account *a, struct dw_cursor *heads, struct dw_cursor *c, uint8_t version, int64_t heard_ns)
{
    uint64_t count = dw_take_varint(heads) - (a->own_begun ? 1 : 0);
    if (a->own_begun)
        dw_chain_head_take(heads, &a->own.chain);
    if (dw_take_varint(c) != count || count > a->bounds.epochs || heads->bad)
        return DW_ECORRUPT;
    for (uint64_t i = 0; i < count && !c->bad; i++) {
        struct dw_chain_head k;
        struct dw__epoch *e;
        dw_chain_head_take(heads, &k);
        int rc = dw__epoch_take(a, &k, c, heard_ns, &e);
        if (rc < 0)
            return rc;
        e->source = take_source(c, version);
    }
    a->openings = dw_take_varint(c);
    if (c->bad || heads->bad || a->openings == UINT64_MAX)
        return DW_ECORRUPT;
    return dw__sort_open(a, c);
}

int dw__agent_take(struct dw_account *a, struct dw_cursor *c, struct dw__agent **ret)
{
    uint8_t id[DW_AGENT_ID_BYTES] = {0};
    dw_take_into(c, id, sizeof id);
    if (c->bad || dw__agent_find(a, id))
        return DW_ECORRUPT;
    struct dw__agent *g = dw__agent_enter(a, id);
    if (!g)
        return DW_ENOMEM;
    take_text(c, g->said.host, sizeof g->said.host);
    uint8_t state = dw_take_byte(c);
    c->bad |= state > DW_AGENT_APPROVED;
    g->said.state = c->bad ? DW_AGENT_NEW : (enum dw_agent_state)state;
    g->decided = dw_take_byte(c) != 0;
    g->said.epochs = dw_take_varint(c);
    g->said.frames = dw_take_varint(c);
    g->said.events = dw_take_varint(c);
    g->said.spool_bytes = dw_take_varint(c);
    g->said.first_ns = take_time(c);
    g->said.last_ns = take_time(c);
    g->newest = dw_take_varint(c);
    g->from_spool = dw_take_byte(c) != 0;
    g->spool_epoch = dw_take_varint(c);
    g->spool_number = dw_take_varint(c);
    *ret = g;
    return c->bad ? DW_ECORRUPT : DW_OK;
}

static int take_agents(struct dw_account *a, struct dw_cursor *c, uint8_t version)
{
    uint64_t count = dw_take_varint(c);
    if (count > a->bounds.epochs)
        return DW_ECORRUPT;
    for (uint64_t i = 0; i < count && !c->bad; i++) {
        struct dw__agent *g;
        int rc = dw__agent_take(a, c, &g);
        if (rc < 0)
            return rc;
        g->source = take_source(c, version);
    }
    return c->bad ? DW_ECORRUPT : DW_OK;
}

static int take_description(struct dw_cursor *c, struct dw_account_stream *said)
{
    struct dw_str host = dw_take_counted(c), path = dw_take_counted(c);
    c->bad |= dw_str_index(host, '\0') < host.len || dw_str_index(path, '\0') < path.len;
    if (c->bad)
        return DW_ECORRUPT;
    said->host = dw_strndup(host.ptr ? host.ptr : "", host.len);
    said->path = dw_strndup(path.ptr ? path.ptr : "", path.len);
    return said->host && said->path ? DW_OK : DW_ENOMEM;
}

int dw__ranges_take(struct dw_account *a, struct dw_cursor *c, uint64_t cap, uint64_t count, struct dw__stream *s)
{
    uint64_t at = 0;
    if (c->bad || count > cap || cap > a->bounds.ranges - a->ranges || count > dw_cursor_left(c) / 2)
        return DW_ECORRUPT;
    s->range = dw_calloc(cap ? cap : 1, sizeof *s->range);
    if (!s->range)
        return DW_ENOMEM;
    s->range_cap = (uint32_t)cap;
    a->ranges += cap;
    for (uint64_t i = 0; i < count && !c->bad; i++) {
        uint64_t gap = dw_take_varint(c), len = dw_take_varint(c), start, end;
        c->bad |= len == 0 || (i && gap == 0) || __builtin_add_overflow(at, gap, &start) || __builtin_add_overflow(start, len, &end);
        if (c->bad)
            break;
        s->range[s->range_count++] = (struct dw__range){start, end};
        at = end;
    }
    return c->bad ? DW_ECORRUPT : DW_OK;
}

int dw__stream_take(struct dw_account *a, struct dw_cursor *c, struct dw__stream **ret)
{
    uint8_t id[DW_ID_BYTES] = {0};
    struct dw__stream *s;
    dw_take_into(c, id, sizeof id);
    if (c->bad || dw__stream_find(a, id))
        return DW_ECORRUPT;
    int rc = dw__stream_of(a, id, &s);
    if (rc < 0)
        return rc;
    struct dw_account_stream *said = &s->said;
    s->serial = dw_take_varint(c);
    dw_take_into(c, s->agent, sizeof s->agent);
    uint8_t flags = dw_take_byte(c);
    said->lost = flags & LOST;
    if (flags & DESCRIBED)
        rc = take_description(c, said);
    uint64_t *const numbers[] = {&said->read, &said->pending, &said->archived, &said->declared, &said->duplicate, &said->gap, &said->events, &s->gap_told};
    for (size_t i = 0; i < DW_COUNT_OF(numbers); i++)
        *numbers[i] = dw_take_varint(c);
    if (flags & ENDED)
        dw__stream_end(a, s, true);
    *ret = s;
    return rc == DW_OK && c->bad ? DW_ECORRUPT : rc;
}

static int take_streams(struct dw_account *a, struct dw_cursor *c, uint8_t version)
{
    uint64_t serials = dw_take_varint(c), count = dw_take_varint(c);
    int rc = count > a->bounds.streams ? DW_ECORRUPT : DW_OK;
    for (uint64_t i = 0; i < count && rc == DW_OK && !c->bad; i++) {
        struct dw__stream *s;
        rc = dw__stream_take(a, c, &s);
        uint64_t cap = dw_take_varint(c), ranges = dw_take_varint(c);
        if (rc == DW_OK)
            rc = dw__ranges_take(a, c, cap, ranges, s);
        if (rc == DW_OK)
            s->source = take_source(c, version);
    }
    a->serials = serials;
    if (rc == DW_OK && !c->bad)
        rc = dw__sort_sight(a, c);
    return rc == DW_OK && c->bad ? DW_ECORRUPT : rc;
}

static int load(struct dw_account *a, struct dw_cursor *c, int64_t heard_ns)
{
    if (!dw_state_is(c))
        return c->bad ? DW_ECORRUPT : DW_EVERSION;
    struct dw_cursor heads = *c;
    uint64_t count = dw_take_varint(c);
    for (uint64_t i = 0; i < count && !c->bad; i++) {
        struct dw_chain_head passed;
        dw_chain_head_take(c, &passed);
    }
    int rc = dw_keyring_load(a->keys, c);
    uint8_t version = rc == DW_OK ? dw_take_byte(c) : 0;
    if (rc == DW_OK && version != VERSION && version != VERSION_WITHOUT_SOURCES)
        rc = c->bad ? DW_ECORRUPT : DW_EVERSION;
    if (rc < 0)
        return rc;
    uint8_t flags = dw_take_byte(c);
    a->own_begun = flags & OWN_BEGUN;
    a->any_ended = flags & ANY_ENDED;
    a->own.low_water_ns = take_time(c);
    rc = count < (a->own_begun ? 1U : 0U) ? DW_ECORRUPT : take_epochs(a, &heads, c, version, heard_ns);
    if (rc == DW_OK)
        rc = take_agents(a, c, version);
    if (rc == DW_OK)
        rc = take_streams(a, c, version);
    if (rc == DW_OK && (a->listed || flags & LISTED))
        dw__agents_judge_again(a, a->agents);
    return rc;
}

int dw_account_load(struct dw_account *a, struct dw_cursor *c, int64_t heard_ns)
{
    int rc = dw_account_clear(a);
    if (rc == DW_OK)
        rc = load(a, c, heard_ns);
    if (rc < 0 && dw_account_clear(a) < 0)
        return DW_ENOMEM;
    return rc;
}
