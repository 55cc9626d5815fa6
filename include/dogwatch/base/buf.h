/*
 * A growable byte buffer with a sticky error.
 *
 * Appending never has to be checked one by one: after the first failure the buffer ignores
 * appends and `err` holds the code; whoever uses the bytes checks `err` once.
 * Thread: whoever owns it.
 */
#ifndef DOGWATCH_BASE_BUF_H
#define DOGWATCH_BASE_BUF_H

#include "dogwatch/base/assert.h"
#include "dogwatch/base/str.h"

struct dw_buf {
    char *ptr;
    size_t len, cap;
    int err; /* DW_OK, or the first failure since init or reset */
};

/* Zeroed memory is a valid empty buffer too. */
void dw_buf_init(struct dw_buf *b);
void dw_buf_fini(struct dw_buf *b);
/* Length 0, error cleared, memory kept. */
void dw_buf_reset(struct dw_buf *b);
/* Room for `more` further bytes; NULL (and err set) when there is no memory. The pointer is
 * to the end of the buffer; after writing there, add to `len`. */
char *dw_buf_reserve(struct dw_buf *b, size_t more);

void dw_buf_add(struct dw_buf *b, const void *bytes, size_t len);
void dw_buf_str(struct dw_buf *b, struct dw_str s);
void dw_buf_byte(struct dw_buf *b, uint8_t byte);
void dw_buf_printf(struct dw_buf *b, const char *fmt, ...) DW_PRINTF(2, 3);
/* Little endian. */
void dw_buf_u16(struct dw_buf *b, uint16_t v);
void dw_buf_u32(struct dw_buf *b, uint32_t v);
void dw_buf_u64(struct dw_buf *b, uint64_t v);
/* The bits of an IEEE 754 double. */
void dw_buf_double(struct dw_buf *b, double v);
/* LEB128, at most 10 bytes; and the same of a zigzag-coded signed number. */
void dw_buf_varint(struct dw_buf *b, uint64_t v);
void dw_buf_zigzag(struct dw_buf *b, int64_t v);
/* The length as a varint, then the bytes. */
void dw_buf_counted(struct dw_buf *b, struct dw_str s);

static inline struct dw_str dw_buf_view(const struct dw_buf *b)
{
    return dw_str_make(b->ptr, b->len);
}

/* A bounded reader over bytes: every take fails (sets `bad`) instead of reading past the end,
 * and gives 0 from then on. Borrows the bytes for its life. */
struct dw_cursor {
    const uint8_t *at, *end;
    bool bad;
};

static inline struct dw_cursor dw_cursor_of(struct dw_str s)
{
    const uint8_t *p = (const uint8_t *)s.ptr;
    return (struct dw_cursor){p, p ? p + s.len : p, false};
}

static inline size_t dw_cursor_left(const struct dw_cursor *c)
{
    return (size_t)(c->end - c->at);
}

uint8_t dw_take_byte(struct dw_cursor *c);
uint16_t dw_take_u16(struct dw_cursor *c);
uint32_t dw_take_u32(struct dw_cursor *c);
uint64_t dw_take_u64(struct dw_cursor *c);
double dw_take_double(struct dw_cursor *c);
/* Refuses numbers over 64 bits and non-minimal forms over 10 bytes. */
uint64_t dw_take_varint_slow(struct dw_cursor *c);
/* Takes `len` bytes; an empty view (and `bad`) when there are fewer. */
struct dw_str dw_take_bytes(struct dw_cursor *c, size_t len);
/* Copies `len` bytes to `out`; leaves it as it is when there are fewer. */
void dw_take_into(struct dw_cursor *c, void *out, size_t len);
/* What dw_buf_counted wrote. */
struct dw_str dw_take_counted(struct dw_cursor *c);
/* A varint that may not be over `max`; 0 (and `bad`) when it is. */
uint32_t dw_take_max(struct dw_cursor *c, uint32_t max);

static inline uint64_t dw_take_varint(struct dw_cursor *c)
{
    if (c->at < c->end && *c->at < 0x80) /* the usual case: one byte */
        return *c->at++;
    return dw_take_varint_slow(c);
}

/* Small numbers of either sign as small unsigned ones. */
static inline uint64_t dw_zigzag(int64_t v)
{
    return (uint64_t)v << 1 ^ (uint64_t)(v >> 63);
}

static inline int64_t dw_unzigzag(uint64_t v)
{
    return (int64_t)(v >> 1) ^ -(int64_t)(v & 1);
}

static inline int64_t dw_take_zigzag(struct dw_cursor *c)
{
    return dw_unzigzag(dw_take_varint(c));
}

/* Numbers are stored as differences to the one before. They wrap, so any two have one, and adding it back gives the first. */
static inline int64_t dw_minus(int64_t a, int64_t b)
{
    return (int64_t)((uint64_t)a - (uint64_t)b);
}

static inline int64_t dw_plus(int64_t a, int64_t b)
{
    return (int64_t)((uint64_t)a + (uint64_t)b);
}

#endif
