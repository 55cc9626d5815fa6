/*
 * cmd_query: `dogwatch query 'FILTER | PIPES'`: a scan over the archive.
 *
 * Invariants:
 *   (1) Events marked as duplicates are passed over, so a line counts once.
 *   (2) Every answer says on stderr what was read and whether it is complete.
 */
#include "cli_int.h"

#include "dogwatch/collect/query.h"
#include "dogwatch/event/json_write.h"

#include <stdio.h>
#include <unistd.h>

enum { FLUSH_BYTES = 1 << 20, TERMINAL_MAX = 1000 };

struct run {
    const struct cli_options *o;
    struct dw_keys *keys;
    struct dw_query *q;
    struct dw_buf out;
    struct cli_table table;
    char name[CLI_COLUMNS_MAX][256]; /* of the table's columns */
    uint64_t matched, shown, events, limit, bad_parts;
    bool partial, done, newest; /* newest: of more than `limit` the last are shown */
};

static void print_event(struct run *r, const struct dw_event *ev, uint8_t mark)
{
    if (r->o->output == OUTPUT_NDJSON) {
        struct dw_event_extra extra = {.mark = mark == DW_MARK_CONFLICT ? "conflict" : NULL};
        dw_event_json(r->keys, ev, &extra, &r->out);
        dw_buf_byte(&r->out, '\n');
        if (r->out.len > FLUSH_BYTES) {
            (void)fwrite(r->out.ptr, 1, r->out.len, stdout);
            dw_buf_reset(&r->out);
        }
        return;
    }
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
}

static void take(struct run *r, const struct dw_event *ev, uint8_t mark)
{
    if (ev->time_ns < r->o->since_ns || ev->time_ns > r->o->until_ns || mark == DW_MARK_DUPLICATE)
        return;
    r->events++;
    if (!dw_query_match(r->q, ev))
        return;
    r->matched++;
    if (dw_query_is_stats(r->q)) {
        r->partial |= dw_query_count(r->q, ev) < 0;
        return;
    }
    if (r->limit && r->shown == r->limit && !r->newest) {
        r->done = dw_query_head(r->q) > 0; /* head asks for no more; --limit still counts them */
        return;
    }
    r->shown++;
    print_event(r, ev, mark);
    if (r->newest)
        cli_table_keep(&r->table, (uint32_t)r->limit, false);
}

static void say_unseen(void *arg, struct dw_str name, const char *near)
{
    (void)arg;
    (void)fprintf(stderr, "note: no event read here has a field '%.*s'%s%s%s\n", DW_ARG(name), near ? "; did you mean '" : "",
        near ? near : "", near ? "'?" : "");
}

/* How far the answer can be trusted. */
static const char *completeness(const struct run *r)
{
    if (r->bad_parts)
        return "partial, parts could not be read";
    if (dw_query_failed(r->q))
        return "partial, memory is short";
    if (r->partial)
        return "partial, too many groups";
    return r->done ? "complete as far as head asks" : "complete";
}

static int scan(struct run *r)
{
    struct dw_archive_reader *reader;
    struct dw_archived a;
    int rc = cli_open_archive(r->o, r->keys, &reader);
    if (rc != CLI_YES)
        return rc;
    dw_archive_reader_range(reader, r->o->since_ns, r->o->until_ns);
    for (int err; !r->done && (err = dw_archive_reader_next(reader, &a)) != DW_EAGAIN;) {
        if (err < 0) {
            (void)fprintf(stderr, "dogwatch: %s: %s\n", dw_archive_reader_where(reader), dw_err_text(err));
            r->bad_parts++;
            if (err == DW_ENOMEM)
                break;
            continue;
        }
        for (uint32_t i = 0; i < a.frame.event_count && !r->done; i++)
            take(r, &a.frame.event[i], a.mark ? a.mark[i] : DW_MARK_NONE);
    }
    (void)fprintf(stderr, "%llu of %llu events, %llu frames read: %s\n", (unsigned long long)r->matched,
        (unsigned long long)r->events, (unsigned long long)dw_archive_reader_frames(reader), completeness(r));
    dw_archive_reader_close(reader);
    dw_query_unseen(r->q, say_unseen, NULL);
    return r->bad_parts || r->partial || dw_query_failed(r->q) ? CLI_NO : CLI_YES;
}

static void stats_row(void *arg, const struct dw_query_row *row)
{
    struct run *r = arg;
    for (uint32_t i = 0; i < row->by_count; i++)
        cli_table_cell(&r->table, row->by[i]);
    cli_table_number(&r->table, row->count);
}

static void set_columns(struct run *r)
{
    static const char *const usual[] = {"time", "host", "container", "dataset", "line"};
    uint32_t by_count;
    const struct dw_str *by = dw_query_by(r->q, &by_count);
    r->table.output = r->o->output;
    if (!dw_query_is_stats(r->q)) {
        r->table.columns = DW_COUNT_OF(usual);
        memcpy(r->table.name, usual, sizeof usual);
        return;
    }
    r->table.columns = by_count + 1;
    for (uint32_t i = 0; i < by_count; i++) {
        (void)snprintf(r->name[i], sizeof r->name[i], "%.*s", DW_ARG(by[i]));
        r->table.name[i] = r->name[i];
    }
    r->table.name[by_count] = "count";
    r->table.number[by_count] = true;
}

static int run_query(struct run *r, const char *text)
{
    struct dw_diags diags;
    struct dw_buf said = {0};
    dw_diags_init(&diags, DW_STR("query"), dw_str_of(text));
    int err = dw_query_compile(dw_str_of(text), r->keys, &diags, &r->q);
    if (err < 0) {
        dw_diags_print(&diags, &said);
        (void)fwrite(said.ptr, 1, said.len, stderr);
        dw_buf_fini(&said);
        return err == DW_ESYNTAX ? CLI_USAGE : CLI_CANNOT;
    }
    set_columns(r);
    bool terminal = r->o->output == OUTPUT_TABLE && isatty(STDOUT_FILENO);
    r->limit = dw_query_head(r->q) ? dw_query_head(r->q) : r->o->has_limit ? r->o->limit : terminal ? TERMINAL_MAX : 0;
    r->newest = r->limit && terminal && !r->o->has_limit && !dw_query_head(r->q);
    int rc = scan(r);
    if (rc == CLI_CANNOT)
        return rc;
    if (r->newest)
        cli_table_keep(&r->table, (uint32_t)r->limit, true);
    if (dw_query_is_stats(r->q))
        dw_query_rows(r->q, stats_row, r);
    if (r->o->output != OUTPUT_NDJSON || dw_query_is_stats(r->q))
        cli_table_end(&r->table);
    if (r->out.len)
        (void)fwrite(r->out.ptr, 1, r->out.len, stdout);
    uint64_t shown = r->newest && r->shown > r->limit ? r->limit : r->shown;
    if (!dw_query_is_stats(r->q) && !dw_query_head(r->q) && r->matched > shown)
        (void)fprintf(stderr, "%llu %s; --limit N or | head N\n", (unsigned long long)(r->matched - shown), r->newest ? "older ones" : "more");
    return rc;
}

int cmd_query(int argc, char **argv)
{
    struct cli_options o;
    int rc = cli_options(argc, argv, &o);
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
