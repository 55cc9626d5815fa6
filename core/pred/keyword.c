/*
 * keyword: the values that keywords are looked for in.
 *
 * Idea: a line that is one JSON object or array is walked and each string or number value becomes one value,
 * decoded, so that an escape cannot hide a word and a key name cannot raise an alarm. Any other line is one value.
 *
 * Invariants:
 *   (1) The walk only goes forward; nesting is counted, not recursed into.
 *   (2) A line that turns out not to be JSON is taken whole: broken JSON is no way around a rule.
 *   (3) At most VALUES_MAX values; a line with more is taken whole besides.
 */
#include "pred_int.h"

#include "dogwatch/pred/fold.h"

enum { VALUES_MAX = 4096, DEPTH_MAX = 64 };

struct walk {
    struct dw_str s;
    size_t at;
    uint64_t object; /* bit per depth: inside an object */
    uint32_t depth;
};

static void skip_blanks(struct walk *w)
{
    while (w->at < w->s.len &&
           (w->s.ptr[w->at] == ' ' || w->s.ptr[w->at] == '\t' || w->s.ptr[w->at] == '\n' || w->s.ptr[w->at] == '\r'))
        w->at++;
}

/* Raw bytes between quotes; false without a closing one. */
static bool take_string(struct walk *w, struct dw_str *ret, bool *ret_escaped)
{
    size_t from = ++w->at;
    *ret_escaped = false;
    while (w->at < w->s.len && w->s.ptr[w->at] != '"') {
        bool escape = w->s.ptr[w->at] == '\\';
        *ret_escaped = *ret_escaped || escape;
        w->at += escape ? 2 : 1;
    }
    if (w->at >= w->s.len)
        return false;
    *ret = dw_str_slice(w->s, from, w->at++);
    return true;
}

static bool hex4(struct dw_str s, size_t at, uint32_t *ret)
{
    uint8_t two[2];
    if (at + 4 > s.len || !dw_unhex(dw_str_slice(s, at, at + 4), two, 2))
        return false;
    *ret = (uint32_t)two[0] << 8 | two[1];
    return true;
}

/* One escape at s[*at] (after the backslash) into out; answers bytes written. */
static size_t put_escape(struct dw_str s, size_t *at, char out[4])
{
    static const char from[] = "bfnrt", to[] = "\b\f\n\r\t";
    char c = s.ptr[(*at)++];
    uint32_t cp = 0, low = 0;
    if (c == 'u' && hex4(s, *at, &cp)) {
        *at += 4;
        if (cp >= 0xd800 && cp < 0xdc00 && *at + 6 <= s.len && s.ptr[*at] == '\\' && s.ptr[*at + 1] == 'u' &&
            hex4(s, *at + 2, &low) && low >= 0xdc00 && low < 0xe000) {
            *at += 6;
            cp = 0x10000 + ((cp - 0xd800) << 10) + (low - 0xdc00);
        } else if (cp >= 0xd800 && cp < 0xe000) {
            cp = 0xfffd;
        }
        return dw_utf8_put(cp, out);
    }
    const char *hit = c ? strchr(from, c) : NULL;
    out[0] = hit ? to[hit - from] : c;
    return 1;
}

static struct dw_str unescape(struct dw_pred_scratch *s, struct dw_str raw)
{
    char *out = dw_arena_alloc(&s->arena, raw.len + 4);
    size_t n = 0;
    if (!out) {
        s->nomem = true;
        return DW_STR("");
    }
    for (size_t at = 0; at < raw.len;) {
        if (raw.ptr[at] != '\\' || at + 1 == raw.len)
            out[n++] = raw.ptr[at++];
        else {
            at++;
            n += put_escape(raw, &at, out + n);
        }
    }
    return dw_str_make(out, n);
}

static bool take_scalar(struct dw_pred_scratch *s, struct walk *w)
{
    size_t from = w->at;
    if (w->s.ptr[w->at] == '"') {
        struct dw_str raw;
        bool escaped;
        if (!take_string(w, &raw, &escaped))
            return false;
        dw__value_add(s, DW_PRED_LINE, escaped ? unescape(s, raw) : raw, 0);
        return true;
    }
    while (w->at < w->s.len && !strchr(",]} \t\r\n", w->s.ptr[w->at]))
        w->at++;
    struct dw_str word = dw_str_slice(w->s, from, w->at);
    bool number = word.len && (word.ptr[0] == '-' || (word.ptr[0] >= '0' && word.ptr[0] <= '9'));
    if (number)
        dw__value_add(s, DW_PRED_LINE, word, 0);
    return number || dw_str_eq(word, DW_STR("true")) || dw_str_eq(word, DW_STR("false")) ||
           dw_str_eq(word, DW_STR("null"));
}

/* A key and its colon, where an object wants one. */
static bool take_key(struct walk *w)
{
    struct dw_str key;
    bool escaped;
    skip_blanks(w);
    if (w->at == w->s.len || w->s.ptr[w->at] != '"' || !take_string(w, &key, &escaped))
        return false;
    skip_blanks(w);
    if (w->at == w->s.len || w->s.ptr[w->at] != ':')
        return false;
    w->at++;
    skip_blanks(w);
    return w->at < w->s.len;
}

static bool open_nest(struct walk *w)
{
    if (w->depth + 1 == DEPTH_MAX)
        return false;
    bool object = w->s.ptr[w->at++] == '{';
    w->depth++;
    w->object = object ? w->object | UINT64_C(1) << w->depth : w->object & ~(UINT64_C(1) << w->depth);
    skip_blanks(w);
    return true;
}

/* After a value: closes what ends here; *ret_more when a comma follows. */
static bool close_nests(struct walk *w, bool *ret_more)
{
    *ret_more = false;
    for (;;) {
        skip_blanks(w);
        if (w->depth == 0)
            return w->at == w->s.len;
        if (w->at == w->s.len)
            return false;
        char c = w->s.ptr[w->at++];
        if (c == ',') {
            *ret_more = true;
            return true;
        }
        bool object = w->object >> w->depth & 1;
        if (c != (object ? '}' : ']'))
            return false;
        w->depth--;
    }
}

static bool walk_json(struct dw_pred_scratch *s, struct walk *w)
{
    bool more = true;
    skip_blanks(w);
    if (w->at == w->s.len || (w->s.ptr[w->at] != '{' && w->s.ptr[w->at] != '['))
        return false;
    while (more) {
        skip_blanks(w);
        if (w->depth && (w->object >> w->depth & 1) && !take_key(w))
            return false;
        if (w->at == w->s.len || s->value_count > VALUES_MAX + DW_EVENT_FIELDS_MAX)
            return false;
        char c = w->s.ptr[w->at];
        if (c == '{' || c == '[') {
            if (!open_nest(w) || w->at == w->s.len)
                return false;
            if (w->s.ptr[w->at] != '}' && w->s.ptr[w->at] != ']')
                continue; /* its first value */
        } else if (!take_scalar(s, w)) {
            return false;
        }
        if (!close_nests(w, &more))
            return false;
    }
    return true;
}

void dw__line_values(struct dw_pred_scratch *s)
{
    struct walk w = {.s = s->ev->line};
    if (!walk_json(s, &w))
        dw__value_add(s, DW_PRED_LINE, s->ev->line, 0);
}
