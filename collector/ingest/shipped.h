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
/* The topic of a source was made anew: what comes from now on is of another stream. The batch holds nothing of it. DW_ENOMEM. */
DW_MUST_USE int dw__shipped_renewed(struct dw__shipped *s, uint64_t source);
/* Appends which sources were made anew, and takes it back into a new one. DW_ECORRUPT, DW_ENOMEM. */
void dw__shipped_save(const struct dw__shipped *s, struct dw_buf *out);
DW_MUST_USE int dw__shipped_load(struct dw__shipped *s, struct dw_cursor *c);
/* The topic is read to its end: no partition holds what is older than what was taken. */
void dw__shipped_caught_up(struct dw__shipped *s);
/* Gives a frame of what was taken, and the place of its last record; NULL when nothing was. */
DW_MUST_USE int dw__shipped_flush(struct dw__shipped *s, struct dw_encoder *e, struct dw_chain *chain, int64_t now_ns, struct dw_frame **ret,
    struct dw_position *ret_at);

#endif
