/*
 * account_part: what an account knows of the frames that came by one source, as bytes, and into another account (docs/formats/parts.md).
 *
 * Idea: all frames of an agent come by one partition, so what is known of a partition's agents can go where the partition goes. A part is read
 * into an account of its own first, and what is in there goes over when all of it was good: going over asks for no memory, and cannot fail.
 *
 * Invariants:
 *   (1) An account that took a part says of the frames of that source to come what the saved one would have said, but that an event which comes again is
 *       compared only with those that came since.
 *   (2) A part that is refused changes nothing, and one that is taken nothing of other sources, unless it names it, or the account is full.
 *   (3) Every number is checked against what it may be, and memory is bounded by the part's own bytes: anybody who may write where parts lie
 *       can have written it.
 */
#include "account_int.h"

#include "dogwatch/base/counter.h"
#include "dogwatch/base/error.h"
#include "dogwatch/base/mem.h"

#include <stdlib.h>

enum { MAGIC = 0x31507764, LISTED = 1, RANGES_MIN = 4 };

/* Whose keys belong to a part: agents, and epochs of agents that no signed record has made known. */
struct ids {
    const uint8_t **item; /* sorted */
    uint32_t count;
};

static int by_id(const void *x, const void *y)
{
    const uint8_t *const *a = x, *const *b = y;
    return memcmp(*a, *b, DW_AGENT_ID_BYTES);
}

static int ids_of(const struct dw_account *a, uint64_t source, struct ids *ret)
{
    *ret = (struct ids){.item = dw_calloc((size_t)a->by_agent.count + a->by_epoch.count + 1, sizeof *ret->item)};
    if (!ret->item)
        return DW_ENOMEM;
    for (const struct dw__agent *g = a->agents; g; g = g->next)
        if (g->source == source)
            ret->item[ret->count++] = g->said.id;
    for (const struct dw__ring *r = a->use.next; r != &a->use; r = r->next) {
        const struct dw__epoch *e = DW_ITEM(r, const struct dw__epoch, use);
        if (e->source == source)
            ret->item[ret->count++] = e->chain.agent;
    }
    qsort(ret->item, ret->count, sizeof *ret->item, by_id);
    return DW_OK;
}

static bool is_among(const struct ids *ids, const uint8_t *id)
{
    return bsearch(&id, ids->item, ids->count, sizeof *ids->item, by_id) != NULL;
}

/* ---- saving ---- */

/* What was written to `items`, behind how many it is. */
static void put_counted(uint64_t count, struct dw_buf *items, struct dw_buf *out)
{
    dw_buf_varint(out, count);
    dw_buf_str(out, dw_buf_view(items));
    out->err = items->err < 0 ? items->err : out->err;
    dw_buf_reset(items);
}

static void put_keys(const struct dw_account *a, uint64_t source, struct dw_buf *items, struct dw_buf *out)
{
    struct ids ids;
    uint64_t count = 0;
    items->err = ids_of(a, source, &ids);
    for (const uint8_t *id = NULL; items->err == DW_OK && (id = dw_keyring_next(a->keys, id));) {
        if (!is_among(&ids, id))
            continue;
        dw_buf_add(items, dw_keyring_find(a->keys, id), DW_PUBLIC_KEY_BYTES);
        count++;
    }
    put_counted(count, items, out);
    dw_free(ids.item);
}

static void put_agents(const struct dw_account *a, uint64_t source, struct dw_buf *items, struct dw_buf *out)
{
    uint64_t count = 0;
    for (const struct dw__agent *g = a->agents; g; g = g->next) {
        if (g->source != source)
            continue;
        dw__agent_put(g, items);
        count++;
    }
    put_counted(count, items, out);
}

static void put_epochs(const struct dw_account *a, uint64_t source, struct dw_buf *items, struct dw_buf *out)
{
    uint64_t count = 0;
    for (const struct dw__ring *r = a->use.next; r != &a->use; r = r->next) {
        const struct dw__epoch *e = DW_ITEM(r, const struct dw__epoch, use);
        if (e->source != source)
            continue;
        dw_chain_head_put(&e->chain, items);
        dw__epoch_put(e, items);
        count++;
    }
    put_counted(count, items, out);
}

static void put_streams(const struct dw_account *a, uint64_t source, struct dw_buf *items, struct dw_buf *out)
{
    const struct dw__ring *const uses[] = {&a->live, &a->ended};
    uint64_t count = 0;
    for (size_t i = 0; i < DW_COUNT_OF(uses); i++)
        for (const struct dw__ring *r = uses[i]->next; r != uses[i]; r = r->next) {
            const struct dw__stream *s = DW_ITEM(r, const struct dw__stream, use);
            if (s->source != source)
                continue;
            dw__stream_put(s, items);
            dw__ranges_put(s, items);
            count++;
        }
    put_counted(count, items, out);
}

void dw_account_part_save(const struct dw_account *a, uint64_t source, struct dw_buf *out)
{
    struct dw_buf items = {0};
    dw_buf_u32(out, MAGIC);
    dw_buf_byte(out, a->listed ? LISTED : 0);
    put_keys(a, source, &items, out);
    put_agents(a, source, &items, out);
    put_epochs(a, source, &items, out);
    put_streams(a, source, &items, out);
    dw_buf_fini(&items);
}

/* ---- reading a part into an account of its own ---- */

static int take_agents(struct dw_account *part, struct dw_cursor *c)
{
    uint64_t count = dw_take_varint(c);
    int rc = DW_OK;
    for (uint64_t i = 0; i < count && rc == DW_OK; i++) {
        struct dw__agent *g;
        rc = dw__agent_take(part, c, &g);
        if (rc == DW_OK && dw_is_collector(g->said.id))
            rc = DW_ECORRUPT;
    }
    return rc;
}

static int take_epochs(struct dw_account *part, struct dw_cursor *c, int64_t heard_ns)
{
    uint64_t count = dw_take_varint(c);
    int rc = DW_OK;
    for (uint64_t i = 0; i < count && rc == DW_OK; i++) {
        struct dw_chain_head k;
        struct dw__epoch *e;
        dw_chain_head_take(c, &k);
        rc = dw_is_collector(k.agent) ? DW_ECORRUPT : dw__epoch_take(part, &k, c, heard_ns, &e);
    }
    part->openings = UINT64_MAX - 1; /* they are numbered again when they go over */
    return rc == DW_OK ? dw__sort_open(part, c) : rc;
}

/* As it grows by itself, so that no part claims room that it does not need. */
static uint64_t room_for(uint64_t ranges)
{
    uint64_t room = ranges ? RANGES_MIN : 0;
    while (room < ranges)
        room *= 2;
    return room;
}

static int take_streams(struct dw_account *part, struct dw_cursor *c)
{
    uint64_t count = dw_take_varint(c);
    int rc = DW_OK;
    for (uint64_t i = 0; i < count && rc == DW_OK; i++) {
        struct dw__stream *s;
        rc = dw__stream_take(part, c, &s);
        uint64_t ranges = dw_take_varint(c);
        if (rc == DW_OK && ranges > dw_cursor_left(c) / 2)
            rc = DW_ECORRUPT;
        if (rc == DW_OK)
            rc = dw__ranges_take(part, c, room_for(ranges), ranges, s);
    }
    part->serials = UINT64_MAX;
    return rc == DW_OK ? dw__sort_sight(part, c) : rc;
}

/* Keys of others would push out those that are known. */
static int check_keys(const struct dw_account *part)
{
    struct ids ids;
    int rc = ids_of(part, part->source, &ids);
    for (const uint8_t *id = NULL; rc == DW_OK && (id = dw_keyring_next(part->keys, id));)
        if (!is_among(&ids, id))
            rc = DW_ECORRUPT;
    dw_free(ids.item);
    return rc;
}

/* Into an account of its own, which is to be let go also when that fails. */
static int read_part(struct dw_account *part, uint64_t source, struct dw_str bytes, int64_t heard_ns, uint8_t *ret_flags)
{
    static const struct dw_account_bounds none = {.streams = UINT32_MAX, .epochs = UINT32_MAX, .ranges = UINT32_MAX};
    struct dw_cursor cursor = dw_cursor_of(bytes), *c = &cursor;
    dw__account_init(part, &none);
    part->source = source;
    if (dw_take_u32(c) != MAGIC)
        return c->bad ? DW_ECORRUPT : DW_EVERSION;
    *ret_flags = dw_take_byte(c);
    part->keys = dw_keyring_new(UINT32_MAX);
    int rc = part->keys ? dw_keyring_load(part->keys, c) : DW_ENOMEM;
    if (rc == DW_OK)
        rc = take_agents(part, c);
    if (rc == DW_OK)
        rc = take_epochs(part, c, heard_ns);
    if (rc == DW_OK)
        rc = take_streams(part, c);
    if (rc == DW_OK)
        rc = c->bad || dw_cursor_left(c) > 0 || *ret_flags > LISTED ? DW_ECORRUPT : check_keys(part);
    return rc;
}

/* ---- forgetting ---- */

/* Agents of that source, and those that `part` names; what was decided of these is handed on. */
static void forget_agents(struct dw_account *a, uint64_t source, const struct dw_account *part)
{
    struct dw__agent **at = &a->agents, *g;
    a->agents_end = NULL;
    while ((g = *at)) {
        struct dw__agent *named = dw__agent_find(part, g->said.id);
        if (!named && (g->source != source || (g->decided && g->said.epochs == 0))) { /* who was agreed to before it came has no source yet */
            a->agents_end = g;
            at = &g->next;
            continue;
        }
        if (named && g->decided) {
            named->said.state = DW_AGENT_APPROVED;
            named->decided = true;
        }
        *at = g->next;
        dw_table_remove(&a->by_agent, &g->node);
        dw_free(g);
    }
}

static void forget_epochs(struct dw_account *a, uint64_t source)
{
    struct dw__ring *next;
    for (struct dw__ring *r = a->use.next; r != &a->use; r = next) {
        struct dw__epoch *e = DW_ITEM(r, struct dw__epoch, use);
        next = r->next;
        if (e->source == source)
            dw__epoch_forget(a, e);
    }
}

static void forget_streams(struct dw_account *a, uint64_t source)
{
    struct dw__ring *next;
    for (struct dw__ring *r = a->sight.next; r != &a->sight; r = next) {
        struct dw__stream *s = DW_ITEM(r, struct dw__stream, sight);
        next = r->next;
        if (s->source == source)
            dw__stream_forget(a, s);
    }
}

static void forget_named(struct dw_account *a, const struct dw_account *part)
{
    for (const struct dw__ring *r = part->use.next; r != &part->use; r = r->next) {
        const struct dw_chain_head *k = &DW_ITEM(r, const struct dw__epoch, use)->chain;
        struct dw_head h = {.epoch = k->epoch};
        memcpy(h.agent, k->agent, sizeof h.agent);
        struct dw__epoch *known = dw__epoch_find(a, &h);
        if (known)
            dw__epoch_forget(a, known);
    }
    for (const struct dw__ring *r = part->sight.next; r != &part->sight; r = r->next) {
        struct dw__stream *known = dw__stream_find(a, DW_ITEM(r, const struct dw__stream, sight)->said.id);
        if (known)
            dw__stream_forget(a, known);
    }
}

/* ---- going over ---- */

/* Gives the first that found room; NULL: none did. */
static struct dw__agent *move_agents(struct dw_account *a, struct dw_account *part)
{
    struct dw__agent *first = NULL;
    while (part->agents) {
        struct dw__agent *g = part->agents;
        part->agents = g->next;
        dw_table_remove(&part->by_agent, &g->node);
        if (!dw__agent_fits(a)) {
            dw_free(g);
            continue;
        }
        dw__agent_add(a, g);
        first = first ? first : g;
    }
    part->agents_end = NULL;
    return first;
}

static void move_epochs(struct dw_account *a, struct dw_account *part)
{
    while (part->open.next != &part->open) {
        struct dw__epoch *e = DW_ITEM(part->open.next, struct dw__epoch, open);
        e->opening = ++a->openings;
        dw__ring_last(&a->open, &e->open);
    }
    while (part->use.next != &part->use) {
        struct dw__epoch *e = DW_ITEM(part->use.next, struct dw__epoch, use);
        dw__epoch_room(a);
        dw_table_remove(&part->by_epoch, &e->node);
        dw_table_add(&a->by_epoch, &e->node, e->node.hash);
        dw__ring_last(&a->use, &e->use);
        a->any_ended |= e->opened && (e->closed || e->idle);
    }
}

/* The last ranges that find no room are forgotten: they show as a gap. */
static void fit_ranges(struct dw_account *a, struct dw__stream *s)
{
    uint64_t room = a->bounds.ranges - a->ranges;
    if (s->range_cap > room) {
        uint32_t kept = s->range_count < room ? s->range_count : (uint32_t)room;
        DW_COUNT_N(account_ranges_refused, s->range_count - kept);
        struct dw__range *smaller = dw_resize(s->range, (kept ? kept : 1) * sizeof *smaller);
        s->range = smaller ? smaller : s->range;
        s->range_count = s->range_cap = kept;
    }
    a->ranges += s->range_cap;
}

static void move_streams(struct dw_account *a, struct dw_account *part)
{
    struct dw__ring *const from[] = {&part->ended, &part->live}, *const to[] = {&a->ended, &a->live};
    while (part->sight.next != &part->sight) {
        struct dw__stream *s = DW_ITEM(part->sight.next, struct dw__stream, sight);
        s->serial = a->serials++;
        dw__ring_last(&a->sight, &s->sight);
    }
    for (size_t i = 0; i < DW_COUNT_OF(from); i++)
        while (from[i]->next != from[i]) {
            struct dw__stream *s = DW_ITEM(from[i]->next, struct dw__stream, use);
            dw__stream_room(a);
            dw_table_remove(&part->by_id, &s->node);
            dw_table_add(&a->by_id, &s->node, s->node.hash);
            dw__ring_last(to[i], &s->use);
            part->ranges -= s->range_cap;
            fit_ranges(a, s);
        }
}

int dw_account_part_take(struct dw_account *a, uint64_t source, struct dw_str part, int64_t heard_ns)
{
    struct dw_account read;
    uint8_t flags = 0;
    int rc = read_part(&read, source, part, heard_ns, &flags);
    if (rc == DW_OK) {
        forget_agents(a, source, &read);
        forget_epochs(a, source);
        forget_streams(a, source);
        forget_named(a, &read);
        dw_keyring_move(a->keys, read.keys);
        struct dw__agent *first = move_agents(a, &read);
        move_epochs(a, &read);
        move_streams(a, &read);
        if (a->listed || flags & LISTED)
            dw__agents_judge_again(a, first);
    }
    dw__account_let_go(&read);
    return rc;
}

int dw_account_part_chains(struct dw_str part, int (*each)(void *arg, const struct dw_chain_head *k, const uint8_t *key), void *arg)
{
    struct dw_account read;
    uint8_t flags = 0;
    int rc = read_part(&read, 0, part, 0, &flags);
    for (const struct dw__ring *r = read.use.next; rc == DW_OK && r != &read.use; r = r->next) {
        const struct dw_chain_head *k = &DW_ITEM(r, const struct dw__epoch, use)->chain;
        rc = each(arg, k, dw_keyring_find(read.keys, k->agent));
    }
    dw__account_let_go(&read);
    return rc;
}

int64_t dw_account_part_low_water(const struct dw_account *a, uint64_t source)
{
    int64_t low = INT64_MAX;
    for (const struct dw__ring *r = a->open.next; r != &a->open; r = r->next) {
        const struct dw__epoch *e = DW_ITEM(r, const struct dw__epoch, open);
        if (e->source == source && !e->idle && e->low_water_ns < low)
            low = e->low_water_ns;
    }
    return low;
}
