/*
 * remote_rows: NDJSON of the HTTP API, row by row.
 *
 * Invariants:
 *   (1) An answer without its last line, or with a line that is none, is no answer, and that is said.
 *   (2) No member is lost on the way: a row that has more than an event can have ends it.
 */
#include "remote_rows.h"

#include "dogwatch/event/flatten.h"
#include "dogwatch/event/timestamp.h"

#include <inttypes.h>
#include <stdio.h>

enum { VALUE_MAX = 64 << 20 }; /* a line of an answer is no longer */

struct taking {
    struct remote_rows *r;
    struct dw_arena pool;
    uint32_t count;
    bool over; /* a member did not fit */
    struct dw_field field[REMOTE_FIELDS_MAX];
};

/* Takes every member as it is called: what only we may set in a log's own JSON is ours here. */
static bool take_member(void *arg, struct dw_draft *d, struct dw_str name, const struct dw_field *v)
{
    struct taking *t = arg;
    uint32_t key;
    bool room = t->count < REMOTE_FIELDS_MAX && dw_keys_intern_passing(d->keys, name, &key) == DW_OK;
    if (room) {
        t->field[t->count] = *v;
        t->field[t->count++].key = key;
    }
    t->over |= !room;
    return true;
}

/* The line's members as an event; false: it is no object, or not all of it can be had. */
static bool read_row(struct taking *t, struct dw_str line, struct dw_event *ret)
{
    static const struct dw_stream none;
    struct dw_flatten how = {.hook = take_member, .arg = t, .value_max = VALUE_MAX};
    struct dw_keys *keys = t->r->keys;
    struct dw_draft d = {.keys = keys, .pool = &t->pool};
    for (size_t i = 0; i < line.len; i++)
        if ((unsigned char)line.ptr[i] < ' ')
            return false; /* JSON has none within texts, and a terminal would obey it */
    dw_keys_make_room(keys, REMOTE_FIELDS_MAX);
    dw_arena_reset(&t->pool);
    dw_draft_reset(&d, line);
    t->count = 0;
    t->over = false;
    if (dw_flatten_json(&d, line, &how) < 0 || t->over || d.dropped)
        return false;
    *ret = (struct dw_event){.line = DW_STR(""), .field = t->field, .field_count = t->count, .stream = &none};
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

bool remote_is_true(const struct dw_keys *keys, const struct dw_event *row, const char *name)
{
    uint32_t key;
    const struct dw_field *f = dw_keys_find(keys, dw_str_of(name), &key) == DW_OK ? dw_event_find(row, key) : NULL;
    return f && f->kind == DW_K_BOOL && f->v.i;
}

static void say_notes(const struct dw_keys *keys, const struct dw_event *answer)
{
    uint32_t notes;
    for (uint32_t i = 0; dw_keys_find(keys, DW_STR("answer.notes"), &notes) == DW_OK && i < answer->field_count; i++)
        if (answer->field[i].key == notes && dw_field_is_text(&answer->field[i]))
            remote_say("note: ", dw_field_str(&answer->field[i]));
}

static bool take_end(struct taking *t, struct dw_str line)
{
    struct remote_rows *r = t->r;
    struct dw_event ev;
    if (!read_row(t, line, &ev))
        return false;
    struct dw_str why = remote_text(r->keys, &ev, "answer.why");
    r->ended = true;
    r->complete = remote_is_true(r->keys, &ev, "answer.complete") || (r->asked && remote_is_true(r->keys, &ev, "answer.limited"));
    if (r->end)
        r->end(r->arg, &ev);
    if (!r->complete)
        remote_say("partial: ", why.ptr ? why : DW_STR("it does not say why"));
    if (!r->complete && !r->o->names_server)
        (void)fprintf(stderr, "  --data %s reads all of it, without the collector and its limits\n", r->o->server + strlen("unix:"));
    say_notes(r->keys, &ev);
    return true;
}

static bool take_line(void *arg, struct dw_str line)
{
    struct taking *t = arg;
    struct remote_rows *r = t->r;
    struct dw_event ev;
    if (r->ended)
        return false; /* nothing may follow */
    if (!r->one && dw_str_starts(line, DW_STR("{\"answer\":{\"complete\":")))
        return take_end(t, line);
    if (!read_row(t, line, &ev) || (r->rows_max && r->rows == r->rows_max))
        return false;
    r->rows++;
    r->ended = r->complete = r->one;
    return r->row(r->arg, line, &ev);
}

int remote_rows(struct remote_rows *r)
{
    struct taking *t = dw_calloc(1, sizeof *t);
    if (!t)
        return cli_failed(DW_ENOMEM);
    t->r = r;
    dw_arena_init(&t->pool, 0);
    struct remote_ask ask = {.o = r->o, .method = r->method, .target = r->target, .body = r->body, .of_one = r->of_one, .line = take_line, .arg = t};
    int rc = remote_send(&ask);
    if (rc == CLI_YES && !r->ended)
        (void)fprintf(stderr, "dogwatch: the answer of %s is cut off after %" PRIu64 " rows\n", r->o->server, r->rows);
    dw_arena_fini(&t->pool);
    dw_free(t);
    if (rc == CLI_YES && !r->ended)
        return CLI_CANNOT;
    return rc == CLI_YES && !r->complete ? CLI_NO : rc;
}

struct filling {
    struct dw_keys *keys;
    struct cli_table *table;
};

static bool fill_row(void *arg, struct dw_str raw, const struct dw_event *row)
{
    struct filling *f = arg;
    struct cli_table *t = f->table;
    (void)raw;
    for (uint32_t i = 0; i < t->columns; i++) {
        struct dw_str text = remote_text(f->keys, row, t->name[i]);
        cli_table_cell(t, t->time[i] && t->output == OUTPUT_TABLE ? dw_str_slice(text, 0, CLI_TIME_SHOWN) : text);
    }
    return true;
}

int remote_table(const struct cli_options *o, const char *target, struct cli_table *t)
{
    struct filling f = {.keys = dw_keys_new(), .table = t};
    struct remote_rows r = {.o = o, .keys = f.keys, .method = "GET", .target = target, .row = fill_row, .arg = &f};
    int rc = f.keys ? remote_rows(&r) : cli_failed(DW_ENOMEM);
    dw_keys_free(f.keys);
    if (rc == CLI_YES || rc == CLI_NO)
        cli_table_end(t);
    else
        dw_buf_fini(&t->cells);
    return rc;
}
