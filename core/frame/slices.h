/*
 * The roots of a frame's content: RFC 6962 heads over slices. Used by encode.c and decode.c only.
 */
#ifndef DOGWATCH_FRAME_SLICES_H
#define DOGWATCH_FRAME_SLICES_H

#include "dogwatch/frame/frame.h"

/* Root of TEXT: slices end at event ends, at 16 KiB or the first end after it. */
void dw__root_text(struct dw_sha256 *sha, struct dw_str text, const struct dw_event *event, uint32_t count,
    uint8_t ret[DW_SHA256_BYTES]);
/* Root of VIEWS or RECORD: slices of 16 KiB. */
void dw__root_views(struct dw_sha256 *sha, struct dw_str views, uint8_t ret[DW_SHA256_BYTES]);

#endif
