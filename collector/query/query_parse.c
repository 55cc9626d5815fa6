/*
 * query_parse: the filter language, by recursive descent.
 *
 *     query  = [ or ] { "|" pipe }
 *     or     = and { "or" and }            and = not { ["and"] not }         not = [ "not" | "-" | "!" ] atom
 *     atom   = "(" or ")" | "*" | field op value | field ":" "(" value { "or" value } ")" | word | "phrase" | /regex/
 *     op     = ":" | ":=" | "!=" | ":>" | ":>=" | ":<" | ":<="
 *     pipe   = "stats" "count" [ "by" field { "," field } ] | "head" number
 *
 * Invariants:
 *   (1) Depth is bounded, so a hostile query cannot exhaust the stack.
 *   (2) Every mistake has a place in the text.
 */
#include "query_int.h"

#include "dogwatch/base/error.h"

#include <stdio.h>
#include <stdlib.h>

enum { DEPTH_MAX = 64, KIDS_MAX = 256 };

struct parser {
    struct dw_query *q;
    struct dw_str text;
    struct dw_diags *diags;
    size_t at;
    uint32_t depth;
};

static int refuse(struct parser *p, size_t at, size_t len, const char *help, const char *what)
{
    struct dw_span span = {.line = 1, .col = (uint32_t)at + 1, .len = (uint32_t)(len ? len : 1)};
    dw_diag_add(p->diags, span, help, "%s", what);
    return DW_ESYNTAX;
}

static void skip_blanks(struct parser *p)
{
    while (p->at < p->text.len && (p->text.ptr[p->at] == ' ' || p->text.ptr[p->at] == '\t' || p->text.ptr[p->at] == '\n'))
        p->at++;
}

static char peek(struct parser *p)
{
    skip_blanks(p);
    return p->at < p->text.len ? p->text.ptr[p->at] : '\0';
}

static bool is_word_byte(char c)
{
    return (unsigned char)c > ' ' && !strchr("()|\"", c);
}

/* A word up to a blank, parenthesis, bar or quote; `stop` ends it too. A backslash takes the next byte along. */
static struct dw_str take_word(struct parser *p, const char *stop)
{
    size_t from = p->at;
    while (p->at < p->text.len) {
        char c = p->text.ptr[p->at];
        if (c == '\\' && p->at + 1 < p->text.len) {
            p->at += 2;
            continue;
        }
        if (!is_word_byte(c) || (c && strchr(stop, c)))
            break;
        p->at++;
    }
    return dw_str_slice(p->text, from, p->at);
}

static bool take_keyword(struct parser *p, const char *word)
{
    skip_blanks(p);
    struct dw_str rest = dw_str_slice(p->text, p->at, p->text.len), w = dw_str_of(word);
    if (rest.len < w.len || !dw_str_ieq(dw_str_slice(rest, 0, w.len), w))
        return false;
    if (rest.len > w.len && is_word_byte(rest.ptr[w.len]))
        return false;
    p->at += w.len;
    return true;
}

/* "..." or /.../ : the text between, with a backslash before the closing byte taken off. */
static int take_quoted(struct parser *p, char close, struct dw_buf *out)
{
    size_t from = p->at++;
    while (p->at < p->text.len && p->text.ptr[p->at] != close) {
        if (p->text.ptr[p->at] == '\\' && p->at + 1 < p->text.len && p->text.ptr[p->at + 1] == close)
            p->at++;
        dw_buf_byte(out, (uint8_t)p->text.ptr[p->at++]);
    }
    if (p->at == p->text.len)
        return refuse(p, from, p->at - from, NULL, "this quote is never closed"); /* a regex is known to be closed */
    p->at++;
    return out->err;
}

static int add_leaf(struct parser *p, size_t at, const struct dw_leaf_spec *spec, uint32_t *ret)
{
    char why[160] = "";
    size_t offset = 0;
    uint32_t leaf;
    int rc = dw_pred_leaf(p->q->pred, spec, why, sizeof why, &offset, &leaf);
    if (rc == DW_ESYNTAX)
        return refuse(p, at + offset, 1, NULL, why);
    return rc < 0 ? rc : dw_expr_leaf(&p->q->expr, leaf, ret);
}

static int leaf_pattern(struct parser *p, size_t at, uint32_t field, struct dw_str code, uint32_t *ret)
{
    return add_leaf(p, at, &(struct dw_leaf_spec){.op = DW_LEAF_PATTERN, .field = field, .text = code}, ret);
}

/* A bare word or phrase: somewhere in the line. */
static int leaf_contains(struct parser *p, size_t at, uint32_t field, struct dw_str text, bool wild, uint32_t *ret)
{
    struct dw_buf code = {0};
    dw_pat_add_token(&code, DW_PAT_STAR);
    if (wild)
        dw_pat_add_sigma(&code, text);
    else
        dw_pat_add_plain(&code, text);
    dw_pat_add_token(&code, DW_PAT_STAR);
    int rc = code.err ? code.err : leaf_pattern(p, at, field, dw_buf_view(&code), ret);
    dw_buf_fini(&code);
    return rc;
}

static int field_of(struct parser *p, struct dw_str name, uint32_t *ret)
{
    uint32_t key;
    if (dw_str_eq(name, DW_STR("event.original")) || dw_str_eq(name, DW_STR("_line"))) {
        *ret = DW_PRED_LINE;
        return DW_OK;
    }
    p->q->wants_id |= dw_str_eq(name, DW_STR("event.id"));
    int rc = dw_keys_intern(p->q->keys, name, &key);
    if (rc == DW_OK)
        query_own_name(p->q, key);
    return rc < 0 ? rc : dw_pred_field(p->q->pred, &key, 1, false, ret);
}

static bool looks_cidr(struct dw_str v)
{
    size_t slash = dw_str_index(v, '/');
    uint64_t bits;
    return slash < v.len && dw_str_u64(dw_str_slice(v, slash + 1, v.len), &bits) && bits <= 128
        && (dw_str_index(v, '.') < slash || dw_str_index(v, ':') < slash);
}

static int leaf_compare(struct parser *p, size_t at, uint32_t field, const char *op, struct dw_str v, uint32_t *ret)
{
    char copy[64], *end = NULL;
    if (v.len == 0 || v.len >= sizeof copy)
        return refuse(p, at, v.len, NULL, "a comparison needs a number");
    memcpy(copy, v.ptr, v.len);
    copy[v.len] = '\0';
    double number = strtod(copy, &end);
    if (*end)
        return refuse(p, at, v.len, "for text use field:value", "a comparison needs a number");
    enum dw_leaf_op which = op[0] == '<' ? (op[1] == '=' ? DW_LEAF_LTE : DW_LEAF_LT) : (op[1] == '=' ? DW_LEAF_GTE : DW_LEAF_GT);
    return add_leaf(p, at, &(struct dw_leaf_spec){.op = which, .field = field, .number = number}, ret);
}

/* A slash begins a regex if the next one that is not escaped ends a term; else it begins a path: /login, /etc/passwd. */
static bool begins_regex(const struct parser *p)
{
    struct dw_str s = dw_str_slice(p->text, p->at, p->text.len);
    if (s.len < 2 || s.ptr[0] != '/')
        return false;
    for (size_t i = 1; i < s.len; i++) {
        if (s.ptr[i] == '\\')
            i++;
        else if (s.ptr[i] == '/')
            return i > 1 && (i + 1 == s.len || !is_word_byte(s.ptr[i + 1]));
    }
    return false;
}

/* One value of `field:`. */
static int parse_value(struct parser *p, uint32_t field, uint32_t *ret)
{
    struct dw_buf quoted = {0}, code = {0};
    size_t at = p->at;
    char c = peek(p);
    int rc;
    if (c == '"') {
        rc = take_quoted(p, '"', &quoted);
        if (rc == DW_OK && field == DW_PRED_LINE) {
            rc = leaf_contains(p, at, field, dw_buf_view(&quoted), false, ret);
        } else if (rc == DW_OK) {
            dw_pat_add_plain(&code, dw_buf_view(&quoted));
            rc = leaf_pattern(p, at, field, dw_buf_view(&code), ret);
        }
    } else if (begins_regex(p)) {
        rc = take_quoted(p, '/', &quoted);
        if (rc == DW_OK)
            rc = add_leaf(p, at + 1, &(struct dw_leaf_spec){.op = DW_LEAF_REGEX, .field = field, .text = dw_buf_view(&quoted),
                .flags = DW_RE_I}, ret);
    } else {
        struct dw_str v = take_word(p, "");
        if (v.len == 0)
            rc = refuse(p, p->at, 1, "write field:value, field:* for any", "a value is missing here");
        else if (dw_str_eq(v, DW_STR("*")) && field != DW_PRED_LINE)
            rc = add_leaf(p, at, &(struct dw_leaf_spec){.op = DW_LEAF_EXISTS, .field = field}, ret);
        else if (looks_cidr(v))
            rc = add_leaf(p, at, &(struct dw_leaf_spec){.op = DW_LEAF_CIDR, .field = field, .text = v}, ret);
        else if (field == DW_PRED_LINE)
            rc = leaf_contains(p, at, field, v, true, ret);
        else {
            dw_pat_add_sigma(&code, v);
            rc = leaf_pattern(p, at, field, dw_buf_view(&code), ret);
        }
    }
    dw_buf_fini(&quoted);
    dw_buf_fini(&code);
    return rc;
}

/* `(a or b or c)` after `field:`. */
static int parse_values(struct parser *p, uint32_t field, uint32_t *ret)
{
    uint32_t kids[KIDS_MAX], count = 0;
    size_t open = p->at++;
    for (;;) {
        if (count == KIDS_MAX)
            return refuse(p, p->at, 1, NULL, "too many values");
        int rc = parse_value(p, field, &kids[count++]);
        if (rc < 0)
            return rc;
        if (peek(p) == ')')
            break;
        if (p->at == p->text.len)
            return refuse(p, open, 1, NULL, "this parenthesis is never closed");
        (void)take_keyword(p, "or");
    }
    p->at++;
    return dw_expr_at_least(&p->q->expr, 1, kids, count, ret);
}

static int parse_field(struct parser *p, struct dw_str name, uint32_t *ret)
{
    static const char *const ops[] = {"!=", ":>=", ":<=", ":>", ":<", ":=", ":"};
    struct dw_str rest = dw_str_slice(p->text, p->at, p->text.len);
    const char *op = NULL;
    uint32_t field;
    for (size_t i = 0; i < DW_COUNT_OF(ops) && !op; i++)
        if (dw_str_starts(rest, dw_str_of(ops[i])))
            op = ops[i];
    DW_ASSERT(op);
    p->at += strlen(op);
    int rc = field_of(p, name, &field);
    if (rc < 0)
        return rc;
    if (op[0] == ':' && (op[1] == '<' || op[1] == '>')) {
        size_t at = p->at;
        return leaf_compare(p, at, field, op + 1, take_word(p, ""), ret);
    }
    rc = peek(p) == '(' ? parse_values(p, field, ret) : parse_value(p, field, ret);
    return rc == DW_OK && op[0] == '!' ? dw_expr_not(&p->q->expr, *ret, ret) : rc;
}

static int parse_or(struct parser *p, uint32_t *ret);

static int parse_atom(struct parser *p, uint32_t *ret)
{
    struct dw_buf quoted = {0};
    size_t at = (skip_blanks(p), p->at);
    char c = peek(p);
    if (c == '(') {
        if (++p->depth > DEPTH_MAX)
            return refuse(p, at, 1, NULL, "nested too deeply");
        p->at++;
        int rc = parse_or(p, ret);
        p->depth--;
        if (rc == DW_OK && peek(p) != ')')
            return refuse(p, at, 1, NULL, "this parenthesis is never closed");
        p->at++;
        return rc;
    }
    if (c == '"' || begins_regex(p)) {
        int rc = take_quoted(p, c, &quoted);
        if (rc == DW_OK)
            rc = c == '"' ? leaf_contains(p, at, DW_PRED_LINE, dw_buf_view(&quoted), false, ret)
                          : add_leaf(p, at + 1, &(struct dw_leaf_spec){.op = DW_LEAF_REGEX, .field = DW_PRED_LINE,
                                .text = dw_buf_view(&quoted), .flags = DW_RE_I}, ret);
        dw_buf_fini(&quoted);
        return rc;
    }
    struct dw_str word = take_word(p, ":!");
    char next = p->at < p->text.len ? p->text.ptr[p->at] : '\0';
    bool op = next == ':' || (next == '!' && p->at + 1 < p->text.len && p->text.ptr[p->at + 1] == '=');
    if (word.len && op)
        return parse_field(p, word, ret);
    if (next == '!' || next == ':')
        word = dw_str_slice(p->text, at, (take_word(p, ""), p->at));
    if (word.len == 0)
        return refuse(p, at, 1, "a filter is words, \"phrases\", field:value, and, or, not", "a term is missing here");
    if (dw_str_eq(word, DW_STR("*"))) {
        uint32_t never;
        struct dw_buf code = {0};
        dw_pat_add_token(&code, DW_PAT_STAR);
        int rc = leaf_pattern(p, at, DW_PRED_LINE, dw_buf_view(&code), &never);
        dw_buf_fini(&code);
        *ret = never;
        return rc;
    }
    return leaf_contains(p, at, DW_PRED_LINE, word, true, ret);
}

static int parse_not(struct parser *p, uint32_t *ret)
{
    bool negate = false;
    for (;;) {
        char c = peek(p);
        bool sign = (c == '-' || c == '!') && p->at + 1 < p->text.len && is_word_byte(p->text.ptr[p->at + 1]);
        if (sign)
            p->at++;
        else if (!take_keyword(p, "not"))
            break;
        negate = !negate;
    }
    int rc = parse_atom(p, ret);
    return rc == DW_OK && negate ? dw_expr_not(&p->q->expr, *ret, ret) : rc;
}

static bool at_end_of_and(struct parser *p)
{
    char c = peek(p);
    size_t at = p->at;
    bool is_or = take_keyword(p, "or");
    p->at = at;
    return c == '\0' || c == ')' || c == '|' || is_or;
}

static int parse_and(struct parser *p, uint32_t *ret)
{
    uint32_t kids[KIDS_MAX], count = 0;
    do {
        if (count == KIDS_MAX)
            return refuse(p, p->at, 1, NULL, "too many terms");
        int rc = parse_not(p, &kids[count++]);
        if (rc < 0)
            return rc;
        if (take_keyword(p, "and") && at_end_of_and(p))
            return refuse(p, p->at, 1, NULL, "a term is missing after 'and'");
    } while (!at_end_of_and(p));
    return dw_expr_at_least(&p->q->expr, count, kids, count, ret);
}

static int parse_or(struct parser *p, uint32_t *ret)
{
    uint32_t kids[KIDS_MAX], count = 0;
    do {
        if (count == KIDS_MAX)
            return refuse(p, p->at, 1, NULL, "too many terms");
        int rc = parse_and(p, &kids[count++]);
        if (rc < 0)
            return rc;
    } while (take_keyword(p, "or"));
    return dw_expr_at_least(&p->q->expr, 1, kids, count, ret);
}

static int parse_by(struct parser *p)
{
    do {
        size_t at = (skip_blanks(p), p->at);
        struct dw_str name = take_word(p, ",");
        if (name.len == 0)
            return refuse(p, at, 1, "stats count by source.ip, url.path", "a field is missing here");
        if (p->q->by_count == QUERY_BY_MAX)
            return refuse(p, at, name.len, NULL, "too many fields to count by");
        int rc = dw_keys_intern(p->q->keys, name, &p->q->by[p->q->by_count]);
        if (rc < 0)
            return rc;
        query_own_name(p->q, p->q->by[p->q->by_count]);
        p->q->by_name[p->q->by_count++] = name;
    } while (peek(p) == ',' && ++p->at);
    return DW_OK;
}

static int parse_pipe(struct parser *p)
{
    size_t at = (skip_blanks(p), p->at);
    struct dw_str name = take_word(p, ",");
    if (dw_str_eq(name, DW_STR("stats"))) {
        if (!take_keyword(p, "count"))
            return refuse(p, p->at, 1, "stats count [by field, ...]", "this version counts only");
        p->q->stats = true;
        return take_keyword(p, "by") ? parse_by(p) : DW_OK;
    }
    if (dw_str_eq(name, DW_STR("head"))) {
        size_t from = (skip_blanks(p), p->at);
        struct dw_str n = take_word(p, "");
        if (!dw_str_u64(n, &p->q->head) || p->q->head == 0)
            return refuse(p, from, n.len, NULL, "head needs a number from 1");
        return DW_OK;
    }
    static const char *const names[] = {"stats", "head"};
    const char *near = dw_nearest(name, names, DW_COUNT_OF(names));
    char help[64];
    (void)snprintf(help, sizeof help, "did you mean '%s'?", near ? near : "stats");
    return refuse(p, at, name.len, near ? help : "pipes of this version: stats, head", "no such pipe");
}

int query_parse(struct dw_query *q, struct dw_str text, struct dw_diags *diags)
{
    struct parser p = {.q = q, .text = text, .diags = diags};
    size_t zero = dw_str_index(text, '\0');
    char c = peek(&p);
    int rc = DW_OK;
    q->root = DW_EXPR_NONE;
    if (zero < text.len) /* `peek` says '\0' at the end */
        return refuse(&p, zero, 1, NULL, "a zero byte cannot be asked for");
    if (c == '*' && (p.at + 1 == text.len || !is_word_byte(text.ptr[p.at + 1]))) {
        size_t at = p.at++;
        c = peek(&p);
        if (c != '\0' && c != '|') /* `* and x`: an ordinary term */
            p.at = at;
    }
    if (c != '\0' && c != '|')
        rc = parse_or(&p, &q->root);
    while (rc == DW_OK && peek(&p) == '|') {
        p.at++;
        rc = parse_pipe(&p);
    }
    if (rc == DW_OK && peek(&p) != '\0')
        rc = refuse(&p, p.at, 1, NULL, "this does not belong here");
    return rc;
}
