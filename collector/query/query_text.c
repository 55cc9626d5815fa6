/*
 * query_text: whether any of some lines can match, from their bytes alone, before they are decoded or folded.
 *
 * Idea: from the filter follow texts of which one at least is in the line of whatever matches: any one of what an `and` needs, all of
 * what an `or` allows. They are looked for in the text of a whole frame, whatever the case, by the byte of each that is rarest
 * there; a frame without them is passed over. Of a frame with one its lines are looked at in the same way, and where the filter is nothing
 * but such texts, that is the answer.
 *
 * Invariants:
 *   (1) A frame is passed over only if no event of it can match, a line is answered only as the filter would: in doubt it is asked.
 *   (2) In doubt are lines of JSON with a backslash, whose values are not there as such, and bytes outside ASCII where a text has a k or an
 *       s: K (Kelvin) and long s fold to these.
 *   (3) While a name of the query was not seen in any event every frame is read, so that the note on it is true.
 */
#include "query_int.h"

enum { NEEDLE_MIN = 3 };

static bool is_ascii(struct dw_str s)
{
    uint8_t all = 0;
    for (size_t i = 0; i < s.len; i++)
        all |= (uint8_t)s.ptr[i];
    return all < 0x80;
}

/* Adds what the part of the filter under `node` needs one of; false, and nothing added, when it may hold without any. */
static bool collect(const struct query_filter *f, uint32_t node, struct query_needles *out)
{
    const struct dw_expr_node *n = &f->expr.node[node];
    uint32_t before = out->count;
    if (n->op == DW_EX_LEAF) {
        bool whole;
        struct dw_str literal = dw_pred_leaf_literal(f->pred, n->arg, &whole);
        if (literal.len < NEEDLE_MIN || !is_ascii(literal) || out->count == QUERY_NEEDLES_MAX)
            return false;
        out->needle[out->count++].text = literal;
        out->whole &= whole;
        return true;
    }
    out->whole &= n->op == DW_EX_ATLEAST && n->arg == 1;
    bool each = n->op == DW_EX_ATLEAST && n->arg < n->count, found = n->op == DW_EX_ATLEAST && n->arg > 0 && each;
    for (uint32_t i = 0; i < n->count && n->op == DW_EX_ATLEAST && n->arg > 0; i++) {
        bool has = collect(f, f->expr.kid[n->first + i], out);
        found = each ? found && has : has;
        if (has != each)
            break; /* an `or` with a part that needs nothing; an `and` with a part that is enough */
    }
    if (!found)
        out->count = before;
    return found;
}

void query_needles_init(struct query_needles *t, const struct query_filter *f)
{
    *t = (struct query_needles){.whole = true};
    if (f->root == DW_EXPR_NONE || !collect(f, f->root, t))
        t->count = 0;
    for (uint32_t i = 0; i < t->count; i++)
        for (size_t k = 0; k < t->needle[i].text.len; k++)
            t->folds |= strchr("ks", t->needle[i].text.ptr[k]) != NULL;
}

static uint8_t upper(uint8_t c)
{
    return c >= 'a' && c <= 'z' ? (uint8_t)(c - 'a' + 'A') : c;
}

/* The rarest byte of each, as the first frame has them. */
static void choose_rare(struct query_needles *t, struct dw_str text)
{
    uint32_t seen[256] = {0};
    for (size_t i = 0; i < text.len; i++)
        seen[(uint8_t)text.ptr[i]]++;
    for (uint32_t i = 0; i < t->count; i++) {
        struct query_needle *n = &t->needle[i];
        uint32_t least = UINT32_MAX;
        for (size_t k = 0; k < n->text.len; k++) {
            uint8_t c = (uint8_t)n->text.ptr[k];
            uint32_t count = seen[c] + (upper(c) != c ? seen[upper(c)] : 0);
            if (count < least) {
                least = count;
                n->rare = k;
            }
        }
    }
    t->chosen = true;
}

static const char *next_byte(struct dw_str text, size_t from, uint8_t c)
{
    return from < text.len ? memchr(text.ptr + from, c, text.len - from) : NULL;
}

static bool occurs(const struct query_needle *n, struct dw_str text)
{
    uint8_t c = (uint8_t)n->text.ptr[n->rare];
    const char *low = next_byte(text, 0, c), *high = upper(c) != c ? next_byte(text, 0, upper(c)) : NULL;
    while (low || high) {
        bool is_low = low && (!high || low < high);
        size_t at = (size_t)((is_low ? low : high) - text.ptr);
        if (at >= n->rare && text.len - (at - n->rare) >= n->text.len
            && dw_str_ieq(dw_str_make(text.ptr + at - n->rare, n->text.len), n->text))
            return true;
        if (is_low)
            low = next_byte(text, at + 1, c);
        else
            high = next_byte(text, at + 1, upper(c));
    }
    return false;
}

/* Whether a line, as any that an event of several lines has, begins as JSON does. */
static bool may_be_json(struct dw_str text)
{
    while (text.len) {
        struct dw_str line = dw_str_cut(&text, '\n');
        size_t i = 0;
        while (i < line.len && strchr(" \t\r", line.ptr[i]) && line.ptr[i])
            i++;
        if (i < line.len && (line.ptr[i] == '{' || line.ptr[i] == '['))
            return true;
    }
    return false;
}

static bool any_occurs(struct query_needles *t, struct dw_str text)
{
    if (!t->chosen)
        choose_rare(t, text);
    for (uint32_t i = 0; i < t->count; i++)
        if (occurs(&t->needle[i], text))
            return true;
    return false;
}

/* Whether a text may be there though its bytes are not. */
static bool may_hide(const struct query_needles *t, struct dw_str text)
{
    return (t->folds && !is_ascii(text)) || (dw_str_index(text, '\\') < text.len && may_be_json(text));
}

bool dw_query_wants(struct dw_query *q, struct dw_str text)
{
    struct query_needles *t = &q->needles;
    return !t->count || q->context || q->own_unseen || any_occurs(t, text) || may_hide(t, text);
}

enum query_look query_needles_look(struct query_needles *t, struct dw_str line)
{
    if (!t->count)
        return QUERY_ASK;
    if (any_occurs(t, line))
        return t->whole && !may_be_json(line) ? QUERY_YES : QUERY_ASK;
    return may_hide(t, line) ? QUERY_ASK : QUERY_NO;
}
