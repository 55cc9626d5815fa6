/*
 * cli_table: rows for people (aligned), for spreadsheets (CSV, RFC 4180) and for programs (NDJSON).
 *
 * Invariant: a text that came from a log never reaches a terminal with a control or bidi character in it: a table shows them as \x1b.
 */
#include "cli_int.h"

#include "dogwatch/base/error.h"
#include "dogwatch/event/json_write.h"
#include "dogwatch/pred/fold.h"

#include <stdio.h>

enum { CELL_WIDTH_MAX = 100, FLUSH_BYTES = 1 << 20 };

/* What a terminal obeys instead of showing: C0, DEL and C1 controls, line separators, and what changes the direction of writing. */
static bool is_control(uint32_t cp)
{
    return cp < 0x20 || (cp >= 0x7f && cp < 0xa0) || cp == 0x061c || cp == 0x200e || cp == 0x200f || (cp >= 0x2028 && cp <= 0x202e)
        || (cp >= 0x2066 && cp <= 0x2069) || cp == 0xfeff;
}

void cli_shown(struct dw_buf *out, struct dw_str text)
{
    for (size_t at = 0, n; at < text.len; at += n) {
        uint32_t cp;
        n = dw_utf8_take(dw_str_slice(text, at, text.len), &cp);
        if (cp == UINT32_MAX || (cp < 0xa0 && is_control(cp)))
            dw_buf_printf(out, "\\x%02x", (unsigned)(cp == UINT32_MAX ? (uint8_t)text.ptr[at] : cp));
        else if (is_control(cp))
            dw_buf_printf(out, "\\u%04x", (unsigned)cp);
        else
            dw_buf_str(out, dw_str_slice(text, at, at + n));
    }
}

void cli_put_safe(struct dw_str text)
{
    struct dw_buf shown = {0};
    cli_shown(&shown, text);
    if (shown.err)
        (void)fprintf(stderr, "dogwatch: a text is missing: %s\n", dw_err_text(shown.err));
    else if (shown.len)
        (void)fwrite(shown.ptr, 1, shown.len, stdout);
    dw_buf_fini(&shown);
}

void cli_put_between(const char *const text[], size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (i % 2)
            cli_put_safe(dw_str_of(text[i]));
        else
            (void)fputs(text[i], stdout);
    }
}

void cli_table_cell(struct cli_table *t, struct dw_str text)
{
    if (t->output == OUTPUT_TABLE)
        cli_shown(&t->cells, text);
    for (size_t i = 0; t->output != OUTPUT_TABLE && i < text.len; i++)
        dw_buf_byte(&t->cells, text.ptr[i] ? (uint8_t)text.ptr[i] : '?');
    dw_buf_byte(&t->cells, 0);
    t->rows += t->cells.err == DW_OK; /* only what is whole is printed */
}

void cli_table_number(struct cli_table *t, uint64_t v)
{
    char text[24];
    int n = snprintf(text, sizeof text, "%llu", (unsigned long long)v);
    cli_table_cell(t, dw_str_make(text, (size_t)n));
}

void cli_table_time(struct cli_table *t, int64_t ns)
{
    struct dw_buf time = {0};
    dw_time_text(&time, ns);
    cli_table_cell(t, t->output == OUTPUT_TABLE ? dw_str_slice(dw_buf_view(&time), 0, CLI_TIME_SHOWN) : dw_buf_view(&time));
    dw_buf_fini(&time);
}

void cli_table_time_if(struct cli_table *t, int64_t ns, bool known)
{
    if (known)
        cli_table_time(t, ns);
    else
        cli_table_cell(t, DW_STR(""));
}

void cli_table_keep(struct cli_table *t, uint32_t rows, bool now)
{
    uint32_t have = t->rows / t->columns;
    if (have <= rows || (!now && have < 2 * rows))
        return;
    const char *at = t->cells.ptr;
    for (uint32_t i = 0; i < (have - rows) * t->columns; i++)
        at += strlen(at) + 1;
    size_t left = t->cells.len - (size_t)(at - t->cells.ptr);
    memmove(t->cells.ptr, at, left);
    t->cells.len = left;
    t->rows = rows * t->columns;
}

/* How much of a text is shown: no part of a character. */
static size_t shown_bytes(const char *text)
{
    size_t len = strlen(text), shown = len < CELL_WIDTH_MAX ? len : CELL_WIDTH_MAX;
    while (shown && shown < len && ((unsigned char)text[shown] & 0xc0) == 0x80)
        shown--;
    return shown;
}

static void put_plain(const char *text, size_t width, bool right)
{
    size_t shown = shown_bytes(text);
    for (size_t i = shown; right && i < width; i++)
        (void)putchar(' ');
    (void)fwrite(text, 1, shown, stdout);
    for (size_t i = shown; !right && i < width; i++)
        (void)putchar(' ');
}

static void print_table(const struct cli_table *t)
{
    size_t width[CLI_COLUMNS_MAX] = {0};
    const char *at = t->cells.ptr;
    for (uint32_t c = 0; c < t->columns; c++)
        width[c] = strlen(t->name[c]);
    for (uint32_t i = 0; i < t->rows; i++, at += strlen(at) + 1) {
        size_t len = shown_bytes(at);
        if (len > width[i % t->columns])
            width[i % t->columns] = len;
    }
    for (uint32_t c = 0; c < t->columns && !t->begun; c++) {
        put_plain(t->name[c], c + 1 < t->columns || t->number[c] ? width[c] : 0, t->number[c]);
        (void)fputs(c + 1 < t->columns ? "  " : "\n", stdout);
    }
    at = t->cells.ptr;
    for (uint32_t i = 0; i < t->rows; i++, at += strlen(at) + 1) {
        uint32_t c = i % t->columns;
        put_plain(at, c + 1 < t->columns || t->number[c] ? width[c] : 0, t->number[c]);
        (void)fputs(c + 1 < t->columns ? "  " : "\n", stdout);
    }
}

static void put_csv(const char *text)
{
    if (!strpbrk(text, "\",\r\n")) {
        (void)fputs(text, stdout);
        return;
    }
    (void)putchar('"');
    for (; *text; text++) {
        if (*text == '"')
            (void)putchar('"');
        (void)putchar(*text);
    }
    (void)putchar('"');
}

static void print_csv(const struct cli_table *t)
{
    const char *at = t->cells.ptr;
    for (uint32_t c = 0; c < t->columns && !t->begun; c++) {
        put_csv(t->name[c]);
        (void)fputs(c + 1 < t->columns ? "," : "\r\n", stdout);
    }
    for (uint32_t i = 0; i < t->rows; i++, at += strlen(at) + 1) {
        put_csv(at);
        (void)fputs(i % t->columns + 1 < t->columns ? "," : "\r\n", stdout);
    }
}

static void print_ndjson(const struct cli_table *t)
{
    const char *at = t->cells.ptr;
    struct dw_buf out = {0};
    for (uint32_t i = 0; i < t->rows; i++, at += strlen(at) + 1) {
        uint32_t c = i % t->columns;
        dw_buf_byte(&out, c ? ',' : '{');
        (void)dw_json_string(&out, dw_str_of(t->name[c]));
        dw_buf_byte(&out, ':');
        if (t->number[c] && dw_is_json_number(dw_str_of(at)))
            dw_buf_str(&out, dw_str_of(at));
        else
            (void)dw_json_string(&out, dw_str_of(at));
        if (c + 1 == t->columns)
            dw_buf_str(&out, DW_STR("}\n"));
    }
    if (out.len)
        (void)fwrite(out.ptr, 1, out.len, stdout);
    dw_buf_fini(&out);
}

void cli_table_flush(struct cli_table *t)
{
    if (t->output == OUTPUT_TABLE || t->rows % t->columns || t->cells.len < FLUSH_BYTES)
        return;
    if (t->output == OUTPUT_CSV)
        print_csv(t);
    else
        print_ndjson(t);
    dw_buf_reset(&t->cells);
    t->rows = 0;
    t->begun = true;
}

void cli_table_end(struct cli_table *t)
{
    DW_ASSERT(t->columns > 0);
    if (t->cells.err)
        (void)fprintf(stderr, "dogwatch: rows are missing: %s\n", dw_err_text(t->cells.err));
    if (t->output == OUTPUT_TABLE)
        print_table(t);
    else if (t->output == OUTPUT_CSV)
        print_csv(t);
    else
        print_ndjson(t);
    dw_buf_fini(&t->cells);
    t->rows = 0;
    t->begun = true;
}
