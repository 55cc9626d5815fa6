/*
 * item: one `field|modifiers: values` of a selection as an expression of leaves.
 *
 * Invariants:
 *   (1) Transformations run in the order written; the operator applies last, wherever it stands.
 *   (2) null is "the field is not there"; '' is "it is there and empty".
 *   (3) every asks the whole item of each value by itself: each must be one of the list, not all of them the same one.
 *   (4) neq negates the finished item, so it is true for an event without the field.
 */
#include "sigma_int.h"

#include "dogwatch/base/error.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum kind { KIND_OP, KIND_FLAG, KIND_RE, KIND_CODE };
static const struct {
    const char *name;
    enum kind kind;
    uint32_t arg;
} modifiers[] = {
#define ARG_OP(a)                      DW__OP_##a
#define ARG_FLAG(a)                    DW__FLAG_##a
#define ARG_RE(a)                      DW__RE_##a
#define ARG_CODE(a)                    DW__CODE_##a
#define MODIFIER(name, kind, arg, doc) {name, KIND_##kind, ARG_##kind(arg)},
#include "dogwatch/tbl/modifiers.h"
#undef MODIFIER
};

static int refuse(struct dw__sigma *g, enum dw__lint lint, struct dw_span at, const char *help, const char *what, struct dw_str name)
{
    if (name.ptr)
        dw__say(g, lint, at, help, "%s '%.*s'", what, DW_ARG(name));
    else
        dw__say(g, lint, at, help, "%s", what);
    return DW_ESYNTAX;
}

static int unknown_modifier(struct dw__sigma *g, struct dw_span at, struct dw_str name)
{
    const char *names[DW_COUNT_OF(modifiers)];
    char help[160];
    for (size_t i = 0; i < DW_COUNT_OF(modifiers); i++)
        names[i] = modifiers[i].name;
    const char *near = dw_nearest(name, names, DW_COUNT_OF(names));
    if (near)
        (void)snprintf(help, sizeof help, "did you mean '%s'?", near);
    return refuse(g, DW__LINT_MODIFIER, at, near ? help : NULL, "unknown modifier", name);
}

static int apply_modifier(struct dw__sigma *g, struct dw__head *h, struct dw_str name, struct dw_span at)
{
    size_t i = 0;
    while (i < DW_COUNT_OF(modifiers) && !dw_str_eq(name, dw_str_of(modifiers[i].name)))
        i++;
    if (i == DW_COUNT_OF(modifiers))
        return unknown_modifier(g, at, name);
    switch (modifiers[i].kind) {
    case KIND_OP:
        if (h->op != DW__OP_NONE && h->op != (enum dw__match_op)modifiers[i].arg)
            return refuse(g, DW__LINT_MODIFIERS, at, "one way to compare a value", "cannot be combined with the modifier before it:", name);
        h->op = (enum dw__match_op)modifiers[i].arg;
        return DW_OK;
    case KIND_FLAG: h->flags |= modifiers[i].arg; return DW_OK;
    case KIND_RE:
        if (h->op != DW__OP_RE)
            return refuse(g, DW__LINT_MODIFIERS, at, "it follows 're': field|re|i", "a modifier of regular expressions only:", name);
        h->re_flags |= modifiers[i].arg;
        return DW_OK;
    case KIND_CODE:
        if (h->code_count == DW__CODES_PER_ITEM)
            return refuse(g, DW__LINT_MODIFIERS, at, NULL, "too many modifiers", DW_STR_NONE);
        h->code[h->code_count++] = (enum dw__code)modifiers[i].arg;
        return DW_OK;
    }
    DW_NEVER("all kinds are above");
}

static int check_head(struct dw__sigma *g, const struct dw__head *h)
{
    bool text = h->op <= DW__OP_ENDS;
    if (h->code_count && !text && !(h->op == DW__OP_RE || h->op == DW__OP_CIDR))
        return refuse(g, DW__LINT_MODIFIERS, h->at, NULL, "a value that is no text cannot be encoded", DW_STR_NONE);
    for (uint32_t i = 0; i < h->code_count; i++)
        if (!text && h->code[i] != DW__CODE_EXPAND)
            return refuse(g, DW__LINT_MODIFIERS, h->at, NULL, "a regular expression or network cannot be encoded", DW_STR_NONE);
    if ((h->flags & DW__FLAG_FIELDREF) && (!text || h->code_count))
        return refuse(g, DW__LINT_MODIFIERS, h->at, "fieldref goes with startswith, endswith, contains, cased, neq",
            "a reference to a field cannot be changed so", DW_STR_NONE);
    if (h->name.len == 0 && h->op != DW__OP_NONE && h->op > DW__OP_RE)
        return refuse(g, DW__LINT_MODIFIERS, h->at, NULL, "this modifier needs a field", DW_STR_NONE);
    if (h->name.len == 0 && (h->flags & (DW__FLAG_FIELDREF | DW__FLAG_EVERY)))
        return refuse(g, DW__LINT_MODIFIERS, h->at, NULL, h->flags & DW__FLAG_EVERY ? "every needs a field" : "fieldref needs a field", DW_STR_NONE);
    return DW_OK;
}

/* Spans lie inside the key where it stands in one line. */
int dw__head_read(struct dw__sigma *g, const struct dw_yaml *value, struct dw__head *h)
{
    struct dw_str rest = value->key;
    *h = (struct dw__head){.at = value->key_at};
    h->name = dw_str_cut(&rest, '|');
    bool plain = value->key_at.len == value->key.len; /* else quoted: one more byte in front */
    while (rest.ptr) {
        uint32_t offset = (uint32_t)(rest.ptr - value->key.ptr);
        struct dw_str name = dw_str_cut(&rest, '|');
        struct dw_span at = {
            value->key_at.line, value->key_at.col + offset + !plain, name.len ? (uint32_t)name.len : 1};
        int rc = apply_modifier(g, h, name, at);
        if (rc < 0)
            return rc;
    }
    return check_head(g, h);
}

static int add_leaf(struct dw__sigma *g, const struct dw_yaml *value, struct dw_leaf_spec spec, struct dw__kids *kids)
{
    char why[160] = "";
    size_t offset = 0;
    uint32_t leaf, node;
    int rc = dw_pred_leaf(g->rs->pred, &spec, why, sizeof why, &offset, &leaf);
    if (rc == DW_ESYNTAX) {
        const char *kind = spec.op == DW_LEAF_REGEX ? "regular expression" : "network";
        dw__say(g, DW__LINT_PATTERN, spec.op == DW_LEAF_REGEX ? dw_yaml_span_in(value, offset, 1) : value->at, NULL,
            "not a %s: %s", kind, why);
        return rc;
    }
    if (rc == DW_OK)
        rc = dw_expr_leaf(&g->rs->expr, leaf, &node);
    return rc == DW_OK ? dw__kids_add(kids, node) : rc;
}

static int add_absent(
    struct dw__sigma *g, const struct dw_yaml *value, uint32_t field, bool there, struct dw__kids *kids)
{
    struct dw__kids one = {0};
    int rc = add_leaf(g, value, (struct dw_leaf_spec){.op = DW_LEAF_EXISTS, .field = field}, &one);
    uint32_t node = rc == DW_OK ? one.id[0] : 0;
    if (rc == DW_OK && !there)
        rc = dw_expr_not(&g->rs->expr, node, &node);
    if (rc == DW_OK)
        rc = dw__kids_add(kids, node);
    dw__kids_fini(&one);
    return rc;
}

/* The number a plain scalar is, in any notation of YAML 1.1; the decimal text of it goes to `out`. */
static bool plain_number(const struct dw_yaml *n, double *ret, char *out, size_t cap)
{
    char copy[64];
    if (!n->plain || n->text.len == 0 || n->text.len >= sizeof copy)
        return false;
    memcpy(copy, n->text.ptr, n->text.len);
    copy[n->text.len] = '\0';
    const char *digits = copy + (copy[0] == '-' || copy[0] == '+');
    if (!((digits[0] >= '0' && digits[0] <= '9') || (digits[0] == '.' && digits[1] >= '0' && digits[1] <= '9')))
        return false;
    char *end = NULL;
    double v;
    bool octal = digits[0] == '0' && strspn(digits, "01234567") == strlen(digits);
    if (octal)
        v = (double)strtoll(copy, &end, 8);
    else
        v = strtod(copy, &end);
    if (*end || !isfinite(v))
        return false;
    *ret = v;
    if (v == floor(v) && fabs(v) < 9007199254740992.0)
        (void)snprintf(out, cap, "%.0f", v);
    else
        (void)snprintf(out, cap, "%.15g", v);
    return true;
}

static void put_op(struct dw_buf *out, enum dw__match_op op, struct dw_str code)
{
    if (op == DW__OP_CONTAINS || op == DW__OP_ENDS)
        dw_pat_add_token(out, DW_PAT_STAR);
    dw_buf_str(out, code);
    if (op == DW__OP_CONTAINS || op == DW__OP_STARTS)
        dw_pat_add_token(out, DW_PAT_STAR);
}

static int add_pattern(struct dw__sigma *g, const struct dw__head *h, const struct dw_yaml *value, uint32_t field,
    struct dw_str code, struct dw__kids *kids)
{
    struct dw_buf out = {0};
    enum dw__match_op op = field == DW_PRED_LINE ? DW__OP_CONTAINS : h->op;
    put_op(&out, op, code);
    struct dw_leaf_spec spec = {
        .op = DW_LEAF_PATTERN, .field = field, .cased = (h->flags & DW__FLAG_CASED) != 0, .text = dw_buf_view(&out)};
    int rc = out.err ? out.err : add_leaf(g, value, spec, kids);
    dw_buf_fini(&out);
    return rc;
}

/* Text with transformations: each code that comes out is one leaf. A regular expression or network takes its text
 * as it is. */
static int add_text(
    struct dw__sigma *g, const struct dw__head *h, const struct dw_yaml *value, uint32_t field, struct dw__kids *kids)
{
    struct dw__codes codes = {0};
    struct dw_buf code = {0};
    bool raw = h->op == DW__OP_RE || h->op == DW__OP_CIDR;
    if (raw)
        dw_buf_str(&code, value->text);
    else
        dw_pat_add_sigma(&code, value->text);
    int rc = code.err ? code.err : dw__codes_add(&codes, dw_buf_view(&code));
    dw_buf_fini(&code);
    for (uint32_t i = 0; i < h->code_count && rc == DW_OK; i++)
        rc = dw__transform(g, value, h->code[i], &codes);
    for (uint32_t i = 0; i < codes.count && rc == DW_OK; i++) {
        struct dw_leaf_spec spec = {.field = field, .text = dw_buf_view(&codes.item[i])};
        spec.op = h->op == DW__OP_RE ? DW_LEAF_REGEX : DW_LEAF_CIDR;
        spec.flags = h->op == DW__OP_RE ? h->re_flags : 0;
        rc = raw ? add_leaf(g, value, spec, kids) : add_pattern(g, h, value, field, spec.text, kids);
    }
    if (rc == DW_OK && codes.count == 0) { /* an unfilled placeholder: at least one of nothing is false */
        uint32_t never;
        rc = dw_expr_at_least(&g->rs->expr, 1, NULL, 0, &never);
        rc = rc == DW_OK ? dw__kids_add(kids, never) : rc;
    }
    dw__codes_fini(&codes);
    return rc;
}

/* A value without modifiers that YAML reads as a number or bool also equals its canonical text: 0x10 is 16. */
static int add_canonical(
    struct dw__sigma *g, const struct dw__head *h, const struct dw_yaml *value, uint32_t field, struct dw__kids *kids)
{
    char text[64];
    double number;
    bool truth;
    if (h->op != DW__OP_NONE || h->code_count || field == DW_PRED_LINE)
        return DW_OK;
    if (dw_yaml_bool(value, &truth))
        (void)snprintf(text, sizeof text, "%s", truth ? "true" : "false");
    else if (!plain_number(value, &number, text, sizeof text))
        return DW_OK;
    if (dw_str_ieq(dw_str_of(text), value->text))
        return DW_OK;
    return add_pattern(g, h, value, field, dw_str_of(text), kids);
}

static int add_order(
    struct dw__sigma *g, const struct dw__head *h, const struct dw_yaml *value, uint32_t field, struct dw__kids *kids)
{
    static const enum dw_leaf_op ops[] = {DW_LEAF_LT, DW_LEAF_LTE, DW_LEAF_GT, DW_LEAF_GTE};
    char text[64];
    struct dw_leaf_spec spec = {.field = field};
    if (!plain_number(value, &spec.number, text, sizeof text))
        return refuse(g, DW__LINT_VALUE, value->at, "write it without quotes", "a number is expected, not", value->text);
    if (h->op < DW__OP_MINUTE) {
        spec.op = ops[h->op - DW__OP_LT];
    } else {
        spec.op = DW_LEAF_TIME;
        spec.flags = (uint32_t)(h->op - DW__OP_MINUTE) + DW_TIME_MINUTE;
        if (spec.number != floor(spec.number))
            return refuse(g, DW__LINT_VALUE, value->at, NULL, "a whole number is expected, not", value->text);
    }
    return add_leaf(g, value, spec, kids);
}

static int add_fieldref(
    struct dw__sigma *g, const struct dw__head *h, const struct dw_yaml *value, uint32_t field, struct dw__kids *kids)
{
    static const enum dw_ref refs[] = {DW_REF_EQ, DW_REF_CONTAINS, DW_REF_STARTS, DW_REF_ENDS};
    struct dw_leaf_spec spec = {
        .op = DW_LEAF_FIELDREF, .field = field, .cased = (h->flags & DW__FLAG_CASED) != 0, .flags = refs[h->op]};
    int rc = dw__field(g, value->text, false, &spec.other);
    return rc < 0 ? rc : add_leaf(g, value, spec, kids);
}

static int add_value(
    struct dw__sigma *g, const struct dw__head *h, const struct dw_yaml *value, uint32_t field, struct dw__kids *kids)
{
    bool truth;
    if (value->kind != DW_YAML_SCALAR)
        return refuse(g, DW__LINT_VALUE, value->at, NULL, "one value is expected here, not a list or mapping", DW_STR_NONE);
    if (h->op == DW__OP_EXISTS) {
        if (!dw_yaml_bool(value, &truth))
            return refuse(g, DW__LINT_VALUE, value->at, NULL, "exists wants true or false, not", value->text);
        return add_absent(g, value, field, truth, kids);
    }
    if (dw_yaml_is_null(value) && field != DW_PRED_LINE) {
        if (h->op != DW__OP_NONE || h->code_count || (h->flags & DW__FLAG_FIELDREF))
            return refuse(g, DW__LINT_VALUE, value->at, "write '' for the empty text", "null cannot be compared so", DW_STR_NONE);
        return add_absent(g, value, field, false, kids);
    }
    if (h->flags & DW__FLAG_FIELDREF)
        return add_fieldref(g, h, value, field, kids);
    if (h->op >= DW__OP_LT)
        return add_order(g, h, value, field, kids);
    struct dw__kids forms = {0};
    uint32_t node;
    int rc = add_text(g, h, value, field, &forms);
    if (rc == DW_OK)
        rc = add_canonical(g, h, value, field, &forms);
    if (rc == DW_OK) /* any form of one value */
        rc = dw_expr_at_least(&g->rs->expr, 1, forms.id, forms.count, &node);
    if (rc == DW_OK)
        rc = dw__kids_add(kids, node);
    dw__kids_fini(&forms);
    return rc;
}

static int values_of(struct dw__sigma *g, const struct dw__head *h, const struct dw_yaml *value, uint32_t *ret_expr)
{
    struct dw__kids kids = {0};
    uint32_t field = DW_PRED_LINE;
    int rc = DW_OK;
    if (h->name.len)
        rc = dw__field(g, h->name, (h->flags & DW__FLAG_URLDECODE) != 0, &field);
    if (rc == DW_ELIMIT)
        return refuse(g, DW__LINT_TOO_MANY, h->at, NULL, "too many or too long field names:", h->name);
    if (rc == DW_OK && value->kind == DW_YAML_SEQ && value->count == 0)
        rc = refuse(g, DW__LINT_VALUE, value->at, NULL, "an empty list matches nothing", DW_STR_NONE);
    if (value->kind == DW_YAML_SEQ)
        for (const struct dw_yaml *v = value->first; v && rc == DW_OK; v = v->next)
            rc = add_value(g, h, v, field, &kids);
    else if (rc == DW_OK)
        rc = add_value(g, h, value, field, &kids);
    if (rc == DW_OK)
        rc = dw_expr_at_least(&g->rs->expr, h->flags & DW__FLAG_ALL ? kids.count : 1, kids.id, kids.count, ret_expr);
    if (rc == DW_OK && (h->flags & DW__FLAG_EVERY))
        rc = dw_expr_every(&g->rs->expr, *ret_expr, ret_expr);
    if (rc == DW_OK && (h->flags & DW__FLAG_NEQ))
        rc = dw_expr_not(&g->rs->expr, *ret_expr, ret_expr);
    dw__kids_fini(&kids);
    return rc;
}

int dw__item(struct dw__sigma *g, const struct dw_yaml *value, uint32_t *ret_expr)
{
    struct dw__head h;
    int rc = dw__head_read(g, value, &h);
    if (rc < 0)
        return rc;
    if (h.name.len)
        dw__check_name(g, h.name, (struct dw_span){value->key_at.line, value->key_at.col, (uint32_t)h.name.len});
    return values_of(g, &h, value, ret_expr);
}

int dw__keyword(struct dw__sigma *g, const struct dw_yaml *value, uint32_t *ret_expr)
{
    struct dw__head h = {.at = value->at};
    return values_of(g, &h, value, ret_expr);
}
