/*
 * records: what agents say of their streams and starts, and what the collector has decided.
 *
 * Invariants:
 *   (1) A record that is no JSON counts as none: it is named, and nothing of it is taken.
 *   (2) A gap is judged only by what an agent says about frames before its record, so no timer is needed, and every gap has been
 *       told by the record that showed it.
 */
#include "account_int.h"

#include "dogwatch/base/counter.h"
#include "dogwatch/base/error.h"
#include "dogwatch/event/json_read.h"
#include "dogwatch/event/timestamp.h"

#include "dogwatch/transport/transport.h"

#include <inttypes.h>
#include <stdio.h>

/* The members of a record that the account looks at. */
struct record {
    struct dw_str type, host; /* of the record itself */
    struct dw_str id, state;  /* of the stream in hand: the record's own, or one of `streams` */
    struct dw_str reason;     /* of a declaration */
    uint64_t start, end, read, pending;
    uint64_t bytes; /* of `spool` */
};

static void take_member(struct record *r, struct dw_str name, const struct dw_json_token *v, bool outermost)
{
    static const struct {
        struct dw_str name;
        size_t offset;
        bool text, outermost;
    } members[] = {
#define M(n, text, outermost) {{#n, sizeof #n - 1}, offsetof(struct record, n), text, outermost}
        M(type, true, true), M(host, true, true), M(id, true, false), M(state, true, false), M(reason, true, true),
        M(start, false, false), M(end, false, false), M(read, false, false), M(pending, false, false), M(bytes, false, false)
#undef M
    };
    uint64_t n = 0;
    for (size_t i = 0; i < DW_COUNT_OF(members); i++) {
        if (!dw_str_eq(name, members[i].name) || (members[i].outermost && !outermost))
            continue;
        if (members[i].text && v->type == DW_JSON_STRING)
            *(struct dw_str *)(void *)((char *)r + members[i].offset) = v->text;
        else if (!members[i].text && v->type == DW_JSON_NUMBER && dw_str_u64(v->text, &n))
            *(uint64_t *)(void *)((char *)r + members[i].offset) = n;
    }
}

static void end_stream(struct dw_account *a, const struct dw_head *h, const struct record *r, struct dw__stream *s)
{
    char hex[2 * DW_ID_BYTES + 1];
    dw__stream_end(a, s, true);
    s->said.lost = dw_str_eq(r->state, DW_STR("lost"));
    dw_hex(s->said.id, DW_ID_BYTES, hex);
    if (s->said.lost)
        dw__tell(a, DW_PROBLEM_LOST, h, hex, "%s: bytes from %" PRIu64 " on are lost, how many is unknown",
            s->said.path ? s->said.path : "a stream", s->said.read);
}

/* Bytes that are in no event. What a full spool could not keep is named; the rest was never meant to be kept. */
static int take_declared(struct dw_account *a, const struct dw_head *h, const struct record *r, struct dw__stream *s)
{
    char hex[2 * DW_ID_BYTES + 1], cause[DW__CAUSE_CAP];
    uint64_t already = dw__covered(s, r->start, r->end);
    if (r->end <= r->start)
        return DW_OK;
    s->said.declared += r->end - r->start - already;
    if (dw_str_eq(r->reason, DW_STR("spool_full"))) {
        dw_hex(s->said.id, DW_ID_BYTES, hex);
        (void)snprintf(cause, sizeof cause, "%s:%" PRIu64, hex, r->start);
        dw__tell(a, DW_PROBLEM_LET_GO, h, cause,
            "%s: bytes %" PRIu64 "-%" PRIu64
            " were let go: their file was deleted while the brokers took nothing and the agent's spool was full",
            s->said.path ? s->said.path : hex, r->start, r->end);
    }
    return dw__cover(a, s, r->start, r->end);
}

/* What a record says of one stream. */
static int take_stream_line(struct dw_account *a, const struct dw_head *h, const struct record *r)
{
    uint8_t id[DW_ID_BYTES];
    struct dw__stream *s;
    if (!dw_unhex(r->id, id, sizeof id))
        return DW_OK;
    int rc = dw__stream_of(a, id, &s);
    if (rc < 0)
        return rc;
    if (dw_str_eq(r->type, DW_STR("declare")))
        return take_declared(a, h, r, s);
    if (dw_str_eq(r->type, DW_STR("epoch.close"))) {
        if (r->end > dw__handed_over(&s->said)) {
            s->said.read = r->end;
            s->said.pending = 0;
        }
    } else {
        s->said.read = r->read;
        s->said.pending = r->pending;
        s->said.lost = false;
        dw__stream_end(a, s, false); /* it may go on after its end */
    }
    if (dw_str_eq(r->type, DW_STR("stream.end")))
        end_stream(a, h, r, s);
    dw__check_gaps(a, h, s);
    return DW_OK;
}

static bool is_json(struct dw_str text)
{
    struct dw_json j;
    struct dw_json_token t;
    int rc;
    dw_json_start(&j, text);
    while ((rc = dw_json_next(&j, &t)) == DW_OK && t.type != DW_JSON_END)
        ;
    return rc == DW_OK;
}

/* Takes what a record says of streams, and leaves in *r what it says of itself. */
static int read_record(struct dw_account *a, const struct dw_head *h, struct dw_str json, struct record *r)
{
    struct dw_json j;
    struct dw_json_token t, key = {.type = DW_JSON_NULL};
    int rc = DW_OK;
    dw_json_start(&j, json);
    while (rc == DW_OK && dw_json_next(&j, &t) == DW_OK && t.type != DW_JSON_END) {
        if (key.type == DW_JSON_KEY && t.type != DW_JSON_OBJECT && t.type != DW_JSON_ARRAY)
            take_member(r, key.text, &t, j.depth == 1);
        if (t.type == DW_JSON_OBJECT_END && j.depth == 2 && r->id.len) { /* one of `streams` */
            rc = take_stream_line(a, h, r);
            r->id = DW_STR_NONE;
            r->read = r->pending = r->end = 0;
        }
        key = t;
    }
    return rc;
}

static bool tell_no_json(struct dw_account *a, const struct dw_decoded *f)
{
    char cause[DW__CAUSE_CAP];
    if (is_json(f->record))
        return false;
    DW_COUNT(ingest_records_bad);
    dw__tell(a, DW_PROBLEM_RECORD, &f->head, dw__frame_cause(cause, &f->head),
        "the record in frame %" PRIu64 " of epoch %" PRIu64 " is no JSON: it is archived, and nothing of it is counted", f->head.number,
        f->head.epoch.counter);
    return true;
}

int dw__take_record(struct dw_account *a, const struct dw_decoded *f, struct dw__epoch *e)
{
    const struct dw_head *h = &f->head;
    struct record r = {0};
    char cause[DW__CAUSE_CAP];
    if (tell_no_json(a, f))
        return DW_OK;
    int rc = read_record(a, h, f->record, &r);
    if (rc < 0)
        return rc;
    if (dw_str_eq(r.type, DW_STR("epoch.open"))) {
        rc = dw_keyring_learn(a->keys, h->agent, f->record);
        if (rc == DW_ESIGNATURE)
            dw__tell(a, DW_PROBLEM_FOREIGN_KEY, h, dw__frame_cause(cause, h), "the opening record names a key that is not the agent's");
        if (h->number == 0 && h->flags & DW_HEAD_SIGNED && dw_keyring_check(a->keys, h) == DW_OK) {
            (void)snprintf(e->host, sizeof e->host, "%.*s", DW_ARG(dw_str_slice(r.host, 0, sizeof e->host - 1)));
            dw__agent_opened(a, h, e->host);
            dw__agent_waits(a, h->agent, r.bytes);
            dw__epoch_opened(a, h, e, f->record);
        }
        return rc == DW_ENOMEM ? rc : DW_OK;
    }
    if (dw_str_eq(r.type, DW_STR("epoch.close")))
        dw__epoch_close(a, e);
    if (dw_str_eq(r.type, DW_STR("heartbeat")))
        dw__agent_waits(a, h->agent, r.bytes);
    return r.id.len ? take_stream_line(a, h, &r) : DW_OK;
}

/* ---- decisions ---- */

static void take_idle(struct dw_account *a, const struct dw_head *decided, const struct dw_decision *d)
{
    char cause[DW__CAUSE_CAP], since[DW_TIME_TEXT], hex[2 * DW_AGENT_ID_BYTES + 1];
    struct dw_head of = {.epoch = d->epoch, .time_max_ns = decided->time_max_ns};
    memcpy(of.agent, d->agent, sizeof of.agent);
    struct dw__epoch *e = dw__epoch_find(a, &of);
    if (!e || !e->opened || e->closed)
        return;
    e->idle = a->any_ended = true;
    of.number = e->chain.number;
    dw_time_format(d->since_ns, since);
    dw_hex(d->agent, sizeof d->agent, hex);
    dw__tell(a, DW_PROBLEM_UNHEARD, &of, dw__frame_cause(cause, &of),
        "agent %.16s%s%s: nothing since %s; correlations no longer wait for it", hex, e->host[0] ? " on " : "", e->host, since);
}

/* "queue file 3", "partition 5", "JSON partition 5", "matches partition 0" */
static void put_source(char out[DW__CAUSE_CAP], uint64_t source)
{
    static const struct {
        uint64_t first;
        const char *what;
    } kinds[] = {{DW_SOURCE_KAFKA_MATCHES, "matches partition"}, {DW_SOURCE_KAFKA_JSON, "JSON partition"}, {DW_SOURCE_KAFKA, "partition"}, {0, "queue file"}};
    size_t i = 0;
    while (source < kinds[i].first)
        i++;
    (void)snprintf(out, DW__CAUSE_CAP, "%s %" PRIu64, kinds[i].what, source - kinds[i].first);
}

/* A place, and the decision about it: after a queue was replaced the same place comes again. */
static void put_cause(char out[DW__CAUSE_CAP], const struct dw_head *decided, const struct dw_decision *d)
{
    (void)snprintf(out, DW__CAUSE_CAP, "%" PRIu64 ":%" PRIu64 ":%" PRIu64, d->source, d->offset, decided->number);
}

static void take_rejected(struct dw_account *a, const struct dw_head *decided, const struct dw_decision *d)
{
    char cause[DW__CAUSE_CAP], source[DW__CAUSE_CAP];
    struct dw_head of = {.epoch = d->epoch, .number = d->number, .time_max_ns = decided->time_max_ns};
    memcpy(of.agent, d->agent, sizeof of.agent);
    put_cause(cause, decided, d);
    put_source(source, d->source);
    for (int kind = 0; kind < DW_PROBLEMS; kind++)
        if (dw_str_eq(d->problem, dw_str_of(dw_problem_rule((enum dw_problem_kind)kind))))
            dw__tell(a, (enum dw_problem_kind)kind, &of, cause, "%" PRIu64 " bytes at %" PRIu64 " of %s were set aside", d->bytes, d->offset,
                source);
}

static void take_replaced(struct dw_account *a, const struct dw_head *decided, const struct dw_decision *d)
{
    char cause[DW__CAUSE_CAP], source[DW__CAUSE_CAP];
    struct dw_head of = {.time_max_ns = decided->time_max_ns};
    put_cause(cause, decided, d);
    put_source(source, d->source);
    dw__tell(a, DW_PROBLEM_REPLACED, &of, cause,
        "the frame taken last, at %" PRIu64 " of %s, does not stand there any more: the queue was removed or "
        "replaced, and is read from its beginning", d->offset, source);
}

static void take_expired(struct dw_account *a, const struct dw_head *decided, const struct dw_decision *d)
{
    char cause[DW__CAUSE_CAP], source[DW__CAUSE_CAP];
    struct dw_head of = {.time_max_ns = decided->time_max_ns};
    put_cause(cause, decided, d);
    put_source(source, d->source);
    dw__tell(a, DW_PROBLEM_EXPIRED, &of, cause,
        "%s: %" PRIu64 " records, from offset %" PRIu64 " on, were let go by the brokers before they were taken; raise the "
        "topic's retention.ms or keep the collector nearer", source, d->next - d->offset, d->offset);
}

/* A piece of what another collector knew of a partition; with the last one it is whole. One that is none is as if nothing had been known. */
static int take_part(struct dw_account *a, const struct dw_decision *d)
{
    int rc = dw_decision_piece(d, &a->part);
    if (rc != DW_OK)
        return rc == DW_EAGAIN ? DW_OK : rc;
    rc = dw_account_part_take(a, d->source, dw_buf_view(&a->part), a->heard_ns);
    dw_buf_fini(&a->part);
    DW_COUNT_IF(rc == DW_ECORRUPT || rc == DW_EVERSION, account_parts_refused);
    return rc == DW_ECORRUPT || rc == DW_EVERSION ? DW_OK : rc;
}

int dw__take_decision(struct dw_account *a, const struct dw_decoded *f)
{
    struct dw_decision d;
    if (tell_no_json(a, f) || dw_decision_read(f->record, &d) < 0)
        return DW_OK;
    if (d.kind == DW_DECISION_TAKEN)
        return take_part(a, &d);
    if (d.kind == DW_DECISION_IDLE)
        take_idle(a, &f->head, &d);
    else if (d.kind == DW_DECISION_REJECTED)
        take_rejected(a, &f->head, &d);
    else if (d.kind == DW_DECISION_REPLACED)
        take_replaced(a, &f->head, &d);
    else if (d.kind == DW_DECISION_APPROVED)
        dw__agent_approved(a, d.agent);
    else if (d.kind == DW_DECISION_EXPIRED && d.next > d.offset)
        take_expired(a, &f->head, &d);
    return DW_OK;
}
