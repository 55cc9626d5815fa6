/*
 * pack: pieces of known size in and out of zstd.
 *
 * Invariants:
 *   (1) A piece that is cut, longer than announced or fails its checksum is DW_ECORRUPT, never a shorter piece.
 *   (2) Memory is taken by what the caller says, never by what the bytes say.
 */
#include "dogwatch/frame/pack.h"

#include "dogwatch/base/error.h"

#include <zstd.h>

bool dw_pack_level(struct ZSTD_CCtx_s *zstd, int level)
{
    return !ZSTD_isError(ZSTD_CCtx_setParameter(zstd, ZSTD_c_compressionLevel, level))
        && !ZSTD_isError(ZSTD_CCtx_setParameter(zstd, ZSTD_c_checksumFlag, 1));
}

int dw_pack_add(struct ZSTD_CCtx_s *zstd, struct dw_str in, struct dw_buf *out)
{
    size_t bound = ZSTD_compressBound(in.len);
    char *at = dw_buf_reserve(out, bound);
    if (!at)
        return DW_ENOMEM;
    size_t n = ZSTD_compress2(zstd, at, bound, in.ptr, in.len);
    if (ZSTD_isError(n))
        return DW_ENOMEM; /* there is room, so nothing else can fail */
    out->len += n;
    return DW_OK;
}

int dw_pack_take(struct ZSTD_DCtx_s *zstd, struct dw_str packed, size_t size, struct dw_buf *out)
{
    dw_buf_reset(out);
    char *at = dw_buf_reserve(out, size ? size : 1);
    if (!at)
        return DW_ENOMEM;
    size_t n = ZSTD_decompressDCtx(zstd, at, size, packed.ptr, packed.len);
    if (ZSTD_isError(n) || n != size)
        return DW_ECORRUPT;
    out->len = size;
    return DW_OK;
}
