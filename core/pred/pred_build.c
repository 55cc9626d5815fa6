/*
 * pred_build: fields and leaves interned, then tables made for searching them.
 *
 * Idea: a leaf with a plain text to equal goes into one hash table by (field, folded text); one whose pattern or
 * expression needs a literal goes into its field's Aho-Corasick; the rest is worked out only when a rule asks.
 *
 * Invariants:
 *   (1) Equal specs are one leaf, so 4,000 rules that test EventID 1 cost one test.
 *   (2) A gated leaf can only be true when its literal occurs in, or its text equals, the folded value.
 *   (3) After build nothing changes: scratches of any thread read without locks.
 */
#include "pred_int.h"

#include "dogwatch/base/error.h"
#include "dogwatch/base/mem.h"
#include "dogwatch/pred/fold.h"

#include <stdio.h>

enum { FIELDS_MAX = 100000, LEAVES_MAX = 2000000 };

struct dw_pred *dw_pred_new(void)
{
    struct dw_pred *p = dw_calloc(1, sizeof *p);
    if (!p)
        return NULL;
    dw_arena_init(&p->arena, 0);
    p->hash = dw_hash_process_key();
    p->intern_cap = 1024;
    p->intern = dw_calloc(p->intern_cap, sizeof *p->intern);
    uint32_t line = DW_PRED_LINE;
    int rc = p->intern ? dw_pred_field(p, NULL, 0, false, &line) : DW_ENOMEM;
    DW_ASSERT(rc < 0 || line == DW_PRED_LINE);
    if (rc < 0) {
        dw_pred_free(p);
        return NULL;
    }
    return p;
}

void dw_pred_free(struct dw_pred *p)
{
    if (!p)
        return;
    for (uint32_t i = 0; i < p->leaf_count; i++)
        dw_regex_free(p->leaf[i].regex);
    for (uint32_t i = 0; i < p->field_count; i++)
        dw_multi_free(p->field[i].multi);
    dw_free(p->field);
    dw_free(p->leaf);
    dw_free(p->intern);
    dw_free(p->use_first);
    dw_free(p->use);
    dw_arena_fini(&p->arena);
    dw_free(p);
}

/* Room for one more item in an array that doubles. */
static int grow(void **array, uint32_t count, uint32_t *cap, size_t item)
{
    if (count < *cap)
        return DW_OK;
    uint32_t more = *cap ? *cap * 2 : 64;
    void *bigger = dw_resize(*array, more * item);
    if (!bigger)
        return DW_ENOMEM;
    *array = bigger;
    *cap = more;
    return DW_OK;
}

int dw_pred_field(struct dw_pred *p, const uint32_t *key, uint32_t count, bool decoded, uint32_t *ret_field)
{
    DW_ASSERT(!p->built);
    for (uint32_t i = 0; i < p->field_count; i++) {
        const struct dw__field *f = &p->field[i];
        if (f->key_count == count && f->decoded == decoded &&
            (count == 0 || memcmp(f->key, key, count * sizeof *key) == 0)) {
            *ret_field = i;
            return DW_OK;
        }
    }
    if (p->field_count == FIELDS_MAX)
        return DW_ELIMIT;
    int rc = grow((void **)&p->field, p->field_count, &p->field_cap, sizeof *p->field);
    if (rc < 0)
        return rc;
    uint32_t *copy = dw_arena_alloc(&p->arena, (count + 1) * sizeof *copy);
    if (!copy)
        return DW_ENOMEM;
    struct dw__field f = {.key = copy, .key_count = count, .decoded = decoded};
    for (uint32_t i = 0; i < count; i++) {
        copy[i] = key[i];
        f.has_original = f.has_original || key[i] == DW_F_event_original;
        f.has_message = f.has_message || key[i] == DW_F_message;
        f.has_time = f.has_time || key[i] == DW_F_timestamp;
    }
    *ret_field = p->field_count;
    p->field[p->field_count++] = f;
    return DW_OK;
}

/* What makes a leaf: operator, flags, number, text (the field stands in front for the table only). */
static void put_canon(const struct dw_leaf_spec *spec, struct dw_str text, struct dw_buf *out)
{
    uint64_t number = 0;
    memcpy(&number, &spec->number, sizeof number);
    dw_buf_u32(out, spec->field);
    dw_buf_byte(out, (uint8_t)spec->op);
    dw_buf_byte(out, spec->cased);
    dw_buf_u32(out, spec->flags);
    dw_buf_u32(out, spec->op == DW_LEAF_FIELDREF ? spec->other : 0);
    dw_buf_u64(out, number);
    dw_buf_str(out, text);
}

static uint32_t *intern_slot(struct dw_pred *p, struct dw_str canon)
{
    uint32_t at = (uint32_t)dw_hash(p->hash, canon) & (p->intern_cap - 1);
    while (p->intern[at] && !dw_str_eq(p->leaf[p->intern[at] - 1].canon, canon))
        at = (at + 1) & (p->intern_cap - 1);
    return &p->intern[at];
}

static int intern_grow(struct dw_pred *p)
{
    if (p->leaf_count * 2 < p->intern_cap)
        return DW_OK;
    uint32_t *old = p->intern, cap = p->intern_cap * 2;
    uint32_t *fresh = dw_calloc(cap, sizeof *fresh);
    if (!fresh)
        return DW_ENOMEM;
    p->intern = fresh;
    p->intern_cap = cap;
    for (uint32_t i = 0; i < p->leaf_count; i++)
        *intern_slot(p, p->leaf[i].canon) = i + 1;
    dw_free(old);
    return DW_OK;
}

static int compile(struct dw_pred *p, const struct dw_leaf_spec *spec, struct dw__leaf *leaf, char *why, size_t cap,
    size_t *ret_offset)
{
    bool host_bits = false;
    switch (spec->op) {
    case DW_LEAF_PATTERN: return dw_pattern_compile(&p->arena, spec->text, spec->cased, &leaf->pattern);
    case DW_LEAF_REGEX: return dw_regex_new(spec->text, spec->flags, why, cap, ret_offset, &leaf->regex);
    case DW_LEAF_CIDR:
        if (dw_cidr_parse(spec->text, &leaf->cidr, &host_bits))
            return DW_OK;
        (void)snprintf(why, cap, "%s",
            host_bits ? "bits of the host part are set" : "not a network such as 10.0.0.0/8 or fe80::/10");
        return DW_ESYNTAX;
    default: return DW_OK;
    }
}

/* Where a leaf's literal must stand. */
static enum dw_multi_place place_of(const struct dw__leaf *leaf)
{
    switch (leaf->op == DW_LEAF_PATTERN ? leaf->pattern.shape : DW_PAT_GLOB) {
    case DW_PAT_EQ: return DW_MULTI_WHOLE;
    case DW_PAT_PREFIX: return DW_MULTI_START;
    case DW_PAT_SUFFIX: return DW_MULTI_END;
    default: return DW_MULTI_ANYWHERE;
    }
}

/* What the prefilter searches for a leaf; empty: nothing. */
static struct dw_str literal_of(const struct dw__leaf *leaf)
{
    struct dw_str s = leaf->op == DW_LEAF_REGEX     ? dw_regex_literal(leaf->regex)
                      : leaf->op == DW_LEAF_PATTERN ? leaf->pattern.literal
                                                    : DW_STR_NONE;
    size_t least = place_of(leaf) == DW_MULTI_ANYWHERE ? DW__LITERAL_MIN : 1;
    return s.len >= least ? s : DW_STR_NONE;
}

static void gate(struct dw__leaf *leaf)
{
    leaf->gated = literal_of(leaf).len > 0;
    leaf->exact = leaf->op == DW_LEAF_PATTERN && !leaf->pattern.cased && leaf->pattern.shape <= DW_PAT_CONTAINS;
}

int dw_pred_leaf(
    struct dw_pred *p, const struct dw_leaf_spec *spec, char *why, size_t cap, size_t *ret_offset, uint32_t *ret_leaf)
{
    DW_ASSERT(!p->built && spec->field < p->field_count);
    struct dw_buf canon = {0};
    struct dw__leaf leaf = {
        .op = spec->op, .field = spec->field, .flags = spec->flags, .other = spec->other, .number = spec->number};
    *ret_offset = 0;
    put_canon(spec, spec->text, &canon);
    int rc = canon.err;
    if (rc == DW_OK)
        rc = p->leaf_count == LEAVES_MAX ? DW_ELIMIT : intern_grow(p);
    uint32_t *slot = rc == DW_OK ? intern_slot(p, dw_buf_view(&canon)) : NULL;
    if (slot && *slot) {
        *ret_leaf = *slot - 1;
        dw_buf_fini(&canon);
        return DW_OK;
    }
    if (rc == DW_OK)
        rc = grow((void **)&p->leaf, p->leaf_count, &p->leaf_cap, sizeof *p->leaf);
    if (rc == DW_OK)
        rc = compile(p, spec, &leaf, why, cap, ret_offset);
    if (rc == DW_OK) {
        leaf.canon = dw_arena_copy(&p->arena, dw_buf_view(&canon));
        rc = leaf.canon.ptr ? DW_OK : DW_ENOMEM;
    }
    dw_buf_fini(&canon);
    if (rc < 0) {
        dw_regex_free(leaf.regex);
        return rc;
    }
    gate(&leaf);
    p->leaf[p->leaf_count++] = leaf;
    *slot = p->leaf_count;
    *ret_leaf = p->leaf_count - 1;
    return DW_OK;
}

struct dw_str dw_pred_leaf_literal(const struct dw_pred *p, uint32_t index, bool *ret_whole)
{
    const struct dw__leaf *leaf = &p->leaf[index];
    const struct dw_pattern *pat = &leaf->pattern;
    *ret_whole = leaf->op == DW_LEAF_PATTERN && pat->shape == DW_PAT_CONTAINS && !pat->cased && dw_str_eq(pat->text, pat->literal);
    if (leaf->field != DW_PRED_LINE)
        return DW_STR_NONE;
    return leaf->op == DW_LEAF_REGEX ? dw_regex_literal(leaf->regex) : leaf->op == DW_LEAF_PATTERN ? pat->literal : DW_STR_NONE;
}

uint32_t dw_pred_leaf_cost(const struct dw_pred *p, uint32_t index)
{
    const struct dw__leaf *leaf = &p->leaf[index];
    if (!leaf->gated)
        return 1000;
    size_t len = leaf->op == DW_LEAF_REGEX ? dw_regex_literal(leaf->regex).len : leaf->pattern.literal.len;
    if (place_of(leaf) != DW_MULTI_ANYWHERE)
        return len < 3 ? 60 : len < 6 ? 8 : 3; /* EventID 1, `GET`: common */
    return len < 4 ? 20 : len < 6 ? 6 : len < 10 ? 2 : 1;
}

void dw_pred_watch(struct dw_pred *p, uint32_t leaf)
{
    DW_ASSERT(!p->built && leaf < p->leaf_count);
    p->leaf[leaf].watched = true;
}

/* The matchers. Leaves are collected per field by counting first. */
static int build_multi(struct dw_pred *p)
{
    uint32_t *first = dw_calloc(p->field_count + 1, sizeof *first);
    struct dw_multi_literal *literal = dw_calloc(p->leaf_count + 1, sizeof *literal);
    int rc = first && literal ? DW_OK : DW_ENOMEM;
    for (uint32_t i = 0; rc == DW_OK && i < p->leaf_count; i++)
        first[p->leaf[i].field + 1] += p->leaf[i].gated;
    for (uint32_t f = 0; rc == DW_OK && f < p->field_count; f++)
        first[f + 1] += first[f];
    for (uint32_t i = p->leaf_count; rc == DW_OK && i-- > 0;) {
        const struct dw__leaf *leaf = &p->leaf[i];
        if (!leaf->gated)
            continue;
        literal[--first[leaf->field + 1]] = (struct dw_multi_literal){literal_of(leaf), i, place_of(leaf)};
    }
    /* now first[f + 1] is where f begins, and first[f + 2] (or the total) where it ends */
    uint32_t total = 0;
    for (uint32_t i = 0; i < p->leaf_count; i++)
        total += p->leaf[i].gated;
    for (uint32_t f = 0; rc == DW_OK && f < p->field_count; f++) {
        uint32_t from = first[f + 1], to = f + 2 <= p->field_count ? first[f + 2] : total;
        if (to > from)
            rc = dw_multi_new(literal + from, to - from, &p->field[f].multi);
    }
    dw_free(first);
    dw_free(literal);
    return rc;
}

static int build_watched(struct dw_pred *p)
{
    for (uint32_t i = 0; i < p->leaf_count; i++)
        if (p->leaf[i].watched && !p->leaf[i].gated)
            p->field[p->leaf[i].field].watched_count++;
    for (uint32_t f = 0; f < p->field_count; f++) {
        p->field[f].watched = dw_arena_alloc(&p->arena, (p->field[f].watched_count + 1) * sizeof(uint32_t));
        if (!p->field[f].watched)
            return DW_ENOMEM;
        p->field[f].watched_count = 0;
    }
    for (uint32_t i = 0; i < p->leaf_count; i++) {
        struct dw__field *f = &p->field[p->leaf[i].field];
        if (p->leaf[i].watched && !p->leaf[i].gated)
            f->watched[f->watched_count++] = i;
    }
    return DW_OK;
}

/* Names to the fields that have them as candidates. */
static int build_uses(struct dw_pred *p)
{
    for (uint32_t f = 0; f < p->field_count; f++) {
        p->use_count += p->field[f].key_count;
        for (uint32_t k = 0; k < p->field[f].key_count; k++)
            p->key_count = p->field[f].key[k] >= p->key_count ? p->field[f].key[k] + 1 : p->key_count;
    }
    p->use_first = dw_calloc(p->key_count + 2, sizeof *p->use_first);
    p->use = dw_calloc(p->use_count + 1, sizeof *p->use);
    if (!p->use_first || !p->use)
        return DW_ENOMEM;
    for (uint32_t f = 0; f < p->field_count; f++)
        for (uint32_t k = 0; k < p->field[f].key_count; k++)
            p->use_first[p->field[f].key[k] + 2]++;
    for (uint32_t k = 2; k < p->key_count + 2; k++)
        p->use_first[k] += p->use_first[k - 1];
    for (uint32_t f = 0; f < p->field_count; f++)
        for (uint32_t k = 0; k < p->field[f].key_count; k++)
            p->use[p->use_first[p->field[f].key[k] + 1]++] = (struct dw__use){f, k};
    return DW_OK;
}

static int build_implied(struct dw_pred *p)
{
    p->implied = dw_arena_alloc(&p->arena, p->field_count * sizeof *p->implied);
    if (!p->implied)
        return DW_ENOMEM;
    for (uint32_t f = 0; f < p->field_count; f++)
        if (p->field[f].has_original || p->field[f].has_message || p->field[f].has_time)
            p->implied[p->implied_count++] = f;
    return DW_OK;
}

int dw_pred_build(struct dw_pred *p)
{
    DW_ASSERT(!p->built);
    int rc = build_multi(p);
    if (rc == DW_OK)
        rc = build_watched(p);
    if (rc == DW_OK)
        rc = build_uses(p);
    if (rc == DW_OK)
        rc = build_implied(p);
    p->built = rc == DW_OK;
    return rc;
}

uint32_t dw_pred_leaf_count(const struct dw_pred *p)
{
    return p->leaf_count;
}

uint32_t dw_pred_field_count(const struct dw_pred *p)
{
    return p->field_count;
}

uint32_t dw_pred_leaf_field(const struct dw_pred *p, uint32_t leaf)
{
    return p->leaf[leaf].field;
}

uint32_t dw_pred_field_key(const struct dw_pred *p, uint32_t field)
{
    DW_ASSERT(p->field[field].key_count > 0);
    return p->field[field].key[0];
}

static void canon_field(const struct dw_pred *p, const struct dw_keys *keys, uint32_t field, struct dw_buf *out)
{
    const struct dw__field *f = &p->field[field];
    dw_buf_byte(out, f->decoded);
    dw_buf_u32(out, f->key_count);
    for (uint32_t i = 0; i < f->key_count; i++) {
        dw_buf_str(out, dw_keys_name(keys, f->key[i]));
        dw_buf_byte(out, 0);
    }
}

void dw_pred_leaf_canon(const struct dw_pred *p, const struct dw_keys *keys, uint32_t index, struct dw_buf *out)
{
    const struct dw__leaf *leaf = &p->leaf[index];
    canon_field(p, keys, leaf->field, out);
    if (leaf->op == DW_LEAF_FIELDREF)
        canon_field(p, keys, leaf->other, out);
    /* after the field's number come operator, cased, flags, then the other field's number, which goes out by name */
    dw_buf_u32(out, (uint32_t)leaf->canon.len);
    dw_buf_str(out, dw_str_slice(leaf->canon, 4, 10));
    dw_buf_str(out, dw_str_slice(leaf->canon, 14, leaf->canon.len));
}

size_t dw_pred_bytes(const struct dw_pred *p)
{
    size_t n = p->arena.total + p->leaf_cap * sizeof *p->leaf + p->field_cap * sizeof *p->field +
               p->intern_cap * sizeof *p->intern + p->use_count * sizeof *p->use;
    for (uint32_t f = 0; f < p->field_count; f++)
        n += p->field[f].multi ? dw_multi_bytes(p->field[f].multi) : 0;
    return n;
}
