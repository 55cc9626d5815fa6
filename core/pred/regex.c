/*
 * regex: PCRE2, its limits, and the literal that every match must hold.
 *
 * Idea: running an expression over every event would cost most of the engine's time, so a piece of plain text that
 * every match contains is read off the source, and the expression runs only where the piece occurs.
 *
 * Invariants:
 *   (1) literal is sound: taken only from the top level of an expression without top-level alternatives, never from
 *       something that a quantifier may leave out. In doubt it is empty.
 *   (2) A match that hits a limit is undecided, never false.
 *       PCRE2 counts its steps anew at each place where a match may begin, so a hundred places of a thousand steps are no breach to it. The
 *       limit here is of all places together: first every place may have its share of the steps; where one needs more, places are asked for
 *       one by one, and what they may use is taken off one sum. What steps were counted depends on nothing but expression and text.
 *   (3) Patterns and texts are UTF-8; bytes that are not, match nothing but do not stop a match elsewhere.
 */
#include "dogwatch/pred/regex.h"

#include "dogwatch/base/counter.h"
#include "dogwatch/base/error.h"
#include "dogwatch/base/mem.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>
#include <stdio.h>

enum { LITERAL_MAX = 64, LITERAL_MIN = 3, JIT_STACK_MAX = 1024 * 1024 };
enum { EASY_LEAST = 64, STRIDE = 32, MORE = 4, CALL = 16 /* what a call costs, in steps */, STEP_BYTES = 256 };

struct dw_regex {
    pcre2_code *code;
    bool anchored; /* a match begins at the start of the text only */
    char literal[LITERAL_MAX];
    size_t literal_len;
};

struct dw_regex_scratch {
    pcre2_match_data *data;
    pcre2_match_context *context;
    pcre2_jit_stack *stack;
};

/* The run that is being read off the source. */
struct run {
    char best[LITERAL_MAX], now[LITERAL_MAX];
    size_t best_len, now_len;
};

static void run_end(struct run *r)
{
    if (r->now_len > r->best_len) {
        memcpy(r->best, r->now, r->now_len);
        r->best_len = r->now_len;
    }
    r->now_len = 0;
}

static void run_add(struct run *r, char c)
{
    if (r->now_len == LITERAL_MAX)
        run_end(r);
    r->now[r->now_len++] = (char)(c >= 'A' && c <= 'Z' ? c + 32 : c);
}

/* Offset after a bracket class that begins at `at`. */
static size_t skip_class(struct dw_str s, size_t at)
{
    at++;
    at += at < s.len && s.ptr[at] == '^';
    at += at < s.len && s.ptr[at] == ']';
    while (at < s.len && s.ptr[at] != ']') {
        if (s.ptr[at] == '[' && at + 1 < s.len && s.ptr[at + 1] == ':')
            at += 2;
        else
            at += s.ptr[at] == '\\' ? 2 : 1;
    }
    return at + 1;
}

/* Offset after a group that begins at `at`. */
static size_t skip_group(struct dw_str s, size_t at)
{
    uint32_t depth = 0;
    while (at < s.len) {
        if (s.ptr[at] == '[') {
            at = skip_class(s, at);
            continue;
        }
        if (s.ptr[at] == '\\') {
            at += 2;
            continue;
        }
        depth += s.ptr[at] == '(';
        depth -= s.ptr[at] == ')';
        at++;
        if (depth == 0)
            break;
    }
    return at;
}

static bool is_quantifier(struct dw_str s, size_t at)
{
    return at < s.len && (s.ptr[at] == '*' || s.ptr[at] == '?' || s.ptr[at] == '{' || s.ptr[at] == '+');
}

/* Reads one top-level element at *at. False: give up. */
static bool read_element(struct dw_str s, size_t *at, struct run *r)
{
    static const struct dw_str plain_escapes = {"\\.*+?()[]{}|^$/-\"'<>:;=!@#%&,~ `", 33};
    char c = s.ptr[*at];
    size_t next = *at + 1;
    bool literal = c >= 0x20 && c < 0x7f;
    switch (c) {
    case '|': return false;
    case '(':
        next = skip_group(s, *at);
        literal = false;
        break;
    case '[':
        next = skip_class(s, *at);
        literal = false;
        break;
    case '.':
    case '^':
    case '$':
    case ')': literal = false; break;
    case '*':
    case '?':
    case '+':
    case '{': /* a quantifier: its element was taken care of; skip to the end of {n,m} */
        literal = false;
        if (c == '{')
            while (next < s.len && s.ptr[next - 1] != '}')
                next++;
        break;
    case '\\':
        if (next == s.len)
            return false;
        c = s.ptr[next++];
        if (c == 'Q' || c == 'E' || c == 'x' || c == 'o' || c == 'c' || c == 'N' || c == 'p' || c == 'P' || c == 'g' ||
            c == 'k' || c == 'u')
            return false; /* escapes with arguments: not worth reading */
        literal = dw_str_index(plain_escapes, c) < plain_escapes.len;
        break;
    default: break;
    }
    if (!literal)
        run_end(r);
    else if (is_quantifier(s, next)) /* `ab?`: b may be missing; `ab+`: what follows b is not known */
        run_end(r);
    else
        run_add(r, c);
    *at = next;
    return true;
}

static void find_literal(struct dw_regex *re, struct dw_str s)
{
    struct run r = {.best_len = 0};
    for (size_t i = 0; i + 2 < s.len; i++) /* (?x) changes what blanks and # mean; (*VERB) may change anything */
        if (s.ptr[i] == '(' &&
            (s.ptr[i + 1] == '*' ||
                (s.ptr[i + 1] == '?' && (s.ptr[i + 2] == 'x' || s.ptr[i + 2] == '#' ||
                                            (s.ptr[i + 2] >= 'a' && s.ptr[i + 2] <= 'z' && s.ptr[i + 2] != 'i' &&
                                                s.ptr[i + 2] != 's' && s.ptr[i + 2] != 'm') ||
                                            s.ptr[i + 2] == '^' || s.ptr[i + 2] == '|'))))
            return;
    if (dw_str_find(s, DW_STR("x)")) < s.len || dw_str_find(s, DW_STR("x:")) < s.len)
        return; /* (?ix) and the like */
    for (size_t at = 0; at < s.len;)
        if (!read_element(s, &at, &r))
            return;
    run_end(&r);
    if (r.best_len < LITERAL_MIN)
        return;
    memcpy(re->literal, r.best, r.best_len);
    re->literal_len = r.best_len;
}

int dw_regex_new(struct dw_str source, uint32_t flags, char *why, size_t cap, size_t *ret_offset, struct dw_regex **ret)
{
    int error = 0;
    PCRE2_SIZE offset = 0;
    *ret_offset = 0;
    if (source.len > DW_REGEX_SOURCE_MAX) {
        (void)snprintf(why, cap, "longer than %d bytes", DW_REGEX_SOURCE_MAX);
        return DW_ESYNTAX;
    }
    uint32_t said = 0;
    uint32_t options = PCRE2_USE_OFFSET_LIMIT | PCRE2_UTF | PCRE2_MATCH_INVALID_UTF | PCRE2_NEVER_BACKSLASH_C;
    options |= flags & DW_RE_I ? PCRE2_CASELESS : 0;
    options |= flags & DW_RE_M ? PCRE2_MULTILINE : 0;
    options |= flags & DW_RE_S ? PCRE2_DOTALL : 0;
    struct dw_regex *re = dw_calloc(1, sizeof *re);
    if (!re)
        return DW_ENOMEM;
    re->code = pcre2_compile((PCRE2_SPTR)(source.ptr ? source.ptr : ""), source.len, options, &error, &offset, NULL);
    if (!re->code) {
        PCRE2_UCHAR text[160] = "";
        (void)pcre2_get_error_message(error, text, sizeof text);
        (void)snprintf(why, cap, "%s", (const char *)text);
        *ret_offset = offset < source.len ? offset : source.len;
        dw_free(re);
        return error == PCRE2_ERROR_HEAP_FAILED ? DW_ENOMEM : DW_ESYNTAX;
    }
    (void)pcre2_pattern_info(re->code, PCRE2_INFO_ALLOPTIONS, &said);
    re->anchored = said & PCRE2_ANCHORED;
    (void)pcre2_jit_compile(re->code, PCRE2_JIT_COMPLETE); /* without JIT it is slower, not wrong */
    find_literal(re, source);
    *ret = re;
    return DW_OK;
}

void dw_regex_free(struct dw_regex *re)
{
    if (!re)
        return;
    pcre2_code_free(re->code);
    dw_free(re);
}

struct dw_str dw_regex_literal(const struct dw_regex *re)
{
    return dw_str_make(re->literal, re->literal_len);
}

struct dw_regex_scratch *dw_regex_scratch_new(void)
{
    struct dw_regex_scratch *s = dw_calloc(1, sizeof *s);
    if (!s)
        return NULL;
    s->data = pcre2_match_data_create(1, NULL);
    s->context = pcre2_match_context_create(NULL);
    s->stack = pcre2_jit_stack_create(32 * 1024, JIT_STACK_MAX, NULL);
    if (!s->data || !s->context || !s->stack) {
        dw_regex_scratch_free(s);
        return NULL;
    }
    (void)pcre2_set_heap_limit(s->context, DW_REGEX_HEAP_KIB);
    pcre2_jit_stack_assign(s->context, NULL, s->stack);
    return s;
}

void dw_regex_scratch_free(struct dw_regex_scratch *s)
{
    if (!s)
        return;
    pcre2_match_data_free(s->data);
    pcre2_match_context_free(s->context);
    pcre2_jit_stack_free(s->stack);
    dw_free(s);
}

/* A match that begins in [from, last], within `limit` steps a place. */
static int ask(const struct dw_regex *re, struct dw_regex_scratch *s, struct dw_str text, size_t from, size_t last, size_t limit)
{
    (void)pcre2_set_match_limit(s->context, (uint32_t)limit);
    (void)pcre2_set_offset_limit(s->context, last);
    return pcre2_match(re->code, (PCRE2_SPTR)(text.ptr ? text.ptr : ""), text.len, from, 0, s->data, s->context);
}

/* Where the next character begins; a byte that is none of UTF-8 counts as one. */
static size_t next_place(struct dw_str text, size_t at)
{
    at++;
    while (at < text.len && ((uint8_t)text.ptr[at] & 0xc0) == 0x80)
        at++;
    return at;
}

/* One place, with ever more steps, out of what is left for all. */
static int ask_place(const struct dw_regex *re, struct dw_regex_scratch *s, struct dw_str text, size_t at, size_t easy, size_t *left)
{
    int rc = PCRE2_ERROR_MATCHLIMIT;
    size_t cost = CALL; /* the easy steps are every place's own */
    for (size_t limit = easy; rc == PCRE2_ERROR_MATCHLIMIT && cost <= *left; limit *= MORE, cost = limit + CALL) {
        *left -= cost;
        rc = ask(re, s, text, at, at, limit);
    }
    return rc;
}

/* Places STRIDE bytes at a time, and one by one where some need more than the easy steps. */
static int ask_closely(const struct dw_regex *re, struct dw_regex_scratch *s, struct dw_str text, size_t easy)
{
    size_t left = DW_REGEX_STEPS / (1 + text.len / STEP_BYTES), at = 0, end; /* a step may read far: it weighs more in a long text */
    int rc = left < easy * MORE + CALL ? PCRE2_ERROR_MATCHLIMIT : PCRE2_ERROR_NOMATCH; /* no place could have more than it had */
    for (; rc == PCRE2_ERROR_NOMATCH && at <= text.len; at = end) {
        end = next_place(text, at + STRIDE);
        rc = ask(re, s, text, at, end - 1, easy);
        if (rc != PCRE2_ERROR_MATCHLIMIT)
            continue;
        rc = PCRE2_ERROR_NOMATCH;
        for (; rc == PCRE2_ERROR_NOMATCH && at < end && at <= text.len; at = next_place(text, at))
            rc = ask_place(re, s, text, at, easy, &left);
    }
    return rc;
}

enum dw_verdict dw_regex_match(const struct dw_regex *re, struct dw_regex_scratch *s, struct dw_str text)
{
    size_t easy = re->anchored ? DW_REGEX_STEPS : DW_REGEX_STEPS / 2 / (text.len + 1);
    easy = easy < EASY_LEAST ? EASY_LEAST : easy;
    int rc = ask(re, s, text, 0, PCRE2_UNSET, easy);
    if (rc == PCRE2_ERROR_MATCHLIMIT && !re->anchored)
        rc = ask_closely(re, s, text, easy);
    if (rc >= 0)
        return DW_TRUE;
    if (rc == PCRE2_ERROR_NOMATCH)
        return DW_FALSE;
    DW_COUNT(pred_regex_limit);
    return DW_UNDECIDED;
}
