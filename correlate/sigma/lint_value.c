/*
 * lint_value: what can be said of selections: their fields' modifiers, and the values.
 *
 * Idea: a value that is written in a way that does nothing, or something else than it looks like, is worth a word; what some other rule's author may
 * well mean is not. The findings were weighed against the rules of SigmaHQ.
 *
 * Bounds: `--fix` leaves lists of over MEND_VALUES_MAX values with stars at their ends to people; in a list of over COVER_MAX values only equal ones are looked for, not those that another one matches already.
 */
#include "sigma_int.h"

#include "dogwatch/base/keyed.h"
#include "dogwatch/pred/fold.h"

enum { COVER_MAX = 512, SHOWN = 60, MEND_VALUES_MAX = 256 };

/* ---- wildcards ---- */

/* What a value has of wildcards: `*` as its first and last token, any other, two stars in a row, and the place of a `\*` behind a path. */
struct shape {
    bool first, last, inner, twin;
    uint32_t tokens;
    size_t escaped; /* none: the length of the text */
};

static bool is_name_byte(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '%' || c == ')' || c == '}';
}

static struct shape shape_of(struct dw_str s)
{
    struct shape h = {.escaped = s.len};
    bool star = false, folder = false; /* C:\Users, but not what \* stands before */
    for (size_t i = 0; i < s.len; i++, h.tokens++) {
        bool escape = s.ptr[i] == '\\' && i + 1 < s.len && (s.ptr[i + 1] == '*' || s.ptr[i + 1] == '?' || s.ptr[i + 1] == '\\');
        if (escape && s.ptr[i + 1] == '*' && folder && i + 2 == s.len && is_name_byte(s.ptr[i - 1]))
            h.escaped = i;
        folder = folder || s.ptr[i] == ':' || (s.ptr[i] == '\\' && (!escape || s.ptr[i + 1] == '\\'));
        bool before = star;
        star = !escape && s.ptr[i] == '*';
        h.twin = h.twin || (star && before);
        h.first = h.first || (star && h.tokens == 0);
        h.last = star && i + 1 == s.len;
        h.inner = h.inner || (!escape && s.ptr[i] == '?') || (star && h.tokens > 0 && !h.last);
        i += escape;
    }
    return h;
}

/* Without stars beside a star, and those at the ends where one is put anyway; a star that begins a picture (a keycap) is left to people. */
static void mend_stars(struct dw__sigma *g, const struct dw_yaml *value, bool begins, bool ends)
{
    struct dw_buf out = {0};
    struct dw_str s = value->text;
    bool star = begins;
    size_t end = s.len;
    while (ends && end > 1 && s.ptr[end - 1] == '*' && !(s.ptr[end - 2] == '\\'))
        end--;
    for (size_t i = 0; i < end; i++) {
        bool escape = s.ptr[i] == '\\' && i + 1 < end && (s.ptr[i + 1] == '*' || s.ptr[i + 1] == '?' || s.ptr[i + 1] == '\\'), is = !escape && s.ptr[i] == '*';
        if (!(is && star))
            dw_buf_byte(&out, (uint8_t)s.ptr[i]);
        star = is;
        if (escape)
            dw_buf_byte(&out, (uint8_t)s.ptr[++i]);
    }
    if (!out.err && out.len && (uint8_t)out.ptr[0] < 0x80)
        dw__mend_text(g, DW__LINT_WILDCARD_IDLE, value, dw_buf_view(&out));
    dw_buf_fini(&out);
}

static void lint_wildcards(struct dw__sigma *g, const struct dw__head *h, const struct dw_yaml *value)
{
    struct dw_str s = value->text;
    struct shape is = shape_of(s);
    bool keyword = h->name.len == 0, anywhere = keyword || h->op == DW__OP_CONTAINS;
    bool begins = is.first && (anywhere || h->op == DW__OP_ENDS), ends = is.last && (anywhere || h->op == DW__OP_STARTS), idle = false;
    if (s.len == 0 && h->op != DW__OP_NONE)
        dw__say(g, DW__LINT_TEXT_EMPTY, value->at, NULL, "every text has the empty one in it");
    else if (is.tokens == 1 && is.first && h->op == DW__OP_NONE && !keyword)
        dw__say(g, DW__LINT_WILDCARD_ALONE, value->at, NULL, "any value will do");
    else if (is.twin)
        idle = dw__say(g, DW__LINT_WILDCARD_IDLE, value->at, NULL, "two stars in a row are one");
    else if (begins || ends)
        idle = dw__say(g, DW__LINT_WILDCARD_IDLE, value->at, NULL, "a star at the end where %s puts one", keyword ? "a keyword" : "the modifier");
    if (idle)
        mend_stars(g, value, begins, ends);
    if (is.escaped < s.len)
        dw__say(g, DW__LINT_WILDCARD_ESCAPED, dw_yaml_span_in(value, is.escaped, 2), NULL, "`\\*` is a star itself, and no wildcard");
}

/* The modifier behind the key, and the values without their stars: all of it, or nothing. */
static void mend_ends(struct dw__sigma *g, const struct dw_yaml *n, bool first, bool last)
{
    struct dw_edit edit[MEND_VALUES_MAX * 2 + 1];
    uint32_t count = 0;
    bool list = n->kind == DW_YAML_SEQ;
    size_t at;
    if ((list && n->count > MEND_VALUES_MAX) || !dw__key_end(g, n, &at))
        return;
    edit[count++] = (struct dw_edit){at, at, first && last ? DW_STR("|contains") : first ? DW_STR("|endswith") : DW_STR("|startswith")};
    for (const struct dw_yaml *v = list ? n->first : n; v; v = list ? v->next : NULL) {
        if (!v->one_line)
            return;
        at = dw__text_begin(g, v);
        if (first)
            edit[count++] = (struct dw_edit){at, at + 1, DW_STR("")};
        if (last)
            edit[count++] = (struct dw_edit){at + v->text.len - 1, at + v->text.len, DW_STR("")};
    }
    dw__mend(g, DW__LINT_WILDCARD_ENDS, n->key_at, edit, count, first && last ? "contains, without the stars" : first ? "endswith, without the stars" : "startswith, without the stars");
}

/* Where each value has its stars at the same ends and nowhere else. */
static void lint_ends(struct dw__sigma *g, const struct dw__head *h, const struct dw_yaml *n)
{
    bool list = n->kind == DW_YAML_SEQ, both = true, first = true, last = true, any = false;
    if (h->op != DW__OP_NONE || h->code_count || h->name.len == 0 || (h->flags & DW__FLAG_FIELDREF))
        return;
    for (const struct dw_yaml *v = list ? n->first : n; v; v = list ? v->next : NULL) {
        if (v->kind != DW_YAML_SCALAR)
            return;
        struct shape is = shape_of(v->text);
        bool simple = is.tokens > 2 && !is.inner && !is.twin;
        any = true;
        both = both && simple && is.first && is.last;
        first = first && simple && is.first && !is.last;
        last = last && simple && is.last && !is.first;
    }
    if (any && (both || first || last) &&
        dw__say(g, DW__LINT_WILDCARD_ENDS, n->key_at, NULL, "it says %s", both ? "contains" : first ? "endswith" : "startswith"))
        mend_ends(g, n, both || first, both || last);
}

/* ---- characters ---- */

static bool is_invisible(uint32_t cp)
{
    return cp == 0xa0 || cp == 0xad || cp == 0x61c || cp == 0x180e || (cp >= 0x200b && cp <= 0x200f) || (cp >= 0x2028 && cp <= 0x202f) ||
           (cp >= 0x2060 && cp <= 0x2069) || cp == 0xfeff;
}

/* A joiner between pictures makes one of them. */
static bool is_picture(uint32_t cp)
{
    return (cp >= 0x2190 && cp <= 0x2bff) || cp == 0xfe0f || cp >= 0x1f000;
}

static bool is_latin(uint32_t cp)
{
    return (cp >= 'a' && cp <= 'z') || (cp >= 'A' && cp <= 'Z');
}

static bool is_greek_or_cyrillic(uint32_t cp)
{
    return cp >= 0x370 && cp <= 0x52f;
}

/* Whether nothing else is in it: then it is what the rule is about. */
static bool is_unseen(struct dw_str s)
{
    uint32_t cp = 0;
    for (size_t at = 0, len; at < s.len; at += len) {
        len = dw_utf8_take(dw_str_slice(s, at, s.len), &cp);
        if (cp != ' ' && !is_invisible(cp))
            return false;
    }
    return true;
}

/* What is written as an escape in double quotes was meant: it is judged where it stands in the file as it is. */
static void lint_characters(struct dw__sigma *g, const struct dw_yaml *value)
{
    struct dw_str s = value->text;
    bool control = false, invisible = is_unseen(s), mixed = false, latin = false, other = false;
    uint32_t cp = 0;
    for (size_t at = 0, len; at < s.len; at += len) {
        bool joined = is_picture(cp);
        len = dw_utf8_take(dw_str_slice(s, at, s.len), &cp);
        if ((cp < 0x20 || cp == 0x7f) && !control)
            dw__say(g, DW__LINT_TEXT_CONTROL, dw_yaml_span_in(value, at, 1), NULL, "the character U+%04X", (unsigned)cp);
        control = control || cp < 0x20 || cp == 0x7f;
        bool unseen = is_invisible(cp) && !(joined && cp == 0x200d);
        if (unseen && value->one_line && !invisible)
            dw__say(g, DW__LINT_TEXT_INVISIBLE, dw_yaml_span_in(value, at, len), NULL, "the character U+%04X", (unsigned)cp);
        invisible = invisible || unseen;
        bool letter = is_latin(cp) || is_greek_or_cyrillic(cp);
        latin = letter && (latin || is_latin(cp));
        other = letter && (other || is_greek_or_cyrillic(cp));
        if (latin && other && value->one_line && !mixed)
            dw__say(g, DW__LINT_TEXT_MIXED, dw_yaml_span_in(value, at, len), NULL, "the letter U+%04X in a word of another alphabet", (unsigned)cp);
        mixed = mixed || (latin && other);
    }
}

static void lint_blanks(struct dw__sigma *g, const struct dw__head *h, const struct dw_yaml *value)
{
    struct dw_str s = value->text;
    size_t two = dw_str_find(s, DW_STR("  "));
    bool whole = h->name.len && h->op == DW__OP_NONE;
    if (two < s.len)
        dw__say(g, DW__LINT_TEXT_BLANKS, dw_yaml_span_in(value, two, 2), NULL, "two blanks in a row");
    else if (s.len > 1 && s.ptr[0] == ' ' && (whole || h->op == DW__OP_STARTS))
        dw__say(g, DW__LINT_TEXT_BLANKS, dw_yaml_span_in(value, 0, 1), NULL, "the field must begin with a blank");
    else if (s.len > 1 && s.ptr[s.len - 1] == ' ' && (whole || h->op == DW__OP_ENDS))
        dw__say(g, DW__LINT_TEXT_BLANKS, dw_yaml_span_in(value, s.len - 1, 1), NULL, "the field must end with a blank");
}

/* ---- regular expressions ---- */

static void lint_as_text(struct dw__sigma *g, const struct dw_yaml *value)
{
    static const char *const signs[] = {"\\d+", "\\w+", "\\s+", "\\d*", "\\w*", "\\s*", "\\d{", "\\w{", "[0-9]", "[a-z]", "[A-Z]", "[a-zA-Z", "[A-Za-z", "(?:", "(?i)", ".+?", ".*?", ")|("};
    for (size_t i = 0; i < DW_COUNT_OF(signs); i++) {
        size_t at = dw_str_find(value->text, dw_str_of(signs[i]));
        if (at >= value->text.len)
            continue;
        dw__say(g, DW__LINT_REGEX_AS_TEXT, dw_yaml_span_in(value, at, strlen(signs[i])), NULL, "`%s` is taken as text", signs[i]);
        return;
    }
}

static void lint_regex(struct dw__sigma *g, const struct dw_yaml *value)
{
    struct dw_str s = value->text;
    bool begins = dw_str_starts(s, DW_STR(".*")) || dw_str_starts(s, DW_STR("^.*"));
    bool ends = s.len > 2 && dw_str_ends(s, DW_STR(".*")) && s.ptr[s.len - 3] != '\\';
    size_t i = 0;
    while (i < s.len && !strchr("\\^$.|?*+()[]{}", s.ptr[i]))
        i++;
    if (begins || ends)
        dw__say(g, DW__LINT_REGEX_ENDS, begins ? dw_yaml_span_in(value, 0, 2) : dw_yaml_span_in(value, s.len - 2, 2), NULL, "`.*` at the %s does nothing", begins ? "beginning" : "end");
    else if (i == s.len)
        dw__say(g, DW__LINT_REGEX_PLAIN, value->at, NULL, "it looks for a text as it is");
}

/* ---- lists ---- */

static bool is_exact(const struct dw__head *h)
{
    return (h->flags & DW__FLAG_CASED) || h->code_count || h->op == DW__OP_RE; /* \S is not \s, whatever `i` says */
}

static bool is_equal(const struct dw__head *h, struct dw_str a, struct dw_str b)
{
    return is_exact(h) ? dw_str_eq(a, b) : dw_str_ieq(a, b);
}

/* Whether what `narrow` matches is matched by `wide` too; of texts without anything to escape. */
static bool covers(const struct dw__head *h, struct dw_str wide, struct dw_str narrow)
{
    if (wide.len == 0 || wide.len >= narrow.len)
        return false;
    if (h->op == DW__OP_STARTS)
        return is_equal(h, wide, dw_str_slice(narrow, 0, wide.len));
    if (h->op == DW__OP_ENDS)
        return is_equal(h, wide, dw_str_slice(narrow, narrow.len - wide.len, narrow.len));
    for (size_t at = 0; at + wide.len <= narrow.len; at++)
        if (is_equal(h, wide, dw_str_slice(narrow, at, at + wide.len)))
            return true;
    return false;
}

static bool is_plain_text(const struct dw_yaml *v)
{
    for (size_t i = 0; v->kind == DW_YAML_SCALAR && i < v->text.len; i++)
        if (strchr("\\*?", v->text.ptr[i]))
            return false;
    return v->kind == DW_YAML_SCALAR;
}

static void lint_covered(struct dw__sigma *g, const struct dw__head *h, const struct dw_yaml *list)
{
    bool text = h->op == DW__OP_CONTAINS || h->op == DW__OP_STARTS || h->op == DW__OP_ENDS;
    if (!text || h->code_count || (h->flags & (DW__FLAG_ALL | DW__FLAG_FIELDREF)) || list->count > COVER_MAX)
        return;
    for (const struct dw_yaml *v = list->first; v; v = v->next) {
        const struct dw_yaml *w = list->first;
        while (w && !(w != v && is_plain_text(v) && is_plain_text(w) && covers(h, w->text, v->text)))
            w = w->next;
        if (w)
            dw__say(g, DW__LINT_VALUE_COVERED, v->at, NULL, "'%.*s' in line %u matches all that this does", DW_ARG(dw_str_slice(w->text, 0, SHOWN)), w->at.line);
    }
}

/* A value by what makes it equal to another; the line of the first such. */
struct seen {
    struct dw_keyed_item item;
    uint32_t line;
    bool plain;
};

static void put_key(const struct dw__head *h, const struct dw_yaml *v, struct dw_buf *key)
{
    dw_buf_reset(key);
    dw_buf_byte(key, dw_yaml_is_null(v));
    for (size_t i = 0; i < v->text.len; i++) {
        char c = v->text.ptr[i];
        dw_buf_byte(key, (uint8_t)(!is_exact(h) && c >= 'A' && c <= 'Z' ? c | 0x20 : c));
    }
}

static void lint_list(struct dw__sigma *g, const struct dw__head *h, const struct dw_yaml *list)
{
    struct dw_keyed all = {.count = 0};
    struct dw_buf key = {0};
    for (const struct dw_yaml *v = list->first; v; v = v->next) {
        if (v->kind != DW_YAML_SCALAR)
            continue;
        put_key(h, v, &key);
        struct seen *before = dw_keyed_get(&all, dw_buf_view(&key), sizeof *before);
        if (!before || key.err)
            break; /* without memory a value is not found to stand twice, as no rule changes by it */
        bool known = before->line != 0, alike = before->plain || !v->plain; /* a number without quotes equals more than its text */
        before->plain = known ? before->plain : v->plain;
        before->line = known ? before->line : v->at.line;
        if (known && dw__say(g, DW__LINT_VALUE_TWICE, v->at, NULL, "'%.*s' stands in line %u already", DW_ARG(dw_str_slice(v->text, 0, SHOWN)), before->line) && alike)
            dw__mend_drop(g, DW__LINT_VALUE_TWICE, list, v);
    }
    dw_buf_fini(&key);
    dw_keyed_fini(&all);
    lint_covered(g, h, list);
}

/* ---- items ---- */

static void lint_value(struct dw__sigma *g, const struct dw__head *h, const struct dw_yaml *value)
{
    if (value->kind != DW_YAML_SCALAR || dw_yaml_is_null(value) || (h->flags & DW__FLAG_FIELDREF))
        return;
    if (h->op <= DW__OP_RE)
        lint_characters(g, value);
    if (h->op == DW__OP_RE) {
        lint_regex(g, value);
    } else if (h->op < DW__OP_RE) {
        lint_wildcards(g, h, value);
        lint_blanks(g, h, value);
        lint_as_text(g, value);
    }
}

/* Base64 of Base64 means something. */
static void lint_modifiers_twice(struct dw__sigma *g, const struct dw_yaml *value)
{
    struct dw_str rest = value->key;
    (void)dw_str_cut(&rest, '|');
    while (rest.ptr) {
        struct dw_str word = dw_str_cut(&rest, '|'), others = rest;
        while (others.ptr) {
            struct dw_str other = dw_str_cut(&others, '|');
            if (dw_str_eq(word, other) && !dw_str_eq(word, DW_STR("base64")) &&
                dw__say(g, DW__LINT_MODIFIER_TWICE, value->key_at, NULL, "'%.*s' stands twice", DW_ARG(word)))
                dw__mend_key(g, DW__LINT_MODIFIER_TWICE, value, (size_t)(other.ptr - value->key.ptr) - 1, other.len + 1);
        }
    }
}

/* Whether a value of these meets a predicate. */
static bool any_value(const struct dw_yaml *n, bool (*is)(struct dw_str s))
{
    bool list = n->kind == DW_YAML_SEQ;
    for (const struct dw_yaml *v = list ? n->first : n; v; v = list ? v->next : NULL)
        if (v->kind != DW_YAML_SCALAR || is(v->text))
            return true;
    return false;
}

static bool has_letter(struct dw_str s)
{
    for (size_t i = 0; i < s.len; i++)
        if (is_latin((unsigned char)s.ptr[i]) || (unsigned char)s.ptr[i] >= 0x80)
            return true;
    return false;
}

static bool has_wildcard(struct dw_str s)
{
    return dw_str_index(s, '*') < s.len || dw_str_index(s, '?') < s.len;
}

static void mend_modifier(struct dw__sigma *g, enum dw__lint what, const struct dw_yaml *n, struct dw_str modifier)
{
    struct dw_str rest = n->key;
    (void)dw_str_cut(&rest, '|');
    while (rest.ptr) {
        struct dw_str word = dw_str_cut(&rest, '|');
        if (!dw_str_eq(word, modifier))
            continue;
        dw__mend_key(g, what, n, (size_t)(word.ptr - n->key.ptr) - 1, word.len + 1);
        return;
    }
}

static void lint_modifiers(struct dw__sigma *g, const struct dw__head *h, const struct dw_yaml *n)
{
    bool all = h->flags & DW__FLAG_ALL, many = n->kind == DW_YAML_SEQ && n->count > 1, offset = false;
    for (uint32_t i = 0; i < h->code_count; i++)
        offset = offset || h->code[i] == DW__CODE_BASE64OFFSET;
    lint_modifiers_twice(g, n);
    if (all && !many && dw__say(g, DW__LINT_ALL_ALONE, n->key_at, NULL, "`all` of one value"))
        mend_modifier(g, DW__LINT_ALL_ALONE, n, DW_STR("all"));
    else if (all && many && h->op == DW__OP_NONE && h->name.len && !h->code_count && !(h->flags & DW__FLAG_FIELDREF) && !any_value(n, has_wildcard))
        dw__say(g, DW__LINT_ALL_EQUAL, n->key_at, NULL, "the field would have to be all of these at once");
    if (offset && h->op == DW__OP_NONE && h->name.len)
        dw__say(g, DW__LINT_OFFSET_EQUAL, n->key_at, NULL, "`base64offset` without contains");
    if (((h->flags & DW__FLAG_CASED) || (h->re_flags & DW__RE_I)) && !(h->flags & DW__FLAG_FIELDREF) && !any_value(n, has_letter) &&
        dw__say(g, DW__LINT_CASED_IDLE, n->key_at, NULL, "no value has a letter"))
        mend_modifier(g, DW__LINT_CASED_IDLE, n, (h->flags & DW__FLAG_CASED) ? DW_STR("cased") : DW_STR("i"));
}

static void lint_item(struct dw__sigma *g, const struct dw_yaml *n)
{
    struct dw__head h;
    struct dw_diags unheard; /* what is wrong with it was told when it was compiled */
    struct dw__sigma quiet = {.rs = g->rs, .diags = &unheard};
    dw_diags_init(&unheard, g->diags->path, DW_STR(""));
    if (n->kind == DW_YAML_MAP || dw__head_read(&quiet, n, &h) < 0)
        return;
    lint_modifiers(g, &h, n);
    lint_ends(g, &h, n);
    if (n->kind == DW_YAML_SCALAR) {
        lint_value(g, &h, n);
        return;
    }
    for (const struct dw_yaml *v = n->first; v; v = v->next)
        lint_value(g, &h, v);
    lint_list(g, &h, n);
}

void dw__lint_selection(struct dw__sigma *g, const struct dw_yaml *n)
{
    const struct dw__head keyword = {.at = n->at};
    if (n->kind == DW_YAML_SCALAR) {
        lint_value(g, &keyword, n);
        return;
    }
    for (const struct dw_yaml *v = n->first; v; v = v->next) {
        if (n->kind == DW_YAML_MAP)
            lint_item(g, v);
        else
            dw__lint_selection(g, v);
    }
    if (n->kind == DW_YAML_SEQ)
        lint_list(g, &keyword, n);
}
