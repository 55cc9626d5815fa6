/*
 * Views: strings by pointer and length, passed by value.
 *
 * A view never owns its bytes and is never NUL-terminated. Thread: any (pure functions).
 */
#ifndef DOGWATCH_BASE_STR_H
#define DOGWATCH_BASE_STR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* A view of bytes owned by someone else. */
struct dw_str {
    const char *ptr;
    size_t len;
};

/* A view of a string literal. */
#define DW_STR(lit) ((struct dw_str){"" lit, sizeof(lit) - 1})
#define DW_STR_NONE ((struct dw_str){NULL, 0})
/* For printf: printf("%.*s", DW_ARG(s)). */
#define DW_ARG(s) (int)(s).len, (s).ptr ? (s).ptr : ""

static inline struct dw_str dw_str_of(const char *cstr)
{
    return (struct dw_str){cstr, cstr ? strlen(cstr) : 0};
}

static inline struct dw_str dw_str_make(const char *ptr, size_t len)
{
    return (struct dw_str){ptr, len};
}

static inline bool dw_str_eq(struct dw_str a, struct dw_str b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.ptr, b.ptr, a.len) == 0);
}

/* Equal but for the case of A-Z. */
bool dw_str_ieq(struct dw_str a, struct dw_str b);
static inline bool dw_str_starts(struct dw_str s, struct dw_str prefix)
{
    return s.len >= prefix.len && (prefix.len == 0 || memcmp(s.ptr, prefix.ptr, prefix.len) == 0);
}

static inline bool dw_str_ends(struct dw_str s, struct dw_str suffix)
{
    return s.len >= suffix.len && (suffix.len == 0 || memcmp(s.ptr + s.len - suffix.len, suffix.ptr, suffix.len) == 0);
}


/* Bytewise order, shorter first when one is a prefix of the other: <0, 0, >0. */
int dw_str_cmp(struct dw_str a, struct dw_str b);

/* Index of the first `byte`, or s.len when there is none. */
static inline size_t dw_str_index(struct dw_str s, char byte)
{
    const char *hit = s.len ? memchr(s.ptr, byte, s.len) : NULL;
    return hit ? (size_t)(hit - s.ptr) : s.len;
}

/* Index of the first occurrence of `needle`, or s.len. An empty needle is found at 0. */
size_t dw_str_find(struct dw_str s, struct dw_str needle);

/* The part [from, to) of s; both are clamped to s.len. */
static inline struct dw_str dw_str_slice(struct dw_str s, size_t from, size_t to)
{
    if (to > s.len)
        to = s.len;
    if (from > to)
        from = to;
    return s.ptr ? dw_str_make(s.ptr + from, to - from) : s;
}

static inline bool dw_is_blank(char ch)
{
    return ch == ' ' || ch == '\t' || ch == '\r' || ch == '\n';
}

/* s without blanks at both ends. */
static inline struct dw_str dw_str_trim(struct dw_str s)
{
    while (s.len && dw_is_blank(s.ptr[0])) {
        s.ptr++;
        s.len--;
    }
    while (s.len && dw_is_blank(s.ptr[s.len - 1]))
        s.len--;
    return s;
}

/* Cuts *s at the first `sep`: returns what stands before it and leaves in *s what follows
 * it. Without `sep` returns all and leaves an empty view with a NULL pointer. */
struct dw_str dw_str_cut(struct dw_str *s, char sep);

/* Whole view as a decimal number. False (and *ret untouched) on empty input, other bytes,
 * or overflow. The signed form takes one leading '-'. */
bool dw_str_u64(struct dw_str s, uint64_t *ret);
bool dw_str_i64(struct dw_str s, int64_t *ret);

/* Smallest number of edits (insert, delete, replace, swap of neighbours) that turns a into
 * b, for "did you mean"; stops at `limit` and returns limit + 1. Views over 63 bytes: limit + 1. */
unsigned dw_str_distance(struct dw_str a, struct dw_str b, unsigned limit);

/* Writes 2 * len lower-case hex digits and a NUL to out. */
void dw_hex(const uint8_t *bytes, size_t len, char *out);
/* Reads exactly 2 * len hex digits; false on anything else. */
bool dw_unhex(struct dw_str s, uint8_t *ret, size_t len);

#endif
