/*
 * zstd as frames and segments use it: whole pieces of known size, each with its checksum. Thread: as the context.
 */
#ifndef DOGWATCH_FRAME_PACK_H
#define DOGWATCH_FRAME_PACK_H

#include "dogwatch/base/buf.h"

struct ZSTD_CCtx_s;
struct ZSTD_DCtx_s;

/* Sets the level of what is packed from now on, and that it carries a checksum. False without memory. */
DW_MUST_USE bool dw_pack_level(struct ZSTD_CCtx_s *zstd, int level);
/* Appends `in` as one zstd frame. DW_ENOMEM. */
DW_MUST_USE int dw_pack_add(struct ZSTD_CCtx_s *zstd, struct dw_str in, struct dw_buf *out);
/* Makes `out` the content of `packed`, which must have exactly `size` bytes: DW_ECORRUPT when it has not. Memory is taken for `size`,
 * so the caller has checked it against its bound. */
DW_MUST_USE int dw_pack_take(struct ZSTD_DCtx_s *zstd, struct dw_str packed, size_t size, struct dw_buf *out);

#endif
