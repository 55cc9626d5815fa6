/*
 * cmd_templates: `dogwatch templates`: what lines say beside their values, how often each; or, with --ids, the template of every line.
 *
 * Idea: all lines are read before anything is printed, for only all of them tell which words are values (template/template.h). Of a line no more is
 * kept than a number, and that only for --ids.
 *
 * Input: lines of text; a line that is a JSON object stands for its `message`, else its `event.original`, as `dogwatch query` and `dogwatch parse`
 * print events.
 *
 * Invariants: (1) with --ids every line of input gives one line of output, in order; (2) what did not fit into a template, or into memory, is said on
 * stderr.
 */
#include "cli_int.h"

#include "dogwatch/base/counter.h"
#include "dogwatch/event/json_read.h"
#include "dogwatch/event/json_write.h"
#include "dogwatch/template/template.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { READ_BYTES = 256 * 1024, LINE_BYTES_MAX = 64 << 20, OUT_BYTES = 256 * 1024, SHARE_TEXT = 16 };

struct templates {
    const struct cli_options *o;
    struct dw_miner *miner;
    struct dw_buf numbers; /* --ids: u32 of each line */
    struct dw_buf message; /* of a JSON line */
};

/* Where in an event a text may stand. */
enum place { PLACE_NONE, PLACE_MESSAGE, PLACE_ORIGINAL };

static enum place place_of(struct dw_str outer, struct dw_str key)
{
    if (!outer.len && dw_str_eq(key, DW_STR("message")))
        return PLACE_MESSAGE;
    bool whole = !outer.len && dw_str_eq(key, DW_STR("event.original"));
    return whole || (dw_str_eq(outer, DW_STR("event")) && dw_str_eq(key, DW_STR("original"))) ? PLACE_ORIGINAL : PLACE_NONE;
}

/* The text of an event; false: the line is no JSON object, or has none. */
static bool text_of(struct templates *t, struct dw_str line, struct dw_str *ret)
{
    struct dw_json j;
    struct dw_json_token token, found = {.type = DW_JSON_END};
    struct dw_str outer = DW_STR(""), key = DW_STR("");
    enum place best = PLACE_NONE;
    dw_json_start(&j, line);
    do {
        if (dw_json_next(&j, &token) < 0)
            return false;
        if (token.type == DW_JSON_KEY) {
            key = token.text;
        } else if (token.type == DW_JSON_OBJECT && j.depth == 2) {
            outer = key;
        } else if (token.type == DW_JSON_OBJECT_END && j.depth == 1) {
            outer = DW_STR("");
        } else if ((token.type == DW_JSON_OBJECT && j.depth > 2) || token.type == DW_JSON_ARRAY) {
            if (dw_json_skip(&j) < 0)
                return false;
        } else if (token.type == DW_JSON_STRING) {
            enum place here = place_of(outer, key);
            if (here && best != PLACE_MESSAGE) {
                best = here;
                found = token;
            }
        }
    } while (token.type != DW_JSON_END);
    dw_buf_reset(&t->message);
    if (!best || !dw_json_unescape(found.text, &t->message))
        return false;
    *ret = dw_buf_view(&t->message);
    return true;
}

static int one_line(struct templates *t, struct dw_str line)
{
    uint32_t number;
    struct dw_str text = line;
    if (line.len && line.ptr[line.len - 1] == '\r')
        text.len--;
    if (text.len && text.ptr[0] == '{')
        (void)text_of(t, line, &text);
    int rc = t->message.err ? t->message.err : dw_miner_add(t->miner, text, &number);
    if (rc == DW_OK && t->o->ids) {
        dw_buf_u32(&t->numbers, number);
        rc = t->numbers.err;
    }
    return rc;
}

/* Whole lines of `in`; what is left stays. */
static int take_lines(struct templates *t, struct dw_buf *in, bool end)
{
    struct dw_str rest = dw_buf_view(in);
    int rc = DW_OK;
    while (rest.len && rc == DW_OK) {
        size_t at = dw_str_index(rest, '\n');
        if (at == rest.len && !end)
            break;
        rc = one_line(t, dw_str_slice(rest, 0, at));
        rest = dw_str_slice(rest, at + 1, rest.len);
    }
    if (rest.len)
        memmove(in->ptr, rest.ptr, rest.len);
    in->len = rest.len;
    return rc == DW_OK && in->len >= LINE_BYTES_MAX ? DW_ELIMIT : rc;
}

static int read_all(struct templates *t)
{
    struct dw_buf in = {0};
    int rc = DW_OK;
    for (ssize_t n = 1; n > 0 && rc == DW_OK;) {
        char *at = dw_buf_reserve(&in, READ_BYTES);
        n = at ? read(STDIN_FILENO, at, READ_BYTES) : -1;
        if (n < 0 && at && errno == EINTR) {
            n = 1;
            continue;
        }
        rc = !at ? DW_ENOMEM : n < 0 ? DW_EIO : DW_OK;
        in.len += n > 0 ? (size_t)n : 0;
        rc = rc < 0 ? rc : take_lines(t, &in, n == 0);
    }
    dw_buf_fini(&in);
    return rc;
}

static int write_out(struct dw_buf *out)
{
    int rc = out->err;
    if (rc == DW_OK && out->len && fwrite(out->ptr, 1, out->len, stdout) != out->len)
        rc = DW_EIO;
    dw_buf_reset(out);
    return rc;
}

static int print_ids(const struct templates *t)
{
    struct dw_buf out = {0}, text = {0};
    struct dw_cursor numbers = dw_cursor_of(dw_buf_view(&t->numbers));
    uint32_t count = dw_miner_count(t->miner);
    size_t *from = dw_calloc((size_t)count + 1, sizeof *from); /* in `text`, which has what is printed for each template */
    int rc = from ? DW_OK : DW_ENOMEM;
    for (uint32_t i = 0; i < count && rc == DW_OK; i++) {
        char id[DW_TEMPLATE_ID_TEXT];
        struct dw_mined mined = dw_miner_at(t->miner, i);
        dw_template_id(mined.text, id);
        dw_buf_printf(&text, "{\"template_id\":\"%s\",\"template\":", id);
        (void)dw_json_string(&text, mined.text);
        dw_buf_str(&text, DW_STR("}\n"));
        from[i + 1] = text.len;
        rc = text.err;
    }
    while (rc == DW_OK && dw_cursor_left(&numbers)) {
        uint32_t i = dw_miner_of(t->miner, dw_take_u32(&numbers));
        dw_buf_add(&out, text.ptr + from[i], from[i + 1] - from[i]);
        if (out.len > OUT_BYTES || out.err)
            rc = write_out(&out);
    }
    rc = rc < 0 ? rc : write_out(&out);
    dw_free(from);
    dw_buf_fini(&text);
    dw_buf_fini(&out);
    return rc;
}

/* A template by count, and by its first line. */
struct ranked {
    uint64_t count;
    uint32_t i;
};

static int by_count(const void *a, const void *b)
{
    const struct ranked *x = a, *y = b;
    return x->count != y->count ? (x->count < y->count ? 1 : -1) : x->i < y->i ? -1 : x->i > y->i;
}

static void print_row(struct cli_table *table, const struct dw_mined *mined, uint64_t lines)
{
    char id[DW_TEMPLATE_ID_TEXT], share[SHARE_TEXT];
    dw_template_id(mined->text, id);
    (void)snprintf(share, sizeof share, "%.2f", 100 * (double)mined->count / (double)lines);
    cli_table_number(table, mined->count);
    cli_table_cell(table, dw_str_of(share));
    cli_table_cell(table, dw_str_of(id));
    cli_table_cell(table, mined->text);
    cli_table_number(table, mined->first + 1);
    cli_table_cell(table, mined->example);
    cli_table_flush(table);
}

static int print_table(const struct templates *t)
{
    struct cli_table table = {.output = t->o->output,
        .name = {"count", "percent", "template_id", "template", "line", "example"},
        .number = {true, true, false, false, true, false},
        .columns = 6};
    uint32_t count = dw_miner_count(t->miner);
    uint64_t lines = 0, limit = t->o->has_limit ? t->o->limit : UINT64_MAX;
    struct ranked *ranked = dw_calloc((size_t)count + 1, sizeof *ranked);
    if (!ranked)
        return DW_ENOMEM;
    for (uint32_t i = 0; i < count; i++) {
        ranked[i] = (struct ranked){.count = dw_miner_at(t->miner, i).count, .i = i};
        lines += ranked[i].count;
    }
    qsort(ranked, count, sizeof *ranked, by_count);
    for (uint32_t i = 0; i < count && i < limit; i++) {
        struct dw_mined mined = dw_miner_at(t->miner, ranked[i].i);
        print_row(&table, &mined, lines);
    }
    dw_free(ranked);
    cli_table_end(&table);
    return DW_OK;
}

static void say_bounds(const struct dw_miner *m)
{
    uint64_t cut = dw_counter_get(DW_C_templates_cut), refused = dw_miner_refused(m);
    if (cut)
        (void)fprintf(stderr, "dogwatch templates: %llu lines are longer than a template: what is behind is one <*>\n", (unsigned long long)cut);
    if (refused)
        (void)fprintf(stderr, "dogwatch templates: %llu lines stand under the template <*>: there are more templates than memory holds\n", (unsigned long long)refused);
}

int cmd_templates(int argc, char **argv)
{
    struct cli_options o;
    int code = cli_options(argc, argv, &o);
    if (code != CLI_YES)
        return code;
    if (o.rest_count) {
        (void)fprintf(stderr, "dogwatch templates: %s: lines are read from standard input\n  dogwatch templates %s\n", o.rest[0], cli_arguments("templates"));
        return CLI_USAGE;
    }
    struct templates t = {.o = &o, .miner = dw_miner_new(NULL)};
    int rc = t.miner ? read_all(&t) : DW_ENOMEM;
    if (rc == DW_OK)
        rc = dw_miner_refine(t.miner);
    if (rc == DW_OK)
        rc = o.ids ? print_ids(&t) : print_table(&t);
    if (rc == DW_OK)
        say_bounds(t.miner);
    dw_miner_free(t.miner);
    dw_buf_fini(&t.numbers);
    dw_buf_fini(&t.message);
    return cli_failed(rc);
}
