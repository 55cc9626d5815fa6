/*
 * seg_state: what all frames up to the end of a sealed segment come to, as a file beside it.
 *
 *     u32 'dwK1'  varint n {chain head}  varint n {public key}  what its owner adds
 *
 * Idea: a collector that starts goes on from the newest state, and segments before a state can be let go. What the owner adds is its own
 * affair; heads of chains and keys stand first, so that verification can go on behind segments that are gone.
 *
 * Invariants:
 *   (1) A state is used only when it has the size and the hash that the manifest says.
 *   (2) A key counts for the agent whose id is its hash, and for no other.
 */
#include "segment_int.h"

#include "dogwatch/base/error.h"
#include "dogwatch/base/mem.h"
#include "dogwatch/frame/pack.h"

#include <zstd.h>

enum { MAGIC = 0x314b7764, FILE_MAX = 1 << 30 };

void dw_state_begin(struct dw_buf *out)
{
    dw_buf_u32(out, MAGIC);
}

bool dw_state_is(struct dw_cursor *c)
{
    return dw_take_u32(c) == MAGIC;
}

int dw__state_read(const struct dw_fs *fs, const char *path, const struct dw_segment_info *s, struct dw_buf *ret)
{
    struct dw_buf packed = {0};
    uint8_t hash[DW_SHA256_BYTES];
    ZSTD_DCtx *zstd = ZSTD_createDCtx();
    int rc = zstd ? dw_fs_read_file(fs, path, FILE_MAX, &packed) : DW_ENOMEM;
    if (rc == DW_OK) {
        dw_sha256_of(dw_buf_view(&packed), hash);
        if (packed.len != s->state_bytes || memcmp(hash, s->state_sha256, sizeof hash) != 0)
            rc = DW_ECORRUPT;
    }
    unsigned long long size = rc == DW_OK ? ZSTD_getFrameContentSize(packed.ptr, packed.len) : 0;
    dw_buf_reset(ret);
    if (rc == DW_OK)
        rc = size <= FILE_MAX ? dw_pack_take(zstd, dw_buf_view(&packed), (size_t)size, ret) : DW_ECORRUPT;
    dw_buf_fini(&packed);
    (void)ZSTD_freeDCtx(zstd);
    return rc;
}

int dw__state_write(const struct dw_fs *fs, const char *path, struct dw_str state, struct dw_segment_info *ret)
{
    enum { LEVEL = 3 };
    struct dw_buf packed = {0};
    ZSTD_CCtx *zstd = ZSTD_createCCtx();
    int rc = zstd && dw_pack_level(zstd, LEVEL) ? dw_pack_add(zstd, state, &packed) : DW_ENOMEM;
    if (rc == DW_OK && (packed.len > FILE_MAX || state.len > FILE_MAX))
        rc = DW_ELIMIT;
    if (rc == DW_OK)
        rc = dw_fs_write_file(fs, path, 0640, dw_buf_view(&packed));
    ret->bytes = packed.len;
    dw_sha256_of(dw_buf_view(&packed), ret->sha256);
    dw_buf_fini(&packed);
    (void)ZSTD_freeCCtx(zstd);
    return rc;
}

int dw__state_vouch(struct dw_str state, struct dw_chains *chains, struct dw_keyring *keys)
{
    struct dw_cursor c = dw_cursor_of(state);
    if (!dw_state_is(&c))
        return DW_EVERSION;
    int rc = dw_chains_load(chains, &c);
    return rc == DW_OK ? dw_keyring_load(keys, &c) : rc;
}

int dw_state_keys(struct dw_str state, struct dw_keyring *keys)
{
    struct dw_chains *passed = dw_chains_new();
    int rc = passed ? dw__state_vouch(state, passed, keys) : DW_ENOMEM;
    dw_chains_free(passed);
    return rc;
}
