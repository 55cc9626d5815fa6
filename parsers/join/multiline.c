/*
 * multiline: which line goes on with the one before.
 *
 * Idea: almost every stack trace is a first line, indented lines, and a few unindented ones that its runtime always
 * writes the same way ("Caused by:", "goroutine 1 [running]:", the exception's own line below a Python traceback).
 * Indentation needs no state; the unindented ones need to know which runtime is talking, so the state is one
 * of a few modes, entered by lines that no other program writes.
 *
 * Invariants:
 *   (1) The answer depends on the lines of the open group alone.
 *   (2) A mode is entered only by a line that is unmistakable; outside of modes only indented lines and the fixed
 *       openings of tbl `always` continue.
 *   (3) Every test reads within its line.
 */
#include "dogwatch/parsers/multiline.h"

#include "dogwatch/base/error.h"
#include "dogwatch/base/mem.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

enum mode {
    NOTHING,
    PY_TRACE, /* below "Traceback (most recent call last):" */
    PY_ENDED, /* after the exception's own line */
    PY_NEXT,  /* an empty line after that: only the sentence that joins two tracebacks may follow */
    PY_BRIDGE, /* after that sentence */
    GO_DUMP,
    PHP_TRACE,
    NODE_HEAD, /* "/app/x.js:10": source line, caret, empty line, error */
    NODE_STACK,
    RUST_PANIC, /* "thread 'main' panicked at src/main.rs:2:5:": the message follows */
    RUST_NOTES,
    SLASH, /* the last line ended with a backslash */
    SLOW_TIME, /* "# Time:" may be followed by "# User@Host:" in the same entry */
};

enum { NODE_HEAD_MAX = 8 }; /* lines between "/app/x.js:10" and the error itself */

enum { JAVA = 1, PYTHON = 2, GO = 4, RUBY = 8, PHP = 16, NODE = 32, DOTNET = 64, RUST = 128, ALL = 255 };

struct dw_line_start {
    pcre2_code *code;
    pcre2_match_data *match;
    pcre2_match_context *limits;
};

static unsigned languages(enum dw_multiline kind)
{
    switch (kind) {
    case DW_MULTILINE_TRACE: return ALL;
    case DW_MULTILINE_JAVA: return JAVA;
    case DW_MULTILINE_PYTHON: return PYTHON;
    case DW_MULTILINE_GO: return GO;
    case DW_MULTILINE_RUBY: return RUBY;
    case DW_MULTILINE_PHP: return PHP;
    case DW_MULTILINE_NODE: return NODE;
    case DW_MULTILINE_DOTNET: return DOTNET;
    case DW_MULTILINE_RUST: return RUST;
    default: return 0;
    }
}

#define STARTS(line, lit) dw_str_starts(line, DW_STR(lit))

static bool has(struct dw_str line, struct dw_str part)
{
    return dw_str_find(line, part) < line.len;
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_word(char c)
{
    return is_digit(c) || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z') || c == '_' || c == '.';
}

static bool is_indented(struct dw_str line)
{
    return line.len && (line.ptr[0] == ' ' || line.ptr[0] == '\t');
}

static bool is_blank(struct dw_str line)
{
    return dw_str_trim(line).len == 0;
}

/* Unindented lines that belong to the one before, whatever it was. */
static bool always(unsigned lang, struct dw_str line)
{
    if (lang & (JAVA | DOTNET) && (STARTS(line, "Caused by: ") || STARTS(line, "Suppressed: ") || STARTS(line, "Nested: ")
            || STARTS(line, "... ") || STARTS(line, "Wrapped by: ") || STARTS(line, " ---> ") || STARTS(line, "--- End of ")))
        return true;
    if (lang & PHP && (STARTS(line, "Stack trace:") || STARTS(line, "PHP Stack trace:")))
        return true;
    if (lang & RUST && (STARTS(line, "stack backtrace:") || STARTS(line, "note: run with `RUST_BACKTRACE")))
        return true;
    return lang & JAVA && STARTS(line, "at ") && has(line, DW_STR("(")); /* printed without indentation by some loggers */
}

/* An exception's own line: "ValueError: text", "app.errors.Gone", "KeyboardInterrupt". */
static bool is_python_exception(struct dw_str line)
{
    size_t n = 0;
    while (n < line.len && is_word(line.ptr[n]))
        n++;
    return n > 0 && (n == line.len || line.ptr[n] == ':');
}

static bool is_python_bridge(struct dw_str line)
{
    return STARTS(line, "During handling of the above exception") || STARTS(line, "The above exception was the direct cause");
}

/* "main.f(0x1, 0x2)", "net/http.(*conn).serve(...)", "panic(...)": no space before the parenthesis, ends with one. */
static bool is_go_call(struct dw_str line)
{
    size_t paren = dw_str_index(line, '(');
    return paren > 0 && paren < line.len && dw_str_index(line, ' ') > paren && line.ptr[line.len - 1] == ')';
}

static bool is_go_register(struct dw_str line)
{
    size_t hex = dw_str_find(line, DW_STR("0x"));
    return hex < line.len && hex >= 3 && hex <= 8 && line.ptr[hex - 1] == ' ' && !has(dw_str_slice(line, hex, line.len), DW_STR(" "));
}

static bool goes_on_go(struct dw_str line)
{
    return line.len == 0 || is_indented(line) || is_go_call(line) || is_go_register(line) || STARTS(line, "goroutine ")
        || STARTS(line, "created by ") || STARTS(line, "[signal ") || STARTS(line, "[originating from ")
        || STARTS(line, "runtime stack:") || STARTS(line, "runtime: ") || STARTS(line, "exit status ")
        || STARTS(line, "panic: ") || STARTS(line, "...additional frames elided...");
}

static bool goes_on_python(struct dw_multiline_state *st, struct dw_str line)
{
    uint8_t was = st->at;
    if (was == PY_TRACE) {
        if (is_indented(line) || line.len == 0)
            return true;
        st->at = PY_ENDED;
        return is_python_exception(line);
    }
    if (was == PY_BRIDGE) {
        if (STARTS(line, "Traceback (most recent call last):"))
            st->at = PY_TRACE;
        return line.len == 0 || st->at == PY_TRACE;
    }
    st->at = is_python_bridge(line) ? PY_BRIDGE : PY_NEXT;
    return st->at == PY_BRIDGE || (was == PY_ENDED && line.len == 0);
}

static bool is_php_frame(struct dw_str line)
{
    return line.len > 2 && line.ptr[0] == '#' && is_digit(line.ptr[1]);
}

/* "Error: text", "TypeError [ERR_X]: text", "Uncaught:": the first word says so. */
static bool is_node_error(struct dw_str line)
{
    size_t n = 0;
    while (n < line.len && line.ptr[n] != ' ' && line.ptr[n] != ':')
        n++;
    struct dw_str word = dw_str_slice(line, 0, n);
    return dw_str_ends(word, DW_STR("Error")) || dw_str_ends(word, DW_STR("Exception")) || STARTS(word, "Uncaught");
}

static bool goes_on_node(struct dw_multiline_state *st, struct dw_str line)
{
    if (st->at == NODE_HEAD) { /* source, caret, empty line, then the error's own line */
        if (STARTS(line, "Node.js v"))
            return true;
        if (is_node_error(line))
            st->at = NODE_STACK;
        return ++st->count <= NODE_HEAD_MAX;
    }
    return is_indented(line) || is_blank(line) || STARTS(line, "Node.js v") || STARTS(line, "}") || STARTS(line, "{");
}

/* "/app/server.js:10", "file:///app/x.mjs:3", "node:internal/modules/cjs/loader:936" and nothing else on the line. */
static bool is_node_head(struct dw_str line)
{
    size_t n = line.len;
    while (n > 0 && is_digit(line.ptr[n - 1]))
        n--;
    if (n == line.len || n < 4 || line.ptr[n - 1] != ':' || dw_str_index(line, ' ') < line.len)
        return false;
    struct dw_str path = dw_str_slice(line, 0, n - 1);
    return STARTS(path, "node:internal/") || dw_str_ends(path, DW_STR(".js")) || dw_str_ends(path, DW_STR(".mjs"))
        || dw_str_ends(path, DW_STR(".cjs")) || dw_str_ends(path, DW_STR(".ts"));
}

/* The mode that a first line, or any line of a group outside of modes, enters. */
static enum mode entered(unsigned lang, struct dw_str line)
{
    if (lang & PYTHON && (has(line, DW_STR("Traceback (most recent call last):")) || STARTS(line, "  + Exception Group Traceback")))
        return PY_TRACE;
    if (lang & GO && (STARTS(line, "panic: ") || has(line, DW_STR(" panic: ")) || STARTS(line, "fatal error: ")
            || STARTS(line, "SIGQUIT: ") || (STARTS(line, "goroutine ") && dw_str_ends(line, DW_STR("]:")))))
        return GO_DUMP;
    if (lang & PHP && (STARTS(line, "Stack trace:") || STARTS(line, "PHP Stack trace:") || has(line, DW_STR("PHP Fatal error:  Uncaught"))))
        return PHP_TRACE;
    if (lang & NODE && is_node_head(line))
        return NODE_HEAD;
    if (lang & NODE && is_indented(line) && STARTS(dw_str_trim(line), "at ") && (has(line, DW_STR("(node:")) || has(line, DW_STR(".js:"))))
        return NODE_STACK;
    if (lang & RUST && STARTS(line, "thread '") && has(line, DW_STR("' panicked at ")))
        return dw_str_ends(line, DW_STR(":")) ? RUST_PANIC : RUST_NOTES;
    return NOTHING;
}

static bool goes_on_in_mode(struct dw_multiline_state *st, struct dw_str line)
{
    switch (st->at) {
    case PY_TRACE:
    case PY_ENDED:
    case PY_NEXT:
    case PY_BRIDGE:
        return goes_on_python(st, line);
    case GO_DUMP:
        return goes_on_go(line);
    case PHP_TRACE:
        return is_indented(line) || is_php_frame(line) || STARTS(line, "Stack trace:") || STARTS(line, "thrown in ")
            || STARTS(line, "PHP   ");
    case NODE_HEAD:
    case NODE_STACK:
        return goes_on_node(st, line);
    case RUST_PANIC:
        st->at = RUST_NOTES;
        return true;
    case RUST_NOTES:
        return is_indented(line) || STARTS(line, "stack backtrace:") || STARTS(line, "note: ");
    default:
        return false;
    }
}

static bool goes_on_trace(unsigned lang, struct dw_multiline_state *st, struct dw_str line)
{
    bool more = goes_on_in_mode(st, line) || is_indented(line) || always(lang, line);
    if (more && (st->at == NOTHING || st->at == PY_NEXT)) {
        enum mode m = entered(lang, line);
        st->at = m != NOTHING ? (uint8_t)m : st->at;
    }
    return more;
}

/* "-11-23", "/Nov/2026", ".11.2026": a separator, a month, the same separator, and (after dots, for the sake of addresses)
 * two digits at least. */
static bool is_date_tail(struct dw_str s)
{
    char separator = s.len ? s.ptr[0] : '\0';
    if (separator != '-' && separator != '/' && separator != '.')
        return false;
    size_t n = 1;
    while (n < s.len && n <= 3 && (is_digit(s.ptr[n]) || (separator != '.' && is_word(s.ptr[n]))))
        n++;
    return n >= 2 && n + 2 < s.len && s.ptr[n] == separator && is_digit(s.ptr[n + 1])
        && (separator != '.' || (n == 3 && is_digit(s.ptr[n + 2]) && (n + 3 == s.len || s.ptr[n + 3] != '.')));
}

/* Whether a date begins the line, after one bracket or a syslog priority: digits in the shape of a date, or a month's or day's name. */
static bool begins_with_date(struct dw_str line)
{
    static const char names[] = "JanFebMarAprMayJunJulAugSepOctNovDecMonTueWedThuFriSatSun";
    size_t at = 0;
    if (line.len && line.ptr[0] == '<')
        at = dw_str_index(line, '>') + 1;
    if (at < line.len && line.ptr[at] == '[')
        at++;
    struct dw_str s = dw_str_slice(line, at, at + 24);
    if (s.len < 8)
        return false;
    for (size_t i = 0; i + 3 < sizeof names; i += 3)
        if (memcmp(s.ptr, names + i, 3) == 0 && (s.ptr[3] == ' ' || s.ptr[3] == ','))
            return true;
    size_t n = 0;
    while (n < s.len && is_digit(s.ptr[n]))
        n++;
    if (n == 0 || n == s.len)
        return false;
    if (n == 6 || n == 8) /* 261123 21:14:18, 20261123T211418 */
        return s.ptr[n] == ' ' || s.ptr[n] == 'T' || s.ptr[n] == '-';
    if (n >= 9) /* an epoch */
        return true;
    if (n == 2 && s.ptr[2] == ':') /* a clock only */
        return is_digit(s.ptr[3]) && is_digit(s.ptr[4]) && s.ptr[5] == ':';
    if (n <= 2 && s.ptr[n] == ' ') { /* 30 May 12:50:13 */
        for (size_t i = 0; i < 36 && n + 4 <= s.len; i += 3)
            if (memcmp(s.ptr + n + 1, names + i, 3) == 0)
                return true;
        return false;
    }
    return (n == 4 || n <= 2) && is_date_tail(dw_str_slice(s, n, s.len));
}

static bool matches(const struct dw_line_start *s, struct dw_str line)
{
    return pcre2_match(s->code, (PCRE2_SPTR)(line.ptr ? line.ptr : ""), line.len, 0, 0, s->match, s->limits) >= 0;
}

static bool ends_with_backslash(struct dw_str line)
{
    return line.len && line.ptr[line.len - 1] == '\\';
}

static bool goes_on_slow(struct dw_multiline_state *st, struct dw_str line)
{
    bool after_time = st->at == SLOW_TIME;
    st->at = NOTHING;
    if (STARTS(line, "# Time:"))
        return false;
    return after_time || !STARTS(line, "# User@Host:");
}

void dw_multiline_open(enum dw_multiline kind, struct dw_multiline_state *st, struct dw_str line)
{
    unsigned lang = languages(kind);
    *st = (struct dw_multiline_state){.at = NOTHING};
    if (lang)
        st->at = (uint8_t)entered(lang, line);
    else if (kind == DW_MULTILINE_BACKSLASH && ends_with_backslash(line))
        st->at = SLASH;
    else if (kind == DW_MULTILINE_MYSQL_SLOW && STARTS(line, "# Time:"))
        st->at = SLOW_TIME;
}

bool dw_multiline_continues(
    enum dw_multiline kind, const struct dw_line_start *start, struct dw_multiline_state *st, struct dw_str line)
{
    bool more = false;
    switch (kind) {
    case DW_MULTILINE_NONE:
    case DW_MULTILINE_AUDITD: /* lines.c: it is no question of the line before */
        return false;
    case DW_MULTILINE_INDENT:
        return is_indented(line);
    case DW_MULTILINE_DATE:
        return !begins_with_date(line) && !STARTS(line, "{\"");
    case DW_MULTILINE_START:
        return !(start && matches(start, line));
    case DW_MULTILINE_BACKSLASH:
        more = st->at == SLASH;
        st->at = more && ends_with_backslash(line) ? SLASH : NOTHING;
        return more;
    case DW_MULTILINE_MYSQL_SLOW:
        return goes_on_slow(st, line);
    default:
        return goes_on_trace(languages(kind), st, line);
    }
}

int dw_line_start_new(struct dw_str pattern, struct dw_line_start **ret, size_t *ret_offset)
{
    int code = 0;
    PCRE2_SIZE offset = 0;
    struct dw_line_start *s = dw_calloc(1, sizeof *s);
    if (!s)
        return DW_ENOMEM;
    s->code = pcre2_compile((PCRE2_SPTR)(pattern.ptr ? pattern.ptr : ""), pattern.len, 0, &code, &offset, NULL);
    if (!s->code) {
        dw_line_start_free(s);
        if (ret_offset)
            *ret_offset = offset;
        return DW_ESYNTAX;
    }
    (void)pcre2_jit_compile(s->code, PCRE2_JIT_COMPLETE); /* without it matching is slower, not wrong */
    s->match = pcre2_match_data_create_from_pattern(s->code, NULL);
    s->limits = pcre2_match_context_create(NULL);
    if (!s->match || !s->limits) {
        dw_line_start_free(s);
        return DW_ENOMEM;
    }
    (void)pcre2_set_match_limit(s->limits, 20000);
    (void)pcre2_set_depth_limit(s->limits, 1000);
    *ret = s;
    return DW_OK;
}

void dw_line_start_free(struct dw_line_start *s)
{
    if (!s)
        return;
    pcre2_match_data_free(s->match);
    pcre2_match_context_free(s->limits);
    pcre2_code_free(s->code);
    dw_free(s);
}

static const struct {
    const char *name, *doc;
} kinds[] = {
#define MULTILINE(id, name, doc) {name, doc},
#include "dogwatch/tbl/multiline_kinds.h"
#undef MULTILINE
};

bool dw_multiline_find(struct dw_str name, enum dw_multiline *ret)
{
    for (unsigned i = 0; i < DW_MULTILINE_KINDS; i++) {
        if (dw_str_eq(name, dw_str_of(kinds[i].name))) {
            *ret = (enum dw_multiline)i;
            return true;
        }
    }
    return false;
}

const char *dw_multiline_name(enum dw_multiline kind)
{
    DW_ASSERT(kind < DW_MULTILINE_KINDS);
    return kinds[kind].name;
}

const char *dw_multiline_doc(enum dw_multiline kind)
{
    DW_ASSERT(kind < DW_MULTILINE_KINDS);
    return kinds[kind].doc;
}
