/*
 * keys: names to small numbers and back.
 *
 * Idea: an open-addressing table of ids over an array of names; the compile-time table is entered first, in
 * order, so that DW_F_x is both the enum and the id. What rules and queries name is kept; what log lines name passes:
 * whoever writes logs can name anything, and must not be able to fill the table for others.
 *
 * Invariants:
 *   (1) Ids of kept names are dense from 0, those of passing names from DW_KEYS_KEPT_MAX; names never move (arena).
 *   (2) A kept name's id is never reused; a passing name's only after dw_keys_make_room.
 *   (3) slot_count is a power of two and at most half full.
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

/* Names with ids from `first`. */
struct names {
    struct dw_arena arena;
    uint32_t first, count, max, slot_count;
    uint32_t *slot;      /* index + 1, 0: free */
    struct dw_str *name; /* by index */
    uint32_t name_cap;
};

struct dw_keys {
    struct dw_hash_key hash;
    struct names kept, passing;
};

static int grow_names(struct names *n)
{
    uint32_t cap = n->name_cap ? n->name_cap * 2 : 512;
    struct dw_str *name = dw_resize(n->name, cap * sizeof *name);
    if (!name)
        return DW_ENOMEM;
    n->name = name;
    n->name_cap = cap;
    return DW_OK;
}

static uint32_t *find_slot(const struct names *n, uint64_t hash, struct dw_str name)
{
    uint32_t at = (uint32_t)hash & (n->slot_count - 1);
    while (n->slot[at] && !dw_str_eq(n->name[n->slot[at] - 1], name))
        at = (at + 1) & (n->slot_count - 1);
    return &n->slot[at];
}

static int rehash(const struct dw_keys *k, struct names *n, uint32_t slot_count)
{
    uint32_t *slot = dw_calloc(slot_count, sizeof *slot);
    if (!slot)
        return DW_ENOMEM;
    dw_free(n->slot);
    n->slot = slot;
    n->slot_count = slot_count;
    for (uint32_t i = 0; i < n->count; i++)
        *find_slot(n, dw_hash(k->hash, n->name[i]), n->name[i]) = i + 1;
    return DW_OK;
}

static int append(const struct dw_keys *k, struct names *n, struct dw_str stored, uint32_t *ret_id)
{
    if (n->count == n->name_cap) {
        int rc = grow_names(n);
        if (rc < 0)
            return rc;
    }
    if (n->count * 2 >= n->slot_count) {
        int rc = rehash(k, n, n->slot_count * 2);
        if (rc < 0)
            return rc;
    }
    *find_slot(n, dw_hash(k->hash, stored), stored) = n->count + 1;
    n->name[n->count] = stored;
    *ret_id = n->first + n->count++;
    return DW_OK;
}

static void free_names(struct names *n)
{
    dw_arena_fini(&n->arena);
    dw_free(n->slot);
    dw_free(n->name);
}

struct dw_keys *dw_keys_new(void)
{
    struct dw_keys *k = dw_calloc(1, sizeof *k);
    if (!k)
        return NULL;
    k->hash = dw_hash_process_key();
    k->kept = (struct names){.max = DW_KEYS_KEPT_MAX};
    k->passing = (struct names){.first = DW_KEYS_KEPT_MAX, .max = DW_KEYS_MAX - DW_KEYS_KEPT_MAX};
    dw_arena_init(&k->kept.arena, 0);
    dw_arena_init(&k->passing.arena, 0);
    int rc = rehash(k, &k->kept, 1024);
    if (rc == DW_OK)
        rc = rehash(k, &k->passing, 1024);
    for (uint32_t id = 0; id < DW_FIELDS && rc == DW_OK; id++) {
        uint32_t got = 0;
        rc = append(k, &k->kept, rows[id].name, &got);
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
    free_names(&k->kept);
    free_names(&k->passing);
    dw_free(k);
}

static bool find_in(const struct names *n, uint64_t hash, struct dw_str name, uint32_t *ret_id)
{
    uint32_t stored = *find_slot(n, hash, name);
    if (stored)
        *ret_id = n->first + stored - 1;
    return stored;
}

int dw_keys_find(const struct dw_keys *k, struct dw_str name, uint32_t *ret_id)
{
    uint64_t hash = dw_hash(k->hash, name);
    return find_in(&k->kept, hash, name, ret_id) || find_in(&k->passing, hash, name, ret_id) ? DW_OK : DW_ENOENT;
}

static int add(struct dw_keys *k, struct names *n, struct dw_str name, uint32_t *ret_id)
{
    if (n->count == n->max || name.len > DW_KEY_NAME_MAX)
        return DW_ELIMIT;
    struct dw_str stored = dw_arena_copy(&n->arena, name);
    return stored.ptr ? append(k, n, stored, ret_id) : DW_ENOMEM;
}

int dw_keys_intern(struct dw_keys *k, struct dw_str name, uint32_t *ret_id)
{
    return find_in(&k->kept, dw_hash(k->hash, name), name, ret_id) ? DW_OK : add(k, &k->kept, name, ret_id);
}

int dw_keys_intern_passing(struct dw_keys *k, struct dw_str name, uint32_t *ret_id)
{
    return dw_keys_find(k, name, ret_id) == DW_OK ? DW_OK : add(k, &k->passing, name, ret_id);
}

void dw_keys_make_room(struct dw_keys *k, uint32_t count)
{
    struct names *n = &k->passing;
    DW_ASSERT(count <= n->max);
    if (n->max - n->count >= count)
        return;
    memset(n->slot, 0, n->slot_count * sizeof *n->slot);
    dw_arena_reset(&n->arena);
    n->count = 0;
}

struct dw_str dw_keys_name(const struct dw_keys *k, uint32_t id)
{
    const struct names *n = id < DW_KEYS_KEPT_MAX ? &k->kept : &k->passing;
    DW_ASSERT(id - n->first < n->count);
    return n->name[id - n->first];
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
