/* Regular expressions that come to no end, each with a text that shows it: head, pump again and again, tail. The tail holds what each match
 * must hold and stops it all the same, or PCRE2 would see at once that there is none. */
#ifndef DOGWATCH_TESTS_REDOS_H
#define DOGWATCH_TESTS_REDOS_H

#include "dogwatch/base/buf.h"

static const struct redos {
    const char *name, *regex, *head, *pump, *tail;
} redos[] = {
    {"nested plus", "^(a+)+$", "", "a", "!"},
    {"nested star of a class", "^([a-zA-Z]+)*$", "", "a", "1!"},
    {"overlapping alternatives", "^(a|aa)+$", "", "a", "!"},
    {"optional inside plus", "^(a|a?)+$", "", "a", "!"},
    {"dots in a row", "(.*a){12}b", "", "a", "\nb"},
    {"names of classes", "^(([a-z])+.)+[A-Z]([a-z])+$", "", "a", ""},
    {"e-mail", "^([a-z0-9])(([-.]|[_]+)?([a-z0-9]+))*@[a-z0-9]+[.](([a-z]{2,3})|([a-z]{2,3}[.][a-z]{2,3}))$", "", "a", "!@a.de!"},
    {"words and blanks", "^(\\w+\\s?)*$", "", "a", "!"},
    {"rule of a web firewall", ".*.*=.*;", "x", "=", "\n;"},
    {"two in a row", "(x+x+)+y", "", "x", "!y"},
    {"back reference", "^(\\w*)*\\1\\d$", "", "a", "!"},
    {"back reference in the middle", "(a*)*\\1b(a*)*c$", "", "a", "!b c x"},
    {"five in a row", "(a+)(a+)(a+)(a+)(a+)[bc]", "", "a", "!"},
    {"quoted text", "\"(?:[^\"\\\\]|\\\\.|[^\"])*\"$", "\"", "\\a", "\"x"},
    {"comment of HTML", "<!--(?:-?[^>-]*)*-->$", "<!--", "a", "-->x"},
    {"numbers", "^(\\d+\\.?\\d*)+%$", "", "1", "!%"},
    {"address of a page", "^(https?://)?([\\da-z.-]+)\\.([a-z.]{2,6})([/\\w .-]*)*/?$", "http://a.bc/", "a", "!"},
    {"parts of a path", "^(/?[^/]*)*/etc$", "", "/a", "/etcx"},
    {"look ahead", "^(?=(a+)+b)a", "", "a", "!b"},
    {"recursion", "^(a(?1)?a?)+$", "", "a", "!"},
    {"many places of many steps", "(\\w+)\\s*(\\w+)@", "", "a", " !@"},
    {"lazy in a row", "a.*?b.*?c.*?d$", "", "abc", "!d!"},
};

/* A text of at least `len` bytes for it. */
static inline void redos_text(const struct redos *r, size_t len, struct dw_buf *out)
{
    dw_buf_reset(out);
    dw_buf_str(out, dw_str_of(r->head));
    while (out->len < len)
        dw_buf_str(out, dw_str_of(r->pump));
    dw_buf_str(out, dw_str_of(r->tail));
}

#endif
