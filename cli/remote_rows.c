/*
 * remote_rows: NDJSON of the HTTP API, row by row.
 *
 * Invariant: an answer without its last line is partial, and is said to be.
 */
#include "remote_rows.h"

#include "dogwatch/event/flatten.h"
#include "dogwatch/event/timestamp.h"

#include <inttypes.h>
#include <stdio.h>

struct taking {
    struct remote_rows *r;
    struct dw_arena pool;
    bool bad;
    struct dw_field field[DW_EVENT_FIELDS_MAX];
};

/* The line's members as an event; false: it is no object. */
static bool read_row(struct taking *t, struct dw_str line, struct dw_event *ret)
{
    static const struct dw_stream none;
    struct dw_flatten how = {.own = true};
    struct dw_keys *keys = t->r->keys;
    struct dw_draft d = {.keys = keys, .pool = &t->pool, .field = t->field};
    dw_keys_make_room(keys, DW_EVENT_FIELDS_MAX);
    dw_arena_reset(&t->pool);
    dw_draft_reset(&d, line);
    if (dw_flatten_json(&d, line, &how) < 0)
        return false;
    *ret = (struct dw_event){.line = DW_STR(""), .field = t->field, .field_count = d.field_count, .stream = &none};
    ret->time_ns = remote_time(keys, ret, "@timestamp", 0);
    struct dw_str original = remote_text(keys, ret, "event.original");
    if (original.ptr)
        ret->line = original;
    return true;
}

struct dw_str remote_text(const struct dw_keys *keys, const struct dw_event *row, const char *name)
{
    uint32_t key;
    const struct dw_field *f = dw_keys_find(keys, dw_str_of(name), &key) == DW_OK ? dw_event_find(row, key) : NULL;
    return f && dw_field_is_text(f) ? dw_field_str(f) : DW_STR_NONE;
}

uint64_t remote_number(const struct dw_keys *keys, const struct dw_event *row, const char *name)
{
    uint64_t v;
    return dw_str_u64(remote_text(keys, row, name), &v) ? v : 0;
}

int64_t remote_time(const struct dw_keys *keys, const struct dw_event *row, const char *name, int64_t none)
{
    static const struct dw_time_ref utc;
    struct dw_str text = remote_text(keys, row, name);
    int64_t ns;
    return text.len && dw_time_parse(text, &utc, &ns) == DW_OK ? ns : none;
}

static void say_notes(const struct dw_keys *keys, const struct dw_event *answer)
{
    uint32_t notes;
    for (uint32_t i = 0; dw_keys_find(keys, DW_STR("answer.notes"), &notes) == DW_OK && i < answer->field_count; i++) {
        const struct dw_field *f = &answer->field[i];
        struct dw_buf shown = {0};
        if (f->key != notes || !dw_field_is_text(f))
            continue;
        cli_shown(&shown, dw_field_str(f));
        (void)fprintf(stderr, "note: %.*s\n", DW_ARG(dw_buf_view(&shown)));
        dw_buf_fini(&shown);
    }
}

static void take_end(struct taking *t, struct dw_str line)
{
    struct remote_rows *r = t->r;
    struct dw_event ev;
    if (!read_row(t, line, &ev)) {
        t->bad = true;
        return;
    }
    struct dw_str why = remote_text(r->keys, &ev, "answer.why");
    r->ended = true;
    r->complete = why.ptr == NULL || r->older_wanted;
    if (r->end)
        r->end(r->arg, &ev);
    else if (!r->complete)
        (void)fprintf(stderr, "partial: %.*s\n", DW_ARG(why));
    say_notes(r->keys, &ev);
}

static void take_line(void *arg, struct dw_str line)
{
    struct taking *t = arg;
    struct dw_event ev;
    if (!t->r->one && dw_str_starts(line, DW_STR("{\"answer\":{\"complete\":"))) {
        take_end(t, line);
    } else if (line.len && read_row(t, line, &ev)) {
        t->r->rows++;
        t->r->row(t->r->arg, line, &ev);
    } else {
        t->bad |= line.len > 0;
    }
}

int remote_rows(struct remote_rows *r)
{
    struct taking *t = dw_calloc(1, sizeof *t);
    if (!t)
        return CLI_CANNOT;
    t->r = r;
    dw_arena_init(&t->pool, 0);
    struct remote_ask ask = {.server = r->o->server, .method = r->method, .target = r->target, .body = r->body, .line = take_line, .arg = t};
    int rc = remote_send(&ask);
    if (r->one)
        r->ended = r->complete = r->rows == 1;
    if (rc == CLI_YES && !r->ended)
        (void)fprintf(stderr, "dogwatch: the answer of %s is cut off after %" PRIu64 " rows\n", r->o->server, r->rows);
    if (rc == CLI_YES && t->bad)
        (void)fprintf(stderr, "dogwatch: a line of %s's answer is no object\n", r->o->server);
    r->ended &= !t->bad;
    dw_arena_fini(&t->pool);
    dw_free(t);
    return rc == CLI_YES && !(r->ended && r->complete) ? CLI_NO : rc;
}

struct filling {
    struct dw_keys *keys;
    struct cli_table *table;
};

static void fill_row(void *arg, struct dw_str raw, const struct dw_event *row)
{
    struct filling *f = arg;
    struct cli_table *t = f->table;
    (void)raw;
    for (uint32_t i = 0; i < t->columns; i++) {
        struct dw_str text = remote_text(f->keys, row, t->name[i]);
        cli_table_cell(t, t->time[i] && t->output == OUTPUT_TABLE ? dw_str_slice(text, 0, CLI_TIME_SHOWN) : text);
    }
}

int remote_table(const struct cli_options *o, const char *target, struct cli_table *t)
{
    struct filling f = {.keys = dw_keys_new(), .table = t};
    struct remote_rows r = {.o = o, .keys = f.keys, .method = "GET", .target = target, .row = fill_row, .arg = &f};
    int rc = f.keys ? remote_rows(&r) : CLI_CANNOT;
    dw_keys_free(f.keys);
    if (rc == CLI_YES || rc == CLI_NO)
        cli_table_end(t);
    else
        dw_buf_fini(&t->cells);
    return rc;
}
