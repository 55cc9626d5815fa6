/*
 * Records of other shippers (Fluent Bit, Vector, Filebeat), made into frames of the collector's own chain.
 *
 * Thread: the collector's loop.
 */
#ifndef DOGWATCH_COLLECTOR_SHIPPED_H
#define DOGWATCH_COLLECTOR_SHIPPED_H

#include "dogwatch/frame/frame.h"
#include "dogwatch/transport/transport.h"

struct dw__shipped;
/* Keeps `keys` and `topic`. NULL without memory. */
struct dw__shipped *dw__shipped_new(struct dw_keys *keys, const char *topic);
void dw__shipped_free(struct dw__shipped *s);
/* Takes a record. DW_EAGAIN: only after a flush; DW_ESYNTAX: it is no single JSON object; DW_ELIMIT: longer than a line may be; DW_ENOMEM. */
DW_MUST_USE int dw__shipped_add(struct dw__shipped *s, const struct dw_received *got, int64_t now_ns);
/* Gives a frame of what was taken, and the place of its last record; NULL when nothing was. */
DW_MUST_USE int dw__shipped_flush(struct dw__shipped *s, struct dw_encoder *e, struct dw_chain *chain, struct dw_frame **ret, struct dw_position *ret_at);

#endif
