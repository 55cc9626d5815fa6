/*
 * cmd_query: `dogwatch query 'FILTER | PIPES'`: a scan over the archive, and with --follow over what comes to it from then on.
 *
 * Idea: the reader goes on where it was when it is asked again, over the seal of a segment, too. So following is reading to the end
 * again and again, FOLLOW_MS apart, and what a round has found is printed at its end.
 *
 * Invariants:
 *   (1) Events marked as duplicates are passed over, so a line counts once.
 *   (2) Every answer says on stderr what was read and whether it is complete.
 *   (3) Who follows loses no event and gets none twice: there is one reader and one pass over the frames.
 */
#include "query_remote.h"

#include "dogwatch/base/clock.h"
#include "dogwatch/collect/answer.h"
#include "dogwatch/event/json_write.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { FLUSH_BYTES = 1 << 20, TERMINAL_MAX = 1000, FOLLOW_MS = 200 };
#define FOLLOW_LATE_NS (10 * DW_NS_PER_S) /* how long after --until a line of before it may come */

struct run {
    const struct cli_options *o;
    struct dw_keys *keys;
    struct dw_query *q;
    struct dw_answer_query pass;
    struct dw_buf out;
    struct cli_table table;
    const struct dw_query_column *column; /* NULL: the answer is events */
    uint32_t columns;
    uint64_t rows, shown, limit, bad_parts;
    bool newest; /* of more than `limit` events the last are shown */
    bool said_partial;
    const char *asks; /* what ended the reading before all was read; NULL: all was */
};

static void flush(struct run *r, size_t over)
{
    if (r->out.err)
        (void)fprintf(stderr, "dogwatch: rows are missing: %s\n", dw_err_text(r->out.err));
    if (r->out.len <= over && !r->out.err)
        return;
    r->bad_parts += r->out.err != DW_OK;
    (void)fwrite(r->out.ptr, 1, r->out.len, stdout);
    dw_buf_reset(&r->out);
}

static void print_event(struct run *r, const struct dw_event *ev)
{
    static const uint32_t columns[] = {DW_F_host_name, DW_F_container_name, DW_F_event_dataset};
    struct dw_buf time = {0};
    dw_time_text(&time, ev->time_ns);
    cli_table_cell(&r->table, dw_str_slice(dw_buf_view(&time), 0, 23));
    dw_buf_fini(&time);
    for (size_t i = 0; i < DW_COUNT_OF(columns); i++) {
        const struct dw_field *f = dw_event_find(ev, columns[i]);
        cli_table_cell(&r->table, f && dw_field_is_text(f) ? dw_field_str(f) : DW_STR(""));
    }
    cli_table_cell(&r->table, ev->line);
    cli_table_flush(&r->table);
}

static void cell(struct run *r, const struct dw_event *row, uint32_t key)
{
    char room[DW_QUERY_TEXT_MAX];
    struct dw_buf text = {0};
    for (uint32_t i = 0; i < row->field_count; i++) {
        if (row->field[i].key != key)
            continue;
        if (text.len)
            dw_buf_str(&text, DW_STR(", "));
        dw_buf_str(&text, dw_query_field_text(&row->field[i], room));
    }
    r->bad_parts += text.err != DW_OK;
    cli_table_cell(&r->table, text.err ? DW_STR("") : dw_buf_view(&text));
    dw_buf_fini(&text);
}

static void print_row(struct run *r, const struct dw_event *row)
{
    for (uint32_t i = 0; i < r->columns; i++)
        cell(r, row, r->column[i].key);
    cli_table_flush(&r->table);
}

/* `raw`: the row as NDJSON where it came so, else empty. */
static void show_row(struct run *r, struct dw_str raw, const struct dw_event *row, uint8_t mark)
{
    r->rows++;
    if (r->limit && r->shown == r->limit && !r->newest)
        return; /* --limit still counts them */
    r->shown++;
    if (r->o->output == OUTPUT_NDJSON && raw.len) {
        dw_buf_str(&r->out, raw);
        dw_buf_byte(&r->out, '\n');
    } else if (r->o->output == OUTPUT_NDJSON) {
        dw_answer_row(r->keys, r->q, row, mark, &r->out);
    } else if (r->column) {
        print_row(r, row);
    } else {
        print_event(r, row);
    }
    flush(r, FLUSH_BYTES);
    if (r->newest)
        cli_table_keep(&r->table, (uint32_t)r->limit, false);
}

static void sink(void *arg, const struct dw_event *row, uint8_t mark)
{
    show_row(arg, DW_STR(""), row, mark);
}

static void take_remote(void *arg, struct dw_str raw, const struct dw_event *row)
{
    show_row(arg, raw, row, DW_MARK_NONE);
}

static void say_unseen(void *arg, struct dw_str name, const char *near)
{
    (void)arg;
    (void)fprintf(stderr, "note: no event read here has a field '%.*s'%s%s%s\n", DW_ARG(name), near ? "; did you mean '" : "",
        near ? near : "", near ? "'?" : "");
}

static void say_text(void *arg, struct dw_str word, const char *meant)
{
    (void)arg;
    (void)fprintf(stderr, "note: '%.*s' was looked for as a text in the line; a field is asked for by %s\n", DW_ARG(word), meant);
}

/* How far the answer can be trusted. */
static void say_completeness(const struct run *r, const struct dw_archive_reader *reader)
{
    uint64_t frames = dw_archive_reader_frames(reader), gone = dw_archive_reader_gone(reader);
    const char *why = r->bad_parts ? "parts could not be read or shown" : dw_query_partial(r->q);
    (void)fprintf(stderr, "%llu of %llu events, %llu frames read: %s%s\n", (unsigned long long)r->pass.matched,
        (unsigned long long)r->pass.events, (unsigned long long)frames,
        why ? "partial, " : r->asks ? "complete as far as " : "complete", why ? why : r->asks ? r->asks : "");
    if (gone)
        (void)fprintf(stderr, "note: of this time %llu segments are not here any more; `dogwatch archive log` says why\n", (unsigned long long)gone);
}

/* Whether no further event is wanted. */
static bool has_enough(void *arg)
{
    const struct run *r = arg;
    return dw_query_done(r->q) || (r->o->follow && r->limit && !r->newest && r->rows >= r->limit);
}

/* To the end of what is there, or until no more is wanted. */
static void read_all(struct run *r, struct dw_archive_reader *reader)
{
    struct dw_archived a;
    for (int err; !has_enough(r) && (err = dw_archive_reader_next(reader, &a)) != DW_EAGAIN;) {
        if (err < 0) {
            (void)fprintf(stderr, "dogwatch: %s: %s\n", dw_archive_reader_where(reader), dw_err_text(err));
            r->bad_parts++;
            if (err == DW_ENOMEM)
                break;
            continue;
        }
        dw_answer_take(&r->pass, reader, &a);
    }
}

/* Prints what was found so far. */
static void show(struct run *r)
{
    if (r->newest)
        cli_table_keep(&r->table, (uint32_t)r->limit, true);
    if (r->o->output != OUTPUT_NDJSON && (r->table.rows || !r->o->follow))
        cli_table_end(&r->table);
    flush(r, 0);
    (void)fflush(stdout);
    uint64_t shown = r->newest && r->shown > r->limit ? r->limit : r->shown;
    if (r->rows > shown)
        (void)fprintf(stderr, "%llu %s; --limit N or | head N\n", (unsigned long long)(r->rows - shown), r->newest ? "older ones" : "more");
}

/* Prints what is there, then what comes, until no more is wanted or nobody takes it. */
static void follow(struct run *r, struct dw_archive_reader *reader)
{
    (void)fprintf(stderr, "%llu of %llu events so far; following\n", (unsigned long long)r->pass.matched, (unsigned long long)r->pass.events);
    if (r->pass.events)
        dw_query_unseen(r->q, say_unseen, NULL);
    for (;;) {
        show(r);
        if (r->newest) { /* --limit counts from the start, the terminal's bound only what was there */
            r->newest = false;
            r->limit = 0;
            r->rows = r->shown;
        }
        if (dw_query_partial(r->q) && !r->said_partial)
            (void)fprintf(stderr, "note: from here on rows may be missing: %s\n", dw_query_partial(r->q));
        r->said_partial = dw_query_partial(r->q) != NULL;
        bool over = r->o->until_ns < INT64_MAX - FOLLOW_LATE_NS && dw_clock_real(&dw_clock_system) > r->o->until_ns + FOLLOW_LATE_NS;
        if (has_enough(r) || ferror(stdout) || over)
            return;
        (void)poll(NULL, 0, FOLLOW_MS);
        read_all(r, reader);
    }
}

static int scan(struct run *r)
{
    struct dw_archive_reader *reader;
    int rc = cli_open_archive(r->o, r->keys, &reader);
    if (rc != CLI_YES)
        return rc;
    r->pass = (struct dw_answer_query){.q = r->q, .since_ns = r->o->since_ns, .until_ns = r->o->until_ns, .enough = has_enough, .arg = r};
    dw_answer_begin(&r->pass, reader);
    read_all(r, reader);
    if (r->o->follow)
        follow(r, reader);
    r->asks = dw_query_done(r->q) ? "head asks" : has_enough(r) ? "--limit asks" : NULL;
    dw_query_end(r->q); /* while the reader lives: rows may point into its last frame */
    say_completeness(r, reader);
    dw_archive_reader_close(reader);
    if (!r->o->follow)
        dw_query_unseen(r->q, say_unseen, NULL);
    if (r->pass.matched == 0)
        dw_query_texts(r->q, say_text, NULL);
    return r->bad_parts || dw_query_partial(r->q) ? CLI_NO : CLI_YES;
}

static void set_columns(struct run *r)
{
    static const char *const usual[] = {"time", "host", "container", "dataset", "line"};
    r->column = dw_query_columns(r->q, &r->columns);
    r->table.output = r->o->output;
    r->table.columns = r->column ? r->columns : DW_COUNT_OF(usual);
    if (!r->column)
        memcpy(r->table.name, usual, sizeof usual);
    for (uint32_t i = 0; r->column && i < r->columns; i++) {
        r->table.name[i] = dw_keys_name(r->keys, r->column[i].key).ptr; /* ended by a zero byte */
        r->table.number[i] = r->column[i].number;
    }
}

static int run_query(struct run *r, const char *text)
{
    struct dw_diags diags;
    struct dw_buf said = {0};
    dw_diags_init(&diags, DW_STR("query"), dw_str_of(text));
    int err = dw_query_compile(dw_str_of(text), r->keys, &diags, &r->q);
    if (err == DW_OK && r->o->follow)
        err = dw_query_followable(r->q, &diags);
    if (err < 0) {
        dw_diags_print(&diags, &said);
        (void)fwrite(said.ptr, 1, said.len, stderr);
        dw_buf_fini(&said);
        return err == DW_ESYNTAX ? CLI_USAGE : CLI_CANNOT;
    }
    set_columns(r);
    const char *tmp = getenv("TMPDIR"); /* NOLINT(concurrency-mt-unsafe): one thread */
    dw_query_start(r->q, &(struct dw_query_setup){.sink = {sink, r}, .memory_bytes = r->o->memory_bytes, .fs = &dw_fs_system,
                             .tmp_dir = tmp && *tmp ? tmp : "/var/tmp"});
    bool terminal = r->o->output == OUTPUT_TABLE && isatty(STDOUT_FILENO) && !r->column && !dw_query_bounded(r->q);
    r->limit = r->column ? 0 : r->o->has_limit ? r->o->limit : terminal ? TERMINAL_MAX : 0;
    r->newest = r->limit && terminal && !r->o->has_limit;
    int rc = r->o->server[0] ? query_remote(&(struct query_remote){.o = r->o, .keys = r->keys, .text = text, .limit = r->newest ? 0 : r->limit, .row = take_remote, .arg = r})
                             : scan(r);
    if (rc == CLI_CANNOT || rc == CLI_USAGE)
        return rc;
    show(r);
    return rc;
}

int cmd_query(int argc, char **argv)
{
    struct cli_options o;
    int rc = cli_options(argc, argv, &o);
    if (rc == CLI_YES && o.follow)
        rc = cli_read_data(&o, "--follow");
    if (rc != CLI_YES)
        return rc;
    if (o.rest_count != 1) {
        (void)fprintf(stderr, "usage: dogwatch query %s\n  dogwatch query '*'\n"
                              "  dogwatch query 'source.ip:203.0.113.0/24 and not http.response.status_code:200 | stats count by url.path | head 10'\n",
            cli_arguments("query"));
        return CLI_USAGE;
    }
    struct run r = {.o = &o, .keys = dw_keys_new()};
    rc = r.keys ? run_query(&r, o.rest[0]) : CLI_CANNOT;
    dw_query_free(r.q);
    dw_keys_free(r.keys);
    dw_buf_fini(&r.out);
    dw_buf_fini(&r.table.cells);
    return rc;
}
