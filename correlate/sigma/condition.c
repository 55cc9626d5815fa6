/*
 * condition: Sigma's condition language over the selections of a rule.
 *
 *     or    := and ("or" and)*
 *     and   := not ("and" not)*
 *     not   := "not" not | "(" or ")" | of | name
 *     of    := ("all" | "any" | number) "of" ("them" | pattern)
 *
 * Invariants:
 *   (1) `them` and patterns skip names that begin with `_`; a pattern has `*` anywhere.
 *   (2) Nesting is bounded by DEPTH_MAX, so evaluation is too.
 *   (3) Every complaint has the place of the word in the rule's text.
 */
#include "sigma_int.h"

#include "dogwatch/base/error.h"

#include <stdio.h>

enum { DEPTH_MAX = 50 };

struct parse {
    struct dw__sigma *g;
    const struct dw_yaml *source;
    struct dw__selection *sel;
    uint32_t sel_count, depth;
    struct dw_str word; /* the current word; empty at the end */
    size_t at, next;    /* where it begins, where the rest begins */
};

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static void advance(struct parse *p)
{
    struct dw_str s = p->source->text;
    size_t at = p->next;
    while (at < s.len && is_blank(s.ptr[at]))
        at++;
    size_t end = at;
    if (end < s.len && (s.ptr[end] == '(' || s.ptr[end] == ')' || s.ptr[end] == '|'))
        end++;
    else
        while (end < s.len && !is_blank(s.ptr[end]) && s.ptr[end] != '(' && s.ptr[end] != ')' && s.ptr[end] != '|')
            end++;
    p->at = at;
    p->next = end;
    p->word = dw_str_slice(s, at, end);
}

static bool is(const struct parse *p, const char *word)
{
    return dw_str_ieq(p->word, dw_str_of(word));
}

static int complain_of(struct parse *p, enum dw__lint lint, const char *help, const char *what)
{
    struct dw_span at = dw_yaml_span_in(p->source, p->at, p->word.len);
    if (p->word.len)
        dw__say(p->g, lint, at, help, "condition: %s, found '%.*s'", what, DW_ARG(p->word));
    else
        dw__say(p->g, lint, at, help, "condition: %s, found its end", what);
    return DW_ESYNTAX;
}

static int complain(struct parse *p, const char *help, const char *what)
{
    return complain_of(p, DW__LINT_CONDITION, help, what);
}

static bool name_fits(struct dw_str pattern, struct dw_str name)
{
    size_t p = 0, n = 0, star = SIZE_MAX, back = 0;
    while (n < name.len) {
        if (p < pattern.len && pattern.ptr[p] == '*') {
            star = ++p;
            back = n;
        } else if (p < pattern.len && pattern.ptr[p] == name.ptr[n]) {
            p++;
            n++;
        } else if (star != SIZE_MAX) {
            p = star;
            n = ++back;
        } else {
            return false;
        }
    }
    while (p < pattern.len && pattern.ptr[p] == '*')
        p++;
    return p == pattern.len;
}

/* The selections of `N of ...`. */
static int collect(struct parse *p, struct dw__kids *kids)
{
    bool them = is(p, "them");
    int rc = DW_OK;
    for (uint32_t i = 0; i < p->sel_count && rc == DW_OK; i++) {
        struct dw__selection *s = &p->sel[i];
        bool hidden = s->name.len && s->name.ptr[0] == '_' && (them || p->word.ptr[0] == '*');
        if (hidden || !(them || name_fits(p->word, s->name)))
            continue;
        s->used = true;
        rc = dw__kids_add(kids, s->expr);
    }
    if (rc == DW_OK && kids->count == 0)
        rc = complain_of(p, DW__LINT_CONDITION_NAME, "the star stands for any letters of a selection's name", "no selection has such a name");
    return rc;
}

static int parse_of(struct parse *p, uint32_t *ret)
{
    uint64_t n = 0;
    bool all = is(p, "all"), any = is(p, "any");
    struct dw__kids kids = {0};
    if (!all && !any && (!dw_str_u64(p->word, &n) || n > 1000))
        return complain(p, NULL, "a small number, 'all' or 'any' is expected");
    advance(p);
    if (!is(p, "of"))
        return complain(p, "write: 1 of selection*", "'of' is expected");
    advance(p);
    if (p->word.len == 0)
        return complain(p, "write: 1 of selection*", "'them' or a pattern of names is expected");
    int rc = collect(p, &kids);
    uint32_t want = all ? kids.count : any ? 1 : (uint32_t)n;
    if (rc == DW_OK && want > kids.count)
        rc = complain(p, NULL, "there are not so many selections");
    if (rc == DW_OK)
        rc = dw_expr_at_least(&p->g->rs->expr, want, kids.id, kids.count, ret);
    dw__kids_fini(&kids);
    advance(p);
    return rc;
}

static int parse_name(struct parse *p, uint32_t *ret)
{
    const char *names[DW__SELECTIONS_MAX];
    char copies[32][64], help[160];
    uint32_t n = 0;
    for (uint32_t i = 0; i < p->sel_count; i++) {
        if (dw_str_eq(p->sel[i].name, p->word)) {
            p->sel[i].used = true;
            *ret = p->sel[i].expr;
            advance(p);
            return DW_OK;
        }
        if (n < DW_COUNT_OF(copies) && p->sel[i].name.len < sizeof copies[0]) {
            (void)snprintf(copies[n], sizeof copies[0], "%.*s", DW_ARG(p->sel[i].name));
            names[n] = copies[n];
            n++;
        }
    }
    if (p->word.len == 0)
        return complain(p, NULL, "a selection's name is expected");
    if (is(p, "|"))
        return complain_of(p, DW__LINT_AGGREGATION, "write a correlation rule", "aggregations after '|' are not part of Sigma 2");
    if (is(p, ")"))
        return complain(p, NULL, "a selection's name is expected");
    const char *near = dw_nearest(p->word, names, n);
    if (near)
        (void)snprintf(help, sizeof help, "did you mean '%s'?", near);
    return complain_of(p, DW__LINT_CONDITION_NAME, near ? help : NULL, "no selection has this name");
}

static int parse_or(struct parse *p, uint32_t *ret);

/* Whether the current word begins `N of`: a selection may be called `all`. */
static bool begins_of(const struct parse *p)
{
    struct parse ahead = *p;
    uint64_t n;
    if (!is(p, "all") && !is(p, "any") && !dw_str_u64(p->word, &n))
        return false;
    advance(&ahead);
    return is(&ahead, "of");
}

static int parse_not(struct parse *p, uint32_t *ret)
{
    int rc;
    if (p->depth == DEPTH_MAX)
        return complain(p, NULL, "nested too deep");
    p->depth++;
    if (is(p, "not")) {
        advance(p);
        rc = parse_not(p, ret);
        if (rc == DW_OK)
            rc = dw_expr_not(&p->g->rs->expr, *ret, ret);
    } else if (is(p, "(")) {
        advance(p);
        rc = parse_or(p, ret);
        if (rc == DW_OK && !is(p, ")"))
            rc = complain(p, NULL, "a closing parenthesis is expected");
        else if (rc == DW_OK)
            advance(p);
    } else {
        rc = begins_of(p) ? parse_of(p, ret) : parse_name(p, ret);
    }
    p->depth--;
    return rc;
}

static int parse_chain(struct parse *p, bool is_or, uint32_t *ret);

static int parse_link(struct parse *p, bool is_or, uint32_t *ret)
{
    return is_or ? parse_chain(p, false, ret) : parse_not(p, ret);
}

static int parse_chain(struct parse *p, bool is_or, uint32_t *ret)
{
    struct dw__kids kids = {0};
    uint32_t node;
    int rc = parse_link(p, is_or, &node);
    if (rc == DW_OK)
        rc = dw__kids_add(&kids, node);
    while (rc == DW_OK && is(p, is_or ? "or" : "and")) {
        advance(p);
        rc = parse_link(p, is_or, &node);
        if (rc == DW_OK)
            rc = dw__kids_add(&kids, node);
    }
    if (rc == DW_OK)
        rc = dw_expr_at_least(&p->g->rs->expr, is_or ? 1 : kids.count, kids.id, kids.count, ret);
    dw__kids_fini(&kids);
    return rc;
}

static int parse_or(struct parse *p, uint32_t *ret)
{
    return parse_chain(p, true, ret);
}

static int parse_one(
    struct dw__sigma *g, const struct dw_yaml *text, struct dw__selection *sel, uint32_t count, uint32_t *ret)
{
    struct parse p = {.g = g, .source = text, .sel = sel, .sel_count = count};
    if (text->kind != DW_YAML_SCALAR) {
        dw__say(g, DW__LINT_KIND, text->at, NULL, "a condition is text");
        return DW_ESYNTAX;
    }
    advance(&p);
    int rc = parse_or(&p, ret);
    if (rc == DW_OK && is(&p, "|"))
        return complain_of(&p, DW__LINT_AGGREGATION, "write a correlation rule", "aggregations after '|' are not part of Sigma 2");
    if (rc == DW_OK && p.word.len)
        return complain(&p, "join selections with 'and' or 'or'", "'and', 'or' or its end is expected");
    return rc;
}

int dw__condition(
    struct dw__sigma *g, const struct dw_yaml *text, struct dw__selection *sel, uint32_t count, uint32_t *ret_expr)
{
    if (text->kind != DW_YAML_SEQ)
        return parse_one(g, text, sel, count, ret_expr);
    struct dw__kids kids = {0};
    int rc = DW_OK;
    for (const struct dw_yaml *v = text->first; v && rc == DW_OK; v = v->next) {
        uint32_t node;
        rc = parse_one(g, v, sel, count, &node);
        if (rc == DW_OK)
            rc = dw__kids_add(&kids, node);
    }
    if (rc == DW_OK && kids.count == 0) {
        dw__say(g, DW__LINT_CONDITION, text->at, NULL, "the list of conditions is empty");
        rc = DW_ESYNTAX;
    }
    if (rc == DW_OK) /* a list of conditions: any of them */
        rc = dw_expr_at_least(&g->rs->expr, 1, kids.id, kids.count, ret_expr);
    dw__kids_fini(&kids);
    return rc;
}
