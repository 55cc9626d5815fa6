/*
 * op_parse: `parse [field] "text <name> text"`: fields out of a text.
 *
 * Idea: the pattern is pieces of plain text with names between them. The first piece is looked for anywhere, each further one after
 * the one before; a name takes what stands between, and the last one, if no piece follows it, the rest.
 *
 * Invariant: a text in which a piece is not found gives no field at all, so no row has half of a pattern.
 */
#include "query_int.h"

enum { PARSE_NAMES_MAX = 16 };
#define KEY_SKIP UINT32_MAX

struct extract {
    struct op op;
    uint32_t from;                          /* the field it reads */
    struct dw_str piece[PARSE_NAMES_MAX + 1]; /* in `text`; piece[i] stands before name i */
    uint32_t key[PARSE_NAMES_MAX], count;   /* KEY_SKIP: passed over */
    struct dw_buf text;
    struct row_edit edit;
};

static bool match(const struct extract *x, struct dw_str s, struct dw_str *found)
{
    size_t at = dw_str_find(s, x->piece[0]);
    if (at == s.len && x->piece[0].len)
        return false;
    s = dw_str_slice(s, at + x->piece[0].len, s.len);
    for (uint32_t i = 0; i < x->count; i++) {
        struct dw_str next = x->piece[i + 1];
        size_t to = next.len ? dw_str_find(s, next) : s.len;
        if (next.len && to == s.len)
            return false;
        found[i] = dw_str_slice(s, 0, to);
        s = dw_str_slice(s, to + next.len, s.len);
    }
    return true;
}

static int take(struct op *op, struct row *row)
{
    struct extract *x = DW_ITEM(op, struct extract, op);
    struct dw_str found[PARSE_NAMES_MAX];
    char room[QUERY_TEXT_MAX];
    struct value v = query_value(row, x->from, room);
    if (v.kind == VALUE_NONE || !match(x, query_value_text(v, room), found))
        return op_pass(op, row);
    int rc = row_edit_begin(&x->edit, row);
    for (uint32_t i = 0; i < x->count && rc == DW_OK; i++)
        if (x->key[i] != KEY_SKIP)
            rc = row_edit_set(op->cx, &x->edit, x->key[i], (struct value){.kind = VALUE_TEXT, .text = found[i]});
    if (rc < 0)
        return rc;
    struct row made = row_edit_end(&x->edit, row);
    return op_pass(op, &made);
}

static void extract_free(struct op *op)
{
    struct extract *x = DW_ITEM(op, struct extract, op);
    dw_buf_fini(&x->text);
    row_edit_fini(&x->edit);
    dw_free(x);
}

static const struct op_ops parse_ops = {.name = "parse", .take = take, .free = extract_free};

/* The name within < and > of a pattern that stands at `at`. */
static int parse_name(struct query_parser *p, struct extract *x, size_t at, struct dw_str name)
{
    uint32_t *key = &x->key[x->count];
    int rc = DW_OK;
    if (x->count == PARSE_NAMES_MAX)
        return query_refuse(p, at, 1, NULL, "too many names");
    if (x->count && x->piece[x->count].len == 0)
        return query_refuse(p, at, 1, "put some text between them", "between two names there is nothing to find their border by");
    *key = KEY_SKIP;
    for (size_t i = 0; i < name.len; i++)
        if (!query_is_word_byte(name.ptr[i]) || strchr(",<>", name.ptr[i]))
            return query_refuse(p, at, 1, NULL, "this is no name for a field");
    if (name.len && !dw_str_eq(name, DW_STR("_")))
        rc = query_new_key(p, at, name, key);
    if (rc == DW_OK && *key != KEY_SKIP)
        rc = query_shape_add(p, at, *key, false);
    x->count++;
    return rc;
}

static int parse_pattern(struct query_parser *p, struct extract *x, size_t at)
{
    struct dw_str rest = dw_buf_view(&x->text);
    while (rest.len) {
        size_t open = dw_str_index(rest, '<'), close = dw_str_index(rest, '>');
        if (open < rest.len && close < open) /* a > before the < is text */
            close = open + dw_str_index(dw_str_slice(rest, open, rest.len), '>');
        if (open == rest.len || close >= rest.len) {
            x->piece[x->count] = rest;
            break;
        }
        x->piece[x->count] = dw_str_slice(rest, 0, open);
        int rc = parse_name(p, x, at, dw_str_slice(rest, open + 1, close));
        if (rc < 0)
            return rc;
        rest = dw_str_slice(rest, close + 1, rest.len);
    }
    return x->count ? DW_OK : query_refuse(p, at, p->at - at, "parse \"port <port> \"", "the pattern has no <name>");
}

/* The pattern's quote is the next byte. */
static int expect_pattern(struct query_parser *p)
{
    char c = query_peek(p);
    if (c == '"')
        return DW_OK;
    if (c == '\'')
        return query_refuse(p, p->at, 1, "parse \"port <port> \"", "a pattern stands in double quotes");
    return query_refuse(p, p->at, 1, "parse \"port <port> \"", "a pattern in quotes is missing here");
}

int query_pipe_parse(struct query_parser *p, struct op **ret)
{
    struct extract *x = query_op_new(&parse_ops, sizeof *x);
    int rc = x ? DW_OK : DW_ENOMEM;
    if (rc == DW_OK) {
        size_t at = (query_skip_blanks(p), p->at);
        x->from = DW_F_event_original;
        if (query_peek(p) == '\'')
            rc = expect_pattern(p);
        else if (query_peek(p) != '"')
            rc = query_name(p, ",", &x->from);
        else if (p->shape.table && !query_shape_has(&p->shape, x->from))
            rc = query_refuse(p, at, 1, "parse FIELD \"...\"", "a table has no line: name the field to read");
    }
    if (rc == DW_OK)
        rc = expect_pattern(p);
    size_t at = p->at;
    if (rc == DW_OK)
        rc = query_quoted(p, '"', &x->text);
    if (rc == DW_OK)
        rc = parse_pattern(p, x, at);
    if (rc < 0) {
        if (x)
            extract_free(&x->op);
        return rc;
    }
    *ret = &x->op;
    return DW_OK;
}
