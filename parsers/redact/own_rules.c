/*
 * own_rules: what users want masked, as regular expressions (PCRE2, over bytes).
 *
 * Idea: lines are written by strangers, and an expression may take time that grows with the square of a line's length even where it never goes back:
 * each place is tried, and each try may run to the end. So a long line is searched window by window. A try that reaches a window's end (PCRE2 says
 * so: a hard partial match) is made again over the whole line, from that place alone, and these are bounded by the bytes they may look at. What is found is what a
 * search of the whole line would find.
 *
 *     line    |.........................................................|
 *     window       |<- at: starts here, STEP ->|<- looks here, AHEAD ->|
 *
 * Invariants:
 *   (1) What is found depends on the line and the rule alone: limits count steps, never time.
 *   (2) No piece is empty or reaches past the line; a search that hits a limit says from where on nothing is known.
 *   (3) Bytes are bytes: UTF-8, whole or broken, is not looked at.
 *   (4) The search goes on behind what was masked, not behind the match, so that a delimiter may end one value and begin the next.
 */
#include "redact_int.h"

#include "dogwatch/base/error.h"
#include "dogwatch/base/mem.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>
#include <stdio.h>

enum {
    STEP = 1024,
    AHEAD = 4096,
    FAR_BYTES_MAX = 16 << 20, /* of a line, again and again, that tries from one place may look at */
    STEPS_MAX = 20000,     /* of one try */
    DEPTH_MAX = 5000,
    HEAP_KIB = 4096,
    STACK_BYTES = 32 * 1024,
    STACK_BYTES_MAX = 512 * 1024,
    GROUPS_MAX = 16,       /* looked at; more may stand in an expression */
    REGEX_BYTES_MAX = 4096
};

struct dw__own_scratch {
    pcre2_match_data *data;
    pcre2_match_context *limits;
    pcre2_jit_stack *stack;
};

static int not_compiled(struct dw_str regex, int code, size_t offset, struct dw_buf *why)
{
    PCRE2_UCHAR text[128] = "";
    (void)pcre2_get_error_message(code, text, sizeof text);
    dw_buf_printf(why, "%s at ", (const char *)text);
    if (offset < regex.len)
        dw_buf_printf(why, "byte %zu", offset + 1);
    else
        dw_buf_str(why, DW_STR("its end"));
    dw_buf_str(why, DW_STR("\na regex is written in single quotes, where YAML leaves backslashes alone; its syntax is that of PCRE2"));
    return code == PCRE2_ERROR_HEAP_FAILED ? DW_ENOMEM : DW_ECONFIG;
}

static int compile(struct dw_str regex, pcre2_code **ret, struct dw_buf *why)
{
    int error = 0;
    PCRE2_SIZE offset = 0;
    uint32_t may_be_empty = 0;
    if (regex.len == 0 || regex.len > REGEX_BYTES_MAX) {
        dw_buf_printf(why, regex.len ? "longer than %d bytes" : "a regex is missing", REGEX_BYTES_MAX);
        return DW_ECONFIG;
    }
    pcre2_code *code = pcre2_compile((PCRE2_SPTR)regex.ptr, regex.len, PCRE2_NEVER_UTF | PCRE2_USE_OFFSET_LIMIT, &error, &offset, NULL);
    if (!code)
        return not_compiled(regex, error, offset, why);
    (void)pcre2_pattern_info(code, PCRE2_INFO_MATCHEMPTY, &may_be_empty);
    if (may_be_empty) {
        dw_buf_str(why, DW_STR("it may match the empty text, so it is found everywhere\nask for one byte at least: `+` instead of `*`"));
        pcre2_code_free(code);
        return DW_ECONFIG;
    }
    *ret = code;
    return DW_OK;
}

static bool is_name(struct dw_str name)
{
    bool good = name.len > 0 && name.len <= DW_REDACT_NAME_MAX;
    for (size_t i = 0; i < name.len && good; i++) {
        char c = name.ptr[i];
        good = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
    }
    return good && !dw_str_eq(name, DW_STR("none"));
}

int dw_redact_rule_check(struct dw_str name, struct dw_str regex, struct dw_buf *why)
{
    enum dw_redact_rule built_in;
    pcre2_code *code = NULL;
    if (!is_name(name)) {
        dw_buf_printf(why, "a rule's name has 1 to %d of a-z, 0-9, _ and -, and is not none", DW_REDACT_NAME_MAX);
        return DW_EUNKNOWN;
    }
    if (dw_redact_find(name, &built_in)) {
        dw_buf_str(why, DW_STR("a built-in rule has this name\ngive it another one; built-in rules are chosen with `redact`"));
        return DW_EUNKNOWN;
    }
    int rc = compile(regex, &code, why);
    pcre2_code_free(code);
    return rc;
}

int dw__own_rule_new(struct dw_str name, struct dw_str regex, struct dw__own_rule *ret, struct dw_buf *why)
{
    DW_ASSERT(name.len <= DW_REDACT_NAME_MAX);
    int rc = compile(regex, &ret->code, why);
    if (rc < 0)
        return rc;
    (void)pcre2_jit_compile(ret->code, PCRE2_JIT_COMPLETE | PCRE2_JIT_PARTIAL_HARD); /* without JIT it is slower, not wrong */
    memcpy(ret->name, name.ptr, name.len);
    ret->name[name.len] = '\0';
    return DW_OK;
}

void dw__own_rule_fini(struct dw__own_rule *rule)
{
    pcre2_code_free(rule->code);
    rule->code = NULL;
}

struct dw__own_scratch *dw__own_scratch_new(void)
{
    struct dw__own_scratch *s = dw_calloc(1, sizeof *s);
    if (!s)
        return NULL;
    s->data = pcre2_match_data_create(GROUPS_MAX, NULL);
    s->limits = pcre2_match_context_create(NULL);
    s->stack = pcre2_jit_stack_create(STACK_BYTES, STACK_BYTES_MAX, NULL);
    if (!s->data || !s->limits || !s->stack) {
        dw__own_scratch_free(s);
        return NULL;
    }
    (void)pcre2_set_depth_limit(s->limits, DEPTH_MAX);
    (void)pcre2_set_heap_limit(s->limits, HEAP_KIB);
    pcre2_jit_stack_assign(s->limits, NULL, s->stack);
    return s;
}

void dw__own_scratch_free(struct dw__own_scratch *s)
{
    if (!s)
        return;
    pcre2_match_data_free(s->data);
    pcre2_match_context_free(s->limits);
    pcre2_jit_stack_free(s->stack);
    dw_free(s);
}

/* A window: matches begin in [from, last], and bytes before `end` are looked at. */
struct window {
    size_t from, last, end;
    uint32_t options, steps;
};

static int match(const struct dw__own_rule *rule, struct dw__own_scratch *s, struct dw_str line, const struct window *w)
{
    (void)pcre2_set_match_limit(s->limits, w->steps);
    (void)pcre2_set_offset_limit(s->limits, w->last);
    return pcre2_match(rule->code, (PCRE2_SPTR)line.ptr, w->end, w->from, w->options, s->data, s->limits);
}

/* What is masked of a match: the first group that took part, or all of it. */
static void take(struct dw__own_scratch *s, int groups, struct dw__own_search *search, struct dw_mask *ret)
{
    const PCRE2_SIZE *v = pcre2_get_ovector_pointer(s->data);
    size_t begin = pcre2_get_startchar(s->data), from = v[0], to = v[1];
    size_t count = groups ? (size_t)groups : GROUPS_MAX;
    for (size_t i = 1; i < count; i++) {
        if (v[2 * i] != PCRE2_UNSET) {
            from = v[2 * i];
            to = v[2 * i + 1];
            break;
        }
    }
    search->at = to > from && to > begin ? to : begin + 1;
    ret->start = (uint32_t)from;
    ret->len = to > from ? (uint32_t)(to - from) : 0;
}

enum dw__own_answer dw__own_next(const struct dw__own_rule *rule, struct dw__own_scratch *s, struct dw_str line, struct dw__own_search *search,
    struct dw_mask *ret)
{
    while (search->at < line.len) {
        bool whole = line.len - search->at <= STEP + AHEAD;
        struct window w = {.from = search->at, .last = whole ? line.len : search->at + STEP - 1, .end = whole ? line.len : search->at + STEP + AHEAD,
            .options = whole ? 0 : PCRE2_PARTIAL_HARD, .steps = STEPS_MAX};
        int rc = match(rule, s, line, &w);
        if (rc == PCRE2_ERROR_PARTIAL) { /* from this place alone, over all there is */
            search->at = pcre2_get_startchar(s->data);
            search->far += line.len - search->at;
            w = (struct window){.from = search->at, .last = search->at, .end = line.len, .steps = STEPS_MAX + 4 * (uint32_t)(line.len - search->at)};
            rc = search->far <= FAR_BYTES_MAX ? match(rule, s, line, &w) : PCRE2_ERROR_MATCHLIMIT;
        }
        if (rc == PCRE2_ERROR_NOMATCH) {
            search->at = w.last < line.len ? w.last + 1 : line.len;
            continue;
        }
        if (rc < 0)
            return DW__OWN_LIMIT;
        take(s, rc, search, ret);
        if (ret->len)
            return DW__OWN_PIECE;
    }
    return DW__OWN_END;
}
