/*
 * journal_hash: Bob Jenkins' lookup3 of 2006 (public domain), as journals use it.
 *
 * Idea: a cursor's x= is the XOR of this hash over all fields of its entry (NAME=value), whatever hash the file itself uses. So it shows whether all of them were read.
 */
#include "journal_int.h"

enum { BLOCK = 12, WORDS = 3 };

static uint32_t turned(uint32_t v, unsigned by)
{
    return (v << by) | (v >> (32 - by));
}

/* Adds up to 12 bytes, little endian, to the three words. */
static void add_block(uint32_t w[WORDS], const char *at, size_t len)
{
    for (size_t i = 0; i < len; i++)
        w[i / 4] += (uint32_t)(unsigned char)at[i] << (8 * (i % 4));
}

/* Rounds of the mixing: which word is turned, by how much. */
static void mix(uint32_t w[WORDS])
{
    static const unsigned by[] = {4, 6, 8, 16, 19, 4};
    for (unsigned i = 0; i < DW_COUNT_OF(by); i++) {
        uint32_t *x = &w[i % 3], *y = &w[(i + 1) % 3], *z = &w[(i + 2) % 3];
        *x -= *z;
        *x ^= turned(*z, by[i]);
        *z += *y;
    }
}

static void finish(uint32_t w[WORDS])
{
    static const unsigned by[] = {14, 11, 25, 16, 4, 14, 24};
    for (unsigned i = 0; i < DW_COUNT_OF(by); i++) {
        uint32_t *x = &w[(i + 2) % 3], *y = &w[(i + 1) % 3];
        *x ^= *y;
        *x -= turned(*y, by[i]);
    }
}

uint64_t journal_hash(struct dw_str bytes)
{
    uint32_t start = 0xdeadbeef + (uint32_t)bytes.len;
    uint32_t w[WORDS] = {start, start, start};
    const char *at = bytes.ptr;
    size_t left = bytes.len;
    for (; left > BLOCK; left -= BLOCK, at += BLOCK) {
        add_block(w, at, BLOCK);
        mix(w);
    }
    if (left) {
        add_block(w, at, left);
        finish(w);
    }
    uint64_t high = w[2];
    return high * (UINT64_C(1) << 32) + w[1];
}
