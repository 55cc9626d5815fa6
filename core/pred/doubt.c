/*
 * doubt: verdicts over events that are known not to be whole.
 *
 * Idea: fields that a bound dropped, a line that was cut or masked and a line that its parser refused have one thing in common: that a test fails on what is
 * there says little. So "no" becomes "undecided" where what is missing could have held. Of a refused line more is known: what a field would hold stands
 * somewhere in it, so what may stand anywhere in a field is looked for in all of the line.
 *
 * Invariants:
 *   (1) Nothing becomes true or false here but by the whole line of an unparsed event; a match on what is there stays one.
 *   (2) Without doubt nobody asks here.
 */
#include "pred_int.h"

void dw_pred_scratch_doubt(struct dw_pred_scratch *s, uint32_t doubt)
{
    s->doubt = doubt;
}

uint32_t dw_pred_doubt(const struct dw_pred_scratch *s)
{
    return s->doubt;
}

uint32_t dw_pred_line_hits(const struct dw_pred_scratch *s)
{
    return s->line_hits;
}

uint32_t dw_pred_regex_limits(const struct dw_pred_scratch *s)
{
    return s->regex_limits;
}

static bool lacks(struct dw_pred_scratch *s, uint32_t field)
{
    return field != DW_PRED_LINE && dw__values_of(s, field) == DW__NONE;
}

void dw__doubt_begin(struct dw_pred_scratch *s, bool (*hit)(void *ud, uint32_t leaf))
{
    struct dw_pred_scratch *ud = s;
    s->line_hits = s->regex_limits = 0;
    s->line_value = DW__NONE;
    dw__masked_begin(s);
    if (!(s->doubt & DW_DOUBT_UNPARSED))
        return;
    s->line_value = dw__value_new(s, s->ev->line);
    if (s->line_value == DW__NONE || !s->prefilter)
        return;
    struct dw_str folded = dw__value_folded(s, s->line_value);
    for (uint32_t f = 0; f < s->p->field_count; f++)
        if (s->p->field[f].multi && (!s->only || s->only[f]) && lacks(s, f))
            (void)dw_multi_scan(s->p->field[f].multi, folded, hit, ud);
}

/* Whether it holds for a text as soon as it holds for a piece of it. */
static bool anywhere(const struct dw__leaf *leaf)
{
    struct dw_str code = leaf->pattern.code;
    if (leaf->op != DW_LEAF_PATTERN)
        return leaf->op == DW_LEAF_REGEX;
    if (leaf->pattern.shape != DW_PAT_GLOB)
        return leaf->pattern.shape == DW_PAT_CONTAINS;
    return code.len > 4 && (uint8_t)code.ptr[0] == DW_PAT_LEAD && code.ptr[1] == DW_PAT_STAR && (uint8_t)code.ptr[code.len - 2] == DW_PAT_LEAD &&
           code.ptr[code.len - 1] == DW_PAT_STAR;
}

static enum dw_verdict over_line(struct dw_pred_scratch *s, uint32_t index)
{
    const struct dw__leaf *leaf = &s->p->leaf[index];
    if (s->line_value == DW__NONE || !anywhere(leaf))
        return DW_UNDECIDED;
    if (s->prefilter && leaf->gated && s->state[index] == DW__UNKNOWN)
        return DW_FALSE;
    enum dw_verdict v = dw__leaf_on_value(s, leaf, s->line_value);
    s->line_hits += v != DW_FALSE;
    return v;
}

/* Whether a value of the field goes on to the end of the line, where it was cut. */
static bool reaches_end(struct dw_pred_scratch *s, uint32_t field)
{
    const char *end = s->ev->line.ptr + s->ev->line.len;
    bool reaches = field == DW_PRED_LINE;
    for (uint32_t v = dw__values_of(s, field); v != DW__NONE && !reaches; v = s->value[v].next) {
        struct dw_str text = dw__value_text(s, v);
        reaches = text.len && text.ptr + text.len == end;
    }
    return reaches;
}

enum dw_verdict dw__in_doubt(struct dw_pred_scratch *s, uint32_t index, enum dw_verdict v)
{
    uint32_t field = s->p->leaf[index].field;
    bool cut = s->doubt & DW_DOUBT_CUT, masked = s->doubt & DW_DOUBT_MASKED;
    if (!lacks(s, field))
        return v == DW_FALSE && ((cut && reaches_end(s, field)) || (masked && dw__masked_could(s, index))) ? DW_UNDECIDED : v;
    if (s->doubt & DW_DOUBT_UNPARSED)
        v = over_line(s, index);
    return v == DW_FALSE && (s->doubt & (DW_DOUBT_LACKING | DW_DOUBT_CUT)) ? DW_UNDECIDED : v;
}
