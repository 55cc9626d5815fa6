/*
 * identity: how a file is known again, whatever its name.
 *
 * Idea: device, inode and birth time say that it may be the same file; a hash of the bytes before the place where we are says
 * that it is. A time that the file system gave says that nothing was written since only once it is old enough: what is written in
 * the same tick of its clock has the same time.
 *
 * Invariant: a stream id is a hash of all that makes a stream, so it can be made once only for one generation.
 */
#include "agent_int.h"

#include "dogwatch/base/error.h"
#include "dogwatch/base/hash.h"

/* Kernels stamp files at their timer's ticks, 10 ms at the most; some file systems know whole seconds, or every other one. */
#define TICK_NS (100 * DW_NS_PER_MS)
#define COARSE_TICK_NS (3 * DW_NS_PER_S)

bool same_file(const struct dw_stream *s, const struct dw_stat *st)
{
    return s->device == st->device && s->inode == st->inode && s->birth_ns == st->birth_ns;
}

static uint64_t hash_of_file(uint64_t device, uint64_t inode, int64_t birth_ns)
{
    uint64_t v[3] = {device, inode, (uint64_t)birth_ns};
    return dw_hash(dw_hash_process_key(), dw_str_make((const char *)v, sizeof v));
}

uint64_t hash_of_stat(const struct dw_stat *st)
{
    return hash_of_file(st->device, st->inode, st->birth_ns);
}

uint64_t hash_of_stream(const struct dw_stream *s)
{
    return hash_of_file(s->device, s->inode, s->birth_ns);
}

uint64_t hash_of_path(const char *path)
{
    return dw_hash(dw_hash_process_key(), dw_str_of(path));
}

uint64_t hash_of_series(const uint8_t *series)
{
    return dw_hash(dw_hash_process_key(), dw_str_make((const char *)series, DW_ID_BYTES));
}

void stream_make_id(const struct agent *a, struct dw_stream *s)
{
    uint8_t hash[DW_SHA256_BYTES], numbers[32];
    uint64_t v[4] = {s->device, s->inode, (uint64_t)s->birth_ns, s->generation};
    for (unsigned i = 0; i < 32; i++)
        numbers[i] = (uint8_t)(v[i / 8] >> (8 * (i % 8)));
    struct dw_sha256 *h = dw_sha256_new();
    dw_sha256_add(h, a->chain.agent, sizeof a->chain.agent);
    dw_sha256_add(h, s->series, sizeof s->series);
    dw_sha256_add(h, numbers, sizeof numbers);
    dw_sha256_end(h, hash);
    dw_sha256_free(h);
    memcpy(s->id, hash, DW_ID_BYTES);
}

void print_take(const struct agent *a, int fd, uint64_t at, struct dw_str fresh, struct fingerprint *p)
{
    char bytes[AGENT_FINGERPRINT];
    uint8_t hash[DW_SHA256_BYTES];
    uint32_t want = at < sizeof bytes ? (uint32_t)at : (uint32_t)sizeof bytes;
    uint32_t have = fresh.len < want ? (uint32_t)fresh.len : want;
    size_t n = 0;
    if (have < want && (dw_fs_pread(a->fs, fd, bytes, want - have, at - want, &n) < 0 || n != want - have))
        return; /* the older one tells as well that the file is another by now */
    if (have)
        memcpy(bytes + want - have, fresh.ptr + fresh.len - have, have);
    p->at = at;
    p->len = want;
    dw_sha256_of(dw_str_make(bytes, want), hash);
    memcpy(p->hash, hash, sizeof p->hash);
}

int print_check(const struct agent *a, int fd, const struct fingerprint *p, bool *ret_same)
{
    char bytes[AGENT_FINGERPRINT];
    uint8_t hash[DW_SHA256_BYTES];
    size_t n = 0;
    *ret_same = p->len <= sizeof bytes;
    if (p->len == 0 || !*ret_same)
        return DW_OK;
    int rc = dw_fs_pread(a->fs, fd, bytes, p->len, p->at - p->len, &n);
    if (rc < 0)
        return rc;
    dw_sha256_of(dw_str_make(bytes, n), hash);
    *ret_same = n == p->len && memcmp(hash, p->hash, sizeof p->hash) == 0;
    return DW_OK;
}

bool print_holds(const struct agent *a, int fd, const struct checkpoint_row *row, struct dw_stat *ret_st, bool *ret_doubt)
{
    bool same = false;
    int rc = dw_fs_fstat(fd, ret_st);
    if (rc == DW_OK && ret_st->size_bytes >= row->low)
        rc = print_check(a, fd, &row->print, &same);
    if (rc < 0 && ret_doubt)
        *ret_doubt = true;
    return rc == DW_OK && same;
}

uint32_t head_take(const struct agent *a, int fd, uint64_t size, uint32_t ret[HEAD_STEPS])
{
    char bytes[AGENT_HEAD];
    size_t n = 0;
    if (dw_fs_pread(a->fs, fd, bytes, size < sizeof bytes ? (size_t)size : sizeof bytes, 0, &n) < 0)
        return 0;
    for (uint32_t i = 0; i < HEAD_STEPS && (size_t)1 << i <= n; i++)
        ret[i] = (uint32_t)dw_hash(dw_hash_process_key(), dw_str_make(bytes, (size_t)1 << i));
    return (uint32_t)n;
}

static int64_t tick_of(int64_t stamp_ns)
{
    return stamp_ns % DW_NS_PER_S ? TICK_NS : COARSE_TICK_NS;
}

bool stamp_tells(const struct agent *a, int64_t stamp_ns)
{
    return dw_clock_real(a->clock) - stamp_ns > tick_of(stamp_ns);
}

bool stamp_after(int64_t stamp_ns, int64_t ns)
{
    return stamp_ns > ns - tick_of(stamp_ns);
}

bool stamp_new(const struct agent *a, int64_t stamp_ns, int64_t since_ns)
{
    int64_t coarse_ns = stamp_ns % DW_NS_PER_S ? 0 : tick_of(stamp_ns); /* what came in the second of the first start may have come after it */
    return since_ns > 0 && stamp_ns > since_ns - AGENT_CLOCKS_APART_NS && stamp_ns > a->first_ns - coarse_ns;
}
