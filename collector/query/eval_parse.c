/*
 * eval_parse: the grammar of expressions, by recursive descent.
 *
 *     sum  = prod { ("+" | "-") prod }       prod = unary { ("*" | "/" | "%") unary }       unary = [ "-" ] atom
 *     atom = number | "text" | field | "(" sum ")" | function "(" sum { "," sum } ")" | "if" "(" sum cmp sum "," sum "," sum ")"
 *     cmp  = "==" | "=" | "!=" | "<" | "<=" | ">" | ">="
 *
 * A minus right after a letter belongs to the name: a-b is a field, a - b is a difference.
 *
 * Invariants:
 *   (1) Depth and nodes are bounded. Chains of + and * nest to the left, so they count towards the depth of running, not of reading.
 *   (2) Kids stand before their parents.
 */
#include "eval.h"

static const char name_stops[] = ",+*/%=<>!";

static int parse_sum(struct query_parser *p, struct eval_expr *x, uint32_t *ret);

static int add_node(struct query_parser *p, struct eval_expr *x, struct eval_node n, uint32_t *ret)
{
    if (x->count == EVAL_NODES_MAX)
        return query_refuse(p, p->at, 1, NULL, "this expression is too long");
    *ret = x->count;
    x->node[x->count++] = n;
    return DW_OK;
}

static int parse_text(struct query_parser *p, struct eval_expr *x, uint32_t *ret)
{
    struct dw_buf text = {0};
    int rc = query_quoted(p, '"', &text);
    struct eval_node n = {.op = EVAL_CONST, .value = {.kind = VALUE_TEXT}};
    if (rc == DW_OK) {
        n.value.text = dw_arena_copy(&x->texts, dw_buf_view(&text));
        rc = n.value.text.ptr ? add_node(p, x, n, ret) : DW_ENOMEM;
    }
    dw_buf_fini(&text);
    return rc;
}

static int parse_number(struct query_parser *p, struct eval_expr *x, uint32_t *ret)
{
    size_t from = p->at;
    while (p->at < p->text.len) {
        char c = p->text.ptr[p->at], before = p->at > from ? p->text.ptr[p->at - 1] : ' ';
        bool sign = (c == '-' || c == '+') && (before == 'e' || before == 'E');
        if (!sign && !(c >= '0' && c <= '9') && c != '.' && c != 'e' && c != 'E')
            break;
        p->at++;
    }
    struct eval_node n = {.op = EVAL_CONST};
    struct dw_str text = dw_str_slice(p->text, from, p->at);
    if (!query_number((struct value){.kind = VALUE_TEXT, .text = text}, &n.value))
        return query_refuse(p, from, text.len, NULL, "this is no number");
    n.value.text = DW_STR_NONE;
    return add_node(p, x, n, ret);
}

static int parse_comparison(struct query_parser *p, struct eval_expr *x, uint32_t *ret)
{
    static const struct {
        const char *text;
        enum eval_op op;
    } ops[] = {{"==", EVAL_EQ}, {"=", EVAL_EQ}, {"!=", EVAL_NE}, {"<=", EVAL_LE}, {"<", EVAL_LT}, {">=", EVAL_GE}, {">", EVAL_GT}};
    struct eval_node n = {.op = EVAL_CONST};
    int rc = parse_sum(p, x, &n.kid[0]);
    query_skip_blanks(p);
    struct dw_str rest = dw_str_slice(p->text, p->at, p->text.len);
    for (size_t i = 0; i < DW_COUNT_OF(ops) && rc == DW_OK; i++) {
        if (!dw_str_starts(rest, dw_str_of(ops[i].text)))
            continue;
        p->at += strlen(ops[i].text);
        n.op = ops[i].op;
        rc = parse_sum(p, x, &n.kid[1]);
        return rc < 0 ? rc : add_node(p, x, n, ret);
    }
    return rc < 0 ? rc : query_refuse(p, p->at, 1, "if(status >= 500, \"bad\", \"good\")", "if needs a comparison: == != < <= > >=");
}

/* The arguments after a function's name. */
static int parse_call(struct query_parser *p, struct eval_expr *x, enum eval_op op, uint32_t count, uint32_t *ret)
{
    struct eval_node n = {.op = op};
    size_t open = p->at;
    int rc = query_byte(p, '(') ? DW_OK : query_refuse(p, open, 1, NULL, "a parenthesis is missing here");
    for (uint32_t i = 0; i < count && rc == DW_OK; i++) {
        if (i && !query_byte(p, ','))
            return query_refuse(p, p->at, 1, NULL, "an argument is missing here");
        rc = op == EVAL_IF && i == 0 ? parse_comparison(p, x, &n.kid[0]) : parse_sum(p, x, &n.kid[i]);
    }
    if (rc == DW_OK && !query_byte(p, ')'))
        return query_refuse(p, open, 1, NULL, query_peek(p) == ',' ? "this function takes fewer arguments" : "this parenthesis is never closed");
    return rc < 0 ? rc : add_node(p, x, n, ret);
}

static int parse_name(struct query_parser *p, struct eval_expr *x, uint32_t *ret)
{
    static const struct {
        const char *word;
        enum eval_op op;
        uint32_t count;
    } functions[] = {{"lower", EVAL_LOWER, 1}, {"upper", EVAL_UPPER, 1}, {"len", EVAL_LEN, 1}, {"substr", EVAL_SUBSTR, 3}, {"if", EVAL_IF, 3}};
    size_t at = p->at;
    struct eval_node n = {.op = EVAL_FIELD};
    struct dw_str name = query_word(p, name_stops);
    bool call = p->at < p->text.len && p->text.ptr[p->at] == '(';
    for (size_t i = 0; i < DW_COUNT_OF(functions) && call; i++)
        if (dw_str_eq(name, dw_str_of(functions[i].word)))
            return parse_call(p, x, functions[i].op, functions[i].count, ret);
    if (name.len == 0)
        return query_refuse(p, at, 1, NULL, "a field, a number, a \"text\" or a function is missing here");
    if (call)
        return query_refuse(p, at, name.len, "lower, upper, len, substr, if", "no such function");
    int rc = query_resolve(p, at, name, &n.key);
    return rc < 0 ? rc : add_node(p, x, n, ret);
}

static int parse_atom(struct query_parser *p, struct eval_expr *x, uint32_t *ret)
{
    char c = query_peek(p);
    size_t at = p->at;
    if (c == '"')
        return parse_text(p, x, ret);
    if (c >= '0' && c <= '9')
        return parse_number(p, x, ret);
    if (c != '(')
        return parse_name(p, x, ret);
    p->at++;
    int rc = parse_sum(p, x, ret);
    return rc == DW_OK && !query_byte(p, ')') ? query_refuse(p, at, 1, NULL, "this parenthesis is never closed") : rc;
}

static int parse_unary(struct query_parser *p, struct eval_expr *x, uint32_t *ret)
{
    struct eval_node n = {.op = EVAL_SUB}, zero = {.op = EVAL_CONST, .value = {.kind = VALUE_INT}};
    if (!query_byte(p, '-'))
        return parse_atom(p, x, ret);
    int rc = add_node(p, x, zero, &n.kid[0]);
    if (rc == DW_OK)
        rc = parse_atom(p, x, &n.kid[1]);
    return rc < 0 ? rc : add_node(p, x, n, ret);
}

static int parse_product(struct query_parser *p, struct eval_expr *x, uint32_t *ret)
{
    int rc = parse_unary(p, x, ret);
    while (rc == DW_OK) {
        char c = query_peek(p);
        struct eval_node n = {.op = c == '*' ? EVAL_MUL : c == '/' ? EVAL_DIV : EVAL_MOD, .kid = {*ret}};
        if (c != '*' && c != '/' && c != '%')
            break;
        p->at++;
        rc = parse_unary(p, x, &n.kid[1]);
        if (rc == DW_OK)
            rc = add_node(p, x, n, ret);
    }
    return rc;
}

static int parse_sum(struct query_parser *p, struct eval_expr *x, uint32_t *ret)
{
    if (++p->depth > EVAL_DEPTH_MAX)
        return query_refuse(p, p->at, 1, NULL, "nested too deeply");
    int rc = parse_product(p, x, ret);
    while (rc == DW_OK) {
        char c = query_peek(p);
        struct eval_node n = {.op = c == '+' ? EVAL_ADD : EVAL_SUB, .kid = {*ret}};
        if (c != '+' && c != '-')
            break;
        p->at++;
        rc = parse_product(p, x, &n.kid[1]);
        if (rc == DW_OK)
            rc = add_node(p, x, n, ret);
    }
    p->depth--;
    return rc;
}

int eval_parse(struct query_parser *p, struct eval_expr *x)
{
    return parse_sum(p, x, &x->root);
}

void eval_fini(struct eval_expr *x)
{
    dw_arena_fini(&x->texts);
}
