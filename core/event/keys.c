/*
 * keys: names to small numbers and back.
 *
 * Idea: an open-addressing table of ids over an array of names; the compile-time table is entered first, in
 * order, so that DW_F_x is both the enum and the id.
 *
 * Invariants:
 *   (1) Ids are dense, never reused, and names never move (arena).
 *   (2) slots is a power of two and at most half full.
 */
#include "dogwatch/event/keys.h"

#include "dogwatch/base/arena.h"
#include "dogwatch/base/error.h"
#include "dogwatch/base/hash.h"
#include "dogwatch/base/mem.h"

static const struct {
    struct dw_str name;
    const char *doc;
    enum dw_field_type type;
    bool list;
} rows[] = {
#define FIELD(id, name, type, list, doc) {{"" name, sizeof(name) - 1}, doc, DW_T_##type, list},
#include "dogwatch/tbl/fields.h"
#undef FIELD
};

struct dw_keys {
    struct dw_arena arena;
    struct dw_hash_key hash;
    uint32_t count, slot_count;
    uint32_t *slot;       /* id + 1, 0: free */
    struct dw_str *name;  /* by id */
    uint32_t name_cap;
};

static int grow_names(struct dw_keys *k)
{
    uint32_t cap = k->name_cap ? k->name_cap * 2 : 512;
    struct dw_str *name = dw_resize(k->name, cap * sizeof *name);
    if (!name)
        return DW_ENOMEM;
    k->name = name;
    k->name_cap = cap;
    return DW_OK;
}

static uint32_t *find_slot(const struct dw_keys *k, struct dw_str name)
{
    uint32_t at = (uint32_t)dw_hash(k->hash, name) & (k->slot_count - 1);
    while (k->slot[at] && !dw_str_eq(k->name[k->slot[at] - 1], name))
        at = (at + 1) & (k->slot_count - 1);
    return &k->slot[at];
}

static int rehash(struct dw_keys *k, uint32_t slot_count)
{
    uint32_t *slot = dw_calloc(slot_count, sizeof *slot);
    if (!slot)
        return DW_ENOMEM;
    dw_free(k->slot);
    k->slot = slot;
    k->slot_count = slot_count;
    for (uint32_t id = 0; id < k->count; id++)
        *find_slot(k, k->name[id]) = id + 1;
    return DW_OK;
}

static int append(struct dw_keys *k, struct dw_str stored, uint32_t *ret_id)
{
    if (k->count == k->name_cap) {
        int rc = grow_names(k);
        if (rc < 0)
            return rc;
    }
    if (k->count * 2 >= k->slot_count) {
        int rc = rehash(k, k->slot_count * 2);
        if (rc < 0)
            return rc;
    }
    *find_slot(k, stored) = k->count + 1;
    k->name[k->count] = stored;
    *ret_id = k->count++;
    return DW_OK;
}

struct dw_keys *dw_keys_new(void)
{
    struct dw_keys *k = dw_calloc(1, sizeof *k);
    if (!k)
        return NULL;
    dw_arena_init(&k->arena, 0);
    k->hash = dw_hash_process_key();
    int rc = rehash(k, 1024);
    for (uint32_t id = 0; id < DW_FIELDS && rc == DW_OK; id++) {
        uint32_t got = 0;
        rc = append(k, rows[id].name, &got);
        DW_ASSERT(rc < 0 || got == id);
    }
    if (rc < 0) {
        dw_keys_free(k);
        return NULL;
    }
    return k;
}

void dw_keys_free(struct dw_keys *k)
{
    if (!k)
        return;
    dw_arena_fini(&k->arena);
    dw_free(k->slot);
    dw_free(k->name);
    dw_free(k);
}

int dw_keys_find(const struct dw_keys *k, struct dw_str name, uint32_t *ret_id)
{
    uint32_t stored = *find_slot(k, name);
    if (!stored)
        return DW_ENOENT;
    *ret_id = stored - 1;
    return DW_OK;
}

int dw_keys_intern(struct dw_keys *k, struct dw_str name, uint32_t *ret_id)
{
    if (dw_keys_find(k, name, ret_id) == DW_OK)
        return DW_OK;
    if (k->count == DW_KEYS_MAX || name.len > DW_KEY_NAME_MAX)
        return DW_ELIMIT;
    struct dw_str stored = dw_arena_copy(&k->arena, name);
    return stored.ptr ? append(k, stored, ret_id) : DW_ENOMEM;
}

struct dw_str dw_keys_name(const struct dw_keys *k, uint32_t id)
{
    DW_ASSERT(id < k->count);
    return k->name[id];
}

uint32_t dw_keys_count(const struct dw_keys *k)
{
    return k->count;
}

enum dw_field_type dw_field_type(uint32_t id)
{
    return id < DW_FIELDS ? rows[id].type : DW_T_KEYWORD;
}

bool dw_field_is_list(uint32_t id)
{
    return id < DW_FIELDS && rows[id].list;
}

const char *dw_field_doc(uint32_t id)
{
    DW_ASSERT(id < DW_FIELDS);
    return rows[id].doc;
}
