/*
 * An arena: many small allocations, one release.
 *
 * Memory comes in chunks and never moves, so views into it stay valid until reset or fini.
 * Thread: whoever owns it.
 */
#ifndef DOGWATCH_BASE_ARENA_H
#define DOGWATCH_BASE_ARENA_H

#include "dogwatch/base/str.h"

struct dw_arena_chunk;

struct dw_arena {
    struct dw_arena_chunk *head; /* newest first */
    size_t used, cap;            /* in the head chunk */
    size_t total;                /* bytes held from dw_alloc */
    size_t limit;                /* bound on `total`; 0: none */
};

/* `limit` bytes may be held at most (0: no bound of its own). Allocates nothing yet. */
void dw_arena_init(struct dw_arena *a, size_t limit);
void dw_arena_fini(struct dw_arena *a);
/* Ends every allocation; keeps the newest chunk for reuse. */
void dw_arena_reset(struct dw_arena *a);
/* Gives zeroed bytes aligned for any type, valid until reset or fini; NULL over the limit or without memory. */
void *dw_arena_alloc(struct dw_arena *a, size_t size);
/* Copies bytes in, followed by a NUL that does not count. A NULL pointer in the answer: no memory. */
struct dw_str dw_arena_copy(struct dw_arena *a, struct dw_str s);

#endif
