/*
 * A fast keyed hash for tables in memory (SipHash-1-3; Aumasson and Bernstein 2012).
 *
 * Log lines are attacker-written, so tables that hold their bytes are keyed per process.
 * Never stored and never sent: for identity and proof see frame/digest.h. Thread: any.
 */
#ifndef DOGWATCH_BASE_HASH_H
#define DOGWATCH_BASE_HASH_H

#include "dogwatch/base/str.h"

struct dw_hash_key {
    uint64_t k0, k1;
};

/* 64 bits of `s` under `key`. */
uint64_t dw_hash(struct dw_hash_key key, struct dw_str s);
/* The process's own random key, made on first use. */
struct dw_hash_key dw_hash_process_key(void);

#endif
