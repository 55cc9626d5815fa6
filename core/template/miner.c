/*
 * miner: the masked texts of many messages, each once.
 *
 * Idea: a line is masked and looked up; what is kept of it is a count. So a line costs its own bytes and one look into a table, and memory grows
 * with the number of different texts, not of lines.
 *
 * Invariants:
 *   (1) masked[] is in order of first lines, and so is mined[] once refined: no result depends on hashes.
 *   (2) Over the bounds a line is counted under the text `<*>`, and templates_refused says how often.
 */
#include "miner_int.h"

#include "dogwatch/base/counter.h"
#include "dogwatch/base/error.h"
#include "dogwatch/base/hash.h"
#include "dogwatch/base/mem.h"
#include "dogwatch/frame/digest.h"

#include <stdlib.h>

enum { TEMPLATES_USUAL = 65536, BYTES_USUAL = 64 << 20, ID_BYTES = (DW_TEMPLATE_ID_TEXT - 1) / 2 };

void dw_template_id(struct dw_str text, char ret[DW_TEMPLATE_ID_TEXT])
{
    uint8_t hash[DW_SHA256_BYTES];
    dw_sha256_of(text, hash);
    dw_hex(hash, ID_BYTES, ret);
}

struct dw_miner *dw_miner_new(const struct dw_miner_opts *opts)
{
    struct dw_miner *m = dw_calloc(1, sizeof *m);
    if (!m)
        return NULL;
    m->templates_max = opts && opts->templates_max ? opts->templates_max : TEMPLATES_USUAL;
    dw_arena_init(&m->arena, opts && opts->bytes_max ? opts->bytes_max : (size_t)BYTES_USUAL);
    return m;
}

void dw_miner_free(struct dw_miner *m)
{
    if (!m)
        return;
    dw_table_fini(&m->table);
    dw_table_fini(&m->mined_table);
    dw_arena_fini(&m->arena);
    for (uint32_t i = 0; i < m->mined_count; i++)
        dw_free(m->mined[i]);
    dw_free(m->other);
    dw_free(m->masked);
    dw_free(m->mined);
    dw_free(m);
}

static int grow(void **array, uint32_t count, uint32_t *cap)
{
    if (count < *cap)
        return DW_OK;
    uint32_t more = *cap ? *cap * 2 : 64;
    void *bigger = dw_resize(*array, more * sizeof(void *));
    if (!bigger)
        return DW_ENOMEM;
    *array = bigger;
    *cap = more;
    return DW_OK;
}

static struct dw__masked *find(const struct dw_miner *m, uint64_t hash, struct dw_str text)
{
    for (struct dw_node *n = dw_table_find(&m->table, hash); n; n = dw_table_next(n))
        if (dw_str_eq(DW_ITEM(n, struct dw__masked, node)->text, text))
            return DW_ITEM(n, struct dw__masked, node);
    return NULL;
}

/* A masked text for the template at hand; NULL where the bounds, or memory, hold no further one. */
static struct dw__masked *enter(struct dw_miner *m, const struct dw_template *t, struct dw_str example)
{
    struct dw__masked *k = dw_arena_alloc(&m->arena, sizeof *k);
    struct dw_template_word *word = k ? dw_arena_alloc(&m->arena, t->word_count * sizeof *word + 1) : NULL;
    if (!word)
        return NULL;
    memcpy(word, t->word, t->word_count * sizeof *word);
    *k = (struct dw__masked){.word = word, .word_count = t->word_count, .first = m->lines, .mined = m->masked_count};
    k->text = dw_arena_copy(&m->arena, dw_template_text(t));
    k->example = dw_arena_copy(&m->arena, dw_str_slice(example, 0, DW_TEMPLATE_BYTES_MAX));
    if (!k->text.ptr || !k->example.ptr)
        return NULL;
    m->masked[m->masked_count++] = k;
    return k;
}

/* The one that stands for all that do not fit: beside the arena, which is full. */
static struct dw__masked *enter_other(struct dw_miner *m, struct dw_str example)
{
    static const struct dw_template_word gap = {.at = 0, .len = sizeof DW_TEMPLATE_GAP - 1, .kind = DW_TEMPLATE_VALUE};
    struct dw__masked *k = dw_calloc(1, sizeof *k + example.len);
    if (!k)
        return NULL;
    *k = (struct dw__masked){.text = DW_STR(DW_TEMPLATE_GAP), .word = &gap, .word_count = 1, .first = m->lines, .mined = m->masked_count};
    k->example = dw_str_make((char *)(k + 1), example.len);
    if (example.len)
        memcpy(k + 1, example.ptr, example.len);
    m->masked[m->masked_count++] = k;
    m->other = k;
    return k;
}

int dw_miner_add(struct dw_miner *m, struct dw_str message, uint32_t *ret_number)
{
    struct dw_template *t = &m->scratch;
    DW_ASSERT(!m->refined);
    dw_template_mask(message, t);
    uint64_t hash = dw_hash(dw_hash_process_key(), dw_template_text(t));
    struct dw__masked *k = find(m, hash, dw_template_text(t));
    if (!k) {
        if (grow((void **)&m->masked, m->masked_count, &m->masked_cap) < 0)
            return DW_ENOMEM;
        k = m->masked_count < m->templates_max - !m->other ? enter(m, t, message) : NULL;
        if (k)
            dw_table_add(&m->table, &k->node, hash);
    }
    if (!k) {
        DW_COUNT(templates_refused);
        m->refused++;
        k = m->other ? m->other : enter_other(m, dw_str_slice(message, 0, DW_TEMPLATE_BYTES_MAX));
        if (!k)
            return DW_ENOMEM;
    }
    k->count++;
    m->lines++;
    *ret_number = k->mined;
    return DW_OK;
}

int dw__mined_put(struct dw_miner *m, struct dw_str text, uint32_t i)
{
    struct dw__masked *k = m->masked[i];
    struct dw__refined *r = NULL;
    uint64_t hash = dw_hash(dw_hash_process_key(), text);
    for (struct dw_node *n = dw_table_find(&m->mined_table, hash); n && !r; n = dw_table_next(n))
        if (dw_str_eq(DW_ITEM(n, struct dw__refined, node)->text, text))
            r = DW_ITEM(n, struct dw__refined, node);
    if (!r) {
        if (grow((void **)&m->mined, m->mined_count, &m->mined_cap) < 0)
            return DW_ENOMEM;
        r = dw_alloc(sizeof *r + text.len);
        if (!r)
            return DW_ENOMEM;
        *r = (struct dw__refined){.text = {(char *)(r + 1), text.len}, .example = k->example, .first = k->first, .rank = m->mined_count};
        memcpy(r + 1, text.ptr, text.len);
        m->mined[m->mined_count++] = r;
        dw_table_add(&m->mined_table, &r->node, hash);
    }
    if (k->first < r->first) {
        r->first = k->first;
        r->example = k->example;
    }
    r->count += k->count;
    k->mined = r->rank;
    return DW_OK;
}

uint32_t dw_miner_count(const struct dw_miner *m)
{
    return m->refined ? m->mined_count : m->masked_count;
}

struct dw_mined dw_miner_at(const struct dw_miner *m, uint32_t i)
{
    if (m->refined) {
        const struct dw__refined *r = m->mined[i];
        return (struct dw_mined){.text = r->text, .example = r->example, .count = r->count, .first = r->first};
    }
    const struct dw__masked *k = m->masked[i];
    return (struct dw_mined){.text = k->text, .example = k->example, .count = k->count, .first = k->first};
}

uint64_t dw_miner_refused(const struct dw_miner *m)
{
    return m->refused;
}

uint32_t dw_miner_of(const struct dw_miner *m, uint32_t number)
{
    return m->refined ? m->masked[number]->mined : number;
}
