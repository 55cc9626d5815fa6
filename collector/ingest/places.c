/*
 * places: where the queue is read on, and by what each place is known again.
 *
 * Idea: files of a queue come one after the other and share a place; partitions have one each.
 *
 * Invariant: places follow from the frames in the archive and from what was noted beside them, alone.
 */
#include "places.h"

#include "dogwatch/base/error.h"
#include "dogwatch/base/mem.h"
#include "dogwatch/store/archive.h"

enum { PLACES_MAX = 1 << 20 };

void dw__places_fini(struct dw__places *p)
{
    dw_free(p->item);
    *p = (struct dw__places){0};
}

static struct dw_resume *find(struct dw__places *p, uint64_t source)
{
    for (uint32_t i = 0; i < p->count; i++) {
        uint64_t other = p->item[i].at.source;
        if (other == source || (other < DW_SOURCE_KAFKA && source < DW_SOURCE_KAFKA))
            return &p->item[i];
    }
    return NULL;
}

static struct dw_resume *add(struct dw__places *p)
{
    struct dw_resume *grown = dw_grow(p->item, p->count, &p->cap, 16, sizeof *grown);
    if (!grown)
        return NULL;
    p->item = grown;
    return &p->item[p->count++];
}

/* A partition that goes on elsewhere: what was taken last is far behind. */
static bool is_jump(const struct dw_resume *r, struct dw_position at)
{
    return at.offset == at.next && at.offset > r->at.next;
}

int dw__places_move(struct dw__places *p, const struct dw_decoded *f, struct dw_position at, bool *ret_replaced)
{
    const struct dw_head *h = &f->head;
    bool own = dw_is_collector(h->agent);
    struct dw_resume *r = find(p, at.source);
    *ret_replaced = own && at.next == 0;
    if (*ret_replaced) {
        if (r)
            *r = p->item[--p->count];
        p->newest = 0;
        return DW_OK;
    }
    if (!r)
        r = add(p);
    else if (own && h->kind == DW_FRAME_RECORD && r->at.source == at.source && (r->frame.kind || r->record) && !is_jump(r, at)) {
        r->at.next = at.next;
        return DW_OK;
    }
    if (!r)
        return DW_ENOMEM;
    *r = (struct dw_resume){.at = at};
    if (!own)
        r->frame = *h;
    else if (f->event_count) /* of records of others: their lines */
        r->record = dw_record_hash(f->event[f->event_count - 1].line);
    p->newest = (uint32_t)(r - p->item);
    return DW_OK;
}

struct dw_position dw__places_here(const struct dw__places *p)
{
    struct dw_position at = p->count ? p->item[p->newest].at : (struct dw_position){0};
    return (struct dw_position){.source = at.source, .offset = at.next, .next = at.next};
}

/* Of a frame what receivers know it again by. */
static struct dw_chain_head known_by(const struct dw_head *h)
{
    struct dw_chain_head k = {.epoch = h->epoch, .number = h->number};
    memcpy(k.agent, h->agent, sizeof k.agent);
    memcpy(k.hash, h->hash, sizeof k.hash);
    return k;
}

void dw__places_save(const struct dw__places *p, struct dw_buf *out)
{
    dw_buf_varint(out, p->count);
    dw_buf_varint(out, p->newest);
    for (uint32_t i = 0; i < p->count; i++) {
        const struct dw_resume *r = &p->item[i];
        struct dw_chain_head k = known_by(&r->frame);
        dw_buf_varint(out, r->at.source);
        dw_buf_varint(out, r->at.offset);
        dw_buf_varint(out, r->at.next);
        dw_buf_u64(out, r->record);
        dw_buf_byte(out, r->frame.kind);
        if (r->frame.kind)
            dw_chain_head_put(&k, out);
    }
}

static void take_frame(struct dw_cursor *c, struct dw_head *ret)
{
    struct dw_chain_head k;
    dw_chain_head_take(c, &k);
    ret->epoch = k.epoch;
    ret->number = k.number;
    memcpy(ret->agent, k.agent, sizeof ret->agent);
    memcpy(ret->hash, k.hash, sizeof ret->hash);
}

int dw__places_load(struct dw__places *p, struct dw_cursor *c)
{
    uint32_t count = dw_take_max(c, PLACES_MAX);
    p->newest = dw_take_max(c, count ? count - 1 : 0);
    for (uint32_t i = 0; i < count && !c->bad; i++) {
        struct dw_resume *r = add(p);
        if (!r)
            return DW_ENOMEM;
        *r = (struct dw_resume){.at.source = dw_take_varint(c)};
        r->at.offset = dw_take_varint(c);
        r->at.next = dw_take_varint(c);
        r->record = dw_take_u64(c);
        r->frame.kind = dw_take_byte(c);
        if (r->frame.kind)
            take_frame(c, &r->frame);
    }
    return c->bad ? DW_ECORRUPT : DW_OK;
}
