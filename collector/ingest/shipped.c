/*
 * shipped: records of other shippers to events.
 *
 * Idea: a record is a line; a partition is a stream of them, in which a record's offset is what a byte's is in a file: event [n, n + 1). So
 * the account, the ledger and evidence need no other words, and a record that is taken again is known by its place.
 *
 * Invariants:
 *   (1) A frame holds records of one partition, in order.
 *   (2) The line is the record byte for byte, but that each line break, which JSON allows between its parts, is a space.
 *   (3) HEAD's low-water mark never falls, and never passes the collector's clock. It is where the partition is that is furthest behind, of
 *       those of which something came lately; while the topic is read up to its end after a start, none is stated, for what other
 *       partitions hold is not known yet.
 */
#include "shipped.h"

#include "dogwatch/base/clock.h"
#include "dogwatch/base/error.h"
#include "dogwatch/base/mem.h"
#include "dogwatch/parsers/parser.h"

#include <inttypes.h>
#include <stdio.h>

#define AHEAD_MAX_NS (300 * DW_NS_PER_S)
#define LATELY_NS (10 * DW_NS_PER_S)
#define BEHIND_NS (60 * DW_NS_PER_S)
enum { NAME_CAP = 512 };

struct part {
    struct part *next;
    uint64_t source;
    uint32_t renewed; /* how often the topic was made anew */
    int64_t newest_ns, heard_ns; /* greatest event time; when something came last */
    struct dw_stream stream;
    struct dw_field field; /* log.file.path: where it came from, unless the record says */
    char name[NAME_CAP];
};

struct dw__shipped {
    struct dw_keys *keys;
    const char *topic;
    const struct dw_parser *parser;
    struct dw_batch *batch;
    struct dw_sha256 *sha;
    struct dw_buf line;
    struct part *parts;
    struct dw_position last; /* taken last, when the batch holds any */
    int64_t low_ns;   /* stated last */
    bool caught_up;   /* the topic was read to its end since the start */
};

struct dw__shipped *dw__shipped_new(struct dw_keys *keys, const char *topic)
{
    struct dw__shipped *s = dw_calloc(1, sizeof *s);
    if (!s)
        return NULL;
    *s = (struct dw__shipped){.keys = keys, .topic = topic, .parser = dw_parser_find(DW_STR("shipper")), .batch = dw_batch_new(keys), .sha = dw_sha256_new()};
    DW_ASSERT(s->parser);
    if (s->batch && s->sha)
        return s;
    dw__shipped_free(s);
    return NULL;
}

void dw__shipped_free(struct dw__shipped *s)
{
    if (!s)
        return;
    while (s->parts) {
        struct part *p = s->parts;
        s->parts = p->next;
        dw_free(p);
    }
    dw_batch_free(s->batch);
    dw_sha256_free(s->sha);
    dw_buf_fini(&s->line);
    dw_free(s);
}

/* In a topic that was made anew the same offset is another record: its stream is another too. */
static void name_stream(struct dw__shipped *s, struct part *p)
{
    uint8_t hash[DW_SHA256_BYTES];
    char whole[NAME_CAP + 16];
    int n = p->renewed ? snprintf(whole, sizeof whole, "%s#%u", p->name, p->renewed) : snprintf(whole, sizeof whole, "%s", p->name);
    dw_sha256_start(s->sha);
    dw_sha256_add(s->sha, whole, (size_t)n);
    dw_sha256_end(s->sha, hash);
    memcpy(p->stream.id, hash, sizeof p->stream.id);
    memcpy(p->stream.series, hash, sizeof p->stream.series);
}

static struct part *part_of(struct dw__shipped *s, uint64_t source)
{
    for (struct part *p = s->parts; p; p = p->next)
        if (p->source == source)
            return p;
    struct part *p = dw_calloc(1, sizeof *p);
    if (!p)
        return NULL;
    p->source = source;
    (void)snprintf(p->name, sizeof p->name, "kafka:%.400s/%" PRIu64, s->topic, source - DW_SOURCE_KAFKA_JSON);
    name_stream(s, p);
    p->stream.predecessor_size = -1;
    p->field = (struct dw_field){.v.ptr = p->name, .len = (uint32_t)strlen(p->name), .key = DW_F_log_file_path, .kind = DW_K_CONST};
    p->stream.field = &p->field;
    p->stream.field_count = 1;
    p->next = s->parts;
    s->parts = p;
    return p;
}

int dw__shipped_renewed(struct dw__shipped *s, uint64_t source)
{
    struct part *p = part_of(s, source);
    if (!p)
        return DW_ENOMEM;
    p->renewed++;
    name_stream(s, p);
    return DW_OK;
}

void dw__shipped_save(const struct dw__shipped *s, struct dw_buf *out)
{
    uint32_t count = 0;
    for (const struct part *p = s->parts; p; p = p->next)
        count += p->renewed > 0;
    dw_buf_varint(out, count);
    for (const struct part *p = s->parts; p; p = p->next)
        if (p->renewed) {
            dw_buf_varint(out, p->source);
            dw_buf_varint(out, p->renewed);
        }
}

int dw__shipped_load(struct dw__shipped *s, struct dw_cursor *c)
{
    uint64_t count = dw_take_varint(c);
    for (uint64_t i = 0; i < count && !c->bad; i++) {
        uint64_t source = dw_take_varint(c), renewed = dw_take_varint(c);
        c->bad |= source < DW_SOURCE_KAFKA_JSON || renewed == 0 || renewed > UINT32_MAX;
        struct part *p = c->bad ? NULL : part_of(s, source);
        if (!c->bad && !p)
            return DW_ENOMEM;
        if (!p)
            break;
        p->renewed = (uint32_t)renewed;
        name_stream(s, p);
    }
    return c->bad ? DW_ECORRUPT : DW_OK;
}

static struct dw_str line_of(struct dw__shipped *s, struct dw_str bytes)
{
    dw_buf_reset(&s->line);
    dw_buf_str(&s->line, bytes);
    for (size_t i = 0; i < s->line.len; i++)
        if (s->line.ptr[i] == '\n' || s->line.ptr[i] == '\r')
            s->line.ptr[i] = ' ';
    return dw_buf_view(&s->line);
}

static int64_t time_of(struct dw_draft *d, int64_t now_ns)
{
    if (!d->has_time)
        return now_ns;
    if (d->time_ns <= now_ns + AHEAD_MAX_NS)
        return d->time_ns;
    dw_draft_const(d, DW_F_tags, "time.untrusted");
    return now_ns;
}

int dw__shipped_add(struct dw__shipped *s, const struct dw_received *got, int64_t now_ns)
{
    struct dw_parse_ctx ctx = {.time.now_ns = now_ns};
    struct part *p = part_of(s, got->at.source);
    struct dw_str line = line_of(s, got->bytes);
    if (!p || s->line.err)
        return DW_ENOMEM;
    if (line.len > DW_FRAME_LINE_MAX)
        return DW_ELIMIT;
    bool other = dw_batch_count(s->batch) && s->last.source != got->at.source;
    if (other || !dw_batch_fits(s->batch, &p->stream, line.len))
        return DW_EAGAIN;
    struct dw_draft *d = dw_batch_draft(s->batch, line);
    int rc = dw_parser_run(s->parser, &ctx, d->line, d);
    if (rc < 0)
        return rc;
    struct dw_event ev = {.time_ns = time_of(d, now_ns), .read_at_ns = now_ns, .stream = &p->stream, .start = got->at.offset, .end = got->at.next};
    dw_batch_commit(s->batch, &ev);
    int64_t time = ev.time_ns < now_ns ? ev.time_ns : now_ns; /* a clock ahead of ours blinds nobody */
    p->newest_ns = time > p->newest_ns ? time : p->newest_ns;
    p->heard_ns = now_ns;
    s->last = got->at;
    return DW_OK;
}

void dw__shipped_caught_up(struct dw__shipped *s)
{
    s->caught_up = true;
}

static int64_t low_water(struct dw__shipped *s, int64_t now_ns)
{
    int64_t low = INT64_MAX;
    for (const struct part *p = s->parts; p; p = p->next)
        if (now_ns - p->heard_ns < LATELY_NS && p->newest_ns < low)
            low = p->newest_ns;
    bool live = low != INT64_MAX && now_ns - low < BEHIND_NS; /* under steady load its end is never seen */
    if ((s->caught_up || live) && low != INT64_MAX && low > s->low_ns)
        s->low_ns = low;
    return s->low_ns;
}

int dw__shipped_flush(struct dw__shipped *s, struct dw_encoder *e, struct dw_chain *chain, int64_t now_ns, struct dw_frame **ret,
    struct dw_position *ret_at)
{
    struct dw_encode with = {.chain = chain, .low_water_ns = low_water(s, now_ns)};
    *ret = NULL;
    *ret_at = s->last;
    if (dw_batch_count(s->batch) == 0)
        return DW_OK;
    int rc = dw_encode_events(e, s->batch, &with, ret);
    dw_batch_reset(s->batch);
    return rc;
}
