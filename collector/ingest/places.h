/*
 * Where the queue is read on. Thread: the collector's loop.
 */
#ifndef DOGWATCH_COLLECTOR_INGEST_PLACES_H
#define DOGWATCH_COLLECTOR_INGEST_PLACES_H

#include "dogwatch/frame/frame.h"
#include "dogwatch/transport/transport.h"

/* The last agent's frame of each place, and what stands before `next` is archived. Zeroed: at the queue's beginning. */
struct dw__places {
    struct dw_resume *item;
    uint32_t count, cap, newest; /* newest: of the frame archived last */
};
void dw__places_fini(struct dw__places *p);
/* A frame or decision is archived. *ret_replaced: it is the decision that its queue was replaced, or the first one of all. DW_ENOMEM. */
DW_MUST_USE int dw__places_move(struct dw__places *p, const struct dw_decoded *f, struct dw_position at, bool *ret_replaced);
/* Where the queue is read on, for decisions that take nothing from it. */
struct dw_position dw__places_here(const struct dw__places *p);
/* Appends them, and takes them back into empty ones. DW_ECORRUPT, DW_ENOMEM. */
void dw__places_save(const struct dw__places *p, struct dw_buf *out);
DW_MUST_USE int dw__places_load(struct dw__places *p, struct dw_cursor *c);

#endif
