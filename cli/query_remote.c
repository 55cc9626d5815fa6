/*
 * query_remote: rows of /api/v1/query as the events they were, so that they are printed by the code that prints those of an archive.
 *
 * Invariant: an answer without its last line is partial, and is said to be.
 */
#include "query_remote.h"

#include "remote.h"

#include "dogwatch/event/flatten.h"
#include "dogwatch/event/json_write.h"
#include "dogwatch/event/timestamp.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

struct taking {
    const struct query_remote *q;
    struct dw_arena pool;
    bool ended, complete, failed;
    uint64_t rows;
    struct dw_field field[DW_EVENT_FIELDS_MAX];
};

/* The line's members as an event; NULL when it is no object. */
static const struct dw_event *read_event(struct taking *t, struct dw_str line, struct dw_event *ev)
{
    struct dw_flatten how = {0};
    struct dw_draft d = {.keys = t->q->keys, .pool = &t->pool, .field = t->field};
    dw_keys_make_room(t->q->keys, DW_EVENT_FIELDS_MAX);
    dw_arena_reset(&t->pool);
    dw_draft_reset(&d, line);
    if (dw_flatten_json(&d, line, &how) < 0)
        return NULL;
    *ev = (struct dw_event){.line = DW_STR(""), .field = t->field, .field_count = d.field_count};
    return ev;
}

/* Numbers that pipes have made are shown with 15 digits, and as JSON with as many as tell them from others: a text that is such a number
 * is one again. What a log wrote itself so, to the 16th digit, is shown with 15 too. */
static void make_floats(struct taking *t, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        struct dw_field *f = &t->field[i];
        struct dw_str text = dw_field_is_text(f) ? dw_field_str(f) : DW_STR("");
        struct dw_buf again = {0};
        char copy[40];
        if (f->kind != DW_K_NUMBER || text.len >= sizeof copy || dw_str_index(text, '.') == text.len)
            continue;
        memcpy(copy, text.ptr, text.len);
        copy[text.len] = '\0';
        double v = strtod(copy, NULL);
        dw_json_float(&again, v);
        if (dw_str_eq(dw_buf_view(&again), text))
            *f = (struct dw_field){.v.f = v, .tag = f->tag, .kind = DW_K_FLOAT};
        dw_buf_fini(&again);
    }
}

static void take_row(struct taking *t, struct dw_str line)
{
    struct dw_event ev;
    static const struct dw_stream none;
    static const struct dw_time_ref utc;
    if (!read_event(t, line, &ev)) {
        t->failed = true;
        return;
    }
    make_floats(t, ev.field_count);
    ev.stream = &none;
    const struct dw_field *time = dw_event_find(&ev, DW_F_timestamp), *original = dw_event_find(&ev, DW_F_event_original);
    if (time && dw_field_is_text(time) && dw_time_parse(dw_field_str(time), &utc, &ev.time_ns) < 0)
        ev.time_ns = 0;
    if (original && dw_field_is_text(original))
        ev.line = dw_field_str(original);
    t->rows++;
    t->q->row(t->q->arg, line, &ev);
}

static struct dw_str member(const struct taking *t, const struct dw_event *ev, const char *name)
{
    uint32_t key;
    const struct dw_field *f = dw_keys_find(t->q->keys, dw_str_of(name), &key) == DW_OK ? dw_event_find(ev, key) : NULL;
    return f && dw_field_is_text(f) ? dw_field_str(f) : DW_STR_NONE;
}

/* Says what the answer's last line says. */
static void take_end(struct taking *t, struct dw_str line)
{
    struct dw_event ev;
    uint32_t notes;
    if (!read_event(t, line, &ev)) {
        t->failed = true;
        return;
    }
    struct dw_str why = member(t, &ev, "answer.why"), matched = member(t, &ev, "answer.matched"), events = member(t, &ev, "answer.events"),
                  frames = member(t, &ev, "answer.frames");
    t->ended = true;
    t->complete = why.ptr == NULL;
    (void)fprintf(stderr, "%.*s of %.*s events, %.*s frames read: %s%.*s\n", DW_ARG(matched), DW_ARG(events), DW_ARG(frames), t->complete ? "complete" : "partial, ", DW_ARG(why));
    for (uint32_t i = 0; dw_keys_find(t->q->keys, DW_STR("answer.notes"), &notes) == DW_OK && i < ev.field_count; i++)
        if (ev.field[i].key == notes && dw_field_is_text(&ev.field[i]))
            (void)fprintf(stderr, "note: %.*s\n", DW_ARG(dw_field_str(&ev.field[i])));
}

static void take_line(void *arg, struct dw_str line)
{
    struct taking *t = arg;
    if (dw_str_starts(line, DW_STR("{\"answer\":{\"complete\":")))
        take_end(t, line);
    else if (line.len)
        take_row(t, line);
}

static void put_time(struct dw_buf *out, const char *name, int64_t ns, int64_t none)
{
    if (ns == none)
        return;
    dw_buf_printf(out, ",\"%s\":\"", name);
    dw_time_text(out, ns);
    dw_buf_byte(out, '"');
}

int query_remote(const struct query_remote *q)
{
    struct dw_buf body = {0};
    struct taking *t = dw_calloc(1, sizeof *t);
    if (!t)
        return CLI_CANNOT;
    t->q = q;
    dw_arena_init(&t->pool, 0);
    dw_buf_str(&body, DW_STR("{\"query\":"));
    (void)dw_json_string(&body, dw_str_of(q->text));
    put_time(&body, "since", q->o->since_ns, INT64_MIN);
    put_time(&body, "until", q->o->until_ns, INT64_MAX);
    if (q->limit)
        dw_buf_printf(&body, ",\"limit\":%" PRIu64, q->limit);
    dw_buf_byte(&body, '}');
    int rc = body.err ? CLI_CANNOT : remote_post(&(struct remote_ask){.server = q->o->server, .path = "/api/v1/query", .body = dw_buf_view(&body), .line = take_line, .arg = t});
    if (rc == CLI_YES && !t->ended)
        (void)fprintf(stderr, "dogwatch: the answer of %s is cut off after %" PRIu64 " rows\n", q->o->server, t->rows);
    bool enough = q->limit && t->rows == q->limit; /* no more was asked for */
    if (rc == CLI_YES && (!t->ended || !(t->complete || enough) || t->failed))
        rc = CLI_NO;
    dw_buf_fini(&body);
    dw_arena_fini(&t->pool);
    dw_free(t);
    return rc;
}
