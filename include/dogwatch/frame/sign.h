/*
 * Ed25519 keys of agents (RFC 8032), through libcrypto.
 *
 * Thread: any, one object a thread.
 */
#ifndef DOGWATCH_FRAME_SIGN_H
#define DOGWATCH_FRAME_SIGN_H

#include "dogwatch/base/fs.h"

enum { DW_PUBLIC_KEY_BYTES = 32, DW_SIGNATURE_BYTES = 64, DW_AGENT_ID_BYTES = 16 };

struct dw_key; /* a private key with its public half */

/* Reads the key at `path` (32 raw bytes, mode 0600), or makes one there when there is none. *ret_key is given.
 * DW_ECORRUPT when the file is no key. */
DW_MUST_USE int dw_key_open(const struct dw_fs *fs, const char *path, struct dw_key **ret_key);
/* A key from its 32 seed bytes, for tests. */
DW_MUST_USE int dw_key_from_seed(const uint8_t seed[32], struct dw_key **ret_key);
void dw_key_free(struct dw_key *key);
/* The public half; lives as long as the key. */
const uint8_t *dw_key_public(const struct dw_key *key);
/* First 16 bytes of SHA-256(public key). */
void dw_key_agent_id(const uint8_t public_key[DW_PUBLIC_KEY_BYTES], uint8_t ret_id[DW_AGENT_ID_BYTES]);

/* Signs a frame's hash. DW_ECRYPTO when libcrypto refuses. */
DW_MUST_USE int dw_key_sign(const struct dw_key *key, const uint8_t hash[32], uint8_t ret[DW_SIGNATURE_BYTES]);
/* DW_OK, or DW_ESIGNATURE. */
DW_MUST_USE int dw_sign_verify(const uint8_t public_key[DW_PUBLIC_KEY_BYTES], const uint8_t hash[32],
    const uint8_t signature[DW_SIGNATURE_BYTES]);

#endif
