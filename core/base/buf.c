/*
 * buf: bytes that grow, and a cursor that takes them apart again.
 *
 * Invariants:
 *   (1) len <= cap; ptr is NULL only while cap is 0.
 *   (2) After the first failure nothing is appended until reset, so a short buffer can never
 *       be taken for a whole one by someone who checks err.
 *   (3) A cursor never reads at or past `end`.
 */
#include "dogwatch/base/buf.h"

#include "dogwatch/base/error.h"
#include "dogwatch/base/mem.h"

#include <stdarg.h>
#include <stdio.h>

void dw_buf_init(struct dw_buf *b)
{
    *b = (struct dw_buf){0};
}

void dw_buf_fini(struct dw_buf *b)
{
    dw_free(b->ptr);
    *b = (struct dw_buf){0};
}

void dw_buf_reset(struct dw_buf *b)
{
    b->len = 0;
    b->err = DW_OK;
}

char *dw_buf_reserve(struct dw_buf *b, size_t more)
{
    if (b->err)
        return NULL;
    if (b->ptr && more <= b->cap - b->len)
        return b->ptr + b->len;
    size_t want = b->cap ? b->cap : 256;
    while (want - b->len < more) {
        if (want > SIZE_MAX / 4) {
            b->err = DW_ENOMEM;
            return NULL;
        }
        want *= 2;
    }
    char *ptr = dw_resize(b->ptr, want);
    if (!ptr) {
        b->err = DW_ENOMEM;
        return NULL;
    }
    b->ptr = ptr;
    b->cap = want;
    return b->ptr + b->len;
}

void dw_buf_add(struct dw_buf *b, const void *bytes, size_t len)
{
    char *at = dw_buf_reserve(b, len);
    if (!at || len == 0)
        return;
    memcpy(at, bytes, len);
    b->len += len;
}

void dw_buf_str(struct dw_buf *b, struct dw_str s)
{
    dw_buf_add(b, s.ptr, s.len);
}

void dw_buf_byte(struct dw_buf *b, uint8_t byte)
{
    char *at = dw_buf_reserve(b, 1);
    if (!at)
        return;
    *at = (char)byte;
    b->len++;
}

void dw_buf_printf(struct dw_buf *b, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    va_list again;
    va_copy(again, args);
    int n = vsnprintf(NULL, 0, fmt, args);
    va_end(args);
    DW_ASSERT(n >= 0);
    char *at = dw_buf_reserve(b, (size_t)n + 1);
    if (at) {
        (void)vsnprintf(at, (size_t)n + 1, fmt, again);
        b->len += (size_t)n;
    }
    va_end(again);
}

static void add_le(struct dw_buf *b, uint64_t v, unsigned bytes)
{
    char *at = dw_buf_reserve(b, bytes);
    if (!at)
        return;
    for (unsigned i = 0; i < bytes; i++)
        at[i] = (char)(v >> (8 * i));
    b->len += bytes;
}

void dw_buf_u16(struct dw_buf *b, uint16_t v)
{
    add_le(b, v, 2);
}

void dw_buf_u32(struct dw_buf *b, uint32_t v)
{
    add_le(b, v, 4);
}

void dw_buf_u64(struct dw_buf *b, uint64_t v)
{
    add_le(b, v, 8);
}

void dw_buf_double(struct dw_buf *b, double v)
{
    uint64_t bits;
    memcpy(&bits, &v, sizeof bits);
    dw_buf_u64(b, bits);
}

void dw_buf_varint(struct dw_buf *b, uint64_t v)
{
    char *at = dw_buf_reserve(b, 10);
    if (!at)
        return;
    size_t n = 0;
    for (; v >= 0x80; v >>= 7)
        at[n++] = (char)(v | 0x80);
    at[n++] = (char)v;
    b->len += n;
}

void dw_buf_zigzag(struct dw_buf *b, int64_t v)
{
    dw_buf_varint(b, dw_zigzag(v));
}

void dw_buf_counted(struct dw_buf *b, struct dw_str s)
{
    dw_buf_varint(b, s.len);
    dw_buf_str(b, s);
}

static uint64_t take_le(struct dw_cursor *c, unsigned bytes)
{
    if (dw_cursor_left(c) < bytes) {
        c->bad = true;
        c->at = c->end;
        return 0;
    }
    uint64_t v = 0;
    for (unsigned i = 0; i < bytes; i++)
        v |= (uint64_t)c->at[i] << (8 * i);
    c->at += bytes;
    return v;
}

uint8_t dw_take_byte(struct dw_cursor *c)
{
    return (uint8_t)take_le(c, 1);
}

uint16_t dw_take_u16(struct dw_cursor *c)
{
    return (uint16_t)take_le(c, 2);
}

uint32_t dw_take_u32(struct dw_cursor *c)
{
    return (uint32_t)take_le(c, 4);
}

uint64_t dw_take_u64(struct dw_cursor *c)
{
    return take_le(c, 8);
}

double dw_take_double(struct dw_cursor *c)
{
    uint64_t bits = dw_take_u64(c);
    double v;
    memcpy(&v, &bits, sizeof v);
    return v;
}

uint64_t dw_take_varint_slow(struct dw_cursor *c)
{
    uint64_t v = 0;
    for (unsigned shift = 0; shift < 70 && c->at < c->end; shift += 7) {
        uint8_t byte = *c->at++;
        if (shift == 63 && byte > 1)
            break;
        v |= (uint64_t)(byte & 0x7f) << shift;
        if (byte < 0x80)
            return v;
    }
    c->bad = true;
    c->at = c->end;
    return 0;
}

struct dw_str dw_take_bytes(struct dw_cursor *c, size_t len)
{
    if (dw_cursor_left(c) < len) {
        c->bad = true;
        c->at = c->end;
        return DW_STR_NONE;
    }
    struct dw_str s = dw_str_make((const char *)c->at, len);
    c->at += len;
    return s;
}

void dw_take_into(struct dw_cursor *c, void *out, size_t len)
{
    struct dw_str s = dw_take_bytes(c, len);
    if (s.ptr)
        memcpy(out, s.ptr, len);
}

struct dw_str dw_take_counted(struct dw_cursor *c)
{
    uint64_t len = dw_take_varint(c);
    if (len <= dw_cursor_left(c))
        return dw_take_bytes(c, (size_t)len);
    c->bad = true;
    return DW_STR_NONE;
}

uint32_t dw_take_max(struct dw_cursor *c, uint32_t max)
{
    uint64_t v = dw_take_varint(c);
    if (v <= max)
        return (uint32_t)v;
    c->bad = true;
    return 0;
}
