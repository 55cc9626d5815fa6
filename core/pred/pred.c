/*
 * pred: one event against a set of leaves.
 *
 * Idea: begin walks the event's fields once, puts their values under the fields of the set, searches each value for
 * all literals of its field, and says which leaves may be true. Nothing else is worked out before it is asked for,
 * and no leaf twice for one event.
 *
 * Invariants:
 *   (1) A gated leaf in state UNKNOWN is false (with prefilter on): its literal did not occur, or nobody may ask (dw_pred_scratch_only).
 *   (2) Every leaf that is not UNKNOWN stands in touched[] once, so the next begin resets only those.
 *   (3) `fired` is called at most once a leaf and event, and never during dw_pred_test.
 *   (4) The answer of dw_pred_test is the same with and without prefilter.
 */
#include "pred_int.h"

#include "dogwatch/base/error.h"
#include "dogwatch/base/mem.h"

struct dw_pred_scratch *dw_pred_scratch_new(const struct dw_pred *p)
{
    DW_ASSERT(p->built);
    struct dw_pred_scratch *s = dw_calloc(1, sizeof *s);
    if (!s)
        return NULL;
    s->p = p;
    s->prefilter = true;
    dw_arena_init(&s->arena, 0);
    s->regex = dw_regex_scratch_new();
    s->slot = dw_calloc(p->field_count, sizeof *s->slot);
    s->present = dw_calloc(p->field_count, sizeof *s->present);
    s->state = dw_calloc(p->leaf_count + 1, 1);
    s->touched = dw_calloc(p->leaf_count + 1, sizeof *s->touched);
    if (!s->regex || !s->slot || !s->present || !s->state || !s->touched) {
        dw_pred_scratch_free(s);
        return NULL;
    }
    return s;
}

void dw_pred_scratch_free(struct dw_pred_scratch *s)
{
    if (!s)
        return;
    dw_regex_scratch_free(s->regex);
    dw_arena_fini(&s->arena);
    dw_buf_fini(&s->text);
    dw_free(s->slot);
    dw_free(s->present);
    dw_free(s->value);
    dw_free(s->state);
    dw_free(s->touched);
    dw_free(s);
}

void dw_pred_scratch_only(struct dw_pred_scratch *s, const uint8_t *field)
{
    s->only = field;
}

const struct dw_pred *dw_pred_of(const struct dw_pred_scratch *s)
{
    return s->p;
}

void dw_pred_scratch_prefilter(struct dw_pred_scratch *s, bool on)
{
    s->prefilter = on;
}

static uint32_t new_value(struct dw_pred_scratch *s)
{
    if (s->value_count == s->value_cap) {
        uint32_t cap = s->value_cap ? s->value_cap * 2 : 256;
        struct dw__value *bigger = dw_resize(s->value, cap * sizeof *bigger);
        if (!bigger) {
            s->nomem = true;
            return DW__NONE;
        }
        s->value = bigger;
        s->value_cap = cap;
    }
    s->value[s->value_count] = (struct dw__value){.next = DW__NONE};
    return s->value_count++;
}

static struct dw__slot *slot_of(struct dw_pred_scratch *s, uint32_t field)
{
    struct dw__slot *slot = &s->slot[field];
    if (slot->seen != s->event_number) {
        *slot = (struct dw__slot){.seen = s->event_number, .rank = UINT32_MAX, .first = DW__NONE, .last = DW__NONE};
        s->present[s->present_count++] = field;
    }
    return slot;
}

static uint32_t append(struct dw_pred_scratch *s, struct dw__slot *slot)
{
    uint32_t v = new_value(s);
    if (v == DW__NONE)
        return v;
    if (slot->last == DW__NONE)
        slot->first = v;
    else
        s->value[slot->last].next = v;
    slot->last = v;
    return v;
}

uint32_t dw__value_new(struct dw_pred_scratch *s, struct dw_str text)
{
    uint32_t v = new_value(s);
    if (v == DW__NONE)
        return v;
    s->value[v].text = text.ptr ? text : DW_STR("");
    s->value[v].has_text = true;
    return v;
}

void dw__value_add(struct dw_pred_scratch *s, uint32_t field, struct dw_str text, uint32_t elem)
{
    uint32_t v = append(s, slot_of(s, field));
    if (v == DW__NONE)
        return;
    s->value[v].text = text.ptr ? text : DW_STR("");
    s->value[v].has_text = true;
    s->value[v].elem = elem;
}

/* Puts one field of the event (or its stream) under every field of the set that has its name. */
static void place(struct dw_pred_scratch *s, const struct dw_field *f, bool from_event)
{
    if (f->key >= s->p->key_count)
        return;
    for (uint32_t u = s->p->use_first[f->key]; u < s->p->use_first[f->key + 1]; u++) {
        const struct dw__use *use = &s->p->use[u];
        struct dw__slot *slot = slot_of(s, use->field);
        if (use->rank > slot->rank || (use->rank == slot->rank && slot->from_event != from_event))
            continue;
        if (use->rank < slot->rank) {
            slot->rank = use->rank;
            slot->first = slot->last = DW__NONE;
            slot->from_event = from_event;
        }
        uint32_t v = append(s, slot);
        if (v != DW__NONE) {
            s->value[v].f = f;
            s->value[v].elem = f->elem;
        }
    }
}

/* Names that every event has without a field: event.original, @timestamp, message where it is the whole line. */
static void place_implied(struct dw_pred_scratch *s)
{
    const struct dw_pred *p = s->p;
    bool json = s->ev->line.len && s->ev->line.ptr[0] == '{';
    for (uint32_t i = 0; i < p->implied_count; i++) {
        uint32_t f = p->implied[i];
        if (s->slot[f].seen == s->event_number)
            continue;
        if (p->field[f].has_time)
            dw__value_add(s, f, dw__time_text(s, s->ev->time_ns), 0);
        else if (p->field[f].has_original || !json)
            dw__value_add(s, f, s->ev->line, 0);
    }
}

static void add_decoded(struct dw_pred_scratch *s, uint32_t field)
{
    struct dw__slot *slot = &s->slot[field];
    uint32_t last = slot->last;
    for (uint32_t v = slot->first; v != DW__NONE; v = s->value[v].next) {
        struct dw_str text = dw__value_text(s, v);
        uint32_t elem = s->value[v].elem;
        for (int times = 0; times < 2 && dw__percent_decode(&s->arena, text, &text); times++)
            dw__value_add(s, field, text, elem);
        if (v == last)
            break;
    }
}

static void touch(struct dw_pred_scratch *s, uint32_t leaf, uint8_t state)
{
    if (s->state[leaf] == DW__UNKNOWN)
        s->touched[s->touched_count++] = leaf;
    s->state[leaf] = state;
}

static void fire(struct dw_pred_scratch *s, uint32_t leaf, uint8_t state)
{
    bool first = s->state[leaf] == DW__UNKNOWN;
    if (first || (s->state[leaf] == DW__ARMED && state == DW__TRUE))
        touch(s, leaf, state);
    if (first)
        s->fired(s->ud, leaf);
}

static bool on_hit(void *ud, uint32_t leaf)
{
    struct dw_pred_scratch *s = ud;
    if (s->state[leaf] == DW__UNKNOWN)
        fire(s, leaf, s->p->leaf[leaf].exact ? DW__TRUE : DW__ARMED);
    return true;
}

static bool wanted(const struct dw_pred_scratch *s, uint32_t field)
{
    return !s->only || s->only[field];
}

static void search(struct dw_pred_scratch *s, uint32_t field)
{
    const struct dw__field *f = &s->p->field[field];
    for (uint32_t i = 0; i < f->watched_count; i++)
        fire(s, f->watched[i], DW__ARMED);
    for (uint32_t v = f->multi ? s->slot[field].first : DW__NONE; v != DW__NONE; v = s->value[v].next)
        (void)dw_multi_scan(f->multi, dw__value_folded(s, v), on_hit, s);
}

static void reset(struct dw_pred_scratch *s, const struct dw_event *ev)
{
    for (uint32_t i = 0; i < s->touched_count; i++)
        s->state[s->touched[i]] = DW__UNKNOWN;
    s->touched_count = s->present_count = s->value_count = 0;
    s->ev = ev;
    s->nomem = false;
    if (++s->event_number == 0) { /* wrapped: no slot may look current */
        memset(s->slot, 0, s->p->field_count * sizeof *s->slot);
        s->event_number = 1;
    }
    dw_arena_reset(&s->arena);
}

int dw_pred_begin(
    struct dw_pred_scratch *s, const struct dw_event *ev, void (*fired)(void *ud, uint32_t leaf), void *ud)
{
    reset(s, ev);
    s->fired = fired;
    s->ud = ud;
    for (uint32_t i = 0; i < ev->field_count; i++)
        place(s, &ev->field[i], true);
    for (uint32_t i = 0; ev->stream && i < ev->stream->field_count; i++)
        place(s, &ev->stream->field[i], false);
    place_implied(s);
    uint32_t found = s->present_count;
    for (uint32_t i = 0; i < found; i++)
        if (s->p->field[s->present[i]].decoded && wanted(s, s->present[i]))
            add_decoded(s, s->present[i]);
    dw__doubt_begin(s, on_hit);
    if (s->prefilter) {
        const struct dw__field *line = &s->p->field[DW_PRED_LINE];
        if (wanted(s, DW_PRED_LINE) && (line->multi || line->watched_count))
            (void)dw__values_of(s, DW_PRED_LINE);
        for (uint32_t i = 0; i < s->present_count; i++)
            if (wanted(s, s->present[i]))
                search(s, s->present[i]);
    }
    return s->nomem ? DW_ENOMEM : DW_OK;
}

uint32_t dw__values_of(struct dw_pred_scratch *s, uint32_t field)
{
    if (field == DW_PRED_LINE && s->slot[field].seen != s->event_number) {
        (void)slot_of(s, field);
        dw__line_values(s);
    }
    return s->slot[field].seen == s->event_number ? s->slot[field].first : DW__NONE;
}

bool dw_elem_agrees(uint32_t a, uint32_t b)
{
    for (uint32_t shift = 0; shift < 32; shift += 8) {
        uint32_t x = a >> shift & 0xff, y = b >> shift & 0xff;
        if (x && y && x != y)
            return false;
    }
    return true;
}

static enum dw_verdict test_values(struct dw_pred_scratch *s, uint32_t index, uint32_t elem)
{
    const struct dw__leaf *leaf = &s->p->leaf[index];
    uint32_t first = dw__values_of(s, leaf->field);
    enum dw_verdict verdict = DW_FALSE;
    for (uint32_t v = first; v != DW__NONE && verdict != DW_TRUE; v = s->value[v].next) {
        if (elem && !dw_elem_agrees(s->value[v].elem, elem))
            continue;
        enum dw_verdict one = dw__leaf_on_value(s, leaf, v);
        verdict = one == DW_FALSE ? verdict : one;
    }
    return s->nomem ? DW_UNDECIDED : verdict;
}

enum dw_verdict dw_pred_test_elem(struct dw_pred_scratch *s, uint32_t index, uint32_t elem)
{
    enum dw_verdict v = test_values(s, index, elem);
    return s->doubt ? dw__in_doubt(s, index, v) : v;
}

static enum dw_verdict test_whole(struct dw_pred_scratch *s, uint32_t index)
{
    switch (s->state[index]) {
    case DW__TRUE: return DW_TRUE;
    case DW__FALSE: return DW_FALSE;
    case DW__UNDECIDED: return DW_UNDECIDED;
    case DW__UNKNOWN:
        if (s->prefilter && s->p->leaf[index].gated)
            return DW_FALSE;
        break;
    default: break;
    }
    enum dw_verdict v = test_values(s, index, 0);
    touch(s, index, v == DW_TRUE ? DW__TRUE : v == DW_FALSE ? DW__FALSE : DW__UNDECIDED);
    return v;
}

enum dw_verdict dw_pred_test(struct dw_pred_scratch *s, uint32_t index)
{
    enum dw_verdict v = test_whole(s, index);
    return s->doubt ? dw__in_doubt(s, index, v) : v;
}

enum dw_verdict dw_pred_test_nth(struct dw_pred_scratch *s, uint32_t index, uint32_t nth)
{
    const struct dw__leaf *leaf = &s->p->leaf[index];
    uint32_t v = dw__values_of(s, leaf->field);
    if (s->state[index] == DW__UNKNOWN && s->prefilter && leaf->gated)
        return s->doubt ? dw__in_doubt(s, index, DW_FALSE) : DW_FALSE; /* of no value at all */
    while (v != DW__NONE && nth-- > 0)
        v = s->value[v].next;
    enum dw_verdict verdict = v == DW__NONE ? DW_FALSE : dw__leaf_on_value(s, leaf, v);
    if (s->nomem)
        return DW_UNDECIDED;
    return s->doubt ? dw__in_doubt(s, index, verdict) : verdict;
}

bool dw_pred_elem(struct dw_pred_scratch *s, uint32_t field, uint32_t nth, uint32_t *ret_elem)
{
    uint32_t v = dw__values_of(s, field);
    while (v != DW__NONE && nth-- > 0)
        v = s->value[v].next;
    if (v == DW__NONE)
        return false;
    *ret_elem = s->value[v].elem;
    return true;
}

bool dw_pred_in_array(struct dw_pred_scratch *s, uint32_t field)
{
    for (uint32_t v = dw__values_of(s, field); v != DW__NONE; v = s->value[v].next)
        if (s->value[v].elem)
            return true;
    return false;
}

bool dw_pred_present_key(struct dw_pred_scratch *s, uint32_t field, uint32_t *ret_key)
{
    const struct dw__slot *slot = &s->slot[field];
    if (slot->seen != s->event_number || slot->rank == UINT32_MAX)
        return false;
    *ret_key = s->p->field[field].key[slot->rank];
    return true;
}
