/*
 * state: keyed state in 1,024 groups.
 *
 * Idea: a key is 16 bytes of SHA-256 over rule id and group values; its group is a part of them. Groups depend on
 * nothing else, so they can be moved between collectors, and no result depends on who holds them.
 *
 * Invariants:
 *   (1) A group's table is a power of two and at most three quarters full; removal rebuilds it.
 *   (2) w->bytes counts what states hold; over bytes_max new keys are refused, never old ones thrown out.
 *   (3) A state is freed only when its window is empty at the watermark: that is as if it had never been.
 */
#include "../detect/detect.h"

#include "dogwatch/base/counter.h"
#include "dogwatch/base/error.h"
#include "dogwatch/base/mem.h"

static uint32_t group_of(const uint8_t key[DW__HASH_BYTES])
{
    return ((uint32_t)key[0] << 8 | key[1]) % DW_KEY_GROUPS;
}

static struct dw__state **slot_in(struct dw__state **slot, uint32_t cap, const uint8_t key[DW__HASH_BYTES])
{
    uint32_t at;
    memcpy(&at, key + 4, sizeof at);
    at &= cap - 1;
    while (slot[at] && memcmp(slot[at]->key, key, DW__HASH_BYTES) != 0)
        at = (at + 1) & (cap - 1);
    return &slot[at];
}

/* A table of `cap` slots with the states that still count. */
static int rebuild(struct dw__group *g, uint32_t cap)
{
    struct dw__state **slot = dw_calloc(cap, sizeof(struct dw__state *));
    if (!slot)
        return DW_ENOMEM;
    for (uint32_t i = 0; i < g->cap; i++)
        if (g->slot[i])
            *slot_in(slot, cap, g->slot[i]->key) = g->slot[i];
    dw_free(g->slot);
    g->slot = slot;
    g->cap = cap;
    return DW_OK;
}

int dw__state_insert(struct dw_window *w, struct dw__state *s)
{
    struct dw__group *g = &w->group[group_of(s->key)];
    if (4 * (uint64_t)(g->count + 1) > 3 * (uint64_t)g->cap) {
        int rc = rebuild(g, g->cap ? g->cap * 2 : 4);
        if (rc < 0)
            return rc;
    }
    struct dw__state **slot = slot_in(g->slot, g->cap, s->key);
    if (*slot)
        return DW_EEXIST;
    *slot = s;
    g->count++;
    return DW_OK;
}

bool dw__keeps_worth(const struct dw_correlation *c)
{
    const bool sums = c->type == DW_CORR_VALUE_SUM || c->type == DW_CORR_VALUE_AVG || c->type == DW_CORR_VALUE_PERCENTILE;
    return sums || c->type == DW_CORR_VALUE_COUNT || dw__detector_of(c->type);
}

bool dw__keeps_past(const struct dw_correlation *c)
{
    return c->calms || c->type == DW_CORR_ABSENCE || dw__keeps_worth(c);
}

struct dw_str dw__state_text(const struct dw__state *s)
{
    return dw_str_make((const char *)&s->own[s->room], s->text_len);
}

static void drop_memo(struct dw_window *w, struct dw__past *p)
{
    w->bytes -= p->memo_len;
    dw_free(p->memo);
    p->memo = NULL;
    p->memo_len = 0;
}

uint8_t *dw__memo(struct dw_window *w, struct dw__state *s, uint32_t len)
{
    struct dw__past *p = s->past;
    if (p->memo_len >= len)
        return p->memo;
    uint8_t *memo = dw_resize(p->memo, len);
    if (!memo)
        return NULL;
    memset(memo + p->memo_len, 0, len - p->memo_len);
    w->bytes += len - p->memo_len;
    p->memo = memo;
    p->memo_len = len;
    return memo;
}

static void free_told(struct dw_window *w, struct dw__told *t)
{
    if (!t)
        return;
    w->bytes -= sizeof *t + (t->ids ? DW__IDS_KEPT * sizeof *t->ids : 0);
    dw_free(t->ids);
    dw_free(t);
}

static void free_past(struct dw_window *w, struct dw__past *p, uint32_t entries)
{
    if (!p)
        return;
    drop_memo(w, p);
    free_told(w, p->told);
    w->bytes -= sizeof *p + p->index_cap * sizeof *p->index + (p->worth ? entries * sizeof *p->worth : 0);
    dw_free(p->worth);
    dw_free(p->index);
    dw_free(p);
}

void dw__state_free(struct dw_window *w, struct dw__state *s)
{
    if (!s)
        return;
    free_past(w, s->past, s->cap);
    w->bytes -= sizeof *s + s->room * sizeof *s->own + s->text_len;
    if (s->entry != s->own) {
        w->bytes -= s->cap * sizeof *s->entry;
        dw_free(s->entry);
    }
    dw_free(s);
}

/* How many entries stand in a state itself: one, more than which most keys never have; of members all. */
static uint32_t room_of(const struct dw_correlation *c)
{
    if (c && c->type == DW_CORR_TEMPORAL)
        return c->member_count;
    return c && c->type == DW_CORR_TEMPORAL_ORDERED ? c->member_count * c->member_count : 1;
}

struct dw__state *dw__state_new(struct dw_window *w, uint32_t corr, struct dw_str text)
{
    const struct dw_correlation *c = corr == UINT32_MAX ? NULL : dw_ruleset_rule(w->rs, corr)->corr;
    const bool past = !c || dw__keeps_past(c);
    const uint32_t room = room_of(c);
    struct dw__state *s = dw_calloc(1, sizeof *s + room * sizeof *s->own + text.len);
    if (!s || (past && !(s->past = dw_calloc(1, sizeof *s->past)))) {
        dw_free(s);
        return NULL;
    }
    w->bytes += sizeof *s + room * sizeof *s->own + text.len + (past ? sizeof *s->past : 0);
    s->corr = corr;
    s->calms = c && c->calms;
    s->entry = s->own;
    s->room = (uint16_t)room;
    s->text_len = (uint32_t)text.len;
    if (past)
        s->past->keeps_worth = !c || dw__keeps_worth(c);
    if (text.len)
        memcpy(&s->own[room], text.ptr, text.len);
    return s;
}

static struct dw__state *make_state(struct dw_window *w, const struct dw__record *r, const uint8_t key[DW__HASH_BYTES])
{
    struct dw__state *s = dw__state_new(w, r->corr, dw_str_make(r->text, r->text_len));
    if (!s)
        return NULL;
    memcpy(s->key, key, sizeof s->key);
    s->newest_ns = r->time_ns;
    if (s->past)
        s->past->began_ns = r->time_ns;
    if (dw__state_insert(w, s) == DW_OK)
        return s;
    dw__state_free(w, s);
    return NULL;
}

/* As a key that is seen for the first time. */
static void begin_again(struct dw_window *w, struct dw__state *s, const struct dw__record *r)
{
    dw__state_forget(s);
    s->newest_ns = r->time_ns;
    if (s->past) {
        s->past->began_ns = r->time_ns;
        drop_memo(w, s->past);
    }
}

static bool is_over_at(const struct dw_window *w, const struct dw__state *s, int64_t time_ns)
{
    const struct dw_correlation *c = dw_ruleset_rule(w->rs, s->corr)->corr;
    if (s->waits && c->type != DW_CORR_SILENCE)
        return false;
    return c->type == DW_CORR_SILENCE ? s->over : dw__later(s->newest_ns, dw__keeps_ns(c)) <= time_ns;
}

bool dw__state_is_over(const struct dw_window *w, const struct dw__state *s)
{
    return is_over_at(w, s, w->watermark_ns);
}

struct dw__state *dw__state_of(struct dw_window *w, const struct dw__record *r, bool make, int *ret_rc)
{
    uint8_t key[DW__HASH_BYTES];
    dw__hash16(dw_ruleset_rule(w->rs, r->corr)->id, dw_str_make(r->text, r->text_len), key);
    struct dw__group *g = &w->group[group_of(key)];
    *ret_rc = DW_OK;
    if (g->cap) {
        struct dw__state **slot = slot_in(g->slot, g->cap, key);
        if (*slot && is_over_at(w, *slot, r->time_ns)) /* by the record's own time: that it was not swept yet is chance */
            begin_again(w, *slot, r);
        if (*slot)
            return *slot;
    }
    if (!make)
        return NULL;
    if (w->bytes >= w->bytes_max) {
        DW__COUNT_IF(w, true, correlate_keys_refused);
        DW_COUNT_IF(w->early, provisional_blind);
        return NULL;
    }
    struct dw__state *s = make_state(w, r, key);
    *ret_rc = s ? DW_OK : DW_ENOMEM;
    return s;
}

void dw__state_forget(struct dw__state *s)
{
    s->first = s->count = 0;
    s->open = s->over = s->doubted = false;
    if (!s->past)
        return;
    s->past->dead = 0;
    s->past->judged = false;
    if (s->past->told)
        s->past->told->total = 0;
}

struct dw__state *dw__state_find(const struct dw_window *w, uint32_t corr, struct dw_str text)
{
    uint8_t key[DW__HASH_BYTES];
    dw__hash16(dw_ruleset_rule(w->rs, corr)->id, text, key);
    const struct dw__group *g = &w->group[group_of(key)];
    return g->cap ? *slot_in(g->slot, g->cap, key) : NULL;
}

static void sweep_group(struct dw_window *w, struct dw__group *g)
{
    uint32_t before = g->count;
    for (uint32_t i = 0; i < g->cap; i++) {
        struct dw__state *s = g->slot[i];
        if (!s || !dw__state_is_over(w, s))
            continue;
        dw__state_free(w, s);
        g->slot[i] = NULL;
        g->count--;
    }
    if (g->count == before)
        return;
    /* holes in probe chains: put the rest in again */
    struct dw__state **old = g->slot;
    struct dw__state **slot = dw_calloc(g->cap, sizeof(struct dw__state *));
    if (slot) {
        for (uint32_t i = 0; i < g->cap; i++)
            if (old[i])
                *slot_in(slot, g->cap, old[i]->key) = old[i];
        dw_free(old);
        g->slot = slot;
        return;
    }
    /* no memory for a new table: in place, until nothing moves */
    for (bool moved = true; moved;) {
        moved = false;
        for (uint32_t i = 0; i < g->cap; i++) {
            struct dw__state *s = old[i];
            if (!s)
                continue;
            old[i] = NULL;
            struct dw__state **to = slot_in(old, g->cap, s->key);
            moved = moved || to != &old[i];
            *to = s;
        }
    }
}

void dw__state_sweep(struct dw_window *w, uint32_t groups)
{
    for (uint32_t i = 0; i < groups; i++) {
        sweep_group(w, &w->group[w->sweep_at]);
        w->sweep_at = (w->sweep_at + 1) % DW_KEY_GROUPS;
    }
}
