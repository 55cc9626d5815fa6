/*
 * aggregate: the kinds of aggregates of tbl/query_aggregates.h.
 *
 *     COUNT n            SUM, MEAN  n, and i + f      BEST, EDGE  one value
 *     DISTINCT, VALUES   a list of texts, also in the store's table, so that each is in it once
 *     PERCENTILE         a list of numbers
 *
 * Invariants:
 *   (1) Whole numbers are added without loss and in any order with the same sum, until they leave 64 bits.
 *   (2) A state that could not keep something is lost, and a lost state has no result: no number here is a guess.
 *   (3) Merging states in the order of their rows gives the state of all rows.
 */
#include "aggregate.h"

#include "dogwatch/base/hash.h"

#include <stdlib.h>

struct agg_item {
    struct dw_node node;
    const struct agg_state *of;
    struct agg_item *next;
    struct dw_str text;
};

struct agg_chunk {
    struct agg_chunk *next;
    uint32_t count, cap;
    double number[];
};

size_t agg_store_bytes(const struct agg_store *s)
{
    return s->arena.total + s->items.slot_count * sizeof(void *);
}

void agg_store_reset(struct agg_store *s)
{
    dw_table_fini(&s->items);
    dw_arena_fini(&s->arena);
}

static void add_number(struct agg_state *s, const struct value *v)
{
    int64_t sum;
    s->n++;
    if (v->kind == VALUE_INT && !__builtin_add_overflow(s->i, v->i, &sum))
        s->i = sum;
    else
        s->f += v->kind == VALUE_INT ? (double)v->i : v->f;
}

/* The number that is i + f. */
static struct value sum_of(const struct agg_state *s)
{
    return s->f == 0 ? (struct value){.kind = VALUE_INT, .i = s->i} : query_real((double)s->i + s->f);
}

static struct value kept(const struct agg_state *s)
{
    return (struct value){.kind = s->kind, .i = s->i, .f = s->f, .text = dw_str_make(s->text, s->len), .number = s->number};
}

static void keep(struct agg_state *s, struct agg_store *store, const struct value *v)
{
    size_t len = v->kind == VALUE_TEXT ? v->text.len : 0;
    if (len > s->cap) { /* room for twice as much: growing costs the store at most four times the longest text */
        s->text = dw_arena_alloc(&store->arena, 2 * len);
        s->lost |= !s->text;
        s->cap = s->text ? (uint32_t)(2 * len) : 0;
    }
    if (s->lost)
        return;
    if (len)
        memcpy(s->text, v->text.ptr, len);
    s->len = (uint32_t)len;
    s->kind = (uint8_t)v->kind;
    s->i = v->i;
    s->f = v->f;
    s->number = v->number;
}

/* Numbers go before texts, whether the least or the greatest is asked for. */
static bool better(const struct aggregate *a, const struct value *v, const struct value *than)
{
    struct value number;
    bool is = query_number(*v, &number), was = query_number(*than, &number);
    if (than->kind == VALUE_NONE || is != was)
        return than->kind == VALUE_NONE || is;
    int c = query_value_cmp(v, than);
    return a->argument < 0 ? c < 0 : c > 0;
}

static void take_best(const struct aggregate *a, struct agg_state *s, struct agg_store *store, const struct value *v)
{
    struct value now = kept(s), number = *v;
    if (query_number(*v, &number))
        number.text = DW_STR_NONE;
    if (better(a, v, &now))
        keep(s, store, &number);
}

static void take_text(struct agg_state *s, struct agg_store *store, struct dw_str text)
{
    uint64_t hash = dw_hash(dw_hash_process_key(), text) ^ ((uint64_t)(uintptr_t)s * UINT64_C(0x9e3779b97f4a7c15));
    for (struct dw_node *n = dw_table_find(&store->items, hash); n; n = dw_table_next(n)) {
        const struct agg_item *i = DW_ITEM(n, struct agg_item, node);
        if (i->of == s && dw_str_eq(i->text, text))
            return;
    }
    struct agg_item *item = dw_arena_alloc(&store->arena, sizeof *item);
    if (item)
        item->text = dw_arena_copy(&store->arena, text);
    if (!item || !item->text.ptr) {
        s->lost = true;
        return;
    }
    item->of = s;
    item->next = s->item;
    s->item = item;
    s->n++;
    dw_table_add(&store->items, &item->node, hash);
}

static void take_number(struct agg_state *s, struct agg_store *store, double v)
{
    struct agg_chunk *c = s->chunk;
    if (!c || c->count == c->cap) {
        uint32_t cap = c ? c->cap * 2 : 8;
        cap = cap > 8192 ? 8192 : cap;
        c = dw_arena_alloc(&store->arena, sizeof *c + cap * sizeof c->number[0]);
        if (!c) {
            s->lost = true;
            return;
        }
        c->cap = cap;
        c->next = s->chunk;
        s->chunk = c;
    }
    c->number[c->count++] = v;
    s->n++;
}

static double as_double(const struct value *v)
{
    return v->kind == VALUE_INT ? (double)v->i : v->f;
}

void agg_take(const struct aggregate *a, struct agg_state *s, struct agg_store *store, const struct row *row)
{
    char room[QUERY_TEXT_MAX];
    struct value v = {.kind = VALUE_TEXT}, number;
    if (a->field != UINT32_MAX)
        v = query_value(row, a->field, room);
    if (v.kind == VALUE_NONE || s->lost)
        return;
    switch (a->kind) {
    case AGGREGATE_COUNT: s->n++; break;
    case AGGREGATE_SUM:
    case AGGREGATE_MEAN:
        if (query_number(v, &number))
            add_number(s, &number);
        break;
    case AGGREGATE_BEST: take_best(a, s, store, &v); break;
    case AGGREGATE_EDGE:
        if (s->kind == VALUE_NONE || a->argument)
            keep(s, store, &v);
        break;
    case AGGREGATE_PERCENTILE:
        if (query_number(v, &number))
            take_number(s, store, as_double(&number));
        break;
    case AGGREGATE_DISTINCT:
    case AGGREGATE_VALUES: take_text(s, store, query_value_text(v, room)); break;
    }
}

void agg_save(const struct aggregate *a, const struct agg_state *s, struct dw_buf *out)
{
    dw_buf_varint(out, s->n);
    dw_buf_zigzag(out, s->i);
    dw_buf_double(out, s->f);
    dw_buf_byte(out, s->kind);
    dw_buf_byte(out, (uint8_t)(s->lost << 1 | s->number));
    dw_buf_counted(out, dw_str_make(s->text, s->len));
    if (a->kind == AGGREGATE_DISTINCT || a->kind == AGGREGATE_VALUES)
        for (const struct agg_item *i = s->item; i; i = i->next)
            dw_buf_counted(out, i->text);
    if (a->kind == AGGREGATE_PERCENTILE)
        for (const struct agg_chunk *c = s->chunk; c; c = c->next)
            for (uint32_t k = 0; k < c->count; k++)
                dw_buf_double(out, c->number[k]);
}

/* Adds the other state's list. */
static void merge_list(const struct aggregate *a, struct agg_state *s, struct agg_store *store, size_t bytes_max, struct dw_cursor *c, uint64_t n)
{
    for (uint64_t i = 0; i < n && !c->bad; i++) {
        double number = a->kind == AGGREGATE_PERCENTILE ? dw_take_double(c) : 0;
        struct dw_str text = a->kind == AGGREGATE_PERCENTILE ? DW_STR_NONE : dw_take_counted(c);
        s->lost |= agg_store_bytes(store) > bytes_max;
        if (s->lost)
            continue; /* the bytes are taken all the same: others follow */
        if (a->kind == AGGREGATE_PERCENTILE)
            take_number(s, store, number);
        else
            take_text(s, store, text);
    }
}

void agg_merge(const struct aggregate *a, struct agg_state *s, struct agg_store *store, size_t bytes_max, struct dw_cursor *c)
{
    uint64_t n = dw_take_varint(c);
    struct value v = {.i = dw_take_zigzag(c)};
    v.f = dw_take_double(c);
    v.kind = dw_take_byte(c);
    uint8_t flags = dw_take_byte(c);
    v.text = dw_take_counted(c);
    v.number = flags & 1;
    s->lost |= (flags & 2) != 0;
    int64_t sum;
    switch (a->kind) {
    case AGGREGATE_COUNT: s->n += n; break;
    case AGGREGATE_SUM:
    case AGGREGATE_MEAN:
        s->n += n;
        s->f += v.f;
        if (__builtin_add_overflow(s->i, v.i, &sum))
            s->f += (double)v.i;
        else
            s->i = sum;
        break;
    case AGGREGATE_BEST:
        if (v.kind != VALUE_NONE && !s->lost)
            take_best(a, s, store, &v);
        break;
    case AGGREGATE_EDGE:
        if (v.kind != VALUE_NONE && !s->lost && (s->kind == VALUE_NONE || a->argument))
            keep(s, store, &v);
        break;
    case AGGREGATE_DISTINCT:
    case AGGREGATE_VALUES:
    case AGGREGATE_PERCENTILE: merge_list(a, s, store, bytes_max, c, n); break;
    }
    DW_ASSERT(!c->bad);
}

static int compare_texts(const void *x, const void *y)
{
    return dw_str_cmp(*(const struct dw_str *)x, *(const struct dw_str *)y);
}

static int compare_numbers(const void *x, const void *y)
{
    double a = *(const double *)x, b = *(const double *)y;
    return a < b ? -1 : a > b;
}

static int values_result(const struct aggregate *a, const struct agg_state *s, struct row_fields *out)
{
    struct dw_str *text = dw_calloc(s->n, sizeof *text);
    size_t count = 0;
    int rc = text ? DW_OK : DW_ENOMEM;
    for (const struct agg_item *i = s->item; i && rc == DW_OK; i = i->next)
        text[count++] = i->text;
    if (count)
        qsort(text, count, sizeof *text, compare_texts);
    for (size_t i = 0; i < count && rc == DW_OK; i++) {
        struct dw_field f = query_field(a->key, (struct value){.kind = VALUE_TEXT, .text = text[i]});
        f.elem = 1 + (uint32_t)(i < DW_EVENT_ELEMENTS_MAX ? i : DW_EVENT_ELEMENTS_MAX - 1);
        rc = row_fields_add(out, f);
    }
    dw_free(text);
    return rc;
}

static int percentile_result(const struct aggregate *a, const struct agg_state *s, struct row_fields *out)
{
    double *number = dw_calloc(s->n, sizeof *number);
    size_t count = 0;
    if (!number)
        return DW_ENOMEM;
    for (const struct agg_chunk *c = s->chunk; c; c = c->next) {
        memcpy(number + count, c->number, c->count * sizeof *number);
        count += c->count;
    }
    DW_ASSERT(count == s->n && count > 0);
    qsort(number, count, sizeof *number, compare_numbers);
    double nth = number[(count * (size_t)a->argument + 99) / 100 - 1];
    dw_free(number);
    return row_fields_add(out, query_field(a->key, query_real(nth)));
}

int agg_result(const struct aggregate *a, struct agg_state *s, struct row_fields *out)
{
    struct value v = {.kind = VALUE_INT, .i = (int64_t)s->n};
    if (s->lost)
        return DW_OK;
    if (s->n == 0 && (a->kind == AGGREGATE_MEAN || a->kind == AGGREGATE_PERCENTILE || a->kind == AGGREGATE_VALUES))
        return DW_OK;
    if (a->kind == AGGREGATE_VALUES)
        return values_result(a, s, out);
    if (a->kind == AGGREGATE_PERCENTILE)
        return percentile_result(a, s, out);
    if (a->kind == AGGREGATE_SUM)
        v = sum_of(s);
    else if (a->kind == AGGREGATE_MEAN)
        v = query_real(((double)s->i + s->f) / (double)s->n);
    else if (a->kind == AGGREGATE_BEST || a->kind == AGGREGATE_EDGE)
        v = kept(s);
    return v.kind == VALUE_NONE ? DW_OK : row_fields_add(out, query_field(a->key, v));
}

bool agg_has_zero(const struct aggregate *a)
{
    return a->kind == AGGREGATE_COUNT || a->kind == AGGREGATE_DISTINCT || a->kind == AGGREGATE_SUM;
}

bool agg_is_number(const struct aggregate *a)
{
    return agg_has_zero(a) || a->kind == AGGREGATE_MEAN || a->kind == AGGREGATE_PERCENTILE;
}
