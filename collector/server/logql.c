/*
 * logql: LogQL to a filter of ours and what to count.
 *
 * Idea: one pass by recursive descent that writes the filter over labels as text, which then is compiled as any query: matching stays in one
 * place. Texts become regexes, since LogQL minds the case. Filters over lines are kept apart: they are about the line as it was written, and
 * ours look into the values of one that is JSON.
 *
 * Bounds: depth of brackets DEPTH_MAX.
 */
#include "logql.h"

#include "dogwatch/base/error.h"
#include "dogwatch/event/keys.h"

#include <stdio.h>
#include <stdlib.h>

enum { DEPTH_MAX = 32 };

static const struct {
    const char *name, *doc;
    uint32_t field;
} labels[] = {
#define LABEL(name, field, doc) {#name, doc, DW_F_##field},
#include "dogwatch/tbl/loki_labels.h"
#undef LABEL
};

struct parser {
    struct dw_str text;
    size_t at;
    struct dw_diags *diags;
    struct logql *q;
    unsigned depth;
};

const char *logql_label(size_t i, uint32_t *ret_field, const char **ret_doc)
{
    if (i >= DW_COUNT_OF(labels))
        return NULL;
    *ret_field = labels[i].field;
    *ret_doc = labels[i].doc;
    return labels[i].name;
}

void logql_fini(struct logql *q)
{
    dw_buf_fini(&q->filter);
    for (uint32_t i = 0; i < q->by_count; i++)
        dw_buf_fini(&q->by_field[i]);
    for (uint32_t i = 0; i < q->line_count; i++) {
        for (uint32_t k = 0; k < q->line[i].count; k++) {
            dw_buf_fini(&q->line[i].either[k].text);
            dw_regex_free(q->line[i].either[k].re);
        }
    }
}

enum dw_verdict logql_takes(const struct logql *q, struct dw_regex_scratch *scratch, struct dw_str line)
{
    for (uint32_t i = 0; i < q->line_count; i++) {
        const struct logql_filter *f = &q->line[i];
        enum dw_verdict found = DW_FALSE;
        for (uint32_t k = 0; k < f->count && found != DW_TRUE; k++) {
            struct dw_str text = dw_buf_view(&f->either[k].text);
            enum dw_verdict one = f->either[k].re ? dw_regex_match(f->either[k].re, scratch, line)
                : text.len == 0 || dw_str_find(line, text) < line.len ? DW_TRUE : DW_FALSE;
            found = one == DW_FALSE ? found : one;
        }
        if (found == DW_UNDECIDED || (found == DW_TRUE) == f->not)
            return found == DW_UNDECIDED ? DW_UNDECIDED : DW_FALSE;
    }
    return DW_TRUE;
}

/* ---- words ---- */

static int refuse(struct parser *p, size_t from, const char *help, const char *what)
{
    size_t len = p->at > from ? p->at - from : 1;
    dw_diag_add(p->diags, dw_span_at(p->text, from, len), help, "%s", what);
    return DW_ESYNTAX;
}

static bool is_name_byte(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

static char peek(struct parser *p)
{
    while (p->at < p->text.len && (p->text.ptr[p->at] == ' ' || p->text.ptr[p->at] == '\t' || p->text.ptr[p->at] == '\n' || p->text.ptr[p->at] == '\r'))
        p->at++;
    return p->at < p->text.len ? p->text.ptr[p->at] : '\0';
}

static bool take(struct parser *p, const char *sign)
{
    (void)peek(p);
    size_t len = strlen(sign);
    if (!dw_str_eq(dw_str_slice(p->text, p->at, p->at + len), dw_str_of(sign)))
        return false;
    p->at += len;
    return true;
}

static int need(struct parser *p, const char *sign)
{
    char what[40];
    if (take(p, sign))
        return DW_OK;
    (void)snprintf(what, sizeof what, "'%s' is expected here", sign);
    return refuse(p, p->at, NULL, what);
}

static struct dw_str name(struct parser *p)
{
    (void)peek(p);
    size_t from = p->at;
    while (p->at < p->text.len && is_name_byte(p->text.ptr[p->at]))
        p->at++;
    return dw_str_slice(p->text, from, p->at);
}

/* A name that stands there, and is taken when it does. */
static bool take_name(struct parser *p, const char *word)
{
    size_t before = p->at;
    if (dw_str_eq(name(p), dw_str_of(word)))
        return true;
    p->at = before;
    return false;
}

/* One escape of a Go string in double quotes; what is none of the usual stays as it is. */
static void unescape(struct dw_buf *out, char c)
{
    static const char from[] = "ntr\\\"", to[] = "\n\t\r\\\"";
    const char *found = strchr(from, c);
    if (!found || !c)
        dw_buf_byte(out, '\\');
    dw_buf_byte(out, (uint8_t)(found && c ? to[found - from] : c));
}

/* "..." with escapes, or `...` without, appended to `out`. */
static int string(struct parser *p, struct dw_buf *out)
{
    char quote = peek(p);
    size_t from = p->at;
    if (quote != '"' && quote != '`')
        return refuse(p, from, "\"text\" or `text`", "a text in quotes is expected here");
    p->at++;
    while (p->at < p->text.len && p->text.ptr[p->at] != quote) {
        char c = p->text.ptr[p->at++];
        if (quote == '"' && c == '\\' && p->at < p->text.len)
            unescape(out, p->text.ptr[p->at++]);
        else
            dw_buf_byte(out, (uint8_t)c);
    }
    if (p->at == p->text.len)
        return refuse(p, from, NULL, "this quote is never closed");
    p->at++;
    return out->err;
}

/* 5m, 1h30m, 500ms */
static int duration(struct parser *p, int64_t *ret_ns)
{
    static const struct {
        const char *unit;
        int64_t ns;
    } units[] = {{"ms", 1000000}, {"us", 1000}, {"ns", 1}, {"s", 1000000000}, {"m", 60000000000}, {"h", 3600000000000}, {"d", 86400000000000}, {"w", 604800000000000},
        {"y", 31536000000000000}};
    size_t from = (peek(p), p->at), i = 0;
    *ret_ns = 0;
    while (i < DW_COUNT_OF(units) && p->at < p->text.len && p->text.ptr[p->at] >= '0' && p->text.ptr[p->at] <= '9') {
        size_t digits = p->at;
        uint64_t n;
        int64_t part;
        while (digits < p->text.len && p->text.ptr[digits] >= '0' && p->text.ptr[digits] <= '9')
            digits++;
        bool ok = dw_str_u64(dw_str_slice(p->text, p->at, digits), &n) && n < INT64_MAX;
        for (i = 0; i < DW_COUNT_OF(units); i++)
            if (dw_str_starts(dw_str_slice(p->text, digits, p->text.len), dw_str_of(units[i].unit)))
                break;
        ok = ok && i < DW_COUNT_OF(units) && !__builtin_mul_overflow((int64_t)n, units[i].ns, &part) && !__builtin_add_overflow(*ret_ns, part, ret_ns);
        p->at = digits + (i < DW_COUNT_OF(units) ? strlen(units[i].unit) : 0);
        i = ok ? 0 : DW_COUNT_OF(units);
    }
    bool sane = *ret_ns > 0 && *ret_ns <= INT64_C(100) * 366 * 86400 * 1000000000;
    return sane && i == 0 ? DW_OK : refuse(p, from, "such as 5m", "a span of time is expected here");
}

/* ---- what is written ---- */

void logql_field(struct dw_str label, struct dw_buf *out)
{
    static const struct dw_str known[] = {
#define FIELD(id, name, type, list, doc) {name, sizeof name - 1},
#include "dogwatch/tbl/fields.h"
#undef FIELD
    };
    for (size_t i = 0; i < DW_COUNT_OF(labels); i++) {
        if (dw_str_eq(label, dw_str_of(labels[i].name))) {
            dw_buf_str(out, known[labels[i].field]);
            return;
        }
    }
    for (size_t i = 0; i < DW_COUNT_OF(known); i++) {
        size_t k = 0;
        while (k < label.len && k < known[i].len && (label.ptr[k] == known[i].ptr[k] || (label.ptr[k] == '_' && known[i].ptr[k] == '.')))
            k++;
        if (k == label.len && k == known[i].len) {
            dw_buf_str(out, known[i]);
            return;
        }
    }
    for (size_t i = 0; i < label.len; i++)
        dw_buf_byte(out, (uint8_t)(label.ptr[i] == '_' ? '.' : label.ptr[i]));
}

/* The inside of /.../: a slash is escaped; `(?:)` at the end keeps a backslash off the last one. */
static void put_regex(struct dw_buf *out, struct dw_str regex, bool literal, bool whole)
{
    dw_buf_str(out, whole ? DW_STR("/^(?:") : DW_STR("/(?:"));
    for (size_t i = 0; i < regex.len; i++) {
        unsigned char c = (unsigned char)regex.ptr[i];
        bool plain = c >= 0x80 || is_name_byte((char)c) || c == ' ';
        if (c == '/' || (literal && !plain))
            dw_buf_byte(out, '\\');
        dw_buf_byte(out, c);
    }
    dw_buf_str(out, whole ? DW_STR(")$(?:)/") : DW_STR(")(?:)/"));
}

static void put_and(struct parser *p)
{
    dw_buf_str(&p->q->filter, p->q->filter.len ? DW_STR(" and ") : DW_STR(""));
}

/* A label that is, or is not, a text or like a regex. An empty text means that it is not there. */
static void put_equals(struct parser *p, struct dw_str label, const char *op, struct dw_str value)
{
    struct dw_buf *out = &p->q->filter;
    bool not = op[0] == '!', regex = op[1] == '~';
    if (regex && dw_str_eq(value, DW_STR(".*"))) { /* also where it is not there */
        dw_buf_str(out, not ? DW_STR("not *") : DW_STR("*"));
        return;
    }
    dw_buf_str(out, not == (value.len > 0) ? DW_STR("not ") : DW_STR(""));
    logql_field(label, out);
    dw_buf_str(out, value.len ? DW_STR(":=") : DW_STR(":*"));
    if (value.len)
        put_regex(out, value, !regex, true);
}

/* ---- grammar ---- */

/* label op "text" */
static int matcher(struct parser *p)
{
    static const char *const ops[] = {"=~", "!~", "!=", "="};
    struct dw_buf value = {0};
    size_t i = 0;
    struct dw_str label = name(p);
    if (label.len == 0)
        return refuse(p, p->at, "{host=\"web1\"}", "the name of a label is expected here");
    while (i < DW_COUNT_OF(ops) && !take(p, ops[i]))
        i++;
    if (i == DW_COUNT_OF(ops))
        return refuse(p, p->at, NULL, "=, !=, =~ or !~ is expected here");
    int rc = string(p, &value);
    if (rc == DW_OK) {
        put_and(p);
        put_equals(p, label, i == 3 ? "= " : ops[i], dw_buf_view(&value));
    }
    dw_buf_fini(&value);
    return rc;
}

static int selector(struct parser *p)
{
    int rc = need(p, "{");
    while (rc == DW_OK && peek(p) != '}') {
        rc = matcher(p);
        if (rc == DW_OK && !take(p, ","))
            break;
    }
    return rc == DW_OK ? need(p, "}") : rc;
}

static int compile_regex(struct parser *p, size_t from, struct dw_str source, struct dw_regex **ret)
{
    char why[128];
    size_t offset;
    int rc = dw_regex_new(source, 0, why, sizeof why, &offset, ret);
    return rc == DW_ESYNTAX ? refuse(p, from, NULL, why) : rc;
}

/* |= "a" or "b" */
static int line_filter(struct parser *p, const char *op)
{
    size_t from = p->at;
    if (p->q->line_count == LOGQL_FILTERS_MAX)
        return refuse(p, from, NULL, "at most 16 filters over lines");
    struct logql_filter *f = &p->q->line[p->q->line_count++];
    f->not = op[0] == '!';
    int rc = DW_OK;
    do {
        from = (peek(p), p->at);
        if (f->count == LOGQL_OR_MAX)
            return refuse(p, from, NULL, "at most 8 texts in one filter");
        struct dw_buf *text = &f->either[f->count].text;
        rc = string(p, text);
        f->count++;
        if (rc == DW_OK && op[1] == '~')
            rc = compile_regex(p, from, dw_buf_view(text), &f->either[f->count - 1].re);
    } while (rc == DW_OK && take_name(p, "or"));
    return rc;
}

static int or_filter(struct parser *p);

/* 400, -1.5; "" when there is none. */
static struct dw_str number(struct parser *p)
{
    size_t from = (peek(p), p->at);
    while (p->at < p->text.len && ((p->text.ptr[p->at] >= '0' && p->text.ptr[p->at] <= '9') || p->text.ptr[p->at] == '.' || p->text.ptr[p->at] == '-'))
        p->at++;
    return dw_str_slice(p->text, from, p->at);
}

/* label op "text" | label op number | ( ... ) */
static int label_filter(struct parser *p)
{
    static const char *const ops[] = {"=~", "!~", "!=", "==", ">=", "<=", ">", "<", "="};
    struct dw_buf *out = &p->q->filter, value = {0};
    size_t i = 0, from = (peek(p), p->at);
    if (take(p, "(")) {
        dw_buf_byte(out, '(');
        int rc = ++p->depth > DEPTH_MAX ? refuse(p, from, NULL, "too many brackets") : or_filter(p);
        p->depth--;
        dw_buf_byte(out, ')');
        return rc == DW_OK ? need(p, ")") : rc;
    }
    struct dw_str label = name(p);
    while (label.len && i < DW_COUNT_OF(ops) && !take(p, ops[i]))
        i++;
    if (label.len == 0 || i == DW_COUNT_OF(ops))
        return refuse(p, from, "json, logfmt, or a filter such as level=\"error\"", "no stage that is known here");
    if (peek(p) == '"' || peek(p) == '`') {
        int rc = string(p, &value);
        if (rc == DW_OK && i > 3 && i < 8)
            rc = refuse(p, from, NULL, "this compares numbers");
        else if (rc == DW_OK)
            put_equals(p, label, i == 8 || i == 3 ? "= " : ops[i], dw_buf_view(&value));
        dw_buf_fini(&value);
        return rc;
    }
    struct dw_str digits = number(p);
    if (i < 2 || digits.len == 0 || (p->at < p->text.len && is_name_byte(p->text.ptr[p->at])))
        return refuse(p, p->at, "a number, or a text in quotes", "a value is expected here");
    dw_buf_str(out, i == 2 ? DW_STR("not ") : DW_STR(""));
    logql_field(label, out);
    dw_buf_printf(out, ":%s%.*s", i > 3 && i < 8 ? ops[i] : "", DW_ARG(digits));
    return out->err;
}

static int and_filter(struct parser *p)
{
    int rc = label_filter(p);
    while (rc == DW_OK && (take(p, ",") || take_name(p, "and"))) {
        dw_buf_str(&p->q->filter, DW_STR(" and "));
        rc = label_filter(p);
    }
    return rc;
}

static int or_filter(struct parser *p)
{
    int rc = and_filter(p);
    while (rc == DW_OK && take_name(p, "or")) {
        dw_buf_str(&p->q->filter, DW_STR(" or "));
        rc = and_filter(p);
    }
    return rc;
}

/* What takes fields out of lines, or takes labels away, changes nothing: they were parsed long ago. */
static int stage(struct parser *p)
{
    static const char *const passed[] = {"json", "logfmt", "unpack", "decolorize"};
    for (size_t i = 0; i < DW_COUNT_OF(passed); i++)
        if (take_name(p, passed[i]))
            return DW_OK;
    if (take_name(p, "drop") || take_name(p, "keep")) {
        do {
            (void)name(p);
        } while (take(p, ","));
        return DW_OK;
    }
    put_and(p);
    dw_buf_byte(&p->q->filter, '(');
    int rc = or_filter(p);
    dw_buf_byte(&p->q->filter, ')');
    return rc;
}

static int log_query(struct parser *p)
{
    static const char *const line[] = {"|=", "!=", "|~", "!~"};
    int rc = selector(p);
    while (rc == DW_OK) {
        size_t i = 0;
        while (i < DW_COUNT_OF(line) && !take(p, line[i]))
            i++;
        if (i < DW_COUNT_OF(line))
            rc = line_filter(p, line[i]);
        else if (take(p, "|"))
            rc = stage(p);
        else
            break;
    }
    if (rc == DW_OK && p->q->filter.len == 0)
        dw_buf_byte(&p->q->filter, '*');
    return rc == DW_OK ? p->q->filter.err : rc;
}

/* by (a, b) */
static int by(struct parser *p)
{
    size_t from = p->at;
    if (!take_name(p, "by"))
        return DW_OK;
    int rc = need(p, "(");
    while (rc == DW_OK && peek(p) != ')') {
        struct dw_str label = name(p);
        if (label.len == 0 || label.len >= LOGQL_NAME_MAX || p->q->by_count == LOGQL_BY_MAX)
            return refuse(p, from, NULL, "the names of up to 8 labels are expected here");
        (void)snprintf(p->q->by[p->q->by_count], LOGQL_NAME_MAX, "%.*s", DW_ARG(label));
        struct dw_buf *field = &p->q->by_field[p->q->by_count++];
        logql_field(label, field);
        if (field->err)
            return field->err;
        if (!take(p, ","))
            break;
    }
    return rc == DW_OK ? need(p, ")") : rc;
}

/* count_over_time({...} [5m]) */
static int range_function(struct parser *p)
{
    static const char *const names[] = {[LOGQL_COUNT] = "count_over_time", [LOGQL_RATE] = "rate", [LOGQL_BYTES] = "bytes_over_time", [LOGQL_BYTES_RATE] = "bytes_rate"};
    size_t from = (peek(p), p->at);
    for (int i = LOGQL_COUNT; i <= LOGQL_BYTES_RATE && p->q->function == LOGQL_LINES; i++)
        if (take_name(p, names[i]))
            p->q->function = (enum logql_function)i;
    if (p->q->function == LOGQL_LINES)
        return refuse(p, from, "count_over_time, rate, bytes_over_time, bytes_rate; sum by (...) of one of them", "no function that is known here");
    int rc = need(p, "(");
    if (rc == DW_OK)
        rc = log_query(p);
    if (rc == DW_OK)
        rc = need(p, "[");
    if (rc == DW_OK)
        rc = duration(p, &p->q->range_ns);
    if (rc == DW_OK)
        rc = need(p, "]");
    return rc == DW_OK ? need(p, ")") : rc;
}

static int sum(struct parser *p)
{
    p->q->is_sum = true;
    int rc = by(p);
    if (rc == DW_OK)
        rc = need(p, "(");
    if (rc == DW_OK)
        rc = range_function(p);
    if (rc == DW_OK)
        rc = need(p, ")");
    return rc == DW_OK && p->q->by_count == 0 ? by(p) : rc;
}

/* vector(1)+vector(1) */
static int constant(struct parser *p)
{
    int rc = DW_OK;
    p->q->function = LOGQL_CONSTANT;
    do {
        rc = need(p, "(");
        char digits[32];
        struct dw_str n = number(p);
        (void)snprintf(digits, sizeof digits, "%.*s", DW_ARG(n));
        if (rc == DW_OK && !digits[0])
            rc = refuse(p, p->at, NULL, "a number is expected here");
        p->q->value += strtod(digits, NULL);
        rc = rc == DW_OK ? need(p, ")") : rc;
    } while (rc == DW_OK && take(p, "+") && take_name(p, "vector"));
    return rc;
}

int logql_compile(struct dw_str text, struct dw_diags *diags, struct logql *ret)
{
    struct parser p = {.text = text, .diags = diags, .q = ret};
    *ret = (struct logql){0};
    int rc = peek(&p) == '{' ? log_query(&p) : take_name(&p, "vector") ? constant(&p) : take_name(&p, "sum") ? sum(&p) : range_function(&p);
    if (rc == DW_OK && peek(&p))
        rc = refuse(&p, p.at, NULL, "this does not belong here");
    return rc == DW_OK ? ret->filter.err : rc;
}
