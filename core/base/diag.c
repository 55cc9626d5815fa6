/*
 * diag: complaints about one source text, and how they are shown.
 *
 * Invariants:
 *   (1) count <= DW_DIAGS_MAX; what does not fit, or made room, moves `dropped`.
 *   (2) Printing reads only path and text, both borrowed; a span outside the text prints without a picture.
 */
#include "dogwatch/base/diag.h"

#include <stdio.h>

void dw_diags_init(struct dw_diags *d, struct dw_str path, struct dw_str text)
{
    d->path = path;
    d->text = text;
    d->count = d->dropped = d->errors = d->warnings = d->notes = 0;
}

const char *dw_severity_text(enum dw_severity s)
{
    static const char *const text[] = {[DW_SEVERITY_ERROR] = "error", [DW_SEVERITY_WARNING] = "warning", [DW_SEVERITY_NOTE] = "note"};
    return text[s];
}

/* Where the next one goes: behind the others, or in place of the last that weighs less than an error. */
static struct dw_diag *room_for(struct dw_diags *d, enum dw_severity severity)
{
    if (d->count < DW_DIAGS_MAX)
        return &d->item[d->count++];
    d->dropped++;
    for (uint32_t i = d->count; i-- > 0 && severity == DW_SEVERITY_ERROR;)
        if (d->item[i].severity != DW_SEVERITY_ERROR)
            return &d->item[i];
    return NULL;
}

void dw_diag_vadd(struct dw_diags *d, const struct dw_diag *say, const char *help, const char *fmt, va_list args)
{
    d->errors += say->severity == DW_SEVERITY_ERROR;
    d->warnings += say->severity == DW_SEVERITY_WARNING;
    d->notes += say->severity == DW_SEVERITY_NOTE;
    struct dw_diag *item = room_for(d, say->severity);
    if (!item)
        return;
    item->at = say->at;
    item->severity = say->severity;
    item->code = say->code;
    (void)vsnprintf(item->msg, sizeof item->msg, fmt, args);
    (void)snprintf(item->help, sizeof item->help, "%s", help ? help : "");
}

void dw_diag_add(struct dw_diags *d, struct dw_span at, const char *help, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    dw_diag_vadd(d, &(struct dw_diag){.at = at, .severity = DW_SEVERITY_ERROR}, help, fmt, args);
    va_end(args);
}

void dw_diag_warn(struct dw_diags *d, struct dw_span at, const char *help, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    dw_diag_vadd(d, &(struct dw_diag){.at = at, .severity = DW_SEVERITY_WARNING}, help, fmt, args);
    va_end(args);
}

static bool is_before(struct dw_span a, struct dw_span b)
{
    return a.line != b.line ? a.line < b.line : a.col < b.col;
}

void dw_diags_sort(struct dw_diags *d)
{
    for (uint32_t i = 1; i < d->count; i++) {
        struct dw_diag one = d->item[i];
        uint32_t to = i;
        for (; to > 0 && is_before(one.at, d->item[to - 1].at); to--)
            d->item[to] = d->item[to - 1];
        d->item[to] = one;
    }
}

struct dw_span dw_span_at(struct dw_str text, size_t offset, size_t len)
{
    struct dw_span at = {.line = 1, .col = 1, .len = (uint32_t)len};
    if (offset > text.len)
        offset = text.len;
    for (size_t i = 0; i < offset; i++) {
        at.col++;
        if (text.ptr[i] == '\n') {
            at.line++;
            at.col = 1;
        }
    }
    return at;
}

static bool source_line(struct dw_str text, uint32_t number, struct dw_str *ret)
{
    for (uint32_t i = 1; text.ptr; i++) {
        struct dw_str line = dw_str_cut(&text, '\n');
        if (i == number) {
            *ret = line;
            return true;
        }
    }
    return false;
}

static void print_picture(const struct dw_diags *d, struct dw_span at, struct dw_buf *out)
{
    enum { WIDTH = 160 };
    struct dw_str line;
    if (at.line == 0 || !source_line(d->text, at.line, &line))
        return;
    size_t from = at.col > 120 ? at.col - 60 : 0;
    line = dw_str_slice(line, from, from + WIDTH);
    dw_buf_printf(out, "%5u | ", at.line);
    for (size_t i = 0; i < line.len; i++) {
        unsigned char c = (unsigned char)line.ptr[i];
        dw_buf_byte(out, c < 0x20 || c == 0x7f ? (c == '\t' ? ' ' : '?') : c);
    }
    dw_buf_printf(out, "\n      | ");
    size_t caret = at.col > from ? at.col - from - 1 : 0;
    for (size_t i = 0; i < caret && i < WIDTH; i++)
        dw_buf_byte(out, ' ');
    size_t marks = at.len ? at.len : 1;
    size_t room = line.len > caret ? line.len - caret : 1;
    for (size_t i = 0; i < marks && i < room; i++)
        dw_buf_byte(out, '^');
    dw_buf_byte(out, '\n');
}

void dw_diags_print(const struct dw_diags *d, struct dw_buf *out)
{
    for (uint32_t i = 0; i < d->count; i++) {
        const struct dw_diag *item = &d->item[i];
        dw_buf_str(out, d->path);
        if (item->at.line)
            dw_buf_printf(out, ":%u:%u", item->at.line, item->at.col);
        dw_buf_printf(out, ": %s: %s", dw_severity_text(item->severity), item->msg);
        if (item->code)
            dw_buf_printf(out, " [%s]", item->code);
        dw_buf_byte(out, '\n');
        print_picture(d, item->at, out);
        if (item->help[0])
            dw_buf_printf(out, "      = help: %s\n", item->help);
    }
    if (d->dropped)
        dw_buf_printf(out, "%.*s: %u more not shown\n", DW_ARG(d->path), d->dropped);
}

static void json_string(struct dw_buf *out, struct dw_str s)
{
    dw_buf_byte(out, '"');
    for (size_t i = 0; i < s.len; i++) {
        unsigned char c = (unsigned char)s.ptr[i];
        if (c == '"' || c == '\\')
            dw_buf_printf(out, "\\%c", c);
        else if (c < 0x20)
            dw_buf_printf(out, "\\u%04x", c);
        else
            dw_buf_byte(out, c);
    }
    dw_buf_byte(out, '"');
}

void dw_diags_json(const struct dw_diags *d, struct dw_buf *out)
{
    for (uint32_t i = 0; i < d->count; i++) {
        const struct dw_diag *item = &d->item[i];
        dw_buf_printf(out, "{\"file\":");
        json_string(out, d->path);
        dw_buf_printf(out, ",\"line\":%u,\"col\":%u,\"len\":%u,\"severity\":\"%s\"", item->at.line,
            item->at.col, item->at.len, dw_severity_text(item->severity));
        if (item->code)
            dw_buf_printf(out, ",\"code\":\"%s\"", item->code);
        dw_buf_str(out, DW_STR(",\"message\":"));
        json_string(out, dw_str_of(item->msg));
        dw_buf_printf(out, ",\"help\":");
        json_string(out, dw_str_of(item->help));
        dw_buf_printf(out, "}\n");
    }
    if (!d->dropped)
        return;
    dw_buf_str(out, DW_STR("{\"file\":"));
    json_string(out, d->path);
    dw_buf_printf(out, ",\"not_shown\":%u}\n", d->dropped);
}

const char *dw_nearest(struct dw_str word, const char *const *names, size_t count)
{
    unsigned limit = word.len <= 4 ? 1 : 2;
    const char *best = NULL;
    for (size_t i = 0; i < count; i++) {
        unsigned distance = dw_str_distance(word, dw_str_of(names[i]), limit);
        if (distance <= limit) {
            best = names[i];
            if (distance == 0)
                break;
            limit = distance - 1;
        }
    }
    return best;
}
