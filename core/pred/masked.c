/*
 * masked: tests that fail on text of which a part was masked.
 *
 * Idea: what stood under a mask is not known, only how long it was. So a pattern that fails is tried again with every masked byte taken for whatever fits;
 * when it holds so, it might have held, and nobody can say that it did not. A word that is longer than a mask, and does not fit to what stands beside it, was
 * not there.
 *
 * Invariants:
 *   (1) Undecided is said only where some text under the masks would make the test true (patterns without wildcards inside), or might (all others).
 *   (2) The work for a value is bounded: RUNS_MAX masked pieces are tried, each in twice the pattern's length of places; what is more might hold.
 *
 * Which bytes are masked: in a view of the line those that `dogwatch.masked` names and that are `*` (of a card number the last digits are left), and all of a
 * piece that a keyed hash stands for; in a value that was decoded or made, and where not all masks are named (tag `masks.dropped`), every `*`.
 */
#include "pred_int.h"

#include "dogwatch/base/assert.h"
#include "dogwatch/pred/fold.h"

enum { RUNS_MAX = 64, UNKNOWN = '\0' };

/* rule:start:length, and the key's id where a keyed hash stands there. */
static bool read_mask(struct dw_str note, struct dw__masked *ret)
{
    uint64_t start, len;
    (void)dw_str_cut(&note, ':');
    if (!dw_str_u64(dw_str_cut(&note, ':'), &start) || !dw_str_u64(dw_str_cut(&note, ':'), &len) || start > UINT32_MAX || len > UINT32_MAX)
        return false;
    *ret = (struct dw__masked){.start = start, .end = start + len, .hashed = note.len > 0};
    return true;
}

void dw__masked_begin(struct dw_pred_scratch *s)
{
    bool hashed = false, all = !(s->doubt & DW_DOUBT_UNLISTED);
    s->masked_count = 0;
    for (uint32_t i = 0; s->doubt & DW_DOUBT_MASKED && i < s->ev->field_count; i++) {
        const struct dw_field *f = &s->ev->field[i];
        struct dw__masked m;
        if (f->key != DW_F_dogwatch_masked || !dw_field_is_text(f) || !read_mask(dw_field_str(f), &m))
            continue;
        hashed = hashed || m.hashed;
        all = all && s->masked_count < DW__MASKED_MAX;
        if (all)
            s->masked[s->masked_count++] = m;
    }
    if (!all) {
        s->masked[0] = (struct dw__masked){.end = UINT64_MAX, .hashed = hashed};
        s->masked_count = 1;
    }
}

/* The piece [from, to) of a value: UNKNOWN in *copy, which is made for the first byte, in place of each `*`, or of each byte where a hash stands. */
static void hide_piece(struct dw_pred_scratch *s, struct dw_str text, size_t from, size_t to, bool hashed, char **copy)
{
    for (size_t i = from; i < to && !s->nomem; i++) {
        if (!hashed && text.ptr[i] != '*')
            continue;
        if (!*copy && (*copy = dw_arena_alloc(&s->arena, text.len)))
            memcpy(*copy, text.ptr, text.len);
        if (*copy)
            (*copy)[i] = UNKNOWN;
        s->nomem = !*copy;
    }
}

/* Makes the value's text with UNKNOWN in place of what was masked. */
static void hide(struct dw_pred_scratch *s, struct dw__value *v)
{
    const struct dw_str line = s->ev->line, text = v->text;
    const bool is_view = text.ptr >= line.ptr && text.ptr + text.len <= line.ptr + line.len;
    const size_t at = is_view ? (size_t)(text.ptr - line.ptr) : 0;
    char *copy = NULL;
    v->has_hidden = true;
    if (!is_view)
        hide_piece(s, text, 0, text.len, false, &copy);
    for (uint32_t m = 0; is_view && m < s->masked_count; m++) {
        const struct dw__masked *p = &s->masked[m];
        size_t from = p->start > at ? (size_t)p->start - at : 0, to = p->end > at ? (size_t)(p->end - at) : 0;
        hide_piece(s, text, from, to < text.len ? to : text.len, p->hashed, &copy);
    }
    if (!copy)
        return;
    v->hidden = dw_str_make(copy, text.len);
    v->hidden_folded = dw_fold(&s->arena, v->hidden);
    s->nomem = s->nomem || !v->hidden_folded.ptr;
}

/* DW_STR_NONE: nothing of it was masked. */
static struct dw_str hidden_of(struct dw_pred_scratch *s, uint32_t value, bool cased)
{
    (void)dw__value_text(s, value);
    struct dw__value *v = &s->value[value];
    if (!v->has_hidden)
        hide(s, v);
    return cased ? v->hidden : v->hidden_folded;
}

static bool fits_at(struct dw_str text, size_t at, struct dw_str word)
{
    for (size_t i = 0; i < word.len; i++)
        if (text.ptr[at + i] != word.ptr[i] && text.ptr[at + i] != UNKNOWN)
            return false;
    return true;
}

/* Whether the word stands somewhere with a masked byte in it. */
static bool fits_within(struct dw_str text, struct dw_str word)
{
    size_t at = 0;
    for (uint32_t runs = 0; text.len >= word.len; runs++) {
        while (at < text.len && text.ptr[at] != UNKNOWN)
            at++;
        size_t end = at;
        while (end < text.len && text.ptr[end] == UNKNOWN)
            end++;
        if (at == text.len)
            return false;
        if (runs == RUNS_MAX || end - at >= word.len)
            return true;
        for (size_t from = at + 1 > word.len ? at + 1 - word.len : 0; from < end && from + word.len <= text.len; from++)
            if (fits_at(text, from, word))
                return true;
        at = end;
    }
    return false;
}

static bool could_match(const struct dw_pattern *p, struct dw_str text)
{
    struct dw_str word = p->text;
    switch (p->shape) {
    case DW_PAT_EQ: return text.len == word.len && fits_at(text, 0, word);
    case DW_PAT_PREFIX: return text.len >= word.len && fits_at(text, 0, word);
    case DW_PAT_SUFFIX: return text.len >= word.len && fits_at(text, text.len - word.len, word);
    case DW_PAT_CONTAINS: return fits_within(text, word);
    case DW_PAT_ANY:
    case DW_PAT_GLOB: return true;
    }
    DW_NEVER("all shapes are above");
}

bool dw__masked_could(struct dw_pred_scratch *s, uint32_t index)
{
    const struct dw__leaf *leaf = &s->p->leaf[index];
    bool pattern = leaf->op == DW_LEAF_PATTERN;
    for (uint32_t v = dw__values_of(s, leaf->field); v != DW__NONE; v = s->value[v].next) {
        struct dw_str text = hidden_of(s, v, pattern && leaf->pattern.cased);
        if (s->nomem || (text.ptr && (!pattern || could_match(&leaf->pattern, text))))
            return true;
    }
    return false;
}
