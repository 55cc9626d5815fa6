/*
 * keyed: things kept by a key of bytes.
 */
#include "dogwatch/base/keyed.h"

#include "dogwatch/base/hash.h"
#include "dogwatch/base/mem.h"

void *dw_keyed_find(const struct dw_keyed *k, struct dw_str key)
{
    for (struct dw_node *n = dw_table_find(&k->table, dw_hash(dw_hash_process_key(), key)); n; n = dw_table_next(n)) {
        struct dw_keyed_item *item = DW_ITEM(n, struct dw_keyed_item, node);
        if (dw_str_eq(item->key, key))
            return item;
    }
    return NULL;
}

void *dw_keyed_add(struct dw_keyed *k, struct dw_str key, size_t size)
{
    struct dw_keyed_item *item = dw_calloc(1, size + key.len);
    if (!item)
        return NULL;
    if (key.len)
        memcpy((char *)item + size, key.ptr, key.len);
    item->key = dw_str_make((char *)item + size, key.len);
    dw_table_add(&k->table, &item->node, dw_hash(dw_hash_process_key(), key));
    if (k->last)
        k->last->next = item;
    else
        k->first = item;
    k->last = item;
    k->count++;
    return item;
}

void *dw_keyed_get(struct dw_keyed *k, struct dw_str key, size_t size)
{
    void *item = dw_keyed_find(k, key);
    return item ? item : dw_keyed_add(k, key, size);
}

void dw_keyed_drop_first(struct dw_keyed *k)
{
    struct dw_keyed_item *item = k->first;
    DW_ASSERT(item);
    dw_table_remove(&k->table, &item->node);
    k->first = item->next;
    k->last = k->first ? k->last : NULL;
    k->count--;
    dw_free(item);
}

void dw_keyed_fini(struct dw_keyed *k)
{
    while (k->first) {
        struct dw_keyed_item *item = k->first;
        k->first = item->next;
        dw_free(item);
    }
    dw_table_fini(&k->table);
    *k = (struct dw_keyed){0};
}

void dw_keyed_part(struct dw_buf *key, struct dw_str part)
{
    dw_buf_u32(key, (uint32_t)part.len);
    dw_buf_str(key, part);
}

char *dw_keyed_texts(const struct dw_str *text, uint32_t count, const char **ret)
{
    size_t bytes = count;
    for (uint32_t i = 0; i < count; i++)
        bytes += text[i].len;
    char *block = dw_alloc(bytes), *at = block;
    for (uint32_t i = 0; block && i < count; i++) {
        if (text[i].len)
            memcpy(at, text[i].ptr, text[i].len);
        at[text[i].len] = '\0';
        ret[i] = at;
        at += text[i].len + 1;
    }
    return block;
}
