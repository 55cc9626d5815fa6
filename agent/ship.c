/*
 * ship: lines to events, events to frames, frames to the writer.
 *
 * Invariants:
 *   (1) A frame carries the checkpoint rows of the streams it names: what they say is true once it is durable.
 *   (2) Records speak of frames before them, so the batch always leaves first.
 *   (3) Event time is the line's own, unless the runtime's time says that it cannot be.
 */
#include "agent_int.h"

#include "dogwatch/base/counter.h"
#include "dogwatch/base/error.h"
#include "dogwatch/base/mem.h"
#include "dogwatch/parsers/received.h"

#include <fnmatch.h>
#include <stdio.h>

#define AHEAD_MAX_NS (300 * DW_NS_PER_S)
#define BEHIND_MAX_NS (86400 * DW_NS_PER_S)
enum { SIGN_FRAMES = 64, REFUSALS_MAX = 20 };

void ship_touch(struct agent *a, struct tail *t)
{
    if (t->touched)
        return;
    t->touched = true;
    t->touched_next = a->touched;
    a->touched = t;
}

int ship_row(struct agent *a, const struct checkpoint_row *row)
{
    if (a->out_count == a->out_cap) {
        uint32_t cap = a->out_cap ? a->out_cap * 2 : 16;
        struct checkpoint_row *grown = dw_resize(a->out, cap * sizeof *grown);
        if (!grown)
            return DW_ENOMEM;
        a->out = grown;
        a->out_cap = cap;
    }
    a->out[a->out_count++] = *row;
    return DW_OK;
}

static int fill_rows(struct agent *a, struct parcel *p)
{
    uint32_t count = a->out_count, i = 0;
    for (struct tail *t = a->touched; t; t = t->touched_next)
        count++;
    p->row = dw_calloc(count ? count : 1, sizeof *p->row);
    if (!p->row)
        return DW_ENOMEM;
    for (; i < a->out_count; i++)
        p->row[i] = a->out[i];
    a->out_count = 0;
    p->row_count = i;
    while (a->touched) {
        struct tail *t = a->touched;
        int rc = tail_row(a, t, &p->row[i]);
        if (rc < 0)
            return rc;
        t->is_new = t->is_new && p->row[i].print.len == 0; /* an empty file cannot be told from what may be there after a crash, so its first bytes are announced, too */
        if (tail_rare(t)->cut_now) {
            t->rare->cut_parcel = a->parcels + 1;
            t->rare->cut_now = 0;
        }
        t->last_parcel = a->parcels + 1;
        p->row_count = ++i;
        t->touched = false;
        a->touched = t->touched_next;
    }
    return DW_OK;
}

/* What goes into HEAD: a signature once a second, or every 64 frames, or when asked. */
static struct dw_encode encode_with(struct agent *a, bool sign)
{
    int64_t now = dw_clock_mono(a->clock);
    sign = sign || now - a->last_sign_ns >= DW_NS_PER_S || a->unsigned_frames + 1 >= SIGN_FRAMES;
    if (sign) {
        a->last_sign_ns = now;
        a->unsigned_frames = 0;
    } else {
        a->unsigned_frames++;
    }
    return (struct dw_encode){.chain = &a->chain, .low_water_ns = agent_low_water(a), .key = sign ? a->key : NULL};
}

/* Takes the frame. */
static int send_frame(struct agent *a, struct dw_frame *f)
{
    struct parcel *p = dw_calloc(1, sizeof *p);
    int rc = p ? fill_rows(a, p) : DW_ENOMEM;
    if (rc < 0) {
        parcel_free(p);
        dw_frame_free(f);
        return rc;
    }
    p->frame = f;
    p->head = f->head;
    p->bytes = f->bytes.len;
    p->seen_ns = a->seen_ns;
    DW_COUNT(ship_frames);
    a->parcels++;
    if (a->show)
        a->show(a->show_arg, f);
    writer_put(a->writer, p);
    return DW_OK;
}

int ship_flush(struct agent *a)
{
    struct dw_frame *f;
    if (dw_batch_count(a->batch) == 0)
        return DW_OK;
    struct dw_encode with = encode_with(a, false);
    int rc = dw_encode_events(a->encoder, a->batch, &with, &f);
    if (rc < 0)
        return rc;
    dw_batch_reset(a->batch);
    return send_frame(a, f);
}

int ship_record(struct agent *a, struct dw_str json)
{
    struct dw_frame *f;
    int rc = ship_flush(a);
    if (rc < 0)
        return rc;
    struct dw_encode with = encode_with(a, dw_str_find(json, DW_STR("\"epoch.")) < json.len);
    rc = dw_encode_record(a->encoder, json, agent_now(a), &with, &f);
    return rc < 0 ? rc : send_frame(a, f);
}

/* The format that configuration names for a path, else the label of its container, else configuration for all. */
static const struct line_format *configured(const struct agent *a, const struct tail *t)
{
    const struct dw_conf_map *formats = &a->opt->formats;
    uint32_t i = 0;
    const char *path = t->series->received ? t->series->path : t->path; /* ours are named as one, whichever of them it is */
    while (i < formats->count && fnmatch(formats->key[i].ptr, path, 0) != 0)
        i++;
    return i == formats->count && t->series->own ? t->series->own : &a->format[i];
}

const struct dw_parser *ship_parser(const struct tail *t, size_t out)
{
    size_t count;
    return t->parser[out] ? &dw_parser_table(&count)[t->parser[out] - 1] : NULL;
}

static void remember(struct tail *t, uint8_t out, const struct dw_parser *p)
{
    size_t count;
    ptrdiff_t at = p - dw_parser_table(&count);
    DW_ASSERT(count < UINT8_MAX);
    t->parser[out] = (uint8_t)(at + 1);
}

/* The stream's format. Senders of all kinds share what we received: there each message is looked at anew, unless configuration says what it is; our own word
 * (standard error) is JSON. */
static const struct dw_parser *parser_of(struct agent *a, struct tail *t, uint8_t out, struct dw_str line)
{
    const struct dw_parser *p = ship_parser(t, out);
    bool ours = t->series->received && out == DW_OUT_STDERR;
    if (p)
        return p;
    if (t->series->signals) {
        t->fixed_format = true;
        p = dw_parser_find(DW_STR("dogwatch_agent"));
    } else {
        const struct line_format *f = configured(a, t);
        t->fixed_format = !ours && f->parser != NULL;
        t->user = ours ? NULL : f->user;
        p = ours ? dw_parser_find(DW_STR("json")) : f->parser ? f->parser : dw_parser_probe(line);
    }
    if (p && !t->series->received)
        remember(t, out, p);
    return p;
}

static void parse(struct agent *a, struct tail *t, uint8_t out, struct dw_draft *d)
{
    struct dw_str line = d->line;
    const struct dw_parser *p = parser_of(a, t, out, line);
    a->parse.user = t->user;
    if (p && dw_parser_run(p, &a->parse, line, d) == DW_OK) {
        t->refusals[out] = 0;
        return;
    }
    /* Another program's line among them: tried alone, and the stream's own format is kept. */
    const struct dw_parser *other = t->fixed_format ? NULL : dw_parser_probe(line);
    if (t->refusals[out] <= REFUSALS_MAX)
        t->refusals[out]++;
    if (t->refusals[out] > REFUSALS_MAX && !t->fixed_format)
        t->parser[out] = 0;
    if (other && other != p && dw_parser_run(other, &a->parse, line, d) == DW_OK)
        return;
    dw_draft_reset(d, line);
    dw_draft_const(d, DW_F_tags, "unparsed");
    if (p && p->dataset.len) /* rules for the stream's format look at it all the same (docs/reference/sigma.md) */
        dw_draft_const(d, DW_F_event_dataset, p->dataset.ptr);
}

static void add_tags(const struct dw_redact_own *own, struct dw_draft *d, const struct dw_line *l)
{
    static const struct {
        uint32_t flag;
        const char *tag;
    } tags[] = {{DW_LINE_CUT, "cut"}, {DW_LINE_UNTERMINATED, "unterminated"}, {DW_LINE_JOIN_LIMIT, "join.limit"},
        {DW_LINE_ENVELOPE_BAD, "envelope.bad"}, {DW_LINE_ENVELOPE_TORN, "envelope.torn"}, {DW_LINE_MASKS_DROPPED, "masks.dropped"},
        {DW_LINE_REDACT_LIMIT, "redact.limit"}};
    for (size_t i = 0; i < DW_COUNT_OF(tags); i++)
        if (l->flags & tags[i].flag)
            dw_draft_const(d, DW_F_tags, tags[i].tag);
    if (d->dropped)
        dw_draft_const(d, DW_F_tags, "fields.dropped");
    DW_COUNT_IF(l->flags & DW_LINE_CUT, tail_lines_cut);
    DW_COUNT_IF(l->flags & DW_LINE_UNTERMINATED, tail_lines_unterminated);
    DW_COUNT_IF(l->flags & DW_LINE_JOIN_LIMIT, tail_joins_limited);
    DW_COUNT_IF(l->flags & DW_LINE_ENVELOPE_BAD, tail_envelope_bad);
    DW_COUNT_IF(l->flags & DW_LINE_REDACT_LIMIT, tail_redact_limited);
    for (uint32_t i = 0; i < l->mask_count; i++) {
        char text[DW_REDACT_NOTE_MAX];
        DW_COUNT(tail_masked);
        if (l->mask[i].start >= l->text.len)
            continue;
        size_t n = dw_redact_note(own, &l->mask[i], text);
        dw_draft_literal(d, DW_F_dogwatch_masked, dw_str_make(text, n));
    }
}

/* Whoever sent it may have named them as he liked. */
static void drop_forged(struct dw_draft *d)
{
    uint32_t kept = 0;
    for (uint32_t i = 0; i < d->field_count; i++) {
        uint32_t key = d->field[i].key;
        bool forged = key == DW_F_log_source_address || key == DW_F_log_source_ip || key == DW_F_input_type || key == DW_F_tls_client_subject
            || key == DW_F_tls_client_hash_sha256;
        if (!forged)
            d->field[kept++] = d->field[i];
    }
    d->field_count = kept;
}

/* Who sent it, as it was seen. */
static void add_peer(struct dw_draft *d, struct dw_str word)
{
    struct dw_received_peer p = dw_received_peer_take(word);
    size_t colon = p.address.len;
    drop_forged(d);
    if (!word.len)
        return;
    while (colon > 0 && p.address.ptr[colon - 1] != ':')
        colon--;
    struct dw_str ip = dw_str_slice(p.address, 0, colon ? colon - 1 : 0);
    if (ip.len > 1 && ip.ptr[0] == '[')
        ip = dw_str_slice(ip, 1, ip.len - 1);
    dw_draft_literal(d, DW_F_log_source_address, p.address);
    dw_draft_literal(d, DW_F_log_source_ip, ip);
    if (!p.fingerprint.len)
        return;
    struct dw_buf subject = {0};
    dw_received_subject(&subject, p.subject);
    if (!subject.err)
        dw_draft_literal(d, DW_F_tls_client_subject, dw_buf_view(&subject));
    dw_draft_literal(d, DW_F_tls_client_hash_sha256, p.fingerprint);
    dw_buf_fini(&subject);
}

static int64_t event_time(struct agent *a, const struct dw_line *l, struct dw_draft *d)
{
    int64_t reference = l->has_env_time ? l->env_time_ns : a->read_at_ns;
    if (!d->has_time)
        return reference;
    bool ahead = d->time_ns > reference && d->time_ns - reference > AHEAD_MAX_NS;
    bool behind = l->has_env_time && d->time_ns < reference && reference - d->time_ns > BEHIND_MAX_NS;
    if (!ahead && !behind)
        return d->time_ns;
    DW_COUNT(tail_time_untrusted);
    dw_draft_const(d, DW_F_tags, "time.untrusted");
    return reference;
}

/* The stream a piece is in. Where one waited for this line its position may move with the same frame. */
static const struct dw_stream *piece_stream(struct agent *a, struct tail *t, const struct dw_piece *p)
{
    if (!p->stream)
        return &t->stream;
    for (struct tail *b = a->tail; b; b = b->next)
        if (&b->stream == p->stream)
            ship_touch(a, b);
    return p->stream;
}

int ship_line(struct agent *a, struct tail *t, const struct dw_line *l)
{
    if (!dw_batch_fits(a->batch, &t->stream, l->text.len)) {
        int rc = ship_flush(a);
        if (rc < 0)
            return rc;
    }
    if (dw_batch_count(a->batch) == 0)
        a->batch_since_ns = dw_clock_mono(a->clock);
    struct dw_draft *d = dw_batch_draft(a->batch, l->text);
    uint32_t more_count = 0;
    a->parse.time.now_ns = l->has_env_time ? l->env_time_ns : a->read_at_ns;
    parse(a, t, l->out, d);
    if (t->series->received)
        add_peer(d, l->peer);
    add_tags(a->own, d, l);
    int64_t time_ns = event_time(a, l, d);
    const struct dw_stream *first = piece_stream(a, t, &l->piece[0]);
    for (uint32_t i = 1; i < l->piece_count; i++) {
        DW_ASSERT(more_count < DW_LINE_PIECES_MAX);
        a->more[more_count++] = (struct dw_extent){
            .stream = piece_stream(a, t, &l->piece[i]), .start = l->piece[i].start, .end = l->piece[i].end};
    }
    dw_batch_commit(a->batch, &(struct dw_event){.time_ns = time_ns, .read_at_ns = a->read_at_ns, .stream = first,
        .start = l->piece[0].start, .end = l->piece[0].end, .more = a->more, .more_count = more_count, .out = l->out});
    t->max_event_ns = time_ns > t->max_event_ns ? time_ns : t->max_event_ns;
    DW_COUNT(tail_lines);
    ship_touch(a, t);
    return DW_OK;
}
