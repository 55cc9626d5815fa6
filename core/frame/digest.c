/*
 * digest: SHA-256 through libcrypto's EVP, and the RFC 6962 tree over it.
 *
 * Invariants:
 *   (1) node[i] is the head of a full subtree of 2^i leaves if bit i of count is set, else unused.
 *   (2) Leaves and inner nodes are hashed under different first bytes, so neither can pose as the other.
 */
#include "dogwatch/frame/digest.h"

#include "dogwatch/base/assert.h"
#include "dogwatch/base/mem.h"

#include <openssl/evp.h>

struct dw_sha256 {
    EVP_MD_CTX *ctx;
    EVP_MD *md; /* fetched once: looking it up costs more than hashing a short leaf */
};

static void set_up(struct dw_sha256 *h)
{
    h->ctx = EVP_MD_CTX_new();
    h->md = EVP_MD_fetch(NULL, "SHA256", NULL);
    DW_ASSERT(h->ctx && h->md);
    dw_sha256_start(h);
}

static void tear_down(struct dw_sha256 *h)
{
    EVP_MD_CTX_free(h->ctx);
    EVP_MD_free(h->md);
}

struct dw_sha256 *dw_sha256_new(void)
{
    struct dw_sha256 *h = dw_calloc(1, sizeof *h);
    DW_ASSERT(h);
    set_up(h);
    return h;
}

void dw_sha256_free(struct dw_sha256 *h)
{
    if (!h)
        return;
    tear_down(h);
    dw_free(h);
}

void dw_sha256_start(struct dw_sha256 *h)
{
    int ok = EVP_DigestInit_ex2(h->ctx, h->md, NULL);
    DW_ASSERT(ok == 1);
}

void dw_sha256_add(struct dw_sha256 *h, const void *bytes, size_t len)
{
    int ok = EVP_DigestUpdate(h->ctx, bytes, len);
    DW_ASSERT(ok == 1);
}

void dw_sha256_add_str(struct dw_sha256 *h, struct dw_str s)
{
    uint8_t len[8];
    for (unsigned i = 0; i < 8; i++)
        len[i] = (uint8_t)((uint64_t)s.len >> (8 * i));
    dw_sha256_add(h, len, sizeof len);
    dw_sha256_add(h, s.ptr, s.len);
}

void dw_sha256_end(struct dw_sha256 *h, uint8_t ret[DW_SHA256_BYTES])
{
    unsigned len = 0;
    int ok = EVP_DigestFinal_ex(h->ctx, ret, &len);
    DW_ASSERT(ok == 1 && len == DW_SHA256_BYTES);
}

void dw_sha256_of(struct dw_str bytes, uint8_t ret[DW_SHA256_BYTES])
{
    struct dw_sha256 h;
    set_up(&h);
    dw_sha256_add(&h, bytes.ptr, bytes.len);
    dw_sha256_end(&h, ret);
    tear_down(&h);
}

static void join_nodes(struct dw_sha256 *h, const uint8_t *left, const uint8_t *right, uint8_t *ret)
{
    static const uint8_t inner = 1;
    dw_sha256_start(h);
    dw_sha256_add(h, &inner, 1);
    dw_sha256_add(h, left, DW_SHA256_BYTES);
    dw_sha256_add(h, right, DW_SHA256_BYTES);
    dw_sha256_end(h, ret);
}

void dw_tree_init(struct dw_tree *t)
{
    t->count = 0;
}

void dw_tree_add(struct dw_tree *t, struct dw_sha256 *h, struct dw_str leaf)
{
    static const uint8_t zero = 0;
    uint8_t node[DW_SHA256_BYTES];
    dw_sha256_start(h);
    dw_sha256_add(h, &zero, 1);
    dw_sha256_add(h, leaf.ptr, leaf.len);
    dw_sha256_end(h, node);
    unsigned level = 0;
    for (; t->count >> level & 1; level++)
        join_nodes(h, t->node[level], node, node);
    memcpy(t->node[level], node, sizeof node);
    t->count++;
}

void dw_tree_head(const struct dw_tree *t, struct dw_sha256 *h, uint8_t ret[DW_SHA256_BYTES])
{
    bool first = true;
    if (t->count == 0) {
        dw_sha256_start(h);
        dw_sha256_end(h, ret);
        return;
    }
    for (unsigned level = 0; level < 64; level++) {
        if (!(t->count >> level & 1))
            continue;
        if (first)
            memcpy(ret, t->node[level], DW_SHA256_BYTES);
        else
            join_nodes(h, t->node[level], ret, ret);
        first = false;
    }
}
