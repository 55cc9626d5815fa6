/*
 * alert_evidence: from the ids in an alert to the events in the archive.
 *
 * Invariant: an alert's own window is read first; only if something it names is not there is the rest of the archive read.
 */
#include "alert_evidence.h"

#include "dogwatch/event/json_read.h"
#include "dogwatch/event/timestamp.h"

#include <stdio.h>

static bool is_event_id(struct dw_str s)
{
    uint8_t id[DW_ID_BYTES];
    uint64_t start;
    return s.len > 33 && s.len < DW_EVENT_ID_TEXT && s.ptr[32] == '-' && dw_unhex(dw_str_slice(s, 0, 32), id, sizeof id)
        && dw_str_u64(dw_str_slice(s, 33, s.len), &start);
}

static void add_ref(struct cli_refs *r, struct dw_str id)
{
    for (uint32_t i = 0; i < r->count; i++)
        if (dw_str_eq(dw_str_of(r->ref[i].id), id))
            return;
    if (r->count == CLI_REFS_MAX)
        return;
    memcpy(r->ref[r->count].id, id.ptr, id.len);
    r->ref[r->count].id[id.len] = '\0';
    r->ref[r->count++].found = false;
}

static int64_t time_or(struct dw_str text, int64_t otherwise)
{
    struct dw_time_ref ref = {0};
    int64_t ns;
    return dw_time_parse(text, &ref, &ns) == DW_OK ? ns : otherwise;
}

void cli_refs_of(struct dw_str doc, struct cli_refs *ret)
{
    struct dw_json j;
    struct dw_json_token t;
    struct dw_str key = DW_STR("");
    ret->count = 0;
    ret->from_ns = INT64_MIN;
    ret->to_ns = INT64_MAX;
    dw_json_start(&j, doc);
    while (dw_json_next(&j, &t) == DW_OK && t.type != DW_JSON_END) {
        if (t.type == DW_JSON_STRING && is_event_id(t.text))
            add_ref(ret, t.text);
        else if (t.type == DW_JSON_STRING && dw_str_eq(key, DW_STR("start")))
            ret->from_ns = time_or(t.text, INT64_MIN);
        else if (t.type == DW_JSON_STRING && dw_str_eq(key, DW_STR("end")))
            ret->to_ns = time_or(t.text, INT64_MAX);
        key = t.type == DW_JSON_KEY ? t.text : DW_STR("");
    }
}

struct search {
    struct cli_refs *refs;
    uint32_t missing;
    void (*each)(void *arg, const struct dw_archived *a, const struct dw_event *ev);
    void *arg;
};

static void look_in(struct search *s, const struct dw_archived *a)
{
    for (uint32_t i = 0; i < a->frame.event_count && s->missing; i++) {
        char id[DW_EVENT_ID_TEXT];
        dw_event_id_text(&a->frame.event[i], id);
        for (uint32_t k = 0; k < s->refs->count; k++) {
            if (s->refs->ref[k].found || strcmp(s->refs->ref[k].id, id) != 0)
                continue;
            s->refs->ref[k].found = true;
            s->missing--;
            s->each(s->arg, a, &a->frame.event[i]);
        }
    }
}

static int search(struct search *s, const struct cli_options *o, struct dw_keys *keys, int64_t from_ns, int64_t to_ns)
{
    struct dw_archive_reader *r;
    struct dw_archived a;
    int rc = cli_open_archive(o, keys, &r);
    if (rc != CLI_YES)
        return rc;
    dw_archive_reader_range(r, from_ns, to_ns);
    for (int err; s->missing && (err = dw_archive_reader_next(r, &a)) != DW_EAGAIN;) {
        if (err == DW_OK)
            look_in(s, &a);
        else
            (void)fprintf(stderr, "dogwatch: %s: %s\n", dw_archive_reader_where(r), dw_err_text(err));
        if (err == DW_ENOMEM)
            break;
    }
    dw_archive_reader_close(r);
    return CLI_YES;
}

int cli_refs_read(const struct cli_options *o, struct dw_keys *keys, struct cli_refs *refs,
    void (*each)(void *arg, const struct dw_archived *a, const struct dw_event *ev), void *arg, uint32_t *ret_missing)
{
    struct search s = {.refs = refs, .missing = refs->count, .each = each, .arg = arg};
    int rc = search(&s, o, keys, refs->from_ns, refs->to_ns);
    bool is_narrow = refs->from_ns != INT64_MIN || refs->to_ns != INT64_MAX;
    if (rc == CLI_YES && s.missing && is_narrow)
        rc = search(&s, o, keys, INT64_MIN, INT64_MAX);
    *ret_missing = s.missing;
    return rc == CLI_YES && s.missing ? CLI_NO : rc;
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
