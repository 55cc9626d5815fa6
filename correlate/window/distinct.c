/*
 * distinct: the distinct values of a key's window, each at its newest sighting.
 *
 * Idea: entries stay in the order of time. Of few values the older sighting is looked for one by one and taken out; of many an index by value names it,
 * and it is only marked: who is marked does not count, and is taken out with others when there are as many of them as of those that count.
 *
 * Invariants:
 *   (1) An entry has a number, one more than that before it; s->past->gone is that of entry 0. Every set entry's number is in the index, which may hold
 *       numbers of others too: what it names is believed only when the value there is the same.
 *   (2) Each event costs a bounded time on average, however many values there are.
 */
#include "window_int.h"

#include "dogwatch/base/error.h"
#include "dogwatch/base/mem.h"

enum { FEW = 32, DEAD_LEAST = 64, INDEX_LEAST = 256 };

static bool same(const struct dw__worth *e, const uint8_t value[DW__HASH_BYTES])
{
    return memcmp(e->value, value, DW__HASH_BYTES) == 0;
}

static int take_of_few(struct dw_window *w, struct dw__state *s, const struct dw__record *r, uint32_t most)
{
    (void)dw__entries_forget(s, r->value);
    return dw__entries_append(w, s, r, most);
}

/* A value is a part of SHA-256: any four bytes of it are as good as a hash. */
static uint32_t slot_of(const struct dw__state *s, const uint8_t value[DW__HASH_BYTES])
{
    uint32_t at;
    memcpy(&at, value, sizeof at);
    return at & (s->past->index_cap - 1);
}

static void index_add(struct dw__state *s, const uint8_t value[DW__HASH_BYTES], uint32_t number)
{
    uint32_t at = slot_of(s, value);
    while (s->past->index[at])
        at = (at + 1) & (s->past->index_cap - 1);
    s->past->index[at] = number;
    s->past->index_used++;
}

/* Takes out what is marked, and makes the index anew with room for twice as many. */
static int rebuild(struct dw_window *w, struct dw__state *s)
{
    uint32_t to = 0, cap = INDEX_LEAST;
    for (uint32_t i = 0; i < s->count; i++)
        if (dw__worth_at(s, i)->set)
            dw__entry_move(s, i, to++);
    s->count = to;
    s->past->dead = 0;
    s->past->gone = 1;
    while (cap < 4 * (s->count + 1))
        cap *= 2;
    if (cap != s->past->index_cap) {
        uint32_t *index = dw_calloc(cap, sizeof *index);
        if (!index)
            return DW_ENOMEM;
        dw_free(s->past->index);
        w->bytes = w->bytes - s->past->index_cap * sizeof *index + cap * sizeof *index;
        s->past->index = index;
        s->past->index_cap = cap;
    } else {
        memset(s->past->index, 0, cap * sizeof *s->past->index);
    }
    s->past->index_used = 0;
    for (uint32_t i = 0; i < s->count; i++)
        index_add(s, dw__worth_at(s, i)->value, s->past->gone + i);
    return DW_OK;
}

/* The sighting of a value that counts so far; NULL: none. */
static struct dw__worth *find(const struct dw__state *s, const uint8_t value[DW__HASH_BYTES])
{
    for (uint32_t at = slot_of(s, value); s->past->index[at]; at = (at + 1) & (s->past->index_cap - 1)) {
        uint32_t i = s->past->index[at] - s->past->gone;
        struct dw__worth *e = i < s->count ? dw__worth_at(s, i) : NULL;
        if (e && e->set && same(e, value))
            return e;
    }
    return NULL;
}

static int take_of_many(struct dw_window *w, struct dw__state *s, const struct dw__record *r, uint32_t most)
{
    bool crowded = s->past->dead > s->count - s->past->dead + DEAD_LEAST || 2 * (s->past->index_used + 1) > s->past->index_cap;
    int rc = !s->past->index || crowded ? rebuild(w, s) : DW_OK;
    if (rc < 0)
        return rc;
    struct dw__worth *older = find(s, r->value);
    if (older) {
        older->set = false;
        s->past->dead++;
    }
    while (s->count - s->past->dead == most) /* up to the oldest that counts */
        dw__entries_drop(s);
    rc = dw__entries_append(w, s, r, UINT32_MAX);
    if (rc == DW_OK)
        index_add(s, r->value, s->past->gone + s->count - 1);
    return rc;
}

int dw__distinct(struct dw_window *w, struct dw__state *s, const struct dw__record *r, uint32_t most, double *ret)
{
    int rc = most <= FEW ? take_of_few(w, s, r, most) : take_of_many(w, s, r, most);
    *ret = s->count - s->past->dead;
    return rc;
}
