/*
 * mem: malloc behind three function pointers.
 */
#include "dogwatch/base/mem.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

static const struct dw_mem_ops libc_ops = {.alloc = malloc, .resize = realloc, .release = free};
static const struct dw_mem_ops *mem_ops = &libc_ops;

void dw_mem_set_ops(const struct dw_mem_ops *ops)
{
    mem_ops = ops ? ops : &libc_ops;
}

void *dw_alloc(size_t size)
{
    return mem_ops->alloc(size ? size : 1);
}

void *dw_calloc(size_t count, size_t size)
{
    if (size && count > SIZE_MAX / size)
        return NULL;
    void *ptr = dw_alloc(count * size);
    if (ptr)
        memset(ptr, 0, count * size);
    return ptr;
}

void *dw_resize(void *ptr, size_t size)
{
    return mem_ops->resize(ptr, size ? size : 1);
}

void *dw_grow(void *items, uint32_t count, uint32_t *cap, uint32_t first, size_t size)
{
    if (count < *cap)
        return items;
    uint32_t more = *cap ? *cap * 2 : first;
    void *grown = more > *cap ? dw_resize(items, more * size) : NULL;
    *cap = grown ? more : *cap;
    return grown;
}

void dw_free(void *ptr)
{
    if (ptr)
        mem_ops->release(ptr);
}

char *dw_strndup(const char *ptr, size_t len)
{
    char *copy = dw_alloc(len + 1);
    if (!copy)
        return NULL;
    if (len)
        memcpy(copy, ptr, len);
    copy[len] = '\0';
    return copy;
}
