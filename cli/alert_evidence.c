/*
 * alert_evidence: the events that an alert names, of DATA or of the server, and how they are shown.
 *
 * Invariant: rows of the server become the events they were: id, bytes, place in the chain and fields.
 */
#include "alert_evidence.h"

#include "remote_rows.h"

#include <stdio.h>

static void say_unread(void *arg, const char *where, int rc)
{
    (void)arg;
    (void)fprintf(stderr, "dogwatch: %s: %s\n", where, dw_err_text(rc));
}

struct taking {
    struct dw_keys *keys;
    struct dw_evidence *evidence;
    void (*each)(void *arg, const struct dw_archived *a, const struct dw_event *ev);
    void *arg;
    struct dw_archived place; /* what is known of where the event stands */
    struct dw_field field[REMOTE_FIELDS_MAX];
};

/* What the API says of an event is none of its fields. */
static bool is_told(const struct dw_keys *keys, const struct dw_field *f)
{
    struct dw_str name = dw_keys_name(keys, f->key);
    return f->key != DW_F_dogwatch_masked
        && (dw_str_starts(name, DW_STR("dogwatch.")) || dw_str_eq(name, DW_STR("event.id")) || dw_str_eq(name, DW_STR("event.original")) || dw_str_eq(name, DW_STR("@timestamp")));
}

/* A line that is no UTF-8 comes as its bytes in base64 beside its text. */
static bool take_line_bytes(const struct taking *t, const struct dw_event *row, struct dw_buf *bytes, struct dw_event *ev)
{
    struct dw_str text = remote_text(t->keys, row, "dogwatch.line_base64");
    if (!text.ptr)
        return true;
    if (!dw_answer_unbase64(text, bytes))
        return false;
    ev->line = dw_buf_view(bytes);
    return true;
}

/* False: the row does not say which event it is, or where. */
static bool take_row(void *arg, struct dw_str raw, const struct dw_event *row)
{
    struct taking *t = arg;
    struct dw_stream stream = {.predecessor_size = -1};
    struct dw_archived *a = &t->place;
    struct dw_event ev = *row;
    struct dw_buf bytes = {0};
    char id[DW_EVENT_ID_TEXT];
    (void)raw;
    bool ok = dw_unhex(remote_text(t->keys, row, "dogwatch.stream"), stream.id, DW_ID_BYTES)
        && dw_unhex(remote_text(t->keys, row, "dogwatch.agent"), a->frame.head.agent, DW_AGENT_ID_BYTES) && take_line_bytes(t, row, &bytes, &ev);
    ev.stream = &stream;
    ev.start = remote_number(t->keys, row, "dogwatch.start");
    ev.end = remote_number(t->keys, row, "dogwatch.end");
    ev.field = t->field;
    ev.field_count = 0;
    for (uint32_t i = 0; i < row->field_count; i++)
        if (!is_told(t->keys, &row->field[i]))
            t->field[ev.field_count++] = row->field[i];
    dw_event_id_text(&ev, id);
    ok = ok && dw_evidence_take(t->evidence, id);
    if (ok) {
        a->frame.head.epoch.counter = remote_number(t->keys, row, "dogwatch.epoch");
        a->frame.head.number = remote_number(t->keys, row, "dogwatch.frame");
        a->intake.number = remote_number(t->keys, row, "dogwatch.intake");
        t->each(t->arg, a, &ev);
    }
    dw_buf_fini(&bytes);
    return ok;
}

static int of_server(const struct cli_options *o, const char *alert, struct dw_keys *keys, struct dw_evidence *e,
    void (*each)(void *arg, const struct dw_archived *a, const struct dw_event *ev), void *arg)
{
    char target[128];
    struct taking *t = dw_calloc(1, sizeof *t);
    if (!t)
        return cli_failed(DW_ENOMEM);
    t->keys = keys;
    t->evidence = e;
    t->each = each;
    t->arg = arg;
    (void)snprintf(target, sizeof target, "/api/v1/alerts/%s/evidence", alert);
    struct remote_rows r = {.o = o, .keys = keys, .method = "GET", .target = target, .row = take_row, .arg = t, .rows_max = DW_EVIDENCE_MAX};
    int rc = remote_rows(&r);
    dw_free(t);
    return rc == CLI_NO ? CLI_CANNOT : rc; /* partial: what is missing may be there */
}

int cli_evidence(const struct cli_options *o, const char *alert, struct dw_keys *keys, struct dw_evidence *e,
    void (*each)(void *arg, const struct dw_archived *a, const struct dw_event *ev), void *arg)
{
    int rc = CLI_YES;
    if (o->server[0]) {
        rc = of_server(o, alert, keys, e, each, arg);
    } else {
        int err = dw_answer_evidence(&(struct dw_answer_evidence){.archive = o->archive, .keys = keys, .evidence = e, .each = each, .problem = say_unread, .arg = arg});
        if (err < 0)
            cli_say_no_archive(o, err);
        rc = err < 0 ? CLI_CANNOT : CLI_YES;
    }
    return rc == CLI_YES && e->missing ? CLI_NO : rc;
}

static void note_expired(void *arg, const struct dw_segment_info *s)
{
    *(bool *)arg |= s->expired;
}

const char *cli_missing_text(const struct cli_options *o, int rc)
{
    bool expired = false;
    if (rc != CLI_NO)
        return "could not be read";
    if (!o->server[0] && dw_archive_list(&dw_fs_system, o->archive, note_expired, &expired) == DW_OK && expired)
        return "are not in this archive, of which segments were let go (dogwatch archive ls)";
    return "are not in this archive";
}

static struct dw_str text_of(const struct dw_event *ev, uint32_t key)
{
    const struct dw_field *f = dw_event_find(ev, key);
    return f && dw_field_is_text(f) ? dw_field_str(f) : DW_STR("?");
}

void cli_print_event(const struct dw_archived *a, const struct dw_event *ev)
{
    char agent[2 * DW_AGENT_ID_BYTES + 1];
    dw_hex(a->frame.head.agent, DW_AGENT_ID_BYTES, agent);
    (void)printf("\n  ");
    cli_put_safe(text_of(ev, DW_F_host_name));
    (void)printf("  ");
    cli_put_safe(text_of(ev, DW_F_log_file_path));
    (void)printf("  bytes %llu-%llu\n  agent %.16s epoch %llu frame %llu, intake %llu\n    ", (unsigned long long)ev->start,
        (unsigned long long)ev->end, agent, (unsigned long long)a->frame.head.epoch.counter,
        (unsigned long long)a->frame.head.number, (unsigned long long)a->intake.number);
    cli_put_safe(ev->line);
    (void)printf("\n");
}
