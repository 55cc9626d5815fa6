/*
 * tune_pick: fields and values that events which a rule matched wrongly have, and no event that it matched rightly.
 *
 * Idea: an event that is not covered yet leads. For each of its fields two rows of bits say which wrong and which right events have the same value; a set of
 * fields is the AND of their rows, and good when no right event is left. Of all sets of up to TUNE_DEPTH_MAX fields the one that covers most wrong events is taken,
 * the smaller of two alike, then the one whose fields stand earlier in tbl/tune_fields.h. Selections that differ in the values of one field become one.
 *
 * Invariants: (1) No selection holds for a right event. (2) Only what tbl/tune_fields.h leaves, and values that do not look made up for one event, are looked at.
 * Bounds: the CANDIDATES_MAX fields of an event that stand first; TUNE_SELECTIONS_MAX.
 */
#include "tune.h"

#include "dogwatch/base/error.h"
#include "dogwatch/base/mem.h"

#include <stdio.h>
#include <stdlib.h>

enum { CANDIDATES_MAX = 24, VALUE_BYTES_MAX = 256, HEX_RUN = 16, DIGITS_MAX = 5, NO_ROW = 1 << 20 };
enum how { IS, BEGINS, ENDS, LAST };

#define TUNE_FIELD(how, name, use, doc) {#how, name, #use, doc},
static const struct tune_row rows[] = {
#include "dogwatch/tbl/tune_fields.h"
};
#undef TUNE_FIELD
#define TUNE_FIELD(how, name, use, doc) how,
static const enum how hows[] = {
#include "dogwatch/tbl/tune_fields.h"
};
#undef TUNE_FIELD

const struct tune_row *tune_table(size_t *ret_count)
{
    *ret_count = DW_COUNT_OF(rows);
    return rows;
}

/* ---- events ---- */

void tune_events_fini(struct tune_events *e)
{
    dw_free(e->item);
    e->item = NULL;
    e->count = e->cap = 0;
}

static int copy_field(struct tune_events *e, const struct dw_field *from, struct dw_field *to, struct tune_pair *pair)
{
    char text[64];
    int n = 0;
    *to = *from;
    *pair = (struct tune_pair){.key = from->key};
    if (dw_field_is_text(from)) {
        pair->text = dw_arena_copy(e->arena, dw_field_str(from));
        to->v.ptr = pair->text.ptr;
        return pair->text.ptr ? DW_OK : DW_ENOMEM;
    }
    if (from->kind == DW_K_INT)
        n = snprintf(text, sizeof text, "%lld", (long long)from->v.i);
    else if (from->kind == DW_K_BOOL)
        n = snprintf(text, sizeof text, "%s", from->v.i ? "true" : "false");
    pair->text = dw_arena_copy(e->arena, dw_str_make(text, (size_t)n)); /* a fraction: empty, and never looked at */
    return pair->text.ptr ? DW_OK : DW_ENOMEM;
}

static const struct dw_stream no_stream; /* what the event has of its own stands in its fields */

static int copy_event(struct tune_events *e, const struct dw_event *ev, struct tune_event *to)
{
    uint32_t more = ev->stream ? ev->stream->field_count : 0, count = ev->field_count + more;
    struct dw_field *field = dw_arena_alloc(e->arena, (count + 1) * sizeof *field);
    *to = (struct tune_event){.ev = *ev, .pair = dw_arena_alloc(e->arena, (count + 1) * sizeof *to->pair), .count = count};
    to->ev.line = dw_arena_copy(e->arena, ev->line);
    to->ev.field = field;
    to->ev.field_count = count;
    to->ev.more = NULL;
    to->ev.more_count = 0;
    to->ev.stream = &no_stream;
    int rc = field && to->pair && to->ev.line.ptr ? DW_OK : DW_ENOMEM;
    for (uint32_t i = 0; i < count && rc == DW_OK; i++)
        rc = copy_field(e, i < ev->field_count ? &ev->field[i] : &ev->stream->field[i - ev->field_count], &field[i], &to->pair[i]);
    return rc;
}

int tune_events_add(struct tune_events *e, const struct dw_event *ev)
{
    if (e->count == TUNE_EVENTS_MAX) {
        e->over++;
        return DW_OK;
    }
    struct tune_event *bigger = dw_grow(e->item, e->count, &e->cap, 64, sizeof *bigger);
    if (!bigger)
        return DW_ENOMEM;
    e->item = bigger;
    int rc = copy_event(e, ev, &e->item[e->count]);
    e->count += rc == DW_OK;
    return rc;
}

/* ---- fields and values ---- */

static bool fits(size_t row, struct dw_str name)
{
    struct dw_str want = dw_str_of(rows[row].name), last = name;
    while (dw_str_index(last, '.') < last.len)
        (void)dw_str_cut(&last, '.');
    switch (hows[row]) {
    case IS: return dw_str_ieq(name, want);
    case BEGINS: return dw_str_ieq(dw_str_slice(name, 0, want.len), want);
    case ENDS: return name.len >= want.len && dw_str_ieq(dw_str_slice(name, name.len - want.len, name.len), want);
    case LAST: return dw_str_ieq(last, want);
    }
    DW_NEVER("all ways are above");
}

/* Where a field stands among those to take; -1: it is not taken. */
static int rank_of(struct dw_str name)
{
    for (size_t i = 0; i < DW_COUNT_OF(rows); i++)
        if (fits(i, name))
            return strcmp(rows[i].use, "TAKE") == 0 ? (int)i : -1;
    return name.len && dw_str_index(name, '|') == name.len ? NO_ROW : -1;
}

/* Ids, times, numbers of some size, and what a filter could not hold in a line. */
static bool is_made_up(struct dw_str s)
{
    size_t hex = 0, digits = 0;
    bool number = false;
    for (size_t i = 0; i < s.len; i++) {
        char c = s.ptr[i];
        bool digit = c >= '0' && c <= '9';
        if ((unsigned char)c < 0x20 || c == 0x7f)
            return true;
        hex = digit || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F') || c == '-' ? hex + 1 : 0;
        digits = digit ? digits + 1 : 0;
        number = number || digits > DIGITS_MAX;
        bool date = c == '-' && i >= 4 && i + 3 < s.len && s.ptr[i + 3] == '-' && s.ptr[i - 1] >= '0' && s.ptr[i - 1] <= '9';
        if (hex >= HEX_RUN || date)
            return true;
    }
    return s.len == 0 || s.len > VALUE_BYTES_MAX || number;
}

static bool has(const struct tune_event *e, uint32_t key, struct dw_str text)
{
    for (uint32_t i = 0; i < e->count; i++)
        if (e->pair[i].key == key && dw_str_ieq(e->pair[i].text, text))
            return true;
    return false;
}

/* ---- the search ---- */

struct candidate {
    uint32_t key;
    int rank;
    struct dw_str name, text;
    uint64_t *wrong, *right; /* a bit an event: it has the value */
};

struct search {
    struct tune_pick *p;
    struct candidate cand[CANDIDATES_MAX];
    uint32_t cand_count;
    struct candidate vain[CANDIDATES_MAX]; /* of the last lead that found nothing */
    uint32_t vain_count;
    size_t wrong_words, right_words;
    uint64_t *bits; /* all rows of all candidates, then `open` */
    uint64_t *open; /* wrong events that are not covered */
    uint32_t best[TUNE_DEPTH_MAX], best_depth, best_covers, open_count;
};

static int by_rank(const void *a, const void *b)
{
    const struct candidate *x = a, *y = b;
    return x->rank != y->rank ? (x->rank < y->rank ? -1 : 1) : dw_str_cmp(x->name, y->name);
}

static bool is_asked(const struct tune_pick *p, uint32_t key)
{
    for (uint32_t i = 0; i < p->asked_count; i++)
        if (p->asked[i] == key)
            return true;
    return false;
}

/* The fields of the leading event that have one value. */
static void find_candidates(struct search *s, const struct tune_event *lead)
{
    struct candidate all[DW_EVENT_FIELDS_MAX];
    uint32_t n = 0;
    for (uint32_t i = 0; i < lead->count && n < DW_COUNT_OF(all); i++) {
        struct candidate c = {.key = lead->pair[i].key, .text = lead->pair[i].text};
        c.name = dw_keys_name(s->p->keys, c.key);
        c.rank = rank_of(c.name);
        bool alone = true;
        for (uint32_t k = 0; k < lead->count; k++)
            alone = alone && (k == i || lead->pair[k].key != c.key);
        if (alone && c.rank >= 0 && !is_made_up(c.text) && !is_asked(s->p, c.key))
            all[n++] = c;
    }
    qsort(all, n, sizeof *all, by_rank);
    s->cand_count = n < CANDIDATES_MAX ? n : CANDIDATES_MAX;
    memcpy(s->cand, all, s->cand_count * sizeof *all);
}

/* Which events have the values of the candidates. */
static void fill_rows(struct search *s)
{
    uint64_t *at = s->bits;
    memset(s->bits, 0, CANDIDATES_MAX * (s->wrong_words + s->right_words) * sizeof *at);
    for (uint32_t c = 0; c < s->cand_count; c++) {
        struct candidate *k = &s->cand[c];
        k->wrong = at;
        k->right = at + s->wrong_words;
        at += s->wrong_words + s->right_words;
        for (uint32_t i = 0; i < s->p->wrong->count; i++)
            k->wrong[i / 64] |= (uint64_t)has(&s->p->wrong->item[i], k->key, k->text) << i % 64;
        for (uint32_t i = 0; i < s->p->right->count; i++)
            k->right[i / 64] |= (uint64_t)has(&s->p->right->item[i], k->key, k->text) << i % 64;
    }
}

/* Whether each candidate was one of a lead that found nothing. Then this one finds nothing either: every set of its fields was looked at. */
static bool is_vain(const struct search *s)
{
    bool vain = s->vain_count > 0;
    for (uint32_t c = 0; c < s->cand_count && vain; c++) {
        bool among = false;
        for (uint32_t i = 0; i < s->vain_count; i++)
            among = among || (s->vain[i].key == s->cand[c].key && dw_str_ieq(s->vain[i].text, s->cand[c].text));
        vain = among;
    }
    return vain;
}

static void weigh(struct search *s, const uint32_t *set, uint32_t depth)
{
    uint32_t covers = 0;
    for (size_t w = 0; w < s->right_words; w++) {
        uint64_t all = UINT64_MAX;
        for (uint32_t i = 0; i < depth; i++)
            all &= s->cand[set[i]].right[w];
        if (all)
            return;
    }
    for (size_t w = 0; w < s->wrong_words; w++) {
        uint64_t all = s->open[w];
        for (uint32_t i = 0; i < depth; i++)
            all &= s->cand[set[i]].wrong[w];
        covers += (uint32_t)__builtin_popcountll(all);
    }
    if (covers <= s->best_covers)
        return;
    memcpy(s->best, set, depth * sizeof *set);
    s->best_depth = depth;
    s->best_covers = covers;
}

/* Every set of `depth` candidates, those that stand first first. */
static void each_set(struct search *s, uint32_t depth)
{
    uint32_t set[TUNE_DEPTH_MAX];
    if (depth > s->cand_count)
        return;
    for (uint32_t i = 0; i < depth; i++)
        set[i] = i;
    for (;;) {
        weigh(s, set, depth);
        uint32_t i = depth;
        while (i > 0 && set[i - 1] == s->cand_count - depth + i - 1)
            i--;
        if (i == 0)
            return;
        set[i - 1]++;
        for (; i < depth; i++)
            set[i] = set[i - 1] + 1;
    }
}

static void take_best(struct search *s)
{
    struct tune_selection *sel = &s->p->selection[s->p->count++];
    *sel = (struct tune_selection){.depth = s->best_depth, .covers = s->best_covers};
    for (uint32_t i = 0; i < s->best_depth; i++) {
        sel->part[i].key = s->cand[s->best[i]].key;
        sel->part[i].value[0] = s->cand[s->best[i]].text;
        sel->part[i].value_count = 1;
    }
    for (size_t w = 0; w < s->wrong_words; w++) {
        uint64_t all = UINT64_MAX;
        for (uint32_t i = 0; i < s->best_depth; i++)
            all &= s->cand[s->best[i]].wrong[w];
        s->open[w] &= ~all;
    }
    s->open_count -= s->best_covers;
    s->p->covered += s->best_covers;
}

static void search(struct search *s)
{
    for (uint32_t lead = 0; lead < s->p->wrong->count && s->open_count && s->p->count < TUNE_SELECTIONS_MAX; lead++) {
        if (!(s->open[lead / 64] >> lead % 64 & 1))
            continue;
        find_candidates(s, &s->p->wrong->item[lead]);
        if (is_vain(s))
            continue;
        fill_rows(s);
        s->best_depth = s->best_covers = 0;
        for (uint32_t depth = 1; depth <= TUNE_DEPTH_MAX && s->best_covers < s->open_count; depth++)
            each_set(s, depth);
        if (s->best_covers) {
            take_best(s);
            continue;
        }
        memcpy(s->vain, s->cand, sizeof s->vain);
        s->vain_count = s->cand_count;
    }
}

/* ---- one of several ---- */

static bool same_values(const struct tune_selection *a, const struct tune_selection *b, uint32_t i)
{
    bool same = a->part[i].value_count == b->part[i].value_count;
    for (uint32_t v = 0; same && v < a->part[i].value_count; v++)
        same = dw_str_ieq(a->part[i].value[v], b->part[i].value[v]);
    return same;
}

/* Takes b into a where they differ in the values of one field. */
static bool join(struct tune_selection *a, const struct tune_selection *b)
{
    uint32_t differs = 0, at = 0;
    bool same = a->depth == b->depth;
    for (uint32_t i = 0; same && i < a->depth; i++) {
        same = a->part[i].key == b->part[i].key;
        if (same_values(a, b, i))
            continue;
        differs++;
        at = i;
    }
    if (!same || differs != 1 || a->part[at].value_count + b->part[at].value_count > TUNE_VALUES_MAX)
        return false;
    for (uint32_t v = 0; v < b->part[at].value_count; v++)
        a->part[at].value[a->part[at].value_count++] = b->part[at].value[v];
    a->covers += b->covers;
    return true;
}

static void join_all(struct tune_pick *p)
{
    for (uint32_t i = 0; i < p->count; i++) {
        for (uint32_t k = i + 1; k < p->count;) {
            if (!join(&p->selection[i], &p->selection[k])) {
                k++;
                continue;
            }
            memmove(&p->selection[k], &p->selection[k + 1], (p->count - k - 1) * sizeof *p->selection);
            p->count--;
            k = i + 1;
        }
    }
}

int tune_pick_run(struct tune_pick *p)
{
    p->count = p->covered = 0;
    struct search *s = dw_calloc(1, sizeof *s);
    if (!s)
        return DW_ENOMEM;
    *s = (struct search){.p = p, .wrong_words = p->wrong->count / 64 + 1, .right_words = p->right->count / 64 + 1, .open_count = p->wrong->count};
    size_t rows_words = CANDIDATES_MAX * (s->wrong_words + s->right_words);
    s->bits = dw_calloc(rows_words + s->wrong_words, sizeof *s->bits);
    int rc = s->bits ? DW_OK : DW_ENOMEM;
    if (rc == DW_OK) {
        s->open = s->bits + rows_words;
        for (uint32_t i = 0; i < p->wrong->count; i++)
            s->open[i / 64] |= UINT64_C(1) << i % 64;
        search(s);
        join_all(p);
    }
    dw_free(s->bits);
    dw_free(s);
    return rc;
}
