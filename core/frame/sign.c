/*
 * sign: one Ed25519 key an agent, kept as its 32 seed bytes in a file only its owner can read.
 *
 * Invariants:
 *   (1) What is signed begins with a fixed text, so a signature of a frame can never stand for anything else.
 *   (2) The seed is never printed and never leaves the file but into libcrypto.
 */
#include "dogwatch/frame/sign.h"

#include "dogwatch/base/error.h"
#include "dogwatch/base/mem.h"
#include "dogwatch/base/rng.h"
#include "dogwatch/frame/digest.h"

#include <openssl/evp.h>

static const char domain[] = "dogwatch frame v1\n";

enum { DOMAIN_LEN = sizeof domain - 1, SIGNED_LEN = DOMAIN_LEN + 32 };

struct dw_key {
    EVP_PKEY *pkey;
    uint8_t public_key[DW_PUBLIC_KEY_BYTES];
};

int dw_key_from_seed(const uint8_t seed[32], struct dw_key **ret_key)
{
    struct dw_key *key = dw_calloc(1, sizeof *key);
    if (!key)
        return DW_ENOMEM;
    size_t len = sizeof key->public_key;
    key->pkey = EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL, seed, 32);
    if (!key->pkey || EVP_PKEY_get_raw_public_key(key->pkey, key->public_key, &len) != 1) {
        dw_key_free(key);
        return DW_ECRYPTO;
    }
    *ret_key = key;
    return DW_OK;
}

int dw_key_open(const struct dw_fs *fs, const char *path, struct dw_key **ret_key)
{
    struct dw_buf b = {0};
    uint8_t seed[32];
    int rc = dw_fs_read_file(fs, path, 64, &b);
    if (rc == DW_OK)
        rc = b.len == sizeof seed ? DW_OK : DW_ECORRUPT;
    if (rc == DW_OK)
        memcpy(seed, b.ptr, sizeof seed);
    if (b.ptr)
        memset(b.ptr, 0, b.len);
    dw_buf_fini(&b);
    if (rc == DW_ENOENT) {
        rc = dw_rng_bytes(seed, sizeof seed);
        if (rc == DW_OK)
            rc = dw_fs_write_file(fs, path, 0600, dw_str_make((const char *)seed, sizeof seed));
    }
    if (rc == DW_OK)
        rc = dw_key_from_seed(seed, ret_key);
    memset(seed, 0, sizeof seed);
    return rc;
}

void dw_key_free(struct dw_key *key)
{
    if (!key)
        return;
    EVP_PKEY_free(key->pkey);
    dw_free(key);
}

const uint8_t *dw_key_public(const struct dw_key *key)
{
    return key->public_key;
}

void dw_key_agent_id(const uint8_t public_key[DW_PUBLIC_KEY_BYTES], uint8_t ret_id[DW_AGENT_ID_BYTES])
{
    uint8_t full[DW_SHA256_BYTES];
    dw_sha256_of(dw_str_make((const char *)public_key, DW_PUBLIC_KEY_BYTES), full);
    memcpy(ret_id, full, DW_AGENT_ID_BYTES);
}

static void signed_bytes(const uint8_t hash[32], uint8_t out[SIGNED_LEN])
{
    memcpy(out, domain, DOMAIN_LEN);
    memcpy(out + DOMAIN_LEN, hash, 32);
}

int dw_key_sign(const struct dw_key *key, const uint8_t hash[32], uint8_t ret[DW_SIGNATURE_BYTES])
{
    uint8_t bytes[SIGNED_LEN];
    size_t len = DW_SIGNATURE_BYTES;
    signed_bytes(hash, bytes);
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    bool ok = ctx && EVP_DigestSignInit(ctx, NULL, NULL, NULL, key->pkey) == 1
        && EVP_DigestSign(ctx, ret, &len, bytes, sizeof bytes) == 1 && len == DW_SIGNATURE_BYTES;
    EVP_MD_CTX_free(ctx);
    return ok ? DW_OK : DW_ECRYPTO;
}

int dw_sign_verify(const uint8_t public_key[DW_PUBLIC_KEY_BYTES], const uint8_t hash[32],
    const uint8_t signature[DW_SIGNATURE_BYTES])
{
    uint8_t bytes[SIGNED_LEN];
    signed_bytes(hash, bytes);
    EVP_PKEY *pkey = EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL, public_key, DW_PUBLIC_KEY_BYTES);
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    bool ok = pkey && ctx && EVP_DigestVerifyInit(ctx, NULL, NULL, NULL, pkey) == 1
        && EVP_DigestVerify(ctx, signature, DW_SIGNATURE_BYTES, bytes, sizeof bytes) == 1;
    EVP_MD_CTX_free(ctx);
    EVP_PKEY_free(pkey);
    return ok ? DW_OK : DW_ESIGNATURE;
}
