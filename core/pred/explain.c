/*
 * explain: which conditions of an expression decided, and on which values.
 *
 * Idea: every node is asked again for its verdict, and of its children only those are followed on which that verdict rests: of a group
 * that holds those that hold, of one that does not those that do not.
 *
 * Invariants:
 *   (1) The verdict is dw_expr_test's: an explanation cannot say otherwise than the match did.
 *   (2) What is left out is counted in a line of its own.
 */
#include "dogwatch/pred/explain.h"

#include "pred_int.h"

#include "dogwatch/base/error.h"

enum { CANON_CASED = 5, CANON_TEXT = 22 }; /* places in a leaf's canon, see put_canon */

struct walk {
    const struct dw_expr_pool *x;
    struct dw_pred_scratch *s;
    const struct dw_event *ev;
    const struct dw_keys *keys;
    bool whole;
    dw_each_condition *each;
    void *ud;
    struct dw_buf text;
    int err;
};

static void put_field(const struct dw_pred *p, const struct dw_keys *keys, uint32_t field, struct dw_buf *out)
{
    if (field == DW_PRED_LINE)
        dw_buf_str(out, DW_STR("keywords"));
    else
        dw_buf_str(out, dw_keys_name(keys, p->field[field].key[0]));
    if (p->field[field].decoded)
        dw_buf_str(out, DW_STR("|urldecode"));
}

/* Pattern code as Sigma text; its tokens as the wildcards they came from. */
static void put_code(struct dw_str code, struct dw_buf *out)
{
    for (size_t i = 0; i < code.len; i++) {
        uint8_t b = (uint8_t)code.ptr[i];
        if (b != DW_PAT_LEAD || i + 1 == code.len) {
            dw_buf_byte(out, b);
            continue;
        }
        uint8_t token = (uint8_t)code.ptr[++i];
        dw_buf_byte(out, token == DW_PAT_STAR ? '*' : token == DW_PAT_ONE ? '?' : token == DW_PAT_DASH ? '-' : DW_PAT_LEAD);
    }
}

static void put_pattern(const struct dw_pattern *pattern, struct dw_buf *out)
{
    static const char *const modifier[] = {[DW_PAT_EQ] = "", [DW_PAT_PREFIX] = "|startswith", [DW_PAT_SUFFIX] = "|endswith",
        [DW_PAT_CONTAINS] = "|contains", [DW_PAT_ANY] = "", [DW_PAT_GLOB] = ""};
    dw_buf_printf(out, "%s%s: '", modifier[pattern->shape], pattern->cased ? "|cased" : "");
    if (pattern->shape == DW_PAT_GLOB || pattern->shape == DW_PAT_ANY)
        put_code(pattern->code, out);
    else
        dw_buf_str(out, pattern->text);
    dw_buf_byte(out, '\'');
}

void dw_pred_leaf_text(const struct dw_pred *p, const struct dw_keys *keys, uint32_t index, struct dw_buf *out)
{
    static const char *const compare[] = {[DW_LEAF_LT] = "lt", [DW_LEAF_LTE] = "lte", [DW_LEAF_GT] = "gt", [DW_LEAF_GTE] = "gte"};
    static const char *const part[] = {"minute", "hour", "day", "week", "month", "year"};
    static const char *const refs[] = {"", "|contains", "|startswith", "|endswith"};
    const struct dw__leaf *leaf = &p->leaf[index];
    struct dw_str text = dw_str_slice(leaf->canon, CANON_TEXT, leaf->canon.len);
    put_field(p, keys, leaf->field, out);
    switch (leaf->op) {
    case DW_LEAF_PATTERN: put_pattern(&leaf->pattern, out); break;
    case DW_LEAF_REGEX:
        dw_buf_printf(out, "|re%s%s%s: '%.*s'", leaf->flags & DW_RE_I ? "|i" : "", leaf->flags & DW_RE_M ? "|m" : "",
            leaf->flags & DW_RE_S ? "|s" : "", DW_ARG(text));
        break;
    case DW_LEAF_CIDR: dw_buf_printf(out, "|cidr: '%.*s'", DW_ARG(text)); break;
    case DW_LEAF_EXISTS: dw_buf_printf(out, "|exists: true"); break;
    case DW_LEAF_LT:
    case DW_LEAF_LTE:
    case DW_LEAF_GT:
    case DW_LEAF_GTE: dw_buf_printf(out, "|%s: %.15g", compare[leaf->op], leaf->number); break;
    case DW_LEAF_TIME: dw_buf_printf(out, "|%s: %.15g", part[leaf->flags], leaf->number); break;
    case DW_LEAF_FIELDREF:
        dw_buf_printf(out, "|fieldref%s%s: ", refs[leaf->flags], leaf->canon.ptr[CANON_CASED] ? "|cased" : "");
        put_field(p, keys, leaf->other, out);
        break;
    }
}

static void tell(struct walk *w, uint32_t depth, enum dw_verdict v, bool is_group, struct dw_str field, struct dw_str value)
{
    if (w->text.err || w->s->nomem)
        w->err = DW_ENOMEM;
    else
        w->each(w->ud, &(struct dw_condition){.depth = depth, .verdict = v, .is_group = is_group, .text = dw_buf_view(&w->text),
            .field = field, .value = value});
}

static void tell_leaf(struct walk *w, uint32_t depth, uint32_t index, enum dw_verdict v)
{
    const struct dw__leaf *leaf = &w->s->p->leaf[index];
    uint32_t first = dw__values_of(w->s, leaf->field), met = first, key;
    for (uint32_t i = first; v == DW_TRUE && i != DW__NONE; i = w->s->value[i].next) {
        if (dw__leaf_on_value(w->s, leaf, i) != DW_TRUE)
            continue;
        met = i;
        break;
    }
    struct dw_str field = DW_STR("");
    if (leaf->field == DW_PRED_LINE)
        field = DW_STR("event.original");
    else if (dw_pred_present_key(w->s, leaf->field, &key))
        field = dw_keys_name(w->keys, key);
    else if (first != DW__NONE) /* a name that stands for the line, or for the event's time */
        field = dw_keys_name(w->keys, w->s->p->field[leaf->field].key[0]);
    dw_buf_reset(&w->text);
    dw_pred_leaf_text(w->s->p, w->keys, index, &w->text);
    tell(w, depth, v, false, field, met == DW__NONE ? DW_STR("") : dw__value_text(w->s, met));
}

static void walk(struct walk *w, uint32_t depth, uint32_t index, enum dw_verdict v);

static void walk_kids(struct walk *w, uint32_t depth, const struct dw_expr_node *n, enum dw_verdict v)
{
    uint32_t told = 0, left_out = 0;
    for (uint32_t i = 0; i < n->count && w->err == DW_OK; i++) {
        uint32_t kid = w->x->kid[n->first + i];
        enum dw_verdict k = dw_expr_test(w->x, kid, w->s, w->ev, w->keys);
        if (!w->whole && k != v && n->op != DW_EX_NOT && n->op != DW_EX_EVERY)
            continue;
        if (!w->whole && k != DW_TRUE && told == DW_EXPLAIN_MISSES) {
            left_out++;
            continue;
        }
        told++;
        walk(w, depth, kid, k);
    }
    if (!left_out)
        return;
    dw_buf_reset(&w->text);
    dw_buf_printf(&w->text, "and %u more", left_out);
    tell(w, depth, DW_FALSE, true, DW_STR(""), DW_STR(""));
}

static void walk(struct walk *w, uint32_t depth, uint32_t index, enum dw_verdict v)
{
    const struct dw_expr_node *n = &w->x->node[index];
    if (n->op == DW_EX_LEAF) {
        tell_leaf(w, depth, n->arg, v);
        return;
    }
    dw_buf_reset(&w->text);
    if (n->op == DW_EX_NOT)
        dw_buf_printf(&w->text, "not");
    else if (n->op == DW_EX_EVERY)
        dw_buf_printf(&w->text, "for every value");
    else if (n->op == DW_EX_MAP && v == DW_FALSE)
        dw_buf_printf(&w->text, "all of %u, by one element of a list", n->count);
    else if (n->arg == n->count)
        dw_buf_printf(&w->text, "all of %u", n->count);
    else if (n->arg == 1)
        dw_buf_printf(&w->text, "any of %u", n->count);
    else
        dw_buf_printf(&w->text, "%u of %u", n->arg, n->count);
    tell(w, depth, v, true, DW_STR(""), DW_STR(""));
    walk_kids(w, depth + 1, n, v);
}

int dw_expr_explain(const struct dw_expr_pool *x, uint32_t node, struct dw_pred_scratch *s, const struct dw_event *ev,
    const struct dw_keys *keys, bool whole, dw_each_condition *each, void *ud, enum dw_verdict *ret)
{
    struct walk w = {.x = x, .s = s, .ev = ev, .keys = keys, .whole = whole, .each = each, .ud = ud};
    *ret = dw_expr_test(x, node, s, ev, keys);
    walk(&w, 0, node, *ret);
    dw_buf_fini(&w.text);
    return w.err;
}
