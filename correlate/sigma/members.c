/*
 * members: the condition of a temporal correlation that is an expression over its rules: `login and not logout`.
 *
 * Idea: recursive descent into postfix, which a window evaluates over the set of members that it has seen. `or` < `and` < `not`, as in a rule's
 * condition.
 *
 * Bounds: DW_CORR_CODE_MAX operators and members, EXPRESSION_DEPTH_MAX parentheses and `not`s in each other.
 */
#include "sigma_int.h"

#include "dogwatch/base/error.h"

#include <ctype.h>
#include <stdio.h>

enum { EXPRESSION_DEPTH_MAX = 24 };

struct expression {
    struct dw__sigma *g;
    const struct dw_yaml *node;
    struct dw_correlation *c;
    bool names_members; /* there is no `rules:`: what is named becomes a member */
    size_t at, from;    /* from: where the token begins */
    struct dw_str token;
    uint32_t depth;
};

static bool is_word(char c)
{
    return isalnum((unsigned char)c) || c == '_' || c == '-' || c == '.';
}

static void next(struct expression *x)
{
    struct dw_str s = x->node->text;
    while (x->at < s.len && isspace((unsigned char)s.ptr[x->at]))
        x->at++;
    x->from = x->at;
    if (x->at < s.len && !is_word(s.ptr[x->at]))
        x->at++;
    else
        while (x->at < s.len && is_word(s.ptr[x->at]))
            x->at++;
    x->token = dw_str_slice(s, x->from, x->at);
}

static int complain(struct expression *x, const char *help, const char *what)
{
    size_t len = x->token.len ? x->token.len : 1;
    dw__say(x->g, DW__LINT_CORRELATION, dw_yaml_span_in(x->node, x->from, len), help, "%s%s%.*s", what, x->token.len ? " " : "", DW_ARG(x->token));
    return DW_ESYNTAX;
}

static int put(struct expression *x, uint8_t code)
{
    if (x->c->code_count == DW_CORR_CODE_MAX)
        return complain(x, NULL, "the condition is too long at");
    x->c->code[x->c->code_count++] = code;
    return DW_OK;
}

/* A rule by id or name, as a member. */
static int member(struct expression *x)
{
    struct dw_correlation *c = x->c;
    uint32_t rule = dw__find_rule(x->g->rs, x->token), m = 0;
    while (m < c->member_count && c->member[m] != rule)
        m++;
    if (rule == x->g->rs->rule_count || (m == c->member_count && !x->names_members))
        return complain(x, x->names_members ? "rules are named by id or name, and must have loaded" : "it names rules that stand in `rules:`", "no such rule:");
    if (m == DW_CORR_MEMBERS_MAX)
        return complain(x, NULL, "more than 32 rules at");
    if (m == c->member_count)
        c->member[c->member_count++] = rule;
    next(x);
    return put(x, (uint8_t)m);
}

static int any_of(struct expression *x);

static int primary(struct expression *x)
{
    int rc;
    if (x->depth == EXPRESSION_DEPTH_MAX)
        return complain(x, NULL, "the condition is nested too deep at");
    x->depth++;
    if (dw_str_ieq(x->token, DW_STR("not"))) {
        next(x);
        rc = primary(x);
        rc = rc < 0 ? rc : put(x, DW_CORR_NOT);
    } else if (dw_str_eq(x->token, DW_STR("("))) {
        next(x);
        rc = any_of(x);
        if (rc == DW_OK && !dw_str_eq(x->token, DW_STR(")")))
            rc = complain(x, NULL, "a closing parenthesis is expected");
        if (rc == DW_OK)
            next(x);
    } else {
        rc = x->token.len && is_word(x->token.ptr[0]) ? member(x) : complain(x, NULL, "the name of a rule is expected");
    }
    x->depth--;
    return rc;
}

static int all_of(struct expression *x)
{
    int rc = primary(x);
    while (rc == DW_OK && dw_str_ieq(x->token, DW_STR("and"))) {
        next(x);
        rc = primary(x);
        rc = rc < 0 ? rc : put(x, DW_CORR_AND);
    }
    return rc;
}

static int any_of(struct expression *x)
{
    int rc = all_of(x);
    while (rc == DW_OK && dw_str_ieq(x->token, DW_STR("or"))) {
        next(x);
        rc = all_of(x);
        rc = rc < 0 ? rc : put(x, DW_CORR_OR);
    }
    return rc;
}

bool dw_members_hold(const struct dw_correlation *c, uint32_t seen)
{
    uint64_t stack = 0; /* a bit each, the top in bit 0; each level of the expression leaves two at most */
    for (uint32_t i = 0; i < c->code_count; i++) {
        uint64_t top = stack & 1, below = stack >> 1 & 1;
        switch (c->code[i]) {
        case DW_CORR_NOT: stack ^= 1; break;
        case DW_CORR_AND: stack = (stack >> 2) << 1 | (top & below); break;
        case DW_CORR_OR: stack = (stack >> 2) << 1 | (top | below); break;
        default: stack = stack << 1 | (seen >> c->code[i] & 1); break;
        }
    }
    return stack & 1;
}

int dw__members_condition(struct dw__sigma *g, const struct dw_yaml *text, struct dw_correlation *c)
{
    struct expression x = {.g = g, .node = text, .c = c, .names_members = c->member_count == 0};
    next(&x);
    int rc = any_of(&x);
    if (rc == DW_OK && x.token.len)
        rc = complain(&x, "and, or, not, parentheses", "nothing more is expected than");
    if (rc == DW_OK && dw_members_hold(c, 0))
        rc = complain(&x, "without any event of its rules it would hold: name one that must have come", "the condition rests on absence alone");
    return rc < 0 ? rc : dw__text(g, text, &c->condition);
}
