/*
 * query_mistakes: what reads like a filter of another language, and would be looked for as text.
 *
 *     http.response.status_code=404      status > 500      count > 10 over a table      bytes:400..500
 *
 * Idea: every word is a legal full-text search, so a comparison written in another way would match nothing and say that all is well.
 * What can only be a mistake is refused with the filter that was meant: a sign of comparison at a field that is known, one that stands
 * alone or before a number, any word over a table, whose rows have no line, and a range or a sign inside a value. What may be text,
 * such as a=b where `a` is no field, is looked for, and noted for who finds nothing.
 *
 * Invariant: what is refused can be asked for in quotes.
 */
#include "query_int.h"

#include "dogwatch/base/error.h"

#include <stdio.h>

enum { SIGN_MAX = 3 };

/* A sign of comparison as another language writes it, and what it is here. */
static const struct {
    const char *sign, *op;
} signs[] = {{"==", ":"}, {"=>", ":>="}, {">=", ":>="}, {"=<", ":<="}, {"<=", ":<="}, {"<>", "!="}, {"!=", "!="}, {":>=", ":>="},
    {":<=", ":<="}, {":>", ":>"}, {":<", ":<"}, {":=", ":="}, {"=", ":"}, {">", ":>"}, {"<", ":<"}, {":", ":"}};

/* The sign that a text begins with; its length, or 0. */
static size_t sign_of(struct dw_str s, const char **ret_op)
{
    size_t best = 0;
    for (size_t i = 0; i < DW_COUNT_OF(signs); i++) {
        size_t len = strlen(signs[i].sign);
        if (len > best && dw_str_starts(s, dw_str_of(signs[i].sign))) {
            best = len;
            *ret_op = signs[i].op;
        }
    }
    DW_ASSERT(best <= SIGN_MAX);
    return best;
}

static bool is_number(struct dw_str s)
{
    struct value v;
    return query_number((struct value){.kind = VALUE_TEXT, .text = s}, &v);
}

static bool is_field(const struct query_parser *p, struct dw_str name)
{
    uint32_t key;
    if (dw_str_eq(name, DW_STR("_time")) || dw_str_eq(name, DW_STR("_line")))
        return true;
    return dw_keys_find(p->q->cx.keys, name, &key) == DW_OK && (key < DW_FIELDS || query_shape_has(&p->shape, key));
}

/* What stands at a sign, with the name before it and the value after it. */
struct comparison {
    struct dw_str name, value;
    const char *op;
    size_t at, len; /* the sign */
    bool apart;     /* blanks stand before the sign, or nothing */
};

/* Finds a sign in the word that ends here, or after it. The place stays. */
static bool find_sign(struct query_parser *p, size_t at, struct dw_str word, struct comparison *ret)
{
    size_t in = 0, back = p->at;
    while (in < word.len && !strchr("=<>", word.ptr[in]))
        in++;
    *ret = (struct comparison){.name = dw_str_slice(word, 0, in), .at = at + in, .apart = in == 0};
    if (in == word.len) {
        ret->apart = true;
        ret->at = (query_skip_blanks(p), p->at);
    }
    struct dw_str rest = dw_str_slice(p->text, ret->at, p->text.len);
    ret->len = sign_of(rest, &ret->op);
    p->at = ret->at + ret->len;
    size_t from = (query_skip_blanks(p), p->at);
    if (query_byte(p, '"'))
        p->at += dw_str_index(dw_str_slice(p->text, p->at, p->text.len), '"') + 1;
    else
        (void)query_word(p, "");
    ret->value = dw_str_slice(p->text, from, p->at);
    p->at = back;
    return ret->len > 0;
}

/* Whether what is greater or less is no number: then no way of writing it helps. */
static bool compares_text(const struct comparison *c)
{
    bool greater = strpbrk(c->op, "<>") != NULL && !dw_str_eq(c->name, DW_STR("_time"));
    return greater && c->value.len > 0 && !is_number(c->value);
}

static int refuse_comparison(struct query_parser *p, const struct comparison *c)
{
    char help[160];
    if (compares_text(c))
        return query_refuse(p, c->at, c->len, "greater and less are for numbers; of texts: field:value", "this compares a field with a text");
    struct dw_str value = c->value.len ? c->value : DW_STR("VALUE");
    struct dw_str name = c->name.len ? c->name : DW_STR("FIELD");
    (void)snprintf(help, sizeof help, "did you mean %.*s%s%.*s? a text to look for stands in quotes", DW_ARG(name), c->op, DW_ARG(value));
    return query_refuse(p, c->at, c->len, help, "a field is compared with a colon");
}

/* What may be text all the same. */
static void note_text(struct query_parser *p, const struct comparison *c, struct dw_str word)
{
    struct dw_query *q = p->q;
    bool closed = c->value.len && (c->value.ptr[0] != '"' || (c->value.len > 1 && c->value.ptr[c->value.len - 1] == '"'));
    if (q->text_count < QUERY_TEXTS_MAX && c->name.len && closed && !compares_text(c))
        q->text[q->text_count++] = (struct query_text_note){.word = word, .name = c->name, .op = c->op, .value = c->value};
}

int query_check_text(struct query_parser *p, size_t at, size_t len)
{
    char help[160] = "ask a column, COLUMN:VALUE; the columns here: ";
    if (!p->shape.table)
        return DW_OK;
    for (uint32_t i = 0; i < p->shape.column_count; i++) {
        size_t n = strlen(help);
        (void)snprintf(help + n, sizeof help - n, "%s%.*s", i ? ", " : "", DW_ARG(dw_keys_name(p->q->cx.keys, p->shape.column[i].key)));
    }
    return query_refuse(p, at, len, help, "the rows here are a table: they have no line to look for this in");
}

int query_check_word(struct query_parser *p, size_t at, struct dw_str word)
{
    struct comparison c;
    if (dw_str_eq(word, DW_STR("&&")))
        return query_refuse(p, at, word.len, "write and, or nothing: terms side by side must all hold", "this is no operator here");
    if (!find_sign(p, at, word, &c))
        return query_check_text(p, at, word.len);
    char after = c.at + c.len < p->text.len ? p->text.ptr[c.at + c.len] : ' ';
    bool alone = c.apart && p->text.ptr[c.at] != ':' && (is_number(c.value) || after == ' '); /* x <br> and x :80 may be text */
    if (alone || is_field(p, c.name))
        return refuse_comparison(p, &c);
    if (!c.apart)
        note_text(p, &c, word);
    return query_check_text(p, at, word.len);
}

int query_check_value(struct query_parser *p, size_t at, struct dw_str name, struct dw_str value)
{
    char help[160];
    const char *op;
    size_t dots = dw_str_find(value, DW_STR("..")), sign = sign_of(value, &op);
    struct dw_str from = dw_str_slice(value, 0, dots), to = dw_str_slice(value, dots + 2, value.len), rest = dw_str_slice(value, sign, value.len);
    bool whole = (from.len || to.len) && (from.len == 0 || is_number(from)) && (to.len == 0 || is_number(to));
    if (dots < value.len && whole) {
        (void)snprintf(help, sizeof help, "did you mean %.*s:[%.*s TO %.*s]? a text to look for stands in quotes", DW_ARG(name),
            DW_ARG(from.len ? from : DW_STR("*")), DW_ARG(to.len ? to : DW_STR("*")));
        return query_refuse(p, at, value.len, help, "a range is written in another way");
    }
    if (sign && value.ptr[0] != ':' && (rest.len == 0 || is_number(rest))) {
        size_t back = p->at;
        query_skip_blanks(p);
        rest = rest.len ? rest : query_word(p, "");
        p->at = back;
        (void)snprintf(help, sizeof help, "did you mean %.*s%s%.*s? a text to look for stands in quotes", DW_ARG(name), op,
            DW_ARG(rest.len ? rest : DW_STR("VALUE")));
        return query_refuse(p, at, sign, help, "this sign belongs to the colon, without a blank between them");
    }
    if (!p->shape.table && p->q->equal_count < QUERY_TEXTS_MAX && dw_str_index(value, '*') == value.len && dw_str_index(value, '?') == value.len)
        p->q->equal[p->q->equal_count++] = (struct query_text_note){.name = name, .value = value};
    return DW_OK;
}

void dw_query_equals(const struct dw_query *q, void (*each)(void *arg, struct dw_str name, struct dw_str value), void *arg)
{
    for (uint32_t i = 0; i < q->equal_count; i++)
        each(arg, q->equal[i].name, q->equal[i].value);
}

void dw_query_texts(const struct dw_query *q, void (*each)(void *arg, struct dw_str word, const char *meant), void *arg)
{
    for (uint32_t i = 0; i < q->text_count; i++) {
        const struct query_text_note *t = &q->text[i];
        char meant[160];
        (void)snprintf(meant, sizeof meant, "%.*s%s%.*s", DW_ARG(t->name), t->op, DW_ARG(t->value));
        each(arg, t->word, meant);
    }
}
