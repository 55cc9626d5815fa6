/*
 * arena: a list of chunks, the newest in use.
 *
 * Invariants:
 *   (1) used <= cap; both describe the head chunk.
 *   (2) A chunk never moves, so no view into it is ever invalidated before reset or fini.
 */
#include "dogwatch/base/arena.h"

#include "dogwatch/base/mem.h"

#include <stdalign.h>

enum { CHUNK_MIN = 1024, ALIGN = alignof(max_align_t) };

struct dw_arena_chunk {
    struct dw_arena_chunk *next;
    size_t cap;
    alignas(max_align_t) char bytes[];
};

void dw_arena_init(struct dw_arena *a, size_t limit)
{
    *a = (struct dw_arena){.limit = limit};
}

static void free_chunks(struct dw_arena_chunk *c)
{
    while (c) {
        struct dw_arena_chunk *next = c->next;
        dw_free(c);
        c = next;
    }
}

void dw_arena_fini(struct dw_arena *a)
{
    free_chunks(a->head);
    *a = (struct dw_arena){.limit = a->limit};
}

void dw_arena_reset(struct dw_arena *a)
{
    if (!a->head)
        return;
    free_chunks(a->head->next);
    a->head->next = NULL;
    a->used = 0;
    a->total = a->head->cap;
}

static bool grow(struct dw_arena *a, size_t size)
{
    size_t cap = a->cap * 2 > CHUNK_MIN ? a->cap * 2 : CHUNK_MIN;
    if (cap > 1024 * 1024)
        cap = 1024 * 1024;
    if (cap < size)
        cap = size;
    if (cap > SIZE_MAX / 2 || (a->limit && a->total + cap > a->limit))
        return false;
    struct dw_arena_chunk *c = dw_alloc(sizeof *c + cap);
    if (!c)
        return false;
    c->next = a->head;
    c->cap = cap;
    a->head = c;
    a->cap = cap;
    a->used = 0;
    a->total += cap;
    return true;
}

static void *take(struct dw_arena *a, size_t size)
{
    if (size > a->cap - a->used && !grow(a, size))
        return NULL;
    void *ptr = a->head->bytes + a->used;
    a->used += size;
    return ptr;
}

void *dw_arena_alloc(struct dw_arena *a, size_t size)
{
    size_t rounded = (size + ALIGN - 1) / ALIGN * ALIGN;
    if (rounded < size)
        return NULL;
    size_t pad = (ALIGN - a->used % ALIGN) % ALIGN;
    if (a->head && pad <= a->cap - a->used)
        a->used += pad;
    void *ptr = take(a, rounded ? rounded : ALIGN);
    if (ptr)
        memset(ptr, 0, rounded);
    return ptr;
}

struct dw_str dw_arena_copy(struct dw_arena *a, struct dw_str s)
{
    char *ptr = s.len < SIZE_MAX ? take(a, s.len + 1) : NULL;
    if (!ptr)
        return DW_STR_NONE;
    if (s.len)
        memcpy(ptr, s.ptr, s.len);
    ptr[s.len] = '\0';
    return dw_str_make(ptr, s.len);
}
