/*
 * query_parse: the filter language, by recursive descent. What follows a bar is in query_pipes.c.
 *
 *     query  = [ or ] { "|" pipe }
 *     or     = and { "or" and }            and = not { ["and"] not }         not = [ "not" | "-" | "!" ] atom
 *     atom   = "(" or ")" | "*" | field op value | field ":" "(" value { "or" value } ")" | word | "phrase" | /regex/
 *     op     = ":" | ":=" | "!=" | ":>" | ":>=" | ":<" | ":<="
 *     value  = word | "phrase" | /regex/ | network | ("[" | "{") bound "TO" bound ("]" | "}" | ")")
 *
 * Invariants:
 *   (1) Depth is bounded, so a hostile query cannot exhaust the stack.
 *   (2) Every mistake has a place in the text.
 */
#include "query_int.h"

#include "dogwatch/base/error.h"

#include <stdlib.h>

enum { DEPTH_MAX = 64, KIDS_MAX = 256 };

static int add_leaf(struct query_parser *p, size_t at, const struct dw_leaf_spec *spec, uint32_t *ret)
{
    char why[160] = "";
    size_t offset = 0;
    uint32_t leaf;
    int rc = dw_pred_leaf(p->filter->pred, spec, why, sizeof why, &offset, &leaf);
    if (rc == DW_ESYNTAX)
        return query_refuse(p, at + offset, 1, NULL, why);
    return rc < 0 ? rc : dw_expr_leaf(&p->filter->expr, leaf, ret);
}

/* Where a value is compared, and how. */
struct place {
    size_t at;
    uint32_t field;
    bool cased; /* field:=value */
    struct dw_str name; /* as it is written */
};

static int leaf_pattern(struct query_parser *p, struct place to, struct dw_str code, uint32_t *ret)
{
    return add_leaf(
        p, to.at, &(struct dw_leaf_spec){.op = DW_LEAF_PATTERN, .field = to.field, .cased = to.cased, .text = code}, ret);
}

/* A bare word or phrase: somewhere in the line. */
static int leaf_contains(struct query_parser *p, struct place to, struct dw_str text, bool wild, uint32_t *ret)
{
    struct dw_buf code = {0};
    dw_pat_add_token(&code, DW_PAT_STAR);
    if (wild)
        dw_pat_add_sigma(&code, text);
    else
        dw_pat_add_plain(&code, text);
    dw_pat_add_token(&code, DW_PAT_STAR);
    int rc = code.err ? code.err : leaf_pattern(p, to, dw_buf_view(&code), ret);
    dw_buf_fini(&code);
    return rc;
}

static int field_of(struct query_parser *p, size_t at, struct dw_str name, uint32_t *ret)
{
    uint32_t key;
    int rc = query_resolve(p, at, name, &key);
    if (rc == DW_OK && key == DW_F_event_original && !p->shape.table) {
        *ret = DW_PRED_LINE;
        return DW_OK;
    }
    if (rc == DW_OK && query_ours(key) >= 0 && !p->shape.table)
        p->filter->ours |= 1U << query_ours(key);
    return rc < 0 ? rc : dw_pred_field(p->filter->pred, &key, 1, false, ret);
}

static bool looks_cidr(struct dw_str v)
{
    size_t slash = dw_str_index(v, '/');
    uint64_t bits;
    return slash < v.len && dw_str_u64(dw_str_slice(v, slash + 1, v.len), &bits) && bits <= 128
        && (dw_str_index(v, '.') < slash || dw_str_index(v, ':') < slash);
}

/* The whole of `v` as a number. */
static int number_of(struct query_parser *p, size_t at, struct dw_str v, double *ret)
{
    char copy[64], *end = NULL;
    if (v.len == 0 || v.len >= sizeof copy)
        return query_refuse(p, at, v.len, NULL, "a comparison needs a number");
    memcpy(copy, v.ptr, v.len);
    copy[v.len] = '\0';
    *ret = strtod(copy, &end);
    return *end ? query_refuse(p, at, v.len, "for text use field:value", "a comparison needs a number") : DW_OK;
}

static int leaf_number(struct query_parser *p, size_t at, uint32_t field, enum dw_leaf_op op, double number, uint32_t *ret)
{
    return add_leaf(p, at, &(struct dw_leaf_spec){.op = op, .field = field, .number = number}, ret);
}

static int leaf_compare(struct query_parser *p, size_t at, uint32_t field, const char *op, uint32_t *ret)
{
    double number;
    int rc = number_of(p, at, query_word(p, ""), &number);
    enum dw_leaf_op which = op[0] == '<' ? (op[1] == '=' ? DW_LEAF_LTE : DW_LEAF_LT) : (op[1] == '=' ? DW_LEAF_GTE : DW_LEAF_GT);
    return rc < 0 ? rc : leaf_number(p, at, field, which, number, ret);
}

/* [a TO b], with { or } (also a closing parenthesis) for a bound that is not in it, and * for none. */
struct range {
    size_t from_at, to_at;
    struct dw_str from, to;
    bool from_in, to_in;
};

/* What begins with a bracket is a range if TO follows its first word; else it is text: thread:[main]. */
static bool begins_range(struct query_parser *p)
{
    size_t from = p->at;
    bool is = (query_byte(p, '[') || query_byte(p, '{')) && (query_skip_blanks(p), query_word(p, "]}").len) && query_keyword(p, "TO");
    p->at = from;
    return is;
}

static int take_range(struct query_parser *p, struct range *r)
{
    size_t open = p->at;
    r->from_in = p->text.ptr[p->at++] == '[';
    r->from_at = (query_skip_blanks(p), p->at);
    r->from = query_word(p, "]}");
    bool to = query_keyword(p, "TO");
    DW_ASSERT(to);
    r->to_at = (query_skip_blanks(p), p->at);
    r->to = query_word(p, "]}");
    char close = query_peek(p);
    if (r->to.len == 0)
        return query_refuse(p, r->to_at, 1, "[1 TO 5], or * for no bound", "the range's end is missing here");
    if (close != ']' && close != '}' && close != ')')
        return query_refuse(p, open, p->at - open, "[1 TO 5] has both, {1 TO 5} neither", "this range is never closed");
    r->to_in = close == ']';
    p->at++;
    return DW_OK;
}

static int parse_range(struct query_parser *p, uint32_t field, uint32_t *ret)
{
    struct range r;
    double number;
    uint32_t kids[2], count = 0;
    size_t open = p->at;
    int rc = take_range(p, &r);
    if (rc == DW_OK && !dw_str_eq(r.from, DW_STR("*"))) {
        rc = number_of(p, r.from_at, r.from, &number);
        if (rc == DW_OK)
            rc = leaf_number(p, open, field, r.from_in ? DW_LEAF_GTE : DW_LEAF_GT, number, &kids[count++]);
    }
    if (rc == DW_OK && !dw_str_eq(r.to, DW_STR("*"))) {
        rc = number_of(p, r.to_at, r.to, &number);
        if (rc == DW_OK)
            rc = leaf_number(p, open, field, r.to_in ? DW_LEAF_LTE : DW_LEAF_LT, number, &kids[count++]);
    }
    if (rc == DW_OK && count == 0)
        return query_refuse(p, open, p->at - open, "field:* asks that it is there", "a range needs a bound");
    return rc < 0 ? rc : dw_expr_at_least(&p->filter->expr, count, kids, count, ret);
}

static int time_bound(struct query_parser *p, size_t at, struct dw_str text, int64_t *ret_from, int64_t *ret_to)
{
    *ret_from = INT64_MIN;
    *ret_to = INT64_MAX;
    if (dw_str_eq(text, DW_STR("*")) || query_time_range(text, ret_from, ret_to))
        return DW_OK;
    return query_refuse(p, at, text.len, "_time:15m, _time:2026-11-01, _time:[2026-11-01 TO 2026-11-02)", "this is no time");
}

/* `_time:` a range, a length up to now, or what a date or time stands for; with < <= > >= before or after it. */
static int parse_time(struct query_parser *p, const char *op, uint32_t *ret)
{
    struct query_filter *f = p->filter;
    struct range r;
    int64_t from = INT64_MIN, to = INT64_MAX, from_end, to_begin;
    size_t at = (query_skip_blanks(p), p->at);
    int rc;
    if (f->time_count == QUERY_TIMES_MAX)
        return query_refuse(p, at, 1, NULL, "too many times");
    if (*op == '\0' && begins_range(p)) {
        rc = take_range(p, &r);
        if (rc == DW_OK)
            rc = time_bound(p, r.from_at, r.from, &from, &from_end);
        if (rc == DW_OK)
            rc = time_bound(p, r.to_at, r.to, &to_begin, &to);
        if (rc == DW_OK && !r.from_in && from != INT64_MIN)
            from = from_end + (from_end < INT64_MAX);
        if (rc == DW_OK && !r.to_in && to_begin != INT64_MIN)
            to = to_begin - 1;
    } else {
        rc = time_bound(p, at, query_word(p, ""), &from, &to);
        from_end = to;
        to_begin = from;
        if (*op == '<')
            to = op[1] ? to : to_begin - (to_begin > INT64_MIN);
        if (*op == '>')
            from = op[1] ? from : from_end + (from_end < INT64_MAX);
        from = *op == '<' ? INT64_MIN : from;
        to = *op == '>' ? INT64_MAX : to;
    }
    uint32_t field;
    if (rc == DW_OK)
        rc = dw_keys_intern(p->q->cx.keys, DW_STR("_time"), &f->time_key);
    if (rc == DW_OK)
        rc = dw_pred_field(f->pred, &f->time_key, 1, false, &field);
    if (rc < 0)
        return rc;
    struct dw_buf code = {0};
    dw_buf_printf(&code, "%u", (unsigned)f->time_count);
    f->time[f->time_count].from_ns = from;
    f->time[f->time_count++].to_ns = to;
    rc = code.err ? code.err : leaf_pattern(p, (struct place){.at = at, .field = field}, dw_buf_view(&code), ret);
    dw_buf_fini(&code);
    return rc;
}

/* A slash begins a regex if the next one that is not escaped ends a term; else it begins a path: /login, /etc/passwd. */
static bool begins_regex(const struct query_parser *p)
{
    struct dw_str s = dw_str_slice(p->text, p->at, p->text.len);
    if (s.len < 2 || s.ptr[0] != '/')
        return false;
    for (size_t i = 1; i < s.len; i++) {
        if (s.ptr[i] == '\\')
            i++;
        else if (s.ptr[i] == '/')
            return i > 1 && (i + 1 == s.len || !query_is_word_byte(s.ptr[i + 1]));
    }
    return false;
}

/* A value that is a word. */
static int leaf_word(struct query_parser *p, struct place to, struct dw_str v, uint32_t *ret)
{
    struct dw_buf code = {0};
    if (v.len == 0)
        return query_refuse(p, p->at, 1, "write field:value, field:* for any", "a value is missing here");
    int rc = query_check_value(p, to.at, to.name, v);
    if (rc < 0)
        return rc;
    if (dw_str_eq(v, DW_STR("*")) && to.field != DW_PRED_LINE)
        return add_leaf(p, to.at, &(struct dw_leaf_spec){.op = DW_LEAF_EXISTS, .field = to.field}, ret);
    if (looks_cidr(v))
        return add_leaf(p, to.at, &(struct dw_leaf_spec){.op = DW_LEAF_CIDR, .field = to.field, .text = v}, ret);
    if (to.field == DW_PRED_LINE)
        return leaf_contains(p, to, v, true, ret);
    dw_pat_add_sigma(&code, v);
    rc = leaf_pattern(p, to, dw_buf_view(&code), ret);
    dw_buf_fini(&code);
    return rc;
}

/* One value of `field:`. */
static int parse_value(struct query_parser *p, struct place to, uint32_t *ret)
{
    struct dw_buf quoted = {0}, code = {0};
    size_t at = to.at = p->at;
    uint32_t field = to.field;
    char c = query_peek(p);
    int rc;
    if (!to.cased && begins_range(p))
        return parse_range(p, field, ret);
    if (c == '"') {
        rc = query_quoted(p, '"', &quoted);
        if (rc == DW_OK && field == DW_PRED_LINE) {
            rc = leaf_contains(p, to, dw_buf_view(&quoted), false, ret);
        } else if (rc == DW_OK) {
            dw_pat_add_plain(&code, dw_buf_view(&quoted));
            rc = leaf_pattern(p, to, dw_buf_view(&code), ret);
        }
    } else if (begins_regex(p)) {
        rc = query_quoted(p, '/', &quoted);
        if (rc == DW_OK)
            rc = add_leaf(p, at + 1, &(struct dw_leaf_spec){.op = DW_LEAF_REGEX, .field = field, .text = dw_buf_view(&quoted),
                .flags = to.cased ? 0 : DW_RE_I}, ret);
    } else {
        to.at = p->at;
        rc = leaf_word(p, to, query_word(p, ""), ret);
    }
    dw_buf_fini(&quoted);
    dw_buf_fini(&code);
    return rc;
}

/* `(a or b or c)` after `field:`. */
static int parse_values(struct query_parser *p, struct place to, uint32_t *ret)
{
    uint32_t kids[KIDS_MAX], count = 0;
    size_t open = p->at++;
    for (;;) {
        if (count == KIDS_MAX)
            return query_refuse(p, p->at, 1, NULL, "too many values");
        int rc = parse_value(p, to, &kids[count++]);
        if (rc < 0)
            return rc;
        if (p->text.ptr[p->at - 1] == ',')
            return query_refuse(p, p->at - 1, 1, "(a or b); in quotes a comma is text", "values are not divided by commas");
        if (query_peek(p) == ')')
            break;
        if (p->at == p->text.len)
            return query_refuse(p, open, 1, NULL, "this parenthesis is never closed");
        (void)query_keyword(p, "or");
    }
    p->at++;
    return dw_expr_at_least(&p->filter->expr, 1, kids, count, ret);
}

static int parse_field(struct query_parser *p, size_t at, struct dw_str name, uint32_t *ret)
{
    static const char *const ops[] = {"!=", ":>=", ":<=", ":>", ":<", ":=", ":"};
    struct dw_str rest = dw_str_slice(p->text, p->at, p->text.len);
    const char *op = NULL;
    struct place to = {.at = at, .name = name};
    int rc;
    for (size_t i = 0; i < DW_COUNT_OF(ops) && !op; i++)
        if (dw_str_starts(rest, dw_str_of(ops[i])))
            op = ops[i];
    DW_ASSERT(op);
    p->at += strlen(op);
    if (dw_str_eq(name, DW_STR("_time")) && !p->shape.table) {
        rc = parse_time(p, op[0] == ':' && op[1] != '=' ? op + 1 : "", ret);
        return rc == DW_OK && op[0] == '!' ? dw_expr_not(&p->filter->expr, *ret, ret) : rc;
    }
    rc = field_of(p, at, name, &to.field);
    if (rc < 0)
        return rc;
    if (op[0] == ':' && (op[1] == '<' || op[1] == '>'))
        return leaf_compare(p, p->at, to.field, op + 1, ret);
    to.cased = strcmp(op, ":=") == 0;
    rc = query_peek(p) == '(' ? parse_values(p, to, ret) : parse_value(p, to, ret);
    return rc == DW_OK && op[0] == '!' ? dw_expr_not(&p->filter->expr, *ret, ret) : rc;
}

static int parse_or(struct query_parser *p, uint32_t *ret);

static int parse_atom(struct query_parser *p, uint32_t *ret)
{
    struct dw_buf quoted = {0};
    size_t at = (query_skip_blanks(p), p->at);
    char c = query_peek(p);
    if (c == '(') {
        if (++p->depth > DEPTH_MAX)
            return query_refuse(p, at, 1, NULL, "nested too deeply");
        p->at++;
        int rc = parse_or(p, ret);
        p->depth--;
        if (rc == DW_OK && query_peek(p) != ')')
            return query_refuse(p, at, 1, NULL, "this parenthesis is never closed");
        p->at++;
        return rc;
    }
    if (c == '"' || begins_regex(p)) {
        int rc = query_quoted(p, c, &quoted);
        if (rc == DW_OK)
            rc = query_check_text(p, at, p->at - at);
        if (rc == DW_OK)
            rc = c == '"' ? leaf_contains(p, (struct place){.at = at, .field = DW_PRED_LINE}, dw_buf_view(&quoted), false, ret)
                          : add_leaf(p, at + 1, &(struct dw_leaf_spec){.op = DW_LEAF_REGEX, .field = DW_PRED_LINE,
                                .text = dw_buf_view(&quoted), .flags = DW_RE_I}, ret);
        dw_buf_fini(&quoted);
        return rc;
    }
    struct dw_str word = query_word(p, ":!");
    char next = p->at < p->text.len ? p->text.ptr[p->at] : '\0';
    bool sign = false; /* no field's name has one: a=b:c is a text */
    for (size_t i = 0; i < word.len; i++)
        sign |= strchr("=<>", word.ptr[i]) != NULL;
    bool op = next == ':' || (next == '!' && p->at + 1 < p->text.len && p->text.ptr[p->at + 1] == '=');
    if (word.len && op && !sign)
        return parse_field(p, at, word, ret);
    if (next == '!' || next == ':')
        word = dw_str_slice(p->text, at, (query_word(p, ""), p->at));
    if (word.len == 0)
        return query_refuse(p, at, 1, "a filter is words, \"phrases\", field:value, and, or, not", "a term is missing here");
    if (dw_str_eq(word, DW_STR("*"))) {
        struct dw_buf code = {0};
        dw_pat_add_token(&code, DW_PAT_STAR);
        int rc = leaf_pattern(p, (struct place){.at = at, .field = DW_PRED_LINE}, dw_buf_view(&code), ret);
        dw_buf_fini(&code);
        return rc;
    }
    int rc = query_check_word(p, at, word);
    return rc < 0 ? rc : leaf_contains(p, (struct place){.at = at, .field = DW_PRED_LINE}, word, true, ret);
}

static int parse_not(struct query_parser *p, uint32_t *ret)
{
    bool negate = false;
    for (;;) {
        char c = query_peek(p);
        bool sign = (c == '-' || c == '!') && p->at + 1 < p->text.len && query_is_word_byte(p->text.ptr[p->at + 1]);
        if (sign)
            p->at++;
        else if (!query_keyword(p, "not"))
            break;
        negate = !negate;
    }
    int rc = parse_atom(p, ret);
    return rc == DW_OK && negate ? dw_expr_not(&p->filter->expr, *ret, ret) : rc;
}

static bool at_end_of_and(struct query_parser *p)
{
    char c = query_peek(p);
    size_t at = p->at;
    bool is_or = query_keyword(p, "or");
    p->at = at;
    return c == '\0' || c == ')' || c == '|' || is_or;
}

static int parse_and(struct query_parser *p, uint32_t *ret)
{
    uint32_t kids[KIDS_MAX], count = 0;
    do {
        if (count == KIDS_MAX)
            return query_refuse(p, p->at, 1, NULL, "too many terms");
        int rc = parse_not(p, &kids[count++]);
        if (rc < 0)
            return rc;
        if (query_keyword(p, "and") && at_end_of_and(p))
            return query_refuse(p, p->at, 1, NULL, "a term is missing after 'and'");
    } while (!at_end_of_and(p));
    return dw_expr_at_least(&p->filter->expr, count, kids, count, ret);
}

static int parse_or(struct query_parser *p, uint32_t *ret)
{
    uint32_t kids[KIDS_MAX], count = 0;
    do {
        if (count == KIDS_MAX)
            return query_refuse(p, p->at, 1, NULL, "too many terms");
        int rc = parse_and(p, &kids[count++]);
        if (rc < 0)
            return rc;
    } while (query_keyword(p, "or"));
    return dw_expr_at_least(&p->filter->expr, 1, kids, count, ret);
}

int query_parse_filter(struct query_parser *p)
{
    char c = query_peek(p);
    if (c == '*' && (p->at + 1 == p->text.len || !query_is_word_byte(p->text.ptr[p->at + 1]))) {
        size_t at = p->at++;
        c = query_peek(p);
        if (c != '\0' && c != '|') /* `* and x`: an ordinary term */
            p->at = at;
    }
    return c != '\0' && c != '|' ? parse_or(p, &p->filter->root) : DW_OK;
}

int query_parse(struct dw_query *q, struct dw_str text, struct dw_diags *diags)
{
    struct query_parser p = {.q = q, .filter = &q->filter, .text = text, .diags = diags, .first = true};
    size_t zero = dw_str_index(text, '\0');
    if (zero < text.len) /* `query_peek` says '\0' at the end */
        return query_refuse(&p, zero, 1, NULL, "a zero byte cannot be asked for");
    int rc = query_parse_filter(&p);
    while (rc == DW_OK && query_byte(&p, '|'))
        rc = query_parse_pipe(&p);
    if (rc == DW_OK && query_peek(&p) != '\0')
        rc = query_refuse(&p, p.at, 1, NULL, "this does not belong here");
    q->table = p.shape.table;
    q->column_count = p.shape.column_count;
    memcpy(q->column, p.shape.column, sizeof q->column);
    return rc;
}
