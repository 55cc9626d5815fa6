/*
 * Allocation: the one place that calls malloc, so that tests can make the nth call fail.
 *
 * Thread: any. The operations are swapped only by tests, before threads start.
 */
#ifndef DOGWATCH_BASE_MEM_H
#define DOGWATCH_BASE_MEM_H

#include <stddef.h>
#include <stdint.h>

struct dw_mem_ops {
    void *(*alloc)(size_t size);
    void *(*resize)(void *ptr, size_t size);
    void (*release)(void *ptr);
};

/* Gives `size` bytes, not cleared; NULL when there are none. size 0 gives a valid pointer. */
void *dw_alloc(size_t size);
/* Gives count * size zeroed bytes; NULL on overflow or when there are none. */
void *dw_calloc(size_t count, size_t size);
/* As realloc: on failure NULL, and `ptr` stays valid. */
void *dw_resize(void *ptr, size_t size);
/* Room for one item behind `count`: where `*cap` are full, for twice as many, or `first` at first. Gives the array, which may have moved; on failure NULL, and `items` stays valid. */
void *dw_grow(void *items, uint32_t count, uint32_t *cap, uint32_t first, size_t size);
/* Frees; NULL is fine. */
void dw_free(void *ptr);
/* Gives a NUL-terminated copy of `len` bytes; NULL when there is no memory. */
char *dw_strndup(const char *ptr, size_t len);

/* Replaces the operations (NULL: the C library's again). For tests. */
void dw_mem_set_ops(const struct dw_mem_ops *ops);

#endif
