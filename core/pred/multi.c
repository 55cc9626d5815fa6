/*
 * multi: Aho-Corasick (1975) with banded rows.
 *
 * Idea: a state stores only the band [low, low + width) of bytes that lead on, so a chain of single letters costs
 * one entry a state while the root costs 256; a byte outside the band follows the fail link. At the root, where
 * most of ordinary text is, a table of byte pairs tells in one load whether any literal begins here.
 *
 * Invariants:
 *   (1) State 0 is the root; fail of every other state is nearer to the root (shorter), so following it ends.
 *   (2) `output` of a state is the first literal that ends there; `report` the nearest state on the fail chain that
 *       has one (itself included), 0: none. So hits cost one step each.
 *   (3) Built breadth first: a state's fail is complete before its children are looked at.
 */
#include "dogwatch/pred/multi.h"

#include "dogwatch/base/error.h"
#include "dogwatch/base/mem.h"

#include <stdlib.h>

struct state {
    uint32_t row; /* into next[], where the band begins */
    uint32_t fail;
    uint32_t output; /* index + 1 into literals, 0: none; further ones with the same text follow by same[] */
    uint32_t report;
    uint8_t low;
    uint16_t width;
};

struct dw_multi {
    struct state *state;
    uint32_t *next; /* target states, 0: none */
    uint32_t *id;   /* by literal */
    uint32_t *same; /* by literal: index + 1 of another literal with the same bytes */
    uint32_t state_count, next_count, literal_count;
    uint64_t pair[65536 / 64]; /* bit (b0 << 8 | b1): a literal begins with these; one-byte literals set all b1 */
};

/* The trie before rows exist: first child and next sibling. */
struct node {
    uint32_t child, sibling, output;
    uint8_t byte;
};
struct build {
    struct node *node;
    uint32_t count, cap;
    uint32_t *order; /* breadth first */
};

static size_t used_len(struct dw_str s)
{
    return s.len < DW_MULTI_LITERAL_MAX ? s.len : DW_MULTI_LITERAL_MAX;
}

static uint32_t node_child(struct build *b, uint32_t at, uint8_t byte)
{
    uint32_t *link = &b->node[at].child;
    while (*link && b->node[*link].byte < byte)
        link = &b->node[*link].sibling;
    if (*link && b->node[*link].byte == byte)
        return *link;
    DW_ASSERT(b->count < b->cap);
    uint32_t fresh = b->count++;
    b->node[fresh] = (struct node){.sibling = *link, .byte = byte};
    *link = fresh;
    return fresh;
}

static void add_literal(struct dw_multi *m, struct build *b, struct dw_str s, uint32_t index)
{
    uint32_t at = 0;
    DW_ASSERT(s.len > 0);
    for (size_t i = 0; i < used_len(s); i++)
        at = node_child(b, at, (uint8_t)s.ptr[i]);
    m->same[index] = b->node[at].output;
    b->node[at].output = index + 1;
    uint32_t first = (uint8_t)s.ptr[0];
    for (uint32_t second = 0; second < 256; second++) {
        uint32_t pair = first << 8 | second;
        if (s.len == 1 || (uint8_t)s.ptr[1] == second)
            m->pair[pair / 64] |= UINT64_C(1) << pair % 64;
    }
}

/* Rows of all states in breadth-first order; states get the nodes' numbers. */
static int make_rows(struct dw_multi *m, struct build *b)
{
    uint32_t head = 0, tail = 0, total = 0;
    b->order[tail++] = 0;
    while (head < tail) {
        uint32_t at = b->order[head++], first = b->node[at].child, last = first;
        struct state *s = &m->state[at];
        s->output = b->node[at].output;
        for (uint32_t c = first; c; c = b->node[c].sibling) {
            b->order[tail++] = c;
            last = c;
        }
        s->row = total;
        s->low = first ? b->node[first].byte : 0;
        s->width = first ? (uint16_t)(b->node[last].byte - s->low + 1) : 0;
        total += s->width;
    }
    m->next_count = total;
    m->next = dw_calloc(total + 1, sizeof *m->next);
    if (!m->next)
        return DW_ENOMEM;
    for (uint32_t at = 0; at < b->count; at++)
        for (uint32_t c = b->node[at].child; c; c = b->node[c].sibling)
            m->next[m->state[at].row + b->node[c].byte - m->state[at].low] = c;
    return DW_OK;
}

static inline uint32_t lead(const struct dw_multi *m, uint32_t at, uint8_t byte)
{
    const struct state *s = &m->state[at];
    uint32_t offset = (uint32_t)(byte - s->low);
    return offset < s->width ? m->next[s->row + offset] : 0;
}

static void make_fails(struct dw_multi *m, const struct build *b)
{
    for (uint32_t i = 0; i < b->count; i++) {
        uint32_t at = b->order[i];
        struct state *s = &m->state[at];
        s->report = s->output ? at : at ? m->state[s->fail].report : 0;
        for (uint32_t c = b->node[at].child; c; c = b->node[c].sibling) {
            uint32_t f = at, to = 0;
            while (f && !to) {
                f = m->state[f].fail;
                to = lead(m, f, b->node[c].byte);
            }
            m->state[c].fail = to;
        }
    }
}

static int build(struct dw_multi *m, struct build *b, const struct dw_str *literal, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        add_literal(m, b, literal[i], i);
    m->state_count = b->count;
    m->state = dw_calloc(b->count, sizeof *m->state);
    b->order = dw_calloc(b->count, sizeof *b->order);
    if (!m->state || !b->order)
        return DW_ENOMEM;
    int rc = make_rows(m, b);
    if (rc == DW_OK)
        make_fails(m, b);
    return rc;
}

int dw_multi_new(const struct dw_str *literal, const uint32_t *id, uint32_t count, struct dw_multi **ret)
{
    size_t cap = 1;
    for (uint32_t i = 0; i < count; i++)
        cap += used_len(literal[i]);
    if (cap > UINT32_MAX / 2)
        return DW_ENOMEM;
    struct build b = {.node = dw_calloc(cap, sizeof *b.node), .count = 1, .cap = (uint32_t)cap};
    struct dw_multi *m = dw_calloc(1, sizeof *m);
    int rc = DW_ENOMEM;
    if (m) {
        m->literal_count = count;
        m->id = dw_calloc(count + 1, sizeof *m->id);
        m->same = dw_calloc(count + 1, sizeof *m->same);
    }
    if (m && b.node && m->id && m->same) {
        if (count)
            memcpy(m->id, id, count * sizeof *id);
        rc = build(m, &b, literal, count);
    }
    dw_free(b.node);
    dw_free(b.order);
    if (rc < 0)
        dw_multi_free(m);
    else
        *ret = m;
    return rc;
}

void dw_multi_free(struct dw_multi *m)
{
    if (!m)
        return;
    dw_free(m->state);
    dw_free(m->next);
    dw_free(m->id);
    dw_free(m->same);
    dw_free(m);
}

size_t dw_multi_bytes(const struct dw_multi *m)
{
    return sizeof *m + m->state_count * sizeof *m->state + m->next_count * sizeof *m->next + m->literal_count * 8u;
}

void dw_multi_scan(
    const struct dw_multi *m, struct dw_str text, void (*hit)(void *ud, uint32_t id, size_t end), void *ud)
{
    const uint8_t *p = (const uint8_t *)text.ptr;
    uint32_t at = 0;
    for (size_t i = 0; i < text.len; i++) {
        if (at == 0) {
            uint32_t pair = (uint32_t)p[i] << 8 | (i + 1 < text.len ? p[i + 1] : 0u);
            if (i + 1 < text.len && !(m->pair[pair / 64] >> pair % 64 & 1))
                continue;
        }
        uint32_t to = lead(m, at, p[i]);
        while (!to && at) {
            at = m->state[at].fail;
            to = lead(m, at, p[i]);
        }
        at = to;
        for (uint32_t r = m->state[at].report; r; r = m->state[m->state[r].fail].report)
            for (uint32_t lit = m->state[r].output; lit; lit = m->same[lit - 1])
                hit(ud, m->id[lit - 1], i + 1);
    }
}
