/*
 * query_lex: words, quotes, numbers and times of a query's text, and complaints about places in it.
 *
 * Invariant: p->at only grows but where a caller puts it back, and never passes the end of the text.
 */
#include "query_int.h"

#include "dogwatch/base/clock.h"
#include "dogwatch/event/timestamp.h"

#include <stdio.h>

int query_refuse(struct query_parser *p, size_t at, size_t len, const char *help, const char *what)
{
    struct dw_span span = {.line = 1, .col = (uint32_t)at + 1, .len = (uint32_t)(len ? len : 1)};
    char syntax[160];
    if (!help && p->pipe.word) {
        (void)snprintf(syntax, sizeof syntax, "%s, as in %s", p->pipe.syntax, p->pipe.example);
        help = syntax;
    }
    dw_diag_add(p->diags, span, help, "%s", what);
    return DW_ESYNTAX;
}

void query_skip_blanks(struct query_parser *p)
{
    while (p->at < p->text.len && (p->text.ptr[p->at] == ' ' || p->text.ptr[p->at] == '\t' || p->text.ptr[p->at] == '\n'))
        p->at++;
}

char query_peek(struct query_parser *p)
{
    query_skip_blanks(p);
    return p->at < p->text.len ? p->text.ptr[p->at] : '\0';
}

bool query_is_word_byte(char c)
{
    return (unsigned char)c > ' ' && !strchr("()|\"", c);
}

struct dw_str query_word(struct query_parser *p, const char *stop)
{
    size_t from = p->at;
    while (p->at < p->text.len) {
        char c = p->text.ptr[p->at];
        if (c == '\\' && p->at + 1 < p->text.len) {
            p->at += 2;
            continue;
        }
        if (!query_is_word_byte(c) || (c && strchr(stop, c)))
            break;
        p->at++;
    }
    return dw_str_slice(p->text, from, p->at);
}

bool query_keyword(struct query_parser *p, const char *word)
{
    query_skip_blanks(p);
    struct dw_str rest = dw_str_slice(p->text, p->at, p->text.len), w = dw_str_of(word);
    if (rest.len < w.len || !dw_str_ieq(dw_str_slice(rest, 0, w.len), w))
        return false;
    if (rest.len > w.len && query_is_word_byte(rest.ptr[w.len]))
        return false;
    p->at += w.len;
    return true;
}

bool query_byte(struct query_parser *p, char c)
{
    if (query_peek(p) != c)
        return false;
    p->at++;
    return true;
}

int query_quoted(struct query_parser *p, char close, struct dw_buf *out)
{
    size_t from = p->at++;
    while (p->at < p->text.len && p->text.ptr[p->at] != close) {
        char next = p->at + 1 < p->text.len ? p->text.ptr[p->at + 1] : '\0';
        bool escapes = next == close || (close == '"' && next == '\\'); /* any other backslash is itself: "C:\Windows" */
        if (p->text.ptr[p->at] == '\\' && escapes)
            p->at++;
        dw_buf_byte(out, (uint8_t)p->text.ptr[p->at++]);
    }
    if (p->at == p->text.len)
        return query_refuse(p, from, p->at - from, NULL, "this quote is never closed"); /* a regex is known to be closed */
    p->at++;
    return out->err;
}

int query_count(struct query_parser *p, uint64_t min, uint64_t max, const char *what, uint64_t *ret)
{
    size_t from = (query_skip_blanks(p), p->at);
    struct dw_str n = query_word(p, ",");
    if (!dw_str_u64(n, ret) || *ret < min)
        return query_refuse(p, from, n.len, NULL, what);
    return *ret > max ? query_refuse(p, from, n.len, NULL, "this number is too large") : DW_OK;
}

bool query_duration(struct dw_str text, int64_t *ret_ns)
{
    static const char units[] = "smhdw";
    static const int64_t seconds[] = {1, 60, 3600, 86400, 604800};
    uint64_t n;
    const char *unit = text.len > 1 ? strchr(units, text.ptr[text.len - 1]) : NULL;
    if (!unit || !*unit || !dw_str_u64(dw_str_slice(text, 0, text.len - 1), &n))
        return false;
    return n > 0 && n < 1000000000 && !__builtin_mul_overflow((int64_t)n, seconds[unit - units] * DW_NS_PER_S, ret_ns);
}

bool query_time_range(struct dw_str text, int64_t *ret_from, int64_t *ret_to)
{
    char day[40];
    int64_t now = dw_clock_real(&dw_clock_system), wide = 1;
    struct dw_time_ref ref = {.now_ns = now};
    if (query_duration(text, ret_from)) {
        *ret_to = now;
        return !__builtin_sub_overflow(now, *ret_from, ret_from);
    }
    if (text.len == 10 && text.ptr[4] == '-') {
        memcpy(day, text.ptr, 10);
        memcpy(day + 10, "T00:00:00Z", 10);
        text = dw_str_make(day, 20);
        wide = 86400 * DW_NS_PER_S;
    } else if (dw_str_index(text, '.') == text.len && dw_str_index(text, ',') == text.len) {
        wide = DW_NS_PER_S;
    }
    return dw_time_parse(text, &ref, ret_from) == DW_OK && !__builtin_add_overflow(*ret_from, wide - 1, ret_to);
}
