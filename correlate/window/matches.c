/*
 * matches: match records as bytes for other windows, and back.
 *
 *     batch   u32 'dwM1'  varint partitions  varint correlations { counted rule id, 32 bytes logic hash }  varint parts { part }
 *     part    varint source  varint from, index  varint next, index  i64 low  i64 last event  byte idle  varint records { record }
 *     record  varint offset since the part's first  varint index  varint correlation  varint member  i64 time  16 series  varint ordinal  16 stream  varint start
 *             byte flags  [16 value]  [double number]  counted group values  counted values
 *
 * Idea: a match is known by its place, offset of the frame and number within it, both of which follow from the frames; so whoever takes a batch passes over what is there.
 *
 * Invariants:
 *   (1) Every number read is checked, and a batch that is none is told before anything of it is taken.
 *   (2) Places of a source never go back.
 *   (3) A batch is cut before it is longer than DW_MATCHES_MAX: what is collected is at most FULL and one record, and parts that do not fit go into the next.
 */
#include "../detect/detect.h"

#include "dogwatch/base/counter.h"
#include "dogwatch/base/error.h"
#include "dogwatch/base/mem.h"

#include <math.h>

#define NONE UINT32_MAX
enum { MAGIC = 0x314D7764, HAS_VALUE = 1, HAS_NUMBER = 2, FULL = 40 * 1024, RECORD_MAX = 72 * 1024, PART_HEAD_MAX = 80, SOURCES_MAX = 10000 /* partitions of a topic */, KINDS_MAX = 3 /* of sources, in their upper half */, NAMES_MAX = 1 << 16 };

/* What is collected of a partition, and what was sent of it last. */
struct part {
    struct dw_match_mark from, to; /* of `from` only the place */
    int64_t last_ns;
    uint64_t records;
    struct dw_buf bytes;
    bool news, held;
};

/* A batch that waits to be sent, and how far its parts go. */
struct ready {
    struct dw_buf bytes;
    struct dw_match_mark *to;
    uint32_t count;
};

struct dw_matches {
    const struct dw_ruleset *rs;
    struct part *part;
    uint32_t count, cap;
    uint32_t at;     /* the part of the frame in hand; NONE: there is none */
    uint32_t *name;  /* by rule: its place among those that the batch names, from 1 on; 0: it does not yet */
    uint32_t *named; /* these, in order */
    uint32_t names;
    size_t bytes; /* of records so far */
    struct ready *ready;
    uint32_t first, readies, ready_cap;
    uint32_t partitions;
};

struct dw_matches *dw_matches_new(const struct dw_ruleset *rs)
{
    struct dw_matches *m = dw_calloc(1, sizeof *m);
    if (!m)
        return NULL;
    m->rs = rs;
    m->at = NONE;
    m->name = dw_calloc(dw_ruleset_count(rs) + 1, sizeof *m->name);
    m->named = dw_calloc(dw_ruleset_count(rs) + 1, sizeof *m->named);
    if (!m->name || !m->named) {
        dw_matches_free(m);
        return NULL;
    }
    return m;
}

void dw_matches_free(struct dw_matches *m)
{
    if (!m)
        return;
    for (uint32_t i = 0; i < m->count; i++)
        dw_buf_fini(&m->part[i].bytes);
    while (m->first < m->readies)
        dw_matches_sent(m);
    dw_free(m->part);
    dw_free(m->ready);
    dw_free(m->name);
    dw_free(m->named);
    dw_free(m);
}

static bool is_before(uint64_t offset, uint32_t index, const struct dw_match_mark *mark)
{
    return offset < mark->next || (offset == mark->next && index < mark->index);
}

/* ---- sending ---- */

static struct part *find(struct dw_matches *m, uint64_t source)
{
    uint32_t i = 0;
    while (i < m->count && m->part[i].to.source != source)
        i++;
    return i < m->count ? &m->part[i] : NULL;
}

static struct part *add(struct dw_matches *m, uint64_t source)
{
    struct part *grown = dw_grow(m->part, m->count, &m->cap, 8, sizeof *grown);
    if (!grown)
        return NULL;
    m->part = grown;
    m->part[m->count] = (struct part){.to = {.source = source, .low_ns = INT64_MIN}, .last_ns = INT64_MIN, .news = true};
    return &m->part[m->count++];
}

int dw_matches_frame(struct dw_matches *m, uint64_t source, uint64_t offset)
{
    struct part *p = find(m, source);
    p = p ? p : add(m, source);
    if (!p)
        return DW_ENOMEM;
    p->to.next = offset;
    p->to.index = 0;
    if (p->records == 0)
        p->from = p->to;
    m->at = (uint32_t)(p - m->part);
    return DW_OK;
}

void dw_matches_done(struct dw_matches *m, uint64_t next, int64_t low_ns, bool idle)
{
    struct part *p = &m->part[m->at];
    low_ns = p->held && low_ns == INT64_MAX ? p->to.low_ns : low_ns;
    p->news = p->news || p->to.next != next || p->to.low_ns != low_ns || p->to.idle != idle;
    p->to.next = next;
    p->to.index = 0;
    p->to.low_ns = low_ns;
    p->to.idle = idle;
    m->at = NONE;
}

void dw_matches_hold(struct dw_matches *m, uint64_t source)
{
    struct part *p = find(m, source);
    if (p)
        p->held = true;
}

void dw_matches_marks(struct dw_matches *m, int64_t (*low)(void *arg, uint64_t source), void *arg, bool idle)
{
    for (uint32_t i = 0; i < m->count; i++) {
        struct part *p = &m->part[i];
        int64_t low_ns = low(arg, p->to.source);
        p->held = p->held && idle;
        if (low_ns == p->to.low_ns || (p->held && low_ns == INT64_MAX))
            continue;
        p->to.low_ns = low_ns;
        p->to.idle = idle && low_ns == INT64_MAX;
        p->news = true;
    }
}

void dw_matches_again(struct dw_matches *m)
{
    for (uint32_t i = 0; i < m->count; i++)
        m->part[i].news = true;
}

bool dw_matches_any(const struct dw_matches *m)
{
    bool any = m->first < m->readies;
    for (uint32_t i = 0; i < m->count; i++)
        any = any || m->part[i].records || m->part[i].to.idle;
    return any;
}

int dw_matches_forget(struct dw_matches *m, uint64_t source)
{
    struct part *p = find(m, source);
    int rc = p && p->records ? dw_matches_cut(m, m->partitions) : DW_OK;
    if (!p || rc < 0)
        return rc;
    dw_buf_fini(&p->bytes);
    *p = m->part[--m->count];
    m->at = NONE;
    return DW_OK;
}

static void put_names(const struct dw_matches *m, struct dw_buf *out)
{
    dw_buf_varint(out, m->names);
    for (uint32_t i = 0; i < m->names; i++) {
        const struct dw_rule *rule = dw_ruleset_rule(m->rs, m->named[i]);
        dw_buf_counted(out, rule->id);
        dw_buf_add(out, rule->logic_hash, DW_SHA256_BYTES);
    }
}

static void put_part(struct part *p, struct dw_buf *out)
{
    dw_buf_varint(out, p->to.source);
    dw_buf_varint(out, p->from.next);
    dw_buf_varint(out, p->from.index);
    dw_buf_varint(out, p->to.next);
    dw_buf_varint(out, p->to.index);
    dw_buf_u64(out, (uint64_t)p->to.low_ns);
    dw_buf_u64(out, (uint64_t)p->last_ns);
    dw_buf_byte(out, p->to.idle);
    dw_buf_varint(out, p->records);
    dw_buf_str(out, dw_buf_view(&p->bytes));
    out->err = p->bytes.err < 0 ? p->bytes.err : out->err;
    dw_buf_reset(&p->bytes);
    p->records = 0;
    p->last_ns = INT64_MIN;
    p->from = p->to;
    p->to.idle = p->news = false; /* idle is said once: it is an act, and no state */
}

static int make_ready(struct dw_matches *m, const struct ready *batch)
{
    if (m->first == m->readies)
        m->first = m->readies = 0;
    struct ready *grown = dw_grow(m->ready, m->readies, &m->ready_cap, 4, sizeof *grown);
    if (!grown)
        return DW_ENOMEM;
    m->ready = grown;
    m->ready[m->readies++] = *batch;
    return DW_OK;
}

/* Whether matches of that partition have come from there up to that place. */
static bool has_come(const struct dw_match_marks *marks, const struct dw_match_mark *to)
{
    for (uint32_t i = 0; i < marks->count; i++)
        if (marks->item[i].source == to->source)
            return !is_before(marks->item[i].next, marks->item[i].index, to);
    return false;
}

static bool batch_has_come(const struct dw_match_marks *marks, const struct ready *batch)
{
    bool all = true;
    for (uint32_t i = 0; i < batch->count; i++)
        all = all && has_come(marks, &batch->to[i]);
    return all;
}

void dw_matches_came(struct dw_matches *m, const struct dw_match_marks *marks)
{
    while (m->first < m->readies && batch_has_come(marks, &m->ready[m->first]))
        dw_matches_sent(m);
    for (uint32_t i = 0; i < m->count; i++) {
        struct part *p = &m->part[i];
        if (p->records == 0 || !has_come(marks, &p->to))
            continue;
        dw_buf_reset(&p->bytes);
        p->records = 0;
        p->from = p->to;
    }
}

int dw_matches_rules(struct dw_matches *m, const struct dw_ruleset *rs)
{
    uint32_t *name = dw_calloc(dw_ruleset_count(rs) + 1, sizeof *name), *named = dw_calloc(dw_ruleset_count(rs) + 1, sizeof *named);
    int rc = name && named ? dw_matches_cut(m, m->partitions) : DW_ENOMEM;
    if (rc < 0) {
        dw_free(name);
        dw_free(named);
        return rc;
    }
    dw_free(m->name);
    dw_free(m->named);
    m->name = name;
    m->named = named;
    m->rs = rs;
    return DW_OK;
}

static bool has_news(const struct part *p)
{
    return p->news || p->records;
}

/* How many of the parts with news, from `from` on, go into a batch that has `len` bytes: one at least. *ret_end: behind the last. */
static uint32_t count_parts(const struct dw_matches *m, uint32_t from, size_t len, uint32_t *ret_end)
{
    uint32_t parts = 0, i = from;
    for (; i < m->count; i++) {
        if (!has_news(&m->part[i]))
            continue;
        len += m->part[i].bytes.len + PART_HEAD_MAX;
        if (parts && len > DW_MATCHES_MAX)
            break;
        parts++;
    }
    *ret_end = i;
    return parts;
}

/* Parts from `from` on, as many as go into one; *ret_end: behind them. */
static int cut_one(struct dw_matches *m, uint32_t from, uint32_t *ret_end)
{
    struct ready batch = {.count = 0};
    dw_buf_u32(&batch.bytes, MAGIC);
    dw_buf_varint(&batch.bytes, m->partitions);
    put_names(m, &batch.bytes);
    uint32_t parts = count_parts(m, from, batch.bytes.len, ret_end);
    batch.to = parts ? dw_calloc(parts, sizeof *batch.to) : NULL;
    int rc = parts == 0 ? DW_EAGAIN : batch.to ? DW_OK : DW_ENOMEM;
    dw_buf_varint(&batch.bytes, parts);
    for (uint32_t i = from; i < *ret_end && rc == DW_OK; i++) {
        if (!has_news(&m->part[i]))
            continue;
        batch.to[batch.count++] = m->part[i].to;
        put_part(&m->part[i], &batch.bytes);
    }
    if (rc == DW_OK)
        rc = batch.bytes.err ? batch.bytes.err : make_ready(m, &batch);
    if (rc < 0) {
        dw_buf_fini(&batch.bytes);
        dw_free(batch.to);
    }
    return rc;
}

int dw_matches_cut(struct dw_matches *m, uint32_t partitions)
{
    int rc = DW_OK;
    m->partitions = partitions;
    for (uint32_t from = 0; from < m->count && rc == DW_OK;)
        rc = cut_one(m, from, &from);
    for (uint32_t i = 0; i < m->names; i++)
        m->name[m->named[i]] = 0;
    m->names = 0;
    m->bytes = 0;
    return rc == DW_EAGAIN ? DW_OK : rc;
}

struct dw_str dw_matches_first(const struct dw_matches *m)
{
    return m->first < m->readies ? dw_buf_view(&m->ready[m->first].bytes) : DW_STR_NONE;
}

void dw_matches_sent(struct dw_matches *m)
{
    dw_buf_fini(&m->ready[m->first].bytes);
    dw_free(m->ready[m->first++].to);
}

static uint32_t name_of(struct dw_matches *m, uint32_t corr)
{
    if (m->name[corr] == 0) {
        m->named[m->names++] = corr;
        m->name[corr] = m->names;
        m->bytes += dw_ruleset_rule(m->rs, corr)->id.len + DW_SHA256_BYTES;
    }
    return m->name[corr] - 1;
}

bool dw__hands_out(const struct dw_matches *m)
{
    return m->at != NONE;
}

void dw__saw(struct dw_matches *m, int64_t time_ns)
{
    struct part *p = &m->part[m->at];
    p->last_ns = time_ns > p->last_ns ? time_ns : p->last_ns;
    p->news = true;
}

int dw__hand_out(struct dw_window *w, const struct dw__record *r)
{
    static const uint8_t none[DW__HASH_BYTES];
    struct dw_matches *m = w->out;
    struct part *p = &m->part[m->at];
    struct dw_buf *out = &p->bytes;
    size_t before = out->len;
    const bool has_value = memcmp(r->value, none, sizeof none) != 0, has_number = r->number != 0;
    if (r->text_len + r->value_len > RECORD_MAX - 4096) {
        DW__COUNT_IF(w, true, correlate_matches_refused);
        return DW_OK;
    }
    dw_buf_varint(out, p->to.next - p->from.next);
    dw_buf_varint(out, p->to.index);
    dw_buf_varint(out, name_of(m, r->corr));
    dw_buf_varint(out, r->member);
    dw_buf_u64(out, (uint64_t)r->time_ns);
    dw_buf_add(out, r->series, sizeof r->series);
    dw_buf_varint(out, r->ordinal);
    dw_buf_add(out, r->ref.stream, sizeof r->ref.stream);
    dw_buf_varint(out, r->ref.start);
    dw_buf_byte(out, (has_value ? HAS_VALUE : 0) | (has_number ? HAS_NUMBER : 0));
    if (has_value)
        dw_buf_add(out, r->value, sizeof r->value);
    if (has_number)
        dw_buf_double(out, r->number);
    dw_buf_counted(out, dw_str_make(r->text, r->text_len));
    dw_buf_counted(out, dw_str_make(r->text + r->text_len, r->value_len));
    p->records++;
    p->to.index++;
    m->bytes += out->len - before;
    return out->err ? out->err : m->bytes > FULL ? dw_matches_cut(m, m->partitions) : DW_OK;
}

/* ---- receiving ---- */

void dw_match_marks_fini(struct dw_match_marks *marks)
{
    dw_free(marks->item);
    *marks = (struct dw_match_marks){0};
}

/* That of a source, made where it is missing. NULL without memory. */
static struct dw_match_mark *mark_of(struct dw_match_marks *marks, uint64_t source)
{
    uint32_t at = 0;
    while (at < marks->count && marks->item[at].source < source)
        at++;
    if (at < marks->count && marks->item[at].source == source)
        return &marks->item[at];
    struct dw_match_mark *grown = dw_grow(marks->item, marks->count, &marks->cap, 8, sizeof *grown);
    if (!grown)
        return NULL;
    marks->item = grown;
    memmove(&marks->item[at + 1], &marks->item[at], (marks->count - at) * sizeof *marks->item);
    marks->count++;
    marks->item[at] = (struct dw_match_mark){.source = source, .low_ns = INT64_MIN};
    return &marks->item[at];
}

struct names {
    uint32_t *corr; /* by place in the batch; UINT32_MAX: not here */
    uint32_t count;
};

static int take_names(const struct dw_window *w, struct dw_cursor *c, struct names *ret)
{
    uint32_t count = dw_take_max(c, NAMES_MAX);
    if (c->bad || (size_t)count * (1 + DW_SHA256_BYTES) > dw_cursor_left(c))
        return DW_ECORRUPT;
    ret->corr = dw_calloc(count + 1, sizeof *ret->corr);
    if (!ret->corr)
        return DW_ENOMEM;
    for (uint32_t i = 0; i < count; i++) {
        struct dw_str id = dw_take_counted(c), hash = dw_take_bytes(c, DW_SHA256_BYTES);
        ret->corr[i] = c->bad ? UINT32_MAX : dw_ruleset_correlation(w->rs, id, hash.ptr);
    }
    ret->count = count;
    return c->bad ? DW_ECORRUPT : DW_OK;
}

static int push(struct dw_window *w, const struct dw__record *head, struct dw_str text, struct dw_str values)
{
    if (head->time_ns <= w->watermark_ns) {
        DW__COUNT_IF(w, true, correlate_events_late);
        dw__leave_out(w, head->corr, head->member, &head->ref, head->time_ns, DW_LEFT_LATE);
        return DW_OK;
    }
    struct dw__record *r = dw__record_new(head, text, values);
    return r ? dw__heap_push(w, r) : DW_ENOMEM;
}

/* One record. `w` NULL: it is only checked. */
static int take_record(struct dw_window *w, const struct dw_window *like, struct dw_cursor *c, const struct names *names, uint64_t from, const struct dw_match_mark *have,
    struct dw_match_mark *at)
{
    struct dw__record head = {.number = 0};
    uint64_t since = dw_take_varint(c), offset;
    uint32_t index = dw_take_max(c, UINT32_MAX);
    uint32_t name = dw_take_max(c, names->count ? names->count - 1 : 0);
    c->bad |= __builtin_add_overflow(from, since, &offset) || names->count == 0 || is_before(offset, index, at);
    at->next = offset;
    at->index = index + 1;
    head.member = dw_take_max(c, UINT32_MAX);
    head.time_ns = (int64_t)dw_take_u64(c);
    dw_take_into(c, head.series, sizeof head.series);
    head.ordinal = dw_take_varint(c);
    dw_take_into(c, head.ref.stream, sizeof head.ref.stream);
    head.ref.start = dw_take_varint(c);
    uint8_t flags = dw_take_byte(c);
    if (flags & HAS_VALUE)
        dw_take_into(c, head.value, sizeof head.value);
    if (flags & HAS_NUMBER)
        head.number = dw_take_double(c);
    struct dw_str text = dw_take_counted(c), values = dw_take_counted(c);
    if (c->bad || flags > (HAS_VALUE | HAS_NUMBER) || text.len + values.len > DW_MATCHES_MAX)
        return DW_ECORRUPT;
    head.corr = names->corr[name];
    if (head.corr != UINT32_MAX && !dw__record_fits(like, &head, values))
        return DW_ECORRUPT;
    if (!w || (have && is_before(offset, index, have)))
        return DW_OK;
    DW_COUNT_IF(head.corr == UINT32_MAX, correlate_matches_unknown);
    return head.corr == UINT32_MAX ? DW_OK : push(w, &head, text, values);
}

static int take_part(struct dw_window *w, const struct dw_window *like, struct dw_cursor *c, const struct names *names, struct dw_match_marks *marks)
{
    struct dw_match_mark to = {.source = dw_take_varint(c)}, at = {0};
    uint64_t from = dw_take_varint(c);
    at.next = from;
    at.index = dw_take_max(c, UINT32_MAX);
    to.next = dw_take_varint(c);
    to.index = dw_take_max(c, UINT32_MAX);
    to.low_ns = (int64_t)dw_take_u64(c);
    int64_t last_ns = (int64_t)dw_take_u64(c);
    uint8_t idle = dw_take_byte(c);
    uint64_t records = dw_take_varint(c);
    if (c->bad || idle > 1 || is_before(to.next, to.index, &at) || to.source >> 32 > KINDS_MAX || (uint32_t)to.source >= SOURCES_MAX)
        return DW_ECORRUPT;
    struct dw_match_mark *have = w ? mark_of(marks, to.source) : NULL;
    if (w && !have)
        return DW_ENOMEM;
    int rc = DW_OK;
    for (uint64_t i = 0; i < records && rc == DW_OK; i++)
        rc = take_record(w, like, c, names, from, have, &at);
    if (rc < 0 || is_before(to.next, to.index, &at))
        return rc < 0 ? rc : DW_ECORRUPT;
    if (!w)
        return DW_OK;
    if (is_before(to.next, to.index, have))
        return DW_OK; /* from somebody who went on where another had been */
    w->last_event_ns = last_ns > w->last_event_ns ? last_ns : w->last_event_ns;
    have->idle = idle;
    if (is_before(have->next, have->index, &to) || to.low_ns > have->low_ns) /* it goes back where an agent comes whom nobody waited for; at one place the one who knows more is right */
        have->low_ns = to.low_ns;
    have->next = to.next;
    have->index = to.index;
    return DW_OK;
}

static int take_batch(struct dw_window *w, const struct dw_window *like, struct dw_str batch, struct dw_match_marks *marks)
{
    struct dw_cursor c = dw_cursor_of(batch);
    struct names names = {.count = 0};
    if (dw_take_u32(&c) != MAGIC)
        return DW_ECORRUPT;
    uint32_t partitions = dw_take_max(&c, SOURCES_MAX);
    int rc = take_names(like, &c, &names);
    uint32_t parts = rc == DW_OK ? dw_take_max(&c, SOURCES_MAX) : 0;
    for (uint32_t i = 0; i < parts && rc == DW_OK; i++)
        rc = take_part(w, like, &c, &names, marks);
    dw_free(names.corr);
    if (rc == DW_OK && (c.bad || dw_cursor_left(&c)))
        rc = DW_ECORRUPT;
    if (rc == DW_OK && w && partitions > marks->partitions)
        marks->partitions = partitions;
    return rc;
}

int dw_window_take_matches(struct dw_window *w, struct dw_str batch, struct dw_match_marks *marks)
{
    int rc = dw_window_check_matches(w, batch);
    for (uint32_t i = 0; i < marks->count && rc == DW_OK; i++)
        marks->item[i].idle = false;
    return rc == DW_OK ? take_batch(w, w, batch, marks) : rc;
}

int dw_window_check_matches(const struct dw_window *w, struct dw_str batch)
{
    return take_batch(NULL, w, batch, NULL);
}

int64_t dw_match_marks_low(const struct dw_match_marks *marks, bool *ret_idle)
{
    int64_t low = INT64_MAX;
    *ret_idle = false;
    if (marks->count < marks->partitions || marks->partitions == 0)
        return INT64_MIN;
    for (uint32_t i = 0; i < marks->count; i++) {
        low = marks->item[i].low_ns < low ? marks->item[i].low_ns : low;
        *ret_idle = *ret_idle || marks->item[i].idle;
    }
    return low;
}

void dw_match_marks_save(const struct dw_match_marks *marks, struct dw_buf *out)
{
    dw_buf_varint(out, marks->partitions);
    dw_buf_varint(out, marks->count);
    for (uint32_t i = 0; i < marks->count; i++) {
        dw_buf_varint(out, marks->item[i].source);
        dw_buf_varint(out, marks->item[i].next);
        dw_buf_varint(out, marks->item[i].index);
        dw_buf_u64(out, (uint64_t)marks->item[i].low_ns);
    }
}

int dw_match_marks_load(struct dw_match_marks *marks, struct dw_cursor *c)
{
    marks->partitions = dw_take_max(c, SOURCES_MAX);
    uint32_t count = dw_take_max(c, (KINDS_MAX + 1) * SOURCES_MAX);
    for (uint32_t i = 0; i < count && !c->bad; i++) {
        uint64_t source = dw_take_varint(c);
        if (marks->count && source <= marks->item[marks->count - 1].source)
            return DW_ECORRUPT;
        struct dw_match_mark *mark = mark_of(marks, source);
        if (!mark)
            return DW_ENOMEM;
        mark->next = dw_take_varint(c);
        mark->index = dw_take_max(c, UINT32_MAX);
        mark->low_ns = (int64_t)dw_take_u64(c);
    }
    return c->bad ? DW_ECORRUPT : DW_OK;
}
