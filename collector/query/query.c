/*
 * query: running a compiled filter over events, and counting what matches.
 *
 * Invariants:
 *   (1) Matching is the rules' own (core/pred): the same words mean the same in both.
 *   (2) Groups are bounded; at the bound the answer says that it is partial.
 */
#include "query_int.h"

#include "dogwatch/base/error.h"
#include "dogwatch/base/hash.h"
#include "dogwatch/base/mem.h"

#include <stdio.h>
#include <stdlib.h>

int dw_query_compile(struct dw_str text, struct dw_keys *keys, struct dw_diags *diags, struct dw_query **ret)
{
    struct dw_query *q = dw_calloc(1, sizeof *q);
    if (!q)
        return DW_ENOMEM;
    q->keys = keys;
    dw_arena_init(&q->arena, 0);
    q->pred = dw_pred_new();
    int rc = q->pred ? query_parse(q, text, diags) : DW_ENOMEM;
    if (rc == DW_OK)
        rc = dw_pred_build(q->pred);
    if (rc == DW_OK) {
        q->scratch = dw_pred_scratch_new(q->pred);
        q->augmented = dw_alloc((DW_EVENT_FIELDS_MAX + 1) * sizeof *q->augmented);
        rc = q->scratch && q->augmented ? DW_OK : DW_ENOMEM;
    }
    if (rc < 0) {
        dw_query_free(q);
        return rc;
    }
    *ret = q;
    return DW_OK;
}

void dw_query_free(struct dw_query *q)
{
    if (!q)
        return;
    dw_pred_scratch_free(q->scratch);
    dw_pred_free(q->pred);
    dw_expr_pool_fini(&q->expr);
    dw_arena_fini(&q->arena);
    dw_free(q->augmented);
    dw_free(q->group);
    dw_free(q->slot);
    dw_free(q);
}

void query_own_name(struct dw_query *q, uint32_t key)
{
    for (uint32_t i = 0; i < q->own_count; i++)
        if (q->own[i] == key)
            return;
    if (key < DW_FIELDS || q->own_count == QUERY_OWN_MAX)
        return;
    q->own[q->own_count++] = key;
    q->own_unseen++;
}

static void look_for_names(struct dw_query *q, const struct dw_event *ev)
{
    for (uint32_t i = 0; i < q->own_count; i++) {
        if (q->own_seen[i] || !dw_event_find(ev, q->own[i]))
            continue;
        q->own_seen[i] = true;
        q->own_unseen--;
    }
}

/* The field of the table that ends as `name` does, or is nearly it. */
static const char *near_field(const struct dw_query *q, struct dw_str name)
{
    const char *names[DW_FIELDS];
    for (uint32_t id = 0; id < DW_FIELDS; id++) {
        struct dw_str field = dw_keys_name(q->keys, id);
        if (dw_str_ends(field, name) && field.len > name.len && field.ptr[field.len - name.len - 1] == '.')
            return field.ptr;
        names[id] = field.ptr;
    }
    return dw_nearest(name, names, DW_FIELDS);
}

void dw_query_unseen(const struct dw_query *q, void (*each)(void *arg, struct dw_str name, const char *near), void *arg)
{
    for (uint32_t i = 0; i < q->own_count; i++)
        if (!q->own_seen[i])
            each(arg, dw_keys_name(q->keys, q->own[i]), near_field(q, dw_keys_name(q->keys, q->own[i])));
}

bool dw_query_failed(const struct dw_query *q)
{
    return q->failed;
}

static void ignore(void *arg, uint32_t leaf)
{
    (void)arg;
    (void)leaf;
}

bool dw_query_match(struct dw_query *q, const struct dw_event *ev)
{
    char id[DW_EVENT_ID_TEXT];
    struct dw_event with_id = *ev;
    if (q->own_unseen)
        look_for_names(q, ev);
    if (q->root == DW_EXPR_NONE)
        return true;
    if (q->wants_id) {
        memcpy(q->augmented, ev->field, ev->field_count * sizeof *q->augmented);
        dw_event_id_text(ev, id);
        q->augmented[ev->field_count] = (struct dw_field){
            .v.ptr = id, .len = (uint32_t)strlen(id), .key = DW_F_event_id, .kind = DW_K_LITERAL};
        with_id.field = q->augmented;
        with_id.field_count++;
    }
    if (dw_pred_begin(q->scratch, &with_id, ignore, NULL) < 0) {
        q->failed = true;
        return false;
    }
    return dw_expr_test(&q->expr, q->root, q->scratch, &with_id, q->keys) == DW_TRUE;
}

bool dw_query_is_stats(const struct dw_query *q)
{
    return q->stats;
}

uint64_t dw_query_head(const struct dw_query *q)
{
    return q->head;
}

const struct dw_str *dw_query_by(const struct dw_query *q, uint32_t *ret_count)
{
    *ret_count = q->by_count;
    return q->by_name;
}

/* A field's value as text, for grouping; "" when it is absent. */
static struct dw_str value_text(const struct dw_event *ev, uint32_t key, char scratch[64])
{
    const struct dw_field *f = dw_event_find(ev, key);
    if (!f)
        return DW_STR("");
    if (dw_field_is_text(f))
        return dw_field_str(f);
    int n = f->kind == DW_K_FLOAT ? snprintf(scratch, 64, "%.15g", f->v.f)
        : f->kind == DW_K_BOOL    ? snprintf(scratch, 64, "%s", f->v.i ? "true" : "false")
                                  : snprintf(scratch, 64, "%lld", (long long)f->v.i);
    return dw_str_make(scratch, (size_t)n);
}

static int grow_groups(struct dw_query *q)
{
    uint32_t cap = q->group_cap ? q->group_cap * 2 : 256;
    struct query_group *group = dw_resize(q->group, cap * sizeof *group);
    if (!group)
        return DW_ENOMEM;
    q->group = group;
    q->group_cap = cap;
    uint32_t *slot = dw_calloc((size_t)cap * 2, sizeof *slot);
    if (!slot)
        return DW_ENOMEM;
    dw_free(q->slot);
    q->slot = slot;
    q->slot_count = cap * 2;
    for (uint32_t i = 0; i < q->group_count; i++) {
        uint32_t at = (uint32_t)q->group[i].hash & (q->slot_count - 1);
        while (q->slot[at])
            at = (at + 1) & (q->slot_count - 1);
        q->slot[at] = i + 1;
    }
    return DW_OK;
}

static bool same_group(const struct dw_query *q, const struct query_group *g, uint64_t hash, const struct dw_str *by)
{
    bool same = g->hash == hash;
    for (uint32_t i = 0; i < q->by_count && same; i++)
        same = dw_str_eq(g->by[i], by[i]);
    return same;
}

int dw_query_count(struct dw_query *q, const struct dw_event *ev)
{
    char scratch[QUERY_BY_MAX][64];
    struct dw_str by[QUERY_BY_MAX] = {DW_STR_NONE}; /* the first by_count are filled */
    uint64_t hash = 14695981039346656037u;
    for (uint32_t i = 0; i < q->by_count; i++) {
        by[i] = value_text(ev, q->by[i], scratch[i]);
        hash = (hash ^ dw_hash(dw_hash_process_key(), by[i])) * UINT64_C(0x100000001b3);
    }
    if (q->group_count * 2 >= q->slot_count) {
        int rc = grow_groups(q);
        if (rc < 0)
            return rc;
    }
    uint32_t at = (uint32_t)hash & (q->slot_count - 1);
    for (; q->slot[at]; at = (at + 1) & (q->slot_count - 1)) {
        struct query_group *g = &q->group[q->slot[at] - 1];
        if (same_group(q, g, hash, by)) {
            g->count++;
            return DW_OK;
        }
    }
    if (q->group_count == QUERY_GROUPS_MAX)
        return DW_ELIMIT;
    struct query_group *g = &q->group[q->group_count];
    *g = (struct query_group){.hash = hash, .count = 1};
    for (uint32_t i = 0; i < q->by_count; i++) {
        g->by[i] = dw_arena_copy(&q->arena, by[i]);
        if (!g->by[i].ptr)
            return DW_ENOMEM;
    }
    q->slot[at] = ++q->group_count;
    return DW_OK;
}

static int by_count(const void *x, const void *y)
{
    const struct query_group *a = x, *b = y;
    if (a->count != b->count)
        return a->count > b->count ? -1 : 1;
    for (uint32_t i = 0; i < QUERY_BY_MAX; i++) {
        int c = dw_str_cmp(a->by[i], b->by[i]);
        if (c)
            return c;
    }
    return 0;
}

void dw_query_rows(struct dw_query *q, void (*each)(void *arg, const struct dw_query_row *row), void *arg)
{
    uint32_t count = q->group_count;
    if (q->by_count == 0 && count == 0) { /* a count of nothing is 0, not nothing */
        each(arg, &(struct dw_query_row){.count = 0});
        return;
    }
    if (count)
        qsort(q->group, count, sizeof *q->group, by_count);
    for (uint32_t i = 0; i < count && (q->head == 0 || i < q->head); i++)
        each(arg, &(struct dw_query_row){.by = q->group[i].by, .by_count = q->by_count, .count = q->group[i].count});
}
